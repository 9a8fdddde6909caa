"""A scripted issuer that wants to hear what became of its Credentials, and a Wallet that has some."""

from collections.abc import Mapping
from typing import Any

from oid4vci.drive import run
from oid4vci.http import Response
from oid4vci.keys import LocalSigner
from oid4vci.wallet import Issued, Order
from tests.scripted_server import CREDENTIAL, HOLDER_KEYS, METADATA_URL, NOW, Server, issue, metadata, ok, opened

__all__ = ("ID", "NOTIFICATION", "NOW", "credentials", "notifiable", "server")

NOTIFICATION = "https://issuer.example/tenant/notification"
ID = "3fwe98js"
DONE = Response(204)


def server(
    *answers: Any,
    notification_id: Any = ID,
    endpoint: str | None = NOTIFICATION,
    scripted: Mapping[str, Any] | None = None,
) -> Server:
    """The Notification Endpoint gives these answers one by one; `scripted` are those of other URLs."""
    published = metadata() | ({} if endpoint is None else {"notification_endpoint": endpoint})

    def issued(request: Any) -> Response:
        given = {} if notification_id is None else {"notification_id": notification_id}
        return ok({**issue(request).json(), **given})

    return Server(
        {METADATA_URL: ok(published), CREDENTIAL: issued, endpoint or NOTIFICATION: list(answers), **(scripted or {})}
    )


def credentials(script: Server, *signers: LocalSigner, dpop: Any = None, now: int = NOW, **settings: Any) -> Issued:
    """Credentials of this issuer, one for each key."""
    session = run(opened(script, **settings).redeem(dpop=dpop, now=now), script)
    order = run(session.order("pid"), script)
    assert isinstance(order, Order)
    issued = run(order.prove(signers or HOLDER_KEYS[:1], now=now).submit(), script)
    assert isinstance(issued, Issued)
    return issued


def notifiable(*answers: Any, **settings: Any) -> tuple[Server, Issued]:
    """A server, and Credentials that it issued."""
    script = server(*(answers or (DONE,)), **settings)
    return script, credentials(script)
