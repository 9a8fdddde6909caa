"""Findings: what is wrong or doubtful in a metadata document that can nevertheless be read.

Reading is lenient and writing strict: a Wallet may look at findings, a publisher must have none that are errors.
"""

from collections.abc import Iterable
from typing import Literal

from attrs import evolve, frozen

from oid4vci._document import _step as step

__all__ = ("Finding", "error", "publishing_errors", "refuse_errors", "step", "warning")


@frozen
class Finding:
    """A rule that a document breaks.

    `path` names the member, as in `Malformed`; `rule` is the section; an "error" must not be published, a "warning" is doubtful.
    `requirement` is the number of the requirement in this project's list of those of OID4VCI and HAIP (`VCI-12.2.4-58`), None
    where the rule is another document's.
    """

    path: str
    message: str
    rule: str
    severity: Literal["error", "warning"]
    requirement: str | None = None

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.severity}: {where}{self.message} ({self.rule})"

    def within(self, prefix: str) -> "Finding":
        """The same finding as seen from the enclosing document."""
        if not self.path:
            return evolve(self, path=prefix)
        return evolve(self, path=f"{prefix}{self.path}" if self.path[0] == "[" else f"{prefix}.{self.path}")


def error(path: str, message: str, rule: str, requirement: str | None = None) -> Finding:
    """Something that must not be published."""
    return Finding(path, message, rule, "error", requirement)


def warning(path: str, message: str, rule: str, requirement: str | None = None) -> Finding:
    """Something a publisher should look at."""
    return Finding(path, message, rule, "warning", requirement)


def publishing_errors(findings: Iterable[Finding]) -> list[str]:
    """The errors among `findings`, in words."""
    return [str(finding) for finding in findings if finding.severity == "error"]


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Raises `ValueError`, with every error among `findings`."""
    errors = publishing_errors(findings)
    if errors:
        raise ValueError("these metadata must not be published: " + "; ".join(errors))
