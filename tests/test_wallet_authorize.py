"""The Wallet's Authorization Request: pushed or plain, what it asks for, and when it is not made (OID4VCI 5.1, HAIP 4)."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose, _json
from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import AttestationExpired, InvalidMetadata, InvalidResponse, Refused, TryLater, Untrusted
from oid4vci.http import Request, Response
from oid4vci.keys import thumbprint
from oid4vci.oauth.pkce import check_verifier
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, ClientAuthentication, Exchange, Offer, dump, load
from tests.scripted_authorization import (
    AUTHORIZE,
    HAIP,
    PAR,
    REDIRECT,
    REQUEST_URI,
    authorizing,
    code_metadata,
    code_offer,
    code_server,
    opened_for_code,
    parameters_of,
    push,
    pushed,
    response,
)
from tests.scripted_server import ISSUER, METADATA_URL, NOW, SERVER_URL, TOKEN, error, metadata, ok, opened, wallet
from tests.wallet_clients import ASSERTION, CLIENT, DPOP, attestation, pop, proof, remote, sign

AS = "https://issuer.example/as"
AS_URL = "https://issuer.example/.well-known/oauth-authorization-server/as"


def details_of(parameters: dict[str, str]) -> Any:
    return _json.loads(parameters["authorization_details"])


@pytest.mark.spec("VCI-5.1-01", "VCI-5.1.4-01", "HAIP-4-01", "HAIP-4-05", "HAIP-4-06", "HAIP-4.2-01", "HAIP-4.2-03")
def test_the_request_is_pushed_and_the_browser_carries_its_uri_alone() -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"))
    (request,) = server.to(PAR)
    assert (request.method, request.media_type) == ("POST", "application/x-www-form-urlencoded")
    parameters = pushed(server)
    assert parameters == {
        "response_type": "code",
        "client_id": "wallet",
        "redirect_uri": REDIRECT,
        "state": pending.state,
        "code_challenge": parameters["code_challenge"],
        "code_challenge_method": "S256",
        "scope": "pid",
    }
    check_verifier(pending.code_verifier, parameters["code_challenge"])
    assert pending.url.startswith(f"{AUTHORIZE}?")
    assert parameters_of(pending.url) == {"client_id": "wallet", "request_uri": REQUEST_URI}
    assert (pending.configuration_ids, pending.authorization_details, pending.expires_in) == (("pid",), (), 60)


@pytest.mark.spec("VCI-15.4.3-01")
def test_verifier_and_state_are_fresh_for_every_request() -> None:
    server = code_server()
    offer = opened_for_code(server, code_offer("pid"))
    several = [run(offer.authorize(redirect_uri=REDIRECT), server) for _ in range(3)]
    assert len({pending.state for pending in several}) == len({pending.code_verifier for pending in several}) == 3
    for pending in several:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43,128}", pending.state)
        assert pending.state != pending.code_verifier


def test_they_come_from_the_settings_source_of_randomness() -> None:
    drawn: list[int] = []

    def draw(size: int) -> bytes:
        drawn.append(size)
        return bytes([len(drawn)]) * size

    pending = authorizing(code_server(), code_offer("pid"), {"new_secret": draw})
    assert min(drawn) >= 32
    assert {pending.state[:4], pending.code_verifier[:4]} == {"AQEB", "AgIC"}


@pytest.mark.spec("VCI-5.1-01", "HAIP-4-05")
@pytest.mark.parametrize(
    ("endpoint", "before"),
    [
        (AUTHORIZE, {}),
        (f"{AUTHORIZE}?lang=de&x=%20", {"lang": "de", "x": " "}),
        (f"{AUTHORIZE}?", {}),
        (f"{AUTHORIZE}?a=&", {"a": ""}),
    ],
)
def test_a_server_that_takes_no_pushed_requests_gets_a_plain_one(endpoint: str, before: dict[str, str]) -> None:
    server = code_server(pushed_authorization_request_endpoint=None, authorization_endpoint=endpoint)
    pending = opened_for_code(server, code_offer("pid", issuer_state="s")).authorize(redirect_uri=REDIRECT)
    assert isinstance(pending, Authorizing)
    assert pending.url.startswith(endpoint)
    parameters = parameters_of(pending.url)
    challenge = parameters["code_challenge"]
    check_verifier(pending.code_verifier, challenge)
    assert parameters == {
        **before,
        "client_id": "wallet",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "state": pending.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "scope": "pid",
        "issuer_state": "s",
    }
    assert pending.expires_in is None
    assert server.urls == [METADATA_URL, SERVER_URL]


@pytest.mark.parametrize("endpoint", [f"{AUTHORIZE}?lang=de", f"{AUTHORIZE}?lang=de&"])
def test_a_pushed_request_keeps_the_query_of_the_endpoint_too(endpoint: str) -> None:
    pending = authorizing(code_server(authorization_endpoint=endpoint), code_offer("pid"))
    assert parameters_of(pending.url) == {"lang": "de", "client_id": "wallet", "request_uri": REQUEST_URI}


@pytest.mark.parametrize("name", ["client_id", "request_uri", "state", "%73cope", "response_mode"])
def test_the_endpoint_has_no_parameters_of_the_request(name: str) -> None:
    server = code_server(authorization_endpoint=f"{AUTHORIZE}?{name}=x")
    with pytest.raises(InvalidMetadata):
        authorizing(server, code_offer("pid"))
    assert not server.to(PAR)


def test_nor_does_the_application_repeat_what_it_has() -> None:
    offer = opened_for_code(code_server(authorization_endpoint=f"{AUTHORIZE}?lang=de"), code_offer("pid"))
    with pytest.raises(ValueError, match="extra"):
        offer.authorize(redirect_uri=REDIRECT, extra={"lang": "fr"})


@pytest.mark.spec("VCI-4.1.1-06", "VCI-4.1.1-13")
@pytest.mark.parametrize("state", ["abc", "a b&c=d#+%20", "\u00e4\u2603", "x" * 16_384])
def test_the_issuer_state_of_the_offer_goes_unchanged_into_the_request(state: str) -> None:
    server = code_server()
    authorizing(server, code_offer("pid", issuer_state=state))
    assert pushed(server)["issuer_state"] == state


@pytest.mark.spec("VCI-5.1.2-02", "VCI-5.1.2-07", "HAIP-4.2-03")
def test_scope_values_come_from_the_metadata_each_once() -> None:
    published = metadata()["credential_configurations_supported"]
    configurations = {
        "a": {**published["pid"], "scope": "first"},
        "b": {**published["pid"], "scope": "second"},
        "c": {**published["pid"], "scope": "first"},
    }
    server = code_server(issuer={"credential_configurations_supported": configurations})
    authorizing(server, code_offer("a", "b", "c"))
    assert pushed(server)["scope"] == "first second"
    assert "authorization_details" not in pushed(server)


@pytest.mark.spec("VCI-5.1-02", "VCI-5.1.1-02", "VCI-5.1.1-03", "VCI-5.1.1-04", "VCI-5.1.1-05")
def test_details_are_used_where_a_configuration_has_no_scope() -> None:
    server = code_server()
    pending = authorizing(server)
    assert details_of(pushed(server)) == [
        {"type": "openid_credential", "credential_configuration_id": "pid"},
        {"type": "openid_credential", "credential_configuration_id": "ticket"},
    ]
    assert "scope" not in pushed(server)
    assert pending.configuration_ids == ("pid", "ticket")


@pytest.mark.spec("VCI-5.1-02", "VCI-12.2.4-52")
@pytest.mark.parametrize("types", [None, [], ["other"]])
def test_without_scope_and_without_details_there_is_no_way_to_ask(types: Any) -> None:
    server = code_server(authorization_details_types_supported=types)
    offer = opened_for_code(server)
    with pytest.raises(InvalidMetadata, match="no scope"):
        offer.authorize(redirect_uri=REDIRECT)
    run(offer.authorize(redirect_uri=REDIRECT, configuration_ids=["pid"]), server)
    assert pushed(server)["scope"] == "pid"


@pytest.mark.parametrize("types", [[], ["other"]])
def test_details_are_not_sent_to_a_server_that_says_it_does_not_take_them(types: list[str]) -> None:
    offer = opened_for_code(code_server(authorization_details_types_supported=types))
    wanted = {"pid": [ClaimsDescription(path=("name",))]}
    for arguments in ({"using": "authorization_details"}, {"claims": wanted}):
        with pytest.raises(ValueError, match="takes no authorization_details"):
            offer.authorize(redirect_uri=REDIRECT, configuration_ids=["pid"], **arguments)


def test_details_can_be_wanted_from_a_server_that_does_not_say() -> None:
    server = code_server(authorization_details_types_supported=None)
    authorizing(server, code_offer("pid"), using="authorization_details")
    assert [each["credential_configuration_id"] for each in details_of(pushed(server))] == ["pid"]


def test_a_scope_that_is_not_there_cannot_be_wanted() -> None:
    with pytest.raises(ValueError, match="no scope value that asks for ticket"):
        opened_for_code(code_server()).authorize(redirect_uri=REDIRECT, using="scope")


@pytest.mark.spec("HAIP-4.3-02")
def test_a_wallet_may_ask_by_scope_only() -> None:
    server, settings = code_server(), {"authorization_details": False}
    pending = authorizing(server, code_offer("pid"), settings)
    assert pushed(server)["scope"] == "pid"
    assert "authorization_details" not in pushed(server)
    for arguments in ({"configuration_ids": ["pid"]}, {"configuration_ids": ["pid"], "using": "scope"}):
        run(opened_for_code(server, **settings).authorize(redirect_uri=REDIRECT, **arguments), server)
    wanted: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "no scope value that asks for ticket"),
        ({"configuration_ids": ["pid"], "using": "authorization_details"}, "asks by scope only"),
        ({"configuration_ids": ["pid"], "claims": {"pid": [ClaimsDescription(path=("name",))]}}, "claims"),
    )
    asked = len(server.requests)
    for arguments, message in wanted:
        with pytest.raises(ValueError, match=message):
            opened_for_code(code_server(), **settings).authorize(redirect_uri=REDIRECT, **arguments)
    with pytest.raises(ValueError, match="asks by scope only"):
        pending.callback(response(pending), configuration_ids=["pid"])
    with pytest.raises(ValueError, match="asks by scope only"):
        opened(code_server(grant_types_supported=[PRE_AUTHORIZED_CODE]), **settings).redeem(configuration_ids=["pid"])
    assert len(server.requests) == asked
    detailed = authorizing(code_server(), code_offer("pid"), using="authorization_details")
    with pytest.raises(ValueError, match="asks by scope only"):
        load(dump(detailed), wallet(**settings))


@pytest.mark.parametrize("scope", ["openid", "pid openid", "pid\topenid", 'p"d', "p\u00efd", "x" * 1001])
def test_openid_is_never_asked_for(scope: str) -> None:
    """Scope values come from the issuer, and only one value is a value that asks for a Credential."""
    published = metadata()["credential_configurations_supported"]
    configurations = {**published, "pid": {**published["pid"], "scope": scope}}
    server = code_server(issuer={"credential_configurations_supported": configurations})
    authorizing(server, code_offer("pid"))
    assert "scope" not in pushed(server)
    assert details_of(pushed(server))[0]["credential_configuration_id"] == "pid"


@pytest.mark.parametrize("scope", ["openid", "offline_access openid", "", "a  b", 'a"b', "a\nb"])
def test_nor_does_the_application_ask_for_it(scope: str) -> None:
    with pytest.raises(ValueError, match=r"scope|openid"):
        opened_for_code(code_server(), code_offer("pid")).authorize(redirect_uri=REDIRECT, scope=scope)


@pytest.mark.spec("VCI-5.1.2-04")
def test_further_scope_values_are_sent_along() -> None:
    server = code_server()
    authorizing(server, code_offer("pid"), scope="offline_access pid")
    assert pushed(server)["scope"] == "pid offline_access"
    other = code_server()
    authorizing(other, scope="offline_access")
    assert pushed(other)["scope"] == "offline_access"
    assert len(details_of(pushed(other))) == 2


@pytest.mark.spec("VCI-5.1.1-09", "VCI-5.1.2-10")
@pytest.mark.parametrize("servers", [[ISSUER], [ISSUER, AS], None])
def test_the_issuer_is_named_where_the_server_may_serve_several(servers: list[str] | None) -> None:
    by_details, by_scope = (code_server(issuer={"authorization_servers": servers}) for _ in range(2))
    authorizing(by_details)
    assert [each.get("locations") for each in details_of(pushed(by_details))] == [None if servers is None else [ISSUER]] * 2
    assert "resource" not in pushed(by_details)
    authorizing(by_scope, code_offer("pid"))
    assert pushed(by_scope).get("resource") == (None if servers is None else ISSUER)


def test_a_malicious_issuer_gets_no_token_for_the_issuers_of_a_server_that_it_names() -> None:
    """The request says for whom the token is (OID4VCI 5.1.1, 5.1.2), and nothing in offer or metadata takes that away."""
    honest = "https://issuer.example/honest"
    malicious = {"authorization_servers": [AS], "resource": honest, "locations": [honest]}
    for document in (code_offer("pid", resource=honest, locations=[honest]), code_offer(resource=honest)):
        server = code_server(issuer=malicious, answers={AS_URL: ok(code_metadata(AS))})
        pending = authorizing(server, document, dpop=DPOP, now=NOW)
        parameters = pushed(server)
        named = (
            [parameters["resource"]]
            if "resource" in parameters
            else [x for e in details_of(parameters) for x in e["locations"]]
        )
        assert set(named) == {ISSUER}
        assert honest not in str(parameters)
        assert pending.opened.server.issuer == AS
        with pytest.raises(ValueError, match="extra"):
            opened_for_code(server, document).authorize(redirect_uri=REDIRECT, extra={"resource": honest})


@pytest.mark.spec("VCI-5.1.1-06")
def test_claims_are_asked_for_by_details() -> None:
    server = code_server()
    claims = {"pid": [ClaimsDescription(path=("name",), mandatory=True), ClaimsDescription(path=("degrees", None, "type"))]}
    pending = authorizing(server, claims=claims)
    assert details_of(pushed(server)) == [
        {
            "type": "openid_credential",
            "credential_configuration_id": "pid",
            "claims": [{"path": ["name"], "mandatory": True}, {"path": ["degrees", None, "type"]}],
        },
        {"type": "openid_credential", "credential_configuration_id": "ticket"},
    ]
    assert pending.authorization_details[0].claims == tuple(claims["pid"])


@pytest.mark.spec("VCI-5.1.1-06")
@pytest.mark.parametrize(
    "claims",
    [
        {"pid": []},
        {"ticket": [ClaimsDescription(path=("a",))]},
        {"pid": [ClaimsDescription(path=("a",)), ClaimsDescription(path=("a",))]},
        {"pid": [ClaimsDescription(path=("a", 0)), ClaimsDescription(path=("a", "b"))]},
        {"pid": [{"path": ["a"]}]},
    ],
)
def test_claims_that_cannot_be_asked_for(claims: Any) -> None:
    offer = opened_for_code(code_server())
    with pytest.raises(ValueError, match="claims"):
        offer.authorize(redirect_uri=REDIRECT, configuration_ids=["pid"], claims=claims)


def test_claims_are_not_asked_for_by_scope() -> None:
    with pytest.raises(ValueError, match="claims"):
        opened_for_code(code_server(), code_offer("pid")).authorize(
            redirect_uri=REDIRECT, using="scope", claims={"pid": [ClaimsDescription(path=("a",))]}
        )


@pytest.mark.spec("VCI-5.1.3-03")
@pytest.mark.parametrize("par", [PAR, None])
def test_further_parameters_are_sent_along(par: str | None) -> None:
    server = code_server(pushed_authorization_request_endpoint=par)
    pending = authorizing(server, code_offer("pid"), extra={"ui_locales": "de", "x": "a&b"})
    parameters = pushed(server) if par else parameters_of(pending.url)
    assert (parameters["ui_locales"], parameters["x"]) == ("de", "a&b")


@pytest.mark.parametrize(
    "name",
    [
        *("response_type", "response_mode", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"),
        *("scope", "authorization_details", "resource", "issuer_state", "dpop_jkt", "request", "request_uri"),
        *("client_assertion", "client_assertion_type", "client_secret"),
    ],
)
def test_but_none_that_is_decided_here(name: str) -> None:
    with pytest.raises(ValueError, match="extra"):
        opened_for_code(code_server(), code_offer("pid")).authorize(redirect_uri=REDIRECT, extra={name: "x"})


@pytest.mark.spec("HAIP-4-01")
@pytest.mark.parametrize(
    "members",
    [
        {"grant_types_supported": ["x"]},
        {"response_types_supported": ["token", "code id_token"]},
        {"response_types_supported": []},
        {"response_modes_supported": ["fragment", "form_post"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": []},
        {"authorization_endpoint": None},
        {"pushed_authorization_request_endpoint": None, "require_pushed_authorization_requests": True},
        {"require_signed_request_object": True},
    ],
)
def test_a_server_that_cannot_do_this_gets_no_request(members: dict[str, Any]) -> None:
    server = code_server(**members)
    offer = run(Offer.of(ISSUER, "pid").open(wallet()), server)
    asked = len(server.requests)
    with pytest.raises(InvalidMetadata):
        offer.authorize(redirect_uri=REDIRECT)
    assert len(server.requests) == asked


@pytest.mark.parametrize(
    "silent",
    [
        {"grant_types_supported": None},
        {"response_types_supported": None},
        {"code_challenge_methods_supported": None},
        {"require_pushed_authorization_requests": True},
        {"require_pushed_authorization_requests": False, "response_modes_supported": ["query"]},
    ],
)
def test_a_server_that_does_not_say_what_it_supports_is_asked(silent: dict[str, Any]) -> None:
    server = code_server(**silent)
    authorizing(server, code_offer("pid"))
    assert pushed(server)["code_challenge_method"] == "S256"


@pytest.mark.spec("HAIP-4-06")
def test_a_wallet_may_make_no_plain_requests() -> None:
    offer = opened_for_code(code_server(pushed_authorization_request_endpoint=None), code_offer("pid"), plain_requests=False)
    with pytest.raises(InvalidMetadata, match="pushed"):
        offer.authorize(redirect_uri=REDIRECT)


@pytest.mark.parametrize("announced", [None, False])
@pytest.mark.parametrize("endpoint", ["https://elsewhere.example/authorize", "https://issuer.example:8443/authorize"])
def test_an_endpoint_of_another_server_is_refused_where_responses_do_not_say_whose_they_are(
    endpoint: str, announced: bool | None
) -> None:
    """A mix-up: the honest server's endpoint in the attacker's metadata, whose token endpoint gets the code (RFC 9700 4.4)."""
    silent: dict[str, Any] = {"authorization_endpoint": endpoint, "authorization_response_iss_parameter_supported": announced}
    everybody = Trust(allow=lambda url: True)
    for par in (PAR, None):
        server = code_server(pushed_authorization_request_endpoint=par, **silent)
        with pytest.raises(InvalidMetadata, match="another origin"):
            authorizing(server, code_offer("pid"), {"trust": everybody})
        assert server.urls == [METADATA_URL, SERVER_URL]
    # Where a response must have iss it says whose it is.
    for members, settings in (
        ({"authorization_response_iss_parameter_supported": True}, {}),
        ({}, {"responses_without_iss": False}),
        ({"authorization_endpoint": "https://ISSUER.example:443/authorize"}, {}),
    ):
        server = code_server(**{**silent, **members})
        assert authorizing(server, code_offer("pid"), {"trust": everybody, **settings}).url


def test_nor_is_it_taken_back_from_a_store() -> None:
    elsewhere = code_server(authorization_endpoint="https://elsewhere.example/authorize")
    everybody = Trust(allow=lambda url: True)
    pending = authorizing(elsewhere, code_offer("pid"), {"trust": everybody})
    server = evolve(pending.opened.server, authorization_response_iss_parameter_supported=None)
    with pytest.raises(ValueError, match="another origin"):
        load(dump(evolve(pending, opened=evolve(pending.opened, server=server))), wallet(trust=everybody))


ELSEWHERE = "https://elsewhere.example/x"


@pytest.mark.parametrize(
    ("member", "par"),
    [("authorization_endpoint", PAR), ("authorization_endpoint", None), ("pushed_authorization_request_endpoint", PAR)],
)
def test_every_endpoint_needs_trust(member: str, par: str | None) -> None:
    members: dict[str, Any] = {"pushed_authorization_request_endpoint": par, member: ELSEWHERE}
    server = code_server(**members)
    with pytest.raises(Untrusted):
        authorizing(server, code_offer("pid"))
    assert server.urls == [METADATA_URL, SERVER_URL]
    server.answers[ELSEWHERE] = push
    trust = Trust(
        allow=lambda url: url.startswith("https://issuer.example/") or url in (TOKEN, ELSEWHERE) or "credentials." in url
    )
    assert authorizing(server, code_offer("pid"), {"trust": trust}).url.startswith(
        f"{ELSEWHERE if 'push' not in member else AUTHORIZE}?"
    )


def pushed_answer(members: Any, status: int = 201, content_type: str = "application/json") -> Response:
    return Response(status, {"content-type": content_type}, _json.dump_bytes(members))


GOOD = {"request_uri": REQUEST_URI, "expires_in": 60}


@pytest.mark.parametrize(
    "answer",
    [
        pushed_answer(GOOD, 200),
        pushed_answer(GOOD, 202),
        Response(302, {"location": AUTHORIZE}),
        pushed_answer(GOOD, content_type="text/html"),
        pushed_answer([GOOD]),
        pushed_answer({}),
        pushed_answer({"request_uri": REQUEST_URI}),
        pushed_answer({"expires_in": 60}),
        *(pushed_answer({**GOOD, "expires_in": seconds}) for seconds in (0, -1, "60", True, 1.5, None)),
        *(
            pushed_answer({**GOOD, "request_uri": uri})
            for uri in ("", "abc", "urn:", "urn:a b", "urn:\u00e4", "urn:a\n", 1, None, [REQUEST_URI])
        ),
        pushed_answer({**GOOD, "request_uri": "urn:" + "x" * 5000}),
        Response(201, {"content-type": "application/json"}, b'{"expires_in":1,' + _json.dump_bytes(GOOD)[1:]),
        Response(201, {"content-type": "application/json"}, b" " * (1 << 20) + _json.dump_bytes(GOOD)),
        Response(201, {"content-type": "application/json"}, b"{"),
    ],
)
def test_an_answer_that_is_none_ends_the_flow(answer: Response) -> None:
    server = code_server(answers={PAR: answer})
    with pytest.raises(InvalidResponse):
        authorizing(server, code_offer("pid"))
    assert len(server.to(PAR)) == 1


@pytest.mark.parametrize("code", ["invalid_request", "invalid_client", "invalid_scope", "unauthorized_client"])
def test_a_refused_request_says_why(code: str) -> None:
    with pytest.raises(Refused) as caught:
        authorizing(code_server(answers={PAR: error(code)}), code_offer("pid"))
    assert (caught.value.error, caught.value.status) == (code, 400)


def test_a_server_in_trouble_can_be_asked_again() -> None:
    server = code_server(answers={PAR: [Response(503, {"retry-after": "3"}), push]})
    step = opened_for_code(server, code_offer("pid")).authorize(redirect_uri=REDIRECT)
    assert isinstance(step, Exchange)
    with pytest.raises(TryLater) as caught:
        run(step, server)
    assert caught.value.retry_after == 3
    assert run(step, server).expires_in == 60


@pytest.mark.spec("HAIP-4.3-01", "HAIP-4.4.1-10", "HAIP-4.4.1-11")
def test_the_client_authenticates_and_proves_its_key_in_the_pushed_request() -> None:
    server = code_server(token_endpoint_auth_methods_supported=["attest_jwt_client_auth"])
    pending = authorizing(server, code_offer("pid"), HAIP, authentication=attestation(), dpop=DPOP, now=NOW)
    (request,) = server.to(PAR)
    assert (pop(request)["aud"], proof(request)["htu"]) == (ISSUER, PAR.partition("?")[0])
    assert pushed(server)["client_id"] == CLIENT
    assert parameters_of(pending.url) == {"client_id": CLIENT, "request_uri": REQUEST_URI}


def test_a_client_assertion_goes_into_the_pushed_request_and_not_into_the_url() -> None:
    server = code_server(token_endpoint_auth_methods_supported=["private_key_jwt"])
    pending = authorizing(server, code_offer("pid"), authentication=ASSERTION, now=NOW)
    assert _jose.parse(pushed(server)["client_assertion"]).claims()["aud"] == ISSUER
    assert parameters_of(pending.url).keys() == {"client_id", "request_uri"}


def test_nothing_is_signed_for_a_plain_request_that_names_the_key_of_the_token() -> None:
    server = code_server(pushed_authorization_request_endpoint=None)
    pending = authorizing(server, code_offer("pid"), authentication=ASSERTION, dpop=DPOP, now=NOW)
    parameters = parameters_of(pending.url)
    assert parameters["dpop_jkt"] == thumbprint(DPOP.public_jwk)
    assert not any("assertion" in name for name in parameters)


@pytest.mark.parametrize(
    ("members", "authentication", "now", "raised", "message"),
    [
        ({}, attestation(authorization_server="https://other.example"), NOW, ValueError, "another Authorization Server"),
        ({"token_endpoint_auth_methods_supported": ["none"]}, ASSERTION, NOW, ValueError, "this server does not take"),
        ({"token_endpoint_auth_signing_alg_values_supported": ["RS256"]}, ASSERTION, NOW, ValueError, "RS256"),
        ({}, attestation(lifetime=60), NOW + 60, AttestationExpired, "expired"),
        ({}, ASSERTION, None, ValueError, "now is needed"),
    ],
)
@pytest.mark.parametrize("par", [PAR, None])
def test_nobody_is_sent_away_by_a_client_that_could_not_authenticate_afterwards(
    par: str | None,
    members: dict[str, Any],
    authentication: ClientAuthentication,
    now: int | None,
    raised: type[Exception],
    message: str,
) -> None:
    offer = opened_for_code(code_server(pushed_authorization_request_endpoint=par, **members), code_offer("pid"))
    with pytest.raises(raised, match=message):
        offer.authorize(redirect_uri=REDIRECT, now=now, authentication=authentication)


def test_a_nonce_that_the_server_wants_is_sent_with_a_new_proof() -> None:
    wants = Response.of_json(400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "n-1"})
    server = code_server(answers={PAR: [wants, push]})
    pending = authorizing(server, code_offer("pid"), dpop=DPOP, now=NOW)
    first, second = (_jose.parse(request.headers.get("dpop") or "").claims() for request in server.to(PAR))
    assert ("nonce" in first, second["nonce"]) == (False, "n-1")
    assert first["jti"] != second["jti"]
    bodies = {request.body for request in server.to(PAR)}
    assert len(bodies) == 1
    assert pending.sender.nonces == {"https://issuer.example": "n-1"}


def test_keys_elsewhere_sign_the_pushed_request() -> None:
    server = code_server()
    step = opened_for_code(server, code_offer("pid")).authorize(redirect_uri=REDIRECT, dpop=remote(DPOP), now=NOW)
    assert isinstance(step, Exchange)
    assert [each.key_id for each in step.to_sign] == ["dpop"]
    pending = run(step, server, sign=sign)
    assert pending.url.startswith(AUTHORIZE)


def test_what_is_signed_needs_a_time() -> None:
    with pytest.raises(ValueError, match="now"):
        opened_for_code(code_server(), code_offer("pid")).authorize(redirect_uri=REDIRECT, dpop=DPOP)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "",
        "cb",
        "/cb",
        "https://wallet.example/cb#f",
        "https://wallet.example/cb#",
        "https://u@wallet.example/cb",
        "http://wallet.example/cb",
        "javascript:alert(1)",
        "https://wallet.example/c b",
        "https://wallet.example/\u00e4",
        "https:",
        "https://wallet.example/cb?state=x",
        "https://wallet.example/cb?a=1&code=",
        "https://wallet.example/cb?iss=x",
        "https://wallet.example/cb?error",
        "https://wallet.example/cb?a=1&a=2",
        "https://wallet.example/" + "x" * 2048,
        # Browsers change these, and the response would come to another place.
        "https://wallet.example:443/cb",
        "HTTPS://wallet.example:443",
        "https://wallet.example:0443?a=1",
        "https://wallet.example:/cb",
        "http://127.0.0.1:80/cb",
        "http://[::1]:80",
        "https://wallet.example/a/../cb",
        "https://wallet.example/./cb",
        "https://wallet.example/cb/..",
        "https://wallet.example/a/%2E%2e/cb",
        "https://wallet.example/.%2e",
        "wallet://cb/a/../b",
        "com.example.wallet:/./cb",
    ],
)
def test_a_redirect_uri_at_which_no_response_can_be_recognized(redirect_uri: str) -> None:
    with pytest.raises(ValueError, match=r"redirect URI|the URL"):
        opened_for_code(code_server(), code_offer("pid")).authorize(redirect_uri=redirect_uri)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        *(
            "com.example.wallet:/cb",
            "wallet://cb?flow=1",
            "http://127.0.0.1:8080/cb",
            "http://[::1]/cb",
            "https://wallet.example",
        ),
        *("https://wallet.example:80/cb", "http://127.0.0.1:443/cb", "https://wallet.example:4430/.cb/..b/c..?x=/../:443"),
    ],
)
def test_redirect_uris_of_native_wallets(redirect_uri: str) -> None:
    server = code_server()
    authorizing(server, code_offer("pid"), redirect_uri=redirect_uri)
    assert pushed(server)["redirect_uri"] == redirect_uri


@pytest.mark.parametrize("chosen", [[], ["other"], ["pid", "unknown"]])
def test_only_what_was_offered_is_asked_for(chosen: list[str]) -> None:
    with pytest.raises(ValueError, match="offered"):
        opened_for_code(code_server()).authorize(redirect_uri=REDIRECT, configuration_ids=chosen)


def test_several_configurations_are_no_text() -> None:
    with pytest.raises(TypeError):
        opened_for_code(code_server()).authorize(redirect_uri=REDIRECT, configuration_ids="pid")


def test_nobody_is_sent_away_for_credentials_that_the_wallet_cannot_verify() -> None:
    with pytest.raises(ValueError, match="verifier"):
        opened_for_code(code_server(), formats={}).authorize(redirect_uri=REDIRECT)


def test_the_flow_needs_a_client_id() -> None:
    with pytest.raises(ValueError, match="client_id"):
        opened_for_code(code_server(), client_id=None).authorize(redirect_uri=REDIRECT)


@pytest.mark.parametrize("missing", [{"dpop": DPOP}, {"authentication": attestation()}])
def test_a_haip_wallet_does_not_go_without_key_or_authentication(missing: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Wallet"):
        opened_for_code(code_server(), code_offer("pid"), **HAIP).authorize(redirect_uri=REDIRECT, now=NOW, **missing)


def test_an_offer_with_other_grants_only_is_not_for_this_flow() -> None:
    server = code_server(grant_types_supported=[PRE_AUTHORIZED_CODE, AUTHORIZATION_CODE])
    with pytest.raises(ValueError, match="no authorization code grant"):
        opened(server).authorize(redirect_uri=REDIRECT)


@pytest.mark.spec("VCI-13.5-04", "VCI-13.5-02")
def test_a_flow_that_the_wallet_starts_takes_the_same_steps() -> None:
    by_offer, by_wallet = code_server(), code_server()
    authorizing(by_offer, code_offer("pid"))
    start = run(Offer.of(ISSUER, "pid").open(wallet()), by_wallet)
    assert start.grant_types == (AUTHORIZATION_CODE,)
    pending = run(start.authorize(redirect_uri=REDIRECT), by_wallet)
    assert [(request.method, request.url) for request in by_wallet.requests] == [
        (request.method, request.url) for request in by_offer.requests
    ]
    assert pushed(by_wallet).keys() == pushed(by_offer).keys()
    assert pending.url.startswith(AUTHORIZE)


@pytest.mark.parametrize(
    ("issuer", "configuration_ids"),
    [("http://issuer.example", ["pid"]), ("", ["pid"]), (ISSUER, []), (ISSUER, ["pid", "pid"]), (ISSUER, [""])],
)
def test_an_offer_of_the_wallets_own_is_an_offer(issuer: str, configuration_ids: Sequence[str]) -> None:
    with pytest.raises(ValueError, match=r"must|credential"):
        Offer.of(issuer, *configuration_ids)


def test_no_secret_shows() -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid", issuer_state="the-issuer-state"))
    plain = authorizing(
        code_server(pushed_authorization_request_endpoint=None), code_offer("pid", issuer_state="the-issuer-state")
    )
    for shown, secrets in (
        (repr(pending), (pending.state, pending.code_verifier, REQUEST_URI)),
        (repr(plain), (plain.state, plain.url)),
    ):
        assert "the-issuer-state" not in shown
        assert not any(secret in shown for secret in secrets)


@given(
    st.dictionaries(
        st.sampled_from(["request_uri", "expires_in", "error", "x"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    ),
    st.integers(100, 599),
)
def test_any_answer_is_a_state_or_a_wallet_error(members: dict[str, Any], status: int) -> None:
    def answer(request: Request) -> Response:
        return Response.of_json(status, members)

    try:
        pending = authorizing(code_server(answers={PAR: answer}), code_offer("pid"))
    except (InvalidResponse, Refused, TryLater):
        return
    assert status == 201
    assert parameters_of(pending.url) == {"client_id": "wallet", "request_uri": members["request_uri"]}
