"""Certificates for the token's keys, by an authority that is made up for the demonstration and forgotten.

For anything else, an authority of yours certifies the public key that `Pkcs11Signer.signer` gives.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oid4vci.keys import RemoteSigner, public_key

__all__ = ("DemoAuthority",)

DOCUMENT_SIGNER: Final = x509.ObjectIdentifier("1.0.18013.5.1.2")
"""The extended key usage of who signs mdocs (ISO/IEC 18013-5 Annex B.1)."""


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "UT"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)


@frozen
class DemoAuthority:
    """An authority whose key is in this process, and gone with it."""

    _key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)
    _start: datetime = field(factory=lambda: datetime.now(UTC) - timedelta(minutes=5), repr=False)

    @property
    def pem(self) -> bytes:
        """Its own certificate, for wallets to trust."""
        name = _name("Demonstration CA")
        builder = self._builder(name, self._key.public_key(), days=365)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        signed = builder.add_extension(_usage(authority=True), critical=True).sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    def for_issuer(self, signer: RemoteSigner, identifier: str) -> bytes:
        """A certificate, in DER, that says whose key it is: that of the issuer with this identifier."""
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identifier)])
        return self._certified(signer, "Demonstration issuer", names, critical=False)

    def for_document_signer(self, signer: RemoteSigner) -> bytes:
        """A certificate, in DER, for signing mdocs."""
        return self._certified(signer, "Demonstration document signer", x509.ExtendedKeyUsage([DOCUMENT_SIGNER]), critical=True)

    def _certified(self, signer: RemoteSigner, common_name: str, purpose: x509.ExtensionType, *, critical: bool) -> bytes:
        builder = self._builder(_name(common_name), public_key(signer.public_jwk).key, days=90)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(authority=False), critical=True)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(purpose, critical=critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _builder(self, subject: x509.Name, key: object, *, days: int) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(_name("Demonstration CA"), subject, serial_number=x509.random_serial_number())
        builder = builder.public_key(key)  # type: ignore[arg-type]  # of a kind that there is an algorithm for
        return builder.not_valid_before(self._start).not_valid_after(self._start + timedelta(days=days))
