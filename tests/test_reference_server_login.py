"""The login and consent pages of the reference server: what a person sees, whose browser may decide, where it goes then."""

import base64
import hashlib
import re
import threading
from collections.abc import Mapping
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.reference_server import demo
from examples.reference_server.attempts import MAX_ATTEMPTS, WINDOW, Attempts
from examples.reference_server.browser_session import COOKIE
from examples.reference_server.users import PasswordHash
from examples.sqlite_store import SqliteStore
from oid4vci.errors import AuthorizationDenied
from oid4vci.memory import MemoryStore
from oid4vci.oauth.pkce import code_challenge
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.records import Change, Insert, Key, Record, Records
from tests.browser import HTML, Browser, Page, location, query
from tests.reference_server import CALLBACK, ISSUER, Clock, ReferenceServer
from tests.test_reference_server import KEY

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PARAMETERS = {
    "response_type": "code",
    "client_id": "wallet",
    "redirect_uri": CALLBACK,
    "state": "af0ifjsldkj",
    "scope": "identity_x5c",
    "code_challenge": code_challenge(VERIFIER),
    "code_challenge_method": "S256",
}


def authorize(**changes: str | None) -> str:
    """The URL of a good request that is not pushed, until a parameter is changed, or left out where it is None."""
    parameters = {name: value for name, value in {**PARAMETERS, **changes}.items() if value is not None}
    return f"{ISSUER}/authorize?{urlencode(parameters)}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


@pytest.fixture
def browser(server: ReferenceServer) -> Browser:
    return server.browser()


def code_of(url: str) -> str:
    """The code with which a browser was sent back."""
    assert url.startswith(f"{CALLBACK}?")
    parameters = query(url)
    assert (parameters.pop("iss"), parameters.pop("state")) == (ISSUER, "af0ifjsldkj")
    assert parameters.keys() == {"code"}
    return parameters["code"]


# --- the pages --------------------------------------------------------------------------------------------------------------


def both_pages(browser: Browser, url: str) -> tuple[Page, Page]:
    login = browser.visit(url)
    return login, browser.log_in(login)


def test_the_pages_have_what_a_person_and_a_program_need(browser: Browser) -> None:
    login, consent = both_pages(browser, authorize())
    assert {"username", "password", "login", "refuse"} <= {each.get("id") for each in login.elements}
    assert {"approve", "refuse"} <= {each.get("id") for each in consent.elements}
    assert "login" not in consent
    assert "approve" not in login
    for page, title in ((login, "Log in"), (consent, "Approve or refuse")):
        (html,), (heading,), (shown,) = page.all("html"), page.all("h1"), page.all("title")
        assert html["lang"] == "en"
        assert heading["text"] == title
        assert shown["text"].startswith(title)
        ids = [each["id"] for each in page.elements if "id" in each]
        assert len(set(ids)) == len(ids)
        labelled = {each["for"] for each in page.all("label") if each["text"].strip()}
        assert {each["id"] for each in page.all("input") if each.get("type") != "hidden"} == labelled
        assert all(each["text"].strip() for each in page.all("button"))
        assert len(page.all("form")) == 1
    assert login.element("username")["autocomplete"] == "username"
    assert (login.element("password")["type"], login.element("password")["autocomplete"]) == ("password", "current-password")
    # Whoever presses the enter key logs in: the first button of the form is the one.
    assert [each["id"] for each in login.all("button")] == ["login", "refuse"]


