"""Notifications against `@openid4vc/openid4vci`: its wallet notifies our issuer, and our Wallet its issuer."""

import time
from typing import Any

import pytest
from attrs import evolve

from oid4vci import _json
from oid4vci._json import b64url_encode
from oid4vci.drive import run
from oid4vci.errors import Advice, Refused
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.oauth.dpop import Dpop
from tests.authorization import Proving
from tests.interop.node import Node
from tests.interop.test_typescript_issuer import TypescriptIssuer, flow, issuer, running
from tests.issuance import CREDENTIAL, TOKEN, Issuance
from tests.notifications import ACCEPTED, BADGE, DELETED, FAILURE, acknowledged, given, noted, world
from tests.notifications import flow as code_flow

__all__ = ("issuer", "running")

pytestmark = pytest.mark.interop


# --- their wallet, our issuer -----------------------------------------------------------------------------------------------------


def plain(response: Response) -> dict[str, Any]:
    return {"status": response.status, "headers": dict(response.headers.pairs), "body": response.body.decode()}


def private_jwk(signer: LocalSigner) -> dict[str, str]:
    secret = signer._private_key.private_numbers().private_value  # type: ignore[union-attr]  # a key on P-256
    return {**signer.public_jwk, "d": b64url_encode(secret.to_bytes(32, "big"))}


def request_of(made: dict[str, Any]) -> Request:
    return Request(made["method"], made["url"], made["headers"], made["body"].encode())


def told(
    node: Node, parts: Issuance, token: str, credential: Response, notifications: dict[str, Any], proving: Proving | None = None
) -> dict[str, Any]:
    """What the library makes, before and after it sees our answers, which are those to the requests that it made before."""
    common = {
        "metadata": parts.issuer.metadata.to_json(),
        "access_token": token,
        "dpop": None if proving is None else private_jwk(proving.signer),
        "credential": plain(credential),
    }
    nothing = [{"status": 204, "headers": {}, "body": ""}]
    asked = {name: {**each, "answers": nothing} for name, each in notifications.items()}
    made = node.run("notification.mjs", {**common, "notifications": asked})
    assert made["notification_id"] == credential.json()["notification_id"]
    answers = {
        name: parts.send(request_of(each["requests"][0]), now=int(time.time())) for name, each in made["notifications"].items()
    }
    answered = {name: {**each, "answers": [plain(answers[name])]} for name, each in notifications.items()}
    outcomes: dict[str, Any] = node.run("notification.mjs", {**common, "notifications": answered})["notifications"]
    return outcomes


NOTIFICATIONS = {
    "accepted": {"event": ACCEPTED},
    "failure": {"event": FAILURE, "description": "Could not store the Credential. Out of storage."},
    "deleted": {"event": DELETED},
    "the same again": {"event": ACCEPTED},
}


@pytest.mark.spec("VCI-11-04", "VCI-11-05", "VCI-11.1-02", "VCI-11.2-01")
def test_their_wallet_notifies_our_issuer(node: Node) -> None:
    parts, now = world(), int(time.time())
    token = parts.token("badge", now=now)
    outcomes = told(node, parts, token, parts.credential(token, BADGE, now=now), NOTIFICATIONS)
    assert {name: each["outcome"] for name, each in outcomes.items()} == dict.fromkeys(NOTIFICATIONS, "ok")
    heard = [(order.event, order.event_description, order.repeated) for order in noted(parts)]
    assert heard == [
        (ACCEPTED, None, False),
        (FAILURE, "Could not store the Credential. Out of storage.", False),
        (DELETED, None, False),
        (ACCEPTED, None, True),
    ]


def test_their_wallet_proves_its_key_at_our_endpoint(node: Node) -> None:
    parts, proving, now = code_flow(dpop=Dpop()), Proving(), int(time.time())
    granted = parts.server.pre_authorize("ada", ["badge"], now=now, client_id="wallet")
    assert parts.host.commit(granted.changes)
    members: dict[str, Any] = {
        "grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "pre-authorized_code": granted.grant.pre_authorized_code,
    }
    token = parts.exchange(None, now=now, headers={"dpop": proving(TOKEN, now=now)}, **members).json()["access_token"]
    headers: dict[str, Any] = {"dpop": proving(CREDENTIAL, now=now, access_token=token), "authorization": f"DPoP {token}"}
    credential = parts.credential(None, BADGE, now=now, **headers)
    outcomes = told(node, parts, token, credential, NOTIFICATIONS, proving)
    assert {name: each["outcome"] for name, each in outcomes.items()} == dict.fromkeys(NOTIFICATIONS, "ok")
    assert len(noted(parts)) == 4


@pytest.mark.spec("VCI-11.3-03", "VCI-11.3-05", "VCI-11.3-06")
def test_their_wallet_understands_our_refusals(node: Node) -> None:
    parts, now = world(), int(time.time())
    held = given(parts, now=now)
    stranger = parts.token("badge", now=now)
    outcomes = told(node, parts, stranger, parts.credential(held.token, BADGE, now=now), NOTIFICATIONS)
    assert {each["outcome"] for each in outcomes.values()} == {"Openid4vciSendNotificationError"}
    assert {each["code"] for each in outcomes.values()} == {"invalid_notification_id"}
    endless = {"endless": {"event": FAILURE, "description": "x" * 2000}}
    refused = told(node, parts, held.token, parts.credential(held.token, BADGE, now=now), endless)
    assert refused["endless"]["code"] == "invalid_notification_request"
    acknowledged(held.notify(now=now))


# --- our wallet, their issuer -----------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-23", "VCI-11-03")
def test_our_wallet_notifies_their_issuer(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, "with_x5c")
    issued = wallet.issued(wallet.session(wallet.authorizing()), "with_x5c", copies=2)
    assert issued.can_notify
    now = int(time.time())
    issued = run(issued.notify(issued.outcome(1), "One could not be stored.", now=now), issuer.send)
    issued = run(issued.notify(issued.outcome(2), now=now), issuer.send)
    sent = [_json.loads(each.body) for each in issuer.to("notification")]
    assert [each["event"] for each in sent] == [FAILURE, ACCEPTED]
    assert {each["notification_id"] for each in sent} == {issued.notification_id}


def test_our_wallet_notifies_their_issuer_with_a_refreshed_token(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, "with_x5c")
    issued = wallet.issued(wallet.session(wallet.authorizing()), "with_x5c")
    now = int(time.time())
    later = issued.with_session(run(issued.session.refresh(now=now), issuer.send))
    run(later.notify(ACCEPTED, now=now), issuer.send)
    old, new = issued.session.access_token, later.session.access_token
    assert old != new
    assert issuer.to("notification")[-1].headers.get("authorization") == f"DPoP {new}"


def test_their_issuer_refuses_an_id_that_it_does_not_know(issuer: TypescriptIssuer) -> None:
    wallet = flow(issuer, "with_x5c")
    issued = wallet.issued(wallet.session(wallet.authorizing()), "with_x5c")
    with pytest.raises(Refused) as caught:
        run(evolve(issued, notification_id="unknown").notify(ACCEPTED, now=int(time.time())), issuer.send)
    assert (caught.value.error, caught.value.advice) == ("invalid_notification_id", Advice.GIVE_UP)
