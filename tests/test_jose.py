"""JWS: strict framing, and no algorithm taken from the header alone. Here by the keys that are on curves."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OKPKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jws as jwcrypto_jws

from oid4vci._jose import MAX_JWT, Jws, PublicKey, compact, jwk_of, parse, public_key, signing_input, verify
from oid4vci._json import Malformed, b64url_decode, b64url_encode, dump_bytes
from oid4vci.keys import LocalSigner
from tests.signers import ON_CURVES as ALGORITHMS

SIGNERS = {name: LocalSigner.generate(name, name) for name in ALGORITHMS}
KEYS = {name: public_key(signer.public_jwk) for name, signer in SIGNERS.items()}
ES256 = SIGNERS["ES256"]
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ES512": int("1" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16),
    "ES256K": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
}


def token(signer: LocalSigner, header: dict[str, Any] | None = None, payload: bytes = b"{}") -> str:
    data = signing_input({"alg": signer.algorithm, **(header or {})}, payload)
    return compact(data, signer.sign(data))


def refused(text: str, key: PublicKey, *algorithms: str) -> str:
    with pytest.raises(Malformed) as error:
        verify(parse(text), key, algorithms=algorithms or tuple(ALGORITHMS))
    return str(error.value)


def accepts(text: str, jwk: Any) -> bool:
    """Whether we take a token for one signed with the key of that JWK."""
    try:
        verify(parse(text), public_key(jwk), algorithms=tuple(ALGORITHMS))
    except Malformed:
        return False
    return True


def public_half(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name != "d"}


# --- framing ----------------------------------------------------------------------------------------------------------------


def test_a_token_is_taken_apart() -> None:
    text = token(ES256, {"typ": "openid4vci-proof+jwt", "kid": "\u00e9"}, b'{"nonce":"n"}')
    jws = parse(text)
    assert jws.header == {"alg": "ES256", "typ": "openid4vci-proof+jwt", "kid": "\u00e9"}
    assert (jws.payload, jws.claims(), jws.algorithm) == (b'{"nonce":"n"}', {"nonce": "n"}, "ES256")
    assert compact(jws.signing_input, jws.signature) == text


HEAD, PAYLOAD, SIGNATURE = token(ES256, payload=b'{"a":"1"}').split(".")


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a", "a.b", '{"payload":"e30","protected":"e30","signature":"e30"}'])
def test_what_is_no_compact_jws(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@pytest.mark.parametrize(
    "template",
    [
        *("{h}.{p}", "{h}.{p}.{s}.", ".{h}.{p}.{s}", "{h}.{p}.{s}.x", "{h}..{p}.{s}", ".{p}.{s}", "{h}.{p}.{s}.{p}.{s}"),
        *("{h}=.{p}.{s}", "{h}.{p}=.{s}", "{h}.{p}.{s}==", " {h}.{p}.{s}", "{h}.{p}.{s}\n", "{h}.{p}.{s} ", "{h}\n.{p}.{s}"),
        *("{h}.{p}*.{s}", "{h}.{p}.{s}\u00e9", "{h}.{p}.{s}\ud800", "{h}.{p}.+{s}", "{h}.{p}.{s}/", "{h}.{p}.{s}\x00"),
    ],
)
def test_a_changed_frame_is_refused(template: str) -> None:
    assert parse(f"{HEAD}.{PAYLOAD}.{SIGNATURE}").payload == b'{"a":"1"}'
    with pytest.raises(Malformed):
        parse(template.format(h=HEAD, p=PAYLOAD, s=SIGNATURE))


def test_a_signature_has_one_spelling() -> None:
    # 64 bytes leave four unused bits in the last character.
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(SIGNATURE[-1])
    with pytest.raises(Malformed):
        parse(f"{HEAD}.{PAYLOAD}.{SIGNATURE[:-1]}{'BRhx'[last >> 4]}")


@pytest.mark.parametrize(
    "header",
    [
        *(b"", b"[]", b"null", b'"alg"', b"{", b"\xff", b'\xef\xbb\xbf{"alg":"ES256"}', b'{"alg":"ES256"} x', b'{"alg":NaN}'),
        *(
            b'{"alg":"none","alg":"ES256"}',
            b'{"alg":"ES256","x":' + b"[" * 40 + b"]" * 40 + b"}",
            '{"alg":"ES256"}'.encode("utf-16"),
        ),
    ],
)
def test_the_header_is_a_strict_json_object(header: bytes) -> None:
    with pytest.raises(Malformed):
        parse(f"{b64url_encode(header)}.{PAYLOAD}.{SIGNATURE}")


@pytest.mark.parametrize(
    "extension",
    [{"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}, {"crit": []}, {"crit": None}, {"b64": False}, {"b64": True}],
)
def test_extensions_that_must_be_understood_are_refused(extension: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="header"):
        parse(token(ES256, extension))


def test_size_bound() -> None:
    text = token(ES256, payload=b" " * 40_000)
    assert parse(text).payload == b" " * 40_000
    with pytest.raises(Malformed, match="too large"):
        parse(text, max_bytes=len(text) - 1)
    with pytest.raises(Malformed, match="too large"):
        parse("a" * (MAX_JWT + 1))


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'{"a":1,"a":2}', b"\xff", b'{"exp":NaN}'])
def test_claims_are_a_strict_json_object(payload: bytes) -> None:
    jws = parse(token(ES256, payload=payload))
    assert jws.payload == payload
    with pytest.raises(Malformed):
        jws.claims()


@given(st.text() | st.text("eyJ0.-_ {}", max_size=40) | st.binary().map(lambda raw: f"{b64url_encode(raw)}.e30.e30"))
def test_any_text_is_a_jws_or_malformed(text: str) -> None:
    try:
        jws = parse(text)
    except Malformed:
        return
    assert compact(jws.signing_input, jws.signature) == text


@given(st.binary(max_size=80))
def test_any_payload_comes_back(payload: bytes) -> None:
    jws = parse(token(ES256, payload=payload))
    verify(jws, KEYS["ES256"], algorithms=["ES256"])
    assert jws.payload == payload


# --- verification -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_signature_verifies_with_its_key_only(name: str) -> None:
    text = token(SIGNERS[name])
    verify(parse(text), KEYS[name], algorithms=[name])
    assert refused(text, public_key(LocalSigner.generate("other", name).public_jwk)) == "the signature does not verify"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_bit_counts(name: str) -> None:
    jws = parse(token(SIGNERS[name], payload=b'{"a":1}'))
    for changed in (
        Jws(jws.header, jws.payload, jws.signing_input + b"x", jws.signature),
        Jws(jws.header, jws.payload, jws.signing_input[:-1], jws.signature),
        *(
            Jws(jws.header, jws.payload, jws.signing_input, bytes(b ^ (i == at) for i, b in enumerate(jws.signature)))
            for at in (0, 1, len(jws.signature) // 2, len(jws.signature) - 1)
        ),
    ):
        with pytest.raises(Malformed, match="does not verify"):
            verify(changed, KEYS[name], algorithms=[name])


@pytest.mark.parametrize("name", ALGORITHMS)
def test_signatures_of_another_size_are_refused(name: str) -> None:
    jws = parse(token(SIGNERS[name]))
    half = len(jws.signature) // 2
    r, s = jws.signature[:half], jws.signature[half:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    for signature in (b"", jws.signature[:-1], jws.signature + b"\0", b"\0" + jws.signature, b"\0" + r + b"\0" + s, r, der):
        with pytest.raises(Malformed, match="does not verify"):
            verify(Jws(jws.header, jws.payload, jws.signing_input, signature), KEYS[name], algorithms=[name])


@pytest.mark.parametrize("name", ORDERS)
def test_the_numbers_of_an_ecdsa_signature_are_in_range(name: str) -> None:
    jws = parse(token(SIGNERS[name]))
    half, order = len(jws.signature) // 2, ORDERS[name]
    r, s = int.from_bytes(jws.signature[:half], "big"), int.from_bytes(jws.signature[half:], "big")
    top = (1 << 8 * half) - 1
    edges = [(a, b) for a in (0, 1, order - 1, order, top) for b in (0, 1, order - 1, order, top)]
    for a, b in [*edges, (0, s), (r, 0), (order, s), (r, order), (top, s), (r, top)]:
        signature = a.to_bytes(half, "big") + b.to_bytes(half, "big")
        with pytest.raises(Malformed, match="does not verify"):
            verify(Jws(jws.header, jws.payload, jws.signing_input, signature), KEYS[name], algorithms=[name])
    # The other root is a valid signature too: none is a fingerprint of a message.
    other = r.to_bytes(half, "big") + (order - s).to_bytes(half, "big")
    verify(Jws(jws.header, jws.payload, jws.signing_input, other), KEYS[name], algorithms=[name])


@pytest.mark.parametrize("name", [*ALGORITHMS, "none", "None", "HS256", "RS256", "PS256", "es256", "", "ES521"])
@pytest.mark.parametrize("signed_by", ALGORITHMS)
def test_an_algorithm_goes_with_one_key_type_and_curve(name: str, signed_by: str) -> None:
    data = signing_input({"alg": name}, b"{}")
    text = compact(data, SIGNERS[signed_by].sign(data))
    if name in ALGORITHMS and ALGORITHMS[name].crv == KEYS[signed_by].crv:
        verify(parse(text), KEYS[signed_by], algorithms=[name])
    else:
        assert refused(text, KEYS[signed_by], *ALGORITHMS, name).startswith("header: alg ")


def test_an_unsecured_token_is_refused() -> None:
    text = f"{b64url_encode(dump_bytes({'alg': 'none'}))}.e30."
    assert refused(text, KEYS["ES256"], "none", "ES256") == "header: alg is not an accepted algorithm"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_only_algorithms_on_the_list_are_accepted(name: str) -> None:
    others = [other for other in ALGORITHMS if other != name]
    assert refused(token(SIGNERS[name]), KEYS[name], *others) == "header: alg is not an accepted algorithm"
    with pytest.raises(Malformed, match="accepted"):
        verify(parse(token(SIGNERS[name])), KEYS[name], algorithms=())


@pytest.mark.parametrize("alg", [None, 1, ["ES256"], {}, True])
def test_alg_must_be_a_string(alg: Any) -> None:
    assert refused(token(ES256, {"alg": alg}), KEYS["ES256"]) == "header: alg must be a string"


def test_alg_must_be_there() -> None:
    data = signing_input({"typ": "JWT"}, b"{}")
    assert refused(compact(data, ES256.sign(data)), KEYS["ES256"]) == "header: alg must be a string"


def test_the_jwk_s_own_alg_is_respected() -> None:
    text = token(SIGNERS["EdDSA"])
    jwk = SIGNERS["EdDSA"].public_jwk
    verify(parse(text), public_key({**jwk, "alg": "EdDSA"}), algorithms=["EdDSA"])
    for alg in ("Ed25519", "ES256", "ECDH-ES", "eddsa"):
        assert refused(text, public_key({**jwk, "alg": alg})) == "header: alg does not fit the key"


# --- keys -------------------------------------------------------------------------------------------------------------------

P256 = dict(ES256.public_jwk)
ED25519 = dict(SIGNERS["EdDSA"].public_jwk)


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
@pytest.mark.parametrize("jwk", [P256, ED25519])
def test_private_members_are_refused(jwk: dict[str, str], name: str) -> None:
    for value in (b64url_encode(b"a" * 32), "", None):
        with pytest.raises(Malformed, match="private"):
            public_key({**jwk, name: value})


def other_point(jwk: dict[str, str]) -> str:
    raw = bytearray(b64url_decode(jwk["y"]))
    raw[-1] ^= 1
    return b64url_encode(bytes(raw))


@pytest.mark.parametrize(
    "jwk",
    [
        *(None, [], "key", 1, {}, {"kty": "oct", "k": "AAAA"}, {"kty": "oct"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        *({**P256, "kty": "ec"}, {**P256, "kty": "OKP"}, {**P256, "kty": ["EC"]}, {**P256, "kty": None}),
        *({**P256, "crv": "P-384"}, {**P256, "crv": "secp256k1"}, {**P256, "crv": "p-256"}, {**P256, "crv": ["P-256"]}),
        *({**ED25519, "crv": "X25519"}, {**ED25519, "crv": "Ed448"}, {**ED25519, "kty": "EC"}, {**ED25519, "x": None}),
        *({**P256, "x": x} for x in (None, 1, "", P256["x"] + "=", P256["x"] + "AA")),
        *({**P256, "x": b64url_encode(x)} for x in (b64url_decode(P256["x"])[:-1], b"\0" + b64url_decode(P256["x"]))),
        *({**P256, "y": other_point(P256)}, {**P256, "x": "A" * 43, "y": "A" * 43}, {**P256, "y": "_" * 42 + "8"}),
        *({**ED25519, "x": b64url_encode(b"a" * 31)}, {**ED25519, "x": b64url_encode(b"a" * 33)}, {**ED25519, "x": "+" * 43}),
        *({**P256, "use": "enc"}, {**P256, "use": None}, {**P256, "use": ["sig"]}, {**P256, "use": ""}),
        *({**P256, "key_ops": key_ops} for key_ops in (["encrypt"], [], "verify", ["deriveKey"], None)),
        *({**P256, "kid": 1}, {**P256, "alg": 1}, {**P256, "alg": ["ES256"]}),
        *({name: P256[name] for name in P256 if name != missing} for missing in P256),
    ],
)
def test_what_is_no_public_key_for_signatures(jwk: Any) -> None:
    with pytest.raises(Malformed):
        public_key(jwk)


def test_a_public_key_keeps_what_it_needs() -> None:
    key = public_key({**P256, "kid": "1", "alg": "ES256", "use": "sig", "key_ops": ["verify"], "x5t": "a", "foo": [1]})
    assert (key.jwk, key.crv, key.kid, key.alg) == (P256, "P-256", "1", "ES256")


def test_keys_are_equal_by_their_material() -> None:
    key = public_key(P256)
    again = public_key({**dict(reversed(P256.items())), "kid": "1", "alg": "ES256"})
    assert key == again
    assert len({key, again, public_key(ED25519)}) == 2


def test_other_key_objects_have_no_jwk() -> None:
    for key in (
        rsa.generate_private_key(65537, 1024),  # noqa: S505
        x25519.X25519PrivateKey.generate(),
        ec.generate_private_key(ec.BrainpoolP256R1()),
        None,
    ):
        with pytest.raises(ValueError, match="not supported"):
            jwk_of(key)


jwk_values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "kty": st.sampled_from(["EC", "OKP", "oct", "RSA"]) | jwk_values,
            "crv": st.sampled_from(["P-256", "P-521", "Ed25519", "secp256k1"]) | jwk_values,
            "x": st.binary(min_size=32, max_size=32).map(b64url_encode) | jwk_values,
            "y": st.binary(min_size=32, max_size=32).map(b64url_encode) | jwk_values,
            "use": jwk_values,
            "key_ops": jwk_values,
            "kid": jwk_values,
        },
    )
    | jwk_values
)
def test_any_value_is_a_key_or_malformed(jwk: Any) -> None:
    try:
        key = public_key(jwk)
    except Malformed:
        return
    assert key.jwk == {name: jwk[name] for name in key.jwk}


# --- vectors ----------------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_rfcs(vectors: Path) -> None:
    accepted, seen = set(), 0
    for vector in json.loads((vectors / "jose/vectors.json").read_text())["vectors"]:
        if vector["type"] == "jws":
            seen += 1
            ours = vector["alg"] in ALGORITHMS and vector["expect"] == "valid"
            assert accepts(vector["compact"], public_half(vector.get("jwk", P256))) is ours, vector["id"]
            accepted |= {vector["id"]} if ours else set()
    assert accepted == {"rfc7515-A.3", "rfc7515-A.4", "rfc8037-A.4"}
    assert seen >= 7


@pytest.mark.parametrize("name", ["jws", "4_3.ecdsa_signature"])
def test_the_jose_cookbook(vectors: Path, name: str) -> None:
    example = json.loads((vectors / f"jose/rfc7520/{name}.json").read_text())
    jwk, algorithm, text = example["input"]["key"], example["input"]["alg"], example["output"]["compact"]
    jws = parse(text)
    verify(jws, public_key(public_half(jwk)), algorithms=[algorithm])
    assert jws.payload.decode() == example["input"]["payload"]
    assert jws.signing_input.decode() == example["signing"]["sig-input"]
    data = signing_input(example["signing"]["protected"], example["input"]["payload"].encode())
    assert data == jws.signing_input
    if example.get("reproducible"):
        assert compact(data, LocalSigner.from_jwk(jwk, algorithm=algorithm).sign(data)) == text


@pytest.mark.parametrize("name", ["4_4.hmac-sha2_integrity_protection", "4_2.rsa-pss_signature", "4.2.hmac-sha2_b64_false"])
def test_the_jose_cookbook_s_other_algorithms(vectors: Path, name: str) -> None:
    example = json.loads((vectors / f"jose/rfc7520/{name}.json").read_text())
    text = example["output"].get("compact", f"{HEAD}..{SIGNATURE}")
    assert not accepts(text, example["input"]["key"])
    assert not accepts(text, P256)


@pytest.mark.parametrize(
    ("file", "algorithm", "total"), [("ecdsa_secp256r1_sha256_p1363_test", "ES256", 262), ("ed25519_test", "EdDSA", 151)]
)
def test_wycheproof_signatures(vectors: Path, file: str, algorithm: str, total: int) -> None:
    seen = 0
    for group in json.loads((vectors / f"wycheproof/{file}.json").read_text())["testGroups"]:
        jwk = group.get("publicKeyJwk")
        if jwk is None:
            numbers = group["publicKey"]
            x, y = (b64url_encode(int(numbers[name], 16).to_bytes(32, "big")) for name in ("wx", "wy"))
            jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        key = public_key(jwk)
        for test in group["tests"]:
            seen += 1
            jws = Jws({"alg": algorithm}, b"", bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            try:
                verify(jws, key, algorithms=[algorithm])
            except Malformed:
                assert test["result"] == "invalid", test["tcId"]
            else:
                assert test["result"] == "valid", test["tcId"]
    assert seen == total


@pytest.mark.parametrize("file", ["json_web_signature_test", "json_web_key_test"])
def test_wycheproof_tokens(vectors: Path, file: str) -> None:
    seen = 0
    for group in json.loads((vectors / f"wycheproof/{file}.json").read_text())["testGroups"]:
        jwk = group.get("public") or group["private"]
        jwks = jwk.get("keys", [jwk])
        for test in group["tests"]:
            seen += 1
            text = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
            # All are for RSA, which is not allowed here, MAC or a misnamed algorithm, which we do not have, or are invalid.
            assert not any(accepts(text, public_half(candidate)) for candidate in jwks), test["tcId"]
    assert seen >= 19


# --- other implementations --------------------------------------------------------------------------------------------------

# jwcrypto and joserfc do not know the fully specified name of RFC 9864, or warn about the older one.
PEERS = [name for name in ALGORITHMS if name != "Ed25519"]
SHARED_HEADER = {"typ": "JWT", "kid": "1"}


def private_jwk(signer: LocalSigner) -> dict[str, str]:
    key = signer._private_key
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        return {**signer.public_jwk, "d": b64url_encode(key.private_numbers().private_value.to_bytes(size, "big"))}
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return {**signer.public_jwk, "d": b64url_encode(key.private_bytes_raw())}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("name", PEERS)
def test_joserfc_and_we_understand_each_other(name: str) -> None:
    signer = SIGNERS[name]
    kind: Any = OKPKey if name == "EdDSA" else ECKey
    theirs = joserfc_jws.deserialize_compact(token(signer, SHARED_HEADER, b"hello"), kind.import_key(signer.public_jwk), [name])
    assert theirs.payload == b"hello"
    text = joserfc_jws.serialize_compact({"alg": name, **SHARED_HEADER}, b"hello", kind.import_key(private_jwk(signer)), [name])
    verify(parse(text), KEYS[name], algorithms=[name])
    assert parse(text).payload == b"hello"


@pytest.mark.parametrize("name", PEERS)
def test_jwcrypto_and_we_understand_each_other(name: str) -> None:
    signer = SIGNERS[name]
    theirs = jwcrypto_jws.JWS()
    theirs.allowed_algs = [name]
    theirs.deserialize(token(signer, SHARED_HEADER, b"hello"), jwcrypto_jwk.JWK(**signer.public_jwk))
    assert theirs.payload == b"hello"
    made = jwcrypto_jws.JWS(b"hello")
    made.allowed_algs = [name]
    made.add_signature(jwcrypto_jwk.JWK(**private_jwk(signer)), None, json.dumps({"alg": name, **SHARED_HEADER}))
    text = made.serialize(compact=True)
    verify(parse(text), KEYS[name], algorithms=[name])
    assert parse(text).payload == b"hello"


@pytest.mark.parametrize(
    "x",
    [
        "00" * 32,
        "01" + "00" * 31,
        "01" + "00" * 30 + "80",
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ed" + "ff" * 30 + "7f",
        "ff" * 32,
    ],
)
def test_an_ed25519_key_of_small_order_is_no_key(x: str) -> None:
    """With these, a signature that fits every message can be made without any private key."""
    with pytest.raises(Malformed, match="usable"):
        public_key({"kty": "OKP", "crv": "Ed25519", "x": b64url_encode(bytes.fromhex(x))})


def test_a_header_that_repeats_is_read_the_same_and_cannot_be_changed() -> None:
    text = token(ES256, {"kid": "1"})
    for options in ({}, {"header_repeats": True}, {"header_repeats": True}):
        assert parse(text, **options) == parse(text)
    with pytest.raises(TypeError):
        parse(text, header_repeats=True).header["kid"] = "2"  # type: ignore[index]
    # Only what the bytes say is remembered: other bytes are another header, and the signature is looked at anew.
    other = token(ES256, {"kid": "2"})
    assert parse(other, header_repeats=True).header["kid"] == "2"
    forged = text[:-8] + "AAAAAAAA"
    with pytest.raises(Malformed, match="verify"):
        verify(parse(forged, header_repeats=True), KEYS["ES256"], algorithms=["ES256"])


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"b64": False}])
def test_a_header_that_repeats_is_refused_each_time(header: dict[str, Any]) -> None:
    for _ in range(2):
        with pytest.raises(Malformed):
            parse(token(ES256, header), header_repeats=True)


def test_long_headers_are_read_too() -> None:
    assert parse(token(ES256, {"kid": "1" * 20_000}), header_repeats=True).header["kid"] == "1" * 20_000