def test_nothing_runs_is_kept_or_framed(browser: Browser) -> None:
    refused = browser.client.get(authorize(client_id=None, state="secret"), headers={"accept": HTML})
    for response in (*(page.response for page in both_pages(browser, authorize())), refused):
        headers, text = response.headers, response.text
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        policy = dict(each.partition(" ")[::2] for each in headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'", "'none'")
        style = re.findall("<style>(.*?)</style>", text, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in style]
        assert policy["style-src"] == " ".join(f"'sha256-{each}'" for each in digests)
        assert policy.keys() == {"default-src", "style-src", "form-action", "base-uri", "frame-ancestors"}
        assert "<script" not in text
        assert not re.search(r"<[^>]*\s(style|on\w+|src)\s*=", text)
    assert "secret" not in refused.text
    assert "form-action 'none'" in refused.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("redirect_uri", "origin", "schemes"),
    [
        ("http://127.0.0.1:50123/callback", "http://127.0.0.1:50123", "https: http:"),
        ("http://[::1]:50123/callback", "http:", "https: http:"),
        ("https://wallet.example/cb?a=b;c", "https://wallet.example", "https:"),
        ("https://wallet.example:8443/cb", "https://wallet.example:8443", "https:"),
        ("https://wallet.example", "https://wallet.example", "https:"),
        ("https://wallet.example.:443?a", "https://wallet.example.:443", "https:"),
        ("https://w_a;l,let.example/", "https:", "https:"),
        ("com.example.wallet:/cb", "com.example.wallet:", "com.example.wallet:"),
        ("wallet://cb", "wallet:", "wallet:"),
    ],
)
def test_the_policy_lets_the_forms_lead_to_the_wallet(
    redirect_uri: str, origin: str, schemes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some browsers hold the redirects that follow a form against `form-action`: ours to the wallet, and those of the wallet."""
    members = {"clients": {"wallet": {"redirect_uris": [redirect_uri]}}}
    browser = ReferenceServer.of(tmp_path, monkeypatch, members).browser()
    pages = both_pages(browser, authorize(redirect_uri=redirect_uri))
    for page, sources in zip(pages, (origin, schemes), strict=True):
        assert f"; form-action 'self' {sources}; base-uri" in page.response.headers["content-security-policy"]
        assert page.text("destination").endswith(redirect_uri)
    assert location(browser.click(page, "approve")).startswith(redirect_uri)


def test_the_cookie_is_for_this_host_and_not_for_scripts(browser: Browser) -> None:
    first = browser.client.get(authorize())
    value, *attributes = first.headers["set-cookie"].split("; ")
    assert re.fullmatch(f"{COOKIE}=[0-9a-f]{{64}}", value)
    assert COOKIE.startswith("__Host-")
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]
    # A browser that has one keeps it, so that its other windows go on.
    assert "set-cookie" not in browser.client.get(authorize()).headers


@pytest.mark.parametrize("cookie", ["", "a", f"{COOKIE}=", f"{COOKIE}={'A' * 64}", f"{COOKIE}=../..", "=;;=" * 999])
def test_a_cookie_that_is_not_ours_is_replaced(browser: Browser, cookie: str) -> None:
    assert "set-cookie" in browser.client.get(authorize(), headers={"cookie": cookie}).headers


def test_the_page_says_who_asks_for_what_and_where_the_browser_goes(browser: Browser, server: ReferenceServer) -> None:
    for page in both_pages(browser, authorize(scope="identity_x5c membership_jwt_vc_issuer")):
        assert "calls itself wallet" in page.text("client")
        assert "any program can call itself so" in page.text("client")
        assert "Identity (identity_x5c)" in page.text("credentials")
        assert "Membership (membership_jwt_vc_issuer)" in page.text("credentials")
        assert page.text("destination").endswith(CALLBACK)


def test_the_name_that_is_shown_is_the_operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = {"redirect_uris": [CALLBACK]}
    members = {"clients": {"wallet": {**client, "client_name": "The <b>good</b> wallet"}, "other": client}}
    browser = ReferenceServer.of(tmp_path, monkeypatch, members).browser()
    assert browser.visit(authorize()).text("client").startswith("The <b>good</b> wallet (wallet) asks")
    page = browser.visit(authorize(client_id="other", client_name="A bank"))
    assert page.text("client").startswith("A registered program (other) asks")


HOSTILE = "\"><script>alert(1)</script><b id='approve'>&amp;\u202e\u2066\x07" + "x" * 500


def test_what_others_wrote_stays_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = demo.CONFIGURATIONS["identity_x5c"]["metadata"]
    display = {**metadata["credential_metadata"], "display": [{"name": HOSTILE}]}
    name = '<i>id&amp;"</i>'
    members = {
        "configurations": {
            name: {"key_resolution": "x5c", "metadata": {**metadata, "scope": "id", "credential_metadata": display}}
        },
        "subjects": {"ada": {name: {"level": 1}}},
        "users": {HOSTILE[:100]: {"password_hash": str(PasswordHash.of("p", p=1)), "subject": "ada"}},
    }
    browser = ReferenceServer.of(tmp_path, monkeypatch, members).browser()
    login = browser.visit(authorize(client_id=HOSTILE, scope="id"))
    wrong = Page.of(browser.click(login, "login", username=HOSTILE[:150], password=HOSTILE))
    assert wrong.element("username")["value"] == HOSTILE[:150]
    consent = browser.log_in(login, HOSTILE[:100], "p")
    for page in (login, wrong, consent):
        text = page.response.text
        assert "<script" not in text
        assert "<i>" not in text
        assert name in page.text("credentials")
        assert "<script>alert(1)</script>" in page.text("client")
        assert "\u202e" not in page.text("client") + page.text("credentials")
        assert len(page.text("client")) < 500


# --- decisions --------------------------------------------------------------------------------------------------------------


def redeem(server: ReferenceServer, code: str) -> dict[str, Any]:
    """What the token endpoint says of a code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "wallet",
    }
    answer: dict[str, Any] = server.client.post("/token", data=form).json()
    return answer


