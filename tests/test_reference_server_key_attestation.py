"""The reference server wants keys that are attested: over TLS, with the wallet at the command line and with the library's."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from examples.wallet_cli.__main__ import main
from oid4vci._json import dump_bytes
from oid4vci.drive import run
from oid4vci.errors import Refused, TryLater
from oid4vci.http import Request
from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.proofs.key_attestation import BASIC
from oid4vci.revocation import StatusReference
from oid4vci.wallet import Issued, Order
from tests.proving_configurations import (
    LEVELS,
    STRANGER,
    attested,
    attester_files,
    believing,
    configuration,
    members,
    overlooking,
    terms,
)
from tests.publisher import Publisher, publishing
from tests.reference_server import WalletAt
from tests.running_server import RunningServer, running_server
from tests.test_reference_server_outside import status_list

ATTESTED = {
    "by_jwt": configuration("identity_x5c", {"jwt": terms(attested=LEVELS)}),
    "by_attestation": configuration("identity_x5c", {"attestation": terms(attested=LEVELS)}),
    "by_either": configuration("identity_x5c", {"jwt": terms(attested={}), "attestation": terms(attested={})}),
    "licence": configuration("driving_licence_mdoc", {"jwt": terms(attested=LEVELS), "attestation": terms(attested=LEVELS)}),
}
DATASETS = {"by_jwt": "identity_x5c", "by_attestation": "identity_x5c", "by_either": "identity_x5c"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """Where the attester, and somebody else at the same host, publish status lists."""
    with publishing(tmp_path_factory.mktemp("published") / "elsewhere") as published:
        yield published


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, published: Publisher) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    config = members(
        ATTESTED,
        {**DATASETS, "licence": "driving_licence_mdoc"},
        key_attestation=believing(folder, status_list_urls=[f"{published.origin}/lists/"]),
        tls_authorities_file=str(published.authority),
        batch_size=3,
    )
    with running_server(folder, config=config) as server:
        yield server


# --- the wallet at the command line -----------------------------------------------------------------------------------------


def take(server: RunningServer, folder: Path, name: str, *options: str) -> int:
    (folder / "anchors.pem").write_bytes(server.demo_authority())
    arguments = [server.offer(name)["offer_uri"], "--trust", str(folder / "anchors.pem"), "--ca", str(server.authority)]
    return main([*arguments, "--save", str(folder / "wallet"), "--yes", *options])


@pytest.mark.spec("HAIP-4.5.1-03", "HAIP-4.5.1-04", "HAIP-4.5.1-09")
@pytest.mark.parametrize(("name", "suffix"), [*((name, "sd-jwt") for name in DATASETS), ("licence", "mdoc")])
def test_whoever_attests_its_keys_gets_a_credential_for_each(
    server: RunningServer, tmp_path: Path, name: str, suffix: str
) -> None:
    assert take(server, tmp_path, name, *attester_files(tmp_path), "--copies", "2") == 0
    assert len(list((tmp_path / "wallet").glob(f"{name}-*.{suffix}"))) == 2
    assert len(list((tmp_path / "wallet").glob(f"{name}-*.key.pem"))) == 2


@pytest.mark.parametrize("name", ["by_jwt", "by_attestation"])
def test_whoever_does_not_is_told_what_is_wanted(
    server: RunningServer, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(server, tmp_path, name) == 1
    said = capsys.readouterr()
    assert "--key-attestation-key names a key to attest with" in said.out
    assert "the issuer demands a key attestation with key_storage iso_18045_high" in said.err


@pytest.mark.parametrize("name", ["by_jwt", "by_attestation"])
def test_another_authority_is_not_believed(
    server: RunningServer, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(server, tmp_path, name, *attester_files(tmp_path, STRANGER)) == 1
    said = capsys.readouterr().err
    assert "invalid_proof" in said
    assert "does not lead to a trust anchor" in said


@pytest.mark.spec("HAIP-4.5.1-05")
def test_an_attester_without_certificates_is_not_believed(
    server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, file, *_ = attester_files(tmp_path)
    assert take(server, tmp_path, "by_jwt", key, file) == 1
    assert "x5c is missing" in capsys.readouterr().err


# --- the library's wallet ---------------------------------------------------------------------------------------------------

KEYS = [LocalSigner.generate(f"holder-{i}") for i in range(3)]


def ordered(server: RunningServer, name: str, *, careless: bool = False) -> tuple[WalletAt, Order]:
    """`careless`: the wallet overlooks what levels the issuer wants."""
    wallet = WalletAt.of(server.client(), server.issuer, server.demo_authority())
    if careless:
        wallet = evolve(wallet, send=overlooking(wallet.send, levels_left_out))
    opened = wallet.opened(server.offer(name)["offer_uri"])
    session = run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send)
    return wallet, run(session.order(name), wallet.send)


def levels_left_out(configuration: dict[str, Any]) -> None:
    for each in configuration["proof_types_supported"].values():
        each.pop("key_attestations_required", None)


def issued(wallet: WalletAt, order: Order, attestation: str, keys: Sequence[LocalSigner] = ()) -> Issued:
    made = run(order.prove(keys, now=wallet.clock(), key_attestation=attestation).submit(), wallet.send)
    assert isinstance(made, Issued)
    return made


PROVING = pytest.mark.parametrize(("name", "proving"), [("by_jwt", 1), ("by_attestation", 0)])


@pytest.mark.spec("VCI-F.1-22", "VCI-F.3-04")
@PROVING
def test_every_attested_key_gets_a_credential(server: RunningServer, name: str, proving: int) -> None:
    wallet, order = ordered(server, name)
    credentials = issued(wallet, order, attested(order, *KEYS), KEYS[:proving]).credentials
    holders = [each.holder_key for each in credentials]
    assert {thumbprint(key.jwk) for key in holders if key} == {thumbprint(key.public_jwk) for key in KEYS}


@PROVING
@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"key_storage": [BASIC]}, "key_storage: has no value that the issuer accepts"),
        ({"key_storage": []}, "key_storage: is missing"),
        ({"user_authentication": ["iso_18045_HIGH"]}, "user_authentication: has no value that the issuer accepts"),
        ({"user_authentication": []}, "user_authentication: is missing"),
    ],
)
def test_levels_that_are_not_accepted_are_refused(
    server: RunningServer, name: str, proving: int, claims: Any, said: str
) -> None:
    wallet, order = ordered(server, name, careless=True)
    with pytest.raises(Refused, match=f"invalid_proof: .*{said}"):
        issued(wallet, order, attested(order, *KEYS, **claims), KEYS[:proving])
    # Nothing was consumed by it.
    assert len(issued(wallet, order, attested(order, *KEYS), KEYS[:proving]).credentials) == 3


def test_a_proof_without_an_attestation_is_refused_by_the_server_too(server: RunningServer) -> None:
    wallet, order = ordered(server, "by_jwt", careless=True)
    with pytest.raises(Refused, match=r"invalid_proof: .*key_attestation is missing"):
        run(order.prove(KEYS, now=wallet.clock()).submit(), wallet.send)


def test_a_configuration_without_attestations_takes_none_alone(server: RunningServer) -> None:
    """What the wallet sends as one type is not taken where only another is listed."""
    wallet, order = ordered(server, "by_jwt")
    proofs = order.prove(KEYS[:1], now=wallet.clock(), key_attestation=attested(order, KEYS[0]))
    request = proofs.submit().request
    body = dump_bytes({**request.json_object(), "proofs": {"attestation": [attested(order, KEYS[0])]}})
    headers = [(name, value) for name, value in request.headers.pairs if name.lower() != "content-length"]
    answer = wallet.send(Request(request.method, request.url, headers, body))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_proof"), answer.body


# --- attestations that can be revoked ---------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-D.1-13")
@PROVING
def test_what_was_revoked_is_refused(server: RunningServer, published: Publisher, name: str, proving: int) -> None:
    uri = f"{published.origin}/lists/{name}"
    published.documents[f"/lists/{name}"] = status_list(uri)
    wallet, order = ordered(server, name)
    for index in (7, 8):
        with pytest.raises(Refused, match=r"invalid_proof: .*status: was revoked, or its status could not be found out"):
            issued(wallet, order, attested(order, *KEYS, status=StatusReference(uri, index)), KEYS[:proving])
    assert issued(wallet, order, attested(order, *KEYS, status=StatusReference(uri, 6)), KEYS[:proving]).credentials
    # Kept for as long as it says.
    assert published.fetched.count(f"/lists/{name}") == 1


@PROVING
def test_while_the_list_cannot_be_had_the_wallet_is_to_come_back(
    server: RunningServer, published: Publisher, name: str, proving: int
) -> None:
    path = f"/lists/late/{name}"
    published.documents[path] = status_list(f"{published.origin}{path}")
    wallet, order = ordered(server, name)
    attestation = attested(order, *KEYS, status=StatusReference(f"{published.origin}{path}", 6))
    published.stop()
    try:
        with pytest.raises(TryLater, match="503"):
            issued(wallet, order, attestation, KEYS[:proving])
    finally:
        published.start()
    # The same attestation, with the same nonce.
    assert len(issued(wallet, order, attestation, KEYS[:proving]).credentials) == 3
    assert published.fetched.count(path) == 1


@PROVING
@pytest.mark.parametrize("where", ["other path", "other host"])
def test_a_list_elsewhere_is_not_fetched(
    server: RunningServer, published: Publisher, name: str, proving: int, where: str
) -> None:
    uri = {
        "other path": f"{published.origin}/elsewhere",
        "other host": f"https://127.0.0.1:{published.port}/lists/elsewhere",
    }[where]
    published.documents |= {path: status_list(uri) for path in ("/elsewhere", "/lists/elsewhere")}
    before = list(published.fetched)
    wallet, order = ordered(server, name)
    with pytest.raises(Refused, match=r"invalid_proof: .*status"):
        issued(wallet, order, attested(order, *KEYS, status=StatusReference(uri, 6)), KEYS[:proving])
    assert published.fetched == before


def test_a_list_that_somebody_else_signed_says_nothing(server: RunningServer, published: Publisher) -> None:
    uri = f"{published.origin}/lists/strange"
    published.documents["/lists/strange"] = status_list(uri, party=STRANGER)
    wallet, order = ordered(server, "by_attestation")
    with pytest.raises(Refused, match=r"invalid_proof: .*status"):
        issued(wallet, order, attested(order, *KEYS, status=StatusReference(uri, 6)))


def test_nothing_is_fetched_for_a_stranger(server: RunningServer, published: Publisher) -> None:
    before = list(published.fetched)
    status = StatusReference(f"{published.origin}/lists/for-a-stranger", 6)
    wallet, order = ordered(server, "by_attestation")
    with pytest.raises(Refused, match="invalid_proof"):
        issued(wallet, order, attested(order, *KEYS, by=STRANGER, status=status))
    assert published.fetched == before
