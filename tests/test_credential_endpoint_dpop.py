"""Tokens that are bound to a DPoP key at the Credential Endpoint, and DPoP nonces at the Nonce Endpoint (RFC 9449, OID4VCI 7.2)."""

import itertools
import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose
from oid4vci.errors import InvalidDpopProof, InvalidToken
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import NewAccessToken, SealedAccessTokens
from oid4vci.oauth.dpop import Dpop, DpopNonces, dpop_signing_input
from oid4vci.oauth.grants import REVOKED
from oid4vci.oauth.pre_authorized import PreAuthorized
from oid4vci.records import Insert, Swap
from tests.dpop_proofs import Sent
from tests.issuance import (
    CREDENTIAL,
    IDENTIFIER,
    NONCE,
    NOW,
    TOKEN,
    Issuance,
    Proof,
    counted,
    credential_request,
    issuance,
    issuer_metadata,
    new_issuer,
    order_of,
    refused,
    secret_keys,
    token_request,
)

BADGE = {"credential_configuration_id": "badge"}
KEY, OTHER = LocalSigner.generate("dpop"), LocalSigner.generate("other")
JKT = thumbprint(KEY.public_jwk)
NONCES = DpopNonces(secret_keys())
DPOP = Dpop(("ES256", "EdDSA"))
CHALLENGE = 'algs="ES256 EdDSA"'
numbers = itertools.count()


def world_of(dpop: Dpop | None = DPOP, **fields: Any) -> Issuance:
    return issuance(dpop=dpop, **fields)


def with_nonces(**fields: Any) -> Issuance:
    return world_of(evolve(DPOP, nonces=NONCES), **fields)


def bound_token(
    world: Issuance,
    *configuration_ids: str,
    granted: PreAuthorized | None = None,
    jkt: str | None = JKT,
    expires_at: int = NOW + 3600,
) -> str:
    """A token for a grant that was redeemed."""
    granted = granted or world.grant(*configuration_ids)
    assert world.redeem(granted).status == 200
    record = world.host.rows[granted.key]
    grant = evolve(record, expires_at=expires_at, version=record.version + 1)
    assert world.host.commit([Swap(record, grant)])
    new = NewAccessToken(
        grant=grant,
        credential_issuer=IDENTIFIER,
        configuration_ids=record.data["configuration_ids"],
        jkt=jkt,
        now=NOW,
        expires_at=expires_at,
    )
    return SealedAccessTokens(world.keys).draft(new, new_secret=counted(next(numbers))).finish()


def asked(token: str, body: Any, *proofs: Sent | str, scheme: str = "DPoP") -> Request:
    request = credential_request(None, body, authorization=f"{scheme} {token}")
    return evolve(request, headers=[*request.headers.pairs, *(("DPoP", str(proof)) for proof in proofs)])


def sent(world: Issuance, token: str, body: Any, *proofs: Sent | str, now: int = NOW, scheme: str = "DPoP") -> Response:
    return world.send(asked(token, body, *proofs, scheme=scheme), now=now)


def challenge(response: Response) -> str:
    value = response.headers.get("www-authenticate")
    assert value is not None
    return value


def spent_kinds(world: Issuance) -> list[str]:
    return sorted(key.kind for key in world.host.rows if key.kind in ("dpop_jti", "c_nonce"))


def unchanged(world: Issuance, request: Request, error: str, *, status: int = 401, now: int = NOW) -> Response:
    """The refusal of a request that changes no row, and about which nobody decides."""
    before, decided = world.host.rows, len(world.host.orders)
    response = world.send(request, now=now)
    refused(response, error, status=status)
    assert world.host.rows == before
    assert len(world.host.orders) == decided
    return response


# --- good requests --------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-13.2-04", "HAIP-4-08")
@pytest.mark.parametrize("bearer", [True, False])
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP "])
def test_a_credential_for_a_bound_token(bearer: bool, scheme: str) -> None:
    world = world_of(bearer=bearer)
    token = bound_token(world, "note")
    response = sent(world, token, order_of(Proof(world.nonce())), Sent(KEY, access_token=token), scheme=scheme)
    assert response.status == 200
    assert response.json().keys() == {"credentials"}
    assert "dpop-nonce" not in response.headers
    assert spent_kinds(world) == ["c_nonce", "dpop_jti"]
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert (order.authorization.jkt, order.subject) == (JKT, "ada")


