"""The scripted issuer over HTTPS: what a Wallet in another process meets is what one in the same process meets."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from oid4vci.testing import SCENARIOS
from tests.network import over
from tests.probed_wallet import Clock, ProbedWallet, profile
from tests.served_issuer import ServedIssuer, served_issuer

PLAYED = (
    *("offer-by-value", "offer-by-reference", "offer-with-authorization-code", "offer-huge"),
    *("issuer-with-slash", "issuer-mismatch-another-path", "several-servers", "signed-metadata-of-a-stranger"),
    *("iss-wrong", "token-endpoint-redirected", "dpop-nonces-rotate", "nonce-rejected-once", "attested-keys", "mdoc"),
    *("sd-jwt-vc-signature", "issuer-key-among-decoys", "encrypted-deferral", "notification-endpoint-down"),
)


class PatientClock(Clock):
    """The time that it is; whoever moves it on waits."""

    def __call__(self) -> int:
        time.sleep(max(0, self.now - int(time.time())))
        return int(time.time())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedIssuer]:
    with served_issuer(tmp_path_factory.mktemp("issuer"), profile("attest_jwt_client_auth")) as served:
        yield served


def test_the_wallet_of_this_library_passes(served: ServedIssuer, tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=served.authority)
    with httpx.Client(verify=context, trust_env=False, timeout=30) as client:
        wallet = ProbedWallet(served.issuer, PatientClock(0), over(client))
        report = served.issuer.probe(wallet, scenarios=[each for each in SCENARIOS if each.name in PLAYED])
    assert report.ok, report.text()
    assert not report.of("warned"), report.text()
    assert [finding.check for finding in report.of("passed")][: len(PLAYED)] == [
        each.name for each in SCENARIOS if each.name in PLAYED
    ]
