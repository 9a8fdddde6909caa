"""The private keys of a wallet: one for each credential, for each access token, for each instance that is attested."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from attrs import field, frozen
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.wallet import Opened

__all__ = ("HolderKey", "dpop_key", "read_key")

_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
PREFERRED = (*_CURVES, "EdDSA")


@frozen
class HolderKey:
    """A key for one credential."""

    signer: LocalSigner
    pem: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str, algorithms: tuple[str, ...] | None) -> "HolderKey":
        """A new key for an algorithm that the issuer accepts. Raises `ValueError` if none is known here."""
        algorithm = next((each for each in PREFERRED if algorithms is None or each in algorithms), None)
        if algorithm is None:
            raise ValueError(f"the issuer wants keys for other algorithms than {', '.join(PREFERRED)}")
        key = ec.generate_private_key(_CURVES[algorithm]) if algorithm in _CURVES else ed25519.Ed25519PrivateKey.generate()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return cls(LocalSigner.from_pem(name, pem, algorithm=algorithm), pem)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """A key that was stored. Raises `KeyError`, `TypeError`, `ValueError`."""
        pem = stored["pem"].encode()
        return cls(LocalSigner.from_pem(stored["name"], pem, algorithm=stored["algorithm"]), pem)

    def to_json(self) -> dict[str, str]:
        """What is stored: the private key is in it."""
        return {"name": self.signer.key_id, "algorithm": self.signer.algorithm, "pem": self.pem.decode()}


def dpop_key(opened: Opened) -> HolderKey | None:
    """A new key for the access token, where the server can bind it to one that we can make."""
    supported = opened.server.dpop_signing_alg_values_supported
    try:
        return None if supported is None else HolderKey.generate("dpop", supported)
    except ValueError:
        return None


def read_key(path: Path) -> LocalSigner:
    """A private key in a PEM file, by its thumbprint. Raises `OSError`, `ValueError`."""
    pem = path.read_bytes()
    try:
        return LocalSigner.from_pem(thumbprint(LocalSigner.from_pem("key", pem).public_jwk), pem)
    except TypeError:
        raise ValueError(f"{path} has a password") from None
