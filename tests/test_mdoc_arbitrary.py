"""mdocs with arbitrary datasets, and mdocs that somebody has changed: refused, or the same."""

import random
from datetime import UTC, date, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oid4vci._cbor import Embedded, Tagged, dumps
from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.claims import select_mdoc
from oid4vci.errors import InvalidCredential
from oid4vci.formats import VerifiedCredential
from oid4vci.formats.mdoc_security_object import _item, _plain_item
from tests import mdocs
from tests.mdocs import HOLDER, NAMESPACE, PERSON, PID, forge, issue, verify

KEYS = st.text(max_size=8) | st.integers(-(1 << 64), (1 << 64) - 1)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(lambda t: t.replace(microsecond=0))
SCALARS = (
    KEYS
    | st.booleans()
    | st.none()
    | st.binary(max_size=20)
    | st.dates()
    | TIMES
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
DATASETS = st.dictionaries(
    st.text(min_size=1, max_size=10),
    st.dictionaries(st.text(min_size=1, max_size=10), VALUES, min_size=1, max_size=6),
    min_size=1,
    max_size=3,
)
# A valid credential that is short, so that every bit of it can be changed.
SMALL_CLAIMS = {PID: {"a": 1, "b": "c"}}
SMALL = issue(SMALL_CLAIMS, doctype=PID)


def outcome(credential: Any, **options: Any) -> VerifiedCredential | None:
    """The verified credential, or None if it is refused; anything else is an error of this test."""
    try:
        return verify(credential, doctype=None, **options)
    except InvalidCredential:
        return None


START = b64url_decode(SMALL).index(mdocs.SIGNER_CERTIFICATE)
CERTIFICATE = range(START, START + len(mdocs.SIGNER_CERTIFICATE))


def refuses(data: bytes, at: int) -> bool:
    """Whether the credential is refused whose byte `at` was changed.

    X.509 has two ways to write the end of a certificate's own signature, so there the credential may also be the same.
    """
    read = outcome(b64url_encode(data))
    return read is None or (at in CERTIFICATE and read.claims == SMALL_CLAIMS)


@given(DATASETS, st.sampled_from(["SHA-256", "SHA-384", "SHA-512"]), st.integers(0, 3))
def test_any_dataset_there_and_back(claims: dict[str, Any], algorithm: str, decoys: int) -> None:
    assume(NAMESPACE not in claims)
    read = verify(issue(claims, doctype=PID, digest_algorithm=algorithm, decoys=decoys), doctype=PID)
    assert read.claims == claims
    for namespace, elements in claims.items():
        for identifier, value in elements.items():
            assert read.select((namespace, identifier)) == select_mdoc((namespace, identifier), claims)
            assert type(read.claims[namespace][identifier]) is type(value)


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    assert outcome(b64url_encode(data)) is None


@given(st.text(max_size=100) | st.none() | st.integers() | st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_arbitrary_values(value: Any) -> None:
    assert outcome(value) is None


def test_every_bit_counts() -> None:
    """Each bit of the credential, one at a time."""
    data = b64url_decode(SMALL)
    assert outcome(SMALL) is not None
    for i in range(len(data) * 8):
        changed = bytearray(data)
        changed[i // 8] ^= 1 << i % 8
        assert refuses(bytes(changed), i // 8), (i // 8, i % 8)


@given(
    st.integers(0, len(SMALL) - 1), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n")
)
def test_every_character_counts(index: int, character: str) -> None:
    changed = SMALL[:index] + character + SMALL[index + 1 :]
    read = outcome(changed)
    assert changed == SMALL or read is None or (index * 3 // 4 in CERTIFICATE and read.claims == SMALL_CLAIMS)


@given(st.data())
def test_bytes_that_are_left_out_doubled_or_put_in(data: st.DataObject) -> None:
    raw = b64url_decode(SMALL)
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start + 1, min(len(raw), start + 40)))
    piece = data.draw(st.binary(min_size=1, max_size=10) | st.just(raw[start:end]))
    for changed in (raw[:start] + raw[end:], raw[:end] + piece + raw[end:], raw[:start] + piece + raw[end:]):
        assert changed == raw or refuses(changed, start)


def cbor_values() -> st.SearchStrategy[Any]:
    tags = st.builds(cbor2.CBORTag, st.sampled_from([0, 1, 18, 24, 32, 37, 1004, 1 << 40]), SCALARS)
    return st.recursive(
        SCALARS | tags, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
    )


@given(st.sampled_from(["items", "mso", "outer", "message"]), st.data())
def test_any_value_in_any_place_is_refused_or_harmless(place: str, data: st.DataObject) -> None:
    """Whatever stands where, nothing but the library's own error comes out."""

    def change(value: Any) -> None:
        where = value[NAMESPACE][0] if place == "items" else value
        for _ in range(data.draw(st.integers(0, 2))):
            step = data.draw(st.sampled_from(list(where) if isinstance(where, dict) else list(range(len(where)))))
            if not isinstance(where[step], dict | list) or not where[step]:
                break
            where = where[step]
        steps = list(where) if isinstance(where, dict) else list(range(len(where)))
        where[data.draw(st.sampled_from(steps))] = data.draw(cbor_values())

    try:
        changes: dict[str, Any] = {place: change}
        credential = forge(**changes)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, cbor2.CBOREncodeError):
        # What was put there cannot even be digested or encoded.
        return
    read = outcome(credential)
    if read is not None:
        assert read.holder_key == HOLDER


@pytest.mark.parametrize(
    "data",
    [
        b"\x9f" * 100_000,
        b"\xa1" + b"\xa1\x01" * 100_000,
        b"\xd8\x18" * 100_000,
        b"\xbb" + b"\xff" * 8,
        b"\x5b" + b"\x7f" * 8 + b"x",
        b"\xa2\x6anameSpaces" + b"\xba\xff\xff\xff\xff",
        b"\xa2" + cbor2.dumps("nameSpaces") + cbor2.dumps({"a": [cbor2.CBORTag(24, b"\x9f" * 500_000)]}),
        b"\xdb" + b"\xff" * 8 + b"\x01",
        b"\xc2\x5a\x00\x0f\xff\x00" + b"\xff" * 0xFFF00,
    ],
)
def test_bombs(data: bytes) -> None:
    assert outcome(b64url_encode(data)) is None


def test_a_data_element_that_is_nested_too_deeply() -> None:
    def change(spaces: Any) -> None:
        value: Any = 1
        for _ in range(200):
            value = [value]
        spaces[NAMESPACE][0]["elementValue"] = value

    assert outcome(forge(items=change)) is None


def test_unknown_tags_are_values() -> None:
    def change(spaces: Any) -> None:
        spaces[NAMESPACE][0]["elementValue"] = [cbor2.CBORTag(32, "https://a.example"), cbor2.CBORTag(35, "(a+)+$")]

    read = verify(forge(items=change))
    assert read.claims[NAMESPACE]["family_name"] == [Tagged(32, "https://a.example"), Tagged(35, "(a+)+$")]


def test_mixed_up_parts_of_two_credentials() -> None:
    """Data elements of one, signature of the other: the same issuer, the same holder."""
    one, other = mdocs.opened(issue(PERSON, doctype=PID)), mdocs.opened(issue(PERSON, doctype=PID))
    mixed = {"nameSpaces": one["nameSpaces"], "issuerAuth": other["issuerAuth"]}
    assert outcome(b64url_encode(cbor2.dumps(mixed))) is None


def test_items_in_another_order_are_the_same() -> None:
    outer = mdocs.opened(issue(PERSON, doctype=PID))
    random.Random(1).shuffle(outer["nameSpaces"][PID])
    read = outcome(b64url_encode(cbor2.dumps(outer)))
    assert read is not None
    assert read.claims == PERSON


@given(
    st.integers(0, 300), st.binary(min_size=16, max_size=16) | st.binary(min_size=30, max_size=34), st.text(max_size=30), VALUES
)
def test_data_elements_are_read_alike_on_the_quick_way(number: int, salt: bytes, name: str, value: Any) -> None:
    members = {"digestID": number, "random": salt, "elementIdentifier": name, "elementValue": value}
    content = dumps(members)
    quick = _plain_item(content)
    assert (quick is not None) == (number < 256 and len(salt) in (16, 32) and 0 < len(name.encode()) < 24)
    if quick is not None:
        assert quick == _item(Embedded(content, b""))
    # Others have another order.
    assert _plain_item(dumps(dict(reversed(members.items())))) is None


@given(st.data())
def test_data_elements_that_somebody_has_changed_are_read_alike_or_not_on_the_quick_way(data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(["c", "d" * 23, date(2020, 1, 1), True, [1, {"a": b"b"}]]))
    content = bytearray(dumps({"digestID": 24, "random": bytes(16), "elementIdentifier": "ab", "elementValue": value}))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    quick = _plain_item(bytes(content))
    if quick is not None:
        assert quick == _item(Embedded(bytes(content), b""))
