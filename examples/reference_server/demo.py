"""What the server offers when no file says otherwise: two configurations, and two people who do not exist."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ("CONFIGURATIONS", "SUBJECTS", "USERS")

ALGORITHMS: Final = ["ES256", "ES384", "ES512", "EdDSA"]


def _configuration(vct: str, scope: str, name: str, description: str, claims: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": "dc+sd-jwt",
        "vct": vct,
        "scope": scope,
        "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": ["ES256"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ALGORITHMS}},
        "credential_metadata": {
            "display": [{"name": name, "locale": "en", "description": description}],
            "claims": [{"path": [claim], "display": [{"name": label, "locale": "en"}]} for claim, label in claims.items()],
        },
    }


CONFIGURATIONS: Final[Mapping[str, Any]] = {
    "identity_x5c": {
        "key_resolution": "x5c",
        "metadata": _configuration(
            "https://credentials.example.com/identity",
            "identity_x5c",
            "Identity",
            "A demonstration credential whose issuer has a certificate",
            {"given_name": "Given name", "family_name": "Family name", "birthdate": "Date of birth", "address": "Address"},
        ),
    },
    "membership_jwt_vc_issuer": {
        "key_resolution": "jwt-vc-issuer",
        "metadata": _configuration(
            "https://credentials.example.com/membership",
            "membership_jwt_vc_issuer",
            "Membership",
            "A demonstration credential whose issuer publishes its keys",
            {"member_number": "Member number", "level": "Level", "since": "Member since"},
        ),
    },
}

SUBJECTS: Final[Mapping[str, Any]] = {
    "ada": {
        "identity_x5c": {
            "given_name": "Ada",
            "family_name": "Beispiel",
            "birthdate": "1992-02-29",
            "address": {"locality": "Musterstadt", "country": "UT"},
            "nationalities": ["UT"],
        },
        "membership_jwt_vc_issuer": {"member_number": "M-0001", "level": "gold", "since": "2020-01-01"},
    },
    "max": {
        "identity_x5c": {
            "given_name": "Max",
            "family_name": "Placeholder",
            "birthdate": "1985-07-31",
            "address": {"locality": "Nowhere", "country": "UT"},
            "nationalities": ["UT"],
        },
        "membership_jwt_vc_issuer": {"member_number": "M-0002", "level": "silver", "since": "2023-06-01"},
    },
}

# The password of each is the name.
USERS: Final[Mapping[str, Any]] = {
    "ada": {"password_hash": "scrypt$16384$8$1$SdL9Iymme4MFW7pffu17vA$bzsV19h7dbWlqLecA0UaxA4_MIbHi67ZLfK45-a22Ko"},
    "max": {"password_hash": "scrypt$16384$8$1$RuBzbrq3evrx3LErmWeCYg$ou54t7OvSgJfqk1YHQtPBfNC3fQ93ZB8Le4lOiiZrik"},
}
