"""Content encryption (RFC 7518 5): AES-GCM, and AES-CBC with HMAC."""

import hmac
from collections.abc import Mapping
from typing import Final, Protocol

from attrs import frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

__all__ = ("CONTENT_ENCRYPTIONS", "ContentEncryption")


class ContentEncryption(Protocol):
    """One `enc` value. Sizes are in bytes."""

    @property
    def key_size(self) -> int:
        """Of the Content Encryption Key."""

    @property
    def iv_size(self) -> int:
        """Of the initialization vector."""

    def encrypt(self, key: bytes, iv: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes]:
        """Ciphertext and tag."""

    def decrypt(self, key: bytes, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes | None:
        """The plaintext; None if anything is not what was encrypted with this key."""


@frozen
class _Gcm:
    """RFC 7518 5.3."""

    key_size: int
    iv_size: int = 12
    tag_size: int = 16

    def encrypt(self, key: bytes, iv: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes]:
        sealed = AESGCM(key).encrypt(iv, plaintext, aad)
        return sealed[: -self.tag_size], sealed[-self.tag_size :]

    def decrypt(self, key: bytes, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes | None:
        # "Use of an IV of size 96 bits is REQUIRED", "The requested size of the Authentication Tag output MUST be 128 bits"
        if len(iv) != self.iv_size or len(tag) != self.tag_size:
            return None
        try:
            return AESGCM(key).decrypt(iv, ciphertext + tag, aad)
        except InvalidTag:
            return None


@frozen
class _CbcHmac:
    """RFC 7518 5.2. The first half of the key authenticates, the second encrypts; the tag is as long as each."""

    key_size: int
    digest: str
    iv_size: int = 16

    def _tag(self, key: bytes, iv: bytes, ciphertext: bytes, aad: bytes) -> bytes:
        bits = (len(aad) * 8).to_bytes(8, "big")
        half = self.key_size // 2
        return hmac.digest(key[:half], aad + iv + ciphertext + bits, self.digest)[:half]

    def encrypt(self, key: bytes, iv: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes]:
        padder = PKCS7(AES.block_size).padder()
        encryptor = Cipher(AES(key[self.key_size // 2 :]), CBC(iv)).encryptor()
        ciphertext = encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()
        return ciphertext, self._tag(key, iv, ciphertext, aad)

    def decrypt(self, key: bytes, iv: bytes, ciphertext: bytes, tag: bytes, aad: bytes) -> bytes | None:
        # Nothing is decrypted, and no padding looked at, before the tag is right (RFC 7518 5.2.2.2).
        if len(iv) != self.iv_size or not hmac.compare_digest(self._tag(key, iv, ciphertext, aad), tag):
            return None
        try:
            decryptor = Cipher(AES(key[self.key_size // 2 :]), CBC(iv)).decryptor()
            unpadder = PKCS7(AES.block_size).unpadder()
            return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
        except ValueError:
            return None


CONTENT_ENCRYPTIONS: Final[Mapping[str, ContentEncryption]] = {
    "A256GCM": _Gcm(32),
    "A128GCM": _Gcm(16),
    "A192GCM": _Gcm(24),
    "A256CBC-HS512": _CbcHmac(64, "sha512"),
    "A192CBC-HS384": _CbcHmac(48, "sha384"),
    "A128CBC-HS256": _CbcHmac(32, "sha256"),
}
"""By their `enc` values, the preferred one first."""
