"""Offers that somebody made at the page: kept for the browser that made them, and for nobody else."""

import re
from collections.abc import Sequence
from typing import Final

from attrs import asdict, field, frozen

from examples.reference_server.browser_session import BrowserSession
from examples.reference_server.offer_events import Watch
from oid4vci.records import Insert, Key, Record, Store
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = ("FollowedOffer", "follow", "followed_offer")

HANDLE: Final = re.compile(r"[0-9a-f]{64}")
MAX_SEALED: Final = 1 << 16
_PURPOSE: Final = "followed offer"


@frozen(kw_only=True)
class FollowedOffer:
    """An offer by reference. `way` is how it was chosen at the page, `ends_at` when nobody can take it up any more.

    `subject` is whom it is about, and `grant` the digest of the record that its code leads to; both None if somebody logs in.
    """

    uri: str = field(repr=False)
    offer_id: str = field(repr=False)
    way: str
    configuration_ids: Sequence[str]
    tx_code: str | None = field(repr=False)
    subject: str | None
    grant: str | None = field(repr=False)
    ends_at: int
    watch: Watch


def _secret(session: BrowserSession, handle: str) -> str:
    return f"{session.secret} {handle}"


def follow(offer: FollowedOffer, session: BrowserSession, *, new_secret: NewSecret) -> tuple[str, Insert]:
    """The handle of an offer, and the change that keeps it. It is nothing without the cookie of the browser."""
    handle = new_secret(32).hex()
    secret = _secret(session, handle)
    # It has the link of the offer and the transaction code: both are nothing to who has the table only.
    sealed = SealingKeys.named_by(secret).seal(_PURPOSE, asdict(offer), new_secret=new_secret)
    return handle, Insert(Record(Key.of("followed_offer", secret), {"sealed": sealed}, offer.watch.until))


def followed_offer(handle: str, session: BrowserSession, store: Store, *, now: int) -> FollowedOffer | None:
    """The offer that this browser has made under a handle, as long as it can be followed."""
    if not HANDLE.fullmatch(handle) or session.is_new:
        return None
    secret = _secret(session, handle)
    key = Key.of("followed_offer", secret)
    record = store.load((key,)).get(key)
    if record is None or record.expires_at <= now:
        return None
    members = SealingKeys.named_by(secret).open(_PURPOSE, record.data["sealed"], max_size=MAX_SEALED)
    return FollowedOffer(**{**members, "watch": Watch(**members["watch"])})
