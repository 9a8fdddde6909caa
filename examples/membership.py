"""What the embedding examples issue: the Credential Issuer of a club. It is the same in all; whose access tokens it takes differs.

It publishes its keys as JWT VC issuer metadata, so that a wallet needs no certificate to verify what it gets.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from oid4vci.drive import Draft
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import LocalSigner
from oid4vci.metadata import CredentialIssuerMetadata, ProofType, SdJwtVcConfiguration
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import AccessTokens
from oid4vci.oauth.dpop import Dpop
from oid4vci.records import Reply
from oid4vci.sealed import SealingKeys

__all__ = ("CONFIGURATIONS", "MEMBERS", "club_metadata", "decide", "new_club")

MEMBERS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "alice": {"membership": {"name": "Alice", "level": "gold"}, "parking_permit": {"name": "Alice", "place": "A 12"}},
    "bob": {"membership": {"name": "Bob", "level": "silver"}},
}
"""The claims of each member for each credential configuration."""

CONFIGURATIONS: Final = {
    name: SdJwtVcConfiguration(
        vct=f"https://club.example/{name}",
        scope=name,
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
    )
    for name in ("membership", "parking_permit")
}


def club_metadata(identifier: str, *, authorization_servers: Sequence[str] | None = None) -> CredentialIssuerMetadata:
    """What the issuer publishes. Without `authorization_servers` it is its own."""
    return CredentialIssuerMetadata.build(
        credential_issuer=identifier,
        authorization_servers=None if authorization_servers is None else tuple(authorization_servers),
        credential_endpoint=f"{identifier}/credential",
        nonce_endpoint=f"{identifier}/nonce",
        credential_configurations_supported=CONFIGURATIONS,
    )


def new_club(
    metadata: CredentialIssuerMetadata, access_tokens: AccessTokens, *, keys: SealingKeys, signer: LocalSigner, dpop: Dpop
) -> Issuer:
    """The issuer. `access_tokens` are those of the authorization server, `signer` signs the credentials."""
    return Issuer(
        metadata,
        access_tokens,
        {name: SdJwtVcEncoder(signer=signer, disclosable=EVERY_CLAIM) for name in CONFIGURATIONS},
        nonces=Nonces(keys),
        dpop=dpop,
        published_keys=(signer,),
    )


def decide(order: CredentialOrder) -> Draft | Reply:
    """The credential of a member, and nothing for anybody else."""
    claims = MEMBERS.get(order.subject, {}).get(order.configuration_id)
    return order.deny("there is no such member") if claims is None else order.issue(claims)