def test_a_proof_of_our_wallet() -> None:
    world = with_nonces()
    token = bound_token(world, "badge")
    nonce = world.send(Request("POST", NONCE)).headers.get("dpop-nonce")
    data = dpop_signing_input(KEY, method="POST", url=CREDENTIAL, jti="a", now=NOW, nonce=nonce, access_token=token)
    assert sent(world, token, BADGE, _jose.compact(data, KEY.sign(data))).status == 200


def test_one_token_serves_many_requests_each_with_its_proof() -> None:
    """One access token usable some 35 times."""
    world = world_of()
    token = bound_token(world, "badge")
    for _ in range(40):
        assert sent(world, token, BADGE, Sent(KEY, access_token=token)).status == 200


def test_bearer_tokens_are_still_taken_beside() -> None:
    world = world_of()
    assert world.credential(world.token("badge"), BADGE).status == 200
    assert spent_kinds(world) == []


def test_one_dpop_nonce_serves_for_the_authorization_server_and_the_issuer() -> None:
    """The token endpoint binds the token, and the nonce that it gave is good at the Credential Endpoint."""
    dpop = evolve(DPOP, nonces=NONCES)
    server = issuance().server
    world = issuance(
        dpop=dpop,
        server={
            "dpop": dpop,
            "metadata": evolve(server.metadata, dpop_signing_alg_values_supported=dpop.algorithms),
        },
    )
    granted = world.grant("badge")
    plain = token_request(granted)

    def redeemed(nonce: str | None) -> Response:
        proof = Sent(KEY, url=TOKEN, nonce=nonce)
        return world.send(evolve(plain, headers=[*plain.headers.pairs, ("dpop", str(proof))]))

    first = redeemed(None)
    refused(first, "use_dpop_nonce")
    nonce = first.headers.get("dpop-nonce")
    second = redeemed(nonce)
    assert second.status == 200, second.body
    assert second.json()["token_type"].lower() == "dpop"
    token = second.json()["access_token"]
    assert sent(world, token, BADGE, Sent(KEY, access_token=token, nonce=nonce)).status == 200
    unchanged(world, asked(token, BADGE, scheme="Bearer"), "invalid_token")


# --- the Nonce Endpoint ---------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-7.2-06")
def test_the_nonce_response_brings_a_dpop_nonce_if_proofs_must_have_one() -> None:
    world = with_nonces()
    response = world.send(Request("POST", NONCE))
    assert response.headers.get("cache-control") == "no-store"
    assert response.json().keys() == {"c_nonce"}
    nonce = response.headers.get("dpop-nonce")
    assert nonce is not None
    assert nonce != response.json()["c_nonce"]
    token = bound_token(world, "badge")
    assert sent(world, token, BADGE, Sent(KEY, access_token=token, nonce=nonce)).status == 200
    for plain in (issuance(), world_of()):
        assert "dpop-nonce" not in plain.send(Request("POST", NONCE)).headers


def test_a_c_nonce_is_no_dpop_nonce_and_the_reverse() -> None:
    world = with_nonces()
    response = world.send(Request("POST", NONCE))
    c_nonce, dpop_nonce = response.json()["c_nonce"], response.headers.get("dpop-nonce")
    token = bound_token(world, "note")
    body = order_of(Proof(c_nonce))
    unchanged(world, asked(token, body, Sent(KEY, access_token=token, nonce=c_nonce)), "use_dpop_nonce")
    good = Sent(KEY, access_token=token, nonce=dpop_nonce)
    unchanged(world, asked(token, order_of(Proof(dpop_nonce)), good), "invalid_nonce", status=400)
    assert sent(world, token, body, good).status == 200


# --- nonces at the Credential Endpoint ------------------------------------------------------------------------------------


def test_use_dpop_nonce_consumes_nothing_so_that_the_same_request_can_be_sent_again() -> None:
    """The DPoP nonce is checked before a `c_nonce` is consumed, because the retry after `use_dpop_nonce` resends it."""
    world = with_nonces()
    token = bound_token(world, "note")
    body, proof = order_of(Proof(world.nonce())), Sent(KEY, access_token=token)
    response = unchanged(world, asked(token, body, proof), "use_dpop_nonce")
    assert challenge(response).startswith('DPoP error="use_dpop_nonce", error_description="')
    assert challenge(response).endswith(f'", {CHALLENGE}, Bearer')
    nonce = response.headers.get("dpop-nonce")
    assert sent(world, token, body, evolve(proof, nonce=nonce)).status == 200
    assert spent_kinds(world) == ["c_nonce", "dpop_jti"]


