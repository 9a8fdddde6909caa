"""The Credential Formats of this library by their identifiers, each loaded when it is first used."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from oid4vci.formats.credential_format import CredentialFormat

__all__ = ("CREDENTIAL_FORMATS", "KnownFormats")


def _sd_jwt_vc() -> CredentialFormat:
    from oid4vci.formats.sd_jwt_vc import SD_JWT_VC

    return SD_JWT_VC


class KnownFormats(Mapping[str, CredentialFormat]):
    """Formats by identifier. `loaders` import the module of a format when it is asked for."""

    def __init__(self, loaders: Mapping[str, Callable[[], CredentialFormat]]) -> None:
        self._loaders = loaders

    def __getitem__(self, identifier: str) -> CredentialFormat:
        return self._loaders[identifier]()

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._loaders

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)


CREDENTIAL_FORMATS: Final[Mapping[str, CredentialFormat]] = KnownFormats({"dc+sd-jwt": _sd_jwt_vc})
"""`{**CREDENTIAL_FORMATS, "x": X}` loads them all; to add one without that, give `KnownFormats` loaders."""
