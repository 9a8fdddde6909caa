"""COSE: the working group's examples, keys, and messages in which one thing is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _cbor, _cose, _jose
from oid4vci._cose import ALGORITHMS, NUMBERS, assemble, cose_key, parse, public_key, sig_structure, verify, x5chain
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.keys import LocalSigner

SIGNERS = {name: LocalSigner.generate(name, name) for name in NUMBERS}
KEYS = {name: _jose.public_key(signer.public_jwk) for name, signer in SIGNERS.items()}
ES256 = SIGNERS["ES256"]
PAYLOAD = b"This is the content."


def message(
    signer: LocalSigner = ES256,
    *,
    header: Any = None,
    unprotected: Any = None,
    payload: bytes = PAYLOAD,
    signature: Callable[[bytes], bytes] | None = None,
    tagged: bool = True,
) -> bytes:
    protected = (
        header if isinstance(header, bytes) else cbor2.dumps({1: NUMBERS[signer.algorithm]} if header is None else header)
    )
    signed = (signature or signer.sign)(sig_structure(protected, payload))
    return assemble(protected, cbor2.dumps(unprotected or {}), payload, signed, tagged=tagged)


def refused(data: bytes, key: _jose.PublicKey = KEYS["ES256"], algorithms: Any = ALGORITHMS) -> str:
    with pytest.raises(Malformed) as error:
        verify(parse(data), key, algorithms=algorithms)
    return str(error.value)


# --- published examples -----------------------------------------------------------------------------------------------------


def example_key(jwk: dict[str, Any]) -> _jose.PublicKey:
    members = {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y")}
    for name in ("x", "y"):
        if f"{name}_hex" in jwk:
            members[name] = b64url_encode(bytes.fromhex(jwk[f"{name}_hex"]))
    return _jose.public_key({**members, "kty": {"EC2": "EC"}.get(jwk["kty"], jwk["kty"])})


@pytest.mark.parametrize(
    "name",
    [
        "sign1-tests__sign-pass-02",
        "RFC8152__Appendix_C_2_1",
        "ecdsa-examples__ecdsa-sig-01",
        "ecdsa-examples__ecdsa-sig-02",
        "eddsa-examples__eddsa-sig-01",
    ],
)
def test_published_messages_verify(vectors: Path, name: str) -> None:
    example = json.loads((vectors / "cose" / f"{name}.json").read_text())
    given = example["input"]["sign0"]
    external = bytes.fromhex(given.get("external", ""))
    read = parse(bytes.fromhex(example["output"]["cbor"]))
    verify(read, example_key(given["key"]), algorithms=ALGORITHMS, external_aad=external)
    covered = sig_structure(read.protected, read.payload, external_aad=external)
    assert covered.hex().upper() == example["intermediates"]["ToBeSign_hex"]


def test_published_message_with_an_unprotected_algorithm_is_refused(vectors: Path) -> None:
    """It is well-formed and would verify; but whoever changes the message could choose."""
    example = json.loads((vectors / "cose" / "sign1-tests__sign-pass-01.json").read_text())
    assert "alg" in refused(bytes.fromhex(example["output"]["cbor"]), example_key(example["input"]["sign0"]["key"]))


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "06"])
def test_published_messages_that_must_fail(vectors: Path, number: str) -> None:
    example = json.loads((vectors / "cose" / f"sign1-tests__sign-fail-{number}.json").read_text())
    assert example["fail"]
    refused(bytes.fromhex(example["output"]["cbor"]), example_key(example["input"]["sign0"]["key"]))


@pytest.mark.parametrize("name", ["CWT__A_3", "CWT__A_4"])
def test_published_cwt(vectors: Path, name: str) -> None:
    """RFC 8392: a signed CWT; one with a MAC is no COSE_Sign1."""
    example = json.loads((vectors / "cose" / f"{name}.json").read_text())
    data = bytes.fromhex(example["output"]["cbor"])
    if "sign0" not in example["input"]:
        with pytest.raises(Malformed):
            parse(data)
        return
    read = parse(data)
    verify(read, example_key(example["input"]["sign0"]["key"]), algorithms=ALGORITHMS)
    claims = _cbor.loads(read.payload)
    assert claims[1] == "coap://as.example.com"
    assert parse(b"\xd8\x3d" + data) == read


# --- messages ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("tagged", [True, False])
def test_every_algorithm(name: str, tagged: bool) -> None:
    read = parse(message(SIGNERS[name], unprotected={4: b"kid"}, tagged=tagged))
    verify(read, KEYS[name], algorithms=(NUMBERS[name],))
    assert (read.algorithm, read.payload, read.unprotected) == (NUMBERS[name], PAYLOAD, {4: b"kid"})


@pytest.mark.spec("HAIP-7-05")
@pytest.mark.parametrize(("number", "name"), ALGORITHMS.items())
def test_fully_specified_algorithms_are_the_same_ones(number: int, name: str) -> None:
    data = message(SIGNERS[name], header={1: number})
    verify(parse(data), KEYS[name], algorithms=ALGORITHMS)
    assert "accepted" in refused(data, KEYS[name], set(ALGORITHMS) - {number})


@given(st.sampled_from(sorted(NUMBERS)), st.sampled_from(sorted(NUMBERS)))
def test_an_algorithm_needs_its_own_curve(name: str, other: str) -> None:
    data = message(SIGNERS[name], header={1: NUMBERS[other]})
    if _jose.ALGORITHMS[name].crv != _jose.ALGORITHMS[other].crv:
        assert "fit" in refused(data, KEYS[name])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"header": {}}, "alg"),
        ({"header": b""}, "alg"),
        ({"header": {}, "unprotected": {1: -7}}, "alg"),
        ({"header": {1: "ES256"}}, "alg"),
        ({"header": {1: True}}, "alg"),
        ({"header": {1: -257}}, "alg"),
        ({"header": {1: -7, 2: [4]}}, "crit"),
        ({"unprotected": {2: [4]}}, "crit"),
        ({"header": {1: -7, 4: b"a"}, "unprotected": {4: b"b"}}, "both"),
        ({"unprotected": {1: -7}}, "both"),
        ({"unprotected": [1]}, "maps"),
        ({"header": [1]}, "maps"),
        ({"header": b"\xa2\x01\x26\x01\x26"}, "repeated"),
        ({"header": b"\xa1\x01\x26\x00"}, "follows"),
        ({"signature": lambda data: ES256.sign(data)[:-1]}, "verify"),
        ({"signature": lambda data: b""}, "verify"),
        ({"signature": lambda data: LocalSigner.generate("other").sign(data)}, "verify"),
        ({"signature": lambda data: ES256.sign(data + b"\0")}, "verify"),
        ({"signature": lambda data: ES256.sign(PAYLOAD)}, "verify"),
    ],
)
def test_what_is_wrong_is_noticed(changes: dict[str, Any], reason: str) -> None:
    assert reason in refused(message(**changes))


@pytest.mark.parametrize(
    "value",
    [
        [],
        [b"", {}, b""],
        [b"", {}, b"", b"", b""],
        [b"", {}, None, b""],
        ["", {}, b"", b""],
        {},
        cbor2.CBORTag(17, [b"", {}, b"", b""]),
        cbor2.CBORTag(98, [b"", {}, b"", []]),
        cbor2.CBORTag(61, [b"", {}, b"", b""]),
        cbor2.CBORTag(18, cbor2.CBORTag(18, [])),
    ],
)
def test_other_structures_are_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        parse(cbor2.dumps(value))


def test_another_context_does_not_verify() -> None:
    """External data, and the structure of a signature in a COSE_Sign."""
    read = parse(message())
    with pytest.raises(Malformed):
        verify(read, KEYS["ES256"], algorithms=ALGORITHMS, external_aad=b"x")
    other = message(signature=lambda data: ES256.sign(data.replace(b"\x6aSignature1", b"\x69Signature")))
    assert "verify" in refused(other)


def test_every_bit_of_a_message_counts() -> None:
    data = message()
    for i in range(len(data) * 8):
        changed = bytearray(data)
        changed[i // 8] ^= 1 << i % 8
        refused(bytes(changed))


@given(st.binary(max_size=100))
def test_arbitrary_bytes(data: bytes) -> None:
    try:
        verify(parse(data), KEYS["ES256"], algorithms=ALGORITHMS)
    except Malformed:
        return
    raise AssertionError("nothing was signed")


@pytest.mark.parametrize(("value", "count"), [(b"a", 1), ([b"a", b"b"], 2), ([b"a"] * 8, 8)])
def test_certificates(value: Any, count: int) -> None:
    assert len(x5chain(value)) == count


@pytest.mark.parametrize("value", [None, [], [b"a"], [b"a"] * 9, ["a", "b"], [b"a", [b"b"]], "a", {}, 1])
def test_certificates_that_are_none(value: Any) -> None:
    with pytest.raises(Malformed):
        x5chain(value)


# --- keys -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NUMBERS)
def test_keys_there_and_back(name: str) -> None:
    key = KEYS[name]
    value = cose_key(key)
    assert public_key(_cbor.loads(_cbor.dumps(value))) == key
    assert public_key({**value, 2: b"kid", 3: NUMBERS[name], 4: [2], "other": 1}).fits(name)


@given(st.sampled_from(["ES256", "ES384", "ES512", "ES256K"]))
def test_compressed_points(algorithm: str) -> None:
    key = _jose.public_key(LocalSigner.generate("any", algorithm).public_jwk)
    odd = bool(b64url_decode(key.jwk["y"])[-1] & 1)
    assert public_key({**cose_key(key), -3: odd}) == key
    assert public_key({**cose_key(key), -3: not odd}) != key


@pytest.mark.parametrize(
    "changes",
    [
        {1: None},
        {1: 1},
        {1: 4},
        {1: "EC2"},
        {1: True},
        {-1: None},
        {-1: 2},
        {-1: 6},
        {-1: 7},
        {-1: [1]},
        {-2: None},
        {-2: "x"},
        {-2: b""},
        {-2: bytes(31)},
        {-2: bytes(33)},
        {-2: bytes(32)},
        {-3: None},
        {-3: 1},
        {-3: bytes(31)},
        {-3: b"\1" * 32},
        {-2: b"\xff" * 32, -3: True},
        {-2: b"\1" * 31, -3: True},
        {-4: b"\1" * 32},
        {-4: None},
        {3: -35},
        {3: -8},
        {3: "ES256"},
        {3: True},
        {4: []},
        {4: [1]},
        {4: "verify"},
    ],
)
def test_keys_that_are_refused(changes: dict[int, Any]) -> None:
    with pytest.raises(Malformed):
        public_key({**cose_key(KEYS["ES256"]), **changes})


@pytest.mark.parametrize(
    "value", [None, [], b"", 1, {}, {1: 1, -1: 6, -2: bytes(32)}, {1: 1, -1: 6, -2: b"\1" * 31}, {1: 1, -1: 6}]
)
def test_values_that_are_no_keys(value: Any) -> None:
    with pytest.raises(Malformed):
        public_key(value)


def test_a_key_for_one_algorithm_is_not_for_another() -> None:
    key = public_key({**cose_key(KEYS["EdDSA"]), 3: -19})
    assert "fit" in refused(message(SIGNERS["EdDSA"]), key)
    assert _cose.ALGORITHMS[-19] == "Ed25519"
