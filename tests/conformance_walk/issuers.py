"""The reference server as a process, over TLS, probed by the scripted wallet."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from oid4vci.testing import ProbeClient, Report, ScriptedWallet
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.network import over
from tests.probed_issuer import (
    EVERYTHING,
    HAIP,
    OTHER,
    STRICT,
    Person,
    attest_keys,
    haip_supplies,
    offers_of,
    strict_supplies,
)
from tests.proving_configurations import PROVIDER
from tests.running_server import running_server
from tests.test_x509 import pem

__all__ = ("ISSUERS", "probed")

PATIENCE: Final = 12
"""Seconds that the wallet waits at most: for what is deferred."""
_SOON: Final[Mapping[str, Any]] = {
    **EVERYTHING,
    "deferral": {"interval": 1},
    "configurations": {
        name: {**each, "deferred": 2} if "deferred" in each else each for name, each in EVERYTHING["configurations"].items()
    },
}
ISSUERS: Final[Mapping[str, tuple[Mapping[str, Any], Callable[[], dict[str, Any]]]]] = {
    "everything": (_SOON, dict),
    "HAIP": (HAIP, haip_supplies),
    "strict": (STRICT, strict_supplies),
}
"""`server.json`, and as whom the wallet goes there: public, attested, with keys of its own."""


def _now() -> int:
    return int(time.time())


@contextmanager
def _probing(folder: Path, name: str) -> Iterator[ScriptedWallet]:
    config, supplies = ISSUERS[name]
    (folder / "provider.pem").write_bytes(pem(PROVIDER.authority))
    with running_server(folder, config=config) as server:
        person, send = Person(server.client), over(server.client())
        given: dict[str, Any] = {
            "issuer": server.issuer,
            "send": send,
            "now": _now,
            "new_offer": offers_of(send, server.issuer),
            "approve": person.approve,
            "deny": person.deny,
            "client": ProbeClient("probe"),
            "other_client": ProbeClient(OTHER),
            "trust": Trust.of(server.issuer, anchors=Anchors.from_pem(server.demo_authority())),
            "wait": time.sleep,
            "patience": PATIENCE,
            "attest_keys": attest_keys(_now),
            "over_http": True,
            **supplies(),
        }
        yield ScriptedWallet(**given)


def probed(folder: Path, name: str) -> Report:
    """What the scripted wallet says of the reference server with one of `ISSUERS`."""
    with _probing(folder, name) as wallet:
        return wallet.probe()
