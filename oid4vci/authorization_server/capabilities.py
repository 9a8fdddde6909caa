"""What a server publishes and what it serves: the one must be the other (RFC 8414 2)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from oid4vci.authorization_server.haip import haip_findings
from oid4vci.http import url_path
from oid4vci.metadata import AuthorizationServerMetadata, authorization_server_metadata_url
from oid4vci.metadata.finding import publishing_errors
from oid4vci.metadata.haip import broken_rules
from oid4vci.oauth import authorization_codes, pre_authorized, refresh_tokens
from oid4vci.oauth.access_tokens import MAX_BEARER_LIFETIME
from oid4vci.oauth.authorization_details import OPENID_CREDENTIAL
from oid4vci.oauth.authorization_response import check_redirect_uri
from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens
from oid4vci.oauth.pkce import S256

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("broken_promises", "metadata_of")

# Endpoints that are an application's own: what is published here would lead nowhere.
_NOT_SERVED = ("introspection_endpoint", "revocation_endpoint")
ATTESTATION = "attest_jwt_client_auth"
_GRANTS = {
    "authorization_codes": authorization_codes.GRANT_TYPE,
    "pre_authorized_codes": pre_authorized.GRANT_TYPE,
    "refresh_tokens": refresh_tokens.GRANT_TYPE,
}


def metadata_of(issuer: str, settings: Mapping[str, Any], members: Mapping[str, Any]) -> AuthorizationServerMetadata:
    """The metadata of a server with these settings, complemented by `members`. Raises `ValueError`."""
    base = issuer.removesuffix("/")
    methods = settings.get("client_authentication") or {"none": None}
    grant_types = tuple(name for part, name in _GRANTS.items() if settings.get(part) is not None)
    derived: dict[str, Any] = {
        "issuer": issuer,
        "token_endpoint": f"{base}/token",
        "grant_types_supported": grant_types,
        # "only supports the Pre-Authorized Code grant type MAY omit" it -- OID4VCI 12.2.4
        "response_types_supported": None if grant_types == (pre_authorized.GRANT_TYPE,) else ("code",),
        "token_endpoint_auth_methods_supported": tuple(methods),
        "authorization_details_types_supported": (OPENID_CREDENTIAL,),
    }
    if settings.get("authorization_codes") is not None:
        scopes = dict.fromkeys(
            configuration.scope
            for each in settings.get("credential_issuers", ())
            if not isinstance(each, str)
            for configuration in each.credential_configurations_supported.values()
            if configuration.scope is not None
        )
        derived |= {
            "authorization_endpoint": f"{base}/authorize",
            "pushed_authorization_request_endpoint": f"{base}/par",
            "response_modes_supported": ("query",),
            "code_challenge_methods_supported": (S256,),
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": tuple(scopes) or None,
            "require_pushed_authorization_requests": True if settings.get("haip") else None,
        }
    for name, method in methods.items():
        algorithms = getattr(method, "algorithms", None)
        if name == ATTESTATION:
            derived["client_attestation_signing_alg_values_supported"] = tuple(algorithms or ())
            derived["client_attestation_pop_signing_alg_values_supported"] = tuple(getattr(method, "pop_algorithms", ()))
            if getattr(method, "challenges", None) is not None:
                derived["challenge_endpoint"] = f"{base}/challenge"
        elif name == "private_key_jwt":
            derived["token_endpoint_auth_signing_alg_values_supported"] = tuple(algorithms or ())
    if settings.get("dpop") is not None:
        derived["dpop_signing_alg_values_supported"] = tuple(settings["dpop"].algorithms)
    if settings.get("published_keys"):
        derived["jwks_uri"] = f"{base}/jwks"
    return AuthorizationServerMetadata.build(**{**derived, **members})


def broken_promises(server: "AuthorizationServer") -> list[str]:
    """What is published and not served, or the other way round."""
    return [
        *publishing_errors(server.metadata.findings()),
        *_grants(server),
        *_endpoints(server),
        *_methods(server),
        *_limits(server),
        *_haip(server),
    ]


def _haip(server: "AuthorizationServer") -> Iterator[str]:
    if server.haip and (rules := broken_rules(haip_findings(server))):
        yield f"HAIP is not met: {rules}"


def _grants(server: "AuthorizationServer") -> Iterator[str]:
    metadata = server.metadata
    served = {name for part, name in _GRANTS.items() if getattr(server, part) is not None}
    for name in sorted(served - set(metadata.grant_types)):
        yield f"grant_types_supported: must have {name}"
    if not set(metadata.grant_types) <= served:
        yield "grant_types_supported: has a grant type that this server does not serve"
    if served <= {refresh_tokens.GRANT_TYPE}:
        yield "pre_authorized_codes, authorization_codes: one of them is needed"
    codes = server.authorization_codes is not None
    if codes != (metadata.authorization_endpoint is not None):
        yield "authorization_endpoint: must be there exactly if authorization_codes are"
    if not codes:
        return
    if any(isinstance(each, str) for each in server.credential_issuers) or not server.credential_issuers:
        yield "credential_issuers: the authorization code grant needs their metadata"
    known = [each for each in server.credential_issuers if not isinstance(each, str)]
    scopes = [scope for issuer in known for scope in issuer.scopes]
    if len(set(scopes)) != len(scopes):
        # "MUST be able to uniquely identify the Credential Issuer based on the scope value" -- OID4VCI 12.2.4
        yield "credential_issuers: a scope value must belong to one of them"
    if metadata.response_types_supported != ("code",):
        yield "response_types_supported: must be code, and nothing else"
    if metadata.response_modes_supported not in (None, ("query",)):
        yield "response_modes_supported: must be query, and nothing else"
    if metadata.code_challenge_methods_supported != (S256,):
        yield "code_challenge_methods_supported: must be S256, and nothing else"
    if not metadata.authorization_response_iss_parameter_supported:
        # "Authorization servers supporting this specification MUST" say so -- RFC 9207 3
        yield "authorization_response_iss_parameter_supported: must be true"


def _endpoints(server: "AuthorizationServer") -> Iterator[str]:
    metadata = server.metadata
    if metadata.token_endpoint is None:
        yield "token_endpoint: is missing"
    for name in _NOT_SERVED:
        if getattr(metadata, name) is not None:
            yield f"{name}: this server does not serve it"
    if metadata.pushed_authorization_request_endpoint is not None and server.authorization_codes is None:
        yield "pushed_authorization_request_endpoint: this server has no authorization codes"
    if (metadata.challenge_endpoint is None) != (server.challenges is None):
        yield "challenge_endpoint: must be there exactly if Client Attestations need a challenge"
    if server.published_keys and metadata.jwks_uri is None:
        yield "jwks_uri: is missing, and there are keys to publish"
    urls = (
        metadata.token_endpoint,
        metadata.authorization_endpoint,
        metadata.pushed_authorization_request_endpoint,
        metadata.challenge_endpoint,
        metadata.jwks_uri if server.published_keys else None,
        authorization_server_metadata_url(metadata.issuer),
    )
    paths = [url_path(url) for url in urls if url is not None]
    if len(set(paths)) != len(paths):
        yield "each endpoint needs a path of its own"


def _methods(server: "AuthorizationServer") -> Iterator[str]:
    metadata = server.metadata
    if set(metadata.token_endpoint_auth_methods) != set(server.client_authentication):
        yield "token_endpoint_auth_methods_supported: must be the names of client_authentication"
    for name, client in [*server.clients.items(), ("other_clients", server.other_clients)]:
        if client is None:
            continue
        if (client.token_endpoint_auth_method or "none") not in server.client_authentication:
            yield f"clients.{name}: its token_endpoint_auth_method is not supported"
        keys = client.jwks is not None or client.jwks_uri is not None
        if client.token_endpoint_auth_method is None and (keys or "client_secret" in client.extra):
            # RFC 7591 2 would have it mean client_secret_basic; that it means public must not be by oversight.
            yield f"clients.{name}: has keys or a secret, and no token_endpoint_auth_method"
        if client.token_endpoint_auth_method == "private_key_jwt" and not keys:  # noqa: S105  # the name of a method
            yield f"clients.{name}: has no keys"
        for uri in client.redirect_uris or ():
            try:
                check_redirect_uri(uri)
            except ValueError as error:
                yield f"clients.{name}: {error}"
    if (metadata.dpop_signing_alg_values_supported is None) != (server.dpop is None):
        yield "dpop_signing_alg_values_supported: must be there exactly if dpop is"
    elif server.dpop is not None and not set(metadata.dpop_signing_alg_values_supported or ()) <= set(server.dpop.algorithms):
        yield "dpop_signing_alg_values_supported: has an algorithm that is not checked"
    if server.dpop is None and server.dpop_required:
        yield "dpop_required: there is no dpop"
    if isinstance(server.access_tokens, JwtAccessTokens):
        tokens, keys_here = server.access_tokens, [dict(each.public_jwk) for each in server.published_keys]
        if tokens.issuer != metadata.issuer:
            yield "access_tokens: name another issuer than this server"
        if server.published_keys and dict(tokens.signer.public_jwk) not in keys_here:
            yield "published_keys: must have the key that signs access tokens"
    if len({each.key_id for each in server.published_keys}) != len(server.published_keys):
        yield "published_keys: each needs a key_id of its own"


def _limits(server: "AuthorizationServer") -> Iterator[str]:
    if not 1 <= server.access_token_lifetime <= MAX_BEARER_LIFETIME:
        # "Long-lived Access Tokens ... MUST not be issued unless sender-constrained." -- OID4VCI 13.10
        yield f"access_token_lifetime: must be 1 to {MAX_BEARER_LIFETIME} seconds for Bearer tokens"
    if server.bound_access_token_lifetime < 1:
        yield "bound_access_token_lifetime: must be positive"
    if not 5 <= server.request_uri_lifetime <= 600:
        # "a relatively short lifetime (e.g., between 5 and 600 seconds)" -- RFC 9126 2.2
        yield "request_uri_lifetime: must be 5 to 600 seconds"
    if server.login_lifetime < 1:
        yield "login_lifetime: must be positive"
