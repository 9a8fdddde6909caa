"""Keys for key agreement: read from a JWK (RFC 7517, RFC 8037), made, and agreed with another (RFC 7518 4.6)."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from oid4vci._jose.curves import _CURVES
from oid4vci._jose.public_keys import PRIVATE_MEMBERS, coordinate, jwk_of, point
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci._jwe.key_agreement import KEY_AGREEMENTS
from oid4vci.secret import NewSecret, new_secret

__all__ = ("CURVES", "DecryptionKey", "EncryptionKey", "agreed_secret", "public_agreement_key")

PublicAgreementKey: TypeAlias = ec.EllipticCurvePublicKey | X25519PublicKey
PrivateAgreementKey: TypeAlias = ec.EllipticCurvePrivateKey | X25519PrivateKey

X25519: Final = "X25519"
# SEC 2: 2.4.2, 2.5.1, 2.6.1
_ORDERS: Final = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16),
    "P-521": int("1" + "f" * 65 + "a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409", 16),
}
CURVES: Final = (*_ORDERS, X25519)
"""The curves of keys for key agreement, by their JWK names."""
_SIGNATURES: Final = frozenset(("sign", "verify"))
# Any number will do: a multiple of eight is what is used (RFC 7748 5).
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(32))


def _check_kind(jwk: Mapping[str, Any]) -> str:
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if not isinstance(crv, str) or crv not in CURVES or kty != ("OKP" if crv == X25519 else "EC"):
        raise Malformed("has a key type or curve that is not supported")
    return crv


def public_agreement_key(jwk: Any) -> tuple[str, PublicAgreementKey]:
    """Curve and key of a public JWK, of which only the key itself is looked at.

    Refused: private members, other types and curves, points not on the curve, points of small order. Raises `Malformed`.
    """
    if not isinstance(jwk, Mapping):
        raise Malformed("must be a JSON object")
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise Malformed("must be a public key, without private members")
    crv = _check_kind(jwk)
    if crv != X25519:
        size = _CURVES[crv][1]
        return crv, point(crv, coordinate(jwk, "x", size) + coordinate(jwk, "y", size))
    key = X25519PublicKey.from_public_bytes(coordinate(jwk, "x", 32))
    try:
        # With a point of small order, everybody agrees on the same.
        _PROBE.exchange(key)
    except ValueError:
        raise Malformed("is not a usable key", "x") from None
    return crv, key


def agreed_secret(private: PrivateAgreementKey, public: PublicAgreementKey) -> bytes:
    """What two keys on one curve agree on: the x coordinate in its full size (RFC 7518 4.6, RFC 8037 3.2)."""
    if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(public, ec.EllipticCurvePublicKey):
        return private.exchange(ec.ECDH(), public)
    if isinstance(private, X25519PrivateKey) and isinstance(public, X25519PublicKey):
        return private.exchange(public)
    raise ValueError("the keys are on different curves")


def _check_alg(alg: Any) -> str:
    if not isinstance(alg, str) or alg not in KEY_AGREEMENTS:
        # "The `alg` parameter MUST be present." -- OID4VCI 10
        raise Malformed(f"must be one of {', '.join(KEY_AGREEMENTS)}", "alg")
    return alg


def _check_kid(kid: Any) -> str | None:
    if kid is not None and (not isinstance(kid, str) or not kid or len(kid) > 1000):
        raise Malformed("must be a non-empty string", "kid")
    return kid


def _check_use(jwk: Mapping[str, Any]) -> None:
    if jwk.get("use", "enc") != "enc":
        raise Malformed("must be a key for encryption", "use")
    key_ops = jwk.get("key_ops", ())
    # A public key that agrees has no operation of its own, and many say none.
    if not isinstance(key_ops, list | tuple) or any(each in key_ops for each in _SIGNATURES):
        raise Malformed("must be a key for encryption", "key_ops")


@frozen
class EncryptionKey:
    """A public key to encrypt to, with the `alg` that its JWK names, and its `kid` if that has one (OID4VCI 10)."""

    alg: str
    crv: str
    key: PublicAgreementKey = field(repr=False)
    kid: str | None = None

    @classmethod
    def from_jwk(cls, jwk: Any) -> "EncryptionKey":
        """Refused: what is not a public key for key agreement by a known `alg`, or is for something else. Raises `Malformed`."""
        crv, key = public_agreement_key(jwk)
        _check_use(jwk)
        return cls(_check_alg(jwk.get("alg")), crv, key, _check_kid(jwk.get("kid")))


@frozen(eq=False)
class DecryptionKey:
    """A private key in this process that messages are encrypted to. The key does not show in `repr`.

    `alg` is the one way to agree with it (RFC 7518 4.6); `kid` names it, None for a key that serves for one answer.

    >>> key = DecryptionKey.generate("enc-1")
    >>> sorted(key.public_jwk)
    ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']
    """

    kid: str | None
    alg: str
    _key: PrivateAgreementKey = field(repr=False)
    public_jwk: Mapping[str, str] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        _check_kid(self.kid)
        _check_alg(self.alg)
        if isinstance(self._key, X25519PrivateKey):
            jwk = {"kty": "OKP", "crv": X25519, "x": b64url_encode(self._key.public_key().public_bytes_raw())}
        else:
            jwk = jwk_of(self._key)
        _check_kind(jwk)
        named = {} if self.kid is None else {"kid": self.kid}
        object.__setattr__(self, "public_jwk", {**jwk, **named, "alg": self.alg, "use": "enc"})

    @property
    def crv(self) -> str:
        """The JWK name of the key's curve."""
        return self.public_jwk["crv"]

    def agree(self, public: PublicAgreementKey) -> bytes:
        """The secret that this key and another one on its curve agree on. Raises `ValueError`."""
        return agreed_secret(self._key, public)

    @classmethod
    def generate(
        cls, kid: str | None = None, *, alg: str = "ECDH-ES", crv: str = "P-256", new_secret: NewSecret = new_secret
    ) -> "DecryptionKey":
        """A new key. Raises `ValueError` for an unknown algorithm or curve."""
        if crv not in CURVES:
            raise ValueError(f"crv must be one of {', '.join(CURVES)}")
        if crv == X25519:
            return cls(kid, alg, X25519PrivateKey.from_private_bytes(new_secret(32)))
        curve, size = _CURVES[crv]
        # 64 bits more than are needed, so that no number is likelier than another (FIPS 186-5 A.2.1).
        number = int.from_bytes(new_secret(size + 8), "big") % (_ORDERS[crv] - 1) + 1
        return cls(kid, alg, ec.derive_private_key(number, curve))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, kid: str | None = None, alg: str | None = None) -> "DecryptionKey":
        """A key from a private JWK; `kid` and `alg` are those of the JWK unless they are given.

        Raises `ValueError`, also for one that is for something else.
        """
        _check_use(jwk)
        crv, public = public_agreement_key({name: value for name, value in jwk.items() if name != "d"})
        secret = b64url_decode(jwk["d"]) if isinstance(jwk.get("d"), str) else b""
        if len(secret) != (32 if crv == X25519 else _CURVES[crv][1]):
            # "The length of this octet string MUST be ceiling(log-base-2(n)/8) octets" -- RFC 7518 6.2.2.1
            raise Malformed("must be as long as the curve's order", "d")
        private: PrivateAgreementKey
        if crv == X25519:
            private = X25519PrivateKey.from_private_bytes(secret)
        else:
            private = ec.derive_private_key(int.from_bytes(secret, "big"), _CURVES[crv][0])
        if private.public_key() != public:
            raise ValueError("the private and the public half of this JWK do not belong together")
        return cls(kid if kid is not None else jwk.get("kid"), _check_alg(jwk.get("alg") if alg is None else alg), private)

    @classmethod
    def from_pem(cls, kid: str | None, pem: bytes, *, alg: str = "ECDH-ES", password: bytes | None = None) -> "DecryptionKey":
        """A key from PEM text. Raises `ValueError`, and `TypeError` for a password that is missing or not needed."""
        key = load_pem_private_key(pem, password)
        if not isinstance(key, ec.EllipticCurvePrivateKey | X25519PrivateKey):
            raise ValueError("this kind of key is not supported")  # noqa: TRY004  # of the file, not of the argument
        return cls(kid, alg, key)
