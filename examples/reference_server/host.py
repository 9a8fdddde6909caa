"""The host of the library's drivers: where records are kept, where keys come from, what is decided about a verified request."""

import ssl
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
from attrs import frozen

from examples.issuer_alone.jwks import Jwks, Unavailable
from examples.reference_server.encoders import Datasets
from examples.reference_server.statuses import WITHOUT_STATUS, Statuses
from oid4vci.authorization_server import AuthorizationOrder, TokenOrder
from oid4vci.drive import Draft
from oid4vci.errors import TemporarilyUnavailable
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.records import Change, Key, Records, Reply, Store
from oid4vci.status_list import StatusListOrder

__all__ = ("ServerHost", "new_jwks", "open_store")

# Seconds that fetched keys are used: who withdraws one does not wait longer.
JWKS_LIFETIME = 300
JWKS_TIMEOUT = 10


@frozen
class ServerHost:
    """Issues to everybody whom the settings know. The signing keys are in this process.

    `jwks` fetches the keys that clients and attesters publish, from the event loop: this host is then called in a worker thread
    of it. `ask` is what the person at the browser of this request is to see, or has decided. With `statuses`, credentials can be
    revoked.
    """

    store: Store
    subjects: Datasets
    jwks: Jwks | None = None
    ask: Callable[[AuthorizationOrder], Reply] | None = None
    statuses: Statuses | None = None

    def load(self, keys: Sequence[Key], /) -> Records:
        """The stored rows."""
        return self.store.load(keys)

    def commit(self, changes: Sequence[Change], /) -> bool:
        """Store all changes, or none and return False."""
        return self.store.commit(changes)

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """The keys that the settings name by their URL. Raises `TemporarilyUnavailable`."""
        if self.jwks is None:
            return {}
        try:
            return anyio.from_thread.run(self.jwks.resolve, references)
        except Unavailable:
            raise TemporarilyUnavailable("keys that are needed cannot be fetched") from None

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """Nothing: the key signs by itself."""
        return ()

    def decide(self, order: Any, /) -> Draft | Reply:
        """A token for every valid code, a credential for every subject that has the dataset; the rest a person decides."""
        match order:
            case AuthorizationOrder() if self.ask is not None:
                return self.ask(order)
            case TokenOrder():
                return order.issue()
            case CredentialOrder():
                claims = self.subjects.get(order.subject, {}).get(order.configuration_id)
                if claims is None:
                    return order.deny("there is no such dataset")
                if self.statuses is None or order.configuration.format in WITHOUT_STATUS:
                    return order.issue(claims)
                return self.statuses.issue(order, claims, self.store)
            case StatusListOrder():
                return order.publish()
            case _:
                raise TypeError("no decision is known for this kind of order")


def new_jwks(urls: Collection[str], authorities: Path | None) -> Jwks | None:
    """What fetches the JWK Sets at these https URLs, if there are any; `authorities` is PEM. Raises `OSError`.

    Neither proxies nor credentials come from the environment, and redirects are not followed.
    """
    if not urls:
        return None
    context = ssl.create_default_context()
    if authorities is not None:
        context.load_verify_locations(authorities)
    client = httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=JWKS_TIMEOUT)
    return Jwks(client, frozenset(urls), lambda: int(time.time()), lifetime=JWKS_LIFETIME)


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
