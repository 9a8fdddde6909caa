"""An ASGI application as a function from `Request` to `Response`, in whatever event loop it needs.

Rule: nothing here belongs to an event loop. The caller gives one that runs a coroutine to its end.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator, MutableMapping
from types import coroutine
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlsplit

from attrs import define, field

from oid4vci.http import Request, Response
from oid4vci.testing.apps import AppFault, check_origin, checked, raised, target
from oid4vci.testing.report import CheckFailed

__all__ = ("AsgiApp", "AsgiApplication", "asgi")

AsgiApplication: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

_ASGI: Final = {"version": "3.0", "spec_version": "2.4"}


class _Pause:
    """Awaited, it hands control to whoever runs the lifespan, until there is more to tell the application."""

    def __await__(self) -> Generator[Any, None, None]:
        yield self


@coroutine
def _tick() -> Generator[Any, None, None]:
    """Give way once."""
    yield


@define
class _Exchange:
    """One request: what the application may receive, and what it has sent."""

    request: Request
    asked: bool = False
    status: int | None = None
    headers: list[tuple[str, str]] = field(factory=list)
    parts: list[bytes] = field(factory=list)
    done: bool = False
    fault: AppFault | None = None

    async def receive(self) -> dict[str, Any]:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": self.request.body, "more_body": False}
        # The client stays until it has its answer.
        while not self.done and self.fault is None:
            await _tick()
        return {"type": "http.disconnect"}

    async def send(self, event: Any) -> None:
        try:
            self._take(event)
        except AppFault as fault:
            # An application that catches everything must not hide it.
            self.fault = fault
            raise

    def _take(self, event: Any) -> None:
        kind = event.get("type") if isinstance(event, MutableMapping) else None
        if kind == "http.response.start":
            self._start(event)
        elif kind == "http.response.body":
            self._body(event)
        else:
            raise AppFault("ASGI: an event was sent that is not of an HTTP response")

    def _start(self, event: Any) -> None:
        status = event.get("status")
        if self.status is not None:
            raise AppFault("ASGI: http.response.start was sent twice")
        if type(status) is not int and not (isinstance(status, int) and not isinstance(status, bool)):
            raise AppFault("ASGI: the status must be an integer")
        for each in event.get("headers", ()):
            if not isinstance(each, tuple | list) or len(each) != 2 or not all(isinstance(part, bytes) for part in each):
                raise AppFault("ASGI: a header must be two byte strings")
            name, value = each
            if name != name.lower() or any(byte < 32 or byte == 127 for byte in value):
                raise AppFault("ASGI: a header has a name that is not in lower case, or a value that cannot be sent")
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))
        self.status = int(status)

    def _body(self, event: Any) -> None:
        body, more = event.get("body", b""), event.get("more_body", False)
        if self.status is None or self.done:
            raise AppFault("ASGI: http.response.body was sent before the start or after the end of the response")
        if not isinstance(body, bytes):
            raise AppFault(f"ASGI: the body must be bytes, not {type(body).__name__}")
        if not isinstance(more, bool):
            raise AppFault("ASGI: more_body must be true or false")
        self.parts.append(body)
        self.done = not more


@define
class AsgiApp:
    """What `asgi` gives: call it with a `Request`. As a context manager, or by `close`, it ends the lifespan."""

    app: AsgiApplication
    run: Run
    origin: str
    _lifespan: Coroutine[Any, Any, None] | None = None
    _state: dict[str, Any] = field(factory=dict)
    _told: list[str] = field(factory=list)
    _said: list[Any] = field(factory=list)

    def __call__(self, request: Request) -> Response:
        response: Response = self.run(self._respond(request))
        return response

    async def _respond(self, request: Request) -> Response:
        path, raw, query = target(request, self.origin)
        at = urlsplit(self.origin)
        headers = [(b"host", at.netloc.encode()), (b"content-length", str(len(request.body)).encode())]
        headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.pairs]
        scope = {
            "type": "http",
            "asgi": dict(_ASGI),
            "http_version": "1.1",
            "method": request.method,
            "scheme": at.scheme,
            "path": path.decode("utf-8", "replace"),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 4711),
            "server": (at.hostname, at.port or (443 if at.scheme == "https" else 80)),
            "state": dict(self._state),
        }
        exchange = _Exchange(request)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except CheckFailed:
            raise
        except Exception as error:
            raise (exchange.fault or raised(error)) from error
        if exchange.fault is not None:
            raise exchange.fault
        if exchange.status is None or not exchange.done:
            raise AppFault("ASGI: the application returned before its response was complete")
        return checked(exchange.status, exchange.headers, b"".join(exchange.parts), request.method, "ASGI")

    # --- lifespan ------------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Tell the application that it starts. Raises `AppFault` if it cannot; one that knows of no lifespan is let be."""
        self._lifespan = self._live()
        self.run(self._go_on("startup"))
        return self

    def close(self) -> None:
        """Tell the application that it ends, if it was told that it starts. Raises `AppFault` if that fails."""
        if self._lifespan is not None:
            self.run(self._go_on("shutdown"))
            if self._lifespan is not None:
                self._lifespan.close()
                self._lifespan = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _live(self) -> None:
        async def receive() -> dict[str, Any]:
            while not self._told:
                await _Pause()
            return {"type": f"lifespan.{self._told.pop()}"}

        async def send(event: Any) -> None:
            self._said.append(event)

        await self.app({"type": "lifespan", "asgi": dict(_ASGI), "state": self._state}, receive, send)

    async def _go_on(self, what: str) -> None:
        self._told.append(what)
        before = len(self._said)
        try:
            await self._until_it_waits()
        except Exception as error:
            self._lifespan = None
            # "If an exception is raised when calling the application callable with a lifespan.startup message ... the server must
            # continue but not send any lifespan events."
            if what == "startup" and len(self._said) == before:
                return
            raise raised(error) from error
        said = [event.get("type") if isinstance(event, MutableMapping) else None for event in self._said[before:]]
        if said != [f"lifespan.{what}.complete"] and (what == "shutdown" or self._lifespan is not None or said):
            raise AppFault(f"ASGI: the application did not complete its {what}")

    @coroutine
    def _until_it_waits(self) -> Generator[Any, Any, None]:
        """Run the lifespan to where it waits for what comes next, or to its end; it then needs no task of its own."""
        running, value = self._lifespan, None
        assert running is not None
        while True:
            try:
                yielded = running.send(value)
            except StopIteration:
                self._lifespan = None
                return
            if isinstance(yielded, _Pause):
                return
            value = yield yielded


def asgi(app: AsgiApplication, *, run: Run, origin: str, lifespan: bool = False) -> AsgiApp:
    """An ASGI 3 application that is asked as if it were served at `origin`, such as `https://issuer.example`.

    `run` runs a coroutine to its end, always in the same event loop: `asyncio.Runner().run`. With `lifespan` the application is
    told that it starts, now, and that it ends, by `close`; these are two tasks, so nothing that belongs to a task, such as a task
    group of anyio, can be held open in between. What is returned raises `AppFault`, which fails the check that sent the request,
    where the application breaks the rules or raises; and `CheckSkipped` for another origin. Raises `ValueError` for an `origin`
    with a path.
    """
    check_origin(origin)
    made = AsgiApp(app, run, origin)
    return made.start() if lifespan else made
