"""How often somebody may try a password: counted in the store, so that several processes count together."""

from typing import Final

from attrs import frozen

from oid4vci.records import Change, Insert, Key, Record, Store, Swap

__all__ = ("WINDOW", "Attempts")

MAX_ATTEMPTS: Final = 5
# Seconds. Long enough against guessing, short enough for the user whom somebody else locks out.
WINDOW: Final = 60
# How often a count is tried that another request changes in between.
COMMITS: Final = 5


@frozen
class Attempts:
    """The attempts of each user name, whether there is such a user or not."""

    store: Store

    def take(self, username: str, *, now: int) -> bool:
        """Count one attempt, before the password is looked at. False if there were too many."""
        for _ in range(COMMITS):
            record = self._load(username)
            change: Change
            if record is None:
                change = Insert(Record(_key(username), {"count": 1}, now + WINDOW))
            elif record.expires_at <= now:
                change = Swap.update(record, expires_at=now + WINDOW, count=1)
            elif record.data["count"] >= MAX_ATTEMPTS:
                return False
            else:
                change = Swap.update(record, count=record.data["count"] + 1)
            if self.store.commit((change,)):
                return True
        return False

    def forget(self, username: str) -> None:
        """After the right password. If another attempt comes in between, the count stands."""
        record = self._load(username)
        if record is not None:
            self.store.commit((Swap(record, None),))

    def _load(self, username: str) -> Record | None:
        return self.store.load((_key(username),)).get(_key(username))


def _key(username: str) -> Key:
    return Key.of("login_attempts", username)
