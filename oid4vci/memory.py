"""A store in this process's memory: for tests, demonstrations and a server of one process that may forget."""

import json
from collections.abc import Sequence
from threading import Lock
from typing import TypeAlias

from oid4vci import _json
from oid4vci.records import Change, Insert, Key, Record, Records

__all__ = ("MemoryStore",)

# The data as JSON text, so that nobody who holds a record can change what is stored.
_Row: TypeAlias = tuple[str, int, int]


def _row(record: Record) -> _Row:
    return _json.dumps(record.data), record.expires_at, record.version


class MemoryStore:
    """A `Store` in a dict. All or nothing, and safe to use from several threads.

    `commit` raises `TypeError` or `ValueError` for data that are not JSON.
    """

    def __init__(self) -> None:
        self._rows: dict[Key, _Row] = {}
        self._lock = Lock()

    def load(self, keys: Sequence[Key], /) -> Records:
        """The rows of these keys that exist."""
        with self._lock:
            found = [(key, self._rows[key]) for key in keys if key in self._rows]
        return {key: Record(key, json.loads(data), expires_at, version) for key, (data, expires_at, version) in found}

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Apply all changes, or none and return False."""
        with self._lock:
            rows: dict[Key, _Row | None] = {}
            for change in changes:
                key = change.record.key if isinstance(change, Insert) else change.before.key
                stored = rows[key] if key in rows else self._rows.get(key)
                if isinstance(change, Insert):
                    if stored is not None:
                        return False
                    rows[key] = _row(change.record)
                else:
                    if stored is None or stored[2] != change.before.version:
                        return False
                    rows[key] = None if change.after is None else _row(change.after)
            for key, row in rows.items():
                if row is None:
                    self._rows.pop(key, None)
                else:
                    self._rows[key] = row
            return True

    def purge(self, *, now: int) -> int:
        """Delete what has expired; how many rows that were."""
        with self._lock:
            expired = [key for key, (_, expires_at, _) in self._rows.items() if expires_at <= now]
            for key in expired:
                del self._rows[key]
            return len(expired)

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        """True: a store without rows is a store, for `store or another`."""
        return True
