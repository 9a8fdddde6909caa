"""What must be true of an issuer side, whatever came in between: a model that sees each commit and each answer."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from oid4vci import _jose
from oid4vci.http import Request, Response
from oid4vci.records import Change, Insert, Key, Swap
from tests.deferrals import DEFERRED
from tests.issuance import CREDENTIAL, NONCE, TOKEN
from tests.notifications import NOTIFICATION
from tests.soak.world import ATTEMPTS, World

# Rows of the application: a Credential that is issued, an event that is noted. Their end is later than that of any soak.
ISSUED, NOTED, LATER = "soak_issued", "soak_noted", 10**10
ENCRYPTED = "application/jwt"
# Seconds after which nothing that is known by a secret can still be good for something.
MEMORY = 1500
_DPOP = frozenset(("invalid_dpop_proof", "use_dpop_nonce"))
_RESOURCE = _DPOP | {"invalid_token", "invalid_request", "insufficient_scope"}
_CREDENTIAL = _RESOURCE | {
    "invalid_credential_request",
    "unknown_credential_configuration",
    "unknown_credential_identifier",
    "invalid_proof",
    "invalid_nonce",
    "invalid_encryption_parameters",
    "credential_request_denied",
}
_OAUTH = _DPOP | {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "invalid_authorization_details",
}
ERRORS: Mapping[str, frozenset[str]] = {
    TOKEN: _OAUTH,
    CREDENTIAL: _CREDENTIAL,
    DEFERRED: _CREDENTIAL | {"invalid_transaction_id"},
    NOTIFICATION: _RESOURCE | {"invalid_notification_id", "invalid_notification_request"},
}
_OTHERS = _OAUTH | {"not_found", "invalid_request_uri", "access_denied"}
SUCCESSES = (200, 201, 202, 204, 303)


@define
class Code:
    """A pre-authorized code, and what answers said became of it."""

    since: int
    tx_code: str | None
    redeemed: int = 0
    wrong: int = 0


@define
class Case:
    """A deferred transaction: what commits said became of it."""

    since: int
    completed: bool = False
    refused: bool = False
    issued: int = 0


@define
class Heard:
    """The events of a `notification_id` that were acknowledged."""

    since: int
    events: list[tuple[str, str | None]] = field(factory=list)


@define
class Ledger:
    """What was committed and what was answered. Every method raises `AssertionError` for a broken promise."""

    world: World
    counts: Counter[str] = field(factory=Counter)
    codes: dict[str, Code] = field(factory=dict)
    cases: dict[str, Case] = field(factory=dict)
    # Nonces, proofs and authorization codes that yielded something; nonces that were given out; serials that went out; events.
    spent: dict[str, int] = field(factory=dict)
    nonces: dict[str, int] = field(factory=dict)
    serials: dict[str, int] = field(factory=dict)
    noted: dict[str, int] = field(factory=dict)
    heard: dict[str, Heard] = field(factory=dict)
    # Since the last audit: rows that somebody wanted, and those that are committed.
    wanted: set[Key] = field(factory=set)
    rows: set[Key] = field(factory=set)

    # --- commits -------------------------------------------------------------------------------------------------------------

    def committed(self, changes: Sequence[Change]) -> None:
        """The store said that it has done this."""
        inserted = {each.record.key for each in changes if isinstance(each, Insert)}
        own = {key for key in inserted if key.kind in (ISSUED, NOTED)}
        assert not own & self.rows, "something is recorded twice"
        self.rows |= own
        for key in own:
            if key.kind == NOTED:
                self._once(self.noted, key.digest, "a notification is noted twice")
        issues = any(key.kind == ISSUED for key in own)
        self.cases |= {key.digest: Case(self.world.now) for key in inserted if key.kind == "transaction"}
        for change in changes:
            if issues and isinstance(change, Swap) and change.before.key.kind == "transaction":
                case = self.cases[change.before.key.digest]
                assert not case.refused, "issued after it was refused"
                assert case.completed, "issued without a decision"
                if change.before.data["state"] != "issued":
                    case.issued += 1
                assert case.issued == 1, "a transaction yields twice"
        self.counts["credential responses committed"] += issues
        self.counts["notifications recorded"] += any(key.kind == NOTED for key in own)

    # --- answers -------------------------------------------------------------------------------------------------------------

    def answered(self, request: Request, response: Response, wanted: Key | None, serial: str | None) -> None:
        """What the issuer side says, whether or not that arrives. `wanted` is the row that the application decided on last."""
        self.counts[f"{_place(request)} {response.status}"] += 1
        self.counts["encrypted requests"] += request.headers.get("content-type") == ENCRYPTED
        self.counts["encrypted answers"] += response.headers.get("content-type") == ENCRYPTED
        if response.status not in SUCCESSES:
            self._refused(request, response)
        elif request.url == TOKEN:
            self._token(request)
        elif request.url == NONCE:
            self._once(self.nonces, response.json()["c_nonce"], "a nonce is given out twice")
        elif request.url == CREDENTIAL:
            for each in _proofs(self._members(request)):
                self._once(self.spent, each, "a nonce or a proof yields twice")
        elif request.url == NOTIFICATION:
            self._notified(self._members(request), wanted)
        if request.url in (CREDENTIAL, DEFERRED) and response.status == 200:
            assert wanted in self.rows, "Credentials go out that were not committed"
            assert wanted is not None
            assert self.world.store.load([wanted]), "Credentials go out that nobody wrote down"
            assert serial is not None
            self.serials[serial] = self.world.now

    def _refused(self, request: Request, response: Response) -> None:
        assert 400 <= response.status < 500, f"{_place(request)} is answered with {response.status}: {response.body!r}"
        if response.status == 401 and request.url != TOKEN:
            assert "www-authenticate" in response.headers, "a challenge is missing"
        if response.body:
            error = response.json()["error"]
            self.counts[f"refused: {error}"] += 1
            allowed = ERRORS.get(request.url, _OTHERS)
            assert error in allowed, f"{_place(request)} is answered with {error}"
            if request.url == TOKEN and error == "invalid_grant":
                self._wrong(request)

    def _wrong(self, request: Request) -> None:
        code = self.codes.get(request.form().get("pre-authorized_code") or "")
        if code is not None and not code.redeemed:
            code.wrong += code.tx_code is not None and request.form().get("tx_code") != code.tx_code

    def _token(self, request: Request) -> None:
        form = request.form()
        if (value := form.get("code")) is not None:
            self._once(self.spent, value, "an authorization code is redeemed twice")
        if (value := form.get("pre-authorized_code")) is not None:
            code = self.codes[value]
            code.redeemed += 1
            assert code.redeemed == 1, "a code is redeemed twice"
            assert code.wrong < ATTEMPTS, "one guess too many is answered"
            assert form.get("tx_code") == code.tx_code, "a wrong transaction code is taken"

    def _notified(self, members: Mapping[str, Any], wanted: Key | None) -> None:
        named, event = members["notification_id"], (members["event"], members.get("event_description"))
        events = self.heard.setdefault(named, Heard(self.world.now)).events
        if event not in events:
            events.append(event)
            assert wanted is not None
            assert wanted.digest in self.noted, "a notification is acknowledged that was not noted"
        key = Key.of("notification", named)
        stored = self.world.store.load([key]).get(key)
        found = [(each["event"], each["event_description"]) for each in (stored.data["events"] if stored else ())]
        assert len(set(found)) == len(found), "a notification is recorded twice"
        assert set(events) <= set(found), "a notification that was acknowledged is lost"

    def _members(self, request: Request) -> dict[str, Any]:
        if request.headers.get("content-type") == ENCRYPTED:
            return self.world.encryption.decrypt(request.body, max_bytes=4 << 20)
        return request.json_object()

    def _once(self, seen: dict[str, int], value: str, broken: str) -> None:
        assert value not in seen, broken
        seen[value] = self.world.now

    # --- now and then --------------------------------------------------------------------------------------------------------

    def audit(self) -> None:
        """Compare what the store has with what it said, and forget both."""
        assert self.rows <= self.wanted, "something is recorded that nobody decided"
        stored = self.world.store.load(tuple(self.wanted))
        assert set(stored) >= self.rows, "something that was committed is lost"
        assert set(stored) <= self.rows, "something is stored that was not committed"
        assert self.world.store.commit([Swap(record, None) for record in stored.values()])
        self.wanted.clear()
        self.rows.clear()
        for seen in (self.spent, self.nonces, self.serials, self.noted):
            for value in [value for value, since in seen.items() if since < self.world.now - MEMORY]:
                del seen[value]
        for known in (self.codes, self.cases, self.heard):
            _forget(known, before=self.world.now - MEMORY)


def _forget(known: dict[str, Any], *, before: int) -> None:
    for name in [name for name, each in known.items() if each.since < before]:
        del known[name]


def _place(request: Request) -> str:
    if request.path.startswith("/.well-known/"):
        return "metadata"
    return request.path.removeprefix("/tenant/").partition("/")[0]


def _proofs(members: Mapping[str, Any]) -> Iterator[str]:
    """The proofs of a Credential Request, and their one nonce."""
    proofs = [proof for each in members.get("proofs", {}).values() for proof in each]
    yield from proofs
    yield from {_jose.parse(proof).claims()["nonce"] for proof in proofs}
