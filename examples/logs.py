"""One JSON object a line on standard error. Bodies, queries, tokens and codes are never in it."""

import json
import logging
from datetime import UTC, datetime

__all__ = ("JsonLines", "log_to_stderr")


class JsonLines(logging.Formatter):
    """A record as a JSON object; what a caller passes as `extra={"members": {...}}` becomes members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "members", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_to_stderr() -> None:
    """Send everything from INFO on to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
