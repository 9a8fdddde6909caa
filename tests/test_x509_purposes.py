"""What certificates are for: anchors of one purpose vouch for nothing else; what is sent along in x5c proves nothing."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.x509 import Anchors, Leaf, encode_x5c, leaf_public_key, load, verify_chain, verify_x5c
from tests.test_x509 import (
    ANCHORS,
    LEAF,
    LEAF_KEY,
    NOW,
    OTHER_KEY,
    ROOT,
    ROOT_KEY,
    SIGNING_ONLY,
    START,
    SUB,
    SUB_KEY,
    authority,
    certificate,
    signer,
)

ATTESTER, ISSUER, STATUS = "1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
SERVER = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
ISSUER_URI = "https://issuer.example"
OTHER_ROOT = authority("other root", OTHER_KEY, "other root", OTHER_KEY)


def usages(*purposes: str, critical: bool = False) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage([ObjectIdentifier(each) for each in purposes]), critical


def leaf_for(*purposes: str, critical: bool = False) -> bytes:
    return signer("sub", SUB_KEY, usages(*purposes, critical=critical))


def refused(chain: tuple[bytes, ...], anchors: Anchors, because: str, **settings: Any) -> None:
    with pytest.raises(Malformed, match=because):
        verify_x5c(encode_x5c(chain), anchors, now=NOW, **settings)


# --- one door ---------------------------------------------------------------------------------------------------------------


def test_what_comes_out() -> None:
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISSUER_URI)])
    named = signer("sub", SUB_KEY, (names, False))
    leaf = verify_x5c(encode_x5c((named, SUB)), ANCHORS, now=NOW)
    assert leaf == Leaf(load(named), named, leaf_public_key(load(named)))
    assert leaf.subject == "CN=signer,C=UT"
    assert leaf.identifies(ISSUER_URI)
    assert not leaf.identifies("https://other.example")


def test_kinds_of_keys_that_no_algorithm_has() -> None:
    odd = signer("root", ROOT_KEY, key=ec.generate_private_key(ec.SECP224R1()))
    assert verify_chain([odd], ANCHORS, now=NOW) == load(odd)
    refused((odd,), ANCHORS, "kind of key")


@pytest.mark.parametrize("value", [None, [], "", {}, [1], ["AA=="], ["***"], ["AAAA" * 9000], [""] * 9])
def test_what_is_no_x5c(value: Any) -> None:
    with pytest.raises(Malformed):
        verify_x5c(value, ANCHORS, now=NOW)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(encode_x5c((LEAF, SUB, ROOT))), st.lists
    )
)
def test_anything_else_is_malformed(value: Any) -> None:
    try:
        assert verify_x5c(value, ANCHORS, now=NOW).der == LEAF
    except Malformed:
        pass
    else:
        assert encode_x5c((LEAF, SUB)) == sorted(set(value), key=value.index)


# --- anchors and self-signed certificates in x5c (HAIP 4.1, 4.4.1, 4.5.1, 6.1, 6.1.1) ----------------------------------------


def test_an_anchor_is_not_sent_along() -> None:
    # An anchor placed in x5c: its signature on itself is no more proof than the rest of the message.
    refused((LEAF, SUB, ROOT), ANCHORS, "trust anchor")
    refused((LEAF, ROOT, SUB), ANCHORS, "trust anchor")
    refused((LEAF, SUB), Anchors.from_der(SUB), "trust anchor")
    refused((LEAF, SUB), Anchors.from_der(SUB, ROOT), "trust anchor")
    assert verify_x5c(encode_x5c((LEAF, SUB, ROOT)), ANCHORS, now=NOW, anchor_allowed=True).der == LEAF
    assert verify_x5c(encode_x5c((LEAF,)), Anchors.from_der(SUB), now=NOW).der == LEAF


def test_an_anchor_that_is_not_configured_makes_nothing_trusted() -> None:
    for allowed, because in ((True, "does not lead"), (False, "self-signed")):
        refused((LEAF, SUB, ROOT), Anchors.from_der(OTHER_ROOT), because, anchor_allowed=allowed)
        refused((LEAF, SUB, ROOT), Anchors(), because, anchor_allowed=allowed)


def test_self_signed_certificates() -> None:
    alone = certificate("signer", LEAF_KEY, "signer", LEAF_KEY, (SIGNING_ONLY, True), usages(ATTESTER))
    pinned = Anchors.from_der(alone, purposes={ATTESTER})
    for chain in ((alone,), (alone, SUB), (alone, ROOT), (alone, alone)):
        for anchors in (ANCHORS, pinned, Anchors()):
            for allowed in (True, False):
                refused(chain, anchors, "self-signed", anchor_allowed=allowed)
    # As an authority it is none either.
    itself = authority("signer", LEAF_KEY, "signer", LEAF_KEY)
    refused((itself,), Anchors.from_der(itself), "self-signed")
    refused((signer("signer", LEAF_KEY, key=OTHER_KEY), itself), ANCHORS, "self-signed")


def test_an_authority_by_its_name_only() -> None:
    # All names are as they should be, and all of it is the attacker's.
    fake_root, fake_sub, mine = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    sub = authority("sub", fake_sub, "root", fake_root)
    chain = (signer("sub", fake_sub, key=mine), sub)
    refused(chain, ANCHORS, "does not lead")
    refused((*chain, SUB), ANCHORS, "does not lead")
    refused((*chain, authority("root", fake_root, "root", fake_root)), ANCHORS, "does not lead", anchor_allowed=True)
    refused((signer("root", mine, key=OTHER_KEY),), ANCHORS, "does not lead")


# --- purposes ---------------------------------------------------------------------------------------------------------------


def test_one_authority_for_several_purposes() -> None:
    """Then only the extended key usage tells who may do what."""
    chains = {purpose: (leaf_for(purpose), SUB) for purpose in (ATTESTER, ISSUER, STATUS)}
    for purpose in chains:
        anchors = Anchors.from_der(ROOT, purposes={purpose})
        for other, chain in chains.items():
            if other == purpose:
                assert verify_x5c(encode_x5c(chain), anchors, now=NOW).der == chain[0]
                assert verify_x5c(encode_x5c(chain), ANCHORS, now=NOW, purpose=purpose).der == chain[0]
            else:
                refused(chain, anchors, "not for this purpose")
                refused(chain, ANCHORS, "not for this purpose", purpose=purpose)


@pytest.mark.parametrize("has", [(), (ANY,), (SERVER,), (ISSUER, ANY), ("1.2.3.4.11",)])
def test_nothing_else_is_a_purpose(has: tuple[str, ...]) -> None:
    # "Applications that require the presence of a particular purpose MAY reject" any -- RFC 5280 4.2.1.12
    leaf = leaf_for(*has) if has else LEAF
    refused((leaf, SUB), Anchors.from_der(ROOT, purposes={ATTESTER}), "not for this purpose")
    refused((leaf, SUB), ANCHORS, "not for this purpose", purpose=ATTESTER)


def test_one_of_several_purposes_is_enough() -> None:
    anchors = Anchors.from_der(ROOT, purposes=(ATTESTER, STATUS))
    for leaf in (leaf_for(ATTESTER), leaf_for(STATUS, ISSUER)):
        assert verify_x5c(encode_x5c((leaf, SUB)), anchors, now=NOW).der == leaf
    refused((leaf_for(ISSUER), SUB), anchors, "not for this purpose")
    # And one more may be asked for.
    both = leaf_for(ATTESTER, ISSUER)
    assert verify_x5c(encode_x5c((both, SUB)), anchors, now=NOW, purpose=ISSUER).der == both
    refused((leaf_for(ATTESTER), SUB), anchors, "not for this purpose", purpose=ISSUER)


def test_a_purpose_may_have_to_be_critical() -> None:
    anchors = Anchors.from_der(ROOT, purposes={ATTESTER}, critical=True)
    refused((leaf_for(ATTESTER), SUB), anchors, "not critical")
    assert verify_x5c(encode_x5c((leaf_for(ATTESTER, critical=True), SUB)), anchors, now=NOW)
    with pytest.raises(ValueError, match="critical needs purposes"):
        Anchors.from_der(ROOT, critical=True)
    with pytest.raises(TypeError, match="collection"):
        Anchors.from_der(ROOT, purposes=ATTESTER)


def chain_under(*purposes: str) -> tuple[bytes, bytes]:
    """An attester and issuer under an authority that is for these purposes."""
    return leaf_for(ATTESTER, ISSUER), authority("sub", SUB_KEY, "root", ROOT_KEY, usages(*purposes))


def test_an_authority_that_is_for_something_else() -> None:
    """What it may certify at all is what its own extended key usage says, if it has one."""
    anchors = Anchors.from_der(ROOT, purposes=(ATTESTER, ISSUER))
    for purposes in ((ATTESTER,), (ISSUER, SERVER), (ANY,)):
        assert verify_x5c(encode_x5c(chain_under(*purposes)), anchors, now=NOW)
    for purposes in ((STATUS,), (SERVER,)):
        refused(chain_under(*purposes), anchors, "does not lead")
    # It must be the purpose that the leaf has.
    refused((leaf_for(ATTESTER), chain_under(ISSUER)[1]), anchors, "does not lead")
    refused(chain_under(ISSUER), ANCHORS, "does not lead", purpose=ATTESTER)
    # Where no purpose is demanded, one that is for web servers and the like is still refused.
    assert verify_x5c(encode_x5c(chain_under(STATUS)), ANCHORS, now=NOW)
    refused(chain_under(SERVER), ANCHORS, "does not lead")
    refused((LEAF, chain_under(SERVER)[1]), ANCHORS, "does not lead")


def test_all_authorities_allow_the_same_purpose() -> None:
    """One that may certify attesters, and one below it that may certify issuers, certify neither."""
    both = (ATTESTER, ISSUER)
    root = authority("root", ROOT_KEY, "root", ROOT_KEY, usages(ATTESTER))
    anchors = Anchors.from_der(root, purposes=both)
    assert verify_x5c(encode_x5c(chain_under(ATTESTER)), anchors, now=NOW)
    assert verify_x5c(encode_x5c(chain_under(*both)), anchors, now=NOW)
    refused(chain_under(ISSUER), anchors, "does not lead")
    for purpose in (both, list(both), frozenset(both)):
        assert verify_x5c(encode_x5c(chain_under(ATTESTER)), Anchors.from_der(root), now=NOW, purpose=purpose)
        refused(chain_under(ISSUER), Anchors.from_der(root), "does not lead", purpose=purpose)
    assert verify_x5c(encode_x5c(chain_under(ISSUER)), ANCHORS, now=NOW, purpose=())


def test_an_anchor_that_is_for_something_else() -> None:
    """Such as the authorities of web servers that a system comes with."""
    root = authority("root", ROOT_KEY, "root", ROOT_KEY, usages(SERVER))
    refused((LEAF, SUB), Anchors.from_der(root), "does not lead")
    refused((leaf_for(ATTESTER), SUB), Anchors.from_der(root, purposes={ATTESTER}), "does not lead")


def test_no_anchors_but_those_given() -> None:
    """There is no default: neither those of the system nor any others."""
    assert Anchors().certificates == ()
    refused((LEAF, SUB), Anchors(), "does not lead")
    refused((leaf_for(ATTESTER), SUB), Anchors(purposes={ATTESTER}), "does not lead")


def test_anchors_are_values() -> None:
    one = Anchors.from_der(ROOT, purposes=[ATTESTER], critical=True, max_length=2)
    assert one == Anchors.from_pem(load(ROOT).public_bytes(Encoding.PEM), purposes=(ATTESTER,), critical=True, max_length=2)
    assert hash(one) == hash(Anchors.from_der(ROOT, purposes={ATTESTER}, critical=True, max_length=2))
    assert len({one, Anchors.from_der(ROOT), Anchors.from_der(ROOT, purposes={ISSUER})}) == 3
    assert OTHER_ROOT not in one
    assert load(ROOT) in one
    assert load(SUB) not in one


def test_weak_keys_of_authorities_are_no_setting() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
    root = Anchors.from_der(authority("root", weak, "root", weak), purposes={ATTESTER})
    refused((signer("root", weak, usages(ATTESTER)),), root, "does not lead")


def test_names_of_the_subject_alone_make_nobody() -> None:
    """A subject that is called like the issuer's URL is not named by it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER_URI)])
    leaf = certificate(subject, LEAF_KEY, "root", ROOT_KEY, (SIGNING_ONLY, True), start=START)
    assert not verify_x5c(encode_x5c((leaf,)), ANCHORS, now=NOW).identifies(ISSUER_URI)
