"""Credential Offers, metadata and authorization details: valid, and fit to be published."""

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci.claims import ClaimDisplay, ClaimsDescription
from oid4vci.keys import LocalSigner
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    BatchCredentialIssuance,
    ClientMetadata,
    CredentialConfiguration,
    CredentialDefinition,
    CredentialDisplay,
    CredentialIssuerMetadata,
    CredentialMetadata,
    CredentialRequestEncryption,
    CredentialResponseEncryption,
    Image,
    IssuerDisplay,
    JwtVcJsonConfiguration,
    JwtVcJsonLdConfiguration,
    KeyAttestationsRequired,
    LdpVcConfiguration,
    MsoMdocConfiguration,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.oauth.authorization_details import AuthorizationDetail
from oid4vci.offers import (
    AUTHORIZATION_CODE,
    PRE_AUTHORIZED_CODE,
    AuthorizationCodeGrant,
    CredentialOffer,
    Grants,
    PreAuthorizedCodeGrant,
    TxCode,
)
from oid4vci.testing.strategies.values import (
    NAMES,
    TEXT,
    WORDS,
    documents,
    endpoints,
    identifier_urls,
    json_objects,
    optional,
    st,
    tuples,
)

__all__ = (
    "HOLDERS",
    "SECRETS",
    "authorization_details",
    "authorization_server_metadata",
    "client_metadata",
    "credential_configurations",
    "credential_issuer_metadata",
    "credential_offers",
)

# Keys that are the same in every run, so that examples can be replayed.
HOLDERS: Final = tuple(LocalSigner(f"holder-{i}", "ES256", ec.derive_private_key(i + 1, ec.SECP256R1())) for i in range(4))

# What RFC 6749 A allows in a code, with every character that forms and headers treat in their own way.
SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=24)
_LOCALES = st.sampled_from(["en", "en-US", "de-AT", "de-Latn-DE-1996", "zh-Hant", "x-klingon"])
_COLOURS = st.sampled_from(["#fff", "#12a3b4", "rgb(1, 2, 3)", "rgba(0%,50%,100%,.5)", "hsl(120, 100%, 25%)"])
_JWS_NAMES = st.lists(st.sampled_from(["ES256", "ES384", "EdDSA", "ML-DSA-44"]), min_size=1, max_size=3, unique=True)
_COSE_NUMBERS = st.lists(st.sampled_from([-7, -9, -19, -50]), min_size=1, max_size=3, unique=True)


def credential_offers(metadata: CredentialIssuerMetadata | None = None) -> st.SearchStrategy[CredentialOffer]:
    """Credential Offers (OID4VCI 4.1.1), with unknown members; for an issuer with these `metadata`, or for any."""
    servers: st.SearchStrategy[str | None] = optional(identifier_urls())
    issuers, ids = identifier_urls(), WORDS
    if metadata is not None:
        issuers, ids = (
            st.just(metadata.credential_issuer),
            st.sampled_from(sorted(metadata.credential_configurations_supported)),
        )
        several = metadata.authorization_servers or ()
        servers = optional(st.sampled_from(several)) if len(several) > 1 else st.none()
    tx_codes = documents(
        TxCode,
        input_mode=optional(st.sampled_from(["numeric", "text"])),
        length=optional(st.integers(1, 12)),
        description=optional(st.text(max_size=300)),
    )
    pre_authorized = documents(
        PreAuthorizedCodeGrant, pre_authorized_code=SECRETS, tx_code=optional(tx_codes), authorization_server=servers
    )
    authorization = documents(AuthorizationCodeGrant, issuer_state=optional(WORDS), authorization_server=servers)
    grants = documents(
        Grants,
        unknown=st.sampled_from([{}, {"x": [1, None]}]),
        authorization_code=optional(authorization),
        pre_authorized_code=optional(pre_authorized),
    )
    return documents(
        CredentialOffer,
        credential_issuer=issuers,
        credential_configuration_ids=tuples(ids, unique_by=str),
        grants=optional(grants),
    )


