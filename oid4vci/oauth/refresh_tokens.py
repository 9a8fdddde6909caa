"""Refresh Tokens (RFC 6749 6): rotated, bound to the client and its key, good for as much as was granted or less.

A token is a sealed value that names its grant and its generation; the grant's record holds the generation that is good now.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from oid4vci._json import Malformed
from oid4vci.errors import InvalidAuthorizationDetails, InvalidDpopProof, InvalidGrant, InvalidRequest, InvalidScope
from oid4vci.http import Form
from oid4vci.oauth.authorization_details import AuthorizationDetail, read_authorization_details
from oid4vci.oauth.authorization_requests import scope_values
from oid4vci.oauth.client_authentication import AuthenticatedClient
from oid4vci.oauth.grants import GRANT, REDEEMED, VerifiedGrant, revoke
from oid4vci.records import Key, Record, Records, Swap
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = ("GRANT_TYPE", "RefreshCall", "RefreshTokens", "RefreshableGrant")

GRANT_TYPE: Final = "refresh_token"
_PURPOSE: Final = "refresh_token"
_PUBLIC: Final = "none"
DAY: Final = 86_400


@frozen
class RefreshTokens:
    """How Refresh Tokens are made and redeemed.

    `lifetime` is in seconds, from the first Token Response on. With `rotation` every use gives a new token; the one before still
    serves for `grace` seconds, for a client that did not get the answer, and after that ends the whole grant (RFC 9700 4.14.2).
    """

    keys: SealingKeys
    lifetime: int = 90 * DAY
    rotation: bool = True
    grace: int = 30

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1 or self.grace < 0:
            raise ValueError("lifetime must be positive, grace must not be negative")

    def binding(self, client: AuthenticatedClient, *, jkt: str | None, now: int) -> dict[str, Any] | None:
        """What a grant remembers of a Refresh Token; None if the client gets none.

        "the refresh token MUST be sender-constrained" or the client authenticated (RFC 9700 4.14.2): who does neither gets none.
        """
        if client.client_id is None or (client.method == _PUBLIC and jkt is None):
            return None
        return {"generation": 0, "rotated_at": now, "jkt": jkt, "instance": client.instance}

    def new(self, grant: Record, *, new_secret: NewSecret) -> str:
        """The Refresh Token that is good for a grant with this record."""
        claims = {"grant": grant.key.digest, "generation": grant.data["refresh"]["generation"]}
        return self.keys.seal(_PURPOSE, claims, new_secret=new_secret)

    def read(self, form: Form, *, credential_issuers: Sequence[str]) -> "RefreshCall":
        """Read a Token Request whose `grant_type` is `GRANT_TYPE`; nothing in it is believed yet.

        Raises `InvalidRequest`, `InvalidGrant`, `InvalidScope`, `InvalidAuthorizationDetails`.
        """
        token = form.get("refresh_token")
        if token is None:
            raise InvalidRequest("refresh_token is missing")
        try:
            claims = self.keys.open(_PURPOSE, token)
        except Malformed:
            raise InvalidGrant("the refresh token is not valid") from None
        details = read_authorization_details(form.get("authorization_details"), credential_issuers=credential_issuers)
        return RefreshCall(
            self,
            Key(GRANT, claims["grant"]),
            claims["generation"],
            tuple(detail.credential_configuration_id for detail in details),
            scope_values(form.get("scope")),
        )


@frozen
class RefreshCall:
    """A Token Request with a Refresh Token: parsed, nothing believed."""

    tokens: RefreshTokens
    key: Key
    generation: int
    configuration_ids: tuple[str, ...]
    scopes: tuple[str, ...]

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load."""
        return (self.key,)

    def verify(self, records: Records, *, client: AuthenticatedClient, jkt: str | None, now: int) -> "RefreshableGrant":
        """The grant, if this client may go on with it. Nothing is consumed yet.

        A client that authenticates may come with a new DPoP key; a public one is known by its key alone (RFC 9449 5).

        Raises `InvalidGrant`, with a change to commit if the token was replaced before; `InvalidDpopProof`, `InvalidScope`,
        `InvalidAuthorizationDetails`.
        """
        grant = records.get(self.key)
        binding = None if grant is None else grant.data.get("refresh")
        if grant is None or binding is None or grant.data["state"] != REDEEMED or grant.expires_at <= now:
            raise InvalidGrant("the refresh token has expired or was revoked")
        if grant.data["client_id"] != client.client_id or binding["instance"] not in (None, client.instance):
            raise InvalidGrant("the refresh token is another client's")
        if binding["jkt"] is not None and jkt is None:
            raise InvalidDpopProof("a DPoP proof is needed")
        if client.method == _PUBLIC and (jkt is None or binding["jkt"] != jkt):
            raise InvalidGrant("the refresh token is bound to another DPoP key")
        current = binding["generation"]
        if self.generation > current:
            raise InvalidGrant("the refresh token is not valid")
        late = self.generation < current
        if late and not (self.generation == current - 1 and now < binding["rotated_at"] + self.tokens.grace):
            raise InvalidGrant("the refresh token was used before: what it gave is revoked", changes=(revoke(grant),))
        return RefreshableGrant(grant, self._narrowed(grant), self.tokens, jkt, late, now)

    def _narrowed(self, grant: Record) -> tuple[str, ...]:
        """The configurations that the new Access Token is for (RFC 6749 6: scope not more than granted, RFC 9396 7)."""
        granted: Sequence[str] = grant.data["configuration_ids"]
        if not set(self.configuration_ids) <= set(granted):
            raise InvalidAuthorizationDetails("a credential configuration is not part of this grant")
        scopes: Mapping[str, Sequence[str]] = grant.data["scopes"]
        if not set(self.scopes) <= scopes.keys():
            raise InvalidScope("more is asked for than was granted")
        asked = {*self.configuration_ids, *(each for scope in self.scopes for each in scopes[scope])}
        return tuple(each for each in granted if not asked or each in asked)


@frozen
class RefreshableGrant(VerifiedGrant):
    """A grant that a verified request may go on with."""

    tokens: RefreshTokens
    jkt: str | None
    late: bool
    now: int

    @property
    def details(self) -> tuple[AuthorizationDetail, ...]:
        """The `authorization_details` of the Token Response."""
        stored = map(AuthorizationDetail.from_json, self.grant.data["details"])
        return tuple(detail for detail in stored if detail.credential_configuration_id in self.configuration_ids)

    def renew(self) -> Swap:
        """The change that uses the token up; its `after` is what the next one is made for.

        Where the token is not replaced, the change is there for its condition: nobody has revoked the grant.
        """
        if self.late or not self.tokens.rotation:
            return Swap.update(self.grant)
        binding = self.grant.data["refresh"]
        refresh = {
            **binding,
            "generation": binding["generation"] + 1,
            "rotated_at": self.now,
            "jkt": self.jkt or binding["jkt"],
        }
        return Swap.update(self.grant, refresh=refresh)
