"""Notification Requests that are malformed, or are anything at all (OID4VCI 11.1, 11.3): nothing of them is recorded."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given as for_all
from hypothesis import strategies as st

from oid4vci.errors import Refusal
from oid4vci.notifications import EVENTS, MAX_EVENT_DESCRIPTION, MAX_NOTIFICATION_ID
from tests.issuance import FORM, NOW, refused
from tests.notifications import given, noted, notification_request, unheard

GOOD = '"notification_id": "ID", "event": "credential_accepted"'
BODIES: dict[str, str] = {
    "nothing": "",
    "no JSON": "x",
    "no object": '["ID"]',
    "more than one": f"{{{GOOD}}}{{}}",
    "no id": '{"event": "credential_accepted"}',
    "an id that is null": '{"notification_id": null, "event": "credential_accepted"}',
    "an id that is a number": '{"notification_id": 1, "event": "credential_accepted"}',
    "an id in an array": '{"notification_id": ["ID"], "event": "credential_accepted"}',
    "an empty id": '{"notification_id": "", "event": "credential_accepted"}',
    "an endless id": f'{{"notification_id": "{"x" * (MAX_NOTIFICATION_ID + 1)}", "event": "credential_accepted"}}',
    "two ids": f'{{"notification_id": "ID", {GOOD}}}',
    "no event": '{"notification_id": "ID"}',
    "two events": f'{{{GOOD}, "event": "credential_failure"}}',
    "an event that is null": '{"notification_id": "ID", "event": null}',
    "an event that is an array": '{"notification_id": "ID", "event": ["credential_accepted"]}',
    "an unknown event": '{"notification_id": "ID", "event": "stored"}',
    "an event in another case": '{"notification_id": "ID", "event": "Credential_Accepted"}',
    "an event and a space": '{"notification_id": "ID", "event": "credential_accepted "}',
    "a draft's event": '{"notification_id": "ID", "event": "credential_rejected"}',
    "a description that is null": f'{{{GOOD}, "event_description": null}}',
    "a description that is a number": f'{{{GOOD}, "event_description": 1}}',
    "a description with a quotation mark": f'{{{GOOD}, "event_description": "\\""}}',
    "a description with a backslash": f'{{{GOOD}, "event_description": "\\\\"}}',
    "a description with a letter that is no ASCII": f'{{{GOOD}, "event_description": "é"}}',
    "a description with a line break": f'{{{GOOD}, "event_description": "a\\nb"}}',
    "a description with a line break at its end": f'{{{GOOD}, "event_description": "a\\n"}}',
    "a description with DEL": f'{{{GOOD}, "event_description": "\\u007f"}}',
    "a description that is too long": f'{{{GOOD}, "event_description": "{"x" * (MAX_EVENT_DESCRIPTION + 1)}"}}',
    "two descriptions": f'{{{GOOD}, "event_description": "a", "event_description": "a"}}',
    "an unknown member twice": f'{{{GOOD}, "x": 1, "x": 1}}',
    "a huge one": f'{{{GOOD}, "x": "{"x" * 70_000}"}}',
    "a deep one": f'{{{GOOD}, "x": {"[" * 200}{"]" * 200}}}',
}


@pytest.mark.spec("VCI-11.1-03", "VCI-11.1-04", "VCI-11.1-05", "VCI-11.1-11", "VCI-11.3-03", "VCI-11.3-04", "VCI-11.3-07")
@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_request_is_not_heard(name: str) -> None:
    held = given()
    unheard(held, BODIES[name].replace('"ID"', f'"{held.notification_id}"').encode(), "invalid_notification_request")


@pytest.mark.spec("VCI-11.1-01", "VCI-11.3-07")
@pytest.mark.parametrize("content_type", [FORM, "application/jwt", "text/plain", "", "application/json-seq"])
def test_a_request_is_json(content_type: str) -> None:
    held = given()
    unheard(held, held.body(), "invalid_notification_request", content_type=content_type)
    form = f"notification_id={held.notification_id}&event=credential_accepted".encode()
    unheard(held, form, "invalid_notification_request", content_type=content_type)


def test_a_request_that_names_two_media_types_is_not_heard() -> None:
    held = given()
    request = notification_request(held.token, held.body())
    twice = evolve(request, headers=[*request.headers.pairs, ("content-type", "application/json")])
    refused(held.parts.send(twice), "invalid_notification_request")


@pytest.mark.spec("VCI-11.1-01")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "post"])
def test_the_method_is_post(method: str) -> None:
    held = given()
    response = held.parts.send(evolve(notification_request(held.token, held.body()), method=method))
    refused(response, "invalid_request", status=405)
    assert response.headers.get("allow") == "POST"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(EVENTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
HELD = given()


@for_all(
    st.fixed_dictionaries(
        {},
        optional={
            "notification_id": st.just(HELD.notification_id) | JSON_VALUES,
            "event": st.sampled_from(EVENTS) | JSON_VALUES,
            "event_description": st.text(max_size=10) | JSON_VALUES,
            "other": JSON_VALUES,
        },
    )
)
def test_any_object_is_acknowledged_or_refused(body: dict[str, Any]) -> None:
    held = given()
    if body.get("notification_id") == HELD.notification_id:
        body = {**body, "notification_id": held.notification_id}
    description = body.get("event_description", "")
    in_order = isinstance(description, str) and all(" " <= each <= "~" and each not in '"\\' for each in description)
    good = body.get("notification_id") == held.notification_id and body.get("event") in list(EVENTS) and in_order
    response = held.send(body)
    assert response.status == (204 if good else 400)
    assert len(noted(held.parts)) == (1 if good else 0)


@for_all(st.binary(max_size=60), st.sampled_from(["application/json", "application/jwt", "x"]))
def test_any_bytes_are_refused(body: bytes, content_type: str) -> None:
    call = HELD.parts.issuer.read_notification_request(notification_request(HELD.token, body, content_type=content_type))
    with pytest.raises(Refusal) as refusal:
        call.verify(HELD.parts.host.load(call.lookups), now=NOW)
    assert refusal.value.error == "invalid_notification_request"
