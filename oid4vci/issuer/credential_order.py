"""A verified Credential Request, the decision, and the Credential Response (OID4VCI 8.3).

What a verified Deferred Credential Request has in common with it is here as well: the order, and how Credentials are issued.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from oid4vci._json import Malformed, b64url_encode, dumps
from oid4vci.claims import ClaimsDescription, ClaimsPath, ClaimsSemantics
from oid4vci.errors import CredentialRequestDenied, InvalidProof
from oid4vci.issuer.deferred_draft import DeferredDraft
from oid4vci.issuer.notification import new_notification_id
from oid4vci.issuer.request_body import RequestBody
from oid4vci.issuer.transaction import transaction_record
from oid4vci.keys import PublicKey, SigningInput
from oid4vci.metadata import CredentialConfiguration
from oid4vci.nonces import Nonce
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.oauth.grants import Authorization
from oid4vci.oauth.protected_resource import Access
from oid4vci.records import Change, Insert, Reply

if TYPE_CHECKING:
    from oid4vci.formats.credential_format import CredentialsDraft
    from oid4vci.issuer.credential_issuer import Issuer
    from oid4vci.proofs.key_attestation import KeyAttestation

__all__ = ("CredentialDraft", "CredentialOrder", "VerifiedOrder")

TRANSACTION_ID_BYTES = 32


@frozen(kw_only=True)
class VerifiedOrder:
    """What is ordered, with whose Access Token, and for which keys.

    `identifier` names the dataset, if the Token Response named identifiers. `holder_keys` are the proved or attested keys, each
    once; a credential is issued for each, or one unbound credential if there are none. `key_attestations` are verified, and
    say how the keys, or some of them, are protected.
    """

    issuer: "Issuer" = field(repr=False)
    configuration_id: str
    identifier: str | None
    configuration: CredentialConfiguration = field(repr=False)
    access: Access
    holder_keys: tuple[PublicKey, ...] = field(repr=False)
    now: int
    body: RequestBody = field(repr=False)
    key_attestations: "tuple[KeyAttestation, ...]" = field(repr=False)

    @property
    def authorization(self) -> Authorization:
        """What the Access Token allows."""
        return self.access.authorization

    @property
    def subject(self) -> str:
        """Whom the grant is about."""
        return self.authorization.subject

    @property
    def note(self) -> Any:
        """What the application stored with the grant."""
        return self.authorization.note

    @property
    def details(self) -> AuthorizationDetail | None:
        """The authorization details granted for this configuration, with the claims the Wallet asked for."""
        granted = self._granted
        return None if granted is None else AuthorizationDetail.from_json(granted)

    @property
    def requested_claims(self) -> tuple[ClaimsDescription, ...] | None:
        """The claims that the Wallet asked for (OID4VCI B.1), for who wants to fetch no others; None if it wants all there are."""
        granted = self._granted
        return None if granted is None or "claims" not in granted else AuthorizationDetail.from_json(granted).claims

    @property
    def _granted(self) -> Mapping[str, Any] | None:
        """The detail of the dataset, where several of one configuration have identifiers of their own."""
        for each in self.authorization.granted:
            if each["credential_configuration_id"] == self.configuration_id and (
                self.identifier is None or self.identifier in each.get("credential_identifiers", ())
            ):
                return each
        return None

    def issue(
        self,
        claims: Mapping[str, Any],
        *,
        copies: Sequence[Mapping[str, Any]] | None = None,
        limit: int | None = None,
        changes: Sequence[Change] = (),
    ) -> "CredentialDraft":
        """Issue the dataset `claims`: one credential for each holder key, or for the first `limit` of them.

        If the Wallet asked for some claims (`requested_claims`), those are issued, with the ones that are mandatory in the
        issuer's metadata and what is no claim about the subject; all other claims are left out (OID4VCI B.2). `copies` has the
        members that differ between the credentials of a batch (their `status`), one mapping for each; they are there whatever was
        asked for. Every credential of the response has the same format and dataset (OID4VCI 3.3.2).

        `changes` are the application's own, to be committed with the answer or not at all, such as an `Insert` for each status list
        index that it takes. They come after those of the library, whose first one, if there is any, is the guard.

        Raises `ValueError` for claims that cannot be issued, or lack one that the metadata say is always there: that is the
        application's fault. What the Wallet cannot have is refused with `CredentialRequestDenied`, which has a `reply`: a claim
        that it accepts no Credential without (OID4VCI B.1) is not in the dataset, or nothing of what it asked for is,
        nor a claim that the metadata promise. A deferred transaction ends with it, as by `deny`.
        """
        if limit is not None and limit < 1:
            raise ValueError("at least one credential is issued")
        encoder = self.issuer.encoders[self.configuration_id]
        drafts = encoder.draft(
            self._agreed(claims, copies or (), encoder.semantics),
            configuration=self.configuration,
            issuer=self.issuer.identifier,
            holder_keys=self.holder_keys[:limit],
            now=self.now,
            new_secret=self.issuer.new_secret,
            copies=copies,
        )
        count = max(1, len(self.holder_keys[:limit]))
        notified = new_notification_id(self.issuer, self.authorization, self.configuration_id, self.identifier, now=self.now)
        return CredentialDraft(drafts, (*self._spent, *changes), count, self.access.headers, self.body, notified)

    def _agreed(
        self, claims: Mapping[str, Any], copies: Sequence[Mapping[str, Any]], semantics: ClaimsSemantics
    ) -> Mapping[str, Any]:
        """The dataset, as far as it was asked for or is always there; what every copy has of its own is there as well."""
        promised, requested = self.issuer.promised_claims.get(self.configuration_id, ()), self.requested_claims

        def lacking(paths: tuple[ClaimsPath, ...]) -> tuple[ClaimsPath, ...]:
            missing = semantics.lacking(paths, claims)
            return tuple(path for path in missing if not copies or any(semantics.lacking((path,), each) for each in copies))

        if missing := lacking(promised):
            named = ", ".join(dumps(list(path)) for path in missing)
            raise ValueError(f"the metadata say that these claims are always there, but the dataset lacks them: {named}")
        if requested is None:
            return claims
        if lacking(semantics.demanded(requested)):
            raise self._denied("a claim is not available that the wallet accepts no credential without")
        try:
            return semantics.limited(claims, (*promised, *(each.path for each in requested)))
        except Malformed:
            raise self._denied("none of the requested claims is available") from None

    def deny(self, description: str = "") -> Reply:
        """Refuse for good: `credential_request_denied` (OID4VCI 8.3.1.2), of a deferred transaction whenever it is asked for (9.3).

        `description` is as in `Refusal`.
        """
        return self._denied(description).reply

    def _denied(self, description: str) -> CredentialRequestDenied:
        """What refuses this request, with the changes that make it last."""
        return CredentialRequestDenied(description)

    @property
    def _spent(self) -> tuple[Change, ...]:
        """What ends with the request if it is answered with Credentials: the guard is the first."""
        return self.access.changes


@frozen(kw_only=True)
class CredentialOrder(VerifiedOrder):
    """A verified Credential Request: the application decides to `issue`, to `defer`, to `deny`, or to `reject_proofs`."""

    nonces: tuple[Nonce, ...] = field(repr=False)

    @property
    def _spent(self) -> tuple[Change, ...]:
        policy = self.issuer.nonces
        spent = () if policy is None or policy.reusable else tuple(nonce.spent for nonce in self.nonces)
        return (*self.access.changes, *spent)

    def defer(self, *, interval: int | float, note: Any = None, changes: Sequence[Change] = ()) -> DeferredDraft:
        """Promise the Credentials for later: 202 with a `transaction_id` (OID4VCI 8.3).

        `interval`, in seconds, is what the Wallet should wait before it asks the Deferred Credential Endpoint. `note` is JSON: what
        the application wants to find then, as `DeferredOrder.deferral_note`; the less it says about a person, the better.
        `changes` are the application's own, to be committed with the answer or not at all; see also `DeferredDraft.with_changes`.

        The holder keys are those of this request, also where another Access Token fetches the Credentials.

        Raises `ValueError` if the issuer has no `deferral`, or `interval` is not a positive number.
        """
        deferral = self.issuer.deferral
        if deferral is None:
            raise ValueError("this issuer has no Deferred Credential Endpoint: see deferral")
        transaction_id = b64url_encode(self.issuer.new_secret(TRANSACTION_ID_BYTES))
        record = transaction_record(
            transaction_id,
            self.authorization,
            credential_issuer=self.issuer.identifier,
            configuration_id=self.configuration_id,
            identifier=self.identifier,
            granted=self._granted,
            holder_keys=self.holder_keys,
            key_attestations=self.key_attestations,
            note=note,
            expires_at=self.now + deferral.lifetime,
        )
        committed = (*self._spent, Insert(record), *changes)
        return DeferredDraft(transaction_id, interval, committed, self.access.headers, self.body)

    def reject_proofs(self, description: str = "") -> Reply:
        """Refuse the keys, or what attests them: `invalid_proof`; the Wallet can try with others (OID4VCI 8.3.1.2, 13.3)."""
        return InvalidProof(description).reply


@frozen
class CredentialDraft:
    """Credentials that lack their signatures only: `count` of them."""

    credentials: "CredentialsDraft" = field(repr=False)
    changes: tuple[Change, ...]
    count: int
    headers: Mapping[str, str] = field(repr=False)
    body: RequestBody = field(repr=False)
    notification_id: str | None = field(default=None, repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is a `LocalSigner`."""
        return self.credentials.to_sign

    def finish(self, signatures: Sequence[bytes] = ()) -> Reply:
        """The Credential Response (OID4VCI 8.3), with one signature for each element of `to_sign`. Raises `ValueError`."""
        credentials = [{"credential": credential} for credential in self.credentials.finish(signatures)]
        if len(credentials) != self.count or not all(isinstance(each["credential"], str | dict) for each in credentials):
            # "The number of elements in the `credentials` array matches the number of keys" that are taken -- OID4VCI 8.3
            raise ValueError("the encoder must make one credential for each holder key, a string or a JSON object")
        # "It MUST not be used if the `credentials` parameter is not present." -- OID4VCI 8.3
        notified = {} if self.notification_id is None else {"notification_id": self.notification_id}
        return Reply(self.body.response(200, {"credentials": credentials, **notified}, self.headers), self.changes)
