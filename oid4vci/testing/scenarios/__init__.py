"""What issuers do, good and bad, and what a Wallet must make of it: the scenarios that the scripted issuer plays."""

from oid4vci.testing.scenarios.every import SCENARIOS
from oid4vci.testing.scenarios.scenario import Expectation, Scenario

__all__ = ("SCENARIOS", "Expectation", "Scenario")
