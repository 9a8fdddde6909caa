"""Strict CBOR (RFC 8949): one bounded reader of our own, and writing by cbor2.

Rule 1: nothing enters the library as CBOR except through `loads`. cbor2 does not read here: it decodes dates, regular expressions,
shared references and the like by itself, and a first pass that refuses those takes as long as reading does.
Rule 2: bytes that were hashed or signed are kept as they came; nothing is decoded and encoded again to be checked.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from struct import unpack_from
from typing import Any, Final, NoReturn, TypeAlias

import cbor2
from attrs import field, frozen

from oid4vci._cbor_dates import DATES, full_date, tdate
from oid4vci._json import Malformed

__all__ = ("DATES", "Embedded", "TagReaders", "Tagged", "dumps", "full_date", "head", "loads", "tdate")

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_ITEMS = 100_000
# Python's hashes of integers are no secret: with enough keys of one's choice, every new one meets all those before it.
MAX_MEMBERS = 4_096
_BREAK: Final = object()


@frozen
class Tagged:
    """A value under a tag (RFC 8949 3.4) that whoever read it gave no meaning."""

    tag: int
    value: Any


@frozen
class Embedded:
    """CBOR in a byte string under tag 24 (RFC 8949 3.4.5.1): unread, and tag and string as received."""

    content: bytes = field(repr=False)
    encoded: bytes = field(repr=False, eq=False)


TagReaders: TypeAlias = Mapping[int, Callable[[Any], Any]]
"""What to make of the value under a tag; those that are not in it stay `Tagged`."""


def loads(data: bytes, *, tags: TagReaders | None = None, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value of one CBOR data item: int, str, bytes, list, dict, bool, float, None, `Embedded`, `Tagged`.

    Refused: more than `max_bytes` bytes, `max_depth` levels, 100000 items or 4096 members of one map, anything after the item,
    repeated keys, keys that are neither integers nor text, text that is not UTF-8, strings in chunks, numbers that are not finite,
    bignums, `undefined` and other simple values, and the tags for references (RFC 8949 3, 5.3, 5.6). Arrays and maps of indefinite
    length are read, as some issuers write them, and integers that could be shorter.

    Raises `Malformed`, as the functions in `tags` do.
    """
    if len(data) > max_bytes:
        raise Malformed("too large")
    reader = _Reader(data, tags or {}, max_depth)
    try:
        value = reader.item(0)
    except IndexError:
        raise Malformed("not CBOR: it ends too early") from None
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None
    if reader.at > len(data):
        raise Malformed("not CBOR: it ends too early")
    if reader.breaks:
        raise Malformed("not CBOR")
    if reader.at != len(data):
        raise Malformed("something follows the CBOR data item")
    return value


# Those that point elsewhere in the message (25, 256, 28, 29), or make numbers of any size (2, 3, 4, 5, 264, 265, 30).
_REFUSED_TAGS: Final = frozenset((2, 3, 4, 5, 25, 28, 29, 30, 256, 264, 265))
_EMBEDDED: Final = 24
# The first byte of text of no bytes; the length is added, as far as it fits.
_SHORT_TEXT: Final = 0x60
# That of bytes whose length is the next byte, or the next two, and that of a tag that is the next byte.
_SHORT_BYTES: Final = 0x58
_BYTES_HEADS: Final = (_SHORT_BYTES, 0x59)
_LONG_TAG: Final = 0xD8
_SIMPLE: Final[Mapping[int, Any]] = {20: False, 21: True, 22: None}
_FLOATS: Final = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


