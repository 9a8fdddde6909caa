"""Typed JSON documents."""

from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._document import (
    Codec,
    Document,
    array,
    boolean,
    choice,
    https_url,
    identifier_url,
    integer,
    json_array,
    json_object,
    json_value,
    mapping,
    nested,
    positive_number,
    string,
    wire,
)
from oid4vci._json import Malformed


def _end_after_start(span: "Span") -> None:
    if span.end is not None and span.end < span.start:
        raise Malformed("must not be less than start", "end")


@frozen(kw_only=True)
class Span(Document):
    start: int = field(metadata=wire(integer(minimum=0)))
    end: int | None = field(default=None, metadata=wire(integer(), "end-of-span"))
    rules = (_end_after_start,)


@frozen(kw_only=True)
class Shelf(Document):
    name: str = field(metadata=wire(string(maximum=10)))
    spans: tuple[Span, ...] | None = field(default=None, metadata=wire(array(nested(Span))))
    by_id: dict[str, Span] | None = field(default=None, metadata=wire(mapping(nested(Span))))
    _kind: str | None = field(default=None, metadata=wire(choice("open", "closed")))
    remembered: int = field(default=7)


def reason(codec: Codec, value: Any) -> str:
    """Why a codec refuses the value, given as JSON."""
    with pytest.raises(Malformed) as error:
        codec.check(codec.parse(value))
    return str(error.value)


def read_and_written(codec: Codec, value: Any) -> Any:
    parsed = codec.parse(value)
    codec.check(parsed)
    return codec.dump(parsed)


# --- codecs -----------------------------------------------------------------------------------------------------------------

OTHERS: list[Any] = [None, True, 0, 1.5, "", "text", [], ["a"], {}, {"a": 1}]


@pytest.mark.parametrize(
    ("codec", "kind"),
    [
        (string(), str),
        (choice("text"), str),
        (integer(), int),
        (boolean(), bool),
        (json_object(), dict),
        (json_array(minimum=0), list),
        (array(string(), minimum=0), list),
        (mapping(json_value()), dict),
        (nested(Span), dict),
        (https_url(), str),
        (identifier_url(), str),
    ],
)
def test_other_json_types_are_refused(codec: Codec, kind: type) -> None:
    for value in OTHERS:
        if type(value) is not kind:
            assert "must be" in reason(codec, value)


def test_string_bounds() -> None:
    codec = string(minimum=1, maximum=3)
    assert reason(codec, "") == "must not be empty"
    assert reason(codec, "abcd") == "must have at most 3 characters"
    assert read_and_written(codec, "\U0001f511" * 3) == "\U0001f511" * 3
    assert read_and_written(string(minimum=0), "") == ""
    assert "at most" in reason(string(), "a" * 16_385)


def test_choice() -> None:
    assert read_and_written(choice("a", "b"), "b") == "b"
    for value in ("A", "ab", ""):
        assert reason(choice("a", "b"), value) == "must be one of a, b"


def test_integer_bounds() -> None:
    codec = integer(minimum=1, maximum=9)
    assert [read_and_written(codec, value) for value in (1, 9)] == [1, 9]
    assert reason(codec, 0) == "must be 1 or greater"
    assert reason(codec, 10) == "must be 9 or less"
    assert reason(codec, 5.0) == "must be an integer"


def test_boolean() -> None:
    assert [read_and_written(boolean(), value) for value in (True, False)] == [True, False]
    for value in (0, 1, "true"):
        assert reason(boolean(), value) == "must be a boolean"


def test_positive_number() -> None:
    assert [read_and_written(positive_number(), value) for value in (1, 0.5)] == [1, 0.5]
    for value in (0, -1, 0.0, 1e15, 10**400, float("nan"), float("inf"), True, "1", None):
        assert reason(positive_number(), value) == "must be a positive number"


def test_arrays_become_tuples() -> None:
    codec = array(integer(), minimum=2, maximum=3, unique=True)
    assert codec.parse([1, 2]) == (1, 2)
    assert read_and_written(codec, [1, 2]) == [1, 2]
    assert reason(codec, []) == "must have at least 2 elements"
    assert reason(codec, [1, 2, 3, 4]) == "must have at most 3 elements"
    assert reason(codec, [1, 1]) == "must not repeat an element"
    assert reason(codec, [1, "2"]) == "[1]: must be an integer"
    assert reason(array(integer()), []) == "must not be empty"
    with pytest.raises(Malformed, match="at most 3"):
        codec.check((1, 2, 3, 4))
    assert reason(array(array(integer())), [[1], [1, "2"]]) == "[1][1]: must be an integer"


