"""Indices of status lists: unpredictable, distinct, and never given out twice, however late somebody's records are."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.formats.copies import Copies
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.keys import LocalSigner, public_key
from oid4vci.memory import MemoryStore
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.records import Change, Insert
from oid4vci.secret import new_secret
from oid4vci.status_list import AllocatedIndices, IndexDraw, StatusList, StatusListFull, StatusListIndices, StoredStatusList
from tests.test_x509 import NOW
from tests.wrong_stores import FirstChangeOnly

URI = "https://issuer.example/statuslists/1"
LATER = NOW + 1000
INDICES = StatusListIndices(uri=URI, expires_at=LATER)


def drawn(count: int, indices: StatusListIndices = INDICES, **more: str) -> IndexDraw:
    return indices.draw(count, now=NOW, new_secret=new_secret, **more)


def allocated(count: int, indices: StatusListIndices = INDICES, **more: str) -> AllocatedIndices:
    return drawn(count, indices, **more).verify({})


@pytest.mark.spec("HAIP-6.1-11")
def test_the_copies_of_a_batch_have_indices_of_their_own_on_one_list() -> None:
    for _ in range(20):
        copies = allocated(10).copies
        references = [copy["status"]["status_list"] for copy in copies]
        assert {reference["uri"] for reference in references} == {URI}
        values = [reference["idx"] for reference in references]
        assert len(set(values)) == 10
        assert all(0 <= value < INDICES.size for value in values)
        assert len({after - before for before, after in pairwise(values)}) > 1
        assert len({after - before for before, after in pairwise(sorted(values))}) > 1
        # As encoders take them.
        assert Copies.of(copies, count=10).members == copies


@pytest.mark.spec("HAIP-6.1-11")
def test_each_credential_of_a_batch_is_issued_with_a_status_of_its_own() -> None:
    holders = tuple(public_key(LocalSigner.generate(f"holder-{i}").public_jwk) for i in range(3))
    batch = allocated(3)
    draft = SdJwtVcEncoder(signer=LocalSigner.generate("issuer")).draft(
        {"name": "Ada"},
        configuration=SdJwtVcConfiguration(vct="urn:diploma"),
        issuer="https://issuer.example",
        holder_keys=holders,
        now=NOW,
        new_secret=new_secret,
        copies=batch.copies,
    )
    claims = [_jose.parse(credential.partition("~")[0]).claims() for credential in draft.finish()]
    assert [each["status"]["status_list"] for each in claims] == [{"idx": index, "uri": URI} for index in batch.values]
    assert len(set(batch.values)) == 3


def test_indices_are_spread_over_the_list() -> None:
    """Every tenth of the list gets a tenth, more or less: the odds against this bound are astronomical."""
    counts = Counter(value * 10 // INDICES.size for _ in range(100) for value in allocated(20).values)
    assert set(counts) == set(range(10))
    assert all(100 < count < 320 for count in counts.values())


def test_every_order_of_a_small_list_is_as_likely() -> None:
    small = StatusListIndices(uri=URI, expires_at=LATER, size=3)
    counts = Counter(allocated(3, small).values for _ in range(1200))
    assert len(counts) == 6
    assert all(100 < count < 320 for count in counts.values())


@given(st.integers(1, 200), st.data())
def test_what_is_drawn_is_distinct_and_in_bounds(size: int, data: st.DataObject) -> None:
    indices = StatusListIndices(uri=URI, expires_at=LATER, size=size)
    count = data.draw(st.integers(1, size))
    draw = indices.draw(count, now=NOW, new_secret=lambda length: data.draw(st.binary(min_size=length, max_size=length)))
    assert len(set(draw.drawn)) == len(draw.drawn) == min(4 * count + 16, size)
    assert all(0 <= index < size for index in draw.drawn)


def test_taken_indices_are_passed_over() -> None:
    draw = drawn(2)
    taken = {key: change.record for key, change in zip(draw.lookups[:3], _inserts(draw.drawn[:3]), strict=True)}
    assert draw.verify(taken).values == draw.drawn[3:5]


def _inserts(values: Sequence[int]) -> list[Insert]:
    changes = AllocatedIndices(INDICES, tuple(values)).changes
    return [change for change in changes if isinstance(change, Insert)]


def test_a_list_that_is_nearly_full_says_so() -> None:
    store, small = MemoryStore(), StatusListIndices(uri=URI, expires_at=LATER, size=8)
    for _ in range(8):
        draw = drawn(1, small)
        assert store.commit(draw.verify(store.load(draw.lookups)).changes)
    draw = drawn(1, small)
    with pytest.raises(StatusListFull):
        draw.verify(store.load(draw.lookups))
    with pytest.raises(ValueError, match="1 to 8"):
        drawn(9, small)


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_how_many_can_be_drawn(count: int) -> None:
    with pytest.raises(ValueError, match="can be drawn"):
        drawn(count)


def test_a_list_that_has_been_given_up_gives_no_indices() -> None:
    with pytest.raises(ValueError, match="given up"):
        INDICES.draw(1, now=LATER, new_secret=new_secret)


@pytest.mark.parametrize(("uri", "size"), [("no uri", 8), (URI, 0), (URI, 2**60)])
def test_indices_of_nothing(uri: str, size: int) -> None:
    with pytest.raises(Malformed):
        StatusListIndices(uri=uri, expires_at=LATER, size=size)


def test_what_is_stored() -> None:
    named = INDICES.draw(2, now=NOW, new_secret=new_secret, name="ada/diploma", note={"who": "ada"}).verify({})
    *taken, allocation = (change.record for change in named.changes if isinstance(change, Insert))
    assert [record.key for record in taken] == [INDICES.key(value) for value in named.values]
    assert [record.data for record in taken] == [{"uri": URI, "idx": value, "note": {"who": "ada"}} for value in named.values]
    assert allocation.key == INDICES.allocation_key("ada/diploma")
    assert allocation.data == {"uri": URI, "indices": list(named.values), "note": {"who": "ada"}}
    assert {record.expires_at for record in (*taken, allocation)} == {LATER}
    assert "ada" not in repr(named).replace("ada/diploma", "")


def test_a_name_is_used_once() -> None:
    store = MemoryStore()
    assert store.commit(allocated(1, name="ada").changes)
    assert not store.commit(allocated(1, name="ada").changes)


# Two issuers with records of their own time


class Issuers(RuleBasedStateMachine):
    """Issuers draw, load, and commit in any order; what was loaded may be old by then."""

    make_store: Callable[[], MemoryStore] = MemoryStore
    draws: Bundle[IndexDraw] = Bundle("draws")
    chosen: Bundle[AllocatedIndices] = Bundle("chosen")

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).make_store()
        self.indices = StatusListIndices(uri=URI, expires_at=LATER, size=12)
        self.given: list[int] = []

    @rule(target=draws, count=st.integers(1, 3), data=st.data())
    def draw(self, count: int, data: st.DataObject) -> IndexDraw:
        def secret(size: int) -> bytes:
            return data.draw(st.binary(min_size=size, max_size=size))

        return self.indices.draw(count, now=NOW, new_secret=secret)

    @rule(target=chosen, draw=draws)
    def load(self, draw: IndexDraw) -> AllocatedIndices:
        try:
            return draw.verify(self.store.load(draw.lookups))
        except StatusListFull:
            return AllocatedIndices(self.indices, ())

    @rule(allocation=consumes(chosen))
    def commit(self, allocation: AllocatedIndices) -> None:
        if self.store.commit(allocation.changes):
            self.given += allocation.values

    @invariant()
    def no_index_is_given_out_twice(self) -> None:
        assert len(set(self.given)) == len(self.given)
        assert len(self.given) <= self.indices.size


TestIssuers = Issuers.TestCase


class Forgetful(MemoryStore):
    """Overwrites what is there."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        for change in changes:
            super().commit([change])
        return True


