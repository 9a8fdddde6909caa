"""Which configurations a probe can ask for, and how it proves its keys there."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen

from oid4vci.dids import DID_METHODS
from oid4vci.keys import ALGORITHMS, LocalSigner, public_key

__all__ = ("Target", "targets")

_BY_JWK = ("jwk", "cose_key")
_BY_DID = {"did:key": "key", "did:jwk": "jwk"}


@frozen
class Target:
    """A configuration, and how keys are proved for it.

    `proof_type` is None where no key is asked for, `binding` then too. `attested`: whether its `jwt` proofs need a key attestation.
    """

    configuration_id: str
    members: Mapping[str, Any] = field(repr=False)
    proof_type: Literal["jwt", "attestation"] | None = None
    algorithm: str = "ES256"
    binding: str | None = None
    attested: bool = False

    @property
    def format(self) -> str:
        """The Credential Format Identifier."""
        return str(self.members.get("format"))

    @property
    def scope(self) -> str | None:
        """The scope value that asks for it."""
        scope = self.members.get("scope")
        return scope if isinstance(scope, str) else None

    def holder(self, name: str = "holder") -> LocalSigner:
        """A new key that can be proved here."""
        return LocalSigner.generate(name, self.algorithm)

    def kid(self, key: LocalSigner) -> str | None:
        """The DID URL that names the key; None where its JWK does."""
        if self.binding not in _BY_DID:
            return None
        method = DID_METHODS[_BY_DID[self.binding]]
        return method.verification_method(method.did(public_key(key.public_jwk)))


def targets(metadata: Mapping[str, Any], *, only: Collection[str] | None, attested: bool) -> Sequence[Target]:
    """The configurations that can be asked for; `attested` says whether key attestations can be had."""
    known = metadata.get("credential_configurations_supported")
    if not isinstance(known, dict):
        return ()
    names = known if only is None else [name for name in only if name in known]
    found = (_target(name, known[name], attested) for name in names)
    return sorted((each for each in found if each is not None), key=lambda each: each.proof_type is None)


def _target(name: str, members: Any, attested: bool) -> Target | None:
    if not isinstance(members, dict):
        return None
    types = members.get("proof_types_supported")
    if not isinstance(types, dict):
        return Target(name, members) if types is None else None
    bindings = members.get("cryptographic_binding_methods_supported")
    named = [each for each in (*_BY_JWK, *_BY_DID) if isinstance(bindings, list) and each in bindings]
    for proof_type in ("jwt", "attestation"):
        terms = types.get(proof_type)
        if not isinstance(terms, dict) or not named:
            continue
        algorithm = _algorithm(terms.get("proof_signing_alg_values_supported"))
        wanted = proof_type == "attestation" or "key_attestations_required" in terms
        if algorithm is not None and (attested or not wanted) and not (proof_type == "attestation" and named[0] in _BY_DID):
            kind: Literal["jwt", "attestation"] = "jwt" if proof_type == "jwt" else "attestation"
            return Target(name, members, kind, algorithm, named[0], proof_type == "jwt" and wanted)
    return None


def _algorithm(values: Any) -> str | None:
    """The first that keys are generated for quickly."""
    supported = [each for each in values if isinstance(each, str)] if isinstance(values, list) else []
    return next((each for each in ALGORITHMS if each in supported and ALGORITHMS[each].kty in ("EC", "OKP")), None)
