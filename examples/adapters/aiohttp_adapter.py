"""aiohttp: `web.Application(middlewares=[middleware(endpoints, host)])`, and the endpoints are there beside the app's routes."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict

from examples.adapters.endpoints import Endpoints
from oid4vci.drive import AsyncHost
from oid4vci.http import Request, Response

__all__ = ("answer", "middleware", "received")


def received(request: web.Request) -> Request:
    """What was received, without the body."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
    return Request(request.method, request.raw_path, headers)


def answer(response: Response) -> web.Response:
    """What to send."""
    return web.Response(body=response.body, status=response.status, headers=CIMultiDict(response.headers.pairs))


def middleware(endpoints: Endpoints, host: AsyncHost) -> Middleware:
    """Answers what is for the endpoints, at any method; anything else goes its way, with the app's own limit for bodies."""

    @web.middleware
    async def endpoint(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = received(request)
        if not endpoints.serves(asked):
            return await handler(request)
        return answer(await endpoints.aanswer(asked, request.content.iter_any(), host))

    return endpoint
