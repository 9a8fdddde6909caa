"""The table of JWS algorithms (RFC 7518 3, RFC 8037, RFC 8812, RFC 9864, RFC 9964): what each does, and with which kind of key.

Only this file imports python-jose.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from jose.backends.cryptography_backend import CryptographyECKey

from oid4vci._jose.ml_dsa import PARAMETER_SETS

__all__ = ("ALGORITHMS", "DEFAULT_ALGORITHMS", "Algorithm", "Arithmetic", "check_algorithms")


class Arithmetic(Protocol):
    """What a key does, python-jose's or ours: raw JWS signatures over bytes."""

    def sign(self, msg: bytes) -> bytes:
        """The signature, by a private key."""

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Whether it is one, by a public key."""


class _MessageKey:
    """Ed25519 and ML-DSA: keys that take the message itself. The context of ML-DSA is empty (RFC 9964 5)."""

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


def _pss(digest: hashes.HashAlgorithm) -> tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]:
    # "The size of the salt value is the same size as the hash function output" -- RFC 7518 3.5
    return padding.PSS(padding.MGF1(digest), digest.digest_size), digest


_RSA: Final[Mapping[str, tuple[padding.AsymmetricPadding, hashes.HashAlgorithm]]] = {
    "PS256": _pss(hashes.SHA256()),
    "PS384": _pss(hashes.SHA384()),
    "PS512": _pss(hashes.SHA512()),
    "RS256": (padding.PKCS1v15(), hashes.SHA256()),
    "RS384": (padding.PKCS1v15(), hashes.SHA384()),
    "RS512": (padding.PKCS1v15(), hashes.SHA512()),
}


class _RsaKey:
    """RFC 7518 3.3 and 3.5; python-jose's RSA key has no PSS."""

    def __init__(self, key: Any, algorithm: str) -> None:
        self._key, self._scheme = key, _RSA[algorithm]

    def sign(self, msg: bytes) -> bytes:
        signature: bytes = self._key.sign(msg, *self._scheme)
        return signature

    def verify(self, msg: bytes, sig: bytes) -> bool:
        # "If the length of the signature S is not k octets, output "invalid signature" and stop." -- RFC 8017 8.1.2, 8.2.2
        if len(sig) != (self._key.key_size + 7) // 8:
            return False
        try:
            self._key.verify(sig, msg, *self._scheme)
        except InvalidSignature:
            return False
        return True


@frozen
class Algorithm:
    """A JWS algorithm and the one kind of key it goes with.

    - `kty`, `crv`: type and curve of that key as in its JWK; `crv` is empty for types without curves.
    - `signature_size`: in bytes; None for RSA, where a signature is as long as the key.
    - `key`: makes what a key object does by this algorithm.
    - `by_default`: whether it is accepted where no setting says which algorithms are.
    """

    name: str
    kty: str
    crv: str
    signature_size: int | None
    key: Callable[[Any, str], Arithmetic] = field(repr=False)
    by_default: bool = True

    def goes_with(self, jwk: Mapping[str, str]) -> bool:
        """Whether a key is of the kind that this is for. `jwk` has required members only: an `alg` only if that is one."""
        return (jwk["kty"], jwk.get("crv", ""), jwk.get("alg", self.name)) == (self.kty, self.crv, self.name)

    def verifies(self, key: Any, data: bytes, signature: bytes) -> bool:
        """Whether `signature` is one over `data` by the public key object `key`, which goes with this algorithm."""
        return self.signature_size in (None, len(signature)) and self.key(key, self.name).verify(data, signature)

    @property
    def kind_of_key(self) -> str:
        """The kind of key in words."""
        if self.kty == "RSA":
            return "an RSA key"
        return f"an {self.name} key" if self.kty == "AKP" else f"a key on {self.crv}"


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("ES256", "EC", "P-256", 64, CryptographyECKey),
        Algorithm("ES384", "EC", "P-384", 96, CryptographyECKey),
        Algorithm("ES512", "EC", "P-521", 132, CryptographyECKey),
        Algorithm("ES256K", "EC", "secp256k1", 64, _Secp256k1Key),
        Algorithm("EdDSA", "OKP", "Ed25519", 64, _MessageKey),
        Algorithm("Ed25519", "OKP", "Ed25519", 64, _MessageKey),
        *(Algorithm(name, "RSA", "", None, _RsaKey, by_default=name.startswith("PS")) for name in _RSA),
        *(
            Algorithm(each.name, "AKP", "", each.signature_size, _MessageKey, by_default=False)
            for each in PARAMETER_SETS.values()
        ),
    )
}
"""All that is known here, by name. Of those that go with one kind of key, the first is what it signs by unless told otherwise."""

DEFAULT_ALGORITHMS: Final = tuple(name for name, algorithm in ALGORITHMS.items() if algorithm.by_default)
"""The names of those that are accepted where no setting names any: not RSA with the padding of PKCS #1 v1.5, nor ML-DSA."""


def check_algorithms(algorithms: Sequence[str]) -> None:
    """For a setting: raises `ValueError` unless these are known, at least one, and so all of them asymmetric."""
    if not algorithms or not set(algorithms) <= ALGORITHMS.keys():
        raise ValueError(f"algorithms must be some of {', '.join(ALGORITHMS)}")
