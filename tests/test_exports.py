"""The public names, those for tests as well: one list, true in every direction, and lazy."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import oid4vci
import oid4vci.testing

PACKAGES = (oid4vci, oid4vci.testing)
NAMES = [(package, name) for package in PACKAGES for name in package.__all__]


def folder(package: ModuleType) -> Path:
    return Path(str(package.__file__)).parent


def stub(package: ModuleType) -> ast.Module:
    return ast.parse((folder(package) / "__init__.pyi").read_text(encoding="utf-8"))


def seen_by_type_checkers(package: ModuleType) -> dict[str, str]:
    """The names that type checkers see, each with its home."""
    found = {}
    for statement in stub(package).body[:-1]:
        assert isinstance(statement, ast.ImportFrom)
        assert statement.module is not None
        for alias in statement.names:
            assert alias.asname is None
            found[alias.name] = statement.module
    return found


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_list_is_explicit_and_without_repetition(package: ModuleType) -> None:
    listed = stub(package).body[-1]
    assert isinstance(listed, ast.Assign)
    assert sorted(ast.literal_eval(listed.value)) == list(package.__all__)
    assert len(package.__all__) == len(set(package.__all__))


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_and_the_interpreter_see_the_same_names(package: ModuleType) -> None:
    lazy = {name: home for home, names in vars(package)["_HOMES"].items() for name in names.split()}
    assert lazy == seen_by_type_checkers(package)
    assert set(lazy) == set(package.__all__)


@pytest.mark.parametrize(("package", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_public_name_is_public_at_home(package: ModuleType, name: str) -> None:
    home = import_module(seen_by_type_checkers(package)[name])
    assert getattr(package, name) is getattr(home, name)
    assert name in home.__all__


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_hides_a_module(package: ModuleType) -> None:
    modules = {path.stem for path in folder(package).iterdir()}
    assert modules.isdisjoint(package.__all__)


def test_every_module_says_what_it_hands_on() -> None:
    package = folder(oid4vci)
    for path in sorted(package.rglob("*.py")):
        if (
            path.name == "__main__.py"
            or path in {folder(each) / "__init__.py" for each in PACKAGES}
            or path.stat().st_size < 200
        ):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lists = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
        assert len(lists) == 1, path
        names = ast.literal_eval(lists[0].value)
        assert len(names) == len(set(names)), path


@pytest.mark.parametrize("package", PACKAGES)
def test_dir_names_them_all(package: ModuleType) -> None:
    assert set(package.__all__) <= set(dir(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"'{package.__name__}' has no attribute 'Isuer'"):
        package.Isuer
    with pytest.raises(ImportError):
        exec(f"from {package.__name__} import Isuer")  # noqa: S102


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
        (
            "from oid4vci.testing import StoreContract, AsyncStoreContract",
            ("cryptography", "jose", "pytest", "hypothesis", "oid4vci.issuer", "oid4vci.testing.report"),
        ),
        ("from oid4vci.testing import *; ScriptedWallet, ScriptedIssuer", ("pytest", "hypothesis", "asyncio", "ssl", "httpx")),
    ],
)
def test_nothing_is_imported_before_it_is_used(code: str, absent: tuple[str, ...]) -> None:
    loaded = python(f"{code}; import sys; print(*sys.modules)").split()
    assert set(absent).isdisjoint(loaded)
