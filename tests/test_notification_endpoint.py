"""The Notification Endpoint (OID4VCI 11): who may say what about which Credentials, and that it is written down once."""

import pytest
from attrs import evolve
from hypothesis import given as for_all
from hypothesis import strategies as st

from oid4vci.errors import InvalidNotificationId, InvalidNotificationRequest, NotFound
from oid4vci.http import Request
from oid4vci.issuer.notification import MAX_EVENTS
from oid4vci.notifications import EVENTS, Notifications, RecordedEvent
from oid4vci.oauth.grants import revoke
from oid4vci.sealed import SealingKeys
from tests.issuance import (
    CREDENTIAL,
    IDENTIFIER,
    NONCE,
    NOW,
    Proof,
    counted,
    issuance,
    new_issuer,
    order_of,
    refused,
    secret_keys,
)
from tests.notifications import (
    ACCEPTED,
    BADGE,
    DELETED,
    FAILURE,
    NOTED,
    NOTIFICATION,
    NOTIFICATIONS,
    Given,
    acknowledged,
    given,
    id_of,
    metadata,
    noted,
    notification_request,
    rows,
    unheard,
    world,
)

LIFETIME = NOTIFICATIONS.lifetime


def described(description: str | None) -> dict[str, str]:
    return {} if description is None else {"event_description": description}


# --- the id ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11-02", "VCI-8.3-22")
def test_a_response_has_one_id_for_all_its_credentials() -> None:
    parts = world()
    token, nonce = parts.token("note"), parts.nonce()
    response = parts.credential(token, order_of(Proof(nonce), Proof(nonce), Proof(nonce)))
    assert response.json().keys() == {"credentials", "notification_id"}
    assert [each.keys() for each in response.json()["credentials"]] == [{"credential"}] * 3
    again = parts.credential(token, order_of(Proof(parts.nonce())))
    assert id_of(again) != id_of(response)


@pytest.mark.spec("VCI-11-01", "VCI-8.3-22")
def test_without_an_endpoint_there_is_no_id() -> None:
    parts = issuance()
    token = parts.token("badge")
    assert parts.credential(token, BADGE).json().keys() == {"credentials"}
    refused(parts.send(notification_request(token, {})), "not_found", status=404)
    with pytest.raises(NotFound):
        parts.issuer.read_notification_request(notification_request(token, {}))


def test_a_refusal_has_no_id() -> None:
    parts = world()
    refused(parts.credential(parts.token("note"), {"credential_configuration_id": "note"}), "invalid_proof")


def test_an_id_says_nothing_to_who_has_no_key() -> None:
    held = given(token=None)
    assert "badge" not in held.notification_id
    assert held.notification_id not in repr(noted(held.parts))
    acknowledged(held.notify())
    (order,) = noted(held.parts)
    assert held.notification_id not in repr(order)
    assert all(held.notification_id not in str(record) for record in held.parts.host.rows.values())


# --- the good case --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11-03", "VCI-11-04", "VCI-11.1-10", "VCI-11.2-01", "VCI-11.2-02")
@pytest.mark.parametrize("description", [None, "", "All of it: !#$[]^~"])
@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_acknowledged_and_handed_on(event: str, description: str | None) -> None:
    held = given()
    acknowledged(held.send(held.body(event, **described(description)), now=NOW + 60))
    (order,) = noted(held.parts)
    assert (order.event, order.event_description, order.recorded, order.repeated) == (event, description, (), False)
    assert (order.configuration_id, order.identifier, order.issued_at, order.now) == ("badge", None, NOW, NOW + 60)
    assert (order.subject, order.client_id, order.note) == ("ada", "wallet", None)
    (record,) = rows(held.parts, "notification")
    assert record.data == {"events": [{"event": event, "event_description": description, "at": NOW + 60}]}
    assert record.expires_at > NOW + LIFETIME


def test_a_dataset_is_known_by_its_identifier() -> None:
    parts = world()
    token = parts.redeem(parts.grant("badge", datasets={"badge": ["first", "second"]}, note={"case": 7})).json()["access_token"]
    held = Given(parts, token, id_of(parts.credential(token, {"credential_identifier": "second"})))
    acknowledged(held.notify())
    (order,) = noted(parts)
    assert (order.configuration_id, order.identifier, order.note) == ("badge", "second", {"case": 7})


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600", "\x01"])
def test_an_identifier_may_be_as_long_as_identifiers_are(character: str) -> None:
    parts, identifier = world(), character * 4096
    token = parts.redeem(parts.grant("badge", datasets={"badge": [identifier]})).json()["access_token"]
    held = Given(parts, token, id_of(parts.credential(token, {"credential_identifier": identifier})))
    acknowledged(held.notify())
    assert noted(parts)[0].identifier == identifier


