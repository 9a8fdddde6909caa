"""Applications as functions: what the scripted wallet sees of WSGI and ASGI, over TLS, and of peers that answer nonsense."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import flask
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from examples.adapters import flask_adapter
from examples.adapters.endpoints import Endpoints
from examples.adapters.issuer import ClubHost, ThreadedHost, new_club_server
from examples.adapters.starlette_adapter import EndpointRoute
from oid4vci.http import Request, Response
from oid4vci.testing import ISSUER_CHECKS, AppFault, CheckSkipped, Offered, OfferRequest, Report, ScriptedWallet, asgi, wsgi
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.documents import ROOT, blocks, run
from tests.network import over
from tests.probed_issuer import Person, offers_of
from tests.running_server import RunningServer, running_server

ORIGIN = "https://issuer.example"
README, FRAMEWORKS = ROOT / "README.md", ROOT / "docs" / "how-to" / "frameworks.md"


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


# --- the issuer of the README, as WSGI ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readme() -> dict[str, Any]:
    """The README's issuer, and the adapters of the page about frameworks."""
    namespace: dict[str, Any] = {}
    exec(next(blocks(README, "python")).compiled(), namespace)  # noqa: S102
    run(FRAMEWORKS, namespace)
    return {**namespace, "view": namespace["wsgi"](namespace["app"], namespace["host"])}


def minimal(readme: dict[str, Any], **supplies: Any) -> ScriptedWallet:
    def new_offer(asked: OfferRequest) -> Offered | None:
        if asked.grant != "pre-authorized_code" or asked.by_reference or asked.tx_code:
            return None
        granted = readme["server"].pre_authorize("alice", list(asked.configuration_ids), now=int(time.time()))
        assert readme["host"].commit(granted.changes)
        return Offered(readme["issuer"].offer(list(asked.configuration_ids), pre_authorized_code=granted.grant).uri())

    given = {
        "issuer": ORIGIN,
        "send": wsgi(readme["view"], origin=ORIGIN),
        "now": lambda: int(time.time()),
        "new_offer": new_offer,
        "dpop": False,
        "trust": Trust.of(ORIGIN),
        **supplies,
    }
    return ScriptedWallet(**given)


def outcomes(report: Report) -> dict[str, str]:
    return {finding.check: finding.outcome for finding in report}


def test_the_smallest_issuer_is_fine_and_the_rest_is_skipped(readme: dict[str, Any]) -> None:
    report = minimal(readme).probe()
    assert report.ok, report.text()
    assert report.of("warned") == (), report.text()
    assert len(report.of("passed")) > 90
    found = outcomes(report)
    for name in ("wallet_gets_credentials_that_verify", "credential_is_issued", "proof_unsigned", "nonces_differ"):
        assert found[name] == "passed"
    why = {finding.check: finding.detail for finding in report.of("skipped")}
    assert why["deferred_credential_comes"] == "there is no deferred_credential_endpoint"
    assert why["dpop_at_token_wrong_htm"] == "tokens are not to be bound to a key"
    assert why["encrypted_answer"] == "there is no credential_response_encryption"
    assert why["transaction_code_gives_a_token"] == "no offer is made with pre-authorized_code and a Transaction Code"
    assert all(why.values())


def test_the_smallest_issuer_as_asgi(readme: dict[str, Any]) -> None:
    application = readme["asgi"](readme["app"], readme["AsyncHost"](readme["host"]), readme["elsewhere"])
    with asyncio.Runner() as runner:
        report = minimal(readme, send=asgi(application, run=runner.run, origin=ORIGIN)).probe()
    assert outcomes(report) == outcomes(minimal(readme).probe())
    assert report.ok, report.text()


def test_with_nothing_but_an_issuer_there_is_little_to_see(readme: dict[str, Any]) -> None:
    report = minimal(readme, new_offer=None, trust=None).probe()
    assert report.ok, report.text()
    assert outcomes(report)["issuer_metadata_follow_the_rules"] == "passed"
    assert outcomes(report)["credential_is_issued"] == "skipped"


def test_what_is_asked_for_is_what_is_looked_at(readme: dict[str, Any]) -> None:
    names = {"credential_is_issued", "nonces_differ"}
    assert outcomes(minimal(readme).probe(only=names)) == {"nonces_differ": "passed", "credential_is_issued": "passed"}
    report = minimal(readme, configuration_ids=("unheard of",)).probe(only=names)
    assert outcomes(report) == {"nonces_differ": "passed", "credential_is_issued": "skipped"}


