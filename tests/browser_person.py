"""Somebody at Chromium: what they see, click and type at the page and the login of the reference server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import frozen
from selenium.common import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from examples.reference_server import demo
from tests.accessibility import faults, focused
from tests.chromium import show
from tests.reference_server import WalletAt
from tests.running_server import RunningServer

__all__ = ("DEADLINE", "Person", "answering", "assert_accessible")

DEADLINE = 15


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
