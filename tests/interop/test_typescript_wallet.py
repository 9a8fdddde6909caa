"""A TypeScript wallet (`@openid4vc/openid4vci`, `@sd-jwt/sd-jwt-vc`) takes offers of the reference server, over TLS.

Here it is the pre-authorized code flow; test_typescript_wallet_code.py has the authorization code flow.
"""

from collections.abc import Iterator

import pytest

from tests.interop.node import Node
from tests.interop.wallet import BOTH, COPIES, TypescriptWallet, error
from tests.running_server import RunningServer, running_server

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module", params=["named", "anonymous"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as it is without a file, and one that takes anonymous clients."""
    anonymous = request.param == "anonymous"
    folder = tmp_path_factory.mktemp(request.param)
    with running_server(folder, config={"anonymous_access": True} if anonymous else None) as server:
        yield server


@pytest.fixture(scope="module")
def wallet(node: Node, server: RunningServer) -> TypescriptWallet:
    return TypescriptWallet(node, server)


@pytest.fixture(scope="module")
def client_id(server: RunningServer) -> str | None:
    """What the wallet calls itself, if the server wants a name."""
    with server.client() as client:
        metadata = client.get("/.well-known/oauth-authorization-server").raise_for_status().json()
    return None if metadata.get("pre-authorized_grant_anonymous_access_supported") else "typescript-wallet"


@pytest.mark.parametrize("dpop", [False, True], ids=["bearer", "dpop"])
@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
def test_a_batch_of_each_configuration_is_issued_and_verifies(
    wallet: TypescriptWallet, client_id: str | None, by_reference: bool, dpop: bool
) -> None:
    made = wallet.server.offer(*BOTH, tx_code=True, by_reference=by_reference)
    result = wallet.take(made, tx_code=made["tx_code"], client_id=client_id, dpop=dpop)

    wallet.check(result, *BOTH)
    assert result["tx_code"]["input_mode"] == "numeric"
    assert result["tx_code"]["length"] == len(made["tx_code"])
    assert result["token_type"] == ("DPoP" if dpop else "Bearer")


def test_a_wrong_transaction_code_is_invalid_grant_and_leaves_the_offer_good(
    wallet: TypescriptWallet, client_id: str | None
) -> None:
    made = wallet.server.offer("membership_jwt_vc_issuer", tx_code=True, by_reference=True)
    wrong = str((int(made["tx_code"]) + 1) % 10 ** len(made["tx_code"])).zfill(len(made["tx_code"]))
    refused = wallet.take(made, tx_code=wrong, client_id=client_id)
    assert error(refused) == ("token", "invalid_grant"), refused

    issued = wallet.take(made, tx_code=made["tx_code"], client_id=client_id)
    assert len(issued["issued"][0]["credentials"]) == COPIES


def test_a_second_redemption_is_refused(wallet: TypescriptWallet, client_id: str | None) -> None:
    made = wallet.server.offer("membership_jwt_vc_issuer", by_reference=True)
    first = wallet.take(made, client_id=client_id)
    assert "error" not in first, first
    second = wallet.take(made, client_id=client_id)
    assert error(second) == ("token", "invalid_grant"), second


def test_a_client_without_a_name_is_refused_unless_anonymous_access_is_on(
    wallet: TypescriptWallet, client_id: str | None
) -> None:
    result = wallet.take(wallet.server.offer("membership_jwt_vc_issuer"))
    if client_id is None:
        assert "error" not in result, result
    else:
        assert error(result) == ("token", "invalid_client"), result


def test_credentials_under_another_anchor_do_not_verify(wallet: TypescriptWallet, client_id: str | None) -> None:
    made = wallet.server.offer("identity_x5c")
    result = wallet.take(made, client_id=client_id, anchors=wallet.server.authority.read_text())
    assert error(result) == ("verification", None), result
