"""What the library remembers between two calls: for the first credential of an issuer there is nothing."""

import sys
from collections.abc import Callable
from typing import Any

__all__ = ("cold",)


def cold(case: Callable[[], object]) -> Callable[[], object]:
    """The case as it is the first time: whatever is remembered in the modules of the library is forgotten before."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "oid4vci"]
    functions: list[Any] = [
        value
        for module in modules
        for value in vars(module).values()
        if hasattr(value, "cache_clear") and value.__module__ == module.__name__
    ]

    def run() -> object:
        for function in functions:
            function.cache_clear()
        return case()

    return run
