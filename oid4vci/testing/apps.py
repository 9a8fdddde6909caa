"""An application as a function from `Request` to `Response`: what a probe sends to, without a server or a network.

Rule: the rules of the interface (PEP 3333, ASGI 3) are held strictly. What a server would forgive, or answer with 500, fails the
check that met with it.
"""

import io
import re
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

from attrs import define, field, frozen

from oid4vci.http import Request, Response
from oid4vci.testing.report import CheckFailed, CheckSkipped

__all__ = ("AppFault", "WsgiApplication", "wsgi")

WsgiApplication: TypeAlias = Callable[[dict[str, Any], Any], Any]
Send: TypeAlias = Callable[[Request], Response]

_ORIGIN = re.compile(r"https?://[^/?#\s]+")
_STATUS = re.compile(r"[1-9][0-9]{2} [ -~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# "applications are forbidden from using HTTP/1.1 "hop-by-hop" features or headers" -- PEP 3333
_HOP_BY_HOP: Final = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding", "upgrade")
)


class AppFault(CheckFailed):
    """The application broke the rules of its interface, or ended with an exception."""


def check_origin(origin: str) -> None:
    """Raises `ValueError` for more than a scheme, a host and perhaps a port: every request would be for somewhere else."""
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("origin must be a scheme, a host and perhaps a port, with nothing behind it")


def raised(error: Exception) -> AppFault:
    """The fault of an application that ended with an exception: a server would say 500. Its message may hold secrets."""
    return AppFault(f"the application raised {type(error).__name__}")


def target(request: Request, origin: str) -> tuple[bytes, str, str]:
    """Path (its percent-encoding undone), path as it was sent, and query of a request to an application at `origin`.

    Raises `CheckSkipped` for a request to another origin.
    """
    if not f"{request.url}/".startswith(f"{origin}/") and not request.url.startswith((f"{origin}?", "/")):
        raise CheckSkipped("this is at another origin than the application")
    path = request.path or "/"
    return unquote_to_bytes(path), path, request.query


def checked(status: int, headers: list[tuple[str, str]], body: bytes, method: str, interface: str) -> Response:
    """The response, as it went out. Raises `AppFault` for a body that is not as long as was said, or is where none may be."""
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    if lengths and method != "HEAD" and lengths != [str(len(body))]:
        raise AppFault(f"{interface}: Content-Length is not the length of the body")
    if body and (status in (204, 304) or status < 200):
        raise AppFault(f"{interface}: a response with the status {status} has a body")
    return Response(status, headers, body)


def _fields(headers: Any) -> list[tuple[str, str]]:
    """Raises `AppFault` unless they are what PEP 3333 says."""
    if type(headers) is not list:
        raise AppFault("PEP 3333: the headers must be a list")
    for each in headers:
        if type(each) is not tuple or len(each) != 2 or not all(type(part) is str for part in each):
            raise AppFault("PEP 3333: a header must be a tuple of two native strings")
        name, value = each
        if not _NAME.fullmatch(name) or _CONTROL.search(value) or (not value.isascii() and not _latin(value)):
            raise AppFault("PEP 3333: a header has a name or a value that cannot be sent")
        if name.lower() in _HOP_BY_HOP or name.lower() == "status":
            raise AppFault(f"PEP 3333: an application must not send the header {name}")
    return headers


def _latin(value: str) -> bool:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


@define
class _Started:
    """What `start_response` was told, and what was written since."""

    status: int | None = None
    headers: list[tuple[str, str]] = field(factory=list)
    written: list[bytes] = field(factory=list)

    def start(self, status: Any, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        try:
            if self.status is not None and exc_info is None:
                raise AppFault("PEP 3333: start_response was called twice without exc_info")
            if exc_info is not None and any(self.written):
                raise exc_info[1].with_traceback(exc_info[2])
        finally:
            exc_info = None
        if type(status) is not str or not _STATUS.fullmatch(status):
            raise AppFault("PEP 3333: the status must be a native string such as '200 OK'")
        self.status, self.headers = int(status[:3]), list(_fields(headers))
        return self.write

    def write(self, data: Any) -> None:
        if not isinstance(data, bytes):
            raise AppFault(f"PEP 3333: the body must be bytes, not {type(data).__name__}")
        if self.status is None:
            raise AppFault("PEP 3333: there was a body before start_response was called")
        self.written.append(data)


@frozen
class _Wsgi:
    app: WsgiApplication
    origin: str

    def __call__(self, request: Request) -> Response:
        environ, started = self._environ(request), _Started()
        try:
            result = self.app(environ, started.start)
            if isinstance(result, str | bytes):
                raise AppFault("PEP 3333: the result must be an iterable of bytes, and is one string")
            try:
                for part in result:
                    started.write(part)
            finally:
                if hasattr(result, "close"):
                    result.close()
        except CheckFailed:
            raise
        except Exception as error:
            raise raised(error) from error
        if started.status is None:
            raise AppFault("PEP 3333: start_response was not called")
        return checked(started.status, started.headers, b"".join(started.written), request.method, "PEP 3333")

    def _environ(self, request: Request) -> dict[str, Any]:
        path, _, query = target(request, self.origin)
        at = urlsplit(self.origin)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": at.hostname or "",
            "SERVER_PORT": str(at.port or (443 if at.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": at.netloc,
            "CONTENT_LENGTH": str(len(request.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": at.scheme,
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in request.headers.pairs:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            # A field that stands twice comes as one (RFC 3875 4.1.18).
            environ[key] = f"{environ[key]},{value}" if key in environ and key != "CONTENT_LENGTH" else value
        return environ


def wsgi(app: WsgiApplication, *, origin: str) -> Send:
    """A WSGI application (PEP 3333) that is asked as if it were served at `origin`, such as `https://issuer.example`.

    What is returned raises `AppFault`, which fails the check that sent the request, where the application breaks the rules or
    raises; and `CheckSkipped` for another origin. Raises `ValueError` for an `origin` with a path.
    """
    check_origin(origin)
    return _Wsgi(app, origin)