def test_no_secret_is_in_a_report(readme: dict[str, Any]) -> None:
    """Neither codes nor tokens nor nonces, also when everything goes wrong."""
    secrets: set[str] = set()

    def spied(send: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def sent(request: Request) -> Response:
            response = send(request)
            for name in ("access_token", "c_nonce"):
                try:
                    value = response.json().get(name)
                except (ValueError, AttributeError):
                    continue
                secrets.update([value] if isinstance(value, str) else [])
            return Response.of_json(400, {"error": "invalid_nonce"}) if b"proofs" in request.body else response

        return sent

    wallet = minimal(readme)
    report = evolve(wallet, send=spied(wallet.send)).probe()
    assert not report.ok
    assert len(secrets) > 20
    assert [secret for secret in secrets if secret in report.text()] == []


# --- the adapters of the examples ---------------------------------------------------------------------------------------------

CLUB = f"{ORIGIN}/club"


def club(adapt: Callable[[Endpoints, ClubHost], Callable[[Request], Response]]) -> Report:
    """What there is to say of an adapter: its issuer has a path, and binds tokens to keys."""
    served, host = new_club_server(CLUB), ClubHost()

    def new_offer(asked: OfferRequest) -> Offered | None:
        if asked.grant != "pre-authorized_code" or asked.by_reference or asked.tx_code:
            return None
        return Offered(served.offer(host.store, "alice", asked.configuration_ids, now=int(time.time())).uri())

    wallet = ScriptedWallet(
        issuer=CLUB,
        send=adapt(Endpoints(role=served.role, issuer=CLUB), host),
        now=lambda: int(time.time()),
        new_offer=new_offer,
        trust=Trust.of(CLUB),
    )
    return wallet.probe()


def test_the_flask_adapter() -> None:
    def adapt(endpoints: Endpoints, host: ClubHost) -> Callable[[Request], Response]:
        app = flask.Flask(__name__)
        flask_adapter.serve(app, endpoints, host)
        return wsgi(app, origin=ORIGIN)

    report = club(adapt)
    assert report.ok, report.text()
    assert len(report.of("passed")) > 130


def test_the_starlette_adapter(runner: asyncio.Runner) -> None:
    def adapt(endpoints: Endpoints, host: ClubHost) -> Callable[[Request], Response]:
        app = Starlette(routes=[EndpointRoute(endpoints, ThreadedHost(host))])
        return asgi(app, run=runner.run, origin=ORIGIN)

    report = club(adapt)
    assert report.ok, report.text()
    assert len(report.of("passed")) > 130


# --- WSGI ---------------------------------------------------------------------------------------------------------------------


def get(send: Callable[[Request], Response], url: str = f"{ORIGIN}/a%20b?c=%C3%BC", **options: Any) -> Response:
    return send(Request("GET", url, **options))


def test_what_a_wsgi_application_is_told() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        seen.update(environ)
        write = start_response("200 OK", [("X-One", "1"), ("X-One", "2")])
        write(b"written, ")
        return [b"", environ["wsgi.input"].read()]

    headers = [("content-type", "text/x"), ("dpop", "a"), ("dpop", "b")]
    response = wsgi(app, origin=ORIGIN)(Request("POST", f"{ORIGIN}/%C3%BC%2F?q=%2F", headers, b"body"))
    assert (response.status, response.body) == (200, b"written, body")
    assert response.headers.all("x-one") == ("1", "2")
    assert seen["PATH_INFO"] == "/\u00c3\u00bc/"
    assert (seen["QUERY_STRING"], seen["CONTENT_LENGTH"], seen["CONTENT_TYPE"]) == ("q=%2F", "4", "text/x")
    assert (seen["HTTP_DPOP"], seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("a,b", "https", "issuer.example")


def starting(*arguments: Any, body: Any = (b"",)) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(*arguments)
        return body

    return app


def without_start(environ: Any, start_response: Any) -> Any:
    return [b"x"]


def twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"x"]


def raising(environ: Any, start_response: Any) -> Any:
    raise KeyError("secret")


@pytest.mark.parametrize(
    ("app", "because"),
    [
        (starting("200 OK", [], body=["text"]), "bytes, not str"),
        (starting("200 OK", [], body="text"), "one string"),
        (starting("200 OK", [], body=b"bytes"), "one string"),
        (starting(b"200 OK", []), "status"),
        (starting(200, []), "status"),
        (starting("OK", []), "status"),
        (starting("200 OK", {}), "must be a list"),
        (starting("200 OK", ()), "must be a list"),
        (starting("200 OK", [["a", "b"]]), "tuple"),
        (starting("200 OK", [("a", b"b")]), "native strings"),
        (starting("200 OK", [("a", "b\r\nc: d")]), "cannot be sent"),
        (starting("200 OK", [("a b", "c")]), "cannot be sent"),
        (starting("200 OK", [("a", "\u20ac")]), "cannot be sent"),
        (starting("200 OK", [("Connection", "close")]), "must not send"),
        (starting("200 OK", [("Content-Length", "7")], body=[b"four"]), "Content-Length"),
        (starting("204 No Content", [], body=[b"four"]), "has a body"),
        (without_start, "before start_response"),
        (lambda environ, start_response: [], "was not called"),
        (twice, "twice"),
        (raising, "raised KeyError"),
    ],
)
def test_what_a_wsgi_application_must_not_do(app: Any, because: str) -> None:
    with pytest.raises(AppFault, match=because) as raised:
        get(wsgi(app, origin=ORIGIN))
    assert "secret" not in str(raised.value)


def test_a_wsgi_application_may_begin_again_with_an_exception() -> None:
    closed = []

    class Result:
        def __iter__(self) -> Iterator[bytes]:
            yield b"sorry"

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        import sys

        start_response("200 OK", [])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [], sys.exc_info())
        return Result()

    response = get(wsgi(app, origin=ORIGIN))
    assert (response.status, response.body, closed) == (500, b"sorry", [True])


