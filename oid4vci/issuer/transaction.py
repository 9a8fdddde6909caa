"""Deferred Issuance transactions: how they are stored, and what the application does with them from anywhere (OID4VCI 9).

Rule 1: a transaction belongs to one issuer, and to one subject (of one authorization server), one client and one DPoP key; of
these three the record has no more than a digest.
Rule 2: the holder keys are those of the original request: nothing in a later one can replace them.
Rule 3: whatever ends a transaction is a `Swap` of its record, so that of several requests at once one succeeds.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from attrs import evolve, field, fields, frozen

from oid4vci._json import b64url_decode, b64url_encode, dump_bytes
from oid4vci.errors import CredentialRequestDenied
from oid4vci.keys import PublicKey, public_key
from oid4vci.oauth.grants import Authorization
from oid4vci.proofs.key_attestation import KeyAttestation
from oid4vci.records import Change, Key, Record, Records, Swap

__all__ = ("Decision", "Deferral", "StoredTransaction", "Transaction", "transaction_key", "transaction_record")

TRANSACTION: Final = "transaction"
PENDING, COMPLETED, REFUSED, ISSUED = "pending", "completed", "refused", "issued"
_HANDLE: Final = re.compile(r"[0-9a-f]{64}")


@frozen
class Deferral:
    """For how long Credentials can be deferred. Times are in seconds.

    - `lifetime`: how long a Wallet may come for them, from the day they were ordered. `Transaction.extend` makes it longer.
    - `grace`: how long after they were issued the same Access Token, with the same DPoP key, may have them issued once more, for
      a Wallet that the answer did not reach. With 0 a transaction ends when they are issued (OID4VCI 9.1). Otherwise the
      application is asked again, and the Credentials are new ones for the same keys.
    """

    lifetime: int
    grace: int = 0

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1 or self.grace < 0:
            raise ValueError("lifetime must be positive, and grace must not be negative")


@frozen
class Decision:
    """That the Credentials of a transaction can be issued, and the `note` with which `Transaction.complete` said so."""

    note: Any = field(default=None, repr=False)


def transaction_key(transaction_id: str) -> Key:
    """Where the record of a transaction is."""
    return Key.of(TRANSACTION, transaction_id)


def transaction_record(
    transaction_id: str,
    authorization: Authorization,
    *,
    credential_issuer: str,
    configuration_id: str,
    identifier: str | None,
    granted: Mapping[str, Any] | None,
    holder_keys: Sequence[PublicKey],
    key_attestations: Sequence[KeyAttestation],
    note: Any,
    expires_at: int,
) -> Record:
    """A new transaction. `granted` is the authorization detail of the dataset, `note` the application's."""
    return Record(
        transaction_key(transaction_id),
        {
            "state": PENDING,
            "credential_issuer": credential_issuer,
            "bound_to": _bound_to(transaction_id, credential_issuer, authorization),
            "configuration_id": configuration_id,
            "identifier": identifier,
            "granted": None if granted is None else dict(granted),
            "holder_keys": [_key_data(key) for key in holder_keys],
            "key_attestations": [_attestation_data(each) for each in key_attestations],
            "note": note,
            "decision": None,
        },
        expires_at,
    )


def _bound_to(transaction_id: str, credential_issuer: str, authorization: Authorization) -> str:
    """A digest of whom the transaction is for, which says nothing to who does not know the `transaction_id`."""
    # Another authorization server may call somebody else by the same name.
    server = authorization.claims.get("iss")
    known_by = [server if isinstance(server, str) else None, authorization.subject, authorization.client_id, authorization.jkt]
    named = [transaction_id, credential_issuer, *known_by]
    return hashlib.sha256(dump_bytes(named)).hexdigest()


def _key_data(key: PublicKey) -> dict[str, Any]:
    return {"jwk": dict(key.jwk), "kid": key.kid, "alg": key.alg, "did_url": key.did_url}


def _key(data: Mapping[str, Any]) -> PublicKey:
    return evolve(public_key(data["jwk"]), kid=data["kid"], alg=data["alg"], did_url=data["did_url"])


def _attestation_data(attestation: KeyAttestation) -> dict[str, Any]:
    # Those of a third party's proof type need not have claims that say all the rest.
    certificate = attestation.certificate
    return {
        **{each.name: getattr(attestation, each.name) for each in fields(KeyAttestation)},
        "keys": [_key_data(key) for key in attestation.keys],
        "certificate": None if certificate is None else b64url_encode(certificate),
    }


def _attestation(data: Mapping[str, Any]) -> KeyAttestation:
    levels = {name: data[name] for name in ("key_storage", "user_authentication")}
    certificate = data["certificate"]
    return KeyAttestation(
        **{
            **data,
            **{name: None if given is None else tuple(given) for name, given in levels.items()},
            "keys": tuple(_key(key) for key in data["keys"]),
            "certificate": None if certificate is None else b64url_decode(certificate),
        }
    )


