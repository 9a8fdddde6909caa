"""An issuer, its authorization server and a Wallet with HAIP's switch on, and their parts, so that one of them can be wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509

from oid4vci._jose import compact
from oid4vci.authorization_server import AuthorizationServer
from oid4vci.drive import Draft, run
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import LocalSigner
from oid4vci.metadata import (
    BatchCredentialIssuance,
    ClientMetadata,
    CredentialIssuerMetadata,
    KeyAttestationsRequired,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.client_attester import client_attestation_signing_input
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attestation import HIGH, KeyAttestations
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.records import Reply
from oid4vci.trust import Trust
from oid4vci.wallet import Order, Session, Wallet, WalletAttestation
from oid4vci.x509 import Anchors
from tests import mdocs
from tests.authorization import CodeFlow, CodeHost
from tests.issuance import CREDENTIAL, IDENTIFIER, NONCE, NOW, OFFERS, secret_keys
from tests.key_attestations import CERTIFIED_KEY, LEAF, ROOT, SUB, SUB_KEY, leaf
from tests.test_x509 import PrivateKey

CLIENT = "https://wallet.example/app"
REDIRECT_URI = "https://wallet.example/cb"
VCT = "https://credentials.example/pid"
DPOP, INSTANCE = LocalSigner.generate("dpop"), LocalSigner.generate("instance")
HOLDERS = tuple(LocalSigner.generate(f"holder-{i}") for i in range(3))
SIGNERS = {key.key_id: key for key in (DPOP, INSTANCE, *HOLDERS)}
STATUSES = f"{IDENTIFIER}/statuses/1"

_ISSUER_KEY: PrivateKey = mdocs.new_key()
ISSUER_SIGNER = LocalSigner("issuer", "ES256", _ISSUER_KEY)
ISSUER_LEAF = leaf("sub", SUB_KEY, (x509.SubjectAlternativeName([x509.DNSName("issuer.example")]), False), key=_ISSUER_KEY)
ANCHORS = Anchors.from_der(ROOT)
TRUST = Trust.of(IDENTIFIER, anchors=Anchors.from_der(ROOT, mdocs.IACA))
ATTESTED = ClientMetadata(token_endpoint_auth_method="attest_jwt_client_auth", redirect_uris=(REDIRECT_URI,))
PERSON: Mapping[str, Any] = {"family_name": "Doe"}
ES256 = ProofType(
    proof_signing_alg_values_supported=("ES256",), key_attestations_required=KeyAttestationsRequired(key_storage=(HIGH,))
)


def pid(**members: Any) -> SdJwtVcConfiguration:
    return SdJwtVcConfiguration(
        **{
            "vct": VCT,
            "scope": "pid",
            "cryptographic_binding_methods_supported": ("jwk",),
            "proof_types_supported": {"jwt": ES256, "attestation": ES256},
            **members,
        }
    )


def metadata(**members: Any) -> CredentialIssuerMetadata:
    """A `dc+sd-jwt` and an `mso_mdoc` of a person."""
    return CredentialIssuerMetadata(
        **{
            "credential_issuer": IDENTIFIER,
            "credential_endpoint": CREDENTIAL,
            "nonce_endpoint": NONCE,
            "batch_credential_issuance": BatchCredentialIssuance(batch_size=3),
            "credential_configurations_supported": {
                "pid": pid(),
                "pid-mdoc": mdocs.configuration(mdocs.PID, scope="pid-mdoc", proof_types_supported={"jwt": ES256}),
            },
            **members,
        }
    )


def encoder(**settings: Any) -> SdJwtVcEncoder:
    return SdJwtVcEncoder(**{"signer": ISSUER_SIGNER, "x5c": (ISSUER_LEAF, SUB), **settings})


def encoders(**changed: Any) -> dict[str, Any]:
    return {"pid": encoder(), "pid-mdoc": mdocs.encoder(), **changed}


def proof_types(**settings: Any) -> dict[str, Any]:
    believed = KeyAttestations(**{"anchors": ANCHORS, **settings})
    return {"jwt": JwtProofType(key_attestations=believed), "attestation": AttestationProofType(believed)}


def issuer(published: CredentialIssuerMetadata | None = None, **settings: Any) -> Issuer:
    """An issuer with the switch on, and nothing else that is on by it."""
    made: dict[str, Any] = {
        "nonces": Nonces(secret_keys()),
        "encoders": encoders(),
        "proof_types": proof_types(),
        "credential_offer_endpoint": OFFERS,
        "haip": True,
        **settings,
    }
    return Issuer(published or metadata(), SealedAccessTokens(secret_keys()), **made)


def server(published: Mapping[str, Any] | None = None, **settings: Any) -> AuthorizationServer:
    """An authorization server with the switch on; `published` are further members of its metadata."""
    keys = secret_keys()
    made: dict[str, Any] = {
        "access_tokens": SealedAccessTokens(keys),
        "pre_authorized_codes": PreAuthorizedCodes(keys),
        "authorization_codes": AuthorizationCodes(),
        "refresh_tokens": RefreshTokens(keys),
        "credential_issuers": (metadata(),),
        "client_authentication": {"attest_jwt_client_auth": ClientAttestation(anchors=ANCHORS)},
        "clients": {CLIENT: ATTESTED},
        "haip": True,
        **settings,
    }
    return AuthorizationServer.at(IDENTIFIER, metadata=published, **made)


def wallet(**settings: Any) -> Wallet:
    return Wallet(**{"trust": TRUST, "haip": True, "signers": SIGNERS, **settings})


class PersonHost(CodeHost):
    """Issues everybody the same person, in both formats, with a status for each copy of the mdoc."""

    def decide(self, order: Any, /) -> Draft | Reply:
        if not isinstance(order, CredentialOrder):
            return super().decide(order)
        self.orders.append(order)
        if order.configuration_id == "pid":
            return order.issue(PERSON)
        copies = [{"status": {"status_list": {"idx": 7 + i, "uri": STATUSES}}} for i in range(len(order.holder_keys))]
        return order.issue(mdocs.PERSON, copies=copies)


def world(**parts: Any) -> CodeFlow:
    made = {"issuer": issuer(), "server": server(), **parts}
    return CodeFlow(host=PersonHost(), keys=secret_keys(), **made)


# --- a Wallet Provider --------------------------------------------------------------------------------------------------------


def attestation(*, x5c: Sequence[bytes] = (LEAF, SUB), server: str = IDENTIFIER, now: int = NOW) -> WalletAttestation:
    data = client_attestation_signing_input(
        CERTIFIED_KEY,
        x5c=x5c,
        issuer="https://provider.example",
        client_id=CLIENT,
        jwk=INSTANCE.public_jwk,
        now=now,
        lifetime=600,
    )
    return WalletAttestation(compact(data, CERTIFIED_KEY.sign(data)), INSTANCE, authorization_server=server)


def key_attestation(order: Order, keys: Sequence[LocalSigner] = HOLDERS, *, x5c: Sequence[bytes] = (LEAF, SUB)) -> str:
    data = key_attestation_signing_input(
        CERTIFIED_KEY,
        x5c=x5c,
        issuer="https://provider.example",
        attested_keys=[key.public_jwk for key in keys],
        now=NOW,
        lifetime=300,
        nonce=order.c_nonce,
        key_storage=[HIGH],
    )
    return compact(data, CERTIFIED_KEY.sign(data))


def begin_order(flow: CodeFlow, session: Session, name: str) -> Order:
    begun = session.order(name)
    return begun if isinstance(begun, Order) else run(begun, flow.send)
