"""One request to the Credential Endpoint or the Deferred Credential Endpoint, and its answer (OID4VCI 8, 9, 10)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from oid4vci.http import Response
from oid4vci.wallet.exchange import Exchange

if TYPE_CHECKING:
    from oid4vci.wallet.sender import Sender
    from oid4vci.wallet.session import Session

__all__ = ("credential_exchange",)

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
