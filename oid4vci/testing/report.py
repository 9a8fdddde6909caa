"""What a probe finds: checks of a peer, and a report by requirement.

Rule: a check is a plain function that looks at one peer through the context it is given. What goes wrong in one check, even a
fault of the check itself, ends that check alone.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar, overload

from attrs import define, field, frozen

from oid4vci import _json
from oid4vci._json import Malformed

__all__ = ("Check", "CheckFailed", "CheckSkipped", "CheckWarned", "Checks", "Finding", "Outcome", "Report")

Outcome = Literal["passed", "failed", "warned", "skipped"]

C = TypeVar("C")

# The worst first: what several checks of one requirement amount to.
_OUTCOMES: tuple[Outcome, ...] = ("failed", "warned", "passed", "skipped")
_HEADINGS: Mapping[Outcome, str] = {"failed": "Failed", "warned": "Doubtful", "skipped": "Not looked at", "passed": "Passed"}
MAX_DETAIL = 600


class CheckFailed(Exception):
    """The peer broke a rule. The message says what was sent, what was expected and what came, without secrets."""


class CheckWarned(Exception):
    """The peer did what is allowed and not advised, or what only breaks a rule in some ecosystems."""


class CheckSkipped(Exception):
    """The check cannot be made: the message says what the peer does not offer, or what was not given to the probe."""


def _printable(text: str) -> str:
    """One line that a terminal shows as it is: a peer chose some of it."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: MAX_DETAIL + 1])
    return shown if len(shown) <= MAX_DETAIL else f"{shown[:MAX_DETAIL]}..."


@frozen
class Finding:
    """What came of one check.

    `check` is its name and `requirements` the numbers of the rules it is about: those of this project's list
    (`VCI-8.3.1.2-01`), or a section of another document (`RFC9449-4.3`). `detail` says in words, without secrets, what was sent,
    expected and got; of a skipped check, why.
    """

    check: str
    requirements: tuple[str, ...]
    outcome: Outcome
    detail: str = field(default="", converter=_printable)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {
            "check": self.check,
            "requirements": list(self.requirements),
            "outcome": self.outcome,
            "detail": self.detail,
        }

    def __str__(self) -> str:
        rules = f" ({', '.join(self.requirements)})" if self.requirements else ""
        return f"{self.check}{rules}: {self.detail}" if self.detail else f"{self.check}{rules}"


@frozen
class Report(Sequence[Finding]):
    """The findings of a probe, in the order of its checks."""

    findings: tuple[Finding, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[index]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def of(self, outcome: Outcome) -> tuple[Finding, ...]:
        """The findings with this outcome."""
        return tuple(finding for finding in self.findings if finding.outcome == outcome)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return self.of("failed")

    @property
    def ok(self) -> bool:
        """Whether something passed and nothing failed: a peer of which nothing could be looked at is not fine."""
        return not self.failed and any(finding.outcome != "skipped" for finding in self.findings)

    def by_requirement(self) -> dict[str, Outcome]:
        """The worst outcome for each requirement; "skipped" only where nothing else was found."""
        found: dict[str, Outcome] = {}
        for outcome in _OUTCOMES:
            for finding in self.of(outcome):
                for requirement in finding.requirements:
                    found.setdefault(requirement, outcome)
        return dict(sorted(found.items()))

    def text(self) -> str:
        """The report for people: how many, then what failed, what is doubtful, what was not looked at, and what passed."""
        counted = Counter(finding.outcome for finding in self.findings)
        lines = [f"{len(self)} checks: " + ", ".join(f"{counted[outcome]} {outcome}" for outcome in _HEADINGS)]
        for outcome, heading in _HEADINGS.items():
            if found := self.of(outcome):
                lines += ["", f"{heading}:", *(f"  {finding}" for finding in found)]
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The report as JSON: `ok`, `findings` and `requirements`, the outcome for each."""
        return {
            "ok": self.ok,
            "findings": [finding.to_json() for finding in self.findings],
            "requirements": self.by_requirement(),
        }

    def to_bytes(self) -> bytes:
        """`to_json` as a JSON text."""
        return _json.dump_bytes(self.to_json())


@frozen
class Check(Generic[C]):
    """One check. `look` returns, perhaps with a detail, if all is well, and raises what this module defines if it is not."""

    name: str
    requirements: tuple[str, ...]
    about: str
    look: Callable[[C], str | None]

    def __call__(self, context: C) -> Finding:
        """What comes of it for this peer. Raises nothing: a fault of any kind is a check that failed."""

        def found(outcome: Outcome, detail: str | None) -> Finding:
            return Finding(self.name, self.requirements, outcome, detail or "")

        try:
            return found("passed", self.look(context))
        except CheckFailed as failed:
            return found("failed", str(failed))
        except CheckWarned as warned:
            return found("warned", str(warned))
        except CheckSkipped as skipped:
            return found("skipped", str(skipped))
        except Malformed as malformed:
            return found("failed", f"what came cannot be read: {malformed}")
        except Exception as raised:
            # Its message can quote a token; its class cannot.
            return found("failed", f"the check ended with {type(raised).__name__}")


@define
class Checks(Generic[C]):
    """The checks of one kind of peer. Not a value: modules add to it when they are imported."""

    _known: dict[str, Check[C]] = field(factory=dict)

    def __call__(self, *requirements: str) -> Callable[[Callable[[C], str | None]], Callable[[C], str | None]]:
        """A decorator: the function is a check, by its own name and with its docstring."""

        def register(look: Callable[[C], str | None]) -> Callable[[C], str | None]:
            self.add(look.__name__, requirements, look.__doc__ or "", look)
            return look

        return register

    def add(self, name: str, requirements: Sequence[str], about: str, look: Callable[[C], str | None]) -> None:
        """Add a check: for rows of a table. Raises `ValueError` for a name that is taken, or a check that says nothing."""
        if name in self._known or not about.strip():
            raise ValueError(f"the check {name} is there already, or does not say what it is about")
        self._known[name] = Check(name, tuple(requirements), about, look)

    def __iter__(self) -> Iterator[Check[C]]:
        return iter(tuple(self._known.values()))

    def __getitem__(self, name: str) -> Check[C]:
        return self._known[name]

    def run(self, context: C, *, only: Container[str] | None = None) -> Report:
        """Make every check, or those whose names are in `only`, in order."""
        return Report(tuple(check(context) for check in self if only is None or check.name in only))
