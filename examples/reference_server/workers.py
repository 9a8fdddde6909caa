"""Several processes that serve as one: forks of the process that has made the keys. If one dies, another takes its place."""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Any, Final

from attrs import define, field

from examples.reference_server.served import Served
from examples.serving import GRACE, PARTING, SIGNALS, exit_on_signals

__all__ = ("Workers",)

log = logging.getLogger("reference_server")
# Seconds between two starts in one place, so that a worker that dies at once does not take the machine with it.
PAUSE: Final = 1.0
# How often in a row a worker may fail to start while nobody serves.
MAX_FAILURES: Final = 10


@define
class Place:
    """Where one worker after another works. `started`, in memory that both share, is 1 once the present one accepts."""

    process: Any = None
    started: Any = None
    since: float = 0.0
    failures: int = 0
    has_worked: bool = False

    @property
    def is_serving(self) -> bool:
        """Whether the worker accepts."""
        return self.process is not None and self.started.value == 1 and self.process.is_alive()


@define
class Workers:
    """Processes that accept on the same sockets.

    Keys are handed on by the fork, in memory. Each worker has the reading end of a pipe whose writing end is here alone: it ends
    with this process, however that goes, and then the workers end too.
    """

    served: Served
    sockets: Sequence[socket.socket]
    count: int
    _places: list[Place] = field(init=False)
    _lifeline: tuple[int, int] = field(factory=os.pipe, init=False)
    _wakeup: tuple[int, int] = field(factory=os.pipe, init=False)

    def __attrs_post_init__(self) -> None:
        self._places = [Place() for _ in range(self.count)]

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT. Gives the exit code: not 0 if workers cannot start, or did not end in time."""
        for each in self._wakeup:
            os.set_blocking(each, False)
        # What a signal does is written into a pipe; so it does not come between a fork and its entry in a place.
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, lambda number, frame: None)
        code = 1
        try:
            code = self._watch()
        finally:
            left = self._stop()
        return code or left

    def _watch(self) -> int:
        for place in self._places:
            self._start(place)
        while True:
            now = time.monotonic()
            due = [place.since + PAUSE - now for place in self._places if place.process is None]
            sentinels = [place.process.sentinel for place in self._places if place.process is not None]
            ready = wait([self._wakeup[0], *sentinels], timeout=max(0.0, min(due)) if due else None)
            if self._wakeup[0] in ready:
                return 0
            for place in self._places:
                if place.process is None and place.since + PAUSE <= time.monotonic():
                    self._start(place)
                elif place.process is not None and place.process.sentinel in ready:
                    code = self._ended(place)
                    if code:
                        return code

    def _start(self, place: Place) -> None:
        context = multiprocessing.get_context("fork")
        place.started, place.since = context.RawValue("b", 0), time.monotonic()
        process = context.Process(target=self._work, args=(place.started,), daemon=True)
        with _held(SIGNALS):
            process.start()
        place.process = process
        log.info("a worker was started", extra={"members": {"worker": process.pid}})

    def _ended(self, place: Place) -> int:
        """What becomes of a place whose worker is gone: 0 if it is filled again, else the exit code of all."""
        place.process.join()
        code, pid = place.process.exitcode, place.process.pid
        place.process.close()
        place.process = None
        members = {"worker": pid, "code": code}
        if place.started.value:
            place.failures, place.has_worked = 0, True
            log.warning("a worker has ended, another one takes its place", extra={"members": members})
            return 0
        place.failures += 1
        if not place.has_worked or (place.failures >= MAX_FAILURES and not any(each.is_serving for each in self._places)):
            log.error("a worker cannot start, so the server ends", extra={"members": members})
            return code if code > 0 else 1
        log.error("a worker cannot start, and is tried again", extra={"members": members})
        return 0

    def _work(self, started: Any) -> None:
        """The life of a worker."""
        signal.set_wakeup_fd(-1)
        exit_on_signals()
        for each in (self._lifeline[1], *self._wakeup):
            os.close(each)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

        def accepts() -> None:
            started.value = 1

        try:
            code = self.served.serve(self.sockets, started=accepts, lifeline=self._lifeline[0])
        except Exception:
            log.exception("the worker failed")
            code = 1
        raise SystemExit(code)

    def _stop(self) -> int:
        """Let everybody finish, end who does not; 1 if somebody had to be ended."""
        for each in self.sockets:
            each.close()
        running = [place.process for place in self._places if place.process is not None]
        for process in running:
            process.terminate()
        end = time.monotonic() + PARTING + GRACE + 5
        killed = 0
        for process in running:
            process.join(max(0.0, end - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()
            if process.exitcode != 0:
                killed = 1
                log.error("a worker did not end in order", extra={"members": {"worker": process.pid, "code": process.exitcode}})
        return killed


@contextmanager
def _held(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Signals wait while a process is forked, until it can tell them from those of its parent."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
