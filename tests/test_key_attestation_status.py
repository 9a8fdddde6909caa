"""Key attestations that were revoked, and certificates of attesters that were (D.1 `status`, Token Status List)."""

from typing import Any

import pytest
from cryptography import x509

from oid4vci.keys import KeyReference, LocalSigner
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.revocation import CertificateReference, StatusReference
from tests.issuance import NOW, Host, Issuance, refused
from tests.key_attestations import (
    ATTESTER,
    ATTESTER_KEY,
    LEAF,
    STATUS,
    SUB,
    Attestation,
    Knowing,
    accepted,
    attesting,
    broken,
    by_anchors,
    certified,
    chained,
    claims,
    known_attester,
    leaf,
    order_of,
    public,
)
from tests.test_x509 import DAY

WITH_STATUS = claims(status=STATUS.status)
ELSEWHERE = StatusReference("https://evil.example/probe", 0)


def knowing(statuses: Any = None, settings: KeyAttestations | None = None) -> tuple[Issuance, Knowing]:
    host = Knowing({STATUS: 0} if statuses is None else statuses)
    return attesting(settings, host=host), host


@pytest.mark.spec("VCI-D.1-13")
def test_an_attestation_that_stands() -> None:
    world, host = knowing()
    assert accepted(WITH_STATUS, world).status == STATUS.status
    assert host.asked_statuses == [STATUS]


@pytest.mark.spec("VCI-D.1-13", "VCI-D-03")
@pytest.mark.parametrize("status", [1, 2, 3, 255, -1, None])
def test_one_that_was_revoked_or_suspended_is_refused(status: Any) -> None:
    world, host = knowing({STATUS: status})
    broken(WITH_STATUS, "proofs.attestation[0].status: was revoked, or its status could not be found out", world=world)
    assert host.asked_statuses == [STATUS]


def test_what_could_not_be_found_out_counts_as_revoked() -> None:
    another = StatusReference(STATUS.uri, STATUS.index + 1)
    broken(WITH_STATUS, "could not be found out", world=knowing({})[0])
    broken(WITH_STATUS, "could not be found out", world=knowing({another: 0})[0])


def test_a_host_that_knows_no_statuses_cannot_find_it_out() -> None:
    broken(WITH_STATUS, "could not be found out", world=attesting(host=Host()))


def test_without_a_status_nobody_is_asked() -> None:
    world, host = knowing()
    accepted(Attestation, world)
    assert host.asked_statuses == []


@pytest.mark.spec("VCI-D.1-13")
@pytest.mark.parametrize("status", ["revoked", 1, [], True, ["x"]])
@pytest.mark.parametrize("check", [True, False])
def test_status_is_an_object(status: Any, check: bool) -> None:
    world, _ = knowing(settings=known_attester(check_status=check))
    broken(claims(status=status), "proofs.attestation[0].status: must be an object", world=world)


@pytest.mark.parametrize(
    ("status", "because"),
    [
        ({}, "status: must be an object that refers"),
        ({"status_list": None}, "status.status_list: must be an object"),
        ({"status_list": {}}, "status.status_list.idx: is missing"),
        ({"status_list": {"idx": 1}}, "status.status_list.uri: is missing"),
        ({"status_list": {"idx": "1", "uri": STATUS.uri}}, "status.status_list.idx: must be"),
        ({"status_list": {"idx": True, "uri": STATUS.uri}}, "status.status_list.idx: must be"),
        ({"status_list": {"idx": -1, "uri": STATUS.uri}}, "status.status_list.idx: must be"),
        ({"status_list": {"idx": 1, "uri": "x" * 3000}}, "status.status_list.uri: must be"),
        ({"status_list": {"idx": 1, "uri": ["https://a.example"]}}, "status.status_list.uri: must be"),
        ({"identifier_list": {"id": "00", "uri": STATUS.uri}}, "status: refers to no status mechanism that is known"),
        ({"x": 1}, "status: refers to no status mechanism that is known"),
    ],
)
def test_a_status_that_cannot_be_checked_is_refused(status: Any, because: str) -> None:
    world, host = knowing()
    broken(claims(status=status), f"proofs.attestation[0].{because}", world=world)
    assert host.asked_statuses == []


def test_a_second_mechanism_is_passed_over() -> None:
    world, host = knowing()
    accepted(claims(status={**STATUS.status, "x": {"uri": "https://evil.example"}}), world)
    assert host.asked_statuses == [STATUS]


