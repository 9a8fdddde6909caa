"""The command line: `python -m examples.adapters flask`."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from examples.adapters.applications import SERVERS, Listening
from examples.adapters.endpoints import Endpoints
from examples.adapters.issuer import ClubHost, new_club_server
from examples.local_tls import made_up_certificate

__all__ = ("main",)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.adapters", description=__doc__)
    parser.add_argument("framework", choices=SERVERS)
    parser.add_argument("--port", type=int, default=8446)
    parser.add_argument(
        "--issuer",
        metavar="URL",
        help="the identifier, where a proxy in front speaks TLS; by default it is https://localhost and the port, with TLS here",
    )
    parser.add_argument("--wallet-origin", action="append", default=[], metavar="ORIGIN", help="of a wallet that is a web page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted, after printing an offer. Gives the exit code."""
    given = _arguments(arguments)
    identifier = given.issuer or f"https://localhost:{given.port}"
    club, host = new_club_server(identifier), ClubHost()
    endpoints = Endpoints(role=club.role, issuer=identifier, wallet_origins=given.wallet_origin)
    offer = club.offer(host.store, "alice", ["membership", "parking_permit"], now=int(time.time()))
    with tempfile.TemporaryDirectory() as folder:
        tls = None
        if given.issuer is None:
            tls = made_up_certificate(Path(folder))
            print(f"certificate for clients to trust: {tls[0]}")
        print(f"until ten minutes from now, for alice:\n  {offer.uri()}", flush=True)
        SERVERS[given.framework](endpoints, host, Listening(given.port, tls))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
