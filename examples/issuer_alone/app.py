"""The issuer, made for one authorization server, and its endpoints on Starlette."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from examples.adapters.endpoints import Endpoints
from examples.adapters.starlette_adapter import EndpointRoute
from examples.issuer_alone.host import IssuerHost
from examples.issuer_alone.jwks import Jwks
from examples.membership import club_metadata, new_club
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.records import Store
from oid4vci.sealed import SealingKeys

__all__ = ("new_application", "new_issuer")


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
    endpoints = Endpoints(role=issuer, issuer=issuer.identifier, clock=clock)
    host = IssuerHost(store, Jwks(client, [server.jwks_uri] if server.jwks_uri else [], clock))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    return Starlette(routes=[EndpointRoute(endpoints, host)], lifespan=lifespan)
