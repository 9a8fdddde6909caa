"""The Token Request with each of the three grants, the decision, and the Token Response (OID4VCI 6)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from oid4vci.authorization_server.client_request import ClientCall, VerifiedClient
from oid4vci.errors import InvalidGrant, InvalidTarget, UnauthorizedClient
from oid4vci.http import Response
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.oauth.access_tokens import AccessTokenDraft, NewAccessToken
from oid4vci.oauth.authorization_codes import AuthorizationCodeCall
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.oauth.grants import RedeemableGrant
from oid4vci.oauth.pre_authorized import PreAuthorizedCall
from oid4vci.oauth.refresh_tokens import GRANT_TYPE as REFRESH_TOKEN
from oid4vci.oauth.refresh_tokens import RefreshableGrant, RefreshCall, RefreshTokens
from oid4vci.records import Change, Key, Records, Reply, Swap

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("TokenCall", "TokenDraft", "TokenOrder")

GrantCall: TypeAlias = PreAuthorizedCall | AuthorizationCodeCall | RefreshCall
RedeemedGrant: TypeAlias = RedeemableGrant | RefreshableGrant


@frozen
class TokenCall:
    """A Token Request: parsed, nothing believed."""

    server: "AuthorizationServer" = field(repr=False)
    grant_type: str
    client: ClientCall
    grant_call: GrantCall
    resource: str | None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The grant's record, and those of the client's proofs."""
        return (*self.grant_call.lookups, *self.client.lookups)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The outside keys to resolve."""
        return self.client.key_refs

    def verify(self, records: Records, *, keys: ResolvedKeys | None = None, now: int) -> "TokenOrder":
        """Check the client, its DPoP proof, then the grant; nothing is consumed yet.

        Raises what `ClientCall.verify` and the `verify` of the grant raise (commit its changes), `UnauthorizedClient` if the
        client may not use the grant type, and `InvalidTarget` if the token is asked for another Credential Issuer than the one the
        grant is bound to.
        """
        verified = self.client.verify(records, keys=keys or {}, now=now)
        verified.demand_dpop(self.server)
        if not verified.registration.may_use(self.grant_type):
            raise UnauthorizedClient("the client may not use this grant type")
        grant = self._grant(verified, records, now)
        return TokenOrder(self.server, verified, grant, self._credential_issuer(grant), now)

    def _grant(self, verified: VerifiedClient, records: Records, now: int) -> RedeemedGrant:
        client = verified.client
        match self.grant_call:
            case PreAuthorizedCall():
                return self.grant_call.verify(records, now=now)
            case AuthorizationCodeCall():
                return self.grant_call.verify(
                    records, client_id=client.client_id, jkt=verified.jkt, instance=client.instance, now=now
                )
            case RefreshCall():
                return self.grant_call.verify(records, client=client, jkt=verified.jkt, now=now)

    def _credential_issuer(self, grant: RedeemedGrant) -> str:
        located = [set(detail.locations) for detail in grant.details if detail.locations is not None]
        for each in self.server.issuer_identifiers:
            if (
                grant.credential_issuer in (None, each)
                and self.resource in (None, each)
                and all(each in some for some in located)
            ):
                return each
        raise InvalidTarget("no Credential Issuer is the one of the grant, of resource and of all locations")


@frozen
class TokenOrder:
    """A verified Token Request: the application may `issue` a token or `deny` it."""

    server: "AuthorizationServer" = field(repr=False)
    client: VerifiedClient
    grant: RedeemedGrant
    credential_issuer: str
    now: int

    @property
    def subject(self) -> str:
        """Whom the grant is about."""
        return self.grant.subject

    @property
    def lifetime(self) -> int:
        """Seconds that the Access Token will be good for: more if it is bound to a key (OID4VCI 13.10)."""
        server = self.server
        return server.access_token_lifetime if self.client.jkt is None else server.bound_access_token_lifetime

    def issue(self, *, extra: Mapping[str, Any] | None = None) -> "TokenDraft":
        """A token for all that the grant allows. `extra` are further members of the Token Response (OID4VCI 6.2)."""
        swap, refresh_tokens = self._redeemed()
        stored = swap.after or self.grant.grant
        expires_at = min(self.now + self.lifetime, stored.expires_at)
        token = self.server.access_tokens.draft(
            NewAccessToken(
                grant=stored,
                credential_issuer=self.credential_issuer,
                configuration_ids=self.grant.configuration_ids,
                scope=" ".join(self.grant.scopes) or None,
                jkt=self.client.jkt,
                now=self.now,
                expires_at=expires_at,
            ),
            new_secret=self.server.new_secret,
        )
        members: dict[str, Any] = {
            **(extra or {}),
            # "Value is case insensitive" (RFC 6749 5.1); "DPoP" says that the token is bound (RFC 9449 5).
            "token_type": "Bearer" if self.client.jkt is None else "DPoP",
            "expires_in": expires_at - self.now,
        }
        if refresh_tokens is not None:
            members["refresh_token"] = refresh_tokens.new(stored, new_secret=self.server.new_secret)
        if self.grant.scopes:
            # Unknown values were ignored, so the granted scope is said (RFC 6749 5.1).
            members["scope"] = " ".join(self.grant.scopes)
        details: tuple[AuthorizationDetail, ...] = self.grant.details
        if details:
            members["authorization_details"] = [detail.to_json() for detail in details]
        return TokenDraft(token, members, self.client.headers, (swap, *self.client.changes))

    def _redeemed(self) -> tuple[Swap, RefreshTokens | None]:
        """The change that uses up what was sent, and what makes the Refresh Token, if there is one."""
        grant, tokens = self.grant, self.server.refresh_tokens
        if isinstance(grant, RefreshableGrant):
            return grant.renew(), grant.tokens
        binding = None if tokens is None else tokens.binding(self.client.client, jkt=self.client.jkt, now=self.now)
        if tokens is None or binding is None or not self.client.registration.may_use(REFRESH_TOKEN):
            return grant.redeem(expires_at=self.now + self.lifetime), None
        return grant.redeem(expires_at=self.now + max(tokens.lifetime, self.lifetime), refresh=binding), tokens

    def deny(self, description: str = "") -> Reply:
        """Refuse, leaving the code as it is."""
        return InvalidGrant(description).reply


@frozen
class TokenDraft:
    """A Token Response that may lack the token's signature; a sealed token needs none."""

    token: AccessTokenDraft = field(repr=False)
    members: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str]
    changes: tuple[Change, ...]

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What to have signed elsewhere."""
        return self.token.to_sign

    def finish(self, signatures: Sequence[bytes] = ()) -> Reply:
        """The Token Response (OID4VCI 6.2). Its first change consumes the code: of several equal requests one is answered."""
        body = {**self.members, "access_token": self.token.finish(signatures)}
        return Reply(Response.of_json(200, body, self.headers), self.changes)
