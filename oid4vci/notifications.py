"""Notifications (OID4VCI 11): what both sides know of them, and the `notification_id` as a sealed value.

Rule 1: a `notification_id` answers only to the tokens of the grant under which it was given out.
Rule 2: an event is written down once. That takes a record; the id itself needs none.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidNotificationId
from oid4vci.oauth.grants import Authorization
from oid4vci.records import Change, Insert, Key, Record, Swap
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = (
    "CREDENTIAL_ACCEPTED",
    "CREDENTIAL_DELETED",
    "CREDENTIAL_FAILURE",
    "EVENTS",
    "MAX_NOTIFICATION_ID",
    "NotificationId",
    "Notifications",
    "RecordedEvent",
    "checked_event",
    "checked_event_description",
    "recorded_events",
)

# OID4VCI 11.1
CREDENTIAL_ACCEPTED: Final = "credential_accepted"
CREDENTIAL_FAILURE: Final = "credential_failure"
CREDENTIAL_DELETED: Final = "credential_deleted"
EVENTS: Final = (CREDENTIAL_ACCEPTED, CREDENTIAL_FAILURE, CREDENTIAL_DELETED)

# Characters: of a text that helps a developer, and of an id, in which a credential identifier may be that has 4,096 of its own,
# each of up to six bytes in JSON, and the id of a configuration.
MAX_EVENT_DESCRIPTION: Final = 1024
MAX_NOTIFICATION_ID: Final = 49_152
# Seconds that events are remembered beyond the end of their id: for requests that began before it, and for clocks that are behind.
RECORD_MARGIN: Final = 300
_NOTIFICATION: Final = "notification"
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


def checked_event(value: Any) -> str:
    """One of the events, compared by case: "It MUST be a case sensitive string" (OID4VCI 11.1). Raises `Malformed`."""
    if not isinstance(value, str) or value not in EVENTS:
        raise Malformed(f"must be one of {', '.join(EVENTS)}", "event")
    return value


def checked_event_description(value: Any) -> str:
    """A text in the characters of OID4VCI 11.1, which may be empty. Raises `Malformed`, also for one that is too long."""
    if not isinstance(value, str) or not _DESCRIPTION.fullmatch(value):
        raise Malformed("must be ASCII without quotation mark, backslash and control characters", "event_description")
    if len(value) > MAX_EVENT_DESCRIPTION:
        raise Malformed(f"must have at most {MAX_EVENT_DESCRIPTION} characters", "event_description")
    return value


@frozen
class RecordedEvent:
    """An event that was acknowledged, and when it came (seconds since the epoch)."""

    event: str
    event_description: str | None = field(repr=False)
    received_at: int


@frozen
class NotificationId:
    """An id that this server gave out for the Credentials of one response.

    `family` is what the tokens have in common that may use it. Times are in seconds since the epoch.
    """

    value: str = field(repr=False)
    family: str = field(repr=False)
    configuration_id: str
    identifier: str | None
    issued_at: int
    expires_at: int

    @property
    def key(self) -> Key:
        """Where its events are recorded, once there are some."""
        return Key.of(_NOTIFICATION, self.value)

    def recording(self, event: RecordedEvent, record: Record | None) -> Change:
        """The change that adds an event to what is recorded. It fails if another one was recorded in between."""
        data = {"event": event.event, "event_description": event.event_description, "at": event.received_at}
        if record is None:
            return Insert(Record(self.key, {"events": [data]}, self.expires_at + RECORD_MARGIN))
        return Swap.update(record, events=[*record.data["events"], data])


def recorded_events(record: Record | None) -> Sequence[RecordedEvent]:
    """The events in a record, the first one first."""
    events = () if record is None else record.data["events"]
    return tuple(RecordedEvent(each["event"], each["event_description"], each["at"]) for each in events)


@frozen
class Notifications:
    """How `notification_id` values are made and recognised.

    `lifetime` is in seconds, and counts from the response with the Credentials: 30 days unless another one is given. A Wallet
    needs an Access Token as well, which a Refresh Token may give it. Events are kept as long as their id.
    """

    keys: SealingKeys
    lifetime: int = 2_592_000

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1:
            raise ValueError("lifetime must be positive")

    def new(
        self,
        credential_issuer: str,
        authorization: Authorization,
        *,
        configuration_id: str,
        identifier: str | None,
        now: int,
        new_secret: NewSecret,
    ) -> str:
        """A new id for Credentials of one configuration and dataset, for the tokens of this grant and no others."""
        claims: dict[str, Any] = {"for": authorization.family, "of": configuration_id, "iat": now, "exp": now + self.lifetime}
        if identifier is not None:
            claims["id"] = identifier
        return self.keys.seal(_purpose(credential_issuer), claims, new_secret=new_secret)

    def open(self, value: str, credential_issuer: str) -> NotificationId:
        """What an id stands for, if it is one of this issuer. Raises `InvalidNotificationId`."""
        try:
            claims = self.keys.open(_purpose(credential_issuer), value, max_size=MAX_NOTIFICATION_ID)
        except Malformed:
            raise InvalidNotificationId("the notification_id was not given out by this issuer") from None
        return NotificationId(value, claims["for"], claims["of"], claims.get("id"), int(claims["iat"]), int(claims["exp"]))


def _purpose(credential_issuer: str) -> str:
    return f"{_NOTIFICATION} {credential_issuer}"
