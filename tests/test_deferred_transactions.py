"""Transactions in the hands of the application: completed, refused and extended by any process, at any time (OID4VCI 9.2, 9.3)."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.issuer import CredentialOrder, Decision, Transaction
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import ProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import KeyAttestation
from tests.deferrals import (
    LIFETIME,
    NOTE,
    as_decided,
    deferred,
    deferring_metadata,
    host_of,
    noted,
    notes,
    poll,
    stored,
    token_for,
    transaction_id,
    waits,
    world_of,
)
from tests.issuance import ISSUER_KEY, NOW, Issuance, NoteEncoder, Proof, new_issuer, order_of, refused
from tests.key_attestations import ANY_LEVEL, HOLDERS, Attestation, known_attester


def begun(**fields: Any) -> tuple[Issuance, str, str]:
    world = world_of(as_decided, **fields)
    token = token_for(world)
    return world, token, deferred(world, token)


def test_what_is_found() -> None:
    world, _, transaction = begun()
    found = stored(world)
    assert (found.state, found.note, found.decision) == ("pending", NOTE, None)
    assert (found.configuration_id, found.identifier, found.expires_at) == ("badge", None, NOW + LIFETIME)
    assert found.handle == host_of(world).drafts[-1].handle
    assert transaction not in repr(found)
    assert (found.holder_keys, found.key_attestations) == ((), ())


def test_completed_with_a_note() -> None:
    world, token, transaction = begun()
    assert world.host.commit(stored(world).complete({"grade": 1}))
    assert world.host.commit(stored(world).complete({"grade": 2}))
    assert stored(world).decision == Decision({"grade": 2})
    assert stored(world).state == "completed"
    notes(poll(world, token, transaction))
    assert host_of(world).polls[-1].decision == Decision({"grade": 2})
    assert "grade" not in repr(host_of(world).polls[-1])


def test_completed_without_a_note_is_completed() -> None:
    world, token, transaction = begun()
    assert world.host.commit(stored(world).complete())
    assert stored(world).decision == Decision(None)
    notes(poll(world, token, transaction))


@pytest.mark.spec("VCI-9.3-03")
def test_refused_without_asking_the_application() -> None:
    world, token, transaction = begun()
    assert world.host.commit(stored(world).refuse("not enrolled"))
    rows = world.host.rows
    for _ in range(2):
        body = refused(poll(world, token, transaction), "credential_request_denied")
        assert body["error_description"] == "not enrolled"
    assert host_of(world).polls == []
    assert world.host.rows == rows
    found = stored(world)
    assert (found.state, found.note, found.decision, found.granted) == ("refused", None, None, None)


def test_a_refusal_is_told_to_nobody_else() -> None:
    world, _, transaction = begun()
    assert world.host.commit(stored(world).refuse("not enrolled"))
    refused(poll(world, token_for(world, subject="bob"), transaction), "invalid_transaction_id")


def test_what_was_completed_can_still_be_refused() -> None:
    world, token, transaction = begun()
    assert world.host.commit(stored(world).complete())
    assert world.host.commit(stored(world).refuse())
    assert "error_description" not in refused(poll(world, token, transaction), "credential_request_denied")


def test_what_has_ended_stays_so() -> None:
    world, _, _ = begun()
    assert world.host.commit(stored(world).refuse())
    found = stored(world)
    with pytest.raises(ValueError, match="ended"):
        found.complete()
    with pytest.raises(ValueError, match="refused"):
        found.refuse()
    with pytest.raises(ValueError, match="ended"):
        found.extend(expires_at=NOW + 10**9)


@pytest.mark.parametrize("description", ['say "no"', "back\\slash", "née", "a\nb"])
def test_a_description_that_cannot_be_sent_is_the_application_s_fault(description: str) -> None:
    world, _, _ = begun()
    with pytest.raises(ValueError, match="description"):
        stored(world).refuse(description)


def test_extended() -> None:
    world, token, transaction = begun()
    later = NOW + LIFETIME + 10
    assert world.host.commit(stored(world).extend(expires_at=later + 1))
    world.host.purge(now=later)
    token = token_for(world, now=later)
    assert transaction_id(poll(world, token, transaction, now=later)) == transaction
    for expires_at in (NOW, later + 1):
        with pytest.raises(ValueError, match="later"):
            stored(world, now=later).extend(expires_at=expires_at)


def test_extended_and_completed() -> None:
    world, _, _ = begun()
    assert world.host.commit(stored(world).complete("x"))
    assert world.host.commit(stored(world).extend(expires_at=NOW + LIFETIME + 1))
    assert (stored(world).state, stored(world).decision) == ("completed", Decision("x"))


def test_who_was_slower_loads_again() -> None:
    world, token, transaction = begun()
    first, second = stored(world), stored(world)
    assert world.host.commit(first.complete())
    assert not world.host.commit(second.refuse())
    assert not world.host.commit(second.extend(expires_at=NOW + 10**9))
    found = stored(world)
    notes(poll(world, token, transaction))
    assert not world.host.commit(found.refuse())


def test_nothing_is_decided_after_a_refusal_by_who_was_slower() -> None:
    world, token, transaction = begun()
    slower = stored(world)
    assert world.host.commit(stored(world).refuse())
    for changes in (slower.complete(), slower.refuse(), slower.extend(expires_at=NOW + 10**9)):
        assert not world.host.commit(changes)
    refused(poll(world, token, transaction), "credential_request_denied")


def test_what_is_over_is_not_found() -> None:
    world, token, transaction = begun()
    wanted = world.issuer.transaction(host_of(world).drafts[-1].handle)
    assert wanted.read({}, now=NOW) is None
    records = world.host.load(wanted.lookups)
    assert isinstance(wanted.read(records, now=NOW + LIFETIME - 1), Transaction)
    assert wanted.read(records, now=NOW + LIFETIME) is None
    assert world.host.commit(stored(world).complete())
    notes(poll(world, token, transaction))
    assert wanted.read(world.host.load(wanted.lookups), now=NOW) is None


@pytest.mark.parametrize("handle", ["", "x", "a" * 63, "A" * 64, "a" * 65, "a" * 63 + "\n"])
def test_a_handle_that_cannot_be_one(handle: str) -> None:
    with pytest.raises(ValueError, match="handle"):
        new_issuer(deferring_metadata(), deferral=world_of().issuer.deferral).transaction(handle)


def test_a_handle_that_is_unknown() -> None:
    world, _, _ = begun()
    wanted = world.issuer.transaction("0" * 64)
    assert wanted.read(world.host.load(wanted.lookups), now=NOW) is None


@given(note=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_notes_come_back_as_they_were(note: Any) -> None:
    world = world_of(waits)
    order = begun_order(world)
    draft = order.defer(interval=1, note=note)
    assert world.host.commit(draft.finish().changes)
    wanted = world.issuer.transaction(draft.handle)
    found = wanted.read(world.host.load(wanted.lookups), now=NOW)
    assert found is not None
    assert found.note == note
    assert world.host.commit(found.complete(note))
    completed = wanted.read(world.host.load(wanted.lookups), now=NOW)
    assert completed is not None
    assert completed.decision == Decision(note)


def begun_order(world: Issuance) -> CredentialOrder:
    token = token_for(world)
    deferred(world, token)
    order = host_of(world).orders[-1]
    assert isinstance(order, CredentialOrder)
    return order


# --- what is kept of the order ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA"])
def test_keys_come_back(algorithm: str) -> None:
    world = world_of()
    key = LocalSigner.generate("holder", algorithm)
    jwk = {**key.public_jwk, "alg": algorithm, "kid": "k"}
    noted(world, Proof(world.nonce(), key, header={"jwk": jwk}))
    (was,) = host_of(world).orders[-1].holder_keys  # type: ignore[union-attr]
    (found,) = stored(world).holder_keys
    assert found == was == public_key(key.public_jwk)
    assert (found.kid, found.alg, found.crv, found.did_url) == (was.kid, was.alg, was.crv, was.did_url)


def test_a_key_that_was_named_by_a_did_keeps_its_name() -> None:
    world, key = world_of(), LocalSigner.generate("holder")
    noted(world, Proof(world.nonce(), key))
    order = host_of(world).orders[-1]
    assert isinstance(order, CredentialOrder)
    named = evolve(order, holder_keys=(evolve(order.holder_keys[0], did_url="did:web:wallet.example#1"),))
    draft = named.defer(interval=1)
    wanted = world.issuer.transaction(draft.handle)
    record = draft.changes[-1].record  # type: ignore[union-attr]
    found = wanted.read({record.key: record}, now=NOW)
    assert found is not None
    assert [each.did_url for each in found.holder_keys] == ["did:web:wallet.example#1"]


def test_key_attestations_come_back() -> None:
    published = deferring_metadata()
    note = published.credential_configurations_supported["note"]
    terms = ProofType(proof_signing_alg_values_supported=("ES256",), key_attestations_required=ANY_LEVEL)
    world = world_of(
        metadata=evolve(
            published,
            credential_configurations_supported={"note": evolve(note, proof_types_supported={"jwt": terms})},
        ),
        encoders={"note": NoteEncoder(ISSUER_KEY)},
        proof_types={"jwt": JwtProofType(key_attestations=known_attester())},
    )
    nonce = world.nonce()
    attestation = Attestation(nonce, HOLDERS[:2])
    proof = Proof(nonce, HOLDERS[0], header={"key_attestation": str(attestation)})
    token = token_for(world, "note")
    transaction = deferred(world, token, order_of(proof))
    assert len(notes(poll(world, token, transaction))) == 2
    (was,) = host_of(world).orders[-1].key_attestations  # type: ignore[union-attr]
    (found,) = host_of(world).polls[-1].key_attestations
    assert found == was
    assert found.key_storage


@pytest.mark.parametrize(
    "members",
    [
        {"issued_at": 1.5},
        {
            "issued_at": NOW,
            "key_storage": ("a", "b"),
            "user_authentication": (),
            "status": {"x": {"y": 1}},
            "claims": {"z": [1]},
        },
        {"issued_at": NOW, "expires_at": NOW + 1, "certification": "c", "nonce": "n", "issuer": "i", "certificate": b"der"},
    ],
)
def test_key_attestations_of_another_kind_come_back(members: dict[str, Any]) -> None:
    """A proof type of a third party, whose attestations are no JWTs with `attested_keys`."""
    world = world_of()
    noted(world, Proof(world.nonce()))
    order = host_of(world).orders[-1]
    assert isinstance(order, CredentialOrder)
    attestation = KeyAttestation(keys=order.holder_keys, **members)
    draft = evolve(order, key_attestations=(attestation,)).defer(interval=1)
    record = draft.changes[-1].record  # type: ignore[union-attr]
    stored_record = evolve(record, data=json.loads(json.dumps(record.data)))
    found = world.issuer.transaction(draft.handle).read({record.key: stored_record}, now=NOW)
    assert found is not None
    assert found.key_attestations == (attestation,)
