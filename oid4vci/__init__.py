"""OpenID for Verifiable Credential Issuance 1.0: issuer, wallet and authorization server as a pure protocol library.

The names below are the public ones. Each is imported from its room when it is first used, so that a wallet does not load the
issuer, and nobody loads a credential format before there is a credential.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from oid4vci.authorization_server import (
        AuthorizationCall,
        AuthorizationOrder,
        AuthorizationServer,
        PendingAuthorization,
        PushedRequestCall,
        TokenCall,
        TokenDraft,
        TokenOrder,
    )
    from oid4vci.claims import ClaimsDescription, ClaimsSemantics
    from oid4vci.data_integrity.contexts import Contexts
    from oid4vci.dids import DID_METHODS, DidMethod
    from oid4vci.drive import AsyncHost, Host, Together, aanswer, answer, arespond, arun, respond, run
    from oid4vci.errors import (
        Advice,
        AttestationExpired,
        AuthorizationDenied,
        AuthorizationRefused,
        InvalidCredential,
        InvalidMetadata,
        InvalidOffer,
        InvalidResponse,
        ProtocolError,
        Refusal,
        Refused,
        StatusUnknown,
        TryLater,
        TxCodeRequired,
        Untrusted,
        WalletError,
        WrongTxCode,
    )
    from oid4vci.formats import CREDENTIAL_FORMATS, CredentialFormat, KnownFormats, VerifiedCredential
    from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
    from oid4vci.formats.ldp_vc import LdpVcEncoder, LdpVcVerifier
    from oid4vci.formats.mdoc import MdocEncoder, MdocVerifier
    from oid4vci.formats.mdoc_certificates import CertificateProfile
    from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder, SdJwtVcVerifier
    from oid4vci.formats.type_metadata import CredentialType, TypeMetadata
    from oid4vci.formats.vc_jwt import VcJwtConfiguration, VcJwtEncoder, VcJwtVerifier
    from oid4vci.formats.vc_sd_jwt import VcSdJwtConfiguration, VcSdJwtEncoder, VcSdJwtVerifier
    from oid4vci.http import Form, Headers, Request, Response
    from oid4vci.issuer import CredentialCall, CredentialDraft, CredentialOrder, Issuer, PublishedOffer
    from oid4vci.keys import KeyReference, LocalSigner, PublicKey, RemoteSigner, ResolvedKeys, SigningInput, ecdsa_signature
    from oid4vci.memory import MemoryStore
    from oid4vci.metadata import (
        AuthorizationServerMetadata,
        BatchCredentialIssuance,
        ClientMetadata,
        CredentialConfiguration,
        CredentialDefinition,
        CredentialDisplay,
        CredentialIssuerMetadata,
        CredentialMetadata,
        IssuerDisplay,
        JwtVcJsonConfiguration,
        JwtVcJsonLdConfiguration,
        LdpVcConfiguration,
        MsoMdocConfiguration,
        ProofType,
        SdJwtVcConfiguration,
    )
    from oid4vci.nonces import Nonces
    from oid4vci.oauth.access_tokens import AccessTokens, MintedAccessTokens, NewAccessToken, SealedAccessTokens
    from oid4vci.oauth.authorization_codes import AuthorizationCodes
    from oid4vci.oauth.authorization_requests import RequestedCredentials, requested_credentials
    from oid4vci.oauth.client_assertion import PrivateKeyJwt
    from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
    from oid4vci.oauth.client_attester import client_attestation_signing_input
    from oid4vci.oauth.client_authentication import AuthenticatedClient, ClientAuthenticationMethod, PublicClient, read_client
    from oid4vci.oauth.dpop import Dpop, DpopNonces, dpop_signing_input
    from oid4vci.oauth.grants import RedeemableGrant
    from oid4vci.oauth.introspection import IntrospectedAccessTokens, Introspection
    from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens, TrustedAuthorizationServer, TrustedJwtAccessTokens
    from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorized, PreAuthorizedCodes
    from oid4vci.oauth.protected_resource import ProtectedResource
    from oid4vci.oauth.refresh_tokens import RefreshTokens
    from oid4vci.oauth.several_access_tokens import SeveralAccessTokens
    from oid4vci.offers import AuthorizationCodeGrant, CredentialOffer, PreAuthorizedCodeGrant, TxCode
    from oid4vci.qr import qr_svg, qr_text
    from oid4vci.records import Change, Insert, Key, Record, Records, Reply, Store, Swap
    from oid4vci.sealed import SealingKeys
    from oid4vci.secret import NewSecret, new_secret
    from oid4vci.status_list import (
        BitstringStatusChecker,
        BitstringStatusList,
        BitstringStatusListEntry,
        Status,
        StatusChecker,
        StatusList,
        StatusListIndices,
        StatusListOrder,
        StatusLists,
        StatusListSigner,
        StatusReference,
        StatusType,
        StoredStatusList,
    )
    from oid4vci.trust import Trust
    from oid4vci.wallet import (
        Authorizing,
        ClaimView,
        ClientAssertion,
        ClientAuthentication,
        CredentialView,
        Deferred,
        Exchange,
        Issued,
        Offer,
        Opened,
        Order,
        Proofs,
        Session,
        State,
        Wallet,
        WalletAttestation,
        dump,
        load,
    )
    from oid4vci.x509 import Anchors


__all__ = (
    "CREDENTIAL_FORMATS",
    "DID_METHODS",
    "EVERY_CLAIM",
    "GRANT_TYPE",
    "AccessTokens",
    "Advice",
    "Anchors",
    "AsyncHost",
    "AttestationExpired",
    "AuthenticatedClient",
    "AuthorizationCall",
    "AuthorizationCodeGrant",
    "AuthorizationCodes",
    "AuthorizationDenied",
    "AuthorizationOrder",
    "AuthorizationRefused",
    "AuthorizationServer",
    "AuthorizationServerMetadata",
    "Authorizing",
    "BatchCredentialIssuance",
    "BitstringStatusChecker",
    "BitstringStatusList",
    "BitstringStatusListEntry",
    "CertificateProfile",
    "Challenges",
    "Change",
    "ClaimView",
    "ClaimsDescription",
    "ClaimsSemantics",
    "ClientAssertion",
    "ClientAttestation",
    "ClientAuthentication",
    "ClientAuthenticationMethod",
    "ClientMetadata",
    "Contexts",
    "CredentialCall",
    "CredentialConfiguration",
    "CredentialDefinition",
    "CredentialDisplay",
    "CredentialDraft",
    "CredentialFormat",
    "CredentialIssuerMetadata",
    "CredentialMetadata",
    "CredentialOffer",
    "CredentialOrder",
    "CredentialType",
    "CredentialView",
    "Deferred",
    "DidMethod",
    "Dpop",
    "DpopNonces",
    "Exchange",
    "Form",
    "Headers",
    "Host",
    "Insert",
    "IntrospectedAccessTokens",
    "Introspection",
    "InvalidCredential",
    "InvalidMetadata",
    "InvalidOffer",
    "InvalidResponse",
    "Issued",
    "Issuer",
    "IssuerDisplay",
    "JwtAccessTokens",
    "JwtVcEncoder",
    "JwtVcJsonConfiguration",
    "JwtVcJsonLdConfiguration",
    "JwtVcVerifier",
    "Key",
    "KeyReference",
    "KnownFormats",
    "LdpVcConfiguration",
    "LdpVcEncoder",
    "LdpVcVerifier",
    "LocalSigner",
    "MdocEncoder",
    "MdocVerifier",
    "MemoryStore",
    "MintedAccessTokens",
    "MsoMdocConfiguration",
    "NewAccessToken",
    "NewSecret",
    "Nonces",
    "Offer",
    "Opened",
    "Order",
    "PendingAuthorization",
    "PreAuthorized",
    "PreAuthorizedCodeGrant",
    "PreAuthorizedCodes",
    "PrivateKeyJwt",
    "ProofType",
    "Proofs",
    "ProtectedResource",
    "ProtocolError",
    "PublicClient",
    "PublicKey",
    "PublishedOffer",
    "PushedRequestCall",
    "Record",
    "Records",
    "RedeemableGrant",
    "RefreshTokens",
    "Refusal",
    "Refused",
    "RemoteSigner",
    "Reply",
    "Request",
    "RequestedCredentials",
    "ResolvedKeys",
    "Response",
    "SdJwtVcConfiguration",
    "SdJwtVcEncoder",
    "SdJwtVcVerifier",
    "SealedAccessTokens",
    "SealingKeys",
    "Session",
    "SeveralAccessTokens",
    "SigningInput",
    "State",
    "Status",
    "StatusChecker",
    "StatusList",
    "StatusListIndices",
    "StatusListOrder",
    "StatusListSigner",
    "StatusLists",
    "StatusReference",
    "StatusType",
    "StatusUnknown",
    "Store",
    "StoredStatusList",
    "Swap",
    "Together",
    "TokenCall",
    "TokenDraft",
    "TokenOrder",
    "Trust",
    "TrustedAuthorizationServer",
    "TrustedJwtAccessTokens",
    "TryLater",
    "TxCode",
    "TxCodeRequired",
    "TypeMetadata",
    "Untrusted",
    "VcJwtConfiguration",
    "VcJwtEncoder",
    "VcJwtVerifier",
    "VcSdJwtConfiguration",
    "VcSdJwtEncoder",
    "VcSdJwtVerifier",
    "VerifiedCredential",
    "Wallet",
    "WalletAttestation",
    "WalletError",
    "WrongTxCode",
    "aanswer",
    "answer",
    "arespond",
    "arun",
    "client_attestation_signing_input",
    "dpop_signing_input",
    "dump",
    "ecdsa_signature",
    "load",
    "new_secret",
    "qr_svg",
    "qr_text",
    "read_client",
    "requested_credentials",
    "respond",
    "run",
)

# The names of each room, separated by spaces.
_HOMES: Final = {
    "oid4vci.authorization_server": (
        "AuthorizationCall AuthorizationOrder AuthorizationServer PendingAuthorization PushedRequestCall TokenCall "
        "TokenDraft TokenOrder"
    ),
    "oid4vci.claims": "ClaimsDescription ClaimsSemantics",
    "oid4vci.data_integrity.contexts": "Contexts",
    "oid4vci.dids": "DID_METHODS DidMethod",
    "oid4vci.drive": "AsyncHost Host Together aanswer answer arespond arun respond run",
    "oid4vci.errors": (
        "Advice AttestationExpired AuthorizationDenied AuthorizationRefused InvalidCredential InvalidMetadata "
        "InvalidOffer InvalidResponse ProtocolError Refusal Refused StatusUnknown TryLater TxCodeRequired Untrusted "
        "WalletError WrongTxCode"
    ),
    "oid4vci.formats": "CREDENTIAL_FORMATS CredentialFormat KnownFormats VerifiedCredential",
    "oid4vci.formats.jwt_vc": "JwtVcEncoder JwtVcVerifier",
    "oid4vci.formats.ldp_vc": "LdpVcEncoder LdpVcVerifier",
    "oid4vci.formats.mdoc": "MdocEncoder MdocVerifier",
    "oid4vci.formats.mdoc_certificates": "CertificateProfile",
    "oid4vci.formats.sd_jwt_vc": "EVERY_CLAIM SdJwtVcEncoder SdJwtVcVerifier",
    "oid4vci.formats.type_metadata": "CredentialType TypeMetadata",
    "oid4vci.formats.vc_jwt": "VcJwtConfiguration VcJwtEncoder VcJwtVerifier",
    "oid4vci.formats.vc_sd_jwt": "VcSdJwtConfiguration VcSdJwtEncoder VcSdJwtVerifier",
    "oid4vci.http": "Form Headers Request Response",
    "oid4vci.issuer": "CredentialCall CredentialDraft CredentialOrder Issuer PublishedOffer",
    "oid4vci.keys": "KeyReference LocalSigner PublicKey RemoteSigner ResolvedKeys SigningInput ecdsa_signature",
    "oid4vci.memory": "MemoryStore",
    "oid4vci.metadata": (
        "AuthorizationServerMetadata BatchCredentialIssuance ClientMetadata CredentialConfiguration CredentialDefinition "
        "CredentialDisplay CredentialIssuerMetadata CredentialMetadata IssuerDisplay JwtVcJsonConfiguration "
        "JwtVcJsonLdConfiguration LdpVcConfiguration MsoMdocConfiguration ProofType SdJwtVcConfiguration"
    ),
    "oid4vci.nonces": "Nonces",
    "oid4vci.oauth.access_tokens": "AccessTokens MintedAccessTokens NewAccessToken SealedAccessTokens",
    "oid4vci.oauth.authorization_codes": "AuthorizationCodes",
    "oid4vci.oauth.authorization_requests": "RequestedCredentials requested_credentials",
    "oid4vci.oauth.client_assertion": "PrivateKeyJwt",
    "oid4vci.oauth.client_attestation": "Challenges ClientAttestation",
    "oid4vci.oauth.client_attester": "client_attestation_signing_input",
    "oid4vci.oauth.client_authentication": "AuthenticatedClient ClientAuthenticationMethod PublicClient read_client",
    "oid4vci.oauth.dpop": "Dpop DpopNonces dpop_signing_input",
    "oid4vci.oauth.grants": "RedeemableGrant",
    "oid4vci.oauth.introspection": "IntrospectedAccessTokens Introspection",
    "oid4vci.oauth.jwt_access_tokens": "JwtAccessTokens TrustedAuthorizationServer TrustedJwtAccessTokens",
    "oid4vci.oauth.pre_authorized": "GRANT_TYPE PreAuthorized PreAuthorizedCodes",
    "oid4vci.oauth.protected_resource": "ProtectedResource",
    "oid4vci.oauth.refresh_tokens": "RefreshTokens",
    "oid4vci.oauth.several_access_tokens": "SeveralAccessTokens",
    "oid4vci.offers": "AuthorizationCodeGrant CredentialOffer PreAuthorizedCodeGrant TxCode",
    "oid4vci.qr": "qr_svg qr_text",
    "oid4vci.records": "Change Insert Key Record Records Reply Store Swap",
    "oid4vci.sealed": "SealingKeys",
    "oid4vci.secret": "NewSecret new_secret",
    "oid4vci.status_list": (
        "BitstringStatusChecker BitstringStatusList BitstringStatusListEntry Status StatusChecker StatusList "
        "StatusListIndices StatusListOrder StatusListSigner StatusLists StatusReference StatusType StoredStatusList"
    ),
    "oid4vci.trust": "Trust",
    "oid4vci.wallet": (
        "Authorizing ClaimView ClientAssertion ClientAuthentication CredentialView Deferred Exchange Issued Offer Opened "
        "Order Proofs Session State Wallet WalletAttestation dump load"
    ),
    "oid4vci.x509": "Anchors",
}


if not TYPE_CHECKING:
    # Hidden from type checkers, which would take it to mean that every name is there.
    def __getattr__(name: str) -> Any:
        home = next((home for home, names in _HOMES.items() if name in names.split()), None)
        if home is None:
            raise AttributeError(f"module 'oid4vci' has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(home), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
