"""Nonce, proofs, the Credential Request and what comes of it (OID4VCI 7, 8, 13.5, F.1)."""

import json
from typing import Any

import pytest

from oid4vci import _jose, _json
from oid4vci._json import b64url_decode
from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidCredential, InvalidResponse, Refused, TryLater, Untrusted, WalletError
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, RemoteSigner, Signer, public_key
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Order, Proofs
from tests.scripted_server import (
    ACCESS_TOKEN,
    CREDENTIAL,
    HOLDER_KEYS,
    ISSUER,
    JWKS,
    METADATA_URL,
    NONCE,
    NOW,
    SERVER_URL,
    TOKEN,
    JwtFormat,
    Server,
    credential_for,
    error,
    issue,
    metadata,
    ok,
    proofs_of,
    server_metadata,
    session,
    wallet,
)

FIRST, SECOND, THIRD, FOURTH = HOLDER_KEYS


def remote(signer: LocalSigner) -> RemoteSigner:
    return RemoteSigner(signer.key_id, signer.algorithm, signer.public_jwk)


def with_configuration(**members: Any) -> Server:
    published = metadata()
    published["credential_configurations_supported"]["pid"] |= members
    return Server({METADATA_URL: ok({name: value for name, value in published.items() if value is not None})})


def without(*names: str) -> Server:
    return Server({METADATA_URL: ok({name: value for name, value in metadata().items() if name not in names})})


def ordered(server: Server, configuration_id: str = "pid", **settings: Any) -> Order:
    return run(session(server, **settings).order(configuration_id), server)


def proved(server: Server, *signers: Signer, **settings: Any) -> Proofs:
    return ordered(server, **settings).prove(signers or (FIRST,), now=NOW)


def submitted(server: Server, *signers: Signer, **settings: Any) -> Issued | Deferred | Proofs | Order:
    return run(proved(server, *signers, **settings).submit(), server)


def issued(server: Server, *signers: Signer, **settings: Any) -> Issued:
    result = submitted(server, *signers, **settings)
    assert isinstance(result, Issued)
    return result


def body(server: Server) -> dict[str, Any]:
    return server.to(CREDENTIAL)[-1].json_object()


def with_identifiers(*identifiers: str) -> Server:
    details = {
        "type": "openid_credential",
        "credential_configuration_id": "pid",
        "credential_identifiers": list(identifiers),
    }
    token = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "authorization_details": [details], "c_nonce": "draft"}
    return Server({TOKEN: ok(token)})


# --- order ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-7-02", "VCI-7.1-01")
def test_a_nonce_is_fetched_with_an_empty_post() -> None:
    server = Server()
    order = ordered(server)
    (request,) = server.to(NONCE)
    assert (request.method, request.body, request.headers.get("content-length")) == ("POST", b"", "0")
    assert "authorization" not in request.headers
    assert "content-type" not in request.headers
    assert order.c_nonce == "nonce-1"


@pytest.mark.spec("VCI-8.2-23", "VCI-6.2-10")
def test_only_the_nonce_of_the_nonce_endpoint_is_used() -> None:
    server = with_identifiers("a")
    server.answers[NONCE] = ok({"c_nonce": "fresh", "c_nonce_expires_in": 5})
    issued(server)
    (proof,) = proofs_of(server.to(CREDENTIAL)[0])
    assert proof.claims()["nonce"] == "fresh"


@pytest.mark.spec("VCI-7.2-02")
@pytest.mark.parametrize("answer", [{}, {"c_nonce": 1}, {"c_nonce": None}, {"c_nonce": ""}, [], {"nonce": "x"}])
def test_a_nonce_response_without_nonce_is_refused(answer: Any) -> None:
    server = Server({NONCE: ok(answer)})
    with pytest.raises(InvalidResponse):
        ordered(server)


@pytest.mark.parametrize("status", [200, 201, 203, 299])
def test_a_nonce_response_has_any_2xx_status(status: int) -> None:
    assert ordered(Server({NONCE: Response.of_json(status, {"c_nonce": "n"})})).c_nonce == "n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Response(200, {"content-type": "text/plain"}, b'{"c_nonce":"n"}'), InvalidResponse),
        (Response.of_json(302, {"c_nonce": "n"}, {"location": NONCE}), InvalidResponse),
        (Response.of_json(100, {"c_nonce": "n"}), InvalidResponse),
        (Response.of_json(404, {"c_nonce": "n"}), Refused),
        (Response(503), TryLater),
    ],
)
def test_a_nonce_endpoint_that_fails_is_not_passed_over(answer: Response, expected: type[WalletError]) -> None:
    server = Server({NONCE: answer})
    with pytest.raises(expected):
        ordered(server)
    assert server.to(CREDENTIAL) == []


