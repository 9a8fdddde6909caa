"""Whose key attestations an issuer believes: by keys that it knows, or by certificates under its anchors (D.1, HAIP 4.5.1)."""

import json
from base64 import b64decode
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from oid4vci import _jose
from oid4vci._json import Malformed, b64url_encode
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, public_key
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.x509 import Anchors
from tests.issuance import IDENTIFIER, NOW, refused
from tests.key_attestations import (
    ANCHORS,
    ATTESTER,
    ATTESTER_KEY,
    LEAF,
    LEAF_KEY,
    LIFE,
    OTHER_KEY,
    ROOT,
    ROOT_KEY,
    STATUS,
    SUB,
    SUB_KEY,
    Attestation,
    Knowing,
    Resolving,
    accepted,
    attesting,
    authority,
    broken,
    by_anchors,
    certified,
    chain,
    chained,
    claims,
    header,
    known_attester,
    leaf,
    order_of,
    public,
    signed_by,
)
from tests.test_x509 import DAY, certificate

# --- known keys ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-D-03")
@pytest.mark.parametrize("iss", ["https://attester.example/", "https://ATTESTER.example", "https://another.example", "x"])
def test_an_unknown_attester_is_refused(iss: str) -> None:
    """Issuers are compared as strings (RFC 3986 6.2.1); an unknown one is refused with whatever key it signs."""
    broken(claims(iss=iss), "proofs.attestation[0]: is not by an attester that is trusted")


def test_an_attester_signs_for_itself() -> None:
    another = "https://another.example"
    world = attesting(known_attester(attesters={ATTESTER: public(ATTESTER_KEY), another: public(OTHER_KEY)}))
    broken(signed_by(OTHER_KEY), "the signature does not verify", world=world)
    accepted(signed_by(OTHER_KEY, claims={"iss": another}), world)


def test_without_iss_any_attester_may_have_signed() -> None:
    world = attesting(known_attester(attesters={ATTESTER: public(ATTESTER_KEY), "https://another.example": public(OTHER_KEY)}))
    for signer in (ATTESTER_KEY, OTHER_KEY):
        assert accepted(signed_by(signer, claims={"iss": None}), world).issuer is None
    stranger = LocalSigner.generate("stranger")
    broken(signed_by(stranger, claims={"iss": None}), "the signature does not verify", world=world)


def named(key: LocalSigner, kid: str) -> PublicKey:
    return public_key({**key.public_jwk, "kid": kid})


@pytest.mark.spec("VCI-D.1-04")
def test_kid_selects_among_the_attester_s_keys() -> None:
    world = attesting(known_attester(attesters={ATTESTER: (named(OTHER_KEY, "1"), named(ATTESTER_KEY, "2"))}))
    for kid in ("2", None):
        accepted(header(kid=kid), world)
    broken(header(kid="1"), "the signature does not verify", world=world)
    broken(header(kid="3"), "is signed with a key that is not known", world=world)
    broken(header(kid=2), "header: kid must be a string", world=world)


def test_signatures_are_not_tried_without_end() -> None:
    others = [named(LocalSigner.generate("x"), "x") for _ in range(8)]
    world = attesting(known_attester(attesters={ATTESTER: (named(ATTESTER_KEY, "1"), *others)}))
    broken(Attestation, "header: kid must tell the keys apart", world=world, good=header(kid="1"))


@pytest.mark.spec("VCI-D.1-04")
def test_the_attester_s_keys_may_be_resolved() -> None:
    url = KeyReference("https://attester.example/jwks")
    keys = {url: public(ATTESTER_KEY), KeyReference(url.url, "2"): (named(OTHER_KEY, "1"), named(ATTESTER_KEY, "2"))}
    host = Resolving(keys)
    world = attesting(known_attester(attesters={ATTESTER: url}), host=host)
    accepted(Attestation, world)
    # With the `kid`, so that whoever keeps the keys notices when they are old.
    accepted(header(kid="2"), world)
    assert host.asked == [url, KeyReference(url.url, "2")]
    broken(header(kid="3"), "is signed with a key that is not known", world=world)
    broken(signed_by(OTHER_KEY), "the signature does not verify", world=world)
    host.asked.clear()
    # Nobody is asked on the word of a stranger.
    broken(claims(iss="https://evil.example", jku="https://evil.example"), "not by an attester", world=world)
    assert set(host.asked) == {url}, "for the good one"


def test_no_answer_is_no_key() -> None:
    world = attesting(known_attester(attesters={ATTESTER: KeyReference("https://attester.example/jwks")}), host=Resolving({}))
    token, nonce = world.token("note"), world.nonce()
    refused(world.credential(token, order_of(Attestation(nonce))), "invalid_proof")


