"""The `attestation` proof type (OID4VCI F.3): validated by an issuer, made by a Wallet."""

from typing import Any

import pytest

from oid4vci.errors import InvalidProof
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.metadata import CredentialIssuerMetadata, KeyAttestationsRequired
from oid4vci.proofs.attestation import AttestationProofMaker, AttestationProofType
from oid4vci.proofs.attested_keys import AttestedKeys
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.key_attestation import HIGH, MODERATE
from oid4vci.proofs.proof_type import Intended, ProofMaker, ProofType
from tests.issuance import IDENTIFIER, NOW, Host, Proof, issuance, refused, secret_keys
from tests.issuance import order_of as order_of_jwts
from tests.key_attestations import (
    HOLDER,
    HOLDERS,
    Attestation,
    accepted,
    attesting,
    broken,
    certified,
    claims,
    known_attester,
    order_of,
    public,
)

# --- one JWT, many keys -------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F-03", "VCI-8.2-13")
def test_the_array_has_exactly_one_key_attestation() -> None:
    """Whatever the batch size: it bounds the keys."""
    world = attesting()

    def good(nonce: str | None) -> str:
        return str(Attestation(nonce))

    broken(lambda nonce: [good(nonce)] * 2, "exactly one key attestation", world=world)
    broken(lambda nonce: [good(nonce), str(Attestation(nonce, HOLDERS[1:2]))], "exactly one key attestation", world=world)
    broken(lambda nonce: [], "must be a non-empty array", world=world)
    for proofs in ("x", None, {}, {"0": "x"}, True):
        token, nonce = world.token("note"), world.nonce()
        body = {"credential_configuration_id": "note", "proofs": {"attestation": good(nonce) if proofs == "x" else proofs}}
        refused(world.credential(token, body), "invalid_proof")


def test_a_request_has_proofs_of_one_type() -> None:
    world = attesting()
    token, nonce = world.token("note"), world.nonce()
    both = {"attestation": [str(Attestation(nonce))], "jwt": [str(Proof(nonce, HOLDER))]}
    refused(world.credential(token, {"credential_configuration_id": "note", "proofs": both}), "invalid_proof")
    refused(world.credential(token, order_of_jwts(Proof(nonce, HOLDER))), "invalid_proof")
    assert world.credential(token, order_of(Attestation(nonce))).status == 200


@pytest.mark.spec("VCI-F.3-04", "VCI-F-05", "HAIP-4.5.1-09")
@pytest.mark.parametrize("count", [1, 3, 4])
def test_there_is_a_credential_for_each_attested_key(count: int) -> None:
    """None of which has signed anything."""
    world = attesting()
    token, nonce = world.token("note"), world.nonce()
    response = world.credential(token, order_of(Attestation(nonce, HOLDERS[:count])))
    assert response.status == 200
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.holder_keys == public(*HOLDERS[:count])
    assert len({each["credential"] for each in response.json()["credentials"]}) == count


def test_more_keys_than_the_batch_size_are_refused() -> None:
    broken(lambda nonce: Attestation(nonce, HOLDERS[:5]), "attested_keys: has more keys than the batch size allows")
    alone = attesting(batch_size=None)
    broken(lambda nonce: Attestation(nonce, HOLDERS[:2]), "more keys than the batch size", world=alone)
    accepted(Attestation, alone)


def test_a_key_that_is_attested_twice_is_one_key() -> None:
    """Whatever else its JWKs say."""
    jwk = dict(HOLDER.public_jwk)
    keys = [jwk, {**jwk, "kid": "1"}, {**jwk, "use": "sig", "alg": "ES256"}, dict(HOLDERS[1].public_jwk), jwk, jwk]
    attestation = accepted(claims(attested_keys=keys))
    assert attestation.keys == public(HOLDER, HOLDERS[1])
    accepted(claims(attested_keys=[jwk] * 100), attesting(batch_size=None))


def test_attested_keys_of_other_kinds() -> None:
    keys = tuple(LocalSigner.generate("x", algorithm) for algorithm in ("ES384", "EdDSA", "ES256K"))
    assert accepted(lambda nonce: Attestation(nonce, keys)).keys == public(*keys)


