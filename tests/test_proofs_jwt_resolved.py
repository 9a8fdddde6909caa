"""Keys of `jwt` proofs that the caller finds (OID4VCI F.1): those of DIDs with a document, and of entities with a trust chain."""

from collections.abc import Sequence
from typing import Any

import pytest

from oid4vci._json import b64url_encode, dump_bytes
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, public_key
from oid4vci.proofs.jwt import JwtProofType
from tests.issuance import NOW, Issuance, Proof, jws, order_of, refused
from tests.jwt_proofs import ANOTHER, accepted, broken, by_kid, did_url, finding, send, taking
from tests.key_attestations import HOLDER, HOLDERS, Resolving, public

WEB = "did:web:holder.example#key-1"
P384 = LocalSigner.generate("p384", "ES384")


def world_of(url: str = WEB, *keys: LocalSigner, proof_type: JwtProofType | None = None, **settings: Any) -> Issuance:
    """An issuer whose host finds these keys, by default that of `HOLDER`."""
    return taking(proof_type, host=finding({KeyReference(url): keys or (HOLDER,)}), **settings)


def good(nonce: str | None) -> Proof:
    return by_kid(nonce, WEB)


# --- DIDs -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-04", "VCI-F.1-21")
@pytest.mark.parametrize(
    "url",
    [WEB, "did:web:holder.example:users:ada#key-1", "did:example:123?versionId=1#k", "did:web:holder.example%3A8443#a/b"],
)
def test_a_did_of_another_method_is_resolved_by_the_host(url: str) -> None:
    world = world_of(url)
    order = accepted(lambda nonce: by_kid(nonce, url), world)
    assert world.host.asked == [KeyReference(url)]
    assert order.holder_keys == public(HOLDER)
    assert order.holder_keys[0].did_url == url


@pytest.mark.spec("VCI-F.1-04")
def test_a_did_that_cannot_be_resolved_is_refused() -> None:
    world = world_of()
    broken(lambda nonce: by_kid(nonce, "did:web:elsewhere.example#key-1"), "could not be resolved", world=world, good=good)
    # Its document has other keys.
    broken(lambda nonce: by_kid(nonce, "did:web:holder.example#key-2"), "could not be resolved", world=world, good=good)
    nothing = taking(host=finding({KeyReference(WEB): ()}))
    broken(good, "could not be resolved", world=nothing, good=lambda nonce: Proof(nonce, HOLDER))


@pytest.mark.spec("VCI-F.1-21", "VCI-F.4-04")
def test_the_signature_is_by_the_key_that_was_found() -> None:
    world = world_of()
    broken(lambda nonce: by_kid(nonce, WEB, ANOTHER), "the signature does not verify", world=world, good=good)
    broken(lambda nonce: by_kid(nonce, WEB, signer=ANOTHER), "the signature does not verify", world=world, good=good)
    broken(lambda nonce: by_kid(nonce, WEB, P384), "does not fit", world=world, good=good)


def test_of_several_keys_that_were_found_the_one_that_signed_is_proved() -> None:
    world = world_of(WEB, P384, ANOTHER, HOLDER)
    order = accepted(good, world)
    assert order.holder_keys == public(HOLDER)
    broken(lambda nonce: by_kid(nonce, WEB, HOLDERS[3]), "the signature does not verify", world=world, good=good)


def test_a_host_that_finds_very_many_keys_is_not_followed_to_the_end() -> None:
    many = [LocalSigner.generate("x") for _ in range(80)]
    broken(good, "does not say which key", world=world_of(WEB, *many, HOLDER), good=lambda nonce: Proof(nonce, HOLDER))


def test_the_method_is_one_to_which_the_credential_is_bound() -> None:
    world = world_of(bindings=("jwk", "did:key"))
    broken(good, "DID method", world=world, good=lambda nonce: Proof(nonce, HOLDER))


def test_a_name_that_the_host_gives_to_a_key_is_not_believed() -> None:
    """The DID URL is the proof's own, whatever the host has put there."""
    (key,) = public(HOLDER)
    world = taking(
        host=Resolving({KeyReference(WEB): [type(key)(key.jwk, key.crv, key.key, did_url="did:web:other.example#k")]})
    )
    assert accepted(good, world).holder_keys[0].did_url == WEB


