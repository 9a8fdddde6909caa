"""Published W3C credentials in JOSE: the W3C's test suite, the examples of the specifications, what other issuers have made."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from oid4vci._json import dump_bytes
from oid4vci.dids import resolve
from oid4vci.errors import InvalidCredential
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.jwt_vc import JwtVcVerifier
from oid4vci.formats.vc_jwt import VcJwtVerifier
from oid4vci.formats.vc_sd_jwt import VcSdJwtVerifier
from oid4vci.metadata import JwtVcJsonConfiguration
from oid4vci.trust import Trust
from tests.w3c_credentials import opened

SUITE_ISSUER = "https://example.issuer/vc-jose-cose"
SUITE_METADATA = "https://example.issuer/.well-known/jwt-vc-issuer/vc-jose-cose"


def found(vectors: Path) -> dict[str, dict[str, Any]]:
    loaded = json.loads((vectors / "vc-jwt" / "vectors.json").read_text())["vectors"]
    return {vector["id"]: vector for vector in loaded}


def verified(verifier: Any, credential: str, *, now: int, keys: Mapping[str, bytes] | None = None) -> VerifiedCredential:
    """Checked by a Wallet that trusts everybody, so that what remains is what the credential itself says."""
    result = verifier.verify(
        credential,
        configuration=None,
        trust=Trust(allow=lambda identifier: True),
        holder_keys=(),
        documents=keys or {},
        now=now,
    )
    assert isinstance(result, VerifiedCredential)
    return result


@pytest.mark.parametrize("verifier", [VcJwtVerifier(), VcSdJwtVerifier(), JwtVcVerifier()])
def test_the_test_suite_of_vc_jose_cose(vectors: Path, verifier: Any) -> None:
    suite = [vector for name, vector in found(vectors).items() if name.startswith("vjc-") and vector["type"] != "cose-sign1"]
    assert len(suite) == 12
    wanted = {"vc+jwt": "credential-jose credential-issuer", "vc+sd-jwt": "credential-sdjwt", "jwt_vc_json": "nothing"}
    accepted = 0
    for vector in suite:
        jwk = vector["jwk"] if "jwk" in vector else vector["issuer_jwk"]
        keys = {SUITE_METADATA: dump_bytes({"issuer": SUITE_ISSUER, "jwks": {"keys": [jwk]}})}
        succeeds = all(test["result"] == "success" for test in vector["suite_expected"])
        # A presentation, or a credential secured otherwise, is none of this format, however good it is.
        mine = any(part in vector["id"] for part in wanted[verifier.format].split())
        if succeeds and mine:
            result = verified(verifier, vector["compact"], now=1_800_000_000, keys=keys)
            assert result.claims == (vector.get("processed_payload") or vector["payload_json"])
            assert result.issuer == SUITE_ISSUER
            accepted += 1
        else:
            with pytest.raises(InvalidCredential):
                verified(verifier, vector["compact"], now=1_800_000_000, keys=keys)
    assert accepted == {"vc+jwt": 2, "vc+sd-jwt": 1, "jwt_vc_json": 0}[verifier.format]


@pytest.mark.parametrize(
    ("name", "now", "expires_at"),
    [
        ("vc-credo-ts-11", 1_705_841_146, None),
        ("vc-credo-ts-25", 1_705_841_146, None),
        ("vc-waltid-ide-35", 1_760_941_378, 1_792_477_378),
        ("vc-waltid-ide-42", 1_752_648_201, 1_784_184_201),
    ],
)
def test_credentials_of_other_issuers(vectors: Path, name: str, now: int, expires_at: int | None) -> None:
    vector = found(vectors)[name]
    result = verified(JwtVcVerifier(), vector["compact"], now=now)
    payload = vector["payload_json"]
    assert result.issuer == payload["iss"]
    assert result.expires_at == expires_at
    assert result.holder_key is not None
    # Nothing that the credential says is lost or changed, and what only the claims say is there.
    for member, value in payload["vc"].items():
        if member not in ("issuer", "credentialSubject"):
            assert result.claims[member] == value
    assert result.claims["credentialSubject"] == {**payload["vc"]["credentialSubject"], "id": payload["sub"]}
    if expires_at is not None:
        with pytest.raises(InvalidCredential, match="past"):
            verified(JwtVcVerifier(), vector["compact"], now=expires_at + 60)


def test_a_credential_of_another_issuer_in_vc_jwt(vectors: Path) -> None:
    vector = found(vectors)["vc-credo-ts-15"]
    result = verified(VcJwtVerifier(), vector["compact"], now=1_705_841_146)
    assert result.claims == vector["payload_json"]
    assert result.issued_at == vector["payload_json"]["iat"]
    # Its `cnf` has a `kid`, a DID URL of the subject's key.
    assert result.holder_key == resolve(vector["payload_json"]["cnf"]["kid"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("vc-waltid-ide-36", "base64url"),
        # "#0 is the only valid value", says did:jwk; and by the credential's context it is none of VCDM 1.1.
        ("vc-waltid-ide-83", "context"),
        # RSA keys are for the tokens of servers elsewhere; the keys are not published either.
        ("vcdm1.1-jwt-1", "alg"),
        ("vcdm1.1-jwt-2", "alg"),
    ],
)
def test_published_credentials_that_are_refused(vectors: Path, name: str, reason: str) -> None:
    vector = found(vectors)[name]
    with pytest.raises(InvalidCredential, match=reason):
        verified(JwtVcVerifier(), vector["compact"], now=1_753_000_000 if "83" in name else 1_760_941_378)


def test_every_published_credential_is_tested(vectors: Path) -> None:
    assert len([vector for vector in found(vectors).values() if vector["type"] != "cose-sign1"]) == 21
    # COSE is not a format of this library.
    for vector in found(vectors).values():
        if vector["type"] == "cose-sign1":
            for verifier in (VcJwtVerifier(), VcSdJwtVerifier(), JwtVcVerifier()):
                with pytest.raises(InvalidCredential):
                    verified(verifier, vector["hex"], now=1_800_000_000)


def unbroken(path: Path) -> Any:
    """The JSON of an example whose values have line breaks for display."""
    text = path.read_text()
    return json.loads(re.sub(r"(?<=[\w.-])\n +(?=[\w.-])", "", text[text.index("{") :]))


@pytest.mark.spec("VCI-A.1.1.1-01", "VCI-A.1.1.2-02", "VCI-A.1.1.4-01", "VCI-A.1.1.4-02")
def test_the_example_of_the_specification(spec_folder: Path) -> None:
    examples = spec_folder / "examples-1.0"
    response, jwks = unbroken(examples / "credential_response_jwt_vc_json.txt"), unbroken(examples / "issuer_jwks.json")
    credential = response["credentials"][0]["credential"]
    issuer = "https://credential-issuer.example.com"
    metadata = json.loads((examples / "credential_metadata_jwt_vc_json.json").read_text())
    (described,) = metadata["credential_configurations_supported"].values()
    configuration = JwtVcJsonConfiguration.from_json(described)
    result = JwtVcVerifier().verify(
        credential,
        configuration=configuration,
        trust=Trust.of(issuer),
        holder_keys=(),
        # "the dereferenced document for the Issuer HTTP URL identifier"
        documents={f"{issuer}/.well-known/jwt-vc-issuer": b"", issuer: dump_bytes(jwks)},
        now=1_735_689_600,
    )
    assert isinstance(result, VerifiedCredential)
    assert result.issuer == issuer
    assert result.credential == credential
    assert result.claims == opened(credential)[1]["vc"]
    assert result.holder_key is not None
    assert result.select(("credentialSubject", "degree", "type"))[0][1] == "BachelorDegree"
