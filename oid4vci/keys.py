"""Keys as values: public keys, thumbprints, references to keys elsewhere, and what there is to sign.

A private key need not enter the library: whatever must be signed is a `SigningInput`, and the signature comes back as bytes.
`LocalSigner` is for keys that do live in this process.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from oid4vci import _jose, _json
from oid4vci._jose import ALGORITHMS, DEFAULT_ALGORITHMS, Algorithm, PublicKey, jwk_of, public_key
from oid4vci._json import Malformed, b64url_decode, b64url_encode

__all__ = (
    "ALGORITHMS",
    "DEFAULT_ALGORITHMS",
    "KeyReference",
    "LocalSigner",
    "PublicKey",
    "RemoteSigner",
    "ResolvedKeys",
    "Signer",
    "SigningInput",
    "ecdsa_signature",
    "public_key",
    "public_keys",
    "published_jwks",
    "sign",
    "signature_size",
    "thumbprint",
)


@frozen
class KeyReference:
    """A public key that lives elsewhere and that the caller resolves: `url` is a DID URL or the URL of a JWK Set.

    `kid` is the key that is needed, if that is known. A cached JWK Set without it may be an old one: it is fetched again, but not
    more often than every few minutes, since anybody can send an unknown `kid`.

    With a `trust_chain` (OpenID Federation 4), JWTs that nobody has verified, the key is that of the entity to which it leads, and
    `url` is empty: the caller validates the chain to the anchors that it has, and fetches nothing that only the chain names.
    """

    url: str
    kid: str | None = None
    trust_chain: tuple[str, ...] = field(default=(), repr=False)


ResolvedKeys: TypeAlias = Mapping[KeyReference, Sequence[PublicKey]]
"""What the references led to. A reference that could not be resolved is absent."""


@frozen
class SigningInput:
    """Bytes to be signed with the key `key_id` by the JWS algorithm `algorithm` (RFC 7518 3.1)."""

    key_id: str
    algorithm: str
    data: bytes = field(repr=False)


def _known(algorithm: str) -> Algorithm:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{algorithm} is not a supported algorithm: {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm]


def _first_for(jwk: Mapping[str, str]) -> Algorithm:
    return next(algorithm for algorithm in ALGORITHMS.values() if algorithm.goes_with(jwk))


def _check_algorithm(algorithm: str, jwk: Mapping[str, str]) -> None:
    known = _known(algorithm)
    if not known.goes_with(jwk):
        raise ValueError(f"{algorithm} needs {known.kind_of_key}, this is {_first_for(jwk).kind_of_key}")


def _public_jwk(jwk: Mapping[str, Any]) -> Mapping[str, str]:
    return public_key(jwk).jwk


@frozen
class RemoteSigner:
    """A key in a KMS, an HSM or a Wallet's secure element: known by its id and its public half.

    `public_jwk` is the public key; what is signed with it is listed in the `to_sign` of a draft.
    """

    key_id: str
    algorithm: str
    public_jwk: Mapping[str, str] = field(converter=_public_jwk)

    def __attrs_post_init__(self) -> None:
        _check_algorithm(self.algorithm, self.public_jwk)


@frozen(eq=False)
class LocalSigner:
    """A private key in this process. The key does not show in `repr`.

    >>> signer = LocalSigner.generate("issuer-1")
    >>> signer.algorithm, sorted(signer.public_jwk)
    ('ES256', ['crv', 'kty', 'x', 'y'])
    """

    key_id: str
    algorithm: str
    _private_key: _jose.CryptoPrivateKey = field(repr=False)
    public_jwk: Mapping[str, str] = field(init=False)
    _arithmetic: _jose.Arithmetic = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # With a key that can be found out nobody is to sign, and nobody here would believe it.
        jwk = _public_jwk(jwk_of(self._private_key))
        _check_algorithm(self.algorithm, jwk)
        object.__setattr__(self, "public_jwk", jwk)
        object.__setattr__(self, "_arithmetic", ALGORITHMS[self.algorithm].key(self._private_key, self.algorithm))

    def sign(self, data: bytes) -> bytes:
        """The raw JWS signature over `data`."""
        return self._arithmetic.sign(data)

    @classmethod
    def generate(cls, key_id: str, algorithm: str = "ES256") -> "LocalSigner":
        """A new key; for RSA of 3072 bits. Raises `ValueError` for an unknown algorithm."""
        return cls(key_id, algorithm, _jose.generate(_known(algorithm)))

    @classmethod
    def from_pem(cls, key_id: str, pem: bytes, *, algorithm: str | None = None, password: bytes | None = None) -> "LocalSigner":
        """A key from PEM text. Without `algorithm`, the one that goes with its kind: `PS256` for an RSA key.

        Raises `ValueError`, and `TypeError` for a password that is missing or not needed.
        """
        try:
            key = serialization.load_pem_private_key(pem, password)
        except UnsupportedAlgorithm as error:
            raise ValueError(f"this kind of key is not supported: {error}") from None
        fitting = _first_for(jwk_of(key)).name
        return cls(key_id, algorithm or fitting, key)  # type: ignore[arg-type]  # jwk_of has refused other kinds

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any], *, key_id: str | None = None, algorithm: str | None = None) -> "LocalSigner":
        """A key from a private JWK; id and algorithm default to its `kid` and `alg`. Raises `ValueError`."""
        key, public = _jose.private_key(jwk)
        return cls(key_id or public.kid or thumbprint(public.jwk), algorithm or public.alg or _first_for(public.jwk).name, key)


Signer: TypeAlias = LocalSigner | RemoteSigner


def sign(signer: Signer, inputs: Sequence[bytes], signatures: Sequence[bytes]) -> list[bytes]:
    """Signatures over `inputs`: made here if the key is here, else the `signatures` that came back, checked for number and size.

    Raises `ValueError`.
    """
    if isinstance(signer, LocalSigner):
        if signatures:
            raise ValueError("this key signs in the process, no signatures are expected")
        return [signer.sign(data) for data in inputs]
    if len(signatures) != len(inputs):
        raise ValueError(f"{len(inputs)} signatures are needed, one for each element of to_sign in its order")
    size = signature_size(signer)
    for signature in signatures:
        if len(signature) != size:
            hint = "; for DER, see ecdsa_signature" if ALGORITHMS[signer.algorithm].kty == "EC" else ""
            raise ValueError(f"a raw {signer.algorithm} signature by this key has {size} bytes{hint}")
    return list(signatures)


def signature_size(signer: Signer) -> int:
    """The bytes of a raw JWS signature by that key."""
    # An RSA signature is as long as the modulus (RFC 8017 8.1.1, 8.2.1).
    return ALGORITHMS[signer.algorithm].signature_size or len(b64url_decode(signer.public_jwk["n"]))


def ecdsa_signature(der: bytes, algorithm: str) -> bytes:
    """A DER-encoded ECDSA signature, as most KMS return it, in the raw form of RFC 7518 3.4. Raises `ValueError`."""
    known = ALGORITHMS.get(algorithm)
    if known is None or known.kty != "EC" or known.signature_size is None:
        raise ValueError(f"{algorithm} is not an ECDSA algorithm")
    size = known.signature_size // 2
    r, s = decode_dss_signature(der)
    try:
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    except OverflowError:
        raise ValueError(f"this is not a signature by a key for {algorithm}") from None


# RFC 7638 3.2, RFC 8037 2, RFC 9964 6, in the order of their names.
_REQUIRED = {
    "AKP": ("alg", "kty", "pub"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
    "oct": ("k", "kty"),
}


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The JWK SHA-256 Thumbprint, in base64url (RFC 7638 3). Raises `Malformed`."""
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _REQUIRED:
        raise Malformed("has a key type that is not supported", "kty")
    if not all(isinstance(jwk.get(name), str) for name in _REQUIRED[kty]):
        raise Malformed("lacks a required member")
    return b64url_encode(hashlib.sha256(_json.dump_bytes({name: jwk[name] for name in _REQUIRED[kty]})).digest())


def published_jwks(signers: Sequence[Signer]) -> dict[str, Any]:
    """The JWK Set (RFC 7517 5) in which the public halves of these keys are published, each with its `key_id` as `kid`."""
    return {"keys": [{**each.public_jwk, "kid": each.key_id, "alg": each.algorithm, "use": "sig"} for each in signers]}


def public_keys(jwks: Any) -> tuple[PublicKey, ...]:
    """The usable keys of a JWK Set (RFC 7517 5): those of unknown types, or for other uses, are passed over.

    Raises `Malformed` if it is no JWK Set.
    """
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list):
        raise Malformed("must be a JWK Set")
    if len(keys) > 100:
        raise Malformed("has too many keys")
    usable = []
    for jwk in keys:
        try:
            usable.append(public_key(jwk))
        except Malformed:
            continue
    return tuple(usable)
