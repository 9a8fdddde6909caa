"""Chromium without a window, driven by selenium: a profile of its own, and no talk to anybody but the server under test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.programs import program

__all__ = ("chromium", "console", "requested_hosts", "screenshot", "show")

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
)


@contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """A browser with an empty profile, which takes the certificates of test servers. It logs what it says and asks for."""
    options = ChromeOptions()
    options.binary_location = program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.accept_insecure_certs = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, Service(program("chromedriver"), log_output=str(folder / "chromedriver.log")))
    # What a click leads to may take a moment.
    driver.implicitly_wait(5)
    try:
        yield driver
    finally:
        driver.quit()


def _log(driver: Chrome, name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = driver.get_log(name)  # type: ignore[no-untyped-call]
    return entries


def console(driver: Chrome) -> list[str]:
    """What the console of the browser says that was not read yet."""
    return [str(each["message"]) for each in _log(driver, "browser")]


def requested_hosts(driver: Chrome) -> set[str]:
    """Scheme and host of all requests over a network that were not read yet, of every kind."""
    hosts = set()
    for entry in _log(driver, "performance"):
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            scheme, _, rest = str(message["params"]["request"]["url"]).partition("://")
            if scheme in ("http", "https", "ws", "wss"):
                hosts.add(f"{scheme}://{rest.partition('/')[0]}")
    return hosts


def screenshot(driver: Chrome, path: Path, *, width: int, dark: bool) -> None:
    """The whole page as PNG, at a width in CSS pixels, in one of the colour schemes."""
    show(driver, width=width, dark=dark)
    driver.save_screenshot(str(path))


def show(driver: Chrome, *, width: int, dark: bool) -> None:
    """Show the page at a width in CSS pixels, as high as it is, in one of the colour schemes."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    # Else the bar takes a part of the width.
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    height = driver.execute_script("return document.documentElement.scrollHeight")
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**metrics, "height": height})
