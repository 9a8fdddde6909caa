"""Bitstring Status List 1.0 (W3C): the list, the entry that a credential has in it, and the credential that holds the list.

The list is a credential itself, of any format for W3C credentials: encoders of `oid4vci.formats` make and secure it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from attrs import field, frozen

from oid4vci._document import Document, array, choice, https_url, integer, json_object, json_value, string, wire
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.status_list.compression import MAX_SIZE, gzip_compress, gzip_decompress

__all__ = (
    "BITSTRING_CREDENTIAL_TYPES",
    "MINIMUM_ENTRIES",
    "BitstringStatusList",
    "BitstringStatusListEntry",
)

MINIMUM_ENTRIES: Final = 131_072
"""So that a list says little about who is on it ("minimumNumberOfEntries", Bitstring Status List 3.2)."""

BITSTRING_CREDENTIAL_TYPES: Final = ("VerifiableCredential", "BitstringStatusListCredential")
"""The types of a credential that holds a list, as a Credential Definition for its encoder has them."""

MESSAGE: Final = "message"
MAX_STATUS_SIZE: Final = 8
_INDEX = re.compile(r"[0-9]{1,16}", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]{1,2}", re.ASCII)


def _check_status_size(status_size: Any) -> None:
    if type(status_size) is not int or not 1 <= status_size <= MAX_STATUS_SIZE:
        raise Malformed(f"must be an integer from 1 to {MAX_STATUS_SIZE}", "statusSize")


@frozen
class BitstringStatusList:
    """Statuses of `status_size` bits by index; `packed` has the first one at the left, in the most significant bits.

    >>> statuses = BitstringStatusList.of(statuses={94567: 1})
    >>> statuses.get(94567), statuses.get(94568), statuses.size
    (1, 0, 131072)
    """

    packed: bytes = field(repr=False)
    status_size: int = 1

    def __attrs_post_init__(self) -> None:
        _check_status_size(self.status_size)

    @classmethod
    def of(
        cls, size: int = MINIMUM_ENTRIES, *, status_size: int = 1, statuses: Mapping[int, int] | None = None
    ) -> "BitstringStatusList":
        """A list of at least `size` entries; those not in `statuses` are 0. Raises `ValueError`, also for too small a list."""
        if size < MINIMUM_ENTRIES:
            raise ValueError(f"a bitstring status list has at least {MINIMUM_ENTRIES} entries")
        _check_status_size(status_size)
        return cls(bytes((size * status_size + 7) // 8), status_size).set(statuses or {})

    @property
    def size(self) -> int:
        """The number of entries."""
        return len(self.packed) * 8 // self.status_size

    def _place(self, index: int) -> tuple[int, int, int]:
        """The bytes in which an entry stands, from and up to, and how far from the right of those."""
        if not 0 <= index < self.size:
            raise Malformed("is out of the list's range", "statusListIndex")
        # "The position of the value is computed as statusListIndex times the statusSize" -- Bitstring Status List 3.3
        start = index * self.status_size
        first, end = start // 8, (start + self.status_size + 7) // 8
        return first, end, end * 8 - start - self.status_size

    def get(self, index: int) -> int:
        """The status at `index`, beginning with 0. Raises `Malformed` (a `ValueError`) if the list is shorter."""
        first, end, shift = self._place(index)
        return int.from_bytes(self.packed[first:end], "big") >> shift & (1 << self.status_size) - 1

    def set(self, statuses: Mapping[int, int]) -> "BitstringStatusList":
        """A list in which these entries are others. Raises `ValueError` for an index or a status that does not fit."""
        packed, mask = bytearray(self.packed), (1 << self.status_size) - 1
        for index, status in statuses.items():
            if not 0 <= status <= mask:
                raise ValueError(f"a status must fit into {self.status_size} bits")
            first, end, shift = self._place(index)
            value = int.from_bytes(packed[first:end], "big") & ~(mask << shift) | status << shift
            packed[first:end] = value.to_bytes(end - first, "big")
        return BitstringStatusList(bytes(packed), self.status_size)

    def encoded(self) -> str:
        """The `encodedList`: GZIP in base64url, as Multibase (Bitstring Status List 3.3). The same list always gives the same."""
        return "u" + b64url_encode(gzip_compress(self.packed))

    @classmethod
    def from_encoded(cls, text: Any, *, status_size: int = 1, max_size: int = MAX_SIZE) -> Self:
        """Read an `encodedList`; `max_size` bounds the bytes it inflates to (Bitstring Status List 3.4). Raises `Malformed`."""
        # "MUST be a Multibase-encoded base64url (with no padding)" -- Bitstring Status List 2.2
        if not isinstance(text, str) or not text.startswith("u"):
            raise Malformed("must be Multibase for base64url", "encodedList")
        try:
            return cls(gzip_decompress(b64url_decode(text[1:]), max_size=max_size), status_size)
        except Malformed as error:
            raise error if error.path else error.within("encodedList") from None

    def dataset(
        self, url: str, purposes: Sequence[str], *, ttl: int | None = None, messages: Sequence[Mapping[str, str]] = ()
    ) -> dict[str, Any]:
        """The claims of the credential that holds this list at `url`, for an encoder of W3C credentials.

        `purposes`: what a 1 means, `revocation`, `suspension`, `refresh`, `message` or another word. `ttl`: seconds until a fresh
        list should be fetched. `messages`: for `message`, what each value means, `{"status": "0x1", "message": "accepted"}`. The
        encoder's configuration has the types `BITSTRING_CREDENTIAL_TYPES`, its `lifetime` says how long the list holds.

        Raises `ValueError`.
        """
        https_url().check(url)
        if isinstance(purposes, str) or not purposes or not all(purposes):
            raise ValueError("purposes must be one or more strings")
        if ttl is not None and ttl < 1:
            raise ValueError("ttl must be positive")
        subject: dict[str, Any] = {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purposes[0] if len(purposes) == 1 else list(purposes),
            "encodedList": self.encoded(),
        }
        if MESSAGE in purposes:
            # "credentialSubject.statusSize MUST be specified when this statusPurpose value is used" -- Bitstring Status List 2.2
            _check_messages(messages, self.status_size)
            subject.update(statusSize=self.status_size, statusMessages=[dict(each) for each in messages])
        if ttl is not None:
            subject["ttl"] = ttl * 1000
        return {"id": url, "credentialSubject": subject}


def _check_messages(messages: Any, status_size: int) -> None:
    """A message for each value: `status` in hexadecimal with 0x, `message` (Bitstring Status List 2.1). Raises `Malformed`."""
    if len(messages) != 1 << status_size:
        raise Malformed("must have a message for each possible status", "statusMessage")
    for i, each in enumerate(messages):
        status, message = each.get("status"), each.get("message")
        if not isinstance(status, str) or not _HEX.fullmatch(status) or not isinstance(message, str):
            raise Malformed("must have a status with 0x and a message", f"statusMessage[{i}]")
    if {int(each["status"], 16) for each in messages} != set(range(1 << status_size)):
        raise Malformed("must have a message for each possible status", "statusMessage")


def _check_entry(entry: "BitstringStatusListEntry") -> None:
    # "arbitrary size integer greater than or equal to 0, expressed as a string in base 10"; no list is longer than 16 digits say.
    if not _INDEX.fullmatch(entry.status_list_index):
        raise Malformed("must be an integer in base 10", "statusListIndex")
    # "It MUST NOT be the URL for the status list"
    if entry.id == entry.status_list_credential:
        raise Malformed("must not be the URL of the status list", "id")
    if entry.status_message is not None:
        _check_messages(entry.status_message, entry.status_size)
    elif entry.status_size > 1:
        raise Malformed("is missing, with a statusSize above 1", "statusMessage")


@frozen(kw_only=True)
class BitstringStatusListEntry(Document):
    """An element of `credentialStatus` (Bitstring Status List 2.1).

    >>> BitstringStatusListEntry.of("https://example.com/status/3", 94567).to_json()["statusListIndex"]
    '94567'
    """

    type: str = field(default="BitstringStatusListEntry", metadata=wire(choice("BitstringStatusListEntry")))
    id: str | None = field(default=None, metadata=wire(string(maximum=2048)))
    status_purpose: str = field(metadata=wire(string(maximum=256), "statusPurpose"))
    status_list_index: str = field(metadata=wire(string(maximum=16), "statusListIndex"))
    status_list_credential: str = field(metadata=wire(https_url(), "statusListCredential"))
    status_size: int = field(default=1, metadata=wire(integer(minimum=1, maximum=MAX_STATUS_SIZE), "statusSize"))
    status_message: tuple[Mapping[str, Any], ...] | None = field(
        default=None, metadata=wire(array(json_object(), maximum=1 << MAX_STATUS_SIZE), "statusMessage")
    )
    status_reference: Any = field(default=None, metadata=wire(json_value(), "statusReference"))
    rules = (_check_entry,)

    @classmethod
    def of(
        cls,
        url: str,
        index: int,
        *,
        purpose: str = "revocation",
        status_size: int = 1,
        messages: Sequence[Mapping[str, str]] | None = None,
    ) -> "BitstringStatusListEntry":
        """The entry `index` of the list at `url`; `messages` as in `BitstringStatusList.dataset`. Raises `ValueError`."""
        return cls(
            id=f"{url}#{index}",
            status_purpose=purpose,
            status_list_index=str(index),
            status_list_credential=url,
            status_size=status_size,
            status_message=None if messages is None else tuple(messages),
        )

    @property
    def index(self) -> int:
        """`statusListIndex` as a number."""
        return int(self.status_list_index)

    def message(self, status: int) -> str | None:
        """What the entry says a status means; without messages `set` and `unset` (Bitstring Status List 2.1)."""
        if self.status_message is None:
            return "set" if status else "unset"
        return next((each["message"] for each in self.status_message if int(each["status"], 16) == status), None)
