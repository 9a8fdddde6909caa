"""How the Credential Issuer looks access tokens up in the server's own token table, and the host of its endpoints."""

from collections.abc import Sequence

from attrs import frozen

from examples.authlib_server.database import TOKEN, Database
from examples.membership import decide
from oid4vci.drive import Draft
from oid4vci.errors import InvalidToken
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.oauth.grants import Authorization
from oid4vci.records import Change, Key, Records, Reply

__all__ = ("IssuerHost", "TableTokens")


@frozen
class TableTokens:
    """Access tokens that are rows of the token table, found by their SHA-256."""

    def read(self, token: str, *, credential_issuer: str) -> "TableToken":
        """Every string is the name of a row, that exists or not."""
        return TableToken(Key.of(TOKEN, token))


@frozen
class TableToken:
    """A token whose row must be loaded."""

    row: Key
    key_refs: tuple[KeyReference, ...] = ()

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The row."""
        return (self.row,)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        """What the row says. The issuer compares the key that the token is bound to. Raises `InvalidToken`."""
        row = records.get(self.row)
        if row is None or row.expires_at <= now:
            raise InvalidToken("the access token is not valid, or not any more")
        return Authorization.granting(**row.data, expires_at=row.expires_at)


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
