"""Deflated bytes that come from outside, inflated within a bound: ZLIB (RFC 1950) and GZIP (RFC 1952)."""

import zlib
from typing import Final

from oid4vci._deflate import deflate, inflate

__all__ = ("MAX_SIZE", "gzip_compress", "gzip_decompress", "zlib_compress", "zlib_decompress")

MAX_SIZE: Final = 1 << 23
"""Bytes to which a list may inflate unless the caller says otherwise: 67 million entries of one bit."""

_ZLIB, _GZIP = zlib.MAX_WBITS, zlib.MAX_WBITS + 16


def zlib_compress(data: bytes) -> bytes:
    """In ZLIB's format. "RECOMMENDED to use the highest compression level available" -- Token Status List 4.1"""
    return zlib.compress(data, 9)


def gzip_compress(data: bytes) -> bytes:
    """In GZIP's format, without a time, so that the same bytes always give the same."""
    return deflate(data, _GZIP)


def zlib_decompress(data: bytes, *, max_size: int) -> bytes:
    """What was deflated; never more than `max_size` bytes are made. Raises `Malformed`."""
    return inflate(data, _ZLIB, max_size=max_size)


def gzip_decompress(data: bytes, *, max_size: int) -> bytes:
    """What was deflated, a single member; never more than `max_size` bytes are made. Raises `Malformed`."""
    return inflate(data, _GZIP, max_size=max_size)
