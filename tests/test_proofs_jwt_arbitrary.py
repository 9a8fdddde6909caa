"""`jwt` proofs with something changed, or made of arbitrary values: refused with the library's own error, or equal in meaning."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import b64url_encode
from oid4vci.errors import InvalidProof
from oid4vci.keys import KeyReference, LocalSigner, PublicKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.proof_type import Expected, Proved
from oid4vci.x509 import Anchors
from tests.issuance import ALGORITHMS, CLIENT, IDENTIFIER, NOW, Proof, jws
from tests.jwt_proofs import BINDINGS, by_kid, by_x5c, did_url
from tests.key_attestations import HOLDER, HOLDERS, Attestation, known_attester, public
from tests.test_proofs_jwt_names import CERTIFIED, CERTIFIED_LEAF, ROOT
from tests.test_proofs_jwt_resolved import CHAIN, KID, WEB

TYPE = JwtProofType(key_attestations=known_attester(), holder_anchors=Anchors.from_der(ROOT), federation=True)
KEYS = {KeyReference(WEB): public(HOLDER), KeyReference("", KID, CHAIN): public(HOLDER)}
EXPECTED = Expected(audience=IDENTIFIER, client_id=CLIENT, algorithms=ALGORITHMS, binding_methods=BINDINGS, max_keys=4, now=NOW)
ATTESTED = str(Attestation("n", HOLDERS[:3]))


def proved(*proofs: Any) -> Proved | None:
    """What is proved; None if it is refused, which is by `InvalidProof` and nothing else."""
    try:
        read = TYPE.read(proofs)
        assert len(read.nonces) >= len(proofs)
        assert len(read.key_refs) + len(read.status_refs) <= 2 * len(proofs)
        result = read.verify(EXPECTED, keys=KEYS, statuses={})
    except InvalidProof:
        return None
    assert result.keys
    return result


def names(result: Proved | None) -> Any:
    return None if result is None else [(dict(key.jwk), key.did_url) for key in result.keys]


GOOD = {
    "jwk": Proof("n", HOLDER),
    "did:key": by_kid("n", did_url(HOLDER)),
    "did:jwk": by_kid("n", did_url(HOLDER, "jwk")),
    "did:web": by_kid("n", WEB),
    "x5c": by_x5c("n", CERTIFIED_LEAF, holder=CERTIFIED),
    "trust_chain": by_kid("n", KID, header={"trust_chain": list(CHAIN)}),
    "attested jwk": Proof("n", HOLDER, header={"key_attestation": ATTESTED}),
    "attested kid": by_kid("n", "0", header={"key_attestation": ATTESTED}),
    "attested DID": by_kid("n", did_url(HOLDER), header={"key_attestation": ATTESTED}),
}
TEXTS = {name: str(proof) for name, proof in GOOD.items()}
KINDS = st.sampled_from(sorted(GOOD))


@pytest.mark.parametrize("kind", GOOD)
def test_they_are_good(kind: str) -> None:
    result = proved(TEXTS[kind])
    assert result is not None
    assert len(result.keys) == (3 if "attested" in kind else 1)
    assert len(result.attestations) == ("attested" in kind)


# --- changed without a new signature ----------------------------------------------------------------------------------------------


@given(KINDS, st.data())
def test_one_character_changed(kind: str, data: st.DataObject) -> None:
    text = TEXTS[kind]
    position = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters(codec="utf-8") | st.sampled_from("AZaz09-_.="))
    changed = text[:position] + character + text[position + 1 :]
    assert (proved(changed) is not None) is (changed == text)


@given(KINDS, st.data())
def test_one_byte_of_a_part_changed(kind: str, data: st.DataObject) -> None:
    parts = [urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in TEXTS[kind].split(".")]
    index = data.draw(st.integers(0, 2))
    position = data.draw(st.integers(0, len(parts[index]) - 1))
    flipped = parts[index][position] ^ data.draw(st.integers(1, 255))
    parts[index] = parts[index][:position] + bytes([flipped]) + parts[index][position + 1 :]
    assert proved(".".join(map(b64url_encode, parts))) is None


@given(KINDS, KINDS, st.integers(0, 2))
def test_a_part_of_another_proof(kind: str, other: str, index: int) -> None:
    parts = TEXTS[kind].split(".")
    parts[index] = TEXTS[other].split(".")[index]
    changed = ".".join(parts)
    # Claims are the same in all of them.
    assert (proved(changed) is not None) is (changed in TEXTS.values())


@given(st.data())
def test_one_character_of_the_attestation_changed(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(ATTESTED) - 1))
    character = data.draw(st.characters(codec="ascii"))
    changed = ATTESTED[:position] + character + ATTESTED[position + 1 :]
    proof = by_kid("n", "0", header={"key_attestation": changed})
    assert (proved(str(proof)) is not None) is (changed == ATTESTED)


# --- changed and signed again -----------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OWN = ("typ", "alg", "jwk", "kid", "x5c", "trust_chain", "key_attestation")
LIKELY = st.sampled_from(
    [
        "0",
        "9",
        WEB,
        KID,
        did_url(HOLDER),
        did_url(HOLDERS[1]),
        ATTESTED,
        list(CHAIN),
        list(CHAIN)[::-1],
        dict(HOLDER.public_jwk),
        dict(HOLDERS[1].public_jwk),
        GOOD["x5c"].header["x5c"],
        "ES384",
        "EdDSA",
        "none",
    ]
)


def signed_by(kind: str) -> LocalSigner:
    return GOOD[kind].holder


@given(KINDS, st.sampled_from(OWN), VALUES | LIKELY)
def test_a_member_of_the_header_changed_and_signed_again(kind: str, member: str, value: Any) -> None:
    """Whatever the header then says, nothing is proved but keys whose owner has signed or an attester has named."""
    good = GOOD[kind]
    header = json.loads(urlsafe_b64decode(TEXTS[kind].split(".")[0] + "=="))
    claims = {"aud": IDENTIFIER, "iat": NOW, "nonce": "n", "iss": CLIENT}
    result = proved(jws({**header, member: value}, claims, good.holder))
    if result is None:
        return
    signer, attested = public(good.holder)[0], public(*HOLDERS[:3])
    assert signer in result.keys
    assert set(result.keys) == ({signer, *attested} if result.attestations else {signer})
    assert all(key == signer or key.did_url is None for key in result.keys)
    assert {key.did_url for key in result.keys} <= {None, WEB, did_url(HOLDER), did_url(HOLDER, "jwk")}


CLAIMS = ("aud", "iat", "nonce", "iss", "exp", "nbf")


@given(KINDS, st.sampled_from(CLAIMS), VALUES)
def test_a_claim_changed_and_signed_again(kind: str, claim: str, value: Any) -> None:
    result = proved(str(evolve(GOOD[kind], claims={claim: value})))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # In `claims`, None leaves the claim out. The value of the nonce is the caller's to check.
    left_out = value is None and claim not in ("aud", "iat")
    good = {
        "aud": False,
        "iat": number and NOW - 300 <= value <= NOW + 60,
        "nonce": isinstance(value, str),
        "iss": value == CLIENT,
        "exp": number and value > NOW,
        "nbf": number and value <= NOW + 60,
    }[claim]
    assert (result is not None) is (good or left_out)
    if result is not None:
        assert names(result) == names(proved(TEXTS[kind]))


@given(st.lists(KINDS, min_size=1, max_size=4))
def test_good_ones_together_prove_each_key_once(kinds: list[str]) -> None:
    result = proved(*(TEXTS[kind] for kind in kinds))
    each = [proved(TEXTS[kind]) for kind in kinds]
    keys: set[PublicKey] = {key for one in each if one is not None for key in one.keys}
    assert result is not None
    assert len(result.keys) == len(keys)
    assert set(result.keys) == keys
    assert len(result.attestations) == any("attested" in kind for kind in kinds)


# --- arbitrary --------------------------------------------------------------------------------------------------------------------

HEADERS = st.dictionaries(st.sampled_from((*OWN, "crit", "jku")) | TEXT, VALUES | LIKELY, max_size=6)
CLAIM_SETS = st.dictionaries(st.sampled_from(CLAIMS) | TEXT, VALUES | st.sampled_from([IDENTIFIER, CLIENT, NOW]), max_size=6)


@given(HEADERS, CLAIM_SETS, st.booleans())
def test_any_header_and_claims(header: dict[str, Any], claims: dict[str, Any], complete: bool) -> None:
    if complete:
        header = {"typ": "openid4vci-proof+jwt", "alg": "ES256", **header}
        claims = {"aud": IDENTIFIER, "iat": NOW, **claims}
    result = proved(jws(header, claims, HOLDER))
    if result is not None:
        assert public(HOLDER)[0] in result.keys


@given(VALUES, VALUES)
def test_any_attestation(value: Any, kid: Any) -> None:
    for header in ({"key_attestation": value}, {"jwk": None, "kid": kid, "key_attestation": value}):
        result = proved(str(Proof("n", HOLDER, header=header)))
        # A member that is None is left out.
        assert result is None or value is None


@given(HEADERS, st.dictionaries(st.sampled_from(["attested_keys", "iat", "exp", "nonce", "iss"]), VALUES, max_size=4))
def test_an_attestation_of_any_claims(header: dict[str, Any], claims: dict[str, Any]) -> None:
    by = Attestation("n", claims=claims)
    proof = Proof("n", HOLDER, header={"key_attestation": str(by), **{k: header[k] for k in header.keys() & {"kid", "jwk"}}})
    result = proved(str(proof))
    if result is not None:
        assert public(HOLDER)[0] in result.keys


@given(st.lists(VALUES | LIKELY | st.text("eyJ.-_=", max_size=40), max_size=4))
def test_any_values_in_the_array(values: list[Any]) -> None:
    try:
        found = TYPE.read(values).verify(EXPECTED, keys=KEYS, statuses={})
    except InvalidProof:
        return
    assert not values
    assert found.keys == ()


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=80))
def test_any_three_parts(header: bytes, payload: bytes, signature: bytes) -> None:
    assert proved(".".join(map(b64url_encode, (header, payload, signature)))) is None
