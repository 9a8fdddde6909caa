"""What every proof type does (OID4VCI F): a mapping from its identifier to one of these is how a type is added.

An issuer has a `ProofType` for each, which validates; a Wallet a `ProofMaker`, which makes.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from attrs import field, frozen

from oid4vci.errors import InvalidProof
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, SigningInput
from oid4vci.metadata import AlgorithmIdentifier, KeyAttestationsRequired
from oid4vci.revocation import Statuses, StatusRef

if TYPE_CHECKING:
    from oid4vci.proofs.holder_key import HolderKey
    from oid4vci.proofs.key_attestation import KeyAttestation

__all__ = ("Expected", "Intended", "ProofMaker", "ProofType", "Proved", "ReadProofs", "UnsignedProofs", "check_documents")

# Of one request: what a stranger can make the caller fetch.
MAX_DOCUMENTS: Final = 8

# --- issuer -------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Expected:
    """What a proof must say.

    - `audience`: the Credential Issuer Identifier; `client_id`: None after an anonymous Token Request.
    - `algorithms`: the `proof_signing_alg_values_supported` of the configuration, for this proof type;
      `key_attestations_required` that of the same name.
    - `binding_methods`: the configuration's `cryptographic_binding_methods_supported`.
    - `nonce`: whether the issuer has a Nonce Endpoint. The values are the caller's to check.
    - `max_keys`: how many keys may be brought.
    - `now`: seconds since the epoch.
    """

    audience: str
    client_id: str | None
    algorithms: Collection[AlgorithmIdentifier]
    key_attestations_required: KeyAttestationsRequired | None = None
    binding_methods: Collection[str] = ("jwk",)
    nonce: bool = True
    max_keys: int = 1
    now: int


@frozen
class Proved:
    """The keys to bind credentials to, each once, and the key attestations by which they, or some of them, are known."""

    keys: tuple[PublicKey, ...]
    attestations: "tuple[KeyAttestation, ...]" = ()


class ReadProofs(Protocol):
    """The proofs of one request: parsed, nothing believed."""

    @property
    def nonces(self) -> tuple[str | None, ...]:
        """The `c_nonce` of each proof, and of each key attestation in one, None where there is none."""

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Keys to resolve before `verify`."""

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """What may have been revoked, to be found out before `verify`."""

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        """The keys to bind credentials to, each once. The values of nonces are the caller's to check. Raises `InvalidProof`."""


class ProofType(Protocol):
    """A proof type, as the issuer validates it."""

    @property
    def algorithms(self) -> Collection[AlgorithmIdentifier]:
        """What can stand in the `proof_signing_alg_values_supported` of an issuer that validates with this."""

    @property
    def validates_key_attestations(self) -> bool:
        """Whether an issuer that validates with this can say `key_attestations_required`."""

    def read(self, proofs: Sequence[Any]) -> ReadProofs:
        """Read the array that stands under the type's name in `proofs`. Raises `InvalidProof`."""


def check_documents(named: Iterable[KeyReference]) -> None:
    """For `read`: that the proofs of a request name few DIDs, or trust chains, to be resolved. Raises `InvalidProof`."""
    if len({(each.url.partition("#")[0], each.trust_chain) for each in named}) > MAX_DOCUMENTS:
        raise InvalidProof("the proofs name too many DIDs that have to be resolved")


# --- wallet -------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Intended:
    """What proofs are made for.

    - `audience`: the Credential Issuer Identifier; `client_id`: None after an anonymous Token Request.
    - `nonce`: the `c_nonce`, None if the issuer has no Nonce Endpoint.
    - `now`: seconds since the epoch.
    - `algorithms`: the issuer's `proof_signing_alg_values_supported` for this proof type, None if they are not known.
    - `key_attestation_asked`: whether the issuer expects a key attestation. One that does not may not look at it, so that it
      proves nothing of keys that do not sign.
    """

    audience: str
    client_id: str | None
    nonce: str | None = field(repr=False)
    now: int
    algorithms: Collection[AlgorithmIdentifier] | None = None
    key_attestation_asked: bool = True


class UnsignedProofs(Protocol):
    """Proofs that lack their signatures only."""

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """What the keys outside this process must sign."""

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        """The array that stands under the type's name in `proofs`, with one signature for each element of `to_sign`.

        Raises `ValueError`.
        """


class ProofMaker(Protocol):
    """A proof type, as the Wallet makes it."""

    @property
    def signs(self) -> bool:
        """Whether the keys sign. If not, the proof is what a key attestation says of them."""

    @property
    def dids_only(self) -> bool:
        """Whether keys are named by DID URLs and by nothing else. One without a name is named by the maker then."""

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> Sequence[str]:
        """The JWS algorithms of keys that can sign a proof by one of `supported`, a `proof_signing_alg_values_supported`.

        In their order. Nothing where keys do not sign.
        """

    def draft(self, keys: "Sequence[HolderKey]", intended: Intended, *, key_attestation: str | None = None) -> UnsignedProofs:
        """Proofs of possession of these keys, or of what `key_attestation` attests. Raises `ValueError`."""
