"""What conformance suites look for in a Wallet once it has an Access Token, in everything that it sends from there on.

Shown here, at the issuer of `conformance`, plain and encrypted, immediate and deferred:

- nothing but the defined members and the header fields that each request needs; the token in its header only; a new `jti` each
  time
- the `c_nonce` that came last, for one order; no token at the Nonce Endpoint; `aud` is the Credential Issuer Identifier, as a
  string
- exactly one of `jwk`, `kid` and `x5c`, one proof type, as many proofs as keys, not more than `batch_size`
- a request that asks for an encrypted answer is encrypted, `alg` stands in the key, each answer has a key of its own; so do
  polls
- Credentials are matched by key; notifications have three members at most; keys are found among decoys

Shown elsewhere: identifiers or else the configuration id (`test_wallet_credential`), nonces of DPoP, and `token_type` in any
letter case (`test_wallet_dpop`, `test_wallet_token`, where `expires_in` may be missing too), how keys are named
(`test_wallet_proofs`), key attestations (`test_wallet_proofs_attested`), the keys of issuers that encrypt
(`test_wallet_encryption`), pushed requests and what comes back (`test_wallet_authorize`, `test_wallet_callback`), metadata and
offers (`test_wallet_open`), signed metadata only where they are asked for (`test_wallet_signed_metadata`).
"""

from typing import Any

import pytest

from oid4vci._jose import parse
from oid4vci.drive import run
from oid4vci.errors import Refused
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.wallet import Deferred, Issued
from tests import test_sd_jwt_vc as sd_jwt_vcs
from tests.conformance import DEFERRED, DPOP, HOLDERS, INTERVAL, MDOC, NOTIFICATION, PID, Watched, world
from tests.issuance import CREDENTIAL, IDENTIFIER, NONCE, NOW
from tests.test_wallet_encryption import plaintext
from tests.wallet_clients import proof

JSON, JWT = "application/json", "application/jwt"
PROTECTED = (CREDENTIAL, DEFERRED, NOTIFICATION)
MODES = pytest.mark.parametrize(
    ("published", "wanted"),
    [
        ({}, "when required"),
        ({}, "when possible"),
        ({"requests_required": True}, "when required"),
        ({"responses_required": True}, "when required"),
    ],
)
FORMATS = pytest.mark.parametrize("configuration_id", [PID, MDOC])


def said(request: Request) -> dict[str, Any]:
    return plaintext(request) if request.media_type == JWT else request.json_object()


def obtained(net: Watched, configuration_id: str, **settings: Any) -> Issued:
    """Credentials for three keys, however long it takes, of which the issuer is notified."""
    order = net.order(net.session(**settings), configuration_id)
    result: Any = run(order.prove(HOLDERS[:3], now=net.now).submit(), net)
    while isinstance(result, Deferred):
        net.time[0] = result.ready_at
        result = run(result.poll(now=net.now), net)
    assert isinstance(result, Issued)
    return run(result.notify("credential_accepted", now=net.now), net)


@MODES
@FORMATS
@pytest.mark.parametrize("deferrals", [0, 2])
def test_there_is_nothing_in_a_request_but_what_is_defined(
    published: dict[str, Any], wanted: Any, configuration_id: str, deferrals: int
) -> None:
    net = Watched(world(deferrals=deferrals, **published))
    obtained(net, configuration_id, encryption=wanted)
    answered = bool(published.get("responses_required")) or wanted == "when possible"
    encrypted = answered or bool(published)
    asked = {"credential_response_encryption"} if answered else set()
    for request in net.to(CREDENTIAL):
        assert said(request).keys() == {"credential_configuration_id", "proofs"} | asked
        assert said(request)["proofs"].keys() == {"jwt"}
    assert (len(net.to(CREDENTIAL)), len(net.to(DEFERRED))) == (1, deferrals)
    for request in net.to(DEFERRED):
        assert said(request).keys() == {"transaction_id"} | asked
    for request in (*net.to(CREDENTIAL), *net.to(DEFERRED)):
        assert (request.media_type == JWT) == encrypted
    assert [request.json_object().keys() for request in net.to(NOTIFICATION)][-1] == {"notification_id", "event"}
    # Every answer can be decrypted by one key, and no two by the same.
    if answered:
        keys = [said(each)["credential_response_encryption"] for each in (*net.to(CREDENTIAL), *net.to(DEFERRED))]
        assert all(key.keys() <= {"jwk", "enc", "zip"} and key["jwk"]["alg"] == "ECDH-ES" for key in keys)
        assert not any("d" in key["jwk"] for key in keys)
        assert len({key["jwk"]["x"] for key in keys}) == len(keys)


