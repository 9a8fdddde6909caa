"""The authorization code grant (RFC 6749 4.1, RFC 7636): a code made for an approved request, redeemed at a token endpoint."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci._json import Malformed, b64url_encode
from oid4vci.errors import InvalidAuthorizationDetails, InvalidGrant, InvalidRequest
from oid4vci.http import Form
from oid4vci.oauth.authorization_details import AuthorizationDetail, read_authorization_details
from oid4vci.oauth.authorization_requests import AuthorizationRequest
from oid4vci.oauth.grants import (
    GRANT,
    OFFERED,
    REDEEMED,
    RedeemableGrant,
    check_part_of_grant,
    granted_details,
    new_grant_data,
    revoke,
)
from oid4vci.oauth.pkce import check_verifier
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.records import Insert, Key, Record, Records
from oid4vci.secret import NewSecret

__all__ = ("GRANT_TYPE", "AuthorizationCode", "AuthorizationCodeCall", "AuthorizationCodes")

GRANT_TYPE: Final = AUTHORIZATION_CODE
MAX_CODE = 1024
MAX_VERIFIER = 256


@frozen
class AuthorizationCode:
    """A new authorization code. Commit `change`, then send the code to the client's redirect URI."""

    code: str = field(repr=False)
    change: Insert


@frozen
class AuthorizationCodes:
    """How authorization codes are made and redeemed. `lifetime` is in seconds: FAPI 2.0 wants 60 at most."""

    lifetime: int = 60

    def __attrs_post_init__(self) -> None:
        # "A maximum authorization code lifetime of 10 minutes is RECOMMENDED." -- RFC 6749 4.1.2
        if not 1 <= self.lifetime <= 600:
            raise ValueError("lifetime must be 1 to 600 seconds")

    def new(
        self,
        request: AuthorizationRequest,
        subject: str,
        *,
        now: int,
        new_secret: NewSecret,
        configuration_ids: Sequence[str] | None = None,
        datasets: Mapping[str, Sequence[str]] | None = None,
        note: Any = None,
    ) -> AuthorizationCode:
        """A code for what `subject` approved of a request.

        `configuration_ids` are some of those requested, by default all. `datasets` maps configuration ids to the credential
        identifiers of the datasets to be had; without them one per configuration. `note` is any JSON that comes back with every
        order. Raises `ValueError`.
        """
        requested = request.requested
        approved = requested.configuration_ids if configuration_ids is None else tuple(configuration_ids)
        if not set(approved) <= set(requested.configuration_ids):
            raise ValueError("more was approved than was requested")
        data = new_grant_data(
            GRANT_TYPE,
            subject,
            approved,
            datasets=datasets,
            credential_issuer=requested.credential_issuer,
            client_id=request.client_id,
            note=note,
            scopes=requested.scopes,
        )
        data["requested"] = [detail.to_json() for detail in requested.details if detail.credential_configuration_id in approved]
        data["redirect_uri"] = request.redirect.uri
        data["code_challenge"] = request.code_challenge
        data["jkt"], data["instance"] = request.jkt, request.instance
        code = b64url_encode(new_secret(32))
        return AuthorizationCode(code, Insert(Record(Key.of(GRANT, code), data, now + self.lifetime)))

    def read(self, form: Form, *, credential_issuers: Sequence[str]) -> "AuthorizationCodeCall":
        """Read a Token Request whose `grant_type` is `GRANT_TYPE`; nothing in it is believed yet. A `tx_code` is ignored.

        Raises `InvalidRequest`, `InvalidAuthorizationDetails`.
        """
        code, verifier = form.get("code"), form.get("code_verifier")
        if code is None:
            raise InvalidRequest("code is missing")
        if len(code) > MAX_CODE or len(verifier or "") > MAX_VERIFIER:
            raise InvalidRequest("code or code_verifier is too long")
        details = read_authorization_details(form.get("authorization_details"), credential_issuers=credential_issuers)
        return AuthorizationCodeCall(Key.of(GRANT, code), verifier, form.get("redirect_uri"), details)


@frozen
class AuthorizationCodeCall:
    """A Token Request for an authorization code: parsed, nothing believed."""

    key: Key
    verifier: str | None = field(repr=False)
    redirect_uri: str | None
    details: tuple[AuthorizationDetail, ...]

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load."""
        return (self.key,)

    def verify(
        self, records: Records, *, client_id: str | None, jkt: str | None = None, instance: str | None = None, now: int
    ) -> RedeemableGrant:
        """The grant, if this request may redeem it. Nothing is consumed yet.

        `client_id` is the client that the server has authenticated, or accepted by its name; `jkt` the thumbprint of the proved
        DPoP key, `instance` that of the attested key of the client's instance, if there is one.

        Raises `InvalidGrant`, with a change to commit if the code was used before: "the authorization server MUST deny the
        request and SHOULD revoke (when possible) all tokens previously issued" (RFC 6749 4.1.2); `InvalidAuthorizationDetails`.
        """
        grant = records.get(self.key)
        if grant is None or grant.data["grant_type"] != GRANT_TYPE or grant.data["client_id"] != client_id:
            raise InvalidGrant("the code is wrong, used or expired")
        data = grant.data
        if data["state"] == REDEEMED:
            raise InvalidGrant("the code was used before: what it gave is revoked", changes=(revoke(grant),))
        if data["state"] != OFFERED or grant.expires_at <= now:
            raise InvalidGrant("the code is wrong, used or expired")
        if self.redirect_uri != data["redirect_uri"]:
            raise InvalidGrant("redirect_uri is not that of the authorization request")
        self._check_verifier(data["code_challenge"])
        # "the authorization server ... MUST reject the request" if the thumbprints differ -- RFC 9449 10
        if data["jkt"] not in (None, jkt):
            raise InvalidGrant("the code is bound to another DPoP key")
        if data["instance"] not in (None, instance):
            raise InvalidGrant("the code is bound to another instance of the client")
        asked, details = self._asked(data)
        return RedeemableGrant(grant, asked, client_id, details)

    def _check_verifier(self, challenge: str) -> None:
        try:
            if self.verifier is None:
                raise Malformed("is missing", "code_verifier")
            check_verifier(self.verifier, challenge)
        except Malformed as error:
            # "If the values are not equal, an error response indicating "invalid_grant"" -- RFC 7636 4.6
            raise InvalidGrant(str(error)) from None

    def _asked(self, data: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[AuthorizationDetail, ...]]:
        """What was approved, or the part of it that this request asks for (OID4VCI 6.1.1), and the details of the response."""
        approved, datasets = data["configuration_ids"], data["datasets"]
        requested = [AuthorizationDetail.from_json(detail) for detail in data["requested"]]
        if not self.details:
            return tuple(approved), granted_details(requested, approved, datasets)
        check_part_of_grant(self.details, data)
        before = {detail.credential_configuration_id: detail for detail in requested}
        narrowed = [_narrowed(detail, before.get(detail.credential_configuration_id)) for detail in self.details]
        asked = tuple(detail.credential_configuration_id for detail in narrowed)
        return asked, granted_details(narrowed, asked, datasets)


def _narrowed(detail: AuthorizationDetail, approved: AuthorizationDetail | None) -> AuthorizationDetail:
    """What a Token Request asks for of what was approved: the claims that were agreed to, or some of them (RFC 9396 6.1)."""
    if approved is None or approved.claims is None:
        return detail
    if detail.claims is None:
        return approved
    paths = [claim.path for claim in approved.claims]
    if not all(claim.path in paths for claim in detail.claims):
        raise InvalidAuthorizationDetails("more claims are asked for than were approved")
    return detail
