"""From the findings of all probes to the lines."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from attrs import frozen

from oid4vci.testing import Finding, Report
from tests.conformance_walk.issuers import ISSUERS, probed
from tests.conformance_walk.lines import LINES, Line
from tests.conformance_walk.wallets import WALLETS, played

__all__ = ("ELSEWHERE", "Probe", "Walked", "probes", "walked")

ELSEWHERE: Final[Mapping[str, str]] = {
    "access_token_expires": "tokens live longer than a walk",
    "authorization_code_expires": "a minute",
    "authorization_request_that_expired": "more than a minute",
    "signed-metadata-unasked": "the wallet server always asks, where it has anchors for them",
}
"""What the walk does not wait for, and why. `tests/test_scripted_wallet.py` and `tests/test_scripted_issuer.py` have it."""


@frozen
class Walked:
    """A line, and what each probe found about it: passed, failed, warned, and what no probe could look at."""

    line: Line
    passed: int
    broken: tuple[Finding, ...]
    unseen: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything of it was seen by some probe, and nothing was wrong for any."""
        return self.passed > 0 and not self.broken and not self.unseen

    def __str__(self) -> str:
        head = f"{'holds' if self.holds else 'FAILS':5}  P{self.line.priority}  {self.line.party}: {self.line.text}"
        what = [f"         {finding.outcome} {finding}" for finding in self.broken]
        what += [f"         not looked at: {name}" for name in self.unseen]
        return "\n".join([f"{head} ({self.passed} findings)", *what])


@frozen
class Probe:
    """What one probe found, and what it cannot have seen."""

    name: str
    party: str
    report: Report
    unseen: frozenset[str] = frozenset()


def probes(folder: Path) -> list[Probe]:
    """Every probe. They mostly wait, so all are made at the same time."""

    def issuer(name: str) -> Probe:
        return Probe(name, "issuer", probed(_new(folder / "issuers" / name), name))

    def wallet(name: str) -> Probe:
        report, unseen = played(_new(folder / "wallets" / name), name)
        return Probe(name, "wallet", report, frozenset(unseen))

    with ThreadPoolExecutor(len(ISSUERS) + len(WALLETS)) as pool:
        begun = [*(pool.submit(issuer, name) for name in ISSUERS), *(pool.submit(wallet, name) for name in WALLETS)]
    return [each.result() for each in begun]


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def walked(found: Iterable[Probe]) -> list[Walked]:
    """What became of each line."""
    findings: dict[str, list[Finding]] = {"issuer": [], "wallet": []}
    for probe in found:
        findings[probe.party] += probe.report
    return [_walked(line, findings["wallet" if line.party == "Wallet" else "issuer"]) for line in LINES]


def _walked(line: Line, findings: list[Finding]) -> Walked:
    seen = [each for each in findings if any(fnmatchcase(each.check, pattern) for pattern in line.seen_by)]
    passed = {each.check for each in seen if each.outcome == "passed"}
    broken = tuple(each for each in seen if each.outcome in ("failed", "warned"))
    unseen = sorted({each.check for each in seen} - passed - {each.check for each in broken} - ELSEWHERE.keys())
    return Walked(line, sum(each.outcome == "passed" for each in seen), broken, tuple(unseen))
