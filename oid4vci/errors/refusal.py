"""The refusal of a request: what every one of them has, and those that any endpoint can give."""

import re
from collections.abc import Sequence
from typing import ClassVar

from oid4vci.http import Request, Response
from oid4vci.records import Change, Reply

__all__ = (
    "HistoryNotSupported",
    "MethodNotAllowed",
    "NotFound",
    "ProtocolError",
    "Refusal",
    "TemporarilyUnavailable",
    "check_method",
)

# "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E" -- OID4VCI 8.3.1.2, RFC 6749 5.2
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


class ProtocolError(Exception):
    """What a peer did wrong, or a peer's refusal of what we did."""


class Refusal(ProtocolError):
    """A request is refused. `reply` is the answer to send, once its changes are committed.

    `description` goes to the peer's developers: it must be ASCII without `"` and backslash, or the constructor raises `ValueError`.
    """

    error: ClassVar[str]
    status: ClassVar[int] = 400
    section: ClassVar[str]

    def __init__(self, description: str = "", *, changes: Sequence[Change] = ()) -> None:
        if not _DESCRIPTION.fullmatch(description):
            raise ValueError("an error description is ASCII without quotation mark and backslash (RFC 6749 5.2)")
        super().__init__(description)
        self.description, self.changes = description, tuple(changes)

    def __str__(self) -> str:
        return f"{self.error}: {self.description}" if self.description else self.error

    @property
    def body(self) -> dict[str, str]:
        """The members of the JSON body."""
        return {"error": self.error, "error_description": self.description} if self.description else {"error": self.error}

    @property
    def headers(self) -> dict[str, str]:
        """Headers beside `Content-Type: application/json` and `Cache-Control: no-store`."""
        return {}

    @property
    def reply(self) -> Reply:
        """The response, and what must be committed before it is sent."""
        return Reply(Response.of_json(self.status, self.body, self.headers), self.changes)


class NotFound(Refusal):
    """No endpoint, or nothing any more, at this URL."""

    error, status, section = "not_found", 404, "RFC 9110 15.5.5"


class MethodNotAllowed(Refusal):
    """The endpoint takes another method."""

    error, status, section = "invalid_request", 405, "RFC 9110 15.5.6"

    def __init__(self, allow: str) -> None:
        super().__init__(f"the method must be {allow}")
        self.allow = allow

    @property
    def headers(self) -> dict[str, str]:
        return {"allow": self.allow}


class TemporarilyUnavailable(Refusal):
    """Something that is needed for the answer cannot be reached: nothing was done, the same request may succeed later."""

    error, status, section = "temporarily_unavailable", 503, "RFC 9110 15.6.4"

    @property
    def headers(self) -> dict[str, str]:
        return {"retry-after": "1"}


class HistoryNotSupported(Refusal):
    """A status of another time than now was asked for."""

    error, status, section = "not_implemented", 501, "Token Status List 8.4"


def check_method(request: Request, method: str) -> None:
    """Raises `MethodNotAllowed` unless the request has this method."""
    if request.method != method:
        raise MethodNotAllowed(method)
