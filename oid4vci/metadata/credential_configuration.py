"""Credential Configurations: what an issuer says about one kind of Credential (OID4VCI 12.2.4 and appendix A).

A Credential Format Profile is a subclass that adds the members of its format. `CONFIGURATION_CLASSES` maps Credential Format
Identifiers to them; a mapping with more entries can be given wherever metadata are read. Nothing here is processed as JSON-LD.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Self, TypeAlias

from attrs import Factory, field, frozen

from oid4vci._document import Codec, Document, array, json_array, mapping, nested, string, wire
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription, ClaimsPath, check_json_path, check_mdoc_path, contradictions
from oid4vci.metadata.display import CredentialDisplay, display_findings
from oid4vci.metadata.finding import Finding, error, step, warning
from oid4vci.metadata.language import in_language

__all__ = (
    "CONFIGURATION_CLASSES",
    "AlgorithmIdentifier",
    "CredentialConfiguration",
    "CredentialDefinition",
    "CredentialMetadata",
    "JwtVcJsonConfiguration",
    "JwtVcJsonLdConfiguration",
    "KeyAttestationsRequired",
    "LdpVcConfiguration",
    "MsoMdocConfiguration",
    "ProofType",
    "SdJwtVcConfiguration",
)

# Of one Credential; as many as of a type (`formats.type_metadata`).
MAX_CLAIMS: Final = 1_000

AlgorithmIdentifier: TypeAlias = str | int
"""A JWS name or a signature suite (string), or a COSE number (integer), as the format or the proof type says."""


def _check_algorithm(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Malformed("must be a string or an integer")


_ALGORITHMS = array(Codec(_check_algorithm))
_STRINGS = array(string())


def _is_signature(algorithm: AlgorithmIdentifier) -> bool:
    """Whether a JWS algorithm name can be that of a digital signature: neither `none` nor a MAC."""
    return isinstance(algorithm, str) and algorithm != "none" and not algorithm.startswith("HS")


@frozen(kw_only=True)
class KeyAttestationsRequired(Document):
    """What a key attestation must say. Without members any key attestation will do, but there must be one (OID4VCI 12.2.4)."""

    key_storage: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    user_authentication: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))


@frozen(kw_only=True)
class ProofType(Document):
    """What an issuer takes as key proofs of one type. `key_attestations_required` is None where none is required."""

    proof_signing_alg_values_supported: tuple[AlgorithmIdentifier, ...] = field(metadata=wire(_ALGORITHMS))
    key_attestations_required: KeyAttestationsRequired | None = field(
        default=None, metadata=wire(nested(KeyAttestationsRequired))
    )


def _consistent_claims(metadata: "CredentialMetadata") -> None:
    # "When a repeated or contradictory claim description is provided, the processing MUST be aborted." -- OID4VCI B.3
    for contradiction in contradictions(metadata.claims or ()):
        raise contradiction.within("claims")


@frozen(kw_only=True)
class CredentialMetadata(Document):
    """How a Credential and its claims are shown; what the Credential's own format says of it goes first (OID4VCI 12.2.4).

    The order of `claims` is the order of display. Repeated or contradictory claims descriptions are refused (B.3).
    """

    display: tuple[CredentialDisplay, ...] | None = field(default=None, metadata=wire(array(nested(CredentialDisplay))))
    claims: tuple[ClaimsDescription, ...] | None = field(
        default=None, metadata=wire(array(nested(ClaimsDescription), maximum=MAX_CLAIMS))
    )
    rules: ClassVar[tuple[Callable[[Any], None], ...]] = (_consistent_claims,)

    def shown(self, preferences: Sequence[str]) -> CredentialDisplay | None:
        """How the Credential is shown to who prefers these languages, the preferred one first (RFC 4647 3.4)."""
        return in_language(self.display, preferences)

    def findings(self) -> Iterator[Finding]:
        """What must not be published, or is doubtful."""
        yield from (finding.within("display") for finding in display_findings(self.display))
        for i, claim in enumerate(self.claims or ()):
            yield from (finding.within(f"claims[{i}].display") for finding in display_findings(claim.display, "OID4VCI B.2"))


def _format_fits(configuration: "CredentialConfiguration") -> None:
    identifier = type(configuration).identifier
    if identifier and configuration.format != identifier:
        raise Malformed(f"must be {identifier}", "format")


_PROOF_TYPES: Final = "VCI-12.2.4-58"
_BINDING: Final = "VCI-12.2.4-56"
_BINDING_METHOD = re.compile(r"jwk|cose_key|did:[a-z0-9]+")
# RFC 6749 3.3
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@frozen(kw_only=True)
class CredentialConfiguration(Document):
    """A Credential Configuration of any format; those with a profile have a subclass, whose `format` is set by itself."""

    identifier: ClassVar[str] = ""
    # What kind of algorithm identifiers the format uses; None where the format is not known.
    algorithm_type: ClassVar[type[str] | type[int] | None] = None
    # The requirement that says so.
    algorithm_requirement: ClassVar[str | None] = None
    # That of a claims path.
    path_requirement: ClassVar[str] = "VCI-C.1-01"
    rules: ClassVar[tuple[Callable[[Any], None], ...]] = (_format_fits,)

    format: str = field(default=Factory(lambda self: self.identifier, takes_self=True), metadata=wire(string()))
    scope: str | None = field(default=None, metadata=wire(string()))
    credential_signing_alg_values_supported: tuple[AlgorithmIdentifier, ...] | None = field(
        default=None, metadata=wire(_ALGORITHMS)
    )
    cryptographic_binding_methods_supported: tuple[str, ...] | None = field(default=None, metadata=wire(_STRINGS))
    proof_types_supported: Mapping[str, ProofType] | None = field(default=None, metadata=wire(mapping(nested(ProofType))))
    credential_metadata: CredentialMetadata | None = field(default=None, metadata=wire(nested(CredentialMetadata)))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a configuration as this class. Raises `Malformed`."""
        if isinstance(value, Mapping) and value.get("format") is None:
            raise Malformed("is missing", "format")
        return super().from_json(value)

    @staticmethod
    def read(value: Any, *, classes: "Mapping[str, type[CredentialConfiguration]] | None" = None) -> "CredentialConfiguration":
        """Read a configuration as the class of its format, or as a plain one if the format is not known.

        `classes` maps Credential Format Identifiers to classes and is `CONFIGURATION_CLASSES` by default. Raises `Malformed`.
        """
        identifier = value.get("format") if isinstance(value, Mapping) else None
        found = (CONFIGURATION_CLASSES if classes is None else classes).get(identifier) if isinstance(identifier, str) else None
        return (found or CredentialConfiguration).from_json(value)

    @staticmethod
    def check_claims_path(path: ClaimsPath) -> None:
        """Raise `Malformed` for a path that leads nowhere in this format (OID4VCI C); one that is not known has no rules."""

    @property
    def key_binding_required(self) -> bool:
        """Whether a request must bring a key: "If absent, Cryptographic Key Binding is not required" (OID4VCI 12.2.4)."""
        return self.cryptographic_binding_methods_supported is not None

    def lists_algorithm(self, algorithm: AlgorithmIdentifier) -> bool:
        """Whether Credentials may be signed with it: it is listed, or none is."""
        listed = self.credential_signing_alg_values_supported
        return listed is None or algorithm in listed

    def findings(self) -> Iterator[Finding]:
        """What must not be published, or is doubtful."""
        rule = "OID4VCI 12.2.4"
        if self.scope is not None and not _SCOPE.fullmatch(self.scope):
            yield error("scope", "must be a single scope value", "RFC 6749 3.3")
        methods, proof_types = self.cryptographic_binding_methods_supported, self.proof_types_supported
        if methods is not None and not proof_types:
            yield error(
                "proof_types_supported", "must be there with cryptographic_binding_methods_supported", rule, _PROOF_TYPES
            )
        if methods is None and proof_types is not None:
            yield error(
                "proof_types_supported", "must not be there without cryptographic_binding_methods_supported", rule, _PROOF_TYPES
            )
        for i, method in enumerate(methods or ()):
            path = f"cryptographic_binding_methods_supported[{i}]"
            if method.startswith("did:") and not _BINDING_METHOD.fullmatch(method):
                yield error(path, "must be did: and a method name, without anything further", rule, _BINDING)
            elif not _BINDING_METHOD.fullmatch(method):
                yield warning(path, "is not a value that the specification defines", rule, _BINDING)
        yield from self._algorithm_findings()
        for name, proof_type in (proof_types or {}).items():
            for i, algorithm in enumerate(proof_type.proof_signing_alg_values_supported):
                if name in ("jwt", "attestation") and not _is_signature(algorithm):
                    path = f"proof_types_supported.{name}.proof_signing_alg_values_supported[{i}]"
                    requirement = "VCI-F.1-02" if name == "jwt" else "VCI-D.1-02"
                    yield error(path, "must be the JWS name of a digital signature algorithm", "OID4VCI F", requirement)
        if self.credential_metadata is not None:
            yield from (finding.within("credential_metadata") for finding in self.credential_metadata.findings())
            for i, claim in enumerate(self.credential_metadata.claims or ()):
                try:
                    self.check_claims_path(claim.path)
                except Malformed as wrong:
                    path = wrong.within(f"credential_metadata.claims[{i}].path").path
                    yield error(path, wrong.reason, "OID4VCI C", self.path_requirement)
        for name in ("display", "claims"):
            if name in self.extra:
                yield warning(name, "belongs into credential_metadata", rule)

    def _algorithm_findings(self) -> Iterator[Finding]:
        for i, algorithm in enumerate(self.credential_signing_alg_values_supported or ()):
            path, requirement = f"credential_signing_alg_values_supported[{i}]", self.algorithm_requirement
            if self.algorithm_type is str and not isinstance(algorithm, str):
                yield error(path, f"must be a string in the format {step(self.format)}", "OID4VCI A", requirement)
            elif self.algorithm_type is int and not isinstance(algorithm, int):
                yield error(path, "must be a numeric COSE algorithm identifier", "OID4VCI A.2.2", requirement)


