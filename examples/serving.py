"""One process that serves an ASGI application: its limits, and how it ends."""

import asyncio
import logging
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ("GRACE", "PARTING", "SIGNALS", "exit_on_signals", "listen", "serve", "tls_context")

log = logging.getLogger("serving")
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
BACKLOG: Final = 2048
MAX_CONNECTIONS: Final = 500
# Seconds from one answer, or from the beginning of the connection, until the next request is there; as long has a client to begin
# with TLS, and to take what waits for it.
REQUEST_TIMEOUT: Final = 20
# Seconds for clients to take their next request elsewhere, then for what is under way to be answered.
PARTING: Final = 1
GRACE: Final = 10


class Connection(H11Protocol):
    """A connection that must be used: whoever sends nothing, or one byte now and then, does not keep others out.

    Nor does whoever asks and does not read.
    """

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time begins."""
        super().connection_made(transport)
        self._watch()

    def handle_events(self) -> None:
        """The time ends with a request, and begins again with its answer."""
        super().handle_events()
        self._watch()

    def shutdown(self) -> None:
        """Close it, or let the request that is there be the last. Who does not say goodbye to TLS is not waited for."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(PARTING, self.transport.abort)

    def pause_writing(self) -> None:
        """More waits for the client than is kept for it."""
        super().pause_writing()
        self._unread = self.loop.call_later(REQUEST_TIMEOUT, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        self._end_unread()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left."""
        self._cancel()
        self._end_unread()
        super().connection_lost(exc)

    def _end_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._cancel()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_TIMEOUT, self.transport.abort)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """uvicorn's server, which says when it has started, and parts from its clients before it ends.

    `lifeline` is a pipe whose other end is open as long as the process that started this one lives. `parting` is called when the
    end begins, `ending` is how many seconds the application has then, after the last answer.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        started: Callable[[], None],
        lifeline: int | None,
        parting: Callable[[], None],
        ending: int,
    ) -> None:
        super().__init__(config)
        self._on_start, self._lifeline, self._parting, self._ending = started, lifeline, parting, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, by ourselves: uvicorn lets a client take a minute to begin with TLS."""
        await super().startup(sockets=[])
        loop, tls = asyncio.get_running_loop(), self.config.ssl
        patience = None if tls is None else REQUEST_TIMEOUT
        for each in sockets or ():
            server = await loop.create_server(
                self._connection,
                sock=each,
                ssl=tls,
                backlog=BACKLOG,
                ssl_handshake_timeout=patience,
                ssl_shutdown_timeout=patience,
            )
            self.servers.append(server)
        if self._lifeline is not None:
            loop.add_reader(self._lifeline, self._abandoned)
        if self.started:
            self._on_start()

    def _connection(self) -> Connection:
        return Connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    def _abandoned(self) -> None:
        assert self._lifeline is not None
        asyncio.get_running_loop().remove_reader(self._lifeline)
        log.warning("the process that started this worker is gone")
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, answer what is there, close."""
        if hasattr(signal, "alarm"):
            # Whatever hangs then, a store for example, nothing is left of this process.
            signal.alarm(PARTING + GRACE + self._ending + 2)
        self._parting()
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        # A connection that is closed while its client sends the next request loses it. So clients are told first.
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        end = time.monotonic() + PARTING
        while self.server_state.connections and time.monotonic() < end and not self.force_exit:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets=sockets)


def listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE)
    sockets = []
    with ExitStack() as opened:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            # asyncio sends at once (TCP_NODELAY) only where the socket says that it is of TCP: else each answer waits 40 ms.
            listener = opened.enter_context(socket.socket(family, kind, protocol))
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
            sockets.append(listener)
        opened.pop_all()
    return sockets


def _exit(signal_number: int, frame: Any) -> None:
    raise SystemExit(0)


def exit_on_signals() -> None:
    """SIGTERM and SIGINT end this process with exit code 0."""
    for each in SIGNALS:
        signal.signal(each, _exit)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later, with the certificate and key in two PEM files. Raises `OSError`.

    A session that one process began can be taken up by a fork of it: the keys of its ticket are in here.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def serve(
    application: ASGIApp,
    sockets: Sequence[socket.socket],
    tls: ssl.SSLContext | None,
    *,
    started: Callable[[], None] = lambda: None,
    lifeline: int | None = None,
    parting: Callable[[], None] = lambda: None,
    ending: int = 0,
) -> int:
    """Serve until a signal ends this process, or until the lifeline ends; see `Server`. Gives the exit code."""
    config = uvicorn.Config(
        application,
        http=Connection,
        ws="none",
        # The paths in uvicorn's own log would hold the ids of offers, and its notion of the client those of proxies.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
    )
    config.load()
    config.ssl = tls
    server = Server(config, started, lifeline, parting, ending)
    # It shuts down in order when a signal comes, then raises the signal again for whoever was there before it.
    server.run(sockets=list(sockets))
    return 0 if server.started else 1
