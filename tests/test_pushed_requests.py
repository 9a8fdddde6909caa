"""Pushed Authorization Requests (RFC 9126), and what every Authorization Request must say (OID4VCI 5.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.http import Request
from oid4vci.keys import thumbprint
from oid4vci.metadata import ClientMetadata, CredentialIssuerMetadata
from oid4vci.oauth.dpop import Dpop, DpopNonces
from tests.authorization import (
    AUTHORIZE,
    CLIENT,
    PAR,
    REDIRECT_URI,
    Proving,
    arrived,
    code_flow,
    form,
    scoped_metadata,
    sent_back,
)
from tests.issuance import FORM, IDENTIFIER, NOW, details, refused, secret_keys


@pytest.mark.spec("HAIP-4-05", "HAIP-4-06", "VCI-5.1.3-04")
def test_a_request_uri_is_given_for_a_good_request() -> None:
    flow = code_flow()
    response = flow.push(foo="bar", nonce="n", prompt="login")
    assert (response.status, response.headers.get("content-type")) == (201, "application/json")
    assert response.headers.get("cache-control") == "no-store"
    body = response.json()
    assert body.keys() == {"request_uri", "expires_in"}
    assert body["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert len(body["request_uri"]) >= len("urn:ietf:params:oauth:request_uri:") + 43
    assert 60 <= body["expires_in"] <= 90
    assert body["request_uri"] != flow.push().json()["request_uri"]


def test_what_is_stored_names_no_request_uri() -> None:
    flow = code_flow()
    handle = flow.pushed().rpartition(":")[2]
    assert all(handle not in str(record) and handle not in str(record.data) for record in flow.host.rows.values())


BAD = "invalid_authorization_details"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "another response_type": ({"response_type": "token"}, "unsupported_response_type"),
    "several response types": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "a fragment as response_mode": ({"response_mode": "fragment"}, "invalid_request"),
    "no PKCE": ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "no method, which means plain": ({"code_challenge_method": None}, "invalid_request"),
    "plain PKCE": ({"code_challenge_method": "plain"}, "invalid_request"),
    "a challenge that is no digest": ({"code_challenge": "abc"}, "invalid_request"),
    "a challenge with padding": ({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="}, "invalid_request"),
    "no redirect_uri": ({"redirect_uri": None}, "invalid_request"),
    "another redirect_uri": ({"redirect_uri": "https://wallet.example/cb"}, "invalid_request"),
    "a redirect_uri with another query": ({"redirect_uri": REDIRECT_URI + "&a=b"}, "invalid_request"),
    "a redirect_uri with a path below": ({"redirect_uri": "https://wallet.example/cb/..?kept=1"}, "invalid_request"),
    "a redirect_uri of another case": ({"redirect_uri": "https://WALLET.example/cb?kept=1"}, "invalid_request"),
    "a redirect_uri with user information": (
        {"redirect_uri": "https://wallet.example@evil.example/cb?kept=1"},
        "invalid_request",
    ),
    "a redirect_uri with a fragment": ({"redirect_uri": REDIRECT_URI + "#f"}, "invalid_request"),
    "an unknown client": ({"client_id": "nobody"}, "invalid_client"),
    "no client": ({"client_id": None}, "invalid_request"),
    "a request_uri": ({"request_uri": "urn:ietf:params:oauth:request_uri:abc"}, "invalid_request"),
    "a request object": ({"request": "eyJ"}, "request_not_supported"),
    "nothing asked for": ({"scope": None}, "invalid_request"),
    "an empty scope": ({"scope": "  "}, "invalid_request"),
    "unknown scopes only": ({"scope": "openid email"}, "invalid_scope"),
    "a malformed scope": ({"scope": 'a"b'}, "invalid_scope"),
    "a long scope": ({"scope": "a" * 5000}, "invalid_scope"),
    "a long state": ({"state": "s" * 3000}, "invalid_request"),
    "a long issuer_state": ({"issuer_state": "s" * 5000}, "invalid_request"),
    "malformed details": ({"authorization_details": "{"}, BAD),
    "details without type": (
        {"authorization_details": '[{"credential_configuration_id":"note"}]'},
        BAD,
    ),
    "details of another type": ({"authorization_details": '[{"type":"payment"}]'}, BAD),
    "details without a configuration": (
        {"authorization_details": '[{"type":"openid_credential"}]'},
        BAD,
    ),
    "details with a number for it": (
        {"authorization_details": '[{"type":"openid_credential","credential_configuration_id":1}]'},
        BAD,
    ),
    "an unknown configuration": ({"authorization_details": details("unknown")}, BAD),
    "a known and an unknown configuration": (
        {"authorization_details": details("note", "unknown")},
        BAD,
    ),
    "foreign locations": (
        {"authorization_details": details("note", locations=["https://other.example"])},
        BAD,
    ),
    "a foreign resource": ({"resource": "https://other.example"}, "invalid_target"),
    "a thumbprint that is none": ({"dpop_jkt": "abc"}, "invalid_request"),
}


@pytest.mark.spec("VCI-5.1.1-03", "VCI-5.1.1-04", "VCI-5.1.1-05", "HAIP-4-05")
@pytest.mark.parametrize("name", WRONG)
def test_each_fault_has_its_error_and_nothing_is_kept(name: str) -> None:
    parameters, error = WRONG[name]
    flow = code_flow()
    refused(flow.push(**parameters), error)
    assert not flow.host.rows


def test_a_repeated_parameter_another_method_and_another_media_type_are_refused() -> None:
    flow = code_flow()
    refused(flow.send(Request("POST", PAR, {"content-type": FORM}, form() + b"&state=again")), "invalid_request")
    refused(flow.send(Request("POST", PAR, {"content-type": "application/json"}, form())), "invalid_request")
    for method in ("GET", "PUT", "DELETE"):
        response = flow.send(Request(method, PAR, {"content-type": FORM}, form()))
        refused(response, "invalid_request", status=405)
        assert response.headers.get("allow") == "POST"
    assert not flow.host.rows


def test_a_client_that_may_not_use_the_code_grant_is_told_so() -> None:
    only_refresh = ClientMetadata(redirect_uris=(REDIRECT_URI,), grant_types=("refresh_token",))
    flow = code_flow(clients={CLIENT: only_refresh})
    refused(flow.push(), "unauthorized_client")
    refused(flow.exchange("code"), "unauthorized_client")


def test_a_public_client_without_registered_redirect_uris_may_name_none() -> None:
    flow = code_flow(clients={}, other_clients=ClientMetadata())
    refused(flow.push(), "invalid_request")


def test_a_long_state_comes_back_whole() -> None:
    flow = code_flow()
    for state in ("s" * 128, "x" * 1000, "a&b=c d+é%20#"):
        assert "code" in arrived(flow.visit(flow.pushed(state=state)), state=state)


@pytest.mark.spec("VCI-5.1.2-09")
def test_unknown_scope_values_are_ignored() -> None:
    flow = code_flow()
    assert flow.exchange(flow.code(scope="openid note-scope other")).json()["scope"] == "note-scope"


@pytest.mark.spec("VCI-5.1.1-08")
def test_unknown_members_of_details_are_kept_and_ignored() -> None:
    flow = code_flow()
    text = details("note", future={"a": 1})
    assert flow.push(scope=None, authorization_details=text).status == 201
    flow.code(scope=None, authorization_details=text)
    assert dict(flow.host.requests[-1].details[0].extra) == {"future": {"a": 1}}


# --- which Credential Issuer is meant --------------------------------------------------------------------------------------------

SECOND = "https://second.example"


def two_issuers() -> Any:
    first = scoped_metadata()
    return code_flow(credential_issuers=(first, second_metadata(prefix="second-")))


def second_metadata(**members: Any) -> CredentialIssuerMetadata:
    return scoped_metadata(
        credential_issuer=SECOND, credential_endpoint=f"{SECOND}/credential", nonce_endpoint=f"{SECOND}/nonce", **members
    )


@pytest.mark.spec("VCI-12.2.4-50")
@pytest.mark.parametrize(
    ("parameters", "meant"),
    [
        ({}, IDENTIFIER),
        ({"scope": "second-note-scope"}, SECOND),
        ({"scope": "second-note-scope", "resource": SECOND}, SECOND),
        ({"resource": IDENTIFIER}, IDENTIFIER),
        ({"scope": None, "authorization_details": details("note", locations=[SECOND])}, SECOND),
        ({"scope": None, "authorization_details": details("note", locations=[SECOND]), "resource": SECOND}, SECOND),
        ({"scope": None, "authorization_details": details("note")}, IDENTIFIER),
    ],
)
def test_resource_and_locations_say_which_issuer_is_meant(parameters: dict[str, Any], meant: str) -> None:
    flow = two_issuers()
    flow.visit(flow.pushed(**parameters))
    assert flow.host.requests[-1].credential_issuer == meant


@pytest.mark.spec("VCI-12.2.4-50")
def test_a_scope_value_belongs_to_one_issuer() -> None:
    with pytest.raises(ValueError, match="credential_issuers"):
        code_flow(credential_issuers=(scoped_metadata(), second_metadata()))
    refused(two_issuers().push(scope="second-note-scope", resource=IDENTIFIER), "invalid_scope")


def test_resource_and_locations_must_agree() -> None:
    text = details("note", locations=[SECOND])
    refused(two_issuers().push(scope=None, authorization_details=text, resource=IDENTIFIER), "invalid_target")


def test_only_one_resource_can_be_meant() -> None:
    flow = two_issuers()
    body = form() + f"&resource={IDENTIFIER}&resource={SECOND}".encode()
    refused(flow.send(Request("POST", PAR, {"content-type": FORM}, body)), "invalid_target")


# --- DPoP at the pushed request endpoint (RFC 9449 10.1) -------------------------------------------------------------------------


def test_a_proof_binds_the_code_to_its_key() -> None:
    flow, mine, other = code_flow(), Proving(), Proving()
    code = flow.code(headers={"dpop": mine(PAR)})
    refused(flow.exchange(code, headers={"dpop": other(f"{IDENTIFIER}/token")}), "invalid_grant")
    refused(flow.exchange(code), "invalid_grant")
    assert flow.exchange(code, headers={"dpop": mine(f"{IDENTIFIER}/token")}).json()["token_type"] == "DPoP"


def test_dpop_jkt_binds_the_code_as_well_and_must_agree_with_a_proof() -> None:
    flow, mine, other = code_flow(), Proving(), Proving()
    jkt = thumbprint(mine.signer.public_jwk)
    code = flow.code(dpop_jkt=jkt)
    refused(flow.exchange(code, headers={"dpop": other(f"{IDENTIFIER}/token")}), "invalid_grant")
    assert flow.exchange(code, headers={"dpop": mine(f"{IDENTIFIER}/token")}).status == 200
    refused(flow.push(dpop_jkt=jkt, headers={"dpop": other(PAR)}), "invalid_request")
    assert flow.push(dpop_jkt=jkt, headers={"dpop": mine(PAR)}).status == 201


def test_a_proof_serves_once_and_for_this_endpoint_only() -> None:
    flow, mine = code_flow(), Proving()
    proof = mine(PAR)
    assert flow.push(headers={"dpop": proof}).status == 201
    refused(flow.push(headers={"dpop": proof}), "invalid_dpop_proof")
    refused(flow.push(headers={"dpop": mine(AUTHORIZE)}), "invalid_dpop_proof")
    refused(flow.push(headers={"dpop": mine(PAR, method="GET")}), "invalid_dpop_proof")
    refused(flow.push(headers={"dpop": mine(PAR, now=NOW - 3600)}), "invalid_dpop_proof")


def test_a_proof_is_not_spent_by_a_request_that_is_refused() -> None:
    flow, mine = code_flow(), Proving()
    proof = mine(PAR)
    refused(flow.push(headers={"dpop": proof}, scope="unknown"), "invalid_scope")
    assert flow.push(headers={"dpop": proof}).status == 201


def test_the_servers_nonce_is_asked_for() -> None:
    flow, mine = code_flow(dpop=Dpop(nonces=DpopNonces(secret_keys()))), Proving()
    response = flow.push(headers={"dpop": mine(PAR)})
    refused(response, "use_dpop_nonce")
    assert not flow.host.rows
    nonce = response.headers.get("dpop-nonce")
    assert flow.push(headers={"dpop": mine(PAR, nonce=nonce)}).status == 201


@given(st.binary(max_size=300))
def test_arbitrary_bodies_are_answered_with_an_error(body: bytes) -> None:
    response = code_flow().send(Request("POST", PAR, {"content-type": FORM}, body))
    assert response.status in (400, 401)
    assert "error" in response.json()


def test_an_error_is_sent_nowhere_else() -> None:
    flow = code_flow(clients={CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,))})
    sent_back(flow.authorize(scope="unknown"), "invalid_scope")
    assert "location" not in flow.push(scope="unknown").headers
