"""`ldp_vc` (OID4VCI A.1.2): what issuers make and what Wallets take of it."""

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci._json import dump_bytes
from oid4vci.data_integrity import CRYPTOSUITES, controlled_identifier_document, read_proofs
from oid4vci.dids import DID_METHODS, resolve
from oid4vci.formats.copies import SignedCopies
from oid4vci.formats.credential_format import CredentialEncoder, CredentialVerifier, NeededDocument
from oid4vci.formats.ldp_vc import LDP_VC, LdpVcEncoder, LdpVcVerifier
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.metadata import CredentialConfiguration, CredentialDefinition, LdpVcConfiguration
from oid4vci.secret import new_secret
from tests.linked_credentials import (
    CLAIMS,
    CONFIGURATION,
    CONTEXTS,
    DATA_INTEGRITY,
    DAY,
    DEGREE,
    DID,
    DOCUMENTS,
    GOOD,
    HOLDERS,
    ISSUER,
    NOW,
    SIGNER,
    SIGNERS,
    TRUST,
    TYPES,
    V1,
    V2,
    check,
    configuration,
    did,
    encoder,
    issue,
    signed,
)

MODELS = [V1, V2]


def test_the_format_is_what_it_says() -> None:
    made: CredentialEncoder = LDP_VC.encoder(signer=SIGNER)
    reading: CredentialVerifier = LDP_VC.verifier()
    assert (LDP_VC.identifier, LDP_VC.configuration_class, made.format) == ("ldp_vc", LdpVcConfiguration, "ldp_vc")
    assert made.semantics is LDP_VC.semantics
    assert isinstance(reading, LdpVcVerifier)


