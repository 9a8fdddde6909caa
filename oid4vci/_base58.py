"""base58btc, the alphabet of Multibase texts that begin with `z` (Controlled Identifiers 2.4).

Reading and writing take time that grows with the square of the length: callers bound what they read.
"""

from collections.abc import Mapping
from typing import Final

from oid4vci._json import Malformed

__all__ = ("ALPHABET", "decode", "encode")

ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final[Mapping[str, int]] = {char: value for value, char in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """The text of `data`; each leading zero byte is a 1."""
    number, chars = int.from_bytes(data, "big"), []
    while number:
        number, digit = divmod(number, 58)
        chars.append(ALPHABET[digit])
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + "".join(reversed(chars))


def decode(text: str) -> bytes:
    """The bytes of `text`; one byte string has exactly one text. Raises `Malformed`."""
    number = 0
    for char in text:
        if char not in _DIGITS:
            raise Malformed("is not base58btc")
        number = number * 58 + _DIGITS[char]
    return bytes(len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8, "big")
