"""The rules of HAIP for metadata documents: each broken alone, and named (HAIP 4, 4.1, 4.3, 4.4.1, 7)."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.metadata import (
    AuthorizationServerMetadata,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    LdpVcConfiguration,
    ProofType,
)
from oid4vci.metadata.finding import Finding, error, warning
from oid4vci.metadata.haip import broken_rules, issuer_findings, server_findings
from oid4vci.testing.strategies import credential_issuer_metadata
from tests import haip, mdocs
from tests.issuance import IDENTIFIER

CONFIGURATIONS = "credential_configurations_supported"
ES384 = ProofType(proof_signing_alg_values_supported=("ES384",))


def issuer(**configurations: CredentialConfiguration) -> CredentialIssuerMetadata:
    return haip.metadata(credential_configurations_supported=configurations)


def ldp_vc() -> LdpVcConfiguration:
    definition = {"@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"]}
    return LdpVcConfiguration.from_json({"format": "ldp_vc", "scope": "ldp", "credential_definition": definition})


def server(**members: Any) -> AuthorizationServerMetadata:
    published = haip.server().metadata
    return evolve(published, **members)


def only(findings: Any, path: str, requirement: str, severity: str = "error") -> Finding:
    """The one finding."""
    (found,) = findings
    assert isinstance(found, Finding)
    assert (found.path, found.requirement, found.severity) == (path, requirement, severity)
    section = requirement.removeprefix("HAIP-").rpartition("-")[0]
    assert found.rule.startswith(f"HAIP {section}")
    return found


def test_what_meets_the_profile_has_no_findings() -> None:
    assert list(issuer_findings(haip.metadata())) == []
    assert list(server_findings(server())) == []


# --- issuers ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-3-02", "HAIP-4-02")
def test_one_of_the_two_formats_is_there() -> None:
    only(issuer_findings(issuer(degree=ldp_vc())), CONFIGURATIONS, "HAIP-4-02")
    for name in ("pid", "licence"):
        known = {"pid": haip.pid(), "licence": mdocs.configuration(scope="licence")}[name]
        assert list(issuer_findings(issuer(degree=ldp_vc(), **{name: known}))) == []


@pytest.mark.spec("HAIP-4.1-03")
def test_every_configuration_has_a_scope() -> None:
    published = issuer(pid=haip.pid(), other=haip.pid(scope=None))
    only(issuer_findings(published), f"{CONFIGURATIONS}.other.scope", "HAIP-4.1-03")


@pytest.mark.spec("HAIP-4.1-03")
def test_also_a_configuration_that_cannot_be_used() -> None:
    members = haip.metadata().to_json()
    members[CONFIGURATIONS]["broken"] = {"format": "dc+sd-jwt"}
    published = CredentialIssuerMetadata.from_json(members)
    assert list(published.skipped) == ["broken"]
    only(issuer_findings(published), f"{CONFIGURATIONS}.broken.scope", "HAIP-4.1-03")
    members[CONFIGURATIONS]["broken"] = {"format": "dc+sd-jwt", "scope": "broken"}
    assert list(issuer_findings(CredentialIssuerMetadata.from_json(members))) == []


@pytest.mark.spec("HAIP-4.1-10")
def test_key_binding_needs_a_nonce_endpoint() -> None:
    only(issuer_findings(haip.metadata(nonce_endpoint=None)), "nonce_endpoint", "HAIP-4.1-10")
    unbound = haip.pid(cryptographic_binding_methods_supported=None, proof_types_supported=None)
    published = haip.metadata(nonce_endpoint=None, credential_configurations_supported={"pid": unbound})
    assert list(issuer_findings(published)) == []


@pytest.mark.spec("HAIP-4.3-03")
def test_a_scope_is_for_one_type() -> None:
    published = issuer(pid=haip.pid(), other=haip.pid(vct="https://credentials.example/other"))
    only(issuer_findings(published), f"{CONFIGURATIONS}.other.scope", "HAIP-4.3-03")
    # One type in two formats, or twice in one, may have one scope.
    both = issuer(pid=haip.pid(), again=haip.pid(), mdoc=mdocs.configuration(mdocs.PID, scope="pid"))
    assert list(issuer_findings(both)) == []


@pytest.mark.spec("HAIP-7-02", "HAIP-7-03")
@pytest.mark.parametrize(("name", "requirement"), [("jwt", "HAIP-7-03"), ("attestation", "HAIP-7-02")])
def test_proofs_by_es256_are_taken(name: str, requirement: str) -> None:
    published = issuer(pid=haip.pid(proof_types_supported={name: ES384}))
    path = f"{CONFIGURATIONS}.pid.proof_types_supported.{name}.proof_signing_alg_values_supported"
    only(issuer_findings(published), path, requirement)
    more = ProofType(proof_signing_alg_values_supported=("ES384", "ES256"))
    assert list(issuer_findings(issuer(pid=haip.pid(proof_types_supported={name: more})))) == []


def test_proofs_of_other_types_are_another_matter() -> None:
    types = {"jwt": haip.ES256, "x-proof": ES384}
    assert list(issuer_findings(issuer(pid=haip.pid(proof_types_supported=types)))) == []


# --- authorization servers ----------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4-01", "HAIP-4-05", "HAIP-4-06", "HAIP-4-07", "HAIP-4-08", "HAIP-4.4.1-02", "HAIP-7-01")
@pytest.mark.parametrize(
    ("member", "value", "requirement"),
    [
        ("grant_types_supported", ("refresh_token",), "HAIP-4-01"),
        ("authorization_endpoint", None, "HAIP-4-01"),
        ("code_challenge_methods_supported", None, "HAIP-4-05"),
        ("code_challenge_methods_supported", ("plain",), "HAIP-4-05"),
        ("pushed_authorization_request_endpoint", None, "HAIP-4-06"),
        ("authorization_response_iss_parameter_supported", None, "HAIP-4-07"),
        ("dpop_signing_alg_values_supported", None, "HAIP-4-08"),
        ("dpop_signing_alg_values_supported", ("PS256",), "HAIP-4-08"),
        ("token_endpoint_auth_methods_supported", ("attest_jwt_client_auth", "none"), "HAIP-4.4.1-02"),
        ("pre_authorized_grant_anonymous_access_supported", True, "HAIP-4.4.1-02"),
        ("client_attestation_signing_alg_values_supported", ("ES384",), "HAIP-7-01"),
        ("client_attestation_pop_signing_alg_values_supported", ("ES384",), "HAIP-7-01"),
    ],
)
def test_a_server_that_breaks_one_rule(member: str, value: Any, requirement: str) -> None:
    path = member.replace("pre_authorized", "pre-authorized")
    only(server_findings(server(**{member: value})), path, requirement)


@pytest.mark.spec("HAIP-4-06")
def test_what_need_not_be_said_is_doubtful() -> None:
    """A server may refuse other requests without saying so."""
    found = server_findings(server(require_pushed_authorization_requests=None))
    only(found, "require_pushed_authorization_requests", "HAIP-4-06", "warning")
    assert broken_rules(server_findings(server(require_pushed_authorization_requests=None))) == ""


@pytest.mark.spec("HAIP-4-12", "HAIP-4.4.1-04", "HAIP-3-03")
def test_what_the_profile_leaves_open() -> None:
    open_to = server(
        dpop_signing_alg_values_supported=("ES256",),
        token_endpoint_auth_methods_supported=("private_key_jwt", "x-wallet-attestation"),
        client_attestation_signing_alg_values_supported=None,
        client_attestation_pop_signing_alg_values_supported=None,
    )
    assert list(server_findings(open_to)) == []
    assert list(issuer_findings(haip.metadata(batch_credential_issuance=None))) == []


def test_an_empty_server_breaks_every_rule() -> None:
    bare = AuthorizationServerMetadata(issuer=IDENTIFIER, grant_types_supported=())
    found = {each.requirement for each in server_findings(bare)}
    assert found == {f"HAIP-4-0{number}" for number in (1, 5, 6, 7, 8)}


# --- in words -----------------------------------------------------------------------------------------------------------------


def test_broken_rules_in_words() -> None:
    broken = [error(f"m{i}", "is missing", "HAIP 4", f"HAIP-4-{i:02}") for i in range(3)]
    assert broken_rules([]) == ""
    assert broken_rules([warning("m", "is doubtful", "HAIP 4", "HAIP-4-01")]) == ""
    assert broken_rules(broken[:2]) == "HAIP-4-00: m0 is missing (HAIP 4); HAIP-4-01: m1 is missing (HAIP 4)"
    assert broken_rules(broken, at_most=1) == "HAIP-4-00: m0 is missing (HAIP 4); and 2 more"


@given(credential_issuer_metadata())
def test_any_issuer_can_be_judged(published: CredentialIssuerMetadata) -> None:
    found = list(issuer_findings(published))
    assert all(each.requirement is not None and each.rule.startswith("HAIP ") for each in found)
    lacking = [each for each in found if each.requirement == "HAIP-4.1-03"]
    usable = published.credential_configurations_supported.values()
    assert len(lacking) >= sum(each.scope is None for each in usable)
    assert bool(broken_rules(found)) == bool(found)


@given(st.lists(st.sampled_from(["S256", "plain"]), min_size=1), st.booleans(), st.booleans())
def test_any_server_can_be_judged(methods: list[str], iss: bool, anonymous: bool) -> None:
    published = server(
        code_challenge_methods_supported=tuple(methods),
        authorization_response_iss_parameter_supported=iss,
        pre_authorized_grant_anonymous_access_supported=anonymous,
    )
    found = {each.requirement for each in server_findings(published)}
    assert ("HAIP-4-05" in found, "HAIP-4-07" in found, "HAIP-4.4.1-02" in found) == ("S256" not in methods, not iss, anonymous)
