"""The wallet server as a process of its own, over TLS on a free port of the loopback interface."""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from attrs import field, frozen

from tests.running_program import DEADLINE, ROOT, ending, free_port, wait_until_it_serves
from tests.running_server import RunningServer, make_certificates

Report = dict[str, Any]


@frozen
class RunningWallet:
    """A wallet that answers. `authority` is the PEM file of its TLS authority, `log` what it writes, `process` where it runs."""

    url: str
    authority: Path
    log: Path
    process: "subprocess.Popen[bytes]"
    _clients: ExitStack = field(factory=ExitStack, repr=False)

    def client(self, **settings: Any) -> httpx.Client:
        """A client that trusts its TLS authority; it is closed with the wallet at the latest."""
        context = ssl.create_default_context(cafile=self.authority)
        client = httpx.Client(base_url=self.url, verify=context, trust_env=False, timeout=DEADLINE, **settings)
        self._clients.callback(client.close)
        return client

    def begin(self, **members: Any) -> str:
        """Post to `/offers`: the id of the run."""
        with self.client() as client:
            answer = client.post("/offers", json=members)
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"{self.url}/runs/{answer.json()['id']}"
        return str(answer.json()["id"])

    def report(self, run_id: str, wait: int = 30) -> Report:
        """What the wallet says of a run, once it is over or waits for somebody."""
        with self.client() as client:
            answer = client.get(f"/runs/{run_id}", params={"wait": wait}, timeout=wait + DEADLINE)
            report: Report = answer.raise_for_status().json()
            return report

    def deferred(self, run_id: str) -> Report:
        """What the wallet says once the issuer has promised something."""
        end = time.monotonic() + DEADLINE
        while (report := self.report(run_id, wait=0))["state"] != "deferred":
            assert report["state"] == "running", report
            assert time.monotonic() < end
            time.sleep(0.1)
        return report

    def take(self, **members: Any) -> Report:
        """A run from its beginning to where somebody is needed."""
        return self.report(self.begin(**members))


def trusting(server: RunningServer, folder: Path, **members: Any) -> dict[str, Any]:
    """A wallet.json that trusts this server in everything, and knows how Ada logs in there."""
    (folder / "anchors.pem").write_bytes(server.demo_authority())
    return {
        "trust": {"allowed": [server.issuer], "anchors_file": "anchors.pem"},
        "tls_authorities_file": str(server.authority),
        "logins": {server.issuer: {"username": "ada", "password": "ada"}},
        **members,
    }


@contextmanager
def running_wallet(folder: Path, config: Mapping[str, Any], *options: str, port: int | None = None) -> Iterator[RunningWallet]:
    """Start the wallet, wait until it answers, stop it with SIGTERM; it must then end by itself, with code 0."""
    (folder / "tls").mkdir(exist_ok=True)
    authority, certificate, key = make_certificates(folder / "tls")
    port, log = port or free_port(), folder / "wallet.log"
    (folder / "wallet.json").write_text(json.dumps(config))
    url = f"https://localhost:{port}"
    command = [sys.executable, "-m", "examples.wallet_server", "--url", url, "--port", str(port)]
    command += ["--tls-cert", str(certificate), "--tls-key", str(key), "--config", str(folder / "wallet.json"), *options]
    with (
        log.open("ab") as output,
        subprocess.Popen(command, cwd=ROOT, stderr=output, stdin=subprocess.DEVNULL) as process,
        ending(process),
    ):
        wallet = RunningWallet(url, authority, log, process)
        with wallet._clients:
            with wallet.client() as client:
                wait_until_it_serves(process, log, lambda: client.get("/client_metadata").raise_for_status())
            yield wallet
    assert process.returncode == 0, log.read_text()
