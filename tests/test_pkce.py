"""PKCE with S256 (RFC 7636)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, b64url_encode
from oid4vci.oauth.pkce import check_challenge, check_verifier, code_challenge, new_verifier

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
verifiers = st.text(UNRESERVED, min_size=43, max_size=128)


def test_the_published_vectors(vectors: Path) -> None:
    published = json.loads((vectors / "pkce" / "vectors.json").read_text())["vectors"]
    assert published
    for vector in published:
        drawn = {32: bytes(vector["random_octets"])}
        assert new_verifier(drawn.__getitem__) == vector["code_verifier"]
        assert code_challenge(vector["code_verifier"]) == vector["code_challenge"]
        check_verifier(vector["code_verifier"], vector["code_challenge"])


@given(verifiers)
def test_a_verifier_fits_its_own_challenge(verifier: str) -> None:
    check_challenge(code_challenge(verifier))
    check_verifier(verifier, code_challenge(verifier))


@given(verifiers, verifiers)
def test_and_no_other(verifier: str, other: str) -> None:
    if verifier != other:
        with pytest.raises(Malformed):
            check_verifier(verifier, code_challenge(other))


def test_the_verifier_itself_is_no_challenge() -> None:
    verifier = "v" * 43
    with pytest.raises(Malformed):
        check_verifier(verifier, verifier)


@pytest.mark.parametrize(
    "verifier", ["", "v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "+", "v" * 42 + "é", "v" * 43 + "\n", " " * 43]
)
def test_what_is_no_verifier(verifier: str) -> None:
    with pytest.raises(Malformed):
        code_challenge(verifier)
    with pytest.raises(Malformed):
        check_verifier(verifier, "c" * 43)


@pytest.mark.parametrize(
    "challenge",
    ["", b64url_encode(bytes(31)), b64url_encode(bytes(33)), b64url_encode(bytes(32)) + "=", "+" * 43, "é" * 43, "B" * 43],
)
def test_what_is_no_challenge(challenge: str) -> None:
    with pytest.raises(Malformed):
        check_challenge(challenge)


@given(st.text(), st.text())
def test_arbitrary_text_is_malformed_at_worst(verifier: str, challenge: str) -> None:
    with pytest.raises(Malformed):
        check_verifier(verifier, challenge)
    try:
        check_challenge(challenge)
    except Malformed:
        return
    assert len(challenge) == 43


def test_new_verifiers_differ() -> None:
    drawn = iter((bytes(32), bytes(31) + b"\x01"))
    assert new_verifier(lambda size: next(drawn)) != new_verifier(lambda size: next(drawn))
