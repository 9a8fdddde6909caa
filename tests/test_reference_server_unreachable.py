"""The reference server while its store cannot be reached, and its purge, which several workers do on one store."""

import json
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from examples.logs import JsonLines
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from examples.sqlite_store import SqliteStore
from oid4vci.drive import run
from oid4vci.errors import TryLater
from oid4vci.memory import MemoryStore
from oid4vci.offers import OfferReference
from oid4vci.records import Change, Insert, Key, Record, Records
from oid4vci.wallet import Offer
from tests.browser import HTML, Page
from tests.reference_server import ISSUER, ReferenceServer


class Away(MemoryStore):
    """A store that is not always there."""

    unreachable = (ConnectionError,)

    def __init__(self) -> None:
        super().__init__()
        self.loads = self.commits = True

    def load(self, keys: Sequence[Key], /) -> Records:
        if not self.loads:
            raise ConnectionRefusedError("postgresql://somebody:secret@database.internal")
        return super().load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        if not self.commits:
            raise ConnectionResetError("postgresql://somebody:secret@database.internal")
        return super().commit(changes)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch, store=Away())


@pytest.mark.parametrize("part", ["loads", "commits"])
def test_clients_are_told_to_come_again(server: ReferenceServer, part: str, caplog: pytest.LogCaptureFixture) -> None:
    wallet, store = server.wallet(), server.store
    made = server.offer("identity_x5c", grant="pre-authorized_code")
    opened = wallet.opened(made["offer_uri"])
    setattr(store, part, False)
    with pytest.raises(TryLater):
        run(opened.redeem(), wallet.send)
    failures = [json.loads(JsonLines().format(each)) for each in caplog.records if each.levelname == "ERROR"]
    assert failures
    kind = "ConnectionRefusedError" if part == "loads" else "ConnectionResetError"
    assert {(each["message"], each["exception"]) for each in failures} == {("the store cannot be reached", kind)}
    assert "secret" not in json.dumps(failures)
    setattr(store, part, True)
    wallet.gets(run(opened.redeem(), wallet.send), "identity_x5c")


@pytest.mark.parametrize("part", ["loads", "commits"])
def test_nothing_of_the_store_is_in_the_answer(server: ReferenceServer, part: str) -> None:
    reference = Offer.parse(server.offer("identity_x5c", by_reference=True)["offer_uri"]).content
    assert isinstance(reference, OfferReference)
    setattr(server.store, part, False)
    if part == "loads":
        answer = server.client.get(reference.url)
    else:
        answer = server.client.post("/admin/offers", json={"credential_configuration_ids": ["identity_x5c"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": "temporarily_unavailable", "error_description": "the store cannot be reached"}


def test_a_browser_gets_a_page(server: ReferenceServer) -> None:
    pending = server.wallet().asks()
    assert isinstance(server.store, Away)
    server.store.loads = server.store.commits = False
    answer = server.client.get(pending.url, headers={"accept": HTML})
    assert answer.status_code == 503
    assert "the store cannot be reached" in answer.text
    Page.of(answer)
    assert server.client.get(pending.url).json()["error"] == "temporarily_unavailable"


def test_a_file_that_somebody_has_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    with SqliteStore(path, patience=0.05) as store:
        server = ReferenceServer.of(tmp_path, monkeypatch, store=store)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("begin exclusive")
        answer = server.client.post("/admin/offers", json={"credential_configuration_ids": ["identity_x5c"]})
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        other.close()
        server.offer("identity_x5c")


def test_several_workers_purge_one_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.db"
    stores = [SqliteStore(path) for _ in range(3)]
    rows = [Record(Key.of("grant", str(i)), {}, 1 if i % 2 else 2**40) for i in range(2000)]
    stores[0].commit([Insert(row) for row in rows])
    purged_while_running(stores, monkeypatch, [row.key for row in rows if row.expires_at == 1])
    assert len(stores[1].load([row.key for row in rows])) == 1000
    for store in stores:
        store.close()
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def purged_while_running(
    stores: Sequence[MemoryStore | SqliteStore],
    monkeypatch: pytest.MonkeyPatch,
    keys: Sequence[Key] = (Key.of("grant", "old"),),
) -> None:
    """Each store has an application, and all of them run until the rows are gone."""
    monkeypatch.setattr("examples.reference_server.app.PURGE_INTERVAL", 0.01)
    settings = read_settings(None)
    service = Service.of(ISSUER, settings, demo_keys(ISSUER))
    apps = [application(service, ServerHost(store, datasets(settings))) for store in stores]

    async def live() -> None:
        async with AsyncExitStack() as running:
            for app in apps:
                await running.enter_async_context(app.router.lifespan_context(app))
            with anyio.fail_after(10):
                while stores[0].load(keys):
                    await anyio.sleep(0.01)

    anyio.run(live)
