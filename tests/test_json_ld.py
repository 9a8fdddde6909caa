"""JSON-LD without loss: whatever a signature would not cover is refused, and nothing is fetched (VC Data Integrity 2.4.3)."""

import hashlib
import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import BUNDLED_CONTEXTS, jsonld

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.data_integrity import jcs
from oid4vci.data_integrity.contexts import (
    CREDENTIALS_V1,
    CREDENTIALS_V2,
    DATA_INTEGRITY_V1,
    DATA_INTEGRITY_V2,
    FROM_PYLD,
    MULTIKEY_V1,
    SERVED,
    Contexts,
)
from oid4vci.data_integrity.json_ld import MAX_APPLIED, MAX_VALUES, expand
from oid4vci.data_integrity.rdf import MAX_QUADS, to_quads
from oid4vci.data_integrity.rdf_canonicalization import canonical_n_quads

URL = "https://example.com/v1"
TERMS: dict[str, Any] = {
    "@version": 1.1,
    "id": "@id",
    "type": "@type",
    "Thing": "https://example.com/Thing",
    "name": "https://example.com/name",
    "knows": {"@id": "https://example.com/knows", "@type": "@id"},
    "mode": {"@id": "https://example.com/mode", "@type": "@vocab"},
    "count": {"@id": "https://example.com/count", "@type": "http://www.w3.org/2001/XMLSchema#integer"},
    "ratio": {"@id": "https://example.com/ratio", "@type": "http://www.w3.org/2001/XMLSchema#double"},
    "list": {"@id": "https://example.com/list", "@container": "@list"},
    "labels": {"@id": "https://example.com/labels", "@container": "@language"},
    "indexed": {"@id": "https://example.com/indexed", "@container": "@index"},
    "raw": {"@id": "https://example.com/raw", "@type": "@json"},
    "within": {"@id": "https://example.com/within", "@container": "@graph"},
    "directed": {"@id": "https://example.com/directed", "@direction": "rtl"},
    "childOf": {"@reverse": "https://example.com/child"},
    "gone": None,
}
CONTEXTS = Contexts({URL: {"@context": TERMS}})


def canonical(members: dict[str, Any], *, context: Any = URL, contexts: Contexts = CONTEXTS) -> str:
    return canonical_n_quads(to_quads(expand({"@context": context, **members}, contexts)))


def test_what_is_said_becomes_quads() -> None:
    members = {
        "id": "urn:a",
        "type": ["Thing", "urn:t"],
        "name": {"@value": "Köln", "@language": "de"},
        "knows": [{"id": "urn:b", "name": "B"}, "urn:c"],
        "mode": "Thing",
        "count": 5,
        "ratio": 5,
        "list": ["x", {"@list": []}],
        "labels": {"en": "one", "de": ["eins"]},
        "raw": {"b": [1, True]},
        "within": {"name": "inside"},
        "childOf": {"id": "urn:parent"},
    }
    assert canonical(members).splitlines() == [
        "<urn:a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://example.com/Thing> .",
        "<urn:a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <urn:t> .",
        '<urn:a> <https://example.com/count> "5"^^<http://www.w3.org/2001/XMLSchema#integer> .',
        "<urn:a> <https://example.com/knows> <urn:b> .",
        "<urn:a> <https://example.com/knows> <urn:c> .",
        '<urn:a> <https://example.com/labels> "eins"@de .',
        '<urn:a> <https://example.com/labels> "one"@en .',
        "<urn:a> <https://example.com/list> _:c14n2 .",
        "<urn:a> <https://example.com/mode> <https://example.com/Thing> .",
        '<urn:a> <https://example.com/name> "Köln"@de .',
        '<urn:a> <https://example.com/ratio> "5.0E0"^^<http://www.w3.org/2001/XMLSchema#double> .',
        '<urn:a> <https://example.com/raw> "{\\"b\\":[1,true]}"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> .',
        "<urn:a> <https://example.com/within> _:c14n3 .",
        '<urn:b> <https://example.com/name> "B" .',
        "<urn:parent> <https://example.com/child> <urn:a> .",
        *CELLS,
    ]


