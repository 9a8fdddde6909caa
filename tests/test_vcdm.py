"""W3C credentials as such, data models 1.1 and 2.0: every rule of their members, and what a batch may share."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.formats.vc_jwt import VcJwtConfiguration
from oid4vci.formats.vcdm import (
    SEMANTICS,
    VCDM_1_1,
    VCDM_2_0,
    DataModel,
    W3cCredential,
    date_time,
    definition_of,
    issuer_of,
    read,
    timestamp,
)
from oid4vci.formats.vcdm_draft import DraftedCredential, binding_method, check_binding, draft
from oid4vci.metadata import CredentialConfiguration, CredentialDefinition, JwtVcJsonConfiguration, SdJwtVcConfiguration
from oid4vci.secret import new_secret
from tests.test_x509 import NOW
from tests.w3c_credentials import HOLDERS, ISSUER, V1, V2

BOTH = (VCDM_1_1, VCDM_2_0)
FIRST: dict[str, Any] = {
    "@context": [V1, "https://example.com/context", {"a": "https://example.com/a"}],
    "id": "https://example.com/credentials/1",
    "type": ["VerifiableCredential", "Degree"],
    "issuer": {"id": "did:example:issuer", "name": "University"},
    "issuanceDate": "2025-01-01T00:00:00Z",
    "expirationDate": "2026-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:holder", "name": "Erika"},
    "credentialStatus": {"id": "https://example.com/status/1#2", "type": "BitstringStatusListEntry"},
}
SECOND: dict[str, Any] = {
    "@context": [V2],
    "type": "VerifiableCredential",
    "issuer": "https://issuer.example.com",
    "credentialSubject": [{"id": "did:example:one", "name": "Erika"}, {"name": "Max"}],
}


def test_a_credential_of_the_data_model_1_1() -> None:
    read_1 = read(FIRST, models=BOTH)
    assert read_1 == W3cCredential(
        FIRST,
        VCDM_1_1,
        "did:example:issuer",
        ("did:example:holder",),
        1_735_689_600,
        1_767_225_600,
        FIRST["credentialStatus"],
    )
    assert "Erika" not in repr(read_1)


def test_a_credential_of_the_data_model_2_0() -> None:
    assert read(SECOND, models=BOTH) == W3cCredential(
        SECOND, VCDM_2_0, "https://issuer.example.com", ("did:example:one", None), None, None, None
    )
    entries = [{"type": ["BitstringStatusListEntry"]}, {"type": "Other", "id": "urn:x:1"}]
    full = {**SECOND, "validFrom": "2025-01-01T00:00:00Z", "validUntil": "2025-01-01T00:00:00Z", "credentialStatus": entries}
    credential = read(full, models=BOTH)
    assert credential.status == entries
    assert credential.valid_from == credential.valid_until == 1_735_689_600


@pytest.mark.parametrize("models", [(VCDM_2_0,), ()])
def test_only_versions_that_are_accepted(models: tuple[DataModel, ...]) -> None:
    with pytest.raises(Malformed, match="base context"):
        read(FIRST, models=models)


URL = "https://example.com"
WRONG: dict[str, list[Any]] = {
    "@context": [
        *(None, [], "x", V1, V2, {"a": V1}, [{"a": "b"}, V1], [URL, V1], [V1, 1]),
        *([V1, None], [V1, "no url"], [V1, *[URL] * 100]),
    ],
    "type": [
        *(None, [], {}, "Degree", ["Degree"], ["VerifiableCredential", 1], ["VerifiableCredential", ""]),
        ["VerifiableCredential"] * 101,
    ],
    "id": [None, "", 1, "no url", [URL], f"{URL}/ x", f"urn:{'x' * 4_096}"],
    "issuer": [None, "", 1, "no url", [], ["did:example:1"], {}, {"id": None}, {"id": "x"}, {"name": "x"}],
    "credentialSubject": [None, "x", [], {}, [{}], [{"a": 1}, {}], [1], {"id": 1}, {"id": "no url"}, [{"a": 1}] * 101],
    "issuanceDate": [None, 1_735_689_600, "", "2025-01-01", "2027-01-01T00:00:00Z"],
    "expirationDate": [None, 1_735_689_600, "", "2025-01-01", "2024-12-31T23:59:59Z"],
    "credentialStatus": [
        *(None, "x", [], {}, {"id": "urn:x:1"}, {"type": "A"}, {"type": [], "id": "urn:x:1"}, {"type": "A", "id": "no url"}),
        # Several: in 2.0 only.
        [{"type": "A", "id": "urn:x:1"}],
    ],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_every_member_is_checked(name: str, value: Any) -> None:
    with pytest.raises(Malformed) as error:
        read({**FIRST, name: value}, models=(VCDM_1_1,))
    assert error.value.path.startswith(name) or error.value.path == "expirationDate"


@pytest.mark.parametrize("name", ["@context", "type", "issuer", "issuanceDate", "credentialSubject"])
def test_what_must_be_there(name: str) -> None:
    with pytest.raises(Malformed) as error:
        read({member: value for member, value in FIRST.items() if member != name}, models=BOTH)
    assert error.value.path.startswith(name)


def test_the_definition_of_a_configuration() -> None:
    members = {"format": "vc+jwt", "credential_definition": {"@context": [V2], "type": ["Degree"]}}
    definition = CredentialDefinition(context=(V2,), type=("Degree",))
    # As somebody reads it who does not know the format, and as somebody who does.
    for read_as in (CredentialConfiguration, VcJwtConfiguration):
        assert definition_of(read_as.from_json(members), "vc+jwt") == definition
        with pytest.raises(Malformed, match="format"):
            definition_of(read_as.from_json(members), "vc+sd-jwt")
    definitions: list[Any] = [None, "x", {}, {"type": "Degree"}, {"type": []}]
    for wrong in definitions:
        with pytest.raises(Malformed, match="credential_definition"):
            definition_of(CredentialConfiguration.from_json({**members, "credential_definition": wrong}), "vc+jwt")
    with pytest.raises(Malformed, match="credential_definition"):
        definition_of(CredentialConfiguration(format="vc+jwt"), "vc+jwt")
    with pytest.raises(Malformed, match="credential_definition"):
        definition_of(SdJwtVcConfiguration(vct="x"), "dc+sd-jwt")


def test_several_statuses() -> None:
    with pytest.raises(Malformed, match="empty"):
        read({**SECOND, "credentialStatus": []}, models=BOTH)
    with pytest.raises(Malformed, match="empty"):
        read({**SECOND, "credentialStatus": [{"type": "A"}] * 101}, models=BOTH)


def test_issuer_of() -> None:
    assert issuer_of(FIRST) == "did:example:issuer"
    assert issuer_of(SECOND) == "https://issuer.example.com"
    with pytest.raises(Malformed):
        issuer_of({})


def test_types_and_contexts_that_were_asked_for() -> None:
    def wanted(*contexts: Any, types: tuple[str, ...] = ("Degree",)) -> None:
        read(FIRST, models=BOTH, definition=CredentialDefinition(context=contexts or None, type=types))

    wanted()
    wanted(V1, {"a": "https://example.com/a"}, types=("Degree", "VerifiableCredential"))
    wanted("https://example.com/context")
    with pytest.raises(Malformed, match="type"):
        wanted(types=("Degree", "Diploma"))
    for contexts in (("https://example.com/other",), ({"a": "https://example.com/a"}, V1), (V1, V1), (V1, {"a": "b"})):
        with pytest.raises(Malformed, match="context"):
            wanted(*contexts)


@pytest.mark.parametrize("now", [1_735_689_600 - 61, 1_767_225_600 + 60])
def test_it_holds_between_its_dates(now: int) -> None:
    credential = read(FIRST, models=BOTH)
    credential.check_now(1_735_689_600 - 60, 60)
    credential.check_now(1_767_225_600 + 59, 60)
    with pytest.raises(Malformed, match="Date: lies"):
        credential.check_now(now, 60)


# --- times ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T01:30:00+01:30", 0),
        ("1969-12-31T22:00:00-02:00", 0),
        ("1970-01-01T24:00:00Z", 86_400),
        ("1970-01-01T24:00:00.000Z", 86_400),
        ("1970-01-01T00:00:00.250000000Z", 0.25),
        ("2024-02-29T00:00:00+14:00", 1_709_114_400),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert timestamp(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *(None, 0, 1.5, [], "", "1970-01-01", "1970-01-01 00:00:00Z", "1970-01-01t00:00:00Z", "1970-01-01T00:00:00z"),
        *("70-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "12345-01-01T00:00:00Z"),
        *("1970-13-01T00:00:00Z", "1970-02-29T00:00:00Z", "1970-01-01T25:00:00Z", "1970-01-01T24:00:01Z"),
        *("1970-01-01T24:00:00.1Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:60Z", "1970-01-01T00:00:00."),
        *("1970-01-01T00:00Z", "1970-01-01T00:00:00+1:00", "1970-01-01T00:00:00+14:01", "1970-01-01T00:00:00+01:60"),
        *("1970-01-01T00:00:00ZZ", "1970-01-01T00:00:00Z\n", " 1970-01-01T00:00:00Z", "\u0661970-01-01T00:00:00Z"),
        f"1970-01-01T00:00:00.{'0' * 33}Z",
    ],
)
def test_what_is_no_time(text: Any) -> None:
    with pytest.raises(Malformed, match="date and time"):
        timestamp(text)


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_times_are_the_same_both_ways(seconds: int) -> None:
    text = date_time(seconds)
    assert timestamp(text) == seconds
    assert len(text) == 20


@pytest.mark.parametrize("seconds", [253_402_300_800, 10**18, 10**30])
def test_times_that_no_date_can_say(seconds: int) -> None:
    with pytest.raises(ValueError, match=r"year|date"):
        date_time(seconds)


# --- making -----------------------------------------------------------------------------------------------------------------

CONFIGURATION = JwtVcJsonConfiguration(credential_definition=CredentialDefinition(type=("Degree",)))
CLAIMS: dict[str, Any] = {"credentialSubject": {"name": "Erika"}}


def drafted(claims: Any = CLAIMS, **more: Any) -> DraftedCredential:
    arguments: dict[str, Any] = {
        "model": VCDM_2_0, "configuration": CONFIGURATION, "contexts": (), "issuer": ISSUER, "binding": "cnf",
        "holder_keys": HOLDERS[:1], "valid_from": NOW, "valid_until": None, "copies": None, **more,
    }  # fmt: skip
    return draft(claims, **arguments)


def test_a_draft() -> None:
    made = drafted(
        {**CLAIMS, "name": "Degree", "issuer": {"name": "University"}},
        contexts=("https://example.com/context", V2, {"a": "https://example.com/a"}),
        valid_until=NOW + 60,
    )
    assert made.credential(0) == {
        "@context": [V2, "https://example.com/context", {"a": "https://example.com/a"}],
        "type": ["VerifiableCredential", "Degree"],
        "credentialSubject": {"name": "Erika"},
        "name": "Degree",
        "issuer": {"name": "University", "id": ISSUER},
        "validFrom": "2025-10-19T08:53:20Z",
        "validUntil": "2025-10-19T08:54:20Z",
    }
    assert made.own[0].cnf == {"jwk": HOLDERS[0].jwk}
    assert "Erika" not in repr(made)


@pytest.mark.parametrize("method", ["key", "jwk"])
def test_a_draft_bound_by_the_id_of_its_subject(method: str) -> None:
    made = drafted(binding=f"did:{method}", holder_keys=HOLDERS)
    for i in range(3):
        subject = made.credential(i)["credentialSubject"]
        assert subject["id"].startswith(f"did:{method}:")
        assert subject["name"] == "Erika"
        assert made.own[i].cnf is None
    assert len({made.credential(i)["credentialSubject"]["id"] for i in range(3)}) == 3
    # The id alone is something said of the subject.
    assert drafted({"credentialSubject": {}}, binding=f"did:{method}").credential(0)["credentialSubject"].keys() == {"id"}


def test_a_draft_bound_to_nothing() -> None:
    made = drafted(binding="did:key", holder_keys=())
    assert made.credential(0)["credentialSubject"] == {"name": "Erika"}
    assert made.own[0].cnf is None


def test_what_each_copy_has_of_its_own() -> None:
    own = [
        {
            "id": f"urn:x:{i}",
            "status": {"status_list": {"idx": i, "uri": "urn:u"}},
            "credentialStatus": {"type": "A", "id": f"urn:s:{i}"},
        }
        for i in range(3)
    ]
    made = drafted(holder_keys=HOLDERS, copies=own)
    for i in range(3):
        assert made.credential(i)["id"] == f"urn:x:{i}"
        assert made.credential(i)["credentialStatus"] == own[i]["credentialStatus"]
        assert "status" not in made.credential(i)
        assert made.own[i].status == own[i]["status"]


def test_new_ids() -> None:
    made = drafted(holder_keys=HOLDERS, new_ids=new_secret, copies=[{"id": "urn:mine:1"}, {}, {}])
    ids = [made.credential(i)["id"] for i in range(3)]
    assert ids[0] == "urn:mine:1"
    assert all(each.startswith("urn:uuid:") for each in ids[1:])
    assert len(set(ids)) == 3
    assert drafted({**CLAIMS, "id": "urn:mine:1"}, new_ids=new_secret).credential(0)["id"] == "urn:mine:1"


STATUS = {"type": "A", "id": "urn:s:1"}
LIST = {"status_list": {"idx": 1, "uri": "https://example.com/1"}}
WRONG_STATUS: list[Any] = ["x", None, {}, {"status_list": {}}]
NESTED: Any = 1
for _ in range(28):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("claims", "more"),
    [
        *(({**CLAIMS, name: "x"}, {}) for name in ("@context", "type", "proof", "issuanceDate", "expirationDate", "validFrom")),
        ({**CLAIMS, "validUntil": "x"}, {}),
        ({}, {}),
        ({"credentialSubject": {}}, {}),
        ({"credentialSubject": []}, {}),
        ({"credentialSubject": "x"}, {}),
        ({**CLAIMS, "issuer": ISSUER}, {}),
        ({**CLAIMS, "issuer": {"id": "did:example:other"}}, {}),
        ({**CLAIMS, "id": "no url"}, {}),
        *(({**CLAIMS, "status": status}, {}) for status in WRONG_STATUS),
        # What JSON cannot say.
        *(({"credentialSubject": {"a": value}}, {}) for value in ({1}, b"x", {1: 2}, NESTED)),
        (CLAIMS, {"contexts": ({"a": {1}},)}),
        (CLAIMS, {"copies": [{"evidence": {1}}]}),
        ({**CLAIMS, "status": {"a": 1}}, {"token_status": False}),
        (CLAIMS, {"issuer": "no url"}),
        (CLAIMS, {"contexts": ("no url",)}),
        (CLAIMS, {"valid_from": NOW, "valid_until": NOW - 1}),
        # An id of the subject that is not the holder's, and no place for it.
        ({"credentialSubject": {"id": "did:example:1"}}, {"binding": "did:key"}),
        ({"credentialSubject": [{"name": "x"}]}, {"binding": "did:key"}),
        # What a batch must not share.
        ({**CLAIMS, "id": "urn:x:1"}, {"holder_keys": HOLDERS}),
        ({**CLAIMS, "credentialStatus": STATUS}, {"holder_keys": HOLDERS}),
        ({**CLAIMS, "status": {"a": 1}}, {"holder_keys": HOLDERS}),
        (CLAIMS, {"holder_keys": HOLDERS, "copies": [{"id": "urn:x:1"}, {"id": "urn:x:2"}, {"id": "urn:x:1"}]}),
        (CLAIMS, {"holder_keys": HOLDERS, "copies": [{"credentialStatus": STATUS}, {"credentialStatus": STATUS}, {}]}),
        (CLAIMS, {"holder_keys": HOLDERS, "copies": [{"status": {"a": 1}}, {"status": {"a": 1}}, {}]}),
        # What a copy cannot have of its own, and a wrong number of them.
        (CLAIMS, {"copies": [{"credentialSubject": {"name": "Max"}}]}),
        (CLAIMS, {"copies": [{"issuer": {"name": "x"}}]}),
        (CLAIMS, {"copies": [{"type": ["x"]}]}),
        ({**CLAIMS, "name": "x"}, {"copies": [{"name": "y"}]}),
        (CLAIMS, {"copies": [{}, {}]}),
        (CLAIMS, {"copies": [{"id": "no url"}]}),
        (CLAIMS, {"copies": [{"credentialStatus": {}}]}),
    ],
)
def test_datasets_that_are_refused(claims: Any, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        drafted(claims, **more)


def test_bindings() -> None:
    assert [binding_method(binding) for binding in ("cnf", "did:key", "did:jwk")] == ["jwk", "did:key", "did:jwk"]
    check_binding("did:key", cnf=False)
    for binding in ("jwk", "did:web", "", "key"):
        with pytest.raises(ValueError, match="binding"):
            check_binding(binding)
    with pytest.raises(ValueError, match="binding"):
        check_binding("cnf", cnf=False)


def test_what_is_always_there() -> None:
    assert SEMANTICS.is_always(("issuer", "name"))
    assert not SEMANTICS.is_always(("credentialSubject", "name"))
    assert SEMANTICS.select(("credentialSubject", 1, "name"), SECOND) == ((("credentialSubject", 1, "name"), "Max"),)
