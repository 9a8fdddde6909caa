"""A store in Redis, for any number of threads, processes and machines. It takes `oid4vci[stores]`.

Each record is a string. A Lua script does a whole commit at once. It passes `oid4vci.testing.StoreContract`.
"""

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from redis import BlockingConnectionPool, ConnectionError, Redis, TimeoutError  # noqa: A004
from redis.backoff import NoBackoff
from redis.retry import Retry

from oid4vci.records import Change, Insert, Key, Record, Records

__all__ = ("RedisStore",)

# For each of KEYS three arguments: the version that must be there (empty: no row), the row that comes (empty: none), its end.
# All is checked before anything is written, because Redis does not undo what a script wrote before it failed.
COMMIT = """
local versions = {}
for i, key in ipairs(KEYS) do
    local before, after = ARGV[3 * i - 2], ARGV[3 * i - 1]
    local version = versions[key] or string.match(redis.call('GETRANGE', key, 0, 31), '^%S*')
    if version ~= before then
        return 0
    end
    versions[key] = string.match(after, '^%S*')
end
for i, key in ipairs(KEYS) do
    local after = ARGV[3 * i - 1]
    if after == '' then
        redis.call('DEL', key)
    else
        redis.call('SET', key, after)
        redis.call('PEXPIREAT', key, ARGV[3 * i])
    end
end
return 1
"""
# An end that Redis takes: it counts milliseconds, and must not fail halfway through a script.
LATEST = 2**62


class RedisStore:
    """A `Store` in the database of `url` (`redis://`, `rediss://`, `unix://`), under keys that begin with `prefix`. Not a cluster.

    What was answered is only as durable as Redis is set to: it needs `appendonly yes` and `appendfsync always`, else a crash brings
    back codes and nonces that were used, and forgets what was given out. The same is lost when a replica takes over that lags
    behind. `maxmemory-policy` must be `noeviction`, or nonces could be used twice: with any other `ValueError` is raised.

    Redis deletes a record by its own clock, `margin` seconds after `expires_at`: as far may the clocks be apart. Each process opens
    up to `connections` of its own; whoever finds none free, or gets no answer, waits up to `patience` seconds. After a restart of
    the server new connections are made. What Redis raises is `redis.RedisError`.
    """

    unreachable = (ConnectionError, TimeoutError)
    """What is raised while the database cannot be reached."""

    def __init__(
        self, url: str, *, prefix: str = "oid4vci", margin: int = 300, connections: int = 8, patience: float = 10
    ) -> None:
        self._prefix, self._margin = prefix, margin
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections,
            timeout=patience,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            # Left alone the client repeats what got no answer. See `commit`.
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        # Loads the script again when the server, restarted, does not know it (NOSCRIPT: then nothing was done).
        self._commit = self._redis.register_script(COMMIT)
        try:
            # Of INFO, because CONFIG is often forbidden.
            policy = self._redis.info("memory").get("maxmemory_policy")
            if policy != "noeviction":
                raise ValueError(f"the maxmemory-policy of Redis must be noeviction: with {policy} nonces can be used twice")
        except BaseException:
            self.close()
            raise

    def load(self, keys: Sequence[Key], /) -> Records:
        """The rows of these keys that exist."""
        if not keys:
            return {}
        names = [self._name(key) for key in keys]
        try:
            rows = self._redis.mget(names)
        except (ConnectionError, TimeoutError):
            # The connection had broken.
            rows = self._redis.mget(names)
        return {key: _record(key, row) for key, row in zip(keys, rows, strict=True) if row is not None}

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Apply all changes, or none and return False.

        Raises `redis.ConnectionError` or `redis.TimeoutError` if no answer comes: then they may have been applied, or not.
        """
        names: list[str] = []
        arguments: list[str] = []
        for change in changes:
            if isinstance(change, Insert):
                names.append(self._name(change.record.key))
                arguments += ["", *self._columns(change.record)]
            else:
                names.append(self._name(change.before.key))
                arguments += [str(change.before.version), *(("", "") if change.after is None else self._columns(change.after))]
        # Without an answer nobody knows whether it was done. To repeat it would find the changes of the first time and say False:
        # a code would be refused, as used, although nobody got a token for it. So the caller is told that it failed, and what was
        # stored stays: at worst a code is lost, never used twice.
        return bool(self._commit(names, arguments))

    def purge(self, *, now: int) -> int:
        """Nothing: Redis deletes what has expired."""
        return 0

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _name(self, key: Key) -> str:
        return f"{self._prefix}:{key.kind}:{key.digest}"

    def _columns(self, record: Record) -> tuple[str, str]:
        # The version is first, so that the script need not read JSON, nor make a number of it, which Lua might round.
        row = f"{record.version} {record.expires_at} {json.dumps(record.data)}"
        return row, str(min(max((record.expires_at + self._margin) * 1000, 1), LATEST))


def _record(key: Key, row: str | bytes) -> Record:
    version, expires_at, data = row.split(maxsplit=2)
    return Record(key, json.loads(data), int(expires_at), int(version))
