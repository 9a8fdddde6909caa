"""One document from another server, of bounded size; redirects are not followed."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from examples.issuer_alone.jwks import Unavailable

__all__ = ("fetch", "new_client")

TIMEOUT: Final = 10
MAX_BODY: Final = 1 << 20


def new_client(authorities: Path | None) -> httpx.AsyncClient:
    """A client that takes neither proxies nor credentials from the environment; `authorities` is PEM. Raises `OSError`."""
    context = ssl.create_default_context()
    if authorities is not None:
        context.load_verify_locations(authorities)
    return httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=TIMEOUT)


async def fetch(client: httpx.AsyncClient, url: str, media_types: Sequence[str]) -> bytes:
    """The body of a successful answer. Raises `Unavailable`."""
    body = bytearray()
    try:
        async with client.stream("GET", url, headers={"accept": ", ".join(media_types)}) as answer:
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Unavailable
            if answer.status_code != 200:
                raise Unavailable
    except httpx.HTTPError:
        raise Unavailable from None
    return bytes(body)
