"""Dates and times under their CBOR tags: what a string or a number there must be."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from oid4vci._json import Malformed

if TYPE_CHECKING:
    from oid4vci._cbor import TagReaders

__all__ = ("DATES", "full_date", "tdate")

# Credentials of a batch have the same dates.
_REMEMBERED: Final = 128
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


def full_date(value: Any) -> date:
    """The value under tag 1004, a date without time (RFC 8943 2). Raises `Malformed`."""
    if not isinstance(value, str):
        raise Malformed("must be a full-date")
    return _day(value)


@lru_cache(_REMEMBERED)
def _day(text: str) -> date:
    if not _FULL_DATE.fullmatch(text):
        raise Malformed("must be a full-date")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("is no day of the calendar") from None


def tdate(value: Any) -> datetime:
    """The value under tag 0, a point in time (RFC 8949 3.4.1, RFC 3339 5.6). Raises `Malformed`."""
    if not isinstance(value, str):
        raise Malformed("must be a date-time")
    return _date_time(value)


@lru_cache(_REMEMBERED)
def _date_time(text: str) -> datetime:
    parts = _DATE_TIME.fullmatch(text)
    if parts is None:
        raise Malformed("must be a date-time")
    fraction = (parts[2] or "")[:7]
    try:
        return datetime.fromisoformat(f"{parts[1]}{fraction}{parts[3]}")
    except ValueError:
        raise Malformed("is no time of the calendar") from None


def _epoch(value: Any) -> datetime:
    # "MUST be an unsigned or negative integer ... or a floating-point number" -- RFC 8949 3.4.2
    if type(value) is not int and type(value) is not float:
        raise Malformed("must be a number of seconds")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
    except OverflowError:
        raise Malformed("is no time of the calendar") from None


DATES: Final["TagReaders"] = {0: tdate, 1: _epoch, 1004: full_date}
"""Reads dates as `datetime.date`, times as aware `datetime.datetime`."""
