"""The Token Request and its answer (OID4VCI 6)."""

from typing import Any

import pytest

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidResponse, Refused, TryLater, TxCodeRequired, WrongTxCode
from oid4vci.http import Request, Response
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.wallet import Opened, Session, dump, load
from tests.scripted_server import (
    ACCESS_TOKEN,
    CODE,
    ISSUER,
    METADATA_URL,
    SERVER_URL,
    TOKEN,
    Server,
    error,
    metadata,
    offer,
    ok,
    opened,
    server_metadata,
    wallet,
)

TOKEN_RESPONSE = {"access_token": ACCESS_TOKEN, "token_type": "Bearer"}


def form(request: Request) -> dict[str, str]:
    return dict(request.form().pairs)


def details(*identifiers: str, configuration_id: str = "pid", **members: Any) -> dict[str, Any]:
    return {
        "type": "openid_credential",
        "credential_configuration_id": configuration_id,
        "credential_identifiers": list(identifiers),
        **members,
    }


def redeemed(answer: Any, start: Opened | None = None, **arguments: Any) -> Session:
    server = Server({TOKEN: answer if isinstance(answer, Response) else ok(answer)})
    return run((start or opened(server)).redeem(**arguments), server)


@pytest.mark.spec("VCI-3.5-01", "VCI-4.1.1-21", "VCI-6.1-02")
def test_the_token_request() -> None:
    request = opened(Server()).redeem().request
    assert (request.method, request.url) == ("POST", TOKEN)
    assert request.media_type == "application/x-www-form-urlencoded"
    assert request.headers.get("accept") == "application/json"
    assert "authorization" not in request.headers
    assert form(request) == {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": CODE, "client_id": "wallet"}


def test_an_offer_with_both_grants_leaves_the_choice() -> None:
    document = offer()
    document["grants"][AUTHORIZATION_CODE] = {"issuer_state": "s"}
    result = opened(Server(), document)
    assert set(result.grant_types) == {PRE_AUTHORIZED_CODE, AUTHORIZATION_CODE}
    assert form(result.redeem().request)["grant_type"] == PRE_AUTHORIZED_CODE


@pytest.mark.spec("VCI-4.1.1-23", "VCI-4.1.1-25", "VCI-6.1-04", "VCI-4.1.1-26")
@pytest.mark.parametrize("missing", [None, ""])
def test_a_transaction_code_is_demanded_even_by_an_empty_object(missing: str | None) -> None:
    result = opened(Server(), offer(tx_code={}))
    with pytest.raises(TxCodeRequired) as caught:
        result.redeem(missing)
    assert caught.value.advice is Advice.ASK_AGAIN
    assert form(result.redeem("493536").request)["tx_code"] == "493536"


@pytest.mark.spec("VCI-4.1.1-23")
@pytest.mark.parametrize("entered", ["1234", ""])
def test_a_transaction_code_that_nobody_demands_is_a_mistake(entered: str) -> None:
    with pytest.raises(ValueError, match="demands no transaction code"):
        opened(Server()).redeem(entered)


@pytest.mark.spec("VCI-6.1-06")
@pytest.mark.parametrize(
    ("tx_code", "entered"),
    [
        ({}, "007"),
        ({"length": 3}, "000"),
        ({"input_mode": "text"}, " a+b&c=d%20é "),
        ({"input_mode": "text", "length": 2}, "🦉0"),
    ],
)
def test_a_transaction_code_is_sent_as_it_was_entered(tx_code: Any, entered: str) -> None:
    assert form(opened(Server(), offer(tx_code=tx_code)).redeem(entered).request)["tx_code"] == entered


@pytest.mark.spec("VCI-4.1.1-28")
@pytest.mark.parametrize(
    ("tx_code", "entered"),
    [
        ({}, "12a4"),
        ({}, " 1234"),
        ({}, "١٢٣٤"),
        ({"input_mode": "numeric"}, "-123"),
        ({"length": 4}, "123"),
        ({"length": 4}, "12345"),
        ({"input_mode": "text", "length": 4}, "abc"),
    ],
)
def test_what_cannot_be_the_transaction_code_costs_no_attempt(tx_code: Any, entered: str) -> None:
    with pytest.raises(TxCodeRequired):
        opened(Server(), offer(tx_code=tx_code)).redeem(entered)


@pytest.mark.spec("VCI-6.1-09", "VCI-12.3-02")
@pytest.mark.parametrize(("anonymous", "sent"), [(True, None), (False, "wallet"), (None, "wallet")])
def test_the_client_id_is_sent_where_anonymous_requests_are_not_served(anonymous: bool | None, sent: str | None) -> None:
    published = {**server_metadata(), "pre-authorized_grant_anonymous_access_supported": anonymous}
    server = Server({SERVER_URL: ok(published)})
    exchange = opened(server).redeem()
    assert form(exchange.request).get("client_id") == sent
    assert run(exchange, server).client_id == sent


def test_a_wallet_without_client_id_needs_anonymous_access() -> None:
    with pytest.raises(ValueError, match="client_id"):
        opened(Server(), client_id=None).redeem()
    published = {**server_metadata(), "pre-authorized_grant_anonymous_access_supported": True}
    assert "client_id" not in form(opened(Server({SERVER_URL: ok(published)}), client_id=None).redeem().request)


@pytest.mark.spec("VCI-5.1.1-02", "VCI-5.1.1-04", "VCI-5.1.1-05")
def test_configurations_are_asked_for_with_authorization_details() -> None:
    sent = form(opened(Server()).redeem(configuration_ids=["ticket", "pid", "ticket"]).request)
    assert _json.loads(sent["authorization_details"]) == [
        {"type": "openid_credential", "credential_configuration_id": "ticket"},
        {"type": "openid_credential", "credential_configuration_id": "pid"},
    ]


@pytest.mark.spec("VCI-5.1.1-09", "VCI-6.1-10", "VCI-6.1-11")
@pytest.mark.parametrize("servers", [[ISSUER], ["https://issuer.example/as", ISSUER]])
def test_an_issuer_with_authorization_servers_is_named(servers: list[str]) -> None:
    server = Server(
        {
            METADATA_URL: ok({**metadata(), "authorization_servers": servers}),
            "https://issuer.example/.well-known/oauth-authorization-server/as": ok(
                server_metadata("https://issuer.example/as")
            ),
        }
    )
    sent = form(opened(server).redeem(configuration_ids=["pid"], scope="pid").request)
    assert _json.loads(sent["authorization_details"])[0]["locations"] == [ISSUER]
    assert (sent["scope"], sent["resource"]) == ("pid", ISSUER)
    assert "resource" not in form(opened(server).redeem(configuration_ids=["pid"]).request)


def test_an_issuer_without_authorization_servers_is_not_named() -> None:
    sent = form(opened(Server()).redeem(configuration_ids=["pid"], scope="pid").request)
    assert "resource" not in sent
    assert "locations" not in _json.loads(sent["authorization_details"])[0]


@pytest.mark.spec("VCI-5.1.1-05", "VCI-6.1-13")
@pytest.mark.parametrize("configuration_ids", [["other"], ["pid", "other"], ["unknown"], []])
def test_only_what_was_offered_can_be_asked_for(configuration_ids: list[str]) -> None:
    with pytest.raises(ValueError, match="pid, ticket"):
        opened(Server()).redeem(configuration_ids=configuration_ids)


@pytest.mark.parametrize(
    ("types", "possible"), [(["payment"], False), ([], False), (["x", "openid_credential"], True), (None, True)]
)
def test_authorization_details_are_not_sent_to_a_server_that_ignores_them(types: list[str] | None, possible: bool) -> None:
    server = Server({SERVER_URL: ok({**server_metadata(), "authorization_details_types_supported": types})})
    if possible:
        assert "authorization_details" in form(opened(server).redeem(configuration_ids=["pid"]).request)
    else:
        with pytest.raises(ValueError, match="takes no authorization_details"):
            opened(server).redeem(configuration_ids=["pid"])
    assert "authorization_details" not in form(opened(server).redeem().request)


@pytest.mark.spec("VCI-6.1-14")
def test_further_parameters_can_be_sent() -> None:
    assert form(opened(Server()).redeem(extra={"x": "é&"}).request)["x"] == "é&"
    for name in ("grant_type", "pre-authorized_code", "client_id"):
        with pytest.raises(ValueError, match="extra"):
            opened(Server()).redeem(extra={name: "x"})


@pytest.mark.parametrize("extra", ["tx_code", "authorization_details", "scope", "resource"])
def test_further_parameters_are_no_way_around_the_rules(extra: str) -> None:
    with pytest.raises(ValueError, match="extra"):
        opened(Server()).redeem(extra={extra: "x"})


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER"])
def test_a_token(token_type: str) -> None:
    session = redeemed({"access_token": ACCESS_TOKEN, "token_type": token_type, "expires_in": 300, "refresh_token": "r"})
    assert (session.access_token, session.expires_in, session.refresh_token) == (ACCESS_TOKEN, 300, "r")
    assert session.configuration_ids == ("pid", "ticket")
    assert session.credential_identifiers is None
    assert redeemed(TOKEN_RESPONSE).expires_in is None


@pytest.mark.spec("VCI-6.2-10")
def test_unknown_members_are_ignored() -> None:
    more = {"c_nonce": "draft", "c_nonce_expires_in": 1, "x": [{}], "scope": "pid", "id_token": None}
    assert redeemed({**TOKEN_RESPONSE, **more}) == redeemed(TOKEN_RESPONSE)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"access_token": ACCESS_TOKEN},
        {"token_type": "Bearer"},
        {**TOKEN_RESPONSE, "token_type": "DPoP"},
        {**TOKEN_RESPONSE, "token_type": "mac"},
        {**TOKEN_RESPONSE, "token_type": 1},
        {**TOKEN_RESPONSE, "access_token": ""},
        {**TOKEN_RESPONSE, "access_token": 1},
        {**TOKEN_RESPONSE, "access_token": "a\r\nx-header: b"},
        {**TOKEN_RESPONSE, "access_token": "a b"},
        {**TOKEN_RESPONSE, "access_token": "é"},
        {**TOKEN_RESPONSE, "access_token": "a" * 70_000},
        {**TOKEN_RESPONSE, "expires_in": "300"},
        {**TOKEN_RESPONSE, "expires_in": True},
        {**TOKEN_RESPONSE, "expires_in": -1},
        {**TOKEN_RESPONSE, "refresh_token": 1},
        {**TOKEN_RESPONSE, "authorization_details": []},
        {**TOKEN_RESPONSE, "authorization_details": {}},
        {**TOKEN_RESPONSE, "authorization_details": [details()]},
        {**TOKEN_RESPONSE, "authorization_details": [{**details("a"), "credential_identifiers": None}]},
        {**TOKEN_RESPONSE, "authorization_details": [{**details("a"), "credential_identifiers": "a"}]},
        {**TOKEN_RESPONSE, "authorization_details": [details("")]},
        {**TOKEN_RESPONSE, "authorization_details": [{**details("a"), "credential_configuration_id": None}]},
        {**TOKEN_RESPONSE, "authorization_details": [details("a", configuration_id="other")]},
    ],
)
def test_a_malformed_token_response_is_refused(answer: Any) -> None:
    with pytest.raises(InvalidResponse):
        redeemed(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"content-type": "text/html"}, _json.dump_bytes(TOKEN_RESPONSE)),
        Response(200, {"content-type": "application/json"}, b'{"access_token":"x",' + _json.dump_bytes(TOKEN_RESPONSE)[1:]),
        Response(200, {"content-type": "application/json"}, b""),
        Response.of_json(201, TOKEN_RESPONSE),
        Response.of_json(302, TOKEN_RESPONSE, {"location": TOKEN}),
        Response(200, {"content-type": "application/json"}, b" " * (1 << 20) + _json.dump_bytes(TOKEN_RESPONSE)),
    ],
)
def test_a_token_response_that_is_none_is_refused(answer: Response) -> None:
    with pytest.raises(InvalidResponse):
        redeemed(answer)


