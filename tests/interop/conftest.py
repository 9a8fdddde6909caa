"""node for the tests of this folder. Without it they are skipped, or fail if OID4VCI_REQUIRE_INTEROP is 1."""

import os

import pytest

from tests.interop.node import Missing, Node


@pytest.fixture(scope="session")
def node() -> Node:
    """node, with its packages: the first time it takes a package registry."""
    try:
        return Node.installed()
    except Missing as missing:
        if os.environ.get("OID4VCI_REQUIRE_INTEROP") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