class _Reader:
    """One run of `loads`. An index beyond the data is an `IndexError`, and means that the data end too early.

    A string may reach beyond the data: whatever is read after it is an `IndexError`, and after the last item `loads` looks. So it
    does for a "break" that ended nothing (RFC 8949 3.2.1): they are counted.
    """

    __slots__ = ("at", "breaks", "data", "left", "max_depth", "tags")

    def __init__(self, data: bytes, tags: TagReaders, max_depth: int) -> None:
        self.data, self.tags, self.max_depth = data, tags, max_depth
        self.at, self.breaks, self.left = 0, 0, MAX_ITEMS

    def item(self, depth: int) -> Any:
        data = self.data
        start = at = self.at
        initial = data[at]
        at += 1
        if _SHORT_TEXT <= initial < _SHORT_TEXT + 24:
            # What most items are.
            self.at = end = at + initial - _SHORT_TEXT
            return data[at:end].decode()
        if initial == _LONG_TAG and data[at] == _EMBEDDED and data[at + 1] in _BYTES_HEADS:
            return self.embedded(start, depth)
        major, argument = initial >> 5, initial & 31
        if argument >= 24 and major != 7:
            if argument == 24:
                argument = data[at]
                at += 1
            elif argument < 28:
                size = 1 << argument - 24
                if at + size > len(data):
                    raise IndexError
                argument = int.from_bytes(data[at : at + size], "big")
                at += size
            elif argument == 31 and major in (4, 5):
                argument = -1
            else:
                raise Malformed("not CBOR, or a string in chunks")
        if major == 3 or major == 2:
            self.at = end = at + argument
            return data[at:end] if major == 2 else data[at:end].decode()
        self.at = at
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 7:
            return self.simple(argument)
        if depth >= self.max_depth:
            raise Malformed("nested too deeply")
        if major == 5:
            return self.map(argument, depth + 1)
        if major == 4:
            return self.array(argument, depth + 1)
        return self.tagged(argument, depth + 1, start)

    def count(self, length: int) -> None:
        self.left -= length
        if self.left < 0:
            raise Malformed("too many items")

    def array(self, length: int, depth: int) -> list[Any]:
        item = self.item
        if length >= 0:
            self.count(length)
            return [item(depth) for _ in range(length)]
        values = []
        while (value := item(depth)) is not _BREAK:
            self.count(1)
            values.append(value)
        self.breaks -= 1
        return values

    def map(self, length: int, depth: int) -> dict[int | str, Any]:
        item = self.item
        members: dict[int | str, Any] = {}
        if length > MAX_MEMBERS:
            raise Malformed("too many members of a map")
        self.count(max(length, 0))
        read = 0
        data, at = self.data, self.at
        # Short strings and small integers, which most members are, are read here as `item` would.
        while read != length:
            initial = data[at]
            if _SHORT_TEXT <= initial < _SHORT_TEXT + 24:
                start = at + 1
                at = start + initial - _SHORT_TEXT
                key: Any = data[start:at].decode()
            elif initial < 24:
                key = initial
                at += 1
            else:
                self.at = at
                key = item(depth)
                at = self.at
                # Python takes 1, 1.0 and True for the same key.
                if type(key) is not str and type(key) is not int:
                    if key is _BREAK and length < 0:
                        self.breaks -= 1
                        break
                    raise Malformed("the keys of a map must be integers or text")
            initial = data[at]
            if _SHORT_TEXT <= initial < _SHORT_TEXT + 24:
                start = at + 1
                at = start + initial - _SHORT_TEXT
                value: Any = data[start:at].decode()
            elif initial == _SHORT_BYTES:
                start = at + 2
                at = start + data[at + 1]
                value = data[start:at]
            elif initial < 24:
                value = initial
                at += 1
            else:
                self.at = at
                value = item(depth)
                at = self.at
            members[key] = value
            read += 1
            if length < 0:
                self.count(1)
                if read > MAX_MEMBERS:
                    raise Malformed("too many members of a map")
        if len(members) != read:
            # RFC 8949 5.6: two readers may see two different maps.
            raise Malformed("a key of a map is repeated")
        self.at = at
        return members

    def tagged(self, tag: int, depth: int, start: int) -> Any:
        if tag in _REFUSED_TAGS:
            raise Malformed("a tag for references or for large numbers")
        value = self.item(depth)
        if tag == _EMBEDDED:
            if not isinstance(value, bytes):
                raise Malformed("what is embedded must be in a byte string")
            return Embedded(value, self.data[start : self.at])
        read = self.tags.get(tag)
        return Tagged(tag, value) if read is None else read(value)

    def embedded(self, start: int, depth: int) -> Embedded:
        """As `tagged`, for what mdocs have most of: a string of 24 to 65535 bytes."""
        if depth >= self.max_depth:
            raise Malformed("nested too deeply")
        data, begin = self.data, start + 4
        size = data[start + 3]
        if data[start + 2] != _SHORT_BYTES:
            size, begin = (size << 8) + data[begin], begin + 1
        self.at = end = begin + size
        return Embedded(data[begin:end], data[start:end])

    def simple(self, argument: int) -> Any:
        if argument in _SIMPLE:
            return _SIMPLE[argument]
        if argument == 31:
            self.breaks += 1
            return _BREAK
        if argument not in _FLOATS:
            raise Malformed("a simple value without meaning")
        code, size = _FLOATS[argument]
        if self.at + size > len(self.data):
            raise IndexError
        (number,) = unpack_from(code, self.data, self.at)
        self.at += size
        if number - number != 0:
            raise Malformed("a number that is not finite")
        return number


