"""The wallet server and the reference server, both as processes over TLS: what its README says, driven from outside."""

import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from examples.reference_server import demo
from tests.browser import Browser
from tests.reference_server import tells
from tests.running_program import DEADLINE, free_port
from tests.running_server import RunningServer, running_server
from tests.running_wallet import Report, RunningWallet, running_wallet, trusting

CODE = "authorization_code"
SD_JWT, MDOC, SOON, LATER = "identity_x5c", "driving_licence_mdoc", "membership_jwt_vc_issuer", "degree_jwt"
DELAYS = {SOON: 1, LATER: 3600}


def server_config(*ports: int, **members: Any) -> dict[str, Any]:
    """The demonstration, with two credentials that come later, for wallets at these ports."""
    delays = {name: {"deferred": after} for name, after in DELAYS.items()}
    return {
        "configurations": {name: {**each, **delays.get(name, {})} for name, each in demo.CONFIGURATIONS.items()},
        "subjects": demo.SUBJECTS,
        "users": demo.USERS,
        "deferral": {"interval": 2},
        "other_clients": {"redirect_uris": [f"https://localhost:{port}/callback" for port in ports]},
        **members,
    }


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    """Of the wallet, and of one that is stopped and started."""
    return free_port(), free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), config=server_config(*ports)) as server:
        yield server


@pytest.fixture(scope="module")
def wallet(tmp_path_factory: pytest.TempPathFactory, server: RunningServer, ports: tuple[int, int]) -> Iterator[RunningWallet]:
    folder = tmp_path_factory.mktemp("wallet")
    with running_wallet(folder, trusting(server, folder), "--save", str(folder / "saved"), port=ports[0]) as wallet:
        yield wallet
    # Whatever these tests do, nothing of it is in the log.
    logged = wallet.log.read_text()
    assert all(json.loads(line) for line in logged.splitlines())
    for secret in ("pre-authorized_code", "state=", "code=", "request_uri", "Beispiel", "Bearer", "DPoP ", "eyJ"):
        assert secret not in logged


def calls(server: RunningServer) -> list[str]:
    """The paths that the server was asked for."""
    return [line["path"] for line in map(json.loads, server.log.read_text().splitlines()) if "path" in line]


def has_all(report: Report, *configuration_ids: str, copies: int = 5) -> None:
    """Every copy was verified, says what Ada's dataset says, and is bound to a key of its own."""
    assert (report["state"], report["error"]) == ("issued", None), (report["error"], report["steps"][-3:])
    expected = [name for name in configuration_ids for _ in range(copies)]
    assert sorted(each["configuration_id"] for each in report["credentials"]) == sorted(expected)
    for each in report["credentials"]:
        assert each["verified"] is True
        if each["format"] != "mso_mdoc":
            dataset = demo.SUBJECTS["ada"][each["configuration_id"]]
            assert tells(each["claims"].get("vc", each["claims"]), dataset) or tells(each["claims"], dataset)
    holders = [each["holder_key"] for each in report["credentials"]]
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", each) for each in holders)
    assert len(set(holders)) == len(holders)


def requests_of(report: Report) -> list[tuple[str, str]]:
    return [(each["method"], urlsplit(each["url"]).path) for each in report["steps"] if each["step"] == "request"]


# --- the pre-authorized code grant --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
@pytest.mark.parametrize("name", [SD_JWT, MDOC])
def test_an_offer_with_a_transaction_code(server: RunningServer, wallet: RunningWallet, name: str, by_reference: bool) -> None:
    made = server.offer(name, tx_code=True, by_reference=by_reference)
    report = wallet.take(offer_uri=made["offer_uri"], tx_code=made["tx_code"])
    has_all(report, name)
    assert report["notifications"] == [{"configuration_id": name, "event": "credential_accepted", "sent": True}]
    assert report["credential_issuer"] == server.issuer
    assert ("POST", "/token") in requests_of(report)
    # Whoever knows where an offer is has the offer.
    assert (("GET", "/*") in requests_of(report)) is by_reference
    text = json.dumps(report)
    code = made["offer"]["grants"]["urn:ietf:params:oauth:grant-type:pre-authorized_code"]["pre-authorized_code"]
    assert all(secret not in text for secret in (code, made["tx_code"], "access_token", "c_nonce", "credential-offer/"))


