"""The Nonce Endpoint (OID4VCI 7), and how long what it gives out serves (13.8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import b64url_decode
from oid4vci.errors import InvalidNonce, NotFound
from oid4vci.http import Request
from oid4vci.nonces import SPENT_MARGIN, Nonces
from oid4vci.records import Key
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from tests.issuance import (
    IDENTIFIER,
    NONCE,
    NOW,
    Proof,
    counted,
    credential_request,
    issuance,
    issuer_metadata,
    new_issuer,
    order_of,
    refused,
    secret_keys,
)


@pytest.mark.spec("VCI-7.1-02", "VCI-7.2-01", "VCI-7.2-02", "VCI-7.2-05", "VCI-7-02")
def test_the_response_is_json_with_a_nonce_that_no_cache_keeps_and_needs_no_token() -> None:
    world = issuance()
    assert world.issuer.metadata.nonce_endpoint == NONCE
    response = world.send(Request("POST", NONCE))
    assert response.status == 200
    assert response.headers.get("content-type") == "application/json"
    assert response.headers.get("cache-control") == "no-store"
    body = response.json()
    assert body.keys() == {"c_nonce"}
    assert isinstance(body["c_nonce"], str)
    assert body["c_nonce"]
    assert world.host.rows == {}


@pytest.mark.spec("VCI-7.1-01")
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "post", ""])
def test_other_methods_are_refused(method: str) -> None:
    response = issuance().send(Request(method, NONCE))
    assert (response.status, response.headers.get("allow")) == (405, "POST")
    assert b"c_nonce" not in response.body


@pytest.mark.spec("VCI-7.1-01", "VCI-7.1-02")
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({"content-length": "0"}, b""),
        ({"content-type": "application/json"}, b"{"),
        ({"content-type": "x"}, b"\xff" * 1000),
        ({"authorization": "Bearer nonsense"}, b""),
        ({"authorization": "DPoP x", "dpop": "x"}, b""),
        ({"accept": "text/html"}, b""),
        ({"accept": ""}, b"x=1"),
    ],
)
def test_whatever_else_the_request_has_is_ignored(headers: dict[str, str], body: bytes) -> None:
    response = issuance().send(Request("POST", NONCE, headers, body))
    assert (response.status, response.headers.get("content-type")) == (200, "application/json")


@pytest.mark.spec("VCI-7.2-03")
def test_nonces_differ_and_are_drawn_from_the_generator_of_the_system() -> None:
    world = issuance()
    assert world.issuer.new_secret is new_secret
    assert len({world.nonce() for _ in range(100)}) == 100
    # With a generator that is given, all that is unpredictable comes from it: 128 bits for the nonce's own name, and its IV.
    asked: list[int] = []

    def counting(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    fixed = issuance(new_secret=counting)
    assert fixed.nonce() == fixed.nonce()
    assert asked == [16, 12, 16, 12]
    assert issuance(new_secret=counted()).nonce() == issuance(new_secret=counted()).nonce()


@pytest.mark.spec("VCI-7-01")
def test_nonces_and_the_endpoint_come_together() -> None:
    with pytest.raises(ValueError, match="nonce_endpoint"):
        new_issuer(issuer_metadata(nonce_endpoint=None))
    with pytest.raises(ValueError, match="nonce_endpoint"):
        new_issuer(nonces=None)


def test_an_issuer_without_the_endpoint_serves_none() -> None:
    world = issuance(metadata=issuer_metadata(nonce_endpoint=None), nonces=None)
    refused(world.send(Request("POST", NONCE)), "not_found", status=404)
    with pytest.raises(NotFound):
        world.issuer.read_nonce_request(Request("POST", NONCE))


@pytest.mark.spec("VCI-13.8-01")
def test_by_default_a_nonce_serves_once_and_five_minutes() -> None:
    world = issuance()
    token, nonce = world.token("note", now=NOW), world.nonce(now=NOW)
    assert world.credential(token, order_of(Proof(nonce)), now=NOW + 299).status == 200
    refused(world.credential(token, order_of(Proof(nonce)), now=NOW + 299), "invalid_nonce")
    unused = world.nonce(now=NOW)
    refused(world.credential(world.token("note", now=NOW + 300), order_of(Proof(unused)), now=NOW + 300), "invalid_nonce")


def test_of_two_requests_with_one_nonce_that_loaded_at_the_same_time_one_is_answered() -> None:
    """`c_nonce` replay."""
    world = issuance()
    token, nonce = world.token("note"), world.nonce()
    replies = []
    for _ in range(2):
        call = world.issuer.read_credential_request(credential_request(token, order_of(Proof(nonce))))
        records = world.host.load(call.lookups)
        replies.append(call.verify(records, now=NOW).issue({}).finish())
    assert [world.host.commit(reply.changes) for reply in replies] == [True, False]


def test_the_row_of_a_spent_nonce_does_not_have_it() -> None:
    world = issuance()
    token, nonce = world.token("note"), world.nonce()
    before = world.host.rows
    assert world.credential(token, order_of(Proof(nonce))).status == 200
    ((key, record),) = ((key, record) for key, record in world.host.rows.items() if key not in before)
    assert (key, record.expires_at) == (Key.of("c_nonce", nonce), NOW + 300 + SPENT_MARGIN)
    assert nonce not in repr((key, record, dict(record.data)))


def test_a_nonce_is_opaque() -> None:
    raw = b64url_decode(issuance().nonce())
    assert b"exp" not in raw
    assert str(NOW + 300).encode() not in raw


def test_a_rotated_key_still_recognises_what_the_old_one_sealed() -> None:
    old, new = bytes([1]) * 32, bytes([2]) * 32
    before = issuance(keys=SealingKeys([old]))
    nonce = before.nonce()
    rotated = issuance(keys=SealingKeys([new, old]))
    assert rotated.credential(rotated.token("note"), order_of(Proof(nonce))).status == 200
    dropped = issuance(keys=SealingKeys([new]))
    refused(dropped.credential(dropped.token("note"), order_of(Proof(nonce))), "invalid_nonce")


@pytest.mark.parametrize("lifetime", [0, -1])
def test_a_nonce_lives(lifetime: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Nonces(secret_keys(), lifetime=lifetime)


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: raw.hex()))
def test_any_text_is_no_nonce(value: str) -> None:
    with pytest.raises(InvalidNonce):
        Nonces(secret_keys()).check(value, IDENTIFIER, {}, now=NOW)


@given(st.integers(1, 1_000_000), st.integers(0, 2_000_000))
def test_a_nonce_serves_until_its_lifetime_is_over(lifetime: int, later: int) -> None:
    nonces = Nonces(secret_keys(), lifetime=lifetime)
    value = nonces.new(IDENTIFIER, now=NOW, new_secret=counted())
    if later < lifetime:
        nonce = nonces.check(value, IDENTIFIER, {}, now=NOW + later)
        assert nonce.spent.record.expires_at == NOW + lifetime + SPENT_MARGIN
        assert value not in repr(nonce)
    else:
        with pytest.raises(InvalidNonce):
            nonces.check(value, IDENTIFIER, {}, now=NOW + later)
