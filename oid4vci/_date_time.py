"""Points in time as XML Schema writes them: dateTime and dateTimeStamp (XML Schema 1.1 Part 2, 3.3.7)."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from oid4vci._json import Malformed

__all__ = ("date_time", "timestamp")

_DATE_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,32})?(?:Z|([+-])([0-9]{2}):([0-9]{2}))?"
)


def timestamp(value: Any) -> float:
    """Seconds since the epoch of a dateTime or a dateTimeStamp.

    Without a zone it is UTC, as VCDM 2.0 4.9 and VC Data Integrity 2.1 have it. Raises `Malformed`.
    """
    if not isinstance(value, str):
        raise Malformed("must be a date and time")
    return _seconds(value)


# The credentials of a batch have the same times.
@lru_cache(maxsize=128)
def _seconds(text: str) -> float:
    found = _DATE_TIME.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        raise Malformed("must be a date and time")
    *moment, fraction, sign, hours, minutes = found.groups()
    zone = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if zone > timedelta(hours=14) or int(minutes or 0) > 59:
        raise Malformed("must be a date and time")
    year, month, day, hour, minute, second = map(int, moment)
    # The end of a day, which `datetime` does not know (XML Schema 1.1 Part 2, 3.3.7).
    midnight = (hour, minute, second, float(fraction or 0)) == (24, 0, 0, 0)
    try:
        at = datetime(
            year, month, day, 0 if midnight else hour, minute, second, tzinfo=timezone(-zone if sign == "-" else zone)
        )
    except ValueError:
        raise Malformed("must be a date and time") from None
    return at.timestamp() + midnight * 86_400 + float(fraction or 0)


def date_time(seconds: int) -> str:
    """Seconds since the epoch as a dateTimeStamp in UTC. Raises `ValueError` outside of the years 1 to 9999.

    >>> date_time(1735689600)
    '2025-01-01T00:00:00Z'
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError):
        raise ValueError("a time lies outside of what a date can say") from None
