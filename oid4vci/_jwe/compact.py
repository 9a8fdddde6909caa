"""Compact JWE (RFC 7516): encrypted, taken apart, decrypted."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import field, frozen
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from oid4vci import _json
from oid4vci._deflate import deflate, inflate
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci._jwe.content_encryption import CONTENT_ENCRYPTIONS, ContentEncryption
from oid4vci._jwe.key_agreement import KEY_AGREEMENTS, derived_key
from oid4vci._jwe.keys import DecryptionKey, EncryptionKey, public_agreement_key
from oid4vci.secret import NewSecret

__all__ = ("MAX_MESSAGE", "ZIP_VALUES", "Jwe", "decrypt", "encrypt", "parse")

MAX_MESSAGE: Final = 1 << 20
"""Bytes of a JWE, and of what is in it, unless the caller says otherwise."""
ZIP_VALUES: Final = ("DEF",)
"""The known compression algorithms (RFC 7516 4.1.3)."""
SMALL: Final = 1 << 18
"""Bytes that nobody is troubled by."""
MAX_HEADER: Final = 16_384
MAX_PARTY: Final = 1_024


@frozen
class Jwe:
    """A compact JWE, taken apart and not believed. `aad` is the header as it was sent."""

    header: Mapping[str, Any]
    encrypted_key: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    tag: bytes = field(repr=False)
    aad: bytes = field(repr=False)

    def text(self, name: str) -> str | None:
        """A header parameter that is a string; None if it is absent. Raises `Malformed` if it is no string."""
        if name not in self.header:
            return None
        value = self.header[name]
        if not isinstance(value, str):
            raise Malformed(f"{name} must be a string", "header")
        return value

    def party(self, name: str) -> bytes:
        """`apu` or `apv`: what the key is derived from as well (RFC 7518 4.6.1.2, 4.6.1.3). Raises `Malformed`."""
        value = b64url_decode(self.text(name) or "")
        if len(value) > MAX_PARTY:
            raise Malformed(f"{name} is too large", "header")
        return value


def parse(token: bytes, *, max_bytes: int = MAX_MESSAGE) -> Jwe:
    """Take a compact JWE apart (RFC 7516 5.2): five canonical base64url parts, a strict JSON header, no `crit`.

    Raises `Malformed`.
    """
    if len(token) > max_bytes:
        raise Malformed("too large")
    parts = token.split(b".", 5)
    if len(parts) != 5:
        raise Malformed("not a JWE")
    if len(parts[0]) > MAX_HEADER:
        raise Malformed("too large", "header")
    header = _json.object_from(b64url_decode(parts[0]))
    # Extensions that "MUST be understood and processed" -- RFC 7516 4.1.13, RFC 7515 4.1.11
    if "crit" in header:
        raise Malformed("crit names header parameters that are not understood", "header")
    encrypted_key, iv, ciphertext, tag = (b64url_decode(part) for part in parts[1:])
    return Jwe(header, encrypted_key, iv, ciphertext, tag, parts[0])


def encrypt(plaintext: bytes, key: EncryptionKey, *, enc: str, zip: str | None = None, new_secret: NewSecret) -> str:  # noqa: A002
    """`plaintext` for the holder of `key`, by its `alg`, and with its `kid` if it has one (OID4VCI 10).

    `enc` is one of `CONTENT_ENCRYPTIONS`; with `zip`, one of `ZIP_VALUES`, it is compressed before (RFC 7516 4.1.3).
    """
    content, wrapping_size = CONTENT_ENCRYPTIONS[enc], KEY_AGREEMENTS[key.alg]
    # "a new ephemeral public key value MUST be generated for each key agreement operation" -- RFC 7518 4.6
    ephemeral = DecryptionKey.generate(alg=key.alg, crv=key.crv, new_secret=new_secret)
    epk = {name: value for name, value in ephemeral.public_jwk.items() if name in ("kty", "crv", "x", "y")}
    header = {"alg": key.alg, "enc": enc, "epk": epk}
    if key.kid is not None:
        header["kid"] = key.kid
    if zip is not None:
        header["zip"] = zip
        plaintext = deflate(plaintext)
    agreed = derived_key(
        ephemeral.agree(key.key),
        algorithm=enc if wrapping_size is None else key.alg,
        size=content.key_size if wrapping_size is None else wrapping_size,
    )
    content_key = agreed if wrapping_size is None else new_secret(content.key_size)
    encrypted_key = b"" if wrapping_size is None else aes_key_wrap(agreed, content_key)
    iv = new_secret(content.iv_size)
    head = b64url_encode(_json.dump_bytes(header))
    ciphertext, tag = content.encrypt(content_key, iv, plaintext, head.encode())
    return ".".join((head, *(b64url_encode(part) for part in (encrypted_key, iv, ciphertext, tag))))


def decrypt(
    jwe: Jwe,
    key: DecryptionKey,
    *,
    enc_values: Collection[str],
    zip_values: Collection[str] = (),
    max_bytes: int = MAX_MESSAGE,
    max_growth: int | None = None,
) -> bytes:
    """The plaintext, of at most `max_bytes` also where it was compressed.

    With `max_growth`, what was compressed may be that many times as large as it came, or `SMALL` bytes.

    The header's `alg` must be that of the key, `enc` one of `enc_values`, `zip` absent or one of `zip_values`. A `kid` in the
    key must be in the header. Raises `Malformed`.
    """
    if jwe.text("alg") != key.alg:
        raise Malformed("alg is not that of the key", "header")
    if key.kid is not None and jwe.text("kid") != key.kid:
        raise Malformed("kid is not that of the key", "header")
    enc, zip_ = jwe.text("enc"), jwe.text("zip")
    if enc is None or enc not in enc_values or enc not in CONTENT_ENCRYPTIONS:
        raise Malformed("enc is not an accepted algorithm", "header")
    if zip_ is not None and (zip_ not in zip_values or zip_ not in ZIP_VALUES):
        raise Malformed("zip is not an accepted algorithm", "header")
    content = CONTENT_ENCRYPTIONS[enc]
    content_key = _content_key(jwe, key, enc, content)
    plaintext = None
    if content_key is not None:
        plaintext = content.decrypt(content_key, jwe.iv, jwe.ciphertext, jwe.tag, jwe.aad)
    if plaintext is None:
        raise Malformed("cannot be decrypted")
    if len(plaintext) > max_bytes:
        raise Malformed("too large")
    if zip_ is None:
        return plaintext
    grown = max_bytes if max_growth is None else max(SMALL, max_growth * len(plaintext))
    return inflate(plaintext, max_size=min(max_bytes, grown))


def _content_key(jwe: Jwe, key: DecryptionKey, enc: str, content: ContentEncryption) -> bytes | None:
    """The Content Encryption Key (RFC 7516 5.2, 6 to 12); None if there is none of the right size."""
    try:
        crv, public = public_agreement_key(jwe.header.get("epk"))
    except Malformed as error:
        raise error.within("epk") from None
    if crv != key.crv:
        raise Malformed("is on another curve than the key", "epk")
    apu, apv, wrapping_size = jwe.party("apu"), jwe.party("apv"), KEY_AGREEMENTS[key.alg]
    secret = key.agree(public)
    if wrapping_size is None:
        if jwe.encrypted_key:
            return None
        return derived_key(secret, algorithm=enc, size=content.key_size, apu=apu, apv=apv)
    wrapping_key = derived_key(secret, algorithm=key.alg, size=wrapping_size, apu=apu, apv=apv)
    try:
        content_key = aes_key_unwrap(wrapping_key, jwe.encrypted_key)
    except InvalidUnwrap:
        return None
    return content_key if len(content_key) == content.key_size else None
