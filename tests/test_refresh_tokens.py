"""Refresh Tokens (RFC 6749 6, RFC 9449 5, RFC 9700 4.14): rotated, bound, never good for more."""

from typing import Any

import pytest
from attrs import evolve, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.http import Form, Request
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_authentication import AuthenticatedClient, ReadClient, Registered
from oid4vci.oauth.grants import revoke
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.records import Key, Records
from tests.authorization import CLIENT, REDIRECT_URI, CodeFlow, Proving, code_flow, encoded
from tests.issuance import CREDENTIAL, FORM, NOW, TOKEN, counted, details, refused, secret_keys

METHOD = "shared_phrase"


@frozen
class ReadPhrase:
    client_id: str | None
    instance: str | None
    method: str = METHOD
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> AuthenticatedClient:
        return AuthenticatedClient(client_id=self.client_id, method=METHOD, instance=self.instance)


class Phrase:
    """A client authentication method of a third party: whoever sends the header `phrase` is believed; its value is the instance."""

    def applies(self, request: Request, form: Form) -> bool:
        return "phrase" in request.headers

    def read(self, request: Request, form: Form, *, issuer: str, endpoint: str, registered: Registered) -> ReadClient:
        return ReadPhrase(form.get("client_id"), request.headers.get("phrase"))


def authenticated(**settings: Any) -> CodeFlow:
    """A flow whose client authenticates."""
    client = ClientMetadata(redirect_uris=(REDIRECT_URI,), token_endpoint_auth_method=METHOD)
    return code_flow(clients={CLIENT: client, "other": client}, client_authentication={METHOD: Phrase()}, **settings)


ME = {"phrase": "my-phone"}


def first(flow: CodeFlow, proving: Proving | None = None, *, headers: Any = None, **parameters: Any) -> dict[str, Any]:
    """The Token Response of the code flow."""
    headers = headers or {}
    code = flow.code(headers=headers, **parameters)
    response = flow.exchange(code, headers={**headers, **({} if proving is None else {"dpop": proving(TOKEN)})})
    assert response.status == 200, response.body
    body: dict[str, Any] = response.json()
    return body


def again(
    flow: CodeFlow, token: str, proving: Proving | None = None, *, now: int = NOW, headers: Any = None, **parameters: Any
) -> Any:
    proof = {} if proving is None else {"dpop": proving(TOKEN, now=now)}
    return flow.refresh(token, now=now, headers={**(headers or {}), **proof}, **parameters)


def test_a_refresh_token_gives_an_access_token_and_the_next_refresh_token() -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving)
    later = NOW + 86_400
    response = again(flow, body["refresh_token"], proving, now=later)
    assert (response.status, response.headers.get("cache-control")) == (200, "no-store")
    renewed = response.json()
    assert renewed.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert renewed["token_type"] == "DPoP"
    assert renewed["refresh_token"] != body["refresh_token"]
    proof = proving(CREDENTIAL, access_token=renewed["access_token"], now=later)
    order = {"credential_configuration_id": "note"}
    authorization = f"DPoP {renewed['access_token']}"
    assert flow.credential(None, order, authorization=authorization, dpop=proof, now=later).status == 200
    assert again(flow, renewed["refresh_token"], proving, now=later).status == 200


def test_details_stay_as_they_were() -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving, authorization_details=details("card"))
    renewed = again(flow, body["refresh_token"], proving).json()
    assert renewed["authorization_details"] == body["authorization_details"]


def test_a_pre_authorized_grant_can_be_refreshed() -> None:
    flow, proving = code_flow(), Proving()
    granted = flow.grant("note", client_id=CLIENT)
    members: dict[str, Any] = {
        "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "pre-authorized_code": granted.grant.pre_authorized_code,
    }
    response = flow.exchange(None, headers={"dpop": proving(TOKEN)}, **members)
    assert again(flow, response.json()["refresh_token"], proving).status == 200


