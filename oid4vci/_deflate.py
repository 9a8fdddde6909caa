"""Deflated bytes that come from outside (RFC 1951), inflated within a bound."""

import zlib

from oid4vci._json import Malformed

__all__ = ("RAW", "deflate", "inflate")

RAW = -zlib.MAX_WBITS
"""No format around the deflated bytes."""


def deflate(data: bytes, wbits: int = RAW) -> bytes:
    """`data` deflated, in the format that `wbits` says; the same bytes always give the same."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return compressor.compress(data) + compressor.flush()


def inflate(data: bytes, wbits: int = RAW, *, max_size: int) -> bytes:
    """What was deflated; never more than `max_size` bytes are made. Raises `Malformed`."""
    inflater = zlib.decompressobj(wbits)
    try:
        # One byte more than allowed tells too much from enough.
        inflated = inflater.decompress(data, max_size + 1)
    except zlib.error:
        raise Malformed("does not decompress") from None
    if len(inflated) > max_size:
        raise Malformed("decompresses to too much")
    if not inflater.eof:
        raise Malformed("is truncated")
    if inflater.unused_data:
        raise Malformed("has something after its end")
    return inflated
