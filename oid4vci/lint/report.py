"""What a linter says about one document."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import define, evolve, field, frozen

from oid4vci._json import Malformed
from oid4vci.metadata.finding import Finding

__all__ = ("Notebook", "Report")

R = TypeVar("R")


@frozen
class Report:
    """The findings about one document.

    `kind` is what it was taken for, one of `KINDS`; None where that could not be told. `notes` say what was not looked at.
    """

    kind: str | None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many are not."""
        return len(self.findings) - self.errors

    def and_also(self, findings: Sequence[Finding]) -> "Report":
        """The same report with more findings."""
        return evolve(self, findings=(*self.findings, *findings))

    def to_json(self) -> dict[str, Any]:
        """The report as JSON: `kind`, `findings` (`severity`, `path`, `message`, `section`, `requirement`) and `notes`."""
        return {
            "kind": self.kind,
            "findings": [
                {
                    "severity": finding.severity,
                    "path": finding.path,
                    "message": finding.message,
                    "section": finding.rule,
                    "requirement": finding.requirement,
                }
                for finding in self.findings
            ],
            "notes": list(self.notes),
        }


@define
class Notebook:
    """Where findings are written down while a document is looked at. Not a value: it lives as long as one look."""

    findings: list[Finding] = field(factory=list)

    def error(self, path: str, message: str, rule: str, requirement: str | None = None) -> None:
        """Write down what must not be."""
        self.findings.append(Finding(path, message, rule, "error", requirement))

    def warning(self, path: str, message: str, rule: str, requirement: str | None = None) -> None:
        """Write down what is doubtful."""
        self.findings.append(Finding(path, message, rule, "warning", requirement))

    def attempt(self, read: Callable[[], R], rule: str, requirement: str | None = None) -> R | None:
        """What `read` gives; None, and an error, if it raises `Malformed`."""
        try:
            return read()
        except Malformed as malformed:
            self.error(malformed.path, malformed.reason, rule, requirement)
            return None
