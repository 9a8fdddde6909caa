"""What a key attestation must say (OID4VCI D.1, D.2): each test breaks one rule in an otherwise good one, at a whole issuer.

`broken` sees the right error, that nothing was issued or consumed, and that the same nonce then still serves.
"""

import hmac
import json
from functools import partial
from typing import Any

import pytest

from oid4vci import _jose
from oid4vci._json import b64url_decode
from oid4vci.keys import LocalSigner, public_key
from oid4vci.proofs.key_attestation import HIGH, MODERATE
from tests.issuance import IDENTIFIER, NOW, b64url
from tests.key_attestations import (
    ATTESTER,
    ATTESTER_KEY,
    HOLDER,
    HOLDERS,
    Attestation,
    accepted,
    attesting,
    broken,
    claims,
    header,
    known_attester,
    public,
    signed_by,
)

# --- good ones ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-7-02", "VCI-D-03", "VCI-F-05")
def test_the_application_sees_what_was_attested() -> None:
    said = {"certification": "https://attester.example/certified", "x": {"y": [1]}}
    attestation = accepted(lambda nonce: Attestation(nonce, HOLDERS[:2], claims=said))
    assert attestation.keys == public(*HOLDERS[:2])
    assert (attestation.issued_at, attestation.expires_at) == (NOW, NOW + 3600)
    assert (attestation.key_storage, attestation.user_authentication) == ((HIGH,), (MODERATE,))
    assert attestation.certification == "https://attester.example/certified"
    assert attestation.issuer == ATTESTER
    assert attestation.certificate is None
    assert attestation.status is None
    assert attestation.claims["x"] == {"y": [1]}
    assert attestation.nonce is not None
    assert attestation.nonce not in repr(attestation)


@pytest.mark.spec("VCI-D.1-09", "VCI-D.1-10", "VCI-D.1-11")
def test_what_is_optional_may_be_absent() -> None:
    optional = ("exp", "key_storage", "user_authentication", "certification", "status")
    attestation = accepted(claims(**dict.fromkeys(optional)))
    assert attestation.expires_at is None
    assert attestation.key_storage is None
    assert attestation.user_authentication is None
    assert attestation.certification is None
    assert attestation.status is None


def test_unknown_members_are_ignored() -> None:
    accepted(
        lambda nonce: Attestation(
            nonce,
            header={"cty": 1, "crv": "Ed448", "jku": "https://evil.example", "x5u": [], "jwk": dict(HOLDER.public_jwk)},
            claims={"sub": 3, "azp": [], "jti": {}, "cnf": None},
        )
    )


@pytest.mark.parametrize("audience", [IDENTIFIER, [IDENTIFIER], ["https://another.example", IDENTIFIER]])
def test_it_may_say_whom_it_is_for(audience: Any) -> None:
    accepted(claims(aud=audience))


@pytest.mark.parametrize(
    "audience",
    [
        "",
        f"{IDENTIFIER}/",
        "https://issuer.example",
        "https://another.example",
        [],
        ["https://another.example"],
        {},
        1,
        [1, [IDENTIFIER]],
    ],
)
def test_one_for_another_issuer_is_refused(audience: Any) -> None:
    """The specification knows no `aud`, RFC 7519 4.1.3 does: whoever is not named rejects the JWT."""
    broken(claims(aud=audience), "proofs.attestation[0].aud: does not have the Credential Issuer Identifier")


# --- header -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-D.1-03", "VCI-F.3-01", "VCI-F.4-02", "VCI-G-03")
@pytest.mark.parametrize(
    "typ",
    [
        None,
        "",
        "JWT",
        "keyattestation+jwt",
        "key-attestation+JWT",
        "application/key-attestation+jwt",
        "openid4vci-proof+jwt",
        "oauth-client-attestation+jwt",
        1,
        ["key-attestation+jwt"],
    ],
)
def test_it_is_explicitly_typed(typ: Any) -> None:
    """Without `application/`, as the examples have it."""
    broken(header(typ=typ), "proofs.attestation[0].header: typ must be key-attestation+jwt")


