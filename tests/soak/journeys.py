"""What Wallets do, one step at a time, so that many of them can be on their way at once."""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeAlias, TypeVar

from attrs import define, evolve, field

from oid4vci._jose import compact
from oid4vci.dids import DID_METHODS
from oid4vci.errors import Advice, Refused, TryLater, WrongTxCode
from oid4vci.http import Request
from oid4vci.keys import LocalSigner, Signer, public_key
from oid4vci.offers import AuthorizationCodeGrant
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.wallet import Authorizing, Deferred, Exchange, Issued, Offer, Opened, Order, Session, Wallet, dump, load
from tests.deferrals import DEFERRED
from tests.issuance import CREDENTIAL, NONCE, OFFERS, TOKEN
from tests.key_attestations import ATTESTER, ATTESTER_KEY
from tests.mdocs import NAMESPACE
from tests.notifications import NOTIFICATION
from tests.soak.faults import Line, Lost, Network
from tests.soak.ledger import SUCCESSES, Code
from tests.soak.world import ATTEMPTS, BATCH, CONFIGURATIONS, REDIRECT_URI

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]
TRIES = 12
# In a hundred journeys.
WEIGHTS = {"note": 34, "badge": 18, "later": 22, "attested": 10, "attestation": 10, "pid": 4, "licence": 2}
assert WEIGHTS.keys() == CONFIGURATIONS.keys()
DENIED = "credential_request_denied"
EVENTS = ("credential_accepted", "credential_failure", "credential_deleted")


class GivenUp(Exception):
    """The journey is over early, for a reason that is no fault of the issuer side."""


