"""What wallets tell the reference server of their credentials: recorded, logged without secrets, shown to the administrator."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.wallet import Issued
from tests.reference_server import ReferenceServer, WalletAt

ACCEPTED, FAILURE, DELETED = "credential_accepted", "credential_failure", "credential_deleted"
NAME = "identity_x5c"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


def issued_to(server: ReferenceServer, user: str = "ada") -> tuple[WalletAt, Issued]:
    wallet = server.wallet()
    pending = wallet.asks(NAME)
    return wallet, wallet.gets(wallet.comes_back(pending, server.browser().approved(pending.url, user)), NAME)


def told(wallet: WalletAt, issued: Issued, event: str, description: str | None = None) -> Issued:
    return run(issued.notify(event, description, now=wallet.clock()), wallet.send)


def shown(server: ReferenceServer) -> list[dict[str, Any]]:
    answer = server.client.get("/admin/notifications")
    assert answer.status_code == 200, answer.text
    notifications: list[dict[str, Any]] = answer.json()["notifications"]
    return notifications


def test_each_event_is_shown_once_to_the_administrator(server: ReferenceServer) -> None:
    wallet, issued = issued_to(server)
    _, other = issued_to(server, "max")
    assert shown(server) == []
    begun = server.clock.now
    for event, description in ((FAILURE, "out of storage"), (FAILURE, "out of storage"), (ACCEPTED, None)):
        issued = told(wallet, issued, event, description)
        server.clock.wait(1)
    told(wallet, other, DELETED)
    common = {"subject": "ada", "configuration_id": NAME}
    assert shown(server) == [
        {**common, "event": FAILURE, "event_description": "out of storage", "received_at": begun},
        {**common, "event": ACCEPTED, "event_description": None, "received_at": begun + 2},
        {**common, "subject": "max", "event": DELETED, "event_description": None, "received_at": begun + 3},
    ]


def test_nobody_tells_of_the_credentials_of_others(server: ReferenceServer) -> None:
    _, issued = issued_to(server)
    thief, other = issued_to(server, "max")
    with pytest.raises(Refused, match="invalid_notification_id"):
        told(thief, evolve(other, notification_id=issued.notification_id), DELETED)
    assert shown(server) == []


def test_what_wallets_write_is_not_in_the_log(server: ReferenceServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "reference_server")
    wallet, issued = issued_to(server)
    told(wallet, issued, FAILURE, "the person is called Ada")
    members = [getattr(record, "members", {}) for record in caplog.records]
    events = [each for each, record in zip(members, caplog.records, strict=True) if record.getMessage() == "notification"]
    assert events == [{"configuration_id": NAME, "event": FAILURE}]
    assert issued.notification_id is not None
    for secret in ("Ada", issued.notification_id, issued.session.access_token):
        assert secret not in json.dumps(members)


def test_only_an_administrator_sees_them(server: ReferenceServer) -> None:
    answer = server.client.get("/admin/notifications", headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    answer = server.client.post("/admin/notifications", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_where_nobody_listens_there_is_no_id_and_no_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, {"notifications": False})
    _, issued = issued_to(server)
    assert (issued.notification_id, issued.can_notify) == (None, False)
    assert server.client.post("/notification", json={}).status_code == 404
    assert server.client.get("/admin/notifications").status_code == 404


def test_an_id_ends_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, {"notifications": {"lifetime": 60}})
    wallet, issued = issued_to(server)
    server.clock.wait(59)
    issued = told(wallet, issued, ACCEPTED)
    server.clock.wait(1)
    with pytest.raises(Refused, match="invalid_notification_id"):
        told(wallet, issued, DELETED)
