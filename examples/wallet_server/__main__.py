"""The command line: `python -m examples.wallet_server --url https://localhost:9443 --port 9443 ...`."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from examples.logs import log_to_stderr
from examples.wallet.folder import Folder
from examples.wallet_server.app import application
from examples.wallet_server.driver import Driver
from examples.wallet_server.outbound import Outbound
from examples.wallet_server.runs import Runs
from examples.wallet_server.saved_runs import SavedRuns
from examples.wallet_server.setting_up import Setup
from examples.wallet_server.settings import read_settings
from oid4vci.http import url_origin

__all__ = ("main",)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.wallet_server", description=__doc__)
    parser.add_argument("--url", required=True, help="where the wallet is reached, https")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-cert", type=Path, help="PEM; without it, TLS must end in front of this server")
    parser.add_argument("--tls-key", type=Path, help="PEM")
    parser.add_argument("--config", type=Path, help="wallet.json")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where runs are kept that wait for credentials")
    parser.add_argument("--save", type=Path, metavar="DIR", help="where credentials and keys are kept; without it, nowhere")
    parsed = parser.parse_args(arguments)
    if (parsed.tls_cert is None) != (parsed.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    if url_origin(parsed.url) is None or "?" in parsed.url or "#" in parsed.url:
        parser.error("--url must be an https URL without query")
    return parsed


def _stop(signal_number: int, frame: Any) -> None:
    raise SystemExit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Gives the exit code."""
    given = _arguments(arguments)
    try:
        settings = read_settings(given.config)
        if given.tls_cert is None and settings.admin_token is None:
            # Behind a proxy everybody seems to come from this machine.
            raise ValueError("admin_token: is needed if TLS ends in front of this server")
        setup = Setup.of(given.url, settings, given.save)
        saved = SavedRuns(None if given.state is None else Folder.prepare(given.state))
        trust = settings.trust
        outbound = Outbound(settings.tls_authorities_file, named=trust.servers, private=trust.private_addresses)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    log_to_stderr()
    driver = Driver(setup, Runs(settings.max_runs), saved, outbound)
    server = uvicorn.Server(
        uvicorn.Config(
            application(driver),
            host=settings.host,
            port=given.port,
            ssl_certfile=given.tls_cert,
            ssl_keyfile=given.tls_key,
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
    return 0 if server.started else 1


if __name__ == "__main__":
    raise SystemExit(main())
