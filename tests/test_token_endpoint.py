"""The token endpoint with the pre-authorized code grant (OID4VCI 3.5, 6, 13.6, 13.10), and the server's metadata."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.authorization_server import AuthorizationServer, TokenCall
from oid4vci.errors import InvalidClient, InvalidGrant, MethodNotAllowed, Refusal
from oid4vci.http import Form, Request
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.grants import default_identifier, revoke
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorizedCodes, new_tx_code
from tests.authorization import code_flow
from tests.issuance import (
    CLIENT,
    FORM,
    IDENTIFIER,
    JSON,
    NOW,
    SERVER_METADATA,
    TOKEN,
    Issuance,
    counted,
    details,
    issuance,
    order_of,
    refused,
    secret_keys,
    server_metadata,
    token_request,
)


def pre_authorized_codes(world: Issuance) -> PreAuthorizedCodes:
    codes = world.server.pre_authorized_codes
    assert codes is not None
    return codes


def post(body: bytes | str, content_type: str | None = FORM, **headers: str) -> Request:
    fields = {**headers} if content_type is None else {"content-type": content_type, **headers}
    return Request("POST", TOKEN, fields, body.encode() if isinstance(body, str) else body)


# --- the good case ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.2-01", "VCI-3.5-01")
def test_the_response_is_that_of_rfc_6749_and_no_authorization_endpoint_is_needed() -> None:
    world = issuance()
    assert world.server.metadata.authorization_endpoint is None
    response = world.redeem(world.grant("note"))
    assert response.status == 200
    assert response.headers.get("content-type") == "application/json"
    assert response.headers.get("cache-control") == "no-store"
    body = response.json()
    assert body.keys() == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    # 128 bits and more, and none of it the code.
    assert len(body["access_token"]) > 64


@pytest.mark.spec("VCI-6.1-15")
def test_unknown_parameters_and_parameters_without_a_value_are_ignored() -> None:
    world = issuance()
    request = token_request(world.grant("note"), foo="bar", c_nonce="1", scope="x", tx_code="", resource="")
    assert world.send(request).status == 200


@pytest.mark.spec("VCI-6.2-09")
def test_the_application_may_add_members_but_not_replace_any() -> None:
    world = issuance()
    request = token_request(world.grant("note"))
    call = world.server.read_token_request(request)
    order = call.verify(world.host.load(call.lookups), now=NOW)
    body = order.issue(extra={"refresh_token": "r", "token_type": "mac"}).finish().response.json()
    assert (body["refresh_token"], body["token_type"]) == ("r", "Bearer")


def test_the_content_type_may_have_parameters() -> None:
    world = issuance()
    request = token_request(world.grant("note"))
    assert world.send(post(request.body, f"{FORM}; charset=UTF-8")).status == 200


def test_the_application_may_deny_and_the_code_stays() -> None:
    world = issuance()
    granted = world.grant("note")
    call = world.server.read_token_request(token_request(granted))
    order = call.verify(world.host.load(call.lookups), now=NOW)
    assert (order.subject, order.grant.note) == ("ada", None)
    reply = order.deny("not enrolled")
    refused(reply.response, "invalid_grant")
    assert reply.changes == ()
    assert world.redeem(granted).status == 200


# --- what is malformed consumes nothing ---------------------------------------------------------------------------------------

CODE = f"grant_type={GRANT_TYPE}&client_id={CLIENT}&pre-authorized_code="

MALFORMED: dict[str, tuple[Any, str, int]] = {
    "no body": (lambda code: post(b""), "invalid_request", 400),
    "no content type": (lambda code: post(CODE + code, None), "invalid_request", 400),
    "json": (
        lambda code: post(json.dumps({"grant_type": GRANT_TYPE, "pre-authorized_code": code}), JSON),
        "invalid_request",
        400,
    ),
    "multipart": (lambda code: post(CODE + code, "multipart/form-data; boundary=x"), "invalid_request", 400),
    "form in json's clothes": (lambda code: post(CODE + code, JSON), "invalid_request", 400),
    "two content types": (
        lambda code: Request("POST", TOKEN, [("Content-Type", FORM), ("content-type", FORM)], (CODE + code).encode()),
        "invalid_request",
        400,
    ),
    "get": (lambda code: Request("GET", f"{TOKEN}?{CODE}{code}"), "invalid_request", 405),
    "put": (lambda code: Request("PUT", TOKEN, {"content-type": FORM}, (CODE + code).encode()), "invalid_request", 405),
    "parameters in the query": (
        lambda code: Request("POST", f"{TOKEN}?{CODE}{code}", {"content-type": FORM}),
        "invalid_request",
        400,
    ),
    "no grant type": (lambda code: post(f"client_id={CLIENT}&pre-authorized_code={code}"), "invalid_request", 400),
    "empty grant type": (
        lambda code: post(f"grant_type=&client_id={CLIENT}&pre-authorized_code={code}"),
        "invalid_request",
        400,
    ),
    "grant type doubled": (lambda code: post(f"grant_type={GRANT_TYPE}&{CODE}{code}"), "invalid_request", 400),
    "code doubled": (lambda code: post(f"{CODE}{code}&pre-authorized_code={code}"), "invalid_request", 400),
    "client id doubled": (lambda code: post(f"client_id=other&{CODE}{code}"), "invalid_request", 400),
    "tx_code doubled": (lambda code: post(f"{CODE}{code}&tx_code=&tx_code="), "invalid_request", 400),
    "unknown parameter doubled": (lambda code: post(f"{CODE}{code}&foo=1&foo=1"), "invalid_request", 400),
    "another grant type": (lambda code: post(f"grant_type=client_credentials&code={code}"), "unsupported_grant_type", 400),
    "grant type in capitals": (
        lambda code: post((CODE + code).replace(GRANT_TYPE, GRANT_TYPE.upper())),
        "unsupported_grant_type",
        400,
    ),
    "no code": (lambda code: post(f"grant_type={GRANT_TYPE}&client_id={CLIENT}"), "invalid_request", 400),
    "empty code": (lambda code: post(CODE), "invalid_request", 400),
    "code under an older name": (
        lambda code: post(f"grant_type={GRANT_TYPE}&client_id={CLIENT}&pre_authorized_code={code}"),
        "invalid_request",
        400,
    ),
    "code too long": (lambda code: post(CODE + "x" * 1025), "invalid_request", 400),
    "tx_code too long": (lambda code: post(f"{CODE}{code}&tx_code={'1' * 257}"), "invalid_request", 400),
    "body too large": (lambda code: post(f"{CODE}{code}&foo={'x' * (1 << 20)}"), "invalid_request", 400),
    "too many parameters": (
        lambda code: post(f"{CODE}{code}" + "".join(f"&p{i}=1" for i in range(100))),
        "invalid_request",
        400,
    ),
    "broken utf-8": (lambda code: post(f"{CODE}{code}&foo=%FF"), "invalid_request", 400),
    "bytes beyond ascii": (lambda code: post(f"{CODE}{code}&foo=é"), "invalid_request", 400),
    "an encoded surrogate": (lambda code: post(f"{CODE}{code}&foo=%ED%A0%80"), "invalid_request", 400),
    "a client secret": (lambda code: post(f"{CODE}{code}&client_secret=s"), "invalid_client", 400),
    "a client assertion": (lambda code: post(f"{CODE}{code}&client_assertion=e30.e30.e30"), "invalid_client", 400),
    "basic authentication": (lambda code: post(CODE + code, authorization="Basic d2FsbGV0OnM="), "invalid_client", 401),
    "another resource": (lambda code: post(f"{CODE}{code}&resource=https%3A%2F%2Fother.example"), "invalid_target", 400),
    "two resources": (
        lambda code: post(f"{CODE}{code}&" + urlencode([("resource", IDENTIFIER), ("resource", IDENTIFIER)])),
        "invalid_target",
        400,
    ),
    "details that are no json": (
        lambda code: post(f"{CODE}{code}&authorization_details=x"),
        "invalid_authorization_details",
        400,
    ),
    "details of another type": (
        lambda code: token_request(code, authorization_details='[{"type":"payment"}]'),
        "invalid_authorization_details",
        400,
    ),
    "details beyond the grant": (
        lambda code: token_request(code, authorization_details=details("note", "badge")),
        "invalid_authorization_details",
        400,
    ),
    "a transaction code nobody expects": (lambda code: post(f"{CODE}{code}&tx_code=1"), "invalid_request", 400),
}


@pytest.mark.spec("VCI-6.3-01", "VCI-6.1-02", "VCI-6.3-02")
@pytest.mark.parametrize("name", MALFORMED)
def test_each_fault_has_its_error_and_leaves_the_code_as_it_was(name: str) -> None:
    """Code consumed by a malformed request: here none is, and the good request afterwards is answered."""
    world = issuance()
    granted = world.grant("note")
    make, error, status = MALFORMED[name]
    before = world.host.rows
    refused(world.send(make(granted.grant.pre_authorized_code)), error, status=status)
    assert world.host.rows == before
    assert world.host.orders == []
    assert world.redeem(granted).status == 200


@pytest.mark.spec("VCI-6.1-05")
@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token", "password"])
def test_a_transaction_code_with_another_grant_type_is_neither_counted_nor_consumed(grant_type: str) -> None:
    world = issuance(codes={"max_tx_code_attempts": 1})
    granted = world.grant("note", tx_code="1234")
    before = world.host.rows
    for tx_code in ("1234", "0000"):
        refused(world.redeem(granted, grant_type=grant_type, tx_code=tx_code), "unsupported_grant_type")
    assert world.host.rows == before
    assert world.redeem(granted, tx_code="1234").status == 200


def test_a_method_that_is_not_taken_is_answered_with_the_one_that_is() -> None:
    assert issuance().send(Request("GET", TOKEN)).headers.get("allow") == "POST"


def test_errors_repeat_nothing_that_was_sent() -> None:
    world = issuance()
    for request in (
        post("grant_type=BOGUS"),
        post(f"{CODE}BOGUS"),
        post(f"{CODE}x&authorization_details=%5B%7B%22BOGUS%22%3A1%7D%5D"),
        post(f"{CODE}x&resource=BOGUS"),
        post(f"{CODE}x".replace(CLIENT, "BOGUS")),
        post("BOGUS=1&BOGUS=2"),
    ):
        assert b"BOGUS" not in world.send(request).body


# --- clients ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.3-06")
def test_no_client_id_is_invalid_client_unless_anonymous_access_is_on() -> None:
    world = issuance()
    granted = world.grant("note")
    refused(world.redeem(granted, client_id=None), "invalid_client")
    refused(world.redeem(granted, client_id=""), "invalid_client")
    assert world.redeem(granted).status == 200


@pytest.mark.spec("VCI-6.1-08")
def test_with_anonymous_access_a_request_needs_no_client() -> None:
    world = issuance(anonymous=True)
    assert world.redeem(world.grant("note"), client_id=None).status == 200
    assert world.redeem(world.grant("note"), client_id=CLIENT).status == 200


def test_client_authentication_that_is_not_supported_is_challenged() -> None:
    response = issuance().send(post(CODE + "x", authorization="Basic d2FsbGV0OnM="))
    assert response.headers.get("www-authenticate") == 'Basic realm="token"'


def test_where_clients_are_known_another_one_is_refused() -> None:
    world = issuance(server={"clients": {"w1": ClientMetadata()}, "other_clients": None})
    granted = world.grant("note")
    refused(world.redeem(granted, client_id="w2"), "invalid_client")
    assert world.redeem(granted, client_id="w1").status == 200


@pytest.mark.spec("VCI-6-01")
def test_a_code_bound_to_a_client_serves_no_other_and_counts_no_attempt_of_another() -> None:
    """An offer for another user: the grant of one client is nobody else's."""
    world = issuance(codes={"max_tx_code_attempts": 1})
    granted = world.grant("note", client_id="w1", tx_code="1234")
    refused(world.redeem(granted, client_id="w2", tx_code="1234"), "invalid_grant")
    refused(world.redeem(granted, client_id="w2", tx_code="0000"), "invalid_grant")
    assert world.redeem(granted, client_id="w1", tx_code="1234").status == 200


