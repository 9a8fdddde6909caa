"""JSON-LD: what a signature does not cover, what can be said in two ways, and what one document does to the next, all refused.

A signature covers quads. Whoever reads a document by its names must see all that they say, and nothing that they do not.
"""

import copy
import time
from typing import Any

import pytest

from oid4vci._json import Malformed
from oid4vci.data_integrity import Contexts
from oid4vci.data_integrity.contexts import CREDENTIALS_V1, CREDENTIALS_V2, NAMES
from oid4vci.data_integrity.json_ld import expand
from oid4vci.data_integrity.rdf import to_quads
from oid4vci.data_integrity.rdf_canonicalization import canonical_n_quads
from oid4vci.errors import InvalidCredential
from oid4vci.formats.ldp_vc import LdpVcVerifier
from oid4vci.metadata import CredentialConfiguration, CredentialDefinition, LdpVcConfiguration
from tests.linked_credentials import CONTEXTS, DEGREE, GOOD, TYPES, UNSECURED, V1, V2, check, configuration, issue, signed

TERMS: dict[str, Any] = {
    "@version": 1.1,
    "id": "@id",
    "type": "@type",
    "T": "urn:T",
    "p": "urn:p",
    "x": "urn:x",
    "ref": {"@id": "urn:ref", "@type": "@id"},
    "graph": {"@id": "urn:graph", "@container": "@graph"},
    "refs": {"@id": "urn:graph", "@container": "@graph", "@type": "@id"},
    "by_id": {"@id": "urn:by_id", "@container": "@id"},
    "by_type": {"@id": "urn:by_type", "@container": "@type"},
    "by_language": {"@id": "urn:by_language", "@container": "@language"},
    "list": {"@id": "urn:list", "@container": "@list"},
    "reverse": {"@reverse": "urn:reverse"},
    "details": "@nest",
    "included": "@included",
    "whole": "@graph",
    "all": "@set",
    "same": "@id",
    "kind": "@type",
    "text": "@value",
}


def canonical(context: Any, members: dict[str, Any], contexts: Contexts | None = None) -> str:
    return canonical_n_quads(to_quads(expand({"@context": context, **members}, contexts or Contexts())))


GOOD_ONE: dict[str, Any] = {"id": "urn:s", "p": "1"}
HIDDEN: dict[str, dict[str, Any]] = {
    "only an id, in a graph": {"graph": {"id": "urn:a"}},
    "a reference, in a graph": {"refs": "urn:a"},
    "a value, in a graph": {"graph": "a"},
    "nothing, in a graph": {"graph": {}},
    "a list, in a graph": {"graph": {"@list": ["a"]}},
    "no values of a reversed property": {"reverse": []},
    "no reversed properties": {"@reverse": {}},
    "no values of a reversed property, under its keyword": {"@reverse": {"urn:q": []}},
    "the key of something that has an id": {"by_id": {"a": {"id": "urn:b"}}},
    "a language without texts": {"by_language": {"en": "x", "fr": []}},
    "a type without values": {"by_type": {"T": {"p": "1"}, "other": []}},
    "an empty array in an array": {"x": ["a", []]},
    "nothing nested": {"details": {}},
    "no nested objects": {"details": []},
}


@pytest.mark.parametrize("members", HIDDEN.values(), ids=HIDDEN)
def test_what_a_signature_would_not_cover(members: dict[str, Any]) -> None:
    assert canonical(TERMS, GOOD_ONE)
    with pytest.raises(Malformed):
        canonical(TERMS, {**GOOD_ONE, **members})


def test_what_a_signature_covers_is_not_refused() -> None:
    members = {"list": [], "graph": [{"p": "1"}], "by_type": {"T": {"p": "1"}}, "by_language": {"en": ["x"]}, "x": [["a"]]}
    assert canonical(TERMS, {**GOOD_ONE, **members}).count("\n") == 9
    assert canonical(TERMS, {**GOOD_ONE, "ref": {"id": "urn:s"}, "reverse": {"id": "urn:r"}}).count("\n") == 3


