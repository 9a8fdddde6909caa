"""The README: its code runs, its commands are those that are tested, its links lead somewhere."""

import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from oid4vci import Issued
from tests.documents import ROOT, blocks, run

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_the_blocks_run_as_one_script(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    run(README, namespace)
    assert capsys.readouterr().out == "gold\n200\n"
    assert isinstance(namespace["issued"], Issued)
    code = namespace["made"].grant.pre_authorized_code
    assert (
        namespace["redeem"]({"pre-authorized_code": code, "tx_code": "493536"}, "a-client").json()["error"] == "invalid_grant"
    )


def test_wrong_transaction_codes_are_counted_in_the_example() -> None:
    namespace: dict[str, Any] = {}
    run(README, namespace)
    made = namespace["codes"].new("bob", ["member"], tx_code="1234", now=2_000_000_000, new_secret=namespace["new_secret"])
    namespace["store"].commit(made.changes)
    guess = {"pre-authorized_code": made.grant.pre_authorized_code}
    answers = [namespace["redeem"]({**guess, "tx_code": code}, "a-client").status for code in ("1", "2", "3", "4", "5", "1234")]
    assert answers == [400] * 6


def test_quickstarts_are_short() -> None:
    found = list(blocks(README, "python"))
    assert len(found) == 3
    assert all(block.text.count("\n") < 30 and max(map(len, block.text.splitlines())) <= 132 for block in found)


def test_the_two_commands_are_the_ones_that_ci_runs() -> None:
    demo, tests = (block.text.strip() for block in blocks(README, "sh"))
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command, end in ((demo, "oid4vci demo"), (tests, "bin/pytest -n auto --dist loadfile")):
        assert re.findall(rf"^python3 -m venv .*{end}$", TEXT, re.MULTILINE) == [command]
        assert f"command_of_readme '{end}'" in ci


def test_the_law_is_there_early() -> None:
    assert TEXT.index("**Commit, then send.**") < TEXT.index("```")


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_modules_of_the_table_exist() -> None:
    table = re.findall(r"^\|.*\| (`oid4vci.*`) \|$", TEXT, re.MULTILINE)
    modules = [module for row in table for module in re.findall(r"`([\w.]+)`", row)]
    assert len(modules) > 10
    for module in modules:
        assert find_spec(module) is not None
        import_module(module)
