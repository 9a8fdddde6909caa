"""What the stored forms share: the bounds of their members, and the rule that they fit together."""

from typing import Final

from oid4vci._document import string
from oid4vci._json import Malformed

__all__ = ("MAX_BYTES", "MAX_DEPTH", "TEXT", "require")

# A state holds several documents of which each may be as long, and as deep, as an answer may be.
MAX_BYTES: Final = 1 << 26
MAX_DEPTH: Final = 48
TEXT: Final = string(minimum=0, maximum=MAX_BYTES)


def require(condition: bool, path: str) -> None:
    """Raises `Malformed` unless the condition holds that held when the state was stored."""
    if not condition:
        raise Malformed("does not fit the rest of the state", path)