@pytest.mark.spec("VCI-D.1-01", "VCI-D.1-02", "VCI-F.3-05", "VCI-F.3-03", "VCI-F.4-03")
@pytest.mark.parametrize(
    ("alg", "because"),
    [
        *((alg, "alg must be a string") for alg in (None, 1, ["ES256"], -7)),
        *(
            (alg, "alg is not an accepted algorithm")
            for alg in ("", "none", "None", "HS256", "HS512", "es256", "RS256", "A128KW")
        ),
        *((alg, "alg is not an accepted algorithm") for alg in ("ES384", "ES256K", "EdDSA")),
    ],
)
def test_alg_is_asymmetric_and_listed(alg: Any, because: str) -> None:
    broken(header(alg=alg), f"proofs.attestation[0].header: {because}")


@pytest.mark.spec("VCI-F.3-05")
def test_an_algorithm_that_is_not_listed_is_refused_though_the_signature_verifies() -> None:
    attester = LocalSigner.generate("attester", "ES512")
    keys = (public_key(attester.public_jwk), public_key(ATTESTER_KEY.public_jwk))
    settings = known_attester(attesters={ATTESTER: keys})
    broken(signed_by(attester), "alg is not an accepted", world=attesting(settings))
    accepted(signed_by(attester), attesting(settings, algorithms=("ES512",)))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519"])
def test_every_algorithm_of_the_library(algorithm: str) -> None:
    attester = LocalSigner.generate("attester", algorithm)
    settings = known_attester(attesters={ATTESTER: public(attester)})
    accepted(signed_by(attester), attesting(settings, algorithms=(algorithm,)))


@pytest.mark.spec("VCI-D.1-02", "VCI-F.4-03")
def test_neither_none_nor_a_mac_makes_an_attestation() -> None:
    def forged(nonce: str | None, alg: str, secret: bytes | None) -> str:
        data = str(Attestation(nonce, header={"alg": alg})).rpartition(".")[0]
        signature = b"" if secret is None else hmac.digest(secret, data.encode(), "sha256")
        return f"{data}.{b64url(signature)}"

    broken(lambda nonce: forged(nonce, "none", None), "alg is not an accepted")
    broken(lambda nonce: forged(nonce, "ES256", None), "the signature does not verify")
    for secret in (b"", json.dumps(dict(ATTESTER_KEY.public_jwk)).encode(), ATTESTER_KEY.public_jwk["x"].encode()):
        broken(partial(forged, alg="HS256", secret=secret), "alg is not an accepted")


@pytest.mark.spec("VCI-F.4-05")
@pytest.mark.parametrize(
    "jwk",
    [
        {**HOLDER.public_jwk, "d": b64url(b"\1" * 32)},
        {**HOLDER.public_jwk, "d": None},
        {"kty": "oct", "k": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "p": "AQAB"},
    ],
)
def test_the_header_holds_no_private_key(jwk: dict[str, Any]) -> None:
    broken(header(jwk=jwk), "proofs.attestation[0].header.jwk: must be a public key, without private members")


def test_a_key_that_the_header_brings_makes_nobody_an_attester() -> None:
    stranger = LocalSigner.generate("stranger")
    broken(
        signed_by(stranger, header={"jwk": dict(stranger.public_jwk)}),
        "the signature does not verify",
    )


def test_a_trust_chain_needs_kid_and_is_not_trusted() -> None:
    broken(header(trust_chain=["e30.e30.AA"]), "header: trust_chain needs kid")
    stranger = LocalSigner.generate("stranger")
    broken(
        signed_by(stranger, header={"trust_chain": ["e30.e30.AA"], "kid": "1"}),
        "the signature does not verify",
    )
    accepted(header(trust_chain=["e30.e30.AA"], kid="1"))


