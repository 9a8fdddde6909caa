"""The method `attest_jwt_client_auth` (draft-ietf-oauth-attestation-based-client-auth-07, OID4VCI E, HAIP 4.4.1).

Each test breaks one rule in an otherwise good request: `refuse` sees the right error, and that nothing would be, or was, stored.
"""

import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jwt as jwcrypto_jwt

from oid4vci import _jose
from oid4vci._json import b64url_decode, b64url_encode
from oid4vci.errors import InvalidClient, InvalidRequest, Refusal, UseAttestationChallenge, UseFreshAttestation
from oid4vci.http import Request
from oid4vci.keys import KeyReference, LocalSigner, RemoteSigner, public_key, thumbprint
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation, client_attestation_pop_signing_input
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.records import Insert
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.x509 import Anchors
from tests.clients import (
    ATTESTED,
    ATTESTER,
    ATTESTER_KEY,
    CLIENT,
    INSTANCE_KEY,
    ISSUER,
    NOW,
    OTHER_KEY,
    UNFIT,
    WRONG_ALGORITHMS,
    Attested,
    Server,
    jws,
    known_attester,
    post,
)
from tests.test_x509 import LEAF_KEY, ROOT, ROOT_KEY, SUB, SUB_KEY, authority, certificate, signer

PEM_LEAF = LocalSigner("leaf", "ES256", LEAF_KEY)
LEAF = signer("sub", SUB_KEY)


def server(method: ClientAttestation | None = None, **settings: Any) -> Server:
    return Server({"attest_jwt_client_auth": method or known_attester(**settings)}, {CLIENT: ATTESTED})


def by_anchors(*anchors: bytes, **settings: Any) -> Server:
    return server(ClientAttestation(anchors=Anchors.from_der(*(anchors or (ROOT,))), **settings))


def chain(*certificates: bytes) -> list[str]:
    return [b64encode(der).decode() for der in certificates]


def certified(*certificates: bytes, **changes: Any) -> Attested:
    header = {"x5c": chain(*(certificates or (LEAF, SUB))), **changes.pop("header", {})}
    return Attested(attester=PEM_LEAF, header=header, **changes)


# --- good requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-7-01", "HAIP-4-10", "VCI-14.7-01")
@pytest.mark.parametrize("form", [{}, {"client_id": CLIENT}])
def test_an_attested_client_is_authenticated(form: dict[str, str]) -> None:
    """With ES256, and the names of headers and claims that draft -07 has."""
    good = Attested()
    client = server().spend(good.request(**form))
    assert (client.client_id, client.method) == (CLIENT, "attest_jwt_client_auth")
    assert client.instance == thumbprint(INSTANCE_KEY.public_jwk)
    assert client.claims == json.loads(b64url_decode(good.attestation.split(".")[1]))
    assert client.headers == {}
    (insert,) = client.changes
    assert isinstance(insert, Insert)
    assert insert.record.expires_at >= NOW + 300


def test_header_names_in_any_case() -> None:
    good = Attested()
    server().spend(post({"OAUTH-CLIENT-ATTESTATION": good.attestation, "oauth-client-attestation-pop": f" {good.pop}\t"}))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519"])
def test_every_algorithm_of_the_library(algorithm: str) -> None:
    attester, instance = (LocalSigner.generate(name, algorithm) for name in ("attester", "instance"))
    known = server(attesters={ATTESTER: (public_key(attester.public_jwk),)})
    client = known.spend(Attested(attester=attester, instance=instance).request())
    assert client.instance == thumbprint(instance.public_jwk)


def test_a_pair_that_joserfc_made() -> None:
    attester, instance = (joserfc_jwk.ECKey.generate_key("P-256") for _ in range(2))
    attestation = joserfc_jwt.encode(
        {"typ": "oauth-client-attestation+jwt", "alg": "ES256", "kid": "11"},
        {"iss": ATTESTER, "sub": CLIENT, "exp": NOW + 60, "nbf": NOW, "cnf": {"jwk": instance.as_dict(private=False)}},
        attester,
    )
    pop = joserfc_jwt.encode(
        {"typ": "oauth-client-attestation-pop+jwt", "alg": "ES256"},
        {"iss": CLIENT, "aud": ISSUER, "jti": "j", "iat": NOW},
        instance,
    )
    known = server(attesters={ATTESTER: (public_key(attester.as_dict(private=False, kid="11")),)})
    client = known.spend(post({"OAuth-Client-Attestation": attestation, "OAuth-Client-Attestation-PoP": pop}))
    assert client.instance == instance.thumbprint()


def test_a_pair_that_jwcrypto_made() -> None:
    attester, instance = (jwcrypto_jwk.JWK.generate(kty="OKP", crv="Ed25519") for _ in range(2))
    texts = []
    for typ, key, claims in (
        (
            "oauth-client-attestation+jwt",
            attester,
            {"iss": ATTESTER, "sub": CLIENT, "exp": NOW + 60, "cnf": {"jwk": instance.export_public(as_dict=True)}},
        ),
        ("oauth-client-attestation-pop+jwt", instance, {"iss": CLIENT, "aud": [ISSUER], "jti": "j", "iat": NOW}),
    ):
        token = jwcrypto_jwt.JWT(header={"alg": "EdDSA", "typ": typ}, claims=claims)
        token.make_signed_token(key)
        texts.append(token.serialize())
    known = server(attesters={ATTESTER: (public_key(attester.export_public(as_dict=True)),)})
    client = known.spend(post({"OAuth-Client-Attestation": texts[0], "OAuth-Client-Attestation-PoP": texts[1]}))
    assert client.instance == instance.thumbprint()


def test_what_the_library_makes_itself() -> None:
    data = client_attestation_signing_input(
        ATTESTER_KEY, issuer=ATTESTER, client_id=CLIENT, jwk=INSTANCE_KEY.public_jwk, now=NOW, lifetime=60
    )
    attestation = _jose.compact(data, ATTESTER_KEY.sign(data))
    challenges = Challenges(SealingKeys([bytes(32)]))
    challenge = challenges.new(ISSUER, now=NOW, new_secret=new_secret)
    data = client_attestation_pop_signing_input(
        INSTANCE_KEY, client_id=CLIENT, audience=ISSUER, jti="j", now=NOW, challenge=challenge
    )
    pop = _jose.compact(data, INSTANCE_KEY.sign(data))
    request = post({"OAuth-Client-Attestation": attestation, "OAuth-Client-Attestation-PoP": pop})
    key = public_key({**ATTESTER_KEY.public_jwk, "kid": "attester"})
    server(attesters={ATTESTER: (key,)}, challenges=challenges).spend(request)


