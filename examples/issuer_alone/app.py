"""The issuer, made for one authorization server, and its endpoints on Starlette."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route

from examples.issuer_alone.host import IssuerHost
from examples.issuer_alone.jwks import Jwks, Unavailable
from examples.membership import club_metadata, new_club
from oid4vci.drive import arespond
from oid4vci.http import Request, Response
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.records import Store
from oid4vci.sealed import SealingKeys

__all__ = ("new_application", "new_issuer")

MAX_BODY: Final = 1 << 20
TOO_LARGE: Final = Response.of_json(413, {"error": "invalid_request"})
BUSY: Final = Response.of_json(503, {"error": "temporarily_unavailable"}, {"retry-after": "60"})


def new_issuer(identifier: str, server: TrustedAuthorizationServer, *, keys: SealingKeys, signer: LocalSigner) -> Issuer:
    """The issuer `identifier`, which takes the JWTs of `server`.

    `keys` seal nonces, `signer` signs credentials.
    """
    metadata = club_metadata(identifier, authorization_servers=[server.issuer])
    tokens = TrustedJwtAccessTokens(servers=[server], scopes=metadata.scopes)
    return new_club(metadata, tokens, keys=keys, signer=signer, dpop=Dpop(nonces=DpopNonces(keys)))


def new_application(
    issuer: Issuer,
    server: TrustedAuthorizationServer,
    store: Store,
    *,
    client: httpx.AsyncClient,
    clock: Callable[[], int],
) -> Starlette:
    """The ASGI application. `client` fetches the keys of the server; `clock` gives the seconds since the epoch."""
    host = IssuerHost(store, Jwks(client, [server.jwks_uri] if server.jwks_uri else [], clock))

    async def endpoint(request: StarletteRequest) -> StarletteResponse:
        answer = await _answer(request)
        response = StarletteResponse(answer.body, answer.status)
        for name, value in answer.headers.pairs:
            response.headers.append(name, value)
        return response

    async def _answer(request: StarletteRequest) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return TOO_LARGE
        received = Request(request.method, str(request.url), request.headers.items(), bytes(body))
        try:
            return await arespond(issuer, received, host, now=clock())
        except Unavailable:
            # Not the wallet's fault: its token may be good.
            return BUSY

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])], lifespan=lifespan)
