"""What is fetched from other servers comes as it is: nothing that was compressed is made large."""

import gzip

import anyio
import httpx
import pytest

from examples.issuer_alone.jwks import Jwks, Unavailable
from examples.reference_server.fetching import fetch
from oid4vci._json import dump_bytes
from oid4vci.keys import KeyReference, LocalSigner

URL = "https://server.example/jwks"


def client(body: bytes, *asked: list[str]) -> httpx.AsyncClient:
    """A server that compresses, whether or not that was asked for."""

    def answer(request: httpx.Request) -> httpx.Response:
        for each in asked:
            each.append(request.headers["accept-encoding"])
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=gzip.compress(body))

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def test_what_is_compressed_is_not_read() -> None:
    asked: list[str] = []

    async def fetched() -> bytes | None:
        return await fetch(client(b"{}", asked), URL, ("application/json",), max_bytes=1 << 20)

    with pytest.raises(Unavailable):
        anyio.run(fetched)
    assert asked == ["identity"]


def test_keys_that_are_compressed_are_no_keys() -> None:
    keys = dump_bytes({"keys": [dict(LocalSigner.generate("k").public_jwk)]})
    jwks = Jwks(client(keys), {URL}, lambda: 0)
    with pytest.raises(Unavailable):
        anyio.run(jwks.resolve, [KeyReference(URL, None)])
