"""The token endpoint with authorization codes (OID4VCI 6, RFC 6749 4.1.3, RFC 7636 4.6): used once, by whom they were given to."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.authorization_server import TokenOrder
from oid4vci.errors import InvalidGrant
from oid4vci.http import Form, Request
from oid4vci.keys import LocalSigner, public_keys
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.grants import revoke
from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens, TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.oauth.pkce import code_challenge
from tests.authorization import CLIENT, REDIRECT_URI, VERIFIER, CodeFlow, Proving, code_flow
from tests.issuance import IDENTIFIER, NOW, TOKEN, counted, details, refused, secret_keys, token_request


def with_header(request: Request, name: str, value: str) -> Request:
    return evolve(request, headers=[*request.headers.pairs, (name, value)])


def test_the_response_is_that_of_rfc_6749() -> None:
    flow = code_flow()
    response = flow.exchange(flow.code())
    assert (response.status, response.headers.get("cache-control")) == (200, "no-store")
    body = response.json()
    assert body == {
        "access_token": body["access_token"],
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "note-scope",
    }
    assert len(body["access_token"]) >= 22
    assert flow.credential(body["access_token"], {"credential_configuration_id": "note"}).status == 200


@pytest.mark.spec("VCI-5.1.2-06")
def test_a_scope_is_good_for_its_configurations_and_no_others() -> None:
    flow = code_flow()
    token = flow.exchange(flow.code(scope="pair")).json()["access_token"]
    for name in ("left", "right"):
        assert flow.credential(token, {"credential_configuration_id": name}).status == 200
    for name in ("note", "badge"):
        refused(flow.credential(token, {"credential_configuration_id": name}), "insufficient_scope", status=403)


@pytest.mark.spec("VCI-6.2-03", "VCI-6.2-05", "VCI-6.2-06", "VCI-5.1.2-11")
def test_details_come_back_with_identifiers_for_all_that_was_granted() -> None:
    flow = code_flow()
    body = flow.exchange(flow.code(scope="card-scope", authorization_details=details("note"))).json()
    assert body["authorization_details"] == [
        {"type": "openid_credential", "credential_configuration_id": "note", "credential_identifiers": ["note/default"]},
        {"type": "openid_credential", "credential_configuration_id": "card", "credential_identifiers": ["card/default"]},
    ]
    for identifier in ("note/default", "card/default"):
        assert flow.credential(body["access_token"], {"credential_identifier": identifier}).status == 200


@pytest.mark.spec("VCI-5.1.2-12")
def test_details_decide_where_a_scope_asks_for_the_same() -> None:
    flow = code_flow()
    wanted = details("note", claims=[{"path": ["name"], "mandatory": True}])
    body = flow.exchange(flow.code(authorization_details=wanted)).json()
    (granted,) = body["authorization_details"]
    assert granted["claims"] == [{"path": ["name"], "mandatory": True}]


def test_the_token_request_may_ask_for_less() -> None:
    flow = code_flow()
    code = flow.code(scope=None, authorization_details=details("note", "card"))
    body = flow.exchange(code, authorization_details=details("card")).json()
    assert [each["credential_configuration_id"] for each in body["authorization_details"]] == ["card"]
    refused(flow.credential(body["access_token"], {"credential_identifier": "note/default"}), "unknown_credential_identifier")


def test_the_token_request_may_not_ask_for_more() -> None:
    flow = code_flow()
    code = flow.code(scope=None, authorization_details=details("note"))
    refused(flow.exchange(code, authorization_details=details("card")), "invalid_authorization_details")
    assert flow.exchange(code).status == 200


# --- single use --------------------------------------------------------------------------------------------------------------


def test_a_code_that_is_used_again_ends_what_it_gave() -> None:
    flow = code_flow()
    proving = Proving()
    code = flow.code()
    body = flow.exchange(code, headers={"dpop": proving(TOKEN)}).json()
    token, refresh_token = body["access_token"], body["refresh_token"]
    order = {"credential_configuration_id": "note"}

    def ask() -> Any:
        proof = proving(f"{IDENTIFIER}/credential", access_token=token)
        return flow.credential(None, order, authorization=f"DPoP {token}", dpop=proof)

    assert ask().status == 200
    refused(flow.exchange(code), "invalid_grant")
    refused(ask(), "invalid_token", status=401)
    refused(flow.refresh(refresh_token, headers={"dpop": proving(TOKEN)}), "invalid_grant")
    refused(flow.exchange(code), "invalid_grant")


def test_another_client_with_a_used_code_ends_nothing() -> None:
    flow = code_flow()
    code = flow.code()
    token = flow.exchange(code).json()["access_token"]
    refused(flow.exchange(code, client_id="other"), "invalid_grant")
    assert flow.credential(token, {"credential_configuration_id": "note"}).status == 200


def test_two_requests_at_once_give_one_token() -> None:
    flow = code_flow()
    codes = flow.server.authorization_codes
    assert codes is not None
    form = Form((("code", flow.code()), ("redirect_uri", REDIRECT_URI), ("code_verifier", VERIFIER)))
    call = codes.read(form, credential_issuers=[IDENTIFIER])
    snapshot = flow.host.load(call.lookups)
    swaps = [call.verify(snapshot, client_id=CLIENT, now=NOW).redeem(expires_at=NOW + 300) for _ in range(2)]
    assert [flow.host.commit([swap]) for swap in swaps] == [True, False]


# --- whose it is --------------------------------------------------------------------------------------------------------------

# "exactly 400 invalid_grant", and the code stays as it is
WRONG: dict[str, dict[str, Any]] = {
    "another client": {"client_id": "other"},
    "no verifier": {"code_verifier": None},
    "another verifier": {"code_verifier": "a" * 43},
    "the challenge as verifier": {"code_verifier": code_challenge(VERIFIER)},
    "a short verifier": {"code_verifier": "abc"},
    "a verifier with other characters": {"code_verifier": VERIFIER + "!"},
    "no redirect_uri": {"redirect_uri": None},
    "another redirect_uri": {"redirect_uri": "https://wallet.example/cb"},
}


@pytest.mark.parametrize("name", WRONG)
def test_whoever_is_not_the_one_it_was_given_to_gets_nothing_and_spoils_nothing(name: str) -> None:
    flow = code_flow()
    code = flow.code()
    before = flow.host.rows
    refused(flow.exchange(code, **WRONG[name]), "invalid_grant")
    assert flow.host.rows == before
    assert flow.exchange(code).status == 200


@pytest.mark.spec("VCI-6.1-07")
@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code"}, "invalid_request"),
        ({"client_id": None}, "invalid_request"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"authorization_details": "{"}, "invalid_authorization_details"),
        ({"code_verifier": "a" * 300}, "invalid_request"),
    ],
)
def test_a_fault_of_the_request_spoils_nothing(parameters: dict[str, Any], error: str) -> None:
    flow = code_flow()
    code = flow.code()
    refused(flow.exchange(code, **parameters), error)
    assert flow.exchange(code).status == 200


@pytest.mark.parametrize("code", [None, "", "unknown", "x" * 2000, "\u00e9"])
def test_a_code_that_is_none(code: str | None) -> None:
    missing = not code or len(code) > 1024
    refused(code_flow().exchange(code), "invalid_request" if missing else "invalid_grant")


def test_a_code_expires_within_a_minute() -> None:
    flow = code_flow()
    code = flow.code()
    refused(flow.exchange(code, now=NOW + 60), "invalid_grant")
    assert flow.exchange(flow.code(), now=NOW + 59).status == 200
    for lifetime in (0, 601):
        with pytest.raises(ValueError, match="lifetime"):
            AuthorizationCodes(lifetime)


def test_a_code_of_one_grant_type_is_none_of_the_other() -> None:
    flow = code_flow()
    pre_authorized = flow.grant("note", client_id=CLIENT)
    refused(flow.exchange(pre_authorized.grant.pre_authorized_code), "invalid_grant")
    assert flow.redeem(pre_authorized).status == 200
    refused(flow.send(token_request(flow.code())), "invalid_grant")


def test_a_revoked_grant_gives_nothing() -> None:
    flow = code_flow()
    code = flow.code()
    (grant,) = (record for record in flow.host.rows.values() if record.key.kind == "grant")
    assert flow.host.commit([revoke(grant)])
    refused(flow.exchange(code), "invalid_grant")


@pytest.mark.spec("VCI-6.1-05")
def test_a_transaction_code_means_nothing_here() -> None:
    flow = code_flow()
    assert flow.exchange(flow.code(), tx_code="1234").status == 200


def test_what_is_stored_names_neither_code_nor_verifier() -> None:
    flow = code_flow()
    code = flow.code()
    assert all(code not in str(record.data) and VERIFIER not in str(record.data) for record in flow.host.rows.values())


# --- DPoP --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4-08", "VCI-13.10-01")
def test_a_token_is_bound_to_the_key_of_the_proof_and_may_then_live_longer() -> None:
    flow, proving = code_flow(bound_access_token_lifetime=3600), Proving()
    body = flow.exchange(flow.code(), headers={"dpop": proving(TOKEN)}).json()
    assert (body["token_type"], body["expires_in"]) == ("DPoP", 3600)
    order = {"credential_configuration_id": "note"}
    refused(flow.credential(body["access_token"], order), "invalid_token", status=401)
    other = Proving()(f"{IDENTIFIER}/credential", access_token=body["access_token"])
    authorization = f"dpop {body['access_token']}"
    refused(flow.credential(None, order, authorization=authorization, dpop=other), "invalid_token", status=401)
    mine = proving(f"{IDENTIFIER}/credential", access_token=body["access_token"])
    assert flow.credential(None, order, authorization=authorization, dpop=mine).status == 200


def test_where_dpop_is_required_a_missing_proof_is_400() -> None:
    flow = code_flow(dpop_required=True)
    code = flow.code()
    refused(flow.exchange(code), "invalid_dpop_proof")
    refused(flow.redeem(flow.grant("note")), "invalid_dpop_proof")
    assert flow.exchange(code, headers={"dpop": Proving()(TOKEN)}).status == 200


def test_a_client_may_be_registered_for_bound_tokens_only() -> None:
    bound = ClientMetadata(redirect_uris=(REDIRECT_URI,), dpop_bound_access_tokens=True)
    flow = code_flow(clients={CLIENT: bound})
    refused(flow.exchange(flow.code()), "invalid_dpop_proof")


def test_a_request_that_is_answered_with_a_nonce_can_be_sent_again_as_it_is() -> None:
    flow, proving = code_flow(dpop=Dpop(nonces=DpopNonces(secret_keys()))), Proving()
    code = flow.code()
    before = flow.host.rows
    response = flow.exchange(code, headers={"dpop": proving(TOKEN)})
    refused(response, "use_dpop_nonce")
    assert flow.host.rows == before
    nonce = response.headers.get("dpop-nonce")
    assert flow.exchange(code, headers={"dpop": proving(TOKEN, nonce=nonce)}).status == 200


def test_a_nonce_is_asked_for_before_a_wrong_transaction_code_is_counted() -> None:
    flow, proving = code_flow(dpop=Dpop(nonces=DpopNonces(secret_keys()))), Proving()
    granted = flow.grant("note", tx_code="1234")
    before = flow.host.rows
    refused(flow.send(with_header(token_request(granted, tx_code="9999"), "dpop", proving(TOKEN))), "use_dpop_nonce")
    assert flow.host.rows == before


def test_a_proof_serves_once() -> None:
    flow, proving = code_flow(), Proving()
    proof = proving(TOKEN)
    assert flow.exchange(flow.code(), headers={"dpop": proof}).status == 200
    refused(flow.exchange(flow.code(), headers={"dpop": proof}), "invalid_dpop_proof")


def test_two_proofs_are_one_too_many() -> None:
    flow, proving = code_flow(), Proving()
    request = with_header(flow.token_request(flow.code()), "dpop", proving(TOKEN))
    refused(flow.send(with_header(request, "dpop", proving(TOKEN))), "invalid_dpop_proof")


# --- tokens of another kind ---------------------------------------------------------------------------------------------------


def test_tokens_may_be_jwts_with_published_keys() -> None:
    signer = LocalSigner.generate("as-1")
    flow = code_flow(access_tokens=JwtAccessTokens(signer, issuer=IDENTIFIER), published_keys=[signer])
    token = flow.exchange(flow.code()).json()["access_token"]
    assert token.count(".") == 2
    keys = flow.get(f"{IDENTIFIER}/jwks").json()["keys"]
    assert [(key["kid"], key["use"], key["alg"]) for key in keys] == [("as-1", "sig", "ES256")]


def test_a_key_is_published_for_as_long_as_tokens_need_it() -> None:
    old, new = LocalSigner.generate("as-1"), LocalSigner.generate("as-2", "EdDSA")
    flow = code_flow(access_tokens=JwtAccessTokens(new, issuer=IDENTIFIER), published_keys=[new, old])
    keys = public_keys(flow.get(f"{IDENTIFIER}/jwks").json())
    assert [key.kid for key in keys] == ["as-2", "as-1"]
    before = code_flow(access_tokens=JwtAccessTokens(old, issuer=IDENTIFIER), published_keys=[old])
    trusted = TrustedAuthorizationServer(issuer=IDENTIFIER, keys=keys)
    tokens = TrustedJwtAccessTokens(servers=[trusted], scopes=flow.issuer.metadata.scopes)
    for each in (flow, before):
        read = tokens.read(each.exchange(each.code()).json()["access_token"], credential_issuer=IDENTIFIER)
        assert read.verify({}, keys={}, now=NOW).configuration_ids == {"note"}


def test_a_key_elsewhere_signs_tokens() -> None:
    remote = code_flow().host.remote_signer
    flow = code_flow(access_tokens=JwtAccessTokens(remote, issuer=IDENTIFIER), published_keys=[remote])
    call = flow.server.read(flow.token_request(flow.code()))
    order = call.verify(flow.host.load(call.lookups), keys={}, now=NOW)
    assert isinstance(order, TokenOrder)
    draft = order.issue()
    assert [each.key_id for each in draft.to_sign] == [remote.key_id]
    with pytest.raises(ValueError, match="signature"):
        draft.finish()


@given(st.text(max_size=50), st.text(max_size=150))
def test_no_other_code_or_verifier_is_taken(code: str, verifier: str) -> None:
    codes = AuthorizationCodes()
    flow: CodeFlow = code_flow()
    good = flow.code()
    for pairs in (
        (("code", code or "x"), ("code_verifier", VERIFIER)),
        (("code", good), ("code_verifier", verifier or "x")),
    ):
        call = codes.read(Form((*pairs, ("redirect_uri", REDIRECT_URI))), credential_issuers=[IDENTIFIER])
        with pytest.raises(InvalidGrant):
            call.verify(flow.host.load(call.lookups), client_id=CLIENT, now=NOW)


def test_codes_come_from_the_servers_source_of_secrets() -> None:
    flow = code_flow(new_secret=counted())
    assert flow.code() != flow.code()


# --- what was approved, and no more ----------------------------------------------------------------------------------------------


GIVEN, SSN = {"path": ["given_name"]}, {"path": ["ssn"]}


def test_claims_that_were_not_approved_are_not_granted() -> None:
    flow = code_flow()
    code = flow.code(scope=None, authorization_details=details("note", claims=[GIVEN]))
    refused(flow.exchange(code, authorization_details=details("note", claims=[GIVEN, SSN])), "invalid_authorization_details")
    # Saying nothing of claims does not ask for all of them.
    (granted,) = flow.exchange(code, authorization_details=details("note")).json()["authorization_details"]
    assert granted["claims"] == [GIVEN]


def test_fewer_claims_may_be_asked_for() -> None:
    flow = code_flow()
    for asked, wanted in ((details("note", claims=[GIVEN, SSN]), [SSN]), (details("note"), [GIVEN])):
        code = flow.code(scope=None, authorization_details=asked)
        (granted,) = flow.exchange(code, authorization_details=details("note", claims=wanted)).json()["authorization_details"]
        assert granted["claims"] == wanted


def test_of_what_was_approved_by_scope_details_may_ask_for_some() -> None:
    flow = code_flow()
    body = flow.exchange(flow.code(scope="note-scope card-scope"), authorization_details=details("card", claims=[GIVEN])).json()
    assert body["scope"] == "card-scope"
    assert [each["claims"] for each in body["authorization_details"]] == [[GIVEN]]
