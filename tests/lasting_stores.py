"""What is checked of every store that outlives its process, beside the contract."""

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Protocol, Self

import pytest
from attrs import evolve

from examples.reference_server.stores import open_store
from oid4vci.records import Change, Insert, Key, Record, Store, Swap
from oid4vci.testing import StoreContract

# The year 2100, because some stores delete by their own clock.
LATER = 4_102_444_800


class LastingStore(Store, Protocol):
    """A store that holds something, until it is closed."""

    def purge(self, *, now: int) -> int: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """The store that `url` names, closed in the end."""
    store = open_store(url)
    try:
        yield store
    finally:
        if hasattr(store, "close"):
            store.close()


def grant(name: str, *, version: int = 0, expires_at: int = LATER, **data: object) -> Record:
    """A row."""
    return Record(Key.of("grant", name), data, expires_at, version)


class LastingStoreContract(StoreContract):
    """`StoreContract`, and what several openings of one store, in threads and one after the other, have in common."""

    @abstractmethod
    def open(self) -> LastingStore:
        """The store of this test, opened once more."""

    @pytest.fixture(autouse=True)
    def _opened(self) -> Iterator[None]:
        with ExitStack() as self.opened:
            yield

    def make_store(self) -> LastingStore:
        return self.opened.enter_context(self.open())

    def test_what_was_committed_is_there_after_opening_again(self) -> None:
        record = grant("a", version=3, subject="alice")
        with self.open() as store:
            assert store.commit([Insert(record)])
        with self.open() as store:
            assert store.load([record.key]) == {record.key: record}

    def test_two_connections_see_each_other(self) -> None:
        record = grant("a")
        one, other = self.make_store(), self.make_store()
        assert one.commit([Insert(record)])
        assert other.load([record.key]) == {record.key: record}
        assert not other.commit([Insert(record)])
        assert other.commit([Swap(record, None)])
        assert one.load([record.key]) == {}

    def test_several_connections_race(self) -> None:
        stores = [self.make_store() for _ in range(4)]
        for i in range(10):
            changes = [Insert(grant(str(i)))]
            with ThreadPoolExecutor(len(stores)) as threads:
                won = list(threads.map(lambda store, changes=changes: store.commit(changes), stores))
            assert won.count(True) == 1

    def test_many_threads_share_one_store(self) -> None:
        store, threads, rounds = self.make_store(), 24, 20
        store.commit([Insert(grant("counter", n=0))])

        def count(_: int) -> None:
            for _ in range(rounds):
                while True:
                    (before,) = store.load([grant("counter").key]).values()
                    if store.commit([Swap.update(before, n=before.data["n"] + 1)]):
                        break

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(count, range(threads)))
        (counter,) = store.load([grant("counter").key]).values()
        assert (counter.data["n"], counter.version) == (threads * rounds, threads * rounds)

    def test_commits_that_take_the_same_rows_in_other_orders_do_not_lock_each_other_out(self) -> None:
        one, other, names = self.make_store(), self.make_store(), "abcdef"
        one.commit([Insert(grant(name)) for name in names])

        def change(store: Store, names: str) -> int:
            done = 0
            for i in range(60):
                rows = store.load([grant(name).key for name in names])
                changes: list[Change] = [Swap.update(rows[grant(name).key], by=i) for name in names]
                changes += [Insert(grant(f"{name} {rows[grant(names[0]).key].version}")) for name in names]
                done += store.commit(changes)
            return done

        with ThreadPoolExecutor(4) as threads:
            orders = [names, names[::-1], names[3:] + names[:3], names]
            done = sum(threads.map(change, [one, other, one, other], orders))
        rows = one.load([grant(name).key for name in names]).values()
        assert [row.version for row in rows] == [done] * len(names)
        assert done > 0

    def test_data_that_are_not_json_leave_nothing_behind(self) -> None:
        store, good = self.make_store(), grant("a")
        with pytest.raises(TypeError):
            store.commit([Insert(good), Insert(grant("b", x=b""))])
        assert store.load([good.key]) == {}
        assert store.commit([Insert(good)])

    def test_large_rows_and_large_numbers(self) -> None:
        store = self.make_store()
        large = grant("a", expires_at=2**40, version=2**53 + 1, text="\0\ud800ü" * 400_000)
        assert store.commit([Insert(large)])
        assert not store.commit([Swap(evolve(large, version=2**53), None)])
        assert store.load([large.key]) == {large.key: large}
        assert store.commit([Swap(large, evolve(large, version=2**53 + 2, data={}))])

    def test_closing_twice_is_no_error(self) -> None:
        store = self.make_store()
        store.load([grant("a").key])
        store.close()
        store.close()


class PurgingContract:
    """Of a store that deletes what has expired when it is told to."""

    def test_purging_deletes_what_has_expired(self) -> None:
        store: LastingStore = self.make_store()  # type: ignore[attr-defined]
        records = [grant(str(i), expires_at=i) for i in range(5)]
        store.commit([Insert(record) for record in records])
        assert store.purge(now=2) == 3
        assert set(store.load([record.key for record in records])) == {record.key for record in records[3:]}
        assert store.purge(now=2) == 0
        assert store.commit([Insert(records[0])])
