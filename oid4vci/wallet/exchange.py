"""One request to sign and send, what its answer becomes, and the rules that every answer obeys.

Nothing here knows what a request is about: endpoints and documents belong to the states.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar, Union
from urllib.parse import urlencode

from attrs import evolve, field, frozen

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.errors import Advice, InvalidResponse, Refused, TryLater, WalletError
from oid4vci.http import MAX_BODY, Request, Response
from oid4vci.keys import SigningInput
from oid4vci.unsigned_jwt import UnsignedJwt, signed, to_sign
from oid4vci.wallet.www_authenticate import error_parameters, read_challenges

__all__ = ("Exchange", "UnsignedRequest")

T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V")
JSON = "application/json"

# Codes are NQSCHAR (RFC 6749 5.2), and no code that anybody defined is long.
_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}")
_NOT_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


@frozen(eq=False)
class UnsignedRequest:
    """A request that has JWTs of the Wallet: `finish` makes it of them, once they are signed."""

    jwts: tuple[UnsignedJwt, ...]
    finish: Callable[[Sequence[str]], Request] = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What the keys outside this process must sign."""
        return to_sign(self.jwts)

    def signed(self, signatures: Sequence[bytes]) -> Request:
        """The request. Raises `ValueError` for a wrong number or size of signatures."""
        return self.finish(signed(self.jwts, signatures))


def _signed_here(request: Request | UnsignedRequest) -> Request | UnsignedRequest:
    return request.signed(()) if isinstance(request, UnsignedRequest) and not request.to_sign else request