@pytest.mark.spec("VCI-E-04", "VCI-E-05", "VCI-E-06")
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"wallet_name": "Wallet Solution X"},
        {"wallet_link": "https://example.com/wallet"},
        {"status": {"status_list": {"idx": 412, "uri": "https://attester.example/list"}}},
        {"wallet_name": "W", "wallet_link": "https://example.com", "status": {}, "x": [None], "aud": 3, "jti": {}},
    ],
)
def test_the_application_gets_what_the_attestation_says(claims: dict[str, Any]) -> None:
    """Claims that nobody knows are ignored, and handed on with the others."""
    client = server().spend(Attested(claims=claims).request())
    assert {name: value for name, value in client.claims.items() if name in claims} == claims
    assert ("status" in client.claims) is ("status" in claims)


def test_unknown_members_are_ignored() -> None:
    confirmation = {
        "jwk": {**INSTANCE_KEY.public_jwk, "use": "sig", "alg": "ES256", "kid": "1", "x": INSTANCE_KEY.public_jwk["x"]}
    }
    server().spend(
        Attested(
            header={"jku": "https://evil.example", "jwk": dict(OTHER_KEY.public_jwk), "cty": 1, "x5u": []},
            claims={"cnf": {**confirmation, "kid": "another"}},
            pop_header={"jwk": dict(OTHER_KEY.public_jwk), "kid": 7},
            pop_claims={"sub": "x", "nonce": 1, "challenge": 5},
        ).request()
    )


# --- the two headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-E-07")
def test_there_is_exactly_one_of_each_header() -> None:
    good, known = Attested(), server()
    first, second = good.headers.items()
    another = Attested(claims={"jti": "2"})
    for headers, because in (
        ([first], "OAuth-Client-Attestation-PoP header is missing"),
        ([second], "OAuth-Client-Attestation header is missing"),
        ([first, first, second], "OAuth-Client-Attestation header is repeated"),
        ([first, second, second], "OAuth-Client-Attestation-PoP header is repeated"),
        ([first, ("oauth-client-attestation", another.attestation), second], "OAuth-Client-Attestation header is repeated"),
        ([first, second, ("OAUTH-CLIENT-ATTESTATION-POP", "")], "OAuth-Client-Attestation-PoP header is repeated"),
    ):
        known.refuse(post(headers), because)
    known.spend(good.request())


@pytest.mark.parametrize(
    "join",
    [
        lambda jwt: "",
        lambda jwt: "x",
        lambda jwt: f"{jwt}, {jwt}",
        lambda jwt: f"{jwt}~{jwt}",
        lambda jwt: f"{jwt}.",
        lambda jwt: f"{jwt}=",
        lambda jwt: f'"{jwt}"',
        lambda jwt: f"Bearer {jwt}",
        lambda jwt: jwt.rpartition(".")[0],
        lambda jwt: jwt.rpartition(".")[0] + ".",
        lambda jwt: jwt + "\N{SNOWMAN}",
        lambda jwt: json.dumps(dict(zip(("protected", "payload", "signature"), jwt.split("."), strict=True))),
        lambda jwt: "e30." * 4,
    ],
)
def test_each_header_holds_one_jwt(join: Any) -> None:
    good, known = Attested(), server()
    for name, value in good.headers.items():
        known.refuse(post({**good.headers, name: join(value)}), "attestation" if name[-1] == "n" else "pop")
    known.spend(good.request())


@pytest.mark.parametrize("name", ["claims", "pop_claims"])
def test_large_tokens_are_refused(name: str) -> None:
    changes: dict[str, Any] = {name: {"x": "x" * 40_000}}
    server().refuse(Attested(**changes).request(), "too large")


# --- the attestation ----------------------------------------------------------------------------------------------------------

BAD_TYPES = [None, "", "JWT", "oauth-client-attestation-pop+jwt", "application/oauth-client-attestation+jwt", 1, ["JWT"]]
BAD_NUMBERS = ["1", True, {}, [NOW + 60], "1e9"]


@pytest.mark.spec("VCI-E-02")
@pytest.mark.parametrize("typ", BAD_TYPES)
def test_the_attestation_is_typed(typ: Any) -> None:
    server().refuse(Attested(header={"typ": typ}).request(), "attestation.header: typ must be")


@pytest.mark.parametrize(("alg", "because"), WRONG_ALGORITHMS)
def test_the_algorithm_of_the_attestation_is_accepted_and_fits_the_key(alg: Any, because: str) -> None:
    server().refuse(Attested(header={"alg": alg}).request(), f"attestation{because}")


@pytest.mark.parametrize("member", ["header", "pop_header"])
def test_no_unsigned_and_no_symmetric_jwt(member: str) -> None:
    """Not with an empty signature, nor with the public key as the secret."""
    name = "OAuth-Client-Attestation" if member == "header" else "OAuth-Client-Attestation-PoP"
    secrets = [
        encoding
        for key in (ATTESTER_KEY, INSTANCE_KEY)
        for encoding in (json.dumps(dict(key.public_jwk)).encode(), b64url_decode(key.public_jwk["x"]), b"")
    ]
    for alg in ("none", "HS256"):
        changes: dict[str, Any] = {member: {"alg": alg}}
        good = Attested(**changes)
        data = good.headers[name].rpartition(".")[0]
        signatures = [b"", *(hmac.digest(secret, data.encode(), "sha256") for secret in secrets)]
        for signature in signatures:
            forged = {**good.headers, name: f"{data}.{b64url_encode(signature)}"}
            server().refuse(post(forged), "header: alg is not an accepted algorithm")


def test_critical_header_parameters_are_not_understood() -> None:
    for name in ("header", "pop_header"):
        for crit in (["exp"], [], ["b64"]):
            changes: dict[str, Any] = {name: {"crit": crit}}
            server().refuse(Attested(**changes).request(), "crit")


@pytest.mark.spec("VCI-E-02")
@pytest.mark.parametrize("iss", [None, "", 1, ["https://attester.example"], "x" * 2049])
def test_the_attestation_has_an_issuer(iss: Any) -> None:
    server().refuse(Attested(claims={"iss": iss}).request(), "attestation.iss: must be a string")


@pytest.mark.spec("VCI-E-02")
@pytest.mark.parametrize("sub", [None, "", 1, [CLIENT], "x" * 2049])
def test_the_attestation_names_the_client(sub: Any) -> None:
    server().refuse(Attested(claims={"sub": sub}).request(), "attestation.sub: must be a string")


@pytest.mark.spec("VCI-E-02")
@pytest.mark.parametrize("exp", [None, *BAD_NUMBERS])
def test_the_attestation_says_when_it_ends(exp: Any) -> None:
    server().refuse(Attested(claims={"exp": exp}).request(), "attestation.exp: must be a number")


@pytest.mark.spec("VCI-E-02")
@pytest.mark.parametrize("exp", [NOW, NOW - 1, NOW + 0.0, 0, -1, -1e300])
def test_an_expired_attestation_is_refused(exp: float) -> None:
    server().refuse(Attested(claims={"exp": exp}).request(), "attestation.exp: is over")


