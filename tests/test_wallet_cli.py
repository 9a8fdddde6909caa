"""The wallet of the examples: what it asks, what it sends, what it keeps, and a whole issuance over TLS."""

import gzip
import json
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from examples.reference_server import demo
from examples.wallet.client import SessionKeys
from examples.wallet.folder import Folder
from examples.wallet.keys import HolderKey
from examples.wallet_cli.__main__ import main
from examples.wallet_cli.callback import Callback
from examples.wallet_cli.consent import Consent
from examples.wallet_cli.network import Network
from examples.wallet_cli.terminal import Person, plain
from oid4vci.errors import AttestationExpired, AuthorizationDenied, InvalidResponse
from oid4vci.formats import VerifiedCredential
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.http import MAX_CREDENTIALS, Request
from oid4vci.keys import LocalSigner, public_key
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.browser import Browser, location
from tests.running_program import ROOT
from tests.running_server import RunningServer, running_server

BOTH = ("identity_x5c", "membership_jwt_vc_issuer")


# --- the terminal -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ångström 東京", "Ångström 東京"),
        ("\x1b[2J\x1b[31mred", "?[2J?[31mred"),
        ("two\r\nlines\u2028more", "two??lines?more"),
        ("\u202egnp.exe", "?gnp.exe"),
        ("x" * 400, "x" * 297 + "..."),
    ],
)
def test_text_of_others_stays_on_its_line(text: str, shown: str) -> None:
    assert plain(text) == shown


def answers(monkeypatch: pytest.MonkeyPatch, *given: str) -> list[str]:
    """Somebody who types these answers; the questions are collected."""
    questions: list[str] = []
    remaining = iter(given)

    def read(question: str) -> str:
        questions.append(question)
        return next(remaining)

    monkeypatch.setattr("builtins.input", read)
    return questions


def test_each_origin_is_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = answers(monkeypatch, "y", "", "nonsense")
    consent = Consent(Person(interactive=True))
    assert consent.to_offer("https://one.example/offer/1", "it has the offer")
    assert consent.allow("https://one.example")
    assert consent.allow("https://ONE.example/token")
    assert not consent.allow("https://one.example:8443/token")
    assert not consent.allow("https://one.example.evil/")
    assert not consent.allow("https://one.example:8443/again")
    assert [question.split()[2] for question in questions] == [
        "https://one.example",
        "https://one.example:8443",
        "https://one.example.evil",
    ]


def test_yes_is_for_what_the_offer_names_and_nothing_else() -> None:
    consent = Consent(Person(yes=True, interactive=False))
    assert not consent.allow("https://one.example")
    consent = Consent(Person(yes=True, interactive=False))
    assert consent.to_offer("https://one.example/tenant", "the issuer")
    assert consent.allow("https://one.example/token")
    assert not consent.allow("https://two.example")


@pytest.mark.parametrize("url", ["http://one.example", "one.example", "", "did:example:1", "ftp://one.example"])
def test_what_is_not_https_is_not_even_asked_about(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch)
    assert not Consent(Person(yes=True, interactive=True)).to_offer(url, "the issuer")


# --- the folder -------------------------------------------------------------------------------------------------------------


def test_files_are_for_their_owner_and_stay_in_the_folder(tmp_path: Path) -> None:
    folder = Folder.prepare(tmp_path / "wallet")
    key = HolderKey.generate("holder", ("ES256",))
    first, second = (folder.save("../../etc/pass\x00wd", "dc+sd-jwt", f"credential {i}", key) for i in range(2))
    assert first != second
    assert (first.read_text(), second.read_text()) == ("credential 0", "credential 1")
    assert {path.parent for path in (first, second)} == {tmp_path / "wallet"}
    assert stat.S_IMODE((tmp_path / "wallet").stat().st_mode) == 0o700
    for path in (tmp_path / "wallet").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = LocalSigner.from_pem("holder", first.with_suffix(".key.pem").read_bytes())
    assert kept.public_jwk == key.signer.public_jwk


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "badge-1.key.pem").write_text("another key")
    folder, key = Folder.prepare(tmp_path), HolderKey.generate("holder", None)
    assert folder.save("badge", "x", "credential", key).name == "badge-2.credential"
    # The issuer chose identifiers that are the same in the names of files.
    long = "badge" * 12
    names = [folder.save(f"{long}-{format_}", format_, "credential", key).name for format_ in ("mso_mdoc", "dc+sd-jwt")]
    assert names == [f"{long}-1.mdoc", f"{long}-2.sd-jwt"]
    assert (tmp_path / "badge-1.key.pem").read_text() == "another key"


