"""The page of the reference server, and the login, in Chromium: what a person sees, clicks and types, over TLS."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from attrs import frozen
from selenium.common import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from examples.reference_server import demo
from oid4vci.drive import run
from oid4vci.errors import AuthorizationDenied
from oid4vci.keys import LocalSigner
from oid4vci.wallet import Deferred, Issued
from tests.accessibility import faults, focused
from tests.chromium import chromium, console, requested_hosts, screenshot, show
from tests.page_visitor import LOG_IN, NAME, OTHER_NAME, PRE_AUTHORIZED, TX_CODE
from tests.png import brightness
from tests.reference_server import WalletAt
from tests.running_server import ROOT, RunningServer, running_server

pytestmark = pytest.mark.servers

DEADLINE = 15
HOLDERS = [LocalSigner.generate(f"holder {i}") for i in range(2)]


ACCEPTED = "The wallet has accepted the credential."


@frozen
class Person:
    """Somebody at a browser."""

    driver: Chrome
    server: RunningServer

    def goes_to(self, url: str) -> None:
        self.driver.get(url)

    def sees(self, element_id: str) -> WebElement:
        return self.driver.find_element(By.ID, element_id)

    def reads(self, element_id: str) -> str:
        return self.sees(element_id).text

    def clicks(self, element_id: str) -> None:
        self.sees(element_id).click()

    def types(self, element_id: str, text: str) -> None:
        self.sees(element_id).send_keys(text)

    def presses(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def tabs_to(self, element_id: str) -> list[str | None]:
        """Press the tab key until something has the focus. Gives what had it on the way, this included."""
        passed: list[str | None] = []
        while not passed or passed[-1] != element_id:
            assert len(passed) < 30, passed
            self.presses(Keys.TAB)
            passed.append(focused(self.driver))
        return passed

    def waits_for(self, text: str, element_id: str = "state") -> None:
        """Until an element says this, without anything being loaded."""
        wait = WebDriverWait(self.driver, DEADLINE, 0.1, [StaleElementReferenceException])
        wait.until(lambda _: text in self.reads(element_id), f"{text!r} did not come at {element_id}")

    def makes(self, way: str, *others: str) -> str:
        """An offer of the first credential and of others. Gives the link."""
        self.goes_to(f"{self.server.issuer}/")
        for name in others:
            self.clicks(f"credential-{list(demo.CONFIGURATIONS).index(name)}")
        self.clicks(f"way-{way}")
        self.clicks("make")
        link = str(self.sees("open").get_attribute("href"))
        # It is gone if anything loads the page again.
        self.driver.execute_script(
            "window.seen = [];"
            "new MutationObserver(() => window.seen.push(document.getElementById('state').textContent))"
            ".observe(document.getElementById('state'), {childList: true, characterData: true, subtree: true})"
        )
        return link

    @property
    def saw(self) -> list[str]:
        """All that the state has said since the offer was made."""
        seen: list[str] = self.driver.execute_script("return window.seen")
        return seen

    def logs_in(self, url: str, decision: str, looks: Callable[[Chrome], None] | None = None) -> str:
        """Through the pages of the login, in a window of their own, with a look at each. Gives where the wallet's page was."""
        look = looks or (lambda _: None)
        home = self.driver.current_window_handle
        self.driver.switch_to.new_window("window")
        try:
            self.goes_to(url)
            look(self.driver)
            self.types("username", "ada")
            self.types("password", "ada")
            self.clicks("login")
            WebDriverWait(self.driver, DEADLINE, 0.1).until(lambda driver: driver.title.startswith("Approve or refuse"))
            look(self.driver)
            self.clicks(decision)
            WebDriverWait(self.driver, DEADLINE, 0.1).until(lambda driver: driver.current_url.startswith("http://127.0.0.1:"))
            return str(self.driver.current_url)
        finally:
            self.driver.close()
            self.driver.switch_to.window(home)

    def wallet(self) -> WalletAt:
        return WalletAt.of(self.server.client(), self.server.issuer, self.server.demo_authority())


