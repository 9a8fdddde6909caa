"""did:key and did:jwk: published vectors both ways, and everything that must not be taken for a key."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._base58 import ALPHABET
from oid4vci._base58 import decode as base58_decode
from oid4vci._jose import jwk_of
from oid4vci._json import Malformed, b64url_decode, b64url_encode, dump_bytes
from oid4vci.dids import DID_METHODS, KNOWN_DID_METHODS, DidKey, DidMethod, DidUrl, multikey, read_multikey, resolve
from oid4vci.keys import LocalSigner, PublicKey, public_key
from tests.signers import ON_CURVES as ALGORITHMS

KEYS = [public_key(LocalSigner.generate("k", algorithm).public_jwk) for algorithm in ALGORITHMS]
ED25519 = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
SUPPORTED = ("Ed25519", "P-256", "P-384", "P-521", "secp256k1")


def base58(data: bytes) -> str:
    """Written a second time, so that malformed Multikeys can be made."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def did_jwk(value: Any) -> str:
    return f"did:jwk:{b64url_encode(value if isinstance(value, bytes) else dump_bytes(value))}"


def found(vectors: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((vectors / "did" / "vectors.json").read_text())["vectors"]
    return loaded


def test_published_did_keys(vectors: Path) -> None:
    read = [vector for vector in found(vectors) if vector["type"] == "did-key" and vector["key_type"] in SUPPORTED]
    assert {vector["key_type"] for vector in read} == set(SUPPORTED)
    for vector in read:
        did = vector["did"]
        key = resolve(did)
        assert key == public_key(vector["public_jwk"]), vector["id"]
        assert key is not None
        assert DID_METHODS["key"].did(key) == did
        assert did == f"did:key:{multikey(key)}"
        assert multikey(key).encode()[1:] == base58(base58_decode(multikey(key)[1:])).encode()
        # The published document calls its key by the DID URL that stands in a `kid`.
        url = DID_METHODS["key"].verification_method(did)
        assert vector["did_document"]["verificationMethod"][0]["id"] == url
        assert resolve(url) == key


def test_published_did_jwks(vectors: Path) -> None:
    read = [vector for vector in found(vectors) if vector["type"] == "did-jwk"]
    assert read
    for vector in read:
        assert resolve(vector["did"]) == public_key(vector["jwk"])
        url = DID_METHODS["jwk"].verification_method(vector["did"])
        assert url == vector["did_document"]["verificationMethod"][0]["id"]
        assert resolve(url) == public_key(vector["jwk"])
        assert DID_METHODS["jwk"].did(public_key(vector["jwk"])) == vector["did"]


def test_keys_that_make_no_signatures_here_are_refused(vectors: Path) -> None:
    others = [vector for vector in found(vectors) if vector["type"] == "did-key" and vector["key_type"] not in SUPPORTED]
    assert {vector["key_type"] for vector in others} == {"X25519", "RSA"}
    for vector in others:
        with pytest.raises(Malformed, match="X25519" if vector["key_type"] == "X25519" else "longer"):
            resolve(vector["did"])
    with pytest.raises(ValueError, match="no Multikey"):
        multikey(PublicKey({"kty": "RSA"}, "", KEYS[0].key))


@pytest.mark.parametrize("key", KEYS, ids=list(ALGORITHMS))
@pytest.mark.parametrize("method", DID_METHODS)
def test_both_ways(method: str, key: PublicKey) -> None:
    did = DID_METHODS[method].did(key)
    assert resolve(did) == resolve(DID_METHODS[method].verification_method(did)) == key
    assert read_multikey(multikey(key)) == key


@pytest.mark.parametrize(
    ("code", "because"),
    [
        (b"\xec\x01", "X25519"),
        (b"\xeb\x01", "BLS"),
        (b"\x85\x24", "RSA"),
        *((bytes((low, 0x26)), "private") for low in (0x80, 0x81, 0x82, 0x86, 0x87, 0x88)),
        (b"\xed\x81\x00", "not supported"),
        (b"\x12", "not supported"),
        (b"", "not supported"),
    ],
)
def test_what_a_multikey_is_refused_for(code: bytes, because: str) -> None:
    with pytest.raises(Malformed, match=because):
        read_multikey("z" + base58(code + bytes(31) + b"\x09"))


def test_a_did_of_another_method_is_not_resolved() -> None:
    assert resolve("did:web:example.com#key-1") is None
    assert resolve("did:web:example.com#key-1", methods=KNOWN_DID_METHODS) is None
    assert resolve("did:key:zNonsense", methods={}) is None


def test_a_method_can_be_added() -> None:
    class Fixed:
        def did(self, key: PublicKey) -> str:
            return "did:fixed:1"

        def verification_method(self, did: str) -> str:
            return f"{did}#only"

        def key(self, url: DidUrl) -> PublicKey:
            return KEYS[0]

    fixed: DidMethod = Fixed()
    assert resolve("did:fixed:1#only", methods={**DID_METHODS, "fixed": fixed}) == KEYS[0]


# --- DID URLs ---------------------------------------------------------------------------------------------------------------


def test_the_parts_of_a_did_url() -> None:
    url = DidUrl.parse("did:example:a:b%20c/path/x?service=1/?#key/?1")
    assert url == DidUrl("did:example:a:b%20c", "example", "a:b%20c", "/path/x", "service=1/?", "key/?1")
    assert DidUrl.parse("did:example:1?#") == DidUrl("did:example:1", "example", "1", "", "", "")
    assert DidUrl.parse("did:example:1:2") == DidUrl("did:example:1:2", "example", "1:2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "did",
        "did:key",
        "did:key:",
        "did::x",
        "did:KEY:x",
        "DID:key:x",
        "did:key:x:",
        "did:key:x%2",
        "did:key:x%zz",
        "did:key:x y",
        "did:key:x\n",
        " did:key:x",
        "did:key:é",
        "did:key:x#a#b",
        "did:key:x#\n",
        "https://example.com",
        f"did:key:{'z' * 4_096}",
    ],
)
def test_what_is_no_did_url(text: str) -> None:
    with pytest.raises(Malformed):
        DidUrl.parse(text)


