"""The rules of HAIP 1.0 that metadata and Credentials can be held to (HAIP 4, 5.3, 6, 7)."""

from collections.abc import Iterator, Mapping
from typing import Any

from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.metadata.finding import Finding, error, step, warning
from oid4vci.offers import AUTHORIZATION_CODE

__all__ = ("FORMATS", "issuer_findings", "mdoc_findings", "sd_jwt_vc_findings", "server_findings")

FORMATS = ("dc+sd-jwt", "mso_mdoc")
_CONFIGURATIONS = "credential_configurations_supported"
_ATTESTATION = "attest_jwt_client_auth"


def issuer_findings(metadata: CredentialIssuerMetadata) -> Iterator[Finding]:
    """What HAIP adds for Credential Issuer Metadata."""
    configurations = metadata.credential_configurations_supported
    if not any(configuration.format in FORMATS for configuration in configurations.values()):
        yield error(_CONFIGURATIONS, "has neither dc+sd-jwt nor mso_mdoc", "HAIP 4", "HAIP-4-02")
    kinds: dict[tuple[str, str], Any] = {}
    for identifier, configuration in configurations.items():
        at = f"{_CONFIGURATIONS}.{step(identifier)}"
        if configuration.scope is None:
            yield error(f"{at}.scope", "is missing", "HAIP 4.1", "HAIP-4.1-03")
        else:
            # The same type in two formats, or with two kinds of proofs, may have one scope.
            kind = getattr(configuration, "vct", None) or getattr(configuration, "doctype", None)
            if kinds.setdefault((configuration.scope, configuration.format), kind) != kind:
                yield error(f"{at}.scope", "is the scope of another Credential type too", "HAIP 4.3", "HAIP-4.3-03")
        for name, proof_type in (configuration.proof_types_supported or {}).items():
            if name in ("jwt", "attestation") and "ES256" not in proof_type.proof_signing_alg_values_supported:
                requirement = "HAIP-7-03" if name == "jwt" else "HAIP-7-02"
                path = f"{at}.proof_types_supported.{name}.proof_signing_alg_values_supported"
                yield error(path, "does not have ES256", "HAIP 7", requirement)
    if metadata.nonce_endpoint is None and any(each.key_binding_required for each in configurations.values()):
        yield error("nonce_endpoint", "must be there where a configuration requires key binding", "HAIP 4.1", "HAIP-4.1-10")


def server_findings(metadata: AuthorizationServerMetadata) -> Iterator[Finding]:
    """What HAIP adds for Authorization Server Metadata."""
    if AUTHORIZATION_CODE not in metadata.grant_types:
        yield error("grant_types_supported", "does not have authorization_code", "HAIP 4", "HAIP-4-01")
    if "S256" not in (metadata.code_challenge_methods_supported or ()):
        yield error("code_challenge_methods_supported", "does not have S256", "HAIP 4", "HAIP-4-05")
    if metadata.authorization_endpoint is not None and metadata.pushed_authorization_request_endpoint is None:
        yield error("pushed_authorization_request_endpoint", "is missing", "HAIP 4", "HAIP-4-06")
    elif metadata.authorization_endpoint is not None and not metadata.require_pushed_authorization_requests:
        yield warning("require_pushed_authorization_requests", "is not true", "HAIP 4", "HAIP-4-06")
    if not metadata.authorization_response_iss_parameter_supported:
        yield error("authorization_response_iss_parameter_supported", "is not true", "HAIP 4", "HAIP-4-07")
    if "ES256" not in (metadata.dpop_signing_alg_values_supported or ()):
        yield error("dpop_signing_alg_values_supported", "does not have ES256", "HAIP 4", "HAIP-4-08")
    if "none" in metadata.token_endpoint_auth_methods:
        yield error(
            "token_endpoint_auth_methods_supported",
            "has none, and clients must be authenticated",
            "HAIP 4.4.1",
            "HAIP-4.4.1-02",
        )
    if metadata.anonymous_access:
        yield error(
            "pre-authorized_grant_anonymous_access_supported",
            "is true, and clients must be authenticated",
            "HAIP 4.4.1",
            "HAIP-4.4.1-02",
        )
    if _ATTESTATION in metadata.token_endpoint_auth_methods:
        for name, algorithms in (
            ("client_attestation_signing_alg_values_supported", metadata.client_attestation_signing_alg_values_supported),
            (
                "client_attestation_pop_signing_alg_values_supported",
                metadata.client_attestation_pop_signing_alg_values_supported,
            ),
        ):
            if algorithms is not None and "ES256" not in algorithms:
                yield error(name, "does not have ES256", "HAIP 7", "HAIP-7-01")


def sd_jwt_vc_findings(header: Mapping[str, Any], payload: Mapping[str, Any]) -> Iterator[Finding]:
    """What HAIP adds for the issuer-signed JWT of an SD-JWT VC; what is wrong with its `x5c` is not looked at."""
    if "x5c" not in header:
        yield error("header", "x5c is missing", "HAIP 6.1.1", "HAIP-6.1.1-02")
    if "exp" not in payload and "status" not in payload:
        yield warning("exp", "is missing, and there is no status either", "HAIP 6.1", "HAIP-6.1-03")
    status, cnf = payload.get("status"), payload.get("cnf")
    if isinstance(status, Mapping) and "status_list" not in status:
        yield error("status.status_list", "is missing", "HAIP 6.1", "HAIP-6.1-07")
    if isinstance(cnf, Mapping) and "jwk" not in cnf:
        yield error("cnf.jwk", "is missing", "HAIP 6.1", "HAIP-6.1-06")


def mdoc_findings(status: Mapping[str, Any] | None) -> Iterator[Finding]:
    """What HAIP adds for the `status` of an mdoc's security object."""
    if status is not None and status.keys().isdisjoint(("status_list", "identifier_list")):
        yield error("status", "must refer to a status list or an identifier list", "HAIP 5.3.1", "HAIP-5.3.1-03")
