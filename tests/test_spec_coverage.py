"""The coverage of the specification: markers name real requirements, and the claimed documents have no hole that nobody explains."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.spec_coverage import __main__ as command
from tests.spec_coverage.coverage import Marker, covered, exceptions, markers, requirements, unshown_musts


def test_the_ids_of_markers_exist() -> None:
    known = {each.id for each in requirements()}
    assert {marker for marker in markers() if marker.id not in known} == set()


def test_the_ids_of_requirements_are_unique() -> None:
    ids = [each.id for each in requirements()]
    assert len(ids) == len(set(ids)) > 600


def test_every_must_of_the_claimed_documents_is_shown_or_explained() -> None:
    missing = [f"{each.id}: {each.text}" for each in unshown_musts(covered())]
    assert missing == []


def test_exceptions_shrink() -> None:
    shown = {row.requirement.id: row.tests for row in covered() if row.tests}
    claimed = {each.id for each in requirements() if each.claimed}
    assert {each: shown[each] for each in exceptions() if each in shown} == {}, "these are shown: remove the exceptions"
    assert set(exceptions()) <= claimed, "these need no exception"


def test_exceptions_have_reasons() -> None:
    assert all(len(reason) > 20 for reason in exceptions().values())


def test_markers_are_found_wherever_pytest_finds_them(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(
        """
import pytest
pytestmark = [pytest.mark.spec("A-1-01"), pytest.mark.interop]
CASES = [pytest.param(1, marks=pytest.mark.spec("A-1-02"))]

@pytest.mark.spec("A-1-03", "A-1-04")
class TestThem:
    pytestmark = pytest.mark.spec("A-1-05")

    @pytest.mark.parametrize("x", [pytest.param(1, marks=[pytest.mark.spec("A-1-06")]), 2])
    @pytest.mark.spec("A-1-07")
    async def test_it(self, x): ...

def helper(mark): return mark.skip("A-1-08")
""",
        encoding="utf-8",
    )
    place = f"{tmp_path.name}/test_them.py::"
    assert set(markers(tmp_path)) == {
        Marker("A-1-01", place + "pytestmark"),
        Marker("A-1-02", place + "CASES"),
        Marker("A-1-03", place + "TestThem"),
        Marker("A-1-04", place + "TestThem"),
        Marker("A-1-05", place + "TestThem"),
        Marker("A-1-06", place + "TestThem::test_it"),
        Marker("A-1-07", place + "TestThem::test_it"),
    }


def test_a_marker_with_computed_ids_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text("@pytest.mark.spec(*IDS)\ndef test_it(): ...\n", encoding="utf-8")
    with pytest.raises(TypeError, match="string literals"):
        markers(tmp_path)


def test_the_command_reports_roles_sections_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["--role", "issuer", "--section", "9", "--missing", "--level", "MUST"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("issuer: ")
    assert any(line.startswith("  9.1 ") for line in lines)
    assert not any(line.startswith(("  8", "wallet")) for line in lines)


def test_the_command_runs_as_a_module() -> None:
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tests.spec_coverage", "--tests"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == (1 if unshown_musts(covered()) else 0)
    assert "wallet: " in done.stdout
