"""Requests of Django and of oauthlib as values of the library, and the library's responses as Django's."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from oauthlib.common import Request as OauthlibRequest

from oid4vci.http import Request, Response

__all__ = ("answer", "now", "received", "received_by_oauthlib")


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())


def _headers(environment: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers in a WSGI environment. A server has joined those that were repeated with a comma, which no token has."""
    found = [(name[5:].replace("_", "-"), value) for name, value in environment.items() if name.startswith("HTTP_")]
    return [*found, ("content-type", environment.get("CONTENT_TYPE") or "")]


def received(request: HttpRequest) -> Request:
    """What Django received. It has stopped reading at `DATA_UPLOAD_MAX_MEMORY_SIZE`."""
    return Request(request.method, request.get_full_path(), _headers(request.META), request.body)


def received_by_oauthlib(request: OauthlibRequest) -> Request:
    """What oauthlib was given by the toolkit: headers as in the environment, the form encoded once more."""
    return Request(request.http_method, request.uri, _headers(request.headers), (request.body or "").encode())


def answer(response: Response) -> HttpResponse:
    """What to send."""
    return HttpResponse(response.body, status=response.status, headers=dict(response.headers.pairs))
