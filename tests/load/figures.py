"""What a load came to, and the table of several."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

__all__ = ("Figures", "Usage", "table", "usage")

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@frozen
class Usage:
    """Processor seconds and resident mebibytes of some processes together."""

    seconds: float
    mebibytes: float


def usage(processes: Sequence[int]) -> Usage:
    """What they have used so far."""
    seconds = mebibytes = 0.0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / _TICKS
        mebibytes += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Usage(seconds, mebibytes)


@define
class Figures:
    """Of one server under load. `latencies` are the seconds of each request."""

    name: str
    workers: int
    seconds: float = 0.0
    issuances: int = 0
    latencies: list[float] = field(factory=list)
    errors: Counter[str] = field(factory=Counter)
    before: Usage = Usage(0, 0)
    after: Usage = Usage(0, 0)

    @property
    def processor(self) -> float:
        """Processor milliseconds of all workers for one issuance."""
        return (self.after.seconds - self.before.seconds) * 1000 / max(1, self.issuances)

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many of the requests were answered."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000 if ordered else 0.0


def table(figures: Sequence[Figures], within: float) -> Iterator[str]:
    """Markdown. `within` is the processor milliseconds of an issuance without HTTP and store."""
    yield (
        "| store | workers | issuances/s | requests/s | errors | p50 ms | p99 ms | processor ms per issuance | to in-process "
        "| memory MiB |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for each in figures:
        yield (
            f"| {each.name} | {each.workers} | {each.issuances / each.seconds:.0f} | {len(each.latencies) / each.seconds:.0f} "
            f"| {each.errors.total()} | {each.percentile(50):.1f} | {each.percentile(99):.1f} | {each.processor:.2f} "
            f"| {each.processor / within:.1f} | {each.before.mebibytes:.0f} → {each.after.mebibytes:.0f} |"
        )
