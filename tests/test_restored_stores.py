"""A store that was restored from a backup: what the page on deployment says of it is what happens."""

from collections.abc import Callable

import pytest

from oid4vci.memory import MemoryStore
from oid4vci.oauth.grants import revoke
from oid4vci.secret import new_secret
from oid4vci.status_list import StoredStatusList
from tests.authorization import Proving, code_flow
from tests.deferrals import deferred, host_of, notes, poll, token_for, world_of
from tests.documents import ROOT
from tests.issuance import NOW, Proof, issuance, order_of, refused, secret_keys
from tests.test_refresh_tokens import again, first

# The page: "a quarter of an hour after the failure none of them is left".
CLOSED = 15 * 60


def backup(store: MemoryStore) -> Callable[[], None]:
    """Keeps what is stored now; calling what comes back restores it."""
    rows = dict(store._rows)

    def restore() -> None:
        store._rows = dict(rows)

    return restore


def test_the_page_says_how_long_to_stay_closed() -> None:
    page = (ROOT / "docs" / "how-to" / "deployment.md").read_text(encoding="utf-8")
    assert "**a quarter of an hour**" in page


@pytest.mark.parametrize(("late", "status"), [(1, 200), (CLOSED, 400)])
def test_a_code_that_was_used_serves_again_until_it_expires(late: int, status: int) -> None:
    parts = issuance()
    granted = parts.grant()
    restore = backup(parts.host)
    assert parts.redeem(granted).status == 200
    refused(parts.redeem(granted), "invalid_grant")
    restore()
    assert parts.redeem(granted, now=NOW + late).status == status


@pytest.mark.parametrize(("late", "status"), [(1, 200), (CLOSED, 400)])
def test_a_nonce_that_was_used_serves_again_until_it_expires(late: int, status: int) -> None:
    parts = issuance()
    body = order_of(Proof(parts.nonce()))
    token = parts.token()
    restore = backup(parts.host)
    assert parts.credential(token, body).status == 200
    refused(parts.credential(token, body), "invalid_nonce")
    restore()
    later = NOW + late
    # A token that lives then: it is the nonce that is looked at.
    assert parts.credential(parts.token(now=later), body, now=later).status == status


def test_a_refresh_token_that_was_replaced_since_is_refused() -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving)
    restore = backup(flow.host)
    renewed = again(flow, body["refresh_token"], proving).json()
    restore()
    refused(again(flow, renewed["refresh_token"], proving), "invalid_grant")


def test_a_grant_that_was_revoked_since_lives_again() -> None:
    flow, proving = code_flow(), Proving()
    body = first(flow, proving)
    restore = backup(flow.host)
    (grant,) = (record for key, record in flow.host.rows.items() if key.kind == "grant")
    assert flow.host.commit([revoke(grant)])
    refused(again(flow, body["refresh_token"], proving), "invalid_grant")
    restore()
    assert again(flow, body["refresh_token"], proving, now=NOW + CLOSED).status == 200


def test_a_transaction_that_ended_since_issues_once_more_unless_it_is_refused() -> None:
    world = world_of()
    token = token_for(world)
    promised = deferred(world, token)
    restore = backup(world.host)
    assert notes(poll(world, token, promised))
    refused(poll(world, token, promised), "invalid_transaction_id")
    restore()
    (draft,) = host_of(world).drafts
    wanted = world.issuer.transaction(draft.handle)
    transaction = wanted.read(world.host.load(wanted.lookups), now=NOW)
    assert transaction is not None
    again_open = backup(world.host)
    assert notes(poll(world, token, promised))
    again_open()
    assert world.host.commit(transaction.refuse())
    refused(poll(world, token, promised), "credential_request_denied")


def test_an_index_is_given_twice_and_what_was_revoked_is_valid() -> None:
    store = MemoryStore()
    stored = StoredStatusList(uri="https://issuer.example/statuses/1", expires_at=NOW + 86_400, size=8)
    assert store.commit([stored.create()])
    restore = backup(store)

    def given(name: str) -> int:
        draw = stored.indices.draw(1, now=NOW, new_secret=new_secret, name=name)
        allocated = draw.verify(store.load(draw.lookups))
        assert store.commit(allocated.changes)
        return allocated.values[0]

    taken = [given(f"before {i}") for i in range(8)]
    assert sorted(taken) == list(range(8))
    assert store.commit([stored.set(store.load([stored.key]), {0: 1})])
    restore()
    assert given("after") in taken
    assert stored.statuses(store.load([stored.key])).get(0) == 0


def test_new_sealing_keys_end_tokens_nonces_and_transaction_codes() -> None:
    before = issuance(keys=secret_keys(1))
    token, nonce = before.token(), before.nonce()
    with_tx_code, without = before.grant(tx_code="4921"), before.grant()
    after = issuance(keys=secret_keys(2), host=before.host)
    assert before.credential(token, order_of(Proof(nonce))).status == 200
    refused(after.credential(token, order_of(Proof(after.nonce()))), "invalid_token", status=401)
    refused(after.credential(after.token(), order_of(Proof(nonce))), "invalid_nonce")
    refused(after.redeem(with_tx_code, tx_code="4921"), "invalid_grant")
    assert after.redeem(without).status == 200
