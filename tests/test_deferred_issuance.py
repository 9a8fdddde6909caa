"""Deferred issuance at the issuer: what is promised, and how it is kept (OID4VCI 8.3, 9)."""

import json
from typing import Any

import pytest
from attrs import evolve

from oid4vci import _jose
from oid4vci.errors import NotFound
from oid4vci.issuer import CredentialOrder, Deferral
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.nonces import Nonces
from oid4vci.records import Insert, Key, Record, Swap
from tests.deferrals import (
    BADGE,
    INTERVAL,
    LIFETIME,
    NOTE,
    Deferring,
    as_decided,
    deferred,
    deferring_metadata,
    denies,
    host_of,
    noted,
    notes,
    poll,
    poll_request,
    stored,
    token_for,
    transaction_id,
    untouched,
    waits,
    world_of,
)
from tests.issuance import (
    CREDENTIAL,
    NOW,
    Proof,
    details,
    issuance,
    issuer_metadata,
    new_issuer,
    order_of,
    refused,
    secret_keys,
)

OWN = Insert(Record(Key.of("own", "x"), {}, NOW + 60))


def holders(count: int) -> list[LocalSigner]:
    return [LocalSigner.generate(f"holder-{i}") for i in range(count)]


# --- deferring --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec(
    "VCI-8.3-02", "VCI-8.3-03", "VCI-8.3-06", "VCI-8.3-08", "VCI-8.3-15", "VCI-8.3-16", "VCI-8.3-18", "VCI-8.3-21", "VCI-8.3-24"
)
def test_a_deferred_order_is_a_promise_and_nothing_else() -> None:
    world = world_of()
    response = world.credential(token_for(world), BADGE)
    assert len(transaction_id(response)) == 43  # 256 bits
    assert response.json()["interval"] == INTERVAL


def test_each_transaction_has_a_secret_of_its_own() -> None:
    world = world_of()
    token = token_for(world)
    first, second = deferred(world, token), deferred(world, token)
    assert first != second
    handles = [draft.handle for draft in host_of(world).drafts]
    assert len({first, second, *handles}) == 4
    assert all(secret not in repr((world.host.rows, host_of(world).drafts)) for secret in (first, second))
    assert all(secret not in repr(row.data) for secret in (first, second) for row in world.host.rows.values())


def test_the_secret_is_made_of_256_bits_of_randomness() -> None:
    sizes: list[int] = []

    def new_secret(size: int) -> bytes:
        sizes.append(size)
        return bytes(size)

    world = world_of(new_secret=new_secret)
    assert deferred(world, token_for(world)) == "A" * 43
    assert sizes == [32]


@pytest.mark.parametrize("interval", [1, 5, 0.5])
@pytest.mark.spec("VCI-8.3-19")
def test_an_interval_is_a_positive_number(interval: float) -> None:
    order = ordered()
    assert order.defer(interval=interval).finish().response.json()["interval"] == interval


@pytest.mark.parametrize("interval", [0, -1, "5", True, None, float("nan"), float("inf")])
@pytest.mark.spec("VCI-8.3-19", "VCI-8.3-18")
def test_an_interval_that_is_none_is_the_application_s_fault(interval: Any) -> None:
    with pytest.raises(ValueError, match="interval"):
        ordered().defer(interval=interval)


def ordered() -> CredentialOrder:
    world = world_of()
    deferred(world, token_for(world))
    order = host_of(world).orders[-1]
    assert isinstance(order, CredentialOrder)
    return order


def test_a_promise_takes_no_signatures() -> None:
    draft = ordered().defer(interval=1)
    assert draft.to_sign == ()
    with pytest.raises(ValueError, match="nothing to sign"):
        draft.finish([b"x"])


@pytest.mark.spec("VCI-9-01", "VCI-12.2.4-15")
def test_without_the_endpoint_nothing_can_be_deferred() -> None:
    world = issuance()
    world.credential(world.token("badge"), BADGE)
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    with pytest.raises(ValueError, match="no Deferred Credential Endpoint"):
        order.defer(interval=1)
    refused(poll(world, world.token("badge"), "x"), "not_found", status=404)
    with pytest.raises(NotFound):
        world.issuer.read_deferred_request(poll_request("t", "x"))


