"""Certificate chains and the anchors they must lead to (RFC 5280 6).

Rule 1: only a configured anchor makes a chain trusted; whatever came with a message is material to build a path from.
Rule 2: a path is made of signatures; that two names agree proves nothing.
Rule 3: only what the bytes of certificates say is remembered. Whether they hold now and lead to an anchor is decided each time.

`cryptography.x509.verification` is not used: it forbids Ed25519 keys, and it accepts a self-signed leaf that is in its store.
"""

import re
from base64 import b64encode
from binascii import Error as _BinasciiError
from binascii import a2b_base64
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from oid4vci._document import https_url
from oid4vci._jose import PublicKey, jwk_of, public_key
from oid4vci._json import Malformed

__all__ = (
    "Anchors",
    "check_own_chain",
    "decode_x5c",
    "encode_x5c",
    "has_purpose",
    "identifies",
    "leaf_public_key",
    "load",
    "same_authority",
    "same_subject",
    "self_signed",
    "subject",
    "verify_chain",
)

MAX_CHAIN = 8
MAX_CERTIFICATE = 16_384
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
_OTHER_PURPOSES: Final = frozenset(
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
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_BROKEN = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    # What `cryptography` warns of is malformed too, and some programs turn warnings into exceptions.
    Warning,
)


@lru_cache(_REMEMBERED)
def load(der: bytes) -> x509.Certificate:
    """The certificate in DER. Raises `Malformed`."""
    if len(der) > MAX_CERTIFICATE:
        raise Malformed("a certificate is too large")
    try:
        certificate = x509.load_der_x509_certificate(der)
        # The library reads lazily; what cannot be read must be found now.
        _ = certificate.extensions, certificate.issuer, certificate.subject, certificate.not_valid_after_utc
        positive = certificate.serial_number > 0
    except _BROKEN:
        positive = False
    # "The serial number MUST be a positive integer" -- RFC 5280 4.1.2.2
    if not positive:
        raise Malformed("not an X.509 certificate")
    return certificate


def encode_x5c(chain: Iterable[bytes]) -> list[str]:
    """An `x5c` header parameter of DER certificates, leaf first (RFC 7515 4.1.6)."""
    return [b64encode(der).decode() for der in chain]


def check_own_chain(chain: Sequence[bytes], public_jwk: Mapping[str, str]) -> None:
    """For who signs: raise `ValueError` unless `chain` (DER, leaf first) is for that key, without anything self-signed."""
    certificates = [load(der) for der in chain]
    if any(self_signed(certificate) for certificate in certificates):
        raise ValueError("x5c must contain neither a self-signed leaf nor the trust anchor (HAIP 4.4.1, 6.1.1)")
    if dict(leaf_public_key(certificates[0]).jwk) != dict(public_jwk):
        raise ValueError("the first certificate of x5c must be for the signer's key")


def decode_x5c(value: Any) -> tuple[bytes, ...]:
    """The DER certificates of an `x5c` header parameter, leaf first: base64, not base64url (RFC 7515 4.1.6).

    Raises `Malformed`.
    """
    if not isinstance(value, list | tuple) or not value:
        raise Malformed("must be an array of certificates", "x5c")
    if len(value) > MAX_CHAIN:
        raise Malformed("has too many certificates", "x5c")
    chain = []
    for text in value:
        if not isinstance(text, str) or len(text) > MAX_CERTIFICATE * 4 // 3 + 4:
            raise Malformed("must hold strings of bounded length", "x5c")
        try:
            der = a2b_base64(text.encode("ascii"), strict_mode=True)
        except (UnicodeEncodeError, _BinasciiError):
            raise Malformed("must hold base64", "x5c") from None
        if b64encode(der).decode() != text:
            raise Malformed("must hold canonical base64", "x5c")
        chain.append(der)
    return tuple(chain)


