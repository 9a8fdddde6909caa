"""The Notification Request: read, verified, acknowledged (OID4VCI 11)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidNotificationId, InvalidNotificationRequest, Refusal
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.notifications import (
    MAX_NOTIFICATION_ID,
    NotificationId,
    Notifications,
    RecordedEvent,
    checked_event,
    checked_event_description,
    recorded_events,
)
from oid4vci.oauth.grants import Authorization
from oid4vci.oauth.protected_resource import Access, ReadAccess
from oid4vci.records import Change, Key, Record, Records, Reply

if TYPE_CHECKING:
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("NotificationCall", "NotificationOrder", "new_notification_id", "read_notification_request")

MAX_REQUEST = 65_536
# Different events of one id that are recorded: there are three, each with as many descriptions as a Wallet likes.
MAX_EVENTS = 32


def new_notification_id(
    issuer: "Issuer", authorization: Authorization, configuration_id: str, identifier: str | None, *, now: int
) -> str | None:
    """The one `notification_id` of a response with Credentials (OID4VCI 8.3, 9.2, 11); None without Notification Endpoint."""
    if issuer.notifications is None:
        return None
    return issuer.notifications.new(
        issuer.identifier,
        authorization,
        configuration_id=configuration_id,
        identifier=identifier,
        now=now,
        new_secret=issuer.new_secret,
    )


@frozen
class ReadNotification:
    """What a request says."""

    notification_id: NotificationId
    event: str
    event_description: str | None = field(repr=False)


def read_notification_request(
    issuer: "Issuer", notifications: Notifications, access: ReadAccess, request: Request
) -> "NotificationCall":
    """The request of a Wallet whose token was read; a fault of its body is kept until the token has been verified."""
    try:
        return NotificationCall(access, _read(issuer, notifications, request))
    except Malformed as error:
        return NotificationCall(access, InvalidNotificationRequest(str(error)))
    except InvalidNotificationId as fault:
        return NotificationCall(access, fault)


def _read(issuer: "Issuer", notifications: Notifications, request: Request) -> ReadNotification:
    # "The Credential Issuer MUST ignore any unrecognized parameters." -- OID4VCI 11.1
    members = request.json_object(max_bytes=MAX_REQUEST)
    value = members.get("notification_id")
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NOTIFICATION_ID:
        raise Malformed("must be a non-empty string that is not too long", "notification_id")
    event, description = checked_event(members.get("event")), None
    if "event_description" in members:
        description = checked_event_description(members["event_description"])
    return ReadNotification(notifications.open(value, issuer.identifier), event, description)


@frozen
class NotificationCall:
    """A Notification Request: parsed, nothing believed. `asked` is what it says, or what is wrong with it."""

    access: ReadAccess = field(repr=False)
    asked: ReadNotification | Refusal = field(repr=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load: those of the token and its DPoP proof, and the events of this id."""
        asked = self.asked
        return self.access.lookups if isinstance(asked, Refusal) else (*self.access.lookups, asked.notification_id.key)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The outside keys to resolve: those of the token."""
        return self.access.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys | None = None, now: int) -> "NotificationOrder":
        """Make every check: the token and its DPoP proof, the request, then whether the id is the token's. Nothing is recorded yet.

        It takes any token of the grant under which the Credentials were issued, whatever that is for (OID4VCI 11).

        Raises `InvalidToken`, `InvalidDpopProof`, `UseDpopNonce`, `InvalidNotificationRequest` and `InvalidNotificationId`.
        """
        access = self.access.verify(records, keys=keys or {}, now=now)
        if isinstance(self.asked, Refusal):
            raise self.asked
        notification_id = self.asked.notification_id
        if notification_id.expires_at <= now or notification_id.family != access.authorization.family:
            # Which of the two does not concern who has somebody else's.
            raise InvalidNotificationId("the notification_id is not one of this access token, or no longer")
        recorded = records.get(notification_id.key)
        order = NotificationOrder(access, notification_id, self.asked.event, self.asked.event_description, recorded, now)
        if len(order.recorded) >= MAX_EVENTS and not order.repeated:
            raise InvalidNotificationRequest("there were too many different notifications for this notification_id")
        return order


@frozen
class NotificationOrder:
    """A verified Notification Request: the application takes note of it, and lets it be acknowledged.

    `event` says what became of all Credentials of one response (OID4VCI 11.1); `event_description`, which helps developers, is the
    Wallet's word. A Wallet may send several events; what they mean together is for the application to say: it gets every one of
    them, also those that contradict what was `recorded`.
    """

    access: Access
    notification_id: NotificationId = field(repr=False)
    event: str
    event_description: str | None = field(repr=False)
    _record: Record | None = field(repr=False)
    now: int

    @property
    def authorization(self) -> Authorization:
        """What the Access Token allows: that of the Credential Request, or another one of the same grant."""
        return self.access.authorization

    @property
    def subject(self) -> str:
        """Whom the grant is about."""
        return self.authorization.subject

    @property
    def client_id(self) -> str | None:
        """The Wallet; None if it is an anonymous client."""
        return self.authorization.client_id

    @property
    def note(self) -> Any:
        """What the application stored with the grant."""
        return self.authorization.note

    @property
    def configuration_id(self) -> str:
        """Of which configuration the Credentials are. It may be offered no longer."""
        return self.notification_id.configuration_id

    @property
    def identifier(self) -> str | None:
        """The credential identifier of their dataset, if they were requested by one."""
        return self.notification_id.identifier

    @property
    def issued_at(self) -> int:
        """When they were issued, in seconds since the epoch."""
        return self.notification_id.issued_at

    @property
    def recorded(self) -> Sequence[RecordedEvent]:
        """The events that were acknowledged before, each once, the first one first."""
        return recorded_events(self._record)

    @property
    def repeated(self) -> bool:
        """Whether this very event, with the same description, was acknowledged before: the Wallet may not have seen the answer."""
        this = (self.event, self.event_description)
        return any((each.event, each.event_description) == this for each in self.recorded)

    def acknowledge(self, changes: Sequence[Change] = ()) -> Reply:
        """204, and the event is recorded (OID4VCI 11.2). An event that is `repeated` is answered alike.

        `changes` are the application's own, to be committed with the first of identical notifications; with a repetition they are
        left out, since they were made. So what an event is to bring about is brought about once.
        """
        response = Response(204, self.access.headers)
        if self.repeated:
            return Reply(response, self.access.changes)
        event = RecordedEvent(self.event, self.event_description, self.now)
        return Reply(response, (*self.access.changes, self.notification_id.recording(event, self._record), *changes))
