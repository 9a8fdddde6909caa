"""Ways to make the answers of a good issuer wrong, or special, in one thing.

Rule: only answers that say that all went well are altered; what the Wallet is told of its own mistakes stays as it is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.http import MAX_CREDENTIALS, Headers, Request, Response
from oid4vci.secret import new_secret
from oid4vci.testing.stage import Alteration, Stage

__all__ = (
    "FOLLOWED",
    "altered",
    "and_also",
    "first",
    "huge",
    "instead",
    "more",
    "new_nonce",
    "redirected",
    "refused",
    "returned",
    "unknown_members",
    "with_members",
    "with_text",
)

UNKNOWN: Final[Mapping[str, Any]] = {
    "x_unknown": {"x": [1, None, {"y": True}]},
    "unknown": "\N{SNOWMAN}",
    "https://example.com/extension": [],
}
"""Members that nobody has defined."""

FOLLOWED: Final = "followed=1"
"""The query of a URL to which only a redirect leads."""


def _value(given: Any, stage: Stage) -> Any:
    return given(stage) if callable(given) else given


def _object(response: Response) -> dict[str, Any]:
    return _json.object_from(response.body, max_bytes=MAX_CREDENTIALS)


def _with_body(response: Response, value: Any) -> Response:
    return Response(response.status, response.headers, _json.dump_bytes(value))


def altered(change: Callable[[Stage, Request, Response], Response]) -> Alteration:
    """`change`, for answers that say that all went well."""

    def alteration(stage: Stage, request: Request, response: Response) -> Response:
        try:
            return change(stage, request, response) if response.status < 400 else response
        except Malformed:
            # It is not JSON: encrypted, or of another kind.
            return response

    return alteration


def with_members(**changes: Any) -> Alteration:
    """Other members in the JSON object; one that is None is left out. A function gives the value for a stage."""

    def change(stage: Stage, request: Request, response: Response) -> Response:
        members = {**_object(response), **{name: _value(given, stage) for name, given in changes.items()}}
        return _with_body(response, {name: value for name, value in members.items() if value is not None})

    return altered(change)


def more(change: Callable[[Stage, dict[str, Any]], dict[str, Any]]) -> Alteration:
    """Whatever `change` makes of the JSON object."""
    return altered(lambda stage, request, response: _with_body(response, change(stage, _object(response))))


def unknown_members(*within: str, of_each: str = "") -> Alteration:
    """Members that nobody has defined: at the top, in objects of such a name or in arrays of it, and in each member `of_each`."""

    def spread(value: Any) -> Any:
        if isinstance(value, list):
            return [spread(each) for each in value]
        return {**value, **UNKNOWN} if isinstance(value, dict) else value

    def change(stage: Stage, members: dict[str, Any]) -> dict[str, Any]:
        inner = {name: spread(members[name]) for name in within if name in members}
        if of_each in members:
            inner[of_each] = {name: spread(value) for name, value in members[of_each].items()}
        return {**members, **inner, **UNKNOWN}

    return more(change)


def with_text(change: Callable[[Stage, str], str]) -> Alteration:
    """Another body, which need not be JSON."""

    def alteration(stage: Stage, request: Request, response: Response) -> Response:
        return Response(response.status, response.headers, change(stage, response.body.decode()).encode())

    return altered(alteration)


def instead(response: Response) -> Alteration:
    """Another answer altogether."""
    return altered(lambda stage, request, unaltered: response)


def refused(error: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> Alteration:
    """An error."""
    return instead(Response.of_json(status, {"error": error}, headers))


def first(count: int, alteration: Alteration) -> Alteration:
    """`alteration`, for the first `count` answers of its endpoint that say that all went well."""

    def change(stage: Stage, request: Request, response: Response) -> Response:
        endpoint = request.path
        done = sum(each.altered and each.request.path == endpoint for each in stage.exchanges)
        return alteration(stage, request, response) if done < count else response

    return altered(change)


def and_also(*alterations: Alteration) -> Alteration:
    """Several, one after the other."""

    def alteration(stage: Stage, request: Request, response: Response) -> Response:
        for each in alterations:
            response = each(stage, request, response)
        return response

    return alteration


def redirected(status: int = 307) -> Alteration:
    """A redirect to the same endpoint with a query that says so, where the good answer is."""

    def change(stage: Stage, request: Request, response: Response) -> Response:
        return response if request.query else Response(status, {"location": f"{stage.origin}{request.path}?{FOLLOWED}"})

    return altered(change)


def huge(size: int = 2 * MAX_CREDENTIALS) -> Alteration:
    """The same JSON object, with very many spaces before it ends."""

    def change(stage: Stage, request: Request, response: Response) -> Response:
        return Response(response.status, response.headers, response.body[:-1] + b" " * size + response.body[-1:])

    return altered(change)


def new_nonce(stage: Stage, request: Request, response: Response) -> Response:
    """Another nonce for DPoP with every answer, also those that say no."""
    nonce = stage.good.dpop_nonces.new(now=stage.clock(), new_secret=new_secret)
    kept = tuple((name, value) for name, value in response.headers.pairs if name != "dpop-nonce")
    return Response(response.status, Headers((*kept, ("dpop-nonce", nonce))), response.body)


def returned(**changes: Any) -> Alteration:
    """Other parameters in the Authorization Response; one that is None is left out. A function gives the value for a stage."""

    def change(stage: Stage, request: Request, response: Response) -> Response:
        location = response.headers.get("location") or ""
        url, _, query = location.partition("?")
        parameters = {**dict(parse_qsl(query)), **{name: _value(given, stage) for name, given in changes.items()}}
        kept = {name: value for name, value in parameters.items() if value is not None}
        return Response(response.status, {"location": f"{url}?{urlencode(kept)}", "cache-control": "no-store"})

    return altered(change)
