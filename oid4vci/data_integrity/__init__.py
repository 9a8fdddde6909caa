"""Data Integrity (W3C VC Data Integrity 1.0): documents that carry their own proof. Needs the extra `oid4vci[ldp]`."""

from oid4vci.data_integrity.contexts import Contexts
from oid4vci.data_integrity.controlled_identifier import controlled_identifier_document
from oid4vci.data_integrity.cryptosuite import CRYPTOSUITES, Cryptosuite
from oid4vci.data_integrity.proof import Proof, proof_options, read_document, read_proofs, secured

__all__ = (
    "CRYPTOSUITES",
    "Contexts",
    "Cryptosuite",
    "Proof",
    "controlled_identifier_document",
    "proof_options",
    "read_document",
    "read_proofs",
    "secured",
)
