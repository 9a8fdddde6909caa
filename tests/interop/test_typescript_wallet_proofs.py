"""The TypeScript wallet proves keys in every way that it knows, over TLS: attested, attested alone, and named by DIDs.

joserfc checks the credentials that are JWTs, `@sd-jwt/sd-jwt-vc` the others.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.interop.node import Node
from tests.interop.parties import Party
from tests.interop.wallet import COPIES, TypescriptWallet, error
from tests.proving_configurations import LEVELS, PROVIDER, STRANGER, believing, configuration, members, terms
from tests.running_server import running_server

pytestmark = pytest.mark.interop

DIDS = ("jwk", "did:key", "did:jwk")
CONFIGURATIONS = {
    "by_jwt": configuration("identity_x5c", {"jwt": terms(attested=LEVELS)}),
    "by_attestation": configuration("identity_x5c", {"attestation": terms(attested=LEVELS)}),
    "degree": configuration("degree_jwt", {"jwt": terms()}, DIDS),
    "linked": configuration("degree_ldp", {"jwt": terms()}, DIDS),
    "licence": configuration("driving_licence_mdoc", {"attestation": terms(attested=LEVELS)}),
}
DATASETS = {name: each["metadata"]["scope"].removesuffix("_proved") for name, each in CONFIGURATIONS.items()}
TYPES = {"by_jwt": "jwt", "by_attestation": "attestation"}


@pytest.fixture(scope="module")
def wallet(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TypescriptWallet]:
    folder = tmp_path_factory.mktemp("server")
    config = members(CONFIGURATIONS, DATASETS, key_attestation=believing(folder))
    with running_server(folder, config=config) as server:
        yield TypescriptWallet(node, server)


def take(wallet: TypescriptWallet, name: str, **proof: Any) -> dict[str, Any]:
    return wallet.take(wallet.server.offer(name), client_id="typescript-wallet", dpop=True, proof=proof)


def provider(party: Party = PROVIDER, key_storage: str = "iso_18045_high") -> dict[str, Any]:
    given = {"issuer": party.identifier, "jwk": party.private_jwk, "x5c": party.x5c}
    return {"provider": given, "key_storage": [key_storage]}


def taken(result: dict[str, Any]) -> dict[str, Any]:
    assert "error" not in result, result
    (issued,) = result["issued"]
    assert len(issued["credentials"]) == COPIES
    found: dict[str, Any] = issued
    return found


@pytest.mark.spec("VCI-F.1-22", "VCI-F.3-04", "HAIP-4.5.1-09")
@pytest.mark.parametrize(("name", "proof_type"), TYPES.items())
def test_keys_that_are_attested(wallet: TypescriptWallet, name: str, proof_type: str) -> None:
    issued = taken(take(wallet, name, type=proof_type, **provider()))
    assert issued["proved"] == [proof_type]
    assert sorted(each["holder"] for each in issued["credentials"]) == sorted(issued["holders"])
    assert len(set(issued["holders"])) == COPIES


def test_driving_licences_for_attested_keys(wallet: TypescriptWallet) -> None:
    issued = taken(take(wallet, "licence", type="attestation", **provider()))
    assert all(isinstance(each["credential"], str) for each in issued["credentials"])


@pytest.mark.parametrize(("name", "proof_type"), TYPES.items())
@pytest.mark.parametrize(
    "proof",
    [provider(STRANGER), provider(key_storage="iso_18045_basic")],
    ids=["another authority", "another level"],
)
def test_what_is_not_attested_as_it_must_be(
    wallet: TypescriptWallet, name: str, proof_type: str, proof: dict[str, Any]
) -> None:
    result = take(wallet, name, type=proof_type, **proof)
    assert error(result) == ("credential", "invalid_proof"), result


@pytest.mark.parametrize(
    ("name", "said"), [("by_jwt", "requires key attestations"), ("by_attestation", "does not support the 'jwt' proof type")]
)
def test_what_is_wanted_is_read_in_the_metadata(wallet: TypescriptWallet, name: str, said: str) -> None:
    result = take(wallet, name)
    assert error(result) == ("credential", None), result
    assert said in result["error"]["message"]


@pytest.mark.spec("VCI-F.1-04")
@pytest.mark.parametrize("method", ["did:key", "did:jwk"])
def test_degrees_are_bound_to_the_dids_that_name_the_keys(wallet: TypescriptWallet, method: str) -> None:
    issued = taken(take(wallet, "degree", named=method))
    with wallet.server.client() as client:
        keys = KeySet.import_key_set(client.get("/.well-known/jwt-vc-issuer").json()["jwks"])
    claims = [jwt.decode(each["credential"], keys, algorithms=["ES256"]).claims for each in issued["credentials"]]
    assert sorted(each["sub"] for each in claims) == sorted(issued["dids"])
    assert all(each["vc"]["credentialSubject"]["id"] == each["sub"] for each in claims)
    assert all(each.startswith(f"{method}:") for each in issued["dids"])


@pytest.mark.parametrize("method", ["did:key", "did:jwk"])
def test_data_integrity_credentials_are_as_well(wallet: TypescriptWallet, method: str) -> None:
    issued = taken(take(wallet, "linked", named=method))
    subjects = [each["credential"]["credentialSubject"]["id"] for each in issued["credentials"]]
    assert sorted(subjects) == sorted(issued["dids"])


def test_a_did_is_not_taken_where_credentials_are_bound_to_keys(wallet: TypescriptWallet) -> None:
    result = take(wallet, "by_jwt", named="did:key", **provider())
    assert "error" in result, result
