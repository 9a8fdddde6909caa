"""What becomes of an offer that somebody follows at the page: events, each written down once, with what it tells of.

An offer that is followed has a `Watch` as its note, which comes back with every order that follows from it. An event is a row
of its own, which is inserted and never changed. So of two requests that bring the same event at once, the one that is run again
finds it there and goes on without: following an offer costs a request one more attempt at the most, and never its answer.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from oid4vci.authorization_server import TokenDraft, TokenOrder
from oid4vci.drive import Draft
from oid4vci.issuer import CredentialDraft, CredentialOrder, DeferredDraft, DeferredOrder, NotificationOrder
from oid4vci.records import Change, Insert, Key, Record, Reply, Store, Swap

__all__ = (
    "APPROVED",
    "DEFERRED",
    "DENIED",
    "EVENTS_OF_AN_OFFER",
    "EVENTS_OF_A_CREDENTIAL",
    "ISSUED",
    "LOGIN",
    "REFUSED",
    "TOKEN",
    "Events",
    "Watch",
    "fetch_key",
    "load_events",
    "note_fetch",
    "with_event",
    "with_event_of",
)

LOGIN, REFUSED, APPROVED, TOKEN = "login", "refused", "approved", "token"
EVENTS_OF_AN_OFFER: Final = (LOGIN, REFUSED, APPROVED, TOKEN)
DEFERRED, ISSUED, DENIED = "deferred", "issued", "denied"
# What a wallet tells is the name of its event (OID4VCI 11.1).
EVENTS_OF_A_CREDENTIAL: Final = (
    *(DEFERRED, ISSUED, DENIED),
    *("credential_accepted", "credential_failure", "credential_deleted"),
)
Events = Mapping[tuple[str, str | None], Mapping[str, Any]]
"""What happened, by event and configuration: `at`, in seconds since the epoch, and the `handle` of what was deferred."""


@frozen
class Watch:
    """Somebody follows an offer, until a time in seconds since the epoch. `of` names its events, and opens nothing."""

    of: str
    until: int

    def note(self) -> dict[str, Any]:
        """As it is kept with grants."""
        return {"watch": self.of, "until": self.until}

    @classmethod
    def read(cls, note: Any) -> "Watch | None":
        """What `note` gave; None for any other note."""
        return cls(note["watch"], note["until"]) if isinstance(note, dict) and note.keys() == {"watch", "until"} else None

    def key(self, event: str, configuration_id: str | None) -> Key:
        """Where an event is."""
        return Key.of(
            "offer_event", f"{self.of} {event}" if configuration_id is None else f"{self.of} {event} {configuration_id}"
        )

    def event(
        self, store: Store, event: str, configuration_id: str | None = None, *, now: int, handle: str | None = None
    ) -> tuple[Change, ...]:
        """The change that writes an event down; none if it is there, or nobody follows the offer any more."""
        key = self.key(event, configuration_id)
        if self.until <= now or key in store.load((key,)):
            return ()
        return (Insert(Record(key, {"at": now, "handle": handle}, self.until)),)


def load_events(
    store: Store, watch: Watch, configuration_ids: Collection[str], *also: Key
) -> tuple[Events, Mapping[Key, Record]]:
    """What happened so far, and the records `also`, which are loaded with it."""
    named: list[tuple[str, str | None]] = [(event, None) for event in EVENTS_OF_AN_OFFER]
    named += [(event, each) for each in configuration_ids for event in EVENTS_OF_A_CREDENTIAL]
    keys = {watch.key(*each): each for each in named}
    records = store.load((*keys, *also))
    return {keys[key]: record.data for key, record in records.items() if key in keys}, records


def with_event(reply: Reply, store: Store, note: Any, event: str, *, now: int) -> Reply:
    """An answer that writes an event down as well, if `note` is that of an offer which is followed."""
    watch = Watch.read(note)
    return reply if watch is None else evolve(reply, changes=(*reply.changes, *watch.event(store, event, now=now)))


def with_event_of(order: Any, decided: Draft | Reply, store: Store) -> Draft | Reply:
    """What was decided about a verified request, with the event that this is for who follows the offer."""
    watch = Watch.read(order.grant.note if isinstance(order, TokenOrder) else getattr(order, "note", None))
    event = _event_of(order, decided)
    if watch is None or event is None:
        return decided
    configuration_id = None if isinstance(order, TokenOrder) else order.configuration_id
    handle = decided.handle if isinstance(decided, DeferredDraft) else None
    changes = watch.event(store, event, configuration_id, now=order.now, handle=handle)
    match decided:
        case TokenDraft() | CredentialDraft() | DeferredDraft() | Reply():
            return evolve(decided, changes=(*decided.changes, *changes))
    return decided


def _event_of(order: Any, decided: Draft | Reply) -> str | None:
    """What a decision is to who follows an offer; that a wallet has to go on waiting is nothing."""
    match order, decided:
        case (TokenOrder(), TokenDraft()):
            return TOKEN
        case (CredentialOrder() | DeferredOrder(), CredentialDraft()):
            return ISSUED
        case (CredentialOrder() | DeferredOrder(), Reply()):
            return DENIED
        case (CredentialOrder(), DeferredDraft()):
            return DEFERRED
        case (NotificationOrder(), Reply()):
            return str(order.event)
    return None


# --- offers by reference -----------------------------------------------------------------------------------------------------


def fetch_key(offer_id: str) -> Key:
    """Where it is kept whether an offer by reference was fetched; the row is there for offers that are followed."""
    return Key.of("offer_fetch", offer_id)


def note_fetch(store: Store, offer_id: str, *, now: int) -> None:
    """Write down that an offer was fetched, for who follows it. It was sent: whoever is faster with the same is right as well."""
    record: Record | None = store.load((fetch_key(offer_id),)).get(fetch_key(offer_id))
    if record is not None and record.data["at"] is None and now < record.expires_at:
        store.commit((Swap.update(record, at=now),))
