"""An issuer that defers, and its application, for tests from the outside in."""

from collections.abc import Callable
from typing import Any

from oid4vci.authorization_server import TokenOrder
from oid4vci.drive import Draft
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, Deferral, DeferredDraft, DeferredOrder, Transaction
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.records import Change, Reply
from tests.issuance import (
    CLAIMS,
    CLIENT,
    IDENTIFIER,
    NOW,
    Host,
    Issuance,
    Proof,
    credential_request,
    issuance,
    issuer_metadata,
    order_of,
    refused,
)

DEFERRED = f"{IDENTIFIER}/deferred"
LIFETIME, INTERVAL = 1_000_000, 3600
NOTE = {"case": 7}
THERE_IS_NONE = "there is no such transaction for this access token, or no longer"
BADGE = {"credential_configuration_id": "badge"}


def issues(order: DeferredOrder) -> Draft | Reply:
    return order.issue(CLAIMS)


def waits(order: DeferredOrder) -> Draft | Reply:
    return order.wait(interval=86_400)


def denies(order: DeferredOrder) -> Draft | Reply:
    return order.deny("no longer enrolled")


def as_decided(order: DeferredOrder) -> Draft | Reply:
    return waits(order) if order.decision is None else issues(order)


class Deferring(Host):
    """An application that defers every Credential, and decides by `polled` when a Wallet comes for it."""

    def __init__(self, polled: Callable[[DeferredOrder], Draft | Reply] = issues, changes: tuple[Change, ...] = ()) -> None:
        super().__init__()
        self.polled, self.changes = polled, changes
        self.drafts: list[DeferredDraft] = []
        self.polls: list[DeferredOrder] = []

    def decide(self, order: Any, /) -> Draft | Reply:
        if isinstance(order, TokenOrder):
            return order.issue()
        if isinstance(order, DeferredOrder):
            self.polls.append(order)
            return self.polled(order)
        assert isinstance(order, CredentialOrder)
        self.orders.append(order)
        self.drafts.append(order.defer(interval=INTERVAL, note=NOTE, changes=self.changes))
        return self.drafts[-1]


def deferring_metadata(**members: Any) -> CredentialIssuerMetadata:
    return issuer_metadata(**{"deferred_credential_endpoint": DEFERRED, **members})


def world_of(
    polled: Callable[[DeferredOrder], Draft | Reply] = issues, *, grace: int = 0, host: Host | None = None, **fields: Any
) -> Issuance:
    """An issuer whose application defers."""
    settings = {"metadata": deferring_metadata(), "deferral": Deferral(LIFETIME, grace=grace), **fields}
    return issuance(host=Deferring(polled) if host is None else host, **settings)


def host_of(world: Issuance) -> Deferring:
    assert isinstance(world.host, Deferring)
    return world.host


def token_for(
    world: Issuance, *configuration_ids: str, subject: str = "ada", client: str = CLIENT, now: int = NOW, **options: Any
) -> str:
    """An Access Token of anybody."""
    granted = world.server.pre_authorize(subject, configuration_ids or ("badge",), now=now, **options)
    assert world.host.commit(granted.changes)
    response = world.redeem(granted, now=now, client_id=client)
    assert response.status == 200, response.body
    token = response.json()["access_token"]
    assert isinstance(token, str)
    return token


def deferred(world: Issuance, token: str, body: Any = BADGE, *, now: int = NOW) -> str:
    """The `transaction_id` of a Credential Request that is deferred."""
    return transaction_id(world.credential(token, body, now=now))


def transaction_id(response: Response) -> str:
    """The `transaction_id` of an answer that there is nothing yet."""
    assert response.status == 202, response.body
    assert response.headers.get("content-type") == "application/json"
    assert response.headers.get("cache-control") == "no-store"
    body = response.json()
    assert body.keys() == {"transaction_id", "interval"}
    assert isinstance(body["transaction_id"], str)
    return body["transaction_id"]


def poll_request(token: str | None, body: Any, *, url: str = DEFERRED, **headers: str) -> Request:
    """A Deferred Credential Request; `body` is the `transaction_id`, or a whole body."""
    members = {"transaction_id": body} if isinstance(body, str) else body
    request = credential_request(token, members, **headers)
    return Request("POST", url, request.headers, request.body)


def poll(world: Issuance, token: str | None, body: Any, *, now: int = NOW, **headers: str) -> Response:
    return world.send(poll_request(token, body, **headers), now=now)


def notes(response: Response) -> list[Any]:
    """The Credentials of an answer that has some."""
    assert response.status == 200, response.body
    assert response.headers.get("content-type") == "application/json"
    body = response.json()
    assert body.keys() == {"credentials"}
    return [each["credential"] for each in body["credentials"]]


def noted(world: Issuance, *proofs: Proof, now: int = NOW) -> tuple[str, str]:
    """An Access Token for notes, and the `transaction_id` of the order with these proofs."""
    token = token_for(world, "note", now=now)
    return token, deferred(world, token, order_of(*proofs), now=now)


def stored(world: Issuance, *, now: int = NOW) -> Transaction:
    """The transaction that was begun last, as the application finds it."""
    wanted = world.issuer.transaction(host_of(world).drafts[-1].handle)
    found = wanted.read(world.host.load(wanted.lookups), now=now)
    assert found is not None
    return found


def untouched(world: Issuance, send: Callable[[], Response]) -> Response:
    """A response that nothing was committed for, and nobody asked the application for."""
    rows, polls = world.host.rows, len(host_of(world).polls)
    response = send()
    assert world.host.rows == rows
    assert len(host_of(world).polls) == polls
    return response


def not_theirs(world: Issuance, token: str, transaction: str, *, now: int = NOW) -> None:
    """`invalid_transaction_id`, and no word of why."""
    body = refused(untouched(world, lambda: poll(world, token, transaction, now=now)), "invalid_transaction_id")
    assert body["error_description"] == THERE_IS_NONE