@pytest.mark.parametrize(
    ("metadata", "fields"),
    [(issuer_metadata(), {"deferral": Deferral(60)}), (deferring_metadata(), {})],
    ids=["setting", "URL"],
)
def test_the_endpoint_is_published_exactly_if_it_is_served(metadata: CredentialIssuerMetadata, fields: Any) -> None:
    with pytest.raises(ValueError, match="deferred_credential_endpoint: must be there exactly if deferral is"):
        new_issuer(metadata, **fields)


def test_the_endpoint_has_a_path_of_its_own() -> None:
    with pytest.raises(ValueError, match="a path of its own"):
        new_issuer(deferring_metadata(deferred_credential_endpoint=CREDENTIAL), deferral=Deferral(60))


@pytest.mark.parametrize("settings", [{"lifetime": 0}, {"lifetime": -1}, {"lifetime": 1, "grace": -1}])
def test_times_that_make_no_sense_are_refused(settings: Any) -> None:
    with pytest.raises(ValueError, match="lifetime"):
        Deferral(**settings)


@pytest.mark.spec("VCI-12.2.4-17")
def test_the_endpoint_may_have_a_query() -> None:
    url = "https://deferred.example:8443/later?tenant=1"
    world = world_of(metadata=deferring_metadata(deferred_credential_endpoint=url))
    token = token_for(world)
    assert len(notes(world.send(poll_request(token, deferred(world, token), url=url)))) == 1


def test_deferring_spends_the_nonces_and_commits_what_is_the_application_s() -> None:
    world = world_of(host=Deferring(changes=(OWN,)))
    nonce = world.nonce()
    token, _ = noted(world, Proof(nonce))
    assert OWN.record.key in world.host.rows
    changes = host_of(world).drafts[-1].changes
    assert [type(change) for change in changes] == [Insert, Insert, Insert]
    assert [change.record.key.kind for change in changes if isinstance(change, Insert)] == ["c_nonce", "transaction", "own"]
    refused(world.credential(token, order_of(Proof(nonce))), "invalid_nonce")


def test_reusable_nonces_are_not_spent() -> None:
    world = world_of(nonces=Nonces(secret_keys(), reusable=True))
    noted(world, Proof(world.nonce()))
    assert [change.record.key.kind for change in host_of(world).drafts[-1].changes if isinstance(change, Insert)] == [
        "transaction"
    ]


def test_a_handle_is_committed_with_the_promise_or_not_at_all() -> None:
    class Remembering(Deferring):
        def decide(self, order: Any, /) -> Any:
            draft = super().decide(order)
            if not isinstance(order, CredentialOrder):
                return draft
            return self.drafts[-1].with_changes(
                Insert(Record(Key.of("case", "7"), {"handle": self.drafts[-1].handle}, NOW + 60))
            )

    world = world_of(host=Remembering())
    token = token_for(world)
    secret = deferred(world, token)
    handle = world.host.rows[Key.of("case", "7")].data["handle"]
    assert secret != handle
    wanted = world.issuer.transaction(handle)
    assert wanted.read(world.host.load(wanted.lookups), now=NOW) is not None
    # It cannot be committed a second time, so there is no second transaction either.
    assert world.credential(token, BADGE).status == 503
    assert sum(key.kind == "transaction" for key in world.host.rows) == 1


def test_what_is_refused_is_not_deferred() -> None:
    world = world_of()
    refused(world.credential(token_for(world, "note"), order_of(Proof("bad"))), "invalid_nonce")
    assert not [key for key in world.host.rows if key.kind == "transaction"]


def test_the_record_has_no_more_of_a_person_than_a_digest() -> None:
    world = world_of()
    token = token_for(world, subject="ada-lovelace", client="a-client", note="of-the-grant")
    deferred(world, token)
    (row,) = (row for key, row in world.host.rows.items() if key.kind == "transaction")
    written = json.dumps(dict(row.data))
    assert "ada-lovelace" not in written
    assert "a-client" not in written
    assert "of-the-grant" not in written
    assert row.expires_at == NOW + LIFETIME


