"""The issuer side of a soak, and the Wallets that come to it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import define, field

from oid4vci import _jose
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.drive import Together
from oid4vci.encryption import Encryption
from oid4vci.errors import InvalidCredential
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.known import CREDENTIAL_FORMATS
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.issuer import Deferral, Issuer
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.metadata import (
    BatchCredentialIssuance,
    ClientMetadata,
    CredentialConfiguration,
    KeyAttestationsRequired,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.nonces import Nonces
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.records import Change, Key, Records
from oid4vci.trust import Trust
from oid4vci.wallet import Wallet
from tests import mdocs
from tests.deferrals import DEFERRED
from tests.encrypted_messages import REQUEST_KEY
from tests.issuance import CLIENT, IDENTIFIER, ISSUER_KEY, NOW, OFFERS, NoteEncoder, issuer_metadata, secret_keys
from tests.key_attestations import known_attester
from tests.notifications import NOTIFICATION

REDIRECT_URI = "https://wallet.example/cb"
ATTEMPTS, DEFERRAL, GRACE, BATCH = 5, 1200, 30, 4
SD_JWT_KEY = LocalSigner.generate("sd-jwt-1")
PROOFS = ProofType(proof_signing_alg_values_supported=("ES256", "EdDSA"))
ATTESTED = ProofType(proof_signing_alg_values_supported=("ES256",), key_attestations_required=KeyAttestationsRequired())


def _note(**types: ProofType) -> CredentialConfiguration:
    binding: dict[str, Any] = {"cryptographic_binding_methods_supported": ("jwk", "did:key"), "proof_types_supported": types}
    return CredentialConfiguration(format="x-note", **(binding if types else {}), scope="notes")


# `later` is deferred. The real formats cost more than all the rest, so that few Wallets want them.
CONFIGURATIONS: Mapping[str, CredentialConfiguration] = {
    "note": _note(jwt=PROOFS),
    "attested": _note(jwt=ATTESTED),
    "attestation": _note(attestation=ATTESTED),
    "badge": _note(),
    "later": _note(jwt=PROOFS),
    "pid": SdJwtVcConfiguration(
        vct="urn:pid", cryptographic_binding_methods_supported=("jwk",), proof_types_supported={"jwt": PROOFS}
    ),
    "licence": mdocs.configuration(),
}


class SoakStore(Protocol):
    """What a soak needs of a store."""

    def load(self, keys: Sequence[Key], /) -> Records: ...
    def commit(self, changes: Sequence[Change], /) -> bool: ...
    def purge(self, *, now: int) -> int: ...


class NoteVerifier:
    """Of the format `x-note`."""

    def verify(self, credential: Any, *, holder_keys: Sequence[PublicKey], **_: Any) -> VerifiedCredential:
        jws = _jose.parse(credential)
        _jose.verify(jws, public_key(ISSUER_KEY.public_jwk), algorithms=("ES256",))
        claims = jws.claims()
        if "cnf" not in claims:
            return VerifiedCredential("x-note", credential, claims)
        bound = public_key(claims["cnf"]["jwk"])
        for key in holder_keys:
            if key.jwk == bound.jwk:
                return VerifiedCredential("x-note", credential, claims, holder_key=key)
        raise InvalidCredential("the credential is for nobody here")


def _issuer(encryption: Encryption) -> Issuer:
    keys = secret_keys()
    note = NoteEncoder(ISSUER_KEY)
    metadata = issuer_metadata(
        credential_configurations_supported=CONFIGURATIONS,
        batch_credential_issuance=BatchCredentialIssuance(batch_size=BATCH),
        deferred_credential_endpoint=DEFERRED,
        notification_endpoint=NOTIFICATION,
        credential_request_encryption=encryption.request_metadata,
        credential_response_encryption=encryption.response_metadata,
    )
    return Issuer(
        metadata,
        SealedAccessTokens(keys),
        encoders={
            **{name: note for name, each in CONFIGURATIONS.items() if each.format == "x-note"},
            "pid": SdJwtVcEncoder(signer=SD_JWT_KEY, disclosable=[("given_name",)]),
            "licence": mdocs.encoder(),
        },
        nonces=Nonces(keys),
        proof_types={
            "jwt": JwtProofType(key_attestations=known_attester()),
            "attestation": AttestationProofType(known_attester()),
        },
        credential_offer_endpoint=OFFERS,
        published_keys=[SD_JWT_KEY],
        dpop=Dpop(nonces=DpopNonces(keys)),
        encryption=encryption,
        deferral=Deferral(DEFERRAL, grace=GRACE),
        notifications=Notifications(keys, lifetime=900),
    )


def _server(issuer: Issuer) -> AuthorizationServer:
    keys = secret_keys()
    return AuthorizationServer.at(
        IDENTIFIER,
        access_tokens=SealedAccessTokens(keys),
        pre_authorized_codes=PreAuthorizedCodes(keys, max_tx_code_attempts=ATTEMPTS),
        authorization_codes=AuthorizationCodes(),
        # Grants live as long as their Refresh Tokens: not for a quarter of a year here.
        refresh_tokens=RefreshTokens(keys, lifetime=900),
        credential_issuers=(issuer.metadata,),
        clients={CLIENT: ClientMetadata(redirect_uris=(REDIRECT_URI,))},
        other_clients=None,
        dpop=Dpop(nonces=DpopNonces(keys)),
    )


def _wallets() -> tuple[Wallet, ...]:
    settings: dict[str, Any] = {
        "trust": Trust.of(IDENTIFIER, anchors=mdocs.TRUST.anchors),
        "client_id": CLIENT,
        "formats": {**CREDENTIAL_FORMATS, "x-note": NoteVerifier()},
    }
    plain = Wallet(**settings)
    return plain, plain, plain, Wallet(**settings, encryption="when possible")


@define
class World:
    """An issuer, its authorization server, their store, and Wallets. `now` is in seconds since the epoch, and goes on."""

    store: SoakStore
    now: int = NOW
    encryption: Encryption = field(factory=lambda: Encryption(keys=[REQUEST_KEY]))
    wallets: tuple[Wallet, ...] = field(factory=_wallets)
    issuer: Issuer = field(init=False)
    server: AuthorizationServer = field(init=False)
    role: Together = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.issuer = _issuer(self.encryption)
        self.server = _server(self.issuer)
        self.role = Together([self.issuer, self.server])
