"""Published vectors, and what other libraries sign and verify: RSA and ML-DSA. Those of the curves are in `test_jose`."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws as joserfc_jws
from joserfc.jwk import RSAKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jws as jwcrypto_jws

from oid4vci._jose import ALGORITHMS, compact, jwk_of, parse, public_key, signing_input, verify
from oid4vci._jose.ml_dsa import PARAMETER_SETS
from oid4vci._json import Malformed, b64url_encode
from oid4vci.keys import LocalSigner, thumbprint
from tests.signers import ML_DSA_NAMES, RSA, RSA_NAMES, signer_for

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "priv"}
needs_ml_dsa = pytest.mark.skipif(not ML_DSA_NAMES, reason="the installed cryptography has no ML-DSA, or its backend none")


def accepts(text: str, jwk: Any) -> bool:
    """Whether we take a token for one signed with the key of that JWK, by whatever algorithm is known."""
    try:
        verify(
            parse(text), public_key({name: value for name, value in jwk.items() if name not in PRIVATE}), algorithms=ALGORITHMS
        )
    except Malformed:
        return False
    return True


# --- RFCs -------------------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_rfcs(vectors: Path) -> None:
    accepted = set()
    for vector in json.loads((vectors / "jose/vectors.json").read_text())["vectors"]:
        if vector["type"] == "jws" and accepts(vector["compact"], vector.get("jwk", RSA.public_jwk)):
            assert vector["expect"] == "valid"
            accepted.add(vector["id"])
    assert accepted == {"rfc7515-A.2", "rfc7515-A.3", "rfc7515-A.4", "rfc8037-A.4"}


def test_rs256_makes_the_signature_of_rfc_7515(vectors: Path) -> None:
    """Appendix A.2: the padding of PKCS #1 v1.5 has no salt, so there is one signature."""
    every = json.loads((vectors / "jose/vectors.json").read_text())["vectors"]
    vector = next(each for each in every if each["id"] == "rfc7515-A.2")
    signer = LocalSigner.from_jwk(vector["jwk"], algorithm="RS256")
    data = parse(vector["compact"]).signing_input
    assert compact(data, signer.sign(data)) == vector["compact"]


def test_the_jose_cookbook_s_rsa_pss_signature(vectors: Path) -> None:
    """RFC 7520 4.2."""
    example = json.loads((vectors / "jose/rfc7520/4_2.rsa-pss_signature.json").read_text())
    jwk, text = example["input"]["key"], example["output"]["compact"]
    assert example["input"]["alg"] == "PS384"
    assert accepts(text, jwk)
    assert parse(text).payload.decode() == example["input"]["payload"]
    data = signing_input(example["signing"]["protected"], example["input"]["payload"].encode())
    assert data == parse(text).signing_input
    signer = LocalSigner.from_jwk(jwk, algorithm="PS384")
    assert accepts(compact(data, signer.sign(data)), jwk)


# RFC 9964 A: the thumbprints of the keys whose seeds are zeros.
OF_ZEROS = {
    "ML-DSA-44": "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o",
    "ML-DSA-65": "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM",
    "ML-DSA-87": "tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU",
}


@needs_ml_dsa
@pytest.mark.parametrize("name", ML_DSA_NAMES)
def test_the_keys_of_rfc_9964(name: str) -> None:
    public = jwk_of(PARAMETER_SETS[name].private_class.from_seed_bytes(bytes(32)))
    jwk = {**public, "priv": b64url_encode(bytes(32))}
    signer = LocalSigner.from_jwk(jwk)
    assert (signer.key_id, signer.algorithm) == (OF_ZEROS[name], name)
    assert thumbprint(signer.public_jwk) == thumbprint({**jwk, "kid": "1"}) == OF_ZEROS[name]


