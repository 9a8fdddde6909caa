"""Concurrency as data, as in test_interleaving.py: Wallets come for Credentials, and the application decides, in any order.

Every request and every decision begins with the records of that moment, and is committed at any later time.
"""

from collections.abc import Callable, Mapping, Sequence
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

from oid4vci.authorization_server import TokenOrder
from oid4vci.drive import Draft, respond
from oid4vci.http import Request
from oid4vci.issuer import CredentialOrder, Deferral, DeferredDraft, DeferredOrder, Transaction
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Store
from tests.deferrals import BADGE, issues, poll_request, token_for, waits, world_of
from tests.issuance import NOW, counted, credential_request
from tests.test_interleaving import THOROUGH, Process
from tests.wrong_stores import BlindSwap, FirstChangeOnly

LIFETIME, LONGER, GRACE = 100, 150, 30
# All this time the tokens are good: what becomes of those that are not is seen elsewhere.
END = NOW + 290
# A server gives up on a request of its own that takes longer than this many seconds.
PATIENCE = 30
SOMEBODY_ELSE = 2


@define(eq=False)
class Promised:
    """A transaction, and what became of it, as far as responses and commits told."""

    secret: str = field(repr=False)
    handle: str
    expires_at: int
    issued: int = 0
    # When it was issued first, and with which token.
    first: tuple[int, int] | None = None
    completed: bool = False
    refused: bool = False


@define(eq=False)
class Flight:
    """A request that is being worked on, and the records it has loaded."""

    request: Request
    records: Records = field(repr=False)
    now: int
    promised: Promised
    # Which token it has: the last is somebody else's.
    token: int
    # Whether it could be answered, and the Credentials had, when the records were loaded.
    open: bool
    ready: bool


@define(eq=False)
class Deciding:
    """A decision of the application that is made and not yet committed."""

    promised: Promised
    changes: tuple[Change, ...]
    kind: str
    expires_at: int


class DeferringProcess(Process):
    """An application that issues what is completed, and writes down every Credential that it issues."""

    def __init__(self, store: Store, records: Records) -> None:
        super().__init__(store, records)
        self.draft: DeferredDraft | None = None

    def decide(self, order: Any, /) -> Draft | Reply:
        match order:
            case DeferredOrder():
                if order.once_more:
                    return issues(order)
                if order.decision is None:
                    return waits(order)
                return order.issue(
                    {"x": 1}, changes=[Insert(Record(Key.of("taken", order.transaction.handle), {}, NOW + 10**9))]
                )
            case CredentialOrder():
                self.draft = order.defer(interval=1)
                return self.draft
            case TokenOrder():
                return order.issue()
        raise AssertionError(order)


