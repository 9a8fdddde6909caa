"""From expanded JSON-LD to RDF quads, without losing anything (JSON-LD 1.1 API 8, VC Data Integrity 2.4.3).

Rule: what does not become a quad is refused. A signature covers quads alone: whatever JSON-LD leaves out on the way to them
could be added, changed or taken away afterwards, and nobody would notice. Nor does a signature cover where in a document a quad
stands: what is said of the document itself could be put elsewhere, where nobody looks for it, unless it may stand at the top alone.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import define, field

from oid4vci._json import Malformed
from oid4vci.data_integrity.numbers import is_double
from oid4vci.data_integrity.rdf_canonicalization import Quad

__all__ = ("RELATIVE", "iri", "literal", "shown", "to_quads")

RELATIVE: Final = "relative-reference://document/"
"""The base under which relative references are resolved, so that they can be told apart; nothing may be named so."""

_RELATIVE_SCHEME: Final = "relative-reference:"
MAX_QUADS: Final = 10_000

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_TYPE, _FIRST, _REST, _NIL = (f"<{_RDF}{name}>" for name in ("type", "first", "rest", "nil"))

# RFC 3987, as far as N-Quads can write it (N-Quads 4, IRIREF); peers write no other characters as escapes.
_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_ESCAPED: Final = re.compile('["\\\\\x00-\x1f\x7f\ufffe\uffff]')
_ECHAR: Final[Mapping[str, str]] = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}
_SHOWN: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def shown(name: Any) -> str:
    """A name as it may stand in an error: empty unless it is short and plain."""
    return name if isinstance(name, str) and _SHOWN.fullmatch(name) else ""


def _escape(found: re.Match[str]) -> str:
    return _ECHAR.get(found[0]) or f"\\u{ord(found[0]):04X}"


def literal(text: str, *, datatype: str | None = None, language: str | None = None) -> str:
    """A literal as canonical N-Quads write it (RDF-CANON A). `datatype` is an IRI, None for a string."""
    quoted = f'"{_ESCAPED.sub(_escape, text)}"'
    if language is not None:
        return f"{quoted}@{language}"
    return quoted if datatype in (None, f"{_XSD}string") else f"{quoted}^^{iri(datatype)}"


def iri(value: Any) -> str:
    """An absolute IRI as N-Quads write it. Raises `Malformed` for anything else, relative references among them."""
    # By its scheme alone: a reference may bring a host of its own, `//host/path` (RFC 3986 5.2).
    if isinstance(value, str) and value.startswith(_RELATIVE_SCHEME):
        raise Malformed("is a type that no context defines, or a relative reference", shown(value.removeprefix(RELATIVE)))
    if not isinstance(value, str) or not _IRI.fullmatch(value):
        raise Malformed("is not an absolute IRI", shown(value))
    return f"<{value}>"


def _double(number: float) -> str:
    # The canonical form of xsd:double, with a mantissa of at most 16 digits (JSON-LD 1.1 API 8.6).
    mantissa, _, exponent = f"{number:.15E}".partition("E")
    return f"{mantissa.rstrip('0')}{'0' if mantissa.rstrip('0').endswith('.') else ''}E{int(exponent)}"


def _number(value: int | float, datatype: str | None) -> str:
    # What is a double to most readers must not be another number to us (RFC 7493 2.2).
    if not is_double(value):
        raise Malformed("has an integer that not every reader can hold")
    whole = abs(value) < 1e21 and value == int(value)
    if not whole or datatype == f"{_XSD}double":
        return literal(_double(value), datatype=datatype or f"{_XSD}double")
    return literal(str(int(value)), datatype=datatype or f"{_XSD}integer")


def _json_literal(value: Any) -> str:
    from oid4vci.data_integrity import jcs

    return literal(jcs.canonical(value).decode(), datatype=f"{_RDF}JSON")


def _value(item: Mapping[str, Any]) -> str:
    """The literal of a value object (JSON-LD 1.1 API 8.6)."""
    if not item.keys() <= {"@value", "@type", "@language"}:
        # @direction, for which RDF has no place, and @index.
        raise Malformed("has a member that a signature would not cover", shown(next(iter(item.keys() - {"@value", "@type"}))))
    value, datatype, language = item["@value"], item.get("@type"), item.get("@language")
    if datatype == "@json":
        return _json_literal(value)
    if isinstance(value, bool):
        return literal("true" if value else "false", datatype=datatype or f"{_XSD}boolean")
    if isinstance(value, int | float):
        return _number(value, datatype)
    if not isinstance(value, str):
        raise Malformed("has a value that is none")
    if language is not None and not (isinstance(language, str) and _LANGUAGE.fullmatch(language)):
        raise Malformed("has a language that is none")
    if datatype == f"{_RDF}langString":
        raise Malformed("has a text in a language without the language")
    if datatype == f"{_XSD}double" and not _is_canonical_double(value):
        # Some readers would write it otherwise, and texts that are no numbers as one and the same.
        raise Malformed("has a number as a string that is not in canonical form")
    return literal(value, datatype=datatype, language=language)


def _is_canonical_double(text: str) -> bool:
    try:
        return text == _double(float(text))
    except ValueError:
        return False


_ELSEWHERE: Final = "says something of the document itself elsewhere than at its top"


@define
class _Dataset:
    # What the document is about: all that it says of this stands at its top.
    about: Collection[str] = ()
    lossless: bool = True
    quads: set[Quad] = field(factory=set)
    blanks: int = 0

    def add(self, subject: str, predicate: str, value: str, graph: str) -> None:
        self.quads.add((subject, predicate, value, graph))
        if len(self.quads) > MAX_QUADS:
            raise Malformed("has too many statements")

    def blank(self) -> str:
        self.blanks += 1
        return f"_:b{self.blanks}"

    def resource(self, identifier: Any) -> str:
        if isinstance(identifier, str) and identifier.startswith("_:"):
            return f"_:d{identifier[2:]}"
        return iri(identifier)

    def item(self, item: Any, graph: str) -> str:
        """The term of a value, list or node object; what it says is added."""
        if "@value" in item:
            return _value(item)
        if "@list" in item:
            return self.list(item, graph)
        return self.within(item, graph)

    def list(self, item: Mapping[str, Any], graph: str) -> str:
        if len(item) != 1:
            raise Malformed("has an index, which a signature would not cover")
        head = _NIL
        for element in reversed(item["@list"]):
            value, cell = self.item(element, graph), self.blank()
            self.add(cell, _FIRST, value, graph)
            self.add(cell, _REST, head, graph)
            head = cell
        return head

    def within(self, node: Mapping[str, Any], graph: str) -> str:
        """A node object that is a value of another one."""
        if not graph and len(node) > 1 and "@id" in node and self.resource(node["@id"]) in self.about:
            raise Malformed(_ELSEWHERE)
        return self.node(node, graph)

    def node(self, node: Mapping[str, Any], graph: str) -> str:
        subject = self.resource(node["@id"]) if "@id" in node else self.blank()
        for name, values in node.items():
            if name == "@id":
                continue
            if name == "@index":
                raise Malformed("has an index, which a signature would not cover")
            if name == "@reverse":
                self.reverse(values, subject, graph)
                continue
            if not values:
                if not self.lossless:
                    continue
                raise Malformed("is empty, so that a signature would not cover it", shown(re.split("[#/]", name)[-1]))
            if name == "@type":
                for each in values:
                    self.add(subject, _TYPE, self.resource(each), graph)
            elif name in ("@graph", "@included"):
                for each in values:
                    if "@value" in each or "@list" in each or each.keys() <= {"@id"}:
                        raise Malformed("has a value that belongs to nothing, so that a signature would not cover it")
                    self.within(each, subject if name == "@graph" else graph)
            else:
                predicate = iri(name)
                for each in values:
                    self.add(subject, predicate, self.item(each, graph), graph)
        return subject

    def reverse(self, members: Mapping[str, Any], value: str, graph: str) -> None:
        for name, nodes in members.items():
            predicate = iri(name)
            if not nodes:
                raise Malformed("is empty, so that a signature would not cover it", shown(re.split("[#/]", name)[-1]))
            for node in nodes:
                subject = self.within(node, graph)
                if not graph and subject in self.about:
                    raise Malformed(_ELSEWHERE)
                self.add(subject, predicate, value, graph)


def to_quads(expanded: Any, *, lossless: bool = True) -> set[Quad]:
    """The quads of expanded JSON-LD. Raises `Malformed` for whatever would be lost, and for too many of them.

    `lossless`: whether members without values are refused, or else left out.
    """
    dataset = _Dataset(lossless=lossless)
    for node in expanded:
        if "@value" in node or "@list" in node:
            raise Malformed("has a value that belongs to nothing")
    dataset.about = {dataset.resource(node["@id"]) for node in expanded if "@id" in node}
    for node in expanded:
        dataset.node(node, "")
    return dataset.quads