# --- nonce and freshness ------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.3-02", "VCI-8.2-21", "VCI-D.1-12")
def test_the_nonce_is_the_issuer_s() -> None:
    broken(claims(nonce=None), "a key proof has no nonce")
    for nonce in ("", "x", "x" * 10_000):
        broken(claims(nonce=nonce), error="invalid_nonce")
    others: list[Any] = [1, True, [], {}, ["x"]]
    for other in others:
        broken(claims(nonce=other), "proofs.attestation[0].nonce: must be a string")
    another = issuance(keys=secret_keys(7))
    broken(claims(nonce=another.nonce()), error="invalid_nonce")


@pytest.mark.spec("VCI-F.4-06", "VCI-F.3-02")
def test_a_nonce_serves_once_and_not_for_ever() -> None:
    world = attesting()
    token, nonce = world.token("note"), world.nonce()
    made = Attestation(nonce)
    assert world.credential(token, order_of(made)).status == 200
    refused(world.credential(world.token("note"), order_of(made)), "invalid_nonce")
    late = NOW + 3000
    refused(world.credential(world.token("note", now=late), order_of(Attestation(world.nonce())), now=late), "invalid_nonce")


@pytest.mark.spec("VCI-13.8-05", "VCI-F.4-07")
def test_with_a_nonce_an_attestation_may_be_older_than_that() -> None:
    accepted(claims(iat=NOW - 86_400 * 365, exp=None))


@pytest.mark.spec("VCI-F.3-02", "VCI-F.4-07")
@pytest.mark.parametrize("nonce", [None, "", "whatever"])
def test_without_a_nonce_endpoint_iat_shows_that_it_is_fresh(nonce: str | None) -> None:
    """Whatever `exp` says, and whatever nonce there is."""
    world = attesting(nonces=False)
    for iat in (NOW - 300, NOW, NOW + 60):
        accepted(claims(iat=iat, exp=None, nonce=nonce), world)
    for past in (NOW - 301, 0, -1, -1e300):
        broken(claims(iat=past, exp=NOW + 9999, nonce=nonce), "proofs.attestation[0].iat: is too long ago", world=world)
    broken(claims(iat=NOW + 61, nonce=nonce), "proofs.attestation[0].iat: is in the future", world=world)


def test_how_old_it_may_be_is_a_setting() -> None:
    hour = attesting(known_attester(max_age=3600), nonces=False)
    accepted(claims(iat=NOW - 3600, nonce=None), hour)
    broken(claims(iat=NOW - 3601, nonce=None), "too long ago", world=hour)
    accepted(claims(iat=0, nonce=None), attesting(known_attester(max_age=None), nonces=False))
    strict = attesting(known_attester(max_skew=0), nonces=False)
    broken(claims(iat=NOW + 1, nonce=None), "in the future", world=strict)


def test_with_a_proof_it_must_expire_and_may_be_old() -> None:
    """As the header of a `jwt` proof has it: the proof is fresh, the attestation lasts until it expires (D.1)."""
    terms: dict[str, Any] = {"algorithms": ("ES256",), "required": None, "max_keys": 1, "audience": IDENTIFIER}
    terms |= {"keys": {}, "statuses": {}, "now": NOW}
    read = known_attester().read
    old = str(Attestation(None, claims={"iat": NOW - 86_400}))
    for nonce in (True, False):
        assert read(old).verify(exp_required=True, nonce=nonce, **terms).issued_at == NOW - 86_400
        with pytest.raises(ValueError, match="exp: is missing"):
            read(str(Attestation(None, claims={"exp": None}))).verify(exp_required=True, nonce=nonce, **terms)


@pytest.mark.parametrize("bindings", [("did:web",), ("did:web", "did:example")])
def test_attested_keys_have_no_did_that_somebody_publishes(bindings: tuple[str, ...]) -> None:
    world = attesting(bindings=bindings)
    body = refused(world.credential(world.token("note"), order_of(Attestation(world.nonce()))), "invalid_proof")
    assert "named by no DID" in body["error_description"]


