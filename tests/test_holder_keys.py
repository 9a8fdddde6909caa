"""Which keys an issuer binds Credentials to: none that the format cannot carry, no DID of a method that it does not list."""

import pytest
from attrs import frozen

from oid4vci.keys import KeyReference, LocalSigner, PublicKey
from oid4vci.metadata import CredentialConfiguration
from oid4vci.proofs.attestation import AttestationProofType
from tests.issuance import ISSUER_KEY, Issuance, NoteEncoder, Proof, configuration, encoders, issuance, issuer_metadata, refused
from tests.issuance import order_of as order_of_jwts
from tests.jwt_proofs import finding, taking
from tests.key_attestations import HOLDER, Attestation, known_attester, order_of
from tests.signers import RSA

WEB = "did:web:holder.example#key-1"


@frozen
class OnCurves(NoteEncoder):
    """A format that carries keys on curves only."""

    def binds(self, key: PublicKey, *, configuration: CredentialConfiguration) -> bool:
        return key.crv != ""


def curves_only() -> Issuance:
    supported = {
        **issuer_metadata().credential_configurations_supported,
        "note": CredentialConfiguration(
            format="x-note",
            cryptographic_binding_methods_supported=("jwk",),
            proof_types_supported={
                **(configuration("ES256", "PS256").proof_types_supported or {}),
                "attestation": (configuration("ES256").proof_types_supported or {})["jwt"],
            },
        ),
    }
    default = issuance()
    return issuance(
        metadata=issuer_metadata(credential_configurations_supported=supported),
        encoders={**encoders(), "note": OnCurves(ISSUER_KEY)},
        proof_types={**default.issuer.proof_types, "attestation": AttestationProofType(known_attester())},
    )


def test_a_key_that_the_format_cannot_carry_is_refused_before_anything_is_decided() -> None:
    world = curves_only()
    token, nonce = world.token("note"), world.nonce()
    before, orders = world.host.rows, len(world.host.orders)
    for body in (
        order_of_jwts(Proof(nonce, RSA)),
        order_of_jwts(Proof(nonce), Proof(nonce, RSA)),
        order_of(Attestation(nonce, (RSA,))),
        order_of(Attestation(nonce, (HOLDER, RSA))),
    ):
        refused(world.credential(token, body), "invalid_proof")
        assert world.host.rows == before
        assert len(world.host.orders) == orders
    assert world.credential(token, order_of(Attestation(nonce, (HOLDER,)))).status == 200


@pytest.mark.parametrize("bindings", [("jwk",), ("jwk", "did:key", "did:webvh"), ("did:jwk",)])
def test_nobody_is_asked_for_a_did_that_no_credential_is_bound_to(bindings: tuple[str, ...]) -> None:
    world = taking(bindings=bindings, host=finding({KeyReference(WEB): (LocalSigner.generate("x"),)}))
    proof = Proof(world.nonce(), HOLDER, header={"jwk": None, "kid": WEB})
    refused(world.credential(world.token("note"), order_of_jwts(proof)), "invalid_proof")
    assert world.host.asked == []


def test_whoever_is_asked_for_a_did_that_a_credential_can_be_bound_to() -> None:
    world = taking(bindings=("did:web",), host=finding({KeyReference(WEB): (HOLDER,)}))
    proof = Proof(world.nonce(), HOLDER, header={"jwk": None, "kid": WEB})
    assert world.credential(world.token("note"), order_of_jwts(proof)).status == 200
    assert world.host.asked == [KeyReference(WEB)]
