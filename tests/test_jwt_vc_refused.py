"""`jwt_vc_json` and `jwt_vc_json-ld`: what a Wallet does not believe. Each case breaks one rule in a good credential."""

from typing import Any

import pytest
from attrs import evolve
from cryptography import x509

from oid4vci._json import b64url_encode, dump_bytes
from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import CredentialDefinition, JwtVcJsonConfiguration, JwtVcJsonLdConfiguration
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.test_x509 import LEAF_KEY, NOW, OTHER_KEY, SUB, SUB_KEY, authority, signer
from tests.w3c_credentials import (
    CONFIGURATIONS,
    DAY,
    DID_JWK,
    DID_KEY,
    EXAMPLES,
    HOLDERS,
    ISSUER,
    METADATA,
    OTHER,
    SIGNER,
    TRUST,
    TYPES,
    V1,
    V2,
    check,
    issue,
    opened,
    signed,
)

VERIFIER = JwtVcVerifier()
SUBJECT = DID_METHODS["key"].did(HOLDERS[0])
PAYLOAD: dict[str, Any] = {
    "iss": ISSUER,
    "nbf": NOW - 60,
    "iat": NOW,
    "exp": NOW + DAY,
    "jti": "https://example.com/1",
    "sub": SUBJECT,
    "cnf": {"jwk": dict(HOLDERS[0].jwk)},
    "vc": {
        "@context": [V1],
        "id": "https://example.com/1",
        "type": list(TYPES),
        "issuer": {"id": ISSUER, "name": "University"},
        "issuanceDate": "2025-10-19T08:52:20Z",
        "expirationDate": "2025-10-20T08:53:20Z",
        "credentialSubject": {"id": SUBJECT, "name": "Erika"},
    },
}


def without(name: str, *, vc: bool = False) -> dict[str, Any]:
    if vc:
        return {**PAYLOAD, "vc": {member: value for member, value in PAYLOAD["vc"].items() if member != name}}
    return {member: value for member, value in PAYLOAD.items() if member != name}


def within(**members: Any) -> dict[str, Any]:
    return {**PAYLOAD, "vc": {**PAYLOAD["vc"], **members}}


def refused(credential: Any, reason: str = "", **more: Any) -> None:
    with pytest.raises(InvalidCredential) as error:
        check(more.pop("verifier", VERIFIER), credential, **more)
    assert reason in str(error.value)


def test_it_is_good_else() -> None:
    verified = check(VERIFIER, signed(PAYLOAD))
    assert verified.claims == PAYLOAD["vc"]
    assert verified.issued_at == NOW
    assert verified.expires_at == NOW + DAY
    assert verified.holder_key == HOLDERS[0]


def test_what_may_be_missing() -> None:
    """What registered claims and the credential say of the same may be said once (VCDM 1.1 6.3.1)."""
    for name in ("iss", "nbf", "iat", "exp", "jti", "sub", "cnf"):
        check(VERIFIER, signed(without(name)))
    for name in ("id", "issuer", "issuanceDate", "expirationDate"):
        verified = check(VERIFIER, signed(without(name, vc=True)))
        expected = ISSUER if name == "issuer" else PAYLOAD["vc"][name]
        assert verified.claims[name] == expected
    assert check(VERIFIER, signed(within(issuer={"name": "U"}))).claims["issuer"] == {"name": "U", "id": ISSUER}
    for subject in ({"name": "Erika"}, [{"name": "Erika"}], [{"name": "Erika", "id": SUBJECT}]):
        read = check(VERIFIER, signed(within(credentialSubject=subject))).claims["credentialSubject"]
        assert (read[0] if isinstance(subject, list) else read) == {"name": "Erika", "id": SUBJECT}
    check(VERIFIER, signed(PAYLOAD, typ=None))
    # Clocks of issuers, and parts of a second.
    for date in ("2025-10-19T08:50:20.9999Z", "2025-10-19T10:52:20+02:00"):
        check(VERIFIER, signed(within(issuanceDate=date)))


@pytest.mark.spec("VCI-A.1.1.4-01", "VCI-A.1.3.4-01")
@pytest.mark.parametrize(
    "value", [None, 1, {}, [], {"vc": {}}, "", "a", "a.b", "a.b.c", "a.b.c.d", b"a.b.c", "é.é.é", "..", "~"]
)
@pytest.mark.parametrize("identifier", ["jwt_vc_json", "jwt_vc_json-ld"])
def test_what_is_no_jwt(identifier: str, value: Any) -> None:
    refused(value, verifier=JwtVcVerifier(format=identifier))
    refused(PAYLOAD["vc"], verifier=JwtVcVerifier(format=identifier))


