"""Credential Formats (OID4VCI Appendix A): encoder and verifier of each side by side. Import a format's own module to use it."""

from oid4vci.formats.credential_format import (
    CredentialEncoder,
    CredentialFormat,
    CredentialsDraft,
    CredentialVerifier,
    NeededDocument,
    VerifiedCredential,
)
from oid4vci.formats.known import CREDENTIAL_FORMATS, KnownFormats

__all__ = (
    "CREDENTIAL_FORMATS",
    "CredentialEncoder",
    "CredentialFormat",
    "CredentialVerifier",
    "CredentialsDraft",
    "KnownFormats",
    "NeededDocument",
    "VerifiedCredential",
)
