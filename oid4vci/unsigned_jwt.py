"""JWTs without their signatures: keys in this process sign at once, those elsewhere through `to_sign`."""

from collections.abc import Iterable, Sequence

from attrs import field, frozen

from oid4vci import _jose
from oid4vci.keys import LocalSigner, Signer, SigningInput, sign

__all__ = ("UnsignedJwt", "signed", "to_sign")


@frozen
class UnsignedJwt:
    """A JWT without its signature: the key, and the bytes that it signs."""

    signer: Signer
    data: bytes = field(repr=False)


def to_sign(jwts: Iterable[UnsignedJwt]) -> tuple[SigningInput, ...]:
    """What the keys outside this process must sign."""
    return tuple(
        SigningInput(jwt.signer.key_id, jwt.signer.algorithm, jwt.data)
        for jwt in jwts
        if not isinstance(jwt.signer, LocalSigner)
    )


def signed(jwts: Sequence[UnsignedJwt], signatures: Sequence[bytes]) -> list[str]:
    """The JWTs in the compact serialization. `signatures` are one for each element of `to_sign`, in its order.

    Raises `ValueError` for another number of signatures, or one of a wrong size.
    """
    expected = len(to_sign(jwts))
    if len(signatures) != expected:
        raise ValueError(f"{expected} signatures are needed, one for each element of to_sign in its order")
    remaining = iter(signatures)
    return [
        _jose.compact(jwt.data, *sign(jwt.signer, [jwt.data], [] if isinstance(jwt.signer, LocalSigner) else [next(remaining)]))
        for jwt in jwts
    ]