def test_the_dpop_nonce_comes_before_everything_about_the_body() -> None:
    world = with_nonces()
    token = bound_token(world, "note", "badge")
    for body in (b"{", {}, {"credential_configuration_id": "unknown"}, order_of("nonsense"), order_of(Proof(None)), BADGE):
        response = unchanged(world, asked(token, body, Sent(KEY, access_token=token)), "use_dpop_nonce")
        assert response.headers.get("dpop-nonce") is not None


def test_the_next_nonce_comes_with_the_credential() -> None:
    world = with_nonces()
    token = bound_token(world, "badge")
    nonce = NONCES.new(now=NOW - 200, new_secret=counted())
    response = sent(world, token, BADGE, Sent(KEY, access_token=token, nonce=nonce))
    following = response.headers.get("dpop-nonce")
    assert response.status == 200
    assert following not in (None, nonce)
    assert sent(world, token, BADGE, Sent(KEY, access_token=token, nonce=following)).headers.get("dpop-nonce") is None


# --- refusals -------------------------------------------------------------------------------------------------------------

WRONG: list[dict[str, Any]] = [
    {"access_token": None},
    {"access_token": "another"},
    {"claims": {"htm": "GET"}},
    {"url": TOKEN},
    {"url": CREDENTIAL + "/"},
    {"claims": {"htu": None}},
    {"claims": {"iat": NOW - 3600}},
    {"claims": {"iat": NOW + 3600}},
    {"claims": {"iat": None}},
    {"claims": {"jti": None}},
    {"claims": {"jti": ""}},
    {"header": {"typ": None}},
    {"header": {"alg": "none"}},
    {"header": {"alg": "HS256"}},
    {"header": {"jwk": None}},
    {"header": {"jwk": {**KEY.public_jwk, "d": "AAAA"}}},
    {"header": {"crit": ["x"]}},
    {"signer": OTHER},
]


@pytest.mark.spec("VCI-8.3.1.1-01", "HAIP-4-08", "VCI-13.2-04")
@pytest.mark.parametrize("change", WRONG)
def test_a_proof_that_is_wrong_changes_nothing(change: dict[str, Any]) -> None:
    world = world_of()
    token = bound_token(world, "note")
    body = order_of(Proof(world.nonce()))
    proof = Sent(**{"key": KEY, "access_token": token, **change})
    response = unchanged(world, asked(token, body, proof), "invalid_dpop_proof")
    assert challenge(response).startswith('DPoP error="invalid_dpop_proof"')
    assert challenge(response).endswith(f"{CHALLENGE}, Bearer")
    # Neither the key proof nor its nonce is spent.
    assert sent(world, token, body, Sent(KEY, access_token=token)).status == 200


@pytest.mark.parametrize("proofs", [0, 2, 3])
def test_no_proof_or_more_than_one(proofs: int) -> None:
    world = world_of()
    token = bound_token(world, "badge")
    request = asked(token, BADGE, *(Sent(KEY, access_token=token) for _ in range(proofs)))
    assert 'DPoP error="invalid_dpop_proof"' in challenge(unchanged(world, request, "invalid_dpop_proof"))


@pytest.mark.spec("VCI-13.2-04", "HAIP-4-08")
@pytest.mark.parametrize("dpop", [None, DPOP])
def test_a_stolen_token_is_worth_nothing_without_the_key(dpop: Dpop | None) -> None:
    world = world_of(dpop)
    token = bound_token(world, "badge")
    response = unchanged(world, asked(token, BADGE, scheme="Bearer"), "invalid_token")
    assert challenge(response).startswith('Bearer error="invalid_token"')
    unchanged(world, asked(token, BADGE, Sent(KEY, access_token=token), scheme="Bearer"), "invalid_token")
    if dpop is not None:
        response = unchanged(world, asked(token, BADGE, Sent(OTHER, access_token=token)), "invalid_token")
        assert challenge(response).startswith('DPoP error="invalid_token"')


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_a_token_that_is_not_bound_is_no_dpop_token() -> None:
    world = world_of()
    token = bound_token(world, "badge", jkt=None, expires_at=NOW + 300)
    unchanged(world, asked(token, BADGE, Sent(KEY, access_token=token)), "invalid_token")
    assert sent(world, token, BADGE, scheme="Bearer").status == 200


