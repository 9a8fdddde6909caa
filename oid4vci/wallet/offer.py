"""From what invoked the Wallet to an opened offer: the offer, the issuer's metadata, the server's metadata (OID4VCI 4, 12)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from attrs import evolve, frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidMetadata, InvalidOffer, TryLater, Untrusted, WalletError
from oid4vci.http import Response
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    CredentialIssuerMetadata,
    SignedMetadata,
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
from oid4vci.wallet.exchange import JSON, Exchange, get, json_object
from oid4vci.wallet.haip import issuer_refusal, server_refusal
from oid4vci.wallet.issuer_metadata import MetadataRequest
from oid4vci.wallet.message_encryption import message_encryption
from oid4vci.wallet.opened import Opened, demand_issuer_endpoints, demand_token_endpoint
from oid4vci.wallet.settings import Wallet

__all__ = ("Offer",)

T = TypeVar("T")
D = TypeVar("D")


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

    @classmethod
    def of(cls, credential_issuer: str, *configuration_ids: str) -> Self:
        """An offer of the Wallet's own, without grants: the person asked for these Credentials in the Wallet (OID4VCI 3.3, 13.5).

        `credential_issuer` is the identifier of the Credential Issuer, `configuration_ids` are names of Credential Configurations
        in its metadata: at least one, none twice. All steps are those of an offer that was received. Raises `ValueError`.
        """
        return cls(CredentialOffer(credential_issuer=credential_issuer, credential_configuration_ids=configuration_ids))

    def open(self, wallet: Wallet, *, grant_type: str | None = None, now: int | None = None) -> Exchange[Opened]:
        """Fetch the offer if it came by reference, then the metadata of the issuer and of the Authorization Server.

        `grant_type` is the one that the Wallet is going to use, of those that the offer names; each may name an Authorization
        Server of its own (OID4VCI 4.1.1). By default, it is the pre-authorized code grant where the offer has it, else the
        authorization code grant. Of several servers, the first one that supports the grant type is used (OID4VCI 12.2.4).

        The issuer's metadata are asked for signed where the trust has somebody to believe, by `metadata_anchors` or `metadata_keys`
        (OID4VCI 12.2.3). Then `now`, in seconds since the epoch, is needed.

        Each is fetched only if `wallet.trust` allows its URL or identifier, else `Untrusted` is raised, here or by an exchange.
        The exchanges also raise `InvalidOffer`, also for an offer without `grant_type`, and `InvalidMetadata`; for a Wallet that
        goes by HAIP also for metadata that break it, with the rule. Raises `ValueError` if
        `now` is missing.
        """
        MetadataRequest.check_now(wallet.trust, now)
        if isinstance(self.content, CredentialOffer):
            return _Opening(wallet, self.content, grant_type, now).begin()
        wallet.trust.demand(self.content.url)
        # The languages are for the description of the Transaction Code (OID4VCI 4.1.1).
        return Exchange(
            get(self.content.url, locales=wallet.locales),
            lambda response: _Opening(wallet, read_offer_response(response), grant_type, now).begin(),
            InvalidOffer,
        )


def _document(
    wallet: Wallet,
    url: str,
    decode: Callable[[Response], D],
    read: Callable[[D], T | Exchange[T]],
    otherwise: "Callable[[TryLater | Malformed], T | Exchange[T]] | None" = None,
    *,
    accept: str = JSON,
) -> Exchange[T]:
    """A GET for metadata, and another one without the final `/` if they are not found with it.

    `decode` takes them from an answer. `otherwise` says how to go on if there is no such document, or none now.
    """
    fallback = well_known_fallback_url(url)

    def receive(response: Response) -> T | Exchange[T]:
        if response.status == 404 and fallback is not None:
            return _document(wallet, fallback, decode, read, otherwise, accept=accept)
        try:
            document = decode(response)
        except Malformed as error:
            if otherwise is None:
                raise
            return otherwise(error)
        return read(document)

    return Exchange(get(url, locales=wallet.locales, accept=accept), receive, InvalidMetadata, otherwise)


@frozen
class _Opening:
    """An offer that is being opened. `chosen` is the grant type that the application named."""

    wallet: Wallet
    offer: CredentialOffer
    chosen: str | None
    now: int | None
    signed: SignedMetadata | None = None

    def begin(self) -> Exchange[Opened]:
        """Fetch the issuer's metadata."""
        identifier = self.offer.credential_issuer
        self.wallet.trust.demand(identifier)
        if self.chosen is not None and self.offer.grant_types and self.chosen not in self.offer.grant_types:
            raise InvalidOffer("the offer does not have the grant type that the Wallet chose")
        asked = MetadataRequest(self.wallet.trust, identifier, self.now)
        url = credential_issuer_metadata_url(identifier)
        return _document(self.wallet, url, asked.read, self._read_issuer, accept=asked.accept)

    def _read_issuer(self, document: tuple[Mapping[str, Any], SignedMetadata | None]) -> Exchange[Opened]:
        members, signed = document
        metadata = CredentialIssuerMetadata.from_json(members, classes=self.wallet.configuration_classes)
        metadata.check_identifier(self.offer.credential_issuer)
        check_offer(self.offer, metadata)
        if (refusal := issuer_refusal(self.wallet, metadata)) is not None:
            raise refusal
        # Before a code is spent in vain on an issuer that demands what this Wallet cannot do.
        message_encryption(self.wallet, metadata)
        demand_issuer_endpoints(self.wallet, metadata)
        servers = [server for server in self._candidates(metadata) if self.wallet.trust.allow(server)]
        if not servers:
            raise Untrusted("the trust decision does not allow this Authorization Server")
        return evolve(self, signed=signed)._server_metadata(metadata, servers, None)

    @property
    def _grant_type(self) -> str | None:
        """The one to look for; None if the offer has only grants that this Wallet does not know."""
        named = self.offer.grant_types
        if self.chosen is not None or not named:
            return self.chosen or AUTHORIZATION_CODE
        return next((each for each in (PRE_AUTHORIZED_CODE, AUTHORIZATION_CODE) if each in named), None)

    def _candidates(self, metadata: CredentialIssuerMetadata) -> Sequence[str]:
        """The Authorization Servers to choose from: the one that the grant names, which `check_offer` found, else all."""
        hint = None if self._grant_type is None else self.offer.authorization_server(self._grant_type)
        return metadata.servers if hint is None else (hint,)

    def _server_metadata(
        self,
        metadata: CredentialIssuerMetadata,
        identifiers: Sequence[str],
        doubtful: AuthorizationServerMetadata | None,
        failure: WalletError | None = None,
    ) -> Exchange[Opened]:
        """Fetch the metadata of the first of `identifiers`.

        `doubtful` is a server before them that may not support the grant, `failure` what the first unusable one was about.
        """
        identifier, *others = identifiers

        def go_on(best: AuthorizationServerMetadata | None, failure: WalletError | None) -> Opened | Exchange[Opened]:
            if others:
                return self._server_metadata(metadata, others, best, failure)
            if best is None:
                raise failure or InvalidMetadata("no Authorization Server of this issuer supports the grant type of the offer")
            return self._opened(metadata, best)

        def otherwise(error: WalletError | Malformed) -> Opened | Exchange[Opened]:
            return go_on(doubtful, failure or (error if isinstance(error, WalletError) else None))

        def read(members: dict[str, Any]) -> Opened | Exchange[Opened]:
            server = AuthorizationServerMetadata.from_json(members)
            server.check_identifier(identifier)
            if (refusal := server_refusal(self.wallet, server)) is not None:
                return otherwise(refusal)
            supports = self._supports(server)
            if not supports:
                return go_on(server if supports is None and doubtful is None else doubtful, failure)
            try:
                return self._opened(metadata, server)
            except Untrusted as error:
                return otherwise(error)

        # A server that is gone does not stop an offer that another one can serve.
        another = others or doubtful is not None or failure is not None
        url = authorization_server_metadata_url(identifier)
        return _document(self.wallet, url, json_object, read, otherwise if another else None)

    def _supports(self, server: AuthorizationServerMetadata) -> bool | None:
        """Whether the server supports the grant type; None if that is in doubt, and the server is for want of a better one.

        RFC 8414 2 reads no list as one without the pre-authorized code grant, but many servers that support it leave the list
        out. Where neither the offer nor the application names a grant type, a server without the authorization code grant
        leaves only what the Wallet does not know of.
        """
        grant_type = self._grant_type
        if grant_type is None:
            return True
        if grant_type not in server.grant_types:
            demanded = self.chosen is not None or self.offer.grant_types
            return False if demanded and server.grant_types_supported is not None else None
        return None if grant_type == AUTHORIZATION_CODE and server.authorization_endpoint is None else True

    def _opened(self, metadata: CredentialIssuerMetadata, server: AuthorizationServerMetadata) -> Opened:
        endpoint = demand_token_endpoint(self.wallet, server)
        return Opened(self.wallet, self.offer, metadata, server, endpoint, self.signed)
