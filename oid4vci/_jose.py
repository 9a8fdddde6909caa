"""JOSE: strict framing and one table of algorithms.

Rule 1: only this file imports python-jose, and only its keys over cryptography: they do the arithmetic, the framing is ours
(python-jose takes stray characters, other alphabets, an ES256 signature by a P-384 key, and ignores `crit`).
Rule 2: no algorithm is taken from a header alone. Callers give the algorithms they allow; key type and curve must fit.
Rule 3: RSA is verified, where a caller allows it by name, and never made: it is for the tokens of servers elsewhere.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from jose.backends.cryptography_backend import CryptographyECKey

from oid4vci import _json
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = (
    "ALGORITHMS",
    "RSA_ALGORITHMS",
    "Algorithm",
    "CryptoPrivateKey",
    "CryptoPublicKey",
    "Jws",
    "PublicKey",
    "compact",
    "parse",
    "public_key",
    "signing_input",
    "verify",
)

MAX_JWT = 65_536
# Bytes of a header, a certificate chain in it and all, that is remembered.
MAX_REMEMBERED: Final = 16_384
CryptoPublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
CryptoPrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class _Arithmetic(Protocol):
    """What a key does, python-jose's or ours: raw JWS signatures over bytes."""

    def sign(self, msg: bytes) -> bytes: ...
    def verify(self, msg: bytes, sig: bytes) -> bool: ...


class _Ed25519Key:
    """RFC 8037; python-jose has no EdDSA."""

    def __init__(self, key: Any, algorithm: str) -> None:
        self._key = key

    def sign(self, msg: bytes) -> bytes:
        signature: bytes = self._key.sign(msg)
        return signature

    def verify(self, msg: bytes, sig: bytes) -> bool:
        try:
            self._key.verify(sig, msg)
        except InvalidSignature:
            return False
        return True


class _Secp256k1Key:
    """RFC 8812; python-jose's EC key knows only the NIST curves."""

    def __init__(self, key: Any, algorithm: str) -> None:
        self._key = key

    def sign(self, msg: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(msg, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def verify(self, msg: bytes, sig: bytes) -> bool:
        der = encode_dss_signature(int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big"))
        try:
            self._key.verify(der, msg, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@frozen
class Algorithm:
    """A JWS algorithm (RFC 7518 3, RFC 8037, RFC 8812, RFC 9864): the one key type and curve it goes with."""

    name: str
    kty: str
    crv: str
    signature_size: int
    key: Callable[[Any, str], _Arithmetic] = field(repr=False)


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("ES256", "EC", "P-256", 64, CryptographyECKey),
        Algorithm("ES384", "EC", "P-384", 96, CryptographyECKey),
        Algorithm("ES512", "EC", "P-521", 132, CryptographyECKey),
        Algorithm("ES256K", "EC", "secp256k1", 64, _Secp256k1Key),
        Algorithm("EdDSA", "OKP", "Ed25519", 64, _Ed25519Key),
        Algorithm("Ed25519", "OKP", "Ed25519", 64, _Ed25519Key),
    )
}


def _pss(digest: hashes.HashAlgorithm) -> padding.PSS:
    # "The size of the salt value is the same size as the hash function output" -- RFC 7518 3.5
    return padding.PSS(padding.MGF1(digest), digest.digest_size)


RSA_ALGORITHMS: Final[Mapping[str, tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]]] = {
    "RS256": (padding.PKCS1v15(), hashes.SHA256()),
    "RS384": (padding.PKCS1v15(), hashes.SHA384()),
    "RS512": (padding.PKCS1v15(), hashes.SHA512()),
    "PS256": (_pss(hashes.SHA256()), hashes.SHA256()),
    "PS384": (_pss(hashes.SHA384()), hashes.SHA384()),
    "PS512": (_pss(hashes.SHA512()), hashes.SHA512()),
}
"""RSA (RFC 7518 3.3, 3.5): padding and hash."""

# "A key of size 2048 bits or larger MUST be used" (RFC 7518 3.3); larger ones than 8192 bits are slow on purpose.
RSA_BITS: Final = range(2048, 8193)
_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, int]]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
CURVE_NAMES: Final[Mapping[str, str]] = {curve.name: crv for crv, (curve, _) in _CURVES.items()}
_P25519: Final = (1 << 255) - 19
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# The y coordinates of the points of order 1, 2, 4 and 8 on edwards25519.
_SMALL_ORDER: Final = frozenset((0, 1, _P25519 - 1, _ORDER_8, _P25519 - _ORDER_8))
_PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"))


