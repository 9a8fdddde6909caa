"""Data Integrity proofs: published ones to the byte, what is wrong with others, and what issuers publish of their keys."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _base58
from oid4vci._json import Malformed, dump_bytes
from oid4vci.data_integrity import (
    CRYPTOSUITES,
    Contexts,
    Proof,
    controlled_identifier_document,
    jcs,
    proof_options,
    read_document,
    read_proofs,
    secured,
)
from oid4vci.data_integrity.compact import check_compact
from oid4vci.data_integrity.controlled_identifier import published_key
from oid4vci.data_integrity.proof import MAX_PROOFS
from oid4vci.dids import DID_METHODS, read_multikey
from oid4vci.keys import LocalSigner, PublicKey, public_key

EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
SUITES = list(CRYPTOSUITES)
NOW = 1_800_000_000
CREATED = "2027-01-01T00:00:00Z"
SIGNERS = {
    "eddsa-rdfc-2022": LocalSigner.generate("ed", "EdDSA"),
    "eddsa-jcs-2022": LocalSigner.generate("ed", "Ed25519"),
    "ecdsa-rdfc-2019": LocalSigner.generate("p256"),
    "ecdsa-jcs-2019": LocalSigner.generate("p384", "ES384"),
}
CONTEXTS = Contexts()


# Published ones


@frozen
class Vector:
    """A published document with all that lies between it and its signature."""

    members: Mapping[str, Any]
    contexts: Contexts

    @property
    def key(self) -> PublicKey:
        return read_multikey(self.members["key_pair"]["publicKeyMultibase"])

    @property
    def options(self) -> dict[str, Any]:
        """The proof as it stands in the document, but for its value."""
        return {name: member for name, member in self.members["signed"]["proof"].items() if name != "proofValue"}

    @property
    def signer(self) -> LocalSigner:
        """The published private key: two bytes of multicodec, then the secret."""
        pair = self.members["key_pair"]
        secret = _base58.decode((pair.get("privateKeyMultibase") or pair["secretKeyMultibase"])[1:])[2:]
        if self.key.crv == "Ed25519":
            return LocalSigner("key", "EdDSA", ed25519.Ed25519PrivateKey.from_private_bytes(secret))
        curve, algorithm = {"P-256": (ec.SECP256R1(), "ES256"), "P-384": (ec.SECP384R1(), "ES384")}[self.key.crv]
        return LocalSigner("key", algorithm, ec.derive_private_key(int.from_bytes(secret, "big"), curve))


@pytest.fixture(scope="module")
def published(vectors: Path) -> list[Vector]:
    folder = vectors / "data-integrity"
    contexts = Contexts({EXAMPLES: json.loads((folder / "contexts" / "credentials-examples-v2.jsonld").read_bytes())})
    return [Vector(each, contexts) for each in json.loads((folder / "vectors.json").read_bytes())["vectors"]]


def test_the_published_steps_are_reproduced(published: list[Vector]) -> None:
    assert {vector.members["cryptosuite"] for vector in published} == set(SUITES)
    for vector in published:
        published_steps, suite, crv = vector.members, CRYPTOSUITES[vector.members["cryptosuite"]], vector.key.crv
        canonical = suite.canonical(published_steps["unsigned"], vector.contexts, crv=crv)
        assert canonical.decode() == published_steps["canonical_document"]
        assert suite.hashed(canonical, crv=crv).hex() == published_steps["document_hash"]
        configuration = suite.canonical(published_steps["proof_config"], vector.contexts, crv=crv)
        assert configuration.decode() == published_steps["canonical_proof_config"]
        head = suite.hash_options(published_steps["unsigned"], vector.options, vector.contexts, crv=crv)
        assert head.hex() == published_steps["proof_config_hash"]
        data = suite.hash_data(published_steps["unsigned"], vector.options, vector.contexts, crv=crv)
        assert data.hex() == published_steps["combined_hash"]
        signature = bytes.fromhex(published_steps["signature_hex"])
        assert secured(published_steps["unsigned"], vector.options, signature) == published_steps["signed"]
        assert published_steps["signed"]["proof"]["proofValue"] == published_steps["signature_base58btc"]


def test_the_published_documents_verify(published: list[Vector]) -> None:
    for vector in published:
        (proof,) = read_proofs(vector.members["signed"])
        proof.check(purpose="assertionMethod", now=NOW)
        proof.verify(vector.members["signed"], vector.key, vector.contexts)
        assert proof.signature.hex() == vector.members["signature_hex"]


def test_published_signatures_that_are_deterministic_are_reproduced(published: list[Vector]) -> None:
    for vector in published:
        suite, signer = CRYPTOSUITES[vector.members["cryptosuite"]], vector.signer
        assert public_key(signer.public_jwk) == vector.key
        data = suite.hash_data(vector.members["unsigned"], vector.options, vector.contexts, crv=vector.key.crv)
        document = secured(vector.members["unsigned"], vector.options, signer.sign(data))
        if suite.name.startswith("eddsa"):
            assert document == vector.members["signed"]
        (proof,) = read_proofs(document)
        proof.verify(document, vector.key, vector.contexts)


def test_published_documents_that_are_changed_do_not_verify(published: list[Vector]) -> None:
    for vector in published:
        signed = vector.members["signed"]
        changes: list[dict[str, Any]] = [
            {"name": "Another Credential"},
            {"issuer": "https://vc.example/issuers/5679"},
            {"type": ["VerifiableCredential"]},
            {"credentialSubject": {**signed["credentialSubject"], "alumniOf": "Another School"}},
            {"validUntil": "2099-01-01T00:00:00Z"},
            {"proof": {**signed["proof"], "created": "2023-02-24T23:36:39Z"}},
            {"proof": {**signed["proof"], "proofPurpose": "authentication"}},
            {"proof": {**signed["proof"], "expires": "2099-01-01T00:00:00Z"}},
        ]
        for change in changes:
            changed = {**signed, **change}
            (proof,) = read_proofs(changed)
            with pytest.raises(Malformed, match="does not verify"):
                proof.verify(changed, vector.key, vector.contexts)


def test_jcs_vectors(vectors: Path) -> None:
    """RFC 8785, the numbers of its appendix B among them."""
    numbers = 0
    for vector in json.loads((vectors / "jcs" / "vectors.json").read_bytes())["vectors"]:
        if vector["type"] == "jcs":
            assert jcs.canonical(json.loads(vector["input_utf8"])).hex() == vector["output_hex"]
        for number in vector.get("numbers", []):
            (value,) = struct.unpack(">d", bytes.fromhex(number["ieee754_hex"]))
            numbers += 1
            if number["json"] is None or value != value or value in (float("inf"), float("-inf")):
                with pytest.raises(Malformed):
                    jcs.canonical(value)
            else:
                assert jcs.canonical(value).decode() == number["json"]
    assert numbers >= 26


def test_jcs_sorts_by_utf_16() -> None:
    assert jcs.canonical({"\uffff": 1, "\U00010000": 2}).decode() == '{"\U00010000":2,"\uffff":1}'
    assert jcs.canonical([10**20, {"a": 2**53}, 10**21]) == b'[100000000000000000000,{"a":9007199254740992},1e+21]'
    values: list[Any] = [2**53 + 1, 10**400, {1: 2}, "\ud800", {"\ud800": 1}, object(), float("nan")]
    for value in values:
        with pytest.raises(Malformed):
            jcs.canonical(value)


# Our own


def document(suite: str = "eddsa-rdfc-2022", **members: Any) -> dict[str, Any]:
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "name": "x",
        "issuer": "did:example:issuer",
        "credentialSubject": {"id": "did:example:subject", "name": "y"},
        **members,
    }


def signed(
    suite: str = "eddsa-rdfc-2022",
    unsecured: Mapping[str, Any] | None = None,
    *,
    signer: LocalSigner | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A document with a proof, some of whose options are others, and signed so."""
    unsecured = document() if unsecured is None else unsecured
    signer = signer or SIGNERS[suite]
    did = DID_METHODS["key"].did(public_key(signer.public_jwk))
    every = proof_options(
        CRYPTOSUITES[suite],
        verification_method=DID_METHODS["key"].verification_method(did),
        purpose="assertionMethod",
        created=CREATED,
        context=unsecured.get("@context"),
    )
    every = {name: value for name, value in {**every, **options}.items() if value is not ...}
    data = CRYPTOSUITES[suite].hash_data(unsecured, every, CONTEXTS, crv=signer.public_jwk["crv"])
    return secured({name: value for name, value in unsecured.items() if name != "proof"}, every, signer.sign(data))


