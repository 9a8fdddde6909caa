"""The Authorization Request (OID4VCI 5.1, RFC 6749 4.1.1, RFC 7636, RFC 8707, RFC 9396): read, checked, and kept until a decision.

An existing OAuth server reads the parameters that OID4VCI adds with `requested_credentials`, and goes on with its own request.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from attrs import field, frozen

from oid4vci.errors import (
    InvalidAuthorizationDetails,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    RequestNotSupported,
    UnsupportedResponseType,
    reading,
)
from oid4vci.http import Form
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.oauth.authorization_details import AuthorizationDetail, read_authorization_details
from oid4vci.oauth.authorization_response import Redirect
from oid4vci.oauth.dpop import read_dpop_jkt
from oid4vci.oauth.pkce import S256, check_challenge

__all__ = (
    "AuthorizationRequest",
    "RequestedCredentials",
    "read_authorization_request",
    "read_state",
    "requested_credentials",
    "scope_values",
)

# Characters. What is pushed is stored until it expires.
MAX_STATE = 2048
MAX_ISSUER_STATE = 4096
MAX_SCOPE = 4096


def scope_values(text: str | None) -> tuple[str, ...]:
    """The values of a `scope` parameter, each once. Raises `InvalidScope`."""
    if text is None:
        return ()
    if len(text) > MAX_SCOPE or not text.isascii() or not text.isprintable() or '"' in text or "\\" in text:
        # scope-token = 1*( %x21 / %x23-5B / %x5D-7E ) -- RFC 6749 3.3
        raise InvalidScope("scope is malformed")
    return tuple(dict.fromkeys(value for value in text.split(" ") if value))


@frozen(kw_only=True)
class RequestedCredentials:
    """What is asked for: at which Credential Issuer, by which `details`, by which `scopes` (each with its configuration ids)."""

    credential_issuer: str
    details: tuple[AuthorizationDetail, ...]
    scopes: Mapping[str, tuple[str, ...]]

    @property
    def configuration_ids(self) -> tuple[str, ...]:
        """All configurations that are asked for: those of the details first."""
        by_details = [detail.credential_configuration_id for detail in self.details]
        return tuple(dict.fromkeys((*by_details, *(each for ids in self.scopes.values() for each in ids))))


def requested_credentials(
    form: Form, issuers: Sequence[CredentialIssuerMetadata], *, other_types: Sequence[str] = ()
) -> RequestedCredentials:
    """What `authorization_details`, `scope` and `resource` of a request ask for.

    `issuers` are the Credential Issuers that the server serves, the default one first. The right one is that of `resource` and of
    all `locations`; without them, the first that knows what is asked for. Unknown scope values are ignored (OID4VCI 5.1.2).

    Raises `InvalidAuthorizationDetails`, `InvalidScope`, `InvalidTarget`, and `InvalidRequest` if nothing is asked for.
    """
    scopes = scope_values(form.get("scope"))
    details = read_authorization_details(
        form.get("authorization_details"),
        credential_issuers=[each.credential_issuer for each in issuers],
        other_types=frozenset(other_types),
    )
    if not details and not scopes:
        raise InvalidRequest("authorization_details or scope is needed")
    served = _located(issuers, form.all("resource"), details)
    named = {detail.credential_configuration_id for detail in details}
    served = [each for each in served if named <= each.credential_configurations_supported.keys()]
    if not served:
        raise InvalidAuthorizationDetails("there is no such credential configuration")
    for issuer in served:
        known = _by_scope(issuer, scopes)
        if known or details:
            break
    else:
        raise InvalidScope("no value of scope is known")
    return RequestedCredentials(credential_issuer=issuer.credential_issuer, details=details, scopes=known)


def _located(
    issuers: Sequence[CredentialIssuerMetadata], resources: Sequence[str], details: Sequence[AuthorizationDetail]
) -> list[CredentialIssuerMetadata]:
    if len(resources) > 1:
        # Each is a Credential Issuer of its own, and a token is for one.
        raise InvalidTarget("resource must be the identifier of one Credential Issuer")
    located = [set(detail.locations) for detail in details if detail.locations is not None]
    served = [
        each
        for each in issuers
        if each.credential_issuer in (resources or (each.credential_issuer,))
        and all(each.credential_issuer in some for some in located)
    ]
    if not served:
        raise InvalidTarget("resource and locations do not name one Credential Issuer that this server knows")
    return served


def _by_scope(issuer: CredentialIssuerMetadata, scopes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The known ones among scope values, with the configurations that each stands for."""
    known = issuer.scopes
    return {scope: known[scope] for scope in scopes if scope in known}


