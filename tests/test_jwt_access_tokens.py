"""JWT access tokens (RFC 9068): those of a server elsewhere at the Credential Endpoint, and those that our server mints."""

import hmac
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from jwcrypto.jwt import JWT  # type: ignore[import-untyped]

from oid4vci.errors import InvalidRequest, InvalidToken
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner, RemoteSigner, public_keys, thumbprint
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth.access_tokens import NewAccessToken
from oid4vci.oauth.dpop import Dpop, dpop_signing_input
from oid4vci.oauth.grants import GRANT, OFFERED, REDEEMED, REVOKED, Authorization, revoke
from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens, TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.records import Key, Record
from tests.external_server import (
    JWKS_URI,
    SCOPES,
    SERVER,
    SIGNER,
    Elsewhere,
    claims_of,
    detail,
    jwks,
    jwt,
    scoped_metadata,
)
from tests.issuance import CREDENTIAL, IDENTIFIER, NOW, Proof, b64url, counted, issuance, jws, order_of, refused

TRUSTED = TrustedAuthorizationServer(issuer=SERVER, jwks_uri=JWKS_URI)


def tokens(*servers: TrustedAuthorizationServer, **options: Any) -> TrustedJwtAccessTokens:
    return TrustedJwtAccessTokens(servers=servers or (TRUSTED,), **{"scopes": SCOPES, **options})


def elsewhere(*servers: TrustedAuthorizationServer, **fields: Any) -> Elsewhere:
    options = {name: fields.pop(name) for name in ("audiences", "max_skew") if name in fields}
    return Elsewhere.trusting(tokens(*servers, **options), **fields)


def verified(token: str, *, keys: Mapping[str, Any] | None = None, now: int = NOW, **options: Any) -> Authorization:
    read = tokens(**options).read(token, credential_issuer=IDENTIFIER)
    resolved = {reference: public_keys(keys or jwks(SIGNER)) for reference in read.key_refs}
    return read.verify({}, keys=resolved, now=now)


# --- what a token of another server allows -----------------------------------------------------------------------------------


@pytest.mark.spec("VCI-8-02")
def test_a_token_of_a_trusted_server_gets_a_credential() -> None:
    world = elsewhere()
    assert world.ask(jwt()).status == 200
    assert world.host.asked == [KeyReference(JWKS_URI, "as-1")]
    (order,) = world.orders
    assert (order.subject, order.authorization.client_id, order.note) == ("ada", "wallet", None)
    refused(world.ask(jwt(exp=NOW)), "invalid_token", status=401)