def verify(whole: Mapping[str, Any], *, signer: LocalSigner | None = None, **checks: Any) -> Proof:
    (proof,) = read_proofs(whole)
    key = public_key((signer or SIGNERS[proof.cryptosuite.name]).public_jwk)
    proof.check(**{"purpose": "assertionMethod", "now": NOW, **checks})
    proof.verify(whole, key, CONTEXTS)
    return proof


@pytest.mark.parametrize("suite", SUITES)
def test_round_trip(suite: str) -> None:
    proof = verify(signed(suite))
    assert (proof.cryptosuite.name, proof.created) == (suite, 1_798_761_600)
    assert proof.controller == DID_METHODS["key"].did(public_key(SIGNERS[suite].public_jwk))
    assert proof.verification_method.startswith(f"{proof.controller}#")


@pytest.mark.parametrize("suite", SUITES)
def test_a_proof_by_another_key_does_not_verify(suite: str) -> None:
    other = LocalSigner.generate("other", SIGNERS[suite].algorithm)
    with pytest.raises(Malformed, match=r"proof.proofValue: does not verify"):
        verify(signed(suite, signer=other))
    with pytest.raises(Malformed, match=r"proof.proofValue: does not verify"):
        verify(signed(suite), signer=other)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA"])
def test_a_suite_goes_with_its_kinds_of_keys(suite: str, algorithm: str) -> None:
    signer = LocalSigner.generate("key", algorithm)
    if signer.public_jwk["crv"] in CRYPTOSUITES[suite].curves:
        verify(signed(suite, signer=signer), signer=signer)
        return
    with pytest.raises(Malformed, match=r"proof.cryptosuite: does not go with the key"):
        verify(signed(suite), signer=signer)


