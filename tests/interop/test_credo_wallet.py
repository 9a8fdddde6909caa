"""Credo, a framework for wallets, takes Credentials of the running reference server over TLS, and verifies them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from attrs import frozen

from examples.reference_server import demo
from oid4vci import _jose
from oid4vci.keys import thumbprint
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.interop.wallet import error
from tests.proving_configurations import LEVELS, PROVIDER, STRANGER, believing, configuration, members, terms
from tests.running_server import RunningServer, running_server

pytestmark = pytest.mark.interop

COPIES = 3
CLIENT, REDIRECT_URI = "https://wallet.example/app", "https://wallet.example/cb"
# Sent in the authorization code flow, and needed there.
PERSON = {"username": "max", "password": "max", "decision": "approve"}


@frozen
class CredoWallet:
    """The wallet, which trusts the TLS authority of one server and the anchor of its certificates."""

    node: Node
    server: RunningServer

    def take(self, offer: Mapping[str, Any], **given: Any) -> dict[str, Any]:
        """What it printed of an offer."""
        said = {"offer_uri": offer["offer_uri"], "copies": COPIES, "anchors": [self.server.demo_authority().decode()], **given}
        printed: dict[str, Any] = self.node.run("credo_wallet.mjs", said, authority=self.server.authority)
        return printed

    def said(self, path: str) -> list[tuple[int, str | None]]:
        """What the server answered at an endpoint: statuses, and codes of errors."""
        lines = [json.loads(line) for line in self.server.log.read_text().splitlines()]
        return [(line["status"], line.get("error")) for line in lines if line.get("path") == path]


def taken(result: Mapping[str, Any], name: str, subject: str = "ada") -> list[Mapping[str, Any]]:
    """The copies of an SD-JWT VC, each for a key of its own, with the claims of the demonstration."""
    assert "error" not in result, result
    (issued,) = [each for each in result["issued"] if each["configuration"] == name]
    credentials: list[Mapping[str, Any]] = issued["credentials"]
    assert len(credentials) == COPIES
    bound = [thumbprint(each["claims"]["cnf"]["jwk"]) for each in credentials]
    assert sorted(bound) == sorted(issued["holders"])
    for each in credentials:
        assert (each["format"], each["typ"]) == ("dc+sd-jwt", "dc+sd-jwt")
        dataset = demo.SUBJECTS[subject]["identity_x5c"]
        assert {claim: each["claims"][claim] for claim in dataset} == dataset
    return credentials


def jwt_claims(credential: str) -> dict[str, Any]:
    """The claims of a JWT that Credo has verified."""
    claims: dict[str, Any] = _jose.parse(credential).claims()
    return claims


# --- as it is without a file, for clients without a name ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def anonymous(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CredoWallet]:
    """Credo has no `client_id` in the pre-authorized code flow."""
    with running_server(tmp_path_factory.mktemp("anonymous"), config={"anonymous_access": True}) as server:
        yield CredoWallet(node, server)


@pytest.mark.parametrize("by_reference", [True, False], ids=["by reference", "by value"])
def test_a_batch_for_a_transaction_code(anonymous: CredoWallet, by_reference: bool) -> None:
    made = anonymous.server.offer("identity_x5c", tx_code=True, by_reference=by_reference)
    result = anonymous.take(made, tx_code=made["tx_code"], notify="credential_accepted")
    taken(result, "identity_x5c")
    assert result["token_type"] == "DPoP"
    with anonymous.server.client() as client:
        (said, *_) = reversed(client.get("/admin/notifications").json()["notifications"])
    assert (said["configuration_id"], said["event"]) == ("identity_x5c", "credential_accepted")
    assert (204, None) in anonymous.said("/notification")
    # Neither endpoint took the first proof, which had no nonce of the server.
    assert {(400, "use_dpop_nonce"), (200, None)} <= set(anonymous.said("/token"))
    assert {(401, "use_dpop_nonce"), (200, None)} <= set(anonymous.said("/credential"))


def test_a_wrong_transaction_code(anonymous: CredoWallet) -> None:
    made = anonymous.server.offer("identity_x5c", tx_code=True)
    wrong = str((int(made["tx_code"]) + 1) % 10 ** len(made["tx_code"])).zfill(len(made["tx_code"]))
    assert error(anonymous.take(made, tx_code=wrong)) == ("token", "invalid_grant")
    taken(anonymous.take(made, tx_code=made["tx_code"]), "identity_x5c")
    assert error(anonymous.take(made, tx_code=made["tx_code"])) == ("token", "invalid_grant")


def test_a_driving_licence(anonymous: CredoWallet, node: Node) -> None:
    result = anonymous.take(anonymous.server.offer("driving_licence_mdoc"))
    assert "error" not in result, result
    (issued,) = result["issued"]
    assert [each["format"] for each in issued["credentials"]] == ["mso_mdoc"] * COPIES
    assert len({each["issuer_signed"] for each in issued["credentials"]}) == COPIES


def test_credentials_under_another_anchor_are_not_taken(anonymous: CredoWallet) -> None:
    result = anonymous.take(anonymous.server.offer("identity_x5c"), anchors=[Party("https://stranger.example").anchors_pem])
    assert error(result) == ("credential", None)


# --- keys that are attested or named by DIDs, and what comes later ------------------------------------------------------------


DIDS = ("did:key", "did:jwk")
CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    "by_jwt": configuration("identity_x5c", {"jwt": terms(attested=LEVELS)}, scope="by_jwt"),
    "by_attestation": configuration("identity_x5c", {"attestation": terms(attested=LEVELS)}, scope="by_attestation"),
    # Credo knows issuers of these by their DIDs only.
    "degree": {**configuration("degree_jwt", {"jwt": terms()}, DIDS, scope="degree"), "key_resolution": "did:key"},
    "soon": {**configuration("identity_x5c", {"jwt": terms()}, scope="soon"), "deferred": 2},
    "later": {**configuration("identity_x5c", {"jwt": terms()}, scope="later"), "deferred": 3600},
}
DATASETS = {name: "degree_jwt" if name == "degree" else "identity_x5c" for name in CONFIGURATIONS}


@pytest.fixture(scope="module")
def proving(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CredoWallet]:
    folder = tmp_path_factory.mktemp("proving")
    # What it uses of `@openid4vc/openid4vci` refuses a deferred answer that has a `notification_id` beside the credentials.
    more: dict[str, Any] = {"anonymous_access": True, "notifications": False, "deferral": {"interval": 1}}
    config = members(CONFIGURATIONS, DATASETS, key_attestation=believing(folder), **more)
    with running_server(folder, config=config) as server:
        yield CredoWallet(node, server)


def provider(party: Party = PROVIDER, key_storage: str = "iso_18045_high") -> dict[str, Any]:
    given = {"issuer": party.identifier, "jwk": party.private_jwk, "x5c": party.x5c}
    return {"provider": given, "key_storage": [key_storage]}


@pytest.mark.parametrize("name", ["by_jwt", "by_attestation"])
def test_keys_that_are_attested(proving: CredoWallet, name: str) -> None:
    taken(proving.take(proving.server.offer(name), **provider()), name)


@pytest.mark.parametrize("by", [provider(STRANGER), provider(key_storage="iso_18045_basic")], ids=["stranger", "level"])
def test_keys_that_are_not_attested_as_they_must_be(proving: CredoWallet, by: Mapping[str, Any]) -> None:
    assert error(proving.take(proving.server.offer("by_attestation"), **by)) == ("credential", "invalid_proof")


@pytest.mark.parametrize("named", DIDS)
def test_degrees_for_dids(proving: CredoWallet, named: str) -> None:
    result = proving.take(proving.server.offer("degree"), named=named)
    assert "error" not in result, result
    (issued,) = result["issued"]
    subjects = [jwt_claims(each["credential"])["sub"] for each in issued["credentials"]]
    assert sorted(subjects) == sorted(issued["holders"])
    assert all(subject.startswith(f"{named}:") for subject in subjects)


@pytest.mark.parametrize(("name", "polls"), [("soon", 10), ("later", 2)])
def test_what_is_not_ready_yet(proving: CredoWallet, name: str, polls: int) -> None:
    result = proving.take(proving.server.offer(name), polls=polls)
    assert "error" not in result, result
    assert result["deferred"] == 1
    if name == "later":
        assert result["issued"] == []
        assert result["waits"] == [1] * polls
    else:
        taken(result, name)


# --- the authorization code flow ----------------------------------------------------------------------------------------------


@frozen
class Attested:
    """Credo as HAIP wants a wallet: attested, with PAR, PKCE and DPoP."""

    wallet: CredoWallet
    provider: Party

    def take(self, *, by: Party | None = None, **given: Any) -> dict[str, Any]:
        """What it printed of a new offer."""
        attester = by or self.provider
        attesting = {"issuer": attester.identifier, "jwk": attester.private_jwk, "x5c": attester.x5c}
        offer = self.wallet.server.offer("identity_x5c", grant="authorization_code")
        asked = {"client_id": CLIENT, "redirect_uri": REDIRECT_URI, "login": PERSON, "attester": attesting}
        return self.wallet.take(offer, **{**asked, **given})


@pytest.fixture(scope="module")
def attested(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attested]:
    folder, party = tmp_path_factory.mktemp("attested"), Party(PROVIDER.identifier)
    (folder / "anchors.pem").write_text(party.anchors_pem)
    config = {
        "client_authentication": ["attest_jwt_client_auth"],
        # It knows no challenges.
        "client_attestation": {"anchors_file": "anchors.pem", "require_x5c": True, "challenges": False},
        "require_pushed_authorization_requests": True,
        "dpop": "required",
    }
    with running_server(folder, config=config) as server:
        yield Attested(CredoWallet(node, server), party)


@pytest.mark.parametrize("refresh", [False, True], ids=["first token", "refreshed token"])
def test_for_the_person_who_logs_in(attested: Attested, refresh: bool) -> None:
    result = attested.take(refresh=refresh)
    taken(result, "identity_x5c", "max")
    assert result["token_type"] == "DPoP"
    assert (201, None) in attested.wallet.said("/par")


def test_a_person_who_refuses(attested: Attested) -> None:
    result = attested.take(login={**PERSON, "decision": "refuse"})
    assert error(result) == ("authorization response", "access_denied")


def test_an_attestation_by_a_stranger(attested: Attested) -> None:
    assert error(attested.take(by=STRANGER)) == ("authorization request", "invalid_client")