def _by_subject(certificates: Iterable[x509.Certificate]) -> Mapping[bytes, tuple[x509.Certificate, ...]]:
    found: dict[bytes, tuple[x509.Certificate, ...]] = {}
    for certificate in certificates:
        name = certificate.subject.public_bytes()
        found[name] = (*found.get(name, ()), certificate)
    return found


@frozen(repr=False, cache_hash=True)
class Anchors:
    """Certification authorities that are trusted for one purpose, such as signing credentials. Empty: none is.

    >>> Anchors()
    Anchors(0 certificates)
    """

    certificates: tuple[x509.Certificate, ...] = ()
    _subjects: Mapping[bytes, tuple[x509.Certificate, ...]] = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_subjects", _by_subject(self.certificates))

    @classmethod
    def from_pem(cls, pem: bytes | str) -> "Anchors":
        """All certificates of a PEM text. Raises `ValueError` if there is none or one cannot be read."""
        certificates = x509.load_pem_x509_certificates(pem.encode() if isinstance(pem, str) else pem)
        try:
            for certificate in certificates:
                _facts(certificate)
        except _BROKEN as error:
            raise ValueError(f"a trust anchor cannot be read: {error}") from None
        return cls(tuple(certificates))

    @classmethod
    def from_der(cls, *certificates: bytes) -> "Anchors":
        """Certificates in DER. Raises `ValueError`."""
        return cls(tuple(load(der) for der in certificates))

    def __contains__(self, certificate: object) -> bool:
        return certificate in self.certificates

    def __repr__(self) -> str:
        return f"Anchors({len(self.certificates)} certificate{'' if len(self.certificates) == 1 else 's'})"

    def named(self, subject: bytes) -> tuple[x509.Certificate, ...]:
        """The anchors with that subject, a Name in DER."""
        return self._subjects.get(subject, ())