# --- Wycheproof -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "valid"), [("json_web_signature_test", 24), ("json_web_key_test", 1)])
def test_wycheproof_tokens(vectors: Path, file: str, valid: int) -> None:
    accepted = 0
    for group in json.loads((vectors / f"wycheproof/{file}.json").read_text())["testGroups"]:
        jwk = group.get("public") or group["private"]
        jwks = jwk.get("keys", [jwk])
        for test in group["tests"]:
            text = test["jws"] if isinstance(test["jws"], str) else json.dumps(test["jws"])
            taken = any(accepts(text, candidate) for candidate in jwks)
            # Of those that are valid, MACs are not for us, nor what a key is for that names an algorithm which does not exist.
            ours = test["result"] == "valid" and not any(each["kty"] == "oct" or each.get("alg") == "ES521" for each in jwks)
            assert taken is ours, (test["tcId"], test["comment"])
            accepted += taken
    assert accepted == valid


# --- other implementations --------------------------------------------------------------------------------------------------

HEADER = {"typ": "JWT", "kid": "1"}


def private_jwk(signer: LocalSigner) -> dict[str, str]:
    key: Any = signer._private_key
    if signer.public_jwk["kty"] == "AKP":
        return {**signer.public_jwk, "priv": b64url_encode(key.private_bytes_raw())}
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    named = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
    written = {name: b64url_encode(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in named.items()}
    return {**signer.public_jwk, **written}


def token(signer: LocalSigner) -> str:
    data = signing_input({"alg": signer.algorithm, **HEADER}, b"hello")
    return compact(data, signer.sign(data))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("name", RSA_NAMES)
def test_joserfc_and_we_understand_each_other(name: str) -> None:
    signer = signer_for(name)
    theirs = joserfc_jws.deserialize_compact(token(signer), RSAKey.import_key(dict(signer.public_jwk)), [name])
    assert theirs.payload == b"hello"
    key = RSAKey.import_key({**private_jwk(signer)})
    text = joserfc_jws.serialize_compact({"alg": name, **HEADER}, b"hello", key, [name])
    verify(parse(text), public_key(signer.public_jwk), algorithms=[name])
    generated = RSAKey.generate_key(2048)
    ours = LocalSigner.from_jwk(generated.as_dict(private=True), algorithm=name)
    assert joserfc_jws.deserialize_compact(token(ours), generated, [name]).payload == b"hello"
    assert thumbprint(ours.public_jwk) == generated.thumbprint()


@pytest.mark.parametrize("name", [*RSA_NAMES, *ML_DSA_NAMES])
def test_jwcrypto_and_we_understand_each_other(name: str) -> None:
    signer = signer_for(name)
    theirs = jwcrypto_jws.JWS()
    theirs.allowed_algs = [name]
    theirs.deserialize(token(signer), jwcrypto_jwk.JWK(**signer.public_jwk))
    assert theirs.payload == b"hello"
    made = jwcrypto_jws.JWS(b"hello")
    made.allowed_algs = [name]
    made.add_signature(jwcrypto_jwk.JWK(**private_jwk(signer)), None, json.dumps({"alg": name, **HEADER}))
    text = made.serialize(compact=True)
    verify(parse(text), public_key(signer.public_jwk), algorithms=[name])
    assert parse(text).payload == b"hello"
    assert thumbprint(signer.public_jwk) == jwcrypto_jwk.JWK(**signer.public_jwk).thumbprint()


@pytest.mark.parametrize("name", ["PS256", *ML_DSA_NAMES])
def test_keys_that_jwcrypto_makes(name: str) -> None:
    options = {"kty": "RSA", "size": 2048} if name == "PS256" else {"kty": "AKP", "alg": name}
    key = jwcrypto_jwk.JWK.generate(**options)
    signer = LocalSigner.from_jwk(json.loads(key.export()))
    assert signer.algorithm == name
    assert dict(signer.public_jwk) == {
        member: value for member, value in json.loads(key.export_public()).items() if member != "kid"
    }
    theirs = jwcrypto_jws.JWS()
    theirs.allowed_algs = [name]
    theirs.deserialize(token(signer), key)
    assert theirs.payload == b"hello"
