"""The Deferred Credential Endpoint with encryption, and a Wallet that polls it (OID4VCI 9.1, 9.2, 10)."""

from typing import Any

import pytest

from oid4vci import _json, _jwe
from oid4vci._jwe import DecryptionKey
from oid4vci.drive import run
from oid4vci.encryption import Encryption
from oid4vci.http import Request, Response
from oid4vci.wallet import Deferred, Issued
from tests.deferrals import (
    DEFERRED,
    INTERVAL,
    as_decided,
    deferred,
    deferring_metadata,
    host_of,
    notes,
    poll,
    token_for,
    transaction_id,
    untouched,
    waits,
    world_of,
)
from tests.encrypted_messages import ANSWER_KEY, BADGE, JWT, REQUEST_KEY, asking, opened, sealed, sealed_request
from tests.issuance import CLAIMS, CREDENTIAL, NOW, Issuance, credential_request, refused
from tests.scripted_server import HOLDER_KEYS
from tests.wallet_at_issuer import Internet, ordered

FIRST, SECOND, *_ = HOLDER_KEYS
OTHER_KEY = DecryptionKey.generate(alg="ECDH-ES+A256KW", crv="X25519")
PROMISE = {"transaction_id", "interval"}


def deferring(polled: Any = None, **settings: Any) -> Issuance:
    """An issuer that encrypts, and defers."""
    encryption = Encryption(**{"keys": [REQUEST_KEY], **settings})
    metadata = deferring_metadata(
        credential_request_encryption=encryption.request_metadata,
        credential_response_encryption=encryption.response_metadata,
    )
    given = () if polled is None else (polled,)
    return world_of(*given, metadata=metadata, encryption=encryption)


def sealed_poll(world: Issuance, token: str, transaction: str, **members: Any) -> Response:
    headers = {"content-type": JWT, "authorization": f"Bearer {token}"}
    return world.send(Request("POST", DEFERRED, headers, sealed({"transaction_id": transaction, **members})))


@pytest.mark.spec("VCI-8.3-05")
def test_a_promise_is_encrypted_as_the_credential_request_says() -> None:
    world = deferring()
    token = token_for(world)
    request = sealed_request(token, {**BADGE, "credential_response_encryption": asking()})
    assert opened(world.send(request), status=202).keys() == PROMISE


@pytest.mark.spec("VCI-9.1-02", "VCI-9.1-08", "VCI-9.1-12", "VCI-9.1-14", "VCI-9.2-11")
def test_encrypted_and_plain_polls_are_the_same_request() -> None:
    """How the Credential Request was sent is of no matter: this answer is as this request wants it."""
    world = deferring()
    for sealed_before in (True, False):
        token = token_for(world)
        asked = {**BADGE, "credential_response_encryption": asking()}
        if sealed_before:
            transaction = opened(world.send(sealed_request(token, asked)), status=202)["transaction_id"]
            assert len(notes(poll(world, token, transaction))) == 1
        else:
            transaction = deferred(world, token)
            assert len(notes(sealed_poll(world, token, transaction))) == 1


@pytest.mark.spec("VCI-9.1-04", "VCI-9.2-09", "VCI-9.2-10")
@pytest.mark.parametrize("status", [200, 202])
def test_an_answer_is_encrypted_as_this_request_says_and_not_as_an_earlier_one_did(status: int) -> None:
    world = deferring(waits if status == 202 else None)
    token = token_for(world)
    first = sealed_request(token, {**BADGE, "credential_response_encryption": asking(ANSWER_KEY)})
    transaction = opened(world.send(first), status=202)["transaction_id"]
    response = sealed_poll(world, token, transaction, credential_response_encryption=asking(OTHER_KEY, enc="A256CBC-HS512"))
    members = opened(response, OTHER_KEY, status=status, enc="A256CBC-HS512")
    assert members.keys() == ({"credentials"} if status == 200 else PROMISE)