@frozen(eq=False)
class PublicKey:
    """A public key for signatures. Two are equal if their key material is, whatever `kid` or `alg` their JWK had.

    `jwk` has the required members only (RFC 7638 3.2); `kid` and `alg` are what the JWK it came from said, if anything. `crv` is
    empty for an RSA key. `did_url` is the DID URL by which its holder named the key, in a proof that verified.
    """

    jwk: Mapping[str, str]
    crv: str
    key: CryptoPublicKey = field(repr=False)
    kid: str | None = None
    alg: str | None = None
    did_url: str | None = None

    def __eq__(self, other: object) -> bool:
        return self.jwk == other.jwk if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self.jwk.items()))

    def fits(self, algorithm: str) -> bool:
        """Whether this key can verify signatures of that algorithm: type, curve, and the JWK's own `alg`, if it has one."""
        if self.alg not in (None, algorithm):
            return False
        if isinstance(self.key, rsa.RSAPublicKey):
            return algorithm in RSA_ALGORITHMS
        return algorithm in ALGORITHMS and ALGORITHMS[algorithm].crv == self.crv


def _coordinate(jwk: Mapping[str, Any], name: str, size: int) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise Malformed("must be a string", name)
    raw = b64url_decode(value)
    if len(raw) != size:
        # "The length of this octet string MUST be the full size of a coordinate for the curve" -- RFC 7518 6.2.1.2
        raise Malformed("must be as long as the curve's coordinates", name)
    return raw


