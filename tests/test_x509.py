"""Certificate chains: what leads to an anchor, and what only looks as if it did."""

import datetime
import json
from base64 import b64encode
from pathlib import Path
from ssl import DER_cert_to_PEM_cert

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import Malformed, b64url_decode
from oid4vci.keys import LocalSigner, public_key
from oid4vci.x509 import Anchors, decode_x5c, identifies, leaf_public_key, load, self_signed, verify_chain

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Extension = tuple[x509.ExtensionType, bool]

START = 1_760_000_000
DAY = 86_400
NOW = START + 10 * DAY
SIGNING_ONLY = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
CERT_SIGN = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
DOCUMENT_SIGNER = ObjectIdentifier("1.0.18013.5.1.2")
ROOT_KEY, SUB_KEY, LEAF_KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "UT"), x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str | x509.Name,
    key: PrivateKey,
    issuer: str,
    issuer_key: PrivateKey,
    *extensions: Extension,
    start: int = START,
    end: int = START + 300 * DAY,
    digest: hashes.HashAlgorithm | None = None,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject) if isinstance(subject, str) else subject)
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime.fromtimestamp(start, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(end, datetime.UTC))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return builder.sign(issuer_key, algorithm).public_bytes(serialization.Encoding.DER)  # type: ignore[arg-type]


def authority(
    subject: str, key: PrivateKey, issuer: str, issuer_key: PrivateKey, *more: Extension, length: int | None = None
) -> bytes:
    return certificate(subject, key, issuer, issuer_key, (x509.BasicConstraints(True, length), True), (CERT_SIGN, True), *more)


def signer(issuer: str, issuer_key: PrivateKey, *extensions: Extension, key: PrivateKey = LEAF_KEY) -> bytes:
    return certificate("signer", key, issuer, issuer_key, (SIGNING_ONLY, True), *extensions)


ROOT = authority("root", ROOT_KEY, "root", ROOT_KEY)
SUB = authority("sub", SUB_KEY, "root", ROOT_KEY)
LEAF = signer("sub", SUB_KEY)
ANCHORS = Anchors.from_der(ROOT)


def pem(*certificates: bytes) -> bytes:
    return b"".join(load(der).public_bytes(serialization.Encoding.PEM) for der in certificates)


def test_a_chain_leads_to_the_anchor() -> None:
    assert verify_chain([LEAF, SUB], ANCHORS, now=NOW) == load(LEAF)
    assert verify_chain([signer("root", ROOT_KEY)], ANCHORS, now=NOW).subject == name("signer")
    assert leaf_public_key(load(LEAF)).key.public_numbers() == LEAF_KEY.public_key().public_numbers()  # type: ignore[union-attr]


def test_only_the_place_of_the_leaf_matters() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    low = authority("low", key, "sub", SUB_KEY)
    leaf = signer("low", key)
    stray = authority("stray", OTHER_KEY, "nowhere", OTHER_KEY)
    for rest in ([low, SUB], [SUB, low], [stray, SUB, low]):
        assert verify_chain([leaf, *rest], ANCHORS, now=NOW) == load(leaf)
    with pytest.raises(Malformed):
        verify_chain([SUB, leaf, low], ANCHORS, now=NOW)


@pytest.mark.parametrize(
    ("root_key", "leaf_key"),
    [
        (ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())),
        (ec.generate_private_key(ec.SECP521R1()), ec.generate_private_key(ec.SECP256K1())),
        (ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()),
        (rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()),
    ],
)
def test_kinds_of_keys(root_key: PrivateKey, leaf_key: PrivateKey) -> None:
    root = authority("root", root_key, "root", root_key)
    leaf = signer("root", root_key, key=leaf_key)
    verified = verify_chain([leaf], Anchors.from_der(root), now=NOW)
    assert leaf_public_key(verified).key == leaf_key.public_key()


def test_a_realistic_document_signer() -> None:
    leaf = signer(
        "root",
        ROOT_KEY,
        (x509.ExtendedKeyUsage([DOCUMENT_SIGNER]), True),
        (x509.SubjectKeyIdentifier.from_public_key(LEAF_KEY.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT_KEY.public_key()), False),
        (x509.IssuerAlternativeName([x509.RFC822Name("a@example.com")]), False),
    )
    assert verify_chain([leaf], ANCHORS, now=NOW, purpose="1.0.18013.5.1.2") == load(leaf)
    for wrong in (
        signer("root", ROOT_KEY),
        signer("root", ROOT_KEY, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)),
    ):
        with pytest.raises(Malformed, match="purpose"):
            verify_chain([wrong], ANCHORS, now=NOW, purpose="1.0.18013.5.1.2")


