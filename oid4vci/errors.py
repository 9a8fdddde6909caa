"""Every refusal, one family.

Server side: a `Refusal` carries the specification's code, the status and the section, and renders its own `reply`, response and
changes. Wallet side: a `WalletError` says what to do next. A peer's fault never raises anything else, and never shows internals;
a mistake of the embedding application is a plain `ValueError` or `TypeError`.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import ClassVar

from oid4vci._json import Malformed
from oid4vci.http import Request, Response
from oid4vci.records import Change, Reply

__all__ = (
    "Advice",
    "BearerRequestError",
    "CredentialRequestDenied",
    "InsufficientScope",
    "InvalidAuthorizationDetails",
    "InvalidClient",
    "InvalidCredential",
    "InvalidCredentialRequest",
    "InvalidEncryptionParameters",
    "InvalidGrant",
    "InvalidMetadata",
    "InvalidNonce",
    "InvalidOffer",
    "InvalidProof",
    "InvalidRequest",
    "InvalidResponse",
    "InvalidScope",
    "InvalidTarget",
    "InvalidToken",
    "MethodNotAllowed",
    "MissingToken",
    "NotFound",
    "ProtocolError",
    "Refusal",
    "Refused",
    "TryLater",
    "TxCodeRequired",
    "UnauthorizedClient",
    "UnknownCredentialConfiguration",
    "UnknownCredentialIdentifier",
    "UnsupportedGrantType",
    "Untrusted",
    "WalletError",
    "WrongTxCode",
    "check_method",
    "reading",
)

# "MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E" -- OID4VCI 8.3.1.2, RFC 6749 5.2
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")


class ProtocolError(Exception):
    """What a peer did wrong, or a peer's refusal of what we did."""


# --- issuer and authorization server ----------------------------------------------------------------------------------------


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


class InvalidRequest(Refusal):
    """A parameter of a Token Request is missing, repeated, malformed or does not fit (OID4VCI 6.3)."""

    error, section = "invalid_request", "RFC 6749 5.2"


class InvalidClient(Refusal):
    """The client is unknown, did not authenticate, or did not name itself where it must (OID4VCI 6.3).

    `challenge` is the `WWW-Authenticate` value for a client that used the `Authorization` header; the status is then 401.
    """

    error, section = "invalid_client", "RFC 6749 5.2"

    def __init__(self, description: str = "", *, challenge: str | None = None, changes: Sequence[Change] = ()) -> None:
        super().__init__(description, changes=changes)
        self.challenge = challenge

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.challenge is None else {"www-authenticate": self.challenge}

    @property
    def reply(self) -> Reply:
        status = self.status if self.challenge is None else 401
        return Reply(Response.of_json(status, self.body, self.headers), self.changes)


class InvalidGrant(Refusal):
    """The code is wrong, used, expired or another client's, or the Transaction Code is wrong (OID4VCI 6.3)."""

    error, section = "invalid_grant", "RFC 6749 5.2"


class UnauthorizedClient(Refusal):
    """The client may not use this grant type."""

    error, section = "unauthorized_client", "RFC 6749 5.2"


class UnsupportedGrantType(Refusal):
    """The server does not know the grant type."""

    error, section = "unsupported_grant_type", "RFC 6749 5.2"


class InvalidScope(Refusal):
    """The scope is unknown, malformed or more than was granted."""

    error, section = "invalid_scope", "RFC 6749 5.2"


class InvalidTarget(Refusal):
    """The `resource` is not one this server issues tokens for."""

    error, section = "invalid_target", "RFC 8707 2"


class InvalidAuthorizationDetails(Refusal):
    """`authorization_details` are malformed, of an unknown type, or ask for more than was granted."""

    error, section = "invalid_authorization_details", "RFC 9396 5"


class _BearerError(Refusal):
    """An authorization error at a protected endpoint (OID4VCI 8.3.1.1): RFC 6750 3, with `WWW-Authenticate`."""

    @property
    def headers(self) -> dict[str, str]:
        parts = [f'error="{self.error}"']
        if self.description:
            parts.append(f'error_description="{self.description}"')
        return {"www-authenticate": "Bearer " + ", ".join(parts)}


class MissingToken(_BearerError):
    """No Access Token. The answer names the scheme and no error code (RFC 6750 3.1)."""

    error, status, section = "invalid_token", 401, "RFC 6750 3.1"

    @property
    def headers(self) -> dict[str, str]:
        return {"www-authenticate": "Bearer"}

    @property
    def reply(self) -> Reply:
        return Reply(Response(self.status, {**self.headers, "cache-control": "no-store"}), self.changes)


