"""Credentials that take their time: when they are ready, and `/admin/deferred`, where that is decided by hand (OID4VCI 9)."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from examples.reference_server.journal import Journal
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, DeferredDraft, DeferredOrder, Issuer, Transaction
from oid4vci.records import Store

__all__ = ("Deferrals", "decide_deferred", "list_deferred")

log = logging.getLogger("reference_server")
PROMISED: Final = Journal("promises to a person")
ATTEMPTS: Final = 5
COMPLETED, REFUSED = "completed", "refused"


@frozen
class Deferrals:
    """`delays`: the seconds after which credentials of a configuration are ready. Wallets ask every `interval` seconds."""

    delays: Mapping[str, int]
    interval: int

    def defers(self, order: CredentialOrder) -> bool:
        """Whether a credential is not issued at once."""
        return order.configuration_id in self.delays

    def promise(self, order: CredentialOrder, store: Store) -> DeferredDraft:
        """202, and an entry for the administrator."""
        ready_at = order.now + self.delays[order.configuration_id]
        draft = order.defer(interval=self._interval(ready_at - order.now), note={"ready_at": ready_at})
        # Whoever has the handle has no credentials by it.
        members = {"configuration_id": order.configuration_id, "handle": draft.handle}
        log.info("deferred", extra={"members": members})
        return draft.with_changes(PROMISED.noting(store, order.subject, {"handle": draft.handle}, now=order.now))

    def is_ready(self, order: DeferredOrder) -> bool:
        """Whether the time has come, or an administrator did not wait for it."""
        return order.decision is not None or order.now >= _ready_at(order.transaction)

    def wait(self, order: DeferredOrder) -> DeferredDraft:
        """202 once more."""
        return order.wait(interval=self._interval(_ready_at(order.transaction) - order.now))

    def _interval(self, left: int) -> int:
        return max(1, min(self.interval, left))


def _ready_at(transaction: Transaction) -> int:
    ready_at: int = transaction.note["ready_at"]
    return ready_at


def list_deferred(issuer: Issuer, store: Store, subjects: Mapping[str, Any], *, now: int) -> Response:
    """What was promised and has not been issued: `{"transactions": [{"handle", "subject", "configuration_id", "state", ...}]}`."""
    shown = []
    for subject, entry in PROMISED.entries(store, subjects):
        stored = issuer.transaction(entry["handle"])
        transaction = stored.read(store.load(stored.lookups), now=now)
        if transaction is not None:
            members = {"configuration_id": transaction.configuration_id, "state": transaction.state}
            # Nothing is kept of what was refused.
            ready = {} if transaction.note is None else {"ready_at": _ready_at(transaction)}
            shown.append({"handle": entry["handle"], "subject": subject, **members, **ready})
    return Response.of_json(200, {"transactions": shown})


def decide_deferred(request: Request, issuer: Issuer, store: Store, *, now: int) -> Response:
    """`{"handle": ..., "state": "completed"}`, or `"refused"` with a `description` for the wallet. The answer has no content."""
    try:
        members = request.json_object()
        state, description = members.get("state"), members.get("description", "")
        known = {"handle", "state", "description"} if state == REFUSED else {"handle", "state"}
        if state not in (COMPLETED, REFUSED) or not members.keys() <= known or not isinstance(description, str):
            raise ValueError("the members are handle, state, which is completed or refused, and with the latter description")
        handle = members.get("handle")
        stored = issuer.transaction(handle if isinstance(handle, str) else "")
        for _ in range(ATTEMPTS):
            transaction = stored.read(store.load(stored.lookups), now=now)
            if transaction is None:
                return _error(404, "not_found", "there is no such transaction, or no longer")
            if store.commit(transaction.complete() if state == COMPLETED else transaction.refuse(description)):
                return Response(204)
    except ValueError as error:
        return _error(400, "invalid_request", str(error))
    return Response.of_json(503, {"error": "temporarily_unavailable"})


def _error(status: int, error: str, description: str) -> Response:
    return Response.of_json(status, {"error": error, "error_description": description})
