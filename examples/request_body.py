"""The body of a request that a Starlette application received: of bounded size, and within a time."""

import anyio
from starlette.requests import Request as StarletteRequest

from oid4vci.http import Response

__all__ = ("read_body",)

MAX_BODY = 1 << 20
BODY_TIMEOUT = 20
TOO_LARGE = Response.of_json(413, {"error": "invalid_request", "error_description": "the body is too large"})
TOO_SLOW = Response.of_json(408, {"error": "invalid_request", "error_description": "the body did not arrive in time"})


async def read_body(request: StarletteRequest) -> bytes | Response:
    """The body, or why it was not read to its end."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and (len(announced) > 12 or int(announced) > MAX_BODY):
        return TOO_LARGE
    body = bytearray()
    with anyio.move_on_after(BODY_TIMEOUT):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return TOO_LARGE
        return bytes(body)
    return TOO_SLOW
