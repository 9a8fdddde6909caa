"""The Wallet's DPoP proofs and nonces, and the tokens that are bound to its key (RFC 9449, OID4VCI 7.2, HAIP 4)."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci import _jose
from oid4vci.drive import run
from oid4vci.errors import Advice, Challenge, InvalidResponse, Refused, TryLater
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.trust import Trust
from oid4vci.wallet import Exchange, Issued, Order, Proofs, Session
from oid4vci.wallet.sender import MAX_NONCE
from oid4vci.wallet.www_authenticate import read_challenges
from tests.scripted_server import (
    ACCESS_TOKEN,
    CREDENTIAL,
    HOLDER_KEYS,
    METADATA_URL,
    NONCE,
    NOW,
    TOKEN,
    Server,
    error,
    issue,
    metadata,
    ok,
    opened,
    proofs_of,
)
from tests.wallet_clients import BOUND, DPOP, ath, nonces, proof, remote, server, sign, wants_nonce


def with_nonce(response: Response, nonce: str) -> Response:
    return Response(response.status, [*response.headers.pairs, ("DPoP-Nonce", nonce)], response.body)


def bound_session(script: Server, **settings: Any) -> Session:
    return run(opened(script, **settings).redeem(now=NOW, dpop=DPOP), script)


def ordered(script: Server, session: Session) -> Proofs:
    return run(session.order("pid"), script).prove([HOLDER_KEYS[0]], now=NOW)


def issued(script: Server, session: Session | None = None) -> Issued:
    result = run(ordered(script, session or bound_session(script)).submit(), script)
    assert isinstance(result, Issued)
    return result


@pytest.mark.spec("HAIP-4-08", "VCI-13.2-04")
def test_every_request_with_or_for_a_token_has_a_proof() -> None:
    script = server()
    got = issued(script)
    (token,), (credential,) = script.to(TOKEN), script.to(CREDENTIAL)
    assert proof(token) == {"jti": proof(token)["jti"], "htm": "POST", "htu": TOKEN, "iat": NOW}
    claims = proof(credential, access_token=ACCESS_TOKEN)
    # The query is no part of it (RFC 9449 4.2).
    assert claims["htu"] == CREDENTIAL.partition("?")[0] != CREDENTIAL
    assert claims["ath"] == ath(ACCESS_TOKEN)
    assert claims["jti"] != proof(token)["jti"]
    assert got.session.sender.dpop is DPOP
    # "the Wallet does not need to supply an access token to access it" -- OID4VCI 7.1
    assert not {"dpop", "authorization"} & {name for name, _ in script.to(NONCE)[0].headers.pairs}


def test_the_token_is_in_the_header_only_and_never_a_bearer_token() -> None:
    script = server()
    issued(script)
    (request,) = script.to(CREDENTIAL)
    assert request.headers.all("authorization") == (f"DPoP {ACCESS_TOKEN}",)
    assert ACCESS_TOKEN not in request.url
    assert ACCESS_TOKEN.encode() not in request.body
    assert "authorization" not in script.to(TOKEN)[0].headers


def test_identifiers_come_from_the_source_of_secrets() -> None:
    asked: list[int] = []

    def secret(size: int) -> bytes:
        asked.append(size)
        return bytes([len(asked)]) * size

    script = server({TOKEN: [wants_nonce("n"), ok(BOUND)]})
    bound_session(script, new_secret=secret)
    assert asked == [16, 16]
    assert [proof(request)["jti"] for request in script.to(TOKEN)] == ["AQEBAQEBAQEBAQEBAQEBAQ", "AgICAgICAgICAgICAgICAg"]


def test_without_a_key_there_is_no_proof() -> None:
    script = Server()
    session = run(opened(script).redeem(), script)
    result = run(run(session.order("pid"), script).prove([HOLDER_KEYS[0]], now=NOW).submit(), script)
    assert isinstance(result, Issued)
    assert all("dpop" not in request.headers for request in script.requests)
    assert script.to(CREDENTIAL)[0].headers.all("authorization") == (f"Bearer {ACCESS_TOKEN}",)


@pytest.mark.parametrize("algorithms", [["ES384"], ["RS256", "EdDSA"], []])
def test_a_key_for_an_algorithm_that_the_server_does_not_accept_is_refused(algorithms: list[str]) -> None:
    with pytest.raises(ValueError, match="not ES256"):
        opened(server(dpop_signing_alg_values_supported=algorithms)).redeem(now=NOW, dpop=DPOP)


def test_a_key_for_an_algorithm_that_the_server_accepts() -> None:
    key = LocalSigner.generate("edwards", "EdDSA")
    script = server(dpop_signing_alg_values_supported=["ES256", "EdDSA"])
    run(opened(script).redeem(now=NOW, dpop=key), script)
    assert _jose.parse(script.to(TOKEN)[0].headers.get("dpop") or "").header["alg"] == "EdDSA"


def test_the_time_is_needed() -> None:
    with pytest.raises(ValueError, match="now is needed"):
        opened(server()).redeem(dpop=DPOP)


# Nonces: RFC 9449 8, 9


@pytest.mark.spec("HAIP-4-09")
def test_an_authorization_server_that_wants_a_nonce_gets_the_same_request_with_it() -> None:
    script = server({TOKEN: [wants_nonce("first"), ok(BOUND)]})
    session = bound_session(script)
    without, with_it = script.to(TOKEN)
    assert nonces([without, with_it]) == [None, "first"]
    assert proof(with_it)["nonce"] == "first"
    assert without.form() == with_it.form()
    assert session.access_token == ACCESS_TOKEN


@pytest.mark.spec("HAIP-4-09")
@pytest.mark.parametrize(
    "answer",
    [
        wants_nonce("first", 401),
        Response(401, [("WWW-Authenticate", 'Bearer, DPoP algs="ES256", error="use_dpop_nonce"'), ("DPoP-Nonce", "first")]),
        Response(401, [("WWW-Authenticate", "Bearer"), *wants_nonce("first", 401).headers.pairs]),
        Response.of_json(
            401, {"error": "invalid_token"}, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "first"}
        ),
        wants_nonce("first", 400),
    ],
)
def test_a_protected_endpoint_that_wants_a_nonce_gets_the_same_request_with_it(answer: Response) -> None:
    script = server({CREDENTIAL: [answer, issue]})
    issued(script)
    without, with_it = script.to(CREDENTIAL)
    assert nonces([without, with_it]) == [None, "first"]
    proof(with_it, access_token=ACCESS_TOKEN)
    # The key proofs are the same, and so is the c_nonce.
    assert without.body == with_it.body
    assert len(script.to(NONCE)) == 1


def test_a_nonce_serves_until_another_one_comes() -> None:
    """Rotation is followed, on success and on refusals."""
    script = server(
        {CREDENTIAL: [issue, lambda request: with_nonce(issue(request), "second"), issue, wants_nonce("third", 401), issue]}
    )
    script.answers[TOKEN] = with_nonce(ok(BOUND), "of-the-token-endpoint")
    session = issued(script).session
    assert session.sender.nonces == {"https://tokens.example": "of-the-token-endpoint"}
    for _ in range(3):
        session = issued(script, session).session
    assert nonces(script.to(CREDENTIAL)) == [None, None, "second", "second", "third"]
    assert session.sender.nonces == {
        "https://tokens.example": "of-the-token-endpoint",
        "https://credentials.example": "third",
    }


def test_a_nonce_is_for_its_own_origin() -> None:
    """And none is sent where none was given."""
    published = {**metadata(), "credential_endpoint": "https://issuer.example/tenant/credential", "nonce_endpoint": None}
    script = server(
        {
            METADATA_URL: ok({name: value for name, value in published.items() if value is not None}),
            TOKEN: with_nonce(ok(BOUND), "of-the-token-endpoint"),
            "https://issuer.example/tenant/credential": [wants_nonce("of-the-issuer", 401), issue],
        }
    )
    issued(script)
    assert nonces(script.to("https://issuer.example/tenant/credential")) == [None, "of-the-issuer"]


def test_endpoints_of_one_origin_share_the_nonce() -> None:
    credential = "https://TOKENS.example:443/credential"
    script = server(
        {
            METADATA_URL: ok({**metadata(), "credential_endpoint": credential}),
            TOKEN: with_nonce(ok(BOUND), "shared"),
            credential: issue,
        }
    )
    start = opened(script, trust=Trust(allow=lambda url: True))
    issued(script, run(start.redeem(now=NOW, dpop=DPOP), script))
    assert nonces(script.to(credential)) == ["shared"]


@pytest.mark.spec("VCI-7.2-07", "HAIP-4-09")
def test_the_nonce_of_the_nonce_response_is_in_the_next_credential_request() -> None:
    """Although the two endpoints of this issuer have different origins."""
    script = server()
    numbers = iter(range(9))
    script.answers[NONCE] = lambda request: with_nonce(ok({"c_nonce": "c"}), f"nonce-{next(numbers)}")
    session = issued(script).session
    assert session.sender.nonces == {"https://issuer.example": "nonce-0", "https://credentials.example": "nonce-0"}
    issued(script, session)
    assert nonces(script.to(CREDENTIAL)) == ["nonce-0", "nonce-1"]
    assert [proofs_of(request)[0].claims()["nonce"] for request in script.to(CREDENTIAL)] == ["c", "c"]


@pytest.mark.parametrize("first", ["dpop", "c_nonce"])
def test_one_credential_request_may_need_both_kinds_of_nonces(first: str) -> None:
    """A new DPoP nonce is no reason for a new c_nonce, nor the other way round."""
    refusals = [wants_nonce("d", 401), error("invalid_nonce")]
    script = server({CREDENTIAL: [*(refusals if first == "dpop" else reversed(refusals)), issue]})
    issued(script)
    assert nonces(script.to(CREDENTIAL)) == ([None, "d", "d"] if first == "dpop" else [None, None, "d"])
    c_nonces = [proofs_of(request)[0].claims()["nonce"] for request in script.to(CREDENTIAL)]
    assert c_nonces == (["nonce-1", "nonce-1", "nonce-2"] if first == "dpop" else ["nonce-1", "nonce-2", "nonce-2"])
    assert len(script.to(NONCE)) == 2


def test_a_nonce_comes_with_the_refusal_of_a_c_nonce() -> None:
    script = server({CREDENTIAL: [with_nonce(error("invalid_nonce"), "d"), issue]})
    issued(script)
    assert nonces(script.to(CREDENTIAL)) == [None, "d"]


@pytest.mark.parametrize("second", [wants_nonce("second"), wants_nonce("first"), wants_nonce(None)])
def test_a_server_asks_once_for_a_nonce(second: Response) -> None:
    script = server({TOKEN: [wants_nonce("first"), second, ok(BOUND)]})
    with pytest.raises(Refused) as caught:
        bound_session(script)
    assert (caught.value.error, caught.value.advice) == ("use_dpop_nonce", Advice.GIVE_UP)
    assert len(script.to(TOKEN)) == 2


def test_a_protected_endpoint_asks_once_for_a_nonce() -> None:
    script = server({CREDENTIAL: [wants_nonce("first", 401), wants_nonce("second", 401), issue]})
    with pytest.raises(Refused, match="use_dpop_nonce"):
        issued(script)
    assert len(script.to(CREDENTIAL)) == 2


USELESS = [[], [""], ["a b"], ["é"], ["a\r\nb: c"], ["a" * (MAX_NONCE + 1)], ["one", "two"]]


@pytest.mark.parametrize("values", USELESS)
def test_a_header_that_holds_no_nonce_is_none(values: list[str]) -> None:
    headers = [("content-type", "application/json"), *(("DPoP-Nonce", value) for value in values)]
    script = server({TOKEN: Response(400, headers, b'{"error":"use_dpop_nonce"}')})
    with pytest.raises(Refused, match="use_dpop_nonce"):
        bound_session(script)
    assert len(script.to(TOKEN)) == 1
    script = server({TOKEN: Response(200, headers, ok(BOUND).body)})
    assert bound_session(script).sender.nonces == {}


def test_whoever_sent_no_proof_is_not_asked_for_a_nonce() -> None:
    script = Server({TOKEN: [wants_nonce("first"), ok({"access_token": "t", "token_type": "Bearer"})]})
    with pytest.raises(Refused, match="use_dpop_nonce"):
        run(opened(script).redeem(), script)
    assert len(script.requests) == 3


def test_a_server_in_trouble_asks_for_nothing() -> None:
    trouble = Response.of_json(503, {"error": "use_dpop_nonce"}, {"dpop-nonce": "first"})
    with pytest.raises(TryLater):
        bound_session(server({TOKEN: trouble}))


# Token types: RFC 9449 5


@pytest.mark.parametrize("token_type", ["DPoP", "dpop", "DPOP"])
def test_a_bound_token(token_type: str) -> None:
    script = server({TOKEN: ok({**BOUND, "token_type": token_type})})
    issued(script)
    assert script.to(CREDENTIAL)[0].headers.all("authorization") == (f"DPoP {ACCESS_TOKEN}",)


@pytest.mark.parametrize("token_type", ["Bearer", "bearer"])
def test_a_server_that_does_not_know_dpop_gives_a_bearer_token(token_type: str) -> None:
    script = server({TOKEN: with_nonce(ok({**BOUND, "token_type": token_type}), "n")})
    session = bound_session(script)
    assert (session.sender.dpop, dict(session.sender.nonces)) == (None, {})
    issued(script, session)
    (request,) = script.to(CREDENTIAL)
    assert request.headers.all("authorization") == (f"Bearer {ACCESS_TOKEN}",)
    assert "dpop" not in request.headers


@pytest.mark.spec("HAIP-4-08")
def test_a_wallet_may_take_bound_tokens_only() -> None:
    script = server({TOKEN: ok({**BOUND, "token_type": "Bearer"})})
    with pytest.raises(InvalidResponse, match="DPoP"):
        bound_session(script, bearer=False)
    with pytest.raises(ValueError, match="DPoP key is needed"):
        opened(script, bearer=False).redeem()
    assert bound_session(server(), bearer=False).sender.dpop is DPOP


def test_a_token_that_is_bound_to_no_key_of_ours_is_useless() -> None:
    with pytest.raises(InvalidResponse, match="proved no key"):
        run(opened(server()).redeem(), server())


# Keys elsewhere


def test_a_key_elsewhere_signs_before_there_is_a_request() -> None:
    script = server()
    exchange = opened(script).redeem(now=NOW, dpop=remote(DPOP))
    with pytest.raises(ValueError, match="signed first"):
        exchange.request
    (wanted,) = exchange.to_sign
    assert (wanted.key_id, wanted.algorithm) == ("dpop", "ES256")
    for wrong in ([], [b"short"], [DPOP.sign(wanted.data)] * 2):
        with pytest.raises(ValueError, match="signature"):
            exchange.signed(wrong)
    ready = exchange.signed([DPOP.sign(wanted.data)])
    assert ready.to_sign == ()
    assert ready.signed([]) is ready
    with pytest.raises(ValueError, match="nothing to sign"):
        ready.signed([b""])
    proof(ready.request)
    # Nothing of the first exchange has changed.
    assert exchange.to_sign == (wanted,)


def test_every_request_with_a_key_elsewhere_is_signed() -> None:
    script = server({TOKEN: [wants_nonce("a"), ok(BOUND)], CREDENTIAL: [wants_nonce("b", 401), error("invalid_nonce"), issue]})
    session = run(opened(script).redeem(now=NOW, dpop=remote(DPOP)), script, sign=sign)
    result = run(ordered(script, session).submit(), script, sign=sign)
    assert isinstance(result, Issued)
    assert nonces(script.to(TOKEN)) == [None, "a"]
    assert nonces(script.to(CREDENTIAL)) == [None, "b", "b"]
    for request in script.to(CREDENTIAL):
        proof(request, access_token=ACCESS_TOKEN)


def test_what_is_signed_elsewhere_and_what_is_signed_here() -> None:
    script = server()
    session = bound_session(script)
    order = run(session.order("pid"), script)
    proofs = order.prove([remote(HOLDER_KEYS[0])], now=NOW)
    result = run(proofs.submit([HOLDER_KEYS[0].sign(proofs.to_sign[0].data)], now=NOW + 9), script)
    assert isinstance(result, Issued)
    assert proof(script.to(CREDENTIAL)[0], access_token=ACCESS_TOKEN, now=NOW + 9)["iat"] == NOW + 9
    assert proofs_of(script.to(CREDENTIAL)[0])[0].claims()["iat"] == NOW


def test_an_unsigned_request_needs_somebody_to_sign_it() -> None:
    script = server()
    with pytest.raises(ValueError, match="signed first"):
        run(opened(script).redeem(now=NOW, dpop=remote(DPOP)), script)
    assert script.to(TOKEN) == []


@pytest.mark.spec("VCI-13.10-02")
def test_secrets_do_not_show() -> None:
    script = server({TOKEN: with_nonce(ok(BOUND), "the-nonce")})
    exchange = opened(script).redeem(now=NOW, dpop=remote(DPOP))
    shown = repr(exchange) + repr(exchange.to_sign) + repr(run(exchange, script, sign=sign))
    assert not any(secret in shown for secret in ("the-pre-authorized-code", ACCESS_TOKEN, "the-nonce", "eyJ"))


# Errors


@pytest.mark.parametrize(
    ("answer", "code", "advice"),
    [
        (Response(401, {"www-authenticate": 'DPoP error="invalid_token"'}), "invalid_token", Advice.AUTHORIZE),
        (Response(401, {"www-authenticate": "DPoP"}), "unknown_error", Advice.AUTHORIZE),
        (Response(401, {"www-authenticate": 'DPoP error="invalid_dpop_proof"'}), "invalid_dpop_proof", Advice.GIVE_UP),
        (Response(403, {"www-authenticate": 'DPoP error="insufficient_scope"'}), "insufficient_scope", Advice.GIVE_UP),
        (error("invalid_token"), "invalid_token", Advice.GIVE_UP),
    ],
)
def test_a_token_that_is_rejected_has_to_be_had_anew(answer: Response, code: str, advice: Advice) -> None:
    with pytest.raises(Refused) as caught:
        issued(server({CREDENTIAL: answer}))
    assert (caught.value.error, caught.value.advice) == (code, advice)


@pytest.mark.parametrize(
    "values",
    [
        ['DPoP error="use_dpop_nonce"'],
        ["DPoP error=use_dpop_nonce"],
        ['dpop Error = "use_dpop_nonce"'],
        ['DPoP realm="a, \\"b\\"", error="use_dpop\\_nonce"'],
        ["Basic YWxhZGRpbg==, , DPoP algs=ES256,ERROR=use_dpop_nonce ,"],
        ['DPoP error="use_dpop_nonce", Bearer error="invalid_token"'],
        ['Bearer realm="b", error="invalid_token"', 'DPoP error="use_dpop_nonce"'],
    ],
)
def test_what_a_protected_endpoint_wants_can_be_written_in_many_ways(values: list[str]) -> None:
    """RFC 9110 11.2, 11.6.1."""
    wants = Response(401, [("dpop-nonce", "n"), *(("www-authenticate", value) for value in values)])
    script = server({CREDENTIAL: [wants, issue]})
    issued(script)
    assert nonces(script.to(CREDENTIAL)) == [None, "n"]


@pytest.mark.parametrize(
    ("values", "code", "description"),
    [
        (['DPoP error="invalid_token", error_description="x", Bearer error="invalid_request"'], "invalid_token", "x"),
        (['Bearer error="invalid_request", error_description="x"', "DPoP error=invalid_token"], "invalid_token", None),
        (['Bearer error="invalid_request", dPoP algs="ES256", error="invalid_token"'], "invalid_token", None),
        (['Bearer error="invalid_token", error_description="say \\"x\\"", DPoP algs="ES256"'], "invalid_token", "say ?x?"),
        (["Bearer", "Basic", 'Other ERROR="a", error="b"', 'Last error="c"'], "a", None),
        (['DPoP error="a"b", error="c'], "a", None),
        (["error=a", "DPoP error=", '"', "=,=", "DPoP error"], "unknown_error", None),
    ],
)
def test_of_several_challenges_that_of_the_scheme_that_was_sent_counts(
    values: list[str], code: str, description: str | None
) -> None:
    answer = Response(401, [("www-authenticate", value) for value in values])
    with pytest.raises(Refused) as caught:
        issued(server({CREDENTIAL: answer}))
    assert (caught.value.error, caught.value.description) == (code, description)


WORDS = st.text(alphabet="abcxyz-_", min_size=1)
CHALLENGES = st.builds(Challenge, WORDS, st.dictionaries(WORDS, st.text(alphabet="a ,=Bearer")))


@given(st.lists(st.lists(CHALLENGES, min_size=1)), st.text(alphabet='a ,="\\\t') | st.text())
def test_all_challenges_of_all_values_are_read(written: list[list[Challenge]], anything: str) -> None:
    values = [", ".join(str(each) for each in several) for several in written]
    assert read_challenges(values) == [(each.scheme, each.parameters) for several in written for each in several]
    # Whatever stands in another value.
    assert list(read_challenges([anything, *values]))[-1:] == list(read_challenges(values))[-1:] or not values


ANSWERS: Sequence[Any] = (
    wants_nonce("a"),
    wants_nonce("b", 401),
    wants_nonce(None),
    error("invalid_nonce"),
    with_nonce(error("invalid_nonce"), "c"),
    issue,
    Response(401),
    Response(503),
)


@given(st.lists(st.sampled_from(range(len(ANSWERS))), max_size=10))
def test_whatever_a_protected_endpoint_asks_for_it_ends(drawn: list[int]) -> None:
    """At most two key proofs, and for each of them at most one more DPoP proof; no proof is sent twice."""
    script = server()
    proofs = ordered(script, bound_session(script))
    script.answers[CREDENTIAL] = [*(ANSWERS[i] for i in drawn), *[issue] * 4]
    result: Any = proofs.submit()
    try:
        result = run(result, script)
    except (Refused, TryLater):
        pass
    else:
        assert isinstance(result, Issued)
    assert len(script.to(CREDENTIAL)) <= 4
    assert len(script.to(NONCE)) <= 2
    latest = None
    for request, found in zip(script.to(CREDENTIAL), nonces(script.to(CREDENTIAL)), strict=True):
        assert found == latest
        index = script.to(CREDENTIAL).index(request)
        answer = ANSWERS[drawn[index]] if index < len(drawn) else issue
        given_nonce = answer.headers.get("dpop-nonce") if isinstance(answer, Response) else None
        latest = given_nonce or latest


def test_an_exchange_can_be_received_twice() -> None:
    """The stages are pure: the same answer leads to the same place, with another proof."""
    exchange = opened(server()).redeem(now=NOW, dpop=DPOP)
    again = [exchange.receive(wants_nonce("n")) for _ in range(2)]
    requests: list[Request] = []
    for each in again:
        assert isinstance(each, Exchange)
        requests.append(each.request)
    assert nonces(requests) == ["n", "n"]


def test_orders_keep_the_nonce_of_their_session() -> None:
    script = server({TOKEN: with_nonce(ok(BOUND), "n")})
    order = run(bound_session(script).order("pid"), script)
    assert isinstance(order, Order)
    assert dict(order.session.sender.nonces) == {"https://tokens.example": "n"}
