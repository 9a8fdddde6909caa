"""Signed metadata as others publish, make and verify them: published vectors, joserfc, jwcrypto (OID4VCI 12.2.3)."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws as joserfc_jws
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jws as jwcrypto_jws

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.errors import Untrusted
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import MetadataSigner, SignedMetadata
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors, leaf_public_key, load
from tests.issuance import IDENTIFIER, issuer_metadata
from tests.scripted_server import metadata
from tests.signed_metadata import CHAIN, CLAIMS, HEADER, ISSUER, KEY, NOW, SIGNER, SIGNING, TYPE, trusting
from tests.test_proofs_jwt_libraries import ROOMY, jwcrypto_token

THEIRS = "https://credential-issuer.example.com"


def verified(token: str, trust: Trust, *, issuer: str = ISSUER, now: int = NOW) -> SignedMetadata:
    return SignedMetadata.verify(token, credential_issuer=issuer, trust=trust, now=now)


def published(vectors: Path) -> list[dict[str, Any]]:
    found = json.loads((vectors / "signed-metadata" / "vectors.json").read_text())["vectors"]
    assert isinstance(found, list)
    return found


def certified(vector: dict[str, Any]) -> tuple[bytes, ...]:
    return tuple(b64decode(each) for each in vector["jose_header"]["x5c"])


# --- published ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.3-04", "VCI-12.2.3-05", "VCI-12.2.3-09", "HAIP-7-04")
def test_metadata_of_another_issuer_verify(vectors: Path) -> None:
    for vector in published(vectors):
        payload = vector["payload_json"]
        key = public_key(vector["jwk"])
        trust = Trust(metadata_keys={THEIRS: (key,)})
        if "credential_issuer" not in payload:
            # One has nothing that metadata must have.
            with pytest.raises(Malformed, match="credential_issuer"):
                verified(vector["compact"], trust, issuer=THEIRS, now=payload["iat"])
            continue
        found = verified(vector["compact"], trust, issuer=THEIRS, now=payload["iat"])
        assert (found.issuer, found.issued_at, found.expires_at) == (payload["iss"], payload["iat"], None)
        assert found.parameters == {name: each for name, each in payload.items() if name not in ("iss", "sub", "iat")}
        assert leaf_public_key(load(certified(vector)[0])).jwk == key.jwk


@pytest.mark.spec("VCI-12.2.3-06", "VCI-12.2.3-11")
def test_metadata_of_another_issuer_are_not_believed_for_more(vectors: Path) -> None:
    for vector in published(vectors):
        token, now, keys = vector["compact"], vector["payload_json"]["iat"], (public_key(vector["jwk"]),)
        with pytest.raises(Malformed, match="sub"):
            verified(token, Trust(metadata_keys={ISSUER: keys}), now=now)
        with pytest.raises(Untrusted):
            verified(token, Trust(metadata_keys={ISSUER: keys}), issuer=THEIRS, now=now)
        with pytest.raises(Malformed, match="iat" if "credential_issuer" in vector["payload_json"] else "credential_issuer"):
            verified(token, Trust(metadata_keys={THEIRS: keys}), issuer=THEIRS, now=now - 61)
        # Of the chain only an authority below the root was published: as an anchor, it must not be sent along.
        above = Anchors.from_der(certified(vector)[1])
        for anchors in (above, Anchors.from_der(CHAIN[1])):
            with pytest.raises(Malformed, match="x5c"):
                verified(token, Trust(metadata_anchors=anchors), issuer=THEIRS, now=now)


def example(vectors: Path) -> str:
    (path,) = (vectors / "oid4vci-1.0").glob("064-*.parsed.json")
    token = json.loads(path.read_text())["compact"]
    assert isinstance(token, str)
    return token


@pytest.mark.spec("HAIP-4.1-07")
def test_the_example_of_the_specification(vectors: Path) -> None:
    """Its certificate is self-signed, and that of an authority: HAIP refuses it. Its key is taken where that is named."""
    token = example(vectors)
    x5c = _jose.parse(token).header["x5c"]
    leaf = b64decode(x5c[0])
    iat = 1_516_239_022
    for anchors in (Anchors.from_der(leaf), Anchors.from_der(CHAIN[1])):
        with pytest.raises(Malformed, match="self-signed"):
            verified(token, Trust(metadata_anchors=anchors), issuer=THEIRS, now=iat)
    found = verified(token, Trust(metadata_keys={THEIRS: (leaf_public_key(load(leaf)),)}), issuer=THEIRS, now=iat)
    assert (found.issuer, found.issued_at, found.expires_at) == (None, iat, None)
    (path,) = (vectors / "oid4vci-1.0").glob("065-*.json")
    shown = json.loads(path.read_text())
    assert found.parameters["credential_issuer"] == shown["credential_issuer"] == THEIRS
    assert found.parameters["credential_endpoint"] == shown["credential_endpoint"]
    names = [[each["name"] for each in said["display"]] for said in (found.parameters, shown)]
    assert names[0] == names[1]
    assert found.parameters.keys() <= shown.keys()


# --- joserfc, jwcrypto ------------------------------------------------------------------------------------------------------------


def made(signing: MetadataSigner = SIGNING) -> str:
    return signing.draft(issuer_metadata().to_json(), now=NOW).finish()


@pytest.mark.spec("VCI-12.2.3-01", "VCI-12.2.3-09")
@pytest.mark.parametrize("signing", [SIGNING, MetadataSigner(signer=SIGNER, iss=IDENTIFIER, lifetime=None)])
def test_joserfc_and_jwcrypto_verify_what_we_sign(signing: MetadataSigner) -> None:
    public: dict[str, Any] = dict(SIGNER.public_jwk)
    token = made(signing)
    parsed = joserfc_jws.deserialize_compact(token, ECKey.import_key(public), registry=ROOMY)
    assert parsed.headers()["typ"] == TYPE
    claims = json.loads(parsed.payload)
    assert claims["sub"] == claims["credential_issuer"] == IDENTIFIER
    assert {name: claims[name] for name in issuer_metadata().to_json()} == issuer_metadata().to_json()
    theirs = jwcrypto_jws.JWS()
    theirs.deserialize(token, jwcrypto_jwk.JWK(**public))
    assert json.loads(theirs.payload) == claims


@pytest.mark.parametrize("x5c", [True, False])
def test_what_joserfc_signs_is_verified(x5c: bool) -> None:
    key = ECKey.import_key(KEY)
    header = {name: value for name, value in HEADER.items() if x5c or name != "x5c"} | ({} if x5c else {"kid": "metadata-1"})
    token = joserfc_jwt.encode(header, dict(CLAIMS), key, registry=ROOMY)
    trust = trusting() if x5c else Trust(metadata_keys={ISSUER: (public_key({**SIGNER.public_jwk, "kid": "metadata-1"}),)})
    assert verified(token, trust).parameters == metadata()


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "PS256"])
def test_what_jwcrypto_signs_is_verified(algorithm: str) -> None:
    kinds: dict[str, Any] = {
        "ES256": {"kty": "EC", "crv": "P-256"},
        "ES384": {"kty": "EC", "crv": "P-384"},
        "PS256": {"kty": "RSA", "size": 2048},
    }
    key = jwcrypto_jwk.JWK.generate(**kinds[algorithm])
    token = jwcrypto_token(key, dict(CLAIMS), typ=TYPE, alg=algorithm)
    named = public_key(json.loads(key.export_public()))
    assert verified(token, Trust(metadata_keys={ISSUER: (named,)})).parameters == metadata()
    other = public_key(LocalSigner.generate("other").public_jwk)
    with pytest.raises(Malformed):
        verified(token, Trust(metadata_keys={ISSUER: (other,)}))
