"""The scripted issuer probes Credo, over TLS: what it does right is found to be right, and what it does wrong to be wrong."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from oid4vci.testing import FEATURES, SCENARIOS, Report, WalletProfile
from tests.interop.node import Node
from tests.served_issuer import ServedIssuer, served_issuer

pytestmark = pytest.mark.interop

# What the script of these tests does not do, or Credo: it names no client with a pre-authorized code.
WITHOUT = frozenset(("client_id", "authorization_code", "signed metadata"))
RIGHT = (
    *("offer-by-value", "offer-by-reference", "offer-with-transaction-code", "offer-with-unknown-members"),
    *("issuer-mismatch-another-path", "server-mismatch-slash-added", "several-servers", "metadata-with-unknown-members"),
    *("token-type-in-another-case", "token-missing", "nonce-endpoint-down", "dpop-without-nonces"),
    *("sd-jwt-vc", "mdoc", "batch-in-another-order", "sd-jwt-vc-signature", "sd-jwt-vc-self-signed", "mdoc-digest"),
)
# It goes by the configuration id whatever the token says, takes any type of token, and reads no critical header parameters.
WRONG = ("token-with-identifiers", "token-type-unknown", "sd-jwt-vc-crit")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedIssuer]:
    with served_issuer(tmp_path_factory.mktemp("issuer"), WalletProfile(features=FEATURES - WITHOUT)) as served:
        yield served


@pytest.fixture(scope="module")
def report(node: Node, served: ServedIssuer) -> Report:
    issuer = served.issuer

    def start(offer_uri: str, tx_code: str | None) -> Literal["issued", "failed"]:
        asked: dict[str, Any] = {"offer_uri": offer_uri, "copies": 3, "anchors": [issuer.anchor_pem]}
        asked |= {"notify": "credential_accepted"} | ({} if tx_code is None else {"tx_code": tx_code})
        result = node.run("credo_wallet.mjs", asked, authority=served.authority)
        return "failed" if "error" in result else "issued"

    return issuer.probe(start, scenarios=[each for each in SCENARIOS if each.name in (*RIGHT, *WRONG)])


def test_what_it_does_right_and_wrong(report: Report) -> None:
    outcomes = {finding.check: finding.outcome for finding in report}
    assert {name: outcomes[name] for name in (*RIGHT, *WRONG)} == {
        **dict.fromkeys(RIGHT, "passed"),
        **dict.fromkeys(WRONG, "failed"),
    }, report.text()


def test_its_conduct(report: Report) -> None:
    """It says of the metadata that it takes anything."""
    played = {*RIGHT, *WRONG}
    found = {finding.check: finding.outcome for finding in report if finding.check not in played}
    assert {name for name, outcome in found.items() if outcome == "warned"} == {"accept_of_metadata"}
    assert {name for name, outcome in found.items() if outcome == "failed"} == {"credential_identifier"}, report.text()
    passed = {name for name, outcome in found.items() if outcome == "passed"}
    assert passed >= {"dpop_proof", "dpop_jti", "dpop_ath", "dpop_nonce", "proof_signature", "latest_nonce", "token_in_header"}