def authorization_details(*, identified: bool = False) -> st.SearchStrategy[tuple[AuthorizationDetail, ...]]:
    """`authorization_details` of a request (OID4VCI 5.1.1); with `identified`, those of a Token Response (6.2)."""
    identifiers = tuples(WORDS, unique_by=str) if identified else st.none()
    details = documents(
        AuthorizationDetail,
        credential_configuration_id=WORDS,
        locations=st.none(),
        claims=optional(_claims()),
        credential_identifiers=identifiers,
    )
    return tuples(details, unique_by=lambda detail: detail.credential_configuration_id)


def _claims(names: int = 1) -> st.SearchStrategy[tuple[ClaimsDescription, ...]]:
    """Claims descriptions that neither repeat nor contradict each other: each begins with names of its own.

    `names`: with how many; the path of an mdoc's claim begins with two (OID4VCI C.2).
    """
    begin = st.tuples(*[WORDS] * names)
    rest = st.lists(st.none() | TEXT | st.integers(0, 5), max_size=3)
    displays = documents(ClaimDisplay, name=optional(TEXT), locale=_LOCALES)
    descriptions = documents(
        ClaimsDescription,
        path=st.builds(lambda first, steps: (*first, *steps), begin, rest),
        mandatory=optional(st.booleans()),
        display=optional(_by_language(displays)),
    )
    return tuples(descriptions, unique_by=lambda description: description.path[0])