# --- fetching ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-9.2-01", "VCI-9.2-02", "VCI-9.2-11", "VCI-9.1-07")
def test_what_is_ready_is_issued_for_the_keys_of_the_order() -> None:
    world, keys = world_of(), holders(3)
    token, transaction = noted(world, *(Proof(world.nonce(), key) for key in keys))
    response = poll(world, token, {"transaction_id": transaction, "foo": 1, "proofs": {"jwt": ["x"]}})
    bound = [_jose.parse(each).claims()["cnf"]["jwk"] for each in notes(response)]
    assert bound == [dict(key.public_jwk) for key in keys]


@pytest.mark.spec("VCI-8.3-17", "VCI-9.1-05", "VCI-9.3-02")
def test_what_was_issued_is_not_issued_again() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    notes(poll(world, token, transaction))
    before = world.host.rows
    refused(poll(world, token, transaction), "invalid_transaction_id")
    assert world.host.rows == before
    assert not [key for key in before if key.kind == "transaction"]


@pytest.mark.spec("VCI-9.2-03", "VCI-9.2-04", "VCI-9.2-05", "VCI-9.2-11")
def test_whoever_must_wait_gets_the_same_transaction() -> None:
    world = world_of(waits)
    token = token_for(world)
    transaction = deferred(world, token)
    for _ in range(3):
        response = poll(world, token, transaction)
        assert transaction_id(response) == transaction
        assert response.json()["interval"] == 86_400
    host_of(world).polled = lambda order: order.issue({"given_name": "Ada"})
    notes(poll(world, token, transaction))


@pytest.mark.spec("VCI-9.2-03")
@pytest.mark.parametrize("interval", [0, -5, True, "5"])
def test_waiting_takes_a_positive_interval_too(interval: Any) -> None:
    world = world_of(lambda order: order.wait(interval=interval))
    token = token_for(world)
    with pytest.raises(ValueError, match="interval"):
        poll(world, token, deferred(world, token))


def test_waiting_and_issuing_commit_what_is_the_application_s() -> None:
    world = world_of(lambda order: order.wait(interval=1, changes=[OWN]))
    token = token_for(world)
    transaction = deferred(world, token)
    transaction_id(poll(world, token, transaction))
    assert OWN.record.key in world.host.rows
    other = Insert(evolve(OWN.record, key=Key.of("own", "y")))
    host_of(world).polled = lambda order: order.issue({"x": 1}, changes=[other])
    notes(poll(world, token, transaction))
    assert other.record.key in world.host.rows


def test_the_guard_goes_first() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    call = world.issuer.read_deferred_request(poll_request(token, transaction))
    order = call.verify(world.host.load(call.lookups), now=NOW)
    guard, own = order.issue({"x": 1}, changes=[OWN]).changes
    assert isinstance(guard, Swap)
    assert guard.before.key.kind == "transaction"
    assert guard.after is None
    assert own == OWN


def test_a_limit_and_copies_are_for_deferred_ones_too() -> None:
    world = world_of(lambda order: order.issue({"x": 1}, copies=[{"status": 1}, {"status": 2}], limit=2))
    token, transaction = noted(world, *(Proof(world.nonce(), key) for key in holders(3)))
    claims = [_jose.parse(each).claims() for each in notes(poll(world, token, transaction))]
    assert [each["status"] for each in claims] == [1, 2]


@pytest.mark.spec("VCI-9.3-03", "VCI-8.3.1.2-13")
def test_what_is_denied_is_over_for_good() -> None:
    world = world_of(denies)
    token = token_for(world)
    transaction = deferred(world, token)
    assert refused(poll(world, token, transaction), "credential_request_denied")["error_description"] == "no longer enrolled"
    assert refused(poll(world, token, transaction), "credential_request_denied")["error_description"] == "no longer enrolled"
    assert len(host_of(world).polls) == 1
    (row,) = (row for key, row in world.host.rows.items() if key.kind == "transaction")
    assert (row.data["note"], row.data["holder_keys"]) == (None, [])
    refused(poll(world, token_for(world, subject="bob"), transaction), "invalid_transaction_id")


