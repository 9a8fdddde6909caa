"""RSA and ML-DSA keys: what is one, signers of them here and elsewhere, and what goes wrong."""

import json
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._cose import cose_key, encoded_key, has_cose_key
from oid4vci._jose import ALGORITHMS, Jws, jwk_of, public_key, verify
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.dids import DID_METHODS, multikey, resolve
from oid4vci.dids.did_url import MAX_DID_URL
from oid4vci.keys import LocalSigner, RemoteSigner, ecdsa_signature, public_keys, published_jwks, sign, thumbprint
from tests.private_keys import in_pem
from tests.signers import ML_DSA_NAMES, RSA, RSA_NAMES, signer_for
from tests.test_algorithms_published import private_jwk

PUBLIC = dict(RSA.public_jwk)
PRIVATE = private_jwk(RSA)
MODULUS = int.from_bytes(b64url_decode(PUBLIC["n"]), "big")
needs_ml_dsa = pytest.mark.skipif(not ML_DSA_NAMES, reason="the installed cryptography has no ML-DSA, or its backend none")
ML_DSA = signer_for("ML-DSA-44") if ML_DSA_NAMES else RSA
WITHOUT_CURVES = [RSA, *(signer_for(name) for name in ML_DSA_NAMES)]


def uint(value: int, size: int | None = None) -> str:
    return b64url_encode(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def modulus(bits: int) -> str:
    """An odd number of that many bits, which looks like a modulus."""
    return uint((1 << bits) - 159)


def verifies(signer: LocalSigner | RemoteSigner, data: bytes, signature: bytes) -> bool:
    token = Jws({"alg": signer.algorithm}, b"", data, signature)
    try:
        verify(token, public_key(signer.public_jwk), algorithms=[signer.algorithm])
    except Malformed:
        return False
    return True


def pem(signer: LocalSigner) -> bytes:
    return in_pem(signer._private_key)


# --- public keys ------------------------------------------------------------------------------------------------------------


def test_an_rsa_key_is_read() -> None:
    key = public_key({**PUBLIC, "kid": "1", "alg": "PS256", "use": "sig", "key_ops": ["verify"], "foo": [1]})
    assert (key.jwk, key.crv, key.kid, key.alg) == (PUBLIC, "", "1", "PS256")
    assert key == public_key(PUBLIC)
    assert hash(key) == hash(public_key(PUBLIC))
    assert jwk_of(key.key) == jwk_of(RSA._private_key) == PUBLIC
    assert [name for name in ALGORITHMS if public_key(PUBLIC).fits(name)] == list(RSA_NAMES)


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 8192])
def test_sizes_of_rsa_keys(bits: int) -> None:
    assert public_key({**PUBLIC, "n": modulus(bits)}).crv == ""


