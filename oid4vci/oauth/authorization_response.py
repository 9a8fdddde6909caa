"""The way back from the Authorization Endpoint: where a response goes, and what it says (RFC 6749 4.1.2, RFC 9207)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

from attrs import field, frozen

from oid4vci.errors import InvalidRequest, Refusal
from oid4vci.http import Response, with_query
from oid4vci.metadata import ClientMetadata
from oid4vci.records import Reply

__all__ = ("Redirect", "RedirectedRefusal", "check_redirect_uri", "registered_redirect_uri")

MAX_REDIRECT_URI = 2048
# What a browser would run or read instead of leaving the page.
_REFUSED_SCHEMES = frozenset(("blob", "data", "file", "ftp", "javascript", "vbscript", "about"))
_LOOPBACK = ("127.0.0.1", "[::1]")
_PORT = re.compile(r":[0-9]{1,5}$", re.ASCII)


def check_redirect_uri(uri: str) -> None:
    """Raises `ValueError` unless a browser may be sent to `uri`: absolute, without fragment (RFC 6749 3.1.2).

    Plain `http` is for the loopback interface only (RFC 8252 7.3, RFC 9700 2.1).
    """
    if not 1 <= len(uri) <= MAX_REDIRECT_URI or not uri.isascii() or not uri.isprintable() or " " in uri:
        raise ValueError("a redirect URI has printable ASCII characters without spaces, at most 2048")
    scheme, separator, rest = uri.partition(":")
    plain = scheme.replace("+", "").replace("-", "").replace(".", "")
    if not separator or not rest or not scheme[:1].isalpha() or not plain.isalnum():
        raise ValueError("a redirect URI is absolute")
    if "#" in uri or '"' in uri or "\\" in uri or "<" in uri or ">" in uri:
        raise ValueError("a redirect URI has no fragment, and no characters that a URI does not have")
    if scheme.lower() in _REFUSED_SCHEMES:
        raise ValueError("a redirect URI of this scheme is not safe")
    if scheme.lower() in ("http", "https"):
        host = _host(uri)
        if not host or "@" in host:
            raise ValueError("a redirect URI has a host, and no user information")
        if scheme.lower() == "http" and _without_port(host) not in _LOOPBACK:
            raise ValueError("a redirect URI with http is for the loopback interface only")


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).netloc
    except ValueError:
        return ""


def _without_port(host: str) -> str:
    return _PORT.sub("", host)


def _any_port(uri: str) -> str | None:
    """A loopback URI without its port (RFC 8252 7.3: "MUST allow any port to be specified at the time of the request")."""
    host = _host(uri)
    if not uri.startswith("http://") or _without_port(host) not in _LOOPBACK:
        return None
    return uri.replace(host, _without_port(host), 1)


def registered_redirect_uri(client: ClientMetadata, uri: str | None, *, any_uri: bool = False) -> str:
    """The `redirect_uri` of a request, if the client may use it: identical to a registered one, but for a loopback port.

    `any_uri`: a client that authenticated and has none registered may name any (RFC 9126 2.4). Raises `InvalidRequest`, which
    must not be sent to that URI.
    """
    if uri is None:
        raise InvalidRequest("redirect_uri is missing")
    registered = client.redirect_uris
    if registered is None and any_uri:
        try:
            check_redirect_uri(uri)
        except ValueError as error:
            raise InvalidRequest(f"redirect_uri: {error}") from None
        return uri
    loopback = _any_port(uri)
    if uri in (registered or ()) or (loopback is not None and loopback in map(_any_port, registered or ())):
        return uri
    raise InvalidRequest("redirect_uri is not registered for this client")


@frozen
class Redirect:
    """Where the Authorization Response goes. `issuer` is the server's identifier, which goes along as `iss` (RFC 9207 2)."""

    uri: str
    state: str | None = field(repr=False)
    issuer: str

    def response(self, **parameters: str) -> Response:
        """303 to the redirect URI, its own query kept (RFC 6749 3.1.2, RFC 9700 4.12: not 307)."""
        query = {**parameters, **({} if self.state is None else {"state": self.state}), "iss": self.issuer}
        headers = {"location": with_query(self.uri, urlencode(query)), "cache-control": "no-store"}
        return Response(303, {**headers, "referrer-policy": "no-referrer"})

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Sends every refusal inside the block to the redirect URI."""
        try:
            yield
        except RedirectedRefusal:
            raise
        except Refusal as refusal:
            raise RedirectedRefusal(refusal, self) from None


class RedirectedRefusal(Refusal):
    """A refusal that the client hears of through the browser (RFC 6749 4.1.2.1)."""

    section = "RFC 6749 4.1.2.1"

    def __init__(self, refusal: Refusal, redirect: Redirect) -> None:
        super().__init__(refusal.description, changes=refusal.changes)
        # Not a class attribute as elsewhere: this one speaks for any other.
        self.error = refusal.error  # type: ignore[misc]
        self.redirect = redirect

    @property
    def reply(self) -> Reply:
        return Reply(self.redirect.response(**self.body), self.changes)