@frozen(eq=False)
class Exchange(Generic[T_co]):
    """Send `request`, give the answer to `receive`: that is a `T`, or one more exchange.

    Where keys outside this process must sign first (a DPoP proof, a client authentication), `to_sign` says what, and only the
    exchange that `signed` gives has a request. A proof is for one request, and is made for the `now` that was given: sign soon.

    Whoever sends must not follow redirects, must check the server's certificate (every URL is `https`), must stop reading a
    body after 8 MiB, and should have a time limit. Redirects and longer bodies that come in are refused; of answers that have no
    Credentials, those of more than one MiB.

    An exchange is used and dropped, the states between exchanges are what can be stored (`dump`). `receive` changes nothing:
    after `TryLater` the same exchange can be sent again if nothing in it is signed (`TryLater.exchange` is one that must be, since
    the step cannot be taken again), else the step is taken again.
    """

    _request: Request | UnsignedRequest = field(converter=_signed_here)
    _read: Callable[[Response], "Union[T_co, Exchange[T_co]]"] = field(repr=False)
    # What is raised for an answer that is `Malformed`; called with what is wrong.
    _malformed: Callable[[str], WalletError] = field(default=InvalidResponse, repr=False)
    # How to go on if there is no usable answer; None: that is raised.
    _otherwise: "Callable[[TryLater | Malformed], Union[T_co, Exchange[T_co]]] | None" = field(default=None, repr=False)
    # How long a successful answer may be; others have the bound of every document.
    _max_body: int = field(default=MAX_BODY, repr=False)

    @property
    def request(self) -> Request:
        """What to send. Raises `ValueError` as long as there is something `to_sign`."""
        if isinstance(self._request, UnsignedRequest):
            raise ValueError("the request must be signed first: see to_sign")  # noqa: TRY004  # types are right
        return self._request

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What keys outside this process must sign before there is a request; mostly nothing."""
        return self._request.to_sign if isinstance(self._request, UnsignedRequest) else ()

    def signed(self, signatures: Sequence[bytes]) -> "Exchange[T_co]":
        """The exchange with its request. `signatures` are raw JWS signatures, one for each element of `to_sign` in its order.

        Raises `ValueError` for a wrong number or size of signatures.
        """
        if isinstance(self._request, UnsignedRequest):
            return evolve(self, request=self._request.signed(signatures))
        if signatures:
            raise ValueError("there is nothing to sign")
        return self

    def receive(self, response: Response) -> "Union[T_co, Exchange[T_co]]":
        """What the answer leads to.

        Raises a `WalletError`: `TryLater` for 429 and 5xx, `Refused` for an error that the server reported, else what is wrong
        with the answer.
        """
        try:
            try:
                _check_answer(response, self._max_body)
            except (TryLater, Malformed) as error:
                if self._otherwise is None:
                    raise
                return self._otherwise(error)
            return self._read(response)
        except Malformed as error:
            raise self._malformed(str(error)) from None


def _check_answer(response: Response, max_body: int) -> None:
    if response.status == 429 or response.status >= 500:
        raise TryLater(f"the server answered with status {response.status}", retry_after=_retry_after(response))
    if len(response.body) > (max_body if 200 <= response.status < 300 else MAX_BODY):
        raise Malformed("the answer is too large")
    # A redirect would lead where no trust decision has allowed to go.
    if 300 <= response.status < 400:
        raise Malformed("the server answered with a redirect, which is not followed")


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


def post(url: str, body: bytes = b"", *, content_type: str | None = None, headers: Mapping[str, str] | None = None) -> Request:
    """A POST."""
    fields = {"accept": JSON, "content-length": str(len(body)), **(headers or {})}
    if content_type is not None:
        fields["content-type"] = content_type
    return Request("POST", url, fields, body)


def post_form(url: str, parameters: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Request:
    """A POST with form parameters (RFC 6749 4.1.3)."""
    return post(url, urlencode(parameters).encode(), content_type="application/x-www-form-urlencoded", headers=headers)


def post_json(url: str, members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Request:
    """A POST with a JSON object."""
    return post(url, _json.dump_bytes(members), content_type=JSON, headers=headers)


def extended(members: Mapping[str, V], extra: Mapping[str, V] | None, *, known: frozenset[str]) -> dict[str, V]:
    """`members` and `extra` ones of the application. Raises `ValueError` if one of those is a `known` one: no way around rules."""
    if extra and not known.isdisjoint(extra):
        raise ValueError(f"an extra one must be none of {', '.join(sorted(known))}")
    return {**members, **(extra or {})}


def json_object(response: Response, *, statuses: range = range(200, 201), max_bytes: int = MAX_BODY) -> dict[str, Any]:
    """The JSON object that a successful answer holds. Raises `Malformed` for another status, media type or body."""
    if response.status not in statuses:
        raise Malformed(f"the server answered with status {response.status}")
    if response.media_type != JSON:
        raise Malformed("the media type must be application/json")
    return _json.object_from(response.body, max_bytes=max_bytes)


def _body(response: Response) -> Mapping[str, Any]:
    with suppress(Malformed):
        return _json.object_from(response.body)
    return {}


def error_codes(response: Response) -> frozenset[str]:
    """Every error code of an answer with status 4xx: in its body (RFC 6749 5.2), and in `WWW-Authenticate` (RFC 9449 9)."""
    if not 400 <= response.status < 500:
        return frozenset()
    code = _body(response).get("error")
    challenges = read_challenges(response.headers.all("www-authenticate"))
    challenged = (parameters["error"] for _, parameters in challenges if "error" in parameters)
    return frozenset((*challenged, *((code,) if isinstance(code, str) else ())))


def server_error(response: Response, *, scheme: str | None = None) -> Refused | None:
    """The error that a server reported with status 4xx (RFC 6749 5.2, RFC 6750 3, OID4VCI 8.3.1.2); None for other statuses.

    Of several challenges, that of the `scheme` with which a token was sent says it. An answer that breaks these rules still is a
    refusal: what cannot be read becomes the code `unknown_error`.
    """
    if not 400 <= response.status < 500:
        return None
    members = _body(response)
    challenge = error_parameters(read_challenges(response.headers.all("www-authenticate")), scheme)
    # "The usage of these parameters takes precedence" -- OID4VCI 8.3.1.2: the body first, where it has a code.
    source = members if isinstance(members.get("error"), str) else challenge
    code, description = error_words(source)
    refused = Refused(code, description, status=response.status)
    if code == "use_fresh_attestation":
        refused.advice = Advice.ATTEST
    return refused


def error_words(members: Mapping[str, Any]) -> tuple[str, str | None]:
    """`error` and `error_description` in the characters of RFC 6749 4.1.2.1 and 5.2: what cannot be read is `unknown_error`."""
    code, description = members.get("error"), members.get("error_description")
    return (
        code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else "unknown_error",
        _NOT_DESCRIPTION.sub("?", description[:1000]) if isinstance(description, str) and description else None,
    )
