"""From malformed input to the error of whoever read it."""

from collections.abc import Iterator
from contextlib import contextmanager

from oid4vci._json import Malformed
from oid4vci.errors.refusal import Refusal
from oid4vci.errors.wallet import WalletError

__all__ = ("reading",)


@contextmanager
def reading(error: type[Refusal] | type[WalletError]) -> Iterator[None]:
    """Turns `Malformed` inside the block into `error`, path and reason in its description."""
    try:
        yield
    except Malformed as malformed:
        raise error(str(malformed)) from None
