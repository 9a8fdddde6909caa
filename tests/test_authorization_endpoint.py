"""The Authorization Endpoint: who may ask, where answers go, the decision, and that it is made once (OID4VCI 5, RFC 6749 4.1)."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.authorization_server import AuthorizationOrder, AuthorizationServer
from oid4vci.errors import InvalidScope
from oid4vci.http import Request
from oid4vci.keys import thumbprint
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.authorization_response import check_redirect_uri
from oid4vci.records import Insert, Reply
from tests.authorization import (
    AUTHORIZE,
    CLIENT,
    PAR,
    REDIRECT_URI,
    CodeFlow,
    Proving,
    arrived,
    code_flow,
    form,
    scoped_metadata,
    sent_back,
)
from tests.issuance import FORM, IDENTIFIER, NOW, TOKEN, details, refused


@pytest.mark.spec("VCI-5.2-01", "HAIP-4-07", "HAIP-4-01")
def test_the_browser_goes_back_with_a_code_the_state_and_iss() -> None:
    flow = code_flow()
    parameters = arrived(flow.visit(flow.pushed()))
    assert parameters.keys() == {"code"}
    assert len(parameters["code"]) >= 22  # 128 bits


def test_a_request_without_state_gets_none_back() -> None:
    flow = code_flow()
    assert arrived(flow.visit(flow.pushed(state=None)), state=None).keys() == {"code"}


@pytest.mark.spec("VCI-5.3-01")
def test_the_application_may_refuse() -> None:
    flow = code_flow()
    flow.host.refuses = True
    request_uri = flow.pushed()
    sent_back(flow.visit(request_uri), "access_denied")
    refused(flow.visit(request_uri), "invalid_request_uri")
    assert not flow.host.rows


def test_the_application_may_refuse_with_another_error() -> None:
    flow = code_flow()

    def decide(order: AuthorizationOrder) -> Reply:
        return order.refuse(InvalidScope("not for you"))

    flow.host.decide = decide  # type: ignore[method-assign]
    sent_back(flow.visit(flow.pushed()), "invalid_scope")


# --- what was pushed counts ---------------------------------------------------------------------------------------------------


def test_a_request_uri_serves_once() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    arrived(flow.visit(request_uri))
    refused(flow.visit(request_uri), "invalid_request_uri")


def test_a_request_uri_survives_the_visit_that_shows_a_login() -> None:
    flow = code_flow()
    flow.host.waits = True
    request_uri = flow.pushed()
    first, second = flow.visit(request_uri), flow.visit(request_uri)
    assert first.body == second.body == b"log in"
    flow.host.waits = False
    assert "code" in arrived(flow.resume(first.headers.get("x-handle") or ""))
    refused(flow.resume(second.headers.get("x-handle") or ""), "invalid_request_uri")
    refused(flow.visit(request_uri), "invalid_request_uri")


def test_a_request_uri_expires_but_who_came_in_time_may_finish() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    flow.host.waits = True
    handle = flow.visit(request_uri, now=NOW + 89).headers.get("x-handle") or ""
    flow.host.waits = False
    refused(flow.visit(request_uri, now=NOW + 90), "invalid_request_uri")
    assert "code" in arrived(flow.resume(handle, now=NOW + 600))


def test_a_login_that_takes_too_long_is_over() -> None:
    flow = code_flow(login_lifetime=100)
    request_uri = flow.pushed()
    refused(flow.resume(request_uri.rpartition(":")[2], now=NOW + 190), "invalid_request_uri")


def test_a_request_uri_belongs_to_its_client() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    refused(flow.visit(request_uri, client_id="other"), "invalid_request_uri")
    refused(flow.visit(request_uri, client_id=None), "invalid_request_uri")
    arrived(flow.visit(request_uri))


@pytest.mark.parametrize(
    "request_uri",
    [
        "urn:ietf:params:oauth:request_uri:unknown",
        "urn:ietf:params:oauth:request_uri:",
        "https://evil.example/request.jwt",
        "x",
    ],
)
def test_a_request_uri_that_was_not_given_out_is_refused_and_not_fetched(request_uri: str) -> None:
    refused(code_flow().visit(request_uri), "invalid_request_uri")


def test_outer_parameters_are_ignored() -> None:
    flow = code_flow()
    outer: dict[str, Any] = {
        "redirect_uri": "https://evil.example/cb",
        "state": "evil",
        "scope": "card-scope",
        "response_type": "token",
    }
    arrived(flow.visit(flow.pushed(), **outer))
    assert flow.host.requests[-1].configuration_ids == ("note",)


def test_a_client_that_is_gone_meanwhile_is_refused() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    later = code_flow(clients={})
    later.host.commit([Insert(record) for record in flow.host.rows.values()])
    refused(later.visit(request_uri), "unauthorized_client")


# --- requests that are not pushed ---------------------------------------------------------------------------------------------


def test_a_request_that_is_not_pushed_is_served_where_that_is_allowed() -> None:
    flow = code_flow()
    assert "code" in arrived(flow.authorize())
    posted = flow.send(Request("POST", AUTHORIZE, {"content-type": FORM}, form()))
    assert "code" in arrived(posted)


def test_it_waits_for_a_login_as_well() -> None:
    flow = code_flow()
    flow.host.waits = True
    handle = flow.authorize().headers.get("x-handle") or ""
    flow.host.waits = False
    assert "code" in arrived(flow.resume(handle, now=NOW + 599))
    refused(flow.resume(handle), "invalid_request_uri")


def test_its_handle_is_no_request_uri() -> None:
    flow = code_flow()
    flow.host.waits = True
    handle = flow.authorize().headers.get("x-handle") or ""
    refused(flow.visit(f"urn:ietf:params:oauth:request_uri:{handle}"), "invalid_request_uri")


@pytest.mark.spec("HAIP-4-06")
@pytest.mark.parametrize(
    "settings",
    [
        {"server_metadata": {"require_pushed_authorization_requests": True}},
        {"clients": {CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,), require_pushed_authorization_requests=True)}},
    ],
)
def test_where_requests_must_be_pushed_others_are_refused(settings: dict[str, Any]) -> None:
    flow = code_flow(**settings)
    sent_back(flow.authorize(), "invalid_request")
    assert "code" in arrived(flow.visit(flow.pushed()))


# "MUST NOT automatically redirect the user-agent to the invalid redirection URI" -- RFC 6749 4.1.2.1
NOWHERE: dict[str, dict[str, Any]] = {
    "no client": {"client_id": None},
    "an unknown client": {"client_id": "nobody"},
    "no redirect_uri": {"redirect_uri": None},
    "a redirect_uri of somebody else": {"redirect_uri": "https://evil.example/cb"},
    "a redirect_uri that begins alike": {"redirect_uri": REDIRECT_URI + "&next=https://evil.example"},
    "a redirect_uri on a subdomain": {"redirect_uri": "https://wallet.example.evil.example/cb?kept=1"},
    "a script": {"redirect_uri": "javascript:alert(1)"},
    "a redirect_uri with a port": {"redirect_uri": "https://wallet.example:8443/cb?kept=1"},
    "a redirect_uri with http": {"redirect_uri": "http://wallet.example/cb?kept=1"},
}


@pytest.mark.spec("VCI-5.3-01")
@pytest.mark.parametrize("name", NOWHERE)
def test_a_browser_is_sent_nowhere_that_is_not_registered(name: str) -> None:
    for also in ({}, {"response_type": "token"}, {"scope": "unknown"}):
        response = code_flow().authorize(**{**NOWHERE[name], **also})
        refused(response, "invalid_request")
        assert "location" not in response.headers


BACK: dict[str, tuple[dict[str, Any], str]] = {
    "another response_type": ({"response_type": "id_token"}, "unsupported_response_type"),
    "no response_type": ({"response_type": None}, "invalid_request"),
    "no PKCE": ({"code_challenge": None}, "invalid_request"),
    "plain PKCE": ({"code_challenge_method": "plain"}, "invalid_request"),
    "unknown scopes only": ({"scope": "openid"}, "invalid_scope"),
    "a foreign resource": ({"resource": "https://other.example"}, "invalid_target"),
    "an unknown configuration": ({"authorization_details": details("x")}, "invalid_authorization_details"),
    "a request object": ({"request": "e30"}, "request_not_supported"),
}


@pytest.mark.spec("VCI-5.3-01")
@pytest.mark.parametrize("name", BACK)
def test_other_errors_go_to_the_redirect_uri(name: str) -> None:
    parameters, error = BACK[name]
    flow = code_flow()
    sent_back(flow.authorize(**parameters), error)
    assert not flow.host.rows


def test_other_methods_are_refused() -> None:
    for method in ("PUT", "HEAD", "DELETE"):
        response = code_flow().send(Request(method, f"{AUTHORIZE}?{form().decode()}"))
        assert response.status == 405
        assert response.headers.get("allow") == "GET, POST"


@given(st.text(max_size=200))
def test_arbitrary_queries_are_answered_with_an_error(query: str) -> None:
    response = code_flow().send(Request("GET", f"{AUTHORIZE}?{query}"))
    assert response.status == 400
    assert "location" not in response.headers


@given(st.text(max_size=60))
def test_any_redirect_uri_that_is_not_registered_leads_nowhere(uri: str) -> None:
    response = code_flow().authorize(redirect_uri=uri)
    assert (response.status, "location" in response.headers) == (400, False)


# --- redirect URIs ------------------------------------------------------------------------------------------------------------

LOOPBACK = "http://127.0.0.1/cb?a=1"


def test_a_loopback_redirect_uri_may_have_any_port() -> None:
    flow = code_flow(clients={CLIENT: ClientMetadata(redirect_uris=(LOOPBACK, "http://[::1]:80/x"))})
    for uri in ("http://127.0.0.1:51234/cb?a=1", LOOPBACK):
        assert "code" in arrived(flow.authorize(redirect_uri=uri), redirect_uri=uri)
    assert "code" in arrived(flow.authorize(redirect_uri="http://[::1]:9/x"), redirect_uri="http://[::1]:9/x")
    for uri in (
        "http://127.0.0.1:1/other?a=1",
        "http://127.0.0.2:1/cb?a=1",
        "https://127.0.0.1:1/cb?a=1",
        "http://localhost:1/cb?a=1",
    ):
        refused(flow.authorize(redirect_uri=uri), "invalid_request")


@pytest.mark.parametrize(
    "uri",
    [
        "https://wallet.example/cb",
        "com.example.wallet:/cb",
        "eudi-wallet://cb?a=b",
        "http://127.0.0.1:8080/cb",
        "http://[::1]/cb",
    ],
)
def test_redirect_uris_that_may_be_registered(uri: str) -> None:
    check_redirect_uri(uri)
    code_flow(clients={CLIENT: ClientMetadata(redirect_uris=(uri,))})


@pytest.mark.parametrize(
    "uri",
    [
        "/cb",
        "wallet.example/cb",
        "https:",
        "https:///cb",
        "https://user@wallet.example/cb",
        "https://wallet.example/cb#f",
        "http://wallet.example/cb",
        "http://localhost/cb",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://wallet.example/ cb",
        "https://wallet.example/c\nb",
        "https://[wallet.example/cb",
        "https://w\u00e4llet.example/cb",
        "1https://wallet.example/cb",
    ],
)
def test_redirect_uris_that_may_not(uri: str) -> None:
    with pytest.raises(ValueError, match="redirect"):
        code_flow(clients={CLIENT: ClientMetadata(redirect_uris=(uri,))})


# --- what is asked for --------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-5.1.3-01", "VCI-5.1.3-02")
def test_issuer_state_reaches_the_application_as_something_that_anybody_may_have_sent() -> None:
    flow = code_flow()
    flow.visit(flow.pushed(issuer_state="forged"))
    order = flow.host.requests[-1]
    assert order.issuer_state == "forged"
    flow.visit(flow.pushed())
    assert flow.host.requests[-1].issuer_state is None
    assert "proves nothing" in (AuthorizationOrder.issuer_state.__doc__ or "")
    assert "forged" not in repr(order)
    # No row but the grant came of it, and the grant does not know it.
    assert all("forged" not in str(record.data) for record in flow.host.rows.values())


@pytest.mark.spec("VCI-5.1.2-08", "VCI-5.1.2-11", "VCI-5.1.2-12", "HAIP-4.3-03")
def test_scopes_and_details_are_read_one_by_one_and_details_win() -> None:
    flow = code_flow()
    wanted = details("note", claims=[{"path": ["name"]}])
    flow.visit(flow.pushed(scope="note-scope card-scope pair", authorization_details=wanted))
    order = flow.host.requests[-1]
    assert order.configuration_ids == ("note", "card", "left", "right")
    assert [detail.credential_configuration_id for detail in order.details] == ["note"]
    assert order.details[0].claims is not None


@pytest.mark.spec("VCI-5.1.2-08")
def test_the_application_may_grant_less_and_choose_datasets() -> None:
    flow = code_flow()
    flow.host.approval = {"configuration_ids": ["card"], "datasets": {"card": ["red", "blue"]}, "note": {"case": 7}}
    response = flow.exchange(flow.code(scope="note-scope card-scope"))
    body = response.json()
    assert body["scope"] == "card-scope"
    assert body["authorization_details"] == [
        {"type": "openid_credential", "credential_configuration_id": "card", "credential_identifiers": ["red", "blue"]}
    ]
    token = body["access_token"]
    assert flow.credential(token, {"credential_identifier": "red"}).status == 200
    refused(flow.credential(token, {"credential_configuration_id": "note"}), "invalid_credential_request")


def test_more_than_was_asked_for_cannot_be_granted() -> None:
    flow = code_flow()
    approvals: list[dict[str, Any]] = [
        {"configuration_ids": ["card"]},
        {"configuration_ids": []},
        {"datasets": {"card": ["a"]}},
        {"datasets": {"note": []}},
    ]
    for approval in approvals:
        flow.host.approval = approval
        with pytest.raises(ValueError, match=r"approved|configuration_ids|datasets"):
            flow.visit(flow.pushed())


@pytest.mark.spec("VCI-12.2.4-87")
def test_the_order_says_what_credentials_will_tell() -> None:
    flow = code_flow()
    flow.visit(flow.pushed(scope="pair"))
    order = flow.host.requests[-1]
    assert order.configurations == {
        name: flow.issuer.metadata.credential_configurations_supported[name] for name in ("left", "right")
    }
    assert order.configurations["left"].scope == "pair"


def test_the_order_says_who_asks() -> None:
    flow, proving = code_flow(), Proving()
    flow.visit(flow.pushed(headers={"dpop": proving(PAR)}))
    order = flow.host.requests[-1]
    assert (order.client_id, order.credential_issuer) == (CLIENT, IDENTIFIER)
    assert order.request.jkt == thumbprint(proving.signer.public_jwk)
    assert order.client.redirect_uris == (REDIRECT_URI,)


def test_no_secret_shows_in_the_repr_of_a_stage() -> None:
    flow = code_flow()
    flow.host.waits = True
    request_uri = flow.pushed(state="secret-state")
    handle = request_uri.rpartition(":")[2]
    call = flow.server.read(Request("GET", f"{AUTHORIZE}?client_id={CLIENT}&request_uri={request_uri}"))
    order = call.verify(flow.host.load(call.lookups), keys={}, now=NOW)
    assert isinstance(order, AuthorizationOrder)
    texts = repr([call, order, order.pending(), flow.server.resume(handle), order.approve("ada")])
    code = dict(
        part.split("=") for part in urlsplit(order.approve("ada").response.headers.get("location") or "").query.split("&")
    )
    assert all(secret not in texts for secret in (handle, "secret-state", code["code"]))


def test_two_decisions_at_once_give_one_code() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    call = flow.server.resume(request_uri.rpartition(":")[2])
    snapshot = flow.host.load(call.lookups)
    replies = []
    for _ in range(2):
        order = call.verify(snapshot, now=NOW)
        replies.append(order.approve("ada"))
    assert [flow.host.commit(reply.changes) for reply in replies] == [True, False]


def test_the_code_is_worth_nothing_at_another_server() -> None:
    flow, another = code_flow(), code_flow()
    refused(another.exchange(flow.code()), "invalid_grant")
    refused(
        another.send(Request("POST", TOKEN, {"content-type": FORM}, b"grant_type=authorization_code&client_id=wallet")),
        "invalid_request",
    )


# --- what is kept, and whose it is ------------------------------------------------------------------------------------------------


def test_servers_that_share_a_store_do_not_share_requests() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    handle = request_uri.rpartition(":")[2]
    base = "https://another.example"
    another = evolve(flow, server=AuthorizationServer.at(base, **another_server(flow)))
    for answered in (
        another.send(Request("GET", f"{base}/authorize?client_id={CLIENT}&request_uri={request_uri}")),
        another.resume(handle),
    ):
        refused(answered, "invalid_request_uri")
    assert "code" in arrived(flow.visit(request_uri))


def another_server(flow: CodeFlow) -> dict[str, Any]:
    return {
        "access_tokens": flow.server.access_tokens,
        "authorization_codes": flow.server.authorization_codes,
        "credential_issuers": flow.server.credential_issuers,
        "clients": flow.server.clients,
    }


def test_a_request_for_a_credential_issuer_that_is_gone_is_over() -> None:
    flow = code_flow()
    request_uri = flow.pushed()
    elsewhere = scoped_metadata(credential_issuer="https://new.example", credential_endpoint="https://new.example/credential")
    later = evolve(flow, server=evolve(flow.server, credential_issuers=(elsewhere,)))
    refused(later.visit(request_uri), "invalid_request_uri")


def test_who_never_came_cannot_come_late_by_the_handle() -> None:
    flow = code_flow()
    handle = flow.pushed().rpartition(":")[2]
    refused(flow.resume(handle, now=NOW + 91), "invalid_request_uri")
    assert "code" in arrived(flow.resume(handle, now=NOW + 89))


def test_a_state_that_is_too_long_is_not_sent_back() -> None:
    response = code_flow().authorize(state="s" * 3000)
    refused(response, "invalid_request")
    assert "location" not in response.headers


@pytest.mark.spec("HAIP-4.3-02")
def test_a_server_may_want_a_scope() -> None:
    flow = code_flow(scope_required=True)
    by_details: dict[str, Any] = {"scope": None, "authorization_details": details("note")}
    refused(flow.push(**by_details), "invalid_scope")
    sent_back(flow.authorize(**by_details), "invalid_scope")
    refused(flow.push(scope="unknown", authorization_details=details("note")), "invalid_scope")
    assert flow.push(authorization_details=details("note")).status == 201


@pytest.mark.parametrize("port", ["\u0663", "\u00b2", "999999", "8a", ""])
def test_the_port_of_a_loopback_address_is_a_port(port: str) -> None:
    flow = code_flow(clients={CLIENT: ClientMetadata(redirect_uris=(LOOPBACK,))})
    refused(flow.authorize(redirect_uri=f"http://127.0.0.1:{port}/cb?a=1"), "invalid_request")


@pytest.mark.parametrize("name", ["state", "client_id", "request_uri", "scope"])
def test_half_a_surrogate_pair_is_refused(name: str) -> None:
    refused(code_flow().send(Request("GET", f"{AUTHORIZE}?{form().decode()}&{name}x=\udc80")), "invalid_request")