# --- certificates -------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.5.1-05", "HAIP-7-02", "VCI-D.1-04")
@pytest.mark.parametrize("require_x5c", [True, False])
def test_a_chain_leads_to_an_anchor(require_x5c: bool) -> None:
    world = attesting(by_anchors(require_x5c=require_x5c))
    attestation = accepted(certified, world)
    assert attestation.certificate == LEAF
    # What it says of itself.
    assert accepted(chained(claims={"iss": "whatever"}), world).issuer == "whatever"
    assert accepted(chained(claims={"iss": None}, header={"kid": "x"}), world).issuer is None
    accepted(chained(LEAF), attesting(by_anchors(SUB, require_x5c=require_x5c)))


@pytest.mark.spec("HAIP-4.5.1-05")
def test_x5c_is_required() -> None:
    world = attesting(by_anchors(require_x5c=True))
    broken(Attestation, "proofs.attestation[0].header: x5c is missing", world=world, good=certified)
    broken(header(kid="attester"), "proofs.attestation[0].header: x5c is missing", world=world, good=certified)
    broken(Attestation, "is not by an attester that is trusted", world=attesting(by_anchors()), good=certified)


@pytest.mark.spec("HAIP-4.5.1-06")
@pytest.mark.parametrize("require_x5c", [True, False])
@pytest.mark.parametrize(
    "certificates",
    [
        (LEAF, SUB, ROOT),
        (LEAF, ROOT, SUB),
        (leaf("root", ROOT_KEY), ROOT),
        (ROOT,),
        (LEAF, SUB, authority("else", LEAF_KEY, "else", LEAF_KEY)),
    ],
)
def test_the_anchor_is_not_in_x5c(certificates: tuple[bytes, ...], require_x5c: bool) -> None:
    """Nor is any other self-signed certificate."""
    broken(
        chained(*certificates),
        "proofs.attestation[0].header.x5c: must hold neither the trust anchor nor a self-signed certificate",
        world=attesting(by_anchors(require_x5c=require_x5c)),
        good=certified,
    )


def test_a_trusted_intermediate_is_an_anchor_too() -> None:
    broken(
        certified,
        "must hold neither the trust anchor",
        world=attesting(by_anchors(SUB)),
        good=chained(LEAF),
    )


@pytest.mark.spec("HAIP-4.5.1-07")
def test_a_self_signed_certificate_proves_nothing_even_if_it_is_an_anchor() -> None:
    pinned = certificate("attester", LEAF_KEY, "attester", LEAF_KEY, **LIFE)
    for anchors in (ANCHORS, Anchors.from_der(ROOT, pinned)):
        world = attesting(KeyAttestations(anchors=anchors))
        broken(chained(pinned), "nor a self-signed certificate", world=world, good=certified)


def test_names_of_certificates_prove_nothing() -> None:
    """Neither that of an authority, nor that of the attester: both are anybody's choice."""
    root_key, sub_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root, sub = authority("root", root_key, "root", root_key), authority("sub", sub_key, "root", root_key)
    names = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ATTESTER)]), False)
    world = attesting(by_anchors())
    for certificates, because in (
        ((leaf("sub", sub_key, names), sub), "does not lead to a trust anchor"),
        ((leaf("sub", sub_key, names), SUB), "does not lead to a trust anchor"),
        ((leaf("root", root_key, names),), "does not lead to a trust anchor"),
        ((leaf("sub", sub_key, names), sub, root), "must hold neither"),
        ((LEAF,), "does not lead to a trust anchor"),
        ((SUB, LEAF), "not for signatures"),
        ((leaf(start=NOW + DAY), SUB), "not valid now"),
        ((leaf(end=NOW - 1), SUB), "not valid now"),
    ):
        broken(chained(*certificates), because, world=world, good=certified)


def test_another_key_than_the_certificate_s_is_refused() -> None:
    world = attesting(by_anchors(), algorithms=("ES256", "ES384"))
    other = LocalSigner.generate("other", "ES384")
    broken(chained(signer=OTHER_KEY), "the signature does not verify", world=world, good=certified)
    broken(chained(signer=other), "alg does not fit the key", world=world, good=certified)


@pytest.mark.parametrize(
    "x5c",
    [
        [],
        {},
        "x",
        1,
        True,
        chain(LEAF)[0],
        [1],
        ["AA=="],
        ["!"],
        [None],
        chain(LEAF, SUB) * 5,
        [b64url_encode(LEAF)],
        [chain(LEAF)],
    ],
)
def test_x5c_is_a_bounded_array_of_certificates(x5c: Any) -> None:
    broken(
        chained(header={"x5c": x5c}),
        "proofs.attestation[0]",
        world=attesting(by_anchors()),
        good=certified,
    )


# --- what certificates are for ------------------------------------------------------------------------------------------------

ATTESTING = "1.3.6.1.4.1.99999.1"


def for_purpose(*purposes: str | ObjectIdentifier) -> tuple[bytes, bytes]:
    oids = [each if isinstance(each, ObjectIdentifier) else ObjectIdentifier(each) for each in purposes]
    return leaf("sub", SUB_KEY, (x509.ExtendedKeyUsage(oids), False)), SUB


def test_a_certificate_of_the_same_authority_for_something_else_is_refused() -> None:
    """A server's certificate, say, under an authority that also certifies attesters."""
    world = attesting(by_anchors())
    for purpose in (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING):
        sent = for_purpose(purpose)
        broken(chained(*sent), "for another purpose", world=world, good=certified)