@pytest.mark.spec("VCI-5.1.2-06", "VCI-5.1.2-08", "VCI-8.2-09", "VCI-12.2.4-51")
@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("notes", {"note"}),
        ("simple", {"badge", "object"}),
        ("simple notes", {"note", "badge", "object"}),
        ("openid notes offline_access", {"note"}),
        ("Notes note badge", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_each_scope_value_stands_for_its_configurations(scope: str | None, allowed: set[str]) -> None:
    assert elsewhere().given(jwt(scope=scope)) == allowed


@pytest.mark.spec("VCI-5.1.2-11")
def test_scope_and_authorization_details_count_each_for_itself() -> None:
    assert elsewhere().given(jwt(scope="notes", authorization_details=[detail("other")])) == {"note", "other"}


def test_details_without_identifiers_allow_their_configurations() -> None:
    token = jwt(scope=None, authorization_details=[detail("badge"), detail("note", locations=[IDENTIFIER])])
    assert elsewhere().given(token) == {"badge", "note"}


def test_identifiers_of_the_details_are_what_is_asked_for() -> None:
    world = elsewhere()
    token = jwt(
        scope=None, authorization_details=[detail("badge", "b/1", "b/2", claims=[{"path": ["grade"]}]), detail("object", "o/1")]
    )
    assert world.ask_for(token, "b/2").status == 200
    assert world.ask_for(token, "o/1").status == 200
    first, second = world.orders
    assert [(each.identifier, each.configuration_id) for each in (first, second)] == [("b/2", "badge"), ("o/1", "object")]
    wanted = first.details
    assert wanted is not None
    assert [claim.path for claim in wanted.claims or ()] == [("grade",)]
    refused(world.ask_for(token, "b/3"), "unknown_credential_identifier")
    refused(world.ask(token, "badge"), "invalid_credential_request")


@pytest.mark.parametrize(
    "elsewhere_meant",
    [
        [detail("badge", locations=["https://other.example"])],
        [{"type": "payment_initiation", "credential_configuration_id": "badge", "amount": 1}],
        [{"type": "openid_credential_2", "credential_configuration_id": "badge"}],
        [],
    ],
)
def test_details_that_are_about_something_else_allow_nothing(elsewhere_meant: list[Any]) -> None:
    assert elsewhere().given(jwt(scope=None, authorization_details=elsewhere_meant)) == set()


def test_configurations_that_the_issuer_does_not_have_are_unknown() -> None:
    token = jwt(scope=None, authorization_details=[detail("gone", "g/1")])
    refused(elsewhere().ask_for(token, "g/1"), "unknown_credential_identifier")


def test_the_application_finds_its_session_by_what_the_token_says() -> None:
    world = elsewhere()
    assert world.ask(jwt(issuer_state="session-7", acr="high")).status == 200
    (order,) = world.orders
    claims = order.authorization.claims
    assert (claims["issuer_state"], claims["acr"], claims["iss"]) == ("session-7", "high", SERVER)
    assert "session-7" not in repr(order)


def test_a_token_without_client_id_is_that_of_an_anonymous_client() -> None:
    assert verified(jwt(client_id=None)).client_id is None
    world = elsewhere()
    anonymous, named = jwt(scope="notes", client_id=None), jwt(scope="notes")
    refused(world.prove(anonymous, Proof(world.nonce())), "invalid_proof")
    assert world.prove(anonymous, Proof(world.nonce(), claims={"iss": None})).status == 200
    assert world.prove(named, Proof(world.nonce())).status == 200
    refused(world.prove(named, Proof(world.nonce(), claims={"iss": "other"})), "invalid_proof")


def test_the_example_of_rfc_9068() -> None:
    """RFC 9068 3: its header and claims, which are not signed there; here with an RSA key of that `kid`."""
    key = RSAKey.generate_key(2048, {"kid": "RjEwOwOA"})
    claims = {
        "iss": "https://authorization-server.example.com/",
        "sub": "5ba552d67",
        "aud": "https://rs.example.com/",
        "exp": 1639528912,
        "iat": 1618354090,
        "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
        "client_id": "s6BhdRkqt3",
        "scope": "openid profile reademail",
    }
    header = {"typ": "at+JWT", "alg": "RS256", "kid": "RjEwOwOA"}
    token = joserfc_jwt.encode(header, claims, key)
    server = TrustedAuthorizationServer(
        issuer="https://authorization-server.example.com/",
        keys=public_keys({"keys": [key.as_dict(private=False)]}),
        algorithms=["RS256"],
    )
    accepted = TrustedJwtAccessTokens(servers=[server], scopes={"reademail": ["email"], "profile": ["name"]})
    read = accepted.read(token, credential_issuer="https://rs.example.com/")
    authorization = read.verify({}, keys={}, now=1618354100)
    assert (authorization.subject, authorization.client_id) == ("5ba552d67", "s6BhdRkqt3")
    assert authorization.configuration_ids == {"email", "name"}
    assert authorization.expires_at == 1639528912
    with pytest.raises(InvalidToken):
        read.verify({}, keys={}, now=1639528912)


# --- the header --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "at+JWT", "Application/AT+JWT"])
def test_the_type_of_an_access_token(typ: str) -> None:
    assert elsewhere().ask(jwt(header={"typ": typ})).status == 200


@pytest.mark.parametrize(
    "typ",
    [
        *(None, "JWT", "jwt", "at", "jwt+at", "at+jwt ", "text/at+jwt", "application/application/at+jwt", ""),
        *("id_token+jwt", "dpop+jwt", "openid4vci-proof+jwt", "oauth-client-attestation+jwt", "token-introspection+jwt"),
        *("dc+sd-jwt", "secevent+jwt", "logout+jwt", 1, True, ["at+jwt"], {"at+jwt": 1}),
    ],
)
def test_another_jwt_of_the_server_is_no_access_token(typ: Any) -> None:
    world = elsewhere()
    refused(world.ask(jwt(header={"typ": typ})), "invalid_token", status=401)
    assert world.host.asked == []


def test_an_id_token_is_no_access_token() -> None:
    """Even one whose audience has the issuer, as that of a Wallet with this `client_id`."""
    id_token = jwt(
        header={"typ": "JWT"}, nonce="n", aud=[IDENTIFIER, "wallet"], scope=None, authorization_details=[detail("badge")]
    )
    refused(elsewhere().ask(id_token), "invalid_token", status=401)


def hmac_with_the_public_key() -> str:
    """The algorithm confusion: a MAC whose key is the text of the server's public key."""
    header = {"typ": "at+jwt", "alg": "HS256", "kid": "as-1"}
    data = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims_of()))
    key = json.dumps(dict(SIGNER.public_jwk)).encode()
    return f"{data}.{b64url(hmac.digest(key, data.encode(), 'sha256'))}"


NO_NAMES: list[Any] = [None, 1, ["ES256"], {}]
ATTACKER = LocalSigner.generate("as-1")
OTHER = LocalSigner.generate("as-2", "ES384")


