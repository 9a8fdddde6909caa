"""The checks that an adapter runs on its own store: all that the library relies on, and no more.

Rule: a check calls `load` and `commit` only, and makes no assumption on how, where or how long beyond `expires_at` rows are kept.
Neither pytest nor any other package is needed.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Barrier, Thread
from typing import Any

from attrs import evolve

from oid4vci.records import Change, Insert, Key, Record, Store, Swap

__all__ = ("StoreContract",)

# The year 2100: a store that deletes by a clock of its own must not do so while it is checked.
LATER = 4_102_444_800
A, B, C = (Key.of("grant", name) for name in "abc")

VALUES: Mapping[str, Any] = {
    "literals": {"true": True, "false": False, "null": None, "empty": "", "object": {}, "array": []},
    "integers": [0, 1, -1, 2**31, 2**32, 2**53, -(2**53)],
    "floats": [0.5, -0.1, 1e-7, 1.5e300, 5e-324, 1_700_000_000.25],
    "text": [
        "\u00e9",
        "e\u0301",
        "\u00df\u1e9e",
        "\u4e2d\u6587",
        "\U0001f510",
        "\u200f\ufeff",
        "\x7f\x01",
        "\\\"'%_;--",
        " pad ",
    ],
    # Peers can send it, and a `jsonb` column of PostgreSQL refuses it.
    "null character": "a\0b",
    "names": {"": 1, "a.b": 2, "$ref": 3, "\u00fc": 4, "__proto__": 5, "A": 6, "a": 7},
    "nesting": [[[[[[[[{"deep": [{"er": [None, [], {}]}]}]]]]]]]],
    "large": "\u00fc" * 32_768,
}


def _record(key: Key = A, *, version: int = 0, expires_at: int = LATER, **data: Any) -> Record:
    return Record(key, data, expires_at, version)


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: a number equals a boolean in Python, and not in JSON."""
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _check_stored(store: Store, *expected: Record, absent: Sequence[Key] = ()) -> None:
    """The store has these rows, as they are, and not the absent ones."""
    loaded = store.load([record.key for record in expected] + list(absent))
    for record in expected:
        row = loaded.get(record.key)
        assert row is not None, "a row is missing"
        assert row.key == record.key, "a row came back under another key"
        assert row.version == record.version, "the version is not what was stored"
        assert row.expires_at == record.expires_at, "expires_at is not what was stored"
        assert _same(record.data, row.data), "the data are not what was stored"
    assert not any(key in loaded for key in absent), "there is a row that must not be there"
    assert len(loaded) == len({record.key for record in expected}), "load gave rows that were not asked for"