@frozen(kw_only=True)
class AuthorizationRequest:
    """A checked Authorization Request.

    `issuer_state` is what the Wallet says it found in an offer: "not guaranteed to originate from this Credential Issuer"
    (OID4VCI 5.1.3). `jkt` and `instance` are the thumbprints of the DPoP key and of the attested key to which the code is bound.
    """

    client_id: str
    redirect: Redirect
    code_challenge: str
    requested: RequestedCredentials
    issuer_state: str | None = field(default=None, repr=False)
    jkt: str | None = None
    instance: str | None = None

    def to_data(self) -> dict[str, Any]:
        """The data of a record."""
        return {
            "client_id": self.client_id,
            "redirect_uri": self.redirect.uri,
            "state": self.redirect.state,
            "issuer": self.redirect.issuer,
            "code_challenge": self.code_challenge,
            "credential_issuer": self.requested.credential_issuer,
            "details": [detail.to_json() for detail in self.requested.details],
            "scopes": {scope: list(ids) for scope, ids in self.requested.scopes.items()},
            "issuer_state": self.issuer_state,
            "jkt": self.jkt,
            "instance": self.instance,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The request that a record holds."""
        return cls(
            client_id=data["client_id"],
            redirect=Redirect(data["redirect_uri"], data["state"], data["issuer"]),
            code_challenge=data["code_challenge"],
            requested=RequestedCredentials(
                credential_issuer=data["credential_issuer"],
                details=tuple(AuthorizationDetail.from_json(detail) for detail in data["details"]),
                scopes={scope: tuple(ids) for scope, ids in data["scopes"].items()},
            ),
            issuer_state=data["issuer_state"],
            jkt=data["jkt"],
            instance=data["instance"],
        )


def read_state(form: Form) -> str | None:
    """The `state` of a request. Raises `InvalidRequest` for one that is too long to be sent back."""
    state = form.get("state")
    if len(state or "") > MAX_STATE:
        raise InvalidRequest("state is too long")
    return state


def read_authorization_request(
    form: Form,
    *,
    client_id: str,
    redirect: Redirect,
    issuers: Sequence[CredentialIssuerMetadata],
    jkt: str | None = None,
    instance: str | None = None,
    scope_required: bool = False,
) -> AuthorizationRequest:
    """Check the parameters of a request whose client and redirect URI are good already. Parameters that are not known are ignored.

    `jkt` is the key of the DPoP proof that came with a pushed request (RFC 9449 10.1). With `scope_required`, Credentials cannot be
    asked for by `authorization_details` alone (HAIP 4.3).

    Raises `UnsupportedResponseType`, `RequestNotSupported`, `InvalidRequest` and what `requested_credentials` raises.
    """
    if form.get("request") is not None:
        raise RequestNotSupported("request objects are not supported")
    response_type = form.get("response_type")
    if response_type is None:
        raise InvalidRequest("response_type is missing")
    if response_type != "code":
        raise UnsupportedResponseType("response_type must be code")
    if form.get("response_mode") not in (None, "query"):
        raise InvalidRequest("response_mode must be query")
    # "If the client is capable of using S256, it MUST use S256" (RFC 7636 4.2); absent means plain (4.3).
    code_challenge = form.get("code_challenge")
    if code_challenge is None or form.get("code_challenge_method") != S256:
        raise InvalidRequest("code_challenge with the code_challenge_method S256 is needed")
    with reading(InvalidRequest):
        check_challenge(code_challenge)
    issuer_state = form.get("issuer_state")
    if len(issuer_state or "") > MAX_ISSUER_STATE:
        raise InvalidRequest("issuer_state is too long")
    requested = requested_credentials(form, issuers)
    if scope_required and not requested.scopes:
        raise InvalidScope("a known scope is needed")
    return AuthorizationRequest(
        client_id=client_id,
        redirect=redirect,
        code_challenge=code_challenge,
        requested=requested,
        issuer_state=issuer_state,
        jkt=read_dpop_jkt(form, proved=jkt),
        instance=instance,
    )
