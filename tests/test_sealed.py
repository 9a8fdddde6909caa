"""Sealed values and MACs: what our keys made opens for its purpose, and nothing else does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from tests.issuance import counted, secret_keys

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))
CLAIMS = st.dictionaries(st.text(max_size=10), st.none() | st.booleans() | st.integers() | st.text(max_size=10), max_size=5)


@given(CLAIMS, st.text(max_size=20))
def test_what_was_sealed_opens(claims: dict[str, Any], purpose: str) -> None:
    keys = SealingKeys([A, B])
    sealed = keys.seal(purpose, claims, new_secret=new_secret)
    assert keys.open(purpose, sealed) == claims
    assert SealingKeys([B, A]).open(purpose, sealed) == claims


@pytest.mark.parametrize(
    ("keys", "purpose"),
    [
        (SealingKeys([B]), "nonce"),
        (SealingKeys([B, C]), "nonce"),
        (SealingKeys([A]), "token"),
        (SealingKeys([A]), "nonce "),
        (SealingKeys([A]), ""),
        (SealingKeys([A]), "NONCE"),
    ],
)
def test_other_keys_and_other_purposes_open_nothing(keys: SealingKeys, purpose: str) -> None:
    sealed = SealingKeys([A]).seal("nonce", {"a": 1}, new_secret=new_secret)
    with pytest.raises(Malformed):
        keys.open(purpose, sealed)


def test_a_new_key_in_front_seals_and_the_old_one_opens_until_it_is_dropped() -> None:
    old, rotated, dropped = SealingKeys([A]), SealingKeys([B, A]), SealingKeys([B])
    before, after = (keys.seal("x", {"a": 1}, new_secret=new_secret) for keys in (old, rotated))
    assert rotated.open("x", before) == rotated.open("x", after) == dropped.open("x", after) == {"a": 1}
    for keys, sealed in ((old, after), (dropped, before)):
        with pytest.raises(Malformed):
            keys.open("x", sealed)


SEALED = secret_keys().seal("x", {"a": 1}, new_secret=counted())


@given(st.integers(0, len(b64url_decode(SEALED)) * 8 - 1))
def test_one_flipped_bit_and_it_does_not_open(bit: int) -> None:
    raw = bytearray(b64url_decode(SEALED))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Malformed):
        secret_keys().open("x", b64url_encode(bytes(raw)))


@pytest.mark.parametrize("size", range(0, len(b64url_decode(SEALED)), 3))
def test_a_part_of_it_does_not_open(size: int) -> None:
    with pytest.raises(Malformed):
        secret_keys().open("x", b64url_encode(b64url_decode(SEALED)[:size]))


@pytest.mark.parametrize(
    "text", ["", "=", SEALED + "=", SEALED + "\n", " " + SEALED, SEALED + "A", "é", "A" * 5000, SEALED + "." + SEALED]
)
def test_another_spelling_does_not_open(text: str) -> None:
    with pytest.raises(Malformed):
        secret_keys().open("x", text)


@given(st.text(max_size=100) | st.binary(max_size=100).map(b64url_encode))
def test_any_text_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        secret_keys().open("x", text)


def test_sealing_twice_gives_two_values_of_which_none_shows_the_claims() -> None:
    keys = secret_keys()
    first, second = (keys.seal("x", {"sub": "ada"}, new_secret=new_secret) for _ in range(2))
    assert first != second
    assert b"ada" not in b64url_decode(first)


@given(st.text(), st.text(), st.text(), st.text())
def test_a_mac_is_of_one_text_for_one_purpose(purpose: str, text: str, other_purpose: str, other: str) -> None:
    keys = secret_keys()
    mac = keys.mac(f"p{purpose}".replace("\0", ""), text)
    assert keys.check_mac(f"p{purpose}".replace("\0", ""), text, mac)
    assert SealingKeys([B, bytes([1]) * 32]).check_mac(f"p{purpose}".replace("\0", ""), text, mac)
    assert not SealingKeys([B]).check_mac(f"p{purpose}".replace("\0", ""), text, mac)
    assert keys.check_mac(f"p{purpose}".replace("\0", ""), other, mac) is (other == text)
    assert keys.check_mac(f"q{other_purpose}", text, mac) is False


def test_a_mac_differs_from_the_digest_and_does_not_seal() -> None:
    mac = secret_keys().mac("x", "1234")
    assert len(mac) == 64
    assert secret_keys(2).mac("x", "1234") != mac
    assert not secret_keys().check_mac("x", "1234", mac.upper())
    assert not secret_keys().check_mac("x", "1234", "")
    with pytest.raises(Malformed):
        secret_keys().open("x", mac)


@pytest.mark.parametrize("secrets", [[], [b""], [b"x" * 31], [b"x" * 33], [A, b"x"]])
def test_keys_have_32_bytes_and_there_is_one(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="sealing key"):
        SealingKeys(secrets)


def test_keys_do_not_show() -> None:
    shown = repr(SealingKeys([b"k" * 32, A]))
    assert "kkk" not in shown
    assert "\\x01" not in shown
    assert b"k".hex() * 4 not in shown