def test_without_nonce_endpoint_there_is_nothing_to_fetch() -> None:
    server = without("nonce_endpoint")
    order = session(server).order("pid")
    assert isinstance(order, Order)
    assert order.c_nonce is None
    assert isinstance(run(order.prove([FIRST], now=NOW).submit(), server), Issued)
    assert "nonce" not in proofs_of(server.to(CREDENTIAL)[0])[0].claims()


@pytest.mark.spec("VCI-6.1-13")
@pytest.mark.parametrize("configuration_id", ["other", "unknown", ""])
def test_only_what_the_token_is_for_can_be_ordered(configuration_id: str) -> None:
    server = Server()
    with pytest.raises(ValueError, match="this session is for pid, ticket"):
        session(server).order(configuration_id)
    assert server.to(NONCE) == []


def test_a_format_without_verifier_cannot_be_ordered() -> None:
    server = Server()
    with pytest.raises(ValueError, match="no verifier"):
        session(server, formats={}).order("pid")


@pytest.mark.spec("VCI-3.3.4-04", "VCI-8.2-04", "VCI-8.2-06", "VCI-8.2-05")
def test_without_identifiers_the_configuration_is_named() -> None:
    server = Server()
    issued(server)
    assert set(body(server)) == {"credential_configuration_id", "proofs"}
    assert body(server)["credential_configuration_id"] == "pid"
    with pytest.raises(ValueError, match="by configuration id alone"):
        session(server).order("pid", "a")


@pytest.mark.spec("VCI-3.3.4-02", "VCI-6.2-08", "VCI-8.2-03", "VCI-8.2-07")
def test_with_identifiers_one_of_them_is_named() -> None:
    server = with_identifiers("a")
    issued(server)
    assert set(body(server)) == {"credential_identifier", "proofs"}
    assert body(server)["credential_identifier"] == "a"


@pytest.mark.spec("VCI-6.2-08", "VCI-8.2-07", "VCI-3.3.2-03")
def test_of_several_identifiers_one_must_be_chosen() -> None:
    server = with_identifiers("a", "b")
    start = session(server)
    for chosen in (None, "c", "pid"):
        with pytest.raises(ValueError, match="choose a credential identifier: a, b"):
            start.order("pid", chosen)
    for chosen in ("a", "b"):
        run(run(start.order("pid", chosen), server).prove([FIRST], now=NOW).submit(), server)
    assert [request.json_object()["credential_identifier"] for request in server.to(CREDENTIAL)] == ["a", "b"]


# --- prove ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec(
    "VCI-12.2.4-60", "VCI-8.2-12", "VCI-8.2-13", "VCI-8.2-20", "VCI-8.2-21", "VCI-F.1-03", "VCI-F.1-17", "VCI-F.1-20"
)
def test_the_proofs() -> None:
    server = Server()
    issued(server, FIRST, SECOND)
    assert list(body(server)["proofs"]) == ["jwt"]
    proofs = proofs_of(server.to(CREDENTIAL)[0])
    assert len(proofs) == 2
    for proof, signer in zip(proofs, (FIRST, SECOND), strict=True):
        assert proof.header == {"typ": "openid4vci-proof+jwt", "alg": "ES256", "jwk": signer.public_jwk}
        assert proof.claims() == {"aud": ISSUER, "iat": NOW, "nonce": "nonce-1", "iss": "wallet"}
        _jose.verify(proof, public_key(signer.public_jwk), algorithms=("ES256",))


@pytest.mark.spec("VCI-F.1-16")
@pytest.mark.parametrize(("anonymous", "expected"), [(True, None), (False, "wallet")])
def test_a_proof_names_the_client_unless_the_token_request_was_anonymous(anonymous: bool, expected: str | None) -> None:
    published = {**server_metadata(), "pre-authorized_grant_anonymous_access_supported": anonymous}
    server = Server({SERVER_URL: ok(published)})
    issued(server)
    assert proofs_of(server.to(CREDENTIAL)[0])[0].claims().get("iss") == expected


