"""The Status List: the statuses of many tokens, some bits for each (Token Status List 4, 7)."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, Self

from attrs import field, frozen

from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.status_list.compression import MAX_SIZE, zlib_compress, zlib_decompress

__all__ = ("APPLICATION_SPECIFIC", "StatusList", "StatusType", "status_name")

_BITS = (1, 2, 4, 8)


class StatusType(IntEnum):
    """The registered Status Types (Token Status List 7.1)."""

    VALID = 0x00
    INVALID = 0x01
    """Revoked, for good."""
    SUSPENDED = 0x02
    """Invalid for now; takes a list of two bits or more."""


APPLICATION_SPECIFIC: Final = frozenset((0x03, 0x0C, 0x0D, 0x0E, 0x0F))
"""Values whose meaning is the application's (Token Status List 7.1)."""


def status_name(value: int) -> str | None:
    """The registered name of a Status Type value; None if it has none."""
    return next((known.name for known in StatusType if known == value), None)


@frozen
class StatusList:
    """Statuses by index. `bits` is 1, 2, 4 or 8; `packed` are the statuses, in each byte from the least significant bit on.

    >>> statuses = StatusList.of(16, statuses={3: StatusType.INVALID})
    >>> statuses.get(3), statuses.get(4)
    (1, 0)
    >>> statuses.set({4: StatusType.INVALID}).get(4)
    1
    """

    bits: int
    packed: bytes = field(repr=False)

    def __attrs_post_init__(self) -> None:
        # "a number of bits (bits) of either 1,2,4 or 8" -- Token Status List 4.1
        if type(self.bits) is not int or self.bits not in _BITS:
            raise Malformed("must be 1, 2, 4 or 8", "bits")

    @classmethod
    def of(cls, size: int, *, bits: int = 1, statuses: Mapping[int, int] | None = None, default: int = 0) -> Self:
        """A list of at least `size` entries (whole bytes are filled). `statuses`: those that are not `default`, by index.

        A list that is long from the start, and the same `default` for entries that nobody has yet, hide how many Credentials
        there are (Token Status List 13.3). Raises `ValueError`.
        """
        if size < 1:
            raise ValueError("a status list has at least one entry")
        empty = cls(bits, b"")
        empty._check_status(default)
        unit = sum(default << shift for shift in range(0, 8, bits))
        return cls(bits, bytes((unit,)) * ((size * bits + 7) // 8)).set(statuses or {})

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self.packed) * 8 // self.bits

    def _place(self, index: int) -> tuple[int, int]:
        """Byte and shift of an entry."""
        # "If the provided index is out of bounds of the Status List, no statement ... can be made" -- Token Status List 8.3
        if not 0 <= index < self.size:
            raise Malformed("is out of the list's bounds", "idx")
        byte, bit = divmod(index * self.bits, 8)
        return byte, bit

    def _check_status(self, status: int) -> None:
        if not 0 <= status < 1 << self.bits:
            raise ValueError(f"a status must fit into {self.bits} bits")

    def get(self, index: int) -> int:
        """The status at `index`, beginning with 0. Raises `Malformed` (a `ValueError`) if the list is shorter."""
        byte, shift = self._place(index)
        return self.packed[byte] >> shift & (1 << self.bits) - 1

    def set(self, statuses: Mapping[int, int]) -> Self:
        """A list in which these entries are others. Raises `ValueError` for an index or a status that does not fit."""
        packed, mask = bytearray(self.packed), (1 << self.bits) - 1
        for index, status in statuses.items():
            self._check_status(status)
            byte, shift = self._place(index)
            packed[byte] = packed[byte] & ~(mask << shift) | status << shift
        return type(self)(self.bits, bytes(packed))

    def compressed(self) -> bytes:
        """The compressed byte array (Token Status List 4.1)."""
        return zlib_compress(self.packed)

    def to_json(self) -> dict[str, Any]:
        """`bits` and `lst` (Token Status List 4.2)."""
        return {"bits": self.bits, "lst": b64url_encode(self.compressed())}

    def to_cbor(self) -> dict[str, Any]:
        """The same as a map to be encoded: `lst` is a byte string (Token Status List 4.3)."""
        return {"bits": self.bits, "lst": self.compressed()}

    @classmethod
    def from_json(cls, value: Any, *, max_size: int = MAX_SIZE) -> Self:
        """Read the JSON object that `to_json` writes; `max_size` bounds the bytes it inflates to. Raises `Malformed`."""
        bits, lst = _members(value)
        if not isinstance(lst, str):
            raise Malformed("must be a string", "lst")
        try:
            lst = b64url_decode(lst)
        except Malformed as error:
            raise error.within("lst") from None
        return cls._inflated(bits, lst, max_size)

    @classmethod
    def from_cbor(cls, value: Any, *, max_size: int = MAX_SIZE) -> Self:
        """Read the map that `to_cbor` gives, once decoded; otherwise as `from_json`. Raises `Malformed`."""
        bits, lst = _members(value)
        if not isinstance(lst, bytes):
            raise Malformed("must be a byte string", "lst")
        return cls._inflated(bits, lst, max_size)

    @classmethod
    def _inflated(cls, bits: Any, lst: bytes, max_size: int) -> Self:
        empty = cls(bits, b"")
        try:
            return cls(empty.bits, zlib_decompress(lst, max_size=max_size))
        except Malformed as error:
            raise error.within("lst") from None


def _members(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, Mapping):
        raise Malformed("must be an object")
    for name in ("bits", "lst"):
        if name not in value:
            raise Malformed("is missing", name)
    return value["bits"], value["lst"]
