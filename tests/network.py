"""From the library's requests and answers to httpx, and back."""

from collections.abc import Callable
from typing import TypeAlias

import httpx
from attrs import frozen

from oid4vci.http import Request, Response

__all__ = ("Network", "Send", "over")

Send: TypeAlias = Callable[[Request], Response]


def over(client: httpx.Client) -> Send:
    """What sends over a client."""

    def send(request: Request) -> Response:
        answer = client.request(request.method, request.url, headers=list(request.headers.pairs), content=request.body)
        return Response(answer.status_code, answer.headers.multi_items(), answer.content)

    return send


@frozen
class Network(httpx.BaseTransport):
    """What a browser's requests go through, if it is not a network."""

    send: Send

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.send(Request(request.method, str(request.url), request.headers.multi_items(), request.read()))
        return httpx.Response(answer.status, headers=list(answer.headers.pairs), content=answer.body)
