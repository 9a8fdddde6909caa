"""The Credential Issuer: which of the token's keys signs what, and the application behind it."""

import os
from collections.abc import Sequence
from typing import Any, Final

from attrs import field, frozen

from examples.pkcs11_issuer.certificates import DemoAuthority
from examples.pkcs11_issuer.signer import Pkcs11Signer
from oid4vci.authorization_server import AuthorizationServer, TokenOrder
from oid4vci.drive import Draft, Together
from oid4vci.formats.mdoc import MdocEncoder
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import KeyReference, RemoteSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.metadata import (
    BatchCredentialIssuance,
    CredentialIssuerMetadata,
    MetadataSigner,
    MsoMdocConfiguration,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.offers import CredentialOffer
from oid4vci.records import Change, Key, Records, Reply, Store
from oid4vci.sealed import SealingKeys
from oid4vci.status_list import StatusListOrder, StatusLists, StatusListSigner, StoredStatusList

__all__ = ("MEMBER", "MEMBER_MDOC", "Membership", "TokenHost", "TokenKeys")

MEMBER: Final = "member"
MEMBER_MDOC: Final = "member_mdoc"
DOCTYPE: Final = "org.example.member.1"
CLAIMS: Final = {"name": "Alice", "level": "gold"}
NEVER: Final = 253_402_300_799
_PROOFS: Final = {"jwt": ProofType(proof_signing_alg_values_supported=("ES256", "EdDSA"))}


@frozen
class TokenKeys:
    """The keys of the issuer. `earlier` are those that sign no more, and are published until the last credential by them ends."""

    issuer: RemoteSigner
    document_signer: RemoteSigner
    earlier: tuple[RemoteSigner, ...] = ()


@frozen
class Membership:
    """The roles that are served under one identifier, an https URL."""

    issuer: Issuer
    server: AuthorizationServer
    lists: StatusLists
    statuses: StoredStatusList

    @classmethod
    def at(cls, identifier: str, keys: TokenKeys, authority: DemoAuthority) -> "Membership":
        """SD-JWT VCs are signed with the key of the issuer, which is published; with the certificate that it has as well, it signs
        status lists and metadata. mdocs are signed with the key of the document signer, which has a certificate.
        """
        sealing = SealingKeys([os.urandom(32)])
        metadata = CredentialIssuerMetadata.build(
            credential_issuer=identifier,
            credential_endpoint=f"{identifier}/credential",
            nonce_endpoint=f"{identifier}/nonce",
            batch_credential_issuance=BatchCredentialIssuance(batch_size=10),
            credential_configurations_supported={
                MEMBER: SdJwtVcConfiguration(
                    vct="https://club.example/member",
                    scope=MEMBER,
                    cryptographic_binding_methods_supported=("jwk",),
                    proof_types_supported=_PROOFS,
                ),
                MEMBER_MDOC: MsoMdocConfiguration(
                    doctype=DOCTYPE,
                    scope=MEMBER_MDOC,
                    cryptographic_binding_methods_supported=("cose_key",),
                    proof_types_supported=_PROOFS,
                ),
            },
        )
        chain = (authority.for_issuer(keys.issuer, identifier),)
        statuses = StoredStatusList(uri=f"{identifier}/status-lists/1", expires_at=NEVER, size=1 << 14)
        issuer = Issuer(
            metadata,
            SealedAccessTokens(sealing),
            {
                MEMBER: SdJwtVcEncoder(signer=keys.issuer, disclosable=EVERY_CLAIM),
                MEMBER_MDOC: MdocEncoder(
                    signer=keys.document_signer, x5c=[authority.for_document_signer(keys.document_signer)]
                ),
            },
            nonces=Nonces(sealing),
            published_keys=(keys.issuer, *keys.earlier),
            signed_metadata=MetadataSigner(signer=keys.issuer, x5c=chain),
        )
        server = AuthorizationServer.at(
            identifier,
            access_tokens=SealedAccessTokens(sealing),
            pre_authorized_codes=PreAuthorizedCodes(sealing),
            credential_issuers=(metadata,),
        )
        lists = StatusLists(signer=StatusListSigner(signer=keys.issuer, x5c=chain, ttl=300), lists=(statuses.uri,))
        return cls(issuer, server, lists, statuses)

    @property
    def role(self) -> Together:
        """All roles as one."""
        return Together([self.issuer, self.server, self.lists])

    def offer(self, store: Store, *, now: int) -> CredentialOffer:
        """An offer of both credentials, with a pre-authorized code."""
        granted = self.server.pre_authorize("alice", [MEMBER, MEMBER_MDOC], now=now)
        if not store.commit(granted.changes):
            raise RuntimeError("the same random number came up twice")
        return self.issuer.offer([MEMBER, MEMBER_MDOC], pre_authorized_code=granted.grant)


@frozen
class TokenHost:
    """The application behind the issuer: what is to be signed goes to the token, before anything is committed."""

    signer: Pkcs11Signer
    statuses: StoredStatusList
    store: Store = field(factory=MemoryStore)

    def load(self, keys: Sequence[Key], /) -> Records:
        """The stored rows."""
        return self.store.load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return self.store.commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """No key is anywhere else."""
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """All signatures of an answer, by the token. Raises `TemporarilyUnavailable`: the answer is then 503."""
        return self.signer.sign(inputs)

    def decide(self, order: Any, /) -> Draft | Reply:
        """A token for every valid code; the membership for everybody with a token, with a status that can be taken back."""
        if isinstance(order, TokenOrder):
            return order.issue()
        if isinstance(order, StatusListOrder):
            return order.publish()
        assert isinstance(order, CredentialOrder)
        draw = self.statuses.indices.draw(len(order.holder_keys), now=order.now, new_secret=order.issuer.new_secret)
        allocated = draw.verify(self.store.load(draw.lookups))
        claims = {DOCTYPE: CLAIMS} if order.configuration_id == MEMBER_MDOC else CLAIMS
        return order.issue(claims, copies=allocated.copies, changes=allocated.changes)