def test_an_attestation_serves_until_it_expires() -> None:
    known = server()
    known.spend(Attested(claims={"exp": NOW + 1}).request())
    known.spend(Attested(claims={"exp": NOW + 0.5}).with_pop(jti="2").request())
    known.spend(Attested(claims={"exp": 10**400}).with_pop(jti="3").request())
    good = Attested(claims={"exp": NOW + 100}).with_pop(jti="4", iat=NOW + 100)
    known.refuse(good.request(), "attestation.exp: is over", now=NOW + 100)
    known.spend(good.request(), now=NOW + 99)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_an_attestation_from_the_future_is_refused(name: str) -> None:
    known = server()
    known.refuse(Attested(claims={name: NOW + 61}).request(), f"attestation.{name}: is in the future")
    known.refuse(Attested(claims={name: 1e300}).request(), f"attestation.{name}: is in the future")
    for value in BAD_NUMBERS:
        known.refuse(Attested(claims={name: value}).request(), f"attestation.{name}: must be a number")
    for number, value in enumerate((None, NOW + 60, NOW, 0, -5.5)):
        known.spend(Attested(claims={name: value}).with_pop(jti=str(number)).request())


@pytest.mark.spec("VCI-E-02")
@pytest.mark.parametrize(
    ("cnf", "because"),
    [
        (None, "attestation.cnf: must be an object"),
        ("x", "attestation.cnf: must be an object"),
        ([dict(INSTANCE_KEY.public_jwk)], "attestation.cnf: must be an object"),
        ({}, "attestation.cnf.jwk"),
        ({"jwk": "x"}, "attestation.cnf.jwk"),
        ({"jwk": {}}, "attestation.cnf.jwk"),
        ({"kid": "instance"}, "attestation.cnf.jwk"),
        ({"jkt": thumbprint(INSTANCE_KEY.public_jwk)}, "attestation.cnf.jwk"),
        (dict(INSTANCE_KEY.public_jwk), "attestation.cnf.jwk"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "d": "AQ"}}, "attestation.cnf.jwk: must be a public key"),
        ({"jwk": {"kty": "oct", "k": "AQ"}}, "attestation.cnf.jwk: must be a public key"),
        ({"jwk": {"kty": "oct"}}, "attestation.cnf.jwk: has a key type"),
        ({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}, "attestation.cnf.jwk: is not a usable RSA key"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "crv": "P-384"}}, "attestation.cnf.jwk"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "x": INSTANCE_KEY.public_jwk["y"]}}, "attestation.cnf.jwk: is not a point"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "use": "enc"}}, "attestation.cnf.jwk.use"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "key_ops": ["sign"]}}, "attestation.cnf.jwk.key_ops"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "alg": "ES384"}}, "pop.header: alg does not fit the key"),
        ({"jwk": dict(OTHER_KEY.public_jwk)}, "pop: the signature does not verify"),
    ],
)
def test_the_attestation_confirms_a_public_key(cnf: Any, because: str) -> None:
    server().refuse(Attested(claims={"cnf": cnf}).request(), because)


@pytest.mark.parametrize(
    ("name", "value"), [("wallet_name", 1), ("wallet_link", {}), ("wallet_name", ""), ("status", "revoked"), ("status", [])]
)
def test_known_claims_have_their_types(name: str, value: Any) -> None:
    server().refuse(Attested(claims={name: value}).request(), f"attestation.{name}: must be")


# --- who attests: known keys --------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-E-01")
@pytest.mark.parametrize("iss", ["https://attester.example/", "https://ATTESTER.example", "https://another.example", "x"])
def test_an_unknown_attester_is_refused(iss: str) -> None:
    """Issuers are compared as strings (RFC 3986 6.2.1); an unknown one is refused with whatever key it signs."""
    server().refuse(Attested(claims={"iss": iss}).request(), "attestation: is not by an attester that is trusted")


@pytest.mark.spec("VCI-E-01")
def test_another_key_than_the_attester_s_is_refused() -> None:
    server().refuse(Attested(attester=OTHER_KEY).request(), "attestation: the signature does not verify")
    server().refuse(Attested(attester=INSTANCE_KEY).request(), "attestation: the signature does not verify")
    both = server(
        attesters={
            ATTESTER: (public_key(ATTESTER_KEY.public_jwk),),
            "https://another.example": (public_key(OTHER_KEY.public_jwk),),
        }
    )
    both.refuse(Attested(attester=OTHER_KEY).request(), "attestation: the signature does not verify")
    both.spend(Attested(attester=OTHER_KEY, claims={"iss": "https://another.example"}).request())


def named(key: LocalSigner, kid: str | None, **members: Any) -> Any:
    return public_key({**key.public_jwk, **({} if kid is None else {"kid": kid}), **members})


def test_kid_selects_among_the_attester_s_keys() -> None:
    known = server(attesters={ATTESTER: (named(OTHER_KEY, "1"), named(ATTESTER_KEY, "2"))})
    known.spend(Attested(header={"kid": "2"}).request())
    known.spend(Attested().with_pop(jti="2").request())
    known.refuse(Attested(header={"kid": "1"}).request(), "attestation: the signature does not verify")
    known.refuse(Attested(header={"kid": "3"}).request(), "attestation: is signed with a key that is not known")
    known.refuse(Attested(header={"kid": 2}).request(), "attestation.header: kid must be a string")
    known.refuse(Attested(header={"alg": "ES384"}).request(), "attestation: is signed with a key that is not known")


def test_keys_without_kid_are_tried() -> None:
    server(attesters={ATTESTER: (named(OTHER_KEY, None), named(ATTESTER_KEY, None))}).spend(
        Attested(header={"kid": "x"}).request()
    )
    server(attesters={ATTESTER: (named(ATTESTER_KEY, None, alg="ES384"),)}).refuse(
        Attested().request(), "is signed with a key that is not known"
    )
    server(attesters={ATTESTER: ()}).refuse(Attested().request(), "is signed with a key that is not known")


def test_trust_does_not_change_with_what_it_was_made_of() -> None:
    keys = [named(ATTESTER_KEY, None)]
    attesters = {ATTESTER: keys}
    known = server(attesters=attesters)
    keys[:] = [named(OTHER_KEY, None)]
    attesters["https://another.example"] = keys
    known.spend(Attested().request())
    known.refuse(Attested(claims={"iss": "https://another.example"}).request(), "is not by an attester that is trusted")


def test_signatures_are_not_tried_without_end() -> None:
    others = [named(LocalSigner.generate("x"), "x") for _ in range(8)]
    many = server(attesters={ATTESTER: (named(ATTESTER_KEY, "1"), *others)})
    many.refuse(Attested().request(), "attestation.header: kid must tell the keys apart")
    many.spend(Attested(header={"kid": "1"}).request())


