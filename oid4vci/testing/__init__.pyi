# The public names as type checkers see them; the interpreter gets them one by one, from `_HOMES` in __init__.py.

from oid4vci.testing.apps import AppFault, wsgi
from oid4vci.testing.asgi_apps import AsgiApp, asgi
from oid4vci.testing.async_store_contract import AsyncStore, AsyncStoreContract
from oid4vci.testing.probes.supplies import Offered, OfferRequest, ProbeClient
from oid4vci.testing.report import Check, CheckFailed, Checks, CheckSkipped, CheckWarned, Finding, Outcome, Report
from oid4vci.testing.scenarios import SCENARIOS, Scenario
from oid4vci.testing.scripted_issuer import ScriptedIssuer, Start, TooManyRequests
from oid4vci.testing.scripted_wallet import ISSUER_CHECKS, ScriptedWallet
from oid4vci.testing.stage import FEATURES, Setting, Stage, WalletProfile
from oid4vci.testing.store_contract import StoreContract

__all__ = (
    "FEATURES",
    "ISSUER_CHECKS",
    "SCENARIOS",
    "AppFault",
    "AsgiApp",
    "AsyncStore",
    "AsyncStoreContract",
    "Check",
    "CheckFailed",
    "CheckSkipped",
    "CheckWarned",
    "Checks",
    "Finding",
    "OfferRequest",
    "Offered",
    "Outcome",
    "ProbeClient",
    "Report",
    "Scenario",
    "ScriptedIssuer",
    "ScriptedWallet",
    "Setting",
    "Stage",
    "Start",
    "StoreContract",
    "TooManyRequests",
    "WalletProfile",
    "asgi",
    "wsgi",
)
