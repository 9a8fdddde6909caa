"""The reference server as a process of its own, over TLS on a free port of the loopback interface."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.private_keys import in_pem
from tests.running_program import DEADLINE, ROOT, ending, free_port, wait_until, wait_until_it_serves

__all__ = ("RunningServer", "make_certificates", "running_server")


@frozen
class RunningServer:
    """A server that answers. `authority` is the PEM file of its TLS authority, `log` what it writes."""

    issuer: str
    authority: Path
    log: Path
    process: "subprocess.Popen[bytes]" = field(repr=False)
    _clients: ExitStack = field(factory=ExitStack, repr=False)

    def client(self) -> httpx.Client:
        """A client that trusts its TLS authority; it is closed with the server at the latest."""
        context = ssl.create_default_context(cafile=self.authority)
        client = httpx.Client(base_url=self.issuer, verify=context, trust_env=False, timeout=DEADLINE)
        self._clients.callback(client.close)
        return client

    def offer(
        self,
        *configuration_ids: str,
        grant: str = "pre-authorized_code",
        tx_code: bool = False,
        by_reference: bool = False,
    ) -> dict[str, Any]:
        """A new offer, made by the admin API."""
        body = {"credential_configuration_ids": configuration_ids, "tx_code": tx_code, "by_reference": by_reference}
        with self.client() as client:
            answer = client.post("/admin/offers", json={**body, "grant": grant})
            assert answer.status_code == 200, answer.text
            made: dict[str, Any] = answer.json()
            return made

    def log_lines(self) -> list[dict[str, Any]]:
        """What it has logged so far, each line whole."""
        lines = self.log.read_text()
        return [json.loads(line) for line in lines[: lines.rfind("\n") + 1].splitlines()]

    def workers(self) -> list[int]:
        """The processes that serve now."""
        pids: list[int] = []
        for line in self.log_lines():
            if "worker" in line:
                pids = [each for each in pids if each != line["worker"]]
            if line["message"] == "a worker was started":
                pids.append(line["worker"])
        return pids or [self.process.pid]

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """All other workers pause."""
        others = [each for each in self.workers() if each != worker]
        for each in others:
            os.kill(each, signal.SIGSTOP)
        try:
            yield
        finally:
            for each in others:
                os.kill(each, signal.SIGCONT)

    def demo_authority(self) -> bytes:
        """The anchor of the certificates that the server's credentials carry, in PEM."""
        with self.client() as client:
            return client.get("/demo-ca.pem").raise_for_status().content


def make_certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A TLS authority of its own, and a certificate for localhost with its key: three PEM files."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Test TLS authority", "localhost")]
    start = datetime.now(UTC) - timedelta(minutes=5)

    def certificate(i: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(names[i])
            .issuer_name(names[0])
            .public_key(keys[i].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=i == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[i].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(i == 1, False, False, False, False, i == 0, i == 0, False, False),
                critical=True,
            )
        )

    hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    authority = certificate(0).sign(keys[0], hashes.SHA256())
    leaf = (
        certificate(1)
        .add_extension(hosts, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(keys[0], hashes.SHA256())
    )
    paths = folder / "tls-authority.pem", folder / "tls.pem", folder / "tls.key"
    paths[0].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    paths[2].write_bytes(in_pem(keys[1]))
    return paths


@contextmanager
def running_server(
    folder: Path,
    *,
    config: Mapping[str, Any] | None = None,
    store: str = "memory",
    port: int | None = None,
    workers: int = 1,
    before: str = "",
    code: int = 0,
) -> Iterator[RunningServer]:
    """Start the server with `--admin`, wait until all its workers answer, stop it with SIGTERM; it must then end with this code.

    With the same `port` it is the same issuer again. `before` is Python that its process runs first.
    """
    authority, certificate, key = make_certificates(folder)
    port, log = port or free_port(), folder / "server.log"
    issuer = f"https://localhost:{port}"
    command = [sys.executable, "-m", "examples.reference_server"]
    if before:
        command[1:] = ["-c", f"{before}\nfrom examples.reference_server.__main__ import main\nraise SystemExit(main())"]
    command += ["--issuer", issuer, "--port", str(port), "--admin", "--workers", str(workers)]
    command += ["--tls-cert", str(certificate), "--tls-key", str(key), "--store", store]
    if config is not None:
        (folder / "server.json").write_text(json.dumps(config))
        command += ["--config", str(folder / "server.json")]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, stderr=output, stdin=subprocess.DEVNULL) as process,
        ending(process),
        # Before: a server waits for the connections that are still open.
        ExitStack() as clients,
    ):
        server = RunningServer(issuer, authority, log, process, clients)
        with server.client() as client:
            wait_until_it_serves(process, log, lambda: client.get("/.well-known/openid-credential-issuer").raise_for_status())
        if workers > 1:
            # One that ends before it has served is taken for one that cannot start.
            wait_until(lambda: len(server.workers()) == workers)
            for worker in server.workers():
                with server.only(worker), server.client() as client:
                    client.get("/keys").raise_for_status()
        yield server
    assert process.returncode == code, log.read_text()
