"""An issuer that takes `jwt` proofs whose keys have any kind of name, and such proofs, good until some of them is changed."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oid4vci.dids import DID_METHODS
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner, public_key
from oid4vci.metadata import BatchCredentialIssuance, CredentialConfiguration, KeyAttestationsRequired, ProofType
from oid4vci.proofs.jwt import JwtProofType
from tests.issuance import (
    ALGORITHMS,
    CLIENT,
    ISSUER_KEY,
    NOW,
    Issuance,
    NoteEncoder,
    Proof,
    issuance,
    issuer_metadata,
    order_of,
    refused,
)
from tests.key_attestations import HOLDER, HOLDERS, Resolving, public

ANOTHER = HOLDERS[1]
BINDINGS = ("jwk", "did:key", "did:jwk", "did:web", "did:example")


def finding(keys: Mapping[KeyReference, Sequence[LocalSigner]]) -> Resolving:
    """A host that finds these keys elsewhere."""
    return Resolving({reference: public(*found) for reference, found in keys.items()})


def taking(
    proof_type: JwtProofType | None = None,
    *,
    bindings: Sequence[str] = BINDINGS,
    algorithms: Sequence[str | int] = ALGORITHMS,
    required: KeyAttestationsRequired | None = None,
    batch_size: int = 4,
    nonces: bool = True,
    **settings: Any,
) -> Issuance:
    """An issuer whose `note` takes `jwt` proofs."""
    terms = ProofType(proof_signing_alg_values_supported=tuple(algorithms), key_attestations_required=required)
    note = CredentialConfiguration(
        format="x-note", cryptographic_binding_methods_supported=tuple(bindings), proof_types_supported={"jwt": terms}
    )
    members: dict[str, Any] = {"credential_configurations_supported": {"note": note}}
    if batch_size > 1:
        members["batch_credential_issuance"] = BatchCredentialIssuance(batch_size=batch_size)
    else:
        members["batch_credential_issuance"] = None
    if not nonces:
        members["nonce_endpoint"] = None
        settings["nonces"] = None
    return issuance(
        metadata=issuer_metadata(**members),
        encoders={"note": NoteEncoder(ISSUER_KEY)},
        proof_types={"jwt": proof_type or JwtProofType()},
        **settings,
    )


# --- proofs by the kind of name that their key has ------------------------------------------------------------------------------


def did_url(holder: LocalSigner = HOLDER, method: str = "key") -> str:
    known = DID_METHODS[method]
    return known.verification_method(known.did(public_key(holder.public_jwk)))


def by_kid(nonce: str | None, kid: Any, holder: LocalSigner = HOLDER, header: Any = None, **changes: Any) -> Proof:
    return Proof(nonce, holder, header={"jwk": None, "kid": kid, **(header or {})}, **changes)


def by_x5c(nonce: str | None, *chain: bytes, holder: LocalSigner = HOLDER, **changes: Any) -> Proof:
    return Proof(nonce, holder, header={"jwk": None, "x5c": [b64encode(der).decode() for der in chain]}, **changes)


# --- what becomes of them -------------------------------------------------------------------------------------------------------

Made = Proof | str | Sequence[Proof | str]


def send(world: Issuance, proofs: Made, **members: Any) -> Any:
    given = [proofs] if isinstance(proofs, Proof | str) else list(proofs)
    return world.credential(world.token("note"), order_of(*given, **members))


def accepted(make: Callable[[str | None], Made], world: Issuance | None = None) -> CredentialOrder:
    """`make` turns a nonce, if there is one, into the proofs. The order that the application got, a Credential for each key."""
    world = world or taking()
    response = send(world, make(world.nonce() if world.issuer.nonces is not None else None))
    assert response.status == 200, response.body
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert len(response.json()["credentials"]) == len(order.holder_keys)
    return order


def broken(
    make: Callable[[str | None], Made],
    because: str = "",
    *,
    error: str = "invalid_proof",
    world: Issuance | None = None,
    good: Callable[[str | None], Made] | None = None,
    now: int = NOW,
) -> None:
    """The request is refused for the right reason, nothing is issued or consumed, and the nonce then serves for a `good` one."""
    world = world or taking()
    token, nonce = world.token("note", now=now), world.nonce(now=now) if world.issuer.nonces is not None else None
    before, orders = world.host.rows, len(world.host.orders)
    made = make(nonce)
    proofs = [made] if isinstance(made, Proof | str) else list(made)
    body = refused(world.credential(token, order_of(*proofs), now=now), error)
    assert because in body["error_description"], body
    assert world.host.rows == before
    assert len(world.host.orders) == orders
    made = Proof(nonce, HOLDER, claims={"iat": now, "iss": CLIENT}) if good is None else good(nonce)
    proofs = [made] if isinstance(made, Proof | str) else list(made)
    response = world.credential(token, order_of(*proofs), now=now)
    assert response.status == 200, response.body
