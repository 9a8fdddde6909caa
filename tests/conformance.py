"""What conformance suites meet with: an issuer that has all there is, in the two formats of HAIP, and a Wallet that is watched."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from oid4vci.authorization_server import TokenOrder
from oid4vci.drive import Draft, run
from oid4vci.encryption import Encryption
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request, Response
from oid4vci.issuer import Deferral, NotificationOrder
from oid4vci.keys import LocalSigner
from oid4vci.metadata import BatchCredentialIssuance, ProofType, SdJwtVcConfiguration
from oid4vci.notifications import Notifications
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.offers import CredentialOffer, Grants
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.records import Reply
from oid4vci.secret import new_secret
from oid4vci.status_list import StatusListIndices
from oid4vci.wallet import Offer, Order, Session, Wallet
from tests import haip, mdocs
from tests.encrypted_messages import REQUEST_KEY
from tests.issuance import IDENTIFIER, NOW, Host, Issuance, issuance, issuer_metadata, secret_keys, server_metadata
from tests.key_attestations import SUB, known_attester

DEFERRED, NOTIFICATION = f"{IDENTIFIER}/deferred", f"{IDENTIFIER}/notification"
PID, MDOC = "pid", "pid-mdoc"
VCT = "https://credentials.example/pid"
INTERVAL = 5
DPOP = LocalSigner.generate("dpop")
HOLDERS = tuple(LocalSigner.generate(f"holder-{i}") for i in range(5))
SIGNERS = {key.key_id: key for key in (DPOP, *HOLDERS)}
PERSON: Mapping[str, Any] = {"family_name": "Doe", "given_name": "Jane", "address": {"locality": "Utopia"}, "grade": 1}
DATASETS: Mapping[str, Mapping[str, Any]] = {PID: PERSON, MDOC: mdocs.PERSON}
TAKEN = {name: ProofType(proof_signing_alg_values_supported=("ES256",)) for name in ("jwt", "attestation")}


class Application(Host):
    """It gives each copy a place on one status list, and defers as often as it is told."""

    def __init__(self, deferrals: int = 0) -> None:
        super().__init__()
        self.deferrals = deferrals
        self.indices = StatusListIndices(uri=haip.STATUSES, expires_at=NOW + 10_000_000, size=100_000)

    def decide(self, order: Any, /) -> Draft | Reply:
        if isinstance(order, TokenOrder):
            return order.issue()
        if isinstance(order, NotificationOrder):
            return order.acknowledge()
        self.orders.append(order)
        if self.deferrals:
            self.deferrals -= 1
            later: Draft | Reply = order.defer(interval=INTERVAL) if hasattr(order, "defer") else order.wait(interval=INTERVAL)
            return later
        draw = self.indices.draw(max(1, len(order.holder_keys)), now=order.now, new_secret=new_secret)
        taken = draw.verify(self.load(draw.lookups))
        issued: Draft = order.issue(DATASETS[order.configuration_id], copies=taken.copies, changes=taken.changes)
        return issued


def world(*, deferrals: int = 0, **encryption: Any) -> Issuance:
    """The issuer encrypts as `encryption` says."""
    checks = Dpop(nonces=DpopNonces(secret_keys()))
    encrypted = Encryption(**{"keys": [REQUEST_KEY], "zip_values": ("DEF",), **encryption})
    published = issuer_metadata(
        deferred_credential_endpoint=DEFERRED,
        notification_endpoint=NOTIFICATION,
        batch_credential_issuance=BatchCredentialIssuance(batch_size=len(HOLDERS)),
        credential_request_encryption=encrypted.request_metadata,
        credential_response_encryption=encrypted.response_metadata,
        credential_configurations_supported={
            PID: SdJwtVcConfiguration(
                vct=VCT,
                scope=PID,
                cryptographic_binding_methods_supported=("jwk",),
                proof_types_supported=TAKEN,
            ),
            MDOC: mdocs.configuration(mdocs.PID, scope=MDOC, proof_types_supported=TAKEN),
        },
    )
    sd_jwt_vc = SdJwtVcEncoder(
        signer=haip.ISSUER_SIGNER, x5c=(haip.ISSUER_LEAF, SUB), disclosable="every claim", not_before=True
    )
    return issuance(
        metadata=published,
        host=Application(deferrals),
        encoders={PID: sd_jwt_vc, MDOC: mdocs.encoder()},
        proof_types={
            "jwt": JwtProofType(key_attestations=known_attester()),
            "attestation": AttestationProofType(known_attester()),
        },
        encryption=encrypted,
        deferral=Deferral(10_000),
        notifications=Notifications(secret_keys()),
        dpop=checks,
        server={"metadata": server_metadata(dpop_signing_alg_values_supported=checks.algorithms), "dpop": checks},
    )


@frozen
class Watched:
    """What is between a Wallet and the issuer."""

    world: Issuance
    time: list[int] = field(factory=lambda: [NOW])
    requests: list[Request] = field(factory=list)
    responses: list[Response] = field(factory=list)

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        self.responses.append(self.world.send(request, now=self.time[0]))
        return self.responses[-1]

    @property
    def now(self) -> int:
        return self.time[0]

    def to(self, url: str) -> list[Request]:
        return [request for request in self.requests if request.url == url]

    def session(self, *, dpop: LocalSigner | None = DPOP, **settings: Any) -> Session:
        grants = Grants(pre_authorized_code=self.world.grant(PID, MDOC).grant)
        offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=(PID, MDOC), grants=grants)
        wallet = Wallet(**{"trust": haip.TRUST, "client_id": "wallet", "signers": SIGNERS, **settings})
        return run(run(Offer.parse(offer.uri()).open(wallet), self).redeem(dpop=dpop, now=self.now), self)

    def order(self, session: Session, configuration_id: str) -> Order:
        begun = session.order(configuration_id)
        return begun if isinstance(begun, Order) else run(begun, self)
