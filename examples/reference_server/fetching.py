"""One document from another server, of bounded size and within a time; redirects are not followed."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
import httpx

from examples.issuer_alone.jwks import Unavailable, asking_for, is_compressed

__all__ = ("fetch", "new_client")

TIMEOUT: Final = 10
GONE: Final = (404, 410)


def new_client(authorities: Path | None) -> httpx.AsyncClient:
    """A client that takes neither proxies nor credentials from the environment; `authorities` is PEM. Raises `OSError`."""
    context = ssl.create_default_context()
    if authorities is not None:
        context.load_verify_locations(authorities)
    return httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=TIMEOUT)


async def fetch(client: httpx.AsyncClient, url: str, media_types: Sequence[str], *, max_bytes: int) -> bytes | None:
    """The body of a successful answer, None if there is nothing at that URL. Raises `Unavailable`."""
    body = bytearray()
    try:
        # httpx limits the time of each step; whoever sends a byte a second would keep a request waiting for ever.
        with anyio.fail_after(TIMEOUT):
            async with client.stream("GET", url, headers=asking_for(*media_types)) as answer:
                if answer.status_code in GONE:
                    return None
                if answer.status_code != 200 or is_compressed(answer):
                    raise Unavailable
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > max_bytes:
                        raise Unavailable
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        raise Unavailable from None
    return bytes(body)
