"""Django under WSGI: `urlpatterns = [*urls(endpoints, host), ...]`, and the endpoints are there beside the other views."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, get_script_prefix
from django.urls.resolvers import RoutePattern
from django.views.decorators.csrf import csrf_exempt

from examples.adapters import wsgi
from examples.adapters.endpoints import Endpoints
from oid4vci.drive import Host
from oid4vci.http import Request, Response

__all__ = ("answer", "received", "urls")


def received(request: HttpRequest) -> Request:
    """What was received, without the body."""
    # Django has decoded these two in the environment.
    paths = {"PATH_INFO": request.path_info, "SCRIPT_NAME": request.META.get("SCRIPT_NAME", "")}
    return wsgi.received({**request.META, **{name: path.encode().decode("latin-1") for name, path in paths.items()}})


class Answer(HttpResponse):  # type: ignore[misc]  # Django has no types
    """A response whose header fields are those given, and those that Django's middleware adds; some may be repeated."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.body, status=response.status)
        del self["content-type"]
        self.repeated: list[tuple[str, str]] = []
        for name, value in response.headers.pairs:
            if name in self:
                self.repeated.append((name, value))
            else:
                self[name] = value

    def items(self) -> Iterable[tuple[str, str]]:
        """What the WSGI handler sends."""
        return [*super().items(), *self.repeated]


def answer(response: Response) -> HttpResponse:
    """What to send."""
    return Answer(response)


class ServedPaths(RoutePattern):  # type: ignore[misc]
    """The paths of the endpoints and no others, so that what Django does with a path that it does not know stays as it is."""

    def __init__(self, endpoints: Endpoints) -> None:
        super().__init__("", is_endpoint=True)
        self.endpoints = endpoints

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        """Django gives the path without the prefix at which the project is mounted."""
        return ("", (), {}) if self.endpoints.serves(Request("GET", get_script_prefix() + path)) else None


def urls(endpoints: Endpoints, host: Host) -> list[URLPattern]:
    """The one URL pattern of the endpoints, for the root URLconf.

    No form of a browser leads there and no cookie is looked at, so there is nothing for Django's CSRF protection to protect.
    """

    @csrf_exempt  # type: ignore[untyped-decorator]
    def endpoint(request: HttpRequest) -> HttpResponse:
        sent = answer(endpoints.answer(received(request), wsgi.body(request.META), host))
        if request.method == "HEAD":
            # Not every WSGI server leaves the body out.
            sent["content-length"], sent.content = str(len(sent.content)), b""
        return sent

    return [URLPattern(ServedPaths(endpoints), endpoint)]
