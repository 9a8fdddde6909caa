"""Credential Formats (OID4VCI Appendix A): encoder and verifier of each side by side. Import a format's own module to use it."""

from oid4vci.formats.credential_format import (
    CredentialEncoder,
    CredentialsDraft,
    CredentialVerifier,
    NeededDocument,
    VerifiedCredential,
)

__all__ = ("CredentialEncoder", "CredentialVerifier", "CredentialsDraft", "NeededDocument", "VerifiedCredential")
