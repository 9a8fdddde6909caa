"""The status list of the server's credentials: who gets which index, and `POST /admin/status`, which revokes."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from examples.reference_server.signing import CertifiedKey
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialDraft, CredentialOrder, DeferredOrder
from oid4vci.records import Store
from oid4vci.status_list import StatusLists, StatusListSigner, StatusType, StoredStatusList

__all__ = ("Statuses", "set_status")

# The list of a demonstration is never given up: its end is the last second that a date can name.
NEVER: Final = 253_402_300_799
TTL: Final = 300
WITHOUT_STATUS: Final = frozenset(("ldp_vc",))
"""Formats that have only `credentialStatus`."""
_SETTABLE: Final = (StatusType.VALID, StatusType.INVALID)


@frozen
class Statuses:
    """One list in the store, and the role that serves it."""

    stored: StoredStatusList
    role: StatusLists

    @classmethod
    def of(cls, uri: str, size: int, key: CertifiedKey) -> "Statuses":
        """The list at `uri`, whose tokens `key` signs. Verifiers see a change after at most five minutes."""
        signer = StatusListSigner(signer=key.signer, x5c=key.chain, include_jwk=True, ttl=TTL)
        return cls(StoredStatusList(uri=uri, expires_at=NEVER, size=size), StatusLists(signer=signer, lists=(uri,)))

    def begin(self, store: Store) -> None:
        """Create the list, unless another process has. Raises `ValueError` if it is there and shorter."""
        store.commit([self.stored.create()])
        if self.stored.statuses(store.load([self.stored.key])).size < self.stored.size:
            raise ValueError("status_list_size: the list in the store is shorter, and is kept as long as it is")

    def issue(self, order: CredentialOrder | DeferredOrder, claims: Mapping[str, Any], store: Store) -> CredentialDraft:
        """Issue with an index for each copy, which is taken in the same commit. Raises `StatusListFull`."""
        note = {"subject": order.subject, "configuration_id": order.configuration_id}
        count = max(1, len(order.holder_keys))
        draw = self.stored.indices.draw(count, now=order.now, new_secret=order.issuer.new_secret, note=note)
        allocated = draw.verify(store.load(draw.lookups))
        return order.issue(claims, copies=allocated.copies, changes=allocated.changes)


def set_status(request: Request, statuses: Statuses, store: Store) -> Response:
    """`{"idx": 7, "status": 1}` gives an index a status: 0 valid, 1 invalid, which is for good. The answer has no content."""
    try:
        members = request.json_object()
    except ValueError as error:
        return _wrong(str(error))
    index, status = members.get("idx"), members.get("status")
    if members.keys() != {"idx", "status"} or type(index) is not int or type(status) is not int or status not in _SETTABLE:
        return _wrong("the members are idx, the index, and status, 0 or 1")
    stored = statuses.stored
    for _ in range(5):
        records = store.load([stored.key])
        try:
            if stored.statuses(records).get(index) == StatusType.INVALID != status:
                return _wrong("what is invalid stays so")
            change = stored.set(records, {index: status})
        except ValueError as error:
            return _wrong(str(error))
        if store.commit([change]):
            return Response(204)
    return Response.of_json(503, {"error": "temporarily_unavailable"})


def _wrong(description: str) -> Response:
    return Response.of_json(400, {"error": "invalid_request", "error_description": description})
