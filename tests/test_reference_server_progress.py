"""What becomes of an offer that was made at the page: every state, read off what wallets and people do at the server."""

from pathlib import Path

import pytest

from examples.reference_server import demo
from examples.reference_server.issuer_states import LIFETIME, new_issuer_state, note_of
from oid4vci.claims import ClaimsDescription
from oid4vci.drive import run
from oid4vci.errors import Refused, WrongTxCode
from oid4vci.keys import LocalSigner
from oid4vci.secret import new_secret
from oid4vci.wallet import Deferred, Issued
from tests.browser import location
from tests.page_visitor import (
    LOG_IN,
    NAME,
    OTHER_NAME,
    PRE_AUTHORIZED,
    TX_CODE,
    Visitor,
    fetched,
    kinds_written,
    redeemed,
    submitted,
    tell,
)
from tests.reference_server import CALLBACK, ReferenceServer, WalletAt

ACCEPTED, FAILURE, DELETED = "credential_accepted", "credential_failure", "credential_deleted"
HOLDERS = [LocalSigner.generate(f"holder {i}") for i in range(2)]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


@pytest.fixture
def visitor(server: ReferenceServer) -> Visitor:
    return Visitor.at(server)


# --- the ways ----------------------------------------------------------------------------------------------------------------


def test_an_offer_without_a_login(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(PRE_AUTHORIZED)
    assert offer.steps == {"offered": "done", "fetched": "now", "token": "later", "issued": "later", "notified": "later"}
    assert (offer.state, offer.told["open"], offer.told["ended"]) == ("offered", True, False)
    wallet = fetched(server, offer)
    assert (offer.state, offer.told["open"]) == ("fetched", True)
    session = redeemed(wallet, offer)
    assert (offer.state, offer.told["open"], offer.credentials) == ("token", False, ["waiting"])
    issued = wallet.gets(session, NAME)
    assert (offer.state, offer.credentials, offer.told["ended"]) == ("issued", ["issued"], False)
    issued = tell(wallet, issued, ACCEPTED)
    assert offer.state == ACCEPTED
    assert set(offer.steps.values()) == {"done"}
    server.clock.wait(1)
    tell(wallet, issued, DELETED)
    assert (offer.state, offer.told["ended"]) == (DELETED, True)
    assert offer.steps["notified"] == "failed"


def test_a_transaction_code_is_waited_for_and_wrong_ones_are_counted(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(TX_CODE)
    code = offer.page.text("tx_code")
    assert (len(code), code.isdigit()) == (6, True)
    wallet = fetched(server, offer)
    assert offer.state == "tx_code"
    assert (offer.steps["fetched"], offer.steps["tx_code"], offer.steps["token"]) == ("done", "now", "later")
    wrong = "0" * 6 if code != "0" * 6 else "1" * 6
    for said in ("1 wrong code was given so far", "2 wrong codes were given so far"):
        with pytest.raises(WrongTxCode):
            redeemed(wallet, offer, wrong)
        assert said in offer.told["text"]
    session = redeemed(wallet, offer, code)
    assert (offer.state, offer.steps["tx_code"]) == ("token", "done")
    wallet.gets(session, NAME)
    assert offer.state == "issued"


def test_after_too_many_wrong_codes_the_offer_is_gone(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(TX_CODE)
    wallet = fetched(server, offer)
    wrong = "000000" if offer.page.text("tx_code") != "000000" else "111111"
    for _ in range(5):
        assert offer.state == "tx_code"
        with pytest.raises(WrongTxCode):
            redeemed(wallet, offer, wrong)
    assert (offer.state, offer.told["open"], offer.told["ended"]) == ("locked", False, True)
    assert offer.steps["tx_code"] == "failed"


def test_an_offer_with_a_login(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(LOG_IN)
    assert "tx_code" not in offer.page
    assert list(offer.steps) == ["offered", "fetched", "log_in", "token", "issued", "notified"]
    wallet = fetched(server, offer)
    assert (offer.state, offer.steps["log_in"]) == ("fetched", "now")
    pending = wallet.asks(offer.uri)
    assert offer.state == "fetched"
    browser = server.browser()
    login = browser.visit(pending.url)
    assert "It answers an offer that this server made." in login.response.text
    assert (offer.state, offer.told["open"]) == ("log_in", True)
    consent = browser.log_in(login)
    assert offer.state == "log_in"
    url = location(browser.click(consent, "approve"))
    assert (offer.state, offer.steps["log_in"]) == ("approved", "done")
    session = wallet.comes_back(pending, url)
    assert (offer.state, offer.told["open"]) == ("token", False)
    tell(wallet, wallet.gets(session, NAME), ACCEPTED)
    assert offer.state == ACCEPTED


@pytest.mark.parametrize("logged_in", [False, True])
def test_who_refuses_can_come_again(server: ReferenceServer, visitor: Visitor, logged_in: bool) -> None:
    offer, wallet, browser = visitor.makes(LOG_IN), server.wallet(), server.browser()
    page = browser.visit(wallet.asks(offer.uri).url)
    location(browser.click(browser.log_in(page) if logged_in else page, "refuse"))
    assert (offer.state, offer.told["open"], offer.told["ended"]) == ("refused", True, False)
    assert offer.steps["log_in"] == "failed"
    server.clock.wait(1)
    pending = wallet.asks(offer.uri)
    session = wallet.comes_back(pending, browser.approved(pending.url))
    assert offer.state == "token"
    wallet.gets(session, NAME)
    assert offer.state == "issued"


def test_a_person_without_the_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subjects = {"ada": {NAME: demo.SUBJECTS["ada"][NAME]}, "max": {OTHER_NAME: demo.SUBJECTS["max"][OTHER_NAME]}}
    configurations = {name: demo.CONFIGURATIONS[name] for name in (NAME, OTHER_NAME)}
    members = {"configurations": configurations, "subjects": subjects, "users": demo.USERS}
    server = ReferenceServer.of(tmp_path, monkeypatch, members)
    offer = Visitor.at(server).makes(LOG_IN, OTHER_NAME)
    browser, wallet = server.browser(), server.wallet()
    page = browser.log_in(browser.visit(wallet.asks(offer.uri).url))
    assert "approve" not in page
    # A page that was changed gets no further.
    answer = browser.click(page, "refuse", changes={"decision": "approve"})
    assert "access_denied" in location(answer)
    assert offer.state == "refused"


# --- credentials -------------------------------------------------------------------------------------------------------------


def test_a_claim_that_is_not_there_is_refused(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(PRE_AUTHORIZED)
    wallet = server.wallet()
    claims = {NAME: [ClaimsDescription(path=("shoe_size",), mandatory=True)]}
    session = run(wallet.opened(offer.uri).redeem(claims=claims, now=wallet.clock(), dpop=wallet.dpop), wallet.send)
    with pytest.raises(Refused):
        submitted(wallet, session)
    assert (offer.state, offer.credentials, offer.told["ended"]) == ("denied", ["denied"], True)
    assert offer.steps["issued"] == "failed"


def test_a_wallet_that_could_not_take_it_can_have_it_again(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(PRE_AUTHORIZED)
    wallet = server.wallet()
    issued = wallet.gets(redeemed(wallet, offer), NAME)
    issued = tell(wallet, issued, FAILURE)
    assert (offer.state, offer.told["ended"], offer.steps["notified"]) == (FAILURE, False, "failed")
    server.clock.wait(1)
    tell(wallet, issued, ACCEPTED)
    assert offer.state == ACCEPTED


def test_several_credentials_have_a_state_each(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(PRE_AUTHORIZED, NAME, OTHER_NAME)
    wallet = server.wallet()
    session = redeemed(wallet, offer)
    first = wallet.gets(session, NAME)
    assert (offer.state, offer.credentials) == ("some", ["issued", "waiting"])
    assert offer.told["text"] == "1 of 2 credentials are issued."
    second = wallet.gets(session, OTHER_NAME)
    assert (offer.state, offer.told["text"]) == ("issued", "The credentials are issued.")
    tell(wallet, first, ACCEPTED)
    assert (offer.state, offer.credentials) == ("issued", [ACCEPTED, "issued"])
    tell(wallet, second, FAILURE)
    assert (offer.state, offer.credentials) == ("ended", [ACCEPTED, FAILURE])


def test_where_nobody_is_told_the_way_ends_with_the_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, {"notifications": False})
    offer = Visitor.at(server).makes(PRE_AUTHORIZED)
    assert "notified" not in offer.steps
    wallet = server.wallet()
    wallet.gets(redeemed(wallet, offer), NAME)
    assert (offer.state, offer.told["ended"]) == ("issued", True)
    assert set(offer.steps.values()) == {"done"}


def deferring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> ReferenceServer:
    configurations = {**demo.CONFIGURATIONS, NAME: {**demo.CONFIGURATIONS[NAME], "deferred": after}}
    members = {"configurations": configurations, "subjects": demo.SUBJECTS, "users": demo.USERS}
    return ReferenceServer.of(tmp_path, monkeypatch, members)


def poll(wallet: WalletAt, deferred: Deferred) -> Issued | Deferred:
    result = run(deferred.poll(now=wallet.clock()), wallet.send)
    assert isinstance(result, Issued | Deferred)
    return result


def test_what_is_promised_is_ready_some_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = deferring(tmp_path, monkeypatch, 60)
    offer, wallet = Visitor.at(server).makes(PRE_AUTHORIZED), server.wallet()
    deferred = submitted(wallet, redeemed(wallet, offer))
    assert isinstance(deferred, Deferred)
    assert (offer.state, offer.credentials, offer.steps["issued"]) == ("deferred", ["deferred"], "now")
    server.clock.wait(5)
    assert isinstance(poll(wallet, deferred), Deferred)
    assert offer.state == "deferred"
    server.clock.wait(55)
    assert offer.state == "ready"
    issued = poll(wallet, deferred)
    assert isinstance(issued, Issued)
    assert offer.state == "issued"
    tell(wallet, issued, ACCEPTED)
    assert offer.state == ACCEPTED


@pytest.mark.parametrize(("decision", "state"), [("completed", "ready"), ("refused", "denied")])
def test_an_administrator_decides_on_what_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decision: str, state: str
) -> None:
    server = deferring(tmp_path, monkeypatch, 600)
    offer, wallet = Visitor.at(server).makes(PRE_AUTHORIZED), server.wallet()
    submitted(wallet, redeemed(wallet, offer))
    (promise,) = server.client.get("/admin/deferred").json()["transactions"]
    answer = server.client.post("/admin/deferred", json={"handle": promise["handle"], "state": decision})
    assert answer.status_code == 204
    assert (offer.state, offer.told["ended"]) == (state, decision == "refused")


# --- time --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "read"), [(LOG_IN, False), (PRE_AUTHORIZED, False), (PRE_AUTHORIZED, True), (TX_CODE, True)])
def test_what_nobody_takes_up_expires(server: ReferenceServer, visitor: Visitor, way: str, read: bool) -> None:
    offer = visitor.makes(way)
    assert offer.told["ends"] == "A wallet can take it up for 10 more minutes."
    if read:
        fetched(server, offer)
    server.clock.wait(599)
    assert offer.told["ends"] == "A wallet can take it up for one more minute."
    server.clock.wait(1)
    server.store.purge(now=server.clock.now)  # type: ignore[attr-defined]
    assert (offer.state, offer.told["open"], offer.told["ended"]) == ("expired", False, True)
    # Who comes too late has read nothing.
    assert server.client.get(offer.offer_url).status_code == 404
    assert offer.state == "expired"


def test_that_an_offer_was_read_is_written_down_once(server: ReferenceServer, visitor: Visitor) -> None:
    offer, kinds = visitor.makes(PRE_AUTHORIZED), kinds_written(server)
    assert server.client.get(offer.offer_url).status_code == 200
    assert kinds == {"offer_fetch"}
    kinds.clear()
    assert server.client.get(offer.offer_url).status_code == 200
    assert kinds == set()


def test_a_state_that_is_not_known_any_more_says_nothing_of_an_offer() -> None:
    state, change = new_issuer_state([NAME], now=0, new_secret=new_secret, note={"a": 1})
    records = {change.record.key: change.record}
    assert note_of(state, records, now=LIFETIME - 1) == {"a": 1}
    assert note_of(state, records, now=LIFETIME) is None
    assert note_of("another", records, now=0) is None


def test_who_has_read_an_offer_with_a_login_has_more_time(server: ReferenceServer, visitor: Visitor) -> None:
    offer = visitor.makes(LOG_IN)
    wallet = server.wallet()
    opened = wallet.opened(offer.uri)
    server.clock.wait(3000)
    assert (offer.state, offer.told["ends"]) == ("fetched", "A wallet can take it up for 10 more minutes.")
    asked = run(opened.authorize(redirect_uri=CALLBACK, now=wallet.clock(), dpop=wallet.dpop), wallet.send)
    server.browser().visit(asked.url)
    assert offer.state == "log_in"


def test_an_offer_is_followed_for_an_hour(server: ReferenceServer, visitor: Visitor) -> None:
    offer, wallet = visitor.makes(PRE_AUTHORIZED), server.wallet()
    session = redeemed(wallet, offer)
    server.clock.wait(LIFETIME - 1)
    assert offer.state == "token"
    server.clock.wait(1)
    assert visitor.get(offer.path).status_code == visitor.get(f"{offer.path}/state").status_code == 404
    # What comes later is not written down, and goes on as ever: its token is renewed.
    rows = server.rows
    server.store.purge(now=server.clock.now)  # type: ignore[attr-defined]
    assert server.rows < rows
    kinds = kinds_written(server)
    assert isinstance(submitted(wallet, run(session.refresh(now=wallet.clock()), wallet.send)), Issued)
    assert "grant" in kinds
    assert "offer_event" not in kinds
