"""`python -m tests.soak`: see `--help`."""

import argparse
import sys
import tempfile
from pathlib import Path

from examples.sqlite_store import SqliteStore
from oid4vci.memory import MemoryStore
from tests.soak.soak import Soak
from tests.soak.world import SoakStore


def main() -> int:
    """Run a soak and print what happened; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Many exchanges with faults, and a ledger.")
    parser.add_argument("--exchanges", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=float, default=0.15, help="how many of the requests meet one, from 0 to 1")
    parser.add_argument("--store", choices=("memory", "sqlite"), default="memory")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store: SoakStore = MemoryStore() if asked.store == "memory" else SqliteStore(Path(folder) / "soak.db")
        soak = Soak(asked.seed, store, asked.faults)
        broken = None
        try:
            soak.run(exchanges=asked.exchanges, seconds=asked.seconds)
        except AssertionError as error:
            broken = error
        sys.stdout.writelines(f"{line}\n" for line in soak.summary())
        if broken is not None:
            raise broken
    return 0


if __name__ == "__main__":
    sys.exit(main())