@pytest.mark.parametrize("crit", [["exp"], [], ["b64"], "exp"])
def test_critical_header_parameters_are_not_understood(crit: Any) -> None:
    broken(header(crit=crit), "proofs.attestation[0].header: crit")


# --- the JWT as a whole -------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-G-03")
@pytest.mark.parametrize(
    "change",
    [
        lambda jwt: "",
        lambda jwt: "x",
        lambda jwt: f"{jwt}~",
        lambda jwt: f"{jwt}.",
        lambda jwt: f"{jwt}=",
        lambda jwt: f" {jwt}",
        lambda jwt: jwt.rpartition(".")[0],
        lambda jwt: jwt + "\N{SNOWMAN}",
        lambda jwt: json.dumps(dict(zip(("protected", "payload", "signature"), jwt.split("."), strict=True))),
        lambda jwt: dict(zip(("protected", "payload", "signature"), jwt.split("."), strict=True)),
        lambda jwt: None,
        lambda jwt: 1,
        lambda jwt: [[jwt]],
        lambda jwt: {"jwt": jwt},
    ],
)
def test_it_is_a_compact_jwt(change: Any) -> None:
    broken(lambda nonce: [change(str(Attestation(nonce)))], "proofs.attestation[0]")


@pytest.mark.spec("VCI-F.4-04")
def test_a_signature_by_another_key_is_refused() -> None:
    for signer in (HOLDER, LocalSigner.generate("another")):
        broken(signed_by(signer), "the signature does not verify")

    def flipped(nonce: str | None) -> str:
        head, _, signature = str(Attestation(nonce)).rpartition(".")
        return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"

    broken(flipped, "the signature does not verify")


def test_a_large_one_is_refused() -> None:
    broken(claims(x="x" * 50_000), "too large")


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b'"x"', b"{", b'{"iat":1,"iat":1}', b"\xff", b'{"iat":NaN}', b'{"x":' * 2000]
)
def test_the_payload_is_a_strict_json_object(payload: bytes) -> None:
    def make(nonce: str | None) -> str:
        data = _jose.signing_input({"typ": "key-attestation+jwt", "alg": "ES256"}, payload)
        return _jose.compact(data, ATTESTER_KEY.sign(data))

    broken(make, "proofs.attestation[0]")


# --- claims -------------------------------------------------------------------------------------------------------------------

NO_NUMBERS = ["1", str(NOW), True, {}, [NOW], "2027-01-15T08:00:00Z"]


@pytest.mark.spec("VCI-D.1-05", "VCI-F.4-01")
@pytest.mark.parametrize("iat", [None, *NO_NUMBERS])
def test_iat_is_a_number(iat: Any) -> None:
    broken(claims(iat=iat), "proofs.attestation[0].iat: must be a number")


@pytest.mark.spec("VCI-F.4-07", "VCI-13.8-04")
def test_iat_lies_in_the_past_or_almost() -> None:
    for iat in (NOW + 60, NOW, NOW - 0.5, NOW - 40 * 86_400):
        accepted(claims(iat=iat))
    for iat in (NOW + 61, NOW + 3600, 1e300, 10**300):
        broken(claims(iat=iat), "proofs.attestation[0].iat: is in the future")


@pytest.mark.spec("VCI-D.1-06")
def test_exp_is_a_number_to_come() -> None:
    for exp in NO_NUMBERS:
        broken(claims(exp=exp), "proofs.attestation[0].exp: must be a number")
    for exp in (NOW, NOW - 1, 0, -1, -1e300):
        broken(claims(exp=exp), "proofs.attestation[0].exp: is over")
    for exp in (NOW + 1, NOW + 0.5, 10**300):
        assert accepted(claims(exp=exp)).expires_at == exp