@pytest.mark.spec("VCI-12.2.4-62")
def test_the_algorithm_is_one_that_the_issuer_accepts() -> None:
    order = ordered(Server())
    for algorithm in ("EdDSA", "ES384", "ES256K"):
        with pytest.raises(ValueError, match="accepts ES256, not"):
            order.prove([LocalSigner.generate("k", algorithm)], now=NOW)
    assert order.proof_algorithms == ("ES256",)


@pytest.mark.spec("VCI-8.2-22", "VCI-15.4.1-01")
def test_the_number_of_keys() -> None:
    order = ordered(Server())
    assert order.max_keys == 3
    for signers in ([], list(HOLDER_KEYS)):
        with pytest.raises(ValueError, match="1 to 3"):
            order.prove(signers, now=NOW)
    assert len(order.prove([FIRST, SECOND, THIRD], now=NOW).holder_keys) == 3


def test_without_batches_there_is_one_key() -> None:
    order = ordered(without("batch_credential_issuance"))
    with pytest.raises(ValueError, match="1 to 1"):
        order.prove([FIRST, SECOND], now=NOW)


def test_each_credential_has_a_key_of_its_own() -> None:
    with pytest.raises(ValueError, match="a key of its own"):
        ordered(Server()).prove([FIRST, remote(FIRST)], now=NOW)


@pytest.mark.spec("VCI-14.2-01", "VCI-8.2-11")
def test_a_configuration_without_proof_types_takes_no_keys() -> None:
    server = Server()
    order = ordered(server, "ticket")
    assert (order.max_keys, order.proof_algorithms) == (0, None)
    with pytest.raises(ValueError, match="0 to 0"):
        order.prove([FIRST], now=NOW)
    result = run(order.prove([], now=NOW).submit(), server)
    assert isinstance(result, Issued)
    assert len(result.credentials) == 1
    assert body(server) == {"credential_configuration_id": "ticket"}


def test_keys_elsewhere_sign_what_is_listed() -> None:
    server = Server()
    proofs = proved(server, remote(FIRST), SECOND, remote(THIRD))
    assert [(each.key_id, each.algorithm) for each in proofs.to_sign] == [("holder-0", "ES256"), ("holder-2", "ES256")]
    signatures = [key.sign(each.data) for key, each in zip((FIRST, THIRD), proofs.to_sign, strict=True)]
    assert isinstance(run(proofs.submit(signatures), server), Issued)
    for proof, key in zip(proofs_of(server.to(CREDENTIAL)[0]), (FIRST, SECOND, THIRD), strict=True):
        _jose.verify(proof, public_key(key.public_jwk), algorithms=("ES256",))


def test_signatures_must_fit() -> None:
    proofs = proved(Server(), remote(FIRST))
    good = FIRST.sign(proofs.to_sign[0].data)
    for signatures in ([], [good, good], [good[:-1]], [b""]):
        with pytest.raises(ValueError, match="signature"):
            proofs.submit(signatures)
    with pytest.raises(ValueError, match="0 signatures"):
        proved(Server(), FIRST).submit([good])


@pytest.mark.spec("VCI-13.8-02", "VCI-8-04")
def test_an_order_and_its_nonce_serve_several_times() -> None:
    server = Server()
    order = ordered(server)
    for key in (FIRST, SECOND):
        assert isinstance(run(order.prove([key], now=NOW).submit(), server), Issued)
    assert [proofs_of(request)[0].claims()["nonce"] for request in server.to(CREDENTIAL)] == ["nonce-1", "nonce-1"]
    assert len(server.to(NONCE)) == 1


# --- submit -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.2-01", "VCI-8.2-30")
def test_the_credential_request() -> None:
    request = proved(Server()).submit().request
    assert (request.method, request.url, request.media_type) == ("POST", CREDENTIAL, "application/json")
    assert request.headers.get("authorization") == f"Bearer {ACCESS_TOKEN}"
    assert request.headers.get("accept") == "application/json"
    assert ACCESS_TOKEN not in request.url
    assert ACCESS_TOKEN.encode() not in request.body


