"""The reference server in several processes: they serve as one, one that dies is replaced, and nothing is left when they end."""

import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from random import Random

import httpx
import pytest
from attrs import evolve

from examples.reference_server.__main__ import main
from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.http import Request, Response
from tests.browser import Browser
from tests.network import Network, over
from tests.reference_server import WalletAt
from tests.running_program import is_running, wait_until
from tests.running_server import RunningServer, running_server

ISSUER = "https://localhost:8443"
NAME = "identity_x5c"
CONFIG = {"access_tokens": "jwt", "status_list_size": 1000}
DOCUMENTS = [
    "/.well-known/openid-credential-issuer",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwt-vc-issuer",
    "/jwks",
    "/keys",
    "/demo-ca.pem",
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, config=CONFIG, store=f"sqlite:///{tmp_path}/state.db", workers=2) as server:
        all_serve(server)
        yield server


def get(server: RunningServer, path: str) -> httpx.Response:
    """An answer over a connection of its own."""
    with server.client() as client:
        return client.get(path)


def answered_by(server: RunningServer) -> int:
    """The worker that answers now."""
    get(server, "/keys").raise_for_status()
    pid: int = [line for line in server.log_lines() if line["message"] == "request"][-1]["pid"]
    return pid


def all_serve(server: RunningServer) -> None:
    """Wait until every worker does: one that is killed before ends the server."""
    for worker in server.workers():
        with server.only(worker):
            assert answered_by(server) == worker


# --- what is refused --------------------------------------------------------------------------------------------------------


def test_memory_is_of_one_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--issuer", ISSUER, "--port", "1", "--workers", "2"]) == 2
    assert "several processes need a store that they share" in capsys.readouterr().err


def test_an_operating_system_that_does_not_fork_has_one_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delattr("os.fork")
    assert main(["--issuer", ISSUER, "--port", "1", "--workers", "2", "--store", f"sqlite:///{tmp_path}/s.db"]) == 2
    assert "operating system that forks" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "-1", "65", "two"])
def test_there_is_a_number_of_workers(workers: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--issuer", ISSUER, "--port", "1", "--workers", workers])
    assert ended.value.code == 2
    assert "--workers" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_wrong_is_said_before_there_are_workers(
    workers: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ["--issuer", ISSUER, "--workers", workers, "--store"]
    assert main([*given, f"sqlite:///{tmp_path}/missing/state.db", "--port", "1"]) == 2
    assert "unable to open database file" in capfd.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main([*given, f"sqlite:///{tmp_path}/state.db", "--port", str(taken.getsockname()[1])]) == 2
    assert "in use" in capfd.readouterr().err
    (tmp_path / "wrong.pem").write_text("no certificate")
    files = ["--tls-cert", str(tmp_path / "wrong.pem"), "--tls-key", str(tmp_path / "wrong.pem")]
    assert main([*given, f"sqlite:///{tmp_path}/state.db", "--port", "1", *files]) == 2
    assert capfd.readouterr().err.startswith("error: ")


# --- serving as one -----------------------------------------------------------------------------------------------------------


def test_every_worker_publishes_the_same(server: RunningServer) -> None:
    found = []
    for worker in server.workers():
        with server.only(worker):
            assert answered_by(server) == worker
            found.append([get(server, path).raise_for_status().content for path in DOCUMENTS])
    assert len(found) == 2
    assert found[0] == found[1]


def test_a_flow_goes_from_worker_to_worker(server: RunningServer) -> None:
    """What one made up, sealed or stored, the other opens: nonces, codes, tickets of forms, tokens, notification ids."""
    random, workers = Random(1), server.workers()
    plain = WalletAt.of(server.client(), server.issuer, server.demo_authority())

    def send(request: Request) -> Response:
        with server.only(random.choice(workers)), server.client() as client:
            return over(client)(request)

    wallet = evolve(plain, send=send)
    for _ in range(3):
        pending = wallet.asks(server.offer(NAME, grant="authorization_code", by_reference=True)["offer_uri"])
        browser = Browser(httpx.Client(transport=Network(send), base_url=server.issuer))
        session = wallet.comes_back(pending, browser.approved(pending.url))
        issued = wallet.gets(session, NAME)
        assert run(issued.notify("credential_accepted", now=wallet.clock()), wallet.send).notification_id is not None
        renewed = run(session.refresh(now=wallet.clock()), wallet.send)
        wallet.gets(renewed, NAME)
    made = server.offer(NAME, tx_code=True)
    run(wallet.opened(made["offer_uri"]).redeem(made["tx_code"]), wallet.send)
    with pytest.raises(Refused, match="invalid_grant"):
        run(wallet.opened(made["offer_uri"]).redeem(made["tx_code"]), wallet.send)
    served = {(line["path"], line["pid"]) for line in server.log_lines() if line["message"] == "request"}
    paths = ("/authorize", "/login", "/consent", "/token", "/nonce", "/credential", "/notification")
    assert served >= {(path, worker) for path in paths for worker in workers}


def test_a_session_of_tls_is_taken_up_by_another_worker(server: RunningServer) -> None:
    context, port = ssl.create_default_context(cafile=server.authority), int(server.issuer.rpartition(":")[2])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    session, reused = None, []
    for worker in server.workers():
        with server.only(worker):
            connection = socket.create_connection(("127.0.0.1", port), 10)
            with context.wrap_socket(connection, server_hostname="localhost", session=session) as tls:
                session = tls.session
                reused.append(tls.session_reused)
    assert reused == [False, True]


SLOW = """
import os, time
from examples.reference_server.served import Served
original = Served.open_store
def open_store(self):
    if os.getpid() % 2:
        time.sleep(2)
    return original(self)
Served.open_store = open_store
"""


def test_workers_that_take_their_time_to_start_are_waited_for(tmp_path: Path) -> None:
    """Here, in the tests: what kills one would otherwise end the server."""
    with running_server(tmp_path, store=f"sqlite:///{tmp_path}/state.db", workers=2, before=SLOW) as server:
        assert {line["pid"] for line in server.log_lines() if line["message"] == "request"} == set(server.workers())
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: messages(server).count("Application startup complete.") == 4)


# --- workers that die -------------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_replaced(server: RunningServer) -> None:
    before, published = server.workers(), get(server, "/jwks").content
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: pid not in server.workers() and len(server.workers()) == 2, 3)  # type: ignore[misc]
    # Connections wait in the meantime, none is refused.
    assert get(server, "/jwks").content == published
    assert set(server.workers()).isdisjoint(before)
    ended = [line for line in server.log_lines() if line["message"].startswith("a worker has ended")]
    assert [(line["level"], line["worker"], line["code"]) for line in ended] == [("warning", pid, -9) for pid in before]


