"""The parts that messages are made of: text, JSON, URLs, documents with members that nobody knows, and mutation."""

from collections.abc import Callable
from typing import Any, TypeVar

try:
    from hypothesis import strategies as st
except ImportError as missing:
    raise ImportError("oid4vci.testing.strategies needs hypothesis: install hypothesis, or oid4vci[test]") from missing

from oid4vci import _json
from oid4vci._document import Document, _members

__all__ = (
    "NAMES",
    "SMALL",
    "TEXT",
    "WORDS",
    "Json",
    "documents",
    "endpoints",
    "identifier_urls",
    "json_objects",
    "json_values",
    "mutated",
    "optional",
    "st",
    "tuples",
)

T = TypeVar("T")
D = TypeVar("D", bound=Document)
Json = dict[str, Any]

TEXT = st.text(max_size=12)
WORDS = st.text(min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.~-]{0,11}", fullmatch=True)

SMALL: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, -1.5, "", "\u00fc", [], [None], {}, {"": {"a": []}}])


def json_values(*, max_leaves: int = 6) -> st.SearchStrategy[Any]:
    """Any JSON value: text of all planes, integers up to 2**53, finite numbers."""
    scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=max_leaves
    )


def json_objects(*, max_leaves: int = 6) -> st.SearchStrategy[Json]:
    """Any JSON object."""
    return st.dictionaries(TEXT, json_values(max_leaves=max_leaves), max_size=3)


@st.composite
def mutated(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    """JSON values of `values` in which one to three members or elements are replaced, removed, renamed, doubled or added."""
    whole = [_json.loads(_json.dumps(draw(values)))]
    for _ in range(draw(st.integers(1, 3))):
        place: Any = whole
        key: Any = 0
        while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
            place = place[key]
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        change = draw(st.sampled_from(["replace", "wrap", "remove", "rename", "double", "add"]))
        if change == "wrap":
            place[key] = [place[key]]
        elif change == "remove" and place is not whole:
            del place[key]
        elif change == "rename" and isinstance(place, dict):
            place[draw(TEXT)] = place.pop(key)
        elif change == "double" and isinstance(place, list) and place is not whole:
            place.insert(key, place[key])
        elif change == "add" and isinstance(place[key], dict):
            place[key][draw(TEXT)] = draw(json_values())
        else:
            place[key] = draw(json_values())
    return whole[0]


def optional(values: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | values


def tuples(
    values: st.SearchStrategy[T], *, minimum: int = 1, unique_by: Callable[[T], Any] | None = None
) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(values, min_size=minimum, max_size=3, unique_by=unique_by).map(tuple)


def documents(
    cls: type[D],
    *,
    # A string: where the documentation is built without hypothesis, its names know no `|`.
    unknown: "st.SearchStrategy[Any] | None" = None,
    **members: st.SearchStrategy[Any],
) -> st.SearchStrategy[D]:
    """Documents with these members, and sometimes one that the library does not know, by default any small JSON."""
    known = {wire_name for _, _, wire_name, _, _ in _members(cls)}
    names = WORDS.filter(lambda name: name not in known)
    extra = st.dictionaries(names, SMALL if unknown is None else unknown, max_size=1)
    return st.builds(cls, extra=extra, **members)


def identifier_urls() -> st.SearchStrategy[str]:
    """Identifiers of Credential Issuers and Authorization Servers: `https`, without query, fragment and dot segments."""
    return st.from_regex(
        r"https://[a-z0-9]{1,8}(\.[a-z]{2,5}){0,2}(:[1-9][0-9]{1,3})?(/([A-Za-z0-9_~-][A-Za-z0-9._~-]{0,5})?){0,3}",
        fullmatch=True,
    )


def endpoints() -> st.SearchStrategy[str]:
    return st.builds(str.__add__, identifier_urls(), st.sampled_from(["", "?a=b", "?a=%20&b="]))
