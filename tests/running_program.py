"""A program of this project as a process of its own: until it serves, and until it has ended."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

__all__ = ("DEADLINE", "ROOT", "ending", "free_port", "is_running", "wait_until", "wait_until_it_serves")

ROOT = Path(__file__).parents[1]
DEADLINE = 30
"""Seconds for an answer, or for an end in order."""
START = 120
"""Seconds until it serves: on a machine with much else to do. One that has ended is not waited for."""


def free_port() -> int:
    """A port of the loopback interface at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_it_serves(process: "subprocess.Popen[bytes]", log: Path, ask: Callable[[], object]) -> None:
    """Ask until that is no error of the network. Raises `AssertionError`, with the log, if that never comes or the program ends."""
    end = time.monotonic() + START
    while True:
        assert process.poll() is None, log.read_text()
        try:
            ask()
        except (OSError, httpx.TransportError):
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        else:
            return


@contextmanager
def ending(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Stop the program with SIGTERM when the block is left. Raises `TimeoutExpired` if it must be killed."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is true. Raises `AssertionError` if it does not become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def is_running(process: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A zombie waits for nothing but its parent's attention.
    return state not in ("Z", "X")
