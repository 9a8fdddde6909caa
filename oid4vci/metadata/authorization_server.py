"""Authorization Server Metadata: RFC 8414, what its extensions add, and OID4VCI 12.3."""

from collections.abc import Iterator
from typing import Any, Self

from attrs import field, frozen

from oid4vci._document import Document, array, boolean, https_url, identifier_url, string, wire
from oid4vci._json import Malformed
from oid4vci.metadata.finding import Finding, error, refuse_errors, warning
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE

__all__ = ("AuthorizationServerMetadata",)

_ENDPOINT = https_url()
# "Claims with zero elements MUST be omitted" (RFC 8414 3.2): read nevertheless, and reported.
_STRINGS = array(string(), minimum=0)
_ATTESTATION = "attest_jwt_client_auth"


@frozen(kw_only=True)
class AuthorizationServerMetadata(Document):
    """What an Authorization Server publishes about itself. Members that OID4VCI does not need are in `extra`.

    `token_endpoint` may be None when read: RFC 8414 2 lets servers with nothing but the implicit grant leave it out.
    """

    issuer: str = field(metadata=wire(identifier_url()))
    authorization_endpoint: str | None = field(default=None, metadata=wire(_ENDPOINT))
    token_endpoint: str | None = field(default=None, metadata=wire(_ENDPOINT))
    pushed_authorization_request_endpoint: str | None = field(default=None, metadata=wire(_ENDPOINT))
    require_pushed_authorization_requests: bool | None = field(default=None, metadata=wire(boolean()))
    challenge_endpoint: str | None = field(default=None, metadata=wire(_ENDPOINT))
    introspection_endpoint: str | None = field(default=None, metadata=wire(_ENDPOINT))
    revocation_endpoint: str | None = field(default=None, metadata=wire(_ENDPOINT))
    jwks_uri: str | None = field(default=None, metadata=wire(_ENDPOINT))
    scopes_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    response_types_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    response_modes_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    grant_types_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    code_challenge_methods_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    dpop_signing_alg_values_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    client_attestation_signing_alg_values_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    client_attestation_pop_signing_alg_values_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    authorization_details_types_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    authorization_response_iss_parameter_supported: bool | None = field(default=None, metadata=wire(boolean()))
    pre_authorized_grant_anonymous_access_supported: bool | None = field(
        default=None, metadata=wire(boolean(), "pre-authorized_grant_anonymous_access_supported")
    )

    @property
    def grant_types(self) -> tuple[str, ...]:
        """The grant types: "If omitted, the default value is ["authorization_code", "implicit"]" -- RFC 8414 2."""
        return (AUTHORIZATION_CODE, "implicit") if self.grant_types_supported is None else self.grant_types_supported

    @property
    def token_endpoint_auth_methods(self) -> tuple[str, ...]:
        """How clients may authenticate: `client_secret_basic` where the server does not say (RFC 8414 2)."""
        methods = self.token_endpoint_auth_methods_supported
        return ("client_secret_basic",) if methods is None else methods

    @property
    def anonymous_access(self) -> bool:
        """Whether a Token Request with a Pre-Authorized Code needs no `client_id`: "The default is `false`" (OID4VCI 12.3)."""
        return bool(self.pre_authorized_grant_anonymous_access_supported)

    @property
    def takes_authorization_details(self) -> bool:
        """Whether Credentials can be asked for with `authorization_details` (OID4VCI 12.2.4)."""
        return "openid_credential" in (self.authorization_details_types_supported or ())

    @classmethod
    def build(cls, **members: Any) -> Self:
        """Metadata to publish, of the same members as the constructor.

        Raises `ValueError`: for the first member that is malformed, else with all errors among the findings.
        """
        metadata = cls(**members)
        refuse_errors(metadata.findings())
        return metadata

    def check_identifier(self, expected: str) -> None:
        """Raises `Malformed` unless `issuer` is identical to the identifier the metadata were asked for (RFC 8414 3.3)."""
        if self.issuer != expected:
            raise Malformed("is not the identifier that the metadata were requested for", "issuer")

    def findings(self) -> tuple[Finding, ...]:
        """What must not be published, or is doubtful."""
        return tuple(self._findings())

    def _findings(self) -> Iterator[Finding]:
        if self.token_endpoint is None:
            yield error("token_endpoint", "is missing, and both grants of OID4VCI need it", "RFC 8414 2")
        if AUTHORIZATION_CODE in self.grant_types:
            if self.authorization_endpoint is None:
                yield error("authorization_endpoint", "is missing, and the authorization_code grant needs it", "RFC 8414 2")
            if "S256" not in (self.code_challenge_methods_supported or ()):
                yield warning(
                    "code_challenge_methods_supported", "does not say that PKCE with S256 is supported", "RFC 9700 2.1.1"
                )
        if self.response_types_supported is None and self.grant_types != (PRE_AUTHORIZED_CODE,):
            # Only a server with nothing but the Pre-Authorized Code grant may leave it out (OID4VCI 12.2.4).
            yield error("response_types_supported", "is missing", "RFC 8414 2", "VCI-12.2.4-86")
        if self.require_pushed_authorization_requests and self.pushed_authorization_request_endpoint is None:
            yield error("pushed_authorization_request_endpoint", "is missing, and pushed requests are required", "RFC 9126 5")
        yield from self._algorithm_findings()
        for name, value in self.to_json().items():
            if value == [] and name not in self.extra:
                yield error(name, "must be left out where it has no element", "RFC 8414 3.2")

    def _algorithm_findings(self) -> Iterator[Finding]:
        methods = self.token_endpoint_auth_methods
        assertions, attestations, pops = (
            self.token_endpoint_auth_signing_alg_values_supported,
            self.client_attestation_signing_alg_values_supported,
            self.client_attestation_pop_signing_alg_values_supported,
        )
        if assertions is None and not {"private_key_jwt", "client_secret_jwt"}.isdisjoint(methods):
            yield error("token_endpoint_auth_signing_alg_values_supported", "is missing", "RFC 8414 2")
        if _ATTESTATION in methods:
            for name, algorithms in (("client_attestation", attestations), ("client_attestation_pop", pops)):
                if algorithms is None:
                    yield warning(
                        f"{name}_signing_alg_values_supported", "is missing", "OAuth attestation-based client authentication"
                    )
        if "none" in (assertions or ()):
            yield error("token_endpoint_auth_signing_alg_values_supported", "must not have none", "RFC 8414 2")
        for name, algorithms, rule in (
            ("dpop_signing_alg_values_supported", self.dpop_signing_alg_values_supported, "RFC 9449 4.2"),
            ("client_attestation_signing_alg_values_supported", attestations, "OAuth attestation-based client authentication"),
            ("client_attestation_pop_signing_alg_values_supported", pops, "OAuth attestation-based client authentication"),
        ):
            if any(algorithm == "none" or algorithm.startswith("HS") for algorithm in algorithms or ()):
                yield error(name, "must have digital signature algorithms only", rule)
