"""`oid4vci lint`: files, standard input and URLs; exit codes, the JSON of reports, and what is fetched, no more."""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from oid4vci.cli import web
from oid4vci.offers import CredentialOffer
from tests.command_line import Run, run
from tests.linting import METADATA, OFFER, SERVER, put, requirement_ids, without
from tests.running_server import running_server
from tests.w3c_credentials import signed

__all__ = ("run",)

ISSUER = "https://issuer.example"
WELL_KNOWN = f"{ISSUER}/.well-known/openid-credential-issuer"
AUTHORIZATION_SERVER = f"{ISSUER}/.well-known/oauth-authorization-server"


LOCALE = put(METADATA, [{"locale": "DE"}], "display")


def test_exit_codes(run: Run) -> None:
    assert run("lint", run.file(METADATA)) == 0
    assert run.out.endswith("  0 errors, 0 warnings\n")
    assert run("lint", run.file(without(METADATA, "credential_endpoint"))) == 1
    assert "  error: credential_endpoint: is missing (OID4VCI 12.2.4, VCI-12.2.4-09)\n  1 error, 0 warnings\n" in run.out
    assert run("lint", run.file(LOCALE)) == 0
    assert run("lint", "--strict", run.file(LOCALE)) == 1
    assert run("lint", "--strict", run.file(METADATA)) == 0
    assert run("lint", "--profile", "haip", run.file(without(METADATA, "nonce_endpoint"))) == 1
    assert "HAIP-4.1-10" in run.out


@pytest.mark.parametrize(
    "source",
    [
        *("no-such-file", ".", "a\0b", "http://issuer.example", "https://", "https://a b.example"),
        *("https://[x", "https://[x?y", "https://a.example:70000?x", "https://a.example/\udcff?x"),
    ],
)
def test_what_cannot_be_read(run: Run, source: str) -> None:
    assert run("lint", source) == 2
    assert run.out == ""
    assert run.err.startswith("oid4vci: ")
    assert run.err.count("\n") == 1


def test_wrong_arguments(run: Run) -> None:
    assert run("lint", "--type", "pid", run.file(METADATA)) == 2
    assert "--type must be one of issuer-metadata" in run.err
    with pytest.raises(SystemExit) as exit_:
        run("lint", "--profile", "fapi")
    assert exit_.value.code == 2


def test_an_offer_that_is_not_utf_8(run: Run) -> None:
    assert run("lint", "openid-credential-offer://?credential_offer=\udcff") == 1
    assert "error: not UTF-8" in run.out


def test_standard_input_and_offers_as_arguments(run: Run) -> None:
    assert run("lint", stdin=json.dumps(METADATA).encode()) == 0
    assert run.out.startswith("standard input: issuer-metadata\n")
    assert run("lint", "-", stdin=b"x" * ((1 << 20) + 1)) == 2
    uri = CredentialOffer.from_json(OFFER).uri()
    assert run("lint", uri) == 0
    assert run("lint", "https://wallet.example/?credential_offer=%7B%7D") == 1
    assert "SECRET" not in run.out


def test_the_json_of_a_report(run: Run) -> None:
    document = run.json(run.file(put(LOCALE, "http://a.example", "credential_endpoint"), "a.json"))
    assert set(document) == {"documents", "errors", "warnings"}
    (report,) = document["documents"]
    assert set(report) == {"source", "kind", "findings", "notes"}
    assert (report["kind"], report["notes"], document["errors"], document["warnings"]) == ("issuer-metadata", [], 1, 1)
    assert report["source"].endswith("a.json")
    assert report["findings"][0] == {
        "severity": "error",
        "path": "credential_endpoint",
        "message": "must use the https scheme",
        "section": "OID4VCI 12.2.4",
        "requirement": "VCI-12.2.4-10",
    }
    assert report["findings"][1]["requirement"] is None
    assert report["findings"][1]["severity"] == "warning"