def test_who_approves_gives_a_code(server: ReferenceServer, browser: Browser) -> None:
    sent = browser.click(browser.log_in(browser.visit(authorize())), "approve")
    assert (sent.headers["cache-control"], sent.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert redeem(server, code_of(location(sent)))["token_type"] == "Bearer"


@pytest.mark.parametrize("logged_in", [False, True])
def test_who_refuses_sends_the_wallet_away(server: ReferenceServer, browser: Browser, logged_in: bool) -> None:
    pending = server.wallet().asks()
    page = browser.visit(pending.url)
    url = location(browser.click(browser.log_in(page) if logged_in else page, "refuse"))
    assert query(url)["error"] == "access_denied"
    assert query(url).keys() == {"error", "error_description", "state", "iss"}
    with pytest.raises(AuthorizationDenied):
        pending.callback(url, now=server.clock.now)


@pytest.mark.parametrize(("username", "password"), [("ada", "Ada"), ("nobody", "ada"), ("", ""), ("ada", "x" * 5000)])
def test_a_wrong_password_is_said_where_a_screen_reader_finds_it(browser: Browser, username: str, password: str) -> None:
    page = browser.visit(authorize())
    wrong = Page.of(browser.click(page, "login", username=username, password=password))
    assert wrong.response.status_code == 403
    assert wrong.element("problem")["role"] == "alert"
    assert wrong.text("problem") == "User name or password is wrong."
    for name in ("username", "password"):
        assert wrong.element(name)["aria-describedby"] == "problem"
        assert wrong.element(name)["aria-invalid"] == "true"
    assert "value" not in wrong.element("password")
    assert "approve" in browser.log_in(wrong)


def test_whoever_is_not_known_is_refused_in_the_same_words(browser: Browser) -> None:
    page = browser.visit(authorize())
    texts = [browser.click(page, "login", username=name, password="wrong").text for name in ("ada", "eva")]
    tickets = re.compile(r'name="ticket" value="[^"]*"')
    assert tickets.sub("", texts[0]).replace("ada", "eva") == tickets.sub("", texts[1])


@pytest.mark.parametrize(("username", "password"), [("x" * 201, "ada"), ("ada", "x" * 1001)])
def test_what_is_too_long_is_neither_counted_nor_shown_again(
    server: ReferenceServer, browser: Browser, username: str, password: str
) -> None:
    page, rows = browser.visit(authorize()), server.rows
    wrong = Page.of(browser.click(page, "login", username=username, password=password))
    assert (wrong.response.status_code, wrong.element("username")["value"]) == (403, "")
    assert server.rows == rows


def test_one_user_is_not_guessed_for_long(server: ReferenceServer, browser: Browser) -> None:
    page = browser.visit(authorize())
    for _ in range(MAX_ATTEMPTS):
        assert browser.click(page, "login", username="ada", password="wrong").status_code == 403
    # From elsewhere as well, and with the right password: else guessing would go on unseen.
    other = server.browser()
    late = other.click(other.visit(authorize()), "login", username="ada", password="ada")
    assert (late.status_code, late.headers["retry-after"]) == (429, str(WINDOW))
    assert "too many attempts" in Page.of(late).text("problem")
    assert "approve" in browser.log_in(page, "max", "max")
    server.clock.wait(WINDOW)
    assert "approve" in browser.log_in(page)


def test_whoever_logs_in_has_all_attempts_again(browser: Browser) -> None:
    page = browser.visit(authorize())
    for _ in range(3):
        for _ in range(MAX_ATTEMPTS - 1):
            assert browser.click(page, "login", username="ada", password="wrong").status_code == 403
        assert "approve" in browser.log_in(page)


def test_attempts_that_race_are_all_counted() -> None:
    class Busy(MemoryStore):
        """Another process counts an attempt whenever this one has looked."""

        others = 2

        def load(self, keys: Any, /) -> Records:
            found = super().load(keys)
            if self.others:
                self.others -= 1
                assert Attempts(self).take("ada", now=0)
            return found

    attempts = Attempts(Busy())
    assert [attempts.take("ada", now=0) for _ in range(MAX_ATTEMPTS)] == [True] * (MAX_ATTEMPTS - 2) + [False] * 2


def test_a_count_that_cannot_be_stored_is_no_attempt() -> None:
    class Full(MemoryStore):
        def commit(self, changes: Any, /) -> bool:
            return False

    assert not Attempts(Full()).take("ada", now=0)


def test_a_decision_is_made_once(server: ReferenceServer, browser: Browser) -> None:
    page = browser.log_in(browser.visit(authorize()))
    code = code_of(location(browser.click(page, "approve")))
    for button in ("approve", "refuse"):
        again = Page.of(browser.click(page, button))
        assert (again.response.status_code, again.text("error")) == (400, "invalid_request_uri")
        assert "location" not in again.response.headers
    # The first decision stands: a second click takes nothing back.
    assert "access_token" in redeem(server, code)


def test_of_two_clicks_at_once_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(MemoryStore):
        """Both have read the request before either decides."""

        barrier: threading.Barrier | None = None

        def load(self, keys: Any, /) -> Records:
            found = super().load(keys)
            if self.barrier is not None and any(key.kind == "authorization_request" for key in keys):
                barrier, self.barrier = self.barrier, (None if self.barrier.n_waiting else self.barrier)
                barrier.wait(10)
            return found

    store = Slow()
    server = ReferenceServer.of(tmp_path, monkeypatch, store=store)
    browser = server.browser()
    page = browser.log_in(browser.visit(authorize()))
    store.barrier = threading.Barrier(2)
    statuses: list[int] = []
    clicks = [threading.Thread(target=lambda: statuses.append(browser.click(page, "approve").status_code)) for _ in range(2)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert sorted(statuses) == [303, 400]


def test_only_what_there_is_about_a_person_is_approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {
        "subjects": {"ada": {"identity_x5c": {"level": 1}}, "eva": {"membership_jwt_vc_issuer": {"level": 2}}},
        "users": {name: {"password_hash": str(PasswordHash.of(name, p=1))} for name in ("ada", "eva")},
    }
    server = ReferenceServer.of(tmp_path, monkeypatch, members)
    wallet, browser = server.wallet(), server.browser()
    pending = wallet.asks("identity_x5c", "membership_jwt_vc_issuer", using="authorization_details")
    page = browser.log_in(browser.visit(pending.url))
    assert page.text("missing").startswith("There is nothing about you for membership_jwt_vc_issuer")
    session = wallet.comes_back(pending, location(browser.click(page, "approve")))
    assert session.configuration_ids == ("identity_x5c",)
    assert session.credential_identifiers is not None
    wallet.gets(session, "identity_x5c")

    pending = wallet.asks("identity_x5c")
    nothing = browser.log_in(browser.visit(pending.url), "eva", "eva")
    assert "approve" not in nothing
    sent = browser.click(nothing, "refuse", changes={"decision": "approve"})
    assert query(location(sent))["error"] == "access_denied"


# --- whose browser ----------------------------------------------------------------------------------------------------------


def foreign(response: Any) -> None:
    """That a form was refused, and led nowhere."""
    assert response.status_code == 403
    assert "location" not in response.headers
    assert "was not made for this browser" in Page.of(response).text("problem")


@pytest.mark.parametrize("button", ["login", "refuse"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"without": "ticket"},
        {"changes": {"ticket": ""}},
        {"changes": {"ticket": "A" * 100}},
        {"changes": {"ticket": "A" * 10_000}},
    ],
)
def test_a_form_without_its_ticket_does_nothing(browser: Browser, button: str, wrong: Mapping[str, Any]) -> None:
    page = browser.visit(authorize())
    foreign(browser.click(page, button, username="ada", password="ada", **wrong))
    consent = browser.log_in(page)
    for decision in ("approve", "refuse"):
        foreign(browser.click(consent, decision, **wrong))
    code_of(location(browser.click(consent, "approve")))


def test_no_other_browser_can_go_on(server: ReferenceServer, browser: Browser) -> None:
    """Whoever has the ticket of somebody's page, or makes somebody send theirs."""
    login = browser.visit(authorize())
    consent = browser.log_in(login)
    other = server.browser()
    # Without a cookie, and with one of their own.
    for _ in range(2):
        foreign(other.click(login, "login", username="ada", password="ada"))
        foreign(other.click(login, "refuse"))
        for button in ("approve", "refuse"):
            foreign(other.click(consent, button))
        other.visit(authorize())
    code_of(location(browser.click(consent, "approve")))


def test_nobody_is_made_to_decide_somebody_elses_request(server: ReferenceServer, browser: Browser) -> None:
    """The attacker's ticket in the victim's form."""
    attacker = server.browser()
    theirs = attacker.log_in(attacker.visit(authorize()), "max", "max")
    page = browser.log_in(browser.visit(authorize()))
    foreign(browser.click(page, "approve", changes={"ticket": theirs.all("input")[0]["value"]}))


def test_who_has_not_logged_in_approves_nothing(browser: Browser) -> None:
    login = browser.visit(authorize())
    ticket = next(each["value"] for each in login.all("input") if each["name"] == "ticket")
    for decision in ("approve", "refuse"):
        foreign(browser.client.post("/consent", data={"ticket": ticket, "decision": decision}, headers={"accept": HTML}))


def test_the_handle_and_the_pushed_uri_are_no_tickets(server: ReferenceServer, browser: Browser) -> None:
    pending = server.wallet().asks()
    browser.visit(pending.url)
    request_uri = query(pending.url)["request_uri"]
    for guess in (request_uri, request_uri.rpartition(":")[2]):
        foreign(browser.client.post("/consent", data={"ticket": guess, "decision": "approve"}))


@pytest.mark.parametrize("decision", [None, "", "yes", "APPROVE"])
def test_only_the_buttons_decide(browser: Browser, decision: str | None) -> None:
    page = browser.log_in(browser.visit(authorize()))
    changes = {} if decision is None else {"decision": decision}
    answer = browser.click(page, "approve", without="decision" if decision is None else None, changes=changes)
    assert (answer.status_code, Page.of(answer).text("error")) == (400, "invalid_request")
    code_of(location(browser.click(page, "approve")))


@pytest.mark.parametrize("path", ["/login", "/consent"])
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"ticket=a&ticket=b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"%ff=%ff", "application/x-www-form-urlencoded"),
        (b'{"ticket": "a"}', "application/json"),
        (b"ticket=a", "text/plain"),
        (b"&".join(b"a%d=1" % i for i in range(100)), "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(browser: Browser, path: str, content: bytes, content_type: str) -> None:
    answer = browser.client.post(path, content=content, headers={"content-type": content_type})
    assert (answer.status_code, Page.of(answer).text("error")) == (400, "invalid_request")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(("/login", "/consent", "/authorize")),
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda ticket: urlencode({"ticket": ticket, "decision": "approve"}).encode()),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100),
)
def test_arbitrary_bytes_are_refused(browser: Browser, path: str, body: bytes, cookie: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "cookie": f"{COOKIE}={cookie}", "accept": HTML}
    answer = browser.client.post(path, content=body, headers=headers)
    assert answer.status_code in (400, 403)
    assert Page.of(answer).text("error") in ("invalid_request", "invalid_request_uri", "access_denied")


