"""Metadata of issuers, Authorization Servers and clients (OID4VCI 12)."""

from oid4vci.metadata.authorization_server import AuthorizationServerMetadata
from oid4vci.metadata.client import ClientMetadata
from oid4vci.metadata.credential_configuration import (
    CONFIGURATION_CLASSES,
    AlgorithmIdentifier,
    CredentialConfiguration,
    CredentialDefinition,
    CredentialMetadata,
    JwtVcJsonConfiguration,
    JwtVcJsonLdConfiguration,
    KeyAttestationsRequired,
    LdpVcConfiguration,
    MsoMdocConfiguration,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.metadata.credential_issuer import BatchCredentialIssuance, CredentialIssuerMetadata, SkippedConfiguration
from oid4vci.metadata.display import CredentialDisplay, Image, IssuerDisplay, canonical_language_tag, is_language_tag
from oid4vci.metadata.encryption import CredentialRequestEncryption, CredentialResponseEncryption
from oid4vci.metadata.finding import Finding
from oid4vci.metadata.signed import SignedMetadata
from oid4vci.metadata.signing import MetadataSigner, SignedMetadataDraft
from oid4vci.metadata.well_known import (
    CREDENTIAL_ISSUER,
    JWT_VC_ISSUER,
    OAUTH_AUTHORIZATION_SERVER,
    authorization_server_metadata_url,
    credential_issuer_metadata_url,
    jwt_vc_issuer_metadata_url,
    well_known_fallback_url,
    well_known_url,
)

__all__ = (
    "CONFIGURATION_CLASSES",
    "CREDENTIAL_ISSUER",
    "JWT_VC_ISSUER",
    "OAUTH_AUTHORIZATION_SERVER",
    "AlgorithmIdentifier",
    "AuthorizationServerMetadata",
    "BatchCredentialIssuance",
    "ClientMetadata",
    "CredentialConfiguration",
    "CredentialDefinition",
    "CredentialDisplay",
    "CredentialIssuerMetadata",
    "CredentialMetadata",
    "CredentialRequestEncryption",
    "CredentialResponseEncryption",
    "Finding",
    "Image",
    "IssuerDisplay",
    "JwtVcJsonConfiguration",
    "JwtVcJsonLdConfiguration",
    "KeyAttestationsRequired",
    "LdpVcConfiguration",
    "MetadataSigner",
    "MsoMdocConfiguration",
    "ProofType",
    "SdJwtVcConfiguration",
    "SignedMetadata",
    "SignedMetadataDraft",
    "SkippedConfiguration",
    "authorization_server_metadata_url",
    "canonical_language_tag",
    "credential_issuer_metadata_url",
    "is_language_tag",
    "jwt_vc_issuer_metadata_url",
    "well_known_fallback_url",
    "well_known_url",
)