def test_an_mdoc_is_reported_with_its_elements(server: RunningServer, wallet: RunningWallet) -> None:
    report = wallet.take(offer_uri=server.offer(MDOC)["offer_uri"])
    (claims, *_) = [each["claims"] for each in report["credentials"]]
    elements = claims["org.iso.18013.5.1"]
    assert (elements["family_name"], elements["birth_date"]) == ("Beispiel", "1992-02-29")
    assert re.fullmatch("[A-Za-z0-9_-]+", elements["portrait"])


def test_a_transaction_code_can_come_later_and_be_corrected(server: RunningServer, wallet: RunningWallet) -> None:
    made = server.offer(SD_JWT, tx_code=True)
    wrong = "0" * 6 if made["tx_code"] != "0" * 6 else "1" * 6
    report = wallet.take(offer_uri=made["offer_uri"])
    assert report["state"] == "waiting_for_tx_code"
    asked = report["tx_code"]
    assert (asked["input_mode"], asked["length"], asked["not_accepted"]) == ("numeric", 6, None)
    assert asked["sent_to"] == f"{server.issuer}/token"
    with wallet.client() as client:
        path = f"/runs/{report['id']}/tx_code"
        for body in ({}, {"tx_code": 1}, {"tx_code": ""}, {"tx_code": "1", "more": 1}, {"tx_code": "1" * 257}):
            assert client.post(path, json=body).status_code == 400
        assert client.post(path, json={"tx_code": wrong}).status_code == 202
        report = wallet.report(report["id"])
        assert report["state"] == "waiting_for_tx_code"
        assert "invalid_grant" in report["tx_code"]["not_accepted"]
        assert client.post(path, json={"tx_code": made["tx_code"]}).status_code == 202
        has_all(wallet.report(report["id"]), SD_JWT)
        assert client.post(path, json={"tx_code": made["tx_code"]}).status_code == 409
        assert client.post("/runs/unknown/tx_code", json={"tx_code": "1"}).status_code == 404


def test_after_three_wrong_codes_it_is_over(server: RunningServer, wallet: RunningWallet) -> None:
    made = server.offer(SD_JWT, tx_code=True)
    wrong = "0" * 6 if made["tx_code"] != "0" * 6 else "1" * 6
    report = wallet.take(offer_uri=made["offer_uri"], tx_code=wrong)
    for _ in range(2):
        assert report["state"] == "waiting_for_tx_code"
        with wallet.client() as client:
            client.post(f"/runs/{report['id']}/tx_code", json={"tx_code": wrong}).raise_for_status()
        report = wallet.report(report["id"])
    assert (report["state"], report["error"]["type"], report["error"]["code"]) == ("refused", "WrongTxCode", "invalid_grant")
    assert report["error"]["status"] == 400


def test_a_code_is_good_once(server: RunningServer, wallet: RunningWallet) -> None:
    uri = server.offer(SD_JWT)["offer_uri"]
    has_all(wallet.take(offer_uri=uri), SD_JWT)
    report = wallet.take(offer_uri=uri)
    assert (report["state"], report["error"]["code"], report["credentials"]) == ("refused", "invalid_grant", [])


def test_a_transaction_code_that_nobody_asked_for_is_not_sent(server: RunningServer, wallet: RunningWallet) -> None:
    report = wallet.take(offer_uri=server.offer(SD_JWT)["offer_uri"], tx_code="123456")
    assert (report["state"], report["error"]["type"]) == ("failed", "ValueError")
    assert ("POST", "/token") not in requests_of(report)


def test_some_of_an_offer(server: RunningServer, wallet: RunningWallet) -> None:
    uri = server.offer(SD_JWT, MDOC)["offer_uri"]
    report = wallet.take(offer_uri=uri, configuration_ids=["unknown"])
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidOffer")
    has_all(wallet.take(offer_uri=uri, configuration_ids=[MDOC]), MDOC)


def test_credentials_are_saved_with_their_keys(server: RunningServer, wallet: RunningWallet) -> None:
    saved = wallet.log.parent / "saved"
    before = set(saved.iterdir())
    has_all(wallet.take(offer_uri=server.offer(MDOC)["offer_uri"]), MDOC)
    suffixes = sorted("".join(path.suffixes) for path in set(saved.iterdir()) - before)
    assert suffixes == [".key.pem"] * 5 + [".mdoc"] * 5