# --- who gets one, and whose it is --------------------------------------------------------------------------------------------


def test_a_client_that_proves_nothing_gets_none() -> None:
    flow = code_flow()
    assert "refresh_token" not in first(flow)
    assert "refresh_token" not in flow.redeem(flow.grant("note")).json()


def test_a_client_whose_registration_has_not_the_grant_type_gets_none() -> None:
    client = ClientMetadata(redirect_uris=(REDIRECT_URI,), grant_types=("authorization_code",))
    assert "refresh_token" not in first(code_flow(clients={CLIENT: client}), Proving())


def test_without_refresh_tokens_there_are_none() -> None:
    flow = code_flow(refresh_tokens=None)
    assert "refresh_token" not in first(flow, Proving())
    refused(flow.refresh("x"), "unsupported_grant_type")


def test_a_public_clients_token_is_bound_to_its_key() -> None:
    flow, proving = code_flow(), Proving()
    token = first(flow, proving)["refresh_token"]
    before = flow.host.rows
    refused(again(flow, token, Proving()), "invalid_grant")
    refused(again(flow, token), "invalid_dpop_proof")
    refused(again(flow, token, proving, client_id="other"), "invalid_grant")
    refused(again(flow, token, proving, client_id=None), "invalid_request")
    assert flow.host.rows == before
    assert again(flow, token, proving).status == 200


def test_a_client_that_authenticates_may_change_its_key() -> None:
    flow = authenticated()
    token = first(flow, Proving(), headers=ME)["refresh_token"]
    new = Proving()
    renewed = again(flow, token, new, headers=ME)
    assert renewed.status == 200
    refused(again(flow, renewed.json()["refresh_token"], headers=ME), "invalid_dpop_proof")


def test_a_client_that_authenticates_needs_no_key() -> None:
    flow = authenticated()
    token = first(flow, headers=ME)["refresh_token"]
    assert again(flow, token, headers=ME).json()["token_type"] == "Bearer"


def test_another_instance_of_the_client_is_refused() -> None:
    flow, proving = authenticated(), Proving()
    token = first(flow, proving, headers=ME)["refresh_token"]
    refused(again(flow, token, proving, headers={"phrase": "your-phone"}), "invalid_grant")
    refused(again(flow, token, proving, headers=ME, client_id="other"), "invalid_grant")
    assert again(flow, token, proving).status == 401
    assert again(flow, token, proving, headers=ME).status == 200


def test_a_code_is_bound_to_the_instance_that_pushed_the_request() -> None:
    flow = authenticated()
    code = flow.code(headers=ME)
    refused(flow.exchange(code, headers={"phrase": "your-phone"}), "invalid_grant")
    assert flow.exchange(code, headers=ME).status == 200


# --- once each --------------------------------------------------------------------------------------------------------------


def test_the_token_before_serves_a_while_for_a_client_that_missed_the_answer() -> None:
    flow, proving = code_flow(), Proving()
    old = first(flow, proving)["refresh_token"]
    new = again(flow, old, proving).json()["refresh_token"]
    within = again(flow, old, proving, now=NOW + 29)
    assert within.status == 200
    # It leads to the same generation: what the client got then is still good, and so is this.
    assert again(flow, within.json()["refresh_token"], proving, now=NOW + 29).status == 200
    refused(again(flow, new, Proving(), now=NOW + 29), "invalid_grant")


def test_a_token_that_was_replaced_ends_the_grant() -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving)
    new = again(flow, body["refresh_token"], proving).json()
    refused(again(flow, body["refresh_token"], proving, now=NOW + 30), "invalid_grant")
    refused(again(flow, new["refresh_token"], proving, now=NOW + 30), "invalid_grant")
    proof = proving(CREDENTIAL, access_token=new["access_token"], now=NOW + 30)
    order = {"credential_configuration_id": "note"}
    authorization = f"DPoP {new['access_token']}"
    refused(flow.credential(None, order, authorization=authorization, dpop=proof, now=NOW + 30), "invalid_token", status=401)


