"""Parts of the wallet server: its settings, whom it connects to, the forms it reads, its application."""

import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpcore
import httpx
import pytest

from examples.wallet.keys import HolderKey
from examples.wallet_server import outbound
from examples.wallet_server.__main__ import main
from examples.wallet_server.app import application
from examples.wallet_server.forms import read_forms
from examples.wallet_server.outbound import Outbound, PublicAddresses, Unreachable, is_public
from examples.wallet_server.parties import read_trust
from examples.wallet_server.setting_up import Setup
from examples.wallet_server.settings import read_settings
from examples.wallet_server.visitor import Visitor
from oid4vci.http import MAX_CREDENTIALS, Request, Response
from tests.running_server import make_certificates
from tests.wallet_in_process import URL, World

T = TypeVar("T")


# --- wallet.json --------------------------------------------------------------------------------------------------------------


def written(folder: Path, members: Any) -> Path:
    path = folder / "wallet.json"
    path.write_text(members if isinstance(members, str) else json.dumps(members))
    return path


def test_without_a_file_nobody_is_trusted() -> None:
    setup = Setup.of(f"{URL}/", read_settings(None))
    trust = setup.settings.trust.trust()
    assert not trust.allow("https://issuer.example")
    assert (trust.anchors, trust.metadata_anchors) == (None, None)
    assert not setup.settings.responses_without_iss
    assert (setup.redirect_uri, setup.settings.host) == (f"{URL}/callback", "127.0.0.1")
    assert setup.client_metadata()["token_endpoint_auth_method"] == "none"


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"unknown": 1}, "unknown"),
        ({"host": ""}, "host"),
        ({"client_id": 1}, "client_id"),
        ({"client_authentication": "client_secret_basic"}, "client_authentication"),
        ({"client_authentication": "private_key_jwt"}, "client_key_file"),
        ({"client_authentication": "attest_jwt_client_auth"}, "attester"),
        ({"client_key_file": "key.pem"}, "client_key_file"),
        ({"client_key_file": "none.pem", "client_authentication": "private_key_jwt"}, "none.pem"),
        ({"client_key_file": "text.pem", "client_authentication": "private_key_jwt"}, "client_key_file"),
        ({"attester": {}}, "attester"),
        ({"attester": {"key_file": "text.pem"}}, "attester"),
        ({"attester": {"key_file": "key.pem", "key_storage": "high"}}, "attester.key_storage"),
        ({"attester": {"key_file": "key.pem", "more": 1}}, "attester.more"),
        ({"certifier": {"key_file": "key.pem"}, "key_name": "x5c"}, "certifier.chain_file"),
        ({"key_name": "x5c"}, "certifier"),
        ({"key_name": "did:web"}, "key_name"),
        ({"haip": "yes"}, "haip"),
        ({"haip": True}, "client_authentication"),
        ({"haip": True, "dpop": "off"}, "dpop"),
        ({"haip": True, "pushed_authorization_requests": "when offered"}, "pushed_authorization_requests"),
        ({"haip": True, "responses_without_iss": True}, "responses_without_iss"),
        ({"dpop": True}, "dpop"),
        ({"pushed_authorization_requests": "off"}, "pushed_authorization_requests"),
        ({"encryption": "never"}, "encryption"),
        ({"compression": 1}, "compression"),
        ({"proof_types": []}, "proof_types"),
        ({"proof_types": ["jwt", "jwt"]}, "proof_types"),
        ({"proof_types": ["cwt"]}, r"proof_types\[0\]"),
        ({"copies": 0}, "copies"),
        ({"copies": True}, "copies"),
        ({"formats": ["dc+sd-jwt", "x"]}, r"formats\[1\]"),
        ({"locales": ["de", 1]}, r"locales\[1\]"),
        ({"logins": {"http://a.example": {"username": "a", "password": "b"}}}, "logins.http://a.example"),
        ({"logins": {"https://a.example": {"username": "a"}}}, "logins.https://a.example.password"),
        ({"visits": None}, "visits"),
        ({"tx_code": 1234}, "tx_code"),
        ({"notification": "credential_accepted"}, "notification"),
        ({"patience": 0}, "patience"),
        ({"max_runs": 0}, "max_runs"),
        ({"parallel": 1000}, "parallel"),
        ({"admin_token": "short"}, "admin_token"),
        ({"trust": {}}, "trust"),
        ({"trust": {"issuers": []}}, "trust.issuers"),
        ({"trust": {"allowed": []}}, "trust.allowed"),
        ({"trust": {"allowed": ["issuer.example"]}}, r"trust.allowed\[0\]"),
        ({"trust": {"allowed": ["http://issuer.example"]}}, r"trust.allowed\[0\]"),
        ({"trust": {"any_issuer": "yes"}}, "trust.any_issuer"),
        ({"trust": {"anchors_file": "text.pem"}}, "trust.anchors_file"),
        ({"trust": {"signed_metadata_required": True}}, "trust.metadata_anchors_file"),
        ("[]", "must be a JSON object"),
        ("{", "wallet.json"),
        ('{"visits": true, "visits": false}', "a member is repeated"),
    ],
    ids=str,
)
def test_what_is_wrong_stops_the_server_with_its_name(
    tmp_path: Path, members: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key.pem").write_bytes(HolderKey.generate("key", ("ES256",)).pem)
    (tmp_path / "text.pem").write_text("x")
    with pytest.raises((ValueError, OSError), match=name):
        read_settings(written(tmp_path, members))
    arguments = ["--url", URL, "--port", "1", "--config", str(tmp_path / "wallet.json")]
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    "options",
    [
        ["--url", "http://wallet.example"],
        ["--url", "https://wallet.example?a=b"],
        ["--url", URL, "--tls-cert", "c.pem"],
    ],
)
def test_a_wrong_command_line_is_said(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*options, "--port", "1"])
    assert "error: " in capsys.readouterr().err