@pytest.mark.spec("VCI-8.2-24", "VCI-8.2-34")
def test_further_members_can_be_sent() -> None:
    proofs = proved(Server())
    assert proofs.submit(extra={"x": [1]}).request.json_object()["x"] == [1]
    for name in ("credential_configuration_id", "credential_identifier", "proofs", "credential_response_encryption"):
        with pytest.raises(ValueError, match="extra"):
            proofs.submit(extra={name: {}})


def test_credentials_are_verified_and_matched_by_key() -> None:
    format_ = JwtFormat()
    server, trust = Server(), Trust(allow=lambda url: True)
    result = issued(server, FIRST, SECOND, THIRD, formats={"dc+sd-jwt": format_}, trust=trust)
    keys = [public_key(key.public_jwk) for key in (FIRST, SECOND, THIRD)]
    assert result.holder_keys == tuple(keys)
    assert [each.holder_key for each in result.credentials] == list(reversed(keys))
    assert all(call["trust"] is trust and call["now"] == NOW for call in format_.seen)
    assert all(list(call["holder_keys"]) == keys for call in format_.seen)
    assert format_.seen[0]["configuration"].vct == "urn:pid"
    assert result.session.opened.offer.credential_configuration_ids == ("pid", "ticket")


def test_credentials_can_be_verified_for_another_time() -> None:
    format_ = JwtFormat()
    server = Server()
    result = run(proved(server, formats={"dc+sd-jwt": format_}).submit(now=NOW + 5), server)
    assert isinstance(result, Issued)
    assert (result.verified_at, format_.seen[0]["now"]) == (NOW + 5, NOW + 5)


def credentials(*values: Any, **members: Any) -> dict[str, Any]:
    return {"credentials": [{"credential": value} for value in values], **members}


GOOD = credential_for(FIRST.public_jwk)


@pytest.mark.spec("VCI-8.3-26")
def test_unknown_members_are_ignored() -> None:
    answer = {"credentials": [{"credential": GOOD, "x": 1}], "c_nonce": "draft", "y": None, "transaction_id": None}
    result = issued(Server({CREDENTIAL: ok(answer)}))
    assert [each.credential for each in result.credentials] == [GOOD]
    assert result.notification_id is None
    assert issued(Server({CREDENTIAL: ok({**answer, "notification_id": "n"})})).notification_id == "n"


def test_there_may_be_fewer_credentials_than_keys() -> None:
    assert len(issued(Server({CREDENTIAL: ok(credentials(GOOD))}), FIRST, SECOND).credentials) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"credentials": []},
        {"credentials": {}},
        {"credentials": GOOD},
        {"credentials": [GOOD]},
        {"credentials": [{}]},
        {"credential": GOOD},
        credentials(None),
        credentials(1),
        credentials([GOOD]),
        credentials(""),
        credentials(GOOD, GOOD),
        credentials(GOOD, transaction_id="t"),
        credentials(GOOD, interval=5),
        credentials(GOOD, notification_id=1),
        credentials(GOOD, notification_id=""),
        {"transaction_id": "t", "interval": 5},
    ],
)
def test_a_malformed_credential_response_is_refused(answer: Any) -> None:
    with pytest.raises(InvalidResponse):
        submitted(Server({CREDENTIAL: ok(answer)}))


@pytest.mark.parametrize(
    "answer",
    [
        Response.of_json(201, credentials(GOOD)),
        Response.of_json(307, credentials(GOOD), {"location": CREDENTIAL}),
        Response(200, {"content-type": "application/jwt"}, _json.dump_bytes(credentials(GOOD))),
        Response(200, {}, _json.dump_bytes(credentials(GOOD))),
        Response(204),
    ],
)
def test_a_credential_response_that_is_none_is_refused(answer: Response) -> None:
    with pytest.raises(InvalidResponse):
        submitted(Server({CREDENTIAL: answer}))


@pytest.mark.spec("VCI-13.5-03")
@pytest.mark.parametrize(
    "credential",
    [
        credential_for(FIRST.public_jwk, signer=SECOND),
        GOOD[:-6] + "AAAAAA",
        credential_for(SECOND.public_jwk),
        credential_for(None),
        credential_for({"kty": "oct"}),
        "no credential",
        {"type": "object"},
    ],
)
def test_credentials_that_do_not_verify_are_not_accepted(credential: Any) -> None:
    with pytest.raises(InvalidCredential):
        submitted(Server({CREDENTIAL: ok(credentials(credential))}))


