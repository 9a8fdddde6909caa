"""Reading a JSON document as far as it can be read: one member that is wrong does not hide the others."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from oid4vci import _json
from oid4vci._document import Document
from oid4vci._json import Malformed
from oid4vci.lint.report import Notebook
from oid4vci.metadata.unreadable import Members, unreadable

__all__ = ("read_object", "read_what_can_be_read")

D = TypeVar("D", bound=Document)


def read_object(text: str | bytes, notebook: Notebook, requirement: str | None = None) -> dict[str, Any] | None:
    """The JSON object; None, and an error, if it is none."""
    return notebook.attempt(lambda: _json.object_from(text), "RFC 8259", requirement)


def read_what_can_be_read(
    cls: type[D],
    value: Mapping[str, Any],
    stand_ins: Mapping[str, Any],
    members: Members,
    notebook: Notebook,
    *,
    besides: Collection[str] = (),
) -> D | None:
    """The document without the members that are wrong, each of which is written down.

    `stand_ins` take the place of required members, so that the rest can be looked at. `besides`: objects whose members the document
    leaves out by itself, and reports, where they are wrong. None where nothing can be read.
    """
    passed = {name for name in besides if isinstance(value.get(name), Mapping)}
    wrong = [each for each in cls.faults(value) if _first(each.path) not in passed]
    notebook.findings += (unreadable(each, members) for each in wrong)
    at_fault = {_first(each.path) for each in wrong}
    kept = {name: member for name, member in value.items() if name not in at_fault}
    kept |= {name: stand_in for name, stand_in in stand_ins.items() if name in at_fault}
    try:
        return cls.from_json(kept)
    except Malformed as malformed:
        notebook.findings.append(unreadable(malformed, members))
        return None


def _first(path: str) -> str:
    """The member in which a path begins. Names of known members have neither dots nor brackets."""
    return path.partition(".")[0].partition("[")[0]
