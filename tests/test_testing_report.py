"""The report of a probe: what becomes of each check, for people and for machines."""

import json

import pytest

from oid4vci._json import Malformed
from oid4vci.testing import Check, CheckFailed, Checks, CheckSkipped, CheckWarned, Finding, Report

checks: Checks[list[str]] = Checks()


@checks("VCI-7-01", "RFC9449-4.3")
def all_is_well(peer: list[str]) -> str:
    """It is."""
    peer.append("looked")
    return "as it must be"


@checks("VCI-7-01")
def nothing_is_said(peer: list[str]) -> None:
    """Passes in silence."""


@checks("VCI-7-01", "VCI-8-01")
def a_rule_is_broken(peer: list[str]) -> None:
    """It is."""
    raise CheckFailed("sent nothing, expected 400, got 200")


@checks("VCI-8-02")
def something_is_odd(peer: list[str]) -> None:
    """It is."""
    raise CheckWarned("allowed, and not advised")


@checks("VCI-8-03")
def it_is_not_offered(peer: list[str]) -> None:
    """It is not."""
    raise CheckSkipped("there is no such endpoint")


@checks("VCI-8-02")
def what_came_is_garbage(peer: list[str]) -> None:
    """It is."""
    raise Malformed("not JSON")


@checks()
def the_check_itself_is_wrong(peer: list[str]) -> None:
    """It is."""
    raise KeyError("secret-token")


@checks("VCI-9-01")
def the_last_one_is_still_made(peer: list[str]) -> None:
    """It is."""
    peer.append("looked again")


OUTCOMES = {
    "all_is_well": "passed",
    "nothing_is_said": "passed",
    "a_rule_is_broken": "failed",
    "something_is_odd": "warned",
    "it_is_not_offered": "skipped",
    "what_came_is_garbage": "failed",
    "the_check_itself_is_wrong": "failed",
    "the_last_one_is_still_made": "passed",
}


def test_every_check_is_made_in_order_whatever_the_others_do() -> None:
    peer: list[str] = []
    report = checks.run(peer)
    assert {finding.check: finding.outcome for finding in report} == OUTCOMES
    assert [finding.check for finding in report] == [check.name for check in checks] == list(OUTCOMES)
    assert peer == ["looked", "looked again"]
    assert not report.ok
    assert [finding.check for finding in report.failed] == [
        "a_rule_is_broken",
        "what_came_is_garbage",
        "the_check_itself_is_wrong",
    ]


def test_some_checks_can_be_chosen() -> None:
    report = checks.run([], only={"all_is_well", "nothing_is_said"})
    assert [finding.outcome for finding in report] == ["passed", "passed"]
    assert report.ok
    assert report[0].detail == "as it must be"
    assert report[1:] == (Finding("nothing_is_said", ("VCI-7-01",), "passed"),)


def test_the_worst_outcome_stands_for_a_requirement() -> None:
    assert checks.run([]).by_requirement() == {
        "RFC9449-4.3": "passed",
        "VCI-7-01": "failed",
        "VCI-8-01": "failed",
        "VCI-8-02": "failed",
        "VCI-8-03": "skipped",
        "VCI-9-01": "passed",
    }
    assert checks.run([], only={"something_is_odd", "all_is_well"}).by_requirement()["VCI-8-02"] == "warned"


def test_a_fault_of_a_check_shows_its_class_and_nothing_more() -> None:
    report = checks.run([], only={"the_check_itself_is_wrong"})
    assert report[0].detail == "the check ended with KeyError"
    assert "secret-token" not in report.text()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_whoever_interrupts_a_probe_is_heard(interruption: type[BaseException]) -> None:
    def interrupted(peer: None) -> None:
        raise interruption

    with pytest.raises(interruption):
        Check("interrupted", (), "Is interrupted.", interrupted)(None)


def test_the_text_has_what_failed_first() -> None:
    lines = checks.run([]).text().splitlines()
    assert lines[0] == "8 checks: 3 failed, 1 warned, 1 skipped, 3 passed"
    assert lines[2:4] == ["Failed:", "  a_rule_is_broken (VCI-7-01, VCI-8-01): sent nothing, expected 400, got 200"]
    assert lines.index("Failed:") < lines.index("Doubtful:") < lines.index("Not looked at:") < lines.index("Passed:")
    assert "  the_check_itself_is_wrong: the check ended with KeyError" in lines
    assert "  the_last_one_is_still_made (VCI-9-01)" in lines


def test_the_report_is_json() -> None:
    report = checks.run([], only={"all_is_well", "it_is_not_offered"})
    assert json.loads(report.to_bytes()) == report.to_json()
    assert report.to_json() == {
        "ok": True,
        "findings": [
            {
                "check": "all_is_well",
                "requirements": ["VCI-7-01", "RFC9449-4.3"],
                "outcome": "passed",
                "detail": "as it must be",
            },
            {
                "check": "it_is_not_offered",
                "requirements": ["VCI-8-03"],
                "outcome": "skipped",
                "detail": "there is no such endpoint",
            },
        ],
        "requirements": {"RFC9449-4.3": "passed", "VCI-7-01": "passed", "VCI-8-03": "skipped"},
    }


def test_nothing_found_is_not_fine() -> None:
    assert not Report().ok
    assert not checks.run([], only={"it_is_not_offered"}).ok
    assert len(Report()) == 0
    assert Report().text() == "0 checks: 0 failed, 0 warned, 0 skipped, 0 passed\n"


def test_what_a_peer_says_cannot_command_a_terminal_or_fill_it() -> None:
    finding = Finding("odd", (), "failed", "\x1b[2Jgone\nFailed: forged" + "x" * 5000)
    assert finding.detail.startswith("\N{REPLACEMENT CHARACTER}[2Jgone\N{REPLACEMENT CHARACTER}Failed")
    assert len(finding.detail) == 603
    assert Report((finding,)).text().count("\n") == 4


def test_a_name_stands_once_and_says_something() -> None:
    with pytest.raises(ValueError, match="all_is_well"):
        checks.add("all_is_well", (), "Again.", all_is_well)
    with pytest.raises(ValueError, match="silent"):
        checks.add("silent", (), "  ", all_is_well)
    assert checks["all_is_well"].about == "It is."
