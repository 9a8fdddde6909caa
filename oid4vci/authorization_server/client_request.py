"""A request of a client: who it is, and which DPoP key it proves. The same at the pushed request and the token endpoint."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from oid4vci.errors import InvalidDpopProof, InvalidRequest
from oid4vci.http import Form, Request
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_authentication import NONE, AuthenticatedClient, ReadClient, read_client
from oid4vci.oauth.dpop import DpopProof, ReadDpopProof
from oid4vci.records import Change, Key, Records

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("ClientCall", "VerifiedClient", "read_client_request")


def read_client_request(
    server: "AuthorizationServer", request: Request, form: Form, *, endpoint: str, pre_authorized: bool = False
) -> "ClientCall":
    """The client and the proof of a request to `endpoint`, a URL.

    Who names no client is refused with `invalid_client` by the Pre-Authorized Code grant, unless it takes anonymous clients
    (OID4VCI 6.3), and by everything else with `invalid_request`, for a parameter is missing (RFC 6749 4.1.3).

    Raises `InvalidRequest`, `InvalidClient`, `InvalidDpopProof`.
    """
    anonymous = server.metadata.anonymous_access if pre_authorized else NONE in server.client_authentication
    client = read_client(
        request,
        form,
        methods=server.client_authentication,
        registered=server.registered,
        issuer=server.identifier,
        endpoint=endpoint,
        anonymous=anonymous,
    )
    if client.client_id is None and not pre_authorized:
        raise InvalidRequest("client_id is missing")
    proof = None if server.dpop is None else server.dpop.read(request, url=endpoint)
    return ClientCall(server, client, proof)


@frozen
class ClientCall:
    """Client and proof of a request: parsed, nothing believed."""

    server: "AuthorizationServer" = field(repr=False)
    client: ReadClient
    proof: ReadDpopProof | None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load."""
        return (*self.client.lookups, *(() if self.proof is None else self.proof.lookups))

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The outside keys to resolve."""
        return self.client.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> "VerifiedClient":
        """Check both. Nothing is consumed yet, so that a request that is answered with a nonce can be sent again as it is.

        Raises `InvalidClient`, `UseAttestationChallenge`, `UseFreshAttestation`, `InvalidDpopProof`, `UseDpopNonce`.
        """
        client = self.client.verify(records, keys=keys, now=now)
        proof = None if self.proof is None else self.proof.verify(records, now=now)
        server = self.server
        registration = server.other_clients if client.client_id is None else server.registered(client.client_id)
        return VerifiedClient(client, registration or ClientMetadata(), proof)


@frozen
class VerifiedClient:
    """A client that is who it says, and its proof."""

    client: AuthenticatedClient
    registration: ClientMetadata
    proof: DpopProof | None

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the proved DPoP key."""
        return None if self.proof is None else self.proof.jkt

    @property
    def changes(self) -> tuple[Change, ...]:
        """What uses up the proofs of this request."""
        return (*self.client.changes, *(() if self.proof is None else self.proof.changes))

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for the response: the next nonce and the next challenge, if they are due."""
        return {**self.client.headers, **({} if self.proof is None else self.proof.headers)}

    def demand_dpop(self, server: "AuthorizationServer") -> None:
        """Raises `InvalidDpopProof` if there must be a proof and is none (RFC 9449 5.2)."""
        if self.proof is None and (server.dpop_required or self.registration.dpop_bound_access_tokens):
            raise InvalidDpopProof("a DPoP proof is needed")
