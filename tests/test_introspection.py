"""Introspection (RFC 7662): the question as a lookup, and what its answer allows at the Credential Endpoint."""

import pickle
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.errors import InvalidToken, TemporarilyUnavailable
from oid4vci.http import Response
from oid4vci.keys import LocalSigner, public_keys, thumbprint
from oid4vci.memory import MemoryStore
from oid4vci.oauth.access_tokens import AccessTokens, SealedAccessTokens
from oid4vci.oauth.dpop import Dpop, dpop_signing_input
from oid4vci.oauth.grants import Authorization
from oid4vci.oauth.introspection import IntrospectedAccessTokens, Introspection
from oid4vci.oauth.jwt_access_tokens import TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.oauth.several_access_tokens import SeveralAccessTokens
from oid4vci.records import Insert, Key
from tests.external_server import (
    ENDPOINT,
    SCOPES,
    SERVER,
    SIGNER,
    Elsewhere,
    detail,
    jwks,
    jwt,
    scoped_metadata,
    without_none,
)
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, Issuance, b64url, issuance, new_issuer, refused, secret_keys

TOKEN = "mF_9.B5f-4.1JqM"
TOKENS = IntrospectedAccessTokens(authorization_server=SERVER, scopes=SCOPES)
QUESTION = Introspection.about(TOKEN, authorization_server=SERVER)


def answer_of(**changes: Any) -> dict[str, Any]:
    """What the server says of a good token for `simple`, until some is changed; a member that is None is left out."""
    good = {
        "active": True,
        "scope": "simple",
        "client_id": "wallet",
        "token_type": "Bearer",
        "exp": NOW + 60,
        "iat": NOW - 5,
        "sub": "ada",
        "aud": IDENTIFIER,
        "iss": SERVER,
    }
    return without_none({**good, **changes})


def elsewhere(answer: Any = None, **fields: Any) -> Elsewhere:
    world = Elsewhere.trusting(IntrospectedAccessTokens(authorization_server=SERVER, scopes=SCOPES), **fields)
    world.host.answers[TOKEN] = answer_of() if answer is None else answer
    return world


# --- the question ----------------------------------------------------------------------------------------------------------------


def test_the_question_is_a_form() -> None:
    """RFC 7662 2.1, with the token and the authorization of its examples."""
    request = QUESTION.request(ENDPOINT, headers={"authorization": "Bearer 23410913-abewfq.123483"})
    assert (request.method, request.url, request.media_type) == ("POST", ENDPOINT, "application/x-www-form-urlencoded")
    assert request.body == b"token=mF_9.B5f-4.1JqM&token_type_hint=access_token"
    assert request.headers.get("accept") == "application/json"
    assert request.headers.get("authorization") == "Bearer 23410913-abewfq.123483"


def test_what_the_caller_adds_does_not_change_the_question() -> None:
    parameters = {"client_id": "issuer", "client_assertion": "a+b/c=", "token": "other", "token_type_hint": "refresh_token"}
    form = parse_qs(QUESTION.request(ENDPOINT, parameters=parameters).body.decode())
    assert form == {
        "client_id": ["issuer"],
        "client_assertion": ["a+b/c="],
        "token": [TOKEN],
        "token_type_hint": ["access_token"],
    }


@pytest.mark.parametrize("endpoint", ["http://as.example/introspect", "/introspect", "", "https://as.example/#a"])
def test_nobody_is_asked_in_plain(endpoint: str) -> None:
    with pytest.raises(ValueError, match="must"):
        QUESTION.request(endpoint)


def test_a_question_is_its_key() -> None:
    """So any store can keep the answer, and gives it back to the question."""
    key, question = QUESTION.key, Introspection.about(TOKEN, authorization_server=SERVER)
    assert type(key) is Key
    assert question == key
    assert key == question
    assert hash(key) == hash(question)
    by_key, by_question = {key: 1}, dict[Key, int]({question: 2})
    assert (by_key[question], by_question[key]) == (1, 2)
    assert question != Key("other", key.digest)
    assert question != TOKEN
    assert pickle.loads(pickle.dumps(question)) == question  # noqa: S301


def test_the_answers_of_two_servers_are_kept_apart() -> None:
    others = [
        Introspection.about(TOKEN, authorization_server="https://second.example"),
        Introspection.about(TOKEN + "x", authorization_server=SERVER),
    ]
    assert len({QUESTION, *others}) == 3


