"""The linter on metadata and offers: each rule is broken by itself, and told with its requirement."""

import json
from typing import Any

import pytest

from oid4vci import _jose
from oid4vci._json import dump_bytes
from oid4vci.keys import LocalSigner
from oid4vci.lint import KINDS, lint, lint_with_servers
from oid4vci.lint.recognition import recognise
from oid4vci.offers import CredentialOffer, reference_uri
from oid4vci.x509 import encode_x5c
from tests.linting import METADATA, NOW, OFFER, SERVER, checked, put, said, without
from tests.test_x509 import LEAF, ROOT, SUB
from tests.test_x509 import NOW as CERTIFIED_AT

CONFIGURATIONS = "credential_configurations_supported"
PID = f"{CONFIGURATIONS}.pid"
CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
REQUEST, RESPONSE = "credential_request_encryption", "credential_response_encryption"
ENCRYPTION = {
    "jwks": {"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ECDH-ES", "use": "enc", "x": "AA", "y": "AA"}]},
    "enc_values_supported": ["A256GCM"],
    "encryption_required": False,
}
ENCRYPTED_RESPONSE = {"alg_values_supported": ["ECDH-ES"], "enc_values_supported": ["A256GCM"], "encryption_required": False}


def test_documents_without_a_fault_have_no_findings() -> None:
    for document, kind in ((METADATA, "issuer-metadata"), (SERVER, "server-metadata"), (OFFER, "offer")):
        for profile in (None, "haip"):
            report = checked(document, profile=profile)
            assert (report.kind, report.findings, report.errors, report.warnings) == (kind, (), 0, 0)


def defined(name: str, definition: Any) -> dict[str, Any]:
    return {"format": name, "credential_definition": definition}


def pid(*path: str) -> tuple[str, ...]:
    return (CONFIGURATIONS, "pid", *path)


