"""The page of the reference server: what it shows, and the form."""

import base64
import hashlib
import re
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import segno
from starlette.applications import Starlette

from examples.reference_server import demo
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.page_endpoints import FORM_LIFETIME
from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from oid4vci.memory import MemoryStore
from oid4vci.offers import AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE
from oid4vci.qr import qr_svg
from tests.browser import Browser, Page, location
from tests.page_visitor import LOG_IN, NAME, OTHER_NAME, PRE_AUTHORIZED, TX_CODE, Visitor
from tests.reference_server import ISSUER, ReferenceServer, Transport
from tests.test_reference_server_login import HOSTILE, authorize

WAYS = (LOG_IN, PRE_AUTHORIZED, TX_CODE)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


@pytest.fixture
def visitor(server: ReferenceServer) -> Visitor:
    return Visitor.at(server)


# --- what is shown -----------------------------------------------------------------------------------------------------------


def policy_of(page: Page) -> dict[str, str]:
    return dict(each.partition(" ")[::2] for each in page.response.headers["content-security-policy"].split("; "))


def hashes_of(page: Page, tag: str) -> str:
    texts = re.findall(f"<{tag}>(.*?)</{tag}>", page.response.text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in texts]
    return " ".join(f"'sha256-{each}'" for each in digests)


