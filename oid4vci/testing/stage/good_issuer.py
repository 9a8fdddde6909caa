"""The issuer and the Authorization Server of a setting, with nothing wrong: the library's own roles, whose application agrees."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from attrs import field, frozen

from oid4vci.authorization_server import AuthorizationOrder, AuthorizationServer, TokenOrder
from oid4vci.drive import Draft
from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.formats.mdoc import MdocEncoder
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.issuer import CredentialOrder, Deferral, DeferredOrder, Issuer, NotificationOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.metadata import (
    BatchCredentialIssuance,
    CredentialConfiguration,
    CredentialDisplay,
    CredentialIssuerMetadata,
    CredentialMetadata,
    IssuerDisplay,
    KeyAttestationsRequired,
    MetadataSigner,
    MsoMdocConfiguration,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.nonces import Nonces
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_assertion import PrivateKeyJwt
from oid4vci.oauth.client_authentication import PublicClient
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.records import Reply
from oid4vci.revocation import Statuses, StatusRef
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret
from oid4vci.testing.stage.authority import CertifiedKey, IssuingAuthority
from oid4vci.testing.stage.profile import WalletProfile
from oid4vci.testing.stage.setting import Setting

__all__ = ("CONFIGURATION", "DOCTYPE", "VCT", "Application", "GoodIssuer", "good_issuer")

CONFIGURATION: Final = "person"
VCT: Final = "urn:example:person"
DOCTYPE: Final = "org.example.person.1"
SUBJECT: Final = "ada"
DATASET: Final = "person-of-ada"
CLAIMS: Final[Mapping[str, Any]] = {"family_name": "Lovelace", "given_name": "Ada", "birthdate": "1815-12-10"}
ELEMENTS: Final[Mapping[str, Any]] = {
    DOCTYPE: {"family_name": "Lovelace", "given_name": "Ada", "birth_date": date(1815, 12, 10)}
}
LIFETIME: Final = 10_000


@frozen(eq=False)
class GoodIssuer:
    """Both roles, and with what they sign, encrypt and seal."""

    issuer: Issuer
    server: AuthorizationServer
    key: CertifiedKey
    authority: IssuingAuthority
    encryption: Encryption | None
    dpop_nonces: DpopNonces
    keys: SealingKeys = field(repr=False)


class Application(MemoryStore):
    """Agrees to everything but what its setting says, and remembers what it was told."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting
        self._deferrals = setting.deferrals
        self.events: list[str] = []

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """Nothing is fetched for a Wallet: its keys are with its requests."""
        return {}

    def check_statuses(self, references: Sequence[StatusRef], /) -> Statuses:
        """Who is believed has revoked nothing."""
        return dict.fromkeys(references, 0)

    def decide(self, order: Any, /) -> Draft | Reply:
        """Yes, at once or later."""
        if isinstance(order, AuthorizationOrder):
            datasets = {CONFIGURATION: (DATASET,)} if self._setting.identifiers else None
            return order.refuse() if self._setting.refuses else order.approve(SUBJECT, datasets=datasets)
        if isinstance(order, NotificationOrder):
            self.events.append(order.event)
            return order.acknowledge()
        if isinstance(order, CredentialOrder | DeferredOrder):
            return self._credential(order)
        issued: Draft = order.issue() if isinstance(order, TokenOrder) else order.deny()
        return issued

    def _credential(self, order: CredentialOrder | DeferredOrder) -> Draft:
        if self._deferrals > 0:
            self._deferrals -= 1
            interval = self._setting.interval
            return order.wait(interval=interval) if isinstance(order, DeferredOrder) else order.defer(interval=interval)
        return order.issue(ELEMENTS if order.configuration.format == "mso_mdoc" else CLAIMS)

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """Nothing is signed elsewhere."""
        return ()


def _configuration(setting: Setting, name: str) -> CredentialConfiguration:
    attested = KeyAttestationsRequired() if setting.key_attestations else None
    proof = ProofType(proof_signing_alg_values_supported=("ES256",), key_attestations_required=attested)
    members: dict[str, Any] = {
        "scope": CONFIGURATION if setting.scope else None,
        "proof_types_supported": {setting.proof_type: proof},
        "credential_metadata": CredentialMetadata(display=(CredentialDisplay(name="Person", locale="en"),)),
    }
    if name == "mso_mdoc":
        return MsoMdocConfiguration(
            doctype=DOCTYPE,
            # Fully specified and not: both are ES256 on P-256 (OID4VCI A.2.2).
            credential_signing_alg_values_supported=(-9, -7),
            cryptographic_binding_methods_supported=("cose_key",),
            **members,
        )
    return SdJwtVcConfiguration(
        vct=VCT,
        credential_signing_alg_values_supported=("ES256",),
        cryptographic_binding_methods_supported=("jwk",),
        **members,
    )


