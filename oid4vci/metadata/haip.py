"""The rules of HAIP 1.0 that a metadata document can be held to (HAIP 4, 4.1, 4.3, 4.4.1, 7), whoever published it.

Every finding has the number of the requirement, such as `HAIP-4.1-03`. What is an error breaks the profile; a warning does not.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from oid4vci.metadata.authorization_server import AuthorizationServerMetadata
from oid4vci.metadata.credential_issuer import CredentialIssuerMetadata
from oid4vci.metadata.finding import Finding, error, step, warning
from oid4vci.offers import AUTHORIZATION_CODE

__all__ = ("ES256", "FORMATS", "broken_rules", "issuer_findings", "server_findings")

FORMATS: Final = ("dc+sd-jwt", "mso_mdoc")
ES256: Final = "ES256"
_CONFIGURATIONS = "credential_configurations_supported"
_ATTESTATION = "attest_jwt_client_auth"


def broken_rules(findings: Iterable[Finding], *, at_most: int | None = None) -> str:
    """The errors among `findings` in words, each with the number of its requirement; empty if there is none.

    `at_most` so many are named, by default all: what a peer publishes may break any number of rules.
    """
    broken = [f"{each.requirement}: {each.path} {each.message} ({each.rule})" for each in findings if each.severity == "error"]
    named = broken[:at_most]
    return "; ".join([*named, *([f"and {len(broken) - len(named)} more"] if len(named) < len(broken) else [])])


def issuer_findings(metadata: CredentialIssuerMetadata) -> Iterator[Finding]:
    """What HAIP adds for Credential Issuer Metadata."""
    configurations = metadata.credential_configurations_supported
    if not any(configuration.format in FORMATS for configuration in configurations.values()):
        yield error(_CONFIGURATIONS, "has neither dc+sd-jwt nor mso_mdoc", "HAIP 4", "HAIP-4-02")
    types: dict[tuple[str, str], Any] = {}
    for identifier, configuration in configurations.items():
        at = f"{_CONFIGURATIONS}.{step(identifier)}"
        if configuration.scope is None:
            yield error(f"{at}.scope", "is missing", "HAIP 4.1", "HAIP-4.1-03")
        else:
            # The same type in two formats, or with two kinds of proofs, may have one scope.
            kind = getattr(configuration, "vct", None) or getattr(configuration, "doctype", None)
            if types.setdefault((configuration.scope, configuration.format), kind) != kind:
                yield error(f"{at}.scope", "is the scope of another Credential Type too", "HAIP 4.3", "HAIP-4.3-03")
        for name, proof_type in (configuration.proof_types_supported or {}).items():
            if name in ("jwt", "attestation") and ES256 not in proof_type.proof_signing_alg_values_supported:
                path = f"{at}.proof_types_supported.{name}.proof_signing_alg_values_supported"
                yield error(path, "does not have ES256", "HAIP 7", "HAIP-7-03" if name == "jwt" else "HAIP-7-02")
    for identifier, left_out in metadata.skipped.items():
        # What cannot be used is nevertheless one that the issuer "supports".
        if isinstance(left_out.json, dict) and "scope" not in left_out.json:
            yield error(f"{_CONFIGURATIONS}.{step(identifier)}.scope", "is missing", "HAIP 4.1", "HAIP-4.1-03")
    if metadata.nonce_endpoint is None and any(each.key_binding_required for each in configurations.values()):
        yield error("nonce_endpoint", "must be there where a configuration requires key binding", "HAIP 4.1", "HAIP-4.1-10")


def server_findings(metadata: AuthorizationServerMetadata) -> Iterator[Finding]:
    """What HAIP adds for Authorization Server Metadata."""
    if AUTHORIZATION_CODE not in metadata.grant_types:
        yield error("grant_types_supported", "does not have authorization_code", "HAIP 4", "HAIP-4-01")
    if metadata.authorization_endpoint is None:
        yield error("authorization_endpoint", "is missing", "HAIP 4", "HAIP-4-01")
    # "If omitted, the authorization server does not support PKCE." -- RFC 8414 2
    if "S256" not in (metadata.code_challenge_methods_supported or ()):
        yield error("code_challenge_methods_supported", "does not have S256", "HAIP 4", "HAIP-4-05")
    if metadata.pushed_authorization_request_endpoint is None:
        yield error("pushed_authorization_request_endpoint", "is missing", "HAIP 4", "HAIP-4-06")
    elif not metadata.require_pushed_authorization_requests:
        yield warning("require_pushed_authorization_requests", "is not true", "HAIP 4", "HAIP-4-06")
    if not metadata.authorization_response_iss_parameter_supported:
        yield error("authorization_response_iss_parameter_supported", "is not true", "HAIP 4", "HAIP-4-07")
    dpop = metadata.dpop_signing_alg_values_supported
    if dpop is None:
        yield error("dpop_signing_alg_values_supported", "is missing", "HAIP 4", "HAIP-4-08")
    elif ES256 not in dpop:
        yield error("dpop_signing_alg_values_supported", "does not have ES256", "HAIP 4, 7", "HAIP-4-08")
    yield from _authentication_findings(metadata)


def _authentication_findings(metadata: AuthorizationServerMetadata) -> Iterator[Finding]:
    methods, section, requirement = metadata.token_endpoint_auth_methods, "HAIP 4.4.1", "HAIP-4.4.1-02"
    if "none" in methods:
        yield error("token_endpoint_auth_methods_supported", "has none, and clients must authenticate", section, requirement)
    if metadata.anonymous_access:
        # Also with a pre-authorized code: the token endpoint is one "that support[s] client authentication".
        yield error(
            "pre-authorized_grant_anonymous_access_supported",
            "is true, and clients must authenticate",
            section,
            requirement,
        )
    if _ATTESTATION in methods:
        for name in (
            "client_attestation_signing_alg_values_supported",
            "client_attestation_pop_signing_alg_values_supported",
        ):
            algorithms = getattr(metadata, name)
            if algorithms is not None and ES256 not in algorithms:
                yield error(name, "does not have ES256", "HAIP 7", "HAIP-7-01")
