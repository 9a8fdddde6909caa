"""How the Wallet authenticates: Wallet Attestations and their challenges, client assertions, ways of others (OID4VCI E)."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Self

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose
from oid4vci.drive import run
from oid4vci.errors import (
    Advice,
    AttestationExpired,
    InvalidMetadata,
    InvalidResponse,
    Refused,
    TryLater,
    Untrusted,
    WalletError,
)
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, Signer, public_key
from oid4vci.metadata import AuthorizationServerMetadata, ClientMetadata
from oid4vci.oauth.client_attestation import METHOD, Challenges, ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.wallet import Authorizing, Issued, Offer, Session, dump, load
from oid4vci.wallet.client_authentication import ClientAssertion, ClientAuthentication, ClientCredentials, WalletAttestation
from oid4vci.wallet.sender import MAX_NONCE
from tests.authorization import CodeFlow, code_flow
from tests.issuance import NoteEncoder, configuration, issuer_metadata, secret_keys
from tests.scripted_authorization import PAR, REDIRECT, authorized, authorizing, code_offer, code_server, response
from tests.scripted_server import (
    ACCESS_TOKEN,
    CREDENTIAL,
    HOLDER_KEYS,
    ISSUER,
    ISSUER_KEY,
    NONCE,
    NOW,
    SERVER_URL,
    TOKEN,
    JwtFormat,
    Server,
    error,
    issue,
    ok,
    opened,
    server_metadata,
    wallet,
)
from tests.wallet_clients import (
    ASSERTION,
    BOUND,
    CHALLENGE_ENDPOINT,
    CLIENT,
    CLIENT_KEY,
    DPOP,
    INSTANCE,
    OTHER_INSTANCE,
    PROVIDER,
    PROVIDER_KEY,
    SIGNERS,
    attestation,
    attestation_jwt,
    authenticated,
    challenges,
    nonces,
    pop,
    proof,
    remote,
    server,
    sign,
    verified,
    wants_challenge,
    wants_nonce,
)

BEARER = ok({"access_token": ACCESS_TOKEN, "token_type": "Bearer"})


def redeemed(script: Server, authentication: ClientAuthentication, *, now: int = NOW, **settings: Any) -> Session:
    return run(opened(script, **settings).redeem(now=now, authentication=authentication), script)


def plain(answers: dict[str, Any] | None = None, /, **members: Any) -> Server:
    """A server that gives Bearer tokens."""
    return server({TOKEN: BEARER, **(answers or {})}, **members)


def with_challenges(answers: dict[str, Any] | None = None, /, **members: Any) -> Server:
    """A server with a challenge endpoint that gives a new one each time."""
    numbers = iter(range(99))
    fetch = {CHALLENGE_ENDPOINT: lambda request: ok({"attestation_challenge": f"fetched-{next(numbers)}"})}
    return plain({**fetch, **(answers or {})}, challenge_endpoint=CHALLENGE_ENDPOINT, **members)


def in_header(response: Response, challenge: str) -> Response:
    return Response(
        response.status, [*response.headers.pairs, ("OAuth-Client-Attestation-Challenge", challenge)], response.body
    )


# Wallet Attestations: OID4VCI E


@pytest.mark.spec("VCI-E-02", "VCI-E-07", "VCI-E-08", "VCI-6.1-07", "HAIP-4-10", "VCI-13.2-03")
def test_a_token_request_has_the_attestation_and_a_proof_of_its_key() -> None:
    script = plain()
    given_out = attestation()
    session = redeemed(script, given_out)
    (request,) = script.to(TOKEN)
    assert request.headers.all("oauth-client-attestation") == (given_out.jwt,)
    claims = pop(request)
    assert claims == {"iss": CLIENT, "aud": ISSUER, "jti": claims["jti"], "iat": NOW}
    assert len(claims["jti"]) >= 22
    # The client_id is the sub of the attestation, whatever the Wallet is called elsewhere.
    assert (request.form().get("client_id"), session.client_id, session.wallet.client_id) == (CLIENT, CLIENT, "wallet")


@pytest.mark.spec("VCI-E-03", "VCI-E-08", "HAIP-4.4.1-10", "HAIP-4.4.1-11", "HAIP-4.3-01")
def test_a_pushed_request_and_the_token_request_have_them() -> None:
    script, given_out = code_server(answers={TOKEN: ok(BOUND)}), attestation()
    session = authorized(script, code_offer("pid"), now=NOW, dpop=DPOP, authentication=given_out)
    pushed, token = script.to(PAR)[0], script.to(TOKEN)[0]
    assert [pop(pushed)["aud"], pop(token)["aud"]] == [ISSUER, ISSUER]
    assert challenges([pushed, token]) == [None, None]
    assert pushed.form().get("client_id") == token.form().get("client_id") == CLIENT
    assert nonces([pushed, token]) == [None, None]
    assert proof(pushed)["htu"] == PAR.partition("?")[0]
    assert session.sender.authentication is given_out


@pytest.mark.spec("HAIP-4-11")
def test_a_pre_authorized_code_needs_no_pushed_request() -> None:
    script = with_challenges(pushed_authorization_request_endpoint=PAR, require_pushed_authorization_requests=True)
    redeemed(script, attestation())
    assert script.to(PAR) == []


def test_protected_endpoints_get_no_attestation() -> None:
    script = with_challenges({TOKEN: ok(BOUND)})
    session = run(opened(script).redeem(now=NOW, authentication=attestation(), dpop=DPOP), script)
    result = run(run(session.order("pid"), script).prove([HOLDER_KEYS[0]], now=NOW).submit(), script)
    assert isinstance(result, Issued)
    for request in script.requests:
        if request.url != TOKEN:
            assert not [name for name, _ in request.headers.pairs if name.startswith("oauth-client-attestation")]
    # The key proof names the client (OID4VCI F.1).
    assert _jose.parse(script.to(CREDENTIAL)[0].json_object()["proofs"]["jwt"][0]).claims()["iss"] == CLIENT


def test_certificates_in_the_attestation_go_along() -> None:
    chain = [b64encode(b"the provider's certificate").decode()]
    given_out = attestation(header={"x5c": chain})
    script = plain()
    redeemed(script, given_out)
    sent = script.to(TOKEN)[0].headers.get("oauth-client-attestation")
    assert _jose.parse(sent or "").header["x5c"] == chain


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"header": {"typ": None}}, "typ must be"),
        ({"header": {"typ": "oauth-client-attestation-pop+jwt"}}, "typ must be"),
        ({"header": {"alg": None}}, "alg"),
        ({"header": {"crit": ["x"]}}, "crit"),
        ({"claims": {"iss": None}}, "iss: must be a string"),
        ({"claims": {"sub": None}}, "sub: must be a string"),
        ({"claims": {"sub": ""}}, "sub: must be a string"),
        ({"claims": {"sub": 1}}, "sub: must be a string"),
        ({"claims": {"exp": None}}, "exp: must be a number"),
        ({"claims": {"exp": "soon"}}, "exp: must be a number"),
        ({"claims": {"exp": True}}, "exp: must be a number"),
        ({"claims": {"cnf": None}}, "cnf: must be an object"),
        ({"claims": {"cnf": []}}, "cnf: must be an object"),
        ({"claims": {"cnf": {"kid": "instance"}}}, r"cnf\.jwk"),
        ({"claims": {"cnf": {"jwk": {"kty": "EC"}}}}, r"cnf\.jwk"),
        ({"claims": {"cnf": {"jwk": dict(OTHER_INSTANCE.public_jwk)}}}, r"cnf\.jwk: is not the key"),
        ({"claims": {"cnf": {"jwk": {**INSTANCE.public_jwk, "alg": "ES384"}}}}, r"cnf\.jwk"),
        ({"claims": {"cnf": {"jwk": {**INSTANCE.public_jwk, "d": "AA"}}}}, r"cnf\.jwk"),
    ],
)
@pytest.mark.spec("VCI-E-02")
def test_what_is_no_attestation_for_this_key_is_a_mistake(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attestation(**changes)


@pytest.mark.spec("VCI-E-04", "VCI-E-05")
def test_an_attestation_may_say_more() -> None:
    more = {"wallet_name": "A Wallet", "wallet_link": "https://wallet.example", "status": {}, "nbf": NOW, "x": [1]}
    script = plain()
    redeemed(script, attestation(claims=more))
    assert authenticated(script.to(TOKEN)[0]).claims.items() >= more.items()


@pytest.mark.parametrize("jwt", ["", "a.b.c", attestation_jwt().rpartition(".")[0], attestation_jwt() + "="])
def test_what_is_no_jwt_is_a_mistake(jwt: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # as above
        WalletAttestation(jwt, INSTANCE, authorization_server=ISSUER)


@pytest.mark.spec("HAIP-4.4.1-07")
def test_an_attestation_serves_at_one_authorization_server() -> None:
    for other in (f"{ISSUER}/", "https://issuer.example", "https://other.example"):
        script = with_challenges()
        with pytest.raises(ValueError, match="another Authorization Server"):
            redeemed(script, attestation(authorization_server=other))
        assert script.to(TOKEN) == script.to(CHALLENGE_ENDPOINT) == []


def test_an_attestation_that_has_expired_is_not_sent() -> None:
    script = with_challenges()
    redeemed(script, attestation(lifetime=60), now=NOW + 59)
    script.requests.clear()
    with pytest.raises(AttestationExpired) as caught:
        redeemed(script, attestation(lifetime=60), now=NOW + 60)
    assert caught.value.advice is Advice.ATTEST
    assert script.to(TOKEN) == script.to(CHALLENGE_ENDPOINT) == []


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_methods_supported": ["private_key_jwt", "none"]},
        {"client_attestation_signing_alg_values_supported": ["ES384"]},
        {"client_attestation_pop_signing_alg_values_supported": ["EdDSA"]},
        {"client_attestation_pop_signing_alg_values_supported": []},
    ],
)
def test_what_the_server_does_not_take_is_not_sent(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="this server"):
        redeemed(plain(**members), attestation())


def test_what_the_server_says_that_it_takes_is_sent() -> None:
    script = plain(
        token_endpoint_auth_methods_supported=["attest_jwt_client_auth"],
        client_attestation_signing_alg_values_supported=["ES256"],
        client_attestation_pop_signing_alg_values_supported=["ES384", "ES256"],
    )
    assert redeemed(script, attestation()).client_id == CLIENT


def test_the_time_is_needed() -> None:
    for authentication in (attestation(), ASSERTION):
        with pytest.raises(ValueError, match="now is needed"):
            opened(plain()).redeem(authentication=authentication)


def test_a_server_may_want_a_fresh_attestation() -> None:
    with pytest.raises(Refused) as caught:
        redeemed(plain({TOKEN: error("use_fresh_attestation")}), attestation())
    assert caught.value.advice is Advice.ATTEST


def test_secrets_do_not_show() -> None:
    script = with_challenges()
    start = opened(script).redeem(now=NOW, authentication=attestation())
    session = run(start, script)
    shown = repr(start) + repr(session) + repr(session.sender) + repr(attestation())
    assert "eyJ" not in shown
    assert "fetched" not in shown


# Challenges: draft-ietf-oauth-attestation-based-client-auth-07 8


def test_a_challenge_is_fetched_first() -> None:
    script = with_challenges()
    redeemed(script, attestation())
    assert script.urls[-2:] == [CHALLENGE_ENDPOINT, TOKEN]
    (fetch,) = script.to(CHALLENGE_ENDPOINT)
    assert (fetch.method, fetch.body, fetch.headers.get("content-length")) == ("POST", b"", "0")
    assert not {"content-type", "authorization", "dpop"} & {name for name, _ in fetch.headers.pairs}
    assert pop(script.to(TOKEN)[0])["challenge"] == "fetched-0"


def test_a_challenge_that_was_fetched_is_for_one_request() -> None:
    script = with_challenges({TOKEN: ok({**BOUND, "refresh_token": "r"})})
    session = run(opened(script).redeem(now=NOW, authentication=attestation(), dpop=DPOP), script)
    run(session.refresh(now=NOW), script)
    assert challenges(script.to(TOKEN)) == ["fetched-0", "fetched-1"]


def test_a_challenge_in_the_header_of_an_answer_is_for_the_next_request() -> None:
    script = with_challenges({TOKEN: in_header(ok({**BOUND, "refresh_token": "r"}), "next")})
    session = run(opened(script).redeem(now=NOW, authentication=attestation(), dpop=DPOP), script)
    assert session.sender.challenge == "next"
    run(session.refresh(now=NOW), script)
    assert challenges(script.to(TOKEN)) == ["fetched-0", "next"]
    assert len(script.to(CHALLENGE_ENDPOINT)) == 1


def test_where_none_can_be_fetched_the_last_one_serves_on() -> None:
    script = server({TOKEN: [in_header(ok({**BOUND, "refresh_token": "r"}), "next"), ok(BOUND), ok(BOUND)]})
    session = run(opened(script).redeem(now=NOW, authentication=attestation(), dpop=DPOP), script)
    session = run(session.refresh(now=NOW), script)
    run(session.refresh(now=NOW), script)
    assert challenges(script.to(TOKEN)) == [None, "next", "next"]


def test_the_challenge_endpoint_may_give_a_dpop_nonce() -> None:
    script = with_challenges(token_endpoint="https://issuer.example/tenant/token")
    script.answers["https://issuer.example/tenant/token"] = ok(BOUND)
    script.answers[CHALLENGE_ENDPOINT] = Response.of_json(200, {"attestation_challenge": "c"}, {"dpop-nonce": "n"})
    run(opened(script).redeem(now=NOW, authentication=attestation(), dpop=DPOP), script)
    assert nonces(script.to("https://issuer.example/tenant/token")) == ["n"]


def test_what_is_of_no_use_is_not_kept() -> None:
    given = Response(
        200, [*BEARER.headers.pairs, ("dpop-nonce", "n"), ("oauth-client-attestation-challenge", "c")], BEARER.body
    )
    for authentication in (None, ASSERTION):
        session = run(opened(plain({TOKEN: given})).redeem(now=NOW, authentication=authentication), plain({TOKEN: given}))
        assert (session.sender.nonces, session.sender.challenge) == ({}, None)


def test_a_client_without_attestation_fetches_none() -> None:
    script = with_challenges()
    run(opened(script).redeem(), script)
    redeemed(script, ASSERTION)
    assert script.to(CHALLENGE_ENDPOINT) == []


@pytest.mark.parametrize("fetched", [True, False])
def test_a_server_that_wants_another_challenge_gets_the_same_request_with_it(fetched: bool) -> None:
    answers = {TOKEN: [wants_challenge("wanted"), BEARER]}
    script = with_challenges(answers) if fetched else plain(answers)
    redeemed(script, attestation())
    assert challenges(script.to(TOKEN)) == ["fetched-0" if fetched else None, "wanted"]
    assert pop(script.to(TOKEN)[1])["challenge"] == "wanted"
    assert script.to(TOKEN)[0].body == script.to(TOKEN)[1].body
    assert len(script.to(CHALLENGE_ENDPOINT)) == fetched


@pytest.mark.parametrize("second", [wants_challenge("second"), wants_challenge("wanted"), wants_challenge(None)])
def test_a_server_asks_once_for_a_challenge(second: Response) -> None:
    script = with_challenges({TOKEN: [wants_challenge("wanted"), second, BEARER]})
    with pytest.raises(Refused) as caught:
        redeemed(script, attestation())
    assert (caught.value.error, caught.value.advice) == ("use_attestation_challenge", Advice.GIVE_UP)
    assert len(script.to(TOKEN)) == 2


@pytest.mark.parametrize("value", [None, "", "a b", "é", "a" * (MAX_NONCE + 1)])
def test_a_server_that_gives_no_challenge_gets_none(value: str | None) -> None:
    script = plain({TOKEN: [wants_challenge(value), BEARER]})
    with pytest.raises(Refused, match="use_attestation_challenge"):
        redeemed(script, attestation())


@pytest.mark.parametrize("authentication", [None, ASSERTION])
def test_whoever_has_no_attestation_is_not_asked_for_a_challenge(authentication: ClientAuthentication | None) -> None:
    script = plain({TOKEN: [wants_challenge("wanted"), BEARER]})
    with pytest.raises(Refused, match="use_attestation_challenge"):
        run(opened(script).redeem(now=NOW, authentication=authentication), script)


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Response(404), Refused),
        (error("invalid_request"), Refused),
        (Response(500), TryLater),
        (Response(204), InvalidResponse),
        (Response(200, {"content-type": "text/plain"}, b'{"attestation_challenge":"c"}'), InvalidResponse),
        (ok({}), InvalidResponse),
        (ok([]), InvalidResponse),
        (ok({"attestation_challenge": ""}), InvalidResponse),
        (ok({"attestation_challenge": 1}), InvalidResponse),
        (ok({"attestation_challenge": "a" * (MAX_NONCE + 1)}), InvalidResponse),
        (Response(302, {"location": TOKEN}), InvalidResponse),
    ],
)
def test_without_a_challenge_no_request_goes_out(answer: Response, raised: type[WalletError]) -> None:
    script = with_challenges({CHALLENGE_ENDPOINT: answer})
    with pytest.raises(raised):
        redeemed(script, attestation())
    assert script.to(TOKEN) == []


ELSEWHERE = "https://elsewhere.example/endpoint"


@pytest.mark.parametrize("name", ["challenge_endpoint", "pushed_authorization_request_endpoint"])
def test_an_endpoint_without_tls_is_none(name: str) -> None:
    with pytest.raises(InvalidMetadata):
        opened(plain(**{name: "http://issuer.example/endpoint"}))


def test_no_challenge_is_fetched_from_somebody_else() -> None:
    script = plain(challenge_endpoint=ELSEWHERE)
    with pytest.raises(Untrusted):
        redeemed(script, attestation())
    assert script.to(ELSEWHERE) == script.to(TOKEN) == []
    session = redeemed(plain(), attestation())
    changed = evolve(session.opened, server=evolve(session.opened.server, challenge_endpoint=ELSEWHERE))
    with pytest.raises(ValueError, match="trust decision"):
        load(dump(evolve(session, opened=changed)), wallet(signers=SIGNERS))


def test_nor_for_an_attestation_that_comes_later() -> None:
    script = plain(
        {TOKEN: ok({"access_token": "t", "token_type": "Bearer", "refresh_token": "r"})}, challenge_endpoint=ELSEWHERE
    )
    session = run(opened(script, client_id=CLIENT).redeem(), script)
    with pytest.raises(Untrusted):
        session.refresh(now=NOW, authentication=attestation())


@pytest.mark.parametrize("name", ["challenge_endpoint", "pushed_authorization_request_endpoint"])
def test_an_endpoint_that_is_not_used_stops_nothing(name: str) -> None:
    script = plain(**{name: ELSEWHERE})
    session = redeemed(script, ASSERTION)
    assert load(dump(session), wallet(signers=SIGNERS)) == session
    assert script.to(ELSEWHERE) == []


@pytest.mark.parametrize("source", ["nonce endpoint", "credential endpoint", "refusal"])
def test_challenges_come_from_the_authorization_server_only(source: str) -> None:
    """The header of an issuer, or of whoever answers for it, is not signed for the Authorization Server."""
    script = with_challenges({TOKEN: ok({**BOUND, "refresh_token": "r"})})
    foreign = "chosen-by-somebody-else"
    if source == "nonce endpoint":
        script.answers[NONCE] = in_header(ok({"c_nonce": "n"}), foreign)
    elif source == "credential endpoint":
        script.answers[CREDENTIAL] = lambda request: in_header(issue(request), foreign)
    else:
        script.answers[CREDENTIAL] = [in_header(error("invalid_nonce"), foreign), issue]
    session = run(opened(script).redeem(now=NOW, authentication=attestation(), dpop=DPOP), script)
    result = run(run(session.order("pid"), script).prove([HOLDER_KEYS[0]], now=NOW).submit(), script)
    assert isinstance(result, Issued)
    assert result.session.sender.challenge is None
    run(result.session.refresh(now=NOW), script)
    assert challenges(script.to(TOKEN)) == ["fetched-0", "fetched-1"]


def test_a_challenge_may_come_with_the_answer_to_a_pushed_request() -> None:
    pushed = Response.of_json(201, {"request_uri": "urn:x:y", "expires_in": 60})
    script = code_server(answers={PAR: in_header(pushed, "from-par"), TOKEN: ok(BOUND)})
    authorized(script, code_offer("pid"), now=NOW, dpop=DPOP, authentication=attestation())
    assert challenges([*script.to(PAR), *script.to(TOKEN)]) == [None, "from-par"]


# An attestation that expires while the person logs in


@pytest.mark.parametrize("pushed", [True, False])
def test_an_attestation_that_expired_meanwhile_is_replaced_by_a_fresh_one(pushed: bool) -> None:
    script = code_server(answers={TOKEN: ok(BOUND)}, **({} if pushed else {"pushed_authorization_request_endpoint": None}))
    pending = authorizing(script, code_offer("pid"), now=NOW, dpop=DPOP, authentication=attestation(lifetime=60))
    with pytest.raises(InvalidResponse):
        pending.callback(response(pending, state="x"), now=NOW + 60)
    with pytest.raises(AttestationExpired) as caught:
        pending.callback(response(pending), now=NOW + 60)
    assert caught.value.advice is Advice.ATTEST
    assert script.to(TOKEN) == []
    fresh = attestation(lifetime=600)
    session = run(pending.callback(response(pending), now=NOW + 60, authentication=fresh), script)
    assert session.sender.authentication is fresh
    (request,) = script.to(TOKEN)
    assert request.headers.get("oauth-client-attestation") == fresh.jwt


def test_a_server_that_wants_a_fresh_attestation_gets_it_with_the_same_code() -> None:
    script = code_server(answers={TOKEN: [error("use_fresh_attestation"), ok(BOUND)]})
    pending = authorizing(script, code_offer("pid"), now=NOW, dpop=DPOP, authentication=attestation())
    with pytest.raises(Refused) as caught:
        run(pending.callback(response(pending), now=NOW), script)
    assert caught.value.advice is Advice.ATTEST
    run(pending.callback(response(pending), now=NOW, authentication=attestation(lifetime=600)), script)
    first, second = (request.form() for request in script.to(TOKEN))
    assert first.get("code") == second.get("code")


def test_it_is_for_the_same_key_server_and_client() -> None:
    pending = authorizing(code_server(), code_offer("pid"), now=NOW, authentication=attestation())
    for other, message in (
        (attestation(OTHER_INSTANCE), "for the key that it had"),
        (ASSERTION, "for the key that it had"),
        (attestation(claims={"sub": "another client"}), "client_id"),
        (attestation(authorization_server="https://other.example"), "another Authorization Server"),
    ):
        with pytest.raises(ValueError, match=message):
            pending.callback(response(pending), now=NOW, authentication=other)


def test_a_server_whose_challenges_serve_once_may_ask_again_after_it_asked_for_a_nonce() -> None:
    token = [wants_challenge("c1"), wants_nonce("n1"), wants_challenge("c2"), ok(BOUND)]
    script = server({TOKEN: token})
    session = run(opened(script).redeem(now=NOW, dpop=DPOP, authentication=attestation()), script)
    assert session.sender.dpop is DPOP
    assert len(script.to(TOKEN)) == 4


@pytest.mark.parametrize("again", [["nonce", "nonce"], ["challenge", "challenge"], ["nonce", "challenge"] * 2])
def test_but_not_for_the_same_at_once_and_not_for_ever(again: list[str]) -> None:
    answers = {"nonce": wants_nonce("n"), "challenge": wants_challenge("c")}
    script = server({TOKEN: [*(answers[each] for each in again), ok(BOUND)]})
    with pytest.raises(Refused):
        run(opened(script).redeem(now=NOW, dpop=DPOP, authentication=attestation()), script)


@given(st.lists(st.sampled_from(["nonce", "challenge", "both", "neither", "trouble"]), max_size=8), st.booleans())
def test_whatever_a_server_asks_for_it_ends(drawn: list[str], fetched: bool) -> None:
    """For a nonce and for a challenge in turn, in any order; each is used, and nothing is signed twice."""
    both = Response.of_json(400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "n", "oauth-client-attestation-challenge": "c"})
    answers = {
        "nonce": wants_nonce("n"),
        "challenge": wants_challenge("c"),
        "both": both,
        "neither": error("invalid_grant"),
        "trouble": Response(503),
    }
    token = {TOKEN: [*(answers[each] for each in drawn), *[ok(BOUND)] * 3]}
    script = with_challenges(token) if fetched else server(token)
    exchange = opened(script).redeem(now=NOW, dpop=DPOP, authentication=attestation())
    try:
        session = run(exchange, script)
    except (Refused, TryLater):
        assert drawn
    else:
        assert session.sender.dpop is DPOP
    requests = script.to(TOKEN)
    assert 1 <= len(requests) <= 4
    assert len(script.to(CHALLENGE_ENDPOINT)) == fetched
    nonce, challenge = None, "fetched-0" if fetched else None
    for each, sent_nonce, sent_challenge in zip([*drawn, *["end"] * 3], nonces(requests), challenges(requests), strict=False):
        assert (sent_nonce, sent_challenge) == (nonce, challenge)
        nonce = "n" if each in ("nonce", "both") else nonce
        challenge = "c" if each in ("challenge", "both") else challenge


# Client assertions: RFC 7523


@pytest.mark.spec("VCI-6.1-07")
def test_a_client_assertion() -> None:
    script = server({TOKEN: [wants_nonce("n"), ok(BOUND)]})
    run(opened(script).redeem(now=NOW, authentication=ASSERTION, dpop=DPOP), script)
    found = []
    for request in script.to(TOKEN):
        client = authenticated(request)
        assert (client.client_id, client.method) == ("wallet", "private_key_jwt")
        form = request.form()
        assert form.get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        header, claims = verified(form.get("client_assertion") or "", CLIENT_KEY.public_jwk)
        assert header == {"alg": "ES256", "kid": "client"}
        assert claims == {
            "iss": "wallet",
            "sub": "wallet",
            "aud": ISSUER,
            "jti": claims["jti"],
            "iat": NOW,
            "exp": NOW + 60,
        }
        found.append(claims["jti"])
    assert len(set(found)) == 2


def test_a_client_assertion_is_for_a_client_that_has_a_name() -> None:
    with pytest.raises(ValueError, match="client_id"):
        redeemed(plain(), ASSERTION, client_id=None)


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_methods_supported": ["attest_jwt_client_auth"]},
        {"token_endpoint_auth_signing_alg_values_supported": ["RS256"]},
    ],
)
def test_an_assertion_that_the_server_does_not_take(members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="this server"):
        redeemed(plain(**members), ASSERTION)


@pytest.mark.parametrize("name", ["client_assertion", "client_assertion_type", "client_secret", "client_id"])
def test_further_parameters_are_no_way_to_authenticate(name: str) -> None:
    with pytest.raises(ValueError, match="extra"):
        opened(plain()).redeem(extra={name: "x"})


# Keys elsewhere


def test_all_that_is_signed_elsewhere_is_signed_at_once() -> None:
    script = server({TOKEN: [wants_nonce("n"), wants_challenge("c"), ok(BOUND)]})
    exchange = opened(script).redeem(now=NOW, dpop=remote(DPOP), authentication=attestation(remote(INSTANCE)))
    assert sorted(each.key_id for each in exchange.to_sign) == ["dpop", "instance"]
    run(exchange, script, sign=sign)
    assert (nonces(script.to(TOKEN)), challenges(script.to(TOKEN))) == ([None, "n", "n"], [None, None, "c"])
    pop(script.to(TOKEN)[2])
    proof(script.to(TOKEN)[2])


def test_one_key_elsewhere_and_one_here() -> None:
    script = server()
    exchange = opened(script).redeem(now=NOW, dpop=DPOP, authentication=ClientAssertion(remote(CLIENT_KEY)))
    (wanted,) = exchange.to_sign
    run(exchange.signed([CLIENT_KEY.sign(wanted.data)]), script)
    proof(script.to(TOKEN)[0])
    assert authenticated(script.to(TOKEN)[0]).client_id == "wallet"


# Public, anonymous, and other clients


@pytest.mark.spec("HAIP-4.4.1-01")
def test_a_wallet_may_always_authenticate() -> None:
    with pytest.raises(ValueError, match="client authentication is needed"):
        opened(plain(), public=False).redeem()
    anonymous = {SERVER_URL: ok({**server_metadata(), "pre-authorized_grant_anonymous_access_supported": True})}
    with pytest.raises(ValueError, match="client authentication is needed"):
        opened(plain(anonymous), public=False).redeem()
    assert redeemed(plain(), attestation(), public=False).client_id == CLIENT


@pytest.mark.spec("VCI-6.1-09")
@pytest.mark.parametrize(("authentication", "sent"), [(None, None), (ASSERTION, "wallet"), (attestation(), CLIENT)])
def test_where_anonymous_clients_are_served_only_one_that_authenticates_names_itself(
    authentication: ClientAuthentication | None, sent: str | None
) -> None:
    script = plain({SERVER_URL: ok({**server_metadata(), "pre-authorized_grant_anonymous_access_supported": True})})
    session = run(opened(script).redeem(now=NOW, authentication=authentication), script)
    assert (script.to(TOKEN)[0].form().get("client_id"), session.client_id) == (sent, sent)


@frozen
class ClientSecret:
    """`client_secret_basic`, which the library does not have."""

    secret: str

    method = "client_secret_basic"
    client_id = None
    takes_challenge = False
    signers: tuple[Signer, ...] = ()

    @property
    def members(self) -> Mapping[str, str]:
        return {"secret": self.secret}

    @classmethod
    def restore(cls, members: Mapping[str, str], signers: tuple[Signer, ...]) -> Self:
        return cls(members["secret"])

    def check(self, server: AuthorizationServerMetadata, *, now: int) -> None:
        if self.method not in server.token_endpoint_auth_methods:
            raise ValueError("the server does not take secrets")

    def credentials(
        self, *, client_id: str, authorization_server: str, challenge: str | None, jti: str, now: int
    ) -> ClientCredentials:
        basic = b64encode(f"{client_id}:{self.secret}".encode()).decode()
        return ClientCredentials(headers={"authorization": f"Basic {basic}"})


def test_another_way_to_authenticate_is_added_from_outside() -> None:
    script = plain(token_endpoint_auth_methods_supported=["client_secret_basic"])
    session = redeemed(script, ClientSecret("s3cret"))
    assert script.to(TOKEN)[0].headers.get("authorization") == f"Basic {b64encode(b'wallet:s3cret').decode()}"
    with pytest.raises(ValueError, match="secrets"):
        redeemed(plain(token_endpoint_auth_methods_supported=["none"]), ClientSecret("s3cret"))
    settings = wallet(client_authentications={"client_secret_basic": ClientSecret.restore})
    loaded = load(dump(session), settings)
    assert isinstance(loaded, Session)
    assert loaded.sender.authentication == ClientSecret("s3cret")
    with pytest.raises(ValueError, match="method"):
        load(dump(session), wallet())


def test_a_key_of_another_kind_signs_the_proof() -> None:
    key = LocalSigner.generate("edwards", "EdDSA")
    made = WalletAttestation(attestation_jwt(key), key, authorization_server=ISSUER)
    script = plain(
        client_attestation_signing_alg_values_supported=["ES256"],
        client_attestation_pop_signing_alg_values_supported=["EdDSA"],
    )
    redeemed(script, made)
    assert authenticated(script.to(TOKEN)[0]).client_id == CLIENT


# With an issuer and an authorization server of this library that demand everything


def demanding() -> CodeFlow:
    """DPoP with nonces, Wallet Attestations with challenges, nothing else."""
    dpop = Dpop(nonces=DpopNonces(secret_keys(), lifetime=60))
    attested = ClientAttestation(
        attesters={PROVIDER: (public_key(PROVIDER_KEY.public_jwk),)}, challenges=Challenges(secret_keys(), lifetime=60)
    )
    note = evolve(configuration("ES256"), scope="note-scope")
    return code_flow(
        metadata=issuer_metadata(credential_configurations_supported={"note": note}),
        clients={CLIENT: ClientMetadata(redirect_uris=(REDIRECT,), token_endpoint_auth_method=METHOD)},
        client_authentication={METHOD: attested},
        dpop=dpop,
        dpop_required=True,
        issuer={"dpop": dpop, "bearer": False, "encoders": {"note": NoteEncoder(ISSUER_KEY)}},
    )


@pytest.mark.spec("HAIP-4.4.1-11", "HAIP-4.4-01", "HAIP-4-08", "HAIP-4-09", "VCI-E-03", "VCI-E-07", "VCI-14.5-01")
@pytest.mark.parametrize("keys", ["here", "elsewhere"])
def test_a_whole_issuance_with_everything(keys: str) -> None:
    """By a code, then a refresh when all nonces and challenges have expired, then the same Credential again."""
    world, times = demanding(), [NOW]
    requests: list[Request] = []

    def send(request: Request) -> Response:
        requests.append(request)
        return world.send(request, now=times[-1])

    settings = wallet(formats={"x-note": JwtFormat()}, bearer=False, public=False, plain_requests=False, signers=SIGNERS)
    instance, dpop = (INSTANCE, DPOP) if keys == "here" else (remote(INSTANCE), remote(DPOP))
    given_out = attestation(instance, lifetime=3600)
    start = run(Offer.of(ISSUER, "note").open(settings), send)
    step = start.authorize(redirect_uri=REDIRECT, now=NOW, dpop=dpop, authentication=given_out)
    pending = run(step, send, sign=sign)
    assert isinstance(pending, Authorizing)
    location = world.send(Request("GET", pending.url)).headers.get("location")
    assert location is not None
    session = run(pending.callback(location, now=NOW), send, sign=sign)
    for number in range(2):
        order = run(session.order("note"), send)
        result = run(order.prove([HOLDER_KEYS[number]], now=times[-1]).submit(), send, sign=sign)
        assert isinstance(result, Issued)
        times.append(NOW + 1000)
        loaded = load(dump(result.session), settings)
        assert isinstance(loaded, Session)
        session = run(loaded.refresh(now=times[-1]), send, sign=sign)
    # A nonce is asked for where none is known or the last one has expired, a challenge is fetched before each authentication.
    assert " ".join(request.url.rpartition("/")[2] for request in requests if request.method == "POST") == (
        "challenge par par challenge token nonce credential challenge token token nonce credential challenge token"
    )
    proved = [request.headers.get("dpop") for request in requests if "dpop" in request.headers]
    assert len(set(proved)) == len(proved)
