"""DID URLs, absolute and relative: the grammar of DID 1.0 3.1 and 3.2, and the resolution of RFC 3986 5.2."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.dids import DidUrl

BASE = "did:example:123"


@pytest.mark.parametrize(
    ("relative", "absolute"),
    [
        ("#key-1", "#key-1"),
        ("#", "#"),
        ("", ""),
        ("?", "?"),
        ("?versionId=1#key-1", "?versionId=1#key-1"),
        ("/path", "/path"),
        ("/a/b?c#d", "/a/b?c#d"),
        # "If the base URI has a defined authority component and an empty path" -- RFC 3986 5.2.3
        ("path", "/path"),
        ("a/b", "/a/b"),
        ("./a:b", "/a:b"),
        # RFC 3986 5.2.4
        ("/./a", "/a"),
        ("/../a", "/a"),
        ("../../a", "/a"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/../", "/a/"),
        ("/a/.", "/a/"),
        (".", "/"),
        ("..", "/"),
        ("/a//b", "/a//b"),
        ("/.a", "/.a"),
        ("/...", "/..."),
        ("#/../x", "#/../x"),
        ("?/../x", "?/../x"),
        ("/%2E%2E/a", "/%2E%2E/a"),
    ],
)
def test_relative_did_urls(relative: str, absolute: str) -> None:
    url = DidUrl.parse(relative, BASE)
    assert str(url) == BASE + absolute
    assert url == DidUrl.parse(BASE + absolute)
    with pytest.raises(Malformed):
        DidUrl.parse(relative)


def test_an_absolute_one_has_no_need_of_the_base() -> None:
    assert DidUrl.parse("did:example:9#key-1", BASE) == DidUrl.parse("did:example:9#key-1")


@pytest.mark.parametrize(
    "text",
    [
        # Another authority would be another DID, another scheme no DID at all.
        "//example:9#key-1",
        "//",
        "https://example.com/#key-1",
        "urn:uuid:1",
        "a:b",
        ":",
        "did:",
        "did:example:",
        "did:Example:9#key-1",
        "DID:example:9#key-1",
        "#a#b",
        "#é",
        "# ",
        "#\n",
        "#key%2",
        "#key[1]",
        "\\a",
        "a b",
        "?é",
        "#" + "a" * 4_096,
        # Too long together with its base.
        "#" + "a" * 4_090,
    ],
)
def test_what_is_no_relative_did_url(text: str) -> None:
    with pytest.raises(Malformed, match="is not a DID URL"):
        DidUrl.parse(text, BASE)


@pytest.mark.parametrize("base", ["", "did:example", f"{BASE}#key-1", f"{BASE}/path", f"{BASE}?", "https://example.com"])
def test_a_base_is_a_did(base: str) -> None:
    with pytest.raises(ValueError, match="the base of a relative DID URL is a DID"):
        DidUrl.parse("#key-1", base)


CHARS = st.sampled_from("aZ09._~!$&'()*+,;=:@-") | st.sampled_from(["%20", "%2F"])
PARTS = st.lists(CHARS, max_size=6).map("".join)
URLS = st.builds(
    "did:{}:{}{}{}{}".format,
    st.text(alphabet="abc019", min_size=1, max_size=5),
    st.from_regex(r"([A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+(:+([A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+)?", fullmatch=True),
    st.lists(PARTS.map("/{}".format), max_size=3).map("".join),
    st.just("") | PARTS.map("?{}/?".format),
    st.just("") | PARTS.map("#{}/?".format),
)


@given(URLS)
def test_apart_and_together_again(text: str) -> None:
    url = DidUrl.parse(text)
    assert str(url) == text
    assert url.did == f"did:{url.method}:{url.method_specific_id}"
    assert text.startswith(url.did)
    # What a DID URL has besides the DID leads back to it; without dot segments, as these would be taken away.
    if not {".", ".."} & set(url.path.split("/")) and not url.path.startswith("//"):
        assert DidUrl.parse(text.removeprefix(url.did), url.did) == url


@given(st.text(max_size=40) | st.text(alphabet="did:exampl#?/.%41", max_size=40))
def test_arbitrary_text_is_a_did_url_or_malformed(text: str) -> None:
    for base in (None, BASE):
        with suppress(Malformed):
            url = DidUrl.parse(text, base)
            assert DidUrl.parse(str(url)) == url
            assert url.did == BASE or text.startswith(url.did)
