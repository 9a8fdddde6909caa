"""The adapters as their README says: started, and with a whole issuance; and mounted in the ways that applications are."""

import io
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import anyio
import flask
import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from examples.adapters import wsgi
from examples.adapters.endpoints import Endpoints
from examples.adapters.flask_adapter import serve
from examples.adapters.issuer import ClubHost, ThreadedHost, new_club_server
from examples.adapters.starlette_adapter import EndpointRoute
from examples.membership import club_metadata
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.drive import run
from oid4vci.errors import Refusal, Refused
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.sealed import SealingKeys
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Session, Wallet
from tests.adapter_under_test import IDENTIFIER
from tests.documents import ROOT, blocks
from tests.network import over
from tests.running_adapter import FRAMEWORKS, RunningAdapter, running_adapter
from tests.running_program import DEADLINE, free_port

README = ROOT / "examples" / "adapters" / "README.md"
COMMANDS = re.findall(r"^python -m (examples\.adapters (\w+) --port) 8446$", next(blocks(README, "sh")).text, re.MULTILINE)
OFFER = re.compile(r"openid-credential-offer:\S+")


def now() -> int:
    return int(time.time())


def obtained(session: Session, send: Callable[[Request], Response]) -> Mapping[str, Any]:
    """The claims of a credential that was issued and verified."""
    order = run(session.order("membership"), send)
    issued = run(order.prove([LocalSigner.generate("holder")], now=now()).submit(), send)
    assert isinstance(issued, Issued)
    return issued.credentials[0].claims


def test_the_readme_has_all_of_them() -> None:
    assert tuple(framework for _, framework in COMMANDS) == FRAMEWORKS
    adapters = sorted(README.parent.glob("*_adapter.py"))
    assert [each.stem.removesuffix("_adapter") for each in adapters] == ["aiohttp", "django", "flask", "starlette"]
    assert all(len(each.read_text().splitlines()) < 80 for each in adapters)


@pytest.mark.parametrize(("command", "framework"), COMMANDS, ids=FRAMEWORKS)
def test_started_as_the_readme_says(command: str, framework: str, tmp_path: Path) -> None:
    port = free_port()
    with running_adapter([*command.split(), str(port)], framework, port, tmp_path) as server:
        printed = server.log.read_text()
        (certificate,), (offer, *_) = re.findall(r"trust: (\S+)", printed), OFFER.findall(printed)
        context = ssl.create_default_context(cafile=certificate)
        with httpx.Client(verify=context, trust_env=False, timeout=DEADLINE) as client:
            send = over(client)
            wallet = Wallet(trust=Trust.of(f"https://localhost:{port}"), client_id="wallet")
            opened = run(Offer.parse(offer).open(wallet), send)
            session = run(opened.redeem(now=now()), send)
            assert obtained(session, send)["level"] == "gold"
            with pytest.raises(Refused, match="invalid_grant"):
                run(opened.redeem(now=now()), send)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def behind_a_proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAdapter]:
    port, framework = free_port(), str(request.param)
    command = ["tests.adapter_under_test", framework, str(port)]
    with running_adapter(command, framework, port, tmp_path_factory.mktemp(framework)) as running:
        yield running


@pytest.mark.parametrize("bound", [False, True])
def test_behind_a_proxy_and_with_a_path(behind_a_proxy: RunningAdapter, bound: bool) -> None:
    """The proof of possession of the DPoP key is for the URL that is published: no `Host` and no prefix changes that."""
    server = behind_a_proxy
    offer = json.loads(server.request("POST", "/offers/alice").body)["offer"]
    opened = run(Offer.parse(offer).open(Wallet(trust=Trust.of(IDENTIFIER), client_id="wallet")), server.send)
    session = run(opened.redeem(now=now(), dpop=LocalSigner.generate("dpop") if bound else None), server.send)
    assert obtained(session, server.send)["name"] == "Alice"
    assert obtained(session, server.send)["name"] == "Alice"


