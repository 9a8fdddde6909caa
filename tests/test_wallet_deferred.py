"""A Wallet that comes for Credentials that were promised (OID4VCI 8.3, 9)."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidCredential, InvalidResponse, Refused, TryLater, Untrusted, WalletError
from oid4vci.http import Request, Response
from oid4vci.keys import public_key
from oid4vci.trust import Trust
from oid4vci.wallet import Deferred, Issued, Session, dump, load
from tests.scripted_server import (
    ACCESS_TOKEN,
    CREDENTIAL,
    HOLDER_KEYS,
    ISSUER,
    METADATA_URL,
    NOW,
    TOKEN,
    Answer,
    JwtFormat,
    Server,
    credential_for,
    metadata,
    ok,
    opened,
    wallet,
)
from tests.wallet_clients import BOUND, DPOP, SIGNERS, nonces, proof, remote, sign, wants_nonce

ENDPOINT = "https://issuer.example/tenant/deferred"
INTERVAL = 3600
READY = NOW + INTERVAL
FIRST, SECOND = HOLDER_KEYS[:2]
TOKENS = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "refresh_token": "refresh"}


def promise(transaction_id: Any = "the-transaction", interval: Any = INTERVAL, **members: Any) -> Response:
    return Response.of_json(202, {"transaction_id": transaction_id, "interval": interval, **members})


def credentials(*values: Any, **members: Any) -> Response:
    return ok({"credentials": [{"credential": value} for value in values], **members})


def bound(*keys: Any) -> Response:
    return credentials(*(credential_for(dict(key.public_jwk)) for key in keys))


def server(answer: Answer | list[Answer], answers: Any = None) -> Server:
    """An issuer that defers, and then gives `answer`."""
    return Server({CREDENTIAL: promise(), ENDPOINT: answer, TOKEN: ok(TOKENS), **(answers or {})})


def begun(server: Server, *keys: Any, configuration_id: str = "pid", redeem: Any = None, **settings: Any) -> Deferred:
    session = run(opened(server, **settings).redeem(**(redeem or {})), server, sign=sign)
    order = session.order(configuration_id)
    order = run(order, server)
    given = keys or ((FIRST,) if configuration_id == "pid" else ())
    result = run(order.prove(given, now=NOW).submit(), server, sign=sign)
    assert isinstance(result, Deferred)
    return result


def polled(server: Server, deferred: Deferred, *, now: int = READY, **options: Any) -> Issued | Deferred:
    return run(deferred.poll(now=now, **options), server, sign=sign)


def later(answer: Response | list[Any], *keys: Any, **settings: Any) -> Issued | Deferred:
    there = server(answer)
    return polled(there, begun(there, *keys, **settings))


def sent(server: Server) -> list[Request]:
    return server.to(ENDPOINT)


# --- the request ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-04", "VCI-9-02", "VCI-9.1-01", "VCI-9.1-03", "VCI-9.1-11")
def test_the_request() -> None:
    there = server(bound(FIRST))
    polled(there, begun(there))
    (request,) = sent(there)
    assert (request.method, request.url) == ("POST", ENDPOINT)
    assert request.json_object() == {"transaction_id": "the-transaction"}
    assert request.headers.get("content-type") == "application/json"
    assert request.headers.get("authorization") == f"Bearer {ACCESS_TOKEN}"


@pytest.mark.spec("VCI-9.1-06")
def test_further_members() -> None:
    there = server(bound(FIRST))
    deferred = begun(there)
    polled(there, deferred, extra={"x": 1})
    assert sent(there)[0].json_object() == {"transaction_id": "the-transaction", "x": 1}
    for known in ("transaction_id", "credential_response_encryption"):
        with pytest.raises(ValueError, match="must be none of"):
            deferred.poll(now=READY, extra={known: "x"})


@pytest.mark.spec("VCI-12.2.4-17")
def test_the_endpoint_is_used_as_it_is() -> None:
    url = "https://issuer.example:8443/deferred?tenant=1&x=%20"
    published = ok({**metadata(), "deferred_credential_endpoint": url})
    there = server(ok({}), {METADATA_URL: published, url: bound(FIRST)})
    trusted = ("https://issuer.example/", "https://issuer.example:8443/", TOKEN, CREDENTIAL)
    trust = Trust(allow=lambda url: url.startswith(trusted))
    assert isinstance(polled(there, begun(there, trust=trust)), Issued)
    assert len(there.to(url)) == 1


@pytest.mark.spec("VCI-9-03", "VCI-12.2.4-16")
def test_no_endpoint_without_tls() -> None:
    published = {**metadata(), "deferred_credential_endpoint": "http://issuer.example/tenant/deferred"}
    with pytest.raises(WalletError):
        opened(Server({METADATA_URL: ok(published)}))


def test_no_endpoint_that_is_not_trusted() -> None:
    elsewhere = "https://elsewhere.example/deferred"
    there = server(ok({}), {METADATA_URL: ok({**metadata(), "deferred_credential_endpoint": elsewhere})})
    deferred = begun(there)
    with pytest.raises(Untrusted):
        deferred.poll(now=READY)
    assert there.to(elsewhere) == []


def test_an_issuer_that_has_the_endpoint_no_more() -> None:
    deferred = begun(server(ok({})))
    published = evolve(deferred.session.metadata, deferred_credential_endpoint=None)
    session = evolve(deferred.session, opened=evolve(deferred.session.opened, metadata=published))
    with pytest.raises(ValueError, match="no Deferred Credential Endpoint"):
        evolve(deferred, session=session).poll(now=READY)
    with pytest.raises(ValueError, match="no Deferred Credential Endpoint"):
        deferred.with_session(session)


# --- when ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-20")
@pytest.mark.parametrize(("interval", "ready_at"), [(1, NOW + 1), (3600, NOW + 3600), (0.5, NOW + 1), (1.5, NOW + 2)])
def test_the_interval_is_waited_for(interval: float, ready_at: int) -> None:
    there = server(bound(FIRST), {CREDENTIAL: promise(interval=interval)})
    deferred = begun(there)
    assert (deferred.received_at, deferred.ready_at) == (NOW, ready_at)
    with pytest.raises(ValueError, match="too early by 1 seconds"):
        deferred.poll(now=ready_at - 1)
    assert sent(there) == []
    assert isinstance(polled(there, deferred, now=ready_at), Issued)


def test_who_knows_better_may_come_early() -> None:
    there = server(bound(FIRST))
    assert isinstance(polled(there, begun(there), now=NOW, early=True), Issued)


@pytest.mark.spec("VCI-8.3-20", "VCI-9.2-03", "VCI-9.2-05")
def test_whoever_must_wait_comes_again() -> None:
    there = server([promise(interval=10), promise(interval=86_400, x=1), bound(FIRST)])
    first = begun(there)
    second = polled(there, first)
    assert isinstance(second, Deferred)
    assert (second.transaction_id, second.interval, second.ready_at) == ("the-transaction", 10, READY + 10)
    assert second.holder_keys == first.holder_keys
    with pytest.raises(ValueError, match="too early by 10"):
        second.poll(now=READY)
    third = polled(there, second, now=second.ready_at)
    assert isinstance(third, Deferred)
    assert isinstance(polled(there, third, now=third.ready_at), Issued)


# --- the answer ---------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-9.2-06", "VCI-9.2-08")
def test_what_is_issued_is_verified_as_anything_else() -> None:
    made = [credential_for(dict(key.public_jwk)) for key in (SECOND, FIRST)]
    answer = ok({"credentials": [{"credential": each, "x": 1} for each in made], "notification_id": "n", "y": 2})
    result = later(answer, FIRST, SECOND)
    assert isinstance(result, Issued)
    assert [each.holder_key for each in result.credentials] == [public_key(key.public_jwk) for key in (SECOND, FIRST)]
    assert (result.verified_at, result.notification_id) == (READY, "n")
    assert load(dump(result), wallet()) == result


def test_credentials_without_keys() -> None:
    assert isinstance(later(credentials(credential_for(None)), configuration_id="ticket"), Issued)


@pytest.mark.parametrize(
    "answer",
    [
        credentials(credential_for(dict(HOLDER_KEYS[3].public_jwk))),
        credentials(credential_for(None)),
        credentials(credential_for(dict(FIRST.public_jwk), signer=SECOND)),
        credentials("x"),
    ],
    ids=["another key", "no key", "another issuer", "none"],
)
def test_credentials_that_are_not_what_was_ordered(answer: Response) -> None:
    with pytest.raises(InvalidCredential):
        later(answer)


@pytest.mark.spec("VCI-9.2-05")
@pytest.mark.parametrize("other", ["another", "the-transaction ", "THE-TRANSACTION"])
def test_another_transaction_is_refused(other: str) -> None:
    with pytest.raises(InvalidResponse, match="transaction_id: is another one"):
        later(promise(other))


@pytest.mark.spec("VCI-9.2-03", "VCI-8.3-03", "VCI-8.3-08", "VCI-8.3-18", "VCI-8.3-19", "VCI-8.3-21", "VCI-8.3-24")
@pytest.mark.parametrize(
    "answer",
    [
        Response.of_json(202, {}),
        Response.of_json(202, {"transaction_id": "the-transaction"}),
        Response.of_json(202, {"interval": 5}),
        promise(7),
        promise(interval=0),
        promise(interval=-5),
        promise(interval="5"),
        promise(interval=True),
        promise(credentials=[{"credential": "x"}]),
        promise(notification_id="n"),
        ok({"transaction_id": "the-transaction", "interval": 5}),
        Response.of_json(202, {"credentials": [{"credential": "x"}]}),
        ok({"credentials": []}),
        ok({"credentials": [{"credential": "x"}], "transaction_id": "the-transaction"}),
        ok({"credentials": [{"credential": "x"}], "interval": 5}),
        bound(FIRST, SECOND),
        Response(200, {"content-type": "text/plain"}, bound(FIRST).body),
        Response(202, {"content-type": "text/plain"}, promise().body),
        Response(204, {}),
        Response(302, {"location": ENDPOINT}),
        Response(200, {"content-type": "application/json"}, b"{"),
    ],
)
def test_an_answer_that_breaks_the_rules(answer: Response) -> None:
    with pytest.raises(InvalidResponse):
        later(answer)


@pytest.mark.spec("VCI-9.3-04", "VCI-8.3.1.2-14")
@pytest.mark.parametrize("code", ["credential_request_denied", "invalid_transaction_id", "anything_else"])
def test_what_is_over(code: str) -> None:
    with pytest.raises(Refused) as caught:
        later(Response.of_json(400, {"error": code, "error_description": "no"}))
    assert (caught.value.error, caught.value.advice) == (code, Advice.GIVE_UP)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now(status: int) -> None:
    there = server([Response(status, {"retry-after": "5"}), bound(FIRST)])
    deferred = begun(there)
    with pytest.raises(TryLater) as caught:
        polled(there, deferred)
    assert (caught.value.advice, caught.value.retry_after) == (Advice.WAIT, 5)
    assert isinstance(polled(there, deferred), Issued)


@given(status=st.sampled_from([200, 202, 400, 401]), body=st.binary(max_size=80) | st.sampled_from([b"{}", b'{"error":1}']))
def test_whatever_comes_raises_only_what_a_wallet_can_meet_with(status: int, body: bytes) -> None:
    with pytest.raises(WalletError):
        DEFERRED.poll(now=READY).receive(Response(status, {"content-type": "application/json"}, body))


DEFERRED = begun(server(ok({})))


# --- another Access Token -----------------------------------------------------------------------------------------------------


def rejected() -> Response:
    return Response(401, {"www-authenticate": 'Bearer error="invalid_token"'})


@pytest.mark.parametrize(("refresh_token", "advice"), [("refresh", Advice.REFRESH), (None, Advice.AUTHORIZE)])
def test_what_to_do_without_a_good_access_token(refresh_token: str | None, advice: Advice) -> None:
    token = {name: value for name, value in {**TOKENS, "refresh_token": refresh_token}.items() if value is not None}
    there = server(rejected(), {TOKEN: ok(token)})
    deferred = begun(there)
    with pytest.raises(Refused) as caught:
        polled(there, deferred)
    assert caught.value.advice == advice
    # Nothing was refreshed by itself.
    assert len(there.to(TOKEN)) == 1


@pytest.mark.spec("VCI-9-02")
def test_it_goes_on_with_a_session_that_was_refreshed() -> None:
    there = server([rejected(), bound(FIRST)])
    deferred = begun(there)
    with pytest.raises(Refused):
        polled(there, deferred)
    there.answers[TOKEN] = ok({**TOKENS, "access_token": "fresh", "refresh_token": "next"})
    renewed = deferred.with_session(run(deferred.session.refresh(now=READY), there))
    assert (renewed.transaction_id, renewed.ready_at) == (deferred.transaction_id, deferred.ready_at)
    result = polled(there, renewed)
    assert isinstance(result, Issued)
    assert [request.headers.get("authorization") for request in sent(there)] == [f"Bearer {ACCESS_TOKEN}", "Bearer fresh"]
    assert result.session.refresh_token == "next"


def test_a_session_of_another_issuer_or_for_something_else() -> None:
    deferred = begun(server(ok({})))
    session = deferred.session
    elsewhere = evolve(session.metadata, credential_issuer="https://issuer.example/other")
    with pytest.raises(ValueError, match="another issuer"):
        deferred.with_session(evolve(session, opened=evolve(session.opened, metadata=elsewhere)))
    with pytest.raises(ValueError, match="the session is for ticket"):
        deferred.with_session(evolve(session, configuration_ids=("ticket",)))


def test_what_was_asked_for_as_mandatory_stays_so() -> None:
    claims = {"pid": ("x",)}
    deferred: Any = begun(server(ok({})))
    first: Any = evolve(deferred, session=evolve(deferred.session, claims=claims))
    assert first.with_session(deferred.session).session.claims == claims
    other: Any = evolve(deferred.session, claims={"pid": ("y",), "ticket": ("z",)})
    assert first.with_session(other).session.claims == {"pid": ("x",), "ticket": ("z",)}
    assert deferred.with_session(other).session.claims == {"ticket": ("z",)}


@pytest.mark.parametrize("key", [DPOP, remote(DPOP)], ids=["here", "elsewhere"])
def test_a_bound_token_goes_with_a_proof(key: Any) -> None:
    there = server([wants_nonce("fresh", 401), promise(), bound(FIRST)], {TOKEN: ok(BOUND)})
    deferred = begun(there, redeem={"dpop": key, "now": NOW})
    second = polled(there, deferred)
    assert isinstance(second, Deferred)
    assert isinstance(polled(there, second, now=second.ready_at), Issued)
    requests = sent(there)
    for request, now in zip(requests, (READY, READY, second.ready_at), strict=True):
        assert proof(request, access_token=ACCESS_TOKEN, now=now)["htu"] == ENDPOINT
    # The nonce is remembered by the state.
    assert nonces(requests) == [None, "fresh", "fresh"]


# --- weeks later --------------------------------------------------------------------------------------------------------------


def test_it_goes_on_in_another_process() -> None:
    there = server(bound(FIRST, SECOND))
    deferred = begun(there, FIRST, SECOND)
    named = evolve(deferred, holder_keys=tuple(evolve(key, did_url="did:web:wallet.example#1") for key in deferred.holder_keys))
    loaded = load(dump(named), wallet(signers=SIGNERS))
    assert isinstance(loaded, Deferred)
    assert loaded == named
    assert [key.did_url for key in loaded.holder_keys] == ["did:web:wallet.example#1"] * 2
    assert (loaded.received_at, loaded.ready_at) == (NOW, READY)
    assert isinstance(polled(there, load_deferred(deferred), now=NOW + 30 * 86_400), Issued)


def load_deferred(deferred: Deferred) -> Deferred:
    loaded = load(dump(deferred), wallet())
    assert isinstance(loaded, Deferred)
    return loaded


@pytest.mark.parametrize("value", [None, "now", 1.5, True])
def test_a_stored_value_that_was_changed_is_refused(value: Any) -> None:
    written = _json.object_from(dump(begun(server(ok({})))))
    written["state"]["received_at"] = value
    with pytest.raises(ValueError, match="received_at"):
        load(_json.dump_bytes(written), wallet())


def test_secrets_do_not_show() -> None:
    deferred = begun(server(ok({})))
    assert isinstance(deferred.session, Session)
    for secret in ("the-transaction", ACCESS_TOKEN, "refresh"):
        assert secret not in repr(deferred).replace("refresh_token", "")


def test_documents_are_fetched_for_deferred_credentials_too() -> None:
    there = server(bound(FIRST))
    settings: dict[str, Any] = {"formats": {"dc+sd-jwt": JwtFormat(fetch=[f"{ISSUER.removesuffix('/tenant')}/jwks"])}}
    result = polled(there, begun(there, **settings))
    assert isinstance(result, Issued)
    assert len(result.documents) == 1
