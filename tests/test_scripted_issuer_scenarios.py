"""Every scenario can be failed: by a Wallet to which what is wrong makes no difference, or that cannot cope with what is good."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from oid4vci.http import Request, Response
from oid4vci.testing import SCENARIOS, Finding, Scenario, ScriptedIssuer
from tests.probed_wallet import ProbedWallet, Send, probed

DOCUMENTS = ("offer", "issuer metadata", "server metadata", "issuer keys")
TIMES = 12
Play = Callable[[ScriptedIssuer, ProbedWallet, Scenario], Finding]


def kind(scenario: Scenario) -> str:
    """The name of what a Wallet must do."""
    return scenario.expectation.__qualname__.partition(".")[0]


def sending(change: Callable[[ScriptedIssuer], Send]) -> Play:
    """The Wallet of this library behind another network."""
    return lambda issuer, wallet, scenario: issuer.play(scenario, evolve(wallet, send=change(issuer)))


def gullible(issuer: ScriptedIssuer) -> Send:
    """It takes a wrong answer for what it should have been."""

    def send(request: Request) -> Response:
        response, exchanges = issuer.send(request), issuer.stages[-1].exchanges
        return exchanges[-1].unaltered if exchanges and exchanges[-1].response is response else response

    return send


def halting(issuer: ScriptedIssuer) -> Send:
    """It reads what there is to read, and goes no further."""

    def send(request: Request) -> Response:
        response = issuer.send(request)
        return response if issuer.stages[-1].exchanges[-1].endpoint in DOCUMENTS else Response(503)

    return send


def following(issuer: ScriptedIssuer) -> Send:
    """It goes wherever it is sent."""

    def send(request: Request) -> Response:
        response = issuer.send(request)
        location = response.headers.get("location")
        if location is None or issuer.stages[-1].exchanges[-1].endpoint == "authorization":
            return response
        return send(evolve(request, url=location))

    return send


def insistent(issuer: ScriptedIssuer) -> Send:
    """It asks again and again."""

    def send(request: Request) -> Response:
        for _ in range(TIMES):
            if (response := issuer.send(request)).status < 400:
                break
        return response

    return send


def careless(issuer: ScriptedIssuer, wallet: ProbedWallet, scenario: Scenario) -> Finding:
    """It has made an offer of its own of what it was given."""
    return issuer.play(evolve(scenario, offer=None), wallet)


def unheeding(issuer: ScriptedIssuer, wallet: ProbedWallet, scenario: Scenario) -> Finding:
    """It goes to the Token Endpoint, whatever the person said."""

    def start(uri: str, tx_code: str | None) -> Any:
        outcome = wallet(uri, tx_code)
        issuer.send(Request("POST", f"{issuer.stages[-1].base}/token"))
        return outcome

    return issuer.play(scenario, start)


def straying(issuer: ScriptedIssuer, wallet: ProbedWallet, scenario: Scenario) -> Finding:
    """It goes to the other server as well."""

    def start(uri: str, tx_code: str | None) -> Any:
        issuer.send(Request("POST", f"{issuer.stages[-1].base}/other/token"))
        return wallet(uri, tx_code)

    return issuer.play(scenario, start)


def numbering(issuer: ScriptedIssuer, wallet: ProbedWallet, scenario: Scenario) -> Finding:
    """It takes the Transaction Code for a number."""

    def send(request: Request) -> Response:
        return issuer.send(evolve(request, body=request.body.replace(b"tx_code=00", b"tx_code=")))

    return issuer.play(scenario, evolve(wallet, send=send))


# By what a Wallet must do: Wallets that do something else.
WRONG: dict[str, tuple[Play, ...]] = {
    "completes": (sending(halting),),
    "advised": (sending(halting), sending(gullible)),
    "stops": (sending(gullible),),
    "never": (sending(gullible),),
    "rejects": (sending(gullible),),
    "follows_nothing": (sending(following),),
    "gives_up": (sending(insistent),),
    "asks_nothing": (careless,),
    "asks_for_nothing": (careless,),
    "denied": (unheeding,),
    "_other_server": (straying, sending(halting)),
    "_tx_code": (numbering, sending(halting)),
    "_waits_for_tx_code": (sending(insistent),),
    "_notified": (sending(insistent),),
    "_signed": (sending(halting),),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[each.name for each in SCENARIOS])
def test_it_can_be_failed(scenario: Scenario) -> None:
    found = []
    for play in WRONG[kind(scenario)]:
        issuer, wallet = probed(asks_for_signed=scenario.name != "signed-metadata-unasked")
        found.append(play(issuer, wallet, scenario).outcome)
    caught = [outcome in ("failed", "warned") for outcome in found]
    # What is advised can be good or bad: one of the two is what catches.
    assert any(caught) if kind(scenario) == "advised" else all(caught), found


def test_every_kind_of_expectation_is_here() -> None:
    assert {kind(scenario) for scenario in SCENARIOS} == set(WRONG)


GOOD = ("completes", "_other_server", "_tx_code", "_signed", "_notified")


@pytest.mark.parametrize("says", [None, "issued"])
def test_a_wallet_that_says_nothing_is_judged_by_what_it_sends(says: Any) -> None:
    """Which is enough, but for what nobody sends: that a credential is thrown away."""
    for scenario in SCENARIOS:
        issuer, wallet = probed(asks_for_signed=scenario.name != "signed-metadata-unasked")

        def start(uri: str, tx_code: str | None, wallet: ProbedWallet = wallet) -> Any:
            wallet(uri, tx_code)
            return says

        finding = issuer.play(scenario, start)
        good = kind(scenario) in GOOD or scenario.name == "nonce-rejected-once"
        if says is None:
            unsaid = kind(scenario) in ("rejects", "advised") and finding.outcome == "skipped"
            assert finding.outcome == "passed" or unsaid
        else:
            assert (finding.outcome == "passed") == good, finding