@pytest.mark.parametrize(
    "changes",
    [
        *({"n": modulus(bits)} for bits in (16, 1024, 2047, 8193, 8200, 16_384, 40_000)),
        *({"n": uint(MODULUS - 1)}, {"n": uint(MODULUS, 385)}, {"n": PUBLIC["n"] + "="}, {"n": PUBLIC["n"] + "A"}),
        *({"n": value} for value in (None, 1, "", "A", "AA", [PUBLIC["n"]], "*")),
        *({"e": uint(value)} for value in (1, 2, 65536, (1 << 32) + 1, MODULUS)),
        *({"e": value} for value in (None, 65537, "", "AA", "AAEAAQ", "AQAB=", "AQA", ["AQAB"])),
        *({"use": "enc"}, {"key_ops": ["encrypt"]}, {"kid": 1}, {"alg": ["PS256"]}, {"kty": "rsa"}, {"kty": "OKP"}),
        *({name: "AQ"} for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")),
    ],
)
def test_what_is_no_rsa_key(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        public_key({**PUBLIC, **changes})
    assert public_keys({"keys": [{**PUBLIC, **changes}, PUBLIC]}) == (public_key(PUBLIC),)


@pytest.mark.parametrize("missing", ["kty", "n", "e"])
def test_an_rsa_key_has_its_members(missing: str) -> None:
    with pytest.raises(Malformed):
        public_key({name: value for name, value in PUBLIC.items() if name != missing})


def test_a_modulus_of_a_faulty_library_is_no_key() -> None:
    """CVE-2017-15361: primes that are a power of 65537 modulo the product of many small primes."""
    product = 1
    for prime in (p for p in range(2, 702) if all(p % q for q in range(2, p))):
        product *= prime
    weak = pow(65537, 1234567, product) + product * (1 << 1080)
    while weak.bit_length() < 2048:
        weak += product << 1000
    with pytest.raises(Malformed, match="found out"):
        public_key({**PUBLIC, "n": uint(weak)})
    assert public_key({**PUBLIC, "n": uint(weak + 2)}).crv == ""


def test_nobody_signs_with_a_key_that_nobody_would_believe() -> None:
    product = 1
    for prime in (p for p in range(2, 702) if all(p % q for q in range(2, p))):
        product *= prime
    primes: list[int] = []
    step = (1 << 1024) // product - 1
    while len(primes) < 2:
        step -= 1
        tried = pow(65537, 1234567 + len(primes), product) + product * step
        if pow(2, tried - 1, tried) == 1:
            primes.append(tried)
    p, q = primes
    d = pow(65537, -1, (p - 1) * (q - 1))
    factors = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    key = rsa.RSAPrivateNumbers(p, q, d, *factors, rsa.RSAPublicNumbers(65537, p * q)).private_key()
    with pytest.raises(ValueError, match="found out"):
        LocalSigner("1", "PS256", key)


@needs_ml_dsa
@pytest.mark.parametrize("name", ML_DSA_NAMES)
def test_an_ml_dsa_key_is_read(name: str) -> None:
    jwk = dict(signer_for(name).public_jwk)
    assert sorted(jwk) == ["alg", "kty", "pub"]
    assert (jwk["kty"], jwk["alg"]) == ("AKP", name)
    key = public_key({**jwk, "kid": "1", "use": "sig", "foo": 1})
    assert (key.jwk, key.crv, key.kid, key.alg) == (jwk, "", "1", name)
    assert key == public_key(jwk)
    assert jwk_of(key.key) == jwk
    assert [each for each in ALGORITHMS if key.fits(each)] == [name]


@needs_ml_dsa
@pytest.mark.parametrize("name", ML_DSA_NAMES)
@pytest.mark.parametrize(
    "changes",
    [
        *({"alg": alg} for alg in (None, "", "ML-DSA", "ML-DSA-45", "ES256", "PS256", 1, ["ML-DSA-44"], "ml-dsa-44")),
        *({"pub": pub} for pub in (None, "", 1, "AA", b64url_encode(bytes(32)), b64url_encode(bytes(1313)))),
        *({"use": "enc"}, {"key_ops": ["sign"]}, {"kid": 1}, {"kty": "akp"}, {"kty": "OKP"}, {"kty": "RSA"}),
        *({"priv": value} for value in (None, "", b64url_encode(bytes(32)))),
    ],
)
def test_what_is_no_ml_dsa_key(name: str, changes: dict[str, Any]) -> None:
    jwk = signer_for(name).public_jwk
    with pytest.raises(Malformed):
        public_key({**jwk, **changes})


@needs_ml_dsa
def test_the_alg_of_an_ml_dsa_key_is_a_part_of_it() -> None:
    """RFC 9964 3, 6: it is REQUIRED, and in the thumbprint."""
    jwk = dict(ML_DSA.public_jwk)
    assert thumbprint(jwk) != thumbprint({**jwk, "alg": "ML-DSA-65"})
    for wrong in ({**jwk, "alg": "ML-DSA-65"}, {**jwk, "alg": "ML-DSA-87"}, {"kty": "AKP", "pub": jwk["pub"]}):
        with pytest.raises(Malformed):
            public_key(wrong)


def test_where_cryptography_has_no_ml_dsa() -> None:
    """Then its algorithms are not known, and its keys are of no supported kind."""
    code = (
        "from cryptography.hazmat.backends.openssl.backend import backend\n"
        "type(backend).mldsa_supported = lambda self: False\n"
        "from oid4vci._jose import ALGORITHMS\n"
        "from oid4vci.keys import public_keys, LocalSigner\n"
        "import json\n"
        f"keys = public_keys({{'keys': [{dict(ML_DSA.public_jwk)}, {PUBLIC}]}})\n"
        "print(json.dumps([[each for each in ALGORITHMS if each.startswith('ML')], [key.jwk['kty'] for key in keys]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, kinds = json.loads(done.stdout)
    assert names == []
    assert set(kinds) == {"RSA"}


values = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=2)


@given(
    st.fixed_dictionaries(
        {"kty": st.sampled_from(["RSA", "AKP"])},
        optional={
            "n": st.binary(max_size=1100).map(b64url_encode) | st.just(PUBLIC["n"]) | values,
            "e": st.binary(max_size=5).map(b64url_encode) | st.just("AQAB") | values,
            "alg": st.sampled_from(["ML-DSA-44", "ML-DSA-65", "PS256"]) | values,
            "pub": st.binary(min_size=1312, max_size=1312).map(b64url_encode) | values,
            "use": st.just("sig") | values,
        },
    )
)
def test_any_value_is_a_key_or_malformed(jwk: Any) -> None:
    try:
        key = public_key(jwk)
    except Malformed:
        return
    assert key.jwk == {name: jwk[name] for name in key.jwk}
    assert jwk_of(key.key) == key.jwk


# --- other ways to write a key ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signer", WITHOUT_CURVES, ids=lambda signer: signer.algorithm)
def test_forms_that_only_keys_on_curves_have(signer: LocalSigner) -> None:
    key = public_key(signer.public_jwk)
    assert not has_cose_key(key)
    for write in (cose_key, encoded_key, multikey, DID_METHODS["key"].did):
        with pytest.raises(ValueError, match=r"no (COSE_Key|Multikey) here"):
            write(key)


@pytest.mark.parametrize("signer", WITHOUT_CURVES, ids=lambda signer: signer.algorithm)
def test_a_key_that_is_not_too_large_has_a_did_jwk(signer: LocalSigner) -> None:
    key, method = public_key(signer.public_jwk), DID_METHODS["jwk"]
    if signer.algorithm == "ML-DSA-87":
        with pytest.raises(ValueError, match="too large"):
            method.did(key)
        return
    did = method.did(key)
    assert len(did) < MAX_DID_URL
    assert resolve(did) == resolve(method.verification_method(did)) == key


# --- keys in this process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RSA_NAMES, *ML_DSA_NAMES])
def test_a_signer_signs(name: str) -> None:
    signer = signer_for(name)
    assert (signer.key_id, signer.algorithm) == ("key", name)
    assert verifies(signer, b"data", signer.sign(b"data"))
    assert not verifies(signer, b"Data", signer.sign(b"data"))
    assert public_keys(published_jwks([signer]))[0].fits(name)


def test_a_generated_rsa_key_has_3072_bits() -> None:
    signer = LocalSigner.generate("1", "RS384")
    assert (signer.algorithm, len(b64url_decode(signer.public_jwk["n"])), signer.public_jwk["e"]) == ("RS384", 384, "AQAB")


@pytest.mark.parametrize("signer", WITHOUT_CURVES, ids=lambda signer: signer.algorithm)
def test_a_key_from_pem(signer: LocalSigner) -> None:
    """An RSA key signs by PS256 unless told otherwise."""
    again = LocalSigner.from_pem("1", pem(signer))
    assert (again.key_id, again.algorithm, again.public_jwk) == ("1", signer.algorithm, signer.public_jwk)
    assert verifies(signer, b"data", again.sign(b"data"))
    assert LocalSigner.from_pem("1", pem(RSA), algorithm="RS256").algorithm == "RS256"


def test_an_algorithm_needs_its_kind_of_key() -> None:
    with pytest.raises(ValueError, match="ES256 needs a key on P-256, this is an RSA key"):
        LocalSigner.from_pem("1", pem(RSA), algorithm="ES256")
    with pytest.raises(ValueError, match="PS256 needs an RSA key, this is a key on P-256"):
        RemoteSigner("1", "PS256", LocalSigner.generate("1").public_jwk)
    with pytest.raises(ValueError, match="EdDSA needs a key on Ed25519, this is an RSA key"):
        RemoteSigner("1", "EdDSA", PUBLIC)
    for small in (1024, 1536):
        with pytest.raises(ValueError, match="not supported"):
            LocalSigner("1", "PS256", rsa.generate_private_key(65537, small))


@needs_ml_dsa
def test_an_ml_dsa_key_has_one_algorithm() -> None:
    with pytest.raises(ValueError, match="ML-DSA-65 needs an ML-DSA-65 key, this is an ML-DSA-44 key"):
        LocalSigner("1", "ML-DSA-65", ML_DSA._private_key)
    with pytest.raises(ValueError, match="PS256 needs an RSA key, this is an ML-DSA-44 key"):
        RemoteSigner("1", "PS256", ML_DSA.public_jwk)


def test_an_rsa_key_from_a_jwk() -> None:
    signer = LocalSigner.from_jwk(PRIVATE)
    assert (signer.key_id, signer.algorithm, signer.public_jwk) == (thumbprint(PUBLIC), "PS256", PUBLIC)
    named = LocalSigner.from_jwk({**PRIVATE, "kid": "1", "alg": "RS256", "use": "sig", "key_ops": ["sign"]})
    assert (named.key_id, named.algorithm) == ("1", "RS256")
    # "The parameter "d" is REQUIRED", the others are not -- RFC 7518 6.3.2
    short = LocalSigner.from_jwk({**PUBLIC, "d": PRIVATE["d"]}, algorithm="RS256")
    assert short.public_jwk == PUBLIC
    assert short.sign(b"data") == named.sign(b"data")


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi"])
def test_the_numbers_of_a_private_rsa_jwk_belong_together(name: str) -> None:
    number = int.from_bytes(b64url_decode(PRIVATE[name]), "big")
    for changed in (uint(number + 2), uint(number - 2), uint(3), "AQ", "", "AA", None, 1, uint(number, 400), modulus(8192)):
        with pytest.raises(ValueError):  # noqa: PT011  # some of the words are cryptography's
            LocalSigner.from_jwk({**PRIVATE, name: changed})
    with pytest.raises(Malformed, match=f"{name}: must be a string"):
        LocalSigner.from_jwk({member: value for member, value in PRIVATE.items() if member != name})


def test_what_else_is_no_private_rsa_jwk() -> None:
    other = private_jwk(LocalSigner("2", "PS256", rsa.generate_private_key(65537, 2048)))
    for jwk in (
        {**PRIVATE, "n": other["n"]},
        {**other, "n": PUBLIC["n"]},
        {**PRIVATE, "p": PRIVATE["q"]},
        {**PRIVATE, "oth": []},
        {**PRIVATE, "e": "Aw"},
        {**PUBLIC, "d": other["d"]},
        {**PRIVATE, "alg": "ES256"},
        PUBLIC,
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # some of the words are cryptography's
            LocalSigner.from_jwk(jwk)


@needs_ml_dsa
@pytest.mark.parametrize("name", ML_DSA_NAMES)
def test_an_ml_dsa_key_from_a_jwk(name: str) -> None:
    """RFC 9964 4: `priv` is the seed."""
    jwk = private_jwk(signer_for(name))
    signer = LocalSigner.from_jwk({**jwk, "kid": "1", "use": "sig"})
    assert (signer.key_id, signer.algorithm) == ("1", name)
    assert verifies(signer, b"data", signer.sign(b"data"))
    wrong: list[dict[str, Any]] = [
        *(
            {"priv": each}
            for each in (None, 1, "", "AA", b64url_encode(bytes(31)), b64url_encode(bytes(33)), jwk["priv"] + "=")
        ),
        *({"priv": b64url_encode(bytes(32))}, {"d": jwk["priv"], "priv": None}, {"alg": None}, {"k": "AA"}),
    ]
    for changes in wrong:
        with pytest.raises(ValueError):  # noqa: PT011  # some of the words are cryptography's
            LocalSigner.from_jwk({**jwk, **changes})


@pytest.mark.parametrize("signer", WITHOUT_CURVES, ids=lambda signer: signer.algorithm)
def test_private_keys_do_not_show(signer: LocalSigner) -> None:
    jwk = private_jwk(signer)
    secrets = [jwk[name] for name in jwk if name not in signer.public_jwk]
    for text in (repr(signer), str(signer), repr([signer]), repr(public_key(signer.public_jwk))):
        for secret in secrets:
            assert secret not in text
            assert b64url_decode(secret).hex() not in text
        assert "PrivateKey" not in text


# --- keys elsewhere ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*RSA_NAMES, *ML_DSA_NAMES])
def test_signatures_that_come_back_have_the_size_of_the_key(name: str) -> None:
    signer = signer_for(name)
    remote = RemoteSigner("arn:1", name, {**signer.public_jwk, "kid": "1", "use": "sig"})
    assert remote.public_jwk == signer.public_jwk
    made = signer.sign(b"a")
    assert sign(remote, [b"a"], [made]) == [made]
    for wrong in (b"", made[:-1], made + b"\0", made[:256] if len(made) != 256 else made[:255], made * 2):
        with pytest.raises(ValueError, match=rf"a raw {name} signature by this key has {len(made)} bytes$"):
            sign(remote, [b"a"], [wrong])
    with pytest.raises(ValueError, match="not an ECDSA algorithm"):
        ecdsa_signature(made, name)


def test_another_size_of_rsa_key() -> None:
    key = rsa.generate_private_key(65537, 2048)
    remote = RemoteSigner("1", "PS256", jwk_of(key))
    with pytest.raises(ValueError, match="has 256 bytes"):
        sign(remote, [b"a"], [RSA.sign(b"a")])
