"""What to keep, and on what condition.

**Commit, then send.** A `Reply` is a response and the changes that must be stored before it may leave. The first change is the
guard: a store without transactions over several rows applies the changes in order and stops at the first that fails.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from attrs import evolve, field, frozen

from oid4vci.http import Response

__all__ = ("Change", "Insert", "Key", "Record", "Records", "Reply", "Store", "Swap")


@frozen(cache_hash=True)
class Key:
    """Where a record lives: its kind, and the SHA-256 of the secret that names it, so that a stolen table opens nothing."""

    kind: str
    digest: str

    @classmethod
    def of(cls, kind: str, secret: str) -> "Key":
        """The key of the record that `secret` names."""
        return cls(kind, hashlib.sha256(secret.encode()).hexdigest())


@frozen
class Record:
    """A stored row. `data` is JSON; `expires_at` is in seconds since the epoch, after it the row may be deleted."""

    key: Key
    data: Mapping[str, Any] = field(repr=False)
    expires_at: int
    version: int = 0


@frozen
class Insert:
    """Create `record`. Fails if its key exists, even if that row has expired."""

    record: Record


@frozen
class Swap:
    """Replace `before` by `after` (None deletes). Fails unless the stored row has the version of `before`."""

    before: Record
    after: Record | None

    @classmethod
    def update(cls, before: Record, *, expires_at: int | None = None, **data: Any) -> "Swap":
        """`before` with some members of its data replaced, and its version one higher."""
        after = evolve(
            before,
            data={**before.data, **data},
            version=before.version + 1,
            expires_at=before.expires_at if expires_at is None else expires_at,
        )
        return cls(before, after)


Change: TypeAlias = Insert | Swap
Records: TypeAlias = Mapping[Key, Record]
"""What was loaded; a key without a row is absent."""


@frozen
class Reply:
    """Commit `changes`, all or none; only when that succeeded send `response`."""

    response: Response
    changes: tuple[Change, ...] = ()


class Store(Protocol):
    """What a store does. `oid4vci.testing.StoreContract` holds the checks that an implementation runs on itself."""

    def load(self, keys: Sequence[Key], /) -> Records:
        """The rows of these keys that exist."""

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Apply all changes or none. False if a condition did not hold; errors of the store itself are raised."""
