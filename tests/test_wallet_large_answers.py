"""How much a Wallet takes: Credentials with portraits, several of them, encrypted or not; no more of anything else than before."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci.drive import run
from oid4vci.errors import InvalidResponse
from oid4vci.http import MAX_BODY, MAX_CREDENTIALS, Response
from oid4vci.wallet import Issued, dump, load
from tests.conformance import HOLDERS, PERSON, PID, Application, Watched, world
from tests.issuance import CREDENTIAL, NONCE

PORTRAIT = "x" * 400_000


class Photographer(Application):
    """Every person has a portrait."""

    def decide(self, order: Any, /) -> Any:
        if getattr(order, "configuration_id", None) != PID:
            return super().decide(order)
        return order.issue({**PERSON, "portrait": PORTRAIT})


def watched(**encryption: Any) -> Watched:
    return Watched(evolve(world(**encryption), host=Photographer()))


@pytest.mark.parametrize("wanted", ["when required", "when possible"])
def test_a_batch_with_portraits(wanted: str) -> None:
    net = watched()
    session = net.session(encryption=wanted)
    issued = run(net.order(session, PID).prove(HOLDERS[:3], now=net.now).submit(), net)
    assert isinstance(issued, Issued)
    assert [each.claims["portrait"] for each in issued.credentials] == [PORTRAIT] * 3
    assert MAX_BODY < len(net.responses[-1].body) < MAX_CREDENTIALS
    assert load(dump(issued), session.wallet) == issued


def padded(answer: Response, size: int) -> Response:
    return Response(answer.status, answer.headers, answer.body + b" " * (size - len(answer.body)))


def submitted(net: Watched, url: str, size: int) -> Any:
    """What comes of an order if answers from `url` have that size."""
    session = net.session()

    def send(request: Any) -> Response:
        answer = net(request)
        return padded(answer, size) if request.url == url else answer

    begun: Any = session.order(PID)
    return run(run(begun, send).prove(HOLDERS[:1], now=net.now).submit(), send)


def test_the_bound_of_an_answer_with_credentials() -> None:
    assert isinstance(submitted(watched(), CREDENTIAL, MAX_CREDENTIALS), Issued)
    with pytest.raises(InvalidResponse, match="the answer is too large"):
        submitted(watched(), CREDENTIAL, MAX_CREDENTIALS + 1)


def test_other_answers_have_the_bound_of_every_document() -> None:
    assert isinstance(submitted(watched(), NONCE, MAX_BODY), Issued)
    with pytest.raises(InvalidResponse, match="the answer is too large"):
        submitted(watched(), NONCE, MAX_BODY + 1)
