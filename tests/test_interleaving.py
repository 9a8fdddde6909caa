"""Concurrency as data: requests that work on stale records and commit in any order, and what must hold nevertheless.

A request begins with the records of that moment, as one in another process does, and is finished by the driver at any later time.
Hypothesis chooses the order; no threads are needed. Stores and drivers that are broken on purpose show that it would find out.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from attrs import define, field
from hypothesis import HealthCheck, Phase, settings
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
from oid4vci.drive import Draft, Role, respond
from oid4vci.errors import InvalidGrant
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.oauth.grants import REVOKED
from oid4vci.records import Change, Insert, Key, Records, Reply, Store, Swap
from tests.issuance import CLAIMS, NONCE, NOW, Proof, counted, credential_request, issuance, order_of, refused, token_request
from tests.wrong_stores import BlindSwap, FirstChangeOnly

HOLDERS = [LocalSigner.generate(f"holder-{i}") for i in range(3)]
ATTEMPTS = 3
LIFETIME = 600
# A server gives up on a request of its own that takes longer than this many seconds.
PATIENCE = 60
NONCE_LIFETIME = 300
TX_CODE, WRONG = "1234", "0000"
DETAILS = '[{"type":"openid_credential","credential_configuration_id":"note"}]'


@define(eq=False)
class Code:
    """A pre-authorized code, and what became of it, as far as responses told."""

    value: str = field(repr=False)
    key: Key = field(repr=False)
    tx_code: str | None
    expires_at: int
    redeemed: int = 0
    wrong: int = 0
    revoked: bool = False


@define(eq=False)
class Token:
    """An Access Token. `asking` are members of requests that it is good for."""

    value: str = field(repr=False)
    code: Code
    expires_at: int
    asking: list[dict[str, str]]


@define(eq=False)
class Flight:
    """A request that is being worked on, the records it has loaded, and when that was."""

    request: Request
    records: Records = field(repr=False)
    now: int
    # Whether the code, or the token, was good when the records were loaded.
    good: bool
    code: Code
    guess: str | None = None
    token: Token | None = None
    nonces: frozenset[str] = frozenset()


class Process:
    """A host whose first `load` gives what was loaded when the request began."""

    def __init__(self, store: Store, records: Records) -> None:
        self.store, self.records = store, [records]

    def load(self, keys: Sequence[Key], /) -> Records:
        return self.records.pop() if self.records else self.store.load(keys)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        return {}

    def decide(self, order: Any, /) -> Draft | Reply:
        decided: Draft = order.issue() if isinstance(order, TokenOrder) else order.issue(CLAIMS)
        return decided

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return ()

    def commit(self, changes: Sequence[Change], /) -> bool:
        return self.store.commit(changes)


class Server(RuleBasedStateMachine):
    """A server of many processes with one store, and with time that passes."""

    make_store: Callable[[], MemoryStore] = MemoryStore
    make_process: Callable[[Store, Records], Process] = Process

    codes: Bundle[Code] = Bundle("codes")
    flights: Bundle[Flight] = Bundle("flights")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.store = type(self).make_store()
        parts = issuance(
            codes={"max_tx_code_attempts": ATTEMPTS, "lifetime": LIFETIME},
            server={"new_secret": counted(1 << 64)},
            new_secret=counted(),
        )
        self.issuer, self.server = parts.issuer, parts.server
        self.known: list[Code] = []

    def offer(self, *, tx_code: str | None = None, datasets: bool = False) -> Code:
        named = {"note": ["one", "two"]} if datasets else None
        granted = self.server.pre_authorize("ada", ["note"], now=self.now, tx_code=tx_code, datasets=named)
        assert self.store.commit(granted.changes)
        code = Code(granted.grant.pre_authorized_code, granted.key, tx_code, self.now + LIFETIME)
        self.known.append(code)
        return code

    def respond(self, role: Role, request: Request, records: Records, now: int) -> Response:
        return respond(role, request, type(self).make_process(self.store, records), now=now)

    def stored(self, code: Code) -> bool:
        return code.key in self.store.load([code.key])

    @precondition(lambda self: not any(code.revoked for code in self.known))
    @rule(code=codes)
    def revoke(self, code: Code) -> None:
        for grant in self.store.load([code.key]).values():
            assert self.store.commit([Swap.update(grant, state=REVOKED)])
            code.revoked = True

    @rule(seconds=st.sampled_from([0, 1, 10, 50, 301]), purge=st.booleans())
    def wait(self, seconds: int, purge: bool) -> None:
        self.now += seconds
        if purge:
            self.store.purge(now=self.now)

    def given_up(self, flight: Flight) -> bool:
        return self.now - flight.now > PATIENCE

    @invariant()
    def no_code_is_redeemed_twice(self) -> None:
        assert all(code.redeemed <= 1 for code in self.known), "a code is redeemed twice"


class TokenEndpoint(Server):
    """Token Requests with right, wrong and no Transaction Codes, several of them at the same time."""

    def __init__(self) -> None:
        super().__init__()
        unknown = self.respond(self.server, token_request("unknown"), {}, NOW)
        self.dead = unknown.status, unknown.body

    @initialize(target=Server.codes, tx_code=st.sampled_from([TX_CODE, TX_CODE, None]))
    def first_offer(self, tx_code: str | None) -> Code:
        return self.offer(tx_code=tx_code)

    @precondition(lambda self: len(self.known) < 5)
    @rule(target=Server.codes, tx_code=st.sampled_from([TX_CODE, TX_CODE, None]))
    def next_offer(self, tx_code: str | None) -> Code:
        return self.offer(tx_code=tx_code)

    def alive(self, code: Code, now: int) -> bool:
        used = code.redeemed > 0 or code.revoked or code.wrong >= ATTEMPTS
        return not used and now < code.expires_at and self.stored(code)

    @rule(
        target=Server.flights,
        code=Server.codes,
        guess=st.sampled_from([WRONG, TX_CODE, None]),
        times=st.integers(1, 5),
        details=st.booleans(),
    )
    def begin(self, code: Code, guess: str | None, times: int, details: bool) -> MultipleResults[Flight]:
        request = token_request(code.value, tx_code=guess, authorization_details=DETAILS if details else None)
        records = self.store.load(self.server.read_token_request(request).lookups)
        good = self.alive(code, self.now)
        return multiple(*(Flight(request, records, self.now, good, code, guess) for _ in range(times)))

    @rule(flight=consumes(Server.flights))
    def finish(self, flight: Flight) -> None:
        if self.given_up(flight):
            return
        code, guess = flight.code, flight.guess
        alive = self.alive(code, flight.now)
        response = self.respond(self.server, flight.request, flight.records, flight.now)
        body = response.json()
        if response.status == 200:
            assert guess == code.tx_code, "a token for a wrong guess"
            assert code.wrong < ATTEMPTS, "a token after too many wrong guesses"
            assert not code.revoked, "a token for a code that was revoked"
            code.redeemed += 1
            return
        assert response.status == 400
        # Whoever asks rightly, and not too late, is served, whatever else goes on.
        assert not (alive and guess == code.tx_code), "a good request is refused"
        if body.get("error_description") == "the transaction code is wrong":
            assert body["error"] == "invalid_grant"
            code.wrong += 1
        elif flight.good and (guess is None) != (code.tx_code is None):
            assert body["error"] == "invalid_request"
        else:
            assert (response.status, response.body) == self.dead, "a dead code is not like one that never was"
            assert not alive, "a good code is called dead"

    @invariant()
    def guesses_are_bounded(self) -> None:
        assert all(code.wrong <= ATTEMPTS for code in self.known), "a wrong guess too many is answered"


class CredentialEndpoint(Server):
    """Credential Requests with fresh and used nonces, one or several, and with tokens whose grants come and go."""

    nonces: Bundle[str] = Bundle("nonces")
    tokens: Bundle[Token] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.answered: Counter[str] = Counter()
        self.expiry: dict[str, int] = {}

    @initialize(target=tokens, datasets=st.booleans())
    def first_token(self, datasets: bool) -> Token:
        return self.redeem(self.offer(datasets=datasets))

    @initialize(target=nonces)
    def first_nonces(self) -> MultipleResults[str]:
        return multiple(self.fetch_nonce(), self.fetch_nonce())

    @precondition(lambda self: len(self.expiry) < 4)
    @rule(target=nonces)
    def next_nonce(self) -> str:
        return self.fetch_nonce()

    @precondition(lambda self: len(self.known) < 3)
    @rule(target=Server.codes)
    def next_offer(self) -> Code:
        return self.offer()

    @rule(target=tokens, code=consumes(Server.codes))
    def next_token(self, code: Code) -> Token | MultipleResults[Token]:
        if code.revoked or self.now >= code.expires_at or not self.stored(code):
            return multiple()
        return self.redeem(code)

    @rule(target=tokens, code=Server.codes)
    def uncommitted_token(self, code: Code) -> Token | MultipleResults[Token]:
        """A process makes a token, and dies before it commits."""
        call = self.server.read_token_request(token_request(code.value))
        try:
            reply = call.verify(self.store.load(call.lookups), now=self.now).issue().finish()
        except InvalidGrant:
            return multiple()
        return self.token(code, reply.response)

    @precondition(lambda self: not any(code.revoked for code in self.known))
    @rule(token=tokens)
    def revoke_used(self, token: Token) -> None:
        self.revoke(token.code)

    def fetch_nonce(self) -> str:
        nonce = self.respond(self.issuer, Request("POST", NONCE), {}, self.now).json()["c_nonce"]
        assert isinstance(nonce, str)
        self.expiry[nonce] = self.now + NONCE_LIFETIME
        return nonce

    def redeem(self, code: Code) -> Token:
        request = token_request(code.value)
        records = self.store.load(self.server.read_token_request(request).lookups)
        response = self.respond(self.server, request, records, self.now)
        assert response.status == 200
        code.redeemed += 1
        return self.token(code, response)

    def token(self, code: Code, response: Response) -> Token:
        body = response.json()
        named = [each for detail in body.get("authorization_details", ()) for each in detail["credential_identifiers"]]
        asking = [{"credential_identifier": each} for each in named] or [{"credential_configuration_id": "note"}]
        return Token(body["access_token"], code, self.now + body["expires_in"], asking)

    def good(self, token: Token) -> bool:
        return token.code.redeemed > 0 and not token.code.revoked and self.stored(token.code)

    @rule(
        target=Server.flights,
        token=tokens,
        given=st.lists(nonces, min_size=1, max_size=3),
        holders=st.lists(st.integers(0, 2), min_size=1, max_size=3),
    )
    def begin(self, token: Token, given: list[str], holders: list[int]) -> MultipleResults[Flight]:
        """Requests at the same time, each for one key more than the one before it, and for another dataset."""
        flights, proofs = [], []
        for i, holder in enumerate(holders):
            nonces = [given[j % len(given)] for j in range(i + 1)]
            proofs.append(str(Proof(nonces[i], HOLDERS[holder], claims={"iat": self.now})))
            request = credential_request(token.value, {**token.asking[i % len(token.asking)], "proofs": {"jwt": proofs}})
            records = self.store.load(self.issuer.read_credential_request(request).lookups)
            flights.append(
                Flight(request, records, self.now, self.good(token), token.code, token=token, nonces=frozenset(nonces))
            )
        return multiple(*flights)

    @rule(flight=consumes(Server.flights))
    def finish(self, flight: Flight) -> None:
        token = flight.token
        if self.given_up(flight) or token is None:
            return
        in_time = flight.now < token.expires_at
        fresh = not any(self.answered[nonce] or self.expiry[nonce] <= flight.now for nonce in flight.nonces)
        good_now = self.good(token)
        response = self.respond(self.issuer, flight.request, flight.records, flight.now)
        if response.status == 200:
            assert flight.good or good_now, "a token is good although its grant is not redeemed"
            assert in_time, "a token is good although it has expired"
            self.answered.update(flight.nonces)
            return
        assert not (flight.good and good_now and in_time and fresh), "a good request is refused"
        if flight.good and good_now and in_time:
            assert (response.status, response.json()["error"]) == (400, "invalid_nonce")
        elif not flight.good or not in_time:
            assert (response.status, response.json()["error"]) == (401, "invalid_token")

    @invariant()
    def no_nonce_serves_twice(self) -> None:
        assert all(count <= 1 for count in self.answered.values()), "a nonce serves twice"


@pytest.mark.spec("VCI-4.1.1-20", "VCI-13.6.3-01", "VCI-13.6.3-02", "VCI-13.6.3-04", "VCI-13.6.3-05", "VCI-13.6.3-07")
def test_no_order_of_token_requests_breaks_a_promise() -> None:
    run_state_machine_as_test(TokenEndpoint, settings=settings(max_examples=2 * settings().max_examples))


@pytest.mark.spec("VCI-13.8-01")
def test_no_order_of_credential_requests_breaks_a_promise() -> None:
    run_state_machine_as_test(CredentialEndpoint, settings=settings(max_examples=2 * settings().max_examples))


def test_a_nonce_is_spent_also_for_requests_that_began_before_its_end() -> None:
    """Rows are deleted when they expire: by then, nobody may be working on a request with that nonce any more."""
    parts = issuance()
    token = parts.token(now=NOW)
    nonce = parts.nonce(now=NOW - NONCE_LIFETIME + 1)
    request = credential_request(token, order_of(Proof(nonce)))
    call = parts.issuer.read_credential_request(request)
    records = parts.host.load(call.lookups)
    assert respond(parts.issuer, request, Process(parts.host, records), now=NOW).status == 200
    parts.host.purge(now=NOW + PATIENCE)
    late = respond(parts.issuer, request, Process(parts.host, records), now=NOW)
    refused(late, "invalid_nonce")


# For machines with a broken part: the first failure is enough, and is the same one every time.
THOROUGH = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=2_000,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


# --- would it be noticed? -------------------------------------------------------------------------------------------------------


class InsertOverAll(MemoryStore):
    """Takes an Insert for done if the key exists."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        new = [each for each in changes if not (isinstance(each, Insert) and self.load([each.record.key]))]
        return super().commit(new)


