"""A folder of credentials: each credential and its holder key in files that only their owner can read."""

import os
import re
from pathlib import Path

from attrs import frozen

from examples.wallet.keys import HolderKey

__all__ = ("Folder",)

_SUFFIXES = {
    "dc+sd-jwt": ".sd-jwt",
    "vc+sd-jwt": ".sd-jwt",
    "mso_mdoc": ".mdoc",
    "jwt_vc_json": ".jwt",
    "jwt_vc_json-ld": ".jwt",
    "vc+jwt": ".jwt",
    "ldp_vc": ".json",
}
KEY_SUFFIX = ".key.pem"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


@frozen
class Folder:
    """Where credentials are kept."""

    path: Path

    @classmethod
    def prepare(cls, path: Path) -> "Folder":
        """Make the folder, before a code is spent on what could not be kept. Raises `OSError`."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(f"{path} cannot be written to")
        return cls(path)

    def save(self, configuration_id: str, format_: str, credential: str, key: HolderKey | None) -> Path:
        """Write a credential, and its key beside it, under a name that is not taken. Gives the path of the credential."""
        while True:
            target = self.path_for(configuration_id, _SUFFIXES.get(format_, ".credential"))
            try:
                if key is not None:
                    self.write(target.with_suffix(KEY_SUFFIX), key.pem)
            except FileExistsError:
                # Somebody else took the name in between.
                continue
            try:
                self.write(target, credential.encode())
            except OSError as error:
                if key is not None:
                    target.with_suffix(KEY_SUFFIX).unlink(missing_ok=True)
                if isinstance(error, FileExistsError):
                    continue
                raise
            return target

    def path_for(self, name: str, suffix: str) -> Path:
        """A path that is not taken. `name` may be the issuer's text; it does not lead out of the folder."""
        stem = _NOT_IN_NAMES.sub("_", name)[:60]
        number = 1
        # Those of another format can have the same stem, and their keys' files the same name.
        while (target := self.path / f"{stem}-{number}{suffix}").exists() or target.with_suffix(KEY_SUFFIX).exists():
            number += 1
        return target

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a credential that was saved, and its key."""
        path.unlink(missing_ok=True)
        path.with_suffix(KEY_SUFFIX).unlink(missing_ok=True)

    @staticmethod
    def replace(path: Path, data: bytes) -> None:
        """Write a file in place of the one that is there, if one is. Raises `OSError`."""
        written = path.with_suffix(".new")
        written.unlink(missing_ok=True)
        Folder.write(written, data)
        written.replace(path)

    @staticmethod
    def write(path: Path, data: bytes) -> None:
        """Write a new file, all of it or none, for the owner only. Raises `OSError`."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
