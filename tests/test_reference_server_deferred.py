"""The reference server takes its time: when credentials are ready, and what an administrator sees and decides."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from examples.reference_server import demo
from examples.reference_server.journal import LAST, Journal
from examples.sqlite_store import SqliteStore
from oid4vci.drive import run
from oid4vci.errors import Advice, Refused
from oid4vci.keys import LocalSigner, public_key
from oid4vci.memory import MemoryStore
from oid4vci.records import Store
from oid4vci.wallet import Deferred, Issued, Session
from tests.reference_server import Clock, ReferenceServer, WalletAt

NAME = "identity_x5c"
KEYS = [LocalSigner.generate(f"holder {i}") for i in range(2)]
DELAY = 3600
Make = Callable[..., ReferenceServer]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A server with one configuration, which is deferred; `members` are further settings."""

    def made(after: int = DELAY, *, store: Store | None = None, clock: Clock | None = None, **members: Any) -> ReferenceServer:
        given = {
            "configurations": {NAME: {**demo.CONFIGURATIONS[NAME], "deferred": after}},
            "subjects": {name: {NAME: each[NAME]} for name, each in demo.SUBJECTS.items()},
            "users": demo.USERS,
            "deferral": {"interval": 60},
            **members,
        }
        return ReferenceServer.of(tmp_path, monkeypatch, given, store=store, clock=clock)

    return made


def session_of(server: ReferenceServer, wallet: WalletAt, user: str = "ada") -> Session:
    pending = wallet.asks(NAME)
    return wallet.comes_back(pending, server.browser().approved(pending.url, user))


def promised(server: ReferenceServer, wallet: WalletAt | None = None, user: str = "ada") -> tuple[WalletAt, Deferred]:
    wallet = wallet or server.wallet()
    order = run(session_of(server, wallet, user).order(NAME), wallet.send)
    result = run(order.prove(KEYS, now=server.clock.now).submit(), wallet.send)
    assert isinstance(result, Deferred)
    return wallet, result


def polled(wallet: WalletAt, deferred: Deferred) -> Issued | Deferred:
    return run(deferred.poll(now=wallet.clock(), early=True), wallet.send)


def listed(server: ReferenceServer) -> list[dict[str, Any]]:
    answer = server.client.get("/admin/deferred")
    assert answer.status_code == 200, answer.text
    transactions: list[dict[str, Any]] = answer.json()["transactions"]
    return transactions


def decided(server: ReferenceServer, **members: Any) -> tuple[int, str]:
    answer = server.client.post("/admin/deferred", json=members)
    return answer.status_code, answer.json()["error_description"] if answer.content else ""


def test_what_is_ready_only_after_its_time(make: Make) -> None:
    server = make()
    wallet, first = promised(server)
    assert first.interval == 60
    server.clock.wait(60)
    second = polled(wallet, first)
    assert isinstance(second, Deferred)
    assert (second.transaction_id, second.interval) == (first.transaction_id, 60)
    server.clock.wait(DELAY - 70)
    third = polled(wallet, second)
    assert isinstance(third, Deferred)
    # Nobody waits for longer than it takes.
    assert third.interval == 10
    server.clock.wait(10)
    renewed = third.with_session(run(third.session.refresh(now=server.clock.now), wallet.send))
    issued = polled(wallet, renewed)
    assert isinstance(issued, Issued)
    assert {each.holder_key for each in issued.credentials} == {public_key(key.public_jwk) for key in KEYS}
    assert issued.credentials[0].claims["given_name"] == "Ada"
    with pytest.raises(Refused, match="invalid_transaction_id"):
        polled(wallet, renewed)
    assert listed(server) == []


def test_what_is_ready_at_the_first_request(make: Make) -> None:
    wallet, deferred = promised(make(0))
    assert deferred.interval == 1
    assert isinstance(polled(wallet, deferred), Issued)


def test_one_configuration_is_deferred_and_others_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configurations = {**demo.CONFIGURATIONS, NAME: {**demo.CONFIGURATIONS[NAME], "deferred": 60}}
    members = {"configurations": configurations, "subjects": demo.SUBJECTS, "users": demo.USERS}
    server = ReferenceServer.of(tmp_path, monkeypatch, members)
    wallet = server.wallet()
    pending = wallet.asks(*demo.CONFIGURATIONS)
    session = wallet.comes_back(pending, server.browser().approved(pending.url))
    for name in demo.CONFIGURATIONS.keys() - {NAME}:
        wallet.gets(session, name)
    order = run(session.order(NAME), wallet.send)
    assert isinstance(run(order.prove(KEYS, now=server.clock.now).submit(), wallet.send), Deferred)


def test_nobody_else_gets_what_was_promised(make: Make) -> None:
    server = make(0)
    _, deferred = promised(server)
    other = server.wallet()
    stolen = evolve(deferred, session=session_of(server, other, "max"))
    with pytest.raises(Refused, match="invalid_transaction_id"):
        polled(other, stolen)
    (transaction,) = listed(server)
    assert transaction["state"] == "pending"


def test_an_answer_that_got_lost_can_be_had_again_within_the_grace(make: Make) -> None:
    server = make(0, deferral={"grace": 30})
    wallet, deferred = promised(server)
    for _ in range(2):
        assert isinstance(polled(wallet, deferred), Issued)
    server.clock.wait(31)
    with pytest.raises(Refused, match="invalid_transaction_id"):
        polled(wallet, deferred)


def test_what_nobody_came_for_ends(make: Make) -> None:
    server = make(60, deferral={"lifetime": 100})
    wallet, deferred = promised(server)
    server.clock.wait(101)
    assert listed(server) == []
    with pytest.raises(Refused, match="invalid_transaction_id"):
        polled(wallet, deferred)


