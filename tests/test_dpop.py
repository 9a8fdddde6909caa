"""DPoP proofs (RFC 9449): one test for each way to break one, replay, nonces, URLs, and what a client signs."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jws import JWS  # type: ignore[import-untyped]

from oid4vci import _jose
from oid4vci._jose import ALGORITHMS, DEFAULT_ALGORITHMS
from oid4vci._json import Malformed
from oid4vci.errors import InvalidDpopProof, UseDpopNonce
from oid4vci.http import Request
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.memory import MemoryStore
from oid4vci.oauth.dpop import Dpop, DpopNonces, DpopProof, dpop_signing_input, normalised
from oid4vci.records import Insert, Records
from oid4vci.sealed import SealingKeys
from oid4vci.testing.strategies import identifier_urls, json_values
from tests.dpop_proofs import Sent, ath
from tests.issuance import CREDENTIAL, NOW, b64url, counted, jws, secret_keys
from tests.signers import signer_for

KEY = LocalSigner.generate("dpop")
OTHER = LocalSigner.generate("other")
DPOP = Dpop()
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"


def headers(*proofs: object) -> list[tuple[str, str]]:
    return [("dpop", str(proof)) for proof in proofs]


def verified(
    *proofs: object,
    dpop: Dpop = DPOP,
    url: str = CREDENTIAL,
    method: str = "POST",
    records: Records | None = None,
    now: int = NOW,
    access_token: str | None = None,
) -> DpopProof:
    read = dpop.read(Request(method, "/anything", headers(*proofs)), url=url)
    assert read is not None
    proof = read.verify(records or {}, now=now, access_token=access_token)
    assert proof.jkt == read.jkt
    return proof


def refused(*proofs: object, **options: Any) -> str:
    """Why a proof is refused: as `invalid_dpop_proof`, with status 400 and with no change."""
    with pytest.raises(InvalidDpopProof) as caught:
        verified(*proofs, **options)
    reply = caught.value.reply
    assert type(caught.value) is InvalidDpopProof
    assert reply.changes == ()
    assert reply.response.status == 400
    assert reply.response.json()["error"] == "invalid_dpop_proof"
    assert reply.response.headers.get("dpop-nonce") is None
    return str(caught.value)


def asked_for_a_nonce(*proofs: object, **options: Any) -> str:
    """The nonce of a `use_dpop_nonce` answer, which changes nothing."""
    with pytest.raises(UseDpopNonce) as caught:
        verified(*proofs, **options)
    reply = caught.value.reply
    assert reply.changes == ()
    assert reply.response.status == 400
    assert reply.response.json()["error"] == "use_dpop_nonce"
    nonce = reply.response.headers.get("dpop-nonce")
    assert nonce is not None
    return nonce


# --- good proofs ----------------------------------------------------------------------------------------------------------


def test_a_request_without_the_header_has_no_proof() -> None:
    assert DPOP.read(Request("POST", "/token", {"authorization": "DPoP x", "x-dpop": "x"}), url=CREDENTIAL) is None


def test_a_good_proof_gives_the_thumbprint_of_its_key_and_one_change() -> None:
    proof = verified(Sent(KEY))
    assert proof.jkt == JWK(**KEY.public_jwk).thumbprint()
    assert proof.headers == {}
    (change,) = proof.changes
    assert isinstance(change, Insert)
    assert (change.record.key.kind, change.record.data) == ("dpop_jti", {})


def test_nothing_is_believed_before_verify() -> None:
    """Who only reads has a claimed thumbprint, and a record to load."""
    read = DPOP.read(Request("POST", "/", headers(Sent(KEY, signer=OTHER))), url=CREDENTIAL)
    assert read is not None
    assert read.jkt == JWK(**KEY.public_jwk).thumbprint()
    assert len(read.lookups) == 1
    with pytest.raises(InvalidDpopProof, match="signature"):
        read.verify({}, now=NOW)


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_every_algorithm_of_the_table_is_accepted_unless_the_policy_is_narrower(algorithm: str) -> None:
    sent = Sent(signer_for(algorithm, "dpop"))
    if algorithm in DEFAULT_ALGORITHMS:
        assert verified(sent).changes
    else:
        assert "alg is not an accepted algorithm" in refused(sent)
    assert verified(sent, dpop=Dpop([algorithm])).changes
    others = tuple(name for name in ALGORITHMS if name != algorithm)
    assert "alg is not an accepted algorithm" in refused(sent, dpop=Dpop(others))


@pytest.mark.parametrize(
    "change",
    [
        {"claims": {"x": {"y": [1, None]}, "sub": "ada", "aud": "somebody", "htx": 1}},
        {"claims": {"ath": "anything", "nonce": "from another server"}},
        {"claims": {"ath": 1, "nonce": [1]}},
        {"header": {"kid": "a", "x5c": ["x"], "x": {"d": 1}}},
        {
            "header": {
                "jwk": {**KEY.public_jwk, "kid": "a", "use": "sig", "alg": "ES256", "key_ops": ["verify"], "unknown": None}
            }
        },
        {"claims": {"exp": NOW + 1, "nbf": NOW}},
        {"claims": {"exp": NOW + 0.5, "nbf": NOW - 0.5, "iat": NOW - 0.5}},
        {"jti": "x"},
        {"jti": "x" * 512},
        {"jti": "é☃\u0000"},
    ],
    ids=lambda change: repr(change)[:40],
)
def test_what_else_a_proof_has_is_tolerated(change: dict[str, Any]) -> None:
    assert verified(Sent(KEY, **change)).changes


def test_white_space_around_the_header_is_not_part_of_it() -> None:
    assert verified(f" \t{Sent(KEY)} ").changes


# --- each way to break one: the header and the JWT ------------------------------------------------------------------------


def edited(proof: Sent, part: int, text: bytes) -> str:
    """A proof with one of its three parts replaced."""
    parts = str(proof).split(".")
    parts[part] = b64url(text)
    return ".".join(parts)


@pytest.mark.parametrize("count", [2, 3])
def test_the_header_may_stand_once(count: int) -> None:
    assert "the DPoP header is repeated" in refused(*[Sent(KEY)] * count)
    assert "the DPoP header is repeated" in refused(*[Sent(KEY) for _ in range(count)])
    with pytest.raises(InvalidDpopProof, match="repeated"):
        DPOP.read(Request("POST", "/", [("DPoP", ""), ("dpop", str(Sent(KEY)))]), url=CREDENTIAL)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        ".",
        "..",
        "...",
        "abc",
        "a.b.c",
        "é.é.é",
        "\x00",
        "{}",
        "e30.e30.",
        f"{Sent(KEY)},{Sent(KEY)}",
        f"{Sent(KEY)} {Sent(KEY)}",
        f"DPoP {Sent(KEY)}",
        f"{Sent(KEY)}.",
        f"{Sent(KEY)}=",
        f"{Sent(KEY)}\n",
        f"{Sent(KEY)}..".replace(".", "+"),
        f"{Sent(KEY)}.a.b",
        "." + str(Sent(KEY)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_jwt(value: str) -> None:
    assert refused(value)


def test_a_huge_proof() -> None:
    assert "too large" in refused(Sent(KEY, claims={"x": "y" * 13_000}))
    assert "too large" in refused("A" * 10_000_000)


@pytest.mark.parametrize(
    ("part", "text", "reason"),
    [
        (0, b"", "not JSON"),
        (0, b"null", "not a JSON object"),
        (0, b"[]", "not a JSON object"),
        (0, b'{"typ":"dpop+jwt","typ":"dpop+jwt"}', "repeated"),
        (0, b"\xff", "not UTF-8"),
        (0, b"[" * 3000, "nested too deeply"),
        (0, b'{"a":' * 40, "nested too deeply"),
        (1, b"", "not JSON"),
        (1, b"null", "not a JSON object"),
        (1, b'"x"', "not a JSON object"),
        (1, b"[]", "not a JSON object"),
        (1, b'{"jti":"a","jti":"b"}', "repeated"),
        (1, b'{"iat":NaN}', "NaN"),
        (1, b'{"iat":1e999}', "out of range"),
        (1, b'{"jti":"\\ud800"}', "surrogate"),
        (1, b'{"iat":' + b"1" * 5000 + b"}", "not JSON"),
    ],
)
def test_parts_that_are_no_json_object(part: int, text: bytes, reason: str) -> None:
    assert reason in refused(edited(Sent(KEY), part, text))


@pytest.mark.parametrize("member", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"b64": True, "crit": ["b64"]}])
def test_header_parameters_that_change_the_meaning_of_a_signature(member: dict[str, Any]) -> None:
    assert "header" in refused(Sent(KEY, header=member))


@pytest.mark.parametrize(
    "typ",
    [None, "", "JWT", "jwt", "DPOP+JWT", "application/dpop+jwt", "dpop", "dpop+jwt ", "openid4vci-proof+jwt", 1, ["dpop+jwt"]],
)
def test_another_type(typ: Any) -> None:
    assert "header: typ must be dpop+jwt" in refused(Sent(KEY, header={"typ": typ}))


@pytest.mark.parametrize(
    "alg", ["none", "None", "HS256", "RS256", "PS256", "ES384", "ES512", "EdDSA", "es256", "", 1, ["ES256"], None]
)
def test_an_algorithm_that_is_not_accepted_or_does_not_fit_the_key(alg: Any) -> None:
    assert "alg " in refused(Sent(KEY, header={"alg": alg}))


def test_an_unsigned_proof() -> None:
    head, payload, _ = str(Sent(KEY, header={"alg": "none"})).split(".")
    assert "alg is not an accepted algorithm" in refused(f"{head}.{payload}.")


def hmac_proof(secret: bytes, jwk: Mapping[str, Any]) -> str:
    """A proof with an HMAC that any reader of the header can check."""
    key = joserfc_jwk.OctKey.import_key(secret)
    claims = {"jti": "a", "htm": "POST", "htu": CREDENTIAL, "iat": NOW}
    return joserfc_jwt.encode({"typ": "dpop+jwt", "alg": "HS256", "jwk": dict(jwk)}, claims, key, algorithms=["HS256"])


def test_symmetric_keys() -> None:
    secret = bytes(range(32))
    assert "header.jwk" in refused(hmac_proof(secret, {"kty": "oct", "k": b64url(secret)}))
    # The public key itself as the secret: the confusion of algorithms.
    for text in (json.dumps(KEY.public_jwk).encode(), KEY.public_jwk["x"].encode()):
        assert "alg is not an accepted algorithm" in refused(hmac_proof(text, KEY.public_jwk))


OFF_CURVE = {**KEY.public_jwk, "y": KEY.public_jwk["x"]}
PRIVATE = {**KEY.public_jwk, "d": b64url(bytes(32))}


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "",
        "x",
        1,
        [],
        {},
        [KEY.public_jwk],
        json.dumps(KEY.public_jwk),
        {"keys": [KEY.public_jwk]},
        {**KEY.public_jwk, "kty": "OKP"},
        {**KEY.public_jwk, "kty": ["EC"]},
        {**KEY.public_jwk, "crv": "P-384"},
        {**KEY.public_jwk, "crv": "P-257"},
        {**KEY.public_jwk, "crv": ["P-256"]},
        {**KEY.public_jwk, "x": KEY.public_jwk["x"] + "="},
        {**KEY.public_jwk, "x": b64url(bytes(31))},
        {**KEY.public_jwk, "x": 1},
        {"kty": "EC", "crv": "P-256", "x": KEY.public_jwk["x"]},
        OFF_CURVE,
        {**KEY.public_jwk, "use": "enc"},
        {**KEY.public_jwk, "key_ops": ["sign"]},
        {**KEY.public_jwk, "alg": "ES384"},
        {**KEY.public_jwk, "alg": "none"},
        {"kty": "none", "alg": "none", "use": "sig"},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "e": "AQAB", "n": b64url(b"\xff" * 256)},
        {"kty": "OKP", "crv": "X25519", "x": b64url(bytes(32))},
        {"kty": "OKP", "crv": "Ed25519", "x": b64url(bytes(32))},
        {"kty": "OKP", "crv": "Ed25519", "x": b64url(b"\x01" + bytes(31))},
        PRIVATE,
        {**KEY.public_jwk, "d": None},
        {**KEY.public_jwk, "k": "AAAA"},
    ],
)
def test_a_key_that_is_none_or_not_public_or_not_for_signatures(jwk: Any) -> None:
    assert "header" in refused(Sent(KEY, header={"jwk": jwk}))


def test_a_private_key_is_refused_although_the_signature_verifies() -> None:
    jwk = json.loads(JWK.generate(kty="EC", crv="P-256").export_private())
    signer = LocalSigner.from_jwk(jwk)
    assert verified(Sent(signer)).changes
    assert "header.jwk: must be a public key, without private members" in refused(Sent(signer, header={"jwk": jwk}))


def test_a_key_by_reference_is_not_fetched() -> None:
    for name in ("kid", "jku", "x5u", "x5c", "x5t"):
        assert "header.jwk" in refused(Sent(KEY, header={"jwk": None, name: "https://attacker.example/key"}))


def test_signatures_by_another_key_and_of_other_bytes() -> None:
    assert "the signature does not verify" in refused(Sent(KEY, signer=OTHER))
    good = str(Sent(KEY))
    head, payload, signature = good.split(".")
    changed = json.dumps({**json.loads(base64.urlsafe_b64decode(payload + "==")), "x": 1}).encode()
    assert "the signature does not verify" in refused(f"{head}.{b64url(changed)}.{signature}")
    raw = base64.urlsafe_b64decode(signature + "==")
    for other in (b"", raw[:-1], raw + b"\0", bytes(64), raw[32:] + raw[:32], b"\xff" * 64):
        assert "the signature does not verify" in refused(f"{head}.{payload}.{b64url(other)}")


# --- each way to break one: the claims ------------------------------------------------------------------------------------


@pytest.mark.parametrize("jti", [None, "", 1, True, ["x"], {"x": 1}, "x" * 513])
def test_a_jti_that_is_missing_or_empty_or_huge_or_no_string(jti: Any) -> None:
    assert "jti: must be a string of 1 to 512 characters" in refused(Sent(KEY, claims={"jti": jti}))


@pytest.mark.parametrize("htm", [None, "", "GET", "post", "Post", "POST ", "PUT", 1, ["POST"]])
def test_another_method(htm: Any) -> None:
    assert "htm: must be the method of the request" in refused(Sent(KEY, claims={"htm": htm}))


def test_the_method_is_that_of_the_request() -> None:
    assert verified(Sent(KEY, claims={"htm": "GET"}), method="GET").changes
    assert "htm" in refused(Sent(KEY), method="GET")


@pytest.mark.parametrize("htu", [None, "", 1, ["https://issuer.example/tenant/credential"], {"x": 1}, "https://" + "a" * 5000])
def test_a_url_that_is_missing_or_no_string_or_no_url(htu: Any) -> None:
    assert "htu: " in refused(Sent(KEY, claims={"htu": htu}))


OTHER_URLS = [
    "https://issuer.example/tenant/token",
    "https://issuer.example/tenant/credential/",
    "https://issuer.example/tenant//credential",
    "https://issuer.example/tenant/Credential",
    "https://issuer.example/credential",
    "https://issuer.example/tenant",
    "https://issuer.example",
    "https://other.example/tenant/credential",
    "https://issuer.example.evil.example/tenant/credential",
    "https://issuer.example:8443/tenant/credential",
    "https://issuer.example:80/tenant/credential",
    "http://issuer.example/tenant/credential",
    "http://issuer.example:443/tenant/credential",
    "wss://issuer.example/tenant/credential",
    "//issuer.example/tenant/credential",
    "/tenant/credential",
    "issuer.example/tenant/credential",
    "https:/issuer.example/tenant/credential",
    "https:issuer.example/tenant/credential",
    "https://user@issuer.example/tenant/credential",
    "https://evil.example@issuer.example/tenant/credential",
    "https://issuer.example\\tenant\\credential",
    "https://issuer.example./tenant/credential",
    "https://issuer.example/tenant%2Fcredential",
    "https://issuer.example/tenant/credential%00",
    "https://issuer.example/tenant/credential%",
    "https://issuer.example/tenant/credential%2",
    "https://issuer.example/tenant/credential%zz",
    "https://issuer.example/tenant/credential;x",
    "https://issuer.example/tenant/credential ",
    " https://issuer.example/tenant/credential",
    "https://issuer.example/tenant/credential\n",
    "https://issuer.example/tenant/crédential",
    "http\u017f://issuer.example/tenant/credential",
    "https://i\u017f\u017fuer.example/tenant/credential",
    "https://issuer.example/tenant/credential?x=é",
    "https://issuer.example/tenant/credential/..",
    "https://issuer.example:0443/tenant/credential",
    "https://issuer.example:443:443/tenant/credential",
    "https://[::1]/tenant/credential",
    "https://?/tenant/credential",
    "https://issuer.example?/tenant/credential",
    "https://issuer.example#/tenant/credential",
]


@pytest.mark.parametrize("htu", OTHER_URLS)
def test_another_url(htu: str) -> None:
    assert "htu: " in refused(Sent(KEY, url=htu))


@pytest.mark.parametrize(
    "htu",
    [
        "https://issuer.example/tenant/credential",
        "https://issuer.example/tenant/credential?",
        "https://issuer.example/tenant/credential?x=1&y=/../%zz",
        "https://issuer.example/tenant/credential#",
        "https://issuer.example/tenant/credential#x?y",
        "https://issuer.example/tenant/credential?x#y",
        "HTTPS://issuer.example/tenant/credential",
        "hTTps://Issuer.EXAMPLE/tenant/credential",
        "https://issuer.example:443/tenant/credential",
        "https://issuer.example:/tenant/credential",
        "https://issuer.example/%74enant/%63redentia%6C",
        "https://issuer.example/%74enant/%63redentia%6c",
        "https://issuer%2Eexample/tenant/credential",
        "https://issuer.example/./tenant/x/../credential",
        "https://issuer.example/../tenant/credential",
        "https://issuer.example/tenant/%2e/%2E%2e/tenant/credential",
    ],
)
def test_the_url_is_compared_after_normalisation_without_query_and_fragment(htu: str) -> None:
    assert verified(Sent(KEY, url=htu)).changes


def test_an_endpoint_that_is_published_in_another_form_is_normalised_as_well() -> None:
    published = "https://Issuer.example:443/%7etenant?x=1"
    assert verified(Sent(KEY, url="https://issuer.example/~tenant"), url=published).changes
    assert verified(Sent(KEY, url=published), url=published).changes
    # Such an endpoint can be published. Only who writes it in the same way can use it, and nobody breaks anything.
    broken = "https://issuer.example/%zz"
    assert verified(Sent(KEY, url=broken), url=broken).changes
    assert "htu" in refused(Sent(KEY, url=CREDENTIAL), url=broken)


@pytest.mark.parametrize("iat", [None, "1800000000", True, False, [NOW], {"x": 1}, ""])
def test_a_time_of_issue_that_is_missing_or_no_number(iat: Any) -> None:
    assert "iat: must be a number" in refused(Sent(KEY, claims={"iat": iat}))
    assert "iat: must be a number" in refused(edited(Sent(KEY), 1, json.dumps({**GOOD_CLAIMS, "iat": iat}).encode()))


GOOD_CLAIMS = {"jti": "a", "htm": "POST", "htu": CREDENTIAL, "iat": NOW}


@pytest.mark.parametrize("seconds", [-300, -299, -60, -10, -1, -0.25, 0, 0.25, 1, 10, 59, 60])
def test_a_clock_that_is_a_little_off(seconds: float) -> None:
    assert verified(Sent(KEY, claims={"iat": NOW + seconds})).changes


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (-301, "too long ago"),
        (-300.5, "too long ago"),
        (-3600, "too long ago"),
        (-NOW, "too long ago"),
        (-(10**30), "too long ago"),
        (-1e300, "too long ago"),
        (61, "in the future"),
        (60.5, "in the future"),
        (3600, "in the future"),
        (10**30, "in the future"),
        (1e300, "in the future"),
    ],
)
def test_a_proof_from_outside_of_the_window(seconds: float, reason: str) -> None:
    assert reason in refused(Sent(KEY, claims={"iat": NOW + seconds}))


def test_the_window_is_a_policy() -> None:
    narrow = Dpop(max_age=10, max_skew=10)
    for seconds in (-10, 10):
        assert verified(Sent(KEY, claims={"iat": NOW + seconds}), dpop=narrow).changes
    for seconds in (-11, 11):
        assert "iat" in refused(Sent(KEY, claims={"iat": NOW + seconds}), dpop=narrow)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW}, "exp: "),
        ({"exp": NOW - 3600}, "exp: "),
        ({"nbf": NOW + 61}, "nbf: "),
        ({"exp": str(NOW + 9)}, "exp: must be a number"),
        ({"nbf": [NOW]}, "nbf: must be a number"),
        ({"exp": True}, "exp: must be a number"),
    ],
)
def test_the_times_of_every_jwt_hold_for_a_proof_too(claims: dict[str, Any], reason: str) -> None:
    assert reason in refused(Sent(KEY, claims=claims))


def test_the_hash_of_the_access_token() -> None:
    assert verified(Sent(KEY, access_token=TOKEN), access_token=TOKEN).changes
    standard = base64.b64encode(hashlib.sha256(TOKEN.encode()).digest()).decode()
    good = ath(TOKEN)
    for wrong in (None, "", 1, [good], TOKEN, ath(TOKEN + "x"), ath(""), standard, good + "=", good.lower(), good[:-1]):
        claims = {"ath": wrong}
        assert "ath: must be the hash of the access token" in refused(Sent(KEY, claims=claims), access_token=TOKEN)


# --- replay ---------------------------------------------------------------------------------------------------------------


def test_a_proof_serves_once() -> None:
    store, sent = MemoryStore(), Sent(KEY)
    read = DPOP.read(Request("POST", "/", headers(sent)), url=CREDENTIAL)
    assert read is not None
    assert store.load(read.lookups) == {}
    first, second = read.verify({}, now=NOW), read.verify({}, now=NOW)
    # Two requests that loaded before either was answered: the store lets one through.
    assert store.commit(first.changes)
    assert not store.commit(second.changes)
    assert "used before" in refused(sent, records=store.load(read.lookups))
    assert "used before" in refused(sent, records=store.load(read.lookups), now=NOW + 300)


def test_a_refused_proof_is_not_spent() -> None:
    sent = Sent(KEY, claims={"iat": NOW + 100})
    refused(sent)
    assert verified(sent, now=NOW + 100).changes


def test_the_same_jti_by_another_key_or_for_another_url_is_another_proof() -> None:
    store = MemoryStore()
    for sent in (Sent(KEY, jti="a"), Sent(OTHER, jti="a"), Sent(KEY, jti="b")):
        assert store.commit(verified(sent).changes)
    assert store.commit(verified(Sent(KEY, jti="a", url="https://issuer.example/x"), url="https://issuer.example/x").changes)


@pytest.mark.parametrize(
    "change",
    [
        {"claims": {"iat": NOW + 1}},
        {"claims": {"htu": CREDENTIAL.replace("https", "HTTPS") + "?x"}},
        {"claims": {"x": 1}},
        {"header": {"kid": "x"}},
    ],
)
def test_a_proof_with_a_spent_jti_is_spent_whatever_else_it_says(change: dict[str, Any]) -> None:
    (spent,) = verified(Sent(KEY, jti="a")).changes
    assert isinstance(spent, Insert)
    assert "used before" in refused(Sent(KEY, jti="a", **change), records={spent.record.key: spent.record})


def test_the_other_signature_that_ecdsa_allows_is_the_same_proof() -> None:
    """(r, n - s) verifies wherever (r, s) does: what is spent is the `jti`, not the text."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    sent = str(Sent(KEY))
    data, _, signature = sent.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    twin = f"{data}.{b64url(raw[:32] + (order - int.from_bytes(raw[32:], 'big')).to_bytes(32, 'big'))}"
    assert twin != sent
    (spent,) = verified(sent).changes
    assert isinstance(spent, Insert)
    assert verified(twin).changes == (spent,)
    assert "used before" in refused(twin, records={spent.record.key: spent.record})