class SendsErrorsAtOnce(Process):
    """Commits only what comes with a success."""

    decided = False

    def decide(self, order: Any, /) -> Draft | Reply:
        self.decided = True
        return super().decide(order)

    def commit(self, changes: Sequence[Change], /) -> bool:
        return super().commit(changes) if self.decided else True


class SendsBeforeItCommits(Process):
    """Sends its answer whether or not the commit succeeded."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        super().commit(changes)
        return True


MUTANTS: Mapping[str, tuple[type[Server], dict[str, Any], str]] = {
    "swaps without a version check": (TokenEndpoint, {"make_store": BlindSwap}, "redeemed twice|guess"),
    "errors without their changes": (TokenEndpoint, {"make_process": SendsErrorsAtOnce}, "guess"),
    "tokens that do not wait": (TokenEndpoint, {"make_process": SendsBeforeItCommits}, "redeemed twice|guess"),
    "inserts that overwrite": (CredentialEndpoint, {"make_store": InsertOverAll}, "a nonce serves twice"),
    "one change of several": (CredentialEndpoint, {"make_store": FirstChangeOnly}, "a nonce serves twice"),
    "credentials that do not wait": (CredentialEndpoint, {"make_process": SendsBeforeItCommits}, "a nonce serves twice"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_part_is_found(name: str) -> None:
    machine, broken, message = MUTANTS[name]
    with pytest.raises(AssertionError, match=message):
        run_state_machine_as_test(type("Broken", (machine,), broken), settings=THOROUGH)
