"""OpenID for Verifiable Credential Issuance 1.0: issuer, wallet and authorization server as a pure protocol library.

The names below are the public ones. Each is imported from its room when it is first used, so that a wallet does not load the
issuer, and nobody loads a credential format before there is a credential.
"""

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "oid4vci.authorization_server": (
        "AuthorizationCall AuthorizationOrder AuthorizationServer PendingAuthorization PushedRequestCall TokenCall "
        "TokenDraft TokenOrder"
    ),
    "oid4vci.claims": "ClaimsDescription ClaimsSemantics",
    "oid4vci.data_integrity.contexts": "Contexts",
    "oid4vci.dids": "DID_METHODS DidDocumentMethod DidMethod DidUrl DidWeb KNOWN_DID_METHODS did_document_keys did_web_url",
    "oid4vci.drive": "AsyncHost AsyncStatusHost Host StatusHost Together aanswer answer arespond arun respond run",
    "oid4vci.encryption": "DecryptionKey Encryption",
    "oid4vci.errors": (
        "Advice AttestationExpired AuthorizationDenied AuthorizationRefused InvalidCredential InvalidMetadata "
        "InvalidOffer InvalidResponse ProtocolError Refusal Refused StatusUnknown TryLater TxCodeRequired "
        "Untrusted WalletError WrongTxCode"
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
    "oid4vci.issuer": (
        "CredentialCall CredentialDraft CredentialOrder Decision Deferral DeferredCall DeferredDraft DeferredOrder "
        "Issuer NotificationCall NotificationOrder PublishedOffer StoredTransaction Transaction"
    ),
    "oid4vci.keys": (
        "DEFAULT_ALGORITHMS KeyReference LocalSigner PublicKey RemoteSigner ResolvedKeys SigningInput "
        "ecdsa_signature public_key"
    ),
    "oid4vci.memory": "MemoryStore",
    "oid4vci.metadata": (
        "AuthorizationServerMetadata BatchCredentialIssuance ClientMetadata CredentialConfiguration "
        "CredentialDefinition CredentialDisplay CredentialIssuerMetadata CredentialMetadata IssuerDisplay "
        "JwtVcJsonConfiguration JwtVcJsonLdConfiguration KeyAttestationsRequired LdpVcConfiguration MetadataSigner "
        "MsoMdocConfiguration ProofType SdJwtVcConfiguration SignedMetadata"
    ),
    "oid4vci.nonces": "Nonces",
    "oid4vci.notifications": "CREDENTIAL_ACCEPTED CREDENTIAL_DELETED CREDENTIAL_FAILURE Notifications RecordedEvent",
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
    "oid4vci.proofs.attestation": "AttestationProofMaker AttestationProofType",
    "oid4vci.proofs.attested_keys": "AttestedKeys",
    "oid4vci.proofs.di_vp": "DiVpProofMaker DiVpProofType",
    "oid4vci.proofs.holder_key": "HolderKey",
    "oid4vci.proofs.jwt": "JwtProofType",
    "oid4vci.proofs.jwt_maker": "JwtProofMaker",
    "oid4vci.proofs.key_attestation": "KeyAttestation KeyAttestations",
    "oid4vci.proofs.key_attester": "key_attestation_signing_input",
    "oid4vci.proofs.known": "KnownProofMakers PROOF_MAKERS",
    "oid4vci.qr": "qr_svg qr_text",
    "oid4vci.records": "Change Insert Key Record Records Reply Store Swap",
    "oid4vci.revocation": "CertificateReference StatusRef Statuses",
    "oid4vci.revocation_list": "RevocationList",
    "oid4vci.sealed": "SealingKeys",
    "oid4vci.secret": "NewSecret new_secret",
    "oid4vci.status_list": (
        "BitstringStatus BitstringStatusChecker BitstringStatusList BitstringStatusListEntry Status StatusChecker "
        "StatusList StatusListIndices StatusListOrder StatusListSigner StatusLists StatusReference StatusType "
        "StoredStatusList"
    ),
    "oid4vci.trust": "Trust",
    "oid4vci.wallet": (
        "Authorizing ClaimView ClientAssertion ClientAuthentication CredentialView Deferred Exchange Issued Offer "
        "Opened Order ProofChoice Proofs RejectedCredentials Session State Wallet WalletAttestation dump load"
    ),
    "oid4vci.x509": "Anchors Leaf",
}

__all__ = tuple(sorted(name for names in _HOMES.values() for name in names.split()))


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names.split()), None)
    if home is None:
        raise AttributeError(f"module 'oid4vci' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