@pytest.mark.parametrize("url", ["https://other.example/", "https://issuer.example.evil.com/", "http://issuer.example/"])
def test_an_application_is_at_one_origin(url: str) -> None:
    with pytest.raises(CheckSkipped):
        get(wsgi(starting("200 OK", []), origin=ORIGIN), url)


# --- ASGI ---------------------------------------------------------------------------------------------------------------------


def test_what_an_asgi_application_is_told(runner: asyncio.Runner) -> None:
    async def page(request: StarletteRequest) -> StreamingResponse:
        body = await request.body()
        assert request.headers.getlist("dpop") == ["a", "b"]
        assert request.url.path == "/%C3%BC" or request.url.path == "/\u00fc"
        assert (request.url.scheme, request.url.query) == ("https", "q=%2F")

        async def parts() -> Any:
            yield b"streamed, "
            await asyncio.sleep(0)
            yield body

        return StreamingResponse(parts(), headers={"x-one": "1"})

    app = Starlette(routes=[Route("/{name}", page, methods=["POST"])])
    send = asgi(app, run=runner.run, origin=ORIGIN)
    headers = [("dpop", "a"), ("dpop", "b")]
    response = send(Request("POST", f"{ORIGIN}/%C3%BC?q=%2F", headers, b"body"))
    assert (response.status, response.body, response.headers.get("x-one")) == (200, b"streamed, body", "1")


def sending(*events: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for event in events:
            await send(event)

    return app


START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"x"}


