"""The wallet server as a client that authenticates, under HAIP, with encryption, and with keys by other names: over TLS."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.reference_server import demo
from examples.wallet.keys import HolderKey
from examples.wallet_cli.__main__ import main
from oid4vci.keys import public_key, public_keys, thumbprint
from oid4vci.metadata import ClientMetadata
from tests.private_keys import in_pem
from tests.proving_configurations import PROVIDER
from tests.publisher import publishing
from tests.running_program import free_port
from tests.running_server import RunningServer, running_server
from tests.running_wallet import Report, RunningWallet, running_wallet, trusting
from tests.test_example_wallet_server import CODE, has_all, requests_of
from tests.test_reference_server import README
from tests.test_x509 import pem

HIGH = "iso_18045_high"
LEVELS = {"key_storage": [HIGH], "user_authentication": [HIGH]}


def provider_files(folder: Path) -> dict[str, Any]:
    """The member `attester`, and its files."""
    (folder / "provider.key.pem").write_bytes(in_pem(PROVIDER.key))
    (folder / "provider.pem").write_bytes(pem(PROVIDER.leaf))
    return {"key_file": "provider.key.pem", "chain_file": "provider.pem", "name": PROVIDER.identifier, **LEVELS}


# --- HAIP -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def haip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, int]]:
    """The server.json of the reference server's README, with this wallet's provider."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    (text,) = re.findall("```json\n(.*?)```", README.read_text(), re.DOTALL)
    (folder / "wallet-providers.pem").write_bytes(pem(PROVIDER.authority))
    with publishing(folder / "provider") as published:
        config = json.loads(text.replace("https://wallet-provider.example", published.origin))
        config["tls_authorities_file"] = str(published.authority)
        config["other_clients"] = {
            "redirect_uris": [f"https://localhost:{port}/callback"],
            "token_endpoint_auth_method": "attest_jwt_client_auth",
        }
        # An mdoc beside the credential of the README.
        mdoc = demo.CONFIGURATIONS["driving_licence_mdoc"]
        proofs = config["configurations"]["identity"]["metadata"]["proof_types_supported"]
        config["configurations"]["mdl"] = {**mdoc, "metadata": {**mdoc["metadata"], "proof_types_supported": proofs}}
        config["subjects"]["ada"]["mdl"] = demo.SUBJECTS["ada"]["driving_licence_mdoc"]
        with running_server(folder, config=config) as server:
            yield server, port


def haip_config(server: RunningServer, folder: Path, **members: Any) -> dict[str, Any]:
    config = trusting(server, folder, haip=True, client_authentication="attest_jwt_client_auth", encryption="when possible")
    return {**config, "attester": provider_files(folder), "copies": 2, **members}


@pytest.mark.parametrize("proof_type", ["jwt", "attestation"])
def test_a_wallet_under_haip(haip: tuple[RunningServer, int], tmp_path: Path, proof_type: str) -> None:
    server, port = haip
    config = haip_config(server, tmp_path, proof_types=[proof_type])
    config["trust"] |= {"metadata_anchors_file": "anchors.pem", "signed_metadata_required": True}
    with running_wallet(tmp_path, config, port=port) as wallet:
        report = wallet.take(offer_uri=server.offer("identity", "mdl", grant=CODE)["offer_uri"])
        assert (report["state"], report["error"]) == ("issued", None), report
        formats = [each["format"] for each in report["credentials"]]
        assert sorted(formats) == ["dc+sd-jwt", "dc+sd-jwt", "mso_mdoc", "mso_mdoc"]
        steps = {each["step"]: each for each in report["steps"]}
        assert (steps["opened"]["signed_metadata"], steps["authorization"]["pushed"]) == (True, True)
        assert (steps["token"]["dpop"], steps["order"]["proof_type"]) == (True, proof_type)
        sent = requests_of(report)
        assert ("POST", "/challenge") in sent
        with wallet.client() as client:
            metadata = ClientMetadata.from_json(client.get("/client_metadata").json())
        assert metadata.token_endpoint_auth_method == "attest_jwt_client_auth"
        # With a pre-authorized code the wallet is attested as well.
        report = wallet.take(offer_uri=server.offer("identity", tx_code=False)["offer_uri"])
        assert (report["state"], len(report["credentials"])) == ("issued", 2), report