# --- the Credential Offer Endpoint --------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-4.1-01")
@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
def test_an_offer_comes_to_the_endpoint(server: RunningServer, wallet: RunningWallet, by_reference: bool) -> None:
    query = server.offer(SD_JWT, by_reference=by_reference)["offer_uri"].partition("?")[2]
    with wallet.client() as client:
        assert client.get("/client_metadata").json()["credential_offer_endpoint"] == f"{wallet.url}/credential_offer"
        answer = client.get(f"/credential_offer?{query}")
        assert (answer.status_code, answer.headers["cache-control"]) == (202, "no-store")
        assert answer.headers["location"] == f"{wallet.url}/runs/{answer.json()['id']}"
        has_all(wallet.report(answer.json()["id"]), SD_JWT)


def test_a_browser_is_told_where_the_code_goes(server: RunningServer, wallet: RunningWallet) -> None:
    query = server.offer(SD_JWT, tx_code=True)["offer_uri"].partition("?")[2]
    page = Browser(wallet.client()).visit(f"/credential_offer?{query}")
    assert page.text("said") == f"The offer needs a transaction code. It goes to {page.response.headers['location']}/tx_code"


def test_a_browser_gets_a_page(server: RunningServer, wallet: RunningWallet) -> None:
    query = server.offer(SD_JWT)["offer_uri"].partition("?")[2]
    browser = Browser(wallet.client())
    page = browser.visit(f"/credential_offer?{query}")
    assert page.response.status_code == 202
    assert "default-src 'none'" in page.response.headers["content-security-policy"]
    assert page.element("run")["href"] == page.response.headers["location"]
    assert page.text("said") == "The wallet has taken the offer."


# --- the authorization code grant ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("using", ["scope", "authorization_details", None])
@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
def test_the_wallet_logs_in_by_itself(
    server: RunningServer, wallet: RunningWallet, by_reference: bool, using: str | None
) -> None:
    made = server.offer(SD_JWT, MDOC, grant=CODE, by_reference=by_reference)
    report = wallet.take(offer_uri=made["offer_uri"], **({} if using is None else {"using": using}))
    has_all(report, SD_JWT, MDOC)
    assert [each for each in requests_of(report) if each[0] == "POST"][:2] == [("POST", "/par")] * 2
    assert "authorization_url" not in report
    steps = {each["step"]: each for each in report["steps"]}
    assert (steps["authorization"]["pushed"], steps["token"]["dpop"]) == (True, True)


def test_without_an_offer_by_configuration_and_by_scope(server: RunningServer, wallet: RunningWallet) -> None:
    has_all(wallet.take(credential_issuer=server.issuer, configuration_ids=[SD_JWT]), SD_JWT)
    has_all(wallet.take(credential_issuer=server.issuer, scope=f"{MDOC} openid-of-others {SD_JWT}"), SD_JWT, MDOC)
    report = wallet.take(credential_issuer=server.issuer, scope="unknown")
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidMetadata")


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, RunningWallet]]:
    """A wallet that never logs in by itself, with a server of its own."""
    folder, port = tmp_path_factory.mktemp("waiting"), free_port()
    (folder / "server").mkdir()
    with running_server(folder / "server", config=server_config(port)) as server:
        config = trusting(server, folder, visits=False, notification="failure", copies=2, patience=20)
        del config["logins"]
        with running_wallet(folder, config, port=port) as wallet:
            yield server, wallet


def waits(server: RunningServer, wallet: RunningWallet) -> tuple[Report, str]:
    """A run that waits for a person, and where the server sends their browser."""
    report = wallet.take(offer_uri=server.offer(SD_JWT, grant=CODE)["offer_uri"])
    assert report["state"] == "waiting_for_person"
    url = report["authorization_url"]
    # "client_id and request_uri only"
    assert dict(parse_qsl(urlsplit(url).query)).keys() == {"client_id", "request_uri"}
    return report, Browser(server.client()).approved(url)


def test_a_person_can_log_in(waiting: tuple[RunningServer, RunningWallet]) -> None:
    server, wallet = waiting
    report, came_back = waits(server, wallet)
    assert came_back.startswith(f"{wallet.url}/callback?")
    with wallet.client() as client:
        assert "has its answer" in client.get(came_back).text
        report = wallet.report(report["id"])
        has_all(report, SD_JWT, copies=2)
        # What it was told to say of them.
        assert report["notifications"] == [{"configuration_id": SD_JWT, "event": "credential_failure", "sent": True}]
        assert client.get(came_back).status_code == 400
    with server.client() as client:
        events = client.get("/admin/notifications").json()["notifications"]
    assert events[-1]["event"] == "credential_failure"


