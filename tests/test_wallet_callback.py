"""The Authorization Response and the Token Request after it: whom the Wallet believes (OID4VCI 5.2, 5.3, 6.1; RFC 9207)."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose, _json
from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import (
    Advice,
    AuthorizationDenied,
    AuthorizationRefused,
    InvalidResponse,
    Refused,
    WalletError,
)
from oid4vci.http import Response
from oid4vci.oauth.pkce import check_verifier
from oid4vci.wallet import Authorizing, Exchange, Issued, Order
from tests.scripted_authorization import (
    AUTHORIZATION,
    HAIP,
    PAR,
    REDIRECT,
    authorized,
    authorizing,
    code_metadata,
    code_offer,
    code_server,
    parameters_of,
    pushed,
    redeemed,
    response,
)
from tests.scripted_server import ACCESS_TOKEN, CREDENTIAL, HOLDER_KEYS, ISSUER, METADATA_URL, NOW, TOKEN, error, metadata, ok
from tests.wallet_clients import ASSERTION, CLIENT, DPOP, attestation, pop, proof, remote, sign

BEARER = {"access_token": ACCESS_TOKEN, "token_type": "Bearer"}


def refused(pending: Authorizing, url: str) -> str:
    """Why the URL is no response to this request."""
    with pytest.raises(InvalidResponse) as caught:
        pending.callback(url)
    assert caught.value.advice is Advice.GIVE_UP
    return str(caught.value)


@pytest.mark.spec("VCI-6.1-01", "VCI-6.1-05", "VCI-5.2-01", "HAIP-4-07")
@pytest.mark.parametrize("par", [PAR, None])
def test_the_code_goes_into_the_token_request(par: str | None) -> None:
    server = code_server(pushed_authorization_request_endpoint=par)
    pending = authorizing(server, code_offer("pid"))
    asked = pushed(server) if par else parameters_of(pending.url)
    session = run(pending.callback(response(pending)), server)
    (request,) = server.to(TOKEN)
    assert (request.method, request.media_type) == ("POST", "application/x-www-form-urlencoded")
    parameters = redeemed(server, TOKEN)
    assert parameters == {
        "grant_type": "authorization_code",
        "code": AUTHORIZATION,
        "redirect_uri": REDIRECT,
        "code_verifier": pending.code_verifier,
        "client_id": "wallet",
    }
    check_verifier(parameters["code_verifier"], asked["code_challenge"])
    assert (session.access_token, session.configuration_ids) == (ACCESS_TOKEN, ("pid",))


@pytest.mark.parametrize("code", ["a", " ", "a b&c=d#+%20/~", "x" * 16_384])
def test_a_code_is_passed_on_as_it_is(code: str) -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"))
    run(pending.callback(response(pending, code=code)), server)
    assert redeemed(server, TOKEN)["code"] == code


@pytest.mark.spec("VCI-5.2-01")
@pytest.mark.parametrize(
    "changes",
    [
        {"state": None},
        {"state": ""},
        {"state": "x"},
        {"code": None},
        {"code": ""},
        {"code": "\u00e4"},
        {"code": "a\nb"},
        {"code": "a\x00"},
        {"code": "x" * 16_385},
        {"code": "x" * 70_000},
        {"code": AUTHORIZATION, "error": "access_denied"},
        {"code": AUTHORIZATION, "error": ""},
        {"code": "", "error": "access_denied"},
    ],
)
def test_what_is_no_response_sends_nothing(changes: dict[str, Any]) -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"))
    asked = len(server.requests)
    refused(pending, response(pending, **changes))
    assert len(server.requests) == asked
    # Anybody can open a redirect URI: the flow still waits for its own response.
    assert run(pending.callback(response(pending)), server).access_token == ACCESS_TOKEN


def test_the_state_is_the_whole_state() -> None:
    pending = authorizing(code_server(), code_offer("pid"))
    state = pending.state
    for other in (state[:-1], state + "x", state.swapcase(), state + " ", " " + state, pending.code_verifier):
        assert "state" in refused(pending, response(pending, state=other))


@pytest.mark.spec("HAIP-4-07")
@pytest.mark.parametrize("announced", [True, False, None])
@pytest.mark.parametrize(
    "iss",
    [
        "",
        ISSUER + "/",
        ISSUER.upper(),
        "https://issuer.example",
        "https://evil.example",
        ISSUER + " ",
        ISSUER.replace(":", "%3A"),
        "\u00e4",
    ],
)
def test_an_iss_of_another_server_ends_the_flow(announced: bool | None, iss: str) -> None:
    server = code_server(authorization_response_iss_parameter_supported=announced)
    pending = authorizing(server, code_offer("pid"))
    asked = len(server.requests)
    for outcome in ({}, {"code": None, "error": "access_denied"}):
        assert "iss" in refused(pending, response(pending, iss=iss, **outcome))
    assert len(server.requests) == asked


@pytest.mark.spec("HAIP-4-07")
@pytest.mark.parametrize(
    ("announced", "settings"), [(True, {}), (False, {"responses_without_iss": False}), (None, {"responses_without_iss": False})]
)
def test_a_missing_iss_ends_the_flow_where_there_must_be_one(announced: bool | None, settings: dict[str, Any]) -> None:
    server = code_server(authorization_response_iss_parameter_supported=announced)
    pending = authorizing(server, code_offer("pid"), settings)
    for outcome in ({}, {"code": None, "error": "access_denied"}):
        assert "iss" in refused(pending, response(pending, iss=None, **outcome))
    assert not server.to(TOKEN)


@pytest.mark.parametrize("announced", [False, None])
def test_a_server_that_does_not_say_that_it_sends_iss_need_not(announced: bool | None) -> None:
    server = code_server(authorization_response_iss_parameter_supported=announced)
    pending = authorizing(server, code_offer("pid"))
    for iss in (None, ISSUER):
        assert run(pending.callback(response(pending, iss=iss)), server).access_token == ACCESS_TOKEN


def test_the_response_to_another_flow_is_refused() -> None:
    """A mix-up: the code of one server must not go to the token endpoint of another (RFC 9207 1, RFC 9700 4.4)."""
    second, token = "https://issuer.example/second", "https://issuer.example/second/token"
    url = "https://issuer.example/.well-known/oauth-authorization-server/second"
    attacked = code_server(
        issuer={"authorization_servers": [second]}, answers={url: ok({**code_metadata(second), "token_endpoint": token})}
    )
    honest, evil = authorizing(code_server(), code_offer("pid")), authorizing(attacked, code_offer("pid"))
    assert honest.opened.server.issuer != evil.opened.server.issuer
    assert "state" in refused(evil, response(honest))
    assert "iss" in refused(evil, response(honest, state=evil.state))
    assert not attacked.to(token)


@pytest.mark.parametrize("name", ["code", "state", "iss", "x"])
def test_no_parameter_stands_twice(name: str) -> None:
    pending = authorizing(code_server(), code_offer("pid"))
    url = response(pending, x="1")
    value = parameters_of(url)[name]
    for more in (f"&{name}={quote(value)}", f"&{name}=", f"&{name}"):
        assert "repeated" in refused(pending, url + more)
    assert "repeated" in refused(pending, url.replace("?", f"?%{ord(name[0]):02x}{name[1:]}=&"))


def test_nothing_is_read_from_the_fragment() -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"))
    url = response(pending)
    refused(pending, url.replace("?", "#"))
    refused(pending, url.replace("&", "#", 1))
    refused(pending, f"{REDIRECT}?x=1#{url.partition('?')[2]}")
    run(pending.callback(f"{url}#code=other&state=x&error=y"), server)
    assert redeemed(server, TOKEN)["code"] == AUTHORIZATION


@pytest.mark.parametrize(
    "place",
    [
        "https://wallet.example/cb/",
        "https://wallet.example/CB",
        "https://wallet.example/c%62",
        "https://wallet.example/",
        "https://wallet.example:8443/cb",
        "https://evil.example/cb",
        "https://wallet.example.evil.example/cb",
        "https://u@wallet.example/cb",
        "http://wallet.example/cb",
        "wallet://wallet.example/cb",
        "//wallet.example/cb",
        "/cb",
        "",
        " https://wallet.example/cb",
    ],
)
def test_another_place_than_the_redirect_uri_gets_no_response(place: str) -> None:
    pending = authorizing(code_server(), code_offer("pid"))
    assert "redirect URI" in refused(pending, place + "?" + response(pending).partition("?")[2])


@pytest.mark.parametrize(
    ("redirect_uri", "opened_at"),
    [
        ("https://wallet.example", "https://wallet.example/"),
        ("https://Wallet.Example/cb", "https://wallet.example/cb"),
        ("WALLET://cb", "wallet://cb/"),
        ("com.example.wallet:/cb", "com.example.wallet:/cb"),
        ("http://127.0.0.1:8080/cb", "http://127.0.0.1:8080/cb"),
    ],
)
def test_a_browser_may_spell_the_place_in_its_own_way(redirect_uri: str, opened_at: str) -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"), redirect_uri=redirect_uri)
    run(pending.callback(f"{opened_at}?{response(pending).partition('?')[2]}"), server)
    assert redeemed(server, TOKEN)["redirect_uri"] == redirect_uri


def test_the_query_of_the_redirect_uri_comes_back() -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"), redirect_uri=f"{REDIRECT}?flow=1&x=")
    url = response(pending)
    assert run(pending.callback(url), server).access_token == ACCESS_TOKEN
    for changed in ("flow=2&x=&", "x=&", "flow=1&", ""):
        assert "redirect URI" in refused(pending, url.replace("flow=1&x=&", changed))


@pytest.mark.parametrize("query", ["code=%ff", "state=%", "&".join(f"p{i}=1" for i in range(100)), "=", "code"])
def test_a_query_that_is_none(query: str) -> None:
    refused(authorizing(code_server(), code_offer("pid")), f"{REDIRECT}?{query}")


@pytest.mark.parametrize("more", ["x=%ff", "%c3=1", "&".join(f"p{i}=1" for i in range(64))])
def test_nor_does_it_hold_a_response_beside(more: str) -> None:
    pending = authorizing(code_server(), code_offer("pid"))
    assert "not a form" in refused(pending, f"{response(pending)}&{more}")


def test_a_url_has_a_bound() -> None:
    pending = authorizing(code_server(), code_offer("pid"))
    assert "too long" in refused(pending, response(pending, x="x" * 65_536))


@pytest.mark.spec("VCI-5.3-01")
@pytest.mark.parametrize(
    ("code", "shown", "kind", "advice"),
    [
        ("access_denied", "access_denied", AuthorizationDenied, Advice.GIVE_UP),
        ("invalid_request", "invalid_request", AuthorizationRefused, Advice.GIVE_UP),
        ("unsupported_response_type", "unsupported_response_type", AuthorizationRefused, Advice.GIVE_UP),
        ("invalid_scope", "invalid_scope", AuthorizationRefused, Advice.GIVE_UP),
        ("invalid_request_uri", "invalid_request_uri", AuthorizationRefused, Advice.GIVE_UP),
        ("server_error", "server_error", AuthorizationRefused, Advice.WAIT),
        ("temporarily_unavailable", "temporarily_unavailable", AuthorizationRefused, Advice.WAIT),
        ("", "unknown_error", AuthorizationRefused, Advice.GIVE_UP),
        ('a"b', "unknown_error", AuthorizationRefused, Advice.GIVE_UP),
        ("x" * 101, "unknown_error", AuthorizationRefused, Advice.GIVE_UP),
    ],
)
def test_an_error_of_the_server_is_typed(code: str, shown: str, kind: type[AuthorizationRefused], advice: Advice) -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"))
    with pytest.raises(AuthorizationRefused) as caught:
        pending.callback(
            response(pending, code=None, error=code, error_description='<b> "no"\n', error_uri="https://x.example")
        )
    assert type(caught.value) is kind
    assert (caught.value.error, caught.value.status, caught.value.advice) == (shown, None, advice)
    assert caught.value.description == "<b> ?no??"
    assert not server.to(TOKEN)


def test_an_error_is_not_believed_without_the_state() -> None:
    pending = authorizing(code_server(), code_offer("pid"))
    for state in (None, "x"):
        refused(pending, response(pending, code=None, state=state, error="access_denied"))


def test_a_code_that_is_refused_at_the_token_endpoint() -> None:
    server = code_server(answers={TOKEN: error("invalid_grant")})
    pending = authorizing(server, code_offer("pid"))
    with pytest.raises(Refused) as caught:
        run(pending.callback(response(pending)), server)
    assert (type(caught.value), caught.value.error) == (Refused, "invalid_grant")
    assert len(server.to(TOKEN)) == 1


@pytest.mark.spec("HAIP-4-01", "HAIP-4.4.1-11")
def test_the_whole_flow_as_haip_wants_it() -> None:
    server = code_server(answers={TOKEN: ok({**BEARER, "token_type": "DPoP"})})
    arguments: dict[str, Any] = {"authentication": attestation(), "dpop": DPOP, "now": NOW}
    session = authorized(server, code_offer("pid"), HAIP, **arguments)
    order = run(session.order("pid"), server)
    assert isinstance(order, Order)
    issued = run(order.prove([HOLDER_KEYS[0]], now=NOW).submit(), server)
    assert isinstance(issued, Issued)
    pushed_request, token_request = server.to(PAR)[0], server.to(TOKEN)[0]
    assert pushed(server)["scope"] == "pid"
    jtis: set[str] = set()
    for request in (pushed_request, token_request):
        jtis |= {pop(request)["jti"], proof(request)["jti"]}
        assert parameters_of(request.body.decode())["client_id"] == CLIENT
    assert len(jtis) == 4
    (credential_request,) = server.to(CREDENTIAL)
    assert credential_request.headers.get("authorization") == f"DPoP {ACCESS_TOKEN}"


def test_a_client_assertion_is_made_anew_for_the_token_request() -> None:
    server = code_server()
    pending = authorizing(server, code_offer("pid"), authentication=ASSERTION, now=NOW)
    run(pending.callback(response(pending), now=NOW + 30), server)
    first, second = (_jose.parse(form["client_assertion"]).claims() for form in (pushed(server), redeemed(server, TOKEN)))
    assert first["jti"] != second["jti"]
    assert (first["aud"], second["aud"], second["iat"]) == (ISSUER, ISSUER, NOW + 30)


def test_the_nonce_of_the_pushed_answer_is_in_the_proof_of_the_token_request() -> None:
    answer = Response.of_json(201, {"request_uri": "urn:x:y", "expires_in": 5}, {"dpop-nonce": "n-1"})
    token = "https://issuer.example/tenant/token"
    wants = Response.of_json(400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "n-2"})
    server = code_server(token_endpoint=token, answers={PAR: answer, token: [wants, ok({**BEARER, "token_type": "DPoP"})]})
    session = authorized(server, code_offer("pid"), dpop=DPOP, now=NOW)
    proofs = [_jose.parse(request.headers.get("dpop") or "").claims() for request in server.to(token)]
    assert [proof["nonce"] for proof in proofs] == ["n-1", "n-2"]
    assert len({request.body for request in server.to(token)}) == 1
    assert session.sender.dpop == DPOP


def test_keys_elsewhere_sign_the_token_request() -> None:
    server = code_server(pushed_authorization_request_endpoint=None)
    pending = authorizing(server, code_offer("pid"), dpop=remote(DPOP))
    step = pending.callback(response(pending), now=NOW)
    assert [each.key_id for each in step.to_sign] == ["dpop"]
    assert run(step, server, sign=sign).access_token == ACCESS_TOKEN
    with pytest.raises(ValueError, match="now"):
        pending.callback(response(pending))


SCOPED = {
    "a": {"format": "dc+sd-jwt", "vct": "urn:a", "scope": "first"},
    "b": {"format": "dc+sd-jwt", "vct": "urn:b", "scope": "second"},
    "c": {"format": "dc+sd-jwt", "vct": "urn:c", "scope": "first"},
}


def scoped(token: dict[str, Any], **members: Any) -> Any:
    return code_server(
        issuer={"credential_configurations_supported": SCOPED}, answers={TOKEN: ok({**BEARER, **token})}, **members
    )


@pytest.mark.spec("VCI-8.2-09")
@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (None, ("a", "b", "c")),
        ("first second", ("a", "b", "c")),
        ("second", ("b",)),
        ("first other", ("a", "c")),
        ("other second", ("b",)),
    ],
)
def test_the_scope_of_the_response_says_what_can_be_ordered(scope: str | None, expected: tuple[str, ...]) -> None:
    server = scoped({} if scope is None else {"scope": scope})
    session = authorized(server, code_offer("a", "b", "c"))
    assert session.configuration_ids == expected
    for name in SCOPED:
        if name in expected:
            run(session.order(name), server)
        else:
            with pytest.raises(ValueError, match="this session is for"):
                session.order(name)


@pytest.mark.parametrize("scope", ["", " ", "other", "FIRST", "first,second", 1, ["first"]])
def test_a_token_for_nothing_that_was_asked_for_is_refused(scope: Any) -> None:
    with pytest.raises(InvalidResponse):
        authorized(scoped({"scope": scope}), code_offer("a", "b"))


def test_only_what_was_asked_for_can_be_ordered() -> None:
    session = authorized(scoped({}), code_offer("a", "b", "c"), configuration_ids=["b"])
    assert session.configuration_ids == ("b",)


def detail(name: str, *identifiers: str) -> dict[str, Any]:
    return {"type": "openid_credential", "credential_configuration_id": name, "credential_identifiers": list(identifiers)}


@pytest.mark.spec("VCI-6.2-04")
def test_identifiers_decide_also_where_scopes_were_asked_for() -> None:
    server = scoped({"scope": "second", "authorization_details": [detail("a", "a-1"), detail("b", "b-1", "b-2")]})
    session = authorized(server, code_offer("a", "b", "c"))
    assert session.credential_identifiers == {"a": ("a-1",), "b": ("b-1", "b-2")}
    assert run(session.order("b", "b-2"), server).credential_identifier == "b-2"


@pytest.mark.spec("VCI-6.2-03", "VCI-6.2-05", "VCI-6.2-06")
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"scope": "pid"},
        {"authorization_details": []},
        {"authorization_details": [{"type": "other"}]},
        {"authorization_details": [detail("pid")]},
        {"authorization_details": [{"type": "openid_credential", "credential_configuration_id": "pid"}]},
        {"authorization_details": [{"type": "openid_credential", "credential_identifiers": ["x"]}]},
        {"authorization_details": [{**detail("pid"), "credential_identifiers": [1]}]},
        {"authorization_details": [detail("other", "x")]},
        {"authorization_details": "pid"},
    ],
)
def test_details_that_were_asked_for_must_come_back(members: dict[str, Any]) -> None:
    server = code_server(answers={TOKEN: ok({**BEARER, **members})})
    with pytest.raises(InvalidResponse):
        authorized(server)


def test_identifiers_that_nobody_asked_for_are_not_taken_up() -> None:
    named = [detail("ticket", "t"), detail("pid", "p")]
    server = code_server(answers={TOKEN: [ok({**BEARER, "authorization_details": each}) for each in (named, named[:1])]})
    session = authorized(server, code_offer("pid", "ticket"), configuration_ids=["pid"], using="authorization_details")
    assert (session.credential_identifiers, session.granted) == ({"pid": ("p",)}, {"pid": ("p",)})
    with pytest.raises(InvalidResponse, match="nothing that was asked for"):
        authorized(server, code_offer("pid", "ticket"), configuration_ids=["pid"])


@pytest.mark.spec("VCI-6.2-03", "VCI-6.2-12")
def test_details_come_back_with_identifiers() -> None:
    server = code_server(answers={TOKEN: ok({**BEARER, "authorization_details": [{**detail("ticket", "t"), "x": 1}]})})
    session = authorized(server)
    assert (session.configuration_ids, session.credential_identifiers) == (("ticket",), {"ticket": ("t",)})


@pytest.mark.spec("VCI-6.1.1-01", "VCI-6.1.1-02", "VCI-6.1-10")
@pytest.mark.parametrize("servers", [[ISSUER], None])
@pytest.mark.parametrize("using", ["scope", "authorization_details"])
def test_a_token_for_less_is_asked_for_by_details(using: Any, servers: list[str] | None) -> None:
    server = scoped({"authorization_details": [detail("b", "x")]})
    server.answers[METADATA_URL] = ok(
        {**metadata(), "credential_configurations_supported": SCOPED, "authorization_servers": servers}
    )
    claims = {} if using == "scope" else {"claims": {"b": [ClaimsDescription(path=("name",))]}}
    pending = authorizing(server, code_offer("a", "b"), using=using, **claims)
    session = run(pending.callback(response(pending), configuration_ids=["b"]), server)
    (sent,) = _json.loads(redeemed(server, TOKEN)["authorization_details"])
    assert (sent["credential_configuration_id"], sent.get("locations")) == ("b", servers)
    assert sent.get("claims") == (None if using == "scope" else [{"path": ["name"]}])
    assert session.credential_identifiers == {"b": ("x",)}


def test_a_token_for_less_must_come_with_details() -> None:
    server = scoped({"scope": "second"})
    pending = authorizing(server, code_offer("a", "b"))
    with pytest.raises(InvalidResponse):
        run(pending.callback(response(pending), configuration_ids=["b"]), server)


@pytest.mark.parametrize("chosen", [[], ["c"], ["a", "unknown"]])
def test_a_token_for_more_is_not_asked_for(chosen: list[str]) -> None:
    pending = authorizing(scoped({}), code_offer("a", "b", "c"), configuration_ids=["a", "b"])
    with pytest.raises(ValueError, match="asked for"):
        pending.callback(response(pending), configuration_ids=chosen)


def test_nor_from_a_server_that_takes_no_details() -> None:
    pending = authorizing(scoped({}, authorization_details_types_supported=[]), code_offer("a", "b"))
    with pytest.raises(ValueError, match="takes no authorization_details"):
        pending.callback(response(pending), configuration_ids=["a"])


SERVER = code_server()
PENDING = authorizing(SERVER, code_offer("pid"), redirect_uri=f"{REDIRECT}?flow=1")
VALUES = st.sampled_from([PENDING.state, ISSUER, AUTHORIZATION, "access_denied", "", "1"]) | st.text(max_size=20)
PAIRS = st.tuples(st.sampled_from(["state", "iss", "code", "error", "flow", "error_description", "x"]), VALUES)
RIGHT = [("flow", "1"), ("state", PENDING.state), ("iss", ISSUER), ("code", AUTHORIZATION)]


@st.composite
def callbacks(draw: st.DrawFn) -> tuple[str, list[tuple[str, str]]]:
    """A URL with parameters of a response, most of them right."""
    kept = draw(st.lists(st.sampled_from(RIGHT), unique=True, max_size=4) | st.just(RIGHT))
    pairs = draw(st.permutations(kept + draw(st.lists(PAIRS, max_size=2))))
    place = draw(st.sampled_from([REDIRECT, REDIRECT, REDIRECT, REDIRECT + "/", "x:"]))
    return f"{place}?{urlencode(pairs)}{draw(st.sampled_from(['', '', '#x']))}", pairs


@given(callbacks())
def test_a_request_is_made_only_if_state_and_iss_are_right(callback: tuple[str, list[tuple[str, str]]]) -> None:
    url, pairs = callback
    try:
        exchange = PENDING.callback(url)
    except WalletError:
        assert not (url.partition("#")[0].startswith(f"{REDIRECT}?") and sorted(pairs) == sorted(RIGHT))
        return
    assert isinstance(exchange, Exchange)
    assert url.startswith(f"{REDIRECT}?")
    for name, value in (("state", PENDING.state), ("iss", ISSUER), ("flow", "1")):
        assert [each for each in pairs if each[0] == name] == [(name, value)]
    assert [name for name, _ in pairs].count("code") == 1
    assert "error" not in dict(pairs)


@given(
    st.text()
    | st.text().map(lambda text: f"{REDIRECT}?{text}")
    | st.text().map(lambda text: f"{REDIRECT}?flow=1&state={PENDING.state}&{text}")
)
def test_any_text_is_refused_as_a_response(url: str) -> None:
    with pytest.raises(WalletError):
        PENDING.callback(url)


def test_a_lone_surrogate_is_refused_too() -> None:
    for url in (f"{response(PENDING)}\ud800", f"{REDIRECT}?flow=1&state=\ud800", "\ud800"):
        with suppress(WalletError):
            assert isinstance(PENDING.callback(url), Exchange)
    with pytest.raises(InvalidResponse):
        PENDING.callback(f"{REDIRECT}?flow=1&state=\ud800&iss={ISSUER}&code=c")
