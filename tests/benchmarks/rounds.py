"""Timing in rounds of processor time: every case runs in every round, so that a noisy machine treats them alike."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from attrs import frozen

__all__ = ("Case", "Clocked", "Timing", "measure", "table")


class Clocked(Protocol):
    """A case that runs elsewhere, where its processor time is taken too."""

    def seconds(self, count: int) -> float:
        """What it takes to run `count` times."""


Case: TypeAlias = Callable[[], object] | Clocked


def _seconds(case: Case, count: int) -> float:
    if not callable(case):
        return case.seconds(count)
    begin = time.process_time()
    for _ in range(count):
        case()
    return time.process_time() - begin


@frozen
class Timing:
    """Microseconds for one call (the median), and the median of its ratios to each other case of the same round."""

    microseconds: float
    ratios: Mapping[str, float]


def measure(cases: Mapping[str, Case], *, rounds: int = 11, seconds: float = 0.15) -> dict[str, Timing]:
    """Time each case `rounds` times for about `seconds`."""
    loops: dict[str, int] = {}
    for name, case in cases.items():
        _seconds(case, 1)
        count, spent = 1, 0.0
        while spent < seconds / 8:
            count *= 2
            spent = _seconds(case, count)
        loops[name] = max(1, round(count * seconds / spent))
    times: dict[str, list[float]] = {name: [] for name in cases}
    order = list(cases)
    for turn in range(rounds):
        gc.collect()
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            times[name].append(_seconds(cases[name], loops[name]) / loops[name] * 1e6)
    return {
        name: Timing(
            statistics.median(own),
            {other: statistics.median(a / b for a, b in zip(own, theirs, strict=True)) for other, theirs in times.items()},
        )
        for name, own in times.items()
    }


def table(title: str, timings: Mapping[str, Timing], references: tuple[str, ...], *, per: int = 1) -> str:
    """The figures as a Markdown table; `per` units of work are done in one call."""
    lines = [
        f"### {title}",
        "",
        f"| case | us | per second | {' | '.join(f'x {name}' for name in references)} |",
        f"|---|--:|--:|{'--:|' * len(references)}",
    ]
    for name, timing in timings.items():
        ratios = " | ".join(f"{timing.ratios[reference]:.2f}" for reference in references)
        lines.append(f"| {name} | {timing.microseconds:.1f} | {1e6 / timing.microseconds * per:,.0f} | {ratios} |")
    return "\n".join([*lines, ""])