def test_a_browser_is_told_where_to_log_in(waiting: tuple[RunningServer, RunningWallet]) -> None:
    server, wallet = waiting
    query = server.offer(SD_JWT, grant=CODE)["offer_uri"].partition("?")[2]
    page = Browser(wallet.client()).visit(f"/credential_offer?{query}")
    assert page.text("said") == "The issuer wants you to log in."
    assert page.text("login") == f"Log in at {server.issuer}/authorize"
    assert page.element("login")["href"].startswith(f"{server.issuer}/authorize?")


def test_a_person_can_say_no(waiting: tuple[RunningServer, RunningWallet]) -> None:
    server, wallet = waiting
    report = wallet.take(offer_uri=server.offer(SD_JWT, grant=CODE)["offer_uri"])
    browser = Browser(server.client())
    refused = browser.click(browser.visit(report["authorization_url"]), "refuse").headers["location"]
    with wallet.client() as client:
        assert "did not give its consent" in client.get(refused).text
    report = wallet.report(report["id"])
    assert (report["state"], report["error"]["type"], report["error"]["code"]) == (
        "refused",
        "AuthorizationDenied",
        "access_denied",
    )


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({"iss": "https://other.example"}, True),
        ({"iss": None}, True),
        ({"iss": ""}, True),
        ({"code": None}, True),
        ({"state": None}, False),
        ({"state": "another"}, False),
    ],
    ids=str,
)
def test_what_another_server_sent_back_is_never_exchanged(
    waiting: tuple[RunningServer, RunningWallet], changes: dict[str, str | None], ends: bool
) -> None:
    """A wrong `iss` ends the run; what has no right `state` is nobody's, and the run waits for its own answer. Nothing is sent."""
    server, wallet = waiting
    report, came_back = waits(server, wallet)
    given = {**dict(parse_qsl(urlsplit(came_back).query)), **changes}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    before = calls(server)
    with wallet.client() as client:
        assert client.get(f"/callback?{query}").status_code == 400
        report = wallet.report(report["id"], wait=0)
        assert calls(server) == before
        if ends:
            assert (report["state"], report["error"]["type"]) == ("failed", "InvalidResponse")
            assert client.get(came_back).status_code == 400
            assert calls(server) == before
        else:
            assert report["state"] == "waiting_for_person"
            assert client.get(came_back).status_code == 200
            has_all(wallet.report(report["id"]), SD_JWT, copies=2)


@pytest.mark.parametrize("query", ["", "code=a&state=b", "state=a&state=b", "%", "state=%ff", "error=access_denied"])
def test_what_nobody_waits_for_is_refused(wallet: RunningWallet, query: str) -> None:
    with wallet.client() as client:
        assert client.get(f"/callback?{query}").status_code == 400


# --- later --------------------------------------------------------------------------------------------------------------------


def decide(server: RunningServer, **members: Any) -> None:
    """What an administrator of the issuer decides about the latest promise."""
    with server.client() as client:
        transactions = client.get("/admin/deferred").json()["transactions"]
        answer = client.post("/admin/deferred", json={"handle": transactions[-1]["handle"], **members})
        assert answer.status_code == 204, answer.text


def test_what_comes_later_is_waited_for(server: RunningServer, wallet: RunningWallet) -> None:
    report = wallet.take(offer_uri=server.offer(SD_JWT, SOON)["offer_uri"])
    has_all(report, SD_JWT, SOON)
    assert next(each["interval"] for each in report["steps"] if each["step"] == "deferred") == 1
    assert [each["configuration_id"] for each in report["notifications"]] == [SD_JWT, SOON]


def test_what_is_refused_later(server: RunningServer, wallet: RunningWallet) -> None:
    report = wallet.deferred(wallet.begin(offer_uri=server.offer(SD_JWT, LATER)["offer_uri"]))
    assert [each["configuration_id"] for each in report["deferred"]] == [LATER]
    decide(server, state="refused", description="no longer enrolled")
    report = wallet.report(report["id"])
    assert (report["state"], report["error"]["code"], report["error"]["description"]) == (
        "refused",
        "credential_request_denied",
        "no longer enrolled",
    )
    # The rest is good all the same.
    assert len(report["credentials"]) == 5
    assert report["errors"] == [report["error"]]