@pytest.mark.spec("VCI-A.1.2.4-01", "VCI-A.1.2.4-02")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", SIGNERS)
def test_round_trip(model: str, name: str) -> None:
    signer, wanted = SIGNERS[name], configuration(model)
    (credential,) = issue(encoder(signer=signer, issuer=did(signer)), configuration=wanted)
    verified = check(credential, configuration=wanted)
    # The JSON object is what goes into the response, and what the Wallet has.
    assert verified.credential is credential
    assert _json.loads(_json.dumps(credential)) == credential
    assert verified.format == "ldp_vc"
    assert (verified.issuer, verified.holder_key) == (did(signer), HOLDERS[0])
    assert (verified.issued_at, verified.expires_at) == (NOW // DAY * DAY, (NOW + 30 * DAY) // DAY * DAY)
    assert verified.status is None
    assert verified.claims == {member: value for member, value in credential.items() if member != "proof"}
    assert verified.select(("credentialSubject", "degree", "title")) == ((("credentialSubject", "degree", "title"), "Künste"),)
    assert credential["proof"]["cryptosuite"] == name.partition(" ")[0]


def test_a_credential_of_2_0_as_it_is() -> None:
    subject = DID_METHODS["key"].did(HOLDERS[0])
    assert {
        "@context": [V2, DEGREE],
        "type": list(TYPES),
        "credentialSubject": {"id": subject, **CLAIMS["credentialSubject"]},
        "issuer": DID,
        "validFrom": "2027-01-15T00:00:00Z",
        "validUntil": "2027-02-14T00:00:00Z",
        "proof": ...,
    } == {**GOOD, "proof": ...}
    assert {**GOOD["proof"], "proofValue": ...} == {
        "type": "DataIntegrityProof",
        "cryptosuite": "ecdsa-rdfc-2019",
        "created": "2027-01-15T00:00:00Z",
        "verificationMethod": DID_METHODS["key"].verification_method(DID),
        "proofPurpose": "assertionMethod",
        "proofValue": ...,
    }


def test_a_credential_of_1_1_has_the_context_of_data_integrity() -> None:
    """VC Data Integrity 2.4.2; what says how the proof is to be read must be among the contexts."""
    (credential,) = issue(configuration=configuration(V1))
    assert credential["@context"] == [V1, DEGREE, DATA_INTEGRITY]
    assert (credential["issuanceDate"], credential["expirationDate"]) == ("2027-01-15T00:00:00Z", "2027-02-14T00:00:00Z")
    for url in (DATA_INTEGRITY, "https://w3id.org/security/data-integrity/v1"):
        given_there = LdpVcConfiguration(credential_definition=CredentialDefinition(context=(V1, url, DEGREE), type=TYPES))
        (credential,) = issue(configuration=given_there)
        assert credential["@context"] == [V1, url, DEGREE]
        check(credential, configuration=given_there)


@pytest.mark.parametrize("binding", ["did:key", "did:jwk"])
def test_it_is_bound_by_the_subjects_id(binding: str) -> None:
    (credential,) = issue(encoder(binding=binding))
    assert credential["credentialSubject"]["id"] == DID_METHODS[binding.removeprefix("did:")].did(HOLDERS[0])
    assert check(credential, holder_keys=HOLDERS[:1]).holder_key == HOLDERS[0]


def test_without_a_key_it_is_bound_to_none() -> None:
    (credential,) = issue(keys=())
    assert "id" not in credential["credentialSubject"]
    assert check(credential, holder_keys=()).holder_key is None


def test_lifetimes() -> None:
    (credential,) = issue(encoder(lifetime=None))
    assert "validUntil" not in credential
    assert check(credential, now=NOW + 10_000 * DAY).expires_at is None
    (credential,) = issue(encoder(lifetime=600, time_granularity=60))
    assert credential["validUntil"] == "2027-01-15T08:10:00Z"


@pytest.mark.parametrize("status", [{"id": "https://s.example/1#5", "type": "BitstringStatusListEntry"}])
def test_its_status_is_handed_on(status: dict[str, Any]) -> None:
    status = {
        **status,
        "statusPurpose": "revocation",
        "statusListIndex": "5",
        "statusListCredential": "https://s.example/1",
    }
    (credential,) = issue(claims={**CLAIMS, "credentialStatus": status})
    assert check(credential).status == {"credentialStatus": status}


def test_claims_may_say_more_of_the_issuer() -> None:
    (credential,) = issue(claims={**CLAIMS, "issuer": {"name": "University"}})
    assert credential["issuer"] == {"name": "University", "id": DID}
    assert check(credential).issuer == DID


# Issuers


def test_an_issuer_at_a_url_publishes_its_keys() -> None:
    (credential,) = issue(encoder(issuer=None))
    assert credential["issuer"] == ISSUER
    assert credential["proof"]["verificationMethod"] == f"{ISSUER}#p256"
    arguments: dict[str, Any] = {"configuration": CONFIGURATION, "trust": TRUST, "holder_keys": HOLDERS, "now": NOW}
    needed = LdpVcVerifier(contexts=CONTEXTS).verify(credential, documents={}, **arguments)
    assert isinstance(needed, NeededDocument)
    assert needed.url == ISSUER
    assert "application/json" in needed.media_types
    assert check(credential, documents={ISSUER: dump_bytes(DOCUMENTS[ISSUER])}).issuer == ISSUER


def test_an_issuer_by_the_did_of_its_key() -> None:
    for method in ("key", "jwk"):
        (credential,) = issue(encoder(issuer=did(SIGNER, method)))
        check(credential)
        assert resolve(credential["proof"]["verificationMethod"]) == public_key(SIGNER.public_jwk)


def test_an_issuer_by_the_did_of_another_method() -> None:
    """The Wallet must know the method; here it is one that leads to the issuer's key."""

    class Example:
        def did(self, key: Any) -> str:
            return "did:example:university"

        def verification_method(self, did: str) -> str:
            return f"{did}#key-1"

        def key(self, url: Any) -> Any:
            return public_key(SIGNER.public_jwk)

    (credential,) = issue(encoder(issuer="did:example:university", kid="did:example:university#key-1"))
    verifier = LdpVcVerifier(contexts=CONTEXTS, did_methods={**DID_METHODS, "example": Example()})
    trust = type(TRUST).of("did:example:university")
    assert check(credential, verifier, trust=trust).issuer == "did:example:university"


# Batches and remote keys


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("new_ids", [False, True])
def test_a_batch_shares_nothing_that_links(name: str, new_ids: bool) -> None:
    signer = SIGNERS[name]
    making = encoder(signer=signer, issuer=did(signer), new_ids=new_ids)
    credentials = issue(making, keys=HOLDERS, now=NOW + 4_321)
    assert [check(each).holder_key for each in credentials] == list(HOLDERS)
    for distinct in ("id", "proof") if new_ids else ("proof",):
        assert len({_json.dumps(each[distinct]) for each in credentials}) == 3
    assert all("id" not in each["proof"] for each in credentials)
    # Rounded times are those of many others (OID4VCI 15.4.1).
    assert {each["proof"]["created"] for each in credentials} == {each["validFrom"] for each in credentials}
    assert {each["validFrom"] for each in credentials} == {"2027-01-15T00:00:00Z"}


def test_a_batch_is_what_its_copies_are_one_by_one() -> None:
    """Copies are worked out together where they can be: then they are the same to the byte (EdDSA is deterministic)."""
    signer = SIGNERS["eddsa-rdfc-2022"]
    making = encoder(signer=signer, issuer=did(signer))
    assert issue(making, keys=HOLDERS) == tuple(issue(making, keys=[key])[0] for key in HOLDERS)


def test_a_batch_whose_first_subject_is_named_elsewhere() -> None:
    subject = DID_METHODS["key"].did(HOLDERS[0])
    claims = {"credentialSubject": {"degree": {"granted_by": subject}}}
    for each in issue(claims=claims, keys=HOLDERS):
        assert check(each).claims["credentialSubject"]["degree"] == {"granted_by": subject}


def test_copies_are_compact_each() -> None:
    odd = {"type": "BitstringStatusListEntry", "https://www.w3.org/ns/credentials/status#statusPurpose": "revocation"}
    with pytest.raises(ValueError, match="named by no term"):
        issue(keys=HOLDERS[:2], copies=[{}, {"credentialStatus": odd}])


def test_copies_have_a_status_of_their_own() -> None:
    def status(index: int) -> dict[str, Any]:
        return {
            "credentialStatus": {
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": str(index),
                "statusListCredential": "https://s.example/1",
            }
        }

    credentials = issue(keys=HOLDERS, copies=[status(7), status(5), status(9)])
    assert [check(each).status for each in credentials] == [status(7), status(5), status(9)]
    with pytest.raises(ValueError, match="credentialStatus of its own"):
        issue(keys=HOLDERS, copies=[status(7)] * 3)
    with pytest.raises(ValueError, match="credentialStatus of its own"):
        issue(keys=HOLDERS, claims={**CLAIMS, **status(1)})
    with pytest.raises(ValueError, match="id of its own"):
        issue(keys=HOLDERS, claims={**CLAIMS, "id": "urn:uuid:1"})


@pytest.mark.parametrize("name", SIGNERS)
def test_a_key_elsewhere_signs(name: str) -> None:
    signer = SIGNERS[name]
    remote = RemoteSigner("kms-1", signer.algorithm, signer.public_jwk)
    draft: SignedCopies[dict[str, Any]] = encoder(signer=remote, issuer=did(signer)).draft(
        CLAIMS, configuration=CONFIGURATION, issuer=ISSUER, holder_keys=HOLDERS[:2], now=NOW, new_secret=new_secret
    )
    assert [(each.key_id, each.algorithm) for each in draft.to_sign] == [("kms-1", signer.algorithm)] * 2
    size = 96 if "384" in name else 64
    assert [len(each.data) for each in draft.to_sign] == [size] * 2
    for each in draft.finish([signer.sign(each.data) for each in draft.to_sign]):
        check(each)
    with pytest.raises(ValueError, match="2 signatures"):
        draft.finish([])
    assert (
        not encoder()
        .draft(CLAIMS, configuration=CONFIGURATION, issuer=ISSUER, holder_keys=(), now=NOW, new_secret=new_secret)
        .to_sign
    )


# What an issuer must not do


@pytest.mark.parametrize(
    ("claims", "because"),
    [
        ({"credentialSubject": {"given_nme": "Erika"}}, "given_nme: is a term that no context defines"),
        ({"credentialSubject": {"degree": {"titel": "x"}}}, "titel: is a term that no context defines"),
        ({"credentialSubject": {"degree": {"type": "MasterDegree", "title": "x"}}}, "MasterDegree: is a type"),
        ({"credentialSubject": {"degree": {"granted_by": "university"}}}, "university: is a type .* or a relative"),
        ({"credentialSubject": {"given_name": None}}, "given_name: is null"),
        ({"credentialSubject": {"nationalities": []}}, "nationalities: is empty"),
        ({"credentialSubject": {"gpa": 2**53 + 1}}, "integer"),
        ({"credentialSubject": {"https://schema.org/givenName": "Erika"}}, "named by no term"),
        ({"credentialSubject": {"given_name": {"@value": "x", "@language": "no language"}}}, "language"),
        ({"credentialSubject": {"given_name": {"@value": "x", "@direction": "rtl"}}}, "not cover"),
        ({"credentialSubject": {"degree": {"@context": {"titel": "urn:t"}, "titel": "x"}}}, "named by no term"),
        ({**CLAIMS, "evidence": {"type": "BachelorDegre"}}, "BachelorDegre"),
        ({**CLAIMS, "id": "credential"}, "id"),
        ({**CLAIMS, "proof": {}}, "proof"),
        ({**CLAIMS, "@context": [V2]}, "@context"),
        ({**CLAIMS, "status": {"status_list": {}}}, "status"),
        ({"credentialSubject": {"id": "did:example:a", **CLAIMS["credentialSubject"]}}, "id is set here"),
        ({"credentialSubject": [CLAIMS["credentialSubject"]]}, "one subject"),
        ({}, "subject"),
        ({"credentialSubject": {"given_name": object()}}, "JSON"),
    ],
)
def test_claims_that_cannot_be_made(claims: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        issue(claims=claims)


@pytest.mark.parametrize(
    ("wanted", "because"),
    [
        (CredentialConfiguration(format="ldp_vc"), "credential_definition"),
        (configuration(credential_signing_alg_values_supported=("eddsa-rdfc-2022",)), "cryptosuite"),
        (configuration(credential_signing_alg_values_supported=("ES256",)), "cryptosuite"),
        (configuration(cryptographic_binding_methods_supported=("did:jwk",)), "binding"),
        (configuration(cryptographic_binding_methods_supported=("jwk",)), "binding"),
        (LdpVcConfiguration(credential_definition=CredentialDefinition(context=(DEGREE, V2), type=TYPES)), "base context"),
        (
            LdpVcConfiguration(credential_definition=CredentialDefinition(context=(V2, "https://x.example"), type=TYPES)),
            r"@context\[1\]: is a context that is neither served nor registered",
        ),
        (
            LdpVcConfiguration(credential_definition=CredentialDefinition(context=(V2,), type=TYPES)),
            "UniversityDegreeCredential: is a type that no context defines",
        ),
    ],
)
def test_configurations_that_it_is_not_for(wanted: CredentialConfiguration, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        encoder().check(wanted)
    with pytest.raises(ValueError, match=r"\w"):
        issue(configuration=wanted)


def test_configurations_that_it_is_for() -> None:
    encoder().check(configuration(credential_signing_alg_values_supported=("eddsa-rdfc-2022", "ecdsa-rdfc-2019")))
    encoder().check(configuration(V1, cryptographic_binding_methods_supported=("did:key",)))


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({"signer": LocalSigner.generate("key", "ES512")}, "needs a key on P-256 or P-384"),
        ({"signer": LocalSigner.generate("key", "ES256K")}, "needs a key on P-256 or P-384"),
        ({"cryptosuite": "eddsa-rdfc-2022"}, "needs a key on Ed25519"),
        ({"cryptosuite": "Ed25519Signature2020"}, "cryptosuite must be one of"),
        ({"cryptosuite": "ecdsa-jcs-2019"}, "Linked Data canonicalization"),
        ({"issuer": did(LocalSigner.generate("other"))}, "not that of the signer"),
        ({"issuer": did(LocalSigner.generate("other"), "jwk")}, "not that of the signer"),
        ({"kid": f"{ISSUER}#key-1"}, "kid must be the URL of a key of the issuer"),
        ({"kid": DID}, "kid must be the URL of a key of the issuer"),
        ({"issuer": ISSUER, "kid": f"{ISSUER}/other#key-1"}, "kid must be the URL of a key of the issuer"),
        ({"issuer": "did:"}, "DID URL"),
        ({"issuer": "urn:uuid:1"}, "must be a DID, or an https URL"),
        ({"issuer": "http://issuer.example.com"}, "must be a DID, or an https URL"),
        ({"binding": "cnf"}, "binding"),
        ({"binding": "did:web"}, "binding"),
        ({"lifetime": 0}, "lifetime"),
        ({"lifetime": 100, "time_granularity": 60}, "twice"),
        ({"time_granularity": 0}, "time_granularity"),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        encoder(**settings)


# A profile of one's own


@pytest.mark.spec("VCI-A.1-02")
@pytest.mark.parametrize("suite", ["eddsa-jcs-2022", "ecdsa-jcs-2019"])
def test_cryptosuites_over_json_need_a_format_of_their_own(suite: str) -> None:
    signer = SIGNERS["eddsa-rdfc-2022"] if suite.startswith("eddsa") else SIGNER
    issuer = did(signer)
    with pytest.raises(ValueError, match="Linked Data canonicalization"):
        LdpVcEncoder(signer=signer, cryptosuite=suite)
    with pytest.raises(ValueError, match="Linked Data canonicalization"):
        LdpVcVerifier(cryptosuites=CRYPTOSUITES)

    # Nothing of it is linked data: no context is looked at.
    definition = CredentialDefinition(context=(V2, "https://x.example/unknown"), type=TYPES)
    wanted = _Configuration(credential_definition=definition, credential_signing_alg_values_supported=(suite,))
    making = LdpVcEncoder(signer=signer, issuer=issuer, cryptosuite=suite, format="x_jcs_vc")
    reading = LdpVcVerifier(cryptosuites=CRYPTOSUITES, format="x_jcs_vc")
    (credential,) = issue(making, {"credentialSubject": {"anything": [None, {"at": "all"}]}}, configuration=wanted)
    verified = check(credential, reading, configuration=wanted)
    assert (verified.format, verified.holder_key) == ("x_jcs_vc", HOLDERS[0])
    assert credential["proof"]["@context"] == [V2, "https://x.example/unknown"]


class _Configuration(LdpVcConfiguration):
    __slots__ = ()
    identifier = "x_jcs_vc"


# Drawn ones

TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
DEGREES = st.fixed_dictionaries(
    {"title": TEXTS},
    optional={
        "type": st.just("BachelorDegree"),
        "granted_by": st.sampled_from(["https://a.example", "urn:b"]).map(lambda url: {"id": url, "given_name": "x"}),
    },
)
SUBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "given_name": TEXTS | TEXTS.map(lambda text: {"@value": text, "@language": "en"}),
        "gpa": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1),
        "nationalities": st.lists(TEXTS, min_size=1, max_size=3),
        "grades": st.lists(st.integers(-3, 3) | TEXTS, max_size=4),
        "member": st.booleans(),
        "degree": DEGREES | st.lists(DEGREES, min_size=1, max_size=3),
    },
).filter(bool)


