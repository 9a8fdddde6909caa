"""The stores of this project keep the contract, and the contract finds stores that do not."""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

import pytest
from attrs import evolve, frozen

from examples.sqlite_store import SqliteStore
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Insert, Key, Record, Records, Swap
from oid4vci.testing import AsyncStoreContract, StoreContract
from tests.lasting_stores import LastingStoreContract, PurgingContract
from tests.wrong_stores import BlindSwap, FirstChangeOnly

T = TypeVar("T")


class TestMemoryStore(StoreContract):
    def make_store(self) -> MemoryStore:
        return MemoryStore()


class TestSqliteStore(LastingStoreContract, PurgingContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store.db"

    def open(self) -> SqliteStore:
        return SqliteStore(self.path)


@frozen
class AsyncMemoryStore:
    """Gives way to other coroutines before it commits."""

    store: MemoryStore

    async def load(self, keys: Sequence[Key], /) -> Records:
        await asyncio.sleep(0)
        return self.store.load(keys)

    async def commit(self, changes: Sequence[Change], /) -> bool:
        await asyncio.sleep(0)
        return self.store.commit(changes)


class Interruptible(AsyncMemoryStore):
    """Gives way between its check and its write."""

    async def commit(self, changes: Sequence[Change], /) -> bool:
        trial = MemoryStore()
        keys = [change.record.key if isinstance(change, Insert) else change.before.key for change in changes]
        trial.commit([Insert(record) for record in self.store.load(keys).values()])
        if not trial.commit(changes):
            return False
        await asyncio.sleep(0)
        for key, row in self.store.load(keys).items():
            self.store.commit([Swap(row, trial.load([key]).get(key))])
        self.store.commit([Insert(row) for row in trial.load(keys).values() if not self.store.load([row.key])])
        return True


class TestAsyncStore(AsyncStoreContract):
    store_class = AsyncMemoryStore

    @pytest.fixture(autouse=True)
    def _runner(self) -> Iterator[None]:
        with asyncio.Runner() as self.runner:
            yield

    async def make_async_store(self) -> AsyncMemoryStore:
        return self.store_class(MemoryStore())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    async def gather(self, *awaitables: Awaitable[T]) -> Sequence[T]:
        return await asyncio.gather(*awaitables)


@pytest.mark.parametrize("race", ["inserts", "swaps"])
def test_the_async_contract_finds_a_check_that_is_apart_from_its_write(race: str) -> None:
    contract = TestAsyncStore()
    contract.store_class = Interruptible
    with asyncio.Runner() as contract.runner, pytest.raises(AssertionError, match="exactly one must be True"):
        getattr(contract, f"test_one_of_several_{race}_wins")()


# --- stores that are wrong ----------------------------------------------------------------------------------------------------


class Overwriting(MemoryStore):
    """Inserts over what is there."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        for change in changes:
            if isinstance(change, Insert):
                stored = self.load([change.record.key])
                super().commit([Swap(row, None) for row in stored.values()])
        return super().commit(changes)


class Partial(MemoryStore):
    """Applies changes one by one and stops at the first that fails."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        return all(super(Partial, self).commit([change]) for change in changes)


class Interrupted(MemoryStore):
    """Lets other threads run between its check and its write."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        trial = MemoryStore()
        keys = [change.record.key if isinstance(change, Insert) else change.before.key for change in changes]
        trial.commit([Insert(record) for record in self.load(keys).values()])
        if not trial.commit(changes):
            return False
        sleep(0.001)
        for key in dict.fromkeys(keys):
            super().commit([Swap(row, None) for row in self.load([key]).values()])
        return super().commit([Insert(row) for row in trial.load(keys).values()])


class Kindless(MemoryStore):
    """Knows digests only."""

    def load(self, keys: Sequence[Key], /) -> Records:
        found = super().load([Key("", key.digest) for key in keys])
        return {key: evolve(row, key=key) for key in keys if (row := found.get(Key("", key.digest)))}

    def commit(self, changes: Sequence[Change], /) -> bool:
        return super().commit([self._without_kind(change) for change in changes])

    def _without_kind(self, change: Change) -> Change:
        if isinstance(change, Insert):
            return Insert(_kindless(change.record))
        return Swap(_kindless(change.before), None if change.after is None else _kindless(change.after))


def _kindless(record: Record) -> Record:
    return evolve(record, key=Key("", record.key.digest))


class Referring(MemoryStore):
    """Keeps the caller's own values."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[Key, Record] = {}

    def load(self, keys: Sequence[Key], /) -> Records:
        return {key: self.kept[key] for key in super().load(keys)}

    def commit(self, changes: Sequence[Change], /) -> bool:
        for change in changes:
            after = change.record if isinstance(change, Insert) else change.after
            if after is not None:
                self.kept[after.key] = after
        return super().commit(changes)


class Careless(MemoryStore):
    """Commits whatever was asked, and says that it did not."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        super().commit(changes)
        return not changes


@pytest.mark.parametrize(
    "store", [BlindSwap, Overwriting, Partial, Interrupted, FirstChangeOnly, Kindless, Referring, Careless]
)
def test_the_contract_finds_a_store_that_is_wrong(store: type[MemoryStore]) -> None:
    with pytest.raises(AssertionError):
        StoreContract.check(store)


class PartialContract(StoreContract):
    all_or_nothing = False


def test_a_store_without_transactions_can_keep_what_is_left_of_the_contract() -> None:
    PartialContract.check(Partial)


@pytest.mark.parametrize("store", [BlindSwap, Overwriting, Interrupted, FirstChangeOnly, Kindless, Referring, Careless])
def test_what_is_left_of_the_contract_finds_a_store_that_is_wrong(store: type[MemoryStore]) -> None:
    with pytest.raises(AssertionError):
        PartialContract.check(store)


def test_the_contract_runs_without_a_test_runner(tmp_path: Path) -> None:
    made: list[SqliteStore] = []
    with ExitStack() as opened:

        def make_store() -> SqliteStore:
            made.append(opened.enter_context(SqliteStore(tmp_path / f"{len(made)}.db")))
            return made[-1]

        StoreContract.check(make_store)
    assert len(made) == sum(name.startswith("test_") for name in dir(StoreContract))


@pytest.mark.parametrize("contract", [StoreContract, AsyncStoreContract])
def test_a_contract_says_what_it_lacks(contract: type[StoreContract]) -> None:
    with pytest.raises(TypeError, match="must define"):
        contract().make_store()


def test_the_failure_of_a_racing_thread_is_not_lost() -> None:
    class Failing(MemoryStore):
        def commit(self, changes: Sequence[Change], /) -> bool:
            raise OSError("the disk is full")

    changes: list[Change] = [Insert(Record(Key.of("grant", "a"), {}, 100))]
    with pytest.raises(OSError, match="the disk is full"):
        StoreContract().race(Failing(), [changes, changes])
