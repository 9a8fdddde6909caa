"""The reference server at its socket: versions of TLS, and clients that are slow, large, many, or do not speak HTTP."""

import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse
from pathlib import Path
from select import select

import pytest

from examples.request_body import MAX_BODY
from examples.serving import listen, tls_context
from tests.running_program import wait_until
from tests.running_server import RunningServer, make_certificates, running_server

GET = b"GET /keys HTTP/1.1\r\nhost: localhost\r\n\r\n"
# What a client has of patience, here.
BEFORE = """
from examples import request_body, serving
request_body.BODY_TIMEOUT, serving.REQUEST_TIMEOUT = 1, 1
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, store=f"sqlite:///{folder}/state.db", workers=2, before=BEFORE) as server:
        yield server
    assert [line for line in server.log_lines() if line["level"] == "error" or "exception" in line] == []


def address(server: RunningServer) -> tuple[str, int]:
    return "127.0.0.1", int(server.issuer.rpartition(":")[2])


def connect(server: RunningServer, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    context = context or ssl.create_default_context(cafile=server.authority)
    connection = socket.create_connection(address(server), 20)
    try:
        return context.wrap_socket(connection, server_hostname="localhost")
    except BaseException:
        connection.close()
        raise


def answer(connection: ssl.SSLSocket) -> tuple[HTTPResponse, bytes]:
    """The next answer, and its body."""
    with closing(HTTPResponse(connection)) as response:
        response.begin()
        return response, response.read()


def ended(connection: ssl.SSLSocket) -> bool:
    """Whether the server closes the connection without a word."""
    try:
        return connection.recv(1) == b""
    except (ConnectionError, ssl.SSLEOFError):
        return True


# --- TLS ----------------------------------------------------------------------------------------------------------------------


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """The cipher that both agree on, or what the client is told. Without a socket, because asyncio closes it before it is told."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                if side is one:
                    return error.reason
    cipher = one.cipher()
    assert cipher is not None
    return cipher[0]


def weak(context: ssl.SSLContext, ciphers: str = "ALL") -> ssl.SSLContext:
    """Whoever has this would do what is refused."""
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "AECDH-AES128-SHA"])
def test_weak_ciphers_are_refused(tmp_path: Path, ciphers: str) -> None:
    authority, *files = make_certificates(tmp_path)
    client = weak(ssl.create_default_context(cafile=authority), ciphers)
    assert handshake(client, tls_context(*files)) == "SSLV3_ALERT_HANDSHAKE_FAILURE"


def test_tls_before_1_2_is_refused(server: RunningServer, tmp_path: Path) -> None:
    authority, *files = make_certificates(tmp_path)
    client = weak(ssl.create_default_context(cafile=authority))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    assert handshake(client, tls_context(*files)) == "TLSV1_ALERT_PROTOCOL_VERSION"
    # This client would do it.
    lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lenient.load_cert_chain(files[0], files[1])
    assert handshake(client, weak(lenient)).startswith("ECDHE-ECDSA-AES")
    client.load_verify_locations(server.authority)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(server, client)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_from_1_2_on_has_authenticated_encryption_and_forward_secrecy(
    server: RunningServer, version: ssl.TLSVersion
) -> None:
    context = ssl.create_default_context(cafile=server.authority)
    context.minimum_version = context.maximum_version = version
    with connect(server, context) as connection:
        cipher = connection.cipher()
        assert cipher is not None
        assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]
        assert version is ssl.TLSVersion.TLSv1_3 or cipher[0].startswith("ECDHE-")


def test_http_at_the_port_of_tls_gets_nothing(server: RunningServer) -> None:
    with socket.create_connection(address(server), 20) as connection:
        connection.sendall(GET)
        # An alert of TLS, or nothing.
        assert not connection.recv(1000).startswith(b"HTTP")


# --- HTTP ---------------------------------------------------------------------------------------------------------------------