CELLS = [
    "_:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> <http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> .",
    "_:c14n0 <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> <http://www.w3.org/1999/02/22-rdf-syntax-ns#nil> .",
    '_:c14n1 <https://example.com/name> "inside" _:c14n3 .',
    '_:c14n2 <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> "x" .',
    "_:c14n2 <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> _:c14n0 .",
]


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (1, '"1"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (1.0, '"1"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (-0.0, '"0"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (1e20, '"100000000000000000000"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (10**20, '"100000000000000000000"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (10**21, '"1.0E21"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (2**53, '"9007199254740992"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (1e21, '"1.0E21"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (0.1, '"1.0E-1"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (-12.345, '"-1.2345E1"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (5e-324, '"4.940656458412465E-324"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (True, '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'),
    ],
)
def test_numbers_have_one_form(number: float, written: str) -> None:
    """JSON-LD 1.1 API 8.6. A number without a fraction is an integer, however it is written."""
    assert canonical({"id": "urn:a", "name": number}) == f"<urn:a> <https://example.com/name> {written} .\n"


LOST: dict[str, dict[str, Any]] = {
    "term that no context defines": {"nme": "x"},
    "term that no context defines, within": {"knows": {"id": "urn:b", "nme": "x"}},
    "term that no context defines, in a list": {"list": [{"nme": "x"}]},
    "term that no context defines, in a graph": {"within": {"nme": "x"}},
    "term that a context takes away": {"gone": "x"},
    "name that looks like a keyword": {"@nme": "x"},
    "name that is no IRI": {"a b:c": "x"},
    "name that is a blank node": {"_:b": "x"},
    "type that no context defines": {"type": "Thng"},
    "type that no context defines, within": {"knows": {"type": ["Thing", "Thng"]}},
    "type that looks like a keyword": {"type": "@Thing"},
    "datatype that no context defines": {"name": {"@value": "x", "@type": "Thng"}},
    "relative id": {"id": "a/b"},
    "id that is empty": {"id": ""},
    "id that is a fragment": {"id": "#a"},
    "id that is an absolute path": {"id": "/a"},
    "id that has no scheme": {"id": "//example.com/a"},
    "id that looks like a keyword": {"id": "@a"},
    "id with a space": {"id": "urn:a b"},
    "id that would end an IRI": {"id": "urn:a><urn:b"},
    "id with a quotation mark": {"id": 'urn:a"b'},
    "relative reference": {"knows": "b"},
    "relative reference, within": {"knows": [{"knows": {"id": "../b"}}]},
    "word of a vocabulary that no context defines": {"mode": "Thng"},
    "language that is none": {"name": {"@value": "x", "@language": "not a language"}},
    "language that is none, in a map": {"labels": {"not a language": "x"}},
    "direction": {"name": {"@value": "x", "@direction": "ltr"}},
    "direction with a language": {"name": {"@value": "x", "@language": "en", "@direction": "ltr"}},
    "direction from the context": {"directed": "x"},
    "index": {"knows": {"id": "urn:b", "@index": "x"}},
    "index of a value": {"name": {"@value": "x", "@index": "x"}},
    "index of a list": {"knows": {"@list": ["urn:b"], "@index": "x"}},
    "map by index": {"indexed": {"a": "x"}},
    "null": {"name": None},
    "null, within": {"knows": {"id": "urn:b", "name": None}},
    "null, in an array": {"name": ["x", None]},
    "null value": {"name": {"@value": None}},
    "null in a map": {"labels": {"en": None}},
    "value without a value": {"name": {"@language": "en"}},
    "empty array": {"name": []},
    "empty set": {"name": {"@set": []}},
    "empty types": {"type": []},
    "value that belongs to nothing": {"@graph": ["x"]},
    "node that belongs to nothing": {"@graph": [{"id": "urn:b"}, {"id": "urn:a", "name": "x"}]},
    "number as a string": {"ratio": "five"},
    "number as a string, otherwise": {"ratio": "5"},
    "text in a language, without it": {
        "name": {"@value": "x", "@type": "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"}
    },
    "integer that doubles cannot hold": {"count": 2**53 + 1},
    "integer that doubles cannot hold, in JSON": {"raw": {"a": 2**53 + 1}},
    "integer beyond all doubles": {"count": 10**400},
    "integer beyond all doubles, in JSON": {"raw": [10**400]},
}


@pytest.mark.parametrize("members", LOST.values(), ids=LOST)
def test_what_would_be_lost_is_refused(members: dict[str, Any]) -> None:
    good = {"id": "urn:a", "name": "x"}
    assert canonical(good)
    with pytest.raises(Malformed):
        canonical({**good, **members})


@pytest.mark.parametrize("members", LOST.values(), ids=LOST)
def test_others_lose_it(members: dict[str, Any]) -> None:
    """Else there is nothing to refuse: without the rule, a member is away, or says another thing than in the document."""
    good = {"@context": {"@base": None, **TERMS}, "id": "urn:a", "name": "x"}
    options = {"algorithm": "URDNA2015", "format": "application/n-quads"}

    def normalized(document: dict[str, Any]) -> str | None:
        try:
            text: str = jsonld.normalize(document, options)
        except (jsonld.JsonLdError, ArithmeticError, AttributeError, TypeError, ValueError):
            return None
        return text

    found = normalized({**good, **members})
    assert found is None or len(found.splitlines()) <= 4


def test_the_error_names_the_term() -> None:
    with pytest.raises(Malformed, match=r"^nme: is a term that no context defines$"):
        canonical({"nme": "x"})
    with pytest.raises(Malformed, match=r"^Thng: is a type that no context defines"):
        canonical({"type": "Thng"})
    with pytest.raises(Malformed) as caught:
        canonical({"<script>alert(1)</script>": "x"})
    assert "script" not in str(caught.value)


def test_a_vocabulary_defines_every_term() -> None:
    """Some contexts have one for trying out; then nothing is lost."""
    assert canonical({"nme": "x"}, context=[URL, {"@vocab": "urn:v#"}]) == '_:c14n0 <urn:v#nme> "x" .\n'


@pytest.mark.parametrize("base", ["https://example.com/base/", None])
def test_a_base_of_the_document_counts_and_no_other(base: str | None) -> None:
    members, context = {"id": "a", "name": "x"}, [URL, {"@base": base}]
    if base is None:
        with pytest.raises(Malformed):
            canonical(members, context=context)
    else:
        assert canonical(members, context=context) == '<https://example.com/base/a> <https://example.com/name> "x" .\n'


# Contexts


@pytest.mark.parametrize("url", sorted(SERVED))
def test_contexts_are_served_without_asking_anybody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **more: Any) -> None:
        raise AssertionError("something wants to use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert expand({"@context": url, "@id": "urn:a", "urn:p": "x"}, Contexts()) == [{"@id": "urn:a", "urn:p": [{"@value": "x"}]}]


@pytest.mark.parametrize(
    "context",
    [
        "https://example.com/unknown",
        [URL, "https://example.com/unknown"],
        {"@import": "https://example.com/unknown"},
        {"name": {"@id": "urn:n", "@context": "https://example.com/unknown"}},
        "v1",
        "",
        "http://www.w3.org/ns/credentials/v2",
        f"{CREDENTIALS_V2}#",
    ],
)
def test_an_unknown_context_is_refused_and_not_fetched(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **more: Any) -> None:
        raise AssertionError("something wants to use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(Malformed, match="@context"):
        canonical({"id": "urn:a", "urn:p": "x", "name": "x"}, context=context)


def test_an_unknown_context_within_is_refused() -> None:
    with pytest.raises(Malformed, match="neither served nor registered"):
        canonical({"knows": {"@context": "https://example.com/unknown", "id": "urn:b"}})


def test_contexts_of_others_do_not_count() -> None:
    """PyLD keeps one cache for a process; what another part of it has fetched is not what was registered here."""
    poisoned = {"@context": {"name": "https://example.com/poisoned"}}

    def load(url: str, options: Any) -> dict[str, Any]:
        remote = {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url}
        return {**remote, "document": poisoned, "tag": "static"}

    jsonld.expand({"@context": URL, "name": "x"}, {"documentLoader": load})
    assert "poisoned" not in canonical({"name": "x"})
    assert "poisoned" not in canonical({"name": "x"}, contexts=Contexts({URL: {"@context": TERMS}}))


def test_a_served_context_cannot_be_replaced() -> None:
    for url in SERVED:
        with pytest.raises(ValueError, match="is served here"):
            Contexts({url: {"@context": {}}})


@pytest.mark.parametrize("document", [None, [], {}, "text", {"context": {}}])
def test_what_is_registered_is_a_context(document: Any) -> None:
    with pytest.raises(ValueError, match="@context"):
        Contexts({URL: document})


def test_registered_contexts_are_left_as_they_are() -> None:
    document = {"@context": {"@import": "https://example.com/other", "name": "https://example.com/name"}}
    other = {"@context": {"also": "https://example.com/also"}}
    contexts = Contexts({URL: document, "https://example.com/other": other})
    before = json.dumps([document, other])
    for _ in range(2):
        assert canonical({"name": "x", "also": "y"}, contexts=contexts).count("\n") == 2
    assert json.dumps([document, other]) == before


def test_contexts_are_those_that_were_published(vectors: Path) -> None:
    """VCDM 2.0 B.1 gives the digest of its context; what is served is the same JSON."""
    folder = vectors / "data-integrity" / "contexts"
    published = (folder / "credentials-v2.jsonld").read_bytes()
    assert hashlib.sha256(published).hexdigest() == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"
    assert json.loads(BUNDLED_CONTEXTS[CREDENTIALS_V2].read_text()) == json.loads(published)
    published = (folder / "credentials-v1.jsonld").read_bytes()
    assert json.loads(BUNDLED_CONTEXTS[CREDENTIALS_V1].read_text()) == json.loads(published)
    # The proof means the same by the context of Data Integrity as by that of VCDM 2.0.
    served = Contexts().documents[DATA_INTEGRITY_V2]["@context"]
    terms = json.loads((folder / "credentials-v2.jsonld").read_bytes())["@context"]
    assert served["DataIntegrityProof"] == terms["DataIntegrityProof"]
    assert served["proof"] == terms["VerifiableCredential"]["@context"]["proof"]


@pytest.mark.parametrize(
    ("url", "digest"),
    [
        # SHA-256 of the canonical JSON (RFC 8785) of the files that W3C serves.
        (DATA_INTEGRITY_V1, "9505bf85338a4c2121ad03992ac90061bc85d43bcfa34d9d47b779381cf08b5f"),
        (DATA_INTEGRITY_V2, "7ba3c50acf2689d5e07927267343eb353249c7c22a9f2d00307cc970e855e305"),
        (MULTIKEY_V1, "be20c3ee6af6e9c4102e66a85c26617831218e32216bdf050f870e389e737cdc"),
        ("https://www.w3.org/2018/credentials/v1", "b01e671e873981f19a9102a9a57f666dbcaeb31b99e3e124378d143e71549247"),
        ("https://www.w3.org/ns/credentials/v2", "b463c8d6a066214123ddd9827b135e1b50e1fc73322cc52a9b12a4f1fc7d86cf"),
        ("https://www.w3.org/ns/did/v1", "a7e146c40fcec005d3f0f14ae745665f446da58d7914a9d8f733746686fad82b"),
        (
            "https://w3id.org/security/suites/ed25519-2020/v1",
            "fb517f09d990829aed734c9bad8cbbb2ac3d5063b865c7e3d81f246074bf5691",
        ),
        ("https://w3id.org/security/suites/jws-2020/v1", "eed16334842a5635257913b33acd1aeee29009eb188d855f9a1d0ceee4a8ae4d"),
    ],
)
def test_contexts_do_not_change(url: str, digest: str) -> None:

    document = json.loads(BUNDLED_CONTEXTS[url].read_text()) if url in FROM_PYLD else Contexts().documents[url]
    assert hashlib.sha256(jcs.canonical(document)).hexdigest() == digest


# Bounds and faults


def test_documents_are_bounded() -> None:
    with pytest.raises(Malformed, match="too many values"):
        canonical({"name": list(range(MAX_VALUES))})
    assert MAX_QUADS >= MAX_VALUES


def test_contexts_are_applied_a_bounded_number_of_times() -> None:
    scoped = {"T": {"@id": "urn:t", "@context": {"a": "urn:a"}}, "p": "urn:p", "type": "@type"}
    with pytest.raises(Malformed, match="too many contexts"):
        canonical({"type": ["T"] * (MAX_APPLIED + 1)}, context=scoped)
    assert canonical({"p": [{"type": "T", "a": str(i)} for i in range(100)]}, context=scoped).count("\n") == 300


def test_several_threads_get_the_same() -> None:
    contexts = Contexts({URL: {"@context": TERMS}})
    members = {"id": "urn:a", "name": "x", "knows": [{"type": "Thing", "name": str(i)} for i in range(5)]}
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: canonical(members, contexts=contexts), range(64)))
    assert set(found) == {canonical(members)}


@pytest.mark.parametrize("document", [{}, {"id": "urn:a"}])
def test_a_document_without_context_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="@context: is missing"):
        expand(document, CONTEXTS)


@pytest.mark.parametrize(
    "context",
    [
        {"a": {"@id": "b:c"}, "b": {"@id": "a:c"}},
        {"@vocab": None, "@language": None},
        {"@direction": None},
        {"a": 1},
        {"a": []},
        {"@version": 1.0},
        {"@propagate": 1},
        {"a": {"@id": "urn:a", "@container": ["@list", "@set"]}},
        [[URL]],
        [1],
        True,
        {"@context": {"@context": {}}},
        {"@import": 1},
        {"a": {"@id": "urn:a", "@context": {"b": 1}}},
        {f"t{i}": f"t{i + 1}:x" for i in range(3_000)},
    ],
)
def test_contexts_that_are_wrong_are_refused(context: Any) -> None:
    with pytest.raises(Malformed):
        canonical({"a": "x", "id": "urn:a"}, context=context)


KEYS = [
    *TERMS,
    *("@id", "@type", "@value", "@language", "@list", "@set", "@graph", "@included", "@reverse", "@nest", "@index"),
    *("@context", "@none", "@json", "@base", "@vocab", "@direction", "@container", "@import", "@prefix", "@propagate", "_:b"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
def test_arbitrary_documents_raise_nothing_else(document: dict[str, Any]) -> None:
    members = _read(document)
    for given_document in ({**members, "@context": URL}, {"name": "x", "@context": [URL, members.get("@context", {})]}):
        try:
            canonical_n_quads(to_quads(expand(given_document, CONTEXTS)))
        except Malformed:
            continue


def _read(document: dict[str, Any]) -> dict[str, Any]:
    try:
        return _json.object_from(_json.dumps(document))
    except ValueError:
        return {}


# Without the controls that PyLD does not escape, or takes for the end of a line.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cn")), max_size=8)
NODES = st.recursive(
    st.fixed_dictionaries({"name": TEXTS | st.integers(-9, 9) | st.booleans()}),
    lambda inner: st.fixed_dictionaries(
        {"knows": st.lists(inner, min_size=1, max_size=3)},
        optional={
            "id": st.sampled_from(["urn:a", "urn:b"]),
            "type": st.sampled_from(["Thing", "urn:t"]),
            "list": st.lists(TEXTS | st.integers(-9, 9), max_size=3),
            "within": inner,
            "childOf": st.fixed_dictionaries({"id": st.just("urn:c")}),
        },
    ),
    max_leaves=6,
)


@given(NODES)
def test_what_is_not_lost_is_what_others_have(document: dict[str, Any]) -> None:
    """PyLD's own way to canonical N-Quads, but for quads that it has twice."""
    if "id" in document:
        # What is said of the document itself must stand at its top.
        document = {**document, "id": "urn:top"}
    options = {"algorithm": "URDNA2015", "format": "application/n-quads"}
    theirs = jsonld.normalize({"@context": TERMS, **document}, options)
    assert canonical(document).splitlines() == sorted(set(theirs.splitlines()))


def test_nothing_of_it_is_loaded_before_it_is_used() -> None:
    code = "import sys, oid4vci, oid4vci.wallet, oid4vci.issuer; print([m for m in ('pyld', 'rfc8785') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_without_the_extra_the_error_names_it() -> None:
    code = """
import sys
sys.modules["pyld"] = sys.modules["rfc8785"] = None
from oid4vci.data_integrity import CRYPTOSUITES, Contexts
for name in ("eddsa-rdfc-2022", "eddsa-jcs-2022"):
    try:
        CRYPTOSUITES[name].canonical({"@context": []}, Contexts(), crv="Ed25519")
    except ImportError as error:
        print(error)
from oid4vci.formats.ldp_vc import LdpVcVerifier
try:
    LdpVcVerifier()
except ImportError as error:
    print(error)
"""
    lines = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 3
    assert all("oid4vci[ldp]" in line for line in lines)
