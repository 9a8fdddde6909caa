"""What is served: the two roles of the library, made from the settings."""

import os
from collections.abc import Mapping

from attrs import field, frozen

from examples.reference_server.clients import ATTESTED, PUBLIC, SIGNED, Clients
from examples.reference_server.deferrals import Deferrals
from examples.reference_server.encoders import encoder
from examples.reference_server.encryption import encryption
from examples.reference_server.settings import Settings
from examples.reference_server.signing import IssuerKeys, access_token_key
from examples.reference_server.statuses import Statuses
from examples.reference_server.users import User
from oid4vci import x509
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.drive import Role
from oid4vci.encryption import Encryption
from oid4vci.formats import CREDENTIAL_FORMATS
from oid4vci.issuer import Deferral, Issuer
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import (
    BatchCredentialIssuance,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    IssuerDisplay,
    MetadataSigner,
)
from oid4vci.nonces import Nonces
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import AccessTokens, MintedAccessTokens, SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_assertion import PrivateKeyJwt
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.client_authentication import ClientAuthenticationMethod, PublicClient
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.jwt_access_tokens import JwtAccessTokens, TrustedAuthorizationServer, TrustedJwtAccessTokens
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import KeyAttestations
from oid4vci.proofs.proof_type import ProofType
from oid4vci.sealed import SealingKeys

__all__ = ("Service",)


def _metadata(identifier: str, settings: Settings, encrypted: Encryption | None) -> CredentialIssuerMetadata:
    base = identifier.removesuffix("/")
    copies = BatchCredentialIssuance(batch_size=settings.batch_size) if settings.batch_size > 1 else None
    formats = {each.metadata["format"] for each in settings.configurations.values()}
    classes = {name: CREDENTIAL_FORMATS[name].configuration_class for name in formats}
    return CredentialIssuerMetadata.build(
        credential_issuer=identifier,
        credential_endpoint=f"{base}/credential",
        nonce_endpoint=f"{base}/nonce",
        deferred_credential_endpoint=None if settings.deferral is None else f"{base}/deferred_credential",
        notification_endpoint=None if settings.notifications is None else f"{base}/notification",
        credential_request_encryption=None if encrypted is None else encrypted.request_metadata,
        credential_response_encryption=None if encrypted is None else encrypted.response_metadata,
        batch_credential_issuance=copies,
        display=(IssuerDisplay(name="Reference server", locale="en"),),
        credential_configurations_supported={
            name: CredentialConfiguration.read(each.metadata, classes=classes) for name, each in settings.configurations.items()
        },
    )


def _methods(clients: Clients, keys: SealingKeys) -> dict[str, ClientAuthenticationMethod]:
    methods: dict[str, ClientAuthenticationMethod] = {PUBLIC: PublicClient(), SIGNED: PrivateKeyJwt()}
    attestation = clients.attestation
    if attestation is not None:
        methods[ATTESTED] = ClientAttestation(
            anchors=attestation.anchors,
            attesters=attestation.attesters,
            challenges=Challenges(keys) if attestation.challenges else None,
            require_x5c=attestation.require_x5c,
            require_iss=attestation.require_iss,
            max_attestation_age=attestation.max_attestation_age,
        )
    return {name: methods[name] for name in clients.methods}


def _check_outside(metadata: CredentialIssuerMetadata, settings: Settings) -> None:
    """Raise `ValueError` if a configuration takes what would always be refused, since nobody is named who is believed."""
    for name, each in metadata.credential_configurations_supported.items():
        types = each.proof_types_supported or {}
        attested = "attestation" in types or any(terms.key_attestations_required is not None for terms in types.values())
        if attested and settings.key_attestation is None:
            raise ValueError(f"key_attestation: is missing, the configuration {name} takes keys that are attested")
        if "did:web" in (each.cryptographic_binding_methods_supported or ()) and not settings.did_web_hosts:
            raise ValueError(f"did_web_hosts: is missing, the configuration {name} binds to did:web")


def _proof_types(metadata: CredentialIssuerMetadata, settings: Settings) -> dict[str, ProofType]:
    """What the configurations name: `attestation` needs somebody who is believed, `di_vp` the extra `oid4vci[ldp]`."""
    attesters, believed = settings.key_attestation, None
    if attesters is not None:
        believed = KeyAttestations(
            anchors=attesters.anchors,
            attesters=attesters.attesters,
            require_x5c=attesters.require_x5c,
            check_status=attesters.check_status,
        )
    types: dict[str, ProofType] = {"jwt": JwtProofType(key_attestations=believed)}
    if believed is not None:
        types["attestation"] = AttestationProofType(believed)
    configurations = metadata.credential_configurations_supported.values()
    if any("di_vp" in (each.proof_types_supported or ()) for each in configurations):
        from oid4vci.proofs.di_vp import DiVpProofType

        types["di_vp"] = DiVpProofType()
    return types


