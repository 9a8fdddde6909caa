"""What server.json says of encryption, of deferred issuance and of notifications."""

from pathlib import Path
from typing import Any, Final

from attrs import frozen

from examples.members import boolean, integer, known_only, non_empty_list, non_empty_object, text

__all__ = ("Deferring", "EncryptionFiles", "read_deferral", "read_encryption", "read_notifications")

DAY: Final = 86_400
_FILES: Final = ("key_files", "retired_key_files")
_SWITCHES: Final = ("requests_required", "responses_required", "zip")


@frozen
class EncryptionFiles:
    """How requests and responses are encrypted. `key_files` are PEM; without any, a key is made up."""

    key_files: tuple[Path, ...] = ()
    retired_key_files: tuple[Path, ...] = ()
    requests_required: bool = False
    responses_required: bool = False
    zip: bool = False


@frozen
class Deferring:
    """Seconds: after which wallets ask again, for how long they may come, and have credentials again that did not reach them."""

    interval: int = 5
    lifetime: int = 90 * DAY
    grace: int = 0


def read_encryption(name: str, value: Any, folder: Path) -> EncryptionFiles | None:
    """False, or an object; paths in it are taken from `folder`."""
    if value is False:
        return None
    members = non_empty_object(name, value)
    known_only(members, (*_FILES, *_SWITCHES), f"{name}.")
    keys, retired = (_files(f"{name}.{each}", members[each], folder) if each in members else () for each in _FILES)
    if retired and not keys:
        raise ValueError(f"{name}.key_files: is missing, and retired_key_files are there")
    return EncryptionFiles(keys, retired, *(boolean(f"{name}.{each}", members.get(each, False)) for each in _SWITCHES))


def _files(name: str, value: Any, folder: Path) -> tuple[Path, ...]:
    return tuple(folder / text(f"{name}[{i}]", each) for i, each in enumerate(non_empty_list(name, value)))


def read_deferral(name: str, value: Any) -> Deferring:
    """An object."""
    members = non_empty_object(name, value)
    known_only(members, ("interval", "lifetime", "grace"), f"{name}.")
    usual = Deferring()
    return Deferring(
        integer(f"{name}.interval", members.get("interval", usual.interval), 1, DAY),
        integer(f"{name}.lifetime", members.get("lifetime", usual.lifetime), 60, 3650 * DAY),
        integer(f"{name}.grace", members.get("grace", usual.grace), 0, 600),
    )


def read_notifications(name: str, value: Any) -> int | None:
    """False, or an object with the seconds for which issuers listen."""
    if value is False:
        return None
    members = non_empty_object(name, value)
    known_only(members, ("lifetime",), f"{name}.")
    return integer(f"{name}.lifetime", members.get("lifetime"), 60, 3650 * DAY)
