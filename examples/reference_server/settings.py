"""server.json: what is in it, read once at start. A member that is wrong or unknown stops the server with its name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen

from examples.members import (
    boolean,
    choice,
    each_member,
    integer,
    known_only,
    members_of,
    non_empty_list,
    non_empty_object,
    sealing_keys,
    text,
    token,
)
from examples.reference_server import demo
from examples.reference_server.attesters import KeyAttesters, read_key_attesters
from examples.reference_server.clients import Clients, read_clients
from examples.reference_server.issuance_settings import (
    Deferring,
    EncryptionFiles,
    read_deferral,
    read_encryption,
    read_notifications,
)
from examples.reference_server.users import User, read_users
from oid4vci.dids import did_web_url

__all__ = ("DPOP", "KEY_RESOLUTIONS", "Configuration", "RefreshLifetimes", "Settings", "Signing", "read_settings")

KEY_RESOLUTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "dc+sd-jwt": ("x5c", "jwt-vc-issuer"),
    "mso_mdoc": ("x5c",),
    "jwt_vc_json": ("x5c", "jwt-vc-issuer", "did:key"),
    "jwt_vc_json-ld": ("x5c", "jwt-vc-issuer", "did:key"),
    "ldp_vc": ("controlled-identifier", "did:key"),
    "vc+jwt": ("x5c", "jwt-vc-issuer", "did:key"),
    "vc+sd-jwt": ("x5c", "jwt-vc-issuer", "did:key"),
}
"""How wallets can find the issuer's key, for each format that is served."""
DPOP: Final = ("off", "optional", "required")
ACCESS_TOKENS: Final = ("sealed", "jwt")
MAX_BATCH = 100
DAY = 86_400


@frozen
class Signing:
    """The PEM files of the signing key and of its certificate chain, leaf first."""

    key_file: Path
    chain_file: Path


@frozen
class Configuration:
    """A credential configuration: its metadata as they are published, how wallets find the issuer's key, seconds of validity.

    `deferred`: seconds after which credentials are ready; None: at once.
    """

    metadata: Mapping[str, Any]
    key_resolution: str
    lifetime: int = 14 * DAY
    deferred: int | None = None


@frozen
class RefreshLifetimes:
    """Seconds: of what a Refresh Token can renew, and in which the one before still serves."""

    lifetime: int = 90 * DAY
    grace: int = 30


@frozen(kw_only=True)
class Settings:
    """The whole of server.json. `subjects` maps a person to the claims of each configuration."""

    host: str = "127.0.0.1"
    signing: Signing | None = None
    document_signing: Signing | None = None
    status_list_size: int | None = None
    configurations: Mapping[str, Configuration]
    subjects: Mapping[str, Mapping[str, Mapping[str, Any]]]
    users: Mapping[str, User] = field(factory=dict, repr=False)
    demo_users: bool = False
    batch_size: int = 5
    encryption: EncryptionFiles | None = field(factory=EncryptionFiles)
    deferral: Deferring | None = None
    notifications: int | None = 30 * DAY
    signed_metadata: bool = True
    localised: bool = False
    sealing_keys: tuple[bytes, ...] = field(default=(), repr=False)
    tx_code_length: int = 6
    clients: Clients
    key_attestation: KeyAttesters | None = None
    did_web_hosts: tuple[str, ...] = ()
    anonymous_access: bool = False
    require_pushed_authorization_requests: bool = False
    scope_required: bool = False
    haip: bool = False
    dpop: str = "optional"
    dpop_nonces: bool = True
    access_tokens: str = "sealed"
    access_token_key_file: Path | None = None
    refresh_tokens: RefreshLifetimes | None = RefreshLifetimes()
    tls_authorities_file: Path | None = None
    admin_token: str | None = field(default=None, repr=False)


def read_settings(path: Path | None) -> Settings:
    """The settings in a file, paths in it taken from its folder; without a file, the defaults. Raises `ValueError`, `OSError`."""
    if path is None:
        return _settings({}, Path())
    return _settings(members_of(path), path.parent)


# These four depend on one another: `read_clients` reads them together.
_OF_CLIENTS: Final = ("clients", "other_clients", "client_authentication", "client_attestation")

_HAIP: Final[Mapping[str, Any]] = {"dpop": "required", "scope_required": True, "require_pushed_authorization_requests": True}
"""What else `haip` sets. The library refuses what breaks a rule."""


