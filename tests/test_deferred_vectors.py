"""The specification's own examples of deferred issuance (OID4VCI 8.3, 9)."""

import json
from pathlib import Path
from typing import Any

import pytest

from oid4vci.errors import InvalidCredential, Refused
from oid4vci.http import Request, Response
from oid4vci.wallet import Deferred
from tests.deferrals import (
    BADGE,
    DEFERRED,
    poll,
    token_for,
    transaction_id,
    waits,
    world_of,
)
from tests.issuance import refused
from tests.scripted_server import CREDENTIAL, HOLDER_KEYS
from tests.test_wallet_deferred import begun, polled, sent, server

FOLDERS = ("oid4vci-1.0", "oid4vci-1.0-errata1-draft")


def example(vectors: Path, folder: str, name: str) -> Any:
    """An example; the errata have those that they change."""
    (file, *_) = (*(vectors / folder).glob(f"{name}-*.parsed.json"), *(vectors / FOLDERS[0]).glob(f"{name}-*.parsed.json"))
    return json.loads(file.read_text())


@pytest.mark.parametrize("folder", FOLDERS)
def test_our_issuer_sends_what_is_printed_there(vectors: Path, folder: str) -> None:
    promised, asked, again, over = (example(vectors, folder, name) for name in ("031", "033", "035", "036"))
    world = world_of(waits)
    token = token_for(world)
    response = world.credential(token, BADGE)
    for answer in (response, poll(world, token, transaction_id(response))):
        assert answer.status == promised["status"] == again["status"]
        assert answer.json().keys() == promised["body_json"].keys() == again["body_json"].keys()
    assert poll(world, token, transaction_id(response)).json()["interval"] == again["body_json"]["interval"]
    headers = {**{name.lower(): value for name, value in asked["headers"]}, "authorization": f"Bearer {token}"}
    answer = world.send(Request(asked["method"], DEFERRED, headers, json.dumps(asked["body_json"]).encode()))
    assert answer.status == over["status"]
    assert refused(answer, "invalid_transaction_id")["error"] == over["body_json"]["error"]


def answer_of(printed: Any) -> Response:
    return Response(printed["status"], printed["headers"], json.dumps(printed["body_json"]).encode())


@pytest.mark.parametrize("folder", FOLDERS)
def test_our_wallet_reads_what_is_printed_there(vectors: Path, folder: str) -> None:
    asked = example(vectors, folder, "033")["body_json"]
    promised, ready, again, over = (answer_of(example(vectors, folder, name)) for name in ("031", "034", "035", "036"))
    there = server([again, over, ready], {CREDENTIAL: promised})
    deferred = begun(there, *HOLDER_KEYS[:2])
    assert (deferred.transaction_id, deferred.interval) == ("8xLOxBtZp8", 3600)
    waiting = polled(there, deferred)
    assert isinstance(waiting, Deferred)
    assert (waiting.transaction_id, waiting.interval) == ("8xLOxBtZp8", 86_400)
    assert [request.json_object() for request in sent(there)] == [asked]
    with pytest.raises(Refused, match="invalid_transaction_id"):
        polled(there, deferred)
    # Its Credentials are no Credentials.
    with pytest.raises(InvalidCredential):
        polled(there, deferred)
