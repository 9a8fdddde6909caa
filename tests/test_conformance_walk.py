"""Over HTTPS, at the reference server and the wallet server: every line of what outside test suites look for holds."""

from collections import Counter
from fnmatch import fnmatchcase

import pytest

from oid4vci.testing import ISSUER_CHECKS, SCENARIOS
from oid4vci.testing.conduct import CONDUCT
from tests.conformance_walk.lines import LINES, Line
from tests.conformance_walk.walk import ELSEWHERE, Probe, Walked, probes, walked


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Probe]:
    return probes(tmp_path_factory.mktemp("walk"))


@pytest.fixture(scope="module")
def lines(found: list[Probe]) -> dict[Line, Walked]:
    return {each.line: each for each in walked(found)}


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.party} {LINES.index(line)}")
def test_a_line_holds(lines: dict[Line, Walked], line: Line) -> None:
    assert lines[line].holds, str(lines[line])


def test_no_probe_finds_anything_wrong(found: list[Probe]) -> None:
    for probe in found:
        assert probe.report.ok, probe.report.text()
        assert not probe.report.of("warned"), probe.report.text()


def test_wallets_are_seen_in_all_that_they_do(found: list[Probe]) -> None:
    for probe in found:
        if probe.party == "wallet":
            assert {finding.check for finding in probe.report.of("skipped")} == probe.unseen, probe.name


def test_all_that_is_looked_at_is_on_a_line() -> None:
    """And no line waits for what nobody looks at."""
    of_issuers = {check.name for check in ISSUER_CHECKS}
    of_wallets = {check.name for check in (*SCENARIOS, *CONDUCT)}
    for line in LINES:
        known = of_wallets if line.party == "Wallet" else of_issuers
        for pattern in line.seen_by:
            assert any(fnmatchcase(name, pattern) for name in known), (line.text, pattern)
    assert ELSEWHERE.keys() <= of_issuers | of_wallets
    assert Counter(line.party for line in LINES) == {"Credential Issuer": 16, "Authorization Server": 11, "Wallet": 13}