@pytest.mark.spec("VCI-A.1.1.4-02", "VCI-A.1.3.4-01")
def test_an_encoded_jwt_is_no_jwt() -> None:
    for identifier in ("jwt_vc_json", "jwt_vc_json-ld"):
        (credential,) = issue(JwtVcEncoder(signer=SIGNER, format=identifier))
        refused(b64url_encode(credential.encode()), verifier=JwtVcVerifier(format=identifier))


EMPTY: list[Any] = [[], "", ["x"], {}, [1]]


@pytest.mark.parametrize(
    "header",
    [
        *({"typ": typ} for typ in ("jwt", "vc+jwt", "dc+sd-jwt", "", 1, ["JWT"])),
        *({"alg": alg} for alg in (None, "none", "HS256", "ES384", "es256", "RS256", "EdDSA", 1, ["ES256"])),
        *({"kid": kid} for kid in ("", 1, ["issuer-1"], "issuer-2")),
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        *({"x5c": x5c} for x5c in EMPTY),
    ],
)
def test_headers(header: dict[str, Any]) -> None:
    refused(signed(PAYLOAD, **header))


def claim(name: str, *values: Any) -> list[dict[str, Any]]:
    return [{**PAYLOAD, name: value} for value in values]


def member(name: str, *values: Any) -> list[dict[str, Any]]:
    return [within(**{name: value}) for value in values]


OF_HOLDER = HOLDERS[0].jwk
ENTRY = {"type": "x", "id": "urn:x:1"}
CASES: list[dict[str, Any]] = [
    # The credential as a whole.
    *(without("vc"), {**without("vc"), **PAYLOAD["vc"]}, *claim("vc", None, "x", [], {}), *claim("vp", {}, None)),
    *(without(name, vc=True) for name in ("@context", "type", "credentialSubject")),
    *member("@context", [], V1, [V2], [EXAMPLES, V1], {}, None),
    *member("type", ["VerifiableCredential"], TYPES[1], [TYPES[1]], [], None, 1),
    *member("credentialSubject", {"id": "no url"}, [], None, "x", [1], [{}, {}], [{"name": "Erika"}, {"name": "Max"}]),
    # What is said twice, and differs.
    *claim("iss", "https://other.example.com", f"{ISSUER}/", DID_KEY, "", 1, None, [ISSUER]),
    *member("issuer", "https://other.example.com", {"id": DID_KEY}, {"id": None}, None, [], 1),
    {**without("iss"), "vc": without("issuer", vc=True)["vc"]},
    *claim("jti", "https://example.com/2", "", 1, None),
    *member("id", "https://example.com/2", None, 1),
    {**without("jti"), "vc": within(id="no url")["vc"]},
    *claim("sub", "did:example:2", DID_METHODS["jwk"].did(HOLDERS[0]), "", 1, None, [SUBJECT]),
    # Times.
    *claim("nbf", NOW + 61, NOW - 400, NOW + 400, "1", True, None, 1e300, -1e300),
    *claim("exp", NOW - 60, 0, -1, NOW + DAY + 301, NOW + DAY - 301, "1", True, None, 10**400),
    *claim("iat", NOW + DAY + 1, "2025-10-19T08:52:20Z", True, None),
    *member("issuanceDate", "2025-10-18T08:52:20Z", "2025-10-19", 1, None),
    *member("expirationDate", "2026-10-19T08:52:20Z", "2025-10-19", 1, None),
    {**without("nbf"), "vc": without("issuanceDate", vc=True)["vc"]},
    {**without("nbf"), "vc": within(issuanceDate="2025-10-19T08:55:00Z")["vc"]},
    {**without("exp"), "vc": within(expirationDate="2025-10-19T08:52:20Z")["vc"]},
    {**without("expirationDate", vc=True), "exp": 10**14},
    # Status and binding.
    *member("credentialStatus", {}, {"type": "x"}, "x", None, [ENTRY]),
    *claim("status", {}, None, "x", [], {"status_list": 1}),
    *claim("cnf", {}, None, "x", {"jwk": None}, {"jwk": {"kty": "oct", "k": "AA"}}, {"jwk": dict(HOLDERS[1].jwk)}),
    *claim("cnf", {"jwk": {**OF_HOLDER, "d": OF_HOLDER["x"]}}, {"kid": 1}, {"kid": "did:key:zz"}, {"kid": DID_KEY}),
]


