"""RDFC-1.0: datasets have one canonical form whatever their blank nodes are called, and no dataset takes long."""

import time
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.data_integrity.rdf import literal
from oid4vci.data_integrity.rdf_canonicalization import Quad, canonical_n_quads

P, Q = "<urn:p>", "<urn:q>"


def edges(*pairs: tuple[int, int], predicate: str = P) -> set[Quad]:
    return {(f"_:n{a}", predicate, f"_:n{b}", "") for a, b in pairs}


def test_a_dataset_without_blank_nodes_is_sorted_by_code_points() -> None:
    quads = [
        ("<urn:b>", P, literal("\U00010000"), ""),
        ("<urn:b>", P, literal("\uffff"), ""),
        ("<urn:a>", P, "<urn:c>", "<urn:g>"),
    ]
    # In UTF-16 the first would come before the second.
    assert canonical_n_quads(quads) == (
        '<urn:a> <urn:p> <urn:c> <urn:g> .\n<urn:b> <urn:p> "\\uFFFF" .\n<urn:b> <urn:p> "\U00010000" .\n'
    )
    assert canonical_n_quads([]) == ""


def test_quads_that_are_there_twice_are_one() -> None:
    assert canonical_n_quads([("<urn:a>", P, '"1"', "")] * 2).count("\n") == 1


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('\b\t\n\f\r"\\', r"\b\t\n\f\r\"\\"),
        ("\x00\x01\x07\x0b\x0e\x1f\x7f", r"\u0000\u0001\u0007\u000B\u000E\u001F\u007F"),
        ("\ufffe\uffff", r"\uFFFE\uFFFF"),
        ("\x80\x9f ü € \U0001f600 '/<>", "\x80\x9f ü € \U0001f600 '/<>"),
    ],
)
def test_literals_are_escaped_as_the_canonical_form_says(text: str, written: str) -> None:
    """RDF-CANON A: ECHAR for seven characters, UCHAR for other controls, nothing else."""
    assert literal(text) == f'"{written}"'


def test_the_hash_decides_which_name_is_whose() -> None:
    """The blank nodes are told apart by hashes, so that another hash may well name them in another order (VC-DI-ECDSA 3.2.3)."""
    datasets = [[(f"_:{name}", P, literal(f"{name}{i}"), "") for name in "abcdefgh"] for i in range(5)]
    assert any(canonical_n_quads(each) != canonical_n_quads(each, algorithm="sha384") for each in datasets)


def relabelled(quads: set[Quad], names: dict[str, str]) -> set[Quad]:
    return {(names.get(s, s), p, names.get(o, o), names.get(g, g)) for s, p, o, g in quads}


GRAPHS = st.sets(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from([P, Q]), st.integers(0, 2)), min_size=1, max_size=8
)


@given(GRAPHS, st.permutations(range(6)))
def test_names_of_blank_nodes_make_no_difference(drawn: set[tuple[int, int, str, int]], order: list[int]) -> None:
    graphs = ("", "<urn:g>", "_:n0")
    quads = {(f"_:n{a}", predicate, f"_:n{b}", graphs[graph]) for a, b, predicate, graph in drawn}
    renamed = relabelled(quads, {f"_:n{i}": f"_:other{to}" for i, to in enumerate(order)})
    canonical = canonical_n_quads(quads)
    assert canonical_n_quads(renamed) == canonical
    # It is the same dataset under other names: canonicalised again, it is what it was.
    again: set[Quad] = set()
    for line in canonical.splitlines():
        subject, predicate, value, graph, *_ = *line.removesuffix(" .").split(" "), ""
        again.add((subject, predicate, value, graph))
    assert canonical_n_quads(again) == canonical


@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1))
def test_only_isomorphic_datasets_have_the_same_form(pairs: set[tuple[int, int]]) -> None:
    """Against the definition itself: all namings of a small graph, tried one by one."""
    forms = {tuple(sorted((order[a], order[b]) for a, b in pairs)) for order in permutations(range(4))}
    other = {(a, b) for a, b in pairs if (a, b) != min(pairs)} | {(3, 0)}
    same = tuple(sorted(other)) in forms
    assert (canonical_n_quads(edges(*pairs)) == canonical_n_quads(edges(*other))) == same


CLIQUE = edges(*((a, b) for a in range(10) for b in range(10) if a != b))
TREE = edges(*((i, (i - 1) // 3) for i in range(1, 300)))
BIPARTITE = edges(*((a, 100 + b) for a in range(40) for b in range(40)))
CHAIN = edges(*((i, i + 1) for i in range(2_000)))
TWO_RINGS = edges(*((i, (i + 1) % 60) for i in range(60)), *((100 + i, 100 + (i + 1) % 60) for i in range(60)))


@pytest.mark.parametrize(
    "poison", [CLIQUE, TREE, BIPARTITE, CHAIN, TWO_RINGS], ids=["clique", "tree", "bipartite", "chain", "rings"]
)
def test_poison_is_refused_soon(poison: set[Quad]) -> None:
    start = time.perf_counter()
    with pytest.raises(Malformed, match="look alike"):
        canonical_n_quads(poison)
    assert time.perf_counter() - start < 5


def test_many_blank_nodes_that_differ_are_no_work() -> None:
    quads = {("<urn:s>", P, f"_:{i}", "") for i in range(2_000)} | {(f"_:{i}", Q, literal(str(i)), "") for i in range(2_000)}
    assert canonical_n_quads(quads, max_work=0).count("\n") == 4_000


def test_a_list_of_alike_values_has_a_form() -> None:
    rest = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#rest>"
    cells = [(f"_:{i}", rest, f"_:{i + 1}" if i < 40 else "<urn:nil>", "") for i in range(41)]
    assert canonical_n_quads(cells) == canonical_n_quads(reversed(cells))
