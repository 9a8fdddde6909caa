"""The way between a Wallet and the issuer side, on which things go wrong: at every commit, and with every answer."""

from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import Any

from attrs import define, field

from oid4vci.authorization_server import AuthorizationOrder, TokenOrder
from oid4vci.drive import Draft, respond
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, DeferredOrder, NotificationOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.records import Change, Insert, Key, Record, Records, Reply
from tests.deferrals import DEFERRED
from tests.issuance import CREDENTIAL, TOKEN
from tests.mdocs import LICENCE, NAMESPACE
from tests.notifications import noted_row
from tests.soak.ledger import ISSUED, LATER, NOTED, Case, Ledger
from tests.soak.world import DEFERRAL, World

UNAVAILABLE = Response.of_json(503, {"error": "temporarily_unavailable"})
INTERVAL = 5


class Fault(Enum):
    """What goes wrong with one request."""

    LOST = "the answer is lost after the commit"
    REPEATED = "the request is delivered twice"
    UNAVAILABLE = "the store cannot be reached"
    HALF = "the store commits and says that it failed"
    STALE = "the records change after they were loaded"


class StoreUnavailable(Exception):
    """Injected."""


class Lost(Exception):
    """The Wallet got no answer."""


@define
class Host:
    """The application, for one request. `meanwhile` happens once after the records were loaded."""

    world: World
    ledger: Ledger
    random: Random
    fault: Fault | None = None
    meanwhile: Callable[[], object] | None = None
    wanted: Key | None = None
    serial: str | None = None
    failed: bool = False

    def load(self, keys: Sequence[Key], /) -> Records:
        """What is stored; then somebody else is faster."""
        records = self.world.store.load(keys)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return records

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """Nobody has keys elsewhere."""
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """All keys are here."""
        return ()

    def decide(self, order: Any, /) -> Draft | Reply:
        """Everybody gets what was ordered, or is told to wait; each decision has a row of its own."""
        match order:
            case TokenOrder():
                return order.issue()
            case AuthorizationOrder():
                return order.approve("ada")
            case NotificationOrder():
                named = noted_row(order).key.digest
                return order.acknowledge([Insert(self._row(NOTED, named, {"event": order.event}))])
            case CredentialOrder(configuration_id="later"):
                return order.defer(interval=INTERVAL, note={"who": order.subject})
            case DeferredOrder() if order.decision is None:
                return order.wait(interval=INTERVAL)
            case CredentialOrder() | DeferredOrder():
                return self._issue(order)
        raise AssertionError(order)

    def _issue(self, order: CredentialOrder | DeferredOrder) -> Draft:
        self.serial = self.random.randbytes(16).hex()
        claims: dict[str, Any] = {"given_name": "Ada", "serial": self.serial}
        if order.configuration_id == "licence":
            claims = {NAMESPACE: {**LICENCE[NAMESPACE], "document_number": self.serial}}
        return order.issue(claims, changes=[Insert(self._row(ISSUED, self.serial, {}))])

    def _row(self, kind: str, named: str, data: dict[str, Any]) -> Record:
        self.wanted = Key.of(kind, named)
        self.ledger.wanted.add(self.wanted)
        return Record(self.wanted, data, LATER)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """In the store, as far as that works."""
        if self.fault is Fault.UNAVAILABLE:
            self.failed = True
            raise StoreUnavailable
        done = self.world.store.commit(changes)
        if done:
            self.ledger.committed(changes)
            if self.fault is Fault.HALF:
                self.failed = True
                raise StoreUnavailable
        return done


