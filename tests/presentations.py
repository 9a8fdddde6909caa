"""What tests of `di_vp` proofs share: holders, an issuer that takes them, and presentations any part of which can be wrong."""

from collections.abc import Callable, Mapping
from typing import Any

from oid4vci.data_integrity import CRYPTOSUITES, Contexts, proof_options, secured
from oid4vci.dids import DID_METHODS
from oid4vci.http import Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import BatchCredentialIssuance, CredentialConfiguration, KeyAttestationsRequired, ProofType
from oid4vci.proofs.di_vp import DiVpProofType
from tests.issuance import IDENTIFIER, Host, Issuance, NoteEncoder, issuance, issuer_metadata, refused

V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
DATA_INTEGRITY = "https://w3id.org/security/data-integrity/v2"
CREATED = "2027-01-15T08:00:00Z"
"""`NOW` of tests.issuance."""

HOLDERS = {
    "eddsa-rdfc-2022": LocalSigner.generate("ed", "EdDSA"),
    "eddsa-jcs-2022": LocalSigner.generate("ed-jcs", "Ed25519"),
    "ecdsa-rdfc-2019": LocalSigner.generate("p256"),
    "ecdsa-jcs-2019": LocalSigner.generate("p256-jcs"),
    "ecdsa-rdfc-2019 P-384": LocalSigner.generate("p384", "ES384"),
    "ecdsa-jcs-2019 P-384": LocalSigner.generate("p384-jcs", "ES384"),
}
HOLDER, JCS, ANOTHER = HOLDERS["ecdsa-rdfc-2019"], HOLDERS["ecdsa-jcs-2019"], LocalSigner.generate("another")

BINDING = ("did:key", "did:jwk", "did:web")


def did(signer: LocalSigner = HOLDER, method: str = "key") -> str:
    return DID_METHODS[method].did(public_key(signer.public_jwk))


def did_url(signer: LocalSigner = HOLDER, method: str = "key") -> str:
    return DID_METHODS[method].verification_method(did(signer, method))


def presentation(
    nonce: str | None,
    key: LocalSigner = HOLDER,
    /,
    *,
    suite: str | None = None,
    method: str | None = None,
    context: Any = (V2,),
    options: Mapping[str, Any] | None = None,
    signer: LocalSigner | None = None,
    contexts: Contexts | None = None,
    **members: Any,
) -> dict[str, Any]:
    """A good presentation, until some of it is changed; a member, or one of the `options` of its proof, is left out if `...`."""
    name = suite or next((name.partition(" ")[0] for name, known in HOLDERS.items() if known is key), "ecdsa-rdfc-2019")
    method = method or did_url(key)
    unsecured = {
        "@context": list(context) if isinstance(context, tuple) else context,
        "type": ["VerifiablePresentation"],
        "holder": method.partition("#")[0],
        **members,
    }
    unsecured = {member: value for member, value in unsecured.items() if value is not ...}
    good = proof_options(
        CRYPTOSUITES[name],
        verification_method=method,
        purpose="authentication",
        created=CREATED,
        context=unsecured.get("@context"),
        domain=IDENTIFIER,
        challenge=nonce,
    )
    proof = {member: value for member, value in {**good, **(options or {})}.items() if value is not ...}
    data = CRYPTOSUITES[name].hash_data(unsecured, proof, contexts or Contexts(), crv=key.public_jwk["crv"])
    return secured(unsecured, proof, (signer or key).sign(data))


def changed(good: Mapping[str, Any], options: Mapping[str, Any] | None = None, /, **members: Any) -> dict[str, Any]:
    """A presentation with members, or `options` of its proof, changed after it was signed."""
    whole = {**good, **members}
    if options is not None:
        whole["proof"] = {name: value for name, value in {**good["proof"], **options}.items() if value is not ...}
    return {name: value for name, value in whole.items() if value is not ...}


def configuration(
    *suites: str, binding: tuple[str, ...] = BINDING, required: KeyAttestationsRequired | None = None
) -> CredentialConfiguration:
    types = {
        "di_vp": ProofType(proof_signing_alg_values_supported=suites or tuple(CRYPTOSUITES), key_attestations_required=required)
    }
    return CredentialConfiguration(
        format="x-note", cryptographic_binding_methods_supported=binding, proof_types_supported=types
    )


def world(
    *suites: str,
    proof_type: DiVpProofType | None = None,
    binding: tuple[str, ...] = BINDING,
    required: KeyAttestationsRequired | None = None,
    nonces: bool = True,
    host: Host | None = None,
    batch_size: int = 4,
) -> Issuance:
    """An issuer of notes to who proves keys by `di_vp`."""
    without: dict[str, Any] = {} if nonces else {"nonce_endpoint": None}
    metadata = issuer_metadata(
        credential_configurations_supported={"note": configuration(*suites, binding=binding, required=required)},
        batch_credential_issuance=BatchCredentialIssuance(batch_size=batch_size),
        **without,
    )
    fields: dict[str, Any] = {} if nonces else {"nonces": None}
    return issuance(
        metadata=metadata,
        encoders={"note": NoteEncoder(ANOTHER)},
        proof_types={"di_vp": proof_type or DiVpProofType()},
        host=host,
        **fields,
    )


def order_of(*presentations: Any) -> dict[str, Any]:
    """The body of a Credential Request."""
    return {"credential_configuration_id": "note", "proofs": {"di_vp": list(presentations)}}


def accepted(where: Issuance, *presentations: Any) -> CredentialOrder:
    """What a request comes to."""
    response = where.credential(where.token("note"), order_of(*presentations))
    assert response.status == 200, response.body
    order = where.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    return order


def broken(
    make: Callable[[str], Any], path: str | None = None, error: str = "invalid_proof", *, where: Issuance | None = None
) -> str:
    """`make` turns a nonce into the presentation, which is refused at `path` below it; nothing is issued or consumed."""
    where = where or world()
    token, nonce = where.token("note"), where.nonce()
    before, orders = where.host.rows, len(where.host.orders)
    body = refused(where.credential(token, order_of(make(nonce))), error)
    assert where.host.rows == before
    assert len(where.host.orders) == orders
    description: str = body["error_description"]
    if path is not None:
        assert description.startswith(f"proofs.di_vp[0]{path}: "), description
    again: Response = where.credential(token, order_of(presentation(nonce)))
    assert again.status == 200, again.body
    return description
