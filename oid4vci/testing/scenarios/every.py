"""All scenarios, in the order of the protocol."""

from typing import Final

from oid4vci.testing.scenarios.authorization import AUTHORIZATIONS
from oid4vci.testing.scenarios.bad_credentials import BAD_CREDENTIALS
from oid4vci.testing.scenarios.credentials import CREDENTIALS
from oid4vci.testing.scenarios.deferral import DEFERRALS
from oid4vci.testing.scenarios.encryption import ENCRYPTIONS
from oid4vci.testing.scenarios.metadata import METADATA
from oid4vci.testing.scenarios.nonces import NONCES
from oid4vci.testing.scenarios.offers import OFFERS
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.scenarios.tokens import TOKENS

__all__ = ("SCENARIOS",)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *OFFERS,
    *METADATA,
    *AUTHORIZATIONS,
    *TOKENS,
    *NONCES,
    *CREDENTIALS,
    *BAD_CREDENTIALS,
    *ENCRYPTIONS,
    *DEFERRALS,
)
