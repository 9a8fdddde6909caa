"""Making mdocs (ISO/IEC 18013-5 9.1.2): data elements are encoded once, then each copy gets salts and digest IDs of its own.

Members stand in the order of the standard's CDDL. What depends on no salt and no key is bytes before the first copy is made.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from oid4vci._cbor import MAX_MEMBERS, dumps, head

__all__ = (
    "DIGESTS",
    "SALT_SIZE",
    "Template",
    "embedded",
    "issuer_signed",
    "issuer_signed_item",
    "security_object",
    "tdate",
    "validity_info",
)

DIGESTS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}
"""Digest algorithms by the names of ISO/IEC 18013-5 9.1.2.5."""

SALT_SIZE: Final = 32
"""Bytes of `random`, of which ISO/IEC 18013-5 9.1.2.5 wants 16 at least."""

# Bytes of data elements and digests: what is made is read as well (`_cbor.MAX_BYTES`), and fits into a response.
MAX_SIZE: Final = 1 << 19
_PLACE = 8

_ITEM = b"\xa4" + dumps("digestID")
_RANDOM = dumps("random") + head(2, SALT_SIZE)
# Bytes at most: the head of a digest ID and of a digest; a digest ID and the salt in an item.
_DIGEST_HEADS: Final = 3 + 2
_SALTED: Final = 3 + len(_RANDOM) + SALT_SIZE
_IDENTIFIER, _VALUE = dumps("elementIdentifier"), dumps("elementValue")


def embedded(data: bytes) -> bytes:
    """CBOR as a byte string under tag 24 (RFC 8949 3.4.5.1)."""
    return b"\xd8\x18" + head(2, len(data)) + data


def _end(identifier: str, value: Any) -> bytes:
    """What comes after the salt in an item, whose map is one level more around the value."""
    name = identifier.encode()
    return b"".join((_IDENTIFIER, head(3, len(name)), name, _VALUE, dumps(value, depth=1)))


# Times are those of a day, or of an hour, for many credentials.
@lru_cache(16)
def tdate(seconds: int) -> bytes:
    """A point in time, in seconds since the epoch: in UTC, without fractions (ISO/IEC 18013-5 9.1.2.4)."""
    return b"\xc0\x74" + datetime.fromtimestamp(seconds, UTC).isoformat()[:19].encode() + b"Z"


def issuer_signed_item(digest_id: int, random: bytes, identifier: str, value: Any) -> bytes:
    """An `IssuerSignedItemBytes` (ISO/IEC 18013-5 8.3.2.1.2.2). Raises `ValueError` for a value that is not CBOR."""
    start = _ITEM + dumps(digest_id) + dumps("random")
    return embedded(start + dumps(random) + _end(identifier, value))


_Element: TypeAlias = tuple[tuple[bytes, ...], bytes]
"""A data element: what comes before the digest ID in an item, for IDs of one byte and of more, and what comes after the salt."""


def _element(identifier: str, value: Any, widest: int) -> _Element:
    """`widest`: the length of the longest digest ID."""
    end = _end(identifier, value)
    rest = len(_ITEM) + len(_RANDOM) + SALT_SIZE + len(end)
    if widest == 1:
        return (b"\xd8\x18" + head(2, rest + 1) + _ITEM,), end
    return tuple([b"\xd8\x18" + head(2, rest + size) + _ITEM for size in range(1, widest + 1)]), end


@frozen
class _NameSpace:
    # The name in CBOR, and the heads of the array of items and of the map of digests.
    items: bytes
    digests: bytes
    elements: tuple[_Element, ...]
    # The digest IDs in CBOR.
    ids: tuple[bytes, ...]


@frozen
class Template:
    """A dataset ready for any number of copies; make one with `of`."""

    _name_spaces: tuple[_NameSpace, ...] = field(repr=False)
    _hash: Callable[[bytes], Any] = field(repr=False)
    _decoys: int

    @classmethod
    def of(cls, claims: Mapping[str, Any], *, digest_algorithm: str = "SHA-256", decoys: int = 0) -> "Template":
        """Encode `claims`: name spaces, and in each of them data elements by their identifiers.

        `decoys` digests that stand for nothing join those of every name space. Raises `ValueError` for what is no such dataset,
        and for values that CBOR does not have.
        """
        name_spaces, size, digest_size = [], 0, DIGESTS[digest_algorithm](b"").digest_size
        for name, elements in claims.items():
            if not isinstance(name, str) or not name or not isinstance(elements, dict) or not elements:
                raise ValueError("the claims of an mdoc are name spaces, each with data elements by their identifiers")
            if not all(isinstance(identifier, str) and identifier for identifier in elements):
                raise ValueError("the identifier of a data element must be a string that is not empty")
            count = len(elements) + decoys
            if count > MAX_MEMBERS:
                raise ValueError(f"a name space of an mdoc can have {MAX_MEMBERS} data elements and decoys")
            ids = tuple([head(0, i) for i in range(count)])
            encoded = tuple([_element(identifier, value, len(ids[-1])) for identifier, value in elements.items()])
            named = dumps(name)
            size += 2 * len(named) + count * (digest_size + _DIGEST_HEADS)
            size += sum([len(starts[-1]) + len(end) for starts, end in encoded]) + len(encoded) * _SALTED
            name_spaces.append(_NameSpace(named + head(4, len(encoded)), named + head(5, count), encoded, ids))
        if not name_spaces:
            raise ValueError("an mdoc must have a data element")
        if size > MAX_SIZE:
            raise ValueError(f"the data elements and digests of an mdoc can have {MAX_SIZE} bytes altogether")
        return cls(tuple(name_spaces), DIGESTS[digest_algorithm], decoys)

    @property
    def entropy(self) -> int:
        """How many random bytes a copy needs."""
        digest_size = self._hash(b"").digest_size
        return sum(
            len(space.ids) * _PLACE + len(space.elements) * SALT_SIZE + self._decoys * digest_size
            for space in self._name_spaces
        )

    def fill(self, entropy: bytes) -> tuple[bytes, bytes]:
        """One copy: `IssuerNameSpaces` and `ValueDigests` (ISO/IEC 18013-5 8.3.2.1.2.2, 9.1.2.4).

        `entropy`: that many fresh random bytes. Digest IDs are the places of a random order, and digests stand in the order of
        their IDs: neither says which data element is which, nor that two copies belong together.
        """
        function, at = self._hash, 0
        size = function(b"").digest_size
        digest_head = head(2, size)
        opening = head(5, len(self._name_spaces))
        items, digests = [opening], [opening]
        for space in self._name_spaces:
            total, count = len(space.ids), len(space.elements)
            places = memoryview(entropy)[at : at + total * _PLACE].cast("Q").tolist()
            order = sorted(range(total), key=places.__getitem__)
            at += total * _PLACE
            found = [b""] * total
            items.append(space.items)
            for (starts, end), number in zip(space.elements, order, strict=False):
                name = space.ids[number]
                item = b"".join((starts[len(name) - 1], name, _RANDOM, entropy[at : at + SALT_SIZE], end))
                at += SALT_SIZE
                items.append(item)
                found[number] = function(item).digest()
            for number in order[count:]:
                found[number] = entropy[at : at + size]
                at += size
            digests.append(space.digests)
            digests += [name + digest_head + digest for name, digest in zip(space.ids, found, strict=True)]
        return b"".join(items), b"".join(digests)


_VERSION = dumps("version") + dumps("1.0") + dumps("digestAlgorithm")
_VALUE_DIGESTS = dumps("valueDigests")
_DEVICE_KEY = dumps("deviceKeyInfo") + b"\xa1" + dumps("deviceKey")
_DOCTYPE, _VALIDITY, _STATUS = dumps("docType"), dumps("validityInfo"), dumps("status")


def security_object(
    value_digests: bytes,
    device_key: bytes,
    *,
    digest_algorithm: str,
    doctype: bytes,
    validity: bytes,
    status: bytes | None = None,
) -> bytes:
    """`MobileSecurityObjectBytes` (ISO/IEC 18013-5 9.1.2.4), of members that are CBOR already; `digest_algorithm` is a name.

    `device_key` is a COSE_Key; `status` is that of the Token Status List (draft-ietf-oauth-status-list 6.3).
    """
    members = [b"\xa6" if status is None else b"\xa7", _VERSION, dumps(digest_algorithm), _VALUE_DIGESTS, value_digests]
    members += [_DEVICE_KEY, device_key, _DOCTYPE, doctype, _VALIDITY, validity]
    if status is not None:
        members += [_STATUS, status]
    return embedded(b"".join(members))


_SIGNED, _FROM, _UNTIL, _UPDATE = (dumps(name) for name in ("signed", "validFrom", "validUntil", "expectedUpdate"))


def validity_info(signed: int, until: int, *, expected_update: int | None = None) -> bytes:
    """`ValidityInfo` (ISO/IEC 18013-5 9.1.2.4) of seconds since the epoch; what is signed is valid at once."""
    time = tdate(signed)
    members = [b"\xa3" if expected_update is None else b"\xa4", _SIGNED, time, _FROM, time, _UNTIL, tdate(until)]
    if expected_update is not None:
        members += [_UPDATE, tdate(expected_update)]
    return b"".join(members)


_NAME_SPACES, _ISSUER_AUTH = b"\xa2" + dumps("nameSpaces"), dumps("issuerAuth")


def issuer_signed(name_spaces: bytes, issuer_auth: bytes) -> bytes:
    """`IssuerSigned` (ISO/IEC 18013-5 8.3.2.1.2.2) of name spaces and a COSE_Sign1 in CBOR."""
    return b"".join((_NAME_SPACES, name_spaces, _ISSUER_AUTH, issuer_auth))
