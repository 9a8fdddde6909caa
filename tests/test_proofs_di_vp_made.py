"""`di_vp` proofs that a Wallet makes (OID4VCI F.2), the one that the specification has, and others that nobody makes."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.data_integrity import CRYPTOSUITES
from oid4vci.errors import InvalidProof
from oid4vci.keys import LocalSigner, PublicKey, RemoteSigner, SigningInput, public_key
from oid4vci.proofs.di_vp import DiVpProofMaker, DiVpProofType
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.proof_type import Expected, Intended, ProofMaker, ProofType
from tests.issuance import CLIENT, IDENTIFIER, NOW, refused
from tests.presentations import (
    BINDING,
    HOLDER,
    HOLDERS,
    JCS,
    V1,
    V2,
    accepted,
    changed,
    did,
    did_url,
    order_of,
    presentation,
    world,
)

MAKER: ProofMaker = DiVpProofMaker()
READER: ProofType = DiVpProofType()
WEB_KEY = "did:web:holder.example#key-1"


def intended(**members: Any) -> Intended:
    values = {
        "audience": IDENTIFIER,
        "client_id": CLIENT,
        "nonce": "n",
        "now": NOW,
        "algorithms": tuple(CRYPTOSUITES),
        **members,
    }
    return Intended(**values)


def make(*keys: HolderKey, maker: ProofMaker = MAKER, **members: Any) -> list[Any]:
    return maker.draft(keys, intended(**members)).finish()


def verify(made: list[Any], *, nonce: bool = True) -> tuple[PublicKey, ...]:
    expected = Expected(
        audience=IDENTIFIER,
        client_id=CLIENT,
        algorithms=tuple(CRYPTOSUITES),
        binding_methods=BINDING,
        nonce=nonce,
        max_keys=100,
        now=NOW,
    )
    return READER.read(made).verify(expected, keys={}, statuses={}).keys


# --- making -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F-02", "VCI-F.2-01", "VCI-F.2-04", "VCI-F.2-05", "VCI-F.2-07", "VCI-F.2-08", "VCI-F.2-09")
@pytest.mark.parametrize("name", HOLDERS)
def test_a_wallet_makes_what_an_issuer_takes(name: str) -> None:
    suite, holder, where = name.partition(" ")[0], HOLDERS[name], world()
    nonce = where.nonce()
    made = make(HolderKey(holder), nonce=nonce, algorithms=("ES256", -7, suite))
    (whole,) = made
    proof = whole["proof"]
    assert whole.keys() == {"@context", "type", "holder", "proof"}
    assert (whole["@context"], whole["type"], whole["holder"]) == ([V2], ["VerifiablePresentation"], did(holder))
    assert proof.pop("proofValue")
    assert proof.pop("@context", [V2]) == [V2]
    assert proof == {
        "type": "DataIntegrityProof",
        "cryptosuite": suite,
        "created": "2027-01-15T08:00:00Z",
        "verificationMethod": did_url(holder),
        "proofPurpose": "authentication",
        "domain": IDENTIFIER,
        "challenge": nonce,
    }
    order = accepted(where, *make(HolderKey(holder), nonce=nonce, algorithms=(suite,)))
    assert order.holder_keys[0].did_url == did_url(holder)


@pytest.mark.spec("VCI-F.2-10")
def test_without_a_nonce_there_is_no_challenge() -> None:
    made = make(HolderKey(HOLDER), nonce=None)
    assert "challenge" not in made[0]["proof"]
    assert verify(made, nonce=False)
    where = world(nonces=False)
    accepted(where, *make(HolderKey(HOLDER), nonce=None))


def test_a_key_has_the_name_that_it_was_given() -> None:
    for name in (did_url(HOLDER, "jwk"), WEB_KEY):
        (made,) = make(HolderKey(HOLDER, did_url=name))
        assert (made["holder"], made["proof"]["verificationMethod"]) == (name.partition("#")[0], name)
    assert verify(make(HolderKey(HOLDER, did_url=did_url(HOLDER, "jwk"))))[0].did_url == did_url(HOLDER, "jwk")


def test_the_older_data_model() -> None:
    made = make(HolderKey(HOLDER), maker=DiVpProofMaker(context=V1))
    assert made[0]["@context"][0] == V1
    assert verify(made)


@pytest.mark.spec("VCI-F.2-06")
def test_the_cryptosuite_is_one_that_is_listed_and_goes_with_the_key() -> None:
    def chosen(name: str, *listed: Any, maker: ProofMaker = MAKER) -> str:
        suite: str = make(HolderKey(HOLDERS[name]), algorithms=listed or None, maker=maker)[0]["proof"]["cryptosuite"]
        return suite

    assert chosen("eddsa-jcs-2022") == "eddsa-rdfc-2022"
    assert chosen("ecdsa-jcs-2019", *CRYPTOSUITES) == "ecdsa-rdfc-2019"
    assert chosen("ecdsa-jcs-2019", "eddsa-rdfc-2022", "ecdsa-jcs-2019") == "ecdsa-jcs-2019"
    plain = DiVpProofMaker(cryptosuites=["ecdsa-jcs-2019", "ecdsa-rdfc-2019"])
    assert chosen("ecdsa-rdfc-2019", *CRYPTOSUITES, maker=plain) == "ecdsa-jcs-2019"
    for listed in (("eddsa-rdfc-2022",), ("ES256", -7), ("ECDSA-RDFC-2019",)):
        with pytest.raises(ValueError, match="no cryptosuite"):
            chosen("ecdsa-rdfc-2019", *listed)
    with pytest.raises(ValueError, match="no cryptosuite"):
        make(HolderKey(LocalSigner.generate("other", "ES512")), algorithms=None)


def test_the_algorithms_of_keys_that_can_sign() -> None:
    assert MAKER.signs
    assert tuple(MAKER.key_algorithms(["ecdsa-jcs-2019", "x", -7, "eddsa-rdfc-2022", "ecdsa-rdfc-2019"])) == (
        *("ES256", "ES384"),
        *("EdDSA", "Ed25519"),
    )
    assert not MAKER.key_algorithms(["ES256", "eddsa-2022"])
    assert tuple(DiVpProofMaker(cryptosuites=("eddsa-jcs-2022",)).key_algorithms(tuple(CRYPTOSUITES))) == ("EdDSA", "Ed25519")


def test_keys_elsewhere_sign_bytes() -> None:
    holders = [HOLDERS["ecdsa-rdfc-2019 P-384"], HOLDER, HOLDERS["eddsa-jcs-2022"]]
    remote = [RemoteSigner(each.key_id, each.algorithm, each.public_jwk) for each in holders]
    draft = MAKER.draft([HolderKey(remote[0]), HolderKey(HOLDER), HolderKey(remote[2])], intended())
    assert [(each.key_id, each.algorithm) for each in draft.to_sign] == [("p384", "ES384"), ("ed-jcs", "Ed25519")]
    assert [len(each.data) for each in draft.to_sign] == [96, 64]
    assert all(isinstance(each, SigningInput) for each in draft.to_sign)
    signatures = [holder.sign(each.data) for holder, each in zip((holders[0], holders[2]), draft.to_sign, strict=True)]
    assert verify(draft.finish(signatures)) == tuple(public_key(each.public_jwk) for each in holders)
    for wrong in ((), signatures[:1], [*signatures, b"x"], [b"x", signatures[1]]):
        with pytest.raises(ValueError, match=r"signature"):
            draft.finish(wrong)


def test_what_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="key attestation"):
        MAKER.draft([HolderKey(HOLDER)], intended(), key_attestation="e30.e30.AA")
    with pytest.raises(ValueError, match="base context"):
        DiVpProofMaker(context="https://www.w3.org/ns/did/v1")
    for names in ((), ("eddsa-2022",)):
        with pytest.raises(ValueError, match="cryptosuites must be some of"):
            DiVpProofMaker(cryptosuites=names)


# --- published ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.2-05", "VCI-F.2-08", "VCI-F.2-11")
def test_the_one_in_the_specification(vectors: Path) -> None:
    """Its cryptosuite, domain and time are no longer, or never were, what they must be; its value is no signature over it."""
    path = vectors / "oid4vci-1.0" / "062-di-vp-proof-type.parsed.json"
    made = json.loads(path.read_text())["json"]["di_vp"]
    where = world()
    body = refused(where.credential(where.token("note"), order_of(*made)), "invalid_proof")
    assert body["error_description"] == "proofs.di_vp[0].proof.cryptosuite: is not supported"

    def why(*changes: dict[str, Any]) -> str:
        document = copy.deepcopy(made[0])
        for change in changes:
            document["proof"][0] |= change
        with pytest.raises(InvalidProof) as refusal:
            verify([document])
        return str(refusal.value)

    named = {"cryptosuite": "eddsa-jcs-2022"}
    assert "@context[1]" in why({"cryptosuite": "eddsa-rdfc-2022"})
    assert "proof.domain" in why(named)
    assert "proof.created" in why(named, {"domain": IDENTIFIER})
    assert "proof.proofValue: does not verify" in why(named, {"domain": IDENTIFIER, "created": "2027-01-15T08:00:00Z"})


# --- nobody's -----------------------------------------------------------------------------------------------------------------

GOOD = {holder.key_id: presentation("n", holder) for holder in (HOLDER, JCS, HOLDERS["eddsa-rdfc-2022"])}
TEXTS = {name: json.dumps(made) for name, made in GOOD.items()}


def accepts(value: Any) -> bool:
    try:
        verify([value])
    except InvalidProof:
        return False
    return True


@pytest.mark.spec("VCI-F.2-11", "VCI-F.4-04")
@given(st.sampled_from(sorted(GOOD)), st.integers(0, min(map(len, TEXTS.values())) - 1), st.characters(codec="utf-8"))
def test_a_presentation_with_any_one_character_changed_is_refused(name: str, position: int, character: str) -> None:
    text = TEXTS[name]
    try:
        value = json.loads(text[:position] + character + text[position + 1 :])
    except ValueError:
        return
    assert accepts(value) is (value == GOOD[name])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["@context", "@id", "@type", "id", "type", "holder", "https://x.example/p"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
VALUES = JSON | st.sampled_from(
    [V1, V2, [V2], "did:key:z6Mk#z6Mk", did_url(), "urn:x", "_:b", [[]], {"@context": V2}, {"@id": 1}]
)
PLACES = st.sampled_from([*sorted(GOOD[HOLDER.key_id]), "id", "verifiableCredential", "termsOfUse", "x"])
OPTIONS = st.sampled_from([*sorted(GOOD[JCS.key_id]["proof"]), "id", "expires", "nonce", "previousProof", "x"])


@given(st.lists(VALUES, max_size=3))
def test_arbitrary_json_is_no_proof(values: list[Any]) -> None:
    try:
        keys = verify(values)
    except InvalidProof:
        return
    assert not values
    assert not keys


def _reads(name: str, made: dict[str, Any]) -> None:
    """Nothing but the library's own error, and what is accepted still proves the same key."""
    try:
        keys = verify([made])
    except InvalidProof:
        return
    assert keys == verify([GOOD[name]])


@given(st.sampled_from(sorted(GOOD)), PLACES, VALUES)
def test_arbitrary_members(name: str, place: str, value: Any) -> None:
    _reads(name, changed(GOOD[name], **{place: value}))


@given(st.sampled_from(sorted(GOOD)), OPTIONS, VALUES)
def test_arbitrary_options(name: str, place: str, value: Any) -> None:
    _reads(name, changed(GOOD[name], {place: value}))
