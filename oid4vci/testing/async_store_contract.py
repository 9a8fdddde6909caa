"""The same checks for a store whose methods are awaited, in whatever event loop it needs."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from attrs import frozen

from oid4vci.records import Change, Key, Records, Store
from oid4vci.testing.store_contract import StoreContract

__all__ = ("AsyncStore", "AsyncStoreContract")

T = TypeVar("T")


class AsyncStore(Protocol):
    """`Store` with methods that are awaited."""

    def load(self, keys: Sequence[Key], /) -> Awaitable[Records]:
        """The rows of these keys that exist."""

    def commit(self, changes: Sequence[Change], /) -> Awaitable[bool]:
        """Apply all changes or none. False if a condition did not hold; errors of the store itself are raised."""


@frozen
class _Waiting:
    """An `AsyncStore` as a `Store`."""

    store: AsyncStore
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    def load(self, keys: Sequence[Key], /) -> Records:
        loaded: Records = self.run(_awaited(self.store.load(keys)))
        return loaded

    def commit(self, changes: Sequence[Change], /) -> bool:
        committed: bool = self.run(_awaited(self.store.commit(changes)))
        return committed


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class AsyncStoreContract(StoreContract):
    """`StoreContract` for a store whose methods are awaited: define `make_async_store`, `run` and `gather`.

    With asyncio, in a subclass:

        runner = asyncio.Runner()

        def run(self, coroutine):
            return self.runner.run(coroutine)

        async def gather(self, *awaitables):
            return await asyncio.gather(*awaitables)
    """

    def make_async_store(self) -> Coroutine[Any, Any, AsyncStore]:
        """A coroutine (define it with `async def`) that gives a new and empty store."""
        raise TypeError(f"{type(self).__name__} must define make_async_store")

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and give what it returns; always in the same event loop."""
        raise TypeError(f"{type(self).__name__} must define run")

    async def gather(self, *awaitables: Awaitable[T]) -> Sequence[T]:
        """Await all at the same time and give what they return, in order."""
        raise TypeError(f"{type(self).__name__} must define gather")

    def make_store(self) -> Store:
        return _Waiting(self.run(self.make_async_store()), self.run)

    def race(self, store: Store, commits: Sequence[Sequence[Change]]) -> list[bool]:
        """Await all commits at the same time; what each returned."""
        if not isinstance(store, _Waiting):
            raise TypeError("the store is not one that make_store gave")
        return list(self.run(self.gather(*(store.store.commit(changes) for changes in commits))))
