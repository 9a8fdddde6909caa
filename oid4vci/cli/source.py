"""Where documents come from: files, standard input, the arguments themselves. Only `web` uses the network."""

import sys
from typing import Final

from attrs import field, frozen

from oid4vci.metadata.finding import Finding

__all__ = ("MAX_BYTES", "Source", "Unreadable", "from_file")

MAX_BYTES: Final = 1 << 20


class Unreadable(Exception):
    """A document that cannot be had. The message is for the person."""


@frozen
class Source:
    """A document and where it came from.

    `findings` are about how it was delivered; `issuer` is the identifier by which it was asked for.
    """

    name: str
    body: bytes = field(repr=False)
    findings: tuple[Finding, ...] = ()
    issuer: str | None = None


def from_file(name: str) -> Source:
    """The document in a file, or on standard input if `name` is `-`. Raises `Unreadable`."""
    try:
        if name == "-":
            return Source("standard input", _bounded(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input"))
        with open(name, "rb") as file:
            return Source(name, _bounded(file.read(MAX_BYTES + 1), name))
    except OSError as error:
        raise Unreadable(f"{name}: {error.strerror or 'cannot be read'}") from None
    except ValueError:
        # A name with a NUL.
        raise Unreadable("not the name of a file") from None


def _bounded(body: bytes, name: str) -> bytes:
    if len(body) > MAX_BYTES:
        raise Unreadable(f"{name}: more than {MAX_BYTES} bytes")
    return body
