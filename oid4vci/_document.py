"""Typed JSON documents: wire name, type and bound of a member on one line, unknown members kept.

A `Document` that exists is well typed: its constructor and `from_json` make the same checks. Rules that span members live with
the class they concern. Unknown members are kept in `extra` and written back (OID4VCI: "MUST ignore any unrecognized parameters").
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from attrs import NOTHING, Attribute, field, fields, frozen

from oid4vci._json import Malformed

__all__ = (
    "Codec",
    "Document",
    "array",
    "boolean",
    "choice",
    "https_url",
    "identifier_url",
    "integer",
    "json_array",
    "json_object",
    "json_value",
    "mapping",
    "nested",
    "positive_number",
    "string",
    "strings",
    "wire",
)

MAX_ITEMS = 10_000


def _same(value: Any) -> Any:
    return value


@frozen
class Codec:
    """How one member is read, checked and written.

    `parse` turns JSON into the Python shape (and leaves what it cannot turn), `check` raises `Malformed` unless the shape is
    right, `dump` is the way back.
    """

    check: Callable[[Any], None]
    parse: Callable[[Any], Any] = _same
    dump: Callable[[Any], Any] = _same


def string(*, minimum: int = 1, maximum: int = 16_384) -> Codec:
    """A string of `minimum` to `maximum` characters."""

    def check(value: Any) -> None:
        if not isinstance(value, str):
            raise Malformed("must be a string")
        if not minimum <= len(value) <= maximum:
            raise Malformed("must not be empty" if not value else f"must have at most {maximum} characters")

    return Codec(check)


def choice(*values: str) -> Codec:
    """One of some strings."""

    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in values:
            raise Malformed(f"must be one of {', '.join(values)}")

    return Codec(check)


def integer(*, minimum: int | None = None, maximum: int | None = None) -> Codec:
    """An integer; a boolean is none."""

    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Malformed("must be an integer")
        if minimum is not None and value < minimum:
            raise Malformed(f"must be {minimum} or greater")
        if maximum is not None and value > maximum:
            raise Malformed(f"must be {maximum} or less")

    return Codec(check)


def positive_number() -> Codec:
    """A number greater than zero."""

    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e15:
            raise Malformed("must be a positive number")

    return Codec(check)


def boolean() -> Codec:
    """`true` or `false`."""

    def check(value: Any) -> None:
        if not isinstance(value, bool):
            raise Malformed("must be a boolean")

    return Codec(check)


_HOST_PORT = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
# Whoever fetches such a URL would ask for another one than was compared (RFC 3986 5.2.4).
_DOT_SEGMENT = re.compile(r"/(?:\.|%2e){1,2}(?=[/?]|$)", re.IGNORECASE)
_URL = re.compile(r"[!#-;=?-\[\]_a-z~%]+")


def _check_url(value: Any, *, query: bool) -> None:
    if not isinstance(value, str):
        raise Malformed("must be a string")
    if len(value) > 2048:
        raise Malformed("must have at most 2048 characters")
    if not _URL.fullmatch(value):
        raise Malformed("must be a URL")
    if not value.lower().startswith("https://"):
        raise Malformed("must use the https scheme")
    if "#" in value:
        raise Malformed("must have no fragment")
    if _DOT_SEGMENT.search(value.partition("?")[0]):
        raise Malformed("must have no dot segments")
    if not query and "?" in value:
        raise Malformed("must have no query")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise Malformed("must be a URL") from None
    if not _HOST_PORT.fullmatch(parts.netloc) or port == 0:
        raise Malformed("must have a host, and no user information")


def https_url() -> Codec:
    """An endpoint: `https`, a host, maybe port, path and query; no user information, no fragment."""
    return Codec(lambda value: _check_url(value, query=True))


def identifier_url() -> Codec:
    """A Credential Issuer or Authorization Server identifier: an endpoint without query (OID4VCI 12.2.1, RFC 8414 2)."""
    return Codec(lambda value: _check_url(value, query=False))


def json_value() -> Codec:
    """Anything."""
    return Codec(lambda value: None)


def json_object() -> Codec:
    """Any JSON object, kept as it is."""

    def check(value: Any) -> None:
        if not isinstance(value, Mapping):
            raise Malformed("must be an object")

    return Codec(check, dump=lambda value: dict(value))


def json_array(*, minimum: int = 1) -> Codec:
    """Any JSON array, kept as a tuple."""
    return array(json_value(), minimum=minimum)


def array(item: Codec, *, minimum: int = 1, maximum: int = MAX_ITEMS, unique: bool = False) -> Codec:
    """A JSON array of `item`, in Python a tuple."""

    def parse(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if len(value) > maximum:
            raise Malformed(f"must have at most {maximum} elements")
        return tuple(_at(f"[{i}]", item.parse, element) for i, element in enumerate(value))

    def check(value: Any) -> None:
        if not isinstance(value, tuple):
            raise Malformed("must be an array")
        if len(value) < minimum:
            raise Malformed("must not be empty" if minimum == 1 else f"must have at least {minimum} elements")
        if len(value) > maximum:
            raise Malformed(f"must have at most {maximum} elements")
        for i, element in enumerate(value):
            _at(f"[{i}]", item.check, element)
        if unique and len(set(value)) != len(value):
            raise Malformed("must not repeat an element")

    return Codec(check, parse, lambda value: [item.dump(element) for element in value])


def mapping(item: Codec, *, minimum: int = 0) -> Codec:
    """A JSON object whose member names are data, in Python a dict."""

    def parse(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: _at(_step(name), item.parse, member) for name, member in value.items()}

    def check(value: Any) -> None:
        if not isinstance(value, Mapping):
            raise Malformed("must be an object")
        if not minimum <= len(value) <= MAX_ITEMS:
            raise Malformed("must not be empty" if len(value) < minimum else "has too many members")
        for name, member in value.items():
            if not isinstance(name, str) or not name:
                raise Malformed("must have non-empty member names")
            _at(_step(name), item.check, member)

    return Codec(check, parse, lambda value: {name: item.dump(member) for name, member in value.items()})


def nested(cls: "type[Document]") -> Codec:
    """A `Document` of class `cls`."""

    def parse(value: Any) -> Any:
        return cls.from_json(value) if isinstance(value, Mapping) else value

    def check(value: Any) -> None:
        if not isinstance(value, cls):
            raise Malformed("must be an object")

    return Codec(check, parse, lambda value: value.to_json())


def _at(step: str, do: Callable[[Any], Any], value: Any) -> Any:
    try:
        return do(value)
    except Malformed as error:
        raise error.within(step) from None


_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+-]{1,80}")


def _step(name: str) -> str:
    """A member name as part of a path: names come from outside, and paths go into error descriptions."""
    return name if _PLAIN.fullmatch(name) else "?"


def strings(values: Iterable[str]) -> tuple[str, ...]:
    """A converter for fields that take several strings: one alone would be taken for its characters. Raises `TypeError`."""
    if isinstance(values, str):
        raise TypeError("several strings are expected, not one")
    return tuple(values)


def wire(codec: Codec, name: str | None = None) -> dict[str, Any]:
    """The `metadata` of an attrs field that is a member of a `Document`; `name` where it is not the field's own."""
    return {"oid4vci": (codec, name)}