@pytest.mark.spec("VCI-9.1-04", "VCI-9.1-09", "VCI-9.1-10", "VCI-9.1-13", "VCI-9.1-15")
@pytest.mark.parametrize(
    ("settings", "encrypted", "members"),
    [
        ({"requests_required": True}, False, {}),
        ({"responses_required": True}, False, {}),
        ({"responses_required": True}, True, {}),
        ({}, False, {"credential_response_encryption": asking()}),
        ({"responses": False}, True, {"credential_response_encryption": asking()}),
        ({"enc_values": ["A256GCM"]}, True, {"credential_response_encryption": asking(enc="A128GCM")}),
        ({"enc_values": ["A128GCM"]}, True, {}),
        ({"zip_values": []}, True, {"credential_response_encryption": asking(zip="DEF")}),
        ({}, True, {"credential_response_encryption": asking(jwk={"kty": "EC"})}),
        ({}, True, {"credential_response_encryption": None}),
    ],
)
def test_a_poll_with_other_encryption_than_is_announced(
    settings: dict[str, Any], encrypted: bool, members: dict[str, Any]
) -> None:
    """In plain JSON, and the transaction is as good as it was."""
    world = deferring(**settings)
    token = token_for(world)
    asked = {} if settings.get("responses") is False else {"credential_response_encryption": asking(enc=enc_of(settings))}
    request = credential_request(token, sealed({**BADGE, **asked}, enc=enc_of(settings)), content_type=JWT)
    response = world.send(request)
    transaction = opened(response, status=202, enc=enc_of(settings))["transaction_id"] if asked else transaction_id(response)

    def send() -> Response:
        if encrypted:
            return sealed_poll(world, token, transaction, **members)
        return poll(world, token, {"transaction_id": transaction, **members})

    refused(untouched(world, send), "invalid_encryption_parameters")


def enc_of(settings: dict[str, Any]) -> str:
    """An `enc` that this issuer takes."""
    (first, *_) = settings.get("enc_values", ["A128GCM"])
    assert isinstance(first, str)
    return first


@pytest.mark.spec("VCI-9.1-11")
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "application/jose", "text/plain"])
def test_a_poll_of_another_media_type(content_type: str) -> None:
    world = deferring()
    token = token_for(world)
    transaction = deferred(world, token)
    response = untouched(world, lambda: poll(world, token, transaction, content_type=content_type))
    refused(response, "invalid_credential_request")


# --- our Wallet -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-9.1-02", "VCI-9.1-09", "VCI-9.1-10", "VCI-9.1-13", "VCI-9.2-09", "VCI-9.2-10")
@pytest.mark.parametrize("settings", [{"requests_required": True}, {"responses_required": True}, {}])
@pytest.mark.parametrize("wanted", ["when required", "when possible"])
def test_a_wallet_polls_with_a_key_of_its_own_for_each_answer(settings: dict[str, Any], wanted: Any) -> None:
    world = deferring(as_decided, **settings)
    net = Internet(world)
    result: Any = run(ordered(net, encryption=wanted).prove([FIRST, SECOND], now=NOW).submit(), net)
    assert isinstance(result, Deferred)
    result = run(result.poll(now=NOW + INTERVAL), net)
    assert isinstance(result, Deferred)
    found = world.issuer.transaction(host_of(world).drafts[-1].handle)
    transaction = found.read(world.host.load(found.lookups), now=NOW)
    assert transaction is not None
    assert world.host.commit(transaction.complete(CLAIMS))
    result = run(result.poll(now=NOW + 2 * 86_400), net)
    assert isinstance(result, Issued)
    assert len(result.credentials) == 2
    sent = [request for request in net.requests if request.url in (CREDENTIAL, DEFERRED)]
    assert len(sent) == 3
    encrypted = bool(settings) or wanted == "when possible"
    assert {request.media_type for request in sent} == {JWT if encrypted else "application/json"}
    if wanted == "when possible" or "responses_required" in settings:
        bodies = [_jwe.decrypt(_jwe.parse(each.body), REQUEST_KEY, enc_values=("A256GCM",)) for each in sent]
        keys = [_json.object_from(body)["credential_response_encryption"]["jwk"]["x"] for body in bodies]
        assert len(set(keys)) == 3
