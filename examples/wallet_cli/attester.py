"""The wallet as its own provider: it attests its keys where an issuer wants that (OID4VCI D).

The keys are files, and nobody looks how they are kept: this is for issuers that are being tried out.
"""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.unsigned_jwt import UnsignedJwt, signed

__all__ = ("Attester",)

LIFETIME = 300


@frozen
class Attester:
    """Who attests keys: by certificates, in DER and without the anchor, or under a name that the issuer knows."""

    signer: LocalSigner
    x5c: tuple[bytes, ...]
    name: str | None

    @classmethod
    def from_files(cls, key: Path, chain: Path | None, name: str | None) -> "Attester":
        """From a private key and its certificates in PEM. Raises `OSError`, `ValueError`."""
        try:
            pem = key.read_bytes()
            signer = LocalSigner.from_pem(thumbprint(LocalSigner.from_pem("attester", pem).public_jwk), pem)
        except TypeError:
            raise ValueError(f"{key} has a password") from None
        certificates = [] if chain is None else x509.load_pem_x509_certificates(chain.read_bytes())
        attester = cls(signer, tuple(each.public_bytes(Encoding.DER) for each in certificates), name)
        # What is wrong with the chain is said before anything is sent.
        attester.attest([signer], None, nonce=None, now=0)
        return attester

    def attest(
        self, keys: Sequence[LocalSigner], required: KeyAttestationsRequired | None, *, nonce: str | None, now: int
    ) -> str:
        """A key attestation, with the first of the levels that an issuer takes. Raises `ValueError`."""
        storage, authentication = (None, None) if required is None else (required.key_storage, required.user_authentication)
        data = key_attestation_signing_input(
            self.signer,
            x5c=self.x5c,
            issuer=self.name,
            attested_keys=[key.public_jwk for key in keys],
            now=now,
            lifetime=LIFETIME,
            nonce=nonce,
            key_storage=(storage or ())[:1],
            user_authentication=(authentication or ())[:1],
        )
        (attestation,) = signed([UnsignedJwt(self.signer, data)], [])
        return attestation
