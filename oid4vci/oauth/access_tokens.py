"""Access Tokens: how an authorization server mints one, how a Credential Issuer reads one, and the sealed ones that do both."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from attrs import field, frozen

from oid4vci._document import strings
from oid4vci._json import Malformed
from oid4vci.errors import InvalidToken
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.oauth.grants import REDEEMED, Authorization
from oid4vci.records import Key, Record, Records
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = (
    "AccessTokenDraft",
    "AccessTokens",
    "MintedAccessTokens",
    "NewAccessToken",
    "ReadAccessToken",
    "SealedAccessTokens",
)

MAX_TOKEN = 8192
# "Access Tokens with lifetimes longer than 5 minutes are, in general, considered long lived." -- OID4VCI 13.10
MAX_BEARER_LIFETIME: Final = 300


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
        """Take a token apart. Raises `InvalidToken` if it is none of these."""


@frozen(kw_only=True)
class NewAccessToken:
    """What a new Access Token says. Raises `ValueError` for one that must not be issued.

    - `grant`: the record of the grant as it will be stored when the token goes out; the token is worth nothing before that.
    - `credential_issuer`: the Credential Issuer the token is for, its audience.
    - `configuration_ids`: what the token is good for: all of the grant's, or some of them.
    - `scope`: the scope values that were granted, separated by spaces; None if none were.
    - `jkt`: the thumbprint of the DPoP key the token is bound to; None for a Bearer token, which lives five minutes at most.
    - `now`, `expires_at`: seconds since the epoch.
    """

    grant: Record = field(repr=False)
    credential_issuer: str
    configuration_ids: tuple[str, ...] = field(converter=strings)
    scope: str | None = None
    jkt: str | None = None
    now: int
    expires_at: int

    def __attrs_post_init__(self) -> None:
        if not self.configuration_ids or not set(self.configuration_ids) <= set(self.grant.data["configuration_ids"]):
            raise ValueError("configuration_ids must be some of those of the grant")
        if self.expires_at <= self.now:
            raise ValueError("expires_at must be later than now")
        if self.jkt is None and self.expires_at > self.now + MAX_BEARER_LIFETIME:
            # "Long-lived Access Tokens ... MUST not be issued unless sender-constrained." -- OID4VCI 13.10
            raise ValueError(f"a Bearer token lives {MAX_BEARER_LIFETIME} seconds at most")


class AccessTokenDraft(Protocol):
    """A token that lacks its signature only."""

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere; empty if the key is here, or none is needed."""

    def finish(self, signatures: Sequence[bytes] = ()) -> str:
        """The token, with one signature for each element of `to_sign`. Raises `ValueError`."""


class MintedAccessTokens(Protocol):
    """How an authorization server mints Access Tokens."""

    def draft(self, token: NewAccessToken, *, new_secret: NewSecret) -> AccessTokenDraft:
        """A token. It is worth nothing until the grant's change is committed."""


@frozen
class SealedAccessTokens:
    """Access Tokens as sealed values: for an authorization server and a Credential Issuer that share keys.

    A token names its grant, its end, the key it is bound to and, if it is narrower than the grant, for which of the grant's
    `configuration_ids` it is: their order in the record stays as it is while tokens are out. The grant's record says the rest, so
    that revoking it ends the token.
    """

    keys: SealingKeys

    def draft(self, token: NewAccessToken, *, new_secret: NewSecret) -> "SealedAccessTokenDraft":
        """A token. It is worth nothing until the grant's change is committed."""
        key, granted = token.grant.key, token.grant.data["configuration_ids"]
        claims: dict[str, str | int] = {"grant": key.digest, "kind": key.kind, "exp": token.expires_at}
        if token.jkt is not None:
            claims["jkt"] = token.jkt
        if not set(granted) <= set(token.configuration_ids):
            # One bit for each: a token stays small however many there are.
            claims["some"] = f"{sum(1 << i for i, each in enumerate(granted) if each in token.configuration_ids):x}"
        return SealedAccessTokenDraft(self.keys.seal(f"access_token {token.credential_issuer}", claims, new_secret=new_secret))

    def read(self, token: str, *, credential_issuer: str) -> "SealedAccessToken":
        """Take a token apart. Raises `InvalidToken`."""
        try:
            claims: Mapping[str, str | int] = self.keys.open(f"access_token {credential_issuer}", token, max_size=MAX_TOKEN)
        except Malformed:
            raise InvalidToken("the access token is not valid") from None
        return SealedAccessToken(
            Key(str(claims["kind"]), str(claims["grant"])),
            int(claims["exp"]),
            str(claims["jkt"]) if "jkt" in claims else None,
            int(str(claims["some"]), 16) if "some" in claims else None,
        )


@frozen
class SealedAccessTokenDraft:
    """A sealed token: complete, for it needs no signature."""

    token: str = field(repr=False)
    to_sign: tuple[SigningInput, ...] = field(default=(), init=False)

    def finish(self, signatures: Sequence[bytes] = ()) -> str:
        """The token."""
        return self.token


@frozen
class SealedAccessToken:
    """A token of ours, whose grant must be loaded. Bit i of `some`: it is for element i of the grant's `configuration_ids`."""

    grant: Key
    expires_at: int
    jkt: str | None = None
    some: int | None = None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The grant's record."""
        return (self.grant,)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """None."""
        return ()

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Authorization:
        """What the token allows. Raises `InvalidToken` if it has ended, or its grant was revoked."""
        grant = records.get(self.grant)
        if self.expires_at <= now or grant is None or grant.data["state"] != REDEEMED:
            raise InvalidToken("the access token has expired or was revoked")
        granted = grant.data["configuration_ids"]
        some = None if self.some is None else [each for i, each in enumerate(granted) if self.some >> i & 1]
        return Authorization.from_grant(grant, expires_at=self.expires_at, jkt=self.jkt, configuration_ids=some)