@pytest.mark.parametrize(
    "make",
    [
        *(
            lambda name=name: jwt(header={"alg": name})
            for name in ("none", "HS256", "RS256", "PS256", "ES384", "EdDSA", "", "es256")
        ),
        *(partial(jwt, header={"alg": value}) for value in NO_NAMES),
        lambda: ".".join([*jwt(header={"alg": "none"}).split(".")[:2], ""]),
        hmac_with_the_public_key,
        lambda: jwt(signer=ATTACKER),
        lambda: jwt(signer=ATTACKER, header={"jwk": dict(ATTACKER.public_jwk)}),
        lambda: jwt(signer=ATTACKER, header={"kid": None, "jwk": dict(ATTACKER.public_jwk)}),
        lambda: jwt(signer=ATTACKER, header={"jku": "https://attacker.example/jwks"}),
        lambda: jwt(signer=OTHER),
        lambda: jwt(signer=OTHER, header={"kid": "as-1"}),
        *(partial(jwt, header={"kid": kid}) for kid in ("as-2", "AS-1", "", "as-1 ", 1, ["as-1"], "k" * 1025)),
        lambda: jwt(header={"crit": ["exp"], "exp": NOW + 60}),
        lambda: jwt(header={"b64": False}),
        lambda: jwt()[:-4] + "AAAA",
    ],
)
def test_a_header_or_signature_that_is_not_the_servers(make: Callable[[], str]) -> None:
    world = elsewhere()
    refused(world.ask(make()), "invalid_token", status=401)
    assert world.orders == []
    assert world.ask(jwt()).status == 200


def test_no_key_is_looked_for_by_a_name_that_is_too_long() -> None:
    world = elsewhere()
    refused(world.ask(jwt(header={"kid": "k" * 1025})), "invalid_token", status=401)
    assert world.host.asked == []
    refused(world.ask(jwt(header={"kid": "k" * 1024})), "invalid_token", status=401)
    assert world.host.asked == [KeyReference(JWKS_URI, "k" * 1024)]


def test_only_the_algorithms_of_the_allow_list_count() -> None:
    world = elsewhere(evolve(TRUSTED, algorithms=["ES384"]))
    refused(world.ask(jwt()), "invalid_token", status=401)
    assert world.host.asked == []


def test_a_key_says_for_which_algorithm_it_is() -> None:
    ed25519 = LocalSigner.generate("ed", "EdDSA")
    world = elsewhere()
    world.host.documents[JWKS_URI] = {"keys": [{**ed25519.public_jwk, "kid": "ed", "alg": "Ed25519"}]}
    refused(world.ask(jwt(signer=ed25519)), "invalid_token", status=401)
    assert world.ask(jwt(signer=ed25519, header={"alg": "Ed25519"})).status == 200


# --- keys --------------------------------------------------------------------------------------------------------------------


def test_a_key_set_that_cannot_be_had_or_is_empty_opens_nothing() -> None:
    world = elsewhere()
    del world.host.documents[JWKS_URI]
    refused(world.ask(jwt()), "invalid_token", status=401)
    world.host.documents[JWKS_URI] = {"keys": []}
    refused(world.ask(jwt()), "invalid_token", status=401)


def test_symmetric_and_private_keys_of_a_set_are_passed_over() -> None:
    private = {**SIGNER.public_jwk, "kid": "as-1", "d": "AAAA"}
    secret = {"kty": "oct", "k": "AAAA", "kid": "as-1"}
    encryption = {**SIGNER.public_jwk, "kid": "as-1", "use": "enc"}
    world = elsewhere()
    world.host.documents[JWKS_URI] = {"keys": [private, secret, encryption]}
    refused(world.ask(jwt()), "invalid_token", status=401)
    world = elsewhere()
    world.host.documents[JWKS_URI] = {"keys": [private, secret, encryption, *jwks(SIGNER)["keys"]]}
    assert world.ask(jwt()).status == 200


def test_an_unknown_kid_has_the_keys_fetched_again() -> None:
    world = elsewhere()
    assert world.ask(jwt()).status == world.ask(jwt()).status == 200
    assert world.host.fetched == [JWKS_URI]
    refused(world.ask(jwt(signer=OTHER)), "invalid_token", status=401)
    world.host.documents[JWKS_URI] = jwks(SIGNER, OTHER)
    assert world.ask(jwt(signer=OTHER)).status == world.ask(jwt()).status == 200
    assert world.host.fetched == [JWKS_URI] * 3


def test_without_kid_there_must_be_one_key_that_fits() -> None:
    world = elsewhere()
    world.host.documents[JWKS_URI] = jwks(SIGNER, OTHER)
    assert world.ask(jwt(header={"kid": None})).status == 200
    assert world.host.asked == [KeyReference(JWKS_URI)]
    world, third = elsewhere(), LocalSigner.generate("as-3")
    world.host.documents[JWKS_URI] = jwks(SIGNER, third)
    for signer in (SIGNER, third):
        refused(world.ask(jwt(header={"kid": None}, signer=signer)), "invalid_token", status=401)
        assert world.ask(jwt(signer=signer)).status == 200


def test_two_keys_with_one_kid_are_told_apart_by_their_kind_alone() -> None:
    same = LocalSigner.generate("as-1", "ES384")
    world = elsewhere()
    world.host.documents[JWKS_URI] = jwks(SIGNER, same)
    assert world.ask(jwt()).status == world.ask(jwt(signer=same)).status == 200
    world = elsewhere()
    world.host.documents[JWKS_URI] = jwks(SIGNER, ATTACKER)
    for signer in (SIGNER, ATTACKER):
        refused(world.ask(jwt(signer=signer)), "invalid_token", status=401)


