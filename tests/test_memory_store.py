"""The store in memory, where it does more than every store must."""

import pytest

from oid4vci.memory import MemoryStore
from oid4vci.records import Insert, Key, Record, Swap

RECORDS = [Record(Key.of("grant", str(i)), {"n": i}, expires_at=i) for i in range(5)]


def test_purging_deletes_what_has_expired() -> None:
    store = MemoryStore()
    store.commit([Insert(record) for record in RECORDS])
    assert len(store) == 5
    assert store.purge(now=2) == 3
    assert store.load([record.key for record in RECORDS]) == {record.key: record for record in RECORDS[3:]}
    assert (store.purge(now=2), len(store)) == (0, 2)


def test_a_purged_key_can_be_inserted_again() -> None:
    store = MemoryStore()
    store.commit([Insert(RECORDS[0])])
    store.purge(now=0)
    assert store.commit([Insert(RECORDS[0])])


def test_data_come_back_as_json_leaves_them() -> None:
    """As in every other store: a test that runs with this one does not pass because a tuple stayed a tuple."""
    store = MemoryStore()
    record = Record(Key.of("grant", "a"), {"pair": (1, 2)}, 100)
    store.commit([Insert(record)])
    assert store.load([record.key])[record.key].data == {"pair": [1, 2]}


@pytest.mark.parametrize("value", [b"", {1, 2}, object(), float("nan")])
def test_data_that_are_not_json_leave_nothing_behind(value: object) -> None:
    store = MemoryStore()
    wrong = Record(RECORDS[1].key, {"value": value}, 100)
    with pytest.raises((TypeError, ValueError)):
        store.commit([Insert(RECORDS[0]), Insert(wrong)])
    assert len(store) == 0
    store.commit([Insert(RECORDS[1])])
    with pytest.raises((TypeError, ValueError)):
        store.commit([Swap(RECORDS[1], wrong)])
    assert store.load([RECORDS[1].key]) == {RECORDS[1].key: RECORDS[1]}
