"""The Credential Issuer: read, verify, decide, finish."""

from oid4vci.issuer.credential_issuer import Issuer, IssuerCall
from oid4vci.issuer.credential_order import CredentialDraft, CredentialOrder
from oid4vci.issuer.credential_request import CredentialCall
from oid4vci.issuer.deferred_draft import DeferredDraft
from oid4vci.issuer.deferred_order import DeferredOrder
from oid4vci.issuer.deferred_request import DeferredCall
from oid4vci.issuer.metadata_endpoint import MetadataCall, MetadataReplyDraft
from oid4vci.issuer.notification import NotificationCall, NotificationOrder
from oid4vci.issuer.open_endpoints import NonceCall, OfferCall, PublishedOffer
from oid4vci.issuer.transaction import Decision, Deferral, StoredTransaction, Transaction

__all__ = (
    "CredentialCall",
    "CredentialDraft",
    "CredentialOrder",
    "Decision",
    "Deferral",
    "DeferredCall",
    "DeferredDraft",
    "DeferredOrder",
    "Issuer",
    "IssuerCall",
    "MetadataCall",
    "MetadataReplyDraft",
    "NonceCall",
    "NotificationCall",
    "NotificationOrder",
    "OfferCall",
    "PublishedOffer",
    "StoredTransaction",
    "Transaction",
)
