"""What attesters sign (OID4VCI D, HAIP 4.5.1)."""

import json
from typing import Any

import pytest

from oid4vci import _jose
from oid4vci._json import b64url_decode
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.key_attestation import BASIC, ENHANCED_BASIC, HIGH, MODERATE
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.x509 import decode_x5c
from tests.issuance import NOW
from tests.key_attestations import (
    ATTESTER,
    ATTESTER_KEY,
    CERTIFIED_KEY,
    HOLDER,
    HOLDERS,
    LEAF,
    LEAF_KEY,
    LIFE,
    OTHER_KEY,
    ROOT,
    STATUS,
    SUB,
    Knowing,
    accepted,
    attesting,
    by_anchors,
    known_attester,
    public,
)
from tests.test_x509 import certificate


def made(signer: LocalSigner = ATTESTER_KEY, **said: Any) -> str:
    data = key_attestation_signing_input(
        signer, **{"issuer": ATTESTER, "attested_keys": [HOLDER.public_jwk], "now": NOW, **said}
    )
    return _jose.compact(data, signer.sign(data))


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(b64url_decode(header)), json.loads(b64url_decode(claims))


@pytest.mark.spec("VCI-D-05", "VCI-D.1-01", "VCI-D.1-03", "VCI-D.1-05", "VCI-D.1-06", "VCI-D.1-08")
def test_an_issuer_believes_what_was_made() -> None:
    host = Knowing({STATUS: 0})
    world = attesting(required=KeyAttestationsRequired(key_storage=(HIGH,), user_authentication=(ENHANCED_BASIC,)), host=host)
    attestation = accepted(
        lambda nonce: made(
            nonce=nonce,
            attested_keys=[HOLDER.public_jwk, public_key(HOLDERS[1].public_jwk)],
            lifetime=3600,
            key_storage=(MODERATE, HIGH),
            user_authentication=[ENHANCED_BASIC],
            certification="https://attester.example/certified",
            status=STATUS,
            extra={"wallet_version": 7},
        ),
        world,
    )
    assert attestation.keys == public(*HOLDERS[:2])
    assert (attestation.issued_at, attestation.expires_at) == (NOW, NOW + 3600)
    assert (attestation.key_storage, attestation.user_authentication) == ((MODERATE, HIGH), (ENHANCED_BASIC,))
    assert attestation.certification == "https://attester.example/certified"
    assert attestation.status == STATUS.status
    assert attestation.claims["wallet_version"] == 7
    assert host.asked_statuses == [STATUS]


def test_nothing_is_said_that_was_not_given() -> None:
    header, claims = parts(made(issuer=None))
    assert header == {"typ": "key-attestation+jwt", "alg": "ES256", "kid": "attester"}
    assert claims == {"iat": NOW, "attested_keys": [dict(HOLDER.public_jwk)]}


def test_of_a_key_its_name_and_algorithm_are_kept() -> None:
    jwk = {**HOLDER.public_jwk, "kid": "1", "alg": "ES256", "use": "sig", "x": HOLDER.public_jwk["x"]}
    for key in (jwk, public_key(jwk)):
        _, claims = parts(made(attested_keys=[key]))
        assert claims["attested_keys"] == [{**HOLDER.public_jwk, "kid": "1", "alg": "ES256"}]


@pytest.mark.spec("HAIP-4.5.1-05", "HAIP-4.5.1-06", "HAIP-4.5.1-07", "VCI-D.1-04")
def test_certificates_go_without_the_anchor() -> None:
    token = made(CERTIFIED_KEY, x5c=(LEAF, SUB))
    header, _ = parts(token)
    assert decode_x5c(header["x5c"]) == (LEAF, SUB)
    assert "kid" not in header
    accepted(lambda nonce: made(CERTIFIED_KEY, x5c=(LEAF, SUB), nonce=nonce), attesting(by_anchors(require_x5c=True)))
    own = certificate("attester", LEAF_KEY, "attester", LEAF_KEY, **LIFE)
    for chain, because in (((LEAF, SUB, ROOT), "trust anchor"), ((own,), "self-signed"), ((SUB,), "for the signer's key")):
        with pytest.raises(ValueError, match=because):
            made(CERTIFIED_KEY, x5c=chain)
    with pytest.raises(ValueError, match="for the signer's key"):
        made(OTHER_KEY, x5c=(LEAF, SUB))


def test_a_key_elsewhere_signs() -> None:
    remote = RemoteSigner("kms-1", "ES256", ATTESTER_KEY.public_jwk)

    def make(nonce: str | None) -> str:
        data = key_attestation_signing_input(remote, issuer=ATTESTER, attested_keys=[HOLDER.public_jwk], now=NOW, nonce=nonce)
        return _jose.compact(data, ATTESTER_KEY.sign(data))

    accepted(make, attesting(known_attester()))
    assert parts(make(None))[0]["kid"] == "kms-1"


@pytest.mark.spec("VCI-D.1-02")
def test_no_symmetric_key_attests() -> None:
    for algorithm in ("none", "HS256", "ES256 ", "es256"):
        with pytest.raises(ValueError, match="is not a supported algorithm"):
            RemoteSigner("x", algorithm, ATTESTER_KEY.public_jwk)


@pytest.mark.parametrize(
    ("said", "because"),
    [
        ({"attested_keys": []}, "attested_keys"),
        ({"attested_keys": [HOLDER.public_jwk] * 2}, "each key is attested once"),
        ({"attested_keys": [HOLDER.public_jwk, {**HOLDER.public_jwk, "kid": "1"}]}, "each key is attested once"),
        ({"attested_keys": [{**HOLDER.public_jwk, "d": "AA"}]}, "private members"),
        ({"attested_keys": [{"kty": "oct", "k": "AA"}]}, "private members"),
        ({"attested_keys": ["x"]}, "must be a JSON object"),
        ({"lifetime": 0}, "lifetime must be positive"),
        ({"lifetime": -1}, "lifetime must be positive"),
        ({"issuer": ""}, "iss"),
        ({"key_storage": [""]}, "key_storage"),
        ({"user_authentication": [1]}, "user_authentication"),
        ({"certification": ""}, "certification"),
        ({"nonce": 7}, "nonce"),
        ({"status": "revoked"}, "status"),
        ({"extra": {"exp": NOW + 60}}, "extra must not have exp"),
        ({"extra": {"nonce": "x", "iss": "y"}}, "extra must not have iss, nonce"),
        ({"extra": {"attested_keys": []}}, "extra must not have attested_keys"),
        ({"extra": {"nbf": "x"}}, "nbf"),
    ],
)
def test_what_no_issuer_would_take_is_not_made(said: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        made(**said)


@pytest.mark.parametrize("name", ["key_storage", "user_authentication"])
def test_one_level_is_not_taken_for_its_characters(name: str) -> None:
    said: dict[str, Any] = {name: BASIC}
    with pytest.raises(TypeError, match="several strings"):
        made(**said)