def test_a_worker_that_dies_at_once_is_not_replaced_all_the_time(server: RunningServer) -> None:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for pid in server.workers():
            if is_running(pid) and any(line["pid"] == pid and "complete" in line["message"] for line in server.log_lines()):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    started = [line for line in server.log_lines() if line["message"] == "a worker was started"]
    assert 4 <= len(started) <= 2 * 5
    wait_until(lambda: get(server, "/keys").status_code == 200)


BROKEN = """
import os
from pathlib import Path
from examples.reference_server import workers
from examples.reference_server.served import Served
starter, original = os.getpid(), Served.open_store
def open_store(self):
    if os.getpid() != starter and Path({file!r}).exists():
        raise OSError("the store is not there")
    return original(self)
Served.open_store = open_store
workers.MAX_FAILURES, workers.PAUSE = 3, 0.2
"""


def messages(server: RunningServer) -> list[str]:
    return [line["message"] for line in server.log_lines()]


def test_workers_that_cannot_start_end_the_server(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    before = BROKEN.format(file=str(tmp_path / "broken"))
    with (
        pytest.raises(AssertionError) as ended,
        running_server(tmp_path, store=f"sqlite:///{tmp_path}/state.db", workers=2, before=before, code=1),
    ):
        raise RuntimeError("it has started")
    log = str(ended.value)
    assert "a worker cannot start, so the server ends" in log
    assert "OSError: the store is not there" in log
    started = [
        json.loads(line)["worker"] for line in (tmp_path / "server.log").read_text().splitlines() if "was started" in line
    ]
    assert len(started) == 2
    assert not any(is_running(pid) for pid in started)


def test_a_replacement_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    broken, store = tmp_path / "broken", f"sqlite:///{tmp_path}/state.db"
    with running_server(tmp_path, store=store, workers=2, before=BROKEN.format(file=str(broken))) as server:
        all_serve(server)
        broken.touch()
        one, other = server.workers()
        os.kill(one, signal.SIGKILL)
        # More often than it would be if nobody served.
        wait_until(lambda: messages(server).count("a worker cannot start, and is tried again") > 4)
        assert answered_by(server) == other
        broken.unlink()
        wait_until(lambda: messages(server).count("Application startup complete.") == 3)


def test_the_server_ends_when_nobody_serves_and_no_replacement_starts(tmp_path: Path) -> None:
    broken, store = tmp_path / "broken", f"sqlite:///{tmp_path}/state.db"
    with running_server(tmp_path, store=store, workers=2, before=BROKEN.format(file=str(broken)), code=1) as server:
        all_serve(server)
        broken.touch()
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        assert server.process.wait(10) == 1
        assert "a worker cannot start, so the server ends" in messages(server)


# --- the end ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_in_order(tmp_path: Path, workers: int, number: signal.Signals) -> None:
    with running_server(tmp_path, store=f"sqlite:///{tmp_path}/state.db", workers=workers) as server, server.client() as client:
        client.get("/keys").raise_for_status()
        pids = server.workers()
        server.process.send_signal(number)
        # A client that keeps its connection open and does nothing is not waited for.
        assert server.process.wait(8) == 0
        assert not any(is_running(pid) for pid in pids)
    assert messages(server).count("Application shutdown complete.") == workers
    assert not [line for line in server.log_lines() if line["level"] == "error"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_that_is_under_way_is_answered_and_new_ones_are_not_taken(tmp_path: Path, workers: int) -> None:
    with running_server(tmp_path, store=f"sqlite:///{tmp_path}/state.db", workers=workers) as server:
        with connected(server) as late, connected(server) as idle:
            late.sendall(b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n ")
            idle.sendall(b"GET /keys HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert answered(idle).status == 200
            server.process.terminate()
            wait_until(lambda: refuses(server))
            # Whoever kept a connection is told to leave it, with an answer.
            idle.sendall(b"GET /keys HTTP/1.1\r\nhost: localhost\r\n\r\n")
            answer = answered(idle)
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            time.sleep(2.5)
            late.sendall(b" ")
            assert answered(late).status == 200
        assert server.process.wait(8) == 0


def test_a_request_that_never_ends_is_not_waited_for_longer_than_is_said(tmp_path: Path) -> None:
    before = "from examples import serving\nserving.GRACE = 2"
    store = f"sqlite:///{tmp_path}/state.db"
    with running_server(tmp_path, store=store, workers=2, before=before) as server, connected(server) as connection:
        connection.sendall(b"POST /nonce HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n ")
        wait_until(lambda: messages(server).count("Application startup complete.") == 2)
        server.process.terminate()
        assert server.process.wait(8) == 0


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    before = """
import os, time
from examples import serving
from examples.reference_server import served, workers
serving.GRACE = workers.GRACE = 1
closing, parent = served.close, os.getpid()
served.close = lambda store: closing(store) if os.getpid() == parent else time.sleep(100)
"""
    with running_server(tmp_path, store=f"sqlite:///{tmp_path}/state.db", workers=2, before=before, code=1) as server:
        pids = server.workers()
        server.process.terminate()
        assert server.process.wait(10) == 1
        assert not any(is_running(pid) for pid in pids)
    codes = [line["code"] for line in server.log_lines() if line["message"] == "a worker did not end in order"]
    assert codes == [-signal.SIGALRM] * 2


def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/state.db"
    with running_server(tmp_path, store=store, workers=3, code=-signal.SIGKILL) as server:
        all_serve(server)
        pids = server.workers()
        # One that was started later holds nothing that keeps the others.
        os.kill(pids[0], signal.SIGKILL)
        wait_until(lambda: pids[0] not in server.workers() and messages(server).count("Application startup complete.") == 4)
        pids = server.workers()
        server.process.kill()
        wait_until(lambda: not any(is_running(pid) for pid in pids), 5)
        assert refuses(server)


def connected(server: RunningServer) -> ssl.SSLSocket:
    """A connection."""
    context, port = ssl.create_default_context(cafile=server.authority), int(server.issuer.rpartition(":")[2])
    connection = socket.create_connection(("127.0.0.1", port), 10)
    return context.wrap_socket(connection, server_hostname="localhost")


def answered(connection: ssl.SSLSocket) -> HTTPResponse:
    """The next answer, read to its end."""
    with closing(HTTPResponse(connection)) as answer:
        answer.begin()
        answer.read()
        return answer


def refuses(server: RunningServer) -> bool:
    """Whether new connections are refused."""
    try:
        connected(server).close()
    except ConnectionError:
        return True
    return False


def test_the_secrets_are_neither_at_the_command_line_nor_in_the_environment(server: RunningServer) -> None:
    """They come with the fork: the processes have the arguments and the environment of the one that was started."""
    for name in ("cmdline", "environ"):
        expected = Path(f"/proc/{server.process.pid}/{name}").read_bytes()
        assert all(Path(f"/proc/{pid}/{name}").read_bytes() == expected for pid in server.workers())
    assert b"KEY" not in Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
