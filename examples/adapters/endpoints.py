"""What every adapter does alike, in both colours. An adapter itself only translates: its framework's request, and our response.

Rule 1: the path of a request is the one that was sent; its origin is the issuer's, never that of a `Host` header.
Rule 2: a body is counted while it is read, and reading stops at the bound.
Rule 3: whatever is raised beside a refusal is logged and answered with 500, and nothing of it is sent.
"""

import logging
import time
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Final

from attrs import evolve, field, frozen

from oid4vci.authorization_server import AuthorizationServer
from oid4vci.drive import AsyncHost, Host, Role, Together, arespond, respond
from oid4vci.errors import Refusal
from oid4vci.http import Request, Response, url_origin, url_path

__all__ = ("Endpoints", "now")

log = logging.getLogger(__name__)
MAX_BODY: Final = 4 << 20
"""The library takes no larger request."""
FAILED: Final = Response.of_json(500, {"error": "server_error"})
REQUEST_HEADERS: Final = (
    "accept-language, authorization, content-type, dpop, oauth-client-attestation, oauth-client-attestation-pop"
)
RESPONSE_HEADERS: Final = "dpop-nonce, oauth-client-attestation-challenge, retry-after, www-authenticate"


class TooLarge(Refusal):
    """The body is larger than anything that the endpoints take."""

    error, status, section = "invalid_request", 413, "RFC 9110 15.5.14"


class UnsupportedCoding(Refusal):
    """The body is compressed: what it would become is not known before."""

    error, status, section = "invalid_request", 415, "RFC 9110 8.4"

    @property
    def headers(self) -> dict[str, str]:
        return {"accept-encoding": "identity"}


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())


def _origins(origins: Iterable[str]) -> frozenset[str]:
    return frozenset(origins)


def _not_for_scripts(endpoints: "Endpoints") -> frozenset[str]:
    """CORS must not be there at the authorization endpoint, to which only browsers go (RFC 9700 2.6)."""
    roles = endpoints.role.roles if isinstance(endpoints.role, Together) else (endpoints.role,)
    urls = [each.metadata.authorization_endpoint for each in roles if isinstance(each, AuthorizationServer)]
    return frozenset(url_path(url) for url in urls if url is not None)


@frozen(kw_only=True)
class Endpoints:
    """The endpoints of a role: an `Issuer`, an `AuthorizationServer`, or both in `Together`.

    - `issuer`: the identifier of the role, whose origin is that of every URL.
    - `wallet_origins`: the origins of wallets that are web pages (CORS); `*` is every origin.
    - `max_body`: the bytes of a body that are taken.
    - `clock`: gives the seconds since the epoch.
    """

    role: Role
    issuer: str
    wallet_origins: frozenset[str] = field(default=frozenset(), converter=_origins)
    max_body: int = MAX_BODY
    clock: Callable[[], int] = now
    _origin: str = field(init=False)
    _not_for_scripts: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        origin = url_origin(self.issuer)
        if origin is None:
            raise ValueError("the identifier of an issuer is an https URL")
        object.__setattr__(self, "_origin", origin)
        object.__setattr__(self, "_not_for_scripts", _not_for_scripts(self))

    def serves(self, request: Request) -> bool:
        """Whether the request is for one of the endpoints. All others are the application's own."""
        return self.role.serves(request.path)

    def answer(self, request: Request, body: Iterable[bytes], host: Host) -> Response:
        """The response to a request that has come without its body, of which no more is read than is needed."""
        try:
            self._check(request)
            received = bytearray()
            for chunk in body:
                self._add(received, chunk)
        except Refusal as refusal:
            return self._sent(request, refusal.reply.response)
        try:
            response = respond(self.role, self._whole(request, received), host, now=self.clock())
        except Exception as error:
            response = _failure(error)
        return self._sent(request, response)

    async def aanswer(self, request: Request, body: AsyncIterable[bytes], host: AsyncHost) -> Response:
        """`answer` with a body and a host that are awaited."""
        try:
            self._check(request)
            received = bytearray()
            async for chunk in body:
                self._add(received, chunk)
        except Refusal as refusal:
            return self._sent(request, refusal.reply.response)
        try:
            response = await arespond(self.role, self._whole(request, received), host, now=self.clock())
        except Exception as error:
            response = _failure(error)
        return self._sent(request, response)

    def _check(self, request: Request) -> None:
        """What can be refused without the body."""
        for length in request.headers.all("content-length"):
            if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > self.max_body):
                raise TooLarge("the body is too large")
        if any(coding.strip().lower() != "identity" for coding in request.headers.all("content-encoding")):
            raise UnsupportedCoding("the body must not be compressed")

    def _add(self, received: bytearray, chunk: bytes) -> None:
        received += chunk
        if len(received) > self.max_body:
            raise TooLarge("the body is too large")

    def _whole(self, request: Request, body: bytearray) -> Request:
        # A HEAD is answered like a GET, and the server leaves the body out (RFC 9110 9.3.2).
        method = "GET" if request.method == "HEAD" else request.method
        target = f"{request.path}?{request.query}" if request.query else request.path
        return evolve(request, method=method, url=self._origin + target, body=bytes(body))

    def _sent(self, request: Request, response: Response) -> Response:
        allowed = response.headers.get("allow")
        if request.method == "OPTIONS" and allowed is not None:
            allowed += ", HEAD, OPTIONS" if "GET" in allowed else ", OPTIONS"
            response = Response(204, {"allow": allowed})
        if not self.wallet_origins or request.path in self._not_for_scripts:
            return response
        cors = [("vary", "origin")]
        origins = request.headers.all("origin")
        if len(origins) == 1 and not self.wallet_origins.isdisjoint((*origins, "*")):
            cors += [("access-control-allow-origin", origins[0]), ("access-control-expose-headers", RESPONSE_HEADERS)]
            if request.method == "OPTIONS" and allowed is not None:
                cors += [("access-control-allow-methods", allowed), ("access-control-allow-headers", REQUEST_HEADERS)]
                cors.append(("access-control-max-age", "600"))
        return evolve(response, headers=(*response.headers.pairs, *cors))


def _failure(error: Exception) -> Response:
    """503 where the host says that something is unavailable (`TemporarilyUnavailable`), else 500."""
    if isinstance(error, Refusal):
        return error.reply.response
    log.error("a request failed", exc_info=error)
    return FAILED
