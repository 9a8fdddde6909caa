"""Documents at https URLs, by httpx, which the extra `oid4vci[cli]` brings.

Rule: no redirects are followed, answers are bounded in size and never decompressed, no step takes longer than a time limit, and
nothing but https is spoken.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from attrs import frozen

from oid4vci._document import https_url
from oid4vci._json import Malformed
from oid4vci.cli.source import MAX_BYTES, Source, Unreadable
from oid4vci.http import Request, Response, url_origin
from oid4vci.metadata import (
    authorization_server_metadata_url,
    credential_issuer_metadata_url,
    well_known_fallback_url,
)
from oid4vci.metadata.finding import Finding

if TYPE_CHECKING:
    import httpx

__all__ = ("from_server", "from_url", "new_client", "sending")

TIMEOUT: Final = 10.0
ACCEPT: Final = "application/json, application/jwt;q=0.9, */*;q=0.1"

_Types: TypeAlias = tuple[tuple[str, ...], str, str | None]
_ISSUER_TYPES: Final[_Types] = (("application/json", "application/jwt"), "OID4VCI 12.2.2", "VCI-12.2.2-06")
_SERVER_TYPES: Final[_Types] = (("application/json",), "RFC 8414 3.2", None)


@frozen
class _Answer:
    status: int
    media_type: str
    body: bytes


def new_client() -> "httpx.Client":
    """What requests are sent with. Raises `Unreadable` without httpx."""
    try:
        import httpx
    except ImportError:
        raise Unreadable("to fetch a URL, install httpx: pip install 'oid4vci[cli]'") from None
    return httpx.Client(follow_redirects=False, timeout=TIMEOUT)


def from_url(url: str) -> Source:
    """What is at a URL; of one without a well-known path, query or fragment, the metadata of that issuer or server are tried first.

    Raises `Unreadable`.
    """
    try:
        https_url().check(url.partition("#")[0])
    except Malformed as malformed:
        raise Unreadable(f"not an https URL: {malformed.reason}") from None
    with new_client() as client:
        for candidate, types in _candidates(url):
            answer = _get(client, candidate)
            if answer.status != 404 or candidate == url:
                return _source(candidate, answer, types, None if types is None else url)
    raise Unreadable(f"{url}: nothing was found")


def from_server(identifier: str) -> Source:
    """The metadata of an Authorization Server (RFC 8414 3.1). Raises `Unreadable`."""
    with new_client() as client:
        url = authorization_server_metadata_url(identifier)
        return _source(url, _get(client, url), _SERVER_TYPES, identifier)


def sending(client: "httpx.Client") -> Callable[[Request], Response]:
    """How whole requests are sent. What is returned raises `Unreadable` for an answer that is compressed or too large."""

    def send(request: Request) -> Response:
        if not request.url.startswith("https://"):
            raise Unreadable("only https URLs are asked")
        headers = [*request.headers.pairs, ("accept-encoding", "identity")]
        with client.stream(request.method, request.url, headers=headers, content=request.body) as answer:
            return Response(answer.status_code, answer.headers.multi_items(), _body(request.url, answer))

    return send


def _candidates(url: str) -> Iterator[tuple[str, _Types | None]]:
    """URLs to try, and how it is to be delivered where the metadata of that issuer or server should be there."""
    parts = urlsplit(url)
    if "/.well-known/" not in parts.path and not parts.query and not parts.fragment:
        wanted = credential_issuer_metadata_url(url)
        yield wanted, _ISSUER_TYPES
        fallback = well_known_fallback_url(wanted)
        if fallback is not None:
            yield fallback, _ISSUER_TYPES
        yield authorization_server_metadata_url(url), _SERVER_TYPES
    yield url, None


def _get(client: "httpx.Client", url: str) -> _Answer:
    import httpx

    if not url.startswith("https://") or url_origin(url) is None:
        raise Unreadable("only https URLs are fetched")
    try:
        with client.stream("GET", url, headers={"accept": ACCEPT, "accept-encoding": "identity"}) as response:
            body = _body(url, response) if response.status_code == 200 else b""
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"{url}: {error}") from None
    return _Answer(response.status_code, _media_type(response.headers), body)


def _body(url: str, response: "httpx.Response") -> bytes:
    # A few bytes can decompress to gigabytes, before there is anything to count: more so the more codings are named.
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreadable(f"{url}: the answer is compressed, which was not asked for")
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Unreadable(f"{url}: more than {MAX_BYTES} bytes")
    return bytes(body)


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _source(url: str, answer: _Answer, types: _Types | None, identifier: str | None) -> Source:
    if 300 <= answer.status < 400:
        raise Unreadable(f"{url}: the status is {answer.status}, and redirects are not followed")
    if answer.status != 200:
        raise Unreadable(f"{url}: the status is {answer.status}")
    findings = []
    if types is not None and answer.media_type not in types[0]:
        findings.append(Finding("", f"the Content-Type is not {' or '.join(types[0])}", types[1], "error", types[2]))
    return Source(url, answer.body, tuple(findings), identifier)
