"""Anchors are for one purpose: whom a Wallet or an issuer believes for it, it believes for nothing else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from attrs import evolve, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from oid4vci._json import Malformed
from oid4vci.errors import InvalidClient, InvalidCredential, StatusUnknown, Untrusted
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.keys import LocalSigner
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.revocation import CertificateReference, Statuses
from oid4vci.revocation_list import RevocationList
from oid4vci.status_list import StatusChecker
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors, encode_x5c, references
from tests import issuance, key_attestations, mdocs, status_lists
from tests.clients import Attested
from tests.test_client_attestation import server
from tests.test_revocation_list import crl
from tests.test_sd_jwt_vc import ISSUER, PAYLOAD, check, signed
from tests.test_x509 import CERT_SIGN, NOW, SIGNING_ONLY, START, certificate

PURPOSES = ("client attestations", "key attestations", "credentials", "status lists")
ERRORS = (InvalidClient, InvalidCredential, StatusUnknown, Untrusted, Malformed)
LIFE: Mapping[str, Any] = {"start": START, "end": mdocs.NOW + 10 * mdocs.DAY}
NAMES = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(each) for each in (ISSUER, status_lists.ISSUER)]), False)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def root(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    return certificate(name, key, name, key, (x509.BasicConstraints(True, 0), True), (CERT_SIGN, True), **LIFE)


@frozen
class Party:
    """Who signs for a purpose: a key, its certificate, and the anchors under which that is one."""

    signer: LocalSigner
    leaf: bytes
    anchors: Anchors
    others: tuple[bytes, ...] = ()

    @classmethod
    def under(cls, name: str, key: ec.EllipticCurvePrivateKey, anchors: Anchors, *usages: str) -> "Party":
        own = new_key()
        usage = [(x509.ExtendedKeyUsage([ObjectIdentifier(each) for each in usages]), False)] if usages else []
        leaf = certificate("signer", own, name, key, (SIGNING_ONLY, True), NAMES, *usage, **LIFE)
        return cls(LocalSigner("signer", "ES256", own), leaf, anchors)

    @property
    def header(self) -> dict[str, Any]:
        return {"x5c": encode_x5c([self.leaf, *self.others])}


def separate(names: Sequence[str]) -> dict[str, Party]:
    """An authority for each purpose."""
    keys = [new_key() for _ in PURPOSES]
    return {
        purpose: Party.under(name, key, Anchors.from_der(root(name, key)))
        for purpose, name, key in zip(PURPOSES, names, keys, strict=True)
    }


def by_usage() -> dict[str, Party]:
    """One authority, whose leaves say what they are for."""
    key = new_key()
    usages = {purpose: f"1.2.3.4.{index}" for index, purpose in enumerate(PURPOSES)}
    return {
        purpose: Party.under("root", key, Anchors.from_der(root("root", key), purposes={usage}), usage)
        for purpose, usage in usages.items()
    }


WORLDS = {"names": separate(PURPOSES), "namesakes": separate(["root"] * 4), "usages": by_usage()}


def attest_client(anchors: Anchors, by: Party) -> None:
    server(ClientAttestation(anchors=anchors)).authenticate(Attested(attester=by.signer, header=by.header).request())


def attest_keys(anchors: Anchors, by: Party) -> None:
    token = str(key_attestations.Attestation(None, signer=by.signer, header=by.header))
    KeyAttestations(anchors=anchors).read(token).verify(
        algorithms=("ES256",),
        required=None,
        max_keys=1,
        exp_required=False,
        audience=issuance.IDENTIFIER,
        nonce=False,
        keys={},
        statuses={},
        now=issuance.NOW,
    )


def issue_credential(anchors: Anchors, by: Party) -> None:
    credential = signed(PAYLOAD, signer=by.signer, kid=None, **by.header)
    check(credential, verifier=SdJwtVcVerifier(haip=True), trust=Trust.of(ISSUER, anchors=anchors), documents={})


def list_statuses(anchors: Anchors, by: Party) -> None:
    token = status_lists.jwt(header={**status_lists.HEADER, **by.header}, by=by.signer)
    trust = Trust.of(status_lists.ISSUER, status_anchors=anchors)
    assert status_lists.status(token, checker=StatusChecker(haip=True), trust=trust).value == 1


DOORS: Mapping[str, Callable[[Anchors, Party], None]] = dict(
    zip(PURPOSES, (attest_client, attest_keys, issue_credential, list_statuses), strict=True)
)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("by", PURPOSES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_anchors_of_one_purpose_vouch_for_no_other(purpose: str, by: str, world: str) -> None:
    anchors, party = WORLDS[world][purpose].anchors, WORLDS[world][by]
    if by == purpose:
        DOORS[purpose](anchors, party)
    else:
        with pytest.raises(ERRORS):
            DOORS[purpose](anchors, party)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_purpose_has_anchors_of_its_own(purpose: str) -> None:
    """Neither those of the system nor any others: without anchors nobody is believed."""
    with pytest.raises(ERRORS):
        DOORS[purpose](Anchors(), WORLDS["names"][purpose])


@pytest.mark.parametrize("purpose", PURPOSES)
def test_certificates_of_web_servers_are_for_no_purpose(purpose: str) -> None:
    key = new_key()
    anchors = Anchors.from_der(root("root", key))
    DOORS[purpose](anchors, Party.under("root", key, anchors))
    with pytest.raises(ERRORS):
        DOORS[purpose](anchors, Party.under("root", key, anchors, SERVER))


@pytest.mark.spec("HAIP-4.4.1-06", "HAIP-6.1-09", "HAIP-6.1.1-03")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_an_anchor_is_not_sent_along(purpose: str) -> None:
    for world in WORLDS.values():
        party = world[purpose]
        (anchor,) = (each.public_bytes(Encoding.DER) for each in party.anchors.certificates)
        sent = evolve(party, others=(anchor,))
        with pytest.raises(ERRORS, match="must hold neither the trust anchor nor a self-signed certificate"):
            DOORS[purpose](party.anchors, sent)
        # Nor does it make itself one.
        with pytest.raises(ERRORS):
            DOORS[purpose](Anchors.from_der(root("another", new_key())), sent)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_an_authority_is_not_known_by_its_name(purpose: str) -> None:
    key = new_key()
    anchors = Anchors.from_der(root("root", key))
    DOORS[purpose](anchors, Party.under("root", key, anchors))
    with pytest.raises(ERRORS, match="does not lead to a trust anchor"):
        DOORS[purpose](anchors, Party.under("root", new_key(), anchors))


@pytest.mark.spec("HAIP-6.1-10", "HAIP-6.1.1-04")
@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_self_signed_is_for_no_purpose(purpose: str) -> None:
    key = new_key()
    alone = certificate("signer", key, "signer", key, (SIGNING_ONLY, True), NAMES, **LIFE)
    party = Party(LocalSigner("signer", "ES256", key), alone, Anchors.from_der(alone))
    for anchors in (party.anchors, WORLDS["names"][purpose].anchors):
        with pytest.raises(ERRORS):
            DOORS[purpose](anchors, party)


# --- status lists of others than issuers ------------------------------------------------------------------------------------


def test_status_lists_have_anchors_of_their_own_besides_those_of_issuers() -> None:
    world = WORLDS["names"]
    issuer, lister = world["credentials"], world["status lists"]
    both = Trust.of(status_lists.ISSUER, anchors=issuer.anchors, status_anchors=lister.anchors)
    for by in (issuer, lister):
        token = status_lists.jwt(header={**status_lists.HEADER, **by.header}, by=by.signer)
        assert status_lists.status(token, trust=both).value == 1
        # Whoever lists for others does so for every issuer, an issuer for itself only.
        of = status_lists.credential(issuer="https://other.example", uri=status_lists.URI)
        if by is lister:
            assert (
                status_lists.status(token, of, trust=Trust(both.anchors, allow=bool, status_anchors=lister.anchors)).value == 1
            )
        else:
            with pytest.raises(StatusUnknown, match="neither the issuer"):
                status_lists.status(token, of, trust=Trust(both.anchors, allow=bool, status_anchors=lister.anchors))
    token = status_lists.jwt(header={**status_lists.HEADER, **lister.header}, by=lister.signer)
    with pytest.raises(StatusUnknown, match="does not lead"):
        status_lists.status(token, trust=Trust.of(status_lists.ISSUER, anchors=issuer.anchors))


# --- what was revoked -------------------------------------------------------------------------------------------------------

Asked = list[tuple[CertificateReference, int]]


def knowing(status: int | None, asked: Asked) -> Callable[[Sequence[CertificateReference], int], Statuses]:
    def check_statuses(named: Sequence[CertificateReference], now: int) -> Statuses:
        asked.extend((each, now) for each in named)
        return {} if status is None else dict.fromkeys(named, status)

    return check_statuses


def test_credentials_of_revoked_certificates() -> None:
    party = WORLDS["names"]["credentials"]
    credential = signed(PAYLOAD, signer=party.signer, kid=None, **party.header)
    (reference,) = references([party.leaf], party.anchors)
    asked: Asked = []
    good = Trust(party.anchors, check_statuses=knowing(0, asked))
    assert check(credential, trust=good, documents={}).issuer == ISSUER
    assert asked == [(reference, NOW)]
    for status in (1, 2, None):
        with pytest.raises(InvalidCredential, match="was revoked, or whose status could not be found out"):
            check(credential, trust=Trust(party.anchors, check_statuses=knowing(status, [])), documents={})
    # It is decided each time.
    assert check(credential, trust=good, documents={})
    assert check(credential, trust=Trust(party.anchors), documents={})
    assert len(asked) == 2


def test_mdocs_of_revoked_document_signers() -> None:
    credential = mdocs.issue()
    asked: Asked = []
    anchors = Anchors.from_der(mdocs.IACA)
    assert mdocs.verify(credential, trusted=Trust(anchors, check_statuses=knowing(0, asked)))
    assert asked == [(references([mdocs.SIGNER_CERTIFICATE], anchors)[0], mdocs.NOW)]
    for status in (1, None):
        with pytest.raises(InvalidCredential, match="was revoked"):
            mdocs.verify(credential, trusted=Trust(anchors, check_statuses=knowing(status, [])))


def test_status_lists_of_revoked_certificates() -> None:
    token = status_lists.made()
    for status, good in ((0, True), (1, False), (None, False)):
        trust = Trust.of(status_lists.ISSUER, anchors=status_lists.ANCHORS, check_statuses=knowing(status, []))
        if good:
            assert status_lists.status(token, trust=trust).value == 1
        else:
            with pytest.raises(StatusUnknown, match="was revoked"):
                status_lists.status(token, trust=trust)


def test_no_answer_is_not_taken_for_no_question() -> None:
    party = WORLDS["names"]["credentials"]
    credential = signed(PAYLOAD, signer=party.signer, kid=None, **party.header)
    silent: Any = lambda named, now: None  # noqa: E731
    with pytest.raises(InvalidCredential, match="could not be found out"):
        check(credential, trust=Trust(party.anchors, check_statuses=silent), documents={})
    with pytest.raises(InvalidCredential, match="could not be found out"):
        mdocs.verify(mdocs.issue(), trusted=Trust(Anchors.from_der(mdocs.IACA), check_statuses=silent))


def test_a_list_that_the_application_keeps() -> None:
    name, key = "authority", new_key()
    party = Party.under(name, key, Anchors.from_der(authority := root(name, key)))
    credential = signed(PAYLOAD, signer=party.signer, kid=None, **party.header)
    (reference,) = references([party.leaf], party.anchors)
    for serial, good in ((reference.serial, False), (1, True)):
        kept = RevocationList.read(crl(serial, issuer=name, key=key), issuer=authority, now=NOW)
        trust = Trust(party.anchors, check_statuses=kept.check_statuses)
        if good:
            assert check(credential, trust=trust, documents={})
            # Which counts no more after its time.
            with pytest.raises(InvalidCredential, match="could not be found out"):
                check(signed({**PAYLOAD, "exp": kept.valid_until + 60}, signer=party.signer, kid=None, **party.header),
                      trust=trust, documents={}, now=kept.valid_until + 1)  # fmt: skip
        else:
            with pytest.raises(InvalidCredential, match="was revoked"):
                check(credential, trust=trust, documents={})
    assert hash(trust)


def test_trust_in_parties_takes_the_rest_along() -> None:
    asked = knowing(0, [])
    trust = Trust.of("https://a.example", anchors=Anchors(), status_anchors=Anchors(), check_statuses=asked)
    assert (trust.anchors, trust.status_anchors, trust.check_statuses) == (Anchors(), Anchors(), asked)
    assert Trust().status_anchors is None
    assert Trust().check_statuses is None