@pytest.mark.parametrize(
    ("document", "path", "requirement"),
    [
        (without(METADATA, "credential_endpoint"), "credential_endpoint", "VCI-12.2.4-09"),
        (put(METADATA, "http://a.example", "credential_endpoint"), "credential_endpoint", "VCI-12.2.4-10"),
        (put(METADATA, "http://a.example", "credential_issuer"), "credential_issuer", "VCI-12.2.1-01"),
        (put(METADATA, [], "authorization_servers"), "authorization_servers", "VCI-12.2.4-04"),
        (put(METADATA, "http://a.example", "nonce_endpoint"), "nonce_endpoint", "VCI-12.2.4-13"),
        (put(METADATA, "a", "deferred_credential_endpoint"), "deferred_credential_endpoint", "VCI-12.2.4-16"),
        (put(METADATA, 1, "notification_endpoint"), "notification_endpoint", "VCI-12.2.4-19"),
        (
            put(METADATA, {"batch_size": 1}, "batch_credential_issuance"),
            "batch_credential_issuance.batch_size",
            "VCI-12.2.4-38",
        ),
        (put(METADATA, {}, "batch_credential_issuance"), "batch_credential_issuance.batch_size", "VCI-12.2.4-37"),
        (put(METADATA, {**ENCRYPTION, "jwks": {"keys": []}}, REQUEST), f"{REQUEST}.jwks.keys", "VCI-12.2.4-22"),
        (put(METADATA, {**ENCRYPTION, "encryption_required": 1}, REQUEST), f"{REQUEST}.encryption_required", "VCI-12.2.4-26"),
        (put(METADATA, ENCRYPTED_RESPONSE, RESPONSE), REQUEST, "VCI-8.2-34"),
        (put(METADATA, [{"logo": {}}], "display"), "display[0].logo.uri", "VCI-12.2.4-45"),
        (put(METADATA, [{"locale": "de"}, {"locale": "de"}], "display"), "display[1].locale", "VCI-12.2.4-43"),
        (put(METADATA, [{"locale": "?"}], "display"), "display[0].locale", "VCI-12.2.4-42"),
        (put(METADATA, [], CONFIGURATIONS), CONFIGURATIONS, "VCI-12.2.4-47"),
        (without(METADATA, *pid("format")), f"{PID}.format", "VCI-12.2.4-48"),
        (without(METADATA, *pid("vct")), f"{PID}.vct", "VCI-A.3.2-02"),
        (put(METADATA, {"format": "mso_mdoc"}, *pid()), f"{PID}.doctype", "VCI-A.2.2-03"),
        (put(METADATA, {"format": "jwt_vc_json"}, *pid()), f"{PID}.credential_definition", "VCI-A.1.1.2-02"),
        (put(METADATA, defined("jwt_vc_json", {}), *pid()), f"{PID}.credential_definition.type", "VCI-A.1.1.2-03"),
        (put(METADATA, {"format": "ldp_vc"}, *pid()), f"{PID}.credential_definition", "VCI-A.1.2.2-02"),
        (put(METADATA, defined("ldp_vc", {"type": ["T"]}), *pid()), f"{PID}.credential_definition.@context", "VCI-A.1.2.2-03"),
        (put(METADATA, defined("ldp_vc", {"@context": ["c"]}), *pid()), f"{PID}.credential_definition.type", "VCI-A.1.2.2-04"),
        (put(METADATA, defined("jwt_vc_json-ld", {}), *pid()), f"{PID}.credential_definition.type", "VCI-A.1.3.2-01"),
        (
            put(METADATA, [7], *pid("credential_signing_alg_values_supported")),
            f"{PID}.credential_signing_alg_values_supported[0]",
            "VCI-A.3.2-01",
        ),
        (without(METADATA, *pid("proof_types_supported")), f"{PID}.proof_types_supported", "VCI-12.2.4-58"),
        (without(METADATA, *pid("cryptographic_binding_methods_supported")), f"{PID}.proof_types_supported", "VCI-12.2.4-58"),
        (
            put(METADATA, ["did:web:a"], *pid("cryptographic_binding_methods_supported")),
            f"{PID}.cryptographic_binding_methods_supported[0]",
            "VCI-12.2.4-56",
        ),
        (
            put(METADATA, {"jwt": {}}, *pid("proof_types_supported")),
            f"{PID}.proof_types_supported.jwt.proof_signing_alg_values_supported",
            "VCI-12.2.4-61",
        ),
        (
            put(METADATA, {"jwt": {"proof_signing_alg_values_supported": ["none"]}}, *pid("proof_types_supported")),
            f"{PID}.proof_types_supported.jwt.proof_signing_alg_values_supported[0]",
            "VCI-F.1-02",
        ),
        (
            put(METADATA, {"display": [{}]}, *pid("credential_metadata")),
            f"{PID}.credential_metadata.display[0].name",
            "VCI-12.2.4-72",
        ),
        (
            put(METADATA, {"display": [{"name": "a", "text_color": "red"}]}, *pid("credential_metadata")),
            f"{PID}.credential_metadata.display[0].text_color",
            "VCI-12.2.4-84",
        ),
        (
            put(METADATA, {"claims": [{"path": []}]}, *pid("credential_metadata")),
            f"{PID}.credential_metadata.claims[0].path",
            "VCI-B.2-01",
        ),
        (
            put(METADATA, {"claims": [{"path": ["a"]}, {"path": ["a"]}]}, *pid("credential_metadata")),
            f"{PID}.credential_metadata.claims[1].path",
            "VCI-B.3-03",
        ),
        (
            put(METADATA, {"claims": [{"path": ["a", None]}, {"path": ["a", 0]}]}, *pid("credential_metadata")),
            f"{PID}.credential_metadata.claims[1].path[1]",
            "VCI-B.3-04",
        ),
        (
            put(METADATA, {"claims": [{"path": ["a", None]}, {"path": ["a", "b"]}]}, *pid("credential_metadata")),
            f"{PID}.credential_metadata.claims[1].path[1]",
            "VCI-B.3-05",
        ),
        (
            put(
                METADATA,
                {"claims": [{"path": ["a"], "display": [{"locale": "de"}, {"locale": "de"}]}]},
                *pid("credential_metadata"),
            ),
            f"{PID}.credential_metadata.claims[0].display[1].locale",
            "VCI-B.2-08",
        ),
    ],
)
def test_a_fault_of_issuer_metadata(document: Any, path: str, requirement: str) -> None:
    report = checked(document)
    assert (report.kind, said(report)) == ("issuer-metadata", [(path, requirement)])


