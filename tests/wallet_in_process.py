"""The wallet server's runs without a process or a network, at the reference server in this process."""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from attrs import define, field

from examples.wallet.folder import Folder
from examples.wallet_server.asked import Asked
from examples.wallet_server.driver import Driver
from examples.wallet_server.outbound import Outbound
from examples.wallet_server.run import Run
from examples.wallet_server.runs import Runs
from examples.wallet_server.saved_runs import SavedRuns
from examples.wallet_server.setting_up import Setup
from examples.wallet_server.settings import read_settings
from oid4vci.http import Request, Response
from oid4vci.wallet import Offer
from tests.reference_server import ISSUER, ReferenceServer

URL = "https://wallet.example"
Change = Callable[[Request, Response], Response]


@define
class Wire(Outbound):
    """Sends to the server of this process; `change` is what happens to answers on the way."""

    server: ReferenceServer
    change: Change = lambda request, response: response
    sent: list[Request] = field(factory=list)

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def send(self, request: Request) -> Response:
        self.sent.append(request)
        headers = list(request.headers.pairs)
        call = partial(self.server.client.request, request.method, request.url, headers=headers, content=request.body)
        answer = await anyio.to_thread.run_sync(call)
        return self.change(request, Response(answer.status_code, answer.headers.multi_items(), answer.content))

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.sent]


@define
class World:
    """A wallet with this wallet.json beside that of a wallet that trusts the server."""

    wire: Wire
    driver: Driver

    @classmethod
    def of(
        cls,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        server: Mapping[str, Any] | None = None,
        change: Change | None = None,
        state: bool = False,
        **members: Any,
    ) -> "World":
        others = {"other_clients": {"redirect_uris": [f"{URL}/callback"]}}
        reference = ReferenceServer.of(folder, monkeypatch, {**others, **(server or {})})
        (folder / "anchors.pem").write_bytes(reference.service.demo_authority or b"")
        trusted = {"allowed": [ISSUER], "anchors_file": "anchors.pem"}
        login = {ISSUER: {"username": "ada", "password": "ada"}}
        config = {"trust": trusted, "logins": login, "copies": 1, **members}
        (folder / "wallet.json").write_text(json.dumps({name: each for name, each in config.items() if each is not None}))
        settings = read_settings(folder / "wallet.json")
        wire = Wire(reference) if change is None else Wire(reference, change)
        saved = SavedRuns(Folder.prepare(folder / "state") if state else None)
        return cls(wire, Driver(Setup.of(URL, settings), Runs(settings.max_runs), saved, wire))

    def carried(self, asked: Asked, act: Callable[[Driver, Run], Awaitable[None]] | None = None, wait: float = 20) -> Run:
        """A run to where somebody is needed, then what `act` does, then the rest to its end."""

        async def drive() -> Run:
            async with anyio.create_task_group() as tasks:
                self.driver.tasks = tasks
                run = self.driver.begin(asked)
                await run.wait(wait)
                if act is not None:
                    await act(self.driver, run)
                with anyio.move_on_after(wait):
                    while not run.over:
                        await anyio.sleep(0.02)
                await self.driver.stop()
            return run

        return anyio.run(drive)

    def offered(self, *configuration_ids: str, **members: Any) -> Asked:
        """An offer of the server, by default for who logs in."""
        return Asked(offer=Offer.parse(self.wire.server.offer(*configuration_ids, **members)["offer_uri"]))
