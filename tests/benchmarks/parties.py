"""The issuer, its authority and its holders: keys and certificates that are valid now."""

import datetime
import time
from base64 import b64encode
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oid4vci import _jose
from oid4vci._json import b64url_encode
from oid4vci.keys import LocalSigner, PublicKey

__all__ = ("AUTHORITY", "AUTHORITY_KEY", "DOCUMENT_SIGNER", "HOLDERS", "IDENTIFIER", "ISSUER_KEY", "LEAF", "NOW", "SIGNER")

IDENTIFIER: Final = "https://issuer.example"
NOW: Final = int(time.time())
CURVE: Final = ec.SECP256R1()
AUTHORITY_KEY: Final = ec.generate_private_key(CURVE)
ISSUER_KEY: Final = ec.generate_private_key(CURVE)
SIGNER: Final = LocalSigner("issuer-1", "ES256", ISSUER_KEY)
HOLDERS: Final = tuple(_jose.public_key(LocalSigner.generate("holder").public_jwk) for _ in range(10))

_AUTHORITY: Final = "IACA"


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "GB"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)],
    )


def _certificate(subject: str, key: ec.EllipticCurvePrivateKey, *more: tuple[x509.ExtensionType, bool], days: int) -> bytes:
    """In DER, by the authority."""
    ca = subject == _AUTHORITY
    usages = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    usage = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **dict.fromkeys(usages, False))
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(_AUTHORITY))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime.fromtimestamp(NOW - 86_400, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(NOW + days * 86_400, datetime.UTC))
        .add_extension(usage, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.IssuerAlternativeName([x509.UniformResourceIdentifier(IDENTIFIER)]), False)
        .add_extension(
            x509.CRLDistributionPoints(
                [x509.DistributionPoint([x509.UniformResourceIdentifier(f"{IDENTIFIER}/crl")], None, None, None)]
            ),
            False,
        )
    )
    if not ca:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(AUTHORITY_KEY.public_key())
        builder = builder.add_extension(identifier, False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    return builder.sign(AUTHORITY_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


AUTHORITY: Final = _certificate(_AUTHORITY, AUTHORITY_KEY, (x509.BasicConstraints(True, 0), True), days=3_650)
LEAF: Final = _certificate(
    "issuer", ISSUER_KEY, (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(IDENTIFIER)]), False), days=400
)
# ISO/IEC 18013-5 Annex B.1
DOCUMENT_SIGNER: Final = _certificate(
    "DS", ISSUER_KEY, (x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.0.18013.5.1.2")]), True), days=400
)


def private_jwk() -> dict[str, str]:
    """The issuer's key, for other libraries."""
    return {**SIGNER.public_jwk, "d": b64url_encode(ISSUER_KEY.private_numbers().private_value.to_bytes(32, "big"))}


def x5c(certificate: bytes) -> list[str]:
    """As a JWS header has it."""
    return [b64encode(certificate).decode()]


def jwk(key: PublicKey) -> dict[str, str]:
    """Of a holder."""
    return dict(key.jwk)