def test_identifiers_are_kept_by_configuration() -> None:
    named = [details("a", "b"), details("c", "a"), details("d", configuration_id="other"), {"type": "payment", "x": 1}]
    session = redeemed({**TOKEN_RESPONSE, "authorization_details": named})
    assert session.credential_identifiers == {"pid": ("a", "b", "c")}
    assert session.configuration_ids == ("pid",)


@pytest.mark.spec("VCI-6.2-12")
def test_unknown_members_of_details_are_ignored() -> None:
    session = redeemed({**TOKEN_RESPONSE, "authorization_details": [details("a", x={"y": 1}, locations=[ISSUER])]})
    assert session.credential_identifiers == {"pid": ("a",)}


def test_identifiers_that_nobody_asked_for_are_not_taken_up() -> None:
    for names, expected in ((("ticket", "pid"), ("pid",)), (("ticket",), None), (("other", "ticket"), None)):
        server = Server(
            {TOKEN: ok({**TOKEN_RESPONSE, "authorization_details": [details("x", configuration_id=name) for name in names]})}
        )
        exchange = opened(server).redeem(configuration_ids=["pid"])
        if expected is None:
            with pytest.raises(InvalidResponse, match="nothing that was asked for"):
                run(exchange, server)
        else:
            assert run(exchange, server).configuration_ids == expected


