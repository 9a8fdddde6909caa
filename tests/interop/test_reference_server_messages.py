"""The TypeScript wallet at the running reference server, over TLS: encrypted, deferred, and what it notifies."""

from collections.abc import Iterator
from typing import Any

import pytest

from examples.reference_server import demo
from oid4vci import _jose
from oid4vci.encryption import DecryptionKey
from oid4vci.http import Response
from oid4vci.keys import thumbprint
from tests.encrypted_messages import JWT
from tests.interop.node import Node
from tests.issuance_by_hand import ByHand
from tests.jwes import private_jwk
from tests.running_server import RunningServer, running_server

pytestmark = pytest.mark.interop

# The names that the scripts ask for.
NOTE, BADGE, READY, LATER = "note", "badge", "ready", "later"
IDENTITY = demo.CONFIGURATIONS["identity_x5c"]
ACCEPTED, FAILURE, DELETED = "credential_accepted", "credential_failure", "credential_deleted"
BOTH_SCHEMES = pytest.mark.parametrize("dpop", [False, True], ids=["bearer", "dpop"])
COPIES = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    delays = {READY: {"deferred": 0}, LATER: {"deferred": 3600}}
    names = (NOTE, BADGE, READY, LATER)
    # Each needs a scope of its own.
    configurations = {
        name: {**IDENTITY, "metadata": {**IDENTITY["metadata"], "scope": name}, **delays.get(name, {})} for name in names
    }
    subjects = {"ada": dict.fromkeys(names, demo.SUBJECTS["ada"]["identity_x5c"])}
    config = {"configurations": configurations, "subjects": subjects, "encryption": {"zip": True}}
    with running_server(tmp_path_factory.mktemp("server"), config=config) as server:
        yield server


# --- encryption ---------------------------------------------------------------------------------------------------------------


def task(wallet: ByHand, enc: str, zip_: str | None) -> dict[str, Any]:
    """What the script sends, and how it wants to be answered."""
    nonce = wallet.client.post("/nonce").json()["c_nonce"]
    how = {"enc": enc} if zip_ is None else {"enc": enc, "zip": zip_}
    answer = {"jwk": private_jwk(DecryptionKey.generate()), **how}
    return {"metadata": wallet.metadata, "nonce": nonce, "client_id": "wallet", "answer": answer, **how}


def test_their_wallet_encrypts_and_reads_what_is_encrypted(node: Node, server: RunningServer) -> None:
    wallet = ByHand.at(server, NOTE)
    cases = {f"{enc} {zip_}": (enc, zip_) for enc in ("A128GCM", "A256GCM") for zip_ in (None, "DEF")}
    tasks = {name: task(wallet, *case) for name, case in cases.items()}
    sent = node.run("encryption.mjs", {"send": tasks})
    bodies = {}
    for name in cases:
        assert sent[name].keys() == {"ok"}, sent[name]
        answer = wallet.send("/credential", sent[name]["ok"]["body"])
        assert (answer.status, answer.media_type) == (200, JWT), answer.body
        bodies[name] = answer.body.decode()
    received = node.run("encryption.mjs", {"receive": {name: {**tasks[name], "body": body} for name, body in bodies.items()}})
    for name in cases:
        (credential,) = received[name]["ok"]
        assert _jose.parse(credential.partition("~")[0]).claims()["iss"] == server.issuer


# --- deferred -----------------------------------------------------------------------------------------------------------------


def taken(node: Node, server: RunningServer, name: str, *, dpop: bool, polls: int) -> Any:
    given = {"offer_uri": server.offer(name)["offer_uri"], "identifier": server.issuer, "url": server.issuer}
    given |= {"client_id": "wallet", "copies": COPIES, "dpop": dpop, "polls": polls}
    return node.run("deferred.mjs", given, authority=server.authority)


@BOTH_SCHEMES
def test_their_wallet_takes_what_is_ready_once(node: Node, server: RunningServer, dpop: bool) -> None:
    result = taken(node, server, READY, dpop=dpop, polls=2)
    issued, over = result["polls"]
    assert issued["status"] == 200
    assert issued["body"].keys() == {"credentials", "notification_id"}
    bound = [_jose.parse(each["credential"].partition("~")[0]).claims()["cnf"]["jwk"] for each in issued["body"]["credentials"]]
    assert [thumbprint(jwk) for jwk in bound] == result["holders"]
    assert (over["status"], over["body"]["error"]) == (400, "invalid_transaction_id")


@BOTH_SCHEMES
def test_their_wallet_is_told_to_wait(node: Node, server: RunningServer, dpop: bool) -> None:
    result = taken(node, server, LATER, dpop=dpop, polls=2)
    assert result["promise"]["interval"] == 5
    assert result["polls"] == [{"status": 202, "body": result["promise"]}] * 2


# --- notifications ------------------------------------------------------------------------------------------------------------


def plain(response: Response) -> dict[str, Any]:
    return {"status": response.status, "headers": dict(response.headers.pairs), "body": response.body.decode()}


def test_what_their_wallet_says_is_heard(node: Node, server: RunningServer) -> None:
    wallet = ByHand.at(server, BADGE)
    credential = wallet.send("/credential", wallet.order(BADGE))
    events = {"failure": (FAILURE, "Could not store it."), "accepted": (ACCEPTED, None), "deleted": (DELETED, None)}
    nothing = [{"status": 204, "headers": {}, "body": ""}]
    asked: dict[str, dict[str, Any]] = {name: {"event": event, "answers": nothing} for name, (event, _) in events.items()}
    asked["failure"]["description"] = events["failure"][1]
    common = {"metadata": wallet.metadata, "access_token": wallet.token, "dpop": None, "credential": plain(credential)}
    made = node.run("notification.mjs", {**common, "notifications": asked})
    for name, each in made["notifications"].items():
        (request,) = each["requests"]
        answer = wallet.client.request(
            request["method"], request["url"], headers=request["headers"], content=request["body"].encode()
        )
        assert (name, answer.status_code) == (name, 204), answer.text
    shown = wallet.client.get("/admin/notifications").json()["notifications"]
    assert [(each["event"], each["event_description"]) for each in shown] == list(events.values())
