"""A dataset with no more claims than were asked for (OID4VCI B.2)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.claims import ClaimsDescription, ClaimsPath, ClaimsSemantics, select_mdoc

MDL = "org.iso.18013.5.1"
PERSON: dict[str, Any] = {
    "name": "Arthur Dent",
    "address": {"street_address": "42 Market Street", "locality": "Milliways"},
    "degrees": [{"type": "Bachelor", "university": "U"}, {"university": "V"}, {"type": "Master", "university": "W"}],
    "nationalities": ["British", "Betelgeusian", "Damogranian"],
    "matrix": [[1, 2], [3], []],
    "status": {"status_list": {"idx": 1}},
    "nothing": None,
}


def limited(*paths: ClaimsPath, claims: dict[str, Any] = PERSON, semantics: ClaimsSemantics | None = None) -> Any:
    return (semantics or ClaimsSemantics()).limited(claims, paths)


@pytest.mark.spec("VCI-B.2-02")
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([("name",)], {"name": "Arthur Dent"}),
        ([("nothing",)], {"nothing": None}),
        ([("name",), ("email",)], {"name": "Arthur Dent"}),
        ([("address",)], {"address": PERSON["address"]}),
        ([("address", "locality")], {"address": {"locality": "Milliways"}}),
        ([("address", "locality"), ("address",)], {"address": PERSON["address"]}),
        ([("degrees", None, "type")], {"degrees": [{"type": "Bachelor"}, {"type": "Master"}]}),
        ([("degrees", None)], {"degrees": PERSON["degrees"]}),
        ([("nationalities", 0)], {"nationalities": ["British"]}),
        ([("nationalities", None)], {"nationalities": PERSON["nationalities"]}),
        ([("matrix", None, None)], {"matrix": [[1, 2], [3]]}),
        # What is in front of an index stays, or the path would lead elsewhere.
        ([("nationalities", 1)], {"nationalities": ["British", "Betelgeusian"]}),
        ([("degrees", 1, "university")], {"degrees": [{}, {"university": "V"}]}),
        ([("degrees", 2, "type"), ("degrees", 0, "type")], {"degrees": [{"type": "Bachelor"}, {}, {"type": "Master"}]}),
        ([("matrix", 1)], {"matrix": [[], [3]]}),
        # What cannot be applied selects nothing.
        ([("name",), ("name", "first"), ("address", 0), ("nationalities", -1), ("matrix", 9)], {"name": "Arthur Dent"}),
    ],
)
def test_what_the_paths_select_is_left(paths: list[ClaimsPath], expected: Any) -> None:
    assert limited(*paths) == expected


@pytest.mark.parametrize("paths", [(), [("email",)], [("degrees", None, "grade")], [("name", "x"), ("matrix", -1)]])
def test_paths_that_select_nothing_leave_no_dataset(paths: list[ClaimsPath]) -> None:
    with pytest.raises(Malformed, match="selects nothing"):
        limited(*paths)
    assert limited(*paths, claims={}) == {}


def test_what_is_always_there_stays_and_is_not_what_was_asked_for() -> None:
    semantics = ClaimsSemantics(always=frozenset({("status",), ("exp",)}))
    assert limited(("name",), semantics=semantics) == {"name": "Arthur Dent", "status": PERSON["status"]}
    with pytest.raises(Malformed):
        limited(("exp",), ("email",), semantics=semantics)


@pytest.mark.parametrize(
    ("paths", "subject"),
    [
        ([("credentialSubject", "name")], {"name": "Ada"}),
        ([("credentialSubject", "degree", "type"), ("issuer",)], {"degree": {"type": "B"}}),
        ([("credentialSubject",)], {"name": "Ada", "degree": {"type": "B", "name": "Of Arts"}}),
    ],
)
def test_only_what_is_about_the_subject_is_limited(paths: list[ClaimsPath], subject: Any) -> None:
    w3c = ClaimsSemantics(within=("credentialSubject",))
    claims = {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "credentialSubject": {"name": "Ada", "degree": {"type": "B", "name": "Of Arts"}},
        "termsOfUse": [{"type": "Policy"}],
    }
    found = limited(*paths, claims=claims, semantics=w3c)
    assert found == {**claims, "credentialSubject": subject}
    assert list(found) == list(claims)


@pytest.mark.parametrize("paths", [[("issuer",)], [("name",), ("credentialSubject", "email")], []])
def test_a_credential_without_any_claim_about_its_subject_is_none(paths: list[ClaimsPath]) -> None:
    w3c = ClaimsSemantics(within=("credentialSubject",))
    with pytest.raises(Malformed):
        limited(*paths, claims={"issuer": "x", "name": "y", "credentialSubject": {"name": "Ada"}}, semantics=w3c)


def test_what_an_object_is_stays_with_what_is_left_of_it() -> None:
    w3c = ClaimsSemantics(within=("credentialSubject",), kinds=frozenset({"type"}))
    degrees = [{"type": "B", "name": "Arts", "year": 1}, {"type": "M"}]
    claims = {
        "credentialSubject": {"type": "Person", "name": "Ada", "degrees": degrees, "address": {"type": "Address", "city": "L"}}
    }
    found = limited(("credentialSubject", "degrees", None, "name"), claims=claims, semantics=w3c)
    assert found == {"credentialSubject": {"type": "Person", "degrees": [{"type": "B", "name": "Arts"}]}}
    with pytest.raises(Malformed):
        limited(("credentialSubject", "email"), claims=claims, semantics=w3c)


def test_several_subjects_are_told_apart_by_their_place() -> None:
    w3c = ClaimsSemantics(within=("credentialSubject",))
    claims = {"type": ["T"], "credentialSubject": [{"name": "Ada", "age": 1}, {"name": "Bob"}]}
    found = limited(("credentialSubject", None, "name"), claims=claims, semantics=w3c)
    assert found == {"type": ["T"], "credentialSubject": [{"name": "Ada"}, {"name": "Bob"}]}


def test_an_mdoc_is_limited_by_namespace_element_and_what_is_beneath() -> None:
    mdoc = ClaimsSemantics(select_mdoc)
    claims = {
        MDL: {
            "family_name": "Dent",
            "portrait": b"\xff\xd8",
            "codes": [{"code": "A", 1: 0}, {"code": "B"}],
            "keys": {1: 2, -1: 3},
        },
        "org.example": {"member": True},
    }
    assert limited((MDL, "portrait"), claims=claims, semantics=mdoc) == {MDL: {"portrait": b"\xff\xd8"}}
    assert limited((MDL, "codes", None, "code"), (MDL, "keys", -1), claims=claims, semantics=mdoc) == {
        MDL: {"codes": [{"code": "A"}, {"code": "B"}], "keys": {-1: 3}}
    }
    # The same integer is a key of a map and an index of an array.
    assert limited((MDL, "keys", 1), (MDL, "codes", 1, "code"), claims=claims, semantics=mdoc) == {
        MDL: {"codes": [{}, {"code": "B"}], "keys": {1: 2}}
    }
    with pytest.raises(Malformed):
        limited((MDL,), ("org.example", "other"), claims=claims, semantics=mdoc)


def test_what_a_dataset_must_have_leaves_out_what_the_encoder_fills() -> None:
    semantics = ClaimsSemantics(always=frozenset({("vct",), ("status",)}))
    descriptions = [
        ClaimsDescription(path=path, mandatory=mandatory)
        for path, mandatory in (
            (("vct",), True),
            (("status", "x"), True),
            (("name",), True),
            (("email",), False),
            (("tel",), True),
        )
    ]
    assert semantics.demanded(descriptions) == (("name",), ("tel",))
    assert semantics.lacking([("name",), ("tel",), ("email",)], PERSON) == (("tel",), ("email",))


names = st.sampled_from("abc")
values = st.recursive(
    st.integers(0, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=14,
)
datasets = st.dictionaries(names, values, max_size=3)
paths = st.lists(names | st.sampled_from([0, 1, 2, None]), min_size=1, max_size=4).map(tuple)


def selected(semantics: ClaimsSemantics, path: ClaimsPath, claims: Any) -> list[Any] | None:
    try:
        return [value for _, value in semantics.select(path, claims)]
    except Malformed:
        return None


def is_part(part: Any, whole: Any) -> bool:
    """Whether nothing is in `part` that is not in `whole`, in the same order."""
    if isinstance(part, dict):
        assert [name for name in whole if name in part] == list(part)
        return isinstance(whole, dict) and all(is_part(part[name], whole[name]) for name in part)
    if isinstance(part, list):
        rest = iter(whole)
        return isinstance(whole, list) and all(any(is_part(element, other) for other in rest) for element in part)
    return bool(part == whole)


@given(datasets, st.lists(paths, min_size=1, max_size=4))
def test_what_was_asked_for_is_there_and_nothing_is_added(claims: dict[str, Any], wanted: list[ClaimsPath]) -> None:
    semantics = ClaimsSemantics()
    try:
        found = semantics.limited(claims, wanted)
    except Malformed:
        assert all(selected(semantics, path, claims) is None for path in wanted)
        return
    assert is_part(found, claims)
    for path in wanted:
        before = selected(semantics, path, claims)
        if before is not None:
            assert selected(semantics, path, found) == before
    assert semantics.limited(found, wanted) == found


@given(datasets, st.lists(paths, min_size=1, max_size=4))
def test_what_was_not_asked_for_is_not_there(claims: dict[str, Any], wanted: list[ClaimsPath]) -> None:
    """Members of objects, that is: elements in front of an index keep their place."""
    try:
        found = ClaimsSemantics().limited(claims, wanted)
    except Malformed:
        return

    def check(value: Any, at: tuple[Any, ...]) -> None:
        if any(len(path) <= len(at) and fits(path, at) for path in wanted):
            return
        if isinstance(value, dict):
            for name, member in value.items():
                assert any(fits(path[: len(at) + 1], (*at, name)) for path in wanted), (at, name)
                check(member, (*at, name))
        if isinstance(value, list):
            for element in value:
                check(element, (*at, None))

    def fits(path: ClaimsPath, at: tuple[Any, ...]) -> bool:
        # Elements may have moved, so that indexes are not compared.
        same = (a == b or (b is None and not isinstance(a, str)) for a, b in zip(path, at, strict=False))
        return all(same)

    check(found, ())
