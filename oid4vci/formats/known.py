"""The Credential Formats of this library by their identifiers, each loaded when it is first used."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from oid4vci.formats.credential_format import CredentialFormat

__all__ = ("CREDENTIAL_FORMATS", "KnownFormats")


def _sd_jwt_vc() -> CredentialFormat:
    from oid4vci.formats.sd_jwt_vc import SD_JWT_VC

    return SD_JWT_VC


def _mso_mdoc() -> CredentialFormat:
    from oid4vci.formats.mdoc import MSO_MDOC

    return MSO_MDOC


def _jwt_vc_json() -> CredentialFormat:
    from oid4vci.formats.jwt_vc import JWT_VC_JSON

    return JWT_VC_JSON


def _jwt_vc_json_ld() -> CredentialFormat:
    from oid4vci.formats.jwt_vc import JWT_VC_JSON_LD

    return JWT_VC_JSON_LD


def _ldp_vc() -> CredentialFormat:
    from oid4vci.formats.ldp_vc import LDP_VC

    return LDP_VC


def _vc_jwt() -> CredentialFormat:
    from oid4vci.formats.vc_jwt import VC_JWT

    return VC_JWT


def _vc_sd_jwt() -> CredentialFormat:
    from oid4vci.formats.vc_sd_jwt import VC_SD_JWT

    return VC_SD_JWT


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


CREDENTIAL_FORMATS: Final[Mapping[str, CredentialFormat]] = KnownFormats(
    {
        "dc+sd-jwt": _sd_jwt_vc,
        "mso_mdoc": _mso_mdoc,
        "jwt_vc_json": _jwt_vc_json,
        "jwt_vc_json-ld": _jwt_vc_json_ld,
        "ldp_vc": _ldp_vc,
        "vc+jwt": _vc_jwt,
        "vc+sd-jwt": _vc_sd_jwt,
    }
)
"""`{**CREDENTIAL_FORMATS, "x": X}` loads them all; to add one without that, give `KnownFormats` loaders."""