@define
class Network:
    """Everything that is sent goes through here. `faults` is how many of the requests meet one."""

    world: World
    ledger: Ledger
    random: Random
    faults: float = 0.15
    make_host: type[Host] = Host
    exchanges: int = 0
    # Deferred transactions that are not decided yet; what a thief has overheard.
    undecided: deque[str] = field(factory=lambda: deque(maxlen=1000))
    overheard: deque[Request] = field(factory=lambda: deque(maxlen=100))

    def serve(self, request: Request, fault: Fault | None = None, meanwhile: Callable[[], object] | None = None) -> Response:
        """One delivery of a request."""
        self.exchanges += 1
        cases = len(self.ledger.cases)
        host = self.make_host(self.world, self.ledger, self.random, fault, meanwhile)
        try:
            response = respond(self.world.role, request, host, now=self.world.now)
        except StoreUnavailable:
            self.ledger.counts[f"fault: {Fault(fault).value}"] += 1
            response = UNAVAILABLE
        else:
            self.ledger.answered(request, response, host.wanted, host.serial)
        if len(self.ledger.cases) > cases:
            self.undecided.extend(list(self.ledger.cases)[cases:])
        return response

    def decide(self) -> None:
        """Another process decides about a deferred transaction, which may be over by now."""
        if not self.undecided:
            return
        handle = self.random.choice(self.undecided)
        wanted = self.world.issuer.transaction(handle)
        transaction = wanted.read(self.world.store.load(wanted.lookups), now=self.world.now)
        case = self.ledger.cases.get(handle)
        if transaction is None or case is None or case.refused or case.issued:
            self.undecided.remove(handle)
            return
        kind = self.random.choice(("complete", "complete", "complete", "refuse", "extend"))
        if kind == "complete":
            changes = transaction.complete({"by": "somebody"})
        elif kind == "refuse":
            changes = transaction.refuse("not this time")
        elif transaction.expires_at < self.world.now + DEFERRAL:
            changes = transaction.extend(expires_at=self.world.now + DEFERRAL)
        else:
            return
        if self.world.store.commit(changes):
            self._decided(case, kind)

    def _decided(self, case: Case, kind: str) -> None:
        self.ledger.counts[f"decision: {kind}"] += 1
        case.since = self.world.now
        case.completed |= kind == "complete"
        case.refused |= kind == "refuse"

    def steal(self) -> None:
        """Somebody sends what was overheard once more. No pre-authorized code, nonce or proof is worth anything twice."""
        if self.overheard:
            self.ledger.counts["replays by a thief"] += 1
            self.serve(self.random.choice(self.overheard))


@define
class Line:
    """One Wallet's way to the issuer side. `dirty` says that something went wrong that a Wallet can suffer from."""

    network: Network
    dirty: bool = False

    def send(self, request: Request) -> Response:
        """The answer, if it arrives. Raises `Lost`."""
        network = self.network
        fault = network.random.choice(list(Fault)) if network.random.random() < network.faults else None
        if fault not in (None, Fault.UNAVAILABLE):
            # A store that cannot be reached costs nothing: whoever comes again is served.
            self.dirty = True
        response = self._send(request, fault)
        if _worth_stealing(request, response):
            network.overheard.append(request)
        return response

    def _send(self, request: Request, fault: Fault | None) -> Response:
        network = self.network
        if fault in (Fault.LOST, Fault.REPEATED, Fault.STALE):
            network.ledger.counts[f"fault: {fault.value}"] += 1
        match fault:
            case Fault.LOST:
                network.serve(request)
                raise Lost
            case Fault.REPEATED:
                response = network.serve(request)
                network.serve(request)
                return response
            case Fault.STALE if request.url == DEFERRED and network.random.random() < 0.5:
                return network.serve(request, meanwhile=network.decide)
            case Fault.STALE:
                return network.serve(request, meanwhile=lambda: network.serve(request))
        return network.serve(request, fault)


def _worth_stealing(request: Request, response: Response) -> bool:
    if response.status != 200:
        return False
    # The replay of an authorization code or of an old Refresh Token ends the grant: that is not for the thief to choose here.
    return request.url == CREDENTIAL or (request.url == TOKEN and b"pre-authorized_code=" in request.body)
