"""Access Tokens of an authorization server that is elsewhere: what their claims must say, and what they allow.

The claims of a JWT (RFC 9068 2.2) and those of an introspection response (RFC 7662 2.2) have the same names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci._document import strings
from oid4vci._json import Malformed, b64url_decode
from oid4vci.oauth.authorization_details import MAX_DETAILS, OPENID_CREDENTIAL, AuthorizationDetail
from oid4vci.oauth.grants import Authorization

__all__ = ("ExternalAccessTokens",)

# The year 5138: what is beyond is no time, and not every clock can say it.
MAX_TIME = 100_000_000_000


def _scopes(scopes: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    return {scope: strings(configuration_ids) for scope, configuration_ids in scopes.items()}


@frozen(kw_only=True)
class ExternalAccessTokens:
    """How the tokens of authorization servers that are elsewhere are read: what every kind of them has in common.

    - `scopes`: each scope value with the configurations that it stands for, as in `CredentialIssuerMetadata.scopes`. Other values
      mean nothing here.
    - `audiences`: what `aud` may have in place of the Credential Issuer Identifier, for a server that names the issuer otherwise.
    - `max_skew`: the seconds that `nbf` and `iat` may lie in the future.
    """

    scopes: Mapping[str, tuple[str, ...]] = field(factory=dict, converter=_scopes)
    audiences: tuple[str, ...] = field(default=(), converter=strings)
    max_skew: int = 60

    def check_audience(self, claims: Mapping[str, Any], credential_issuer: str) -> None:
        """Raises `Malformed` unless `aud`, a string or an array of them, has the Credential Issuer (RFC 9068 4, RFC 7519 4.1.3)."""
        given = claims.get("aud")
        named = [given] if isinstance(given, str) else given
        if not isinstance(named, list) or not any(each in named for each in (credential_issuer, *self.audiences)):
            raise Malformed("must have the Credential Issuer", "aud")

    def check_times(self, claims: Mapping[str, Any], now: int) -> None:
        """Raises `Malformed` unless the token is good `now`, as far as `exp`, `nbf` and `iat` say something (RFC 7519 4.1)."""
        times = {name: time_claim(claims, name) for name in ("exp", "nbf", "iat") if name in claims}
        if times.get("exp", now + 1) <= now:
            raise Malformed("the access token has expired")
        if max(times.get("nbf", now), times.get("iat", now)) > now + self.max_skew:
            raise Malformed("the access token is not valid yet")

    def authorization(self, claims: Mapping[str, Any], *, credential_issuer: str, expires_at: int) -> Authorization:
        """What the token allows at this Credential Issuer, once it was checked. Raises `Malformed`.

        Every value of `scope` and every element of `authorization_details` counts for itself (OID4VCI 5.1.2). A token without
        `client_id` was given out to an anonymous client.
        """
        details = _details(claims, credential_issuer)
        by_details = [detail.credential_configuration_id for detail in details]
        by_scope = [each for scope in _scope_values(claims) for each in self.scopes.get(scope, ())]
        return Authorization(
            subject=_string(claims, "sub"),
            client_id=_string(claims, "client_id") if "client_id" in claims else None,
            configuration_ids=frozenset((*by_details, *by_scope)),
            identifiers=_identifiers(details),
            granted=tuple(detail.to_json() for detail in details),
            note=None,
            expires_at=expires_at,
            jkt=_bound_key(claims),
            claims=claims,
        )


def _string(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed("must be a non-empty string", name)
    return value


def time_claim(claims: Mapping[str, Any], name: str) -> int:
    """A time, in seconds since the epoch. Raises `Malformed`."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_TIME:
        raise Malformed("must be a time in seconds", name)
    return int(value)


def _scope_values(claims: Mapping[str, Any]) -> list[str]:
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise Malformed("must be a string", "scope")
    return scope.split(" ")


def _bound_key(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint of the DPoP key that a token is bound to (RFC 9449 6), None if it is bound to nothing. Raises `Malformed`.

    A token bound in another way (a certificate, RFC 8705 3.1) is no Bearer token: it is refused, since nobody checks that here.
    """
    if "cnf" not in claims:
        return None
    cnf = claims["cnf"]
    if not isinstance(cnf, Mapping) or cnf.keys() != {"jkt"}:
        raise Malformed("must have jkt, and no other confirmation method", "cnf")
    try:
        jkt = _string(cnf, "jkt")
        if len(b64url_decode(jkt)) != 32:
            raise Malformed("must be a SHA-256 thumbprint", "jkt")
    except Malformed as error:
        raise error.within("cnf") from None
    return jkt


def _details(claims: Mapping[str, Any], credential_issuer: str) -> tuple[AuthorizationDetail, ...]:
    """The elements that are about credentials of this issuer: others are for other endpoints (RFC 9396 9.1)."""
    elements = claims.get("authorization_details", [])
    if not isinstance(elements, list) or len(elements) > MAX_DETAILS:
        raise Malformed("must be an array", "authorization_details")
    details = []
    for i, element in enumerate(elements):
        if not isinstance(element, Mapping) or not isinstance(element.get("type"), str):
            raise Malformed("must be an object with a type", f"authorization_details[{i}]")
        if element["type"] == OPENID_CREDENTIAL:
            try:
                detail = AuthorizationDetail.from_json(element)
            except Malformed as error:
                raise error.within(f"authorization_details[{i}]") from None
            if credential_issuer in (detail.locations or (credential_issuer,)):
                details.append(detail)
    return tuple(details)


def _identifiers(details: Sequence[AuthorizationDetail]) -> dict[str, str] | None:
    named = [(each, detail.credential_configuration_id) for detail in details for each in detail.credential_identifiers or ()]
    identifiers = dict(named)
    if len(identifiers) != len(named):
        # "each uniquely identifying a Credential Dataset that can be issued" -- OID4VCI 6.2
        raise Malformed("a credential identifier stands for one dataset only", "authorization_details")
    return identifiers or None
