"""Metadata in some languages only (OID4VCI 12.2.2): a part of every display, never nothing, and what a Wallet would choose."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.metadata.language import in_language
from oid4vci.metadata.localised import languages, localised, relevant_ranges
from oid4vci.negotiation import language_ranges
from tests.issuance import CREDENTIAL, IDENTIFIER, ISSUER_METADATA, FixedEncoder, issuance


def display(*locales: str | None) -> list[dict[str, Any]]:
    return [{"name": f"in {each}", **({} if each is None else {"locale": each})} for each in locales]


def document(issuer: Any = None, credential: Any = None, claim: Any = None) -> dict[str, Any]:
    shown = {} if credential is None else {"display": credential}
    described = {} if claim is None else {"claims": [{"path": ["a"], "display": claim}, {"path": ["b"]}]}
    return {
        "credential_issuer": IDENTIFIER,
        "credential_endpoint": CREDENTIAL,
        "credential_configurations_supported": {
            "x": {"format": "x-object", "credential_metadata": {**shown, **described, "z": [1]}},
            "y": {"format": "x-object"},
        },
        "z": {"display": display("de", "en")},
        **({} if issuer is None else {"display": issuer}),
    }


def locales(entries: list[dict[str, Any]]) -> list[str | None]:
    return [each.get("locale") for each in entries]


def kept_of(accept_language: str, *tags: str | None) -> list[str | None]:
    whole = document(display(*tags))
    ranges = relevant_ranges(language_ranges(accept_language), languages(whole))
    return locales(localised(whole, ranges)["display"]) if ranges else locales(whole["display"])


@pytest.mark.parametrize(
    ("accept_language", "tags", "kept"),
    [
        ("de", ("en", "de", "fr"), ["de"]),
        ("de, en", ("en", "de", "fr"), ["en", "de"]),
        ("de-CH", ("en", "de"), ["de"]),
        ("de-CH", ("en", "de-AT", None), ["en", "de-AT", None]),
        ("en", ("en-US", "de", "en-GB"), ["en-US", "en-GB"]),
        ("EN-us", ("en-US", "en"), ["en-US"]),
        # Only a region is there that nobody asked for: the default as well.
        ("de", ("en", "fr", "de-CH"), ["en", "de-CH"]),
        ("fr-ch, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ("it", "de", "en"), ["de", "en"]),
        # All of them where nothing is wanted that there is.
        ("fr", ("en", "de"), ["en", "de"]),
        ("*", ("en", "de"), ["en", "de"]),
        ("", ("en", "de"), ["en", "de"]),
        ("de;q=0", ("en", "de"), ["en", "de"]),
        ("de", ("de", None, "de-AT"), ["de"]),
    ],
)
def test_the_part_in_wanted_languages(accept_language: str, tags: tuple[str | None, ...], kept: list[str | None]) -> None:
    assert kept_of(accept_language, *tags) == kept


def test_every_display_keeps_something() -> None:
    """What cannot be shown in a wanted language is shown in its default: without a language, else the first."""
    whole = document(display("en", "fr"), display("en", None), display("en", "de"))
    found = localised(whole, ["de"])
    configuration = found["credential_configurations_supported"]["x"]["credential_metadata"]
    assert locales(found["display"]) == ["en"]
    assert locales(configuration["display"]) == [None]
    assert locales(configuration["claims"][0]["display"]) == ["de"]
    assert languages(found) == ("en", "de")


def test_nothing_else_is_touched() -> None:
    whole = document(display("en", "de"), display("en", "de"), display("en", "de"))
    found = localised(whole, ["en"])
    assert whole == document(display("en", "de"), display("en", "de"), display("en", "de"))
    assert found == document(display("en"), display("en"), display("en"))
    assert CredentialIssuerMetadata.from_json(found).to_json() == found
    assert localised(document(), ["en"]) == document()


TAGS = st.sampled_from(["de", "DE", "de-CH", "de-AT", "de-Latn-CH", "en", "en-US", "en-GB", "fr", "zh-Hant-x-a", "zh", "x-a"])
RANGES = st.lists(TAGS | st.sampled_from(["de-Latn", "de-Latn-CH-1996", "zh-Hant", "en-US-x-b", "it", "x", "z"]), max_size=6)
DISPLAYS = st.none() | st.lists(st.none() | TAGS, min_size=1, max_size=6).map(lambda tags: display(*tags))


def parts(whole: dict[str, Any]) -> list[list[dict[str, Any]]]:
    shown = whole["credential_configurations_supported"]["x"]["credential_metadata"]
    claims = shown.get("claims", [])
    return [each["display"] for each in (whole, shown, *claims) if "display" in each]


@example(["de-Latn"], (display(None, "de-CH"), None, display("de")))
@given(RANGES, st.tuples(DISPLAYS, DISPLAYS, DISPLAYS))
def test_a_wallet_is_shown_the_same_by_the_part_as_by_the_whole(ranges: list[str], displays: Any) -> None:
    whole = document(*displays)
    relevant = relevant_ranges([each.lower() for each in ranges], languages(whole))
    assert len(relevant) <= len(ranges)
    found = localised(whole, relevant)
    assert len(parts(found)) == len(parts(whole))
    for before, after in zip(parts(whole), parts(found), strict=True):
        assert after
        rest = iter(before)
        assert all(any(each is entry for entry in rest) for each in after), "a part, in the same order"
    read, part = (CredentialIssuerMetadata.from_json(each) for each in (whole, found))
    assert part.shown(ranges) == read.shown(ranges)
    for one, other in zip(configured(read), configured(part), strict=True):
        assert in_language(one, ranges) == in_language(other, ranges)


def configured(metadata: CredentialIssuerMetadata) -> list[Any]:
    shown = metadata.credential_configurations_supported["x"].credential_metadata
    assert shown is not None
    return [shown.display, *(each.display for each in shown.claims or ())]


# --- over HTTP ----------------------------------------------------------------------------------------------------------------

METADATA = CredentialIssuerMetadata.from_json(document(display("en", "de"), display("en", "fr"), display("en", "de")))


def world(**fields: Any) -> Any:
    return issuance(metadata=METADATA, encoders={"x": FixedEncoder(), "y": FixedEncoder()}, nonces=None, **fields)


@pytest.mark.spec("VCI-12.2.2-12", "VCI-12.2.2-13")
def test_an_issuer_sends_wanted_languages_and_says_which() -> None:
    response = world(localised=True).get(ISSUER_METADATA, {"accept-language": "de-CH, it;q=0.5"})
    assert response.headers.get("content-language") == "de, en"
    assert response.headers.get("vary") == "Accept-Language"
    assert response.json() == localised(METADATA.to_json(), ["de"])


@pytest.mark.spec("VCI-12.2.2-12")
@pytest.mark.parametrize("header", [None, "*", "it", "", "\u00e9;q=1", "de;q=0"])
def test_all_languages_where_none_is_wanted(header: str | None) -> None:
    response = world(localised=True).get(ISSUER_METADATA, {} if header is None else {"accept-language": header})
    assert response.json() == METADATA.to_json()
    assert (response.headers.get("content-language"), response.headers.get("vary")) == (None, "Accept-Language")


@pytest.mark.spec("VCI-12.2.2-12")
def test_an_issuer_may_ignore_what_languages_are_wanted() -> None:
    response = world().get(ISSUER_METADATA, {"accept-language": "de"})
    assert response.json() == METADATA.to_json()
    assert (response.headers.get("content-language"), response.headers.get("vary")) == (None, None)


def test_each_part_has_an_entity_tag_of_its_own() -> None:
    issuer = world(localised=True)
    tags = {each: issuer.get(ISSUER_METADATA, {"accept-language": each}).headers.get("etag") for each in ("de", "en", "it")}
    assert len(set(tags.values())) == 3
    known = {"accept-language": "de-AT", "if-none-match": str(tags["de"])}
    assert issuer.get(ISSUER_METADATA, known).status == 304
    assert issuer.get(ISSUER_METADATA, {**known, "accept-language": "en"}).status == 200


def test_a_display_has_no_language_twice() -> None:
    twice = CredentialIssuerMetadata.from_json(document(display("en", "EN")))
    with pytest.raises(ValueError, match="repeats a language"):
        issuance(metadata=twice, encoders={"x": FixedEncoder(), "y": FixedEncoder()}, nonces=None)


MANY = [f"{a}{b}" for a in "abcdefghijklm" for b in "abc"]


def test_what_is_kept_is_bounded() -> None:
    metadata = CredentialIssuerMetadata.from_json(document(display(*MANY)))
    issuer = issuance(metadata=metadata, encoders={"x": FixedEncoder(), "y": FixedEncoder()}, nonces=None, localised=True)
    for i, first in enumerate(MANY):
        for second in MANY[i + 1 : i + 6]:
            response = issuer.get(ISSUER_METADATA, {"accept-language": f"{first}, {second}"})
            assert response.headers.get("content-language") == f"{first}, {second}"
    assert len(issuer.issuer._metadata_documents._unsigned) == 64


@given(st.text(max_size=60) | st.text("deniacfr-,;q=.*01 ", max_size=60))
def test_any_accept_language_is_served(header: str) -> None:
    response = world(localised=True).get(ISSUER_METADATA, {"accept-language": header})
    assert response.status == 200
    assert all(each for each in parts(response.json()))
