"""Wallets that go on when connections break, as wallets do, and a ledger of what came of each code and nonce."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import define, field, frozen

from examples.reference_server.stores import open_store
from oid4vci.records import Key
from oid4vci.status_list.indices import INDEX, StatusListIndices
from tests.load.connection import Connection, Lost
from tests.load.issuances import Issuances, Steps, Unexpected, payload

__all__ = ("Ledger", "Wallets")

# What a client is told while the store is away: nothing of the store.
AWAY: Final = (
    {"error": "temporarily_unavailable", "error_description": "the store cannot be reached"},
    {"error": "temporarily_unavailable"},
)
PAUSE: Final = 0.05


@define
class Ledger:
    """What wallets know. A code or nonce is `unsure` once a request with it was sent and not answered with a decision."""

    tokens: Counter[str] = field(factory=Counter)
    unsure_codes: set[str] = field(factory=set)
    used_up: set[str] = field(factory=set)
    credentials: list[tuple[float, str, str]] = field(factory=list)
    unsure_nonces: set[str] = field(factory=set)
    broken: Counter[str] = field(factory=Counter)

    def check(self, url: str, uri: str) -> None:
        """Hold it against the store that `url` names; `uri` is the status list's.

        Each code gave one token at most. Each credential that somebody has is in the store, with the nonce that was spent for it
        and an index of its own; no other was given out but to somebody who knows that an answer got lost.
        """
        assert max(self.tokens.values()) == 1
        assert self.used_up <= self.unsure_codes
        assert self.used_up.isdisjoint(self.tokens)
        indices = [payload(credential)["status"]["status_list"]["idx"] for _, _, credential in self.credentials]
        assert len(set(indices)) == len(indices)
        received = {nonce for _, nonce, _ in self.credentials}
        assert len(received) == len(self.credentials)
        nonces = received | self.unsure_nonces
        keys = StatusListIndices(uri=uri, expires_at=2**33)
        store: Any = open_store(url)
        try:
            spent = {nonce for nonce in nonces if store.load([Key.of("c_nonce", nonce)])}
            assert received <= spent
            assert all(store.load([keys.key(index)]) for index in indices)
            assert _rows(store, url, INDEX) == len(spent) == _rows(store, url, "c_nonce")
        finally:
            store.close()


def _rows(store: Any, url: str, kind: str) -> int:
    """How many records of a kind there are."""
    if url.startswith("redis:"):
        import redis

        with redis.Redis.from_url(url) as client:
            return sum(1 for _ in client.scan_iter(match=f"*:{kind}:*", count=1000))
    if url.startswith("postgresql:"):
        import psycopg

        with psycopg.connect(url) as connection:
            row = connection.execute("select count(*) from oid4vci where kind = %s", (kind,)).fetchone()
    else:
        import sqlite3

        opened = sqlite3.connect(url.removeprefix("sqlite:///"))
        row = opened.execute("select count(*) from oid4vci where kind = ?", (kind,)).fetchone()
        opened.close()
    assert row is not None
    return int(row[0])


@frozen
class Wallets:
    """Several at once. They end when `enough` is set, or if they may not try again, when nobody takes their connection."""

    issuances: Issuances
    context: ssl.SSLContext
    ledger: Ledger = field(factory=Ledger)
    enough: asyncio.Event = field(factory=asyncio.Event)
    try_again: bool = True

    async def run(self, wallets: int) -> None:
        """Until enough. Raises `Unexpected` for an answer that no wallet should get."""
        await asyncio.gather(*(self._wallet() for _ in range(wallets)))

    async def _wallet(self) -> None:
        connection = Connection(self.issuances.issuer, self.context)
        try:
            while not self.enough.is_set():
                await self._issuance(connection)
        except Lost as lost:
            if self.try_again or lost.sent:
                raise
        finally:
            connection.close()

    async def _issuance(self, connection: Connection) -> None:
        ledger = self.ledger
        code = await self._persistently(connection, self.issuances.code)
        try:
            token = await self._persistently(connection, partial(self.issuances.token, code), ledger.unsure_codes, code)
        except Unexpected as refused:
            if refused.error != "invalid_grant" or code not in ledger.unsure_codes:
                raise
            # It was redeemed, and the token is lost: the person needs another offer.
            ledger.used_up.add(code)
            return
        ledger.tokens[code] += 1
        while True:
            nonce = await self._persistently(connection, self.issuances.nonce)
            try:
                steps = partial(self.issuances.credential, token, nonce)
                credential = await self._persistently(connection, steps, ledger.unsure_nonces, nonce)
            except Unexpected as refused:
                if refused.error != "invalid_nonce" or nonce not in ledger.unsure_nonces:
                    raise
                continue
            ledger.credentials.append((time.monotonic(), nonce, credential))
            return

    async def _persistently(
        self, connection: Connection, steps: Callable[[], Steps], unsure: set[str] | None = None, value: str = ""
    ) -> str:
        """What one step gives, tried until there is a decision; `value` is noted among the `unsure` if an answer is missing."""
        while True:
            try:
                return await _result(connection, steps())
            except Lost as lost:
                if not self.try_again:
                    raise
                self.ledger.broken["connection"] += 1
                if lost.sent and unsure is not None:
                    unsure.add(value)
            except Unexpected as refused:
                response = refused.response
                if (response.status, response.headers.get("retry-after")) != (503, "1") or response.json() not in AWAY:
                    raise
                self.ledger.broken["503"] += 1
                if unsure is not None:
                    unsure.add(value)
            await asyncio.sleep(PAUSE)

    async def replay(self, number: int) -> None:
        """No code that gave a token, or is known to be used up, gives one now."""
        connection = Connection(self.issuances.issuer, self.context)
        for code in [*list(self.ledger.tokens)[-number:], *self.ledger.used_up]:
            try:
                await _result(connection, self.issuances.token(code))
            except Unexpected as refused:
                if refused.error == "invalid_grant":
                    continue
                raise
            raise AssertionError("a code was redeemed twice")
        connection.close()


async def _result(connection: Connection, steps: Steps) -> str:
    try:
        request = next(steps)
        while True:
            request = steps.send(await connection.send(request))
    except StopIteration as done:
        value: str = done.value
        return value
