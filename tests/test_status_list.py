"""The Status List itself: packing, bounds, and what is refused when it comes from outside (Token Status List 4, 7)."""

import contextlib
import json
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.formats.copies import check_status
from oid4vci.revocation import StatusReference
from oid4vci.status_list import APPLICATION_SPECIFIC, StatusList, StatusType
from oid4vci.status_list.status_list import status_name

BITS = st.sampled_from((1, 2, 4, 8))
REFERENCE = {"idx": 7, "uri": "https://example.com/statuslists/1"}


def published(vectors: Path) -> list[dict[str, Any]]:
    """The lists that the specification shows."""
    found = json.loads((vectors / "status-list" / "vectors.json").read_text())["vectors"]
    return [vector for vector in found if vector["type"] == "statuslist"]


def statuses_of(vector: dict[str, Any]) -> tuple[int, dict[int, int]]:
    if "statuses" in vector:
        return len(vector["statuses"]), dict(enumerate(vector["statuses"]))
    return vector["size"], {int(index): status for index, status in vector["statuses_by_index"].items()}


def test_published_lists_are_reproduced(vectors: Path) -> None:
    for vector in published(vectors):
        size, statuses = statuses_of(vector)
        made = StatusList.of(size, bits=vector["bits"], statuses=statuses)
        assert made.size == size
        assert zlib.decompress(b64url_decode(vector["lst"])) == made.packed
        # Other deflaters may find other ways to say the same.
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:
            assert made.to_json() == {"bits": vector["bits"], "lst": vector["lst"]}


def test_published_lists_are_read(vectors: Path) -> None:
    for vector in published(vectors):
        size, statuses = statuses_of(vector)
        read = StatusList.from_json({"bits": vector["bits"], "lst": vector["lst"]})
        assert read.size == size
        assert all(read.get(index) == status for index, status in statuses.items())
        others = [index for index in range(0, size, 997) if index not in statuses]
        assert {read.get(index) for index in others} <= {0}
        assert StatusList.from_cbor({"bits": vector["bits"], "lst": b64url_decode(vector["lst"])}) == read


def test_bits_are_counted_from_the_least_significant_one() -> None:
    assert StatusList.of(8, statuses={0: 1}).packed == b"\x01"
    assert StatusList.of(4, bits=2, statuses={3: 2}).packed == b"\x80"
    assert StatusList.of(4, bits=4, statuses={1: 3, 2: 15}).packed == b"\x30\x0f"
    assert StatusList.of(2, bits=8, statuses={1: 255}).packed == b"\x00\xff"


def test_whole_bytes_are_filled_with_the_default() -> None:
    assert StatusList.of(3).size == 8
    assert StatusList.of(3, bits=2, default=1).packed == b"\x55"
    assert StatusList.of(9, bits=4, default=2).get(9) == 2


@given(BITS, st.data())
def test_any_list_comes_back(bits: int, data: st.DataObject) -> None:
    statuses = data.draw(st.dictionaries(st.integers(0, 999), st.integers(0, (1 << bits) - 1)))
    default = data.draw(st.integers(0, (1 << bits) - 1))
    made = StatusList.of(1000, bits=bits, statuses=statuses, default=default)
    for read in (StatusList.from_json(json.loads(json.dumps(made.to_json()))), StatusList.from_cbor(made.to_cbor())):
        assert read == made
        assert [read.get(index) for index in range(1000)] == [statuses.get(index, default) for index in range(1000)]


@given(BITS, st.dictionaries(st.integers(0, 99), st.integers(0, 1)), st.dictionaries(st.integers(0, 99), st.integers(0, 1)))
def test_setting_changes_these_entries_only(bits: int, first: dict[int, int], then: dict[int, int]) -> None:
    before = StatusList.of(100, bits=bits, statuses=first)
    after = before.set(then)
    assert [after.get(index) for index in range(100)] == [{**first, **then}.get(index, 0) for index in range(100)]
    assert before == StatusList.of(100, bits=bits, statuses=first)


@pytest.mark.parametrize("index", [-1, 16, 17, 1 << 80])
def test_an_index_out_of_bounds_is_an_error(index: int) -> None:
    with pytest.raises(Malformed):
        StatusList.of(16).get(index)
    with pytest.raises(ValueError, match="bounds"):
        StatusList.of(16).set({index: 1})