def test_the_attester_s_keys_may_be_resolved() -> None:
    url = KeyReference("https://attester.example/jwks")
    known = server(attesters={ATTESTER: url})
    assert known.read(Attested().request()).key_refs == (url,)
    # With the `kid`, so that whoever keeps the keys notices when they are old.
    assert known.read(Attested(header={"kid": "2"}).request()).key_refs == (evolve(url, kid="2"),)
    assert known.read(Attested(claims={"iss": "https://another.example"}).request()).key_refs == ()
    evolve(known, keys={url: (named(OTHER_KEY, "1"), named(ATTESTER_KEY, "2"))}).spend(Attested(header={"kid": "2"}).request())
    with pytest.raises(InvalidClient, match="is signed with a key that is not known"):
        known.read(Attested().request()).verify({}, keys={}, now=NOW)
    evolve(known, keys={url: ()}).refuse(Attested().request(), "is signed with a key that is not known")


# --- who attests: certificates ------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-E-01", "HAIP-4.4.1-05")
@pytest.mark.parametrize("require_x5c", [True, False])
def test_a_chain_leads_to_an_anchor(require_x5c: bool) -> None:
    known = by_anchors(require_x5c=require_x5c)
    assert known.spend(certified().request()).client_id == CLIENT
    known.spend(certified(claims={"iss": "whatever"}).with_pop(jti="2").request())
    by_anchors(SUB, require_x5c=require_x5c).spend(certified(LEAF).request())


@pytest.mark.spec("HAIP-4.4.1-05")
def test_an_attestation_without_x5c_is_refused() -> None:
    by_anchors(require_x5c=True).refuse(Attested().request(), "attestation.header: x5c is missing")
    by_anchors(require_x5c=True).refuse(Attested(header={"kid": "attester"}).request(), "attestation.header: x5c is missing")
    by_anchors().refuse(Attested().request(), "attestation: is not by an attester that is trusted")


@pytest.mark.spec("HAIP-4.4.1-06")
@pytest.mark.parametrize(
    "certificates",
    [
        (LEAF, SUB, ROOT),
        (LEAF, ROOT, SUB),
        (signer("root", ROOT_KEY), ROOT),
        (ROOT,),
        (LEAF, SUB, authority("else", LEAF_KEY, "else", LEAF_KEY)),
    ],
)
def test_the_anchor_is_not_in_x5c(certificates: tuple[bytes, ...]) -> None:
    """Nor is any other self-signed certificate."""
    by_anchors().refuse(certified(*certificates).request(), "attestation.header.x5c: must hold neither the trust anchor")


def test_a_trusted_intermediate_is_an_anchor_too() -> None:
    by_anchors(SUB).refuse(certified(LEAF, SUB).request(), "must hold neither the trust anchor")


@pytest.mark.spec("VCI-E-01")
def test_certificates_that_prove_nothing() -> None:
    """The name of a certificate is anybody's choice, and so is that of an `iss`."""
    root_key, sub_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    sub = authority("sub", sub_key, "root", root_key)
    names = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ATTESTER)]), False)
    self_signed = certificate("signer", LEAF_KEY, "signer", LEAF_KEY, names)
    known = by_anchors()
    for good, because in (
        (certified(signer("sub", sub_key, names), sub), "does not lead to a trust anchor"),
        (certified(signer("sub", sub_key, names), SUB), "does not lead to a trust anchor"),
        (certified(signer("root", root_key, names)), "does not lead to a trust anchor"),
        (certified(LEAF), "does not lead to a trust anchor"),
        (certified(SUB, LEAF), "not for signatures"),
        (certified(self_signed), "must hold neither the trust anchor"),
        (certified(LEAF, SUB, header={"x5c": []}), "must be an array"),
        (certified(LEAF, SUB, header={"x5c": chain(LEAF)[0]}), "must be an array"),
        (certified(LEAF, SUB, header={"x5c": ["AA==", 1]}), "must hold strings"),
        (certified(LEAF, SUB, header={"x5c": ["AA=="]}), "not an X.509 certificate"),
        (certified(LEAF, SUB, header={"x5c": chain(LEAF, SUB) * 5}), "too many certificates"),
        (certified(LEAF, SUB, header={"x5c": [b64url_encode(LEAF)]}), "attestation"),
    ):
        known.refuse(good.request(), because)
    known.refuse(Attested(header={"x5c": chain(LEAF, SUB)}).request(), "attestation: the signature does not verify")
    leaf = certificate("signer", LEAF_KEY, "sub", SUB_KEY, end=NOW - 1)
    known.refuse(certified(leaf, SUB).request(), "not valid now")
    known.refuse(
        evolve(certified(), attester=LocalSigner("leaf", "ES256K", ec.generate_private_key(ec.SECP256K1()))).request(), "alg"
    )


def test_certificates_are_of_no_use_where_there_are_no_anchors() -> None:
    server().refuse(certified(claims={"iss": "x"}).request(), "attestation: is not by an attester that is trusted")
    server().refuse(certified().request(), "attestation: the signature does not verify")
    server().spend(Attested(header={"x5c": chain(LEAF, SUB)}).request())


def test_the_keys_of_a_known_attester_serve_alone() -> None:
    """Nobody else signs for it, with whatever certificate."""
    both = server(anchors=Anchors.from_der(ROOT))
    both.refuse(certified().request(), "attestation: the signature does not verify")
    both.spend(certified(claims={"iss": "https://another.example"}).request())
    both.spend(Attested().with_pop(jti="2").request())


def test_the_certificate_may_have_to_be_for_a_purpose() -> None:
    purpose = "1.3.6.1.4.1.0"
    known = by_anchors(purpose=purpose)
    known.refuse(certified().request(), "not for this purpose")
    other = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    known.refuse(certified(signer("sub", SUB_KEY, other), SUB).request(), "not for this purpose")
    right = (x509.ExtendedKeyUsage([ObjectIdentifier(purpose)]), False)
    known.spend(certified(signer("sub", SUB_KEY, right), SUB).request())


def test_the_certificate_may_have_to_name_the_issuer() -> None:
    known = by_anchors(certified_iss=True)
    named_leaf = signer("sub", SUB_KEY, (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ATTESTER)]), False))
    known.spend(certified(named_leaf, SUB).request())
    known.refuse(certified().request(), "attestation.iss: is not a name in the certificate")
    known.refuse(certified(named_leaf, SUB, claims={"iss": "https://b.example"}).request(), "attestation.iss: is not a name")
    by_anchors(certified_iss=True, require_iss=False).refuse(
        certified(named_leaf, SUB, claims={"iss": None}).request(), "attestation.iss: is not a name"
    )
    # Nor is no name one.
    unnamed_leaf = signer("sub", SUB_KEY, (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("")]), False))
    by_anchors(certified_iss=True, require_iss=False).refuse(
        certified(unnamed_leaf, SUB, claims={"iss": None}).request(), "attestation.iss: is not a name"
    )