def test_the_token_does_not_show_and_is_not_stored() -> None:
    record = QUESTION.record(Response.of_json(200, answer_of()), now=NOW)
    read = TOKENS.read(TOKEN, credential_issuer=IDENTIFIER)
    for shown in (repr(QUESTION), repr(record), repr(read), QUESTION.digest, repr(record.data)):
        assert TOKEN not in shown
    assert type(record.key) is Key


# --- the answer ------------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8-02")
def test_a_token_that_the_server_knows_gets_a_credential() -> None:
    world = elsewhere()
    assert world.ask(TOKEN).status == 200
    assert len(world.host.sent) == 1
    refused(world.ask("another-token"), "invalid_token", status=401)
    (order,) = world.orders
    assert (order.subject, order.authorization.client_id, order.note) == ("ada", "wallet", None)
    assert order.authorization.expires_at == NOW + 60


@pytest.mark.spec("VCI-5.1.2-06", "VCI-5.1.2-08", "VCI-5.1.2-11")
def test_what_the_server_says_is_what_the_token_allows() -> None:
    assert elsewhere().given(TOKEN) == {"badge", "object"}
    assert elsewhere(answer_of(scope="notes email")).given(TOKEN) == {"note"}
    assert elsewhere(answer_of(scope=None)).given(TOKEN) == set()
    details = [detail("other"), detail("badge", locations=["https://other.example"]), {"type": "payment"}]
    assert elsewhere(answer_of(scope="notes", authorization_details=details)).given(TOKEN) == {"note", "other"}


def test_identifiers_of_the_answer_are_what_is_asked_for() -> None:
    world = elsewhere(answer_of(scope=None, authorization_details=[detail("badge", "b/1")]))
    assert world.ask_for(TOKEN, "b/1").status == 200
    refused(world.ask_for(TOKEN, "b/2"), "unknown_credential_identifier")


def test_the_application_finds_its_session_by_what_the_server_says() -> None:
    world = elsewhere(answer_of(issuer_state="session-7", username="ada@example.com"))
    assert world.ask(TOKEN).status == 200
    assert world.orders[0].authorization.claims["issuer_state"] == "session-7"


def verified(
    answer: Any, *, now: int = NOW, issuer: str = IDENTIFIER, tokens: IntrospectedAccessTokens = TOKENS
) -> Authorization:
    record = QUESTION.record(Response.of_json(200, answer), now=NOW)
    return tokens.read(TOKEN, credential_issuer=issuer).verify({record.key: record}, keys={}, now=now)


def test_the_example_of_rfc_7662() -> None:
    answer = {
        "active": True,
        "client_id": "l238j323ds-23ij4",
        "username": "jdoe",
        "scope": "read write dolphin",
        "sub": "Z5O3upPC88QrAjx00dis",
        "aud": "https://protected.example.net/resource",
        "iss": "https://server.example.com/",
        "exp": 1419356238,
        "iat": 1419350238,
        "extension_field": "twenty-seven",
    }
    tokens = IntrospectedAccessTokens(authorization_server="https://server.example.com/", scopes={"dolphin": ["swimmer"]})
    question = Introspection.about(TOKEN, authorization_server="https://server.example.com/")
    now = 1419350300
    record = question.record(Response.of_json(200, answer), now=now)
    read = tokens.read(TOKEN, credential_issuer="https://protected.example.net/resource")
    authorization = read.verify({question: record}, keys={}, now=now)
    assert (authorization.subject, authorization.client_id) == ("Z5O3upPC88QrAjx00dis", "l238j323ds-23ij4")
    assert (authorization.configuration_ids, authorization.expires_at) == (frozenset(["swimmer"]), 1419356238)
    assert authorization.claims["extension_field"] == "twenty-seven"


def test_the_example_of_rfc_9396(vectors: Path) -> None:
    """RFC 9396 9.2: authorization details of other types mean nothing here."""
    path = vectors / "rfc9396-rar/21-token-introspection.json"
    tokens = IntrospectedAccessTokens(authorization_server=SERVER, audiences=["s6BhdRkqt3"])
    record = QUESTION.record(Response(200, {"content-type": "application/json"}, path.read_bytes()), now=1311281900)
    authorization = tokens.read(TOKEN, credential_issuer=IDENTIFIER).verify({QUESTION: record}, keys={}, now=1311281900)
    assert (authorization.subject, authorization.configuration_ids, authorization.details) == ("24400320", frozenset(), ())


