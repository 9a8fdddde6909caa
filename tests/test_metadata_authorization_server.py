"""Authorization Server Metadata and Client Metadata (RFC 8414, RFC 7591, OID4VCI 12.1, 12.3)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.metadata import AuthorizationServerMetadata, ClientMetadata
from oid4vci.offers import PRE_AUTHORIZED_CODE

SERVER = "https://as.example/t"
MINIMAL: dict[str, Any] = {
    "issuer": SERVER,
    "authorization_endpoint": "https://as.example/authorize",
    "token_endpoint": "https://as.example/token",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
}
ANONYMOUS = "pre-authorized_grant_anonymous_access_supported"
ENDPOINTS = (
    "authorization_endpoint",
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "challenge_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "jwks_uri",
)
LISTS = (
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "dpop_signing_alg_values_supported",
    "client_attestation_signing_alg_values_supported",
    "client_attestation_pop_signing_alg_values_supported",
    "authorization_details_types_supported",
)
BOOLEANS = ("require_pushed_authorization_requests", "authorization_response_iss_parameter_supported", ANONYMOUS)


def read(**members: Any) -> AuthorizationServerMetadata:
    value = {**MINIMAL, **members}
    return AuthorizationServerMetadata.from_json({name: member for name, member in value.items() if member is not None})


def refused(**members: Any) -> str:
    with pytest.raises(Malformed) as error:
        AuthorizationServerMetadata.from_json({**MINIMAL, **members})
    return str(error.value)


def errors(metadata: AuthorizationServerMetadata) -> list[str]:
    return [finding.path for finding in metadata.findings() if finding.severity == "error"]


def warnings(metadata: AuthorizationServerMetadata) -> list[str]:
    return [finding.path for finding in metadata.findings() if finding.severity == "warning"]


@pytest.mark.parametrize(
    "issuer", [None, "http://as.example", "https://as.example?q", "https://as.example#f", "as", 1, ["https://a"]]
)
def test_the_issuer_is_an_identifier(issuer: Any) -> None:
    assert refused(issuer=issuer).startswith("issuer: ")


@pytest.mark.spec("VCI-12.2.4-06")
@pytest.mark.parametrize(
    "other", [f"{SERVER}/", "https://AS.example/t", "https://as.example:443/t", "https://as.example/%74", ""]
)
def test_the_issuer_is_compared_as_a_string(other: str) -> None:
    read().check_identifier(SERVER)
    with pytest.raises(Malformed, match="issuer: is not the identifier"):
        read().check_identifier(other)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_endpoints_use_https(name: str) -> None:
    for url in ("http://as.example/e", "https://as.example/e#f", "/e", "", 1, ["https://as.example"]):
        assert refused(**{name: url}).startswith(f"{name}: ")
    assert getattr(read(**{name: "https://as.example:8443/e?x=1"}), name) == "https://as.example:8443/e?x=1"


@pytest.mark.parametrize("name", LISTS)
def test_lists_have_strings(name: str) -> None:
    bad: list[Any] = ["ES256", {}, 1, [1], [""], [None]]
    for value in bad:
        assert refused(**{name: value}).startswith(name)
    assert getattr(read(**{name: ["a", "b"]}), name) == ("a", "b")


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_is_read_and_not_published(name: str) -> None:
    assert name in errors(read(**{name: []}))


@pytest.mark.spec("VCI-12.3-01")
@pytest.mark.parametrize("name", BOOLEANS)
def test_booleans(name: str) -> None:
    bad: list[Any] = ["true", 1, 0, [], {}]
    for value in bad:
        assert refused(**{name: value}) == f"{name}: must be a boolean"


@pytest.mark.spec("VCI-12.3-01", "VCI-12.3-02")
def test_anonymous_access_is_off_by_default() -> None:
    assert read().anonymous_access is False
    assert ANONYMOUS not in read().to_json()
    assert read(**{ANONYMOUS: False}).anonymous_access is False
    assert read(**{ANONYMOUS: False}).to_json()[ANONYMOUS] is False
    assert read(**{ANONYMOUS: True}).anonymous_access is True
    built = AuthorizationServerMetadata(issuer=SERVER, pre_authorized_grant_anonymous_access_supported=True)
    assert built.to_json() == {"issuer": SERVER, ANONYMOUS: True}


def test_defaults_of_rfc_8414() -> None:
    assert read().grant_types_supported is None
    assert read().grant_types == ("authorization_code", "implicit")
    assert read().token_endpoint_auth_methods == ("client_secret_basic",)
    assert read(grant_types_supported=["authorization_code"]).grant_types == ("authorization_code",)
    assert read(token_endpoint_auth_methods_supported=["none"]).token_endpoint_auth_methods == ("none",)


@pytest.mark.spec("VCI-12.3-03", "VCI-12.3-04")
def test_unknown_members_are_kept() -> None:
    metadata = read(mtls_endpoint_aliases={"token_endpoint": "http://x"}, new=[None])
    assert metadata.extra == {"mtls_endpoint_aliases": {"token_endpoint": "http://x"}, "new": [None]}
    assert metadata.to_json()["new"] == [None]
    assert AuthorizationServerMetadata.build(**{**MEMBERS, "extra": {"new": 1}}).to_json()["new"] == 1


MEMBERS: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in MINIMAL.items()}


@pytest.mark.spec("VCI-12.2.4-86")
def test_a_server_with_the_pre_authorized_grant_alone_needs_no_response_types() -> None:
    metadata = read(
        grant_types_supported=[PRE_AUTHORIZED_CODE],
        response_types_supported=None,
        authorization_endpoint=None,
        code_challenge_methods_supported=None,
    )
    assert metadata.response_types_supported is None
    assert metadata.findings() == ()
    for grants in (None, [PRE_AUTHORIZED_CODE, "authorization_code"], [PRE_AUTHORIZED_CODE, "refresh_token"]):
        assert errors(read(grant_types_supported=grants, response_types_supported=None)) == ["response_types_supported"]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"authorization_endpoint": None}, "authorization_endpoint"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"require_pushed_authorization_requests": True}, "pushed_authorization_request_endpoint"),
        ({"dpop_signing_alg_values_supported": ["ES256", "none"]}, "dpop_signing_alg_values_supported"),
        ({"dpop_signing_alg_values_supported": ["HS256"]}, "dpop_signing_alg_values_supported"),
        ({"client_attestation_signing_alg_values_supported": ["none"]}, "client_attestation_signing_alg_values_supported"),
        (
            {"client_attestation_pop_signing_alg_values_supported": ["HS512"]},
            "client_attestation_pop_signing_alg_values_supported",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
            "token_endpoint_auth_signing_alg_values_supported",
        ),
        (
            {"token_endpoint_auth_signing_alg_values_supported": ["none", "ES256"]},
            "token_endpoint_auth_signing_alg_values_supported",
        ),
    ],
)
def test_what_is_not_published(members: dict[str, Any], path: str) -> None:
    metadata = read(**members)
    assert errors(metadata) == [path]
    changed = {name: tuple(value) if isinstance(value, list) else value for name, value in members.items()}
    with pytest.raises(ValueError, match="must not be published"):
        AuthorizationServerMetadata.build(**{**MEMBERS, **changed})


def test_what_is_doubtful() -> None:
    assert warnings(read(code_challenge_methods_supported=["plain"])) == ["code_challenge_methods_supported"]
    attested = read(token_endpoint_auth_methods_supported=["attest_jwt_client_auth"])
    assert errors(attested) == []
    assert warnings(attested) == [
        "client_attestation_signing_alg_values_supported",
        "client_attestation_pop_signing_alg_values_supported",
    ]


def test_a_full_server_has_no_findings() -> None:
    algorithms = {name: ("ES256",) for name in LISTS if "alg_values" in name}
    endpoints = {name: f"https://as.example/{name}" for name in ENDPOINTS}
    metadata = AuthorizationServerMetadata.build(
        **MEMBERS
        | algorithms
        | endpoints
        | {
            "grant_types_supported": ("authorization_code", PRE_AUTHORIZED_CODE, "refresh_token"),
            "token_endpoint_auth_methods_supported": ("attest_jwt_client_auth", "private_key_jwt"),
            "require_pushed_authorization_requests": True,
            "authorization_details_types_supported": ("openid_credential",),
            "scopes_supported": ("pid",),
        }
    )
    assert metadata.findings() == ()
    assert metadata.takes_authorization_details
    assert AuthorizationServerMetadata.from_json(metadata.to_json()) == metadata


@pytest.mark.parametrize("name", ["oauth_authorization_server_metadata.json", "openid-configuration.json"])
def test_metadata_of_peers_are_read_without_loss(vectors: Path, name: str) -> None:
    value = json.loads((vectors / "oid4vci-peer-fixtures" / name).read_text())
    metadata = AuthorizationServerMetadata.from_json(value)
    assert metadata.to_json() == value
    assert metadata.authorization_response_iss_parameter_supported is True
    assert "authorization_code" in metadata.grant_types
    assert errors(metadata) == []


@given(
    st.fixed_dictionaries(
        {"issuer": st.just(SERVER)},
        optional={name: st.just(f"https://as.example/{name}") for name in ENDPOINTS}
        | {name: st.lists(st.text(min_size=1, max_size=6), max_size=3) for name in LISTS}
        | {name: st.booleans() for name in BOOLEANS}
        | {"urn:new": st.none() | st.integers() | st.lists(st.text())},
    )
)
def test_server_metadata_are_written_back_as_they_were_read(value: dict[str, Any]) -> None:
    metadata = AuthorizationServerMetadata.from_json(value)
    assert metadata.to_json() == value
    assert all(finding.path in LISTS or finding.path in ENDPOINTS for finding in metadata.findings())


# --- clients -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.1-01")
@pytest.mark.parametrize(
    "endpoint",
    [
        "openid-credential-offer://",
        "haip://",
        "https://wallet.example/offer",
        "https://wallet.example/offer?a=b",
        "com.example.wallet:/offer",
    ],
)
def test_the_offer_endpoint_may_have_any_scheme(endpoint: str) -> None:
    metadata = ClientMetadata.from_json({"credential_offer_endpoint": endpoint})
    assert metadata.credential_offer_endpoint == endpoint
    assert ClientMetadata.from_json({}).credential_offer_endpoint is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "wallet",
        "//wallet.example",
        "://",
        "1a://x",
        "https://wallet.example/#f",
        "https://wallet.example/a b",
        "x://\n",
        'x://"><script>',
        "javascript:alert(1)",
        "JavaScript://x/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "http://wallet.example",
        "x://" + "a" * 3000,
        1,
        ["x://"],
    ],
)
def test_what_is_no_offer_endpoint(endpoint: Any) -> None:
    with pytest.raises(Malformed, match=r"^credential_offer_endpoint: "):
        ClientMetadata.from_json({"credential_offer_endpoint": endpoint})


@pytest.mark.spec("VCI-12.1-02", "VCI-12.1-03")
def test_unknown_client_metadata_are_kept() -> None:
    value = {
        "client_name": "Wallet",
        "redirect_uris": ["com.example:/cb"],
        "vp_formats": {"x": {}},
        "client_name#de": "Brieftasche",
    }
    metadata = ClientMetadata.from_json(value)
    assert metadata.redirect_uris == ("com.example:/cb",)
    assert metadata.extra == {"vp_formats": {"x": {}}, "client_name#de": "Brieftasche"}
    assert metadata.to_json() == value


@pytest.mark.spec("VCI-12.1.1-01")
def test_client_metadata_may_come_from_the_application() -> None:
    made = ClientMetadata(credential_offer_endpoint="haip://", token_endpoint_auth_method="none")
    assert ClientMetadata.from_json(made.to_json()) == made


def test_the_keys_of_a_client_are_public_and_in_one_place() -> None:
    jwks = {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}
    assert ClientMetadata.from_json({"jwks": jwks}).jwks == jwks
    with pytest.raises(Malformed, match="jwks: must not be there with jwks_uri"):
        ClientMetadata.from_json({"jwks": jwks, "jwks_uri": "https://wallet.example/jwks"})
    key = jwks["keys"][0]
    not_sets: list[Any] = [[key], {"keys": []}, {"keys": [{**key, "d": "AA"}]}, "x"]
    for bad in not_sets:
        with pytest.raises(Malformed, match=r"^jwks"):
            ClientMetadata.from_json({"jwks": bad})
    with pytest.raises(Malformed, match="jwks_uri: must use the https scheme"):
        ClientMetadata.from_json({"jwks_uri": "http://wallet.example/jwks"})
