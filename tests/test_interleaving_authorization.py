"""Concurrency as data, for the authorization code flow: pushed requests, codes, Refresh Tokens and DPoP proofs on stale records.

As in `test_interleaving`, a request begins with the records of that moment and is finished by the driver at any later time. What it
did then is held against a small model of what one server with one process would have done.
"""

from collections import Counter
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

from oid4vci.authorization_server import AuthorizationOrder
from oid4vci.drive import Draft, respond
from oid4vci.errors import InvalidToken
from oid4vci.http import Request, Response
from oid4vci.memory import MemoryStore
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.records import Records, Reply, Store
from tests.authorization import AUTHORIZE, CLIENT, PAR, VERIFIER, CodeFlow, Proving, arrived, code_flow, encoded, form
from tests.issuance import FORM, IDENTIFIER, NOW, TOKEN, counted, secret_keys
from tests.test_interleaving import THOROUGH, InsertOverAll, Process, SendsBeforeItCommits
from tests.wrong_stores import BlindSwap, FirstChangeOnly

PATIENCE = 50
GRACE = 30
PROOF_LIFETIME = 300
PROVING = Proving()
REVOKED = "what it gave is revoked"
REFRESH = RefreshTokens(secret_keys(), grace=GRACE)


@define(eq=False)
class Pushed:
    """A pushed request, and how often it was decided."""

    request_uri: str = field(repr=False)
    visit_by: int
    decided: int = 0


@define(eq=False)
class Family:
    """A code and all that it led to."""

    code: str = field(repr=False)
    expires_at: int
    redeemed: int = 0
    revoked: bool = False
    generation: int = 0
    rotated_at: int = 0


@define(eq=False)
class Refresh:
    """A Refresh Token, as the client got it."""

    value: str = field(repr=False)
    family: Family
    generation: int


@define(eq=False)
class Access:
    """An Access Token, and its end."""

    value: str = field(repr=False)
    family: Family
    expires_at: int


@define(eq=False)
class Flight:
    """A request that is being worked on."""

    request: Request
    records: Records = field(repr=False)
    now: int
    proof: str = field(repr=False)
    pushed: Pushed | None = None
    family: Family | None = None
    refresh: Refresh | None = None
    rightly: bool = True


class Approving(Process):
    """A process whose End-User agrees at once."""

    def decide(self, order: Any, /) -> Draft | Reply:
        if isinstance(order, AuthorizationOrder):
            return order.approve("ada")
        decided: Draft = order.issue()
        return decided


class HastyApproving(Approving, SendsBeforeItCommits):
    """Sends its answer whether or not the commit succeeded."""