@pytest.mark.parametrize("suite", SUITES)
def test_a_key_that_is_for_something_else_makes_no_proofs(suite: str) -> None:
    algorithm = "EdDSA" if suite.startswith("eddsa") else "ES256"
    signer = LocalSigner.generate("key", algorithm)
    data, right = b"x", CRYPTOSUITES[suite]
    right.verify(public_key({**signer.public_jwk, "alg": algorithm}), data, signer.sign(data))
    for alg in ("ECDH-ES", "ES384", "none"):
        with pytest.raises(Malformed, match="alg of the key"):
            right.verify(public_key({**signer.public_jwk, "alg": alg}), data, signer.sign(data))


def test_a_signature_of_a_suite_is_none_of_another() -> None:
    for made, said in (("eddsa-rdfc-2022", "eddsa-jcs-2022"), ("ecdsa-rdfc-2019", "ecdsa-jcs-2019")):
        whole = signed(made)
        whole["proof"]["cryptosuite"] = said
        with pytest.raises(Malformed, match="does not verify"):
            verify(whole, signer=SIGNERS[made])


NO_TEXTS: list[Any] = [None, 1, "", [], ["x"], {}, True]
NOT_SEVERAL: list[Any] = [None, 1, "", [], [""], [1], {}, ["x"] * 9]
NO_TIMES: list[Any] = [None, 1, "", "2027-01-01", "2027-13-01T00:00:00Z"]
MISSING = ["type", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue"]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("name", MISSING)
def test_what_a_proof_must_have(suite: str, name: str) -> None:
    whole = signed(suite)
    del whole["proof"][name]
    if name == "type":
        assert read_proofs(whole) == ()
        return
    with pytest.raises(Malformed, match=rf"proof.{name}: is missing"):
        read_proofs(whole)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in MISSING[1:] for value in NO_TEXTS),
        *((name, value) for name in ("id", "challenge") for value in NO_TEXTS),
        *((name, value) for name in ("domain", "previousProof") for value in NOT_SEVERAL),
        *((name, value) for name in ("created", "expires") for value in NO_TIMES),
        *(("proofValue", value) for value in ("z0", "zO", "zI", "zl", "z é", "u" + "A" * 86, "m" + "A" * 86, "A" * 87)),
        ("proofValue", "z" + "1" * 200),
        ("verificationMethod", "x" * 5_000),
    ],
)
def test_members_of_the_wrong_kind(name: str, value: Any) -> None:
    whole = signed()
    whole["proof"][name] = value
    with pytest.raises(Malformed, match=rf"proof.{name}"):
        read_proofs(whole)


