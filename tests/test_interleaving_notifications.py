"""Concurrency as data, for notifications: requests on stale records, and every acknowledged event is recorded exactly once.

As in `test_interleaving`, a request begins with the records of that moment and is finished by the driver at any later time.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oid4vci.drive import Draft, respond
from oid4vci.http import Request, Response
from oid4vci.issuer import NotificationOrder
from oid4vci.memory import MemoryStore
from oid4vci.notifications import EVENTS, Notifications
from oid4vci.oauth.grants import REVOKED
from oid4vci.records import Insert, Key, Records, Reply, Store, Swap
from tests.issuance import NOW, credential_request, issuance, secret_keys, token_request
from tests.notifications import BADGE, metadata, noted_row, notification_request
from tests.test_interleaving import THOROUGH, InsertOverAll, Process, SendsBeforeItCommits
from tests.wrong_stores import BlindSwap, FirstChangeOnly

LIFETIME, MARGIN, PATIENCE = 100, 300, 60
Event = tuple[str, str | None]


@define(eq=False)
class Held:
    """A `notification_id`, the token that it came with, and what was acknowledged."""

    value: str = field(repr=False)
    token: str = field(repr=False)
    grant: Key = field(repr=False)
    token_ends: int
    ends: int
    acknowledged: dict[Event, Key] = field(factory=dict)

    @property
    def key(self) -> Key:
        return Key.of("notification", self.value)


@define(eq=False)
class Flight:
    """A request that is being worked on, the records it has loaded, and when that was."""

    held: Held
    event: Event
    request: Request = field(repr=False)
    records: Records = field(repr=False)
    now: int


class Noting(Process):
    """An application that writes down each event with the answer."""

    def decide(self, order: Any, /) -> Draft | Reply:
        return order.acknowledge([Insert(noted_row(order))]) if isinstance(order, NotificationOrder) else super().decide(order)


class SendsBeforeItNotes(SendsBeforeItCommits, Noting):
    """Sends its answer whether or not the commit succeeded."""


class AllChangesEveryTime(Noting):
    """Does not look at whether an event is a repetition."""

    def decide(self, order: Any, /) -> Draft | Reply:
        if not isinstance(order, NotificationOrder):
            return super().decide(order)
        reply = order.acknowledge()
        return Reply(reply.response, (*reply.changes, Insert(noted_row(order))))


class NotificationEndpoint(RuleBasedStateMachine):
    """Notifications of the same and of other events of a few ids, several of them at the same time."""

    make_store: Callable[[], MemoryStore] = MemoryStore
    make_process: Callable[[Store, Records], Process] = Noting

    ids: Bundle[Held] = Bundle("ids")
    flights: Bundle[Flight] = Bundle("flights")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.store = type(self).make_store()
        self.parts = issuance(metadata=metadata(), notifications=Notifications(secret_keys(), lifetime=LIFETIME))
        self.known: list[Held] = []
        self.revoked: set[Key] = set()

    def respond(self, request: Request, records: Records | None, now: int) -> Response:
        role = self.parts.server if request.url.endswith("/token") else self.parts.issuer
        loaded = self.store.load(role.read(request).lookups) if records is None else records
        return respond(role, request, type(self).make_process(self.store, loaded), now=now)

    def issue(self, token: str, grant: Key, token_ends: int) -> Held:
        response = self.respond(credential_request(token, BADGE), None, self.now)
        held = Held(response.json()["notification_id"], token, grant, token_ends, self.now + LIFETIME)
        self.known.append(held)
        return held

    @initialize(target=ids)
    def first(self) -> MultipleResults[Held]:
        """Two responses under one grant, and one under another."""
        found = []
        for count in (2, 1):
            granted = self.parts.server.pre_authorize("ada", ["badge"], now=self.now)
            assert self.store.commit(granted.changes)
            body = self.respond(token_request(granted.grant.pre_authorized_code), None, self.now).json()
            ends = self.now + body["expires_in"]
            found += [self.issue(body["access_token"], granted.key, ends) for _ in range(count)]
        return multiple(*found)

    @rule(
        target=flights,
        held=ids,
        events=st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from([None, "why"])), min_size=1, max_size=4),
    )
    def begin(self, held: Held, events: list[Event]) -> MultipleResults[Flight]:
        flights = []
        for event, description in events:
            described = {} if description is None else {"event_description": description}
            body = {"notification_id": held.value, "event": event, **described}
            request = notification_request(held.token, body)
            records = self.store.load(self.parts.issuer.read(request).lookups)
            flights.append(Flight(held, (event, description), request, records, self.now))
        return multiple(*flights)

    @rule(held=ids, other=ids)
    def stranger(self, held: Held, other: Held) -> None:
        """The token of another grant is never good for it."""
        if held.grant != other.grant:
            request = notification_request(other.token, {"notification_id": held.value, "event": EVENTS[0]})
            assert self.respond(request, None, self.now).status in (400, 401)

    @rule(flight=consumes(flights))
    def finish(self, flight: Flight) -> None:
        if self.now - flight.now > PATIENCE:
            return
        held, event = flight.held, flight.event
        response = self.respond(flight.request, flight.records, flight.now)
        in_time = flight.now < min(held.ends, held.token_ends)
        if response.status == 204:
            assert in_time, "acknowledged too late"
            noted = Key.of("application_noted", f"{held.value} {event[0]} {event[1]}")
            held.acknowledged[event] = noted
            return
        assert response.status in (400, 401), "a request that nobody can answer"
        assert not in_time or held.grant in self.revoked, "a good request is refused"

    @precondition(lambda self: not self.revoked)
    @rule(held=ids)
    def revoke(self, held: Held) -> None:
        for grant in self.store.load([held.grant]).values():
            assert self.store.commit([Swap.update(grant, state=REVOKED)])
            self.revoked.add(held.grant)

    @rule(seconds=st.sampled_from([0, 1, 10, 50]), purge=st.booleans())
    def wait(self, seconds: int, purge: bool) -> None:
        self.now += seconds
        if purge:
            self.store.purge(now=self.now)

    @invariant()
    def every_acknowledged_event_is_recorded_once(self) -> None:
        for held in self.known:
            if self.now >= held.ends + MARGIN:
                continue
            record = self.store.load([held.key]).get(held.key)
            events = [] if record is None else record.data["events"]
            recorded = [(each["event"], each["event_description"]) for each in events]
            assert len(set(recorded)) == len(recorded), "an event is recorded twice"
            assert set(recorded) == held.acknowledged.keys(), "what is recorded is not what was acknowledged"
            noted = list(held.acknowledged.values())
            assert self.store.load(noted).keys() == set(noted), "the application was not told"


@pytest.mark.spec("VCI-11-05", "VCI-11.1-02")
def test_no_order_of_notifications_breaks_a_promise() -> None:
    run_state_machine_as_test(NotificationEndpoint, settings=settings(max_examples=2 * settings().max_examples))


# --- would it be noticed? -------------------------------------------------------------------------------------------------------

MUTANTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "swaps without a version check": ({"make_store": BlindSwap}, "what is recorded|recorded twice"),
    "inserts that overwrite": ({"make_store": InsertOverAll}, "what is recorded"),
    "one change of several": ({"make_store": FirstChangeOnly}, "was not told"),
    "answers that do not wait": ({"make_process": SendsBeforeItNotes}, "what is recorded|was not told"),
    "changes with every repetition": ({"make_process": AllChangesEveryTime}, "nobody can answer"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_part_is_found(name: str) -> None:
    broken, message = MUTANTS[name]
    with pytest.raises(AssertionError, match=message):
        run_state_machine_as_test(type("Broken", (NotificationEndpoint,), broken), settings=THOROUGH)
