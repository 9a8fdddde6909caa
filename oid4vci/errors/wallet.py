"""What a Wallet can meet with: each error says what to do next."""

from enum import Enum
from typing import TYPE_CHECKING, Any

from oid4vci.errors.refusal import ProtocolError

if TYPE_CHECKING:
    from oid4vci.wallet.exchange import Exchange
    from oid4vci.wallet.notification import RejectedCredentials

__all__ = (
    "Advice",
    "AttestationExpired",
    "AuthorizationDenied",
    "AuthorizationRefused",
    "InvalidCredential",
    "InvalidMetadata",
    "InvalidOffer",
    "InvalidResponse",
    "Refused",
    "StatusUnknown",
    "TryLater",
    "TxCodeRequired",
    "Untrusted",
    "WalletError",
    "WrongTxCode",
)


class Advice(Enum):
    """What a Wallet can do after an error."""

    ASK_AGAIN = "ask_again"
    """Ask the person for the Transaction Code, then take the same step again."""
    REFRESH = "refresh"
    """The Access Token is over: refresh the session, then take the same step with the new one."""
    AUTHORIZE = "authorize"
    """The grant is over: the person must authorize again, or needs another offer."""
    ATTEST = "attest"
    """Take the same step again with a fresh Wallet Attestation for the same key."""
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
    """The trust decision did not allow to talk to this party (OID4VCI 13.5, 13.6.2).

    `rejected` is there if that party had to be asked for what it takes to verify Credentials that came.
    """

    rejected: "RejectedCredentials | None" = None


class InvalidResponse(WalletError):
    """A response is malformed, or breaks the protocol."""


class InvalidCredential(WalletError):
    """A Credential does not verify against the trust given, or is not what was asked for.

    `rejected` is there if an issuer delivered it: `rejected.notify` tells it so, where `rejected.can_notify` (OID4VCI 11).
    """

    rejected: "RejectedCredentials | None" = None


class StatusUnknown(InvalidCredential):
    """What says a Credential's status is missing, malformed, expired or not to be believed: nothing is known of the status.

    "no statement about the status of the Referenced Token can be made and the Referenced Token SHOULD be rejected" (Token Status
    List 8.3). A fresh one may be published later.
    """

    advice = Advice.WAIT


class TxCodeRequired(WalletError):
    """The offer demands a Transaction Code (OID4VCI 4.1.1): ask the person for it."""

    advice = Advice.ASK_AGAIN


class AttestationExpired(WalletError):
    """The Wallet Attestation that was given has expired, perhaps while the person logged in; nothing was sent (OID4VCI E)."""

    advice = Advice.ATTEST


class TryLater(WalletError):
    """The server cannot answer now (429 or 5xx). `retry_after` is in seconds, if it said so.

    `exchange` is there if something came that may not come again (Credentials that cannot be verified before a key is fetched):
    send that later, and do not take the step again.
    """

    advice = Advice.WAIT
    exchange: "Exchange[Any] | None" = None

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(WalletError):
    """The server answered with an error. `error` and `description` are the peer's words: data, not text to trust.

    `status` is that of the HTTP answer, None if the error came through the browser.
    """

    def __init__(self, error: str, description: str | None = None, *, status: int | None = None) -> None:
        super().__init__(error if description is None else f"{error}: {description}")
        self.error, self.description, self.status = error, description, status


class WrongTxCode(Refused):
    """The server did not accept the code. It may be the Transaction Code: ask the person once more (OID4VCI 6.3)."""

    advice = Advice.ASK_AGAIN


class AuthorizationRefused(Refused):
    """The Authorization Response is an error (RFC 6749 4.1.2.1). The flow is over; `authorize` can begin another one.

    `advice` is to wait where the server says that it is in trouble, else to give up.
    """

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(error, description)
        if error in ("server_error", "temporarily_unavailable"):
            self.advice = Advice.WAIT


class AuthorizationDenied(AuthorizationRefused):
    """The person said no, or the server for them (`access_denied`)."""
