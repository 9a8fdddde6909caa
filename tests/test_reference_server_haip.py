"""The server.json that the README has for HAIP, over TLS: a wallet and its keys are attested, by one provider."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.keys import LocalSigner
from oid4vci.offers import AUTHORIZATION_CODE
from oid4vci.proofs.key_attestation import HIGH, MODERATE
from oid4vci.revocation import StatusReference
from oid4vci.wallet import Issued, Order
from tests.proving_configurations import PROVIDER, STRANGER, attested
from tests.publisher import Publisher, publishing
from tests.reference_server import WalletAt
from tests.running_server import RunningServer, running_server
from tests.test_reference_server import README
from tests.test_reference_server_flows import attested as attested_wallet
from tests.test_reference_server_flows import authorized
from tests.test_reference_server_outside import status_list
from tests.test_x509 import pem

KEYS = [LocalSigner.generate(f"holder-{i}") for i in range(2)]
AS_WANTED: Any = {"key_storage": [HIGH], "user_authentication": [HIGH]}
PROVING = pytest.mark.parametrize(("proof_type", "keys"), [("jwt", KEYS[:1]), ("attestation", [])])


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with publishing(tmp_path_factory.mktemp("published") / "provider") as published:
        published.documents["/status-lists/1"] = status_list(f"{published.origin}/status-lists/1")
        yield published


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, published: Publisher) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    (text,) = re.findall("```json\n(.*?)```", README.read_text(), re.DOTALL)
    config = json.loads(text.replace("https://wallet-provider.example", published.origin))
    (folder / "wallet-providers.pem").write_bytes(pem(PROVIDER.authority))
    with running_server(folder, config={**config, "tls_authorities_file": str(published.authority)}) as server:
        yield server


def ordered(server: RunningServer) -> tuple[WalletAt, Order]:
    """After PAR, a login, and a token that is bound to a key."""
    wallet = attested_wallet(server, signer=PROVIDER.signer, x5c=[PROVIDER.leaf])
    made = server.offer("identity", grant=AUTHORIZATION_CODE)
    session = authorized(server, wallet, made["offer_uri"], using="scope")
    assert session.sender.dpop is not None
    return wallet, run(session.order("identity"), wallet.send)


def sent(wallet: WalletAt, order: Order, attestation: str, proof_type: str, keys: list[LocalSigner]) -> Issued:
    proofs = order.prove(keys, now=wallet.clock(), proof_type=proof_type, key_attestation=attestation)
    issued = run(proofs.submit(), wallet.send)
    assert isinstance(issued, Issued)
    return issued


@pytest.mark.spec("HAIP-4.5.1-03", "HAIP-4.5.1-04")
@PROVING
def test_a_batch_for_keys_that_are_attested(
    server: RunningServer, published: Publisher, proof_type: str, keys: list[LocalSigner]
) -> None:
    wallet, order = ordered(server)
    status = StatusReference(f"{published.origin}/status-lists/1", 6)
    issued = sent(wallet, order, attested(order, *KEYS, status=status, **AS_WANTED), proof_type, keys)
    assert len(issued.credentials) == 2
    for credential in issued.credentials:
        assert credential.claims["given_name"] == "Ada"
        assert credential.status is not None
        assert credential.expires_at is not None


@PROVING
def test_what_is_not_as_it_must_be(
    server: RunningServer, published: Publisher, proof_type: str, keys: list[LocalSigner]
) -> None:
    wallet, order = ordered(server)
    revoked = StatusReference(f"{published.origin}/status-lists/1", 7)
    for claims in ({"by": STRANGER}, {"status": revoked}):
        with pytest.raises(Refused, match="invalid_proof"):
            sent(wallet, order, attested(order, *KEYS, **{**AS_WANTED, **claims}), proof_type, keys)
    with pytest.raises(ValueError, match="this one has another user_authentication"):
        sent(wallet, order, attested(order, *KEYS, key_storage=[HIGH], user_authentication=[MODERATE]), proof_type, keys)
    assert len(sent(wallet, order, attested(order, *KEYS, **AS_WANTED), proof_type, keys).credentials) == 2
