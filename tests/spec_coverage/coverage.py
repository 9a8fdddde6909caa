"""Which requirements of the specification the test suite shows.

`requirements.jsonl` has the requirements, `@pytest.mark.spec(...)` on tests says which one a test shows, and `exceptions.toml`
those that this version cannot show, with the reason. The markers are read from the source, no test is imported or run.
"""

import ast
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

__all__ = (
    "Coverage",
    "Marker",
    "Requirement",
    "by_section",
    "covered",
    "exceptions",
    "markers",
    "requirements",
    "unshown_musts",
)

HERE = Path(__file__).parent
TESTS = HERE.parent
MUST = ("MUST", "MUST NOT")
ROLES = ("issuer", "wallet", "authorization_server", "deployment")

# The documents of which this version claims every MUST.
CLAIMED = ("VCI", "HAIP")


@frozen
class Requirement:
    """A normative statement. `section` is its number, `check` how a test shows it."""

    id: str
    title: str
    level: str
    roles: tuple[str, ...]
    text: str = field(repr=False)
    check: str = field(repr=False)

    @property
    def document(self) -> str:
        """`VCI` (1.0), `HAIP`, or `VCI11` (the editor's draft of 1.1)."""
        return self.id.partition("-")[0]

    @property
    def section(self) -> str:
        """The number of the section."""
        return self.id.split("-")[1]

    @property
    def claimed(self) -> bool:
        """Whether this version must show it, unless `exceptions.toml` says why not."""
        return self.level in MUST and self.document in CLAIMED


def within(section: str, ancestor: str) -> bool:
    """Whether a section number is `ancestor` or below it."""
    return section == ancestor or section.startswith(ancestor + ".")


@frozen
class Marker:
    """An id that a marker names, and the test that has the marker."""

    id: str
    test: str


@frozen
class Coverage:
    """A requirement, the tests that show it, and why none has to."""

    requirement: Requirement
    tests: tuple[str, ...]
    exception: str | None


def requirements() -> tuple[Requirement, ...]:
    """All requirements, in the order of the file."""
    with (HERE / "requirements.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return tuple(
        Requirement(row["id"], row["section"], row["level"], tuple(row["role"]), row["text"], row["check"]) for row in rows
    )


def exceptions() -> Mapping[str, str]:
    """The requirements that no test has to show yet, each with its reason. Raises `ValueError` if an id stands twice."""
    found: dict[str, str] = {}
    for group in tomllib.loads((HERE / "exceptions.toml").read_text(encoding="utf-8"))["group"]:
        for each in group["ids"]:
            if each in found:
                raise ValueError(f"{each} stands twice")
            found[each] = group["reason"]
    return found


def markers(tests: Path = TESTS) -> tuple[Marker, ...]:
    """Every marker of the tests below a folder. Raises `TypeError` for an argument that is no string literal."""
    found: list[Marker] = []
    for path in sorted(tests.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        name = path.relative_to(tests.parent).as_posix()
        found += (Marker(each, f"{name}::{test}") for each, test in _marked(tree, name))
    return tuple(found)


def _marked(tree: ast.Module, file: str) -> Iterator[tuple[str, str]]:
    """The ids and the place of each marker: the function or class that it decorates, or the name it is assigned to."""
    places: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        place = places.get(node, "")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            place = f"{place}::{node.name}" if place else node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign) and not place:
            place = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        for child in ast.iter_child_nodes(node):
            places[child] = place
        if isinstance(node, ast.Call) and _is_spec(node.func):
            for argument in node.args:
                if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                    raise TypeError(f"{file}:{argument.lineno}: the ids of a marker must be string literals")
                yield argument.value, place or "module"


def _is_spec(node: ast.expr) -> bool:
    """Whether an expression is `pytest.mark.spec`, or `mark.spec`."""
    if not isinstance(node, ast.Attribute) or node.attr != "spec":
        return False
    value = node.value
    return (isinstance(value, ast.Attribute) and value.attr == "mark") or (isinstance(value, ast.Name) and value.id == "mark")


def covered() -> tuple[Coverage, ...]:
    """Every requirement with the tests that show it."""
    shown: dict[str, dict[str, None]] = {}
    for marker in markers():
        shown.setdefault(marker.id, {})[marker.test] = None
    excepted = exceptions()
    return tuple(Coverage(each, tuple(shown.get(each.id, ())), excepted.get(each.id)) for each in requirements())


def unshown_musts(rows: tuple[Coverage, ...]) -> tuple[Requirement, ...]:
    """The MUSTs of the claimed documents that no test shows and no exception explains."""
    return tuple(row.requirement for row in rows if row.requirement.claimed and not row.tests and row.exception is None)


def _natural(section: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (1000, part) for part in section.split("."))


def by_section(rows: tuple[Coverage, ...]) -> Mapping[tuple[str, str], list[Coverage]]:
    """The rows by document and section, in the order of the documents."""
    found: dict[tuple[str, str], list[Coverage]] = {}
    for row in rows:
        found.setdefault((row.requirement.document, row.requirement.section), []).append(row)
    order = ("VCI", "HAIP", "VCI11")
    return {key: found[key] for key in sorted(found, key=lambda key: (order.index(key[0]), _natural(key[1])))}
