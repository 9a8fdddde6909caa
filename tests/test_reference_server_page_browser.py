"""The page of the reference server, and the login, in Chromium: what a person sees, clicks and types, over TLS."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from examples.reference_server import demo
from oid4vci.drive import run
from oid4vci.errors import AuthorizationDenied
from oid4vci.wallet import Deferred, Issued
from tests.accessibility import faults, focused
from tests.browser_person import DEADLINE, Person, answering, assert_accessible
from tests.chromium import chromium, console, requested_hosts, screenshot, show
from tests.page_visitor import LOG_IN, NAME, OTHER_NAME, PRE_AUTHORIZED, TX_CODE, submitted
from tests.png import brightness
from tests.running_program import ROOT
from tests.running_server import RunningServer, running_server

pytestmark = pytest.mark.servers

ACCEPTED = "The wallet has accepted the credential."


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


# --- what is shown -----------------------------------------------------------------------------------------------------------


def pictures(driver: Chrome, folder: Path, name: str) -> None:
    for dark in (False, True):
        for width in (1100, 320):
            path = folder / f"page-{name}-{width}-{'dark' if dark else 'light'}.png"
            screenshot(driver, path, width=width, dark=dark)
            assert 5_000 < path.stat().st_size < 1_000_000
    show(driver, width=1100, dark=False)


@pytest.mark.spec("HAIP-4.2-06")
def test_the_code_on_the_screen_is_that_of_the_link(person: Person) -> None:
    link = person.makes(LOG_IN)
    assert person.sees("offer_uri").get_attribute("value") == link
    matrix = [[bool(module) for module in row] for row in segno.make_qr(link, error="l").matrix_iter(border=4)]
    for dark in (False, True):
        show(person.driver, width=320, dark=dark)
        points = brightness(person.sees("qr").find_element(By.TAG_NAME, "svg").screenshot_as_png)
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
    deferred = submitted(wallet, session, OTHER_NAME)
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
