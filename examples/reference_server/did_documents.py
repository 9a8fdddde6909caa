"""The documents of did:web DIDs, by which holders name their keys: fetched from hosts that are allowed, and kept a while."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import httpx
from attrs import field, frozen

from examples.reference_server.fetching import fetch
from oid4vci.dids import did_document_keys, did_web_url
from oid4vci.dids.document import DID_MEDIA_TYPES
from oid4vci.keys import KeyReference, ResolvedKeys

__all__ = ("DidDocuments",)

MAX_DOCUMENTS: Final = 1_000
MAX_DOCUMENT: Final = 1 << 16


@frozen(eq=False)
class DidDocuments:
    """The cache. Only from `hosts` (and ports, where they have one) documents are fetched, whatever a proof names."""

    client: httpx.AsyncClient
    hosts: frozenset[str]
    clock: Callable[[], int]
    lifetime: int = 300
    _documents: dict[str, tuple[bytes, int]] = field(factory=dict, init=False)

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """The keys that may authenticate, of those DIDs that lead to an allowed host. Raises `Unavailable`."""
        resolved: ResolvedKeys = {}
        for each in references:
            if not each.url.startswith("did:web:"):
                continue
            try:
                document = await self._document(did_web_url(each.url.partition("#")[0]))
                if document is not None:
                    keys = did_document_keys(document, each.url, purpose="authentication", now=self.clock())
                    resolved = {**resolved, each: keys}
            except ValueError:
                # What is no DID, or no document of it, leads to no key.
                continue
        return resolved

    async def _document(self, url: str) -> bytes | None:
        if urlsplit(url).netloc not in self.hosts:
            return None
        document, until = self._documents.get(url, (b"", 0))
        if self.clock() >= until:
            if len(self._documents) >= MAX_DOCUMENTS:
                self._documents.clear()
            fetched = await fetch(self.client, url, DID_MEDIA_TYPES, max_bytes=MAX_DOCUMENT)
            if fetched is None:
                return None
            document = fetched
            self._documents[url] = (document, self.clock() + self.lifetime)
        return document
