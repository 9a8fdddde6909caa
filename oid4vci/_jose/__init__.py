"""JOSE: strict framing, one table of algorithms, keys.

Rule 1: only `algorithms` imports python-jose, and only its keys over cryptography: they do the arithmetic, the framing is ours
(python-jose takes stray characters, other alphabets, an ES256 signature by a P-384 key, and ignores `crit`).
Rule 2: no algorithm is taken from a header alone. Callers give the algorithms they allow; the kind of key must fit.
Rule 3: an algorithm that is known is not for that accepted: `DEFAULT_ALGORITHMS` are, others where a setting names them.
"""

from oid4vci._jose.algorithms import ALGORITHMS, DEFAULT_ALGORITHMS, Algorithm, Arithmetic, check_algorithms
from oid4vci._jose.curves import _CURVES, CURVE_NAMES
from oid4vci._jose.jws import MAX_JWT, MAX_REMEMBERED, Jws, compact, parse, signing_input, verify
from oid4vci._jose.private_keys import CryptoPrivateKey, generate, private_key
from oid4vci._jose.public_keys import CryptoPublicKey, PublicKey, jwk_of, public_key

__all__ = (
    "ALGORITHMS",
    "CURVE_NAMES",
    "DEFAULT_ALGORITHMS",
    "MAX_JWT",
    "MAX_REMEMBERED",
    "_CURVES",
    "Algorithm",
    "Arithmetic",
    "CryptoPrivateKey",
    "CryptoPublicKey",
    "Jws",
    "PublicKey",
    "check_algorithms",
    "compact",
    "generate",
    "jwk_of",
    "parse",
    "private_key",
    "public_key",
    "signing_input",
    "verify",
)