class CodeFlowServer(RuleBasedStateMachine):
    """A server of many processes with one store, and with time that passes."""

    make_store: Callable[[], MemoryStore] = MemoryStore
    make_process: Callable[[Store, Records], Process] = Approving

    requests: Bundle[Pushed] = Bundle("requests")
    families: Bundle[Family] = Bundle("families")
    flights: Bundle[Flight] = Bundle("flights")
    proofs: Bundle[str] = Bundle("proofs")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.store = type(self).make_store()
        flow: CodeFlow = code_flow(refresh_tokens=REFRESH, new_secret=counted(1 << 64))
        self.server = flow.server
        self.pushes: list[Pushed] = []
        self.known: list[Family] = []
        self.spent: Counter[str] = Counter()
        self.made: dict[str, int] = {}
        self.tokens: list[Refresh] = []
        self.accessed: list[Access] = []

    def respond(self, request: Request, records: Records, now: int) -> Response:
        return respond(self.server, request, type(self).make_process(self.store, records), now=now)

    def lookups(self, request: Request) -> Records:
        return self.store.load(self.server.read(request).lookups)

    # --- time, and proofs that are used more than once -----------------------------------------------------------------------

    @initialize(target=proofs)
    def first_proofs(self) -> MultipleResults[str]:
        return multiple(*(self.proof() for _ in range(3)))

    @rule(target=proofs)
    def next_proof(self) -> str:
        return self.proof()

    def proof(self) -> str:
        proof = PROVING(TOKEN, now=self.now)
        self.made[proof] = self.now
        return proof

    def unspent(self, flight: Flight) -> bool:
        """Whether the proof is fresh and was not used."""
        return not self.spent[flight.proof] and flight.now <= self.made[flight.proof] + PROOF_LIFETIME

    @rule(seconds=st.sampled_from([0, 1, 10, 29, 61]), purge=st.booleans())
    def wait(self, seconds: int, purge: bool) -> None:
        self.now += seconds
        if purge:
            self.store.purge(now=self.now)

    def given_up(self, flight: Flight) -> bool:
        return self.now - flight.now > PATIENCE

    # --- pushed requests -----------------------------------------------------------------------------------------------------

    @initialize(target=requests)
    def first_push(self) -> Pushed:
        return self.push()

    @precondition(lambda self: len(self.pushes) < 5)
    @rule(target=requests)
    def next_push(self) -> Pushed:
        return self.push()

    def push(self) -> Pushed:
        request = Request("POST", PAR, {"content-type": FORM, "dpop": PROVING(PAR, now=self.now)}, form())
        response = self.respond(request, self.lookups(request), self.now)
        assert response.status == 201
        pushed = Pushed(response.json()["request_uri"], self.now + 90)
        self.pushes.append(pushed)
        return pushed

    @rule(target=flights, pushed=requests, times=st.integers(1, 3))
    def begin_visit(self, pushed: Pushed, times: int) -> MultipleResults[Flight]:
        query = encoded({"client_id": CLIENT, "request_uri": pushed.request_uri}).decode()
        request = Request("GET", f"{AUTHORIZE}?{query}")
        return multiple(*(Flight(request, self.lookups(request), self.now, "", pushed=pushed) for _ in range(times)))

    def finish_visit(self, flight: Flight, pushed: Pushed) -> MultipleResults[Any]:
        good = not pushed.decided and flight.now < pushed.visit_by
        response = self.respond(flight.request, flight.records, flight.now)
        if response.status != 303:
            assert not good, "a good request is refused"
            assert response.json()["error"] == "invalid_request_uri"
            return multiple()
        pushed.decided += 1
        family = Family(arrived(response)["code"], flight.now + 60)
        self.known.append(family)
        return multiple(family)

    @rule(target=families, flight=consumes(flights))
    def finish(self, flight: Flight) -> MultipleResults[Any]:
        """Whatever it is; tokens are put where they belong by hand."""
        if self.given_up(flight):
            return multiple()
        if flight.pushed is not None:
            return self.finish_visit(flight, flight.pushed)
        if flight.refresh is not None:
            self.finish_refresh(flight, flight.refresh)
        elif flight.family is not None:
            self.finish_exchange(flight, flight.family)
        return multiple()

    @initialize(target=families)
    def first_codes(self) -> MultipleResults[Any]:
        return multiple(*(self.approved() for _ in range(2)))

    def approved(self) -> Family:
        query = encoded({"client_id": CLIENT, "request_uri": self.push().request_uri}).decode()
        request = Request("GET", f"{AUTHORIZE}?{query}")
        family = Family(arrived(self.respond(request, self.lookups(request), self.now))["code"], self.now + 60)
        self.known.append(family)
        self.pushes[-1].decided += 1
        return family

    # --- codes ---------------------------------------------------------------------------------------------------------------

    @rule(target=flights, family=families, proof=proofs, times=st.integers(1, 3), rightly=st.sampled_from([True, True, False]))
    def begin_exchange(self, family: Family, proof: str, times: int, rightly: bool) -> MultipleResults[Flight]:
        members = {
            "grant_type": "authorization_code",
            "code": family.code,
            "client_id": CLIENT,
            "redirect_uri": "https://wallet.example/cb?kept=1",
            "code_verifier": VERIFIER if rightly else "a" * 43,
        }
        request = Request("POST", TOKEN, {"content-type": FORM, "dpop": proof}, encoded(members))
        records = self.lookups(request)
        return multiple(*(Flight(request, records, self.now, proof, family=family, rightly=rightly) for _ in range(times)))

    def finish_exchange(self, flight: Flight, family: Family) -> None:
        good = flight.rightly and self.unspent(flight) and not family.redeemed and not family.revoked
        # Until then, for a row is deleted once it has expired, also under a request that began before.
        good = good and self.now < family.expires_at
        response = self.respond(flight.request, flight.records, flight.now)
        body = response.json()
        if response.status == 200:
            assert flight.rightly, "a token without the verifier"
            family.redeemed += 1
            family.rotated_at = flight.now
            self.granted(body, family, flight)
            return
        self.refused(body, family)
        assert not good, "a good request is refused"

    # --- Refresh Tokens ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.tokens)
    @rule(target=flights, data=st.data(), proof=proofs, times=st.integers(1, 2))
    def begin_refresh(self, data: st.DataObject, proof: str, times: int) -> MultipleResults[Flight]:
        refresh: Refresh = data.draw(st.sampled_from(self.tokens))
        members = {"grant_type": "refresh_token", "refresh_token": refresh.value, "client_id": CLIENT}
        request = Request("POST", TOKEN, {"content-type": FORM, "dpop": proof}, encoded(members))
        records = self.lookups(request)
        return multiple(
            *(Flight(request, records, self.now, proof, family=refresh.family, refresh=refresh) for _ in range(times))
        )

    def finish_refresh(self, flight: Flight, refresh: Refresh) -> None:
        family = refresh.family
        current = refresh.generation == family.generation
        late = refresh.generation == family.generation - 1 and flight.now < family.rotated_at + GRACE
        good = (current or late) and self.unspent(flight) and not family.revoked
        response = self.respond(flight.request, flight.records, flight.now)
        body = response.json()
        if response.status == 200:
            assert not family.revoked, "a token of a grant that was revoked"
            assert current or late, "a Refresh Token serves after it was replaced"
            if current:
                family.generation += 1
                family.rotated_at = flight.now
            self.granted(body, family, flight)
            return
        self.refused(body, family)
        assert not good, "a good request is refused"

    def granted(self, body: Mapping[str, Any], family: Family, flight: Flight) -> None:
        self.spent[flight.proof] += 1
        generation = REFRESH.keys.open("refresh_token", body["refresh_token"])["generation"]
        assert generation == family.generation, "two Refresh Tokens of one generation"
        self.tokens.append(Refresh(body["refresh_token"], family, generation))
        self.accessed.append(Access(body["access_token"], family, flight.now + body["expires_in"]))

    def refused(self, body: Mapping[str, Any], family: Family) -> None:
        assert body["error"] in ("invalid_grant", "invalid_dpop_proof")
        if REVOKED in body["error_description"]:
            assert family.redeemed, "a grant is revoked that gave nothing"
            family.revoked = True

    # --- what must hold ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.accessed)
    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        token: Access = data.draw(st.sampled_from(self.accessed))
        access_tokens = self.server.access_tokens
        assert isinstance(access_tokens, SealedAccessTokens)
        read = access_tokens.read(token.value, credential_issuer=IDENTIFIER)
        try:
            read.verify(self.store.load(read.lookups), keys={}, now=self.now)
        except InvalidToken:
            assert token.family.revoked or token.expires_at <= self.now, "a good token is refused"
        else:
            assert not token.family.revoked, "a token of a grant that was revoked"
            assert self.now < token.expires_at, "a token that has expired"

    @invariant()
    def no_request_is_decided_twice(self) -> None:
        assert all(pushed.decided <= 1 for pushed in self.pushes), "a request is decided twice"

    @invariant()
    def no_code_is_redeemed_twice(self) -> None:
        assert all(family.redeemed <= 1 for family in self.known), "a code is redeemed twice"

    @invariant()
    def no_proof_serves_twice(self) -> None:
        assert all(count <= 1 for count in self.spent.values()), "a proof serves twice"


def test_no_order_of_requests_breaks_a_promise() -> None:
    examples = 2 * settings().max_examples
    run_state_machine_as_test(CodeFlowServer, settings=settings(max_examples=examples, stateful_step_count=60))


# --- would it be noticed? ---------------------------------------------------------------------------------------------------


MUTANTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "swaps without a version check": ({"make_store": BlindSwap}, "twice|generation|replaced|revoked"),
    "inserts that overwrite": ({"make_store": InsertOverAll}, "a proof serves twice"),
    "one change of several": ({"make_store": FirstChangeOnly}, "twice|refused"),
    "answers that do not wait": ({"make_process": HastyApproving}, "twice|generation|replaced|revoked|refused"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_part_is_found(name: str) -> None:
    broken, message = MUTANTS[name]
    with pytest.raises(AssertionError, match=message):
        run_state_machine_as_test(
            type("Broken", (CodeFlowServer,), broken), settings=settings(THOROUGH, stateful_step_count=60)
        )