def assert_accessible(driver: Chrome) -> None:
    """In both colour schemes, at the width of a desk and of a small phone."""
    for dark in (False, True):
        for width in (1100, 320):
            show(driver, width=width, dark=dark)
            assert faults(driver) == [], (dark, width, driver.title)
    show(driver, width=1100, dark=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    configurations = {**demo.CONFIGURATIONS, OTHER_NAME: {**demo.CONFIGURATIONS[OTHER_NAME], "deferred": 600}}
    config = {"configurations": configurations, "subjects": demo.SUBJECTS, "users": demo.USERS}
    with running_server(tmp_path_factory.mktemp("server"), config=config) as server:
        yield server


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("browser")) as driver:
        # What the browser itself shows when it starts.
        requested_hosts(driver)
        console(driver)
        yield driver


@pytest.fixture
def person(driver: Chrome, server: RunningServer) -> Iterator[Person]:
    """Whatever happens, the browser complains of nothing, and asks nobody but the server and a wallet on this machine."""
    driver.get("about:blank")
    yield Person(driver, server)
    assert console(driver) == []
    hosts = {each for each in requested_hosts(driver) if not each.startswith("http://127.0.0.1:")}
    assert hosts == {server.issuer}


@pytest.fixture
def artefacts(tmp_path: Path) -> Path:
    """Where pictures are kept."""
    folder = Path(os.environ.get("OID4VCI_ARTEFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def answering() -> Iterator[int]:
    """The port of a wallet's redirect URI, at which there is something to read."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the base class calls
            body = b"<!doctype html><html lang=en><title>Wallet</title><link rel=icon href=data:,><p>The wallet goes on.</p></html>"
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield listener.server_port
        finally:
            listener.shutdown()
            thread.join()


# --- what is shown -----------------------------------------------------------------------------------------------------------


def pictures(driver: Chrome, folder: Path, name: str) -> None:
    for dark in (False, True):
        for width in (1100, 320):
            path = folder / f"page-{name}-{width}-{'dark' if dark else 'light'}.png"
            screenshot(driver, path, width=width, dark=dark)
            assert 5_000 < path.stat().st_size < 1_000_000
    show(driver, width=1100, dark=False)


@pytest.mark.spec("VCI-4.1-01")
@pytest.mark.parametrize("dark", [False, True])
def test_the_code_on_the_screen_is_that_of_the_link(person: Person, dark: bool) -> None:
    link = person.makes(LOG_IN)
    assert person.sees("offer_uri").get_attribute("value") == link
    show(person.driver, width=320, dark=dark)
    points = brightness(person.sees("qr").find_element(By.TAG_NAME, "svg").screenshot_as_png)
    matrix = [[bool(module) for module in row] for row in segno.make_qr(link, error="l").matrix_iter(border=4)]
    size = len(points) / len(matrix)
    assert size > 3
    centres = [int((i + 0.5) * size) for i in range(len(matrix))]
    assert [[points[y][x] < 128 for x in centres] for y in centres] == matrix
    show(person.driver, width=1100, dark=False)


def test_every_page_is_accessible_in_both_colours_and_at_every_width(person: Person, artefacts: Path) -> None:
    person.goes_to(f"{person.server.issuer}/")
    assert_accessible(person.driver)
    pictures(person.driver, artefacts, "start")
    for index in range(len(demo.CONFIGURATIONS)):
        if person.sees(f"credential-{index}").is_selected():
            person.clicks(f"credential-{index}")
    person.clicks("make")
    assert person.reads("problem") == "Choose at least one credential."
    assert_accessible(person.driver)
    person.makes(TX_CODE, OTHER_NAME)
    assert_accessible(person.driver)
    pictures(person.driver, artefacts, "offer")
    person.goes_to(f"{person.server.issuer}/offers/{'0' * 64}")
    assert person.reads("problem").startswith("This browser has made no such offer")
    assert_accessible(person.driver)
    # The browser says of a page that is not there that it is not there.
    assert [re.findall("status of ([0-9]+)", each) for each in console(person.driver)] == [["400"], ["404"]]


def test_faults_would_be_found(person: Person) -> None:
    person.goes_to(f"{person.server.issuer}/")
    person.driver.execute_script("""
        document.documentElement.lang = "";
        document.querySelector("label").remove();
        document.querySelector("form").append(document.createElement("button"));
        document.querySelector("h1").style.color = "#999";
        document.querySelector("main").append(document.createElement("svg"));
        document.querySelector("#make").style.cssText = "background: #fff; border-color: #eee; width: 3000px; color: #000";
    """)
    found = "; ".join(faults(person.driver))
    for said in ("no language", "has no label", "has no text", "contrast of 2", "says nothing", "the edge of", "is wider"):
        assert said in found
    # Styles of its own are what the policy keeps from a page, not from a script of ours.
    console(person.driver)


# --- the whole way -----------------------------------------------------------------------------------------------------------


def test_an_offer_is_followed_from_the_code_to_the_wallets_answer(person: Person, tmp_path: Path, artefacts: Path) -> None:
    """With a wallet that is a program of its own, and the login in the same browser."""
    link = person.makes(LOG_IN)
    assert person.reads("state") == "Waiting for a wallet to read the offer."
    anchors = tmp_path / "demo-ca.pem"
    anchors.write_bytes(person.server.demo_authority())
    command = [sys.executable, "-m", "examples.wallet_cli", link, "--ca", str(person.server.authority), "--trust", str(anchors)]
    command += ["--save", str(tmp_path / "wallet"), "--yes", "--no-browser"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as wallet:
        assert wallet.stdout is not None
        said, address = [], ""
        for line in wallet.stdout:
            said.append(line)
            if line.startswith(f"{person.server.issuer}/authorize"):
                address = line.strip()
                break
        assert address, "".join(said)
        person.waits_for("A wallet has read the offer.")
        person.logs_in(address, "approve", assert_accessible)
        said += wallet.stdout.readlines()
        assert wallet.wait(DEADLINE) == 0, "".join(said)
    person.waits_for(ACCEPTED)
    assert person.reads("credential-0") == "Issued, and accepted by the wallet"
    assert not person.sees("take").is_displayed()
    marks = person.driver.find_elements(By.CSS_SELECTOR, ".steps li")
    assert [each.get_attribute("data-status") for each in marks] == ["done"] * 6
    assert person.saw[-1] == ACCEPTED
    assert_accessible(person.driver)
    pictures(person.driver, artefacts, "accepted")


def test_who_refuses_is_told_so_and_can_come_again(person: Person) -> None:
    link, wallet = person.makes(LOG_IN), person.wallet()
    with answering() as port:
        redirect_uri = f"http://127.0.0.1:{port}/callback"
        pending = wallet.asks(link, redirect_uri=redirect_uri)
        person.waits_for("A wallet has read the offer.")
        url = person.logs_in(pending.url, "refuse")
        assert parse_qs(urlsplit(url).query)["error"] == ["access_denied"]
        with pytest.raises(AuthorizationDenied):
            wallet.comes_back(pending, url)
        person.waits_for("The log-in was refused.")
        assert person.sees("step-log_in").get_attribute("data-status") == "failed"
        assert person.sees("qr").is_displayed()
        pending = wallet.asks(link, redirect_uri=redirect_uri)
        session = wallet.comes_back(pending, person.logs_in(pending.url, "approve"))
    person.waits_for("The wallet may ask for the credential.")
    issued = wallet.gets(session, NAME)
    person.waits_for("The credential is issued.")
    run(issued.notify("credential_accepted", now=wallet.clock()), wallet.send)
    person.waits_for(ACCEPTED)
    assert [each for each in person.saw if "log-in" in each]


def test_with_the_keyboard_alone(person: Person) -> None:
    """Two credentials without a login, with a transaction code; one of them is promised, then the administrator decides."""
    driver = person.driver
    permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": person.server.issuer}
    driver.execute_cdp_cmd("Browser.grantPermissions", permissions)
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    person.goes_to(f"{person.server.issuer}/")
    passed = person.tabs_to("credential-1")
    assert passed == ["credential-0", "credential-1"]
    person.presses(Keys.SPACE)
    passed = person.tabs_to(f"way-{LOG_IN}")
    assert passed == ["credential-2", "credential-3", "credential-4", f"way-{LOG_IN}"]
    person.presses(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert person.tabs_to("make") == ["make"]
    person.presses(Keys.ENTER)
    assert person.tabs_to("open") == ["open"]
    passed = person.tabs_to("home")
    assert passed == ["summary", "offer_uri", "copy", "home"]
    assert not person.sees("tx_code").is_displayed()
    for _ in range(3):
        person.presses(Keys.SHIFT + Keys.TAB + Keys.NULL)
    person.presses(Keys.ENTER)
    code = person.reads("tx_code")
    assert len(code) == 6
    person.tabs_to("copy")
    assert driver.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    person.presses(Keys.ENTER)
    person.waits_for(".", "copied")
    assert person.reads("copied") == "Copied."
    link = driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert link == person.sees("open").get_attribute("href")
    wallet = person.wallet()
    opened = wallet.opened(link)
    person.waits_for("Waiting for the transaction code.")
    session = run(opened.redeem(tx_code=code, now=wallet.clock(), dpop=wallet.dpop), wallet.send)
    person.waits_for("The wallet may ask for the credentials.")
    # What had the focus is gone: it is where the news are.
    assert focused(driver) == "heading-state"
    wallet.gets(session, NAME)
    person.waits_for("1 of 2 credentials are issued.")
    order = run(session.order(OTHER_NAME), wallet.send)
    deferred = run(order.prove(HOLDERS, now=wallet.clock()).submit(), wallet.send)
    person.waits_for("Promised", "credential-1")
    with person.server.client() as client:
        (promise,) = client.get("/admin/deferred").raise_for_status().json()["transactions"]
        client.post("/admin/deferred", json={"handle": promise["handle"], "state": "completed"}).raise_for_status()
    person.waits_for("Ready", "credential-1")
    assert isinstance(deferred, Deferred)
    issued = run(deferred.poll(now=wallet.clock(), early=True), wallet.send)
    assert isinstance(issued, Issued)
    person.waits_for("The credentials are issued.")
    run(issued.notify("credential_failure", now=wallet.clock()), wallet.send)
    person.waits_for("could not take it", "credential-1")


def test_without_script_it_works_by_looking_again(person: Person) -> None:
    person.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        person.goes_to(f"{person.server.issuer}/")
        person.clicks(f"way-{PRE_AUTHORIZED}")
        person.clicks("make")
        assert not person.sees("copy").is_displayed()
        wallet = person.wallet()
        opened = wallet.opened(str(person.sees("open").get_attribute("href")))
        person.clicks("again")
        person.waits_for("A wallet has read the offer.")
        wallet.gets(run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send), NAME)
        person.clicks("again")
        person.waits_for("The credential is issued.")
    finally:
        person.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_who_looks_elsewhere_asks_nothing(person: Person) -> None:
    """The script waits longer and longer, and asks at once when somebody looks again."""
    link = person.makes(PRE_AUTHORIZED)

    def hide(hidden: bool) -> None:
        person.driver.execute_script(
            "Object.defineProperty(document, 'hidden', {configurable: true, value: arguments[0]});"
            "document.dispatchEvent(new Event('visibilitychange'))",
            hidden,
        )

    hide(True)
    person.driver.execute_async_script("setTimeout(arguments[0], 1200)")
    requested_hosts(person.driver)
    person.wallet().opened(link)
    person.driver.execute_async_script("setTimeout(arguments[0], 1200)")
    assert requested_hosts(person.driver) == set()
    assert person.reads("state") == "Waiting for a wallet to read the offer."
    hide(False)
    person.waits_for("A wallet has read the offer.")