class InvalidToken(_BearerError):
    """The Access Token is expired, revoked, malformed or not for this issuer."""

    error, status, section = "invalid_token", 401, "RFC 6750 3.1"


class BearerRequestError(_BearerError):
    """The Access Token was sent in a way that is not allowed, or in two ways."""

    error, status, section = "invalid_request", 400, "RFC 6750 3.1"


class InsufficientScope(_BearerError):
    """The Access Token does not allow what was asked for."""

    error, status, section = "insufficient_scope", 403, "RFC 6750 3.1"


class InvalidCredentialRequest(Refusal):
    """A parameter is missing, repeated or has an unsupported value, or the request is otherwise malformed."""

    error, section = "invalid_credential_request", "OID4VCI 8.3.1.2"


class UnknownCredentialConfiguration(Refusal):
    """The requested Credential Configuration is unknown."""

    error, section = "unknown_credential_configuration", "OID4VCI 8.3.1.2"


class UnknownCredentialIdentifier(Refusal):
    """The requested Credential identifier is unknown."""

    error, section = "unknown_credential_identifier", "OID4VCI 8.3.1.2"


class InvalidProof(Refusal):
    """`proofs` is missing, a key proof is invalid, or one has no `c_nonce`."""

    error, section = "invalid_proof", "OID4VCI 8.3.1.2"


class InvalidNonce(Refusal):
    """A key proof has a `c_nonce` that is not, or no longer, valid."""

    error, section = "invalid_nonce", "OID4VCI 8.3.1.2"


class InvalidEncryptionParameters(Refusal):
    """Encryption parameters are invalid or missing."""

    error, section = "invalid_encryption_parameters", "OID4VCI 8.3.1.2"


class CredentialRequestDenied(Refusal):
    """The issuer decided not to issue; the Wallet need not try again."""

    error, section = "credential_request_denied", "OID4VCI 8.3.1.2"


def check_method(request: Request, method: str) -> None:
    """Raises `MethodNotAllowed` unless the request has this method."""
    if request.method != method:
        raise MethodNotAllowed(method)


# --- wallet -----------------------------------------------------------------------------------------------------------------


class Advice(Enum):
    """What a Wallet can do after an error."""

    RETRY = "retry"
    """The same step again may succeed, with what the error brings (a fresh nonce)."""
    ASK_AGAIN = "ask_again"
    """Ask the person for the Transaction Code, then take the same step again."""
    WAIT = "wait"
    """Take the same step again later."""
    GIVE_UP = "give_up"
    """This exchange is over."""


class WalletError(ProtocolError):
    """Something a Wallet received is wrong, or says no. `advice` says what to do next."""

    advice: Advice = Advice.GIVE_UP


class InvalidOffer(WalletError):
    """The Credential Offer is malformed, or does not fit the issuer's metadata (OID4VCI 4.1)."""


class InvalidMetadata(WalletError):
    """Metadata are malformed, are somebody else's, or make this exchange impossible (OID4VCI 12.2, RFC 8414 3.3)."""


class Untrusted(WalletError):
    """The trust decision did not allow to talk to this party (OID4VCI 13.5, 13.6.2)."""


class InvalidResponse(WalletError):
    """A response is malformed, or breaks the protocol."""


class InvalidCredential(WalletError):
    """A Credential does not verify against the trust given, or is not what was asked for."""


class TxCodeRequired(WalletError):
    """The offer demands a Transaction Code (OID4VCI 4.1.1): ask the person for it."""

    advice = Advice.ASK_AGAIN


class TryLater(WalletError):
    """The server cannot answer now (429 or 5xx). `retry_after` is in seconds, if it said so."""

    advice = Advice.WAIT

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(WalletError):
    """The server answered with an error. `error` and `description` are the peer's words: data, not text to trust."""

    def __init__(self, error: str, description: str | None = None, *, status: int) -> None:
        super().__init__(error if description is None else f"{error}: {description}")
        self.error, self.description, self.status = error, description, status


class WrongTxCode(Refused):
    """The server did not accept the code. It may be the Transaction Code: ask the person once more (OID4VCI 6.3)."""

    advice = Advice.ASK_AGAIN


# --- both -------------------------------------------------------------------------------------------------------------------


@contextmanager
def reading(error: type[Refusal] | type[WalletError]) -> Iterator[None]:
    """Turns `Malformed` inside the block into `error`, path and reason in its description."""
    try:
        yield
    except Malformed as malformed:
        raise error(str(malformed)) from None
