"""The ASGI application: HTTP in and out of the library's values, and nothing of the protocol."""

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from attrs import field, frozen
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from examples.adapters import starlette_adapter
from examples.reference_server.admin import OffersEndpoint, list_notifications
from examples.reference_server.deferrals import decide_deferred, list_deferred
from examples.reference_server.encoders import controlled_identifier
from examples.reference_server.host import ServerHost
from examples.reference_server.login import Login
from examples.reference_server.offer_events import note_fetch
from examples.reference_server.page_endpoints import PageEndpoints
from examples.reference_server.service import Service
from examples.reference_server.statuses import set_status
from examples.request_body import read_body
from oid4vci.data_integrity import controlled_identifier_document
from oid4vci.drive import Together, respond
from oid4vci.errors import NotFound, TemporarilyUnavailable
from oid4vci.http import Request, Response
from oid4vci.memory import MemoryStore

__all__ = ("application",)

log = logging.getLogger("reference_server")
PURGE_INTERVAL = 60
# How many passwords are hashed at a time, and how many more requests wait for that: each takes 16 MiB, and all cores that it gets.
HASHES = 4
MAX_WAITING = 40
TOO_MANY_LOGINS = TemporarilyUnavailable("too many people log in at the same time").reply.response
UNREACHABLE = TemporarilyUnavailable("the store cannot be reached").reply.response
FAILED = Response.of_json(500, {"error": "server_error"})


