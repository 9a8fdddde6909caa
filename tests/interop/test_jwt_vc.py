"""W3C credentials as JWTs: those of `did-jwt-vc` and `jose` are believed here, and those that are made here there."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from oid4vci._json import b64url_encode
from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidCredential
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.formats.vc_jwt import VcJwtEncoder, VcJwtVerifier
from oid4vci.keys import LocalSigner, public_key
from oid4vci.trust import Trust
from tests.interop.node import Node
from tests.w3c_credentials import CLAIMS, CONFIGURATIONS, HOLDERS, ISSUER, TYPES, V1, V2, issue

pytestmark = pytest.mark.interop

ALGORITHMS = ("ES256", "EdDSA")
CASES = [(method, algorithm) for method in DID_METHODS for algorithm in ALGORITHMS]


class Party:
    """An issuer that is a DID, with a private key that both sides get."""

    def __init__(self, method: str, algorithm: str) -> None:
        self.signer = LocalSigner.generate("x", algorithm)
        self.algorithm = algorithm
        self.did = DID_METHODS[method].did(public_key(self.signer.public_jwk))
        self.kid = DID_METHODS[method].verification_method(self.did)

    @property
    def private_jwk(self) -> dict[str, str]:
        key: Any = self.signer._private_key
        if self.algorithm == "EdDSA":
            return {**self.signer.public_jwk, "d": b64url_encode(key.private_bytes_raw())}
        return {**self.signer.public_jwk, "d": b64url_encode(key.private_numbers().private_value.to_bytes(32, "big"))}

    def public(self) -> dict[str, Any]:
        return {"did": self.did, "kid": self.kid, "alg": self.algorithm, "jwk": dict(self.signer.public_jwk)}


def checked(verifier: Any, credential: str, party: Party, now: int) -> VerifiedCredential:
    promised = evolve(CONFIGURATIONS[verifier.format], credential_signing_alg_values_supported=(party.algorithm,))
    result = verifier.verify(
        credential, configuration=promised, trust=Trust.of(party.did), holder_keys=HOLDERS, documents={}, now=now
    )
    assert isinstance(result, VerifiedCredential)
    return result


@pytest.mark.parametrize(("method", "algorithm"), CASES)
def test_theirs(node: Node, method: str, algorithm: str) -> None:
    party, now = Party(method, algorithm), int(time.time())
    subject = DID_METHODS["key"].did(HOLDERS[0])
    claims = {"id": subject, **CLAIMS["credentialSubject"]}
    credential = {
        "@context": [V1],
        "id": "https://example.com/1",
        "type": list(TYPES),
        "issuer": party.did,
        "issuanceDate": "2025-01-01T00:00:00Z",
        "credentialSubject": claims,
    }
    bare = {"@context": [V1], "type": list(TYPES), "credentialSubject": CLAIMS["credentialSubject"]}
    jwt = {"iss": party.did, "nbf": now, "sub": subject, "vc": bare}
    w3c = {"@context": [V2], "type": list(TYPES), "issuer": party.did, "credentialSubject": claims}
    given = {**party.public(), "jwk": party.private_jwk, "credential": credential, "jwt": jwt, "w3c": w3c}
    made = node.run("jwt_vc.mjs", {"make": given})["made"]
    verified = {name: checked(JwtVcVerifier(), made[name], party, now) for name in ("moved", "both", "claims")}
    # However they spread it over the claims, it is the same credential.
    assert verified["both"].claims == verified["moved"].claims == credential
    assert verified["claims"].claims["credentialSubject"] == claims
    assert verified["claims"].issued_at == now
    verified["vc+jwt"] = checked(VcJwtVerifier(), made["vc+jwt"], party, now)
    assert verified["vc+jwt"].claims == w3c
    for one in verified.values():
        assert one.holder_key == HOLDERS[0]
        assert one.issuer == party.did
    with pytest.raises(InvalidCredential):
        checked(JwtVcVerifier(), made["vc+jwt"], party, now)
    with pytest.raises(InvalidCredential):
        checked(VcJwtVerifier(), made["both"], party, now)


def ours(party: Party, now: int, binding: str) -> Mapping[str, Any]:
    encoders = {
        "jwt_vc_json": JwtVcEncoder(signer=party.signer, issuer=party.did, binding=binding, new_ids=True),
        "jwt_vc_json-ld": JwtVcEncoder(signer=party.signer, issuer=party.did, binding=binding, format="jwt_vc_json-ld"),
        "vc+jwt": VcJwtEncoder(signer=party.signer, issuer=party.did, binding=binding),
    }
    made = {}
    for name, encoder in encoders.items():
        promised = evolve(CONFIGURATIONS[name], credential_signing_alg_values_supported=(party.algorithm,))
        made[name] = issue(encoder, configuration=promised, now=now, issuer=ISSUER)[0]
    return made


@pytest.mark.parametrize(("method", "algorithm"), CASES)
def test_ours(node: Node, method: str, algorithm: str) -> None:
    party, other, now = Party(method, algorithm), Party(method, algorithm), int(time.time())
    asked: dict[str, Any] = {}
    for binding in ("cnf", "did:key", "did:jwk"):
        for name, credential in ours(party, now, binding).items():
            asked[f"{name} {binding}"] = {"format": name, "credential": credential, **party.public()}
            # Under another key it is not theirs.
            wrong = {**party.public(), "jwk": dict(other.signer.public_jwk)}
            asked[f"wrong {name} {binding}"] = {"format": name, "credential": credential, **wrong}
    answer = node.run("jwt_vc.mjs", {"verify": asked})
    assert answer.keys() == asked.keys()
    for name, said in answer.items():
        assert ("ok" in said) == (not name.startswith("wrong")), (name, said)
        if "ok" not in said:
            continue
        credential = said["ok"] if name.startswith("vc+jwt") else said["ok"]["credential"]
        subject = {member: value for member, value in credential["credentialSubject"].items() if member != "id"}
        assert subject == CLAIMS["credentialSubject"]
        assert credential["type"] == list(TYPES)
        assert credential["issuer"] in (party.did, {"id": party.did})
