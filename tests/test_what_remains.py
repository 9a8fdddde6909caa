"""What remains of an issuance once it is over: in the issuer's store, in the logs, and in what others see (OID4VCI 14, 15).

The application's own records (the places on its status list) are beside those of the library, and say nothing of a person either.
"""

import json
import logging
from typing import Any

import pytest

from oid4vci.drive import run
from oid4vci.http import Request, Response
from oid4vci.records import Record
from oid4vci.wallet import Deferred, Issued
from tests.conformance import DEFERRED, HOLDERS, MDOC, PID, Watched, world
from tests.issuance import CREDENTIAL, NOW, order_of
from tests.issuance import Proof as JwtProof

VALUES = ('"Doe"', '"Jane"', '"Utopia"', '"UT"')


def obtained(net: Watched, configuration_id: str, **settings: Any) -> Issued:
    order = net.order(net.session(**settings), configuration_id)
    result: Any = run(order.prove(HOLDERS[:2], now=net.now).submit(), net)
    while isinstance(result, Deferred):
        net.time[0] = result.ready_at
        result = run(result.poll(now=net.now), net)
    assert isinstance(result, Issued)
    return run(result.notify("credential_accepted", now=net.now), net)


def secrets(issued: Issued) -> set[str]:
    """Tokens, Credentials and their parts, and keys."""
    texts = {issued.session.access_token, issued.notification_id or ""}
    for each in issued.credentials:
        assert isinstance(each.credential, str)
        texts |= {each.credential, *each.credential.replace("~", ".").split(".")}
    for key in issued.holder_keys:
        texts |= set(key.jwk.values()) - {"EC", "P-256"}
    return {text for text in texts if len(text) > 20}


def written(rows: dict[Any, Record]) -> str:
    return json.dumps([[key.kind, record.data] for key, record in rows.items()], default=str)


@pytest.mark.spec("VCI-15.3-01", "VCI-15.3-03", "VCI-15.4.1-03")
@pytest.mark.parametrize("configuration_id", [PID, MDOC])
@pytest.mark.parametrize("deferrals", [0, 2])
def test_the_store_keeps_neither_credentials_nor_keys_nor_claims(configuration_id: str, deferrals: int) -> None:
    net = Watched(world(deferrals=deferrals))
    issued = obtained(net, configuration_id)
    kept = written(net.world.host.rows)
    assert "ada" in kept
    for secret in (*secrets(issued), *VALUES):
        assert secret not in kept


@pytest.mark.spec("VCI-15.3-02")
@pytest.mark.parametrize("encryption", ["when required", "when possible"])
@pytest.mark.parametrize("configuration_id", [PID, MDOC])
def test_nothing_is_logged(configuration_id: str, encryption: Any, caplog: pytest.LogCaptureFixture) -> None:
    """By the library: what is logged is up to the application."""
    with caplog.at_level(logging.DEBUG):
        obtained(Watched(world(deferrals=1)), configuration_id, encryption=encryption)
    assert [record.name for record in caplog.records if record.name.startswith("oid4vci")] == []


def test_what_is_encrypted_is_not_seen_on_the_way() -> None:
    net = Watched(world(deferrals=1))
    issued = obtained(net, PID, encryption="when possible")
    sealed = [request.body for request in net.requests if request.url in (CREDENTIAL, DEFERRED)]
    sealed += [answer.body for answer in net.responses if answer.headers.get("content-type") == "application/jwt"]
    assert len(sealed) == 4
    for body in sealed:
        assert body.count(b".") == 4
        for secret in secrets(issued):
            assert secret.encode() not in body


@pytest.mark.spec("VCI-14.3-01")
@pytest.mark.parametrize("configuration_id", [PID, MDOC])
def test_the_same_can_be_asked_for_again_for_the_same_keys_or_others(configuration_id: str) -> None:
    net = Watched(world())
    session = net.session()
    for keys in (HOLDERS[:2], HOLDERS[:2], HOLDERS[2:]):
        order = net.order(session, configuration_id)
        result = run(order.prove(keys, now=NOW).submit(), net)
        assert isinstance(result, Issued)
        assert len(result.credentials) == len(keys)
        session = result.session


@pytest.mark.spec("VCI-14.6-01")
@pytest.mark.parametrize("configuration_id", [PID, MDOC])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_of_three_keys_may_get_a_credential(configuration_id: str, which: int) -> None:
    net = Watched(world())

    def one(request: Request) -> Response:
        answer = net(request)
        if request.url != CREDENTIAL:
            return answer
        members = answer.json()
        return Response.of_json(200, {**members, "credentials": [members["credentials"][which]]})

    order = net.order(net.session(), configuration_id)
    result = run(order.prove(HOLDERS[:3], now=NOW).submit(), one)
    assert isinstance(result, Issued)
    assert [each.holder_key for each in result.credentials] == [result.holder_keys[which]]


def test_a_refusal_leaves_nothing_behind() -> None:
    parts = world()
    token, rows = parts.token(PID), parts.host.rows
    for body in ({}, order_of("x", configuration_id=PID), order_of(JwtProof("x", HOLDERS[0]), configuration_id=PID)):
        assert parts.credential(token, body).status == 400
    assert parts.host.rows == rows