class StoreContract:
    """Subclass it under a name that pytest collects, and define `make_store`; or call `StoreContract.check(make_store)`.

    Every method `test_...` is a check on an empty store of its own, and raises `AssertionError`.

    >>> from oid4vci.memory import MemoryStore
    >>> StoreContract.check(MemoryStore)
    """

    #: Whether a commit that fails leaves nothing behind. A store without transactions over several rows says False: it stops at
    #: the first change that fails, so that nothing happens if that is the guard (see `oid4vci.records`).
    all_or_nothing = True
    #: How many commits race, and how often.
    racers = 4
    rounds = 20

    def make_store(self) -> Store:
        """A new and empty store. It is used from several threads in the checks that race."""
        raise TypeError(f"{type(self).__name__} must define make_store")

    @classmethod
    def check(cls, make_store: Callable[[], Store]) -> None:
        """Run every check, each on another store that `make_store` gives. Raises `AssertionError` for the first that fails."""
        contract = type(cls.__name__, (cls,), {"make_store": staticmethod(make_store)})()
        _run_checks(contract)

    # --- one change ----------------------------------------------------------------------------------------------------------

    def test_a_missing_row_is_absent(self) -> None:
        store = self.make_store()
        assert len(store.load([A, B])) == 0, "load gave rows of an empty store"
        assert len(store.load([])) == 0, "load of nothing gave rows"

    def test_no_changes_are_a_success(self) -> None:
        assert self.make_store().commit(()) is True, "a commit without changes must be True"

    def test_an_insert_creates_the_row(self) -> None:
        store, record = self.make_store(), _record(subject="alice")
        assert store.commit([Insert(record)]) is True, "Insert of a new key must be True"
        _check_stored(store, record, absent=[B])

    def test_an_insert_of_an_existing_key_is_refused(self) -> None:
        store, first = self.make_store(), _record(subject="alice")
        store.commit([Insert(first)])
        for other in (first, _record(subject="mallory"), _record(subject="mallory", version=1)):
            assert store.commit([Insert(other)]) is False, "Insert of an existing key must be False"
            _check_stored(store, first)

    def test_an_insert_over_an_expired_row_is_refused(self) -> None:
        store, expired = self.make_store(), _record(expires_at=1, subject="alice")
        store.commit([Insert(expired)])
        # The store may have deleted it, or may not show it any more; a row that it shows is not to be overwritten.
        shown = A in store.load([A])
        replaced = store.commit([Insert(_record(expires_at=1, subject="mallory"))])
        assert not (shown and replaced), "Insert of an existing key must be False, even if that row has expired"
        if shown:
            _check_stored(store, expired)

    def test_a_deleted_key_can_be_inserted_again(self) -> None:
        store, first, second = self.make_store(), _record(version=3, of="alice"), _record(of="bob")
        store.commit([Insert(first)])
        store.commit([Swap(first, None)])
        assert store.commit([Insert(second)]) is True, "Insert of a deleted key must be True"
        _check_stored(store, second)

    def test_a_swap_replaces_the_row_of_that_version(self) -> None:
        store, first = self.make_store(), _record(state="offered")
        store.commit([Insert(first)])
        second = _record(version=1, expires_at=LATER + 5, state="redeemed", details=[])
        assert store.commit([Swap(first, second)]) is True, "Swap of the stored version must be True"
        _check_stored(store, second)
        third = _record(version=2, expires_at=LATER - 5)
        assert store.commit([Swap(second, third)]) is True, "Swap of the stored version must be True"
        _check_stored(store, third)

    def test_a_swap_of_another_version_is_refused(self) -> None:
        store, stored = self.make_store(), _record(version=5, state="offered")
        store.commit([Insert(stored)])
        for version in (0, 4, 6):
            other = evolve(stored, version=version)
            for after in (evolve(stored, version=version + 1, data={"state": "stolen"}), None):
                assert store.commit([Swap(other, after)]) is False, "Swap of another version must be False"
                _check_stored(store, stored)

    def test_a_swap_looks_at_the_version_alone(self) -> None:
        store, stored = self.make_store(), _record(state="offered")
        store.commit([Insert(stored)])
        after = _record(version=1, state="redeemed")
        # Data that came out of a store need not be equal to what went in: 1.0 may have become 1.
        assert store.commit([Swap(_record(expires_at=7, state="?"), after)]) is True, "Swap compares versions, not data"
        _check_stored(store, after)

    def test_a_swap_of_a_missing_row_is_refused(self) -> None:
        store = self.make_store()
        for after in (_record(version=1), None):
            assert store.commit([Swap(_record(), after)]) is False, "Swap of a missing row must be False"
            _check_stored(store, absent=[A])

    def test_a_swap_for_nothing_deletes(self) -> None:
        store, first, second = self.make_store(), _record(), _record(B)
        store.commit([Insert(first), Insert(second)])
        assert store.commit([Swap(first, None)]) is True, "a deletion of the stored version must be True"
        _check_stored(store, second, absent=[A])
        assert store.commit([Swap(first, None)]) is False, "a second deletion must be False"

    # --- several changes ------------------------------------------------------------------------------------------------------

    def test_all_changes_are_applied(self) -> None:
        store, a, b = self.make_store(), _record(n=1), _record(B, n=2)
        store.commit([Insert(a), Insert(b)])
        after, c = _record(version=1, n=3), _record(C, n=4)
        assert store.commit([Swap(a, after), Swap(b, None), Insert(c)]) is True, "changes that all hold must be True"
        _check_stored(store, after, c, absent=[B])

    def test_none_is_applied_if_one_fails(self) -> None:
        store, a = self.make_store(), _record(n=1)
        store.commit([Insert(a)])
        good: tuple[Change, ...] = (Insert(_record(B, n=2)), Swap(a, _record(version=1, n=3)))
        bad: tuple[Change, ...] = (Insert(a), Swap(_record(C), None), Swap(evolve(a, version=9), None))
        for failing in bad:
            for first in good:
                for changes in ((failing, first), (first, failing))[: 2 if self.all_or_nothing else 1]:
                    assert store.commit(changes) is False, "one change that fails makes the commit False"
                    _check_stored(store, a, absent=[B, C])

    def test_changes_are_applied_in_their_order(self) -> None:
        store, a = self.make_store(), _record(n=1)
        again = _record(version=7, n=2)
        store.commit([Insert(a)])
        assert store.commit([Insert(again), Swap(a, None)]) is False, "Insert comes before the deletion"
        _check_stored(store, a)
        assert store.commit([Swap(a, None), Insert(again)]) is True, "the deletion comes before Insert"
        _check_stored(store, again)

    def test_changes_see_those_before_them(self) -> None:
        store, first = self.make_store(), _record(n=1)
        second, third = _record(version=1, n=2), _record(version=2, n=3)
        assert store.commit([Insert(first), Swap(first, second), Swap(second, third)]) is True, "one change after another"
        _check_stored(store, third)
        assert store.commit([Swap(third, None), Swap(third, None)]) is False, "the second deletion of one row must fail"
        if self.all_or_nothing:
            _check_stored(store, third)
            store.commit([Swap(third, None)])
        assert store.commit([Insert(first), Swap(first, second), Swap(first, third)]) is False, (
            "Swap of a version that has gone"
        )
        if self.all_or_nothing:
            _check_stored(store, absent=[A])

    def test_many_rows_at_once(self) -> None:
        store = self.make_store()
        records = [_record(Key.of("c_nonce", str(i)), i=i) for i in range(100)]
        assert store.commit([Insert(record) for record in records]) is True, "100 changes in one commit"
        _check_stored(store, *records, absent=[A, B])
        assert len(store.load([A, records[0].key, records[0].key])) == 1, "a key that is named twice"

    # --- what is kept -----------------------------------------------------------------------------------------------------------

    def test_any_json_comes_back(self) -> None:
        store = self.make_store()
        for name, value in VALUES.items():
            record = _record(Key.of("grant", name), value=value)
            assert store.commit([Insert(record)]) is True, name
            _check_stored(store, record)
            swapped = evolve(record, version=1, data={"again": value, "value": [value]})
            assert store.commit([Swap(record, swapped)]) is True, name
            _check_stored(store, swapped)

    def test_data_may_be_empty(self) -> None:
        store = self.make_store()
        store.commit([Insert(_record())])
        _check_stored(store, _record())

    def test_versions_and_expiry_come_back(self) -> None:
        store = self.make_store()
        records = [
            _record(A, version=0, expires_at=LATER),
            _record(B, version=2**31 + 1, expires_at=2**33),
            _record(C, version=1, expires_at=LATER + 1),
        ]
        store.commit([Insert(record) for record in records])
        _check_stored(store, *records)

    def test_rows_do_not_change_with_the_values_they_came_from(self) -> None:
        store, data = self.make_store(), {"list": [1], "object": {"n": 1}}
        store.commit([Insert(Record(A, data, LATER))])
        data["list"].append(2)  # type: ignore[attr-defined]
        data["new"] = [3]
        original = _record(list=[1], object={"n": 1})
        _check_stored(store, original)
        loaded: Any = store.load([A])[A].data
        loaded["list"].append(4)
        loaded["object"]["n"] = 5
        _check_stored(store, original)

    def test_kinds_are_apart(self) -> None:
        store = self.make_store()
        grant, nonce = _record(Key("grant", "0" * 64), n=1), _record(Key("c_nonce", "0" * 64), n=2)
        assert store.commit([Insert(grant)]) is True
        _check_stored(store, grant, absent=[nonce.key])
        assert store.commit([Insert(nonce)]) is True, "the same digest of another kind is another key"
        assert store.commit([Swap(grant, None)]) is True
        _check_stored(store, nonce, absent=[grant.key])

    # --- several at once --------------------------------------------------------------------------------------------------------

    def test_one_of_several_inserts_wins(self) -> None:
        store = self.make_store()
        for i in range(self.rounds):
            key = Key.of("c_nonce", f"race {i}")
            records = [_record(key, racer=racer) for racer in range(self.racers)]
            won = self.race(store, [[Insert(record)] for record in records])
            assert won.count(True) == 1, "of several Inserts of one key at once exactly one must be True"
            _check_stored(store, records[won.index(True)])

    def test_one_of_several_swaps_wins(self) -> None:
        store = self.make_store()
        for i in range(self.rounds):
            before = _record(Key.of("grant", f"race {i}"))
            store.commit([Insert(before)])
            afters: list[Record | None] = [evolve(before, version=1, data={"racer": racer}) for racer in range(self.racers)]
            afters[-1] = None
            won = self.race(store, [[Swap(before, after)] for after in afters])
            assert won.count(True) == 1, "of several Swaps of one version at once exactly one must be True"
            winner = afters[won.index(True)]
            _check_stored(store, *([winner] if winner else []), absent=[] if winner else [before.key])

    def test_the_losers_of_a_race_leave_nothing_behind(self) -> None:
        store = self.make_store()
        for i in range(self.rounds):
            guard = _record(Key.of("grant", f"guard {i}"))
            others = [_record(Key.of("c_nonce", f"{i} {racer}")) for racer in range(self.racers)]
            commits = [[Insert(guard), Insert(other)] for other in others]
            if self.all_or_nothing and i % 2:
                commits = [changes[::-1] for changes in commits]
            won = self.race(store, commits)
            assert won.count(True) == 1, "of several commits that share a key exactly one must be True"
            winner = others.pop(won.index(True))
            _check_stored(store, guard, winner, absent=[other.key for other in others])

    def race(self, store: Store, commits: Sequence[Sequence[Change]]) -> list[bool]:
        """Make all commits as simultaneously as possible, here with a thread for each; what each returned."""
        barrier = Barrier(len(commits))
        outcomes: dict[int, bool | BaseException] = {}

        def commit(racer: int) -> None:
            try:
                barrier.wait(timeout=60)
                outcomes[racer] = store.commit(commits[racer])
            except BaseException as failure:
                outcomes[racer] = failure

        threads = [Thread(target=commit, args=(racer,)) for racer in range(len(commits))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = []
        for _, outcome in sorted(outcomes.items()):
            if isinstance(outcome, BaseException):
                raise outcome
            won.append(outcome)
        return won


def _run_checks(contract: StoreContract) -> None:
    for name in dir(contract):
        if name.startswith("test_"):
            getattr(contract, name)()
