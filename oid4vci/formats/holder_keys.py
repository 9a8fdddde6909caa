"""Which keys a Credential can be bound to: one that carries a COSE_Key or a did:key, only to keys on curves.

An issuer refuses proofs of other keys (`CredentialEncoder.binds`), and does not announce algorithms that only those sign by.
"""

from typing import TYPE_CHECKING, Final

from oid4vci import _jose

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("check_proof_algorithms",)

# The proof type whose proofs are signed with the holder's key by a JWS algorithm (OID4VCI F.1).
_JWT: Final = "jwt"


def check_proof_algorithms(configuration: "CredentialConfiguration") -> None:
    """For what binds to keys on curves alone: raise `ValueError` if the configuration takes `jwt` proofs by other kinds."""
    terms = (configuration.proof_types_supported or {}).get(_JWT)
    for name in terms.proof_signing_alg_values_supported if terms is not None else ():
        known = _jose.ALGORITHMS.get(name) if isinstance(name, str) else None
        if known is not None and not known.crv:
            raise ValueError(f"credentials cannot be bound to {known.kind_of_key}, so {name} is not for proofs of it")
