"""The documentation: the code in it runs, what it says of numbers is true, the table of requirements is whole."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import fields_dict

from oid4vci import _cbor, _json, http, nonces, offers, published_document
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.cli import main
from oid4vci.data_integrity import json_ld, proof
from oid4vci.errors import InvalidGrant
from oid4vci.formats import sd_jwt, type_metadata
from oid4vci.http import Form
from oid4vci.issuer import credential_request, request_body
from oid4vci.memory import MemoryStore
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import MAX_BEARER_LIFETIME
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.proofs import jwt, proof_type
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.status_list import StatusListSigner, compression
from oid4vci.wallet import needed_documents
from oid4vci.x509 import certificate
from tests.documents import ROOT, blocks, pages, run
from tests.spec_coverage.coverage import CLAIMED, requirements
from tests.spec_coverage.table import table

DOCS = ROOT / "docs"
# Pages with code. The tutorials have tests of their own.
PAGES = [path for path in pages() if DOCS in path.parents and path.parent.name != "tutorial" and any(blocks(path, "python"))]
SECURITY = (DOCS / "explanation" / "security.md").read_text(encoding="utf-8")


# What a page takes from the environment: where a server is, and the fixture that starts one.
SERVERS = {"POSTGRESQL_URL": "postgresql_server", "REDIS_URL": "redis_server"}


def _servers(path: Path) -> list[str]:
    text = "".join(block.text for block in blocks(path, "python"))
    return [name for name in SERVERS if f'os.environ["{name}"]' in text]


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.servers] if _servers(path) else [], id=path.stem) for path in PAGES],
)
def test_the_code_of_a_page_runs(path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How-to pages go on from the README's issuer."""
    for name in _servers(path):
        monkeypatch.setenv(name, request.getfixturevalue(SERVERS[name]).fresh_url())
    namespace: dict[str, Any] = {}
    exec(next(blocks(ROOT / "README.md", "python")).compiled(), namespace)  # noqa: S102
    run(path, namespace)
    # pytest would collect the classes that show how to check something.
    for name in [name for name in namespace if name.startswith("Test")]:
        contract = namespace[name]()
        for check in [check for check in dir(contract) if check.startswith("test_")]:
            getattr(contract, check)()
        contract.runner.close()


def test_the_page_of_stores_runs_with_servers() -> None:
    assert _servers(DOCS / "how-to" / "stores.md") == list(SERVERS)


