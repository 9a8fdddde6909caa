"""From what invoked the Wallet to an opened offer: the offer, the issuer's metadata, the server's metadata (OID4VCI 4, 12)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self, TypeVar

from attrs import frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidMetadata, InvalidOffer, Untrusted
from oid4vci.http import Response
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    CredentialIssuerMetadata,
    authorization_server_metadata_url,
    credential_issuer_metadata_url,
    well_known_fallback_url,
)
from oid4vci.offers import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED_CODE,
    CredentialOffer,
    OfferReference,
    check_offer,
    read_offer_response,
    read_offer_uri,
)
from oid4vci.wallet.exchange import Exchange, get, json_object
from oid4vci.wallet.opened import Opened, demand_endpoints
from oid4vci.wallet.settings import Wallet

__all__ = ("Offer",)

T = TypeVar("T")


@frozen
class Offer:
    """What invoked the Wallet: an offer, or a reference to one. It is well formed and not to be trusted (OID4VCI 13.5).

    Nothing is sent before `open`: let the person agree first (OID4VCI 15.6).
    """

    content: CredentialOffer | OfferReference

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read the URI that invoked the Wallet, of any scheme (OID4VCI 4.1). Raises `InvalidOffer`."""
        return cls(read_offer_uri(uri))

    def open(self, wallet: Wallet) -> Exchange[Opened]:
        """Fetch the offer if it came by reference, then the metadata of the issuer and of the Authorization Server.

        Each is fetched only if `wallet.trust` allows its URL or identifier, else `Untrusted` is raised, here or by an exchange.
        The exchanges also raise `InvalidOffer` and `InvalidMetadata`.
        """
        if isinstance(self.content, CredentialOffer):
            return _issuer_metadata(wallet, self.content)
        wallet.trust.demand(self.content.url)
        # The languages are for the description of the Transaction Code (OID4VCI 4.1.1).
        return Exchange(
            get(self.content.url, locales=wallet.locales),
            lambda response: _issuer_metadata(wallet, read_offer_response(response)),
            InvalidOffer,
        )


def _document(
    wallet: Wallet,
    url: str,
    read: Callable[[dict[str, Any]], T | Exchange[T]],
    otherwise: Callable[[], T | Exchange[T]] | None = None,
) -> Exchange[T]:
    """A GET for metadata, and another one without the final `/` if they are not found with it.

    `otherwise` says how to go on if there is no such document.
    """
    fallback = well_known_fallback_url(url)

    def receive(response: Response) -> T | Exchange[T]:
        if response.status == 404 and fallback is not None:
            return _document(wallet, fallback, read, otherwise)
        try:
            members = json_object(response)
        except Malformed:
            if otherwise is None:
                raise
            return otherwise()
        return read(members)

    return Exchange(get(url, locales=wallet.locales), receive, InvalidMetadata)


def _issuer_metadata(wallet: Wallet, offer: CredentialOffer) -> Exchange[Opened]:
    identifier = offer.credential_issuer
    wallet.trust.demand(identifier)
    return _document(wallet, credential_issuer_metadata_url(identifier), partial(_read_issuer, wallet, offer))


def _read_issuer(wallet: Wallet, offer: CredentialOffer, members: dict[str, Any]) -> Exchange[Opened]:
    metadata = CredentialIssuerMetadata.from_json(members)
    metadata.check_identifier(offer.credential_issuer)
    check_offer(offer, metadata)
    check_encryption(metadata)
    servers = [server for server in _candidates(offer, metadata) if wallet.trust.allow(server)]
    if not servers:
        raise Untrusted("the trust decision does not allow this Authorization Server")
    return _server_metadata(wallet, offer, metadata, servers, None)


def check_encryption(metadata: CredentialIssuerMetadata) -> None:
    """Raise `InvalidMetadata` if the issuer demands encrypted messages (OID4VCI 10), before a code is spent in vain."""
    for encryption in (metadata.credential_request_encryption, metadata.credential_response_encryption):
        if encryption is not None and encryption.encryption_required:
            raise InvalidMetadata("the issuer demands encrypted messages, which this Wallet does not send")


def _grant_type(offer: CredentialOffer) -> str | None:
    if offer.grants is not None and offer.grants.pre_authorized_code is not None:
        return PRE_AUTHORIZED_CODE
    return AUTHORIZATION_CODE if offer.grants is not None and offer.grants.authorization_code is not None else None


def _candidates(offer: CredentialOffer, metadata: CredentialIssuerMetadata) -> Sequence[str]:
    """The Authorization Servers that may be the right one: the one that the offer names, which `check_offer` found, else all."""
    grants = offer.grants
    grant = None if grants is None else grants.pre_authorized_code or grants.authorization_code
    hint = None if grant is None else grant.authorization_server
    return metadata.servers if hint is None else (hint,)


def _server_metadata(
    wallet: Wallet,
    offer: CredentialOffer,
    metadata: CredentialIssuerMetadata,
    identifiers: Sequence[str],
    silent: AuthorizationServerMetadata | None,
) -> Exchange[Opened]:
    """Fetch the metadata of the first of `identifiers`. `silent` is a server before them that does not say what it supports."""
    identifier, *others = identifiers

    def read(members: dict[str, Any]) -> Opened | Exchange[Opened]:
        server = AuthorizationServerMetadata.from_json(members)
        server.check_identifier(identifier)
        supports = _supports(server, _grant_type(offer))
        best = server if supports or (supports is None and silent is None) else silent
        if supports or not others:
            return _opened(wallet, offer, metadata, best)
        return _server_metadata(wallet, offer, metadata, others, best)

    def otherwise() -> Opened | Exchange[Opened]:
        return _server_metadata(wallet, offer, metadata, others, silent) if others else _opened(wallet, offer, metadata, silent)

    # A server that is gone does not stop an offer that another one can serve.
    another = others or silent is not None
    return _document(wallet, authorization_server_metadata_url(identifier), read, otherwise if another else None)


def _supports(server: AuthorizationServerMetadata, grant_type: str | None) -> bool | None:
    """Whether the server supports the grant type; None if it cannot be known, because no list was published.

    RFC 8414 2 reads no list as one without the pre-authorized code grant, but many servers that support it leave the list out.
    """
    if grant_type is None or grant_type in server.grant_types:
        return True
    return None if server.grant_types_supported is None else False


def _opened(
    wallet: Wallet, offer: CredentialOffer, metadata: CredentialIssuerMetadata, server: AuthorizationServerMetadata | None
) -> Opened:
    if server is None:
        raise InvalidMetadata("no Authorization Server of this issuer supports the grant type of the offer")
    if server.token_endpoint is None:
        raise InvalidMetadata("the Authorization Server has no token_endpoint")
    demand_endpoints(wallet, metadata, server)
    return Opened(wallet, offer, metadata, server, server.token_endpoint)