# --- codes --------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.3-05", "VCI-13.6.3-07")
@pytest.mark.parametrize("code", ["x", "unknown" * 20, "é☃", "\x00", " ", "a b+c", "%", "'; drop table"])
def test_an_unknown_code_is_invalid_grant(code: str) -> None:
    world = issuance()
    world.grant("note")
    refused(world.send(token_request(code)), "invalid_grant")


@pytest.mark.spec("VCI-6.3-05", "VCI-13.6.3-03", "VCI-13.6.3-07", "VCI-3.5-02")
def test_a_code_and_its_transaction_code_end_with_their_lifetime() -> None:
    world = issuance(codes={"lifetime": 60})
    granted = world.grant("note", tx_code="1234")
    refused(world.redeem(granted, tx_code="1234", now=NOW + 60), "invalid_grant")
    assert world.redeem(granted, tx_code="1234", now=NOW + 59).status == 200


@pytest.mark.spec("VCI-13.6.1-01", "VCI-13.6.3-04", "VCI-13.6.3-05", "VCI-13.6.3-07", "VCI-3.5-02", "VCI-6-01")
@pytest.mark.parametrize("tx_code", [None, "1234"])
def test_a_code_and_its_transaction_code_serve_once(tx_code: str | None) -> None:
    """Replay of a pre-authorized code."""
    world = issuance()
    granted = world.grant("note", tx_code=tx_code)
    assert world.redeem(granted, tx_code=tx_code).status == 200
    before = world.host.rows
    for moment in (NOW, NOW + 1, NOW + 10_000):
        refused(world.redeem(granted, tx_code=tx_code, now=moment), "invalid_grant")
    assert world.host.rows == before