def good_issuer(
    identifier: str, setting: Setting, profile: WalletProfile, authority: IssuingAuthority, *, now: int
) -> GoodIssuer:
    """The issuer at `identifier`. Its grant and format must be settled."""
    keys, base = SealingKeys([new_secret(32)]), identifier.removesuffix("/")
    nonces = DpopNonces(keys)
    checks = None if setting.dpop == "off" else Dpop(nonces=nonces if setting.dpop == "nonces" else None)
    key = authority.document_key(now=now) if setting.format == "mso_mdoc" else authority.issuer_key(identifier, now=now)
    encryption = _encryption(setting)
    server_identifier = f"{base}/as" if setting.servers == "several" else identifier
    metadata = _metadata(identifier, setting, encryption)
    issuer = Issuer(
        metadata,
        SealedAccessTokens(keys),
        {CONFIGURATION: _encoder(setting, key)},
        nonces=Nonces(keys) if setting.c_nonces else None,
        proof_types={setting.proof_type: _proof_type(setting, profile)},
        credential_offer_endpoint=f"{base}/credential-offer",
        published_keys=(key.signer,) if setting.jwt_vc_issuer else (),
        dpop=checks,
        bearer=True,
        signed_metadata=_metadata_signer(identifier, setting, authority, now),
        encryption=encryption,
        deferral=Deferral(LIFETIME),
        notifications=Notifications(keys),
    )
    server = AuthorizationServer.at(
        server_identifier,
        access_tokens=SealedAccessTokens(keys),
        pre_authorized_codes=PreAuthorizedCodes(keys),
        authorization_codes=AuthorizationCodes(),
        refresh_tokens=RefreshTokens(keys),
        credential_issuers=(metadata,),
        other_clients=profile.registration,
        client_authentication={profile.method: _client_authentication(profile)},
        dpop=checks,
        metadata={"pre_authorized_grant_anonymous_access_supported": True} if setting.anonymous else None,
    )
    return GoodIssuer(issuer, server, key, authority, encryption, nonces, keys)


def _metadata(identifier: str, setting: Setting, encryption: Encryption | None) -> CredentialIssuerMetadata:
    base = identifier.removesuffix("/")
    several = (f"{base}/other", f"{base}/as") if setting.servers == "several" else None
    return CredentialIssuerMetadata.build(
        credential_issuer=identifier,
        credential_endpoint=f"{base}/credential",
        nonce_endpoint=f"{base}/nonce" if setting.c_nonces else None,
        deferred_credential_endpoint=f"{base}/deferred_credential",
        notification_endpoint=f"{base}/notification",
        authorization_servers=several,
        display=(IssuerDisplay(name="Scripted issuer", locale="en"),),
        batch_credential_issuance=None if setting.batch_size < 2 else BatchCredentialIssuance(batch_size=setting.batch_size),
        credential_request_encryption=None if encryption is None else encryption.request_metadata,
        credential_response_encryption=None if encryption is None else encryption.response_metadata,
        credential_configurations_supported={CONFIGURATION: _configuration(setting, setting.format or "dc+sd-jwt")},
    )


def _encryption(setting: Setting) -> Encryption | None:
    if setting.encryption is None:
        return None
    return Encryption(
        keys=[DecryptionKey.generate("encryption-1")],
        requests_required=True,
        responses_required=setting.encryption == "responses",
    )


def _encoder(setting: Setting, key: CertifiedKey) -> MdocEncoder | SdJwtVcEncoder:
    if setting.format == "mso_mdoc":
        return MdocEncoder(signer=key.signer, x5c=(key.certificate,))
    chain = () if setting.jwt_vc_issuer else (key.certificate,)
    return SdJwtVcEncoder(signer=key.signer, x5c=chain, disclosable="every claim")


def _proof_type(setting: Setting, profile: WalletProfile) -> JwtProofType | AttestationProofType:
    if setting.proof_type == "jwt":
        return JwtProofType(key_attestations=profile.key_attestations)
    if profile.key_attestations is None:
        raise ValueError("proofs of the type attestation need to know whom to believe")
    return AttestationProofType(profile.key_attestations)


def _metadata_signer(identifier: str, setting: Setting, authority: IssuingAuthority, now: int) -> MetadataSigner | None:
    if not setting.signed_metadata:
        return None
    key = authority.issuer_key(identifier, now=now)
    return MetadataSigner(signer=key.signer, x5c=(key.certificate,))


def _client_authentication(profile: WalletProfile) -> Any:
    if profile.client_attestation is not None:
        return profile.client_attestation
    return PublicClient() if profile.method == "none" else PrivateKeyJwt()