def _rsa_key(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    numbers = []
    for name in ("n", "e"):
        value = jwk.get(name)
        if not isinstance(value, str):
            raise Malformed("must be a string", name)
        raw = b64url_decode(value)
        if raw[:1] in (b"", b"\0"):
            # "MUST utilize the minimum number of octets needed to represent the value" -- RFC 7518 2
            raise Malformed("must be a number without leading zeros", name)
        numbers.append(int.from_bytes(raw, "big"))
    modulus, exponent = numbers
    if modulus.bit_length() not in RSA_BITS or not modulus % 2 or not exponent % 2 or not 3 <= exponent < 1 << 32:
        raise Malformed("is not a usable RSA key")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


@lru_cache(256)
def _point(crv: str, coordinates: bytes) -> ec.EllipticCurvePublicKey:
    """Remembered, because a key comes again: in a proof, then in the credential that is bound to it. Raises `Malformed`."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[crv][0], b"\x04" + coordinates)
    except ValueError:
        raise Malformed("is not a point on the curve") from None


def public_key(jwk: Any, *, allow_rsa: bool = False) -> PublicKey:
    """The public key of a JWK (RFC 7517), for signatures.

    Refused: symmetric keys, private members, `use` or `key_ops` for something else, unknown types and curves, points not on
    the curve, Ed25519 points of small order, and RSA unless `allow_rsa`. Raises `Malformed`.
    """
    if not isinstance(jwk, Mapping):
        raise Malformed("must be a JSON object")
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise Malformed("must be a public key, without private members")
    kid, alg, crv = jwk.get("kid"), jwk.get("alg"), jwk.get("crv")
    if jwk.get("use", "sig") != "sig":
        raise Malformed("must be a key for signatures", "use")
    key_ops = jwk.get("key_ops", ("verify",))
    if not isinstance(key_ops, list | tuple) or "verify" not in key_ops:
        raise Malformed("must be a key for signatures", "key_ops")
    if not isinstance(kid, str | None) or not isinstance(alg, str | None):
        raise Malformed("kid and alg must be strings")
    kty = jwk.get("kty")
    if kty == "EC" and isinstance(crv, str) and crv in _CURVES:
        size = _CURVES[crv][1]
        key: CryptoPublicKey = _point(crv, _coordinate(jwk, "x", size) + _coordinate(jwk, "y", size))
        return PublicKey({"kty": "EC", "crv": crv, "x": jwk["x"], "y": jwk["y"]}, crv, key, kid, alg)
    if kty == "OKP" and crv == "Ed25519":
        raw = _coordinate(jwk, "x", 32)
        ordinate = int.from_bytes(raw, "little") & ((1 << 255) - 1)
        if ordinate >= _P25519 or ordinate in _SMALL_ORDER:
            # With a point of small order, one signature fits every message: whoever sends such a key has proved nothing.
            raise Malformed("is not a usable key", "x")
        key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        return PublicKey({"kty": "OKP", "crv": "Ed25519", "x": jwk["x"]}, "Ed25519", key, kid, alg)
    if kty == "RSA" and allow_rsa:
        return PublicKey({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}, "", _rsa_key(jwk), kid, alg)
    raise Malformed("has a key type or curve that is not supported")


def jwk_of(key: object) -> dict[str, str]:
    """The public JWK of a cryptography key object, required members only. Raises `ValueError` for an unsupported key."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        key = key.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVE_NAMES:
        crv = CURVE_NAMES[key.curve.name]
        size, numbers = _CURVES[crv][1], key.public_numbers()
        x, y = (b64url_encode(n.to_bytes(size, "big")) for n in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": crv, "x": x, "y": y}
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(key.public_bytes_raw())}
    raise ValueError("this kind of key is not supported")


@frozen
class Jws:
    """A compact JWS, taken apart and not believed."""

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """The `alg` of the header. Raises `Malformed` if it is no string."""
        algorithm = self.header.get("alg")
        if not isinstance(algorithm, str):
            raise Malformed("alg must be a string", "header")
        return algorithm

    def claims(self) -> dict[str, Any]:
        """The payload as a JWT Claims Set (RFC 7519 4). Raises `Malformed`."""
        return _json.object_from(self.payload, max_bytes=MAX_JWT)


def parse(token: str, *, max_bytes: int = MAX_JWT, header_repeats: bool = False) -> Jws:
    """Take a compact JWS apart (RFC 7515 7.1): three canonical base64url parts, a strict JSON header, no `crit`.

    `header_repeats`: whether others with the same header are to be expected, as Credentials of one issuer have. Raises `Malformed`.
    """
    if len(token) > max_bytes:
        raise Malformed("too large")
    try:
        raw = token.encode("ascii")
    except UnicodeEncodeError:
        raise Malformed("not a JWT") from None
    if raw.count(b".") != 2:
        raise Malformed("not a JWT")
    dot = raw.rindex(b".")
    head, _, payload = raw[:dot].partition(b".")
    header = _remembered_header(head) if header_repeats and len(head) <= MAX_REMEMBERED else _header(head)
    return Jws(header, b64url_decode(payload), raw[:dot], b64url_decode(raw[dot + 1 :]))


def _header(head: bytes) -> dict[str, Any]:
    header = _json.object_from(b64url_decode(head))
    # "If any of the listed extension Header Parameters are not understood and supported ... the JWS is invalid" -- RFC 7515 4.1.11
    if "crit" in header:
        raise Malformed("crit names header parameters that are not understood", "header")
    if "b64" in header:
        raise Malformed("an unencoded payload (RFC 7797) is not supported", "header")
    return header


@lru_cache(8)
def _remembered_header(head: bytes) -> Mapping[str, Any]:
    return MappingProxyType(_header(head))


def verify(jws: Jws, key: PublicKey, *, algorithms: Collection[str | int]) -> None:
    """Verify the signature with `key`; the header's `alg` must be among `algorithms` and fit the key.

    Raises `Malformed`.
    """
    name = jws.algorithm
    if name not in algorithms or not (name in ALGORITHMS or name in RSA_ALGORITHMS):
        raise Malformed("alg is not an accepted algorithm", "header")
    if not key.fits(name):
        raise Malformed("alg does not fit the key", "header")
    if not _verifies(jws, key.key, name):
        raise Malformed("the signature does not verify")


def _verifies(jws: Jws, key: CryptoPublicKey, name: str) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        try:
            key.verify(jws.signature, jws.signing_input, *RSA_ALGORITHMS[name])
        except InvalidSignature:
            return False
        return True
    algorithm = ALGORITHMS[name]
    return len(jws.signature) == algorithm.signature_size and algorithm.key(key, name).verify(jws.signing_input, jws.signature)


def signing_input(header: Mapping[str, Any], payload: bytes) -> bytes:
    """The bytes that a JWS signature covers (RFC 7515 5.1)."""
    return f"{b64url_encode(_json.dump_bytes(header))}.{b64url_encode(payload)}".encode()


def compact(data: bytes, signature: bytes) -> str:
    """Signing input and signature as a compact JWS."""
    return f"{data.decode()}.{b64url_encode(signature)}"