class Deferrals(RuleBasedStateMachine):
    """An issuer of many processes with one store, and with time that passes."""

    make_store: Callable[[], MemoryStore] = MemoryStore
    make_process: Callable[[Store, Records], DeferringProcess] = DeferringProcess
    grace: int = 0

    transactions: Bundle[Promised] = Bundle("transactions")
    flights: Bundle[Flight] = Bundle("flights")
    decisions: Bundle[Deciding] = Bundle("decisions")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.store = type(self).make_store()
        server = {"new_secret": counted(1 << 64)}
        self.world = world_of(deferral=Deferral(LIFETIME, grace=type(self).grace), server=server, new_secret=counted())
        self.tokens = [token_for(self.world, subject=subject) for subject in ("ada", "ada", "bob")]
        for row in self.world.host.rows.values():
            assert self.store.commit([Insert(row)])
        self.known: list[Promised] = []

    def defer(self) -> Promised:
        process = type(self).make_process(self.store, {})
        process.records.clear()
        response = respond(self.world.issuer, credential_request(self.tokens[0], BADGE), process, now=self.now)
        assert process.draft is not None
        promised = Promised(response.json()["transaction_id"], process.draft.handle, self.now + LIFETIME)
        self.known.append(promised)
        return promised

    @initialize(target=transactions)
    def first_order(self) -> Promised:
        return self.defer()

    @precondition(lambda self: len(self.known) < 3)
    @rule(target=transactions)
    def next_order(self) -> Promised:
        return self.defer()

    def found(self, promised: Promised, now: int) -> Transaction | None:
        wanted = self.world.issuer.transaction(promised.handle)
        return wanted.read(self.store.load(wanted.lookups), now=now)

    def open(self, promised: Promised, now: int) -> bool:
        return not promised.issued and not promised.refused and self.found(promised, now) is not None

    @rule(
        target=decisions,
        promised=transactions,
        kind=st.sampled_from(["complete", "complete", "refuse", "extend"]),
    )
    def decide(self, promised: Promised, kind: str) -> Deciding | MultipleResults[Deciding]:
        transaction = self.found(promised, self.now)
        if transaction is None:
            return multiple()
        expires_at = self.now + LONGER
        try:
            match kind:
                case "complete":
                    changes = transaction.complete("ready")
                case "refuse":
                    changes = transaction.refuse("no")
                case _:
                    changes = transaction.extend(expires_at=expires_at)
        except ValueError:
            assert promised.issued or promised.refused or kind == "extend", "what is open cannot be decided"
            return multiple()
        return Deciding(promised, changes, kind, expires_at)

    @rule(decision=consumes(decisions))
    def commit(self, decision: Deciding) -> None:
        promised = decision.promised
        if not self.store.commit(decision.changes):
            return
        # In a grace, a refusal is all that can be said.
        assert not promised.issued or decision.kind == "refuse", "something is decided after it was issued"
        assert not promised.refused, "something is decided after it was refused"
        match decision.kind:
            case "complete":
                promised.completed = True
            case "refuse":
                promised.refused = True
            case _:
                promised.expires_at = decision.expires_at

    @rule(target=flights, promised=transactions, whose=st.sampled_from([0, 0, 0, 1, SOMEBODY_ELSE]), times=st.integers(1, 4))
    def begin(self, promised: Promised, whose: int, times: int) -> MultipleResults[Flight]:
        request = poll_request(self.tokens[whose], promised.secret)
        records = self.store.load(self.world.issuer.read_deferred_request(request).lookups)
        good = self.open(promised, self.now)
        ready = good and promised.completed
        return multiple(*(Flight(request, records, self.now, promised, whose, good, ready) for _ in range(times)))

    @rule(flight=consumes(flights))
    def finish(self, flight: Flight) -> None:
        if self.now - flight.now > PATIENCE:
            return
        promised, first = flight.promised, flight.promised.first
        still_open = flight.open and self.open(promised, flight.now)
        process = type(self).make_process(self.store, flight.records)
        response = respond(self.world.issuer, flight.request, process, now=flight.now)
        body = response.json()
        if flight.token == SOMEBODY_ELSE:
            assert body["error"] == "invalid_transaction_id", "somebody else is served"
            return
        if response.status == 200:
            assert not promised.refused, "issued after it was refused"
            assert promised.completed, "issued without a decision"
            promised.issued += 1
            if first is None:
                assert flight.now < promised.expires_at, "issued too late"
                promised.first = flight.now, flight.token
            else:
                assert (flight.token, flight.now < first[0] + self.grace) == (first[1], True), "issued twice"
            return
        # Whoever comes in time is served, whatever else goes on.
        assert not (still_open and flight.ready), "what is ready is not issued"
        if response.status == 202:
            assert body["transaction_id"] == promised.secret
            return
        assert response.status == 400
        assert not still_open, "a good request is refused"
        if body["error"] == "credential_request_denied":
            assert promised.refused, "denied without a refusal"
        else:
            assert body["error"] == "invalid_transaction_id"

    @rule(seconds=st.sampled_from([0, 1, 10, 25, 80]), purge=st.booleans())
    def wait(self, seconds: int, purge: bool) -> None:
        self.now = min(END, self.now + seconds)
        if purge:
            self.store.purge(now=self.now - PATIENCE)

    @invariant()
    def what_is_issued_is_written_down(self) -> None:
        for promised in self.known:
            taken = Key.of("taken", promised.handle)
            assert bool(promised.issued) == (taken in self.store.load([taken])), "Credentials go out that nobody wrote down"


class WithGrace(Deferrals):
    """The same where a Wallet may fetch once more."""

    grace = GRACE


@pytest.mark.spec("VCI-8.3-17", "VCI-9.1-05", "VCI-9.3-02")
def test_no_order_of_polls_and_decisions_breaks_a_promise() -> None:
    run_state_machine_as_test(Deferrals, settings=settings(max_examples=2 * settings().max_examples))


def test_a_grace_breaks_none_either() -> None:
    run_state_machine_as_test(WithGrace, settings=settings(max_examples=settings().max_examples))


# --- would it be noticed? -------------------------------------------------------------------------------------------------------


class SendsBeforeItCommits(DeferringProcess):
    """Sends its answer whether or not the commit succeeded."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        super().commit(changes)
        return True


MUTANTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "swaps without a version check": ({"make_store": BlindSwap}, "twice|after it was|wrote down"),
    "one change of several": ({"make_store": FirstChangeOnly}, "wrote down"),
    "answers that do not wait": ({"make_process": SendsBeforeItCommits}, "twice|after it was|wrote down"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_part_is_found(name: str) -> None:
    broken, message = MUTANTS[name]
    with pytest.raises(AssertionError, match=message):
        run_state_machine_as_test(type("Broken", (Deferrals,), broken), settings=THOROUGH)
