"""Who may sign an mdoc: document signers, and the authorities above them (ISO/IEC 18013-5 9.3.3 and Annex B).

The chain itself is checked by `x509`; here is what a profile adds to it.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from attrs import evolve, field, frozen
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtendedKeyUsage,
    Extension,
    ExtensionNotFound,
    ExtensionType,
    KeyUsage,
    ObjectIdentifier,
)
from cryptography.x509.oid import NameOID

from oid4vci import x509
from oid4vci._json import Malformed
from oid4vci.errors import Untrusted
from oid4vci.trust import Trust

T = TypeVar("T", bound=ExtensionType)
# A batch of credentials comes with the same certificates again and again.
_REMEMBERED: Final = 64

__all__ = ("ANY_ISSUER", "ISO_18013_5", "CertificateProfile", "countries", "states", "verify_chain")


def _purposes(identifiers: Collection[str]) -> frozenset[str]:
    return frozenset(identifiers)


@frozen(kw_only=True)
class CertificateProfile:
    """What certificates of mdoc issuers must be, beyond what any chain must (RFC 5280).

    - `purposes`: object identifiers, of which the signer's extended key usage must name one, in a critical extension, and every
      authority above it must not exclude it; empty if none is demanded.
    - `iaca`: whether ISO/IEC 18013-5 Annex B holds: the anchor is a certification authority that issues signers only (path length
      0) and has issued this one itself; both are of the same country, and of the same state or province if the authority names
      one; the signer's key is for signatures only.

    Extensions that only say where lists of revoked certificates are, or whom to write to, are not looked at.
    """

    purposes: frozenset[str] = field(default=(), converter=_purposes)
    iaca: bool = False

    def check_signer(self, leaf: Certificate) -> None:
        """Raise `Malformed` unless `leaf` can be a document signer's, whoever issued it."""
        lacking = _lacking(self, leaf)
        if lacking is not None:
            raise Malformed(f"is not a document signer's: {lacking}", "x5chain")

    def narrow(self, anchors: x509.Anchors, leaf: Certificate) -> x509.Anchors:
        """Those of `anchors` that can be above the document signer `leaf`, by what they and it say."""
        return _authorities(anchors, leaf) if self.iaca else anchors


_SIGNATURES_ONLY = KeyUsage(True, False, False, False, False, False, False, False, False)
_CERTIFICATES_ONLY = KeyUsage(False, False, False, False, False, True, True, False, False)

ISO_18013_5: Final = CertificateProfile(purposes=("1.0.18013.5.1.2",), iaca=True)
"""IACA and document signers of mobile driving licences (ISO/IEC 18013-5 Annex B.1)."""

ANY_ISSUER: Final = CertificateProfile()
"""No more than a chain to an anchor, for document types whose ecosystem has a profile of its own or none."""


def _extension(certificate: Certificate, kind: type[T]) -> Extension[T] | None:
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except ExtensionNotFound:
        return None


def _subject(certificate: Certificate, oid: ObjectIdentifier) -> tuple[str | bytes, ...]:
    return tuple(attribute.value for attribute in certificate.subject.get_attributes_for_oid(oid))


def countries(certificate: Certificate) -> tuple[str | bytes, ...]:
    """The countries that the subject names; one, if all is well."""
    return _subject(certificate, NameOID.COUNTRY_NAME)


def states(certificate: Certificate) -> tuple[str | bytes, ...]:
    """The states or provinces that the subject names."""
    return _subject(certificate, NameOID.STATE_OR_PROVINCE_NAME)


@lru_cache(_REMEMBERED)
def _lacking(profile: CertificateProfile, leaf: Certificate) -> str | None:
    """What a document signer's certificate would have."""
    if profile.purposes:
        usages = _extension(leaf, ExtendedKeyUsage)
        if usages is None or not usages.critical or profile.purposes.isdisjoint(each.dotted_string for each in usages.value):
            return "it lacks the extended key usage"
    if profile.iaca:
        usage = _extension(leaf, KeyUsage)
        if usage is None or not usage.critical or usage.value != _SIGNATURES_ONLY:
            return "its key must be for signatures only"
        if len(countries(leaf)) != 1:
            return "it must name one country"
    return None


def _is_iaca(anchor: Certificate, leaf: Certificate) -> bool:
    """Whether `anchor` is an authority that issues document signers only, of the country and state that `leaf` names."""
    constraints = _extension(anchor, BasicConstraints)
    usage = _extension(anchor, KeyUsage)
    return (
        constraints is not None
        and constraints.value.path_length == 0
        and usage is not None
        and usage.value == _CERTIFICATES_ONLY
        # ISO/IEC 18013-5 9.3.3
        and countries(anchor) == countries(leaf)
        and states(anchor) in ((), states(leaf))
    )


@lru_cache(_REMEMBERED)
def _authorities(anchors: x509.Anchors, leaf: Certificate) -> x509.Anchors:
    # The authority has issued the signer's certificate itself, so only its namesakes come into question.
    named = anchors.named(leaf.issuer.public_bytes())
    return evolve(anchors, certificates=tuple(anchor for anchor in named if _is_iaca(anchor, leaf)))


def verify_chain(
    chain: Sequence[bytes], profile: CertificateProfile, *, trust: Trust, now: int, anchor_allowed: bool = True
) -> Certificate:
    """The document signer's certificate, the leaf of `chain`, if it leads to an anchor and both fit `profile`.

    Raises `Malformed`, or `Untrusted` if there are no anchors.
    """
    anchors = trust.anchors
    if anchors is None or not anchors.certificates:
        raise Untrusted("no trust anchors are configured for issuers of credentials")
    # Any of them, also one that the profile does not let stand above this signer.
    if not anchor_allowed and any(x509.load(der) in anchors for der in chain):
        raise Malformed("includes the trust anchor", "x5chain")
    # No answer is none of them, never a check that is left out.
    statuses = None if trust.check_statuses is None else trust.check_statuses(x509.references(chain, anchors), now) or {}
    above, purposes = profile.narrow(anchors, x509.load(chain[0])), profile.purposes
    leaf = x509.verify_chain(chain, above, now=now, purpose=purposes, anchor_allowed=anchor_allowed, statuses=statuses)
    profile.check_signer(leaf)
    return leaf
