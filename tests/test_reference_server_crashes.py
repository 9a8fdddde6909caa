"""What ends in the middle of a load: workers, databases, the server. Wallets go on; nothing is given twice, or lost unnoticed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.load.issuances import Issuances
from tests.load.load import client_context
from tests.load.wallets import Ledger, Wallets
from tests.running_program import wait_until
from tests.running_server import RunningServer, running_server
from tests.store_servers import PostgresqlServer, RedisServer, StoreServer

pytestmark = pytest.mark.servers
CONFIG = {"status_list_size": 100_000}
WALLETS = 8


def under_load(server: RunningServer, meanwhile: Callable[[Ledger], Awaitable[object]], *, try_again: bool = True) -> Ledger:
    """Wallets have credentials until `meanwhile` is over."""

    async def run() -> Ledger:
        wallets = Wallets(Issuances(server.issuer), client_context(server.authority), try_again=try_again)
        # What goes wrong for a wallet ends the test at once.
        async with asyncio.TaskGroup() as group:
            group.create_task(wallets.run(WALLETS))
            await some(wallets.ledger)
            await meanwhile(wallets.ledger)
            wallets.enough.set()
        if try_again:
            await wallets.replay(20)
        return wallets.ledger

    return asyncio.run(run())


async def some(ledger: Ledger, number: int = 20) -> None:
    """Wait for that many more credentials. Raises `TimeoutError` if they do not come."""
    wanted = len(ledger.credentials) + number
    async with asyncio.timeout(60):
        while len(ledger.credentials) < wanted:
            await asyncio.sleep(0.01)


def _replaced(server: RunningServer, worker: int) -> bool:
    return worker not in server.workers()


def status_list(server: RunningServer) -> str:
    return f"{server.issuer}/status-lists/1"


@pytest.mark.spec("VCI-4.1.1-20", "VCI-13.8-01")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_workers_are_killed(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql_server").fresh_url()
    with running_server(tmp_path, config=CONFIG, store=url, workers=2) as server:

        async def kill(ledger: Ledger) -> None:
            for _ in range(4):
                # The oldest: somebody is connected to one of the first two, whichever took the connections.
                victim = server.workers()[0]
                os.kill(victim, signal.SIGKILL)
                await some(ledger)
                await asyncio.to_thread(wait_until, partial(_replaced, server, victim), 60)

        ledger = under_load(server, kill)
        assert len(server.workers()) == 2
        assert [line["code"] for line in server.log_lines() if line["message"].startswith("a worker has ended")] == [-9] * 4
        ledger.check(url, status_list(server))
    assert ledger.broken["connection"] > 0
    assert ledger.broken["503"] == 0


@pytest.mark.spec("VCI-4.1.1-20", "VCI-13.8-01")
@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("kind", [PostgresqlServer, RedisServer])
def test_the_database_is_restarted(tmp_path: Path, kind: type[StoreServer], end: str) -> None:
    with kind(durable=True) as database:
        url = database.fresh_url()
        with running_server(tmp_path, config=CONFIG, store=url, workers=2) as server:
            workers = server.workers()

            async def restart(ledger: Ledger) -> None:
                await asyncio.to_thread(getattr(database, end))
                async with asyncio.timeout(60):
                    while ledger.broken["503"] < 2 * WALLETS:
                        await asyncio.sleep(0.01)
                # What needs no store is served all the same.
                with server.client() as client:
                    assert (await asyncio.to_thread(client.get, "/.well-known/openid-credential-issuer")).status_code == 200
                await asyncio.to_thread(database.start)
                await some(ledger)

            ledger = under_load(server, restart)
            assert server.workers() == workers
            ledger.check(url, status_list(server))
            for line in server.log_lines():
                assert "exception" not in line or line["message"] == "the store cannot be reached", line
    assert ledger.broken["connection"] == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_is_told_to_end_answers_every_request_that_got_through(tmp_path: Path, workers: int) -> None:
    """A wallet whose connection broke after its request went out would raise `Lost` here."""
    url = f"sqlite:///{tmp_path}/state.db"
    with running_server(tmp_path, config=CONFIG, store=url, workers=workers) as server:

        async def end(ledger: Ledger) -> None:
            begun = time.monotonic()
            server.process.terminate()
            assert await asyncio.to_thread(server.process.wait, 20) == 0
            assert time.monotonic() - begun < 15

        ledger = under_load(server, end, try_again=False)
        assert not ledger.unsure_codes
        assert not ledger.unsure_nonces
        ledger.check(url, status_list(server))
        assert not [line for line in server.log_lines() if line["level"] == "error"]
