"""The elliptic curves for signatures, by their JWK names (RFC 7518 6.2.1.1, RFC 8812 3.1), and the bytes of a coordinate."""

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ("CURVE_NAMES",)

_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, int]]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
    "secp256k1": (ec.SECP256K1(), 32),
}
CURVE_NAMES: Final[Mapping[str, str]] = {curve.name: crv for crv, (curve, _) in _CURVES.items()}
"""JWK names of curves by those that cryptography has."""
