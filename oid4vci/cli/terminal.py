"""Text that a peer wrote is data: on a terminal it must not move the cursor, change colours or the order of what is read."""

from datetime import UTC, datetime

__all__ = ("instant", "plain")


def plain(text: str, limit: int = 300) -> str:
    """`text` on one line, shortened; what is not printable (controls, bidirectional marks, line separators) is escaped.

    >>> plain("a\\x1b[2Jb\\u202ec")
    'a\\\\x1b[2Jb\\\\u202ec'
    """
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text[: limit + 1])
    return shown if len(text) <= limit else f"{shown[: limit - 3]}..."


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode() if char != "\xa0" else " "


def instant(seconds: int | None) -> str:
    """A time in UTC: `2026-03-01 12:00:00 UTC`. `seconds` since the epoch; whatever no calendar has is shown as a number."""
    if seconds is None:
        return "(not said)"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds since 1970"
