"""JWE that are refused: headers, framing, what does not decrypt, what is too large."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jwe
from oid4vci._deflate import deflate
from oid4vci._json import Malformed, b64url_decode, b64url_encode, dump_bytes
from oid4vci._jwe import KEY_AGREEMENTS, DecryptionKey, EncryptionKey
from oid4vci._jwe.key_agreement import derived_key
from tests.jwes import ENC_VALUES, MESSAGE, changed_header, decrypted, encrypted, header, made, to


def other(members: Mapping[str, Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda header: {**header, **members}


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"alg": "ECDH-ES+A128KW"}, "alg is not that of the key"),
        ({"alg": "dir"}, "alg is not that of the key"),
        ({"alg": "RSA1_5"}, "alg is not that of the key"),
        ({"alg": "PBES2-HS256+A128KW", "p2c": 10**9, "p2s": "AA"}, "alg is not that of the key"),
        ({"alg": "none"}, "alg is not that of the key"),
        ({"alg": "ES256"}, "alg is not that of the key"),
        ({"alg": None}, "alg is not that of the key"),
        ({"alg": ["ECDH-ES"]}, "alg must be a string"),
        ({"enc": "A128GCM"}, "enc is not an accepted"),
        ({"enc": "none"}, "enc is not an accepted"),
        ({"enc": None}, "enc is not an accepted"),
        ({"enc": 1}, "enc must be a string"),
        ({"kid": "k2"}, "kid is not that of the key"),
        ({"kid": None}, "kid is not that of the key"),
        ({"kid": ["k1"]}, "kid must be a string"),
        ({"zip": "GZIP"}, "zip is not an accepted"),
        ({"zip": True}, "zip must be a string"),
        ({"crit": ["exp"], "exp": 1}, "crit"),
        ({"crit": []}, "crit"),
        ({"epk": None}, "epk: must be a JSON object"),
        ({"epk": "x"}, "epk: must be a JSON object"),
        ({"apu": "a"}, "base64url"),
        ({"apu": 1}, "apu must be a string"),
        ({"apv": "=="}, "base64url"),
        ({"apv": "A" * 4_000}, "apv is too large"),
    ],
)
def test_header_parameters_that_are_not_as_they_must_be(claims: dict[str, Any], said: str) -> None:
    """Each of these would decrypt if nobody looked."""
    enc_values = ("A256GCM",)
    assert decrypted(made({"typ": "x", "cty": "JWT", "x": {}}), enc_values=enc_values, zip_values=("DEF",)) == MESSAGE
    with pytest.raises(Malformed, match=said):
        decrypted(made(claims), enc_values=enc_values, zip_values=("DEF",))


@pytest.mark.parametrize("name", ["apu", "apv"])
def test_parties_go_into_the_key(name: str) -> None:
    """Who ignores them derives another key than the sender."""
    with pytest.raises(Malformed, match="cannot be decrypted"):
        decrypted(made({name: b64url_encode(b"Alice")}))


@pytest.mark.parametrize(
    "epk",
    [
        {"y": "AA"},
        {"y": b64url_encode(bytes(32))},
        {"x": b64url_encode(bytes(32)), "y": b64url_encode(bytes(32))},
        {"d": b64url_encode(bytes(32))},
        {"k": "AA"},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"kty": "OKP"},
        {"kty": "RSA"},
        {"kty": "oct", "k": "AA"},
        {"crv": ["P-256"]},
        dict(DecryptionKey.generate(crv="P-384").public_jwk),
        dict(DecryptionKey.generate(crv="X25519").public_jwk),
        {"kty": "OKP", "crv": "X25519", "x": b64url_encode(bytes(32))},
    ],
)
def test_ephemeral_keys_that_are_none_on_the_curve(epk: dict[str, Any]) -> None:
    good = header(encrypted())["epk"]
    with pytest.raises(Malformed, match="epk"):
        decrypted(made({"epk": {**good, **epk}}))


@pytest.mark.parametrize("ordinate", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18])
def test_points_of_small_order(ordinate: int) -> None:
    """With those, everybody agrees on zero (RFC 7748 6.1)."""
    jwk = {"kty": "OKP", "crv": "X25519", "x": b64url_encode(ordinate.to_bytes(32, "little")), "alg": "ECDH-ES"}
    with pytest.raises(Malformed, match="not a usable key"):
        EncryptionKey.from_jwk(jwk)
    key = DecryptionKey.generate("k1", crv="X25519")
    with pytest.raises(Malformed, match="epk"):
        decrypted(made({"epk": jwk}, key=key), key)


@pytest.mark.parametrize("alg", KEY_AGREEMENTS)
@pytest.mark.parametrize("enc", ENC_VALUES)
def test_every_failure_to_decrypt_is_the_same(enc: str, alg: str) -> None:
    key = DecryptionKey.generate("k1", alg=alg)
    head, encrypted_key, iv, ciphertext, tag = encrypted(bytes(48), key, enc=enc).split(b".")

    def flipped(part: bytes, at: int) -> bytes:
        raw = bytearray(b64url_decode(part))
        raw[at] ^= 1
        return b64url_encode(bytes(raw)).encode()

    def cut(part: bytes, size: int) -> bytes:
        return b64url_encode(b64url_decode(part)[:size]).encode()

    def longer(part: bytes) -> bytes:
        return b64url_encode(b64url_decode(part) + bytes(1)).encode()

    wrong = [
        [head, encrypted_key, iv, flipped(ciphertext, 0), tag],
        [head, encrypted_key, iv, flipped(ciphertext, -1), tag],
        [head, encrypted_key, iv, cut(ciphertext, 16), tag],
        [head, encrypted_key, iv, b"", tag],
        [head, encrypted_key, iv, longer(ciphertext), tag],
        [head, encrypted_key, flipped(iv, 0), ciphertext, tag],
        [head, encrypted_key, cut(iv, 8), ciphertext, tag],
        [head, encrypted_key, longer(iv), ciphertext, tag],
        [head, encrypted_key, b"", ciphertext, tag],
        [head, encrypted_key, iv, ciphertext, flipped(tag, 0)],
        [head, encrypted_key, iv, ciphertext, flipped(tag, -1)],
        *([head, encrypted_key, iv, ciphertext, cut(tag, size)] for size in (0, 1, 4, 8, 12, 15)),
        [head, encrypted_key, iv, ciphertext, longer(tag)],
        [head, b"AAAA", iv, ciphertext, tag],
        [head, b64url_encode(bytes(40)).encode(), iv, ciphertext, tag],
    ]
    if encrypted_key:
        wrong += [
            [head, flipped(encrypted_key, 0), iv, ciphertext, tag],
            [head, cut(encrypted_key, 16), iv, ciphertext, tag],
            [head, b"", iv, ciphertext, tag],
        ]
    for parts in wrong:
        with pytest.raises(Malformed) as caught:
            decrypted(b".".join(parts), key)
        assert str(caught.value) == "cannot be decrypted"
    # The header is authenticated as it was sent, and only the right key will do.
    token = b".".join([head, encrypted_key, iv, ciphertext, tag])
    for other_token, with_key in (
        (changed_header(token, other({"typ": "x"})), key),
        (token, DecryptionKey.generate("k1", alg=alg)),
    ):
        with pytest.raises(Malformed, match=r"^cannot be decrypted$"):
            decrypted(other_token, with_key)


def test_a_content_key_of_another_size_than_the_algorithm_has() -> None:
    """Its sender may have used it all the same, and have less security than the header says."""
    key, ephemeral = DecryptionKey.generate("k1", alg="ECDH-ES+A128KW"), DecryptionKey.generate()
    epk = {name: ephemeral.public_jwk[name] for name in ("kty", "crv", "x", "y")}
    wrapping_key = derived_key(ephemeral.agree(to(key).key), algorithm=key.alg, size=16)

    def wrapped(enc: str, size: int) -> bytes:
        head = b64url_encode(dump_bytes({"alg": key.alg, "enc": enc, "kid": "k1", "epk": epk}))
        sealed = AESGCM(bytes(size)).encrypt(bytes(12), MESSAGE, head.encode())
        parts = (aes_key_wrap(wrapping_key, bytes(size)), bytes(12), sealed[:-16], sealed[-16:])
        return ".".join((head, *map(b64url_encode, parts))).encode()

    assert decrypted(wrapped("A256GCM", 32), key) == decrypted(wrapped("A128GCM", 16), key) == MESSAGE
    for enc, size in (("A256GCM", 16), ("A256GCM", 24), ("A128GCM", 32), ("A128CBC-HS256", 16)):
        with pytest.raises(Malformed, match=r"^cannot be decrypted$"):
            decrypted(wrapped(enc, size), key)


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b".",
        b"....",
        b"a.b.c.d",
        b"a.b.c.d.e.f",
        b"a.b.c.d.e",
        b"\xff.b.c.d.e",
        b"e30.AA.AA.AA.AA=",
        b"e30.A A.AA.AA.AA",
        b"e30.AB.AA.AA.AA",
        b"e30.+w.AA.AA.AA",
        b"W10.AA.AA.AA.AA",
        b"e30.AA.AA.AA.AA\n",
        b'{"a":1}',
    ],
)
def test_framing(token: bytes) -> None:
    with pytest.raises(Malformed):
        decrypted(token)


def test_a_signed_message_is_not_taken_for_an_encrypted_one() -> None:
    head = b64url_encode(dump_bytes({"alg": "ES256"}))
    with pytest.raises(Malformed, match="not a JWE"):
        _jwe.parse(f"{head}.e30.AA".encode())


def test_repeated_header_parameters() -> None:
    head = b64url_encode(b'{"alg":"ECDH-ES","enc":"A256GCM","enc":"A256GCM"}').encode()
    with pytest.raises(Malformed, match="repeated"):
        _jwe.parse(head + b"..AA.AA.AA")


# --- bounds -----------------------------------------------------------------------------------------------------------------


def test_a_message_may_not_inflate_without_end() -> None:
    bomb = made({"zip": "DEF"}, deflate(bytes(20 << 20)))
    assert len(bomb) < 30_000
    with pytest.raises(Malformed, match="decompresses to too much"):
        decrypted(bomb, zip_values=("DEF",))
    with pytest.raises(Malformed, match="decompresses to too much"):
        decrypted(made({"zip": "DEF"}, deflate(bytes(11))), zip_values=("DEF",), max_bytes=10)
    assert decrypted(made({"zip": "DEF"}, deflate(bytes(10))), zip_values=("DEF",), max_bytes=10) == bytes(10)


@pytest.mark.parametrize(
    "plaintext", [b"", b"no deflate", deflate(MESSAGE)[:-1], deflate(MESSAGE) + b"x", b"\x78\x9c" + deflate(MESSAGE)]
)
def test_what_does_not_inflate(plaintext: bytes) -> None:
    with pytest.raises(Malformed):
        decrypted(made({"zip": "DEF"}, plaintext), zip_values=("DEF",))


def test_what_is_too_large() -> None:
    token = encrypted()
    with pytest.raises(Malformed, match="too large"):
        _jwe.parse(token, max_bytes=len(token) - 1)
    with pytest.raises(Malformed, match="too large"):
        decrypted(token, max_bytes=len(MESSAGE) - 1)
    with pytest.raises(Malformed, match="header: too large"):
        _jwe.parse(made({"x": "x" * 20_000}))


# --- shapes -----------------------------------------------------------------------------------------------------------------

TOKEN = encrypted()


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(TOKEN) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != TOKEN[at]))
    with pytest.raises(Malformed):
        decrypted(TOKEN[:at] + bytes([byte]) + TOKEN[at + 1 :], zip_values=("DEF",))


@given(st.data())
def test_a_token_with_any_part_replaced_is_refused(data: st.DataObject) -> None:
    parts = TOKEN.split(b".")
    at = data.draw(st.integers(0, 4))
    raw = data.draw(st.binary(max_size=64).filter(lambda raw: raw != b64url_decode(parts[at])))
    parts[at] = b64url_encode(raw).encode()
    with pytest.raises(Malformed):
        decrypted(b".".join(parts), zip_values=("DEF",))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.sampled_from(["ECDH-ES", "A256GCM", "P-256", "DEF"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "d", "k"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["alg", "enc", "kid", "epk", "apu", "apv", "zip", "crit"]), JSON, min_size=1))
def test_any_header_is_read_or_refused(claims: dict[str, Any]) -> None:
    with suppress(Malformed):
        decrypted(made(claims), zip_values=("DEF",))
