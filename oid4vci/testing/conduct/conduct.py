"""Everything that a Wallet has sent in any scenario, and the rules that hold for all of it."""

from collections.abc import Iterator
from typing import NoReturn

from attrs import frozen

from oid4vci.testing.report import CheckFailed, Checks, CheckSkipped, CheckWarned
from oid4vci.testing.stage import Recorded, Stage, WalletProfile

__all__ = ("CONDUCT", "Conduct", "wrong", "wrong_by_haip")


@frozen
class Conduct:
    """What was sent on all stages."""

    stages: tuple[Stage, ...]
    wallet: WalletProfile

    def sent(self, *endpoints: str) -> Iterator[tuple[Stage, Recorded]]:
        """The requests to these endpoints, each with its stage. Raises `CheckSkipped` if there are none."""
        found = [(stage, each) for stage in self.stages for each in stage.to(*endpoints)]
        if not found:
            raise CheckSkipped(f"the wallet sent nothing to the {' or '.join(endpoints)} endpoint")
        yield from found

    def with_header(self, name: str, *endpoints: str) -> Iterator[tuple[Stage, Recorded]]:
        """Those that have a header. Raises `CheckSkipped` if none has it."""
        found = [(stage, each) for stage in self.stages for each in stage.to(*endpoints) if name in each.request.headers]
        if not found:
            raise CheckSkipped(f"no request has a {name} header")
        yield from found


CONDUCT: Checks[Conduct] = Checks()
"""The rules."""


def wrong_by_haip(conduct: Conduct, stage: Stage, what: str) -> NoReturn:
    """Raise `CheckFailed` if the Wallet is to go by HAIP, else `CheckWarned`."""
    raise (CheckFailed if conduct.wallet.haip else CheckWarned)(f"in {stage.name}: {what}")


def wrong(stage: Stage, what: str) -> NoReturn:
    """Raise `CheckFailed` for something in a scenario."""
    raise CheckFailed(f"in {stage.name}: {what}")
