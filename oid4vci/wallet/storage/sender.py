"""The stored forms of keys, of client authentications and of senders.

Rule 1: of a key, only the public half is written. The settings give the private half back, where they have it.
"""

from collections.abc import Mapping

from attrs import field, frozen

from oid4vci._document import Document, array, json_object, mapping, nested, string, wire
from oid4vci._json import Malformed
from oid4vci.keys import RemoteSigner, Signer, public_key
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.wallet.client_authentication import ClientAuthentication
from oid4vci.wallet.sender import Sender, check_settings
from oid4vci.wallet.settings import Wallet
from oid4vci.wallet.storage.members import TEXT

__all__ = ("StoredClientAuthentication", "StoredSender", "StoredSigner")


@frozen(kw_only=True)
class StoredSigner(Document):
    """A key."""

    key_id: str = field(metadata=wire(TEXT))
    algorithm: str = field(metadata=wire(TEXT))
    public_jwk: Mapping[str, str] = field(metadata=wire(json_object()))

    @classmethod
    def of(cls, signer: Signer) -> "StoredSigner":
        """The stored form."""
        return cls(key_id=signer.key_id, algorithm=signer.algorithm, public_jwk=signer.public_jwk)

    def restore(self, wallet: Wallet) -> Signer:
        """The key of the settings, else one that signs elsewhere."""
        signer = wallet.signers.get(self.key_id)
        if signer is None:
            return RemoteSigner(self.key_id, self.algorithm, self.public_jwk)
        if signer.algorithm != self.algorithm or public_key(signer.public_jwk) != public_key(self.public_jwk):
            raise Malformed("is the name of another key in the settings", "key_id")
        return signer


@frozen(kw_only=True)
class StoredClientAuthentication(Document):
    """A `ClientAuthentication`."""

    method: str = field(metadata=wire(TEXT))
    members: Mapping[str, str] = field(repr=False, metadata=wire(mapping(TEXT)))
    signers: tuple[StoredSigner, ...] = field(metadata=wire(array(nested(StoredSigner), minimum=0)))

    @classmethod
    def of(cls, authentication: ClientAuthentication) -> "StoredClientAuthentication":
        """The stored form."""
        signers = tuple(StoredSigner.of(signer) for signer in authentication.signers)
        return cls(method=authentication.method, members=authentication.members, signers=signers)

    def restore(self, wallet: Wallet) -> ClientAuthentication:
        """The client authentication. Raises `ValueError` if the settings have no such method."""
        if self.method not in wallet.client_authentications:
            raise Malformed("is not a method of the settings", "method")
        signers = tuple(signer.restore(wallet) for signer in self.signers)
        return wallet.client_authentications[self.method](self.members, signers)


@frozen(kw_only=True)
class StoredSender(Document):
    """A `Sender`; its server is stored with the rest of the state."""

    client_id: str | None = field(default=None, metadata=wire(TEXT))
    authentication: StoredClientAuthentication | None = field(default=None, metadata=wire(nested(StoredClientAuthentication)))
    dpop: StoredSigner | None = field(default=None, metadata=wire(nested(StoredSigner)))
    nonces: Mapping[str, str] = field(factory=dict, repr=False, metadata=wire(mapping(string())))
    challenge: str | None = field(default=None, repr=False, metadata=wire(string()))

    @classmethod
    def of(cls, sender: Sender) -> "StoredSender":
        """The stored form."""
        authentication = sender.authentication
        return cls(
            client_id=sender.client_id,
            authentication=None if authentication is None else StoredClientAuthentication.of(authentication),
            dpop=None if sender.dpop is None else StoredSigner.of(sender.dpop),
            nonces=sender.nonces,
            challenge=sender.challenge,
        )

    def restore(self, wallet: Wallet, server: AuthorizationServerMetadata) -> Sender:
        """The sender to `server`. Raises `ValueError` if the settings rule out to send as it did."""
        authentication = None if self.authentication is None else self.authentication.restore(wallet)
        dpop = None if self.dpop is None else self.dpop.restore(wallet)
        check_settings(wallet, server, dpop=dpop, authentication=authentication)
        return Sender(
            server=server,
            client_id=self.client_id,
            authentication=authentication,
            dpop=dpop,
            nonces=self.nonces,
            challenge=self.challenge,
            new_secret=wallet.new_secret,
        )
