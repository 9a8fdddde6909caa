"""What tests of W3C credentials share: an issuer, holders, configurations, and credentials by an issuer that may do anything."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from oid4vci import _jose
from oid4vci._json import b64url_decode, dump_bytes
from oid4vci.dids import DID_METHODS
from oid4vci.formats.credential_format import CredentialVerifier, VerifiedCredential
from oid4vci.formats.vc_jwt import VcJwtConfiguration
from oid4vci.formats.vc_sd_jwt import VcSdJwtConfiguration
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.metadata import CredentialConfiguration, CredentialDefinition, JwtVcJsonConfiguration, JwtVcJsonLdConfiguration
from oid4vci.secret import new_secret
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.test_x509 import NOW, ROOT

DAY = 86_400
ISSUER = "https://issuer.example.com/tenant"
METADATA = "https://issuer.example.com/.well-known/jwt-vc-issuer/tenant"
V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
EXAMPLES = "https://www.w3.org/2018/credentials/examples/v1"
TYPES = ("VerifiableCredential", "UniversityDegreeCredential")

SIGNER = LocalSigner.generate("issuer-1")
KEY = public_key(SIGNER.public_jwk)
DID_KEY, DID_JWK = DID_METHODS["key"].did(KEY), DID_METHODS["jwk"].did(KEY)
OTHER = LocalSigner.generate("other")
HOLDERS = tuple(public_key(LocalSigner.generate(f"holder-{i}").public_jwk) for i in range(3))
TRUST = Trust(Anchors.from_der(ROOT), allow={ISSUER, DID_KEY, DID_JWK}.__contains__)

CONFIGURATIONS: dict[str, CredentialConfiguration] = {
    "jwt_vc_json": JwtVcJsonConfiguration(
        credential_definition=CredentialDefinition(type=TYPES), credential_signing_alg_values_supported=("ES256",)
    ),
    "jwt_vc_json-ld": JwtVcJsonLdConfiguration(
        credential_definition=CredentialDefinition(context=(V1, EXAMPLES), type=TYPES),
        credential_signing_alg_values_supported=("ES256",),
    ),
    "vc+jwt": VcJwtConfiguration(
        credential_definition=CredentialDefinition(context=(V2,), type=TYPES),
        credential_signing_alg_values_supported=("ES256",),
    ),
    "vc+sd-jwt": VcSdJwtConfiguration(
        credential_definition=CredentialDefinition(context=(V2,), type=TYPES),
        credential_signing_alg_values_supported=("ES256",),
    ),
}
CLAIMS: dict[str, Any] = {
    "credentialSubject": {"given_name": "Erika", "degree": {"type": "BachelorDegree", "name": "Künste"}, "years": [3, 4]},
    "name": "Degree",
}


def documents(*keys: Mapping[str, Any]) -> dict[str, bytes]:
    jwks = {"keys": [dict(key) for key in keys or ({**SIGNER.public_jwk, "kid": "issuer-1"},)]}
    return {METADATA: dump_bytes({"issuer": ISSUER, "jwks": jwks})}


def issue(
    encoder: Any, claims: Mapping[str, Any] = CLAIMS, keys: Sequence[PublicKey] = HOLDERS[:1], **more: Any
) -> tuple[str, ...]:
    arguments: dict[str, Any] = {
        "configuration": CONFIGURATIONS.get(encoder.format), "issuer": ISSUER, "now": NOW, "new_secret": new_secret, **more,
    }  # fmt: skip
    made: tuple[str, ...] = encoder.draft(claims, holder_keys=keys, **arguments).finish()
    return made


def check(verifier: Any, credential: Any, **more: Any) -> VerifiedCredential:
    checking: CredentialVerifier = verifier
    arguments: dict[str, Any] = {
        "configuration": CONFIGURATIONS.get(verifier.format), "trust": TRUST, "holder_keys": HOLDERS, "documents": documents(),
        "now": NOW, **more,
    }  # fmt: skip
    verified = checking.verify(credential, **arguments)
    assert isinstance(verified, VerifiedCredential)
    return verified


def opened(credential: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload, which nobody has verified."""
    header, payload, _ = credential.partition("~")[0].split(".")
    return json.loads(b64url_decode(header)), json.loads(b64url_decode(payload))


def signed(payload: Any, *disclosures: str, signer: LocalSigner = SIGNER, **header: Any) -> str:
    """A JWT by an issuer that may do anything; with disclosures, of which "" is none, an SD-JWT.

    A header member of None is left out.
    """
    members = {"alg": signer.algorithm, "typ": "JWT", "kid": signer.key_id, **header}
    raw = payload if isinstance(payload, bytes) else dump_bytes(payload)
    data = _jose.signing_input({name: value for name, value in members.items() if value is not None}, raw)
    compact = _jose.compact(data, signer.sign(data))
    return "~".join((compact, *(each for each in disclosures if each), "")) if disclosures else compact
