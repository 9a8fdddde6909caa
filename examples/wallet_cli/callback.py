"""Where the browser comes back to: an HTTP server on a free port of the loopback interface, for one response (RFC 8252 7.3)."""

import time
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from oid4vci.errors import AuthorizationRefused, InvalidResponse, WalletError

__all__ = ("Callback",)

T = TypeVar("T")
PATH: Final = "/callback"
HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "connection": "close",
}
ACCEPTED: Final = "The wallet has its answer. Close this page and go back to the terminal."
REFUSED: Final = "The server did not give its consent. Close this page and go back to the terminal."
FAILED: Final = "The wallet could not go on with the answer. Close this page and go back to the terminal."
NOT_OURS: Final = "This is not the answer that the wallet is waiting for."


class Callback(Generic[T]):
    """Listens from the beginning of a `with` block to its end. `redirect_uri` is where the response is to go."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            # Browsers open connections that they may never use: those keep the one that counts waiting.
            timeout = 1

            def do_GET(self) -> None:  # the name that the base class calls
                status, text = outer._answer(self.path)
                body = f'<!doctype html><html lang="en"><title>Wallet</title><p>{escape(text)}</p></html>\n'.encode()
                self.send_response_only(status)
                for name, value in {**HEADERS, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: paths hold codes."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}{PATH}"
        self._take: Callable[[str], T] | None = None
        self._outcomes: list[T | WalletError | ValueError] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.server_close()

    def wait(self, take: Callable[[str], T], *, timeout: float) -> T:
        """What `take` gives for the URL that the browser opened.

        Anybody can open it: while `take` raises `InvalidResponse`, the wait goes on. Raises the other `WalletError`s and the
        `ValueError` of `take`, and `TimeoutError` after `timeout` seconds.
        """
        self._take, end = take, time.monotonic() + timeout
        while not self._outcomes:
            self._server.timeout = end - time.monotonic()
            if self._server.timeout <= 0:
                raise TimeoutError("nobody came back from the browser in time")
            self._server.handle_request()
        outcome = self._outcomes.pop()
        if isinstance(outcome, WalletError | ValueError):
            raise outcome
        return outcome

    def _answer(self, target: str) -> tuple[int, str]:
        if target.partition("?")[0] != PATH or self._take is None:
            return 404, NOT_OURS
        try:
            self._outcomes.append(self._take(f"{self.redirect_uri}{target.removeprefix(PATH)}"))
        except InvalidResponse:
            return 400, NOT_OURS
        except (WalletError, ValueError) as error:
            self._outcomes.append(error)
            return 200, REFUSED if isinstance(error, AuthorizationRefused) else FAILED
        return 200, ACCEPTED
