"""Access Tokens of several authorization servers at one Credential Issuer (OID4VCI 12.2.4, `authorization_servers`)."""

from collections.abc import Iterable

from attrs import field, frozen

from oid4vci.errors import InvalidToken
from oid4vci.oauth.access_tokens import AccessTokens, ReadAccessToken
from oid4vci.oauth.introspection import IntrospectedAccessTokens

__all__ = ("SeveralAccessTokens",)


def _readers(readers: Iterable[AccessTokens]) -> tuple[AccessTokens, ...]:
    return tuple(readers)


@frozen
class SeveralAccessTokens:
    """Tokens of several kinds or servers: `SeveralAccessTokens([sealed, jwts, introspected])`. Raises `ValueError`.

    A token is for exactly one of `readers`: the first that does not refuse to read it, and what that one says of it is final.
    Sealed tokens are known by their keys, JWTs by their `iss`. A server that is asked about tokens gets every token that nobody
    knew, so there is one at most, and it is the last: asking one server about another's token would give the token away.
    """

    readers: tuple[AccessTokens, ...] = field(converter=_readers)

    def __attrs_post_init__(self) -> None:
        if not self.readers or any(isinstance(each, IntrospectedAccessTokens) for each in self.readers[:-1]):
            raise ValueError("readers must not be empty, and IntrospectedAccessTokens must be the last of them")

    def read(self, token: str, *, credential_issuer: str) -> ReadAccessToken:
        """Take a token apart. Raises `InvalidToken` if nobody knows it."""
        for reader in self.readers:
            try:
                return reader.read(token, credential_issuer=credential_issuer)
            except InvalidToken:
                continue
        raise InvalidToken("the access token is not valid")
