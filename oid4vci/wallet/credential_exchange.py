"""One request to the Credential Endpoint or the Deferred Credential Endpoint, and its answer (OID4VCI 8, 9, 10)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from oid4vci.errors import Advice, Refused
from oid4vci.http import MAX_CREDENTIALS, Response
from oid4vci.wallet.exchange import Exchange, server_error
from oid4vci.wallet.message_encryption import message_encryption, plain_response

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
    """Send `members` to one of the two endpoints, and give `read` the answer, and the sender for the next request.

    Both are encrypted where the issuer demands it, or the settings want it, with keys of their own for each request. `read` gets
    what was encrypted. Raises `InvalidMetadata` if the issuer demands what cannot be done.
    """
    sender, token, secret = session.sender, session.access_token, session.wallet.new_secret
    encryption = message_encryption(session.wallet, session.metadata)
    key = None if encryption is None or encryption.answers is None else encryption.answers.new_key(secret)

    def opened(response: Response, sender: "Sender") -> T | Exchange[T]:
        return read(plain_response(response, key), sender)

    if encryption is None:
        return sender.post_json(url, members, access_token=token, now=now, read=opened, max_body=MAX_CREDENTIALS)
    asked = {} if key is None else {"credential_response_encryption": key.parameters}
    encrypted = encryption.encrypt({**members, **asked}, secret)
    return sender.post_jwt(url, encrypted, access_token=token, now=now, read=opened, max_body=MAX_CREDENTIALS)


def credential_refusal(session: "Session", response: Response) -> Refused | None:
    """The error that one of the two endpoints reported, with the advice to get another Access Token if it rejects this one."""
    refused = server_error(response, scheme=session.sender.scheme)
    if refused is not None and refused.status == 401 and refused.error in ("invalid_token", "unknown_error"):
        refused.advice = Advice.AUTHORIZE if session.refresh_token is None else Advice.REFRESH
    return refused