def test_a_self_signed_leaf_is_refused_even_if_it_is_pinned() -> None:
    alone = certificate("signer", LEAF_KEY, "signer", LEAF_KEY, (SIGNING_ONLY, True))
    assert self_signed(load(alone))
    assert not self_signed(load(LEAF))
    for anchors in (ANCHORS, Anchors.from_der(alone), Anchors.from_der(ROOT, alone)):
        with pytest.raises(Malformed, match="self-signed"):
            verify_chain([alone], anchors, now=NOW)
    with pytest.raises(Malformed, match="self-signed or an anchor"):
        verify_chain([ROOT], ANCHORS, now=NOW)
    with pytest.raises(Malformed, match="self-signed or an anchor"):
        verify_chain([SUB], Anchors.from_der(SUB), now=NOW)


def test_an_anchor_that_was_sent_proves_nothing() -> None:
    assert verify_chain([LEAF, SUB, ROOT], ANCHORS, now=NOW) == load(LEAF)
    for anchors in (Anchors(), Anchors.from_der(authority("root", OTHER_KEY, "root", OTHER_KEY))):
        with pytest.raises(Malformed, match="does not lead to a trust anchor"):
            verify_chain([LEAF, SUB, ROOT], anchors, now=NOW)


def test_names_prove_nothing() -> None:
    forged = signer("root", OTHER_KEY)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([forged], ANCHORS, now=NOW)
    forged_sub = authority("sub", SUB_KEY, "root", OTHER_KEY)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([LEAF, forged_sub], ANCHORS, now=NOW)
    # And two authorities of one name are told apart by their keys.
    both = Anchors.from_der(authority("root", OTHER_KEY, "root", OTHER_KEY), ROOT)
    assert verify_chain([LEAF, SUB], both, now=NOW) == load(LEAF)


def test_only_authorities_issue() -> None:
    plain = certificate("sub", SUB_KEY, "root", ROOT_KEY)
    end_entity = certificate("sub", SUB_KEY, "root", ROOT_KEY, (x509.BasicConstraints(False, None), True))
    no_signing = certificate("sub", SUB_KEY, "root", ROOT_KEY, (x509.BasicConstraints(True, None), True), (SIGNING_ONLY, True))
    for wrong in (plain, end_entity, no_signing):
        with pytest.raises(Malformed, match="does not lead"):
            verify_chain([LEAF, wrong], ANCHORS, now=NOW)
    for wrong_anchor in (plain, end_entity, no_signing):
        with pytest.raises(Malformed, match="does not lead"):
            verify_chain([LEAF], Anchors.from_der(wrong_anchor), now=NOW)
    assert verify_chain([LEAF], Anchors.from_der(SUB), now=NOW) == load(LEAF)


def test_path_length() -> None:
    short = authority("root", ROOT_KEY, "root", ROOT_KEY, length=0)
    assert verify_chain([signer("root", ROOT_KEY)], Anchors.from_der(short), now=NOW)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([LEAF, SUB], Anchors.from_der(short), now=NOW)
    one = authority("root", ROOT_KEY, "root", ROOT_KEY, length=1)
    assert verify_chain([LEAF, SUB], Anchors.from_der(one), now=NOW)


@pytest.mark.parametrize("now", [START - 1, START + 300 * DAY + 1])
def test_every_certificate_is_valid_at_the_time(now: int) -> None:
    with pytest.raises(Malformed, match="not valid now"):
        verify_chain([LEAF, SUB], ANCHORS, now=now)


def test_validity_of_each_place() -> None:
    assert verify_chain([LEAF, SUB], ANCHORS, now=START)
    assert verify_chain([LEAF, SUB], ANCHORS, now=START + 300 * DAY)
    constraints = (x509.BasicConstraints(True, None), True)
    old_sub = certificate("sub", SUB_KEY, "root", ROOT_KEY, constraints, end=START + DAY)
    old_root = certificate("root", ROOT_KEY, "root", ROOT_KEY, constraints, end=START + DAY)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([LEAF, old_sub], ANCHORS, now=NOW)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([LEAF, SUB], Anchors.from_der(old_root), now=NOW)


def test_critical_extensions_must_be_understood() -> None:
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    assert verify_chain([signer("root", ROOT_KEY, (unknown, False))], ANCHORS, now=NOW)
    with pytest.raises(Malformed, match="critical"):
        verify_chain([signer("root", ROOT_KEY, (unknown, True))], ANCHORS, now=NOW)
    sub = authority("sub", SUB_KEY, "root", ROOT_KEY, (unknown, True))
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([LEAF, sub], ANCHORS, now=NOW)


