"""A holder that is a did:web, from proof to credential: the host fetches its document, the credential is bound to the DID."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from oid4vci._json import Malformed, dump_bytes
from oid4vci.authorization_server import TokenOrder
from oid4vci.dids import did_document_keys, did_web_url
from oid4vci.drive import Draft
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.jwt_vc import JwtVcEncoder, JwtVcVerifier
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, public_key
from oid4vci.metadata import CredentialDefinition, JwtVcJsonConfiguration, ProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.records import Reply
from oid4vci.trust import Trust
from tests.issuance import NOW, Host, Issuance, Proof, issuance, issuer_metadata, order_of, refused
from tests.w3c_credentials import DID_KEY, SIGNER, TYPES

DID = "did:web:wallet.example:users:1"
URL = f"{DID}#key-1"
HOLDER, OTHER = LocalSigner.generate("key-1"), LocalSigner.generate("key-1")


def document(holder: LocalSigner = HOLDER, purpose: str = "authentication") -> bytes:
    method = {"id": "#key-1", "type": "JsonWebKey2020", "controller": DID, "publicKeyJwk": dict(holder.public_jwk)}
    return dump_bytes({"id": DID, "verificationMethod": [method], purpose: ["#key-1"]})


class Fetching(Host):
    """A host that resolves did:web by what is published, and issues what the format takes."""

    def __init__(self, published: Mapping[str, bytes]) -> None:
        super().__init__()
        self.published = published

    def decide(self, order: Any, /) -> Draft | Reply:
        if isinstance(order, TokenOrder):
            return super().decide(order)
        decided: Draft = order.issue({"credentialSubject": {"given_name": "Ada"}})
        return decided

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        found: dict[KeyReference, tuple[PublicKey, ...]] = {}
        for reference in references:
            try:
                body = self.published[did_web_url(reference.url)]
                found[reference] = did_document_keys(body, reference.url, purpose="authentication", now=NOW)
            except (KeyError, Malformed):
                continue
        return found


def world(body: bytes | None) -> Issuance:
    configuration = JwtVcJsonConfiguration(
        credential_definition=CredentialDefinition(type=TYPES),
        credential_signing_alg_values_supported=("ES256",),
        cryptographic_binding_methods_supported=("did:web",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
    )
    return issuance(
        metadata=issuer_metadata(credential_configurations_supported={"note": configuration}),
        encoders={"note": JwtVcEncoder(signer=SIGNER, issuer=DID_KEY, binding="did")},
        proof_types={"jwt": JwtProofType()},
        host=Fetching({} if body is None else {"https://wallet.example/users/1/did.json": body}),
    )


def request(there: Issuance, **proof: Any) -> Any:
    made = Proof(there.nonce(), **{"holder": HOLDER, "header": {"jwk": None, "kid": URL}, **proof})
    return there.credential(there.token("note"), order_of(made))


def test_a_credential_for_a_did_web() -> None:
    response = request(world(document()))
    assert response.status == 200, response.body
    credential = response.json()["credentials"][0]["credential"]
    mine = evolve(public_key(HOLDER.public_jwk), did_url=URL)
    verified = JwtVcVerifier().verify(
        credential, configuration=None, trust=Trust.of(DID_KEY), holder_keys=(mine,), documents={}, now=NOW
    )
    assert isinstance(verified, VerifiedCredential)
    assert verified.claims["credentialSubject"]["id"] == DID
    assert verified.holder_key == mine


def test_what_the_document_does_not_have() -> None:
    for body in (None, document(OTHER), document(purpose="assertionMethod"), b"{}"):
        refused(request(world(body)), "invalid_proof")
    # A plain key, a DID of another method.
    refused(request(world(document()), header={}), "invalid_proof")
    refused(request(world(document()), header={"jwk": None, "kid": "did:example:1#key-1"}), "invalid_proof")
