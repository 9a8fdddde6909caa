"""A TypeScript wallet (`@openid4vc/openid4vci`, `@sd-jwt/sd-jwt-vc`) takes offers of the reference server, over TLS.

Needs node and npm, and a package registry the first time. Without them it is skipped, or fails if OID4VCI_REQUIRE_INTEROP is 1.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from examples.reference_server import demo
from tests.running_server import RunningServer, running_server

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
COPIES = 3
BOTH = ("identity_x5c", "membership_jwt_vc_issuer")


def _missing(reason: str) -> NoReturn:
    if os.environ.get("OID4VCI_REQUIRE_INTEROP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def node() -> str:
    """The path of node, with the packages of package-lock.json installed beside the wallet."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _missing("node and npm are needed")
    packages = HERE / "node_modules"
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    marker = packages / ".installed"
    # One at a time, if tests run in several processes.
    with (HERE / "package.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.is_file() or marker.read_text() != wanted:
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            installed = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
            if installed.returncode != 0:
                _missing(f"npm ci failed: {installed.stderr[-2000:]}")
            marker.write_text(wanted)
    return node


@pytest.fixture(scope="module", params=["named", "anonymous"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as it is without a file, and one that takes anonymous clients."""
    anonymous = request.param == "anonymous"
    folder = tmp_path_factory.mktemp(request.param)
    with running_server(folder, config={"anonymous_access": True} if anonymous else None) as server:
        yield server


@pytest.fixture(scope="module")
def client_id(server: RunningServer) -> str | None:
    """What the wallet calls itself, if the server wants a name."""
    with server.client() as client:
        metadata = client.get("/.well-known/oauth-authorization-server").raise_for_status().json()
    return None if metadata.get("pre-authorized_grant_anonymous_access_supported") else "typescript-wallet"


def run_wallet(node: str, server: RunningServer, **arguments: Any) -> dict[str, Any]:
    """What the wallet printed."""
    given = {name: value for name, value in arguments.items() if value is not None}
    command = [node, str(HERE / "wallet.mjs"), json.dumps({"copies": COPIES, **given})]
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(server.authority)}
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
def test_a_batch_of_each_configuration_is_issued_and_verifies(
    node: str, server: RunningServer, client_id: str | None, by_reference: bool
) -> None:
    made = server.offer(*BOTH, tx_code=True, by_reference=by_reference)
    anchors = server.demo_authority().decode()
    result = run_wallet(
        node, server, offer_uri=made["offer_uri"], tx_code=made["tx_code"], client_id=client_id, anchors=anchors
    )

    assert "error" not in result, result
    assert result["version"] == "V1"
    assert result["tx_code"]["input_mode"] == "numeric"
    assert result["tx_code"]["length"] == len(made["tx_code"])
    assert [each["configuration"] for each in result["issued"]] == list(BOTH)
    for each, resolution in zip(result["issued"], ("x5c", "jwt-vc-issuer"), strict=True):
        configuration, credentials = each["configuration"], each["credentials"]
        dataset = demo.SUBJECTS["ada"][configuration]
        assert len(credentials) == COPIES
        # One credential for each proof key, and no key twice.
        assert sorted(credential["holder"] for credential in credentials) == sorted(each["holders"])
        assert len(set(each["holders"])) == COPIES
        for credential in credentials:
            assert (credential["typ"], credential["resolution"]) == ("dc+sd-jwt", resolution)
            assert credential["claims"]["iss"] == server.issuer
            assert credential["claims"]["vct"] == demo.CONFIGURATIONS[configuration]["metadata"]["vct"]
            assert {name: credential["claims"].get(name) for name in dataset} == dataset
            assert sorted(credential["disclosed"]) == sorted(dataset)


def test_a_wrong_transaction_code_is_invalid_grant_and_leaves_the_offer_good(
    node: str, server: RunningServer, client_id: str | None
) -> None:
    made = server.offer("membership_jwt_vc_issuer", tx_code=True, by_reference=True)
    wrong = str((int(made["tx_code"]) + 1) % 10 ** len(made["tx_code"])).zfill(len(made["tx_code"]))
    refused = run_wallet(node, server, offer_uri=made["offer_uri"], tx_code=wrong, client_id=client_id)
    assert (refused["error"]["step"], refused["error"]["code"]) == ("token", "invalid_grant"), refused

    issued = run_wallet(node, server, offer_uri=made["offer_uri"], tx_code=made["tx_code"], client_id=client_id)
    assert len(issued["issued"][0]["credentials"]) == COPIES


def test_a_second_redemption_is_refused(node: str, server: RunningServer, client_id: str | None) -> None:
    made = server.offer("membership_jwt_vc_issuer", by_reference=True)
    first = run_wallet(node, server, offer_uri=made["offer_uri"], client_id=client_id)
    assert "error" not in first, first
    second = run_wallet(node, server, offer_uri=made["offer_uri"], client_id=client_id)
    assert (second["error"]["step"], second["error"]["code"]) == ("token", "invalid_grant"), second


def test_a_client_without_a_name_is_refused_unless_anonymous_access_is_on(
    node: str, server: RunningServer, client_id: str | None
) -> None:
    made = server.offer("membership_jwt_vc_issuer")
    result = run_wallet(node, server, offer_uri=made["offer_uri"])
    if client_id is None:
        assert "error" not in result, result
    else:
        assert (result["error"]["step"], result["error"]["code"]) == ("token", "invalid_client"), result


def test_credentials_under_another_anchor_do_not_verify(node: str, server: RunningServer, client_id: str | None) -> None:
    made = server.offer("identity_x5c")
    another = server.authority.read_text()
    result = run_wallet(node, server, offer_uri=made["offer_uri"], client_id=client_id, anchors=another)
    assert result["error"]["step"] == "verification", result
