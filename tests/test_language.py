"""Choosing what is shown by language (RFC 4647 3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.claims import ClaimDisplay
from oid4vci.metadata.language import in_language, lookup


@pytest.mark.parametrize(
    ("preferences", "tags", "found"),
    [
        (["de"], ["en", "de"], "de"),
        (["de-CH"], ["en", "de"], "de"),
        (["DE-ch"], ["en", "de-CH"], "de-CH"),
        (["de"], ["de-CH"], None),
        (["de-CH"], ["de-AT"], None),
        (["fr", "de-CH"], ["de", "en"], "de"),
        # The first range is cut short before the second is tried.
        (["de-CH", "en"], ["en", "de"], "de"),
        (["zh-Hant-CN-x-private1-private2"], ["zh-Hant-CN-x", "zh-Hant-CN", "zh"], "zh-Hant-CN"),
        (["zh-Hant-CN-x-private1-private2"], ["zh-Hant-CN-x-private1", "zh"], "zh-Hant-CN-x-private1"),
        (["x-a"], ["x"], "x"),
        (["*"], ["en"], None),
        (["*", "en"], ["de", "en"], "en"),
        (["de", "*"], ["en"], None),
        ([], ["en"], None),
        (["en"], [], None),
        ([""], ["en"], None),
        (["en"], ["EN", "en"], "EN"),
    ],
)
def test_lookup(preferences: list[str], tags: list[str], found: str | None) -> None:
    assert lookup(preferences, tags) == found


def entry(name: str, locale: str | None = None) -> ClaimDisplay:
    return ClaimDisplay(name=name, locale=locale)


def test_what_is_shown_if_no_language_fits() -> None:
    german, english, any_language = entry("Name", "de"), entry("name", "en-US"), entry("?")
    assert in_language([english, german, any_language], ["de-AT"]) is german
    assert in_language([english, german, any_language], ["fr"]) is any_language
    assert in_language([english, german], ["fr"]) is english
    assert in_language([english, german], []) is english
    assert in_language([german, any_language, english], ["en"]) is english
    assert in_language([english, german], ["en", "de"]) is german
    assert in_language([german, english], ["e"]) is german
    assert in_language([german, english], [""]) is german
    assert in_language([], ["de"]) is None
    assert in_language(None, ["de"]) is None


@given(st.lists(st.text(max_size=300)), st.lists(st.text()))
def test_any_strings(preferences: list[str], tags: list[str]) -> None:
    found = lookup(preferences, tags)
    assert found is None or found in tags
