"""Strict JSON and base64url.

Rule 1: nothing enters the library as JSON except through `loads`, which refuses what two parsers could read differently.
Rule 2: every error names the path of the field it is about, and never its value.
"""

import json
import re
from binascii import Error as _BinasciiError
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

__all__ = ("Malformed", "b64url_decode", "b64url_encode", "dump_bytes", "dumps", "loads", "loads_each", "object_from")

MAX_BYTES = 1 << 20
MAX_DEPTH = 32


class Malformed(ValueError):
    """A document that is not what it must be.

    `path` names the member (`proofs.jwt[2]`), empty for the document itself; `reason` is plain ASCII and repeats no value.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path)
        self.reason, self.path = reason, path

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def within(self, prefix: str) -> "Malformed":
        """The same error as seen from the enclosing document."""
        if not self.path:
            return Malformed(self.reason, prefix)
        return Malformed(self.reason, f"{prefix}{self.path}" if self.path[0] == "[" else f"{prefix}.{self.path}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # RFC 8259 4 leaves doubled names undefined: two readers may see two different messages.
        raise Malformed("a member name is repeated")
    return members


def _constant(name: str) -> NoReturn:
    raise Malformed("NaN and Infinity are not JSON")


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Malformed("a number is out of range")
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
# What `decode` calls, without its search for white space on both sides.
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]  # typeshed leaves it out
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)
# A string to its end, or to the end of the text: one that could fail would be tried again at every quotation mark.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _check_depth(text: str, max_depth: int) -> None:
    depth = 0
    for char in _STRING.sub("", text):
        if char in "[{":
            depth += 1
            if depth > max_depth:
                raise Malformed("nested too deeply")
        elif char in "]}":
            depth -= 1


def loads(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text.

    Refused: more than `max_bytes` bytes, more than `max_depth` levels, text that is not UTF-8 or begins with a byte order
    mark, repeated member names, `NaN` and `Infinity`, numbers out of range, unpaired surrogates.

    Raises `Malformed`.
    """
    if len(data) > max_bytes:
        raise Malformed("too large")
    if isinstance(data, bytes):
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise Malformed("not UTF-8") from None
    else:
        text = data
    # Most texts have fewer brackets than levels are allowed.
    if text.count("[") + text.count("{") > max_depth:
        _check_depth(text, max_depth)
    text = text.strip(" \t\n\r")
    try:
        value, end = _scan(text, 0)
    except Malformed:
        raise
    except (ValueError, RecursionError, StopIteration):
        raise Malformed("not JSON") from None
    if end != len(text):
        raise Malformed("not JSON")
    if ("\\u" in text or isinstance(data, str)) and _has_surrogate(value):
        raise Malformed("an unpaired surrogate")
    return value


def loads_each(texts: Sequence[bytes], *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> list[Any]:
    """The value of each JSON text, as `loads` gives them; quicker for many short ones. Raises `Malformed`."""
    values = _scan_each(texts, max_bytes, max_depth)
    return [loads(text, max_bytes=max_bytes, max_depth=max_depth) for text in texts] if values is None else values


def _scan_each(texts: Sequence[bytes], max_bytes: int, max_depth: int) -> list[Any] | None:
    """All in one pass; None if there is anything that takes a closer look. NUL, which no JSON text has in it, parts them."""
    joined = b"\0".join(texts)
    if len(joined) > max_bytes or joined.count(0) >= len(texts) or joined.count(b"[") + joined.count(b"{") > max_depth:
        return None
    values, at = [], 0
    try:
        text = joined.decode() + "\0"
        if "\\u" in text:
            return None
        for _ in texts:
            value, end = _scan(text, at)
            if text[end] != "\0":
                return None
            values.append(value)
            at = end + 1
    except (ValueError, RecursionError, StopIteration):
        return None
    return values


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_surrogate(name) or _has_surrogate(member) for name, member in value.items())
    return isinstance(value, list) and any(_has_surrogate(member) for member in value)


def _new_chunks() -> Callable[[Any], Iterable[str]]:
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return _encoder.iterencode
    # What `encode` makes anew for every object and array; made once, it halves the time.
    chunks = make(None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda value: chunks(value, 0)


_chunks = _new_chunks()
_string: Callable[[str], str] = json.encoder.encode_basestring


def dumps(value: Any) -> str:
    """Compact JSON text, non-ASCII characters as they are.

    Raises `ValueError` for NaN, infinity and what is nested without end, `TypeError` for other types.
    """
    if type(value) is str:
        return _string(value)
    try:
        return "".join(_chunks(value))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dump_bytes(value: Any) -> bytes:
    """`dumps` as UTF-8."""
    return dumps(value).encode()


def object_from(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """`loads`, and the value must be an object. Raises `Malformed`."""
    value = loads(data, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


TO_URL = bytes.maketrans(b"+/", b"-_")
# The standard alphabet's own two characters go to one that no alphabet has, so that they are refused.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/***")
_PADDING = (b"", None, b"==", b"=")
# What a last character may be when it carries 4 or 2 unused bits: they must be zero (RFC 4648 3.5).
_LAST = {2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}


def b64url_encode(data: bytes) -> str:
    """base64url without padding (OID4VCI 2, RFC 7515 2)."""
    return b2a_base64(data, newline=False).translate(TO_URL).rstrip(b"=").decode()


def b64url_decode(text: str | bytes) -> bytes:
    """The bytes of unpadded base64url; one byte string has exactly one accepted spelling.

    Padding, white space, the standard alphabet and non-zero trailing bits are refused. Raises `Malformed`.
    """
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
        padding = _PADDING[len(raw) & 3]
        if padding is None or (padding and raw[-1] not in _LAST[len(raw) & 3]):
            raise Malformed("not canonical base64url")
        return a2b_base64(raw.translate(_FROM_URL) + padding, strict_mode=True)
    except (UnicodeEncodeError, _BinasciiError):
        raise Malformed("not base64url") from None
