"""`python -m tests.load`: see `--help`."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from examples.reference_server import demo
from examples.reference_server.settings import read_settings
from tests.load.figures import Figures, table, usage
from tests.load.issuances import FLOWS, Issuances, users
from tests.load.load import Load, client_context
from tests.load.within import within
from tests.running_server import running_server
from tests.store_servers import PostgresqlServer, RedisServer

STORES: Final = ("memory", "sqlite", "postgresql", "redis")
CONFIG: Final = {"configurations": demo.CONFIGURATIONS, "subjects": demo.SUBJECTS}


@contextmanager
def store(name: str, folder: Path) -> Iterator[str]:
    """A store that keeps what it is given, for `--store`."""
    if name == "memory":
        yield name
    elif name == "sqlite":
        yield f"sqlite:///{folder}/state.db"
    else:
        with (PostgresqlServer if name == "postgresql" else RedisServer)(durable=True) as server:
            yield server.fresh_url()


def measured(name: str, workers: int, asked: argparse.Namespace) -> Figures:
    """One server under load."""
    figures = Figures(name, workers)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        config = {**CONFIG, "users": users()}
        with store(name, folder) as url, running_server(folder, config=config, store=url, workers=workers) as server:
            context = client_context(server.authority)
            load = Load(Issuances(server.issuer), FLOWS[asked.flow], context, asked.wallets, asked.new_connections)
            load.run(Figures("warm", workers), min(2.0, asked.seconds))
            processes = server.workers()
            figures.before = usage(processes)
            load.run(figures, asked.seconds)
            figures.after = usage(processes)
            assert server.workers() == processes, "a worker has died"
    return figures


def main() -> int:
    """Measure and print; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--workers", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--wallets", type=int, default=16, help="how many at once")
    parser.add_argument("--flow", choices=FLOWS, default="pre-authorized_code")
    parser.add_argument("--new-connections", action="store_true", help="a TLS handshake for each issuance")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.json"
        path.write_text(json.dumps({**CONFIG, "users": users()}))
        alone = within(read_settings(path), FLOWS[asked.flow], issuances=500 if asked.flow == "pre-authorized_code" else 20)
    sys.stdout.write(
        f"In one process, without HTTP: {alone:.2f} ms of the processor per issuance, {1000 / alone:.0f} a second.\n\n"
    )
    cases = [(name, workers) for name in asked.stores for workers in asked.workers if workers == 1 or name != "memory"]
    found = [measured(name, workers, asked) for name, workers in cases]
    sys.stdout.writelines(f"{line}\n" for line in table(found, alone))
    for each in found:
        for error, number in each.errors.most_common():
            sys.stdout.write(f"{each.name}, {each.workers}: {number} x {error}\n")
    return 1 if any(each.errors for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
