"""What an answer must be, in words that name no secret."""

import re
from collections.abc import Collection
from typing import Any

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.http import Response, media_type
from oid4vci.testing.report import CheckFailed, CheckSkipped

__all__ = ("ERROR_MEMBERS", "demand", "got", "json_object", "need", "no_store", "refused", "status", "unauthorized")

ERROR_MEMBERS = frozenset(("error", "error_description", "error_uri"))
# "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E" -- OID4VCI 8.3.1.2, RFC 6749 5.2
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")


def demand(holds: object, message: str) -> None:
    """Raises `CheckFailed` unless it holds."""
    if not holds:
        raise CheckFailed(message)


def need(holds: object, message: str) -> None:
    """Raises `CheckSkipped` unless it holds."""
    if not holds:
        raise CheckSkipped(message)


def got(response: Response) -> str:
    """What came, as a word or two: the status, and the error code if there is one."""
    try:
        body = _json.loads(response.body)
    except Malformed:
        return f"got {response.status}"
    code = body.get("error") if isinstance(body, dict) else None
    return f"got {response.status} {code}" if isinstance(code, str) and _CODE.fullmatch(code) else f"got {response.status}"


def status(response: Response, *expected: int, what: str) -> None:
    """The status is one of these."""
    wanted = " or ".join(map(str, expected))
    demand(response.status in expected, f"{what}: expected {wanted}, {got(response)}")


def content_type(response: Response) -> str:
    """The media type of a response, which says it once."""
    values = response.headers.all("content-type")
    demand(len(values) == 1, f"expected one Content-Type, got {len(values)}")
    return media_type(values[0])


def json_object(response: Response, *, what: str) -> dict[str, Any]:
    """The body, which is a JSON object and says so."""
    found = content_type(response)
    demand(found == "application/json", f"{what}: expected application/json, got {found or 'nothing'}")
    value = _json.loads(response.body)
    demand(isinstance(value, dict), f"{what}: expected a JSON object")
    members: dict[str, Any] = value
    return members


def no_store(response: Response, *, what: str) -> None:
    """No cache may keep the response."""
    directives = [each.strip().lower() for value in response.headers.all("cache-control") for each in value.split(",")]
    demand("no-store" in directives, f"{what}: Cache-Control has no no-store")


def refused(response: Response, *codes: str, what: str, statuses: Collection[int] = (400,)) -> dict[str, Any]:
    """A refusal in JSON, with one of these codes and no other members than an error has."""
    wanted = " or ".join(codes)
    expected = f"{what}: expected {' or '.join(map(str, statuses))} {wanted}"
    demand(response.status in statuses, f"{expected}, {got(response)}")
    members = json_object(response, what=what)
    demand(members.get("error") in codes, f"{expected}, {got(response)}")
    extra = len(members.keys() - ERROR_MEMBERS)
    demand(not extra, f"{what}: the error has {extra} members that errors have not")
    description = members.get("error_description", "")
    fits = isinstance(description, str) and _DESCRIPTION.fullmatch(description)
    demand(fits, f"{what}: error_description has characters that it must not have")
    return members


def unauthorized(response: Response, *codes: str, what: str, statuses: Collection[int] = (401,)) -> None:
    """A refusal of the Access Token: the scheme and, if there are any `codes`, one of them in `WWW-Authenticate`."""
    wanted = " or ".join(map(str, statuses))
    demand(response.status in statuses, f"{what}: expected {wanted}, {got(response)}")
    challenges = ", ".join(response.headers.all("www-authenticate"))
    demand(re.match(r"(?i)\s*(bearer|dpop)\b", challenges), f"{what}: WWW-Authenticate names no scheme")
    found = re.findall(r'error="([^"]*)"', challenges)
    demand(not codes or set(found) & set(codes), f"{what}: WWW-Authenticate does not say {' or '.join(codes)}")