def test_credentials_that_come_later_can_be_revoked_as_well(make: Make) -> None:
    server = make(0, status_list_size=1000)
    assert server.service.statuses is not None
    server.service.statuses.begin(server.store)
    wallet, deferred = promised(server)
    issued = polled(wallet, deferred)
    assert isinstance(issued, Issued)
    indices = {each.claims["status"]["status_list"]["idx"] for each in issued.credentials}
    assert len(indices) == 2


def test_who_is_gone_by_then_is_refused_for_good(make: Make) -> None:
    keys = {"sealing_keys": ["A" * 43]}
    server = make(0, **keys)
    _, deferred = promised(server, user="max")
    left = {"subjects": {"ada": {NAME: demo.SUBJECTS["ada"][NAME]}}, "users": {"ada": demo.USERS["ada"]}}
    later = make(0, store=server.store, clock=server.clock, **keys, **left)
    after = later.wallet()
    for _ in range(2):
        with pytest.raises(Refused, match="credential_request_denied: there is no such dataset"):
            polled(after, deferred)


# --- the administrator --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_an_administrator_does_not_wait(make: Make, tmp_path: Path, kind: str) -> None:
    server = make(store=MemoryStore() if kind == "memory" else SqliteStore(str(tmp_path / "state.db")))
    wallet, deferred = promised(server)
    (transaction,) = listed(server)
    handle = transaction.pop("handle")
    ready_at = server.clock.now + DELAY
    assert transaction == {"subject": "ada", "configuration_id": NAME, "state": "pending", "ready_at": ready_at}
    assert handle not in (deferred.transaction_id, "")
    assert decided(server, handle=handle, state="completed") == (204, "")
    assert [each["state"] for each in listed(server)] == ["completed"]
    # Said again, it is so still.
    assert decided(server, handle=handle, state="completed") == (204, "")
    assert isinstance(polled(wallet, deferred), Issued)
    assert decided(server, handle=handle, state="completed")[0] == 404


def test_an_administrator_refuses_for_good(make: Make) -> None:
    server = make()
    wallet, deferred = promised(server)
    (transaction,) = listed(server)
    decision = {"handle": transaction["handle"], "state": "refused"}
    assert decided(server, **decision, description="no longer enrolled") == (204, "")
    for _ in range(2):
        with pytest.raises(Refused, match="credential_request_denied: no longer enrolled") as refused:
            polled(wallet, deferred)
        assert refused.value.advice is Advice.GIVE_UP
    (transaction,) = listed(server)
    assert (transaction["state"], "ready_at" in transaction) == ("refused", False)
    assert decided(server, **decision)[0] == 400
    assert decided(server, **{**decision, "state": "completed"}) == (400, "the transaction has ended: it is refused")
    server.clock.wait(DELAY)
    with pytest.raises(Refused, match="credential_request_denied"):
        polled(wallet, deferred.with_session(run(deferred.session.refresh(now=server.clock.now), wallet.send)))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"state": "completed"},
        {"handle": 1, "state": "completed"},
        {"handle": "0" * 63, "state": "completed"},
        {"handle": "0" * 64},
        {"handle": "0" * 64, "state": "issued"},
        {"handle": "0" * 64, "state": ["refused"]},
        {"handle": "0" * 64, "state": "completed", "description": "well"},
        {"handle": "0" * 64, "state": "refused", "description": 1},
        {"handle": "0" * 64, "state": "refused", "a": 1},
    ],
)
def test_a_wrong_decision_is_a_bad_request(make: Make, members: dict[str, Any]) -> None:
    server = make()
    assert decided(server, **members)[0] == 400
    assert decided(server, handle="0" * 64, state="refused") == (404, "there is no such transaction, or no longer")


def test_a_description_that_cannot_be_sent_changes_nothing(make: Make) -> None:
    server = make()
    promised(server)
    (transaction,) = listed(server)
    assert decided(server, handle=transaction["handle"], state="refused", description='"quoted"')[0] == 400
    assert listed(server) == [transaction]


def test_only_an_administrator_sees_and_decides(make: Make) -> None:
    server = make()
    for method in ("GET", "POST"):
        answer = server.client.request(method, "/admin/deferred", json={}, headers={"x-forwarded-for": "192.0.2.1"})
        assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    answer = server.client.put("/admin/deferred", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_where_nothing_is_deferred_there_is_nothing_to_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch)
    for path in ("/admin/deferred", "/deferred_credential"):
        assert server.client.post(path, json={}).status_code == 404


def test_the_log_has_the_handle_and_no_secret(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reference_server")
    server = make()
    _, deferred = promised(server)
    (transaction,) = listed(server)
    members = [record.members for record in caplog.records if record.getMessage() == "deferred"]  # type: ignore[attr-defined]
    assert members == [{"configuration_id": NAME, "handle": transaction["handle"]}]
    said = json.dumps([getattr(record, "members", {}) for record in caplog.records])
    for secret in (deferred.transaction_id, deferred.session.access_token):
        assert secret not in said


def test_a_journal_keeps_the_last_entries_of_each() -> None:
    store, journal, now = MemoryStore(), Journal("things"), int(time.time())
    for i in range(LAST + 5):
        assert store.commit([journal.noting(store, "ada", {"i": i}, now=now)])
    assert store.commit([journal.noting(store, "max", {"i": 0}, now=now)])
    entries = list(journal.entries(store, ("ada", "max", "nobody")))
    assert [entry["i"] for subject, entry in entries if subject == "ada"] == list(range(5, LAST + 5))
    assert entries[-1] == ("max", {"i": 0})
    # Of two that note at once, one has to do it again.
    changes = [journal.noting(store, "ada", {"i": i}, now=now) for i in range(2)]
    assert [store.commit([each]) for each in changes] == [True, False]
