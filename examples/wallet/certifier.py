"""Certificates for holder keys, so that proofs can name them by `x5c` (OID4VCI F.1): of an authority that is a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID

from examples.wallet.keys import HolderKey

__all__ = ("Certifier",)

LIFETIME: Final = timedelta(days=30)


@frozen
class Certifier:
    """An authority: its certificate and its key. `chain`: what leads from it to an anchor, in DER, without the anchor."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[bytes, ...]

    @classmethod
    def from_files(cls, key: Path, chain: Path) -> "Certifier":
        """From PEM files; the first certificate is that of the key. Raises `OSError`, `ValueError`."""
        try:
            private = serialization.load_pem_private_key(key.read_bytes(), None)
        except TypeError:
            raise ValueError(f"{key} has a password") from None
        certificates = x509.load_pem_x509_certificates(chain.read_bytes())
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key} must be an EC key")  # noqa: TRY004  # of the file
        if private.public_key() != certificates[0].public_key():
            raise ValueError(f"the first certificate of {chain} is not for the key of {key}")
        # "x5c ... without the trust anchor": what is self-signed is one -- HAIP 4.5.1
        below = [each for each in certificates if each.issuer != each.subject]
        return cls(certificates[0], private, tuple(each.public_bytes(Encoding.DER) for each in below))

    def certify(self, holder: HolderKey) -> tuple[bytes, ...]:
        """A chain for a holder key, leaf first, in DER. The name in it says nothing of the holder."""
        private = serialization.load_pem_private_key(holder.pem, None)
        der = private.public_key().public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        public = load_der_public_key(der)
        start = datetime.now(UTC) - timedelta(minutes=5)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Holder")]))
            .issuer_name(self.certificate.subject)
            .public_key(public)  # type: ignore[arg-type]  # of a key that was made here
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, *(False,) * 8), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return (leaf.public_bytes(Encoding.DER), *self.chain)
