"""What an administrator is shown of each person: the last entries of a kind, in one row of the store."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from oid4vci.records import Change, Insert, Key, Record, Store, Swap

__all__ = ("NOTIFICATIONS", "Journal")

LAST: Final = 100
# Seconds after the last entry.
LIFETIME: Final = 90 * 86_400


@frozen
class Journal:
    """Rows of one kind. An entry is JSON."""

    kind: str

    def noting(self, store: Store, subject: str, entry: Mapping[str, Any], *, now: int) -> Change:
        """The change that adds an entry; the oldest one goes where there are too many."""
        key = Key.of(self.kind, subject)
        before, expires_at = store.load([key]).get(key), now + LIFETIME
        if before is None:
            return Insert(Record(key, {"entries": [entry]}, expires_at))
        return Swap.update(before, expires_at=expires_at, entries=[*before.data["entries"], entry][-LAST:])

    def entries(self, store: Store, subjects: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each entry after the name of its subject, the oldest one first."""
        for subject in subjects:
            key = Key.of(self.kind, subject)
            record = store.load([key]).get(key)
            for entry in () if record is None else record.data["entries"]:
                yield subject, entry


NOTIFICATIONS: Final = Journal("notifications of a person")