def swallowing(app: Any) -> Any:
    async def calm(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            return

    return calm


FAULTS = [
    (sending({**START, "status": "200"}), "integer"),
    (sending({**START, "status": True}), "integer"),
    (sending({**START, "headers": [("a", "b")]}), "byte strings"),
    (sending({**START, "headers": [(b"a",)]}), "byte strings"),
    (sending({**START, "headers": [(b"A", b"b")]}), "lower case"),
    (sending({**START, "headers": [(b"a", b"b\r\nc")]}), "cannot be sent"),
    (sending(START, {**BODY, "body": "text"}), "bytes, not str"),
    (sending(START, {**BODY, "more_body": 1}), "more_body"),
    (sending(START, START), "twice"),
    (sending(BODY), "before the start"),
    (sending(START, BODY, BODY), "after the end"),
    (sending({"type": "websocket.accept"}), "not of an HTTP response"),
    (sending("start"), "not of an HTTP response"),
]


@pytest.mark.parametrize("wrapped", [lambda app: app, swallowing])
@pytest.mark.parametrize(("app", "because"), FAULTS)
def test_what_an_asgi_application_must_not_do(runner: asyncio.Runner, app: Any, because: str, wrapped: Any) -> None:
    with pytest.raises(AppFault, match=because):
        get(asgi(wrapped(app), run=runner.run, origin=ORIGIN))


@pytest.mark.parametrize(
    ("app", "because"),
    [
        (sending(), "complete"),
        (sending(START), "complete"),
        (sending(START, {**BODY, "more_body": True}), "complete"),
        (sending({**START, "headers": [(b"content-length", b"2")]}, BODY), "Content-Length"),
        (sending({**START, "status": 204}, BODY), "has a body"),
    ],
)
def test_what_an_asgi_application_must_do(runner: asyncio.Runner, app: Any, because: str) -> None:
    with pytest.raises(AppFault, match=because):
        get(asgi(app, run=runner.run, origin=ORIGIN))


def test_an_asgi_application_that_raises(runner: asyncio.Runner) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("secret")

    with pytest.raises(AppFault, match=r"^the application raised KeyError$"):
        get(asgi(app, run=runner.run, origin=ORIGIN))


def test_a_client_stays_until_it_has_its_answer(runner: asyncio.Runner) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def listen() -> None:
            while True:
                seen.append((await receive())["type"])
                if seen[-1] == "http.disconnect":
                    return

        listening = asyncio.ensure_future(listen())
        await asyncio.sleep(0.01)
        assert seen == ["http.request"]
        await send(START)
        await send(BODY)
        await listening

    assert get(asgi(app, run=runner.run, origin=ORIGIN)).status == 200
    assert seen == ["http.request", "http.disconnect"]


def test_an_asgi_application_is_told_that_it_starts_and_ends(runner: asyncio.Runner) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        await asyncio.sleep(0)
        seen.append("begins")
        yield {"word": "hello"}
        await asyncio.sleep(0)
        seen.append("ends")

    def page(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse(request.state.word)

    app = Starlette(routes=[Route("/", page)], lifespan=lifespan)
    with asgi(app, run=runner.run, origin=ORIGIN, lifespan=True) as send:
        assert seen == ["begins"]
        assert get(send, f"{ORIGIN}/").body == b"hello"
        assert get(send, ORIGIN).body == b"hello"
    assert seen == ["begins", "ends"]


def test_an_asgi_application_need_not_know_of_a_lifespan(runner: asyncio.Runner) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await sending(START, BODY)(scope, receive, send)

    with asgi(app, run=runner.run, origin=ORIGIN, lifespan=True) as send:
        assert get(send).status == 200


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "lifespan.startup.failed", "message": "secret"}],
        [{"type": "lifespan.shutdown.complete"}],
        ["complete"],
    ],
)
def test_an_asgi_application_that_cannot_start(runner: asyncio.Runner, events: list[Any]) -> None:
    with pytest.raises(AppFault, match="startup"):
        asgi(sending(*events), run=runner.run, origin=ORIGIN, lifespan=True)


def test_an_asgi_application_that_cannot_end(runner: asyncio.Runner) -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        yield
        raise KeyError

    send = asgi(Starlette(lifespan=lifespan), run=runner.run, origin=ORIGIN, lifespan=True)
    with pytest.raises(AppFault):
        send.close()


