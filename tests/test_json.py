"""Strict JSON and base64url."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import (
    MAX_BYTES,
    MAX_DEPTH,
    Malformed,
    b64url_decode,
    b64url_encode,
    dump_bytes,
    dumps,
    loads,
    loads_each,
    object_from,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_the_json_test_suite(vectors: Path) -> None:
    seen = {"accept": 0, "reject": 0, "implementation-defined": 0}
    for vector in json.loads((vectors / "json-parsing/vectors.json").read_text())["vectors"]:
        repeat = vector.get("repeat", {"unit_base64": vector["base64"], "count": 1})
        raw, expect = base64.b64decode(repeat["unit_base64"]) * repeat["count"], vector["expect"]
        seen[expect] += 1
        # Two readers may see two different messages in these, so they are refused although the grammar allows them.
        if "duplicated_key" in vector["id"]:
            expect = "reject"
        try:
            value = loads(raw)
        except Malformed:
            assert expect != "accept", vector["id"]
        else:
            assert expect != "reject", vector["id"]
            assert value == json.loads(raw), vector["id"]
    assert all(count >= 20 for count in seen.values())


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"x":[{"a":1,"b":2,"a":3}]}',
    ],
)
def test_repeated_member_names(text: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(Malformed, match="a member name is repeated"):
            loads(data)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "[NaN]", '{"a":Infinity}', "1e400", "[-1e999]"])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(Malformed):
        loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        '{"a":1,}',
        "{'a':1}",
        "01",
        "+1",
        ".5",
        "1.",
        '"\t"',
        '"\\x"',
        "nul",
        "1 2",
        "// c\n1",
        "9" * 5_000,
    ],
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        loads(text)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf{}",
        '{"a":"\xe9"}'.encode("latin-1"),
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-32"),
    ],
)
def test_other_encodings(data: bytes) -> None:
    with pytest.raises(Malformed):
        loads(data)


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\udc00\\ud800"', '{"\\ud800":1}', '[["a",{"b":"\\udfff"}]]', '"\ud800"', '{"\udfff":1}']
)
def test_unpaired_surrogates(text: str) -> None:
    with pytest.raises(Malformed, match="surrogate"):
        loads(text)


def test_paired_surrogates() -> None:
    assert loads('"\\ud83d\\udd11"') == "\U0001f511"


def test_size_bound() -> None:
    assert loads(b'"' + b"a" * 8 + b'"', max_bytes=10) == "a" * 8
    with pytest.raises(Malformed, match="too large"):
        loads(b'"' + b"a" * 9 + b'"', max_bytes=10)
    with pytest.raises(Malformed, match="too large"):
        loads(b" " * MAX_BYTES + b"1")


def nest(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"]}":', "}"), ('{"\\"[":', "}")])
def test_depth_bound(opening: str, closing: str) -> None:
    loads(nest(MAX_DEPTH, opening, closing))
    with pytest.raises(Malformed, match="nested too deeply"):
        loads(nest(MAX_DEPTH + 1, opening, closing))
    with pytest.raises(Malformed, match="nested too deeply"):
        loads(nest(100_000, opening, closing))


def test_brackets_in_strings_and_side_by_side_are_not_depth() -> None:
    assert loads(dumps("[{" * 100)) == "[{" * 100
    assert loads(dumps(['\\"[[[' * 20] * 10)) == ['\\"[[[' * 20] * 10
    assert loads(dumps([[]] * 100)) == [[]] * 100


def test_quotation_marks_do_not_make_the_depth_check_slow() -> None:
    # With a pattern that backtracks this takes minutes.
    with pytest.raises(Malformed):
        loads("[" * 40 + '\\"' * 60_000)


def test_an_object_is_asked_for() -> None:
    assert object_from(b'{"a":[1]}') == {"a": [1]}
    for text in ("[]", "null", '"a"', "1", "true"):
        with pytest.raises(Malformed, match="not a JSON object"):
            object_from(text)


def test_dumps_is_compact_and_strict() -> None:
    assert dumps({"a": [1, None, "\u00e9"]}) == '{"a":[1,null,"\u00e9"]}'
    assert dump_bytes("\u00e9") == b'"\xc3\xa9"'
    for value in (math.nan, math.inf, [-math.inf]):
        with pytest.raises(ValueError, match="JSON"):
            dumps(value)
    for other in (b"a", {1, 2}, object()):
        with pytest.raises(TypeError):
            dumps(other)


def test_errors_have_a_path() -> None:
    error = Malformed("must be a string")
    assert str(error) == "must be a string"
    assert str(error.within("[2]")) == "[2]: must be a string"
    assert str(error.within("[2]").within("jwt").within("proofs")) == "proofs.jwt[2]: must be a string"
    assert (error.reason, error.path) == ("must be a string", "")
    assert isinstance(error, ValueError)


@given(json_values)
def test_values_come_back(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert loads(dump_bytes(value)) == value


@given(st.text() | st.binary() | st.text('[]{}",:\\u0dD8 1e-.tn', max_size=30))
def test_any_input_is_read_as_the_standard_library_does_or_refused(data: str | bytes) -> None:
    try:
        value = loads(data)
    except Malformed as error:
        reason = str(error)
    else:
        assert value == json.loads(data)
        return
    assert reason.isascii()


# --- base64url --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-2-01")
def one_by_one(texts: list[bytes], **bounds: int) -> list[Any] | None:
    try:
        return [loads(text, **bounds) for text in texts]
    except Malformed:
        return None


def together(texts: list[bytes], **bounds: int) -> list[Any] | None:
    try:
        return loads_each(texts, **bounds)
    except Malformed:
        return None


TEXTS = st.binary(max_size=8) | st.text('[]{}",:\\u0dD8 1-.tn\x00ü', max_size=12).map(str.encode) | json_values.map(dump_bytes)


@given(st.lists(TEXTS, max_size=5), st.integers(0, 60), st.integers(0, 4))
def test_several_texts_are_read_as_one_by_one(texts: list[bytes], max_bytes: int, max_depth: int) -> None:
    assert together(texts) == one_by_one(texts)
    bounds = {"max_bytes": max_bytes, "max_depth": max_depth}
    assert together(texts, **bounds) == one_by_one(texts, **bounds)


@pytest.mark.parametrize(
    "texts",
    [
        [b"[1", b"2]"], [b"[1]\0[2]"], [b"[1]\0[2]", b""], [b"", b"[1]\0[2]"], [b""], [b"[1] [2]"], [b"[1],[2]"], [b"\0"],
        [b"[", b"]"],
        [b'{"a":1,"a":2}', b"1"], [b'"\\ud800"', b"1"], [b'"\xff', b'\xff"'],
        [b'"\xc3', b'\xbc"'], [b"NaN"], [b"1e999"], [b"[1]", b"\xef\xbb\xbf1"],
        [b'"a', b'b"'], [b'"a\0b"'],
    ],
)  # fmt: skip
def test_texts_that_would_be_json_together_are_none(texts: list[bytes]) -> None:
    with pytest.raises(Malformed):
        loads_each(texts)


def test_several_texts() -> None:
    assert loads_each([]) == []
    assert loads_each([b" [1]\n", b'"\\u00e4"', b"{}"]) == [[1], "ä", {}]
    assert loads_each([b"[" * 32 + b"]" * 32, b"[[]]"])[1] == [[]]
    with pytest.raises(Malformed, match="nested"):
        loads_each([b"1", b"[" * 33 + b"]" * 33])
    with pytest.raises(Malformed, match="too large"):
        loads_each([b"1", b"123"], max_bytes=2)
    assert loads_each([b"12", b"34"], max_bytes=2) == [12, 34]


def test_the_url_safe_alphabet_without_padding() -> None:
    assert b64url_encode(b"\xfb\xff\xfe\xff") == "-__-_w"
    assert b64url_decode("-__-_w") == b64url_decode(b"-__-_w") == b"\xfb\xff\xfe\xff"
    assert b64url_encode(b"") == ""
    assert b64url_decode("") == b""


@pytest.mark.parametrize(
    "text",
    [
        *(
            "-__-_w==",
            "-__-_w=",
            "=",
            "====",
            "a",
            "aaaaa",
            "+//+/w",
            "-__-_x",
            "QR",
            "QUJ",
            "QU JD",
            "QUJD\n",
            " QUJD",
            "QU\r\nJD",
        ),
        *("QU*D", "QU.D", "Q\u0301QQ", "QUJ\uff24", "QU\x00D", "QUJD====", "QUI=", "Q===", "Q*"),
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        b64url_decode(text)
    with pytest.raises(Malformed):
        b64url_decode(text.encode())


@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    text = b64url_encode(data)
    assert text == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert b64url_decode(text) == data


@given(st.text() | st.text("ABQgwZaz019-_=+/ ", max_size=9))
def test_one_byte_string_has_one_spelling(text: str) -> None:
    try:
        data = b64url_decode(text)
    except Malformed:
        return
    assert b64url_encode(data) == text
