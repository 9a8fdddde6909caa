"""The wallet of the examples as a client that authenticates, and with keys that are named by DIDs and certificates, over TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.reference_server import demo
from examples.wallet.certifier import Certifier
from examples.wallet.client import Client
from examples.wallet.keys import HolderKey
from examples.wallet_cli.__main__ import main
from oid4vci import x509
from oid4vci.keys import public_key
from tests.interop.parties import Party
from tests.private_keys import in_pem
from tests.running_server import RunningServer, running_server
from tests.test_x509 import pem

PROVIDER, CLIENT = Party("https://provider.example"), HolderKey.generate("client", ("ES256",))
OFFER = "openid-credential-offer://?credential_offer=%7B%7D"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "client.pem").write_bytes(CLIENT.pem)
    (folder / "provider.key.pem").write_bytes(in_pem(PROVIDER.key))
    (folder / "provider.pem").write_bytes(pem(PROVIDER.leaf))
    (folder / "providers.pem").write_bytes(pem(PROVIDER.authority))
    (folder / "ca.key.pem").write_bytes(in_pem(PROVIDER._authority_key))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    """One that knows a wallet by its key and others by their provider, and has one credential bound to keys with certificates."""
    config = {
        "client_authentication": ["private_key_jwt", "attest_jwt_client_auth"],
        "client_attestation": {"anchors_file": str(folder / "providers.pem")},
        "clients": {
            "registered": {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [dict(CLIENT.signer.public_jwk)]},
                "redirect_uris": ["http://127.0.0.1/callback"],
            }
        },
        "other_clients": {
            "token_endpoint_auth_method": "attest_jwt_client_auth",
            "redirect_uris": ["http://127.0.0.1/callback"],
        },
        "configurations": demo.CONFIGURATIONS,
        "subjects": demo.SUBJECTS,
        "users": demo.USERS,
    }
    with running_server(folder, config=config) as server:
        (folder / "anchors.pem").write_bytes(server.demo_authority())
        yield server


def take(server: RunningServer, folder: Path, *options: str, configuration_id: str = "identity_x5c") -> int:
    offer = server.offer(configuration_id)["offer_uri"]
    common = ["--yes", "--copies", "2", "--ca", str(server.authority), "--trust", str(folder / "anchors.pem")]
    return main([offer, *common, *options])


def test_a_client_with_a_registered_key(server: RunningServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert take(server, folder, "--client-id", "registered", "--client-key", str(folder / "client.pem")) == 0
    assert "Done: 2 credentials." in capsys.readouterr().out
    assert take(server, folder, "--client-id", "registered") == 1
    assert "invalid_client" in capsys.readouterr().err
    assert take(server, folder, "--client-id", "registered", "--client-key", str(folder / "provider.key.pem")) == 1
    assert "invalid_client" in capsys.readouterr().err


def test_a_client_that_is_attested(server: RunningServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attested = ["--attestation-key", str(folder / "provider.key.pem"), "--attestation-chain", str(folder / "provider.pem")]
    assert take(server, folder, *attested, "--attestation-issuer", "https://provider.example") == 0
    assert "Done: 2 credentials." in capsys.readouterr().out
    # Without certificates nobody knows the key.
    assert take(server, folder, *attested[:2]) == 1
    assert "invalid_client" in capsys.readouterr().err


def test_keys_are_named_by_did_where_the_issuer_takes_that(
    server: RunningServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = ["--client-id", "registered", "--client-key", str(folder / "client.pem")]
    for name in ("did:jwk", "did:key"):
        assert take(server, folder, *own, "--key-name", name, configuration_id="degree_jwt") == 0
        assert f'id: "{name}:' in capsys.readouterr().out


def test_keys_are_named_by_certificates(server: RunningServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    certify = Certifier.certify

    def noting(certifier: Certifier, key: HolderKey) -> tuple[bytes, ...]:
        named.append(key.signer.key_id)
        return certify(certifier, key)

    monkeypatch.setattr(Certifier, "certify", noting)
    own = ["--client-id", "registered", "--client-key", str(folder / "client.pem"), "--key-name", "x5c"]
    authority = ["--certifier-key", str(folder / "ca.key.pem"), "--certifier-chain", str(folder / "providers.pem")]
    assert take(server, folder, *own, *authority) == 0
    assert named == ["holder-1", "holder-2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--attestation-chain", "a.pem"], "--attestation-chain is for --attestation-key"),
        (["--attestation-issuer", "a"], "--attestation-issuer is for --attestation-key"),
        (["--client-key", "a.pem", "--attestation-key", "b.pem"], "either --client-key or --attestation-key"),
        (["--key-name", "x5c"], "go together"),
        (["--certifier-key", "a.pem", "--certifier-chain", "b.pem"], "go together"),
        (["--key-name", "x5c", "--certifier-key", "a.pem"], "go together"),
        (["--key-name", "did:web"], "invalid choice"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([OFFER, *options])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--client-key", "--attestation-key", "--key-attestation-key"])
def test_a_key_that_is_none_is_said_before_anything_is_sent(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key.pem").write_text("x")
    assert main([OFFER, option, str(tmp_path / "key.pem")]) == 2
    assert "error: " in capsys.readouterr().err


def test_a_key_is_certified_and_the_anchor_is_left_out(folder: Path) -> None:
    certifier = Certifier.from_files(folder / "ca.key.pem", folder / "providers.pem")
    key = HolderKey.generate("holder", ("ES256",))
    chain = certifier.certify(key)
    assert len(chain) == 1
    assert x509.leaf_public_key(x509.load(chain[0])) == public_key(key.signer.public_jwk)
    with pytest.raises(ValueError, match="is not for the key"):
        Certifier.from_files(folder / "client.pem", folder / "providers.pem")


def test_whoever_authenticates_needs_a_key_and_a_name() -> None:
    for method in ("private_key_jwt", "attest_jwt_client_auth"):
        with pytest.raises(ValueError, match="needs a key, and a client_id"):
            Client(client_id="wallet", method=method)
    with pytest.raises(ValueError, match="needs a key, and a client_id"):
        Client(client_id=None, method="private_key_jwt", key=CLIENT.signer)