def test_of_two_requests_that_loaded_the_same_record_one_is_answered() -> None:
    world = issuance()
    granted = world.grant("note")
    replies = []
    for _ in range(2):
        call = world.server.read_token_request(token_request(granted))
        replies.append(call.verify(world.host.load(call.lookups), now=NOW).issue().finish())
    assert [world.host.commit(reply.changes) for reply in replies] == [True, False]


def test_the_store_has_neither_code_nor_transaction_code() -> None:
    world = issuance()
    granted = world.grant("note", tx_code="00471199")
    everything = repr([(key, record, dict(record.data)) for key, record in world.host.rows.items()])
    assert granted.grant.pre_authorized_code not in everything
    assert "00471199" not in everything
    assert "tx_code" in everything
    # Equal transaction codes of two grants do not look alike either.
    world.grant("note", tx_code="00471199")
    assert len({record.data["tx_code"] for record in world.host.rows.values()}) == 2


def test_a_code_has_256_bits() -> None:
    world = issuance()
    codes = {world.grant("note").grant.pre_authorized_code for _ in range(20)}
    assert len(codes) == 20
    assert {len(code) for code in codes} == {43}


def test_no_stage_shows_a_secret() -> None:
    world = issuance()
    granted = world.grant("note", tx_code="00471199", note={"id": "secret-note"})
    request = token_request(granted, tx_code="00471199")
    call = world.server.read_token_request(request)
    records = world.host.load(call.lookups)
    order = call.verify(records, now=NOW)
    draft = order.issue(extra={"refresh_token": "secret-refresh"})
    reply = draft.finish()
    with pytest.raises(InvalidGrant) as wrong:
        world.server.read_token_request(token_request(granted, tx_code="00471198")).verify(records, now=NOW)
    shown = repr(
        [world.server, granted, granted.changes, request, call, records, order, draft, reply, wrong.value, wrong.value.reply]
    )
    token = reply.response.json()["access_token"]
    for secret in (
        granted.grant.pre_authorized_code,
        "00471199",
        "00471198",
        token,
        "secret-note",
        "secret-refresh",
        "\\x01" * 8,
    ):
        assert secret not in shown


