"""The threat model: each attack has somebody who holds it off, by a test or a module that is there, or is said to be left."""

import re
from importlib.util import find_spec

import pytest

from tests.documents import ROOT

PAGE = (ROOT / "docs" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
ATTACKS = PAGE.partition("## Attacks\n")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in ATTACKS.splitlines()
    if line.startswith("| ") and not line.startswith("| Attack |")
]


def test_there_are_attacks() -> None:
    assert len(ROWS) > 40
    assert all(len(row) == 4 for row in ROWS)
    # What the specification's chapters on security and privacy name.
    for word in (
        "phishing",
        "SSRF",
        "Mix-up",
        "guessed",
        "replayed",
        "key substitution",
        "batch",
        "table is stolen",
        "weak algorithm",
    ):
        assert word in ATTACKS, word


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", row[0])[:40])
def test_who_holds_an_attack_off_is_there(row: list[str]) -> None:
    _, does, held_by, left = row
    names = re.findall(r"`([\w.]+)`", held_by)
    # Where nothing is done, somebody else has to.
    assert bool(does) == bool(names)
    assert does or left
    for name in names:
        if name.startswith("test_"):
            assert (ROOT / "tests" / f"{name}.py").is_file(), name
        else:
            assert find_spec(name) is not None, name


def test_the_page_on_security_repeats_nothing_of_it() -> None:
    security = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
    headings = [set(re.findall(r"^## (.+)$", page, re.MULTILINE)) for page in (PAGE, security)]
    assert headings[0].isdisjoint(headings[1])