@given(st.integers(1, 100_000), st.integers(0, 100_000), st.data())
def test_the_row_outlives_every_moment_at_which_the_proof_would_be_accepted(
    max_age: int, max_skew: int, data: st.DataObject
) -> None:
    dpop = Dpop(max_age=max_age, max_skew=max_skew)
    iat = data.draw(st.integers(NOW - max_age, NOW + max_skew) | st.floats(NOW - max_age, NOW + max_skew))
    sent = Sent(KEY, claims={"iat": iat})
    (change,) = verified(sent, dpop=dpop).changes
    assert isinstance(change, Insert)
    expires_at = change.record.expires_at
    # The last moment is `iat + max_age`; some 300 seconds are for requests that began before it, and for clocks.
    assert iat + max_age + 298 < expires_at <= iat + max_age + 300
    assert "iat: is too long ago" in refused(sent, dpop=dpop, now=expires_at)


# --- nonces ---------------------------------------------------------------------------------------------------------------

NONCES = DpopNonces(secret_keys())
WITH_NONCES = Dpop(nonces=NONCES)


def nonce(now: int = NOW, nonces: DpopNonces = NONCES) -> str:
    return nonces.new(now=now, new_secret=counted())


def test_a_nonce_is_not_demanded_unless_there_are_nonces() -> None:
    assert verified(Sent(KEY)).headers == {}
    assert DPOP.nonce_headers(now=NOW) == {}
    assert verified(Sent(KEY, nonce=nonce()), dpop=WITH_NONCES).changes


