"""Paths from a leaf to an anchor: each rule of RFC 5280 6 broken in an otherwise good one, and the odd shapes that hold."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier

from oid4vci._jose.ml_dsa import PARAMETER_SETS
from oid4vci._json import Malformed
from oid4vci.x509 import Anchors, leaf_public_key, load, self_signed, verify_chain
from tests.certificates import (
    ALGORITHM,
    ECDSA_SHA256,
    RSA_MD5,
    RSA_SHA1,
    RSA_SHA256,
    SERIAL,
    as_version_1,
    changed,
    put,
    tlv,
)
from tests.test_x509 import (
    ANCHORS,
    CERT_SIGN,
    DAY,
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
    name,
    signer,
)

RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_ROOT = authority("other root", OTHER_KEY, "other root", OTHER_KEY)
NULL = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


def accepted(*chain: bytes, anchors: Anchors = ANCHORS) -> None:
    assert verify_chain(chain, anchors, now=NOW) == load(chain[0])


def refused(*chain: bytes, anchors: Anchors = ANCHORS, because: str = "does not lead to a trust anchor") -> None:
    with pytest.raises(Malformed, match=because):
        verify_chain(chain, anchors, now=NOW)


# --- shapes -----------------------------------------------------------------------------------------------------------------


def test_certificates_that_are_there_twice() -> None:
    accepted(LEAF, SUB, SUB)
    accepted(LEAF, LEAF, SUB)
    accepted(LEAF, SUB, ROOT, ROOT)
    accepted(LEAF, SUB, anchors=Anchors.from_der(ROOT, ROOT))
    refused(LEAF, LEAF)


def test_an_authority_with_two_certificates() -> None:
    crossed = authority("sub", SUB_KEY, "other root", OTHER_KEY)
    other = Anchors.from_der(OTHER_ROOT)
    for chain in ((LEAF, SUB, crossed), (LEAF, crossed, SUB)):
        accepted(*chain)
        accepted(*chain, anchors=other)
    refused(LEAF, SUB, anchors=other)
    refused(LEAF, crossed)


def test_anchors_that_certify_each_other() -> None:
    crossed = authority("root", ROOT_KEY, "other root", OTHER_KEY)
    back = authority("other root", OTHER_KEY, "root", ROOT_KEY)
    accepted(LEAF, SUB, crossed, back)
    accepted(LEAF, SUB, crossed, back, anchors=Anchors.from_der(OTHER_ROOT))
    accepted(LEAF, SUB, crossed, back, anchors=Anchors.from_der(crossed))
    stranger = authority("stranger", LEAF_KEY, "stranger", LEAF_KEY)
    refused(LEAF, SUB, crossed, back, ROOT, OTHER_ROOT, anchors=Anchors.from_der(stranger))


def test_a_new_key_of_an_authority_is_certified_by_its_old_one() -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    rolled = authority("root", new, "root", ROOT_KEY)
    accepted(signer("root", new), rolled)
    assert not self_signed(load(rolled))
    # RFC 5280 6.1.4 (l) would not count it, as it issues itself. We do.
    short = Anchors.from_der(authority("root", ROOT_KEY, "root", ROOT_KEY, length=0))
    refused(signer("root", new), rolled, anchors=short)


def test_names_and_keys_of_anchors_belong_together() -> None:
    renamed = Anchors.from_der(authority("renamed", ROOT_KEY, "renamed", ROOT_KEY))
    refused(LEAF, SUB, anchors=renamed)
    accepted(signer("renamed", ROOT_KEY), anchors=renamed)
    namesake = authority("root", OTHER_KEY, "root", OTHER_KEY)
    accepted(LEAF, SUB, anchors=Anchors.from_der(namesake, ROOT))
    refused(LEAF, SUB, anchors=Anchors.from_der(namesake))
    # The same in other letters is another name.
    refused(signer("Root", ROOT_KEY))


def test_a_leaf_does_not_share_the_key_of_an_authority_above_it() -> None:
    """Then it has signed itself, whatever the names say."""
    refused(signer("root", ROOT_KEY, key=ROOT_KEY))
    refused(signer("sub", SUB_KEY, key=SUB_KEY), SUB)
    refused(signer("sub", SUB_KEY, key=ROOT_KEY), SUB)
    accepted(signer("sub", SUB_KEY, key=OTHER_KEY), SUB)


def test_longer_paths() -> None:
    keys = [ROOT_KEY, *(ec.generate_private_key(ec.SECP256R1()) for _ in range(7))]
    above = [
        authority(f"a{depth}", keys[depth], f"a{depth - 1}" if depth > 1 else "root", keys[depth - 1], length=7 - depth)
        for depth in range(1, 8)
    ]
    leaf = signer("a7", keys[7])
    accepted(leaf, *above)
    accepted(leaf, *reversed(above))
    refused(leaf, *above[:-1])
    refused(leaf, *above[1:])
    refused(leaf, *above, anchors=Anchors.from_der(ROOT, max_length=7))
    too_short = authority("a3", keys[3], "a2", keys[2], length=3)
    refused(leaf, *above[:2], too_short, *above[3:])


@pytest.mark.parametrize("length", [0, 9, -1])
def test_how_long_paths_may_be_is_bounded(length: int) -> None:
    with pytest.raises(ValueError, match="max_length"):
        Anchors.from_der(ROOT, max_length=length)


def test_anchors_may_be_of_leaves_only() -> None:
    direct = Anchors.from_der(ROOT, max_length=1)
    accepted(signer("root", ROOT_KEY), anchors=direct)
    accepted(signer("root", ROOT_KEY), SUB, anchors=direct)
    refused(LEAF, SUB, anchors=direct)


# --- extensions -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "usage",
    [SIGNING_ONLY, x509.KeyUsage(True, True, True, True, True, False, True, False, False)],
)
def test_anchors_must_be_for_certificates_too(usage: x509.KeyUsage) -> None:
    root = certificate("root", ROOT_KEY, "root", ROOT_KEY, (x509.BasicConstraints(True, None), True), (usage, True))
    refused(LEAF, SUB, anchors=Anchors.from_der(root))


def test_anchors_have_no_critical_extension_that_is_not_understood() -> None:
    for extension in (NULL, x509.NameConstraints([x509.DNSName("example.org")], None), x509.PolicyConstraints(0, None)):
        refused(LEAF, SUB, anchors=Anchors.from_der(authority("root", ROOT_KEY, "root", ROOT_KEY, (extension, True))))
    accepted(LEAF, SUB, anchors=Anchors.from_der(authority("root", ROOT_KEY, "root", ROOT_KEY, (NULL, False))))


def test_anchors_are_not_valid_before_their_time() -> None:
    constraints = (x509.BasicConstraints(True, None), True)
    later = certificate("root", ROOT_KEY, "root", ROOT_KEY, constraints, (CERT_SIGN, True), start=NOW + 1)
    refused(LEAF, SUB, anchors=Anchors.from_der(later))


def test_dates_of_each_place_are_inclusive() -> None:
    leaf = certificate("signer", LEAF_KEY, "root", ROOT_KEY, start=NOW, end=NOW + DAY)
    for now in (NOW, NOW + DAY):
        assert verify_chain([leaf], ANCHORS, now=now)
    for now in (NOW - 1, NOW + DAY + 1):
        with pytest.raises(Malformed, match="not valid now"):
            verify_chain([leaf], ANCHORS, now=now)


# --- algorithms -------------------------------------------------------------------------------------------------------------


def builder(subject: str, key: CertificatePublicKeyTypes, issuer: str) -> x509.CertificateBuilder:
    start, end = (datetime.datetime.fromtimestamp(day, datetime.UTC) for day in (START, NOW + DAY))
    return x509.CertificateBuilder(name(issuer), name(subject), key, x509.random_serial_number(), start, end)


def test_ed448() -> None:
    key = ed448.Ed448PrivateKey.generate()
    root = builder("root", key.public_key(), "root").add_extension(x509.BasicConstraints(True, None), True).sign(key, None)
    leaf = builder("signer", LEAF_KEY.public_key(), "root").sign(key, None)
    accepted(leaf.public_bytes(Encoding.DER), anchors=Anchors((root,)))


@pytest.mark.skipif(not PARAMETER_SETS, reason="the installed cryptography has no ML-DSA, or its backend none")
def test_ml_dsa() -> None:
    for kind in PARAMETER_SETS.values():
        key, own = kind.private_class.generate(), kind.private_class.generate()
        root = builder("root", key.public_key(), "root").add_extension(x509.BasicConstraints(True, None), True).sign(key, None)
        leaf = builder("signer", own.public_key(), "root").sign(key, None).public_bytes(Encoding.DER)
        accepted(leaf, anchors=Anchors((root,)))
        assert leaf_public_key(load(leaf)).fits(kind.name)
        stranger = builder("signer", own.public_key(), "root").sign(own, None).public_bytes(Encoding.DER)
        refused(stranger, anchors=Anchors((root,)))


def test_rsa_pss() -> None:
    root = authority("root", RSA_KEY, "root", RSA_KEY)
    for digest, holds in ((hashes.SHA256(), True), (hashes.SHA512(), True), (hashes.SHA224(), False)):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        leaf = builder("signer", LEAF_KEY.public_key(), "root").sign(RSA_KEY, digest, rsa_padding=pss)
        (accepted if holds else refused)(leaf.public_bytes(Encoding.DER), anchors=Anchors.from_der(root))


@pytest.mark.parametrize(("algorithm", "digest"), [(RSA_SHA1, hashes.SHA1()), (RSA_MD5, hashes.MD5())])  # noqa: S303
def test_broken_digests(algorithm: bytes, digest: hashes.HashAlgorithm) -> None:
    anchors = Anchors.from_der(authority("root", RSA_KEY, "root", RSA_KEY))
    leaf = signer("root", RSA_KEY)
    accepted(changed(leaf, RSA_KEY, put(ALGORITHM, RSA_SHA256)), anchors=anchors)
    refused(changed(leaf, RSA_KEY, put(ALGORITHM, algorithm), digest=digest), anchors=anchors)
    itself = authority("sub", RSA_KEY, "sub", RSA_KEY)
    assert self_signed(load(changed(itself, RSA_KEY, put(ALGORITHM, algorithm), digest=digest)))


def test_the_algorithm_is_the_one_that_was_signed() -> None:
    accepted(changed(LEAF, SUB_KEY, put(ALGORITHM, ECDSA_SHA256)), SUB)
    refused(changed(LEAF, SUB_KEY, put(ALGORITHM, ECDSA_SHA256), outer=bytes.fromhex("300a06082a8648ce3d040303")), SUB)


def test_keys_that_take_too_long() -> None:
    """Nobody is made to compute with thousands of digits."""
    huge = rsa.RSAPublicNumbers(65537, 2**9000 + 1).public_key()

    def issued(subject: str, issuer: str, by: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
        unsigned = builder(subject, huge, issuer).add_extension(x509.BasicConstraints(True, None), True)
        return unsigned.sign(by, hashes.SHA256()).public_bytes(Encoding.DER)

    refused(signer("huge", RSA_KEY), anchors=Anchors.from_der(issued("huge", "root", ROOT_KEY)))
    assert self_signed(load(issued("huge", "huge", RSA_KEY)))


# --- what is no certificate of RFC 5280 --------------------------------------------------------------------------------------


def test_certificates_of_version_1() -> None:
    for der, key in ((LEAF, SUB_KEY), (SUB, ROOT_KEY), (ROOT, ROOT_KEY)):
        old = changed(der, key, as_version_1)
        assert x509.load_der_x509_certificate(old).version is x509.Version.v1
        with pytest.raises(Malformed, match="version 3"):
            load(old)
    # An application that pins one all the same has an anchor that issues nothing.
    refused(LEAF, SUB, anchors=Anchors((x509.load_der_x509_certificate(changed(ROOT, ROOT_KEY, as_version_1)),)))


@pytest.mark.parametrize(
    "serial", [b"\x00", b"\xff", b"\x80" + bytes(19), b"\x00\x80" + bytes(19), b"\x01" + bytes(20), b"\x00\x01", b""]
)
def test_serial_numbers(serial: bytes) -> None:
    with pytest.raises(Malformed, match="version 3"):
        load(changed(LEAF, SUB_KEY, put(SERIAL, tlv(0x02, serial))))


@pytest.mark.parametrize("serial", [b"\x01", b"\x7f" + bytes(19), b"\x00\x80"])
def test_serial_numbers_of_up_to_20_octets(serial: bytes) -> None:
    accepted(changed(LEAF, SUB_KEY, put(SERIAL, tlv(0x02, serial))), SUB)


def test_what_stands_behind_a_certificate() -> None:
    for wrong in (LEAF + b"\x00", LEAF + LEAF, LEAF + SUB):
        refused(wrong, SUB, because="not an X.509 certificate")
    refused(changed(LEAF, SUB_KEY, lambda parts: parts.append(b"\x05\x00")), SUB, because="not an X.509 certificate")