@frozen(kw_only=True)
class SdJwtVcConfiguration(CredentialConfiguration):
    """An IETF SD-JWT VC, `dc+sd-jwt` (OID4VCI A.3)."""

    identifier = "dc+sd-jwt"
    algorithm_type = str
    algorithm_requirement = "VCI-A.3.2-01"
    check_claims_path = staticmethod(check_json_path)

    vct: str = field(metadata=wire(string()))


@frozen(kw_only=True)
class MsoMdocConfiguration(CredentialConfiguration):
    """An ISO mdoc, `mso_mdoc` (OID4VCI A.2). The algorithms are COSE numbers and informational (A.2.2)."""

    identifier = "mso_mdoc"
    algorithm_type = int
    algorithm_requirement = "VCI-A.2.2-01"
    path_requirement = "VCI-C.2-01"
    check_claims_path = staticmethod(check_mdoc_path)

    doctype: str = field(metadata=wire(string()))


@frozen(kw_only=True)
class CredentialDefinition(Document):
    """The type of a W3C Verifiable Credential. Nothing of it is fetched or processed as JSON-LD.

    `context` is the member `@context`, its elements as they are: strings, or objects.
    """

    context: tuple[Any, ...] | None = field(default=None, metadata=wire(json_array(), "@context"))
    type: tuple[str, ...] = field(metadata=wire(_STRINGS))


