"""The wallet server as a process, over TLS, for which the scripted issuer plays over HTTPS."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from attrs import field, frozen

from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.testing import FEATURES, SCENARIOS, Report, ScriptedIssuer, WalletProfile
from oid4vci.x509 import Anchors
from tests.interop.parties import Party
from tests.private_keys import in_pem
from tests.proving_configurations import PROVIDER
from tests.running_program import free_port
from tests.running_wallet import RunningWallet, running_wallet
from tests.served_issuer import served_issuer
from tests.test_example_wallet_server_clients import provider_files

__all__ = ("WALLETS", "WalletKind", "played")

REGISTERED: Final = "registered"
_ASSERTIONS: Final = frozenset(("client_assertion_audience", "client_assertion_claims", "client_assertion_jti"))
_ATTESTATIONS: Final = frozenset(
    (
        *("wallet_attestation", "wallet_attestation_chain", "wallet_attestation_reused"),
        *("attestation_proof", "attestation_proof_jti", "challenge_request"),
    )
)
_ATTESTED_KEYS: Final = frozenset(("key_attestation", "key_attestation_chain", "keys_attested_where_demanded"))


@frozen
class WalletKind:
    """As which client the wallet server is set up. `not_seen`: the rules of conduct about what such a client does not do."""

    method: Literal["none", "private_key_jwt", "attest_jwt_client_auth"]
    haip: bool = False
    not_seen: frozenset[str] = field(default=frozenset(), repr=False)

    def profile(self, redirect_uri: str, jwks: Mapping[str, Any] | None) -> WalletProfile:
        """The wallet, as the issuer knows it."""
        registered: dict[str, Any] = {"redirect_uris": (redirect_uri,), "token_endpoint_auth_method": self.method}
        if jwks is not None:
            registered["jwks"] = jwks
        attested: dict[str, Any] = {}
        if self.method == "attest_jwt_client_auth":
            anchors, challenges = Anchors.from_der(PROVIDER.authority), Challenges(SealingKeys([new_secret(32)]))
            attested["client_attestation"] = ClientAttestation(anchors=anchors, challenges=challenges)
            attested["key_attestations"] = KeyAttestations(anchors=anchors)
        # Under HAIP all is asked for by scope.
        features = FEATURES - ({"authorization_details"} if self.haip else frozenset())
        return WalletProfile(registration=ClientMetadata(**registered), haip=self.haip, features=features, **attested)


WALLETS: Final[Mapping[str, WalletKind]] = {
    "public": WalletKind("none", not_seen=_ASSERTIONS | _ATTESTATIONS | _ATTESTED_KEYS),
    "with a key": WalletKind("private_key_jwt", not_seen=_ATTESTATIONS | _ATTESTED_KEYS),
    "HAIP": WalletKind("attest_jwt_client_auth", haip=True, not_seen=_ASSERTIONS | {"locations"}),
}


@contextmanager
def _probing(folder: Path, kind: WalletKind) -> Iterator[tuple[ScriptedIssuer, RunningWallet]]:
    port, (issuers, wallets) = free_port(), (folder / "issuer", folder / "wallet")
    for each in (issuers, wallets):
        each.mkdir()
    settings: dict[str, Any] = {"haip": kind.haip, "client_authentication": kind.method}
    jwks = None
    if kind.method == "private_key_jwt":
        client = Party(REGISTERED)
        (wallets / "client.pem").write_bytes(in_pem(client.key))
        settings |= {"client_id": REGISTERED, "client_key_file": "client.pem"}
        jwks = {"keys": [dict(client.signer.public_jwk)]}
    if kind.method == "attest_jwt_client_auth":
        settings["attester"] = provider_files(wallets)
    with served_issuer(issuers, kind.profile(f"https://localhost:{port}/callback", jwks)) as served:
        (wallets / "anchors.pem").write_text(served.issuer.anchor_pem)
        trust = {
            "allowed": [served.issuer.origin],
            "anchors_file": "anchors.pem",
            "metadata_anchors_file": "anchors.pem",
        }
        config = {"trust": trust, "tls_authorities_file": str(served.authority), **settings}
        with running_wallet(wallets, config, port=port) as wallet:
            yield served.issuer, wallet


def _take(wallet: RunningWallet, offer_uri: str, tx_code: str | None) -> Literal["issued", "failed"]:
    """At the Credential Offer Endpoint, unless there is something that only the person knows."""
    with wallet.client() as client:
        if tx_code is None:
            answer = client.get(f"/credential_offer?{offer_uri.partition('?')[2]}")
        else:
            answer = client.post("/offers", json={"offer_uri": offer_uri, "tx_code": tx_code})
    if answer.status_code != 202:
        return "failed"
    return "issued" if wallet.report(answer.json()["id"], wait=60)["state"] == "issued" else "failed"


def played(folder: Path, name: str) -> tuple[Report, set[str]]:
    """What the scripted issuer says of the wallet server as one of `WALLETS`; and what it cannot have seen of such a wallet."""
    with _probing(folder, WALLETS[name]) as (issuer, wallet):
        report = issuer.probe(lambda offer_uri, tx_code: _take(wallet, offer_uri, tx_code))
        lacking = {each.name for each in SCENARIOS if each.lacking(issuer.wallet) is not None}
    # The wallet asks for signed metadata.
    return report, lacking | WALLETS[name].not_seen | {"signed-metadata-unasked"}
