"""server.json: what is in it, read once at start. A member that is wrong or unknown stops the server with its name."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import field, frozen

from examples.reference_server import demo

__all__ = ("KEY_RESOLUTIONS", "Configuration", "Settings", "Signing", "read_settings")

T = TypeVar("T")
KEY_RESOLUTIONS: Final = ("x5c", "jwt-vc-issuer")
MAX_BATCH = 100
DAY = 86_400


@frozen
class Signing:
    """The PEM files of the signing key and of its certificate chain, leaf first."""

    key_file: Path
    chain_file: Path


@frozen
class Configuration:
    """A credential configuration: its metadata as they are published, how wallets find the issuer's key, seconds of validity."""

    metadata: Mapping[str, Any]
    key_resolution: str
    lifetime: int = 14 * DAY


@frozen(kw_only=True)
class Settings:
    """The whole of server.json. `subjects` maps a person to the claims of each configuration."""

    host: str = "127.0.0.1"
    signing: Signing | None = None
    configurations: Mapping[str, Configuration]
    subjects: Mapping[str, Mapping[str, Mapping[str, Any]]]
    batch_size: int = 5
    sealing_keys: tuple[bytes, ...] = field(default=(), repr=False)
    tx_code_length: int = 6
    clients: tuple[str, ...] | None = None
    anonymous_access: bool = False
    admin_token: str | None = field(default=None, repr=False)


def read_settings(path: Path | None) -> Settings:
    """The settings in a file, paths in it taken from its folder; without a file, the defaults. Raises `ValueError`, `OSError`."""
    if path is None:
        return _settings({}, Path())
    try:
        members = json.loads(path.read_bytes(), object_pairs_hook=_members)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    if type(members) is not dict:
        raise ValueError(f"{path.name}: must be a JSON object")
    return _settings(members, path.parent)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


def _settings(members: Mapping[str, Any], folder: Path) -> Settings:
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        "host": _text,
        "signing": lambda name, value: _signing(name, value, folder),
        "configurations": lambda name, value: _each(name, value, _configuration),
        "subjects": lambda name, value: _each(name, value, _subject),
        "batch_size": lambda name, value: _integer(name, value, 1, MAX_BATCH),
        "sealing_keys": _sealing_keys,
        "tx_code_length": lambda name, value: _integer(name, value, 4, 32),
        "clients": lambda name, value: tuple(_text(f"{name}[{i}]", each) for i, each in enumerate(_list(name, value))),
        "anonymous_access": _boolean,
        "admin_token": _admin_token,
    }
    _only(members, readers, "")
    defaults = {} if "configurations" in members else {"configurations": demo.CONFIGURATIONS}
    if "configurations" not in members and "subjects" not in members:
        defaults["subjects"] = demo.SUBJECTS
    given = {**defaults, **members}
    read = {name: readers[name](name, value) for name, value in given.items()}
    if "subjects" not in read:
        raise ValueError("subjects: is missing, and configurations are there")
    settings = Settings(**read)
    for subject, datasets in settings.subjects.items():
        for configuration in datasets.keys() - settings.configurations.keys():
            raise ValueError(f"subjects.{subject}.{configuration}: is not one of the configurations")
    return settings


def _only(members: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...], within: str) -> None:
    for name in members:
        if name not in known:
            raise ValueError(f"{within}{name}: is not known; known are {', '.join(known)}")


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{name}: must be an object that is not empty")
    return value


def _each(name: str, value: Any, read: Callable[[str, Any], T]) -> dict[str, T]:
    return {key: read(f"{name}.{key}", member) for key, member in _object(name, value).items()}


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name}: must be an array that is not empty")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: must be a string that is not empty")
    return value


def _boolean(name: str, value: Any) -> bool:
    if value is not True and value is not False:
        raise ValueError(f"{name}: must be true or false")
    return bool(value)


def _integer(name: str, value: Any, minimum: int, maximum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise ValueError(f"{name}: must be an integer from {minimum} to {maximum}")
    return value


def _signing(name: str, value: Any, folder: Path) -> Signing:
    members = _object(name, value)
    _only(members, ("key_file", "chain_file"), f"{name}.")
    key, chain = (folder / _text(f"{name}.{each}", members.get(each)) for each in ("key_file", "chain_file"))
    return Signing(key, chain)


def _configuration(name: str, value: Any) -> Configuration:
    members = _object(name, value)
    _only(members, ("metadata", "key_resolution", "lifetime"), f"{name}.")
    if members.get("key_resolution") not in KEY_RESOLUTIONS:
        raise ValueError(f"{name}.key_resolution: must be one of {', '.join(KEY_RESOLUTIONS)}")
    metadata = _object(f"{name}.metadata", members.get("metadata"))
    if metadata.get("format") != "dc+sd-jwt":
        raise ValueError(f"{name}.metadata.format: must be dc+sd-jwt, no other format is served yet")
    lifetime = _integer(f"{name}.lifetime", members.get("lifetime", 14 * DAY), 60, 3650 * DAY)
    return Configuration(metadata, members["key_resolution"], lifetime)


def _subject(name: str, value: Any) -> Mapping[str, Mapping[str, Any]]:
    return _each(name, value, _object)


def _sealing_keys(name: str, value: Any) -> tuple[bytes, ...]:
    keys = []
    for i, text in enumerate(_list(name, value)):
        text = _text(f"{name}[{i}]", text)
        try:
            key = b64decode(text.rstrip("=") + "=", altchars="-_", validate=True)
        except ValueError:
            key = b""
        if len(key) != 32:
            raise ValueError(f"{name}[{i}]: must be 32 bytes in base64url")
        keys.append(key)
    return tuple(keys)


def _admin_token(name: str, value: Any) -> str:
    token = _text(name, value)
    if len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"{name}: must have 16 or more visible ASCII characters")
    return token
