"""The shape of the package, held by machine: floors, forbidden imports, package files that define nothing, sizes, leftovers."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "oid4vci"
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400

# Nothing in the package talks to the world, waits, reads a clock or draws randomness ...
SYSTEM = {"os", "pathlib", "subprocess", "tempfile", "time"}
NETWORK = {"ftplib", "http", "select", "selectors", "smtplib", "socket", "socketserver", "ssl", "urllib.request"}
CONCURRENCY = {"asyncio", "concurrent", "multiprocessing", "trio"}
FORBIDDEN = SYSTEM | NETWORK | CONCURRENCY | {"random", "secrets"}
# ... but for these: the source of secrets, and the command line, which is the edge of the world.
ALLOWED = {("secret.py", "secrets"), ("cli/command.py", "time"), ("cli/command.py", "os"), ("cli/demonstration.py", "os")}
CLOCKS = frozenset({"now", "utcnow", "today"})


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(module: ast.Module) -> Iterator[str]:
    """Every module that is imported, wherever in the file."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden_imports(module: ast.Module) -> set[str]:
    return {each for found in imported(module) for each in FORBIDDEN if found == each or found.startswith(each + ".")}


def clock_reads(module: ast.Module) -> list[int]:
    """The lines that read a clock through `datetime`."""
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS and ast.unparse(node.value).endswith(("datetime", "date"))
    ]


def project_files() -> Iterator[Path]:
    """The files of the project, without those that tools made: hidden folders (but `.ci`), environments and builds."""
    made = {"build", "dist", "_build", "node_modules", "__pycache__"}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if not path.is_file() or any(part in made or part.endswith(".egg-info") for part in parts):
            continue
        if any(part.startswith(".") and part not in (".ci", ".gitignore") for part in parts):
            continue
        yield path


def test_floors_and_roles() -> None:
    run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=name)
def test_forbidden_imports(path: Path) -> None:
    allowed = {module for file, module in ALLOWED if file == name(path)}
    assert forbidden_imports(tree(path)) <= allowed
    assert clock_reads(tree(path)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import http.client",
        "def f():\n    from urllib import request",
        "from urllib.request import urlopen",
        "import asyncio.queues as queues",
        "from time import time",
        "from random import random",
    ],
)
def test_a_forbidden_import_is_found(source: str) -> None:
    assert forbidden_imports(ast.parse(source))


def test_what_only_looks_like_a_forbidden_import_is_not_found() -> None:
    assert (
        forbidden_imports(ast.parse("from oid4vci.http import Request\nfrom urllib.parse import urlsplit\nimport timeit"))
        == set()
    )


@pytest.mark.parametrize("source", ["datetime.now()", "datetime.datetime.utcnow()", "date.today()"])
def test_a_clock_is_found(source: str) -> None:
    assert clock_reads(ast.parse(source)) == [1]


def test_drive_imports_nothing_of_async() -> None:
    """A driver only awaits what it is given; it belongs to no event loop."""
    outside = {found for found in imported(tree(PACKAGE / "drive.py")) if not found.startswith("oid4vci")}
    assert {found.split(".")[0] for found in outside} <= {"attrs", "collections", "typing"}


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=name)
def test_package_files_only_hand_names_on(path: Path) -> None:
    for node in tree(path).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        type_checking = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "not TYPE_CHECKING")
        listed = isinstance(node, ast.Assign | ast.AnnAssign) and "__all__" in ast.unparse(node).split("=")[0]
        # These two are lazy: they hand names on when they are asked for.
        lazy = path.parent in (PACKAGE, PACKAGE / "testing") and (
            (isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__"))
            or (isinstance(node, ast.AnnAssign | ast.Assign) and "_HOMES" in ast.unparse(node).split("=")[0])
        )
        assert docstring or type_checking or listed or lazy or isinstance(node, ast.Import | ast.ImportFrom), ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_every_file_opens_with_what_belongs_in_it(path: Path) -> None:
    assert ast.get_docstring(tree(path))


def test_files_are_short() -> None:
    lines = {name(path): path.read_text(encoding="utf-8").count("\n") for path in FILES}
    assert {file: count for file, count in lines.items() if count > MAX_LINES} == {}


def test_no_leftovers() -> None:
    """No path of one machine, no registry host and no unfinished end is in the project."""
    # In halves, so that this file does not find itself.
    paths = [("/wor", "k/"), ("/roo", "t/"), ("/tm", "p/")]
    hosts = [("registry.np", "mjs"), ("files.python", "hosted"), ("pypi.o", "rg/simple"), ("deb.debi", "an.org")]
    ends = [("NotImplemented", "Error"), ("TO", "DO"), ("FIX", "ME"), ("XX", "X")]
    words = ["".join(halves) for halves in paths + hosts + ends]
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in project_files()
        if path.suffix not in (".svg", ".png")
        # The hashes in a lock file spell whatever they like.
        for text in [re.sub(r'"sha512-[^"]*"', "", path.read_text(encoding="utf-8"))]
        for word in words
        if word in text
    ]
    assert found == []
