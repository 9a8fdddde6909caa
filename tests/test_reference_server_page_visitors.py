"""Who may make which offers at the page of the reference server, how many, and what nobody else learns of them."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from examples.reference_server import demo, page_endpoints
from examples.reference_server.browser_session import COOKIE
from examples.reference_server.page_endpoints import ALL, EACH
from examples.sqlite_store import SqliteStore
from tests.browser import Page
from tests.page_visitor import LOG_IN, NAME, PRE_AUTHORIZED, TX_CODE, Visitor, id_of
from tests.reference_server import ReferenceServer
from tests.test_reference_server import TOKEN

WAYS = (LOG_IN, PRE_AUTHORIZED, TX_CODE)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


@pytest.fixture
def visitor(server: ReferenceServer) -> Visitor:
    return Visitor.at(server)


# --- who may -----------------------------------------------------------------------------------------------------------------


def refusals(page: Page) -> dict[str, str]:
    return {name: page.text(f"refusal-{name}") for name in WAYS if f"refusal-{name}" in page}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"admin": False}, "without --admin"),
        ({"address": "192.0.2.1"}, "on the machine of the server"),
        ({"members": {"admin_token": TOKEN}}, "admin token"),
    ],
)
def test_offers_without_a_login_are_for_those_who_may_use_admin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], reason: str
) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, **settings)
    visitor = Visitor.at(server)
    page = visitor.start()
    assert list(refusals(page)) == [PRE_AUTHORIZED, TX_CODE]
    assert all(reason in each for each in refusals(page).values())
    assert all("disabled" in page.element(f"way-{name}") for name in (PRE_AUTHORIZED, TX_CODE))
    for way in (PRE_AUTHORIZED, TX_CODE):
        rows = server.rows
        answer = visitor.sends(way)
        assert answer.status_code == 403
        assert "Choose one of the ways" in Page.of(answer).text("problem")
        assert server.rows == rows
    assert visitor.makes(LOG_IN).state == "offered"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "attacker.example:8443"},
        {"host": "localhost.attacker.example"},
        {"x-forwarded-for": "127.0.0.1"},
        {"forwarded": "for=127.0.0.1"},
    ],
)
def test_a_name_that_leads_here_and_a_proxy_give_no_offers_without_a_login(visitor: Visitor, headers: dict[str, str]) -> None:
    page = Page.of(visitor.browser.client.get("/", headers=headers))
    assert list(refusals(page)) == [PRE_AUTHORIZED, TX_CODE]
    visitor.browser.client.headers.update(headers)
    assert visitor.sends(PRE_AUTHORIZED, page=page).status_code == 403


def test_with_the_admin_token_in_the_request_all_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a proxy, for instance, that lets operators in."""
    visitor = Visitor.at(ReferenceServer.of(tmp_path, monkeypatch, {"admin_token": TOKEN}, address="192.0.2.1"))
    visitor.browser.client.headers["authorization"] = f"Bearer {TOKEN}"
    assert refusals(visitor.start()) == {}
    assert visitor.makes(PRE_AUTHORIZED).state == "offered"


NO_USERS = {"subjects": {"ada": demo.SUBJECTS["ada"]}}


def test_without_users_nobody_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, NO_USERS)
    visitor = Visitor.at(server)
    page = visitor.start()
    assert list(refusals(page)) == [LOG_IN]
    assert "checked" in page.element(f"way-{PRE_AUTHORIZED}")
    assert visitor.sends(LOG_IN).status_code == 403
    assert visitor.makes(PRE_AUTHORIZED).state == "offered"


def test_where_there_is_no_way_there_is_nothing_to_click(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, NO_USERS, admin=False)
    visitor = Visitor.at(server)
    page = visitor.start()
    assert "set-cookie" not in page.response.headers
    assert page.all("form") == page.all("input") == page.all("button") == []
    assert all(name in page.text("credentials") for name in demo.CONFIGURATIONS)
    assert "no users" in page.text("unavailable")
    assert "--admin" in page.text("unavailable")
    # Not even with a form from elsewhere.
    ticket = Visitor.at(ReferenceServer.of(tmp_path, monkeypatch)).start().all("input")[0]["value"]
    data = {"ticket": ticket, "way": LOG_IN, f"credential {NAME}": "on"}
    assert visitor.browser.client.post("/offers", data=data).status_code == 403
    assert server.rows == 0


# --- how much ----------------------------------------------------------------------------------------------------------------


def test_a_browser_makes_so_many_offers_in_a_minute(server: ReferenceServer, visitor: Visitor) -> None:
    page = visitor.start()
    most, window = EACH
    for _ in range(most):
        assert visitor.sends(LOG_IN, page=page).status_code == 303
    rows = server.rows
    answer = visitor.sends(LOG_IN, page=page)
    assert answer.status_code == 429
    assert "Too many offers" in Page.of(answer).text("problem")
    assert server.rows == rows
    assert Visitor.at(server).sends(LOG_IN).status_code == 303
    server.clock.wait(window)
    assert visitor.sends(LOG_IN, page=page).status_code == 303