# --- transaction codes --------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-3.5-03", "VCI-6.1-03", "VCI-6.3-04", "VCI-13.6.3-06", "VCI-3.5-02")
def test_the_transaction_code_is_verified_and_a_wrong_one_does_not_burn_the_code() -> None:
    """A typo must not burn the offer."""
    world = issuance()
    granted = world.grant("note", tx_code="493536")
    body = refused(world.redeem(granted, tx_code="493537"), "invalid_grant")
    assert "transaction code" in body["error_description"]
    assert world.host.orders == []
    assert world.redeem(granted, tx_code="493536").status == 200
    assert world.redeem(world.grant("note")).status == 200


@pytest.mark.spec("VCI-6.3-03", "VCI-6.1-04")
@pytest.mark.parametrize("tx_code", [None, ""])
def test_a_missing_transaction_code_is_invalid_request_and_no_attempt(tx_code: str | None) -> None:
    world = issuance(codes={"max_tx_code_attempts": 1})
    granted = world.grant("note", tx_code="493536")
    before = world.host.rows
    refused(world.redeem(granted, tx_code=tx_code), "invalid_request")
    assert world.host.rows == before
    assert world.redeem(granted, tx_code="493536").status == 200


@pytest.mark.spec("VCI-6.3-02")
def test_an_unexpected_transaction_code_is_invalid_request() -> None:
    world = issuance()
    granted = world.grant("note")
    refused(world.redeem(granted, tx_code="1"), "invalid_request")
    assert world.redeem(granted).status == 200


@pytest.mark.parametrize("right", ["0042", "000000", "Ünï-c☃de", " 12 ", "a+b&c=d%20"])
def test_transaction_codes_are_strings_compared_as_they_are(right: str) -> None:
    world = issuance(codes={"max_tx_code_attempts": 100})
    granted = world.grant("note", tx_code=right)
    for wrong in {right.lstrip("0") or "0", right + "0", right + " ", right.strip() + "\x00", right.upper() + "\n"} - {right}:
        refused(world.redeem(granted, tx_code=wrong), "invalid_grant")
    assert world.redeem(granted, tx_code=right).status == 200


@pytest.mark.spec("VCI-13.6.3-01", "VCI-13.6.3-02")
def test_after_so_many_wrong_transaction_codes_the_code_is_gone() -> None:
    world = issuance(codes={"max_tx_code_attempts": 3})
    granted = world.grant("note", tx_code="1234")
    for attempt in range(1, 4):
        refused(world.redeem(granted, tx_code="0000"), "invalid_grant")
        assert world.host.rows[granted.key].data["wrong_tx_codes"] == attempt
    refused(world.redeem(granted, tx_code="1234"), "invalid_grant")
    before = world.host.rows
    refused(world.redeem(granted, tx_code="0000"), "invalid_grant")
    assert world.host.rows == before


@pytest.mark.spec("VCI-13.6.3-01")
def test_one_wrong_transaction_code_less_and_the_right_one_is_taken() -> None:
    world = issuance(codes={"max_tx_code_attempts": 3})
    granted = world.grant("note", tx_code="1234")
    for _ in range(2):
        refused(world.redeem(granted, tx_code="0000"), "invalid_grant")
    assert world.redeem(granted, tx_code="1234").status == 200