def test_a_lifespan_that_belongs_to_a_task_needs_a_server(runner: asyncio.Runner) -> None:
    """Its start and its end are two tasks here, and the documentation says so."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group():
            yield

    send = asgi(Starlette(lifespan=lifespan), run=runner.run, origin=ORIGIN, lifespan=True)
    with pytest.raises(AppFault, match="RuntimeError"):
        send.close()


@pytest.mark.parametrize(
    "origin", ["https://issuer.example/", "https://issuer.example/tenant", "https://a?b", "issuer.example", ""]
)
def test_an_origin_has_nothing_behind_it(runner: asyncio.Runner, origin: str) -> None:
    """Else every request would be for somewhere else, and every check skipped."""
    with pytest.raises(ValueError, match="origin must be"):
        wsgi(starting("200 OK", []), origin=origin)
    with pytest.raises(ValueError, match="origin must be"):
        asgi(sending(), run=runner.run, origin=origin)


# --- over TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


def test_the_reference_server_over_tls(server: RunningServer) -> None:
    send = over(server.client())
    person = Person(server.client)
    wallet = ScriptedWallet(
        issuer=server.issuer,
        send=send,
        now=lambda: int(time.time()),
        new_offer=offers_of(send, server.issuer),
        approve=person.approve,
        deny=person.deny,
        trust=Trust.of(server.issuer, anchors=Anchors.from_pem(server.demo_authority())),
        over_http=True,
    )
    report = wallet.probe()
    assert report.ok, report.text()
    assert report.of("warned") == (), report.text()
    assert outcomes(report)["metadata_are_from_now"] == "passed"
    assert len(report.of("passed")) > 200


def test_a_server_without_a_date(readme: dict[str, Any]) -> None:
    report = minimal(readme, over_http=True).probe(only={"metadata_are_from_now"})
    assert [finding.outcome for finding in report] == ["failed"]


# --- nonsense -----------------------------------------------------------------------------------------------------------------

texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
KNOWN = (
    *("credential_issuer", "credential_endpoint", "nonce_endpoint", "credential_configurations_supported", "issuer"),
    *("token_endpoint", "authorization_endpoint", "pushed_authorization_request_endpoint", "grant_types_supported"),
    *("access_token", "token_type", "credentials", "transaction_id", "c_nonce", "request_uri", "error", "notification_id"),
    *("credential_request_encryption", "credential_response_encryption", "batch_credential_issuance", "proof_types_supported"),
    *("authorization_details", "credential_identifiers", "interval", "expires_in", "challenge_endpoint", "refresh_token"),
)
objects = st.dictionaries(st.sampled_from(KNOWN) | texts, values, max_size=8)
names = st.sampled_from(("content-type", "cache-control", "www-authenticate", "dpop-nonce", "location", "x"))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    status = draw(st.sampled_from((200, 201, 202, 204, 302, 400, 401, 403, 404, 500)) | st.integers(100, 599))
    headers = draw(st.lists(st.tuples(names, texts), max_size=3))
    if draw(st.booleans()):
        made = Response.of_json(status, draw(objects))
        return evolve(made, headers=[*made.headers.pairs, *headers])
    return Response(status, headers, draw(st.binary(max_size=40)))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(responses(), min_size=1, max_size=6), st.data())
def test_nonsense_is_a_report(answers: list[Response], data: st.DataObject) -> None:
    """Whatever comes, the probe ends with a finding for each check, and never finds credentials in it."""
    sent = [0]

    def send(request: Request) -> Response:
        sent[0] += 1
        return answers[sent[0] % len(answers)]

    wallet = ScriptedWallet(
        issuer=ORIGIN,
        send=send,
        now=lambda: 1_800_000_000,
        new_offer=lambda asked: (
            Offered(data.draw(texts, "offer"), None) if asked.tx_code else Offered("x:?credential_offer={}")
        ),
        approve=lambda url: f"http://127.0.0.1/callback?code={'c' * 20}",
        deny=lambda url: "garbage",
        attest_keys=lambda jwks, nonce: "garbage",
        trust=Trust.of(ORIGIN),
    )
    report = wallet.probe()
    assert [finding.check for finding in report] == [check.name for check in ISSUER_CHECKS]
    assert outcomes(report)["wallet_gets_credentials_that_verify"] != "passed"
    assert not report.ok


FAULTY_NETWORKS = [
    ConnectionError("secret"),
    RecursionError(),
    ValueError("secret"),
    UnicodeDecodeError("utf-8", b"", 0, 1, ""),
]


@pytest.mark.parametrize("error", FAULTY_NETWORKS)
def test_a_network_that_fails_is_a_report(error: Exception) -> None:
    def send(request: Request) -> Response:
        raise error

    report = ScriptedWallet(issuer=ORIGIN, send=send, now=lambda: 0).probe()
    assert report.failed
    assert not report.ok
    assert "secret" not in report.text()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_answer_that_is_nonsense_at_some_time_is_a_report(readme: dict[str, Any], data: st.DataObject) -> None:
    """A good issuer that loses its mind now and then."""
    wallet, chance = minimal(readme), data.draw(st.integers(2, 30))
    count = [0]

    def send(request: Request) -> Response:
        count[0] += 1
        return data.draw(responses()) if count[0] % chance == 0 else wallet.send(request)

    names = set(data.draw(st.lists(st.sampled_from([check.name for check in ISSUER_CHECKS]), min_size=10, max_size=10)))
    report = evolve(wallet, send=send).probe(only=names)
    assert {finding.check for finding in report} == names
