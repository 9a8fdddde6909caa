"""A Wallet under HAIP 1.0: the rules that its settings break, and what it sends and believes (HAIP 4, 4.1, 4.4.1, 4.5.1, 6.1)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from oid4vci.errors import InvalidMetadata
from oid4vci.formats.credential_format import CredentialFormat, CredentialVerifier
from oid4vci.formats.haip import under_haip
from oid4vci.metadata import AuthorizationServerMetadata, CredentialIssuerMetadata
from oid4vci.metadata.finding import Finding, error, step
from oid4vci.metadata.haip import FORMATS, broken_rules, issuer_findings, server_findings

if TYPE_CHECKING:
    from oid4vci.wallet.settings import Wallet

__all__ = ("check_haip_settings", "haip_verifier", "issuer_refusal", "server_refusal")

# A peer may break any number of rules.
MAX_NAMED: Final = 10


def check_haip_settings(wallet: "Wallet") -> None:
    """Raises `ValueError` with every rule of HAIP that the settings break."""
    if rules := broken_rules(_findings(wallet)):
        raise ValueError(f"HAIP is not met: {rules}")


def _findings(wallet: "Wallet") -> Iterator[Finding]:
    for name, section, requirement in (
        ("bearer", "HAIP 4", "HAIP-4-08"),
        ("plain_requests", "HAIP 4", "HAIP-4-06"),
        ("responses_without_iss", "HAIP 4", "HAIP-4-07"),
        ("authorization_details", "HAIP 4.3", "HAIP-4.3-02"),
        ("public", "HAIP 4.4.1", "HAIP-4.4.1-01"),
    ):
        if getattr(wallet, name):
            yield error(name, "must be False", section, requirement)
    if not any(name in wallet.formats for name in FORMATS):
        yield error("formats", "has neither dc+sd-jwt nor mso_mdoc", "HAIP 4", "HAIP-4-02")
    for name in wallet.formats:
        # What is a `CredentialFormat` makes its verifier when that is first used.
        if name in FORMATS and not isinstance(known := wallet.formats[name], CredentialFormat):
            try:
                under_haip(known, name)
            except ValueError as refused:
                yield error(f"formats.{step(name)}", str(refused), "HAIP 6.1.1", "HAIP-6.1.1-01")
    if set(wallet.proof_makers) <= {"di_vp"}:
        # A proof type of somebody else's may have key attestations of its own (HAIP 4.5.1); this one has none.
        yield error("proof_makers", "make no proofs with key attestations", "HAIP 4.5.1", "HAIP-4.5.1-01")


def haip_verifier(verifier: CredentialVerifier, name: str) -> CredentialVerifier:
    """The verifier of a format with what HAIP demands turned on. Raises `ValueError` if that cannot be."""
    try:
        return under_haip(verifier, name)
    except ValueError as refused:
        raise ValueError(f"HAIP-6.1.1-01: the verifier of {name} {refused} (HAIP 6.1.1)") from None


def issuer_refusal(wallet: "Wallet", metadata: CredentialIssuerMetadata) -> InvalidMetadata | None:
    """Why a Wallet that goes by HAIP does not go to this issuer; None if nothing is said against it."""
    rules = broken_rules(issuer_findings(metadata), at_most=MAX_NAMED) if wallet.haip else ""
    return InvalidMetadata(f"the issuer does not meet HAIP: {rules}") if rules else None


def server_refusal(wallet: "Wallet", server: AuthorizationServerMetadata) -> InvalidMetadata | None:
    """Why a Wallet that goes by HAIP does not go to this Authorization Server; None if nothing is said against it."""
    rules = broken_rules(server_findings(server), at_most=MAX_NAMED) if wallet.haip else ""
    return InvalidMetadata(f"the Authorization Server does not meet HAIP: {rules}") if rules else None