def test_a_key_is_bound_to_one_credential() -> None:
    with pytest.raises(InvalidCredential):
        submitted(Server({CREDENTIAL: ok(credentials(GOOD, credential_for(FIRST.public_jwk, x=1)))}), FIRST, SECOND)


def test_one_bad_credential_spoils_the_batch() -> None:
    with pytest.raises(InvalidCredential):
        submitted(Server({CREDENTIAL: ok(credentials(GOOD, "bad"))}), FIRST, SECOND)


# --- documents that a verifier needs ----------------------------------------------------------------------------------------


def test_what_a_verifier_needs_is_fetched() -> None:
    server = Server()
    result = issued(server, FIRST, SECOND, formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])})
    (request,) = server.to(JWKS)
    assert (request.method, request.headers.get("accept")) == ("GET", "application/json, application/jwk-set+json")
    assert "authorization" not in request.headers
    assert len(result.credentials) == 2
    assert list(result.documents) == [JWKS]


def test_what_a_verifier_needs_is_trusted_first() -> None:
    server = Server()
    allowed = Trust(allow={ISSUER}.__contains__)
    with pytest.raises(Untrusted):
        submitted(server, formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])}, trust=allowed)
    assert server.to(JWKS) == []


@pytest.mark.parametrize("answer", [Response(404), Response(302, {"location": JWKS}), ok({"keys": []}), Response(200), ok([])])
def test_a_needed_document_that_is_none_spoils_the_credential(answer: Response) -> None:
    with pytest.raises(InvalidCredential):
        submitted(Server({JWKS: answer}), formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])})


def test_a_needed_document_has_a_bound() -> None:
    """Whatever the verifier would make of it."""
    answer = Response(200, {"content-type": "application/json"}, b" " * (1 << 20) + b'{"keys":[]}')
    with pytest.raises(InvalidCredential, match="the answer is too large"):
        submitted(Server({JWKS: answer}), formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])})


def test_an_error_answer_has_a_bound() -> None:
    with pytest.raises(InvalidResponse, match="the answer is too large"):
        submitted(Server({CREDENTIAL: Response(400, {}, b" " * (1 << 20) + b'{"error":"invalid_proof"}')}))


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_a_redirect_is_named_as_what_it_is(status: int) -> None:
    server = Server({CREDENTIAL: Response(status, {"location": "https://issuer.example/elsewhere"})})
    with pytest.raises(InvalidResponse, match="redirect"):
        submitted(server)
    assert server.urls[-1] == CREDENTIAL


def test_a_needed_document_can_be_asked_for_again() -> None:
    server = Server({JWKS: Response(503)})
    exchange: Any = proved(server, formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])}).submit()
    exchange = exchange.receive(server(exchange.request))
    with pytest.raises(TryLater):
        exchange.receive(server(exchange.request))
    server.answers[JWKS] = Server().answers[JWKS]
    assert isinstance(exchange.receive(server(exchange.request)), Issued)
    assert len(server.to(CREDENTIAL)) == 1


@pytest.mark.parametrize(
    "url", ["http://issuer.example/jwks", "https://u:p@issuer.example/jwks", "https://issuer.example/jwks#f"]
)
def test_a_needed_document_is_at_an_https_url(url: str) -> None:
    server = Server()
    with pytest.raises(InvalidCredential):
        submitted(server, formats={"dc+sd-jwt": JwtFormat(fetch=[url])}, trust=Trust(allow=lambda url: True))
    assert server.to(url) == []


def test_the_number_of_needed_documents_is_bounded() -> None:
    urls = [f"https://issuer.example/documents/{i}" for i in range(50)]
    server = Server(dict.fromkeys(urls, ok({"keys": []})))
    with pytest.raises(InvalidCredential, match="too many"):
        submitted(server, formats={"dc+sd-jwt": JwtFormat(fetch=urls)})
    assert sum(url in urls for url in server.urls) == 16


