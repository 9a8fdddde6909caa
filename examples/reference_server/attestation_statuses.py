"""Whether key attestations were revoked: the status lists of attesters, fetched with httpx and kept as long as they say."""

from collections.abc import Callable, Sequence
from typing import Final

import httpx
from attrs import field, frozen

from examples.reference_server.fetching import fetch
from oid4vci.errors import StatusUnknown, Untrusted
from oid4vci.formats import NeededDocument
from oid4vci.revocation import Statuses, StatusRef, StatusReference
from oid4vci.status_list import StatusChecker, StatusListToken
from oid4vci.trust import Trust

__all__ = ("AttestationStatuses",)

# Lists of so many attesters are kept; whoever names others has them fetched each time.
MAX_LISTS: Final = 100
MAX_LIST: Final = 1 << 20
CHECKER: Final = StatusChecker()


@frozen(eq=False)
class AttestationStatuses:
    """Finds out statuses. `trust` allows the URLs that are fetched, its `status_anchors` are above those who sign the lists."""

    client: httpx.AsyncClient
    trust: Trust
    clock: Callable[[], int]
    _lists: dict[str, tuple[StatusListToken, int]] = field(factory=dict, init=False)

    async def check(self, references: Sequence[StatusRef], /) -> Statuses:
        """What is known of each; what is not allowed, or is no status list, is absent. Raises `Unavailable`."""
        found: dict[StatusRef, int] = {}
        for each in references:
            if isinstance(each, StatusReference) and self.trust.allow(each.uri):
                status = await self._status(each)
                if status is not None:
                    found[each] = status
        return found

    async def _status(self, reference: StatusReference) -> int | None:
        now = self.clock()
        try:
            kept, until = self._lists.get(reference.uri, (None, 0))
            if kept is None or now >= until:
                kept = await self._list(reference.uri, now)
            status = CHECKER.status(kept, reference.index, now=now)
        except (StatusUnknown, Untrusted):
            return None
        if now >= until:
            if len(self._lists) >= MAX_LISTS:
                self._lists.clear()
            self._lists[reference.uri] = (kept, status.valid_until)
        return status.value

    async def _list(self, uri: str, now: int) -> StatusListToken:
        documents: dict[str, bytes] = {}
        while True:
            found = CHECKER.token(uri, issuer=None, trust=self.trust, documents=documents, now=now)
            if not isinstance(found, NeededDocument):
                return found
            # Who signs is known by certificate, so that nothing but the list itself is needed.
            document = await fetch(self.client, found.url, found.media_types, max_bytes=MAX_LIST)
            if document is None:
                raise StatusUnknown("there is no such status list")
            documents[found.url] = document