def test_names_of_files_cannot_move_the_cursor(run: Run) -> None:
    run(
        "lint",
        run.file(put(METADATA, {"format": 1}, "credential_configurations_supported", "a\x1b[2J\u202e"), "\x1b[2J\u202e.json"),
    )
    assert run.out.replace("\n", "").isprintable()
    assert "\\x1b[2J\\u202e.json: issuer-metadata" in run.out


def test_a_file_needs_no_http_client(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(METADATA))
    code = (
        "import sys; from oid4vci import cli; assert cli.main(['lint', sys.argv[1]]) == 0; "
        "assert cli.main(['offer', sys.argv[2]]) == 0; print('httpx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), CredentialOffer.from_json(OFFER).uri()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_a_url_needs_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert run("lint", ISSUER) == 2
    assert "pip install 'oid4vci[cli]'" in run.err


# --- URLs -------------------------------------------------------------------------------------------------------------------

Answers = Mapping[str, Any]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], list[str]]:
    """Sets what is at which URL; the URLs that were asked for, in order."""

    def serve(answers: Answers) -> list[str]:
        asked: list[str] = []

        def handle(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            answer = answers.get(str(request.url), httpx.Response(404))
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

        def client(**settings: Any) -> httpx.Client:
            return httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=False)

        monkeypatch.setattr(web, "new_client", client)
        return asked

    return serve


Serve = Callable[[Answers], list[str]]


def test_an_issuer_by_its_identifier(run: Run, served: Serve) -> None:
    asked = served({WELL_KNOWN: METADATA, AUTHORIZATION_SERVER: SERVER})
    document = run.json(ISSUER)
    assert asked == [WELL_KNOWN, AUTHORIZATION_SERVER]
    assert [report["kind"] for report in document["documents"]] == ["issuer-metadata", "server-metadata"]
    assert (document["errors"], document["warnings"]) == (0, 0)


def requirements(document: Any) -> list[str | None]:
    found = [each["requirement"] for report in document["documents"] for each in report["findings"]]
    assert {each for each in found if each} <= requirement_ids()
    return found


def test_an_issuer_with_a_path(run: Run, served: Serve) -> None:
    metadata = put(METADATA, f"{ISSUER}/tenant/", "credential_issuer") | {"authorization_servers": [ISSUER]}
    asked = served({f"{WELL_KNOWN}/tenant": metadata, AUTHORIZATION_SERVER: SERVER})
    assert requirements(run.json(f"{ISSUER}/tenant/")) == []
    assert asked == [f"{WELL_KNOWN}/tenant/", f"{WELL_KNOWN}/tenant", AUTHORIZATION_SERVER]


def test_what_is_wrong_with_the_answer(run: Run, served: Serve) -> None:
    html = httpx.Response(200, content=json.dumps(METADATA), headers={"content-type": "text/html"})
    served({WELL_KNOWN: html, AUTHORIZATION_SERVER: SERVER})
    assert requirements(run.json(ISSUER)) == ["VCI-12.2.2-06"]
    other = put(METADATA, "https://other.example", "credential_issuer") | {"authorization_servers": [ISSUER]}
    served({WELL_KNOWN: other, AUTHORIZATION_SERVER: SERVER})
    assert requirements(run.json(ISSUER)) == ["VCI-12.2.4-02"]
    served({WELL_KNOWN: METADATA, AUTHORIZATION_SERVER: {**SERVER, "issuer": "https://other.example"}})
    found = run.json(ISSUER)
    assert [each["path"] for report in found["documents"] for each in report["findings"]] == ["authorization_servers", "issuer"]
    served({WELL_KNOWN: METADATA})
    assert requirements(run.json(ISSUER)) == ["VCI-12.2.4-06"]
    scopeless = without(METADATA, "credential_configurations_supported", "pid", "scope")
    served({WELL_KNOWN: scopeless, AUTHORIZATION_SERVER: SERVER})
    assert requirements(run.json(ISSUER)) == ["VCI-12.2.4-52"]


