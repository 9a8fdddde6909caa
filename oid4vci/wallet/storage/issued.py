"""The stored forms of `Issued` and `Deferred`: Credentials are verified again when they are loaded."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from oid4vci._document import Codec, Document, array, integer, json_object, mapping, nested, positive_number, wire
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.dids import DidUrl
from oid4vci.keys import PublicKey, public_key
from oid4vci.wallet.exchange import Exchange
from oid4vci.wallet.issued import Deferred, Issued, Received
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.storage.members import TEXT, require
from oid4vci.wallet.storage.session import StoredSession

__all__ = ("StoredDeferred", "StoredIssued")

_KEYS = array(json_object(), minimum=0)
_DID_URL: Final = "did_url"


def _check_bytes(value: Any) -> None:
    if not isinstance(value, bytes):
        raise Malformed("must be a string")


_BYTES = Codec(_check_bytes, lambda value: b64url_decode(value) if isinstance(value, str) else value, b64url_encode)


def _jwks(keys: tuple[PublicKey, ...]) -> tuple[Mapping[str, str], ...]:
    """Each key, with the DID URL that names it as a further member."""
    return tuple(key.jwk if key.did_url is None else {**key.jwk, _DID_URL: key.did_url} for key in keys)


def _public_keys(jwks: tuple[Mapping[str, Any], ...]) -> tuple[PublicKey, ...]:
    return tuple(evolve(public_key(jwk), did_url=_did_url(jwk.get(_DID_URL))) for jwk in jwks)


def _did_url(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not DidUrl.parse(value).fragment:
        raise Malformed("must be the DID URL of a key", f"holder_keys.{_DID_URL}")
    return value


@frozen(kw_only=True)
class StoredIssued(Document):
    """An `Issued`: Credentials as they were received, and all it takes to verify them again."""

    session: StoredSession = field(metadata=wire(nested(StoredSession)))
    configuration_id: str = field(metadata=wire(TEXT))
    credentials: tuple[Any, ...] = field(repr=False, metadata=wire(array(Codec(lambda value: None))))
    holder_keys: tuple[Mapping[str, str], ...] = field(metadata=wire(_KEYS))
    verified_at: int = field(metadata=wire(integer()))
    documents: Mapping[str, bytes] = field(repr=False, metadata=wire(mapping(_BYTES)))
    notification_id: str | None = field(default=None, repr=False, metadata=wire(TEXT))

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
        # The token may be for something else by now: see `with_session`.
        require(self.configuration_id in session.granted, "configuration_id")
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
    configuration_id: str = field(metadata=wire(TEXT))
    transaction_id: str = field(repr=False, metadata=wire(TEXT))
    interval: int | float = field(metadata=wire(positive_number()))
    received_at: int = field(metadata=wire(integer()))
    holder_keys: tuple[Mapping[str, str], ...] = field(metadata=wire(_KEYS))

    @classmethod
    def of(cls, deferred: Deferred) -> "StoredDeferred":
        """The stored form."""
        return cls(
            session=StoredSession.of(deferred.session),
            configuration_id=deferred.configuration_id,
            transaction_id=deferred.transaction_id,
            interval=deferred.interval,
            received_at=deferred.received_at,
            holder_keys=_jwks(deferred.holder_keys),
        )

    def restore(self, wallet: Wallet) -> Deferred:
        """The state."""
        session = self.session.restore(wallet)
        require(self.configuration_id in session.configuration_ids, "configuration_id")
        require(session.metadata.deferred_credential_endpoint is not None, "session")
        return Deferred(
            session=session,
            configuration_id=self.configuration_id,
            transaction_id=self.transaction_id,
            interval=self.interval,
            received_at=self.received_at,
            holder_keys=_public_keys(self.holder_keys),
        )
