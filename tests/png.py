"""PNG files as browsers write them (RFC 2083): eight bits a channel, three or four channels, not interlaced."""

import struct
import zlib
from typing import Final

__all__ = ("brightness",)

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
CHANNELS: Final = {2: 3, 6: 4}


def brightness(png: bytes) -> list[list[int]]:
    """The rows of a picture: the least of red, green and blue of each point, 0 to 255."""
    assert png.startswith(SIGNATURE)
    data, at, header = b"", len(SIGNATURE), (0, 0, 0, 0, 0, 0, 0)
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"IDAT":
            data += content
        at += size + 12
    width, height, bits, colour, _, _, interlaced = header
    assert (bits, interlaced) == (8, 0)
    step = CHANNELS[colour]
    raw, length = zlib.decompress(data), width * step
    before, rows = bytearray(length), []
    for y in range(height):
        start = y * (length + 1)
        before = _unfiltered(raw[start], raw[start + 1 : start + 1 + length], before, step)
        rows.append([min(before[x : x + 3]) for x in range(0, length, step)])
    return rows


def _unfiltered(kind: int, row: bytes, before: bytearray, step: int) -> bytearray:
    """A row, each byte of which is told by its neighbours (RFC 2083 6)."""
    found = bytearray(row)
    for i, value in enumerate(row):
        left, up = (found[i - step] if i >= step else 0), before[i]
        corner = before[i - step] if i >= step else 0
        found[i] = (value + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255
    return found


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    distances = abs(guess - left), abs(guess - up), abs(guess - corner)
    return (left, up, corner)[distances.index(min(distances))]
