"""Keys that are attested in `jwt` proofs (OID4VCI D.1, F.1): which of them made the proof, and which are proved.

Each test breaks one rule in an otherwise good request, at a whole issuer. See test_proofs_jwt_attestations.py for the rest.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner
from oid4vci.proofs.jwt import JwtProofType
from tests import jwt_proofs
from tests.issuance import Issuance, Proof
from tests.jwt_proofs import Made, by_x5c, did_url, taking
from tests.key_attestations import (
    ATTESTER,
    HOLDER,
    HOLDERS,
    Attestation,
    known_attester,
    public,
)
from tests.test_proofs_jwt_names import CERTIFIED, CERTIFIED_LEAF

ATTESTED = JwtProofType(key_attestations=known_attester())
OUTSIDER = LocalSigner.generate("outsider")


def believing(proof_type: JwtProofType = ATTESTED, **settings: Any) -> Issuance:
    return taking(proof_type, **settings)


def attested(
    nonce: str | None,
    keys: Sequence[LocalSigner] = HOLDERS[:3],
    holder: LocalSigner = HOLDER,
    *,
    by: Attestation | str | None = None,
    header: Any = None,
    **changes: Any,
) -> Proof:
    """A proof by `holder`, in a `jwk`, with an attestation of `keys`."""
    token = str(Attestation(nonce, keys) if by is None else by)
    return Proof(nonce, holder, header={"key_attestation": token, **(header or {})}, **changes)


def by_kid(nonce: str | None, kid: Any, **changes: Any) -> Proof:
    return attested(nonce, header={"jwk": None, "kid": kid}, **changes)


def accepted(make: Callable[[str | None], Made], world: Issuance | None = None) -> CredentialOrder:
    return jwt_proofs.accepted(make, world or believing())


def broken(make: Callable[[str | None], Made], because: str = "", world: Issuance | None = None, **how: Any) -> None:
    jwt_proofs.broken(make, because, world=world or believing(), **{"good": attested, **how})


# --- keys -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-22", "VCI-F.1-10", "VCI-D.1-14")
@pytest.mark.parametrize("signer", HOLDERS[:3])
def test_all_attested_keys_are_proved_by_one_of_them(signer: LocalSigner) -> None:
    order = accepted(lambda nonce: attested(nonce, holder=signer))
    assert order.holder_keys == public(*HOLDERS[:3])
    (attestation,) = order.key_attestations
    assert attestation.keys == public(*HOLDERS[:3])
    assert attestation.issuer == ATTESTER


@pytest.mark.spec("VCI-F.1-10")
def test_with_or_without_an_attestation_where_none_is_required() -> None:
    world = believing()
    assert accepted(lambda nonce: Proof(nonce, HOLDER), world).key_attestations == ()
    assert len(accepted(attested, world).key_attestations) == 1


@pytest.mark.spec("VCI-D.1-14")
def test_the_proof_is_by_an_attested_key() -> None:
    because = "must be signed by one of the attested keys"
    broken(lambda nonce: attested(nonce, holder=OUTSIDER), because)
    broken(lambda nonce: attested(nonce, holder=OUTSIDER, header={"jwk": None, "kid": did_url(OUTSIDER)}), because)
    broken(lambda nonce: attested(nonce, holder=CERTIFIED, header=by_x5c(nonce, CERTIFIED_LEAF).header), because)
    # The attested key is named, and another one signs.
    broken(lambda nonce: attested(nonce, signer=OUTSIDER), "the signature does not verify")
    broken(lambda nonce: by_kid(nonce, "0", signer=OUTSIDER), "the signature does not verify")


@pytest.mark.spec("VCI-D.1-14")
def test_a_certified_key_may_be_attested_too() -> None:
    order = accepted(lambda nonce: attested(nonce, [CERTIFIED], CERTIFIED, header=by_x5c(nonce, CERTIFIED_LEAF).header))
    assert order.holder_keys == public(CERTIFIED)


def test_a_did_url_names_the_one_key_and_the_others_have_none() -> None:
    order = accepted(lambda nonce: by_kid(nonce, did_url(HOLDER)))
    assert order.holder_keys == public(*HOLDERS[:3])
    assert [key.did_url for key in order.holder_keys] == [did_url(HOLDER), None, None]


def test_where_credentials_are_bound_to_dids_only_keys_without_a_did_get_none() -> None:
    def make(nonce: str | None) -> Proof:
        return by_kid(nonce, did_url(HOLDER))

    world = believing(bindings=("did:key",))
    order = accepted(make, world)
    assert order.holder_keys == public(HOLDER)
    assert order.key_attestations[0].keys == public(*HOLDERS[:3])
    broken(attested, "DID URL", world, good=make)
    broken(lambda nonce: by_kid(nonce, "0"), "DID URL", world, good=make)


@pytest.mark.spec("VCI-F.1-22")
def test_keys_of_several_proofs_are_counted_once() -> None:
    first, second, third, fourth = HOLDERS[:4]
    world = believing()
    order = accepted(
        lambda nonce: [
            attested(nonce, [first, second], second),
            attested(nonce, [second, third], third),
            Proof(nonce, fourth),
        ],
        world,
    )
    assert order.holder_keys == public(first, second, third, fourth)
    assert [each.keys for each in order.key_attestations] == [public(first, second), public(second, third)]


def test_one_attestation_in_several_proofs_is_one() -> None:
    def make(nonce: str | None) -> Made:
        token = str(Attestation(nonce, HOLDERS[:3]))
        return [attested(nonce, holder=holder, by=token) for holder in HOLDERS[:3]]

    order = accepted(make)
    assert order.holder_keys == public(*HOLDERS[:3])
    assert len(order.key_attestations) == 1


def test_more_keys_than_the_batch_has_are_refused() -> None:
    world = believing(batch_size=3)
    broken(lambda nonce: attested(nonce, HOLDERS[:4]), "batch size", world)
    broken(lambda nonce: [attested(nonce, HOLDERS[:3]), Proof(nonce, OUTSIDER)], "batch size", world)
    broken(lambda nonce: [attested(nonce, HOLDERS[:2]), attested(nonce, HOLDERS[2:4], HOLDERS[2])], "batch size", world)
    alone = believing(batch_size=1)
    broken(lambda nonce: attested(nonce, HOLDERS[:2]), "batch size", alone, good=lambda nonce: attested(nonce, [HOLDER]))


def test_attestations_are_few() -> None:
    world = believing(batch_size=40)
    broken(
        lambda nonce: [attested(nonce, by=Attestation(nonce, claims={"x": i})) for i in range(33)],
        "too many key attestations",
        world,
    )


# --- kid ------------------------------------------------------------------------------------------------------------------------


def named(*kids: str | None) -> dict[str, Any]:
    """Attested keys with these `kid`s."""
    pairs = zip(HOLDERS, kids, strict=False)
    return {"attested_keys": [{**key.public_jwk, **({} if kid is None else {"kid": kid})} for key, kid in pairs]}


@pytest.mark.spec("VCI-F.1-21", "VCI-D.1-14")
@pytest.mark.parametrize(
    ("kids", "kid", "index"),
    [
        # The kid of an attested JWK.
        (("a", "b", "c"), "b", 1),
        (("a", "b"), "a", 0),
        (("a", "a"), "a", 1),
        # It comes before an index.
        (("1", "0"), "0", 1),
        (("1", "0"), "1", 0),
        # An index.
        ((None, None, None), "0", 0),
        ((None, None, None), "2", 2),
        (("a", "b"), "1", 1),
        # Neither: any of them.
        ((None, None, None), "whatever", 1),
        (("a", "b"), "c", 1),
        ((None, None), "00", 1),
        ((None, None), "-1", 1),
        ((None, None), " 0", 1),
        ((None, None), "1.0", 0),
        ((None, None), "\u0661", 0),
        ((None, None), "https://holder.example#1", 0),
    ],
)
def test_a_kid_that_means_an_attested_key(kids: Sequence[str | None], kid: str, index: int) -> None:
    def make(nonce: str | None) -> Proof:
        by = Attestation(nonce, claims=named(*kids))
        return attested(nonce, holder=HOLDERS[index], by=by, header={"jwk": None, "kid": kid})

    order = accepted(make)
    assert order.holder_keys == public(*HOLDERS[: len(kids)])
    assert all(key.did_url is None for key in order.holder_keys)


@pytest.mark.spec("VCI-F.1-21", "VCI-D.1-14")
@pytest.mark.parametrize(
    ("kids", "kid", "index", "because"),
    [
        (("a", "b"), "b", 0, "the signature"),
        (("1", "0"), "0", 0, "the signature"),
        ((None, None), "1", 0, "the signature"),
        ((None, None), "2", 0, "names no attested key"),
        ((None, None), "999999", 0, "names no attested key"),
        ((None, None), "whatever", 5, "the signature"),
        ((None, None), "", 0, "string"),
        ((None, None), 0, 0, "string"),
        ((None, None), "x" * 600, 0, "too long"),
    ],
)
def test_a_kid_that_means_another_key(kids: Sequence[str | None], kid: Any, index: int, because: str) -> None:
    def make(nonce: str | None) -> Proof:
        by = Attestation(nonce, claims=named(*kids))
        return attested(nonce, holder=HOLDERS[index], by=by, header={"jwk": None, "kid": kid})

    broken(make, because)


def test_an_index_counts_keys_that_are_there_twice() -> None:
    twice = [dict(HOLDERS[i].public_jwk) for i in (0, 0, 1)]
    order = accepted(
        lambda nonce: attested(
            nonce,
            holder=HOLDERS[1],
            by=Attestation(nonce, claims={"attested_keys": twice}),
            header={"jwk": None, "kid": "2"},
        )
    )
    assert order.holder_keys == public(*HOLDERS[:2])


def test_an_attested_key_of_another_kind_does_not_sign() -> None:
    p384 = LocalSigner.generate("p384", "ES384")
    broken(lambda nonce: attested(nonce, [p384, HOLDER], HOLDER, header={"jwk": None, "kid": "0"}), "does not fit")
    accepted(lambda nonce: attested(nonce, [p384, HOLDER], HOLDER, header={"jwk": None, "kid": "x"}))


def test_the_kid_of_an_attested_key_makes_no_did() -> None:
    """That it looks like a DID URL makes it one that has to lead to the key, as any other."""
    url = "did:web:victim.example#key-1"
    world = believing()
    broken(
        lambda nonce: attested(nonce, by=Attestation(nonce, claims=named(url)), header={"jwk": None, "kid": url}),
        "could not be resolved",
        world,
    )
    assert world.host.asked == [KeyReference(url)]
    order = accepted(lambda nonce: attested(nonce, by=Attestation(nonce, claims=named(url))), world)
    assert order.holder_keys[0].did_url is None


def test_many_proofs_that_do_not_say_which_key_they_mean_are_not_tried_to_the_end() -> None:
    """In the order of the keys each fits at once; in others not for ever."""
    holders = [LocalSigner.generate("x") for _ in range(24)]
    world = believing(batch_size=24)

    def make(nonce: str | None, order: Sequence[LocalSigner]) -> Made:
        token = str(Attestation(nonce, holders))
        return [attested(nonce, holder=holder, by=token, header={"jwk": None, "kid": "?"}) for holder in order]

    assert accepted(lambda nonce: make(nonce, holders), world).holder_keys == public(*holders)
    broken(lambda nonce: make(nonce, holders[::-1]), "does not say which key", world, good=lambda nonce: Proof(nonce, HOLDER))
    assert len(accepted(lambda nonce: make(nonce, holders[-1:]), world).holder_keys) == 24