@pytest.mark.parametrize("bindings", [("cose_key",), ("did:web", "jwk"), ("did:key",), ("did:web", "did:jwk")])
def test_attested_keys_are_bound_as_they_are_or_by_a_did_made_of_them(bindings: tuple[str, ...]) -> None:
    assert accepted(Attestation, attesting(bindings=bindings)).keys == public(HOLDER)


# --- what the configuration says ----------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-13.3-01", "VCI-D-02")
def test_the_type_may_be_listed_without_key_attestations_required() -> None:
    """It is validated all the same, and the application sees it."""
    world = attesting(required=None)
    assert accepted(Attestation, world).key_storage == (HIGH,)
    accepted(claims(key_storage=None, user_authentication=None), world)
    stranger = LocalSigner.generate("stranger")
    broken(lambda nonce: Attestation(nonce, signer=stranger), "the signature does not verify", world=world)


@pytest.mark.spec("VCI-D-04", "VCI-12.2.4-64")
def test_what_is_required_is_published() -> None:
    for required, published in (
        (None, None),
        (KeyAttestationsRequired(), {}),
        (
            KeyAttestationsRequired(key_storage=(HIGH, "x"), user_authentication=(MODERATE,)),
            {"key_storage": [HIGH, "x"], "user_authentication": [MODERATE]},
        ),
    ):
        document = attesting(required=required).issuer.metadata.to_json()
        terms = document["credential_configurations_supported"]["note"]["proof_types_supported"]["attestation"]
        assert terms.get("key_attestations_required") == published
        assert ("key_attestations_required" in terms) is (required is not None)
        assert CredentialIssuerMetadata.from_json(document).to_json() == document


@pytest.mark.spec("VCI-13.8-03")
def test_nothing_is_issued_without_one() -> None:
    world = attesting()
    token = world.token("note")
    refused(world.credential(token, {"credential_configuration_id": "note"}), "invalid_proof")
    refused(world.credential(token, order_of_jwts(Proof(world.nonce(), HOLDER))), "invalid_proof")
    assert not world.host.orders[1:]


class Doubting(Host):
    """An application that does not like what it sees."""

    def decide(self, order: Any, /) -> Any:
        if isinstance(order, CredentialOrder):
            self.orders.append(order)
            return order.reject_proofs("these keys are not protected well enough")
        return super().decide(order)


@pytest.mark.spec("VCI-13.3-02", "VCI-D-03")
def test_the_application_may_refuse_what_was_verified() -> None:
    world = attesting(host=Doubting())
    response = world.credential(world.token("note"), order_of(Attestation(world.nonce())))
    assert "protected well enough" in refused(response, "invalid_proof")["error_description"]
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.key_attestations[0].key_storage == (HIGH,)


def test_an_issuer_that_is_not_set_up_for_it_does_not_announce_it() -> None:
    metadata = attesting().issuer.metadata
    with pytest.raises(ValueError, match="attestation cannot be validated"):
        issuance(metadata=metadata, encoders=attesting().issuer.encoders)
    with pytest.raises(ValueError, match="not all algorithms of attestation can be verified"):
        attesting(algorithms=("ES256", "HS256"))


def test_it_is_a_proof_type_like_others() -> None:
    proof_type: ProofType = AttestationProofType(known_attester())
    assert proof_type.validates_key_attestations
    assert "ES256" in proof_type.algorithms
    with pytest.raises(InvalidProof, match="exactly one key attestation"):
        proof_type.read([])


# --- the wallet's side --------------------------------------------------------------------------------------------------------

MAKER: ProofMaker = AttestationProofMaker()


def intended(nonce: str | None, **changes: Any) -> Intended:
    return Intended(
        **{"audience": IDENTIFIER, "client_id": None, "nonce": nonce, "now": NOW, "algorithms": ("ES256",), **changes}
    )


@pytest.mark.spec("HAIP-4.5.1-04", "VCI-F-03", "VCI-F-05")
def test_the_key_attestation_is_the_proof() -> None:
    world = attesting()
    token, nonce = world.token("note"), world.nonce()
    remote = [HolderKey(RemoteSigner(each.key_id, "ES256", each.public_jwk)) for each in HOLDERS[:2]]
    draft = MAKER.draft(remote, intended(nonce), key_attestation=str(Attestation(nonce, HOLDERS[:2])))
    assert draft.to_sign == ()
    body = {"credential_configuration_id": "note", "proofs": {"attestation": draft.finish()}}
    assert len(world.credential(token, body).json()["credentials"]) == 2
    with pytest.raises(ValueError, match="0 signatures"):
        draft.finish([b"x"])
    assert not MAKER.signs
    assert list(MAKER.key_algorithms(("ES256", "EdDSA"))) == []
    assert str(Attestation(nonce)) not in repr(draft)


