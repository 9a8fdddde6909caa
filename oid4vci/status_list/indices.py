"""Issuer: which entry of a status list a new Credential gets: one that nobody can foresee, and that no other ever had.

"Each Credential MUST have its own unique, unpredictable status list index" (HAIP 6.1). An index is taken by a record that must
be new, so that two processes never give out the same one.
"""

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from oid4vci.records import Change, Insert, Key, Record, Records
from oid4vci.revocation import StatusReference
from oid4vci.secret import NewSecret

__all__ = ("AllocatedIndices", "IndexDraw", "StatusListFull", "StatusListIndices")

INDEX: Final = "status_index"
ALLOCATION: Final = "status_allocation"
MAX_COPIES: Final = 1000


class StatusListFull(ValueError):
    """Too few of the indices that were drawn are free: begin another list."""


@frozen(kw_only=True)
class StatusListIndices:
    """The indices of the list at `uri`.

    `size` is how many entries the list has. `expires_at`, in seconds since the epoch, is when the list is given up: no Credential
    on it may live longer, and no index is given out twice until then.
    """

    uri: str
    expires_at: int
    size: int = 1 << 20

    def __attrs_post_init__(self) -> None:
        # Raises `Malformed`, a `ValueError`, for what cannot stand in a Credential.
        StatusReference(self.uri, self.size - 1)

    def key(self, index: int) -> Key:
        """The record by which an index is taken. Its data are `uri`, `idx` and `note`."""
        return Key.of(INDEX, f"{self.uri} {index}")

    @staticmethod
    def allocation_key(name: str) -> Key:
        """The record of the indices that were drawn under `name`. Its data are `uri`, `indices` and `note`."""
        return Key.of(ALLOCATION, name)

    def draw(self, count: int, *, now: int, new_secret: NewSecret, name: str | None = None, note: Any = None) -> "IndexDraw":
        """Draw `count` indices for the copies of one Credential.

        `name`, which must be new, is what the application knows them by: under `allocation_key(name)` it finds them again when
        the Credential is to be revoked. `note` is any JSON, stored with them. `now`: seconds since the epoch.

        To hide how many Credentials are revoked, draw more and set them `INVALID` from time to time: nobody can tell such decoys
        apart. Raises `ValueError`.
        """
        if not 1 <= count <= min(MAX_COPIES, self.size):
            raise ValueError(f"1 to {min(MAX_COPIES, self.size)} indices can be drawn")
        if now >= self.expires_at:
            raise ValueError("the status list has been given up")
        # Spare ones, of which a list that is half full leaves enough all but always.
        drawn = _sample(self.size, min(4 * count + 16, self.size), new_secret)
        return IndexDraw(self, count, drawn, name, note)


def _sample(size: int, count: int, new_secret: NewSecret) -> tuple[int, ...]:
    """`count` different numbers below `size`, all orders equally likely: the first steps of a Fisher-Yates shuffle."""
    # 64 bits more than `size` has leave no preference that could be measured.
    width = (size.bit_length() + 64 + 7) // 8
    secret = new_secret(width * count)
    moved: dict[int, int] = {}
    sample = []
    for i in range(count):
        chosen = i + int.from_bytes(secret[i * width : (i + 1) * width], "big") % (size - i)
        sample.append(moved.get(chosen, chosen))
        moved[chosen] = moved.get(i, i)
    return tuple(sample)


@frozen
class IndexDraw:
    """Indices that were drawn and may be taken already."""

    indices: StatusListIndices
    count: int
    drawn: tuple[int, ...] = field(repr=False)
    name: str | None = None
    note: Any = field(default=None, repr=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load; those that exist are indices that are taken."""
        return tuple(self.indices.key(index) for index in self.drawn)

    def verify(self, records: Records) -> "AllocatedIndices":
        """The first that are free. Raises `StatusListFull` if they are too few."""
        free = [index for index in self.drawn if self.indices.key(index) not in records][: self.count]
        if len(free) < self.count:
            raise StatusListFull("too few of the indices drawn are free, begin another status list")
        return AllocatedIndices(self.indices, tuple(free), self.name, self.note)


@frozen
class AllocatedIndices:
    """Indices for the copies of one Credential: commit `changes`, then issue with `copies`.

    If the commit fails, somebody else was faster, or `name` is not new: draw again.
    """

    indices: StatusListIndices = field(repr=False)
    values: tuple[int, ...]
    name: str | None = None
    note: Any = field(default=None, repr=False)

    @property
    def copies(self) -> tuple[Mapping[str, Any], ...]:
        """The `status` of each copy, as `CredentialOrder.issue` takes them; all are on one list."""
        return tuple({"status": StatusReference(self.indices.uri, index).status} for index in self.values)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What takes the indices. What names them all comes last: it must not name one that somebody else has taken."""
        indices = self.indices
        taken = [
            Insert(Record(indices.key(index), {"uri": indices.uri, "idx": index, "note": self.note}, indices.expires_at))
            for index in self.values
        ]
        if self.name is not None:
            data = {"uri": indices.uri, "indices": list(self.values), "note": self.note}
            taken.append(Insert(Record(indices.allocation_key(self.name), data, indices.expires_at)))
        return tuple(taken)