def test_identifiers_are_bounded_whatever_number_of_details_names_them() -> None:
    """What came in can be stored."""
    for number, fits in ((5000, True), (5001, False)):
        named = [details(*(f"{name}{i}" for i in range(number))) for name in "ab"]
        server = Server({TOKEN: ok({**TOKEN_RESPONSE, "authorization_details": named})})
        if fits:
            session = run(opened(server).redeem(), server)
            assert load(dump(session), wallet()) == session
        else:
            with pytest.raises(InvalidResponse, match="too many credential identifiers"):
                run(opened(server).redeem(), server)


@pytest.mark.parametrize("scope", ["openid", "pid openid", "", "a  b", 'a"b'])
def test_openid_is_never_asked_for(scope: str) -> None:
    with pytest.raises(ValueError, match=r"scope|openid"):
        opened(Server()).redeem(scope=scope)


def test_details_of_other_types_are_as_good_as_none() -> None:
    assert redeemed({**TOKEN_RESPONSE, "authorization_details": [{"type": "payment"}, 1]}).credential_identifiers is None


@pytest.mark.spec("VCI-3.3.4-02")
def test_details_that_were_asked_for_must_come() -> None:
    with pytest.raises(InvalidResponse):
        redeemed(TOKEN_RESPONSE, configuration_ids=["pid"])
    answered = redeemed({**TOKEN_RESPONSE, "authorization_details": [details("a")]}, configuration_ids=["pid"])
    assert answered.credential_identifiers == {"pid": ("a",)}