# --- writing ----------------------------------------------------------------------------------------------------------------


def dumps(value: Any, *, depth: int = 0) -> bytes:
    """`value` in CBOR: definite lengths, shortest integers, members in the order given. `depth`: how many levels are around it.

    It is what `loads` returns, or a `tuple`, a `datetime.date` (tag 1004) or an aware `datetime.datetime` (tag 0, UTC, whole
    seconds). Raises `ValueError` for anything else, and for what `loads` refuses.
    """
    kind = type(value)
    if kind is str:
        text = _text(value).encode()
        return head(3, len(text)) + text
    if kind is bytes:
        return b"".join((head(2, len(value)), value))
    if kind is date:
        return b"".join((FULL_DATE, value.isoformat().encode()))
    return cbor2.dumps(_writable(value, depth))


def _no(reason: str) -> NoReturn:
    raise ValueError(f"this cannot be written in CBOR: {reason}")


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        _no("an unpaired surrogate")
    return value


def _writable(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _text(value)
    if value is None or kind is bytes or kind is bool:
        return value
    if kind is int:
        return value if -(1 << 64) <= value < 1 << 64 else _no("a number too large")
    if kind is float:
        return value if value - value == 0 else _no("a number that is not finite")
    if depth >= MAX_DEPTH:
        _no("nested too deeply")
    if isinstance(value, dict):
        if len(value) > MAX_MEMBERS:
            _no("too many members of a map")
        members = {}
        for key, member in value.items():
            if type(key) is not str and type(key) is not int:
                _no("keys that are neither integers nor text")
            members[_writable(key, depth)] = _writable(member, depth + 1)
        return members
    if isinstance(value, list | tuple):
        return [_writable(element, depth + 1) for element in value]
    if isinstance(value, datetime):
        # The times of an mdoc have neither fractions of a second nor an offset from UTC (ISO/IEC 18013-5 9.1.2.4).
        if value.tzinfo is None or value.microsecond:
            _no("a time without time zone, or with fractions of a second")
        try:
            return cbor2.CBORTag(0, value.astimezone(UTC).isoformat()[:19] + "Z")
        except OverflowError:
            _no("a time that is none in UTC")
    if isinstance(value, date):
        return cbor2.CBORTag(1004, value.isoformat())
    if isinstance(value, Embedded):
        return cbor2.CBORTag(_EMBEDDED, value.content)
    if isinstance(value, Tagged):
        if value.tag in _REFUSED_TAGS or not 0 <= value.tag < 1 << 64:
            _no("a tag that is not supported")
        return cbor2.CBORTag(value.tag, _writable(value.value, depth + 1))
    return _no(f"a {kind.__name__}")


# Tag 1004, and text of ten bytes.
FULL_DATE: Final = b"\xd9\x03\xec\x6a"
_HEADS: Final = tuple([bytes((initial,)) for initial in range(256)])


def head(major: int, argument: int) -> bytes:
    """The head of a data item (RFC 8949 3): a length before a string, array or map, a tag before its value."""
    if argument < 24:
        return _HEADS[major << 5 | argument]
    if argument < 1 << 8:
        return bytes((major << 5 | 24, argument))
    size = 2 if argument < 1 << 16 else 4 if argument < 1 << 32 else 8
    return bytes((major << 5 | 23 + size.bit_length(),)) + argument.to_bytes(size, "big")
