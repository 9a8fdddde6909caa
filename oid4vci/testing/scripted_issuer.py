"""A scripted issuer: it plays scenarios to a Wallet, keeps what the Wallet sends, and judges it.

It is a request handler and nothing more. An embedder serves it over HTTPS, or hands its `send` to a Wallet in the same process.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from attrs import Attribute, define, evolve, field

from oid4vci.http import Request, Response
from oid4vci.testing.conduct import CONDUCT, Conduct
from oid4vci.testing.report import Finding, Report
from oid4vci.testing.scenarios import SCENARIOS, Scenario
from oid4vci.testing.stage import Application, IssuingAuthority, Setting, Stage, WalletOutcome, WalletProfile, good_issuer
from oid4vci.x509 import Anchors

__all__ = ("ScriptedIssuer", "Start", "TooManyRequests")

Start: TypeAlias = Callable[[str, str | None], WalletOutcome | None]
"""Hands an offer's URI to the Wallet, with the Transaction Code that the person has, if any; returns when the Wallet is done.

It says "issued" if the Wallet has taken Credentials and "failed" if it has not; None if nobody can tell. What it raises counts as
"failed".
"""

_ORIGIN: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?")
_KEY: Final = re.compile(r"/(?:\.well-known/[a-z-]+/)?([a-z0-9-]+-[0-9]+)(?=/|$)")


class TooManyRequests(RuntimeError):
    """A Wallet in this process sends requests without end: this takes it out of its loop."""


def _check_origin(_: object, __: "Attribute[str]", origin: str) -> None:
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("origin must be https, a host and perhaps a port, with nothing behind it")


@define(eq=False)
class ScriptedIssuer:
    """An issuer and Authorization Server that behaves as a scenario says.

    - `origin`: where it is reached, such as `https://localhost:8443`. Each scenario has identifiers of its own under it, so one
      origin serves them all, and served once more it has others.
    - `clock`: gives the time in seconds since the epoch.
    - `wallet`: what the Wallet under test can do, and by what it is known.
    - `first`: the number in the first identifier; another one for each run against a Wallet that remembers issuers.

    The Wallet must trust `anchors` for Credentials (and for signed metadata, if it takes any), and whatever is under `origin`.
    """

    origin: str = field(validator=_check_origin)
    clock: Callable[[], int] = field(repr=False)
    wallet: WalletProfile = field(factory=WalletProfile)
    first: int = field(default=1, kw_only=True)
    authority: IssuingAuthority = field(init=False, repr=False)
    stages: list[Stage] = field(init=False, factory=list, repr=False)
    _by_key: dict[str, Stage] = field(init=False, factory=dict, repr=False)
    _playing: list[Stage] = field(init=False, factory=list, repr=False)

    def __attrs_post_init__(self) -> None:
        self.authority = IssuingAuthority.new(now=self.clock())

    @property
    def anchors(self) -> Anchors:
        """What the Wallet must trust for Credentials and signed metadata."""
        return Anchors((self.authority.certificate,))

    @property
    def anchor_pem(self) -> str:
        """The same in PEM."""
        return self.authority.pem

    # --- what the Wallet talks to -----------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Response:
        """The answer to any request under `origin`; 404 for what belongs to no scenario."""
        answers = [stage.answer(request) for stage in self._stages_of(request)]
        return answers[0] if answers else Response.of_json(404, {"error": "not_found"})

    def send(self, request: Request) -> Response:
        """`answer`, for a Wallet in this process. Raises `TooManyRequests`."""
        for stage in self._stages_of(request):
            if stage.overrun:
                raise TooManyRequests(f"{len(stage.exchanges)} requests were sent in {stage.name}")
        return self.answer(request)

    def _stages_of(self, request: Request) -> tuple[Stage, ...]:
        """The one that a request is for, else all that are being played: a Wallet there has missed its issuer, perhaps by a wrong
        well-known path.
        """
        key = _KEY.match(request.path)
        stage = self._by_key.get(key.group(1)) if key else None
        return tuple(self._playing) if stage is None else (stage,)

    # --- playing ----------------------------------------------------------------------------------------------------------

    def begin(self, scenario: Scenario) -> Stage:
        """Set the stage: its `offer_uri` is for the Wallet. `judge` ends it.

        Raises `ValueError` if the scenario cannot be played with this Wallet: `scenario.lacking` says why.
        """
        if (lacking := scenario.lacking(self.wallet)) is not None:
            raise ValueError(lacking)
        key = f"{scenario.name}-{self.first + len(self._by_key)}"
        setting = self._settled(scenario.setting)
        identifier = f"{self.origin}/{key}{'/' if setting.slash else ''}"
        stage = Stage(
            name=scenario.name,
            setting=setting,
            good=good_issuer(identifier, setting, self.wallet, self.authority, now=self.clock()),
            application=Application(setting),
            clock=self.clock,
            alterations=scenario.alterations,
        )
        stage.make_offer()
        if scenario.offer is not None:
            stage.offer_uri = scenario.offer(stage, stage.offer_uri)
        self._by_key[key] = stage
        self._playing.append(stage)
        self.stages.append(stage)
        return stage

    def _settled(self, setting: Setting) -> Setting:
        return evolve(
            setting,
            grant=setting.grant or self.wallet.grants[0],
            format=setting.format or self.wallet.formats[0],
            anonymous=setting.anonymous or "client_id" not in self.wallet.features,
        )

    def judge(self, scenario: Scenario, stage: Stage, outcome: WalletOutcome | None = None) -> Finding:
        """What came of a scenario, when the Wallet is done. `outcome` is what the Wallet says of it, if it does."""
        stage.outcome = outcome
        with suppress(ValueError):
            self._playing.remove(stage)
        return scenario.judge(stage)

    def play(self, scenario: Scenario, start: Start) -> Finding:
        """Play one scenario to the end. Raises nothing that the Wallet does."""
        if (lacking := scenario.lacking(self.wallet)) is not None:
            return Finding(scenario.name, scenario.requirements, "skipped", lacking)
        stage = self.begin(scenario)
        try:
            outcome = start(stage.offer_uri, stage.tx_code)
        except Exception as raised:
            finding = self.judge(scenario, stage, "failed")
            # Its message can quote a token; its class cannot.
            return evolve(finding, detail=f"{finding.detail}; the wallet raised {type(raised).__name__}")
        return self.judge(scenario, stage, outcome if outcome in ("issued", "failed") else None)

    def conduct(self) -> Report:
        """What all that the Wallet has sent so far, whatever the scenario, says of its conduct."""
        return CONDUCT.run(Conduct(tuple(self.stages), self.wallet))

    def probe(self, start: Start, *, scenarios: Sequence[Scenario] | None = None) -> Report:
        """Play `SCENARIOS`, or those, one after the other: a finding for each, and then one for each rule of conduct."""
        findings = tuple(self.play(scenario, start) for scenario in (SCENARIOS if scenarios is None else scenarios))
        return Report((*findings, *self.conduct()))
