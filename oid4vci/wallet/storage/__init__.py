"""States as bytes and back."""

from oid4vci.wallet.storage.envelope import State, dump, load

__all__ = ("State", "dump", "load")
