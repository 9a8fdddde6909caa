"""The rules of the `di_vp` proof (OID4VCI F.2, F.4): each test breaks one of them in an otherwise good presentation.

`broken` sees the right error at the right place, that nothing was issued or consumed, and that the same nonce then still serves.
"""

from typing import Any

import pytest

from oid4vci.data_integrity import Contexts
from oid4vci.keys import LocalSigner, public_key
from oid4vci.nonces import Nonces
from oid4vci.proofs.di_vp import DiVpProofType
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, refused, secret_keys
from tests.presentations import (
    ANOTHER,
    DATA_INTEGRITY,
    HOLDER,
    HOLDERS,
    JCS,
    V1,
    V2,
    accepted,
    broken,
    changed,
    did,
    did_url,
    order_of,
    presentation,
    world,
)

SUITES = list(HOLDERS)
BOTH = pytest.mark.parametrize("holder", [HOLDER, JCS], ids=["rdfc", "jcs"])


def date(seconds: int) -> str:
    """`NOW` and some more seconds."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(8 * 60 + minutes, 60)
    return f"2027-01-15T{hours:02}:{minute:02}:{second:02}Z"


# --- good ones ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F-02", "VCI-F.2-01", "VCI-F.2-13", "VCI-8.2-20", "VCI-8.2-21")
@pytest.mark.parametrize("context", [(V2,), (V1, DATA_INTEGRITY)], ids=["2.0", "1.1"])
@pytest.mark.parametrize("name", SUITES)
def test_a_presentation_binds_its_key(name: str, context: Any) -> None:
    where, holder = world(name.partition(" ")[0]), HOLDERS[name]
    order = accepted(where, presentation(where.nonce(), holder, context=context))
    assert order.holder_keys == (public_key(holder.public_jwk),)
    assert order.holder_keys[0].did_url == did_url(holder)
    assert order.key_attestations == ()


@pytest.mark.spec("VCI-F.2-02", "VCI-F.2-03")
@BOTH
@pytest.mark.parametrize("holder_member", [..., "did", "object"])
def test_the_holder_may_be_said(holder: LocalSigner, holder_member: Any) -> None:
    where = world()
    said = {"did": did(holder), "object": {"id": did(holder)}}.get(holder_member, ...)
    accepted(where, presentation(where.nonce(), holder, holder=said))


@pytest.mark.parametrize("method", ["key", "jwk"])
def test_the_dids_that_are_keys(method: str) -> None:
    where = world()
    order = accepted(where, presentation(where.nonce(), method=did_url(HOLDER, method)))
    assert (order.holder_keys[0], order.holder_keys[0].did_url) == (public_key(HOLDER.public_jwk), did_url(HOLDER, method))


@pytest.mark.spec("VCI-F.2-04")
def test_an_array_of_one_proof_is_that_proof() -> None:
    where = world()
    good = presentation(where.nonce())
    accepted(where, {**good, "proof": [good["proof"]]})


@BOTH
def test_an_array_of_one_domain_is_that_domain(holder: LocalSigner) -> None:
    where = world()
    accepted(where, presentation(where.nonce(), holder, options={"domain": [IDENTIFIER]}))


@pytest.mark.spec("VCI-F.2-12")
@BOTH
def test_further_members_that_are_signed_are_ignored(holder: LocalSigner) -> None:
    where = world()
    members: dict[str, Any] = {
        "id": "urn:uuid:1",
        "termsOfUse": {"type": "https://terms.example/Policy", "https://terms.example/x": [1, True]},
        "verifiableCredential": [
            {
                "@context": [V2],
                "type": "VerifiableCredential",
                "issuer": "https://university.example",
                "credentialSubject": {"id": did(ANOTHER)},
                "proof": {"type": "DataIntegrityProof", "cryptosuite": "x", "proofValue": "not even one"},
            }
        ],
    }
    order = accepted(where, presentation(where.nonce(), holder, options={"id": "urn:uuid:2", "nonce": "x"}, **members))
    assert order.holder_keys == (public_key(holder.public_jwk),)


UNKNOWN: dict[str, Any] = {
    "x": 1,
    "termsOfUse": [],
    "y": None,
    "z": {"@context": "https://nowhere.example", "a": [[], None]},
    "presentation": [],
}


@pytest.mark.spec("VCI-F.2-12")
def test_terms_that_no_context_defines_are_ignored_with_linked_data() -> None:
    """The signature does not cover them, so whoever passes a presentation on may add some: they say nothing."""
    where = world()
    good = presentation(where.nonce())
    accepted(where, changed(good, {"x": 1, "y": None, "z": {"a": [[], None]}}, **UNKNOWN))


@pytest.mark.spec("VCI-F.2-11", "VCI-F.2-12")
def test_all_members_are_signed_without_linked_data() -> None:
    where = world()
    accepted(where, presentation(where.nonce(), JCS, options=UNKNOWN, **UNKNOWN))
    broken(lambda nonce: changed(presentation(nonce, JCS), **UNKNOWN), ".proof.proofValue")
    broken(lambda nonce: changed(presentation(nonce, JCS), UNKNOWN), ".proof.proofValue")


def test_a_batch_binds_each_key_once() -> None:
    where = world()
    nonce = where.nonce()
    made = [presentation(nonce, holder) for holder in (HOLDER, HOLDERS["eddsa-jcs-2022"], HOLDER)]
    again = presentation(nonce, method=did_url(HOLDER, "jwk"))
    order = accepted(where, *made, again)
    assert [key.did_url for key in order.holder_keys] == [did_url(), did_url(HOLDERS["eddsa-jcs-2022"])]


# --- the presentation ---------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F-02")
@pytest.mark.parametrize("element", ["string", "eyJhbGciOiJFUzI1NiJ9.e30.AA", None, 1, True, [], ["x"]])
def test_each_is_an_object(element: Any) -> None:
    broken(lambda nonce: element, "")


@pytest.mark.spec("VCI-F-02")
@pytest.mark.parametrize("value", [[], {}, None, "x", "presentation"])
def test_they_stand_in_an_array_that_is_not_empty(value: Any) -> None:
    where = world()
    nonce = where.nonce()
    proofs = {"di_vp": presentation(nonce) if value == "presentation" else value}
    body = {"credential_configuration_id": "note", "proofs": proofs}
    refused(where.credential(where.token("note"), body), "invalid_proof")
    accepted(where, presentation(nonce))


@pytest.mark.spec("VCI-F.2-01", "VCI-F.4-01", "VCI-F.4-02")
@BOTH
@pytest.mark.parametrize(
    "value",
    [
        ...,
        None,
        [],
        V2,
        {},
        [{}],
        [[V2]],
        [V2, V2],
        ["https://www.w3.org/ns/did/v1", V2],
        [f"{V2}#"],
        [1],
        [{"@vocab": "urn:x#"}, V2],
    ],
)
def test_the_base_context_comes_first(holder: LocalSigner, value: Any) -> None:
    description = broken(lambda nonce: changed(presentation(nonce, holder), **{"@context": value}))
    assert description.startswith("proofs.di_vp[0].@context")


@pytest.mark.spec("VCI-F.2-01", "VCI-F.4-01", "VCI-F.4-02")
@BOTH
@pytest.mark.parametrize(
    "value", [..., None, [], {}, 1, "VerifiableCredential", "verifiablepresentation", [["VerifiablePresentation"]]]
)
def test_it_is_a_presentation(holder: LocalSigner, value: Any) -> None:
    broken(lambda nonce: changed(presentation(nonce, holder), type=value), ".type")


@pytest.mark.spec("VCI-F.2-03")
@BOTH
@pytest.mark.parametrize(
    "value",
    [did(ANOTHER), did_url(), f"{did()} ", did().upper(), None, [], [did()], {}, {"id": did(ANOTHER)}, {"id": [did()]}, 1],
)
def test_the_holder_is_the_controller_of_the_key(holder: LocalSigner, value: Any) -> None:
    method = did_url() if holder is HOLDER else did_url(JCS)
    own = value if value != {"id": [did()]} else {"id": [method.partition("#")[0]]}
    broken(lambda nonce: changed(presentation(nonce, holder), holder=own), ".holder")


@pytest.mark.spec("VCI-F.2-03")
def test_a_holder_is_no_object_in_the_older_model() -> None:
    holder = {"id": did()}
    broken(lambda nonce: presentation(nonce, context=(V1, DATA_INTEGRITY), holder=holder), ".holder")


@pytest.mark.spec("VCI-F.2-03", "VCI-F.2-11")
def test_a_holder_who_has_not_the_key_proves_nothing() -> None:
    """Signed by the holder of another key, though the one that is named is well known."""
    broken(lambda nonce: presentation(nonce, signer=ANOTHER), ".proof.proofValue")
    broken(lambda nonce: presentation(nonce, JCS, signer=ANOTHER), ".proof.proofValue")


def test_contexts_are_those_that_are_known() -> None:
    unknown = "https://www.w3.org/ns/credentials/examples/v2"
    text = broken(lambda nonce: changed(presentation(nonce), **{"@context": [V2, unknown]}), ".@context[1]")
    assert "examples" not in text
    own = {"@vocab": "https://vocabulary.example/"}
    broken(lambda nonce: changed(presentation(nonce), **{"@context": [V2, own]}), ".@context[1]")
    inner = {"@context": [V2, unknown], "type": "VerifiableCredential"}
    assert "@context" in broken(lambda nonce: changed(presentation(nonce), verifiableCredential=inner))
    for place in ("https://x.example/p", "@included", "@graph", "@reverse"):
        for within in (own, [own], [V2, own]):
            there: Any = {"@context": within, "x": 1}
            if place == "@reverse":
                there = {"https://x.example/p": there}
            text = broken(lambda nonce, place=place, there=there: changed(presentation(nonce), **{place: there}))  # type: ignore[misc]
            assert "neither served nor registered" in text


def test_contexts_can_be_registered() -> None:
    url, context = "https://contexts.example/v1", {"@context": {"purpose": "https://vocabulary.example/purpose"}}
    contexts = Contexts({url: context})
    where = world(proof_type=DiVpProofType(contexts=contexts))
    for listed in (url, context["@context"]):

        def made(nonce: str, listed: Any = listed) -> dict[str, Any]:
            return presentation(nonce, context=(V2, listed), contexts=contexts, purpose="a bank account")

        accepted(where, made(where.nonce()))
        broken(lambda nonce, made=made: changed(made(nonce), purpose="another"), ".proof.proofValue", where=where)  # type: ignore[misc]


def test_without_linked_data_no_context_needs_to_be_known() -> None:
    where = world()
    accepted(where, presentation(where.nonce(), JCS, context=(V2, "https://unknown.example/v1", {"x": "urn:x"})))


# --- the proof ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.2-04", "VCI-F.4-01")
@BOTH
@pytest.mark.parametrize("value", [..., None, "eyJhbGciOiJFUzI1NiJ9.e30.AA", 1, [], ["x"], [[{}]], [None]])
def test_there_is_a_proof(holder: LocalSigner, value: Any) -> None:
    broken(lambda nonce: changed(presentation(nonce, holder), proof=value), ".proof")


@pytest.mark.spec("VCI-F.2-04")
@BOTH
def test_several_proofs_are_none(holder: LocalSigner) -> None:
    """Which of them proves the key to be bound could not be told."""

    def several(nonce: str) -> dict[str, Any]:
        good, other = presentation(nonce, holder), presentation(nonce, ANOTHER, holder=did(holder))
        return {**good, "proof": [good["proof"], other["proof"]]}

    broken(several, ".proof")


@pytest.mark.spec("VCI-F.2-04", "VCI-F.4-02")
@BOTH
@pytest.mark.parametrize("value", [..., None, "", "Ed25519Signature2020", "dataintegrityproof", ["DataIntegrityProof"], 1])
def test_it_is_a_data_integrity_proof(holder: LocalSigner, value: Any) -> None:
    broken(lambda nonce: changed(presentation(nonce, holder), {"type": value}), ".proof.type")


@pytest.mark.spec("VCI-F.2-05", "VCI-F.2-06", "VCI-F.2-13", "VCI-F.4-01", "VCI-F.4-03")
@BOTH
@pytest.mark.parametrize(
    "value",
    [
        ...,
        None,
        "",
        "none",
        "eddsa-2022",
        "ES256",
        "ECDSA-RDFC-2019",
        "ecdsa-rdfc-2019 ",
        "ecdsa-sd-2023",
        1,
        ["ecdsa-rdfc-2019"],
    ],
)
def test_the_cryptosuite_is_there_and_known(holder: LocalSigner, value: Any) -> None:
    broken(lambda nonce: changed(presentation(nonce, holder), {"cryptosuite": value}), ".proof.cryptosuite")


@pytest.mark.spec("VCI-F.2-06", "VCI-F.2-13", "VCI-F.4-03")
@pytest.mark.parametrize("name", [name for name in SUITES if not name.startswith("ecdsa-rdfc")])
def test_a_cryptosuite_that_is_not_listed_is_refused_though_the_signature_verifies(name: str) -> None:
    broken(lambda nonce: presentation(nonce, HOLDERS[name]), ".proof.cryptosuite", where=world("ecdsa-rdfc-2019"))


@pytest.mark.spec("VCI-F.4-03")
@pytest.mark.parametrize("suite", ["eddsa-rdfc-2022", "eddsa-jcs-2022"])
def test_the_cryptosuite_goes_with_the_key(suite: str) -> None:
    broken(lambda nonce: changed(presentation(nonce), {"cryptosuite": suite}), ".proof.cryptosuite")


@pytest.mark.spec("VCI-F.2-07", "VCI-F.4-01")
@BOTH
@pytest.mark.parametrize("value", [..., None, "assertionMethod", "Authentication", "", ["authentication"], "keyAgreement"])
def test_the_purpose_is_authentication(holder: LocalSigner, value: Any) -> None:
    broken(lambda nonce: changed(presentation(nonce, holder), {"proofPurpose": value}), ".proof.proofPurpose")
    if isinstance(value, str) and value.endswith("Method"):
        broken(lambda nonce: presentation(nonce, holder, options={"proofPurpose": value}), ".proof.proofPurpose")


@pytest.mark.spec("VCI-F.2-08", "VCI-8.2-20", "VCI-F.4-01")
@BOTH
@pytest.mark.parametrize(
    "value",
    [
        *(
            ...,
            None,
            "",
            [],
            1,
            {},
            "issuer.example",
            "did:web:issuer.example",
            CREDENTIAL,
            f"{IDENTIFIER}/",
            IDENTIFIER.upper(),
        ),
        *([IDENTIFIER, IDENTIFIER], [IDENTIFIER, "https://other.example"], ["https://other.example"], [[IDENTIFIER]]),
    ],
)
def test_the_domain_is_the_issuer_and_nobody_else(holder: LocalSigner, value: Any) -> None:
    broken(lambda nonce: changed(presentation(nonce, holder), {"domain": value}), ".proof.domain")
    if isinstance(value, str) and value:
        broken(lambda nonce: presentation(nonce, holder, options={"domain": value}), ".proof.domain")


@pytest.mark.spec("VCI-F.2-09", "VCI-8.2-21", "VCI-F.4-06")
@BOTH
def test_the_challenge_is_a_nonce_of_the_issuer(holder: LocalSigner) -> None:
    broken(lambda nonce: presentation(None, holder))
    broken(lambda nonce: presentation(None, holder, options={"nonce": nonce}))
    for value in (None, "", 1, ["x"]):
        broken(lambda nonce, value=value: changed(presentation(nonce, holder), {"challenge": value}), ".proof.challenge")  # type: ignore[misc]
    another = Nonces(secret_keys(2)).new(IDENTIFIER, now=NOW, new_secret=bytes)
    for value in ("x", another):
        broken(lambda nonce, value=value: presentation(value, holder), error="invalid_nonce")  # type: ignore[misc]
    broken(lambda nonce: presentation(f"{nonce}x", holder), error="invalid_nonce")
    old = world().nonce(now=NOW - 86_400)
    broken(lambda nonce: presentation(old, holder), error="invalid_nonce")


@BOTH
def test_a_presentation_serves_once(holder: LocalSigner) -> None:
    where = world()
    made = presentation(where.nonce(), holder)
    accepted(where, made)
    refused(where.credential(where.token("note"), order_of(made)), "invalid_nonce")


@pytest.mark.spec("VCI-F.2-10")
@BOTH
def test_without_a_nonce_endpoint_there_is_no_challenge(holder: LocalSigner) -> None:
    where = world(nonces=False)
    body = refused(where.credential(where.token("note"), order_of(presentation("x", holder))), "invalid_proof")
    assert body["error_description"].startswith("proofs.di_vp[0].proof.challenge: ")
    accepted(where, presentation(None, holder))