@pytest.mark.parametrize("value", [None, 1, "x", [], [1], [[]], [{}] * (MAX_PROOFS + 1)])
def test_what_is_no_proof(value: Any) -> None:
    with pytest.raises(Malformed, match="proof"):
        read_proofs({**document(), "proof": value})
    with pytest.raises(Malformed, match="proof: is missing"):
        read_proofs(document())


@pytest.mark.parametrize("proof", [{"type": "Ed25519Signature2020"}, {}, {"type": ["DataIntegrityProof"]}])
def test_proofs_of_unknown_types_and_suites_are_passed_over(proof: dict[str, Any]) -> None:
    assert read_proofs({"proof": proof}) == ()
    assert read_proofs({"proof": [proof, {**signed()["proof"], "cryptosuite": "bbs-2023"}]}) == ()


def test_signatures_of_another_size_do_not_verify() -> None:
    whole = signed()
    value = _base58.decode(whole["proof"]["proofValue"][1:])
    for other in (value[:-1], value + b"\0", b"", b"\0" + value):
        whole["proof"]["proofValue"] = f"z{_base58.encode(other)}"
        with pytest.raises(Malformed, match=r"proof.proofValue: does not verify"):
            verify(whole)


def test_signatures_that_begin_with_zeros_are_written_as_they_are() -> None:
    for value in (b"\0" * 64, b"\0\0" + b"\1" * 62):
        whole = secured(document(), signed()["proof"], value)
        (proof,) = read_proofs(whole)
        assert proof.signature == value


# Purpose, time, domain, challenge


def test_the_purpose_is_the_expected_one() -> None:
    verify(signed(proofPurpose="authentication"), purpose="authentication")
    with pytest.raises(Malformed, match=r"proof.proofPurpose: must be assertionMethod"):
        verify(signed(proofPurpose="authentication"))


@pytest.mark.parametrize("suite", SUITES)
def test_a_proof_holds_between_its_times(suite: str) -> None:
    whole = signed(suite, expires="2027-02-01T01:00:00+01:00")
    created, expires = 1_798_761_600, 1_801_440_000
    verify(whole, now=created)
    verify(whole, now=expires - 1)
    verify(whole, now=expires + 59, leeway=60)
    verify(whole, now=created - 60, leeway=60)
    with pytest.raises(Malformed, match=r"proof.created: lies in the future"):
        verify(whole, now=created - 61, leeway=60)
    with pytest.raises(Malformed, match=r"proof.expires: lies in the past"):
        verify(whole, now=expires + 60, leeway=60)
    verify(signed(suite, created=...), now=0)


@pytest.mark.parametrize("suite", SUITES)
def test_domain_and_challenge_are_compared_if_asked_for(suite: str) -> None:
    whole = signed(suite, domain=["https://a.example", "https://b.example"], challenge="1235abcd6789")
    verify(whole)
    verify(whole, domain=["https://b.example", "https://a.example"], challenge="1235abcd6789")
    for domain in ([], ["https://a.example"], ["https://a.example", "https://b.example", "https://c.example"]):
        with pytest.raises(Malformed, match=r"proof.domain"):
            verify(whole, domain=domain)
    with pytest.raises(Malformed, match=r"proof.challenge"):
        verify(whole, challenge="1235abcd6780")
    with pytest.raises(Malformed, match=r"proof.challenge"):
        verify(signed(suite), challenge="1235abcd6789")
    with pytest.raises(Malformed, match=r"proof.domain"):
        verify(signed(suite), domain=["https://a.example"])
    verify(signed(suite, domain="https://a.example"), domain=["https://a.example"])
    moved = {**whole, "proof": {**whole["proof"], "challenge": "another"}}
    with pytest.raises(Malformed, match="does not verify"):
        verify(moved, challenge="another")


def test_options_are_written_as_they_are_read() -> None:
    every = proof_options(
        CRYPTOSUITES["eddsa-jcs-2022"],
        verification_method="did:example:a#b",
        purpose="authentication",
        created=CREATED,
        context=["https://www.w3.org/ns/credentials/v2"],
        domain=["https://a.example"],
        challenge="c",
    )
    assert every == {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": CREATED,
        "verificationMethod": "did:example:a#b",
        "proofPurpose": "authentication",
        "domain": ["https://a.example"],
        "challenge": "c",
        "@context": ["https://www.w3.org/ns/credentials/v2"],
    }


