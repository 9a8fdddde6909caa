"""An application in each framework, with the endpoints and a route of its own, `/hello`, and the server that runs it.

The frameworks are imported when they are asked for: whoever wants one need not have the others.
"""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from examples.adapters.endpoints import Endpoints
from examples.adapters.issuer import ThreadedHost
from oid4vci.drive import Host

__all__ = ("SERVERS", "Listening")

HELLO: Final = "hello from the application"


@frozen
class Listening:
    """Where a server listens; with `tls`, the files of a certificate and its key, by TLS."""

    port: int
    tls: tuple[Path, Path] | None = None
    address: str = "127.0.0.1"

    @property
    def context(self) -> ssl.SSLContext | None:
        """For servers that want it so."""
        if self.tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.tls)
        return context


def serve_flask(endpoints: Endpoints, host: Host, listening: Listening) -> None:
    """Flask on Werkzeug's server."""
    import flask

    from examples.adapters.flask_adapter import serve

    app = flask.Flask("examples.adapters")
    serve(app, endpoints, host)
    app.add_url_rule("/hello", view_func=lambda: HELLO, endpoint="hello")
    _run_wsgi(app, listening)


def serve_django(endpoints: Endpoints, host: Host, listening: Listening) -> None:
    """Django on Werkzeug's server: that of `runserver` knows no chunked bodies and no TLS."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    from examples.adapters.django_adapter import urls

    settings.configure(
        SECRET_KEY="of the demonstration",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=(*urls(endpoints, host), path("hello", lambda request: HttpResponse(HELLO))),
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        LOGGING_CONFIG=None,
    )
    _run_wsgi(get_wsgi_application(), listening)


def _run_wsgi(application: Any, listening: Listening) -> None:
    from werkzeug.serving import run_simple

    tls = None if listening.tls is None else (str(listening.tls[0]), str(listening.tls[1]))
    run_simple(listening.address, listening.port, application, ssl_context=tls, threaded=True)


def serve_starlette(endpoints: Endpoints, host: Host, listening: Listening) -> None:
    """Starlette on uvicorn."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from examples.adapters.starlette_adapter import EndpointRoute

    async def hello(request: object) -> PlainTextResponse:
        return PlainTextResponse(HELLO)

    _run_asgi(Starlette(routes=[EndpointRoute(endpoints, ThreadedHost(host)), Route("/hello", hello)]), listening)


def serve_fastapi(endpoints: Endpoints, host: Host, listening: Listening) -> None:
    """FastAPI on uvicorn."""
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    from examples.adapters.starlette_adapter import EndpointRoute

    app = FastAPI()
    app.router.routes.append(EndpointRoute(endpoints, ThreadedHost(host)))

    @app.get("/hello", response_class=PlainTextResponse)
    async def hello() -> str:
        return HELLO

    _run_asgi(app, listening)


def _run_asgi(application: Any, listening: Listening) -> None:
    import uvicorn

    certificate, key = listening.tls or (None, None)
    uvicorn.run(
        application,
        host=listening.address,
        port=listening.port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        access_log=False,
        proxy_headers=False,
    )


def serve_aiohttp(endpoints: Endpoints, host: Host, listening: Listening) -> None:
    """aiohttp on its own server."""
    from aiohttp import web

    from examples.adapters.aiohttp_adapter import middleware

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=HELLO)

    app = web.Application(middlewares=[middleware(endpoints, ThreadedHost(host))])
    app.router.add_get("/hello", hello)
    web.run_app(
        app, host=listening.address, port=listening.port, ssl_context=listening.context, access_log=None, print=lambda *_: None
    )


SERVERS: Final[Mapping[str, Callable[[Endpoints, Host, Listening], None]]] = {
    "flask": serve_flask,
    "django": serve_django,
    "starlette": serve_starlette,
    "fastapi": serve_fastapi,
    "aiohttp": serve_aiohttp,
}
"""What serves until it is interrupted, by the name of the framework."""
