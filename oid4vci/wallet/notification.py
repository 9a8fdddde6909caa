"""Tell the issuer what became of its Credentials (OID4VCI 11)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, field, frozen

from oid4vci._json import Malformed
from oid4vci.http import Response
from oid4vci.notifications import (
    CREDENTIAL_ACCEPTED,
    CREDENTIAL_DELETED,
    CREDENTIAL_FAILURE,
    checked_event,
    checked_event_description,
)
from oid4vci.wallet.credential_exchange import credential_refusal
from oid4vci.wallet.exchange import Exchange, extended

if TYPE_CHECKING:
    from oid4vci.wallet.sender import Sender
    from oid4vci.wallet.session import Session

__all__ = ("RejectedCredentials", "notification_exchange", "outcome", "same_issuer")

T = TypeVar("T")
# OID4VCI 11.1
_MEMBERS = frozenset(("notification_id", "event", "event_description"))


def outcome(count: int, stored: int, *, by_user: bool) -> str:
    """The event for `count` Credentials of which `stored` were stored. Raises `ValueError` if it cannot have been that many."""
    if not 0 <= stored <= count:
        raise ValueError(f"0 to {count} Credentials can have been stored")
    if stored == count:
        return CREDENTIAL_ACCEPTED
    # "Partial errors during issuance of multiple Credentials ... MUST be treated as the overall issuance flow failing."
    return CREDENTIAL_DELETED if by_user else CREDENTIAL_FAILURE


def same_issuer(before: "Session", session: "Session") -> "Session":
    """`session`, if it is one of the same issuer as `before`. Raises `ValueError`."""
    if session.metadata.credential_issuer != before.metadata.credential_issuer:
        raise ValueError("the session is of another issuer")
    return session


def can_notify(session: "Session", notification_id: str | None) -> bool:
    """Whether the issuer wants to be notified: it gave an id, and has an endpoint for that (OID4VCI 11)."""
    return notification_id is not None and session.metadata.notification_endpoint is not None


def notification_exchange(
    session: "Session",
    notification_id: str | None,
    event: str,
    event_description: str | None,
    *,
    now: int | None,
    extra: Mapping[str, Any] | None,
    then: "Callable[[Session], T]",
) -> Exchange[T]:
    """The Notification Request (OID4VCI 11.1), and `then` what becomes of the session. Raises as `Issued.notify` does."""
    endpoint = session.metadata.notification_endpoint
    if notification_id is None:
        raise ValueError("the issuer gave no notification_id: it wants no notification")
    if endpoint is None:
        raise ValueError("the issuer has no Notification Endpoint")
    members: dict[str, Any] = {"notification_id": notification_id, "event": checked_event(event)}
    if event_description is not None:
        members["event_description"] = checked_event_description(event_description)
    session.wallet.trust.demand_endpoint(endpoint, session.metadata.credential_issuer)

    def read(response: Response, sender: "Sender") -> T:
        if refused := credential_refusal(session, response):
            raise refused
        # "it MUST respond with an HTTP status code in the 2xx range", and that is all it has to say -- OID4VCI 11.2
        if not 200 <= response.status < 300:
            raise Malformed(f"the server answered with status {response.status}")
        return then(evolve(session, sender=sender))

    members = extended(members, extra, known=_MEMBERS)
    return session.sender.post_json(endpoint, members, access_token=session.access_token, now=now, read=read)


@frozen(kw_only=True)
class RejectedCredentials:
    """Credentials that came and were not accepted, for the issuer to hear of it: `credential_failure` (OID4VCI 11.1).

    The value holds the Access Token.
    """

    session: "Session"
    notification_id: str | None = field(default=None, repr=False)

    @property
    def can_notify(self) -> bool:
        """Whether the issuer wants to be notified: it gave a `notification_id`, and has a Notification Endpoint."""
        return can_notify(self.session, self.notification_id)

    def with_session(self, session: "Session") -> "RejectedCredentials":
        """The same with another Access Token: see `Issued.with_session`."""
        return evolve(self, session=same_issuer(self.session, session))

    def notify(
        self,
        event: str = CREDENTIAL_FAILURE,
        event_description: str | None = None,
        *,
        now: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> "Exchange[RejectedCredentials]":
        """Tell the issuer: see `Issued.notify`."""

        def then(session: "Session") -> "RejectedCredentials":
            return evolve(self, session=session)

        return notification_exchange(
            self.session, self.notification_id, event, event_description, now=now, extra=extra, then=then
        )
