"""Claims descriptions and claims path pointers (OID4VCI appendices B and C)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.claims import (
    ClaimDisplay,
    ClaimsDescription,
    ClaimsPath,
    ClaimsSemantics,
    contradictions,
    select,
    select_mdoc,
)

DEGREES = {"degrees": [{"type": "B"}, {"university": "U"}, {"type": "M"}]}
NAMESPACE = "org.iso.18013.5.1"


def values(path: ClaimsPath, credential: Any) -> list[Any]:
    return [value for _, value in select(path, credential)]


def mdoc_values(path: ClaimsPath, value: Any) -> list[Any]:
    return [selected for _, selected in select_mdoc((NAMESPACE, "element", *path), {NAMESPACE: {"element": value}})]


def described(*paths: list[Any]) -> list[ClaimsDescription]:
    return [ClaimsDescription.from_json({"path": path}) for path in paths]


@pytest.mark.spec("VCI-C-01", "VCI-B.1-02", "VCI-B.2-01")
@pytest.mark.parametrize("path", [[], [1.5], [1.0], [True], [False], [{}], [["a"]], "a", {}, ["a", True], ["a"] * 65])
def test_a_path_is_a_non_empty_array_of_strings_integers_and_nulls(path: Any) -> None:
    with pytest.raises(Malformed) as refused:
        ClaimsDescription.from_json({"path": path})
    assert refused.value.path.startswith("path")


@pytest.mark.spec("VCI-B.1-02", "VCI-B.2-01")
@pytest.mark.parametrize("value", [{}, {"path": None}, {"mandatory": True}, "a", ["a"], None])
def test_a_description_without_a_path_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        ClaimsDescription.from_json(value)


@pytest.mark.spec("VCI-C-01")
def test_a_path_keeps_its_steps() -> None:
    assert ClaimsDescription.from_json({"path": ["a", None, 0, ""]}).path == ("a", None, 0, "")


@pytest.mark.spec("VCI-B.1-03", "VCI-B.2-02")
@pytest.mark.parametrize("mandatory", ["true", 1, 0, [], {}])
def test_mandatory_is_a_boolean(mandatory: Any) -> None:
    with pytest.raises(Malformed, match="mandatory: must be a boolean"):
        ClaimsDescription.from_json({"path": ["a"], "mandatory": mandatory})


@pytest.mark.spec("VCI-B.1-04", "VCI-B.2-03")
def test_mandatory_is_false_by_default_and_absent_stays_absent() -> None:
    absent, explicit = {"path": ["a"]}, {"path": ["a"], "mandatory": False}
    assert ClaimsDescription.from_json(absent).mandatory is False
    assert ClaimsDescription.from_json(explicit).mandatory is False
    assert ClaimsDescription.from_json(absent).to_json() == absent
    assert ClaimsDescription.from_json(explicit).to_json() == explicit
    assert ClaimsDescription(path=("a",), mandatory=True).mandatory is True


@pytest.mark.spec("VCI-B.2-04")
@pytest.mark.parametrize("display", [[], {}, "Name", ["Name"], [{"name": 1}], [{"locale": ["en"]}]])
def test_display_is_a_non_empty_array_of_objects(display: Any) -> None:
    with pytest.raises(Malformed) as refused:
        ClaimsDescription.from_json({"path": ["a"], "display": display})
    assert refused.value.path.startswith("display")


@pytest.mark.spec("VCI-B.1-01", "VCI-B.2-05", "VCI-B.2-06", "VCI-B.2-07")
def test_every_display_member_may_be_absent_and_unknown_ones_are_kept() -> None:
    value = {"path": ["a"], "new": 1, "display": [{"locale": "en"}, {"name": "A"}, {"name": "B", "locale": "de", "new": [2]}]}
    description = ClaimsDescription.from_json(value)
    assert description.display is not None
    assert description.display[0] == ClaimDisplay(locale="en")
    assert description.display[2].extra == {"new": [2]}
    assert description.to_json() == value


# --- JSON (C.1.1) ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-C.1.1-01", "VCI-C.1.1-02", "VCI-C.1.1-05", "VCI-C.1.1-08")
def test_the_example_of_the_specification(vectors: Path) -> None:
    credential = json.loads((vectors / "oid4vci-1.0/056-claims-path-pointer-example.json").read_text())
    assert select(("name",), credential) == ((("name",), "Arthur Dent"),)
    assert values(("address",), credential) == [credential["address"]]
    assert values(("address", "street_address"), credential) == ["42 Market Street"]
    assert select(("degrees", None, "type"), credential) == (
        (("degrees", 0, "type"), "Bachelor of Science"),
        (("degrees", 1, "type"), "Master of Science"),
    )
    assert values(("nationalities", 1), credential) == ["Betelgeusian"]


@pytest.mark.spec("VCI-C.1.1-01")
@pytest.mark.parametrize("root", ["text", ["a"], None, 1, True])
def test_the_root_must_be_an_object_for_a_name(root: Any) -> None:
    with pytest.raises(Malformed, match="no object"):
        select(("a",), root)


@pytest.mark.spec("VCI-C.1.1-03")
@pytest.mark.parametrize(
    ("path", "credential"),
    [
        (("name", "x"), {"name": "text"}),
        (("a", None, "t"), {"a": [{"t": 1}, "text"]}),
        (("a", "0"), {"a": ["text"]}),
        (("a", "t"), {"a": None}),
    ],
)
def test_a_name_on_something_that_is_no_object_is_an_error(path: ClaimsPath, credential: Any) -> None:
    with pytest.raises(Malformed, match="no object"):
        select(path, credential)


@pytest.mark.spec("VCI-C.1.1-04")
def test_an_element_without_the_name_leaves_the_selection() -> None:
    assert select(("degrees", None, "type"), DEGREES) == ((("degrees", 0, "type"), "B"), (("degrees", 2, "type"), "M"))


@pytest.mark.spec("VCI-C.1.1-06", "VCI-C.1.1-09")
@pytest.mark.parametrize("step", [None, 0])
@pytest.mark.parametrize("element", ["text", {"0": "a", "1": "b"}, 7, None, True])
def test_null_and_an_index_need_an_array(step: int | None, element: Any) -> None:
    with pytest.raises(Malformed, match="no array"):
        select(("a", step), {"a": element})
    with pytest.raises(Malformed, match="no array"):
        select(("a", None, step), {"a": [[1], element]})


@pytest.mark.spec("VCI-C.1-01", "VCI-C.1.1-07")
@pytest.mark.parametrize("credential", [{"n": [1, 2]}, {"n": []}, {"n": {"-1": 1}}, {}])
def test_a_negative_integer_is_an_error(credential: Any) -> None:
    with pytest.raises(Malformed):
        select(("n", -1), credential)


@pytest.mark.spec("VCI-C.1.1-10")
def test_an_array_without_the_index_leaves_the_selection() -> None:
    assert select(("m", None, 1), {"m": [[1, 2], [3]]}) == ((("m", 0, 1), 2),)


@pytest.mark.spec("VCI-C.1.1-11")
@pytest.mark.parametrize("path", [("missing",), ("n", 9), ("n", None, "x"), ("e", None), ("missing", "further"), ()])
def test_an_empty_selection_is_an_error(path: ClaimsPath) -> None:
    with pytest.raises(Malformed, match="selects nothing"):
        select(path, {"n": [{}], "e": []})


@pytest.mark.spec("VCI-C.1.1-12")
@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_a_value_that_is_false_is_selected(value: Any) -> None:
    assert select(("a",), {"a": value}) == ((("a",), value),)
    assert select(("a", None), {"a": [value]}) == ((("a", 0), value),)


@pytest.mark.parametrize("step", [True, 1.0, {}, []])
def test_a_step_of_another_type_is_an_error(step: Any) -> None:
    with pytest.raises(Malformed, match="must be a string"):
        select(("a", step), {"a": [1, 2]})
    with pytest.raises(Malformed, match="must be a string"):
        mdoc_values((step,), [1, 2])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
steps = st.sampled_from(["a", "b", "c", 0, 1, -1, None])
paths = st.lists(steps, min_size=1, max_size=5).map(tuple)


@pytest.mark.spec("VCI-C.1.1-12")
@given(path=paths, credential=st.dictionaries(st.sampled_from("abc"), json_values, max_size=3))
def test_a_selection_is_what_stands_at_its_concrete_paths(path: ClaimsPath, credential: dict[str, Any]) -> None:
    try:
        selection = select(path, credential)
    except Malformed:
        return
    assert selection
    assert len({at for at, _ in selection}) == len(selection)
    for at, value in selection:
        assert len(at) == len(path)
        assert all(step is None or step == concrete for step, concrete in zip(path, at, strict=True))
        element: Any = credential
        for concrete in at:
            assert concrete is not None
            element = element[concrete]
        assert element is value


# --- mdoc (C.2.1) ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-C.2-01", "VCI-C.2.1-01")
@pytest.mark.parametrize("path", [(), (NAMESPACE,), (0, "element"), (NAMESPACE, 0), (NAMESPACE, None), (None, "element")])
def test_an_mdoc_path_begins_with_two_names(path: ClaimsPath) -> None:
    with pytest.raises(Malformed, match="namespace and"):
        select_mdoc(path, {NAMESPACE: {"element": 1}})


@pytest.mark.spec("VCI-C.2.1-02", "VCI-C.2.1-03")
def test_an_unknown_namespace_or_element_is_an_error() -> None:
    with pytest.raises(Malformed, match="does not have the namespace"):
        select_mdoc(("other", "element"), {NAMESPACE: {"element": 1}})
    with pytest.raises(Malformed, match="does not have the data element"):
        select_mdoc((NAMESPACE, "other"), {NAMESPACE: {"element": 1}})


@pytest.mark.spec("VCI-C.2.1-11")
@pytest.mark.parametrize("value", ["Smith", False, None, b"", {"a": 1}, [1, 2]])
def test_two_steps_select_the_data_element(value: Any) -> None:
    assert select_mdoc((NAMESPACE, "element"), {NAMESPACE: {"element": value}}) == (((NAMESPACE, "element"), value),)


@pytest.mark.spec("VCI-C.2-02", "VCI-C.2-03", "VCI-C.2.1-04", "VCI-C.2.1-06", "VCI-C.2.1-08", "VCI-C.2.1-11")
@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ((0,), ["a", "b"], ["a"]),
        ((1,), ["a", "b"], ["b"]),
        ((1,), {1: "a", "1": "b"}, ["a"]),
        (("1",), {1: "a", "1": "b"}, ["b"]),
        ((-1,), {-1: "a", "k": "b"}, ["a"]),
        (("k",), {-1: "a", "k": "b"}, ["b"]),
        ((None,), ["a", "b"], ["a", "b"]),
        ((None, "c"), [{"c": 1}, {"c": 2}], [1, 2]),
    ],
)
def test_further_steps_into_arrays_and_maps(path: ClaimsPath, value: Any, expected: list[Any]) -> None:
    assert mdoc_values(path, value) == expected


@pytest.mark.spec("VCI-C.2.1-05", "VCI-C.2.1-07")
@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ((None, 1), [[1, 2], [3]], [2]),
        ((None, "k"), [{"k": 1}, {"other": 2}], [1]),
        ((None, -2), [{-2: 1}, {2: 2}], [1]),
    ],
)
def test_what_lacks_the_key_or_index_leaves_the_selection(path: ClaimsPath, value: Any, expected: list[Any]) -> None:
    assert mdoc_values(path, value) == expected


@pytest.mark.spec("VCI-C.2.1-08", "VCI-C.2.1-09")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((None,), {"a": 1}),
        ((None,), "text"),
        ((None, None), [[1], {"a": 1}]),
        ((-1,), ["a"]),
        (("k",), ["a"]),
        ((0,), "text"),
        ((0,), b"bytes"),
        (("k",), "text"),
        ((None, 0), [["a"], {0: "b"}]),
        ((None, "k"), [{"k": 1}, "text"]),
    ],
)
def test_any_other_combination_is_an_error(path: ClaimsPath, value: Any) -> None:
    with pytest.raises(Malformed, match="does not fit"):
        mdoc_values(path, value)


@pytest.mark.spec("VCI-C.2.1-10")
@pytest.mark.parametrize(
    ("path", "value"), [((9,), ["a"]), (("x",), {"k": 1}), ((None,), []), ((1,), {True: "a"}), ((1,), {1.0: "a"})]
)
def test_an_empty_mdoc_selection_is_an_error(path: ClaimsPath, value: Any) -> None:
    with pytest.raises(Malformed, match="selects nothing"):
        mdoc_values(path, value)


# --- processing rules (B.3) --------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-B.3-02", "VCI-B.3-03")
@pytest.mark.parametrize("path", [["a"], ["a", "b"], ["a", None], ["a", 0]])
def test_the_same_claim_twice_is_a_contradiction(path: list[Any]) -> None:
    found = contradictions(described(path, ["z"], path))
    assert [str(one) for one in found] == ["[2].path: addresses the same claim as another"]


@pytest.mark.spec("VCI-B.3-02", "VCI-B.3-04")
@pytest.mark.parametrize(
    ("one", "other"),
    [(["n", None], ["n", 0]), (["n", None, "a"], ["n", 3, "b"]), ([None], [0]), (["n", None, "x", None], ["n", None, "x", 1])],
)
def test_all_elements_and_one_element_of_an_array_contradict(one: list[Any], other: list[Any]) -> None:
    for pair in ((one, other), (other, one)):
        assert "of an array where another" in str(contradictions(described(*pair))[0])


@pytest.mark.spec("VCI-B.3-02", "VCI-B.3-05")
@pytest.mark.parametrize(
    ("one", "other"),
    [(["a", None], ["a", "b"]), (["a", 0], ["a", "b"]), (["a", "b", 0, "c"], ["a", "b", "x"]), (["a", -1], ["a", None])],
)
def test_an_array_and_an_object_contradict(one: list[Any], other: list[Any]) -> None:
    for pair in ((one, other), (other, one)):
        assert len(contradictions(described(*pair))) == 1
        assert "implies" in str(contradictions(described(*pair))[0])


@pytest.mark.spec("VCI-B.3-03", "VCI-B.3-04", "VCI-B.3-05")
@pytest.mark.parametrize(
    "several",
    [
        (["a"], ["a", "b"]),
        (["a"], ["a", None]),
        (["n", 0], ["n", 1]),
        (["n", None, "a"], ["n", None, "b"]),
        (["a", "n", 0], ["a", "m", None]),
        (["1"], ["a", "1"]),
        (["ns", "map", -1], ["ns", "map", "k"], ["ns", "map", -2]),
    ],
)
def test_descriptions_that_go_together(several: tuple[list[Any], ...]) -> None:
    assert contradictions(described(*several)) == ()


@pytest.mark.spec("VCI-B.3-02")
@given(st.lists(paths, max_size=6))
def test_contradictions_do_not_depend_on_the_order(several: list[ClaimsPath]) -> None:
    descriptions = [ClaimsDescription(path=path) for path in several]
    assert bool(contradictions(descriptions)) == bool(contradictions(descriptions[::-1]))


@given(st.lists(paths, max_size=5, unique=True), st.dictionaries(st.sampled_from("abc"), json_values, max_size=3))
def test_what_one_credential_has_does_not_imply_two_types(several: list[ClaimsPath], credential: dict[str, Any]) -> None:
    """Paths with names and indexes that all select something in one Credential are never contradictory."""
    there = []
    for path in several:
        try:
            if None not in path and select(path, credential):
                there.append(path)
        except Malformed:
            continue
    assert contradictions([ClaimsDescription(path=path) for path in there]) == ()


@pytest.mark.spec("VCI-B.2-02", "VCI-B.1-03")
def test_missing_mandatory_claims_are_reported() -> None:
    descriptions = [
        ClaimsDescription(path=("a",), mandatory=True),
        ClaimsDescription(path=("b",), mandatory=True),
        ClaimsDescription(path=("c",)),
        ClaimsDescription(path=("a", "x"), mandatory=True),
        ClaimsDescription(path=("degrees", None, "type"), mandatory=True),
    ]
    assert ClaimsSemantics().missing(descriptions, {"a": None, **DEGREES}) == (("b",), ("a", "x"))
    assert ClaimsSemantics().missing(descriptions[2:3], {}) == ()


@pytest.mark.spec("VCI-B.2-02")
def test_missing_mandatory_claims_of_an_mdoc_are_reported() -> None:
    descriptions = [
        ClaimsDescription(path=(NAMESPACE, "birth_date"), mandatory=True),
        ClaimsDescription(path=(NAMESPACE, "given_name"), mandatory=True),
    ]
    found = ClaimsSemantics(select_mdoc).missing(descriptions, {NAMESPACE: {"given_name": "A"}})
    assert found == ((NAMESPACE, "birth_date"),)
