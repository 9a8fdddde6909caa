"""Many wallets at once at one server, for some time."""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from oid4vci.http import Request, Response
from tests.load.connection import Connection, Lost
from tests.load.figures import Figures
from tests.load.issuances import Issuances, Steps, Unexpected

__all__ = ("Load", "client_context")


def client_context(authority: Path) -> ssl.SSLContext:
    """What trusts the TLS authority in a PEM file."""
    return ssl.create_default_context(cafile=authority)


@frozen
class Load:
    """`wallets` wallets, each of which has one issuance after another, over one connection, or over a new one each time."""

    issuances: Issuances
    flow: Callable[[Issuances], Steps]
    context: ssl.SSLContext
    wallets: int = 16
    fresh: bool = False

    def run(self, figures: Figures, seconds: float) -> None:
        """Count and time in `figures` what happens."""
        asyncio.run(self._run(figures, seconds))

    async def _run(self, figures: Figures, seconds: float) -> None:
        begun = time.perf_counter()
        await asyncio.gather(*(self._wallet(figures, begun + seconds) for _ in range(self.wallets)))
        figures.seconds += time.perf_counter() - begun

    async def _wallet(self, figures: Figures, end: float) -> None:
        connection = Connection(self.issuances.issuer, self.context)

        async def send(request: Request) -> Response:
            begun = time.perf_counter()
            response = await connection.send(request)
            figures.latencies.append(time.perf_counter() - begun)
            return response

        while time.perf_counter() < end:
            steps = self.flow(self.issuances)
            try:
                request = next(steps)
                while True:
                    request = steps.send(await send(request))
            except StopIteration:
                figures.issuances += 1
            except (Unexpected, Lost) as error:
                figures.errors[f"{type(error).__name__}: {error}"] += 1
            if self.fresh:
                connection.close()
        connection.close()