def _by_language(displays: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return tuples(displays, unique_by=lambda display: display.locale)


def _images() -> st.SearchStrategy[Image]:
    return documents(Image, uri=endpoints() | st.just("data:image/png;base64,iVBORw=="), alt_text=optional(TEXT))


def credential_configurations() -> st.SearchStrategy[CredentialConfiguration]:
    """Credential Configurations of every format that the library knows, and of others; fit to be published."""
    contexts = tuples(endpoints() | json_objects())
    types = tuples(WORDS)
    plain = documents(CredentialDefinition, type=types, context=optional(contexts))
    linked = documents(CredentialDefinition, type=types, context=contexts)
    return st.one_of(
        _configurations(SdJwtVcConfiguration, _JWS_NAMES, vct=WORDS),
        _configurations(MsoMdocConfiguration, _COSE_NUMBERS, claims=_claims(2), doctype=WORDS),
        _configurations(JwtVcJsonConfiguration, _JWS_NAMES, credential_definition=plain),
        _configurations(LdpVcConfiguration, st.just(["ecdsa-rdfc-2019"]), credential_definition=linked),
        _configurations(JwtVcJsonLdConfiguration, _JWS_NAMES, credential_definition=linked),
        _configurations(CredentialConfiguration, _JWS_NAMES | _COSE_NUMBERS, format=NAMES.map("x-".__add__)),
    )


def _configurations(
    cls: type[CredentialConfiguration],
    algorithms: st.SearchStrategy[Any],
    *,
    # A string: where the documentation is built without hypothesis, its names know no `|`.
    claims: "st.SearchStrategy[tuple[ClaimsDescription, ...]] | None" = None,
    **members: st.SearchStrategy[Any],
) -> st.SearchStrategy[CredentialConfiguration]:
    attestations = documents(KeyAttestationsRequired, key_storage=optional(tuples(WORDS)))
    proof_types = documents(
        ProofType,
        proof_signing_alg_values_supported=_JWS_NAMES.map(tuple),
        key_attestations_required=optional(attestations),
    )
    displays = documents(
        CredentialDisplay,
        name=TEXT,
        locale=_LOCALES,
        logo=optional(_images()),
        description=optional(TEXT),
        background_color=optional(_COLOURS),
        background_image=optional(_images()),
        text_color=optional(_COLOURS),
    )
    shown = documents(
        CredentialMetadata, display=optional(_by_language(displays)), claims=optional(_claims() if claims is None else claims)
    )
    methods = tuples(st.sampled_from(["jwk", "cose_key", "did:key", "did:web"]), unique_by=str)
    names = st.sampled_from(["jwt", "attestation", "x-proof"])
    members |= {
        "scope": optional(NAMES),
        "credential_signing_alg_values_supported": optional(algorithms.map(tuple)),
        "credential_metadata": optional(shown),
    }
    # Either both or none of them: OID4VCI 12.2.4.
    bound = documents(
        cls,
        cryptographic_binding_methods_supported=methods,
        proof_types_supported=st.dictionaries(names, proof_types, min_size=1, max_size=2),
        **members,
    )
    return bound | documents(cls, **members)


def credential_issuer_metadata() -> st.SearchStrategy[CredentialIssuerMetadata]:
    """Credential Issuer Metadata (OID4VCI 12.2.4), with unknown members everywhere, fit to be published."""
    key = {**HOLDERS[0].public_jwk, "kid": "1", "alg": "ECDH-ES", "use": "enc"}
    encrypted: dict[str, st.SearchStrategy[Any]] = {
        "enc_values_supported": st.just(("A128GCM", "A256GCM")),
        "zip_values_supported": st.sampled_from([None, ("DEF",)]),
        "encryption_required": st.booleans(),
    }
    displays = documents(IssuerDisplay, name=optional(TEXT), locale=_LOCALES, logo=optional(_images()))
    members: dict[str, st.SearchStrategy[Any]] = {
        "credential_issuer": identifier_urls(),
        "authorization_servers": optional(tuples(identifier_urls(), unique_by=str)),
        "credential_endpoint": endpoints(),
        "nonce_endpoint": optional(endpoints()),
        "deferred_credential_endpoint": optional(endpoints()),
        "notification_endpoint": optional(endpoints()),
        "batch_credential_issuance": optional(documents(BatchCredentialIssuance, batch_size=st.integers(2, 100))),
        "display": optional(_by_language(displays)),
        "credential_configurations_supported": st.dictionaries(WORDS, credential_configurations(), min_size=1, max_size=2),
    }
    # Encrypted responses need encrypted requests: OID4VCI 8.2.
    encrypting = documents(
        CredentialIssuerMetadata,
        credential_request_encryption=documents(CredentialRequestEncryption, jwks=st.just({"keys": [key]}), **encrypted),
        credential_response_encryption=optional(
            documents(CredentialResponseEncryption, alg_values_supported=st.just(("ECDH-ES",)), **encrypted)
        ),
        **members,
    )
    return documents(CredentialIssuerMetadata, **members) | encrypting


def authorization_server_metadata() -> st.SearchStrategy[AuthorizationServerMetadata]:
    """Authorization Server Metadata (RFC 8414, OID4VCI 12.3), with unknown members, fit to be published."""
    members: dict[str, st.SearchStrategy[Any]] = {
        "issuer": identifier_urls(),
        "token_endpoint": endpoints(),
        "pushed_authorization_request_endpoint": optional(endpoints()),
        "jwks_uri": optional(endpoints()),
        "scopes_supported": optional(tuples(NAMES)),
        "token_endpoint_auth_methods_supported": st.sampled_from([None, ("none",), ("attest_jwt_client_auth", "none")]),
        "dpop_signing_alg_values_supported": optional(_JWS_NAMES.map(tuple)),
        "authorization_details_types_supported": st.sampled_from([None, ("openid_credential",)]),
        "authorization_response_iss_parameter_supported": optional(st.booleans()),
        "pre_authorized_grant_anonymous_access_supported": optional(st.booleans()),
    }
    with_browser = documents(
        AuthorizationServerMetadata,
        grant_types_supported=st.sampled_from([(AUTHORIZATION_CODE,), (AUTHORIZATION_CODE, PRE_AUTHORIZED_CODE)]),
        authorization_endpoint=endpoints(),
        response_types_supported=st.just(("code",)),
        code_challenge_methods_supported=st.just(("S256",)),
        **members,
    )
    without = documents(AuthorizationServerMetadata, grant_types_supported=st.just((PRE_AUTHORIZED_CODE,)), **members)
    return without | with_browser


def client_metadata() -> st.SearchStrategy[ClientMetadata]:
    """Client Metadata of Wallets (OID4VCI 12.1), with unknown members."""
    return documents(
        ClientMetadata,
        redirect_uris=optional(tuples(endpoints())),
        client_name=optional(TEXT),
        jwks=optional(st.just({"keys": [dict(HOLDERS[0].public_jwk)]})),
        credential_offer_endpoint=optional(
            st.sampled_from(["openid-credential-offer://", "https://wallet.example/offers?x=1"])
        ),
    )
