"""Key attestations in `jwt` proofs (OID4VCI D.1, F.1): nonce, times, algorithm, and where they are required or not believed.

Each test breaks one rule in otherwise good ones, at a whole issuer. What an attestation must say is in test_key_attestation.py.
"""

from typing import Any

import pytest

from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import HIGH, MODERATE
from tests.issuance import NOW, Proof, order_of, refused
from tests.jwt_proofs import did_url, send, taking
from tests.key_attestations import (
    ATTESTER,
    ATTESTER_KEY,
    HOLDER,
    HOLDERS,
    OTHER_KEY,
    STATUS,
    Attestation,
    Knowing,
    Resolving,
    known_attester,
    public,
)
from tests.test_proofs_jwt_attested import ATTESTED, accepted, attested, believing, broken, by_kid
from tests.test_proofs_jwt_resolved import CHAIN, statement

REQUIRED = KeyAttestationsRequired()


# --- nonce, times, algorithms ---------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-11")
@pytest.mark.parametrize(
    ("nonce_claim", "error"), [(None, "invalid_proof"), (1, "invalid_proof"), ("", "invalid_nonce"), ("x", "invalid_nonce")]
)
def test_the_attestation_has_a_nonce_of_the_issuer(nonce_claim: Any, error: str) -> None:
    broken(lambda nonce: attested(nonce, by=Attestation(nonce, claims={"nonce": nonce_claim})), error=error)


@pytest.mark.spec("VCI-F.1-11", "VCI-13.8-01")
def test_both_nonces_are_checked_and_used_up() -> None:
    """pitfall: which nonce stands in a key attestation. Any that the issuer gave, each once."""
    world = believing()
    token, one, other = world.token("note"), world.nonce(), world.nonce()
    assert world.credential(token, order_of(attested(one, by=Attestation(other)))).status == 200
    for again in (one, other):
        refused(world.credential(token, order_of(Proof(again, HOLDER))), "invalid_nonce")
        fresh = world.nonce()
        refused(world.credential(token, order_of(attested(fresh, by=Attestation(again)))), "invalid_nonce")
        assert world.credential(token, order_of(attested(fresh))).status == 200
    old = world.nonce(now=NOW - 300)
    refused(world.credential(token, order_of(attested(world.nonce(), by=Attestation(old)))), "invalid_nonce")


def test_an_attestation_for_another_issuer_is_refused() -> None:
    broken(
        lambda nonce: attested(nonce, by=Attestation(nonce, claims={"aud": "https://another.example"})),
        "proofs.jwt[0].header.key_attestation.aud",
    )


@pytest.mark.spec("VCI-F.1-19")
def test_without_a_nonce_endpoint_no_attestation_needs_a_nonce() -> None:
    world = believing(nonces=False)
    accepted(lambda _: attested(None, by=Attestation(None)), world)
    accepted(lambda _: attested(None, by=Attestation("x")), world)


@pytest.mark.spec("VCI-D.1-07", "VCI-D.1-06")
@pytest.mark.parametrize("exp", [None, NOW, NOW - 1, "x", True])
def test_the_attestation_has_an_end_that_is_to_come(exp: Any) -> None:
    broken(lambda nonce: attested(nonce, by=Attestation(nonce, claims={"exp": exp})), "exp")


@pytest.mark.spec("VCI-F.1-25", "VCI-D.1-02")
def test_the_algorithm_of_the_attestation_is_listed() -> None:
    p521 = LocalSigner.generate("attester", "ES512")
    attesters = {ATTESTER: (public_key(p521.public_jwk), public_key(ATTESTER_KEY.public_jwk))}
    proof_type = JwtProofType(key_attestations=known_attester(attesters=attesters))

    def make(nonce: str | None) -> Proof:
        return attested(nonce, by=Attestation(nonce, signer=p521))

    broken(make, "alg", believing(proof_type, algorithms=("ES256",)))
    accepted(make, believing(proof_type, algorithms=("ES256", "ES512")))


