"""The short form of the soak, and what is broken on purpose: a soak that finds nothing wrong with it would find nothing at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from examples.sqlite_store import SqliteStore
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Insert
from tests.soak.faults import Host
from tests.soak.soak import Soak
from tests.wrong_stores import BlindSwap, FirstChangeOnly

EXCHANGES, SECONDS = 1500, 60


@pytest.mark.spec("VCI-13.6.1-01", "VCI-13.6.3-02", "VCI-13.6.3-04", "VCI-13.8-01", "VCI-15.2-01")
def test_a_short_soak() -> None:
    soak = Soak(seed=20_260_101)
    soak.run(exchanges=EXCHANGES, seconds=SECONDS)
    counts = soak.network.ledger.counts
    happened = (
        "decision: refuse",
        "replays by a thief",
        "encrypted answers",
        "deferred 200",
        "par 201",
        "Credentials of pid",
        "Credentials of licence",
    )
    assert all(counts[name] for name in (*happened, "refused: invalid_nonce", "journeys completed"))
    assert counts["credential responses committed"] >= counts["credential 200"] + counts["deferred 200"]


def test_what_happens_is_told() -> None:
    soak = Soak(seed=2)
    soak.run(exchanges=100, seconds=SECONDS)
    lines = list(soak.summary())
    assert "exchanges in" in lines[0]
    assert any("journeys completed" in line for line in lines)


def test_with_a_file(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "soak.db") as store:
        Soak(seed=3, store=store).run(exchanges=300, seconds=SECONDS)


def test_without_faults_everybody_is_served() -> None:
    soak = Soak(seed=4, faults=0)
    soak.run(exchanges=500, seconds=SECONDS)
    reasons = {name for name in soak.network.ledger.counts if name.startswith("journeys given up")}
    assert reasons <= {"journeys given up: refused for good", "journeys given up: the code is gone"}


# --- would it be noticed? -------------------------------------------------------------------------------------------------------


class InsertOverAll(MemoryStore):
    """Takes an Insert for done if the key exists."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        return super().commit([each for each in changes if not (isinstance(each, Insert) and self.load([each.record.key]))])


class Forgetful(MemoryStore):
    """Loses what was written every 50th time, as one does whose disk is full."""

    commits = 0

    def commit(self, changes: Sequence[Change], /) -> bool:
        self.commits += 1
        return True if self.commits % 50 == 0 else super().commit(changes)


class SendsBeforeItCommits(Host):
    """Sends its answer whether or not the commit succeeded."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        super().commit(changes)
        return True


class HidesFailures(Host):
    """Sends its answer although the store could not be reached."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        try:
            return super().commit(changes)
        except Exception:
            return True


class RemembersRecords(Host):
    """Loads records once, and runs again with the same ones."""

    records: Any = None

    def load(self, keys: Sequence[Any], /) -> Any:
        self.records = super().load(keys) if self.records is None else self.records
        return self.records


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"store": BlindSwap()}, "twice|too many|lost"),
        ({"store": FirstChangeOnly()}, "wrote down|lost|twice|noted"),
        ({"store": InsertOverAll()}, "twice"),
        ({"store": Forgetful()}, "wrote down|lost|twice|does all right"),
        ({"make_host": SendsBeforeItCommits}, "twice|committed|too many|noted"),
        ({"make_host": HidesFailures}, "twice|committed|noted"),
        ({"make_host": RemembersRecords}, "answered with 503"),
    ],
    ids=["blind swaps", "one change of several", "inserts that overwrite", "lost writes", "no wait", "hidden", "old records"],
)
def test_a_broken_part_is_found(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        Soak(seed=5, **broken).run(exchanges=4 * EXCHANGES, seconds=SECONDS)
