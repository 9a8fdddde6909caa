"""mdocs that `@owf/mdoc` makes are verified here, and those that are made here are verified there."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.errors import InvalidCredential
from oid4vci.keys import LocalSigner, public_key
from tests import mdocs
from tests.interop.node import Node
from tests.mdocs import HOLDER, LICENCE, MDL, NAMESPACE, NOW, PERSON, PID, issue, verify

pytestmark = pytest.mark.interop

# Those whose keys the library can read from JWKs.
ALGORITHMS = ("ES256", "EdDSA")
DIGESTS = ("SHA-256", "SHA-384", "SHA-512")


def as_json(value: Any) -> Any:
    """Data elements for another process."""
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: as_json(member) for name, member in value.items()}
    return [as_json(each) for each in value] if isinstance(value, list) else value


def from_json(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        (kind,) = value
        if kind == "time":
            return datetime.fromisoformat(value[kind])
        if kind == "date":
            return date.fromisoformat(value[kind][:10])
        if kind == "bytes":
            return b64decode(value[kind])
    if isinstance(value, dict):
        return {name: from_json(member) for name, member in value.items()}
    return [from_json(each) for each in value] if isinstance(value, list) else value


def signer_of(algorithm: str) -> tuple[LocalSigner, bytes, dict[str, Any]]:
    """A document signer's key, its certificate, and the key for another process."""
    signer = LocalSigner.generate("ds", algorithm)
    key = signer._private_key
    if isinstance(key, Ed25519PrivateKey):
        secret = key.private_bytes_raw()
    else:
        assert isinstance(key, EllipticCurvePrivateKey)
        secret = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
    jwk = {**signer.public_jwk, "d": b64url_encode(secret)}
    return signer, mdocs.document_signer(key=public_key(signer.public_jwk).key), jwk


SIGNERS = {algorithm: signer_of(algorithm) for algorithm in ALGORITHMS}


# Theirs


@pytest.fixture(scope="module")
def theirs(node: Node) -> Mapping[str, str]:
    """By name what the library made."""

    def asked(algorithm: str = "ES256", digest: str = "SHA-256", claims: Any = LICENCE, doctype: str = MDL) -> dict[str, Any]:
        _, certificate, jwk = SIGNERS[algorithm]
        return {
            "doctype": doctype,
            "claims": as_json(claims),
            "jwk": jwk,
            "certificates": [b64encode(certificate).decode()],
            "device": dict(HOLDER.jwk),
            "now": NOW - 60,
            "digest": digest,
        }

    tasks = {algorithm: asked(algorithm) for algorithm in ALGORITHMS}
    tasks |= {digest: asked(digest=digest) for digest in DIGESTS}
    tasks["person"] = asked(claims=PERSON, doctype=PID)
    answers = node.run("mdoc.mjs", tasks)
    assert all("ok" in answer for answer in answers.values()), answers
    return {name: answer["ok"] for name, answer in answers.items()}


@pytest.mark.parametrize("name", [*ALGORITHMS, *DIGESTS])
def test_their_licences_are_accepted(theirs: Mapping[str, str], name: str) -> None:
    read = verify(theirs[name], haip=True)
    assert read.claims == LICENCE
    assert read.holder_key == HOLDER
    assert read.issued_at == NOW - 60


def test_their_documents_of_other_types_are_accepted(theirs: Mapping[str, str]) -> None:
    assert verify(theirs["person"], doctype=PID).claims == PERSON


def test_what_is_wrong_with_theirs_is_noticed(theirs: Mapping[str, str]) -> None:
    credential = theirs["ES256"]
    wrong: tuple[dict[str, Any], ...] = (
        {"holder_keys": [mdocs.holder()]},
        {"now": NOW + 2 * mdocs.DAY},
        {"doctype": PID},
        {"trusted": mdocs.trust(mdocs.iaca(mdocs.name("other")))},
    )
    for options in wrong:
        with pytest.raises(InvalidCredential):
            verify(credential, **options)


# Ours


def other_value(credential: str) -> str:
    """The same mdoc with one data element changed."""
    outer = mdocs.opened(credential)
    item = cbor2.loads(outer["nameSpaces"][NAMESPACE][0].value)
    outer["nameSpaces"][NAMESPACE][0] = cbor2.CBORTag(24, cbor2.dumps({**item, "elementValue": "Smith"}))
    return b64url_encode(cbor2.dumps(outer))


def other_signature(credential: str) -> str:
    raw = bytearray(b64url_decode(credential))
    raw[-1] ^= 1
    return b64url_encode(bytes(raw))


@pytest.fixture(scope="module")
def said(node: Node) -> Mapping[str, Mapping[str, Any]]:
    """By name what the library says about ours."""
    anchor, other = mdocs.IACA, mdocs.iaca(mdocs.name("other"))

    def asked(credential: str, *, now: int = NOW, anchors: bytes = anchor) -> dict[str, Any]:
        return {"credential": credential, "anchors": [b64encode(anchors).decode()], "now": now}

    good = issue(time_granularity=1, decoys=3, expected_update=86_400)
    tasks = {
        algorithm: asked(issue(signer=signer, x5c=[certificate])) for algorithm, (signer, certificate, _) in SIGNERS.items()
    }
    tasks |= {digest: asked(issue(digest_algorithm=digest)) for digest in DIGESTS}
    tasks |= {
        "good": asked(good),
        "person": asked(issue(PERSON, doctype=PID)),
        "with status": asked(issue(copies=[{"status": {"status_list": {"idx": 1, "uri": "https://status.example"}}}])),
        "late": asked(good, now=NOW + 31 * mdocs.DAY),
        "early": asked(good, now=NOW - mdocs.DAY),
        "under another anchor": asked(good, anchors=other),
        "with another value": asked(other_value(good)),
        "with another signature": asked(other_signature(good)),
    }
    answers: dict[str, Any] = node.run("mdoc.mjs", tasks)
    return answers


@pytest.mark.parametrize("name", [*ALGORITHMS, *DIGESTS, "good", "with status"])
def test_our_licences_are_accepted(said: Mapping[str, Any], name: str) -> None:
    assert said[name].keys() == {"ok"}, said[name]
    read = said[name]["ok"]
    assert read["doctype"] == MDL
    assert from_json(read["claims"]) == LICENCE
    assert {name: read["device"][name] for name in ("kty", "crv", "x", "y")} == dict(HOLDER.jwk)


def test_our_documents_of_other_types_are_accepted(said: Mapping[str, Any]) -> None:
    assert from_json(said["person"]["ok"]["claims"]) == PERSON


def test_our_times_are_read(said: Mapping[str, Any]) -> None:
    assert datetime.fromisoformat(said["good"]["ok"]["signed"]) == datetime.fromtimestamp(NOW, UTC)


@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("late", "must be valid at the time of verification"),
        ("early", "must be valid at the time of verification"),
        ("under another anchor", "no trusted certificate"),
        ("with another value", "digest"),
        ("with another signature", "signature"),
    ],
)
def test_what_is_wrong_with_ours_is_noticed(said: Mapping[str, Any], name: str, because: str) -> None:
    assert said[name].keys() == {"error"}, said[name]
    assert because in said[name]["error"]
