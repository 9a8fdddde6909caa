"""How a credential type is shown (draft-ietf-oauth-sd-jwt-vc, "Display Metadata"): rendering methods, images, templates.

Nothing is fetched or drawn here. Texts and SVG templates are the publisher's, and hostile until they are escaped or sandboxed;
`integrity.check_integrity` says whether what was fetched from a `uri` is what was meant.
"""

from collections.abc import Mapping
from typing import Any, Self

from attrs import field, frozen

from oid4vci._document import Document, array, choice, https_url, nested, string, wire
from oid4vci._json import Malformed
from oid4vci.formats.integrity import integrity_metadata

__all__ = ("ClaimLabel", "Rendering", "SimpleRendering", "SvgProperties", "SvgTemplate", "TypeDisplay", "TypeImage")

_TEXT = string(minimum=0)
_LOCALE = string(maximum=255)


def _drawable(resource: Any) -> None:
    # `uri` "MUST be either HTTPS URLs or data: URIs [RFC2397]" ("Rendering Metadata").
    if not resource.uri.startswith("data:"):
        try:
            https_url().check(resource.uri)
        except Malformed as error:
            raise error.within("uri") from None


@frozen(kw_only=True)
class TypeImage(Document):
    """A logo or a background image."""

    uri: str = field(metadata=wire(string(maximum=1 << 20)))
    uri_integrity: str | None = field(default=None, metadata=wire(integrity_metadata(), "uri#integrity"))
    alt_text: str | None = field(default=None, metadata=wire(_TEXT))
    rules = (_drawable,)


@frozen(kw_only=True)
class SimpleRendering(Document):
    """Logo, background and colours."""

    logo: TypeImage | None = field(default=None, metadata=wire(nested(TypeImage)))
    background_image: TypeImage | None = field(default=None, metadata=wire(nested(TypeImage)))
    background_color: str | None = field(default=None, metadata=wire(_TEXT))
    text_color: str | None = field(default=None, metadata=wire(_TEXT))


def _says_something(properties: "SvgProperties") -> None:
    if properties.orientation is properties.color_scheme is properties.contrast is None:
        raise Malformed("must have orientation, color_scheme or contrast")


@frozen(kw_only=True)
class SvgProperties(Document):
    """What an SVG template is best for."""

    orientation: str | None = field(default=None, metadata=wire(choice("portrait", "landscape")))
    color_scheme: str | None = field(default=None, metadata=wire(choice("light", "dark")))
    contrast: str | None = field(default=None, metadata=wire(choice("normal", "high")))
    rules = (_says_something,)


@frozen(kw_only=True)
class SvgTemplate(Document):
    """An SVG with `{{svg_id}}` in the places of claims."""

    uri: str = field(metadata=wire(string(maximum=1 << 20)))
    uri_integrity: str | None = field(default=None, metadata=wire(integrity_metadata(), "uri#integrity"))
    properties: SvgProperties | None = field(default=None, metadata=wire(nested(SvgProperties)))
    rules = (_drawable,)


def _distinguishable(rendering: "Rendering") -> None:
    templates = rendering.svg_templates or ()
    if len(templates) > 1 and any(template.properties is None for template in templates):
        raise Malformed("must have properties, each of several templates", "svg_templates")


@frozen(kw_only=True)
class Rendering(Document):
    """What there is for each rendering method; methods that are not known are in `extra`."""

    simple: SimpleRendering | None = field(default=None, metadata=wire(nested(SimpleRendering)))
    svg_templates: tuple[SvgTemplate, ...] | None = field(default=None, metadata=wire(array(nested(SvgTemplate), minimum=0)))
    rules = (_distinguishable,)


def _with_locale(value: Any) -> Any:
    """Drafts before -12 call `locale` `lang`."""
    if isinstance(value, Mapping) and "lang" in value and "locale" not in value:
        return {"locale" if name == "lang" else name: member for name, member in value.items()}
    return value


@frozen(kw_only=True)
class TypeDisplay(Document):
    """How credentials of a type are shown in one language."""

    locale: str = field(metadata=wire(_LOCALE))
    name: str = field(metadata=wire(_TEXT))
    description: str | None = field(default=None, metadata=wire(_TEXT))
    rendering: Rendering | None = field(default=None, metadata=wire(nested(Rendering)))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        return super().from_json(_with_locale(value))


@frozen(kw_only=True)
class ClaimLabel(Document):
    """How a claim is called in one language."""

    locale: str = field(metadata=wire(_LOCALE))
    label: str = field(metadata=wire(_TEXT))
    description: str | None = field(default=None, metadata=wire(_TEXT))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        return super().from_json(_with_locale(value))
