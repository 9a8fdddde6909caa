"""One JSON object a line on standard error. Bodies, queries, tokens and codes are never in it."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

try:
    import fcntl
except ImportError:  # not on Windows, where there is one process
    fcntl = None  # type: ignore[assignment]

__all__ = ("JsonLines", "WholeLines", "log_to_stderr")


class JsonLines(logging.Formatter):
    """A record as a JSON object; what a caller passes as `extra={"members": {...}}` becomes members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "pid": record.process,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "members", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class WholeLines(logging.Handler):
    """Writes to a file descriptor that several processes share, so that no line comes into the middle of another."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            left = f"{self.format(record)}\n".encode()
            with _alone(self.descriptor):
                while left:
                    left = left[os.write(self.descriptor, left) :]
        except Exception:
            self.handleError(record)


@contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """While no other process writes; a process that dies gives way. A pipe takes short lines whole also without that."""
    try:
        if fcntl is not None:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        if fcntl is not None:
            fcntl.lockf(descriptor, fcntl.LOCK_UN)


def log_to_stderr() -> None:
    """Send everything from INFO on to standard error."""
    handler = WholeLines(sys.stderr.fileno())
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
