"""Credential Issuer Metadata with the display of some languages only (OID4VCI 12.2.2).

Rule 1: whoever chooses by the same preferences (`in_language`) is shown the same from the part as from the whole.
Rule 2: what can be shown in no wanted language is shown in its default: no display is lost.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from oid4vci.metadata.language import in_narrower, lookup

__all__ = ("languages", "localised", "relevant_ranges")

_CONFIGURATIONS = "credential_configurations_supported"
_Display = list[dict[str, Any]]


def languages(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The language tags of everything that a metadata document shows, each once."""
    return tuple(
        dict.fromkeys(
            entry["locale"] for display in _displays(document) for entry in display if entry.get("locale") is not None
        )
    )


def relevant_ranges(ranges: Iterable[str], tags: Sequence[str]) -> frozenset[str]:
    """What language ranges come to where these are the tags: few sets, however many ranges there are.

    A range is cut short to the longest tag that begins it (RFC 4647 3.4); one that begins some tag stays; others say nothing.
    """
    found = (lookup((each,), tags) or (each if in_narrower(each, tags) else None) for each in ranges)
    return frozenset(each.lower() for each in found if each is not None)


def localised(document: Mapping[str, Any], ranges: Iterable[str]) -> dict[str, Any]:
    """A metadata document with, in each `display`, the entries in wanted languages; without any, its default entry."""
    wanted = tuple(ranges)
    return _changed(document, lambda display: _part(display, wanted))


def _part(display: _Display, ranges: Sequence[str]) -> _Display:
    tags = [entry["locale"] for entry in display if entry.get("locale") is not None]
    found = {tag for each in ranges if (tag := lookup((each,), tags)) is not None}
    if found:
        return [entry for entry in display if entry.get("locale") in found]
    # A range that was cut short may have a region that was not wanted: the default stays for whoever sees that.
    narrower = {tag for each in ranges for tag in in_narrower(each, tags)}
    default = next((entry for entry in display if entry.get("locale") is None), display[0])
    return [entry for entry in display if entry is default or entry.get("locale") in narrower]


def _displays(document: Mapping[str, Any]) -> Iterator[_Display]:
    found: list[_Display] = []

    def see(display: _Display) -> _Display:
        found.append(display)
        return display

    _changed(document, see)
    yield from found


def _changed(document: Mapping[str, Any], change: Callable[[_Display], _Display]) -> dict[str, Any]:
    """The document with each of its display arrays changed: of the issuer, of Credentials, of claims (OID4VCI 12.2.4, B.2)."""
    shown = _shown(document, change)
    configurations = {
        name: {**each, "credential_metadata": _credential_metadata(each["credential_metadata"], change)}
        if "credential_metadata" in each
        else each
        for name, each in document[_CONFIGURATIONS].items()
    }
    return {**shown, _CONFIGURATIONS: configurations}


def _credential_metadata(members: Mapping[str, Any], change: Callable[[_Display], _Display]) -> dict[str, Any]:
    changed = _shown(members, change)
    if "claims" in members:
        changed["claims"] = [_shown(each, change) for each in members["claims"]]
    return changed


def _shown(members: Mapping[str, Any], change: Callable[[_Display], _Display]) -> dict[str, Any]:
    return {**members, "display": change(members["display"])} if "display" in members else dict(members)
