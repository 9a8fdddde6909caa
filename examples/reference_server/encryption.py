"""The keys to which wallets encrypt their requests: from files, or made up."""

from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from examples.reference_server.issuance_settings import EncryptionFiles
from oid4vci.encryption import DecryptionKey, Encryption
from oid4vci.keys import thumbprint

__all__ = ("encryption",)


def encryption(files: EncryptionFiles | None) -> Encryption | None:
    """What the settings say, with the keys in the files or a new one. Raises `ValueError`, `TypeError`, `OSError`."""
    if files is None:
        return None
    return Encryption(
        keys=_keys(files.key_files) or (_named(DecryptionKey.generate()),),
        retired_keys=_keys(files.retired_key_files),
        requests_required=files.requests_required,
        responses_required=files.responses_required,
        zip_values=("DEF",) if files.zip else (),
    )


def _keys(files: Sequence[Path]) -> tuple[DecryptionKey, ...]:
    return tuple(_read(file) for file in files)


def _read(file: Path) -> DecryptionKey:
    try:
        return _named(DecryptionKey.from_pem(None, file.read_bytes()))
    except ValueError as error:
        raise ValueError(f"encryption: {file.name}: {error}") from None


def _named(key: DecryptionKey) -> DecryptionKey:
    """The key under its thumbprint: another key never has the same `kid`."""
    return evolve(key, kid=thumbprint(key.public_jwk))
