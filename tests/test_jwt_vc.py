"""`jwt_vc_json` and `jwt_vc_json-ld` (OID4VCI A.1.1, A.1.3): what issuers make, and Wallets believe."""

from typing import Any

import pytest
from attrs import evolve
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from oid4vci._json import dump_bytes
from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.formats.credential_format import CredentialEncoder, CredentialFormat, CredentialVerifier, NeededDocument
from oid4vci.formats.jwt_vc import JWT_VC_JSON, JWT_VC_JSON_LD, JwtVcEncoder, JwtVcVerifier
from oid4vci.keys import LocalSigner, RemoteSigner, public_key
from oid4vci.metadata import (
    CONFIGURATION_CLASSES,
    CredentialConfiguration,
    JwtVcJsonConfiguration,
    JwtVcJsonLdConfiguration,
)
from oid4vci.secret import new_secret
from oid4vci.trust import Trust
from tests.test_x509 import LEAF_KEY, NOW, ROOT_KEY, SUB, SUB_KEY, certificate, signer
from tests.w3c_credentials import (
    CLAIMS,
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
    TYPES,
    V1,
    check,
    documents,
    issue,
    opened,
)

ENCODER = JwtVcEncoder(signer=SIGNER)
VERIFIER = JwtVcVerifier()
ISSUED_AT = NOW // DAY * DAY
BINDINGS = ("cnf", "did:key", "did:jwk")


def test_the_interfaces_fit() -> None:
    encoder: CredentialEncoder = ENCODER
    verifier: CredentialVerifier = VERIFIER
    assert encoder.format == "jwt_vc_json"
    assert verifier


@pytest.mark.spec("VCI-A.1-01", "VCI-A.1.1.1-01", "VCI-A.1.3.1-01")
@pytest.mark.parametrize(
    ("credential_format", "configuration"), [(JWT_VC_JSON, JwtVcJsonConfiguration), (JWT_VC_JSON_LD, JwtVcJsonLdConfiguration)]
)
def test_a_format_for_each_identifier(
    credential_format: CredentialFormat, configuration: type[CredentialConfiguration]
) -> None:
    identifier = credential_format.identifier
    assert credential_format.configuration_class is configuration is CONFIGURATION_CLASSES[identifier]
    encoder, verifier = credential_format.encoder(signer=SIGNER), credential_format.verifier()
    assert encoder.format == identifier
    (credential,) = issue(encoder)
    assert check(verifier, credential).format == identifier
    # Neither takes what belongs to the other.
    for other in CONFIGURATIONS.keys() - {identifier}:
        with pytest.raises(ValueError, match=f"a {identifier} configuration"):
            encoder.check(CONFIGURATIONS[other])
    for wrong in ("jwt_vc", "ldp_vc", "vc+jwt"):
        with pytest.raises(ValueError, match="format must be"):
            JwtVcEncoder(signer=SIGNER, format=wrong)
        with pytest.raises(ValueError, match="format must be"):
            JwtVcVerifier(format=wrong)
    # Such an identifier is no profile: what is read of it is what all formats have.
    assert type(CredentialConfiguration.read({"format": "jwt_vc"})) is CredentialConfiguration


def test_a_credential() -> None:
    (credential,) = issue(ENCODER)
    header, payload = opened(credential)
    assert header == {"alg": "ES256", "typ": "JWT", "kid": "issuer-1"}
    expected = {
        "@context": [V1],
        "type": list(TYPES),
        "issuer": ISSUER,
        "issuanceDate": "2025-10-19T00:00:00Z",
        "expirationDate": "2025-11-18T00:00:00Z",
        **CLAIMS,
    }
    assert payload == {
        "vc": expected, "iss": ISSUER, "nbf": ISSUED_AT, "exp": ISSUED_AT + 30 * DAY, "cnf": {"jwk": HOLDERS[0].jwk},
    }  # fmt: skip
    verified = check(VERIFIER, credential)
    assert verified.claims == expected
    assert verified.issuer == ISSUER
    assert verified.holder_key == HOLDERS[0]
    assert verified.issued_at == ISSUED_AT
    assert verified.expires_at == ISSUED_AT + 30 * DAY
    assert verified.status is None
    assert verified.disclosures == ()
    assert verified.select(("credentialSubject", "years", None)) == (
        (("credentialSubject", "years", 0), 3), (("credentialSubject", "years", 1), 4),
    )  # fmt: skip
    assert "Erika" not in repr(verified)