@MODES
def test_the_token_is_in_the_header_only_and_each_proof_of_its_key_is_new(published: dict[str, Any], wanted: Any) -> None:
    net = Watched(world(deferrals=1, **published))
    token = obtained(net, PID, encryption=wanted).session.access_token
    sent = [request for url in PROTECTED for request in net.to(url)]
    for request in sent:
        assert request.headers.all("authorization") == (f"DPoP {token}",)
        assert request.headers.all("content-length") == (str(len(request.body)),)
        assert (request.method, token in request.url, token.encode() in request.body) == ("POST", False, False)
    now = dict.fromkeys(PROTECTED, net.now) | {CREDENTIAL: NOW, DEFERRED: NOW + INTERVAL}
    identifiers = [proof(request, access_token=token, key=DPOP, now=now[request.url])["jti"] for request in sent]
    assert len(set(identifiers)) == len(identifiers)
    for request in net.requests:
        if request.url not in PROTECTED:
            assert "authorization" not in request.headers
    assert all("dpop" not in request.headers for request in net.to(NONCE))


@FORMATS
def test_each_order_proves_its_keys_with_the_nonce_that_came_last(configuration_id: str) -> None:
    net = Watched(world())
    session, given = net.session(), []
    for _ in range(3):
        order = net.order(session, configuration_id)
        given.append(net.responses[-1].json()["c_nonce"])
        result = run(order.prove(HOLDERS, now=NOW).submit(), net)
        assert isinstance(result, Issued)
        session = result.session
    assert len(net.to(NONCE)) == 3
    for request, nonce in zip(net.to(CREDENTIAL), given, strict=True):
        proofs = [parse(each) for each in request.json_object()["proofs"]["jwt"]]
        assert len(proofs) == len(HOLDERS)
        for made in proofs:
            assert {"jwk", "kid", "x5c"} & made.header.keys() == {"jwk"}
            claims = made.claims()
            assert (claims["nonce"], claims["aud"], claims["iss"]) == (nonce, IDENTIFIER, "wallet")
            assert claims.keys() == {"aud", "iat", "nonce", "iss"}
        assert len({made.header["jwk"]["x"] for made in proofs}) == len(HOLDERS)


def test_there_are_no_more_keys_than_a_batch_has() -> None:
    net = Watched(world())
    order = net.order(net.session(), PID)
    with pytest.raises(ValueError, match="5"):
        order.prove([*HOLDERS, DPOP], now=NOW)
    assert net.to(CREDENTIAL) == []


@FORMATS
def test_whatever_their_order_credentials_are_matched_by_key(configuration_id: str) -> None:
    net = Watched(world())

    def turned(request: Request) -> Response:
        answer = net(request)
        if request.url != CREDENTIAL or answer.status != 200:
            return answer
        members = answer.json()
        return Response.of_json(200, {**members, "credentials": members["credentials"][::-1]}, {"x": "y"})

    order = net.order(net.session(), configuration_id)
    result = run(order.prove(HOLDERS[:3], now=NOW).submit(), turned)
    assert isinstance(result, Issued)
    keys = [public_key(holder.public_jwk) for holder in HOLDERS[:3]]
    assert [each.holder_key for each in result.credentials] == keys[::-1]


@pytest.mark.parametrize("description", [None, "Could not store it."])
def test_a_notification_has_three_members_at_most(description: str | None) -> None:
    net = Watched(world())
    order = net.order(net.session(), PID)
    result = run(order.prove(HOLDERS[:1], now=NOW).submit(), net)
    assert isinstance(result, Issued)
    run(result.notify("credential_failure", description, now=NOW), net)
    more = {} if description is None else {"event_description": description}
    request = net.to(NOTIFICATION)[-1]
    assert request.headers.all("content-type") == (JSON,)
    assert request.json_object() == {"notification_id": result.notification_id, "event": "credential_failure", **more}


def test_the_key_of_an_issuer_is_found_among_decoys() -> None:
    """Other purposes, other kinds, other names, what nobody knows, and what is no key at all."""
    good = {**sd_jwt_vcs.SIGNER.public_jwk, "kid": "issuer-1"}
    decoys: list[dict[str, Any]] = [
        {**sd_jwt_vcs.HOLDERS[0].jwk, "kid": "another"},
        dict(sd_jwt_vcs.HOLDERS[1].jwk),
        {**sd_jwt_vcs.HOLDERS[0].jwk, "kid": "encrypts", "use": "enc", "alg": "ECDH-ES"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "small"},
        {"kty": "oct", "k": "AAAA", "kid": "secret"},
        {"kty": "unheard-of", "kid": "unheard-of", "x": [1]},
        {"kty": "EC", "crv": "P-256", "kid": "without coordinates"},
        {"kid": "nothing"},
    ]
    documents = sd_jwt_vcs.documents(*decoys, good, *decoys)
    (credential,) = sd_jwt_vcs.issue(sd_jwt_vcs.ENCODER)
    found = sd_jwt_vcs.check(credential, documents=documents)
    assert found.holder_key == sd_jwt_vcs.HOLDERS[0]


def test_an_issuer_that_refuses_is_not_asked_again() -> None:
    net = Watched(world())

    def refusing(request: Request) -> Response:
        answer = net(request)
        return Response.of_json(400, {"error": "credential_request_denied"}) if request.url == CREDENTIAL else answer

    order = net.order(net.session(), PID)
    with pytest.raises(Refused, match="credential_request_denied"):
        run(order.prove(HOLDERS[:1], now=NOW).submit(), refusing)
    assert len(net.to(CREDENTIAL)) == 1
