"""The DPoP key that a transaction is bound to, and the grace in which it can be fetched once more (OID4VCI 9.1, RFC 9449)."""

from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from oid4vci.drive import respond
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder, DeferredOrder
from oid4vci.issuer.transaction import transaction_key
from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.oauth.access_tokens import NewAccessToken, SealedAccessTokens
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.introspection import IntrospectedAccessTokens, Introspection
from oid4vci.oauth.several_access_tokens import SeveralAccessTokens
from oid4vci.records import Insert, Key, Record, Swap
from tests.deferrals import (
    BADGE,
    DEFERRED,
    INTERVAL,
    THERE_IS_NONE,
    Deferring,
    deferred,
    deferring_metadata,
    host_of,
    not_theirs,
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
from tests.dpop_proofs import Sent
from tests.external_server import SERVER, claims_of, without_none
from tests.issuance import IDENTIFIER, NOW, Issuance, counted, credential_request, refused, secret_keys

KEY, OTHER = LocalSigner.generate("dpop"), LocalSigner.generate("other")


# --- DPoP ---------------------------------------------------------------------------------------------------------------------


def bound_token(world: Issuance, key: LocalSigner | None = KEY, *, credential_issuer: str = IDENTIFIER) -> str:
    """A token for a grant that was redeemed, bound to a key."""
    granted = world.grant("badge")
    assert world.redeem(granted).status == 200
    grant = world.host.rows[granted.key]
    new = NewAccessToken(
        grant=grant,
        credential_issuer=credential_issuer,
        configuration_ids=grant.data["configuration_ids"],
        jkt=None if key is None else thumbprint(key.public_jwk),
        now=NOW,
        expires_at=grant.expires_at,
    )
    return SealedAccessTokens(world.keys).draft(new, new_secret=counted(7)).finish()


def with_proof(token: str, transaction: str, proof: Sent | str) -> Request:
    request = poll_request(None, transaction, authorization=f"DPoP {token}")
    return evolve(request, headers={**dict(request.headers.pairs), "dpop": str(proof)})


def promised(world: Issuance, token: str, key: LocalSigner = KEY) -> str:
    request = credential_request(None, BADGE, authorization=f"DPoP {token}")
    return transaction_id(
        world.send(evolve(request, headers={**dict(request.headers.pairs), "dpop": str(Sent(key, access_token=token))}))
    )


def proved(token: str, key: LocalSigner = KEY, **changes: Any) -> Sent:
    return Sent(**{"key": key, "url": DEFERRED, "access_token": token, **changes})


def test_a_bound_transaction_is_fetched_with_the_same_key() -> None:
    world = world_of(waits, dpop=Dpop())
    token = bound_token(world)
    transaction = promised(world, token)
    proof = proved(token)
    assert transaction_id(world.send(with_proof(token, transaction, proof))) == transaction
    # The proof is spent, also by an answer that there is nothing yet.
    assert untouched(world, lambda: world.send(with_proof(token, transaction, proof))).status == 401
    again = bound_token(world)
    host_of(world).polled = lambda order: order.issue({"x": 1})
    assert len(notes(world.send(with_proof(again, transaction, proved(again))))) == 1


def test_the_transaction_is_the_guard_and_the_proof_is_spent_with_it() -> None:
    world = world_of(dpop=Dpop())
    token = bound_token(world)
    call = world.issuer.read_deferred_request(with_proof(token, promised(world, token), proved(token)))
    guard, spent = call.verify(world.host.load(call.lookups), now=NOW).issue({"x": 1}).changes
    assert isinstance(guard, Swap)
    assert guard.before.key.kind == "transaction"
    assert isinstance(spent, Insert)
    assert spent.record.key in call.lookups


@pytest.mark.parametrize("other", [OTHER, None], ids=["another key", "no key"])
def test_another_key_of_the_same_person_and_client(other: LocalSigner | None) -> None:
    """Key substitution: whoever steals a Bearer token, or has one of the same person with a key of their own."""
    world = world_of(dpop=Dpop())
    token = bound_token(world)
    transaction = promised(world, token)
    wrong = bound_token(world, other)
    request = poll_request(wrong, transaction) if other is None else with_proof(wrong, transaction, proved(wrong, other))
    body = refused(untouched(world, lambda: world.send(request)), "invalid_transaction_id")
    assert body["error_description"] == THERE_IS_NONE
    notes(world.send(with_proof(token, transaction, proved(token))))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": f"{IDENTIFIER}/credential"},
        {"access_token": None},
        {"access_token": "another"},
        {"claims": {"htm": "GET"}},
        {"claims": {"iat": NOW - 3600}},
        {"signer": OTHER},
    ],
    ids=["endpoint", "no ath", "ath", "method", "old", "signature"],
)
def test_a_wrong_proof(changes: dict[str, Any]) -> None:
    world = world_of(dpop=Dpop())
    token = bound_token(world)
    transaction = promised(world, token)
    response = untouched(world, lambda: world.send(with_proof(token, transaction, proved(token, **changes))))
    assert response.status == 401
    assert 'error="invalid_dpop_proof"' in (response.headers.get("www-authenticate") or "")
    notes(world.send(with_proof(token, transaction, proved(token))))


