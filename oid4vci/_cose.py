"""COSE_Sign1 and COSE_Key (RFC 9052, RFC 9053, RFC 9360): strict framing over the keys and algorithms of JOSE.

A raw JWS signature is a COSE signature (RFC 9053 2.1), so signers and keys are the same; only names and framing differ.

Rule 1: `alg` is taken from the protected header, must be among those the caller allows, and must fit the key's type and curve.
Rule 2: what a signature covers is what was received, byte for byte.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci import _cbor, _jose
from oid4vci._cbor import Tagged, head
from oid4vci._jose import PublicKey
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = (
    "ALG",
    "ALGORITHMS",
    "CRIT",
    "KID",
    "NUMBERS",
    "TYP",
    "X5CHAIN",
    "Sign1",
    "assemble",
    "cose_key",
    "encoded_key",
    "has_cose_key",
    "number_of",
    "parse",
    "public_key",
    "sig_structure",
    "sign1",
    "verify",
    "x5chain",
)

# Labels of header parameters (RFC 9052 3.1, RFC 9360 2, RFC 9596).
ALG: Final = 1
CRIT: Final = 2
KID: Final = 4
TYP: Final = 16
X5CHAIN: Final = 33

ALGORITHMS: Final[Mapping[int, str]] = {
    -7: "ES256",
    -9: "ES256",  # ESP256
    -35: "ES384",
    -51: "ES384",  # ESP384
    -36: "ES512",
    -52: "ES512",  # ESP512
    -47: "ES256K",
    -8: "EdDSA",
    -19: "Ed25519",
}
"""COSE algorithm numbers and the JWS algorithms that make the same signatures, each with its one curve (RFC 9053 2, RFC 9864)."""

NUMBERS: Final[Mapping[str, int]] = {
    "ES256": -7,
    "ES384": -35,
    "ES512": -36,
    "ES256K": -47,
    "EdDSA": -8,
    "Ed25519": -19,
}
"""The COSE algorithm number that is written for a signer's JWS algorithm."""


def number_of(algorithm: str) -> int:
    """The COSE algorithm number that is written for a signer's JWS algorithm. Raises `ValueError` if there is none here."""
    if algorithm not in NUMBERS:
        raise ValueError(f"{algorithm} is not an algorithm for COSE here: {', '.join(NUMBERS)}")
    return NUMBERS[algorithm]


_SIGN1_TAG, _CWT_TAG = 18, 61
_SIGNATURE1 = _cbor.dumps("Signature1")


@frozen
class Sign1:
    """A COSE_Sign1 (RFC 9052 4.2) taken apart, nothing verified.

    `header` is the protected one, `protected` its bytes as received.
    """

    header: Mapping[int | str, Any]
    unprotected: Mapping[int | str, Any]
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    protected: bytes = field(repr=False)

    @property
    def algorithm(self) -> int:
        """The `alg` of the protected header, one of `ALGORITHMS`. Raises `Malformed`."""
        number = self.header.get(ALG)
        if type(number) is not int or number not in ALGORITHMS:
            raise Malformed("the protected header must have a supported alg")
        return number


def sign1(value: Any) -> Sign1:
    """A COSE_Sign1 from the value that `_cbor.loads` gave for it, without its tag.

    Refused: no payload, `crit`, a label in both headers (RFC 9052 3). Raises `Malformed`.
    """
    if not isinstance(value, list) or len(value) != 4:
        raise Malformed("not a COSE_Sign1")
    protected, unprotected, payload, signature = value
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise Malformed("not a COSE_Sign1 with a payload")
    header = _cbor.loads(protected) if protected else {}
    if not isinstance(header, dict) or not isinstance(unprotected, dict):
        raise Malformed("the headers of a COSE_Sign1 must be maps")
    if not header.keys().isdisjoint(unprotected):
        raise Malformed("a header parameter is both protected and not")
    if CRIT in header or CRIT in unprotected:
        raise Malformed("crit names header parameters that are not understood")
    return Sign1(header, unprotected, payload, signature, protected)


def parse(data: bytes, *, max_bytes: int = _cbor.MAX_BYTES) -> Sign1:
    """A COSE_Sign1 message from its bytes: tagged as such, as a CWT too (RFC 8392 6), or not tagged. Raises `Malformed`."""
    value = _cbor.loads(data, max_bytes=max_bytes)
    if isinstance(value, Tagged) and value.tag == _CWT_TAG and isinstance(value.value, Tagged):
        value = value.value
    if isinstance(value, Tagged) and value.tag == _SIGN1_TAG:
        value = value.value
    return sign1(value)


def sig_structure(protected: bytes, payload: bytes, *, external_aad: bytes = b"") -> bytes:
    """The bytes that a COSE_Sign1 signature covers (RFC 9052 4.4). `protected`: the encoded map of the protected header."""
    return b"".join(
        (
            b"\x84",
            _SIGNATURE1,
            head(2, len(protected)),
            protected,
            head(2, len(external_aad)),
            external_aad,
            head(2, len(payload)),
            payload,
        )
    )


def assemble(protected: bytes, unprotected: bytes, payload: bytes, signature: bytes, *, tagged: bool = True) -> bytes:
    """A COSE_Sign1 message of encoded headers, payload and raw signature. `tagged`: with tag 18 in front."""
    return b"".join(
        (
            b"\xd2\x84" if tagged else b"\x84",
            head(2, len(protected)),
            protected,
            unprotected,
            head(2, len(payload)),
            payload,
            head(2, len(signature)),
            signature,
        )
    )


