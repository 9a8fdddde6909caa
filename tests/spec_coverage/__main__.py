"""`python -m tests.spec_coverage`: what the test suite shows of the specification, for each role and section.

The exit status is 1 if a MUST of the claimed documents is neither shown nor explained.
"""

import argparse
import sys
from collections.abc import Sequence

from tests.spec_coverage.coverage import MUST, ROLES, Coverage, by_section, covered, unshown_musts, within

LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.spec_coverage", description=__doc__)
    parser.add_argument("--role", choices=ROLES, help="only requirements on this role")
    parser.add_argument("--level", choices=LEVELS, action="append", help="only this level (may be given several times)")
    parser.add_argument("--section", help="only this section and those below it: 8.2, A.3")
    parser.add_argument("--document", choices=("VCI", "HAIP", "VCI11"), default="VCI", help="the specification (default: VCI)")
    parser.add_argument("--missing", action="store_true", help="list the MUSTs that no test shows, with their text")
    parser.add_argument("--tests", action="store_true", help="list each requirement with the tests that show it")
    return parser.parse_args(argv)


def selected(rows: Sequence[Coverage], options: argparse.Namespace, role: str) -> tuple[Coverage, ...]:
    """The rows that the options ask for, for one role."""
    return tuple(
        row
        for row in rows
        if role in row.requirement.roles
        and row.requirement.document == options.document
        and (options.level is None or row.requirement.level in options.level)
        and (options.section is None or within(row.requirement.section, options.section))
    )


def report(rows: tuple[Coverage, ...], options: argparse.Namespace) -> list[str]:
    """The lines to print."""
    lines = []
    for role in ROLES if options.role is None else (options.role,):
        chosen = selected(rows, options, role)
        lines.append(f"{role}: {_counts(chosen)}")
        for (_, section), group in by_section(chosen).items():
            lines.append(f"  {section:<10}{_counts(group)}")
            if options.tests:
                lines += (f"    {row.requirement.id}: {', '.join(row.tests) or '-'}" for row in group)
            if options.missing:
                lines += (_missing(row) for row in group if row.requirement.level in MUST and not row.tests)
    return lines


def _missing(row: Coverage) -> str:
    reason = f" [{row.exception}]" if row.exception else ""
    return f"    {row.requirement.id} {row.requirement.text}{reason}"


def _counts(rows: Sequence[Coverage]) -> str:
    musts = [row for row in rows if row.requirement.level in MUST]
    others = [row for row in rows if row.requirement.level not in MUST]
    explained = sum(1 for row in musts if not row.tests and row.exception is not None)
    text = f"{_shown(musts)} of {len(musts)} MUST"
    if explained:
        text += f" ({explained} explained)"
    return f"{text}, {_shown(others)} of {len(others)} other"


def _shown(rows: Sequence[Coverage]) -> int:
    return sum(1 for row in rows if row.tests)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report."""
    options = arguments(argv)
    rows = covered()
    print("\n".join(report(rows, options)))
    open_ids = [each.id for each in unshown_musts(rows)]
    if open_ids:
        print(f"neither shown nor explained: {', '.join(open_ids)}")
    return 1 if open_ids else 0


if __name__ == "__main__":
    sys.exit(main())
