"""The host of the Credential Issuer's endpoints, which finds access tokens in the server's own token table."""

from collections.abc import Sequence

from attrs import frozen

from examples.authlib_server.database import Database
from examples.membership import decide
from oid4vci.drive import Draft
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.records import Change, Key, Records, Reply

__all__ = ("IssuerHost",)


@frozen
class IssuerHost:
    """The application behind the Credential Issuer."""

    database: Database

    def load(self, keys: Sequence[Key], /) -> Records:
        """Rows of the library's table and of the token table."""
        return self.database.load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """The changes of the issuer: spent nonces and proofs."""
        return self.database.commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """No key is anywhere else."""
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """The key signs by itself."""
        return ()

    def decide(self, order: CredentialOrder, /) -> Draft | Reply:
        """See `examples.membership`."""
        return decide(order)