@pytest.mark.spec("VCI-A.1.1.4-02", "VCI-A.1.3.4-01")
@pytest.mark.parametrize("identifier", ["jwt_vc_json", "jwt_vc_json-ld"])
def test_the_wallet_keeps_what_it_received(identifier: str) -> None:
    (credential,) = issue(JwtVcEncoder(signer=SIGNER, format=identifier))
    assert credential.count(".") == 2
    assert check(JwtVcVerifier(format=identifier), credential).credential == credential


@pytest.mark.spec("VCI-A.1.1.1-02", "VCI-A.1.3.1-02")
def test_nothing_is_fetched_for_json_ld() -> None:
    nowhere = "https://unresolvable.invalid/context"
    for cls in (JwtVcJsonConfiguration, JwtVcJsonLdConfiguration):
        configuration = cls.from_json(
            {
                "format": cls.identifier,
                "credential_definition": {"@context": [V1, nowhere, {"x": nowhere}], "type": ["Unheard"]},
            }
        )
        encoder = JwtVcEncoder(signer=SIGNER, issuer=DID_KEY, format=cls.identifier)
        (credential,) = issue(encoder, configuration=configuration)
        # The first answer is the last: no document is needed, and none is there.
        verified = check(JwtVcVerifier(format=cls.identifier), credential, configuration=configuration, documents={})
        assert verified.claims["@context"] == [V1, nowhere, {"x": nowhere}]


def test_contexts_and_types_come_from_the_configuration() -> None:
    encoder = JwtVcEncoder(signer=SIGNER, format="jwt_vc_json-ld", contexts=["https://example.com/more", EXAMPLES])
    (credential,) = issue(encoder)
    vc = opened(credential)[1]["vc"]
    assert vc["@context"] == [V1, EXAMPLES, "https://example.com/more"]
    assert vc["type"] == list(TYPES)
    check(JwtVcVerifier(format="jwt_vc_json-ld"), credential)


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("issuer", [None, DID_KEY, DID_JWK])
def test_bindings_and_issuers(issuer: str | None, binding: str) -> None:
    encoder = JwtVcEncoder(signer=SIGNER, issuer=issuer, binding=binding)
    credentials = issue(encoder, keys=HOLDERS)
    for credential, key in zip(credentials, HOLDERS, strict=True):
        verified = check(VERIFIER, credential)
        assert verified.holder_key == key
        assert verified.issuer == (issuer or ISSUER)
        header, payload = opened(credential)
        assert payload["iss"] == payload["vc"]["issuer"] == (issuer or ISSUER)
        if binding == "cnf":
            assert "sub" not in payload
            assert "id" not in payload["vc"]["credentialSubject"]
        else:
            did = DID_METHODS[binding.removeprefix("did:")].did(key)
            assert payload["sub"] == payload["vc"]["credentialSubject"]["id"] == did
            assert "cnf" not in payload
        if issuer is not None:
            assert header["kid"] == DID_METHODS[issuer.split(":")[1]].verification_method(issuer)
        rest = {name: value for name, value in payload["vc"]["credentialSubject"].items() if name != "id"}
        assert rest == CLAIMS["credentialSubject"]
    assert encoder.semantics.is_always(("credentialSubject", "id")) == (binding != "cnf")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519"])
def test_every_algorithm(algorithm: str) -> None:
    key = LocalSigner.generate("x", algorithm)
    did = DID_METHODS["key"].did(public_key(key.public_jwk))
    configuration = evolve(CONFIGURATIONS["jwt_vc_json"], credential_signing_alg_values_supported=(algorithm,))
    (credential,) = issue(JwtVcEncoder(signer=key, issuer=did), configuration=configuration)
    assert check(VERIFIER, credential, configuration=configuration, trust=Trust.of(did)).issuer == did
    assert check(VERIFIER, credential, configuration=None, trust=Trust.of(did)).issuer == did


def test_copies_share_nothing_but_the_dataset() -> None:
    own = [{"status": {"status_list": {"idx": i, "uri": "https://example.com/1"}}} for i in range(3)]
    credentials = issue(JwtVcEncoder(signer=SIGNER, new_ids=True), keys=HOLDERS, copies=own)
    verified = [check(VERIFIER, credential) for credential in credentials]
    assert [one.holder_key for one in verified] == list(HOLDERS)
    assert [one.status for one in verified] == [each["status"] for each in own]
    ids = {one.claims["id"] for one in verified}
    assert len(ids) == 3
    assert ids == {opened(credential)[1]["jti"] for credential in credentials}
    assert all("status" not in one.claims for one in verified)


