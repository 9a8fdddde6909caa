"""The rules of the `jwt` proof (OID4VCI F.1, F.4): each test breaks one of them in an otherwise good proof.

`broken` sees the right error, that nothing was issued or consumed, and that the same nonce then still serves.
"""

import base64
import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from oid4vci.errors import InvalidProof
from oid4vci.http import Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import CredentialConfiguration
from oid4vci.nonces import Nonces
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.proof_type import Expected
from tests.issuance import (
    CLIENT,
    CREDENTIAL,
    IDENTIFIER,
    NONCE,
    NOW,
    TOKEN,
    Issuance,
    Proof,
    b64url,
    configuration,
    encoders,
    issuance,
    issuer_metadata,
    jws,
    order_of,
    refused,
    secret_keys,
)

HOLDER = LocalSigner.generate("holder")
ANOTHER = LocalSigner.generate("another")


def accepted(proof: Proof | str, world: Issuance | None = None) -> Response:
    world = world or issuance()
    response = world.credential(world.token("note"), order_of(proof))
    assert response.status == 200, response.body
    return response


def broken(
    make: Callable[[str], Proof | str], error: str = "invalid_proof", *, world: Issuance | None = None
) -> dict[str, Any]:
    """`make` turns a nonce into the proof."""
    world = world or issuance()
    token, nonce = world.token("note"), world.nonce()
    before, orders = world.host.rows, len(world.host.orders)
    body = refused(world.credential(token, order_of(make(nonce))), error)
    assert world.host.rows == before
    assert len(world.host.orders) == orders
    assert world.credential(token, order_of(Proof(nonce, HOLDER))).status == 200
    return body


def header(**members: Any) -> Callable[[str], Proof]:
    return lambda nonce: Proof(nonce, HOLDER, header=members)


def claims(**members: Any) -> Callable[[str], Proof]:
    return lambda nonce: Proof(nonce, HOLDER, claims=members)


# --- good proofs --------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-06", "VCI-F.1-14", "VCI-8.1-01")
@pytest.mark.parametrize("issuer_claim", [None, CLIENT])
def test_a_proof_with_or_without_iss_binds_its_key(issuer_claim: str | None) -> None:
    world = issuance()
    accepted(Proof(world.nonce(), HOLDER, claims={"iss": issuer_claim}), world)
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.holder_keys == (public_key(HOLDER.public_jwk),)


@pytest.mark.spec("VCI-F.1-24", "VCI-F.4-03", "HAIP-7-03")
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize(
    ("algorithm", "kty", "crv"), [("ES256", "EC", "P-256"), ("ES384", "EC", "P-384"), ("EdDSA", "OKP", "Ed25519")]
)
def test_a_proof_that_another_library_made(algorithm: str, kty: str, crv: str) -> None:
    key: Any = joserfc_jwk.ECKey.generate_key(crv) if kty == "EC" else joserfc_jwk.OKPKey.generate_key("Ed25519")
    world = issuance()
    token = joserfc_jwt.encode(
        {"typ": "openid4vci-proof+jwt", "alg": algorithm, "jwk": key.as_dict(private=False)},
        {"aud": IDENTIFIER, "iat": NOW, "nonce": world.nonce()},
        key,
        algorithms=[algorithm],
    )
    accepted(token, world)


@pytest.mark.parametrize(
    "members",
    [
        {"alg": "ES256"},
        {"kid": "holder-1"},
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"x-unknown": {"d": 1}},
        {"x5t": "x", "alg": "ES256"},
    ],
)
def test_the_jwk_may_say_more_than_it_must(members: dict[str, Any]) -> None:
    """`alg` inside the jwk is accepted."""
    world = issuance()
    accepted(Proof(world.nonce(), HOLDER, header={"jwk": {**HOLDER.public_jwk, **members}}), world)


def test_unknown_members_of_header_and_claims_are_ignored() -> None:
    world = issuance()
    accepted(
        Proof(
            world.nonce(),
            HOLDER,
            header={"x": [1], "cty": "x", "x5t": "x"},
            claims={"x": {}, "sub": 1, "jti": None, "client_id": 3},
        ),
        world,
    )


@pytest.mark.spec("VCI-F.1-10")
def test_a_key_attestation_where_none_is_required_changes_nothing() -> None:
    """It is not looked at: only the key that signed is bound."""
    world = issuance()
    accepted(Proof(world.nonce(), HOLDER, header={"key_attestation": "e30.e30.AA"}), world)
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.holder_keys == (public_key(HOLDER.public_jwk),)


