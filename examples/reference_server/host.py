"""The host of the library's drivers: where records are kept, and what is decided about a verified request."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from oid4vci.authorization_server import TokenOrder
from oid4vci.drive import Draft
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Key, Records, Reply, Store

__all__ = ("Datasets", "ServerHost", "open_store")

Datasets = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""The claims of each subject for each credential configuration."""


@frozen
class ServerHost:
    """Issues to everybody whom the settings know. The signing key is in this process, and no key has to be fetched."""

    store: Store
    subjects: Datasets

    def load(self, keys: Sequence[Key], /) -> Records:
        """The stored rows."""
        return self.store.load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return self.store.commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """Nothing: no configuration takes keys that are named by reference."""
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """Nothing: the key signs by itself."""
        return ()

    def decide(self, order: Any, /) -> Draft | Reply:
        """A token for every valid code, a credential for every subject that has the dataset."""
        match order:
            case TokenOrder():
                return order.issue()
            case CredentialOrder():
                claims = self.subjects.get(order.subject, {}).get(order.configuration_id)
                return order.deny("there is no such dataset") if claims is None else order.issue(claims)
            case _:
                raise TypeError("no decision is known for this kind of order")


def open_store(url: str) -> Store:
    """The store that `--store` names: `memory`, or `sqlite:///` and the path of a file. Raises `ValueError`."""
    if url == "memory":
        return MemoryStore()
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        from examples.sqlite_store import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"))
    scheme = url.partition(":")[0]
    if scheme in ("redis", "postgresql"):
        raise ValueError(f"--store: {scheme} is not served yet; use memory or sqlite:///state.db")
    raise ValueError("--store: use memory or sqlite:///state.db")
