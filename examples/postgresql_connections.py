"""Connections to PostgreSQL that several threads share, and that come back after the server was away."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, LifoQueue
from threading import Event
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

__all__ = ("Connection", "Connections", "Cursor", "Statement")

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
Cursor: TypeAlias = psycopg.Cursor[tuple[Any, ...]]
Statement: TypeAlias = tuple[LiteralString, Sequence[Any]]

# A server that is unreachable is noticed after ten seconds, and one that has vanished after half a minute.
DEFAULTS = {
    "application_name": "oid4vci",
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Connections:
    """Up to `number` connections to the database of `url`, a connection string of libpq. Each is opened when it is needed.

    Whoever finds none free waits up to `patience` seconds, then `TimeoutError` is raised; as long may a statement wait for the rows
    that others change, and a transaction may be idle.
    """

    def __init__(self, url: str, *, number: int, patience: float) -> None:
        self._url, self._patience = make_conninfo("", **{**DEFAULTS, **conninfo_to_dict(url)}), patience
        # What stands for a connection that is not open is at the bottom: it is taken when all others are in use.
        self._free: LifoQueue[Connection | None] = LifoQueue()
        for _ in range(number):
            self._free.put(None)
        self._closed = Event()

    @contextmanager
    def executed(self, statements: Sequence[Statement]) -> Iterator[tuple[Connection, list[Cursor]]]:
        """A connection on which these were executed, in one round trip, and what each gave.

        They may be executed again, on a new connection, if the server has left this one: nothing among them may be a commit.
        A transaction that they begin ends with the `with` block, at the latest, and then comes to nothing.
        """
        if self._closed.is_set():
            raise ValueError("the store is closed")
        try:
            connection = self._free.get(timeout=self._patience)
        except Empty:
            raise TimeoutError("no connection to the database has become free") from None
        try:
            cursors = None
            if connection is not None:
                cursors = _try(connection, statements)
            if connection is None or cursors is None:
                connection = self._connect()
                cursors = _execute(connection, statements)
            yield connection, cursors
        finally:
            if connection is not None and connection.info.transaction_status != TransactionStatus.IDLE:
                # It is broken, or in the middle of something, which the server undoes when it is gone.
                connection.close()
                connection = None
            self._free.put(connection)
            if self._closed.is_set():
                self.close()

    def close(self) -> None:
        """Close all of them: those in use when they are given back."""
        self._closed.set()
        while True:
            try:
                connection = self._free.get_nowait()
            except Empty:
                return
            if connection is not None:
                connection.close()

    def _connect(self) -> Connection:
        connection = psycopg.connect(self._url, autocommit=True)
        milliseconds = str(int(self._patience * 1000))
        settings = {
            # What was answered must not come undone when the power fails.
            "synchronous_commit": "on",
            # A change that was made in between is a condition that does not hold, and no error.
            "default_transaction_isolation": "read committed",
            "lock_timeout": milliseconds,
            # A process that hangs must not hold rows for ever.
            "idle_in_transaction_session_timeout": milliseconds,
        }
        try:
            _execute(connection, [("select set_config(%s, %s, false)", setting) for setting in settings.items()])
        except BaseException:
            connection.close()
            raise
        return connection


def _execute(connection: Connection, statements: Sequence[Statement]) -> list[Cursor]:
    with connection.pipeline():
        return [connection.execute(text, values) for text, values in statements]


def _try(connection: Connection, statements: Sequence[Statement]) -> list[Cursor] | None:
    """As `_execute`; None, and the connection is closed, if the server has left it: then nothing came of the statements."""
    try:
        return _execute(connection, statements)
    except psycopg.OperationalError as error:
        # The codes 57P.. say that the server, or this connection, is being shut down.
        if not connection.closed and not (error.sqlstate or "").startswith("57P"):
            raise
        connection.close()
        return None