@pytest.mark.parametrize("with_keys", [True, False])
def test_a_name_that_somebody_takes_in_between_is_theirs(
    with_keys: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, key, path_for = Folder.prepare(tmp_path), HolderKey.generate("holder", None), Folder.path_for
    others = [f"badge-1{'.key.pem' if with_keys else '.mdoc'}", "badge-2.mdoc"]

    def taken_in_between(folder: Folder, name: str, suffix: str) -> Path:
        target = path_for(folder, name, suffix)
        if others:
            (tmp_path / others.pop(0)).write_text("another's")
        return target

    monkeypatch.setattr(Folder, "path_for", taken_in_between)
    saved = folder.save("badge", "mso_mdoc", "credential", key if with_keys else None)
    assert (saved.name, saved.read_text(), others) == ("badge-3.mdoc", "credential", [])
    assert saved.with_suffix(".key.pem").exists() is with_keys
    assert (
        sorted(path.read_text() for path in tmp_path.iterdir() if path.stem[:7] in ("badge-1", "badge-2")) == ["another's"] * 2
    )


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "EdDSA"])
def test_a_key_is_made_for_an_algorithm_of_the_issuer(algorithm: str) -> None:
    assert HolderKey.generate("holder", ("RS256", algorithm)).signer.algorithm == algorithm


def test_no_private_key_is_shown() -> None:
    key = HolderKey.generate("holder", None)
    assert "PRIVATE" not in repr([key, SessionKeys(key)])


def test_no_key_is_made_for_algorithms_that_are_not_known() -> None:
    with pytest.raises(ValueError, match="other algorithms"):
        HolderKey.generate("holder", ("RS256",))


# --- the network ------------------------------------------------------------------------------------------------------------


# 500 bytes that are gzip twice are 16 MiB, those of others may be terabytes.
PACKED = gzip.compress(gzip.compress(bytes(1 << 24)))


class Handler(BaseHTTPRequestHandler):
    """Redirects, sends more than anybody wants, or what becomes more."""

    def do_GET(self) -> None:  # the name that the base class calls
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("location", "/large")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/packed":
            self.send_header("content-encoding", "gzip, gzip")
            self.end_headers()
            self.server.accepted = self.headers.get("accept-encoding")  # type: ignore[attr-defined]
            self.wfile.write(PACKED)
            return
        self.end_headers()
        try:
            for _ in range(64):
                self.wfile.write(bytes(1 << 20))
        except OSError:
            self.server.stopped_early = True  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        pass


@contextmanager
def http_server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.stopped_early = False  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_redirects_are_not_followed_and_long_bodies_not_read() -> None:
    with http_server() as server, Network() as network:
        origin = f"http://127.0.0.1:{server.server_port}"
        answer = network.send(Request("GET", f"{origin}/redirect"))
        assert (answer.status, answer.headers.get("location")) == (302, "/large")
        answer = network.send(Request("GET", f"{origin}/large"))
        assert MAX_CREDENTIALS < len(answer.body) <= MAX_CREDENTIALS + (1 << 16)
        end = time.monotonic() + 10
        while not server.stopped_early and time.monotonic() < end:  # type: ignore[attr-defined]
            time.sleep(0.01)
        assert server.stopped_early  # type: ignore[attr-defined]


def test_a_compressed_answer_is_not_unpacked() -> None:
    with http_server() as server, Network() as network:
        answer = network.send(Request("GET", f"http://127.0.0.1:{server.server_port}/packed"))
    assert (answer.body, server.accepted) == (PACKED, "identity")  # type: ignore[attr-defined]


# --- the command line -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def anchors(server: RunningServer, tmp_path: Path) -> Path:
    path = tmp_path / "anchors.pem"
    path.write_bytes(server.demo_authority())
    return path


@pytest.mark.parametrize("option", ["--trust", "--ca"])
def test_a_file_that_is_missing_is_said_before_anything_is_sent(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["openid-credential-offer://?credential_offer=%7B%7D", option, str(tmp_path / "none.pem")]) == 2
    assert "error: " in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["openid-credential-offer://?credential_offer=%7B%7D", "--save", str(tmp_path / "file" / "folder")]) == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("copies", ["0", "-1", "many"])
def test_at_least_one_copy(copies: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["openid-credential-offer://?credential_offer=%7B%7D", "--copies", copies])
    assert "--copies" in capsys.readouterr().err


