"""Somebody between a client and its server who cuts the connection at a chosen moment."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ("Severing",)


class Severing:
    """Listens at `port` of the loopback interface, and passes everything on to the server that `connect` connects to.

    After `sever` the next request that has these bytes in it is the last of its connection: with `delivered` the server gets it,
    and only its answer is lost.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self.connect = connect
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: How often it was done.
        self.severed = 0
        self._trigger: tuple[bytes, bool] | None = None
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def sever(self, trigger: bytes, *, delivered: bool) -> None:
        """Cut one connection, at the next request with these bytes."""
        self._trigger = (trigger, delivered)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            try:
                server = self.connect()
            except OSError:
                client.close()
                continue
            self._sockets.append(server)
            lost = threading.Event()
            for work in (
                lambda c=client, s=server, e=lost: self._up(c, s, e),
                lambda c=client, s=server, e=lost: self._down(c, s, e),
            ):
                self._threads.append(threading.Thread(target=work))
                self._threads[-1].start()

    def _up(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        """From the client to the server."""
        with suppress(OSError):
            while data := client.recv(1 << 16):
                trigger, delivered = self._trigger or (None, False)
                if trigger is not None and trigger in data:
                    self._trigger, self.severed = None, self.severed + 1
                    if not delivered:
                        break
                    lost.set()
                server.sendall(data)
        if not lost.is_set():
            _end(client, server)

    def _down(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        """From the server to the client: once a request was the last one, its answer goes no further."""
        with suppress(OSError):
            while (data := server.recv(1 << 16)) and not lost.is_set():
                client.sendall(data)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