def test_what_a_dataset_says_beside_claims() -> None:
    status = {"id": "https://example.com/s#1", "type": "BitstringStatusListEntry"}
    claims = {
        "id": "https://example.com/1",
        "issuer": {"name": "University"},
        "credentialSubject": {"id": "https://example.com/people/1", "name": "Erika"},
        "credentialStatus": status,
        "status": {"status_list": {"idx": 1, "uri": "https://example.com/1"}},
    }
    (credential,) = issue(ENCODER, claims)
    _, payload = opened(credential)
    assert payload["jti"] == "https://example.com/1"
    assert payload["sub"] == "https://example.com/people/1"
    verified = check(VERIFIER, credential)
    assert verified.claims["issuer"] == {"name": "University", "id": ISSUER}
    assert verified.status == {**claims["status"], "credentialStatus": status}  # type: ignore[dict-item]
    assert check(VERIFIER, issue(ENCODER, {**CLAIMS, "credentialStatus": status})[0]).status == {"credentialStatus": status}


def test_several_subjects() -> None:
    subjects = [{"id": "did:example:1", "name": "Erika"}, {"name": "Max"}]
    (credential,) = issue(ENCODER, {"credentialSubject": subjects})
    assert "sub" not in opened(credential)[1]
    assert check(VERIFIER, credential).claims["credentialSubject"] == subjects


def test_bound_to_nothing() -> None:
    for binding in BINDINGS:
        (credential,) = issue(JwtVcEncoder(signer=SIGNER, binding=binding), keys=())
        assert check(VERIFIER, credential, holder_keys=()).holder_key is None


def test_without_an_end() -> None:
    (credential,) = issue(JwtVcEncoder(signer=SIGNER, lifetime=None))
    assert "exp" not in opened(credential)[1]
    verified = check(VERIFIER, credential, now=NOW + 10_000 * DAY)
    assert verified.expires_at is None
    assert "expirationDate" not in verified.claims


def test_a_key_elsewhere() -> None:
    remote = RemoteSigner("issuer-1", "ES256", SIGNER.public_jwk)
    encoder = JwtVcEncoder(signer=remote, binding="did:jwk")
    draft = encoder.draft(
        CLAIMS, configuration=CONFIGURATIONS["jwt_vc_json"], issuer=ISSUER, holder_keys=HOLDERS, now=NOW, new_secret=new_secret
    )
    assert [(each.key_id, each.algorithm) for each in draft.to_sign] == [("issuer-1", "ES256")] * 3
    credentials = draft.finish([SIGNER.sign(each.data) for each in draft.to_sign])
    assert [check(VERIFIER, credential).holder_key for credential in credentials] == list(HOLDERS)
    with pytest.raises(ValueError, match="signatures"):
        draft.finish([b"x" * 64])


def test_the_issuer_in_a_certificate() -> None:
    names = (x509.SubjectAlternativeName([x509.DNSName("issuer.example.com"), x509.UniformResourceIdentifier(DID_KEY)]), False)
    leaf = signer("sub", SUB_KEY, names)
    key = LocalSigner("leaf", "ES256", LEAF_KEY)
    for issuer in (None, DID_KEY):
        encoder = JwtVcEncoder(signer=key, x5c=(leaf, SUB), issuer=issuer)
        (credential,) = issue(encoder)
        assert opened(credential)[0].keys() == {"alg", "typ", "x5c"}
        assert check(VERIFIER, credential, documents={}).issuer == (issuer or ISSUER)
    alone = certificate("signer", LEAF_KEY, "signer", LEAF_KEY)
    with pytest.raises(ValueError, match="self-signed"):
        JwtVcEncoder(signer=key, x5c=(alone,))
    with pytest.raises(ValueError, match="signer's key"):
        JwtVcEncoder(signer=SIGNER, x5c=(signer("root", ROOT_KEY),))


