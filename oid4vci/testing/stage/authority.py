"""The authority under which scripted issuers hold their certificates, made up for one run."""

from datetime import UTC, datetime, timedelta
from typing import Final, Self

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from oid4vci.keys import LocalSigner

__all__ = ("CertifiedKey", "IssuingAuthority")

DOCUMENT_SIGNER: Final = ObjectIdentifier("1.0.18013.5.1.2")
"""The extended key usage of who signs mdocs (ISO/IEC 18013-5 Annex B.1)."""


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "UT"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


@frozen
class CertifiedKey:
    """A signing key and its certificate in DER."""

    signer: LocalSigner
    certificate: bytes = field(repr=False)


@frozen
class IssuingAuthority:
    """An authority, whose certificate is the anchor that a Wallet under test must trust."""

    certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def new(cls, *, now: int) -> Self:
        """A new authority, from an hour before `now` on."""
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("Scripted issuer anchor")
        usage = _usage(certificates=True)
        builder = _builder(name, name, key.public_key(), now, days=365)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key)

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issuer_key(self, identifier: str, *, now: int, self_signed: bool = False) -> CertifiedKey:
        """A key of the issuer with that identifier, which its certificate names."""
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identifier)])
        return self._certified("Scripted issuer", names, now, critical=False, self_signed=self_signed)

    def document_key(self, *, now: int, self_signed: bool = False) -> CertifiedKey:
        """A key of a document signer (ISO/IEC 18013-5 Annex B)."""
        purposes = x509.ExtendedKeyUsage([DOCUMENT_SIGNER])
        return self._certified("Scripted document signer", purposes, now, critical=True, self_signed=self_signed)

    def _certified(
        self, text: str, extension: x509.ExtensionType, now: int, *, critical: bool, self_signed: bool
    ) -> CertifiedKey:
        key, name = ec.generate_private_key(ec.SECP256R1()), _name(text)
        issuer, signing = (name, key) if self_signed else (self.certificate.subject, self._key)
        builder = _builder(name, issuer, key.public_key(), now, days=90)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(certificates=False), critical=True)
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
        builder = builder.add_extension(above, critical=False).add_extension(extension, critical=critical)
        certificate = builder.sign(signing, hashes.SHA256())
        return CertifiedKey(LocalSigner("issuer-1", "ES256", key), certificate.public_bytes(Encoding.DER))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: int, *, days: int
) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    return builder.not_valid_before(start).not_valid_after(start + timedelta(days=days))