@given(SUBJECTS, st.sampled_from(list(SIGNERS)), st.sampled_from(MODELS))
def test_drawn_datasets_round_trip(subject: dict[str, Any], name: str, model: str) -> None:
    signer, wanted = SIGNERS[name], configuration(model)
    credentials = issue(
        encoder(signer=signer, issuer=did(signer)), {"credentialSubject": subject}, HOLDERS[:2], configuration=wanted
    )
    for credential in credentials:
        sent = _json.loads(_json.dumps(credential))
        verified = check(sent, configuration=wanted)
        found = dict(verified.claims["credentialSubject"])
        assert DID_METHODS["key"].did(verified.holder_key) == found.pop("id")  # type: ignore[arg-type]  # it has one
        assert found == subject


def test_it_is_fast_enough() -> None:
    """A batch expands its document once: ten copies take nowhere near ten times as long as one."""
    making = encoder()
    keys = [public_key(LocalSigner.generate(str(i)).public_jwk) for i in range(10)]
    issue(making, keys=keys)

    def best(count: int) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            issue(making, keys=keys[:count])
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(10) < 5 * best(1)


def test_nothing_of_it_is_loaded_before_it_is_used() -> None:
    code = (
        "import sys; from oid4vci.formats.ldp_vc import LDP_VC; from oid4vci.formats import CREDENTIAL_FORMATS;"
        "assert CREDENTIAL_FORMATS['ldp_vc'] is LDP_VC;"
        "print([name for name in ('pyld', 'rfc8785', 'lxml') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_proof_is_one_that_anybody_can_read() -> None:
    (proof,) = read_proofs(signed())
    assert proof.controller == DID


def test_controlled_identifier_documents_are_for_keys_that_have_a_multikey() -> None:
    document = controlled_identifier_document(ISSUER, [SIGNER])
    assert document["assertionMethod"] == [f"{ISSUER}#p256"]