# Contexts


def test_the_context_of_a_jcs_proof_is_the_beginning_of_the_documents() -> None:
    """VC-DI-EDDSA 3.3.2: others may have added contexts behind, and the proof covers the first ones."""
    base, more = "https://www.w3.org/ns/credentials/v2", "https://example.com/more"
    whole = signed("eddsa-jcs-2022")
    assert whole["proof"]["@context"] == [base]
    verify({**whole, "@context": [base, more]})
    verify(signed("eddsa-jcs-2022", {**document(), "@context": base}))
    others: list[Any] = [[more, base], [more], [], more, None, [[base]]]
    for context in others:
        with pytest.raises(Malformed, match=r"proof.@context: is not the beginning"):
            verify({**whole, "@context": context})
    # Without a context of its own, the proof covers the whole.
    options: dict[str, Any] = {"@context": ...}
    bare = signed("eddsa-jcs-2022", **options)
    verify(bare)
    with pytest.raises(Malformed, match="does not verify"):
        verify({**bare, "@context": [base, more]})


def test_the_context_of_a_proof_over_linked_data_is_the_documents() -> None:
    whole = signed()
    verify({**whole, "proof": {**whole["proof"], "@context": whole["@context"]}})
    contexts: list[Any] = [[], ["https://w3id.org/security/data-integrity/v2"], None, {}]
    for context in contexts:
        with pytest.raises(Malformed, match=r"proof.@context: is not that of the document"):
            verify({**whole, "proof": {**whole["proof"], "@context": context}})


@pytest.mark.parametrize("suite", ["eddsa-rdfc-2022", "ecdsa-rdfc-2019"])
def test_what_no_context_defines_is_refused_in_document_and_proof(suite: str) -> None:
    whole = signed(suite)
    with pytest.raises(Malformed, match="nme: is a term that no context defines"):
        verify({**whole, "nme": "x"})
    with pytest.raises(Malformed, match="nme: is a term that no context defines"):
        verify({**whole, "proof": {**whole["proof"], "nme": "x"}})
    with pytest.raises(Malformed, match="@context: is missing"):
        verify({name: value for name, value in whole.items() if name != "@context"})


@pytest.mark.parametrize("suite", ["eddsa-jcs-2022", "ecdsa-jcs-2019"])
def test_all_of_a_document_is_signed_as_json(suite: str) -> None:
    verify(signed(suite, {"a": None, "b": [], "c": {"": 1.5}}))
    whole = signed(suite)
    changes: list[dict[str, Any]] = [{"nme": "x"}, {"more": None}, {"more": []}]
    for change in changes:
        with pytest.raises(Malformed, match="does not verify"):
            verify({**whole, **change})
        with pytest.raises(Malformed, match="does not verify"):
            verify({**whole, "proof": {**whole["proof"], **change}})


def test_a_proof_under_its_whole_names_says_nothing_else() -> None:
    """`expires` by its IRI is signed just the same; who reads `expires` would not see it."""
    whole = signed(expires="2027-01-10T00:00:00Z")
    proof = dict(whole["proof"])
    proof["https://w3id.org/security#expiration"] = {
        "@value": proof.pop("expires"),
        "@type": "http://www.w3.org/2001/XMLSchema#dateTime",
    }
    with pytest.raises(Malformed, match="named by no term"):
        verify({**whole, "proof": proof})


@pytest.mark.parametrize(
    "members",
    [
        {"https://schema.org/name": "x"},
        {"schema:name": "x"},
        {"@id": "urn:a"},
        {"@type": "Thing"},
        {"a": {"@context": {}}},
        {"a": [{"b": [[{"@id": "urn:a"}]]}]},
        {"@graph": []},
        {"@value": "x", "b": "y"},
        {"a": {"@value": {"b:c": 1}}},
    ],
)
def test_what_is_not_compact(members: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="named by no term"):
        check_compact({"@context": {"a:b": 1}, **members})


def test_what_is_compact() -> None:
    check_compact({"@context": {"a:b": 1}, "a": [{"@value": "x", "@language": "en"}, {"@value": "x", "@type": "urn:t"}, 1]})


# Sets and chains (VC Data Integrity 2.1.1, 2.1.2, 4.5)