_Members = tuple[tuple[str, str, str, Codec, bool], ...]
_known: dict[type, _Members] = {}


def _members(cls: type["Document"]) -> _Members:
    """Field name, constructor name, wire name, codec, required; looked up once a class."""
    if cls in _known:
        return _known[cls]
    found = []
    attribute: Attribute[Any]
    for attribute in fields(cls):
        if "oid4vci" in attribute.metadata:
            codec, name = attribute.metadata["oid4vci"]
            alias = attribute.alias or attribute.name
            found.append((attribute.name, alias, name or alias, codec, attribute.default is NOTHING))
    _known[cls] = tuple(found)
    return _known[cls]


@frozen(kw_only=True)
class Document:
    """A JSON object with known members, as a frozen value.

    `extra` holds the members this version does not know: they are ignored, and written back by `to_json`.
    """

    # Nobody knows what they are, so they may be secrets.
    extra: Mapping[str, Any] = field(factory=dict, repr=False)
    # What a subclass needs to know of the whole once its members are right; raises `Malformed`.
    rules: ClassVar[tuple[Callable[[Any], None], ...]] = ()

    def __attrs_post_init__(self) -> None:
        for name, _, wire_name, codec, required in _members(type(self)):
            value = getattr(self, name)
            if value is not None or required:
                _at(_step(wire_name), codec.check, value)
            if wire_name in self.extra:
                raise Malformed("is a known member, not an extra one", _step(wire_name))
        for rule in type(self).rules:
            rule(self)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a JSON value. Raises `Malformed`, with the path of the member that is wrong."""
        if not isinstance(value, Mapping):
            raise Malformed("must be an object")
        known: dict[str, Any] = {}
        seen = set()
        for _, alias, wire_name, codec, required in _members(cls):
            seen.add(wire_name)
            member = value.get(wire_name)
            if member is not None:
                known[alias] = _at(_step(wire_name), codec.parse, member)
            elif required:
                raise Malformed("is missing" if wire_name not in value else "must not be null", _step(wire_name))
        return cls(**known, extra={name: member for name, member in value.items() if name not in seen})

    @classmethod
    def faults(cls, value: Any) -> Iterator[Malformed]:
        """What `from_json` would raise, for every member that is wrong: who writes a document wants to know them all.

        What members are together (`rules`) is not looked at.
        """
        if not isinstance(value, Mapping):
            yield Malformed("must be an object")
            return
        for _, _, name, codec, required in _members(cls):
            member = value.get(name)
            if member is None:
                if required:
                    yield Malformed("is missing" if name not in value else "must not be null", _step(name))
                continue
            try:
                _at(_step(name), codec.check, _at(_step(name), codec.parse, member))
            except Malformed as error:
                yield error

    def to_json(self) -> dict[str, Any]:
        """The JSON object, absent members left out, unknown ones at the end."""
        out: dict[str, Any] = {}
        for name, _, wire_name, codec, _ in _members(type(self)):
            value = getattr(self, name)
            if value is not None:
                out[wire_name] = codec.dump(value)
        out.update(self.extra)
        return out
