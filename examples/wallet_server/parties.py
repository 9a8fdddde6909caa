"""Members of wallet.json that are about others and their keys: whom the wallet trusts, who vouches for it, who logs in where."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from examples.members import boolean, each_member, known_only, named, non_empty_list, non_empty_object, text
from examples.wallet.attester import Attester
from examples.wallet.certifier import Certifier
from examples.wallet.keys import read_key
from examples.wallet_server.visitor import Login
from oid4vci.http import url_origin
from oid4vci.keys import LocalSigner
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors

__all__ = ("TrustFiles", "key_file", "read_attester", "read_certifier", "read_logins", "read_trust")

T = TypeVar("T")


@frozen(kw_only=True)
class TrustFiles:
    """Whom the wallet talks to, and whose certificates it believes. By default nobody.

    `allowed`: identifiers of issuers and authorization servers, and URLs beneath which offers and lists are. `any_issuer`: it
    talks to every https origin, and believes the keys that an issuer publishes for itself; certificates must lead to the anchors
    all the same. `private_addresses`: also to servers inside the own network that are not named in `allowed`.
    """

    allowed: tuple[str, ...] = ()
    any_issuer: bool = False
    private_addresses: bool = False
    signed_metadata_required: bool = False
    anchors: Mapping[str, Anchors] = field(factory=dict, repr=False)

    @property
    def servers(self) -> frozenset[tuple[str, int]]:
        """The hosts that are named, each with its port: these may be in the own network."""
        return frozenset((parts.hostname or "", parts.port or 443) for parts in map(urlsplit, self.allowed))

    def trust(self) -> Trust:
        """As the library takes it."""
        trust = Trust.of(
            *self.allowed,
            anchors=self.anchors.get("anchors_file"),
            status_anchors=self.anchors.get("status_anchors_file"),
            metadata_anchors=self.anchors.get("metadata_anchors_file"),
            signed_metadata_required=self.signed_metadata_required,
        )
        return evolve(trust, allow=lambda url: url_origin(url) is not None) if self.any_issuer else trust


_ANCHORS = ("anchors_file", "status_anchors_file", "metadata_anchors_file")


def read_trust(name: str, value: Any, folder: Path) -> TrustFiles:
    """`trust`. Raises `ValueError`, `OSError`."""
    members = non_empty_object(name, value)
    flags = ("any_issuer", "private_addresses", "signed_metadata_required")
    known_only(members, ("allowed", *flags, *_ANCHORS), f"{name}.")
    allowed: tuple[str, ...] = ()
    if "allowed" in members:
        elements = enumerate(non_empty_list(f"{name}.allowed", members["allowed"]))
        allowed = tuple(_https(f"{name}.allowed[{i}]", each) for i, each in elements)
    anchors = {
        each: named(f"{name}.{each}", lambda each=each: Anchors.from_pem(_file(f"{name}.{each}", members[each], folder)))  # type: ignore[misc]
        for each in _ANCHORS
        if each in members
    }
    given = {flag: boolean(f"{name}.{flag}", members[flag]) for flag in flags if flag in members}
    if given.get("signed_metadata_required") and "metadata_anchors_file" not in members:
        raise ValueError(f"{name}.metadata_anchors_file: is needed where signed metadata are required")
    return TrustFiles(allowed=allowed, anchors=anchors, **given)


def _https(name: str, value: Any) -> str:
    url = text(name, value)
    if url_origin(url) is None:
        raise ValueError(f"{name}: must be an https URL")
    return url


def _file(name: str, value: Any, folder: Path) -> bytes:
    return (folder / text(name, value)).read_bytes()


def key_file(name: str, value: Any, folder: Path) -> LocalSigner:
    """The private key in a PEM file. Raises `ValueError`, `OSError`."""
    return named(name, lambda: read_key(folder / text(name, value)))


def read_attester(name: str, value: Any, folder: Path) -> Attester:
    """`attester`: `{"key_file", "chain_file", "name", "key_storage", "user_authentication"}`. Raises `ValueError`, `OSError`."""
    members = non_empty_object(name, value)
    known_only(members, ("key_file", "chain_file", "name", "key_storage", "user_authentication"), f"{name}.")
    key = folder / text(f"{name}.key_file", members.get("key_file"))
    chain = folder / text(f"{name}.chain_file", members["chain_file"]) if "chain_file" in members else None
    issuer = text(f"{name}.name", members["name"]) if "name" in members else None
    levels = {each: _texts(f"{name}.{each}", members.get(each, [])) for each in ("key_storage", "user_authentication")}
    return named(name, lambda: Attester.from_files(key, chain, issuer, **levels))


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if value == []:
        return ()
    return tuple(text(f"{name}[{i}]", each) for i, each in enumerate(non_empty_list(name, value)))


def read_certifier(name: str, value: Any, folder: Path) -> Certifier:
    """`certifier`: `{"key_file", "chain_file"}`. Raises `ValueError`, `OSError`."""
    members = non_empty_object(name, value)
    known_only(members, ("key_file", "chain_file"), f"{name}.")
    key, chain = (folder / text(f"{name}.{each}", members.get(each)) for each in ("key_file", "chain_file"))
    return named(name, lambda: Certifier.from_files(key, chain))


def read_logins(name: str, value: Any) -> Mapping[str, Login]:
    """`logins`: by the identifier of an authorization server. Raises `ValueError`."""

    def login(within: str, value: Any) -> Login:
        members = non_empty_object(within, value)
        known_only(members, ("username", "password"), f"{within}.")
        return Login(*(text(f"{within}.{each}", members.get(each)) for each in ("username", "password")))

    found = each_member(name, value, login)
    for server in found:
        _https(f"{name}.{server}", server)
    return found
