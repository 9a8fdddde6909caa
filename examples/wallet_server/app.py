"""The ASGI application: the Credential Offer Endpoint and the redirect URI for everybody, the rest for who drives the wallet."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import anyio
from attrs import frozen
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from examples.admission import Admission, refusal
from examples.request_body import read_body
from examples.wallet_server.asked import Asked, read_asked, read_tx_code
from examples.wallet_server.driver import Driver, NotWaiting
from examples.wallet_server.pages import page, run_page
from examples.wallet_server.run import Run
from examples.wallet_server.runs import TooManyRuns
from oid4vci.errors import AuthorizationRefused, InvalidOffer, Untrusted, WalletError
from oid4vci.http import Form, Request, Response
from oid4vci.offers import OfferReference
from oid4vci.wallet import Offer

__all__ = ("application",)

log = logging.getLogger("wallet_server")
MAX_WAIT: Final = 60
# How long a browser waits to be told whether a person is needed.
PAGE_WAIT: Final = 5
LISTED: Final = 100
FAILED: Final = Response.of_json(500, {"error": "server_error"})
BUSY: Final = Response.of_json(503, {"error": "temporarily_unavailable"}, {"retry-after": "10"})
NOT_FOUND: Final = refusal(404, "not_found", "there is nothing here")
ONLY_GET: Final = refusal(405, "invalid_request", "the method must be GET", {"allow": "GET"})
WRONG: Final = "invalid_request"


@frozen
class Endpoints:
    """Every path of the server, as one ASGI application."""

    driver: Driver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start, received = time.perf_counter(), StarletteRequest(scope, receive)
        target = "/" + scope["raw_path"].decode("latin-1").removeprefix("/")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        request = Request(received.method, f"https://{urlsplit(self.driver.setup.url).netloc}{target}", headers)
        prefix = urlsplit(self.driver.setup.url).path
        path = request.path.removeprefix(prefix) if request.path.startswith(f"{prefix}/") else ""
        shown = "*"
        try:
            shown, response = await self._answer(request, path, received)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("the request failed")
            response = FAILED
        # Queries hold offers, codes and states, and other paths anything at all.
        members = {"method": received.method, "path": shown, "status": response.status}
        log.info("request", extra={"members": {**members, "ms": round((time.perf_counter() - start) * 1000, 1)}})
        answer = StarletteResponse(response.body, response.status)
        for name, value in response.headers.pairs:
            answer.headers.append(name, value)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, path: str, received: StarletteRequest) -> tuple[str, Response]:
        """The path for the log, and the answer."""
        setup = self.driver.setup
        match path.split("/")[1:]:
            case [("credential_offer" | "callback" | "client_metadata" | "jwks") as name] if request.method != "GET":
                return f"/{name}", ONLY_GET
            case ["credential_offer"]:
                return path, await self._offered(request)
            case ["callback"]:
                return path, self._came_back(request)
            case ["client_metadata"]:
                return path, Response.of_json(200, setup.client_metadata())
            case ["jwks"]:
                return path, Response.of_json(200, setup.jwks())
            case ["offers"]:
                return path, await self._driven(request, received, None, ("POST",))
            case ["runs"]:
                return path, await self._driven(request, received, None, ("GET",))
            case ["runs", run_id]:
                return "/runs/*", await self._driven(request, received, run_id, ("GET",))
            case ["runs", run_id, "tx_code"]:
                return "/runs/*/tx_code", await self._driven(request, received, run_id, ("POST",))
            case _:
                return "*", NOT_FOUND

    # --- for everybody --------------------------------------------------------------------------------------------------------

    async def _offered(self, request: Request) -> Response:
        """The Credential Offer Endpoint (OID4VCI 4.1)."""
        html = any("text/html" in value for value in request.headers.all("accept"))
        try:
            run = self._begun(Asked(offer=Offer.parse(request.url)))
        except TooManyRuns:
            return BUSY
        except (WalletError, ValueError) as error:
            return page(400, f"This is not an offer that can be taken: {error}.") if html else _wrong(error)
        if not html:
            return self._accepted(run)
        await self.driver.watch(run, PAGE_WAIT)
        return run_page(run, self._location(run))

    def _came_back(self, request: Request) -> Response:
        """The redirect URI."""
        try:
            self.driver.came_back(request)
        except NotWaiting:
            return page(400, "This is not an answer that the wallet is waiting for.")
        except AuthorizationRefused:
            return page(200, "The server did not give its consent.")
        except (WalletError, ValueError):
            return page(400, "The wallet could not go on with the answer.")
        return page(200, "The wallet has its answer. This page can be closed.")

    # --- for who drives the wallet ----------------------------------------------------------------------------------------------

    async def _driven(
        self, request: Request, received: StarletteRequest, run_id: str | None, methods: tuple[str, ...]
    ) -> Response:
        admission = Admission(self.driver.setup.url, self.driver.setup.settings.admin_token)
        if refused := admission.refusal(request, received.client.host if received.client else None, methods):
            return refused
        run = None
        if run_id is not None and (run := self.driver.runs.get(run_id)) is None:
            return NOT_FOUND
        if request.method == "GET":
            return await self._reported(request, run)
        body = await read_body(received)
        if isinstance(body, Response):
            return body
        request = Request(request.method, request.url, request.headers, body)
        try:
            if run is None:
                return self._accepted(self._begun(read_asked(request)))
            members = request.json_object()
            if members.keys() != {"tx_code"}:
                raise ValueError("the member is tx_code")
            self.driver.tx_code(run, read_tx_code(members))
        except TooManyRuns:
            return BUSY
        except NotWaiting:
            return refusal(409, WRONG, "this run is not waiting for a transaction code")
        except (WalletError, ValueError) as error:
            return _wrong(error)
        return self._accepted(run)

    async def _reported(self, request: Request, run: Run | None) -> Response:
        if run is None:
            return Response.of_json(200, {"runs": [each.summary() for each in self.driver.runs.latest(LISTED)]})
        try:
            wait = Form.parse(request.query).get("wait") or "0"
        except ValueError as error:
            return _wrong(error)
        if not (wait.isascii() and wait.isdigit() and len(wait) < 5 and int(wait) <= MAX_WAIT):
            return refusal(400, WRONG, f"wait must be a number of seconds from 0 to {MAX_WAIT}")
        await self.driver.watch(run, int(wait))
        return Response.of_json(200, run.to_json())

    def _begun(self, asked: Asked) -> Run:
        """A run. What nobody trusts is refused before anything is sent. Raises `WalletError`, `TooManyRuns`."""
        content = None if asked.offer is None else asked.offer.content
        named = content.url if isinstance(content, OfferReference) else asked.credential_issuer
        if named is None and content is not None and not isinstance(content, OfferReference):
            named = content.credential_issuer
        self.driver.setup.settings.trust.trust().demand(named or "")
        return self.driver.begin(asked)

    def _accepted(self, run: Run) -> Response:
        return Response.of_json(202, {"id": run.id, "state": run.state}, {"location": self._location(run)})

    def _location(self, run: Run) -> str:
        return f"{self.driver.setup.url}/runs/{run.id}"


def _wrong(error: Exception) -> Response:
    known = {InvalidOffer: "invalid_credential_offer", Untrusted: "untrusted"}
    code = next((each for kind, each in known.items() if isinstance(error, kind)), WRONG)
    words = "".join(char if char.isascii() and char.isprintable() and char not in '"\\' else "?" for char in str(error))
    return refusal(400, code, words[:300])


def application(driver: Driver) -> Starlette:
    """The application. While it runs, so do its runs: those that were saved are taken up when it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            driver.tasks = tasks
            driver.take_up()
            yield
            await driver.stop()
        await driver.outbound.aclose()

    return Starlette(routes=[Route("/{path:path}", Endpoints(driver))], lifespan=lifespan)