@pytest.mark.parametrize(("bits", "status"), [(1, 2), (2, 4), (4, 16), (8, 256), (1, -1)])
def test_a_status_must_fit(bits: int, status: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        StatusList.of(16, bits=bits, statuses={0: status})
    with pytest.raises(ValueError, match="bits"):
        StatusList.of(16, bits=bits, default=status)


@pytest.mark.parametrize("bits", [0, 3, 16, -1, True, "1", None, 1.0])
def test_other_numbers_of_bits_are_refused(bits: Any) -> None:
    with pytest.raises(Malformed):
        StatusList.from_json({**StatusList.of(8).to_json(), "bits": bits})
    with pytest.raises(ValueError, match="bits"):
        StatusList.of(8, bits=bits)


def test_a_list_has_an_entry() -> None:
    with pytest.raises(ValueError, match="at least one"):
        StatusList.of(0)


GOOD = zlib.compress(bytes(100))


@pytest.mark.parametrize(
    "lst",
    [
        b"",
        GOOD[:-1],
        GOOD[:-4],
        GOOD[:3],
        GOOD + b"\0",
        GOOD + GOOD,
        GOOD[:-1] + bytes((GOOD[-1] ^ 1,)),
        bytes(20),
        zlib.compress(bytes(100), wbits=-15),
        zlib.compress(bytes(100), wbits=31),
    ],
    ids=["empty", "cut", "no checksum", "head", "more", "twice", "checksum", "zeros", "raw deflate", "gzip"],
)
def test_what_is_not_one_zlib_stream_is_refused(lst: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        StatusList.from_json({"bits": 1, "lst": b64url_encode(lst)})
    assert caught.value.path == "lst"
    with pytest.raises(Malformed):
        StatusList.from_cbor({"bits": 1, "lst": lst})


def test_a_stream_with_a_preset_dictionary_is_refused() -> None:
    deflater = zlib.compressobj(zdict=b"0123456789")
    lst = deflater.compress(b"0123456789") + deflater.flush()
    with pytest.raises(Malformed):
        StatusList.from_cbor({"bits": 1, "lst": lst})


def test_a_bomb_is_not_inflated() -> None:
    bomb = zlib.compress(bytes(1 << 28), 9)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="too much"):
            StatusList.from_cbor({"bits": 1, "lst": bomb}, max_size=1 << 16)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_the_bound_is_exact() -> None:
    lst = zlib.compress(bytes(1000))
    assert StatusList.from_cbor({"bits": 1, "lst": lst}, max_size=1000).size == 8000
    with pytest.raises(Malformed):
        StatusList.from_cbor({"bits": 1, "lst": lst}, max_size=999)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "lst",
        {},
        {"bits": 1},
        {"lst": "eNrbuRgAAhcBXQ"},
        {"bits": 1, "lst": 7},
        {"bits": 1, "lst": b"eNrbuRgAAhcBXQ"},
        {"bits": 1, "lst": "eNrbuRgAAhcBXQ=="},
        {"bits": 1, "lst": "eNrbuRgA AhcBXQ"},
        {"bits": 1, "lst": "\u00e9"},
    ],
)
def test_malformed_lists_are_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        StatusList.from_json(value)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(lst: bytes) -> None:
    with contextlib.suppress(Malformed):
        StatusList.from_cbor({"bits": 1, "lst": lst}, max_size=1 << 16)


def test_status_types_have_names() -> None:
    assert [status_name(value) for value in range(5)] == ["VALID", "INVALID", "SUSPENDED", None, None]
    assert (StatusType.VALID, StatusType.INVALID, StatusType.SUSPENDED) == (0, 1, 2)
    assert {0x03, 0x0C, 0x0D, 0x0E, 0x0F} == APPLICATION_SPECIFIC


# The reference to a list (Token Status List 6)


def test_a_reference_is_read_and_written() -> None:
    reference = StatusReference.of({"status_list": {**REFERENCE, "more": 1}, "other": {}})
    assert reference == StatusReference("https://example.com/statuslists/1", 7)
    assert reference.status == {"status_list": REFERENCE}
    assert StatusReference.of({"identifier_list": {}}) is None


@pytest.mark.parametrize(
    "status",
    [
        None,
        [],
        {},
        "status_list",
        {"status_list": None},
        {"status_list": []},
        {"status_list": {}},
        {"status_list": {"idx": 7}},
        {"status_list": {"uri": "https://example.com/1"}},
        *({"status_list": {**REFERENCE, "idx": idx}} for idx in (-1, 1.0, "7", None, True, 2**53)),
        *({"status_list": {**REFERENCE, "uri": uri}} for uri in (7, None, "", "list", "https://e.com/a b", "https://\u00e9")),
        {"status_list": {**REFERENCE, "uri": "https://e.com/" + "a" * 2048}},
    ],
)
def test_a_malformed_reference_is_refused(status: Any) -> None:
    with pytest.raises(Malformed):
        StatusReference.of(status)
    with pytest.raises(ValueError, match="status"):
        check_status(status)


def test_encoders_take_other_mechanisms() -> None:
    check_status({"status_list": REFERENCE})
    check_status({"status_attestation": {"credential_hash_alg": "sha-256"}})