# --- the proof of possession --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typ", [*BAD_TYPES[:3], "oauth-client-attestation+jwt", "dpop+jwt", 1, ["JWT"]])
def test_the_proof_is_typed(typ: Any) -> None:
    server().refuse(Attested(pop_header={"typ": typ}).request(), "pop.header: typ must be")


@pytest.mark.parametrize(("alg", "because"), WRONG_ALGORITHMS)
def test_the_algorithm_of_the_proof_is_accepted_and_fits_the_key(alg: Any, because: str) -> None:
    if because == UNFIT:
        because = ".header: alg does not fit the key"
    server().refuse(Attested(pop_header={"alg": alg}).request(), f"pop{because}")


def test_the_two_jwts_have_algorithms_of_their_own() -> None:
    only = server(pop_algorithms=("EdDSA",))
    only.refuse(Attested().request(), "pop.header: alg is not an accepted algorithm")
    only.spend(Attested(instance=LocalSigner.generate("instance", "EdDSA")).request())
    other = server(algorithms=("EdDSA", "ES384"))
    other.refuse(Attested().request(), "attestation.header: alg is not an accepted algorithm")


@pytest.mark.spec("VCI-E-07")
@pytest.mark.parametrize("key", [OTHER_KEY, ATTESTER_KEY])
def test_the_attested_key_signs_the_proof(key: LocalSigner) -> None:
    server().refuse(Attested(pop_signer=key).request(), "pop: the signature does not verify")


@pytest.mark.parametrize("iss", [None, "", ATTESTER, f"{CLIENT}/", 1, [CLIENT]])
def test_the_issuer_of_the_proof_is_the_client(iss: Any) -> None:
    server().refuse(Attested(pop_claims={"iss": iss}).request(), "pop.iss: must be the sub of the attestation")


@pytest.mark.spec("VCI-E-07")
@pytest.mark.parametrize(
    "aud",
    [
        None,
        "",
        f"{ISSUER}/",
        ISSUER.upper(),
        f"{ISSUER}/token",
        "https://another.example",
        1,
        [],
        [[ISSUER]],
        ["https://another.example"],
        [ISSUER, "https://another.example"],
        [ISSUER, ISSUER],
        {ISSUER: 1},
    ],
)
def test_the_proof_is_for_this_server_alone(aud: Any) -> None:
    server().refuse(Attested(pop_claims={"aud": aud}).request(), "pop.aud: must be the identifier")


@pytest.mark.parametrize("jti", [None, "", 1, ["1"], "x" * 513])
def test_the_proof_has_an_identifier_of_bounded_length(jti: Any) -> None:
    server().refuse(Attested(pop_claims={"jti": jti}).request(), "pop.jti: must be a string of 1 to 512 characters")


def test_a_proof_serves_once() -> None:
    known, good = server(), Attested()
    first = known.authenticate(good.request())
    again = known.authenticate(good.request())
    assert known.store.commit(first.changes)
    assert not known.store.commit(again.changes)
    known.refuse(good.request(), "pop: was used before")
    known.refuse(good.with_pop(iat=NOW - 1).request(), "pop: was used before")
    known.spend(good.with_pop(jti="2").request())
    other = evolve(good, instance=OTHER_KEY)
    known.spend(other.request())
    known.refuse(other.request(), "pop: was used before")


def test_a_spent_proof_is_remembered_until_it_is_too_old() -> None:
    """A store that deletes what has expired does not let it in again."""
    for iat in (NOW - 300, NOW, NOW + 60, NOW + 59.9):
        known = server()
        good = Attested(pop_claims={"iat": iat}).request()
        known.spend(good)
        for now in range(NOW - 60, NOW + 700, 20):
            known.store.purge(now=now)
            try:
                known.authenticate(good, now=now)
            except InvalidClient:
                continue
            pytest.fail("the proof served twice")


@pytest.mark.parametrize("iat", [None, *BAD_NUMBERS])
def test_the_proof_says_when_it_was_made(iat: Any) -> None:
    server().refuse(Attested(pop_claims={"iat": iat}).request(), "pop.iat: must be a number")


def test_the_proof_is_made_now() -> None:
    known = server()
    for age in (301, 3600, NOW, 1e300):
        known.refuse(Attested(pop_claims={"iat": NOW - age}).request(), "pop.iat: is too long ago")
    for ahead in (61, 3600, 1e300):
        known.refuse(Attested(pop_claims={"iat": NOW + ahead}).request(), "pop.iat: is in the future")
    for number, age in enumerate((300, 10, 0, -10, -60)):
        known.spend(Attested(pop_claims={"iat": NOW - age, "jti": str(number)}).request())
    strict = server(max_age=10, max_skew=0)
    strict.refuse(Attested(pop_claims={"iat": NOW - 11}).request(), "pop.iat: is too long ago")
    strict.refuse(Attested(pop_claims={"iat": NOW + 1}).request(), "pop.iat: is in the future")
    strict.spend(Attested(pop_claims={"iat": NOW - 10}).request())


def test_other_times_of_the_proof_hold_too() -> None:
    """`exp` is of older drafts; a JWT that has one is over with it (RFC 7519 4.1.4)."""
    known = server()
    known.refuse(Attested(pop_claims={"exp": NOW}).request(), "pop.exp: is over")
    known.refuse(Attested(pop_claims={"nbf": NOW + 61}).request(), "pop.nbf: is in the future")
    for name in ("exp", "nbf"):
        for value in BAD_NUMBERS:
            known.refuse(Attested(pop_claims={name: value}).request(), f"pop.{name}: must be a number")
    known.spend(Attested(pop_claims={"exp": NOW + 1, "nbf": NOW}).request())


# --- challenges ---------------------------------------------------------------------------------------------------------------

KEYS, OTHERS_KEYS = SealingKeys([bytes(32)]), SealingKeys([b"\1" * 32])
CHALLENGES = Challenges(KEYS)


def challenge(*, issuer: str = ISSUER, now: int = NOW, keys: SealingKeys = KEYS) -> str:
    return Challenges(keys).new(issuer, now=now, new_secret=new_secret)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "x",
        1,
        [challenge()],
        challenge(now=NOW - 300),
        challenge(keys=OTHERS_KEYS),
        challenge(issuer="https://another.example"),
        challenge() + "A",
        challenge()[:-1],
        KEYS.seal("c_nonce", {"exp": NOW + 300}, new_secret=new_secret),
        KEYS.seal("dpop_nonce", {"exp": NOW + 300}, new_secret=new_secret),
        "x" * 5000,
        "\N{SNOWMAN}",
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_challenge_is_missing_expired_or_foreign(value: Any) -> None:
    """The answer brings one that serves, and the proof was not spent."""
    known = server(challenges=CHALLENGES)
    refusal = known.refuse(Attested(pop_claims={"challenge": value}).request(), "challenge", UseAttestationChallenge)
    response = refusal.reply.response
    assert json.loads(response.body)["error"] == "use_attestation_challenge"
    fresh = response.headers.get("oauth-client-attestation-challenge")
    assert fresh not in (None, value)
    assert response.headers.get("cache-control") == "no-store"
    assert known.spend(Attested(pop_claims={"challenge": fresh}).request()).headers == {}