@frozen(kw_only=True)
class JwtVcJsonConfiguration(CredentialConfiguration):
    """A W3C VC signed as a JWT, without JSON-LD, `jwt_vc_json` (OID4VCI A.1.1)."""

    identifier = "jwt_vc_json"
    algorithm_type = str
    algorithm_requirement = "VCI-A.1.1.2-01"
    check_claims_path = staticmethod(check_json_path)

    credential_definition: CredentialDefinition = field(metadata=wire(nested(CredentialDefinition)))


def _context_there(configuration: "LdpVcConfiguration") -> None:
    if configuration.credential_definition.context is None:
        raise Malformed("is missing", "credential_definition.@context")


@frozen(kw_only=True)
class LdpVcConfiguration(CredentialConfiguration):
    """A W3C VC secured by Data Integrity, `ldp_vc` (OID4VCI A.1.2)."""

    identifier = "ldp_vc"
    algorithm_type = str
    algorithm_requirement = "VCI-A.1.2.2-01"
    check_claims_path = staticmethod(check_json_path)
    rules = (_format_fits, _context_there)

    credential_definition: CredentialDefinition = field(metadata=wire(nested(CredentialDefinition)))


class JwtVcJsonLdConfiguration(LdpVcConfiguration):
    """A W3C VC signed as a JWT, with JSON-LD, `jwt_vc_json-ld`: the members of `ldp_vc` (OID4VCI A.1.3)."""

    __slots__ = ()

    identifier = "jwt_vc_json-ld"
    algorithm_requirement = "VCI-A.1.3.2-01"


CONFIGURATION_CLASSES: Final[Mapping[str, type[CredentialConfiguration]]] = {
    known.identifier: known
    for known in (
        SdJwtVcConfiguration,
        MsoMdocConfiguration,
        JwtVcJsonConfiguration,
        LdpVcConfiguration,
        JwtVcJsonLdConfiguration,
    )
}
