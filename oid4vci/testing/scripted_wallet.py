"""A wallet that follows the rules and breaks them, to see what a Credential Issuer and its authorization server do."""

from collections.abc import Container
from typing import Final

from attrs import frozen

from oid4vci.testing.probes import (
    authorization,
    client_authentication,
    credential,
    credentials,
    deferred,
    dpop,
    encryption,
    metadata,
    nonce,
    notification,
    offers,
    pre_authorized,
    proofs,
    pushed,
    refresh,
    server,
    verified,
)
from oid4vci.testing.probes.peer import CHECKS, Peer
from oid4vci.testing.probes.supplies import Supplies
from oid4vci.testing.report import Checks, Report

__all__ = ("ISSUER_CHECKS", "ScriptedWallet")

_FLOW: Final = (
    *(metadata, server, offers, nonce, pre_authorized, pushed, authorization, client_authentication, dpop, refresh),
    *(credential, proofs, encryption, credentials, verified, deferred, notification),
)

ISSUER_CHECKS: Final[Checks[Peer]] = Checks(
    {check.name: check for module in _FLOW for check in CHECKS if check.look.__module__ == module.__name__}
)
"""What a probe of an issuer looks at, in the order of the flow."""


@frozen(kw_only=True)
class ScriptedWallet(Supplies):
    """A probe of one issuer: what it may use is in its fields."""

    def probe(self, *, only: Container[str] | None = None) -> Report:
        """Make every check, or those whose names are in `only`. What is missing or goes wrong on the way is in the report.

        It gets real tokens and credentials, and sends what is wrong: to an issuer that is there for that.
        """
        return ISSUER_CHECKS.run(Peer(self), only=only)
