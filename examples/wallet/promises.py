"""What an issuer has promised in one session, and how it is asked for (OID4VCI 9)."""

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from attrs import define, evolve, field, frozen

from examples.wallet.client import Client, SessionKeys
from examples.wallet.keys import HolderKey
from examples.wallet.ordering import Pause, Send, completed
from oid4vci.drive import run
from oid4vci.errors import Advice, Refused
from oid4vci.wallet import Deferred, Issued, Session, Wallet, dump, load

__all__ = ("NotPromises", "Promise", "Promises")


class NotPromises(ValueError):
    """What was stored is something else."""


@frozen
class Promise:
    """Credentials that are to come, and the keys for them."""

    deferred: Deferred
    keys: tuple[HolderKey, ...]


def _heard(deferred: Deferred) -> Deferred:
    """Answered just now: the interval begins when the answer comes, a while after the time for which the request was made."""
    return evolve(deferred, received_at=math.ceil(time.time()))


@define
class Promises:
    """The promises of one session, and its `keys`. `changed` is called at every change, to keep them: it may raise `OSError`.

    All of them are kept together, since they share a Refresh Token, which most servers take once.
    """

    keys: SessionKeys
    changed: Callable[["Promises"], None] = field(eq=False, repr=False)
    left: list[Promise] = field(factory=list)

    @classmethod
    def from_json(
        cls, stored: Any, wallet: Callable[[str, SessionKeys], Wallet], changed: Callable[["Promises"], None]
    ) -> Self:
        """What was stored. `wallet` gives the settings for an issuer and the keys of a session.

        Raises `NotPromises`, and `ValueError` if what was believed is not believed any more.
        """
        try:
            keys = SessionKeys.from_json(stored)
            holders = [tuple(HolderKey.from_json(key) for key in each["keys"]) for each in stored["promises"]]
            issuer, states = stored["credential_issuer"], [json.dumps(each["deferred"]).encode() for each in stored["promises"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NotPromises("these are no promises") from None
        settings = wallet(issuer, keys)
        promises = cls(keys, changed)
        for state, own in zip(states, holders, strict=True):
            deferred = load(state, settings)
            if not isinstance(deferred, Deferred):
                raise NotPromises("these are no promises")
            promises.left.append(Promise(deferred, own))
        return promises

    def to_json(self) -> dict[str, Any]:
        """What is stored, as long as there is something left: tokens and private keys are in it."""
        session = self.left[0].deferred.session
        kept = SessionKeys(None if session.sender.dpop is None else self.keys.dpop, self.keys.instance)
        return {
            "credential_issuer": session.metadata.credential_issuer,
            **kept.to_json(),
            "promises": [
                {"deferred": json.loads(dump(each.deferred)), "keys": [key.to_json() for key in each.keys]}
                for each in self.left
            ],
        }

    def add(self, deferred: Deferred, keys: Sequence[HolderKey]) -> None:
        """A new promise."""
        self.left.append(Promise(_heard(deferred), tuple(keys)))
        self.changed(self)

    def next(self) -> Promise:
        """The one to ask for first."""
        return min(self.left, key=lambda each: each.deferred.ready_at)

    def of(self, deferred: Deferred) -> Promise:
        """The promise of that transaction, as it is now."""
        return next(each for each in self.left if each.deferred.transaction_id == deferred.transaction_id)

    def replace(self, deferred: Deferred) -> None:
        """What the issuer says now of something that it has promised."""
        promise = self.of(deferred)
        self.left[self.left.index(promise)] = evolve(promise, deferred=_heard(deferred))
        self.changed(self)

    def renew(self, session: Session) -> None:
        """All of them with another Access Token. Raises `ValueError`."""
        self.left = [evolve(each, deferred=each.deferred.with_session(session)) for each in self.left]
        self.changed(self)

    def drop(self, deferred: Deferred) -> None:
        """It came, or there is nothing to wait for."""
        self.left.remove(self.of(deferred))
        self.changed(self)

    def ask(
        self, promise: Promise, client: Client, send: Send, *, refreshing: Callable[[], None], pause: Pause = time.sleep
    ) -> Issued | Deferred:
        """Ask for credentials that were promised, with a refreshed Access Token if that is over: `refreshing` is called then.

        What the issuer says is kept, but for credentials: the promise is to be dropped when those are safe. Raises `WalletError`,
        `ValueError`, and what `send` raises.
        """
        try:
            result = completed(promise.deferred.poll(now=int(time.time())), send, pause)
        except Refused as refused:
            if refused.advice is not Advice.REFRESH:
                raise
            refreshing()
            # The old Refresh Token is spent by that, so what comes of it is kept first.
            self.renew(self._refreshed(promise.deferred.session, client, send))
            promise = self.of(promise.deferred)
            result = completed(promise.deferred.poll(now=int(time.time())), send, pause)
        if isinstance(result, Deferred):
            self.replace(result)
        return result

    def _refreshed(self, session: Session, client: Client, send: Send) -> Session:
        now = int(time.time())
        # A Wallet Attestation is good for minutes, and this may be weeks later.
        attested = (
            None if self.keys.instance is None else client.authentication(session.opened.server.issuer, self.keys, now=now)
        )
        return run(session.refresh(now=now, authentication=attested), send)