@pytest.mark.parametrize("status", [STATUS.status, {}, {"x": 1}, {"status_list": 3}])
def test_the_application_may_look_after_statuses_itself(status: Any) -> None:
    world, host = knowing({STATUS: 1}, known_attester(check_status=False))
    assert accepted(claims(status=status), world).status == status
    assert host.asked_statuses == []


# --- nobody is asked on the word of a stranger --------------------------------------------------------------------------------


def refuse_unasked(world: Issuance, host: Knowing, made: Attestation) -> None:
    refused(world.credential(world.token("note"), order_of(made)), "invalid_proof")
    assert host.asked_statuses == []


def test_a_stranger_cannot_make_the_issuer_fetch_anything() -> None:
    stranger = LocalSigner.generate("stranger")
    said = {"status": ELSEWHERE.status}
    world, host = knowing({ELSEWHERE: 0})
    refuse_unasked(world, host, Attestation(world.nonce(), signer=stranger, claims=said))
    refuse_unasked(world, host, Attestation(world.nonce(), claims={**said, "iss": "https://evil.example"}))
    world, host = knowing({ELSEWHERE: 0}, by_anchors())
    refuse_unasked(world, host, certified(world.nonce(), claims=said, signer=stranger))
    refuse_unasked(world, host, certified(world.nonce(), LEAF, claims=said))
    refuse_unasked(world, host, Attestation(world.nonce(), claims=said))
    # An algorithm that no key has.
    refuse_unasked(world, host, certified(world.nonce(), claims=said, header={"alg": "none"}))


def test_a_chain_must_hold_when_the_attestation_was_issued() -> None:
    """And when it is used: the list is asked for, and then it is refused."""
    world, host = knowing(settings=by_anchors())
    past = leaf(end=NOW - DAY)
    refuse_unasked(world, host, certified(world.nonce(), past, SUB, claims={"status": STATUS.status}))
    made = certified(world.nonce(), past, SUB, claims={"status": STATUS.status, "iat": NOW - 2 * DAY})
    body = refused(world.credential(world.token("note"), order_of(made)), "invalid_proof")
    assert "not valid now" in body["error_description"]
    assert host.asked_statuses == [STATUS]


def test_where_keys_are_elsewhere_the_reference_is_listed_with_them() -> None:
    """The caller fetches lists of attesters only: who made this is not known yet."""
    url = KeyReference("https://attester.example/jwks")
    settings = known_attester(attesters={ATTESTER: url})
    stranger = LocalSigner.generate("stranger")
    read = settings.read(str(Attestation(None, signer=stranger, claims={"status": STATUS.status})))
    assert (read.key_refs, read.status_refs) == ((url,), (STATUS,))
    assert settings.read(str(Attestation(None, signer=stranger))).status_refs == ()


# --- certificates -------------------------------------------------------------------------------------------------------------


def reference(der: bytes) -> CertificateReference:
    certificate = x509.load_der_x509_certificate(der)
    return CertificateReference(certificate.issuer.public_bytes(), certificate.serial_number)


CERTIFICATES = (reference(LEAF), reference(SUB))


def test_the_certificates_of_attesters_may_be_revoked() -> None:
    settings = by_anchors(check_certificates=True)
    world, host = knowing(dict.fromkeys((*CERTIFICATES, STATUS), 0), settings)
    accepted(certified, world)
    assert host.asked_statuses == [*CERTIFICATES]
    host.asked_statuses.clear()
    accepted(chained(claims={"status": STATUS.status}), world)
    assert host.asked_statuses == [STATUS, *CERTIFICATES]
    for known in (
        {CERTIFICATES[0]: 0},
        {CERTIFICATES[1]: 0},
        {CERTIFICATES[0]: 1, CERTIFICATES[1]: 0},
        {CERTIFICATES[0]: 0, CERTIFICATES[1]: 1},
        {STATUS: 0},
        {},
    ):
        world, _ = knowing(known, settings)
        body = refused(world.credential(world.token("note"), order_of(certified(world.nonce()))), "invalid_proof")
        assert "header.x5c: has a certificate that was revoked" in body["error_description"]


def test_certificates_are_listed_only_if_they_lead_to_an_anchor() -> None:
    world, host = knowing({}, by_anchors(check_certificates=True))
    stranger = LocalSigner.generate("stranger")
    refuse_unasked(world, host, certified(world.nonce(), signer=stranger))
    refuse_unasked(world, host, certified(world.nonce(), LEAF))


def test_an_attester_whose_keys_are_known_has_no_certificates() -> None:
    world, host = knowing({}, by_anchors(check_certificates=True, attesters={ATTESTER: public(ATTESTER_KEY)}))
    accepted(Attestation, world)
    assert host.asked_statuses == []
