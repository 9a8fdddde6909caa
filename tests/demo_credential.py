"""A credential of the demonstration, issued now, as the command line has no other clock."""

import time

from oid4vci.demo import demonstrate

__all__ = ("made",)


def made() -> tuple[str, str]:
    """The credential, and the anchor that its certificate leads to, in PEM; new ones each time."""
    result = demonstrate(now=int(time.time())).to_json()["result"]
    return result["credentials"][0]["credential"], result["anchor"]
