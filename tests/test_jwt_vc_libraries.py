"""W3C credentials in JOSE against other Python libraries, in both directions: joserfc, jwcrypto, and sd-jwt for `vc+sd-jwt`."""

import json
from typing import Any

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import JWKRegistry
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]
from sd_jwt.common import SDObj  # type: ignore[import-untyped]
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from oid4vci._json import b64url_encode, dumps
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.formats.vc_jwt import VcJwtEncoder, VcJwtVerifier
from oid4vci.formats.vc_sd_jwt import VcSdJwtEncoder, VcSdJwtVerifier
from tests import test_jwt_vc_refused, test_vc_jose_refused
from tests.w3c_credentials import CLAIMS, HOLDERS, SIGNER, check, issue, opened

PRIVATE: Any = SIGNER._private_key
PUBLIC_JWK: dict[str, Any] = dict(SIGNER.public_jwk)
PRIVATE_JWK: dict[str, Any] = {
    **SIGNER.public_jwk,
    "d": b64url_encode(PRIVATE.private_numbers().private_value.to_bytes(32, "big")),
}
CASES = [
    (JwtVcEncoder(signer=SIGNER), JwtVcVerifier(), test_jwt_vc_refused.PAYLOAD, {"typ": "JWT"}),
    (VcJwtEncoder(signer=SIGNER), VcJwtVerifier(), test_vc_jose_refused.PAYLOAD, {"typ": "vc+jwt", "cty": "vc"}),
]
each_case = pytest.mark.parametrize(("encoder", "verifier", "payload", "header"), CASES, ids=["jwt_vc_json", "vc+jwt"])


@each_case
def test_ours_there(encoder: Any, verifier: Any, payload: dict[str, Any], header: dict[str, str]) -> None:
    (credential,) = issue(encoder)
    token = joserfc_jwt.decode(credential, JWKRegistry.import_key(PUBLIC_JWK), algorithms=["ES256"])
    assert token.claims == opened(credential)[1]
    assert token.header.items() >= header.items()
    jws = JWS()
    jws.deserialize(credential, JWK(**SIGNER.public_jwk))
    assert json.loads(jws.payload) == token.claims


@each_case
def test_theirs_here(encoder: Any, verifier: Any, payload: dict[str, Any], header: dict[str, str]) -> None:
    full = {"alg": "ES256", "kid": "issuer-1", **header}
    theirs = joserfc_jwt.encode(full, payload, JWKRegistry.import_key(PRIVATE_JWK), algorithms=["ES256"])
    jws = JWS(dumps(payload).encode())
    jws.add_signature(JWK(**PRIVATE_JWK), None, dumps(full))
    for credential in (theirs, jws.serialize(compact=True)):
        verified = check(verifier, credential)
        assert verified.claims == payload.get("vc", payload)
        assert verified.holder_key == HOLDERS[0]


@pytest.mark.parametrize("binding", ["cnf", "did:jwk"])
def test_our_sd_jwt_there(binding: str) -> None:
    (credential,) = issue(VcSdJwtEncoder(signer=SIGNER, disclosable="every claim", decoys=1, binding=binding))
    payload = SDJWTVerifier(credential, lambda issuer, header: JWK(**SIGNER.public_jwk), None, None).get_verified_payload()
    assert {**payload["credentialSubject"], "id": 1} == {**CLAIMS["credentialSubject"], "id": 1}
    assert payload == check(VcSdJwtVerifier(), credential).claims


def test_their_sd_jwt_here() -> None:
    class Issuer(SDJWTIssuer):  # type: ignore[misc]
        SD_JWT_HEADER = "vc+sd-jwt"

    payload = test_vc_jose_refused.PAYLOAD
    subject = {"id": payload["credentialSubject"]["id"], SDObj("name"): "Erika", "degree": {SDObj("type"): "BachelorDegree"}}
    made = Issuer(
        {**payload, "credentialSubject": subject}, JWK(**PRIVATE_JWK), extra_header_parameters={"kid": "issuer-1", "cty": "vc"}
    )
    verified = check(VcSdJwtVerifier(), made.sd_jwt_issuance)
    assert verified.claims["credentialSubject"] == {**payload["credentialSubject"], "degree": {"type": "BachelorDegree"}}
    assert {one.path for one in verified.disclosures} == {
        ("credentialSubject", "name"),
        ("credentialSubject", "degree", "type"),
    }
    assert verified.holder_key == HOLDERS[0]