@pytest.mark.parametrize("grant", [CODE, "pre-authorized_code"])
def test_a_restart_in_between_changes_nothing(
    server: RunningServer, tmp_path: Path, grant: str, ports: tuple[int, int]
) -> None:
    state, config = tmp_path / "state", trusting(server, tmp_path, copies=2)
    with running_wallet(tmp_path, config, "--state", str(state), port=ports[1]) as first:
        report = first.deferred(first.begin(offer_uri=server.offer(SD_JWT, LATER, grant=grant)["offer_uri"]))
        (file,) = state.iterdir()
        assert file.name == f"run-{report['id']}.json"
        assert file.stat().st_mode & 0o777 == 0o600
    if grant == CODE:
        # Weeks later.
        stored = json.loads(file.read_text())
        stored["promises"]["promises"][0]["deferred"]["state"]["session"]["access_token"] = "over"
        file.write_text(json.dumps(stored))
    with running_wallet(tmp_path, config, "--state", str(state), port=ports[1]) as second:
        resumed = second.report(report["id"], wait=0)
        assert resumed["state"] == "deferred"
        assert resumed["credentials"] == report["credentials"]
        decide(server, state="completed")
        report = second.report(report["id"])
        has_all(report, SD_JWT, LATER, copies=2)
        assert ("refresh" in [each["step"] for each in report["steps"]]) is (grant == CODE)
        assert list(state.iterdir()) == []


def test_a_file_that_is_none_of_ours_stops_nobody(server: RunningServer, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    for name, content in (("run-a.json", "x"), ("run-b.json", "{}"), ("run-c.json", '{"run": {"id": "d"}, "promises": []}')):
        (state / name).write_text(content)
    with running_wallet(tmp_path, trusting(server, tmp_path), "--state", str(state)) as wallet, wallet.client() as client:
        assert client.get("/runs").json() == {"runs": []}
        assert wallet.log.read_text().count("a run that was saved is not taken up") == 3
    assert len(list(state.iterdir())) == 3


# --- many ---------------------------------------------------------------------------------------------------------------------


def test_many_runs_at_once(server: RunningServer, wallet: RunningWallet) -> None:
    # The server takes five logins of one person at a time.
    grants = [CODE] * 4 + ["pre-authorized_code"] * 16
    offers = [server.offer(SD_JWT, grant=grant)["offer_uri"] for grant in grants]
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda uri=uri: reports.append(wallet.take(offer_uri=uri))) for uri in offers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 20
    for report in reports:
        has_all(report, SD_JWT)
    # No two of them have a key in common.
    holders = [each["holder_key"] for report in reports for each in report["credentials"]]
    assert len(set(holders)) == 100
    with wallet.client() as client:
        listed = client.get("/runs").json()["runs"]
    assert {report["id"] for report in reports} <= {each["id"] for each in listed}
    assert listed == sorted(listed, key=lambda each: -each["created_at"])


# --- wrong offers -------------------------------------------------------------------------------------------------------------


