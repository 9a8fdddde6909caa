"""The store in PostgreSQL keeps the contract, and what it promised when servers and connections break."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from examples.postgresql_connections import Connections
from examples.postgresql_store import PostgresqlStore
from oid4vci.records import Change, Insert, Swap
from tests.lasting_stores import LATER, LastingStoreContract, PurgingContract, grant
from tests.severed_connections import Severing
from tests.store_servers import PostgresqlServer

pytestmark = pytest.mark.servers


class TestPostgresqlStore(LastingStoreContract, PurgingContract):
    @pytest.fixture(autouse=True)
    def _database(self, postgresql_server: PostgresqlServer) -> None:
        self.url = postgresql_server.fresh_url()

    def open(self) -> PostgresqlStore:
        return PostgresqlStore(self.url)


# --- connections that break ---------------------------------------------------------------------------------------------------


@pytest.fixture
def severing(postgresql_server: PostgresqlServer) -> Iterator[Severing]:
    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(postgresql_server.socket))
        return connection

    with Severing(connect) as severing:
        yield severing


@pytest.fixture
def url(postgresql_server: PostgresqlServer) -> str:
    return postgresql_server.fresh_url()


@pytest.fixture
def severed_url(severing: Severing, url: str) -> str:
    """The store of `url`, through what may be severed."""
    return make_conninfo(
        make_conninfo("", **conninfo_to_dict(url)),
        host="127.0.0.1",
        port=severing.port,
        sslmode="disable",
        gssencmode="disable",
    )


@pytest.mark.parametrize("delivered", [True, False])
def test_a_commit_that_is_cut_off_is_an_error_and_is_not_repeated(
    severing: Severing, severed_url: str, delivered: bool
) -> None:
    before = grant("a", n=1)
    with PostgresqlStore(severed_url, connections=1) as store:
        store.commit([Insert(before)])
        changes: list[Change] = [Swap.update(before, n=2), Insert(grant("b"))]
        severing.sever(b"commit", delivered=delivered)
        with pytest.raises(psycopg.OperationalError):
            store.commit(changes)
        assert severing.severed == 1
        # Only now it can be known.
        rows = store.load([before.key, grant("b").key])
        assert {row.version for row in rows.values()} == ({0, 1} if delivered else {0})
        assert len(rows) == (2 if delivered else 1)
        assert store.commit(changes) is not delivered


def test_what_is_cut_off_before_the_commit_is_done_once_on_another_connection(severing: Severing, severed_url: str) -> None:
    with PostgresqlStore(severed_url, connections=1) as store:
        for delivered in (True, False):
            record = grant(f"a {delivered}")
            severing.sever(b"insert into", delivered=delivered)
            assert store.commit([Insert(record)]) is True
            severing.sever(b"unnest", delivered=delivered)
            assert store.load([record.key]) == {record.key: record}
            severing.sever(b"delete from", delivered=delivered)
            assert store.commit([Swap(record, None)]) is True
    assert severing.severed == 6


def test_a_connection_that_cannot_be_made_is_an_error_and_takes_no_place(severing: Severing, severed_url: str) -> None:
    with PostgresqlStore(severed_url, connections=1, patience=5) as store:
        severing.sever(b"unnest", delivered=False)
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError), refused_connections(severing):
                store.load([grant("a").key])
        assert store.load([grant("a").key]) == {}


@contextmanager
def refused_connections(severing: Severing) -> Iterator[None]:
    """Nobody gets through to the server."""

    def refuse() -> socket.socket:
        raise ConnectionRefusedError

    connect, severing.connect = severing.connect, refuse
    try:
        yield
    finally:
        severing.connect = connect


# --- servers that stop --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_store_goes_on_by_itself_after_the_server_was_away(end: str) -> None:
    rows = [grant(str(i)) for i in range(20)]
    keys = [row.key for row in rows]
    with PostgresqlServer(durable=True) as server, PostgresqlStore(server.fresh_url(), connections=4) as store:
        for i in range(2):
            with ThreadPoolExecutor(4) as threads:
                assert all(threads.map(lambda row: store.commit([Insert(row)]), rows[i * 8 : i * 8 + 8]))
            getattr(server, end)()
            with pytest.raises(psycopg.OperationalError):
                store.load(keys)
            with pytest.raises(psycopg.OperationalError):
                store.commit([Insert(rows[19])])
            server.start()
            # Four of its connections have broken.
            assert store.commit([Insert(rows[16 + i])]) is True
            assert store.load(keys).keys() == {*keys[: i * 8 + 8], *keys[16 : 17 + i]}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_every_connection_that_broke_is_replaced_at_its_first_use(end: str) -> None:
    with PostgresqlServer() as server, PostgresqlStore(server.fresh_url(), connections=4) as store:
        barrier = Barrier(4)

        def commit(name: str) -> bool:
            barrier.wait(30)
            return store.commit([Insert(grant(name))])

        with ThreadPoolExecutor(4) as threads:
            for i in range(2):
                assert list(threads.map(commit, [f"{i} {j}" for j in range(4)])) == [True] * 4
                getattr(server, end)()
                server.start()


# --- waiting --------------------------------------------------------------------------------------------------------------------


def test_a_row_that_is_held_too_long_is_an_error_and_nothing_is_changed(url: str) -> None:
    held, other = grant("held"), grant("other")
    with PostgresqlStore(url, connections=1, patience=0.3) as store, psycopg.connect(url) as holding:
        store.commit([Insert(held)])
        holding.execute("select from oid4vci for update")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            store.commit([Swap.update(held, n=1), Insert(other)])
        # What holds it does not keep others from reading, nor from deleting what has expired.
        assert store.load([held.key, other.key]) == {held.key: held}
        assert store.purge(now=LATER) == 0
        holding.rollback()
        assert store.commit([Swap.update(held, n=1), Insert(other)])


def test_who_finds_no_connection_free_is_told(url: str) -> None:
    held = grant("held")
    with PostgresqlStore(url) as store:
        store.commit([Insert(held)])
    with (
        PostgresqlStore(url, connections=1, patience=0.5) as store,
        psycopg.connect(url) as holding,
        ThreadPoolExecutor(1) as threads,
    ):
        holding.execute("select from oid4vci for update")
        waiting = threads.submit(store.commit, [Swap(held, None)])
        time.sleep(0.1)
        store._connections._patience = 0.1
        with pytest.raises(TimeoutError, match="no connection"):
            store.load([held.key])
        holding.rollback()
        assert waiting.result() is True


def test_a_store_that_is_closed_gives_nothing_any_more(url: str) -> None:
    store = PostgresqlStore(url)
    store.close()
    with pytest.raises(ValueError, match="closed"):
        store.load([grant("a").key])
    with pytest.raises(ValueError, match="closed"):
        store.commit([])


def test_connections_in_use_are_closed_when_they_are_given_back(url: str) -> None:
    connections = Connections(url, number=1, patience=1)
    with connections.executed([("select 1", ())]) as (connection, _):
        connections.close()
        assert connection.execute("select 2").fetchone() == (2,)
    assert connection.closed


# --- settings -------------------------------------------------------------------------------------------------------------------


def test_a_commit_is_on_the_disk_and_sees_those_of_others_whatever_the_role_is_set_to(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role hasty login")
        connection.execute("alter role hasty set synchronous_commit to off")
        connection.execute("alter role hasty set default_transaction_isolation to serializable")
        (schema,) = connection.execute("select current_schema").fetchone() or ("",)
        connection.execute(SQL("grant all on schema {} to hasty").format(Identifier(schema)))
    hasty = url.replace("user=postgres", "user=hasty")
    with psycopg.connect(hasty) as connection:
        assert connection.execute("show synchronous_commit").fetchone() == ("off",)
    shown = ("show synchronous_commit", ()), ("begin", ()), ("show transaction_isolation", ())
    connections = Connections(hasty, number=1, patience=1)
    with connections.executed(shown) as (_, cursors):
        assert [cursors[i].fetchone() for i in (0, 2)] == [("on",), ("read committed",)]
    connections.close()
    contract = TestPostgresqlStore()
    contract.url = hasty
    with ExitStack() as contract.opened:
        contract.test_one_of_several_swaps_wins()


def test_a_role_that_may_only_use_the_table_is_enough(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role modest login")
        (schema,) = connection.execute("select current_schema").fetchone() or ("",)
        connection.execute(SQL("grant usage on schema {} to modest").format(Identifier(schema)))
    modest = url.replace("user=postgres", "user=modest")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        PostgresqlStore(modest)
    with PostgresqlStore(url):
        pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("grant select, insert, update, delete on oid4vci to modest")
    with PostgresqlStore(modest) as store:
        assert store.commit([Insert(grant("a"))])
        assert store.purge(now=LATER) == 1


def test_a_table_of_something_else_is_not_touched(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table oid4vci (id integer)")
    with PostgresqlStore(url) as store, pytest.raises(psycopg.errors.UndefinedColumn):
        store.commit([Insert(grant("a"))])
