"""What following an offer costs: events in the store, between requests and processes that come at the same time."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from examples.reference_server.offer_events import Watch
from examples.sqlite_store import SqliteStore
from oid4vci.drive import run
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Insert
from tests.page_visitor import (
    LOG_IN,
    NAME,
    PRE_AUTHORIZED,
    TX_CODE,
    OfferAtPage,
    Visitor,
    fetched,
    kinds_written,
    redeemed,
    tell,
)
from tests.reference_server import Clock, ReferenceServer
from tests.test_reference_server import KEY

ACCEPTED = "credential_accepted"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


@pytest.fixture
def visitor(server: ReferenceServer) -> Visitor:
    return Visitor.at(server)


class Rival(MemoryStore):
    """Another process is always a little faster with the events of offers."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []

    def commit(self, changes: Sequence[Change], /) -> bool:
        for change in changes:
            if isinstance(change, Insert) and change.record.key.kind == "offer_event" and not self.load([change.record.key]):
                super().commit([change])
                self.lost.append(change.record.key.digest)
                return False
        return super().commit(changes)


@pytest.mark.parametrize("way", [LOG_IN, PRE_AUTHORIZED])
def test_a_lost_race_costs_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    store = Rival()
    server = ReferenceServer.of(tmp_path, monkeypatch, store=store)
    offer, wallet = Visitor.at(server).makes(way), server.wallet()
    if way == LOG_IN:
        pending = wallet.asks(offer.uri)
        session = wallet.comes_back(pending, server.browser().approved(pending.url))
    else:
        session = redeemed(wallet, offer)
    tell(wallet, wallet.gets(session, NAME), ACCEPTED)
    assert offer.state == ACCEPTED
    # The login page, the approval; the token, the credential, what the wallet told.
    assert len(store.lost) == len(set(store.lost)) == (5 if way == LOG_IN else 3)


def test_an_event_is_written_down_once(server: ReferenceServer, visitor: Visitor) -> None:
    offer, wallet = visitor.makes(PRE_AUTHORIZED), server.wallet()
    session = redeemed(wallet, offer)
    wallet.gets(session, NAME)
    rows = server.rows
    wallet.gets(session, NAME)
    # A nonce and a proof of possession are spent each time, and nothing else is kept.
    spent = server.rows - rows
    wallet.gets(session, NAME)
    assert server.rows - rows == 2 * spent
    assert offer.state == "issued"


def test_another_process_with_the_same_store_tells_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    with SqliteStore(tmp_path / "state.db") as one, SqliteStore(tmp_path / "state.db") as two:
        members = {"sealing_keys": [KEY]}
        first = ReferenceServer.of(tmp_path, monkeypatch, members, store=one, clock=clock)
        second = ReferenceServer.of(tmp_path, monkeypatch, members, store=two, clock=clock)
        visitor = Visitor.at(first)
        offer = visitor.makes(TX_CODE)
        there = Visitor(second, second.browser(visitor.browser.client.cookies.jar))
        elsewhere = OfferAtPage(there, offer.path, there.browser.visit(offer.path))
        assert (elsewhere.uri, elsewhere.page.text("tx_code")) == (offer.uri, offer.page.text("tx_code"))
        fetched(second, offer)
        assert offer.state == elsewhere.state == "tx_code"
        session = redeemed(second.wallet(), offer, offer.page.text("tx_code"))
        assert offer.state == elsewhere.state == "token"
        assert session is not None


@pytest.mark.parametrize(
    "note", [None, "watch", 1, [], {}, {"watch": "a"}, {"until": 1}, {"watch": "a", "until": 1, "more": 2}]
)
def test_other_notes_are_none_of_ours(note: object) -> None:
    assert Watch.read(note) is None


def test_who_does_not_follow_leaves_no_trace(server: ReferenceServer, visitor: Visitor) -> None:
    """Offers of the administrator are as they were."""
    made = server.offer(NAME, grant=PRE_AUTHORIZED, by_reference=True)
    kinds = kinds_written(server)
    wallet = server.wallet()
    opened = wallet.opened(made["offer_uri"])
    session = run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send)
    tell(wallet, wallet.gets(session, NAME), ACCEPTED)
    assert "grant" in kinds
    assert not kinds & {"offer_event", "offer_fetch", "followed_offer"}
