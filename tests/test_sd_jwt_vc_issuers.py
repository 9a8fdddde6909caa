"""Who issued an SD-JWT VC: certificates, DIDs that are keys, published keys, and which of them goes first."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from oid4vci import dids
from oid4vci._json import Malformed
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats import issuer_keys, sd_jwt
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.signed_jwt import verify_with
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.test_sd_jwt_vc import (
    CERTIFIED,
    ISSUER,
    JWK_1,
    NAMED_LEAF,
    PAYLOAD,
    SIGNER,
    TRUST,
    VCT,
    check,
    documents,
    signed,
    x5c,
)
from tests.test_x509 import ROOT, SUB

EVERYONE = Trust(Anchors.from_der(ROOT), allow=lambda url: True)
OPEN = SdJwtVcConfiguration(vct=VCT)


def did_of(signer: LocalSigner, method: str = "key") -> str:
    return dids.DID_METHODS[method].did(public_key(signer.public_jwk))


# --- DIDs -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["key", "jwk"])
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES256K", "EdDSA"])
def test_issuers_that_are_dids(method: str, algorithm: str) -> None:
    signer = LocalSigner.generate("did", algorithm)
    did = did_of(signer, method)
    url = dids.DID_METHODS[method].verification_method(did)
    for kid in (None, url, url.removeprefix(did)):
        credential = signed({**PAYLOAD, "iss": did}, signer=signer, kid=kid)
        # Nothing is fetched.
        verified = check(credential, configuration=OPEN, trust=Trust.of(did), documents={})
        assert verified.issuer == did
        for trust in (Trust(), Trust.of(did_of(SIGNER)), Trust.of("did:key:"), Trust.of("did")):
            with pytest.raises(Untrusted):
                check(credential, configuration=OPEN, trust=trust, documents={})
        with pytest.raises(InvalidCredential, match="x5c is missing"):
            check(credential, configuration=OPEN, trust=EVERYONE, verifier=SdJwtVcVerifier(haip=True))


def test_a_did_is_believed_for_its_own_key_only() -> None:
    did, other = did_of(SIGNER), did_of(CERTIFIED)
    for kid in (f"{other}#{other[8:]}", f"#{other[8:]}", "#0", "key-1", other, f"{did}#", f"{did}/x", f"{did}?x", "#", "##"):
        with pytest.raises(InvalidCredential):
            check(signed({**PAYLOAD, "iss": did}, kid=kid), trust=EVERYONE)
    with pytest.raises(InvalidCredential, match="does not verify"):
        check(signed({**PAYLOAD, "iss": other}, kid=None), trust=EVERYONE)
    # Without `iss` nobody says who the issuer is.
    anonymous = {name: value for name, value in PAYLOAD.items() if name != "iss"}
    with pytest.raises(InvalidCredential, match="iss"):
        check(signed(anonymous, kid=f"{did}#{did[8:]}"), trust=EVERYONE)


@pytest.mark.parametrize(
    "iss", ["did:", "did:key", "did:key:", "did:key:z", "did:key:x", "did:web:127.0.0.1", "did:example:1", "did:jwk:e30",
            "did:jwk:x", f"{did_of(SIGNER)}#{did_of(SIGNER)[8:]}", f"{did_of(SIGNER)}/", f"{did_of(SIGNER)} ", "DID:key:z6Mk"],
)  # fmt: skip
def test_dids_that_are_no_keys(iss: str) -> None:
    with pytest.raises(InvalidCredential):
        check(signed({**PAYLOAD, "iss": iss}, kid=None), trust=EVERYONE)


def test_a_did_in_a_certificate() -> None:
    """`x5c` goes first, and must then name the DID."""
    did = did_of(CERTIFIED)
    credential = signed({**PAYLOAD, "iss": did}, signer=CERTIFIED, kid=None, x5c=x5c(NAMED_LEAF, SUB))
    with pytest.raises(InvalidCredential, match="iss"):
        check(credential, trust=EVERYONE)
    assert check(signed({**PAYLOAD, "iss": did}, signer=CERTIFIED, kid=None), trust=EVERYONE)


# --- which goes first -------------------------------------------------------------------------------------------------------


def test_certificates_go_before_published_keys() -> None:
    """With both, an attacker must not choose: a chain that proves nothing is not made up for by what is published."""
    published = documents({**CERTIFIED.public_jwk, "kid": "certified"}, JWK_1)
    both: dict[str, Any] = {"signer": CERTIFIED, "kid": "certified"}
    good = signed(PAYLOAD, **both, x5c=x5c(NAMED_LEAF, SUB))
    assert check(good, documents=published)
    assert check(good, documents={})
    for chain in (x5c(NAMED_LEAF), []):
        with pytest.raises(InvalidCredential):
            check(signed(PAYLOAD, **both, x5c=chain), documents=published)
    with pytest.raises(Untrusted):
        check(good, documents=published, trust=Trust.of(ISSUER))
    # The chain's key, not the one of that `kid`.
    with pytest.raises(InvalidCredential, match="does not verify"):
        check(signed(PAYLOAD, x5c=x5c(NAMED_LEAF, SUB)), documents=published)


@pytest.mark.parametrize("kid", [1, "", [], {}, False])
def test_kid_is_a_string_wherever_the_key_comes_from(kid: Any) -> None:
    for signer, header in ((CERTIFIED, {"x5c": x5c(NAMED_LEAF, SUB)}), (SIGNER, {})):
        with pytest.raises(InvalidCredential):
            check(signed(PAYLOAD, signer=signer, **{**header, "kid": kid}))


def test_kid_with_certificates_is_not_needed() -> None:
    for kid in (None, "anything", "did:example:1#k"):
        assert check(signed(PAYLOAD, signer=CERTIFIED, kid=kid, x5c=x5c(NAMED_LEAF, SUB)), documents={})


# --- published credentials --------------------------------------------------------------------------------------------------


def test_published_credentials_by_dids_and_certificates(vectors: Path) -> None:
    """Of drafts, so under another `typ`: their keys, signatures and disclosures."""
    entries = json.loads((vectors / "sd-jwt-vc" / "vectors.json").read_text())["vectors"]
    seen = []
    for vector in entries:
        if vector["type"] != "sdjwt" or "jwk_from" not in vector:
            continue
        parsed = sd_jwt.parse(vector["compact"])
        header, payload = parsed.jws.header, parsed.payload()
        assert header["typ"] == "vc+sd-jwt"
        if "x5c" in header:
            anchors = Anchors.from_der(b64decode(header["x5c"][-1]))
            now = payload["iat"]
            key = issuer_keys.certified_key(header["x5c"], payload["iss"], trust=Trust(anchors), now=now)
            with pytest.raises(Malformed, match="iss"):
                issuer_keys.certified_key(header["x5c"], "https://example.de", trust=Trust(anchors), now=now)
        else:
            issuer = payload.get("iss", header["kid"].partition("#")[0])
            found = issuer_keys.did_keys(
                issuer, header["kid"], parsed.jws.algorithm, trust=Trust.of(issuer), documents={}, now=0
            )
            assert not isinstance(found, NeededDocument)
            (key,) = found
        assert key == public_key(vector["issuer_jwk"])
        if vector["expect"] == "valid":
            verify_with(parsed.jws, (key,), algorithms=(parsed.jws.algorithm,))
            assert sd_jwt.process(payload, parsed.disclosures)[0] == vector["processed_payload"]
        else:
            with pytest.raises(Malformed, match="does not verify"):
                verify_with(parsed.jws, (key,), algorithms=(parsed.jws.algorithm,))
        seen.append(vector["jwk_from"])
        with pytest.raises(InvalidCredential):
            check(vector["compact"], trust=EVERYONE, configuration=None, holder_keys=())
    assert sorted(found.strip() for found in seen) == ["did:jwk", "did:key", "did:key", "did:key", "did:key", "x5c[0]"]


def test_trust_in_published_keys_is_still_needed() -> None:
    credential = signed(PAYLOAD)
    assert check(credential, trust=TRUST)
    with pytest.raises(Untrusted):
        check(credential, trust=Trust.of(did_of(SIGNER)))


def test_did_methods_of_others() -> None:
    """An application resolves more of them, or fewer."""

    @frozen
    class Known:
        def did(self, key: PublicKey) -> str:
            return "did:example:issuer"

        def verification_method(self, did: str) -> str:
            return f"{did}#1"

        def key(self, url: dids.DidUrl) -> PublicKey:
            return public_key(SIGNER.public_jwk)

    credential = signed({**PAYLOAD, "iss": "did:example:issuer"}, kid="#1")
    verifier = SdJwtVcVerifier(did_methods={"example": Known()})
    assert check(credential, trust=EVERYONE, verifier=verifier).issuer == "did:example:issuer"
    with pytest.raises(Untrusted):
        check(credential, trust=Trust(), verifier=verifier)
    did = did_of(SIGNER)
    with pytest.raises(InvalidCredential, match="not supported"):
        check(signed({**PAYLOAD, "iss": did}, kid=None), trust=EVERYONE, verifier=verifier)
