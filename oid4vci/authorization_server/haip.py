"""An authorization server under HAIP 1.0: what is turned on for it, and the rules that its settings break (HAIP 4, 4.3, 4.4, 7)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from attrs import evolve

from oid4vci.metadata.finding import Finding, error, step
from oid4vci.metadata.haip import ES256, issuer_findings, server_findings
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.client_authentication import NONE, ClientAuthenticationMethod, PublicClient
from oid4vci.oauth.refresh_tokens import RefreshTokens

if TYPE_CHECKING:
    from oid4vci.authorization_server.authorization_server import AuthorizationServer

__all__ = ("haip_client_authentication", "haip_findings", "haip_refresh_tokens")

# FAPI 2.0 Security Profile 5.3.2.1, 5.3.2.2, with which HAIP 4 wants a server to comply.
MAX_CODE_LIFETIME: Final = 60
MAX_REQUEST_URI_LIFETIME: Final = 599


def haip_client_authentication(
    methods: Mapping[str, ClientAuthenticationMethod],
) -> dict[str, ClientAuthenticationMethod]:
    """The methods; where Wallet Attestations are believed by certificates only, each must bring its own (HAIP 4.4.1)."""
    found = dict(methods)
    for name, method in methods.items():
        if isinstance(method, ClientAttestation) and not method.attesters:
            found[name] = evolve(method, require_x5c=True)
    return found


def haip_refresh_tokens(tokens: RefreshTokens | None) -> RefreshTokens | None:
    """Refresh Tokens that stay the same: a server "shall not use refresh token rotation" (FAPI 2.0 Security Profile 5.3.2.1)."""
    return None if tokens is None else evolve(tokens, rotation=False)


def haip_findings(server: "AuthorizationServer") -> Iterator[Finding]:
    """The rules of HAIP that an authorization server breaks."""
    metadata = server.metadata
    yield from server_findings(metadata)
    if metadata.pushed_authorization_request_endpoint is not None and not metadata.require_pushed_authorization_requests:
        # What is only doubtful of others is not of ours: it is what this server goes by.
        yield error("require_pushed_authorization_requests", "must be true", "HAIP 4", "HAIP-4-06")
    if server.authorization_codes is None:
        yield error("authorization_codes", "is missing", "HAIP 4", "HAIP-4-01")
    elif server.authorization_codes.lifetime > MAX_CODE_LIFETIME:
        yield error("authorization_codes.lifetime", f"must be {MAX_CODE_LIFETIME} seconds at most", "HAIP 4", "HAIP-4-04")
    if server.request_uri_lifetime > MAX_REQUEST_URI_LIFETIME:
        yield error("request_uri_lifetime", "must be less than 600 seconds", "HAIP 4", "HAIP-4-04")
    if server.dpop is None or not server.dpop_required:
        yield error("dpop_required", "must be True: every token is bound to a key", "HAIP 4", "HAIP-4-08")
    elif ES256 not in server.dpop.algorithms:
        yield error("dpop.algorithms", "does not have ES256", "HAIP 4, 7", "HAIP-4-08")
    if not server.scope_required:
        yield error("scope_required", "must be True", "HAIP 4.3", "HAIP-4.3-02")
    for issuer in server.issuers_metadata:
        # The rest of an issuer's metadata is its own affair.
        for finding in issuer_findings(issuer):
            if finding.requirement == "HAIP-4.3-03":
                yield finding.within("credential_issuers")
    yield from _authentication_findings(server)


def _authentication_findings(server: "AuthorizationServer") -> Iterator[Finding]:
    for name, method in server.client_authentication.items():
        at = f"client_authentication.{step(name)}"
        if isinstance(method, PublicClient) and name != NONE:
            # Under its own name it is found in the metadata.
            yield error(at, "is no authentication", "HAIP 4.4.1", "HAIP-4.4.1-02")
        if not isinstance(method, ClientAttestation):
            continue
        if not method.require_x5c:
            problem = "must be True: no attester is known by its keys alone"
            yield error(f"{at}.require_x5c", problem, "HAIP 4.4.1", "HAIP-4.4.1-05")
        for setting, member in (
            ("algorithms", "client_attestation_signing_alg_values_supported"),
            ("pop_algorithms", "client_attestation_pop_signing_alg_values_supported"),
        ):
            if ES256 not in getattr(method, setting):
                yield error(f"{at}.{setting}", "does not have ES256", "HAIP 7", "HAIP-7-01")
            if getattr(server.metadata, member) is None:
                yield error(member, "is missing", "HAIP 7", "HAIP-7-01")
