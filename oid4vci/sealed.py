"""Sealed values: small claims that only we can write and read, so that no row is needed to remember them.

A sealed value is AES-256-GCM over a JSON object, for one purpose, under one of the server's keys. Any process that has the keys
opens what any other sealed. Sealing makes nothing single-use: that takes a record.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from oid4vci import _json
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.secret import NewSecret

__all__ = ("SealingKeys",)

MAX_SEALED = 4096
_ID, _NONCE = 4, 12


def _derived(key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"oid4vci " + use).derive(key)


@frozen
class _Key:
    id: bytes
    aead: AESGCM = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "_Key":
        if len(secret) != 32:
            raise ValueError("a sealing key has 32 bytes")
        identifier = hashlib.sha256(b"oid4vci key id" + secret).digest()[:_ID]
        return cls(identifier, AESGCM(_derived(secret, b"seal")), _derived(secret, b"mac"))


def _keys(secrets: Iterable[bytes]) -> tuple[_Key, ...]:
    keys = tuple(_Key.of(secret) for secret in secrets)
    if not keys:
        raise ValueError("at least one sealing key is needed")
    return keys


@frozen(eq=False)
class SealingKeys:
    """The server's secret keys of 32 random bytes each, the one in use first.

    To rotate, put a new key in front and drop the old one once everything sealed with it has expired. One key is good for some
    2**32 sealed values (NIST SP 800-38D 8.3): a busy server rotates once a month.

    >>> keys = SealingKeys([bytes(32)])
    >>> keys.open("c_nonce", keys.seal("c_nonce", {"exp": 5}, new_secret=lambda size: bytes(size)))
    {'exp': 5}
    """

    _keys: tuple[_Key, ...] = field(converter=_keys, repr=False)

    def seal(self, purpose: str, claims: Mapping[str, Any], *, new_secret: NewSecret) -> str:
        """`claims` (a small JSON object) as base64url text that opens for `purpose` only."""
        key, nonce = self._keys[0], new_secret(_NONCE)
        sealed = key.aead.encrypt(nonce, _json.dump_bytes(claims), purpose.encode())
        return b64url_encode(key.id + nonce + sealed)

    @classmethod
    def named_by(cls, secret: str) -> "SealingKeys":
        """The key that a secret of at least 256 bits stands for: what it seals can be read by who knows the secret, not by us."""
        return cls([hashlib.sha256(b"oid4vci sealed by " + secret.encode()).digest()])

    def open(self, purpose: str, sealed: str, *, max_size: int = MAX_SEALED) -> dict[str, Any]:
        """The claims. Raises `Malformed` for anything these keys did not seal for this purpose, or over `max_size` characters."""
        if len(sealed) > max_size:
            raise Malformed("too large")
        raw = b64url_decode(sealed)
        for key in self._keys:
            if raw[:_ID] == key.id and len(raw) >= _ID + _NONCE + 16:
                try:
                    opened = key.aead.decrypt(raw[_ID : _ID + _NONCE], raw[_ID + _NONCE :], purpose.encode())
                except InvalidTag:
                    continue
                return _json.object_from(opened)
        raise Malformed("not sealed by this server for this purpose")

    def remaining(self, purpose: str, sealed: str, *, now: int) -> int:
        """The seconds until the `exp` of a sealed value; 0 once it has passed, or if it is not of these keys and this purpose."""
        try:
            return max(0, int(self.open(purpose, sealed)["exp"]) - now)
        except Malformed:
            return 0

    def mac(self, purpose: str, text: str) -> str:
        """An HMAC of `text`, to keep where `text` itself has too little entropy for a digest."""
        return self._mac(self._keys[0], purpose, text)

    def check_mac(self, purpose: str, text: str, mac: str) -> bool:
        """Whether `mac` was made of `text` for this purpose by one of the keys; in constant time for each key."""
        matches = [hmac.compare_digest(self._mac(key, purpose, text), mac) for key in self._keys]
        return True in matches

    @staticmethod
    def _mac(key: _Key, purpose: str, text: str) -> str:
        return hmac.digest(key.mac, purpose.encode() + b"\0" + text.encode(), "sha256").hex()