def test_somebody_without_a_membership_gets_none(behind_a_proxy: RunningAdapter) -> None:
    offer = json.loads(behind_a_proxy.request("POST", "/offers/mallory").body)["offer"]
    opened = run(Offer.parse(offer).open(Wallet(trust=Trust.of(IDENTIFIER), client_id="wallet")), behind_a_proxy.send)
    session = run(opened.redeem(now=now()), behind_a_proxy.send)
    with pytest.raises(Refused, match="credential_request_denied"):
        obtained(session, behind_a_proxy.send)


# --- mounted --------------------------------------------------------------------------------------------------------------------


def endpoints_of(identifier: str = IDENTIFIER) -> Endpoints:
    return Endpoints(role=new_club_server(identifier).role, issuer=identifier)


def flask_app() -> flask.Flask:
    app = flask.Flask(__name__)
    serve(app, endpoints_of(), ClubHost())
    return app


def test_flask_mounted_at_a_prefix() -> None:
    root = flask.Flask("root")
    root.wsgi_app = DispatcherMiddleware(root.wsgi_app, {"/club": flask_app()})  # type: ignore[method-assign]
    with root.test_client() as client:
        assert client.post("/club/nonce").status_code == 200
        assert client.post("/nonce").status_code == 404
        assert client.post("/club/club/nonce").status_code == 404
        # What is published in front of the path is not within the prefix: the role is to be there at the root as well.
        assert client.get("/.well-known/openid-credential-issuer/club").status_code == 404
    assert flask_app().test_client().get("/.well-known/openid-credential-issuer/club").status_code == 200


def test_starlette_mounted_at_a_prefix() -> None:
    route = EndpointRoute(endpoints_of(), ThreadedHost(ClubHost()))
    app = Starlette(routes=[Mount("/club", app=Starlette(routes=[route])), route])

    async def exchange() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://issuer.example") as client:
            paths = ("/club/nonce", "/nonce", "/club/club/nonce", "/club/%6eonce", "/club/nonce/")
            return [(await client.post(path)).status_code for path in paths]

    assert anyio.run(exchange) == [200, 404, 404, 404, 404]


def test_fastapi_goes_on_as_before() -> None:
    app = FastAPI()
    app.router.routes.append(EndpointRoute(endpoints_of(), ThreadedHost(ClubHost())))

    @app.get("/items/{number}", name="item")
    async def item(number: int) -> dict[str, int]:
        return {"number": number}

    async def exchange() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://issuer.example") as client:
            return [await client.get(path) for path in ("/openapi.json", "/items/7", "/items/x", "/club/credential")]

    described, found, wrong, ours = anyio.run(exchange)
    assert list(described.json()["paths"]) == ["/items/{number}"]
    assert (found.json(), wrong.status_code, ours.status_code) == ({"number": 7}, 422, 405)
    assert app.url_path_for("item", number=7) == "/items/7"


def test_a_prefix_that_an_asgi_server_was_told_of() -> None:
    async def exchange(root_path: str, path: str) -> int:
        transport = httpx.ASGITransport(
            Starlette(routes=[EndpointRoute(endpoints_of(), ThreadedHost(ClubHost()))]), root_path=root_path
        )

        async def prefixed(scope: Any, receive: Any, send: Any) -> None:
            # The proxy has taken the prefix away: servers put it in front of `path` (ASGI), and not of what was sent.
            await transport_app({**scope, "path": root_path + scope["path"]}, receive, send)

        transport_app, transport.app = transport.app, prefixed
        async with httpx.AsyncClient(transport=transport, base_url="https://issuer.example") as client:
            return (await client.post(path)).status_code

    assert anyio.run(exchange, "/club", "/nonce") == 200
    assert anyio.run(exchange, "/other", "/nonce") == 404