def test_the_linter_prints_what_its_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks(DOCS / "how-to" / "lint.md", "console")
    command, shown = re.findall(r"^\$ python -m oid4vci (.+)\n((?:[^$].*\n)+)", block.text, re.MULTILINE)[0]
    namespace: dict[str, Any] = {}
    exec(next(blocks(ROOT / "README.md", "python")).compiled(), namespace)  # noqa: S102
    members = namespace["issuer"].metadata.to_json()
    del members["nonce_endpoint"]
    (tmp_path / "metadata.json").write_text(json.dumps(members), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 1
    assert capsys.readouterr().out == shown


def test_there_is_code_to_run() -> None:
    assert {path.stem for path in PAGES} >= {
        "authorization-code",
        "stores",
        "kms",
        "frameworks",
        "key-rotation",
        "formats",
        "claims",
        "status",
    }


@pytest.mark.parametrize(
    ("row", "value"),
    [
        (r"form or answer \| (\d+) MiB", http.MAX_BODY >> 20),
        (r"Credential Request (\d+) MiB", request_body.MAX_REQUEST >> 20),
        (r"answer with Credentials (\d+) MiB", http.MAX_CREDENTIALS >> 20),
        (r"JSON depth \| (\d+)", _json.MAX_DEPTH),
        (r"form parameters \| (\d+)", http.MAX_FORM_FIELDS),
        (r"URI that carries it \| (\d+) KiB", offers.MAX_URI >> 10),
        (r"JWT proof, with the key attestation in it \| (\d+) KiB", jwt.MAX_PROOF >> 10),
        (r"never more than (\d+)", credential_request.MAX_PROOFS),
        (r"in the proofs of a request \| (\d+)", proof_type.MAX_DOCUMENTS),
        (r"`x5c` \| (\d+) certificates", certificate.MAX_CHAIN),
        (r"certificates of (\d+) KiB", certificate.MAX_CERTIFICATE >> 10),
        (r"disclosures of an SD-JWT \| (\d+),", sd_jwt.MAX_DISCLOSURES),
        (r"fetched to verify credentials \| (\d+)", needed_documents.MAX_DOCUMENTS),
        (r"CBOR \| (\d+) items", _cbor.MAX_ITEMS),
        (r"items, (\d+) in a map", _cbor.MAX_MEMBERS),
        (r"in a map, (\d+) deep", _cbor.MAX_DEPTH),
        (r"JSON-LD \| (\d+) values", json_ld.MAX_VALUES),
        (r"Data Integrity document \| (\d+)", proof.MAX_PROOFS),
        (r"type extends \| (\d+)", type_metadata.MAX_EXTENDED),
        (r"inflated \| (\d+) MiB", compression.MAX_SIZE >> 20),
        (r"Status List Token \| (\d+) day", int(fields_dict(StatusListSigner)["lifetime"].default or 0) // 86_400),
        (r"kept for (\d+) hours", int(fields_dict(StatusListSigner)["ttl"].default or 0) // 3_600),
        (r"pre-authorized code \| (\d+) s", PreAuthorizedCodes(SealingKeys([bytes(32)])).lifetime),
        (r"wrong transaction codes \| (\d+)", PreAuthorizedCodes(SealingKeys([bytes(32)])).max_tx_code_attempts),
        (r"access token \(Bearer\) \| (\d+) s", MAX_BEARER_LIFETIME),
        (r"bound to a DPoP key \| (\d+) s", fields_dict(AuthorizationServer)["bound_access_token_lifetime"].default),
        (r"authorization code \| (\d+) s", AuthorizationCodes().lifetime),
        (r"pushed request \| (\d+) s", fields_dict(AuthorizationServer)["request_uri_lifetime"].default),
        (r"then (\d+) s to decide", fields_dict(AuthorizationServer)["login_lifetime"].default),
        (r"refresh token \| (\d+) days", RefreshTokens(SealingKeys([bytes(32)])).lifetime // 86_400),
        (r"before serves (\d+) s more", RefreshTokens(SealingKeys([bytes(32)])).grace),
        (r"DPoP proof \| (\d+) s", Dpop().max_age),
        (r"DPoP proof \| 300 s, and (\d+) s", Dpop().max_skew),
        (r"nonce for DPoP proofs \| (\d+) s", DpopNonces(SealingKeys([bytes(32)])).lifetime),
        (r"possession of an attestation \| (\d+) s", fields_dict(ClientAttestation)["max_age"].default),
        (r"challenge for attestations \| (\d+) s", Challenges(SealingKeys([bytes(32)])).lifetime),
        (r"`c_nonce` \| (\d+) s", nonces.Nonces(SealingKeys([bytes(32)])).lifetime),
        (r"notification id \| (\d+) days", Notifications(SealingKeys([bytes(32)])).lifetime // 86_400),
        (r"metadata, in caches \| (\d+) s", published_document.MAX_AGE),
        (r"age of a key proof \| (\d+) s", jwt.JwtProofType().max_age),
        (r"and (\d+) s into the future", jwt.JwtProofType().max_skew),
    ],
)
def test_the_numbers_of_the_security_page_are_those_of_the_code(row: str, value: int) -> None:
    found = re.search(row, SECURITY)
    assert found is not None
    assert int(found.group(1)) == value


@pytest.mark.spec("VCI-4.1.1-19")
def test_a_code_ends_after_the_lifetime_of_the_page() -> None:
    found = re.search(r"pre-authorized code \| (\d+) s", SECURITY)
    assert found is not None
    codes, now, end = PreAuthorizedCodes(SealingKeys([bytes(32)])), 1_800_000_000, 1_800_000_000 + int(found.group(1))
    made = codes.new("alice", ["member"], now=now, new_secret=new_secret)
    store = MemoryStore()
    store.commit(made.changes)
    form = Form((("pre-authorized_code", made.grant.pre_authorized_code),))
    call = codes.read(form, credential_issuers=["https://issuer.example"], client_id=None)
    assert call.verify(store.load(call.lookups), now=end - 1).subject == "alice"
    with pytest.raises(InvalidGrant):
        call.verify(store.load(call.lookups), now=end)


def test_the_table_has_every_requirement() -> None:
    text = table()
    assert all(f'id="{each.id}">{each.id}</span> | {each.level} |' in text for each in requirements())


def test_every_role_has_its_musts_shown_or_a_reason() -> None:
    rows = re.findall(r"^\| [\w ]+ \| (?:I|W|AS|D) \| .+ \| (\d+) \| (\d+) \| (\d+) \|$", table(), re.MULTILINE)
    assert len(rows) == 8
    for musts, shown, reasons in rows:
        assert int(musts) == int(shown) + int(reasons) > 0


def test_the_page_names_the_claimed_documents() -> None:
    page = " ".join((DOCS / "requirements.md").read_text(encoding="utf-8").split())
    assert CLAIMED == ("VCI", "HAIP")
    assert "every MUST and MUST NOT of OpenID4VCI 1.0 and of HAIP 1.0 is shown" in page


TROUBLES = (DOCS / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r'"([a-z][^"]*)"', TROUBLES)


@pytest.mark.parametrize("text", QUOTED)
def test_what_is_quoted_is_what_the_library_says(text: str) -> None:
    """Where it is put together of a place and a reason, the reason is looked for."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "oid4vci").rglob("*.py"))
    place, _, reason = text.rpartition(": ")
    assert f'"{text}' in sources or (place in ("aud", "iat", "iss", "htu", "header", "pop") and f'{reason}"' in sources)


def test_codes_of_errors_are_those_of_the_library() -> None:
    from oid4vci import errors

    codes = {str(getattr(errors, name).error) for name in errors.__all__ if hasattr(getattr(errors, name), "error")}
    named = set(re.findall(r"^\| `(\w+)`", TROUBLES, re.MULTILINE))
    assert len(QUOTED) > 30
    assert {name for name in named if "_" in name} - {"to_sign"} <= codes
