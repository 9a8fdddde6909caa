"""Our Wallet at our issuer, which takes proofs of any type, and a Wallet Provider that both know."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci._jose import compact
from oid4vci.drive import run
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner, RemoteSigner, Signer, public_key
from oid4vci.metadata import BatchCredentialIssuance, CredentialConfiguration, KeyAttestationsRequired, ProofType
from oid4vci.offers import CredentialOffer, Grants
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.di_vp import DiVpProofType
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Order, Proofs, Wallet
from tests.issuance import CREDENTIAL, IDENTIFIER, ISSUER_KEY, NOW, Issuance, NoteEncoder, issuance, issuer_metadata
from tests.key_attestations import ATTESTER, ATTESTER_KEY, Resolving, known_attester
from tests.scripted_server import HOLDER_KEYS, JwtFormat, ok
from tests.wallet_proofs import HIGH, remote, signatures

KEYS_URL = f"{IDENTIFIER}/keys-of-notes"
WEB = "did:web:wallet.example#1"


@frozen
class Internet:
    """An issuer, and the keys by which the Wallet knows its notes."""

    world: Issuance
    requests: list[Request] = field(factory=list)

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return ok({"keys": [dict(ISSUER_KEY.public_jwk)]}) if request.url == KEYS_URL else self.world.send(request)

    def proofs(self) -> list[Mapping[str, Any]]:
        return [each.json_object()["proofs"] for each in self.requests if each.url == CREDENTIAL]

    @property
    def ordered(self) -> CredentialOrder:
        """What the application got to see last."""
        order = self.world.host.orders[-1]
        assert isinstance(order, CredentialOrder)
        return order


def internet(types: Mapping[str, ProofType], methods: Sequence[str] = ("jwk",), *, jwt: JwtProofType | None = None) -> Internet:
    note = CredentialConfiguration(
        format="x-note", cryptographic_binding_methods_supported=tuple(methods), proof_types_supported=dict(types)
    )
    known: dict[str, Any] = {
        "jwt": jwt or JwtProofType(key_attestations=known_attester()),
        "attestation": AttestationProofType(known_attester()),
        "di_vp": DiVpProofType(),
    }
    published = issuer_metadata(
        credential_configurations_supported={"note": note}, batch_credential_issuance=BatchCredentialIssuance(batch_size=4)
    )
    return Internet(
        issuance(
            metadata=published,
            host=Resolving({KeyReference(WEB): (public_key(HOLDER_KEYS[0].public_jwk),)}),
            encoders={"note": NoteEncoder(ISSUER_KEY)},
            proof_types={name: known[name] for name in types},
        )
    )


def takes(*algorithms: str, attested: KeyAttestationsRequired | None = None) -> ProofType:
    return ProofType(proof_signing_alg_values_supported=algorithms or ("ES256",), key_attestations_required=attested)


def ordered(net: Internet, **settings: Any) -> Order:
    grants = Grants(pre_authorized_code=net.world.grant("note").grant)
    offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("note",), grants=grants)
    wallet = Wallet(trust=Trust.of(IDENTIFIER), client_id="wallet", formats={"x-note": JwtFormat(fetch=[KEYS_URL])}, **settings)
    begun = run(run(Offer.parse(offer.uri()).open(wallet), net).redeem(now=NOW), net).order("note")
    return begun if isinstance(begun, Order) else run(begun, net)


def attested(order: Order, *keys: Signer | HolderKey, x5c: Sequence[bytes] = (), attester: LocalSigner = ATTESTER_KEY) -> str:
    """What a Wallet Provider gives the holder of these keys."""
    signers = [key.signer if isinstance(key, HolderKey) else key for key in keys]
    data = key_attestation_signing_input(
        attester,
        x5c=x5c,
        issuer=None if x5c else ATTESTER,
        attested_keys=[key.public_jwk for key in signers],
        now=NOW,
        lifetime=300,
        nonce=order.c_nonce,
        key_storage=[HIGH],
        user_authentication=[HIGH],
    )
    return compact(data, attester.sign(data))


def issued(net: Internet, proofs: Proofs, *keys: Signer) -> Issued:
    """The issuer bound a Credential to each of these keys, by the name that the Wallet gave it."""
    result = run(proofs.submit(signatures(proofs)), net)
    assert isinstance(result, Issued)
    assert set(net.ordered.holder_keys) == {public_key(key.public_jwk) for key in keys}
    assert len(result.credentials) == len(keys)
    return result


def at(elsewhere: bool, *signers: LocalSigner) -> list[LocalSigner | RemoteSigner]:
    return [remote(signer) if elsewhere else signer for signer in signers]