@pytest.mark.parametrize("payload", CASES)
def test_every_rule_of_the_payload(payload: Any) -> None:
    refused(signed(payload))


def test_what_is_no_claims_set() -> None:
    text = dump_bytes(PAYLOAD)
    for raw in (
        b"x",
        b"[]",
        b"1",
        text + b"x",
        b"\xef\xbb\xbf" + text,
        text[:-1] + b',"iss":"x"}',
        b'{"vc":' * 40 + b"1" + b"}" * 40,
    ):
        refused(signed(raw))
    refused(signed({**PAYLOAD, "more": "x" * (1 << 20)}), "too large")


# --- whom it is from --------------------------------------------------------------------------------------------------------


def test_signed_by_somebody_else() -> None:
    refused(signed(PAYLOAD, signer=OTHER, kid="issuer-1"), "signature")
    header, payload, signature = signed(PAYLOAD).split(".")
    refused(f"{header}.{payload}.", "signature")
    refused(f"{header}.{payload}.{signature[:-4]}")
    # Keys that a credential brings along prove nothing.
    refused(signed(PAYLOAD, signer=OTHER, kid="other", jwk=dict(OTHER.public_jwk), jku=METADATA))


def from_did(did: str, key: LocalSigner = SIGNER, **header: Any) -> str:
    return signed({**within(issuer=did), "iss": did}, signer=key, **header)


def test_a_did_that_is_trusted() -> None:
    for did, fragment in ((DID_KEY, DID_KEY.removeprefix("did:key:")), (DID_JWK, "0")):
        for kid in (f"{did}#{fragment}", f"#{fragment}", did, None):
            assert check(VERIFIER, from_did(did, kid=kid), documents={}).issuer == did


@pytest.mark.parametrize(
    "kid", ["issuer-1", "", "#", "#1", f"{DID_JWK}#1", f"{DID_KEY}#0", "did:", f"{DID_JWK}/a#0", f"{DID_JWK}?a#0"]
)
def test_a_kid_that_is_not_the_dids(kid: str) -> None:
    refused(from_did(DID_JWK, kid=kid))


def test_a_did_that_is_not_trusted() -> None:
    theirs = DID_METHODS["key"].did(public_key(OTHER.public_jwk))
    with pytest.raises(Untrusted):
        check(VERIFIER, from_did(theirs, OTHER, kid=None))
    with pytest.raises(Untrusted):
        check(VERIFIER, from_did(DID_KEY, kid=None), trust=Trust.of(ISSUER))
    # The same key in another DID is another party.
    another = f"did:jwk:{b64url_encode(dump_bytes({**SIGNER.public_jwk, 'kid': 'x'}))}"
    with pytest.raises(Untrusted):
        check(VERIFIER, from_did(another, kid=None))
    refused(from_did(DID_KEY, OTHER, kid=None), "signature")
    # A key of its own behind a name that is trusted.
    refused(from_did(DID_KEY, OTHER, kid=f"{theirs}#{theirs.removeprefix('did:key:')}"), "kid")
    refused(signed(PAYLOAD, signer=OTHER, kid=f"{theirs}#{theirs.removeprefix('did:key:')}"))


@pytest.mark.parametrize("did", ["did:web:1.2.3.4", "did:example:1", "did:key:", "did:key:zz", "did:KEY:x", "did:jwk:e30"])
def test_dids_that_are_no_keys(did: str) -> None:
    refused(from_did(did, kid=None), trust=Trust(allow=lambda it: True))
    refused(from_did(DID_KEY, kid=None), "not supported", verifier=JwtVcVerifier(did_methods={}))


def test_an_issuer_that_is_not_trusted() -> None:
    with pytest.raises(Untrusted):
        check(VERIFIER, signed(PAYLOAD), trust=Trust.of(DID_KEY))
    for issuer in ("http://issuer.example.com", "https://user@issuer.example.com", "https://issuer.example.com?x", "urn:x:1"):
        refused(signed({**within(issuer=issuer), "iss": issuer}), trust=Trust(allow=lambda it: True))


