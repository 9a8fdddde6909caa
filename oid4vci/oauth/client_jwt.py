"""What the JWTs of clients have in common, DPoP proofs among them: the audience, and that each serves once."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from oid4vci._json import Malformed
from oid4vci.records import Insert, Key, Record

__all__ = ("check_audience", "spent")

MAX_JTI: Final = 512
# Seconds that a spent JWT is remembered beyond its end: for requests that began before it, and for clocks that are behind.
SPENT_MARGIN: Final = 300


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


def spent(key: Key, ends_at: float) -> Insert:
    """The change that makes a JWT unusable from now on, which is accepted until `ends_at`. It fails if the JWT was used already."""
    return Insert(Record(key, {}, int(ends_at) + SPENT_MARGIN))
