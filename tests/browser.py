"""A browser without script, over httpx: it keeps cookies, reads the forms of a page, and clicks buttons by their ids."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
from attrs import field, frozen

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VOID = frozenset(("meta", "input", "br", "link", "img"))


class _Reader(HTMLParser):
    """Every element with its attributes, the text inside some of them, and the form that each belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[dict[str, Any]] = []
        self.open: list[dict[str, Any]] = []
        self.form: dict[str, Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is repeated"
        element: dict[str, Any] = {"tag": tag, "text": "", "form": self.form, **{name: value or "" for name, value in attrs}}
        self.elements.append(element)
        if tag == "form":
            self.form = element
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop()["tag"] == tag, f"{tag} is closed, and was not the last one open"
        if tag == "form":
            self.form = None

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element["text"] += data


@frozen
class Page:
    """What a browser shows."""

    response: httpx.Response
    elements: list[dict[str, Any]] = field(repr=False)

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """A page of the server."""
        assert response.headers["content-type"] == "text/html; charset=utf-8", response.text
        reader = _Reader()
        reader.feed(response.text)
        reader.close()
        assert reader.open == []
        return cls(response, reader.elements)

    def __contains__(self, element_id: object) -> bool:
        return any(each.get("id") == element_id for each in self.elements)

    def element(self, element_id: str) -> dict[str, Any]:
        """The only element with an id."""
        (found,) = (each for each in self.elements if each.get("id") == element_id)
        return found

    def text(self, element_id: str) -> str:
        """What an element says."""
        return str(self.element(element_id)["text"])

    def all(self, tag: str) -> list[dict[str, Any]]:
        """All elements of a kind."""
        return [each for each in self.elements if each["tag"] == tag]


def _is_sent(element: Mapping[str, Any]) -> bool:
    """Whether an element is a field whose value a form has: of those to be chosen, the ones that are."""
    chosen = element.get("type") not in ("checkbox", "radio") or "checked" in element
    return element["tag"] == "input" and chosen and "disabled" not in element


@frozen
class Browser:
    """A browser with cookies of its own."""

    client: httpx.Client

    def visit(self, url: str) -> Page:
        """The page at a URL that somebody else has sent the browser to."""
        response = self.client.get(url, headers={"accept": HTML})
        assert response.is_success, response.text
        return Page.of(response)

    def click(
        self, page: Page, element_id: str, *, without: str | None = None, changes: Mapping[str, str] | None = None, **typed: str
    ) -> httpx.Response:
        """What comes of clicking a button after typing into the fields with these ids; no redirect is followed.

        `without` leaves out a field that the page has, `changes` are other values of fields by name.
        """
        button = page.element(element_id)
        form = button["form"]
        assert (button["tag"], form["method"]) == ("button", "post")
        ids = {each.get("id"): each["name"] for each in page.elements if each["tag"] == "input" and each["form"] is form}
        values = {each["name"]: each.get("value", "") for each in page.elements if each["form"] is form and _is_sent(each)}
        values |= {ids[name]: value for name, value in typed.items()}
        values |= {button["name"]: button["value"], **(changes or {})}
        values.pop(without or "", None)
        url = urljoin(str(page.response.url), form["action"])
        headers = {"accept": HTML, "origin": "null"}
        return self.client.post(url, data=values, headers=headers)

    def log_in(self, page: Page, username: str = "ada", password: str = "ada") -> Page:
        """The page after the login."""
        return Page.of(self.click(page, "login", username=username, password=password))

    def approved(self, url: str, username: str = "ada") -> str:
        """Where the browser is sent after a person has logged in and approved."""
        return location(self.click(self.log_in(self.visit(url), username, username), "approve"))


def location(response: httpx.Response) -> str:
    """Where a browser is sent."""
    assert response.status_code == 303, response.text
    return str(response.headers["location"])


def query(url: str) -> dict[str, str]:
    """The parameters of a URL, none of which is there twice."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
