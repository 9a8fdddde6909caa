"""The wallet of the examples at the reference server, over TLS: it waits, comes back, tells the issuer, and encrypts."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.reference_server import demo
from examples.wallet.folder import Folder
from examples.wallet_cli.__main__ import main
from tests.browser import Browser
from tests.running_program import ROOT
from tests.running_server import RunningServer, running_server
from tests.test_wallet_cli import verified

NOW, SOON, LATER = "identity_x5c", "membership_jwt_vc_issuer", "degree_jwt"
DELAYS = {SOON: 3, LATER: 3600}


def config(**members: Any) -> dict[str, Any]:
    """One configuration that is issued at once, one that is soon, and one that is not."""
    delays = {name: {"deferred": after} for name, after in DELAYS.items()}
    configurations = {name: {**each, **delays.get(name, {})} for name, each in demo.CONFIGURATIONS.items()}
    return {
        "configurations": configurations,
        "subjects": demo.SUBJECTS,
        "users": demo.USERS,
        "deferral": {"interval": 4},
        **members,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that wants all messages encrypted."""
    encryption = {"requests_required": True, "responses_required": True}
    with running_server(tmp_path_factory.mktemp("server"), config=config(encryption=encryption)) as server:
        yield server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One that takes no encrypted messages."""
    with running_server(tmp_path_factory.mktemp("plain"), config=config(encryption=False)) as server:
        yield server


@pytest.fixture
def anchors(server: RunningServer, tmp_path: Path) -> Path:
    path = tmp_path / "anchors.pem"
    path.write_bytes(server.demo_authority())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "wallet"


def take(server: RunningServer, anchors: Path, *names: str, **options: Any) -> int:
    """An offer of the administrator, with two copies of each."""
    return again(server, anchors, server.offer(*names)["offer_uri"], "--yes", "--copies", "2", **options)


def again(server: RunningServer, anchors: Path, *arguments: str, **options: Any) -> int:
    given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    return main([*arguments, "--trust", str(anchors), "--ca", str(server.authority), *given])


def transactions(server: RunningServer) -> list[dict[str, Any]]:
    with server.client() as client:
        found: list[dict[str, Any]] = client.get("/admin/deferred").json()["transactions"]
        return found


def decide(server: RunningServer, **members: Any) -> None:
    """The latest promise."""
    with server.client() as client:
        answer = client.post("/admin/deferred", json={"handle": transactions(server)[-1]["handle"], **members})
        assert answer.status_code == 204, answer.text


def events(server: RunningServer, begun: int = 0) -> list[tuple[str, str]]:
    with server.client() as client:
        shown = client.get("/admin/notifications").json()["notifications"]
    return [(each["configuration_id"], each["event"]) for each in shown if each["subject"] == "ada"][begun:]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.spec("VCI-11.1-06")
def test_who_waits_has_all_and_the_issuer_hears_of_it(
    server: RunningServer, anchors: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = len(events(server))
    assert take(server, anchors, NOW, SOON, save=folder, wait=30) == 0
    output = capsys.readouterr().out
    assert f"Promised: {SOON}, the issuer needs 3 seconds or more, kept as {folder / 'promised-1.json'}" in output
    assert "Done: 4 credentials." in output
    assert "Its metadata are" not in output
    kept = [f"{name}-{i}{suffix}" for name in (NOW, SOON) for i in (1, 2) for suffix in (".key.pem", ".sd-jwt")]
    assert names_in(folder) == sorted(kept)
    for name in (NOW, SOON):
        for i in (1, 2):
            credential = verified(folder / f"{name}-{i}.sd-jwt", server, anchors)
            assert demo.SUBJECTS["ada"][name].items() <= credential.claims.items()
    assert events(server, begun) == [(NOW, "credential_accepted"), (SOON, "credential_accepted")]


def test_who_does_not_wait_goes_on_later(
    server: RunningServer, anchors: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = len(events(server))
    assert take(server, anchors, NOW, LATER, save=folder) == 3
    file = folder / "promised-1.json"
    assert f"2 came. What is still to come: --resume {file}" in capsys.readouterr().out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    stored = json.loads(file.read_text())
    assert stored["credential_issuer"] == server.issuer

    # The issuer is not asked before its time.
    before = server.log.read_text().count("/deferred_credential")
    assert again(server, anchors, resume=file) == 3
    assert "The issuer is to be asked again in " in capsys.readouterr().out
    assert server.log.read_text().count("/deferred_credential") == before
    assert json.loads(file.read_text()) == stored

    # In time it still says: later.
    assert again(server, anchors, resume=file, wait=6) == 3
    assert server.log.read_text().count("/deferred_credential") == before + 1
    decide(server, state="completed")
    command = [sys.executable, "-m", "examples.wallet_cli", "--resume", str(file), "--wait", "10"]
    command += ["--trust", str(anchors), "--ca", str(server.authority)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Done: 2 credentials." in done.stdout
    assert [name for name in names_in(folder) if not name.startswith(NOW)] == [
        f"{LATER}-{i}{suffix}" for i in (1, 2) for suffix in (".jwt", ".key.pem")
    ]
    assert events(server, begun) == [(NOW, "credential_accepted"), (LATER, "credential_accepted")]


def test_an_access_token_that_is_over_is_refreshed(
    server: RunningServer, anchors: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--issuer", server.issuer, "--configuration", SOON, "--configuration", LATER, "--copies", "1", "--no-browser"]
    command = [sys.executable, "-m", "examples.wallet_cli", *arguments, "--save", str(folder)]
    command += ["--trust", str(anchors), "--ca", str(server.authority)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.startswith(f"{server.issuer}/authorize?")).strip()
        httpx.get(Browser(server.client()).approved(url, "max"), trust_env=False).raise_for_status()
        process.stdout.read()
        assert process.wait(30) == 3
    file = folder / "promised-1.json"
    stored = json.loads(file.read_text())
    assert len(stored["promises"]) == 2
    for each in stored["promises"]:
        each["deferred"]["state"]["session"]["access_token"] = "over"
    file.write_text(json.dumps(stored))
    assert again(server, anchors, resume=file, wait=10) == 3
    output = capsys.readouterr().out
    assert output.count("The access token is over: it is refreshed.") == 1
    assert "1 came. What is still to come" in output
    (left,) = json.loads(file.read_text())["promises"]
    session = left["deferred"]["state"]["session"]
    old = stored["promises"][0]["deferred"]["state"]["session"]
    assert session["access_token"] != "over"
    assert session["refresh_token"] not in (None, old["refresh_token"])
    # What is left goes on with that.
    decide(server, state="completed")
    assert again(server, anchors, resume=file, wait=10) == 0
    assert [path for path in names_in(folder) if path.startswith("promised")] == []


def test_what_is_refused_for_good_is_forgotten(
    server: RunningServer, anchors: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(server, anchors, LATER, save=folder) == 3
    decide(server, state="refused", description="no longer enrolled")
    assert again(server, anchors, resume=folder / "promised-1.json", wait=10) == 1
    assert "credential_request_denied: no longer enrolled" in capsys.readouterr().err
    assert names_in(folder) == []


def test_without_a_folder_and_patience_nothing_is_kept(
    server: RunningServer, anchors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(server, anchors, LATER) == 1
    assert "the issuer needs more time, and nobody waits: see --wait and --save" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"credential_issuer": 1, "dpop": {}, "promises": []}'])
def test_a_file_that_is_none_of_ours_is_said(
    server: RunningServer, anchors: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "promised-1.json").write_text(content)
    assert again(server, anchors, resume=tmp_path / "promised-1.json") == 1
    assert "is not a file of this wallet's promises" in capsys.readouterr().err
    assert again(server, anchors, resume=tmp_path / "missing.json") == 1


# --- what the issuer is told --------------------------------------------------------------------------------------------------


def test_the_issuer_hears_that_credentials_were_only_shown(server: RunningServer, anchors: Path) -> None:
    begun = len(events(server))
    assert take(server, anchors, NOW) == 0
    assert events(server, begun) == [(NOW, "credential_deleted")]


@pytest.mark.spec("VCI-11.1-08")
def test_the_issuer_hears_of_credentials_that_do_not_verify(
    server: RunningServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = len(events(server))
    assert take(server, server.authority, NOW, SOON, save=folder, wait=30) == 1
    assert "InvalidCredential" in capsys.readouterr().err
    # The other one is believed by the keys that the issuer publishes.
    assert events(server, begun) == [(NOW, "credential_failure"), (SOON, "credential_accepted")]


@pytest.mark.spec("VCI-11.1-09")
def test_of_a_batch_that_cannot_be_saved_nothing_is_kept(
    server: RunningServer,
    anchors: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write, written = Folder.write, list[Path]()

    def full(path: Path, data: bytes) -> None:
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(path, data)

    monkeypatch.setattr(Folder, "write", staticmethod(full))
    begun = len(events(server))
    assert take(server, anchors, NOW, save=folder) == 1
    captured = capsys.readouterr()
    assert "No space left on device" in captured.err
    assert "The issuer was told credential_failure." in captured.out
    assert events(server, begun) == [(NOW, "credential_failure")]
    assert names_in(folder) == []


def test_an_issuer_that_cannot_be_told_changes_nothing(
    server: RunningServer,
    anchors: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    send = httpx.Client.send

    def unreachable(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        if request.url.path == "/notification":
            raise httpx.ConnectError("gone")
        return send(client, request, **options)

    monkeypatch.setattr(httpx.Client, "send", unreachable)
    assert take(server, anchors, NOW, save=folder) == 0
    assert "The issuer could not be told credential_accepted: ConnectError: gone" in capsys.readouterr().out


# --- encryption and signed metadata -------------------------------------------------------------------------------------------


def content_types(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None, str | None]]:
    """What is sent to the Credential Endpoint, and for metadata is asked for, from now on."""
    send, sent = httpx.Client.send, list[tuple[str, str | None, str | None]]()

    def noting(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        answer = send(client, request, **options)
        if request.url.path in ("/credential", "/deferred_credential"):
            sent.append((request.url.path, request.headers.get("content-type"), answer.headers.get("content-type")))
        return answer

    monkeypatch.setattr(httpx.Client, "send", noting)
    return sent


JWT, JSON = "application/jwt", "application/json"


def test_messages_are_encrypted_where_the_issuer_wants_it(
    server: RunningServer, anchors: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = content_types(monkeypatch)
    assert take(server, anchors, SOON, save=folder, wait=30) == 0
    # One is answered with a nonce for DPoP, as plainly as all errors.
    assert {each for each in sent if each[2] == JWT} == {("/credential", JWT, JWT), ("/deferred_credential", JWT, JWT)}
    assert {each[1] for each in sent} == {JWT}


def test_messages_are_encrypted_where_the_person_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_server(tmp_path) as server:
        (tmp_path / "anchors.pem").write_bytes(server.demo_authority())
        for wanted, media_type in (([], JSON), (["--encrypt"], JWT)):
            sent = content_types(monkeypatch)
            offer = server.offer(NOW)["offer_uri"]
            assert again(server, tmp_path / "anchors.pem", offer, "--yes", *wanted) == 0
            assert {each[1] for each in sent} == {media_type}
            assert sent[-1][2] == media_type
    assert "takes no encrypted requests" not in capsys.readouterr().out


def test_an_issuer_that_takes_nothing_encrypted_is_named(
    plain: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain.pem").write_bytes(plain.demo_authority())
    assert again(plain, tmp_path / "plain.pem", plain.offer(NOW)["offer_uri"], "--yes", "--encrypt") == 0
    assert "This issuer takes no encrypted requests." in capsys.readouterr().out


def test_signed_metadata_are_asked_for_and_believed_under_the_anchors_given(
    server: RunningServer, anchors: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(server, anchors, LATER, save=folder, metadata_trust=anchors) == 3
    assert "Its metadata are signed by a certificate that is trusted." in capsys.readouterr().out
    file = folder / "promised-1.json"
    decide(server, state="completed")
    # They are verified again, so whom to believe has to be said again.
    assert again(server, anchors, resume=file, wait=10) == 1
    assert "nobody is trusted to sign the metadata of this issuer" in capsys.readouterr().err
    assert again(server, anchors, resume=file, wait=10, metadata_trust=anchors) == 0
    assert take(server, anchors, NOW, metadata_trust=server.authority) == 1
    assert "InvalidMetadata: x5c: the chain does not lead to a trust anchor" in capsys.readouterr().err


def test_metadata_that_are_not_signed_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(tmp_path, config={"signed_metadata": False}) as server:
        anchors = tmp_path / "anchors.pem"
        anchors.write_bytes(server.demo_authority())
        assert take(server, anchors, NOW, metadata_trust=anchors) == 0
    assert "Its metadata are not signed." in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--resume", "file", "--issuer", "https://issuer.example", "--configuration", "a"],
        ["openid-credential-offer://?credential_offer=%7B%7D", "--resume", "file"],
        ["--resume", "file", "--wait", "-1"],
        ["--resume", "file", "--wait", "long"],
    ],
)
def test_what_does_not_go_together_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "error: " in capsys.readouterr().err
