"""Credential Configurations and the Credential Format Profiles (OID4VCI 12.2.4, appendix A)."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._document import string, wire
from oid4vci._json import Malformed
from oid4vci.metadata import (
    CONFIGURATION_CLASSES,
    CredentialConfiguration,
    CredentialDefinition,
    CredentialDisplay,
    CredentialIssuerMetadata,
    CredentialMetadata,
    Finding,
    JwtVcJsonConfiguration,
    JwtVcJsonLdConfiguration,
    KeyAttestationsRequired,
    LdpVcConfiguration,
    MsoMdocConfiguration,
    ProofType,
    SdJwtVcConfiguration,
    canonical_language_tag,
    is_language_tag,
)

CONTEXT = ["https://www.w3.org/2018/credentials/v1", {"x": "https://unresolvable.invalid/#"}]
TYPE = ["VerifiableCredential", "UniversityDegreeCredential"]
MINIMAL: dict[str, dict[str, Any]] = {
    "dc+sd-jwt": {"format": "dc+sd-jwt", "vct": "urn:eudi:pid:1"},
    "mso_mdoc": {"format": "mso_mdoc", "doctype": "org.iso.18013.5.1.mDL"},
    "jwt_vc_json": {"format": "jwt_vc_json", "credential_definition": {"type": TYPE}},
    "ldp_vc": {"format": "ldp_vc", "credential_definition": {"@context": CONTEXT, "type": TYPE}},
    "jwt_vc_json-ld": {"format": "jwt_vc_json-ld", "credential_definition": {"@context": CONTEXT, "type": TYPE}},
}
PROOF = {"proof_signing_alg_values_supported": ["ES256"]}


def read(value: dict[str, Any], **members: Any) -> CredentialConfiguration:
    return CredentialConfiguration.read({**value, **members})


def refused(value: dict[str, Any], **members: Any) -> str:
    with pytest.raises(Malformed) as error:
        read(value, **members)
    return str(error.value)


def errors(configuration: CredentialConfiguration) -> list[str]:
    return [finding.path for finding in configuration.findings() if finding.severity == "error"]


def warnings(configuration: CredentialConfiguration) -> list[str]:
    return [finding.path for finding in configuration.findings() if finding.severity == "warning"]


def not_published(configuration: CredentialConfiguration) -> bool:
    """Whether the builder of issuer metadata refuses the configuration."""
    with pytest.raises(ValueError, match="must not be published"):
        CredentialIssuerMetadata.build(
            credential_issuer="https://i.example",
            credential_endpoint="https://i.example/credential",
            credential_configurations_supported={"a": configuration},
        )
    return True


# --- profiles ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-A.1-01", "VCI-A.1.1.1-01", "VCI-A.1.2.1-01", "VCI-A.1.3.1-01", "VCI-A.2.1-01", "VCI-A.3.1-01")
@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("dc+sd-jwt", SdJwtVcConfiguration),
        ("mso_mdoc", MsoMdocConfiguration),
        ("jwt_vc_json", JwtVcJsonConfiguration),
        ("ldp_vc", LdpVcConfiguration),
        ("jwt_vc_json-ld", JwtVcJsonLdConfiguration),
    ],
)
def test_every_format_has_its_own_profile(identifier: str, expected: type[CredentialConfiguration]) -> None:
    configuration = read(MINIMAL[identifier])
    assert type(configuration) is expected
    assert configuration.format == identifier
    assert configuration.to_json() == MINIMAL[identifier]
    assert tuple(configuration.findings()) == ()
    for other, value in MINIMAL.items():
        if other != identifier:
            with pytest.raises(Malformed):
                expected.from_json(value)


@pytest.mark.spec("VCI-A.1-01", "VCI-A.3.1-01")
@pytest.mark.parametrize("identifier", ["vc+sd-jwt", "jwt_vc", "DC+SD-JWT", "mso-mdoc", "dc+sd-jwt ", "ldp_vp"])
def test_another_identifier_is_another_format(identifier: str) -> None:
    configuration = read({"format": identifier})
    assert type(configuration) is CredentialConfiguration
    assert configuration.format == identifier


@pytest.mark.spec("VCI-12.2.4-48")
@pytest.mark.parametrize("identifier", [None, "", 1, ["dc+sd-jwt"], {}])
def test_format_is_a_string(identifier: Any) -> None:
    assert refused({"vct": "x", "format": identifier}).startswith("format: ")
    for known in CONFIGURATION_CLASSES.values():
        with pytest.raises(Malformed, match=r"^format: is missing"):
            known.from_json({"vct": "x", "doctype": "x", "credential_definition": {"type": ["a"], "@context": ["a"]}})


@pytest.mark.parametrize("value", [None, [], "dc+sd-jwt", 1])
def test_a_configuration_is_an_object(value: Any) -> None:
    with pytest.raises(Malformed, match="must be an object"):
        CredentialConfiguration.read(value)


def test_the_format_of_a_profile_is_set_by_itself() -> None:
    assert SdJwtVcConfiguration(vct="x").to_json() == {"format": "dc+sd-jwt", "vct": "x"}
    assert MsoMdocConfiguration(doctype="x", format="mso_mdoc").format == "mso_mdoc"
    definition = CredentialDefinition(type=("a",), context=("b",))
    assert JwtVcJsonLdConfiguration(credential_definition=definition).format == "jwt_vc_json-ld"
    with pytest.raises(Malformed, match="format: must be dc\\+sd-jwt"):
        SdJwtVcConfiguration(vct="x", format="vc+sd-jwt")
    with pytest.raises(Malformed, match="format: must not be empty"):
        CredentialConfiguration()


@pytest.mark.spec("VCI-A.3.2-02", "VCI-A.2.2-03")
@pytest.mark.parametrize(("identifier", "name"), [("dc+sd-jwt", "vct"), ("mso_mdoc", "doctype")])
@pytest.mark.parametrize("value", [None, "", 1, True, ["x"], {}])
def test_the_type_of_an_sd_jwt_vc_and_an_mdoc(identifier: str, name: str, value: Any) -> None:
    assert refused(MINIMAL[identifier], **{name: value}).startswith(f"{name}: ")
    assert refused({"format": identifier}) == f"{name}: is missing"


@pytest.mark.spec("VCI-A.1.1.2-02", "VCI-A.1.1.2-03", "VCI-A.1.2.2-02", "VCI-A.1.2.2-04", "VCI-A.1.3.2-01")
@pytest.mark.parametrize("identifier", ["jwt_vc_json", "ldp_vc", "jwt_vc_json-ld"])
def test_the_type_of_a_w3c_credential(identifier: str) -> None:
    base = MINIMAL[identifier]
    assert refused({"format": identifier}) == "credential_definition: is missing"
    for value in ("VerifiableCredential", ["a"], 1, True):
        assert refused(base, credential_definition=value) == "credential_definition: must be an object"
    not_types: list[Any] = [None, "VerifiableCredential", {}, [], [1], [""]]
    for bad in not_types:
        definition = {**base["credential_definition"], "type": bad}
        assert refused(base, credential_definition=definition).startswith("credential_definition.type")


@pytest.mark.spec("VCI-A.1.2.2-03", "VCI-A.1.3.2-01")
@pytest.mark.parametrize("identifier", ["ldp_vc", "jwt_vc_json-ld"])
def test_json_ld_formats_need_a_context(identifier: str) -> None:
    assert refused(MINIMAL[identifier], credential_definition={"type": TYPE}) == "credential_definition.@context: is missing"
    not_contexts: list[Any] = ["https://www.w3.org/2018/credentials/v1", {}, [], 1]
    for bad in not_contexts:
        definition = {"type": TYPE, "@context": bad}
        assert refused(MINIMAL[identifier], credential_definition=definition).startswith("credential_definition.@context: ")


@pytest.mark.spec("VCI-A.1.1.1-02", "VCI-A.1.2.1-02", "VCI-A.1.2.1-03", "VCI-A.1.3.1-02")
@pytest.mark.parametrize("identifier", ["jwt_vc_json", "ldp_vc", "jwt_vc_json-ld"])
def test_a_context_is_data_and_nothing_is_resolved(identifier: str) -> None:
    definition = {"@context": CONTEXT, "type": TYPE, "id": "https://unresolvable.invalid", "@protected": True}
    configuration = read(MINIMAL[identifier], credential_definition=definition)
    assert isinstance(configuration, JwtVcJsonConfiguration | LdpVcConfiguration)
    assert configuration.credential_definition.context == tuple(CONTEXT)
    assert configuration.credential_definition.type == tuple(TYPE)
    assert configuration.to_json()["credential_definition"] == definition


@pytest.mark.spec("VCI-A-01", "VCI-A.1-02")
def test_a_third_party_adds_a_profile() -> None:
    @frozen(kw_only=True)
    class NewConfiguration(CredentialConfiguration):
        identifier: ClassVar[str] = "application/x-new"

        new_type: str = field(metadata=wire(string()))

        def findings(self) -> Iterator[Finding]:
            yield Finding("", "is new", "application/x-new 1", "warning")

    classes = {**CONFIGURATION_CLASSES, "application/x-new": NewConfiguration}
    document = {
        "credential_issuer": "https://i.example",
        "credential_endpoint": "https://i.example/credential",
        "credential_configurations_supported": {
            "new": {"format": "application/x-new", "new_type": "a"},
            "bad": {"format": "application/x-new"},
            "old": MINIMAL["dc+sd-jwt"],
        },
    }
    metadata = CredentialIssuerMetadata.from_json(document, classes=classes)
    new = metadata.credential_configurations_supported["new"]
    assert isinstance(new, NewConfiguration)
    assert new.new_type == "a"
    assert str(metadata.skipped["bad"].error) == "new_type: is missing"
    assert type(metadata.credential_configurations_supported["old"]) is SdJwtVcConfiguration
    assert metadata.to_json() == document
    assert [str(finding) for finding in metadata.findings() if finding.severity == "warning"] == [
        "warning: credential_configurations_supported.new: is new (application/x-new 1)"
    ]


# --- algorithms --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-53")
@pytest.mark.parametrize("value", [[], "ES256", [True], [1.5], [None], [""], {}, [["ES256"]]])
def test_signing_algorithms_are_strings_or_integers(value: Any) -> None:
    assert refused(MINIMAL["dc+sd-jwt"], credential_signing_alg_values_supported=value).startswith("credential_signing_alg")


@pytest.mark.spec(
    "VCI-12.2.4-53",
    "VCI-A.1.1.2-01",
    "VCI-A.1.2.2-01",
    "VCI-A.2.2-01",
    "VCI-A.3.2-01",
)
@pytest.mark.parametrize(
    ("identifier", "right", "wrong"),
    [
        ("dc+sd-jwt", ["ES256", "es256"], [-7]),
        ("jwt_vc_json", ["ES256", "es256"], [-7]),
        ("jwt_vc_json-ld", ["ES256"], [-7]),
        ("ldp_vc", ["Ed25519Signature2020"], [-8]),
        ("mso_mdoc", [-7, -9], ["ES256"]),
    ],
)
def test_the_format_says_what_an_algorithm_looks_like(identifier: str, right: list[Any], wrong: list[Any]) -> None:
    configuration = read(MINIMAL[identifier], credential_signing_alg_values_supported=right)
    assert configuration.credential_signing_alg_values_supported == tuple(right)
    assert errors(configuration) == []
    tolerated = read(MINIMAL[identifier], credential_signing_alg_values_supported=[*right, *wrong])
    assert errors(tolerated) == [f"credential_signing_alg_values_supported[{len(right)}]"]
    assert not_published(tolerated)
    assert errors(read({"format": "new"}, credential_signing_alg_values_supported=[*right, *wrong])) == []


# --- scope, binding, proofs --------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-49")
def test_scope() -> None:
    assert read(MINIMAL["dc+sd-jwt"]).scope is None
    assert read(MINIMAL["dc+sd-jwt"], scope="pid").scope == "pid"
    for bad in (1, True, ["pid"], ""):
        assert refused(MINIMAL["dc+sd-jwt"], scope=bad).startswith("scope: ")
    for doubtful in ("a b", 'a"b', "a\\b", "a\n", "\u00e9"):
        configuration = read(MINIMAL["dc+sd-jwt"], scope=doubtful)
        assert errors(configuration) == ["scope"]
        assert not_published(configuration)


@pytest.mark.spec("VCI-12.2.4-51")
def test_configurations_may_share_a_scope() -> None:
    configurations = {name: SdJwtVcConfiguration(vct=name, scope="pid") for name in ("a", "b")}
    metadata = CredentialIssuerMetadata.build(
        credential_issuer="https://i.example",
        credential_endpoint="https://i.example/credential",
        credential_configurations_supported=configurations,
    )
    assert {configuration.scope for configuration in metadata.credential_configurations_supported.values()} == {"pid"}


@pytest.mark.spec("VCI-12.2.4-54")
@pytest.mark.parametrize("value", [[], "jwk", {}, [1], [""], [None]])
def test_binding_methods_are_a_non_empty_array_of_strings(value: Any) -> None:
    name = "cryptographic_binding_methods_supported"
    assert refused(MINIMAL["dc+sd-jwt"], **{name: value}).startswith(name)


@pytest.mark.spec("VCI-12.2.4-54", "VCI-12.2.4-56")
def test_binding_methods() -> None:
    def of(*methods: str) -> CredentialConfiguration:
        return SdJwtVcConfiguration(
            vct="x",
            cryptographic_binding_methods_supported=methods,
            proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
        )

    assert tuple(of("jwk", "cose_key", "did:example", "did:web", "did:x1").findings()) == ()
    for bad in ("did:example:123", "did:", "did:Example", "did:key:", "did:a b"):
        assert errors(of("jwk", bad)) == ["cryptographic_binding_methods_supported[1]"]
        assert not_published(of("jwk", bad))
    for unknown in ("JWK", "Jwk", "cose", "new", "DID:example"):
        assert warnings(of(unknown)) == ["cryptographic_binding_methods_supported[0]"]
        assert errors(of(unknown)) == []


@pytest.mark.spec("VCI-12.2.4-55", "VCI-12.2.4-58")
def test_binding_methods_and_proof_types_go_together() -> None:
    methods_only = read(MINIMAL["mso_mdoc"], cryptographic_binding_methods_supported=["cose_key"])
    no_type = read(MINIMAL["mso_mdoc"], cryptographic_binding_methods_supported=["cose_key"], proof_types_supported={})
    types_only = read(MINIMAL["mso_mdoc"], proof_types_supported={"jwt": PROOF})
    for configuration in (methods_only, no_type, types_only):
        assert errors(configuration) == ["proof_types_supported"]
        assert not_published(configuration)
    both = read(MINIMAL["mso_mdoc"], cryptographic_binding_methods_supported=["cose_key"], proof_types_supported={"jwt": PROOF})
    assert errors(both) == []
    assert both.key_binding_required
    unbound = read(MINIMAL["mso_mdoc"])
    assert not unbound.key_binding_required
    assert "cryptographic_binding_methods_supported" not in unbound.to_json()


@pytest.mark.spec("VCI-12.2.4-57", "VCI-12.2.4-61", "VCI-12.2.4-63", "VCI-12.2.4-66", "VCI-12.2.4-67")
@pytest.mark.parametrize(
    ("proof_types", "path"),
    [
        ([], ""),
        ("jwt", ""),
        (["jwt"], ""),
        ({"": PROOF}, ""),
        ({"jwt": []}, ".jwt"),
        ({"jwt": None}, ".jwt"),
        ({"jwt": {}}, ".jwt.proof_signing_alg_values_supported"),
        ({"jwt": {"proof_signing_alg_values_supported": []}}, ".jwt.proof_signing_alg_values_supported"),
        ({"jwt": {"proof_signing_alg_values_supported": "ES256"}}, ".jwt.proof_signing_alg_values_supported"),
        ({"jwt": {"proof_signing_alg_values_supported": [True]}}, ".jwt.proof_signing_alg_values_supported[0]"),
        ({"jwt": {**PROOF, "key_attestations_required": []}}, ".jwt.key_attestations_required"),
        ({"jwt": {**PROOF, "key_attestations_required": True}}, ".jwt.key_attestations_required"),
        ({"jwt": {**PROOF, "key_attestations_required": {"key_storage": []}}}, ".jwt.key_attestations_required.key_storage"),
        ({"jwt": {**PROOF, "key_attestations_required": {"key_storage": "x"}}}, ".jwt.key_attestations_required.key_storage"),
        (
            {"attestation": {**PROOF, "key_attestations_required": {"user_authentication": []}}},
            ".attestation.key_attestations_required.user_authentication",
        ),
    ],
)
def test_malformed_proof_types(proof_types: Any, path: str) -> None:
    assert refused(MINIMAL["dc+sd-jwt"], proof_types_supported=proof_types).startswith(f"proof_types_supported{path}: ")


@pytest.mark.spec("VCI-12.2.4-57", "VCI-12.2.4-59", "VCI-12.2.4-63", "VCI-12.2.4-64", "VCI-12.2.4-66", "VCI-12.2.4-67")
def test_proof_types() -> None:
    value = {
        "jwt": PROOF,
        "di_vp": {"proof_signing_alg_values_supported": ["ecdsa-rdfc-2019"]},
        "attestation": {**PROOF, "key_attestations_required": {}},
        "new": {
            "proof_signing_alg_values_supported": [-7],
            "key_attestations_required": {"key_storage": ["iso_18045_high"], "user_authentication": ["a", "b"], "new": 1},
        },
    }
    configuration = read(MINIMAL["dc+sd-jwt"], cryptographic_binding_methods_supported=["jwk"], proof_types_supported=value)
    types = configuration.proof_types_supported
    assert types is not None
    assert types["jwt"].key_attestations_required is None
    assert types["attestation"].key_attestations_required == KeyAttestationsRequired()
    required = types["new"].key_attestations_required
    assert required is not None
    assert (required.key_storage, required.user_authentication) == (("iso_18045_high",), ("a", "b"))
    assert configuration.to_json()["proof_types_supported"] == value
    assert "key_attestations_required" not in ProofType(proof_signing_alg_values_supported=("ES256",)).to_json()
    assert tuple(configuration.findings()) == ()


@pytest.mark.parametrize("name", ["jwt", "attestation"])
@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", -7])
def test_proofs_are_digital_signatures(name: str, algorithm: Any) -> None:
    configuration = read(
        MINIMAL["dc+sd-jwt"],
        cryptographic_binding_methods_supported=["jwk"],
        proof_types_supported={name: {"proof_signing_alg_values_supported": ["ES256", algorithm]}},
    )
    assert errors(configuration) == [f"proof_types_supported.{name}.proof_signing_alg_values_supported[1]"]
    assert not_published(configuration)


# --- credential_metadata -----------------------------------------------------------------------------------------------------


@pytest.mark.spec(
    "VCI-12.2.4-68",
    "VCI-12.2.4-71",
    "VCI-12.2.4-72",
    "VCI-12.2.4-77",
    "VCI-12.2.4-82",
    "VCI-12.2.4-83",
    "VCI-12.2.4-85",
    "VCI-B.2-01",
    "VCI-B.2-04",
)
@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ([], ""),
        ("text", ""),
        ({"display": []}, ".display"),
        ({"display": {"name": "A"}}, ".display"),
        ({"display": [{}]}, ".display[0].name"),
        ({"display": [{"locale": "en"}]}, ".display[0].name"),
        ({"display": [{"name": 1}]}, ".display[0].name"),
        ({"display": [{"name": "A", "locale": 1}]}, ".display[0].locale"),
        ({"display": [{"name": "A", "logo": {}}]}, ".display[0].logo.uri"),
        ({"display": [{"name": "A", "logo": {"alt_text": "a"}}]}, ".display[0].logo.uri"),
        ({"display": [{"name": "A", "logo": []}]}, ".display[0].logo"),
        ({"display": [{"name": "A", "background_image": {}}]}, ".display[0].background_image.uri"),
        ({"display": [{"name": "A", "background_image": {"uri": 1}}]}, ".display[0].background_image.uri"),
        ({"display": [{"name": "A", "background_image": "data:,"}]}, ".display[0].background_image"),
        ({"display": [{"name": "A", "description": 1}]}, ".display[0].description"),
        ({"display": [{"name": "A", "background_color": 1}]}, ".display[0].background_color"),
        ({"display": [{"name": "A", "text_color": ["#fff"]}]}, ".display[0].text_color"),
        ({"claims": []}, ".claims"),
        ({"claims": {"a": {}}}, ".claims"),
        ({"claims": ["a"]}, ".claims[0]"),
        ({"claims": [{}]}, ".claims[0].path"),
        ({"claims": [{"path": []}]}, ".claims[0].path"),
        ({"claims": [{"path": ["a"], "display": []}]}, ".claims[0].display"),
        ({"claims": [{"path": ["a"], "mandatory": 1}]}, ".claims[0].mandatory"),
    ],
)
def test_malformed_credential_metadata(metadata: Any, path: str) -> None:
    assert refused(MINIMAL["dc+sd-jwt"], credential_metadata=metadata).startswith(f"credential_metadata{path}: ")


@pytest.mark.spec(
    "VCI-12.2.4-68",
    "VCI-12.2.4-70",
    "VCI-12.2.4-73",
    "VCI-12.2.4-74",
    "VCI-12.2.4-76",
    "VCI-12.2.4-78",
    "VCI-12.2.4-79",
    "VCI-12.2.4-81",
    "VCI-12.2.4-83",
)
def test_credential_metadata_with_everything() -> None:
    value = {
        "new": 1,
        "display": [
            {"name": "Plain"},
            {
                "name": "Name",
                "locale": "en",
                "description": "text",
                "logo": {"uri": "https://i.example/logo.png", "alt_text": "a logo", "new": 1},
                "background_color": "#12107c",
                "background_image": {"uri": "data:image/png;base64,AA", "new": 1},
                "text_color": "#FFFFFF",
                "new": 1,
            },
            {"name": "\u540d\u524d", "locale": "ja"},
        ],
        "claims": [{"path": ["b"]}, {"path": ["a"]}, {"path": ["a", "c"], "mandatory": True}],
    }
    configuration = read(MINIMAL["dc+sd-jwt"], credential_metadata=value)
    assert configuration.credential_metadata is not None
    assert configuration.credential_metadata.to_json() == value
    assert tuple(configuration.findings()) == ()


@pytest.mark.spec("VCI-B.3-01")
def test_the_order_of_claims_is_kept() -> None:
    names = ["c", "a", "b", "z", "y"]
    configuration = read(MINIMAL["dc+sd-jwt"], credential_metadata={"claims": [{"path": [name]} for name in names]})
    assert configuration.credential_metadata is not None
    assert [claim.path for claim in configuration.credential_metadata.claims or ()] == [(name,) for name in names]


@pytest.mark.spec("VCI-B.3-02", "VCI-B.3-03", "VCI-B.3-04", "VCI-B.3-05")
@pytest.mark.parametrize("path", [["a"], ["n", 0], ["a", "b", None]])
def test_contradictory_claims_are_refused(path: list[Any]) -> None:
    claims = [{"path": ["a"]}, {"path": ["n", None]}, {"path": ["a", "b", "c"]}, {"path": path}]
    assert refused(MINIMAL["dc+sd-jwt"], credential_metadata={"claims": claims}).startswith(
        "credential_metadata.claims[3].path"
    )


@pytest.mark.spec("VCI-12.2.4-75", "VCI-B.2-08")
@pytest.mark.parametrize("other", ["en", "EN"])
def test_one_display_object_a_language(other: str) -> None:
    display = [{"name": "A", "locale": "en"}, {"name": "B", "locale": other}]
    credential = read(MINIMAL["dc+sd-jwt"], credential_metadata={"display": display})
    claim = read(MINIMAL["dc+sd-jwt"], credential_metadata={"claims": [{"path": ["a"], "display": display}]})
    assert errors(credential) == ["credential_metadata.display[1].locale"]
    assert errors(claim) == ["credential_metadata.claims[0].display[1].locale"]
    assert not_published(credential)
    assert not_published(claim)


@pytest.mark.spec("VCI-12.2.4-80", "VCI-12.2.4-84")
@pytest.mark.parametrize("name", ["background_color", "text_color"])
def test_colours_are_numerical(name: str) -> None:
    def of(colour: str) -> CredentialConfiguration:
        return SdJwtVcConfiguration(
            vct="x",
            credential_metadata=CredentialMetadata(display=(CredentialDisplay(name="A", **{name: colour}),)),  # type: ignore[arg-type]
        )

    for good in (
        "#12107c",
        "#FFFFFF",
        "#fff",
        "rgb(0, 0,255)",
        "rgb(0%, 50%, 100%)",
        "RGBA(1,2,3,0.5)",
        "rgba(10%,20%,30%,.5)",
        "hsl(120, 100%, 50%)",
        "hsla(120, 100%, 50%, 1)",
    ):
        assert errors(of(good)) == []
    for bad in (
        "blue",
        "",
        "#12",
        "#1234567",
        "12107c",
        "rgb(1,2)",
        "rgb(1%,2,3)",
        "url(x)",
        "#fff;x",
        "rgb(" + "1" * 100,
        "#fff\n",
    ):
        assert errors(of(bad)) == [f"credential_metadata.display[0].{name}"]
        assert not_published(of(bad))


def test_images_need_a_scheme_to_be_published() -> None:
    display = [{"name": "A", "logo": {"uri": "/logo.png"}, "background_image": {"uri": "b.png"}}]
    configuration = read(MINIMAL["dc+sd-jwt"], credential_metadata={"display": display})
    assert errors(configuration) == [
        "credential_metadata.display[0].logo.uri",
        "credential_metadata.display[0].background_image.uri",
    ]


def test_members_of_drafts_are_reported() -> None:
    configuration = read(MINIMAL["dc+sd-jwt"], display=[{"name": "A"}], claims=[{"path": ["a"]}])
    assert configuration.credential_metadata is None
    assert warnings(configuration) == ["display", "claims"]


# --- language tags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tag",
    [
        "en",
        "en-US",
        "de-CH-1996",
        "zh-Hant-TW",
        "zh-cmn-Hans-CN",
        "sl-rozaj-biske",
        "es-419",
        "en-a-bbb-x-a-ccc",
        "x-whatever",
        "i-klingon",
    ],
)
def test_well_formed_language_tags(tag: str) -> None:
    """Examples of RFC 5646, appendix A; letter case does not matter."""
    assert is_language_tag(tag)
    assert is_language_tag(tag.upper())
    assert canonical_language_tag(tag.upper()) == canonical_language_tag(tag.lower()) == tag


@pytest.mark.parametrize(
    "tag", ["de-419-DE-", "a-DE", "ar-a-", "en-", "", "*", "en US", "\u212an", "\uff45\uff4e", "e" * 300, "en-x"]
)
def test_language_tags_that_are_not_well_formed(tag: str) -> None:
    assert not is_language_tag(tag)


@given(st.from_regex(r"[a-zA-Z]{2,3}(-[a-zA-Z]{4})?(-[a-zA-Z]{2})?(-[0-9][a-zA-Z]{3})?", fullmatch=True))
def test_the_canonical_case_is_a_fixed_point(tag: str) -> None:
    canonical = canonical_language_tag(tag)
    assert is_language_tag(tag)
    assert canonical.lower() == tag.lower()
    assert canonical_language_tag(canonical) == canonical


def test_there_are_so_many_claims_descriptions_and_no_more() -> None:
    described = [{"path": [f"claim {i}"]} for i in range(1_001)]
    assert len(CredentialMetadata.from_json({"claims": described[:-1]}).claims or ()) == 1_000
    with pytest.raises(Malformed, match="claims: must have at most 1000 elements"):
        CredentialMetadata.from_json({"claims": described})
