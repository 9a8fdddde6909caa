"""Private keys for signatures: made, and read from a JWK (RFC 7517)."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from oid4vci._jose.algorithms import Algorithm
from oid4vci._jose.curves import _CURVES
from oid4vci._jose.ml_dsa import PARAMETER_SETS, SEED_SIZE, MlDsaPrivateKey
from oid4vci._jose.public_keys import PublicKey, jwk_of, number, public_key
from oid4vci._json import Malformed, b64url_decode

__all__ = ("CryptoPrivateKey", "generate", "private_key")

CryptoPrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | MlDsaPrivateKey

# As strong as P-256: 128 bits (NIST SP 800-57 part 1, 5.6.1).
_RSA_BITS: Final = 3072
_FACTORS: Final = ("p", "q", "dp", "dq", "qi")
# What a private JWK has that a public one has not, by its type.
_PRIVATE_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("d",),
    "OKP": ("d",),
    "RSA": ("d", *_FACTORS),
    "AKP": ("priv",),
}


def generate(algorithm: Algorithm) -> CryptoPrivateKey:
    """A new key that goes with the algorithm; an RSA key of 3072 bits."""
    if algorithm.kty == "RSA":
        return rsa.generate_private_key(65537, _RSA_BITS)
    if algorithm.kty == "AKP":
        key: MlDsaPrivateKey = PARAMETER_SETS[algorithm.name].private_class.generate()
        return key
    if algorithm.kty == "OKP":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[algorithm.crv][0])


def private_key(jwk: Mapping[str, Any]) -> tuple[CryptoPrivateKey, PublicKey]:
    """The key of a private JWK, and its public half.

    `d` alone will do for RSA; if other private members are there, all are, and they fit (RFC 7518 6.3.2), but for keys of more
    than two primes, which are refused. The `priv` of ML-DSA is the seed (RFC 9964 4). Raises `ValueError`.
    """
    kty = jwk.get("kty")
    private = _PRIVATE_MEMBERS.get(kty, ()) if isinstance(kty, str) else ()
    # `use` and `key_ops` say what the private key is for.
    public = public_key({name: value for name, value in jwk.items() if name not in (*private, "use", "key_ops")})
    key = _private_key(jwk, public)
    if jwk_of(key) != dict(public.jwk):
        raise ValueError("the private and the public half of this JWK do not belong together")
    return key, public


def _private_key(jwk: Mapping[str, Any], public: PublicKey) -> CryptoPrivateKey:
    kty = public.jwk["kty"]
    if kty == "RSA":
        return _rsa_key(jwk, public)
    name = "priv" if kty == "AKP" else "d"
    if not isinstance(jwk.get(name), str):
        raise Malformed("must be a string", name)
    secret = b64url_decode(jwk[name])
    if kty == "AKP":
        if len(secret) != SEED_SIZE:
            raise Malformed(f"must be a seed of {SEED_SIZE} bytes", name)
        key: MlDsaPrivateKey = PARAMETER_SETS[public.jwk["alg"]].private_class.from_seed_bytes(secret)
        return key
    if kty == "OKP":
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    return ec.derive_private_key(int.from_bytes(secret, "big"), _CURVES[public.crv][0])


def _rsa_key(jwk: Mapping[str, Any], public: PublicKey) -> rsa.RSAPrivateKey:
    n, e, d = number(public.jwk, "n"), number(public.jwk, "e"), number(jwk, "d")
    if any(name in jwk for name in _FACTORS):
        # "all of the others MUST be present" -- RFC 7518 6.3.2
        p, q, dp, dq, qi = (number(jwk, name) for name in _FACTORS)
    else:
        p, q = rsa.rsa_recover_prime_factors(n, e, d)
        dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    # All of the numbers are checked here, one against the other.
    return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()
