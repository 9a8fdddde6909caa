"""Sending the library's requests with httpx: no redirects, a time limit, and no more of a body than the library takes.

Nothing is decompressed: a few bytes can become gigabytes, before there is anything to count.
"""

import ssl
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from oid4vci.http import MAX_CREDENTIALS, Request, Response

__all__ = ("Network",)

TIMEOUT = httpx.Timeout(10)
PLAIN = {"accept-encoding": "identity"}


class Network:
    """An HTTP client. `authorities` is a PEM file of TLS authorities beside those of the system."""

    def __init__(self, authorities: Path | None = None) -> None:
        context = ssl.create_default_context()
        if authorities is not None:
            context.load_verify_locations(authorities)
        # Neither proxies nor credentials come from the environment: requests carry codes and tokens.
        self._client = httpx.Client(headers=PLAIN, verify=context, follow_redirects=False, timeout=TIMEOUT, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def send(self, request: Request) -> Response:
        """Send a request; its body as it is. Raises `httpx.HTTPError`, and `httpx.InvalidURL` for a URL that it cannot send to."""
        message = self._client.build_request(request.method, request.url, headers=request.headers.pairs, content=request.body)
        with closing(self._client.send(message, stream=True)) as answer:
            body = bytearray()
            for chunk in answer.iter_raw(65_536):
                body += chunk
                if len(body) > MAX_CREDENTIALS:
                    break
            return Response(answer.status_code, answer.headers.multi_items(), bytes(body))
