"""Credential Issuer Metadata (OID4VCI 12.2.4): what is refused, what is kept, what is reported, what may not be published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, b64url_decode
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    BatchCredentialIssuance,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    CredentialRequestEncryption,
    CredentialResponseEncryption,
    Image,
    IssuerDisplay,
    SdJwtVcConfiguration,
)

ISSUER = "https://issuer.example/tenant"
JWK = {
    "kty": "EC",
    "kid": "ac",
    "use": "enc",
    "crv": "P-256",
    "alg": "ECDH-ES",
    "x": "YO4epjifD-KWeq1sL2tNmm36BhXnkJ0He-WqMYrp9Fk",
    "y": "Hekpm0zfK7C-YccH5iBjcIXgf6YdUvNUac_0At55Okk",
}
REQUEST_ENCRYPTION: dict[str, Any] = {
    "jwks": {"keys": [JWK]},
    "enc_values_supported": ["A128GCM"],
    "encryption_required": False,
}
RESPONSE_ENCRYPTION: dict[str, Any] = {
    "alg_values_supported": ["ECDH-ES"],
    "enc_values_supported": ["A128GCM"],
    "encryption_required": False,
}
MINIMAL: dict[str, Any] = {
    "credential_issuer": ISSUER,
    "credential_endpoint": "https://issuer.example/credential",
    "credential_configurations_supported": {"pid": {"format": "dc+sd-jwt", "vct": "urn:pid", "scope": "pid"}},
}
ENDPOINTS = ("credential_endpoint", "nonce_endpoint", "deferred_credential_endpoint", "notification_endpoint")
NOT_ARRAYS: list[Any] = [[], {}, "text", 1, True, [1], [""], [None]]


def read(**members: Any) -> CredentialIssuerMetadata:
    return CredentialIssuerMetadata.from_json({**MINIMAL, **members})


def refused(**members: Any) -> str:
    with pytest.raises(Malformed) as error:
        read(**members)
    return str(error.value)


def errors(metadata: CredentialIssuerMetadata) -> list[str]:
    return [finding.path for finding in metadata.findings() if finding.severity == "error"]


def warnings(metadata: CredentialIssuerMetadata) -> list[str]:
    return [finding.path for finding in metadata.findings() if finding.severity == "warning"]


def build(metadata: CredentialIssuerMetadata, **members: Any) -> CredentialIssuerMetadata:
    """The members of some metadata, built anew, as an issuer would."""
    configurations = metadata.credential_configurations_supported
    return CredentialIssuerMetadata.build(
        **{
            "credential_issuer": metadata.credential_issuer,
            "credential_endpoint": metadata.credential_endpoint,
            "credential_configurations_supported": configurations,
            **members,
        }
    )


# --- members of the document -------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-01", "VCI-12.2.4-09", "VCI-12.2.4-47")
@pytest.mark.parametrize("name", list(MINIMAL))
def test_required_members(name: str) -> None:
    without = {key: value for key, value in MINIMAL.items() if key != name}
    with pytest.raises(Malformed, match=f"^{name}: is missing"):
        CredentialIssuerMetadata.from_json(without)
    with pytest.raises(Malformed, match=f"^{name}: must not be null"):
        CredentialIssuerMetadata.from_json({**MINIMAL, name: None})


@pytest.mark.parametrize("value", [None, [], "text", 1, [MINIMAL]])
def test_metadata_are_an_object(value: Any) -> None:
    with pytest.raises(Malformed, match="must be an object"):
        CredentialIssuerMetadata.from_json(value)


@pytest.mark.spec("VCI-12.2.4-47")
@pytest.mark.parametrize("value", [[], [{"format": "dc+sd-jwt"}], "text", 1, True])
def test_configurations_are_an_object(value: Any) -> None:
    assert refused(credential_configurations_supported=value) == "credential_configurations_supported: must be an object"


def test_configuration_identifiers_are_not_empty() -> None:
    assert "member names" in refused(credential_configurations_supported={"": {"format": "x"}})


@pytest.mark.spec("VCI-12.2.1-01")
@pytest.mark.parametrize(
    "identifier",
    [
        "http://i.example",
        "https://i.example?",
        "https://i.example?q=1",
        "https://i.example#f",
        "https://u@i.example",
        "https://",
        1,
    ],
)
def test_the_identifier_is_a_plain_https_url(identifier: Any) -> None:
    assert refused(credential_issuer=identifier).startswith("credential_issuer: ")
    assert refused(authorization_servers=[identifier]).startswith("authorization_servers[0]: ")


@pytest.mark.spec("VCI-12.2.1-01")
@pytest.mark.parametrize(
    "identifier", ["https://i.example", "https://i.example:8443", "https://i.example/", "https://I.Example/T"]
)
def test_identifiers_may_have_port_and_path_and_are_kept(identifier: str) -> None:
    assert read(credential_issuer=identifier).credential_issuer == identifier


@pytest.mark.spec("VCI-12.2.4-02", "VCI-12.2.4-03")
@pytest.mark.parametrize(
    "other",
    [
        f"{ISSUER}/",
        "https://ISSUER.example/tenant",
        "https://issuer.example:443/tenant",
        "https://issuer.example/%74enant",
        "https://issuer.example/Tenant",
        "HTTPS://issuer.example/tenant",
        "https://issuer.example/./tenant",
        "https://issuer.example",
        "",
    ],
)
def test_the_identifier_is_compared_as_a_string(other: str) -> None:
    metadata = read()
    metadata.check_identifier(ISSUER)
    with pytest.raises(Malformed, match="credential_issuer: is not the identifier"):
        metadata.check_identifier(other)


@pytest.mark.spec("VCI-12.2.4-04")
@pytest.mark.parametrize("servers", [[], ["", 1], "https://as.example", {}, [None], ["as.example"], ["https://as.example/?q"]])
def test_authorization_servers_are_identifiers(servers: Any) -> None:
    assert refused(authorization_servers=servers).startswith("authorization_servers")


@pytest.mark.spec("VCI-12.2.4-04", "VCI-12.2.4-05")
def test_without_authorization_servers_the_issuer_is_its_own() -> None:
    assert read().servers == (ISSUER,)
    assert read().authorization_servers is None
    assert read(authorization_servers=["https://a.example", "https://b.example/"]).servers == (
        "https://a.example",
        "https://b.example/",
    )


@pytest.mark.spec("VCI-12.2.4-10", "VCI-12.2.4-13", "VCI-12.2.4-16", "VCI-12.2.4-19")
@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize(
    "url", ["http://i.example/e", "https://i.example/e#f", "/e", "https://u:p@i.example/e", "", "https://", 1, []]
)
def test_endpoints_use_https(name: str, url: Any) -> None:
    assert refused(**{name: url}).startswith(f"{name}: ")


@pytest.mark.spec("VCI-12.2.4-11", "VCI-12.2.4-14", "VCI-12.2.4-17", "VCI-12.2.4-20")
@pytest.mark.parametrize("name", ENDPOINTS)
def test_endpoints_may_have_port_path_and_query(name: str) -> None:
    url = "https://i.example:8443/a/b?x=1&y=%20/"
    assert getattr(read(**{name: url}), name) == url


@pytest.mark.spec("VCI-12.2.4-12", "VCI-12.2.4-15", "VCI-12.2.4-18", "VCI-12.2.4-39")
def test_optional_members_may_be_absent() -> None:
    metadata = read()
    for name in (*ENDPOINTS[1:], "display", "credential_request_encryption", "batch_credential_issuance"):
        assert getattr(metadata, name) is None
    assert metadata.to_json() == MINIMAL
    assert metadata.findings() == ()


# --- batches -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-37", "VCI-12.2.4-38")
@pytest.mark.parametrize(
    "batch", [{}, {"batch_size": None}, *({"batch_size": size} for size in (1, 0, -2, True, "2", 2.0, [2]))]
)
def test_a_batch_size_is_an_integer_of_two_or_more(batch: Any) -> None:
    assert refused(batch_credential_issuance=batch).startswith("batch_credential_issuance.batch_size: ")
    assert refused(batch_credential_issuance=[]) == "batch_credential_issuance: must be an object"


@pytest.mark.spec("VCI-12.2.4-36", "VCI-12.2.4-37", "VCI-12.2.4-38")
def test_the_batch_size_is_one_where_nothing_is_said() -> None:
    assert read().batch_size == 1
    assert read(batch_credential_issuance={"batch_size": 2}).batch_size == 2


# --- encryption --------------------------------------------------------------------------------------------------------------


def encryption(base: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    changed = {**base, name: value}
    return {key: member for key, member in changed.items() if member is not None}


@pytest.mark.spec("VCI-12.2.4-22")
@pytest.mark.parametrize(
    "jwks",
    [
        None,
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": "ac"},
        {"keys": [1]},
        {"keys": [{}]},
        {"keys": [{"kty": 1}]},
        [],
        ["ac"],
        "ac",
        1,
        {"keys": [JWK] * 101},
        {"keys": [JWK, {**JWK, "kid": "b", "d": "AA"}]},
        {"keys": [{"kty": "oct", "kid": "b", "k": "AA"}]},
        {"keys": [{"kty": "oct", "kid": "b"}]},
        {"keys": [{"kty": "AKP", "kid": "b", "priv": "AA"}]},
        [{**JWK, "d": "AA"}],
    ],
)
def test_request_encryption_needs_public_keys(jwks: Any) -> None:
    message = refused(credential_request_encryption=encryption(REQUEST_ENCRYPTION, "jwks", jwks))
    assert message.startswith("credential_request_encryption.jwks")
    assert "AA" not in message


@pytest.mark.spec("VCI-12.2.4-24", "VCI-12.2.4-25", "VCI-12.2.4-30", "VCI-12.2.4-31", "VCI-12.2.4-32")
@pytest.mark.parametrize("value", NOT_ARRAYS)
@pytest.mark.parametrize(
    ("member", "base", "name"),
    [
        ("credential_request_encryption", REQUEST_ENCRYPTION, "enc_values_supported"),
        ("credential_request_encryption", REQUEST_ENCRYPTION, "zip_values_supported"),
        ("credential_response_encryption", RESPONSE_ENCRYPTION, "alg_values_supported"),
        ("credential_response_encryption", RESPONSE_ENCRYPTION, "enc_values_supported"),
        ("credential_response_encryption", RESPONSE_ENCRYPTION, "zip_values_supported"),
    ],
)
def test_encryption_values_are_non_empty_arrays(member: str, base: dict[str, Any], name: str, value: Any) -> None:
    assert refused(**{member: encryption(base, name, value)}).startswith(f"{member}.{name}")


@pytest.mark.spec("VCI-12.2.4-22", "VCI-12.2.4-24", "VCI-12.2.4-26", "VCI-12.2.4-30", "VCI-12.2.4-31", "VCI-12.2.4-33")
@pytest.mark.parametrize(
    ("member", "base", "name"),
    [("credential_request_encryption", REQUEST_ENCRYPTION, name) for name in REQUEST_ENCRYPTION]
    + [("credential_response_encryption", RESPONSE_ENCRYPTION, name) for name in RESPONSE_ENCRYPTION],
)
def test_required_encryption_members(member: str, base: dict[str, Any], name: str) -> None:
    assert refused(**{member: encryption(base, name, None)}) == f"{member}.{name}: is missing"


@pytest.mark.spec("VCI-12.2.4-26", "VCI-12.2.4-33")
@pytest.mark.parametrize("required", ["true", 1, 0, []])
def test_encryption_required_is_a_boolean(required: Any) -> None:
    for member, base in (
        ("credential_request_encryption", REQUEST_ENCRYPTION),
        ("credential_response_encryption", RESPONSE_ENCRYPTION),
    ):
        message = refused(**{member: encryption(base, "encryption_required", required)})
        assert message == f"{member}.encryption_required: must be a boolean"


@pytest.mark.spec("VCI-12.2.4-21", "VCI-12.2.4-29")
@pytest.mark.parametrize("value", [[], "text", 1, True])
def test_encryption_is_an_object(value: Any) -> None:
    for member in ("credential_request_encryption", "credential_response_encryption"):
        assert refused(**{member: value}) == f"{member}: must be an object"


@pytest.mark.spec("VCI-12.2.4-21", "VCI-12.2.4-24", "VCI-12.2.4-29")
def test_unknown_encryption_values_are_tolerated() -> None:
    metadata = read(
        credential_request_encryption={**REQUEST_ENCRYPTION, "enc_values_supported": ["XC20P"], "new": 1},
        credential_response_encryption={**RESPONSE_ENCRYPTION, "alg_values_supported": ["ML-KEM-768"]},
    )
    assert metadata.credential_request_encryption is not None
    assert metadata.credential_request_encryption.keys == (JWK,)
    assert metadata.credential_request_encryption.enc_values_supported == ("XC20P",)
    assert metadata.findings() == ()


@pytest.mark.spec("VCI-12.2.4-23")
@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ([JWK, {**JWK, "x": JWK["y"]}], "keys[1].kid"),
        ([{**JWK, "kid": 1}], "keys[0].kid"),
        ([{**JWK, "kid": ""}], "keys[0].kid"),
        ([{name: value for name, value in JWK.items() if name != "kid"}], "keys[0].kid"),
        ([JWK, {**JWK, "kid": "b", "alg": 1}], "keys[1].alg"),
        ([{name: value for name, value in JWK.items() if name != "alg"}], "keys[0].alg"),
    ],
)
def test_keys_without_an_own_kid_or_alg_are_not_published(keys: list[Any], path: str) -> None:
    metadata = read(credential_request_encryption={**REQUEST_ENCRYPTION, "jwks": {"keys": keys}})
    assert errors(metadata) == [f"credential_request_encryption.jwks.{path}"]
    with pytest.raises(ValueError, match="must not be published"):
        build(metadata, credential_request_encryption=metadata.credential_request_encryption)


def test_a_key_for_signatures_is_doubtful() -> None:
    keys = {"keys": [{**JWK, "use": "sig"}]}
    metadata = read(credential_request_encryption={**REQUEST_ENCRYPTION, "jwks": keys})
    assert warnings(metadata) == ["credential_request_encryption.jwks.keys[0].use"]


def test_response_encryption_is_not_published_without_request_encryption() -> None:
    metadata = read(credential_response_encryption=RESPONSE_ENCRYPTION)
    assert errors(metadata) == ["credential_request_encryption"]
    response = CredentialResponseEncryption.from_json(RESPONSE_ENCRYPTION)
    with pytest.raises(ValueError, match="credential_request_encryption: must be there"):
        build(metadata, credential_response_encryption=response)
    request = CredentialRequestEncryption.from_json(REQUEST_ENCRYPTION)
    both = build(metadata, credential_response_encryption=response, credential_request_encryption=request)
    assert both.findings() == ()


def test_a_bare_array_of_keys_is_read_and_not_published() -> None:
    value = {**REQUEST_ENCRYPTION, "jwks": [JWK]}
    metadata = read(credential_request_encryption=value)
    assert metadata.credential_request_encryption is not None
    assert metadata.credential_request_encryption.keys == (JWK,)
    assert metadata.to_json()["credential_request_encryption"] == value
    assert errors(metadata) == ["credential_request_encryption.jwks"]


# --- display -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-39", "VCI-12.2.4-41", "VCI-12.2.4-44", "VCI-12.2.4-45", "VCI-12.2.4-46")
@pytest.mark.parametrize(
    ("display", "path"),
    [
        ([], "display"),
        ({}, "display"),
        ("Name", "display"),
        (["Name"], "display[0]"),
        ([{"name": 1}], "display[0].name"),
        ([{}, {"locale": 1}], "display[1].locale"),
        ([{"logo": "https://i.example/logo.png"}], "display[0].logo"),
        ([{"logo": {}}], "display[0].logo.uri"),
        ([{"logo": {"alt_text": "a"}}], "display[0].logo.uri"),
        ([{"logo": {"uri": 1}}], "display[0].logo.uri"),
        ([{"logo": {"uri": ""}}], "display[0].logo.uri"),
        ([{"logo": {"uri": "data:,", "alt_text": 1}}], "display[0].logo.alt_text"),
    ],
)
def test_malformed_display(display: Any, path: str) -> None:
    assert refused(display=display).startswith(f"{path}: ")


@pytest.mark.spec(
    "VCI-12.2.4-40", "VCI-12.2.4-41", "VCI-12.2.4-42", "VCI-12.2.4-44", "VCI-12.2.4-45", "VCI-12.2.4-46", "VCI-12.2.4-88"
)
def test_display_members_may_be_absent_and_unknown_ones_are_kept() -> None:
    display = [
        {"locale": "en"},
        {"name": "A", "new": 1},
        {"locale": "de", "logo": {"uri": "data:image/png;base64,iVBORw0KGgo=", "new": [1]}},
        {"locale": "fr", "logo": {"uri": "https://i.example/logo.png", "alt_text": ""}},
    ]
    metadata = read(display=display, new={"a": None})
    assert metadata.display is not None
    assert metadata.display[2].logo is not None
    assert metadata.display[2].logo.extra == {"new": [1]}
    assert metadata.to_json()["display"] == display
    assert metadata.extra == {"new": {"a": None}}
    assert metadata.findings() == ()


@pytest.mark.spec("VCI-12.2.4-43")
@pytest.mark.parametrize(("one", "other"), [("en", "en"), ("en", "EN"), ("de-CH", "de-ch")])
def test_one_display_object_a_language(one: str, other: str) -> None:
    display = (IssuerDisplay(name="A", locale=one), IssuerDisplay(name="B", locale=other))
    with pytest.raises(ValueError, match=r"display\[1\]\.locale: repeats a language"):
        build(read(), display=display)


@pytest.mark.spec("VCI-12.2.4-42", "VCI-12.2.4-43")
def test_display_objects_of_several_languages() -> None:
    display = tuple(IssuerDisplay(name="A", locale=locale) for locale in ("en", "en-US", "en-GB", "zh-Hant-TW", "de-CH-1996"))
    assert build(read(), display=display).findings() == ()
    assert warnings(read(display=[{"name": "A"}, {"name": "B"}])) == ["display[1]"]


@pytest.mark.spec("VCI-12.2.4-42")
@pytest.mark.parametrize(
    "locale", ["", "e", "english language", "en_US", "en-", "-en", "12", "en--US", "d\u00e9", "a" * 9, "en-US\n"]
)
def test_a_malformed_language_tag_is_kept_and_not_published(locale: str) -> None:
    metadata = read(display=[{"name": "A", "locale": locale}])
    assert errors(metadata) == ["display[0].locale"]
    assert metadata.to_json()["display"][0]["locale"] == locale
    with pytest.raises(ValueError, match="BCP 47"):
        build(metadata, display=metadata.display)


def test_the_letter_case_of_a_language_tag_is_doubtful_at_most() -> None:
    metadata = read(display=[{"locale": "en-us"}, {"locale": "DE"}, {"locale": "zh-hant"}, {"locale": "x-AB"}])
    assert warnings(metadata) == [f"display[{i}].locale" for i in range(4)]
    assert errors(metadata) == []


@pytest.mark.spec("VCI-12.2.4-45")
def test_an_image_needs_a_uri_with_a_scheme() -> None:
    for uri in ("/logo.png", "logo.png", "https:", ":x"):
        display = (IssuerDisplay(logo=Image(uri=uri)),)
        with pytest.raises(ValueError, match=r"display\[0\]\.logo\.uri: must be a URI"):
            build(read(), display=display)


# --- configurations that are left out ----------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.4-48", "VCI-B.3-02")
@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        ({}, "format: is missing"),
        ({"format": 1}, "format: must be a string"),
        ("text", "must be an object"),
        (None, "must be an object"),
        ({"format": "dc+sd-jwt"}, "vct: is missing"),
        (
            {"format": "x", "credential_metadata": {"claims": [{"path": ["a"]}, {"path": ["a"]}]}},
            "credential_metadata.claims[1].path: addresses the same claim as another",
        ),
    ],
)
def test_a_configuration_that_cannot_be_used_is_left_out(configuration: Any, reason: str) -> None:
    good = MINIMAL["credential_configurations_supported"]
    metadata = read(credential_configurations_supported={"bad": configuration, **good})
    assert list(metadata.credential_configurations_supported) == ["pid"]
    assert str(metadata.skipped["bad"].error) == reason
    assert metadata.to_json()["credential_configurations_supported"] == {"bad": configuration, **good}
    assert len(errors(metadata)) == 1
    assert errors(metadata)[0].startswith("credential_configurations_supported.bad")
    with pytest.raises(ValueError, match="must not be published"):
        build(metadata, skipped=metadata.skipped)


@pytest.mark.spec("VCI-12.2.4-48", "VCI-12.2.4-89", "VCI-A-01")
def test_unknown_formats_are_kept() -> None:
    value = {"format": "application/x-new", "new": [1, {"a": None}]}
    metadata = read(credential_configurations_supported={"new": value, "draft": {"format": "vc+sd-jwt", "vct": "x"}})
    assert metadata.skipped == {}
    new = metadata.credential_configurations_supported["new"]
    assert type(new) is CredentialConfiguration
    assert new.extra == {"new": [1, {"a": None}]}
    assert type(metadata.credential_configurations_supported["draft"]) is CredentialConfiguration
    assert new.to_json() == value


def test_no_usable_configuration_is_doubtful() -> None:
    assert warnings(read(credential_configurations_supported={})) == ["credential_configurations_supported"]


@pytest.mark.spec("VCI-12.2.4-89")
def test_unknown_members_at_every_level_are_kept() -> None:
    def with_new(value: Any) -> Any:
        if isinstance(value, list):
            return [with_new(element) for element in value]
        if not isinstance(value, dict):
            return value
        named_by_data = value.keys() & {"pid", "jwt"}
        return {key: with_new(member) for key, member in value.items()} | ({} if named_by_data else {"urn:new": {"a": [None]}})

    configuration = {
        "format": "dc+sd-jwt",
        "vct": "x",
        "cryptographic_binding_methods_supported": ["jwk"],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"], "key_attestations_required": {}}},
        "credential_metadata": {
            "display": [{"name": "A", "logo": {"uri": "data:,"}, "background_image": {"uri": "data:,"}}],
            "claims": [{"path": ["a"], "display": [{"name": "A"}]}],
        },
    }
    value = with_new(
        {
            **MINIMAL,
            "display": [{"logo": {"uri": "data:,"}}],
            "batch_credential_issuance": {"batch_size": 3},
            "credential_request_encryption": REQUEST_ENCRYPTION,
            "credential_response_encryption": RESPONSE_ENCRYPTION,
            "credential_configurations_supported": {"pid": configuration},
        }
    )
    metadata = CredentialIssuerMetadata.from_json(value)
    assert metadata.to_json() == value
    assert metadata.skipped == {}
    assert metadata.findings() == ()


def test_a_known_member_is_not_an_extra_one() -> None:
    with pytest.raises(Malformed, match="known member"):
        build(read(), extra={"nonce_endpoint": "http://i.example"})


# --- building ----------------------------------------------------------------------------------------------------------------


def test_build_reports_every_error_at_once() -> None:
    configuration = SdJwtVcConfiguration(
        vct="x", scope="two scopes", cryptographic_binding_methods_supported=("did:example:1",)
    )
    with pytest.raises(ValueError, match="must not be published") as error:
        build(
            read(),
            display=(IssuerDisplay(locale="en_US"),),
            credential_response_encryption=CredentialResponseEncryption.from_json(RESPONSE_ENCRYPTION),
            credential_configurations_supported={"a": configuration},
        )
    for part in ("scope", "proof_types_supported", "did:", "BCP 47", "credential_request_encryption"):
        assert part in str(error.value)


@pytest.mark.spec("VCI-12.2.4-10", "VCI-12.2.4-38")
def test_the_constructor_makes_the_same_checks_as_the_reader() -> None:
    with pytest.raises(Malformed, match="credential_endpoint: must use the https scheme"):
        build(read(), credential_endpoint="http://i.example")
    with pytest.raises(Malformed, match="batch_size: must be 2 or greater"):
        BatchCredentialIssuance(batch_size=1)
    with pytest.raises(Malformed, match=r"credential_configurations_supported\.a: must be an object"):
        build(read(), credential_configurations_supported={"a": {"format": "x"}})


@pytest.mark.spec("VCI-12.2.4-88")
def test_build_takes_further_members() -> None:
    assert build(read(), extra={"urn:new": 1}).to_json()["urn:new"] == 1


@pytest.mark.spec("VCI-12.2.4-52")
def test_configurations_without_scope_need_authorization_details() -> None:
    metadata = read(credential_configurations_supported={"a": {"format": "x"}, "b": {"format": "x", "scope": "b"}})
    scopes_only = AuthorizationServerMetadata(issuer=ISSUER)
    details = AuthorizationServerMetadata(issuer=ISSUER, authorization_details_types_supported=("payment", "openid_credential"))
    assert not scopes_only.takes_authorization_details
    assert [finding.path for finding in metadata.findings([scopes_only])] == ["credential_configurations_supported.a.scope"]
    assert metadata.findings([details]) == ()
    assert metadata.findings([scopes_only, details]) == ()
    assert read().findings([scopes_only]) == ()


def test_authorization_servers_that_are_not_named_are_reported() -> None:
    other = AuthorizationServerMetadata(issuer=f"{ISSUER}/")
    assert [finding.path for finding in read().findings([other])] == ["authorization_servers"]
    assert warnings(read(authorization_servers=["https://a.example", "https://a.example"])) == ["authorization_servers"]


# --- documents from elsewhere ------------------------------------------------------------------------------------------------

MEMBER_EXAMPLES = (
    "042-credential-metadata-sd-jwt-vc.json",
    "043-credential-metadata-jwt-vc-json.json",
    "047-credential-metadata-ldp-vc.json",
    "050-credential-metadata-mso-mdoc.json",
    "053-credential-metadata-sd-jwt-vc.json",
)


@pytest.mark.parametrize("name", MEMBER_EXAMPLES)
def test_the_examples_of_configurations_are_read_without_loss(vectors: Path, name: str) -> None:
    value = json.loads((vectors / "oid4vci-1.0" / name).read_text())
    metadata = read(**value)
    assert metadata.to_json() == MINIMAL | value
    assert metadata.skipped == {}
    # The mdoc and the LDP example lack proof_types_supported beside cryptographic_binding_methods_supported.
    assert [path.rsplit(".", 1)[1] for path in errors(metadata)] == (
        ["proof_types_supported"] if name[:3] in ("047", "050") else []
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("oid4vci-1.0/065-credential-issuer-metadata-sd-jwt-long.json", ["credential_request_encryption.jwks"]),
        ("oid4vci-1.0-errata1-draft/065-credential-issuer-metadata-sd-jwt-long.json", []),
    ],
)
def test_the_long_example_is_read_without_loss(vectors: Path, name: str, found: list[str]) -> None:
    value = json.loads((vectors / name).read_text())
    metadata = CredentialIssuerMetadata.from_json(value)
    assert metadata.to_json() == value
    assert metadata.batch_size == 10
    assert metadata.servers == ("https://server.example.com",)
    assert errors(metadata) == found


def test_the_payload_of_the_signed_example_is_read_without_loss(vectors: Path) -> None:
    example = vectors / "oid4vci-1.0/064-credential-issuer-metadata-sd-jwt-jwt.parsed.json"
    compact = json.loads(example.read_text())["compact"]
    value = json.loads(b64url_decode(compact.split(".")[1]))
    metadata = CredentialIssuerMetadata.from_json(value)
    assert metadata.to_json() == value
    assert metadata.skipped == {}


def test_every_metadata_example_of_the_specification_is_read_without_loss(spec_folder: Path) -> None:
    names = sorted(path.name for path in (spec_folder / "examples-1.0").glob("credential*metadata*.json"))
    assert len(names) == 5
    for name in names:
        value = json.loads((spec_folder / "examples-1.0" / name).read_text())
        assert CredentialIssuerMetadata.from_json(MINIMAL | value).to_json() == MINIMAL | value


def test_metadata_of_a_peer_are_read_without_loss(vectors: Path) -> None:
    """Real documents have members that 1.0 does not know, and one has a logo without `uri`: only that one is left out."""
    read_documents = 0
    for path in sorted((vectors / "oid4vci-peer-fixtures").glob("*.json")):
        value = json.loads(path.read_text())
        if "credential_endpoint" not in value or path.name == "invalid_credential_issuer_metadata.json":
            continue
        metadata = CredentialIssuerMetadata.from_json(value)
        assert metadata.to_json() == value
        assert set(metadata.skipped) <= {"UniversityDegree_jwt_vc_json"}
        assert metadata.credential_configurations_supported
        read_documents += 1
    assert read_documents == 10


def test_invalid_metadata_of_a_peer_are_refused(vectors: Path) -> None:
    value = json.loads((vectors / "oid4vci-peer-fixtures/invalid_credential_issuer_metadata.json").read_text())
    with pytest.raises(Malformed, match="credential_configurations_supported: must be an object"):
        CredentialIssuerMetadata.from_json(value)


# --- generated ---------------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
texts = st.text(max_size=8)
words = st.text("abcdefgh-", min_size=1, max_size=8)
arrays = st.lists(words, min_size=1, max_size=3)
urls = st.from_regex(r"https://[a-z]{1,8}\.example(:[1-9][0-9]{0,3})?(/[a-z]{0,4}){0,2}", fullmatch=True)
locales = st.sampled_from(["en", "de-CH", "x-a", "not a tag"])


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects of those members, and perhaps unknown ones."""
    known = st.fixed_dictionaries(required, optional=optional)
    unknown = st.dictionaries(st.text(max_size=5).map(lambda name: f"urn:{name}"), json_values, max_size=1)
    return st.tuples(known, unknown).map(lambda pair: pair[1] | pair[0])