@pytest.mark.parametrize(
    "given_nonce",
    [
        None,
        "",
        "x",
        "é",
        1,
        True,
        [],
        {"x": 1},
        "A" * 5000,
        nonce(NOW - 300),
        nonce(0),
        nonce(nonces=DpopNonces(secret_keys(2))),
        secret_keys().seal("c_nonce https://issuer.example/tenant", {"exp": NOW + 9}, new_secret=counted()),
        secret_keys().seal("access_token", {"exp": NOW + 9}, new_secret=counted()),
        nonce()[:-1],
        nonce() + "A",
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_nonce_that_is_missing_or_expired_or_not_ours_is_answered_with_a_new_one(given_nonce: Any) -> None:
    fresh = asked_for_a_nonce(Sent(KEY, claims={"nonce": given_nonce}), dpop=WITH_NONCES)
    assert verified(Sent(KEY, nonce=fresh), dpop=WITH_NONCES).changes


def test_the_same_proof_but_for_the_nonce_will_do() -> None:
    """Nothing was consumed: even the `jti` may be the same."""
    sent = Sent(KEY)
    fresh = asked_for_a_nonce(sent, dpop=WITH_NONCES)
    assert verified(Sent(KEY, jti=sent.jti, nonce=fresh), dpop=WITH_NONCES).changes


def test_the_nonce_is_looked_at_before_the_jti_and_after_all_else() -> None:
    sent = Sent(KEY)
    (spent,) = verified(sent).changes
    assert isinstance(spent, Insert)
    records = {spent.record.key: spent.record}
    assert asked_for_a_nonce(sent, dpop=WITH_NONCES, records=records)
    again = Sent(KEY, jti=sent.jti, nonce=nonce())
    assert "used before" in refused(again, dpop=WITH_NONCES, records=records)
    for wrong in (
        Sent(KEY, signer=OTHER),
        Sent(KEY, claims={"iat": NOW - 3600}),
        Sent(KEY, claims={"htm": "GET"}),
        Sent(KEY, header={"jwk": PRIVATE}),
    ):
        refused(wrong, dpop=WITH_NONCES)
    refused(Sent(KEY), dpop=WITH_NONCES, access_token=TOKEN)


def test_a_nonce_serves_many_proofs_until_it_expires() -> None:
    value = nonce()
    for later in range(0, 300, 13):
        assert verified(Sent(KEY, nonce=value, claims={"iat": NOW + later}), dpop=WITH_NONCES, now=NOW + later).changes
    assert asked_for_a_nonce(Sent(KEY, nonce=value, claims={"iat": NOW + 300}), dpop=WITH_NONCES, now=NOW + 300) != value


def test_the_next_nonce_comes_when_half_of_the_life_of_this_one_is_over() -> None:
    value = nonce()
    for later, due in ((0, False), (149, False), (150, True), (299, True)):
        proof = verified(Sent(KEY, nonce=value), dpop=WITH_NONCES, now=NOW + later)
        assert (proof.headers.keys() == {"dpop-nonce"}) is due
        if due:
            assert NONCES.remaining(proof.headers["dpop-nonce"], now=NOW + later) == 300


def test_nonces_are_opaque_and_differ_and_every_process_with_the_keys_knows_them() -> None:
    issued = {WITH_NONCES.nonce_headers(now=NOW)["dpop-nonce"] for _ in range(100)}
    assert len(issued) == 100
    for value in issued:
        # NQCHAR (RFC 6749 A), as RFC 9449 8.1 has it
        assert value.isascii()
        assert value.replace("-", "").replace("_", "").isalnum()
        assert str(NOW + 300).encode() not in base64.urlsafe_b64decode(value + "==")
        assert DpopNonces(secret_keys()).remaining(value, now=NOW) == 300
    old, new = bytes([1]) * 32, bytes([2]) * 32
    assert DpopNonces(SealingKeys([new, old])).remaining(nonce(), now=NOW) == 300
    assert DpopNonces(SealingKeys([new])).remaining(nonce(), now=NOW) == 0


@given(st.integers(1, 10**6), st.integers(0, 2 * 10**6))
def test_a_nonce_lives_as_long_as_it_should(lifetime: int, later: int) -> None:
    nonces = DpopNonces(secret_keys(), lifetime=lifetime)
    assert nonces.remaining(nonce(nonces=nonces), now=NOW + later) == max(0, lifetime - later)


@given(st.text(max_size=100) | st.binary(max_size=100).map(b64url))
def test_any_text_is_no_nonce(value: str) -> None:
    assert NONCES.remaining(value, now=NOW) == 0


# --- how it is set up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithms", [(), ("none",), ("HS256",), ("ES256", "HS256"), ("RS1",), ("es256",), ("",)])
def test_only_asymmetric_algorithms_of_the_table_can_be_accepted(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms must be some of ES256"):
        Dpop(algorithms)


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(TypeError, match="several strings"):
        Dpop("ES256")
    for max_age, max_skew in ((0, 0), (-1, 60), (300, -1)):
        with pytest.raises(ValueError, match="max_"):
            Dpop(max_age=max_age, max_skew=max_skew)
    for lifetime in (0, -1):
        with pytest.raises(ValueError, match="positive"):
            DpopNonces(secret_keys(), lifetime=lifetime)


def test_no_stage_shows_a_proof_or_a_nonce() -> None:
    value = nonce(NOW - 200)
    sent = Sent(KEY, nonce=value, access_token=TOKEN)
    read = WITH_NONCES.read(Request("POST", "/", headers(sent)), url=CREDENTIAL)
    assert read is not None
    proof = read.verify({}, now=NOW, access_token=TOKEN)
    shown = repr([WITH_NONCES, read, proof, *proof.changes])
    for secret in (str(sent), str(sent).rpartition(".")[2], value, proof.headers["dpop-nonce"], TOKEN, sent.jti):
        assert secret not in shown


# --- arbitrary input ------------------------------------------------------------------------------------------------------

HEADERS = st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "kid", "crit"]), json_values())
CLAIMS = st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce", "exp"]), json_values())