def test_requests_on_one_connection_are_answered_in_their_order(server: RunningServer) -> None:
    """Also if all are sent before the first answer (RFC 9112 9.3.2), and with a `Date` each (RFC 9110 6.6.1)."""
    with connect(server) as connection:
        post = b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"
        connection.sendall(GET + post + b"HEAD /keys HTTP/1.1\r\nhost: localhost\r\n\r\n" + post + GET)
        for method, member in (
            ("GET", b'"id"'),
            ("POST", b'"c_nonce"'),
            ("HEAD", b""),
            ("POST", b'"c_nonce"'),
            ("GET", b'"id"'),
        ):
            with closing(HTTPResponse(connection, method=method)) as response:
                response.begin()
                body = response.read()
            assert (response.status, member in body, bool(body)) == (200, True, method != "HEAD")
            assert abs(parsedate_to_datetime(response.headers["date"]).timestamp() - time.time()) < 10
            assert "server" not in response.headers


def test_an_answer_does_not_wait_for_the_client_to_confirm_its_beginning(server: RunningServer) -> None:
    """Head and body are sent apart; without TCP_NODELAY the second waits until the client confirms the first, 40 ms each time."""
    with connect(server) as connection:
        took = []
        for _ in range(20):
            begun = time.monotonic()
            connection.sendall(GET)
            answer(connection)
            took.append(time.monotonic() - begun)
    assert min(took[5:]) < 0.03


def test_every_address_of_a_host_is_listened_at() -> None:
    opened = listen("localhost", 0)
    for each in opened:
        assert each.proto == socket.IPPROTO_TCP
        each.close()
    assert {each.family for each in opened} >= {socket.AF_INET}
    with pytest.raises(OSError, match="in use"), socket.create_server(("127.0.0.1", 0)) as taken:
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 is no HTTP\r\n\r\n",
        b"GET /keys HTTP/1.1\r\n\r\n",
        b"GET /keys HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET /ke ys HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET /keys HTTP/1.1\r\nhost: localhost\r\n folded: yes\r\n\r\n"[:-2] + b"x y: z\r\n\r\n",
        b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy",
        b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_request_is_refused_once(server: RunningServer, sent: bytes) -> None:
    """The connection is closed, so nothing that follows is taken for a request."""
    with connect(server) as connection:
        connection.sendall(sent + GET)
        response, body = answer(connection)
        assert response.status in (400, 413, 501)
        assert b"Traceback" not in body
        assert ended(connection)


def test_a_length_and_chunks_are_not_two_requests(server: RunningServer) -> None:
    """A proxy in front may go by the one, and this server by the other (RFC 9112 6.1): then the rest must not be a request."""
    with connect(server) as connection:
        head = b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head + b"0\r\n\r\n" + GET)
        response, _ = answer(connection)
        assert response.status in (200, 400)
        if response.status == 400:
            assert ended(connection)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "without end"])
def test_huge_headers_are_refused(server: RunningServer, whole: bool) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /keys HTTP/1.1\r\nhost: localhost\r\n")
        try:
            for i in range(64):
                connection.sendall(b"x-%d: %s\r\n" % (i, b"a" * 8000))
                time.sleep(0.002)
            connection.sendall(b"\r\n" if whole else b"x")
        except (ConnectionError, ssl.SSLEOFError):
            return
        response, _ = answer(connection)
        assert response.status in (400, 431)
        assert ended(connection)


def test_a_huge_body_is_refused_before_it_is_sent(server: RunningServer) -> None:
    with connect(server) as connection:
        head = f"POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-length: {MAX_BODY + 1}\r\nexpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        response, _ = answer(connection)
        assert response.status == 413


