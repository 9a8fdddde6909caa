"""A session that is refreshed: rotation, narrower tokens, the keys it is bound to, and what is ordered with it again."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.errors import Advice, AttestationExpired, InvalidResponse, Refused, TryLater
from oid4vci.http import Request, Response
from oid4vci.wallet import Issued, Session, dump, load
from oid4vci.wallet.client_authentication import ClientAuthentication
from tests.scripted_authorization import authorized, code_offer, code_server, redeemed
from tests.scripted_server import (
    CREDENTIAL,
    HOLDER_KEYS,
    NOW,
    TOKEN,
    Server,
    error,
    issue,
    metadata,
    offer,
    ok,
    opened,
    proofs_of,
    wallet,
)
from tests.wallet_clients import (
    ASSERTION,
    CLIENT,
    DPOP,
    INSTANCE,
    OTHER_DPOP,
    OTHER_INSTANCE,
    SIGNERS,
    attestation,
    authenticated,
    nonces,
    pop,
    proof,
    remote,
    server,
    sign,
    wants_nonce,
)

LATER = NOW + 86_400


def token(number: int, **members: Any) -> dict[str, Any]:
    made = {"access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 300, "refresh_token": f"refresh-{number}"}
    return {name: value for name, value in {**made, **members}.items() if value is not None}


def details(configuration_id: str = "pid", *identifiers: str) -> dict[str, Any]:
    return {
        "type": "openid_credential",
        "credential_configuration_id": configuration_id,
        "credential_identifiers": list(identifiers or ("a", "b")),
    }


def tokens(*answers: Any, **members: Any) -> Server:
    """A server that answers Token Requests in this row."""
    return server({TOKEN: [each if isinstance(each, Response) else ok(each) for each in answers]}, **members)


def form(request: Request) -> dict[str, str]:
    return dict(request.form().pairs)


def first(script: Server, **arguments: Any) -> Session:
    return run(opened(script, **arguments.pop("settings", {})).redeem(**arguments), script)


def test_the_refresh_request() -> None:
    script = tokens(token(1), token(2, expires_in=60))
    session = first(script)
    new = run(session.refresh(), script)
    assert form(script.to(TOKEN)[1]) == {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": "wallet"}
    assert (new.access_token, new.refresh_token, new.expires_in) == ("access-2", "refresh-2", 60)
    assert (new.configuration_ids, new.opened, new.sender) == (session.configuration_ids, session.opened, session.sender)
    # The state that was refreshed is what it was.
    assert session.refresh_token == "refresh-1"


def test_the_old_refresh_token_stays_if_no_new_one_came() -> None:
    script = tokens(token(1), token(2, refresh_token=None, expires_in=None), token(3))
    session = run(first(script).refresh(), script)
    assert (session.access_token, session.refresh_token, session.expires_in) == ("access-2", "refresh-1", None)
    run(session.refresh(), script)
    assert form(script.to(TOKEN)[2])["refresh_token"] == "refresh-1"


def test_a_row_of_refreshes_uses_each_token_once() -> None:
    script = tokens(*(token(i) for i in range(1, 6)))
    session = first(script)
    for _ in range(4):
        session = run(session.refresh(), script)
    assert [form(request)["refresh_token"] for request in script.to(TOKEN)[1:]] == [f"refresh-{i}" for i in range(1, 5)]


def test_without_a_refresh_token_there_is_nothing_to_refresh_with() -> None:
    with pytest.raises(ValueError, match="no refresh token"):
        first(tokens(token(1, refresh_token=None))).refresh()


@pytest.mark.spec("VCI-14.5-01")
def test_a_credential_is_ordered_again_with_the_refreshed_session() -> None:
    script = tokens(token(1), token(2))
    session = first(script)
    for each, key in ((session, HOLDER_KEYS[0]), (run(session.refresh(), script), HOLDER_KEYS[1])):
        order = run(each.order("pid"), script)
        assert isinstance(run(order.prove([key], now=NOW).submit(), script), Issued)
    assert [request.headers.get("authorization") for request in script.to(CREDENTIAL)] == ["Bearer access-1", "Bearer access-2"]
    assert [proofs_of(request)[0].claims()["nonce"] for request in script.to(CREDENTIAL)] == ["nonce-1", "nonce-2"]


@pytest.mark.spec("VCI-14.3-02", "VCI-14.3-03")
@pytest.mark.parametrize(("refresh_token", "advice"), [("r", Advice.REFRESH), (None, Advice.AUTHORIZE)])
def test_a_token_that_is_over_says_what_to_do_next(refresh_token: str | None, advice: Advice) -> None:
    script = tokens(token(1, refresh_token=refresh_token), token(2))
    script.answers[CREDENTIAL] = [Response(401, {"www-authenticate": 'Bearer error="invalid_token"'}), issue]
    session = first(script)
    with pytest.raises(Refused) as caught:
        run(run(session.order("pid"), script).prove([HOLDER_KEYS[0]], now=NOW).submit(), script)
    assert (caught.value.error, caught.value.advice) == ("invalid_token", advice)
    if advice is Advice.REFRESH:
        new = run(session.refresh(), script)
        assert isinstance(run(run(new.order("pid"), script).prove([HOLDER_KEYS[0]], now=NOW).submit(), script), Issued)


@pytest.mark.parametrize(
    ("answer", "code", "advice"),
    [
        # Expired, used before, revoked, another client's: RFC 6749 5.2 has one error for all.
        (error("invalid_grant"), "invalid_grant", Advice.AUTHORIZE),
        (error("invalid_client", 401), "invalid_client", Advice.GIVE_UP),
        (error("invalid_scope"), "invalid_scope", Advice.GIVE_UP),
        (error("use_fresh_attestation"), "use_fresh_attestation", Advice.ATTEST),
        (Response(400), "unknown_error", Advice.GIVE_UP),
    ],
)
def test_a_refresh_token_that_is_refused(answer: Response, code: str, advice: Advice) -> None:
    script = tokens(token(1), answer)
    with pytest.raises(Refused) as caught:
        run(first(script).refresh(), script)
    assert (caught.value.error, caught.value.advice) == (code, advice)


def test_a_server_in_trouble_may_be_asked_again() -> None:
    script = tokens(token(1), Response(503), token(2))
    session = first(script)
    with pytest.raises(TryLater):
        run(session.refresh(), script)
    assert run(session.refresh(), script).access_token == "access-2"


# Narrower tokens: RFC 6749 6, RFC 9396 6.1


def test_a_token_for_less_is_asked_for_with_details() -> None:
    script = tokens(token(1), token(2, authorization_details=[details("ticket")]))
    session = run(first(script).refresh(configuration_ids=["ticket", "ticket"]), script)
    sent = form(script.to(TOKEN)[1])
    assert _json.loads(sent["authorization_details"]) == [
        {"type": "openid_credential", "credential_configuration_id": "ticket"}
    ]
    assert "scope" not in sent
    assert (session.configuration_ids, session.credential_identifiers) == (("ticket",), {"ticket": ("a", "b")})
    with pytest.raises(ValueError, match="this session is for ticket"):
        session.order("pid")


def test_a_server_need_not_name_what_it_was_asked_for() -> None:
    script = tokens(token(1), token(2))
    assert run(first(script).refresh(configuration_ids=["ticket", "ticket"]), script).configuration_ids == ("ticket",)


def test_a_token_for_less_is_asked_for_by_scope_where_the_server_takes_nothing_else() -> None:
    script = tokens(token(1), token(2, scope="pid"), authorization_details_types_supported=["other"])
    session = run(first(script).refresh(configuration_ids=["pid"]), script)
    sent = form(script.to(TOKEN)[1])
    assert sent["scope"] == "pid"
    assert "authorization_details" not in sent
    assert session.configuration_ids == ("pid",)
    with pytest.raises(ValueError, match="takes no authorization_details"):
        session.refresh(configuration_ids=["ticket"])


def test_whoever_has_identifiers_asks_with_details() -> None:
    script = tokens(token(1, authorization_details=[details("pid")]), token(2, authorization_details=[details("pid", "b")]))
    session = run(first(script).refresh(configuration_ids=["pid"]), script)
    assert "authorization_details" in form(script.to(TOKEN)[1])
    assert session.credential_identifiers == {"pid": ("b",)}


def test_identifiers_that_are_not_named_again_stay() -> None:
    both = [details("pid"), details("ticket", "t")]
    script = tokens(token(1, authorization_details=both), token(2), token(3), token(4, authorization_details=both))
    session = run(first(script).refresh(), script)
    assert session.credential_identifiers == {"pid": ("a", "b"), "ticket": ("t",)}
    session = run(session.refresh(configuration_ids=["ticket"]), script)
    assert (session.configuration_ids, session.credential_identifiers) == (("ticket",), {"ticket": ("t",)})
    # What was granted is not lost: a request without restriction is for all of it (RFC 6749 6).
    assert run(session.refresh(), script).configuration_ids == ("pid", "ticket")


def test_a_token_for_what_has_no_identifiers_is_refused() -> None:
    script = tokens(token(1, authorization_details=[details("pid")]), token(2))
    session = first(script, configuration_ids=["pid"])
    with pytest.raises(InvalidResponse, match="authorization_details"):
        run(session.refresh(configuration_ids=["ticket"]), script)


@pytest.mark.parametrize("configuration_ids", [[], ["other"], ["pid", "unknown"]])
def test_only_what_was_granted_can_be_asked_for(configuration_ids: list[str]) -> None:
    with pytest.raises(ValueError, match="pid, ticket"):
        first(tokens(token(1))).refresh(configuration_ids=configuration_ids)


@pytest.mark.parametrize(
    ("granted", "scope"), [({"authorization_details": [details("pid")]}, None), ({"scope": "pid"}, "pid ticket")]
)
def test_nor_can_what_was_asked_for_and_not_granted(granted: dict[str, Any], scope: str | None) -> None:
    script = scoped(token(1, **granted)) if scope else tokens(token(1, **granted))
    session = authorized(script, code_offer("pid", "ticket")) if scope else first(script)
    assert (session.configuration_ids, tuple(session.granted)) == (("pid",), ("pid",))
    with pytest.raises(ValueError, match="choose from what was granted: pid"):
        session.refresh(configuration_ids=["ticket"])


def scoped(*answers: dict[str, Any]) -> Server:
    """A server for the code flow by scope, in which `pid` and `ticket` have one each."""
    configurations = metadata()["credential_configurations_supported"]
    configurations["ticket"] = {**configurations["ticket"], "scope": "ticket"}
    return code_server(
        issuer={"credential_configurations_supported": configurations},
        answers={TOKEN: [ok(each) for each in answers]},
        authorization_details_types_supported=None,
    )


@pytest.mark.parametrize(
    ("scope", "expected"), [(None, ("pid", "ticket")), ("ticket pid", ("pid", "ticket")), ("ticket", ("ticket",))]
)
def test_the_scope_of_the_answer_says_what_the_token_is_for(scope: str | None, expected: tuple[str, ...]) -> None:
    script = scoped(token(1, scope="pid ticket"), token(2, scope=scope))
    session = authorized(script, code_offer("pid", "ticket"))
    new = run(session.refresh(), script)
    assert (new.configuration_ids, new.credential_identifiers) == (expected, None)
    if "pid" not in expected:
        with pytest.raises(ValueError, match="this session is for"):
            new.order("pid")


@pytest.mark.parametrize("scope", ["", "unrelated", "PID", "pid,ticket"])
def test_a_token_for_nothing_that_was_granted_is_refused(scope: str) -> None:
    script = scoped(token(1), token(2, scope=scope))
    with pytest.raises(InvalidResponse, match="scope"):
        run(authorized(script, code_offer("pid", "ticket")).refresh(), script)


def test_what_was_asked_for_by_scope_must_be_in_the_scope_of_the_answer() -> None:
    script = scoped(token(1), token(2, scope="pid"))
    session = authorized(script, code_offer("pid", "ticket"))
    with pytest.raises(InvalidResponse, match="scope"):
        run(session.refresh(configuration_ids=["ticket"]), script)
    assert redeemed(script, TOKEN)["scope"] == "ticket"


def test_a_wallet_that_asks_by_scope_only_asks_for_less_by_scope() -> None:
    script = tokens(token(1), token(2, scope="pid"), authorization_details_types_supported=["openid_credential"])
    session = first(script, settings={"authorization_details": False})
    assert run(session.refresh(configuration_ids=["pid"]), script).configuration_ids == ("pid",)
    assert form(script.to(TOKEN)[1]).keys() == {"grant_type", "refresh_token", "client_id", "scope"}
    with pytest.raises(ValueError, match="asks by scope only"):
        session.refresh(configuration_ids=["ticket"])


@pytest.mark.parametrize("stored", [False, True])
def test_a_session_for_less_can_be_widened_to_what_was_granted(stored: bool) -> None:
    """RFC 6749 6: without `scope` a Refresh Request is for all that was granted originally."""
    script = scoped(token(1), token(2, scope="ticket"), token(3), token(4, scope="pid"))
    session = authorized(script, code_offer("pid", "ticket"))
    seen = []
    for chosen in (["ticket"], None, ["pid"]):
        session = run(session.refresh(configuration_ids=chosen), script)
        seen.append((redeemed(script, TOKEN).get("scope"), session.configuration_ids))
        if stored:
            loaded = load(dump(session), wallet())
            assert isinstance(loaded, Session)
            assert loaded == session
            session = loaded
    assert seen == [("ticket", ("ticket",)), (None, ("pid", "ticket")), ("pid", ("pid",))]


def test_a_token_request_for_less_leaves_the_rest_of_the_grant() -> None:
    """OID4VCI 6.1.1: what the Wallet itself left out is still what the code stood for."""
    script = tokens(
        token(1, authorization_details=[details("pid")]),
        token(2, authorization_details=[details("ticket", "t")]),
        token(3),
    )
    session = first(script, configuration_ids=["pid"])
    assert session.granted == {"pid": ("a", "b"), "ticket": ()}
    session = run(session.refresh(configuration_ids=["ticket"]), script)
    assert (session.configuration_ids, session.credential_identifiers) == (("ticket",), {"ticket": ("t",)})
    assert run(session.refresh(), script).credential_identifiers == {"pid": ("a", "b"), "ticket": ("t",)}


@pytest.mark.parametrize("wanted", [["pid"], None])
def test_identifiers_that_nobody_asked_for_are_not_taken_up(wanted: list[str] | None) -> None:
    several = [details("ticket", "t"), details("pid", "p"), details("other", "o")]
    script = tokens(token(1), token(2, authorization_details=several), token(3, authorization_details=several[2:]))
    session = first(script)
    new = run(session.refresh(configuration_ids=wanted), script)
    assert new.credential_identifiers == ({"pid": ("p",)} if wanted else {"pid": ("p",), "ticket": ("t",)})
    with pytest.raises(InvalidResponse, match="nothing that was asked for"):
        run(session.refresh(configuration_ids=wanted), script)


def test_further_parameters_can_be_sent() -> None:
    script = tokens(token(1), token(2))
    session = first(script)
    run(session.refresh(extra={"x": "y"}), script)
    assert form(script.to(TOKEN)[1])["x"] == "y"
    for name in ("grant_type", "refresh_token", "scope", "authorization_details", "client_id", "client_assertion"):
        with pytest.raises(ValueError, match="extra"):
            session.refresh(extra={name: "x"})


# Keys: RFC 9449 5, draft-ietf-oauth-attestation-based-client-auth-07 10.3


def test_a_bound_session_is_refreshed_with_its_key() -> None:
    script = tokens(token(1, token_type="DPoP"), wants_nonce("n"), token(2, token_type="DPoP"))
    session = first(script, now=NOW, dpop=DPOP)
    with pytest.raises(ValueError, match="now is needed"):
        session.refresh()
    new = run(session.refresh(now=LATER), script)
    assert nonces(script.to(TOKEN)) == [None, None, "n"]
    assert proof(script.to(TOKEN)[2], now=LATER)["iat"] == LATER
    assert new.sender.nonces == {"https://tokens.example": "n"}
    result = run(run(new.order("pid"), script).prove([HOLDER_KEYS[0]], now=LATER).submit(), script)
    assert isinstance(result, Issued)
    assert proof(script.to(CREDENTIAL)[0], access_token="access-2", now=LATER)["htu"] == CREDENTIAL.partition("?")[0]


def test_a_public_client_cannot_change_its_key() -> None:
    script = tokens(token(1, token_type="DPoP"), token(2, token_type="DPoP"))
    session = first(script, now=NOW, dpop=DPOP)
    for authentication in (None, ASSERTION):
        with pytest.raises(ValueError, match="DPoP key that it had"):
            session.refresh(now=NOW, dpop=OTHER_DPOP, authentication=authentication)
    # The same key, wherever it is.
    run(session.refresh(now=NOW, dpop=remote(DPOP)), script, sign=sign)
    proof(script.to(TOKEN)[1])


@pytest.mark.parametrize("authentication", [ASSERTION, attestation()])
def test_a_client_that_authenticates_can_change_its_key(authentication: ClientAuthentication) -> None:
    script = tokens(token(1, token_type="DPoP"), token(2, token_type="DPoP"))
    session = first(script, now=NOW, dpop=DPOP, authentication=authentication)
    new = run(session.refresh(now=NOW, dpop=OTHER_DPOP), script)
    assert new.sender.dpop is OTHER_DPOP
    request = script.to(TOKEN)[1]
    proof(request, key=OTHER_DPOP)
    assert authenticated(request).client_id == session.client_id


def test_a_fresh_attestation_is_for_the_same_key() -> None:
    script = tokens(token(1), token(2))
    old, fresh = attestation(lifetime=60), attestation(remote(INSTANCE), lifetime=600)
    session = first(script, now=NOW, authentication=old)
    with pytest.raises(AttestationExpired) as caught:
        session.refresh(now=NOW + 60)
    assert caught.value.advice is Advice.ATTEST
    # Another kind of authentication is no attestation for that key either.
    for other in (attestation(OTHER_INSTANCE), ASSERTION):
        with pytest.raises(ValueError, match="for the key that it had"):
            session.refresh(now=NOW, authentication=other)
    with pytest.raises(ValueError, match="client_id"):
        session.refresh(now=NOW, authentication=attestation(claims={"sub": "another client"}))
    new = run(session.refresh(now=NOW, authentication=fresh), script, sign=sign)
    request = script.to(TOKEN)[1]
    assert request.headers.get("oauth-client-attestation") == fresh.jwt
    assert pop(request)["iss"] == CLIENT
    assert new.sender.authentication is fresh


def test_a_session_of_an_anonymous_client_cannot_take_a_name() -> None:
    script = tokens(token(1), **{"pre-authorized_grant_anonymous_access_supported": True})
    session = first(script)
    assert session.client_id is None
    for authentication in (ASSERTION, attestation()):
        with pytest.raises(ValueError, match="client_id"):
            session.refresh(now=NOW, authentication=authentication)


@pytest.mark.parametrize("bearer", [True, False])
def test_a_bound_session_stays_bound(bearer: bool) -> None:
    script = tokens(token(1, token_type="DPoP"), token(2), token(3, token_type="dpop"))
    session = first(script, now=NOW, dpop=DPOP, settings={"bearer": bearer})
    with pytest.raises(InvalidResponse, match="DPoP"):
        run(session.refresh(now=NOW), script)
    # The key is still there.
    assert run(session.refresh(now=NOW), script).sender.dpop is DPOP
    proof(script.to(TOKEN)[2])


def test_a_refreshed_token_is_bound_to_no_key_that_was_not_proved() -> None:
    script = tokens(token(1), token(2, token_type="DPoP"))
    with pytest.raises(InvalidResponse, match="proved no key"):
        run(first(script).refresh(), script)


def test_a_bearer_session_may_get_a_key() -> None:
    script = tokens(token(1), token(2, token_type="DPoP"))
    new = run(first(script).refresh(now=NOW, dpop=DPOP), script)
    assert new.sender.dpop is DPOP


@pytest.mark.parametrize("settings", [{}, {"bearer": False}])
def test_or_none_where_the_server_does_not_know_dpop(settings: dict[str, Any]) -> None:
    script = tokens(token(1), token(2))
    session = first(script)
    strict = evolve(session, opened=evolve(session.opened, wallet=wallet(**settings)))
    exchange = strict.refresh(now=NOW, dpop=DPOP)
    if settings:
        with pytest.raises(InvalidResponse, match="DPoP"):
            run(exchange, script)
    else:
        assert run(exchange, script).sender.dpop is None


def test_a_stored_session_is_refreshed() -> None:
    script = tokens(token(1, token_type="DPoP"), token(2, token_type="DPoP"), token(3, token_type="DPoP"))
    session = run(opened(script, offer()).redeem(now=NOW, dpop=DPOP, authentication=attestation()), script)
    with_keys, without = load(dump(session), wallet(signers=SIGNERS)), load(dump(session), wallet())
    assert isinstance(with_keys, Session)
    assert isinstance(without, Session)
    run(with_keys.refresh(now=NOW), script)
    exchange = without.refresh(now=NOW)
    assert sorted(each.key_id for each in exchange.to_sign) == ["dpop", "instance"]
    run(exchange, script, sign=sign)
    for request in script.to(TOKEN)[1:]:
        proof(request)
        pop(request)