@given(st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")) | st.text(max_size=200), st.integers(1, 2))
def test_any_header_is_refused_as_an_invalid_proof(value: str, count: int) -> None:
    assert refused(*[value] * count)


@given(HEADERS, CLAIMS)
def test_any_json_in_place_of_what_is_expected_is_refused_or_accepted(header: dict[str, Any], claims: dict[str, Any]) -> None:
    try:
        proof = verified(Sent(KEY, header=header, claims=claims))
    except InvalidDpopProof:
        return
    assert proof.jkt == JWK(**KEY.public_jwk).thumbprint()
    assert {"typ", "alg", "jwk"}.isdisjoint(header)
    assert header.get("crit") is None
    assert {"htm", "htu", "iat"}.isdisjoint(claims)


@given(st.integers(0, 10**6), st.characters(codec="ascii"))
@example(0, "A")
@example(10**6, ".")
def test_a_changed_proof_is_never_accepted(position: int, character: str) -> None:
    position %= len(GOOD)
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    if changed != GOOD:
        assert refused(changed)


GOOD = str(Sent(KEY))


@given(st.data())
def test_a_proof_that_was_cut_or_joined_is_never_accepted(data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))))
    for changed in (GOOD[:start] + GOOD[end:], GOOD[:end] + GOOD[start:], GOOD[start:end]):
        if changed != GOOD:
            assert refused(changed)


