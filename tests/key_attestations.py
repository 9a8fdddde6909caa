"""An issuer that believes an attester, and key attestations that are good until some of them is changed."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci.http import Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, LocalSigner, PublicKey, ResolvedKeys, public_key
from oid4vci.metadata import BatchCredentialIssuance, CredentialConfiguration, KeyAttestationsRequired, ProofType
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.key_attestation import HIGH, MODERATE, KeyAttestation, KeyAttestations
from oid4vci.revocation import Statuses, StatusRef, StatusReference
from oid4vci.x509 import Anchors
from tests.issuance import ISSUER_KEY, NOW, Host, Issuance, NoteEncoder, issuance, issuer_metadata, jws, refused
from tests.test_x509 import CERT_SIGN, DAY, SIGNING_ONLY, Extension, PrivateKey, certificate

ATTESTER = "https://attester.example"
ATTESTER_KEY, OTHER_KEY = (LocalSigner.generate(name) for name in ("attester", "other"))
HOLDERS = tuple(LocalSigner.generate(f"holder-{i}") for i in range(6))
HOLDER = HOLDERS[0]
ANY_LEVEL = KeyAttestationsRequired()
STATUS = StatusReference("https://attester.example/statuses/1", 7)

# --- certificates, valid now ----------------------------------------------------------------------------------------------------

LIFE: Mapping[str, Any] = {"start": NOW - 100 * DAY, "end": NOW + 100 * DAY}
ROOT_KEY, SUB_KEY, LEAF_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
CERTIFIED_KEY = LocalSigner("leaf", "ES256", LEAF_KEY)


def authority(subject: str, key: PrivateKey, issuer: str, issuer_key: PrivateKey) -> bytes:
    return certificate(subject, key, issuer, issuer_key, (x509.BasicConstraints(True, None), True), (CERT_SIGN, True), **LIFE)


def leaf(
    issuer: str = "sub", issuer_key: PrivateKey = SUB_KEY, *extensions: Extension, key: PrivateKey = LEAF_KEY, **life: int
) -> bytes:
    return certificate("attester", key, issuer, issuer_key, (SIGNING_ONLY, True), *extensions, **{**LIFE, **life})


ROOT = authority("root", ROOT_KEY, "root", ROOT_KEY)
SUB = authority("sub", SUB_KEY, "root", ROOT_KEY)
LEAF = leaf()
ANCHORS = Anchors.from_der(ROOT)


def chain(*certificates: bytes) -> list[str]:
    return [b64encode(der).decode() for der in certificates]


# --- attestations ---------------------------------------------------------------------------------------------------------------


@frozen
class Attestation:
    """A good key attestation, until some of it is changed. A member that is None in `header` or `claims` is left out."""

    nonce: str | None
    keys: Sequence[LocalSigner] = (HOLDER,)
    header: Mapping[str, Any] = field(factory=dict)
    claims: Mapping[str, Any] = field(factory=dict)
    signer: LocalSigner = ATTESTER_KEY

    def __str__(self) -> str:
        header = {"typ": "key-attestation+jwt", "alg": self.signer.algorithm}
        claims = {
            "iss": ATTESTER,
            "iat": NOW,
            "exp": NOW + 3600,
            "nonce": self.nonce,
            "key_storage": [HIGH],
            "user_authentication": [MODERATE],
            "attested_keys": [dict(key.public_jwk) for key in self.keys],
        }
        return jws(
            {name: value for name, value in {**header, **self.header}.items() if value is not None},
            {name: value for name, value in {**claims, **self.claims}.items() if value is not None},
            self.signer,
        )


def certified(nonce: str | None, *certificates: bytes, **changes: Any) -> Attestation:
    header = {"x5c": chain(*(certificates or (LEAF, SUB))), **changes.pop("header", {})}
    return Attestation(nonce, **{"signer": CERTIFIED_KEY, "header": header, **changes})


def known_attester(**settings: Any) -> KeyAttestations:
    """Whoever knows the key of `ATTESTER`."""
    return KeyAttestations(**{"attesters": {ATTESTER: (public_key(ATTESTER_KEY.public_jwk),)}, **settings})


def by_anchors(*anchors: bytes, **settings: Any) -> KeyAttestations:
    return KeyAttestations(anchors=Anchors.from_der(*(anchors or (ROOT,))), **settings)


# --- issuers --------------------------------------------------------------------------------------------------------------------


class Resolving(Host):
    """A host that has outside keys."""

    def __init__(self, keys: ResolvedKeys) -> None:
        super().__init__()
        self.keys = keys

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        self.asked.extend(references)
        return {each: self.keys[each] for each in references if each in self.keys}


class Knowing(Host):
    """A host that knows statuses, and what it was asked about."""

    def __init__(self, known: Statuses) -> None:
        super().__init__()
        self.known = known
        self.asked_statuses: list[StatusRef] = []

    def check_statuses(self, references: Sequence[StatusRef], /) -> Statuses:
        self.asked_statuses += references
        return {each: self.known[each] for each in references if each in self.known}


def attesting(
    attestations: KeyAttestations | None = None,
    *,
    required: KeyAttestationsRequired | None = ANY_LEVEL,
    algorithms: Sequence[str | int] = ("ES256",),
    nonces: bool = True,
    batch_size: int | None = 4,
    bindings: Sequence[str] = ("jwk",),
    host: Host | None = None,
) -> Issuance:
    """An issuer that takes `attestation` proofs for `note`."""
    terms = ProofType(proof_signing_alg_values_supported=tuple(algorithms), key_attestations_required=required)
    configuration = CredentialConfiguration(
        format="x-note",
        cryptographic_binding_methods_supported=tuple(bindings),
        proof_types_supported={"attestation": terms},
    )
    members: dict[str, Any] = {"credential_configurations_supported": {"note": configuration}}
    members["batch_credential_issuance"] = None if batch_size is None else BatchCredentialIssuance(batch_size=batch_size)
    settings: dict[str, Any] = {}
    if not nonces:
        members["nonce_endpoint"] = None
        settings["nonces"] = None
    return issuance(
        metadata=issuer_metadata(**members),
        host=host,
        encoders={"note": NoteEncoder(ISSUER_KEY)},
        proof_types={"attestation": AttestationProofType(attestations or known_attester())},
        **settings,
    )


def order_of(*attestations: Any) -> dict[str, Any]:
    return {
        "credential_configuration_id": "note",
        "proofs": {"attestation": [str(each) if isinstance(each, Attestation) else each for each in attestations]},
    }


Made = Attestation | str


def accepted(make: Callable[[str | None], Made], world: Issuance | None = None, *, now: int = NOW) -> KeyAttestation:
    """`make` turns a nonce, if there is one, into the attestation. What the application got to see of it."""
    world = world or attesting()
    nonce = world.nonce(now=now) if world.issuer.nonces is not None else None
    response = world.credential(world.token("note", now=now), order_of(make(nonce)), now=now)
    assert response.status == 200, response.body
    order = world.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    (attestation,) = order.key_attestations
    assert order.holder_keys == attestation.keys
    return attestation


def broken(
    make: Callable[[str | None], Any],
    because: str = "",
    *,
    error: str = "invalid_proof",
    world: Issuance | None = None,
    good: Callable[[str | None], Made] | None = None,
    now: int = NOW,
) -> None:
    """The request is refused, for the right reason; nothing is issued or consumed, and the nonce serves for a `good` one."""
    world = world or attesting()
    nonce = world.nonce(now=now) if world.issuer.nonces is not None else None
    token = world.token("note", now=now)
    before, orders = world.host.rows, len(world.host.orders)
    made = make(nonce)
    body = refused(world.credential(token, order_of(*(made if isinstance(made, list) else [made])), now=now), error)
    assert because in body["error_description"], body
    assert world.host.rows == before
    assert len(world.host.orders) == orders
    response: Response = world.credential(token, order_of((good or Attestation)(nonce)), now=now)
    assert response.status == 200, response.body


def header(**members: Any) -> Callable[[str | None], Attestation]:
    return lambda nonce: Attestation(nonce, header=members)


def claims(**members: Any) -> Callable[[str | None], Attestation]:
    return lambda nonce: Attestation(nonce, claims=members)


def signed_by(signer: LocalSigner, **changes: Any) -> Callable[[str | None], Attestation]:
    return lambda nonce: Attestation(nonce, signer=signer, **changes)


def chained(*certificates: bytes, **changes: Any) -> Callable[[str | None], Attestation]:
    return lambda nonce: certified(nonce, *certificates, **changes)


def public(*keys: LocalSigner) -> tuple[PublicKey, ...]:
    return tuple(public_key(key.public_jwk) for key in keys)
