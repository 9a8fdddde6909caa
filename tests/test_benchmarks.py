"""The benchmarks run, and what each of their cases makes is what the others make: the figures are nobody's test."""

from typing import Any

import pytest

from oid4vci.formats.ldp_vc import LdpVcVerifier
from tests.benchmarks import credential_endpoint, ldp_vc, linked_degree, proofs
from tests.benchmarks.formats import workloads
from tests.benchmarks.parties import HOLDERS, ISSUER_KEY, jwk
from tests.benchmarks.rounds import measure


# pymdoccbor takes the time in a way that Python 3.12 warns of.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_credentials_in_every_format() -> None:
    for workload in workloads(python=True):
        issued, verified = workload.tables(rounds=1, seconds=1e-4)
        assert "| floor |" in issued
        assert "| library |" in verified


def test_a_degree_written_by_hand_keeps_the_zero_that_its_signature_begins_with() -> None:
    """One signature in 256 has it: the library refuses one that is a byte short."""
    suite = "ecdsa-rdfc-2019"
    batch = ldp_vc.Batch.of(1, suite)
    valid = ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    issued: list[dict[str, Any]] = []
    while not issued or not issued[0]["proof"]["proofValue"].startswith("z1"):
        issued = linked_degree.floor_issue([jwk(HOLDERS[0])], ISSUER_KEY, batch.method, suite, valid)
    assert batch.verify(LdpVcVerifier(contexts=ldp_vc.LOADED), issued)


def test_credential_requests() -> None:
    requests = credential_endpoint.Requests(2)
    cases = {"cryptography": requests.cryptography(), "floor": requests.floor, "library": requests.library}
    assert measure(cases, rounds=1, seconds=1e-4).keys() == cases.keys()


def test_proofs_of_every_type() -> None:
    shown = list(proofs.tables(rounds=1, seconds=1e-4))
    assert all("| library |" in each for each in shown)
    assert {case.validate(case.make()) for case in proofs.cases()} == {1, 10}
