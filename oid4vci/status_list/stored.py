"""Issuer: a status list kept as one record: the statuses, and the token that was last signed of them."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from oid4vci.records import Insert, Key, Record, Records, Swap
from oid4vci.status_list.compression import MAX_SIZE
from oid4vci.status_list.indices import StatusListIndices
from oid4vci.status_list.status_list import StatusList

__all__ = ("StoredStatusList",)

LIST: Final = "status_list"


def list_key(uri: str) -> Key:
    """The record of the list at `uri`. Its data are `list`, the statuses as JSON, and `published`, the signed token."""
    return Key.of(LIST, uri)


@frozen(kw_only=True)
class StoredStatusList:
    """The list at `uri`, with `size` entries of `bits` bits, kept in the store until `expires_at` (seconds since the epoch).

    Issue a Credential with a status, and revoke it later:

    >>> from oid4vci.memory import MemoryStore
    >>> from oid4vci.secret import new_secret
    >>> store, now = MemoryStore(), 1_800_000_000
    >>> stored = StoredStatusList(uri="https://issuer.example/statuslists/1", expires_at=now + 365 * 86_400)
    >>> store.commit([stored.create()])
    True
    >>> draw = stored.indices.draw(3, now=now, new_secret=new_secret, name="ada/diploma")
    >>> allocated = draw.verify(store.load(draw.lookups))
    >>> store.commit(allocated.changes)  # then order.issue(claims, copies=allocated.copies)
    True
    >>> allocation = stored.indices.allocation_key("ada/diploma")
    >>> records = store.load([allocation, stored.key])
    >>> revoked = dict.fromkeys(records[allocation].data["indices"], 1)
    >>> store.commit([stored.set(records, revoked)])
    True
    >>> statuses = stored.statuses(store.load([stored.key]))
    >>> [statuses.get(index) for index in allocated.values]
    [1, 1, 1]

    Verifiers see it once what they keep is older than the token's `ttl`. Copies that are revoked together can be told to belong
    together (Token Status List 13.2).
    """

    uri: str
    expires_at: int
    size: int = 1 << 20
    bits: int = 1

    def __attrs_post_init__(self) -> None:
        StatusList(self.bits, b"")
        if not 1 <= self.size <= MAX_SIZE * 8 // self.bits:
            raise ValueError(f"a status list inflates to at most {MAX_SIZE} bytes")

    @property
    def key(self) -> Key:
        """The list's record."""
        return list_key(self.uri)

    @property
    def indices(self) -> StatusListIndices:
        """Its indices, to be given out."""
        return StatusListIndices(uri=self.uri, expires_at=self.expires_at, size=self.size)

    def create(self) -> Insert:
        """The change that begins the list; everybody is valid."""
        data = {"list": StatusList.of(self.size, bits=self.bits).to_json(), "published": None}
        return Insert(Record(self.key, data, self.expires_at))

    def statuses(self, records: Records) -> StatusList:
        """What is stored. Raises `ValueError` if the list was not loaded."""
        return StatusList.from_json(self._record(records).data["list"])

    def set(self, records: Records, statuses: Mapping[int, int]) -> Swap:
        """The change that gives entries another status; the next request for the token has it signed anew. Raises `ValueError`."""
        changed = self.statuses(records).set(statuses)
        return Swap.update(self._record(records), list=changed.to_json(), published=None)

    def _record(self, records: Records) -> Record:
        record = records.get(self.key)
        if record is None:
            raise ValueError("the status list is not among the records: load its key, or create it")
        return record
