"""Revoked certificates: what a chain names, what lists of authorities answer, and that nothing unknown is believed."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.revocation import CertificateReference, StatusRef, StatusReference
from oid4vci.revocation_list import RevocationList
from oid4vci.x509 import Anchors, encode_x5c, load, references, verify_chain, verify_x5c
from tests.certificates import members, tlv
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

CERTIFY_ONLY = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
LEAF_REFERENCE, SUB_REFERENCE = references([LEAF, SUB], ANCHORS)
Extension = tuple[x509.ExtensionType, bool]


def at(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def crl(
    *serials: int,
    issuer: str = "root",
    key: Any = ROOT_KEY,
    start: int = START,
    end: int = NOW + DAY,
    extensions: Sequence[Extension] = (),
    entry: Sequence[Extension] = (),
    digest: hashes.SHA224 | hashes.SHA256 | None = None,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(name(issuer)).last_update(at(start)).next_update(at(end))
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at(START))
        for value, critical in entry:
            revoked = revoked.add_extension(value, critical)
        builder = builder.add_revoked_certificate(revoked.build())
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(key, digest or hashes.SHA256()).public_bytes(Encoding.DER)


def read(der: bytes, issuer: bytes = ROOT, now: int = NOW) -> RevocationList:
    return RevocationList.read(der, issuer=issuer, now=now)


# --- what a chain names -----------------------------------------------------------------------------------------------------


def test_every_certificate_but_the_anchor_is_named() -> None:
    root_name, sub_name = name("root").public_bytes(), name("sub").public_bytes()
    assert CertificateReference(sub_name, load(LEAF).serial_number) == LEAF_REFERENCE
    assert CertificateReference(root_name, load(SUB).serial_number) == SUB_REFERENCE
    assert references([LEAF, SUB, ROOT], ANCHORS) == (LEAF_REFERENCE, SUB_REFERENCE)
    assert references([load(LEAF), SUB], Anchors.from_der(SUB)) == (LEAF_REFERENCE,)
    assert references([LEAF, SUB, LEAF], Anchors()) == (LEAF_REFERENCE, SUB_REFERENCE)
    for wrong in ([], [LEAF] * 9, [b"none"]):
        with pytest.raises(Malformed):
            references(wrong, ANCHORS)


GOOD: Mapping[Any, int] = {LEAF_REFERENCE: 0, SUB_REFERENCE: 0}


def test_what_stands_is_believed() -> None:
    assert verify_chain([LEAF, SUB], ANCHORS, now=NOW, statuses=GOOD) == load(LEAF)
    assert verify_x5c(encode_x5c([LEAF, SUB]), ANCHORS, now=NOW, statuses=GOOD).der == LEAF
    # The anchor is the caller's to drop, and what is of no use need not be known.
    stray = authority("stray", OTHER_KEY, "nowhere", OTHER_KEY)
    assert verify_chain([LEAF, SUB, ROOT, stray], ANCHORS, now=NOW, statuses=GOOD) == load(LEAF)


@pytest.mark.parametrize(
    ("statuses", "because"),
    [
        ({**GOOD, LEAF_REFERENCE: 1}, "has a certificate that was revoked"),
        ({**GOOD, LEAF_REFERENCE: 2}, "has a certificate that was revoked"),
        ({SUB_REFERENCE: 0}, "has a certificate that was revoked"),
        ({}, "has a certificate that was revoked"),
        ({**GOOD, SUB_REFERENCE: 1}, "has a certificate that was revoked"),
        ({LEAF_REFERENCE: 0}, "has a certificate that was revoked"),
    ],
)
def test_what_is_revoked_or_unknown_is_not(statuses: Mapping[Any, int], because: str) -> None:
    for check in (
        lambda: verify_chain([LEAF, SUB], ANCHORS, now=NOW, statuses=statuses),
        lambda: verify_x5c(encode_x5c([LEAF, SUB]), ANCHORS, now=NOW, statuses=statuses),
    ):
        with pytest.raises(Malformed, match=because):
            check()


def test_another_path_may_stand() -> None:
    crossed = authority("sub", SUB_KEY, "root", ROOT_KEY)
    (reference,) = references([crossed], ANCHORS)
    known: dict[StatusRef, int] = {LEAF_REFERENCE: 0, SUB_REFERENCE: 1, reference: 0}
    assert verify_chain([LEAF, SUB, crossed], ANCHORS, now=NOW, statuses=known) == load(LEAF)
    with pytest.raises(Malformed, match="was revoked"):
        verify_chain([LEAF, SUB, crossed], ANCHORS, now=NOW, statuses={**known, reference: 1})


# --- lists ------------------------------------------------------------------------------------------------------------------


def test_a_list_answers_for_its_authority() -> None:
    revoked = read(crl(5, SUB_REFERENCE.serial))
    assert (revoked.issued_at, revoked.valid_until) == (START, NOW + DAY)
    assert revoked.status(SUB_REFERENCE, NOW) == 1
    assert revoked.status(CertificateReference(SUB_REFERENCE.issuer, 6), NOW) == 0
    # Of another authority's certificates it says nothing, also by the same number.
    assert revoked.status(CertificateReference(LEAF_REFERENCE.issuer, 5), NOW) is None
    entry = StatusReference("https://example.com/1", 5)
    assert revoked.status(entry, NOW) is None
    assert revoked.check_statuses([LEAF_REFERENCE, SUB_REFERENCE, entry], NOW) == {SUB_REFERENCE: 1}
    assert RevocationList.read(crl(), issuer=load(ROOT), now=NOW).check_statuses([SUB_REFERENCE], NOW) == {SUB_REFERENCE: 0}
    assert hash(revoked) == hash(read(crl(5)))


def test_a_host_that_keeps_lists() -> None:
    lists = (read(crl()), read(crl(9, issuer="sub", key=SUB_KEY), SUB))
    named = references([LEAF, SUB], ANCHORS)
    statuses = {reference: status for each in lists for reference, status in each.check_statuses(named, NOW).items()}
    assert statuses == GOOD
    assert verify_chain([LEAF, SUB], ANCHORS, now=NOW, statuses=statuses) == load(LEAF)


def test_a_list_does_not_count_for_ever() -> None:
    revoked = read(crl(5))
    reference = CertificateReference(SUB_REFERENCE.issuer, 5)
    for now in (START, NOW, NOW + DAY):
        assert revoked.status(reference, now) == 1
    for now in (START - 1, NOW + DAY + 1):
        assert revoked.status(reference, now) is None
        assert revoked.check_statuses([SUB_REFERENCE], now) == {}
    for wrong in (crl(start=NOW + 1), crl(end=NOW - 1), _without_end()):
        with pytest.raises(ValueError, match="does not count now"):
            read(wrong)


def _without_end() -> bytes:
    """A list that does not say when the next one comes: the member is cut out, and what is left signed again."""
    end = b"\x17\x0d" + at(NOW + DAY).strftime("%y%m%d%H%M%SZ").encode()
    tbs, algorithm, _ = members(crl())
    signed = tlv(0x30, b"".join(members(tbs)).replace(end, b""))
    return tlv(0x30, signed + algorithm + tlv(0x03, b"\x00" + ROOT_KEY.sign(signed, ec.ECDSA(hashes.SHA256()))))


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (x509.ReasonFlags.key_compromise, 1),
        (x509.ReasonFlags.unspecified, 1),
        (x509.ReasonFlags.certificate_hold, 2),
        (x509.ReasonFlags.remove_from_crl, 1),
    ],
)
def test_reasons(reason: x509.ReasonFlags, status: int) -> None:
    revoked = read(crl(5, entry=[(x509.CRLReason(reason), False), (x509.InvalidityDate(at(START)), False)]))
    assert revoked.status(CertificateReference(SUB_REFERENCE.issuer, 5), NOW) == status


WHERE = x509.UniformResourceIdentifier("http://crl.example/1")
SCOPES: tuple[Extension, ...] = (
    (x509.IssuingDistributionPoint(None, None, True, False, None, False, False), True),
    (x509.IssuingDistributionPoint(None, None, False, True, None, False, False), True),
    (x509.IssuingDistributionPoint(None, None, False, False, None, True, False), True),
    (x509.IssuingDistributionPoint(None, None, False, False, frozenset((x509.ReasonFlags.key_compromise,)), False, False), True),
    (x509.IssuingDistributionPoint([WHERE], None, False, False, None, False, False), False),
    (x509.DeltaCRLIndicator(1), True),
    (x509.DeltaCRLIndicator(1), False),
    (UNKNOWN, True),
)  # fmt: skip


@pytest.mark.parametrize("extension", SCOPES)
def test_lists_of_part_of_the_certificates(extension: Extension) -> None:
    with pytest.raises(ValueError, match="not of all revoked certificates"):
        read(crl(5, extensions=[extension]))


@pytest.mark.parametrize(
    "extension", [(x509.CertificateIssuer([x509.DirectoryName(name("sub"))]), True), (UNKNOWN, True),
                  (x509.CertificateIssuer([x509.DirectoryName(name("sub"))]), False)],
)  # fmt: skip
def test_entries_that_are_not_understood(extension: Extension) -> None:
    with pytest.raises(ValueError, match="not understood"):
        read(crl(5, entry=[extension]))


def test_extensions_that_change_nothing() -> None:
    harmless: Sequence[Extension] = ((x509.CRLNumber(7), False), (UNKNOWN, False))
    assert read(crl(5, extensions=harmless, entry=[(UNKNOWN, False)])).status(SUB_REFERENCE, NOW) == 0


# --- whose list it is -------------------------------------------------------------------------------------------------------

WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505
SMALL = ec.generate_private_key(ec.SECP192R1())
STRANGERS: Mapping[str, Callable[[], RevocationList]] = {
    "another key": lambda: read(crl(key=OTHER_KEY)),
    "another name": lambda: read(crl(issuer="sub")),
    "another authority": lambda: read(crl(issuer="sub", key=SUB_KEY)),
    "a namesake": lambda: read(crl(), authority("root", OTHER_KEY, "root", OTHER_KEY)),
    "a weak RSA key": lambda: read(crl(key=WEAK), authority("root", WEAK, "root", WEAK)),
    "a short curve": lambda: read(crl(key=SMALL), authority("root", SMALL, "root", SMALL)),
    "a weak digest": lambda: read(crl(digest=hashes.SHA224())),
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_lists_that_the_authority_has_not_signed(stranger: str) -> None:
    with pytest.raises(ValueError, match="not signed by this authority"):
        STRANGERS[stranger]()


@pytest.mark.parametrize(
    "issuer",
    [
        certificate("root", ROOT_KEY, "root", ROOT_KEY, (SIGNING_ONLY, True)),
        certificate("root", ROOT_KEY, "root", ROOT_KEY, (x509.BasicConstraints(False, None), True), (CERT_SIGN, True)),
        certificate("root", ROOT_KEY, "root", ROOT_KEY, (x509.BasicConstraints(True, None), True), (CERTIFY_ONLY, True)),
        certificate("root", ROOT_KEY, "root", ROOT_KEY, (x509.BasicConstraints(True, None), True)),
        certificate(
            "root", ROOT_KEY, "root", ROOT_KEY, (x509.BasicConstraints(True, None), True), (CERT_SIGN, True), end=NOW - 1
        ),
        authority("root", ROOT_KEY, "root", ROOT_KEY, (UNKNOWN, True)),
    ],
)
def test_who_may_not_list_what_is_revoked(issuer: bytes) -> None:
    with pytest.raises(ValueError, match="not the certificate of an authority"):
        read(crl(), issuer)


def test_what_is_no_list() -> None:
    for wrong in (b"", b"\x30\x00", ROOT, crl() + b"\x00", crl()[:-1], bytes(16 * 1024 * 1024 + 1)):
        with pytest.raises(ValueError, match="list of revoked certificates"):
            read(wrong)
    with pytest.raises(ValueError, match="not an X"):
        read(crl(), b"no certificate")


LIST = crl(5, 6, entry=[(x509.CRLReason(x509.ReasonFlags.certificate_hold), False)])


@given(st.integers(0, len(LIST) - 1), st.integers(1, 255))
def test_a_changed_list_is_noticed(index: int, mask: int) -> None:
    changed = bytearray(LIST)
    changed[index] ^= mask
    with pytest.raises(Malformed):
        read(bytes(changed))


def test_bits_of_a_list_that_nobody_signed() -> None:
    even = next(der for der in (crl(number) for number in range(1, 200)) if der[-1] & 1 == 0)
    changed = bytearray(even)
    changed[-len(x509.load_der_x509_crl(even).signature) - 1] = 1
    assert read(even)
    with pytest.raises(ValueError, match="not a list of revoked"):
        read(bytes(changed))


def test_leaves_are_named_by_their_issuer() -> None:
    leaf = signer("root", ROOT_KEY, key=LEAF_KEY)
    (reference,) = references([leaf], ANCHORS)
    revoked = read(crl(reference.serial))
    with pytest.raises(Malformed, match="was revoked"):
        verify_chain([leaf], ANCHORS, now=NOW, statuses=revoked.check_statuses([reference], NOW))