def test_guesses_made_at_the_same_time_are_all_counted() -> None:
    """Without the conditional write, parallel guesses would count as one."""
    world = issuance(codes={"max_tx_code_attempts": 2})
    granted = world.grant("note", tx_code="1234")
    refusals = []
    for _ in range(2):
        call = world.server.read_token_request(token_request(granted, tx_code="0000"))
        with pytest.raises(InvalidGrant) as caught:
            call.verify(world.host.load(call.lookups), now=NOW)
        refusals.append(caught.value)
    assert [world.host.commit(refusal.reply.changes) for refusal in refusals] == [True, False]


def test_a_transaction_code_is_known_by_older_keys_and_by_no_others() -> None:
    world = issuance(keys=secret_keys(1))
    granted = world.grant("note", tx_code="1234")
    other = issuance(keys=secret_keys(2), host=world.host)
    refused(other.redeem(granted, tx_code="1234"), "invalid_grant")
    assert world.redeem(granted, tx_code="1234").status == 200


def test_new_transaction_codes() -> None:
    world = issuance()
    assert {len(world.server.new_tx_code()) for _ in range(50)} == {6}
    assert new_tx_code(4, new_secret=counted(6)) == "0007"
    assert new_tx_code(32, new_secret=lambda size: b"\xff" * size).isdigit()
    for length in (0, 33):
        with pytest.raises(ValueError, match="1 to 32"):
            new_tx_code(length, new_secret=counted())


@pytest.mark.parametrize(("tx_code", "mode"), [("0042", "numeric"), ("A1", "text"), ("٤٢", "text"), ("4²", "text")])
def test_the_offer_says_what_the_transaction_code_looks_like_and_not_what_it_is(tx_code: str, mode: str) -> None:
    granted = issuance().grant("note", tx_code=tx_code, tx_code_description="by letter")
    hints = granted.grant.tx_code
    assert hints is not None
    assert (hints.input_mode, hints.length, hints.description) == (mode, len(tx_code), "by letter")
    assert tx_code not in json.dumps(granted.grant.to_json(), ensure_ascii=False).replace(granted.grant.pre_authorized_code, "")


# --- authorization details ----------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.1.1-01", "VCI-6.1.1-03", "VCI-6.2-03", "VCI-6.2-05", "VCI-6.2-06")
def test_details_narrow_the_token_and_come_back_with_identifiers() -> None:
    world = issuance()
    granted = world.grant("note", "badge")
    body = world.redeem(granted, authorization_details=details("badge")).json()
    assert body["authorization_details"] == [
        {
            "type": "openid_credential",
            "credential_configuration_id": "badge",
            "credential_identifiers": [default_identifier("badge")],
        }
    ]
    token = body["access_token"]
    assert world.credential(token, {"credential_identifier": default_identifier("badge")}).status == 200
    refused(world.credential(token, {"credential_identifier": default_identifier("note")}), "unknown_credential_identifier")
    refused(world.credential(token, order_of(configuration_id="note")), "invalid_credential_request")


@pytest.mark.spec("VCI-6.1.1-03")
def test_details_for_more_than_was_granted_are_refused_and_nothing_is_consumed() -> None:
    world = issuance()
    granted = world.grant("note", tx_code="1234")
    before = world.host.rows
    refused(world.redeem(granted, tx_code="1234", authorization_details=details("badge")), "invalid_authorization_details")
    assert world.host.rows == before


@pytest.mark.spec("VCI-6.2-02")
def test_several_datasets_of_one_configuration_have_an_identifier_each() -> None:
    """`credential_identifiers` missing or wrong: each of them can be requested, and the order says which one it was."""
    world = issuance()
    response = world.redeem(world.grant("badge", "object", datasets={"badge": ["bsc-2023", "msc-2025"]}))
    found = {
        each["credential_configuration_id"]: each["credential_identifiers"] for each in response.json()["authorization_details"]
    }
    assert found == {"badge": ["bsc-2023", "msc-2025"], "object": [default_identifier("object")]}
    token = response.json()["access_token"]
    for identifier, configuration_id in (
        ("bsc-2023", "badge"),
        ("msc-2025", "badge"),
        (default_identifier("object"), "object"),
    ):
        assert world.credential(token, {"credential_identifier": identifier}).status == 200
        order = world.host.orders[-1]
        assert getattr(order, "identifier") == identifier  # noqa: B009
        assert getattr(order, "configuration_id") == configuration_id  # noqa: B009


@pytest.mark.spec("VCI-6.2-06", "VCI-6.2-07")
@pytest.mark.parametrize(
    "datasets",
    [
        {"note": []},
        {"note": ["a", "a"]},
        {"note": ["a"], "badge": ["a"]},
        {"note": ["badge/default"]},
        {"other": ["a"]},
    ],
)
def test_identifiers_that_are_ambiguous_or_missing_are_the_applications_mistake(datasets: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"dataset|identifier"):
        issuance().server.pre_authorize("ada", ["note", "badge"], now=NOW, datasets=datasets)


