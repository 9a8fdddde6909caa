"""Credential Issuer Metadata (OID4VCI 12.2.4).

The reader keeps what can be used: a Credential Configuration that is malformed is left out and reported, the others stay.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from attrs import evolve, field, frozen

from oid4vci._document import Document, array, https_url, identifier_url, integer, mapping, nested, wire
from oid4vci._json import Malformed
from oid4vci.metadata.authorization_server import AuthorizationServerMetadata
from oid4vci.metadata.credential_configuration import CredentialConfiguration
from oid4vci.metadata.display import IssuerDisplay, display_findings
from oid4vci.metadata.encryption import CredentialRequestEncryption, CredentialResponseEncryption
from oid4vci.metadata.finding import Finding, error, refuse_errors, step, warning
from oid4vci.metadata.language import in_language
from oid4vci.metadata.unreadable import configuration_members, unreadable

__all__ = ("BatchCredentialIssuance", "CredentialIssuerMetadata", "SkippedConfiguration")

_CONFIGURATIONS = "credential_configurations_supported"
_RULE = "OID4VCI 12.2.4"


@frozen(kw_only=True)
class BatchCredentialIssuance(Document):
    """How many key proofs a request may have: "It MUST be 2 or greater"."""

    batch_size: int = field(metadata=wire(integer(minimum=2)))


@frozen
class SkippedConfiguration:
    """A Credential Configuration that is not usable: why, and what was published."""

    error: Malformed = field(eq=str)
    json: Any = field(repr=False)


@frozen(kw_only=True)
class CredentialIssuerMetadata(Document):
    """What a Credential Issuer publishes about itself.

    `skipped` holds the configurations that `from_json` left out. Issuers make theirs with `build`.
    """

    credential_issuer: str = field(metadata=wire(identifier_url()))
    authorization_servers: tuple[str, ...] | None = field(default=None, metadata=wire(array(identifier_url(), maximum=100)))
    credential_endpoint: str = field(metadata=wire(https_url()))
    nonce_endpoint: str | None = field(default=None, metadata=wire(https_url()))
    deferred_credential_endpoint: str | None = field(default=None, metadata=wire(https_url()))
    notification_endpoint: str | None = field(default=None, metadata=wire(https_url()))
    credential_request_encryption: CredentialRequestEncryption | None = field(
        default=None, metadata=wire(nested(CredentialRequestEncryption))
    )
    credential_response_encryption: CredentialResponseEncryption | None = field(
        default=None, metadata=wire(nested(CredentialResponseEncryption))
    )
    batch_credential_issuance: BatchCredentialIssuance | None = field(
        default=None, metadata=wire(nested(BatchCredentialIssuance))
    )
    display: tuple[IssuerDisplay, ...] | None = field(default=None, metadata=wire(array(nested(IssuerDisplay))))
    credential_configurations_supported: Mapping[str, CredentialConfiguration] = field(
        metadata=wire(mapping(nested(CredentialConfiguration)))
    )
    skipped: Mapping[str, SkippedConfiguration] = field(factory=dict)

    @classmethod
    def from_json(cls, value: Any, *, classes: Mapping[str, type[CredentialConfiguration]] | None = None) -> Self:
        """Read metadata; configurations that cannot be used go to `skipped`.

        `classes` maps Credential Format Identifiers to classes and is `CONFIGURATION_CLASSES` by default. The caller then holds
        the identifier it asked for against the document with `check_identifier`. Raises `Malformed`.
        """
        published = value.get(_CONFIGURATIONS) if isinstance(value, Mapping) else None
        if not isinstance(published, Mapping):
            return super().from_json(value)
        usable: dict[str, CredentialConfiguration] = {}
        skipped: dict[str, SkippedConfiguration] = {}
        for identifier, configuration in published.items():
            try:
                usable[identifier] = CredentialConfiguration.read(configuration, classes=classes)
            except Malformed as malformed:
                skipped[identifier] = SkippedConfiguration(malformed, configuration)
        metadata = super().from_json({**value, _CONFIGURATIONS: usable})
        return evolve(metadata, skipped=skipped) if skipped else metadata

    def to_json(self) -> dict[str, Any]:
        """The JSON object, with what was skipped."""
        out = super().to_json()
        if self.skipped:
            out[_CONFIGURATIONS] |= {identifier: left_out.json for identifier, left_out in self.skipped.items()}
        return out

    @classmethod
    def build(cls, **members: Any) -> Self:
        """Metadata to publish, of the same members as the constructor.

        Raises `ValueError`: for the first member that is malformed, else with all errors among the findings.
        """
        metadata = cls(**members)
        refuse_errors(metadata.findings())
        return metadata

    @property
    def batch_size(self) -> int:
        """How many key proofs a request may have: 1 where the issuer does not say that it takes more."""
        return 1 if self.batch_credential_issuance is None else self.batch_credential_issuance.batch_size

    @property
    def servers(self) -> tuple[str, ...]:
        """The identifiers of the Authorization Servers: the issuer's own where none is named."""
        return self.authorization_servers or (self.credential_issuer,)

    @property
    def scopes(self) -> dict[str, tuple[str, ...]]:
        """Each scope value with the configurations that it stands for: several may share one (OID4VCI 12.2.4)."""
        found: dict[str, tuple[str, ...]] = {}
        for name, configuration in self.credential_configurations_supported.items():
            if configuration.scope is not None:
                found[configuration.scope] = (*found.get(configuration.scope, ()), name)
        return found

    def shown(self, preferences: Sequence[str]) -> IssuerDisplay | None:
        """How the issuer is shown to who prefers these languages, the preferred one first (RFC 4647 3.4)."""
        return in_language(self.display, preferences)

    def check_identifier(self, expected: str) -> None:
        """Raises `Malformed` unless `credential_issuer` is the identifier that the metadata were asked for.

        The strings are compared as they are: "If these values are not identical (when compared using a simple string comparison
        with no normalization), the data contained in the response MUST NOT be used." -- OID4VCI 12.2.4
        """
        if self.credential_issuer != expected:
            raise Malformed("is not the identifier that the metadata were requested for", "credential_issuer")

    def findings(self, authorization_servers: Sequence[AuthorizationServerMetadata] = ()) -> tuple[Finding, ...]:
        """What must not be published, or is doubtful.

        With the metadata of the Authorization Servers, also whether every configuration can be asked for.
        """
        return tuple(self._findings(authorization_servers))

    def _findings(self, authorization_servers: Sequence[AuthorizationServerMetadata]) -> Iterator[Finding]:
        if len(set(self.servers)) != len(self.servers):
            yield warning("authorization_servers", "repeats an identifier", _RULE)
        if self.credential_request_encryption is not None:
            for finding in self.credential_request_encryption.findings():
                yield finding.within("credential_request_encryption")
        elif self.credential_response_encryption is not None:
            # A request with response encryption parameters must be encrypted itself (8.2): without keys for it none can be made.
            yield error(
                "credential_request_encryption",
                "must be there with credential_response_encryption",
                "OID4VCI 8.2",
                "VCI-8.2-34",
            )
        yield from (finding.within("display") for finding in display_findings(self.display))
        for identifier, configuration in self.credential_configurations_supported.items():
            for finding in configuration.findings():
                yield finding.within(f"{_CONFIGURATIONS}.{step(identifier)}")
        for identifier, left_out in self.skipped.items():
            wrong = left_out.error.within(f"{_CONFIGURATIONS}.{step(identifier)}")
            yield unreadable(wrong, configuration_members(left_out.json))
        if not self.credential_configurations_supported:
            yield warning(_CONFIGURATIONS, "has no usable configuration", _RULE, "VCI-12.2.4-47")
        if authorization_servers:
            yield from self._server_findings(authorization_servers)

    def _server_findings(self, authorization_servers: Sequence[AuthorizationServerMetadata]) -> Iterator[Finding]:
        for server in authorization_servers:
            if server.issuer not in self.servers:
                yield error("authorization_servers", "does not name an Authorization Server whose metadata were given", _RULE)
        if any(server.takes_authorization_details for server in authorization_servers):
            return
        for identifier, configuration in self.credential_configurations_supported.items():
            if configuration.scope is None:
                yield error(
                    f"{_CONFIGURATIONS}.{step(identifier)}.scope",
                    "is missing, and no Authorization Server lists openid_credential in authorization_details_types_supported",
                    _RULE,
                    "VCI-12.2.4-52",
                )