def test_keys_need_not_be_named() -> None:
    made = str(Attestation("n", HOLDERS[:3]))
    for keys in ((), HOLDERS[:1], HOLDERS[:3]):
        holders = [HolderKey(key) for key in keys]
        assert MAKER.draft(holders, intended("n"), key_attestation=made).finish() == [made]


@pytest.mark.spec("VCI-F.3-02", "VCI-F.3-05", "VCI-F.3-01")
@pytest.mark.parametrize(
    ("made", "because"),
    [
        (Attestation("other"), "must be the c_nonce"),
        (Attestation(None), "must be the c_nonce"),
        (Attestation("n", claims={"nonce": 1}), "key_attestation.nonce: must be a string"),
        (Attestation("n", header={"typ": "JWT"}), "key_attestation.header: typ must be"),
        (Attestation("n", header={"typ": None}), "key_attestation.header: typ must be"),
        (Attestation("n", header={"alg": None}), "key_attestation.header: alg must be a string"),
        (Attestation("n", header={"alg": "none"}), "signed by ES256, not none"),
        (Attestation("n", header={"alg": "ES384"}), "signed by ES256, not ES384"),
        (Attestation("n", claims={"exp": NOW}), "has expired"),
        (Attestation("n", claims={"iat": None}), "key_attestation.iat: must be a number"),
        (Attestation("n", claims={"attested_keys": []}), "key_attestation.attested_keys: must be an array"),
        (Attestation("n", claims={"attested_keys": ["x"]}), r"key_attestation.attested_keys\[0\]"),
        (Attestation("n", HOLDERS[1:3]), "is not for all of these keys"),
        ("x", "key_attestation: not a JWT"),
        ("", "key_attestation: not a JWT"),
    ],
)
def test_what_the_issuer_would_refuse_is_not_sent(made: Any, because: str) -> None:
    with pytest.raises(ValueError, match=because):
        MAKER.draft([HolderKey(HOLDER)], intended("n"), key_attestation=str(made))


def test_a_proof_by_attestation_needs_one() -> None:
    with pytest.raises(ValueError, match="needs a key attestation"):
        MAKER.draft([HolderKey(HOLDER)], intended("n"))
    with pytest.raises(ValueError, match="not for all of these keys"):
        MAKER.draft([HolderKey(key) for key in HOLDERS[:2]], intended("n"), key_attestation=str(Attestation("n")))


def test_where_there_is_no_nonce_endpoint_any_nonce_will_do() -> None:
    for nonce in (None, "x"):
        made = str(Attestation(nonce, claims={"exp": None}))
        assert MAKER.draft([], intended(None, algorithms=None), key_attestation=made).finish() == [made]


@pytest.mark.spec("VCI-D-05")
def test_a_wallet_reads_what_it_is_given_without_believing_it() -> None:
    stranger = LocalSigner.generate("stranger", "ES512")
    made = Attestation("n", (*HOLDERS[:2], HOLDER), signer=stranger)
    read = AttestedKeys.read(str(made), nonce="n", now=NOW)
    assert read == AttestedKeys(
        keys=(public_key(HOLDER.public_jwk), public_key(HOLDERS[1].public_jwk)),
        algorithm="ES512",
        nonce="n",
        expires_at=NOW + 3600,
        key_storage=(HIGH,),
        user_authentication=(MODERATE,),
    )
    assert AttestedKeys.read(str(certified(None)), nonce=None, now=NOW).algorithm == "ES256"
    bare = Attestation(None, claims={"exp": None, "key_storage": None, "user_authentication": None})
    few = AttestedKeys.read(str(bare), nonce=None, now=NOW)
    assert (few.nonce, few.expires_at, few.key_storage, few.user_authentication) == (None, None, (), ())
