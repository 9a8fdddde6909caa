"""What other servers publish and requests depend on: keys of clients and attesters, DID documents, status lists."""

import time
from collections.abc import Sequence

import httpx
from attrs import field, frozen

from examples.issuer_alone.jwks import Jwks
from examples.reference_server.attestation_statuses import AttestationStatuses
from examples.reference_server.did_documents import DidDocuments
from examples.reference_server.fetching import new_client
from examples.reference_server.settings import Settings
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.revocation import Statuses, StatusRef
from oid4vci.trust import Trust

__all__ = ("Outside", "outside")

# Seconds that fetched keys are used: who withdraws one does not wait longer.
LIFETIME = 300


@frozen
class Outside:
    """Fetches from the event loop, and only what the settings allow."""

    client: httpx.AsyncClient = field(repr=False)
    jwks: Jwks
    did_documents: DidDocuments
    statuses: AttestationStatuses | None = None

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """The keys that are referred to. Raises `Unavailable`."""
        return {**await self.jwks.resolve(references), **await self.did_documents.resolve(references)}

    async def check_statuses(self, references: Sequence[StatusRef], /) -> Statuses:
        """What is known of what may have been revoked. Raises `Unavailable`."""
        return {} if self.statuses is None else await self.statuses.check(references)


def outside(settings: Settings) -> Outside | None:
    """What the settings name, if they name anything. Raises `ValueError`, `OSError`."""
    attesters = settings.key_attestation
    urls = frozenset((*settings.clients.key_set_urls, *(() if attesters is None else attesters.key_set_urls)))
    lists = () if attesters is None else attesters.status_list_urls
    if not urls and not lists and not settings.did_web_hosts:
        return None
    client = new_client(settings.tls_authorities_file)
    statuses = None
    if attesters is not None and lists:
        statuses = AttestationStatuses(client, Trust(status_anchors=attesters.anchors, allow=attesters.allows), _now)
    return Outside(
        client,
        Jwks(client, urls, _now, lifetime=LIFETIME),
        DidDocuments(client, frozenset(settings.did_web_hosts), _now, lifetime=LIFETIME),
        statuses,
    )


def _now() -> int:
    return int(time.time())
