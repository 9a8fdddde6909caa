"""JWE: what is made is read, by us and by two other libraries."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import ECKey, OKPKey
from joserfc.registry import HeaderParameter
from jwcrypto import jwe as jwcrypto_jwe  # type: ignore[import-untyped]
from jwcrypto import jwk as jwcrypto_jwk

from oid4vci._json import Malformed, b64url_encode
from oid4vci._jwe import CURVES, KEY_AGREEMENTS, DecryptionKey
from oid4vci._jwe.keys import _ORDERS
from tests.jwes import ENC_VALUES, KEY, MESSAGE, decrypted, encrypted, header, private_jwk


@pytest.mark.parametrize("crv", CURVES)
@pytest.mark.parametrize("alg", KEY_AGREEMENTS)
@pytest.mark.parametrize("enc", ENC_VALUES)
def test_every_algorithm_there_and_back_and_with_two_other_libraries(enc: str, alg: str, crv: str) -> None:
    key = DecryptionKey.generate("k1", alg=alg, crv=crv)
    token = encrypted(key=key, enc=enc)
    assert decrypted(token, key) == MESSAGE
    # joserfc
    registry = joserfc_jwe.JWERegistry(algorithms=[alg, enc])
    jwk_class: type[OKPKey | ECKey] = OKPKey if crv == "X25519" else ECKey
    theirs = jwk_class.import_key(private_jwk(key))
    assert joserfc_jwe.decrypt_compact(token.decode(), theirs, registry=registry).plaintext == MESSAGE
    protected = {"alg": alg, "enc": enc, "kid": "k1", "apu": b64url_encode(b"Alice"), "apv": b64url_encode(b"Bob")}
    assert decrypted(joserfc_jwe.encrypt_compact(protected, MESSAGE, theirs, registry=registry).encode(), key) == MESSAGE
    # jwcrypto
    jwk = jwcrypto_jwk.JWK(**private_jwk(key))
    read = jwcrypto_jwe.JWE(algs=[alg, enc])
    read.deserialize(token.decode(), jwk)
    assert read.payload == MESSAGE
    written = jwcrypto_jwe.JWE(MESSAGE, json.dumps({"alg": alg, "enc": enc, "kid": "k1"}), algs=[alg, enc])
    written.add_recipient(jwk)
    assert decrypted(written.serialize(compact=True).encode(), key) == MESSAGE


@pytest.mark.spec("VCI-10-05", "VCI-10-06")
@pytest.mark.parametrize("kid", ["k1", None])
def test_the_header_has_what_the_key_says_and_nothing_else(kid: str | None) -> None:
    key = DecryptionKey.generate(kid, alg="ECDH-ES+A128KW")
    said = header(encrypted(key=key, enc="A128GCM"))
    assert said.keys() - {"kid"} == {"alg", "enc", "epk"}
    assert (said["alg"], said["enc"], said.get("kid")) == ("ECDH-ES+A128KW", "A128GCM", kid)
    assert ("kid" in said) == (kid is not None)
    assert said["epk"].keys() == {"kty", "crv", "x", "y"}


def test_nothing_is_used_twice() -> None:
    tokens = [encrypted().split(b".") for _ in range(3)]
    assert len({token[0] for token in tokens}) == len({token[2] for token in tokens}) == 3


@pytest.mark.spec("VCI-10-08", "VCI-10-09")
def test_compression_is_as_it_was_asked_for() -> None:
    message = b"{" + b" " * 100_000 + b"}"
    plain, compressed = encrypted(message), encrypted(message, zip="DEF")
    assert "zip" not in header(plain)
    assert header(compressed)["zip"] == "DEF"
    assert len(compressed) < 1000 < len(message) < len(plain)
    assert decrypted(plain) == decrypted(compressed, zip_values=("DEF",)) == message
    with pytest.raises(Malformed, match="zip is not an accepted"):
        decrypted(compressed)
    registry = joserfc_jwe.JWERegistry(
        header_registry={"kid": HeaderParameter("kid", "str")}, algorithms=["ECDH-ES", "A256GCM", "DEF"]
    )
    theirs = ECKey.import_key(private_jwk(KEY))
    assert joserfc_jwe.decrypt_compact(compressed.decode(), theirs, registry=registry).plaintext == message
    protected = {"alg": "ECDH-ES", "enc": "A256GCM", "zip": "DEF", "kid": "k1"}
    written = joserfc_jwe.encrypt_compact(protected, message, theirs, registry=registry)
    assert decrypted(written.encode(), zip_values=("DEF",)) == message


@given(st.binary(max_size=300), st.sampled_from(ENC_VALUES), st.sampled_from([None, "DEF"]))
def test_any_bytes_there_and_back(message: bytes, enc: str, zip_: str | None) -> None:
    token = encrypted(message, enc=enc, zip=zip_)
    assert decrypted(token, zip_values=("DEF",)) == message


def test_orders_of_the_curves() -> None:
    for crv, curve in (("P-256", ec.SECP256R1()), ("P-384", ec.SECP384R1()), ("P-521", ec.SECP521R1())):
        # The order itself is one too many, one less is a private key.
        assert ec.derive_private_key(_ORDERS[crv] - 1, curve)
        with pytest.raises(ValueError):  # noqa: PT011
            ec.derive_private_key(_ORDERS[crv], curve)


@pytest.mark.parametrize("crv", CURVES)
@pytest.mark.parametrize("byte", [0, 255])
def test_whatever_the_source_of_secrets_gives_there_is_a_key(crv: str, byte: int) -> None:
    key = DecryptionKey.generate(crv=crv, new_secret=lambda size: bytes([byte]) * size)
    assert decrypted(encrypted(key=key), key) == MESSAGE
