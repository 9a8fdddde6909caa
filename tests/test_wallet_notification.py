"""The Wallet tells an issuer what became of its Credentials (OID4VCI 11)."""

import itertools
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.errors import Advice, InvalidCredential, InvalidMetadata, InvalidResponse, Refused, TryLater, Untrusted
from oid4vci.http import Response
from oid4vci.keys import LocalSigner
from oid4vci.notifications import CREDENTIAL_ACCEPTED, CREDENTIAL_DELETED, CREDENTIAL_FAILURE, EVENTS, MAX_EVENT_DESCRIPTION
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, RejectedCredentials, dump, load
from tests.scripted_notifications import DONE, ID, NOTIFICATION, credentials, notifiable, server
from tests.scripted_server import (
    ACCESS_TOKEN,
    CREDENTIAL,
    HOLDER_KEYS,
    JWKS,
    NOW,
    SERVER_URL,
    TOKEN,
    JwtFormat,
    Server,
    credential_for,
    error,
    ok,
    opened,
    proofs_of,
    server_metadata,
    wallet,
)
from tests.wallet_clients import BOUND, DPOP, OTHER_DPOP, proof, remote, sign, wants_nonce

INVALID_TOKEN = Response(401, {"www-authenticate": 'Bearer error="invalid_token"'})


def bound(script: Server) -> Server:
    script.answers[TOKEN] = ok(BOUND)
    script.answers[SERVER_URL] = ok(server_metadata())
    return script


# --- the request ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8.3-23", "VCI-11-03", "VCI-11.1-01", "VCI-11.1-03", "VCI-11.1-04", "VCI-11.1-10")
@pytest.mark.parametrize("description", [None, "", "Could not store the Credential. Out of storage."])
@pytest.mark.parametrize("event", EVENTS)
def test_the_request_has_what_it_must_and_no_more(event: str, description: str | None) -> None:
    script, issued = notifiable()
    run(issued.notify(event, description, now=NOW), script)
    (request,) = script.to(NOTIFICATION)
    assert (request.method, request.headers.all("content-type")) == ("POST", ("application/json",))
    assert request.headers.all("authorization") == (f"Bearer {ACCESS_TOKEN}",)
    expected = {"notification_id": ID, "event": event} | ({} if description is None else {"event_description": description})
    assert request.json_object() == expected
    assert "dpop" not in request.headers


@pytest.mark.spec("VCI-11.1-12")
def test_extra_members_go_along_and_replace_none() -> None:
    script, issued = notifiable()
    run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW, extra={"app": {"version": 2}}), script)
    assert script.to(NOTIFICATION)[0].json_object()["app"] == {"version": 2}
    for known in ("notification_id", "event", "event_description"):
        with pytest.raises(ValueError, match="extra"):
            issued.notify(CREDENTIAL_ACCEPTED, now=NOW, extra={known: "x"})


@pytest.mark.spec("VCI-11.1-05")
@pytest.mark.parametrize(
    "event", ["", "stored", "Credential_Accepted", "credential_accepted ", None, 1, ["credential_accepted"]]
)
def test_another_event_is_not_sent(event: Any) -> None:
    _, issued = notifiable()
    with pytest.raises(ValueError, match="event: must be one of"):
        issued.notify(event, now=NOW)


@pytest.mark.spec("VCI-11.1-11")
@pytest.mark.parametrize("description", ['"', "\\", "é", "a\n", "\x00", "\x7f", "\ud800", 1, "x" * (MAX_EVENT_DESCRIPTION + 1)])
def test_another_description_is_not_sent(description: Any) -> None:
    _, issued = notifiable()
    with pytest.raises(ValueError, match="event_description"):
        issued.notify(CREDENTIAL_FAILURE, description, now=NOW)


@given(st.text(st.sampled_from([chr(i) for i in range(0x20, 0x7F) if chr(i) not in '"\\']), max_size=50))
def test_every_description_that_is_sent_is_what_an_issuer_reads(description: str) -> None:
    script, issued = notifiable()
    run(issued.notify(CREDENTIAL_FAILURE, description, now=NOW), script)
    assert script.to(NOTIFICATION)[0].json_object()["event_description"] == description


