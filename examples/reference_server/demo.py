"""What the server offers when no file says otherwise: a configuration of each format, and two people who do not exist."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ("CONFIGURATIONS", "SUBJECTS", "USERS")

ALGORITHMS: Final = ["ES256", "ES384", "ES512", "EdDSA"]
CRYPTOSUITES: Final = ["ecdsa-rdfc-2019", "eddsa-rdfc-2022", "ecdsa-jcs-2019", "eddsa-jcs-2022"]


def _configuration(
    scope: str, name: str, description: str, claims: Mapping[str, str], *, within: Sequence[str] = (), **members: Any
) -> dict[str, Any]:
    """`claims` by name, with what they are called; `within`: where in the credential they stand."""
    return {
        "scope": scope,
        "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": ["ES256"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ALGORITHMS}},
        "credential_metadata": {
            "display": [{"name": name, "locale": "en", "description": description}],
            "claims": [
                {"path": [*within, claim], "display": [{"name": label, "locale": "en"}]} for claim, label in claims.items()
            ],
        },
        **members,
    }


# Keys can be named by DIDs that are keys as well; the first is for those that are not.
DIDS: Final = ["jwk", "did:key", "did:jwk"]
DEGREE: Final = {"degree": "Degree", "name": "Name"}


CONFIGURATIONS: Final[Mapping[str, Any]] = {
    "identity_x5c": {
        "key_resolution": "x5c",
        "metadata": _configuration(
            "identity_x5c",
            "Identity",
            "A demonstration credential whose issuer has a certificate",
            {"given_name": "Given name", "family_name": "Family name", "birthdate": "Date of birth", "address": "Address"},
            format="dc+sd-jwt",
            vct="https://credentials.example.com/identity",
        ),
    },
    "membership_jwt_vc_issuer": {
        "key_resolution": "jwt-vc-issuer",
        "metadata": _configuration(
            "membership_jwt_vc_issuer",
            "Membership",
            "A demonstration credential whose issuer publishes its keys",
            {"member_number": "Member number", "level": "Level", "since": "Member since"},
            format="dc+sd-jwt",
            vct="https://credentials.example.com/membership",
        ),
    },
    "driving_licence_mdoc": {
        "key_resolution": "x5c",
        "metadata": _configuration(
            "driving_licence_mdoc",
            "Driving licence",
            "A demonstration mobile driving licence",
            {"given_name": "Given name", "family_name": "Family name", "birth_date": "Date of birth", "portrait": "Portrait"},
            within=("org.iso.18013.5.1",),
            format="mso_mdoc",
            doctype="org.iso.18013.5.1.mDL",
            # Fully specified: ES256 is for P-256 (OID4VCI A.2.2).
            credential_signing_alg_values_supported=[-9, -7],
            cryptographic_binding_methods_supported=["cose_key", "jwk"],
        ),
    },
    "degree_jwt": {
        "key_resolution": "jwt-vc-issuer",
        "metadata": _configuration(
            "degree_jwt",
            "Degree",
            "A demonstration degree as a JWT",
            DEGREE,
            within=("credentialSubject",),
            format="jwt_vc_json",
            credential_definition={"type": ["VerifiableCredential", "ExampleDegreeCredential"]},
            cryptographic_binding_methods_supported=DIDS,
        ),
    },
    "degree_ldp": {
        "key_resolution": "controlled-identifier",
        "metadata": _configuration(
            "degree_ldp",
            "Degree",
            "A demonstration degree with a Data Integrity proof",
            # Terms of the base context: wallets know no other one without asking for it.
            {"name": "Name", "description": "Degree"},
            within=("credentialSubject",),
            format="ldp_vc",
            credential_definition={
                "@context": ["https://www.w3.org/ns/credentials/v2"],
                "type": ["VerifiableCredential"],
            },
            credential_signing_alg_values_supported=["ecdsa-rdfc-2019"],
            cryptographic_binding_methods_supported=DIDS,
            proof_types_supported={
                "jwt": {"proof_signing_alg_values_supported": ALGORITHMS},
                "di_vp": {"proof_signing_alg_values_supported": CRYPTOSUITES},
            },
        ),
    },
}

PORTRAIT: Final = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/wAALCAAgABgB"
    "AREA/8QAGAABAQADAAAAAAAAAAAAAAAABAUBAgP/xAAiEAEAAgICAgEFAAAAAAAAAAABAhEABAMhEjETIjJBUvH/2gAIAQEAAD8AqYeW9wk/H6nuvIOsQIgjY5iYy45EWlEH"
    "IqIolJlfWjKOvAn7rNdnYOCF1cn0YB2ZvJ51C7v7T+43V2fnuMipnfXpMHvK7Uh/ABh8666x2ONP2DP/2Q=="
)
"""A JPEG of 24 by 32 points, in base64: the outline of a person."""


def _driving_licence(given_name: str, family_name: str, birth_date: str, number: str) -> dict[str, Any]:
    issued, expires = {"full-date": "2026-01-01"}, {"full-date": "2036-01-01"}
    return {
        "org.iso.18013.5.1": {
            "given_name": given_name,
            "family_name": family_name,
            "birth_date": {"full-date": birth_date},
            "issue_date": issued,
            "expiry_date": expires,
            "issuing_country": "UT",
            "issuing_authority": "Demonstration authority",
            "document_number": number,
            "portrait": {"bytes": PORTRAIT},
            "driving_privileges": [{"vehicle_category_code": "B", "issue_date": issued, "expiry_date": expires}],
            "un_distinguishing_sign": "UTO",
            "age_over_18": True,
        }
    }


def _degree(name: str, *, called: str = "degree") -> dict[str, Any]:
    return {"credentialSubject": {"name": name, called: "Bachelor of Examples"}}


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
        "driving_licence_mdoc": _driving_licence("Ada", "Beispiel", "1992-02-29", "D-0001"),
        "degree_jwt": _degree("Ada Beispiel"),
        "degree_ldp": _degree("Ada Beispiel", called="description"),
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
        "driving_licence_mdoc": _driving_licence("Max", "Placeholder", "1985-07-31", "D-0002"),
        "degree_jwt": _degree("Max Placeholder"),
        "degree_ldp": _degree("Max Placeholder", called="description"),
    },
}

# The password of each is the name.
USERS: Final[Mapping[str, Any]] = {
    "ada": {"password_hash": "scrypt$16384$8$1$SdL9Iymme4MFW7pffu17vA$bzsV19h7dbWlqLecA0UaxA4_MIbHi67ZLfK45-a22Ko"},
    "max": {"password_hash": "scrypt$16384$8$1$RuBzbrq3evrx3LErmWeCYg$ou54t7OvSgJfqk1YHQtPBfNC3fQ93ZB8Le4lOiiZrik"},
}
