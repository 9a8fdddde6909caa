"""A scripted issuer over HTTPS on a free port of the loopback interface, in a thread of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from attrs import frozen

from oid4vci.http import Request
from oid4vci.testing import ScriptedIssuer, WalletProfile
from tests.running_program import DEADLINE, free_port
from tests.running_server import make_certificates

__all__ = ("ServedIssuer", "served_issuer")


@frozen
class ServedIssuer:
    """The issuer that answers, and the PEM file of its TLS authority."""

    issuer: ScriptedIssuer
    authority: Path


def asgi(issuer: ScriptedIssuer) -> Any:
    """The ASGI application of a scripted issuer."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        url = issuer.origin + scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        answer = issuer.answer(Request(scope["method"], url, headers, body))
        sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.pairs]
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": answer.body})

    return application


@contextmanager
def served_issuer(folder: Path, wallet: WalletProfile) -> Iterator[ServedIssuer]:
    """Serve it until the block is left."""
    authority, certificate, key = make_certificates(folder)
    port = free_port()
    issuer = ScriptedIssuer(f"https://localhost:{port}", lambda: int(time.time()), wallet)
    config = uvicorn.Config(
        asgi(issuer), host="127.0.0.1", port=port, ssl_certfile=certificate, ssl_keyfile=key, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + DEADLINE
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield ServedIssuer(issuer, authority)
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
