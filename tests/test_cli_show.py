"""`oid4vci offer` and `oid4vci inspect`: what a person is shown, what is hidden, and what is not said to be verified."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest

from oid4vci.cli.terminal import instant, plain
from oid4vci.offers import CredentialOffer, reference_uri
from tests import demo_credential, mdocs
from tests.command_line import Run, run
from tests.linting import OFFER, put
from tests.w3c_credentials import V2, signed

__all__ = ("run",)

CODE = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
URI = CredentialOffer.from_json(OFFER).uri()


def test_an_offer_in_words(run: Run) -> None:
    for source in (URI, json.dumps(OFFER), run.file(OFFER), run.file(URI.encode())):
        assert run("offer", source) == 0
        for line in (
            "  issuer: https://issuer.example",
            "  credential: pid",
            f"  grant: {CODE}",
            "  grant: authorization_code",
            "    transaction code: needed, 4 digits",
            "    which the issuer describes so: by letter",
            "  Nothing in an offer can be trusted (OID4VCI 13.5).",
        ):
            assert line in run.out.splitlines()
        assert "SECRET" not in run.out


def test_codes_are_shown_when_they_are_asked_for(run: Run) -> None:
    assert run("offer", "--show-codes", URI) == 0
    assert "    pre-authorized code: SECRET-CODE\n" in run.out
    assert "    issuer state: SECRET-STATE\n" in run.out


def test_an_offer_by_reference(run: Run) -> None:
    uri = reference_uri("https://issuer.example/offer/SECRET")
    assert run("offer", uri) == 0
    assert "by reference" in run.out
    assert "https://issuer.example/" in run.out
    assert "SECRET" not in run.out
    assert run("offer", "--show-codes", uri) == 0
    assert "https://issuer.example/offer/SECRET" in run.out


@pytest.mark.parametrize(
    "url", ["https://issuer.example?id=SECRET", "https://issuer.example/?id=SECRET", "HTTPS://issuer.example/SECRET"]
)
def test_wherever_in_its_url_the_secret_of_a_reference_is(run: Run, url: str) -> None:
    assert run("offer", "openid-credential-offer://?" + urlencode({"credential_offer_uri": url})) == 0
    assert "  it is at: https://issuer.example/… (hidden" in run.out
    assert "SECRET" not in run.out


def test_a_reference_without_any_secret(run: Run) -> None:
    assert run("offer", reference_uri("https://issuer.example")) == 0
    assert "  it is at: https://issuer.example/\n" in run.out


@pytest.mark.parametrize("command", ["offer", "demo", "demo --json"])
def test_an_output_that_is_ascii_only(command: str) -> None:
    source = (reference_uri("https://issuer.example/offer/1"),) if command == "offer" else ()
    done = subprocess.run(
        [sys.executable, "-m", "oid4vci", *command.split(), *source],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stderr == b""
    if command == "demo --json":
        json.loads(done.stdout)
    else:
        assert b"\\u2026" in done.stdout


def test_an_offer_without_grants(run: Run) -> None:
    assert run("offer", json.dumps({"credential_issuer": "https://a.example", "credential_configuration_ids": ["a"]})) == 0
    assert "grants: none named" in run.out
    without = put(OFFER, {"pre-authorized_code": "SECRET"}, "grants", CODE)
    assert run("offer", json.dumps({**without, "grants": {**without["grants"], "urn:other": {}}})) == 0
    assert "transaction code: not needed" in run.out
    assert "grant: urn:other" in run.out


def test_the_authorization_server_of_an_offer(run: Run) -> None:
    assert run("offer", json.dumps(put(OFFER, "https://as.example", "grants", CODE, "authorization_server"))) == 0
    assert "    authorization server: https://as.example\n" in run.out


def test_an_offer_cannot_imitate_the_terminal(run: Run) -> None:
    description = "\x1b[2J\u202eevil\r\n  issuer: https://bank.example"
    assert run("offer", json.dumps(put(OFFER, description, "grants", CODE, "tx_code", "description"))) == 0
    assert run.out.replace("\n", "").isprintable()
    assert "\n  issuer: https://bank.example" not in run.out


@pytest.mark.parametrize("text", ["{}", "openid-credential-offer://?credential_offer=%7B%7D"])
def test_what_is_no_offer(run: Run, text: str) -> None:
    assert run("offer", text) == 1
    assert run.err.startswith("oid4vci: ")


def test_offers_that_cannot_be_read(run: Run) -> None:
    assert run("offer", "no-such-file") == 2
    assert run("offer", run.file(b"\xff")) == 2


# --- inspect ----------------------------------------------------------------------------------------------------------------


def test_a_credential_in_words(run: Run) -> None:
    credential, _ = demo_credential.made()
    assert run("inspect", run.file(credential.encode())) == 0
    for part in (
        "Credential of the format dc+sd-jwt",
        "  signed with: ES256",
        " UTC",
        "a key of P-256",
        '"given_name": "Erika"',
    ):
        assert part in run.out
    assert "Nothing was verified." in run.out
    assert run("inspect", stdin=credential.encode()) == 0


def test_a_credential_that_verifies(run: Run, tmp_path: Path) -> None:
    credential, anchor = demo_credential.made()
    pem = tmp_path / "anchors.pem"
    pem.write_text(anchor)
    file = run.file(credential.encode())
    assert run("inspect", "--trust", str(pem), file) == 0
    assert run.out.splitlines()[-1].startswith("Verified: ")
    jwt, _, rest = credential.partition("~")
    head, payload, signature = jwt.split(".")
    broken = f"{head}.{payload}.{'A' * len(signature)}~{rest}"
    assert run("inspect", "--trust", str(pem), run.file(broken.encode())) == 1
    assert run.out.splitlines()[-1].startswith("NOT verified: ")
    other = tmp_path / "other.pem"
    other.write_text(demo_credential.made()[1])
    assert run("inspect", "--trust", str(other), file) == 1
    assert "NOT verified" in run.out


def test_a_credential_whose_keys_are_elsewhere(run: Run, tmp_path: Path) -> None:
    pem = tmp_path / "anchors.pem"
    pem.write_text(demo_credential.made()[1])
    text = signed({"iss": "https://issuer.example", "vct": "urn:pid"}, "", typ="dc+sd-jwt")
    assert run("inspect", "--trust", str(pem), run.file(text.encode())) == 1
    assert "NOT verified" in run.out
    assert "status: none is published" in run.out
    report = run("lint", run.file(text.encode()))
    assert report == 0
    assert "  note: the signature was not verified\n" in run.out


def test_other_formats_in_words(run: Run) -> None:
    assert run("inspect", run.file(mdocs.issue().encode())) == 0
    assert "  type: org.iso.18013.5.1.mDL" in run.out
    assert '"birth_date": "1990-02-28"' in run.out
    vc = {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": "https://a.example",
        "credentialSubject": {"a": "\x1b\u202e"},
    }
    assert run("inspect", run.file(signed(vc, typ="vc+jwt").encode())) == 0
    assert run.out.replace("\n", "").isprintable()
    assert "  bound to: no key" in run.out


def test_what_is_no_credential(run: Run, tmp_path: Path) -> None:
    assert run("inspect", run.file(b"nonsense")) == 1
    assert run("inspect", run.file(b"\xff")) == 2
    assert run("inspect", "--type", "pid", run.file(b"a")) == 2
    assert run("inspect", "--trust", "no-such-file", run.file(b"a")) == 2
    assert run("inspect", "--trust", run.file(b"no certificates", "a.pem"), run.file(b"a", "b")) == 2


# --- the terminal -----------------------------------------------------------------------------------------------------------


def test_plain_text() -> None:
    assert plain("Köln 東京") == "Köln 東京"
    assert plain("\x1b[31m\x9b\u202e\u2028\u200b\n") == "\\x1b[31m\\x9b\\u202e\\u2028\\u200b\\n"
    assert len(plain("x" * 1_000)) == 300
    assert plain("\ud800") == "\\ud800"


def test_instants() -> None:
    assert instant(0) == "1970-01-01 00:00:00 UTC"
    assert instant(None) == "(not said)"
    assert instant(10**14) == "100000000000000 seconds since 1970"
