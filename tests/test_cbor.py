"""CBOR: what is read and what is refused, with cbor2 as the other reader; what is written."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _cbor
from oid4vci._cbor import DATES, Embedded, Tagged, dumps, head, loads
from oid4vci._json import Malformed

KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text()
SCALARS = KEYS | st.booleans() | st.none() | st.binary() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.builds(Tagged, st.just(37), inner)
    ),
    max_leaves=20,
)


def refused(data: str, **options: Any) -> str:
    with pytest.raises(Malformed) as error:
        loads(bytes.fromhex(data), **options)
    return str(error.value)


# --- reading ----------------------------------------------------------------------------------------------------------------


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert loads(dumps(value)) == value


@given(VALUES)
def test_what_cbor2_writes_is_read(value: Any) -> None:
    def theirs(value: Any) -> Any:
        if isinstance(value, Tagged):
            return cbor2.CBORTag(value.tag, theirs(value.value))
        if isinstance(value, dict):
            return {key: theirs(member) for key, member in value.items()}
        return [theirs(element) for element in value] if isinstance(value, list) else value

    assert loads(cbor2.dumps(theirs(value), canonical=True)) == value


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_as_cbor2_reads_them_or_refused(data: bytes) -> None:
    try:
        value = loads(data, tags=DATES)
    except Malformed:
        return
    if "Tagged" not in repr(value) and "Embedded" not in repr(value):
        assert cbor2.loads(data) == value


@given(VALUES, st.data())
def test_a_message_cut_short_or_with_something_behind_it_is_refused(value: Any, data: st.DataObject) -> None:
    encoded = dumps(value)
    with pytest.raises(Malformed):
        loads(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(Malformed):
        loads(encoded + b"\0")


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("9f0102ff", [1, 2]),
        ("bf6161016162 9f00ff ff", {"a": 1, "b": [0]}),
        ("1800", 0),
        ("190001", 1),
        ("9800", []),
        ("f93c00", 1.0),
        ("fa3f800000", 1.0),
        ("d825 50" + "00" * 16, Tagged(37, bytes(16))),
        ("dbffffffffffffffff f6", Tagged((1 << 64) - 1, None)),
        ("d9d9f7 01", Tagged(55799, 1)),
    ],
)
def test_what_others_may_write(data: str, value: Any) -> None:
    assert loads(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "too early"),
        ("18", "too early"),
        ("19 00", "too early"),
        ("62 61", "too early"),
        ("42 61", "too early"),
        ("82 01", "too early"),
        ("a1 01", "too early"),
        ("d818", "too early"),
        ("f900", "too early"),
        ("fb00000000000000", "too early"),
        ("9f 01", "too early"),
        ("bf 01", "too early"),
        ("5bffffffffffffffff", "too early"),
        ("1c", "not CBOR"),
        ("1f", "not CBOR"),
        ("3f", "not CBOR"),
        ("dfff", "not CBOR"),
        ("5f4101ff", "chunks"),
        ("7f6161ff", "chunks"),
        ("ff", "not CBOR"),
        ("81ff", "not CBOR"),
        ("a101ff", "not CBOR"),
        ("a1ff01", "keys"),
        ("bf01ff", "not CBOR"),
        ("d825ff", "not CBOR"),
        ("00 00", "follows"),
        ("a2 0101 0102", "repeated"),
        ("a2 0101 180102", "repeated"),
        ("a2 616101 616102", "repeated"),
        ("bf 0101 0102 ff", "repeated"),
        ("a2 0101 f93c0002", "keys"),
        ("a2 0101 f502", "keys"),
        ("a1 f501", "keys"),
        ("a1 f601", "keys"),
        ("a1 416101", "keys"),
        ("a1 8001", "keys"),
        ("a1 d8184101 01", "keys"),
        ("d81800", "byte string"),
        ("d8186101", "byte string"),
        ("61ff", "UTF-8"),
        ("63eda080", "UTF-8"),
        ("f97e00", "finite"),
        ("f97c00", "finite"),
        ("fbfff0000000000000", "finite"),
        ("f7", "simple"),
        ("e0", "simple"),
        ("f814", "simple"),
        ("f8ff", "simple"),
        ("c2 49 010000000000000000", "tag"),
        ("c3 4101", "tag"),
        ("c4 82 21 196ab3", "tag"),
        ("d81c 81 d81d 00", "tag"),
        ("d81d 00", "tag"),
        ("d90100 82 63616263 d81900", "tag"),
        ("9bffffffffffffffff", "too many"),
        ("bbffffffffffffffff", "too many"),
        ("9a000f4240" + "00" * 16, "too many"),
    ],
)
def test_what_is_refused(data: str, reason: str) -> None:
    assert reason in refused(data)


def test_size_depth_and_number_are_bounded() -> None:
    assert "large" in refused("8101", max_bytes=1)
    assert loads(b"\x81" * 32 + b"\x01") is not None
    assert "deep" in refused("81" * 33 + "01")
    assert "deep" in refused("9f" * 100_000)
    assert "deep" in refused("d825" * 33 + "01")
    assert "deep" in refused("a100" * 100_000)
    many = _cbor.MAX_ITEMS + 1
    assert "many" in refused("9f" + "01" * many + "ff")
    for start, end in ((head(5, _cbor.MAX_MEMBERS + 1), b""), (b"\xbf", b"\xff")):
        members = b"".join(dumps(n) + b"\x01" for n in range(_cbor.MAX_MEMBERS + 1))
        assert "many members" in refused((start + members + end).hex())
    with pytest.raises(ValueError, match="many members"):
        dumps(dict.fromkeys(range(_cbor.MAX_MEMBERS + 1)))
    assert len(loads(dumps(dict.fromkeys(range(_cbor.MAX_MEMBERS))))) == _cbor.MAX_MEMBERS
    # All arrays of a message count together.
    assert "many" in refused((b"\x82" + (head(4, many // 2) + b"\x01" * (many // 2)) * 2).hex())


# --- tags -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("d903ec 6a 323031392d31302d3230", date(2019, 10, 20)),
        ("c0 74 323031332d30332d32315432303a30343a30305a", datetime(2013, 3, 21, 20, 4, tzinfo=UTC)),
        ("c1 1a514b67b0", datetime(2013, 3, 21, 20, 4, tzinfo=UTC)),
        ("c1 fb41d452d9ec200000", datetime(2013, 3, 21, 20, 4, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_dates_are_decoded_where_asked(data: str, value: Any) -> None:
    raw = bytes.fromhex(data)
    assert loads(raw, tags=DATES) == value
    assert isinstance(loads(raw), Tagged)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2019-10-20T01:02:03.5Z", datetime(2019, 10, 20, 1, 2, 3, 500_000, UTC)),
        ("2019-10-20T01:02:03.123456789+02:00", datetime(2019, 10, 20, 1, 2, 3, 123_456, timezone(timedelta(hours=2)))),
    ],
)
def test_times_of_others(text: str, value: datetime) -> None:
    assert _cbor.tdate(text) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2019-10-20",
        "2019-10-20T01:02:03",
        "2019-10-20 01:02:03Z",
        "2019-13-20T01:02:03Z",
        "2019-10-20T24:02:03Z",
        0,
        None,
        "2019-10-20T01:02:03z",
        "2019-10-20T01:02Z",
        "20191020T010203Z",
        "2019-10-20T01:02:03.Z",
        "\u0662019-10-20T01:02:03Z",
    ],
)
def test_times_that_are_none(value: Any) -> None:
    with pytest.raises(Malformed):
        _cbor.tdate(value)


@pytest.mark.parametrize(
    "value", ["", "2019-1-20", "20191020", "2019-W43-7", "2019-02-30", "2019-10-20T00:00:00Z", 17_000, None]
)
def test_dates_that_are_none(value: Any) -> None:
    with pytest.raises(Malformed):
        _cbor.full_date(value)


@pytest.mark.parametrize("data", ["c1 6131", "c1 f5", "c1 1bffffffffffffffff", "c1 fb7fe0000000000000", "c0 01", "d903ec 40"])
def test_tags_over_the_wrong_values(data: str) -> None:
    refused(data, tags=DATES)


def test_embedded_cbor_is_kept_as_it_came() -> None:
    for head_of_string in ("42", "5802", "590002"):
        data = bytes.fromhex(f"d818{head_of_string}8101")
        (read,) = loads(b"\x81" + data)
        assert (read, read.encoded) == (Embedded(b"\x81\x01", b""), data)
        assert dumps(read) == bytes.fromhex("d818428101")


# --- writing ----------------------------------------------------------------------------------------------------------------


def test_dates_are_written_under_their_tags() -> None:
    assert dumps(date(2019, 10, 20)) == bytes.fromhex("d903ec6a") + b"2019-10-20"
    assert dumps(datetime(2019, 10, 20, 2, 0, tzinfo=timezone(timedelta(hours=2)))) == b"\xc0\x74" + b"2019-10-20T00:00:00Z"
    assert dumps(datetime(999, 1, 1, tzinfo=UTC)) == b"\xc0\x74" + b"0999-01-01T00:00:00Z"


@given(st.dates() | st.datetimes(timezones=st.just(UTC)).map(lambda each: each.replace(microsecond=0)))
def test_dates_are_read_again(value: Any) -> None:
    assert loads(dumps([value]), tags=DATES) == [value]


def test_members_keep_their_order() -> None:
    assert dumps({"b": 1, "a": (2,)}) == bytes.fromhex("a2 616201 61618102")


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        1 << 64,
        -(1 << 64) - 1,
        "\ud800",
        {1.0: 1},
        {True: 1},
        {b"a": 1},
        {None: 1},
        {"\ud800": 1},
        {1},
        object(),
        bytearray(b"a"),
        datetime(2019, 10, 20),
        datetime(2019, 10, 20, 1, 2, 3, 4, UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        Tagged(2, b"\1"),
        Tagged(-1, 0),
        Tagged(1 << 64, 0),
    ],
)
def test_what_cannot_be_written(value: Any) -> None:
    for each in (value, [value], {"a": value}):
        with pytest.raises(ValueError, match="written in CBOR"):
            dumps(each)


def test_what_has_no_end_cannot_be_written() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="deep"):
        dumps(endless)


@given(st.integers(0, (1 << 64) - 1))
def test_heads(number: int) -> None:
    assert head(0, number) == cbor2.dumps(number)
    assert head(1, number) == cbor2.dumps(-1 - number)
