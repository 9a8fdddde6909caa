"""The files on the page about test suites are taken by the servers that they are for, and say what the page says."""

from pathlib import Path

import pytest

from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from examples.wallet_server.settings import read_settings as read_wallet_settings
from tests.documents import ROOT, blocks
from tests.interop.parties import Party
from tests.private_keys import in_pem
from tests.test_x509 import pem

ISSUER = "https://issuer.example"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    server, wallet = blocks(ROOT / "docs" / "how-to" / "conformance.md", "json")
    for name, block in (("server.json", server), ("wallet.json", wallet)):
        (tmp_path / name).write_text(block.text)
    return tmp_path / "server.json", tmp_path / "wallet.json"


def test_the_issuer_under_test(files: tuple[Path, Path]) -> None:
    settings = read_settings(files[0])
    service = Service.of(ISSUER, settings, demo_keys(ISSUER))
    metadata = service.server.metadata
    assert metadata.token_endpoint_auth_methods_supported == ("private_key_jwt",)
    assert metadata.require_pushed_authorization_requests is True
    assert service.issuer.metadata.deferred_credential_endpoint is not None
    registered = service.server.clients
    # Each is known by a key of its own.
    keys = [each.jwks["keys"][0]["x"] for each in registered.values() if each.jwks is not None]
    assert len(set(keys)) == len(registered) == 2


def test_the_wallet_under_test(files: tuple[Path, Path]) -> None:
    folder, suite = files[1].parent, Party("https://suite.example")
    (folder / "suite-anchors.pem").write_bytes(pem(suite.authority))
    (folder / "suite-tls.pem").write_bytes(pem(suite.authority))
    (folder / "client.pem").write_bytes(in_pem(suite.key))
    settings = read_wallet_settings(files[1])
    assert settings.client_authentication == "private_key_jwt"
    assert settings.client_key_file is not None
    assert settings.visits
    assert settings.notification == "accepted"