@pytest.mark.parametrize("configuration_ids", [[], ["note", "note"]])
def test_a_grant_is_for_distinct_configurations(configuration_ids: list[str]) -> None:
    with pytest.raises(ValueError, match="configuration_ids"):
        issuance().server.pre_authorize("ada", configuration_ids, now=NOW)


@pytest.mark.parametrize("tx_code", ["", "1" * 257])
def test_a_transaction_code_is_neither_empty_nor_huge(tx_code: str) -> None:
    with pytest.raises(ValueError, match="transaction code"):
        issuance().server.pre_authorize("ada", ["note"], now=NOW, tx_code=tx_code)


@pytest.mark.parametrize("settings", [{"lifetime": 0}, {"max_tx_code_attempts": 0}])
def test_codes_live_and_can_be_tried(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="positive"):
        PreAuthorizedCodes(secret_keys(), **settings)


@pytest.mark.spec("VCI-6.1-12")
def test_the_token_serves_for_what_was_offered_only() -> None:
    world = issuance()
    token = world.token("badge")
    assert world.credential(token, {"credential_configuration_id": "badge"}).status == 200
    response = world.credential(token, {"credential_configuration_id": "object"})
    refused(response, "insufficient_scope", status=403)


OTHER = "https://other.example"


def test_the_resource_is_the_credential_issuer() -> None:
    world = issuance(server={"credential_issuers": [IDENTIFIER, OTHER]})
    assert world.credential(world.token("badge", resource=IDENTIFIER), {"credential_configuration_id": "badge"}).status == 200


def test_a_token_is_for_one_credential_issuer_alone() -> None:
    world = issuance(server={"credential_issuers": [IDENTIFIER, OTHER]})
    token = world.redeem(world.grant("badge", credential_issuer=OTHER)).json()["access_token"]
    refused(world.credential(token, {"credential_configuration_id": "badge"}), "invalid_token", status=401)


@pytest.mark.parametrize("made_for", [None, IDENTIFIER, OTHER])
def test_a_code_is_good_for_the_credential_issuer_it_was_made_for(made_for: str | None) -> None:
    """Configurations of two issuers may have the same id: what one approved is not for the other to issue."""
    world = issuance(server={"credential_issuers": [IDENTIFIER, OTHER]})
    granted = world.grant("badge", credential_issuer=made_for)
    right, wrong = (OTHER, IDENTIFIER) if made_for == OTHER else (IDENTIFIER, OTHER)
    refused(world.redeem(granted, resource=wrong), "invalid_target")
    details = [{"type": "openid_credential", "credential_configuration_id": "badge", "locations": [wrong]}]
    refused(world.redeem(granted, authorization_details=json.dumps(details)), "invalid_authorization_details")
    assert world.redeem(granted, resource=right).status == 200


def test_codes_are_made_for_issuers_that_the_server_serves() -> None:
    with pytest.raises(ValueError, match="does not serve"):
        issuance().grant("badge", credential_issuer=OTHER)


# --- how long tokens live, and what a server may publish ----------------------------------------------------------------------


@pytest.mark.spec("VCI-13.10-01")
@pytest.mark.parametrize("lifetime", [0, -1, 301, 86_400])
def test_a_bearer_token_lives_no_longer_than_five_minutes(lifetime: int) -> None:
    with pytest.raises(ValueError, match="access_token_lifetime"):
        issuance(server={"access_token_lifetime": lifetime})
    world = issuance(server={"access_token_lifetime": 300})
    assert world.redeem(world.grant("note")).json()["expires_in"] == 300


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"token_endpoint": None}, "token_endpoint"),
        ({"grant_types_supported": ("authorization_code",)}, "grant_types_supported"),
        ({"grant_types_supported": (GRANT_TYPE, "authorization_code")}, "grant_types_supported"),
        ({"grant_types_supported": None}, "grant_types_supported"),
        ({"authorization_endpoint": f"{IDENTIFIER}/authorize"}, "authorization_endpoint"),
        ({"pushed_authorization_request_endpoint": f"{IDENTIFIER}/par"}, "pushed_authorization_request_endpoint"),
        ({"challenge_endpoint": f"{IDENTIFIER}/challenge"}, "challenge_endpoint"),
        ({"introspection_endpoint": f"{IDENTIFIER}/introspect"}, "introspection_endpoint"),
        ({"revocation_endpoint": f"{IDENTIFIER}/revoke"}, "revocation_endpoint"),
        ({"token_endpoint_auth_methods_supported": ("none", "private_key_jwt")}, "token_endpoint_auth_methods_supported"),
    ],
)
def test_a_server_publishes_only_what_it_serves(members: dict[str, Any], named: str) -> None:
    keys = secret_keys()
    with pytest.raises(ValueError, match=named):
        AuthorizationServer(
            metadata=server_metadata(**members),
            access_tokens=SealedAccessTokens(keys),
            pre_authorized_codes=PreAuthorizedCodes(keys),
        )


