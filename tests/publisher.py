"""An https server of another party, which publishes documents: it can be down, and remembers what was fetched."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.running_server import make_certificates


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name that the base class calls
        publisher: Publisher = self.server.publisher  # type: ignore[attr-defined]
        publisher.fetched.append(self.path)
        status, body = (200, publisher.documents[self.path]) if self.path in publisher.documents else (404, b"")
        if self.path in publisher.moved:
            status = 302
        self.send_response(status)
        if status == 302:
            self.send_header("location", publisher.moved[self.path])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@define
class Publisher:
    """The documents by path, those that have `moved`, and the paths that were `fetched`. `authority` is the PEM file of its TLS
    authority."""

    authority: Path
    certificate: Path
    key: Path
    documents: dict[str, bytes] = field(factory=dict)
    moved: dict[str, str] = field(factory=dict)
    fetched: list[str] = field(factory=list)
    port: int = 0
    _running: tuple[HTTPServer, threading.Thread] | None = None

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def origin(self) -> str:
        return f"https://{self.host}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        server = HTTPServer(("127.0.0.1", self.port), _Handler)
        server.publisher = self  # type: ignore[attr-defined]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self._running = server, thread

    def stop(self) -> None:
        """Listen no longer."""
        if self._running is not None:
            server, thread = self._running
            server.shutdown()
            thread.join()
            server.server_close()
            self._running = None


@contextmanager
def publishing(folder: Path) -> Iterator[Publisher]:
    """A publisher that listens; its certificates are in a folder of their own."""
    folder.mkdir()
    publisher = Publisher(*make_certificates(folder))
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()
