"""The folder of `--state`: each run that waits for credentials, in a file that only its owner can read, until all have come.

Tokens and private keys are in these files.
"""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from examples.wallet.client import SessionKeys
from examples.wallet.folder import Folder
from examples.wallet.promises import Promises
from examples.wallet_server.run import Run
from oid4vci.wallet import Wallet

__all__ = ("SavedRuns",)

log = logging.getLogger("wallet_server")
PREFIX = "run-"


@frozen
class SavedRuns:
    """Runs in a folder; nowhere, and gone with the process, without one."""

    folder: Folder | None

    def write(self, run: Run, promises: Promises) -> None:
        """Keep what is promised; without anything left, the file goes. Raises `OSError`."""
        if self.folder is None:
            return
        path = self._path(run.id)
        if promises.left:
            stored = {"run": run.to_json(), "promises": promises.to_json()}
            Folder.replace(path, json.dumps(stored).encode())
        else:
            path.unlink(missing_ok=True)

    def forget(self, run: Run) -> None:
        """It is not waited for any more. Raises `OSError`."""
        if self.folder is not None:
            self._path(run.id).unlink(missing_ok=True)

    def load(
        self, wallet: Callable[[SessionKeys], Wallet], keep: Callable[[Run], Callable[[Promises], None]]
    ) -> Iterator[tuple[Run, Promises]]:
        """What is in the folder. A file that is not ours, or whose issuer is not trusted any more, stays and is logged."""
        for path in () if self.folder is None else sorted(self.folder.path.glob(f"{PREFIX}*.json")):
            try:
                stored = json.loads(path.read_bytes())
                run = Run.from_json(stored["run"])
                if path != self._path(run.id):
                    raise ValueError("this is the file of another run")
                promises = Promises.from_json(stored["promises"], lambda _, keys: wallet(keys), keep(run))
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("a run that was saved is not taken up", extra={"members": {"error": type(error).__name__}})
            else:
                yield run, promises

    def _path(self, run_id: str) -> Path:
        folder = Path() if self.folder is None else self.folder.path
        return folder / f"{PREFIX}{run_id}.json"
