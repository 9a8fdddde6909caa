"""ECDH-ES (RFC 7518 4.6): the key that a secret stands for, directly or to wrap another."""

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

__all__ = ("KEY_AGREEMENTS", "derived_key")

KEY_AGREEMENTS: Final[Mapping[str, int | None]] = {
    "ECDH-ES": None,
    "ECDH-ES+A128KW": 16,
    "ECDH-ES+A192KW": 24,
    "ECDH-ES+A256KW": 32,
}
"""By their `alg` values, the preferred one first: the bytes of the key that wraps the Content Encryption Key.

None where what was agreed on is that key itself.
"""


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def derived_key(secret: bytes, *, algorithm: str, size: int, apu: bytes = b"", apv: bytes = b"") -> bytes:
    """`size` bytes by the Concat KDF (RFC 7518 4.6.2); `algorithm` is the `enc` value where they are the key itself, else `alg`."""
    other = _counted(algorithm.encode()) + _counted(apu) + _counted(apv) + (size * 8).to_bytes(4, "big")
    return ConcatKDFHash(SHA256(), size, other).derive(secret)
