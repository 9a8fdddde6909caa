"""RDF Dataset Canonicalization, RDFC-1.0 (RDF-CANON): one order and one naming of blank nodes for equal datasets.

A quad is four terms as canonical N-Quads write them (RDF-CANON A): `<iri>`, `"literal"`, `_:label`; the fourth is empty in the
default graph. Blank nodes are what begins with `_:`.

Rule: the work is bounded. A few blank nodes that all look alike can be made to take years ("poison graphs", RDF-CANON 7.1).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import permutations
from typing import Final, TypeAlias

from attrs import define, field

from oid4vci._json import Malformed

__all__ = ("MAX_WORK", "Quad", "canonical_n_quads")

Quad: TypeAlias = tuple[str, str, str, str]

MAX_WORK: Final = 500_000
"""How many steps are taken, at most, to tell alike blank nodes apart: a fraction of a second; usual documents need none."""

# A blank node and what is near it; deeper chains of alike nodes would need a deeper stack.
_MAX_DEPTH: Final = 100
_HASHES: Final[Mapping[str, Callable[[bytes], "hashlib._Hash"]]] = {"sha256": hashlib.sha256, "sha384": hashlib.sha384}
_TOO_ALIKE: Final = "has too many blank nodes that look alike"
_POSITIONS: Final = ((0, "s"), (2, "o"), (3, "g"))


def _is_blank(term: str) -> bool:
    return term.startswith("_:")


def _line(quad: Quad) -> str:
    subject, predicate, value, graph = quad
    return f"{subject} {predicate} {value} {graph} .\n" if graph else f"{subject} {predicate} {value} .\n"


class _Issuer:
    """Names for blank nodes, in the order in which they are asked for (RDF-CANON 4.5)."""

    def __init__(self, prefix: str, names: Mapping[str, str] | None = None) -> None:
        self.prefix = prefix
        self.names = dict(names or {})

    def name(self, label: str) -> str:
        return self.names.setdefault(label, f"{self.prefix}{len(self.names)}")

    def copy(self) -> "_Issuer":
        return _Issuer(self.prefix, self.names)


@define
class _State:
    """The canonicalization state (RDF-CANON 4.3)."""

    hash: Callable[[bytes], "hashlib._Hash"]
    quads: dict[str, list[Quad]]
    work: int
    canonical: _Issuer = field(factory=lambda: _Issuer("_:c14n"))
    first_degree: dict[str, str] = field(factory=dict)

    def digest(self, text: str) -> str:
        return self.hash(text.encode()).hexdigest()

    def spend(self, steps: int) -> None:
        self.work -= steps
        if self.work < 0:
            raise Malformed(_TOO_ALIKE)

    def hash_first_degree(self, label: str) -> str:
        """What a blank node looks like by its own quads alone (RDF-CANON 4.6)."""

        def masked(term: str) -> str:
            return ("_:a" if term == label else "_:z") if _is_blank(term) else term

        lines = sorted(
            _line((masked(subject), predicate, masked(value), masked(graph)))
            for subject, predicate, value, graph in self.quads[label]
        )
        return self.digest("".join(lines))

    def hash_related(self, related: str, quad: Quad, issuer: _Issuer, position: str) -> str:
        """How a blank node is related to another one (RDF-CANON 4.7)."""
        name = self.canonical.names.get(related) or issuer.names.get(related) or self.first_degree[related]
        return self.digest(f"{position}{'' if position == 'g' else quad[1]}{name}")

    def hash_n_degree(self, label: str, issuer: _Issuer, depth: int = 0) -> tuple[str, _Issuer]:
        """What a blank node looks like by the blank nodes around it (RDF-CANON 4.8)."""
        self.spend(len(self.quads[label]))
        if depth > _MAX_DEPTH:
            raise Malformed(_TOO_ALIKE)
        groups: dict[str, list[str]] = {}
        for quad in self.quads[label]:
            for index, position in _POSITIONS:
                related = quad[index]
                if _is_blank(related) and related != label:
                    groups.setdefault(self.hash_related(related, quad, issuer, position), []).append(related)
        hashed = []
        for digest, group in sorted(groups.items()):
            chosen_path, chosen_issuer = "", issuer
            for order in permutations(group):
                self.spend(len(order) + len(issuer.names))
                found = self._path(order, issuer.copy(), chosen_path, depth)
                if found is not None and (not chosen_path or found[0] < chosen_path):
                    chosen_path, chosen_issuer = found
            hashed += [digest, chosen_path]
            issuer = chosen_issuer
        return self.digest("".join(hashed)), issuer

    def _path(self, order: tuple[str, ...], issuer: _Issuer, chosen: str, depth: int) -> tuple[str, _Issuer] | None:
        """The path through blank nodes in one order; None as soon as it cannot be the least (RDF-CANON 4.8.3, step 5.4)."""
        path, recursion = "", []
        for related in order:
            if related in self.canonical.names:
                path += self.canonical.names[related]
            else:
                if related not in issuer.names:
                    recursion.append(related)
                path += issuer.name(related)
            if chosen and len(path) >= len(chosen) and path > chosen:
                return None
        for related in recursion:
            digest, result = self.hash_n_degree(related, issuer, depth + 1)
            path += f"{issuer.name(related)}<{digest}>"
            issuer = result
            if chosen and len(path) >= len(chosen) and path > chosen:
                return None
        return path, issuer


def canonical_names(quads: Iterable[Quad], *, algorithm: str = "sha256", max_work: int = MAX_WORK) -> dict[str, str]:
    """The canonical name of each blank node in the dataset, `_:c14n0` and on (RDF-CANON 4.4.3). Raises `Malformed`."""
    mentions: dict[str, list[Quad]] = {}
    for quad in quads:
        # A set: a quad that names a blank node twice is mentioned once.
        for label in {term for term in quad if _is_blank(term)}:
            mentions.setdefault(label, []).append(quad)
    state = _State(_HASHES[algorithm], mentions, max_work)
    alike: dict[str, list[str]] = {}
    for label in mentions:
        digest = state.first_degree[label] = state.hash_first_degree(label)
        alike.setdefault(digest, []).append(label)
    shared = []
    for _, labels in sorted(alike.items()):
        if len(labels) == 1:
            state.canonical.name(labels[0])
        else:
            shared.append(labels)
    for labels in shared:
        results = []
        for label in labels:
            if label not in state.canonical.names:
                issuer = _Issuer("_:b")
                issuer.name(label)
                results.append(state.hash_n_degree(label, issuer))
        for _, issuer in sorted(results, key=lambda result: result[0]):
            for label in issuer.names:
                state.canonical.name(label)
    return state.canonical.names


def canonical_n_quads(quads: Iterable[Quad], *, algorithm: str = "sha256", max_work: int = MAX_WORK) -> str:
    """The dataset as canonical N-Quads (RDF-CANON 4.4.3 and 5).

    `algorithm`: the hash, `sha256` or `sha384`. Raises `Malformed` when telling blank nodes apart takes more than `max_work`.
    """
    dataset = set(quads)
    names = canonical_names(dataset, algorithm=algorithm, max_work=max_work)
    if not names:
        return "".join(sorted(map(_line, dataset)))
    return "".join(
        sorted(
            _line((names.get(subject, subject), predicate, names.get(value, value), names.get(graph, graph)))
            for subject, predicate, value, graph in dataset
        )
    )