def test_mappings() -> None:
    codec = mapping(integer(), minimum=1)
    assert read_and_written(codec, {"a": 1}) == {"a": 1}
    assert reason(codec, {}) == "must not be empty"
    assert reason(codec, {"": 1}) == "must have non-empty member names"
    assert reason(codec, {"a": "1"}) == "a: must be an integer"
    assert reason(codec, {str(i): i for i in range(10_001)}) == "has too many members"
    with pytest.raises(Malformed, match="names"):
        codec.check({1: 1})


def test_names_from_outside_do_not_reach_errors() -> None:
    for name in ('"', "\\", "\u00e9", "a b", "\n", "a" * 81):
        assert reason(mapping(integer()), {name: "x"}) == "?: must be an integer"


def test_json_values_are_kept() -> None:
    value: Any = {"a": [None, 1, {"b": []}]}
    assert read_and_written(json_object(), value) == value
    assert read_and_written(json_value(), None) is None
    assert read_and_written(json_array(), [1, "a"]) == [1, "a"]


@pytest.mark.parametrize(
    "url",
    [
        *("https://a", "https://a.example", "HTTPS://a.example/", "https://a.example:8443/b/c", "https://[2001:db8::1]:1/x"),
        *(
            "https://a.example/%20~x;y=1,2",
            "https://a.example/" + "b" * 2030,
            "https://xn--bcher-kva.example",
            "https://a_b.example",
        ),
    ],
)
def test_urls(url: str) -> None:
    assert read_and_written(identifier_url(), url) == url
    assert read_and_written(https_url(), url) == url


def test_only_endpoints_have_a_query() -> None:
    for url in ("https://a.example?", "https://a.example/?b=c&d"):
        assert read_and_written(https_url(), url) == url
        assert reason(identifier_url(), url) == "must have no query"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "a",
            "//a.example",
            "/a",
            "http://a.example",
            "ftp://a.example",
            "https:",
            "https:/",
            "https://",
            "https:///a",
            "https:a",
        ),
        *("https://a.example#", "https://a.example/#b", "https://u@a.example", "https://u:p@a.example", "https://@a.example"),
        *(
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:",
            "https://a.example:x",
            "https://:1",
            "https://[::1",
        ),
        *(
            "https://[x]",
            "https://[]",
            "https://a b.example",
            "https://a.example/ b",
            " https://a.example",
            "https://a.example\n",
        ),
        *(
            "https://a.example\\@b.example",
            "https://a\t.example",
            "https://\u00e9.example",
            "https://a.example/\u00e9",
            "https://a%2eb",
        ),
        *(
            'https://a.example/"',
            "https://a.example/<b>",
            "https://a.example/{b}",
            "https://a.example/" + "b" * 2048,
            "https://?b",
        ),
    ],
)
def test_what_is_no_url(url: str) -> None:
    assert reason(https_url(), url).startswith("must ")
    assert reason(identifier_url(), url).startswith("must ")


@given(st.text() | st.text("a.:/@[]?#%0\\ ", max_size=30).map("https://".__add__))
def test_any_text_is_a_url_or_malformed(text: str) -> None:
    try:
        https_url().check(text)
    except Malformed as error:
        refusal: Malformed | None = error
    else:
        refusal = None
    assert refusal is not None or (
        text.lower().startswith("https://") and text.isascii() and "#" not in text and " " not in text
    )


# --- documents --------------------------------------------------------------------------------------------------------------


def test_a_document_comes_back() -> None:
    value = {
        "name": "a",
        "spans": [{"start": 0}, {"start": 1, "end-of-span": 2, "x": None}],
        "by_id": {"b": {"start": 3}},
        "kind": "open",
        "unknown": {"c": [1]},
        "null": None,
    }
    shelf = Shelf.from_json(value)
    assert shelf.to_json() == value
    assert shelf.spans == (Span(start=0), Span(start=1, end=2, extra={"x": None}))
    assert shelf.by_id == {"b": Span(start=3)}
    assert shelf._kind == "open"
    assert shelf.extra == {"unknown": {"c": [1]}, "null": None}
    assert list(shelf.to_json())[-2:] == ["unknown", "null"]


