"""Many who log in at once: so many passwords are hashed at a time as is said, and others are served meanwhile."""

from collections import Counter
from pathlib import Path
from threading import Event, Lock

import anyio
import httpx
import pytest

from examples.reference_server import app, users
from tests.reference_server import ISSUER, ReferenceServer, Transport
from tests.test_reference_server_login import authorize

# More than there are threads for the requests of a process.
AT_ONCE = 60


class Hashing:
    """Stands for the hash of a password, and is done when it is told."""

    def __init__(self) -> None:
        self.lock, self.full, self.go_on = Lock(), Event(), Event()
        self.running = self.most = 0

    def __call__(self, *_: object) -> bytes:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            if self.running == app.HASHES:
                self.full.set()
        assert self.go_on.wait(20)
        with self.lock:
            self.running -= 1
        return bytes(32)


def test_passwords_are_hashed_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, hashing = ReferenceServer.of(tmp_path, monkeypatch), Hashing()
    monkeypatch.setattr(users, "_scrypt", hashing)
    monkeypatch.setattr(app, "MAX_WAITING", 50)
    browser = server.browser()
    page = browser.visit(authorize())
    ticket = next(each["value"] for each in page.all("input") if each["name"] == "ticket")
    assert isinstance(server.client._transport, Transport)
    transport = httpx.ASGITransport(server.client._transport.app)
    answers: list[httpx.Response] = []

    async def log_in(client: httpx.AsyncClient, name: str) -> None:
        data = {"ticket": ticket, "username": name, "password": "wrong", "decision": "login"}
        answers.append(await client.post("/login", data=data))

    async def all_at_once() -> None:
        cookies = browser.client.cookies
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER, cookies=cookies) as client:
            async with anyio.create_task_group() as tasks:
                for i in range(AT_ONCE):
                    tasks.start_soon(log_in, client, f"user {i}")
                with anyio.fail_after(20):
                    assert await anyio.to_thread.run_sync(hashing.full.wait, 10, limiter=anyio.CapacityLimiter(1))
                    # Needs a thread as well, and comes after all of them.
                    assert (await client.get(authorize())).status_code == 200
                hashing.go_on.set()
            # Afterwards there is room again.
            await log_in(client, "later")

    try:
        anyio.run(all_at_once)
    finally:
        hashing.go_on.set()
    assert hashing.most == app.HASHES
    refused = AT_ONCE - app.HASHES - app.MAX_WAITING
    assert Counter(each.status_code for each in answers) == {403: AT_ONCE + 1 - refused, 503: refused}
    assert {each.headers["retry-after"] for each in answers if each.status_code == 503} == {"1"}
    assert {each.headers["content-type"] for each in answers} == {"text/html; charset=utf-8"}
