"""`jwt` proofs, as the Wallet makes them (OID4VCI F.1)."""

from collections.abc import Collection, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci.keys import SigningInput
from oid4vci.metadata import AlgorithmIdentifier
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import proof_signing_input
from oid4vci.proofs.proof_type import Intended
from oid4vci.unsigned_jwt import UnsignedJwt, signed, to_sign

__all__ = ("JwtProofMaker",)


@frozen
class JwtProofMaker:
    """One JWT for each key."""

    signs = True

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> Sequence[str]:
        """See `ProofMaker.key_algorithms`."""
        return tuple(each for each in supported if isinstance(each, str))

    def draft(
        self, keys: Sequence[HolderKey], intended: Intended, *, key_attestation: str | None = None
    ) -> "UnsignedJwtProofs":
        """See `ProofMaker.draft`."""
        return UnsignedJwtProofs(
            tuple(
                UnsignedJwt(
                    key.signer,
                    proof_signing_input(
                        key.signer,
                        audience=intended.audience,
                        nonce=intended.nonce,
                        issuer_claim=intended.client_id,
                        now=intended.now,
                    ),
                )
                for key in keys
            )
        )


@frozen
class UnsignedJwtProofs:
    """`jwt` proofs without their signatures."""

    jwts: tuple[UnsignedJwt, ...] = field(repr=False)

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """See `UnsignedProofs.to_sign`."""
        return to_sign(self.jwts)

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        """See `UnsignedProofs.finish`."""
        return list(signed(self.jwts, signatures))
