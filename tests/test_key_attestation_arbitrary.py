"""Whatever is sent as a key attestation: nothing but a good one is accepted, and nothing but the library's errors is raised."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, b64url_decode, b64url_encode, dump_bytes
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.key_attestation import HIGH, KeyAttestation, KeyAttestations
from tests.issuance import IDENTIFIER, NOW, jws, refused
from tests.key_attestations import (
    ANCHORS,
    ATTESTER,
    ATTESTER_KEY,
    CERTIFIED_KEY,
    HOLDERS,
    STATUS,
    Attestation,
    attesting,
    certified,
    known_attester,
    public,
)

SETTINGS = known_attester(anchors=ANCHORS)
SAID = {"status": STATUS.status, "certification": "https://attester.example/certified"}
KNOWN = Attestation("n", HOLDERS[:2], claims=SAID)
CERTIFIED = certified("n", keys=HOLDERS[:2], claims={**SAID, "iss": None})
TOKENS = [str(KNOWN), str(CERTIFIED)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def verified(token: Any, settings: KeyAttestations = SETTINGS, **changes: Any) -> KeyAttestation:
    """By an issuer with a Nonce Endpoint that knows `STATUS` to stand. Everything that a caller looks at is looked at."""
    read = settings.read(token)
    assert read.nonce is None or isinstance(read.nonce, str)
    assert set(read.status_refs) <= {STATUS}
    assert read.key_refs == ()
    terms: dict[str, Any] = {
        "algorithms": ("ES256",),
        "required": KeyAttestationsRequired(key_storage=(HIGH,)),
        "max_keys": 4,
        "exp_required": True,
        "audience": IDENTIFIER,
        "nonce": True,
        "keys": {},
        "statuses": {STATUS: 0},
        "now": NOW,
    }
    return read.verify(**{**terms, **changes})


def test_the_ones_that_are_changed_are_good() -> None:
    for token in TOKENS:
        assert verified(token).keys == public(*HOLDERS[:2])


@given(st.sampled_from(TOKENS), st.data())
def test_a_changed_character_is_noticed(token: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(token) - 1))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "
    other = data.draw(st.sampled_from(alphabet.replace(token[at], "")))
    with pytest.raises(Malformed):
        verified(token[:at] + other + token[at + 1 :])


@given(st.sampled_from(TOKENS), st.data())
def test_a_changed_bit_is_noticed(token: str, data: st.DataObject) -> None:
    """Of what is signed, or of the signature, spelled rightly."""
    parts = [b64url_decode(part) for part in token.split(".")]
    which = data.draw(st.integers(0, 2))
    bit = data.draw(st.integers(0, 8 * len(parts[which]) - 1))
    changed = bytearray(parts[which])
    changed[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(changed)
    with pytest.raises(Malformed):
        verified(".".join(b64url_encode(part) for part in parts))


@given(st.sampled_from(TOKENS), st.sampled_from([0, 1]), st.text(max_size=8) | st.none(), JSON)
def test_a_changed_member_is_noticed(token: str, which: int, name: str | None, value: Any) -> None:
    """Any member of the header or the claims, changed or added, under the old signature."""
    parts = token.split(".")
    members = json.loads(b64url_decode(parts[which]))
    for each in members if name is None else (name,):
        if each in members and members[each] == value:
            continue
        changed = list(parts)
        changed[which] = b64url_encode(dump_bytes({**members, each: value}))
        with pytest.raises(Malformed):
            verified(".".join(changed))
    for each in members:
        changed = list(parts)
        changed[which] = b64url_encode(dump_bytes({key: member for key, member in members.items() if key != each}))
        with pytest.raises(Malformed):
            verified(".".join(changed))


HEADERS = st.sampled_from(["typ", "alg", "x5c", "kid", "jwk", "trust_chain", "crit", "b64", "x"])
CLAIMS = st.sampled_from(
    ["iss", "iat", "exp", "nbf", "attested_keys", "key_storage", "user_authentication", "certification", "nonce", "status", "x"]
)


@given(st.booleans(), HEADERS, JSON)
def test_any_header_member_that_an_attester_signs(with_x5c: bool, name: str, value: Any) -> None:
    made = CERTIFIED if with_x5c else KNOWN
    try:
        attestation = verified(str(evolve(made, header={**made.header, name: value})))
    except Malformed:
        return
    # Only members that say nothing of who signed: the type, the algorithm and the chain stay what they are.
    assert name in ("kid", "trust_chain", "x", "jwk") or value is None or (name == "x5c" and not with_x5c)
    assert attestation.keys == public(*HOLDERS[:2])


@given(st.booleans(), CLAIMS, JSON)
def test_any_claim_that_an_attester_signs(with_x5c: bool, name: str, value: Any) -> None:
    made = CERTIFIED if with_x5c else KNOWN
    try:
        attestation = verified(str(evolve(made, claims={**made.claims, name: value})))
    except Malformed:
        return
    assert attestation.keys == public(*HOLDERS[:2])
    assert attestation.issued_at <= NOW + 60
    assert attestation.expires_at is not None
    assert attestation.expires_at > NOW
    assert HIGH in (attestation.key_storage or ())
    for levels in (attestation.key_storage, attestation.user_authentication):
        assert levels is None or (levels and all(isinstance(level, str) for level in levels))
    assert isinstance(attestation.issuer, str | None)
    assert isinstance(attestation.certification, str | None)
    assert attestation.claims.get(name) == value


@given(JSON | st.lists(st.sampled_from([dict(key.public_jwk) for key in HOLDERS]) | JSON, max_size=6))
def test_any_attested_keys_that_an_attester_signs(keys: Any) -> None:
    try:
        attestation = verified(str(evolve(KNOWN, claims={**SAID, "attested_keys": keys})))
    except Malformed:
        return
    assert 1 <= len(attestation.keys) <= 4
    assert len(set(attestation.keys)) == len(attestation.keys)
    assert set(attestation.keys) <= set(public(*HOLDERS))
    assert {json.dumps(dict(key.jwk), sort_keys=True) for key in attestation.keys} == {
        json.dumps(key, sort_keys=True) for key in keys
    }


@given(JSON, JSON, st.booleans())
def test_any_json_that_an_attester_signs(header: Any, payload: Any, typed: bool) -> None:
    """Even with the right type and algorithm."""
    signer = CERTIFIED_KEY
    if typed and isinstance(header, dict):
        header = {"typ": "key-attestation+jwt", "alg": "ES256", **header}
        payload = {"iat": NOW, "iss": ATTESTER, **payload} if isinstance(payload, dict) else payload
        signer = ATTESTER_KEY
    with pytest.raises(Malformed):
        verified(jws(header, payload, signer))


@given(st.text() | st.binary() | JSON | st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}"))
def test_anything_else_is_no_key_attestation(value: Any) -> None:
    with pytest.raises(Malformed):
        verified(value)


@given(JSON | st.lists(JSON | st.just(TOKENS[0]), max_size=2))
def test_an_issuer_refuses_whatever_else_is_sent(proofs: Any) -> None:
    """A good one under a nonce of somebody else among it."""
    world = attesting(SETTINGS)
    body = {"credential_configuration_id": "note", "proofs": {"attestation": proofs}}
    response = world.credential(world.token("note"), body)
    refused(response, "invalid_nonce" if proofs == [TOKENS[0]] else "invalid_proof")
    assert len(world.host.orders) == 1, "that of the token"


@given(st.sampled_from(["ES384", "HS256", "none", "EdDSA", "RS256", "", "es256"]), st.booleans())
def test_no_other_algorithm_than_the_listed_ones(alg: str, listed: bool) -> None:
    """Not even one that is listed, where the key is of another kind."""
    made = str(evolve(KNOWN, header={"alg": alg}))
    with pytest.raises(Malformed):
        verified(made, algorithms=("ES256", alg) if listed else ("ES256",))


@given(st.integers(0, 2**40))
def test_at_any_time_it_holds_or_it_does_not(now: int) -> None:
    try:
        verified(TOKENS[0], now=now)
    except Malformed:
        assert not NOW - 60 <= now < NOW + 3600
    else:
        assert NOW - 60 <= now < NOW + 3600
