"""The coverage as Markdown, for the documentation: what is shown for each role, then a table for each section."""

from html import escape

from tests.spec_coverage.coverage import CLAIMED, MUST, ROLES, Coverage, by_section, covered

__all__ = ("table",)

DOCUMENTS = {"VCI": "OID4VCI 1.0", "HAIP": "HAIP 1.0", "VCI11": "OID4VCI 1.1, editor's draft"}
SHORT = {"issuer": "I", "wallet": "W", "authorization_server": "AS", "deployment": "D"}
CALLED = {"issuer": "issuer", "wallet": "wallet", "authorization_server": "authorization server", "deployment": "deployment"}


def table() -> str:
    """All requirements, with the tests that show each, or why none does."""
    rows = covered()
    lines = [*_summary(rows)]
    for (document, section), found in by_section(rows).items():
        musts = [row for row in found if row.requirement.level in MUST]
        shown = sum(1 for row in musts if row.tests)
        lines += [f"## {DOCUMENTS[document]}, {section}: {found[0].requirement.title}", ""]
        lines += [f"{shown} of {len(musts)} MUST and MUST NOT are shown.", ""] if musts else []
        lines += ["| Id | Level | For | Requirement, and what shows it |", "|---|---|---|---|", *map(_row, found), ""]
    return "\n".join(lines)


def _summary(rows: tuple[Coverage, ...]) -> list[str]:
    """How many MUST and MUST NOT there are for each role, how many of them tests show, and how many have a reason instead."""
    lines = [
        "## By role",
        "",
        "| Role | Short | Document | MUST, MUST NOT | shown by tests | with a reason |",
        "|---|---|---|---|---|---|",
    ]
    for role in ROLES:
        for document in CLAIMED:
            of_role = [row for row in rows if role in row.requirement.roles and row.requirement.document == document]
            musts = [row for row in of_role if row.requirement.level in MUST]
            shown = sum(1 for row in musts if row.tests)
            reasons = sum(1 for row in musts if not row.tests and row.exception)
            cells = (CALLED[role], SHORT[role], DOCUMENTS[document], len(musts), shown, reasons)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return [*lines, ""]


def _row(row: Coverage) -> str:
    each = row.requirement
    # An anchor, so that an id can be linked to; it does not break at its hyphens.
    anchored = f'<span class="requirement" id="{each.id}">{each.id}</span>'
    roles = ", ".join(SHORT[role] for role in each.roles)
    text = each.text.replace("|", "\\|")
    shown = "".join(_link(test) for test in row.tests) or (f"<br><em>{escape(row.exception)}</em>" if row.exception else "")
    return f"| {anchored} | {each.level} | {roles} | {text}{shown} |"


def _link(test: str) -> str:
    """A link to the test, on the page that the documentation has of its file."""
    file, _, names = test.partition("::")
    page, name = file.removesuffix(".py"), names.rpartition("::")[2]
    return f'<br><a class="shown-by" href="{page}.html#{name}">{escape(test.removeprefix("tests/"))}</a>'