def environ(path: str, *, prefix: str = "", **more: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "SCRIPT_NAME": prefix, "PATH_INFO": unquote(path, "latin-1"), **more}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (environ("/a"), "/a"),
        (environ("/a%20b"), "/a%20b"),
        (environ("/a%2Fb", REQUEST_URI="/a%2Fb?c"), "/a%2Fb"),
        (environ("/a%2Fb", RAW_URI="/a%2Fb"), "/a%2Fb"),
        (environ("/a%2Fb"), "/a/b"),
        (environ("/%C3%A9"), "/%C3%A9"),
        (environ("/a", prefix="/club", REQUEST_URI="/club/%61"), "/club/%61"),
        (environ("/a", prefix="/club", REQUEST_URI="/%61"), "/club/%61"),
        (environ("/a", prefix="/club"), "/club/a"),
        (environ("/a", REQUEST_URI="/rewritten"), "/a"),
        (environ("/a", REQUEST_URI="http://issuer.example/a"), "/a"),
        (environ("", QUERY_STRING="b=1&b=2"), "/?b=1&b=2"),
    ],
)
def test_the_path_that_a_wsgi_server_was_sent(given: dict[str, Any], url: str) -> None:
    assert wsgi.received(given).url == url


@pytest.mark.parametrize(
    ("given", "sent", "status"),
    [
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, b"5\r\nabc", 411),
        ({"CONTENT_LENGTH": "x"}, b"abc", 400),
        ({"CONTENT_LENGTH": "4"}, b"abc", 400),
        ({"CONTENT_LENGTH": "3"}, b"abcdef", None),
        ({"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}, b"abc", None),
        ({"CONTENT_LENGTH": ""}, b"abc", None),
    ],
)
def test_the_body_that_a_wsgi_server_hands_on(given: dict[str, Any], sent: bytes, status: int | None) -> None:
    given = {**given, "wsgi.input": io.BytesIO(sent)}
    if status is None:
        assert b"".join(wsgi.body(given)) == (b"abc" if given.get("CONTENT_LENGTH") != "" else b"")
        return
    with pytest.raises(Refusal) as raised:
        list(wsgi.body(given))
    assert raised.value.reply.response.status == status


def test_flask_under_a_server_that_says_little() -> None:
    """The standard library's: it says nothing of the path as it was sent, and knows no chunks."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            """Nothing."""

    with make_server("127.0.0.1", 0, validator(flask_app().wsgi_app), handler_class=Quiet) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.server_port}", trust_env=False) as client:
                assert client.post("/club/nonce").status_code == 200
                twice = [("authorization", "Bearer a"), ("authorization", "Bearer b"), ("content-type", "application/json")]
                assert client.post("/club/credential", headers=twice, content=b"{}").json()["error"] == "invalid_request"
                assert client.get("/.well-known/openid-credential-issuer/club").json()["credential_issuer"] == IDENTIFIER
        finally:
            listening.shutdown()
            thread.join()


# --- what is the same for all ---------------------------------------------------------------------------------------------------


def test_an_identifier_is_an_https_url() -> None:
    with pytest.raises(ValueError, match="https"):
        Endpoints(role=new_club_server(IDENTIFIER).role, issuer="http://issuer.example")


def test_no_page_may_talk_to_the_authorization_endpoint() -> None:
    keys = SealingKeys([bytes(32)])
    server = AuthorizationServer.at(
        IDENTIFIER,
        access_tokens=SealedAccessTokens(keys),
        pre_authorized_codes=PreAuthorizedCodes(keys),
        authorization_codes=AuthorizationCodes(),
        credential_issuers=(club_metadata(IDENTIFIER),),
    )
    endpoints = Endpoints(role=server, issuer=IDENTIFIER, wallet_origins=["*"])
    origin = {"origin": "https://wallet.example"}
    asked, token = (
        endpoints.answer(Request("OPTIONS", f"/club/{name}", origin), [], ClubHost()) for name in ("authorize", "token")
    )
    assert "access-control-allow-origin" not in asked.headers
    assert token.headers.get("access-control-allow-origin") == "https://wallet.example"
