"""The Multikey encoding of public keys (Controlled Identifiers 2.2.2): multicodec, then base58btc.

Rule: one key has one Multikey. Codes, lengths and points that could be written otherwise are refused.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oid4vci import _base58, _jose
from oid4vci._jose import PublicKey
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = ("multikey", "read_base58_key", "read_multikey")

# The longest is that of a P-521 key: 69 bytes in 95 characters. Reading base58 takes time that grows with the square.
MAX_MULTIKEY = 128


@frozen
class _Codec:
    """A multicodec code, as the unsigned varint that it is written as, and the size of the public key that follows."""

    crv: str
    code: bytes
    size: int
    curve: ec.EllipticCurve | None = None


_CODECS: Final = (
    _Codec("Ed25519", b"\xed\x01", 32),
    _Codec("P-256", b"\x80\x24", 33, ec.SECP256R1()),
    _Codec("P-384", b"\x81\x24", 49, ec.SECP384R1()),
    _Codec("P-521", b"\x82\x24", 67, ec.SECP521R1()),
    _Codec("secp256k1", b"\xe7\x01", 33, ec.SECP256K1()),
)
_BY_CURVE: Final[Mapping[str, _Codec]] = {codec.crv: codec for codec in _CODECS}
# So that who meets one is told what it is.
_OTHERS: Final[Mapping[bytes, str]] = {
    b"\xec\x01": "an X25519 key, which makes no signatures",
    b"\xeb\x01": "a BLS key, which is not supported",
    b"\x85\x24": "an RSA key, which is not supported in this encoding",
    **{bytes((low, 0x26)): "a private key" for low in (0x80, 0x81, 0x82, 0x86, 0x87, 0x88)},
}


def multikey(key: PublicKey) -> str:
    """The key as the `publicKeyMultibase` of a Multikey: `z` and base58btc.

    Raises `ValueError` for a kind of key that has none here, such as RSA.
    """
    codec = _BY_CURVE.get(key.crv)
    if codec is None:
        raise ValueError("this kind of key has no Multikey here")
    if isinstance(key.key, ec.EllipticCurvePublicKey):
        raw = key.key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    else:
        raw = b64url_decode(key.jwk["x"])
    return f"z{_base58.encode(codec.code + raw)}"


@lru_cache(maxsize=128)
def read_multikey(text: str) -> PublicKey:
    """The key of a Multikey. Raises `Malformed`, also for kinds of keys that make no signatures.

    The last ones are remembered: the credentials of a batch have one issuer, and a point takes as long as half a signature.
    """
    if not text.startswith("z"):
        # "prepended with the base-58-btc Multibase header" -- no other base has any of these keys
        raise Malformed("is not a Multikey in base58btc")
    if len(text) > MAX_MULTIKEY:
        raise Malformed("is longer than a Multikey of a kind that is supported")
    data = _base58.decode(text[1:])
    # Codes are compared as they are written, so one in more bytes than it needs is none of them (unsigned varint).
    codec = next((codec for codec in _CODECS if data.startswith(codec.code)), None)
    if codec is None:
        other = _OTHERS.get(data[:2])
        raise Malformed("has a kind of key that is not supported" if other is None else f"is {other}")
    return _key(codec, data[len(codec.code) :])


@lru_cache(maxsize=128)
def read_base58_key(text: str, crv: str) -> PublicKey:
    """The key of a `publicKeyBase58`, which says not what it is: one on the curve `crv`. Raises `Malformed`."""
    if len(text) > MAX_MULTIKEY:
        raise Malformed("is longer than a key")
    return _key(_BY_CURVE[crv], _base58.decode(text))


def _key(codec: _Codec, raw: bytes) -> PublicKey:
    if len(raw) != codec.size:
        raise Malformed("has not the size of its kind of key")
    if codec.curve is None:
        return _jose.public_key({"kty": "OKP", "crv": codec.crv, "x": b64url_encode(raw)})
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(codec.curve, raw)
    except ValueError:
        raise Malformed("is not a point on the curve") from None
    # A point is checked when it is read, so the JWK needs no reading.
    return PublicKey(_jose.jwk_of(point), codec.crv, point)