def test_the_purpose_is_required_where_there_is_one() -> None:
    world = attesting(by_anchors(purpose=ATTESTING))
    good = for_purpose(ATTESTING, ExtendedKeyUsageOID.CLIENT_AUTH)
    for sent in ((LEAF, SUB), for_purpose(f"{ATTESTING}.1"), for_purpose(ExtendedKeyUsageOID.SERVER_AUTH)):
        broken(
            chained(*sent),
            "not for this purpose",
            world=world,
            good=chained(*good),
        )


def test_anchors_of_another_purpose_are_no_anchors_here() -> None:
    """Those that the issuer has for clients, or for servers, do not come into it."""
    others_key = ec.generate_private_key(ec.SECP256R1())
    others = authority("others", others_key, "others", others_key)
    sent = (leaf("others", others_key),)
    assert Anchors.from_der(others)
    broken(chained(*sent), "does not lead to a trust anchor", world=attesting(by_anchors()), good=certified)
    accepted(chained(*sent), attesting(by_anchors(others)))


# --- both ---------------------------------------------------------------------------------------------------------------------


def test_where_the_keys_of_an_attester_are_known_certificates_do_not_serve() -> None:
    world = attesting(known_attester(anchors=ANCHORS))
    broken(certified, "the signature does not verify", world=world)
    assert accepted(chained(claims={"iss": "https://another.example"}), world).certificate == LEAF
    assert accepted(header(x5c=chain(LEAF, SUB)), world).certificate is None
    # Without `iss`, the header decides.
    assert accepted(chained(claims={"iss": None}), world).certificate == LEAF
    assert accepted(claims(iss=None), world).certificate is None
    broken(chained(claims={"iss": None}, signer=ATTESTER_KEY), "the signature does not verify", world=world)


def test_certificates_are_of_no_use_where_there_are_no_anchors() -> None:
    broken(chained(claims={"iss": "x"}), "is not by an attester that is trusted")
    broken(chained(claims={"iss": None}), "the signature does not verify")


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({}, "nobody is trusted"),
        ({"attesters": {}}, "nobody is trusted"),
        # Else it would be resolved, or not, by what Credentials are bound to.
        ({"attesters": {ATTESTER: KeyReference("did:web:attester.example")}}, "not by a DID"),
        ({"purpose": ATTESTING, "attesters": {ATTESTER: public(ATTESTER_KEY)}}, "needs anchors"),
        ({"require_x5c": True, "attesters": {ATTESTER: public(ATTESTER_KEY)}}, "needs anchors"),
        ({"check_certificates": True, "attesters": {ATTESTER: public(ATTESTER_KEY)}}, "needs anchors"),
        ({"require_x5c": True, "anchors": ANCHORS, "attesters": {ATTESTER: public(ATTESTER_KEY)}}, "of no use"),
        ({"anchors": ANCHORS, "max_age": 0}, "max_age must be positive"),
        ({"anchors": ANCHORS, "max_skew": -1}, "max_skew must not be negative"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        KeyAttestations(**settings)


def test_settings_do_not_change_with_what_they_were_made_of() -> None:
    keys = list(public(ATTESTER_KEY))
    attesters = {ATTESTER: keys}
    world = attesting(KeyAttestations(attesters=attesters))
    keys[:] = public(OTHER_KEY)
    attesters["https://another.example"] = keys
    accepted(Attestation, world)
    broken(claims(iss="https://another.example"), "is not by an attester that is trusted", world=world)


def test_a_signature_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is checked before statuses are asked for."""
    checked: list[bytes] = []
    verifies = _jose.Algorithm.verifies

    def counted(algorithm: _jose.Algorithm, key: Any, data: bytes, signature: bytes) -> bool:
        checked.append(signature)
        return verifies(algorithm, key, data, signature)

    monkeypatch.setattr(_jose.Algorithm, "verifies", counted)
    for settings, make in ((known_attester(), Attestation), (by_anchors(), certified)):
        checked.clear()
        accepted(
            partial(make, claims={"status": STATUS.status}),
            attesting(settings, host=Knowing({STATUS: 0})),
        )
        assert len(checked) == 1


def test_a_published_attestation_by_a_self_signed_certificate(vectors: Path) -> None:
    """Its own certificate as the anchor does not help."""
    published = {each["id"]: each for each in json.loads((vectors / "key-attestation/vectors.json").read_text())["vectors"]}
    vector = published["eudi-ios-key-attestation"]
    anchors = Anchors.from_der(b64decode(vector["jose_header"]["x5c"][0]))
    read = KeyAttestations(anchors=anchors).read(vector["compact"])
    with pytest.raises(Malformed, match="nor a self-signed certificate"):
        read.verify(
            algorithms=("ES256",),
            required=None,
            max_keys=1,
            exp_required=True,
            audience=IDENTIFIER,
            nonce=True,
            keys={},
            statuses={},
            now=vector["payload_json"]["iat"],
        )
