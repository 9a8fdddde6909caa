"""JWK Sets of other servers: fetched with httpx, cached, and fetched again for a key that they lack, but not at anybody's wish."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import anyio
import httpx
from attrs import define, field, frozen

from oid4vci.http import Response
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, public_keys

__all__ = ("Jwks", "Unavailable", "asking_for", "is_compressed")

MAX_BODY: Final = 1 << 20


def asking_for(*media_types: str) -> dict[str, str]:
    """The headers of a request for a document, which is to come as it is."""
    return {"accept": ", ".join(media_types), "accept-encoding": "identity"}


def is_compressed(answer: httpx.Response) -> bool:
    """Whether it is compressed all the same: a few kilobytes could become gigabytes."""
    coding: str = answer.headers.get("content-encoding", "identity")
    return coding != "identity"


class Unavailable(Exception):
    """The keys are needed, and cannot be had now."""


@define
class Cached:
    """A JWK Set, when it was fetched, and when that was last tried (seconds since the epoch; None: never)."""

    keys: tuple[PublicKey, ...] = ()
    fetched_at: int | None = None
    tried_at: int | None = None


@frozen(eq=False)
class Jwks:
    """The cache. Only `urls` are fetched, whatever else is referred to.

    A set serves for `lifetime` seconds. It is fetched again before that if it lacks the `kid` of a token, since keys are rotated,
    but at most every `pause` seconds, since anybody can invent a `kid`.
    """

    client: httpx.AsyncClient
    urls: Collection[str]
    clock: Callable[[], int]
    lifetime: int = 3600
    pause: int = 60
    _sets: dict[str, Cached] = field(factory=dict, init=False)
    _lock: anyio.Lock = field(factory=anyio.Lock, init=False)

    async def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """The keys that are referred to. Raises `Unavailable`."""
        return {each: await self._keys(each) for each in references if each.url in self.urls}

    async def _keys(self, reference: KeyReference) -> tuple[PublicKey, ...]:
        cached = self._sets.setdefault(reference.url, Cached())
        # One request fetches; the others wait, and find what it has brought.
        async with self._lock:
            now = self.clock()
            usable = cached.fetched_at is not None and now < cached.fetched_at + self.lifetime
            lacking = reference.kid is not None and all(key.kid != reference.kid for key in cached.keys)
            if (lacking or not usable) and (cached.tried_at is None or cached.tried_at + self.pause <= now):
                cached.tried_at = now
                fetched = await self._fetch(reference.url)
                if fetched is not None:
                    cached.keys, cached.fetched_at, usable = fetched, now, True
            if not usable:
                raise Unavailable
            return cached.keys

    async def _fetch(self, url: str) -> tuple[PublicKey, ...] | None:
        body = bytearray()
        try:
            async with self.client.stream("GET", url, headers=asking_for("application/json")) as answer:
                if is_compressed(answer):
                    return None
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if answer.status_code != 200 or len(body) > MAX_BODY:
                        return None
            return public_keys(Response(200, body=bytes(body)).json())
        except (httpx.HTTPError, ValueError):
            return None
