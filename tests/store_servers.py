"""Servers of PostgreSQL and Redis that tests start for themselves, can stop, kill and start again, and leave nothing of behind.

    with PostgresqlServer() as server, open_store(server.fresh_url()) as store:
        ...
        server.kill()
        server.start()

The URLs stay the same. Both take a second or less to start.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg
import redis
from psycopg.sql import SQL, Identifier

from tests.programs import program
from tests.running_program import DEADLINE, free_port, is_running, wait_until

__all__ = ("PostgresqlServer", "RedisServer", "StoreServer")


class StoreServer(ABC):
    """A server in a folder of its own, which runs within the `with` block unless it is stopped there.

    With `durable` it is set as for production: what was committed survives `kill`, and with fsync a crash of the machine. Without,
    it is as fast as it can be.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self.folder: Path
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, for `open_store`."""

    @abstractmethod
    def fresh_url(self) -> str:
        """Where there is an empty store, another one each time."""

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    @property
    def log(self) -> str:
        """What it has written."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it, and wait until it serves."""
        assert not self.running, "it runs already"
        with (self.folder / "log").open("ab") as log:
            self._process = self._started(log)
        end = time.monotonic() + DEADLINE
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"the server does not start:\n{self.log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it in order: connections are closed at once, what is stored is kept as far as it keeps anything."""
        assert self._process is not None, "it does not run"
        self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None

    def kill(self) -> None:
        """End all its processes in the middle of what they do (SIGKILL)."""
        assert self._process is not None, "it does not run"
        children = self._children(self._process.pid)
        self._process.kill()
        self._process.wait(DEADLINE)
        self._process = None
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, children)), DEADLINE)

    def restart(self) -> None:
        """Stop it, and start it again."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        # Beneath /tmp, because the paths of sockets must be short, and another user must be able to get there.
        self.folder = Path(tempfile.mkdtemp(prefix="oid4vci-", dir="/tmp"))
        try:
            self._prepare()
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self.running:
                self.stop()
        finally:
            shutil.rmtree(self.folder)

    _stop_signal: signal.Signals = signal.SIGTERM

    def _prepare(self) -> None:  # noqa: B027
        """What comes before the first start, if anything does."""

    @abstractmethod
    def _started(self, log: IO[bytes]) -> "subprocess.Popen[bytes]": ...

    @abstractmethod
    def _serves(self) -> bool: ...

    @staticmethod
    def _children(pid: int) -> list[int]:
        try:
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []


class PostgresqlServer(StoreServer):
    """A cluster of PostgreSQL, at a Unix socket in its folder. Who runs the tests is its superuser `postgres`.

    `socket` is the path of the socket, for whoever wants to be in between.
    """

    # The "fast shutdown"; SIGTERM would wait for the clients.
    _stop_signal = signal.SIGINT

    @property
    def socket(self) -> Path:
        return self.folder / ".s.PGSQL.5432"

    @property
    def url(self) -> str:
        return f"postgresql:///postgres?host={quote(str(self.folder), safe='')}&user=postgres"

    def fresh_url(self) -> str:
        """A schema with nothing in it."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(SQL("create schema {}").format(Identifier(name)))
        return f"{self.url}&options=-csearch_path%3D{name}"

    def _prepare(self) -> None:
        data = self.folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, _unprivileged())
            shutil.chown(data, _unprivileged())
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        done = self._popen(["initdb", "-D", str(data), *options], subprocess.PIPE)
        output, _ = done.communicate(timeout=DEADLINE)
        assert done.returncode == 0, output.decode()

    def _started(self, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "300"}
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._popen(["postgres", "-D", str(self.folder / "data"), *options], log)

    def _popen(self, command: Sequence[str], output: int | IO[bytes]) -> "subprocess.Popen[bytes]":
        # It refuses to run as root.
        user = _unprivileged() if os.geteuid() == 0 else None
        return subprocess.Popen(
            [program(command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else [],
            # Ctrl+C at the terminal is for the tests, which then stop it.
            start_new_session=True,
        )

    def _serves(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def _unprivileged() -> str:
    """A user that is not root: that of PostgreSQL where there is one."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("there is no user whom PostgreSQL can run as")


class RedisServer(StoreServer):
    """A server of Redis, at a free port of the loopback interface, which stays the same. `settings` come at its command line."""

    def __init__(self, *, durable: bool = False, settings: Sequence[str] = ()) -> None:
        super().__init__(durable=durable)
        self.port = free_port()
        self.settings = tuple(settings)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def fresh_url(self) -> str:
        """A database with nothing in it."""
        return f"{self.url}/{next(self._numbers)}"

    def _started(self, log: IO[bytes]) -> "subprocess.Popen[bytes]":
        command = [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--save", "", "--databases", "100000"]
        if self.durable:
            command += ["--appendonly", "yes", "--appendfsync", "always"]
        return subprocess.Popen(
            [*command, *self.settings],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _serves(self) -> bool:
        try:
            with redis.Redis(port=self.port) as client:
                # Not one that was quicker to take the port.
                return self._process is not None and client.info("server")["process_id"] == self._process.pid
        except redis.ConnectionError:
            return False
