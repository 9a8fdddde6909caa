"""One table of algorithms: which are accepted, the kind of key each goes with, and that nothing but its signature verifies."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._jose import (
    ALGORITHMS,
    DEFAULT_ALGORITHMS,
    Jws,
    PublicKey,
    check_algorithms,
    compact,
    parse,
    public_key,
    signing_input,
    verify,
)
from oid4vci._json import Malformed, b64url_decode, b64url_encode, dump_bytes
from oid4vci.formats.issuer_keys import accepted_algorithm
from oid4vci.keys import LocalSigner, published_jwks, signature_size
from oid4vci.metadata import CredentialConfiguration
from oid4vci.oauth.client_assertion import PrivateKeyJwt
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.dpop import Dpop
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.status_list import StatusChecker
from tests.signers import ML_DSA_NAMES, RSA, RSA_NAMES, signer_for

SIGNERS = {name: signer_for(name, name) for name in ALGORITHMS}
KEYS = {name: public_key(signer.public_jwk) for name, signer in SIGNERS.items()}
# One for each kind of key: several algorithms share some.
KINDS = {"EC": ("ES256", "ES384", "ES512", "ES256K"), "OKP": ("EdDSA",), "RSA": ("PS256",), "AKP": ML_DSA_NAMES}
OF_EACH_KIND = [name for names in KINDS.values() for name in names]
UNKNOWN = (
    "none",
    "None",
    "",
    "HS256",
    "HS384",
    "HS512",
    "RS1",
    "RS128",
    "es256",
    "ps256",
    "ES521",
    "Ed448",
    "ML-DSA",
    "RSASSA-PSS",
)


def jws(name: str, payload: bytes = b'{"a":1}', *, alg: str | None = None) -> Jws:
    data = signing_input({"alg": alg or name}, payload)
    return parse(compact(data, SIGNERS[name].sign(data)))


def refused(token: Jws, key: PublicKey, *algorithms: str) -> str:
    with pytest.raises(Malformed) as error:
        verify(token, key, algorithms=algorithms)
    return str(error.value)


# --- the table --------------------------------------------------------------------------------------------------------------


def test_what_is_accepted_by_default() -> None:
    curves = ("ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519")
    assert (*curves, "PS256", "PS384", "PS512") == DEFAULT_ALGORITHMS
    assert RSA_NAMES == ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512")
    assert ML_DSA_NAMES in ((), ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87"))
    assert tuple(ALGORITHMS) == (*curves, *RSA_NAMES, *ML_DSA_NAMES)


def test_settings_accept_the_default_ones_unless_told_otherwise() -> None:
    keys = {"attester": (KEYS["ES256"],)}
    assert Dpop().algorithms == DEFAULT_ALGORITHMS
    assert PrivateKeyJwt().algorithms == DEFAULT_ALGORITHMS
    assert StatusChecker().algorithms == DEFAULT_ALGORITHMS
    attestation = ClientAttestation(attesters=keys)
    assert attestation.algorithms == attestation.pop_algorithms == DEFAULT_ALGORITHMS
    # RFC 9068 2.1 has every other server support RS256.
    server = TrustedAuthorizationServer(issuer="https://as.example", keys=(KEYS["ES256"],))
    assert set(server.algorithms) == {*DEFAULT_ALGORITHMS, "RS256", "RS384", "RS512"}
    # What can be verified is more; what a configuration lists is accepted.
    assert JwtProofType().algorithms == set(ALGORITHMS)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_setting_can_name_every_known_one(name: str) -> None:
    keys = {"attester": (KEYS["ES256"],)}
    check_algorithms([name])
    assert Dpop([name]).algorithms == PrivateKeyJwt(algorithms=[name]).algorithms == StatusChecker(algorithms=[name]).algorithms
    assert ClientAttestation(attesters=keys, algorithms=[name], pop_algorithms=[name]).algorithms == (name,)
    assert TrustedAuthorizationServer(issuer="https://as.example", keys=(KEYS[name],), algorithms=[name]).algorithms == (name,)


@pytest.mark.parametrize("algorithms", [(), *((name,) for name in UNKNOWN), ("ES256", "HS256")])
def test_a_setting_names_no_others(algorithms: tuple[str, ...]) -> None:
    for make in (
        lambda: check_algorithms(algorithms),
        lambda: Dpop(algorithms),
        lambda: PrivateKeyJwt(algorithms=algorithms),
        lambda: StatusChecker(algorithms=algorithms),
        lambda: TrustedAuthorizationServer(issuer="https://as.example", keys=(KEYS["ES256"],), algorithms=algorithms),
    ):
        with pytest.raises(ValueError, match="algorithms must be some of ES256"):
            make()


# --- confusion --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_of", OF_EACH_KIND)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_each_algorithm_with_each_kind_of_key(name: str, key_of: str) -> None:
    """A signature verifies by the kind of key that its algorithm goes with, and only if that algorithm is allowed."""
    token, key = jws(name), KEYS[key_of]
    own_kind = ALGORITHMS[name].goes_with(key.jwk)
    assert own_kind is ((ALGORITHMS[name].kty, ALGORITHMS[name].crv) == (ALGORITHMS[key_of].kty, ALGORITHMS[key_of].crv) and (
        name == key_of or ALGORITHMS[name].kty != "AKP"
    ))  # fmt: skip
    assert key.fits(name) is own_kind
    if own_kind:
        key = KEYS[name]
        verify(token, key, algorithms=[name])
        verify(token, key, algorithms=tuple(ALGORITHMS))
    else:
        assert refused(token, key, *ALGORITHMS) == "header: alg does not fit the key"
    others = [other for other in ALGORITHMS if other != name]
    assert refused(token, key, *others) == "header: alg is not an accepted algorithm"
    assert refused(token, key) == "header: alg is not an accepted algorithm"


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_signature_is_one_by_one_algorithm(name: str, alg: str) -> None:
    """The header says another algorithm than the one that was used: PS256 for RS256, for instance."""
    token = jws(name, alg=alg)
    if alg == name or {alg, name} == {"EdDSA", "Ed25519"}:
        verify(token, KEYS[name], algorithms=[alg])
    elif KEYS[name].fits(alg):
        assert refused(token, KEYS[name], alg) == "the signature does not verify"
    else:
        assert refused(token, KEYS[name], alg) == "header: alg does not fit the key"


@pytest.mark.parametrize("key_of", OF_EACH_KIND)
@pytest.mark.parametrize("alg", UNKNOWN)
def test_unknown_algorithms_are_refused_even_if_allowed(alg: str, key_of: str) -> None:
    token = jws(key_of, alg=alg) if alg else parse(f"{b64url_encode(dump_bytes({'alg': ''}))}.e30.AA")
    assert refused(token, KEYS[key_of], alg, *ALGORITHMS) == "header: alg is not an accepted algorithm"
    assert not KEYS[key_of].fits(alg)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_key_s_own_alg_is_respected(name: str) -> None:
    jwk, token = SIGNERS[name].public_jwk, jws(name)
    verify(token, public_key({**jwk, "alg": name}), algorithms=[name])
    (published,) = published_jwks([SIGNERS[name]])["keys"]
    assert published == {**jwk, "kid": name, "alg": name, "use": "sig"}
    verify(token, public_key(published), algorithms=[name])
    for alg in (*ALGORITHMS, "RSA-OAEP", "ECDH-ES", "none", ""):
        if alg != name:
            try:
                key = public_key({**jwk, "alg": alg})
            except Malformed:
                assert jwk["kty"] == "AKP"  # there the alg is a part of the key
            else:
                assert refused(token, key, *ALGORITHMS) in ("header: alg does not fit the key", "the signature does not verify")


# --- bytes ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALGORITHMS)
def test_signatures_of_another_size_are_refused(name: str) -> None:
    token = jws(name)
    assert len(token.signature) == signature_size(SIGNERS[name])
    for signature in (
        b"",
        token.signature[:-1],
        token.signature[1:],
        token.signature + b"\0",
        b"\0" + token.signature,
        token.signature * 2,
    ):
        changed = Jws(token.header, token.payload, token.signing_input, signature)
        assert refused(changed, KEYS[name], name) == "the signature does not verify"


@pytest.mark.parametrize("name", RSA_NAMES)
def test_an_rsa_signature_is_smaller_than_the_modulus(name: str) -> None:
    """RFC 8017 8.1.2, 8.2.2: the same number, written in another way, is no signature."""
    token = jws(name)
    modulus = int.from_bytes(b64url_decode(RSA.public_jwk["n"]), "big")
    larger = int.from_bytes(token.signature, "big") + modulus
    for number in (larger, modulus, 0, 1, modulus - 1):
        signature = number.to_bytes(385 if number >> 3072 else 384, "big")
        changed = Jws(token.header, token.payload, token.signing_input, signature)
        assert refused(changed, KEYS[name], name) == "the signature does not verify"


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64, padding.PSS.MAX_LENGTH])
def test_the_salt_is_as_long_as_the_hash(salt: Any) -> None:
    """RFC 7518 3.5."""
    key, data = RSA._private_key, signing_input({"alg": "PS256"}, b"{}")
    assert isinstance(key, rsa.RSAPrivateKey)
    made = key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    assert refused(parse(compact(data, made)), KEYS["PS256"], "PS256") == "the signature does not verify"


def test_the_mask_is_made_with_the_same_hash() -> None:
    """RFC 7518 3.5: MGF1 with the hash of the message."""
    key, data = RSA._private_key, signing_input({"alg": "PS256"}, b"{}")
    assert isinstance(key, rsa.RSAPrivateKey)
    for mask, expected in ((hashes.SHA1(), False), (hashes.SHA384(), False), (hashes.SHA256(), True)):  # noqa: S303
        token = parse(compact(data, key.sign(data, padding.PSS(padding.MGF1(mask), 32), hashes.SHA256())))
        if expected:
            verify(token, KEYS["PS256"], algorithms=["PS256"])
        else:
            assert refused(token, KEYS["PS256"], "PS256") == "the signature does not verify"


@pytest.mark.parametrize("name", ML_DSA_NAMES)
def test_the_context_of_ml_dsa_is_empty(name: str) -> None:
    """RFC 9964 5."""
    key: Any = SIGNERS[name]._private_key
    data = signing_input({"alg": name}, b"{}")
    verify(parse(compact(data, key.sign(data, context=b""))), KEYS[name], algorithms=[name])
    assert refused(parse(compact(data, key.sign(data, context=b"x"))), KEYS[name], name) == "the signature does not verify"


TOKENS = {name: (lambda token: compact(token.signing_input, token.signature))(jws(name)) for name in ALGORITHMS}


@given(st.sampled_from(sorted(TOKENS)), st.integers(0, 2), st.integers(0), st.integers(0, 7))
def test_no_bit_can_be_changed(name: str, part: int, at: int, bit: int) -> None:
    """Of the header, the payload or the signature."""
    parts = [bytearray(b64url_decode(each)) for each in TOKENS[name].split(".")]
    parts[part][at % len(parts[part])] ^= 1 << bit
    text = ".".join(b64url_encode(bytes(each)) for each in parts)
    with pytest.raises(Malformed):
        verify(parse(text), KEYS[name], algorithms=tuple(ALGORITHMS))


@given(st.sampled_from(sorted(TOKENS)), st.integers(0), st.integers(32, 126).map(chr))
def test_no_character_can_be_changed(name: str, at: int, character: str) -> None:
    token = TOKENS[name]
    at %= len(token)
    text = token[:at] + character + token[at + 1 :]
    if text != token:
        with pytest.raises(Malformed):
            verify(parse(text), KEYS[name], algorithms=tuple(ALGORITHMS))


@given(st.sampled_from(sorted(ALGORITHMS)), st.binary(max_size=5000), st.binary(max_size=20))
def test_no_bytes_are_a_signature(name: str, signature: bytes, data: bytes) -> None:
    with pytest.raises(Malformed):
        verify(Jws({"alg": name}, b"", data, signature), KEYS[name], algorithms=[name])


@pytest.mark.parametrize("name", ALGORITHMS)
def test_another_key_of_the_kind_has_not_signed(name: str) -> None:
    other = LocalSigner.generate("other", name)
    assert refused(jws(name), public_key(other.public_jwk), name) == "the signature does not verify"


def test_what_a_configuration_lists_decides_for_credentials() -> None:
    """By the algorithms that are there by default, unless the configuration lists some."""
    silent = CredentialConfiguration(format="x")
    listed = ("RS256", *ML_DSA_NAMES[:1], "HS256")
    listing = CredentialConfiguration(format="x", credential_signing_alg_values_supported=listed)
    for name in (*ALGORITHMS, "HS256"):
        token = Jws({"alg": name}, b"", b"", b"")
        for configuration, accepted in ((None, DEFAULT_ALGORITHMS), (silent, DEFAULT_ALGORITHMS), (listing, listed[:-1])):
            if name in accepted:
                assert accepted_algorithm(token, configuration) == name
            else:
                with pytest.raises(Malformed, match="not an accepted algorithm"):
                    accepted_algorithm(token, configuration)
