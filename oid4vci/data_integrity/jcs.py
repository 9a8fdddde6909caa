"""JSON Canonicalization Scheme (RFC 8785). Only this file imports rfc8785."""

from typing import Any

from oid4vci._json import Malformed
from oid4vci.data_integrity.numbers import is_double

try:
    import rfc8785
except ImportError:
    raise ImportError("Data Integrity needs the extra oid4vci[ldp]: pip install 'oid4vci[ldp]'") from None

__all__ = ("canonical",)


def canonical(value: Any) -> bytes:
    """The one JSON text of a JSON value, as UTF-8.

    Raises `Malformed` for integers that no double holds, for unpaired surrogates, and for what is no JSON.
    """
    try:
        try:
            return rfc8785.dumps(value)
        except rfc8785.IntegerDomainError:
            return rfc8785.dumps(_as_doubles(value))
    except (ValueError, RecursionError):
        raise Malformed("cannot be put into canonical JSON") from None


def _as_doubles(value: Any) -> Any:
    """The same value, its integers beyond 2^53 as doubles, which is what they are to RFC 8785. Raises `Malformed`."""
    if isinstance(value, dict):
        return {name: _as_doubles(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_as_doubles(member) for member in value]
    if isinstance(value, int) and abs(value) >= 1 << 53:
        if not is_double(value):
            raise Malformed("has an integer that not every reader can hold")
        return float(value)
    return value