def test_behind_a_proxy_it_needs_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", URL, "--port", "1"]) == 2
    assert "admin_token" in capsys.readouterr().err


# --- whom it connects to --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  # an address to refuse
        ("224.0.0.251", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("ff02::1", False),
        ("fec0::1", False),
        # IPv4 within IPv6.
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::1", False),
        ("2001:0:7f00:1::1", False),
        ("64:ff9b::127.0.0.1", False),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b:1::10.0.0.1", False),
        ("64:ff9b::93.184.216.34", True),
    ],
)
def test_addresses_that_anybody_may_reach(address: str, public: bool) -> None:
    assert is_public(address) is public


class Connections(httpcore.AsyncNetworkBackend):
    """Notes where it would connect to."""

    def __init__(self, *closed: str) -> None:
        self.made: list[str] = []
        self.closed = closed

    async def connect_tcp(self, host: str, *rest: Any, **options: Any) -> Any:
        self.made.append(host)
        if host in self.closed:
            raise httpcore.ConnectError


@pytest.mark.parametrize(
    ("found", "made"),
    [
        (["93.184.216.34"], ["93.184.216.34"]),
        (["93.184.216.34", "10.0.0.1"], []),
        (["10.0.0.1"], []),
        (["::1"], []),
        ([], []),
    ],
    ids=str,
)
def test_a_name_that_leads_inside_is_not_connected_to(
    found: list[str], made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def looked_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(None, None, None, None, (address, port)) for address in found]

    monkeypatch.setattr(anyio, "getaddrinfo", looked_up)
    for named, private, expected in (
        ((), False, made),
        ([("a.example", 443)], False, ["a.example"]),
        ([("a.example", 8443), ("b.example", 443)], False, made),
        ((), True, ["a.example"]),
    ):
        inner = Connections()
        backend = PublicAddresses(named, private, inner)
        if expected:
            anyio.run(backend.connect_tcp, "a.example", 443, 5.0)
        else:
            with pytest.raises(httpcore.ConnectError):
                anyio.run(backend.connect_tcp, "a.example", 443, 5.0)
        # It is the address that was looked at, not the name, which may lead elsewhere by then.
        assert inner.made == expected


def test_one_address_of_a_name_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["2606:4700::1111", "93.184.216.34", "93.184.216.35"]

    async def looked_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(None, None, None, None, (address, port)) for address in found]

    monkeypatch.setattr(anyio, "getaddrinfo", looked_up)
    inner = Connections(found[0])
    anyio.run(PublicAddresses((), False, inner).connect_tcp, "a.example", 443, 5.0)
    assert inner.made == found[:2]
    inner = Connections(*found)
    with pytest.raises(httpcore.ConnectError):
        anyio.run(PublicAddresses((), False, inner).connect_tcp, "a.example", 443, 5.0)
    assert inner.made == found