@frozen
class Endpoints:
    """Every path of the server, as one ASGI application."""

    service: Service
    host: ServerHost
    offers: OffersEndpoint | None
    login: Login | None
    page: PageEndpoints
    hashing: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(HASHES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start = time.perf_counter()
        received = StarletteRequest(scope, receive)
        # A HEAD is answered like a GET; the server that runs this leaves the body out (RFC 9110 9.3.2).
        method = "GET" if received.method == "HEAD" else received.method
        asked = starlette_adapter.received(scope)
        request = Request(method, f"https://{urlsplit(self.service.issuer.identifier).netloc}{asked.url}", asked.headers)
        try:
            response = await self._answer(request, received)
        except ClientDisconnect:
            return
        except self.host.unreachable as error:
            # Its message may tell of more than is good for a log.
            log.error("the store cannot be reached", extra={"members": {"exception": type(error).__name__}})
            response = UNREACHABLE
            if self.login is not None and self.login.serves(request.path):
                response = self.login.shown(request, response)
        except Exception:
            log.exception("the request failed")
            response = FAILED
        if method == "OPTIONS" and "allow" in response.headers:
            allowed = response.headers.get("allow") or ""
            response = Response(204, {"allow": f"{allowed}, HEAD, OPTIONS" if allowed == "GET" else f"{allowed}, OPTIONS"})
        self._log(received.method, request.path, response, time.perf_counter() - start)
        await starlette_adapter.answer(response)(scope, receive, send)

    async def _answer(self, request: Request, received: StarletteRequest) -> Response:
        now = int(time.time())
        answer: Callable[[Request], Response]
        admin = self._admin(request.path)
        if admin is not None and self.offers is not None:
            refusal = self.offers.refusal(request, received.client.host if received.client else None, tuple(admin))
            if refusal is not None:
                return refusal
            answer = partial(admin[request.method], now=now)
        elif self.login is not None and self._is_login(request.path):
            answer = partial(self.login.answer, now=now)
        elif self.page.serves(request.path):
            answer = partial(self.page.answer, client=received.client.host if received.client else None, now=now)
        else:
            document = self._document(request.path)
            if document is not None:
                return document if request.method == "GET" else _only_get()
            role = Together(self.service.roles)
            if not role.serves(request.path):
                return NotFound("there is no endpoint here").reply.response
            answer = partial(self._respond, role, now=now)
        if request.method not in ("GET", "OPTIONS"):
            body = await read_body(received)
            if isinstance(body, Response):
                return body
            request = Request(request.method, request.url, request.headers, body)
        at_once = isinstance(self.host.store, MemoryStore) and self.host.outside is None
        if at_once and not self._is_login(request.path) and not self.page.serves(request.path):
            return answer(request)
        if self.login is not None and self.login.hashes(request):
            return await self._hashed(self.login, answer, request)
        # What waits, for a disk, another server or the hash of a password, does not keep other requests waiting, nor what draws.
        return await anyio.to_thread.run_sync(answer, request)

    async def _hashed(self, login: Login, answer: Callable[[Request], Response], request: Request) -> Response:
        """An answer that waits for its turn here, and so keeps no thread from other requests."""
        if self.hashing.statistics().tasks_waiting >= MAX_WAITING:
            return login.shown(request, TOO_MANY_LOGINS)
        async with self.hashing:
            return await anyio.to_thread.run_sync(answer, request)

    def _respond(self, role: Together, request: Request, *, now: int) -> Response:
        response, offers = respond(role, request, self.host, now=now), self._offers_path
        if response.status == 200 and request.path.startswith(offers):
            note_fetch(self.host.store, request.path.removeprefix(offers), now=now)
        return response

    @property
    def _offers_path(self) -> str:
        """What the paths of offers by reference begin with."""
        return f"{urlsplit(self.service.issuer.credential_offer_endpoint or '').path}/"

    def _admin(self, path: str) -> Mapping[str, Callable[..., Response]] | None:
        """What answers the requests of an administrator at this path, by method."""
        if self.offers is None:
            return None
        store, subjects, issuer, statuses = self.host.store, self.host.subjects, self.service.issuer, self.service.statuses
        if path == "/admin/offers":
            return {"POST": self.offers.answer}
        if path == "/admin/status" and statuses is not None:
            return {"POST": lambda request, now: set_status(request, statuses, store)}
        if path == "/admin/deferred" and self.service.deferrals is not None:
            return {
                "GET": lambda request, now: list_deferred(issuer, store, subjects, now=now),
                "POST": lambda request, now: decide_deferred(request, issuer, store, now=now),
            }
        if path == "/admin/notifications" and issuer.notifications is not None:
            return {"GET": lambda request, now: list_notifications(store, subjects)}
        return None

    def _is_login(self, path: str) -> bool:
        return self.login is not None and self.login.serves(path)

    def _document(self, path: str) -> Response | None:
        """What is not of OID4VCI: the anchor of the demonstration, and the keys of Data Integrity proofs."""
        if path == "/demo-ca.pem" and self.service.demo_authority is not None:
            return Response(200, {"content-type": "application/x-pem-file"}, self.service.demo_authority)
        keys = controlled_identifier(self.service.issuer.identifier)
        if path == urlsplit(keys).path:
            return Response.of_json(200, controlled_identifier_document(keys, self.service.issuer.published_keys))
        return None

    def _log(self, method: str, path: str, response: Response, seconds: float) -> None:
        members = {"method": method, "path": self._shown(path), "status": response.status, "ms": round(seconds * 1000, 1)}
        if response.status >= 400 and response.media_type == "application/json":
            # Our own code for what is wrong, one of a few.
            members["error"] = response.json().get("error")
        log.info("request", extra={"members": members})

    def _shown(self, path: str) -> str:
        """A path for the log. The id of an offer by reference is as good as the offer, and of other paths nothing is known."""
        if path.startswith(self._offers_path):
            return f"{self._offers_path}*"
        page = self.page.shown(path)
        if page is not None:
            return page
        served = Together(self.service.roles).serves(path) or self._is_login(path) or path == "/admin/offers"
        return path if served or self._document(path) is not None or self._admin(path) is not None else "*"


def _only_get() -> Response:
    return Response.of_json(405, {"error": "invalid_request", "error_description": "the method must be GET"}, {"allow": "GET"})


def application(service: Service, host: ServerHost, offers: OffersEndpoint | None = None) -> Starlette:
    """The application; `offers` is there if the server was started with `--admin`. Expired records are purged while it runs."""

    login = Login(service, host) if service.users else None
    page = PageEndpoints(service, host.store, host.subjects, offers)

    async def purge(store: Any) -> None:
        while True:
            await anyio.sleep(PURGE_INTERVAL)
            try:
                await anyio.to_thread.run_sync(partial(store.purge, now=int(time.time())))
            except Exception:
                # The next time may do better: the store is away for a while.
                log.exception("what has expired could not be deleted")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            if hasattr(host.store, "purge"):
                tasks.start_soon(purge, host.store)
            yield
            tasks.cancel_scope.cancel()
            if host.outside is not None:
                await host.outside.client.aclose()

    return Starlette(routes=[Route("/{path:path}", Endpoints(service, host, offers, login, page))], lifespan=lifespan)
