"""The method `private_key_jwt` (RFC 7521 4.2, RFC 7523 2.2, 3): each test breaks one rule in an otherwise good request."""

import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jwt as jwcrypto_jwt

from oid4vci import _jose
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.errors import InvalidClient, Refusal
from oid4vci.http import Request
from oid4vci.keys import KeyReference, LocalSigner, public_key
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.client_assertion import ASSERTION_TYPE, PrivateKeyJwt, client_assertion_signing_input
from oid4vci.records import Insert
from tests.clients import CLIENT, CLIENT_KEY, ISSUER, NOW, OTHER_KEY, TOKEN, WRONG_ALGORITHMS, Asserted, Server, jws, post

JWK = dict(CLIENT_KEY.public_jwk, kid="client")


def registration(*jwks: Any, **members: Any) -> ClientMetadata:
    return ClientMetadata(token_endpoint_auth_method="private_key_jwt", jwks={"keys": list(jwks or (JWK,))}, **members)


def server(metadata: ClientMetadata | None = None, **settings: Any) -> Server:
    return Server({"private_key_jwt": PrivateKeyJwt(**settings)}, {CLIENT: metadata or registration()})


def asserted(text: str, **form: str) -> Request:
    return post(client_assertion_type=ASSERTION_TYPE, client_assertion=text, **form)


# --- good requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [{}, {"client_id": CLIENT}])
def test_a_client_is_authenticated(form: dict[str, str]) -> None:
    client = server().spend(Asserted().request(**form))
    assert (client.client_id, client.method, client.instance) == (CLIENT, "private_key_jwt", None)
    assert (client.claims, client.headers) == ({}, {})
    (insert,) = client.changes
    assert isinstance(insert, Insert)
    assert insert.record.expires_at >= NOW + 60


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519"])
def test_every_algorithm_of_the_library(algorithm: str) -> None:
    key = LocalSigner.generate("client", algorithm)
    server(registration(dict(key.public_jwk))).spend(Asserted(signer=key).request())


def test_an_assertion_that_joserfc_made() -> None:
    key = joserfc_jwk.ECKey.generate_key("P-384")
    token = joserfc_jwt.encode(
        {"alg": "ES384", "typ": "JWT"},
        {"iss": CLIENT, "sub": CLIENT, "aud": [ISSUER], "jti": "j", "exp": NOW + 300, "nbf": NOW},
        key,
        algorithms=["ES384"],
    )
    server(registration(key.as_dict(private=False))).spend(asserted(token))


def test_an_assertion_that_jwcrypto_made() -> None:
    key = jwcrypto_jwk.JWK.generate(kty="OKP", crv="Ed25519", kid="1")
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j", "exp": NOW + 1}
    token = jwcrypto_jwt.JWT(header={"alg": "EdDSA", "kid": "1"}, claims=claims)
    token.make_signed_token(key)
    server(registration(key.export_public(as_dict=True))).spend(asserted(token.serialize()))


def test_what_the_library_makes_itself() -> None:
    data = client_assertion_signing_input(CLIENT_KEY, client_id=CLIENT, audience=ISSUER, jti="j", now=NOW)
    head, payload = data.split(b".")
    assert json.loads(b64url_decode(head)) == {"alg": "ES256", "kid": "client"}
    assert json.loads(b64url_decode(payload)) == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": ISSUER,
        "jti": "j",
        "iat": NOW,
        "exp": NOW + 60,
    }
    known = server(registration(JWK, dict(OTHER_KEY.public_jwk, kid="other")))
    known.spend(asserted(_jose.compact(data, CLIENT_KEY.sign(data))))
    with pytest.raises(ValueError, match="lifetime must be positive"):
        client_assertion_signing_input(CLIENT_KEY, client_id=CLIENT, audience=ISSUER, jti="j", now=NOW, lifetime=0)


