"""The coverage as Markdown tables, one for each section, for the documentation."""

from tests.spec_coverage.coverage import MUST, Coverage, by_section, covered

__all__ = ("table",)

DOCUMENTS = {"VCI": "OID4VCI 1.0", "HAIP": "HAIP 1.0", "VCI11": "OID4VCI 1.1, editor's draft"}


def table() -> str:
    """All requirements, with the tests that show each, or why none does."""
    lines: list[str] = []
    for (document, section), rows in by_section(covered()).items():
        musts = [row for row in rows if row.requirement.level in MUST]
        shown = sum(1 for row in musts if row.tests)
        lines += [f"## {DOCUMENTS[document]}, {section}: {rows[0].requirement.title}", ""]
        lines += [f"{shown} of {len(musts)} MUST and MUST NOT are shown.", ""] if musts else []
        lines += ["| Id | Level | Requirement | Shown by |", "|---|---|---|---|", *(_row(row) for row in rows), ""]
    return "\n".join(lines)


def _row(row: Coverage) -> str:
    shown = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.tests)
    text = row.requirement.text.replace("|", "\\|")
    return f"| {row.requirement.id} | {row.requirement.level} | {text} | {shown or row.exception or ''} |"
