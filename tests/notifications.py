"""An issuer that wants to hear what became of its Credentials, and an application that takes note of it."""

import json
from typing import Any

from attrs import evolve, frozen

from oid4vci.drive import Draft
from oid4vci.http import Request, Response
from oid4vci.issuer import NotificationOrder
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.notifications import Notifications
from oid4vci.records import Insert, Key, Record, Reply
from tests.authorization import CodeFlow, CodeHost, code_flow, scoped_metadata
from tests.issuance import IDENTIFIER, JSON, NOW, Issuance, issuance, issuer_metadata, refused, secret_keys

NOTIFICATION = f"{IDENTIFIER}/notification"
BADGE = {"credential_configuration_id": "badge"}
ACCEPTED, FAILURE, DELETED = "credential_accepted", "credential_failure", "credential_deleted"
NOTIFICATIONS = Notifications(secret_keys())
NOTED = "application_noted"


def noted_row(order: NotificationOrder) -> Record:
    """What the application writes down of an event: a second row for the same one is more than a store takes."""
    named = f"{order.notification_id.value} {order.event} {order.event_description}"
    return Record(Key.of(NOTED, named), {"event": order.event}, NOW + 10_000_000)


class TakingNote(CodeHost):
    """It acknowledges everything, and writes it down with the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.notified: list[NotificationOrder] = []

    def decide(self, order: Any, /) -> Draft | Reply:
        if not isinstance(order, NotificationOrder):
            return super().decide(order)
        self.notified.append(order)
        return order.acknowledge([Insert(noted_row(order))])


def metadata(**members: Any) -> CredentialIssuerMetadata:
    return issuer_metadata(notification_endpoint=NOTIFICATION, **members)


def world(**fields: Any) -> Issuance:
    """The issuer takes `fields`."""
    fields.setdefault("metadata", metadata())
    return issuance(host=TakingNote(), notifications=fields.pop("notifications", NOTIFICATIONS), **fields)


def noting(flow: CodeFlow) -> CodeFlow:
    return evolve(flow, host=TakingNote())


def flow(**settings: Any) -> CodeFlow:
    """The authorization code flow, and Refresh Tokens."""
    published = scoped_metadata(notification_endpoint=NOTIFICATION)
    return noting(code_flow(metadata=published, issuer={"notifications": NOTIFICATIONS}, **settings))


def noted(parts: Issuance) -> list[NotificationOrder]:
    """What the application got to see."""
    assert isinstance(parts.host, TakingNote)
    return parts.host.notified


def rows(parts: Issuance, kind: str) -> list[Record]:
    return [record for key, record in parts.host.rows.items() if key.kind == kind]


def notification_request(token: str | None, body: Any, *, url: str = NOTIFICATION, **headers: str) -> Request:
    """A Notification Request; `body` is JSON unless it is bytes. Underscores in the names of headers stand for hyphens."""
    fields = {"content-type": JSON, **({} if token is None else {"authorization": f"Bearer {token}"})}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", url, fields, body if isinstance(body, bytes) else json.dumps(body).encode())


@frozen
class Given:
    """A token, and the `notification_id` of Credentials that it got."""

    parts: Issuance
    token: str
    notification_id: str

    def body(self, event: str = ACCEPTED, **members: Any) -> dict[str, Any]:
        return {"notification_id": self.notification_id, "event": event, **members}

    def notify(self, event: str = ACCEPTED, *, now: int = NOW, **members: Any) -> Response:
        return self.send(self.body(event, **members), now=now)

    def send(self, body: Any, *, now: int = NOW, **headers: str) -> Response:
        return self.parts.send(notification_request(self.token, body, **headers), now=now)


def id_of(response: Response) -> str:
    assert response.status == 200, response.body
    found = response.json()["notification_id"]
    assert isinstance(found, str)
    return found


def given(parts: Issuance | None = None, *, token: str | None = None, now: int = NOW) -> Given:
    """A badge was issued."""
    parts = world() if parts is None else parts
    token = parts.token("badge", now=now) if token is None else token
    return Given(parts, token, id_of(parts.credential(token, BADGE, now=now)))


def acknowledged(response: Response) -> None:
    assert (response.status, response.body) == (204, b"")


def unheard(held: Given, body: Any, error: str, *, now: int = NOW, **headers: str) -> dict[str, Any]:
    """The refusal of a request of which nothing is recorded and nobody hears, after which a good one is heard."""
    before, heard = held.parts.host.rows, len(noted(held.parts))
    refusal = refused(held.send(body, now=now, **headers), error)
    assert (held.parts.host.rows, len(noted(held.parts))) == (before, heard)
    acknowledged(held.notify())
    return refusal
