"""The forms of a page, as a browser without script sees them."""

from contextlib import suppress
from html.parser import HTMLParser
from typing import Final, Self

from attrs import define, field

__all__ = ("HtmlForm", "read_forms")

MAX_PAGE: Final = 1 << 20
MAX_ELEMENTS: Final = 500


@define
class HtmlForm:
    """A form: its fields by name, the names of fields by id, and its buttons, name and value, by id."""

    action: str
    method: str
    fields: dict[str, str] = field(factory=dict, repr=False)
    names: dict[str, str] = field(factory=dict)
    buttons: dict[str, tuple[str, str]] = field(factory=dict)

    def filled(self, button: str, typed: dict[str, str]) -> dict[str, str] | None:
        """What is sent after typing into the fields with these ids and clicking a button; None if something is not there."""
        if button not in self.buttons or not typed.keys() <= self.names.keys() or self.method != "post":
            return None
        name, value = self.buttons[button]
        clicked = {name: value} if name else {}
        return {**self.fields, **{self.names[each]: text for each, text in typed.items()}, **clicked}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self.open: HtmlForm | None = None
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in reversed(attrs)}
        self.count += 1
        if self.count > MAX_ELEMENTS:
            return
        if tag == "form":
            self.open = HtmlForm(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self.open)
        elif self.open is not None and tag in ("input", "button"):
            self._control(self.open, tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None

    @staticmethod
    def _control(form: HtmlForm, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "submit" if tag == "button" else "text").lower()
        if kind == "submit":
            form.buttons[given.get("id", "")] = (name, given.get("value", ""))
        elif name and kind not in ("button", "reset", "image", "file") and (kind != "checkbox" or "checked" in given):
            form.fields[name] = given.get("value", "")
            form.names[given.get("id", "")] = name

    @classmethod
    def of(cls, text: str) -> Self:
        reader = cls()
        # It gives up at some declarations and numbers. Without `close`, what has no end is not read again from each place in it.
        with suppress(AssertionError, ValueError):
            reader.feed(text)
        return reader


def read_forms(page: bytes) -> tuple[HtmlForm, ...]:
    """The forms of an HTML page, which may be anything."""
    return tuple(_Reader.of(page[:MAX_PAGE].decode("utf-8", "replace")).forms)