def test_one_fault_does_not_hide_another() -> None:
    document = put(without(METADATA, *pid("vct")), "http://a.example", "credential_endpoint")
    document["display"] = [{"locale": "de"}, {"locale": "DE"}]
    assert {path for path, _ in said(checked(document))} == {"credential_endpoint", "display[1].locale", f"{PID}.vct"}


def test_configurations_that_cannot_be_looked_at() -> None:
    nameless = put(METADATA, {"format": "x"}, CONFIGURATIONS, "")
    assert said(checked(nameless, profile="haip")) == [(CONFIGURATIONS, "VCI-12.2.4-47")]


def test_what_drafts_had_is_told() -> None:
    document = put(without(METADATA, CONFIGURATIONS), {}, "credentials_supported")
    report = checked({**document, "batch_credential_endpoint": "https://a.example"})
    assert said(report) == [(CONFIGURATIONS, "VCI-12.2.4-47")]
    assert said(report, "warning") == [("credentials_supported", None), ("batch_credential_endpoint", None)]


@pytest.mark.parametrize(
    ("document", "path", "requirement"),
    [
        (without(METADATA, *pid("scope")), f"{PID}.scope", "HAIP-4.1-03"),
        (without(METADATA, "nonce_endpoint"), "nonce_endpoint", "HAIP-4.1-10"),
        (
            put(METADATA, {"jwt": {"proof_signing_alg_values_supported": ["ES384"]}}, *pid("proof_types_supported")),
            f"{PID}.proof_types_supported.jwt.proof_signing_alg_values_supported",
            "HAIP-7-03",
        ),
        (
            put(METADATA, {"attestation": {"proof_signing_alg_values_supported": ["ES384"]}}, *pid("proof_types_supported")),
            f"{PID}.proof_types_supported.attestation.proof_signing_alg_values_supported",
            "HAIP-7-02",
        ),
        (put(METADATA, {"format": "x", "scope": "x"}, *pid()), CONFIGURATIONS, "HAIP-4-02"),
        (
            put(METADATA, {"format": "dc+sd-jwt", "vct": "b", "scope": "pid"}, CONFIGURATIONS, "b"),
            f"{CONFIGURATIONS}.b.scope",
            "HAIP-4.3-03",
        ),
        (put(SERVER, ["plain"], "code_challenge_methods_supported"), "code_challenge_methods_supported", "HAIP-4-05"),
        (
            without(without(SERVER, "require_pushed_authorization_requests"), "pushed_authorization_request_endpoint"),
            "pushed_authorization_request_endpoint",
            "HAIP-4-06",
        ),
        (
            without(SERVER, "authorization_response_iss_parameter_supported"),
            "authorization_response_iss_parameter_supported",
            "HAIP-4-07",
        ),
        (put(SERVER, ["ES384"], "dpop_signing_alg_values_supported"), "dpop_signing_alg_values_supported", "HAIP-4-08"),
        (
            put(SERVER, ["none"], "token_endpoint_auth_methods_supported"),
            "token_endpoint_auth_methods_supported",
            "HAIP-4.4.1-02",
        ),
        (
            put(SERVER, True, "pre-authorized_grant_anonymous_access_supported"),
            "pre-authorized_grant_anonymous_access_supported",
            "HAIP-4.4.1-02",
        ),
        (
            put(SERVER, ["ES384"], "client_attestation_signing_alg_values_supported"),
            "client_attestation_signing_alg_values_supported",
            "HAIP-7-01",
        ),
        (put(SERVER, [CODE], "grant_types_supported"), "grant_types_supported", "HAIP-4-01"),
    ],
)
def test_a_rule_of_haip(document: Any, path: str, requirement: str) -> None:
    assert said(checked(document)) == []
    assert said(checked(document, profile="haip")) == [(path, requirement)]


