"""The command line: `python -m examples.reference_server --issuer https://localhost:8443 --port 8443 ...`."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from examples.logs import log_to_stderr
from examples.reference_server.admin import OffersEndpoint
from examples.reference_server.app import application
from examples.reference_server.encoders import datasets
from examples.reference_server.host import ServerHost
from examples.reference_server.outside import outside
from examples.reference_server.service import Service
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import issuer_keys
from examples.reference_server.stores import NAMES, open_store

__all__ = ("main",)

log = logging.getLogger("reference_server")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.reference_server", description=__doc__)
    parser.add_argument("--issuer", required=True, help="the Credential Issuer Identifier, https")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-cert", type=Path, help="PEM; without it, TLS must end in front of this server")
    parser.add_argument("--tls-key", type=Path, help="PEM")
    parser.add_argument("--config", type=Path, help="server.json")
    parser.add_argument("--store", default="memory", help=f"{NAMES}; memory is the default")
    parser.add_argument("--admin", action="store_true", help="serve what is under /admin: see the README")
    parsed = parser.parse_args(arguments)
    if (parsed.tls_cert is None) != (parsed.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    return parsed


def _stop(signal_number: int, frame: Any) -> None:
    raise SystemExit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Gives the exit code."""
    given = _arguments(arguments)
    try:
        settings = read_settings(given.config)
        service, subjects = Service.of(given.issuer, settings, issuer_keys(settings, given.issuer)), datasets(settings)
        if given.admin and given.tls_cert is None and settings.admin_token is None:
            # Behind a proxy everybody seems to come from this machine.
            raise ValueError("--admin needs admin_token in the configuration, if TLS ends in front of this server")
        elsewhere = outside(settings)
        store = open_store(given.store)
        if service.statuses is not None:
            service.statuses.begin(store)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    log_to_stderr()
    made_up = [] if settings.sealing_keys else ["sealing_keys"]
    if settings.access_tokens == "jwt" and settings.access_token_key_file is None:
        made_up.append("access_token_key_file")
    if given.store != "memory" and made_up:
        log.warning("not set: %s. Offers and tokens end with this process, although the store does not", ", ".join(made_up))
    if settings.demo_users:
        log.warning("anybody can log in: the users are those of the demonstration, the password of each is the name")
    offers = None
    if given.admin:
        offers = OffersEndpoint(service, store, subjects, settings.tx_code_length, settings.admin_token)
    host = ServerHost(store, subjects, elsewhere, statuses=service.statuses, deferrals=service.deferrals)
    server = uvicorn.Server(
        uvicorn.Config(
            application(service, host, offers),
            host=settings.host,
            port=given.port,
            ssl_certfile=given.tls_cert,
            ssl_keyfile=given.tls_key,
            # The paths in uvicorn's own log would hold the ids of offers, and its notion of the client those of proxies.
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_config=None,
            limit_concurrency=500,
            timeout_graceful_shutdown=10,
        )
    )
    # uvicorn shuts down in order, then raises the signal again for whoever was there before it.
    signal.signal(signal.SIGTERM, _stop)
    try:
        server.run()
    except KeyboardInterrupt:
        return 130
    finally:
        if hasattr(store, "close"):
            store.close()
    return 0 if server.started else 1


if __name__ == "__main__":
    raise SystemExit(main())
