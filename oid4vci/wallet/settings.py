"""What a Wallet brings along: its trust decisions, its name, its languages, the formats it verifies.

Settings are configuration of the running program. They are never part of a stored state.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from attrs import Attribute, field, frozen

from oid4vci._document import strings
from oid4vci.formats.credential_format import CredentialVerifier
from oid4vci.trust import Trust

__all__ = ("Wallet",)

_LOCALE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_CLIENT_ID = re.compile(r"[\x20-\x7e]+")


def _sd_jwt_vc() -> CredentialVerifier:
    from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier

    return SdJwtVcVerifier()


class _OwnFormats(Mapping[str, CredentialVerifier]):
    """The formats of this library; the module of one is imported when it is first used."""

    _makers: Mapping[str, Callable[[], CredentialVerifier]] = {"dc+sd-jwt": _sd_jwt_vc}

    def __init__(self) -> None:
        self._made: dict[str, CredentialVerifier] = {}

    def __getitem__(self, name: str) -> CredentialVerifier:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _check_client_id(_: object, __: "Attribute[str | None]", client_id: str | None) -> None:
    if client_id is not None and not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("a client_id is printable ASCII (RFC 6749 A.1)")


def _check_locales(_: object, __: "Attribute[tuple[str, ...]]", locales: tuple[str, ...]) -> None:
    if not all(_LOCALE.fullmatch(locale) for locale in locales):
        raise ValueError("locales are language tags such as de-AT (RFC 3066)")


@frozen(eq=False, kw_only=True)
class Wallet:
    """The settings that every exchange of a Wallet shares.

    `trust` decides with whom the Wallet talks and whose Credentials it takes. `client_id` names the Wallet to Authorization
    Servers that do not serve anonymous clients. `locales` are language tags (RFC 3066), the preferred one first. `formats` maps a
    Credential Format Identifier to its verifier; without it, the formats of this library. Raises `ValueError`.
    """

    trust: Trust
    client_id: str | None = field(default=None, validator=_check_client_id)
    locales: tuple[str, ...] = field(default=(), converter=strings, validator=_check_locales)
    formats: Mapping[str, CredentialVerifier] = field(factory=_OwnFormats, repr=False)

    def verifier(self, name: str) -> CredentialVerifier:
        """The verifier of a Credential Format. Raises `ValueError` if there is none."""
        if name not in self.formats:
            raise ValueError(f"the Wallet has no verifier for the format {name}")
        return self.formats[name]