def _metadata_signer(keys: IssuerKeys, identifier: str) -> MetadataSigner:
    """The issuer's key and certificates. Raises `ValueError` if wallets would not believe them."""
    leaf = x509.load(keys.issuer.chain[0])
    if not x509.identifies(leaf, identifier):
        raise ValueError("signed_metadata: the first certificate of the chain does not name the issuer")
    return MetadataSigner(signer=keys.signer, x5c=keys.issuer.chain)


def _jwt_access_tokens(signer: LocalSigner, metadata: CredentialIssuerMetadata) -> tuple[MintedAccessTokens, AccessTokens]:
    """How both roles, which share an identifier and a store, make and read JWTs."""
    identifier = metadata.credential_issuer
    key = public_key({**signer.public_jwk, "kid": signer.key_id})
    itself = TrustedAuthorizationServer(issuer=identifier, keys=(key,), algorithms=(signer.algorithm,), grants=True)
    return JwtAccessTokens(signer, issuer=identifier), TrustedJwtAccessTokens(servers=(itself,), scopes=metadata.scopes)


@frozen
class Service:
    """An issuer and its authorization server under one origin, and who can log in."""

    issuer: Issuer
    server: AuthorizationServer
    sealing_keys: SealingKeys
    users: Mapping[str, User] = field(repr=False)
    demo_authority: bytes | None = field(repr=False)
    statuses: Statuses | None = None
    deferrals: Deferrals | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """All that answers requests."""
        return (self.issuer, self.server, *(() if self.statuses is None else (self.statuses.role,)))

    def title(self, configuration_id: str) -> str:
        """What a configuration is called for people."""
        configuration = self.issuer.metadata.credential_configurations_supported.get(configuration_id)
        metadata = None if configuration is None else configuration.credential_metadata
        return metadata.display[0].name if metadata is not None and metadata.display else configuration_id

    @classmethod
    def of(cls, identifier: str, settings: Settings, keys: IssuerKeys) -> "Service":
        """The service that answers for an issuer identifier.

        Raises `ValueError` for settings that make no valid metadata, and `OSError` for a file that cannot be read.
        """
        sealing_keys = SealingKeys(settings.sealing_keys or (os.urandom(32),))
        encrypted, deferral = encryption(settings.encryption), settings.deferral
        metadata = _metadata(identifier, settings, encrypted)
        _check_outside(metadata, settings)
        minted: MintedAccessTokens = SealedAccessTokens(sealing_keys)
        taken: AccessTokens = SealedAccessTokens(sealing_keys)
        published: tuple[LocalSigner, ...] = ()
        if settings.access_tokens == "jwt":
            signer = access_token_key(settings.access_token_key_file)
            (minted, taken), published = _jwt_access_tokens(signer, metadata), (signer,)
        dpop = None
        if settings.dpop != "off":
            dpop = Dpop(nonces=DpopNonces(sealing_keys) if settings.dpop_nonces else None)
        refresh, clients = settings.refresh_tokens, settings.clients
        server = AuthorizationServer.at(
            identifier,
            access_tokens=minted,
            pre_authorized_codes=PreAuthorizedCodes(sealing_keys),
            # The login form is part of the grant: where nobody can log in, it is not offered.
            authorization_codes=AuthorizationCodes() if settings.users else None,
            refresh_tokens=None if refresh is None else RefreshTokens(sealing_keys, refresh.lifetime, grace=refresh.grace),
            credential_issuers=(metadata,),
            clients=clients.registered,
            other_clients=clients.others,
            client_authentication=_methods(clients, sealing_keys),
            dpop=dpop,
            dpop_required=settings.dpop == "required",
            scope_required=settings.scope_required,
            published_keys=published,
            haip=settings.haip,
            metadata={
                "pre_authorized_grant_anonymous_access_supported": settings.anonymous_access or None,
                "require_pushed_authorization_requests": settings.require_pushed_authorization_requests or None,
            },
        )
        issuer = Issuer(
            metadata,
            taken,
            {name: encoder(each, identifier, keys) for name, each in settings.configurations.items()},
            nonces=Nonces(sealing_keys),
            proof_types=_proof_types(metadata, settings),
            credential_offer_endpoint=f"{identifier.removesuffix('/')}/credential-offer",
            published_keys=(keys.signer,),
            dpop=dpop,
            bearer=settings.dpop != "required",
            encryption=encrypted,
            deferral=None if deferral is None else Deferral(deferral.lifetime, grace=deferral.grace),
            notifications=None if settings.notifications is None else Notifications(sealing_keys, settings.notifications),
            signed_metadata=_metadata_signer(keys, identifier) if settings.signed_metadata else None,
            localised=settings.localised,
            haip=settings.haip,
        )
        statuses = None
        if settings.status_list_size is not None:
            uri = f"{identifier.removesuffix('/')}/status-lists/1"
            statuses = Statuses.of(uri, settings.status_list_size, keys.issuer)
        delays = {name: each.deferred for name, each in settings.configurations.items() if each.deferred is not None}
        deferrals = None if deferral is None else Deferrals(delays, deferral.interval)
        return cls(issuer, server, sealing_keys, settings.users, keys.demo_authority, statuses, deferrals)