def test_unknown_members_are_ignored() -> None:
    changes = Asserted(header={"jwk": dict(OTHER_KEY.public_jwk), "x5c": 1, "cty": []}, claims={"scope": 1, "x": {}})
    server().spend(changes.request(client_secret=""))


# --- the form -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        f"{ASSERTION_TYPE} ",
        ASSERTION_TYPE.upper(),
        "jwt-bearer",
    ],
)
def test_the_type_is_exactly_that_of_jwts(kind: str | None) -> None:
    server().refuse(Asserted().request(client_assertion_type=kind), "client_assertion_type must be")


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (None, "not a JWT"),
        ("", "not a JWT"),
        ("x", "not a JWT"),
        (f"{Asserted()},{Asserted()}", "not a JWT"),
        (f"{Asserted()} {Asserted()}", "not a JWT"),
        (f"{Asserted()}.", "not a JWT"),
        (str(Asserted()).rpartition(".")[0], "not a JWT"),
        ("\N{SNOWMAN}", "not a JWT"),
        (f" {Asserted()}", "base64url"),
        (f"{Asserted()}=", "base64url"),
        ("e30.e30.", "header: alg must be a string"),
        (str(Asserted()).rpartition(".")[0] + ".", "the signature does not verify"),
    ],
)
def test_there_is_one_assertion(text: str | None, because: str) -> None:
    server().refuse(Asserted().request(client_assertion=text), because)


def test_two_assertions_are_no_form() -> None:
    """They are refused before any method sees them, as any repeated parameter is."""
    pairs = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", str(Asserted())), ("client_assertion", "x")]
    request = evolve(post(), body=urlencode(pairs).encode())
    with pytest.raises(Malformed, match="repeated"):
        server().authenticate(request)


def test_large_assertions_are_refused() -> None:
    server().refuse(Asserted(claims={"x": "x" * 20_000}).request(), "too large")


# --- header -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/jwt", "client-authentication+jwt", None])
def test_types_of_client_assertions(typ: Any) -> None:
    server().spend(Asserted(header={"typ": typ}).request())


@pytest.mark.parametrize(
    "typ",
    [
        "dpop+jwt",
        "at+jwt",
        "application/at+jwt",
        "oauth-client-attestation+jwt",
        "oauth-client-attestation-pop+jwt",
        "openid4vci-proof+jwt",
        "key-attestation+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "dc+sd-jwt",
        "kb+jwt",
        "",
        1,
        ["JWT"],
    ],
)
def test_no_jwt_of_another_kind_is_an_assertion(typ: Any) -> None:
    server().refuse(Asserted(header={"typ": typ}).request(), "header: typ is that of another kind of JWT")


@pytest.mark.parametrize(("alg", "because"), WRONG_ALGORITHMS)
def test_the_algorithm_is_accepted_and_fits_the_key(alg: Any, because: str) -> None:
    server().refuse(Asserted(header={"alg": alg}).request(), because.lstrip(".: "))


def test_no_unsigned_and_no_symmetric_assertion() -> None:
    """Not with an empty signature, nor with the public key, or nothing, as the secret."""
    for alg in ("none", "HS256"):
        data = str(Asserted(header={"alg": alg})).rpartition(".")[0]
        secrets = (b"", json.dumps(JWK).encode(), b64url_decode(JWK["x"]))
        for signature in (b"", *(hmac.digest(secret, data.encode(), "sha256") for secret in secrets)):
            forged = asserted(f"{data}.{b64url_encode(signature)}")
            server().refuse(forged, "header: alg is not an accepted algorithm")


def test_only_algorithms_of_the_server_serve() -> None:
    known = server(registration(JWK, dict(LocalSigner.generate("2", "EdDSA").public_jwk)), algorithms=("EdDSA", "ES384"))
    known.refuse(Asserted().request(), "header: alg is not an accepted algorithm")