ELSEWHERE: dict[str, dict[str, Any]] = {
    "nested": {"id": "urn:s", "details": {"p": "1"}},
    "included": {"id": "urn:s", "x": "2", "included": [{"id": "urn:s", "p": "1"}]},
    "in the whole": {"whole": [{"id": "urn:s", "p": "1"}]},
    "in a set": {"id": "urn:s", "p": {"all": ["1"]}},
    "under another name for id": {"same": "urn:s", "p": "1"},
    "under another name for type": {"id": "urn:s", "p": "1", "kind": "T"},
    "as a value under another name": {"id": "urn:s", "p": {"text": "1"}},
    "where it refers to itself": {"id": "urn:s", "ref": {"id": "urn:s", "p": "1"}},
    "where it refers to itself, deeper": {"id": "urn:s", "ref": {"ref": [{"id": "urn:s", "p": "1"}]}},
    "in a list": {"id": "urn:s", "list": [{"id": "urn:s", "p": "1"}]},
    "reversed": {"id": "urn:s", "ref": {"id": "urn:o", "reverse": {"id": "urn:s"}}},
}


@pytest.mark.parametrize("members", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_is_said_of_a_document_stands_at_its_top(members: dict[str, Any]) -> None:
    """The quads would be the same, and so would the signature, and whoever reads by names would not see it."""
    with pytest.raises(Malformed):
        canonical(TERMS, members)


@pytest.mark.parametrize("iri", NAMES)
def test_what_decides_has_no_other_name(iri: str) -> None:
    context = [CREDENTIALS_V2, {"other": {"@id": iri, "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}}]
    with pytest.raises(Malformed, match="other: is another name for"):
        canonical(context, {"id": "urn:a", "other": "2025-01-01T00:00:00Z"})


# What one document does to the next

GOOD_TWO: dict[str, Any] = {"id": "urn:a", "type": "VerifiableCredential", "issuer": "urn:i"}


@pytest.mark.parametrize("first", [[], [{"y": "urn:y"}]])
@pytest.mark.parametrize("url", [CREDENTIALS_V1, CREDENTIALS_V2])
def test_an_import_changes_nothing_in_what_is_imported(url: str, first: list[Any]) -> None:
    contexts, expected = Contexts(), canonical([*first, url], GOOD_TWO)
    importing = {"@version": 1.1, "@import": url, "z": "urn:z", "VerifiableCredential": "urn:forged", "type": "@type"}
    for _ in range(2):
        assert "urn:z" in canonical([*first, importing], {"id": "urn:a", "z": "1"}, contexts)
        assert canonical([*first, url], GOOD_TWO, contexts) == expected
        with pytest.raises(Malformed, match="z: is a term that no context defines"):
            canonical([*first, url], {"id": "urn:a", "z": "1"}, contexts)


@pytest.mark.parametrize("imported", [[{"a": "urn:a"}], {"@import": CREDENTIALS_V2}, None])
def test_only_one_context_can_be_imported(imported: Any) -> None:
    contexts = Contexts({"https://example.com/imported": {"@context": imported}})
    with pytest.raises(Malformed, match="@context: imports what cannot be imported"):
        canonical({"@import": "https://example.com/imported", "p": "urn:p"}, {"p": "x"}, contexts)


def test_what_a_term_may_redefine_others_may_not() -> None:
    """A context of a term may redefine protected terms. The same one in a document must not, even if it has been applied before."""
    fake = {"name": "urn:fake"}
    protected = {"@protected": True, "id": "@id", "name": "urn:real", "foo": {"@id": "urn:foo", "@context": fake}}
    contexts = Contexts()
    assert "urn:fake" in canonical([protected], {"id": "urn:a", "foo": {"name": "x"}}, contexts)
    with pytest.raises(Malformed, match="protected term redefinition"):
        canonical([protected, fake], {"id": "urn:a", "name": "x"}, contexts)


MANY = {f"t{i}": f"urn:t{i}" for i in range(2_000)}


@pytest.mark.parametrize(
    ("terms", "member"),
    [
        # The context of a type is applied anew for each object of that type,
        ({"T": {"@id": "urn:T", "@context": MANY}}, {"type": "T"}),
        # that of a term is looked up anew.
        ({"x": {"@id": "urn:x", "@context": MANY}}, {"x": "1"}),
        ({"x": {"@id": "urn:x", "@context": {"y": {"@id": "urn:y", "@context": MANY}}}}, {"x": "1"}),
    ],
)
def test_contexts_define_a_bounded_number_of_terms(terms: dict[str, Any], member: dict[str, Any]) -> None:
    start = time.perf_counter()
    with pytest.raises(Malformed, match="define too many terms"):
        canonical({"type": "@type", "p": "urn:p", **terms}, {"p": [member] * 1_000})
    assert time.perf_counter() - start < 10


# In credentials


def test_an_expired_credential_does_not_become_a_valid_one() -> None:
    subject = {**UNSECURED["credentialSubject"], "degree": {"title": "x", "granted_by": {"id": "urn:uuid:1"}}}
    expired = signed(
        id="urn:uuid:1", credentialSubject=subject, validFrom="2027-01-01T00:00:00Z", validUntil="2027-01-10T00:00:00Z"
    )
    check(expired, now=1_799_500_000)
    moved = copy.deepcopy(expired)
    moved["credentialSubject"]["degree"]["granted_by"] |= {
        "type": "VerifiableCredential",
        "validUntil": moved.pop("validUntil"),
    }
    with pytest.raises(InvalidCredential, match="elsewhere than at its top"):
        check(moved)


def test_a_proof_within_is_covered_or_refused() -> None:
    """`proof` is a graph of its own, in which a mere identifier says nothing."""
    wanted = configuration(V1)
    (credential,) = issue(configuration=wanted)
    within = copy.deepcopy(credential)
    within["credentialSubject"]["degree"]["proof"] = "urn:a"
    with pytest.raises(InvalidCredential, match="belongs to nothing"):
        check(within, configuration=wanted)


def test_a_context_counts_once() -> None:
    """The last one counts, where two define the same: with the first one again, what is signed would change its names."""
    contexts = [V2, DEGREE, {"a": "urn:1", "b": "urn:2"}, {"a": "urn:2", "b": "urn:1"}]
    wanted = LdpVcConfiguration(credential_definition=CredentialDefinition(context=tuple(contexts), type=TYPES))
    credential = signed({**UNSECURED, "@context": contexts, "a": "one", "b": "two"})
    within = {f"https://example.com/{i}": {"@context": context} for i, context in enumerate(contexts[2:])}
    verifier = LdpVcVerifier(contexts=Contexts({**CONTEXTS.documents, **within}))
    check(credential, verifier, configuration=wanted)
    with pytest.raises(InvalidCredential, match=r"@context\[4\]: is there twice"):
        check({**credential, "@context": [*contexts, contexts[2]], "a": "two", "b": "one"}, verifier, configuration=wanted)


def test_a_profile_has_the_type_that_was_asked_for() -> None:
    """A configuration of a format of one's own need not be of a class of its own."""
    verifier = LdpVcVerifier(contexts=CONTEXTS, format="x_vc")

    def wanted(*types: str, identifier: str = "x_vc") -> CredentialConfiguration:
        definition = {"@context": [V2, DEGREE], "type": types}
        return CredentialConfiguration.from_json({"format": identifier, "credential_definition": definition})

    assert check(GOOD, verifier, configuration=wanted(*TYPES)).format == "x_vc"
    with pytest.raises(InvalidCredential, match="type: is not the type that was asked for"):
        check(GOOD, verifier, configuration=wanted("VerifiableCredential", "BachelorDegree"))
    with pytest.raises(InvalidCredential, match="format"):
        check(GOOD, verifier, configuration=wanted(*TYPES, identifier="y_vc"))