@pytest.mark.spec("HAIP-4.1-01")
def test_the_servers_metadata_are_served_where_rfc_8414_says() -> None:
    world = issuance(anonymous=True)
    response = world.get(SERVER_METADATA, {"accept": "text/html"})
    assert (response.status, response.headers.get("content-type")) == (200, "application/json")
    assert response.json() == {
        "issuer": IDENTIFIER,
        "token_endpoint": TOKEN,
        "grant_types_supported": [GRANT_TYPE],
        "token_endpoint_auth_methods_supported": ["none"],
        "pre-authorized_grant_anonymous_access_supported": True,
    }
    assert world.send(Request("POST", SERVER_METADATA)).headers.get("allow") == "GET"
    refused(world.get(f"{IDENTIFIER}/.well-known/oauth-authorization-server"), "not_found", status=404)


def test_a_path_that_is_no_endpoint_is_not_served() -> None:
    world = issuance()
    for url in ("/", "", "//[", f"{TOKEN}/", f"{TOKEN}/x", "/token", "/tenant/Token", "/tenant//token", "*"):
        request = Request("POST", url)
        assert not world.server.serves(request.path)
        refused(world.send(request), "not_found", status=404)
        with pytest.raises(Refusal):
            world.server.read(request)


# --- nothing but refusals -----------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=30)
NAMES = st.sampled_from(
    ["grant_type", "pre-authorized_code", "tx_code", "client_id", "authorization_details", "resource", "client_secret", "code"]
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("type"), inner, max_size=3),
    max_leaves=8,
)
DETAIL = st.dictionaries(
    st.sampled_from(["type", "credential_configuration_id", "locations", "claims", "credential_identifiers", "x"]),
    st.sampled_from(["openid_credential", "note", [IDENTIFIER], [{"path": ["a"]}], [{"path": [None, -1]}]]) | PLAIN,
)
VALUES = TEXT | st.just(GRANT_TYPE) | st.lists(DETAIL | PLAIN, max_size=3).map(json.dumps)


def answer(world: Issuance, request: Request) -> None:
    """Whatever is not a refusal with a reply fails the test."""
    try:
        call = world.server.read_token_request(request)
        assert isinstance(call, TokenCall)
        reply = call.verify(world.host.load(call.lookups), now=NOW).issue().finish()
    except Refusal as refusal:
        reply = refusal.reply
    assert reply.response.status in {200, 400, 401, 405}


WORLD = issuance(anonymous=True)
GRANTED = WORLD.grant("note", "badge")


@given(st.dictionaries(NAMES | TEXT, VALUES, max_size=8))
def test_any_form_is_answered_or_refused(form: dict[str, str]) -> None:
    known = {"grant_type": GRANT_TYPE, "pre-authorized_code": GRANTED.grant.pre_authorized_code}
    for parameters in (form, {**form, **known}, {**known, **form}):
        answer(WORLD, post(urlencode(parameters, errors="surrogatepass")))


@given(st.binary(max_size=200), st.sampled_from([FORM, JSON, "", f"{FORM};x"]) | TEXT)
def test_any_body_is_answered_or_refused(body: bytes, content_type: str) -> None:
    answer(WORLD, post(body, content_type))
    answer(WORLD, post(CODE.encode() + body, FORM))


@given(TEXT, st.lists(st.tuples(TEXT | st.sampled_from(["authorization", "content-type", "dpop"]), TEXT), max_size=4))
def test_any_headers_are_answered_or_refused(method: str, headers: list[tuple[str, str]]) -> None:
    good = token_request(GRANTED)
    for request in (
        Request(method, good.url, headers, good.body),
        Request("POST", good.url, [*good.headers.pairs, *headers], good.body),
    ):
        answer(WORLD, request)
        with suppress(MethodNotAllowed):
            WORLD.server.read_metadata_request(request)


def test_invalid_client_is_a_status_of_400_without_the_header() -> None:
    assert InvalidClient().reply.response.status == 400


# --- bounds, and who the client is ----------------------------------------------------------------------------------------------


def test_large_authorization_details_and_client_ids_are_refused() -> None:
    """What is granted is stored, and read again with every Credential Request."""
    world = issuance()
    granted = world.grant("note")
    claims = [{"path": [f"c{i}"]} for i in range(1000)]
    details = [{"type": "openid_credential", "credential_configuration_id": "note", "claims": claims}]
    refused(world.redeem(granted, authorization_details=json.dumps(details)), "invalid_authorization_details")
    refused(world.redeem(granted, client_id="x" * 2049), "invalid_client")
    assert world.redeem(granted).status == 200


