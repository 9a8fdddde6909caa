"""Data elements of mdocs in server.json: what CBOR tells apart and JSON does not.

A day is `{"full-date": "1992-02-29"}`, a point in time `{"tdate": "2026-01-01T00:00:00Z"}`, bytes are `{"bytes": "..."}` in base64.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

__all__ = ("elements",)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.microsecond:
        raise ValueError("a tdate has a time zone, and no fractions of a second")
    return at.astimezone(UTC)


_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "full-date": date.fromisoformat,
    "tdate": _time,
    "bytes": lambda text: b64decode(text, validate=True),
}


def elements(value: Any) -> Any:
    """The value with those objects replaced, at any depth. Raises `ValueError`."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            ((name, text),) = value.items()
            if name in _TYPES and isinstance(text, str):
                return _TYPES[name](text)
        return {name: elements(member) for name, member in value.items()}
    return [elements(element) for element in value] if isinstance(value, list) else value
