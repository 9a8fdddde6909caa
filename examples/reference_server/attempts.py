"""How often somebody may do something, such as try a password: counted in the store, so that several processes count together."""

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
    """`most` attempts in `window` seconds, by default at the password of a user, whether there is such a user or not."""

    store: Store
    kind: str = "login_attempts"
    most: int = MAX_ATTEMPTS
    window: int = WINDOW

    def take(self, name: str, *, now: int) -> bool:
        """Count one attempt, before anything else is done. False if there were too many."""
        for _ in range(COMMITS):
            record = self._load(name)
            change: Change
            if record is None:
                change = Insert(Record(self._key(name), {"count": 1}, now + self.window))
            elif record.expires_at <= now:
                change = Swap.update(record, expires_at=now + self.window, count=1)
            elif record.data["count"] >= self.most:
                return False
            else:
                change = Swap.update(record, count=record.data["count"] + 1)
            if self.store.commit((change,)):
                return True
        return False

    def is_over(self, name: str, *, now: int) -> bool:
        """Whether there were too many, without counting one."""
        record = self._load(name)
        return record is not None and now < record.expires_at and record.data["count"] >= self.most

    def forget(self, name: str) -> None:
        """After the right password. If another attempt comes in between, the count stands."""
        record = self._load(name)
        if record is not None:
            self.store.commit((Swap(record, None),))

    def _load(self, name: str) -> Record | None:
        return self.store.load((self._key(name),)).get(self._key(name))

    def _key(self, name: str) -> Key:
        return Key.of(self.kind, name)