def test_a_nonce_is_wanted_before_anything_is_consumed() -> None:
    nonces = DpopNonces(secret_keys())
    world = world_of(dpop=Dpop(nonces=nonces))
    token = bound_token(world)
    request = credential_request(None, BADGE, authorization=f"DPoP {token}")
    nonce = world.send(Request("POST", f"{IDENTIFIER}/nonce")).headers.get("dpop-nonce")
    sent = Sent(KEY, access_token=token, nonce=nonce)
    transaction = transaction_id(world.send(evolve(request, headers={**dict(request.headers.pairs), "dpop": str(sent)})))
    wanted = untouched(world, lambda: world.send(with_proof(token, transaction, proved(token))))
    assert 'error="use_dpop_nonce"' in (wanted.headers.get("www-authenticate") or "")
    response = world.send(with_proof(token, transaction, proved(token, nonce=wanted.headers.get("dpop-nonce"))))
    assert len(notes(response)) == 1


# --- issuers and authorization servers that share a store ---------------------------------------------------------------------

TENANT = "https://issuer.example/other"


def test_the_transaction_of_another_issuer() -> None:
    """Two tenants with one store, the same keys, and people and configurations of the same names."""
    world = world_of()
    urls = {"credential_endpoint": "credential", "nonce_endpoint": "nonce", "deferred_credential_endpoint": "deferred"}
    members = {name: f"{TENANT}/{path}" for name, path in urls.items()}
    tenant = evolve(world.issuer, metadata=deferring_metadata(credential_issuer=TENANT, **members))
    theirs, ours = token_for(world), bound_token(world, None, credential_issuer=TENANT)
    transaction = deferred(world, theirs)
    rows = world.host.rows
    request = poll_request(ours, transaction, url=f"{TENANT}/deferred")
    refused(respond(tenant, request, world.host, now=NOW), "invalid_transaction_id")
    assert world.host.rows == rows
    asked = evolve(credential_request(ours, BADGE), url=f"{TENANT}/credential")
    own = transaction_id(respond(tenant, asked, world.host, now=NOW))
    wanted = world.issuer.transaction(transaction_key(own).digest)
    assert wanted.read(world.host.load(wanted.lookups), now=NOW) is None, "decided by another tenant"
    assert tenant.transaction(wanted.handle).read(world.host.load(wanted.lookups), now=NOW) is not None
    assert len(notes(respond(tenant, poll_request(ours, own, url=f"{TENANT}/deferred"), world.host, now=NOW))) == 1
    notes(poll(world, theirs, transaction))


@pytest.mark.parametrize("claims", [{"iss": "https://b.example"}, {}, {"iss": 7}])
def test_the_same_name_at_another_authorization_server(claims: dict[str, Any]) -> None:
    world = world_of()
    deferred(world, token_for(world))
    order = host_of(world).orders[-1]
    assert isinstance(order, CredentialOrder)
    first = evolve(order.authorization, claims={"iss": "https://a.example", "jti": "1"})
    draft = evolve(order, access=evolve(order.access, authorization=first)).defer(interval=1)
    assert world.host.commit(draft.finish().changes)
    found = world.issuer.transaction(draft.handle).read(world.host.rows, now=NOW)
    assert found is not None
    asked = {"credential_issuer": IDENTIFIER, "transaction_id": draft.transaction_id, "access_token": "x"}
    assert found.is_for(evolve(first, claims={"iss": "https://a.example", "jti": "2"}), **asked)
    assert not found.is_for(evolve(first, claims=claims), **asked)
    assert not found.is_for(first, **{**asked, "credential_issuer": TENANT})
    assert not found.is_for(first, **{**asked, "transaction_id": "x"})


