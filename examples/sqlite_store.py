"""A store in one SQLite file, for any number of threads and of processes on one machine.

One table serves every kind of record. It passes `oid4vci.testing.StoreContract`.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from oid4vci.records import Change, Insert, Key, Record, Records

TABLE = """
create table if not exists oid4vci (
    kind text not null,
    digest text not null,
    version integer not null,
    expires_at integer not null,
    data text not null,
    primary key (kind, digest)
) without rowid
"""
SELECT = "select version, expires_at, data from oid4vci where kind = ? and digest = ?"
# Does nothing, and so counts no row, if the key exists.
INSERT = "insert into oid4vci (version, expires_at, data, kind, digest) values (?, ?, ?, ?, ?) on conflict do nothing"
UPDATE = "update oid4vci set version = ?, expires_at = ?, data = ? where kind = ? and digest = ? and version = ?"
DELETE = "delete from oid4vci where kind = ? and digest = ? and version = ?"


def load(connection: sqlite3.Connection, keys: Sequence[Key]) -> Records:
    """The rows of these keys that exist."""
    found = {}
    for key in keys:
        row = connection.execute(SELECT, (key.kind, key.digest)).fetchone()
        if row is not None:
            version, expires_at, data = row
            found[key] = Record(key, json.loads(data), expires_at, version)
    return found


def apply(connection: sqlite3.Connection, changes: Sequence[Change]) -> bool:
    """Apply changes in a transaction that the caller has begun, with what else it stores. It must be rolled back on False."""
    return all(_apply(connection, change) for change in changes)


def _apply(connection: sqlite3.Connection, change: Change) -> bool:
    if isinstance(change, Insert):
        cursor = connection.execute(INSERT, _columns(change.record))
    else:
        key = change.before.key
        condition = (key.kind, key.digest, change.before.version)
        if change.after is None:
            cursor = connection.execute(DELETE, condition)
        else:
            cursor = connection.execute(UPDATE, (*_columns(change.after)[:3], *condition))
    return cursor.rowcount == 1


class SqliteStore:
    """A `Store` in the file `path`. Each process opens its own, after it was forked if it was.

    A commit waits up to `patience` seconds for those of other processes, then raises `sqlite3.OperationalError`. As long does
    everything here wait for the other threads of this process, of which one at a time uses the file.
    """

    unreachable = (sqlite3.OperationalError,)
    """What is raised while the file is locked, its disk is full, or cannot be read."""

    def __init__(self, path: str | Path, *, patience: float = 30) -> None:
        self._lock, self._patience = Lock(), patience
        # Without isolation level nothing begins a transaction but `commit`.
        self._connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            # Readers then do not wait for those who write, and a commit waits for the disk once.
            self._connection.execute("pragma journal_mode = wal")
            # What was answered must not come undone when the power fails.
            self._connection.execute("pragma synchronous = full")
            self._connection.execute(TABLE)
        except BaseException:
            self._connection.close()
            raise

    def load(self, keys: Sequence[Key], /) -> Records:
        """The rows of these keys that exist."""
        with self._alone() as connection:
            return load(connection, keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Apply all changes, or none and return False."""
        with self._alone() as connection, connection:
            # Takes the file's write lock at once: whoever only reads first may find it taken when it wants to write.
            connection.execute("begin immediate")
            if apply(connection, changes):
                return True
            connection.execute("rollback")
            return False

    def purge(self, *, now: int) -> int:
        """Delete what has expired; how many rows that were."""
        with self._alone() as connection:
            return connection.execute("delete from oid4vci where expires_at <= ?", (now,)).rowcount

    def close(self) -> None:
        """Close the file, once whoever uses it is done: what closes under a statement ends the whole process."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread. If another process holds the file, those here do not wait for it one after the other."""
        if not self._lock.acquire(timeout=self._patience):
            raise sqlite3.OperationalError("the file is in use by other threads")
        try:
            yield self._connection
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _columns(record: Record) -> tuple[int, int, str, str, str]:
    return record.version, record.expires_at, json.dumps(record.data), record.key.kind, record.key.digest
