"""What a certificate says: its dates and extensions, whose it is, and who signed it (RFC 5280 4).

Rule: only what the bytes of certificates say is remembered here. Whether they hold now, and for whom, is decided each time.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from oid4vci._document import https_url
from oid4vci._jose import PublicKey, jwk_of, public_key
from oid4vci._jose.ml_dsa import parameter_set_of
from oid4vci._json import Malformed
from oid4vci.revocation import CertificateReference

__all__ = (
    "Facts",
    "facts",
    "holds",
    "identifies",
    "leaf_public_key",
    "load",
    "read",
    "same_subject",
    "self_signed",
    "subject",
    "whole_octets",
)

MAX_CHAIN: Final = 8
MAX_CERTIFICATE: Final = 16_384
# "up to 20 octets", of which the first bit is clear -- RFC 5280 4.1.2.2
_MAX_SERIAL: Final = 2**159 - 1
# A batch of credentials comes with the same chain again and again.
_REMEMBERED: Final = 64

# What may be critical because it is checked here, or because it restricts nothing that is relied on.
_UNDERSTOOD: Final = frozenset(
    (
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    )
)
# A certificate for nothing but these signs no credentials, though the same authority may have issued it.
OTHER_PURPOSES: Final = frozenset(
    each.dotted_string
    for each in (
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
        # Those who ask for mdocs (ISO/IEC 18013-5 Annex B.1).
        x509.ObjectIdentifier("1.0.18013.5.1.6"),
    )
)
_ANY_PURPOSE: Final = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
# Bits of RSA keys: fewer no longer hold, more take too long.
_MIN_RSA, _MAX_RSA = 2048, 8192
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    # What `cryptography` warns of is malformed too, and some programs turn warnings into exceptions.
    Warning,
)


def load(der: bytes) -> x509.Certificate:
    """The certificate in DER. Raises `Malformed`."""
    return read(der).certificate


def same_subject(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether two certificates of one authority are for the same party: by their subjects, or by alternative names without any."""
    if one.subject != other.subject:
        return False
    names = _alternative_names(one)
    return bool(one.subject.rdns) or (names is not None and names == _alternative_names(other))


def self_signed(certificate: x509.Certificate) -> bool:
    """Whether the certificate is signed with the key it certifies. By which algorithm, and whether it still holds, is no matter."""
    return facts(certificate).self_signed


@frozen(eq=False)
class Facts:
    """What a certificate says, its dates as seconds since the epoch, its names and its key in DER. Equal only to itself.

    - `below`: how many CA certificates may stand between a CA certificate and a leaf; None if it is no CA certificate, or one that
      must issue none.
    - `signs`, `lists`: whether its key may sign messages, and lists of what is revoked.
    - `understood`: whether there is no critical extension that is not understood (RFC 5280 4.2).
    - `key`: the SubjectPublicKeyInfo; None if it cannot be read.
    - `conforms`: whether it has the version and a serial number of RFC 5280.
    """

    certificate: x509.Certificate
    conforms: bool
    start: float
    end: float
    understood: bool
    ca: bool
    below: int | None
    signs: bool
    lists: bool
    purposes: frozenset[str]
    critical_purposes: bool
    issuer: bytes
    subject: bytes
    key: bytes | None
    reference: CertificateReference

    @classmethod
    def of(cls, certificate: x509.Certificate) -> "Facts":
        """Raises one of `UNREADABLE`."""
        # The library reads lazily; what cannot be read must be found now.
        extensions = tuple(certificate.extensions)
        found: dict[x509.ObjectIdentifier, Any] = {extension.oid: extension.value for extension in extensions}
        critical = frozenset(extension.oid for extension in extensions if extension.critical)
        usage, constraints = found.get(ExtensionOID.KEY_USAGE), found.get(ExtensionOID.BASIC_CONSTRAINTS)
        purposes = found.get(ExtensionOID.EXTENDED_KEY_USAGE)
        ca = constraints is not None and constraints.ca
        # Names decide who an issuer is, so constraints on them must be applied or the path refused; critical or not, it is refused.
        issues = ca and (usage is None or usage.key_cert_sign) and ExtensionOID.NAME_CONSTRAINTS not in found
        length = MAX_CHAIN if constraints is None or constraints.path_length is None else constraints.path_length
        issuer = certificate.issuer.public_bytes()
        return cls(
            certificate,
            # "When extensions are used, as expected in this profile, version MUST be 3" -- RFC 5280 4.1.2.1
            # "The serial number MUST be a positive integer" -- RFC 5280 4.1.2.2
            certificate.version is x509.Version.v3 and 0 < certificate.serial_number <= _MAX_SERIAL,
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            critical <= _UNDERSTOOD,
            ca,
            length if issues else None,
            # "the digitalSignature and/or nonRepudiation bits would be asserted" -- RFC 5280 4.2.1.3; of seals, the latter alone
            usage is None or usage.digital_signature or usage.content_commitment,
            # Unlike the others, this bit must be there -- RFC 5280 4.2.1.3, RFC 10007
            usage is not None and usage.crl_sign,
            frozenset(() if purposes is None else (each.dotted_string for each in purposes)),
            ExtensionOID.EXTENDED_KEY_USAGE in critical,
            issuer,
            certificate.subject.public_bytes(),
            _key(certificate),
            CertificateReference(issuer, certificate.serial_number),
        )

    def hold(self, now: int) -> bool:
        """Validity at `now`, and nothing that is not understood."""
        return self.start <= now <= self.end and self.understood

    def may_issue(self, below: int, now: int, purposes: Collection[str]) -> bool:
        """Whether this is a CA certificate at `now` that may stand `below` CA certificates above a leaf (RFC 5280 6.1.4), and whose
        own extended key usage, if it has one, does not exclude `purposes`, for which the leaf is wanted."""
        return self.below is not None and self.below >= below and self.hold(now) and self._vouches(purposes)

    def _vouches(self, purposes: Collection[str]) -> bool:
        if not self.purposes or _ANY_PURPOSE in self.purposes:
            return True
        return self.purposes.issuperset(purposes) if purposes else not self.purposes <= OTHER_PURPOSES

    @property
    def self_signed(self) -> bool:
        """Whether it is signed with the key it certifies, by whatever algorithm."""
        return self.issuer == self.subject and _signs_itself(self)

    def signed_by(self, issuer: "Facts") -> bool:
        """Whether `issuer` has the name given and its key made the signature, by an algorithm that still holds."""
        return self.issuer == issuer.subject and _signed(self, issuer)


