"""Requests, responses and forms."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.http import Form, Headers, Request, Response, media_type

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def test_header_names_have_no_case() -> None:
    for given_headers in ({"DPoP": "a"}, [("dPOP", "a")], Headers((("dpop", "a"),))):
        headers = Request("GET", "/", given_headers).headers
        assert headers.get("DpOp") == "a"
        assert "DPOP" in headers
        assert headers.all("Dpop") == ("a",)
    assert Request("GET", "/").headers.get("dpop") is None
    assert "dpop" not in Request("GET", "/").headers
    assert 1 not in Headers()


def test_a_doubled_header_is_refused_where_one_is_meant() -> None:
    headers = Request("GET", "/", [("DPoP", "a"), ("dpop", "b")]).headers
    assert headers.all("dpop") == ("a", "b")
    with pytest.raises(Malformed, match="the DPoP header is repeated"):
        headers.get("DPoP")
    with pytest.raises(Malformed, match="content-type header is repeated"):
        Request("POST", "/", [*JSON.items(), *JSON.items()], b"{}").json_object()
    with pytest.raises(Malformed, match="content-type header is repeated"):
        Response(200, [*JSON.items(), *JSON.items()]).media_type


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        ("", ""),
        ("application/json", "application/json"),
        (" Application/JSON ; charset=utf-8", "application/json"),
        ("application/jsonx", "application/jsonx"),
    ],
)
def test_media_type(value: str | None, expected: str) -> None:
    assert media_type(value) == expected


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("/token", "/token", ""),
        ("/token?a=b?c", "/token", "a=b?c"),
        ("/token?a=%2F#f?g", "/token", "a=%2F"),
        ("https://as.example/t/token?a", "/t/token", "a"),
        ("https://as.example:1", "", ""),
        ("https://as.example?a", "", "a"),
        ("/a%2Fb//c", "/a%2Fb//c", ""),
        ("//[", "//[", ""),
        ("//host/a", "//host/a", ""),
        ("/a\tb\n", "/a\tb\n", ""),
        ("/redirect?to=https://as.example/x", "/redirect", "to=https://as.example/x"),
    ],
)
def test_path_and_query_are_as_they_were_sent(url: str, path: str, query: str) -> None:
    request = Request("GET", url)
    assert (request.path, request.query) == (path, query)


@given(st.text())
def test_any_target_has_a_path(target: str) -> None:
    request = Request("GET", "/" + target)
    assert "/" + target.partition("#")[0] == request.path + ("?" if "?" in target.partition("#")[0] else "") + request.query


def test_bodies_and_headers_do_not_show() -> None:
    request = Request("POST", "/token", {**FORM, "authorization": "Bearer hidden"}, b"code=hidden")
    assert "hidden" not in repr(request)
    assert "hidden" not in repr(request.form())
    assert "hidden" not in repr(Response(200, {}, b"hidden"))


# --- forms ------------------------------------------------------------------------------------------------------------------


def form(body: bytes) -> Form:
    return Request("POST", "/token", FORM, body).form()


def test_a_form_is_read() -> None:
    read = form(b"grant_type=authorization_code&code=a%2Bb+c%C3%A9&empty=&resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb")
    assert read.get("grant_type") == "authorization_code"
    assert read.get("code") == "a+b c\u00e9"
    assert read.all("resource") == ("https://a", "https://b")
    assert read.all("code") == ("a+b c\u00e9",)
    assert read.get("missing") is None
    assert read.all("missing") == ()
    assert form(b"").pairs == ()


def test_a_parameter_without_a_value_counts_as_absent() -> None:
    read = form(b"code=&scope=pid")
    assert read.get("code") is None
    assert read.all("code") == ()
    assert read.get("scope") == "pid"


@pytest.mark.parametrize("body", [b"code", b"code=", b"code&b=1", b"&", b"code=&&", b"{}", b'{"code":"a"}'])
def test_a_parameter_without_a_value_is_absent(body: bytes) -> None:
    """ "Parameters sent without a value MUST be treated as if they were omitted from the request." -- RFC 6749 3.2"""
    assert form(body).get("code") is None


@pytest.mark.parametrize(
    "body", [b"code&code=a", b"code=a&code=b", b"code=a&code=a", b"code=&code=a", b"code=a&x=1&code=", b"c%6Fde=a&code=b"]
)
def test_a_repeated_parameter_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="a parameter is repeated"):
        form(body)


def test_which_parameters_may_repeat_is_chosen() -> None:
    assert Form.parse("a=1&a=2", repeatable=frozenset("a")).all("a") == ("1", "2")
    with pytest.raises(Malformed, match="repeated"):
        Form.parse("resource=1&resource=2", repeatable=frozenset())


@pytest.mark.parametrize(
    "body",
    [
        *(b"code=%FF", b"code=%ED%A0%80", b"code=\xc3\xa9", b"\xff\xfe"),
        b"&".join(b"a%d=1" % i for i in range(65)),
    ],
)
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(Malformed, match="not a form"):
        form(body)


def test_a_large_form_is_refused() -> None:
    with pytest.raises(Malformed, match="too large"):
        form(b"a=" + b"b" * (1 << 20))


@pytest.mark.parametrize(
    "headers", [{}, JSON, {"content-type": "multipart/form-data; boundary=x"}, {"content-type": "text/plain"}]
)
def test_a_form_of_another_media_type_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="x-www-form-urlencoded"):
        Request("POST", "/token", headers, b"code=a").form()


def test_media_type_parameters_do_not_matter() -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    assert Request("POST", "/", headers, b"a=b").form().get("a") == "b"


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=8))
def test_a_form_comes_back(parameters: dict[str, str]) -> None:
    read = form(urlencode(parameters).encode())
    assert dict(read.pairs) == {name: value for name, value in parameters.items() if value}


@given(st.binary() | st.text("a=&%0f+;", max_size=20).map(str.encode))
def test_any_bytes_are_a_form_or_malformed(body: bytes) -> None:
    try:
        read = form(body)
    except Malformed:
        return
    names = [name for name, _ in read.pairs if name != "resource"]
    assert len(set(names)) == len(names)
    assert all(value for _, value in read.pairs)


# --- JSON -------------------------------------------------------------------------------------------------------------------


def test_a_json_body() -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert Request("POST", "/", headers, b'{"a":1}').json_object() == {"a": 1}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        (FORM, b"{}"),
        ({"content-type": "application/json5"}, b"{}"),
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, b'{"a":1,"a":2}'),
        (JSON, b'{"a":"\xff"}'),
        (JSON, b'{"a":"' + b"b" * 100 + b'"}'),
    ],
)
def test_what_is_no_json_object(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Malformed):
        Request("POST", "/", headers, body).json_object(max_bytes=64)


@pytest.mark.parametrize("value", [{"a": "\u00e9"}, [], None, "text"])
def test_a_json_response_is_not_cached(value: Any) -> None:
    response = Response.of_json(201, value)
    assert (response.status, response.media_type, response.headers.get("cache-control")) == (
        201,
        "application/json",
        "no-store",
    )
    assert response.json() == value


def test_headers_of_a_json_response() -> None:
    response = Response.of_json(200, {}, {"cache-control": "max-age=60", "dpop-nonce": "n"})
    assert response.headers.get("cache-control") == "max-age=60"
    assert response.headers.get("DPoP-Nonce") == "n"
