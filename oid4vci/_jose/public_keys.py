"""Public keys for signatures: read from a JWK (RFC 7517), and written as one."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from oid4vci._jose.algorithms import ALGORITHMS
from oid4vci._jose.curves import _CURVES, CURVE_NAMES
from oid4vci._jose.ml_dsa import PARAMETER_SETS, MlDsaPublicKey, ParameterSet, parameter_set_of
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = ("PRIVATE_MEMBERS", "CryptoPublicKey", "PublicKey", "coordinate", "jwk_of", "number", "point", "public_key")

CryptoPublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey | MlDsaPublicKey

# "A key of size 2048 bits or larger MUST be used" (RFC 7518 3.3, 3.5); larger ones than 8192 bits are slow on purpose.
RSA_BITS: Final = range(2048, 8193)
_P25519: Final = (1 << 255) - 19
_ORDER_8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# The y coordinates of the points of order 1, 2, 4 and 8 on edwards25519.
_SMALL_ORDER: Final = frozenset((0, 1, _P25519 - 1, _ORDER_8, _P25519 - _ORDER_8))
# RFC 7518 6.2.2, 6.3.2, 6.4; RFC 9964 3.
PRIVATE_MEMBERS: Final = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"))


@frozen(eq=False)
class PublicKey:
    """A public key for signatures. Two are equal if their key material is, whatever `kid` or `alg` their JWK had.

    `jwk` has the required members only (RFC 7638 3.2); `kid` and `alg` are what the JWK it came from said, if anything. `crv` is
    empty for a key without a curve, RSA or ML-DSA. `did_url` is the DID URL by which its holder named the key, in a proof that
    verified.
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
        known = ALGORITHMS.get(algorithm)
        return known is not None and self.alg in (None, algorithm) and known.goes_with(self.jwk)

    @property
    def signs(self) -> bool:
        """Whether there is an algorithm that it fits: not if the JWK's own `alg` (RFC 7517 4.4) is for something else."""
        return self.alg is None or self.fits(self.alg)


