"""The Deferred Credential Request: read and verified (OID4VCI 9.1, 9.3)."""

from typing import TYPE_CHECKING

from attrs import field, frozen

from oid4vci.errors import CredentialRequestDenied, InvalidCredentialRequest, InvalidTransactionId, Refusal
from oid4vci.http import Request
from oid4vci.issuer.deferred_order import DeferredOrder
from oid4vci.issuer.request_body import RequestBody, read_request_body
from oid4vci.issuer.transaction import REFUSED, Deferral, Transaction, transaction_key
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.grants import Authorization
from oid4vci.oauth.protected_resource import ReadAccess
from oid4vci.records import Key, Records

if TYPE_CHECKING:
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("DeferredCall", "read_deferred_request")

# Ours have 43 characters.
MAX_TRANSACTION_ID = 1024


def read_deferred_request(issuer: "Issuer", deferral: Deferral, access: ReadAccess, request: Request) -> "DeferredCall":
    """The request of a Wallet whose token was read; a fault of its body is kept until the token has been verified."""
    try:
        body = read_request_body(issuer, request)
        transaction_id = body.members.get("transaction_id")
        # "REQUIRED. String identifying a Deferred Issuance transaction." -- OID4VCI 9.1
        if not isinstance(transaction_id, str) or not 1 <= len(transaction_id) <= MAX_TRANSACTION_ID:
            raise InvalidCredentialRequest(f"transaction_id: must be a string of 1 to {MAX_TRANSACTION_ID} characters")
    except Refusal as fault:
        return DeferredCall(issuer, deferral, access, RequestBody({}), fault=fault)
    return DeferredCall(issuer, deferral, access, body, transaction_id)


@frozen
class DeferredCall:
    """A Deferred Credential Request: parsed, nothing believed."""

    issuer: "Issuer"
    deferral: Deferral
    access: ReadAccess = field(repr=False)
    body: RequestBody = field(repr=False)
    transaction_id: str = field(default="", repr=False)
    # What was found wrong while reading, raised where its turn comes.
    fault: Refusal | None = None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load: those of the token and its DPoP proof, and the transaction."""
        return self.access.lookups if self.fault is not None else (*self.access.lookups, transaction_key(self.transaction_id))

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The outside keys to resolve: those of the token."""
        return self.access.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys | None = None, now: int) -> DeferredOrder:
        """Make every check: the token and its DPoP proof, the request, then whether the transaction is theirs and not over.

        Raises `InvalidToken`, `InvalidDpopProof`, `UseDpopNonce`, the errors of OID4VCI 8.3.1.2 that a body can have,
        `InvalidTransactionId`, and `CredentialRequestDenied` for a transaction that was refused.
        """
        access = self.access.verify(records, keys=keys or {}, now=now)
        for fault in (self.fault, self.body.fault):
            if fault is not None:
                raise fault
        transaction = self._transaction(access.authorization, records, now)
        if transaction.state == REFUSED:
            raise CredentialRequestDenied(transaction.description)
        # What was promised may have been withdrawn since: "the Credential Issuer can no longer issue" -- OID4VCI 9.3
        configuration = self.issuer.metadata.credential_configurations_supported.get(transaction.configuration_id)
        if configuration is None:
            raise CredentialRequestDenied("the credential configuration is no longer issued")
        encoder, holder_keys = self.issuer.encoders[transaction.configuration_id], transaction.holder_keys
        if configuration.proof_types_supported is not None and not holder_keys:
            raise CredentialRequestDenied("credentials of this configuration are no longer issued without a key")
        if not all(encoder.binds(key, configuration=configuration) for key in holder_keys):
            raise CredentialRequestDenied("credentials of this configuration are no longer bound to such a key")
        return DeferredOrder(
            issuer=self.issuer,
            configuration_id=transaction.configuration_id,
            identifier=transaction.identifier,
            configuration=configuration,
            access=access,
            holder_keys=holder_keys,
            now=now,
            body=self.body,
            key_attestations=transaction.key_attestations,
            transaction=transaction,
            transaction_id=self.transaction_id,
            access_token=self.access.access_token,
            deferral=self.deferral,
        )

    def _transaction(self, authorization: Authorization, records: Records, now: int) -> Transaction:
        """The transaction, if it is this token's. Which of the conditions does not hold is not said."""
        record = records.get(transaction_key(self.transaction_id))
        found = None if record is None else Transaction.of(record, now=now)
        if found is None or not found.is_for(
            authorization,
            credential_issuer=self.issuer.identifier,
            transaction_id=self.transaction_id,
            access_token=self.access.access_token,
        ):
            raise InvalidTransactionId("there is no such transaction for this access token, or no longer")
        return found
