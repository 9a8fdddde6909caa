"""How the wallet server begins and ends as a process, and what its connections leave in the log."""

import json
import signal
import socket
import ssl
import time
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from examples.wallet_server.__main__ import main
from tests.running_program import DEADLINE
from tests.running_wallet import running_wallet
from tests.wallet_in_process import URL

ANYBODY = {"trust": {"any_issuer": True, "private_addresses": True}}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, running_wallet(tmp_path, ANYBODY) as wallet:
        silent.settimeout(DEADLINE)
        run = wallet.begin(credential_issuer=f"https://localhost:{silent.getsockname()[1]}", configuration_ids=["a"])
        context = ssl.create_default_context(cafile=wallet.authority)
        watching = HTTPSConnection(urlsplit(wallet.url).netloc, timeout=DEADLINE, context=context)
        with silent.accept()[0], closing(watching), wallet.client() as client:
            watching.request("GET", f"/runs/{run}?wait=60")
            # What was asked before this is being waited for.
            client.get("/client_metadata").raise_for_status()
            begun = time.monotonic()
            wallet.process.send_signal(number)
            with closing(watching.getresponse()) as answer:
                assert (answer.status, json.load(answer)["state"]) == (200, "running")
            assert time.monotonic() - begun < 4
            # The step that is being taken is waited for, for a while.
            assert wallet.process.wait(DEADLINE) == 0
            assert time.monotonic() - begun < 12
    lines = [json.loads(line) for line in wallet.log.read_text().splitlines()]
    assert [line for line in lines if line["level"] == "error" or "exception" in line] == []


def test_no_connection_leaves_a_query_in_the_log(tmp_path: Path) -> None:
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
    }
    with running_wallet(tmp_path, {}) as wallet:
        with wallet.client() as client:
            assert client.get("/callback?state=a-secret&code=another", headers=headers).status_code == 400
            assert client.get("/client_metadata", headers=headers).status_code == 200
        log = wallet.log.read_text()
    assert "/callback" in log
    assert "secret" not in log


def test_a_port_that_is_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wallet.json").write_text(json.dumps({"admin_token": "a" * 20}))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--url", URL, "--port", port, "--config", str(tmp_path / "wallet.json")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
