"""Starlette and FastAPI: `app.router.routes.append(EndpointRoute(endpoints, host))`, among the routes that the app has."""

from typing import Any, Final
from urllib.parse import quote, unquote

from attrs import frozen
from starlette.datastructures import URLPath
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from examples.adapters.endpoints import Endpoints
from oid4vci.drive import AsyncHost
from oid4vci.http import Request, Response

__all__ = ("EndpointRoute", "answer", "received")

UNQUOTED: Final = "/!$&'()*+,;=:@~"


def received(scope: Scope) -> Request:
    """What was received, without the body."""
    target = _path(scope)
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Request(scope["method"], target, headers)


def _path(scope: Scope) -> str:
    """The path as it was sent. Behind a proxy that takes a prefix away, the prefix (`root_path`) is put in front again.

    A path that was changed on the way, as Starlette does where it looks for one with a slash more or less, does not count.
    """
    sent = scope.get("raw_path", b"").decode("latin-1") or quote(scope["path"], safe=UNQUOTED)
    prefix = scope.get("root_path", "")
    return quote(prefix, safe=UNQUOTED) + sent if prefix and scope["path"] == prefix + unquote(sent) else sent


def answer(response: Response) -> StarletteResponse:
    """What to send."""
    sent = StarletteResponse(response.body, response.status)
    for name, value in response.headers.pairs:
        sent.headers.append(name, value)
    return sent


@frozen(eq=False)
class EndpointRoute(BaseRoute):
    """The route of all endpoints, at any method. Other paths are left to the routes after it."""

    endpoints: Endpoints
    host: AsyncHost

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for one of the endpoints."""
        served = scope["type"] == "http" and self.endpoints.serves(received(scope))
        return (Match.FULL if served else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """There is no name: the URLs are in the metadata."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body = StarletteRequest(scope, receive).stream()
            response = await self.endpoints.aanswer(received(scope), body, self.host)
        except ClientDisconnect:
            return
        await answer(response)(scope, receive, send)