@pytest.mark.spec("VCI-11.1-13")
def test_unknown_members_are_ignored() -> None:
    held = given()
    acknowledged(held.notify(foo=1, transaction_id={"deep": [None]}, access_token="x", credential_identifier=True))
    assert len(noted(held.parts)) == 1


def test_a_content_type_may_have_parameters() -> None:
    held = given()
    acknowledged(held.send(held.body(), content_type="Application/JSON; charset=utf-8"))


# --- several events -------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11-05", "VCI-11.2-01")
def test_the_same_twice_is_acknowledged_twice_and_brings_about_one_thing() -> None:
    held = given()
    acknowledged(held.notify(event_description="stored"))
    acknowledged(held.notify(event_description="stored", now=NOW + 5))
    acknowledged(held.notify(event_description="stored", unknown="another member", now=NOW + 6))
    first, second, third = noted(held.parts)
    assert (first.repeated, second.repeated, third.repeated) == (False, True, True)
    assert second.recorded == third.recorded == (RecordedEvent(ACCEPTED, "stored", NOW),)
    assert len(rows(held.parts, NOTED)) == 1
    (record,) = rows(held.parts, "notification")
    assert len(record.data["events"]) == 1


@pytest.mark.spec("VCI-11.1-02")
def test_events_that_contradict_each_other_are_handed_on_with_what_was_before() -> None:
    held = given()
    sent = [(ACCEPTED, None), (DELETED, None), (FAILURE, None), (FAILURE, "why"), (ACCEPTED, None), (FAILURE, "")]
    for event, description in sent:
        acknowledged(held.send(held.body(event, **described(description))))
    orders = noted(held.parts)
    assert [order.repeated for order in orders] == [False, False, False, False, True, False]
    assert [(each.event, each.event_description) for each in orders[-1].recorded] == sent[:4]
    assert len(rows(held.parts, NOTED)) == 5


def test_each_id_has_its_own_events() -> None:
    parts = world()
    token = parts.token("badge")
    one, other = given(parts, token=token), given(parts, token=token)
    acknowledged(one.notify())
    acknowledged(other.notify())
    assert [order.repeated for order in noted(parts)] == [False, False]
    assert len(rows(parts, "notification")) == 2


def test_different_events_are_bounded_and_known_ones_are_not() -> None:
    held = given()
    for i in range(MAX_EVENTS):
        acknowledged(held.notify(FAILURE, event_description=f"attempt {i}"))
    before = held.parts.host.rows
    refusal = refused(held.notify(FAILURE, event_description="one more"), "invalid_notification_request")
    assert "too many" in refusal["error_description"]
    assert held.parts.host.rows == before
    acknowledged(held.notify(FAILURE, event_description="attempt 0"))


# --- what is wrong with the id --------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11.1-03", "VCI-11.3-02", "VCI-11.3-03", "VCI-11.3-04", "VCI-11.3-06")
@pytest.mark.parametrize("wrong", ["3fwe98js", "é", "x" * 5000, "\x00", "A" * 80])
def test_an_id_that_nobody_gave_out_is_invalid(wrong: str) -> None:
    held = given()
    unheard(held, held.body(notification_id=wrong), "invalid_notification_id")


@for_all(st.data())
def test_an_id_that_was_touched_is_invalid(data: st.DataObject) -> None:
    held = given()
    place = data.draw(st.integers(0, len(held.notification_id) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda each: each != held.notification_id[place]))
    touched = held.notification_id[:place] + other + held.notification_id[place + 1 :]
    refused(held.send(held.body(notification_id=touched)), "invalid_notification_id")
    assert noted(held.parts) == []


def test_what_is_sealed_for_something_else_is_no_id() -> None:
    held = given()
    nonce = held.parts.send(Request("POST", NONCE)).json()["c_nonce"]
    for other in (nonce, held.token):
        unheard(held, held.body(notification_id=other), "invalid_notification_id")


def test_an_id_ends() -> None:
    parts = world(notifications=Notifications(secret_keys(), lifetime=100))
    held = given(parts)
    acknowledged(held.notify(now=NOW + 99))
    refused(held.notify(now=NOW + 100), "invalid_notification_id")
    assert len(noted(parts)) == 1