def test_the_pages_have_what_a_person_and_a_program_need(visitor: Visitor) -> None:
    for page, title in ((visitor.start(), "Get credentials"), (visitor.makes(TX_CODE).page, "Credential offer")):
        (html,), (heading,), (shown,), (main,) = page.all("html"), page.all("h1"), page.all("title"), page.all("main")
        assert html["lang"] == "en"
        assert heading["text"] == title
        assert shown["text"].startswith(title)
        assert main["text"]
        ids = [each["id"] for each in page.elements if "id" in each]
        assert len(set(ids)) == len(ids)
        labelled = {each["for"] for each in page.all("label") if each["text"].strip()}
        fields = [each for each in page.elements if each["tag"] in ("input", "textarea") and each.get("type") != "hidden"]
        assert {each["id"] for each in fields} == labelled
        assert all(each["text"].strip() for each in page.elements if each["tag"] in ("button", "a", "summary", "legend"))
        levels = [int(each["tag"][1]) for each in page.elements if re.fullmatch("h[1-6]", each["tag"])]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_nothing_foreign_runs_is_kept_or_framed(visitor: Visitor) -> None:
    start, offer = visitor.start(), visitor.makes(TX_CODE).page
    lost = Page.of(visitor.get(f"/offers/{'0' * 64}"))
    for page in (start, offer, lost):
        headers, policy = page.response.headers, policy_of(page)
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert (policy["default-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'none'")
        assert policy["style-src"] == hashes_of(page, "style")
        assert not re.search(r"<[^>]*\s(style|on\w+|src)\s*=", page.response.text)
        assert all(each["href"].startswith(("/", "openid-credential-offer://")) for each in page.all("a"))
    assert (policy_of(start)["form-action"], policy_of(offer)["form-action"]) == ("'self'", "'none'")
    # Only the page of an offer has a script, and it asks nobody else.
    assert "<script" not in start.response.text + lost.response.text
    assert (policy_of(offer)["script-src"], policy_of(offer)["connect-src"]) == (hashes_of(offer, "script"), "'self'")
    assert len(offer.all("script")) == 1


def test_everything_that_is_issued_can_be_chosen(server: ReferenceServer, visitor: Visitor) -> None:
    page = visitor.start()
    boxes = [each for each in page.all("input") if each.get("type") == "checkbox"]
    assert [each["name"] for each in boxes] == [f"credential {name}" for name in demo.CONFIGURATIONS]
    assert [("checked" in each) for each in boxes] == [True, False, False, False, False]
    labels = [each["text"] for each in page.all("label")]
    for label, configuration in zip(labels, demo.CONFIGURATIONS.values(), strict=False):
        metadata = configuration["metadata"]
        assert metadata["credential_metadata"]["display"][0]["name"] in label
        assert metadata["format"] in label
    radios = [each for each in page.all("input") if each.get("type") == "radio"]
    assert [(each["value"], "checked" in each, "disabled" in each) for each in radios] == [
        (LOG_IN, True, False),
        (PRE_AUTHORIZED, False, False),
        (TX_CODE, False, False),
    ]
    assert page.text("issuer") == ISSUER


def drawn(svg: str) -> list[list[bool]]:
    """The modules of a code without its quiet zone: the path goes from dark run to dark run."""
    (path,) = re.findall('class="qrline" stroke="#000" d="([^"]*)"', svg)
    dark, x, y = set(), 0.0, 0.0
    for command, numbers in re.findall("([Mmh])([^Mmh]*)", path):
        values = [float(each) for each in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "h":
            dark |= {(int(x) + i, int(y)) for i in range(int(values[0]))}
            x += values[0]
        else:
            x, y = (x + values[0], y + values[1]) if command == "m" else (values[0], values[1])
    size = max(x for x, _ in dark) + 1 - 4
    return [[(x + 4, y + 4) in dark for x in range(size)] for y in range(size)]


@pytest.mark.parametrize("way", WAYS)
def test_the_offer_is_there_as_code_link_and_text(server: ReferenceServer, visitor: Visitor, way: str) -> None:
    offer = visitor.makes(way, NAME, OTHER_NAME)
    assert offer.uri.startswith("openid-credential-offer://?credential_offer_uri=https://localhost:8443/credential-offer/")
    assert offer.page.text("offer_uri") == offer.uri
    svg = (
        offer.page.response.text.partition('<div id="qr" role="img" aria-label="')[2].partition('">')[2].partition("</div>")[0]
    )
    assert svg == qr_svg(offer.uri)
    code = segno.make_qr(offer.uri, error="l")
    assert drawn(svg) == [[bool(module) for module in row] for row in code.matrix]
    # So small that a phone reads it from a screen.
    assert int(str(code.version)) <= 8
    opened = server.wallet().opened(offer.uri)
    assert opened.offer.credential_configuration_ids == (NAME, OTHER_NAME)
    assert opened.offer.grant_types == ((AUTHORIZATION_CODE,) if way == LOG_IN else (PRE_AUTHORIZED_CODE,))
    assert ("tx_code" in offer.page) == (way == TX_CODE)
    assert (offer.page.text("about") == "It is about ada.") == (way != LOG_IN)


def test_without_segno_the_link_is_there_all_the_same(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    page = visitor.makes(LOG_IN).page
    assert "oid4vci[qr]" in page.text("no-qr")
    assert "qr" not in page
    assert page.element("open")["href"] == page.text("offer_uri")


def test_an_issuer_with_a_path_has_its_page_beneath_it(tmp_path: Path) -> None:
    issuer = f"https://{'issuer.' * 8}example/{'tenant/' * 20}a"
    settings = read_settings(None)
    service = Service.of(issuer, settings, demo_keys(issuer))
    app: Starlette = application(service, ServerHost(MemoryStore(), datasets(settings)))
    client = httpx.Client(transport=Transport(app, "192.0.2.1"), base_url=f"https://{urlsplit(issuer).netloc}")
    path, browser = urlsplit(issuer).path, Browser(client)
    assert client.get("/").status_code == 404
    for home in (path, f"{path}/"):
        page = browser.visit(home)
        where = location(browser.click(page, "make"))
        assert where.startswith(f"{path}/offers/")
        offer = browser.visit(where)
        assert client.get(f"{where}/state").json()["state"] == "offered"
        assert client.get(urlsplit(offer.text("offer_uri").partition("uri=")[2]).path).status_code == 200
        assert client.get(f"{where}/state").json()["state"] == "fetched"
        assert offer.element("home")["href"] == f"{path}/"


def test_a_link_that_is_too_long_has_no_code(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(uri: str) -> str:
        return qr_svg("x" * 3000)

    monkeypatch.setattr("examples.reference_server.offer_pages.qr_svg", too_long)
    page = visitor.makes(LOG_IN).page
    assert "too long" in page.text("no-qr")
    assert "qr" not in page


def test_what_others_wrote_stays_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = demo.CONFIGURATIONS[NAME]["metadata"]
    display = {**metadata["credential_metadata"], "display": [{"name": HOSTILE, "description": HOSTILE}]}
    name = '<i>id&amp;"</i>'
    configuration = {"key_resolution": "x5c", "metadata": {**metadata, "scope": "id", "credential_metadata": display}}
    members = {"configurations": {name: configuration}, "subjects": {HOSTILE[:100]: {name: {"level": 1}}}}
    visitor = Visitor.at(ReferenceServer.of(tmp_path, monkeypatch, members))
    start = visitor.start()
    # The first and only credential, whatever its name.
    path = location(visitor.browser.click(start, "make"))
    for page in (start, visitor.browser.visit(path)):
        assert "<script>alert" not in page.response.text
        assert "<i>" not in page.response.text
        assert "\u202e" not in page.response.text
        assert name in page.response.text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


# --- the form ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://attacker.example"}, 403),
        ({"origin": "https://localhost:8444"}, 403),
        ({"origin": "https://localhost"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://attacker.example"}, 403),
        ({"origin": ISSUER}, 303),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 303),
    ],
)
def test_pages_of_others_make_no_offers(visitor: Visitor, headers: dict[str, str], status: int) -> None:
    page = visitor.start()
    data = {each["name"]: each["value"] for each in page.all("input") if each["name"] == "ticket" or "checked" in each}
    rows = visitor.server.rows
    answer = visitor.browser.client.post("/offers", data=data, headers=headers)
    assert answer.status_code == status
    assert (visitor.server.rows == rows) == (status == 403)


def test_a_form_needs_the_ticket_of_its_browser(server: ReferenceServer, visitor: Visitor) -> None:
    page, other = visitor.start(), Visitor.at(server)
    other_page = other.start()
    login = visitor.browser.visit(authorize())
    (ticket_of_login,) = (each["value"] for each in login.all("input") if each["name"] == "ticket")
    (ticket,) = (each["value"] for each in page.all("input") if each["name"] == "ticket")
    rows = server.rows
    for answer in (
        visitor.browser.click(page, "make", without="ticket"),
        visitor.browser.click(page, "make", changes={"ticket": ticket_of_login}),
        visitor.browser.click(page, "make", changes={"ticket": ticket[:-1] + ("A" if ticket[-1] != "A" else "B")}),
        visitor.browser.click(other_page, "make"),
        server.browser().click(page, "make"),
    ):
        assert answer.status_code == 403
        assert "not made for this browser" in Page.of(answer).text("problem")
    assert server.rows == rows
    # Nor does that of this form decide on a login.
    answer = visitor.browser.click(login, "login", changes={"ticket": ticket}, username="ada", password="ada")
    assert answer.status_code == 400
    assert Page.of(answer).text("error") == "invalid_request_uri"


def test_a_form_is_good_for_half_a_day(server: ReferenceServer, visitor: Visitor) -> None:
    page = visitor.start()
    server.clock.wait(FORM_LIFETIME - 1)
    assert visitor.sends(LOG_IN, page=page).status_code == 303
    server.clock.wait(1)
    assert visitor.sends(LOG_IN, page=page).status_code == 403


def test_what_is_wrong_is_said_and_what_was_chosen_stays(server: ReferenceServer, visitor: Visitor) -> None:
    rows = server.rows
    for names, way, problem, status in (
        ((), TX_CODE, "at least one", 400),
        ((), "another", "one of the ways", 403),
        ((OTHER_NAME,), "another", "one of the ways", 403),
    ):
        answer = visitor.sends(way, names)
        page = Page.of(answer)
        assert answer.status_code == status
        assert problem in page.text("problem")
        assert page.element("problem")["role"] == "alert"
        checked = [each["name"].removeprefix("credential ") for each in page.all("input") if "checked" in each]
        assert checked == [*names, "way"]
        assert ("checked" in page.element(f"way-{TX_CODE}")) == (way == TX_CODE)
    assert server.rows == rows


def test_what_nobody_has_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = {"ada": {NAME: demo.SUBJECTS["ada"][NAME]}, "max": {OTHER_NAME: demo.SUBJECTS["max"][OTHER_NAME]}}
    configurations = {name: demo.CONFIGURATIONS[name] for name in (NAME, OTHER_NAME)}
    members = {"configurations": configurations, "subjects": subjects, "users": demo.USERS}
    visitor = Visitor.at(ReferenceServer.of(tmp_path, monkeypatch, members))
    answer = visitor.sends(PRE_AUTHORIZED, (NAME, OTHER_NAME))
    assert answer.status_code == 400
    assert "nobody who has all" in Page.of(answer).text("problem")
    assert visitor.makes(PRE_AUTHORIZED, OTHER_NAME).page.text("about") == "It is about max."


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"ticket=a&ticket=a", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % i for i in range(100)), "application/x-www-form-urlencoded"),
        (b"\xff", "application/x-www-form-urlencoded"),
    ],
)
def test_a_malformed_form(visitor: Visitor, body: bytes, content_type: str) -> None:
    answer = visitor.browser.client.post("/offers", content=body, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert Page.of(answer).text("problem") == "The form is malformed."


def test_other_methods(visitor: Visitor) -> None:
    path = urlsplit(visitor.makes(LOG_IN).path).path
    client = visitor.browser.client
    for where, allowed in (("/", "GET"), (path, "GET"), (f"{path}/state", "GET"), ("/offers", "POST")):
        for method in ("GET", "POST", "PUT", "DELETE"):
            if method != allowed:
                answer = client.request(method, where)
                assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert client.options(where).status_code == 204
    assert client.head("/").status_code == 200