def chained() -> dict[str, Any]:
    first = signed("ecdsa-rdfc-2019", id="urn:uuid:1")
    second = signed("eddsa-rdfc-2022", {**document(), "proof": [first["proof"]]}, id="urn:uuid:2", previousProof="urn:uuid:1")
    return {**document(), "proof": [first["proof"], second["proof"]]}


def verify_all(whole: Mapping[str, Any]) -> None:
    for proof in read_proofs(whole):
        proof.verify(whole, public_key(SIGNERS[proof.cryptosuite.name].public_jwk), CONTEXTS)


def test_the_proofs_of_a_set_are_apart() -> None:
    proofs = [signed(suite)["proof"] for suite in SUITES]
    whole = {**document(), "proof": proofs}
    verify_all(whole)
    verify_all({**whole, "proof": proofs[::-1]})
    with pytest.raises(Malformed, match="does not verify"):
        verify_all({**whole, "proof": [*proofs, {**proofs[0], "created": "2027-01-02T00:00:00Z"}]})


def test_a_chain_covers_the_proofs_before() -> None:
    whole = chained()
    verify_all(whole)
    first, second = whole["proof"]
    for proofs in ([second], [second, signed("ecdsa-jcs-2019", id="urn:uuid:3")["proof"]]):
        with pytest.raises(Malformed, match=r"proof.previousProof: names a proof that is not there"):
            verify_all({**whole, "proof": proofs})
    other = signed("ecdsa-rdfc-2019", id="urn:uuid:1")["proof"]
    assert other["proofValue"] != first["proofValue"]
    with pytest.raises(Malformed, match="does not verify"):
        verify_all({**whole, "proof": [other, second]})
    with pytest.raises(Malformed, match="two proofs with the same id"):
        read_proofs({**whole, "proof": [first, other]})
    verify_all({**whole, "proof": [first]})


def test_what_is_kept_of_options_is_bounded_and_right() -> None:
    contexts, suite = Contexts(), CRYPTOSUITES["eddsa-rdfc-2022"]
    options = {name: value for name, value in signed()["proof"].items() if name != "proofValue"}
    one = suite.hash_options(document(), options, contexts, crv="Ed25519")
    assert suite.hash_options(document(), options, contexts, crv="Ed25519") == one
    assert suite.hash_options(document(), {**options, "nonce": "a"}, contexts, crv="Ed25519") != one
    assert len(contexts.hashes) == 2
    jcs_suite = CRYPTOSUITES["ecdsa-jcs-2019"]
    for i in range(1_200):
        jcs_suite.hash_options({}, {"nonce": str(i)}, contexts, crv="P-256")
    assert len(contexts.hashes) <= 500
    other = jcs_suite.hash_options({}, {"nonce": "1"}, contexts, crv="P-384")
    assert (len(other), len(jcs_suite.hash_options({}, {"nonce": "1"}, contexts, crv="P-256"))) == (48, 32)


# Reading


def test_documents_are_bounded_json() -> None:
    assert read_document({"a": [1, "x"]}) == {"a": [1, "x"]}
    deep: Any = {}
    for _ in range(40):
        deep = {"a": deep}
    values: list[Any] = [
        deep,
        {"a": "x" * (1 << 20)},
        {"a": object()},
        {"a": float("nan")},
        [],
        "x",
        None,
        {"a": "\ud800"},
        {"a": b""},
    ]
    for value in values:
        with pytest.raises(Malformed):
            read_document(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*signed()["proof"], "id", "domain", "challenge", "previousProof", "expires", "nonce", "@context"])


@given(st.sampled_from(SUITES), st.dictionaries(MEMBERS, JSON, min_size=1, max_size=4), st.booleans())
def test_arbitrary_proofs_raise_nothing_else(suite: str, members: dict[str, Any], several: bool) -> None:
    whole = signed(suite)
    proof = {**whole["proof"], **members}
    try:
        changed = read_document({**whole, "proof": [proof, whole["proof"]] if several else proof})
        for each in read_proofs(changed):
            each.check(purpose="assertionMethod", now=NOW)
            each.verify(changed, public_key(SIGNERS[suite].public_jwk), CONTEXTS)
        found = read_proofs(changed)
    except Malformed:
        return
    # It is the same proof, or one of a suite that is not known.
    assert all(each.options.items() >= read_proofs(whole)[0].options.items() for each in found) or not found


