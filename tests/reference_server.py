"""The reference server without a process or a network of its own, with a clock that tests set, and wallets that talk to it."""

import json
import time
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import anyio
import httpx
import pytest
from attrs import define, field, frozen
from starlette.applications import Starlette

from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.service import Service
from examples.reference_server.settings import Settings, read_settings
from examples.reference_server.signing import demo_keys
from oid4vci.drive import run
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.memory import MemoryStore
from oid4vci.records import Store
from oid4vci.trust import Trust
from oid4vci.wallet import Authorizing, ClientAuthentication, Issued, Offer, Opened, Session, Wallet
from oid4vci.x509 import Anchors
from tests.browser import Browser
from tests.network import over

ISSUER = "https://localhost:8443"
CALLBACK = "http://127.0.0.1:4711/callback"


def tells(claims: Any, dataset: Any) -> bool:
    """Whether everything in the dataset is in the claims, which may say more."""
    if not isinstance(dataset, dict):
        return bool(claims == dataset)
    return isinstance(claims, dict) and all(name in claims and tells(claims[name], value) for name, value in dataset.items())


@frozen
class Transport(httpx.BaseTransport):
    """Requests go to the application from an address of a client, each in an event loop of its own."""

    app: Starlette
    client: str

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self.client, 4711))
            sent = httpx.Request(request.method, request.url, headers=request.headers, content=body)
            answer = await transport.handle_async_request(sent)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return anyio.run(exchange)


@define
class Clock:
    """What the server takes for the time."""

    now: int = field(factory=lambda: int(time.time()))

    def wait(self, seconds: int) -> None:
        self.now += seconds


@frozen
class ReferenceServer:
    """The server, and what its settings made of it."""

    settings: Settings
    service: Service
    store: Store
    clock: Clock
    client: httpx.Client

    @classmethod
    def of(
        cls,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        members: Mapping[str, Any] | None = None,
        *,
        store: Store | None = None,
        clock: Clock | None = None,
        admin: bool = True,
        address: str = "127.0.0.1",
    ) -> Self:
        """A server with these members in its server.json, with `/admin` if it is `admin`, and its clients at an `address`."""
        store, clock = store or MemoryStore(), clock or Clock()
        (folder / "server.json").write_text(json.dumps(members or {}))
        settings = read_settings(folder / "server.json")
        service = Service.of(ISSUER, settings, demo_keys(ISSUER))
        offers = OffersEndpoint(service, store, settings.subjects, settings.tx_code_length, settings.admin_token)
        host = ServerHost(store, datasets(settings), statuses=service.statuses, deferrals=service.deferrals)
        app = application(service, host, offers if admin else None)
        patched = SimpleNamespace(time=lambda: clock.now, perf_counter=time.perf_counter)
        monkeypatch.setattr("examples.reference_server.app.time", patched)
        return cls(settings, service, store, clock, httpx.Client(transport=Transport(app, address), base_url=ISSUER))

    def browser(self, cookies: CookieJar | None = None) -> Browser:
        """A browser of another person, or on another machine; with given cookies, of a person who is there already."""
        return Browser(httpx.Client(transport=self.client._transport, base_url=ISSUER, cookies=cookies))

    def offer(self, *configuration_ids: str, **members: Any) -> dict[str, Any]:
        """A new offer of the authorization code grant."""
        body = {"credential_configuration_ids": configuration_ids, "grant": "authorization_code", **members}
        answer = self.client.post("/admin/offers", json=body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def wallet(self, **settings: Any) -> "WalletAt":
        """A wallet that trusts this server."""
        assert self.service.demo_authority is not None
        return WalletAt.of(self.client, ISSUER, self.service.demo_authority, clock=lambda: self.clock.now, **settings)

    @property
    def rows(self) -> int:
        """How much is stored."""
        assert isinstance(self.store, MemoryStore)
        return len(self.store)


def _now() -> int:
    return int(time.time())


@frozen
class WalletAt:
    """A wallet and the issuer that it trusts."""

    wallet: Wallet
    issuer: str
    send: Callable[[Request], Response]
    clock: Callable[[], int]
    dpop: LocalSigner | None
    authentication: ClientAuthentication | None

    @classmethod
    def of(
        cls,
        client: httpx.Client,
        issuer: str,
        anchors: bytes,
        *,
        client_id: str = "wallet",
        dpop: bool = True,
        authentication: ClientAuthentication | None = None,
        clock: Callable[[], int] = _now,
    ) -> Self:
        wallet = Wallet(trust=Trust.of(issuer, anchors=Anchors.from_pem(anchors)), client_id=client_id)
        return cls(wallet, issuer, over(client), clock, LocalSigner.generate("dpop") if dpop else None, authentication)

    def opened(self, *asked: str) -> Opened:
        """An offer by its URI, or one of the wallet's own for these configurations."""
        by_uri = asked[0].startswith("openid-credential-offer:")
        offer = Offer.parse(asked[0]) if by_uri else Offer.of(self.issuer, *asked)
        return run(offer.open(self.wallet, now=self.clock()), self.send)

    def asks(self, *asked: str, redirect_uri: str = CALLBACK, **arguments: Any) -> Authorizing:
        """A request that waits for the person."""
        step = self.opened(*(asked or ("identity_x5c",))).authorize(
            redirect_uri=redirect_uri, now=self.clock(), dpop=self.dpop, authentication=self.authentication, **arguments
        )
        return run(step, self.send)

    def comes_back(self, pending: Authorizing, url: str) -> Session:
        """The session for what the browser brought."""
        return run(pending.callback(url, now=self.clock()), self.send)

    def gets(self, session: Session, configuration_id: str) -> Issued:
        """Credentials for two keys."""
        order = run(session.order(configuration_id), self.send)
        keys = [LocalSigner.generate(f"holder {i}") for i in range(2)]
        issued = run(order.prove(keys, now=self.clock()).submit(), self.send)
        assert isinstance(issued, Issued)
        assert len(issued.credentials) == 2
        return issued