def test_two_windows_do_not_disturb_each_other(server: ReferenceServer, browser: Browser) -> None:
    first, second = (browser.visit(authorize(state=state)) for state in ("one", "two"))
    approved = [browser.click(browser.log_in(page), "approve") for page in (second, first)]
    assert [query(location(each))["state"] for each in approved] == ["two", "one"]


def test_each_request_asks_for_a_login_of_its_own(browser: Browser) -> None:
    browser.approved(authorize())
    assert "password" in browser.visit(authorize())


# --- time and place ---------------------------------------------------------------------------------------------------------


def test_a_login_that_takes_too_long_is_over(server: ReferenceServer, browser: Browser) -> None:
    login = browser.visit(authorize())
    server.clock.wait(server.service.server.login_lifetime - 1)
    consent = browser.log_in(login)
    server.clock.wait(1)
    answer = Page.of(browser.click(consent, "approve"))
    assert (answer.response.status_code, answer.text("error")) == (400, "invalid_request_uri")
    foreign(browser.click(login, "login", username="ada", password="ada"))
    server.clock.wait(server.service.server.login_lifetime)
    foreign(browser.click(consent, "approve"))


def test_a_pushed_request_is_brought_in_time(server: ReferenceServer, browser: Browser) -> None:
    pending = server.wallet().asks()
    page = browser.visit(pending.url)
    server.clock.wait(server.service.server.request_uri_lifetime)
    # Whoever has seen the page in time has the time of a login.
    code = query(location(browser.click(browser.log_in(page), "approve")))["code"]
    assert code
    late = server.wallet().asks()
    server.clock.wait(server.service.server.request_uri_lifetime)
    for accept, kind in (
        (HTML, "text/html; charset=utf-8"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
    ):
        answer = browser.client.get(late.url, headers={"accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (400, kind)
        assert "invalid_request_uri" in answer.text


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://attacker.example/"},
        {"redirect_uri": "http://127.0.0.1:4711/callback/../attack"},
        {"redirect_uri": "http://127.0.0.1.attacker.example/callback"},
        {"redirect_uri": "http://127.0.0.1:4711@attacker.example/callback"},
        {"redirect_uri": "//attacker.example/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": None},
        {"client_id": None},
        {"request_uri": "https://attacker.example/request"},
        {"request_uri": "urn:ietf:params:oauth:request_uri:unknown"},
    ],
)
def test_a_browser_is_sent_only_where_the_client_is_registered(
    server: ReferenceServer, browser: Browser, changes: Mapping[str, str | None]
) -> None:
    answer = browser.client.get(authorize(**changes), headers={"accept": HTML})
    assert answer.status_code == 400
    assert "location" not in answer.headers
    page = Page.of(answer)
    assert page.text("error") in ("invalid_request", "invalid_request_uri")
    assert "attack" not in answer.text
    assert page.all("a") == page.all("form") == []
    assert server.rows == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "unknown"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"request": "e30.e30."}, "request_not_supported"),
    ],
)
def test_other_faults_are_the_wallets_to_hear_of(browser: Browser, changes: Mapping[str, str | None], error: str) -> None:
    answer = browser.client.get(authorize(**changes), headers={"accept": HTML})
    parameters = query(location(answer))
    assert (parameters["error"], parameters["state"], parameters["iss"]) == (error, "af0ifjsldkj", ISSUER)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_other_methods_are_refused_in_html(browser: Browser, method: str) -> None:
    for path, allowed in (("/authorize", "GET, POST"), ("/login", "POST"), ("/consent", "POST")):
        answer = browser.client.request(method, path, headers={"accept": HTML})
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert Page.of(answer).text("error") == "invalid_request"


