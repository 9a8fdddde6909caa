"""`jwt_vc_json`: whatever is sent or changed, a Wallet refuses it, and raises nothing but its own errors."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from tests.test_jwt_vc_refused import PAYLOAD
from tests.w3c_credentials import DID_KEY, HOLDERS, ISSUER, SIGNER, check, documents, issue, signed

VERIFIER = JwtVcVerifier()
GOOD = issue(JwtVcEncoder(signer=SIGNER, issuer=DID_KEY, binding="did:key"))[0]


@given(st.integers(min_value=0), st.integers(0, 7))
def test_a_changed_bit_is_noticed(index: int, bit: int) -> None:
    raw = bytearray(GOOD.encode())
    raw[index % len(raw)] ^= 1 << bit
    with pytest.raises((InvalidCredential, Untrusted)):
        check(VERIFIER, raw.decode("latin-1"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1")), JSON))
def test_arbitrary_values_raise_nothing_else(value: Any) -> None:
    with pytest.raises(InvalidCredential):
        check(VERIFIER, value)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for step, member in steps for place in places(member, (*at, step)))]


PLACES = [place for place in places(PAYLOAD) if place]


def changed(value: Any, place: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    copy = json.loads(json.dumps(value))
    holder = copy
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = change(holder[place[-1]])
    return copy


@given(st.sampled_from(PLACES), JSON)
def test_arbitrary_members_raise_nothing_else(place: tuple[Any, ...], value: Any) -> None:
    with suppress(InvalidCredential, Untrusted):
        verified = check(VERIFIER, signed(changed(PAYLOAD, place, lambda _: value)))
        assert isinstance(verified.claims, Mapping)
        assert verified.issuer == ISSUER
        assert verified.holder_key == HOLDERS[0]


@given(st.dictionaries(st.sampled_from(["alg", "typ", "kid", "x5c", "crit", "jwk", "iss"]), JSON))
def test_arbitrary_headers_raise_nothing_else(header: dict[str, Any]) -> None:
    with suppress(InvalidCredential, Untrusted):
        check(VERIFIER, signed(PAYLOAD, **header))


@given(st.binary(max_size=200))
def test_arbitrary_payloads_raise_nothing_else(raw: bytes) -> None:
    with pytest.raises(InvalidCredential):
        check(VERIFIER, signed(raw), documents=documents())
