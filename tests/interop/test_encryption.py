"""Encrypted requests and answers, between our Wallet and issuer and those of `@openid4vc/openid4vci` with jose (OID4VCI 10)."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen

from oid4vci import _jwe
from oid4vci._jwe import CONTENT_ENCRYPTIONS, CURVES, KEY_AGREEMENTS
from oid4vci.drive import run
from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.http import Response
from oid4vci.wallet import Exchange, Issued
from tests.encrypted_messages import JWT, encrypting
from tests.interop.node import Node
from tests.issuance import CLIENT, ISSUER_KEY, Issuance, credential_request, refused
from tests.jwes import private_jwk
from tests.scripted_server import HOLDER_KEYS, credential_for
from tests.wallet_at_issuer import Internet, ordered

pytestmark = pytest.mark.interop

(FIRST, *_) = HOLDER_KEYS
NAMES = [f"{alg} {crv} {enc}" for alg in KEY_AGREEMENTS for crv in CURVES for enc in CONTENT_ENCRYPTIONS]


def now() -> int:
    return int(time.time())


def settings(name: str, **further: Any) -> Encryption:
    alg, crv, enc = name.split()
    key = DecryptionKey.generate("enc-1", alg=alg, crv=crv)
    return Encryption(keys=[key], alg_values=[alg], enc_values=[enc], responses_required=True, **further)


# --- their wallet at our issuer -------------------------------------------------------------------------------------------------


def task(world: Issuance, name: str, **changes: Any) -> dict[str, Any]:
    alg, crv, enc = name.split()
    return {
        "metadata": world.issuer.metadata.to_json(),
        "nonce": world.nonce(now=now()),
        "client_id": CLIENT,
        "answer": {"jwk": private_jwk(DecryptionKey.generate(alg=alg, crv=crv)), "enc": enc},
        "enc": enc,
        **changes,
    }


@pytest.fixture(scope="module")
def theirs(node: Node) -> Mapping[str, tuple[Issuance, Response, Mapping[str, Any]]]:
    """By name: our issuer, its answer to their wallet, and what that made of it."""
    worlds = {name: encrypting(settings(name)) for name in NAMES}
    tasks = {name: task(world, name) for name, world in worlds.items()}
    sent = node.run("encryption.mjs", {"send": tasks})
    answers = {}
    for name, world in worlds.items():
        assert sent[name].keys() == {"ok"}, sent[name]
        body = sent[name]["ok"]["body"].encode()
        answers[name] = world.send(credential_request(world.token("note", now=now()), body, content_type=JWT), now=now())
    received = node.run(
        "encryption.mjs", {"receive": {name: {**tasks[name], "body": answers[name].body.decode()} for name in NAMES}}
    )
    return {name: (worlds[name], answers[name], received[name]) for name in NAMES}


@pytest.mark.spec("VCI-8.2-02", "VCI-8.3-05", "VCI-10-01", "VCI-10-05", "VCI-10-06", "VCI-10-07")
@pytest.mark.parametrize("name", NAMES)
def test_their_wallet_at_our_issuer(theirs: Mapping[str, Any], name: str) -> None:
    _, response, received = theirs[name]
    assert (response.status, response.media_type) == (200, JWT), response.body
    assert received.keys() == {"ok"}, received
    assert len(received["ok"]) == 1
    assert "kid" not in _jwe.parse(response.body).header


def test_what_their_wallet_may_not_send(node: Node) -> None:
    """To another key of the same name, and by another `enc` than is announced."""
    name = NAMES[0]
    world, other = encrypting(settings(name)), encrypting(settings(name))
    wrong = {
        "key": task(world, name, metadata=other.issuer.metadata.to_json()),
        "enc": task(world, name, enc="A128GCM"),
        "answer": task(world, name, answer={"jwk": private_jwk(DecryptionKey.generate()), "enc": "A128GCM"}),
    }
    for made in node.run("encryption.mjs", {"send": wrong}).values():
        body = made["ok"]["body"].encode()
        response = world.send(credential_request(world.token("note", now=now()), body, content_type=JWT), now=now())
        refused(response, "invalid_encryption_parameters")


# --- our Wallet at their issuer -------------------------------------------------------------------------------------------------


@frozen
class Order:
    """Our Wallet's request, for an issuer whose metadata and signing key are those of ours."""

    net: Internet
    key: DecryptionKey
    nonce: str
    exchange: Exchange[Any]

    @property
    def task(self) -> dict[str, Any]:
        """What their issuer needs for its answer."""
        return {
            "metadata": self.net.world.issuer.metadata.to_json(),
            "key": private_jwk(self.key),
            "nonce": self.nonce,
            "client_id": CLIENT,
            "credentials": [credential_for(dict(FIRST.public_jwk), signer=ISSUER_KEY)],
            "body": self.exchange.request.body.decode(),
        }

    def issued(self, answer: Mapping[str, Any]) -> Issued:
        """What our Wallet makes of an answer."""
        received = self.exchange.receive(Response(200, {"content-type": JWT}, answer["body"].encode()))
        result = run(received, self.net) if isinstance(received, Exchange) else received
        assert isinstance(result, Issued)
        return result