def test_only_the_algorithm_of_the_registration_serves() -> None:
    key = LocalSigner.generate("2", "Ed25519")
    metadata = registration(JWK, dict(key.public_jwk), extra={"token_endpoint_auth_signing_alg": "Ed25519"})
    server(metadata).refuse(Asserted().request(), "header: alg is not the one that the client is registered with")
    server(metadata).refuse(
        Asserted(signer=LocalSigner("2", "EdDSA", key._private_key)).request(), "header: alg is not the one"
    )
    server(metadata).spend(Asserted(signer=key).request())


def test_critical_header_parameters_are_not_understood() -> None:
    for crit in (["exp"], [], ["b64"]):
        server().refuse(Asserted(header={"crit": crit}).request(), "header: crit")


# --- the client's keys --------------------------------------------------------------------------------------------------------


def test_another_key_than_the_client_s_is_refused() -> None:
    server().refuse(Asserted(signer=OTHER_KEY).request(), "the signature does not verify")
    other = "https://another.example"
    both = evolve(server(), registrations={CLIENT: registration(), other: registration(dict(OTHER_KEY.public_jwk))})
    both.refuse(Asserted(signer=OTHER_KEY).request(), "the signature does not verify")
    both.refuse(Asserted(claims={"iss": other, "sub": other}).request(), "the signature does not verify")
    both.spend(Asserted(signer=OTHER_KEY, claims={"iss": other, "sub": other}).request())


def test_kid_selects_among_the_client_s_keys() -> None:
    known = server(registration(dict(OTHER_KEY.public_jwk, kid="1"), dict(CLIENT_KEY.public_jwk, kid="2")))
    known.spend(Asserted(header={"kid": "2"}).request())
    known.spend(Asserted(claims={"jti": "2"}).request())
    known.refuse(Asserted(header={"kid": "1"}).request(), "the signature does not verify")
    known.refuse(Asserted(header={"kid": "3"}).request(), "is signed with a key that is not known")
    known.refuse(Asserted(header={"kid": 2}).request(), "header: kid must be a string")
    known.refuse(Asserted(header={"alg": "ES384"}).request(), "is signed with a key that is not known")


def test_signatures_are_not_tried_without_end() -> None:
    others = [dict(LocalSigner.generate("x").public_jwk) for _ in range(8)]
    server(registration(*others, JWK)).refuse(Asserted().request(), "header: kid must tell the keys apart")
    server(registration(*others[:7], JWK)).spend(Asserted().request())


def test_keys_of_the_registration_that_do_not_serve() -> None:
    for jwk in (
        {**JWK, "use": "enc"},
        {**JWK, "alg": "ES384"},
        {**JWK, "crv": "P-384"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "unknown"},
    ):
        server(registration(jwk)).refuse(Asserted().request(), "is signed with a key that is not known")
        server(registration(jwk, JWK)).spend(Asserted().request())


def test_a_client_without_keys_is_refused() -> None:
    metadata = ClientMetadata(token_endpoint_auth_method="private_key_jwt")
    server(metadata).refuse(Asserted().request(), "the client is registered without keys")


def test_the_keys_are_resolved_where_the_client_publishes_them() -> None:
    url = KeyReference("https://wallet.example/jwks")
    metadata = ClientMetadata(token_endpoint_auth_method="private_key_jwt", jwks_uri=url.url)
    known = server(metadata)
    read = known.read(Asserted().request())
    assert [each.url for each in read.key_refs] == [url.url]
    with pytest.raises(InvalidClient, match="is signed with a key that is not known"):
        read.verify({}, keys={}, now=NOW)
    evolve(known, keys={url: ()}).refuse(Asserted().request(), "is signed with a key that is not known")
    evolve(known, keys={url: (public_key(OTHER_KEY.public_jwk),)}).refuse(Asserted().request(), "the signature does not verify")
    evolve(known, keys={url: (public_key(JWK),)}).spend(Asserted().request())
    assert server().read(Asserted().request()).key_refs == ()


