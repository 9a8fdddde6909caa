"""Access Tokens: how a Credential Issuer reads one, whoever minted it, and the sealed tokens of our own server."""

import re
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import unquote_plus

from attrs import frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidToken, InvalidTokenRequest, MissingToken
from oid4vci.http import Request
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.oauth.grants import REDEEMED, Authorization
from oid4vci.records import Key, Records
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = ("AccessTokens", "ReadAccessToken", "SealedAccessTokens", "bearer_token")

MAX_TOKEN = 8192
# "Access Tokens with lifetimes longer than 5 minutes are, in general, considered long lived." -- OID4VCI 13.10
MAX_BEARER_LIFETIME: Final = 300
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def bearer_token(request: Request) -> str:
    """The Access Token of a request to a protected endpoint, from the `Authorization` header and nowhere else (RFC 6750 2.1).

    Raises `MissingToken`, `InvalidToken`, `InvalidTokenRequest`.
    """
    values = request.headers.all("authorization")
    query = request.query
    if query and any(unquote_plus(parameter.partition("=")[0]) == "access_token" for parameter in query.split("&")):
        raise InvalidTokenRequest("the access token belongs into the Authorization header")
    if len(values) > 1:
        raise InvalidTokenRequest("the Authorization header is repeated")
    scheme, _, token = values[0].strip(" \t").partition(" ") if values else ("", "", "")
    if scheme.lower() != "bearer":
        raise MissingToken
    token = token.strip(" ")
    if len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
        raise InvalidToken("the access token is malformed")
    return token


class ReadAccessToken(Protocol):
    """A token taken apart: what must be loaded and resolved before it can be verified."""

    @property
    def lookups(self) -> tuple[Key, ...]:
        """Records to load."""

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Keys to resolve."""

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        """What the token allows. Raises `InvalidToken`."""


class AccessTokens(Protocol):
    """How a Credential Issuer reads Access Tokens."""

    def read(self, token: str, *, credential_issuer: str) -> ReadAccessToken:
        """Take a token apart. Raises `InvalidToken`."""


@frozen
class SealedAccessTokens:
    """Access Tokens as sealed values: for an authorization server and a Credential Issuer that share keys.

    A token names its grant and its end; the grant's record says the rest, so that revoking it ends the token.
    """

    keys: SealingKeys

    def new(self, grant: Key, *, credential_issuer: str, expires_at: int, new_secret: NewSecret) -> str:
        """A token for a redeemed grant. It is worth nothing until the grant's change is committed."""
        claims = {"grant": grant.digest, "kind": grant.kind, "exp": expires_at}
        return self.keys.seal(f"access_token {credential_issuer}", claims, new_secret=new_secret)

    def read(self, token: str, *, credential_issuer: str) -> "SealedAccessToken":
        """Take a token apart. Raises `InvalidToken`."""
        try:
            claims: Mapping[str, str | int] = self.keys.open(f"access_token {credential_issuer}", token)
        except Malformed:
            raise InvalidToken("the access token is not valid") from None
        return SealedAccessToken(Key(str(claims["kind"]), str(claims["grant"])), int(claims["exp"]))


@frozen
class SealedAccessToken:
    """A token of ours, whose grant must be loaded."""

    grant: Key
    expires_at: int

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The grant's record."""
        return (self.grant,)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """None."""
        return ()

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        """What the grant allows. Raises `InvalidToken` if the token has ended, or its grant was revoked."""
        grant = records.get(self.grant)
        if self.expires_at <= now or grant is None or grant.data["state"] != REDEEMED:
            raise InvalidToken("the access token has expired or was revoked")
        return Authorization.from_grant(grant, expires_at=self.expires_at)
