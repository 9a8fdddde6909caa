"""The key that signs credentials, the certificates that vouch for it, the key of access tokens: from files, or made up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from examples.reference_server.settings import Settings, Signing
from oid4vci.keys import LocalSigner, thumbprint

__all__ = ("CertifiedKey", "IssuerKeys", "access_token_key", "certified_key", "demo_keys", "issuer_keys")

DOCUMENT_SIGNER = "1.0.18013.5.1.2"
"""The extended key usage of who signs mdocs (ISO/IEC 18013-5 Annex B.1)."""


@frozen
class CertifiedKey:
    """A signing key and its certificates in DER, leaf first, without the anchor."""

    signer: LocalSigner
    chain: tuple[bytes, ...] = field(repr=False)


@frozen
class IssuerKeys:
    """What signs credentials, and the anchor of a demonstration. `document_signer` signs mdocs; None if there is none."""

    issuer: CertifiedKey
    document_signer: CertifiedKey | None = None
    demo_authority: bytes | None = field(default=None, repr=False)

    @property
    def signer(self) -> LocalSigner:
        """The key of the issuer itself."""
        return self.issuer.signer


def _signer(private_key: bytes) -> LocalSigner:
    """The key, under its thumbprint: another key never has the same `kid`."""
    named = LocalSigner.from_pem("issuer", private_key)
    return LocalSigner.from_pem(thumbprint(named.public_jwk), private_key)


def access_token_key(file: Path | None) -> LocalSigner:
    """The key in a PEM file, or a new one. Raises `ValueError`, `OSError`."""
    return _signer(_pem(ec.generate_private_key(ec.SECP256R1())) if file is None else file.read_bytes())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def certified_key(signing: Signing) -> CertifiedKey:
    """The key and the chain in the files. Raises `ValueError` if they do not belong together, `OSError`."""
    private_key = signing.key_file.read_bytes()
    certificates = x509.load_pem_x509_certificates(signing.chain_file.read_bytes())
    if certificates[0].public_key() != serialization.load_pem_private_key(private_key, None).public_key():
        raise ValueError("signing: the first certificate of the chain is not that of the key")
    # HAIP 6.1.1: the leaf is not self-signed, and the trust anchor is not sent.
    chain = tuple(each.public_bytes(serialization.Encoding.DER) for each in certificates if each.issuer != each.subject)
    if certificates[0].issuer == certificates[0].subject:
        raise ValueError("signing: the first certificate of the chain is self-signed")
    return CertifiedKey(_signer(private_key), chain)


def issuer_keys(settings: Settings, issuer: str) -> IssuerKeys:
    """The keys that the settings name, or new ones for a demonstration. Raises `ValueError`, `OSError`."""
    if settings.signing is None:
        demo = demo_keys(issuer)
        return (
            demo
            if settings.document_signing is None
            else evolve(demo, document_signer=certified_key(settings.document_signing))
        )
    documents = settings.document_signing
    return IssuerKeys(certified_key(settings.signing), None if documents is None else certified_key(documents))


def demo_keys(issuer: str) -> IssuerKeys:
    """New keys with certificates, one for the issuer identifier and one for a document signer (ISO/IEC 18013-5 Annex B), by an
    authority that is made for them and forgotten.
    """
    now = datetime.now(UTC) - timedelta(minutes=5)
    authority_key, key, document_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    authority_name, name, document_name = (
        x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "UT"), x509.NameAttribute(NameOID.COMMON_NAME, text)])
        for text in ("Demonstration CA", "Demonstration issuer", "Demonstration document signer")
    )
    authority = (
        _certificate(authority_name, authority_name, authority_key.public_key(), now, days=365)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )

    def leaf(subject: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType, *, critical: bool) -> bytes:
        return (
            _certificate(subject, authority_name, public, now, days=90)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
            .add_extension(extension, critical=critical)
            .sign(authority_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )

    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(issuer)])
    purposes = x509.ExtendedKeyUsage([x509.ObjectIdentifier(DOCUMENT_SIGNER)])
    return IssuerKeys(
        CertifiedKey(_signer(_pem(key)), (leaf(name, key.public_key(), names, critical=False),)),
        CertifiedKey(_signer(_pem(document_key)), (leaf(document_name, document_key.public_key(), purposes, critical=True),)),
        authority.public_bytes(serialization.Encoding.PEM),
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, *, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=days))
    )


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