def test_rules_of_the_claims_hold() -> None:
    world = world_of()
    for claims, error in (
        ({"aud": "https://other.example"}, "invalid_proof"),
        ({"iat": NOW - 301}, "invalid_proof"),
        ({"nonce": None}, "invalid_proof"),
        ({"nonce": "x"}, "invalid_nonce"),
    ):
        broken(lambda nonce, said=claims: by_kid(nonce, WEB, claims=said), error=error, world=world, good=good)  # type: ignore[misc]


# --- what a stranger can make the host fetch -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        "x",
        Proof(None, HOLDER, header={"typ": "JWT"}),
        Proof(None, HOLDER, header={"alg": 1}),
        Proof(None, HOLDER, header={"jwk": {}}),
        Proof(None, HOLDER, header={"kid": WEB}),
        Proof(None, HOLDER, header={"jwk": None, "x5c": ["AA"]}),
        Proof(None, HOLDER, claims={"iat": "x"}),
        by_kid(None, "did:web:holder.example"),
        by_kid(None, "did:key:z#z"),
        by_kid(None, WEB, header={"typ": None}),
    ],
)
def test_beside_a_malformed_proof_nothing_is_resolved(bad: Proof | str) -> None:
    world = world_of()
    nonce = world.nonce()
    refused(world.credential(world.token("note"), order_of(good(nonce), bad)), "invalid_proof")
    assert world.host.asked == []


def test_each_did_is_resolved_once() -> None:
    world = world_of(WEB, HOLDER, ANOTHER)
    order = accepted(lambda nonce: [good(nonce), by_kid(nonce, WEB, ANOTHER), good(nonce)], world)
    assert world.host.asked == [KeyReference(WEB)]
    # Two keys by one name: what the host says of the DID is believed.
    assert order.holder_keys == public(HOLDER, ANOTHER)


def test_one_request_names_few_documents() -> None:
    urls = [f"did:web:holder-{i}.example#k" for i in range(9)]
    world = taking(host=finding({KeyReference(url): (HOLDER,) for url in urls}), batch_size=20)
    broken(lambda nonce: [by_kid(nonce, url) for url in urls], "too many DIDs", world=world)
    assert world.host.asked == []
    assert len(accepted(lambda nonce: [by_kid(nonce, url) for url in urls[:8]], world).holder_keys) == 1
    # But any number of keys of one.
    holders = [LocalSigner.generate("x") for _ in range(12)]
    keys = {KeyReference(f"did:web:holder.example#{i}"): (holder,) for i, holder in enumerate(holders)}
    many = taking(host=finding(keys), batch_size=20)
    order = accepted(
        lambda nonce: [by_kid(nonce, f"did:web:holder.example#{i}", holder) for i, holder in enumerate(holders)], many
    )
    assert order.holder_keys == public(*holders)


# --- trust chains ---------------------------------------------------------------------------------------------------------------

ENTITY = LocalSigner.generate("entity")
KID = "holder-key"


def statement(algorithm: str = "ES256", **header: Any) -> str:
    claims = {"iss": "https://wallet.example", "sub": "https://wallet.example", "iat": NOW, "exp": NOW + 60}
    return jws({"alg": algorithm, "typ": "entity-statement+jwt", "kid": "e", **header}, claims, ENTITY)


CHAIN = (statement(), statement(), statement())
REFERENCE = KeyReference("", KID, CHAIN)


def federated(*keys: PublicKey, chain: Sequence[str] = CHAIN, **settings: Any) -> Issuance:
    found = {KeyReference("", KID, tuple(chain)): keys or public(HOLDER)}
    return taking(JwtProofType(federation=True), host=Resolving(found), **settings)


def by_chain(nonce: str | None, chain: Any = CHAIN, **changes: Any) -> Proof:
    return by_kid(nonce, KID, header={"trust_chain": chain if isinstance(chain, str | None) else list(chain)}, **changes)


@pytest.mark.spec("VCI-F.1-12", "VCI-F.1-21")
def test_the_caller_gets_the_trust_chain_and_finds_the_key() -> None:
    world = federated()
    order = accepted(by_chain, world)
    assert world.host.asked == [REFERENCE]
    assert order.holder_keys == public(HOLDER)
    assert order.holder_keys[0].did_url is None
    assert CHAIN[0] not in repr(REFERENCE)


