"""`jwt` proofs as the Wallet makes them (OID4VCI F.1), and that issuers take them."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve

from oid4vci import _jose
from oid4vci.dids import DID_METHODS
from oid4vci.keys import KeyReference, LocalSigner, RemoteSigner, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.jwt_maker import JwtProofMaker
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.proofs.proof_type import Intended
from oid4vci.x509 import Anchors
from tests.issuance import CLIENT, IDENTIFIER, NOW, Issuance, issuance, order_of
from tests.jwt_proofs import accepted, did_url, taking
from tests.key_attestations import ATTESTER, ATTESTER_KEY, HOLDER, HOLDERS, Attestation, Resolving, known_attester, public
from tests.test_proofs_jwt_names import CERTIFIED, CERTIFIED_LEAF, ROOT

INTENDED = Intended(audience=IDENTIFIER, client_id=CLIENT, nonce="n", now=NOW, algorithms=("ES256", "EdDSA"))
PLAIN, OTHER = HolderKey(HOLDER), HolderKey(HOLDERS[1])
DID = HolderKey(HOLDER, did_url(HOLDER))
MAKER = JwtProofMaker()


def made(*keys: HolderKey, nonce: str | None = "n", key_attestation: str | None = None, **changes: Any) -> list[str]:
    intended = evolve(INTENDED, nonce=nonce, **changes)
    return MAKER.draft(keys, intended, key_attestation=key_attestation).finish()


def parts(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    read = _jose.parse(proof)
    return dict(read.header), read.claims()


# --- what is in them ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-06", "VCI-F.1-17", "VCI-F.1-18", "VCI-F.1-20")
def test_a_proof_names_its_key_by_jwk() -> None:
    (proof,) = made(PLAIN)
    assert parts(proof) == (
        {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": HOLDER.public_jwk},
        {"aud": IDENTIFIER, "iat": NOW, "nonce": "n", "iss": CLIENT},
    )
    _jose.verify(_jose.parse(proof), PLAIN.public_key, algorithms=("ES256",))


def test_the_jwk_says_nothing_but_the_key() -> None:
    """pitfall: `alg` inside the jwk, proof refused by issuers."""
    jwk = {**HOLDER.public_jwk, "alg": "ES256", "use": "sig", "kid": "k"}
    signer = RemoteSigner("k", "ES256", jwk)
    (given,) = MAKER.draft([HolderKey(signer)], INTENDED).to_sign
    header = _jose.parse(_jose.compact(given.data, bytes(64))).header
    assert header["jwk"].keys() == {"kty", "crv", "x", "y"}


@pytest.mark.spec("VCI-F.1-04", "VCI-F.1-05")
def test_a_proof_names_its_key_by_did_url() -> None:
    header, _ = parts(*made(DID))
    assert header == {"typ": "openid4vci-proof+jwt", "alg": "ES256", "kid": did_url(HOLDER)}


@pytest.mark.spec("VCI-F.1-08", "VCI-F.1-09")
def test_a_proof_names_its_key_by_certificates() -> None:
    header, _ = parts(*made(HolderKey(CERTIFIED, x5c=[CERTIFIED_LEAF, ROOT])))
    assert header.keys() == {"typ", "alg", "x5c"}
    assert [b64decode(each) for each in header["x5c"]] == [CERTIFIED_LEAF, ROOT]


@pytest.mark.spec("VCI-F.1-16", "VCI-F.1-14")
def test_iss_is_omitted_by_an_anonymous_client() -> None:
    assert "iss" not in parts(*made(PLAIN, client_id=None))[1]


@pytest.mark.spec("VCI-F.1-19")
def test_nonce_is_there_if_the_issuer_has_a_nonce_endpoint() -> None:
    assert "nonce" not in parts(*made(PLAIN, nonce=None))[1]


def test_one_proof_for_each_key_in_their_order() -> None:
    proofs = made(PLAIN, OTHER, HolderKey(CERTIFIED, x5c=[CERTIFIED_LEAF]))
    for proof, signer in zip(proofs, (HOLDER, HOLDERS[1], CERTIFIED), strict=True):
        _jose.verify(_jose.parse(proof), public_key(signer.public_jwk), algorithms=("ES256",))


def test_a_proof_needs_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        made()


@pytest.mark.spec("VCI-F.1-24")
def test_the_issuer_takes_the_algorithm() -> None:
    p384 = HolderKey(LocalSigner.generate("x", "ES384"))
    with pytest.raises(ValueError, match="takes proofs by ES256, EdDSA, not ES384"):
        made(PLAIN, p384)
    assert len(made(PLAIN, p384, algorithms=None)) == 2


def test_what_can_be_signed_by() -> None:
    assert MAKER.signs
    assert MAKER.key_algorithms(("ES512", "X", "ES256", -7, "HS256", "none")) == ("ES512", "ES256")
    assert MAKER.key_algorithms(()) == ()


def test_keys_elsewhere_sign_through_to_sign() -> None:
    remote = HolderKey(RemoteSigner("enclave", "ES256", HOLDERS[1].public_jwk))
    draft = MAKER.draft([PLAIN, remote], INTENDED)
    (to_sign,) = draft.to_sign
    assert (to_sign.key_id, to_sign.algorithm) == ("enclave", "ES256")
    signature = HOLDERS[1].sign(to_sign.data)
    first, second = draft.finish([signature])
    _jose.verify(_jose.parse(first), PLAIN.public_key, algorithms=("ES256",))
    _jose.verify(_jose.parse(second), OTHER.public_key, algorithms=("ES256",))
    for wrong in ([], [signature, signature], [signature[:-1]]):
        with pytest.raises(ValueError, match="signature"):
            draft.finish(wrong)
    assert "eyJ" not in repr(draft)


# --- with key attestations --------------------------------------------------------------------------------------------------------


def attestation(nonce: str | None = "n", keys: Sequence[LocalSigner] = HOLDERS[:3], **changes: Any) -> str:
    return str(Attestation(nonce, keys, **changes))


@pytest.mark.spec("VCI-F-04", "VCI-F.1-10")
def test_one_proof_by_one_key_brings_the_attestation_of_all() -> None:
    token = attestation()
    (proof,) = made(OTHER, PLAIN, key_attestation=token)
    header, claims = parts(proof)
    assert header == {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": HOLDERS[1].public_jwk, "key_attestation": token}
    assert claims["nonce"] == "n"
    _jose.verify(_jose.parse(proof), OTHER.public_key, algorithms=("ES256",))


def test_a_key_that_is_to_be_bound_to_a_did_makes_its_own_proof() -> None:
    third = HolderKey(HOLDERS[2], did_url(HOLDERS[2]))
    assert [parts(each)[0].get("kid") for each in made(DID, OTHER, third, key_attestation=attestation())] == [
        did_url(HOLDER),
        did_url(HOLDERS[2]),
    ]


@pytest.mark.parametrize("method", DID_METHODS)
def test_a_did_that_is_another_key_names_none_of_ours(method: str) -> None:
    assert HolderKey(HOLDER, did_url(HOLDER, method)).did_url == did_url(HOLDER, method)
    with pytest.raises(ValueError, match="must name the signer's key"):
        HolderKey(HOLDER, did_url(HOLDERS[1], method))
    with pytest.raises(ValueError, match="does not have"):
        HolderKey(HOLDER, f"{did_url(HOLDER, method)}x")


@pytest.mark.spec("VCI-F-04", "VCI-D.1-14")
@pytest.mark.parametrize("keys", [(HolderKey(CERTIFIED),), (PLAIN, HolderKey(CERTIFIED)), (HolderKey(CERTIFIED), PLAIN)])
def test_every_key_is_attested(keys: tuple[HolderKey, ...]) -> None:
    with pytest.raises(ValueError, match="not for all of these keys"):
        made(*keys, key_attestation=attestation())


@pytest.mark.spec("VCI-D.1-07", "VCI-F.1-11", "VCI-F.1-25", "VCI-D.1-06")
@pytest.mark.parametrize(
    ("token", "because"),
    [
        (attestation(claims={"exp": None}), "needs exp"),
        (attestation(claims={"exp": NOW}), "expired"),
        (attestation(None), "nonce"),
        (attestation("other"), "nonce"),
        (attestation(claims={"nonce": 1}), "nonce"),
        (attestation(claims={"attested_keys": []}), "attested_keys"),
        (attestation(header={"typ": "JWT"}), "typ"),
        (attestation(signer=LocalSigner.generate("x", "ES384")), "takes key attestations by ES256"),
        ("x", "key_attestation"),
        ("", "key_attestation"),
    ],
)
def test_an_attestation_that_would_be_refused_is_not_sent(token: str, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        made(PLAIN, key_attestation=token)


def test_without_a_nonce_endpoint_the_attestation_needs_none() -> None:
    assert len(made(PLAIN, nonce=None, key_attestation=attestation(None))) == 1


# --- an issuer takes them ---------------------------------------------------------------------------------------------------------


def _certified() -> HolderKey:
    return HolderKey(CERTIFIED, x5c=[CERTIFIED_LEAF])


@pytest.mark.parametrize("key", [PLAIN, DID, HolderKey(HOLDER, did_url(HOLDER, "jwk")), _certified()])
def test_an_issuer_takes_what_is_made(key: HolderKey) -> None:
    world = taking(JwtProofType(holder_anchors=Anchors.from_der(ROOT)))
    order = accepted(lambda nonce: made(key, nonce=nonce), world)
    assert order.holder_keys == (key.public_key,)
    assert order.holder_keys[0].did_url == key.did_url


def test_an_issuer_takes_what_an_anonymous_client_made() -> None:
    world = issuance(anonymous=True)
    proofs = made(PLAIN, nonce=world.nonce(), client_id=None)
    assert world.credential(world.token("note", client_id=None), order_of(*proofs)).status == 200


@pytest.mark.spec("VCI-F.1-22", "VCI-F-04", "HAIP-4.5.1-09")
@pytest.mark.parametrize("named", [False, True])
def test_an_issuer_takes_an_attestation_of_all_keys(named: bool) -> None:
    world = taking(JwtProofType(key_attestations=known_attester()), required=KeyAttestationsRequired())
    keys = [HolderKey(each, did_url(each) if named else None) for each in HOLDERS[:3]]

    def make(nonce: str | None) -> list[str]:
        data = key_attestation_signing_input(
            ATTESTER_KEY,
            issuer=ATTESTER,
            attested_keys=[key.public_key for key in keys],
            now=NOW,
            lifetime=600,
            nonce=nonce,
        )
        return made(*keys, nonce=nonce, key_attestation=_jose.compact(data, ATTESTER_KEY.sign(data)))

    order = accepted(make, world)
    assert order.holder_keys == public(*HOLDERS[:3])
    assert [key.did_url for key in order.holder_keys] == [key.did_url for key in keys]
    assert len(order.key_attestations) == 1


@pytest.mark.spec("VCI-F.1-04")
def test_a_did_web_from_the_wallet_to_the_credential() -> None:
    """The host finds the document of the DID, and the Credential is bound to the key that it has under that name."""
    url = "did:web:holder.example#key-1"
    documents = {"did:web:holder.example": {"verificationMethod": [{"id": url, "publicKeyJwk": dict(HOLDER.public_jwk)}]}}

    class Documents(Resolving):
        def resolve(self, references: Sequence[KeyReference], /) -> Any:
            self.asked.extend(references)
            found = {}
            for reference in references:
                document = documents.get(reference.url.partition("#")[0], {"verificationMethod": []})
                methods = [each for each in document["verificationMethod"] if each["id"] == reference.url]
                if methods:
                    found[reference] = [public_key(each["publicKeyJwk"]) for each in methods]
            return found

    world: Issuance = taking(host=Documents({}), bindings=("did:web",))
    order = accepted(lambda nonce: made(HolderKey(HOLDER, url), nonce=nonce), world)
    assert order.holder_keys == public(HOLDER)
    assert order.holder_keys[0].did_url == url
    assert world.host.asked == [KeyReference(url)]


def test_every_kind_of_key_with_a_did() -> None:
    for algorithm in ("ES256", "ES384", "ES512", "ES256K", "Ed25519", "EdDSA"):
        signer = LocalSigner.generate("x", algorithm)
        did = DID_METHODS["key"].did(public_key(signer.public_jwk))
        key = HolderKey(signer, DID_METHODS["key"].verification_method(did))
        world = taking(algorithms=(algorithm,), bindings=("did:key",))
        order = accepted(lambda nonce, key=key: made(key, nonce=nonce, algorithms=None), world)  # type: ignore[misc]
        assert order.holder_keys[0].did_url == key.did_url