def test_constraints_on_names_are_not_passed_over() -> None:
    constraints = x509.NameConstraints([x509.DNSName("example.org")], None)
    for critical in (True, False):
        sub = authority("sub", SUB_KEY, "root", ROOT_KEY, (constraints, critical))
        with pytest.raises(Malformed, match="does not lead"):
            verify_chain([LEAF, sub], ANCHORS, now=NOW)


def test_the_leaf_must_be_for_signatures() -> None:
    encryption = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    leaf = certificate("signer", LEAF_KEY, "root", ROOT_KEY, (encryption, True))
    with pytest.raises(Malformed, match="not for signatures"):
        verify_chain([leaf], ANCHORS, now=NOW)


def test_a_leaf_may_be_for_what_its_signer_stands_by() -> None:
    """Certificates of electronic seals, with which attestations are sealed, need no other bit (ETSI EN 319 412-2 4.3.2)."""
    seal = x509.KeyUsage(False, True, False, False, False, False, False, False, False)
    leaf = certificate("signer", LEAF_KEY, "root", ROOT_KEY, (seal, True))
    assert verify_chain([leaf], ANCHORS, now=NOW) == load(leaf)


def test_weak_signatures_are_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505
    root = authority("root", key, "root", key)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([signer("root", key)], Anchors.from_der(root), now=NOW)
    small = ec.generate_private_key(ec.SECP192R1())
    root = authority("root", small, "root", small)
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([signer("root", small)], Anchors.from_der(root), now=NOW)
    leaf = certificate("signer", LEAF_KEY, "root", ROOT_KEY, digest=hashes.SHA224())
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([leaf], ANCHORS, now=NOW)


def test_bounds() -> None:
    with pytest.raises(Malformed, match="1 to 8"):
        verify_chain([], ANCHORS, now=NOW)
    with pytest.raises(Malformed, match="1 to 8"):
        verify_chain([LEAF] + [SUB] * 8, ANCHORS, now=NOW)
    with pytest.raises(Malformed, match="too large"):
        load(bytes(20_000))
    for noise in (b"", b"\x30\x00", LEAF[:-1], LEAF + b"\x00"):
        with pytest.raises(Malformed):
            load(noise)


def test_a_thicket_of_authorities_ends_soon() -> None:
    # Seven certificates that each seem to issue all others: there are 5,040 paths, and none is walked twice.
    knots = [authority("knot", OTHER_KEY, "knot", OTHER_KEY) for _ in range(7)]
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([signer("knot", OTHER_KEY), *knots], ANCHORS, now=NOW)


def test_leaf_keys_that_no_algorithm_has() -> None:
    leaf = load(certificate("signer", rsa.generate_private_key(65537, 1024), "root", ROOT_KEY))  # noqa: S505
    with pytest.raises(Malformed, match="kind of key"):
        leaf_public_key(leaf)


def test_leaf_keys_without_a_curve() -> None:
    key = rsa.generate_private_key(65537, 2048)
    leaf = load(certificate("signer", key, "root", ROOT_KEY))
    assert leaf_public_key(leaf) == public_key(LocalSigner("signer", "PS256", key).public_jwk)


def test_anchors() -> None:
    assert Anchors.from_pem(pem(ROOT, SUB)) == Anchors.from_der(ROOT, SUB)
    assert Anchors.from_pem(pem(ROOT).decode()) == ANCHORS
    assert repr(ANCHORS) == "Anchors(1 certificate)"
    assert load(ROOT) in ANCHORS
    assert load(SUB) not in ANCHORS
    with pytest.raises(ValueError, match=r".+"):
        Anchors.from_pem("no certificate")
    # Not only when somebody's certificate names it.
    broken = x509.UnrecognizedExtension(ExtensionOID.BASIC_CONSTRAINTS, b"\x30\x05\xff")
    with pytest.raises(ValueError, match="cannot be read"):
        Anchors.from_pem(DER_cert_to_PEM_cert(certificate("root", ROOT_KEY, "root", ROOT_KEY, (broken, True))))
    with pytest.raises(ValueError, match="not an X"):
        Anchors.from_der(b"no certificate")


def test_x5c() -> None:
    text = b64encode(LEAF).decode()
    assert decode_x5c([text, b64encode(SUB).decode()]) == (LEAF, SUB)
    url_safe = b64encode(b"\xfb\xff\xfe").decode().replace("+", "-").replace("/", "_")
    wrongs: tuple[object, ...] = (
        None, "", text, [], {}, [1], [None], [text + "A"], [text + "\n"], [" " + text], [text + "="], [url_safe],
        ["AB=="], ["é"], ["A" * 30_000], [text] * 9, [[text]],
    )  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(Malformed, match="x5c"):
            decode_x5c(wrong)