def test_a_challenge_serves_several_requests_until_it_expires() -> None:
    known, value = server(challenges=CHALLENGES), challenge()
    for second in (0, 1, 149):
        good = Attested(pop_claims={"challenge": value, "jti": str(second), "iat": NOW + second})
        assert known.spend(good.request(), now=NOW + second).headers == {}
    for second in (150, 299):
        good = Attested(pop_claims={"challenge": value, "jti": str(second), "iat": NOW + second})
        ((name, renewed),) = known.spend(good.request(), now=NOW + second).headers.items()
        assert name == "oauth-client-attestation-challenge"
        assert CHALLENGES.check(renewed, ISSUER, now=NOW + second + 149, new_secret=new_secret) == {}
    good = Attested(pop_claims={"challenge": value, "jti": "300", "iat": NOW + 300})
    known.refuse(good.request(), "challenge", UseAttestationChallenge, now=NOW + 300)


def test_a_challenge_does_not_make_a_proof_serve_twice() -> None:
    known, good = server(challenges=CHALLENGES), Attested(pop_claims={"challenge": challenge()})
    known.spend(good.request())
    known.refuse(good.request(), "pop: was used before")


def test_what_else_is_wrong_counts_before_the_challenge() -> None:
    """Whoever has no attested key learns nothing and gets nothing."""
    known = server(challenges=CHALLENGES)
    known.refuse(Attested(pop_signer=OTHER_KEY).request(), "pop: the signature does not verify")
    known.refuse(Attested(attester=OTHER_KEY).request(), "attestation: the signature does not verify")
    known.refuse(Attested(pop_claims={"iat": NOW - 301}).request(), "pop.iat")


def test_keys_of_challenges_rotate() -> None:
    rotated = server(challenges=Challenges(SealingKeys([b"\2" * 32, bytes(32)])))
    rotated.spend(Attested(pop_claims={"challenge": challenge()}).request())
    server(challenges=Challenges(SealingKeys([b"\2" * 32]))).refuse(
        Attested(pop_claims={"challenge": challenge()}).request(), "challenge", UseAttestationChallenge
    )


def test_challenges_differ() -> None:
    assert len({challenge() for _ in range(50)}) == 50


# --- fresh attestations -------------------------------------------------------------------------------------------------------


def test_an_old_attestation_must_be_renewed() -> None:
    known = server(max_attestation_age=600)
    for iat in (NOW - 601, 0, None):
        refusal = known.refuse(Attested(claims={"iat": iat}).request(), "too old", UseFreshAttestation)
        assert json.loads(refusal.reply.response.body)["error"] == "use_fresh_attestation"
    known.spend(Attested(claims={"iat": NOW - 600}).request())
    server().spend(Attested(claims={"iat": 0}).request())


def test_only_a_trusted_attestation_is_asked_to_be_renewed() -> None:
    known = server(max_attestation_age=600)
    known.refuse(Attested(claims={"iat": 0}, attester=OTHER_KEY).request(), "attestation: the signature does not verify")
    known.refuse(Attested(claims={"iat": 0, "exp": NOW}).request(), "attestation.exp: is over")


# --- drafts without iss -------------------------------------------------------------------------------------------------------


def test_iss_may_be_absent_by_a_policy() -> None:
    later = server(require_iss=False)
    for number, (claims, pop_claims) in enumerate((({"iss": None}, {}), ({}, {"iss": None}), ({"iss": None}, {"iss": None}))):
        later.spend(Attested(claims=claims, pop_claims=pop_claims).with_pop(jti=str(number)).request())
    by_anchors(require_iss=False).spend(certified(claims={"iss": None}, pop_claims={"iss": None}).request())


def test_an_iss_that_is_there_is_checked_all_the_same() -> None:
    later = server(require_iss=False)
    later.refuse(Attested(claims={"iss": "https://another.example"}).request(), "is not by an attester that is trusted")
    later.refuse(Attested(claims={"iss": 1}).request(), "attestation.iss: must be a string")
    later.refuse(Attested(pop_claims={"iss": ATTESTER}).request(), "pop.iss: must be the sub")


def test_without_iss_any_known_attester_may_have_signed() -> None:
    url = KeyReference("https://another.example/jwks")
    later = server(
        require_iss=False,
        attesters={ATTESTER: (named(ATTESTER_KEY, "1"),), "https://another.example": url},
    )
    assert later.read(Attested(claims={"iss": None}).request()).key_refs == (url,)
    both = evolve(later, keys={url: (named(OTHER_KEY, "2"),)})
    both.spend(Attested(claims={"iss": None}).request())
    both.spend(Attested(claims={"iss": None}, attester=OTHER_KEY, header={"kid": "2"}).with_pop(jti="2").request())
    both.refuse(Attested(claims={"iss": None}, attester=OTHER_KEY, header={"kid": "1"}).request(), "does not verify")
    both.refuse(Attested(claims={"iss": None}, attester=INSTANCE_KEY).request(), "does not verify")


def test_without_iss_certificates_come_before_known_keys() -> None:
    later = server(require_iss=False, anchors=Anchors.from_der(ROOT))
    later.spend(certified(claims={"iss": None}).request())
    later.refuse(Attested(claims={"iss": None}, header={"x5c": chain(LEAF, SUB)}).request(), "does not verify")
    later.spend(Attested(claims={"iss": None}).with_pop(jti="2").request())