def verify(message: Sign1, key: PublicKey, *, algorithms: Collection[int], external_aad: bytes = b"") -> None:
    """Verify the signature with `key`; `alg` must be among `algorithms` (COSE numbers) and fit the key. Raises `Malformed`."""
    number = message.algorithm
    name = ALGORITHMS[number]
    if number not in algorithms:
        raise Malformed("alg is not an accepted algorithm")
    if not key.fits(name):
        raise Malformed("alg does not fit the key")
    covered = sig_structure(message.protected, message.payload, external_aad=external_aad)
    if not _jose.ALGORITHMS[name].verifies(key.key, covered, message.signature):
        raise Malformed("the signature does not verify")


def x5chain(value: Any) -> tuple[bytes, ...]:
    """The DER certificates of an `x5chain` header parameter, leaf first: one, or an array of two or more (RFC 9360 2).

    Raises `Malformed`.
    """
    chain = [value] if isinstance(value, bytes) else value
    if not isinstance(chain, list) or not all(isinstance(der, bytes) for der in chain):
        raise Malformed("must be a certificate or an array of certificates", "x5chain")
    if chain is value and not 2 <= len(chain) <= 8:
        raise Malformed("as an array must have two certificates or more, and not too many", "x5chain")
    return tuple(chain)


# --- keys -------------------------------------------------------------------------------------------------------------------

# Labels of COSE_Key and its parameters (RFC 9052 7.1, RFC 9053 7).
_KTY, _KEY_ALG, _KEY_OPS, _CRV, _X, _Y, _D = 1, 3, 4, -1, -2, -3, -4
_OKP, _EC2 = 1, 2
_VERIFY = 2
_CURVES: Final[Mapping[tuple[int, int], str]] = {
    (_EC2, 1): "P-256",
    (_EC2, 2): "P-384",
    (_EC2, 3): "P-521",
    (_EC2, 8): "secp256k1",
    (_OKP, 6): "Ed25519",
}
_CURVE_NUMBERS: Final = {crv: pair for pair, crv in _CURVES.items()}


def has_cose_key(key: PublicKey) -> bool:
    """Whether a key is of a kind that is written as a COSE_Key here: one on a curve."""
    return key.crv in _CURVE_NUMBERS


def _numbers(key: PublicKey) -> tuple[int, int]:
    if not has_cose_key(key):
        raise ValueError("this kind of key has no COSE_Key here")
    return _CURVE_NUMBERS[key.crv]


def cose_key(key: PublicKey) -> dict[int, Any]:
    """The COSE_Key (RFC 9052 7) of a public key, required members only: a map to be encoded. Raises `ValueError`."""
    kty, crv = _numbers(key)
    coordinates = {_X: b64url_decode(key.jwk["x"])} | ({_Y: b64url_decode(key.jwk["y"])} if kty == _EC2 else {})
    return {_KTY: kty, _CRV: crv, **coordinates}


def encoded_key(key: PublicKey) -> bytes:
    """`cose_key` in CBOR. Raises `ValueError`."""
    kty, crv = _numbers(key)
    x = b64url_decode(key.jwk["x"])
    start = b"\xa3\x01\x01\x20" if kty == _OKP else b"\xa4\x01\x02\x20"
    members = start + head(0, crv) + b"\x21" + head(2, len(x)) + x
    if kty == _OKP:
        return members
    y = b64url_decode(key.jwk["y"])
    return members + b"\x22" + head(2, len(y)) + y


def public_key(value: Any) -> PublicKey:
    """The public key of a COSE_Key, as `_cbor.loads` gave it. Points may be compressed, with the sign of y as a boolean.

    Refused: private keys, keys for something other than signatures, unknown types and curves, coordinates of a wrong size, and
    what `_jose.public_key` refuses. Raises `Malformed`.
    """
    if not isinstance(value, dict):
        raise Malformed("must be a COSE_Key")
    if _D in value:
        raise Malformed("must be a public key, without private members")
    kty, crv, x, y = (value.get(label) for label in (_KTY, _CRV, _X, _Y))
    curve = _CURVES.get((kty, crv)) if type(kty) is int and type(crv) is int else None
    if curve is None:
        raise Malformed("has a key type or curve that is not supported")
    operations = value.get(_KEY_OPS, [_VERIFY])
    if not isinstance(operations, list) or _VERIFY not in operations:
        raise Malformed("must be a key for signatures")
    if not isinstance(x, bytes):
        raise Malformed("must have an x coordinate")
    jwk = {"kty": "OKP", "crv": curve, "x": b64url_encode(x)}
    if kty == _EC2:
        jwk = {**jwk, "kty": "EC", "y": b64url_encode(_decompress(curve, x, y) if isinstance(y, bool) else _bytes(y))}
    if _KEY_ALG in value:
        # The JWS algorithm has one curve, so that `public_key` and `fits` hold the key to it.
        number = value[_KEY_ALG]
        if type(number) is not int or number not in ALGORITHMS or _jose.ALGORITHMS[ALGORITHMS[number]].crv != curve:
            raise Malformed("has an alg that does not fit the key")
        jwk["alg"] = ALGORITHMS[number]
    return _jose.public_key(jwk)


def _bytes(y: Any) -> bytes:
    if not isinstance(y, bytes):
        raise Malformed("must have a y coordinate")
    return y


def _decompress(crv: str, x: bytes, odd: bool) -> bytes:
    curve, size = _jose._CURVES[crv]
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve, (b"\x03" if odd else b"\x02") + x)
    except ValueError:
        raise Malformed("is not a point on the curve") from None
    return point.public_numbers().y.to_bytes(size, "big")
