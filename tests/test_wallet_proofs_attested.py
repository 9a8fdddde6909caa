"""Key attestations in a Wallet's proofs, and as its proofs (OID4VCI D, F.1, F.3); what becomes of them with a rejected nonce."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, Signer, public_key
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.wallet import Issued, Order, Proofs
from tests.scripted_server import CREDENTIAL, HOLDER_KEYS, NONCE, NOW, Server, error
from tests.wallet_proofs import (
    ATTESTER,
    BASIC,
    HIGH,
    OKP,
    attestation,
    credentials_for,
    ordered,
    read,
    remote,
    sent,
    server,
    signatures,
    taken,
)

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS
LEVELS = {"key_storage": [HIGH, "x-own"], "user_authentication": [HIGH]}
# What issuers of High Assurance take; one type each.
JWT = {"jwt": taken("ES256", attested=LEVELS)}
ALONE = {"attestation": taken("ES256", attested=LEVELS)}
# An issuer takes an `attestation` proof without saying what must be attested: there is one all the same.
UNDEMANDING = {"attestation": taken("ES256")}


def public(*signers: Signer) -> list[Any]:
    return [public_key(signer.public_jwk) for signer in signers]


def issued(issuer: Server, proofs: Proofs) -> Issued:
    result = run(proofs.submit(signatures(proofs)), issuer)
    assert isinstance(result, Issued)
    return result


# --- attestations that go along --------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-10", "VCI-F.1-11", "VCI-F.1-25", "VCI-12.2.4-63", "HAIP-4.5.1-01", "HAIP-4.5.1-03", "HAIP-4.5.1-09")
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("method", ["jwk", "did:key"])
def test_a_required_key_attestation_goes_with_the_signature(method: str, elsewhere: bool) -> None:
    issuer = server(JWT, [method], credentials_for(THIRD, FIRST, SECOND))
    order, keys = ordered(issuer), [remote(key) if elsewhere else key for key in (FIRST, SECOND, THIRD)]
    assert order.proof_choices[0].key_attestation_needed
    given = attestation(*keys, nonce=order.c_nonce)
    proofs = order.prove(keys, now=NOW, key_attestation=given)
    assert (proofs.proof_type, proofs.key_attestation) == ("jwt", given)
    result = issued(issuer, proofs)
    assert list(result.holder_keys) == public(*keys)
    ((kind, tokens),) = sent(issuer)[0].items()
    assert kind == "jwt"
    for token, signer in zip(tokens, keys, strict=False):
        header, claims = read(token, signer)
        assert header["key_attestation"] == given
        assert claims["nonce"] == "nonce-1"
        assert len(header.keys() & {"jwk", "kid", "x5c"}) == 1
    # The attestation, which is for all of the keys, has what the issuer needs.
    _, claims = read(given, ATTESTER)
    assert claims.keys() >= {"iat", "exp", "nonce", "attested_keys"}
    assert claims["nonce"] == "nonce-1"


@pytest.mark.spec("VCI-F.1-10")
def test_a_key_attestation_can_go_along_unasked() -> None:
    issuer = server({"jwt": taken()}, ["jwk"], credentials_for(FIRST))
    order = ordered(issuer)
    assert not order.proof_choices[0].key_attestation_needed
    issued(issuer, order.prove([FIRST], now=NOW, key_attestation=attestation(FIRST)))
    assert "key_attestation" in read(sent(issuer)[0]["jwt"][0], FIRST)[0]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_issuer_that_did_not_ask_may_not_look_at_it(elsewhere: bool) -> None:
    """It binds Credentials to the keys that signed: one key alone would have meant one Credential."""
    issuer = server({"jwt": taken()}, ["jwk"], credentials_for(FIRST, SECOND))
    keys = [remote(key) if elsewhere else key for key in (FIRST, SECOND)]
    result = issued(issuer, ordered(issuer).prove(keys, now=NOW, key_attestation=attestation(FIRST, SECOND)))
    assert len(result.credentials) == 2
    for token, signer in zip(sent(issuer)[0]["jwt"], (FIRST, SECOND), strict=True):
        assert read(token, signer)[0]["jwk"] == signer.public_jwk


def test_a_key_attestation_goes_where_it_is_asked_for() -> None:
    for types in ({"jwt": taken(), **UNDEMANDING}, {"jwt": taken(), **ALONE}):
        order = ordered(server(types))
        assert [choice.type for choice in order.proof_choices] == ["jwt", "attestation"]
        assert order.prove([FIRST], now=NOW, key_attestation=attestation(FIRST)).proof_type == "attestation"
        assert order.prove([FIRST], now=NOW).proof_type == "jwt"
        insisted = order.prove([FIRST], now=NOW, key_attestation=attestation(FIRST), proof_type="jwt")
        assert insisted.proof_type == "jwt"


def test_one_key_signs_for_all_that_are_attested() -> None:
    issuer = server(JWT, ["jwk"], credentials_for(SECOND, THIRD, FIRST))
    result = issued(issuer, ordered(issuer).prove([SECOND], now=NOW, key_attestation=attestation(FIRST, SECOND, THIRD)))
    assert list(result.holder_keys) == public(SECOND, FIRST, THIRD)
    assert len(sent(issuer)[0]["jwt"]) == 1
    assert len(result.credentials) == 3


# --- attestations that are the proof ---------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.3-01", "VCI-F.3-02", "VCI-F.3-05", "VCI-12.2.4-60", "HAIP-4.5.1-01", "HAIP-4.5.1-04", "VCI-8.2-13")
@pytest.mark.parametrize("types", [ALONE, UNDEMANDING])
@pytest.mark.parametrize(
    "keys",
    [[], [remote(FIRST), remote(SECOND)], [SECOND], [HolderKey(FIRST, did_url="did:web:wallet.example#1")]],
    ids=["none", "elsewhere", "one", "named"],
)
@pytest.mark.parametrize("method", ["jwk", "did:key"])
def test_an_attestation_is_a_proof(types: Any, keys: list[Any], method: str) -> None:
    issuer = server(types, [method], credentials_for(SECOND, FIRST))
    order = ordered(issuer)
    given = attestation(FIRST, SECOND, claims={"exp": None})
    proofs = order.prove(keys, now=NOW, key_attestation=given)
    assert proofs.to_sign == ()
    assert set(proofs.holder_keys) == set(public(FIRST, SECOND))
    assert [key.did_url for key in proofs.holder_keys] == [None, None]
    assert len(issued(issuer, proofs).credentials) == 2
    assert sent(issuer) == [{"attestation": [given]}]
    with pytest.raises(ValueError, match="0 signatures"):
        proofs.submit([b""])


def test_whatever_algorithm_attested_keys_have_they_need_not_sign_by_one() -> None:
    issuer = server(ALONE, ["jwk"], credentials_for(OKP))
    issued(issuer, ordered(issuer).prove([OKP], now=NOW, key_attestation=attestation(OKP)))


@pytest.mark.parametrize(("keys", "expected"), [([], "attestation"), ([FIRST], "jwt"), ([remote(FIRST)], "jwt")])
def test_keys_that_can_sign_do(keys: list[Any], expected: str) -> None:
    order = ordered(server({**ALONE, **JWT}))
    assert order.prove(keys, now=NOW, key_attestation=attestation(FIRST)).proof_type == expected
    insisted = order.prove(keys, now=NOW, key_attestation=attestation(FIRST), proof_type="attestation")
    assert insisted.proof_type == "attestation"


def test_without_nonce_endpoint_there_is_no_nonce() -> None:
    issuer = server(ALONE, ["jwk"], credentials_for(FIRST), leave_out=["nonce_endpoint"])
    issued(issuer, ordered(issuer).prove([], now=NOW, key_attestation=attestation(FIRST, nonce=None)))
    assert issuer.to(NONCE) == []


# --- what will not do ------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.5.1-01", "VCI-12.2.4-63", "VCI-12.2.4-66", "VCI-12.2.4-67")
@pytest.mark.parametrize(
    ("types", "wants"),
    [
        ({"jwt": taken(attested={})}, "a key attestation$"),
        ({"jwt": taken(attested={"key_storage": [HIGH, BASIC]})}, f"a key attestation with key_storage {HIGH} or {BASIC}$"),
        (JWT, f"a key attestation with key_storage {HIGH} or x-own, user_authentication {HIGH}$"),
        (ALONE, f"a key attestation with key_storage {HIGH} or x-own, user_authentication {HIGH}$"),
        (UNDEMANDING, "a key attestation$"),
    ],
)
@pytest.mark.parametrize("key", [FIRST, remote(FIRST)])
def test_a_key_attestation_that_is_needed_and_missing(types: Any, wants: str, key: Signer) -> None:
    issuer = server(types)
    with pytest.raises(ValueError, match=f"the issuer demands {wants}"):
        ordered(issuer).prove([key], now=NOW)
    assert issuer.to(CREDENTIAL) == []


WRONG = {
    "another nonce": (attestation(FIRST, nonce="nonce-0"), "c_nonce"),
    "no nonce": (attestation(FIRST, nonce=None), "c_nonce"),
    "expired": (attestation(FIRST, claims={"exp": NOW}), "expired"),
    "other keys": (attestation(SECOND), "not for all|other keys"),
    "more keys than the batch": (attestation(*HOLDER_KEYS), "3 keys at most, and 4"),
    "another algorithm": (attestation(FIRST, attester=LocalSigner.generate("a", "ES384")), "ES256, not ES384"),
    "another type": (attestation(FIRST, header={"typ": "JWT"}), "typ"),
    "no keys": (attestation(FIRST, claims={"attested_keys": []}), "attested_keys"),
    "no iat": (attestation(FIRST, claims={"iat": None}), "iat"),
    "low storage": (attestation(FIRST, claims={"key_storage": [BASIC]}), "key_storage"),
    "no storage": (attestation(FIRST, claims={"key_storage": None}), "key_storage"),
    "low authentication": (attestation(FIRST, claims={"user_authentication": [BASIC]}), "user_authentication"),
    "no JWT": ("x", "key_attestation"),
    "private key": (attestation(FIRST, claims={"attested_keys": [{**FIRST.public_jwk, "d": "AA"}]}), "key_attestation"),
}


@pytest.mark.spec("VCI-F.1-11", "VCI-F.1-25", "VCI-F.3-02", "VCI-F.3-05", "VCI-12.2.4-66", "VCI-12.2.4-67")
@pytest.mark.parametrize("types", [JWT, ALONE], ids=["jwt", "attestation"])
@pytest.mark.parametrize("name", WRONG)
def test_a_key_attestation_that_the_issuer_would_refuse_is_not_sent(name: str, types: Any) -> None:
    issuer, (given, because) = server(types), WRONG[name]
    with pytest.raises(ValueError, match=because):
        ordered(issuer).prove([FIRST], now=NOW, key_attestation=given)
    assert issuer.to(CREDENTIAL) == []


@pytest.mark.spec("VCI-D.1-07")
def test_with_a_signature_a_key_attestation_says_when_it_expires() -> None:
    with pytest.raises(ValueError, match="exp"):
        ordered(server(JWT)).prove([FIRST], now=NOW, key_attestation=attestation(FIRST, claims={"exp": None}))


def test_a_signature_needs_a_key() -> None:
    with pytest.raises(ValueError, match="a key must sign"):
        ordered(server(JWT)).prove([], now=NOW, key_attestation=attestation(FIRST))


ORDERS = [ordered(server(types)) for types in (JWT, ALONE, UNDEMANDING, {**JWT, **ALONE})]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(order=st.sampled_from(ORDERS), given_=st.text() | st.text("abcdefgh.-_AB01", max_size=200))
def test_arbitrary_text_is_no_key_attestation(order: Order, given_: str) -> None:
    with pytest.raises(ValueError, match="key_attestation"):
        order.prove([FIRST], now=NOW, key_attestation=given_)


@given(
    order=st.sampled_from(ORDERS),
    part=st.sampled_from(["header", "claims"]),
    name=st.sampled_from(["typ", "alg", "x5c", "kid", "crit", "iat", "exp", "nonce", "attested_keys", "key_storage", "status"]),
    value=VALUES,
)
def test_a_member_that_is_anything_raises_nothing_but_a_value_error(order: Order, part: str, name: str, value: Any) -> None:
    changes: Any = {part: {name: value}}
    changed = attestation(FIRST, **changes)
    with suppress(ValueError):
        proofs = order.prove([FIRST], now=NOW, key_attestation=changed)
        assert proofs.holder_keys == tuple(public(FIRST))


# --- a nonce that is rejected ----------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3.1.2-11")
@pytest.mark.parametrize(("types", "keys"), [(JWT, [FIRST]), (JWT, [remote(FIRST)]), (ALONE, [])])
def test_the_order_comes_back_for_another_attestation(types: Any, keys: list[Any]) -> None:
    issuer = server(types, ["jwk"], error("invalid_nonce"), credentials_for(FIRST))
    order = ordered(issuer)
    proofs = order.prove(keys, now=NOW, key_attestation=attestation(FIRST))
    again = run(proofs.submit(signatures(proofs)), issuer)
    assert isinstance(again, Order)
    assert (again.c_nonce, again.renewed, again.configuration_id) == ("nonce-2", True, "pid")
    with pytest.raises(ValueError, match="c_nonce"):
        again.prove(keys, now=NOW, key_attestation=attestation(FIRST))
    issued(issuer, again.prove(keys, now=NOW, key_attestation=attestation(FIRST, nonce=again.c_nonce)))
    assert len(issuer.to(CREDENTIAL)) == len(issuer.to(NONCE)) == 2


@pytest.mark.parametrize("types", [JWT, ALONE])
def test_it_comes_back_once(types: Any) -> None:
    issuer = server(types)
    issuer.answers[CREDENTIAL] = error("invalid_nonce")
    again = run(ordered(issuer).prove([FIRST], now=NOW, key_attestation=attestation(FIRST)).submit(), issuer)
    assert isinstance(again, Order)
    proofs = again.prove([FIRST], now=NOW, key_attestation=attestation(FIRST, nonce="nonce-2"))
    with pytest.raises(Refused) as caught:
        run(proofs.submit(), issuer)
    assert caught.value.error == "invalid_nonce"
    assert len(issuer.to(CREDENTIAL)) == 2


def test_a_nonce_endpoint_that_fails_then_is_not_passed_over() -> None:
    issuer = server(ALONE, ["jwk"], error("invalid_nonce"))
    proofs = ordered(issuer).prove([], now=NOW, key_attestation=attestation(FIRST))
    issuer.answers[NONCE] = Response(404)
    with pytest.raises(Refused):
        run(proofs.submit(), issuer)
    assert len(issuer.to(CREDENTIAL)) == 1


@pytest.mark.spec("VCI-8.3.1.2-11")
def test_keys_that_are_named_by_dids_sign_again_under_their_names() -> None:
    issuer = server({"jwt": taken()}, ["did:key"], error("invalid_nonce"), credentials_for(FIRST))
    issued(issuer, ordered(issuer).prove([FIRST], now=NOW))
    (before, first), (after, second) = [read(proofs["jwt"][0], FIRST) for proofs in sent(issuer)]
    assert before == after
    assert (first["nonce"], second["nonce"]) == ("nonce-1", "nonce-2")


def test_an_attestation_does_not_show() -> None:
    given = attestation(FIRST)
    proofs = ordered(server(ALONE)).prove([], now=NOW, key_attestation=given)
    assert given not in repr(proofs) + repr(proofs.submit())