# --- whether to notify ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11-01", "VCI-8.3-22")
@pytest.mark.parametrize(
    ("notification_id", "endpoint", "message"),
    [(None, NOTIFICATION, "no notification_id"), (ID, None, "no Notification Endpoint"), (None, None, "no notification_id")],
)
def test_without_an_id_or_an_endpoint_nothing_is_sent(notification_id: Any, endpoint: Any, message: str) -> None:
    script, issued = notifiable(notification_id=notification_id, endpoint=endpoint)
    assert not issued.can_notify
    with pytest.raises(ValueError, match=message):
        issued.notify(CREDENTIAL_ACCEPTED, now=NOW)
    assert script.to(NOTIFICATION) == []
    assert notifiable()[1].can_notify


@pytest.mark.spec("VCI-8.3-24")
def test_a_promise_with_an_id_breaks_the_protocol() -> None:
    script = server(scripted={CREDENTIAL: Response.of_json(202, {"transaction_id": "t", "interval": 5, "notification_id": ID})})
    with pytest.raises(InvalidResponse, match="notification_id"):
        credentials(script)


@pytest.mark.spec("VCI-11-06")
def test_an_endpoint_without_tls_is_none() -> None:
    with pytest.raises(InvalidMetadata, match="notification_endpoint"):
        notifiable(endpoint="http://issuer.example/tenant/notification")


def test_an_endpoint_elsewhere_needs_the_trust_decision() -> None:
    elsewhere = "https://notifications.example/n"
    script, issued = notifiable(endpoint=elsewhere)
    with pytest.raises(Untrusted):
        issued.notify(CREDENTIAL_ACCEPTED, now=NOW)
    asked: list[str] = []

    def allow(url: str) -> bool:
        asked.append(url)
        return True

    trusting = evolve(issued.session.wallet, trust=Trust(allow=allow))
    opened_again = evolve(issued.session.opened, wallet=trusting)
    run(evolve(issued, session=evolve(issued.session, opened=opened_again)).notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert asked == [elsewhere]
    assert len(script.to(elsewhere)) == 1


# --- which event ----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11.1-06", "VCI-11.1-07", "VCI-11.1-08", "VCI-11.1-09")
def test_the_event_is_about_all_of_them() -> None:
    script = server(DONE)
    issued = credentials(script, *HOLDER_KEYS[:3])
    assert issued.outcome(3) == issued.outcome(3, by_user=True) == CREDENTIAL_ACCEPTED
    assert [issued.outcome(stored) for stored in (0, 1, 2)] == [CREDENTIAL_FAILURE] * 3
    assert [issued.outcome(stored, by_user=True) for stored in (0, 1, 2)] == [CREDENTIAL_DELETED] * 3
    for stored in (-1, 4):
        with pytest.raises(ValueError, match="0 to 3"):
            issued.outcome(stored)
    run(issued.notify(issued.outcome(2), now=NOW), script)
    assert script.to(NOTIFICATION)[0].json_object()["event"] == "credential_failure"


def bad(request: Any) -> Response:
    """A Credential that somebody else signed."""
    (sent,) = proofs_of(request)
    credential = credential_for(sent.header["jwk"], signer=LocalSigner.generate("stranger"))
    return ok({"credentials": [{"credential": credential}], "notification_id": ID})


@pytest.mark.spec("VCI-11.1-08")
def test_the_issuer_can_be_told_of_a_credential_that_does_not_verify() -> None:
    script = server(DONE, scripted={CREDENTIAL: bad})
    with pytest.raises(InvalidCredential) as caught:
        credentials(script)
    rejected = caught.value.rejected
    assert isinstance(rejected, RejectedCredentials)
    assert rejected.can_notify
    assert isinstance(run(rejected.notify(now=NOW, event_description="It does not verify."), script), RejectedCredentials)
    assert script.to(NOTIFICATION)[0].json_object() == {
        "notification_id": ID,
        "event": "credential_failure",
        "event_description": "It does not verify.",
    }
    assert rejected.with_session(rejected.session) == rejected
    assert ID not in repr(rejected)
    assert ACCESS_TOKEN not in repr(rejected)


def test_it_can_be_told_of_keys_that_cannot_be_had_and_of_those_that_are_not_trusted() -> None:
    script = server(DONE, scripted={JWKS: Response(404)})
    with pytest.raises(InvalidCredential) as missing:
        credentials(script, formats={"dc+sd-jwt": JwtFormat(fetch=[JWKS])})
    assert missing.value.rejected is not None
    run(missing.value.rejected.notify(now=NOW), script)
    script = server(DONE)
    with pytest.raises(Untrusted) as untrusted:
        credentials(script, formats={"dc+sd-jwt": JwtFormat(fetch=["https://stranger.example/jwks"])})
    assert untrusted.value.rejected is not None
    run(untrusted.value.rejected.notify(now=NOW), script)
    assert len(script.to(NOTIFICATION)) == 1


def test_where_nothing_is_wanted_a_rejection_says_so() -> None:
    script = server(notification_id=None, scripted={CREDENTIAL: lambda request: ok({"credentials": [{"credential": "x"}]})})
    with pytest.raises(InvalidCredential) as caught:
        credentials(script)
    assert caught.value.rejected is not None
    assert not caught.value.rejected.can_notify
    with pytest.raises(ValueError, match="no notification_id"):
        caught.value.rejected.notify(now=NOW)
    assert InvalidCredential("x").rejected is None


# --- the answer -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-11.2-01", "VCI-11.2-02")
@pytest.mark.parametrize(
    "answer",
    [
        Response(204),
        Response(200),
        Response(201, {"content-type": "text/html"}, b"<p>thanks</p>"),
        Response(202, {"content-type": "application/json"}, b"no JSON"),
        Response.of_json(200, {"error": "invalid_notification_id"}),
        Response(299, [("content-type", "x"), ("content-type", "y")], b"\xff"),
    ],
)
def test_any_2xx_is_success_whatever_its_body(answer: Response) -> None:
    script, issued = notifiable(answer)
    assert run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script) == issued


