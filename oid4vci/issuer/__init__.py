"""The Credential Issuer: read, verify, decide, finish."""

from oid4vci.issuer.credential_issuer import Issuer, IssuerCall
from oid4vci.issuer.credential_order import CredentialDraft, CredentialOrder
from oid4vci.issuer.credential_request import CredentialCall
from oid4vci.issuer.notification import NotificationCall, NotificationOrder
from oid4vci.issuer.open_endpoints import KeysCall, MetadataCall, NonceCall, OfferCall, PublishedOffer

__all__ = (
    "CredentialCall",
    "CredentialDraft",
    "CredentialOrder",
    "Issuer",
    "IssuerCall",
    "KeysCall",
    "MetadataCall",
    "NonceCall",
    "NotificationCall",
    "NotificationOrder",
    "OfferCall",
    "PublishedOffer",
)