def test_a_token_two_generations_old_ends_the_grant_at_once() -> None:
    flow, proving = code_flow(), Proving()
    oldest = first(flow, proving)["refresh_token"]
    second = again(flow, oldest, proving).json()["refresh_token"]
    third = again(flow, second, proving).json()["refresh_token"]
    refused(again(flow, oldest, proving), "invalid_grant")
    refused(again(flow, third, proving), "invalid_grant")


def test_who_lacks_the_key_cannot_end_a_grant_with_an_old_token() -> None:
    flow, proving = code_flow(), Proving()
    old = first(flow, proving)["refresh_token"]
    new = again(flow, old, proving).json()["refresh_token"]
    refused(again(flow, old, Proving(), now=NOW + 60), "invalid_grant")
    assert again(flow, new, proving, now=NOW + 60).status == 200


def test_without_rotation_a_token_stays_good() -> None:
    flow, proving = code_flow(refresh_tokens=RefreshTokens(secret_keys(), rotation=False)), Proving()
    token = first(flow, proving)["refresh_token"]
    for later in (0, 3600, 7200):
        body = again(flow, token, proving, now=NOW + later).json()
    assert again(flow, body["refresh_token"], proving, now=NOW + 7200).status == 200


def test_a_proof_serves_once_here_too() -> None:
    flow, proving = code_flow(), Proving()
    token = first(flow, proving)["refresh_token"]
    proof = {"dpop": proving(TOKEN)}
    new = flow.refresh(token, headers=proof).json()["refresh_token"]
    refused(flow.refresh(new, headers=proof), "invalid_dpop_proof")


def test_a_token_ends_with_its_lifetime_and_with_its_grant() -> None:
    flow, proving = code_flow(refresh_tokens=RefreshTokens(secret_keys(), lifetime=5000)), Proving()
    token = first(flow, proving)["refresh_token"]
    late = again(flow, token, proving, now=NOW + 4000).json()
    # The Access Token does not outlive the grant.
    assert late["expires_in"] == 1000
    refused(again(flow, late["refresh_token"], proving, now=NOW + 5000), "invalid_grant")
    token = first(flow, proving)["refresh_token"]
    for row in flow.host.rows.values():
        assert row.key.kind != "grant" or flow.host.commit([revoke(row)])
    refused(again(flow, token, proving), "invalid_grant")
    with pytest.raises(ValueError, match="lifetime"):
        RefreshTokens(secret_keys(), lifetime=0)


# --- less, never more ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "scope", "allowed", "refused_"),
    [
        ({"scope": "card-scope"}, "card-scope", "card/default", "note/default"),
        ({"authorization_details": details("note")}, "note-scope", "note/default", "card/default"),
    ],
)
def test_an_access_token_may_be_for_less(parameters: dict[str, Any], scope: str, allowed: str, refused_: str) -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving, scope="note-scope card-scope", authorization_details=details("note", "card"))
    narrow = again(flow, body["refresh_token"], proving, **parameters).json()
    assert narrow["scope"] == scope
    assert [each["credential_identifiers"] for each in narrow["authorization_details"]] == [[allowed]]

    def ask(identifier: str, token: str) -> Any:
        proof = proving(CREDENTIAL, access_token=token)
        return flow.credential(None, {"credential_identifier": identifier}, authorization=f"DPoP {token}", dpop=proof)

    assert ask(allowed, narrow["access_token"]).status == 200
    refused(ask(refused_, narrow["access_token"]), "unknown_credential_identifier")
    # The Refresh Token is still good for everything (RFC 6749 6).
    wide = again(flow, narrow["refresh_token"], proving).json()
    assert ask(refused_, wide["access_token"]).status == 200


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"scope": "card-scope"}, "invalid_scope"),
        ({"scope": "note-scope card-scope"}, "invalid_scope"),
        ({"scope": 'a"'}, "invalid_scope"),
        ({"authorization_details": details("card")}, "invalid_authorization_details"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"resource": "https://other.example"}, "invalid_target"),
    ],
)
def test_more_than_was_granted_is_refused_and_uses_nothing_up(parameters: dict[str, Any], error: str) -> None:
    flow, proving = code_flow(), Proving()
    token = first(flow, proving)["refresh_token"]
    before = flow.host.rows
    refused(again(flow, token, proving, **parameters), error)
    assert flow.host.rows == before
    assert again(flow, token, proving).status == 200


