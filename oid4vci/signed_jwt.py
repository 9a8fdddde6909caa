"""What is checked of JWTs that somebody known has signed: types and times of their claims, and the key among several."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from oid4vci import _jose
from oid4vci._jose import Jws
from oid4vci._json import Malformed
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys

__all__ = ("KeySource", "check_numbers", "check_times", "fitting_keys", "named_by", "text", "verify_with")

MAX_KID: Final = 512
# Signatures that one JWT makes the receiver check, where no `kid` tells keys apart.
MAX_TRIED: Final = 8

KeySource: TypeAlias = Sequence[PublicKey] | KeyReference
"""Somebody's public keys, or the URL of the JWK Set in which they publish them."""


def text(claims: Mapping[str, Any], name: str, maximum: int) -> str:
    """A claim that must be a string of 1 to `maximum` characters. Raises `Malformed`."""
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= maximum:
        raise Malformed(f"must be a string of 1 to {maximum} characters", name)
    return value


def check_numbers(claims: Mapping[str, Any], *required: str) -> None:
    """`exp`, `nbf` and `iat` are numbers where they are there (RFC 7519 2), and those required are. Raises `Malformed`."""
    for name in ("exp", "nbf", "iat"):
        if name in claims or name in required:
            value = claims.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Malformed("must be a number", name)


def check_times(claims: Mapping[str, Any], *, now: int, max_skew: int) -> None:
    """`exp` is to come, `nbf` and `iat` are not (RFC 7519 4.1.4 to 4.1.6). Raises `Malformed`."""
    if claims.get("exp", now + 1) <= now:
        raise Malformed("is over", "exp")
    for name in ("nbf", "iat"):
        if claims.get(name, now) > now + max_skew:
            raise Malformed("is in the future", name)


def named_by(jws: Jws, source: KeySource) -> KeySource:
    """Where the keys of a JWT are, with its `kid`, by which whoever keeps a JWK Set notices that it is an old one."""
    kid = jws.header.get("kid")
    if not isinstance(source, KeyReference) or not isinstance(kid, str) or len(kid) > MAX_KID:
        return source
    return KeyReference(source.url, kid)


def fitting_keys(jws: Jws, sources: Sequence[KeySource], resolved: ResolvedKeys) -> tuple[PublicKey, ...]:
    """The keys that may have made the signature: of those that fit the `alg`, the ones that `kid` names.

    A key that has no `kid` may be the one that is meant. Raises `Malformed` if there is none, or if there are too many to try.
    """
    algorithm, kid = jws.algorithm, jws.header.get("kid")
    if not isinstance(kid, str | None):
        raise Malformed("kid must be a string", "header")
    known = [key for each in sources for key in (resolved.get(each, ()) if isinstance(each, KeyReference) else each)]
    fitting = tuple(key for key in known if key.fits(algorithm) and (kid is None or key.kid in (None, kid)))
    if not fitting:
        raise Malformed("is signed with a key that is not known")
    if len(fitting) > MAX_TRIED:
        raise Malformed("kid must tell the keys apart", "header")
    return fitting


def verify_with(jws: Jws, keys: Sequence[PublicKey], *, algorithms: Collection[str | int]) -> PublicKey:
    """The key, of at least one, with which the signature verifies. Raises `Malformed`."""
    *others, last = keys
    for key in others:
        try:
            _jose.verify(jws, key, algorithms=algorithms)
        except Malformed:
            continue
        return key
    _jose.verify(jws, last, algorithms=algorithms)
    return last
