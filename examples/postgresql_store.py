"""A store in PostgreSQL, for any number of threads, processes and machines. It takes `oid4vci[stores]`.

One table serves every kind of record. It passes `oid4vci.testing.StoreContract`.
"""

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from psycopg import OperationalError

from examples.postgresql_connections import Connections, Statement
from oid4vci.records import Change, Insert, Key, Record, Records

__all__ = ("PostgresqlStore",)

# `text`, as `jsonb` refuses the null character, which peers can send.
TABLE = """
create table oid4vci (
    kind text collate "C" not null,
    digest text collate "C" not null,
    version bigint not null,
    expires_at bigint not null,
    data text not null,
    primary key (kind, digest)
);
create index on oid4vci (expires_at)
"""
# Of several processes that start together one creates the table. Any number will do, as long as it is the same everywhere.
LOCK = "select pg_advisory_xact_lock(122489043482211)"
# Whoever may only use the table may not say `create table if not exists`.
FOUND = "select to_regclass('oid4vci') is not null"
SELECT = """
select kind, digest, version, expires_at, data from oid4vci
where (kind, digest) in (select * from unnest(%s::text[], %s::text[]))
"""
# Does nothing, and so counts no row, if the key exists.
INSERT = "insert into oid4vci (version, expires_at, data, kind, digest) values (%s, %s, %s, %s, %s) on conflict do nothing"
UPDATE = "update oid4vci set version = %s, expires_at = %s, data = %s where kind = %s and digest = %s and version = %s"
DELETE = "delete from oid4vci where kind = %s and digest = %s and version = %s"
# Waits for nobody, and so is part of no deadlock: what is being changed is left for the next time.
PURGE = """
delete from oid4vci where (kind, digest) in
(select kind, digest from oid4vci where expires_at <= %s for update skip locked)
"""


class PostgresqlStore:
    """A `Store` in the database of `url`, a connection string of libpq. Each process opens its own, after it was forked if it was.

    The table is created where it is missing. Up to `connections` are opened, each when it is needed. Whoever finds none free waits
    up to `patience` seconds, then `TimeoutError` is raised; as long a commit waits for those that change the same rows. When the
    server was restarted, new connections replace those that broke. What the database raises is `psycopg.Error`.
    """

    unreachable = (OperationalError, TimeoutError)
    """What is raised while the database cannot be reached."""

    def __init__(self, url: str, *, connections: int = 8, patience: float = 30) -> None:
        self._connections = Connections(url, number=connections, patience=patience)
        try:
            with self._connections.executed([("begin", ()), (LOCK, ()), (FOUND, ())]) as (connection, cursors):
                if cursors[-1].fetchone() == (False,):
                    connection.execute(TABLE)
                connection.execute("commit")
        except BaseException:
            self.close()
            raise

    def load(self, keys: Sequence[Key], /) -> Records:
        """The rows of these keys that exist."""
        columns = [key.kind for key in keys], [key.digest for key in keys]
        with self._connections.executed([(SELECT, columns)]) as (_, (rows,)):
            return {
                (key := Key(kind, digest)): Record(key, json.loads(data), expires_at, version)
                for kind, digest, version, expires_at, data in rows
            }

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Apply all changes, or none and return False.

        Raises `psycopg.OperationalError` if the connection breaks: then they may have been applied, or not.
        """
        # Everybody takes the rows in the same order, so nobody waits in a circle. Changes of one row stay in theirs.
        statements = [_statement(change) for change in sorted(changes, key=_place)]
        with self._connections.executed([("begin", ()), *statements]) as (connection, (_, *cursors)):
            if all(cursor.rowcount == 1 for cursor in cursors):
                # If this breaks, nobody knows whether it was still done. To repeat all would find the changes of the first time
                # and say False: a code would be refused, as used, although nobody got a token for it. So the caller is told that
                # it failed, and what was stored stays: at worst a code is lost, never used twice.
                connection.execute("commit")
                return True
            connection.execute("rollback")
            return False

    def purge(self, *, now: int) -> int:
        """Delete what has expired; how many rows that were."""
        with self._connections.executed([(PURGE, (now,))]) as (_, (deleted,)):
            return deleted.rowcount

    def close(self) -> None:
        """Close the connections: those in use when they are given back."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _place(change: Change) -> tuple[str, str]:
    key = change.record.key if isinstance(change, Insert) else change.before.key
    return key.kind, key.digest


def _statement(change: Change) -> Statement:
    if isinstance(change, Insert):
        return INSERT, _columns(change.record)
    condition = (*_place(change), change.before.version)
    return (DELETE, condition) if change.after is None else (UPDATE, (*_columns(change.after)[:3], *condition))


def _columns(record: Record) -> tuple[int, int, str, str, str]:
    return record.version, record.expires_at, json.dumps(record.data), record.key.kind, record.key.digest
