"""From malformed input to the error of whoever read it."""

from types import TracebackType

from attrs import frozen

from oid4vci._json import Malformed
from oid4vci.errors.refusal import Refusal
from oid4vci.errors.wallet import WalletError

__all__ = ("reading",)


@frozen
class reading:  # noqa: N801 -- reads as a statement: with reading(InvalidCredential)
    """Turns `Malformed` inside the block into `error`, path and reason in its description."""

    error: type[Refusal] | type[WalletError]

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None) -> None:
        if isinstance(raised, Malformed):
            raise self.error(str(raised)) from None