@pytest.mark.spec("HAIP-4-08")
def test_an_issuer_that_takes_bound_tokens_only() -> None:
    world = world_of(bearer=False)
    for token in (world.token("badge"), bound_token(world, "badge")):
        response = world.credential(token, BADGE)
        assert (response.status, challenge(response)) == (401, f"DPoP {CHALLENGE}")
    assert not any(isinstance(order, CredentialOrder) for order in world.host.orders)
    with pytest.raises(ValueError, match="bearer"):
        new_issuer(bearer=False)


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_without_a_token_the_answer_names_both_schemes_and_no_error() -> None:
    world = world_of()
    for headers in ([], [("dpop", str(Sent(KEY)))], [("authorization", "Basic x")]):
        response = world.send(Request("POST", CREDENTIAL, [("content-type", "application/json"), *headers], b"{}"))
        assert (response.status, response.body, challenge(response)) == (401, b"", f"DPoP {CHALLENGE}, Bearer")


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_a_bound_token_that_has_ended() -> None:
    world = world_of()
    token = bound_token(world, "badge")
    late = Sent(KEY, access_token=token, claims={"iat": NOW + 3600})
    assert sent(world, token, BADGE, evolve(late, claims={"iat": NOW + 3599}), now=NOW + 3599).status == 200
    unchanged(world, asked(token, BADGE, late), "invalid_token", now=NOW + 3600)
    granted = world.grant("badge")
    token = bound_token(world, granted=granted)
    assert sent(world, token, BADGE, Sent(KEY, access_token=token)).status == 200
    assert world.host.commit([Swap.update(world.host.rows[granted.key], state=REVOKED)])
    unchanged(world, asked(token, BADGE, Sent(KEY, access_token=token)), "invalid_token")


@pytest.mark.spec("VCI-8.3.1.1-01")
def test_a_bound_token_for_another_configuration_is_insufficient_scope() -> None:
    world = world_of()
    token = bound_token(world, "note")
    response = unchanged(world, asked(token, BADGE, Sent(KEY, access_token=token)), "insufficient_scope", status=403)
    assert challenge(response).startswith('DPoP error="insufficient_scope"')
    assert challenge(response).endswith(f"{CHALLENGE}, Bearer")


def test_who_has_no_good_token_learns_nothing_about_the_request() -> None:
    world = with_nonces()
    for body in (b"{", {}, order_of("x"), BADGE):
        response = unchanged(world, asked("nonsense", body, Sent(KEY, access_token="nonsense")), "invalid_token")
        assert "dpop-nonce" not in response.headers


@pytest.mark.parametrize("query", ["access_token={}", "x=1&access_token={}"])
def test_a_bound_token_in_the_query(query: str) -> None:
    world = world_of()
    token = bound_token(world, "badge")
    request = asked(token, BADGE, Sent(KEY, access_token=token))
    unchanged(world, evolve(request, url=f"{CREDENTIAL}?{query.replace('{}', token)}"), "invalid_request", status=400)


# --- replay ---------------------------------------------------------------------------------------------------------------


def test_a_request_that_is_sent_twice_is_answered_once() -> None:
    world = world_of()
    token = bound_token(world, "badge")
    request = asked(token, BADGE, Sent(KEY, access_token=token))
    assert world.send(request).status == 200
    response = unchanged(world, request, "invalid_dpop_proof")
    assert "used before" in response.json()["error_description"]


def test_a_captured_proof_is_good_for_no_other_body() -> None:
    world = world_of()
    token = bound_token(world, "note")
    proof = Sent(KEY, access_token=token)
    assert sent(world, token, order_of(Proof(world.nonce())), proof).status == 200
    unchanged(world, asked(token, order_of(Proof(world.nonce())), proof), "invalid_dpop_proof")


def test_of_two_requests_with_one_proof_that_loaded_at_the_same_time_one_is_answered() -> None:
    world = world_of()
    token = bound_token(world, "badge")
    replies = []
    for _ in range(2):
        call = world.issuer.read_credential_request(asked(token, BADGE, Sent(KEY, access_token=token, jti="a")))
        replies.append(call.verify(world.host.load(call.lookups), now=NOW).issue({}).finish())
    assert [world.host.commit(reply.changes) for reply in replies] == [True, False]


