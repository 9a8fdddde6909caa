"""Keys as a PKCS#11 token has them: by which mechanism each algorithm signs, how a key is generated, and its public half as a JWK.

Nothing here opens a session; each function is given the one that it may use.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen
from pkcs11 import MGF, Attribute, KeyType, Mechanism, ObjectClass

__all__ = ("ALGORITHMS", "KeyName", "TokenError", "TokenKey", "find", "generate", "public_jwk")

# The curves by CKA_EC_PARAMS: OBJECT IDENTIFIERs, and for Ed25519 the name that PKCS #11 3.0 has beside its own.
_CURVES: Final = {
    bytes.fromhex("06082a8648ce3d030107"): ("P-256", 32),
    bytes.fromhex("06052b81040022"): ("P-384", 48),
    bytes.fromhex("06052b81040023"): ("P-521", 66),
    bytes.fromhex("130c656477617264733235353139"): ("Ed25519", 32),
    bytes.fromhex("06032b6570"): ("Ed25519", 32),
}
RSA_BITS: Final = 3072


class TokenError(Exception):
    """The token, its keys or its PIN are not as the settings say. Trying again does not help."""


@frozen
class TokenAlgorithm:
    """How a JWS algorithm is done in a token.

    `digest` is of what the token is given, which is the message itself where there is none: most tokens have plain ECDSA only.
    """

    curve: str
    mechanism: Mechanism
    digest: Callable[[bytes], Any] | None = None
    parameter: tuple[Any, ...] | None = None

    @property
    def ec_params(self) -> bytes:
        """The curve as an attribute."""
        return next(params for params, (curve, _) in _CURVES.items() if curve == self.curve)


ALGORITHMS: Final[Mapping[str, TokenAlgorithm]] = {
    "ES256": TokenAlgorithm("P-256", Mechanism.ECDSA, hashlib.sha256),
    "ES384": TokenAlgorithm("P-384", Mechanism.ECDSA, hashlib.sha384),
    "ES512": TokenAlgorithm("P-521", Mechanism.ECDSA, hashlib.sha512),
    "EdDSA": TokenAlgorithm("Ed25519", Mechanism.EDDSA),
    # "The size of the salt value is the same size as the hash function output" -- RFC 7518 3.5
    "PS256": TokenAlgorithm("", Mechanism.SHA256_RSA_PKCS_PSS, None, (Mechanism.SHA256, MGF.SHA256, 32)),
}
"""Those that a signer can be made for; the token must have the mechanism."""


@frozen
class KeyName:
    """How a key is found in the token: by its label (`CKA_LABEL`), its id (`CKA_ID`), or both. Raises `ValueError` for neither."""

    label: str | None = None
    object_id: bytes | None = None

    def __attrs_post_init__(self) -> None:
        if self.label is None and self.object_id is None:
            raise ValueError("a key is found by its label or its id")

    def __str__(self) -> str:
        named = [] if self.label is None else [f"the label {self.label}"]
        return " and ".join(named if self.object_id is None else [*named, f"the id {self.object_id.hex()}"])

    @property
    def attributes(self) -> dict[Attribute, Any]:
        """What to look for."""
        given = {Attribute.LABEL: self.label, Attribute.ID: self.object_id}
        return {attribute: value for attribute, value in given.items() if value is not None}


@frozen
class TokenKey:
    """A private key that stays in the token, as one session sees it."""

    _key: Any

    def sign(self, algorithm: str, data: bytes) -> bytes:
        """The raw JWS signature. Raises the errors of `pkcs11`."""
        how = ALGORITHMS[algorithm]
        message = data if how.digest is None else how.digest(data).digest()
        signature: bytes = self._key.sign(message, mechanism=how.mechanism, mechanism_param=how.parameter)
        return signature


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _only(session: Any, name: KeyName, object_class: ObjectClass) -> Any:
    found = list(session.get_objects({**name.attributes, Attribute.CLASS: object_class}))
    if len(found) != 1:
        kind = object_class.name.lower().replace("_", " ")
        raise TokenError(f"the token has {len(found) or 'no'} {kind}{'s' if len(found) > 1 else ''} with {name}")
    return found[0]


def find(session: Any, name: KeyName) -> TokenKey:
    """The private key of that name. Raises `TokenError` if there is none, are several, or if it could be taken out of the token."""
    key = _only(session, name, ObjectClass.PRIVATE_KEY)
    if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
        raise TokenError(f"the key with {name} can be taken out of the token: generate another one there")
    return TokenKey(key)


def public_jwk(session: Any, name: KeyName) -> dict[str, str]:
    """The public key of that name, as a JWK. Raises `TokenError`."""
    key = _only(session, name, ObjectClass.PUBLIC_KEY)
    if key.key_type == KeyType.RSA:
        return {"kty": "RSA", "n": _b64url(key[Attribute.MODULUS]), "e": _b64url(key[Attribute.PUBLIC_EXPONENT])}
    curve, size = _CURVES.get(bytes(key[Attribute.EC_PARAMS]), ("", 0))
    point = bytes(key[Attribute.EC_POINT])
    if curve == "Ed25519":
        return {"kty": "OKP", "crv": curve, "x": _b64url(_unwrapped(point, size))}
    if not curve:
        raise TokenError(f"the key with {name} is on a curve that is not known here")
    x_and_y = _unwrapped(point, 1 + 2 * size)[1:]
    return {"kty": "EC", "crv": curve, "x": _b64url(x_and_y[:size]), "y": _b64url(x_and_y[size:])}


def _unwrapped(point: bytes, size: int) -> bytes:
    """A point as it is; PKCS#11 wraps it in an OCTET STRING, some tokens do not."""
    header = bytes((0x04, size)) if size < 128 else bytes((0x04, 0x81, size))
    found = point.removeprefix(header) if len(point) > size else point
    if len(found) != size:
        raise TokenError("the token has written a public key in a way that is not known here")
    return found


def generate(session: Any, label: str, algorithm: str) -> None:
    """Generate a key pair in the token, of which the private half never leaves it. Raises `TokenError` if the label is taken."""
    how = ALGORITHMS.get(algorithm)
    if how is None:
        raise TokenError(f"{algorithm} is none of {', '.join(ALGORITHMS)}")
    if any(True for _ in session.get_objects({Attribute.LABEL: label})):
        raise TokenError(f"the token has a key with the label {label} already")
    private = {
        Attribute.TOKEN: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.SIGN: True,
        Attribute.DECRYPT: False,
        Attribute.UNWRAP: False,
    }
    names = {"label": label, "id": hashlib.sha256(label.encode()).digest()[:8], "store": True, "private_template": private}
    if not how.curve:
        session.generate_keypair(KeyType.RSA, RSA_BITS, **names)
        return
    edwards = how.curve == "Ed25519"
    kind = KeyType.EC_EDWARDS if edwards else KeyType.EC
    parameters = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: how.ec_params}, local=True)
    by = Mechanism.EC_EDWARDS_KEY_PAIR_GEN if edwards else Mechanism.EC_KEY_PAIR_GEN
    parameters.generate_keypair(mechanism=by, **names)
