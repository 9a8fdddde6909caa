"""Display properties: of issuers and Credentials, their language tags, images and colours (OID4VCI 12.2.4)."""

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

from oid4vci._document import Document, nested, string, wire
from oid4vci.claims import ClaimDisplay
from oid4vci.metadata.finding import Finding, error, warning

__all__ = ("CredentialDisplay", "Image", "IssuerDisplay", "canonical_language_tag", "display_findings", "is_language_tag")

# RFC 5646 2.1: language, script, region, variants, extensions, private use; a private tag; the irregular grandfathered ones.
_LANGUAGE_TAG = re.compile(
    r"""(?: (?: [a-z]{2,3} (?:-[a-z]{3}){0,3} | [a-z]{4,8} )
            (?: -[a-z]{4} )?
            (?: - (?: [a-z]{2} | [0-9]{3} ) )?
            (?: - (?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*
            (?: -[a-wyz0-9] (?:-[a-z0-9]{2,8})+ )*
            (?: -x (?:-[a-z0-9]{1,8})+ )?
        | x (?:-[a-z0-9]{1,8})+
        | i-[a-z]{2,8} | en-gb-oed | sgn-be-fr | sgn-be-nl | sgn-ch-de )""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

_PERCENT = r"\s*[+-]?[0-9.]+%\s*"
_INTEGER = r"\s*[+-]?[0-9]+\s*"
_NUMBER = r"\s*[+-]?[0-9.]+\s*"
# CSS Color Module Level 3, 4.2.1 to 4.2.5.
_COLOUR = re.compile(
    rf"""\#[0-9a-f]{{3}} | \#[0-9a-f]{{6}}
      | rgb\( (?: {_INTEGER},{_INTEGER},{_INTEGER} | {_PERCENT},{_PERCENT},{_PERCENT} ) \)
      | rgba\( (?: {_INTEGER},{_INTEGER},{_INTEGER} | {_PERCENT},{_PERCENT},{_PERCENT} ) ,{_NUMBER} \)
      | hsl\( {_NUMBER},{_PERCENT},{_PERCENT} \)
      | hsla\( {_NUMBER},{_PERCENT},{_PERCENT},{_NUMBER} \)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+", re.DOTALL)

_RULE = "OID4VCI 12.2.4"


def is_language_tag(tag: str) -> bool:
    """Whether `tag` is well-formed (RFC 5646 2.2.9); whether its subtags are registered is not looked up."""
    return len(tag) <= 255 and _LANGUAGE_TAG.fullmatch(tag) is not None


def canonical_language_tag(tag: str) -> str:
    """A well-formed tag in the letter case that RFC 5646 2.1.1 recommends: `de-Latn-DE`.

    >>> canonical_language_tag("EN-us")
    'en-US'
    """
    subtags = tag.lower().split("-")
    for i in range(1, len(subtags)):
        if len(subtags[i - 1]) == 1:
            break
        if len(subtags[i]) == 2:
            subtags[i] = subtags[i].upper()
        elif len(subtags[i]) == 4:
            subtags[i] = subtags[i].title()
    return "-".join(subtags)


@frozen(kw_only=True)
class Image(Document):
    """A logo or a background image. `uri` may have any scheme (`https:`, `data:`): fetching it is the application's decision."""

    uri: str = field(metadata=wire(string(maximum=1 << 20)))
    alt_text: str | None = field(default=None, metadata=wire(string(minimum=0)))

    def findings(self, requirement: str | None = None) -> Iterator[Finding]:
        if not _SCHEME.fullmatch(self.uri):
            yield error("uri", "must be a URI with a scheme", _RULE, requirement)


@frozen(kw_only=True)
class IssuerDisplay(Document):
    """How a Credential Issuer is shown in one language."""

    name: str | None = field(default=None, metadata=wire(string(minimum=0)))
    locale: str | None = field(default=None, metadata=wire(string(minimum=0, maximum=255)))
    logo: Image | None = field(default=None, metadata=wire(nested(Image)))

    def findings(self) -> Iterator[Finding]:
        if self.logo is not None:
            yield from (finding.within("logo") for finding in self.logo.findings("VCI-12.2.4-45"))


@frozen(kw_only=True)
class CredentialDisplay(Document):
    """How a Credential is shown in one language."""

    name: str = field(metadata=wire(string(minimum=0)))
    locale: str | None = field(default=None, metadata=wire(string(minimum=0, maximum=255)))
    logo: Image | None = field(default=None, metadata=wire(nested(Image)))
    description: str | None = field(default=None, metadata=wire(string(minimum=0)))
    background_color: str | None = field(default=None, metadata=wire(string(minimum=0)))
    background_image: Image | None = field(default=None, metadata=wire(nested(Image)))
    text_color: str | None = field(default=None, metadata=wire(string(minimum=0)))

    def findings(self) -> Iterator[Finding]:
        for name, image, requirement in (
            ("logo", self.logo, "VCI-12.2.4-77"),
            ("background_image", self.background_image, "VCI-12.2.4-83"),
        ):
            if image is not None:
                yield from (finding.within(name) for finding in image.findings(requirement))
        for name, colour, requirement in (
            ("background_color", self.background_color, "VCI-12.2.4-80"),
            ("text_color", self.text_color, "VCI-12.2.4-84"),
        ):
            # The length is bounded before the pattern is tried.
            if colour is not None and (len(colour) > 64 or not _COLOUR.fullmatch(colour)):
                yield error(name, "must be a numerical color value of CSS Color Level 3", _RULE, requirement)


# Language tags, and one object for each language, by what is displayed.
_REQUIREMENTS: Mapping[type, tuple[str, str]] = {
    IssuerDisplay: ("VCI-12.2.4-42", "VCI-12.2.4-43"),
    CredentialDisplay: ("VCI-12.2.4-73", "VCI-12.2.4-75"),
    ClaimDisplay: ("VCI-B.2-07", "VCI-B.2-08"),
}


def display_findings(
    entries: Sequence[IssuerDisplay | CredentialDisplay | ClaimDisplay] | None, rule: str = _RULE
) -> Iterator[Finding]:
    """What is wrong with an array of display objects: "There MUST be only one object for each language identifier"."""
    seen: set[str | None] = set()
    for i, entry in enumerate(entries or ()):
        # Language tags are compared without regard to case (RFC 5646 2.1.1).
        tag = None if entry.locale is None else entry.locale.lower()
        tagged, once = _REQUIREMENTS[type(entry)]
        if tag in seen and tag is None:
            yield warning(f"[{i}]", "is not the only entry without a locale", rule, once)
        elif tag in seen:
            yield error(f"[{i}].locale", "repeats a language", rule, once)
        seen.add(tag)
        if entry.locale is not None and not is_language_tag(entry.locale):
            yield error(f"[{i}].locale", "must be a BCP 47 language tag", rule, tagged)
        elif entry.locale is not None and canonical_language_tag(entry.locale) != entry.locale:
            yield warning(f"[{i}].locale", "is not written in the recommended letter case", "RFC 5646 2.1.1")
        if not isinstance(entry, ClaimDisplay):
            yield from (finding.within(f"[{i}]") for finding in entry.findings())
