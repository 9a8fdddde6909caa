"""Whether Credentials still hold: their issuer's status lists are fetched and looked into (Token Status List 8).

An issuer that serves a list sees who fetches it: one list serves for all Credentials that it names, and is kept as long as it
says.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from oid4vci.errors import StatusUnknown
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.formats.haip import under_haip
from oid4vci.trust import Trust
from oid4vci.wallet.exchange import Exchange
from oid4vci.wallet.needed_documents import MAX_DOCUMENTS, Documents, with_documents

if TYPE_CHECKING:
    from oid4vci.status_list.checker import Status
    from oid4vci.wallet.settings import Wallet

__all__ = ("CredentialStatusChecker", "check_status")

S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S")


class CredentialStatusChecker(Protocol[S_co]):
    """A status mechanism: `StatusChecker`, `BitstringStatusChecker`, or another."""

    def check(
        self, credential: VerifiedCredential, *, trust: Trust, documents: Mapping[str, bytes], now: int
    ) -> S_co | NeededDocument:
        """The status, or a document to fetch first. Raises `StatusUnknown`, `InvalidCredential`, `Untrusted`."""


@overload
def check_status(
    wallet: "Wallet", credentials: Sequence[VerifiedCredential], *, now: int, documents: Documents | None = None
) -> "Exchange[tuple[Status, ...]] | tuple[Status, ...]": ...
@overload
def check_status(
    wallet: "Wallet",
    credentials: Sequence[VerifiedCredential],
    *,
    now: int,
    checker: CredentialStatusChecker[S],
    documents: Documents | None = None,
) -> Exchange[tuple[S, ...]] | tuple[S, ...]: ...
def check_status(
    wallet: "Wallet",
    credentials: Sequence[VerifiedCredential],
    *,
    now: int,
    checker: CredentialStatusChecker[Any] | None = None,
    documents: Documents | None = None,
) -> Exchange[tuple[Any, ...]] | tuple[Any, ...]:
    """The status of each of these Credentials at `now`, in seconds since the epoch.

    `checker` knows the mechanism; by default it is `StatusChecker()`, for Token Status Lists. For a Wallet that goes by HAIP it is
    one with `haip=True`. `documents` are lists and keys that are still good, by URL: what they suffice for is not fetched.

    Raises `StatusUnknown` if there is no telling, `InvalidCredential` for a Credential that has expired, and `Untrusted` if the
    trust decision forbids what one names, here or by the exchange.
    """
    if checker is None:
        from oid4vci.status_list.checker import StatusChecker

        checker = StatusChecker()
    mechanism = under_haip(checker) if wallet.haip else checker

    def check(documents: Documents) -> tuple[Any, ...] | NeededDocument:
        found = []
        for credential in credentials:
            status = mechanism.check(credential, trust=wallet.trust, documents=documents, now=now)
            if isinstance(status, NeededDocument):
                return status
            found.append(status)
        return tuple(found)

    # Each Credential may be on a list of its own, and what the application has is not fetched.
    return with_documents(check, documents or {}, StatusUnknown, left=MAX_DOCUMENTS * len(credentials))
