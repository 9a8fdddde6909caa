"""For the tests of those who embed the library: what a store must do, probes of whole peers, messages as hypothesis strategies.

The store contracts and the probes need nothing beyond the library. The strategies are in `oid4vci.testing.strategies`, which
needs hypothesis. Each name is imported from its module when it is first used: who tests a store does not load the probes.
"""

from importlib import import_module
from typing import Any, Final

_HOMES: Final = {
    "oid4vci.testing.apps": "AppFault wsgi",
    "oid4vci.testing.asgi_apps": "AsgiApp asgi",
    "oid4vci.testing.async_store_contract": "AsyncStore AsyncStoreContract",
    "oid4vci.testing.probes.supplies": "Offered OfferRequest ProbeClient",
    "oid4vci.testing.report": "Check CheckFailed Checks CheckSkipped CheckWarned Finding Outcome Report",
    "oid4vci.testing.scenarios": "SCENARIOS Scenario",
    "oid4vci.testing.scripted_issuer": "ScriptedIssuer Start TooManyRequests",
    "oid4vci.testing.scripted_wallet": "ISSUER_CHECKS ScriptedWallet",
    "oid4vci.testing.stage": "FEATURES Setting Stage WalletProfile",
    "oid4vci.testing.store_contract": "StoreContract",
}

__all__ = tuple(sorted(name for names in _HOMES.values() for name in names.split()))


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names.split():
            globals()[name] = value = getattr(import_module(home), name)
            return value
    raise AttributeError(f"module 'oid4vci.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