@pytest.mark.parametrize("store", [Forgetful, FirstChangeOnly])
def test_a_wrong_store_would_be_found_out(store: Callable[[], MemoryStore]) -> None:
    machine = type("WrongIssuers", (Issuers,), {"make_store": staticmethod(store)})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(max_examples=500, stateful_step_count=30, print_blob=False))


# A list in the store


STORED = StoredStatusList(uri=URI, expires_at=LATER, size=1000, bits=2)


def test_revocation() -> None:
    store = MemoryStore()
    assert store.commit([STORED.create()])
    draw = drawn(3, STORED.indices, name="ada/diploma")
    batch = draw.verify(store.load(draw.lookups))
    assert store.commit(batch.changes)
    assert STORED.statuses(store.load([STORED.key])) == StatusList.of(1000, bits=2)
    records = store.load([STORED.key, STORED.indices.allocation_key("ada/diploma")])
    found = records[STORED.indices.allocation_key("ada/diploma")].data["indices"]
    assert store.commit([STORED.set(records, dict.fromkeys(found, 1))])
    expected = StatusList.of(1000, bits=2, statuses=dict.fromkeys(batch.values, 1))
    assert STORED.statuses(store.load([STORED.key])) == expected
    # Whoever changes an old version is not heard, so that nobody's revocation is lost.
    assert not store.commit([STORED.set(records, {0: 1})])


def test_a_list_must_be_there_to_be_changed() -> None:
    with pytest.raises(ValueError, match="not among the records"):
        STORED.set({}, {0: 1})
    store = MemoryStore()
    assert store.commit([STORED.create()])
    assert not store.commit([STORED.create()])
    with pytest.raises(ValueError, match="bits"):
        STORED.set(store.load([STORED.key]), {0: 4})
    with pytest.raises(ValueError, match="bounds"):
        STORED.set(store.load([STORED.key]), {1000: 1})


@pytest.mark.parametrize("fields", [{"size": 0}, {"bits": 3}, {"size": 1 << 26, "bits": 2}])
def test_lists_that_cannot_be_stored(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        StoredStatusList(uri=URI, expires_at=LATER, **fields)
