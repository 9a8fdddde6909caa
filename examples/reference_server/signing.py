"""The key that signs credentials, the certificates that vouch for it, the key of access tokens: from files, or made up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from examples.reference_server.settings import Signing
from oid4vci.keys import LocalSigner, thumbprint

__all__ = ("IssuerKey", "access_token_key", "demo_key", "issuer_key")


@frozen
class IssuerKey:
    """The issuer's signing key, its certificates in DER (leaf first, without the anchor), and the anchor of a demonstration."""

    signer: LocalSigner
    chain: tuple[bytes, ...] = field(repr=False)
    demo_authority: bytes | None = field(default=None, repr=False)


def _signer(private_key: bytes) -> LocalSigner:
    """The key, under its thumbprint: another key never has the same `kid`."""
    named = LocalSigner.from_pem("issuer", private_key)
    return LocalSigner.from_pem(thumbprint(named.public_jwk), private_key)


def access_token_key(file: Path | None) -> LocalSigner:
    """The key in a PEM file, or a new one. Raises `ValueError`, `OSError`."""
    return _signer(_pem(ec.generate_private_key(ec.SECP256R1())) if file is None else file.read_bytes())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def issuer_key(signing: Signing) -> IssuerKey:
    """The key and the chain in the files. Raises `ValueError` if they do not belong together, `OSError`."""
    private_key = signing.key_file.read_bytes()
    certificates = x509.load_pem_x509_certificates(signing.chain_file.read_bytes())
    if certificates[0].public_key() != serialization.load_pem_private_key(private_key, None).public_key():
        raise ValueError("signing: the first certificate of the chain is not that of the key")
    # HAIP 6.1.1: the leaf is not self-signed, and the trust anchor is not sent.
    chain = tuple(each.public_bytes(serialization.Encoding.DER) for each in certificates if each.issuer != each.subject)
    if certificates[0].issuer == certificates[0].subject:
        raise ValueError("signing: the first certificate of the chain is self-signed")
    return IssuerKey(_signer(private_key), chain)


def demo_key(issuer: str) -> IssuerKey:
    """A new key with a certificate for the issuer identifier, by an authority that is made for it and forgotten."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Demonstration CA", "Demonstration issuer")
    )
    authority = (
        _certificate(authority_name, authority_name, authority_key.public_key(), now, days=365)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        _certificate(name, authority_name, key.public_key(), now, days=90)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(issuer)]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return IssuerKey(
        _signer(_pem(key)),
        (leaf.public_bytes(serialization.Encoding.DER),),
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
