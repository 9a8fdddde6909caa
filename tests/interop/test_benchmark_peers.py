"""The benchmarks of packages for node run, and their credentials verify: the figures are nobody's test."""

import pytest

from tests.benchmarks.formats import workloads
from tests.benchmarks.workload import node_peer
from tests.interop.node import Node

pytestmark = pytest.mark.interop


def test_credentials_of_packages_for_node(node: Node) -> None:
    with node_peer() as peer:
        tables = [table for workload in workloads(peer) for table in workload.tables(rounds=1, seconds=1e-4)]
    for name in ("@sd-jwt/sd-jwt-vc", "@owf/mdoc", "jose (node)", "@digitalbazaar/vc"):
        assert any(f"| {name} |" in table for table in tables)
