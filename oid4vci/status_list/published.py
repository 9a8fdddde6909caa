"""A signed Status List Token as it is served: over HTTP, and kept in a store between requests (Token Status List 8.1, 8.2)."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.errors import HistoryNotSupported, TemporarilyUnavailable, check_method
from oid4vci.http import Request, Response
from oid4vci.negotiation import accepted
from oid4vci.status_list.token import CWT, JWT

__all__ = ("PublishedStatusList",)


@frozen(kw_only=True)
class PublishedStatusList:
    """The Status List Token of `uri`, signed: `tokens` by media type. Times are seconds since the epoch, `ttl` is in seconds.

    It is the same for everybody who asks, so any cache may keep it, and another party may serve it.
    """

    uri: str
    tokens: Mapping[str, bytes] = field(repr=False)
    issued_at: int
    expires_at: int | None
    ttl: int | None

    def response(self, media_type: str, *, now: int) -> Response:
        """The token in that representation. Caches may keep it as long as the token lets everybody keep it.

        A browser's page may read it ("SHOULD support the use of Cross-Origin Resource Sharing"). Compress it for transfer where
        the request allows that (Token Status List 8.1, 8.2).
        """
        limits = [] if self.ttl is None else [self.ttl]
        if self.expires_at is not None:
            limits.append(max(0, self.expires_at - now))
        headers = {
            "content-type": media_type,
            "cache-control": f"public, max-age={min(limits)}" if limits else "no-cache",
            "vary": "accept",
            "access-control-allow-origin": "*",
        }
        return Response(200, headers, self.tokens[media_type])

    def respond(self, request: Request, *, now: int) -> Response:
        """The answer to a GET, in the representation that its `Accept` prefers; `now` in seconds since the epoch.

        Raises `MethodNotAllowed`, `HistoryNotSupported` and, if the token has expired, `TemporarilyUnavailable`: each has
        a `reply`.
        """
        media_type = requested(request, tuple(self.tokens))
        if not self.fresh(now):
            raise TemporarilyUnavailable("the status list must be signed anew")
        return self.response(media_type, now=now)

    def fresh(self, now: int) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at

    def to_json(self) -> dict[str, Any]:
        """As data of a record."""
        tokens = {name: token.decode() if name == JWT else b64url_encode(token) for name, token in self.tokens.items()}
        return {"tokens": tokens, "issued_at": self.issued_at, "expires_at": self.expires_at, "ttl": self.ttl}

    @classmethod
    def from_json(cls, uri: str, data: Mapping[str, Any]) -> "PublishedStatusList":
        """Back from the data of a record."""
        tokens = {name: b64url_decode(text) if name == CWT else text.encode() for name, text in data["tokens"].items()}
        times = {name: data[name] for name in ("issued_at", "expires_at", "ttl")}
        return cls(uri=uri, tokens=tokens, **times)


def requested(request: Request, offered: tuple[str, ...]) -> str:
    """The media type to answer a request with. Raises `MethodNotAllowed`, `HistoryNotSupported`."""
    check_method(request, "GET")
    # "RECOMMENDED to not support historic requests" -- Token Status List 12.7
    if any(pair.partition("=")[0] == "time" for pair in request.query.split("&")):
        raise HistoryNotSupported("the status of other times is not published")
    return accepted(",".join(request.headers.all("accept")) or "*/*", offered)
