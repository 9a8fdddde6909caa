"""Reading mdocs (ISO/IEC 18013-5 8.3.2.1.2.2, 9.1.2): what an issuer signed, and the data elements that its digests cover.

Rule: digests are made of the bytes that were received, and whatever has no digest is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from attrs import field, frozen

from oid4vci import _cbor, _cose
from oid4vci._cbor import DATES, FULL_DATE, Embedded, Tagged
from oid4vci._cose import Sign1
from oid4vci._json import Malformed
from oid4vci.formats.mdoc_template import DIGESTS
from oid4vci.keys import PublicKey

__all__ = ("IssuerSigned", "SecurityObject", "Validity")

MIN_SALT: Final = 16
_VERSION = re.compile(r"1\.[0-9]{1,3}", re.ASCII)
_TDATE = 0


def _member(members: Mapping[Any, Any], name: str, kind: type[Any]) -> Any:
    if name not in members:
        raise Malformed("is missing", name)
    value = members[name]
    if type(value) is not kind:
        raise Malformed("has a wrong type", name)
    return value


def _map(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise Malformed("must be a map")
    return value


R = TypeVar("R")


def _within(name: str, read: Callable[[Any], R], value: Any) -> R:
    """`read(value)`, whose errors are those of the member `name`."""
    try:
        return read(value)
    except Malformed as error:
        raise error.within(name) from None


@frozen
class Validity:
    """When the issuer signed and for how long the mdoc holds (ISO/IEC 18013-5 9.1.2.4, `ValidityInfo`)."""

    signed: datetime
    valid_from: datetime
    valid_until: datetime
    expected_update: datetime | None = None

    @classmethod
    def read(cls, value: Any) -> "Validity":
        """From decoded CBOR. Fractions of a second and offsets, which the standard forbids, are common and harmless, and are read.

        Raises `Malformed`.
        """
        members = _map(value)
        times = {}
        for name in ("signed", "validFrom", "validUntil", "expectedUpdate"):
            if name in members or name != "expectedUpdate":
                tagged = _member(members, name, Tagged)
                if tagged.tag != _TDATE:
                    raise Malformed("must be a tdate", name)
                times[name] = _within(name, _cbor.tdate, tagged.value)
        validity = cls(times["signed"], times["validFrom"], times["validUntil"], times.get("expectedUpdate"))
        # It is signed, then valid, at once or later, then no more (ISO/IEC 18013-5 9.1.2.4).
        if not validity.signed <= validity.valid_from < validity.valid_until:
            raise Malformed("is not in the order of time")
        return validity


def _names(value: Any) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise Malformed("must be an array of strings")


def _check_authorizations(value: Any) -> None:
    """`KeyAuthorizations`: what the device key may sign by itself."""
    members = _map(value)
    if "nameSpaces" in members:
        _names(members["nameSpaces"])
    for names in _map(members.get("dataElements", {})).values():
        _names(names)


def _digests(value: Any, size: int) -> Mapping[str, Mapping[int, bytes]]:
    for name, digests in _map(value).items():
        if not isinstance(name, str) or not isinstance(digests, dict) or not digests:
            raise Malformed("must be name spaces with digests")
        for number, digest in digests.items():
            if type(number) is not int or number < 0 or not isinstance(digest, bytes) or len(digest) != size:
                raise Malformed("must be digests by their IDs")
    digests_of: Mapping[str, Mapping[int, bytes]] = value
    return digests_of


def _status(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value or not all(isinstance(name, str) for name in value):
        raise Malformed("must be a map that refers to a status mechanism")
    return value


@frozen
class SecurityObject:
    """A `MobileSecurityObject` (ISO/IEC 18013-5 9.1.2.4), whose signature has not been looked at."""

    doctype: str
    digest_algorithm: str
    value_digests: Mapping[str, Mapping[int, bytes]] = field(repr=False)
    device_key: PublicKey
    validity: Validity
    status: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, payload: bytes) -> "SecurityObject":
        """From the payload of `issuerAuth`. Unknown members are passed over; unknown versions and digests are not.

        Raises `Malformed`.
        """
        embedded = _cbor.loads(payload)
        if not isinstance(embedded, Embedded):
            raise Malformed("the payload must be CBOR under tag 24", "issuerAuth")
        members = _map(_cbor.loads(embedded.content))
        if not _VERSION.fullmatch(_member(members, "version", str)):
            raise Malformed("is not a supported version", "version")
        digest_algorithm = _member(members, "digestAlgorithm", str)
        if digest_algorithm not in DIGESTS:
            raise Malformed("is not a supported algorithm", "digestAlgorithm")
        size = DIGESTS[digest_algorithm](b"").digest_size
        info = _member(members, "deviceKeyInfo", dict)
        if "keyAuthorizations" in info:
            _within("deviceKeyInfo.keyAuthorizations", _check_authorizations, info["keyAuthorizations"])
        return cls(
            _member(members, "docType", str),
            digest_algorithm,
            _within("valueDigests", lambda value: _digests(value, size), _member(members, "valueDigests", dict)),
            _within("deviceKeyInfo.deviceKey", _cose.public_key, info.get("deviceKey")),
            _within("validityInfo", Validity.read, _member(members, "validityInfo", dict)),
            _within("status", _status, members["status"]) if "status" in members else None,
        )


@frozen
class IssuerSigned:
    """An `IssuerSigned` (ISO/IEC 18013-5 8.3.2.1.2.2) taken apart, nothing verified."""

    name_spaces: Mapping[str, tuple[Embedded, ...]] = field(repr=False)
    issuer_auth: Sign1

    @classmethod
    def read(cls, data: bytes) -> "IssuerSigned":
        """From CBOR: at least one data element, and an untagged COSE_Sign1. Raises `Malformed`."""
        members = _map(_cbor.loads(data))
        name_spaces = _member(members, "nameSpaces", dict)
        for name, items in name_spaces.items():
            if not isinstance(name, str) or not isinstance(items, list) or not items:
                raise Malformed("must be name spaces with data elements", "nameSpaces")
            if not all(isinstance(item, Embedded) for item in items):
                raise Malformed("must hold data elements under tag 24", "nameSpaces")
        if not name_spaces:
            raise Malformed("has no data element", "nameSpaces")
        issuer_auth = _within("issuerAuth", _cose.sign1, _member(members, "issuerAuth", list))
        return cls({name: tuple(items) for name, items in name_spaces.items()}, issuer_auth)

    def data_elements(self, security_object: SecurityObject) -> dict[str, dict[str, Any]]:
        """The data elements by name space and identifier, decoded: each has its digest in the security object.

        Dates are `datetime.date`, times aware `datetime.datetime`. Raises `Malformed`.
        """
        function = DIGESTS[security_object.digest_algorithm]
        read: dict[str, dict[str, Any]] = {}
        for name, items in self.name_spaces.items():
            digests = security_object.value_digests.get(name)
            if digests is None:
                raise Malformed("has a name space without digests", "nameSpaces")
            elements: dict[str, Any] = {}
            numbers = set()
            for item in items:
                number, identifier, value = _plain_item(item.content) or _within("nameSpaces", _item, item)
                if digests.get(number) != function(item.encoded).digest():
                    raise Malformed("has a data element that does not have its digest", "nameSpaces")
                if number in numbers or identifier in elements:
                    raise Malformed("has a data element twice", "nameSpaces")
                numbers.add(number)
                elements[identifier] = value
            read[name] = elements
        return read


# The members in the order of the standard, up to the length of the identifier: a salt of 16 or 32 bytes.
_PLAIN_START = re.compile(
    rb"\xa4\x68digestID(?:[\x00-\x17]|\x18.)\x66random(?:\x50.{16}|\x58\x20.{32})\x71elementIdentifier[\x61-\x77]", re.DOTALL
)
_PLAIN_VALUE = b"\x6celementValue"
_NUMBER_AT: Final = 10


def _plain_item(content: bytes) -> tuple[int, str, Any] | None:
    """What `_item` finds, for items as most issuers write them: quicker. None for those that take `_item`."""
    start = _PLAIN_START.match(content)
    if start is None or len(content) > _cbor.MAX_ITEMS:
        return None
    at = start.end()
    end = at + content[at - 1] - 0x60
    if not content.startswith(_PLAIN_VALUE, end):
        return None
    begin = end + len(_PLAIN_VALUE)
    number = content[_NUMBER_AT]
    value: Any
    try:
        identifier = content[at:end].decode()
        if 0x60 <= content[begin] < 0x78 and len(content) == begin + content[begin] - 0x5F:
            value = content[begin + 1 :].decode()
        elif len(content) == begin + 14 and content.startswith(FULL_DATE, begin):
            value = _cbor.full_date(content[begin + 4 :].decode())
        else:
            value = _cbor.loads(content[begin:], tags=DATES, max_depth=_cbor.MAX_DEPTH - 1)
    except (ValueError, IndexError):
        return None
    return content[_NUMBER_AT + 1] if number == 24 else number, identifier, value


def _item(item: Embedded) -> tuple[int, str, Any]:
    """Digest ID, identifier and value of an `IssuerSignedItem`."""
    members = _map(_cbor.loads(item.content, tags=DATES))
    number, random = _member(members, "digestID", int), _member(members, "random", bytes)
    identifier = _member(members, "elementIdentifier", str)
    if "elementValue" not in members:
        raise Malformed("is missing", "elementValue")
    if len(random) < MIN_SALT:
        # ISO/IEC 18013-5 9.1.2.5
        raise Malformed("must have 16 bytes or more", "random")
    if number < 0 or not identifier:
        raise Malformed("must have a digest ID from 0, and an identifier")
    return number, identifier, members["elementValue"]
