"""What the JWTs of clients have in common, DPoP proofs among them: bounds, times, audience, and the key among several."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from oid4vci import _jose
from oid4vci._jose import Jws, check_algorithms
from oid4vci._json import Malformed
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys
from oid4vci.records import Insert, Key, Record

__all__ = (
    "KeySource",
    "check_algorithms",
    "check_audience",
    "check_numbers",
    "check_times",
    "named_by",
    "spent",
    "text",
    "verify_with",
)

MAX_JTI: Final = 512
MAX_KID: Final = 512
# Signatures that one JWT makes the server check, where no `kid` tells keys apart.
MAX_TRIED: Final = 8
# Seconds that a spent JWT is remembered beyond its end: for requests that began before it, and for clocks that are behind.
SPENT_MARGIN: Final = 300

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


def check_audience(claims: Mapping[str, Any], audiences: Collection[str]) -> None:
    """`aud` is one of `audiences`, and nothing else: what is for several servers, one of them can use at another.

    Raises `Malformed`.
    """
    value = claims.get("aud")
    if isinstance(value, list) and len(value) == 1:
        # "In the general case, the "aud" value is an array", and one value need not be written otherwise -- RFC 7519 4.1.3
        (value,) = value
    if not isinstance(value, str) or value not in audiences:
        raise Malformed("must be the identifier of this authorization server, alone", "aud")


def named_by(jws: Jws, source: KeySource) -> KeySource:
    """Where the keys of a JWT are, with its `kid`, by which whoever keeps a JWK Set notices that it is an old one."""
    kid = jws.header.get("kid")
    if not isinstance(source, KeyReference) or not isinstance(kid, str) or len(kid) > MAX_KID:
        return source
    return KeyReference(source.url, kid)


def verify_with(jws: Jws, sources: Sequence[KeySource], resolved: ResolvedKeys, *, algorithms: Collection[str]) -> None:
    """Verify the signature with one of several keys: of those that fit the `alg`, the ones that `kid` names.

    A key that has no `kid` may be the one that is meant. Raises `Malformed`.
    """
    algorithm, kid = jws.algorithm, jws.header.get("kid")
    if not isinstance(kid, str | None):
        raise Malformed("kid must be a string", "header")
    known = [key for each in sources for key in (resolved.get(each, ()) if isinstance(each, KeyReference) else each)]
    candidates = [key for key in known if key.fits(algorithm) and (kid is None or key.kid in (None, kid))]
    if not candidates:
        raise Malformed("is signed with a key that is not known")
    if len(candidates) > MAX_TRIED:
        raise Malformed("kid must tell the keys apart", "header")
    for key in candidates[:-1]:
        try:
            return _jose.verify(jws, key, algorithms=algorithms)
        except Malformed:
            continue
    return _jose.verify(jws, candidates[-1], algorithms=algorithms)


def spent(key: Key, ends_at: float) -> Insert:
    """The change that makes a JWT unusable from now on, which is accepted until `ends_at`. It fails if the JWT was used already."""
    return Insert(Record(key, {}, int(ends_at) + SPENT_MARGIN))