class Asking(Deferring):
    """An application that asks another server about tokens, which does not say who it is."""

    answer = without_none({**claims_of(iss=None), "active": True})

    def load(self, keys: Sequence[Key], /) -> dict[Key, Record]:
        found = dict(super().load(keys))
        found.update(
            {key: key.record(Response.of_json(200, self.answer), now=NOW) for key in keys if isinstance(key, Introspection)}
        )
        return found


def test_the_same_name_at_a_server_that_does_not_say_who_it_is() -> None:
    """`iss` is OPTIONAL in an introspection response (RFC 7662 2.2), and tokens of our own server have none."""
    keys = secret_keys()
    readers = SeveralAccessTokens(
        [SealedAccessTokens(keys), IntrospectedAccessTokens(authorization_server=SERVER, scopes={"simple": ("badge",)})]
    )
    world = world_of(host=Asking(), keys=keys, access_tokens=readers)
    ours = token_for(world)
    transaction = deferred(world, ours)
    not_theirs(world, "theirs", transaction)
    assert len(notes(poll(world, "theirs", deferred(world, "theirs")))) == 1
    assert len(notes(poll(world, ours, transaction))) == 1


# --- the grace ----------------------------------------------------------------------------------------------------------------


def with_grace() -> tuple[Issuance, str, str]:
    world = world_of(grace=60)
    token = token_for(world)
    return world, token, deferred(world, token)


def test_within_the_grace_the_same_token_fetches_once_more() -> None:
    world, token, transaction = with_grace()
    notes(poll(world, token, transaction))
    assert notes(poll(world, token, transaction, now=NOW + 59))
    assert [order.once_more for order in host_of(world).polls] == [False, True]
    assert host_of(world).polls[1].deferral_note == host_of(world).polls[0].deferral_note
    # Fetching does not make it longer.
    not_theirs(world, token, transaction, now=NOW + 60)


def test_within_the_grace_another_token_fetches_nothing() -> None:
    world, token, transaction = with_grace()
    other = token_for(world)
    notes(poll(world, token, transaction))
    not_theirs(world, other, transaction)
    notes(poll(world, token, transaction))


def test_the_grace_begins_when_they_are_issued() -> None:
    world, token, transaction = with_grace()
    assert transaction
    notes(poll(world, token, transaction, now=NOW + 100))
    notes(poll(world, token, transaction, now=NOW + 159))
    not_theirs(world, token, transaction, now=NOW + 160)


def test_a_grace_can_be_ended() -> None:
    world, token, transaction = with_grace()
    notes(poll(world, token, transaction))
    host_of(world).polled = lambda order: order.deny("revoked")
    refused(poll(world, token, transaction), "credential_request_denied")
    refused(untouched(world, lambda: poll(world, token, transaction)), "credential_request_denied")


def test_what_was_issued_is_not_decided_again() -> None:
    world, token, transaction = with_grace()
    notes(poll(world, token, transaction))
    found = stored(world)
    assert found.state == "issued"
    with pytest.raises(ValueError, match="has ended"):
        found.complete()
    with pytest.raises(ValueError, match="has ended"):
        found.extend(expires_at=NOW + 10**9)
    assert world.host.commit(found.refuse("stolen"))
    refused(poll(world, token, transaction), "credential_request_denied")


@pytest.mark.parametrize("grace", [0, 60])
def test_of_two_requests_at_once_one_ends_the_transaction(grace: int) -> None:
    world = world_of(grace=grace)
    token = token_for(world)
    transaction = deferred(world, token)
    call = world.issuer.read_deferred_request(poll_request(token, transaction))
    records = world.host.load(call.lookups)
    replies = [call.verify(records, now=NOW).issue({"x": i}).finish() for i in range(2)]
    assert [world.host.commit(reply.changes) for reply in replies] == [True, False]


def test_a_request_is_run_again_if_something_changed_meanwhile() -> None:
    world = world_of()
    token = token_for(world)
    transaction = deferred(world, token)
    seen: list[Any] = []

    def deciding(order: DeferredOrder) -> Any:
        if not seen:
            assert world.host.commit(stored(world).complete("ready"))
        seen.append(order.decision)
        return order.issue({"x": 1})

    host_of(world).polled = deciding
    response = respond(world.issuer, poll_request(token, transaction), world.host, now=NOW)
    assert len(notes(response)) == 1
    assert [None if each is None else each.note for each in seen] == [None, "ready"]


def test_the_interval_is_said_and_not_enforced() -> None:
    """The specification has no error for a Wallet that comes early."""
    world = world_of()
    transaction = deferred(world, token_for(world))
    early = NOW + INTERVAL - 1
    assert len(notes(poll(world, token_for(world, now=early), transaction, now=early))) == 1