def test_the_wallet_at_the_command_line_under_haip(
    haip: tuple[RunningServer, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, _ = haip
    (tmp_path / "anchors.pem").write_bytes(server.demo_authority())
    attester = {name: str(tmp_path / each) for name, each in list(provider_files(tmp_path).items())[:2]}
    options = ["--haip", "--yes", "--ca", str(server.authority), "--trust", str(tmp_path / "anchors.pem")]
    options += ["--attestation-key", attester["key_file"], "--attestation-issuer", PROVIDER.identifier]
    keys = ["--key-attestation-key", attester["key_file"], "--key-attestation-chain", attester["chain_file"]]
    chain = ["--attestation-chain", attester["chain_file"]]
    assert main([server.offer("identity", "mdl")["offer_uri"], *options, *chain, *keys, "--copies", "2"]) == 0
    assert "Done: 4 credentials." in capsys.readouterr().out
    # HAIP 4.4.1, 4.5.1: both have certificates.
    assert main([server.offer("identity")["offer_uri"], *options, *keys]) == 1
    assert "HAIP-4.4.1-05" in capsys.readouterr().err
    assert main([server.offer("identity")["offer_uri"], *options, *chain, *keys[:2]]) == 1
    assert "HAIP-4.5.1-05" in capsys.readouterr().err


def test_keys_of_a_lower_level_are_not_said_to_be_of_a_higher(haip: tuple[RunningServer, int], tmp_path: Path) -> None:
    server, port = haip
    config = haip_config(server, tmp_path)
    config["attester"] |= {"key_storage": ["iso_18045_basic"]}
    with running_wallet(tmp_path, config, port=port) as wallet:
        report = wallet.take(offer_uri=server.offer("identity", grant=CODE)["offer_uri"])
    assert (report["state"], report["error"]["type"]) == ("failed", "ValueError")
    assert "key_storage" in report["error"]["description"]
    assert ("POST", "/credential") not in requests_of(report)


def test_under_haip_other_servers_are_not_gone_to(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with running_server(tmp_path / "server") as server, running_wallet(tmp_path, haip_config(server, tmp_path)) as wallet:
        report = wallet.take(offer_uri=server.offer("identity_x5c")["offer_uri"])
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidMetadata")
    assert "HAIP" in report["error"]["description"]
    assert ("POST", "/token") not in requests_of(report)


# --- others ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, int, HolderKey]]:
    """A server that knows one wallet, by its key, and wants all messages encrypted."""
    folder, port, key = tmp_path_factory.mktemp("strict"), free_port(), HolderKey.generate("client", ("ES256",))
    config = {
        "encryption": {"requests_required": True, "responses_required": True, "zip": True},
        "client_authentication": ["private_key_jwt"],
        "clients": {
            "registered": {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [dict(key.signer.public_jwk)]},
                "redirect_uris": [f"https://localhost:{port}/callback"],
            }
        },
        "configurations": demo.CONFIGURATIONS,
        "subjects": demo.SUBJECTS,
        "users": demo.USERS,
    }
    with running_server(folder, config=config) as server:
        yield server, port, key


def taken(wallet: RunningWallet, server: RunningServer, *names: str, **options: Any) -> Report:
    return wallet.take(offer_uri=server.offer(*names, **options)["offer_uri"])


@pytest.mark.parametrize("grant", [CODE, "pre-authorized_code"])
def test_private_key_jwt_encryption_and_x5c(strict: tuple[RunningServer, int, HolderKey], tmp_path: Path, grant: str) -> None:
    server, port, key = strict
    (tmp_path / "client.pem").write_bytes(key.pem)
    (tmp_path / "ca.key.pem").write_bytes(in_pem(PROVIDER._authority_key))
    (tmp_path / "ca.pem").write_bytes(pem(PROVIDER.authority))
    registered = {"client_id": "registered", "client_authentication": "private_key_jwt", "client_key_file": "client.pem"}
    named = {"key_name": "x5c", "certifier": {"key_file": "ca.key.pem", "chain_file": "ca.pem"}, "compression": True}
    with running_wallet(tmp_path, trusting(server, tmp_path, **registered, **named), port=port) as wallet:
        has_all(taken(wallet, server, "identity_x5c", grant=grant), "identity_x5c")
        with wallet.client() as client:
            (published,) = public_keys(client.get("/jwks").json())
            metadata = ClientMetadata.from_json(client.get("/client_metadata").json())
    assert published == public_key(key.signer.public_jwk)
    assert metadata.jwks_uri == f"{wallet.url}/jwks"
    assert metadata.extra["client_id"] == "registered"


def test_a_wallet_that_is_not_registered(strict: tuple[RunningServer, int, HolderKey], tmp_path: Path) -> None:
    server, port, _ = strict
    (tmp_path / "client.pem").write_bytes(HolderKey.generate("other", ("ES256",)).pem)
    registered = {"client_id": "registered", "client_authentication": "private_key_jwt", "client_key_file": "client.pem"}
    with running_wallet(tmp_path, trusting(server, tmp_path, **registered), port=port) as wallet:
        report = taken(wallet, server, "identity_x5c")
    assert (report["state"], report["error"]["code"]) == ("refused", "invalid_client")
    with running_wallet(tmp_path, trusting(server, tmp_path)) as wallet:
        report = taken(wallet, server, "identity_x5c")
        with wallet.client() as client:
            assert client.get("/jwks").json() == {"keys": []}
    assert (report["state"], report["error"]["code"]) == ("refused", "invalid_client")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("plain"), config={"dpop": "off"}) as server:
        yield server


def test_a_wallet_that_wants_its_token_bound(plain: RunningServer, tmp_path: Path) -> None:
    with running_wallet(tmp_path, trusting(plain, tmp_path, dpop="required")) as wallet:
        report = taken(wallet, plain, "identity_x5c")
    assert (report["state"], report["error"]["type"]) == ("failed", "ValueError")
    assert ("POST", "/token") not in requests_of(report)


def test_keys_are_named_by_dids_and_languages_and_formats_chosen(plain: RunningServer, tmp_path: Path) -> None:
    config = trusting(plain, tmp_path, key_name="did:key", formats=["jwt_vc_json", "ldp_vc"], locales=["de"], copies=1)
    with running_wallet(tmp_path, config) as wallet:
        report = taken(wallet, plain, "degree_jwt", "degree_ldp")
        assert report["state"] == "issued", report
        for each in report["credentials"]:
            assert str(each["claims"].get("vc", each["claims"])["credentialSubject"]["id"]).startswith("did:key:")
        report = taken(wallet, plain, "identity_x5c")
        assert (report["state"], report["error"]["type"]) == ("failed", "ValueError")
        assert ("POST", "/token") not in requests_of(report)


def test_what_does_not_verify_is_not_reported_and_the_issuer_hears_of_it(plain: RunningServer, tmp_path: Path) -> None:
    config = trusting(plain, tmp_path)
    config["trust"]["anchors_file"] = str(plain.authority)
    with running_wallet(tmp_path, config) as wallet:
        report = taken(wallet, plain, "identity_x5c", "membership_jwt_vc_issuer")
    assert (report["state"], report["error"]["type"]) == ("failed", "InvalidCredential")
    verified = [(each["configuration_id"], each["verified"]) for each in report["credentials"]]
    assert verified == [("identity_x5c", False), *[("membership_jwt_vc_issuer", True)] * 5]
    assert "claims" not in report["credentials"][0]
    assert [(each["configuration_id"], each["event"]) for each in report["notifications"]] == [
        ("identity_x5c", "credential_failure"),
        ("membership_jwt_vc_issuer", "credential_accepted"),
    ]


def test_any_issuer_but_none_inside_the_own_network(plain: RunningServer, tmp_path: Path) -> None:
    config = trusting(plain, tmp_path)
    config["trust"] = {"any_issuer": True, "anchors_file": "anchors.pem"}
    before = plain.log.read_text()
    with running_wallet(tmp_path, config) as wallet:
        report = taken(wallet, plain, "identity_x5c")
    assert (report["state"], report["error"]["type"]) == ("failed", "Unreachable")
    assert "not public" in report["error"]["description"]
    assert "/.well-known/openid-credential-issuer" not in plain.log.read_text()[len(before) :]
    config["trust"]["private_addresses"] = True
    with running_wallet(tmp_path, config) as wallet:
        has_all(taken(wallet, plain, "identity_x5c", "membership_jwt_vc_issuer"), "identity_x5c", "membership_jwt_vc_issuer")


def test_an_administrator_has_a_token(plain: RunningServer, tmp_path: Path) -> None:
    token = "a-token-of-some-length"
    with (
        running_wallet(tmp_path, trusting(plain, tmp_path, admin_token=token, max_runs=1)) as wallet,
        wallet.client() as stranger,
        wallet.client(headers={"authorization": f"Bearer {token}"}) as client,
    ):
        for path in ("/runs", "/runs/a"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/offers", json={}).status_code == 401
        uri = plain.offer("identity_x5c", tx_code=True)["offer_uri"]
        first = client.post("/offers", json={"offer_uri": uri}).json()["id"]
        # One run is all that this wallet keeps, and it is under way.
        busy = client.post("/offers", json={"offer_uri": uri})
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "10")
        assert client.get(f"/runs/{first}?wait=20").json()["state"] == "waiting_for_tx_code"
        assert stranger.post(f"/runs/{first}/tx_code", json={"tx_code": "1"}).status_code == 401


def test_thumbprints_are_of_the_keys_of_the_credentials(plain: RunningServer, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    with running_wallet(tmp_path, trusting(plain, tmp_path, copies=3), "--save", str(saved)) as wallet:
        report = taken(wallet, plain, "identity_x5c")
    keys = [
        HolderKey.from_json({"name": "a", "algorithm": "ES256", "pem": path.read_text()}) for path in saved.glob("*.key.pem")
    ]
    assert {thumbprint(key.signer.public_jwk) for key in keys} == {each["holder_key"] for each in report["credentials"]}
