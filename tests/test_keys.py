"""Keys as values: thumbprints, JWK Sets, signers."""

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]

from oid4vci._jose import CryptoPrivateKey, Jws, verify
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.keys import (
    KeyReference,
    LocalSigner,
    RemoteSigner,
    SigningInput,
    ecdsa_signature,
    public_key,
    public_keys,
    sign,
    thumbprint,
)
from tests.private_keys import in_pem
from tests.signers import ON_CURVES as ALGORITHMS

SIGNERS = {name: LocalSigner.generate(name, name) for name in ALGORITHMS}
ES256 = SIGNERS["ES256"]
# RFC 8037 A.1: the key pair of the RFC, so that the result is known.
RFC8037 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}


def verifies(signer: LocalSigner | RemoteSigner, data: bytes, signature: bytes) -> bool:
    try:
        verify(
            Jws({"alg": signer.algorithm}, b"", data, signature), public_key(signer.public_jwk), algorithms=[signer.algorithm]
        )
    except Malformed:
        return False
    return True


def private_jwk(key: ec.EllipticCurvePrivateKey, signer: LocalSigner) -> dict[str, str]:
    size = (key.key_size + 7) // 8
    return {**signer.public_jwk, "d": b64url_encode(key.private_numbers().private_value.to_bytes(size, "big"))}


# --- thumbprints and sets ---------------------------------------------------------------------------------------------------


def test_the_thumbprints_of_the_rfcs(vectors: Path) -> None:
    found = json.loads((vectors / "jwk-thumbprint/vectors.json").read_text())["vectors"]
    assert len(found) == 4
    for vector in found:
        assert thumbprint(vector["jwk"]) == vector["thumbprint"], vector["id"]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_thumbprints_as_jwcrypto_makes_them(name: str) -> None:
    jwk = SIGNERS[name].public_jwk
    assert thumbprint(jwk) == jwcrypto_jwk.JWK(**jwk).thumbprint()


