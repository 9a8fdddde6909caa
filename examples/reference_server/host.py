"""The host of the library's drivers: where records are kept, where keys come from, what is decided about a verified request."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import anyio.from_thread
from attrs import frozen

from examples.issuer_alone.jwks import Unavailable
from examples.reference_server.deferrals import Deferrals
from examples.reference_server.encoders import Datasets
from examples.reference_server.journal import NOTIFICATIONS
from examples.reference_server.offer_events import with_event_of
from examples.reference_server.outside import Outside
from examples.reference_server.statuses import WITHOUT_STATUS, Statuses
from oid4vci import revocation
from oid4vci.authorization_server import AuthorizationOrder, TokenOrder
from oid4vci.drive import Draft
from oid4vci.errors import CredentialRequestDenied, TemporarilyUnavailable
from oid4vci.issuer import CredentialOrder, DeferredOrder, NotificationOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.records import Change, Key, Records, Reply, Store
from oid4vci.status_list import StatusListOrder

__all__ = ("ServerHost",)

log = logging.getLogger("reference_server")


@frozen
class ServerHost:
    """Issues to everybody whom the settings know. The signing keys are in this process.

    `outside` fetches what other servers publish, from the event loop: this host is then called in a worker thread of it. `ask` is
    what the person at the browser of this request is to see, or has decided. With `statuses`, credentials can be revoked,
    with `deferrals` some of them come later.
    """

    store: Store
    subjects: Datasets
    outside: Outside | None = None
    ask: Callable[[AuthorizationOrder], Reply] | None = None
    statuses: Statuses | None = None
    deferrals: Deferrals | None = None

    @property
    def unreachable(self) -> tuple[type[Exception], ...]:
        """What the store raises while it cannot be reached."""
        errors: tuple[type[Exception], ...] = getattr(self.store, "unreachable", ())
        return errors

    def load(self, keys: Sequence[Key], /) -> Records:
        """The stored rows."""
        return self.store.load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return self.store.commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """The keys that the settings allow to be fetched. Raises `TemporarilyUnavailable`."""
        if self.outside is None:
            return {}
        try:
            return anyio.from_thread.run(self.outside.resolve, references)
        except Unavailable:
            raise TemporarilyUnavailable("keys that are needed cannot be fetched") from None

    def check_statuses(self, references: Sequence[revocation.StatusRef], /) -> revocation.Statuses:
        """Whether key attestations were revoked, by the lists that the settings allow. Raises `TemporarilyUnavailable`."""
        if self.outside is None:
            return {}
        try:
            return anyio.from_thread.run(self.outside.check_statuses, references)
        except Unavailable:
            raise TemporarilyUnavailable("a status list that is needed cannot be fetched") from None

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """Nothing: the key signs by itself."""
        return ()

    def decide(self, order: Any, /) -> Draft | Reply:
        """A token for every valid code, a credential for every subject that has the dataset; the rest a person decides."""
        try:
            decided = self._decided(order)
        except CredentialRequestDenied as denied:
            decided = denied.reply
        return with_event_of(order, decided, self.store)

    def _decided(self, order: Any) -> Draft | Reply:
        match order:
            case AuthorizationOrder() if self.ask is not None:
                return self.ask(order)
            case TokenOrder():
                return order.issue()
            case CredentialOrder() | DeferredOrder():
                return self._credentials(order)
            case NotificationOrder():
                return self._noted(order)
            case StatusListOrder():
                return order.publish()
            case _:
                raise TypeError("no decision is known for this kind of order")

    def _credentials(self, order: CredentialOrder | DeferredOrder) -> Draft | Reply:
        claims = self.subjects.get(order.subject, {}).get(order.configuration_id)
        if claims is None:
            return order.deny("there is no such dataset")
        deferrals = self.deferrals
        if deferrals is not None:
            if isinstance(order, CredentialOrder) and deferrals.defers(order):
                return deferrals.promise(order, self.store)
            if isinstance(order, DeferredOrder) and not deferrals.is_ready(order):
                return deferrals.wait(order)
        if self.statuses is None or order.configuration.format in WITHOUT_STATUS:
            return order.issue(claims)
        return self.statuses.issue(order, claims, self.store)

    def _noted(self, order: NotificationOrder) -> Reply:
        """An event is logged, and kept for the administrator. What the wallet wrote beside it is only kept."""
        if order.repeated:
            return order.acknowledge()
        event = {"configuration_id": order.configuration_id, "event": order.event}
        log.info("notification", extra={"members": event})
        entry = {**event, "event_description": order.event_description, "received_at": order.now}
        return order.acknowledge([NOTIFICATIONS.noting(self.store, order.subject, entry, now=order.now)])
