"""The stores that `--store` can name."""

import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from oid4vci.memory import MemoryStore
from oid4vci.records import Store

__all__ = ("NAMES", "open_store")

NAMES = "memory, sqlite:///state.db, postgresql://user@host/database or redis://host:6379/0"


Begin = Callable[[Store], None]


def _nothing(store: Store) -> None:
    pass


def open_store(url: str, begin: Begin = _nothing) -> Store:
    """`memory`, `sqlite:///` and the path of a file, or the URL of a PostgreSQL or Redis server.

    `begin` puts into it what must be there. Raises `ValueError` for other URLs and where a driver is missing, `OSError` if the
    store cannot be used, and what `begin` raises; then it is closed again.
    """
    if url == "memory":
        store = MemoryStore()
        begin(store)
        return store
    scheme, separator, rest = url.partition("://")
    match scheme if separator else "":
        case "sqlite" if len(rest) > 1 and rest.startswith("/"):
            return _sqlite(rest[1:], begin)
        case "postgresql" | "postgres":
            return _postgresql(url, begin)
        case "redis" | "rediss":
            return _redis(url, begin)
    raise ValueError(f"--store: use {NAMES}")


def _opened(opening: Callable[[], Any], begin: Begin, failure: type[Exception]) -> Store:
    """A store that is opened and begun; `failure` is what its driver raises."""
    try:
        store: Any = opening()
        try:
            begin(store)
        except BaseException:
            store.close()
            raise
    except failure as error:
        raise OSError(f"--store: {error}") from error
    opened: Store = store
    return opened


def _sqlite(path: str, begin: Begin) -> Store:
    from examples.sqlite_store import SqliteStore

    return _opened(lambda: SqliteStore(path), begin, sqlite3.Error)


# A URL may hold a password, and what drivers say of a wrong one repeats it: that is not passed on.


def _postgresql(url: str, begin: Begin) -> Store:
    try:
        import psycopg

        from examples.postgresql_store import PostgresqlStore
    except ImportError:
        raise ValueError("--store: PostgreSQL takes oid4vci[stores]") from None
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    try:
        psycopg.conninfo.conninfo_to_dict(url)
        if "@" in path or authority.count("@") > 1:
            raise ValueError("a password that holds / or @, and not %2F or %40, is taken for a host, a port or a database")
    except (psycopg.ProgrammingError, ValueError):
        raise ValueError("--store: this is no URL of a PostgreSQL database (postgresql://user@host/database)") from None
    return _opened(lambda: PostgresqlStore(url), begin, psycopg.Error)


def _redis(url: str, begin: Begin) -> Store:
    try:
        import redis

        from examples.redis_store import RedisStore
    except ImportError:
        raise ValueError("--store: Redis takes oid4vci[stores]") from None
    try:
        redis.ConnectionPool.from_url(url).make_connection()
        # What is no number would be taken for database 0.
        int(urlsplit(url).path.strip("/") or "0")
    except (ValueError, TypeError):
        raise ValueError("--store: this is no URL of a Redis database (redis://host:6379/0)") from None
    return _opened(lambda: RedisStore(url), begin, redis.RedisError)