# --- tokens that are none -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "x", "x" * 5000, "\u00e9"])
def test_a_token_that_is_none(token: str | None) -> None:
    refused(code_flow().refresh(token), "invalid_request" if token is None else "invalid_grant")


def test_an_access_token_is_no_refresh_token() -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving)
    refused(again(flow, body["access_token"], proving), "invalid_grant")
    token = body["refresh_token"]
    proof = proving(CREDENTIAL, access_token=token)
    refused(flow.credential(None, {}, authorization=f"DPoP {token}", dpop=proof), "invalid_token", status=401)


def test_a_token_of_other_keys_is_none() -> None:
    flow, proving = code_flow(refresh_tokens=RefreshTokens(secret_keys(9))), Proving()
    token = first(flow, proving)["refresh_token"]
    assert again(flow, token, proving).status == 200
    refused(again(evolve(flow, server=code_flow().server), token, proving), "invalid_grant")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_token_is_refused(place: int, change: int) -> None:
    flow, proving = FLOW, PROVING
    place %= len(GOOD)
    changed = GOOD[:place] + chr((ord(GOOD[place]) + change) % 256) + GOOD[place + 1 :]
    if changed != GOOD:
        refused(again(flow, changed, proving), "invalid_grant" if changed.strip() else "invalid_request")


FLOW, PROVING = code_flow(new_secret=counted()), Proving()
GOOD = first(FLOW, PROVING)["refresh_token"]


# --- what is left of a grant ---------------------------------------------------------------------------------------------------


def test_a_scope_that_the_grant_no_longer_has_is_refused() -> None:
    flow, proving = code_flow(), Proving()
    code = flow.code(scope="card-scope", authorization_details=details("note"))
    body = flow.exchange(code, authorization_details=details("note"), headers={"dpop": proving(TOKEN)}).json()
    refused(again(flow, body["refresh_token"], proving, scope="card-scope"), "invalid_scope")
    flow.host.approval = {"configuration_ids": ["card"]}
    body = first(flow, proving, scope="card-scope note-scope")
    refused(again(flow, body["refresh_token"], proving, scope="note-scope"), "invalid_scope")
    assert again(flow, body["refresh_token"], proving, scope="card-scope").status == 200


def test_a_client_that_authenticates_no_more_needs_a_key() -> None:
    flow = authenticated()
    token = first(flow, headers=ME)["refresh_token"]
    public = {CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,))}
    later = code_flow(clients=public)
    refused(again(evolve(flow, server=later.server), token), "invalid_grant")


@pytest.mark.parametrize("rotation", [True, False])
def test_a_token_that_is_being_refreshed_is_not_given_once_the_grant_is_revoked(rotation: bool) -> None:
    flow, proving = code_flow(refresh_tokens=RefreshTokens(secret_keys(), rotation=rotation)), Proving()
    token = first(flow, proving)["refresh_token"]
    members = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT}
    request = Request("POST", TOKEN, {"content-type": FORM, "dpop": proving(TOKEN)}, encoded(members))
    call = flow.server.read_token_request(request)
    reply = call.verify(flow.host.load(call.lookups), now=NOW).issue().finish()
    for row in flow.host.rows.values():
        assert row.key.kind != "grant" or flow.host.commit([revoke(row)])
    assert not flow.host.commit(reply.changes)
