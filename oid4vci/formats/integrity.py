"""Integrity metadata: the digests that say which bytes a reference stands for (draft-ietf-oauth-sd-jwt-vc, "Integrity of
Referenced Documents"; the syntax is that of W3C Subresource Integrity 3)."""

import hashlib
import re
from base64 import b64encode
from binascii import Error as _BinasciiError
from binascii import a2b_base64
from collections.abc import Callable
from hmac import compare_digest
from typing import Any, Final

from oid4vci._document import Codec
from oid4vci._json import Malformed

__all__ = ("check_integrity", "integrity_metadata", "integrity_of", "is_integrity_metadata")

_MAX_TEXT = 4_096
# From the weakest to the strongest.
_HASHES: Final[dict[str, Callable[[bytes], Any]]] = {
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
}
_EXPRESSION = re.compile(r"([a-z0-9]+)-([A-Za-z0-9+/_-]+)={0,2}(?:\?[!-~]*)?")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def _expressions(metadata: Any) -> list[tuple[str, str]]:
    """Algorithm and value of each hash expression. Raises `Malformed`."""
    if not isinstance(metadata, str) or len(metadata) > _MAX_TEXT:
        raise Malformed("must be integrity metadata")
    found = [_EXPRESSION.fullmatch(expression) for expression in metadata.split()]
    expressions = [(match[1], match[2]) for match in found if match is not None]
    if not expressions or len(expressions) != len(found):
        raise Malformed("must be integrity metadata")
    return expressions


def integrity_metadata() -> Codec:
    """A string of hash expressions, of algorithms known or unknown."""

    def check(value: Any) -> None:
        _expressions(value)

    return Codec(check)


def is_integrity_metadata(value: Any) -> bool:
    """Whether `value` is such a string."""
    try:
        _expressions(value)
    except Malformed:
        return False
    return True


def integrity_of(data: bytes) -> str:
    """Integrity metadata of `data`, with SHA-256.

    >>> integrity_of(b"{}")
    'sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o='
    """
    return f"sha256-{b64encode(hashlib.sha256(data).digest()).decode()}"


def check_integrity(metadata: Any, data: bytes) -> None:
    """Raise `Malformed` unless `data`, as it was retrieved, is what `metadata` says.

    Of several expressions those of the strongest algorithm count, and one of them must match. One or more must be of SHA-256,
    SHA-384 or SHA-512.
    """
    expressions = _expressions(metadata)
    strongest = next((name for name in reversed(_HASHES) if any(name == algorithm for algorithm, _ in expressions)), None)
    if strongest is None:
        raise Malformed("the integrity of a document is given by no supported hash algorithm")
    digest = _HASHES[strongest](data).digest()
    if not any(algorithm == strongest and _same(value, digest) for algorithm, value in expressions):
        raise Malformed("a document is not the one that its integrity metadata stand for")


def _same(value: str, digest: bytes) -> bool:
    raw = value.encode().translate(_FROM_URL)
    try:
        return compare_digest(a2b_base64(raw + b"=" * (-len(raw) % 4), strict_mode=True), digest)
    except _BinasciiError:
        return False