# --- settings -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({"attesters": {}}, "nobody is trusted"),
        ({"require_x5c": True}, "needs anchors"),
        ({"certified_iss": True}, "needs anchors"),
        ({"purpose": "1.2.3"}, "needs anchors"),
        ({"require_x5c": True, "anchors": Anchors.from_der(ROOT)}, "of no use"),
        ({"algorithms": ()}, "algorithms must be"),
        ({"algorithms": ("none",)}, "algorithms must be"),
        ({"pop_algorithms": ("HS256",)}, "algorithms must be"),
        ({"max_age": 0}, "must be positive"),
        ({"max_attestation_age": 0}, "must be positive"),
        ({"max_skew": -1}, "must not be negative"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        known_attester(**settings)


def test_settings_at_their_bounds() -> None:
    strict = server(max_age=1, max_skew=0, max_attestation_age=1, challenges=Challenges(KEYS, lifetime=1))
    data = client_attestation_signing_input(
        ATTESTER_KEY, issuer=ATTESTER, client_id=CLIENT, jwk=INSTANCE_KEY.public_jwk, now=NOW, lifetime=1
    )
    attestation = _jose.compact(data, ATTESTER_KEY.sign(data))
    good = Attested(pop_claims={"challenge": Challenges(KEYS, lifetime=1).new(ISSUER, now=NOW, new_secret=new_secret)})
    strict.spend(post({**good.headers, "OAuth-Client-Attestation": attestation}))


def test_identifiers_of_the_greatest_length() -> None:
    name = f"https://wallet.example/{'x' * 2025}"
    assert len(name) == 2048
    changes = Attested(claims={"sub": name, "iss": name, "wallet_name": name}, pop_claims={"iss": name, "jti": "x" * 512})
    known = server(attesters={name: (public_key(ATTESTER_KEY.public_jwk),)})
    evolve(known, registrations={name: ATTESTED}).spend(changes.request(client_id=name))


def test_other_mistakes_of_the_application() -> None:
    with pytest.raises(TypeError, match="several strings"):
        known_attester(algorithms="ES256")
    with pytest.raises(ValueError, match="lifetime must be positive"):
        Challenges(KEYS, lifetime=0)


def test_nothing_secret_in_repr() -> None:
    good = Attested(pop_claims={"challenge": challenge()})
    known = server(challenges=CHALLENGES)
    read = known.read(good.request())
    for value in (read, known.authenticate(good.request()), *known.methods.values()):
        for part in (*good.attestation.split("."), *good.pop.split("."), good.attestation):
            assert part not in repr(value)


# --- making -------------------------------------------------------------------------------------------------------------------


def made(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    fields: dict[str, Any] = {
        "issuer": ATTESTER,
        "client_id": CLIENT,
        "jwk": INSTANCE_KEY.public_jwk,
        "now": NOW,
        "lifetime": 60,
        **changes,
    }
    head, payload = client_attestation_signing_input(fields.pop("signer", ATTESTER_KEY), **fields).split(b".")
    return json.loads(b64url_decode(head)), json.loads(b64url_decode(payload))


@pytest.mark.spec("VCI-15.4.4-01")
def test_the_attestation_names_the_client_and_no_instance() -> None:
    """Nothing is told of the instance but its key; two instances differ in nothing else."""
    head, payload = made()
    assert head == {"typ": "oauth-client-attestation+jwt", "alg": "ES256", "kid": "attester"}
    assert payload == {
        "iss": ATTESTER,
        "sub": CLIENT,
        "iat": NOW,
        "exp": NOW + 60,
        "cnf": {"jwk": dict(INSTANCE_KEY.public_jwk)},
    }
    other_head, other = made(jwk={**OTHER_KEY.public_jwk, "kid": "serial-number-7", "x-device": "mine"})
    assert (other_head, {**other, "cnf": 0}) == (head, {**payload, "cnf": 0})
    assert other["cnf"] == {"jwk": dict(OTHER_KEY.public_jwk)}


def test_further_claims_of_an_attestation() -> None:
    extra = {"wallet_name": "W", "status": {"status_list": {"idx": 0, "uri": "https://attester.example/1"}}}
    _, payload = made(extra=extra)
    assert payload.items() >= extra.items()


@pytest.mark.spec("HAIP-4.4.1-05")
def test_an_attestation_with_certificates() -> None:
    head, _ = made(signer=PEM_LEAF, x5c=(LEAF, SUB))
    assert head == {"typ": "oauth-client-attestation+jwt", "alg": "ES256", "x5c": chain(LEAF, SUB)}
    remote = RemoteSigner("kms", "ES256", PEM_LEAF.public_jwk)
    assert made(signer=remote, x5c=(LEAF,))[0]["x5c"] == chain(LEAF)


@pytest.mark.spec("HAIP-4.4.1-06")
@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"x5c": (LEAF, SUB, ROOT), "signer": PEM_LEAF}, "nor the trust anchor"),
        ({"x5c": (certificate("me", LEAF_KEY, "me", LEAF_KEY),), "signer": PEM_LEAF}, "self-signed"),
        ({"x5c": (LEAF, SUB)}, "must be for the signer's key"),
        ({"x5c": (SUB, LEAF), "signer": PEM_LEAF}, "must be for the signer's key"),
        ({"x5c": (b"x",)}, "not an X.509 certificate"),
        ({"lifetime": 0}, "lifetime must be positive"),
        ({"jwk": {**INSTANCE_KEY.public_jwk, "d": "AQ"}}, "must be a public key"),
        ({"extra": {"sub": "x"}}, "extra must not have sub"),
        ({"extra": {"exp": 1, "cnf": {}}}, "extra must not have cnf, exp"),
    ],
)
def test_what_no_attester_should_sign(changes: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        made(**changes)


def test_a_proof_without_a_challenge_has_none() -> None:
    head, payload = client_attestation_pop_signing_input(
        INSTANCE_KEY, client_id=CLIENT, audience=ISSUER, jti="j", now=NOW
    ).split(b".")
    assert json.loads(b64url_decode(head)) == {"typ": "oauth-client-attestation-pop+jwt", "alg": "ES256"}
    assert json.loads(b64url_decode(payload)) == {"iss": CLIENT, "aud": ISSUER, "jti": "j", "iat": NOW}


# --- published vectors --------------------------------------------------------------------------------------------------------


def published(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "client-attestation/vectors.json").read_text(encoding="utf-8"))["vectors"]
    return {vector["id"].rpartition("-")[2] if "draft" in vector["id"] else "certified": vector for vector in found}


def message(path: Path) -> Request:
    """A printed HTTP message whose lines were broken to fit the page."""
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    first, *lines = head.split("\n")
    headers: list[list[str]] = []
    for line in lines:
        if re.match(r"[A-Za-z-]+: ", line):
            headers.append(line.split(": ", 1))
        else:
            headers[-1][1] += line
    method, path_, _ = first.split(" ")
    return Request(method, path_, [(name, value) for name, value in headers], "".join(body.split("\n")).encode())


PUBLISHED_SERVER, PUBLISHED_CLIENT = "https://as.example.com", "https://client.example.com"


def published_server(**settings: Any) -> Server:
    return Server(
        {"attest_jwt_client_auth": known_attester(**settings)},
        {PUBLISHED_CLIENT: ATTESTED},
        issuer=PUBLISHED_SERVER,
    )


def test_the_published_pair_is_that_of_a_later_draft(vectors: Path) -> None:
    """Draft -10 has no `iss`: refused, but by the policy. The attester's key is unpublished, so its place is taken by ours; the
    published proof then verifies with the published key."""
    pair = published(vectors)
    attestation, pop = pair["0"], pair["1"]
    now = int(pop["payload_json"]["iat"])
    request = post({"OAuth-Client-Attestation": attestation["compact"], "OAuth-Client-Attestation-PoP": pop["compact"]})
    published_server().refuse(request, "attestation.iss: must be a string", now=now)
    published_server(require_iss=False).refuse(request, "attestation: the signature does not verify", now=now)
    ours = jws({"typ": attestation["typ"], "alg": "ES256", "kid": "11"}, attestation["payload_json"], ATTESTER_KEY)
    request = post({"OAuth-Client-Attestation": ours, "OAuth-Client-Attestation-PoP": pop["compact"]})
    client = published_server(require_iss=False).spend(request, now=now)
    assert (client.client_id, client.instance) == (PUBLISHED_CLIENT, thumbprint(pop["jwk"]))
    with_iss = jws({"typ": attestation["typ"], "alg": "ES256"}, {**attestation["payload_json"], "iss": ATTESTER}, ATTESTER_KEY)
    request = post({"OAuth-Client-Attestation": with_iss, "OAuth-Client-Attestation-PoP": pop["compact"]})
    published_server().refuse(request, "pop.iss: must be the sub of the attestation", now=now)
    published_server(require_iss=False, challenges=CHALLENGES).refuse(request, "challenge", UseAttestationChallenge, now=now)


