"""The reference server binds to DIDs, takes presentations as proofs, and keys of the kinds that are listed: over TLS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from examples.wallet_cli.__main__ import main
from oid4vci._json import dump_bytes
from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.errors import Refused, TryLater
from oid4vci.keys import LocalSigner, public_key
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.wallet import Issued, Order
from tests.proving_configurations import configuration, members, overlooking, terms
from tests.publisher import Publisher, publishing
from tests.reference_server import WalletAt
from tests.running_server import RunningServer, running_server
from tests.signers import ML_DSA_NAMES, RSA

HOLDER, OTHER, OKP = LocalSigner.generate("holder"), LocalSigner.generate("other"), LocalSigner.generate("okp", "EdDSA")
CURVES = ("ES256", "EdDSA")
SUITES = ("ecdsa-rdfc-2019", "eddsa-jcs-2022")
ALL = ("did:web", "did:key", "did:jwk")
CONFIGURATIONS = {
    "degree": configuration("degree_jwt", {"jwt": terms(*CURVES)}, ALL),
    "either": configuration("degree_jwt", {"jwt": terms(*CURVES)}, ("jwk", "did:key")),
    "linked": configuration("degree_ldp", {"jwt": terms(*CURVES), "di_vp": terms(*SUITES)}, ALL),
    "presented": configuration("degree_ldp", {"di_vp": terms(*SUITES)}, ("did:key",)),
    "keys": configuration("identity_x5c", {"jwt": terms(*CURVES)}),
    "every_key": configuration("identity_x5c", {"jwt": terms("ES256", "PS256", *ML_DSA_NAMES)}),
}
DATASETS = {name: each["metadata"]["scope"].removesuffix("_proved") for name, each in CONFIGURATIONS.items()}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """Where holders publish their documents."""
    with publishing(tmp_path_factory.mktemp("published") / "elsewhere") as published:
        yield published


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, published: Publisher) -> Iterator[RunningServer]:
    others = {"did_web_hosts": [published.host], "tls_authorities_file": str(published.authority)}
    with running_server(tmp_path_factory.mktemp("server"), config=members(CONFIGURATIONS, DATASETS, **others)) as server:
        yield server


def ordered(server: RunningServer, name: str, *, careless: bool = False) -> tuple[WalletAt, Order]:
    """`careless`: the wallet believes that the issuer takes everything."""
    wallet = WalletAt.of(server.client(), server.issuer, server.demo_authority())
    if careless:
        wallet = evolve(wallet, send=overlooking(wallet.send, everything_taken))
    opened = wallet.opened(server.offer(name)["offer_uri"])
    session = run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send)
    return wallet, run(session.order(name), wallet.send)


def everything_taken(configuration: dict[str, Any]) -> None:
    configuration["cryptographic_binding_methods_supported"] = ["jwk", *ALL]
    algorithms = ["ES256", "EdDSA", "PS256", *ML_DSA_NAMES]
    configuration["proof_types_supported"] = {"jwt": terms(*algorithms), "di_vp": terms(*SUITES)}


def issued(wallet: WalletAt, order: Order, key: Any, proof_type: str | None = None) -> Issued:
    made = run(order.prove([key], now=wallet.clock(), proof_type=proof_type).submit(), wallet.send)
    assert isinstance(made, Issued)
    return made


def bound_to(made: Issued) -> Any:
    """The DID in the credential, or nothing."""
    (credential,) = made.credentials
    claims = credential.claims
    return claims["credentialSubject"].get("id")


# --- did:web ----------------------------------------------------------------------------------------------------------------


def published_did(published: Publisher, user: str, signer: LocalSigner = HOLDER, *, host: str | None = None) -> str:
    """The DID of a user whose document is published."""
    did = f"did:web:{(host or published.host).replace(':', '%3A')}:{user}"
    method = {"id": "#key-1", "type": "JsonWebKey2020", "controller": did, "publicKeyJwk": dict(signer.public_jwk)}
    published.documents[f"/{user}/did.json"] = dump_bytes(
        {"id": did, "verificationMethod": [method], "authentication": ["#key-1"]}
    )
    return did


def web_holder(did: str, signer: LocalSigner = HOLDER) -> HolderKey:
    return HolderKey(signer, f"{did}#key-1")


TYPES = pytest.mark.parametrize(("name", "proof_type"), [("degree", "jwt"), ("linked", "jwt"), ("linked", "di_vp")])


@pytest.mark.spec("VCI-F.1-04")
@TYPES
def test_a_holder_whose_document_is_published(server: RunningServer, published: Publisher, name: str, proof_type: str) -> None:
    did = published_did(published, f"{name}-{proof_type}")
    wallet, order = ordered(server, name)
    made = issued(wallet, order, web_holder(did), proof_type)
    assert bound_to(made) == did
    assert made.credentials[0].holder_key == web_holder(did).public_key
    assert published.fetched.count(f"/{name}-{proof_type}/did.json") == 1


@TYPES
def test_a_document_elsewhere_is_not_fetched(server: RunningServer, published: Publisher, name: str, proof_type: str) -> None:
    did = published_did(published, "elsewhere", host="wallet.example")
    before = list(published.fetched)
    for each in (did, f"did:web:localhost%3A{published.port + 1}:elsewhere", "did:web:localhost:elsewhere"):
        wallet, order = ordered(server, name)
        with pytest.raises(Refused, match="invalid_proof"):
            issued(wallet, order, web_holder(each), proof_type)
    assert published.fetched == before


@pytest.mark.spec("VCI-F.1-04")
@TYPES
def test_a_document_that_does_not_have_the_key(server: RunningServer, published: Publisher, name: str, proof_type: str) -> None:
    did = published_did(published, f"stolen-{name}-{proof_type}")
    wallet, order = ordered(server, name)
    with pytest.raises(Refused, match="invalid_proof"):
        issued(wallet, order, web_holder(did, OTHER), proof_type)
    with pytest.raises(Refused, match="invalid_proof"):
        issued(wallet, order, HolderKey(HOLDER, f"{did}#key-2"), proof_type)
    with pytest.raises(Refused, match="invalid_proof"):
        issued(wallet, order, web_holder(f"{did}-unpublished"), proof_type)
    assert bound_to(issued(wallet, order, web_holder(did), proof_type)) == did


@TYPES
def test_while_a_document_cannot_be_had_the_wallet_is_to_come_back(
    server: RunningServer, published: Publisher, name: str, proof_type: str
) -> None:
    user = f"late-{name}-{proof_type}"
    did = published_did(published, user)
    published.moved[f"/{user}/did.json"] = "/elsewhere/did.json"
    wallet, order = ordered(server, name)
    with pytest.raises(TryLater, match="503"):
        issued(wallet, order, web_holder(did), proof_type)
    published.stop()
    try:
        with pytest.raises(TryLater, match="503"):
            issued(wallet, order, web_holder(did), proof_type)
    finally:
        published.start()
    published.moved.clear()
    assert bound_to(issued(wallet, order, web_holder(did), proof_type)) == did


# --- DIDs that are keys, and keys -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["key", "jwk"])
@pytest.mark.parametrize("signer", [HOLDER, OKP], ids=CURVES)
@TYPES
def test_holders_that_are_keys(server: RunningServer, name: str, proof_type: str, signer: LocalSigner, method: str) -> None:
    """The credential is bound to the very DID that the proof has named."""
    did = DID_METHODS[method].did(public_key(signer.public_jwk))
    wallet, order = ordered(server, name)
    key = HolderKey(signer, DID_METHODS[method].verification_method(did))
    assert bound_to(issued(wallet, order, key, proof_type)) == did


def test_a_plain_key_is_bound_as_the_configuration_says(server: RunningServer) -> None:
    wallet, order = ordered(server, "either")
    assert bound_to(issued(wallet, order, HOLDER)) is None
    did = DID_METHODS["key"].did(public_key(HOLDER.public_jwk))
    assert bound_to(issued(wallet, order, HolderKey(HOLDER, DID_METHODS["key"].verification_method(did)))) == did
    wallet, order = ordered(server, "degree")
    proof = order.prove([HOLDER], now=wallet.clock())
    # The wallet names it by a DID, since nothing else is taken.
    assert str(proof.keys[0].did_url).startswith("did:")


def test_a_did_of_a_method_that_is_not_listed(server: RunningServer) -> None:
    wallet, order = ordered(server, "either", careless=True)
    did = DID_METHODS["jwk"].did(public_key(HOLDER.public_jwk))
    with pytest.raises(Refused, match=r"invalid_proof: .*DID method to which the Credential is not bound"):
        issued(wallet, order, HolderKey(HOLDER, f"{did}#0"))
    wallet, order = ordered(server, "degree", careless=True)
    with pytest.raises(Refused, match="invalid_proof"):
        issued(wallet, order, HOLDER)


def test_a_proof_type_that_is_not_listed(server: RunningServer) -> None:
    did = DID_METHODS["key"].did(public_key(HOLDER.public_jwk))
    key = HolderKey(HOLDER, DID_METHODS["key"].verification_method(did))
    for name, proof_type in (("presented", "jwt"), ("either", "di_vp")):
        wallet, order = ordered(server, name, careless=True)
        with pytest.raises(Refused, match=r"invalid_proof: .*does not take this proof type"):
            issued(wallet, order, key, proof_type)


# --- the wallet at the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["degree", "linked", "presented", "every_key"])
def test_the_wallet_names_and_proves_its_keys_as_it_must(server: RunningServer, tmp_path: Path, name: str) -> None:
    (tmp_path / "anchors.pem").write_bytes(server.demo_authority())
    arguments = [server.offer(name)["offer_uri"], "--trust", str(tmp_path / "anchors.pem"), "--ca", str(server.authority)]
    assert main([*arguments, "--save", str(tmp_path / "wallet"), "--yes", "--copies", "2"]) == 0
    assert len(list((tmp_path / "wallet").glob(f"{name}-*.key.pem"))) == 2
    if name == "presented":
        for path in (tmp_path / "wallet").glob("*.json"):
            assert json.loads(path.read_text())["credentialSubject"]["id"].startswith("did:key:")


# --- kinds of keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["PS256", *ML_DSA_NAMES[:1]])
def test_keys_of_other_kinds_are_off_unless_they_are_listed(server: RunningServer, algorithm: str) -> None:
    signer = RSA if algorithm == "PS256" else LocalSigner.generate("key", algorithm)
    wallet, order = ordered(server, "every_key")
    (credential,) = issued(wallet, order, signer).credentials
    assert credential.holder_key == public_key(signer.public_jwk)
    wallet, order = ordered(server, "keys", careless=True)
    with pytest.raises(Refused, match=r"invalid_proof: .*alg is not an accepted algorithm"):
        issued(wallet, order, signer)