@frozen
class StoredTransaction:
    """A transaction of one issuer that is to be loaded: give `read` what `lookups` led to."""

    handle: str
    credential_issuer: str

    def __attrs_post_init__(self) -> None:
        if not _HANDLE.fullmatch(self.handle):
            raise ValueError("this is not the handle of a transaction")

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The record."""
        return (Key(TRANSACTION, self.handle),)

    def read(self, records: Records, *, now: int) -> "Transaction | None":
        """The transaction; None if this issuer has none, or none any more: it has expired, or its Credentials were issued."""
        record = records.get(*self.lookups)
        if record is None or record.data["credential_issuer"] != self.credential_issuer:
            return None
        return Transaction.of(record, now=now)


@frozen
class Transaction:
    """A Deferred Issuance transaction, as it is stored now.

    What `complete`, `refuse` and `extend` give is to be committed. If that fails, somebody else was faster: load it again. They
    raise `ValueError` if the transaction has ended.
    """

    record: Record = field(repr=False)

    @classmethod
    def of(cls, record: Record, *, now: int) -> Self | None:
        """The transaction of a record, None if it has expired. `now` is in seconds since the epoch."""
        return cls(record) if record.expires_at > now else None

    @property
    def handle(self) -> str:
        """What the application knows it by; it opens nothing."""
        return self.record.key.digest

    @property
    def state(self) -> str:
        """`pending`, `completed`, `refused`, or `issued`, for as long as there is a grace."""
        state: str = self.record.data["state"]
        return state

    @property
    def configuration_id(self) -> str:
        """What was ordered."""
        configuration_id: str = self.record.data["configuration_id"]
        return configuration_id

    @property
    def identifier(self) -> str | None:
        """The credential identifier that was ordered, if the Token Response named some."""
        identifier: str | None = self.record.data["identifier"]
        return identifier

    @property
    def expires_at(self) -> int:
        """Its end, in seconds since the epoch."""
        return self.record.expires_at

    @property
    def note(self) -> Any:
        """What the application gave to `defer`."""
        return self.record.data["note"]

    @property
    def decision(self) -> Decision | None:
        """What was decided; None as long as nothing is."""
        decision = self.record.data["decision"]
        return None if decision is None else Decision(decision["note"])

    @property
    def description(self) -> str:
        """The description with which it was refused."""
        description: str = self.record.data.get("description", "")
        return description

    @property
    def granted(self) -> Mapping[str, Any] | None:
        """The authorization detail under which it was ordered, as JSON."""
        granted: Mapping[str, Any] | None = self.record.data["granted"]
        return granted

    @property
    def holder_keys(self) -> tuple[PublicKey, ...]:
        """The keys that were proved, or attested, when it was ordered."""
        return tuple(_key(each) for each in self.record.data["holder_keys"])

    @property
    def key_attestations(self) -> tuple[KeyAttestation, ...]:
        """The key attestations that were verified then."""
        return tuple(_attestation(each) for each in self.record.data["key_attestations"])

    # --- what the application decides ------------------------------------------------------------------------------------

    def complete(self, note: Any = None) -> tuple[Change, ...]:
        """The change that says that the Credentials can be issued: the next request finds it as `DeferredOrder.decision`.

        `note` is JSON. Said again, it replaces what was said before.
        """
        self._check_open()
        return (Swap.update(self.record, state=COMPLETED, decision={"note": note}),)

    def refuse(self, description: str = "") -> tuple[Change, ...]:
        """The change that ends the transaction: every later request is answered with `credential_request_denied` (OID4VCI 9.3).

        All that is known of the order is dropped. It ends a grace as well. `description` is as in `Refusal`.
        """
        CredentialRequestDenied(description)
        if self.state == REFUSED:
            raise ValueError("the transaction was refused before")
        ended: dict[str, Any] = {
            **{name: self.record.data[name] for name in ("credential_issuer", "bound_to", "configuration_id", "identifier")},
            "granted": None,
            "holder_keys": [],
            "key_attestations": [],
            "note": None,
            "decision": None,
            "state": REFUSED,
            "description": description,
        }
        return (Swap(self.record, evolve(self.record, data=ended, version=self.record.version + 1)),)

    def extend(self, *, expires_at: int) -> tuple[Change, ...]:
        """The change that lets the Wallet come until `expires_at`, which is later than it was (seconds since the epoch)."""
        self._check_open()
        if expires_at <= self.expires_at:
            raise ValueError("expires_at must be later than it is")
        return (Swap.update(self.record, expires_at=expires_at),)

    def _check_open(self) -> None:
        if self.state not in (PENDING, COMPLETED):
            raise ValueError(f"the transaction has ended: it is {self.state}")

    # --- what a request may do -------------------------------------------------------------------------------------------

    def is_for(self, authorization: Authorization, *, credential_issuer: str, transaction_id: str, access_token: str) -> bool:
        """Whether a verified Access Token is that of the same subject, client and DPoP key, and still is for what was ordered.

        Once the Credentials were issued, it must be the very token with which that was.
        """
        data = self.record.data
        if not hmac.compare_digest(_bound_to(transaction_id, credential_issuer, authorization), data["bound_to"]):
            return False
        if self.state == ISSUED and not hmac.compare_digest(_digest(access_token), data["access_token"]):
            return False
        # "an Access Token that is valid for the issuance of the Credential(s) previously requested" -- OID4VCI 9
        if self.identifier is None:
            return self.configuration_id in authorization.configuration_ids
        return (authorization.identifiers or {}).get(self.identifier) == self.configuration_id

    def issued(self, deferral: Deferral, *, access_token: str, now: int) -> Swap:
        """The change that goes first where Credentials are issued: of two requests at once, one fails by it (OID4VCI 9.1)."""
        if self.state == ISSUED:
            # Within the grace: nothing changes, but also this is done by one request at a time.
            return Swap.update(self.record)
        if deferral.grace == 0:
            return Swap(self.record, None)
        return Swap.update(self.record, expires_at=now + deferral.grace, state=ISSUED, access_token=_digest(access_token))


def _digest(access_token: str) -> str:
    return hashlib.sha256(access_token.encode()).hexdigest()
