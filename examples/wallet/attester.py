"""The wallet as its own provider: it attests its keys and itself where that is wanted (OID4VCI D, E).

The keys are files, and nobody looks how they are kept: this is for issuers that are being tried out.
"""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from examples.wallet.keys import read_key
from oid4vci.keys import LocalSigner
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.unsigned_jwt import UnsignedJwt, signed
from oid4vci.wallet import WalletAttestation

__all__ = ("Attester",)

LIFETIME = 300
Levels = tuple[str, ...]


@frozen
class Attester:
    """Who attests: by certificates, in DER and without the anchor, or under a name that the other side knows.

    `key_storage`, `user_authentication`: the levels of which keys are said to be; None: whatever an issuer wants to hear.
    """

    signer: LocalSigner
    x5c: tuple[bytes, ...]
    name: str | None
    key_storage: Levels | None = None
    user_authentication: Levels | None = None

    @classmethod
    def from_files(
        cls,
        key: Path,
        chain: Path | None,
        name: str | None,
        *,
        key_storage: Levels | None = None,
        user_authentication: Levels | None = None,
    ) -> "Attester":
        """From a private key and its certificates in PEM. Raises `OSError`, `ValueError`."""
        signer = read_key(key)
        certificates = [] if chain is None else x509.load_pem_x509_certificates(chain.read_bytes())
        x5c = tuple(each.public_bytes(Encoding.DER) for each in certificates)
        attester = cls(signer, x5c, name, key_storage, user_authentication)
        # What is wrong with the chain is said before anything is sent.
        attester.attest([signer], None, nonce=None, now=0)
        return attester

    def attest(
        self, keys: Sequence[LocalSigner], required: KeyAttestationsRequired | None, *, nonce: str | None, now: int
    ) -> str:
        """A key attestation, with the levels of this attester or else the first of those that an issuer takes.

        Raises `ValueError`.
        """
        storage, authentication = (None, None) if required is None else (required.key_storage, required.user_authentication)
        data = key_attestation_signing_input(
            self.signer,
            x5c=self.x5c,
            issuer=self.name,
            attested_keys=[key.public_jwk for key in keys],
            now=now,
            lifetime=LIFETIME,
            nonce=nonce,
            key_storage=(storage or ())[:1] if self.key_storage is None else self.key_storage,
            user_authentication=(authentication or ())[:1] if self.user_authentication is None else self.user_authentication,
        )
        (attestation,) = signed([UnsignedJwt(self.signer, data)], [])
        return attestation

    def vouch(self, instance: LocalSigner, *, client_id: str, authorization_server: str, now: int) -> WalletAttestation:
        """A Wallet Attestation for one instance of the wallet, to be shown to one server. Raises `ValueError`."""
        data = client_attestation_signing_input(
            self.signer,
            x5c=self.x5c,
            issuer=self.name or client_id,
            client_id=client_id,
            jwk=instance.public_jwk,
            now=now,
            lifetime=LIFETIME,
        )
        (jwt,) = signed([UnsignedJwt(self.signer, data)], [])
        return WalletAttestation(jwt, instance, authorization_server=authorization_server)
