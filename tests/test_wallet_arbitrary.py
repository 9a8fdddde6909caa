"""Whatever a peer answers, an exchange gives a value, one more exchange, or a `WalletError`."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.errors import InvalidOffer, WalletError
from oid4vci.http import Response
from oid4vci.offers import PRE_AUTHORIZED_CODE, CredentialOffer
from oid4vci.wallet import Authorizing, Deferred, Exchange, Issued, Offer, Opened, Order, Proofs, Session
from tests.scripted_authorization import REDIRECT, authorizing, code_offer, code_server, response
from tests.scripted_server import (
    HOLDER_KEYS,
    ISSUER,
    JWKS,
    METADATA_URL,
    NOW,
    TOKEN,
    JwtFormat,
    Server,
    by_value,
    credential_for,
    metadata,
    offer,
    ok,
    opened,
    server_metadata,
    session,
    wallet,
)
from tests.wallet_clients import BOUND, CHALLENGE_ENDPOINT, DPOP, attestation, wants_challenge
from tests.wallet_clients import server as tokens_server

REFERENCE = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer.example%2Fo"


def exchanges() -> dict[str, Exchange[Any]]:
    """One exchange of each kind, just before its answer."""
    server = Server()
    settings = {"formats": {"dc+sd-jwt": JwtFormat(fetch=[JWKS])}}
    first: Any = Offer.parse(by_value(offer())).open(wallet())
    several: Any = first.receive(ok({**metadata(), "authorization_servers": [ISSUER, ISSUER + "/2"]}))
    token = session(server, **settings)
    nonce: Any = token.order("pid")
    credential: Any = run(nonce, server).prove([HOLDER_KEYS[0]], now=NOW).submit()
    demanding = tokens_server(challenge_endpoint=CHALLENGE_ENDPOINT)
    challenged: Any = opened(demanding).redeem(now=NOW, authentication=attestation())
    challenged = challenged.receive(ok({"attestation_challenge": "c"})).receive(wants_challenge("d"))
    bound = tokens_server({TOKEN: ok({**BOUND, "refresh_token": "r"})})
    refreshable = run(opened(bound, **settings).redeem(now=NOW, dpop=DPOP, authentication=attestation()), bound)
    authorization = opened(code_server(), code_offer("pid"))
    by_scope, by_details = (authorizing(code_server(), code_offer(*names)) for names in (("pid",), ()))
    return {
        "offer": Offer.parse(REFERENCE).open(wallet()),
        "issuer metadata": first,
        "server metadata": first.receive(server.answers[METADATA_URL]),
        "several servers": several,
        "token": opened(server, offer(tx_code={})).redeem("1"),
        "token with details": opened(server).redeem(configuration_ids=["pid"]),
        "pushed request": authorization.authorize(redirect_uri=REDIRECT),
        "token by scope": by_scope.callback(response(by_scope)),
        "token by details": by_details.callback(response(by_details)),
        "nonce": nonce,
        "credential": credential,
        "renewed nonce": credential.receive(Response.of_json(400, {"error": "invalid_nonce"})),
        "bound token": opened(server).redeem(now=NOW, dpop=DPOP, authentication=attestation()),
        "challenge": opened(demanding).redeem(now=NOW, authentication=attestation()),
        "token with challenge": challenged,
        "refresh": refreshable.refresh(now=NOW),
        "bound credential": run(refreshable.order("pid"), server).prove([HOLDER_KEYS[0]], now=NOW).submit(),
        "document": credential.receive(ok({"credentials": [{"credential": credential_for(HOLDER_KEYS[0].public_jwk)}]})),
    }


EXCHANGES = exchanges()

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
SEEDS: list[dict[str, Any]] = [
    offer(),
    metadata(),
    server_metadata(),
    {"access_token": "t", "token_type": "Bearer", "authorization_details": [{"type": "openid_credential"}]},
    {"c_nonce": "n"},
    {"credentials": [{"credential": credential_for(HOLDER_KEYS[0].public_jwk)}], "notification_id": "n"},
    {"transaction_id": "t", "interval": 5},
    {"error": "invalid_nonce", "error_description": "x"},
    {"error": "invalid_grant"},
    {"request_uri": "urn:ietf:params:oauth:request_uri:x", "expires_in": 60},
    {"error": "use_dpop_nonce"},
    {"error": "use_attestation_challenge"},
    {"attestation_challenge": "c"},
    {**BOUND, "refresh_token": "r"},
    {"keys": [dict(HOLDER_KEYS[0].public_jwk)]},
]


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """A document of the protocol with some members replaced, or anything."""
    if draw(st.booleans()):
        return draw(VALUES)
    document = _json.loads(_json.dumps(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(0, 3))):
        place = document
        while isinstance(place, dict | list) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
            if draw(st.booleans()) or not isinstance(place[key], dict | list):
                place[key] = draw(VALUES)
                break
            place = place[key]
    return document


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Content-Type",
                "content-type",
                "WWW-Authenticate",
                "Retry-After",
                "Location",
                "DPoP-Nonce",
                "OAuth-Client-Attestation-Challenge",
                "x",
            ]
        ),
        st.sampled_from(
            [
                "application/json",
                "application/json;charset=utf-8",
                "text/html",
                "",
                "1",
                'Bearer error="x"',
                'DPoP error="use_dpop_nonce"',
            ]
        )
        | st.text(max_size=20),
    ),
    max_size=4,
)
RESPONSES = st.builds(
    Response,
    st.sampled_from([200, 200, 200, 201, 202, 204, 302, 400, 401, 404, 429, 500]) | st.integers(-1, 1000),
    HEADERS | st.just([("content-type", "application/json")]),
    documents().map(_json.dump_bytes) | st.binary(max_size=50),
)


@pytest.mark.parametrize("name", EXCHANGES)
@given(response=RESPONSES)
@example(response=Response(200, {"content-type": "application/json"}, b"[" * 100_000))
@example(response=Response(200, {"content-type": "application/json"}, b'{"c_nonce":"\\ud800","access_token":"\\ud800"}'))
@example(response=Response(200, {"content-type": "application/json"}, b'{"interval":1e400,"expires_in":1e999}'))
@example(
    response=Response(202, {"content-type": "application/json"}, b'{"interval":' + b"9" * 5000 + b',"transaction_id":"t"}')
)
@example(response=Response.of_json(400, {"error": "use_dpop_nonce"}, {"dpop-nonce": "n"}))
@example(response=Response.of_json(400, {"error": "use_attestation_challenge"}, {"oauth-client-attestation-challenge": "c"}))
@example(response=Response(401, {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": "\x00\ud800"}))
@example(response=Response(503, {"retry-after": "\u00b2"}))
@example(response=Response(503, [("retry-after", "1"), ("retry-after", "2")]))
def test_an_answer_leads_to_a_value_or_to_a_wallet_error(name: str, response: Response) -> None:
    with suppress(WalletError):
        result = EXCHANGES[name].receive(response)
        assert isinstance(result, Opened | Authorizing | Session | Order | Proofs | Issued | Deferred | Exchange)


@given(st.lists(documents().map(ok), min_size=1, max_size=8))
def test_a_row_of_answers_ends(answers: list[Response]) -> None:
    """Whatever comes, in whatever order: no exchange goes on for ever, and nothing is asked twice of the same place."""
    remaining = iter(answers)
    result: Any = Offer.parse(REFERENCE).open(wallet())
    asked = []
    try:
        while isinstance(result, Exchange):
            asked.append(result.request.url)
            result = result.receive(next(remaining, ok({})))
    except WalletError:
        assert len(set(asked)) == len(asked)
    else:
        assert isinstance(result, Opened)


SCHEMES: list[Callable[[str], str]] = [str.lower, str.upper, str.title]


@pytest.mark.parametrize("scheme", SCHEMES)
@given(text=st.text(max_size=60))
def test_an_invocation_is_an_offer_or_a_wallet_error(scheme: Callable[[str], str], text: str) -> None:
    with suppress(InvalidOffer):
        assert isinstance(Offer.parse(scheme("openid-credential-offer://?credential_offer=") + text).content, CredentialOffer)


def test_the_seeds_are_answers_that_lead_on() -> None:
    """Else the replacements above would change documents that were refused anyway."""
    assert isinstance(EXCHANGES["offer"].receive(ok(offer())), Exchange)
    assert isinstance(EXCHANGES["issuer metadata"].receive(ok(metadata())), Exchange)
    assert isinstance(EXCHANGES["server metadata"].receive(ok(server_metadata())), Opened)
    assert isinstance(EXCHANGES["nonce"].receive(ok(SEEDS[4])), Order)
    assert isinstance(EXCHANGES["credential"].receive(ok(SEEDS[5])), Exchange)
    assert isinstance(EXCHANGES["credential"].receive(Response.of_json(202, SEEDS[6])), Deferred)
    assert isinstance(EXCHANGES["renewed nonce"].receive(ok(SEEDS[4])), Exchange)
    (pushed,) = (seed for seed in SEEDS if "request_uri" in seed)
    assert isinstance(EXCHANGES["pushed request"].receive(Response.of_json(201, pushed)), Authorizing)
    assert PRE_AUTHORIZED_CODE in offer()["grants"]
