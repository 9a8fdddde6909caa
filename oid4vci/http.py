"""Requests and responses as plain values.

An adapter makes a `Request` of what its framework received and gives back what a `Response` says; nothing here knows of sockets.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from oid4vci import _json
from oid4vci._json import Malformed

__all__ = ("Form", "Headers", "Request", "Response", "media_type", "url_origin", "url_path", "with_query")

MAX_BODY = 1 << 20
# Of a successful answer that can have Credentials: a batch of mdocs with portraits, encrypted, is some MiB.
MAX_CREDENTIALS = 8 << 20
MAX_FORM_FIELDS = 64


def _lower(headers: "Headers | Mapping[str, str] | Iterable[tuple[str, str]]") -> "Headers":
    if isinstance(headers, Headers):
        return headers
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return Headers(tuple([(name.lower(), value) for name, value in pairs]))


def _repr_of_names(pairs: tuple[tuple[str, str], ...]) -> str:
    """Only the names: values can be tokens and proofs."""
    return repr(tuple(name for name, _ in pairs))


@frozen
class Headers:
    """Header fields in order, names in lower case; one name may stand several times."""

    pairs: tuple[tuple[str, str], ...] = field(default=(), repr=_repr_of_names)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field."""
        name = name.lower()
        return tuple([value for key, value in self.pairs if key == name])

    def get(self, name: str) -> str | None:
        """The value of a field that may stand once. Raises `Malformed` if it stands more often."""
        values = self.all(name)
        if len(values) > 1:
            raise Malformed(f"the {name} header is repeated")
        return values[0] if values else None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower() for key, _ in self.pairs)


def media_type(content_type: str | None) -> str:
    """The media type of a `Content-Type` value in lower case and without parameters; empty if there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


@frozen
class Form:
    """Form parameters (RFC 6749 3.2): a parameter without a value counts as absent, one that stands twice is refused."""

    pairs: tuple[tuple[str, str], ...] = field(repr=False)

    def get(self, name: str) -> str | None:
        """The value of a parameter, or None."""
        return next((value for key, value in self.pairs if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a repeatable parameter (`resource`, RFC 8707 2)."""
        return tuple(value for key, value in self.pairs if key == name)

    @classmethod
    def parse(cls, text: str, *, repeatable: frozenset[str] = frozenset({"resource"})) -> "Form":
        """Read `application/x-www-form-urlencoded` text. Raises `Malformed`."""
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
            text.encode()
        except ValueError:
            # Also for half a surrogate pair, which an adapter can make of bytes that are no UTF-8.
            raise Malformed("not a form") from None
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen and name not in repeatable:
                raise Malformed("a parameter is repeated")
            seen.add(name)
        return cls(tuple((name, value) for name, value in pairs if value))


# Not `urlsplit`: it raises on some targets that a peer can send, and drops characters from others.
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")


def url_path(url: str) -> str:
    """The path at which a server answers for a URL of its own; `/` if it has none."""
    return urlsplit(url).path or "/"


_HTTPS_ORIGIN = re.compile(r"(https://[^/?#]+?)(?::443)?(?=[/?#]|$)", re.IGNORECASE)


def url_origin(url: str) -> str | None:
    """The origin of an `https` URL (RFC 6454 4), in lower case and without the default port; None for other URLs."""
    found = _HTTPS_ORIGIN.match(url)
    return found.group(1).lower() if found else None


def with_query(url: str, query: str) -> str:
    """`url` with one more query at its end; its own is kept (RFC 6749 3.1, 3.1.2)."""
    joint = "?" if "?" not in url else "" if url.endswith(("?", "&")) else "&"
    return f"{url}{joint}{query}"


def _repr_of_url(url: str) -> str:
    """Only the origin: paths and queries can hold an offer's id, a code, a token."""
    origin = _ORIGIN.match(url)
    return repr(f"{origin.group() if origin else ''}/...")


@frozen
class Request:
    """An HTTP request.

    `url` may be absolute or begin with the path. `headers` may be given as a mapping or as pairs. `body` is what was received.
    """

    method: str
    url: str = field(repr=_repr_of_url)
    headers: Headers = field(factory=Headers, converter=_lower, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The path of the URL, as it was sent."""
        return self._target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query of the URL, as it was sent; empty if there is none."""
        return self._target.partition("?")[2]

    @property
    def _target(self) -> str:
        origin = None if self.url.startswith("/") else _ORIGIN.match(self.url)
        return self.url[origin.end() if origin else 0 :].partition("#")[0]

    @property
    def media_type(self) -> str:
        """The media type of the body. Raises `Malformed` if `Content-Type` is repeated."""
        return media_type(self.headers.get("content-type"))

    def form(self) -> Form:
        """The body as form parameters. Raises `Malformed` for another media type, a large body, or a repeated parameter."""
        if self.media_type != "application/x-www-form-urlencoded":
            raise Malformed("the content type must be application/x-www-form-urlencoded")
        if len(self.body) > MAX_BODY:
            raise Malformed("too large")
        try:
            return Form.parse(self.body.decode("ascii"))
        except UnicodeDecodeError:
            raise Malformed("not a form") from None

    def json_object(self, *, max_bytes: int = MAX_BODY) -> dict[str, Any]:
        """The body as a JSON object. Raises `Malformed` for another media type or what `loads` refuses."""
        if self.media_type != "application/json":
            raise Malformed("the content type must be application/json")
        return _json.object_from(self.body, max_bytes=max_bytes)


@frozen
class Response:
    """An HTTP response."""

    status: int
    # `Location` can hold a code.
    headers: Headers = field(factory=Headers, converter=_lower, repr=False)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def of_json(cls, status: int, value: Any, headers: Mapping[str, str] | None = None) -> "Response":
        """A JSON response that no cache keeps."""
        fields = {"content-type": "application/json", "cache-control": "no-store", **(headers or {})}
        return cls(status, fields, _json.dump_bytes(value))

    @property
    def media_type(self) -> str:
        """The media type of the body. Raises `Malformed` if `Content-Type` is repeated."""
        return media_type(self.headers.get("content-type"))

    def json(self) -> Any:
        """The body as JSON, whatever its media type. Raises `Malformed`."""
        return _json.loads(self.body)