# --- deferred ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", [3600, 0.5])
def test_a_deferred_answer(interval: float) -> None:
    answer = Response.of_json(202, {"transaction_id": "the-transaction", "interval": interval, "x": 1})
    result = submitted(Server({CREDENTIAL: answer}), FIRST, SECOND)
    assert isinstance(result, Deferred)
    assert (result.transaction_id, result.interval, result.configuration_id) == ("the-transaction", interval, "pid")
    assert result.holder_keys == tuple(public_key(key.public_jwk) for key in (FIRST, SECOND))
    assert result.session.access_token == ACCESS_TOKEN
    assert "the-transaction" not in repr(result)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"transaction_id": "t"},
        {"interval": 5},
        {"transaction_id": 1, "interval": 5},
        {"transaction_id": "", "interval": 5},
        {"transaction_id": "t", "interval": 0},
        {"transaction_id": "t", "interval": -5},
        {"transaction_id": "t", "interval": "5"},
        {"transaction_id": "t", "interval": True},
        {"transaction_id": "t", "interval": 5, **credentials(GOOD)},
        {"transaction_id": "t", "interval": 5, "notification_id": "n"},
        credentials(GOOD),
    ],
)
def test_a_malformed_deferred_answer_is_refused(answer: Any) -> None:
    with pytest.raises(InvalidResponse):
        submitted(Server({CREDENTIAL: Response.of_json(202, answer)}))


def test_an_issuer_without_deferred_endpoint_cannot_defer() -> None:
    server = without("deferred_credential_endpoint")
    server.answers[CREDENTIAL] = Response.of_json(202, {"transaction_id": "t", "interval": 5})
    with pytest.raises(InvalidResponse, match="Deferred"):
        submitted(server)


# --- refusals ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3.1.2-14")
@pytest.mark.parametrize(
    "code",
    [
        "credential_request_denied",
        "invalid_credential_request",
        "unknown_credential_configuration",
        "unknown_credential_identifier",
        "invalid_proof",
        "invalid_encryption_parameters",
        "anything_else",
    ],
)
def test_a_refusal_is_final(code: str) -> None:
    server = Server({CREDENTIAL: error(code)})
    with pytest.raises(Refused) as caught:
        submitted(server)
    assert (caught.value.error, caught.value.status, caught.value.advice) == (code, 400, Advice.GIVE_UP)
    assert len(server.to(CREDENTIAL)) == len(server.to(NONCE)) == 1


@pytest.mark.parametrize(
    ("challenge", "code", "description"),
    [
        ('Bearer error="invalid_token", error_description="expired"', "invalid_token", "expired"),
        ('Bearer realm="x", error = "invalid_token"', "invalid_token", None),
        ('DPoP algs="ES256", Bearer error="insufficient_scope"', "insufficient_scope", None),
        ("Bearer", "unknown_error", None),
        ("", "unknown_error", None),
        ('Bearer error="', "unknown_error", None),
    ],
)
def test_an_authorization_error(challenge: str, code: str, description: str | None) -> None:
    server = Server({CREDENTIAL: Response(401, {"www-authenticate": challenge})})
    with pytest.raises(Refused) as caught:
        submitted(server)
    assert (caught.value.error, caught.value.description, caught.value.status) == (code, description, 401)


@pytest.mark.spec("VCI-8.3.1.2-11")
def test_a_rejected_nonce_is_replaced_once_with_keys_that_are_here() -> None:
    server = Server({CREDENTIAL: [error("invalid_nonce"), issue]})
    assert isinstance(submitted(server, FIRST, SECOND), Issued)
    used = [{proof.claims()["nonce"] for proof in proofs_of(request)} for request in server.to(CREDENTIAL)]
    assert used == [{"nonce-1"}, {"nonce-2"}]
    assert server.urls[-4:] == [NONCE, CREDENTIAL, NONCE, CREDENTIAL]


def test_the_second_request_is_like_the_first() -> None:
    server = Server({CREDENTIAL: [error("invalid_nonce"), issue]})
    result = run(proved(server).submit(now=NOW + 5, extra={"x": 1}), server)
    assert isinstance(result, Issued)
    assert result.verified_at == NOW + 5
    assert [request.json_object()["x"] for request in server.to(CREDENTIAL)] == [1, 1]


@pytest.mark.spec("VCI-8.3.1.2-11")
def test_a_nonce_that_is_rejected_again_ends_it() -> None:
    server = Server({CREDENTIAL: error("invalid_nonce")})
    with pytest.raises(Refused) as caught:
        submitted(server)
    assert (caught.value.error, caught.value.advice) == ("invalid_nonce", Advice.GIVE_UP)
    assert len(server.to(CREDENTIAL)) == 2


