"""The same exchanges within one process, with a store in memory: what the library and the decisions take by themselves."""

import time
from collections.abc import Callable

from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.host import ServerHost
from examples.reference_server.login import Login
from examples.reference_server.served import Served
from examples.reference_server.settings import Settings
from oid4vci.drive import Together, respond
from oid4vci.http import Request, Response
from oid4vci.memory import MemoryStore
from tests.load.issuances import Issuances, Steps

__all__ = ("within",)


def within(settings: Settings, flow: Callable[[Issuances], Steps], *, issuances: int) -> float:
    """Processor milliseconds that the server's side of an issuance takes."""
    issuer = "https://localhost:8443"
    service = Served.of(issuer, settings, store="memory").service
    store, subjects = MemoryStore(), settings.subjects
    host, role = ServerHost(store, subjects), Together(service.roles)
    offers, login = OffersEndpoint(service, store, subjects, settings.tx_code_length), Login(service, host)

    def answered(request: Request) -> Response:
        now = int(time.time())
        if request.path == "/admin/offers":
            return offers.answer(request, now=now)
        if login.serves(request.path):
            return login.answer(request, now=now)
        return respond(role, request, host, now=now)

    wallets, spent = Issuances(issuer), 0.0
    for i in range(issuances + 20):
        if i == 20:
            spent = 0.0
        steps = flow(wallets)
        try:
            request = next(steps)
            while True:
                begun = time.process_time()
                response = answered(request)
                spent += time.process_time() - begun
                request = steps.send(response)
        except StopIteration:
            pass
    return spent * 1000 / issuances
