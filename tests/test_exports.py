"""The public names: one list, true in every direction, and lazy."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import oid4vci

STUB = ast.parse(Path(oid4vci.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))


def seen_by_type_checkers() -> dict[str, str]:
    """The names that type checkers see, each with its home."""
    found = {}
    for statement in STUB.body[:-1]:
        assert isinstance(statement, ast.ImportFrom)
        assert statement.module is not None
        for alias in statement.names:
            assert alias.asname is None
            found[alias.name] = statement.module
    return found


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_list_is_explicit_and_without_repetition() -> None:
    listed = STUB.body[-1]
    assert isinstance(listed, ast.Assign)
    assert sorted(ast.literal_eval(listed.value)) == list(oid4vci.__all__)
    assert len(oid4vci.__all__) == len(set(oid4vci.__all__))


def test_type_checkers_and_the_interpreter_see_the_same_names() -> None:
    lazy = {name: home for home, names in vars(oid4vci)["_HOMES"].items() for name in names.split()}
    assert lazy == seen_by_type_checkers()
    assert set(lazy) == set(oid4vci.__all__)


@pytest.mark.parametrize("name", oid4vci.__all__)
def test_a_public_name_is_public_at_home(name: str) -> None:
    home = import_module(seen_by_type_checkers()[name])
    assert getattr(oid4vci, name) is getattr(home, name)
    assert name in home.__all__


def test_no_public_name_hides_a_module() -> None:
    modules = {path.stem for path in Path(oid4vci.__file__).parent.iterdir()}
    assert modules.isdisjoint(oid4vci.__all__)


def test_every_module_says_what_it_hands_on() -> None:
    package = Path(oid4vci.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path.name == "__main__.py" or path == package / "__init__.py" or path.stat().st_size < 200:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lists = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
        assert len(lists) == 1, path
        names = ast.literal_eval(lists[0].value)
        assert len(names) == len(set(names)), path


def test_dir_names_them_all() -> None:
    assert set(oid4vci.__all__) <= set(dir(oid4vci))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Isuer'"):
        oid4vci.Isuer  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        exec("from oid4vci import Isuer")  # noqa: S102


def test_star_import() -> None:
    assert python("from oid4vci import *; print(Issuer.__name__, Wallet.__name__)") == "Issuer Wallet"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import oid4vci", ("attrs", "cryptography", "jose", "cbor2", "oid4vci.http")),
        ("from oid4vci import Request, Response, Record", ("cryptography", "jose", "cbor2", "oid4vci.metadata")),
        (
            "from oid4vci import Issuer, AuthorizationServer",
            ("cbor2", "oid4vci.formats.sd_jwt_vc", "oid4vci.x509", "oid4vci.wallet"),
        ),
        (
            "from oid4vci import Offer, Wallet, Trust, run",
            ("cbor2", "oid4vci.formats.sd_jwt_vc", "oid4vci.x509", "oid4vci.issuer"),
        ),
    ],
)
def test_nothing_is_imported_before_it_is_used(code: str, absent: tuple[str, ...]) -> None:
    loaded = python(f"{code}; import sys; print(*sys.modules)").split()
    assert set(absent).isdisjoint(loaded)
