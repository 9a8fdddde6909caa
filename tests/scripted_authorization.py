"""A scripted Authorization Server with an authorization endpoint, and the browser between it and the Wallet."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from oid4vci.drive import run
from oid4vci.http import Request, Response
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.wallet import Authorizing, Exchange, Opened, Session
from tests.scripted_server import ISSUER, METADATA_URL, SERVER_URL, Server, metadata, ok, opened, server_metadata

AUTHORIZE = "https://issuer.example/tenant/authorize"
PAR = "https://issuer.example/tenant/par?v=1"
REDIRECT = "https://wallet.example/cb"
REQUEST_URI = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"
AUTHORIZATION = "the-authorization-code"
# The settings of a Wallet that goes by HAIP 4.
HAIP: dict[str, Any] = dict.fromkeys(
    ("bearer", "public", "plain_requests", "responses_without_iss", "authorization_details"), False
)


def code_metadata(issuer: str = ISSUER, **members: Any) -> dict[str, Any]:
    """The metadata of a server that takes pushed requests; a member that is None is left out."""
    published = {
        **server_metadata(issuer),
        "grant_types_supported": [AUTHORIZATION_CODE],
        "authorization_endpoint": AUTHORIZE,
        "pushed_authorization_request_endpoint": PAR,
        "code_challenge_methods_supported": ["S256"],
        "authorization_details_types_supported": ["openid_credential"],
        "authorization_response_iss_parameter_supported": True,
        **members,
    }
    return {name: value for name, value in published.items() if value is not None}


def code_offer(*configuration_ids: str, **grant: Any) -> dict[str, Any]:
    """A Credential Offer with the authorization code grant."""
    return {
        "credential_issuer": ISSUER,
        "credential_configuration_ids": list(configuration_ids or ("pid", "ticket")),
        "grants": {AUTHORIZATION_CODE: grant},
    }


def push(request: Request) -> Response:
    """Any request is taken."""
    return Response.of_json(201, {"request_uri": REQUEST_URI, "expires_in": 60})


def code_server(*, issuer: dict[str, Any] | None = None, answers: dict[str, Any] | None = None, **members: Any) -> Server:
    """The issuer, with more or other members in its metadata, and its Authorization Server."""
    return Server(
        {
            METADATA_URL: ok({**metadata(), **(issuer or {})}),
            SERVER_URL: ok(code_metadata(**members)),
            PAR: push,
            **(answers or {}),
        }
    )


def opened_for_code(server: Server, document: Any = None, **settings: Any) -> Opened:
    """An opened offer with the authorization code grant."""
    return opened(server, code_offer() if document is None else document, **settings)


def authorizing(server: Server, document: Any = None, settings: dict[str, Any] | None = None, **arguments: Any) -> Authorizing:
    """A person on the way to the Authorization Server."""
    step = opened_for_code(server, document, **(settings or {})).authorize(**{"redirect_uri": REDIRECT, **arguments})
    return run(step, server) if isinstance(step, Exchange) else step


def parameters_of(text: str) -> dict[str, str]:
    """Form parameters, or those of a URL's query; none stands twice."""
    pairs = parse_qsl(
        text.partition("?")[2] if text.startswith("https:") else text, keep_blank_values=True, strict_parsing=True
    )
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def pushed(server: Server) -> dict[str, str]:
    """The parameters of the only pushed request."""
    (request,) = server.to(PAR)
    return parameters_of(request.body.decode())


def redeemed(server: Server, token_endpoint: str) -> dict[str, str]:
    """The parameters of the last Token Request."""
    return parameters_of(server.to(token_endpoint)[-1].body.decode())


def response(pending: Authorizing, **changes: Any) -> str:
    """The URL that the browser opens after the person agreed; a parameter that is None is left out."""
    parameters = {"code": AUTHORIZATION, "state": pending.state, "iss": pending.opened.server.issuer, **changes}
    kept = {name: value for name, value in parameters.items() if value is not None}
    joint = "&" if "?" in pending.redirect_uri else "?"
    return f"{pending.redirect_uri}{joint}{urlencode(kept)}"


def authorized(server: Server, document: Any = None, settings: dict[str, Any] | None = None, **arguments: Any) -> Session:
    """A session, after all went well."""
    pending = authorizing(server, document, settings, **arguments)
    return run(pending.callback(response(pending), now=arguments.get("now")), server)
