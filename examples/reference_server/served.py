"""What one command line serves: made once, before there are workers, so that all of them have the same keys."""

import socket
import ssl
from collections.abc import Callable, Sequence

from attrs import field, frozen
from starlette.applications import Starlette

from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.app import application
from examples.reference_server.encoders import Datasets, datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.outside import Outside, outside
from examples.reference_server.service import Service
from examples.reference_server.settings import Settings
from examples.reference_server.signing import issuer_keys
from examples.reference_server.stores import open_store
from examples.serving import serve
from oid4vci.records import Store

__all__ = ("Served", "close")


def close(store: Store) -> None:
    """Close a store that is kept elsewhere than in memory."""
    if hasattr(store, "close"):
        store.close()


@frozen
class Served:
    """Everything that was read, checked and made up. Nothing in it is open yet: each process opens the store by itself."""

    service: Service
    subjects: Datasets
    settings: Settings
    outside: Outside | None
    store: str
    admin: bool
    tls: ssl.SSLContext | None = field(repr=False)

    @classmethod
    def of(
        cls, issuer: str, settings: Settings, *, store: str, admin: bool = False, tls: ssl.SSLContext | None = None
    ) -> "Served":
        """Raises `ValueError`, `TypeError`, `OSError` or `ImportError` for what cannot be served."""
        service = Service.of(issuer, settings, issuer_keys(settings, issuer))
        if admin and tls is None and settings.admin_token is None:
            # Behind a proxy everybody seems to come from this machine.
            raise ValueError("--admin needs admin_token in the configuration, if TLS ends in front of this server")
        return cls(service, datasets(settings), settings, outside(settings), store, admin, tls)

    def check_store(self) -> None:
        """Open the store and close it again. Raises `ValueError` or `OSError` if it cannot be used."""
        close(self.open_store())

    def open_store(self) -> Store:
        """The store, with the status list in it if there is one. Raises `ValueError`, `OSError`."""
        statuses = self.service.statuses
        return open_store(self.store) if statuses is None else open_store(self.store, statuses.begin)

    def application(self, store: Store) -> Starlette:
        """What answers requests in one process."""
        service, settings = self.service, self.settings
        host = ServerHost(store, self.subjects, self.outside, statuses=service.statuses, deferrals=service.deferrals)
        offers = None
        if self.admin:
            offers = OffersEndpoint(service, store, self.subjects, settings.tx_code_length, settings.admin_token)
        return application(service, host, offers)

    def serve(
        self, sockets: Sequence[socket.socket], *, started: Callable[[], None] = lambda: None, lifeline: int | None = None
    ) -> int:
        """Serve in this process until it is told to end, see `serving.serve`. Gives the exit code; raises as `open_store` does."""
        store = self.open_store()
        try:
            return serve(self.application(store), sockets, self.tls, started=started, lifeline=lifeline)
        finally:
            close(store)

    @property
    def warnings(self) -> Sequence[str]:
        """What whoever starts the server should know."""
        settings, found = self.settings, []
        made_up = [] if settings.sealing_keys else ["sealing_keys"]
        if settings.access_tokens == "jwt" and settings.access_token_key_file is None:
            made_up.append("access_token_key_file")
        if self.store != "memory" and made_up:
            names = ", ".join(made_up)
            found.append(f"not set: {names}. Offers and tokens end with this process, although the store does not")
        if settings.demo_users:
            found.append("anybody can log in: the users are those of the demonstration, the password of each is the name")
        return found