def test_a_null_exp_is_none_that_could_be_absent() -> None:
    def make(nonce: str | None) -> str:
        head, payload, _ = str(Attestation(nonce)).split(".")
        body = json.loads(b64url_decode(payload)) | {"exp": None}
        data = f"{head}.{b64url(json.dumps(body).encode())}".encode()
        return _jose.compact(data, ATTESTER_KEY.sign(data))

    broken(make, "exp: must be a number")


def test_nbf_is_kept() -> None:
    for nbf in NO_NUMBERS:
        broken(claims(nbf=nbf), "proofs.attestation[0].nbf: must be a number")
    broken(claims(nbf=NOW + 61), "proofs.attestation[0].nbf: is in the future")
    accepted(claims(nbf=NOW + 60))


@pytest.mark.parametrize(("name", "value"), [("iss", 1), ("iss", ""), ("iss", [ATTESTER]), ("iss", "x" * 2049)])
def test_iss_is_a_string(name: str, value: Any) -> None:
    broken(claims(**{name: value}), f"proofs.attestation[0].{name}: must be a string")


@pytest.mark.spec("VCI-D.1-11")
@pytest.mark.parametrize("certification", [1, "", [], {}, ["https://attester.example"], "x" * 2049])
def test_certification_is_a_string(certification: Any) -> None:
    broken(claims(certification=certification), "proofs.attestation[0].certification: must be a string")


# --- attested_keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-D.1-08", "VCI-F.4-01")
@pytest.mark.parametrize(
    "keys", [None, [], {}, "x", 1, True, dict(HOLDER.public_jwk), {"keys": [dict(HOLDER.public_jwk)]}, [{}] * 257]
)
def test_attested_keys_are_a_bounded_array(keys: Any) -> None:
    broken(claims(attested_keys=keys), "proofs.attestation[0].attested_keys: must be an array of 1 to 256 keys")


@pytest.mark.spec("VCI-D.1-08")
@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "x",
        [],
        {},
        {**HOLDER.public_jwk, "d": b64url(b"\1" * 32)},
        {**HOLDER.public_jwk, "d": None},
        {"kty": "oct", "k": "AA"},
        {"kty": "oct"},
        {**HOLDER.public_jwk, "crv": "P-384"},
        {**HOLDER.public_jwk, "x": HOLDER.public_jwk["y"]},
        {**HOLDER.public_jwk, "use": "enc"},
        {**HOLDER.public_jwk, "key_ops": ["sign"]},
        {**HOLDER.public_jwk, "alg": "ECDH-ES"},
        {**HOLDER.public_jwk, "alg": "ES384"},
        {"kty": "OKP", "crv": "X25519", "x": b64url(b"\x09" * 32)},
        {"kty": "OKP", "crv": "Ed25519", "x": b64url(bytes(32))},
        {"kty": "RSA", "n": b64url(b"\xff" * 128), "e": "AQAB"},
    ],
)
def test_each_attested_key_is_a_public_key_for_signatures(jwk: Any) -> None:
    """One that is not among good ones spoils them all."""
    broken(claims(attested_keys=[jwk]), "proofs.attestation[0].attested_keys[0]")
    broken(claims(attested_keys=[dict(HOLDERS[1].public_jwk), jwk]), "proofs.attestation[0].attested_keys[1]")


def test_an_attested_key_may_say_more_than_it_must() -> None:
    jwk = {**HOLDER.public_jwk, "kid": "did:example:evil#1", "alg": "ES256", "use": "sig", "x-unknown": {"d": 1}}
    (key,) = accepted(claims(attested_keys=[jwk])).keys
    assert (key, key.kid) == (public_key(HOLDER.public_jwk), "did:example:evil#1")
    # A `kid` that somebody wrote is no DID URL of the holder's.
    assert key.did_url is None


def test_who_signed_is_found_out_before_keys_are_read() -> None:
    """What a stranger sent costs one signature, whatever is in it."""
    stranger = LocalSigner.generate("stranger")
    broken(signed_by(stranger, claims={"attested_keys": ["x"]}), "the signature does not verify")