def test_the_published_proof_for_a_resource_server_is_refused(vectors: Path) -> None:
    pair = published(vectors)
    ours = jws({"typ": pair["0"]["typ"], "alg": "ES256"}, pair["0"]["payload_json"], ATTESTER_KEY)
    request = post({"OAuth-Client-Attestation": ours, "OAuth-Client-Attestation-PoP": pair["2"]["compact"]})
    now = int(pair["2"]["payload_json"]["iat"])
    published_server(require_iss=False).refuse(request, "pop.aud", now=now)


def test_the_printed_messages(vectors: Path) -> None:
    """The Token Request is that of the pair above. A DPoP proof instead of a PoP, and an attestation beside another client
    authentication, are of later drafts and refused."""
    examples = vectors / "client-attestation/examples"
    later, now = published_server(require_iss=False), int(published(vectors)["1"]["payload_json"]["iat"])
    token_request = message(examples / "11-client-attestation-as-an-oauth-client-authent.txt")
    later.refuse(token_request, "attestation: the signature does not verify", now=now)
    combined = message(examples / "05-using-dpop-as-the-proof-of-possession.txt")
    later.refuse(combined, "OAuth-Client-Attestation-PoP header is missing", now=now)
    beside = message(examples / "12-client-attestation-as-an-additional-security-.txt")
    later.refuse(beside, "more than one way", InvalidRequest, now=now)


def test_a_published_attestation_with_its_anchor(vectors: Path) -> None:
    """It is refused for the anchor in `x5c`, and verifies where its key is known: what is missing then is a proof."""
    vector = published(vectors)["certified"]
    compact, claims = vector["compact"], vector["payload_json"]
    leaf, anchor = (x509.load_der_x509_certificate(der) for der in map(b64decode, vector["jose_header"]["x5c"]))
    now = int(leaf.not_valid_before_utc.timestamp()) + 60
    pop = jws(
        {"typ": "oauth-client-attestation-pop+jwt", "alg": "EdDSA"},
        {"aud": ISSUER, "jti": "1", "iat": now},
        LocalSigner.generate("other", "EdDSA"),
    )
    request = post({"OAuth-Client-Attestation": compact, "OAuth-Client-Attestation-PoP": pop})
    registered = {claims["sub"]: ATTESTED}
    anchors = Anchors((anchor,))
    refusing = Server({"attest_jwt_client_auth": ClientAttestation(anchors=anchors, require_iss=False)}, registered)
    refusing.refuse(request, "must hold neither the trust anchor", now=now)
    key = known_attester(attesters={"any": (public_key(vector["jwk"]),)}, require_iss=False)
    Server({"attest_jwt_client_auth": key}, registered).refuse(request, "pop: the signature does not verify", now=now)


# --- nothing but refusals -----------------------------------------------------------------------------------------------------

GOOD_HEADERS = Attested().headers
ANY_SERVER = server(challenges=CHALLENGES, anchors=Anchors.from_der(ROOT), require_iss=False)


def authenticated(headers: Mapping[str, str]) -> bool:
    try:
        client = server().authenticate(post(headers))
    except InvalidClient:
        return False
    return client.client_id == CLIENT


@given(st.data())
def test_a_pair_with_any_one_character_changed_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD_HEADERS)))
    value = GOOD_HEADERS[name]
    position = data.draw(st.integers(0, len(value) - 1))
    changed = value[:position] + data.draw(st.characters(codec="utf-8")) + value[position + 1 :]
    assert authenticated({**GOOD_HEADERS, name: changed}) is (changed == value)


@given(st.data())
def test_a_pair_with_any_one_byte_changed_is_refused(data: st.DataObject) -> None:
    """Of what the parts encode: the header, the claims, the signature."""
    name = data.draw(st.sampled_from(sorted(GOOD_HEADERS)))
    parts = [b64url_decode(part) for part in GOOD_HEADERS[name].split(".")]
    number = data.draw(st.integers(0, 2))
    position = data.draw(st.integers(0, len(parts[number]) - 1))
    changed = bytearray(parts[number])
    changed[position] ^= data.draw(st.integers(1, 255))
    parts[number] = bytes(changed)
    assert not authenticated({**GOOD_HEADERS, name: ".".join(map(b64url_encode, parts))})


TEXT = st.text(max_size=20)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(["jwk", "kty", "crv", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(
        ["typ", "alg", "kid", "x5c", "crit", "iss", "sub", "exp", "nbf", "iat", "cnf", "aud", "jti", "challenge", "status"]
    )
    | TEXT,
    JSON_VALUES | st.sampled_from(["ES256", "EdDSA", CLIENT, chain(LEAF, SUB), chain(LEAF), NOW, challenge()]),
    max_size=5,
)


@given(MEMBERS, MEMBERS, MEMBERS, MEMBERS)
def test_any_headers_and_claims_are_accepted_or_refused(
    header: dict[str, Any], claims: dict[str, Any], pop_header: dict[str, Any], pop_claims: dict[str, Any]
) -> None:
    request = Attested(header=header, claims=claims, pop_header=pop_header, pop_claims=pop_claims).request()
    try:
        read = ANY_SERVER.read(request)
        client = read.verify({}, keys={}, now=NOW)
    except Refusal as error:
        refusal = error
    else:
        assert client.client_id == CLIENT
        return
    assert type(refusal) in (InvalidClient, UseAttestationChallenge)
    assert refusal.reply.changes == ()


@given(st.text(max_size=60), st.text("eyJ.-_=", max_size=60))
def test_any_texts_are_refused(first: str, second: str) -> None:
    assert not authenticated({"OAuth-Client-Attestation": first, "OAuth-Client-Attestation-PoP": second})
    assert not authenticated({**GOOD_HEADERS, "OAuth-Client-Attestation-PoP": first})
    assert not authenticated({**GOOD_HEADERS, "OAuth-Client-Attestation": second})


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=3))
def test_any_three_parts_are_refused(parts: list[bytes]) -> None:
    for name in GOOD_HEADERS:
        assert not authenticated({**GOOD_HEADERS, name: ".".join(map(b64url_encode, parts))})
