"""Notifications (OID4VCI 11)."""

from collections.abc import Mapping
from typing import Any, Final

from oid4vci.http import Response
from oid4vci.testing.probes.expectations import demand, need, refused, unauthorized
from oid4vci.testing.probes.jwts import token
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.session import Session, session
from oid4vci.testing.report import CheckSkipped

__all__ = ()

REQUEST: Final = ("invalid_notification_request",)
ID: Final = ("invalid_notification_id",)


def _noted(peer: Peer) -> tuple[Session, str]:
    """Credentials that came with a `notification_id`."""
    peer.endpoint("notification_endpoint")
    for target in peer.targets:
        begun = session(peer, target)
        members = begun.accepted(begun.order(begun.body()))
        if "credentials" in members:
            identifier = members.get("notification_id")
            need(isinstance(identifier, str) and identifier, "credentials come without a notification_id")
            return begun, str(identifier)
    raise CheckSkipped("every credential is deferred")


def _notify(begun: Session, body: Mapping[str, Any] | bytes, **options: Any) -> Response:
    return begun.instance.post(begun.peer.endpoint("notification_endpoint"), begun.access_token, body, **options)


def _said(identifier: Any, event: Any = "credential_accepted", **members: Any) -> dict[str, Any]:
    return {"notification_id": identifier, "event": event, **members}


def _taken(response: Response, *, what: str) -> None:
    demand(200 <= response.status < 300, f"{what}: expected 2xx, got {response.status}")


@CHECKS("VCI-11.2-01", "VCI-11.2-02", "VCI-11-05", "VCI-11-02")
def notification_is_taken(peer: Peer) -> None:
    """Each event is taken, the same one twice too."""
    for event in ("credential_accepted", "credential_failure", "credential_deleted"):
        begun, identifier = _noted(peer)
        for _ in range(2):
            _taken(_notify(begun, _said(identifier, event)), what=event)


@CHECKS("VCI-11.1-13")
def notification_with_unknown_members(peer: Peer) -> None:
    """A member that nobody knows changes nothing."""
    begun, identifier = _noted(peer)
    _taken(_notify(begun, _said(identifier, event_description="a word", unheard_of=[1])), what="an unknown member")


@CHECKS("VCI-11.3-02", "VCI-11.3-03", "VCI-11.3-04", "VCI-11.3-06")
def notification_of_nothing(peer: Peer) -> None:
    """A `notification_id` that nobody gave is refused with 400 `invalid_notification_id`."""
    begun, identifier = _noted(peer)
    for wrong in (token(), f"{identifier[:-4]}AAAA"):
        refused(_notify(begun, _said(wrong)), *ID, what="a notification_id that nobody gave")
    _taken(_notify(begun, _said(identifier)), what="the right one")


@CHECKS("VCI-11.3-05", "VCI-11.3-07")
def notification_that_is_wrong(peer: Peer) -> None:
    """A missing, unknown or malformed member is refused with 400 `invalid_notification_request`."""
    begun, identifier = _noted(peer)
    wrong: list[Mapping[str, Any] | bytes] = [
        {"event": "credential_accepted"},
        {"notification_id": identifier},
        _said(identifier, "unheard_of"),
        _said(identifier, 1),
        _said(1),
        b"garbage",
        b"[]",
    ]
    for body in wrong:
        refused(_notify(begun, body), *REQUEST, *ID, what="a wrong notification")
    _taken(_notify(begun, _said(identifier)), what="the right one")


@CHECKS("VCI-11.3-01", "VCI-11-04")
def notification_without_a_token(peer: Peer) -> None:
    """Without an access token, and with one that nobody gave, the answer is 401."""
    begun, identifier = _noted(peer)
    body = _said(identifier)
    unauthorized(_notify(begun, body, authorization=(), proofs=lambda _: ()), what="no access token")
    wrong = _notify(begun, body, authorization=(f"{begun.instance.scheme} {token()}",))
    unauthorized(wrong, "invalid_token", "invalid_dpop_proof", what="a token that nobody gave")
    _taken(_notify(begun, body), what="the right token")


@CHECKS("VCI-11.3-06", "VCI-11.3-01")
def notification_of_somebody_else(peer: Peer) -> None:
    """A wallet says nothing about the credentials of another."""
    begun, identifier = _noted(peer)
    other = session(peer, begun.target)
    response = _notify(other, _said(identifier, "credential_deleted"))
    demand(response.status in (400, 401, 403), f"a notification_id of another wallet: got {response.status}")
    _taken(_notify(begun, _said(identifier)), what="that of the wallet itself")
