"""The Deferred Credential Endpoint: whom it serves, and what it refuses, each with the right error (OID4VCI 9, 9.1, 9.3)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.http import Request
from oid4vci.oauth.grants import REVOKED
from oid4vci.records import Swap
from tests.deferrals import (
    DEFERRED,
    LIFETIME,
    deferred,
    host_of,
    not_theirs,
    notes,
    poll,
    poll_request,
    token_for,
    untouched,
    world_of,
)
from tests.issuance import NOW, details, refused

# --- whose it is --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-9.3-02")
@pytest.mark.parametrize("wrong", ["x", "A" * 43, "é", "\x00", "t" * 1024])
def test_an_unknown_transaction(wrong: str) -> None:
    world = world_of()
    token = token_for(world)
    deferred(world, token)
    not_theirs(world, token, wrong)
    not_theirs(world, token, host_of(world).drafts[-1].handle)


@pytest.mark.spec("VCI-9-02", "VCI-9.3-02")
@pytest.mark.parametrize("other", [{"subject": "bob"}, {"client": "another-wallet"}], ids=["subject", "client"])
def test_the_transaction_of_somebody_else(other: dict[str, Any]) -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    not_theirs(world, token_for(world, **other), transaction)
    # It is still there for whose it is.
    assert len(notes(poll(world, token, transaction))) == 1


def test_an_anonymous_client_is_no_named_one() -> None:
    world = world_of(anonymous=True)
    anonymous = world.redeem(world.grant("badge"), client_id=None).json()["access_token"]
    named = token_for(world)
    first, second = deferred(world, anonymous), deferred(world, named)
    not_theirs(world, named, first)
    not_theirs(world, anonymous, second)
    notes(poll(world, anonymous, first))


@pytest.mark.spec("VCI-9-02")
def test_another_access_token_of_the_same_client_for_the_same_person_will_do() -> None:
    """The first one has long expired when the Credentials are ready."""
    world = world_of()
    transaction = deferred(world, token_for(world))
    later = NOW + LIFETIME - 1
    assert len(notes(poll(world, token_for(world, now=later), transaction, now=later))) == 1


@pytest.mark.spec("VCI-9-02", "VCI-9.3-02")
def test_a_token_that_is_not_for_what_was_ordered() -> None:
    world = world_of()
    token = token_for(world, "badge", "object")
    transaction = deferred(world, token)
    not_theirs(world, token_for(world, "object"), transaction)
    notes(poll(world, token, transaction))


def test_a_token_that_is_not_for_the_dataset() -> None:
    world = world_of()
    datasets = {"badge": ["one", "two"]}
    token = token_for(world, "badge", datasets=datasets)
    transaction = deferred(world, token, {"credential_identifier": "two"})
    not_theirs(world, token_for(world, "badge", datasets={"badge": ["one"]}), transaction)
    not_theirs(world, token_for(world, "badge"), transaction)
    not_theirs(world, token_for(world, "badge", "object", datasets={"badge": ["one"], "object": ["two"]}), transaction)
    notes(poll(world, token_for(world, "badge", datasets=datasets), transaction))
    assert host_of(world).polls[-1].identifier == "two"


def test_a_token_with_identifiers_is_good_for_what_was_ordered_without() -> None:
    world = world_of()
    transaction = deferred(world, token_for(world))
    notes(poll(world, world.token("badge", authorization_details=details("badge")), transaction))


def test_a_transaction_that_has_expired() -> None:
    world = world_of()
    transaction = deferred(world, token_for(world))
    later = NOW + LIFETIME
    not_theirs(world, token_for(world, now=later), transaction, now=later)


# --- Access Tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-9-02", "VCI-9.3-01")
def test_no_access_token() -> None:
    world = world_of()
    transaction = deferred(world, token_for(world))
    response = untouched(world, lambda: poll(world, None, transaction))
    assert (response.status, response.body) == (401, b"")
    assert response.headers.get("www-authenticate") == "Bearer"


@pytest.mark.spec("VCI-9-02", "VCI-9.3-01")
def test_access_tokens_that_are_none() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    for wrong in ("x", token[:-1], "é"):
        response = untouched(world, lambda wrong=wrong: poll(world, wrong, transaction))  # type: ignore[misc]
        assert response.status == 401
        assert 'error="invalid_token"' in (response.headers.get("www-authenticate") or "")
    expired = untouched(world, lambda: poll(world, token, transaction, now=NOW + LIFETIME - 1))
    assert expired.status == 401
    notes(poll(world, token, transaction))


def test_the_token_of_a_grant_that_was_revoked() -> None:
    world = world_of()
    granted = world.grant("badge")
    token = world.redeem(granted).json()["access_token"]
    transaction = deferred(world, token)
    assert world.host.commit([Swap.update(world.host.rows[granted.key], state=REVOKED)])
    assert untouched(world, lambda: poll(world, token, transaction)).status == 401


def test_a_token_is_taken_from_its_header_only() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    response = untouched(world, lambda: world.send(poll_request(token, transaction, url=f"{DEFERRED}?access_token={token}")))
    assert response.status == 400
    assert untouched(world, lambda: poll(world, None, {"transaction_id": transaction, "access_token": token})).status == 401


# --- bodies -------------------------------------------------------------------------------------------------------------------

MALFORMED: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"transaction_id":"x","transaction_id":"x"}',
    b'{"transaction_id":"\\ud800"}',
    b"\xff",
    {},
    {"transaction_id": None},
    {"transaction_id": 7},
    {"transaction_id": ""},
    {"transaction_id": ["x"]},
    {"transaction_id": {"x": "y"}},
    {"transaction_id": "t" * 1025},
    b'{"transaction_id":"x","y":' + b"[" * 5000 + b"]" * 5000 + b"}",
]


@pytest.mark.spec("VCI-9.1-03", "VCI-9.3-01")
@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_request(body: Any) -> None:
    world = world_of()
    token = token_for(world)
    deferred(world, token)
    refused(untouched(world, lambda: poll(world, token, body)), "invalid_credential_request")
    # Whoever has no token learns nothing of the body.
    assert untouched(world, lambda: poll(world, "x", body)).status == 401


@pytest.mark.spec("VCI-9.1-11", "VCI-9.3-01")
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type(content_type: str) -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    response = untouched(world, lambda: poll(world, token, transaction, content_type=content_type))
    refused(response, "invalid_credential_request")


def test_a_body_that_is_too_large() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    response = untouched(world, lambda: poll(world, token, {"transaction_id": transaction, "x": "y" * (4 << 20)}))
    refused(response, "invalid_credential_request")


def test_how_the_answer_is_to_be_encrypted_is_read_here_too() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    asked = {"transaction_id": transaction, "credential_response_encryption": {"enc": "A256GCM"}}
    refused(untouched(world, lambda: poll(world, token, asked)), "invalid_encryption_parameters")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_another_method(method: str) -> None:
    world = world_of()
    token = token_for(world)
    request = poll_request(token, deferred(world, token))
    response = untouched(world, lambda: world.send(Request(method, DEFERRED, request.headers, request.body)))
    assert (response.status, response.headers.get("allow")) == (405, "POST")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(
    body=st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(["transaction_id", "credential_response_encryption", "x"]), json_values).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_whatever_comes_is_refused_in_the_words_of_the_specification(body: bytes) -> None:
    world = WORLD
    response = untouched(world, lambda: world.send(Request("POST", DEFERRED, HEADERS, body)))
    assert response.status == 400
    assert response.json()["error"] in ("invalid_credential_request", "invalid_transaction_id", "invalid_encryption_parameters")


WORLD = world_of()
HEADERS = {"content-type": "application/json", "authorization": f"Bearer {token_for(WORLD)}"}
