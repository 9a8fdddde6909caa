"""Stores that are wrong on purpose: tests that find nothing wrong with them would find nothing at all."""

from collections.abc import Sequence

from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Swap


class BlindSwap(MemoryStore):
    """Swaps without looking at the version."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        return super().commit([self._agree(change) for change in changes])

    def _agree(self, change: Change) -> Change:
        if isinstance(change, Swap):
            stored = self.load([change.before.key]).get(change.before.key)
            return change if stored is None else Swap(stored, change.after)
        return change


class FirstChangeOnly(MemoryStore):
    """Stores the guard and forgets what comes after it."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        return super().commit(changes[:1])