# --- URLs -----------------------------------------------------------------------------------------------------------------

URLS = identifier_urls()
PATHS = st.lists(st.text(st.sampled_from("aZ09-._~!$&'()*+,;=:@"), max_size=4), max_size=5).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)


def respelt(url: str, data: st.DataObject) -> str:
    """Another spelling of a URL that means the same (RFC 3986 6.2.2, 6.2.3)."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.partition(":")
    upper = data.draw(st.booleans())
    port = f":{port}" if port else data.draw(st.sampled_from(["", ":", ":443"]))
    segments = [data.draw(st.sampled_from([each, "".join(f"%{ord(c):02x}" for c in each)])) for each in path.split("/")]
    dots = data.draw(st.sampled_from(["", "./", "x/../", "%2e/", "y/%2E%2e/", "../"]))
    tail = data.draw(st.sampled_from(["", "?", "?x=/../%zz", "#", "#?x", "?x#y"]))
    origin = f"{scheme.upper()}://{host.upper()}" if upper else f"{scheme}://{host}"
    return f"{origin}{port}{slash}{dots if slash else ''}{'/'.join(segments)}{tail}"


@given(URLS, st.data())
def test_every_spelling_of_a_url_has_the_same_normal_form(url: str, data: st.DataObject) -> None:
    assert normalised(respelt(url, data)) == normalised(url)


@given(URLS, URLS)
def test_urls_that_differ_in_more_than_spelling_stay_different(one: str, other: str) -> None:
    """These have no escapes, no dot segments and no upper-case host: only the port and the empty path can be spelt in two ways."""

    def plain(url: str) -> tuple[str, str]:
        authority, slash, path = url.removeprefix("https://").partition("/")
        return authority.removesuffix(":443"), f"{slash}{path}" or "/"

    assert (normalised(one) == normalised(other)) is (plain(one) == plain(other))


@given(PATHS)
def test_dot_segments_are_removed_as_rfc_3986_does(path: str) -> None:
    """The algorithm of RFC 3986 5.2.4 in its own words."""
    given_path, output = path or "/", ""
    while given_path:
        if given_path.startswith("/./"):
            given_path = given_path[2:]
        elif given_path == "/.":
            given_path = "/"
        elif given_path.startswith("/../"):
            given_path, output = given_path[3:], output.rpartition("/")[0]
        elif given_path == "/..":
            given_path, output = "/", output.rpartition("/")[0]
        else:
            end = given_path.find("/", 1)
            end = len(given_path) if end < 0 else end
            output, given_path = output + given_path[:end], given_path[end:]
    assert normalised(f"https://a.example{path}") == f"https://a.example{output}"


@given(st.text(max_size=8).map(lambda text: quote(text, safe="")))
def test_characters_that_must_be_escaped_stay_so_and_in_capitals(path: str) -> None:
    url = f"https://a.example/x{path}"
    assert normalised(re.sub("%..", lambda match: match[0].lower(), url)) == url
    assert normalised(normalised(url)) == normalised(url)


@given(
    st.text(max_size=60) | URLS.map(lambda url: url.replace("s", "\u017f")) | st.from_regex(r"https?://[!-~]*", fullmatch=True)
)
def test_any_text_is_a_url_or_is_malformed(text: str) -> None:
    try:
        found = normalised(text)
    except Malformed:
        return
    assert text.isascii()
    assert normalised(found) == found
    assert "?" not in found
    assert "#" not in found


# --- what others make, and what others read -------------------------------------------------------------------------------


def published(vectors: Path) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in json.loads((vectors / "dpop/vectors.json").read_text())["vectors"]}


@pytest.mark.parametrize("name", ["rfc9449-fig2-token-request", "rfc9449-refresh-request", "rfc9449-protected-resource"])
def test_the_proofs_that_rfc_9449_prints(vectors: Path, name: str) -> None:
    vector = published(vectors)[name]
    options: dict[str, Any] = {"url": vector["htu"], "method": vector["htm"], "access_token": vector.get("access_token")}
    for now in (vector["iat"], vector["iat"] + 10, vector["iat"] - 10):
        proof = verified(vector["proof"], now=now, **options)
        assert proof.jkt == vector["jkt"]
    assert "iat: is too long ago" in refused(vector["proof"], now=vector["iat"] + 3600, **options)
    assert "iat: is in the future" in refused(vector["proof"], now=vector["iat"] - 3600, **options)
    assert "htm" in refused(vector["proof"], now=vector["iat"], **{**options, "method": "PUT"})
    assert "htu" in refused(vector["proof"], now=vector["iat"], **{**options, "url": vector["htu"] + "/x"})
    assert "ath" in refused(vector["proof"], now=vector["iat"], **{**options, "access_token": "x"})


def test_proofs_of_another_implementation_s_tests(vectors: Path) -> None:
    found = {name: each for name, each in published(vectors).items() if each["type"] == "dpop-raw"}
    assert len(found) == 5
    for vector in found.values():
        # None of them has jti, htm and htu: those whose signature verifies are no proofs either.
        for method, url in (("POST", CREDENTIAL), ("GET", "https://localhost/")):
            assert refused(vector["proof"], now=1708956826, method=method, url=url)
    good = _jose.parse(found["php-valid"]["proof"])
    _jose.verify(good, public_key(good.header["jwk"]), algorithms=DPOP.algorithms)


def printed(vectors: Path, name: str) -> str:
    return next((vectors / "dpop/examples").glob(f"{name}-*.txt")).read_text().strip()


def decoded(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    head, payload = (json.loads(base64.urlsafe_b64decode(part + b"==")) for part in data.split(b"."))
    return head, payload


@pytest.mark.parametrize(("example_number", "more"), [("02", {}), ("11", {"access_token": TOKEN})])
def test_what_is_signed_is_what_rfc_9449_prints(vectors: Path, example_number: str, more: dict[str, str]) -> None:
    text = printed(vectors, example_number)
    header, claims = (json.loads(part) for part in text.split("\n.\n"))
    signer = RemoteSigner("k", header["alg"], header["jwk"])
    data = dpop_signing_input(
        signer, method=claims["htm"], url=claims["htu"] + "?x=1#y", jti=claims["jti"], now=claims["iat"], **more
    )
    assert decoded(data) == (header, claims)


def test_what_is_signed_with_a_nonce(vectors: Path) -> None:
    claims = json.loads(printed(vectors, "18"))
    data = dpop_signing_input(
        KEY, method=claims["htm"], url=claims["htu"], jti=claims["jti"], now=claims["iat"], nonce=claims["nonce"]
    )
    assert decoded(data)[1] == claims


def test_the_answer_that_asks_for_a_nonce_is_what_rfc_9449_prints(vectors: Path) -> None:
    head, _, body = printed(vectors, "17").replace("\r", "").partition("\n\n")
    response = UseDpopNonce("eyJ7S_zG.eyJH0-Z.HX4w-7v").reply.response
    assert head.splitlines() == ["HTTP/1.1 400 Bad Request", f"DPoP-Nonce: {response.headers.get('dpop-nonce')}"]
    assert response.status == 400
    assert response.json().keys() == json.loads(body).keys()
    assert response.json()["error"] == json.loads(body)["error"]


@pytest.mark.parametrize("algorithm", DEFAULT_ALGORITHMS)
@pytest.mark.parametrize(("token", "value"), [(None, None), (TOKEN, "nonce")])
def test_our_proofs_are_good_for_us(algorithm: str, token: str | None, value: str | None) -> None:
    signer = signer_for(algorithm, "dpop")
    nonces = WITH_NONCES if value else DPOP
    data = dpop_signing_input(
        signer,
        method="POST",
        url=CREDENTIAL + "?x=1",
        jti="a",
        now=NOW,
        access_token=token,
        nonce=nonce() if value else None,
    )
    assert verified(_jose.compact(data, signer.sign(data)), dpop=nonces, access_token=token).changes


@pytest.mark.parametrize(
    ("algorithm", "kty", "crv"),
    [("ES256", "EC", "P-256"), ("ES384", "EC", "P-384"), ("ES512", "EC", "P-521"), ("Ed25519", "OKP", "Ed25519")],
)
def test_proofs_that_joserfc_makes_and_reads(algorithm: str, kty: str, crv: str) -> None:
    key: Any = joserfc_jwk.ECKey.generate_key(crv) if kty == "EC" else joserfc_jwk.OKPKey.generate_key("Ed25519")
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False)}
    claims = {**GOOD_CLAIMS, "ath": ath(TOKEN)}
    proof = verified(joserfc_jwt.encode(header, claims, key, algorithms=[algorithm]), access_token=TOKEN)
    assert proof.jkt == key.thumbprint()

    signer = LocalSigner.generate("dpop", algorithm)
    data = dpop_signing_input(signer, method="POST", url=CREDENTIAL, jti="a", now=NOW, access_token=TOKEN)
    public: Any = joserfc_jwk.import_key(dict(signer.public_jwk))
    read = joserfc_jwt.decode(_jose.compact(data, signer.sign(data)), public, algorithms=[algorithm])
    assert read.header == {"typ": "dpop+jwt", "alg": algorithm, "jwk": dict(signer.public_jwk)}
    assert read.claims == claims


def test_proofs_that_jwcrypto_makes_and_reads() -> None:
    key = JWK.generate(kty="EC", crv="P-256")
    made = JWS(json.dumps(GOOD_CLAIMS))
    jwk = {name: value for name, value in json.loads(key.export_public()).items() if name != "kid"}
    made.add_signature(key, None, json.dumps({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}))
    assert verified(made.serialize(compact=True)).jkt == key.thumbprint()

    data = dpop_signing_input(KEY, method="POST", url=CREDENTIAL, jti="a", now=NOW)
    read = JWS()
    read.deserialize(_jose.compact(data, KEY.sign(data)), JWK(**KEY.public_jwk))
    assert json.loads(read.payload) == GOOD_CLAIMS


def test_hand_made_proofs_are_made_like_others() -> None:
    """The proofs that are broken above would be good if they were not broken."""
    sent = Sent(KEY, jti="a")
    assert decoded(str(sent).rpartition(".")[0].encode()) == (
        {"typ": "dpop+jwt", "alg": "ES256", "jwk": dict(KEY.public_jwk)},
        GOOD_CLAIMS,
    )
    assert jws({"a": 1}, {"b": 2}, KEY).count(".") == 2
