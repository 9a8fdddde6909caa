"""Private keys as files have them."""

from typing import Protocol

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

__all__ = ("in_pem",)


class PrivateKey(Protocol):
    """Any of `cryptography`."""

    def private_bytes(self, encoding: Encoding, form: PrivateFormat, encryption: KeySerializationEncryption, /) -> bytes: ...


def in_pem(key: PrivateKey, password: bytes | None = None) -> bytes:
    """PKCS #8, encrypted if there is a password."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