# Controlled identifier documents


ISSUER = "https://issuer.example/issuers/1"
PUBLISHED = controlled_identifier_document(ISSUER, [SIGNERS["eddsa-rdfc-2022"], SIGNERS["ecdsa-rdfc-2019"]])


def found(
    document: Any = PUBLISHED, method: str = f"{ISSUER}#ed", purpose: str = "assertionMethod", now: int = NOW
) -> PublicKey:
    return published_key(document if isinstance(document, bytes) else dump_bytes(document), method, purpose=purpose, now=now)


def test_published_keys_are_found() -> None:
    assert found() == public_key(SIGNERS["eddsa-rdfc-2022"].public_jwk)
    assert found(method=f"{ISSUER}#p256") == public_key(SIGNERS["ecdsa-rdfc-2019"].public_jwk)
    (method, _) = PUBLISHED["verificationMethod"]
    assert found({"id": ISSUER, "assertionMethod": [method]}) == found()
    jwk = {name: value for name, value in method.items() if name != "publicKeyMultibase"}
    jwk |= {"id": "#ed", "type": "JsonWebKey", "publicKeyJwk": dict(SIGNERS["eddsa-rdfc-2022"].public_jwk)}
    assert found({"id": ISSUER, "verificationMethod": [jwk], "assertionMethod": ["#ed"]}) == found()
    assert found({"id": ISSUER, "assertionMethod": [{**jwk, "type": "JsonWebKey2020"}]}) == found()


def with_method(**members: Any) -> dict[str, Any]:
    (method, other) = PUBLISHED["verificationMethod"]
    return {**PUBLISHED, "verificationMethod": [{**method, **members}, other]}


@pytest.mark.parametrize(
    ("document", "because"),
    [
        ({**PUBLISHED, "id": "https://issuer.example/issuers/2"}, "id"),
        ({name: value for name, value in PUBLISHED.items() if name != "id"}, "id"),
        ({**PUBLISHED, "assertionMethod": []}, "assertionMethod"),
        ({**PUBLISHED, "assertionMethod": [f"{ISSUER}#p256"]}, "assertionMethod"),
        ({**PUBLISHED, "assertionMethod": f"{ISSUER}#ed"}, "assertionMethod"),
        ({**PUBLISHED, "assertionMethod": [], "authentication": [f"{ISSUER}#ed"]}, "assertionMethod"),
        ({**PUBLISHED, "verificationMethod": []}, "verificationMethod"),
        ({**PUBLISHED, "verificationMethod": {}}, "verificationMethod"),
        ({**PUBLISHED, "verificationMethod": [1] * 101}, "verificationMethod"),
        (with_method(id=f"{ISSUER}#other"), "verificationMethod"),
        (with_method(id=None), "verificationMethod"),
        (with_method(controller="https://other.example"), "controller"),
        (with_method(controller=...), "controller"),
        (with_method(type="Ed25519VerificationKey2099"), "type"),
        (with_method(type=None), "type"),
        (with_method(publicKeyMultibase=1), "publicKeyMultibase"),
        (with_method(publicKeyMultibase="z6Mk"), "kind of key"),
        (with_method(type="JsonWebKey"), "publicKeyJwk"),
        (with_method(type="JsonWebKey", publicKeyJwk=dict(SIGNERS["eddsa-rdfc-2022"].public_jwk)), "alone"),
        (with_method(revoked="2026-01-01T00:00:00Z"), "revoked"),
        (with_method(expires="2026-01-01T00:00:00Z"), "expires"),
        (with_method(expires="tomorrow"), "expires"),
        ({**PUBLISHED, "verificationMethod": [*PUBLISHED["verificationMethod"], {"id": f"{ISSUER}#ed"}]}, "two keys"),
        (b"[]", "object"),
        (b"{", "JSON"),
        (b'{"id": 1, "id": 2}', "repeated"),
    ],
)
def test_published_keys_that_are_not_to_be_used(document: Any, because: str) -> None:
    if isinstance(document, dict):
        document = json.loads(json.dumps(document, default=lambda _: None))
    with pytest.raises(Malformed, match=because):
        found(document)


def test_a_key_that_is_revoked_later_serves_until_then() -> None:
    assert found(with_method(revoked="2030-01-01T00:00:00Z", expires="2030-01-01T00:00:00Z")) == found()
