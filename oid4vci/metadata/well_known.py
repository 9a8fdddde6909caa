"""Where metadata are published: well-known strings inserted into identifiers (OID4VCI 12.2.2, RFC 8414 3).

Identifiers are used as they are, character by character. What becomes of a final `/` is settled for Authorization Servers only, so
for Credential Issuers there is a fallback, which a Wallet tries on 404.
"""

from functools import lru_cache

from oid4vci._document import identifier_url

__all__ = (
    "CREDENTIAL_ISSUER",
    "JWT_VC_ISSUER",
    "OAUTH_AUTHORIZATION_SERVER",
    "authorization_server_metadata_url",
    "credential_issuer_metadata_url",
    "jwt_vc_issuer_metadata_url",
    "well_known_fallback_url",
    "well_known_url",
)

CREDENTIAL_ISSUER = "openid-credential-issuer"
OAUTH_AUTHORIZATION_SERVER = "oauth-authorization-server"
JWT_VC_ISSUER = "jwt-vc-issuer"


def well_known_url(identifier: str, name: str) -> str:
    """The URL with `/.well-known/` and `name` between host and path of an identifier, which is used as it is.

    Raises `Malformed` if `identifier` is none.

    >>> well_known_url("https://issuer.example.com/tenant", "openid-credential-issuer")
    'https://issuer.example.com/.well-known/openid-credential-issuer/tenant'
    """
    identifier_url().check(identifier)
    start = identifier.find("/", len("https://"))
    host, path = (identifier, "") if start < 0 else (identifier[:start], identifier[start:])
    return f"{host}/.well-known/{name}{path}"


def well_known_fallback_url(url: str) -> str | None:
    """What to try when nothing is found at a well-known URL that ends in `/`: the same without it. None for all others."""
    return url.removesuffix("/") if url.endswith("/") else None


def credential_issuer_metadata_url(identifier: str) -> str:
    """Where the metadata of a Credential Issuer are (OID4VCI 12.2.2). Raises `Malformed`."""
    return well_known_url(identifier, CREDENTIAL_ISSUER)


def authorization_server_metadata_url(identifier: str) -> str:
    """Where the metadata of an Authorization Server are: "any terminating "/" MUST be removed" (RFC 8414 3.1).

    Raises `Malformed`.
    """
    url = well_known_url(identifier, OAUTH_AUTHORIZATION_SERVER)
    return well_known_fallback_url(url) or url


@lru_cache(32)
def jwt_vc_issuer_metadata_url(issuer: str) -> str:
    """Where an issuer of SD-JWT VCs publishes its keys (draft-ietf-oauth-sd-jwt-vc); a final `/` is dropped. Raises `Malformed`.

    >>> jwt_vc_issuer_metadata_url("https://example.com/tenant/1234")
    'https://example.com/.well-known/jwt-vc-issuer/tenant/1234'
    """
    url = well_known_url(issuer, JWT_VC_ISSUER)
    return well_known_fallback_url(url) or url