def test_keys_may_be_given_in_place_of_their_url() -> None:
    world = elsewhere(TrustedAuthorizationServer(issuer=SERVER, keys=public_keys(jwks(SIGNER))))
    assert world.ask(jwt()).status == 200
    refused(world.ask(jwt(signer=OTHER)), "invalid_token", status=401)
    assert world.host.asked == []


SECOND = TrustedAuthorizationServer(issuer="https://second.example", jwks_uri="https://second.example/jwks")


def test_each_server_signs_for_itself_alone() -> None:
    """With the keys of one server a token of another cannot be made, though both are trusted."""
    metadata = scoped_metadata(authorization_servers=(SERVER, SECOND.issuer))
    world = elsewhere(TRUSTED, SECOND, metadata=metadata)
    world.host.documents["https://second.example/jwks"] = jwks(OTHER)
    assert world.ask(jwt()).status == world.ask(jwt(signer=OTHER, iss=SECOND.issuer)).status == 200
    refused(world.ask(jwt(signer=OTHER)), "invalid_token", status=401)
    refused(world.ask(jwt(iss=SECOND.issuer)), "invalid_token", status=401)


# --- the claims --------------------------------------------------------------------------------------------------------------

ISSUERS = ["https://other.example", SERVER + "/", "http://as.example", "https://AS.example", "", 1, [SERVER], {"a": SERVER}]


@pytest.mark.parametrize("issuer", [None, *ISSUERS])
def test_a_token_of_an_unknown_server(issuer: Any) -> None:
    world = elsewhere()
    refused(world.ask(jwt(iss=issuer)), "invalid_token", status=401)
    assert world.host.asked == []


@pytest.mark.parametrize("audience", [IDENTIFIER, [IDENTIFIER], ["https://other.example", IDENTIFIER], [1, None, IDENTIFIER]])
def test_the_credential_issuer_is_among_the_audience(audience: Any) -> None:
    assert elsewhere().ask(jwt(aud=audience)).status == 200


AUDIENCES = [IDENTIFIER + "/", IDENTIFIER.upper(), SERVER, "wallet", "", [], [[IDENTIFIER]], {"a": IDENTIFIER}, 1, True]


@pytest.mark.parametrize("audience", [None, *AUDIENCES, "https://api.example"])
def test_a_token_for_another_audience(audience: Any) -> None:
    world = elsewhere()
    refused(world.ask(jwt(aud=audience)), "invalid_token", status=401)
    assert world.host.asked == []


def test_an_audience_that_stands_for_the_issuer() -> None:
    world = elsewhere(audiences=["https://api.example"])
    assert world.ask(jwt(aud="https://api.example")).status == world.ask(jwt()).status == 200
    refused(world.ask(jwt(aud="https://api2.example")), "invalid_token", status=401)
    with pytest.raises(TypeError):
        tokens(audiences="https://api.example")


NO_TIMES = ["1", True, [1], {}, -1, 10**11, 1e300]


@pytest.mark.parametrize(
    "claims",
    [
        *({"exp": value} for value in (None, NOW, NOW - 1, 0, NOW + 0.5, *NO_TIMES)),
        *({"iat": value} for value in (None, NOW + 61, NOW + 10**6, *NO_TIMES)),
        *({"nbf": value} for value in (NOW + 61, *NO_TIMES)),
        *({"sub": value} for value in (None, "", 1, ["ada"], True)),
        *({"client_id": value} for value in ("", 1, ["wallet"])),
        *({"scope": value} for value in (["simple"], 1, {"simple": 1}, True)),
    ],
)
def test_claims_that_are_missing_or_wrong(claims: dict[str, Any]) -> None:
    world = elsewhere()
    refused(world.ask(jwt(**claims)), "invalid_token", status=401)
    assert world.orders == []


@pytest.mark.parametrize("claims", [{"iat": NOW + 60}, {"nbf": NOW + 60}, {"nbf": NOW}, {"exp": NOW + 1}, {"exp": NOW + 1.5}])
def test_times_at_their_edges(claims: dict[str, Any]) -> None:
    assert elsewhere().ask(jwt(**claims)).status == 200


def test_how_far_clocks_may_differ() -> None:
    assert verified(jwt(nbf=NOW), max_skew=0).subject == "ada"
    with pytest.raises(InvalidToken):
        verified(jwt(nbf=NOW + 1), max_skew=0)


