"""Refusals of an authorization server: at its authorization, pushed request and token endpoints (RFC 6749 4.1.2.1, 5.2)."""

from collections.abc import Sequence

from oid4vci.errors.refusal import Refusal
from oid4vci.http import Response
from oid4vci.records import Change, Reply

__all__ = (
    "AccessDenied",
    "InvalidAuthorizationDetails",
    "InvalidClient",
    "InvalidGrant",
    "InvalidRequest",
    "InvalidRequestUri",
    "InvalidScope",
    "InvalidTarget",
    "RequestNotSupported",
    "UnauthorizedClient",
    "UnsupportedGrantType",
    "UnsupportedResponseType",
    "UseAttestationChallenge",
    "UseFreshAttestation",
)


class InvalidRequest(Refusal):
    """A parameter of a request is missing, repeated, malformed or does not fit (OID4VCI 6.3)."""

    error, section = "invalid_request", "RFC 6749 5.2"


class InvalidClient(Refusal):
    """The client is unknown, did not authenticate, or did not name itself where it must (OID4VCI 6.3).

    `challenge` is the `WWW-Authenticate` value for a client that used the `Authorization` header; the status is then 401.
    """

    error, section = "invalid_client", "RFC 6749 5.2"

    def __init__(self, description: str = "", *, challenge: str | None = None, changes: Sequence[Change] = ()) -> None:
        super().__init__(description, changes=changes)
        self.challenge = challenge

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.challenge is None else {"www-authenticate": self.challenge}

    @property
    def reply(self) -> Reply:
        status = self.status if self.challenge is None else 401
        return Reply(Response.of_json(status, self.body, self.headers), self.changes)


class InvalidGrant(Refusal):
    """The code is wrong, used, expired or another client's, or the Transaction Code is wrong (OID4VCI 6.3)."""

    error, section = "invalid_grant", "RFC 6749 5.2"


class UnauthorizedClient(Refusal):
    """The client may not use this grant type, or this way to ask."""

    error, section = "unauthorized_client", "RFC 6749 5.2"


class UnsupportedGrantType(Refusal):
    """The server does not know the grant type."""

    error, section = "unsupported_grant_type", "RFC 6749 5.2"


class InvalidScope(Refusal):
    """The scope is unknown, malformed or more than was granted."""

    error, section = "invalid_scope", "RFC 6749 5.2"


class InvalidTarget(Refusal):
    """The `resource` is not one this server issues tokens for."""

    error, section = "invalid_target", "RFC 8707 2"


class InvalidAuthorizationDetails(Refusal):
    """`authorization_details` are malformed, of an unknown type, or ask for more than was granted."""

    error, section = "invalid_authorization_details", "RFC 9396 5"


class AccessDenied(Refusal):
    """The End-User, or the server for them, said no."""

    error, section = "access_denied", "RFC 6749 4.1.2.1"


class UnsupportedResponseType(Refusal):
    """The `response_type` is not `code`."""

    error, section = "unsupported_response_type", "RFC 6749 4.1.2.1"


class InvalidRequestUri(Refusal):
    """The `request_uri` is unknown, used, expired or another client's."""

    error, section = "invalid_request_uri", "RFC 9101 7, RFC 9126 2.2"


class RequestNotSupported(Refusal):
    """Request objects are not supported."""

    error, section = "request_not_supported", "RFC 9101 7"


class UseAttestationChallenge(Refusal):
    """The proof of possession of a Client Attestation must have the `challenge`, which goes along in a header."""

    error, section = "use_attestation_challenge", "draft-ietf-oauth-attestation-based-client-auth-07 6.2"

    def __init__(self, challenge: str, description: str = "") -> None:
        super().__init__(description)
        self.challenge = challenge

    @property
    def headers(self) -> dict[str, str]:
        return {"oauth-client-attestation-challenge": self.challenge}


class UseFreshAttestation(Refusal):
    """The Client Attestation is too old for this server."""

    error, section = "use_fresh_attestation", "draft-ietf-oauth-attestation-based-client-auth-07 6.2"
