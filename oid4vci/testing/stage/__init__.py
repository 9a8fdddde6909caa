"""The stage on which a Wallet is probed: an issuer that is good but for what a scenario changes, and all that is sent to it."""

from oid4vci.testing.stage.authority import IssuingAuthority
from oid4vci.testing.stage.good_issuer import Application, good_issuer
from oid4vci.testing.stage.profile import FEATURES, WalletProfile
from oid4vci.testing.stage.recorded import Recorded
from oid4vci.testing.stage.setting import Setting
from oid4vci.testing.stage.stage import Alteration, Stage, WalletOutcome

__all__ = (
    "FEATURES",
    "Alteration",
    "Application",
    "IssuingAuthority",
    "Recorded",
    "Setting",
    "Stage",
    "WalletOutcome",
    "WalletProfile",
    "good_issuer",
)
