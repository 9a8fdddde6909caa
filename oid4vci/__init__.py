"""OpenID for Verifiable Credential Issuance 1.0: issuer, wallet and authorization server as a pure protocol library.

The names below are the public ones. Each is imported from its room when it is first used, so that a wallet does not load the
issuer, and nobody loads a credential format before there is a credential.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from oid4vci.authorization_server import AuthorizationServer, TokenCall, TokenDraft, TokenOrder
    from oid4vci.drive import AsyncHost, Host, Together, arespond, arun, respond, run
    from oid4vci.errors import (
        Advice,
        InvalidCredential,
        InvalidMetadata,
        InvalidOffer,
        InvalidResponse,
        ProtocolError,
        Refusal,
        Refused,
        TryLater,
        TxCodeRequired,
        Untrusted,
        WalletError,
        WrongTxCode,
    )
    from oid4vci.formats import VerifiedCredential
    from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder, SdJwtVcVerifier
    from oid4vci.http import Form, Headers, Request, Response
    from oid4vci.issuer import CredentialCall, CredentialDraft, CredentialOrder, Issuer, PublishedOffer
    from oid4vci.keys import KeyReference, LocalSigner, PublicKey, RemoteSigner, ResolvedKeys, SigningInput, ecdsa_signature
    from oid4vci.memory import MemoryStore
    from oid4vci.metadata import (
        AuthorizationServerMetadata,
        BatchCredentialIssuance,
        CredentialConfiguration,
        CredentialDisplay,
        CredentialIssuerMetadata,
        CredentialMetadata,
        IssuerDisplay,
        ProofType,
        SdJwtVcConfiguration,
    )
    from oid4vci.nonces import Nonces
    from oid4vci.oauth.access_tokens import AccessTokens, SealedAccessTokens
    from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorized, PreAuthorizedCodes, RedeemableGrant
    from oid4vci.offers import CredentialOffer, PreAuthorizedCodeGrant, TxCode
    from oid4vci.qr import qr_svg, qr_text
    from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Store, Swap
    from oid4vci.sealed import SealingKeys
    from oid4vci.secret import NewSecret, new_secret
    from oid4vci.trust import Trust
    from oid4vci.wallet import Deferred, Exchange, Issued, Offer, Opened, Order, Proofs, Session, State, Wallet, dump, load
    from oid4vci.x509 import Anchors

__all__ = (
    "EVERY_CLAIM",
    "GRANT_TYPE",
    "AccessTokens",
    "Advice",
    "Anchors",
    "AsyncHost",
    "AuthorizationServer",
    "AuthorizationServerMetadata",
    "BatchCredentialIssuance",
    "Change",
    "CredentialCall",
    "CredentialConfiguration",
    "CredentialDisplay",
    "CredentialDraft",
    "CredentialIssuerMetadata",
    "CredentialMetadata",
    "CredentialOffer",
    "CredentialOrder",
    "Deferred",
    "Exchange",
    "Form",
    "Headers",
    "Host",
    "Insert",
    "InvalidCredential",
    "InvalidMetadata",
    "InvalidOffer",
    "InvalidResponse",
    "Issued",
    "Issuer",
    "IssuerDisplay",
    "Key",
    "KeyReference",
    "LocalSigner",
    "MemoryStore",
    "NewSecret",
    "Nonces",
    "Offer",
    "Opened",
    "Order",
    "PreAuthorized",
    "PreAuthorizedCodeGrant",
    "PreAuthorizedCodes",
    "ProofType",
    "Proofs",
    "ProtocolError",
    "PublicKey",
    "PublishedOffer",
    "Record",
    "Records",
    "RedeemableGrant",
    "Refusal",
    "Refused",
    "RemoteSigner",
    "Reply",
    "Request",
    "ResolvedKeys",
    "Response",
    "SdJwtVcConfiguration",
    "SdJwtVcEncoder",
    "SdJwtVcVerifier",
    "SealedAccessTokens",
    "SealingKeys",
    "Session",
    "SigningInput",
    "State",
    "Store",
    "Swap",
    "Together",
    "TokenCall",
    "TokenDraft",
    "TokenOrder",
    "Trust",
    "TryLater",
    "TxCode",
    "TxCodeRequired",
    "Untrusted",
    "VerifiedCredential",
    "Wallet",
    "WalletError",
    "WrongTxCode",
    "arespond",
    "arun",
    "dump",
    "ecdsa_signature",
    "load",
    "new_secret",
    "qr_svg",
    "qr_text",
    "respond",
    "run",
)

_HOMES: Final = {
    "oid4vci.authorization_server": ("AuthorizationServer", "TokenCall", "TokenDraft", "TokenOrder"),
    "oid4vci.drive": ("AsyncHost", "Host", "Together", "arespond", "arun", "respond", "run"),
    "oid4vci.errors": (
        "Advice",
        "InvalidCredential",
        "InvalidMetadata",
        "InvalidOffer",
        "InvalidResponse",
        "ProtocolError",
        "Refusal",
        "Refused",
        "TryLater",
        "TxCodeRequired",
        "Untrusted",
        "WalletError",
        "WrongTxCode",
    ),
    "oid4vci.formats": ("VerifiedCredential",),
    "oid4vci.formats.sd_jwt_vc": ("EVERY_CLAIM", "SdJwtVcEncoder", "SdJwtVcVerifier"),
    "oid4vci.http": ("Form", "Headers", "Request", "Response"),
    "oid4vci.issuer": ("CredentialCall", "CredentialDraft", "CredentialOrder", "Issuer", "PublishedOffer"),
    "oid4vci.keys": (
        "KeyReference",
        "LocalSigner",
        "PublicKey",
        "RemoteSigner",
        "ResolvedKeys",
        "SigningInput",
        "ecdsa_signature",
    ),
    "oid4vci.memory": ("MemoryStore",),
    "oid4vci.metadata": (
        "AuthorizationServerMetadata",
        "BatchCredentialIssuance",
        "CredentialConfiguration",
        "CredentialDisplay",
        "CredentialIssuerMetadata",
        "CredentialMetadata",
        "IssuerDisplay",
        "ProofType",
        "SdJwtVcConfiguration",
    ),
    "oid4vci.nonces": ("Nonces",),
    "oid4vci.oauth.access_tokens": ("AccessTokens", "SealedAccessTokens"),
    "oid4vci.oauth.pre_authorized": ("GRANT_TYPE", "PreAuthorized", "PreAuthorizedCodes", "RedeemableGrant"),
    "oid4vci.offers": ("CredentialOffer", "PreAuthorizedCodeGrant", "TxCode"),
    "oid4vci.qr": ("qr_svg", "qr_text"),
    "oid4vci.records": ("Change", "Insert", "Key", "Record", "Records", "Reply", "Store", "Swap"),
    "oid4vci.sealed": ("SealingKeys",),
    "oid4vci.secret": ("NewSecret", "new_secret"),
    "oid4vci.trust": ("Trust",),
    "oid4vci.wallet": (
        "Deferred",
        "Exchange",
        "Issued",
        "Offer",
        "Opened",
        "Order",
        "Proofs",
        "Session",
        "State",
        "Wallet",
        "dump",
        "load",
    ),
    "oid4vci.x509": ("Anchors",),
}


if not TYPE_CHECKING:
    # Hidden from type checkers, which would take it to mean that every name is there.
    def __getattr__(name: str) -> Any:
        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'oid4vci' has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(home), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
