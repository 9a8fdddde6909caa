"""The command line: `python -m examples.reference_server --issuer https://localhost:8443 --port 8443 ...`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.logs import log_to_stderr
from examples.reference_server.served import Served
from examples.reference_server.settings import read_settings
from examples.reference_server.stores import NAMES
from examples.serving import exit_on_signals, listen, tls_context

__all__ = ("main",)

log = logging.getLogger("reference_server")
MAX_WORKERS = 64


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.reference_server", description=__doc__)
    parser.add_argument("--issuer", required=True, help="the Credential Issuer Identifier, https")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-cert", type=Path, help="PEM; without it, TLS must end in front of this server")
    parser.add_argument("--tls-key", type=Path, help="PEM")
    parser.add_argument("--config", type=Path, help="server.json")
    parser.add_argument("--store", default="memory", help=f"{NAMES}; memory is the default")
    parser.add_argument("--admin", action="store_true", help="serve what is under /admin: see the README")
    parser.add_argument("--workers", type=int, default=1, help="how many processes; more than one share a store")
    parsed = parser.parse_args(arguments)
    if (parsed.tls_cert is None) != (parsed.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    if not 1 <= parsed.workers <= MAX_WORKERS:
        parser.error(f"--workers: from 1 to {MAX_WORKERS}")
    return parsed


def _served(given: argparse.Namespace) -> Served:
    if given.workers > 1 and given.store == "memory":
        raise ValueError("--workers: several processes need a store that they share, memory is of one process")
    if given.workers > 1 and not hasattr(os, "fork"):
        raise ValueError("--workers: several processes need an operating system that forks")
    tls = None if given.tls_cert is None else tls_context(given.tls_cert, given.tls_key)
    return Served.of(given.issuer, read_settings(given.config), store=given.store, admin=given.admin, tls=tls)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Gives the exit code."""
    given = _arguments(arguments)
    try:
        served = _served(given)
        # What is wrong with the store is said before there are workers.
        served.check_store()
        sockets = listen(served.settings.host, given.port)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    log_to_stderr()
    for each in served.warnings:
        log.warning(each)
    log.info("listening", extra={"members": {"addresses": [list(each.getsockname()[:2]) for each in sockets]}})
    if given.workers > 1:
        from examples.reference_server.workers import Workers

        return Workers(served, sockets, given.workers).run()
    exit_on_signals()
    return served.serve(sockets)


if __name__ == "__main__":
    raise SystemExit(main())
