"""The stores that `--store` can name."""

import sqlite3
from urllib.parse import urlsplit

from oid4vci.memory import MemoryStore
from oid4vci.records import Store

__all__ = ("NAMES", "open_store")

NAMES = "memory, sqlite:///state.db, postgresql://user@host/database or redis://host:6379/0"


def open_store(url: str) -> Store:
    """`memory`, `sqlite:///` and the path of a file, or the URL of a PostgreSQL or Redis server.

    Raises `ValueError` for other URLs and where a driver is missing, `OSError` if the server cannot be used.
    """
    if url == "memory":
        return MemoryStore()
    scheme, separator, rest = url.partition("://")
    match scheme if separator else "":
        case "sqlite" if len(rest) > 1 and rest.startswith("/"):
            return _sqlite(rest[1:])
        case "postgresql" | "postgres":
            return _postgresql(url)
        case "redis" | "rediss":
            return _redis(url)
    raise ValueError(f"--store: use {NAMES}")


def _sqlite(path: str) -> Store:
    from examples.sqlite_store import SqliteStore

    try:
        return SqliteStore(path)
    except sqlite3.Error as error:
        raise OSError(f"--store: {error}") from error


# A URL may hold a password, and what drivers say of a wrong one repeats it: that is not passed on.


def _postgresql(url: str) -> Store:
    try:
        import psycopg

        from examples.postgresql_store import PostgresqlStore
    except ImportError:
        raise ValueError("--store: PostgreSQL takes oid4vci[stores]") from None
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ValueError("--store: this is no URL of a PostgreSQL database (postgresql://user@host/database)") from None
    try:
        return PostgresqlStore(url)
    except psycopg.Error as error:
        raise OSError(f"--store: {error}") from error


def _redis(url: str) -> Store:
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
    try:
        return RedisStore(url)
    except redis.RedisError as error:
        raise OSError(f"--store: {error}") from error
