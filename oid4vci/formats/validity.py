"""When a Credential holds: times that an issuer sets so that they link no two copies, and how a Wallet compares them.

All times are seconds since the epoch.
"""

from typing import Final, Protocol

from oid4vci._json import Malformed

__all__ = ("DAY", "check_now", "check_settings", "default_granularity", "issued_and_expires")

DAY: Final = 86_400


class _Lasting(Protocol):
    """Settings of an encoder; `lifetime` is in seconds, None for Credentials that do not expire."""

    @property
    def lifetime(self) -> int | None: ...


def default_granularity(encoder: _Lasting) -> int:
    """A day, or an hour, a minute or a second for lifetimes into which that does not fit twice."""
    lifetime = encoder.lifetime
    return next(step for step in (DAY, 3_600, 60, 1) if lifetime is None or lifetime >= 2 * step or step == 1)


def check_settings(lifetime: int | None, time_granularity: int) -> None:
    """Raise `ValueError` for an encoder's settings under which a Credential might expire at once."""
    if time_granularity < 1:
        raise ValueError("time_granularity must be at least one second")
    if lifetime is not None and lifetime < (2 * time_granularity if time_granularity > 1 else 1):
        raise ValueError("time_granularity must fit twice into lifetime, or a credential might expire at once")


def issued_and_expires(now: int, lifetime: int | None, time_granularity: int) -> tuple[int, int | None]:
    """Time of issue and of expiry (None: never), rounded down to multiples of `time_granularity` (OID4VCI 15.4.1)."""
    expires = None if lifetime is None else (now + lifetime) // time_granularity * time_granularity
    return now - now % time_granularity, expires


def check_now(not_before: float | None, expires_at: float | None, *, now: int, leeway: int, names: tuple[str, str]) -> None:
    """Raise `Malformed`, under the first or second of `names`, unless `now` is between the two, give or take `leeway` seconds."""
    if expires_at is not None and now >= expires_at + leeway:
        raise Malformed("lies in the past", names[1])
    if not_before is not None and now < not_before - leeway:
        raise Malformed("lies in the future", names[0])
