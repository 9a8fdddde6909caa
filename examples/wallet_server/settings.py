"""wallet.json: what is in it, read once at start. A member that is wrong or unknown stops the server with its name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from examples.members import boolean, choice, integer, known_only, members_of, non_empty_list, text, token
from examples.wallet.attester import Attester
from examples.wallet.certifier import Certifier
from examples.wallet.client import METHODS
from examples.wallet.ordering import KEY_NAMES, MAX_COPIES
from examples.wallet_server.parties import TrustFiles, key_file, read_attester, read_certifier, read_logins, read_trust
from examples.wallet_server.visitor import Login
from oid4vci.formats.known import CREDENTIAL_FORMATS
from oid4vci.keys import LocalSigner
from oid4vci.proofs.known import PROOF_MAKERS

__all__ = ("EVENTS", "Settings", "read_settings")

EVENTS: Final[Mapping[str, str | None]] = {
    "accepted": "credential_accepted",
    "failure": "credential_failure",
    "deleted": "credential_deleted",
    "none": None,
}
"""What issuers are told of credentials that are good."""
OFFERED: Final = ("off", "when offered", "required")
DAY: Final = 86_400


@frozen(kw_only=True)
class Settings:
    """The whole of wallet.json."""

    host: str = "127.0.0.1"
    trust: TrustFiles = field(factory=TrustFiles)
    tls_authorities_file: Path | None = None
    client_id: str = "oid4vci-wallet-server"
    client_authentication: str = "none"
    client_key_file: LocalSigner | None = field(default=None, repr=False)
    attester: Attester | None = field(default=None, repr=False)
    certifier: Certifier | None = field(default=None, repr=False)
    haip: bool = False
    dpop: str = "when offered"
    pushed_authorization_requests: str = "when offered"
    responses_without_iss: bool = False
    encryption: str = "when required"
    compression: bool = False
    proof_types: tuple[str, ...] = tuple(PROOF_MAKERS)
    key_name: str = "jwk"
    copies: int | None = None
    formats: tuple[str, ...] = tuple(CREDENTIAL_FORMATS)
    locales: tuple[str, ...] = ()
    logins: Mapping[str, Login] = field(factory=dict, repr=False)
    visits: bool = True
    tx_code: str | None = field(default=None, repr=False)
    notification: str = "accepted"
    patience: int = 600
    deferral_patience: int = 30 * DAY
    max_runs: int = 1000
    parallel: int = 16
    admin_token: str | None = field(default=None, repr=False)


def read_settings(path: Path | None) -> Settings:
    """The settings in a file, paths in it taken from its folder; without a file, the defaults. Raises `ValueError`, `OSError`."""
    if path is None:
        return Settings()
    return _settings(members_of(path), path.parent)


def _one_of(*values: str) -> Callable[[str, Any], str]:
    return lambda name, value: choice(name, value, values)


def _some_of(*values: str) -> Callable[[str, Any], tuple[str, ...]]:
    def read(name: str, value: Any) -> tuple[str, ...]:
        found = tuple(choice(f"{name}[{i}]", each, values) for i, each in enumerate(non_empty_list(name, value)))
        if len(set(found)) != len(found):
            raise ValueError(f"{name}: must not repeat an element")
        return found

    return read


def _from(minimum: int, maximum: int) -> Callable[[str, Any], int]:
    return lambda name, value: integer(name, value, minimum, maximum)


def _settings(members: Mapping[str, Any], folder: Path) -> Settings:
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        "host": text,
        "trust": lambda name, value: read_trust(name, value, folder),
        "tls_authorities_file": lambda name, value: folder / text(name, value),
        "client_id": text,
        "client_authentication": _one_of(*METHODS),
        "client_key_file": lambda name, value: key_file(name, value, folder),
        "attester": lambda name, value: read_attester(name, value, folder),
        "certifier": lambda name, value: read_certifier(name, value, folder),
        "haip": boolean,
        "dpop": _one_of(*OFFERED),
        "pushed_authorization_requests": _one_of(*OFFERED[1:]),
        "responses_without_iss": boolean,
        "encryption": _one_of("when required", "when possible"),
        "compression": boolean,
        "proof_types": _some_of(*PROOF_MAKERS),
        "key_name": _one_of(*KEY_NAMES),
        "copies": _from(1, MAX_COPIES),
        "formats": _some_of(*CREDENTIAL_FORMATS),
        "locales": lambda name, value: tuple(text(f"{name}[{i}]", each) for i, each in enumerate(non_empty_list(name, value))),
        "logins": read_logins,
        "visits": boolean,
        "tx_code": text,
        "notification": _one_of(*EVENTS),
        "patience": _from(1, DAY),
        "deferral_patience": _from(1, 3650 * DAY),
        "max_runs": _from(1, 100_000),
        "parallel": _from(1, 200),
        "admin_token": token,
    }
    known_only(members, readers, "")
    settings = Settings(**{name: readers[name](name, value) for name, value in members.items()})
    _check(settings, members)
    return settings


def _check(settings: Settings, members: Mapping[str, Any]) -> None:
    """What goes together. Raises `ValueError` with the name of a member."""
    needed = {"private_key_jwt": "client_key_file", "attest_jwt_client_auth": "attester"}.get(settings.client_authentication)
    if needed is not None and getattr(settings, needed) is None:
        raise ValueError(f"{needed}: is needed for {settings.client_authentication}")
    if settings.client_key_file is not None and needed != "client_key_file":
        raise ValueError("client_key_file: is for private_key_jwt")
    if (settings.key_name == "x5c") != (settings.certifier is not None):
        raise ValueError("certifier: goes together with the key_name x5c")
    if settings.haip and members.get("dpop", "required") != "required":
        raise ValueError("dpop: HAIP wants it required (HAIP 4)")
    if settings.haip and members.get("pushed_authorization_requests", "required") != "required":
        raise ValueError("pushed_authorization_requests: HAIP wants them required (HAIP 4)")
    if settings.haip and settings.responses_without_iss:
        raise ValueError("responses_without_iss: HAIP wants iss (HAIP 4)")
    if settings.haip and settings.client_authentication == "none":
        raise ValueError("client_authentication: HAIP wants the wallet to authenticate (HAIP 4.4.1)")
