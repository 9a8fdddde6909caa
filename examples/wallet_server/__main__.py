"""The command line: `python -m examples.wallet_server --url https://localhost:9443 --port 9443 ...`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.logs import log_to_stderr
from examples.serving import exit_on_signals, listen, serve, tls_context
from examples.wallet.folder import Folder
from examples.wallet_server.app import application
from examples.wallet_server.driver import GRACE, Driver
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
        tls = None if given.tls_cert is None else tls_context(given.tls_cert, given.tls_key)
        sockets = listen(settings.host, given.port)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    log_to_stderr()
    driver = Driver(setup, Runs(settings.max_runs), saved, outbound)
    exit_on_signals()
    return serve(application(driver), sockets, tls, parting=driver.part, ending=GRACE)


if __name__ == "__main__":
    raise SystemExit(main())
