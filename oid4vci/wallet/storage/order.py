"""The stored forms of `Order` and `Proofs`."""

from attrs import field, frozen

from oid4vci._document import Document, array, boolean, integer, nested, wire
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
class StoredProofs(Document):
    """`Proofs`."""

    order: StoredOrder = field(metadata=wire(nested(StoredOrder)))
    signers: tuple[StoredSigner, ...] = field(metadata=wire(array(nested(StoredSigner), minimum=0)))
    now: int = field(metadata=wire(integer()))

    @classmethod
    def of(cls, proofs: Proofs) -> "StoredProofs":
        """The stored form."""
        signers = tuple(StoredSigner.of(signer) for signer in proofs.signers)
        return cls(order=StoredOrder.of(proofs.order), signers=signers, now=proofs.now)

    def restore(self, wallet: Wallet) -> Proofs:
        """The state."""
        signers = [signer.restore(wallet) for signer in self.signers]
        return self.order.restore(wallet).prove(signers, now=self.now)
