"""A scenario: how the issuer is, what it does wrong, and what a Wallet must make of it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from oid4vci.testing.report import Check, Finding
from oid4vci.testing.stage import FEATURES, Alteration, Setting, Stage, WalletProfile

__all__ = ("Expectation", "Scenario")

Expectation: TypeAlias = Callable[[Stage], str | None]
"""Looks at what the Wallet did: returns if it is as it must be, else raises `CheckFailed`, `CheckWarned` or `CheckSkipped`."""


def _needs(values: "frozenset[str] | tuple[str, ...]") -> frozenset[str]:
    if not set(values) <= FEATURES:
        raise ValueError(f"features are some of {', '.join(sorted(FEATURES))}")
    return frozenset(values)


@frozen(kw_only=True)
class Scenario:
    """One way in which an issuer and its Authorization Server behave, and what a Wallet must do.

    - `name`: letters, digits and hyphens; it is part of the identifiers.
    - `about`: what the issuer does and what the Wallet must do, in a sentence.
    - `requirements`: what it shows.
    - `alterations`: by endpoint, what is done to the answers of the good issuer: nothing, for most.
    - `offer`: what is done to the offer's URI before the Wallet gets it.
    - `needs`: what the Wallet must have to be played with; `key_attestations`: also somebody to believe about its keys.
    - `haip`: whether HAIP allows such an issuer; if not, it is not played with a Wallet that goes by HAIP.
    """

    name: str
    about: str
    requirements: tuple[str, ...]
    expectation: Expectation
    setting: Setting = field(factory=Setting)
    alterations: Mapping[str, Alteration] = field(factory=dict)
    offer: Callable[[Stage, str], str] | None = None
    needs: frozenset[str] = field(default=frozenset(), converter=_needs)
    key_attestations: bool = False
    haip: bool = True

    def lacking(self, profile: WalletProfile) -> str | None:
        """Why it is not played with such a Wallet; None if it is."""
        missing = sorted(self.needs - profile.features)
        if missing:
            return f"the wallet does not have {', '.join(missing)}"
        if profile.haip and not self.haip:
            return "HAIP does not allow such an issuer"
        if self.setting.grant is not None and self.setting.grant not in profile.grants:
            return f"the wallet does not use the {self.setting.grant} grant, or no redirect_uris were given for it"
        if self.setting.format is not None and self.setting.format not in profile.formats:
            return f"the wallet does not take {self.setting.format}"
        if self.key_attestations and profile.key_attestations is None:
            return "nobody was named who attests the wallet's keys"
        return None

    def judge(self, stage: Stage) -> Finding:
        """What came of it."""
        return Check(self.name, self.requirements, self.about, self.expectation)(stage)
