"""A person at the page of the reference server, in a browser without script."""

from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from attrs import frozen

from oid4vci.drive import run
from oid4vci.keys import LocalSigner
from oid4vci.records import Change, Insert
from oid4vci.wallet import Deferred, Issued, Session
from tests.browser import HTML, Browser, Page, location
from tests.reference_server import ISSUER, ReferenceServer, WalletAt

__all__ = (
    "LOG_IN",
    "NAME",
    "OTHER_NAME",
    "PRE_AUTHORIZED",
    "TX_CODE",
    "OfferAtPage",
    "Visitor",
    "fetched",
    "id_of",
    "kinds_written",
    "redeemed",
    "submitted",
    "tell",
)

HOLDERS = [LocalSigner.generate(f"holder {i}") for i in range(2)]
LOG_IN, PRE_AUTHORIZED, TX_CODE = "authorization_code", "pre-authorized_code", "tx_code"
NAME, OTHER_NAME = "identity_x5c", "membership_jwt_vc_issuer"


@frozen
class OfferAtPage:
    """An offer that a visitor has made, and its page then."""

    visitor: "Visitor"
    path: str
    page: Page

    @property
    def uri(self) -> str:
        """The link."""
        return str(self.page.element("open")["href"])

    @property
    def offer_url(self) -> str:
        """Where the offer is."""
        return self.uri.partition("credential_offer_uri=")[2]

    @property
    def state(self) -> str:
        """How far it is."""
        return str(self.told["state"])

    @property
    def told(self) -> dict[str, Any]:
        """All that the script is told, which says the same as the page."""
        answer = self.visitor.browser.client.get(f"{self.path}/state")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
        told: dict[str, Any] = answer.json()
        page = self.visitor.browser.visit(self.path)
        assert page.text("state") == told["text"]
        for step in told["steps"]:
            item = page.element(f"step-{step['name']}")
            assert item["data-status"] == step["status"]
            assert (item.get("aria-current") == "step") == (step["status"] == "now")
            assert page.text(f"step-{step['name']}-status") == step["says"]
        for i, credential in enumerate(told["credentials"]):
            assert page.text(f"credential-{i}") == credential["text"]
        assert ("hidden" in page.element("take")) == (not told["open"])
        assert page.text("ends") == told["ends"]
        return told

    @property
    def steps(self) -> dict[str, str]:
        """The status of each step."""
        return {each["name"]: each["status"] for each in self.told["steps"]}

    @property
    def credentials(self) -> list[str]:
        """The state of each credential."""
        return [each["state"] for each in self.told["credentials"]]


@frozen
class Visitor:
    """A person with a browser of their own."""

    server: ReferenceServer
    browser: Browser

    @classmethod
    def at(cls, server: ReferenceServer) -> Self:
        """A new visitor."""
        return cls(server, server.browser())

    def start(self) -> Page:
        """The page itself."""
        return self.browser.visit("/")

    def sends(
        self, way: str | None, names: Sequence[str] = (NAME,), *, page: Page | None = None, **fields: str
    ) -> httpx.Response:
        """What comes of the form."""
        page = page or self.start()
        # The first credential is chosen as long as nobody chooses others.
        changes = {**{f"credential {name}": "on" for name in names}, **fields}
        without = None if NAME in names else f"credential {NAME}"
        if way is not None:
            changes["way"] = way
        return self.browser.click(page, "make", changes=changes, without=without)

    def makes(self, way: str, *names: str) -> OfferAtPage:
        """A new offer."""
        path = location(self.sends(way, names or (NAME,)))
        assert path.startswith("/offers/")
        return OfferAtPage(self, path, self.browser.visit(path))

    def get(self, path: str) -> httpx.Response:
        """Anything else."""
        return self.browser.client.get(path, headers={"accept": HTML})


def fetched(server: ReferenceServer, offer: OfferAtPage) -> WalletAt:
    """A wallet that has read the offer."""
    wallet = server.wallet()
    wallet.opened(offer.uri)
    return wallet


def redeemed(wallet: WalletAt, offer: OfferAtPage, tx_code: str | None = None) -> Session:
    """The session for a pre-authorized code."""
    opened = wallet.opened(offer.uri)
    return run(opened.redeem(tx_code=tx_code, now=wallet.clock(), dpop=wallet.dpop), wallet.send)


def id_of(offer: OfferAtPage) -> str:
    """What names the offer by reference."""
    assert urlsplit(offer.offer_url).netloc == urlsplit(ISSUER).netloc
    return offer.offer_url.rpartition("/")[2]


def tell(wallet: WalletAt, issued: Issued, event: str) -> Issued:
    """What a wallet has to say of its credentials."""
    return run(issued.notify(event, now=wallet.clock()), wallet.send)


def submitted(wallet: WalletAt, session: Session, name: str = NAME) -> Issued | Deferred:
    """What comes of a Credential Request for two keys."""
    order = run(session.order(name), wallet.send)
    result = run(order.prove(HOLDERS, now=wallet.clock()).submit(), wallet.send)
    assert isinstance(result, Issued | Deferred)
    return result


def kinds_written(server: ReferenceServer) -> set[str]:
    """The kinds of records that are written from now on."""
    kinds: set[str] = set()
    commit = server.store.commit

    def seen(changes: Sequence[Change], /) -> bool:
        kinds.update((each.record if isinstance(each, Insert) else each.before).key.kind for each in changes)
        return commit(changes)

    server.store.commit = seen  # type: ignore[method-assign]
    return kinds
