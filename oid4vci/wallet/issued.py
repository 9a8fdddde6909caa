"""What a Credential Request leads to: Credentials, verified, or the promise of them (OID4VCI 8.3, 13.5)."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar, overload

from attrs import evolve, field, frozen

from oid4vci._document import Codec, Document, array, nested, positive_number, string, wire
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsPath
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.http import MAX_BODY, MAX_CREDENTIALS, Response
from oid4vci.keys import PublicKey
from oid4vci.metadata import CredentialConfiguration
from oid4vci.notifications import MAX_NOTIFICATION_ID
from oid4vci.wallet.credential_exchange import credential_exchange, credential_refusal
from oid4vci.wallet.display import CredentialView, credential_view
from oid4vci.wallet.exchange import Exchange, extended, json_object
from oid4vci.wallet.needed_documents import with_documents
from oid4vci.wallet.notification import RejectedCredentials, can_notify, notification_exchange, outcome, same_issuer
from oid4vci.wallet.status import CredentialStatusChecker, check_status

if TYPE_CHECKING:
    from oid4vci.status_list.checker import Status
    from oid4vci.wallet.sender import Sender
    from oid4vci.wallet.session import Session

__all__ = ("Deferred", "Issued")

S = TypeVar("S")
# OID4VCI 9.1
_MEMBERS = frozenset(("credential_response_encryption", "transaction_id"))


def _still_asked(before: "Session", session: "Session", configuration_id: str) -> "Session":
    """`session`, with the claims that were asked for of this configuration `before`."""
    claims = {name: demanded for name, demanded in session.claims.items() if name != configuration_id}
    if configuration_id in before.claims:
        claims[configuration_id] = before.claims[configuration_id]
    return evolve(session, claims=claims)


def _check_credential(value: Any) -> None:
    # "MAY be a string or an object" -- OID4VCI 8.3
    if not isinstance(value, Mapping):
        string(maximum=MAX_BODY).check(value)


def _without(*names: str) -> Any:
    def check(response: Document) -> None:
        for name in names:
            if response.extra.get(name) is not None:
                raise Malformed("must not be used in this response", name)

    return check


@frozen(kw_only=True)
class IssuedCredential(Document):
    """An element of `credentials`."""

    credential: Any = field(repr=False, metadata=wire(Codec(_check_credential)))


@frozen(kw_only=True)
class CredentialResponse(Document):
    """A Credential Response with Credentials."""

    credentials: tuple[IssuedCredential, ...] = field(repr=False, metadata=wire(array(nested(IssuedCredential))))
    notification_id: str | None = field(default=None, repr=False, metadata=wire(string(maximum=MAX_NOTIFICATION_ID)))
    rules = (_without("transaction_id", "interval"),)


@frozen(kw_only=True)
class DeferredResponse(Document):
    """A Credential Response without."""

    transaction_id: str = field(repr=False, metadata=wire(string()))
    interval: int | float = field(metadata=wire(positive_number()))
    rules = (_without("credentials", "notification_id"),)


@frozen(kw_only=True)
class Issued:
    """Credentials that were verified against the Wallet's trust, each bound to another of `holder_keys`.

    There may be fewer than keys; `VerifiedCredential.holder_key` says which key each is bound to. `verified_at`, in seconds since
    the epoch, is the time for which they were verified, `documents` is what was fetched for that, by URL. `notification_id`
    is there if the issuer wants to hear what became of them.

    The value holds Credentials and the Access Token: `dump` it only until the Credentials are where they belong (OID4VCI 15.3).
    """

    session: "Session"
    configuration_id: str
    credentials: tuple[VerifiedCredential, ...]
    holder_keys: tuple[PublicKey, ...]
    verified_at: int
    documents: Mapping[str, bytes] = field(factory=dict, repr=False)
    notification_id: str | None = field(default=None, repr=False)

    @property
    def configuration(self) -> CredentialConfiguration:
        """What was ordered, from the issuer's metadata."""
        return self.session.metadata.credential_configurations_supported[self.configuration_id]

    @property
    def missing_claims(self) -> tuple[ClaimsPath, ...]:
        """The paths of claims that the issuer's metadata call mandatory, and that not every Credential has.

        The issuer broke its word: it "will always include this claim in the issued Credential" (OID4VCI B.2). The Credentials are
        good all the same; those without a claim that the Wallet itself insisted on (B.1) were refused.
        """
        described = self.configuration.credential_metadata
        claims = () if described is None else described.claims or ()
        return tuple(dict.fromkeys(path for credential in self.credentials for path in credential.missing(claims)))

    @property
    def can_notify(self) -> bool:
        """Whether the issuer wants to be notified: it gave a `notification_id`, and has a Notification Endpoint."""
        return can_notify(self.session, self.notification_id)

    def outcome(self, stored: int, *, by_user: bool = False) -> str:
        """The event to notify the issuer of, if that many of `credentials` were stored (OID4VCI 11.1).

        That is `credential_accepted` only if all of them were. Else the whole has failed, whatever became of some of them:
        `credential_deleted` if the person wanted it so (`by_user`), `credential_failure` for any other reason. Raises `ValueError`.
        """
        return outcome(len(self.credentials), stored, by_user=by_user)

    def with_session(self, session: "Session") -> "Issued":
        """The same with another Access Token: of the session that was refreshed, also for something else (OID4VCI 11).

        A new session, that the person authorized again, may not do: issuers know a `notification_id` by the grant. What was asked
        for as mandatory stays so. Raises `ValueError` for a session of another issuer, or of a grant without this configuration.
        """
        known, configuration_id = same_issuer(self.session, session), self.configuration_id
        if configuration_id not in known.granted:
            raise ValueError(f"the session is of a grant for {', '.join(known.granted)}")
        return evolve(self, session=_still_asked(self.session, known, configuration_id))

    def notify(
        self,
        event: str,
        event_description: str | None = None,
        *,
        now: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> "Exchange[Issued]":
        """Tell the issuer what became of `credentials`, all of them together (OID4VCI 11): see `outcome`.

        `event` is `credential_accepted`, `credential_failure` or `credential_deleted`; `event_description` is for the issuer's
        developers, in ASCII without `"` and backslash: keep what is personal out of it. `now`, in seconds since the epoch, is
        needed if the session has a DPoP key. `extra` members are sent along. The same may be sent again, and another event later.

        The exchange gives this value for the next request. It raises `TryLater`, and `Refused`: with the advice to refresh or to
        authorize, this value goes on `with_session`; with the advice to give up (`invalid_notification_id`,
        `invalid_notification_request`) the issuer has no use for it. The Credentials are good whatever it answers.

        Raises `ValueError` if not `can_notify`, for another event or other characters, and for an extra member that is a known
        one; `Untrusted` if the trust decision does not allow the endpoint.
        """

        def then(session: "Session") -> "Issued":
            return evolve(self, session=session)

        return notification_exchange(
            self.session, self.notification_id, event, event_description, now=now, extra=extra, then=then
        )

    @overload
    def check_status(self, *, now: int) -> "Exchange[tuple[Status, ...]] | tuple[Status, ...]": ...
    @overload
    def check_status(self, *, now: int, checker: CredentialStatusChecker[S]) -> Exchange[tuple[S, ...]] | tuple[S, ...]: ...
    def check_status(
        self, *, now: int, checker: CredentialStatusChecker[Any] | None = None
    ) -> Exchange[tuple[Any, ...]] | tuple[Any, ...]:
        """The status of each of the Credentials, in their order: see `check_status`, which does it for any."""
        if checker is None:
            return check_status(self.session.wallet, self.credentials, now=now)
        return check_status(self.session.wallet, self.credentials, now=now, checker=checker)

    def view(self, preferences: Sequence[str] | None = None) -> CredentialView:
        """What to show of the Credentials, which are copies of one, to who prefers these languages (OID4VCI 12.2.4, B.2, B.3).

        `preferences` are language tags, the preferred one first; by default they are the `locales` of the Wallet.
        """
        languages = self.session.wallet.locales if preferences is None else preferences
        return credential_view(self.credentials[0], self.configuration.credential_metadata, languages)


@frozen(kw_only=True)
class Deferred:
    """The issuer needs time: the Credentials for `holder_keys` are to be had under `transaction_id` (OID4VCI 9).

    `received_at` is when it said so, in seconds since the epoch: from `ready_at` on, `poll` asks for them. That may be weeks later.
    Store the value (`dump`) as a secret, since it holds the Access Token, and keep the keys.
    The constructor raises `ValueError` if the Wallet has no verifier for the format.
    """

    session: "Session"
    configuration_id: str
    transaction_id: str = field(repr=False)
    interval: int | float
    received_at: int
    holder_keys: tuple[PublicKey, ...]

    def __attrs_post_init__(self) -> None:
        # Credentials that came and cannot be checked would be lost: the transaction is over by then.
        self.session.wallet.verifier(self.configuration.format)

    @property
    def configuration(self) -> CredentialConfiguration:
        """What was ordered, from the issuer's metadata."""
        return self.session.metadata.credential_configurations_supported[self.configuration_id]

    @property
    def ready_at(self) -> int:
        """When `poll` may ask, in seconds since the epoch: `interval` seconds after the issuer was last asked (OID4VCI 8.3)."""
        return self.received_at + ceil(self.interval)

    def with_session(self, session: "Session") -> "Deferred":
        """The same with another Access Token: of a session that was refreshed, or authorized again by the same person.

        "an Access Token that is valid for the issuance of the Credential(s) previously requested" (OID4VCI 9): it is for the same
        configuration of the same issuer, which may want it to be for the same client, and bound to the same DPoP key, as well.
        What was asked for as mandatory stays so.

        Raises `ValueError` if the session is of another issuer, is not for this configuration, or has no verifier for its format.
        """
        known, configuration_id = same_issuer(self.session, session), self.configuration_id
        if configuration_id not in known.configuration_ids:
            raise ValueError(f"the session is for {', '.join(session.configuration_ids)}")
        if known.metadata.deferred_credential_endpoint is None:
            raise ValueError("the issuer has no Deferred Credential Endpoint any more")
        return evolve(self, session=_still_asked(self.session, known, configuration_id))

    def poll(self, *, now: int, early: bool = False, extra: Mapping[str, Any] | None = None) -> "Exchange[Issued | Deferred]":
        """Ask for the Credentials (OID4VCI 9.1).

        `now`, in seconds since the epoch, is the time for which Credentials are verified, and that of a DPoP proof. `extra` members
        are sent along. With `early` the issuer is asked although `interval` is not over: it may have called, for instance.

        The exchange gives `Issued`, with verified Credentials, or if the issuer needs more time another `Deferred`, to be stored in
        place of this one. It raises `Refused`. With the advice to refresh or to authorize, this value goes on `with_session`; with
        the advice to give up (`credential_request_denied`, `invalid_transaction_id`) it is over, and must not ask again (9.3). It
        raises `InvalidCredential` for Credentials that do not verify, `InvalidResponse`, and `TryLater`: if Credentials came before
        that, its `exchange` goes on, and polling again would get none.

        Raises `ValueError` before `ready_at` if not `early`, and for an extra member that is a known one, and `Untrusted` if the
        trust decision does not allow the endpoint.
        """
        session, endpoint = self.session, self.session.metadata.deferred_credential_endpoint
        if endpoint is None:
            raise ValueError("the issuer has no Deferred Credential Endpoint")
        # "the minimum amount of time in seconds that the Wallet SHOULD wait" -- OID4VCI 8.3
        if now < self.ready_at and not early:
            raise ValueError(f"too early by {self.ready_at - now} seconds: see ready_at")
        session.wallet.trust.demand_endpoint(endpoint, session.metadata.credential_issuer)
        members = extended({"transaction_id": self.transaction_id}, extra, known=_MEMBERS)

        def read(response: Response, sender: "Sender") -> "Issued | Deferred | Exchange[Issued]":
            if refused := credential_refusal(session, response):
                raise refused
            kept = evolve(session, sender=sender)
            result = read_credential_response(kept, self.configuration_id, self.holder_keys, now, response)
            # "MUST be same as the value of `transaction_id` in the Deferred Credential Request" -- OID4VCI 9.2
            if isinstance(result, Deferred) and result.transaction_id != self.transaction_id:
                raise Malformed("is another one than was asked for", "transaction_id")
            return result

        return credential_exchange(session, endpoint, members, now=now, read=read)


def read_credential_response(
    session: "Session", configuration_id: str, holder_keys: tuple[PublicKey, ...], now: int, response: Response
) -> Issued | Deferred | Exchange[Issued]:
    """A successful answer to a Credential Request. Raises `Malformed`, `InvalidCredential`, `Untrusted`."""
    # "the Credential Issuer MUST also use the HTTP status code 202" -- OID4VCI 8.3
    if response.status == 202:
        promise = DeferredResponse.from_json(json_object(response, statuses=range(202, 203)))
        if session.metadata.deferred_credential_endpoint is None:
            raise Malformed("issuance is deferred, but the issuer has no Deferred Credential Endpoint")
        return Deferred(
            session=session,
            configuration_id=configuration_id,
            transaction_id=promise.transaction_id,
            interval=promise.interval,
            received_at=now,
            holder_keys=holder_keys,
        )
    answer = CredentialResponse.from_json(json_object(response, max_bytes=MAX_CREDENTIALS))
    if len(answer.credentials) > max(1, len(holder_keys)):
        raise Malformed("there are more Credentials than keys", "credentials")
    received = Received(
        session=session,
        configuration_id=configuration_id,
        credentials=tuple(element.credential for element in answer.credentials),
        holder_keys=holder_keys,
        now=now,
        notification_id=answer.notification_id,
    )
    return received.verify({})


@frozen(kw_only=True)
class Received:
    """Credentials that came and are not yet believed."""

    session: "Session"
    configuration_id: str
    credentials: tuple[Any, ...] = field(repr=False)
    holder_keys: tuple[PublicKey, ...]
    now: int
    notification_id: str | None = field(repr=False)

    @property
    def configuration(self) -> CredentialConfiguration:
        """What was ordered."""
        return self.session.metadata.credential_configurations_supported[self.configuration_id]

    def verify(self, documents: Mapping[str, bytes]) -> Issued | Exchange[Issued]:
        """Verify all, or fetch what the verifier needs first. Raises `InvalidCredential`, `Untrusted`, with what was `rejected`.

        "The Wallet MUST NOT accept Credentials just because this mechanism was used." -- OID4VCI 13.5
        """
        return with_documents(self._issued, documents, self._invalid)

    @property
    def _rejected(self) -> RejectedCredentials:
        return RejectedCredentials(session=self.session, notification_id=self.notification_id)

    def _invalid(self, message: str) -> InvalidCredential:
        error = InvalidCredential(message)
        error.rejected = self._rejected
        return error

    def _issued(self, documents: Mapping[str, bytes]) -> Issued | NeededDocument:
        try:
            return self._verify(documents)
        except (InvalidCredential, Untrusted) as error:
            error.rejected = self._rejected
            raise

    def _verify(self, documents: Mapping[str, bytes]) -> Issued | NeededDocument:
        wallet = self.session.wallet
        verified: list[VerifiedCredential] = []
        verifier = wallet.verifier(self.configuration.format)
        for credential in self.credentials:
            outcome = verifier.verify(
                credential,
                configuration=self.configuration,
                trust=wallet.trust,
                holder_keys=self._unused_first(verified),
                documents=documents,
                now=self.now,
            )
            if isinstance(outcome, NeededDocument):
                return outcome
            verified.append(outcome)
        self._check_keys(verified)
        self._check_claims(verified)
        return Issued(
            session=self.session,
            configuration_id=self.configuration_id,
            credentials=tuple(verified),
            holder_keys=self.holder_keys,
            verified_at=self.now,
            documents=documents,
            notification_id=self.notification_id,
        )

    def _unused_first(self, credentials: list[VerifiedCredential]) -> tuple[PublicKey, ...]:
        """A Credential that is bound to a DID may be for any of the DID's keys: it is for one that has none yet."""
        if all(key.did_url is None for key in self.holder_keys):
            return self.holder_keys
        used = {credential.holder_key for credential in credentials}
        return tuple(sorted(self.holder_keys, key=used.__contains__))

    def _check_claims(self, credentials: list[VerifiedCredential]) -> None:
        """A claim asked for as mandatory says that "the Wallet will only accept a Credential that includes" it (OID4VCI B.1)."""
        demanded = self.session.claims.get(self.configuration_id, ())
        if any(credential.missing(demanded) for credential in credentials):
            raise InvalidCredential("a credential lacks a claim that the Wallet accepts none without")

    def _check_keys(self, credentials: list[VerifiedCredential]) -> None:
        """Each key "is used to bind to, at most, one Credential", matched by key, not by order (OID4VCI 8.3)."""
        if not self.holder_keys and any(credential.holder_key is not None for credential in credentials):
            raise InvalidCredential("a credential is bound to a key, but none was sent")
        if not self.holder_keys:
            return
        unused = set(self.holder_keys)
        for credential in credentials:
            if credential.holder_key not in unused:
                raise InvalidCredential("a credential is bound to no key of the request, or two are bound to one")
            unused.remove(credential.holder_key)
