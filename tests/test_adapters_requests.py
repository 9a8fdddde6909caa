"""The same requests to every adapter, over a socket: all hand on the same, and answer the same."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from examples.adapters.endpoints import MAX_BODY
from tests.adapter_under_test import AT_ONCE, IDENTIFIER, SECRET, WALLET_ORIGIN
from tests.running_adapter import FRAMEWORKS, Answer, RunningAdapter, running_adapter, taken
from tests.running_program import free_port

METADATA = "/.well-known/openid-credential-issuer/club"
CREDENTIAL, NONCE, TOKEN = "/club/credential", "/club/nonce", "/club/token"
FORM, JSON = ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Type", "application/json")
BEARER = ("Authorization", "Bearer abc")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAdapter]:
    port, framework = free_port(), str(request.param)
    command = ["tests.adapter_under_test", framework, str(port)]
    with running_adapter(command, framework, port, tmp_path_factory.mktemp(framework)) as running:
        yield running


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(f"{len(each):x}\r\n".encode() + each + b"\r\n" for each in chunks) + end


def head(method: str, target: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: issuer.example", *lines, "", ""]).encode("latin-1")


# --- what is refused, and how -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "status", "error"),
    [
        ("GET", METADATA, [], None, 200, None),
        ("GET", METADATA, [("Accept", ";;q=x, \xff/*, application/jwt;q=0")], None, 200, None),
        ("GET", METADATA, [("Accept", "text/html"), ("Accept", "image/*")], None, 200, None),
        ("GET", METADATA, [("X-Name", "caf\xe9 \xff")], None, 200, None),
        ("POST", METADATA, [], b"", 405, "invalid_request"),
        ("PUT", METADATA, [], b"{}", 405, "invalid_request"),
        ("DELETE", METADATA, [], None, 405, "invalid_request"),
        ("TRACE", METADATA, [], None, 405, "invalid_request"),
        ("PATCH", CREDENTIAL, [JSON], b"{}", 405, "invalid_request"),
        ("GET", CREDENTIAL, [], None, 405, "invalid_request"),
        ("GET", NONCE, [], None, 405, "invalid_request"),
        ("POST", NONCE, [], None, 200, None),
        ("POST", NONCE, [], b"", 200, None),
        ("POST", NONCE, [("Cookie", "sessionid=x"), ("Origin", "https://evil.example"), FORM], b"a=1", 200, None),
        ("POST", CREDENTIAL, [JSON, BEARER], b"{}", 401, "invalid_token"),
        ("POST", CREDENTIAL, [JSON, BEARER, BEARER], b"{}", 400, "invalid_request"),
        ("POST", CREDENTIAL, [JSON, BEARER, ("Authorization", "DPoP abc")], b"{}", 400, "invalid_request"),
        ("POST", f"{CREDENTIAL}?access_token=abc", [JSON], b"{}", 400, "invalid_request"),
        ("POST", f"{CREDENTIAL}?a=1&access_token=abc&a=1", [JSON, BEARER], b"{}", 400, "invalid_request"),
        ("POST", CREDENTIAL, [JSON, ("Authorization", "DPoP abc"), ("DPoP", "a.b.c"), ("DPoP", "a.b.c")], b"{}", 401, None),
        ("POST", TOKEN, [FORM], b"", 400, "invalid_request"),
        ("POST", TOKEN, [FORM], b"grant_type=x", 400, "unsupported_grant_type"),
        ("POST", TOKEN, [FORM], b"grant_type=x&grant_type=x", 400, "invalid_request"),
        ("POST", TOKEN, [FORM], b"grant_type=\xff", 400, "invalid_request"),
        ("POST", TOKEN, [JSON], b'{"grant_type": "x"}', 400, "invalid_request"),
        ("POST", TOKEN, [("Content-Type", "multipart/form-data; boundary=x")], b"--x--", 400, "invalid_request"),
        ("POST", TOKEN, [("Content-Type", "\xff")], b"grant_type=x", 400, "invalid_request"),
        ("POST", TOKEN, [], b"grant_type=x", 400, "invalid_request"),
        ("POST", TOKEN, [FORM, ("Content-Encoding", "gzip")], b"\x1f\x8b", 415, "invalid_request"),
    ],
)
def test_the_table(
    server: RunningAdapter,
    method: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: bytes | None,
    status: int,
    error: str | None,
) -> None:
    answer = server.request(method, target, headers, body)
    assert answer.status == status, answer
    if status == 401:
        assert answer.all("www-authenticate")
    if status == 405:
        assert answer.all("allow") == ["GET" if target == METADATA else "POST"]
    if error is not None:
        assert answer.json()["error"] == error
        assert answer.all("content-type") == ["application/json"]
        assert answer.all("cache-control") == ["no-store"]


def test_head_is_a_get_without_its_body(server: RunningAdapter) -> None:
    got, asked = server.request("GET", METADATA), server.request("HEAD", METADATA)
    assert (asked.status, asked.body) == (200, b"")
    for name in ("content-type", "etag", "cache-control", "content-length"):
        assert asked.all(name) == got.all(name) != []
    assert server.request("HEAD", CREDENTIAL).status == 405
    # On a connection that stays, the next answer is not mistaken for the body.
    with server.connection() as connection:
        connection.sendall(head("HEAD", METADATA))
        assert taken(connection, method="HEAD").status == 200
        connection.settimeout(0.3)
        with suppress(TimeoutError):
            assert connection.recv(100) == b""


def test_options_say_what_is_allowed(server: RunningAdapter) -> None:
    for target, allowed in ((METADATA, "GET, HEAD, OPTIONS"), (CREDENTIAL, "POST, OPTIONS")):
        answer = server.request("OPTIONS", target)
        assert (answer.status, answer.all("allow"), answer.body) == (204, [allowed], b"")
        assert answer.all("access-control-allow-origin") == []


def test_other_paths_are_the_applications(server: RunningAdapter) -> None:
    answer = server.request("GET", "/hello")
    assert (answer.status, answer.body) == (200, b"hello from the application")
    assert server.request("POST", "/hello", [FORM], b"a=1").status in (403, 405)
    for path in ("/", "/credential", "/club", "/club/credential/", "/club//credential", f"{METADATA}/x"):
        assert server.request("GET", path).status == 404, path
        assert server.request("POST", path, [JSON], b"{}").status in (404, 403), path


@pytest.mark.parametrize("path", ["/club/%63redential", "/club%2Fcredential", "/club/./credential", "/x/../club/credential"])
def test_a_path_is_not_decoded(server: RunningAdapter, path: str) -> None:
    assert server.request("GET", path).status == 404


# --- what is handed on --------------------------------------------------------------------------------------------------------


def seen(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    "target", ["/echo/a", "/echo/a?b=1&b=2&c=%20+", "/echo/%61%2Fb%20c", "/echo/%C3%A9?x=%ff", "/echo/a;b=c,d:e@f!$&'()*+~"]
)
def test_the_url_is_that_of_the_issuer_and_as_it_was_sent(server: RunningAdapter, target: str) -> None:
    got = seen(server.request("GET", target, [("X-Forwarded-Host", "evil.example"), ("Forwarded", "host=evil.example")]))
    assert (got["method"], got["url"]) == ("GET", f"https://issuer.example{target}")
    assert seen(server.request("PUT", target, [], b"x"))["method"] == "PUT"


def test_the_header_fields(server: RunningAdapter) -> None:
    sent = [
        ("DPoP", "a.b.c"),
        ("DPoP", "d.e.f"),
        ("X-Name", "caf\xe9 \xff"),
        ("Accept-Language", "de"),
        ("Accept-Language", "fr;q=0.5"),
    ]
    sent += [("OAuth-Client-Attestation", "a"), ("OAuth-Client-Attestation-PoP", "b"), BEARER, BEARER]
    got = seen(server.request("POST", "/echo/a", [*sent, JSON], b"{}"))["headers"]
    for name in ("dpop", "x-name", "oauth-client-attestation", "oauth-client-attestation-pop", "authorization", "content-type"):
        found = [value for key, value in got if key == name]
        assert [each.strip() for each in found] == [value for key, value in (*sent, JSON) if key.lower() == name]
    languages = ",".join(value for key, value in got if key == "accept-language")
    assert languages.replace(" ", "") == "de,fr;q=0.5"


def test_an_empty_header_field_is_there(server: RunningAdapter) -> None:
    got = seen(server.request("POST", "/echo/a", [("DPoP", ""), JSON], b"{}"))["headers"]
    assert [value for key, value in got if key == "dpop"] == [""]


def test_repeated_fields_of_the_answer(server: RunningAdapter) -> None:
    answer = server.request("GET", "/echo/a")
    assert answer.all("x-twice") == ["one", "two"]
    assert answer.all("set-cookie") == ["a=1", "b=2"]


# --- bodies -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1 << 20, MAX_BODY])
def test_a_body_comes_whole(server: RunningAdapter, size: int) -> None:
    body = bytes(i % 251 for i in range(256)) * (size // 256 + 1)
    body = body[:size]
    got = seen(server.request("POST", "/echo/a", [("Content-Type", "application/jwt")], body))
    assert (got["length"], got["digest"]) == (size, hashlib.sha256(body).hexdigest())


def test_a_form_comes_as_it_was_sent(server: RunningAdapter) -> None:
    body = b"b=%20&a=1&b=+&c"
    assert seen(server.request("POST", "/echo/a", [FORM], body))["digest"] == hashlib.sha256(body).hexdigest()


def test_a_chunked_body_comes_whole(server: RunningAdapter) -> None:
    chunks = [b"abc", b"d" * 100_000, b"e"]
    answer = server.exchange(head("POST", "/echo/a", "Transfer-Encoding: chunked", "Connection: close"), chunked(*chunks))
    assert seen(answer)["digest"] == hashlib.sha256(b"".join(chunks)).hexdigest()
    answer = server.exchange(
        head("POST", TOKEN, "Transfer-Encoding: chunked", f"{FORM[0]}: {FORM[1]}"), chunked(b"grant_", b"type=x")
    )
    assert (answer.status, answer.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("length", [MAX_BODY + 1, 5 << 20, 10**11, 10**30])
def test_a_body_that_is_announced_as_too_large_is_not_read(server: RunningAdapter, length: int) -> None:
    answer = server.exchange(head("POST", CREDENTIAL, f"Content-Length: {length}", "Content-Type: application/json"), b"{")
    # Some servers refuse a number that no computer has.
    assert answer.status == 413 or (length == 10**30 and answer.status == 400), answer
    if answer.status == 413:
        assert answer.json() == {"error": "invalid_request", "error_description": "the body is too large"}


def test_a_chunked_body_is_not_read_beyond_the_bound(server: RunningAdapter) -> None:
    """It never ends: whoever waits for the end never answers."""
    with server.connection() as connection:
        connection.sendall(head("POST", CREDENTIAL, "Transfer-Encoding: chunked", "Content-Type: application/json"))
        connection.sendall(chunked(*[b" " * 65_536] * 65, end=b""))
        assert taken(connection).status == 413


def test_lies_about_the_length(server: RunningAdapter) -> None:
    with server.connection() as connection:
        connection.sendall(head("POST", TOKEN, f"{FORM[0]}: {FORM[1]}", "Content-Length: 100") + b"grant_type=x")
        connection.shutdown(1)
        refused = connection.recv(65_536).split(b"\r\n")[0]
    # Nothing, or a refusal: what came is not taken for the whole.
    assert refused == b"" or b" 400 " in refused
    assert b"unsupported_grant_type" not in refused
    for length in ("abc", "-1", "1, 2", "+3", "\u0663".encode().decode("latin-1")):
        answer = server.exchange(head("POST", TOKEN, f"{FORM[0]}: {FORM[1]}", f"Content-Length: {length}", "Connection: close"))
        assert answer.status == 400, length
    assert server.request("POST", NONCE).status == 200


# --- stores -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["load", "commit"])
def test_a_store_that_fails(server: RunningAdapter, kind: str) -> None:
    answer = server.request("POST", f"/trouble/{kind}")
    assert (answer.status, answer.json()) == (500, {"error": "server_error"})
    assert answer.all("content-type") == ["application/json"]
    assert SECRET.encode() not in answer.body
    assert SECRET in server.log.read_text()


@pytest.mark.parametrize("kind", ["load-unavailable", "commit-unavailable"])
def test_a_store_that_is_unavailable(server: RunningAdapter, kind: str) -> None:
    answer = server.request("POST", f"/trouble/{kind}")
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.all("retry-after") == ["1"]


def test_requests_wait_side_by_side(server: RunningAdapter) -> None:
    """None of these is answered before all have come to the store, and nobody else has to wait for them."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        waiting = [threads.submit(server.request, "GET", "/trouble/together") for _ in range(AT_ONCE - 1)]
        nonces = [server.request("POST", NONCE).json()["c_nonce"] for _ in range(4)]
        assert len(set(nonces)) == 4
        assert not any(each.done() for each in waiting)
        waiting.append(threads.submit(server.request, "GET", "/trouble/together"))
        assert [each.result().status for each in waiting] == [200] * AT_ONCE


