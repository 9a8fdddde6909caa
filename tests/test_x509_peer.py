"""Chains against `cryptography.x509.verification`: the same verdict wherever both apply, and where and why they differ."""

import datetime
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from attrs import evolve, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError
from hypothesis import event, given
from hypothesis import strategies as st

from oid4vci._json import Malformed
from oid4vci.x509 import Anchors, load, verify_chain
from tests.test_x509 import (
    ANCHORS,
    CERT_SIGN,
    DAY,
    LEAF,
    LEAF_KEY,
    NOW,
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

KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(7)]
STRANGER, NOBODY = 5, 6
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


@frozen
class Written:
    """What is to be written in a certificate. Keys are numbers."""

    subject: str
    key: int
    issuer: str
    by: int
    ca: bool
    length: int | None = None
    signs_certificates: bool = True
    unknown: bool = False
    times: tuple[int, int] = (START, START + 300 * DAY)

    @property
    def der(self) -> bytes:
        return _written(self)


@cache
def _written(what: Written) -> bytes:
    usage = CERT_SIGN if what.ca and what.signs_certificates else SIGNING_ONLY
    extensions: list[tuple[x509.ExtensionType, bool]] = [(usage, True), (x509.BasicConstraints(what.ca, what.length), True)]
    if what.unknown:
        extensions.append((UNKNOWN, True))
    start, end = what.times
    return certificate(what.subject, KEYS[what.key], what.issuer, KEYS[what.by], *extensions, start=start, end=end)


Fault = Callable[[Written], Written]
FAULTS: dict[str, Fault] = {
    "expired": lambda what: evolve(what, times=(START, NOW - 1)),
    "not valid yet": lambda what: evolve(what, times=(NOW + 1, NOW + DAY)),
    "signed by another key": lambda what: evolve(what, by=STRANGER),
    "for another key": lambda what: evolve(what, key=NOBODY),
    "no authority": lambda what: evolve(what, ca=False, length=None),
    "no paths": lambda what: evolve(what, length=0 if what.ca else None),
    "a short path": lambda what: evolve(what, length=1 if what.ca else None),
    "another issuer": lambda what: evolve(what, issuer="nobody"),
    "another subject": lambda what: evolve(what, subject="nobody"),
    "signs no certificates": lambda what: evolve(what, signs_certificates=False),
    "not understood": lambda what: evolve(what, unknown=True),
}
NAMES = ("root", "a", "b", "c", "leaf")


@st.composite
def chains(draw: st.DrawFn) -> tuple[tuple[bytes, ...], tuple[bytes, ...], list[str]]:
    """A leaf and what comes with it, the anchors, and what is wrong with them."""
    depth = draw(st.integers(0, 3))
    names = (*NAMES[: depth + 1], "leaf")
    path = [Written("root", 0, "root", 0, True)]
    path += [Written(names[place], place, names[place - 1], place - 1, place <= depth) for place in range(1, depth + 2)]
    wrong = draw(st.lists(st.tuples(st.integers(0, depth + 1), st.sampled_from(sorted(FAULTS))), max_size=2))
    for place, fault in wrong:
        path[place] = FAULTS[fault](path[place])
    faults = [f"{fault} at {place - depth - 1}" for place, fault in wrong]
    root, *others, leaf = (written.der for written in path)
    extra = [
        Written("stray", STRANGER, "nowhere", STRANGER, True).der,
        Written("a", 1, "cross", STRANGER, True).der,
        Written("cross", STRANGER, "root", 0, True).der,
        # A namesake of the anchor, with its own key.
        Written("root", STRANGER, "root", STRANGER, True).der,
    ]
    others += draw(st.lists(st.sampled_from(extra), max_size=3, unique=True))
    missing = draw(st.booleans())
    if others and missing:
        faults.append("one is missing")
        others.pop(draw(st.integers(0, len(others) - 1)))
    others = draw(st.permutations(others))
    anchors = draw(st.sampled_from([(root,), (root, extra[3]), (extra[3],)]))
    return (leaf, *others), anchors, faults


def ours(chain: Sequence[bytes], anchors: Sequence[bytes], now: int = NOW) -> bool:
    try:
        return verify_chain(chain, Anchors.from_der(*anchors), now=now) == load(chain[0])
    except Malformed:
        return False


def theirs(chain: Sequence[bytes], anchors: Sequence[bytes], now: int = NOW) -> bool:
    leaf, *others = map(load, chain)
    ends = ExtensionPolicy.permit_all()
    verifier = (
        PolicyBuilder()
        .store(Store([load(each) for each in anchors]))
        .time(datetime.datetime.fromtimestamp(now, datetime.UTC))
        .max_chain_depth(8)
        .extension_policies(ee_policy=ends, ca_policy=ExtensionPolicy.webpki_defaults_ca())
        .build_client_verifier()
    )
    try:
        return bool(verifier.verify(leaf, others).chain)
    except VerificationError:
        return False


@given(chains())
def test_the_same_verdict(drawn: tuple[tuple[bytes, ...], tuple[bytes, ...], list[str]]) -> None:
    chain, anchors, faults = drawn
    verdict = ours(chain, anchors)
    event("accepted" if verdict else "refused")
    assert verdict == theirs(chain, anchors), faults


# --- where they differ ------------------------------------------------------------------------------------------------------

ED, NEW = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
K1 = ec.generate_private_key(ec.SECP256K1())
AUTHORITY = x509.BasicConstraints(True, None)
ENCRYPTION = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
NAMES_OF_ONE = x509.NameConstraints([x509.DNSName("example.org")], None)
SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def itself(key: Any, *extensions: tuple[x509.ExtensionType, bool]) -> bytes:
    return certificate("root", key, "root", key, *extensions)


