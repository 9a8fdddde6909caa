"""Flask's requests as values of the library, and the library's responses as Flask's."""

import flask

from oid4vci.http import Request, Response

__all__ = ("answer", "received")


def received(request: flask.Request) -> Request:
    """What was received. Flask has stopped reading at `MAX_CONTENT_LENGTH`."""
    # The body first, and kept: once Flask has read a form, it is gone.
    body = request.get_data(cache=True)
    return Request(request.method, request.url, request.headers.items(), body)


def answer(response: Response) -> flask.Response:
    """What to send."""
    return flask.Response(response.body, response.status, list(response.headers.pairs))
