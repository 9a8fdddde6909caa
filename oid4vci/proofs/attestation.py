"""The `attestation` proof type (OID4VCI F.3): a key attestation, without a proof of possession of the keys it is for."""

from collections.abc import Collection, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci._jose import ALGORITHMS
from oid4vci._json import Malformed
from oid4vci.dids import DID_METHODS
from oid4vci.errors import InvalidProof
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.metadata import AlgorithmIdentifier
from oid4vci.proofs.attested_keys import AttestedKeys
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.key_attestation import KeyAttestations, ReadKeyAttestation
from oid4vci.proofs.named_key import binds_plain_keys
from oid4vci.proofs.proof_type import Expected, Intended, Proved
from oid4vci.revocation import Statuses, StatusRef

__all__ = ("AttestationProofMaker", "AttestationProofType")

# --- issuer -------------------------------------------------------------------------------------------------------------------


@frozen
class AttestationProofType:
    """Validation of `attestation` proofs, with or without `key_attestations_required` in the configuration.

    `key_attestations` says whose are believed. A Credential is bound to each attested key, and it is the attester's word alone that
    somebody has these keys.
    """

    key_attestations: KeyAttestations

    def read(self, proofs: Sequence[Any]) -> "ReadAttestationProof":
        """Read the array of one JWT. Raises `InvalidProof`."""
        if len(proofs) != 1:
            # "an array that contains exactly one JWT" -- OID4VCI F
            raise InvalidProof("proofs.attestation must be an array of exactly one key attestation")
        try:
            return ReadAttestationProof(self.key_attestations.read(proofs[0]))
        except Malformed as error:
            raise _located(error) from None

    @property
    def algorithms(self) -> Collection[AlgorithmIdentifier]:
        """The algorithms that can be verified."""
        return frozenset(ALGORITHMS)

    @property
    def validates_key_attestations(self) -> bool:
        """It does nothing else."""
        return True


def _located(error: Malformed) -> InvalidProof:
    return InvalidProof(str(error.within("proofs.attestation[0]")))


@frozen
class ReadAttestationProof:
    """An `attestation` proof: parsed, nothing believed."""

    attestation: ReadKeyAttestation = field(repr=False)

    @property
    def nonces(self) -> tuple[str | None, ...]:
        """The `nonce` of the key attestation."""
        return (self.attestation.nonce,)

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Where the attester publishes its keys, if it is known by that."""
        return self.attestation.key_refs

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """What may have been revoked; see `ReadKeyAttestation.status_refs`."""
        return self.attestation.status_refs

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        """The attested keys, each once, and the key attestation. Raises `InvalidProof`.

        Nothing names them by a DID, so where Credentials are bound to DIDs only, it must be to such as keys have by themselves.
        """
        if not binds_plain_keys(expected) and not any(f"did:{method}" in expected.binding_methods for method in DID_METHODS):
            raise InvalidProof("attested keys are named by no DID of a method to which the Credential is bound")
        try:
            attestation = self.attestation.verify(
                algorithms=expected.algorithms,
                required=expected.key_attestations_required,
                max_keys=expected.max_keys,
                exp_required=False,
                audience=expected.audience,
                nonce=expected.nonce,
                keys=keys,
                statuses=statuses,
                now=expected.now,
            )
        except Malformed as error:
            raise _located(error) from None
        return Proved(attestation.keys, (attestation,))


# --- wallet -------------------------------------------------------------------------------------------------------------------


@frozen
class AttestationProofMaker:
    """Making of `attestation` proofs: the key attestation is the proof, and no key signs."""

    @property
    def signs(self) -> bool:
        """No."""
        return False

    @property
    def dids_only(self) -> bool:
        """No: the key attestation has them as JWKs."""
        return False

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> Sequence[str]:
        """None: `proof_signing_alg_values_supported` is about the attester's signature."""
        return ()

    def draft(
        self, keys: Sequence[HolderKey], intended: Intended, *, key_attestation: str | None = None
    ) -> "UnsignedAttestation":
        """The proof that `key_attestation` is. Credentials are had for all the keys that it attests, `keys` among them.

        Raises `ValueError` if it is missing, lacks something, has expired, has another nonce than the `c_nonce`, is signed by an
        algorithm that the issuer does not take, or is not for one of `keys`.
        """
        if key_attestation is None:
            raise ValueError("an attestation proof needs a key attestation")
        attested = AttestedKeys.read(key_attestation, nonce=intended.nonce, now=intended.now)
        if intended.algorithms is not None and attested.algorithm not in intended.algorithms:
            # "the `alg` JWT header of the key attestation MUST match one of the entries" -- OID4VCI F.3
            taken = ", ".join(map(str, intended.algorithms))
            raise ValueError(f"the issuer takes key attestations signed by {taken}, not {attested.algorithm}")
        if not {key.public_key for key in keys} <= set(attested.keys):
            raise ValueError("the key attestation is not for all of these keys")
        return UnsignedAttestation(key_attestation)


@frozen
class UnsignedAttestation:
    """An `attestation` proof, which lacks no signature."""

    key_attestation: str = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """Nothing."""
        return ()

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        """The array of one JWT. Raises `ValueError` for signatures."""
        if signatures:
            raise ValueError("0 signatures are needed: the attester has signed")
        return [self.key_attestation]