def test_the_id_of_another_issuer_with_the_same_keys_is_invalid() -> None:
    held = given()
    acknowledged(held.notify())
    authorization = noted(held.parts)[-1].authorization
    for issuer, error in (("https://other.example", "invalid_notification_id"), (IDENTIFIER, None)):
        made = NOTIFICATIONS.new(
            issuer, authorization, configuration_id="badge", identifier=None, now=NOW, new_secret=counted()
        )
        response = held.send(held.body(notification_id=made))
        acknowledged(response) if error is None else refused(response, error)


def test_ids_outlive_the_rotation_of_keys() -> None:
    old, new = bytes([1]) * 32, bytes([9]) * 32
    parts = world(keys=SealingKeys([old]), notifications=Notifications(SealingKeys([old])))
    held = given(parts)
    rotated = evolve(parts, issuer=evolve(parts.issuer, notifications=Notifications(SealingKeys([new, old]))))
    acknowledged(evolve(held, parts=rotated).notify())
    dropped = evolve(parts, issuer=evolve(parts.issuer, notifications=Notifications(SealingKeys([new]))))
    refused(evolve(held, parts=dropped).notify(), "invalid_notification_id")


# --- the token ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11-03", "VCI-11.3-01")
def test_without_a_token_nothing_is_said_about_the_request() -> None:
    held = given()
    for body in (held.body(), b"x", {}, held.body(notification_id="unknown")):
        response = held.parts.send(notification_request(None, body))
        assert (response.status, response.headers.get("www-authenticate")) == (401, "Bearer")
        bad = held.parts.send(notification_request("wrong", body))
        assert bad.status == 401
        assert 'error="invalid_token"' in (bad.headers.get("www-authenticate") or "")
        assert b"notification" not in response.body + bad.body
    assert noted(held.parts) == []


@pytest.mark.spec("VCI-11.3-01")
def test_a_token_that_is_over_is_refused_before_the_request_is_looked_at() -> None:
    held = given()
    grant = next(record for key, record in held.parts.host.rows.items() if key.kind == "grant")
    expired = held.send(b"x", now=NOW + 10_000_000)
    assert held.parts.host.commit([revoke(grant)])
    for response in (expired, held.send(b"x"), held.notify()):
        assert response.status == 401
        assert 'error="invalid_token"' in (response.headers.get("www-authenticate") or "")
    assert noted(held.parts) == []


def test_a_token_in_the_query_or_the_body_is_none() -> None:
    held = given()
    refused(held.parts.send(notification_request(None, held.body(), url=f"{NOTIFICATION}?access_token=x")), "invalid_request")
    assert held.parts.send(notification_request(None, held.body(access_token=held.token))).status == 401


# --- the whole ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11.3-05")
def test_there_are_two_codes() -> None:
    assert (InvalidNotificationId.error, InvalidNotificationId.status) == ("invalid_notification_id", 400)
    assert (InvalidNotificationRequest.error, InvalidNotificationRequest.status) == ("invalid_notification_request", 400)


def test_what_is_published_is_what_is_served() -> None:
    with pytest.raises(ValueError, match="notification_endpoint: must be there exactly if notifications are"):
        new_issuer(metadata())
    with pytest.raises(ValueError, match="notification_endpoint: must be there exactly if notifications are"):
        new_issuer(notifications=NOTIFICATIONS)
    with pytest.raises(ValueError, match="a path of its own"):
        new_issuer(evolve(metadata(), notification_endpoint=CREDENTIAL), notifications=NOTIFICATIONS)
    assert new_issuer(metadata(), notifications=NOTIFICATIONS).serves("/tenant/notification")


@pytest.mark.parametrize("lifetime", [0, -1])
def test_a_lifetime_is_positive(lifetime: int) -> None:
    with pytest.raises(ValueError, match="lifetime"):
        Notifications(secret_keys(), lifetime=lifetime)


def test_the_stages_by_hand() -> None:
    held = given()
    call = held.parts.issuer.read_notification_request(notification_request(held.token, held.body()))
    assert [key.kind for key in call.lookups] == ["grant", "notification"]
    assert call.key_refs == ()
    order = call.verify(held.parts.host.load(call.lookups), now=NOW)
    reply = order.acknowledge()
    assert [type(change).__name__ for change in reply.changes] == ["Insert"]
    faulty = held.parts.issuer.read_notification_request(notification_request(held.token, {}))
    assert [key.kind for key in faulty.lookups] == ["grant"]


def test_the_endpoint_is_the_one_that_is_published() -> None:
    refused(given().parts.send(Request("POST", f"{NOTIFICATION}/")), "not_found", status=404)
