"""Lists of revoked certificates, as authorities sign them (RFC 5280 5): what they say of the certificates asked about.

Rule: a list counts only if the authority whose certificate the caller trusts has signed it, as long as it says, and if it is of all
certificates of that authority. Nothing is fetched here.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import field, frozen
from cryptography import x509
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID

from oid4vci._json import Malformed
from oid4vci.revocation import CertificateReference, Statuses, StatusRef
from oid4vci.x509.certificate import UNREADABLE, Facts, facts, holds, read, whole_octets

__all__ = ("RevocationList",)

MAX_SIZE: Final = 16 * 1024 * 1024
# Status Types (Token Status List 7.1).
_VALID, _INVALID, _SUSPENDED = 0, 1, 2
# Lists of some certificates only, of other authorities' too, or of what has changed since another list (RFC 5280 5.2.4, 5.2.5).
_PARTIAL: Final = (ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR)


@frozen
class RevocationList:
    """A list of all certificates that an authority has revoked.

    `issuer`: the name of the authority, in DER; `issued_at`, `valid_until`: seconds since the epoch, between which the list counts;
    `revoked`: by serial number, 1 for what is revoked, 2 for what is on hold.

    Two authorities of one name are not told apart: whoever keeps such lists trusts no two that are not the same.
    """

    issuer: bytes = field(repr=False)
    issued_at: int
    valid_until: int
    revoked: Mapping[int, int] = field(repr=False, hash=False)

    @classmethod
    def read(cls, der: bytes, *, issuer: x509.Certificate | bytes, now: int) -> "RevocationList":
        """The list in `der`, if `issuer` has signed it and it counts at `now`, in seconds since the epoch.

        `issuer`: the certificate of the authority, loaded or in DER, which the caller trusts: an anchor, or one that leads to it.

        Raises `ValueError`, also for lists that are not of all certificates of the authority, be they indirect, deltas or parts,
        and for lists without `nextUpdate` (RFC 5280 5.1.2.5).
        """
        authority = read(issuer) if isinstance(issuer, bytes) else facts(issuer)
        if len(der) > MAX_SIZE:
            raise Malformed("a list of revoked certificates is too large")
        try:
            found = x509.load_der_x509_crl(der)
            if not whole_octets(der, found.signature):
                raise Malformed("not a list of revoked certificates")
            _check_signature(found, authority, now)
            _check_scope(found)
            revoked = {entry.serial_number: _status(entry) for entry in found}
            begins, ends = found.last_update_utc, found.next_update_utc
        except Malformed:
            raise
        except UNREADABLE:
            raise Malformed("not a list of revoked certificates") from None
        if ends is None or not begins.timestamp() <= now <= ends.timestamp():
            raise Malformed("the list of revoked certificates does not count now")
        return cls(authority.subject, int(begins.timestamp()), int(ends.timestamp()), revoked)

    def status(self, reference: StatusRef, now: int) -> int | None:
        """0 if the certificate stands, 1 if it is revoked, 2 if it is on hold.

        None if it is another authority's, or if the list does not count at `now`, in seconds since the epoch.
        """
        if not isinstance(reference, CertificateReference) or reference.issuer != self.issuer:
            return None
        return self.revoked.get(reference.serial, _VALID) if self.issued_at <= now <= self.valid_until else None

    def check_statuses(self, references: Iterable[StatusRef], now: int) -> Statuses:
        """What the list tells of these; what it does not tell is absent, as a host answers."""
        found = ((reference, self.status(reference, now)) for reference in references)
        return {reference: status for reference, status in found if status is not None}


def _check_signature(found: x509.CertificateRevocationList, authority: Facts, now: int) -> None:
    # "verify that the cRLSign bit is set", after the path of the issuer -- RFC 5280 6.3.3 (f); that there is one -- RFC 10007
    if not authority.ca or not authority.lists or not authority.hold(now):
        raise Malformed("is not the certificate of an authority that lists what it has revoked, now")
    key = authority.certificate.public_key()
    if found.issuer.public_bytes() != authority.subject or not holds(key, found.signature_hash_algorithm):
        raise Malformed("the list of revoked certificates is not signed by this authority")
    if not found.is_signature_valid(key):  # type: ignore[arg-type]  # one that holds signs
        raise Malformed("the list of revoked certificates is not signed by this authority")


def _check_scope(found: x509.CertificateRevocationList) -> None:
    # "the application MUST NOT use that CRL to determine the status of certificates" -- RFC 5280 5.2
    if any(extension.critical or extension.oid in _PARTIAL for extension in found.extensions):
        raise Malformed("the list is not of all revoked certificates, or has a critical extension that is not understood")


def _status(entry: x509.RevokedCertificate) -> int:
    status = _INVALID
    for extension in entry.extensions:
        # "the application MUST NOT use that CRL to determine the status of any certificates" -- RFC 5280 5.3
        if extension.critical or extension.oid == CRLEntryExtensionOID.CERTIFICATE_ISSUER:
            raise Malformed("the list has a critical extension that is not understood")
        if isinstance(extension.value, x509.CRLReason) and extension.value.reason is x509.ReasonFlags.certificate_hold:
            status = _SUSPENDED
    return status