def test_a_huge_body_in_chunks_is_not_read_to_its_end(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /token HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        assert seconds_until_ended(connection, b"10000\r\n" + bytes(0x10000) + b"\r\n", pause=0) < 5


def seconds_until_ended(connection: ssl.SSLSocket, piece: bytes, *, pause: float = 0.2) -> float:
    """How long the server bears with a client that sends this piece again and again."""
    connection.settimeout(20)
    begun = time.monotonic()
    while time.monotonic() < begun + 10:
        time.sleep(pause)
        readable, _, _ = select([connection], [], [], 0)
        try:
            if readable and connection.recv(10_000) == b"":
                break
            connection.sendall(piece)
        except (ConnectionError, ssl.SSLError):
            break
    return time.monotonic() - begun


# --- patience -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"", b""),
        (b"GET /keys HTTP/1.1\r\n", b""),
        (b"GET /keys HTTP/1.1\r\n", b"x-a: b\r\n"),
        # After an answer, and in the body of what was answered already.
        (GET, b""),
        (GET, b"x"),
        (b"GET /keys HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n", b"x"),
    ],
    ids=["nothing", "half a header", "a header now and then", "one request", "a letter now and then", "a body now and then"],
)
def test_a_connection_that_does_not_ask_is_ended(server: RunningServer, first: bytes, piece: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(first)
        assert 0.5 < seconds_until_ended(connection, piece) < 5


def test_a_connection_that_does_not_begin_with_tls_is_ended(server: RunningServer) -> None:
    with socket.create_connection(address(server), 20) as connection:
        begun = time.monotonic()
        with suppress(ConnectionError):
            assert connection.recv(1) == b""
        assert 0.5 < time.monotonic() - begun < 5


def asks_without_reading(connection: ssl.SSLSocket) -> None:
    """Once nobody takes more of it this waits as well; raises `ConnectionError` or `ssl.SSLError` if the server ends it."""
    while True:
        connection.sendall(b"GET /.well-known/openid-credential-issuer HTTP/1.1\r\nhost: localhost\r\n\r\n" * 100)


def test_a_client_that_does_not_read_is_ended(server: RunningServer) -> None:
    """It has asked so often that no answer can be sent any more; what it asked last waits for that, and would for ever."""
    with socket.socket() as plain:
        for each in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            plain.setsockopt(socket.SOL_SOCKET, each, 4096)
        plain.settimeout(10)
        plain.connect(address(server))
        context = ssl.create_default_context(cafile=server.authority)
        with (
            context.wrap_socket(plain, server_hostname="localhost") as connection,
            # Not `TimeoutError`: that would be the client.
            pytest.raises((ConnectionError, ssl.SSLError)),
        ):
            asks_without_reading(connection)


@pytest.mark.parametrize("piece", [b"", b" "])
def test_a_body_that_does_not_come_is_answered(server: RunningServer, piece: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n")
        # No more is sent once there may be an answer, since two things at once are too much for a socket of TLS.
        for _ in range(5):
            connection.sendall(piece)
            time.sleep(0.1)
        assert answer(connection)[0].status == 408


def test_silent_connections_keep_others_out_for_a_moment_only(tmp_path: Path) -> None:
    before = "from examples import serving\nserving.REQUEST_TIMEOUT, serving.MAX_CONNECTIONS = 3, 10"
    with running_server(tmp_path, before=before) as server, ExitStack() as opened:
        for _ in range(12):
            opened.enter_context(connect(server))
        assert status(server) == 503
        wait_until(lambda: status(server) == 200)


def status(server: RunningServer) -> int:
    with connect(server) as connection:
        connection.sendall(GET)
        return answer(connection)[0].status


def test_many_clients_at_once_are_served(server: RunningServer) -> None:
    def client(_: int) -> list[int]:
        with connect(server) as connection:
            statuses = []
            for _ in range(20):
                connection.sendall(GET)
                statuses.append(answer(connection)[0].status)
            return statuses

    with ThreadPoolExecutor(30) as threads:
        assert {status for statuses in threads.map(client, range(30)) for status in statuses} == {200}
    assert {line["pid"] for line in server.log_lines() if line["message"] == "request"} == set(server.workers())
