"""The makers of this library's proof types by their identifiers, each loaded when it is first used."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from oid4vci.proofs.proof_type import ProofMaker

__all__ = ("PROOF_MAKERS", "KnownProofMakers")


def _jwt() -> ProofMaker:
    from oid4vci.proofs.jwt_maker import JwtProofMaker

    return JwtProofMaker()


def _attestation() -> ProofMaker:
    from oid4vci.proofs.attestation import AttestationProofMaker

    return AttestationProofMaker()


def _di_vp() -> ProofMaker:
    from oid4vci.proofs.di_vp import DiVpProofMaker

    return DiVpProofMaker()


class KnownProofMakers(Mapping[str, ProofMaker]):
    """Makers by identifier. `loaders` make each when it is first asked for; `ImportError` says which extra is missing."""

    def __init__(self, loaders: Mapping[str, Callable[[], ProofMaker]]) -> None:
        self._loaders = loaders
        self._loaded: dict[str, ProofMaker] = {}

    def __getitem__(self, identifier: str) -> ProofMaker:
        if identifier not in self._loaded:
            self._loaded[identifier] = self._loaders[identifier]()
        return self._loaded[identifier]

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._loaders

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)


PROOF_MAKERS: Final[Mapping[str, ProofMaker]] = KnownProofMakers({"jwt": _jwt, "attestation": _attestation, "di_vp": _di_vp})
"""By preference: a Wallet makes the first that the issuer takes.

`{**PROOF_MAKERS, "x": X}` loads them all, and needs their extras; to add one without that, give `KnownProofMakers` loaders.
"""
