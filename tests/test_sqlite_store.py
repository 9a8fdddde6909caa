"""The store in an SQLite file, where threads of one process come together: while the file is taken, and when it is closed."""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from examples.sqlite_store import SqliteStore
from oid4vci.records import Insert, Key
from tests.lasting_stores import grant
from tests.running_program import ROOT

# A crash is that of a process of its own. Each commit that was promised must be there.
CLOSED_UNDER_COMMITS = """
import sqlite3, sys
from itertools import count
from threading import Event, Thread
from examples.sqlite_store import SqliteStore
from oid4vci.records import Insert
from tests.lasting_stores import grant

def commit(store, name, begun):
    try:
        for i in count():
            if store.commit([Insert(grant(f"{name} {i}"))]):
                done.append(grant(f"{name} {i}").key)
            begun.set()
    except sqlite3.ProgrammingError:
        pass

done = []
for i in range(60):
    store, begun = SqliteStore(sys.argv[1]), Event()
    thread = Thread(target=commit, args=(store, i, begun))
    thread.start()
    assert begun.wait(10)
    store.close()
    thread.join(10)
    assert not thread.is_alive()
with SqliteStore(sys.argv[1]) as store:
    assert len(done) >= 60 and store.load(done).keys() == set(done)
"""


def test_a_store_can_be_closed_while_others_use_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLOSED_UNDER_COMMITS, str(tmp_path / "state.db")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_threads_do_not_wait_for_a_file_one_after_the_other(tmp_path: Path) -> None:
    """Else each that is refused lets the next one begin to wait, and the last of many waits for all of them."""
    path, count = tmp_path / "state.db", 30

    def refused(i: int) -> float:
        with pytest.raises(SqliteStore.unreachable):
            store.commit([Insert(grant(str(i)))])
        return time.monotonic()

    with SqliteStore(path, patience=0.2) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(count) as threads:
            other.execute("begin immediate")
            begun = time.monotonic()
            assert max(threads.map(refused, range(count))) - begun < 3
        assert store.commit([Insert(grant("after"))])


def test_a_file_that_is_no_store_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        SqliteStore(path)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    store.close()
    store.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        store.load([Key.of("grant", "a")])