@pytest.mark.parametrize(
    "details",
    [
        *("x", 1, {}, {"type": "openid_credential"}, ["x"], [1], [[]], [{}], [{"type": 1}]),
        *([{"type": "openid_credential"}], [detail("")], [detail("badge", credential_identifiers=[])]),
        *([detail("badge", credential_identifiers=["a", "a"])], [detail("badge", locations="x")], [detail("badge", "")]),
        *([detail("badge", "a"), detail("object", "a")], [detail("badge", "a"), detail("badge", "a")]),
        [{"type": "other"}] * 101,
    ],
)
def test_details_that_are_malformed(details: Any) -> None:
    refused(elsewhere().ask(jwt(authorization_details=details)), "invalid_token", status=401)


def test_what_a_token_says_does_not_come_back() -> None:
    evil = {"hostile": "hostile", "type": "openid_credential"}
    for claims in ({"authorization_details": [evil], "sub": "hostile"}, {"iss": "hostile"}, {"cnf": {"hostile": "hostile"}}):
        response = elsewhere().ask(jwt(**claims))
        assert b"hostile" not in response.body
        assert "hostile" not in (response.headers.get("www-authenticate") or "")


# --- tokens that are bound to a key ------------------------------------------------------------------------------------------

HOLDER = LocalSigner.generate("holder")
JKT = thumbprint(HOLDER.public_jwk)


def dpop(token: str, *, signer: LocalSigner = HOLDER) -> dict[str, Any]:
    data = dpop_signing_input(
        signer, method="POST", url=CREDENTIAL, jti=b64url(token.encode())[-40:], now=NOW, access_token=token
    )
    return {"authorization": f"DPoP {token}", "dpop": f"{data.decode()}.{b64url(signer.sign(data))}"}


def test_a_bound_token_serves_with_the_proof_of_its_key_alone() -> None:
    world = elsewhere(dpop=Dpop())
    token = jwt(cnf={"jkt": JKT})
    assert verified(token).jkt == JKT
    assert world.ask(token, **dpop(token)).status == 200
    refused(world.ask(token), "invalid_token", status=401)
    refused(world.ask(token, **dpop(token, signer=ATTACKER)), "invalid_token", status=401)
    refused(elsewhere().ask(token), "invalid_token", status=401)


@pytest.mark.parametrize(
    "cnf",
    [
        *({}, [], "x", 1, {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}, {"kid": "1"}, {"jkt": JKT, "kid": "1"}),
        *({"jwk": dict(HOLDER.public_jwk)}, {"jkt": JKT, "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        *({"jkt": value} for value in (None, "", 1, [JKT], JKT[:-1], JKT + "A", JKT + "=", "+" * 43)),
        *({"jkt": b64url(bytes(size))} for size in (31, 33)),
    ],
)
def test_a_token_bound_in_another_way_is_no_bearer_token(cnf: Any) -> None:
    token = jws({"typ": "at+jwt", "alg": "ES256", "kid": "as-1"}, {**claims_of(), "cnf": cnf}, SIGNER)
    with pytest.raises(InvalidToken, match="cnf"):
        verified(token)
    world = elsewhere(dpop=Dpop())
    refused(world.ask(token), "invalid_token", status=401)
    refused(world.ask(token, **dpop(token)), "invalid_token", status=401)


# --- what is no token --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a.b", "a.b.c", "..", "e30.e30.e30", "a.b.c.d.e", jwt() + ".x", jwt() + "=", "." + jwt()),
        jwt(big="x" * 8192),
        jws({"typ": "at+jwt", "alg": "ES256", "kid": "as-1"}, b'{"iss":"a","iss":"b"}', SIGNER),
        jws({"typ": "at+jwt", "alg": "ES256", "kid": "as-1"}, b"[]", SIGNER),
        jws({"typ": "at+jwt", "alg": "ES256", "kid": "as-1"}, b"\xff", SIGNER),
        jws({"typ": "at+jwt", "alg": "ES256", "kid": "as-1"}, b"[" * 5000, SIGNER),
        jws(b'{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"as-1"}', claims_of(), SIGNER),
    ],
)
def test_what_is_no_jwt(text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens().read(text, credential_issuer=IDENTIFIER)


@given(st.text(max_size=200) | st.text("eyJ0.-_ {}", max_size=60))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens().read(text, credential_issuer=IDENTIFIER)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["typ", "alg", "kid", "jwk", "crit", "cty", "x5c"]), json_values, max_size=3),
    st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "scope", "client_id", "cnf", "authorization_details", "x"]),
        json_values,
        max_size=4,
    ),
)
def test_any_header_and_claims_give_an_authorization_or_a_refusal(header: dict[str, Any], claims: dict[str, Any]) -> None:
    token = jws({"typ": "at+jwt", "alg": "ES256", "kid": "as-1", **header}, {**claims_of(), **claims}, SIGNER)
    try:
        subject = verified(token).subject
    except InvalidToken:
        return
    assert subject == {**claims_of(), **claims}["sub"]


