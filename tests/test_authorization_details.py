"""`authorization_details` of type `openid_credential` (OID4VCI 5.1.1, 6.1.1, 6.2; RFC 9396)."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.errors import InvalidAuthorizationDetails
from oid4vci.oauth.authorization_details import AuthorizationDetail, read_authorization_details
from oid4vci.oauth.grants import default_identifier, granted_details, identifiers_of
from tests.issuance import IDENTIFIER, NOW, issuance, refused

DETAIL = {"type": "openid_credential", "credential_configuration_id": "badge"}


def read(value: Any) -> tuple[AuthorizationDetail, ...]:
    return read_authorization_details(value if isinstance(value, str) else json.dumps(value), credential_issuers=[IDENTIFIER])


def test_what_is_asked_for() -> None:
    (first, second) = read(
        [
            {**DETAIL, "locations": [IDENTIFIER], "x": {"y": 1}},
            {**DETAIL, "credential_configuration_id": "note", "claims": [{"path": ["address", None, 0]}]},
        ]
    )
    assert (first.credential_configuration_id, first.locations, first.extra) == ("badge", (IDENTIFIER,), {"x": {"y": 1}})
    assert second.claims is not None
    assert second.claims[0].path == ("address", None, 0)


@pytest.mark.parametrize("locations", [[IDENTIFIER], ["https://other.example", IDENTIFIER], None])
def test_locations_may_name_others_too(locations: list[str] | None) -> None:
    assert len(read([{**DETAIL, "locations": locations}])) == 1


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "{",
        "[",
        "null",
        "[]",
        '[{"type":"openid_credential","type":"openid_credential","credential_configuration_id":"badge"}]',
        "[" * 100 + "]" * 100,
        DETAIL,
        "openid_credential",
        [[]],
        ["x"],
        [None],
        [{}],
        [{"type": "openid_credential"}],
        [{"credential_configuration_id": "badge"}],
        [{**DETAIL, "type": None}],
        [{**DETAIL, "type": ""}],
        [{**DETAIL, "type": 1}],
        [{**DETAIL, "type": ["openid_credential"]}],
        [{**DETAIL, "type": "OPENID_CREDENTIAL"}],
        [{**DETAIL, "type": "payment_initiation"}],
        [DETAIL, {"type": "payment_initiation"}],
        [{**DETAIL, "credential_configuration_id": None}],
        [{**DETAIL, "credential_configuration_id": ""}],
        [{**DETAIL, "credential_configuration_id": 1}],
        [{**DETAIL, "credential_configuration_id": ["badge"]}],
        [DETAIL, DETAIL],
        [{**DETAIL, "credential_configuration_id": f"c{i}"} for i in range(101)],
        [{**DETAIL, "locations": []}],
        [{**DETAIL, "locations": IDENTIFIER}],
        [{**DETAIL, "locations": [1]}],
        [{**DETAIL, "locations": ["https://other.example"]}],
        [{**DETAIL, "locations": [IDENTIFIER + "/"]}],
        [{**DETAIL, "credential_identifiers": ["x"]}],
        [{**DETAIL, "credential_identifiers": []}],
        [{**DETAIL, "claims": []}],
        [{**DETAIL, "claims": {}}],
        [{**DETAIL, "claims": [{}]}],
        [{**DETAIL, "claims": [{"path": []}]}],
        [{**DETAIL, "claims": [{"path": [1.5]}]}],
        [{**DETAIL, "claims": [{"path": [True]}]}],
        [{**DETAIL, "claims": [{"path": ["a"]}, {"path": ["a"]}]}],
        [{**DETAIL, "claims": [{"path": ["a", "b"]}, {"path": ["a", 0]}]}],
    ],
    ids=lambda value: repr(value)[:50],
)
def test_what_is_malformed_or_contradicts_itself_is_refused_and_consumes_nothing(value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(InvalidAuthorizationDetails):
        read(text)
    if text:
        world = issuance()
        granted = world.grant("badge", "note")
        before = world.host.rows
        refused(world.redeem(granted, authorization_details=text), "invalid_authorization_details")
        assert world.host.rows == before


def test_an_error_names_the_element_and_the_member() -> None:
    with pytest.raises(InvalidAuthorizationDetails) as caught:
        read([DETAIL, {**DETAIL, "credential_configuration_id": 1}])
    assert caught.value.description == "authorization_details[1].credential_configuration_id: must be a string"


# --- what a Token Response says -------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-6.2-03", "VCI-6.2-06")
def test_every_granted_configuration_has_identifiers() -> None:
    asked = read([{**DETAIL, "locations": [IDENTIFIER], "claims": [{"path": ["a"]}]}])
    granted, by_scope = granted_details(asked, ["badge", "note"], {"badge": ["b1", "b2"]})
    assert granted.to_json() == {
        **DETAIL,
        "locations": [IDENTIFIER],
        "claims": [{"path": ["a"]}],
        "credential_identifiers": ["b1", "b2"],
    }
    # What was asked for by scope beside it can be requested only by an identifier as well.
    assert (by_scope.credential_configuration_id, by_scope.locations) == ("note", None)
    assert by_scope.credential_identifiers == (default_identifier("note"),)


def test_without_details_and_without_datasets_there_are_none() -> None:
    assert granted_details((), ["badge"], {}) == ()


def test_with_datasets_every_configuration_gets_identifiers() -> None:
    found = granted_details((), ["badge", "note"], {"badge": ["b1"]})
    assert [detail.credential_identifiers for detail in found] == [("b1",), (default_identifier("note"),)]
    assert identifiers_of("x", {}) == ("x/default",)


@pytest.mark.spec("VCI-6.2-06")
@pytest.mark.parametrize("identifiers", [(), ("a", "a"), (1,), ("",), "a"])
def test_identifiers_are_distinct_strings_and_there_is_one(identifiers: Any) -> None:
    with pytest.raises(Malformed):
        AuthorizationDetail(credential_configuration_id="badge", credential_identifiers=identifiers)


def test_identifiers_serve_for_the_token_they_came_with() -> None:
    world = issuance()
    first = world.redeem(world.grant("badge", datasets={"badge": ["set-1"]})).json()["access_token"]
    second = world.redeem(world.grant("badge", datasets={"badge": ["set-2"]})).json()["access_token"]
    assert world.credential(first, {"credential_identifier": "set-1"}, now=NOW).status == 200
    refused(world.credential(second, {"credential_identifier": "set-1"}), "unknown_credential_identifier")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("path"), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["locations", "claims", "credential_identifiers", "type", "x"]) | st.text(max_size=5), PLAIN, max_size=4
)


@given(st.text(max_size=60) | st.lists(MEMBERS.map(lambda members: {**DETAIL, **members}) | PLAIN, max_size=3).map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    details: tuple[AuthorizationDetail, ...] = ()
    with suppress(InvalidAuthorizationDetails):
        details = read(text)
    assert {detail.type for detail in details} <= {"openid_credential"}