def test_nothing_is_resolved_for_a_request_that_is_refused_anyway() -> None:
    """Else anybody could make the server fetch a client's keys."""
    metadata = ClientMetadata(token_endpoint_auth_method="private_key_jwt", jwks_uri="https://wallet.example/jwks")
    for broken in (
        Asserted(header={"alg": "none"}),
        Asserted(header={"typ": "dpop+jwt"}),
        Asserted(claims={"aud": "https://another.example"}),
        Asserted(claims={"iss": None}),
        Asserted(claims={"exp": None}),
        Asserted(claims={"jti": None}),
    ):
        with pytest.raises(InvalidClient):
            server(metadata).read(broken.request())


# --- claims -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sub", [None, "", 1, [CLIENT], "x" * 2049])
def test_the_subject_is_a_client(sub: Any) -> None:
    server().refuse(Asserted(claims={"sub": sub, "iss": sub}).request(), "sub: must be a string of 1 to 2048 characters")


@pytest.mark.parametrize("iss", [None, "", 1, [CLIENT], f"{CLIENT}/", "https://another.example"])
def test_the_issuer_is_the_client_itself(iss: Any) -> None:
    server().refuse(Asserted(claims={"iss": iss}).request(), "iss: must be the same as sub")


def test_an_unknown_client_is_refused() -> None:
    other = "https://another.example"
    server().refuse(Asserted(claims={"iss": other, "sub": other}).request(), "the client is not known")


@pytest.mark.parametrize(
    "aud",
    [
        None,
        "",
        f"{ISSUER}/",
        ISSUER.upper(),
        TOKEN,
        "https://another.example",
        1,
        [],
        [[ISSUER]],
        [ISSUER, "https://another.example"],
        [ISSUER, TOKEN],
        {ISSUER: 1},
    ],
)
def test_the_assertion_is_for_this_server_alone(aud: Any) -> None:
    server().refuse(Asserted(claims={"aud": aud}).request(), "aud: must be the identifier")


def test_urls_of_endpoints_are_accepted_by_a_policy() -> None:
    older = server(endpoint_audiences=(TOKEN, f"{ISSUER}/par"))
    for number, aud in enumerate((ISSUER, TOKEN, f"{ISSUER}/par", [TOKEN])):
        older.spend(Asserted(claims={"aud": aud, "jti": str(number)}).request())
    older.refuse(Asserted(claims={"aud": f"{ISSUER}/authorize"}).request(), "aud: must be the identifier")
    older.refuse(Asserted(claims={"aud": [ISSUER, TOKEN]}).request(), "aud: must be the identifier")


BAD_NUMBERS = ["1", True, {}, [NOW + 60]]


@pytest.mark.parametrize("exp", [None, *BAD_NUMBERS])
def test_the_assertion_says_when_it_ends(exp: Any) -> None:
    server().refuse(Asserted(claims={"exp": exp}).request(), "exp: must be a number")


@pytest.mark.parametrize("exp", [NOW, NOW - 1, 0, -1e300])
def test_an_expired_assertion_is_refused(exp: float) -> None:
    server().refuse(Asserted(claims={"exp": exp}).request(), "exp: is over")


@pytest.mark.parametrize("exp", [NOW + 361, NOW + 86_400, 1e300, 10**400])
def test_an_assertion_does_not_last(exp: float) -> None:
    server().refuse(Asserted(claims={"exp": exp}).request(), "exp: is too far in the future")
    server().spend(Asserted(claims={"exp": NOW + 360}).request())
    server(max_lifetime=3600).spend(Asserted(claims={"exp": NOW + 3660}).request())


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_an_assertion_from_the_future_is_refused(name: str) -> None:
    known = server()
    for ahead in (NOW + 61, 1e300):
        known.refuse(Asserted(claims={name: ahead}).request(), f"{name}: is in the future")
    for broken in BAD_NUMBERS:
        known.refuse(Asserted(claims={name: broken}).request(), f"{name}: must be a number")
    for number, right in enumerate((None, NOW + 60, NOW, 0)):
        known.spend(Asserted(claims={name: right, "jti": str(number)}).request())