images = objects({"uri": words}, {"alt_text": texts})
claim_displays = objects({}, {"name": texts, "locale": locales})
claims = st.lists(
    objects(
        {"path": st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3)},
        {"mandatory": st.booleans(), "display": st.lists(claim_displays, min_size=1, max_size=2)},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda claim: tuple(claim["path"]),
)
credential_displays = objects(
    {"name": texts},
    {
        "locale": locales,
        "logo": images,
        "description": texts,
        "background_color": texts,
        "background_image": images,
        "text_color": texts,
    },
)
proof_types = objects(
    {"proof_signing_alg_values_supported": arrays},
    {"key_attestations_required": objects({}, {"key_storage": arrays, "user_authentication": arrays})},
)
OF_ANY_FORMAT: dict[str, Any] = {
    "scope": words,
    "credential_signing_alg_values_supported": st.lists(words | st.integers(-300, 300), min_size=1, max_size=2),
    "cryptographic_binding_methods_supported": arrays,
    "proof_types_supported": st.dictionaries(words, proof_types, max_size=2),
    "credential_metadata": objects({}, {"display": st.lists(credential_displays, min_size=1, max_size=2), "claims": claims}),
}
definitions = objects({"type": arrays, "@context": st.lists(words | json_values, min_size=1, max_size=2)}, {})
configurations = st.one_of(
    objects({"format": st.just("dc+sd-jwt"), "vct": words}, OF_ANY_FORMAT),
    objects({"format": st.just("mso_mdoc"), "doctype": words}, OF_ANY_FORMAT),
    objects(
        {"format": st.sampled_from(["jwt_vc_json", "ldp_vc", "jwt_vc_json-ld"]), "credential_definition": definitions},
        OF_ANY_FORMAT,
    ),
    objects({"format": words}, OF_ANY_FORMAT),
)
jwks = st.lists(objects({"kty": st.just("EC")}, {"kid": words, "alg": words}), min_size=1, max_size=2)
documents = objects(
    {
        "credential_issuer": urls,
        "credential_endpoint": urls,
        "credential_configurations_supported": st.dictionaries(st.text(min_size=1, max_size=6), configurations, max_size=2),
    },
    {
        "authorization_servers": st.lists(urls, min_size=1, max_size=2),
        "nonce_endpoint": urls,
        "deferred_credential_endpoint": urls,
        "notification_endpoint": urls,
        "credential_request_encryption": objects(
            {
                "jwks": jwks | jwks.map(lambda keys: {"keys": keys}),
                "enc_values_supported": arrays,
                "encryption_required": st.booleans(),
            },
            {"zip_values_supported": arrays},
        ),
        "credential_response_encryption": objects(
            {"alg_values_supported": arrays, "enc_values_supported": arrays, "encryption_required": st.booleans()},
            {"zip_values_supported": arrays},
        ),
        "batch_credential_issuance": objects({"batch_size": st.integers(2, 1000)}, {}),
        "display": st.lists(objects({}, {"name": texts, "locale": locales, "logo": images}), min_size=1, max_size=2),
    },
)


