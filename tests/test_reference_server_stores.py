"""The reference server with each store: chosen by a URL, shared by servers, there again after a restart of either side."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
import redis
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from examples.postgresql_store import PostgresqlStore
from examples.redis_store import RedisStore
from examples.reference_server import demo
from examples.reference_server.__main__ import main
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from examples.reference_server.stores import open_store
from examples.sqlite_store import SqliteStore
from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.memory import MemoryStore
from oid4vci.records import Insert, Key, Record, Store
from oid4vci.wallet import Session
from tests.lasting_stores import opened
from tests.private_keys import in_pem
from tests.reference_server import WalletAt
from tests.running_program import ROOT, free_port
from tests.running_server import RunningServer, running_server
from tests.store_servers import PostgresqlServer, RedisServer, StoreServer

KEY = "A" * 43

# --- the URL ------------------------------------------------------------------------------------------------------------------


def test_the_memory_is_a_store() -> None:
    assert isinstance(open_store("memory"), MemoryStore)


def test_a_file_is_named_by_its_path(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/state.db") as store:
        assert isinstance(store, SqliteStore)
    assert (tmp_path / "state.db").is_file()


@pytest.mark.servers
def test_a_server_is_named_by_its_url(postgresql_server: PostgresqlServer, redis_server: RedisServer) -> None:
    for url in (postgresql_server.fresh_url(), postgresql_server.fresh_url().replace("postgresql:", "postgres:")):
        with opened(url) as store:
            assert isinstance(store, PostgresqlStore)
    with opened(redis_server.fresh_url()) as store:
        assert isinstance(store, RedisStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql",
        "redis:",
        "redis:/localhost",
        "sqlite:///",
        "sqlite://state.db",
        "sqlite:state.db",
        "memory://",
        "Memory",
        "mysql://localhost/db",
        "postgresql+psycopg://localhost/db",
        "unix:///run/redis.sock",
        "://",
        "state.db",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^--store: use memory, sqlite:///state.db, postgresql://.* or redis://"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@[::1/db",
        "postgresql://user:secret@host/db?nonsense=1",
        "postgresql://user:secret@host/db?host",
        "postgresql://user:secret%zz@host/db",
        "postgresql://user:se/cret@host/db",
        "postgresql://user:12/cret@host/db",
        "postgresql://user:se@cret@host/db",
        "postgresql://user:se@cret/@host/db",
        "redis://user:se#cret@host",
        "redis://user:secret@host:secret",
        "redis://user:secret@host/secret",
        "redis://user:secret@host/1/2",
        "redis://user:secret@host?db=secret",
        "redis://user:secret@host?secret=1",
        "rediss://user:secret@[::1",
    ],
)
def test_urls_that_are_wrong_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^--store: this is no URL of a ") as refused:
        open_store(url)
    assert "cret" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("scheme", ["postgresql", "redis", "rediss"])
def test_a_server_that_is_not_there_ends_with_a_message(scheme: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{scheme}://user:secret@127.0.0.1:{free_port()}/0"
    with pytest.raises(OSError, match=r"^--store: ") as failed:
        open_store(url)
    assert "secret" not in str(failed.value)
    assert main(["--issuer", "https://localhost:1", "--port", "1", "--store", url]) == 2
    assert capsys.readouterr().err.startswith("error: --store: ")


@pytest.mark.servers
def test_a_database_that_is_not_there_ends_with_a_message(postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(OSError, match=r'^--store: .*"nowhere" does not exist'):
        open_store(postgresql_server.url.replace("/postgres?", "/nowhere?"))


@pytest.mark.servers
def test_a_redis_that_forgets_when_it_is_full_ends_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    with RedisServer(settings=["--maxmemory-policy", "allkeys-lru"]) as server:
        assert main(["--issuer", "https://localhost:1", "--port", "1", "--store", server.url]) == 2
    assert "maxmemory-policy of Redis must be noeviction" in capsys.readouterr().err


# A table that another program made, and a user who may not run scripts.
def cannot_begin(folder: Path, request: pytest.FixtureRequest, kind: str) -> str:
    """The URL of a store that can be opened, and in which no status list can be begun."""
    if kind == "sqlite":
        with closing(sqlite3.connect(folder / "state.db")) as connection:
            connection.execute("create table oid4vci (kind text, digest text)")
        return f"sqlite:///{folder}/state.db"
    if kind == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        url = server.fresh_url()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table oid4vci (kind text, digest text)")
        return url
    redis_server: RedisServer = request.getfixturevalue("redis_server")
    url = redis_server.fresh_url()
    with closing(redis.Redis.from_url(url)) as client:
        client.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], commands=["+info", "+ping", "+select", "+mget"])
    return url.replace("redis://", "redis://reader:any@")


@pytest.mark.parametrize(
    "kind", ["sqlite", *(pytest.param(each, marks=pytest.mark.servers) for each in ("postgresql", "redis"))]
)
def test_a_store_in_which_the_status_list_cannot_be_begun_ends_with_a_message(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    url = cannot_begin(tmp_path, request, kind)
    with opened(url):
        pass
    (tmp_path / "server.json").write_text('{"status_list_size": 1000}')
    given = ["--issuer", "https://localhost:1", "--port", "1", "--config", str(tmp_path / "server.json")]
    assert main([*given, "--store", url]) == 2
    assert capsys.readouterr().err.startswith("error: --store: ")


@pytest.mark.parametrize("error", [ValueError, sqlite3.OperationalError])
def test_a_store_that_cannot_be_begun_is_closed_again(tmp_path: Path, error: type[Exception]) -> None:
    begun: list[Store] = []

    def begin(store: Store) -> None:
        begun.append(store)
        raise error("not this one")

    with pytest.raises((ValueError, OSError), match="not this one"):
        open_store(f"sqlite:///{tmp_path}/state.db", begin)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        begun[0].load([Key.of("grant", "a")])


@pytest.mark.parametrize(("driver", "name"), [("psycopg", "PostgreSQL"), ("redis", "Redis")])
def test_a_driver_that_is_missing_is_named_with_what_brings_it(driver: str, name: str) -> None:
    scheme = {"psycopg": "postgresql"}.get(driver, driver)
    code = f"""