@pytest.mark.parametrize("jti", [None, "", 1, ["1"], "x" * 513])
def test_the_assertion_has_an_identifier_of_bounded_length(jti: Any) -> None:
    server().refuse(Asserted(claims={"jti": jti}).request(), "jti: must be a string of 1 to 512 characters")


def test_identifiers_of_the_greatest_length() -> None:
    name = f"https://wallet.example/{'x' * 2025}"
    assert len(name) == 2048
    known = evolve(server(), registrations={name: registration()})
    known.spend(Asserted(claims={"jti": "x" * 512, "sub": name, "iss": name}).request(client_id=name))


def test_an_assertion_serves_once() -> None:
    known, good = server(), Asserted().request()
    first, again = known.authenticate(good), known.authenticate(good)
    assert known.store.commit(first.changes)
    assert not known.store.commit(again.changes)
    known.refuse(good, "was used before")
    known.refuse(Asserted(claims={"exp": NOW + 61}).request(), "was used before")
    known.spend(Asserted(claims={"jti": "2"}).request())


def test_nobody_spends_the_identifier_of_another() -> None:
    other = "https://another.example"
    both = evolve(server(), registrations={CLIENT: registration(), other: registration(dict(OTHER_KEY.public_jwk))})
    both.spend(Asserted(signer=OTHER_KEY, claims={"iss": other, "sub": other}).request())
    both.spend(Asserted().request())


def test_a_spent_assertion_is_remembered_until_it_is_over() -> None:
    """A store that deletes what has expired does not let it in again."""
    for exp in (NOW + 1, NOW + 60.5, NOW + 360):
        known, good = server(), Asserted(claims={"exp": exp, "iat": None}).request()
        known.spend(good)
        for now in range(NOW, NOW + 800, 10):
            known.store.purge(now=now)
            try:
                known.authenticate(good, now=now)
            except InvalidClient:
                continue
            pytest.fail("the assertion served twice")


def test_an_identifier_is_optional_by_a_policy() -> None:
    lenient = server(require_jti=False)
    without = Asserted(claims={"jti": None}).request()
    assert lenient.read(without).lookups == ()
    assert lenient.spend(without).changes == ()
    lenient.spend(Asserted().request())
    lenient.refuse(Asserted().request(), "was used before")
    lenient.refuse(Asserted(claims={"jti": 1}).request(), "jti: must be a string")