@pytest.mark.spec("VCI-F.1-19")
@pytest.mark.parametrize("nonce", [None, "whatever"])
def test_without_a_nonce_endpoint_no_nonce_is_needed(nonce: str | None) -> None:
    world = issuance(metadata=issuer_metadata(nonce_endpoint=None), nonces=None)
    accepted(Proof(nonce, HOLDER), world)


# --- header -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-03", "VCI-F.4-02")
@pytest.mark.parametrize(
    "typ",
    [
        None,
        "JWT",
        "",
        "openid4vci-proof+JWT",
        "application/openid4vci-proof+jwt",
        "keyattestation+jwt",
        1,
        ["openid4vci-proof+jwt"],
    ],
)
def test_the_proof_is_explicitly_typed(typ: Any) -> None:
    broken(header(typ=typ))


@pytest.mark.spec("VCI-F.1-01", "VCI-F.1-02", "VCI-F.1-23", "VCI-F.1-24", "VCI-F.4-01", "VCI-F.4-03")
@pytest.mark.parametrize(
    "alg",
    [
        None,
        "none",
        "None",
        "NONE",
        "",
        "HS256",
        "HS512",
        "es256",
        "ES256 ",
        "ES384",
        "ES512",
        "ES256K",
        "RS256",
        "EdDSA",
        "A128KW",
        "X",
        1,
        [],
        ["ES256"],
    ],
)
def test_alg_is_that_of_the_key_and_listed(alg: Any) -> None:
    broken(header(alg=alg))


@pytest.mark.spec("VCI-F.1-24", "VCI-F.4-03")
@pytest.mark.parametrize("algorithm", ["ES512", "ES256K", "Ed25519"])
def test_an_algorithm_that_is_not_listed_is_refused_though_the_signature_verifies(algorithm: str) -> None:
    holder = LocalSigner.generate("holder", algorithm)
    broken(lambda nonce: Proof(nonce, holder))


@pytest.mark.spec("VCI-F.1-02", "VCI-F.4-03", "VCI-F.4-05")
def test_neither_none_nor_a_mac_makes_a_proof() -> None:
    def unsigned(nonce: str) -> str:
        head, payload, _ = str(Proof(nonce, HOLDER, header={"alg": "none"})).split(".")
        return f"{head}.{payload}."

    def mac(nonce: str, jwk: dict[str, Any], key: bytes) -> str:
        data = str(Proof(nonce, HOLDER, header={"alg": "HS256", "jwk": jwk})).rpartition(".")[0]
        return f"{data}.{b64url(hmac.digest(key, data.encode(), 'sha256'))}"

    broken(unsigned)
    broken(lambda nonce: mac(nonce, {"kty": "oct", "k": b64url(b"k" * 32)}, b"k" * 32))
    # The public key as a MAC's key: algorithm confusion.
    broken(lambda nonce: mac(nonce, dict(HOLDER.public_jwk), json.dumps(HOLDER.public_jwk).encode()))


@pytest.mark.spec("VCI-F.1-05", "VCI-F.1-07", "VCI-F.1-09", "VCI-F.1-21")
@pytest.mark.parametrize(
    "members",
    [
        {"kid": "holder"},
        {"kid": ""},
        {"kid": False},
        {"x5c": ["AA=="]},
        {"x5c": []},
        {"kid": "holder", "x5c": ["AA=="]},
        {"jwk": None},
        {"jwk": None, "kid": "did:key:z6Mk#z6Mk"},
        {"jwk": None, "x5c": ["AA=="]},
        {"jwk": None, "x5c": []},
        {"jwk": None, "kid": "holder", "x5c": ["AA=="]},
    ],
)
def test_exactly_one_header_says_which_key_it_is(members: dict[str, Any]) -> None:
    broken(header(**members))