def _settings(members: Mapping[str, Any], folder: Path) -> Settings:
    readers: Mapping[str, Callable[[str, Any], Any]] = {
        "host": text,
        "signing": lambda name, value: _signing(name, value, folder),
        "document_signing": lambda name, value: _signing(name, value, folder),
        "status_list_size": lambda name, value: integer(name, value, 1_000, 1 << 23),
        "configurations": lambda name, value: each_member(name, value, _configuration),
        "subjects": lambda name, value: each_member(name, value, _subject),
        "users": read_users,
        "batch_size": lambda name, value: integer(name, value, 1, MAX_BATCH),
        "encryption": lambda name, value: read_encryption(name, value, folder),
        "deferral": read_deferral,
        "notifications": read_notifications,
        "signed_metadata": boolean,
        "localised": boolean,
        "sealing_keys": sealing_keys,
        "tx_code_length": lambda name, value: integer(name, value, 4, 32),
        "did_web_hosts": _hosts,
        "key_attestation": lambda name, value: read_key_attesters(name, value, folder),
        "anonymous_access": boolean,
        "require_pushed_authorization_requests": boolean,
        "scope_required": boolean,
        "haip": boolean,
        "dpop": lambda name, value: choice(name, value, DPOP),
        "dpop_nonces": boolean,
        "access_tokens": lambda name, value: choice(name, value, ACCESS_TOKENS),
        "access_token_key_file": lambda name, value: folder / text(name, value),
        "refresh_tokens": _refresh_tokens,
        "tls_authorities_file": lambda name, value: folder / text(name, value),
        "admin_token": token,
    }
    known_only(members, (*readers, *_OF_CLIENTS), "")
    given = {**_demonstration(members), **(_HAIP if members.get("haip") is True else {}), **members}
    read = {name: reader(name, given[name]) for name, reader in readers.items() if name in given}
    if "subjects" not in read:
        raise ValueError("subjects: is missing, and configurations are there")
    if "deferral" not in read and any(each.deferred is not None for each in read["configurations"].values()):
        read["deferral"] = Deferring()
    settings = Settings(**read, clients=read_clients(members, folder), demo_users=given.get("users") is demo.USERS)
    _check(settings)
    return settings


def _demonstration(members: Mapping[str, Any]) -> dict[str, Any]:
    """What holds where the file says nothing. Nobody can log in to a server with people of its own unless the file says who."""
    defaults: dict[str, Any] = {} if "configurations" in members else {"configurations": demo.CONFIGURATIONS}
    if "configurations" not in members and "subjects" not in members:
        defaults |= {"subjects": demo.SUBJECTS, "users": demo.USERS}
    return defaults


def _check(settings: Settings) -> None:
    for name, each in settings.configurations.items():
        if settings.deferral is not None and (each.deferred or 0) >= settings.deferral.lifetime:
            raise ValueError(f"configurations.{name}.deferred: must be shorter than deferral.lifetime")
    for subject, datasets in settings.subjects.items():
        for configuration in datasets.keys() - settings.configurations.keys():
            raise ValueError(f"subjects.{subject}.{configuration}: is not one of the configurations")
    for name, user in settings.users.items():
        if user.subject not in settings.subjects:
            raise ValueError(f"users.{name}.subject: is not one of the subjects")
    formats = {each.metadata["format"] for each in settings.configurations.values()}
    if "mso_mdoc" in formats and settings.signing is not None and settings.document_signing is None:
        raise ValueError("document_signing: is missing, an mdoc needs the key of a document signer")
    if settings.access_token_key_file is not None and settings.access_tokens != "jwt":
        raise ValueError("access_token_key_file: is for access_tokens that are jwt")
    if settings.require_pushed_authorization_requests and not settings.users:
        raise ValueError("require_pushed_authorization_requests: nobody can log in, since there are no users")


def _signing(name: str, value: Any, folder: Path) -> Signing:
    members = non_empty_object(name, value)
    known_only(members, ("key_file", "chain_file"), f"{name}.")
    key, chain = (folder / text(f"{name}.{each}", members.get(each)) for each in ("key_file", "chain_file"))
    return Signing(key, chain)


def _configuration(name: str, value: Any) -> Configuration:
    members = non_empty_object(name, value)
    known_only(members, ("metadata", "key_resolution", "lifetime", "deferred"), f"{name}.")
    metadata = non_empty_object(f"{name}.metadata", members.get("metadata"))
    format_ = choice(f"{name}.metadata.format", metadata.get("format"), tuple(KEY_RESOLUTIONS))
    resolution = choice(f"{name}.key_resolution", members.get("key_resolution"), KEY_RESOLUTIONS[format_])
    lifetime = integer(f"{name}.lifetime", members.get("lifetime", 14 * DAY), 60, 3650 * DAY)
    deferred = None
    if "deferred" in members:
        deferred = integer(f"{name}.deferred", members["deferred"], 0, 3650 * DAY)
    return Configuration(metadata, resolution, lifetime, deferred)


def _hosts(name: str, value: Any) -> tuple[str, ...]:
    hosts = tuple(text(f"{name}[{i}]", each) for i, each in enumerate(non_empty_list(name, value)))
    for i, host in enumerate(hosts):
        if not _is_did_web_host(host):
            raise ValueError(f"{name}[{i}]: must be a domain name in small letters, and its port if it has one")
    return hosts


def _is_did_web_host(host: str) -> bool:
    """Whether the document of some did:web is fetched from there."""
    try:
        return urlsplit(did_web_url(f"did:web:{host.replace(':', '%3A')}")).netloc == host
    except ValueError:
        return False


def _subject(name: str, value: Any) -> Mapping[str, Mapping[str, Any]]:
    return each_member(name, value, non_empty_object)


def _refresh_tokens(name: str, value: Any) -> RefreshLifetimes | None:
    if value is False:
        return None
    members = non_empty_object(name, value)
    known_only(members, ("lifetime", "grace"), f"{name}.")
    lifetimes = RefreshLifetimes()
    return RefreshLifetimes(
        integer(f"{name}.lifetime", members.get("lifetime", lifetimes.lifetime), 60, 3650 * DAY),
        integer(f"{name}.grace", members.get("grace", lifetimes.grace), 0, 600),
    )