def by_value(**members: Any) -> str:
    return f"credential_offer={quote(json.dumps(members))}"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_credential_offer"),
        ("credential_offer=%7B%7D", "invalid_credential_offer"),
        ("credential_offer=%7B", "invalid_credential_offer"),
        ("credential_offer=%7B%7D&credential_offer=%7B%7D", "invalid_credential_offer"),
        ("credential_offer=%7B%7D&credential_offer_uri=https://localhost/", "invalid_credential_offer"),
        ("credential_offer_uri=https://localhost/1&credential_offer_uri=https://localhost/2", "invalid_credential_offer"),
        ("credential_offer_uri=http://localhost/", "invalid_credential_offer"),
        ("credential_offer_uri=file:///etc/passwd", "invalid_credential_offer"),
        ("credential_offer_uri=https://unknown.example/", "untrusted"),
        ("credential_offer_uri=https://169.254.169.254/latest/meta-data", "untrusted"),
        (by_value(credential_issuer="http://localhost", credential_configuration_ids=["a"]), "invalid_credential_offer"),
        (by_value(credential_issuer="https://unknown.example", credential_configuration_ids=["a"]), "untrusted"),
        (by_value(credential_issuer="https://localhost", credential_configuration_ids=[]), "invalid_credential_offer"),
        (by_value(credential_issuer="https://localhost", credential_configuration_ids=["a", "a"]), "invalid_credential_offer"),
    ],
)
def test_a_wrong_offer_is_refused_before_anything_is_sent(
    server: RunningServer, wallet: RunningWallet, query: str, code: str
) -> None:
    before = calls(server)
    with wallet.client() as client:
        known = client.get("/runs").json()
        answer = client.get(f"/credential_offer?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, code)
        posted = client.post("/offers", json={"offer_uri": f"openid-credential-offer://?{query}"})
        assert (posted.status_code, posted.json()["error"]) == (400, code)
        page = client.get(f"/credential_offer?{query}", headers={"accept": "text/html"})
        assert page.status_code == 400
        assert page.headers["content-type"].startswith("text/html")
        assert client.get("/runs").json() == known
    assert calls(server) == before


def test_a_huge_offer_is_refused(wallet: RunningWallet) -> None:
    offer = by_value(credential_issuer="https://localhost", credential_configuration_ids=["a" * 70_000])
    with wallet.client() as client:
        answer = client.post("/offers", json={"offer_uri": f"openid-credential-offer://?{offer}"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_credential_offer")
        assert client.post("/offers", json={"offer_uri": "x" * 300_000}).status_code == 400
        assert client.post("/offers", content=b" " * (2 << 20), headers={"content-type": "application/json"}).status_code == 413
        host = urlsplit(wallet.url).netloc
    connection = HTTPSConnection(host, timeout=DEADLINE, context=ssl.create_default_context(cafile=wallet.authority))
    with closing(connection):
        connection.request("GET", f"/credential_offer?{offer}")
        assert connection.getresponse().status == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"offer_uri": 1},
        {"offer_uri": "openid-credential-offer://?", "credential_issuer": "https://localhost"},
        {"credential_issuer": "https://localhost"},
        {"credential_issuer": "http://localhost", "configuration_ids": ["a"]},
        {"credential_issuer": "https://localhost", "configuration_ids": []},
        {"credential_issuer": "https://localhost", "configuration_ids": ["a", "a"]},
        {"credential_issuer": "https://localhost", "configuration_ids": ["a"], "scope": "a"},
        {"credential_issuer": "https://localhost", "scope": " "},
        {"credential_issuer": "https://localhost", "configuration_ids": ["a"], "grant": "implicit"},
        {"credential_issuer": "https://localhost", "configuration_ids": ["a"], "using": "both"},
        {"credential_issuer": "https://localhost", "configuration_ids": ["a"], "tx_code": None},
        {"credential_issuer": "https://localhost", "configuration_ids": ["a"], "more": 1},
        {"offer_uri": "openid-credential-offer://?credential_offer=%7B%7D", "scope": "a"},
    ],
)
def test_a_wrong_request_is_refused(wallet: RunningWallet, body: dict[str, Any]) -> None:
    with wallet.client() as client:
        answer = client.post("/offers", json=body)
        assert (answer.status_code, answer.json().keys()) == (400, {"error", "error_description"})
        assert client.post("/offers", content=json.dumps(body), headers={"content-type": "text/plain"}).status_code == 400


def test_an_offer_that_is_not_there_and_one_of_another_issuer(server: RunningServer, wallet: RunningWallet) -> None:
    report = wallet.take(offer_uri=f"openid-credential-offer://?credential_offer_uri={server.issuer}/credential-offer/unknown")
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidOffer")
    known = by_value(credential_issuer=server.issuer, credential_configuration_ids=["unknown"])
    report = wallet.take(offer_uri=f"openid-credential-offer://?{known}")
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidOffer")
    other = by_value(credential_issuer=f"{server.issuer}/other", credential_configuration_ids=["a"])
    report = wallet.take(offer_uri=f"openid-credential-offer://?{other}")
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidMetadata")


def test_other_methods_and_paths(wallet: RunningWallet) -> None:
    with wallet.client() as client:
        for path in ("/credential_offer", "/callback", "/client_metadata", "/jwks", "/runs"):
            answer = client.post(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert client.get("/offers").status_code == 405
        # Who only looks at a link has not followed it.
        assert client.head("/credential_offer?credential_offer=%7B%7D").status_code == 405
        for path in ("/", "/runs/unknown", "/runs/a/b", "/x"):
            assert client.get(path).status_code == 404
        known = client.get("/runs").json()["runs"][0]["id"]
        for wait in ("-1", "a", "61", "1.5", "99999"):
            assert client.get(f"/runs/{known}?wait={wait}").status_code == 400
        assert client.get(f"/runs/{known}?wait=0&wait=0").status_code == 400


def test_who_comes_through_a_proxy_or_by_another_name_drives_nothing(wallet: RunningWallet) -> None:
    with wallet.client() as client:
        for headers in ({"x-forwarded-for": "127.0.0.1"}, {"host": "rebound.example"}):
            assert client.get("/runs", headers=headers).status_code == 403
            assert client.post("/offers", json={}, headers=headers).status_code == 403
            # Offers come from anybody.
            assert client.get("/credential_offer", headers=headers).status_code == 400