def test_a_null_beside_the_jwk_is_a_member_too() -> None:
    good = {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": dict(HOLDER.public_jwk)}
    for member in ("kid", "x5c"):

        def make(nonce: str, head: Any = {**good, member: None}) -> str:  # noqa: B006
            return jws(head, {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce}, HOLDER)

        broken(make)


@pytest.mark.spec("VCI-F.1-13", "VCI-F.1-12")
@pytest.mark.parametrize("members", [{}, {"jwk": None}, {"jwk": None, "kid": "x"}, {"jwk": None, "x5c": ["AA=="]}])
def test_a_trust_chain_without_kid_is_refused_and_none_is_trusted(members: dict[str, Any]) -> None:
    broken(header(trust_chain=["e30.e30.AA"], **members))


def _private(algorithm: str) -> dict[str, Any]:
    holder = LocalSigner.generate("x", algorithm)
    return {**holder.public_jwk, "d": b64url(b"\1" * 32)}


@pytest.mark.spec("VCI-F.4-05")
@pytest.mark.parametrize(
    "jwk",
    [
        {**HOLDER.public_jwk, "d": b64url(b"\1" * 32)},
        {**HOLDER.public_jwk, "d": ""},
        {**HOLDER.public_jwk, "d": None},
        {**HOLDER.public_jwk, "k": "AA"},
        _private("EdDSA"),
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "p": "AQAB"},
        {"kty": "oct", "k": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "priv": "AA"},
    ],
)
def test_a_private_or_symmetric_key_is_refused(jwk: dict[str, Any]) -> None:
    broken(header(jwk=jwk))


@pytest.mark.parametrize(
    "jwk",
    [
        "x",
        [],
        {},
        1,
        True,
        "https://holder.example/jwk",
        {"keys": [dict(HOLDER.public_jwk)]},
        {**HOLDER.public_jwk, "kty": "OKP"},
        {**HOLDER.public_jwk, "kty": "ec"},
        {**HOLDER.public_jwk, "crv": "P-384"},
        {**HOLDER.public_jwk, "crv": "p-256"},
        {**HOLDER.public_jwk, "crv": None},
        {**HOLDER.public_jwk, "x": HOLDER.public_jwk["y"]},
        {**HOLDER.public_jwk, "x": b64url(bytes(32)), "y": b64url(bytes(32))},
        {**HOLDER.public_jwk, "x": b64url(b"\0" + bytes(32))},
        {**HOLDER.public_jwk, "x": HOLDER.public_jwk["x"] + "="},
        {**HOLDER.public_jwk, "x": 1},
        {**HOLDER.public_jwk, "use": "enc"},
        {**HOLDER.public_jwk, "key_ops": ["sign"]},
        {**HOLDER.public_jwk, "key_ops": "verify"},
        {**HOLDER.public_jwk, "alg": "ES384"},
        {**HOLDER.public_jwk, "alg": 1},
        {**HOLDER.public_jwk, "kid": 1},
        {"kty": "OKP", "crv": "X25519", "x": b64url(b"\x09" * 32)},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    ],
)
def test_a_jwk_that_is_no_key_for_signatures_is_refused(jwk: Any) -> None:
    broken(header(jwk=jwk))


