"""The Credential Issuer Metadata as they are served (OID4VCI 12.2.2), and what an issuer may publish at all (3.1, 12.2.4)."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import MethodNotAllowed, Refusal
from oid4vci.http import Request
from oid4vci.issuer import Issuer
from oid4vci.issuer.credential_request import MAX_PROOFS
from oid4vci.keys import LocalSigner, RemoteSigner, public_keys
from oid4vci.metadata import (
    BatchCredentialIssuance,
    CredentialIssuerMetadata,
    CredentialRequestEncryption,
    CredentialResponseEncryption,
    SdJwtVcConfiguration,
)
from oid4vci.oauth.access_tokens import SealedAccessTokens
from tests.issuance import (
    CREDENTIAL,
    IDENTIFIER,
    ISSUER_METADATA,
    NONCE,
    FixedEncoder,
    configuration,
    encoders,
    issuance,
    issuer_metadata,
    new_issuer,
    refused,
    secret_keys,
)


@pytest.mark.spec("VCI-12.2.2-05", "VCI-12.2.2-06", "VCI-12.2.2-07", "VCI-12.2.2-09", "HAIP-4.1-02")
@pytest.mark.parametrize(
    "accept",
    [
        None,
        "application/json",
        "*/*",
        "application/jwt",
        "application/jwt, application/json;q=0.5",
        "text/html",
        "",
        ";q=,,",
        "application/json;q=0",
        "é",
        "x" * 9000,
    ],
)
def test_the_metadata_are_served_as_json_whatever_is_accepted(accept: str | None) -> None:
    """Odd `Accept` values are served; without a signer, whoever asks for a JWT gets JSON."""
    world = issuance()
    response = world.get(ISSUER_METADATA, {} if accept is None else {"accept": accept})
    assert response.status == 200
    assert response.headers.get("content-type") == "application/json"
    assert response.json() == world.issuer.metadata.to_json()
    assert CredentialIssuerMetadata.from_json(response.json()) == world.issuer.metadata


@pytest.mark.spec("VCI-12.2.2-12")
def test_every_language_is_served_whatever_is_preferred() -> None:
    world = issuance()
    plain = world.get(ISSUER_METADATA)
    for languages in ("de", "de-CH;q=0.5, *;q=0.1", "", "x_y", "é"):
        response = world.get(ISSUER_METADATA, {"accept-language": languages})
        assert response.body == plain.body
        assert response.headers.get("content-language") is None


@pytest.mark.spec("VCI-12.2.2-01")
@pytest.mark.parametrize(
    ("identifier", "path"),
    [
        ("https://issuer.example", "/.well-known/openid-credential-issuer"),
        ("https://issuer.example:8443", "/.well-known/openid-credential-issuer"),
        ("https://issuer.example/", "/.well-known/openid-credential-issuer/"),
        ("https://issuer.example/tenant", "/.well-known/openid-credential-issuer/tenant"),
        ("https://issuer.example/tenant/", "/.well-known/openid-credential-issuer/tenant/"),
        ("https://issuer.example/a/b", "/.well-known/openid-credential-issuer/a/b"),
        ("https://issuer.example/a%2Fb", "/.well-known/openid-credential-issuer/a%2Fb"),
    ],
)
def test_the_well_known_string_stands_between_host_and_path(identifier: str, path: str) -> None:
    """A slash at the end of the identifier is kept."""
    world = issuance(metadata=issuer_metadata(credential_issuer=identifier))
    response = world.get(path)
    assert response.status == 200
    assert response.json()["credential_issuer"] == identifier
    tail = identifier.removeprefix("https://").partition("/")[2]
    for other in (
        f"{path}/",
        path.rstrip("/") + "//",
        f"/{tail}/.well-known/openid-credential-issuer",
        f"{path}/x",
        path.upper(),
    ):
        if other != path:
            assert not world.issuer.serves(other)
            refused(world.get(other), "not_found", status=404)


def test_a_query_does_not_matter() -> None:
    assert issuance().get(f"{ISSUER_METADATA}?x=1").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "get", ""])
def test_other_methods_are_refused(method: str) -> None:
    response = issuance().send(Request(method, ISSUER_METADATA))
    assert (response.status, response.headers.get("allow")) == (405, "GET")


def test_there_is_nothing_in_it_but_what_the_issuer_published() -> None:
    assert issuance().get(ISSUER_METADATA).json() == {
        "credential_issuer": IDENTIFIER,
        "credential_endpoint": CREDENTIAL,
        "nonce_endpoint": NONCE,
        "batch_credential_issuance": {"batch_size": 4},
        "credential_configurations_supported": {
            "note": configuration("ES256", "ES384", "EdDSA").to_json(),
            "other": configuration("ES256").to_json(),
            "badge": {"format": "x-note"},
            "object": {"format": "x-object"},
        },
    }


# --- nothing is published that is not served ------------------------------------------------------------------------------

JWK = {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "1", "alg": "ECDH-ES", "use": "enc"}
REQUEST_ENCRYPTION = CredentialRequestEncryption.from_json(
    {"jwks": {"keys": [JWK]}, "enc_values_supported": ["A256GCM"], "encryption_required": False}
)
RESPONSE_ENCRYPTION = CredentialResponseEncryption.from_json(
    {"alg_values_supported": ["ECDH-ES"], "enc_values_supported": ["A256GCM"], "encryption_required": False}
)


@pytest.mark.spec("VCI-8.2-26", "VCI-8.2-31")
@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"deferred_credential_endpoint": f"{IDENTIFIER}/deferred"}, "deferred_credential_endpoint"),
        ({"notification_endpoint": f"{IDENTIFIER}/notification"}, "notification_endpoint"),
        ({"credential_request_encryption": REQUEST_ENCRYPTION}, "credential_request_encryption"),
        ({"credential_response_encryption": RESPONSE_ENCRYPTION}, "credential_response_encryption"),
        ({"credential_endpoint": NONCE}, "a path of its own"),
        ({"credential_endpoint": ISSUER_METADATA}, "a path of its own"),
        ({"batch_credential_issuance": BatchCredentialIssuance(batch_size=MAX_PROOFS + 1)}, "batch_size"),
    ],
)
def test_what_is_not_served_cannot_be_published(members: dict[str, Any], named: str) -> None:
    """Endpoints advertised and not built."""
    with pytest.raises(ValueError, match=named):
        new_issuer(issuer_metadata(**members))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"note": None}, "note: has no encoder"),
        ({"note": FixedEncoder()}, "note: its encoder issues x-object"),
        ({"stray": FixedEncoder()}, "stray is not a configuration"),
    ],
)
def test_every_configuration_has_the_encoder_of_its_format(changes: dict[str, Any], named: str) -> None:
    found = {name: encoder for name, encoder in {**encoders(), **changes}.items() if encoder is not None}
    with pytest.raises(ValueError, match=named):
        new_issuer(encoders=found)


def test_an_encoder_is_for_the_format_of_the_specification_too() -> None:
    metadata = issuer_metadata(credential_configurations_supported={"pid": SdJwtVcConfiguration(vct="urn:x")})
    with pytest.raises(ValueError, match="pid: its encoder issues x-note"):
        new_issuer(metadata, encoders={"pid": encoders()["note"]})


def test_proof_types_are_those_that_can_be_validated() -> None:
    with pytest.raises(ValueError, match="proof type jwt cannot be validated"):
        new_issuer(proof_types={})


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://issuer.example/offers",
        "https://issuer.example/offers?x=1",
        "https://issuer.example/offers#x",
        "",
        "/offers",
        "https://",
    ],
)
def test_offers_are_served_at_an_https_url_to_which_an_id_can_be_added(endpoint: str) -> None:
    with pytest.raises(ValueError, match="credential_offer_endpoint"):
        new_issuer(credential_offer_endpoint=endpoint)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"(?s)deferred_credential_endpoint.*notification_endpoint.*stray"):
        new_issuer(
            issuer_metadata(
                deferred_credential_endpoint=f"{IDENTIFIER}/deferred", notification_endpoint=f"{IDENTIFIER}/notification"
            ),
            encoders={**encoders(), "stray": FixedEncoder()},
        )


def test_metadata_that_must_not_be_published_make_no_issuer() -> None:
    bad = CredentialIssuerMetadata.from_json(
        {
            "credential_issuer": IDENTIFIER,
            "credential_endpoint": CREDENTIAL,
            "credential_configurations_supported": {
                "x": {"format": "x-note", "cryptographic_binding_methods_supported": ["jwk"]}
            },
        }
    )
    with pytest.raises(ValueError, match="proof_types_supported"):
        Issuer(bad, SealedAccessTokens(secret_keys()), {"x": encoders()["badge"]})


# --- paths ------------------------------------------------------------------------------------------------------------------


@given(st.text(max_size=30), st.sampled_from(["GET", "POST"]))
def test_any_target_is_answered(target: str, method: str) -> None:
    response = issuance().send(Request(method, target))
    assert response.status in {200, 404, 405}


@given(
    st.text(max_size=10), st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=3), st.binary(max_size=20)
)
def test_any_request_for_metadata_or_a_nonce_is_answered_or_refused(
    method: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    world = issuance()
    with suppress(MethodNotAllowed):
        world.issuer.read_metadata_request(Request(method, ISSUER_METADATA, headers, body))
    with suppress(MethodNotAllowed):
        world.issuer.read_nonce_request(Request(method, NONCE, headers, body))
    with suppress(Refusal):
        world.issuer.read_offer_request(Request(method, method, headers, body))
    for name, url, right in (("GET", ISSUER_METADATA, 200), ("POST", NONCE, 200)):
        assert world.send(Request(name, url, headers, body)).status == right


# --- the keys of credentials that bring no certificate chain ------------------------------------------------------------------

KEYS = "https://issuer.example/.well-known/jwt-vc-issuer/tenant"


def test_published_keys_are_served_as_jwt_vc_issuer_metadata() -> None:
    now, before = LocalSigner.generate("now"), LocalSigner.generate("before", "EdDSA")
    world = issuance(published_keys=[now, RemoteSigner("before", "EdDSA", before.public_jwk)])
    response = world.get(KEYS)
    assert (response.status, response.headers.get("content-type")) == (200, "application/json")
    document = response.json()
    assert document == {"issuer": IDENTIFIER, "jwks": document["jwks"]}
    assert [(key.kid, key.alg, key.jwk) for key in public_keys(document["jwks"])] == [
        ("now", "ES256", now.public_jwk),
        ("before", "EdDSA", before.public_jwk),
    ]
    assert all("d" not in key for key in document["jwks"]["keys"])
    refused(world.send(Request("POST", KEYS)), "invalid_request", status=405)


def test_nothing_is_served_if_no_keys_are_published() -> None:
    refused(issuance().get(KEYS), "not_found", status=404)


def test_each_published_key_has_an_id_of_its_own() -> None:
    with pytest.raises(ValueError, match="published_keys"):
        new_issuer(published_keys=[LocalSigner.generate("same"), LocalSigner.generate("same")])
