"""The runs that are known: a bounded number, of which the oldest that are over go first."""

import secrets

from attrs import define, field

from examples.wallet_server.run import Run

__all__ = ("Runs", "TooManyRuns")

ID_BYTES = 16


class TooManyRuns(Exception):
    """All that are known are still under way."""


@define
class Runs:
    """Runs by their ids, the oldest first."""

    maximum: int
    _known: dict[str, Run] = field(factory=dict)

    def new(self) -> Run:
        """A new run. Raises `TooManyRuns`."""
        if len(self._known) >= self.maximum and not any(each.over for each in self._known.values()):
            raise TooManyRuns
        run = Run(secrets.token_urlsafe(ID_BYTES))
        self.add(run)
        return run

    def add(self, run: Run) -> None:
        """A run that is there already: it is not lost for want of room."""
        if len(self._known) >= self.maximum:
            oldest = next((each.id for each in self._known.values() if each.over), None)
            if oldest is not None:
                del self._known[oldest]
        self._known[run.id] = run

    def get(self, run_id: str) -> Run | None:
        """A run, or None."""
        return self._known.get(run_id)

    def latest(self, count: int) -> list[Run]:
        """The latest ones, the newest first."""
        return list(reversed(self._known.values()))[:count]
