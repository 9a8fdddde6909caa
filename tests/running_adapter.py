"""An adapter as a process of its own, on a free port of the loopback interface, and bytes as they go over the wire to it."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import loads
from pathlib import Path
from typing import Any

import httpx
from attrs import evolve, field, frozen

from oid4vci.http import Request, Response, url_origin
from tests.network import over
from tests.running_program import DEADLINE, ROOT, ending, wait_until_it_serves

FRAMEWORKS = ("flask", "django", "starlette", "fastapi", "aiohttp")


@frozen
class Answer:
    """What came back over a socket."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header field."""
        return [value for key, value in self.headers if key.lower() == name]

    def json(self) -> Any:
        """The body as JSON."""
        return loads(self.body)


@frozen
class RunningAdapter:
    """A server that answers; `log` is what it writes."""

    framework: str
    port: int
    log: Path
    client: httpx.Client = field(repr=False)

    def connection(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def exchange(self, *sent: bytes, method: str = "GET") -> Answer:
        """Send bytes and take one answer, whether or not they were a whole request."""
        with self.connection() as connection:
            for each in sent:
                connection.sendall(each)
            return taken(connection, method=method)

    def request(self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None) -> Answer:
        """Send a request as it stands here; with a body, its length is said."""
        fields = [("Host", "attacker.example"), ("Connection", "close"), *headers]
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""]
        return self.exchange("\r\n".join(lines).encode("latin-1") + (body or b""), method=method)

    def send(self, request: Request) -> Response:
        """What a wallet sends, through a proxy that speaks TLS to it and plain HTTP to the server."""
        origin = url_origin(request.url)
        assert origin is not None
        url = f"http://127.0.0.1:{self.port}{request.url.removeprefix(origin)}"
        forwarded = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "issuer.example")]
        return over(self.client)(evolve(request, url=url, headers=[*request.headers.pairs, *forwarded]))


def taken(connection: socket.socket, *, method: str = "GET") -> Answer:
    """The next answer on a connection."""
    with http.client.HTTPResponse(connection, method=method) as response:
        response.begin()
        return Answer(response.status, response.getheaders(), response.read())


@contextmanager
def running_adapter(
    command: Sequence[str], framework: str, port: int, folder: Path, **settings: Any
) -> Iterator[RunningAdapter]:
    """Start `python -m` with these arguments, wait until somebody listens, and stop it with SIGTERM."""
    log = folder / f"{framework}.log"
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        ) as process,
        ending(process),
        httpx.Client(trust_env=False, timeout=DEADLINE, **settings) as client,
    ):
        adapter = RunningAdapter(framework, port, log, client)
        wait_until_it_serves(process, log, lambda: adapter.connection().close())
        yield adapter
