"""Preferences of clients: media types, languages, entity tags (RFC 9110 12.5, 13.1.2), and documents served by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.drive import respond
from oid4vci.http import Headers, Request, Response
from oid4vci.metadata import is_language_tag
from oid4vci.negotiation import accepted, has_already, language_ranges, weights
from oid4vci.published_document import PublishedDocument
from tests.issuance import SERVER_METADATA, Host, issuance

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("a/b", {"a/b": 1}),
        ("A/B;q=0.5, c/d", {"a/b": 0.5, "c/d": 1}),
        ("a/b ; level=1 ; Q=0.25", {"a/b": 0.25}),
        ("a/b;q=2, c/d;q=-1, e/f;q=x, g/h;q=nan, i/j;q=", {"a/b": 1, "c/d": 0, "e/f": 0, "g/h": 0, "i/j": 0}),
        ("a/b, a/b;q=0.1", {"a/b": 0.1}),
        ("", {}),
        (",;q=1,,", {}),
    ],
)
def test_weights(header: str, found: dict[str, float]) -> None:
    assert weights(header) == found


def test_there_are_bounds() -> None:
    assert len(weights(",".join(f"a/{i}" for i in range(1000)))) == 32
    assert weights(f"{'x' * 100_000},a/b").keys() == {"x" * 8192}


@pytest.mark.spec("VCI-12.2.2-13")
@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("fr-ch, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ("fr-ch", "fr", "en", "de")),
        ("de;q=0.1, EN-us", ("en-us", "de")),
        ("de, en", ("de", "en")),
        ("de;q=0, en", ("en",)),
        ("*", ()),
        ("*, de;q=0.5", ()),
        ("de;q=0.1, *;q=0.5, fr;q=0.9", ("fr",)),
        ("de, *", ("de",)),
        ("", ()),
        ("x_y, é, de DE, -, a-, toolonglanguage", ()),
    ],
)
def test_language_ranges(header: str, ranges: tuple[str, ...]) -> None:
    assert language_ranges(header) == ranges


@pytest.mark.parametrize(
    ("header", "has"),
    [(ETAG, True), (f"W/{ETAG}", True), (f'"x", {ETAG}', True), ("*", True), ("", False), ("abc", False), ('"x"', False)],
)
def test_entity_tags(header: str, has: bool) -> None:
    assert has_already(header, ETAG) is has


@given(st.text(max_size=200) | st.text("abcdefXYZ-*/,;q=. 019\u00e9", max_size=200))
def test_any_header_is_understood_as_far_as_it_goes(header: str) -> None:
    assert all(0 <= weight <= 1 for weight in weights(header).values())
    assert accepted(header, ("a/b", "c/d")) in ("a/b", "c/d")
    ranges = language_ranges(header)
    assert len(set(ranges)) == len(ranges) <= 32
    assert has_already(header, ETAG) in (True, False)


@given(st.lists(st.from_regex(r"[a-z]{2}(-[A-Z]{2})?", fullmatch=True), unique_by=str.lower, max_size=20))
def test_languages_are_had_in_the_order_of_their_weights(tags: list[str]) -> None:
    assert all(is_language_tag(each) for each in tags)
    weighted = ", ".join(f"{each};q={(i + 1) / 20}" for i, each in enumerate(tags))
    assert list(language_ranges(weighted)) == [each.lower() for each in reversed(tags)]


# --- documents ----------------------------------------------------------------------------------------------------------------


def test_a_document_is_sent_once() -> None:
    document = PublishedDocument(b"{}", headers={"vary": "Accept"})
    first = document.response(Headers(()))
    assert (first.status, first.media_type, first.body) == (200, "application/json", b"{}")
    assert first.headers.get("cache-control") == "public, max-age=300"
    etag = first.headers.get("etag")
    assert etag == document.etag
    again = document.response(Headers((("if-none-match", f'"x", W/{etag}'),)), max_age=5)
    assert (again.status, again.body, again.headers.get("content-type")) == (304, b"", None)
    # "MUST generate any of the following header fields that would have been sent in a 200" -- RFC 9110 15.4.5
    assert [again.headers.get(each) for each in ("etag", "vary", "cache-control")] == [etag, "Accept", "public, max-age=5"]
    assert PublishedDocument(b"[]").etag != etag


@pytest.mark.parametrize("url", [SERVER_METADATA, "https://issuer.example/.well-known/openid-credential-issuer/tenant"])
def test_metadata_of_both_roles_are_sent_once(url: str) -> None:
    world = issuance()

    def get(**headers: str) -> Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        role = world.server if url == SERVER_METADATA else world.issuer
        return respond(role, Request("GET", url, fields), Host(), now=1)

    first = get()
    etag = first.headers.get("etag")
    assert etag is not None
    assert (first.status, get(if_none_match=etag).status, get(if_none_match='"x"').status) == (200, 304, 200)
    assert first.headers.get("vary") is None