WRONG: dict[str, list[Any]] = {
    "active": [None, False, "true", 1, [True], "false"],
    "iss": ["https://other.example", SERVER + "/", "", 1, [SERVER]],
    "aud": ["https://other.example", [], "", 1, [[IDENTIFIER]], IDENTIFIER + "/"],
    "exp": [NOW, NOW - 1, 0],
    "nbf": [NOW + 61, "1", -1, True],
    "iat": [NOW + 61, "1", -1, []],
    "sub": [None, "", 1, ["ada"]],
    "client_id": ["", 1],
    "scope": [["simple"], 1],
    "token_type": ["DPoP", "dpop", "mac", "N_A", "", 1, ["Bearer"], "Bearer "],
    "cnf": [{}, "x", {"x5t#S256": "a"}, {"jkt": "a"}, {"jkt": None}, {"jkt": "A" * 43, "kid": "1"}],
    "authorization_details": ["x", [1], [{}], [detail("")], [detail("a", "1"), detail("b", "1")]],
}


@pytest.mark.parametrize(
    "answer",
    [
        {"active": False},
        *(answer_of(**{name: value}) for name, values in WRONG.items() for value in values),
    ],
)
def test_an_answer_that_makes_the_token_no_good(answer: dict[str, Any]) -> None:
    world = elsewhere(answer)
    refused(world.ask(TOKEN), "invalid_token", status=401)
    assert world.orders == []


def test_a_member_that_is_null_is_not_absent() -> None:
    for name in ("aud", "iss", "cnf", "scope", "client_id", "token_type", "nbf", "iat"):
        refused(elsewhere({**answer_of(), name: None}).ask(TOKEN), "invalid_token", status=401)


def test_all_but_active_and_the_subject_may_be_left_out() -> None:
    lenient = IntrospectedAccessTokens(authorization_server=SERVER, require_audience=False)
    authorization = verified({"active": True, "sub": "ada"}, tokens=lenient)
    assert (authorization.subject, authorization.client_id, authorization.configuration_ids) == ("ada", None, frozenset())
    assert authorization.expires_at == NOW + 60


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", "BEARER"])
def test_the_type_of_a_token_in_any_letters(token_type: str) -> None:
    assert verified(answer_of(token_type=token_type)).jkt is None


def test_a_token_that_may_be_meant_for_anybody_is_refused() -> None:
    with pytest.raises(InvalidToken, match="aud"):
        verified({"active": True, "sub": "ada"})


def test_an_audience_that_stands_for_the_issuer() -> None:
    tokens = IntrospectedAccessTokens(authorization_server=SERVER, audiences=["account"])
    assert verified(answer_of(aud=["account"]), tokens=tokens).subject == "ada"
    with pytest.raises(InvalidToken):
        verified(answer_of(aud=["account"]))


HOLDER = LocalSigner.generate("holder")


@pytest.mark.parametrize("token_type", ["DPoP", "dpop", "Bearer", None])
def test_a_bound_token_needs_the_proof_of_its_key(token_type: str | None) -> None:
    """Also one that the server calls a Bearer token: what `cnf` says is stricter."""
    world = elsewhere(answer_of(token_type=token_type, cnf={"jkt": thumbprint(HOLDER.public_jwk)}), dpop=Dpop())
    data = dpop_signing_input(HOLDER, method="POST", url=CREDENTIAL, jti="1", now=NOW, access_token=TOKEN)
    headers: dict[str, Any] = {"authorization": f"DPoP {TOKEN}", "dpop": f"{data.decode()}.{b64url(HOLDER.sign(data))}"}
    refused(world.ask(TOKEN), "invalid_token", status=401)
    assert world.ask(TOKEN, **headers).status == 200


# --- no answer -------------------------------------------------------------------------------------------------------------------


def test_a_store_that_does_not_know_the_question_lets_nobody_in() -> None:
    world = issuance(access_tokens=TOKENS)
    refused(world.credential(TOKEN, {"credential_configuration_id": "badge"}), "invalid_token", status=401)