def test_haip_wants_pushed_requests_to_be_required() -> None:
    report = checked(without(SERVER, "require_pushed_authorization_requests"), profile="haip")
    assert said(report, "warning") == [("require_pushed_authorization_requests", "HAIP-4-06")]


@pytest.mark.parametrize(
    ("document", "path", "requirement"),
    [
        (without(SERVER, "issuer"), "issuer", None),
        (without(SERVER, "token_endpoint"), "token_endpoint", None),
        (without(SERVER, "response_types_supported"), "response_types_supported", "VCI-12.2.4-86"),
        (
            put(SERVER, "no", "pre-authorized_grant_anonymous_access_supported"),
            "pre-authorized_grant_anonymous_access_supported",
            "VCI-12.3-01",
        ),
    ],
)
def test_a_fault_of_server_metadata(document: Any, path: str, requirement: str | None) -> None:
    report = checked(document)
    assert (report.kind, said(report)) == ("server-metadata", [(path, requirement)])


@pytest.mark.parametrize(
    ("document", "path", "requirement"),
    [
        (without(OFFER, "credential_issuer"), "credential_issuer", "VCI-4.1.1-01"),
        (put(OFFER, "http://a.example", "credential_issuer"), "credential_issuer", "VCI-4.1.1-01"),
        (put(OFFER, ["a", "a"], "credential_configuration_ids"), "credential_configuration_ids", "VCI-4.1.1-03"),
        (without(OFFER, "grants", CODE, "pre-authorized_code"), f"grants.{CODE}.pre-authorized_code", "VCI-4.1.1-18"),
        (put(OFFER, "x" * 301, "grants", CODE, "tx_code", "description"), f"grants.{CODE}.tx_code.description", "VCI-4.1.1-32"),
        (put(OFFER, "emoji", "grants", CODE, "tx_code", "input_mode"), f"grants.{CODE}.tx_code.input_mode", "VCI-4.1.1-27"),
        (put(OFFER, [], "grants"), "grants", "VCI-4.1.1-05"),
    ],
)
def test_a_fault_of_an_offer(document: Any, path: str, requirement: str) -> None:
    report = checked(document)
    assert (report.kind, said(report)) == ("offer", [(path, requirement)])


def test_offers_in_uris() -> None:
    assert checked(CredentialOffer.from_json(OFFER).uri()).findings == ()
    by_reference = checked(reference_uri("https://issuer.example/offer/1"))
    assert (by_reference.kind, by_reference.findings) == ("offer", ())
    assert "not fetched" in by_reference.notes[0]
    wrong = {
        "openid-credential-offer://?credential_offer_uri=http://a.example": ("credential_offer_uri", "VCI-4.1-06"),
        "openid-credential-offer://?credential_offer={}&credential_offer_uri=https://a.example": ("", "VCI-4.1-03"),
        "openid-credential-offer://?credential_offer=%7B%7B": ("", "VCI-4.1-02"),
    }
    for uri, found in wrong.items():
        assert said(checked(uri)) == [found]


def test_offers_of_drafts() -> None:
    document = {
        "credential_issuer": "https://a.example",
        "credentials": ["pid"],
        "grants": {CODE: {"pre-authorized_code": "c", "user_pin_required": True}},
    }
    report = checked(document)
    assert said(report) == [("credential_configuration_ids", "VCI-4.1.1-03")]
    assert [path for path, _ in said(report, "warning")] == ["credentials", f"grants.{CODE}.user_pin_required"]


# --- signed metadata --------------------------------------------------------------------------------------------------------

SIGNER = LocalSigner.generate("a")
CLAIMS = {**METADATA, "sub": "https://issuer.example", "iat": NOW}
HEADER = {"alg": "ES256", "typ": "openidvci-issuer-metadata+jwt"}