# --- settings -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({"algorithms": ()}, "algorithms must be"),
        ({"algorithms": ("none",)}, "algorithms must be"),
        ({"algorithms": ("HS256", "ES256")}, "algorithms must be"),
        ({"max_lifetime": 0}, "must be positive"),
        ({"max_skew": -1}, "must not be negative"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        PrivateKeyJwt(**settings)


def test_settings_at_their_bounds() -> None:
    strict = server(max_lifetime=1, max_skew=0)
    strict.refuse(Asserted(claims={"exp": NOW + 2}).request(), "exp: is too far in the future")
    strict.refuse(Asserted(claims={"exp": NOW + 1, "iat": NOW + 1}).request(), "iat: is in the future")
    data = client_assertion_signing_input(CLIENT_KEY, client_id=CLIENT, audience=ISSUER, jti="j", now=NOW, lifetime=1)
    strict.spend(asserted(_jose.compact(data, CLIENT_KEY.sign(data))))


def test_one_text_is_not_several() -> None:
    for settings in ({"algorithms": "ES256"}, {"endpoint_audiences": TOKEN}):
        changes: dict[str, Any] = settings
        with pytest.raises(TypeError, match="several strings"):
            PrivateKeyJwt(**changes)


def test_nothing_secret_in_repr() -> None:
    known, text = server(), str(Asserted())
    for value in (known.read(asserted(text)), known.authenticate(asserted(text)), asserted(text)):
        for part in (text, *text.split("."), '"jti"'):
            assert part not in repr(value)


# --- published vectors --------------------------------------------------------------------------------------------------------


def published(folder: Path) -> dict[str, dict[str, Any]]:
    text = (folder / "rfc9126-par/vectors.json").read_text(encoding="utf-8")
    return {message["id"]: message for message in json.loads(text)["http"]}


def test_the_pushed_request_of_rfc_9126_with_es256(vectors: Path) -> None:
    """It has no `jti`, and the key is unpublished: the claims signed by us are accepted."""
    form = dict(published(vectors)["rfc9126-2"]["form"])
    head, payload, _ = form["client_assertion"].split(".")
    claims = json.loads(b64url_decode(payload))
    now = claims["exp"] - 60
    known = evolve(
        server(require_jti=False),
        registrations={form["client_id"]: registration(dict(CLIENT_KEY.public_jwk, kid="42"))},
        issuer=claims["aud"],
    )
    evolve(known, methods={"private_key_jwt": PrivateKeyJwt()}).refuse(post(**form), "jti: must be a string", now=now)
    known.refuse(post(**form), "the signature does not verify", now=now)
    known.refuse(post(**form), "exp: is over", now=claims["exp"])
    ours = jws(json.loads(b64url_decode(head)), claims, CLIENT_KEY)
    assert known.spend(post(**{**form, "client_assertion": ours}), now=now).client_id == form["client_id"]


def test_the_pushed_request_of_rfc_9126_with_rs256_is_refused(vectors: Path) -> None:
    """RSA with the padding of PKCS #1 v1.5 is for whoever names it."""
    form = dict(published(vectors)["rfc9126-5"]["form"])
    claims = json.loads(b64url_decode(form["client_assertion"].split(".")[1]))
    text = (vectors / "rfc9126-par/vectors.json").read_text(encoding="utf-8")
    private = json.loads(text)["client_private_jwk"]
    key = {name: private[name] for name in ("kty", "kid", "n", "e")}
    known = evolve(server(require_jti=False), registrations={form["client_id"]: registration(key)}, issuer=claims["aud"])
    known.refuse(post(**form), "header: alg is not an accepted algorithm", now=claims["exp"] - 60)


# --- nothing but refusals -----------------------------------------------------------------------------------------------------

GOOD = str(Asserted())


def authenticated(text: str) -> bool:
    try:
        client = server().authenticate(asserted(text))
    except InvalidClient:
        return False
    return client.client_id == CLIENT


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_an_assertion_with_any_one_character_changed_is_refused(position: int, character: str) -> None:
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    assert authenticated(changed) is (changed == GOOD)


@given(st.data())
def test_an_assertion_with_any_one_byte_changed_is_refused(data: st.DataObject) -> None:
    parts = [bytearray(b64url_decode(part)) for part in GOOD.split(".")]
    changed = data.draw(st.sampled_from(parts))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert not authenticated(".".join(b64url_encode(bytes(part)) for part in parts))


TEXT = st.text(max_size=20)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["typ", "alg", "kid", "crit", "iss", "sub", "exp", "nbf", "iat", "aud", "jti"]) | TEXT,
    JSON_VALUES | st.sampled_from(["ES256", "EdDSA", "JWT", CLIENT, ISSUER, NOW]),
    max_size=5,
)


@given(MEMBERS, MEMBERS)
def test_any_header_and_claims_are_accepted_or_refused(header: dict[str, Any], claims: dict[str, Any]) -> None:
    try:
        client = server().authenticate(Asserted(header=header, claims=claims).request())
    except Refusal as error:
        refusal = error
    else:
        assert client.client_id == CLIENT
        return
    assert type(refusal) is InvalidClient
    assert refusal.reply.changes == ()


@given(st.text(max_size=60) | st.text("eyJ.-_=", max_size=60))
def test_any_text_is_refused(text: str) -> None:
    assert not authenticated(text)


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_any_three_parts_are_refused(parts: list[bytes]) -> None:
    assert not authenticated(".".join(map(b64url_encode, parts)))