def test_what_is_no_offer_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["https://example.com/"]) == 1
    assert "InvalidOffer" in capsys.readouterr().err


def test_a_server_under_an_unknown_tls_authority_is_not_talked_to(
    server: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    made = server.offer("identity_x5c")
    assert main([made["offer_uri"], "--yes"]) == 1
    assert "could not be reached" in capsys.readouterr().err


def test_nothing_is_sent_without_consent(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    made = server.offer("identity_x5c", by_reference=True)
    before = server.log.read_text()
    assert main([made["offer_uri"], "--ca", str(server.authority)]) == 1
    assert "Untrusted" in capsys.readouterr().err
    assert server.log.read_text() == before


@pytest.mark.spec("VCI-13.6.2-01")
def test_whoever_does_not_trust_the_issuer_is_not_asked_for_the_transaction_code(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = server.offer("identity_x5c", tx_code=True)
    before = server.log.read_text()
    questions = answers(monkeypatch, "n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert main([made["offer_uri"], "--ca", str(server.authority)]) == 1
    assert questions == [f"Talk to {server.issuer} (the issuer of the offer)? [y/N] "]
    assert "Untrusted" in capsys.readouterr().err
    assert server.log.read_text() == before


@pytest.mark.parametrize("host", ["999.999.999.999", "a..b", "xn--a"])
def test_a_host_that_is_none_is_said(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--issuer", f"https://{host}", "--configuration", "a"]) == 1
    assert re.match("error: |the server could not be reached: ", capsys.readouterr().err)


def verified(path: Path, server: RunningServer, anchors: Path) -> VerifiedCredential:
    """A credential that was kept, checked again, and held against the key beside it."""
    signer = LocalSigner.from_pem("holder", path.with_suffix(".key.pem").read_bytes())
    with server.client() as client:
        url = f"{server.issuer}/.well-known/jwt-vc-issuer"
        documents = {url: client.get(url).content}
    outcome = SdJwtVcVerifier().verify(
        path.read_text(),
        configuration=None,
        trust=Trust(Anchors.from_pem(anchors.read_bytes()), allow={server.issuer}.__contains__),
        holder_keys=[public_key(signer.public_jwk)],
        documents=documents,
        now=int(time.time()),
    )
    assert isinstance(outcome, VerifiedCredential)
    return outcome


@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
@pytest.mark.parametrize("copies", [None, 2])
def test_credentials_are_issued_shown_and_kept_with_their_keys(
    server: RunningServer,
    anchors: Path,
    tmp_path: Path,
    by_reference: bool,
    copies: int | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = server.offer(*BOTH, tx_code=True, by_reference=by_reference)
    arguments = [made["offer_uri"], "--tx-code", made["tx_code"], "--save", str(tmp_path / "wallet")]
    arguments += ["--trust", str(anchors), "--ca", str(server.authority), "--yes"]
    arguments += [] if copies is None else ["--copies", str(copies)]
    assert main(arguments) == 0

    number = copies or 5
    output = capsys.readouterr().out
    assert f"Done: {2 * number} credentials." in output
    holders = set()
    for configuration_id in BOTH:
        paths = sorted((tmp_path / "wallet").glob(f"{configuration_id}-*.sd-jwt"))
        assert len(paths) == number
        dataset = demo.SUBJECTS["ada"][configuration_id]
        for path in paths:
            credential = verified(path, server, anchors)
            assert {name: credential.claims[name] for name in dataset} == dataset
            holders.add(credential.holder_key)
        described = demo.CONFIGURATIONS[configuration_id]["metadata"]["credential_metadata"]["claims"]
        labels = {claim["path"][-1]: claim["display"][0]["name"] for claim in described}
        for name, value in dataset.items():
            assert f"  {labels.get(name, name)}: {json.dumps(value)}" in output
    assert len(holders) == 2 * number
    assert made["offer"]["grants"]["urn:ietf:params:oauth:grant-type:pre-authorized_code"]["pre-authorized_code"] not in output


@pytest.mark.spec("VCI-13.6.2-02")
def test_the_person_is_asked_for_consent_and_code(
    server: RunningServer, anchors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = server.offer("identity_x5c", tx_code=True)
    wrong = "0" * 6 if made["tx_code"] != "0" * 6 else "1" * 6
    questions = answers(monkeypatch, "y", "12", wrong, made["tx_code"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert main([made["offer_uri"], "--trust", str(anchors), "--ca", str(server.authority)]) == 0
    assert questions[0] == f"Talk to {server.issuer} (the issuer of the offer)? [y/N] "
    assert questions[1:] == [f"Transaction code, 6 digits, to be sent to {server.issuer}/token: "] * 3
    assert "Done: 5 credentials." in capsys.readouterr().out


def test_a_wrong_code_and_a_used_offer_end_with_advice(
    server: RunningServer, anchors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = server.offer("identity_x5c", tx_code=True)
    wrong = "0" * 6 if made["tx_code"] != "0" * 6 else "1" * 6
    common = [made["offer_uri"], "--yes", "--trust", str(anchors), "--ca", str(server.authority)]
    assert main([*common, "--tx-code", wrong]) == 1
    assert "WrongTxCode: invalid_grant" in capsys.readouterr().err
    assert main(common) == 1
    assert "TxCodeRequired" in capsys.readouterr().err
    assert main([*common, "--tx-code", made["tx_code"]]) == 0
    assert main([*common, "--tx-code", made["tx_code"]]) == 1
    assert "invalid_grant" in capsys.readouterr().err


def test_certificates_are_believed_under_the_anchors_given_only(
    server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for trust, message in (([], "Untrusted"), (["--trust", str(server.authority)], "InvalidCredential")):
        made = server.offer("identity_x5c")
        arguments = [made["offer_uri"], "--yes", "--ca", str(server.authority), "--save", str(tmp_path / "wallet"), *trust]
        assert main(arguments) == 1
        assert message in capsys.readouterr().err
    assert list((tmp_path / "wallet").iterdir()) == []


def test_a_name_that_cannot_be_sent_is_refused(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    made = server.offer("identity_x5c")
    assert main([made["offer_uri"], "--yes", "--ca", str(server.authority), "--client-id", "wället"]) == 1
    assert "client_id" in capsys.readouterr().err


# --- a login in the browser -------------------------------------------------------------------------------------------------


@contextmanager
def came_back_to(callback: Callback[str], *targets: str) -> Iterator[list[httpx.Response]]:
    """A browser that opens these targets of the wallet's server one after another; what it is answered."""
    answers: list[httpx.Response] = []

    def visit() -> None:
        for target in targets:
            answers.append(httpx.get(urljoin(callback.redirect_uri, target), trust_env=False))

    thread = threading.Thread(target=visit)
    thread.start()
    yield answers
    thread.join()


def taken(url: str) -> str:
    """A flow whose state is 1."""
    if "state=1" not in url:
        raise InvalidResponse("the state is not that of this flow")
    if "error" in url:
        raise AuthorizationDenied("access_denied")
    return url


def test_only_the_answer_of_the_flow_ends_the_wait() -> None:
    with Callback[str]() as callback:
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/callback", callback.redirect_uri)
        targets = (
            "/favicon.ico",
            "/callbacks?state=1",
            "/callback?state=2&code=a",
            "/callback",
            "/callback?state=1&code=%3Cb%3E",
        )
        with came_back_to(callback, *targets) as answers:
            assert callback.wait(taken, timeout=20) == f"{callback.redirect_uri}?state=1&code=%3Cb%3E"
    assert [each.status_code for each in answers] == [404, 404, 400, 400, 200]
    for each in answers:
        assert (each.headers["cache-control"], each.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "default-src 'none'" in each.headers["content-security-policy"]
        assert "code" not in each.text
    with pytest.raises(httpx.ConnectError):
        httpx.get(callback.redirect_uri, trust_env=False)


def test_a_refusal_ends_the_wait() -> None:
    with (
        Callback[str]() as callback,
        came_back_to(callback, "/callback?state=1&error=access_denied") as answers,
        pytest.raises(AuthorizationDenied),
    ):
        callback.wait(taken, timeout=20)
    assert "did not give its consent" in answers[0].text


@pytest.mark.parametrize("raised", [AttestationExpired("it has expired"), ValueError("now is needed")])
def test_what_stops_the_wallet_ends_the_wait(raised: Exception) -> None:
    def take(url: str) -> str:
        raise raised

    with (
        Callback[str]() as callback,
        came_back_to(callback, "/callback?state=1") as answers,
        pytest.raises(type(raised), match=str(raised)),
    ):
        callback.wait(take, timeout=20)
    assert "could not go on" in answers[0].text


def test_nobody_is_waited_for_without_end() -> None:
    with Callback[str]() as callback, pytest.raises(TimeoutError):
        callback.wait(taken, timeout=0.05)


def test_a_connection_that_says_nothing_keeps_nobody_waiting() -> None:
    with Callback[str]() as callback:
        address = ("127.0.0.1", urlsplit(callback.redirect_uri).port or 0)
        with socket.create_connection(address), came_back_to(callback, "/callback?state=1"):
            assert callback.wait(taken, timeout=20)


def opens_browser(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer, act: Callable[[Browser, str], str]
) -> Callable[[], str]:
    """Let the wallet open a browser in which somebody acts; gives what the wallet's own page says in the end."""
    said: list[str] = []
    threads: list[threading.Thread] = []

    def work(url: str) -> None:
        said.append(httpx.get(act(Browser(server.client()), url), trust_env=False).text)

    def opened(url: str) -> bool:
        threads.append(threading.Thread(target=work, args=(url,)))
        threads[0].start()
        return True

    def ended() -> str:
        threads[0].join()
        return said[0]

    monkeypatch.setattr("webbrowser.open", opened)
    return ended


@pytest.mark.parametrize("asked", ["by value", "by reference", "without an offer"])
def test_a_person_logs_in_and_the_wallet_goes_on(
    asked: str,
    server: RunningServer,
    anchors: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if asked == "without an offer":
        arguments = ["--issuer", server.issuer, *(part for each in BOTH for part in ("--configuration", each))]
    else:
        made = server.offer(*BOTH, grant="authorization_code", by_reference=asked == "by reference")
        arguments = [made["offer_uri"], "--yes"]
    said = opens_browser(monkeypatch, server, lambda browser, url: browser.approved(url, "max"))
    arguments += ["--open", "--save", str(tmp_path / "wallet"), "--trust", str(anchors), "--ca", str(server.authority)]
    assert main([*arguments, "--copies", "1"]) == 0
    assert "The wallet has its answer" in said()
    output = capsys.readouterr().out
    assert "an access token, bound to a key of this wallet" in output
    assert "Done: 2 credentials." in output
    for configuration_id in BOTH:
        (path,) = (tmp_path / "wallet").glob(f"{configuration_id}-*.sd-jwt")
        dataset = demo.SUBJECTS["max"][configuration_id]
        credential = verified(path, server, anchors)
        assert {name: credential.claims[name] for name in dataset} == dataset


def test_a_person_who_refuses_gets_nothing(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(browser: Browser, url: str) -> str:
        return location(browser.click(browser.visit(url), "refuse"))

    said = opens_browser(monkeypatch, server, refuse)
    made = server.offer("identity_x5c", grant="authorization_code")
    assert main([made["offer_uri"], "--yes", "--open", "--ca", str(server.authority)]) == 1
    assert "did not give its consent" in said()
    assert "AuthorizationDenied: access_denied" in capsys.readouterr().err


def test_the_address_is_printed_for_a_browser_that_does_not_open_by_itself(server: RunningServer, anchors: Path) -> None:
    made = server.offer("membership_jwt_vc_issuer", grant="authorization_code")
    command = [sys.executable, "-m", "examples.wallet_cli", made["offer_uri"], "--yes", "--no-browser"]
    command += ["--ca", str(server.authority), "--client-id", "another-wallet"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.startswith(f"{server.issuer}/authorize?")).strip()
        assert "client_id=another-wallet" in url
        httpx.get(Browser(server.client()).approved(url), trust_env=False).raise_for_status()
        assert "Done: 5 credentials." in process.stdout.read()
        assert process.wait(30) == 0


def test_without_dpop_at_the_server_the_token_is_a_bearer_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_server(tmp_path, config={"dpop": "off"}) as server:
        said = opens_browser(monkeypatch, server, lambda browser, url: browser.approved(url))
        arguments = ["--issuer", server.issuer, "--configuration", "membership_jwt_vc_issuer"]
        assert main([*arguments, "--open", "--ca", str(server.authority)]) == 0
        assert "The wallet has its answer" in said()
    assert "The server gave an access token.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--configuration", "identity_x5c"],
        ["--issuer", "https://issuer.example"],
        ["openid-credential-offer://?credential_offer=%7B%7D", "--issuer", "https://issuer.example", "--configuration", "a"],
        ["openid-credential-offer://?credential_offer=%7B%7D", "--configuration", "a"],
        ["openid-credential-offer://?credential_offer=%7B%7D", "--open", "--no-browser"],
    ],
)
def test_what_does_not_go_together_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("issuer", ["http://issuer.example", "issuer.example", "https://issuer.example?a=b"])
def test_an_issuer_that_is_none_is_refused(issuer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--issuer", issuer, "--configuration", "a"]) == 1
    assert "credential_issuer" in capsys.readouterr().err