@pytest.mark.parametrize(
    "body",
    [
        b"x", b"[]", b"{}", dump_bytes({"issuer": ISSUER}), dump_bytes({"issuer": ISSUER + "/", "jwks": {"keys": []}}),
        dump_bytes({"issuer": ISSUER, "jwks": {"keys": []}}), dump_bytes({"issuer": ISSUER, "jwks": []}),
        dump_bytes({"issuer": ISSUER, "jwks": {"keys": [{**OTHER.public_jwk, "kid": "issuer-1"}]}}),
        dump_bytes({"jwks": {"keys": [{**SIGNER.public_jwk, "kid": "issuer-1"}]}}),
        dump_bytes({"issuer": ISSUER, "jwks": {"keys": [{**SIGNER.public_jwk, "kid": "issuer-1", "alg": "ES384"}]}}),
    ],
)  # fmt: skip
def test_documents_that_do_not_help(body: bytes) -> None:
    refused(signed(PAYLOAD), documents={METADATA: body})


def test_certificates() -> None:
    names: list[x509.GeneralName] = [x509.DNSName("issuer.example.com")]
    alternative = (x509.SubjectAlternativeName(names), False)
    key = LocalSigner("leaf", "ES256", LEAF_KEY)

    def certified(*chain: bytes) -> str:
        return issue(JwtVcEncoder(signer=key, x5c=chain))[0]

    good = certified(signer("sub", SUB_KEY, alternative), SUB)
    check(VERIFIER, good)
    with pytest.raises(Untrusted):
        check(VERIFIER, good, trust=Trust(allow=lambda it: True))
    refused(good, trust=evolve(TRUST, anchors=Anchors.from_der(authority("root", OTHER_KEY, "root", OTHER_KEY))))
    # A leaf that names nobody, and one that names somebody else.
    refused(certified(signer("sub", SUB_KEY), SUB), "iss")
    other = (x509.SubjectAlternativeName([x509.DNSName("other.example.com")]), False)
    refused(certified(signer("sub", SUB_KEY, other), SUB), "iss")
    # Without the authority between leaf and anchor.
    refused(certified(signer("sub", SUB_KEY, alternative)))
    # Signed by another key than the leaf's.
    header = opened(good)[0]
    refused(signed(PAYLOAD, signer=OTHER, kid=None, x5c=header["x5c"]), "signature")
    refused(signed(PAYLOAD, kid=None, x5c=[*header["x5c"]] * 9))


# --- whom it is for ---------------------------------------------------------------------------------------------------------


def test_bound_to_another_key() -> None:
    for credential in (signed(without("cnf")), signed(without("sub") | {"vc": within(credentialSubject={"a": 1})["vc"]})):
        check(VERIFIER, credential)
        check(VERIFIER, credential, holder_keys=())
        refused(credential, "bound", holder_keys=HOLDERS[1:])


def test_bound_to_nothing() -> None:
    payload = {**without("cnf"), "vc": within(credentialSubject={"a": 1})["vc"]}
    del payload["sub"]
    assert check(VERIFIER, signed(payload), holder_keys=()).holder_key is None
    refused(signed(payload), "bound")
    for cnf in ({"kid": "x"}, {"jku": "https://example.com"}):
        refused(signed({**payload, "cnf": cnf}), "bound")
    assert check(VERIFIER, signed({**payload, "cnf": {"kid": SUBJECT}})).holder_key == HOLDERS[0]
    # A DID that leads nowhere without asking somebody.
    refused(signed({**payload, "sub": "did:web:example.com"}), "bound")
    refused(signed({**payload, "sub": "did:key:zz"}))


# --- what was asked for -----------------------------------------------------------------------------------------------------


def test_another_type_than_was_asked_for() -> None:
    wanted = JwtVcJsonConfiguration(credential_definition=CredentialDefinition(type=(*TYPES, "Further")))
    refused(signed(PAYLOAD), "type", configuration=wanted)
    more = JwtVcJsonLdConfiguration(credential_definition=CredentialDefinition(context=(V1, EXAMPLES), type=TYPES))
    refused(signed(PAYLOAD), "context", configuration=more, verifier=JwtVcVerifier(format="jwt_vc_json-ld"))
    for identifier in CONFIGURATIONS.keys() - {"jwt_vc_json"}:
        refused(signed(within(**{"@context": [V1, V2, EXAMPLES]})), configuration=CONFIGURATIONS[identifier])
    refused(
        signed(PAYLOAD),
        "alg",
        configuration=evolve(CONFIGURATIONS["jwt_vc_json"], credential_signing_alg_values_supported=("ES384",)),
    )
