"""The file in which promises are kept until everything has come."""

import json
from collections.abc import Callable
from pathlib import Path

from attrs import define

from examples.wallet.client import SessionKeys
from examples.wallet.folder import Folder
from examples.wallet.promises import NotPromises, Promises
from oid4vci.wallet import Wallet

__all__ = ("PromiseFile", "StillToCome")


class StillToCome(Exception):
    """Not everything has been issued. `count`: what was; `path`: where the rest is kept."""

    def __init__(self, count: int, path: Path) -> None:
        super().__init__(f"what is still to come is kept in {path}")
        self.count, self.path = count, path


@define
class PromiseFile:
    """A file in `folder`, written at every change; nothing without a folder. `path` is there once something was written."""

    folder: Folder | None
    path: Path | None = None

    def load(self, path: Path, wallet: Callable[[str, SessionKeys], Wallet]) -> Promises:
        """What is in a file, which is this one from now on. Raises `OSError`, `ValueError`, and `WalletError`."""
        self.path = path
        try:
            return Promises.from_json(json.loads(path.read_bytes()), wallet, self.write)
        except (NotPromises, json.JSONDecodeError, UnicodeDecodeError):
            raise ValueError(f"{path} is not a file of this wallet's promises") from None

    def write(self, promises: Promises) -> None:
        """Keep the promises; without any, the file goes. Raises `OSError`."""
        if self.path is None:
            if self.folder is None:
                return
            self.path = self.folder.path_for("promised", ".json")
        if promises.left:
            Folder.replace(self.path, json.dumps(promises.to_json()).encode())
        else:
            self.path.unlink(missing_ok=True)
