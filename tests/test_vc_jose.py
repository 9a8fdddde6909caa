"""`vc+jwt` and `vc+sd-jwt` (VC-JOSE-COSE 3.1, 3.2): what issuers make, and Wallets believe."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from oid4vci.dids import DID_METHODS
from oid4vci.formats.credential_format import CredentialEncoder, CredentialFormat, CredentialVerifier, NeededDocument
from oid4vci.formats.known import KnownFormats
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM
from oid4vci.formats.vc_jwt import VC_JWT, VcJwtConfiguration, VcJwtEncoder, VcJwtVerifier
from oid4vci.formats.vc_sd_jwt import VC_SD_JWT, VcSdJwtEncoder, VcSdJwtVerifier
from oid4vci.formats.vcdm import SEMANTICS
from oid4vci.keys import RemoteSigner
from oid4vci.metadata import CONFIGURATION_CLASSES, CredentialConfiguration, CredentialDefinition, LdpVcConfiguration
from oid4vci.secret import new_secret
from tests.test_jwt_vc import JSON
from tests.test_x509 import NOW
from tests.w3c_credentials import (
    CLAIMS,
    CONFIGURATIONS,
    DAY,
    DID_JWK,
    DID_KEY,
    HOLDERS,
    ISSUER,
    METADATA,
    SIGNER,
    TRUST,
    TYPES,
    V2,
    check,
    issue,
    opened,
)

FORMATS = (VC_JWT, VC_SD_JWT)
ISSUED_AT = NOW // DAY * DAY
BINDINGS = ("cnf", "did:key", "did:jwk")
each_format = pytest.mark.parametrize("credential_format", FORMATS, ids=lambda it: it.identifier)


@each_format
def test_the_interfaces_fit(credential_format: CredentialFormat) -> None:
    encoder: CredentialEncoder = credential_format.encoder(signer=SIGNER)
    verifier: CredentialVerifier = credential_format.verifier()
    assert encoder.format == credential_format.identifier == credential_format.configuration_class.identifier
    assert verifier
    # OID4VCI has no profile for them, so they are read as such only where a caller says so.
    metadata = CONFIGURATIONS[encoder.format].to_json()
    assert type(CredentialConfiguration.read(metadata)) is CredentialConfiguration
    classes = {**CONFIGURATION_CLASSES, encoder.format: credential_format.configuration_class}
    assert CredentialConfiguration.read(metadata, classes=classes) == CONFIGURATIONS[encoder.format]


@each_format
def test_a_credential(credential_format: CredentialFormat) -> None:
    (credential,) = issue(credential_format.encoder(signer=SIGNER))
    header, payload = opened(credential)
    assert header == {"alg": "ES256", "typ": credential_format.identifier, "cty": "vc", "kid": "issuer-1"}
    expected = {
        "@context": [V2],
        "type": list(TYPES),
        "issuer": ISSUER,
        "validFrom": "2025-10-19T00:00:00Z",
        "validUntil": "2025-11-18T00:00:00Z",
        **CLAIMS,
        "iss": ISSUER,
        "iat": ISSUED_AT,
        "exp": ISSUED_AT + 30 * DAY,
        "cnf": {"jwk": HOLDERS[0].jwk},
    }
    assert payload == expected
    verified = check(credential_format.verifier(), credential)
    assert verified.claims == expected
    assert verified.credential == credential
    assert verified.format == credential_format.identifier
    assert verified.issuer == ISSUER
    assert verified.holder_key == HOLDERS[0]
    assert verified.issued_at == ISSUED_AT
    assert verified.expires_at == ISSUED_AT + 30 * DAY
    assert verified.status is None
    assert verified.select(("credentialSubject", "given_name")) == ((("credentialSubject", "given_name"), "Erika"),)
    assert "Erika" not in repr(verified)


@each_format
@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("issuer", [None, DID_KEY, DID_JWK])
def test_bindings_and_issuers(credential_format: CredentialFormat, issuer: str | None, binding: str) -> None:
    encoder = credential_format.encoder(signer=SIGNER, issuer=issuer, binding=binding, include_issuer=issuer is None)
    for credential, key in zip(issue(encoder, keys=HOLDERS), HOLDERS, strict=True):
        verified = check(credential_format.verifier(), credential)
        assert verified.holder_key == key
        assert verified.issuer == (issuer or ISSUER)
        payload = opened(credential)[1]
        assert ("iss" in payload) == (issuer is None)
        if binding == "cnf":
            assert "id" not in payload["credentialSubject"]
        else:
            assert payload["credentialSubject"]["id"] == DID_METHODS[binding.removeprefix("did:")].did(key)
            assert "cnf" not in payload
        assert {**verified.claims["credentialSubject"], "id": 1} == {**CLAIMS["credentialSubject"], "id": 1}


@each_format
def test_copies_share_nothing_but_the_dataset(credential_format: CredentialFormat) -> None:
    own: list[dict[str, Any]] = [
        {
            "status": {"status_list": {"idx": i, "uri": "https://example.com/1"}},
            "credentialStatus": {"type": "BitstringStatusListEntry", "statusListIndex": str(i)},
        }
        for i in range(3)
    ]
    credentials = issue(credential_format.encoder(signer=SIGNER, new_ids=True), keys=HOLDERS, copies=own)
    verified = [check(credential_format.verifier(), credential) for credential in credentials]
    assert [one.status for one in verified] == [
        {**each["status"], "credentialStatus": each["credentialStatus"]} for each in own
    ]
    assert len({one.claims["id"] for one in verified}) == 3
    assert [one.holder_key for one in verified] == list(HOLDERS)


@each_format
def test_bound_to_nothing_and_without_an_end(credential_format: CredentialFormat) -> None:
    (credential,) = issue(credential_format.encoder(signer=SIGNER, lifetime=None), keys=())
    payload = opened(credential)[1]
    assert payload.keys().isdisjoint(("exp", "validUntil", "cnf"))
    verified = check(credential_format.verifier(), credential, holder_keys=(), now=NOW + 10_000 * DAY)
    assert verified.holder_key is None
    assert verified.expires_at is None


@each_format
@pytest.mark.parametrize("binding", ["cnf", "did:jwk"])
def test_a_key_elsewhere(credential_format: CredentialFormat, binding: str) -> None:
    encoder = credential_format.encoder(signer=RemoteSigner("issuer-1", "ES256", SIGNER.public_jwk), binding=binding)
    draft = encoder.draft(
        CLAIMS,
        configuration=CONFIGURATIONS[encoder.format],
        issuer=ISSUER,
        holder_keys=HOLDERS,
        now=NOW,
        new_secret=new_secret,
    )
    assert len(draft.to_sign) == 3
    credentials = draft.finish([SIGNER.sign(each.data) for each in draft.to_sign])
    assert [check(credential_format.verifier(), one).holder_key for one in credentials] == list(HOLDERS)


@each_format
def test_the_document_that_is_needed(credential_format: CredentialFormat) -> None:
    (credential,) = issue(credential_format.encoder(signer=SIGNER))
    needed = credential_format.verifier().verify(
        credential, configuration=None, trust=TRUST, holder_keys=(), documents={}, now=NOW
    )
    assert needed == NeededDocument(METADATA, ("application/json",), optional=True)


@each_format
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "vc", "vp"])
def test_claims_of_the_jwt_are_no_dataset(credential_format: CredentialFormat, name: str) -> None:
    encoder = credential_format.encoder(signer=SIGNER)
    with pytest.raises(ValueError, match=name):
        issue(encoder, {**CLAIMS, name: "x"})
    with pytest.raises(ValueError, match=name):
        issue(encoder, copies=[{name: "x"}])


@each_format
def test_what_the_configuration_has_promised(credential_format: CredentialFormat) -> None:
    encoder = credential_format.encoder(signer=SIGNER)
    promised = CONFIGURATIONS[encoder.format]
    encoder.check(evolve(promised, cryptographic_binding_methods_supported=("jwk",)))
    with pytest.raises(ValueError, match="algorithm"):
        encoder.check(evolve(promised, credential_signing_alg_values_supported=("EdDSA",)))
    with pytest.raises(ValueError, match="binding"):
        encoder.check(evolve(promised, cryptographic_binding_methods_supported=("did:jwk",)))
    for other in CONFIGURATIONS.keys() - {encoder.format}:
        with pytest.raises(ValueError, match="configuration"):
            encoder.check(CONFIGURATIONS[other])


# --- selective disclosure ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binding", BINDINGS)
def test_what_the_holder_can_withhold(binding: str) -> None:
    paths = [
        ("name",),
        ("credentialSubject", "given_name"),
        ("credentialSubject", "degree", "name"),
        ("credentialSubject", "years", 0),
    ]
    encoder = VcSdJwtEncoder(signer=SIGNER, disclosable=paths, decoys=2, hash_algorithm="sha-384", binding=binding)
    credentials = issue(encoder, keys=HOLDERS)
    for credential, key in zip(credentials, HOLDERS, strict=True):
        payload = opened(credential)[1]
        assert "name" not in payload
        assert payload["credentialSubject"].keys() >= {"_sd", "degree", "years"}
        assert "given_name" not in payload["credentialSubject"]
        verified = check(VcSdJwtVerifier(), credential)
        assert {disclosure.path for disclosure in verified.disclosures} == set(paths)
        assert {**verified.claims["credentialSubject"], "id": 1} == {**CLAIMS["credentialSubject"], "id": 1}
        assert verified.claims["name"] == "Degree"
        assert verified.holder_key == key
        # Without disclosures it is still a credential, of somebody who says less.
        assert "given_name" not in check(VcSdJwtVerifier(), credential.partition("~")[0] + "~").claims["credentialSubject"]
    texts = [{disclosure.text for disclosure in check(VcSdJwtVerifier(), one).disclosures} for one in credentials]
    assert not texts[0] & texts[1]


@pytest.mark.parametrize("binding", BINDINGS)
def test_every_claim(binding: str) -> None:
    (credential,) = issue(VcSdJwtEncoder(signer=SIGNER, disclosable=EVERY_CLAIM, binding=binding))
    assert opened(credential)[1]["credentialSubject"].keys() <= {"id", "_sd"}
    verified = check(VcSdJwtVerifier(), credential)
    assert {one.path for one in verified.disclosures} == {("credentialSubject", name) for name in CLAIMS["credentialSubject"]}
    several = {"credentialSubject": [{"id": "did:example:1", "a": 1}, {"b": 2}]}
    if binding == "cnf":
        (credential,) = issue(VcSdJwtEncoder(signer=SIGNER, disclosable=EVERY_CLAIM), several)
        paths = {one.path for one in check(VcSdJwtVerifier(), credential).disclosures}
        assert paths == {("credentialSubject", 0, "a"), ("credentialSubject", 1, "b")}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        *(
            ({"disclosable": [(name,)]}, name)
            for name in ("@context", "type", "issuer", "validFrom", "credentialStatus", "cnf")
        ),
        ({"disclosable": [("issuer", "name")]}, "issuer"),
        ({"disclosable": [("credentialSchema",)]}, "credentialSchema"),
        ({"disclosable": [("credentialSubject", "id")], "binding": "did:key"}, "binds"),
        ({"disclosable": [("credentialSubject",)], "binding": "did:key"}, "binds"),
        ({"disclosable": "all"}, "EVERY_CLAIM"),
        ({"disclosable": [("_sd",)]}, "reserved"),
        ({"decoys": -1}, "decoys"),
        ({"hash_algorithm": "md5"}, "hash_algorithm"),
        ({"binding": "did:web"}, "binding"),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        VcSdJwtEncoder(signer=SIGNER, **settings)


def test_datasets_that_cannot_be_hidden() -> None:
    encoder = VcSdJwtEncoder(signer=SIGNER, disclosable=[("id",), ("credentialSubject", "given_name")])
    check(VcSdJwtVerifier(), issue(encoder, {**CLAIMS, "id": "urn:x:1"})[0])
    with pytest.raises(ValueError, match="disclosable"):
        issue(encoder, copies=[{"id": "urn:x:1"}])
    datasets: list[Any] = [{"_sd": []}, {"a": {"...": 1}}, {"a": {1}}]
    for subject in datasets:
        with pytest.raises(ValueError, match=r"reserved|JSON"):
            issue(encoder, {"credentialSubject": subject})
    with pytest.raises(ValueError, match="reserved"):
        issue(encoder, copies=[{"evidence": {"_sd": []}}])


@given(
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name not in ("id", "_sd", "...", "_sd_alg")), JSON, min_size=1, max_size=4
    ),
    st.sampled_from(BINDINGS),
    st.booleans(),
)
def test_any_dataset_comes_back(subject: dict[str, Any], binding: str, hidden: bool) -> None:
    sd_jwt = VcSdJwtEncoder(signer=SIGNER, issuer=DID_KEY, binding=binding, disclosable=EVERY_CLAIM if hidden else ())
    for encoder, verifier in (
        (VcJwtEncoder(signer=SIGNER, issuer=DID_KEY, binding=binding), VcJwtVerifier()),
        (sd_jwt, VcSdJwtVerifier()),
    ):
        try:
            credentials = issue(encoder, {"credentialSubject": subject}, HOLDERS[:2])
        except ValueError as error:
            assert "reserved" in str(error)  # noqa: PT017
            continue
        for credential, key in zip(credentials, HOLDERS, strict=False):
            verified = check(verifier, credential, documents={})
            assert {name: value for name, value in verified.claims["credentialSubject"].items() if name != "id"} == subject
            assert verified.holder_key == key


# --- a format of one's own --------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-A.1-02")
def test_a_private_format() -> None:
    """What has no profile is not promised under the name of another, and works under one of its own."""

    class OwnConfiguration(VcJwtConfiguration):
        __slots__ = ()
        identifier = "com.example.vc"

    class OwnEncoder(VcJwtEncoder):
        typ = "com.example.vc"

    class OwnVerifier(VcJwtVerifier):
        format = "com.example.vc"

    own = CredentialFormat(
        identifier="com.example.vc",
        configuration_class=OwnConfiguration,
        encoder=OwnEncoder,
        verifier=OwnVerifier,
        semantics=SEMANTICS,
    )
    formats = KnownFormats({own.identifier: lambda: own})
    classes = {identifier: formats[identifier].configuration_class for identifier in formats}
    definition = {"@context": [V2], "type": list(TYPES)}
    read = CredentialConfiguration.read({"format": "com.example.vc", "credential_definition": definition}, classes=classes)
    encoder = formats[read.format].encoder(signer=SIGNER)
    (credential,) = issue(encoder, configuration=read)
    assert check(formats[read.format].verifier(), credential, configuration=read).format == "com.example.vc"
    with pytest.raises(ValueError, match="configuration"):
        encoder.check(LdpVcConfiguration(credential_definition=CredentialDefinition(context=(V2,), type=TYPES)))