def test_a_thumbprint_is_of_the_required_members() -> None:
    jwk = ES256.public_jwk
    assert thumbprint({**dict(reversed(list(jwk.items()))), "kid": "1", "alg": "ES256", "use": "sig", "d": "x"}) == thumbprint(
        jwk
    )
    assert thumbprint({"kty": "oct", "k": "a"}) != thumbprint({"kty": "oct", "k": "b"})


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "AKP", "pub": "a"},
        {"kty": "AKP", "alg": "ML-DSA-44"},
        {"kty": "RSA", "n": "a"},
        {"kty": "unknown", "pub": "a"},
        {"kty": ["EC"]},
        {"kty": "EC", "crv": "P-256", "x": "a"},
        {"kty": "OKP", "crv": "Ed25519", "x": 1},
    ],
)
def test_what_has_no_thumbprint(jwk: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        thumbprint(jwk)


def test_the_usable_keys_of_a_set() -> None:
    good, other = ES256.public_jwk, SIGNERS["EdDSA"].public_jwk
    decoys: list[Any] = [
        *({"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "unknown"}, {**good, "use": "enc"}),
        *({**good, "d": "AAAA"}, {**good, "x": "AAAA"}, {**good, "key_ops": ["sign"]}, None, "key", [], {}),
    ]
    keys = public_keys({"keys": [*decoys, {**good, "kid": "1"}, *decoys, {**other, "kid": "2"}], "x": 1})
    assert [(key.kid, key.jwk) for key in keys] == [("1", good), ("2", other)]
    assert public_keys({"keys": []}) == public_keys({"keys": decoys}) == ()


@pytest.mark.parametrize(
    "jwks", [None, [], {}, "keys", {"keys": None}, {"keys": {}}, {"keys": "a"}, {"keys": [{}] * 101}, [{"kty": "EC"}]]
)
def test_what_is_no_jwk_set(jwks: Any) -> None:
    with pytest.raises(Malformed):
        public_keys(jwks)


# --- a key in this process --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_generated_key_signs(name: str) -> None:
    signer = LocalSigner.generate("1", name)
    assert (signer.key_id, signer.algorithm, signer.public_jwk["crv"]) == ("1", name, ALGORITHMS[name].crv)
    signature = signer.sign(b"data")
    assert len(signature) == ALGORITHMS[name].signature_size
    assert verifies(signer, b"data", signature)
    assert not verifies(signer, b"Data", signature)
    assert "d" not in signer.public_jwk


@pytest.mark.parametrize("algorithm", ["", "none", "HS256", "es256", "RS1"])
def test_an_unknown_algorithm_is_the_application_s_mistake(algorithm: str) -> None:
    with pytest.raises(ValueError, match="not a supported algorithm"):
        LocalSigner.generate("1", algorithm)
    with pytest.raises(ValueError, match="not a supported algorithm"):
        RemoteSigner("1", algorithm, ES256.public_jwk)
    with pytest.raises(ValueError, match="not a supported algorithm"):
        LocalSigner("1", algorithm, ed25519.Ed25519PrivateKey.generate())


def test_an_algorithm_needs_its_curve() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="needs a key on P-256"):
        LocalSigner("1", "ES256", key)
    with pytest.raises(ValueError, match="needs a key on P-256"):
        LocalSigner.from_pem("1", in_pem(key), algorithm="ES256")
    with pytest.raises(ValueError, match="needs a key on Ed25519"):
        RemoteSigner("1", "EdDSA", ES256.public_jwk)
    with pytest.raises(ValueError, match="needs a key on P-384"):
        LocalSigner.from_jwk(RFC8037, algorithm="ES384")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
        (ec.generate_private_key(ec.SECP256K1()), "ES256K"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
)
def test_a_key_from_pem(key: CryptoPrivateKey, algorithm: str) -> None:
    signer = LocalSigner.from_pem("1", in_pem(key))
    assert (signer.key_id, signer.algorithm) == ("1", algorithm)
    assert verifies(LocalSigner("2", algorithm, key), b"data", signer.sign(b"data"))
    locked = LocalSigner.from_pem("1", in_pem(key, b"pw"), password=b"pw")
    assert locked.public_jwk == signer.public_jwk


def test_what_is_no_usable_pem() -> None:
    for text in (
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        in_pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # the words are cryptography's
            LocalSigner.from_pem("1", text)
    with pytest.raises(ValueError):  # noqa: PT011  # the words are cryptography's
        LocalSigner.from_pem("1", in_pem(ed25519.Ed25519PrivateKey.generate(), b"pw"), password=b"other")
    # An object identifier that nobody knows, in the place of Ed25519's.
    unknown = b64decode(b"".join(in_pem(ed25519.Ed25519PrivateKey.generate()).splitlines()[1:-1])).replace(b"+ep", b"+e\x7f")
    with pytest.raises(ValueError, match="not supported"):
        LocalSigner.from_pem("1", b"-----BEGIN PRIVATE KEY-----\n" + b64encode(unknown) + b"\n-----END PRIVATE KEY-----\n")


def test_a_password_is_given_where_one_is_needed() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    for text, password in ((in_pem(key, b"pw"), None), (in_pem(key), b"pw")):
        with pytest.raises(TypeError, match=r"[Pp]assword"):
            LocalSigner.from_pem("1", text, password=password)


def test_a_key_from_a_jwk() -> None:
    signer = LocalSigner.from_jwk(RFC8037)
    assert (signer.key_id, signer.algorithm) == ("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "EdDSA")
    assert signer.public_jwk == {name: value for name, value in RFC8037.items() if name != "d"}
    named = LocalSigner.from_jwk({**RFC8037, "kid": "1", "alg": "Ed25519", "use": "sig", "key_ops": ["sign"]})
    assert (named.key_id, named.algorithm) == ("1", "Ed25519")
    chosen = LocalSigner.from_jwk({**RFC8037, "kid": "1", "alg": "Ed25519"}, key_id="2", algorithm="EdDSA")
    assert (chosen.key_id, chosen.algorithm) == ("2", "EdDSA")
    assert signer.sign(b"data") == named.sign(b"data") == chosen.sign(b"data")


@pytest.mark.parametrize(
    ("curve", "algorithm"), [(ec.SECP256R1(), "ES256"), (ec.SECP521R1(), "ES512"), (ec.SECP256K1(), "ES256K")]
)
def test_an_ec_key_from_a_jwk(curve: ec.EllipticCurve, algorithm: str) -> None:
    key = ec.generate_private_key(curve)
    expected = LocalSigner("1", algorithm, key)
    signer = LocalSigner.from_jwk(private_jwk(key, expected))
    assert (signer.algorithm, signer.public_jwk) == (algorithm, expected.public_jwk)
    assert verifies(expected, b"data", signer.sign(b"data"))


@pytest.mark.parametrize(
    "changes",
    [
        *({"d": None}, {"d": 1}, {"d": ""}, {"d": "AAAA"}, {"d": b64url_encode(b"a" * 32)}, {"d": RFC8037["d"] + "="}),
        *(
            {"x": RFC8037["d"]},
            {"x": None},
            {"kty": "EC"},
            {"crv": "Ed448"},
            {"k": "AAAA"},
            {"alg": "ES256"},
            {"alg": "ECDH-ES"},
        ),
    ],
)
def test_what_is_no_private_jwk(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the words are cryptography's
        LocalSigner.from_jwk({**RFC8037, **changes})


@pytest.mark.parametrize("secret", ["", "AA", b64url_encode(bytes(32)), b64url_encode(b"\xff" * 32), b64url_encode(b"a" * 40)])
def test_what_is_no_private_ec_jwk(secret: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the words are cryptography's
        LocalSigner.from_jwk({**ES256.public_jwk, "d": secret})


def test_private_keys_and_data_do_not_show() -> None:
    signer = LocalSigner.from_jwk(RFC8037)
    secret = b64url_decode(RFC8037["d"])
    for text in (repr(signer), str(signer), repr([signer])):
        assert RFC8037["d"] not in text
        assert secret.hex() not in text
        assert "PrivateKey" not in text
    assert "hidden" not in repr(SigningInput("1", "ES256", b"hidden"))


# --- a key elsewhere --------------------------------------------------------------------------------------------------------


def test_a_remote_key_is_known_by_its_public_half() -> None:
    signer = RemoteSigner("arn:1", "ES256", {**ES256.public_jwk, "kid": "1", "use": "sig"})
    assert signer.public_jwk == ES256.public_jwk
    for jwk in ({**ES256.public_jwk, "d": "AAAA"}, {"kty": "oct", "k": "AAAA"}, {}):
        with pytest.raises(Malformed):
            RemoteSigner("1", "ES256", jwk)


def test_sign_with_a_key_in_this_process() -> None:
    made = sign(ES256, [b"a", b"b"], ())
    assert len(made) == 2
    assert verifies(ES256, b"a", made[0])
    assert verifies(ES256, b"b", made[1])
    with pytest.raises(ValueError, match="no signatures are expected"):
        sign(ES256, [b"a"], made[:1])


def test_sign_with_a_key_elsewhere() -> None:
    remote = RemoteSigner("1", "ES256", ES256.public_jwk)
    signatures = [ES256.sign(b"a"), ES256.sign(b"b")]
    assert sign(remote, [b"a", b"b"], signatures) == signatures
    for wrong in ((), signatures[:1], [*signatures, signatures[0]]):
        with pytest.raises(ValueError, match="2 signatures are needed"):
            sign(remote, [b"a", b"b"], wrong)
    r, s = (int.from_bytes(signatures[0][at : at + 32], "big") for at in (0, 32))
    for signature in (b"", signatures[0][:-1], signatures[0] + b"\0", encode_dss_signature(r, s)):
        with pytest.raises(ValueError, match="64 bytes; for DER, see ecdsa_signature"):
            sign(remote, [b"a"], [signature])


@pytest.mark.parametrize(
    ("curve", "digest", "algorithm"),
    [
        (ec.SECP256R1(), hashes.SHA256(), "ES256"),
        (ec.SECP384R1(), hashes.SHA384(), "ES384"),
        (ec.SECP521R1(), hashes.SHA512(), "ES512"),
        (ec.SECP256K1(), hashes.SHA256(), "ES256K"),
    ],
)
def test_a_der_signature_becomes_a_raw_one(curve: ec.EllipticCurve, digest: hashes.HashAlgorithm, algorithm: str) -> None:
    key = ec.generate_private_key(curve)
    raw = ecdsa_signature(key.sign(b"data", ec.ECDSA(digest)), algorithm)
    assert verifies(LocalSigner("1", algorithm, key), b"data", raw)


def test_short_numbers_are_padded() -> None:
    assert ecdsa_signature(encode_dss_signature(1, 2), "ES256") == bytes(31) + b"\1" + bytes(31) + b"\2"


def test_what_is_no_der_signature() -> None:
    negative = b"\x30\x06\x02\x01\xff\x02\x01\x01"
    for der in (b"", b"0", bytes(64), negative, encode_dss_signature(1, 2)[:-1], encode_dss_signature(1, 2) + b"\0"):
        with pytest.raises(ValueError):  # noqa: PT011  # the words are cryptography's
            ecdsa_signature(der, "ES256")
    with pytest.raises(ValueError, match="not a signature by a key for ES256"):
        ecdsa_signature(encode_dss_signature(1 << 256, 1), "ES256")
    for algorithm in ("EdDSA", "none", "RS256"):
        with pytest.raises(ValueError, match="not an ECDSA algorithm"):
            ecdsa_signature(encode_dss_signature(1, 2), algorithm)


def test_references_are_values() -> None:
    assert KeyReference("did:example:1#0") == KeyReference("did:example:1#0")
    assert len({KeyReference("did:example:1#0"), KeyReference("https://a.example/jwks"), KeyReference("did:example:1#0")}) == 2