# --- attestations that are not believed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "e30.e30.AA",
        1,
        None,
        [],
        {},
        ["x"],
        lambda nonce: str(Attestation(nonce, signer=OTHER_KEY)),
        lambda nonce: str(Attestation(nonce, claims={"iss": "https://other.example"})),
        lambda nonce: str(Attestation(nonce, claims={"attested_keys": []})),
        lambda nonce: str(Attestation(nonce, header={"typ": "keyattestation+jwt"})),
        lambda nonce: str(Attestation(nonce, header={"typ": "openid4vci-proof+jwt"})),
        lambda nonce: str(Attestation(nonce))[:-6],
        lambda nonce: [str(Attestation(nonce))],
        lambda nonce: str(Proof(nonce, HOLDER)),
    ],
)
def test_an_attestation_that_does_not_hold_is_refused_even_where_none_is_required(token: Any) -> None:
    def make(nonce: str | None) -> Proof:
        return Proof(nonce, HOLDER, header={"key_attestation": token(nonce) if callable(token) else token})

    if token is None:
        assert accepted(make).key_attestations == ()
    else:
        broken(make, "key_attestation")


def test_the_error_says_where_it_is() -> None:
    broken(
        lambda nonce: [Proof(nonce, HOLDERS[1]), attested(nonce, by=Attestation(nonce, signer=OTHER_KEY))],
        "proofs.jwt[1].header.key_attestation",
    )


@pytest.mark.spec("VCI-12.2.4-65", "VCI-13.8-03")
def test_where_attestations_are_required_each_proof_has_one() -> None:
    world = believing(required=REQUIRED)
    broken(lambda nonce: Proof(nonce, HOLDER), "key_attestation is missing", world)
    broken(lambda nonce: [attested(nonce), Proof(nonce, HOLDERS[1])], "proofs.jwt[1].header: key_attestation", world)
    accepted(attested, world)


def test_levels_that_are_required_hold() -> None:
    world = believing(required=KeyAttestationsRequired(key_storage=(HIGH,), user_authentication=(HIGH,)))
    good = {"user_authentication": [HIGH, MODERATE]}
    broken(attested, "user_authentication", world, good=lambda nonce: attested(nonce, by=Attestation(nonce, claims=good)))


def test_a_revoked_attestation_is_refused() -> None:
    claims = {"status": STATUS.status}

    def make(nonce: str | None) -> Proof:
        return attested(nonce, by=Attestation(nonce, claims=claims))

    host = Knowing({STATUS: 0})
    order = accepted(make, believing(host=host))
    assert host.asked_statuses == [STATUS]
    assert order.key_attestations[0].status == STATUS.status
    broken(make, "revoked", believing(host=Knowing({STATUS: 1})))
    broken(make, "revoked", believing(host=Knowing({})))
    broken(make, "revoked", believing())


def test_a_kid_means_an_attested_key_even_beside_a_trust_chain() -> None:
    """The chain is then only said along, in listed algorithms all the same."""
    world = believing(JwtProofType(key_attestations=known_attester(), federation=True), host=Resolving({}))
    header = {"jwk": None, "kid": "0", "trust_chain": list(CHAIN)}
    assert accepted(lambda nonce: attested(nonce, header=header), world).holder_keys == public(*HOLDERS[:3])
    assert world.host.asked == []
    header["trust_chain"] = [*CHAIN, statement("none")]
    broken(lambda nonce: attested(nonce, header=header), "alg", world)
    # Without an attestation the chain decides.
    broken(lambda nonce: Proof(nonce, HOLDER, header={**header, "trust_chain": list(CHAIN)}), "could not be resolved", world)


# --- an issuer that believes no attester ------------------------------------------------------------------------------------------


def test_who_believes_no_attester_does_not_look_at_attestations() -> None:
    assert not JwtProofType().validates_key_attestations
    assert ATTESTED.validates_key_attestations
    world = taking()
    order = accepted(lambda nonce: attested(nonce, by="x"), world)
    assert (order.holder_keys, order.key_attestations) == (public(HOLDER), ())
    # The key that only the attestation could name is not known.
    for kid in ("0", "whatever"):
        broken(lambda nonce, kid=kid: by_kid(nonce, kid), "no key that can be found", world)  # type: ignore[misc]
    assert send(world, by_kid(world.nonce(), did_url(HOLDER))).status == 200


@pytest.mark.spec("VCI-13.8-03")
def test_who_believes_no_attester_cannot_require_attestations() -> None:
    with pytest.raises(ValueError, match="cannot be validated"):
        taking(required=REQUIRED)
