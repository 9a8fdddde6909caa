"""One member of a configuration file at a time: what is wrong is said with the name of the member."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

__all__ = (
    "boolean",
    "choice",
    "each_member",
    "integer",
    "known_only",
    "members_of",
    "named",
    "non_empty_list",
    "non_empty_object",
    "sealing_keys",
    "text",
    "token",
)

T = TypeVar("T")


def members_of(path: Path) -> dict[str, Any]:
    """The members of the JSON object in a file, none of which may be repeated. Raises `ValueError`, `OSError`."""
    try:
        members = json.loads(path.read_bytes(), object_pairs_hook=_unrepeated)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    if type(members) is not dict:
        raise ValueError(f"{path.name}: must be a JSON object")
    return members


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def known_only(members: Mapping[str, Any], known: Iterable[str], within: str) -> None:
    """Raises `ValueError` for a member that is not known; `within` is the name of the object and a dot."""
    known = tuple(known)
    for name in members:
        if name not in known:
            raise ValueError(f"{within}{name}: is not known; known are {', '.join(known)}")


def named(name: str, read: Callable[[], T]) -> T:
    """What `read` gives; the `ValueError` that it raises gets the name of the member."""
    try:
        return read()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def non_empty_object(name: str, value: Any) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{name}: must be an object that is not empty")
    return value


def each_member(name: str, value: Any, read: Callable[[str, Any], T]) -> dict[str, T]:
    """An object, every member read in the same way."""
    return {key: read(f"{name}.{key}", member) for key, member in non_empty_object(name, value).items()}


def non_empty_list(name: str, value: Any) -> list[Any]:
    """An array."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name}: must be an array that is not empty")
    return value


def text(name: str, value: Any) -> str:
    """A string."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: must be a string that is not empty")
    return value


def choice(name: str, value: Any, values: tuple[str, ...]) -> str:
    """One of some strings."""
    if not isinstance(value, str) or value not in values:
        raise ValueError(f"{name}: must be one of {', '.join(values)}")
    return value


def boolean(name: str, value: Any) -> bool:
    """True or false."""
    if value is not True and value is not False:
        raise ValueError(f"{name}: must be true or false")
    return bool(value)


def integer(name: str, value: Any, minimum: int, maximum: int) -> int:
    """An integer within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise ValueError(f"{name}: must be an integer from {minimum} to {maximum}")
    return value


def sealing_keys(name: str, value: Any) -> tuple[bytes, ...]:
    """Secrets of 32 bytes in base64url."""
    keys = []
    for i, each in enumerate(non_empty_list(name, value)):
        each = text(f"{name}[{i}]", each)
        try:
            key = b64decode(each.rstrip("=") + "=", altchars="-_", validate=True)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise ValueError(f"{name}[{i}]: must be 32 bytes in base64url")
        keys.append(key)
    return tuple(keys)


def token(name: str, value: Any) -> str:
    """A secret that goes into a header."""
    given = text(name, value)
    if len(given) < 16 or not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError(f"{name}: must have 16 or more visible ASCII characters")
    return given