def test_a_refusal_spends_neither_the_proof_nor_the_nonce() -> None:
    world = world_of()
    token = bound_token(world, "note")
    c_nonce = world.nonce()
    proof, body = Sent(KEY, access_token=token), order_of(Proof(c_nonce))
    for wrong in (b"{", {}, order_of(Proof("x")), order_of(Proof(c_nonce, claims={"aud": "x"}))):
        response = world.send(asked(token, wrong, proof))
        assert response.status == 400
    call = world.issuer.read_credential_request(asked(token, body, proof))
    order = call.verify(world.host.load(call.lookups), now=NOW)
    assert order.deny("no").changes == ()
    assert spent_kinds(world) == []
    assert sent(world, token, body, proof).status == 200


def test_the_proof_is_the_guard_of_what_the_answer_changes() -> None:
    world = world_of()
    token = bound_token(world, "note")
    request = asked(token, order_of(*(Proof(world.nonce()) for _ in range(2))), Sent(KEY, access_token=token))
    call = world.issuer.read_credential_request(request)
    assert [key.kind for key in call.lookups] == ["grant", "dpop_jti", "c_nonce", "c_nonce"]
    changes = call.verify(world.host.load(call.lookups), now=NOW).issue({}).finish().changes
    inserted = [change.record for change in changes if isinstance(change, Insert)]
    assert [record.key.kind for record in inserted] == ["dpop_jti", "c_nonce", "c_nonce"]
    assert {record.key for record in inserted} == set(call.lookups[1:])
    reusable = world_of(nonces=Nonces(world.keys, reusable=True))
    token = bound_token(reusable, "note")
    assert sent(reusable, token, order_of(Proof(reusable.nonce())), Sent(KEY, access_token=token)).status == 200
    assert spent_kinds(reusable) == ["dpop_jti"]


def test_the_same_jti_at_another_issuer_s_endpoint_is_another_proof() -> None:
    store = world_of()
    elsewhere = world_of(metadata=issuer_metadata(credential_endpoint=f"{IDENTIFIER}/other"), host=store.host)
    token = bound_token(store, "badge")
    proof = Sent(KEY, access_token=token)
    assert sent(store, token, BADGE, proof).status == 200
    moved = evolve(asked(token, BADGE, evolve(proof, url=f"{IDENTIFIER}/other")), url=f"{IDENTIFIER}/other")
    assert elsewhere.send(moved).status == 200


# --- what is shown, and anything at all -----------------------------------------------------------------------------------


def test_no_stage_shows_a_secret() -> None:
    world = with_nonces()
    token = bound_token(world, "note")
    nonce = NONCES.new(now=NOW - 200, new_secret=counted())
    proof = Sent(KEY, access_token=token, nonce=nonce)
    request = asked(token, order_of(Proof(world.nonce())), proof)
    call = world.issuer.read_credential_request(request)
    order = call.verify(world.host.load(call.lookups), now=NOW)
    draft = order.issue({})
    shown = repr([world.issuer, request, call, call.access, order, order.access, draft, draft.finish().changes])
    for secret in (token, nonce, str(proof), str(proof).rpartition(".")[2], draft.headers["dpop-nonce"]):
        assert secret not in shown


WORLD = with_nonces()
BOUND = bound_token(WORLD, "badge")


@given(
    st.sampled_from([BOUND, "x"]),
    st.lists(
        st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")) | st.just(str(Sent(KEY, access_token=BOUND))), max_size=2
    ),
    st.binary(max_size=40) | st.just(json.dumps(BADGE).encode()),
)
def test_any_dpop_header_gives_an_answer(token: str, proofs: list[str], body: bytes) -> None:
    before = WORLD.host.rows
    response = WORLD.send(asked(token, body, *proofs))
    assert response.status == 401
    assert response.json()["error"] in ("invalid_token", "invalid_dpop_proof", "use_dpop_nonce")
    assert WORLD.host.rows == before


@given(st.integers(0, 10_000), st.characters(codec="ascii", exclude_characters=" \t"))
def test_a_changed_proof_never_opens_anything(position: int, character: str) -> None:
    proof = str(Sent(KEY, access_token=BOUND, nonce=NONCES.new(now=NOW, new_secret=counted())))
    position %= len(proof)
    changed = proof[:position] + character + proof[position + 1 :]
    try:
        call = WORLD.issuer.read_credential_request(asked(BOUND, BADGE, changed))
        call.verify(WORLD.host.load(call.lookups), now=NOW)
    except (InvalidDpopProof, InvalidToken):
        assert changed != proof
    else:
        assert changed == proof
