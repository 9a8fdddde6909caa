"""Proofs of which nothing but possession is believed: what has no definition is left out, and what is read covered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyld import jsonld

from oid4vci._json import Malformed
from oid4vci.data_integrity import CRYPTOSUITES, Contexts, Proof, json_ld
from oid4vci.data_integrity.rdf import to_quads
from oid4vci.data_integrity.rdf_canonicalization import canonical_n_quads
from oid4vci.keys import public_key
from tests.presentations import HOLDER, JCS, V2, changed, presentation

KEY = public_key(HOLDER.public_jwk)
TERMS: dict[str, Any] = {
    "id": "@id",
    "type": "@type",
    "p": "urn:p",
    "q": "urn:q",
    "list": {"@id": "urn:l", "@container": "@list"},
}


def canonical(document: dict[str, Any], *, lossless: bool) -> str:
    expanded = json_ld.expand({"@context": TERMS, **document}, Contexts(), lossless=lossless)
    return canonical_n_quads(to_quads(expanded, lossless=lossless))


LOSSY = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["p", "q", "x", "y", "list"]), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["p", "q", "x", "y", "list"]), LOSSY, max_size=4))
def test_what_is_left_out_is_what_others_leave_out(members: dict[str, Any]) -> None:
    document = {"id": "urn:s", "type": "urn:T", **members}
    theirs = jsonld.normalize({"@context": TERMS, **document}, {"algorithm": "URDNA2015", "format": "application/n-quads"})
    assert canonical(document, lossless=False).splitlines() == sorted(set(theirs.splitlines()))


def proof_of(document: dict[str, Any]) -> Proof:
    proof = Proof.read(document["proof"])
    assert proof is not None
    return proof


@pytest.mark.parametrize("change", [{"x": 1}, {"x": None}, {"termsOfUse": []}], ids=str)
def test_what_is_ignored_for_possession_is_refused_where_a_document_is_believed(change: dict[str, Any]) -> None:
    contexts, document = Contexts(), changed(presentation("n"), **change)
    proof_of(document).verify_possession(document, KEY, contexts)
    with pytest.raises(Malformed):
        proof_of(document).verify(document, KEY, contexts)


def test_nor_is_an_option_believed_because_it_was_ignored_before() -> None:
    contexts, document = Contexts(), changed(presentation("n"), {"x": 1})
    for _ in range(2):
        proof_of(document).verify_possession(document, KEY, contexts)
        with pytest.raises(Malformed):
            proof_of(document).verify(document, KEY, contexts)


@pytest.mark.parametrize("name", [*presentation("n")["proof"], "expires", "id"])
def test_what_is_read_is_covered(name: str) -> None:
    """Under a context that has no such term the proof is refused, whatever is signed."""
    unsecured = {"@context": {"type": "@type", "DataIntegrityProof": "urn:D", "p": "urn:p"}, "p": "1"}
    document = {**unsecured, "proof": {**presentation("n")["proof"], "expires": "2030-01-01T00:00:00Z", "id": "urn:x"}}
    registered = {term: f"urn:{term}" for term in document["proof"] if term not in (name, "type", "proofValue")}
    registered["type"] = "@type"
    if name != "type":
        registered["DataIntegrityProof"] = "urn:D"
    contexts = Contexts({"https://contexts.example/v1": {"@context": registered}})
    document["@context"] = ["https://contexts.example/v1"]
    if name == "proofValue":
        return
    with pytest.raises(Malformed, match="no context defines"):
        proof_of(document).verify_possession(document, KEY, contexts)


def test_without_linked_data_everything_is_covered() -> None:
    document = presentation("n", JCS)
    proof_of(document).verify_possession(document, public_key(JCS.public_jwk), Contexts())
    for wrong in (changed(document, {"x": 1}), changed(document, x=1)):
        with pytest.raises(Malformed, match="does not verify"):
            proof_of(wrong).verify_possession(wrong, public_key(JCS.public_jwk), Contexts())


def test_a_cryptosuite_says_what_it_leaves_out() -> None:
    suite, document = CRYPTOSUITES["ecdsa-rdfc-2019"], {"@context": V2, "id": "urn:s", "type": "VerifiablePresentation"}
    lossy = {**document, "x": 1, "termsOfUse": []}
    assert suite.canonical(lossy, Contexts(), crv="P-256", lossless=False) == suite.canonical(document, Contexts(), crv="P-256")
    with pytest.raises(Malformed):
        suite.canonical(lossy, Contexts(), crv="P-256")
