"""How Credentials are asked for: by `authorization_details` or by scope values (OID4VCI 5.1.1, 5.1.2, 6.1.1)."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from oid4vci import _json
from oid4vci.claims import ClaimsDescription
from oid4vci.errors import InvalidMetadata
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.wallet.settings import Wallet

__all__ = (
    "Using",
    "by_details",
    "check_takes_details",
    "credential_details",
    "credential_scope",
    "details_parameter",
    "further_scopes",
    "requested_claims",
)

Using: TypeAlias = Literal["scope", "authorization_details"]
"""A way to ask, by the name of its parameter."""

SCOPE_VALUE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,1000}")
# It makes an OpenID Connect request, which this is not.
OPENID: Final = "openid"


def credential_details(
    metadata: CredentialIssuerMetadata,
    configuration_ids: Sequence[str],
    claims: Mapping[str, Sequence[ClaimsDescription]] | None = None,
) -> tuple[AuthorizationDetail, ...]:
    """Each of these configurations as an element of `authorization_details`.

    "If the Credential Issuer metadata contains an `authorization_servers` parameter, the authorization detail's `locations` common
    data field MUST be set to the Credential Issuer Identifier value." -- OID4VCI 5.1.1, 6.1

    `claims` are claims descriptions by configuration id (OID4VCI B.1). Raises `ValueError` for those that are none, contradict
    each other (B.3), or are of a Credential that is not asked for.
    """
    if not (claims or {}).keys() <= set(configuration_ids):
        raise ValueError("claims are wanted of a Credential that is not asked for")
    locations = None if metadata.authorization_servers is None else (metadata.credential_issuer,)
    details = []
    for name in configuration_ids:
        wanted = None if claims is None or name not in claims else tuple(claims[name])
        details.append(AuthorizationDetail(credential_configuration_id=name, locations=locations, claims=wanted))
    return tuple(details)


def requested_claims(details: Sequence[AuthorizationDetail]) -> dict[str, tuple[ClaimsDescription, ...]]:
    """The claims that these details ask for, by configuration id."""
    return {detail.credential_configuration_id: detail.claims for detail in details if detail.claims is not None}


def check_takes_details(wallet: Wallet, server: AuthorizationServerMetadata) -> None:
    """Raise `ValueError` if the server says that it takes no `authorization_details` of type `openid_credential`.

    The settings may rule them out as well.
    One that ignored them would spend a code on a token that the Wallet cannot use (OID4VCI 6.2).
    """
    if not wallet.authorization_details:
        raise ValueError("the Wallet asks by scope only: authorization_details are ruled out by its settings (HAIP 4.3)")
    if server.authorization_details_types_supported is not None and not server.takes_authorization_details:
        raise ValueError("this server takes no authorization_details of type openid_credential")


def details_parameter(details: Sequence[AuthorizationDetail]) -> str:
    """The `authorization_details` parameter."""
    return _json.dumps([detail.to_json() for detail in details])


def credential_scope(metadata: CredentialIssuerMetadata, configuration_id: str) -> str | None:
    """The scope value that asks for a configuration; None if there is none, or what is there asks for something else."""
    scope = metadata.credential_configurations_supported[configuration_id].scope
    return scope if scope is not None and scope != OPENID and SCOPE_VALUE.fullmatch(scope) else None


def further_scopes(scope: str | None) -> list[str]:
    """The values of the `scope` that the application wants. Raises `ValueError` unless they are some, and no `openid`."""
    values = [] if scope is None else scope.split(" ")
    if not all(SCOPE_VALUE.fullmatch(value) for value in values):
        raise ValueError("scope is space-separated values (RFC 6749 3.3)")
    if OPENID in values:
        raise ValueError("this is no OpenID Connect request: openid is not asked for")
    return values


def by_details(
    wallet: Wallet,
    server: AuthorizationServerMetadata,
    metadata: CredentialIssuerMetadata,
    configuration_ids: Sequence[str],
    *,
    using: Using | None,
    claims: bool,
) -> bool:
    """Whether to ask by `authorization_details`: where the application or `claims` want that, or there is a scope value lacking.

    HAIP 4.3 wants scope values. Raises `InvalidMetadata` if neither way is open, `ValueError` if the wanted one is not.
    """
    if using is None and not wallet.authorization_details:
        using = "scope"
    lacking = [name for name in configuration_ids if credential_scope(metadata, name) is None]
    if using == "scope":
        if claims:
            raise ValueError("claims can be asked for in authorization_details only")
        if lacking:
            raise ValueError(f"there is no scope value that asks for {', '.join(lacking)}")
        return False
    if using == "authorization_details" or claims:
        check_takes_details(wallet, server)
        return True
    if lacking and not server.takes_authorization_details:
        # "the only way to request the Credential is using authorization_details", which the server must list -- OID4VCI 12.2.4
        raise InvalidMetadata("a Credential has no scope, and the Authorization Server lists no openid_credential details")
    return bool(lacking)
