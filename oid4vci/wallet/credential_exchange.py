"""One request to the Credential Endpoint or the Deferred Credential Endpoint, and its answer (OID4VCI 8, 9, 10)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from oid4vci.errors import Advice, Refused
from oid4vci.http import Response
from oid4vci.wallet.exchange import Exchange, server_error

if TYPE_CHECKING:
    from oid4vci.wallet.sender import Sender
    from oid4vci.wallet.session import Session

__all__ = ("credential_exchange", "credential_refusal")

T = TypeVar("T")


def credential_exchange(
    session: "Session",
    url: str,
    members: Mapping[str, Any],
    *,
    now: int | None,
    read: "Callable[[Response, Sender], T | Exchange[T]]",
) -> Exchange[T]:
    """Send `members` to one of the two endpoints, and give `read` the answer, and the sender for the next request."""
    return session.sender.post_json(url, members, access_token=session.access_token, now=now, read=read)


def credential_refusal(session: "Session", response: Response) -> Refused | None:
    """The error that one of the two endpoints reported, with the advice to get another Access Token if it rejects this one."""
    refused = server_error(response, scheme=session.sender.scheme)
    if refused is not None and refused.status == 401 and refused.error in ("invalid_token", "unknown_error"):
        refused.advice = Advice.AUTHORIZE if session.refresh_token is None else Advice.REFRESH
    return refused
