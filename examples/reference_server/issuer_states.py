"""What offers of the authorization code grant were about, each under its `issuer_state` (OID4VCI 4.1.1, 5.1.3).

Whoever brings an `issuer_state` may have it from anybody: it never grants anything, and never says who is at the browser. The
login page says whether the request answers an offer of ours for these credentials; that is all that it does.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from oid4vci.records import Insert, Key, Record, Records
from oid4vci.secret import NewSecret

__all__ = ("LIFETIME", "issuer_state_key", "names_offer", "new_issuer_state", "note_of")

# Seconds in which a person may follow an offer.
LIFETIME: Final = 3600


def issuer_state_key(state: str) -> Key:
    """The record of an offer."""
    return Key.of("issuer_state", state)


def new_issuer_state(
    configuration_ids: Sequence[str], *, now: int, new_secret: NewSecret, note: Any = None
) -> tuple[str, Insert]:
    """A new value for an offer of these configurations, and the change that remembers it. `note` is JSON: see `note_of`."""
    state = new_secret(32).hex()
    data = {"configuration_ids": list(configuration_ids), "note": note}
    return state, Insert(Record(issuer_state_key(state), data, now + LIFETIME))


def names_offer(state: str, configuration_ids: Collection[str], records: Records, *, now: int) -> bool:
    """Whether `state` is that of an offer which still stands, and was for all of these configurations."""
    record = records.get(issuer_state_key(state))
    return record is not None and now < record.expires_at and set(configuration_ids) <= set(record.data["configuration_ids"])


def note_of(state: str, records: Records, *, now: int) -> Any:
    """The `note` with which an offer was made that still stands."""
    record = records.get(issuer_state_key(state))
    return None if record is None or record.expires_at <= now else record.data.get("note")