@define
class Journey:
    """A Wallet on its way from an offer to notifications."""

    network: Network
    line: Line = field(init=False)
    wallet: Wallet = field(init=False)
    dpop: LocalSigner | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.line = Line(self.network)
        self.wallet = self.network.random.choice(self.network.world.wallets)
        self.dpop = LocalSigner.generate("dpop") if self._chance(0.4) else None

    def steps(self) -> Steps[None]:
        """The whole way. Raises `AssertionError` if the issuer side broke a promise."""
        counts = self.network.ledger.counts
        try:
            yield from self._steps()
            counts["journeys completed"] += 1
        except GivenUp as reason:
            counts[f"journeys given up: {reason}"] += 1

    def _steps(self) -> Steps[None]:
        name = self.network.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        session = yield from self._session(name)
        for _ in range(self.network.random.choice((1, 1, 1, 2, 3))):
            session = yield from self._credentials(session, name)
            if session.refresh_token is not None and self._chance(0.3):
                session = yield from self._refreshed(session)

    def _chance(self, probability: float) -> bool:
        return self.network.random.random() < probability

    @property
    def _now(self) -> int:
        return self.network.world.now

    # --- one exchange --------------------------------------------------------------------------------------------------------

    def _run(self, begin: Callable[[], Exchange[T]]) -> Steps[T]:
        """Carry an exchange through; it begins anew where the answer did not arrive, or the store could not be reached."""
        for _ in range(TRIES):
            try:
                made: Any = begin()
                while isinstance(made, Exchange):
                    yield
                    made = made.receive(self.line.send(made.request))
                result: T = made
                return result
            except Lost:
                self.network.ledger.counts["sent again"] += 1
            except TryLater:
                self.network.ledger.counts["tried later"] += 1
            except Refused as refused:
                if isinstance(refused, WrongTxCode) or refused.advice is Advice.REFRESH or refused.error == DENIED:
                    raise
                self._may_fail(f"a Wallet that does all right is refused: {refused}")
                if refused.error == "invalid_dpop_proof":
                    # Its twin was faster: the next proof is another one.
                    continue
                raise GivenUp(refused.error) from None
        raise GivenUp("it takes too long")

    def _may_fail(self, broken: str) -> None:
        assert self.line.dirty, broken

    # --- offers and tokens ---------------------------------------------------------------------------------------------------

    def _session(self, name: str) -> Steps[Session]:
        if self._chance(0.15):
            return (yield from self._authorized(name))
        world, random = self.network.world, self.network.random
        tx_code = f"{random.randrange(10**4):04}" if self._chance(0.4) else None
        granted = world.server.pre_authorize("ada", [name], now=self._now, tx_code=tx_code)
        assert world.store.commit(granted.changes)
        code = Code(self._now, tx_code)
        self.network.ledger.codes[granted.grant.pre_authorized_code] = code
        offer = world.issuer.offer([name], pre_authorized_code=granted.grant)
        uri = offer.uri()
        if self._chance(0.3):
            published = world.issuer.publish_offer(offer, now=self._now)
            assert world.store.commit(published.changes)
            uri = published.uri()
        opened = yield from self._run(lambda: Offer.parse(uri).open(self.wallet))
        if tx_code is not None:
            yield from self._guesses(opened, tx_code)
        try:
            return (yield from self._run(lambda: opened.redeem(tx_code, now=self._now, dpop=self.dpop)))
        except WrongTxCode:
            if code.wrong < ATTEMPTS:
                self._may_fail("the right transaction code is refused")
            raise GivenUp("the code is gone") from None

    def _guesses(self, opened: Opened, tx_code: str) -> Steps[None]:
        wrong = f"{(int(tx_code) + 1) % 10**4:04}"
        for _ in range(self.network.random.choice((0, 0, 0, 0, 1, 2, ATTEMPTS - 1, ATTEMPTS, ATTEMPTS + 1))):
            try:
                yield from self._run(lambda: opened.redeem(wrong, now=self._now, dpop=self.dpop))
            except WrongTxCode:
                continue
            raise AssertionError("a wrong transaction code is taken")

    def _authorized(self, name: str) -> Steps[Session]:
        offer = self.network.world.issuer.offer([name], authorization_code=AuthorizationCodeGrant())
        opened = yield from self._run(lambda: Offer(offer).open(self.wallet))
        pending = yield from self._run(partial(self._pushed, opened))
        for _ in range(TRIES):
            yield
            try:
                answer = self.line.send(Request("GET", pending.url))
            except Lost:
                continue
            if answer.status != 503:
                break
        location = answer.headers.get("location")
        if location is None:
            assert self.line.dirty, f"the browser is refused: {answer.body!r}"
            raise GivenUp("the browser was refused")
        return (yield from self._run(lambda: pending.callback(location, now=self._now)))

    def _pushed(self, opened: Opened) -> Exchange[Authorizing]:
        begun = opened.authorize(redirect_uri=REDIRECT_URI, now=self._now, dpop=self.dpop)
        assert isinstance(begun, Exchange)
        return begun

    def _refreshed(self, session: Session) -> Steps[Session]:
        return (yield from self._run(lambda: session.refresh(now=self._now)))

    # --- Credentials ---------------------------------------------------------------------------------------------------------

    def _credentials(self, session: Session, name: str) -> Steps[Session]:
        """An order, and what comes of it; the session to go on with."""
        for _ in range(TRIES):
            try:
                result = yield from self._ordered(session, name)
                if isinstance(result, Deferred):
                    result = yield from self._polled(result)
                self._received(result, name)
                return (yield from self._notified(result))
            except Refused as refused:
                if refused.error == DENIED:
                    raise GivenUp("refused for good") from None
                session = yield from self._again(session, refused)
        raise GivenUp("no token lasts")

    def _again(self, session: Session, refused: Refused) -> Steps[Session]:
        """With another Access Token, if there can be one."""
        assert refused.advice is Advice.REFRESH
        if session.refresh_token is None:
            raise GivenUp("the token is over")
        return (yield from self._refreshed(session))

    def _ordered(self, session: Session, name: str) -> Steps[Issued | Deferred]:
        for _ in range(TRIES):
            order = yield from self._run(partial(self._begun, session, name))
            keys = [self._key(name) for _ in range(self.network.random.choice((1, 1, 1, 2, BATCH)))] if order.max_keys else []
            attestation = self._attestation(order, keys) if name in ("attested", "attestation") else None
            signing = [] if name == "attestation" else keys
            prove = order.prove

            def begin() -> Any:
                return prove(signing, now=self._now, key_attestation=attestation).submit()  # noqa: B023

            result = yield from self._run(begin)
            if isinstance(result, Issued | Deferred):
                return result
            # Its nonce was spent: by an answer that was lost, for example. An attestation must be made for another one.
            assert self.line.dirty, "a fresh nonce is refused"
            session = result.session if isinstance(result, Order) else result.order.session
        raise GivenUp("no nonce lasts")

    def _begun(self, session: Session, name: str) -> Exchange[Order]:
        begun = session.order(name)
        assert isinstance(begun, Exchange)
        return begun

    def _key(self, name: str) -> Signer | HolderKey:
        algorithm = "EdDSA" if name in ("note", "later") and self._chance(0.3) else "ES256"
        signer = LocalSigner.generate("holder", algorithm)
        if CONFIGURATIONS[name].format != "x-note" or name == "attestation" or self._chance(0.7):
            return signer
        method = DID_METHODS["key"]
        return HolderKey(signer, did_url=method.verification_method(method.did(public_key(signer.public_jwk))))

    def _attestation(self, order: Order, keys: list[Signer | HolderKey]) -> str:
        data = key_attestation_signing_input(
            ATTESTER_KEY,
            issuer=ATTESTER,
            attested_keys=[(each.signer if isinstance(each, HolderKey) else each).public_jwk for each in keys],
            now=self._now,
            lifetime=300,
            nonce=order.c_nonce,
            key_storage=["iso_18045_high"],
        )
        return compact(data, ATTESTER_KEY.sign(data))

    def _polled(self, deferred: Deferred) -> Steps[Issued]:
        """It comes again until there is something, as another process does now and then."""
        while True:
            while self._now < deferred.ready_at:
                yield
            if self._chance(0.2):
                loaded = load(dump(deferred), self._restoring())
                assert isinstance(loaded, Deferred)
                deferred = loaded
            current = deferred
            result = yield from self._run(lambda: current.poll(now=self._now))  # noqa: B023
            if isinstance(result, Issued):
                return result
            deferred = result

    def _restoring(self) -> Wallet:
        return self.wallet if self.dpop is None else evolve(self.wallet, signers={"dpop": self.dpop})

    def _received(self, issued: Issued, name: str) -> None:
        for each in issued.credentials:
            serial = each.claims[NAMESPACE]["document_number"] if name == "licence" else each.claims["serial"]
            assert serial in self.network.ledger.serials, "a Credential came that nobody issued"
        self.network.ledger.counts[f"Credentials of {name}"] += len(issued.credentials)

    def _notified(self, issued: Issued) -> Steps[Session]:
        for _ in range(self.network.random.choice((0, 1, 1, 2, 3))):
            event = self.network.random.choice(EVENTS)
            description = self.network.random.choice((None, "it is full"))
            current = issued
            issued = yield from self._run(lambda: current.notify(event, description, now=self._now))  # noqa: B023
        return issued.session


