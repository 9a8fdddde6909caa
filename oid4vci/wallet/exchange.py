"""One request to send and what its answer becomes, and the rules that every answer obeys.

Nothing here knows what a request is about: endpoints and documents belong to the states.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar, Union
from urllib.parse import urlencode

from attrs import field, frozen

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.errors import InvalidCredential, InvalidMetadata, InvalidOffer, InvalidResponse, Refused, TryLater
from oid4vci.http import MAX_BODY, Request, Response

__all__ = ("Exchange",)

T_co = TypeVar("T_co", covariant=True)
JSON = "application/json"

# Codes are NQSCHAR (RFC 6749 5.2), and no code that anybody defined is long.
_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}")
_NOT_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_CHALLENGE_PARAMETER = re.compile(r'\b(error|error_description)\s*=\s*"([^"\\]*)"')


@frozen(eq=False)
class Exchange(Generic[T_co]):
    """Send `request`, give the answer to `receive`: that is a `T`, or one more exchange.

    Whoever sends must not follow redirects, must check the server's certificate (every URL is `https`), must stop reading a
    body after one MiB, and should have a time limit. Redirects and longer bodies that come in are refused.

    An exchange is used and dropped, the states between exchanges are what can be stored (`dump`). `receive` changes nothing:
    after `TryLater` the same exchange can be sent again.
    """

    request: Request
    _read: Callable[[Response], "Union[T_co, Exchange[T_co]]"] = field(repr=False)
    _malformed: type[InvalidOffer] | type[InvalidMetadata] | type[InvalidResponse] | type[InvalidCredential] = field(
        default=InvalidResponse, repr=False
    )

    def receive(self, response: Response) -> "Union[T_co, Exchange[T_co]]":
        """What the answer leads to.

        Raises a `WalletError`: `TryLater` for 429 and 5xx, `Refused` for an error that the server reported, else what is wrong
        with the answer.
        """
        if response.status == 429 or response.status >= 500:
            raise TryLater(f"the server answered with status {response.status}", retry_after=_retry_after(response))
        try:
            if len(response.body) > MAX_BODY:
                raise Malformed("the answer is too large")
            # A redirect would lead where no trust decision has allowed to go.
            if 300 <= response.status < 400:
                raise Malformed("the server answered with a redirect, which is not followed")
            return self._read(response)
        except Malformed as error:
            raise self._malformed(str(error)) from None


def _retry_after(response: Response) -> int | None:
    """Seconds; the other form of RFC 9110 10.2.3, a date, would need a clock."""
    value = next(iter(response.headers.all("retry-after")), "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else None


def get(url: str, *, locales: tuple[str, ...] = (), accept: str = JSON) -> Request:
    """A GET, with the languages in the order of preference (RFC 9110 12.5.4)."""
    headers = {"accept": accept}
    if locales:
        headers["accept-language"] = ", ".join(
            locale if i == 0 else f"{locale};q={max(10 - i, 1) / 10}" for i, locale in enumerate(locales)
        )
    return Request("GET", url, headers)


def post(url: str, body: bytes = b"", *, content_type: str | None = None, access_token: str | None = None) -> Request:
    """A POST. The Access Token goes into the `Authorization` header, never elsewhere (RFC 6750 2.1)."""
    headers = {"accept": JSON, "content-length": str(len(body))}
    if content_type is not None:
        headers["content-type"] = content_type
    if access_token is not None:
        headers["authorization"] = f"Bearer {access_token}"
    return Request("POST", url, headers, body)


def post_form(url: str, parameters: Mapping[str, str]) -> Request:
    """A POST with form parameters (RFC 6749 4.1.3)."""
    return post(url, urlencode(parameters).encode(), content_type="application/x-www-form-urlencoded")


def post_json(url: str, members: Mapping[str, Any], *, access_token: str) -> Request:
    """A POST to a protected endpoint."""
    return post(url, _json.dump_bytes(members), content_type=JSON, access_token=access_token)


def json_object(response: Response, *, statuses: range = range(200, 201)) -> dict[str, Any]:
    """The JSON object that a successful answer holds. Raises `Malformed` for another status, media type or body."""
    if response.status not in statuses:
        raise Malformed(f"the server answered with status {response.status}")
    if response.media_type != JSON:
        raise Malformed("the media type must be application/json")
    return _json.object_from(response.body)


def server_error(response: Response) -> Refused | None:
    """The error that a server reported with status 4xx (RFC 6749 5.2, RFC 6750 3, OID4VCI 8.3.1.2); None for other statuses.

    An answer that breaks these rules still is a refusal: what cannot be read becomes the code `unknown_error`.
    """
    if not 400 <= response.status < 500:
        return None
    members: Mapping[str, Any] = {}
    with suppress(Malformed):
        members = _json.object_from(response.body)
    challenges = response.headers.all("www-authenticate")
    challenge = {name: text for value in challenges for name, text in _CHALLENGE_PARAMETER.findall(value)}
    # "The usage of these parameters takes precedence" -- OID4VCI 8.3.1.2: the body first, where it has a code.
    source = members if isinstance(members.get("error"), str) else challenge
    code, description = source.get("error"), source.get("error_description")
    return Refused(
        code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else "unknown_error",
        _NOT_DESCRIPTION.sub("?", description[:1000]) if isinstance(description, str) and description else None,
        status=response.status,
    )
