"""The stored forms of `Opened` and `Session`."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from oid4vci._document import Document, array, boolean, integer, json_object, mapping, nested, string, wire
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata, SignedMetadata
from oid4vci.offers import CredentialOffer, check_offer
from oid4vci.wallet.issuer_metadata import check_signed
from oid4vci.wallet.opened import Opened, demand_issuer_endpoints, demand_token_endpoint
from oid4vci.wallet.session import ACCESS_TOKEN, Session
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.storage.members import TEXT, require
from oid4vci.wallet.storage.sender import StoredSender

__all__ = ("StoredOpened", "StoredSession")


@frozen(kw_only=True)
class StoredSignedMetadata(Document):
    """A `SignedMetadata`: what was received and when."""

    jwt: str = field(metadata=wire(TEXT))
    verified_at: int = field(metadata=wire(integer()))

    def restore(self, wallet: Wallet, credential_issuer: str) -> SignedMetadata:
        """The metadata, verified against the Wallet's present trust for the time of their receipt."""
        return SignedMetadata.verify(self.jwt, credential_issuer=credential_issuer, trust=wallet.trust, now=self.verified_at)


@frozen(kw_only=True)
class StoredOpened(Document):
    """An `Opened`."""

    offer: CredentialOffer = field(metadata=wire(nested(CredentialOffer)))
    # Which classes its configurations have is for the Wallet that reads it to say. None: they are in the signed ones.
    metadata: Mapping[str, Any] | None = field(default=None, metadata=wire(json_object()))
    signed_metadata: StoredSignedMetadata | None = field(default=None, metadata=wire(nested(StoredSignedMetadata)))
    server: AuthorizationServerMetadata = field(metadata=wire(nested(AuthorizationServerMetadata)))

    @classmethod
    def of(cls, opened: Opened) -> "StoredOpened":
        """The stored form."""
        signed = opened.signed_metadata
        return cls(
            offer=opened.offer,
            metadata=opened.metadata.to_json() if signed is None else None,
            signed_metadata=None if signed is None else StoredSignedMetadata(jwt=signed.jwt, verified_at=signed.verified_at),
            server=opened.server,
        )

    def restore(self, wallet: Wallet) -> Opened:
        """The state."""
        require((self.metadata is None) != (self.signed_metadata is None), "metadata")
        try:
            stored, identifier = self.signed_metadata, self.offer.credential_issuer
            signed = None if stored is None else stored.restore(wallet, identifier)
            check_signed(wallet.trust, signed)
            members = self.metadata if signed is None else signed.parameters
            metadata = CredentialIssuerMetadata.from_json(members, classes=wallet.configuration_classes)
        except Malformed as error:
            raise error.within("metadata") from None
        check_offer(self.offer, metadata)
        # The trust decision may be another one by now.
        for identifier in (metadata.credential_issuer, self.server.issuer):
            wallet.trust.demand(identifier)
        demand_issuer_endpoints(wallet, metadata)
        require(self.server.issuer in metadata.servers, "server")
        return Opened(wallet, self.offer, metadata, self.server, demand_token_endpoint(wallet, self.server), signed)


@frozen(kw_only=True)
class StoredSession(Document):
    """A `Session`."""

    opened: StoredOpened = field(metadata=wire(nested(StoredOpened)))
    access_token: str = field(repr=False, metadata=wire(ACCESS_TOKEN))
    sender: StoredSender = field(metadata=wire(nested(StoredSender)))
    configuration_ids: tuple[str, ...] = field(metadata=wire(array(string())))
    credential_identifiers: Mapping[str, tuple[str, ...]] | None = field(
        default=None, metadata=wire(mapping(array(string()), minimum=1))
    )
    granted: Mapping[str, tuple[str, ...]] = field(metadata=wire(mapping(array(string(), minimum=0))))
    by_scope: bool = field(metadata=wire(boolean()))
    claims: Mapping[str, tuple[ClaimsDescription, ...]] = field(
        factory=dict, metadata=wire(mapping(array(nested(ClaimsDescription))))
    )
    expires_in: int | None = field(default=None, metadata=wire(integer(minimum=0)))
    refresh_token: str | None = field(default=None, repr=False, metadata=wire(TEXT))

    @classmethod
    def of(cls, session: Session) -> "StoredSession":
        """The stored form."""
        return cls(
            opened=StoredOpened.of(session.opened),
            access_token=session.access_token,
            sender=StoredSender.of(session.sender),
            configuration_ids=session.configuration_ids,
            credential_identifiers=session.credential_identifiers,
            granted=session.granted,
            by_scope=session.by_scope,
            claims=session.claims,
            expires_in=session.expires_in,
            refresh_token=session.refresh_token,
        )

    def restore(self, wallet: Wallet) -> Session:
        """The state."""
        opened, identifiers = self.opened.restore(wallet), self.credential_identifiers
        require(set(self.granted) <= set(opened.offer.credential_configuration_ids), "granted")
        require(set(self.configuration_ids) <= set(self.granted), "configuration_ids")
        require(identifiers is None or set(identifiers) == set(self.configuration_ids), "credential_identifiers")
        require(set(self.claims) <= set(self.granted), "claims")
        return Session(
            opened=opened,
            access_token=self.access_token,
            sender=self.sender.restore(wallet, opened.server),
            configuration_ids=self.configuration_ids,
            credential_identifiers=identifiers,
            granted=self.granted,
            by_scope=self.by_scope,
            claims=self.claims,
            expires_in=self.expires_in,
            refresh_token=self.refresh_token,
        )
