"""The Authorization Request, pushed where the server takes that (OID4VCI 5.1; RFC 6749 4.1.1, RFC 7636, RFC 9126, RFC 9396)."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from attrs import evolve, field, frozen

from oid4vci._document import Codec, Document, integer, wire
from oid4vci._json import Malformed, b64url_encode
from oid4vci.claims import ClaimsDescription
from oid4vci.errors import InvalidMetadata
from oid4vci.http import Response, url_origin, with_query
from oid4vci.keys import thumbprint
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.oauth.pkce import S256, code_challenge, new_verifier
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.wallet.authorizing import Authorizing
from oid4vci.wallet.callback import check_own_redirect_uri, iss_required
from oid4vci.wallet.exchange import Exchange, extended, json_object, server_error
from oid4vci.wallet.requested_credentials import (
    Using,
    by_details,
    credential_details,
    credential_scope,
    details_parameter,
    further_scopes,
)
from oid4vci.wallet.sender import CLIENT_PARAMETERS, Sender

if TYPE_CHECKING:
    from oid4vci.wallet.opened import Opened

__all__ = ("authorization_endpoint", "request_authorization")

# What is decided here; `extra` parameters are no way around that.
_PARAMETERS = frozenset(
    (
        *("response_type", "response_mode", "redirect_uri", "state", "code_challenge", "code_challenge_method"),
        *("scope", "authorization_details", "resource", "issuer_state", "dpop_jkt", "request", "request_uri"),
        *CLIENT_PARAMETERS,
    )
)
_REQUEST_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,4096}")


def _check_request_uri(value: Any) -> None:
    if not isinstance(value, str) or not _REQUEST_URI.fullmatch(value):
        raise Malformed("must be a URI")


@frozen(kw_only=True)
class PushedResponse(Document):
    """A successful answer of the pushed authorization request endpoint (RFC 9126 2.2)."""

    request_uri: str = field(repr=False, metadata=wire(Codec(_check_request_uri)))
    expires_in: int = field(metadata=wire(integer(minimum=1)))


def authorization_endpoint(opened: "Opened") -> str:
    """The endpoint of a server that takes Authorization Requests as they are made here.

    Raises `InvalidMetadata`, and `Untrusted` if the trust decision does not allow an endpoint that gets a request.
    """
    server = opened.server
    # What is not listed may be supported: only the grant types have a default that is held against a server (RFC 8414 2).
    for needed, supported, name in (
        (AUTHORIZATION_CODE, server.grant_types, "the authorization code grant"),
        ("code", server.response_types_supported, "the response type code"),
        ("query", server.response_modes_supported, "the response mode query"),
        (S256, server.code_challenge_methods_supported, "PKCE with S256"),
    ):
        if supported is not None and needed not in supported:
            raise InvalidMetadata(f"the Authorization Server does not support {name}")
    if server.authorization_endpoint is None:
        raise InvalidMetadata("the Authorization Server has no authorization_endpoint")
    if server.extra.get("require_signed_request_object") is True:
        raise InvalidMetadata("the Authorization Server demands signed request objects, which this Wallet does not make")
    if not iss_required(opened.wallet, server) and url_origin(server.authorization_endpoint) != url_origin(server.issuer):
        # It may be another server's: a response of that one would be taken for one of this (RFC 9700 4.4).
        raise InvalidMetadata("the authorization_endpoint has another origin than the issuer, which sends no iss")
    pushed = server.pushed_authorization_request_endpoint
    if pushed is None and server.require_pushed_authorization_requests:
        raise InvalidMetadata("the Authorization Server demands pushed requests, and has no endpoint for them")
    if pushed is None and not opened.wallet.plain_requests:
        raise InvalidMetadata("the Authorization Server takes no pushed requests, and the Wallet makes no other (HAIP 4)")
    if not _PARAMETERS.isdisjoint(_query_names(server.authorization_endpoint)):
        raise InvalidMetadata("the authorization_endpoint has parameters of a request already")
    for endpoint in (server.authorization_endpoint, pushed):
        if endpoint is not None:
            opened.wallet.trust.demand_endpoint(endpoint, server.issuer)
    return server.authorization_endpoint


def _query_names(url: str) -> frozenset[str]:
    return frozenset(name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True))


def _asked_for(
    opened: "Opened", configuration_ids: Sequence[str], details: Sequence[AuthorizationDetail], further: Sequence[str]
) -> dict[str, str]:
    """The parameters that ask for these configurations, by `details` or, without any, by scope values; and for further scopes."""
    parameters = {}
    scopes = list(further)
    if details:
        parameters["authorization_details"] = details_parameter(details)
    else:
        scopes = [*(credential_scope(opened.metadata, name) or "" for name in configuration_ids), *scopes]
        if opened.metadata.authorization_servers is not None:
            # "it is RECOMMENDED to use a resource parameter ... whose value is the Credential Issuer's identifier" -- OID4VCI 5.1.2
            parameters["resource"] = opened.metadata.credential_issuer
    if scopes:
        parameters["scope"] = " ".join(dict.fromkeys(scopes))
    return parameters


def request_authorization(
    opened: "Opened",
    sender: Sender,
    *,
    redirect_uri: str,
    configuration_ids: Sequence[str],
    using: Using | None,
    claims: Mapping[str, Sequence[ClaimsDescription]] | None,
    scope: str | None,
    extra: Mapping[str, str] | None,
    now: int | None,
) -> Exchange[Authorizing] | Authorizing:
    """What `Opened.authorize` does; `configuration_ids` are some that were offered."""
    check_own_redirect_uri(redirect_uri)
    endpoint = authorization_endpoint(opened)
    # Also where nothing is signed yet: nobody is sent away for a code that could not be redeemed.
    sender.check(now)
    pushed = opened.server.pushed_authorization_request_endpoint
    details: tuple[AuthorizationDetail, ...] = ()
    if by_details(opened.wallet, opened.server, opened.metadata, configuration_ids, using=using, claims=bool(claims)):
        details = credential_details(opened.metadata, configuration_ids, claims)
    verifier, state = new_verifier(sender.new_secret), b64url_encode(sender.new_secret(32))
    parameters = {
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": code_challenge(verifier),
        "code_challenge_method": S256,
        **_asked_for(opened, configuration_ids, details, further_scopes(scope)),
    }
    if opened.issuer_state is not None:
        parameters["issuer_state"] = opened.issuer_state
    parameters = extended(parameters, extra, known=_PARAMETERS | _query_names(endpoint))
    pending = Authorizing(
        opened=opened,
        sender=sender,
        configuration_ids=tuple(configuration_ids),
        authorization_details=details,
        redirect_uri=redirect_uri,
        state=state,
        code_verifier=verifier,
        url="",
    )
    named = {"client_id": sender.client_id or ""}
    if pushed is None:
        # RFC 9449 10: a pushed request has a proof of the key instead.
        bound = {} if sender.dpop is None else {"dpop_jkt": thumbprint(sender.dpop.public_jwk)}
        return evolve(pending, url=with_query(endpoint, urlencode({**named, **parameters, **bound})))

    def read(response: Response, after: Sender) -> Authorizing:
        if refused := server_error(response):
            raise refused
        # "generate an HTTP response with a 201 HTTP status code" -- RFC 9126 2.2
        answer = PushedResponse.from_json(json_object(response, statuses=range(201, 202)))
        url = with_query(endpoint, urlencode({**named, "request_uri": answer.request_uri}))
        return evolve(pending, sender=after, url=url, expires_in=answer.expires_in)

    return sender.post_form(pushed, parameters, now=now, read=read)