@pytest.mark.parametrize("rest", ["/path", "?versionId=1", "?", "#", "#0", f"#{ED25519[:-1]}", f"/{ED25519}#{ED25519}"])
def test_only_its_own_key_of_a_did_key(rest: str) -> None:
    with pytest.raises(Malformed):
        resolve(f"did:key:{ED25519}{rest}")


@pytest.mark.parametrize("rest", ["/path", "?versionId=1", "#", "#1", "#00", "#kid-of-the-jwk"])
def test_only_its_own_key_of_a_did_jwk(rest: str) -> None:
    did = did_jwk({**KEYS[0].jwk, "kid": "kid-of-the-jwk"})
    assert resolve(f"{did}#0") == KEYS[0]
    with pytest.raises(Malformed):
        resolve(f"{did}{rest}")


# --- what is no key ---------------------------------------------------------------------------------------------------------

POINT = base58_decode(multikey(KEYS[0])[1:])[2:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        ED25519[1:],
        # Other multibase encodings of the same bytes: base64url, base16.
        f"u{b64url_encode(base58_decode(ED25519[1:]))}",
        f"f{base58_decode(ED25519[1:]).hex()}",
        f"z1{ED25519[1:]}",
        f"{ED25519}1",
        ED25519[:-1] + "0",
        ED25519[:-1] + "l",
        ED25519 + " ",
        ED25519 + "é",
        f"z{'2' * 10_000}",
        # The same code in more bytes than it needs.
        "z" + base58(b"\xed\x81\x00" + bytes(31) + b"\x09"),
        "z" + base58(b"\x80\xa4\x00" + POINT),
        # An unknown code, no key at all, too few and too many bytes.
        "z" + base58(b"\x80\x25" + POINT),
        "z" + base58(b"\x80\x24"),
        "z" + base58(b"\x80\x24" + POINT[:-1]),
        "z" + base58(b"\x80\x24" + POINT + b"\0"),
        "z" + base58(b"\xed\x01" + bytes(31)),
        # An uncompressed point, one of a kind that does not exist, one that is not on the curve, one of another curve.
        "z" + base58(b"\x80\x24\x04" + b64url_decode(KEYS[0].jwk["x"]) + b64url_decode(KEYS[0].jwk["y"])),
        "z" + base58(b"\x80\x24\x05" + POINT[1:]),
        "z" + base58(b"\x80\x24\x02" + b"\xff" * 32),
        "z" + base58(b"\x81\x24" + POINT),
        # Small order: one signature would fit every message.
        "z" + base58(b"\xed\x01\x01" + bytes(31)),
        "z" + base58(b"\xed\x01" + bytes(32)),
    ],
)
def test_what_is_no_multikey(text: str) -> None:
    with pytest.raises(Malformed):
        read_multikey(text)
    with pytest.raises(Malformed):
        resolve(f"did:key:{text}")