@given(documents)
def test_metadata_are_written_back_as_they_were_read(value: dict[str, Any]) -> None:
    metadata = CredentialIssuerMetadata.from_json(value)
    assert metadata.skipped == {}
    assert metadata.to_json() == value
    assert CredentialIssuerMetadata.from_json(metadata.to_json()) == metadata
    for finding in metadata.findings():
        assert str(finding).startswith(finding.severity)


@given(documents, st.data())
def test_nothing_but_malformed_comes_out_of_the_reader(value: dict[str, Any], data: st.DataObject) -> None:
    """Any member of a document replaced by any value: it is refused as `Malformed`, or read and written back."""
    place: Any = value
    while True:
        key: Any = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(json_values.filter(lambda replaced: replaced is not None))
    try:
        metadata = CredentialIssuerMetadata.from_json(value)
    except Malformed:
        return
    assert metadata.to_json() == value
    metadata.findings()


def _replace(name: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: {**document, name: value}


@pytest.mark.spec("VCI-12.2.4-10", "VCI-12.2.4-38", "VCI-12.2.4-04", "VCI-12.2.4-39")
@given(documents)
def test_a_valid_document_with_one_fault_is_refused(value: dict[str, Any]) -> None:
    for fault in (
        _replace("credential_endpoint", "http://i.example"),
        _replace("batch_credential_issuance", {"batch_size": 1}),
        _replace("authorization_servers", []),
        _replace("display", []),
    ):
        with pytest.raises(Malformed):
            CredentialIssuerMetadata.from_json(fault(value))