@pytest.mark.parametrize(
    "response",
    [
        Response(401, {"www-authenticate": "Bearer"}),
        Response.of_json(401, answer_of()),
        Response.of_json(403, {"error": "x"}),
        Response.of_json(500, answer_of()),
        Response.of_json(302, answer_of(), {"location": "https://attacker.example"}),
        Response.of_json(201, answer_of()),
        Response(200),
        Response(200, {"content-type": "text/html"}, b"<html>"),
        Response(200, {"content-type": "application/token-introspection+jwt"}, b"a.b.c"),
        Response(200, [("content-type", "application/json")] * 2, b'{"active":true}'),
        *(
            Response(200, {"content-type": "application/json"}, body)
            for body in (
                b"",
                b"[]",
                b"true",
                b"{",
                b'{"active":false,"active":true}',
                b'{"a":' + b"[" * 99 + b"]" * 99 + b"}",
                b"\xff",
            )
        ),
        Response.of_json(200, {**answer_of(), "x": "x" * 65_536}),
        Response.of_json(200, answer_of(exp="soon")),
        Response.of_json(200, answer_of(exp=-1)),
    ],
)
def test_what_is_no_answer_says_nothing_of_the_token(response: Response) -> None:
    """It is neither good nor bad: the Wallet is told to come back, and nothing is kept."""
    with pytest.raises(TemporarilyUnavailable):
        QUESTION.record(response, now=NOW)
    world = elsewhere(response)
    got = world.ask(TOKEN)
    refused(got, "temporarily_unavailable", status=503)
    assert got.headers.get("retry-after") == "1"
    assert (world.orders, world.host.rows) == ([], {})


@given(st.binary(max_size=200) | st.text('{}[]":,activetrue10 ', max_size=60).map(str.encode))
def test_any_answer_is_a_record_or_none(body: bytes) -> None:
    try:
        record = QUESTION.record(Response(200, {"content-type": "application/json"}, body), now=NOW)
    except TemporarilyUnavailable:
        return
    with pytest.raises(InvalidToken):
        TOKENS.read(TOKEN, credential_issuer=IDENTIFIER).verify({QUESTION: record}, keys={}, now=NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*answer_of(), "nbf", "cnf", "authorization_details"]), json_values, max_size=4))
def test_any_members_of_an_answer_give_an_authorization_or_a_refusal(changes: dict[str, Any]) -> None:
    answer = {**answer_of(), **changes}
    try:
        authorization = verified(answer)
    except (InvalidToken, TemporarilyUnavailable):
        return
    assert (answer["active"], authorization.subject) == (True, answer["sub"])


# --- answers that are kept -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "end"), [(answer_of(), NOW + 30), (answer_of(exp=NOW + 20), NOW + 20), ({"active": False}, NOW + 30)]
)
def test_an_answer_is_good_for_a_while_and_never_longer_than_the_token(answer: dict[str, Any], end: int) -> None:
    record = QUESTION.record(Response.of_json(200, answer), now=NOW, lifetime=30)
    assert record.expires_at == end
    read = TOKENS.read(TOKEN, credential_issuer=IDENTIFIER)
    if answer["active"]:
        assert read.verify({QUESTION: record}, keys={}, now=end - 1).subject == "ada"
    with pytest.raises(InvalidToken):
        read.verify({QUESTION: record}, keys={}, now=end)


def test_a_store_keeps_an_answer_and_the_server_is_not_asked_again() -> None:
    world = elsewhere()
    assert world.host.commit([Insert(QUESTION.record(Response.of_json(200, answer_of()), now=NOW))])
    assert world.ask(TOKEN).status == world.ask(TOKEN, now=NOW + 59).status == 200
    assert world.host.sent == []
    world.host.answers[TOKEN] = {"active": False}
    refused(world.ask(TOKEN, now=NOW + 60), "invalid_token", status=401)
    assert len(world.host.sent) == 1


def test_a_kept_answer_is_found_by_question_and_by_key() -> None:
    store, record = MemoryStore(), QUESTION.record(Response.of_json(200, answer_of()), now=NOW)
    assert store.commit([Insert(record)])
    for loaded in (store.load([QUESTION]), store.load([QUESTION.key])):
        assert TOKENS.read(TOKEN, credential_issuer=IDENTIFIER).verify(loaded, keys={}, now=NOW).subject == "ada"


def test_the_answer_about_one_token_is_not_that_about_another() -> None:
    record = QUESTION.record(Response.of_json(200, answer_of()), now=NOW)
    for tokens, token in ((TOKENS, "other"), (IntrospectedAccessTokens(authorization_server="https://second.example"), TOKEN)):
        with pytest.raises(InvalidToken):
            tokens.read(token, credential_issuer=IDENTIFIER).verify({record.key: record}, keys={}, now=NOW)


def test_a_token_that_no_header_takes_is_not_asked_about() -> None:
    assert TOKENS.read("a" * 8192, credential_issuer=IDENTIFIER).lookups
    with pytest.raises(InvalidToken):
        TOKENS.read("a" * 8193, credential_issuer=IDENTIFIER)


