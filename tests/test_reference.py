"""The reference: every public name is in it, with words of its own; what pages import is public; tests can be looked up."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

import oid4vci
from tests.documents import ROOT, blocks, pages
from tests.spec_coverage.coverage import markers
from tests.spec_coverage.table import table

PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
MODULES = re.findall(r"^\.\. automodule:: (\S+)$", PAGE, re.MULTILINE)
VALUES = dict(re.findall(r"^\.\. py:data:: (\S+)\n(?:   :value: (.+)\n)?", PAGE, re.MULTILINE))
HOMES = {name: home for home, names in vars(oid4vci)["_HOMES"].items() for name in names.split()}


def is_described_by_itself(value: Any) -> bool:
    """Whether autodoc takes it from its docstring: a class or a function, and no value or alias."""
    return inspect.isclass(value) or inspect.isroutine(value)


def is_in_the_reference(module: str, name: str) -> bool:
    if is_described_by_itself(getattr(import_module(module), name)):
        # The names of a package may come from its modules, and the other way round.
        return any(name in import_module(each).__all__ for each in MODULES if f"{module}.".startswith(f"{each}."))
    # What is not among the public names may be described where it is.
    return f"{module}.{name}" in VALUES or f"oid4vci.{name}" in VALUES or (module in MODULES and name not in HOMES)


def test_a_module_is_there_once() -> None:
    assert len(MODULES) == len(set(MODULES)) > 50


@pytest.mark.parametrize("name", oid4vci.__all__)
def test_a_public_name_is_in_the_reference(name: str) -> None:
    assert is_in_the_reference(HOMES[name], name)


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_hands_on_has_words_of_its_own(module: str) -> None:
    found = import_module(module)
    assert found.__doc__
    for name in found.__all__:
        value = getattr(found, name)
        if is_described_by_itself(value):
            assert (value.__doc__ or "").strip(), name
            assert not (value.__doc__ or "").startswith(f"{name}("), name


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_the_code(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    value = getattr(import_module(module), attribute)
    assert not is_described_by_itself(value)
    if isinstance(value, str | tuple) and VALUES[name]:
        assert repr(value) == VALUES[name]


def imported_by_pages() -> set[tuple[str, str]]:
    """Whatever the code of a page takes from the library."""
    found = set()
    for page in pages():
        for block in blocks(page, "python"):
            for node in ast.walk(ast.parse(block.text)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "oid4vci":
                    found |= {(node.module or "", alias.name) for alias in node.names}
    return found


@pytest.mark.parametrize(("module", "name"), sorted(imported_by_pages()))
def test_pages_import_what_is_in_the_reference(module: str, name: str) -> None:
    assert not any(part.startswith("_") for part in f"{module}.{name}".split("."))
    home = HOMES[name] if module == "oid4vci" else module
    assert is_in_the_reference(home, name), f"{home}.{name}"


def test_tests_of_the_table_can_be_looked_up() -> None:
    pytest.importorskip("sphinx")
    from docs.sources import page

    links = set(re.findall(r'href="([^"#]+)\.html#([^"]+)"', table()))
    assert len(links) > 500
    written = {file: page(ROOT / f"{file}.py") for file, _ in links}
    assert [(file, name) for file, name in links if name != "module" and f'id="{name}"' not in written[file]] == []
    assert {marker.test.partition("::")[0].removesuffix(".py") for marker in markers()} >= set(written)


def test_the_reference_can_be_built_without_hypothesis() -> None:
    """With the extra `docs` alone it is not there: a mock takes its place."""
    pytest.importorskip("sphinx")
    code = "from sphinx.ext.autodoc.mock import mock\nwith mock(['hypothesis']):\n    import oid4vci.testing.strategies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_build_says_what_the_reference_lacks() -> None:
    pytest.importorskip("sphinx")
    from docs.public_names import missing

    described = {f"{HOMES[name]}.{name}" for name in oid4vci.__all__}
    assert missing(described) == []
    assert missing(described - {"oid4vci.issuer.Issuer"}) == ["Issuer"]


@pytest.mark.parametrize(
    ("signature", "shown"),
    [
        ("(a: int = 1, b: bool = NOTHING)", "(a: int = 1, b: bool = ...)"),
        ("(f: ~x.Y = <x.Y object>, g: int = 2)", "(f: ~x.Y = ..., g: int = 2)"),
        ("(m: dict = {'a': <bound method A.b of <class 'x.A'>>, 'c': <function d>})", "(m: dict = ...)"),
        ("(s: S = S(f=<function f>, g=frozenset(), h=()), i: int = 2)", "(s: S = ..., i: int = 2)"),
        ("(t: tuple[str, ...] = ('ES256',))", "(t: tuple[str, ...] = ('ES256',))"),
    ],
)
def test_signatures_are_readable(signature: str, shown: str) -> None:
    pytest.importorskip("sphinx")
    from docs.public_names import readable

    assert readable(signature) == shown
