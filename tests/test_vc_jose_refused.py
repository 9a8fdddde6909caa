"""`vc+jwt` and `vc+sd-jwt`: what a Wallet does not believe. Each case breaks one rule in a good credential."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.vc_jwt import VcJwtEncoder, VcJwtVerifier
from oid4vci.formats.vc_sd_jwt import VcSdJwtEncoder, VcSdJwtVerifier
from oid4vci.keys import public_key
from oid4vci.trust import Trust
from tests.test_jwt_vc import JSON
from tests.test_sd_jwt import digest, disclosure
from tests.test_x509 import NOW
from tests.w3c_credentials import (
    CONFIGURATIONS,
    DAY,
    DID_KEY,
    EXAMPLES,
    HOLDERS,
    ISSUER,
    OTHER,
    SIGNER,
    TYPES,
    V1,
    V2,
    check,
    issue,
    signed,
)

SUBJECT = DID_METHODS["key"].did(HOLDERS[0])
PAYLOAD: dict[str, Any] = {
    "@context": [V2],
    "id": "https://example.com/1",
    "type": list(TYPES),
    "issuer": {"id": ISSUER, "name": "University"},
    "validFrom": "2025-10-19T08:52:20Z",
    "validUntil": "2025-10-20T08:53:20Z",
    "credentialSubject": {"id": SUBJECT, "name": "Erika"},
    "iss": ISSUER,
    "iat": NOW,
    "exp": NOW + DAY,
    "jti": "https://example.com/1",
    "sub": SUBJECT,
    "cnf": {"jwk": dict(HOLDERS[0].jwk)},
}
VERIFIERS = (VcJwtVerifier(), VcSdJwtVerifier())
each_format = pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda it: it.format)


def made(verifier: Any, payload: Any = PAYLOAD, *disclosures: str, **more: Any) -> str:
    if verifier.format == "vc+sd-jwt":
        disclosures = disclosures or ("",)
    return signed(payload, *disclosures, **{"typ": verifier.format, "cty": "vc", **more})


def refused(verifier: Any, credential: Any, reason: str = "", **more: Any) -> None:
    with pytest.raises(InvalidCredential) as error:
        check(verifier, credential, **more)
    assert reason in str(error.value)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in PAYLOAD.items() if name not in names}


@each_format
def test_it_is_good_else(verifier: Any) -> None:
    assert check(verifier, made(verifier)).claims == PAYLOAD
    for name in ("id", "iss", "iat", "exp", "jti", "sub", "cnf", "validFrom", "validUntil"):
        check(verifier, made(verifier, without(name)))
    check(verifier, made(verifier, cty=None))
    check(verifier, made(verifier, typ=f"application/{verifier.format}", cty="application/vc", iss=ISSUER))
    subjects = [{"id": SUBJECT, "name": "Erika"}, {"name": "Max"}]
    assert check(verifier, made(verifier, {**without("sub"), "credentialSubject": subjects})).holder_key == HOLDERS[0]
    assert check(verifier, made(verifier, {**without("iat"), "iat": "2025-10-19T08:53:20Z"})).issued_at == NOW
    assert check(verifier, made(verifier, {**PAYLOAD, "validUntil": "2025-10-19T09:00:00Z"})).expires_at == 1_760_864_400


@each_format
@pytest.mark.parametrize(
    "header",
    [
        *({"typ": typ} for typ in (None, "JWT", "vp+jwt", "vc+ld+json+jwt", "dc+sd-jwt", "vc+cose", "", 1, ["vc+jwt"])),
        *({"cty": cty} for cty in ("vp", "bad", "", 1, ["vc"])),
        *({"alg": alg} for alg in (None, "none", "HS256", "ES384", "RS256", 1)),
        *({"kid": kid} for kid in ("", 1, "issuer-2")),
        *({"iss": iss} for iss in ("https://other.example.com", 1, "")),
        {"crit": ["exp"]},
        {"x5c": []},
    ],
)  # fmt: skip
def test_headers(verifier: Any, header: dict[str, Any]) -> None:
    refused(verifier, made(verifier, **header))


def claim(name: str, *values: Any) -> list[dict[str, Any]]:
    return [{**PAYLOAD, name: value} for value in values]


CASES: list[dict[str, Any]] = [
    *(without(name) for name in ("@context", "type", "issuer", "credentialSubject")),
    *claim("@context", [], V2, [V1], [EXAMPLES, V2], None),
    *claim("type", ["VerifiableCredential"], [TYPES[1]], "VerifiableCredential", [], None, ["VerifiablePresentation"]),
    *claim("issuer", "https://other.example.com", {"id": DID_KEY}, {"name": "x"}, None, 1),
    *claim("credentialSubject", {}, [], None, "x", [{}], {"id": "did:example:1"}),
    *claim("id", "https://example.com/2", "no url", None),
    *claim("vc", {}, None),
    *claim("vp", {}, None),
    *claim("iss", "https://other.example.com", f"{ISSUER}/", "", None, 1),
    *claim("jti", "https://example.com/2", "", None, 1),
    {**PAYLOAD, "credentialSubject": [{"id": SUBJECT}, {"name": "Max"}]},
    *claim("sub", "did:example:1", "", None, 1),
    *claim("exp", NOW - 60, "1", None, True),
    *claim("nbf", NOW + 61, "1", None, True),
    *claim("iat", NOW + DAY + 1, None, True, "yesterday", "2025-10-21T08:52:20Z"),
    *claim("validFrom", "2025-10-19T08:55:00Z", "2025-10-19", 1, None, "2025-10-21T08:53:20Z"),
    *claim("validUntil", "2025-10-19T08:52:20Z", "2025-10-20", 1, None, "2025-10-19T08:52:19Z"),
    *claim("credentialStatus", {}, [], "x", None, [{}], {"type": 1}, {"type": "x", "id": "no url"}),
    *claim("status", {}, None, "x", {"status_list": []}),
    *claim("cnf", {}, None, {"jwk": {}}, {"jwk": dict(HOLDERS[1].jwk)}, {"kid": DID_KEY}),
]


@each_format
@pytest.mark.parametrize("payload", CASES)
def test_every_rule_of_the_payload(verifier: Any, payload: dict[str, Any]) -> None:
    refused(verifier, made(verifier, payload))


@each_format
def test_what_is_no_credential(verifier: Any) -> None:
    values: list[Any] = [None, 1, {}, [], "", "a.b.c", "~", "a.b.c~", PAYLOAD]
    for value in values:
        refused(verifier, value)
    for raw in (b"", b"[]", b'{"iss":"x","iss":"x"}'):
        refused(verifier, made(verifier, raw))
    # The one for the other, and what holders make of it.
    refused(verifier, made(VERIFIERS[verifier is VERIFIERS[0]]))
    refused(VcSdJwtVerifier(), f"{made(VcSdJwtVerifier())}a.b.c", "key binding")
    refused(VcSdJwtVerifier(), made(VcSdJwtVerifier()).removesuffix("~"))


@each_format
def test_signed_by_somebody_else(verifier: Any) -> None:
    refused(verifier, made(verifier, signer=OTHER, kid="issuer-1"), "signature")
    theirs = DID_METHODS["key"].did(public_key(OTHER.public_jwk))
    url = DID_METHODS["key"].verification_method(theirs)
    mine = {**without("iss"), "issuer": DID_KEY}
    check(verifier, made(verifier, mine, kid=DID_METHODS["key"].verification_method(DID_KEY)), documents={})
    refused(verifier, made(verifier, mine, signer=OTHER, kid=url), "kid")
    with pytest.raises(Untrusted):
        check(verifier, made(verifier, {**mine, "issuer": theirs}, signer=OTHER, kid=url))
    with pytest.raises(Untrusted):
        check(verifier, made(verifier), trust=Trust.of(DID_KEY))
    refused(verifier, made(verifier, {**mine, "issuer": "did:example:x"}, kid=None), trust=Trust(allow=lambda it: True))


@each_format
def test_bound_to_another_key(verifier: Any) -> None:
    refused(verifier, made(verifier), "bound", holder_keys=HOLDERS[1:])
    loose = {**without("cnf", "sub"), "credentialSubject": {"name": "Erika"}}
    assert check(verifier, made(verifier, loose), holder_keys=()).holder_key is None
    refused(verifier, made(verifier, loose), "bound")
    # The DID of one subject among several is not the holder's.
    refused(verifier, made(verifier, {**loose, "credentialSubject": [{"id": SUBJECT}, {"name": "Max"}]}), "bound")


@each_format
def test_another_type_than_was_asked_for(verifier: Any) -> None:
    for identifier in CONFIGURATIONS.keys() - {verifier.format}:
        refused(verifier, made(verifier), configuration=CONFIGURATIONS[identifier])


@pytest.mark.parametrize(
    "name",
    [
        *("@context", "type", "issuer", "validFrom", "validUntil", "credentialStatus", "credentialSchema", "relatedResource"),
        *("status", "cnf", "iss", "exp", "nbf"),
    ],
)
def test_what_must_not_be_withheld(name: str) -> None:
    values: dict[str, Any] = {
        **PAYLOAD,
        "nbf": NOW,
        "status": {"status_list": {}},
        "credentialStatus": {"type": "x"},
        "credentialSchema": {"id": "urn:x:1", "type": "x"},
        "relatedResource": [{"id": "urn:x:1"}],
    }
    check(VcSdJwtVerifier(), made(VcSdJwtVerifier(), values))
    text = disclosure("salt", name, values.pop(name))
    # Without `issuer` nobody knows whose keys to look for.
    reason = "issuer" if name == "issuer" else "selectively disclosable"
    refused(VcSdJwtVerifier(), made(VcSdJwtVerifier(), {**values, "_sd": [digest(text)]}, text), reason)


@pytest.mark.parametrize("name", ["vc", "vp"])
def test_what_must_not_be_there_is_not_disclosed_either(name: str) -> None:
    text = disclosure("salt", name, {"type": ["VerifiableCredential"]})
    refused(VcSdJwtVerifier(), made(VcSdJwtVerifier(), {**PAYLOAD, "_sd": [digest(text)]}, text), "selectively disclosable")


def test_disclosures_that_belong_to_nothing() -> None:
    text = disclosure("salt", "name", "Erika")
    payload = {**PAYLOAD, "credentialSubject": {"id": SUBJECT, "_sd": [digest(text)]}}
    assert check(VcSdJwtVerifier(), made(VcSdJwtVerifier(), payload, text)).claims["credentialSubject"]["name"] == "Erika"
    refused(VcSdJwtVerifier(), made(VcSdJwtVerifier(), PAYLOAD, text), "not referenced")
    refused(VcSdJwtVerifier(), made(VcSdJwtVerifier(), payload, text, text), "repeated")


GOOD = {
    "vc+jwt": issue(VcJwtEncoder(signer=SIGNER, issuer=DID_KEY))[0],
    "vc+sd-jwt": issue(VcSdJwtEncoder(signer=SIGNER, issuer=DID_KEY, disclosable="every claim"))[0],
}


@given(st.sampled_from(VERIFIERS), st.integers(min_value=0), st.integers(0, 7))
def test_a_changed_bit_is_noticed(verifier: Any, index: int, bit: int) -> None:
    raw = bytearray(GOOD[verifier.format].encode())
    raw[index % len(raw)] ^= 1 << bit
    with pytest.raises((InvalidCredential, Untrusted)):
        check(verifier, raw.decode("latin-1"))


@given(st.sampled_from(VERIFIERS), st.sampled_from(sorted(PAYLOAD)), JSON)
def test_arbitrary_members_raise_nothing_else(verifier: Any, name: str, value: Any) -> None:
    with suppress(InvalidCredential, Untrusted):
        verified = check(verifier, made(verifier, {**PAYLOAD, name: value}))
        assert verified.issuer == ISSUER
        assert verified.holder_key == HOLDERS[0]


@given(st.sampled_from(VERIFIERS), st.one_of(st.text(), st.text().map("a.b.c~{}".format), JSON))
def test_arbitrary_values_raise_nothing_else(verifier: Any, value: Any) -> None:
    with pytest.raises(InvalidCredential):
        check(verifier, value)


@given(st.sampled_from(VERIFIERS), st.dictionaries(st.sampled_from(["alg", "typ", "cty", "kid", "x5c", "iss"]), JSON))
def test_arbitrary_headers_raise_nothing_else(verifier: Any, header: dict[str, Any]) -> None:
    with suppress(InvalidCredential, Untrusted):
        check(verifier, made(verifier, **header))
