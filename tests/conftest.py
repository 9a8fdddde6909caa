"""Fixtures that every test may use."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.softhsm import SoftHsm
from tests.store_servers import PostgresqlServer, RedisServer

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure() -> None:
    """Whoever ends a run, a limit of time perhaps, ends what it has started: as with Ctrl+C, fixtures are left in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text is named after its parameter: keys that are made up would give a test another name in each process."""
    return argname if isinstance(val, str) and len(val) > 32 else None


def _shared(name: str) -> Path:
    """A folder of data that is kept beside the project and not part of it."""
    root = Path(os.environ.get("OID4VCI_SHARED", Path(__file__).parents[2] / "shared"))
    folder = root / name
    if not folder.is_dir():
        pytest.skip(f"the folder {name} is not beside the project (set OID4VCI_SHARED to the folder that holds it)")
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Published test vectors."""
    return _shared("vectors")


@pytest.fixture(scope="session")
def spec_folder() -> Path:
    """The specification's text and examples."""
    return _shared("spec")


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    """SoftHSM with the token `issuer`, for this process: its library reads the configuration once."""
    found = SoftHsm.new(tmp_path_factory.mktemp("softhsm"))
    found.new_token("issuer")
    os.environ["SOFTHSM2_CONF"] = str(found.configuration)
    return found


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A server for all tests of this process. It is fast, and forgets what it had when it crashes: see `StoreServer`."""
    with PostgresqlServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A server for all tests of this process, which keeps everything in memory only."""
    with RedisServer() as server:
        yield server


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.servers),
        pytest.param("redis", marks=pytest.mark.servers),
    ]
)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store that outlives the process, for `open_store`: one after the other of each sort."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    server = request.getfixturevalue(f"{request.param}_server")
    url: str = server.fresh_url()
    return url
