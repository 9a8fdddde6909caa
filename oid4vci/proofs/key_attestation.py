"""Key attestations (OID4VCI D): what is known of the keys of a Wallet, and of how they are kept, by the word of an attester."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from oid4vci.keys import PublicKey

__all__ = ("BASIC", "ENHANCED_BASIC", "HIGH", "MODERATE", "TYP", "KeyAttestation")

TYP: Final = "key-attestation+jwt"
HIGH: Final = "iso_18045_high"
MODERATE: Final = "iso_18045_moderate"
ENHANCED_BASIC: Final = "iso_18045_enhanced-basic"
BASIC: Final = "iso_18045_basic"
"""Attack potential resistance (OID4VCI D.2)."""


@frozen(kw_only=True)
class KeyAttestation:
    """A key attestation that was verified.

    `keys` are the attested keys, each once. `key_storage` and `user_authentication` are the levels that hold, None if none is
    claimed. `issuer` is the `iss`, `certificate` the attester's in DER, if it has one. Times are seconds since the epoch. `claims`
    are all that it says.
    """

    keys: tuple[PublicKey, ...]
    issued_at: float
    expires_at: float | None = None
    key_storage: tuple[str, ...] | None = None
    user_authentication: tuple[str, ...] | None = None
    certification: str | None = None
    nonce: str | None = field(default=None, repr=False)
    status: Mapping[str, Any] | None = None
    issuer: str | None = None
    certificate: bytes | None = field(default=None, repr=False)
    claims: Mapping[str, Any] = field(factory=dict, repr=False)