import sys
sys.modules[{driver!r}] = None
from examples.reference_server.stores import open_store
assert type(open_store("memory")).__name__ == "MemoryStore"
open_store("{scheme}://localhost")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == f"ValueError: --store: {name} takes oid4vci[stores]"


# --- the server ---------------------------------------------------------------------------------------------------------------


def wallet_at(server: RunningServer, anchors: bytes) -> WalletAt:
    return WalletAt.of(server.client(), server.issuer, anchors)


def redeemed(wallet: WalletAt, made: Mapping[str, Any]) -> Session:
    """A session for an offer."""
    return run(wallet.opened(made["offer_uri"]).redeem(made["tx_code"], now=wallet.clock(), dpop=wallet.dpop), wallet.send)


def lasting(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Settings of a server that knows its tokens, and whose wallets know its key, after a restart; and the wallets' anchor."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Authority", "Issuer")]
    now = datetime.now(UTC) - timedelta(minutes=5)
    host = x509.SubjectAlternativeName([x509.DNSName("localhost")])

    def certificate(subject: int, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(names[0], names[subject], public, subject + 1, now, now + timedelta(days=1))
        made = builder.add_extension(extension, critical=subject == 0).sign(authority_key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    (folder / "issuer.pem").write_bytes(certificate(1, key.public_key(), host))
    (folder / "issuer.key").write_bytes(in_pem(key))
    settings = {
        "sealing_keys": [KEY],
        "signing": {"key_file": str(folder / "issuer.key"), "chain_file": str(folder / "issuer.pem")},
        "encryption": False,
        "status_list_size": 1000,
        "configurations": {"identity": demo.CONFIGURATIONS["identity_x5c"]},
        "subjects": {"ada": {"identity": {"given_name": "Ada"}}},
    }
    return settings, certificate(0, authority_key.public_key(), x509.BasicConstraints(ca=True, path_length=0))


def test_an_issuance_goes_on_after_a_restart_of_the_server(tmp_path: Path, store_url: str) -> None:
    settings, anchors = lasting(tmp_path)
    port = free_port()
    with running_server(tmp_path, config=settings, store=store_url, port=port) as server:
        redeem, later = server.offer("identity", tx_code=True), server.offer("identity", tx_code=True, by_reference=True)
        wallet = wallet_at(server, anchors)
        session = redeemed(wallet, redeem)
        first = wallet.gets(session, "identity")
        run(first.notify("credential_accepted", now=wallet.clock()), wallet.send)
    for _ in range(2):
        with running_server(tmp_path, config=settings, store=store_url, port=port) as server:
            again = wallet_at(server, anchors)
            # The token of before is known, and so is the code that was used.
            issued = evolve(wallet, send=again.send).gets(session, "identity")
            assert [credential.claims["given_name"] for credential in issued.credentials] == ["Ada", "Ada"]
            with pytest.raises(Refused, match="invalid_grant"):
                redeemed(again, redeem)
            with server.client() as client:
                (event,) = client.get("/admin/notifications").json()["notifications"]
            assert event["event"] == "credential_accepted"
    with running_server(tmp_path, config=settings, store=store_url, port=port) as server:
        # Nor is an offer lost that nobody had used.
        wallet = wallet_at(server, anchors)
        assert wallet.gets(redeemed(wallet, later), "identity").credentials
        assert "not set" not in server.log.read_text()


@pytest.mark.spec("VCI-4.1.1-20")
def test_two_servers_share_a_store(tmp_path: Path, store_url: str) -> None:
    """Behind a proxy they would be one issuer; here the second is the same one, at another port, and asked beside the wallet."""
    settings, anchors = lasting(tmp_path)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with (
        running_server(tmp_path / "one", config=settings, store=store_url) as one,
        running_server(tmp_path / "other", config=settings, store=store_url) as other,
    ):
        made = one.offer("identity")
        wallet = wallet_at(one, anchors)
        assert wallet.gets(redeemed(wallet, made), "identity").credentials
        code = made["offer"]["grants"]["urn:ietf:params:oauth:grant-type:pre-authorized_code"]["pre-authorized_code"]
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
            "pre-authorized_code": code,
            "client_id": "wallet",
        }
        with other.client() as client:
            answer = client.post("/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


# --- servers of stores that stop -------------------------------------------------------------------------------------------------


@pytest.fixture(params=[PostgresqlServer, RedisServer])
def store_server(request: pytest.FixtureRequest) -> Iterator[StoreServer]:
    with request.param(durable=True) as server:
        yield server


@pytest.mark.servers
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_issuance_goes_on_after_the_store_was_away(tmp_path: Path, store_server: StoreServer, end: str) -> None:
    with running_server(tmp_path, store=store_server.fresh_url()) as server:
        wallet = wallet_at(server, server.demo_authority())
        used, unused = server.offer("identity_x5c"), server.offer("identity_x5c")
        session = redeemed(wallet, used)
        assert wallet.gets(session, "identity_x5c").credentials
        getattr(store_server, end)()
        with server.client() as client:
            answer = client.post(
                "/admin/offers", json={"credential_configuration_ids": ["identity_x5c"], "grant": "pre-authorized_code"}
            )
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            # What needs no store is served all the same.
            assert client.get("/.well-known/openid-credential-issuer").status_code == 200
        store_server.start()
        assert wallet.gets(session, "identity_x5c").credentials
        with pytest.raises(Refused, match="invalid_grant"):
            redeemed(wallet_at(server, server.demo_authority()), used)
        wallet = wallet_at(server, server.demo_authority())
        assert wallet.gets(redeemed(wallet, unused), "identity_x5c").credentials


def test_a_store_that_cannot_be_purged_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("examples.reference_server.app.PURGE_INTERVAL", 0.01)

    class Away(MemoryStore):
        tried = 0

        def purge(self, *, now: int) -> int:
            self.tried += 1
            if self.tried < 3:
                raise OSError("the store is away")
            return super().purge(now=now)

    store = Away()
    store.commit([Insert(Record(Key.of("grant", "old"), {}, 1))])
    (tmp_path / "server.json").write_text("{}")
    settings = read_settings(tmp_path / "server.json")
    service = Service.of("https://localhost", settings, demo_keys("https://localhost"))
    app = application(service, ServerHost(store, datasets(settings)))

    async def live() -> None:
        async with app.router.lifespan_context(app):
            with anyio.fail_after(10):
                while len(store):
                    await anyio.sleep(0.01)

    anyio.run(live)
    assert [record.message for record in caplog.records] == ["what has expired could not be deleted"] * 2
