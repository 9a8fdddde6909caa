"""Proofs of keys: those of our Wallet at an issuer of `@openid4vc/openid4vci`, and those of its wallet at our issuer."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, Signer, public_key
from oid4vci.metadata import CredentialConfiguration, KeyAttestationsRequired, ProofType
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import HIGH, MODERATE, KeyAttestations
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.unsigned_jwt import UnsignedJwt, signed
from oid4vci.wallet import Order
from tests.interop.node import Node
from tests.interop.parties import Party
from tests.issuance import CLIENT, IDENTIFIER, ISSUER_KEY, Issuance, NoteEncoder, issuance, issuer_metadata, refused
from tests.scripted_server import HOLDER_KEYS, ISSUER
from tests.wallet_proofs import OKP, ordered, remote, server, signatures, taken

pytestmark = pytest.mark.interop

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS
PROVIDER, STRANGER, HOLDER = (
    Party("https://provider.example"),
    Party("https://provider.example"),
    Party("https://wallet.example"),
)
RULES = {"key_storage": [HIGH], "user_authentication": [MODERATE]}
BOTH_KINDS = pytest.mark.parametrize("kind", ["here", "elsewhere"])


# --- ours -------------------------------------------------------------------------------------------------------------------


def attested(order: Order, *keys: Signer, provider: Party = PROVIDER) -> str:
    data = key_attestation_signing_input(
        provider.signer,
        x5c=[provider.leaf],
        issuer=provider.identifier,
        attested_keys=[key.public_jwk for key in keys],
        now=int(time.time()),
        lifetime=300,
        nonce=order.c_nonce,
        key_storage=[HIGH],
        user_authentication=[MODERATE],
    )
    (attestation,) = signed([UnsignedJwt(provider.signer, data)], [])
    return attestation


def sends(types: Any, methods: Sequence[str], *keys: Any, attesting: Sequence[Signer] = (), provider: Party = PROVIDER) -> Any:
    """What our Wallet sends as proofs, of whatever type."""
    order = ordered(server(types, methods))
    attestation = attested(order, *attesting, provider=provider) if attesting else None
    proofs = order.prove(keys, now=int(time.time()), key_attestation=attestation)
    ((name, sent),) = proofs.submit(signatures(proofs)).request.json_object()["proofs"].items()
    return {name: sent[0], "issuer": ISSUER, "client_id": "wallet", "nonce": order.c_nonce, "anchors": PROVIDER.anchors_pem}


JWT, ATTESTED = {"jwt": taken("ES256", "EdDSA")}, {"jwt": taken(attested=RULES)}
ALONE = {"attestation": taken(attested=RULES)}


def questions(kind: str) -> dict[str, Any]:
    """By name, with keys that are here or elsewhere."""
    first, second, okp = [remote(key) if kind == "elsewhere" else key for key in (FIRST, SECOND, OKP)]
    good = {
        "jwk": sends(JWT, ["jwk"], first),
        "did:key": sends(JWT, ["did:key"], first),
        "did:key of Ed25519": sends(JWT, ["did:key"], okp),
        "did:jwk": sends(JWT, ["did:jwk"], first),
        "x5c": sends(JWT, ["jwk"], HolderKey(HOLDER.signer, x5c=[HOLDER.leaf])),
        "key_attestation": sends(ATTESTED, ["jwk"], first, second, attesting=[first, second]),
        "key_attestation and did:key": sends(ATTESTED, ["did:key"], first, attesting=[first]),
        "attestation": sends(ALONE, ["jwk"], first, second, attesting=[first, second]),
    }
    bad = {
        "for another issuer": {**good["jwk"], "issuer": "https://other.example"},
        "of another client": {**good["jwk"], "client_id": "other"},
        "with another nonce": {**good["jwk"], "nonce": "other"},
        "under another anchor": sends(ATTESTED, ["jwk"], first, attesting=[first], provider=STRANGER),
        "alone with another nonce": {**good["attestation"], "nonce": "other"},
        "alone under another anchor": sends(ALONE, ["jwk"], attesting=[first], provider=STRANGER),
    }
    return {**good, **bad}


@pytest.fixture(scope="module")
def said(node: Node) -> Mapping[str, Mapping[str, Any]]:
    """What the library says of each, by kind and name."""
    asked = {f"{kind} {name}": task for kind in ("here", "elsewhere") for name, task in questions(kind).items()}
    answer: dict[str, Any] = node.run("holder_proofs.mjs", {"verify": asked})
    return answer


def public(*signers: Signer) -> list[dict[str, str]]:
    return [dict(signer.public_jwk) for signer in signers]


@pytest.mark.spec("VCI-F.1-04", "VCI-F.1-06", "VCI-F.1-08", "VCI-F.1-10", "HAIP-4.5.1-03", "HAIP-4.5.1-09")
@BOTH_KINDS
@pytest.mark.parametrize(
    ("name", "signer", "attests"),
    [
        ("jwk", FIRST, None),
        ("did:key", FIRST, None),
        ("did:key of Ed25519", OKP, None),
        ("did:jwk", FIRST, None),
        ("x5c", HOLDER.signer, None),
        ("key_attestation", FIRST, [FIRST, SECOND]),
        ("key_attestation and did:key", FIRST, [FIRST]),
    ],
)
def test_our_jwt_proofs_are_accepted(
    said: Mapping[str, Any], name: str, signer: LocalSigner, attests: list[LocalSigner] | None, kind: str
) -> None:
    answer = said[f"{kind} {name}"]
    assert answer.keys() == {"ok"}, answer
    assert answer["ok"]["key"] == dict(signer.public_jwk)
    assert answer["ok"].get("attested") == (None if attests is None else public(*attests))


@pytest.mark.spec("VCI-F.3-01", "VCI-F.3-02", "HAIP-4.5.1-04", "HAIP-4.5.1-05")
@BOTH_KINDS
def test_our_attestation_proofs_are_accepted(said: Mapping[str, Any], kind: str) -> None:
    assert said[f"{kind} attestation"] == {"ok": {"attested": public(FIRST, SECOND)}}


@BOTH_KINDS
@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("for another issuer", "'aud' does not match"),
        ("of another client", "'iss'"),
        ("with another nonce", "nonce"),
        ("under another anchor", "key attestation"),
        ("alone with another nonce", "nonce"),
        ("alone under another anchor", "key attestation"),
    ],
)
def test_what_is_wrong_with_ours_is_noticed(said: Mapping[str, Any], name: str, because: str, kind: str) -> None:
    answer = said[f"{kind} {name}"]
    assert answer.keys() == {"error"}
    assert because in answer["error"], answer


# --- theirs -----------------------------------------------------------------------------------------------------------------


def taking(name: str, believed: Party = PROVIDER) -> Issuance:
    """Our issuer, which takes proofs of one type."""
    attestations = KeyAttestations(anchors=believed.anchors, require_x5c=True)
    required = None if name == "jwt" else KeyAttestationsRequired(key_storage=(HIGH,))
    configuration = CredentialConfiguration(
        format="x-note",
        cryptographic_binding_methods_supported=("jwk", "did:key", "did:jwk"),
        proof_types_supported={
            name: ProofType(proof_signing_alg_values_supported=("ES256",), key_attestations_required=required)
        },
    )
    known: dict[str, Any] = {
        "jwt": JwtProofType(key_attestations=attestations),
        "attestation": AttestationProofType(attestations),
    }
    return issuance(
        metadata=issuer_metadata(credential_configurations_supported={"note": configuration}),
        encoders={"note": NoteEncoder(ISSUER_KEY)},
        proof_types={name: known[name]},
    )


def makes(node: Node, nonce: str, attester: Party = PROVIDER) -> Mapping[str, Any]:
    given = {
        "issuer": IDENTIFIER,
        "client_id": CLIENT,
        "nonce": nonce,
        "attester": {"issuer": attester.identifier, "jwk": attester.private_jwk, "x5c": attester.x5c},
        "holder": {"jwk": HOLDER.private_jwk, "x5c": HOLDER.x5c},
    }
    made: Mapping[str, Any] = node.run("holder_proofs.mjs", {"make": given})
    return made


@pytest.fixture(scope="module")
def made(node: Node) -> Mapping[str, Any]:
    """Proofs with a nonce that each of our issuers has made: they have one key."""
    return makes(node, taking("jwt").nonce(now=int(time.time())))


def answered(world: Issuance, proof: Mapping[str, Any]) -> Any:
    now = int(time.time())
    body = {"credential_configuration_id": "note", "proofs": {proof["type"]: [proof["proof"]]}}
    return world.credential(world.token("note", now=now), body, now=now)


@pytest.mark.spec("VCI-F.1-04", "VCI-F.1-06", "VCI-F.1-08", "VCI-F.1-22", "VCI-F.3-01", "VCI-F.3-04", "HAIP-4.5.1-05")
@pytest.mark.parametrize("name", ["jwk", "did:key", "did:jwk", "x5c", "key_attestation", "attestation"])
def test_theirs_are_accepted(made: Mapping[str, Any], name: str) -> None:
    world, proof = taking(made[name]["type"]), made[name]
    response = answered(world, proof)
    assert response.status == 200, response.body
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert set(order.holder_keys) == {public_key(jwk) for jwk in proof["keys"]}
    if name.startswith("did:"):
        assert [str(key.did_url).startswith(name) for key in order.holder_keys] == [True]
    assert len(order.key_attestations) == (1 if "attestation" in name else 0)
    # And once only.
    refused(answered(world, proof), "invalid_nonce")


@pytest.mark.parametrize("name", ["key_attestation", "attestation"])
def test_an_attester_under_another_anchor_is_not_believed(made: Mapping[str, Any], name: str) -> None:
    proof = made[name]
    refused(answered(taking(proof["type"], STRANGER), proof), "invalid_proof")
