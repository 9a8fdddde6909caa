"""Deferred issuance and notifications together (OID4VCI 8.3, 9.2, 11): the id comes with the Credentials, not with the promise."""

from typing import Any

import pytest

from oid4vci.drive import Draft
from oid4vci.issuer import NotificationOrder
from oid4vci.records import Reply
from tests.deferrals import BADGE, DEFERRED, Deferring, as_decided, deferring_metadata, issues, world_of
from tests.issuance import NOW, Issuance, credential_request, refused
from tests.notifications import ACCEPTED, NOTIFICATION, NOTIFICATIONS, acknowledged, notification_request

LATER = NOW + 60


class Both(Deferring):
    """It defers, and takes note."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.notified: list[NotificationOrder] = []

    def decide(self, order: Any, /) -> Draft | Reply:
        if not isinstance(order, NotificationOrder):
            return super().decide(order)
        self.notified.append(order)
        return order.acknowledge()


def both(host: Both) -> Issuance:
    return world_of(host=host, metadata=deferring_metadata(notification_endpoint=NOTIFICATION), notifications=NOTIFICATIONS)


def poll(world: Issuance, token: str, transaction_id: str) -> Any:
    request = credential_request(token, {"transaction_id": transaction_id})
    return world.send(type(request)("POST", DEFERRED, request.headers, request.body), now=LATER)


@pytest.mark.spec("VCI-8.3-24", "VCI-11-02")
def test_the_id_comes_with_the_credentials() -> None:
    host = Both(issues)
    world = both(host)
    token = world.token("badge")
    promise = world.credential(token, BADGE)
    assert (promise.status, promise.json().keys()) == (202, {"transaction_id", "interval"})
    issued = poll(world, token, promise.json()["transaction_id"])
    assert (issued.status, issued.json().keys()) == (200, {"credentials", "notification_id"})
    body = {"notification_id": issued.json()["notification_id"], "event": ACCEPTED}
    refused(world.send(notification_request(world.token("badge"), body), now=LATER), "invalid_notification_id")
    acknowledged(world.send(notification_request(token, body), now=LATER))
    (order,) = host.notified
    assert (order.configuration_id, order.issued_at) == ("badge", LATER)


@pytest.mark.spec("VCI-8.3-24")
def test_a_promise_that_is_repeated_has_none_either() -> None:
    world = both(Both(as_decided))
    token = world.token("badge")
    promise = poll(world, token, world.credential(token, BADGE).json()["transaction_id"])
    assert (promise.status, promise.json().keys()) == (202, {"transaction_id", "interval"})