@pytest.mark.spec("VCI-F.1-12")
def test_without_federation_no_trust_chain_is_looked_at() -> None:
    world = world_of()
    broken(by_chain, "no key that can be found", world=world)
    assert world.host.asked == []
    # Where the key is known without it, it changes nothing, whatever it is.
    for chain in (list(CHAIN), [], "x", [1]):
        accepted(lambda nonce, chain=chain: by_kid(nonce, did_url(HOLDER), header={"trust_chain": chain}), world)  # type: ignore[misc]


@pytest.mark.spec("VCI-F.1-13")
@pytest.mark.parametrize("members", [{}, {"jwk": None}, {"jwk": None, "x5c": ["AA=="]}])
def test_a_trust_chain_needs_a_kid(members: dict[str, Any]) -> None:
    world = federated()
    broken(lambda nonce: Proof(nonce, HOLDER, header={"trust_chain": list(CHAIN), **members}), world=world, good=by_chain)


@pytest.mark.spec("VCI-F.1-21")
def test_a_chain_that_the_caller_does_not_believe_proves_nothing() -> None:
    other = (statement(), statement())
    broken(lambda nonce: by_chain(nonce, other), "could not be resolved", world=federated(), good=by_chain)
    broken(lambda nonce: by_chain(nonce, holder=ANOTHER), "the signature", world=federated(), good=by_chain)
    broken(lambda nonce: by_kid(nonce, "other", header={"trust_chain": list(CHAIN)}), world=federated(), good=by_chain)


def test_the_kid_tells_the_entitys_keys_apart() -> None:
    named = {name: public_key({**HOLDER.public_jwk, "kid": name}) for name in (KID, "other")}
    assert accepted(by_chain, federated(named[KID])).holder_keys == public(HOLDER)
    broken(by_chain, "no key of the entity", world=federated(named["other"]), good=lambda nonce: Proof(nonce, HOLDER))


@pytest.mark.parametrize(
    "chain",
    [[], "", "e30.e30.AA", {}, 1, None, [1], [None], [*CHAIN, ""], ["x"], ["e30.e30."], [*CHAIN, "a.b.c"], [CHAIN[0]] * 11],
)
def test_a_malformed_trust_chain(chain: Any) -> None:
    world = federated()
    proof = {"typ": "openid4vci-proof+jwt", "alg": "ES256", "kid": KID, "trust_chain": chain}
    broken(
        lambda nonce: jws(proof, {"aud": world.issuer.identifier, "iat": NOW, "nonce": nonce}, HOLDER),
        "trust_chain",
        world=world,
        good=by_chain,
    )
    assert world.host.asked == [REFERENCE]


@pytest.mark.spec("VCI-F.1-25")
@pytest.mark.parametrize("algorithm", ["ES512", "none", "HS256", "ES384", 1])
def test_the_algorithms_of_a_trust_chain_are_listed(algorithm: Any) -> None:
    chain = (CHAIN[0], statement(algorithm), CHAIN[2])
    world = federated(chain=chain, algorithms=("ES256",))
    broken(lambda nonce: by_chain(nonce, chain), "alg", world=world, good=lambda nonce: Proof(nonce, HOLDER))


def test_a_did_url_comes_before_a_trust_chain() -> None:
    world = federated()
    order = accepted(lambda nonce: by_kid(nonce, did_url(HOLDER), header={"trust_chain": list(CHAIN)}), world)
    assert order.holder_keys[0].did_url == did_url(HOLDER)
    assert world.host.asked == []


def test_the_key_of_an_entity_is_bound_as_a_key() -> None:
    world = federated(bindings=("did:key",))
    broken(by_chain, "DID URL", world=world, good=lambda nonce: by_kid(nonce, did_url(HOLDER)))


def test_chains_are_few() -> None:
    world = federated(batch_size=20)
    chains = [(*CHAIN, statement(jti=str(i))) for i in range(9)]
    broken(lambda nonce: [by_chain(nonce, chain) for chain in chains], "too many", world=world, good=by_chain)


def test_an_unsigned_request_makes_no_difference_to_a_did_in_a_jwk() -> None:
    """A key whose JWK says that it is a DID's, in a did:jwk: nothing is looked up."""
    url = f"did:jwk:{b64url_encode(dump_bytes({**HOLDER.public_jwk, 'kid': WEB}))}#0"
    world = world_of()
    assert send(world, by_kid(world.nonce(), url)).status == 200
    assert world.host.asked == []