def test_signed_metadata_at_the_identifier(run: Run, served: Serve) -> None:
    def answer(**members: Any) -> httpx.Response:
        jwt = signed({**METADATA, "sub": ISSUER, "iat": 1, **members}, typ="openidvci-issuer-metadata+jwt")
        return httpx.Response(200, content=jwt, headers={"content-type": "application/jwt"})

    asked = served({WELL_KNOWN: answer(), AUTHORIZATION_SERVER: SERVER})
    document = run.json(ISSUER)
    assert [report["kind"] for report in document["documents"]] == ["signed-issuer-metadata", "server-metadata"]
    assert (requirements(document), asked) == ([], [WELL_KNOWN, AUTHORIZATION_SERVER])
    other = {"credential_issuer": "https://other.example", "sub": "https://other.example", "authorization_servers": [ISSUER]}
    served({WELL_KNOWN: answer(**other), AUTHORIZATION_SERVER: SERVER})
    assert requirements(run.json(ISSUER)) == ["VCI-12.2.4-02"]


def test_a_server_and_a_document_by_their_urls(run: Run, served: Serve) -> None:
    asked = served({AUTHORIZATION_SERVER: SERVER})
    assert run("lint", ISSUER) == 0
    assert asked == [WELL_KNOWN, AUTHORIZATION_SERVER]
    asked = served({f"{ISSUER}/offers/1": OFFER})
    assert run("lint", f"{ISSUER}/offers/1") == 0
    assert f"{ISSUER}/offers/1: offer" in run.out
    assert asked[-1] == f"{ISSUER}/offers/1"
    asked = served({f"{ISSUER}/offers?id=1": OFFER})
    assert run("lint", f"{ISSUER}/offers?id=1") == 0
    assert asked == [f"{ISSUER}/offers?id=1"]
    asked = served({WELL_KNOWN: METADATA})
    assert run("lint", WELL_KNOWN) == 0
    assert asked == [WELL_KNOWN]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(500),
        httpx.Response(200, content=b"x" * ((1 << 20) + 1)),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        None,
    ],
)
def test_answers_that_are_of_no_use(run: Run, served: Serve, answer: Any) -> None:
    asked = served({} if answer is None else {WELL_KNOWN: answer})
    assert run("lint", ISSUER) == 2
    assert run.err.startswith("oid4vci: https://")
    assert not any("elsewhere" in url for url in asked)


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "identity, gzip"])
def test_a_compressed_answer_is_not_unpacked(run: Run, served: Serve, coding: str) -> None:
    """500 bytes that are gzip twice are 200 MiB: bounding what comes out of the decompression is too late."""
    packed = gzip.compress(gzip.compress(bytes(1 << 24)))
    answer = httpx.Response(200, content=iter([packed]), headers={"content-encoding": coding})
    served({WELL_KNOWN: answer})
    assert run("lint", ISSUER) == 2
    assert "is compressed" in run.err


def test_an_answer_byte_by_byte_takes_no_longer(run: Run, served: Serve) -> None:
    body = json.dumps(METADATA).encode() + b" " * 1_000_000
    served({WELL_KNOWN: httpx.Response(200, content=iter([b"%c" % each for each in body])), AUTHORIZATION_SERVER: SERVER})
    begun = time.process_time()
    run("lint", ISSUER)
    assert run.out.count(": issuer-metadata\n") == 1
    assert time.process_time() - begun < 8


def test_no_compression_is_asked_for_and_errors_may_come_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        accepted.append(request.headers["accept-encoding"])
        if str(request.url) == AUTHORIZATION_SERVER:
            return httpx.Response(200, json=SERVER, headers={"content-encoding": "Identity"})
        return httpx.Response(404, content=iter([b"not gzip"]), headers={"content-encoding": "gzip"})

    monkeypatch.setattr(web, "new_client", lambda: httpx.Client(transport=httpx.MockTransport(handle)))
    assert run("lint", ISSUER) == 0
    assert accepted == ["identity", "identity"]


def test_the_reference_server_over_tls(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
        code = run("lint", server.issuer)
        assert (code, run.err) == (0, ""), run.out
        assert run.out.count(": issuer-metadata\n") == run.out.count(": server-metadata\n") == 1
        monkeypatch.delenv("SSL_CERT_FILE")
        # Nobody vouches for its certificate.
        assert run("lint", server.issuer) == 2