def test_a_request_may_be_posted(browser: Browser) -> None:
    page = Page.of(browser.client.post("/authorize", data=PARAMETERS, headers={"accept": HTML}))
    code_of(location(browser.click(browser.log_in(page), "approve")))


def test_a_pushed_request_can_be_demanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ReferenceServer.of(tmp_path, monkeypatch, {"require_pushed_authorization_requests": True})
    browser, wallet = server.browser(), server.wallet()
    assert query(location(browser.client.get(authorize())))["error"] == "invalid_request"
    pending = wallet.asks()
    assert query(pending.url).keys() == {"client_id", "request_uri"}
    wallet.comes_back(pending, browser.approved(pending.url))


def test_any_process_goes_on_where_another_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the store and the sealing keys are shared."""
    clock, members = Clock(), {"sealing_keys": [KEY]}
    with SqliteStore(tmp_path / "state.db") as store:
        servers = [ReferenceServer.of(tmp_path, monkeypatch, members, store=store, clock=clock) for _ in range(5)]
        cookies = CookieJar()
        browsers = [each.browser(cookies) for each in servers]
        pending = servers[0].wallet().asks()
        login = browsers[1].visit(pending.url)
        wrong = Page.of(browsers[2].click(login, "login", username="ada", password="wrong"))
        consent = browsers[3].log_in(wrong)
        url = location(browsers[4].click(consent, "approve"))
        session = servers[1].wallet().comes_back(pending, url)
        # Each has made up a signing key of its own: the wallet believes the one of the first.
        servers[0].wallet().gets(session, "identity_x5c")


def test_an_issuer_with_a_path_has_its_pages_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.reference_server.ISSUER", f"{ISSUER}/tenant")
    server = ReferenceServer.of(tmp_path, monkeypatch)
    browser = server.browser()
    for page, action in zip(
        both_pages(browser, authorize().replace("/authorize", "/tenant/authorize")), ("login", "consent"), strict=True
    ):
        assert page.all("form")[0]["action"] == f"/tenant/{action}"
        assert browser.client.get(f"{ISSUER}/{action}").status_code == 404
    assert location(browser.click(page, "approve")).startswith(CALLBACK)


# --- offers -----------------------------------------------------------------------------------------------------------------


def shown_offer(page: Page) -> str | None:
    """What the page says of an offer."""
    found = re.search(r"<p>(It answers an offer [^<]*)</p>", page.response.text)
    return None if found is None else found[1]


OURS, UNKNOWN = "It answers an offer that this server made.", "It answers an offer that this server does not know."


@pytest.mark.parametrize("by_reference", [True, False])
def test_an_offer_is_recognized_by_what_it_was_for(server: ReferenceServer, browser: Browser, by_reference: bool) -> None:
    made = server.offer("identity_x5c", by_reference=by_reference)
    wallet = server.wallet()
    pending = wallet.asks(made["offer_uri"])
    for page in both_pages(browser, pending.url):
        assert shown_offer(page) == OURS
    wallet.gets(wallet.comes_back(pending, location(browser.click(page, "approve"))), "identity_x5c")


@pytest.mark.spec("VCI-5.1.3-02")
def test_the_state_of_an_offer_proves_nothing(server: ReferenceServer, browser: Browser) -> None:
    made = server.offer("identity_x5c")
    state = made["offer"]["grants"][AUTHORIZATION_CODE]["issuer_state"]
    assert shown_offer(browser.visit(authorize())) is None
    assert shown_offer(browser.visit(authorize(issuer_state=state))) == OURS
    for forged in ("x", state + "x", state[:-1], "\U0001f600" * 100):
        assert (shown_offer(browser.visit(authorize(issuer_state=forged))) or "").startswith(UNKNOWN)
    # It was not offered.
    both = "identity_x5c membership_jwt_vc_issuer"
    for scope in ("membership_jwt_vc_issuer", both):
        assert (shown_offer(browser.visit(authorize(issuer_state=state, scope=scope))) or "").startswith(UNKNOWN)
    # Nobody is spared the login by it, and whoever logs in gets their own credentials.
    page = browser.visit(authorize(issuer_state=state))
    assert "approve" not in page
    assert "logged in as max" in re.sub("<[^>]*>", "", browser.log_in(page, "max", "max").response.text)
    server.clock.wait(3600)
    assert (shown_offer(browser.visit(authorize(issuer_state=state))) or "").startswith(UNKNOWN)


def test_a_record_of_another_kind_is_no_offer(server: ReferenceServer, browser: Browser) -> None:
    insert: Change = Insert(Record(Key.of("grant", "guess"), {"configuration_ids": ["identity_x5c"]}, 2**40))
    assert server.store.commit([insert])
    assert (shown_offer(browser.visit(authorize(issuer_state="guess"))) or "").startswith(UNKNOWN)