def signed(claims: Any = CLAIMS, **header: Any) -> str:
    data = _jose.signing_input({**HEADER, **header}, dump_bytes(claims))
    return _jose.compact(data, SIGNER.sign(data))


@pytest.mark.parametrize(
    ("document", "path", "requirement"),
    [
        (signed(alg="none"), "header", "VCI-12.2.3-03"),
        (signed(alg="HS256"), "header", "VCI-12.2.3-03"),
        (signed(alg=1), "header", "VCI-12.2.3-02"),
        (signed(typ="JWT"), "header", "VCI-12.2.3-04"),
        (signed(without(CLAIMS, "sub")), "sub", "VCI-12.2.3-06"),
        (signed({**CLAIMS, "sub": "https://other.example"}), "sub", "VCI-12.2.3-06"),
        (signed(without(CLAIMS, "iat")), "iat", "VCI-12.2.3-07"),
        (signed({**CLAIMS, "iat": "today"}), "iat", "VCI-12.2.3-07"),
        (signed({**CLAIMS, "exp": 1.5}), "exp", "VCI-12.2.3-08"),
        (signed(without(CLAIMS, "credential_endpoint")), "credential_endpoint", "VCI-12.2.4-09"),
        ("a.b.c", "", "VCI-12.2.3-01"),
    ],
)
def test_a_fault_of_signed_metadata(document: str, path: str, requirement: str) -> None:
    assert said(checked(document, kind="signed-issuer-metadata")) == [(path, requirement)]


def test_signed_metadata_are_not_said_to_be_verified() -> None:
    report = checked(signed())
    assert (report.kind, report.findings, report.notes) == ("signed-issuer-metadata", (), ("the signature was not verified",))
    assert said(checked(signed({**CLAIMS, "exp": NOW - 1})), "warning") == [("exp", "VCI-12.2.3-08")]


def test_certificates_of_signed_metadata_under_haip() -> None:
    def paths(*chain: bytes) -> list[tuple[str, str | None]]:
        return said(checked(signed(x5c=encode_x5c(chain)), profile="haip", now=CERTIFIED_AT))

    assert paths(LEAF, SUB) == []
    assert paths(LEAF, SUB, ROOT) == [("x5c[2]", "HAIP-4.1-06")]
    assert paths(ROOT) == [("x5c[0]", "HAIP-4.1-07")]
    assert said(checked(signed(), profile="haip")) == [("header", "HAIP-4.1-05")]


# --- what is linted ---------------------------------------------------------------------------------------------------------


def test_a_kind_can_be_forced() -> None:
    assert recognise("{}") is None
    assert said(checked("{}")) == [("", None)]
    assert {path for path, _ in said(checked("{}", kind="offer"))} == {"credential_issuer", "credential_configuration_ids"}
    for kind in KINDS:
        assert checked("{}", kind=kind).kind == kind
        assert checked(b"\xff", kind=kind).errors == 1


@pytest.mark.parametrize("arguments", [{"kind": "pid"}, {"profile": "fapi"}])
def test_the_applications_fault(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        lint("{}", now=NOW, **arguments)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "{", "[]", "", " ", "nonsense", "{" * 40, "x" * ((1 << 20) + 1)])
def test_what_is_no_document(text: str) -> None:
    report = checked(text)
    assert (report.kind, report.errors) == (None, 1)


def test_issuer_and_servers_together() -> None:
    scopes_only = json.dumps({**SERVER}).encode()
    both = without(METADATA, *pid("scope"))
    (found,) = lint_with_servers(json.dumps(both), {"https://issuer.example": scopes_only})
    assert (found.path, found.requirement) == (f"{PID}.scope", "VCI-12.2.4-52")
    assert lint_with_servers(json.dumps(METADATA), {"https://issuer.example": scopes_only}) == ()
    assert lint_with_servers("{", {"https://issuer.example": scopes_only}) == ()