# --- servers that are trusted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"issuer": "http://as.example"}, "https"),
        ({"issuer": f"{SERVER}?a=b"}, "query"),
        ({"jwks_uri": None}, "jwks_uri or keys"),
        ({"keys": public_keys(jwks(SIGNER))}, "jwks_uri or keys"),
        ({"algorithms": ()}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": ["ES256", "HS256"]}, "algorithms"),
    ],
)
def test_a_server_that_cannot_be_trusted_so(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        evolve(TRUSTED, **fields)


def test_servers_are_at_least_one_and_none_twice() -> None:
    for servers in ((), (TRUSTED, TRUSTED), (TRUSTED, evolve(TRUSTED, jwks_uri="https://x.example"))):
        with pytest.raises(ValueError, match="servers"):
            TrustedJwtAccessTokens(servers=servers)


def test_a_server_is_trusted_by_its_metadata() -> None:
    metadata = AuthorizationServerMetadata(issuer=SERVER, token_endpoint=f"{SERVER}/token", jwks_uri=JWKS_URI)
    assert TrustedAuthorizationServer.of(metadata) == TRUSTED
    with pytest.raises(ValueError, match="jwks_uri"):
        TrustedAuthorizationServer.of(evolve(metadata, jwks_uri=None))


def test_a_scope_value_leads_to_several_strings() -> None:
    with pytest.raises(TypeError):
        TrustedJwtAccessTokens(servers=[TRUSTED], scopes={"simple": "badge"})


# --- RSA, which other servers sign with --------------------------------------------------------------------------------------

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
RSA_NAMES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


@pytest.mark.parametrize("name", RSA_NAMES)
def test_rsa_keys_of_a_server(name: str) -> None:
    """RFC 9068 2.1: who conforms supports RS256."""
    header = {"typ": "at+jwt", "alg": name, "kid": "rsa"}
    text = joserfc_jws.serialize_compact(header, json.dumps(claims_of()), RSA, algorithms=[name])
    world = elsewhere()
    world.host.documents[JWKS_URI] = {"keys": [RSA.as_dict(private=False)]}
    assert world.ask(text).status == 200
    for other in set(RSA_NAMES) - {name}:
        world = elsewhere()
        world.host.documents[JWKS_URI] = {"keys": [{**RSA.as_dict(private=False), "alg": other}]}
        refused(world.ask(text), "invalid_token", status=401)
    data, signature = text.rsplit(".", 1)
    for forged in (signature[:-4] + "AAAA", "AAAA", "", signature + signature):
        refused(world.ask(f"{data}.{forged}"), "invalid_token", status=401)


def test_an_rsa_key_verifies_rsa_alone() -> None:
    world = elsewhere()
    published = {name: value for name, value in RSA.as_dict(private=False).items() if name != "alg"}
    world.host.documents[JWKS_URI] = {"keys": [{**published, "kid": "as-1"}]}
    for name in ("ES256", "EdDSA", "HS256", "none"):
        refused(world.ask(jwt(header={"alg": name})), "invalid_token", status=401)


def test_rsa_keys_that_are_not_usable() -> None:
    small = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505
    good = RSA.as_dict(private=False)
    number = b64url(small.n.to_bytes(128, "big"))
    raw = public_keys({"keys": [good]})[0].key.public_numbers()  # type: ignore[union-attr]
    for change in (
        *(
            {"n": number},
            {"n": ""},
            {"n": None},
            {"n": 1},
            {"n": "*"},
            {"e": "Ag"},
            {"e": "BA"},
            {"e": "AQ"},
            {"e": ""},
            {"e": "AAEAAQ"},
        ),
        *(
            {"e": b64url(b"\x01" + bytes(4) + b"\x01")},
            {"d": "AAAA"},
            {"p": "AAAA"},
            {"use": "enc"},
            {"n": b64url(b"\xff" * 1025)},
        ),
        {"n": b64url(b"\0" + raw.n.to_bytes(256, "big"))},  # type: ignore[union-attr]
        {"n": b64url((raw.n - 1).to_bytes(256, "big"))},  # type: ignore[union-attr]
    ):
        assert public_keys({"keys": [{**good, **change}]}) == (), change


# --- JWTs that our server mints ----------------------------------------------------------------------------------------------

MINT = JwtAccessTokens(SIGNER, issuer=SERVER)
DATA: Mapping[str, Any] = {
    "subject": "ada",
    "client_id": "wallet",
    "configuration_ids": ["note", "badge", "object"],
    "details": [],
    "scopes": {},
    "note": "not for the token",
    "state": REDEEMED,
}
KEY = Key.of(GRANT, "code")


def new_token(*, data: Mapping[str, Any] | None = None, **fields: Any) -> NewAccessToken:
    grant = Record(KEY, {**DATA, **(data or {})}, NOW + 300)
    settings = {"credential_issuer": IDENTIFIER, "configuration_ids": grant.data["configuration_ids"], "expires_at": NOW + 300}
    return NewAccessToken(grant=grant, now=NOW, **{**settings, **fields})


def minted(tokens: JwtAccessTokens = MINT, **fields: Any) -> str:
    return tokens.draft(new_token(**fields), new_secret=counted()).finish()


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, as joserfc verifies them."""
    found = joserfc_jwt.decode(token, ECKey.import_key({**SIGNER.public_jwk}), algorithms=["ES256"])
    return found.header, found.claims


def test_what_a_minted_token_says() -> None:
    header, claims = opened(minted(scope="profile", jkt=JKT, expires_at=NOW + 3600))
    assert header == {"typ": "at+jwt", "alg": "ES256", "kid": "as-1"}
    assert claims == {
        "iss": SERVER,
        "sub": "ada",
        "aud": IDENTIFIER,
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": b64url((1).to_bytes(16, "big")),
        "client_id": "wallet",
        "scope": "profile",
        "authorization_details": [detail("note"), detail("badge"), detail("object")],
        "cnf": {"jkt": JKT},
        "grant": KEY.digest,
    }


def test_each_minted_token_has_an_id_of_its_own() -> None:
    new_secret = counted()
    ids = {opened(MINT.draft(new_token(), new_secret=new_secret).finish())[1]["jti"] for _ in range(3)}
    assert len(ids) == 3


def test_an_anonymous_client_is_not_named_in_a_token() -> None:
    assert "client_id" not in opened(minted(data={"client_id": None}))[1]


def test_granted_details_go_into_the_token_with_their_identifiers() -> None:
    details = [detail("note", "n/1", claims=[{"path": ["a"]}]), detail("badge", "b/1", "b/2"), detail("object", "o/1")]
    _, claims = opened(minted(data={"details": details}, configuration_ids=["badge", "note"]))
    assert claims["authorization_details"] == [details[1], details[0]]
    authorization = verified(minted(data={"details": details}, configuration_ids=["badge", "note"]))
    assert authorization.identifiers == {"b/1": "badge", "b/2": "badge", "n/1": "note"}
    assert [each.to_json() for each in authorization.details] == [details[1], details[0]]


@pytest.mark.parametrize(
    ("chosen", "scope"),
    [
        (["note"], None),
        (["badge"], None),
        (["badge", "object"], "simple"),
        (["note", "badge"], "notes simple"),
        (["object"], "simple"),
    ],
)
def test_a_minted_token_allows_what_it_is_for_and_no_more(chosen: list[str], scope: str | None) -> None:
    """A scope value that stands for more than was granted is not in the token: the issuer would read it as all of that."""
    token = minted(configuration_ids=chosen, scope=scope, data={"scopes": SCOPES})
    assert elsewhere().given(token) == set(chosen)
    named = set(opened(token)[1].get("scope", "").split())
    assert named == {each for each in (scope or "").split() if set(SCOPES[each]) <= set(chosen)}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512", "EdDSA"])
def test_what_we_mint_verifies_elsewhere(name: str) -> None:
    signer = LocalSigner.generate("k", name)
    token = minted(JwtAccessTokens(signer, issuer=SERVER))
    kind: Any = OKPKey if name == "EdDSA" else ECKey
    joserfc_key = kind.import_key(dict(signer.public_jwk))
    claims = json.loads(joserfc_jws.deserialize_compact(token, joserfc_key, algorithms=[name]).payload)
    assert claims["sub"] == "ada"
    jwcrypto_token = JWT(
        jwt=token, key=JWK(**signer.public_jwk), algs=[name], check_claims={"exp": None, "iss": SERVER}, expected_type="JWS"
    )
    assert json.loads(jwcrypto_token.claims) == claims


@pytest.mark.parametrize("name", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS256"])
def test_what_others_mint_verifies_with_us(name: str) -> None:
    kinds = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
    key: JWK
    if name in kinds:
        key = JWK.generate(kty="OKP" if name == "EdDSA" else "EC", crv=kinds[name], kid="theirs")
    else:
        key = JWK.generate(kty="RSA", size=2048, kid="theirs")
    token = JWT(header={"typ": "at+jwt", "alg": name, "kid": "theirs"}, claims=claims_of())
    token.make_signed_token(key)
    published = {"keys": [json.loads(key.export_public())]}
    assert verified(token.serialize(), keys=published).configuration_ids == {"badge", "object"}


def test_a_key_elsewhere_signs_a_token() -> None:
    tokens = JwtAccessTokens(RemoteSigner("as-1", "ES256", SIGNER.public_jwk), issuer=SERVER)
    draft = tokens.draft(new_token(), new_secret=counted())
    (wanted,) = draft.to_sign
    assert (wanted.key_id, wanted.algorithm) == ("as-1", "ES256")
    token = draft.finish([SIGNER.sign(wanted.data)])
    assert verified(token).subject == "ada"
    with pytest.raises(ValueError, match="1 signatures"):
        draft.finish()
    with pytest.raises(ValueError, match="64 bytes"):
        draft.finish([b"short"])
    assert MINT.draft(new_token(), new_secret=counted()).to_sign == ()


def test_nothing_of_the_application_is_in_a_token() -> None:
    draft = MINT.draft(new_token(), new_secret=counted())
    assert "not for the token" not in json.dumps(opened(draft.finish())[1])
    assert draft.finish()[:40] not in repr(draft)


def test_a_token_that_no_header_takes_is_not_made() -> None:
    data = {"details": [detail("note", "n" * 4000, "m" * 4000)]}
    with pytest.raises(InvalidRequest):
        MINT.draft(new_token(data=data), new_secret=counted())
    assert MINT.draft(new_token(data=data, configuration_ids=["badge"]), new_secret=counted()).finish()


@pytest.mark.parametrize("name", ["ES256", "ES512"])
def test_every_token_that_is_made_can_be_read(name: str) -> None:
    signer = LocalSigner.generate("k", name)
    tokens = JwtAccessTokens(signer, issuer=SERVER)
    longest = ""
    for size in range(5000, 6200):
        try:
            longest = minted(tokens, data={"subject": "s" * size})
        except InvalidRequest:
            break
    assert 8000 < len(longest) <= 8192
    assert verified(longest, keys=jwks(signer)).subject == "s" * (size - 1)


# --- where the issuer has the grants, a revoked one ends the token -----------------------------------------------------------

SHARED = TrustedAuthorizationServer(issuer=SERVER, keys=public_keys(jwks(SIGNER)), grants=True)


def with_grant(token: str, **data: Any) -> Authorization:
    read = tokens(SHARED).read(token, credential_issuer=IDENTIFIER)
    assert (read.lookups, read.key_refs) == ((KEY,), ())
    return read.verify({KEY: Record(KEY, {**DATA, **data}, NOW)}, keys={}, now=NOW)


def test_the_grant_comes_along_where_it_can_be_loaded() -> None:
    authorization = with_grant(minted(configuration_ids=["badge"], jkt=JKT))
    assert (authorization.subject, authorization.note, authorization.jkt) == ("ada", "not for the token", JKT)
    assert authorization.configuration_ids == {"badge"}
    assert (authorization.expires_at, authorization.claims["jti"]) == (NOW + 300, b64url((1).to_bytes(16, "big")))
    assert authorization.grant is not None


@pytest.mark.parametrize("state", [OFFERED, REVOKED, "x", None])
def test_a_grant_that_was_revoked_ends_its_tokens(state: str | None) -> None:
    with pytest.raises(InvalidToken, match="revoked"):
        with_grant(minted(), state=state)


def test_a_grant_that_is_gone_ends_its_tokens() -> None:
    with pytest.raises(InvalidToken, match="revoked"):
        tokens(SHARED).read(minted(), credential_issuer=IDENTIFIER).verify({}, keys={}, now=NOW)


def test_a_token_allows_no_more_than_its_grant() -> None:
    assert with_grant(minted(), configuration_ids=["badge", "else"]).configuration_ids == {"badge"}


@pytest.mark.parametrize("named", [None, "", "x", 1, [KEY.digest], KEY.digest.upper(), KEY.digest + "0"])
def test_a_token_that_names_no_grant_is_refused_where_grants_are_loaded(named: Any) -> None:
    read = tokens(SHARED).read(jwt(grant=named), credential_issuer=IDENTIFIER)
    assert read.lookups == ()
    with pytest.raises(InvalidToken):
        read.verify({KEY: Record(KEY, DATA, NOW)}, keys={}, now=NOW)


def test_elsewhere_a_token_lives_until_it_expires() -> None:
    assert verified(minted()).subject == "ada"
    with pytest.raises(InvalidToken):
        verified(minted(), now=NOW + 300)


@pytest.mark.spec("VCI-8-02")
def test_our_server_mints_jwts_for_our_issuer() -> None:
    own = JwtAccessTokens(SIGNER, issuer=IDENTIFIER)
    trusted = TrustedAuthorizationServer(issuer=IDENTIFIER, keys=public_keys(jwks(SIGNER)), grants=True)
    world = issuance(server={"access_tokens": own}, access_tokens=tokens(trusted, scopes={}))
    granted = world.grant("note", "badge", note={"ticket": 4})
    token = world.redeem(granted).json()["access_token"]
    assert world.credential(token, {"credential_configuration_id": "badge"}).status == 200
    assert world.credential(token, order_of(Proof(world.nonce()))).status == 200
    refused(world.credential(token, {"credential_configuration_id": "object"}), "insufficient_scope", status=403)
    last = world.host.orders[-1]
    assert isinstance(last, CredentialOrder)
    assert last.authorization.note == {"ticket": 4}
    (grant,) = world.host.load([granted.key]).values()
    assert world.host.commit([revoke(grant)])
    refused(world.credential(token, {"credential_configuration_id": "badge"}), "invalid_token", status=401)


def test_our_server_mints_jwts_with_a_key_elsewhere() -> None:
    world = issuance()
    own = JwtAccessTokens(world.host.remote_signer, issuer=IDENTIFIER)
    trusted = TrustedAuthorizationServer(issuer=IDENTIFIER, keys=public_keys(jwks(world.host.signer)))
    world = issuance(server={"access_tokens": own}, access_tokens=tokens(trusted, scopes={}), host=world.host)
    assert world.credential(world.token("badge"), {"credential_configuration_id": "badge"}).status == 200