@define
class Stranger:
    """Somebody who sends what is not right to any endpoint: there is a refusal for each of them, and nothing else."""

    network: Network

    def steps(self) -> Steps[None]:
        """A few requests."""
        random = self.network.random
        for _ in range(random.randrange(1, 4)):
            yield
            kind, body = random.choice(NONSENSE)
            headers = {"content-type": kind}
            if random.random() < 0.5:
                headers["authorization"] = random.choice(("Bearer ", "DPoP ", "Basic ")) + "x" * random.randrange(200)
            url = random.choice((TOKEN, CREDENTIAL, DEFERRED, NOTIFICATION, f"{OFFERS}/{'x' * 43}"))
            method = "GET" if url.startswith(OFFERS) else random.choice(("POST", "POST", "POST", "GET", "PUT"))
            response = self.network.serve(Request(method, url, headers, body))
            assert response.status not in SUCCESSES, "nonsense is answered"
        self.network.serve(Request("POST", NONCE))


NONSENSE = (
    ("application/json", b""),
    ("application/json", b"[" * 5000),
    ("application/json", b'{"transaction_id": 1, "transaction_id": 2}'),
    ("application/json", b'{"credential_configuration_id": "note", "proofs": {"jwt": ["e30.e30.AA"]}}'),
    ("application/json", b'{"notification_id": "x", "event": "credential_accepted"}'),
    ("application/jwt", b"a.b.c.d.e"),
    ("application/x-www-form-urlencoded", b"grant_type=x&client_id=wallet"),
    ("application/x-www-form-urlencoded", b"grant_type=refresh_token&refresh_token=%FF&client_id=wallet"),
    (
        "application/x-www-form-urlencoded",
        b"grant_type=urn:ietf:params:oauth:grant-type:pre-authorized_code&pre-authorized_code=x&client_id=wallet",
    ),
    ("text/plain", bytes(range(256))),
)
