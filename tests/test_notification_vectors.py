"""The printed Notification Requests and answers of OID4VCI 1.0, read by the issuer and the wallet, and written by them."""

import json
from pathlib import Path
from typing import Any

import pytest

from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidNotificationId, Refused
from oid4vci.http import Request, Response
from oid4vci.wallet.issued import CredentialResponse
from tests.notifications import BADGE, given, noted
from tests.scripted_notifications import ID, NOTIFICATION, NOW, notifiable

REQUESTS = ("037-", "038-")


def example(vectors: Path, name: str) -> dict[str, Any]:
    (file,) = (vectors / "oid4vci-1.0").glob(f"{name}*.parsed.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.spec("VCI-11.1-01", "VCI-11.1-03", "VCI-11.1-04", "VCI-11.1-10")
@pytest.mark.parametrize("name", REQUESTS)
def test_the_issuer_reads_the_printed_request(vectors: Path, name: str) -> None:
    printed, held = example(vectors, name), given()
    body = {**printed["body_json"], "notification_id": held.notification_id}
    headers = {key.lower(): value for key, value in printed["headers"]} | {"authorization": f"Bearer {held.token}"}
    request = Request(printed["method"], "/tenant/notification", headers, json.dumps(body).encode())
    answer = held.parts.send(request)
    good = example(vectors, "039-")
    assert (answer.status, answer.headers.pairs, answer.body) == (good["status"], (), b"")
    (order,) = noted(held.parts)
    assert (order.event, order.event_description) == (body["event"], body.get("event_description"))


@pytest.mark.spec("VCI-11.3-02", "VCI-11.3-06")
@pytest.mark.parametrize("name", REQUESTS)
def test_the_printed_id_is_not_one_of_ours_and_the_answer_is_as_printed(vectors: Path, name: str) -> None:
    printed, held = example(vectors, name), given()
    answer, bad = held.send(printed["body_json"]), example(vectors, "040-")
    assert (answer.status, answer.json()["error"]) == (bad["status"], bad["body_json"]["error"])
    assert {(key.lower(), value) for key, value in bad["headers"]} == set(answer.headers.pairs)
    written = InvalidNotificationId().reply.response
    assert written.json() == bad["body_json"]


@pytest.mark.spec("VCI-8.3-23", "VCI-11-03", "VCI-11.1-01")
@pytest.mark.parametrize("name", REQUESTS)
def test_the_wallet_writes_the_printed_request(vectors: Path, name: str) -> None:
    printed, good = example(vectors, name), example(vectors, "039-")
    body = printed["body_json"]
    server, issued = notifiable(Response(good["status"]), notification_id=body["notification_id"])
    run(issued.notify(body["event"], body.get("event_description"), now=NOW), server)
    (request,) = server.to(NOTIFICATION)
    assert (request.method, request.media_type, request.json_object()) == (printed["method"], "application/json", body)
    assert (request.headers.get("authorization") or "").startswith("Bearer ")


def test_the_wallet_reads_the_printed_error(vectors: Path) -> None:
    bad = example(vectors, "040-")
    answer = Response(bad["status"], [(key, value) for key, value in bad["headers"]], json.dumps(bad["body_json"]).encode())
    server, issued = notifiable(answer, notification_id=ID)
    with pytest.raises(Refused) as caught:
        run(issued.notify("credential_accepted", now=NOW), server)
    assert (caught.value.error, caught.value.status, caught.value.advice) == ("invalid_notification_id", 400, Advice.GIVE_UP)


@pytest.mark.spec("VCI-8.3-22")
def test_the_printed_response_has_its_id_where_ours_have_it(vectors: Path) -> None:
    printed, held = example(vectors, "030-")["body_json"], given()
    response = CredentialResponse.from_json(printed)
    assert response.notification_id == ID
    ours = held.parts.credential(held.token, BADGE).json()
    assert ours.keys() == printed.keys() == {"credentials", "notification_id"}