def begun(encryption: Encryption, **wallet: Any) -> Order:
    net = Internet(encrypting(encryption))
    order = ordered(net, **wallet)
    assert order.c_nonce is not None
    return Order(net, encryption.keys[0], order.c_nonce, order.prove([FIRST], now=now()).submit())


@pytest.fixture(scope="module")
def ours(node: Node) -> Mapping[str, tuple[Order, Mapping[str, Any]]]:
    """By name: our Wallet's order, and what their issuer answered."""
    orders = {name: begun(settings(name)) for name in NAMES}
    answers = node.run("encryption.mjs", {"answer": {name: order.task for name, order in orders.items()}})
    return {name: (orders[name], answers[name]) for name in NAMES}


@pytest.mark.spec("VCI-8.2-28", "VCI-8.2-29", "VCI-8.2-33", "VCI-10-01", "VCI-10-05", "VCI-10-06", "VCI-10-07")
@pytest.mark.parametrize("name", NAMES)
def test_our_wallet_at_their_issuer(ours: Mapping[str, Any], name: str) -> None:
    order, answer = ours[name]
    assert answer.keys() == {"ok"}, answer
    alg, _, enc = name.split()
    header = answer["ok"]["header"]
    assert (header["alg"], header["enc"], header["kid"]) == (alg, enc, "enc-1")
    assert answer["ok"]["holder"] == dict(FIRST.public_jwk)
    assert order.issued(answer["ok"]).credentials[0].claims["cnf"]["jwk"] == dict(FIRST.public_jwk)


# --- compression ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.2-18", "VCI-10-08")
def test_compressed_both_ways(node: Node) -> None:
    name = NAMES[0]
    encryption = settings(name, zip_values=["DEF"])
    world = encrypting(encryption)
    given = task(world, name, zip="DEF")
    given["answer"]["zip"] = "DEF"
    body = node.run("encryption.mjs", {"send": {"x": given}})["x"]["ok"]["body"].encode()
    assert _jwe.parse(body).header["zip"] == "DEF"
    response = world.send(credential_request(world.token("note", now=now()), body, content_type=JWT), now=now())
    assert _jwe.parse(response.body).header["zip"] == "DEF"
    received = node.run("encryption.mjs", {"receive": {"x": {**given, "body": response.body.decode()}}})
    assert len(received["x"]["ok"]) == 1

    order = begun(encryption, compression=True)
    answer = node.run("encryption.mjs", {"answer": {"x": order.task}})["x"]["ok"]
    assert answer["header"]["zip"] == _jwe.parse(answer["body"].encode()).header["zip"] == "DEF"
    assert order.issued(answer)