def test_a_field_that_is_no_member_is_neither_read_nor_written() -> None:
    shelf = Shelf.from_json({"name": "a", "remembered": 1})
    assert shelf.remembered == 7
    assert shelf.to_json() == {"name": "a", "remembered": 1}


def test_null_counts_as_absent() -> None:
    assert Shelf.from_json({"name": "a", "spans": None, "kind": None}) == Shelf(name="a")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "name: is missing"),
        ({"name": None}, "name: must not be null"),
        ({"name": 1}, "name: must be a string"),
        ({"name": "a", "spans": {}}, "spans: must be an array"),
        ({"name": "a", "spans": [{}]}, "spans[0].start: is missing"),
        ({"name": "a", "spans": [{"start": 1}, {"start": -1}]}, "spans[1].start: must be 0 or greater"),
        ({"name": "a", "spans": [{"start": 1}, None]}, "spans[1]: must be an object"),
        ({"name": "a", "by_id": {"b": {"start": 1, "end-of-span": 0}}}, "by_id.b.end: must not be less than start"),
        ({"name": "a", "kind": "shut"}, "kind: must be one of open, closed"),
    ],
)
def test_errors_name_the_member(value: Any, message: str) -> None:
    with pytest.raises(Malformed) as error:
        Shelf.from_json(value)
    assert str(error.value) == message


@pytest.mark.parametrize("value", [None, [], "a", 1, True, [["name", "a"]]])
def test_a_document_is_an_object(value: Any) -> None:
    with pytest.raises(Malformed, match="must be an object"):
        Shelf.from_json(value)


def test_the_constructor_checks_the_same() -> None:
    with pytest.raises(Malformed, match="name: must have at most 10"):
        Shelf(name="a" * 11)
    with pytest.raises(Malformed, match="name: must be a string"):
        Shelf(name=None)  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="spans: must be an array"):
        Shelf(name="a", spans=[Span(start=1)])  # type: ignore[arg-type]
    with pytest.raises(Malformed, match=r"spans\[0\]: must be an object"):
        Shelf(name="a", spans=({"start": 1},))  # type: ignore[arg-type]
    with pytest.raises(Malformed, match="end: must not be less"):
        Span(start=2, end=1)


def test_a_known_member_is_no_extra_one() -> None:
    with pytest.raises(Malformed, match="end-of-span: is a known member"):
        Span(start=1, extra={"end-of-span": 2})
    assert Span(start=1, extra={"end": 2}).to_json() == {"start": 1, "end": 2}


def test_documents_are_frozen_values() -> None:
    with pytest.raises(AttributeError):
        Span(start=1).start = 2  # type: ignore[misc]
    assert Span(start=1) == Span(start=1)
    assert Span(start=1) != Span(start=1, extra={"x": 1})


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "spans", "by_id", "start", "end-of-span", "kind", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def without_nulls(value: Any, known: frozenset[str]) -> Any:
    return {name: member for name, member in value.items() if member is not None or name not in known}


@given(
    st.fixed_dictionaries(
        {"name": st.text(max_size=12)}, optional={"spans": values, "by_id": values, "kind": values, "x": values}
    )
)
def test_any_members_come_back_or_are_malformed(value: dict[str, Any]) -> None:
    try:
        shelf = Shelf.from_json(value)
    except Malformed:
        return
    # What is read is written in a form that reads the same, and only known nulls are gone.
    assert Shelf.from_json(shelf.to_json()) == shelf
    assert shelf.to_json().keys() == without_nulls(value, frozenset(("spans", "by_id", "kind"))).keys()


@pytest.mark.parametrize("path", ["/x/../y", "/..", "/./y", "/.", "/%2e%2E/y", "/x/.%2e", "/../y?a=b"])
def test_urls_have_no_dot_segments(path: str) -> None:
    """What is compared is what is fetched: clients resolve these."""
    assert reason(https_url(), f"https://a.example{path}") == "must have no dot segments"


@pytest.mark.parametrize("path", ["/..y", "/y..", "/...", "/.well-known/x", "/y?a=/../b"])
def test_dots_elsewhere_are_part_of_the_path(path: str) -> None:
    assert read_and_written(https_url(), f"https://a.example{path}") == f"https://a.example{path}"
