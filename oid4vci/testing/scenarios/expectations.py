"""What a Wallet must do in a scenario, told by what it sent, by its notification, and by its own word if it gives one."""

from collections.abc import Collection

from oid4vci.testing.report import CheckFailed, CheckSkipped, CheckWarned
from oid4vci.testing.scenarios.alterations import FOLLOWED
from oid4vci.testing.scenarios.scenario import Expectation
from oid4vci.testing.stage import Recorded, Stage
from oid4vci.testing.stage.recorded import AUTHORIZATION, CREDENTIAL, FLOW, NONCE, TOKEN

__all__ = (
    "advised",
    "asks_for_nothing",
    "asks_nothing",
    "completes",
    "denied",
    "follows_nothing",
    "gives_up",
    "never",
    "rejects",
    "stops",
)

ACCEPTED = "credential_accepted"


def _last(stage: Stage) -> str:
    if not stage.exchanges:
        return "it sent nothing at all"
    last = stage.exchanges[-1]
    error = last.answer.get("error")
    said = f", {error}" if isinstance(error, str) else ""
    return f"its last request went to the {last.endpoint} endpoint, which answered {last.response.status}{said}"


def completes(stage: Stage) -> str:
    """Credentials are issued, and the Wallet takes them."""
    if not stage.issued:
        raise CheckFailed(f"the wallet was issued nothing: {_last(stage)}")
    if stage.outcome == "failed":
        raise CheckFailed("good credentials were issued, and the wallet says that it failed")
    if set(stage.events) - {ACCEPTED}:
        raise CheckFailed(f"good credentials were issued, and the wallet sent {', '.join(stage.events)}")
    return "issued" if stage.outcome is None else "issued and accepted"


def _first_altered(stage: Stage) -> int:
    for i, each in enumerate(stage.exchanges):
        if each.altered:
            return i
    raise CheckSkipped("the wallet did not come so far")


def stops(stage: Stage) -> str:
    """After the first wrong answer nothing goes to any endpoint that comes later, and nothing is issued."""
    i = _first_altered(stage)
    wrong = stage.exchanges[i]
    later = FLOW[FLOW.index(wrong.endpoint) + 1 :] if wrong.endpoint in FLOW else FLOW
    return _nothing_more(stage, stage.exchanges[i + 1 :], later)


def _nothing_more(stage: Stage, rest: Collection[Recorded], endpoints: Collection[str]) -> str:
    for each in rest:
        if each.endpoint in endpoints:
            raise CheckFailed(f"the wallet went on: a request to the {each.endpoint} endpoint")
    if stage.outcome == "issued":
        raise CheckFailed("the wallet says that credentials were issued")
    return "the wallet went no further"


def rejects(stage: Stage) -> str:
    """Credentials that are not good are not accepted."""
    i = _first_altered(stage)
    if stage.outcome == "issued" or ACCEPTED in stage.events:
        raise CheckFailed("the wallet accepted a credential that is not good")
    if any(each.endpoint in (TOKEN, CREDENTIAL) and each.response.status == 200 for each in stage.exchanges[i + 1 :]):
        raise CheckFailed("the wallet was issued another credential, and did not say that the first one was not good")
    if stage.events:
        return f"the wallet sent {', '.join(stage.events)}"
    if stage.outcome == "failed":
        return "the wallet says that it failed"
    raise CheckSkipped("the wallet neither said nor notified what has become of the credential")


def gives_up(*endpoints: str, at_most: int = 3) -> Expectation:
    """What is refused for good is asked for `at_most` times at each of the endpoints, and nothing is issued."""

    def look(stage: Stage) -> str:
        _first_altered(stage)
        for endpoint in endpoints:
            count = len(stage.to(endpoint))
            if count > at_most:
                raise CheckFailed(f"the wallet sent {count} requests to the {endpoint} endpoint, {at_most} at most are due")
        if stage.outcome == "issued":
            raise CheckFailed("the wallet says that credentials were issued")
        return f"{max(len(stage.to(endpoint)) for endpoint in endpoints)} requests"

    return look


def never(*endpoints: str) -> Expectation:
    """After the first wrong answer nothing goes to these endpoints, and nothing is issued."""

    def look(stage: Stage) -> str:
        return _nothing_more(stage, stage.exchanges[_first_altered(stage) + 1 :], endpoints)

    return look


def advised(expectation: Expectation) -> Expectation:
    """`expectation`, where the rule is that a Wallet should: what is not so is doubtful, and no more."""

    def look(stage: Stage) -> str | None:
        try:
            return expectation(stage)
        except CheckFailed as failed:
            raise CheckWarned(str(failed)) from None

    return look


def denied(stage: Stage) -> str:
    """The End-User, or the server for them, said no: that is the end."""
    asked = [i for i, each in enumerate(stage.exchanges) if each.endpoint == AUTHORIZATION]
    if not asked:
        raise CheckSkipped("the wallet did not come so far")
    return _nothing_more(stage, stage.exchanges[asked[0] + 1 :], FLOW[FLOW.index(AUTHORIZATION) + 1 :])


def follows_nothing(stage: Stage) -> str:
    """A redirect is not followed: it leads where no trust decision has allowed to go."""
    wrong = stage.exchanges[_first_altered(stage)]
    if any(each.request.query == FOLLOWED for each in stage.exchanges):
        if wrong.endpoint in FLOW and wrong.endpoint != NONCE:
            raise CheckFailed(f"the wallet followed a redirect of the {wrong.endpoint} endpoint, and sent it what it holds")
        raise CheckWarned(f"the wallet followed a redirect of the {wrong.endpoint}")
    return stops(stage)


def asks_for_nothing(stage: Stage) -> str:
    """Documents may be fetched, but nothing is sent to any other endpoint."""
    if not stage.exchanges:
        raise CheckSkipped("the wallet did not come so far")
    return _nothing_more(stage, stage.exchanges, FLOW)


def asks_nothing(stage: Stage) -> str:
    """Nothing is sent at all: the offer alone says that it is not to be followed."""
    return _nothing_more(stage, stage.exchanges, {each.endpoint for each in stage.exchanges})
