"""Claims descriptions and claims path pointers (OID4VCI appendices B and C).

Rule: a path is applied to a Credential step by step as the specification says; what it does not allow is an error, never a guess.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import define, field, frozen

from oid4vci._document import Codec, Document, array, boolean, nested, string, wire
from oid4vci._json import Malformed

__all__ = (
    "ClaimDisplay",
    "ClaimsDescription",
    "ClaimsPath",
    "ClaimsSemantics",
    "PathStep",
    "Selection",
    "check_json_path",
    "check_mdoc_path",
    "claims_path",
    "contradictions",
    "select",
    "select_mdoc",
)

PathStep: TypeAlias = str | int | None
"""A name, an index, or None for all elements of an array."""

ClaimsPath: TypeAlias = tuple[PathStep, ...]
"""A claims path pointer: never empty (OID4VCI C)."""

Selection: TypeAlias = tuple[tuple[ClaimsPath, Any], ...]
"""What a path selected, in document order: the concrete path of each element, without None, and its value."""

MAX_STEPS = 64
# Elements that a path may select, step by step: paths and Credential are often those of one peer.
MAX_SELECTED = 10_000


def _check_step(value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise Malformed("must be a string, an integer or null")


def claims_path() -> Codec:
    """A claims path pointer: "a non-empty array of strings, nulls and integers" (OID4VCI C), in Python a tuple."""
    return array(Codec(_check_step), maximum=MAX_STEPS)


@frozen(kw_only=True)
class ClaimDisplay(Document):
    """How a claim is shown in one language (OID4VCI B.2)."""

    name: str | None = field(default=None, metadata=wire(string(minimum=0)))
    locale: str | None = field(default=None, metadata=wire(string(minimum=0, maximum=255)))


@frozen(kw_only=True)
class ClaimsDescription(Document):
    """A claim, or several, of a Credential: in issuer metadata (OID4VCI B.2) or in authorization details (B.1)."""

    path: ClaimsPath = field(metadata=wire(claims_path()))
    _mandatory: bool | None = field(default=None, metadata=wire(boolean()))
    display: tuple[ClaimDisplay, ...] | None = field(default=None, metadata=wire(array(nested(ClaimDisplay))))

    @property
    def mandatory(self) -> bool:
        """In metadata: the issuer always includes the claim. In authorization details: the Wallet accepts nothing without it."""
        return bool(self._mandatory)


def select(path: ClaimsPath, credential: Any) -> Selection:
    """Apply a path to the claims of a JSON-based Credential (OID4VCI C.1.1).

    `credential` is the top-level object as JSON values. Raises `Malformed` where the processing is to be aborted: a step that does
    not fit an element, a negative integer, or nothing selected; and if more than 10 000 elements are.
    """
    selected: list[tuple[ClaimsPath, Any]] = [((), credential)]
    left = MAX_SELECTED
    for step in path:
        _check_step(step)
        found: list[tuple[ClaimsPath, Any]] = []
        for at, element in selected:
            if isinstance(step, str):
                if not isinstance(element, Mapping):
                    raise Malformed("the path has a name where the credential has no object")
                if step in element:
                    found.append(((*at, step), element[step]))
            elif not _is_array(element):
                raise Malformed("the path has an index or null where the credential has no array")
            else:
                found += _elements(at, element, step, left - len(found))
        # Said of the path itself, so it holds also where nothing is selected any more.
        if isinstance(step, int) and step < 0:
            raise Malformed("the path has a negative integer")
        selected, left = found, _left(left, found)
    return _not_empty(path, selected)


def select_mdoc(path: ClaimsPath, namespaces: Mapping[str, Mapping[str, Any]]) -> Selection:
    """Apply a path to an mdoc (OID4VCI C.2.1).

    `namespaces` maps a namespace to its data elements, identifier to decoded CBOR value (dict, list, ...). Raises `Malformed`
    where the processing is to be aborted, and if more than 10 000 elements are selected.
    """
    if len(path) < 2:
        raise Malformed("the path must have a namespace and a data element identifier")
    namespace, identifier, *steps = path
    if not isinstance(namespace, str) or not isinstance(identifier, str):
        raise Malformed("the namespace and the data element identifier must be strings")
    if namespace not in namespaces:
        raise Malformed("the mdoc does not have the namespace")
    if identifier not in namespaces[namespace]:
        raise Malformed("the mdoc does not have the data element")
    selected: list[tuple[ClaimsPath, Any]] = [((namespace, identifier), namespaces[namespace][identifier])]
    left = MAX_SELECTED
    for step in steps:
        _check_step(step)
        found: list[tuple[ClaimsPath, Any]] = []
        if (step is None or (isinstance(step, int) and step >= 0)) and all(_is_array(element) for _, element in selected):
            for at, element in selected:
                found += _elements(at, element, step, left - len(found))
        elif step is not None and all(isinstance(element, Mapping) for _, element in selected):
            for at, element in selected:
                # CBOR keys keep their type, and Python takes 1, 1.0 and True for the same key.
                found += [((*at, step), value) for key, value in element.items() if type(key) is type(step) and key == step]
        else:
            raise Malformed("the path has a step that does not fit the selected elements")
        selected, left = found, _left(left, found)
    return _not_empty(path, selected)


def _is_array(element: Any) -> bool:
    return isinstance(element, list | tuple)


def _left(left: int, found: Sequence[Any]) -> int:
    """How many more elements may be selected."""
    if len(found) > left:
        raise Malformed("the path selects too much")
    return left - len(found)


def _elements(at: ClaimsPath, element: Sequence[Any], step: int | None, left: int) -> list[tuple[ClaimsPath, Any]]:
    """All elements of an array, at most `left`, or the one at an index; none if there is no such index."""
    if step is None:
        _left(left, element)
        return [((*at, index), value) for index, value in enumerate(element)]
    return [((*at, step), element[step])] if 0 <= step < len(element) else []


def _not_empty(path: ClaimsPath, selected: list[tuple[ClaimsPath, Any]]) -> Selection:
    if not path or not selected:
        raise Malformed("the path selects nothing")
    return tuple(selected)


def _kind(step: PathStep) -> str:
    if isinstance(step, str):
        return "name"
    if step is None:
        return "all"
    # Only a map of an mdoc has negative keys (OID4VCI C.2).
    return "index" if step >= 0 else "key"


_CONFLICTS: Mapping[str, Mapping[str, str]] = {
    "name": {
        "all": "implies an object where another implies an array",
        "index": "implies an object where another implies an array",
    },
    "all": {
        "name": "implies an array where another implies an object",
        "key": "implies an array where another implies an object",
        "index": "addresses all elements of an array where another addresses one",
    },
    "index": {
        "name": "implies an array where another implies an object",
        "all": "addresses one element of an array where another addresses all",
    },
    "key": {"all": "implies an object where another implies an array"},
}


def contradictions(descriptions: Sequence[ClaimsDescription]) -> tuple[Malformed, ...]:
    """What is repeated or contradictory in an array of claims descriptions, empty if nothing is (OID4VCI B.3).

    Each is an error to raise or to report, its path counted from the array: "the processing MUST be aborted".
    """
    found = []
    seen: set[ClaimsPath] = set()
    kinds: dict[ClaimsPath, set[str]] = {}
    for i, description in enumerate(descriptions):
        path = description.path
        if path in seen:
            found.append(Malformed("addresses the same claim as another", f"[{i}].path"))
            continue
        seen.add(path)
        for depth, step in enumerate(path):
            kind = _kind(step)
            there = kinds.setdefault(path[:depth], set())
            conflict = next((reason for other, reason in _CONFLICTS[kind].items() if other in there), None)
            if conflict is not None:
                found.append(Malformed(conflict, f"[{i}].path[{depth}]"))
                break
            there.add(kind)
    return tuple(found)


def check_json_path(path: ClaimsPath) -> None:
    """Raise `Malformed` for what leads into no JSON-based Credential: "Negative integer values are not used" (OID4VCI C.1)."""
    for depth, step in enumerate(path):
        if isinstance(step, int) and step < 0:
            raise Malformed("must not be negative in a JSON-based Credential", f"[{depth}]")


def check_mdoc_path(path: ClaimsPath) -> None:
    """Raise `Malformed` for what leads into no mdoc: a path "always contains at least two path components of type string".

    These are the namespace and the data element identifier (OID4VCI C.2).
    """
    if len(path) < 2 or not all(isinstance(step, str) for step in path[:2]):
        raise Malformed("must begin with a namespace and a data element identifier")


@define
class _Places:
    """Places of a dataset as a tree, to be kept: the `whole` of one, or what is named `beneath` it.

    `end` is the greatest explicit index: in front of it no element is removed, or the path would lead to another one.
    """

    whole: bool = False
    beneath: dict[str | int, "_Places"] = field(factory=dict)
    end: int = 0

    def add(self, path: ClaimsPath, at: Sequence[Any]) -> None:
        """Keep the place `at`, which `path` selected."""
        place = self
        for step, concrete in zip(path, at, strict=True):
            if isinstance(step, int):
                place.end = max(place.end, step)
            place = place.beneath.setdefault(concrete, _Places())
        place.whole = True

    def of(self, value: Any, kinds: frozenset[str]) -> Any:
        """What is to be kept of the value at this place. Members named in `kinds` stay with what is left of an object."""
        if self.whole:
            return value
        if isinstance(value, Mapping):
            return {
                name: self.beneath[name].of(member, kinds) if name in self.beneath else member
                for name, member in value.items()
                if name in self.beneath or name in kinds
            }
        if not _is_array(value):
            return value
        return [
            self.beneath[i].of(element, kinds) if i in self.beneath else _emptied(element)
            for i, element in enumerate(value)
            if i in self.beneath or i < self.end
        ]


def _emptied(element: Any) -> Any:
    if isinstance(element, Mapping):
        return {}
    return [] if _is_array(element) else element


@frozen
class ClaimsSemantics:
    """What claims path pointers mean in a Credential Format (OID4VCI C).

    `select` is how a path is applied to a dataset, or to the claims of a Credential. `always`: places that the encoder fills by
    itself, or that hold no claims about the subject: they and what is beneath them are never missing in a dataset, and never left
    out. Names in it are of the top level or below, as in a path. `within` names the place beneath which the claims about the
    subject stand (`("credentialSubject",)`); nothing outside of it is left out either. By default that is the whole dataset.
    `needed` are claims that an encoder issues nothing without: they are not left out, whatever was asked for. `kinds` are names of
    members that say what an object is (`type`): they stay with whatever is left of it.
    """

    select: Callable[[ClaimsPath, Any], Selection] = select
    always: frozenset[ClaimsPath] = frozenset()
    within: tuple[str, ...] = ()
    needed: tuple[ClaimsPath, ...] = ()
    kinds: frozenset[str] = frozenset()

    @property
    def depth(self) -> int:
        """How many steps lead to a claim about the subject: an mdoc has namespaces first."""
        return len(self.within) + (2 if self.select is select_mdoc else 1)

    def is_always(self, path: ClaimsPath) -> bool:
        """Whether the path lies in a place that is there whatever the dataset says."""
        return any(path[: i + 1] in self.always for i in range(len(path)))

    def demanded(self, descriptions: Sequence[ClaimsDescription]) -> tuple[ClaimsPath, ...]:
        """The paths of the mandatory claims that a dataset must have (OID4VCI B.1, B.2)."""
        return tuple(each.path for each in descriptions if each.mandatory and not self.is_always(each.path))

    def lacking(self, paths: Iterable[ClaimsPath], claims: Any) -> tuple[ClaimsPath, ...]:
        """Those of the paths that select nothing in `claims`."""
        return tuple(path for path in paths if not self._selected(path, claims))

    def missing(self, descriptions: Sequence[ClaimsDescription], claims: Any) -> tuple[ClaimsPath, ...]:
        """The paths of mandatory claims that the dataset `claims` does not have (OID4VCI B.1, B.2)."""
        return self.lacking(self.demanded(descriptions), claims)

    def limited(self, claims: Mapping[str, Any], paths: Iterable[ClaimsPath]) -> Mapping[str, Any]:
        """The dataset with no more claims about the subject than the paths select, or `always` and `needed` stand for.

        Each of the paths selects the same values in it as in `claims`. An array keeps the elements that are selected, in their
        order. In front of one that a path names by its index all elements stay, or the path would lead to another one; of objects
        and arrays among them, nothing but the place. What a path cannot be applied to, it does not select.

        Raises `Malformed` if the paths select no claims about the subject, although there are some.
        """
        if not claims:
            return claims
        places, found = _Places(), False
        for path in (*self.always, *self.needed):
            for at, _ in self._selected(path, claims):
                places.add(path, at)
        for path in paths:
            for at, _ in self._selected(path, claims):
                places.add(path, at)
                found = found or at[: len(self.within)] == self.within[: len(at)]
        if not found:
            raise Malformed("selects nothing")
        limited: Mapping[str, Any] = self._limited(claims, places, self.within)
        return limited

    def _limited(self, claims: Any, places: _Places, within: tuple[str, ...]) -> Any:
        if not within or places.whole:
            return places.of(claims, self.kinds)
        name, *rest = within
        return {**claims, name: self._limited(claims[name], places.beneath[name], tuple(rest))}

    def _selected(self, path: ClaimsPath, claims: Any) -> Selection:
        try:
            return self.select(path, claims)
        except Malformed:
            return ()
