"""JSON Canonicalization Scheme (RFC 8785). Only this file imports rfc8785."""

from typing import Any

from oid4vci._json import Malformed

try:
    import rfc8785
except ImportError:
    raise ImportError("Data Integrity needs the extra oid4vci[ldp]: pip install 'oid4vci[ldp]'") from None

__all__ = ("canonical",)


def canonical(value: Any) -> bytes:
    """The one JSON text of a JSON value, as UTF-8.

    Raises `Malformed` for integers beyond 2^53 - 1, for unpaired surrogates, and for what is no JSON.
    """
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError):
        raise Malformed("cannot be put into canonical JSON") from None
