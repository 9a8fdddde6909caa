"""A verified Deferred Credential Request and the decision (OID4VCI 9.2, 9.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci.errors import CredentialRequestDenied
from oid4vci.issuer.credential_order import VerifiedOrder
from oid4vci.issuer.deferred_draft import DeferredDraft
from oid4vci.issuer.transaction import ISSUED, Decision, Deferral, Transaction
from oid4vci.records import Change

__all__ = ("DeferredOrder",)


@frozen(kw_only=True)
class DeferredOrder(VerifiedOrder):
    """A verified Deferred Credential Request: the application decides to `issue`, to `wait`, or to `deny`.

    The Access Token may be another one than that of the Credential Request, and `note` is of its grant; `holder_keys`,
    `key_attestations` and `requested_claims` are those of the Credential Request, as they were verified then: whether an
    attestation was revoked since is for the application to find out. `transaction` is what is stored of that request.

    The Credentials are issued to one request only: also where several come at once, one of them is answered.
    """

    transaction: Transaction
    transaction_id: str = field(repr=False)
    access_token: str = field(repr=False)
    deferral: Deferral

    @property
    def deferral_note(self) -> Any:
        """What the application gave to `defer`."""
        return self.transaction.note

    @property
    def decision(self) -> Decision | None:
        """What `Transaction.complete` said; None as long as nothing was decided. One that was refused makes no order."""
        return self.transaction.decision

    @property
    def once_more(self) -> bool:
        """Whether the Credentials were issued before, and the same Access Token asks for them within the grace."""
        return self.transaction.state == ISSUED

    @property
    def _granted(self) -> Mapping[str, Any] | None:
        return self.transaction.granted

    @property
    def _spent(self) -> tuple[Change, ...]:
        ended = self.transaction.issued(self.deferral, access_token=self.access_token, now=self.now)
        return (ended, *self.access.changes)

    def _denied(self, description: str) -> CredentialRequestDenied:
        return CredentialRequestDenied(description, changes=self.transaction.refuse(description))

    def wait(self, *, interval: int | float, changes: Sequence[Change] = ()) -> DeferredDraft:
        """Tell the Wallet to come again in `interval` seconds or later: 202 with the same `transaction_id` (OID4VCI 9.2).

        `changes` are the application's own, to be committed with the answer or not at all. Raises `ValueError`.
        """
        committed = (*self.access.changes, *changes)
        return DeferredDraft(self.transaction_id, interval, committed, self.access.headers, self.body)
