"""A whole issuance in which every value of every role is kept, and what is secret or personal in it is known."""

import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
from attrs import define, field

from oid4vci._json import Malformed
from oid4vci.drive import Role
from oid4vci.errors import Refusal, WalletError
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.records import Reply
from oid4vci.wallet import Exchange

# What a header or a member of a message holds that is nobody's business.
HEADERS = ("authorization", "dpop", "dpop-nonce", "oauth-client-attestation", "oauth-client-attestation-pop", "location")
MEMBERS = frozenset(
    (
        "access_token",
        "refresh_token",
        "c_nonce",
        "transaction_id",
        "notification_id",
        "credential",
        "pre-authorized_code",
        "tx_code",
        "code",
        "code_verifier",
        "state",
        "request_uri",
        "jwt",
        "attestation",
        "nonce",
    )
)
# Shorter values stand in anything by chance.
SHORTEST = 6


class _Keeping(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(1)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {vars(record)}")


@define
class Watch:
    """`values` are all that there was, by identity; `secrets` is what must not show in any of them."""

    secrets: set[str]
    values: dict[int, Any] = field(factory=dict)
    errors: list[BaseException] = field(factory=list)
    logged: list[str] = field(factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """What anybody logs meanwhile, at any level, is kept as well."""
        root, before = logging.getLogger(), logging.getLogger().level
        handler = _Keeping(self.logged)
        root.addHandler(handler)
        root.setLevel(1)
        try:
            logging.getLogger("tests").debug("listening")
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(before)

    def keep(self, value: Any) -> None:
        """A value, and all values of the library within it, whether or not its `repr` shows them."""
        if id(value) in self.values:
            return
        if attrs.has(type(value)) and type(value).__module__.startswith("oid4vci"):
            self.values[id(value)] = value
            for each in attrs.fields(type(value)):
                self.keep(getattr(value, each.name))
        elif isinstance(value, tuple | list | set | frozenset):
            for each in value:
                self.keep(each)
        elif isinstance(value, Mapping):
            for each in value.values():
                self.keep(each)
        elif isinstance(value, BaseException):
            self.errors.append(value)
            self.keep(vars(value))

    def overhear(self, message: Request | Response) -> None:
        """What is secret in a message."""
        self.keep(message)
        for name in HEADERS:
            self.secrets.update(part for each in message.headers.all(name) for part in each.split(" ") if len(part) > 30)
        location = urlsplit(message.headers.get("location") or "").query
        self.secrets.update(value for name, value in parse_qsl(location) if name in MEMBERS)
        with suppress(Malformed):
            self._body(message)

    def _body(self, message: Request | Response) -> None:
        kind = message.headers.get("content-type") or ""
        if kind.startswith("application/json") and message.body:
            self._members(message.json_object() if isinstance(message, Request) else message.json())
        elif kind.startswith("application/x-www-form-urlencoded") and isinstance(message, Request):
            form = message.form()
            self._members({name: form.get(name) for name in MEMBERS})

    def _members(self, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self._members(each)
        elif isinstance(value, dict):
            for name, each in value.items():
                if name in MEMBERS:
                    self.secrets.update(_strings(each))
                self._members(each)

    def leaks(self) -> Iterator[tuple[str, str]]:
        """The type of each value that shows a secret, and where in its `repr`."""
        for value in self.values.values():
            yield from self._shown(type(value).__qualname__, f"{value!r} {value}")
        for error in self.errors:
            yield from self._shown(type(error).__qualname__, "".join(traceback.format_exception(error)) + repr(error))
        yield from self._shown("log", "\n".join(self.logged))

    def _shown(self, name: str, text: str) -> Iterator[tuple[str, str]]:
        for secret in self.secrets:
            if (place := text.find(secret)) >= 0:
                yield name, text[max(0, place - 60) : place + 20]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) >= SHORTEST:
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@define
class WatchedServer:
    """A role with its application, by the stages. The application decides by `decide`."""

    watch: Watch
    role: Role
    decide: Any
    now: int
    store: MemoryStore = field(factory=MemoryStore)
    resolved: ResolvedKeys = field(factory=dict)
    signer: LocalSigner | None = None

    def __call__(self, request: Request) -> Response:
        """One exchange."""
        self.watch.overhear(request)
        try:
            reply = self._reply(request)
        except Refusal as refusal:
            self.watch.keep(refusal)
            self.watch.keep(refusal.reply)
            reply = refusal.reply
        self.watch.keep(reply)
        assert self.store.commit(reply.changes)
        self.watch.overhear(reply.response)
        return reply.response

    def _reply(self, request: Request) -> Reply:
        call = self.role.read(request)
        self.watch.keep(call)
        order = call.verify(self.store.load(call.lookups), keys=self.resolved, now=self.now)
        self.watch.keep(order)
        draft = order if isinstance(order, Reply) or hasattr(order, "finish") else self.decide(order)
        self.watch.keep(draft)
        if isinstance(draft, Reply):
            return draft
        self.watch.keep(draft.to_sign)
        finished = draft.finish(self._signed(draft.to_sign))
        assert isinstance(finished, Reply)
        return finished

    def _signed(self, inputs: Sequence[SigningInput]) -> Sequence[bytes]:
        return [] if self.signer is None else [self.signer.sign(each.data) for each in inputs]

    def run(self, exchange: Any) -> Any:
        """A Wallet's exchange with this server. Raises `WalletError`, which is kept as well."""
        while isinstance(exchange, Exchange):
            self.watch.keep(exchange)
            try:
                exchange = exchange.receive(self(exchange.request))
            except WalletError as error:
                self.watch.keep(error)
                raise
        self.watch.keep(exchange)
        return exchange
