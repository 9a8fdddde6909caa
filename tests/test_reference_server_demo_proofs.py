"""The reference server without a file binds degrees to DIDs that are keys, and takes presentations; so does every W3C format."""

from pathlib import Path

import pytest

from examples.reference_server.settings import read_settings
from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.keys import LocalSigner, public_key
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.wallet import Issued
from tests.proving_configurations import configuration, members, terms
from tests.reference_server import ReferenceServer

DEGREES = pytest.mark.parametrize(
    ("name", "proof_type"), [("degree_jwt", "jwt"), ("degree_ldp", "jwt"), ("degree_ldp", "di_vp")]
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReferenceServer:
    return ReferenceServer.of(tmp_path, monkeypatch)


def taken(server: ReferenceServer, name: str, key: HolderKey | LocalSigner, proof_type: str) -> Issued:
    wallet = server.wallet()
    opened = wallet.opened(server.offer(name, grant="pre-authorized_code")["offer_uri"])
    order = run(run(opened.redeem(now=wallet.clock(), dpop=wallet.dpop), wallet.send).order(name), wallet.send)
    issued = run(order.prove([key], now=wallet.clock(), proof_type=proof_type).submit(), wallet.send)
    assert isinstance(issued, Issued)
    return issued


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA"])
@pytest.mark.parametrize("method", ["key", "jwk"])
@DEGREES
def test_degrees_for_dids(server: ReferenceServer, name: str, proof_type: str, method: str, algorithm: str) -> None:
    signer = LocalSigner.generate("holder", algorithm)
    did = DID_METHODS[method].did(public_key(signer.public_jwk))
    key = HolderKey(signer, DID_METHODS[method].verification_method(did))
    (credential,) = taken(server, name, key, proof_type).credentials
    assert credential.claims["credentialSubject"]["id"] == did
    assert credential.holder_key == key.public_key


def test_degrees_for_keys_are_what_they_were(server: ReferenceServer) -> None:
    signer = LocalSigner.generate("holder")
    (by_key,) = taken(server, "degree_jwt", signer, "jwt").credentials
    assert "id" not in by_key.claims["credentialSubject"]
    (linked,) = taken(server, "degree_ldp", signer, "jwt").credentials
    assert linked.claims["credentialSubject"]["id"] == DID_METHODS["key"].did(public_key(signer.public_jwk))


@pytest.mark.parametrize("format_", ["jwt_vc_json", "jwt_vc_json-ld", "ldp_vc", "vc+jwt", "vc+sd-jwt"])
def test_every_format_of_w3c_is_bound_to_the_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str) -> None:
    base = "https://www.w3.org/2018/credentials/v1" if format_ == "jwt_vc_json-ld" else "https://www.w3.org/ns/credentials/v2"
    definition = {"@context": [base], "type": ["VerifiableCredential"]}
    if format_ == "jwt_vc_json":
        del definition["@context"]
    metadata = {"format": format_, "credential_definition": definition}
    proofs = {"jwt": terms("ES256"), "di_vp": terms("ecdsa-jcs-2019")}
    like = configuration("degree_ldp", proofs, ["did:key"], **metadata)
    if format_ != "ldp_vc":
        del like["metadata"]["credential_signing_alg_values_supported"]
        like["key_resolution"] = "jwt-vc-issuer"
    server = ReferenceServer.of(tmp_path, monkeypatch, members({"degree": like}, {"degree": "degree_ldp"}))
    signer = LocalSigner.generate("holder")
    did = DID_METHODS["key"].did(public_key(signer.public_jwk))
    for proof_type in proofs:
        # The wallet names a plain key as it must.
        (credential,) = taken(server, "degree", signer, proof_type).credentials
        assert credential.claims["credentialSubject"] == {
            "id": did,
            "name": "Ada Beispiel",
            "description": "Bachelor of Examples",
        }


def test_proofs_of_the_demonstration() -> None:
    types = {name: set(each.metadata["proof_types_supported"]) for name, each in read_settings(None).configurations.items()}
    assert types.pop("degree_ldp") == {"jwt", "di_vp"}
    assert all(each == {"jwt"} for each in types.values())