@pytest.mark.parametrize("server", ["http://as.example", "as", "", f"{SERVER}#a"])
def test_a_server_is_known_by_its_identifier(server: str) -> None:
    with pytest.raises(ValueError, match="must"):
        IntrospectedAccessTokens(authorization_server=server)


# --- tokens of several servers at one issuer ------------------------------------------------------------------------------------

JWT_SERVER = "https://jwt.example"
OWN_KEYS = secret_keys(5)
JWTS = TrustedJwtAccessTokens(
    servers=[TrustedAuthorizationServer(issuer=JWT_SERVER, keys=public_keys(jwks(SIGNER)))], scopes={"jwt": ["object"]}
)


def several(*readers: AccessTokens) -> Elsewhere:
    metadata = scoped_metadata(authorization_servers=(IDENTIFIER, JWT_SERVER, SERVER))
    return Elsewhere.trusting(SeveralAccessTokens(readers or (SealedAccessTokens(OWN_KEYS), JWTS, TOKENS)), metadata=metadata)


def own_world() -> Issuance:
    """Our own server, whose issuer takes the tokens of two others too."""
    return issuance(keys=OWN_KEYS, access_tokens=SeveralAccessTokens([SealedAccessTokens(OWN_KEYS), JWTS]))


def test_an_issuer_takes_the_tokens_of_all_its_servers() -> None:
    """One knows its tokens by their seal, one by `iss`, one must be asked."""
    world = several()
    world.host.answers[TOKEN] = answer_of(scope="notes")
    assert world.given(TOKEN) == {"note"}
    asked = len(world.host.sent)
    assert world.given(jwt(iss=JWT_SERVER, scope="jwt notes simple")) == {"object"}
    assert len(world.host.sent) == asked
    own = own_world()
    assert own.credential(own.token("badge"), {"credential_configuration_id": "badge"}).status == 200
    accepted = own.credential(jwt(iss=JWT_SERVER, scope="jwt"), {"credential_configuration_id": "object"})
    assert accepted.status == 200
    refused(own.credential(TOKEN, {"credential_configuration_id": "badge"}), "invalid_token", status=401)


@pytest.mark.parametrize("claims", [{"aud": "https://other.example"}, {"exp": NOW}, {"cnf": {"kid": "1"}}, {"sub": None}])
def test_a_token_that_its_own_server_refuses_is_no_other_servers(claims: dict[str, Any]) -> None:
    token = jwt(**{"iss": JWT_SERVER, **claims})
    world = several()
    world.host.answers[token] = answer_of()
    refused(world.ask(token), "invalid_token", status=401)
    assert world.host.sent == []


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"alg": "none"}, {"kid": "other"}])
def test_a_jwt_of_a_server_is_never_shown_to_another(header: dict[str, Any]) -> None:
    token = jwt(iss=JWT_SERVER, header=header)
    world = several()
    world.host.answers[token] = answer_of()
    refused(world.ask(token), "invalid_token", status=401)
    assert world.host.sent == []


def test_a_sealed_token_of_ours_is_never_shown_to_another_server() -> None:
    own = own_world()
    sealed = own.token("badge")
    world = several()
    world.host.answers[sealed] = answer_of()
    # The other host has no grants: as if this one were revoked.
    refused(world.ask(sealed), "invalid_token", status=401)
    assert world.host.sent == []


def test_what_nobody_knows_is_refused() -> None:
    world = several(SealedAccessTokens(OWN_KEYS), JWTS)
    for token in (TOKEN, jwt(), "a.b.c"):
        refused(world.ask(token), "invalid_token", status=401)


def test_who_is_asked_about_every_token_is_the_last() -> None:
    second = IntrospectedAccessTokens(authorization_server="https://second.example")
    wrong: list[list[AccessTokens]] = [[], [TOKENS, JWTS], [TOKENS, second], [JWTS, TOKENS, SealedAccessTokens(OWN_KEYS)]]
    for readers in wrong:
        with pytest.raises(ValueError, match="last"):
            SeveralAccessTokens(readers)
    right: list[AccessTokens] = [JWTS, TOKENS]
    assert SeveralAccessTokens(right).readers == (JWTS, TOKENS)


def test_the_scopes_of_the_metadata() -> None:
    assert scoped_metadata().scopes == {"notes": ("note",), "simple": ("badge", "object")}
    assert new_issuer().metadata.scopes == {}
