"""What tests of the linter share: documents in which one thing is wrong, and what is said of them."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from oid4vci.lint import Report, lint

NOW = 1_780_000_000
REQUIREMENTS = Path(__file__).parent / "spec_coverage" / "requirements.jsonl"


@cache
def requirement_ids() -> frozenset[str]:
    """The ids of all requirements."""
    return frozenset(json.loads(line)["id"] for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())


def checked(document: Any, **more: Any) -> Report:
    """The report about a document, or about a value as JSON; its form is what it must always be."""
    text = document if isinstance(document, str | bytes) else json.dumps(document)
    report = lint(text, **{"now": NOW, **more})
    for finding in report.findings:
        assert finding.severity in ("error", "warning")
        assert finding.message
        assert finding.message.isprintable()
        assert finding.path.isprintable()
        assert finding.rule
        assert finding.requirement is None or finding.requirement in requirement_ids()
    assert json.loads(json.dumps(report.to_json())) == report.to_json()
    return report


def said(report: Report, severity: str = "error") -> list[tuple[str, str | None]]:
    """Paths and requirements of the findings of one severity."""
    return [(each.path, each.requirement) for each in report.findings if each.severity == severity]


METADATA: Mapping[str, Any] = {
    "credential_issuer": "https://issuer.example",
    "credential_endpoint": "https://issuer.example/credential",
    "nonce_endpoint": "https://issuer.example/nonce",
    "credential_configurations_supported": {
        "pid": {
            "format": "dc+sd-jwt",
            "vct": "urn:eudi:pid:1",
            "scope": "pid",
            "credential_signing_alg_values_supported": ["ES256"],
            "cryptographic_binding_methods_supported": ["jwk"],
            "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
        }
    },
}
SERVER: Mapping[str, Any] = {
    "issuer": "https://issuer.example",
    "authorization_endpoint": "https://issuer.example/authorize",
    "token_endpoint": "https://issuer.example/token",
    "pushed_authorization_request_endpoint": "https://issuer.example/par",
    "require_pushed_authorization_requests": True,
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code"],
    "code_challenge_methods_supported": ["S256"],
    "authorization_response_iss_parameter_supported": True,
    "dpop_signing_alg_values_supported": ["ES256"],
    "token_endpoint_auth_methods_supported": ["attest_jwt_client_auth"],
    "client_attestation_signing_alg_values_supported": ["ES256"],
    "client_attestation_pop_signing_alg_values_supported": ["ES256"],
}
OFFER: Mapping[str, Any] = {
    "credential_issuer": "https://issuer.example",
    "credential_configuration_ids": ["pid"],
    "grants": {
        "urn:ietf:params:oauth:grant-type:pre-authorized_code": {
            "pre-authorized_code": "SECRET-CODE",
            "tx_code": {"length": 4, "description": "by letter"},
        },
        "authorization_code": {"issuer_state": "SECRET-STATE"},
    },
}


def without(document: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """A copy that lacks one member."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *within, last = path
    at = copy
    for name in within:
        at = at[name]
    del at[last]
    return copy


def put(document: Mapping[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """A copy in which one member is another."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *within, last = path
    at = copy
    for name in within:
        at = at[name]
    at[last] = value
    return copy
