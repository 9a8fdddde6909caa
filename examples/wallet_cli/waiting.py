"""What an issuer has promised in one session, and the file in which that is kept until it has come (OID4VCI 9)."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from attrs import define, evolve, field, frozen

from examples.wallet_cli.folder import Folder, HolderKey
from oid4vci.keys import LocalSigner
from oid4vci.wallet import Deferred, Session, Wallet, dump, load

__all__ = ("Promise", "StillToCome", "Waiting")


class StillToCome(Exception):
    """Not everything has been issued. `count`: what was; `path`: where the rest is kept."""

    def __init__(self, count: int, path: Path) -> None:
        super().__init__(f"what is still to come is kept in {path}")
        self.count, self.path = count, path


@frozen
class Promise:
    """Credentials that are to come, and the keys for them."""

    deferred: Deferred
    keys: tuple[HolderKey, ...]


@define
class Waiting:
    """The promises of one session; `dpop` is the key of its token. With a `folder`, every change is written at once.

    All of them are in one file, since they share a Refresh Token, which most servers take once.
    """

    dpop: HolderKey | None
    folder: Folder | None
    promises: list[Promise] = field(factory=list)
    path: Path | None = None

    @classmethod
    def load(cls, path: Path, folder: Folder, wallet: Callable[[str, Mapping[str, LocalSigner]], Wallet]) -> Self:
        """What is in a file. `wallet` gives the settings for an issuer and the keys of a session.

        Raises `OSError`, `ValueError`, and `WalletError` if what was believed is not believed any more.
        """
        try:
            stored = json.loads(path.read_bytes())
            dpop = None if stored["dpop"] is None else HolderKey.from_json(stored["dpop"])
            keys = [tuple(HolderKey.from_json(key) for key in each["keys"]) for each in stored["promises"]]
            issuer, states = stored["credential_issuer"], [json.dumps(each["deferred"]).encode() for each in stored["promises"]]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path} is not a file of this wallet's promises") from None
        settings = wallet(issuer, {} if dpop is None else {dpop.signer.key_id: dpop.signer})
        waiting = cls(dpop, folder, path=path)
        for state, own in zip(states, keys, strict=True):
            deferred = load(state, settings)
            if not isinstance(deferred, Deferred):
                raise ValueError(f"{path} is not a file of this wallet's promises")  # noqa: TRY004  # of the file
            waiting.promises.append(Promise(deferred, own))
        return waiting

    def add(self, deferred: Deferred, keys: Sequence[HolderKey]) -> None:
        """A new promise. Raises `OSError`."""
        self.promises.append(Promise(deferred, tuple(keys)))
        self._write()

    def of(self, deferred: Deferred) -> Promise:
        """The promise of that transaction, as it is now."""
        return next(each for each in self.promises if each.deferred.transaction_id == deferred.transaction_id)

    def replace(self, deferred: Deferred) -> None:
        """What the issuer says now of something that it has promised. Raises `OSError`."""
        promise = self.of(deferred)
        self.promises[self.promises.index(promise)] = evolve(promise, deferred=deferred)
        self._write()

    def renew(self, session: Session) -> None:
        """All of them with another Access Token. Raises `OSError`, `ValueError`."""
        self.promises = [evolve(each, deferred=each.deferred.with_session(session)) for each in self.promises]
        self._write()

    def drop(self, deferred: Deferred) -> None:
        """It came, or there is nothing to wait for. Raises `OSError`."""
        self.promises.remove(self.of(deferred))
        self._write()

    def _write(self) -> None:
        if self.path is None:
            if self.folder is None:
                return
            self.path = self.folder.path_for("promised", ".json")
        if not self.promises:
            self.path.unlink(missing_ok=True)
            return
        written = self.path.with_suffix(".new")
        written.unlink(missing_ok=True)
        Folder.write(written, json.dumps(self._to_json()).encode())
        written.replace(self.path)

    def _to_json(self) -> dict[str, Any]:
        session = self.promises[0].deferred.session
        return {
            "credential_issuer": session.metadata.credential_issuer,
            "dpop": None if self.dpop is None or session.sender.dpop is None else self.dpop.to_json(),
            "promises": [
                {"deferred": json.loads(dump(each.deferred)), "keys": [key.to_json() for key in each.keys]}
                for each in self.promises
            ],
        }