def test_the_client_is_who_the_server_says_it_is() -> None:
    """An existing server authenticates its clients by its own means: what the form says of the client proves nothing."""
    world = issuance()
    made = pre_authorized_codes(world).new("ada", ["note"], client_id="victim", now=NOW, new_secret=counted(99))
    assert world.host.commit(made.changes)
    form = Form((("pre-authorized_code", made.grant.pre_authorized_code), ("client_id", "victim")))
    records = world.host.load([made.key])
    for client_id in ("evil", None):
        call = pre_authorized_codes(world).read(form, credential_issuers=[IDENTIFIER], client_id=client_id)
        with pytest.raises(InvalidGrant):
            call.verify(records, now=NOW)
    call = pre_authorized_codes(world).read(form, credential_issuers=[IDENTIFIER], client_id="victim")
    assert call.verify(records, now=NOW).client_id == "victim"


def test_locations_say_which_credential_issuer_the_token_is_for() -> None:
    world = issuance(server={"credential_issuers": [OTHER, IDENTIFIER]})
    made = pre_authorized_codes(world).new("ada", ["badge"], now=NOW, new_secret=counted(77))
    assert world.host.commit(made.changes)
    details = [{"type": "openid_credential", "credential_configuration_id": "badge", "locations": [IDENTIFIER]}]
    answer = world.redeem(made, authorization_details=json.dumps(details))
    (identifier,) = answer.json()["authorization_details"][0]["credential_identifiers"]
    assert world.credential(answer.json()["access_token"], {"credential_identifier": identifier}).status == 200


@pytest.mark.parametrize(
    "options",
    [
        {"datasets": {"note": [""]}},
        {"datasets": {"note": ["x" * 4097]}},
        {"datasets": {"note": "abc"}},
    ],
)
def test_datasets_that_no_request_could_name_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="identifier"):
        issuance().grant("note", **options)


def test_a_string_is_not_several() -> None:
    server = issuance().server
    for ids in ("note", [""]):
        with pytest.raises(ValueError, match="configuration_ids"):
            server.pre_authorize("ada", ids, now=NOW)
    with pytest.raises(TypeError):
        issuance(server={"credential_issuers": "https://issuer.example"})


def test_a_revoked_grant_ends_its_code_and_its_tokens() -> None:
    world = issuance()
    granted = world.grant("badge")
    assert world.host.commit([revoke(world.host.rows[granted.key])])
    refused(world.redeem(granted), "invalid_grant")
    granted = world.grant("badge")
    token = world.redeem(granted).json()["access_token"]
    assert world.host.commit([revoke(world.host.rows[granted.key])])
    refused(world.credential(token, {"credential_configuration_id": "badge"}), "invalid_token", status=401)


# --- scope (OID4VCI 6.1) --------------------------------------------------------------------------------------------------------


def test_a_scope_asks_for_some_of_what_was_offered() -> None:
    flow = code_flow()
    granted = flow.grant("note", "card", "left")
    body = flow.redeem(granted, scope="card-scope pair unknown").json()
    assert body["scope"] == "card-scope pair"
    for name, status in (("card", 200), ("left", 200), ("note", 403), ("right", 403)):
        assert flow.credential(body["access_token"], {"credential_configuration_id": name}).status == status


def test_without_a_known_scope_all_that_was_offered_is_given() -> None:
    for scope in (None, "unknown", "openid"):
        flow = code_flow()
        body = flow.redeem(flow.grant("note", "badge"), scope=scope).json()
        assert flow.credential(body["access_token"], {"credential_configuration_id": "badge"}).status == 200
        assert body["scope"] == "note-scope"


def test_scope_and_details_ask_for_both() -> None:
    flow = code_flow()
    body = flow.redeem(flow.grant("note", "card", "badge"), scope="card-scope", authorization_details=details("note")).json()
    assert [each["credential_configuration_id"] for each in body["authorization_details"]] == ["note", "card"]


def test_a_malformed_scope_is_refused_and_leaves_the_code() -> None:
    flow = code_flow()
    granted = flow.grant("note")
    refused(flow.redeem(granted, scope='a"b'), "invalid_scope")
    assert flow.redeem(granted).status == 200


def test_scopes_never_stand_for_more_than_was_offered() -> None:
    flow = code_flow()
    made = pre_authorized_codes(flow).new(
        "ada", ["left"], scopes=flow.issuer.metadata.scopes, now=NOW, new_secret=counted(7), client_id=CLIENT
    )
    assert flow.host.commit(made.changes)
    body = flow.redeem(made, scope="pair note-scope").json()
    for name, status in (("left", 200), ("right", 403), ("note", 403)):
        assert flow.credential(body["access_token"], {"credential_configuration_id": name}).status == status


def test_what_holds_for_unknown_clients_holds_for_those_without_a_name() -> None:
    bound = ClientMetadata(token_endpoint_auth_method="none", dpop_bound_access_tokens=True)
    anonymous = {"pre_authorized_grant_anonymous_access_supported": True}
    flow = code_flow(clients={}, other_clients=bound, server_metadata=anonymous)
    granted = flow.grant("note")
    refused(flow.redeem(granted, client_id="any"), "invalid_dpop_proof")
    refused(flow.redeem(granted, client_id=None), "invalid_dpop_proof")
