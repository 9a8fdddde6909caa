"""ML-DSA (FIPS 204, RFC 9964), where the installed cryptography has it and its backend supports it."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import mldsa

    MlDsaPublicKey: TypeAlias = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
    MlDsaPrivateKey: TypeAlias = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
else:
    MlDsaPublicKey = MlDsaPrivateKey = Any

__all__ = ("PARAMETER_SETS", "SEED_SIZE", "MlDsaPrivateKey", "MlDsaPublicKey", "ParameterSet", "parameter_set_of")

SEED_SIZE: Final = 32
"""Bytes of the seed that a private key is (RFC 9964 4)."""


@frozen
class ParameterSet:
    """`name` is that of the JWS algorithm; sizes are in bytes (FIPS 204 4, table 2); the classes are cryptography's."""

    name: str
    public_size: int
    signature_size: int
    public_class: Any
    private_class: Any


def _supported() -> Mapping[str, ParameterSet]:
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa

        # No key, to ask the backend without the work for one.
        with suppress(ValueError):
            mldsa.MLDSA44PublicKey.from_public_bytes(b"")
    except (ImportError, UnsupportedAlgorithm):
        return {}
    sets = (
        ParameterSet("ML-DSA-44", 1312, 2420, mldsa.MLDSA44PublicKey, mldsa.MLDSA44PrivateKey),
        ParameterSet("ML-DSA-65", 1952, 3309, mldsa.MLDSA65PublicKey, mldsa.MLDSA65PrivateKey),
        ParameterSet("ML-DSA-87", 2592, 4627, mldsa.MLDSA87PublicKey, mldsa.MLDSA87PrivateKey),
    )
    return {each.name: each for each in sets}


PARAMETER_SETS: Final = _supported()
"""By their names; empty where there is no ML-DSA."""


def parameter_set_of(key: object) -> ParameterSet | None:
    """That of a public or private key object; None for another kind of key."""
    kinds = PARAMETER_SETS.values()
    return next((each for each in kinds if isinstance(key, (each.public_class, each.private_class))), None)
