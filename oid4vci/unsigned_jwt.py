"""JWTs, and whatever else is signed, without signatures: keys in this process sign at once, those elsewhere through `to_sign`."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import field, frozen

from oid4vci import _jose
from oid4vci.keys import LocalSigner, Signer, SigningInput, sign

__all__ = ("Unsigned", "UnsignedJwt", "signatures_of", "signed", "to_sign")


class Unsigned(Protocol):
    """What lacks its signature only."""

    @property
    def signer(self) -> Signer:
        """The key."""

    @property
    def data(self) -> bytes:
        """The bytes that it signs."""


@frozen
class UnsignedJwt:
    """A JWT without its signature: the key, and the bytes that it signs."""

    signer: Signer
    data: bytes = field(repr=False)


def to_sign(unsigned: Iterable[Unsigned]) -> tuple[SigningInput, ...]:
    """What the keys outside this process must sign."""
    return tuple(
        SigningInput(each.signer.key_id, each.signer.algorithm, each.data)
        for each in unsigned
        if not isinstance(each.signer, LocalSigner)
    )


def signatures_of(unsigned: Sequence[Unsigned], signatures: Sequence[bytes]) -> list[bytes]:
    """The signature of each. `signatures` are one for each element of `to_sign`, in its order.

    Raises `ValueError` for another number of signatures, or one of a wrong size.
    """
    expected = len(to_sign(unsigned))
    if len(signatures) != expected:
        raise ValueError(f"{expected} signatures are needed, one for each element of to_sign in its order")
    remaining = iter(signatures)
    return [
        made
        for each in unsigned
        for made in sign(each.signer, [each.data], [] if isinstance(each.signer, LocalSigner) else [next(remaining)])
    ]


def signed(jwts: Sequence[UnsignedJwt], signatures: Sequence[bytes]) -> list[str]:
    """The JWTs in the compact serialization. See `signatures_of`."""
    return [_jose.compact(jwt.data, made) for jwt, made in zip(jwts, signatures_of(jwts, signatures), strict=True)]
