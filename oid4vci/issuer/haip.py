"""A Credential Issuer under HAIP 1.0: what is turned on for it, and the rules that its settings break (HAIP 4, 6, 7, 8)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from oid4vci.formats.haip import under_haip
from oid4vci.metadata.finding import Finding, error, step
from oid4vci.metadata.haip import ES256, FORMATS, issuer_findings
from oid4vci.proofs.attestation import AttestationProofType
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.proof_type import ProofType

if TYPE_CHECKING:
    from oid4vci.formats.credential_format import CredentialEncoder
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("haip_encoders", "haip_findings", "haip_proof_types")

# "SHA-256 MUST be supported by all the entities": nobody needs to know another (HAIP 8). JOSE's name and that of an mdoc.
_SHA_256: Final = ("sha-256", "SHA-256")


def haip_encoders(encoders: "Mapping[str, CredentialEncoder]") -> "dict[str, CredentialEncoder]":
    """The encoders with what HAIP demands turned on, as far as that can be; `haip_findings` names the others."""
    found = dict(encoders)
    for name, encoder in encoders.items():
        try:
            found[name] = under_haip(encoder, encoder.format)
        except ValueError:
            continue
    return found


def haip_proof_types(proof_types: Mapping[str, ProofType]) -> dict[str, ProofType]:
    """The proof types; where key attestations are believed by certificates only, each must bring its own (HAIP 4.5.1)."""
    found = dict(proof_types)
    for name, each in proof_types.items():
        if isinstance(each, JwtProofType | AttestationProofType):
            attestations = each.key_attestations
            if attestations is not None and not attestations.attesters:
                found[name] = evolve(each, key_attestations=evolve(attestations, require_x5c=True))
    return found


def haip_findings(issuer: "Issuer") -> Iterator[Finding]:
    """The rules of HAIP that an issuer breaks."""
    yield from issuer_findings(issuer.metadata)
    if issuer.bearer:
        yield error("bearer", "must be False: every token is bound to a key", "HAIP 4", "HAIP-4-08")
    if issuer.dpop is None:
        yield error("dpop", "is missing", "HAIP 4", "HAIP-4-08")
    elif ES256 not in issuer.dpop.algorithms:
        yield error("dpop.algorithms", "does not have ES256", "HAIP 4, 7", "HAIP-4-08")
    if issuer.signed_metadata is not None and not issuer.signed_metadata.x5c:
        yield error("signed_metadata.x5c", "is missing", "HAIP 4.1", "HAIP-4.1-05")
    for name, encoder in issuer.encoders.items():
        for finding in _encoder_findings(encoder):
            yield finding.within(f"encoders.{step(name)}")
    for name, proof_type in issuer.proof_types.items():
        attestations: Any = getattr(proof_type, "key_attestations", None)
        if attestations is not None and not getattr(attestations, "require_x5c", False):
            path = f"proof_types.{step(name)}.key_attestations.require_x5c"
            yield error(path, "must be True: no attester is known by its keys alone", "HAIP 4.5.1", "HAIP-4.5.1-05")


def _encoder_findings(encoder: "CredentialEncoder") -> Iterator[Finding]:
    if encoder.format not in FORMATS:
        return
    try:
        under_haip(encoder, encoder.format)
    except ValueError as refused:
        yield error("", f"cannot go by it: {refused}", "HAIP 6.1.1", "HAIP-6.1.1-02")
    for name in ("hash_algorithm", "digest_algorithm"):
        if getattr(encoder, name, _SHA_256[0]) not in _SHA_256:
            yield error(name, "must be SHA-256", "HAIP 8", "HAIP-8-01")