@pytest.mark.parametrize("members", [{"crit": ["x"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": True}])
def test_extensions_that_are_not_understood_are_refused(members: dict[str, Any]) -> None:
    broken(header(**members))


# --- claims -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-17", "VCI-8.2-20", "VCI-F.4-01")
@pytest.mark.parametrize(
    "aud",
    [
        None,
        "",
        1,
        True,
        {},
        [],
        [IDENTIFIER],
        [IDENTIFIER, "https://other.example"],
        CREDENTIAL,
        NONCE,
        TOKEN,
        IDENTIFIER + "/",
        IDENTIFIER + "#",
        IDENTIFIER.upper(),
        IDENTIFIER.replace("https", "http"),
        "https://issuer.example",
        "https://issuer.example:443/tenant",
        "https://other.example",
        CLIENT,
    ],
)
def test_aud_is_the_issuers_identifier_character_by_character(aud: Any) -> None:
    broken(claims(aud=aud))


@pytest.mark.spec("VCI-F.1-18", "VCI-F.4-01", "VCI-F.4-07")
@pytest.mark.parametrize(
    "iat", [None, str(NOW), True, False, [NOW], {}, "", 0, -1, -1e300, 1e300, NOW * 1000, 10**400, NOW + 3600, NOW - 3600]
)
def test_iat_is_a_number_near_now(iat: Any) -> None:
    broken(claims(iat=iat))


@pytest.mark.spec("VCI-13.8-04", "VCI-F.4-07")
@pytest.mark.parametrize(
    ("iat", "good"),
    [
        (NOW + 30, True),
        (NOW + 60, True),
        (NOW + 60.5, False),
        (NOW + 61, False),
        (NOW + 0.25, True),
        (NOW - 300, True),
        (NOW - 300.5, False),
        (NOW - 301, False),
    ],
)
def test_the_window_of_iat(iat: float, good: bool) -> None:
    if good:
        world = issuance()
        accepted(Proof(world.nonce(), HOLDER, claims={"iat": iat}), world)
    else:
        broken(claims(iat=iat))


@pytest.mark.spec("VCI-13.8-05")
def test_the_nonce_alone_may_bound_the_age_of_a_proof() -> None:
    world = issuance(proof_types={"jwt": JwtProofType(max_age=None)})
    accepted(Proof(world.nonce(), HOLDER, claims={"iat": NOW - 86_400 * 365}), world)
    for iat in (NOW + 61, True, False, "0", None):
        broken(claims(iat=iat), world=world)
    expired = world.nonce(now=NOW - 301)
    refused(world.credential(world.token("note"), order_of(Proof(expired, HOLDER, claims={"iat": 0}))), "invalid_nonce")


@pytest.mark.spec("VCI-F.4-07")
def test_where_nothing_bounds_the_age_of_proofs_none_is_taken() -> None:
    metadata = issuer_metadata(nonce_endpoint=None)
    for max_age, error in ((None, "invalid_proof"), (300, None)):
        world = issuance(metadata=metadata, nonces=None, proof_types={"jwt": JwtProofType(max_age=max_age)})
        response = world.credential(world.token("note"), order_of(Proof(None, HOLDER)))
        assert (response.status, response.json().get("error")) == (200 if error is None else 400, error)


@pytest.mark.parametrize(
    ("members", "good"), [({"exp": NOW + 1}, True), ({"nbf": NOW + 60}, True), ({"exp": NOW + 0.5, "nbf": 0}, True)]
)
def test_exp_and_nbf_that_hold(members: dict[str, Any], good: bool) -> None:
    world = issuance()
    accepted(Proof(world.nonce(), HOLDER, claims=members), world)
    assert good


@pytest.mark.parametrize(
    "members",
    [
        {"exp": NOW},
        {"exp": 0},
        {"exp": str(NOW + 9)},
        {"exp": True},
        {"nbf": NOW + 61},
        {"nbf": "0"},
        {"nbf": []},
        {"exp": NOW + 9, "nbf": NOW + 99},
    ],
)
def test_exp_and_nbf_that_do_not_hold(members: dict[str, Any]) -> None:
    broken(claims(**members))


@pytest.mark.spec("VCI-F.1-15")
@pytest.mark.parametrize("iss", ["other", "", CLIENT + " ", CLIENT.upper(), 1, True, [CLIENT], {}, IDENTIFIER])
def test_iss_is_the_client(iss: Any) -> None:
    broken(claims(iss=iss))


@pytest.mark.spec("VCI-F.1-16")
@pytest.mark.parametrize("iss", [CLIENT, "", 1])
def test_iss_is_left_out_by_an_anonymous_client(iss: Any) -> None:
    world = issuance(anonymous=True)
    token, nonce = world.token("note", client_id=None), world.nonce()
    refused(world.credential(token, order_of(Proof(nonce, HOLDER, claims={"iss": iss}))), "invalid_proof")
    assert world.credential(token, order_of(Proof(nonce, HOLDER, claims={"iss": None}))).status == 200


def test_an_iss_that_is_null_is_not_left_out() -> None:
    head = {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": dict(HOLDER.public_jwk)}
    world = issuance(anonymous=True)
    for client_id in (None, CLIENT):
        proof = jws(head, {"aud": IDENTIFIER, "iat": NOW, "nonce": world.nonce(), "iss": None}, HOLDER)
        refused(world.credential(world.token("note", client_id=client_id), order_of(proof)), "invalid_proof")


# --- nonces -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-20", "VCI-8.2-21", "VCI-8.3.1.2-09", "VCI-F.4-01")
@pytest.mark.parametrize("nonce", [None, 1, True, [], ["x"], {}])
def test_a_proof_without_a_nonce_is_invalid_proof(nonce: Any) -> None:
    broken(claims(nonce=nonce))


@pytest.mark.spec("VCI-F.1-20", "VCI-F.4-06", "VCI-8.3.1.2-10")
@pytest.mark.parametrize("nonce", ["", "x", "é", "x" * 10_000, "=", " ", "\x00", "A" * 100])
def test_an_unknown_nonce_is_invalid_nonce(nonce: str) -> None:
    broken(claims(nonce=nonce), "invalid_nonce")


@pytest.mark.spec("VCI-F.4-06", "VCI-8.3.1.2-10")
def test_a_nonce_with_one_character_changed_is_invalid_nonce() -> None:
    """Also white space and padding around it: one nonce has one spelling, or it could be spent twice."""

    def changed(nonce: str, i: int) -> str:
        return nonce[:i] + ("A" if nonce[i] != "A" else "B") + nonce[i + 1 :]

    spellings = [partial(changed, i=i) for i in (0, 5, 20, 40, 60)]
    spellings += [partial(str.format, each) for each in ("{}=", " {}", "{}\n", "{}A", "\u200b{}")]
    for spelling in spellings:
        broken(partial(_with_nonce, spelling), "invalid_nonce")


def _with_nonce(spelling: Callable[[str], str], nonce: str) -> Proof:
    return Proof(spelling(nonce), HOLDER)


@pytest.mark.spec("VCI-F.4-06", "VCI-13.8-01", "VCI-8.3.1.2-10")
def test_a_nonce_ends_when_its_time_is_over_and_when_it_was_used() -> None:
    world = issuance()
    token = world.token("note")
    early, used = world.nonce(now=NOW - 300), world.nonce()
    refused(world.credential(token, order_of(Proof(early, HOLDER))), "invalid_nonce")
    late = world.nonce(now=NOW - 299)
    assert world.credential(token, order_of(Proof(late, HOLDER))).status == 200
    proof = str(Proof(used, HOLDER))
    assert world.credential(token, order_of(proof)).status == 200
    # The same proof again, and another one with its nonce.
    refused(world.credential(token, order_of(proof)), "invalid_nonce")
    refused(world.credential(token, order_of(Proof(used, ANOTHER))), "invalid_nonce")
    # What was spent stays so after the store forgot it, because then the nonce itself has ended.
    world.host.purge(now=NOW + 299)
    refused(world.credential(token, order_of(proof), now=NOW + 299), "invalid_nonce")
    world.host.purge(now=NOW + 300)
    other = world.token("note", now=NOW + 300)
    refused(world.credential(other, order_of(Proof(used, HOLDER)), now=NOW + 300), "invalid_nonce")


@pytest.mark.spec("VCI-F.4-06")
def test_a_nonce_of_another_issuer_or_of_other_keys_and_a_token_are_no_nonces() -> None:
    keys = secret_keys()
    elsewhere = Nonces(keys).new("https://other.example", now=NOW, new_secret=lambda size: bytes(size))
    others = issuance(keys=secret_keys(2)).nonce()
    world = issuance(keys=keys)
    for nonce in (elsewhere, others, world.token("note")):
        refused(world.credential(world.token("note"), order_of(Proof(nonce, HOLDER))), "invalid_nonce")


@pytest.mark.spec("VCI-13.8-02")
def test_an_issuer_may_take_a_nonce_until_it_ends_and_then_writes_nothing() -> None:
    keys = secret_keys()
    world = issuance(keys=keys, nonces=Nonces(keys, reusable=True))
    token, nonce = world.token("note"), world.nonce()
    before = world.host.rows
    for _ in range(2):
        assert world.credential(token, order_of(Proof(nonce, HOLDER))).status == 200
    assert world.host.rows == before
    refused(world.credential(world.token("note", now=NOW + 300), order_of(Proof(nonce)), now=NOW + 300), "invalid_nonce")


# --- signature and framing ----------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.1-21", "VCI-F.4-04", "VCI-8.3.1.2-09")
def test_the_signature_is_by_the_key_of_the_header() -> None:
    body = broken(lambda nonce: Proof(nonce, HOLDER, signer=ANOTHER))
    assert body["error_description"] == "proofs.jwt[0]: the signature does not verify"
    broken(header(jwk=dict(ANOTHER.public_jwk)))


def _signature(change: Callable[[bytes], bytes]) -> Callable[[str], str]:
    def make(nonce: str) -> str:
        data, _, signature = str(Proof(nonce, HOLDER)).rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        return f"{data}.{b64url(change(raw))}"

    return make


@pytest.mark.spec("VCI-F.4-04")
@pytest.mark.parametrize(
    "change",
    [
        lambda raw: bytes([raw[0] ^ 1]) + raw[1:],
        lambda raw: raw[:-1] + bytes([raw[-1] ^ 0x80]),
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: b"",
        lambda raw: bytes(64),
        lambda raw: raw[32:] + raw[:32],
        lambda raw: raw[:32] + bytes(32),
        lambda raw: encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
        lambda raw: b"\xff" * 64,
    ],
)
def test_another_signature_does_not_verify(change: Callable[[bytes], bytes]) -> None:
    broken(_signature(change))


def _es256_by_p384(nonce: str) -> str:
    key = ec.generate_private_key(ec.SECP384R1())
    holder = LocalSigner("x", "ES384", key)
    return str(Proof(nonce, holder, header={"alg": "ES256"}))


@pytest.mark.parametrize(
    "make",
    [
        _es256_by_p384,
        lambda nonce: "",
        lambda nonce: "x",
        lambda nonce: "..",
        lambda nonce: "e30.e30.",
        lambda nonce: str(Proof(nonce, HOLDER)) + ".",
        lambda nonce: str(Proof(nonce, HOLDER)) + ".AA.AA",
        lambda nonce: str(Proof(nonce, HOLDER)) + "=",
        lambda nonce: str(Proof(nonce, HOLDER)) + "\n",
        lambda nonce: " " + str(Proof(nonce, HOLDER)),
        lambda nonce: str(Proof(nonce, HOLDER)) + "~",
        lambda nonce: str(Proof(nonce, HOLDER)).replace(".", " ."),
        lambda nonce: str(Proof(nonce, HOLDER)).rpartition(".")[0],
        lambda nonce: "é" + str(Proof(nonce, HOLDER)),
        lambda nonce: jws([], {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce}, HOLDER),
        lambda nonce: jws(b"{", {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce}, HOLDER),
        lambda nonce: jws(b"\xff", {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce}, HOLDER),
        lambda nonce: str(Proof(nonce, HOLDER, claims={"x": "x" * 100_000})),
        lambda nonce: str(Proof(nonce, HOLDER, header={"x": "x" * 100_000})),
    ],
)
def test_what_is_not_framed_as_a_jws_is_refused(make: Callable[[str], str]) -> None:
    broken(make)


GOOD_HEADER = json.dumps({"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": dict(HOLDER.public_jwk)})


@pytest.mark.parametrize(
    "payload",
    [
        "[]",
        "null",
        "",
        "{",
        '"x"',
        '{"aud":"%s","iat":%d,"nonce":"%s","x":NaN}',
        '{"aud":"%s","iat":%d,"nonce":"%s","nonce":"x"}',
        '{"aud":"%s","iat":%d,"nonce":"%s"} {}',
        '{"aud":"%s","iat":%d,"nonce":"%s","x":' + "[" * 40 + "]" * 40 + "}",
        '\ufeff{"aud":"%s","iat":%d,"nonce":"%s"}',
        '{"aud":"%s","iat":%d,"nonce":"%s","x":"\\ud800"}',
    ],
)
def test_the_payload_is_a_strict_json_object(payload: str) -> None:
    broken(
        lambda nonce: jws(
            GOOD_HEADER.encode(), (payload % (IDENTIFIER, NOW, nonce) if "%s" in payload else payload).encode(), HOLDER
        )
    )


@pytest.mark.parametrize(
    "head",
    [
        GOOD_HEADER[:-1] + ', "alg": "ES256"}',
        GOOD_HEADER[:-1] + ', "jwk": {}}',
        GOOD_HEADER.replace('"kty": "EC"', '"kty": "EC", "kty": "EC"'),
    ],
)
def test_doubled_members_of_the_header_are_refused(head: str) -> None:
    broken(lambda nonce: jws(head.encode(), {"aud": IDENTIFIER, "iat": NOW, "nonce": nonce}, HOLDER))


def test_a_proof_in_json_serialization_is_refused() -> None:
    def make(nonce: str) -> str:
        head, payload, signature = str(Proof(nonce, HOLDER)).split(".")
        return json.dumps({"protected": head, "payload": payload, "signature": signature})

    broken(make)


# --- several faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-F.4-08")
def test_a_proof_with_several_faults_has_one_of_the_two_errors() -> None:
    world = issuance()
    token = world.token("note")
    faults: dict[str, Any] = {"aud": "x", "iat": "x", "iss": "x", "nonce": "x", "exp": 0}
    for size in range(2, 6):
        wrong = dict(list(faults.items())[:size])
        response = world.credential(
            token, order_of(Proof("x", HOLDER, header={"typ": "x", "alg": "none"}, claims=wrong, signer=ANOTHER))
        )
        assert (response.status, response.json()["error"]) in {(400, "invalid_proof"), (400, "invalid_nonce")}


@pytest.mark.spec("VCI-F.4-01")
@pytest.mark.parametrize("claim", ["aud", "iat", "nonce"])
def test_each_required_claim_is_required(claim: str) -> None:
    broken(claims(**{claim: None}))


def test_the_error_says_which_proof_it_is_about() -> None:
    world = issuance()
    token, nonce = world.token("note"), world.nonce()
    for bad, path in (
        (Proof(nonce, claims={"aud": "x"}), "proofs.jwt[2].aud"),
        ("e30.e30.!", "proofs.jwt[2]"),
        (Proof(nonce, header={"jwk": {}}), "proofs.jwt[2].header.jwk"),
    ):
        body = refused(world.credential(token, order_of(Proof(nonce), Proof(nonce), bad)), "invalid_proof")
        assert body["error_description"].startswith(path + ":")


# --- what an issuer may publish about proofs ----------------------------------------------------------------------------------


def test_key_attestations_that_cannot_be_validated_cannot_be_required() -> None:
    """Nothing is published that is not served."""
    good = configuration("ES256")
    members = good.to_json()
    members["proof_types_supported"]["jwt"]["key_attestations_required"] = {}
    for broken_members in (
        members,
        {**good.to_json(), "proof_types_supported": {"attestation": {"proof_signing_alg_values_supported": ["ES256"]}}},
    ):
        changed = CredentialConfiguration.from_json(broken_members)
        with pytest.raises(ValueError, match="cannot be validated"):
            issuance(
                metadata=issuer_metadata(credential_configurations_supported={"note": changed}),
                encoders={"note": encoders()["note"]},
            )


# --- nothing but refusals -----------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=20)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(["kty", "crv", "x", "y", "d"]), inner, max_size=4)
    ),
    max_leaves=8,
)
HEADERS = st.dictionaries(
    st.sampled_from(["typ", "alg", "jwk", "kid", "x5c", "trust_chain", "key_attestation", "crit"]) | TEXT,
    JSON_VALUES
    | st.sampled_from(["openid4vci-proof+jwt", "ES256", "EdDSA", dict(HOLDER.public_jwk), {"kty": "EC", "crv": "P-256"}]),
    max_size=6,
)
CLAIM_SETS = st.dictionaries(st.sampled_from(["aud", "iat", "nonce", "iss", "exp", "nbf"]) | TEXT, JSON_VALUES, max_size=6)
EXPECTED = Expected(audience=IDENTIFIER, client_id=CLIENT, algorithms=("ES256", "EdDSA"), now=NOW)


def verify(proofs: list[Any]) -> bool:
    try:
        read = JwtProofType().read(proofs)
        assert len(read.nonces) == len(proofs)
        assert read.key_refs == ()
        return bool(read.verify(EXPECTED, keys={}, statuses={}).keys)
    except InvalidProof:
        return False


@given(HEADERS, CLAIM_SETS, st.booleans())
def test_any_header_and_claims_are_proved_or_refused(head: dict[str, Any], payload: dict[str, Any], complete: bool) -> None:
    good = {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": dict(HOLDER.public_jwk)}
    proof = jws(
        {**good, **head} if complete else head, {"aud": IDENTIFIER, "iat": NOW, **payload} if complete else payload, HOLDER
    )
    if verify([proof]):
        assert complete


@given(st.lists(JSON_VALUES | st.text("eyJ.-_=", max_size=40), max_size=4))
def test_any_values_are_refused(values: list[Any]) -> None:
    assert not verify(values)


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=80))
def test_any_three_parts_are_refused(head: bytes, payload: bytes, signature: bytes) -> None:
    assert not verify([".".join(map(b64url, (head, payload, signature)))])


PROOF = str(Proof("n", HOLDER))


@given(st.integers(0, len(PROOF) - 1), st.characters(codec="utf-8"))
def test_a_proof_with_any_one_character_changed_is_refused(position: int, character: str) -> None:
    changed = PROOF[:position] + character + PROOF[position + 1 :]
    assert verify([changed]) is (changed == PROOF)
