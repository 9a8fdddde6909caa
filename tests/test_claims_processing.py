"""Claims path pointers against a second reading of the specification's steps (OID4VCI C.1.1, C.2.1)."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.claims import ClaimsPath, Selection, check_json_path, check_mdoc_path, select, select_mdoc

MDL = "org.iso.18013.5.1"


class AbortedError(Exception):
    """Processing was aborted."""


def abort_unless(condition: bool) -> None:
    if not condition:
        raise AbortedError


def json_steps(path: ClaimsPath, credential: Any) -> list[Any]:
    """C.1.1, sentence by sentence."""
    abort_unless(len(path) > 0)
    selection = [credential]
    for component in path:
        if isinstance(component, str):
            abort_unless(all(isinstance(element, dict) for element in selection))
            selection = [element[component] for element in selection if component in element]
        elif component is None:
            abort_unless(all(isinstance(element, list) for element in selection))
            selection = [inner for element in selection for inner in element]
        else:
            abort_unless(component >= 0)
            abort_unless(all(isinstance(element, list) for element in selection))
            selection = [element[component] for element in selection if component < len(element)]
    abort_unless(len(selection) > 0)
    return selection


def mdoc_steps(path: ClaimsPath, mdoc: dict[str, dict[str, Any]]) -> list[Any]:
    """C.2.1, sentence by sentence."""
    abort_unless(len(path) >= 2)
    first, second, *rest = path
    abort_unless(isinstance(first, str) and first in mdoc)
    assert isinstance(first, str)
    abort_unless(isinstance(second, str) and second in mdoc[first])
    assert isinstance(second, str)
    selection = [mdoc[first][second]]
    for component in rest:
        arrays, maps = (all(isinstance(element, kind) for element in selection) for kind in (list, dict))
        if arrays and component is not None and not isinstance(component, str) and component >= 0:
            selection = [element[component] for element in selection if component < len(element)]
        elif maps and component is not None:
            found = [[value for key, value in element.items() if repr(key) == repr(component)] for element in selection]
            selection = [value for values in found for value in values]
        elif component is None:
            abort_unless(arrays)
            selection = [inner for element in selection for inner in element]
        else:
            raise AbortedError
    abort_unless(len(selection) > 0)
    return selection


def outcome(process: Any, path: ClaimsPath, credential: Any) -> list[int] | None:
    """The identities of the selected elements; None if processing is aborted."""
    try:
        found: list[Any] | Selection = process(path, credential)
    except (AbortedError, Malformed):
        return None
    return [id(each[1] if process in (select, select_mdoc) else each) for each in found]


scalars = st.none() | st.booleans() | st.integers(-1, 2) | st.text("ab", max_size=1) | st.binary(max_size=1)
names = st.sampled_from(["a", "b", "0"])
json_values = st.recursive(
    scalars.filter(lambda value: not isinstance(value, bytes)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=14,
)
cbor_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.sampled_from([0, 1, -1]), inner, max_size=3),
    max_leaves=14,
)
steps = st.sampled_from(["a", "b", "0", 0, 1, -1, None])
paths = st.lists(steps, max_size=4).map(tuple)


@pytest.mark.spec(
    "VCI-C.1.1-01",
    "VCI-C.1.1-02",
    "VCI-C.1.1-03",
    "VCI-C.1.1-04",
    "VCI-C.1.1-05",
    "VCI-C.1.1-06",
    "VCI-C.1.1-07",
    "VCI-C.1.1-08",
    "VCI-C.1.1-09",
    "VCI-C.1.1-10",
    "VCI-C.1.1-11",
    "VCI-C.1.1-12",
    "VCI-C.1-01",
)
@given(paths, json_values)
@example(("a", None, "b"), {"a": [{"b": 1}, 2]})
@example(("a", None, 0), {"a": [[1], {"0": 2}]})
@example(("a", 0, -1), {"a": []})
@example(("a", -1), {"a": [1]})
@example(("a", "0"), {"a": [1]})
@example((None,), [[], None])
@example((None, None), [[], []])
@example((None, 1), [[1, 2], [3]])
def test_json_paths(path: ClaimsPath, credential: Any) -> None:
    assert outcome(select, path, credential) == outcome(json_steps, path, credential)


@pytest.mark.spec(
    "VCI-C.2.1-01",
    "VCI-C.2.1-02",
    "VCI-C.2.1-03",
    "VCI-C.2.1-04",
    "VCI-C.2.1-05",
    "VCI-C.2.1-06",
    "VCI-C.2.1-07",
    "VCI-C.2.1-08",
    "VCI-C.2.1-09",
    "VCI-C.2.1-10",
    "VCI-C.2.1-11",
    "VCI-C.2-01",
    "VCI-C.2-02",
    "VCI-C.2-03",
)
@given(paths, cbor_values)
@example((None, 0), [[1], {0: 2}])
@example((None, "a"), [{"a": 1}, [2]])
@example((-1,), [1])
@example((-1,), {-1: 1})
@example((None, -1), [])
@example((None, 1, "a"), [[1]])
@example((None, None), [[], []])
@example((1,), {True: "a"})
def test_mdoc_paths(path: ClaimsPath, value: Any) -> None:
    mdoc = {MDL: {"a": value, "b": [value]}}
    for whole in (path, (MDL, *path), (MDL, "a", *path), (MDL, "b", *path), ("other", "a", *path)):
        assert outcome(select_mdoc, whole, mdoc) == outcome(mdoc_steps, whole, mdoc)


@pytest.mark.spec("VCI-C.1-01")
@given(paths)
def test_a_path_that_can_lead_nowhere_is_known_before_there_is_a_credential(path: ClaimsPath) -> None:
    negative = [i for i, step in enumerate(path) if step == -1]
    if not negative:
        check_json_path(path)
        return
    with pytest.raises(Malformed, match="must not be negative") as refused:
        check_json_path(path)
    assert refused.value.path == f"[{negative[0]}]"


@pytest.mark.spec("VCI-C.2-01")
@pytest.mark.parametrize("path", [(), (MDL,), (MDL, 0), (MDL, None), (0, "a"), (None, "a", "b")])
def test_an_mdoc_path_without_namespace_and_element_leads_nowhere(path: ClaimsPath) -> None:
    with pytest.raises(Malformed, match="namespace and a data element identifier"):
        check_mdoc_path(path)


@pytest.mark.spec("VCI-C.2-01")
@pytest.mark.parametrize("path", [(MDL, "a"), (MDL, "a", 0, -1, None, "b")])
def test_mdoc_paths_that_may_lead_somewhere(path: ClaimsPath) -> None:
    check_mdoc_path(path)


@pytest.mark.parametrize(
    ("path", "little", "much"),
    [
        ((None,), [0] * 9_999, [0] * 10_001),
        ((None, None), [[0] * 98] * 100, [[0] * 100] * 100),
        ((None, 0, 0), [[[0]]] * 3_000, [[[0]]] * 4_000),
        ((9,), [0] * 20_000, None),
    ],
)
def test_a_path_selects_so_much_and_no_more(path: ClaimsPath, little: Any, much: Any) -> None:
    """Paths and Credential may be of one peer: all elements of all arrays, path for path, would take for ever."""
    assert len(select(("a", *path), {"a": little})) == len(select_mdoc(("ns", "a", *path), {"ns": {"a": little}})) > 0
    if much is not None:
        with pytest.raises(Malformed, match="too much"):
            select(("a", *path), {"a": much})
        with pytest.raises(Malformed, match="too much"):
            select_mdoc(("ns", "a", *path), {"ns": {"a": much}})