# HAIP and ISO/IEC 18013-5 forbid it, or the certificate is not for signatures of messages.
STRICTER: dict[str, tuple[Sequence[bytes], Sequence[bytes]]] = {
    "a pinned leaf": ([alone := certificate("signer", LEAF_KEY, "signer", LEAF_KEY, (SIGNING_ONLY, True))], [alone]),
    "an anchor as leaf": ([ROOT], [ROOT]),
    "an authority as leaf": ([SUB], [ROOT]),
    "a leaf with the key of the anchor": ([signer("root", ROOT_KEY, key=ROOT_KEY)], [ROOT]),
    "a leaf with the key of an authority further up": ([signer("sub", SUB_KEY, key=ROOT_KEY), SUB], [ROOT]),
    "a leaf for encryption": ([certificate("signer", LEAF_KEY, "root", ROOT_KEY, (ENCRYPTION, True))], [ROOT]),
    "a leaf for web servers": ([signer("root", ROOT_KEY, (SERVERS, False))], [ROOT]),
    # They apply them; here no path with them is taken.
    "constraints on names": ([LEAF, authority("sub", SUB_KEY, "root", ROOT_KEY, (NAMES_OF_ONE, True))], [ROOT]),
}
# RFC 5280 6.1.4 allows it, though 4.2.1 asks those who issue certificates for more; and kinds of keys that browsers do not take.
MORE_LENIENT: dict[str, tuple[Sequence[bytes], Sequence[bytes]]] = {
    "an authority's key on Ed25519": ([signer("root", ED)], [authority("root", ED, "root", ED)]),
    "an authority's key on secp256k1": ([signer("root", K1)], [authority("root", K1, "root", K1)]),
    "an anchor without key usage": ([signer("root", ROOT_KEY)], [itself(ROOT_KEY, (AUTHORITY, True))]),
    "an anchor with basic constraints that are not critical": (
        [signer("root", ROOT_KEY)],
        [itself(ROOT_KEY, (AUTHORITY, False), (CERT_SIGN, True))],
    ),
    "an authority without key usage": ([LEAF, certificate("sub", SUB_KEY, "root", ROOT_KEY, (AUTHORITY, True))], [ROOT]),
}


@pytest.mark.parametrize("case", STRICTER)
def test_what_only_they_accept(case: str) -> None:
    assert theirs(*STRICTER[case])
    assert not ours(*STRICTER[case])


@pytest.mark.parametrize("case", MORE_LENIENT)
def test_what_only_we_accept(case: str) -> None:
    assert ours(*MORE_LENIENT[case])
    assert not theirs(*MORE_LENIENT[case])


def test_what_neither_accepts() -> None:
    """RFC 5280 6.1.4 (l) would not count the certificate of an authority's new key by its old one; both do."""
    rolled = authority("root", NEW, "root", ROOT_KEY)
    short = authority("root", ROOT_KEY, "root", ROOT_KEY, length=0)
    assert not ours([signer("root", NEW), rolled], [short])
    assert not theirs([signer("root", NEW), rolled], [short])


# --- changed certificates ---------------------------------------------------------------------------------------------------

CHAINS: tuple[tuple[bytes, ...], ...] = (
    (LEAF, SUB, ROOT),
    (signer("root", ED), authority("root", ED, "root", ED)),
    (signer("root", K1, key=ED), authority("root", K1, "root", K1)),
)


@given(st.sampled_from(CHAINS), st.data())
def test_a_changed_byte_is_noticed(chain: tuple[bytes, ...], data: st.DataObject) -> None:
    """There is no byte of a path whose change keeps its meaning. What is sent of an anchor is of no use, so it may be anything."""
    *path, root = chain
    place = data.draw(st.integers(0, len(path) - 1))
    changed = bytearray(path[place])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert ours(path, [root])
    assert not ours([*path[:place], bytes(changed), *path[place + 1 :]], [root])


@given(st.data())
def test_a_changed_anchor_is_another(data: st.DataObject) -> None:
    changed = bytearray(ROOT)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Malformed):
        verify_chain([LEAF, SUB, bytes(changed)], Anchors(), now=NOW)
    try:
        assert verify_chain([LEAF, SUB, bytes(changed)], ANCHORS, now=NOW, anchor_allowed=False) == load(LEAF)
    except Malformed:
        return
    # It is no longer the anchor, nor signed by anybody: one of those that are passed over.
    assert load(bytes(changed)) not in ANCHORS


@given(
    st.lists(st.sampled_from([LEAF, SUB, ROOT, signer("root", ED), authority("root", ED, "root", ED)]), min_size=1, max_size=8)
)
def test_any_order_and_number(chain: list[bytes]) -> None:
    assert ours(chain, [ROOT]) == theirs(chain, [ROOT]) or chain[0] in (SUB, ROOT)


@pytest.mark.parametrize("unused", range(1, 8))
def test_bits_that_nobody_signed(unused: int) -> None:
    """The number of unused bits of a signature is not signed; another one would be the same certificate in other bytes."""
    even = next(der for der in (signer("sub", SUB_KEY, key=KEYS[0]) for _ in range(2000)) if der[-1] & (1 << unused) - 1 == 0)
    changed = bytearray(even)
    changed[-len(load(even).signature) - 1] = unused
    assert x509.load_der_x509_certificate(bytes(changed)).signature == load(even).signature
    assert ours([even, SUB], [ROOT])
    assert not ours([bytes(changed), SUB], [ROOT])
