"""What is served: the two roles of the library, made from the settings."""

import os

from attrs import field, frozen

from examples.reference_server.settings import Configuration, Settings
from examples.reference_server.signing import IssuerKey
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder
from oid4vci.issuer import Issuer
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    BatchCredentialIssuance,
    CredentialConfiguration,
    CredentialIssuerMetadata,
    IssuerDisplay,
)
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorizedCodes
from oid4vci.sealed import SealingKeys

__all__ = ("Service",)


def _encoder(configuration: Configuration, key: IssuerKey) -> SdJwtVcEncoder:
    certified = configuration.key_resolution == "x5c"
    return SdJwtVcEncoder(
        signer=key.signer,
        x5c=key.chain if certified else (),
        disclosable=EVERY_CLAIM,
        lifetime=configuration.lifetime,
    )


@frozen
class Service:
    """An issuer and its authorization server under one origin."""

    issuer: Issuer
    server: AuthorizationServer
    demo_authority: bytes | None = field(repr=False)

    @classmethod
    def of(cls, identifier: str, settings: Settings, key: IssuerKey) -> "Service":
        """The service that answers for an issuer identifier. Raises `ValueError` for settings that make no valid metadata."""
        base = identifier.removesuffix("/")
        sealing_keys = SealingKeys(settings.sealing_keys or (os.urandom(32),))
        access_tokens = SealedAccessTokens(sealing_keys)
        server = AuthorizationServer(
            AuthorizationServerMetadata.build(
                issuer=identifier,
                token_endpoint=f"{base}/token",
                grant_types_supported=(GRANT_TYPE,),
                token_endpoint_auth_methods_supported=("none",),
                authorization_details_types_supported=("openid_credential",),
                pre_authorized_grant_anonymous_access_supported=settings.anonymous_access or None,
            ),
            PreAuthorizedCodes(sealing_keys),
            access_tokens,
            public_clients=settings.clients,
        )
        metadata = CredentialIssuerMetadata.build(
            credential_issuer=identifier,
            credential_endpoint=f"{base}/credential",
            nonce_endpoint=f"{base}/nonce",
            batch_credential_issuance=(
                BatchCredentialIssuance(batch_size=settings.batch_size) if settings.batch_size > 1 else None
            ),
            display=(IssuerDisplay(name="Reference server", locale="en"),),
            credential_configurations_supported={
                name: CredentialConfiguration.read(each.metadata) for name, each in settings.configurations.items()
            },
        )
        encoders = {name: _encoder(each, key) for name, each in settings.configurations.items()}
        issuer = Issuer(
            metadata,
            access_tokens,
            encoders,
            nonces=Nonces(sealing_keys),
            credential_offer_endpoint=f"{base}/credential-offer",
            published_keys=(key.signer,),
        )
        return cls(issuer, server, key.demo_authority)
