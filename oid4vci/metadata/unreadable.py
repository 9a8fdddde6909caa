"""Members that cannot be read, as findings: which requirement each of them breaks (OID4VCI 4.1.1, 12.2.4, 12.3, A, B).

The first pattern that fits a path, or a path and what is wrong there, decides. Identifiers of configurations may have dots.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from oid4vci._json import Malformed
from oid4vci.metadata.finding import Finding, error

__all__ = ("CREDENTIAL_ISSUER_MEMBERS", "OFFER_MEMBERS", "SERVER_MEMBERS", "configuration_members", "unreadable")

Members: TypeAlias = tuple[str, Sequence[tuple[re.Pattern[str], str]]]
"""The section of what fits no pattern, and patterns of paths with the requirement that each stands for."""


def _members(rule: str, *patterns: tuple[str, str]) -> Members:
    return rule, tuple((re.compile(pattern), requirement) for pattern, requirement in patterns)


OFFER_MEMBERS: Final = _members(
    "OID4VCI 4.1.1",
    (r"credential_issuer", "VCI-4.1.1-01"),
    (r"credential_configuration_ids.*", "VCI-4.1.1-03"),
    (r"grants\..+\.pre-authorized_code", "VCI-4.1.1-18"),
    (r"grants\..+\.tx_code\.description", "VCI-4.1.1-32"),
    (r"grants\..+\.tx_code\.length", "VCI-4.1.1-29"),
    (r"grants\..+\.tx_code\.input_mode", "VCI-4.1.1-27"),
    (r"grants\..+\.tx_code", "VCI-4.1.1-22"),
    (r"grants\..+\.issuer_state", "VCI-4.1.1-12"),
    (r"grants\.authorization_code\.authorization_server", "VCI-4.1.1-14"),
    (r"grants\..+\.authorization_server", "VCI-4.1.1-34"),
    (r"grants.*", "VCI-4.1.1-05"),
)

SERVER_MEMBERS: Final = _members(
    "RFC 8414 2",
    (r"pre-authorized_grant_anonymous_access_supported", "VCI-12.3-01"),
)

_REQUEST, _RESPONSE = "credential_request_encryption", "credential_response_encryption"
_ONE = r"credential_configurations_supported\..+\."
_SHOWN = rf"{_ONE}credential_metadata\."

CREDENTIAL_ISSUER_MEMBERS: Final = _members(
    "OID4VCI 12.2.4",
    (r"credential_issuer: is missing", "VCI-12.2.4-01"),
    (r"credential_issuer", "VCI-12.2.1-01"),
    (r"authorization_servers.*", "VCI-12.2.4-04"),
    (r"credential_endpoint: is missing", "VCI-12.2.4-09"),
    (r"credential_endpoint", "VCI-12.2.4-10"),
    (r"nonce_endpoint", "VCI-12.2.4-13"),
    (r"deferred_credential_endpoint", "VCI-12.2.4-16"),
    (r"notification_endpoint", "VCI-12.2.4-19"),
    (rf"{_REQUEST}\.jwks.*", "VCI-12.2.4-22"),
    (rf"{_REQUEST}\.enc_values_supported.*", "VCI-12.2.4-24"),
    (rf"{_REQUEST}\.zip_values_supported.*", "VCI-12.2.4-25"),
    (rf"{_REQUEST}\.encryption_required", "VCI-12.2.4-26"),
    (_REQUEST, "VCI-12.2.4-21"),
    (rf"{_RESPONSE}\.alg_values_supported.*", "VCI-12.2.4-30"),
    (rf"{_RESPONSE}\.enc_values_supported.*", "VCI-12.2.4-31"),
    (rf"{_RESPONSE}\.zip_values_supported.*", "VCI-12.2.4-32"),
    (rf"{_RESPONSE}\.encryption_required", "VCI-12.2.4-33"),
    (_RESPONSE, "VCI-12.2.4-29"),
    (r"batch_credential_issuance\.batch_size: is missing", "VCI-12.2.4-37"),
    (r"batch_credential_issuance\.batch_size", "VCI-12.2.4-38"),
    (r"batch_credential_issuance", "VCI-12.2.4-36"),
    (r"display\[\d+\]\.logo.*", "VCI-12.2.4-45"),
    (r"display\[\d+\]\.name", "VCI-12.2.4-41"),
    (r"display\[\d+\]\.locale", "VCI-12.2.4-42"),
    (r"display.*", "VCI-12.2.4-39"),
    (rf"{_ONE}vct", "VCI-A.3.2-02"),
    (rf"{_ONE}doctype", "VCI-A.2.2-03"),
    (rf"{_ONE}credential_definition\.@context.*", "VCI-A.1.2.2-03"),
    (rf"{_ONE}credential_definition\.type.*", "VCI-A.1.1.2-03"),
    (rf"{_ONE}credential_definition", "VCI-A.1.1.2-02"),
    (rf"{_ONE}scope", "VCI-12.2.4-49"),
    (rf"{_ONE}credential_signing_alg_values_supported.*", "VCI-12.2.4-53"),
    (rf"{_ONE}cryptographic_binding_methods_supported.*", "VCI-12.2.4-54"),
    (rf"{_ONE}proof_types_supported\..+\.key_attestations_required\.key_storage.*", "VCI-12.2.4-66"),
    (rf"{_ONE}proof_types_supported\..+\.key_attestations_required\.user_authentication.*", "VCI-12.2.4-67"),
    (rf"{_ONE}proof_types_supported\..+\.key_attestations_required", "VCI-12.2.4-63"),
    (rf"{_ONE}proof_types_supported\..+\.proof_signing_alg_values_supported.*", "VCI-12.2.4-61"),
    (rf"{_ONE}proof_types_supported.*", "VCI-12.2.4-57"),
    (rf"{_SHOWN}display\[\d+\]\.name", "VCI-12.2.4-72"),
    (rf"{_SHOWN}display\[\d+\]\.logo.*", "VCI-12.2.4-77"),
    (rf"{_SHOWN}display\[\d+\]\.background_image.*", "VCI-12.2.4-82"),
    (rf"{_SHOWN}display.*", "VCI-12.2.4-71"),
    (rf"{_SHOWN}claims\[\d+\]\.path.*: addresses the same claim .*", "VCI-B.3-03"),
    (rf"{_SHOWN}claims\[\d+\]\.path.*: addresses (?:all|one) .*", "VCI-B.3-04"),
    (rf"{_SHOWN}claims\[\d+\]\.path.*: implies an .*", "VCI-B.3-05"),
    (rf"{_SHOWN}claims\[\d+\]\.path.*", "VCI-B.2-01"),
    (rf"{_SHOWN}claims\[\d+\]\.mandatory", "VCI-B.2-02"),
    (rf"{_SHOWN}claims\[\d+\]\.display.*", "VCI-B.2-04"),
    (rf"{_SHOWN}claims", "VCI-12.2.4-85"),
    (rf"{_ONE}credential_metadata", "VCI-12.2.4-68"),
    (rf"{_ONE}format", "VCI-12.2.4-48"),
    (r"credential_configurations_supported.*", "VCI-12.2.4-47"),
)

# What other formats than `jwt_vc_json` say of the same member.
_OF_FORMATS: Final[Mapping[str, Members]] = {
    "ldp_vc": _members(
        "",
        (rf"{_ONE}credential_definition\.type.*", "VCI-A.1.2.2-04"),
        (rf"{_ONE}credential_definition", "VCI-A.1.2.2-02"),
    ),
    "jwt_vc_json-ld": _members("", (rf"{_ONE}credential_definition.*", "VCI-A.1.3.2-01")),
}


def configuration_members(configuration: Any) -> Members:
    """The patterns for a Credential Configuration of Credential Issuer Metadata, which was left out, as it came."""
    rule, patterns = CREDENTIAL_ISSUER_MEMBERS
    name = configuration.get("format") if isinstance(configuration, Mapping) else None
    own = _OF_FORMATS.get(name) if isinstance(name, str) else None
    return CREDENTIAL_ISSUER_MEMBERS if own is None else (rule, (*own[1], *patterns))


def unreadable(malformed: Malformed, members: Members) -> Finding:
    """What could not be read, as an error with its requirement, and its section: that of the requirement, if there is one."""
    rule, patterns = members
    for pattern, requirement in patterns:
        if pattern.fullmatch(str(malformed)) or pattern.fullmatch(malformed.path):
            section = requirement.removeprefix("VCI-").rpartition("-")[0]
            return error(malformed.path, malformed.reason, f"OID4VCI {section}", requirement)
    return error(malformed.path, malformed.reason, rule)
