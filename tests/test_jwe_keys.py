"""Keys for key agreement: which JWKs are some."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from oid4vci._json import Malformed, b64url_encode
from oid4vci._jwe import CURVES, DecryptionKey, EncryptionKey
from tests.jwes import KEY, MESSAGE, OTHER, decrypted, encrypted, private_jwk, to
from tests.private_keys import in_pem


@pytest.mark.spec("VCI-10-04")
@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"alg": None}, "alg"),
        ({"alg": "ES256"}, "alg"),
        ({"alg": "RSA-OAEP"}, "alg"),
        ({"alg": "ECDH-ES+A128GCMKW"}, "alg"),
        ({"alg": ["ECDH-ES"]}, "alg"),
        ({"d": "AA"}, "private"),
        ({"k": "AA"}, "private"),
        ({"use": "sig"}, "use"),
        ({"use": ["enc"]}, "use"),
        ({"key_ops": ["verify"]}, "key_ops"),
        ({"key_ops": "deriveKey"}, "key_ops"),
        ({"kid": ""}, "kid"),
        ({"kid": 1}, "kid"),
        ({"kid": "x" * 1001}, "kid"),
        ({"crv": "secp256k1"}, "not supported"),
        ({"crv": None}, "not supported"),
        ({"kty": "oct"}, "not supported"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "not supported"),
        ({"x": None}, "x"),
        ({"x": b64url_encode(bytes(31))}, "x"),
        ({"x": b64url_encode(bytes(32))}, "not a point"),
    ],
)
def test_public_keys_that_nothing_is_encrypted_to(members: dict[str, Any], said: str) -> None:
    jwk = {name: value for name, value in {**KEY.public_jwk, **members}.items() if value is not None}
    with pytest.raises(Malformed, match=said):
        EncryptionKey.from_jwk(jwk)


@pytest.mark.parametrize("jwk", [None, [], "x", 1, [dict(KEY.public_jwk)]])
def test_what_is_no_jwk(jwk: Any) -> None:
    with pytest.raises(Malformed, match="must be a JSON object"):
        EncryptionKey.from_jwk(jwk)


@pytest.mark.parametrize("members", [{"use": "enc"}, {"key_ops": []}, {"key_ops": ["deriveBits"]}, {"x5t": "x"}])
def test_public_keys_that_are_good(members: dict[str, Any]) -> None:
    bare = {name: value for name, value in KEY.public_jwk.items() if name != "use"}
    assert EncryptionKey.from_jwk({**bare, **members}) == to(KEY)


@pytest.mark.parametrize("crv", CURVES)
def test_private_keys_come_from_jwks(crv: str) -> None:
    jwk = private_jwk(DecryptionKey.generate("k1", alg="ECDH-ES+A256KW", crv=crv))
    key = DecryptionKey.from_jwk(jwk)
    assert {**key.public_jwk, "d": jwk["d"]} == jwk
    again = DecryptionKey.from_jwk(jwk, kid="k2", alg="ECDH-ES")
    assert (again.kid, again.alg, again.crv) == ("k2", "ECDH-ES", crv)
    assert decrypted(encrypted(key=key), key) == MESSAGE
    for members in (
        {"d": None},
        {"d": 1},
        {"d": "AA"},
        {"alg": None},
        {"alg": "ES256"},
        {"x": OTHER.public_jwk["x"]},
        {"kty": "x"},
        # Keys that sign are not published as keys to encrypt to.
        {"use": "sig"},
        {"key_ops": ["sign"]},
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            DecryptionKey.from_jwk({name: value for name, value in {**jwk, **members}.items() if value is not None})
    assert jwk["d"] not in repr(key)


def test_keys_that_do_not_belong_together_or_are_of_other_kinds() -> None:
    with pytest.raises(ValueError, match="belong together"):
        DecryptionKey.from_jwk({**private_jwk(KEY), "d": private_jwk(OTHER)["d"]})
    with pytest.raises(ValueError, match="crv"):
        DecryptionKey.generate(crv="secp256k1")
    with pytest.raises(ValueError, match="alg"):
        DecryptionKey.generate(alg="dir")
    with pytest.raises(ValueError, match="not supported"):
        DecryptionKey(None, "ECDH-ES", ec.generate_private_key(ec.SECP256K1()))


@pytest.mark.parametrize("crv", CURVES)
@pytest.mark.parametrize("password", [None, b"secret"])
def test_private_keys_come_from_pem(crv: str, password: bytes | None) -> None:
    key = DecryptionKey.generate("k1", crv=crv)
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    pem = key._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    assert DecryptionKey.from_pem("k1", pem, password=password).public_jwk == key.public_jwk
    assert DecryptionKey.from_pem(None, pem, alg="ECDH-ES+A128KW", password=password).alg == "ECDH-ES+A128KW"


def test_pem_of_other_kinds() -> None:
    pem = in_pem(Ed25519PrivateKey.generate())
    with pytest.raises(ValueError, match="not supported"):
        DecryptionKey.from_pem("k1", pem)
    with pytest.raises(ValueError):  # noqa: PT011
        DecryptionKey.from_pem("k1", b"no key")
