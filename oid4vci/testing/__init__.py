"""For the tests of those who embed the library: what a store must do, and messages as hypothesis strategies.

The store contracts need nothing beyond the library. The strategies are in `oid4vci.testing.strategies`, which needs hypothesis.
"""

from oid4vci.testing.async_store_contract import AsyncStore, AsyncStoreContract
from oid4vci.testing.store_contract import StoreContract

__all__ = ("AsyncStore", "AsyncStoreContract", "StoreContract")
