"""The grant: what an End-User approved, as one record that a code leads to and every token points back to.

Its data are `grant_type`, `subject`, `configuration_ids`, `datasets` (configuration id to credential identifiers), `state`, the
`credential_issuer` and the `client_id` it is bound to, the `scopes` that stand for some of it (each with its configuration
ids), the application's own `note`, and once redeemed the `details` that were granted and what its Refresh Token is bound to.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from attrs import field, frozen

from oid4vci._json import dump_bytes
from oid4vci.errors import InvalidAuthorizationDetails
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.records import Record, Swap

__all__ = (
    "GRANT",
    "MAX_IDENTIFIER",
    "OFFERED",
    "REDEEMED",
    "REVOKED",
    "Authorization",
    "RedeemableGrant",
    "VerifiedGrant",
    "check_part_of_grant",
    "default_identifier",
    "granted_details",
    "identifiers_of",
    "new_grant_data",
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


def new_grant_data(
    grant_type: str,
    subject: str,
    configuration_ids: Sequence[str],
    *,
    datasets: Mapping[str, Sequence[str]] | None,
    credential_issuer: str | None,
    client_id: str | None,
    note: Any,
    scopes: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The data of a new grant; those of one grant type are added by its room. Raises `ValueError`."""
    if isinstance(configuration_ids, str) or any(isinstance(each, str) for each in (datasets or {}).values()):
        raise ValueError("configuration_ids and the identifiers of datasets are sequences, not a string")
    if not configuration_ids or len(set(configuration_ids)) != len(configuration_ids) or not all(configuration_ids):
        raise ValueError("configuration_ids must be a non-empty sequence without empty strings or repetition")
    named = {each: list(identifiers) for each, identifiers in (datasets or {}).items()}
    identifiers = [identifier for each in configuration_ids for identifier in identifiers_of(each, named)]
    if not set(named) <= set(configuration_ids) or not all(named.values()):
        raise ValueError("datasets must name configurations of this grant, each with at least one identifier")
    if not all(1 <= len(identifier) <= MAX_IDENTIFIER for identifier in identifiers):
        raise ValueError(f"a credential identifier has 1 to {MAX_IDENTIFIER} characters")
    if len(set(identifiers)) != len(identifiers):
        # "each uniquely identifying a Credential Dataset" -- OID4VCI 6.2
        raise ValueError("a credential identifier stands for one dataset only")
    return {
        "grant_type": grant_type,
        "subject": subject,
        "configuration_ids": list(configuration_ids),
        "datasets": named,
        "credential_issuer": credential_issuer,
        "client_id": client_id,
        "scopes": _scopes_within(scopes or {}, configuration_ids),
        "note": note,
        "state": OFFERED,
        "details": [],
    }


def _scopes_within(scopes: Mapping[str, Sequence[str]], configuration_ids: Collection[str]) -> dict[str, list[str]]:
    """The scope values that stand for some of these configurations, each with those: more is not granted by asking for it."""
    within = {scope: [each for each in ids if each in configuration_ids] for scope, ids in scopes.items()}
    return {scope: ids for scope, ids in within.items() if ids}


@frozen
class Authorization:
    """What a valid Access Token allows.

    `client_id` is None if the token was given out to an anonymous client. `identifiers` maps each credential identifier that the
    Token Response named to its configuration; it is None if the response named none, and then `configuration_ids` decide.
    `granted` is `details` as stored. `note` is what the application stored with the grant. `expires_at` is the token's end. `jkt`
    is the thumbprint of the DPoP key that the token is bound to, None for a Bearer token. `claims` is all that another server's
    token says, as it stands (or the answer to its introspection, always with `iss`): what an application needs to find its own
    session, by an `issuer_state` for instance, is there.
    """

    subject: str = field(repr=False)
    client_id: str | None
    configuration_ids: frozenset[str]
    identifiers: Mapping[str, str] | None
    granted: tuple[Mapping[str, Any], ...] = field(repr=False)
    note: Any = field(repr=False)
    expires_at: int
    grant: Record | None = field(default=None, repr=False)
    jkt: str | None = None
    claims: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def family(self) -> str:
        """A digest that all tokens of one grant have in common, refreshed ones among them, and tokens of other grants have not.

        Where the grant is not ours to see, it is of the issuer, the subject and the client of the token; an anonymous client can
        be told from others by its DPoP key only, with which it refreshes (RFC 9449 5).
        """
        if self.grant is not None:
            named: list[str | None] = [self.grant.key.kind, self.grant.key.digest]
        else:
            issuer = self.claims.get("iss")
            known_by = self.jkt if self.client_id is None else None
            named = [issuer if isinstance(issuer, str) else None, self.subject, self.client_id, known_by]
        return hashlib.sha256(dump_bytes(named)).hexdigest()

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
        allowed, details = data["configuration_ids"], data["details"]
        if configuration_ids is not None:
            allowed = [each for each in allowed if each in configuration_ids]
            details = [detail for detail in details if detail["credential_configuration_id"] in allowed]
        return cls.granting(
            subject=data["subject"],
            client_id=data["client_id"],
            configuration_ids=allowed,
            details=details,
            note=data["note"],
            expires_at=expires_at,
            grant=grant,
            jkt=jkt,
        )

    @classmethod
    def granting(
        cls,
        *,
        subject: str,
        client_id: str | None,
        configuration_ids: Collection[str],
        details: Sequence[Mapping[str, Any]] = (),
        note: Any = None,
        expires_at: int,
        jkt: str | None = None,
        grant: Record | None = None,
    ) -> Self:
        """What a token of any server allows. `details` are the `authorization_details` of its Token Response, as JSON."""
        identifiers: dict[str, str] | None = None
        if details:
            identifiers = {
                identifier: detail["credential_configuration_id"]
                for detail in details
                for identifier in detail["credential_identifiers"]
            }
        return cls(
            subject=subject,
            client_id=client_id,
            configuration_ids=frozenset(configuration_ids),
            identifiers=identifiers,
            granted=tuple(details),
            note=note,
            expires_at=expires_at,
            grant=grant,
            jkt=jkt,
        )


