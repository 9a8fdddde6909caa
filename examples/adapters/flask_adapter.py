"""Flask: `serve(app, endpoints, host)`, and the endpoints are there beside the routes that the app has."""

from functools import partial
from typing import Final

import flask
from werkzeug.datastructures import Headers

from examples.adapters import wsgi
from examples.adapters.endpoints import Endpoints
from oid4vci.drive import Host
from oid4vci.http import Request, Response

__all__ = ("answer", "received", "serve")

CHUNK: Final = 65_536


def received(request: flask.Request) -> Request:
    """What was received, without the body."""
    return wsgi.received(request.environ)


def answer(response: Response) -> flask.Response:
    """What to send."""
    sent = flask.Response(response.body, response.status)
    sent.headers = Headers(response.headers.pairs)  # instead of Flask's, which name a type even where there is no body
    return sent


def serve(app: flask.Flask, endpoints: Endpoints, host: Host) -> None:
    """Answer what is for the endpoints, at any method, before Flask looks for a route; anything else goes its way.

    Functions that were registered with `before_request` earlier run first, and must not read the body.
    """

    @app.before_request
    def endpoint() -> flask.Response | None:
        request = received(flask.request)
        if not endpoints.serves(request):
            return None
        # The bound is that of the endpoints, whatever forms elsewhere in the app may have.
        flask.request.max_content_length = None
        body = iter(partial(flask.request.stream.read, CHUNK), b"")
        return answer(endpoints.answer(request, body, host))
