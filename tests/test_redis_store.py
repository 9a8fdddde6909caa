"""The store in Redis keeps the contract, and what it promised when servers and connections break."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import redis

from examples.redis_store import RedisStore
from oid4vci.records import Change, Insert, Key, Record, Swap
from tests.lasting_stores import LATER, LastingStoreContract, grant
from tests.severed_connections import Severing
from tests.store_servers import RedisServer

pytestmark = pytest.mark.servers


class TestRedisStore(LastingStoreContract):
    @pytest.fixture(autouse=True)
    def _database(self, redis_server: RedisServer) -> None:
        self.url = redis_server.fresh_url()

    def open(self) -> RedisStore:
        return RedisStore(self.url)


@pytest.fixture
def url(redis_server: RedisServer) -> str:
    return redis_server.fresh_url()


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """One that may be stopped, and set otherwise."""
    with RedisServer(durable=True) as server:
        yield server


# --- what has expired -----------------------------------------------------------------------------------------------------------


def test_a_row_is_there_until_it_expires_and_goes_by_itself(url: str) -> None:
    with RedisStore(url, margin=0) as store:
        expires_at = int(time.time()) + 2
        nonce = Record(Key.of("c_nonce", "a"), {}, expires_at)
        assert store.commit([Insert(nonce)])
        while True:
            rows = store.load([nonce.key])
            again = store.commit([Insert(nonce)])
            if time.time() >= expires_at:
                break
            assert rows == {nonce.key: nonce}
            assert not again
            time.sleep(0.05)
        end = time.monotonic() + 5
        while store.load([nonce.key]):
            assert time.monotonic() < end, "the row stays"
            time.sleep(0.05)
        assert store.commit([Insert(nonce)])


@pytest.mark.spec("VCI-13.8-01")
def test_clocks_may_be_apart_before_a_nonce_that_is_spent_is_forgotten(url: str) -> None:
    now = int(time.time())
    with RedisStore(url) as store, redis.Redis.from_url(url) as client:
        for expires_at, end in ((now + 10, now + 310), (now - 100, now + 200), (2**63, 2**62 // 1000)):
            row = Record(Key.of("c_nonce", str(expires_at)), {}, expires_at)
            assert store.commit([Insert(row)])
            assert client.pexpiretime(f"oid4vci:c_nonce:{row.key.digest}") // 1000 == end
            assert store.load([row.key]) == {row.key: row}
        for expires_at in (now - 301, 0, -(2**63)):
            row = Record(Key.of("c_nonce", str(expires_at)), {}, expires_at)
            assert store.commit([Insert(row)])
            assert store.load([row.key]) == {}


def test_a_swap_says_anew_when_a_row_expires(url: str) -> None:
    soon, later = int(time.time()) + 1000, int(time.time()) + 9000
    with RedisStore(url, margin=0) as store, redis.Redis.from_url(url) as client:
        before = grant("a", expires_at=soon)
        for after in (Swap.update(before, expires_at=later), Swap.update(before, expires_at=soon)):
            store.commit([Insert(before)])
            store.commit([after])
            assert after.after is not None
            assert client.pexpiretime(f"oid4vci:grant:{before.key.digest}") == after.after.expires_at * 1000
            store.commit([Swap(after.after, None)])


def test_purging_has_nothing_to_do(url: str) -> None:
    with RedisStore(url) as store:
        row = grant("a", expires_at=int(time.time()) + 100)
        store.commit([Insert(row)])
        assert store.purge(now=LATER) == 0
        assert store.load([row.key]) == {row.key: row}


# --- settings -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"])
def test_a_redis_that_forgets_when_it_is_full_is_refused(own_server: RedisServer, policy: str) -> None:
    with redis.Redis.from_url(own_server.url) as client:
        client.config_set("maxmemory-policy", policy)
        with pytest.raises(ValueError, match=f"must be noeviction: with {policy}"):
            RedisStore(own_server.url)
        client.config_set("maxmemory-policy", "noeviction")
    RedisStore(own_server.url).close()


def test_a_commit_for_which_there_is_no_memory_is_an_error_and_changes_nothing(own_server: RedisServer) -> None:
    old, new = grant("old"), grant("new", text="x" * 100_000)
    with RedisStore(own_server.url) as store, redis.Redis.from_url(own_server.url) as client:
        store.commit([Insert(old)])
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.OutOfMemoryError):
            store.commit([Insert(new), Swap(old, None)])
        with pytest.raises(redis.OutOfMemoryError):
            store.commit([Swap.update(old, n=1), Insert(new)])
        assert store.load([old.key, new.key]) == {old.key: old}
        client.config_set("maxmemory", "0")
        assert store.commit([Insert(new), Swap(old, None)])


def test_prefixes_are_apart(url: str) -> None:
    row = grant("a")
    with RedisStore(url) as one, RedisStore(url, prefix="other") as other, redis.Redis.from_url(url) as client:
        assert one.commit([Insert(row)])
        assert other.load([row.key]) == {}
        assert other.commit([Insert(row)])
        assert sorted(client.keys()) == [f"{name}:grant:{row.key.digest}".encode() for name in ("oid4vci", "other")]


def test_what_somebody_else_keeps_there_is_not_touched(url: str) -> None:
    row, other = grant("a"), grant("b")
    with RedisStore(url) as store, redis.Redis.from_url(url) as client:
        client.hset(f"oid4vci:grant:{row.key.digest}", "a", "b")
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            store.commit([Insert(other), Insert(row)])
        assert store.load([other.key]) == {}


# --- servers that stop, connections that break ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_store_goes_on_by_itself_after_the_server_was_away(own_server: RedisServer, end: str) -> None:
    rows = [grant(str(i)) for i in range(20)]
    keys = [row.key for row in rows]
    with RedisStore(own_server.url, connections=4) as store:
        for i in range(2):
            with ThreadPoolExecutor(4) as threads:
                assert all(threads.map(lambda row: store.commit([Insert(row)]), rows[i * 8 : i * 8 + 8]))
            getattr(own_server, end)()
            with pytest.raises(redis.ConnectionError):
                store.load(keys)
            with pytest.raises(redis.ConnectionError):
                store.commit([Insert(rows[19])])
            own_server.start()
            # Its connections have broken, and the server does not know the script any more.
            assert store.commit([Insert(rows[16 + i])]) is True
            assert store.load(keys).keys() == {*keys[: i * 8 + 8], *keys[16 : 17 + i]}


def test_every_connection_that_broke_is_replaced_at_its_first_use(own_server: RedisServer) -> None:
    with RedisStore(own_server.url, connections=4) as store:
        barrier = Barrier(4)

        def commit(name: str) -> bool:
            barrier.wait(30)
            return store.commit([Insert(grant(name))])

        with ThreadPoolExecutor(4) as threads:
            for i in range(3):
                assert list(threads.map(commit, [f"{i} {j}" for j in range(4)])) == [True] * 4
                own_server.restart()


def test_a_script_that_the_server_has_forgotten_is_loaded_again(own_server: RedisServer) -> None:
    with RedisStore(own_server.url) as store, redis.Redis.from_url(own_server.url) as client:
        for i in range(3):
            client.script_flush()
            assert store.commit([Insert(grant(str(i)))]) is True
            assert store.commit([Insert(grant(str(i)))]) is False


@pytest.fixture
def severing(redis_server: RedisServer) -> Iterator[Severing]:
    with Severing(lambda: socket.create_connection(("127.0.0.1", redis_server.port))) as severing:
        yield severing


@pytest.mark.parametrize("delivered", [True, False])
def test_a_commit_that_is_cut_off_is_an_error_and_is_not_repeated(severing: Severing, url: str, delivered: bool) -> None:
    before = grant("a", n=1)
    severed_url = f"redis://127.0.0.1:{severing.port}{urlsplit(url).path}"
    with RedisStore(severed_url, connections=1) as store:
        store.commit([Insert(before)])
        changes: list[Change] = [Swap.update(before, n=2), Insert(grant("b"))]
        severing.sever(b"EVALSHA", delivered=delivered)
        with pytest.raises(redis.ConnectionError):
            store.commit(changes)
        assert severing.severed == 1
        # Only now it can be known.
        rows = store.load([before.key, grant("b").key])
        assert sorted(row.version for row in rows.values()) == ([0, 1] if delivered else [0])
        assert store.commit(changes) is not delivered


def test_a_load_that_is_cut_off_is_repeated_on_another_connection(severing: Severing, url: str) -> None:
    row = grant("a")
    with RedisStore(f"redis://127.0.0.1:{severing.port}{urlsplit(url).path}", connections=1) as store:
        store.commit([Insert(row)])
        for delivered in (True, False):
            severing.sever(b"MGET", delivered=delivered)
            assert store.load([row.key]) == {row.key: row}
    assert severing.severed == 2


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_patience(own_server: RedisServer) -> None:
    with RedisStore(own_server.url, patience=0.3) as store, redis.Redis.from_url(own_server.url) as client:
        client.execute_command("CLIENT", "PAUSE", "3000", "ALL")
        with pytest.raises(redis.TimeoutError):
            store.commit([Insert(grant("a"))])
