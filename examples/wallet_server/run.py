"""One run of the wallet: what it was asked for, how far it is, and what came of it. No code, token, nonce or key is in it."""

import time
from collections.abc import Mapping
from typing import Any, Final, Self

import anyio
from attrs import define, field

from examples.wallet_server.outbound import Unreachable
from oid4vci.errors import InvalidCredential, Refused, WalletError
from oid4vci.keys import PublicKey, thumbprint

__all__ = ("OVER", "Run", "reported_error")

RUNNING, FOR_PERSON, FOR_TX_CODE, DEFERRED = "running", "waiting_for_person", "waiting_for_tx_code", "deferred"
OVER: Final = ("issued", "refused", "failed")
MAX_STEPS: Final = 400
KEPT_FIRST: Final = 100
MAX_TEXT: Final = 500


def _plain(text: str) -> str:
    """Words of others, without control characters, shortened."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= MAX_TEXT else shown[: MAX_TEXT - 3] + "..."


def reported_error(error: Exception) -> dict[str, Any]:
    """An error for the report: its class, what to do next, and the server's code and words where it said something."""
    if isinstance(error, Refused):
        said = {"code": _plain(error.error), "description": None if error.description is None else _plain(error.description)}
        return {"type": type(error).__name__, **said, "status": error.status, "advice": error.advice.value}
    known = isinstance(error, WalletError | ValueError | Unreachable | ImportError | OSError)
    members: dict[str, Any] = {
        "type": type(error).__name__,
        "code": None,
        # What nobody foresaw may have anything in it.
        "description": _plain(str(error)) if known else "something is wrong with this wallet: see its log",
    }
    return {**members, "advice": error.advice.value} if isinstance(error, WalletError) else members


def key_thumbprint(key: PublicKey | None) -> str | None:
    """RFC 7638."""
    return None if key is None else thumbprint(key.jwk)


@define(eq=False)
class Run:
    """A run. Its `state` is changed in the event loop only; steps are added by whoever takes them.

    `authorization_url` and `tx_code` (what the offer says of the code) are there while somebody is waited for.
    """

    id: str
    created_at: int = field(factory=lambda: int(time.time()))
    updated_at: int = field(factory=lambda: int(time.time()))
    state: str = RUNNING
    credential_issuer: str | None = None
    configuration_ids: tuple[str, ...] = ()
    steps: list[dict[str, Any]] = field(factory=list)
    error: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = field(factory=list)
    credentials: list[dict[str, Any]] = field(factory=list)
    notifications: list[dict[str, Any]] = field(factory=list)
    deferred: list[dict[str, Any]] = field(factory=list)
    authorization_url: str | None = field(default=None, repr=False)
    tx_code: dict[str, Any] | None = None
    _changed: anyio.Event = field(factory=anyio.Event, repr=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in OVER

    def step(self, step: str, **members: Any) -> None:
        """Note a step."""
        self.updated_at = int(time.time())
        self.steps.append({"time": round(time.time(), 3), "step": step, **members})
        if len(self.steps) > MAX_STEPS:
            # Whoever waits for months asks often: how it began is worth more than what is in between.
            del self.steps[KEPT_FIRST]

    def becomes(self, state: str) -> None:
        """Another state; who waits for that is woken."""
        self.state, self.updated_at = state, int(time.time())
        if state != FOR_PERSON:
            self.authorization_url = None
        if state != FOR_TX_CODE:
            self.tx_code = None
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    def ends_with(self, error: Exception | None) -> None:
        """It is over: with all credentials, or with what stopped it or the first of them."""
        self.error = reported_error(error) if error is not None else next(iter(self.errors), None)
        said_by_server = self.error is not None and self.error["code"] is not None
        self.becomes("issued" if self.error is None else "refused" if said_by_server else "failed")

    def rejected(self, configuration_id: str, error: Exception) -> None:
        """Something that was asked for and not obtained."""
        self.errors.append({"configuration_id": configuration_id, **reported_error(error)})
        if isinstance(error, InvalidCredential):
            self.credentials.append({"configuration_id": configuration_id, "verified": False})

    async def wait(self, seconds: float) -> None:
        """Wait until it is over or somebody has to do something, at most that long."""
        with anyio.move_on_after(seconds):
            while self.state in (RUNNING, DEFERRED):
                await self._changed.wait()

    def to_json(self) -> dict[str, Any]:
        """The report."""
        waiting = {"authorization_url": self.authorization_url, "tx_code": self.tx_code}
        return {
            **self.summary(),
            **{name: value for name, value in waiting.items() if value is not None},
            "error": self.error,
            "errors": self.errors,
            "credentials": self.credentials,
            "notifications": self.notifications,
            "deferred": self.deferred,
            "steps": self.steps,
        }

    def summary(self) -> dict[str, Any]:
        """What the list has of it."""
        return {
            "id": self.id,
            "state": self.state,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "credential_issuer": self.credential_issuer,
            "configuration_ids": list(self.configuration_ids),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """A run that was stored while it waited for credentials. Raises `KeyError`, `TypeError`."""
        lists = ("steps", "errors", "credentials", "notifications", "deferred")
        members: dict[str, Any] = {name: stored[name] for name in ("id", "created_at", "updated_at", "credential_issuer")}
        members |= {name: list(stored[name]) for name in lists}
        run = cls(**members, configuration_ids=tuple(stored["configuration_ids"]), state=DEFERRED)
        run.step("restarted")
        return run