def test_the_document_that_is_needed() -> None:
    (credential,) = issue(ENCODER)
    arguments: dict[str, Any] = {"configuration": None, "trust": Trust.of(ISSUER), "holder_keys": HOLDERS, "now": NOW}
    assert VERIFIER.verify(credential, documents={}, **arguments) == NeededDocument(
        METADATA, ("application/json",), optional=True
    )
    assert not isinstance(VERIFIER.verify(credential, documents=documents(), **arguments), NeededDocument)
    # What is not at the well-known place is at the issuer's URL.
    nothing = {METADATA: b""}
    assert VERIFIER.verify(credential, documents=nothing, **arguments) == NeededDocument(ISSUER, ("application/json",))
    keys = {"keys": [{**SIGNER.public_jwk, "kid": "issuer-1"}]}
    for named in ({}, {"issuer": ISSUER}):
        there = {**nothing, ISSUER: dump_bytes({"jwks": keys, **named})}
        assert check(VERIFIER, credential, documents=there).issuer == ISSUER
    elsewhere = {**nothing, ISSUER: dump_bytes({"jwks_uri": f"{ISSUER}/jwks"})}
    trusting = {**arguments, "trust": Trust.of(ISSUER)}
    needed = VERIFIER.verify(credential, documents=elsewhere, **trusting)
    assert isinstance(needed, NeededDocument)
    assert needed.url == f"{ISSUER}/jwks"
    wrong: list[Any] = [{"issuer": f"{ISSUER}/", "jwks": keys}, {"issuer": None, "jwks": keys}, {"jwks": {"keys": []}}, {}, []]
    for body in (b"", *map(dump_bytes, wrong)):
        with pytest.raises(InvalidCredential):
            check(VERIFIER, credential, documents={**nothing, ISSUER: body})
    with pytest.raises(Untrusted):
        check(VERIFIER, credential, documents=nothing, trust=Trust())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"binding": "jwk"}, "binding"),
        ({"issuer": DID_METHODS["key"].did(public_key(OTHER.public_jwk))}, "signer's key"),
        ({"issuer": DID_KEY, "kid": "issuer-1"}, "DID URL"),
        ({"issuer": DID_KEY, "kid": f"{DID_JWK}#0"}, "kid must be"),
        ({"issuer": DID_JWK, "kid": f"{DID_JWK}#1"}, "does not have"),
        ({"issuer": "did:web:example.com", "kid": "key-1"}, "DID URL"),
        ({"issuer": "did:"}, "DID URL"),
        ({"lifetime": 60, "time_granularity": 60}, "time_granularity"),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        JwtVcEncoder(signer=SIGNER, **settings)


def test_a_did_that_is_resolved_elsewhere() -> None:
    encoder = JwtVcEncoder(signer=SIGNER, issuer="did:web:example.com", kid="did:web:example.com#key-1")
    assert opened(issue(encoder)[0])[0]["kid"] == "did:web:example.com#key-1"
    # By default it is the id of the signer, as in the document that the library makes.
    encoder = JwtVcEncoder(signer=SIGNER, issuer="did:web:example.com")
    assert opened(issue(encoder)[0])[0]["kid"] == "did:web:example.com#issuer-1"


def test_what_the_configuration_has_promised() -> None:
    promised = CONFIGURATIONS["jwt_vc_json"]
    ENCODER.check(promised)
    ENCODER.check(evolve(promised, cryptographic_binding_methods_supported=("did:key", "jwk")))
    ENCODER.check(evolve(promised, credential_signing_alg_values_supported=None))
    with pytest.raises(ValueError, match="algorithm"):
        ENCODER.check(evolve(promised, credential_signing_alg_values_supported=("es256", "ES384")))
    with pytest.raises(ValueError, match="binding"):
        ENCODER.check(evolve(promised, cryptographic_binding_methods_supported=("did:key",)))
    with pytest.raises(ValueError, match="credential_definition"):
        ENCODER.check(CredentialConfiguration(format="jwt_vc_json"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=8).filter(lambda name: name != "id"), JSON, min_size=1, max_size=5),
    st.sampled_from(BINDINGS),
    st.sampled_from(["jwt_vc_json", "jwt_vc_json-ld"]),
)
def test_any_dataset_comes_back(subject: dict[str, Any], binding: str, identifier: str) -> None:
    encoder = JwtVcEncoder(signer=SIGNER, issuer=DID_KEY, binding=binding, format=identifier)
    credentials = issue(encoder, {"credentialSubject": subject}, HOLDERS[:2])
    for i, credential in enumerate(credentials):
        verified = check(JwtVcVerifier(format=identifier), credential, documents={})
        assert {name: value for name, value in verified.claims["credentialSubject"].items() if name != "id"} == subject
        assert verified.holder_key == HOLDERS[i]