def check_part_of_grant(details: Sequence[AuthorizationDetail], data: Mapping[str, Any]) -> None:
    """Raises `InvalidAuthorizationDetails` if a Token Request asks for what is no part of the grant with these `data`."""
    issuer = data["credential_issuer"]
    if issuer is not None and not all(issuer in (detail.locations or (issuer,)) for detail in details):
        raise InvalidAuthorizationDetails("locations do not name the Credential Issuer of this grant")
    if not all(detail.credential_configuration_id in data["configuration_ids"] for detail in details):
        raise InvalidAuthorizationDetails("a credential configuration is not part of this grant")


def granted_details(
    requested: Sequence[AuthorizationDetail],
    configuration_ids: Sequence[str],
    datasets: Mapping[str, Sequence[str]],
) -> tuple[AuthorizationDetail, ...]:
    """The `authorization_details` of the Token Response (OID4VCI 6.2), each with its `credential_identifiers`.

    They are there if the request had some ("REQUIRED when ... used in ... Token Request"), or the application named datasets.
    Then each of `configuration_ids` gets identifiers, also one that was asked for by scope, so that all of them can be requested.
    """
    if not requested and not datasets:
        return ()
    named = {detail.credential_configuration_id: detail for detail in requested}
    return tuple(
        AuthorizationDetail(
            credential_configuration_id=each,
            locations=None if detail is None else detail.locations,
            claims=None if detail is None else detail.claims,
            credential_identifiers=identifiers_of(each, datasets),
        )
        for each, detail in ((each, named.get(each)) for each in configuration_ids)
    )


@frozen
class VerifiedGrant:
    """A grant for which a verified request may have a token.

    `configuration_ids` are what the token will be good for: those asked for, or all of the grant.
    """

    grant: Record
    configuration_ids: tuple[str, ...]

    @property
    def subject(self) -> str:
        """Whom the grant is about."""
        subject: str = self.grant.data["subject"]
        return subject

    @property
    def credential_issuer(self) -> str | None:
        """The Credential Issuer that the grant is bound to, if it is."""
        issuer: str | None = self.grant.data["credential_issuer"]
        return issuer

    @property
    def note(self) -> Any:
        """What the application stored with the grant."""
        return self.grant.data["note"]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scope values that lead to one of `configuration_ids`."""
        return tuple(_scopes_within(self.grant.data["scopes"], self.configuration_ids))


@frozen
class RedeemableGrant(VerifiedGrant):
    """A grant whose code a verified request may redeem. `details` are those of the Token Response."""

    client_id: str | None
    details: tuple[AuthorizationDetail, ...]

    def redeem(self, *, expires_at: int, refresh: Mapping[str, Any] | None = None) -> Swap:
        """The change that consumes the code; the grant is kept until `expires_at`, the end of what is issued under it.

        `refresh` is what a Refresh Token is bound to, None if there is none.
        """
        return Swap.update(
            self.grant,
            expires_at=expires_at,
            state=REDEEMED,
            client_id=self.client_id,
            configuration_ids=list(self.configuration_ids),
            scopes=_scopes_within(self.grant.data["scopes"], self.configuration_ids),
            details=[detail.to_json() for detail in self.details],
            refresh=None if refresh is None else dict(refresh),
        )
