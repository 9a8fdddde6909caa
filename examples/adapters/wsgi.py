"""What a WSGI server hands on (PEP 3333) as a value of the library.

WSGI loses two things. Header fields that were repeated are joined with a comma, so those that may stand once are taken apart
again: neither a token nor a JWT has a comma. (Of a repeated `Content-Type` some servers hand on only one.) Paths are decoded, so
the target is taken as the server received it, where it says so (`REQUEST_URI`, `RAW_URI`), and else encoded again.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from oid4vci.errors import Refusal
from oid4vci.http import Request

__all__ = ("body", "headers", "received")

CHUNK: Final = 65_536
STAND_ONCE: Final = frozenset(
    {"authorization", "content-type", "dpop", "oauth-client-attestation", "oauth-client-attestation-pop"}
)
"""The fields of which the library takes one."""
UNQUOTED: Final = "/!$&'()*+,;=:@~"


class BadLength(Refusal):
    """The length of the body is not what was said."""

    error, status, section = "invalid_request", 400, "RFC 9112 6.3"


class LengthRequired(Refusal):
    """The server does not say where the body ends."""

    error, status, section = "invalid_request", 411, "RFC 9110 15.5.12"


def received(environ: Mapping[str, Any]) -> Request:
    """What was received, without the body."""
    query = environ.get("QUERY_STRING")
    return Request(environ["REQUEST_METHOD"], f"{_path(environ)}?{query}" if query else _path(environ), headers(environ))


def headers(environ: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The header fields. Those that may stand once are there as often as they were sent."""
    found = []
    for name, value in environ.items():
        if name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            found.append((name.replace("_", "-").lower(), str(value)))
        elif name.startswith("HTTP_"):
            found.append((name[5:].replace("_", "-").lower(), str(value)))
    return [(name, each) for name, value in found for each in (value.split(",") if name in STAND_ONCE else (value,))]


def _path(environ: Mapping[str, Any]) -> str:
    """The path as it was sent. Behind a proxy that takes a prefix away, the prefix (`SCRIPT_NAME`) is put in front again."""
    prefix = environ.get("SCRIPT_NAME", "").encode("latin-1")
    path = environ.get("PATH_INFO", "").encode("latin-1")
    sent = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "").partition("?")[0]
    # Only if it is what the application was called with: a middleware may have changed that.
    if unquote_to_bytes(sent) == prefix + path:
        return sent or "/"
    return quote(prefix, safe=UNQUOTED) + (sent if unquote_to_bytes(sent) == path else quote(path, safe=UNQUOTED))


def body(environ: Mapping[str, Any]) -> Iterator[bytes]:
    """The body, in chunks. Raises `BadLength`, `LengthRequired`."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or "0"
    if environ.get("HTTP_TRANSFER_ENCODING"):
        if not environ.get("wsgi.input_terminated"):
            raise LengthRequired("the request must have a Content-Length")
        yield from iter(lambda: stream.read(CHUNK), b"")
        return
    if not (length.isascii() and length.isdigit()):
        raise BadLength("the Content-Length is not a number")
    left = int(length)
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise BadLength("the body is shorter than its Content-Length")
        left -= len(chunk)
        yield chunk
