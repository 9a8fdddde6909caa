"""The stored forms of `Order` and `Proofs`."""

from attrs import field, frozen

from oid4vci._document import Document, array, boolean, integer, nested, wire
from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.wallet.order import Order, Proofs
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.storage.members import TEXT, require
from oid4vci.wallet.storage.sender import StoredSigner
from oid4vci.wallet.storage.session import StoredSession

__all__ = ("StoredOrder", "StoredProofs")


@frozen(kw_only=True)
class StoredOrder(Document):
    """An `Order`."""

    session: StoredSession = field(metadata=wire(nested(StoredSession)))
    configuration_id: str = field(metadata=wire(TEXT))
    credential_identifier: str | None = field(default=None, metadata=wire(TEXT))
    c_nonce: str | None = field(default=None, repr=False, metadata=wire(TEXT))
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
        require(self.configuration_id in session.configuration_ids, "configuration_id")
        named = None if session.credential_identifiers is None else session.credential_identifiers[self.configuration_id]
        require(self.credential_identifier in ((None,) if named is None else named), "credential_identifier")
        require((self.c_nonce is None) == (session.metadata.nonce_endpoint is None), "c_nonce")
        return Order(
            session=session,
            configuration_id=self.configuration_id,
            credential_identifier=self.credential_identifier,
            c_nonce=self.c_nonce,
            renewed=self.renewed,
        )


@frozen(kw_only=True)
class StoredHolderKey(StoredSigner):
    """A `HolderKey`: the key, and what names it."""

    did_url: str | None = field(default=None, metadata=wire(TEXT))
    x5c: tuple[str, ...] | None = field(default=None, metadata=wire(array(TEXT)))

    @classmethod
    def of_holder(cls, key: HolderKey) -> "StoredHolderKey":
        """The stored form."""
        return cls(
            key_id=key.signer.key_id,
            algorithm=key.signer.algorithm,
            public_jwk=key.signer.public_jwk,
            did_url=key.did_url,
            x5c=tuple(b64url_encode(certificate) for certificate in key.x5c) or None,
        )

    def restore_holder(self, wallet: Wallet) -> HolderKey:
        """The key."""
        x5c = tuple(b64url_decode(certificate) for certificate in self.x5c or ())
        return HolderKey(self.restore(wallet), self.did_url, x5c)


@frozen(kw_only=True)
class StoredProofs(Document):
    """`Proofs`. What was stored before there were proof types has none, and is proved by `jwt`."""

    order: StoredOrder = field(metadata=wire(nested(StoredOrder)))
    signers: tuple[StoredHolderKey, ...] = field(metadata=wire(array(nested(StoredHolderKey), minimum=0)))
    now: int = field(metadata=wire(integer()))
    proof_type: str | None = field(default=None, metadata=wire(TEXT))
    key_attestation: str | None = field(default=None, repr=False, metadata=wire(TEXT))

    @classmethod
    def of(cls, proofs: Proofs) -> "StoredProofs":
        """The stored form."""
        return cls(
            order=StoredOrder.of(proofs.order),
            signers=tuple(StoredHolderKey.of_holder(key) for key in proofs.keys),
            now=proofs.now,
            proof_type=proofs.proof_type,
            key_attestation=proofs.key_attestation,
        )

    def restore(self, wallet: Wallet) -> Proofs:
        """The state."""
        return self.order.restore(wallet).prove(
            [signer.restore_holder(wallet) for signer in self.signers],
            now=self.now,
            proof_type=self.proof_type or ("jwt" if self.signers else None),
            key_attestation=self.key_attestation,
        )