def test_without_details_in_the_answer_the_offer_decides() -> None:
    """Of what was offered, only what the token is for can be ordered."""
    session = redeemed({**TOKEN_RESPONSE, "authorization_details": [details("a")]}, configuration_ids=["pid", "ticket"])
    with pytest.raises(ValueError, match="this session is for pid"):
        session.order("ticket")


def test_a_wrong_transaction_code_can_be_entered_again() -> None:
    server = Server({TOKEN: [error("invalid_grant"), ok(TOKEN_RESPONSE)]})
    start = opened(server, offer(tx_code={}))
    with pytest.raises(WrongTxCode) as caught:
        run(start.redeem("1234"), server)
    assert (caught.value.advice, caught.value.error) == (Advice.ASK_AGAIN, "invalid_grant")
    assert run(start.redeem("4321"), server).access_token == ACCESS_TOKEN


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error("invalid_grant"), "invalid_grant"),
        (error("invalid_client", 401), "invalid_client"),
        (error("invalid_request"), "invalid_request"),
        (Response(400, {"content-type": "text/html"}, b"<html>"), "unknown_error"),
        (Response(404), "unknown_error"),
        (Response.of_json(400, {"error": 1}), "unknown_error"),
        (Response.of_json(400, {"error": 'a"b'}), "unknown_error"),
        (Response.of_json(400, {"error": "x" * 101}), "unknown_error"),
        (Response.of_json(400, ["error"]), "unknown_error"),
        (Response(400, {"content-type": "text/plain"}, b'{"error":"invalid_grant"}'), "invalid_grant"),
    ],
)
def test_a_refusal(answer: Response, code: str) -> None:
    with pytest.raises(Refused) as caught:
        redeemed(answer)
    assert not isinstance(caught.value, WrongTxCode)
    assert (caught.value.error, caught.value.status, caught.value.advice) == (code, answer.status, Advice.GIVE_UP)


def test_other_refusals_do_not_blame_the_transaction_code() -> None:
    server = Server({TOKEN: error("invalid_client")})
    with pytest.raises(Refused) as caught:
        run(opened(server, offer(tx_code={})).redeem("1234"), server)
    assert not isinstance(caught.value, WrongTxCode)


def test_the_peers_words_are_bounded_and_harmless() -> None:
    with pytest.raises(Refused) as caught:
        redeemed(Response.of_json(400, {"error": "invalid_grant", "error_description": "\x1b[2J\n" + "x" * 100_000}))
    assert caught.value.description is not None
    assert caught.value.description.startswith("?[2J?xxx")
    assert len(caught.value.description) == 1000


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_a_token_endpoint_in_trouble(status: int) -> None:
    with pytest.raises(TryLater):
        redeemed(error("temporarily_unavailable", status))


@pytest.mark.spec("VCI-13.10-02")
def test_secrets_do_not_show() -> None:
    server = Server({TOKEN: ok({**TOKEN_RESPONSE, "refresh_token": "the-refresh-token"})})
    start = opened(server, offer(tx_code={}))
    exchange = start.redeem("1234")
    shown = repr(exchange) + repr(run(exchange, server))
    assert not any(secret in shown for secret in (CODE, "1234", ACCESS_TOKEN, "the-refresh-token"))
