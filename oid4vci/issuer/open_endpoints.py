"""The endpoints that need no Access Token and no decision: nonces, offers by reference (OID4VCI 7, 4.1.3)."""

from typing import TYPE_CHECKING, Final

from attrs import field, frozen

from oid4vci.errors import NotFound
from oid4vci.http import Response
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.nonces import Nonces
from oid4vci.offers import CredentialOffer, offer_response, reference_uri
from oid4vci.records import Change, Key, Records, Reply
from oid4vci.sealed import SealingKeys

if TYPE_CHECKING:
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("OFFER", "NonceCall", "OfferCall", "PublishedOffer")

OFFER: Final = "credential_offer"
MAX_SEALED_OFFER: Final = 1 << 20


@frozen
class NonceCall:
    """A Nonce Request."""

    issuer: "Issuer"
    nonces: Nonces
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """A fresh `c_nonce` with `Cache-Control: no-store`, and a `DPoP-Nonce` if proofs must have one (OID4VCI 7.2)."""
        nonce, dpop = self.nonces.new(self.issuer.identifier, now=now, new_secret=self.issuer.new_secret), self.issuer.dpop
        return Reply(Response.of_json(200, {"c_nonce": nonce}, None if dpop is None else dpop.nonce_headers(now=now)))


@frozen
class PublishedOffer:
    """An offer by reference: commit `changes`, then show `uri()`."""

    url: str = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)

    def uri(self, endpoint: str = "openid-credential-offer://") -> str:
        """The URI that invokes a Wallet at its Credential Offer Endpoint."""
        return reference_uri(self.url, endpoint=endpoint)


@frozen
class OfferCall:
    """A request for an offer by reference."""

    offer_id: str = field(repr=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The stored offer."""
        return (Key.of(OFFER, self.offer_id),)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The offer as `application/json` (OID4VCI 4.1.3). Raises `NotFound`."""
        record = records.get(*self.lookups)
        if record is None or record.expires_at <= now:
            raise NotFound("there is no such credential offer, or no longer")
        offer = SealingKeys.named_by(self.offer_id).open(OFFER, record.data["sealed"], max_size=MAX_SEALED_OFFER)
        return Reply(offer_response(CredentialOffer.from_json(offer)))