@pytest.mark.parametrize("status", [100, 199, 300, 302, 307])
def test_other_answers_break_the_protocol(status: int) -> None:
    script, issued = notifiable(Response(status, {"location": "https://evil.example/"}))
    with pytest.raises(InvalidResponse):
        run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert script.urls[-1] == NOTIFICATION


@pytest.mark.parametrize("code", ["invalid_notification_id", "invalid_notification_request", "something_else"])
def test_a_refusal_ends_it(code: str) -> None:
    script, issued = notifiable(error(code))
    with pytest.raises(Refused) as caught:
        run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert (caught.value.error, caught.value.status, caught.value.advice) == (code, 400, Advice.GIVE_UP)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_issuer_in_trouble_is_told_later(status: int) -> None:
    script, issued = notifiable(Response(status, {"retry-after": "7"}), DONE)
    with pytest.raises(TryLater) as caught:
        run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert (caught.value.retry_after, caught.value.advice) == (7, Advice.WAIT)
    run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    first, second = script.to(NOTIFICATION)
    assert first.body == second.body


@pytest.mark.spec("VCI-11.1-02")
def test_the_same_may_be_sent_again_and_another_event_later() -> None:
    script, issued = notifiable(DONE, DONE, DONE)
    again = run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    run(run(again.notify(CREDENTIAL_ACCEPTED, now=NOW), script).notify(CREDENTIAL_DELETED, now=NOW), script)
    assert [request.json_object()["event"] for request in script.to(NOTIFICATION)] == [
        "credential_accepted",
        "credential_accepted",
        "credential_deleted",
    ]


# --- tokens ---------------------------------------------------------------------------------------------------------------------