# --- wallets that are web pages -----------------------------------------------------------------------------------------------


def test_a_preflight_of_a_wallet(server: RunningAdapter) -> None:
    asked = [("Origin", WALLET_ORIGIN), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "dpop")]
    answer = server.request("OPTIONS", CREDENTIAL, asked)
    assert answer.status == 204
    assert answer.all("access-control-allow-origin") == [WALLET_ORIGIN]
    assert answer.all("access-control-allow-methods") == ["POST, OPTIONS"]
    assert "dpop" in answer.all("access-control-allow-headers")[0].split(", ")
    assert "authorization" in answer.all("access-control-allow-headers")[0].split(", ")
    assert answer.all("access-control-allow-credentials") == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{WALLET_ORIGIN}.evil.example"])
def test_other_pages_get_no_permission(server: RunningAdapter, origin: str) -> None:
    for method in ("OPTIONS", "POST"):
        answer = server.request(method, NONCE, [("Origin", origin)])
        assert answer.all("access-control-allow-origin") == []
        assert answer.all("vary") == ["origin"]
    twice = server.request("POST", NONCE, [("Origin", WALLET_ORIGIN), ("Origin", WALLET_ORIGIN)])
    assert twice.all("access-control-allow-origin") == []


def test_every_answer_to_a_wallet_can_be_read(server: RunningAdapter) -> None:
    for answer in (
        server.request("GET", METADATA, [("Origin", WALLET_ORIGIN)]),
        server.request("POST", CREDENTIAL, [("Origin", WALLET_ORIGIN), JSON], b"{}"),
        server.request("POST", TOKEN, [("Origin", WALLET_ORIGIN), ("Content-Length", str(5 << 20))]),
        server.request("POST", "/trouble/load", [("Origin", WALLET_ORIGIN)]),
    ):
        assert answer.all("access-control-allow-origin") == [WALLET_ORIGIN]
        assert "dpop-nonce" in answer.all("access-control-expose-headers")[0]


def test_the_identifier(server: RunningAdapter) -> None:
    assert server.request("GET", METADATA).json()["credential_issuer"] == IDENTIFIER
