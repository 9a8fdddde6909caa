"""`ldp_vc`: what a Wallet refuses, each in a credential that is otherwise good, and most of it signed by its issuer."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci._json import dump_bytes
from oid4vci.data_integrity import Contexts
from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.ldp_vc import LdpVcVerifier
from oid4vci.keys import LocalSigner
from oid4vci.metadata import CredentialDefinition, LdpVcConfiguration
from oid4vci.trust import Trust
from tests.linked_credentials import (
    CONFIGURATION,
    CONTEXTS,
    DATA_INTEGRITY,
    DAY,
    DEGREE,
    DEGREE_CONTEXT,
    DID,
    DOCUMENTS,
    GOOD,
    HOLDERS,
    ISSUER,
    NOW,
    OTHER,
    SIGNER,
    SIGNERS,
    TYPES,
    UNSECURED,
    V1,
    V2,
    check,
    configuration,
    did,
    issue,
    signed,
)

SUBJECT = UNSECURED["credentialSubject"]


def refuse(credential: Any, because: str | None = None, **more: Any) -> None:
    with pytest.raises(InvalidCredential, match=because):
        check(credential, **more)


def test_the_good_one_is_good() -> None:
    check(GOOD)
    check(signed())


@pytest.mark.spec("VCI-A.1.2.4-01")
@pytest.mark.parametrize("credential", ["eyJ.eyJ.x", _json.dumps(GOOD), [GOOD], None, 1, True, b"", [], {}])
def test_what_is_no_object(credential: Any) -> None:
    refuse(credential)


# Members of the credential, signed by the issuer as they are

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no context": ({"@context": ...}, "@context"),
    "another base context": ({"@context": ["https://www.w3.org/ns/credentials/v3", DEGREE]}, "@context"),
    "contexts in another order": ({"@context": [DEGREE, V2]}, "@context"),
    "a context that is no URL": ({"@context": [V2, DEGREE, 1]}, "@context"),
    "a context less": ({"@context": [V2], "type": ["VerifiableCredential"], "credentialSubject": {"name": "x"}}, "type"),
    "no type": ({"type": ...}, "type"),
    "another type": ({"type": ["VerifiableCredential", "BachelorDegree"]}, "type"),
    "a type less": ({"type": ["VerifiableCredential"]}, "type"),
    "not the base type": ({"type": ["UniversityDegreeCredential"]}, "type"),
    "an id that is no URL": ({"id": "credential"}, "id: must be a URL"),
    "no issuer": ({"issuer": ...}, "issuer"),
    "no subject": ({"credentialSubject": ...}, "credentialSubject"),
    "no subject in it": ({"credentialSubject": []}, "credentialSubject"),
    "another subject": ({"credentialSubject": {**SUBJECT, "id": did(OTHER)}}, "not bound"),
    "a subject without id": ({"credentialSubject": {**SUBJECT, "id": ...}}, "not bound"),
    "a subject with another DID": ({"credentialSubject": {**SUBJECT, "id": "did:example:holder"}}, "not bound"),
    "a subject whose DID is none": ({"credentialSubject": {**SUBJECT, "id": "did:key:z6Mk"}}, "credentialSubject.id"),
    "two subjects": ({"credentialSubject": [SUBJECT, {**SUBJECT, "id": did(OTHER)}]}, "not bound"),
    "it has expired": ({"validUntil": "2027-01-15T07:59:00Z"}, "validUntil: lies in the past"),
    "it does not hold yet": ({"validFrom": "2027-01-15T08:01:01Z"}, "validFrom: lies in the future"),
    "it ends before it begins": ({"validUntil": "2027-01-14T00:00:00Z"}, "validUntil"),
    "a date that is none": ({"validUntil": "2027-02-30T00:00:00Z"}, "validUntil"),
    "a status that is none": ({"credentialStatus": "https://status.example"}, "credentialStatus"),
}


@pytest.mark.parametrize(("members", "because"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_credential(members: dict[str, Any], because: str) -> None:
    members = {
        name: {key: each for key, each in value.items() if each is not ...} if isinstance(value, dict) else value
        for name, value in members.items()
    }
    credential = {name: value for name, value in {**GOOD, **members}.items() if value is not ...}
    try:
        credential = signed(**members)
    except _json.Malformed:
        # Not even an issuer that may do anything can sign it.
        credential["proof"] = GOOD["proof"]
    refuse(credential, because)


def test_clocks_may_differ() -> None:
    credential = signed(validFrom="2027-01-15T08:01:00Z", validUntil="2027-01-15T09:00:00Z")
    check(credential)
    check(credential, now=NOW + 3_659)
    refuse(credential, "validUntil", now=NOW + 3_660)
    refuse(credential, "validFrom", now=NOW - 1)
    refuse(credential, "validFrom", verifier=LdpVcVerifier(contexts=CONTEXTS, leeway=0))


def test_dates_of_1_1() -> None:
    wanted = configuration(V1)
    (credential,) = issue(configuration=wanted)
    refuse(credential, "expirationDate", configuration=wanted, now=NOW + 31 * DAY)
    refuse(credential, "issuanceDate", configuration=wanted, now=NOW - DAY)
    unsecured = {name: value for name, value in credential.items() if name not in ("proof", "issuanceDate", "expirationDate")}
    refuse(signed(unsecured), "issuanceDate: is missing", configuration=wanted)


# Whose proof it is


def test_no_proof_and_proofs_of_others() -> None:
    refuse(UNSECURED, "proof: is missing")
    other = DID_METHODS["key"].verification_method(did(OTHER))
    # The key of another one, under the issuer's name and under its own.
    refuse(signed(proof={"verificationMethod": other}, signer=OTHER), "verificationMethod: is not a key of the issuer")
    refuse(signed(signer=OTHER), "verificationMethod: is not a key of the issuer")
    mine = GOOD["proof"]["verificationMethod"]
    refuse(signed(signer=OTHER, proof={"verificationMethod": mine}), "proofValue: does not verify")
    # Another issuer, whom nobody trusts.
    with pytest.raises(Untrusted):
        check(signed(signer=OTHER, issuer=did(OTHER)))
    check(signed(signer=OTHER, issuer=did(OTHER)), trust=Trust.of(did(OTHER)))


def test_nobody_is_trusted_by_default() -> None:
    with pytest.raises(Untrusted):
        check(GOOD, trust=Trust())


@pytest.mark.parametrize(
    "method",
    [
        DID,
        f"{DID}#",
        f"{DID}#key-1",
        f"{DID}?a=b#{DID.removeprefix('did:key:')}",
        f"{DID}/path#{DID.removeprefix('did:key:')}",
        f"{DID.removeprefix('did:key:')}",
        f"#{DID.removeprefix('did:key:')}",
        f"{did(SIGNER, 'jwk')}#0",
        "did:web:issuer.example#key-1",
        "https://issuer.example#key-1",
        "urn:uuid:1#key-1",
    ],
)
def test_the_verification_method_is_a_key_of_the_issuer(method: str) -> None:
    try:
        credential = signed(proof={"verificationMethod": method})
    except _json.Malformed:
        credential = {**GOOD, "proof": {**GOOD["proof"], "verificationMethod": method}}
    refuse(credential, "verificationMethod")


def test_issuers_that_are_neither_dids_nor_urls() -> None:
    for issuer in ("urn:uuid:1", "http://issuer.example.com", "did:example:issuer"):
        credential = signed(issuer=issuer, proof={"verificationMethod": f"{issuer}#key-1"})
        refuse(credential, "verificationMethod", trust=Trust.of(issuer))


def at_url(**more: Any) -> dict[str, Any]:
    return signed(issuer=ISSUER, proof={"verificationMethod": f"{ISSUER}#p256"}, **more)


@pytest.mark.parametrize(
    ("document", "because"),
    [
        (b"", "JSON"),
        (b"<html>", "JSON"),
        (b"x" * (1 << 20) + b"x", "large"),
        (dump_bytes({**DOCUMENTS[ISSUER], "id": "https://issuer.example.com"}), "id"),
        (dump_bytes({**DOCUMENTS[ISSUER], "assertionMethod": [f"{ISSUER}#ed"]}), "assertionMethod"),
        (dump_bytes({**DOCUMENTS[ISSUER], "verificationMethod": []}), "verificationMethod"),
    ],
)
def test_what_an_issuer_publishes_must_be_its_own(document: bytes, because: str) -> None:
    check(at_url(), documents={ISSUER: dump_bytes(DOCUMENTS[ISSUER])})
    refuse(at_url(), because, documents={ISSUER: document})


def test_keys_of_an_issuer_are_not_fetched_before_it_is_trusted() -> None:
    with pytest.raises(Untrusted):
        check(at_url(), trust=Trust.of(DID))
    refuse(at_url(signer=OTHER), "does not verify", documents={ISSUER: dump_bytes(DOCUMENTS[ISSUER])})


# Members of the proof, signed by the issuer as they are

PROOFS: dict[str, tuple[dict[str, Any], str]] = {
    "another purpose": ({"proofPurpose": "authentication"}, "proof.proofPurpose"),
    "no purpose": ({"proofPurpose": ...}, "proof.proofPurpose"),
    "no verification method": ({"verificationMethod": ...}, "proof.verificationMethod"),
    "made in the future": ({"created": "2027-01-15T08:01:01Z"}, "proof.created"),
    "made at no time": ({"created": "2027-13-01T00:00:00Z"}, "proof.created"),
    "expired": ({"expires": "2027-01-15T07:59:00Z"}, "proof.expires"),
    "expires at no time": ({"expires": "tomorrow"}, "proof.expires"),
    "another type": ({"type": "Ed25519Signature2020"}, "proof"),
    "another cryptosuite": ({"cryptosuite": "eddsa-rdfc-2022"}, "proof.cryptosuite"),
    "an unknown cryptosuite": ({"cryptosuite": "bbs-2023"}, "proof"),
    "a cryptosuite over JSON": ({"cryptosuite": "ecdsa-jcs-2019"}, "proof"),
    "a proof before it that is not there": ({"previousProof": "urn:uuid:1"}, "proof.previousProof"),
}


@pytest.mark.parametrize(("options", "because"), PROOFS.values(), ids=PROOFS)
def test_what_is_wrong_with_a_proof(options: dict[str, Any], because: str) -> None:
    try:
        credential = signed(proof=options)
    except _json.Malformed:
        proof = {name: value for name, value in {**GOOD["proof"], **options}.items() if value is not ...}
        credential = {**GOOD, "proof": proof}
    refuse(credential, because)


def test_a_cryptosuite_over_json_is_not_of_this_format() -> None:
    """OID4VCI A.1: `ldp_vc` is for suites with Linked Data canonicalization; a good proof of another kind does not make it one."""
    refuse(signed(suite="ecdsa-jcs-2019"), "proof: has no cryptosuite that is accepted")
    wanted = configuration(credential_signing_alg_values_supported=("ecdsa-jcs-2019",))
    refuse(signed(suite="ecdsa-jcs-2019"), "proof: has no cryptosuite that is accepted", configuration=wanted)


def test_only_promised_cryptosuites_are_accepted() -> None:
    check(GOOD, configuration=configuration(credential_signing_alg_values_supported=("ecdsa-rdfc-2019",)))
    wanted = configuration(credential_signing_alg_values_supported=("eddsa-rdfc-2022", "Ed25519Signature2020"))
    refuse(GOOD, "cryptosuite", configuration=wanted)


# Sets and chains


def test_of_several_proofs_each_by_a_key_that_is_known_must_verify() -> None:
    mine, notary, unsecured = signed()["proof"], signed(signer=OTHER)["proof"], UNSECURED
    check({**unsecured, "proof": [mine]})
    check({**unsecured, "proof": [mine, notary]})
    check({**unsecured, "proof": [notary, mine]})
    check({**unsecured, "proof": [mine, {"type": "Ed25519Signature2020", "proofValue": "z"}]})
    check({**unsecured, "proof": [mine, {**mine, "cryptosuite": "bbs-2023"}]})
    # Nobody asks a stranger for keys; its proof says nothing.
    stranger = {**notary, "verificationMethod": "https://notary.example#key-1"}
    check({**unsecured, "proof": [mine, stranger]})
    refuse({**unsecured, "proof": [notary]}, "not a key of the issuer")
    refuse({**unsecured, "proof": [stranger]}, "not a key of the issuer")
    refuse({**unsecured, "proof": [mine, {**notary, "created": "2027-01-02T00:00:00Z"}]}, "does not verify")
    refuse({**unsecured, "proof": [mine, {**mine, "created": "2027-01-02T00:00:00Z"}]}, "does not verify")
    refuse({**unsecured, "proof": [mine] * 9}, "proof")
    refuse({**unsecured, "proof": []}, "proof")


def test_a_chain_is_believed_if_all_of_it_verifies() -> None:
    first = signed(signer=OTHER, proof={"id": "urn:uuid:1"})["proof"]
    last = signed({**UNSECURED, "proof": [first]}, proof={"previousProof": "urn:uuid:1"})["proof"]
    check({**UNSECURED, "proof": [first, last]})
    refuse({**UNSECURED, "proof": [last]}, "previousProof")
    refuse({**UNSECURED, "proof": [{**first, "created": "2027-01-02T00:00:00Z"}, last]}, "does not verify")
    # What it builds on is by a key that nobody knows.
    method = "https://notary.example#key-1"
    stranger = signed(signer=OTHER, proof={"id": "urn:uuid:1", "verificationMethod": method})["proof"]
    last = signed({**UNSECURED, "proof": [stranger]}, proof={"previousProof": "urn:uuid:1"})["proof"]
    refuse({**UNSECURED, "proof": [stranger, last]}, "previousProof: is a proof that has not been verified")


# Contexts: what is signed must not be given another meaning


def test_contexts_that_are_added() -> None:
    """A context behind the others may give what is signed other names. Those that are served here give none to claims."""
    evil = {"age": "https://schema.org/givenName"}
    check({**GOOD, "@context": [V2, DEGREE, DATA_INTEGRITY]})
    refuse({**GOOD, "@context": [V2, DEGREE, evil]}, r"@context\[2\]")
    refuse({**GOOD, "@context": [V2, evil, DEGREE]}, r"@context\[1\]")
    registered = Contexts({DEGREE: DEGREE_CONTEXT, "https://x.example": {"@context": evil}})
    verifier = LdpVcVerifier(contexts=registered)
    renamed = copy.deepcopy(GOOD)
    renamed["@context"].append("https://x.example")
    renamed["credentialSubject"]["age"] = renamed["credentialSubject"].pop("given_name")
    refuse(renamed, r"@context\[2\]", verifier=verifier)
    # Who does not know what was asked for believes the contexts that are registered.
    assert check(renamed, verifier, configuration=None).claims["credentialSubject"]["age"] == "Erika"


def test_contexts_within() -> None:
    refuse({**GOOD, "credentialSubject": {**SUBJECT, "@context": V2}}, "named by no term")
    refuse({**GOOD, "credentialSubject": {**SUBJECT, "@context": {"given_nme": "urn:x"}}}, "named by no term")


def test_contexts_that_are_not_known() -> None:
    refuse(GOOD, r"@context\[1\]: is a context that is neither", verifier=LdpVcVerifier())
    refuse(GOOD, r"@context\[1\]", verifier=LdpVcVerifier(), configuration=None)
    inline = [V2, DEGREE_CONTEXT["@context"]]
    credential = signed({**UNSECURED, "@context": inline})
    refuse(credential, r"@context\[1\]", configuration=None)
    wanted = LdpVcConfiguration(credential_definition=CredentialDefinition(context=tuple(inline), type=TYPES))
    check(credential, configuration=wanted)
    refuse(credential, r"@context\[1\]", verifier=LdpVcVerifier(), configuration=wanted)
    check(GOOD, configuration=None)


RENAMED: dict[str, dict[str, Any]] = {
    "https://www.w3.org/2018/credentials#validUntil": {
        "@type": "http://www.w3.org/2001/XMLSchema#dateTime",
        "@value": GOOD["validUntil"],
    },
}


def test_what_is_signed_under_its_whole_name_is_not_hidden() -> None:
    """The signature is over the same statements; who looks for `validUntil` would find a credential without end."""
    hidden = {name: value for name, value in GOOD.items() if name != "validUntil"}
    refuse({**hidden, **RENAMED}, "named by no term")
    refuse({**hidden, "@included": []}, "named by no term")


def test_what_is_added_is_noticed() -> None:
    members: list[dict[str, Any]] = [
        {"nme": "x"},
        {"name": "x"},
        {"name": None},
        {"name": []},
        {"evidence": {"type": "x"}},
        {"@nest": {}},
    ]
    for more in members:
        refuse({**GOOD, **more})
        refuse({**GOOD, "credentialSubject": {**SUBJECT, **more}})


# Drawn ones


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    if isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(member, (*at, key))


PLACES = [place for place in places(GOOD) if place[0] != "@context"]


def changed(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    credential = copy.deepcopy(GOOD)
    holder: Any = credential
    for key in place[:-1]:
        holder = holder[key]
    if value is ...:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return credential


def meaning(value: Any) -> str:
    """One text for what is the same in JSON-LD: 1 and 1.0, and what `meanings` says."""
    if isinstance(value, dict) and value.keys() == {"@value"}:
        return meaning(value["@value"])
    if isinstance(value, dict):
        return _json.dumps({name: meanings(value[name], ordered=name == "grades") for name in sorted(value)})
    return _json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def meanings(value: Any, *, ordered: bool = False) -> list[str]:
    """One value is an array of it; if it is no list, neither the order counts nor how often a value is there."""
    several = value if isinstance(value, list) else [value]
    if ordered:
        return [meaning(each) for each in several]
    return sorted({one for each in several for one in (meanings(each) if isinstance(each, list) else [meaning(each)])})


SAID = meaning(UNSECURED)


NAMES = st.text(max_size=4) | st.sampled_from(["id", "type", "@value"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from(["id", "type", "@value"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(PLACES), st.just(...) | JSON)
def test_any_change_is_refused_or_means_the_same(place: tuple[Any, ...], value: Any) -> None:
    credential = changed(place, value)
    try:
        verified = check(credential)
    except InvalidCredential:
        return
    assert meaning(dict(verified.claims)) == SAID


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_no_member_can_be_taken_away_or_replaced(place: tuple[Any, ...]) -> None:
    for value in (..., "x", 7, False, None, {}, [], {"id": "urn:x"}, ["x", "y"]):
        with pytest.raises((InvalidCredential, Untrusted)):
            check(changed(place, value))


@given(st.integers(0, 10**9), st.integers(0, 7))
def test_any_flipped_bit_is_refused_or_means_the_same(at: int, bit: int) -> None:
    text = bytearray(_json.dump_bytes(GOOD))
    text[at % len(text)] ^= 1 << bit
    try:
        credential = _json.loads(bytes(text))
    except _json.Malformed:
        return
    try:
        verified = check(credential)
    except (InvalidCredential, Untrusted):
        return
    assert meaning(dict(verified.claims)) == SAID


KEYS = st.sampled_from([*GOOD, *GOOD["proof"], *SUBJECT, "credentialStatus", "@id", "@value", "@graph"]) | st.text(max_size=3)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([V1, V2, DEGREE, DID, *TYPES]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


@given(ANYTHING, st.booleans())
def test_arbitrary_credentials_raise_nothing_else(value: Any, configured: bool) -> None:
    credentials = [value, {**GOOD, **value}, {**GOOD, "proof": value}] if isinstance(value, dict) else [value]
    for credential in [*credentials, {**GOOD, "credentialSubject": value}, {**GOOD, "@context": value}]:
        try:
            check(credential, configuration=CONFIGURATION if configured else None, holder_keys=HOLDERS if configured else ())
        except (InvalidCredential, Untrusted):
            continue


@given(st.binary(max_size=200))
def test_arbitrary_published_documents_raise_nothing_else(document: bytes) -> None:
    with pytest.raises(InvalidCredential):
        check(at_url(), documents={ISSUER: document})


def test_a_deep_or_large_credential_is_refused_soon() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"degree": deep}
    refuse({**GOOD, "credentialSubject": deep})
    refuse({**GOOD, "credentialSubject": {**SUBJECT, "given_name": "x" * (1 << 20)}})
    refuse({**GOOD, "credentialSubject": {**SUBJECT, "grades": list(range(20_000))}}, "too many values")
    clique = [{"id": f"_:n{i}", "degree": [{"id": f"_:n{j}"} for j in range(12) if j != i]} for i in range(12)]
    refuse({**GOOD, "credentialSubject": {**SUBJECT, "degree": clique}}, "look alike")


def test_signers_of_all_suites_are_told_apart() -> None:
    for name, signer in SIGNERS.items():
        credential = signed(issuer=did(signer), signer=signer, suite=name.partition(" ")[0])
        check(credential)
        other = LocalSigner.generate("x", signer.algorithm)
        forged = signed(
            issuer=did(signer),
            signer=other,
            suite=name.partition(" ")[0],
            proof={"verificationMethod": credential["proof"]["verificationMethod"]},
        )
        refuse(forged, "does not verify")