def test_a_claim_that_is_not_there_in_the_end_is_over_for_good_too() -> None:
    """The Wallet insisted on it (OID4VCI B.1)."""
    world = world_of(lambda order: order.issue({"grade": 1}))
    granted = details("note", claims=[{"path": ["given_name"], "mandatory": True}])
    token = world.token("note", authorization_details=granted)
    asked = order_of(Proof(world.nonce(), LocalSigner.generate("holder")))
    del asked["credential_configuration_id"]
    transaction = deferred(world, token, {**asked, "credential_identifier": "note/default"})
    for _ in range(2):
        assert (
            "a claim is not available"
            in refused(poll(world, token, transaction), "credential_request_denied")["error_description"]
        )
    assert len(host_of(world).polls) == 1


def test_what_the_application_finds() -> None:
    world = world_of()
    granted = details("note", claims=[{"path": ["given_name"]}])
    token = world.token("note", authorization_details=granted)
    key = LocalSigner.generate("holder")
    asked = order_of(Proof(world.nonce(), key))
    del asked["credential_configuration_id"]
    transaction = deferred(world, token, {**asked, "credential_identifier": "note/default"})
    (credential,) = notes(poll(world, token, transaction))
    (order,) = host_of(world).polls
    assert (order.subject, order.configuration_id, order.identifier) == ("ada", "note", "note/default")
    assert (order.deferral_note, order.decision, order.once_more) == (NOTE, None, False)
    assert order.holder_keys == (public_key(key.public_jwk),)
    assert order.requested_claims is not None
    assert [each.path for each in order.requested_claims] == [("given_name",)]
    assert order.details is not None
    # And no other claims are issued.
    assert _jose.parse(credential).claims().keys() == {"given_name", "cnf", "iss", "salt"}
    assert transaction not in repr(order)
    assert token not in repr(order)


def test_what_is_bound_by_now_is_not_issued_without_a_key() -> None:
    """Nobody proved one when it was ordered, and a later request cannot bring one."""
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    known = world.issuer.metadata.credential_configurations_supported
    binding = evolve(
        known["badge"],
        cryptographic_binding_methods_supported=known["note"].cryptographic_binding_methods_supported,
        proof_types_supported=known["note"].proof_types_supported,
    )
    metadata = evolve(world.issuer.metadata, credential_configurations_supported={**known, "badge": binding})
    later = evolve(world, issuer=evolve(world.issuer, metadata=metadata))
    body = refused(untouched(later, lambda: poll(later, token, transaction)), "credential_request_denied")
    assert "no longer issued without a key" in body["error_description"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"note": None}, "the credential configuration is no longer issued"), ({"binds": False}, "no longer bound to such a key")],
)
@pytest.mark.spec("VCI-9.3-03")
def test_what_is_no_longer_issued_is_denied(changes: dict[str, Any], message: str) -> None:
    """An issuer that changed its configurations in between."""
    world = world_of()
    token, transaction = noted(world, Proof(world.nonce()))
    metadata, encoders = world.issuer.metadata, dict(world.issuer.encoders)
    if "note" in changes:
        left = {name: each for name, each in metadata.credential_configurations_supported.items() if name != "note"}
        metadata = evolve(metadata, credential_configurations_supported=left)
        del encoders["note"]
    else:

        class Unbinding(type(encoders["note"])):  # type: ignore[misc]  # of a third party
            def binds(self, key: Any, *, configuration: Any) -> bool:
                return False

        encoders["note"] = Unbinding(encoders["note"].signer)  # type: ignore[attr-defined]
    later = evolve(world, issuer=evolve(world.issuer, metadata=metadata, encoders=encoders))
    assert message in refused(poll(later, token, transaction), "credential_request_denied")["error_description"]


def test_a_decision_of_the_application_is_found_by_the_next_request() -> None:
    world = world_of(as_decided)
    token = token_for(world)
    transaction = deferred(world, token)
    transaction_id(poll(world, token, transaction))
    assert world.host.commit(stored(world).complete({"grade": 2}))
    notes(poll(world, token, transaction))
    decision = host_of(world).polls[-1].decision
    assert decision is not None
    assert decision.note == {"grade": 2}


def test_the_issuer_finds_its_endpoint() -> None:
    issuer = world_of().issuer
    assert issuer.serves("/tenant/deferred")
    assert not issuance().issuer.serves("/tenant/deferred")
