"""The grant: what an End-User approved, as one record that a code leads to and every token points back to.

Its data are `subject`, `configuration_ids`, `datasets` (configuration id to credential identifiers), `state`, the `client_id` it
is bound to, the application's own `note`, and once redeemed the `details` that were granted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from attrs import field, frozen

from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.records import Record, Swap

__all__ = (
    "GRANT",
    "MAX_IDENTIFIER",
    "OFFERED",
    "REDEEMED",
    "REVOKED",
    "Authorization",
    "default_identifier",
    "granted_details",
    "identifiers_of",
    "revoke",
)

GRANT = "grant"
OFFERED, REDEEMED, REVOKED = "offered", "redeemed", "revoked"
# Characters of a credential identifier: those that are given out, and those that are read.
MAX_IDENTIFIER = 4096


def revoke(grant: Record) -> Swap:
    """The change that ends a grant, offered or redeemed: its code is worth nothing any more, nor are the tokens it gave."""
    return Swap.update(grant, state=REVOKED)


def default_identifier(configuration_id: str) -> str:
    """The credential identifier of the one dataset of a configuration for which the application named none."""
    return f"{configuration_id}/default"


def identifiers_of(configuration_id: str, datasets: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The credential identifiers of a configuration: those named in `datasets`, else the default one."""
    return tuple(datasets.get(configuration_id) or (default_identifier(configuration_id),))


@frozen
class Authorization:
    """What a valid Access Token allows.

    `client_id` is None if the token was given out to an anonymous client. `identifiers` maps each credential identifier that the
    Token Response named to its configuration; it is None if the response named none, and then `configuration_ids` decide.
    `granted` is `details` as stored. `note` is what the application stored with the grant. `expires_at` is the token's end. `jkt`
    is the thumbprint of the DPoP key that the token is bound to, None for a Bearer token.
    """

    subject: str
    client_id: str | None
    configuration_ids: frozenset[str]
    identifiers: Mapping[str, str] | None
    granted: tuple[Mapping[str, Any], ...] = field(repr=False)
    note: Any = field(repr=False)
    expires_at: int
    grant: Record | None = field(default=None, repr=False)
    jkt: str | None = None

    @property
    def details(self) -> tuple[AuthorizationDetail, ...]:
        """The `authorization_details` of the Token Response."""
        return tuple(AuthorizationDetail.from_json(detail) for detail in self.granted)

    @classmethod
    def from_grant(
        cls, grant: Record, *, expires_at: int, jkt: str | None = None, configuration_ids: Collection[str] | None = None
    ) -> Self:
        """What a redeemed grant allows, or as much of it as `configuration_ids` are about."""
        data = grant.data
        allowed = frozenset(data["configuration_ids"])
        granted = tuple(data["details"])
        if configuration_ids is not None:
            allowed &= frozenset(configuration_ids)
            granted = tuple(detail for detail in granted if detail["credential_configuration_id"] in allowed)
        identifiers: dict[str, str] | None = None
        if granted:
            identifiers = {
                identifier: detail["credential_configuration_id"]
                for detail in granted
                for identifier in detail["credential_identifiers"]
            }
        return cls(
            subject=data["subject"],
            client_id=data["client_id"],
            configuration_ids=allowed,
            identifiers=identifiers,
            granted=granted,
            note=data["note"],
            expires_at=expires_at,
            grant=grant,
            jkt=jkt,
        )


def granted_details(
    requested: Sequence[AuthorizationDetail],
    configuration_ids: Sequence[str],
    datasets: Mapping[str, Sequence[str]],
) -> tuple[AuthorizationDetail, ...]:
    """The `authorization_details` of the Token Response (OID4VCI 6.2), each with its `credential_identifiers`.

    They are there if the request had some ("REQUIRED when ... used in ... Token Request"), or the application named datasets.
    Then every configuration gets identifiers, so that all of them can be requested.
    """
    if requested:
        named = {detail.credential_configuration_id: detail for detail in requested}
    elif datasets:
        named = {each: AuthorizationDetail(credential_configuration_id=each) for each in configuration_ids}
    else:
        return ()
    return tuple(
        AuthorizationDetail(
            credential_configuration_id=each,
            locations=detail.locations,
            claims=detail.claims,
            credential_identifiers=identifiers_of(each, datasets),
        )
        for each, detail in named.items()
    )
