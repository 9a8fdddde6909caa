"""What a key attestation says, as its holder reads it before it is sent: whether it is genuine is for the issuer to find out."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.keys import PublicKey, public_key
from oid4vci.proofs.key_attestation import TYP

__all__ = ("AttestedKeys",)

MAX_KEY_ATTESTATION: Final = 65_536
_MAX_KEYS: Final = 1_000


@frozen(kw_only=True)
class AttestedKeys:
    """The keys that a key attestation is for, and what it says of them (OID4VCI D.1)."""

    keys: tuple[PublicKey, ...]
    algorithm: str
    nonce: str | None = field(repr=False)
    expires_at: float | None
    key_storage: tuple[str, ...]
    user_authentication: tuple[str, ...]

    @classmethod
    def read(cls, key_attestation: str, *, nonce: str | None, now: int) -> "AttestedKeys":
        """Read a JWT that has not expired and has the `c_nonce` of the order, if there is one. Raises `ValueError`."""
        try:
            read = cls._read(key_attestation)
        except Malformed as error:
            raise error.within("key_attestation") from None
        if read.expires_at is not None and read.expires_at <= now:
            raise ValueError("the key attestation has expired")
        # "the c_nonce value provided by the Credential Issuer MUST be provided in the ... nonce parameter" -- OID4VCI F.3, F.1
        if nonce is not None and read.nonce != nonce:
            raise ValueError("the key attestation must have the c_nonce of the order as its nonce")
        return read

    @classmethod
    def _read(cls, key_attestation: str) -> "AttestedKeys":
        jws = _jose.parse(key_attestation, max_bytes=MAX_KEY_ATTESTATION)
        claims = jws.claims()
        if jws.header.get("typ") != TYP:
            raise Malformed(f"typ must be {TYP}", "header")
        if not _is_number(claims.get("iat")):
            raise Malformed("must be a number", "iat")
        expires_at = claims.get("exp")
        if expires_at is not None and not _is_number(expires_at):
            raise Malformed("must be a number", "exp")
        return cls(
            keys=_keys(claims),
            algorithm=jws.algorithm,
            nonce=claims.get("nonce"),
            expires_at=expires_at,
            key_storage=_levels(claims, "key_storage"),
            user_authentication=_levels(claims, "user_authentication"),
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _keys(claims: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    attested = claims.get("attested_keys")
    if not isinstance(attested, list) or not 0 < len(attested) <= _MAX_KEYS:
        raise Malformed("must be an array of keys", "attested_keys")
    return tuple(dict.fromkeys(public_key(jwk) for jwk in attested))


def _levels(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    levels = claims.get(name, [])
    if not isinstance(levels, list) or not all(isinstance(level, str) for level in levels):
        raise Malformed("must be an array of strings", name)
    return tuple(levels)