def test_all_browsers_together_fill_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who throws the cookie away counts as everybody else; who may use the admin API is not held up by that."""
    monkeypatch.setattr(page_endpoints, "ALL", (6, ALL[1]))
    server = ReferenceServer.of(tmp_path, monkeypatch, address="192.0.2.1")
    answers = [Visitor.at(server).sends(LOG_IN).status_code for _ in range(6)]
    rows = server.rows
    answers += [Visitor.at(server).sends(LOG_IN).status_code for _ in range(2)]
    assert answers == [303] * 6 + [429] * 2
    assert server.rows == rows
    admin = Visitor.at(ReferenceServer.of(tmp_path, monkeypatch, store=server.store, clock=server.clock))
    assert admin.sends(LOG_IN).status_code == 303
    server.clock.wait(ALL[1])
    assert Visitor.at(server).sends(LOG_IN).status_code == 303


def test_a_browser_that_has_had_its_share_takes_nothing_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_endpoints, "ALL", (EACH[0] + 2, ALL[1]))
    server = ReferenceServer.of(tmp_path, monkeypatch, address="192.0.2.1")
    greedy = Visitor.at(server)
    page = greedy.start()
    assert [greedy.sends(LOG_IN, page=page).status_code for _ in range(EACH[0] + 5)] == [303] * EACH[0] + [429] * 5
    assert [Visitor.at(server).sends(LOG_IN).status_code for _ in range(3)] == [303, 303, 429]


def test_all_of_an_offer_ends(server: ReferenceServer, visitor: Visitor) -> None:
    for way in WAYS:
        visitor.makes(way)
    assert server.rows > 10
    server.clock.wait(3600)
    server.store.purge(now=server.clock.now)  # type: ignore[attr-defined]
    assert server.rows == 0


def test_looking_writes_nothing(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(LOG_IN)
    rows = server.rows
    visitor.start()
    assert offer.state == "offered"
    visitor.get("/offers/a")
    assert server.rows == rows


# --- secrets -----------------------------------------------------------------------------------------------------------------


def test_an_offer_is_shown_to_the_browser_that_made_it(server: ReferenceServer, visitor: Visitor) -> None:
    offer, other = visitor.makes(TX_CODE), Visitor.at(server)
    other.makes(LOG_IN)
    for browser in (other.browser, server.browser()):
        answer = browser.client.get(offer.path)
        assert answer.status_code == 404
        assert "has made no such offer" in Page.of(answer).text("problem")
        assert offer.page.text("tx_code") not in answer.text
        told = browser.client.get(f"{offer.path}/state")
        assert (told.status_code, told.json()["error"]) == (404, "not_found")
    assert offer.state == "offered"


@pytest.mark.parametrize("handle", ["a", "0" * 64, "A" * 64, "0" * 63, "0" * 65, "%2e%2e", "*"])
def test_no_other_handle_leads_to_an_offer(visitor: Visitor, handle: str) -> None:
    visitor.makes(LOG_IN)
    assert visitor.get(f"/offers/{handle}").status_code == 404
    assert visitor.get(f"/offers/{handle}/state").status_code == 404


@pytest.mark.parametrize("tail", ["/", "/state/", "/other", "/state/state", "//state"])
def test_no_other_paths_are_there(visitor: Visitor, tail: str) -> None:
    path = visitor.makes(LOG_IN).path
    for where in (f"{path}{tail}", "/offers/", "/offers//state"):
        assert visitor.get(where).headers["content-type"] == "application/json"
        assert visitor.get(where).status_code == 404


def test_a_stolen_table_holds_no_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteStore(tmp_path / "state.db") as store:
        visitor = Visitor.at(ReferenceServer.of(tmp_path, monkeypatch, {"sealing_keys": ["A" * 43]}, store=store))
        offer = visitor.makes(TX_CODE)
        offer_id, code = id_of(offer), offer.page.text("tx_code")
        handle, cookie = offer.path.rpartition("/")[2], visitor.browser.client.cookies[COOKIE]
    table = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert b"followed_offer" in table
    for secret in (offer_id, f'"{code}"', handle, cookie):
        assert secret.encode() not in table


def test_the_log_names_no_offer(server: ReferenceServer, visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "reference_server"):
        offer = visitor.makes(TX_CODE)
        assert offer.state == "offered"
        server.wallet().opened(offer.uri)
        visitor.get(f"{offer.path}/other")
    paths = {each.members["path"] for each in caplog.records if each.message == "request"}  # type: ignore[attr-defined]
    assert {"/", "/offers", "/offers/*", "/offers/*/state", "/credential-offer/*", "*"} <= paths
    text = json.dumps([each.__dict__.get("members") for each in caplog.records]) + caplog.text
    for secret in (offer.path.rpartition("/")[2], id_of(offer), offer.page.text("tx_code")):
        assert secret not in text


def test_nothing_shows_what_it_holds(visitor: Visitor) -> None:
    offer = visitor.makes(TX_CODE)
    told = visitor.browser.client.get(f"{offer.path}/state").text
    for secret in (id_of(offer), offer.page.text("tx_code"), offer.path.rpartition("/")[2]):
        assert secret not in told