@pytest.mark.parametrize(
    ("allowed", "server"),
    [
        ("https://Localhost:8443/tenant", ("localhost", 8443)),
        ("https://localhost", ("localhost", 443)),
        ("https://[::1]:8443", ("::1", 8443)),
    ],
)
def test_a_server_that_is_named_is_a_host_and_a_port(allowed: str, server: tuple[str, int]) -> None:
    assert read_trust("trust", {"allowed": [allowed]}, Path()).servers == {server}


class Handler(BaseHTTPRequestHandler):
    """Redirects, sends too much, or a little at a time."""

    def do_GET(self) -> None:  # the name that the base class calls
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("location", "/large")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(64):
                self.wfile.write(bytes(1 << 20) if self.path == "/large" else b"x")
                time.sleep(0.1 if self.path == "/slow" else 0)
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        pass


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server over TLS, and the file of its authority."""
    authority, certificate, key = make_certificates(tmp_path_factory.mktemp("tls"))
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}", authority
        finally:
            server.shutdown()
            thread.join()


def sent(url: str, authority: Path | None, *, private: bool = True) -> Response:
    async def exchange() -> Response:
        client = Outbound(authority, private=private)
        try:
            return await client.send(Request("GET", url))
        finally:
            await client.aclose()

    return anyio.run(exchange)


def test_redirects_are_not_followed_and_long_bodies_not_read(origin: tuple[str, Path]) -> None:
    answer = sent(f"{origin[0]}/redirect", origin[1])
    assert (answer.status, answer.headers.get("location")) == (302, "/large")
    assert MAX_CREDENTIALS < len(sent(f"{origin[0]}/large", origin[1]).body) <= MAX_CREDENTIALS + (1 << 17)


def test_who_sends_a_little_at_a_time_is_not_waited_for(origin: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "TIMEOUT", 0.5)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="in time"):
        sent(f"{origin[0]}/slow", origin[1])
    assert time.monotonic() - begun < 5


def test_whom_nothing_is_sent_to(origin: tuple[str, Path]) -> None:
    with pytest.raises(Unreachable, match="not public"):
        sent(f"{origin[0]}/", origin[1], private=False)
    # Its authority is not known.
    with pytest.raises(Unreachable):
        sent(f"{origin[0]}/", None)
    for url in ("http://localhost/", "ftp://localhost/", "https://", "https://[::", "https://a..b/", "https://\xe4.example/"):
        with pytest.raises(Unreachable):
            sent(url, None)


# --- forms ----------------------------------------------------------------------------------------------------------------------


def test_a_form_is_filled_as_a_browser_does() -> None:
    page = b"""<form method=POST action=/login><input type=hidden name=ticket value="a&amp;b">
        <input id=username name=u value=old><input id=password name=p type=password>
        <input type=checkbox name=stay value=1><input type=checkbox name=yes value=2 checked>
        <input type=file name=f><button type=button name=no id=show>Show</button>
        <button id=login name=d value=l>Go</button></form><input name=outside value=1>"""
    (form,) = read_forms(page)
    filled = form.filled("login", {"username": "ada", "password": "secret"})
    assert filled == {"ticket": "a&b", "u": "ada", "p": "secret", "yes": "2", "d": "l"}
    assert form.filled("show", {}) is None
    assert form.filled("login", {"other": "ada"}) is None
    assert "secret" not in repr(form)


NO_FORMS = {
    "empty": b"",
    "without end": b"<form",
    "no text": b"\xff\x00<form>",
    "fields alone": b"<input id=username>" * 10,
    "many": b"<form>" * 100_000,
    "marked section": b"<![<form><button id=login>",
    "reference to no character": b"<form method=post><button id=login name='&#" + b"1" * 5000 + b";'>",
    "comments without end": b"<!--" * 50_000,
}


@pytest.mark.parametrize("page", NO_FORMS.values(), ids=NO_FORMS)
def test_what_is_no_form_is_none(page: bytes) -> None:
    begun = time.process_time()
    assert all(form.filled("login", {}) is None for form in read_forms(page))
    assert len(read_forms(page)) <= 500
    assert time.process_time() - begun < 5


# --- cookies --------------------------------------------------------------------------------------------------------------------


def at_pages(*answers: Response) -> tuple[list[str], list[str | None]]:
    """The paths that a visitor goes to through these answers, and its cookies."""
    left, paths, cookies = [*answers, Response(302, {"location": f"{URL}/callback?code=1"})], [], []

    def send(request: Request) -> Response:
        paths.append(request.path)
        cookies.append(request.headers.get("cookie"))
        return left.pop(0)

    visitor = Visitor(send, url_origin_is_known, f"{URL}/callback", "https://a.example")
    assert visitor.visit("https://a.example/") == f"{URL}/callback?code=1"
    return paths, cookies


def url_origin_is_known(url: str) -> bool:
    return url.startswith(("https://a.example/", "https://b.example/"))


def going(target: str, *cookies: str) -> Response:
    return Response(302, [("location", target), *(("set-cookie", each) for each in cookies)])


def test_cookies_are_kept_for_one_origin() -> None:
    _, cookies = at_pages(
        going("https://b.example/", "a=1; Domain=example; Path=/", "__Host-s=x=y; Secure; HttpOnly; SameSite=Lax; Partitioned"),
        going("https://a.example/", "a=2"),
        going("/", "a=; Max-Age=0", 'quoted="1 2"; max-age=-1; Max-Age = 60', "", "=1", "none"),
    )
    assert cookies == [None, None, "a=1; __Host-s=x=y", '__Host-s=x=y; quoted="1 2"']


def test_cookies_are_few_small_and_read_at_once() -> None:
    begun = time.process_time()
    _, cookies = at_pages(
        going("/", "a=" + "x" * 5000, 'b="' + "\\1" * 40_000 + '"', 'c="' + "\\" * 90_000),
        going("/", *(f"c{i}=1" for i in range(100))),
    )
    assert cookies[1] is None
    assert (cookies[2] or "").count("=") == 50
    assert time.process_time() - begun < 2


# --- the application ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def served(world: World, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    app = application(world.driver)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
            yield client


def asked(world: World, act: Callable[[httpx.AsyncClient], Awaitable[T]], address: str = "127.0.0.1") -> T:
    async def exchange() -> T:
        async with served(world, address) as client:
            return await act(client)

    return anyio.run(exchange)


def test_who_is_not_on_this_machine_drives_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch)

    async def act(client: httpx.AsyncClient) -> list[int]:
        return [
            (await client.get("/runs")).status_code,
            (await client.post("/offers", json={})).status_code,
            (await client.get("/client_metadata")).status_code,
        ]

    assert asked(world, act, "192.0.2.1") == [403, 403, 200]


def test_a_code_that_was_just_given_is_not_waited_for_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch)
    made = world.wire.server.offer("identity_x5c", grant="pre-authorized_code", tx_code=True)

    async def act(client: httpx.AsyncClient) -> list[Any]:
        run = (await client.post("/offers", json={"offer_uri": made["offer_uri"]})).json()["id"]
        waiting = (await client.get(f"/runs/{run}?wait=20")).json()["state"]
        given = await client.post(f"/runs/{run}/tx_code", json={"tx_code": made["tx_code"]})
        again = await client.post(f"/runs/{run}/tx_code", json={"tx_code": made["tx_code"]})
        over = (await client.get(f"/runs/{run}?wait=20")).json()["state"]
        return [waiting, given.json()["state"], again.status_code, over]

    assert asked(world, act) == ["waiting_for_tx_code", "running", 409, "issued"]


def test_the_end_of_the_server_ends_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch, visits=False)
    offer = world.wire.server.offer("identity_x5c")["offer_uri"]

    async def act(client: httpx.AsyncClient) -> str:
        run = (await client.post("/offers", json={"offer_uri": offer})).json()["id"]
        return str((await client.get(f"/runs/{run}?wait=20")).json()["state"])

    begun = time.monotonic()
    assert asked(world, act) == "waiting_for_person"
    assert time.monotonic() - begun < 15


def test_a_wallet_with_a_path_in_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of(tmp_path, monkeypatch)
    world.driver.setup = Setup.of(f"{URL}/wallets/1", world.driver.setup.settings)

    async def act(client: httpx.AsyncClient) -> list[Any]:
        metadata = (await client.get("/wallets/1/client_metadata")).json()
        return [metadata["redirect_uris"], metadata["credential_offer_endpoint"], (await client.get("/jwks")).status_code]

    assert asked(world, act) == [[f"{URL}/wallets/1/callback"], f"{URL}/wallets/1/credential_offer", 404]
