"""Every rule of conduct can be broken, and is then found to be: a Wallet that does one thing wrong for each."""

import pytest
from attrs import evolve

from oid4vci.testing import SCENARIOS
from oid4vci.testing.conduct import CONDUCT, Conduct
from tests.probed_wallet import probed
from tests.rule_breakers import CODE, MUTANTS, Plain
from tests.wallet_mutants import Mutant

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def played(mutant: Mutant, *, good: bool = False) -> str:
    """What the rule says of the Wallet, or of the same one with nothing wrong."""
    issuer, wallet = probed(mutant.method)
    if not good:
        wallet = mutant.subclass(issuer, wallet.clock, mutant.send(issuer), **mutant.wallet)
    scenario = BY_NAME[mutant.scenario]
    if mutant.rule == "accept_of_metadata":
        wallet = evolve(wallet, asks_for_signed=False)
    for _ in range(2 if mutant.twice else 1):
        issuer.play(scenario, wallet)
    finding = CONDUCT[mutant.rule](Conduct(tuple(issuer.stages), issuer.wallet))
    assert "ended with" not in finding.detail, finding
    return finding.outcome


@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{each.rule}-{i}" for i, each in enumerate(MUTANTS)])
def test_who_breaks_a_rule_is_found(mutant: Mutant) -> None:
    assert played(mutant) in ("failed", "warned")
    assert played(mutant, good=True) == "passed"


def test_every_rule_can_be_broken() -> None:
    assert {mutant.rule for mutant in MUTANTS} == {rule.name for rule in CONDUCT}


@pytest.mark.parametrize("haip", [False, True])
def test_what_only_haip_demands_is_doubtful_for_others(haip: bool) -> None:
    issuer, wallet = probed()
    issuer.wallet = evolve(issuer.wallet, haip=haip)
    issuer.play(BY_NAME[CODE], Plain(issuer, wallet.clock, issuer.send, settings={"haip": False}))
    assert {finding.check for finding in issuer.conduct().of("failed" if haip else "warned")} == {"pushed_requests"}
