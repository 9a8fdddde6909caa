"""Programs of the operating system that tests start. Where one is missing they are skipped, or fail if it is required."""

import os
import shutil
from glob import glob

import pytest

__all__ = ("program",)

# Debian keeps the programs of PostgreSQL's server out of the path.
_ELSEWHERE = "/usr/lib/postgresql/*/bin"


def program(name: str) -> str:
    """The path of a program. A test without it is skipped, or fails if `OID4VCI_REQUIRE_SERVERS` is 1."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *sorted(glob(_ELSEWHERE), reverse=True)))
    found = shutil.which(name, path=path)
    if found is None and os.environ.get("OID4VCI_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{name} is not installed")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
