"""The command line: what the demonstration shows, that it is true, and how the command behaves among other commands."""

import io
import json
import subprocess
import sys
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier  # type: ignore[import-untyped]

from oid4vci import cli, demo
from oid4vci.errors import InvalidCredential

ROOT = Path(__file__).parents[1]
NAMES = [
    "Credential Offer",
    "Credential Issuer Metadata",
    "Authorization Server Metadata",
    "Token Request",
    "Nonce Request",
    "Credential Request",
]


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    run = [sys.executable, "-m", "oid4vci", *arguments]
    return subprocess.run(run, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)


@cache
def shown() -> Any:
    done = command("demo", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def verified(token: str, key: ECKey) -> dict[str, Any]:
    """The payload of a JWS, verified by another library."""
    payload: dict[str, Any] = json.loads(jws.deserialize_compact(token, key, algorithms=["ES256"]).payload)
    return payload


def test_the_json_document_has_its_members() -> None:
    document = shown()
    assert set(document) == {"offer_uri", "tx_code", "steps", "result"}
    assert [step["step"] for step in document["steps"]] == [1, 2, 3, 4, 5, 6]
    assert [step["name"] for step in document["steps"]] == NAMES
    for step in document["steps"]:
        assert set(step) == {"step", "name", "meaning", "section", "request", "response"}
        assert set(step["request"]) == {"method", "url", "headers", "body"}
        assert set(step["response"]) == {"status", "headers", "body"}
        assert step["response"]["status"] == 200
        assert step["section"].startswith("OID4VCI ")
        assert step["meaning"].endswith(".")
    assert set(document["result"]) == {"verified", "checks", "proofs", "credentials", "anchor"}
    for check in document["result"]["checks"]:
        assert set(check) == {"by", "what", "how"}
        assert check["by"] in ("issuer", "wallet")


def test_the_messages_belong_together() -> None:
    document = shown()
    offer, issuer, server, token, nonce, credential = document["steps"]
    assert offer["request"]["url"] in document["offer_uri"]
    metadata = issuer["response"]["body"]
    assert (
        metadata["credential_issuer"] == offer["response"]["body"]["credential_issuer"] == server["response"]["body"]["issuer"]
    )
    (grant,) = offer["response"]["body"]["grants"].values()
    assert token["request"]["url"] == server["response"]["body"]["token_endpoint"]
    assert token["request"]["body"]["pre-authorized_code"] == grant["pre-authorized_code"]
    assert token["request"]["body"]["tx_code"] == document["tx_code"]
    assert nonce["request"] | {"headers": {}} == {
        "method": "POST",
        "url": metadata["nonce_endpoint"],
        "headers": {},
        "body": None,
    }
    assert credential["request"]["url"] == metadata["credential_endpoint"]
    assert credential["request"]["headers"]["authorization"] == f"Bearer {token['response']['body']['access_token']}"


def test_the_proofs_are_what_they_are_said_to_be() -> None:
    document = shown()
    nonce, credential = document["steps"][4:]
    proofs = credential["request"]["body"]["proofs"]["jwt"]
    assert len(proofs) == len(document["result"]["proofs"]) == 2
    for proof, decoded in zip(proofs, document["result"]["proofs"], strict=True):
        assert verified(proof, ECKey.import_key(decoded["header"]["jwk"])) == decoded["payload"]
        assert decoded["payload"]["nonce"] == nonce["response"]["body"]["c_nonce"]
        assert decoded["payload"]["aud"] == "https://issuer.example"


def test_the_credentials_verify_with_other_software() -> None:
    result = shown()["result"]
    anchor = x509.load_pem_x509_certificate(result["anchor"].encode())
    received = shown()["steps"][5]["response"]["body"]["credentials"]
    assert [each["credential"] for each in result["credentials"]] == [each["credential"] for each in received]
    for proof, credential in zip(result["proofs"], result["credentials"], strict=True):
        (der,) = credential["header"]["x5c"]
        leaf = x509.load_der_x509_certificate(b64decode(der))
        leaf.verify_directly_issued_by(anchor)
        key = JWK.from_pem(leaf.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        verifier = SDJWTVerifier(credential["credential"], lambda *_, key=key: key)
        assert verifier.get_verified_payload() == credential["claims"]
        assert credential["payload"]["cnf"]["jwk"] == proof["header"]["jwk"]
        assert credential["claims"]["given_name"] == "Erika"
        assert credential["claims"]["address"]["street_address"] == "Heidestraße 17"


def test_each_credential_has_salts_and_a_key_of_its_own() -> None:
    first, second = shown()["result"]["credentials"]
    salts = [{disclosure[0] for disclosure in each["disclosures"]} for each in (first, second)]
    assert salts[0].isdisjoint(salts[1])
    assert first["payload"]["cnf"] != second["payload"]["cnf"]


def test_a_wallet_that_trusts_another_anchor_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    other = demo._issuer_key(1_800_000_000)[2]
    key, leaf, _ = demo._issuer_key(1_800_000_000)
    monkeypatch.setattr(demo, "_issuer_key", lambda now: (key, leaf, other))
    with pytest.raises(InvalidCredential, match="trust anchor"):
        demo.demonstrate(now=1_800_000_000)


def test_the_size_of_the_batch_can_be_chosen() -> None:
    document = demo.demonstrate(now=1_800_000_000, keys=3).to_json()
    assert len(document["result"]["credentials"]) == 3


def test_the_text_tells_the_steps_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f"{i}. {name} (OID4VCI ") for i, name in enumerate(NAMES, 1)]
    assert places == sorted(places)
    for part in (
        "openid-credential-offer://?credential_offer_uri=",
        "> POST https://issuer.example/token",
        '"given_name", "Erika"',
    ):
        assert part in text
    assert text.endswith("2 credentials issued and verified.\n")
    assert "\x1b" not in text


def test_long_tokens_are_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["demo"])
    text = capsys.readouterr().out
    assert "…" in text
    assert max(len(word) for word in text.split() if "credential-offer" not in word) < 100


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    cli.main(["demo"])
    assert "\x1b[1m" in terminal.getvalue()


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    cli.main(["demo"])
    assert "\x1b" not in terminal.getvalue()


def test_a_failure_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*, now: int) -> None:
        raise InvalidCredential("the signature does not verify")

    monkeypatch.setattr(demo, "demonstrate", fail)
    assert cli.main(["demo"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "oid4vci: the signature does not verify\n")


@pytest.mark.parametrize("arguments", [(), ("unknown",), ("demo", "--unknown")])
def test_wrong_arguments(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("usage: oid4vci")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("oid4vci ")


def test_a_reader_that_stops_early_is_no_error() -> None:
    run = [sys.executable, "-m", "oid4vci", "demo"]
    with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