PRIVATE = {**KEYS[0].jwk, "d": KEYS[0].jwk["x"]}
OFF_CURVE = {**KEYS[0].jwk, "y": KEYS[0].jwk["x"]}


@pytest.mark.parametrize(
    "value",
    [
        PRIVATE,
        {"kty": "oct", "k": "AAAA"},
        OFF_CURVE,
        {"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(bytes(32))},
        {"kty": "OKP", "crv": "X25519", "x": KEYS[-1].jwk["x"]},
        {**KEYS[0].jwk, "use": "enc"},
        {**KEYS[0].jwk, "key_ops": ["deriveBits"]},
        {"kty": "EC"},
        {},
        [],
        "key",
        None,
        b"{",
        b"\xff",
        dump_bytes(dict(KEYS[0].jwk))[:-1] + b',"kty":"EC"}',
        dump_bytes(dict(KEYS[0].jwk)) + b"x",
        {**KEYS[0].jwk, "more": [[[[1]]]]},
    ],
)
def test_what_is_no_did_jwk(value: Any) -> None:
    with pytest.raises(Malformed):
        resolve(did_jwk(value))


def test_the_same_bytes_in_another_spelling() -> None:
    did = did_jwk(dict(KEYS[0].jwk))
    for other in (f"{did}=", f"{did}A", did.replace("did:jwk:", "did:jwk:%65"), did + "~"):
        with pytest.raises(Malformed):
            resolve(other)


@given(st.binary(max_size=80))
def test_base58_is_the_same_both_ways(data: bytes) -> None:
    assert base58_decode(base58(data)) == data


@given(st.sampled_from(KEYS), st.integers(min_value=0), st.sampled_from(ALPHABET))
def test_another_character_is_another_key(key: PublicKey, index: int, char: str) -> None:
    text = multikey(key)
    at = 1 + index % (len(text) - 1)
    changed = text[:at] + char + text[at + 1 :]
    try:
        read = read_multikey(changed)
    except Malformed:
        return
    assert (read == key) == (changed == text)
    assert DidKey().did(read) == f"did:key:{changed}"


@given(
    st.one_of(
        st.text(max_size=60), st.text(alphabet=ALPHABET, max_size=120).map("did:key:z{}".format), st.binary().map(did_jwk)
    )
)
def test_arbitrary_text_raises_nothing_else(text: str) -> None:
    with suppress(Malformed):
        resolve(text)


CURVES = (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1())


def _derived(curve: ec.EllipticCurve | None, number: int) -> PublicKey:
    if curve is None:
        private = ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
        return public_key(jwk_of(private))
    return public_key(jwk_of(ec.derive_private_key(number, curve)))


@given(st.sampled_from((None, *CURVES)), st.integers(1, (1 << 255) - 1))
def test_any_key_both_ways(curve: ec.EllipticCurve | None, number: int) -> None:
    key = _derived(curve, number)
    text = multikey(key)
    assert read_multikey(text) == key
    assert multikey(read_multikey(text)) == text
    for method in DID_METHODS.values():
        did = method.did(key)
        assert resolve(did) == resolve(method.verification_method(did)) == key
        assert DidUrl.parse(did).did == did


@given(st.sampled_from(KEYS), st.dictionaries(st.sampled_from(["kid", "alg", "use", "x5t", "more"]), st.text(max_size=8)))
def test_a_did_jwk_may_say_more_of_its_key(key: PublicKey, more: dict[str, str]) -> None:
    did = did_jwk({**key.jwk, **more})
    if more.get("use", "sig") == "sig":
        assert resolve(did) == resolve(f"{did}#0") == key
    else:
        with pytest.raises(Malformed):
            resolve(did)