def _key(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UNREADABLE:
        return None


def whole_octets(der: bytes, signature: bytes) -> bool:
    """Whether the signature, with which a certificate or a list ends, leaves no bits of its last octet unused.

    The parser passes over that number, which is not signed either: the same could then be said in other bytes.
    """
    return der[-len(signature) - 1] == 0


@lru_cache(_REMEMBERED)
def read(der: bytes) -> Facts:
    """What a certificate in DER says. Raises `Malformed`."""
    if len(der) > MAX_CERTIFICATE:
        raise Malformed("a certificate is too large")
    try:
        found = Facts.of(x509.load_der_x509_certificate(der))
        whole = whole_octets(der, found.certificate.signature)
    except UNREADABLE:
        found, whole = None, False
    if found is None or not found.conforms or not whole:
        raise Malformed("not an X.509 certificate of version 3")
    return found


@lru_cache(_REMEMBERED)
def facts(certificate: x509.Certificate) -> Facts:
    """What a certificate says that was loaded before."""
    return read(certificate.public_bytes(Encoding.DER))


def holds(key: object, digest: hashes.HashAlgorithm | None) -> bool:
    """Whether signatures of this key over such a digest cannot be forged today."""
    if isinstance(key, rsa.RSAPublicKey):
        return _MIN_RSA <= key.key_size <= _MAX_RSA and isinstance(digest, _HASHES)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.key_size >= 256 and isinstance(digest, _HASHES)
    return isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey) or parameter_set_of(key) is not None


@lru_cache(_REMEMBERED)
def _signed(said: Facts, issuer: Facts) -> bool:
    try:
        if not holds(issuer.certificate.public_key(), said.certificate.signature_hash_algorithm):
            return False
        said.certificate.verify_directly_issued_by(issuer.certificate)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


@lru_cache(_REMEMBERED)
def _signs_itself(said: Facts) -> bool:
    try:
        key = said.certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size > _MAX_RSA:
            return True
        said.certificate.verify_directly_issued_by(said.certificate)
    except InvalidSignature:
        return False
    except UNREADABLE:
        # Of its own name, and nobody can tell: then it is not taken for another's.
        return True
    return True


@lru_cache(_REMEMBERED)
def subject(certificate: x509.Certificate) -> str:
    """The name of the subject as text (RFC 4514)."""
    return certificate.subject.rfc4514_string()


@lru_cache(_REMEMBERED)
def leaf_public_key(certificate: x509.Certificate) -> PublicKey:
    """The certificate's key. Raises `Malformed` for a kind of key that no supported algorithm has."""
    try:
        key = certificate.public_key()
        jwk = jwk_of(key)
    except UNREADABLE:
        raise Malformed("the certificate has a kind of key that is not supported") from None
    # Its point is on the curve, else `cryptography` had not read it; other kinds of keys have more to be checked.
    return PublicKey(jwk, jwk["crv"], key) if isinstance(key, ec.EllipticCurvePublicKey) else public_key(jwk)


_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def identifies(certificate: x509.Certificate, uri: str) -> bool:
    """Whether the certificate names `uri` as its subject: the same URI, or for an https URL its host as a DNS name, is among the
    subject alternative names. URIs are compared as strings; wildcards match nothing."""
    names = _alternative_names(certificate)
    if names is None:
        return False
    if uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        return True
    try:
        # No user information, no white space, a port that is one: nothing that looks like another issuer to a person.
        https_url().check(uri)
    except Malformed:
        return False
    host = urlsplit(uri).hostname or ""
    if not _HOST.fullmatch(host):
        return False
    return any(name.lower() == host for name in names.get_values_for_type(x509.DNSName))
