"""Credentials issued and verified in every format, beside what cryptography alone must do, beside a floor written by hand for
that one case, and beside other libraries.

    python -m tests.benchmarks.formats [--peers] [rounds]

One process, no HTTP, every check on. `cryptography` are keys, certificates and signatures. `floor` does the work of one case with
almost no checks and everything tuned for it: it is not safe, only a measure, and what it makes the library verifies, and the other
way round. `library again` has seen the same certificates and keys before. With `--peers`, Python packages and packages for node are
measured in the same rounds; node's processor time is taken by itself, all threads and its garbage collection included.
"""

import argparse
from collections.abc import Iterator

from tests.benchmarks import jwt_vc_json, ldp_vc, mso_mdoc, sd_jwt_vc
from tests.benchmarks.workload import NodePeer, Workload, node_peer

__all__ = ("main", "workloads")


def workloads(node: NodePeer | None = None, *, python: bool = False) -> Iterator[Workload]:
    """All of them; with packages for node if it runs, and with those for `python`."""
    for certified in (True, False):
        for size in (1, 10):
            yield sd_jwt_vc.workload(size, certified=certified, node=node, python=python)
    for size in (1, 10):
        yield mso_mdoc.workload(size, node=node, python=python)
    for size in (1, 10):
        yield jwt_vc_json.workload(size, node=node, python=python)
    for suite in ("ecdsa-rdfc-2019", "eddsa-jcs-2022"):
        for size in (1, 10):
            yield ldp_vc.workload(size, suite, node=node)


def _print(found: Iterator[Workload], rounds: int) -> None:
    for workload in found:
        for table in workload.tables(rounds=rounds, seconds=0.1):
            print(table, flush=True)


def main() -> None:
    """Print a table for each workload and verb."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.formats")
    parser.add_argument("--peers", action="store_true", help="measure other libraries too")
    parser.add_argument("rounds", nargs="?", type=int, default=11)
    given = parser.parse_args()
    if not given.peers:
        _print(workloads(), given.rounds)
        return
    with node_peer() as node:
        _print(workloads(node, python=True), given.rounds)


if __name__ == "__main__":
    main()
