"""Access tokens that are rows of an OAuth server's own table, as the Credential Issuer beside it looks them up."""

from typing import Final

from attrs import frozen

from oid4vci.errors import InvalidToken
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.grants import Authorization
from oid4vci.records import Key, Records

__all__ = ("TOKEN", "TableTokens")

TOKEN: Final = "token"
"""The kind under which the issuer asks for a row of the server's table, by the SHA-256 of the token."""


@frozen
class TableTokens:
    """The tokens of the server, whatever they look like."""

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
