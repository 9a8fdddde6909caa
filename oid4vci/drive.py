"""Drivers: whole exchanges over somebody else's I/O, in either colour. Nothing else in the package knows of sync or async."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, overload, runtime_checkable

from attrs import field, frozen

from oid4vci.errors import NotFound, Refusal
from oid4vci.http import Request, Response
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.records import Change, Key, Records, Reply
from oid4vci.revocation import Statuses, StatusRef
from oid4vci.wallet import Exchange

__all__ = (
    "AsyncHost",
    "AsyncStatusHost",
    "Draft",
    "Host",
    "Role",
    "StatusHost",
    "Together",
    "aanswer",
    "answer",
    "arespond",
    "arun",
    "respond",
    "run",
)

T = TypeVar("T")
Sign: TypeAlias = Callable[[Sequence[SigningInput]], Sequence[bytes]]
AsyncSign: TypeAlias = Callable[[Sequence[SigningInput]], Awaitable[Sequence[bytes]]]
# How often a request is run again because another one changed the same record in between.
ATTEMPTS = 5
BUSY = Response.of_json(503, {"error": "temporarily_unavailable"}, {"retry-after": "1"})


class Call(Protocol):
    """A request that was read."""

    @property
    def lookups(self) -> tuple[Key, ...]: ...
    @property
    def key_refs(self) -> tuple[KeyReference, ...]: ...
    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Any: ...


class Draft(Protocol):
    """An answer that lacks its signatures only."""

    @property
    def to_sign(self) -> tuple[SigningInput, ...]: ...
    def finish(self, signatures: Sequence[bytes] = (), /) -> Reply: ...


class Role(Protocol):
    """An `Issuer` or an `AuthorizationServer`."""

    def serves(self, path: str) -> bool: ...
    def read(self, request: Request) -> Call: ...


class Host(Protocol):
    """The embedding application: its store, its keys, its decisions.

    `decide` gets a verified order and gives `order.issue(...)`, another draft, or a `Reply` (`order.deny(...)`). `resolve` is
    called only if there are keys to resolve, `sign` only if there is something to sign elsewhere.

    Any of them may raise `TemporarilyUnavailable`, which is the answer then (503).

    A host that finds out whether key attestations are revoked is a `StatusHost` as well.
    """

    def load(self, keys: Sequence[Key], /) -> Records: ...
    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys: ...
    def decide(self, order: Any, /) -> Draft | Reply: ...
    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]: ...
    def commit(self, changes: Sequence[Change], /) -> bool: ...


@runtime_checkable
class StatusHost(Protocol):
    """A host that finds out what was revoked. Of any other host nothing is known, and what has a status counts as revoked.

    `check_statuses` is called only if a request names something that may have been revoked.
    """

    def check_statuses(self, references: Sequence[StatusRef], /) -> Statuses: ...


class AsyncHost(Protocol):
    """`Host` for asyncio, trio and the like."""

    async def load(self, keys: Sequence[Key], /) -> Records: ...
    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys: ...
    async def decide(self, order: Any, /) -> Draft | Reply: ...
    async def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]: ...
    async def commit(self, changes: Sequence[Change], /) -> bool: ...


@runtime_checkable
class AsyncStatusHost(Protocol):
    """`StatusHost` for asyncio, trio and the like."""

    async def check_statuses(self, references: Sequence[StatusRef], /) -> Statuses: ...


def _status_refs(call: Call, host: object) -> tuple[StatusRef, ...]:
    """What may have been revoked of that which a call names, for a host that finds it out; most calls name nothing of the sort."""
    # `isinstance` with a protocol takes as long as a quarter of a signature, so it is asked only where there is something.
    if not hasattr(host, "check_statuses"):
        return ()
    found: tuple[StatusRef, ...] = getattr(call, "status_refs", ())
    return found


def _verify(call: Call, records: Records, keys: ResolvedKeys, statuses: Statuses, now: int) -> Any:
    known = {"statuses": statuses} if statuses else {}
    return call.verify(records, keys=keys, now=now, **known)


def _is_decided(verified: Any) -> bool:
    """Whether the application has nothing to decide: it is an answer, or lacks its signatures only (signed metadata)."""
    return isinstance(verified, Reply) or hasattr(verified, "finish")


def _roles(roles: Iterable[Role]) -> tuple[Role, ...]:
    return tuple(roles)


@frozen
class Together:
    """Several roles under one origin, as one."""

    roles: tuple[Role, ...] = field(converter=_roles)

    def serves(self, path: str) -> bool:
        """Whether one of them has an endpoint there."""
        return any(role.serves(path) for role in self.roles)

    def read(self, request: Request) -> Call:
        """Read a request with the role whose endpoint it is. Raises `Refusal`."""
        for role in self.roles:
            if role.serves(request.path):
                return role.read(request)
        raise NotFound("there is no endpoint here")


def respond(role: Role, request: Request, host: Host, *, now: int) -> Response:
    """One whole HTTP exchange of an issuer or authorization server. `now` is in seconds since the epoch."""
    try:
        call = role.read(request)
    except Refusal as refusal:
        # Nothing was loaded, so there is nothing to change.
        return refusal.reply.response
    return answer(call, host, now=now)


def answer(call: Call, host: Host, *, now: int) -> Response:
    """The answer to a request that was read, or taken up again (`AuthorizationServer.resume`).

    If another request changed a record in between, everything is run again with what is stored now, the decision included.
    """
    for _ in range(ATTEMPTS):
        try:
            records = host.load(lookups) if (lookups := call.lookups) else {}
            keys = host.resolve(references) if (references := call.key_refs) else {}
            refs = _status_refs(call, host)
            statuses = host.check_statuses(refs) if refs and isinstance(host, StatusHost) else {}
            verified = _verify(call, records, keys, statuses, now)
            draft = verified if _is_decided(verified) else host.decide(verified)
            reply = draft if isinstance(draft, Reply) else draft.finish(host.sign(inputs) if (inputs := draft.to_sign) else ())
        except Refusal as refusal:
            reply = refusal.reply
        try:
            if not reply.changes or host.commit(reply.changes):
                return reply.response
        except Refusal as refusal:
            # Whether it was stored is not known: whoever comes again finds out.
            return refusal.reply.response
    return BUSY


async def arespond(role: Role, request: Request, host: AsyncHost, *, now: int) -> Response:
    """`respond` with a host whose methods are awaited."""
    try:
        call = role.read(request)
    except Refusal as refusal:
        return refusal.reply.response
    return await aanswer(call, host, now=now)


async def aanswer(call: Call, host: AsyncHost, *, now: int) -> Response:
    """`answer` with a host whose methods are awaited."""
    for _ in range(ATTEMPTS):
        try:
            records = await host.load(lookups) if (lookups := call.lookups) else {}
            keys = await host.resolve(references) if (references := call.key_refs) else {}
            refs = _status_refs(call, host)
            statuses = await host.check_statuses(refs) if refs and isinstance(host, AsyncStatusHost) else {}
            verified = _verify(call, records, keys, statuses, now)
            draft = verified if _is_decided(verified) else await host.decide(verified)
            reply = (
                draft
                if isinstance(draft, Reply)
                else draft.finish(await host.sign(inputs) if (inputs := draft.to_sign) else ())
            )
        except Refusal as refusal:
            reply = refusal.reply
        try:
            if not reply.changes or await host.commit(reply.changes):
                return reply.response
        except Refusal as refusal:
            # Whether it was stored is not known: whoever comes again finds out.
            return refusal.reply.response
    return BUSY


@overload
def run(exchange: Exchange[T], send: Callable[[Request], Response], *, sign: Sign | None = None) -> T: ...
@overload
def run(exchange: T, send: Callable[[Request], Response], *, sign: Sign | None = None) -> T: ...
def run(exchange: Any, send: Callable[[Request], Response], *, sign: Sign | None = None) -> Any:
    """Carry a Wallet's exchange through: `send` makes each HTTP request, following no redirects. Raises `WalletError`.

    What `send` raises ends it, with whatever had come: where Credentials must not be lost by that, `send` gives `Response(503)`
    for a server that cannot be reached, and `TryLater.exchange` goes on.

    `sign` is called where keys outside this process must sign a request: it gets what is to be signed and gives the raw JWS
    signatures in the same order. Raises `ValueError` if it is needed and missing.
    """
    while isinstance(exchange, Exchange):
        if sign is not None and exchange.to_sign:
            exchange = exchange.signed(sign(exchange.to_sign))
        exchange = exchange.receive(send(exchange.request))
    return exchange


@overload
async def arun(
    exchange: Exchange[T], send: Callable[[Request], Awaitable[Response]], *, sign: AsyncSign | None = None
) -> T: ...
@overload
async def arun(exchange: T, send: Callable[[Request], Awaitable[Response]], *, sign: AsyncSign | None = None) -> T: ...
async def arun(exchange: Any, send: Callable[[Request], Awaitable[Response]], *, sign: AsyncSign | None = None) -> Any:
    """`run` with a `send` and a `sign` that are awaited."""
    while isinstance(exchange, Exchange):
        if sign is not None and exchange.to_sign:
            exchange = exchange.signed(await sign(exchange.to_sign))
        exchange = exchange.receive(await send(exchange.request))
    return exchange