def _octets(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise Malformed("must be a string", name)
    return b64url_decode(value)


def coordinate(jwk: Mapping[str, Any], name: str, size: int) -> bytes:
    """The bytes of a coordinate, or of a key that is one. Raises `Malformed`."""
    raw = _octets(jwk, name)
    if len(raw) != size:
        # "The length of this octet string MUST be the full size of a coordinate for the curve" -- RFC 7518 6.2.1.2
        raise Malformed("must be as long as the curve's coordinates", name)
    return raw


def number(jwk: Mapping[str, Any], name: str) -> int:
    """A Base64urlUInt of at most the largest RSA key's size (RFC 7518 2). Raises `Malformed`."""
    raw = _octets(jwk, name)
    if raw[:1] in (b"", b"\0"):
        # "MUST utilize the minimum number of octets needed to represent the value" -- RFC 7518 2
        raise Malformed("must be a number without leading zeros", name)
    if len(raw) > RSA_BITS[-1] // 8:
        raise Malformed("is too large a number", name)
    return int.from_bytes(raw, "big")


@lru_cache(1)
def _weak_residues() -> Sequence[tuple[int, frozenset[int]]]:
    """For small primes, what remains of the moduli that one faulty library of chips makes (CVE-2017-15361): powers of 65537."""
    primes = [p for p in range(3, 702, 2) if all(p % q for q in range(3, int(p**0.5) + 1, 2))]
    return [(p, frozenset(pow(65537, k, p) for k in range(p))) for p in primes]


def _rsa_key(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = number(jwk, "n"), number(jwk, "e")
    if modulus.bit_length() not in RSA_BITS or not modulus % 2 or not exponent % 2 or not 3 <= exponent < 1 << 32:
        raise Malformed("is not a usable RSA key")
    if all(modulus % prime in powers for prime, powers in _weak_residues()):
        # Secure elements of wallets have it too. Such a modulus can be factored.
        raise Malformed("is an RSA key of a kind whose private half can be found out")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ml_dsa_key(jwk: Mapping[str, Any], kind: ParameterSet) -> MlDsaPublicKey:
    raw = _octets(jwk, "pub")
    if len(raw) != kind.public_size:
        raise Malformed("has not the size of its kind of key", "pub")
    key: MlDsaPublicKey = kind.public_class.from_public_bytes(raw)
    return key


@lru_cache(256)
def point(crv: str, coordinates: bytes) -> ec.EllipticCurvePublicKey:
    """Remembered, because a key comes again: in a proof, then in the credential that is bound to it. Raises `Malformed`."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[crv][0], b"\x04" + coordinates)
    except ValueError:
        raise Malformed("is not a point on the curve") from None


def public_key(jwk: Any) -> PublicKey:
    """The public key of a JWK (RFC 7517), for signatures, of every kind that an algorithm here goes with.

    Which algorithms it may be used by is for whoever verifies to allow: a kind of key that was not meant fits none of them.

    Refused: symmetric keys, private members, `use` or `key_ops` for something else, unknown types and curves, points not on
    the curve, Ed25519 points of small order, RSA keys of fewer than 2048 bits or more than 8192, or made so that they can be
    factored. Raises `Malformed`.
    """
    if not isinstance(jwk, Mapping):
        raise Malformed("must be a JSON object")
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
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
        ec_key = point(crv, coordinate(jwk, "x", size) + coordinate(jwk, "y", size))
        return PublicKey({"kty": "EC", "crv": crv, "x": jwk["x"], "y": jwk["y"]}, crv, ec_key, kid, alg)
    if kty == "OKP" and crv == "Ed25519":
        raw = coordinate(jwk, "x", 32)
        ordinate = int.from_bytes(raw, "little") & ((1 << 255) - 1)
        if ordinate >= _P25519 or ordinate in _SMALL_ORDER:
            # With a point of small order, one signature fits every message: whoever sends such a key has proved nothing.
            raise Malformed("is not a usable key", "x")
        key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
        return PublicKey({"kty": "OKP", "crv": "Ed25519", "x": jwk["x"]}, "Ed25519", key, kid, alg)
    if kty == "RSA":
        rsa_key = _rsa_key(jwk)
        return PublicKey({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}, "", rsa_key, kid, alg)
    if kty == "AKP" and alg is not None and alg in PARAMETER_SETS:
        # "alg" is REQUIRED, and says which parameter set it is -- RFC 9964 3
        ml_dsa_key = _ml_dsa_key(jwk, PARAMETER_SETS[alg])
        return PublicKey({"kty": "AKP", "alg": alg, "pub": jwk["pub"]}, "", ml_dsa_key, kid, alg)
    raise Malformed("has a key type or curve that is not supported")


def _written(value: int) -> str:
    return b64url_encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk_of(key: object) -> dict[str, str]:
    """The public JWK of a cryptography key object, private or public, required members only.

    Raises `ValueError` for an unsupported kind of key, or size of RSA key.
    """
    parameter_set = parameter_set_of(key)
    if parameter_set is not None:
        pair: Any = key
        public: MlDsaPublicKey = pair if isinstance(key, parameter_set.public_class) else pair.public_key()
        return {"kty": "AKP", "alg": parameter_set.name, "pub": b64url_encode(public.public_bytes_raw())}
    if isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        key = key.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVE_NAMES:
        crv = CURVE_NAMES[key.curve.name]
        size, numbers = _CURVES[crv][1], key.public_numbers()
        x, y = (b64url_encode(n.to_bytes(size, "big")) for n in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": crv, "x": x, "y": y}
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(key.public_bytes_raw())}
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_BITS:
        modulus = key.public_numbers()
        return {"kty": "RSA", "n": _written(modulus.n), "e": _written(modulus.e)}
    raise ValueError("this kind of key is not supported")