def test_keys_elsewhere_are_asked_to_sign_again() -> None:
    server = Server({CREDENTIAL: [error("invalid_nonce"), issue]})
    proofs = proved(server, remote(FIRST), SECOND)
    again = run(proofs.submit([FIRST.sign(proofs.to_sign[0].data)]), server)
    assert isinstance(again, Proofs)
    assert again.order == proofs.order.__class__(
        session=proofs.order.session, configuration_id="pid", c_nonce="nonce-2", renewed=True
    )
    assert again.keys == proofs.keys
    assert again.to_sign != proofs.to_sign
    assert isinstance(run(again.submit([FIRST.sign(again.to_sign[0].data)]), server), Issued)


def test_the_next_proofs_are_as_new_as_their_nonce() -> None:
    """A person who takes ten minutes to unlock a key gets proofs that an issuer does not find too old."""
    later = NOW + 600
    for keys in ([remote(FIRST)], [FIRST]):
        server = Server({CREDENTIAL: [error("invalid_nonce"), issue]})
        proofs = proved(server, *keys)
        result = run(proofs.submit([FIRST.sign(each.data) for each in proofs.to_sign], now=later), server)
        if isinstance(result, Proofs):
            assert result.now == later
            result = run(result.submit([FIRST.sign(each.data) for each in result.to_sign]), server)
        assert isinstance(result, Issued)
        payloads = [request.json_object()["proofs"]["jwt"][0].split(".")[1] for request in server.to(CREDENTIAL)]
        assert [json.loads(b64url_decode(payload))["iat"] for payload in payloads] == [NOW, later]


def test_keys_elsewhere_are_asked_once() -> None:
    server = Server({CREDENTIAL: error("invalid_nonce")})
    proofs = proved(server, remote(FIRST))
    again = run(proofs.submit([FIRST.sign(proofs.to_sign[0].data)]), server)
    assert isinstance(again, Proofs)
    later = again.order.prove([remote(SECOND)], now=NOW + 60)
    with pytest.raises(Refused):
        run(later.submit([SECOND.sign(later.to_sign[0].data)]), server)


def test_without_nonce_endpoint_there_is_no_other_nonce() -> None:
    server = without("nonce_endpoint")
    server.answers[CREDENTIAL] = error("invalid_nonce")
    with pytest.raises(Refused):
        submitted(server)
    assert len(server.to(CREDENTIAL)) == 1


def test_without_keys_there_is_no_nonce_to_replace() -> None:
    server = Server({CREDENTIAL: error("invalid_nonce")})
    with pytest.raises(Refused):
        run(ordered(server, "ticket").prove([], now=NOW).submit(), server)
    assert len(server.to(CREDENTIAL)) == 1


def test_a_failing_nonce_endpoint_ends_the_second_try() -> None:
    server = Server({NONCE: [ok({"c_nonce": "n"}), Response(404)], CREDENTIAL: error("invalid_nonce")})
    with pytest.raises(Refused):
        submitted(server)
    assert len(server.to(CREDENTIAL)) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_credential_endpoint_in_trouble(status: int) -> None:
    server = Server({CREDENTIAL: [Response(status, {"retry-after": "7"}), issue]})
    exchange = proved(server).submit()
    with pytest.raises(TryLater) as caught:
        run(exchange, server)
    assert caught.value.retry_after == 7
    assert isinstance(run(exchange, server), Issued)


def test_secrets_do_not_show() -> None:
    server = Server(
        {NONCE: ok({"c_nonce": "the-nonce"}), CREDENTIAL: ok(credentials(GOOD, notification_id="the-notification"))}
    )
    proofs = proved(server)
    shown = "".join(map(repr, (proofs.order, proofs, proofs.submit(), run(proofs.submit(), server))))
    for secret in (ACCESS_TOKEN, "the-nonce", GOOD, "the-notification", "the-pre-authorized-code"):
        assert secret not in shown


def test_the_formats_of_the_library_are_there_by_default() -> None:
    settings = type(wallet())(trust=Trust())
    assert "dc+sd-jwt" in settings.formats
    assert "unknown" not in settings.formats
    assert callable(settings.verifier("dc+sd-jwt").verify)
    assert settings.verifier("dc+sd-jwt") is settings.verifier("dc+sd-jwt")
    with pytest.raises(ValueError, match="no verifier for the format unknown"):
        settings.verifier("unknown")
