"""States as bytes and back: `dump`, `load`.

Rule 1: the settings (`Wallet`) and private keys are never written.
Rule 2: what is read obeys the rules that held when it was written; Credentials are verified again.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from oid4vci import _json
from oid4vci._document import (
    Codec,
    Document,
    array,
    boolean,
    choice,
    integer,
    json_object,
    mapping,
    nested,
    positive_number,
    string,
    wire,
)
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.errors import WalletError
from oid4vci.keys import LocalSigner, PublicKey, RemoteSigner, public_key
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.offers import CredentialOffer, check_offer
from oid4vci.wallet.exchange import Exchange
from oid4vci.wallet.issued import Deferred, Issued, Received
from oid4vci.wallet.opened import Opened, demand_endpoints
from oid4vci.wallet.order import Order, Proofs
from oid4vci.wallet.session import ACCESS_TOKEN, Session
from oid4vci.wallet.settings import Wallet

__all__ = ("State", "dump", "load")

State: TypeAlias = Opened | Session | Order | Proofs | Issued | Deferred

VERSION = 1
# A state holds several documents of which each may be as long, and as deep, as an answer may be.
MAX_BYTES = 1 << 26
MAX_DEPTH = 48

_TEXT = string(minimum=0, maximum=MAX_BYTES)
_KEYS = array(json_object(), minimum=0)


def _require(condition: bool, path: str) -> None:
    if not condition:
        raise Malformed("does not fit the rest of the state", path)


@frozen(kw_only=True)
class StoredOpened(Document):
    """An `Opened`."""

    offer: CredentialOffer = field(metadata=wire(nested(CredentialOffer)))
    metadata: CredentialIssuerMetadata = field(metadata=wire(nested(CredentialIssuerMetadata)))
    server: AuthorizationServerMetadata = field(metadata=wire(nested(AuthorizationServerMetadata)))

    @classmethod
    def of(cls, opened: Opened) -> "StoredOpened":
        """The stored form."""
        return cls(offer=opened.offer, metadata=opened.metadata, server=opened.server)

    def restore(self, wallet: Wallet) -> Opened:
        """The state."""
        check_offer(self.offer, self.metadata)
        # The trust decision may be another one by now.
        for identifier in (self.metadata.credential_issuer, self.server.issuer):
            wallet.trust.demand(identifier)
        demand_endpoints(wallet, self.metadata, self.server)
        _require(self.server.issuer in self.metadata.servers, "server")
        if self.server.token_endpoint is None:
            raise Malformed("is missing", "server.token_endpoint")
        return Opened(wallet, self.offer, self.metadata, self.server, self.server.token_endpoint)


@frozen(kw_only=True)
class StoredSession(Document):
    """A `Session`."""

    opened: StoredOpened = field(metadata=wire(nested(StoredOpened)))
    access_token: str = field(repr=False, metadata=wire(ACCESS_TOKEN))
    client_id: str | None = field(default=None, metadata=wire(_TEXT))
    configuration_ids: tuple[str, ...] = field(metadata=wire(array(string())))
    credential_identifiers: Mapping[str, tuple[str, ...]] | None = field(
        default=None, metadata=wire(mapping(array(string()), minimum=1))
    )
    expires_in: int | None = field(default=None, metadata=wire(integer(minimum=0)))
    refresh_token: str | None = field(default=None, repr=False, metadata=wire(_TEXT))

    @classmethod
    def of(cls, session: Session) -> "StoredSession":
        """The stored form."""
        return cls(
            opened=StoredOpened.of(session.opened),
            access_token=session.access_token,
            client_id=session.client_id,
            configuration_ids=session.configuration_ids,
            credential_identifiers=session.credential_identifiers,
            expires_in=session.expires_in,
            refresh_token=session.refresh_token,
        )

    def restore(self, wallet: Wallet) -> Session:
        """The state."""
        opened, identifiers = self.opened.restore(wallet), self.credential_identifiers
        _require(set(self.configuration_ids) <= set(opened.offer.credential_configuration_ids), "configuration_ids")
        _require(identifiers is None or set(identifiers) == set(self.configuration_ids), "credential_identifiers")
        return Session(
            opened=opened,
            access_token=self.access_token,
            client_id=self.client_id,
            configuration_ids=self.configuration_ids,
            credential_identifiers=identifiers,
            expires_in=self.expires_in,
            refresh_token=self.refresh_token,
        )


@frozen(kw_only=True)
class StoredOrder(Document):
    """An `Order`."""

    session: StoredSession = field(metadata=wire(nested(StoredSession)))
    configuration_id: str = field(metadata=wire(_TEXT))
    credential_identifier: str | None = field(default=None, metadata=wire(_TEXT))
    c_nonce: str | None = field(default=None, repr=False, metadata=wire(_TEXT))
    renewed: bool = field(metadata=wire(boolean()))

    @classmethod
    def of(cls, order: Order) -> "StoredOrder":
        """The stored form."""
        return cls(
            session=StoredSession.of(order.session),
            configuration_id=order.configuration_id,
            credential_identifier=order.credential_identifier,
            c_nonce=order.c_nonce,
            renewed=order.renewed,
        )

    def restore(self, wallet: Wallet) -> Order:
        """The state."""
        session = self.session.restore(wallet)
        _require(self.configuration_id in session.configuration_ids, "configuration_id")
        named = None if session.credential_identifiers is None else session.credential_identifiers[self.configuration_id]
        _require(self.credential_identifier in ((None,) if named is None else named), "credential_identifier")
        _require((self.c_nonce is None) == (session.metadata.nonce_endpoint is None), "c_nonce")
        return Order(
            session=session,
            configuration_id=self.configuration_id,
            credential_identifier=self.credential_identifier,
            c_nonce=self.c_nonce,
            renewed=self.renewed,
        )


@frozen(kw_only=True)
class StoredSigner(Document):
    """A `RemoteSigner`."""

    key_id: str = field(metadata=wire(_TEXT))
    algorithm: str = field(metadata=wire(_TEXT))
    public_jwk: Mapping[str, str] = field(metadata=wire(json_object()))


@frozen(kw_only=True)
class StoredProofs(Document):
    """`Proofs` whose keys are elsewhere."""

    order: StoredOrder = field(metadata=wire(nested(StoredOrder)))
    signers: tuple[StoredSigner, ...] = field(metadata=wire(array(nested(StoredSigner), minimum=0)))
    now: int = field(metadata=wire(integer()))

    @classmethod
    def of(cls, proofs: Proofs) -> "StoredProofs":
        """The stored form."""
        signers = []
        for signer in proofs.signers:
            if isinstance(signer, LocalSigner):
                raise ValueError("proofs with a private key of this process are not stored: store the order, and prove again")  # noqa: TRY004  # types are right
            signers.append(StoredSigner(key_id=signer.key_id, algorithm=signer.algorithm, public_jwk=signer.public_jwk))
        return cls(order=StoredOrder.of(proofs.order), signers=tuple(signers), now=proofs.now)

    def restore(self, wallet: Wallet) -> Proofs:
        """The state."""
        signers = [RemoteSigner(signer.key_id, signer.algorithm, signer.public_jwk) for signer in self.signers]
        return self.order.restore(wallet).prove(signers, now=self.now)


def _check_bytes(value: Any) -> None:
    if not isinstance(value, bytes):
        raise Malformed("must be a string")


_BYTES = Codec(_check_bytes, lambda value: b64url_decode(value) if isinstance(value, str) else value, b64url_encode)


def _jwks(keys: tuple[PublicKey, ...]) -> tuple[Mapping[str, str], ...]:
    return tuple(key.jwk for key in keys)


def _public_keys(jwks: tuple[Mapping[str, str], ...]) -> tuple[PublicKey, ...]:
    return tuple(public_key(jwk) for jwk in jwks)


@frozen(kw_only=True)
class StoredIssued(Document):
    """An `Issued`: Credentials as they were received, and all it takes to verify them again."""

    session: StoredSession = field(metadata=wire(nested(StoredSession)))
    configuration_id: str = field(metadata=wire(_TEXT))
    credentials: tuple[Any, ...] = field(repr=False, metadata=wire(array(Codec(lambda value: None))))
    holder_keys: tuple[Mapping[str, str], ...] = field(metadata=wire(_KEYS))
    verified_at: int = field(metadata=wire(integer()))
    documents: Mapping[str, bytes] = field(repr=False, metadata=wire(mapping(_BYTES)))
    notification_id: str | None = field(default=None, repr=False, metadata=wire(_TEXT))

    @classmethod
    def of(cls, issued: Issued) -> "StoredIssued":
        """The stored form."""
        return cls(
            session=StoredSession.of(issued.session),
            configuration_id=issued.configuration_id,
            credentials=tuple(each.credential for each in issued.credentials),
            holder_keys=_jwks(issued.holder_keys),
            verified_at=issued.verified_at,
            documents=issued.documents,
            notification_id=issued.notification_id,
        )

    def restore(self, wallet: Wallet) -> Issued:
        """The state."""
        session = self.session.restore(wallet)
        _require(self.configuration_id in session.configuration_ids, "configuration_id")
        received = Received(
            session=session,
            configuration_id=self.configuration_id,
            credentials=self.credentials,
            holder_keys=_public_keys(self.holder_keys),
            now=self.verified_at,
            notification_id=self.notification_id,
        )
        issued = received.verify(self.documents)
        if isinstance(issued, Exchange):
            raise Malformed("does not fit the rest of the state", "documents")
        return issued


@frozen(kw_only=True)
class StoredDeferred(Document):
    """A `Deferred`."""

    session: StoredSession = field(metadata=wire(nested(StoredSession)))
    configuration_id: str = field(metadata=wire(_TEXT))
    transaction_id: str = field(repr=False, metadata=wire(_TEXT))
    interval: int | float = field(metadata=wire(positive_number()))
    holder_keys: tuple[Mapping[str, str], ...] = field(metadata=wire(_KEYS))

    @classmethod
    def of(cls, deferred: Deferred) -> "StoredDeferred":
        """The stored form."""
        return cls(
            session=StoredSession.of(deferred.session),
            configuration_id=deferred.configuration_id,
            transaction_id=deferred.transaction_id,
            interval=deferred.interval,
            holder_keys=_jwks(deferred.holder_keys),
        )

    def restore(self, wallet: Wallet) -> Deferred:
        """The state."""
        session = self.session.restore(wallet)
        _require(self.configuration_id in session.configuration_ids, "configuration_id")
        _require(session.metadata.deferred_credential_endpoint is not None, "session")
        return Deferred(
            session=session,
            configuration_id=self.configuration_id,
            transaction_id=self.transaction_id,
            interval=self.interval,
            holder_keys=_public_keys(self.holder_keys),
        )


Stored: TypeAlias = StoredOpened | StoredSession | StoredOrder | StoredProofs | StoredIssued | StoredDeferred

_FORMS: dict[str, type[Stored]] = {
    "opened": StoredOpened,
    "session": StoredSession,
    "order": StoredOrder,
    "proofs": StoredProofs,
    "issued": StoredIssued,
    "deferred": StoredDeferred,
}


@frozen(kw_only=True)
class Envelope(Document):
    """What `dump` writes."""

    type: str = field(metadata=wire(choice(*_FORMS)))
    version: int = field(metadata=wire(integer(minimum=VERSION, maximum=VERSION)))
    state: Mapping[str, Any] = field(repr=False, metadata=wire(json_object()))


def _stored(state: State) -> tuple[str, Stored]:
    match state:
        case Opened():
            return "opened", StoredOpened.of(state)
        case Session():
            return "session", StoredSession.of(state)
        case Order():
            return "order", StoredOrder.of(state)
        case Proofs():
            return "proofs", StoredProofs.of(state)
        case Issued():
            return "issued", StoredIssued.of(state)
        case _:
            return "deferred", StoredDeferred.of(state)


def dump(state: State) -> bytes:
    """A state as JSON, to be loaded by another process.

    The bytes hold whatever secrets the state holds, codes and tokens and Credentials: store them encrypted, where nobody can
    change them (OID4VCI 13.10). Raises `ValueError` for `Proofs` with a private key: store the order and prove again.
    """
    name, stored = _stored(state)
    return _json.dump_bytes(Envelope(type=name, version=VERSION, state=stored.to_json()).to_json())


def load(data: bytes, wallet: Wallet) -> State:
    """The state that `dump` wrote, with the settings of this process.

    Credentials of an `Issued` are verified again, against the Wallet's present trust, for the time of their receipt.

    Raises `ValueError` if the data are not what `dump` wrote, or what they hold no longer verifies.
    """
    envelope = Envelope.from_json(_json.object_from(data, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH))
    try:
        return _FORMS[envelope.type].from_json(envelope.state).restore(wallet)
    except WalletError as error:
        raise Malformed(str(error), "state") from None
