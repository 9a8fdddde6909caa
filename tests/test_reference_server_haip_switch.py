"""`haip` in server.json: what it sets and refuses; the README's server over TLS, with the linter and a wallet under HAIP."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from oid4vci import cli
from oid4vci.drive import run
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.revocation import StatusReference
from oid4vci.trust import Trust
from oid4vci.wallet import Wallet
from oid4vci.x509 import Anchors
from tests.proving_configurations import PROVIDER, attested
from tests.publisher import Publisher
from tests.reference_server import ISSUER
from tests.running_server import RunningServer
from tests.test_reference_server import README, written
from tests.test_reference_server_flows import attested as attested_wallet
from tests.test_reference_server_flows import authorized
from tests.test_reference_server_haip import AS_WANTED, KEYS, published, sent, server

__all__ = ("published", "server")


def of_the_readme(folder: Path, **members: Any) -> Path:
    (text,) = re.findall("```json\n(.*?)```", README.read_text(), re.DOTALL)
    (folder / "wallet-providers.pem").write_bytes(demo_keys(ISSUER).demo_authority or b"")
    given = {**json.loads(text), **members}
    return written(folder, {name: value for name, value in given.items() if value is not None})


def test_the_switch_sets_what_the_profile_wants(tmp_path: Path) -> None:
    settings = read_settings(of_the_readme(tmp_path))
    assert (settings.dpop, settings.scope_required, settings.require_pushed_authorization_requests) == ("required", True, True)
    service = Service.of(ISSUER, settings, demo_keys(ISSUER))
    assert (service.issuer.haip, service.server.haip) == (True, True)
    assert service.issuer.signed_metadata is not None
    assert service.issuer.signed_metadata.x5c
    assert not read_settings(None).haip


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"dpop": "optional"}, "HAIP-4-08"),
        ({"dpop": "off"}, "HAIP-4-08"),
        ({"scope_required": False}, "HAIP-4.3-02"),
        ({"require_pushed_authorization_requests": False}, "HAIP-4-06"),
        ({"client_authentication": ["none"], "client_attestation": None}, "HAIP-4.4.1-02"),
        ({"users": None}, "HAIP-4-01"),
    ],
)
def test_what_breaks_a_rule_stops_the_server_with_its_name(tmp_path: Path, members: dict[str, Any], rule: str) -> None:
    changes = {"require_pushed_authorization_requests": False, **members} if "users" in members else members
    settings = read_settings(of_the_readme(tmp_path, **changes))
    with pytest.raises(ValueError, match=re.escape(rule)):
        Service.of(ISSUER, settings, demo_keys(ISSUER))


def test_the_linter_finds_nothing_wrong_by_the_profile(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    assert cli.main(["lint", "--profile", "haip", server.issuer]) == 0
    output = capsys.readouterr().out
    assert output.count("0 errors") == output.count("0 errors, 0 warnings") == 2, output


def test_a_wallet_that_goes_by_the_profile_gets_credentials(server: RunningServer, published: Publisher) -> None:
    lenient = attested_wallet(server, signer=PROVIDER.signer, x5c=[PROVIDER.leaf])
    anchors = Anchors.from_pem(server.demo_authority())
    trust = Trust.of(server.issuer, anchors=anchors, metadata_anchors=anchors)
    strict = Wallet(trust=trust, client_id=lenient.wallet.client_id, encryption="when possible", haip=True)
    wallet = evolve(lenient, wallet=strict)
    session = authorized(server, wallet, server.offer("identity", grant=AUTHORIZATION_CODE)["offer_uri"], using="scope")
    assert session.opened.signed_metadata is not None
    order = run(session.order("identity"), wallet.send)
    status = StatusReference(f"{published.origin}/status-lists/1", 6)
    issued = sent(wallet, order, attested(order, *KEYS, status=status, **AS_WANTED), "jwt", KEYS[:1])
    assert len(issued.credentials) == 2
    run(issued.notify("credential_accepted", now=wallet.clock()), wallet.send)