def test_the_names_of_a_leaf() -> None:
    names = x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier("https://issuer.example.com/tenant"),
            x509.DNSName("Issuer.example.org"),
            x509.DNSName("*.example.net"),
        ]
    )
    leaf = load(signer("root", ROOT_KEY, (names, False)))
    assert identifies(leaf, "https://issuer.example.com/tenant")
    assert identifies(leaf, "https://issuer.example.org/any/path")
    for other in (
        "https://issuer.example.com/tenant/", "https://issuer.example.com", "http://issuer.example.org", "https://a.example.net",
        "https://example.org", "https://issuer.example.org.evil.example", "https://issuer.example.org@evil.example", "https://[",
        "issuer.example.org", "https://*.example.net", "",
    ):  # fmt: skip
        assert not identifies(leaf, other), other
    assert not identifies(load(LEAF), "https://issuer.example.com")


SIGNED = load(LEAF).tbs_certificate_bytes


@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_a_changed_bit_of_what_is_signed_is_noticed(bit: int) -> None:
    changed = bytearray(LEAF)
    changed[LEAF.index(SIGNED) + bit // 8] ^= 1 << bit % 8
    with pytest.raises(Malformed):
        verify_chain([bytes(changed), SUB], ANCHORS, now=NOW)


def test_serial_numbers_are_positive() -> None:
    # 20 octets at most, the first bit clear (RFC 5280 4.1.2.2): with it set, the number is negative.
    start = LEAF.index(b"\xa0\x03\x02\x01\x02\x02") + 7
    changed = bytearray(LEAF)
    changed[start] |= 0x80
    with pytest.raises(Malformed, match="not an X"):
        load(bytes(changed))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_certificate(data: bytes) -> None:
    with pytest.raises(Malformed):
        load(data)


def test_a_published_chain(vectors: Path) -> None:
    entries = json.loads((vectors / "sd-jwt-vc" / "vectors.json").read_text())["vectors"]
    vector = next(one for one in entries if one["id"] == "sd-credo-ts-4")
    header = json.loads(b64url_decode(vector["compact"].partition(".")[0]))
    leaf, root = decode_x5c(header["x5c"])
    for chain in ([leaf, root], [leaf]):
        verified = verify_chain(chain, Anchors.from_der(root), now=1_732_361_727)
        assert leaf_public_key(verified).jwk == vector["issuer_jwk"]
        assert identifies(verified, vector["issuer_payload"]["iss"])
    with pytest.raises(Malformed, match="does not lead"):
        verify_chain([leaf, root], ANCHORS, now=1_732_361_727)
    with pytest.raises(Malformed, match="not valid now"):
        verify_chain([leaf, root], Anchors.from_der(root), now=1_632_361_727)


@pytest.mark.parametrize(
    "purpose", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING]
)
def test_a_certificate_for_something_else_signs_no_credentials(purpose: ObjectIdentifier) -> None:
    """An authority that issues certificates for web servers too does not make every web server an issuer."""
    with pytest.raises(Malformed, match="another purpose"):
        verify_chain([signer("root", ROOT_KEY, (x509.ExtendedKeyUsage([purpose]), True))], ANCHORS, now=NOW)
    for purposes in ([purpose, DOCUMENT_SIGNER], [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]):
        leaf = signer("root", ROOT_KEY, (x509.ExtendedKeyUsage(purposes), True))
        assert verify_chain([leaf], ANCHORS, now=NOW) == load(leaf)


def test_an_authority_is_no_leaf() -> None:
    with pytest.raises(Malformed, match="certification authority"):
        verify_chain([signer("root", ROOT_KEY, (x509.BasicConstraints(True, None), True))], ANCHORS, now=NOW)


@pytest.mark.parametrize(
    "uri",
    [
        "https://bank.example@issuer.example/",
        "https://iss\tuer.example",
        " https://issuer.example\n",
        "https://issuer.example\r\n/bank",
        "https://issuer.example:99999999/",
        "https://issuer.example/#https://bank",
        "http://issuer.example",
    ],
)
def test_only_plain_urls_are_named_by_a_host(uri: str) -> None:
    leaf = load(signer("root", ROOT_KEY, (x509.SubjectAlternativeName([x509.DNSName("issuer.example")]), False)))
    assert identifies(leaf, "https://issuer.example/tenant")
    assert not identifies(leaf, uri)
