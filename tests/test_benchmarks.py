"""The benchmarks run, and what each of their cases makes is what the others make: the figures are nobody's test."""

import pytest

from tests.benchmarks import credential_endpoint, proofs
from tests.benchmarks.formats import workloads
from tests.benchmarks.rounds import measure


# pymdoccbor takes the time in a way that Python 3.12 warns of.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_credentials_in_every_format() -> None:
    for workload in workloads(python=True):
        issued, verified = workload.tables(rounds=1, seconds=1e-4)
        assert "| floor |" in issued
        assert "| library |" in verified


def test_credential_requests() -> None:
    requests = credential_endpoint.Requests(2)
    cases = {"cryptography": requests.cryptography(), "floor": requests.floor, "library": requests.library}
    assert measure(cases, rounds=1, seconds=1e-4).keys() == cases.keys()


def test_proofs_of_every_type() -> None:
    shown = list(proofs.tables(rounds=1, seconds=1e-4))
    assert all("| library |" in each for each in shown)
    assert {case.validate(case.make()) for case in proofs.cases()} == {1, 10}
