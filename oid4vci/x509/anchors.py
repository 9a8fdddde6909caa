"""Whom to believe for one purpose, and what the certificates below must be."""

from collections.abc import Collection, Iterable, Mapping

from attrs import field, frozen
from cryptography import x509

from oid4vci.x509.certificate import MAX_CHAIN, UNREADABLE, Facts, load

__all__ = ("Anchors",)


def _purposes(identifiers: Collection[str]) -> frozenset[str]:
    if isinstance(identifiers, str):
        raise TypeError("purposes are a collection of extended key usages")
    return frozenset(identifiers)


def _by_subject(certificates: Iterable[x509.Certificate]) -> Mapping[bytes, tuple[Facts, ...]]:
    found: dict[bytes, tuple[Facts, ...]] = {}
    for certificate in certificates:
        try:
            said = Facts.of(certificate)
        except UNREADABLE as error:
            raise ValueError(f"a trust anchor cannot be read: {error}") from None
        found[said.subject] = (*found.get(said.subject, ()), said)
    return found


@frozen(repr=False, cache_hash=True)
class Anchors:
    """Certification authorities that are trusted for one purpose, such as signing credentials. Empty: none is.

    - `purposes`: extended key usages (dotted), of which a leaf must have one, and every authority above it must not exclude it.
      Empty: any leaf will do that is not for something else altogether, such as a web server. "Any" is not enough where one is
      demanded (RFC 5280 4.2.1.12). Authorities that certify for several purposes are told apart by nothing else.
    - `critical`: whether the leaf must say so in a critical extension.
    - `max_length`: how many certificates may stand below the anchor, the leaf included.

    How strong keys and digests are is no setting.

    >>> Anchors()
    Anchors(0 certificates)
    """

    certificates: tuple[x509.Certificate, ...] = ()
    purposes: frozenset[str] = field(default=frozenset(), converter=_purposes, kw_only=True)
    critical: bool = field(default=False, kw_only=True)
    max_length: int = field(default=MAX_CHAIN, kw_only=True)
    _subjects: Mapping[bytes, tuple[Facts, ...]] = field(init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.max_length <= MAX_CHAIN:
            raise ValueError(f"max_length must be 1 to {MAX_CHAIN}")
        if self.critical and not self.purposes:
            raise ValueError("critical needs purposes")
        object.__setattr__(self, "_subjects", _by_subject(self.certificates))

    @classmethod
    def from_pem(
        cls, pem: bytes | str, *, purposes: Collection[str] = (), critical: bool = False, max_length: int = MAX_CHAIN
    ) -> "Anchors":
        """All certificates of a PEM text. Raises `ValueError` if there is none or one cannot be read."""
        certificates = x509.load_pem_x509_certificates(pem.encode() if isinstance(pem, str) else pem)
        return cls(tuple(certificates), purposes=purposes, critical=critical, max_length=max_length)

    @classmethod
    def from_der(
        cls, *certificates: bytes, purposes: Collection[str] = (), critical: bool = False, max_length: int = MAX_CHAIN
    ) -> "Anchors":
        """Certificates in DER. Raises `ValueError`."""
        return cls(tuple(load(der) for der in certificates), purposes=purposes, critical=critical, max_length=max_length)

    def __contains__(self, certificate: object) -> bool:
        return certificate in self.certificates

    def __repr__(self) -> str:
        return f"Anchors({len(self.certificates)} certificate{'' if len(self.certificates) == 1 else 's'})"

    def named(self, subject: bytes) -> tuple[x509.Certificate, ...]:
        """The anchors with that subject, a Name in DER."""
        return tuple(said.certificate for said in self.with_subject(subject))

    def with_subject(self, subject: bytes) -> tuple[Facts, ...]:
        """What the anchors with that subject say."""
        return self._subjects.get(subject, ())

    def include(self, said: Facts) -> bool:
        """Whether the certificate that says so is one of the anchors."""
        return any(said.certificate == anchor.certificate for anchor in self.with_subject(said.subject))
