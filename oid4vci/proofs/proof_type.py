"""What every proof type does (OID4VCI F): a mapping from its identifier to one of these is how a type is added."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from attrs import frozen

from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys
from oid4vci.metadata import AlgorithmIdentifier

__all__ = ("Expected", "ProofType", "ReadProofs")


@frozen(kw_only=True)
class Expected:
    """What a proof must say.

    `algorithms` are the `proof_signing_alg_values_supported` of the configuration. `client_id` is None after an anonymous Token
    Request. `now` is in seconds since the epoch.
    """

    audience: str
    client_id: str | None
    algorithms: Collection[AlgorithmIdentifier]
    now: int


class ReadProofs(Protocol):
    """The proofs of one request: parsed, nothing believed."""

    @property
    def nonces(self) -> tuple[str | None, ...]:
        """The `c_nonce` of each proof, None where there is none."""

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Keys to resolve before `verify`."""

    def verify(self, expected: Expected, *, keys: ResolvedKeys) -> tuple[PublicKey, ...]:
        """The keys to bind credentials to, each once. Nonces are the caller's to check. Raises `InvalidProof`."""


class ProofType(Protocol):
    """A proof type."""

    @property
    def algorithms(self) -> Collection[AlgorithmIdentifier]:
        """What can stand in the `proof_signing_alg_values_supported` of an issuer that validates with this."""

    def read(self, proofs: Sequence[Any]) -> ReadProofs:
        """Read the array that stands under the type's name in `proofs`. Raises `InvalidProof`."""
