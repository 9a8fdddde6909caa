"""The wallet of test_typescript_wallet.py in the authorization code flow: PAR, PKCE, DPoP with nonces, client attestation.

A browser logs in at the reference server and decides there.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from tests.interop.node import Node
from tests.interop.parties import Party
from tests.interop.wallet import BOTH, TypescriptWallet, error
from tests.running_server import running_server

pytestmark = pytest.mark.interop

CLIENT, PROVIDER, REDIRECT_URI = "https://wallet.example/app", "https://provider.example", "https://wallet.example/cb"
METHOD = "attest_jwt_client_auth"


@frozen
class Attested:
    """A wallet that is attested, and a server that believes it. `x5c`: by certificates, else by a known key."""

    wallet: TypescriptWallet
    provider: Party
    x5c: bool

    def take(self, offer: dict[str, Any], *, provider: Party | None = None, decision: str = "approve", **given: Any) -> Any:
        """What the wallet printed of an offer, with all that this server wants unless it is told otherwise."""
        party = provider or self.provider
        attester = {"issuer": PROVIDER, "jwk": party.private_jwk, "x5c": party.x5c if self.x5c else None}
        arguments: dict[str, Any] = {
            "client_id": CLIENT,
            "redirect_uri": REDIRECT_URI,
            "dpop": True,
            "attester": attester,
            "login": {"username": "max", "password": "max", "decision": decision},
        }
        return self.wallet.take(offer, **{**arguments, **given})

    def offer(self, *configuration_ids: str) -> dict[str, Any]:
        """An offer with an authorization code grant."""
        return self.wallet.server.offer(*configuration_ids, grant="authorization_code")

    def refused(self, code: str) -> set[str]:
        """The endpoints that have answered with this error, as the server's log has it."""
        lines = [json.loads(line) for line in self.wallet.server.log.read_text().splitlines()]
        return {line["path"] for line in lines if line.get("error") == code}


@pytest.fixture(scope="module", params=["x5c", "known attester"])
def attested(request: pytest.FixtureRequest, node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attested]:
    """A server as HAIP wants it, with attestations by certificate; and one that knows the key of the only attester and the
    client, wants no challenges, and gives JWTs as Access Tokens."""
    provider, folder = Party(PROVIDER), tmp_path_factory.mktemp("attested")
    x5c: bool = request.param == "x5c"
    config: dict[str, Any] = {"client_authentication": [METHOD], "dpop": "required"}
    if x5c:
        (folder / "anchors.pem").write_text(provider.anchors_pem)
        config["client_attestation"] = {"anchors_file": "anchors.pem", "require_x5c": True}
        config["require_pushed_authorization_requests"] = True
    else:
        attesters = {PROVIDER: {"jwks": {"keys": [dict(provider.signer.public_jwk)]}}}
        config["client_attestation"] = {"attesters": attesters, "challenges": False}
        config["clients"] = {CLIENT: {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": METHOD}}
        config["access_tokens"] = "jwt"
    with running_server(folder, config=config) as server:
        yield Attested(TypescriptWallet(node, server), provider, x5c)


@pytest.mark.parametrize("using", ["scope", "authorization_details"])
def test_from_an_offer_to_credentials_for_the_person_who_logs_in(attested: Attested, using: str) -> None:
    result = attested.take(attested.offer(*BOTH), using=using, refresh=True)
    attested.wallet.check(result, *BOTH, subject="max")
    # What went through the browser was only the reference of the pushed request.
    assert result["asked"].keys() == {"client_id", "request_uri"}
    assert result["token_type"] == "DPoP"
    # No endpoint's first proof had a nonce: the wallet was told, and proved again.
    assert attested.refused("use_dpop_nonce") >= {"/par", "/token", "/credential"}


def test_a_person_refuses(attested: Attested) -> None:
    result = attested.take(attested.offer(*BOTH), decision="refuse")
    assert error(result) == ("authorization response", "access_denied"), result


def test_a_code_serves_once(attested: Attested) -> None:
    result = attested.take(attested.offer("identity_x5c"), codes=2)
    assert error(result) == ("token", "invalid_grant"), result


def test_a_wallet_attested_by_somebody_else_is_refused(attested: Attested) -> None:
    result = attested.take(attested.offer("identity_x5c"), provider=Party(PROVIDER))
    assert error(result) == ("authorization request", "invalid_client"), result


def test_a_wallet_that_does_not_authenticate_is_refused(attested: Attested) -> None:
    result = attested.take(attested.offer("identity_x5c"), attester=None)
    assert error(result) == ("authorization request", "invalid_client"), result


def test_a_token_is_bound_to_a_key(attested: Attested) -> None:
    """A pushed request may do without a proof (RFC 9449 10.1), a Token Request may not."""
    result = attested.take(attested.offer("identity_x5c"), dpop=False)
    assert error(result) == ("token", "invalid_dpop_proof"), result


def test_the_pre_authorized_code_flow_with_attestation_and_dpop(attested: Attested) -> None:
    made = attested.wallet.server.offer(*BOTH, tx_code=True)
    result = attested.take(made, tx_code=made["tx_code"])
    attested.wallet.check(result, *BOTH)
    assert result["token_type"] == "DPoP"
    made = attested.wallet.server.offer(*BOTH)
    result = attested.take(made, dpop=False)
    assert error(result) == ("token", "invalid_dpop_proof"), result