@lru_cache(_REMEMBERED)
def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` has the name that `certificate` gives and its key made the signature, by an algorithm that still holds."""
    try:
        key, digest = issuer.public_key(), certificate.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey):
            strong = key.key_size >= 2048 and isinstance(digest, _HASHES)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            strong = key.curve.key_size >= 256 and isinstance(digest, _HASHES)
        else:
            strong = isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
        if strong:
            certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_BROKEN):
        return False
    return strong


def same_authority(one: x509.Certificate, other: x509.Certificate, others: Iterable[bytes], anchors: Anchors) -> bool:
    """Whether two verified certificates have one issuer: a key among `others` (DER), or of the anchors, made both signatures.

    An authority may have changed its key: two anchors of one name are taken for the same.
    """
    if one.issuer != other.issuer:
        return False
    named = anchors.named(one.issuer.public_bytes())
    if all(any(_signed(each, anchor) for anchor in named) for each in (one, other)):
        return True
    return any(_signed(one, issuer) and _signed(other, issuer) for issuer in map(load, others))


def same_subject(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether two certificates of one authority are for the same party: by their subjects, or by alternative names without any."""
    if one.subject != other.subject:
        return False
    names = _alternative_names(one)
    return bool(one.subject.rdns) or (names is not None and names == _alternative_names(other))


def self_signed(certificate: x509.Certificate) -> bool:
    """Whether the certificate is signed with the key it certifies."""
    return certificate.issuer == certificate.subject and _signed(certificate, certificate)


@frozen
class _Facts:
    """What the extensions of a certificate say, its dates, seconds since the epoch, and the name of its issuer, in DER.

    `below`: how many CA certificates may stand between a CA certificate and a leaf; None if it is no CA certificate, or one that
    must issue none. `understood`: whether there is no critical extension that is not understood (RFC 5280 4.2).
    """

    start: float
    end: float
    understood: bool
    ca: bool
    below: int | None
    signs: bool
    purposes: frozenset[str]
    issuer: bytes

    def hold(self, now: int) -> bool:
        """Validity at `now`, and nothing that is not understood."""
        return self.start <= now <= self.end and self.understood

    def may_issue(self, below: int, now: int) -> bool:
        """Whether this is a CA certificate at `now` that may stand `below` CA certificates above a leaf (RFC 5280 6.1.4)."""
        return self.below is not None and self.below >= below and self.hold(now)


@lru_cache(_REMEMBERED)
def _facts(certificate: x509.Certificate) -> _Facts:
    extensions = tuple(certificate.extensions)
    found: dict[x509.ObjectIdentifier, Any] = {extension.oid: extension.value for extension in extensions}
    usage, constraints = found.get(ExtensionOID.KEY_USAGE), found.get(ExtensionOID.BASIC_CONSTRAINTS)
    purposes = found.get(ExtensionOID.EXTENDED_KEY_USAGE)
    ca = constraints is not None and constraints.ca
    # Names decide who an issuer is, so constraints on them must be applied or the path refused; critical or not, it is refused.
    issues = ca and (usage is None or usage.key_cert_sign) and ExtensionOID.NAME_CONSTRAINTS not in found
    length = MAX_CHAIN if constraints is None or constraints.path_length is None else constraints.path_length
    return _Facts(
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        all(extension.oid in _UNDERSTOOD or not extension.critical for extension in extensions),
        ca,
        length if issues else None,
        usage is None or usage.digital_signature,
        frozenset(() if purposes is None else (each.dotted_string for each in purposes)),
        certificate.issuer.public_bytes(),
    )


def has_purpose(certificate: x509.Certificate, purposes: Collection[str]) -> bool:
    """Whether one of these extended key usages (dotted) is among the certificate's."""
    return not _facts(certificate).purposes.isdisjoint(purposes)


def verify_chain(
    chain: Sequence[bytes | x509.Certificate], anchors: Anchors, *, now: int, purpose: str | None = None
) -> x509.Certificate:
    """The leaf of a chain that leads to an anchor.

    `chain`: certificates, loaded or in DER, the leaf first, the others in any order; `now`: seconds since the epoch, at which every
    certificate of the path, anchor included, must be valid; `purpose`: an extended key usage (dotted) that the leaf must have.

    A self-signed leaf is refused even if it is an anchor: HAIP 4.5.1, 6.1.1 and ISO/IEC 18013-5 Annex B.1 forbid it, and whoever
    pins one has no authority that could replace it. An anchor that was sent is neither needed nor taken for proof.

    Raises `Malformed`.
    """
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise Malformed(f"a chain has 1 to {MAX_CHAIN} certificates")
    leaf, *others = (each if isinstance(each, x509.Certificate) else load(each) for each in chain)
    if leaf in anchors or self_signed(leaf):
        raise Malformed("the leaf certificate is self-signed or an anchor")
    facts = _facts(leaf)
    if not facts.hold(now):
        raise Malformed("the leaf certificate is not valid now, or has a critical extension that is not understood")
    if not facts.signs:
        raise Malformed("the leaf certificate is not for signatures")
    if purpose is not None and purpose not in facts.purposes:
        raise Malformed("the leaf certificate is not for this purpose")
    if purpose is None and facts.purposes and facts.purposes <= _OTHER_PURPOSES:
        # "the certificate MUST only be used for one of the purposes indicated" -- RFC 5280 4.2.1.12
        raise Malformed("the leaf certificate is for another purpose")
    if facts.ca:
        raise Malformed("the leaf certificate is that of a certification authority")
    # Breadth first, each certificate once and where it stands lowest and its path length allows most: few signatures.
    level, rest = [leaf], [certificate for certificate in others if certificate not in anchors]
    for below in range(len(chain)):
        for certificate in level:
            for anchor in anchors.named((facts if certificate is leaf else _facts(certificate)).issuer):
                if _facts(anchor).may_issue(below, now) and _signed(certificate, anchor):
                    return leaf
        level = [
            issuer
            for issuer in rest
            if _facts(issuer).may_issue(below, now) and any(_signed(certificate, issuer) for certificate in level)
        ]
        rest = [certificate for certificate in rest if certificate not in level]
    raise Malformed("the chain does not lead to a trust anchor")


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
    except _BROKEN:
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
