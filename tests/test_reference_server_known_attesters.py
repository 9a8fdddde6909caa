"""Attesters of keys that the reference server knows by name, and whose keys it fetches: over TLS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from oid4vci.drive import run
from oid4vci.errors import Refused, TryLater
from oid4vci.keys import LocalSigner
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.revocation import StatusReference
from oid4vci.unsigned_jwt import UnsignedJwt, signed
from oid4vci.wallet import Issued, Order
from tests.proving_configurations import configuration, members, terms
from tests.publisher import Publisher, publishing
from tests.reference_server import WalletAt
from tests.running_server import running_server
from tests.test_reference_server_flows import published as jwk

ATTESTER, KEY, OTHER = "https://attester.example", LocalSigner.generate("attester"), LocalSigner.generate("attester")
HOLDER = LocalSigner.generate("holder")
CONFIGURATIONS = {
    "jwt": configuration("identity_x5c", {"jwt": terms(attested={})}),
    "attestation": configuration("identity_x5c", {"attestation": terms()}),
}
TYPES = pytest.mark.parametrize("name", CONFIGURATIONS)


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Publisher]:
    with publishing(tmp_path / "elsewhere") as published:
        published.documents["/jwks"] = json.dumps({"keys": [jwk(KEY)]}).encode()
        yield published


def config(published: Publisher, **others: Any) -> dict[str, Any]:
    attesters = {ATTESTER: {"jwks_uri": f"{published.origin}/jwks"}}
    datasets = dict.fromkeys(CONFIGURATIONS, "identity_x5c")
    believed = {"key_attestation": {"attesters": attesters, **others}, "tls_authorities_file": str(published.authority)}
    return members(CONFIGURATIONS, datasets, **believed)


def taken(server: Any, name: str, *, signer: LocalSigner = KEY, iss: str | None = ATTESTER, **claims: Any) -> Issued:
    """A credential for a key that is attested under a name."""
    wallet = WalletAt.of(server.client(), server.issuer, server.demo_authority())
    opened = wallet.opened(server.offer(name)["offer_uri"])
    order: Order = run(run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send).order(name), wallet.send)
    nonce, now = order.c_nonce, wallet.clock()
    given: dict[str, Any] = {"attested_keys": [HOLDER.public_jwk], "nonce": nonce, "now": now, "lifetime": 300, **claims}
    data = key_attestation_signing_input(signer, issuer=iss, **given)
    (attestation,) = signed([UnsignedJwt(signer, data)], [])
    proofs = order.prove([HOLDER], now=now, key_attestation=attestation)
    issued = run(proofs.submit(), wallet.send)
    assert isinstance(issued, Issued)
    return issued


@TYPES
def test_its_keys_are_fetched_once(tmp_path: Path, published: Publisher, name: str) -> None:
    with running_server(tmp_path, config=config(published)) as server:
        for iss in (ATTESTER, ATTESTER, None):
            taken(server, name, iss=iss)
        assert published.fetched == ["/jwks"]
        for refused in ({"signer": OTHER}, {"iss": "https://other.example"}, {"signer": evolve(KEY, key_id="other")}):
            with pytest.raises(Refused, match="invalid_proof"):
                taken(server, name, **refused)
        # With nowhere to look, what can be revoked is not believed, and nothing is asked.
        with pytest.raises(Refused, match=r"invalid_proof: .*status"):
            taken(server, name, status=StatusReference(f"{published.origin}/lists/1", 6))
        assert set(published.fetched) == {"/jwks"}


def test_while_they_cannot_be_had_the_wallet_is_to_come_back(tmp_path: Path, published: Publisher) -> None:
    published.stop()
    with running_server(tmp_path, config=config(published)) as server:
        with pytest.raises(TryLater, match="503"):
            taken(server, "attestation")
        published.start()
        # They are tried once a minute; other credentials do not wait for that.
        with pytest.raises(TryLater, match="503"):
            taken(server, "attestation")
        assert published.fetched == []


@TYPES
def test_statuses_can_be_of_no_interest(tmp_path: Path, published: Publisher, name: str) -> None:
    with running_server(tmp_path, config=config(published, check_status=False)) as server:
        taken(server, name, status=StatusReference(f"{published.origin}/lists/1", 6))
        assert published.fetched == ["/jwks"]