def test_a_token_that_is_over_is_refreshed_and_the_notification_sent_with_the_new_one() -> None:
    first = {"access_token": "one", "token_type": "Bearer", "refresh_token": "again"}
    second = {"access_token": "two", "token_type": "Bearer"}
    script, issued = notifiable(INVALID_TOKEN, DONE, scripted={TOKEN: [ok(first), ok(second)]})
    with pytest.raises(Refused) as caught:
        run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert (caught.value.error, caught.value.advice) == ("invalid_token", Advice.REFRESH)
    refreshed = issued.with_session(run(issued.session.refresh(now=NOW), script))
    assert (refreshed.credentials, refreshed.notification_id) == (issued.credentials, ID)
    run(refreshed.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert [request.headers.get("authorization") for request in script.to(NOTIFICATION)] == ["Bearer one", "Bearer two"]


def test_without_a_refresh_token_the_person_would_have_to_authorize_again() -> None:
    script, issued = notifiable(INVALID_TOKEN)
    with pytest.raises(Refused) as caught:
        run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert caught.value.advice is Advice.AUTHORIZE


def test_the_session_of_another_issuer_does_not_fit() -> None:
    _, issued = notifiable()
    other = evolve(
        issued.session,
        opened=evolve(
            issued.session.opened, metadata=evolve(issued.session.metadata, credential_issuer="https://other.example")
        ),
    )
    with pytest.raises(ValueError, match="another issuer"):
        issued.with_session(other)


def test_a_bound_token_goes_with_a_proof_for_this_url() -> None:
    script = bound(server(wants_nonce("n-1", 401), Response(204, {"dpop-nonce": "n-2"}), DONE))
    issued = credentials(script, dpop=DPOP)
    with pytest.raises(ValueError, match="now is needed"):
        issued.notify(CREDENTIAL_ACCEPTED)
    kept = run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    run(kept.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    requests = script.to(NOTIFICATION)
    claims = [proof(request, access_token=ACCESS_TOKEN) for request in requests]
    assert [each.get("nonce") for each in claims] == [None, "n-1", "n-2"]
    assert {each["htu"] for each in claims} == {NOTIFICATION}
    assert len({each["jti"] for each in claims}) == 3
    assert {request.headers.get("authorization") for request in requests} == {f"DPoP {ACCESS_TOKEN}"}


def test_a_key_elsewhere_signs_the_proof() -> None:
    script = bound(server(DONE))
    session = run(opened(script).redeem(dpop=remote(OTHER_DPOP), now=NOW), script, sign=sign)
    issued = evolve(credentials(script, dpop=DPOP), session=session)
    exchange = issued.notify(CREDENTIAL_ACCEPTED, now=NOW)
    assert len(exchange.to_sign) == 1
    run(exchange, script, sign=sign)
    assert proof(script.to(NOTIFICATION)[0], access_token=ACCESS_TOKEN, key=OTHER_DPOP)


def test_an_issuer_that_wants_a_nonce_for_ever_is_refused() -> None:
    numbers = itertools.count()
    script = bound(server(scripted={NOTIFICATION: lambda request: wants_nonce(f"n-{next(numbers)}", 401)}))
    with pytest.raises(Refused) as caught:
        run(credentials(script, dpop=DPOP).notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert caught.value.error == "use_dpop_nonce"
    assert len(script.to(NOTIFICATION)) <= 5


# --- storage --------------------------------------------------------------------------------------------------------------------


def test_credentials_that_were_stored_can_be_notified_of() -> None:
    script, issued = notifiable()
    loaded = load(dump(issued), wallet())
    assert isinstance(loaded, Issued)
    assert (loaded, loaded.can_notify) == (issued, True)
    run(loaded.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    assert script.to(NOTIFICATION)[0].json_object()["notification_id"] == ID


ANSWERS = st.builds(
    Response,
    st.integers(100, 599),
    st.lists(
        st.tuples(st.sampled_from(["content-type", "www-authenticate", "dpop-nonce", "retry-after"]), st.text(max_size=12)),
        max_size=3,
    ),
    st.binary(max_size=30)
    | st.fixed_dictionaries({"error": st.text(max_size=9), "error_description": st.text(max_size=9)}).map(_json.dump_bytes),
)


@given(ANSWERS)
def test_any_answer_is_success_or_an_error_of_ours(answer: Response) -> None:
    script, issued = notifiable(answer)
    try:
        run(issued.notify(CREDENTIAL_ACCEPTED, now=NOW), script)
    except (Refused, TryLater, InvalidResponse):
        assert not 200 <= answer.status < 300
    else:
        assert 200 <= answer.status < 300
