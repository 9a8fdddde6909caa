"""The wallet server, probed over HTTPS by the scripted issuer: every scenario, and every rule of conduct."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.testing import FEATURES, SCENARIOS, Report, WalletProfile
from oid4vci.x509 import Anchors
from tests.proving_configurations import PROVIDER
from tests.running_server import free_port
from tests.running_wallet import RunningWallet, running_wallet
from tests.served_issuer import ServedIssuer, served_issuer
from tests.test_example_wallet_server_clients import provider_files

# What there is only for clients that authenticate in that way, and only where it is done.
ASSERTIONS = {"client_assertion_audience", "client_assertion_claims", "client_assertion_jti"}
ATTESTATIONS = {
    *("wallet_attestation", "wallet_attestation_chain", "wallet_attestation_reused"),
    *("attestation_proof", "attestation_proof_jti", "challenge_request"),
    *("key_attestation", "key_attestation_chain", "keys_attested_where_demanded"),
}


@contextmanager
def probed(
    folder: Path, profile: dict[str, Any], settings: dict[str, Any], method: str
) -> Iterator[tuple[ServedIssuer, RunningWallet]]:
    port = free_port()
    registered = ClientMetadata(redirect_uris=(f"https://localhost:{port}/callback",), token_endpoint_auth_method=method)
    for name in ("issuer", "wallet"):
        (folder / name).mkdir()
    with served_issuer(folder / "issuer", WalletProfile(registration=registered, **profile)) as served:
        (folder / "wallet" / "anchors.pem").write_text(served.issuer.anchor_pem)
        anchors = {"anchors_file": "anchors.pem", "metadata_anchors_file": "anchors.pem"}
        config = {"trust": {"allowed": [served.issuer.origin], **anchors}, "tls_authorities_file": str(served.authority)}
        with running_wallet(folder / "wallet", {**config, **settings}, port=port) as wallet:
            yield served, wallet


def probe(served: ServedIssuer, wallet: RunningWallet) -> Report:
    def start(offer_uri: str, tx_code: str | None) -> Literal["issued", "failed"]:
        """At the Credential Offer Endpoint, unless there is something that only the person knows."""
        with wallet.client() as client:
            if tx_code is None:
                answer = client.get(f"/credential_offer?{offer_uri.partition('?')[2]}")
            else:
                answer = client.post("/offers", json={"offer_uri": offer_uri, "tx_code": tx_code})
        if answer.status_code != 202:
            return "failed"
        return "issued" if wallet.report(answer.json()["id"], wait=60)["state"] == "issued" else "failed"

    return served.issuer.probe(start)


def passes(report: Report, served: ServedIssuer, *, but: set[str]) -> None:
    assert report.ok, report.text()
    assert not report.of("warned"), report.text()
    lacking = {each.name for each in SCENARIOS if each.lacking(served.issuer.wallet) is not None}
    assert {finding.check for finding in report.of("skipped")} == lacking | but | {"signed-metadata-unasked"}


def test_it_passes(tmp_path: Path) -> None:
    with probed(tmp_path, {}, {}, "none") as (served, wallet):
        passes(probe(served, wallet), served, but=ASSERTIONS | ATTESTATIONS)


def test_it_passes_under_haip(tmp_path: Path) -> None:
    (tmp_path / "wallet-files").mkdir()
    files = provider_files(tmp_path / "wallet-files")
    paths = {name: str(tmp_path / "wallet-files" / files[name]) for name in ("key_file", "chain_file")}
    settings = {"haip": True, "client_authentication": "attest_jwt_client_auth", "attester": {**files, **paths}}
    anchors = Anchors.from_der(PROVIDER.authority)
    profile = {
        "haip": True,
        "client_attestation": ClientAttestation(anchors=anchors, challenges=Challenges(SealingKeys([new_secret(32)]))),
        "key_attestations": KeyAttestations(anchors=anchors),
        "features": FEATURES - {"authorization_details"},
    }
    with probed(tmp_path, profile, settings, "attest_jwt_client_auth") as (served, wallet):
        passes(probe(served, wallet), served, but=ASSERTIONS | {"locations"})
