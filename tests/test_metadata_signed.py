"""Signed Credential Issuer Metadata as a Wallet verifies them: each rule, broken (OID4VCI 12.2.3, HAIP 4.1)."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.errors import Untrusted
from oid4vci.keys import ALGORITHMS, LocalSigner, public_key
from oid4vci.metadata import MetadataSigner, SignedMetadata
from oid4vci.revocation import CertificateReference, Statuses
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors, Leaf, encode_x5c
from tests.scripted_server import metadata
from tests.signed_metadata import (
    CHAIN,
    CLAIMS,
    HEADER,
    ISSUER,
    KEY,
    NOW,
    OTHER,
    OTHER_KEY,
    SIGNER,
    SIGNING,
    jwt,
    pinning,
    trusting,
)
from tests.signers import signer_for
from tests.status_lists import leaf_of
from tests.test_x509 import ROOT, SUB, SUB_KEY, authority, signer

MORE = (x509.ExtendedKeyUsage([ObjectIdentifier("1.2.3.4.5")]), False)


def verified(token: str, trust: Trust | None = None, *, now: int = NOW, issuer: str = ISSUER, **more: Any) -> SignedMetadata:
    return SignedMetadata.verify(token, credential_issuer=issuer, trust=trust or trusting(), now=now, **more)


def refused(token: str, because: str, trust: Trust | None = None, **more: Any) -> None:
    with pytest.raises(Malformed, match=because):
        verified(token, trust, **more)


def changed(**claims: Any) -> str:
    return jwt({**CLAIMS, **claims})


def headed(**header: Any) -> str:
    return jwt(header={**HEADER, **header})


@pytest.mark.spec("VCI-12.2.3-10", "HAIP-4.1-05", "HAIP-7-04")
def test_metadata_of_somebody_trusted() -> None:
    token = changed(iss="https://attester.example", jti="x", aud="y")
    found = verified(token)
    assert found.parameters == metadata()
    assert (found.issuer, found.certificate, found.key) == ("https://attester.example", CHAIN[0], public_key(SIGNER.public_jwk))
    assert (found.issued_at, found.expires_at, found.verified_at, found.jwt) == (NOW, NOW + 3600, NOW, token)


@pytest.mark.spec("VCI-12.2.3-05", "VCI-12.2.3-08")
def test_what_may_be_missing() -> None:
    found = verified(changed(exp=None))
    assert (found.issuer, found.expires_at) == (None, None)


@pytest.mark.parametrize(
    "signing", [SIGNING, evolve(SIGNING, kid="k", lifetime=None), evolve(SIGNING, iss="https://a.example")]
)
def test_what_an_issuer_signs_is_verified(signing: MetadataSigner) -> None:
    found = verified(signing.draft(metadata(), now=NOW).finish())
    assert (found.parameters, found.issuer) == (metadata(), signing.iss)
    assert found.expires_at == (None if signing.lifetime is None else NOW + signing.lifetime)


# --- header -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.3-04")
@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "openid4vci-proof+jwt", "openidvci-issuer-metadata", "", 1, ["x"]])
def test_the_type_is_that_of_metadata(typ: Any) -> None:
    refused(headed(typ=typ), "typ must be")


@pytest.mark.spec("VCI-12.2.3-02", "VCI-12.2.3-03")
@pytest.mark.parametrize("alg", [None, "none", "NONE", "HS256", "HS512", "RS256", "", 1, "ES512"])
def test_the_algorithm_is_a_digital_signature_that_fits_the_key(alg: Any) -> None:
    for trust in (trusting(), pinning(SIGNER)):
        with pytest.raises(Malformed):
            verified(headed(alg=alg), trust)


@pytest.mark.spec("VCI-12.2.3-03")
def test_no_public_key_is_a_secret() -> None:
    """HMAC with what everybody knows."""
    data = _jose.signing_input({**HEADER, "alg": "HS256"}, b"{}")
    refused(_jose.compact(data, hmac.digest(str(SIGNER.public_jwk).encode(), data, hashlib.sha256)), "alg")


@pytest.mark.spec("VCI-12.2.3-01")
@pytest.mark.parametrize(
    "token", ["", ".", "..", "e30.e30.", "{}", "a.b.c.d", jwt() + "\n", jwt() + ".", jwt().rpartition(".")[0]]
)
def test_what_is_no_jws(token: str) -> None:
    with pytest.raises(Malformed):
        verified(token)


def test_bounds() -> None:
    with pytest.raises(Malformed, match="too large"):
        verified("e" * ((1 << 20) + 1))
    with pytest.raises(Malformed, match="header"):
        verified(headed(crit=["x"], x=1))


# --- the signature comes first --------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.3-01", "VCI-12.2.3-12")
@pytest.mark.parametrize("claims", [CLAIMS, {}, {"sub": 1}, {**CLAIMS, "exp": 0}])
def test_nothing_is_read_before_the_signature_has_verified(claims: Any) -> None:
    refused(jwt(claims, by=OTHER), "the signature does not verify")
    head, payload, signature = jwt(claims).split(".")
    refused(f"{head}.{payload[:-4]}AAAA.{signature}", "the signature does not verify")


@pytest.mark.parametrize("payload", [b"", b"[]", b"x", b'{"sub":1,"sub":2}', b"\xff", b"{" * 100])
def test_a_payload_that_is_none(payload: bytes) -> None:
    data = _jose.signing_input(dict(HEADER), payload)
    with pytest.raises(Malformed):
        verified(_jose.compact(data, SIGNER.sign(data)))


# --- claims -------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.3-06")
@pytest.mark.parametrize(
    "sub", [None, "", 1, ["x"], f"{ISSUER}/", ISSUER.upper(), "https://issuer.example:443/tenant", "https://other.example"]
)
def test_metadata_are_those_of_the_issuer_they_were_fetched_for(sub: Any) -> None:
    refused(changed(sub=sub), "^sub:")


@pytest.mark.spec("VCI-12.2.3-09", "VCI-12.2.4-03")
@pytest.mark.parametrize("identifier", [None, f"{ISSUER}/", "https://other.example"])
def test_the_signer_of_one_issuer_says_nothing_about_another(identifier: Any) -> None:
    refused(changed(credential_issuer=identifier), "^credential_issuer:")


@pytest.mark.spec("VCI-12.2.3-07")
@pytest.mark.parametrize("iat", [None, str(NOW), True, float(NOW), [NOW], {}])
def test_the_time_of_issuance_is_an_integer(iat: Any) -> None:
    refused(changed(iat=iat), "^iat: must be an integer")


@pytest.mark.spec("VCI-12.2.3-08")
@pytest.mark.parametrize("exp", [str(NOW), True, NOW + 0.5, [], {}])
def test_the_end_is_an_integer(exp: Any) -> None:
    refused(changed(exp=exp), "^exp: must be an integer")


@pytest.mark.spec("VCI-12.2.3-08")
def test_times_with_clocks_that_differ() -> None:
    token = jwt()
    for now in (NOW - 60, NOW, NOW + 3600, NOW + 3659):
        assert verified(token, now=now).verified_at == now
    refused(token, "^exp: is over", now=NOW + 3660)
    refused(token, "^iat: is in the future", now=NOW - 61)
    refused(token, "^exp: is over", now=NOW + 3600, leeway=0)
    refused(changed(nbf=NOW + 61), "^nbf: is in the future")
    assert verified(changed(exp=None), now=NOW, leeway=0).expires_at is None


@pytest.mark.parametrize("iss", ["", 1, ["x"], {}, "x" * 2049])
def test_who_attests_is_a_string(iss: Any) -> None:
    refused(changed(iss=iss), "^iss:")


# --- certificates ---------------------------------------------------------------------------------------------------------------


def certified(*chain: bytes, by: LocalSigner = SIGNER) -> str:
    return jwt(header={**HEADER, "x5c": encode_x5c(chain)}, by=by)


@pytest.mark.spec("HAIP-4.1-06")
def test_the_anchor_is_not_sent_along() -> None:
    for chain in ((*CHAIN, ROOT), (CHAIN[0], ROOT, SUB)):
        refused(certified(*chain), "trust anchor")
    # Nor is another that is self-signed, or an anchor that has one above it.
    stray = authority("stray", OTHER_KEY, "stray", OTHER_KEY)
    refused(certified(*CHAIN, stray), "self-signed")
    refused(certified(*CHAIN), "trust anchor", trusting(metadata_anchors=Anchors.from_der(SUB)))


@pytest.mark.spec("HAIP-4.1-07", "VCI-12.2.3-11")
def test_nobody_vouches_for_themselves() -> None:
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISSUER)])
    own = signer("signer", KEY, (names, False), key=KEY)
    refused(certified(own), "self-signed")
    refused(certified(own), "self-signed", trusting(metadata_anchors=Anchors.from_der(own)))


@pytest.mark.spec("VCI-12.2.3-11")
def test_a_chain_leads_to_an_anchor_for_metadata() -> None:
    refused(certified(CHAIN[0]), "does not lead to a trust anchor")
    other = authority("other", OTHER_KEY, "other", OTHER_KEY)
    refused(jwt(), "does not lead to a trust anchor", trusting(metadata_anchors=Anchors.from_der(other)))
    # Anchors for credentials, or for status lists, are for nothing else.
    for trust in (
        trusting(metadata_anchors=None, anchors=Anchors.from_der(ROOT)),
        trusting(metadata_anchors=None, status_anchors=Anchors.from_der(ROOT)),
        trusting(metadata_anchors=Anchors()),
        trusting(metadata_anchors=None, metadata_keys={"https://other.example": (public_key(SIGNER.public_jwk),)}),
    ):
        with pytest.raises(Untrusted, match="nobody is trusted"):
            verified(jwt(), trust)


@pytest.mark.spec("HAIP-4.1-05", "VCI-12.2.3-11")
@pytest.mark.parametrize("x5c", [None, [], "x", ["x"], [1], {}, encode_x5c([CHAIN[0]]) * 20])
def test_keys_come_by_certificates_only(x5c: Any) -> None:
    for more in ({}, {"kid": "metadata-1"}, {"jwk": dict(SIGNER.public_jwk)}, {"trust_chain": ["x"]}, {"jku": "https://x.y"}):
        with pytest.raises(Malformed):
            verified(headed(x5c=x5c, **more))


def test_a_certificate_of_somebody_else() -> None:
    other = leaf_of("https://other.example", KEY)
    with pytest.raises(Untrusted, match="not that of somebody"):
        verified(certified(other, SUB))
    unnamed = signer("sub", SUB_KEY, key=KEY)
    with pytest.raises(Untrusted, match="not that of somebody"):
        verified(certified(unnamed, SUB))
    asked: list[tuple[str, str]] = []

    def believe(issuer: str, leaf: Leaf) -> bool:
        asked.append((issuer, leaf.subject))
        return leaf.identifies("https://other.example")

    assert verified(certified(other, SUB), trusting(signs_metadata=believe)).certificate == other
    with pytest.raises(Untrusted):
        verified(jwt(), trusting(signs_metadata=believe))
    assert asked == [(ISSUER, "CN=signer,C=UT")] * 2


def test_a_certificate_is_for_metadata_where_that_is_demanded() -> None:
    trust = trusting(metadata_anchors=Anchors.from_der(ROOT, purposes=["1.2.3.4.5"]))
    refused(jwt(), "purpose", trust)
    leaf = leaf_of(ISSUER, KEY, MORE)
    assert verified(certified(leaf, SUB), trust).certificate == leaf


def test_a_certificate_holds_now() -> None:
    later = NOW + 400 * 86_400
    refused(changed(iat=later, exp=None), "not valid now", now=later)


def test_a_certificate_that_was_revoked() -> None:
    seen: list[int] = []

    def statuses(bad: int) -> Any:
        def check(references: Sequence[CertificateReference], now: int) -> Statuses:
            seen.append(len(references))
            return {each: int(i == bad) for i, each in enumerate(references)}

        return check

    assert verified(jwt(), trusting(check_statuses=statuses(9))).certificate == CHAIN[0]
    for bad in (0, 1):
        refused(jwt(), "revoked", trusting(check_statuses=statuses(bad)))
    refused(jwt(), "revoked", trusting(check_statuses=lambda references, now: {}))
    assert seen == [2, 2, 2]


def test_a_certificate_of_a_key_that_signs_otherwise() -> None:
    refused(certified(leaf_of(ISSUER, ec.generate_private_key(ec.SECP384R1())), SUB), "alg does not fit")


# --- keys that are named ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-12.2.3-10")
def test_a_key_that_the_trust_names() -> None:
    for header in ({}, {"x5c": None}, {"x5c": None, "kid": "metadata-1"}, {"x5c": "odd"}):
        found = verified(headed(**header), pinning(OTHER, SIGNER))
        assert (found.certificate, found.key.jwk) == (None, public_key(SIGNER.public_jwk).jwk)


@pytest.mark.spec("VCI-12.2.3-11")
def test_named_keys_are_the_only_ones_for_their_issuer() -> None:
    both = trusting(metadata_keys={ISSUER: (public_key(OTHER.public_jwk),)})
    refused(jwt(), "the signature does not verify", both)
    assert verified(jwt(by=OTHER), both).certificate is None
    refused(jwt(), "not known", trusting(metadata_keys={ISSUER: ()}))
    refused(headed(kid="another"), "not known", pinning(SIGNER))
    refused(headed(kid=1), "kid must be a string", pinning(SIGNER))
    elsewhere = trusting(metadata_keys={"https://other.example": (public_key(OTHER.public_jwk),)})
    assert verified(jwt(), elsewhere).certificate == CHAIN[0]


@pytest.mark.parametrize("algorithm", [name for name, each in ALGORITHMS.items() if each.by_default])
def test_every_algorithm_that_is_taken_by_default(algorithm: str) -> None:
    made = signer_for(algorithm)
    token = MetadataSigner(signer=made).draft(metadata(), now=NOW).finish()
    assert verified(token, pinning(made)).key.fits(algorithm)


def test_what_is_verified_can_be_compared_and_does_not_show_itself() -> None:
    one, other = verified(token := jwt()), verified(token)
    assert one == other
    assert hash(one) == hash(other)
    assert token not in repr(one)
    assert hash(pinning(SIGNER, allow=str.isupper)) == hash(pinning(OTHER, allow=str.isupper))


# --- anything -------------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["alg", "typ", "x5c", "kid", "crit", "b64"]), JSON, max_size=3))
def test_any_header(header: dict[str, Any]) -> None:
    for trust in (trusting(), pinning(SIGNER)):
        try:
            assert verified(headed(**header), trust).parameters == metadata()
        except (Malformed, Untrusted):
            continue


@given(st.dictionaries(st.sampled_from(["sub", "iss", "iat", "exp", "nbf", "credential_issuer", "display"]), JSON, max_size=3))
def test_any_claims(claims: dict[str, Any]) -> None:
    try:
        found = verified(changed(**claims))
    except Malformed:
        return
    assert isinstance(found.issued_at, int)
    assert not found.parameters.keys() & {"sub", "iss", "iat", "exp", "nbf"}


@given(st.text(max_size=100) | st.text("e.yJ-_0", max_size=100))
def test_any_text(token: str) -> None:
    with pytest.raises(Malformed):
        verified(token)
