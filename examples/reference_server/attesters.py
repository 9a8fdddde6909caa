"""Who attests wallets, and who attests keys: the members of server.json that both have, and what only key attestations have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from examples.members import (
    boolean,
    each_member,
    known_only,
    named,
    non_empty_list,
    non_empty_object,
    text,
)
from oid4vci.http import url_origin
from oid4vci.keys import KeyReference, PublicKey, public_keys
from oid4vci.x509 import Anchors

__all__ = ("ATTESTERS", "Attesters", "KeyAttesters", "own_keys", "read_attesters", "read_key_attesters")

ATTESTERS: Final = ("anchors_file", "attesters", "require_x5c")


@frozen(kw_only=True)
class Attesters:
    """Whose word is believed: `anchors_file` is PEM, `attesters` are keys, or their URL, by `iss`."""

    anchors_file: Path | None = None
    attesters: Mapping[str, tuple[PublicKey, ...] | KeyReference] = field(factory=dict)
    require_x5c: bool = False

    @property
    def anchors(self) -> Anchors | None:
        """The authorities of attesters' certificates. Raises `ValueError`, `OSError`."""
        file = self.anchors_file
        return None if file is None else named(file.name, lambda: Anchors.from_pem(file.read_bytes()))

    @property
    def key_set_urls(self) -> tuple[str, ...]:
        """Where attesters publish their keys."""
        return tuple(each.url for each in self.attesters.values() if isinstance(each, KeyReference))


@frozen(kw_only=True)
class KeyAttesters(Attesters):
    """Whose key attestations are believed.

    `status_list_urls`: where status lists are; what ends with a slash is the beginning of their URLs. With none, an attestation
    that can be revoked is refused unless `check_status` is False.
    """

    check_status: bool = True
    status_list_urls: tuple[str, ...] = ()

    def allows(self, url: str) -> bool:
        """Whether a status list may be fetched from there. Dot segments, which could lead away, the library refuses."""
        return any(url.startswith(each) if each.endswith("/") else url == each for each in self.status_list_urls)


def own_keys(name: str, value: Any) -> tuple[PublicKey, ...]:
    """Every key of a JWK Set."""
    keys = named(name, lambda: public_keys(value))
    if not keys or len(keys) != len(value["keys"]):
        raise ValueError(f"{name}: must have public keys only, of types that are known, and at least one")
    return keys


def read_attesters(name: str, members: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The members `ATTESTERS` of an object, paths taken from `folder`. Raises `ValueError`."""
    if "anchors_file" not in members and "attesters" not in members:
        raise ValueError(f"{name}: anchors_file or attesters is needed")
    anchors = folder / text(f"{name}.anchors_file", members["anchors_file"]) if "anchors_file" in members else None
    require_x5c = boolean(f"{name}.require_x5c", members.get("require_x5c", False))
    if require_x5c and (anchors is None or "attesters" in members):
        raise ValueError(f"{name}.require_x5c: is for anchors_file without attesters")
    return {
        "anchors_file": anchors,
        "attesters": each_member(f"{name}.attesters", members["attesters"], _attester) if "attesters" in members else {},
        "require_x5c": require_x5c,
    }


def read_key_attesters(name: str, value: Any, folder: Path) -> KeyAttesters:
    """The member `key_attestation`. Raises `ValueError`."""
    members = non_empty_object(name, value)
    known_only(members, (*ATTESTERS, "check_status", "status_list_urls"), f"{name}.")
    check_status = boolean(f"{name}.check_status", members.get("check_status", True))
    urls = non_empty_list(f"{name}.status_list_urls", members["status_list_urls"]) if "status_list_urls" in members else []
    if urls and not (check_status and "anchors_file" in members):
        # Who signs status lists is known by certificate only.
        raise ValueError(f"{name}.status_list_urls: need anchors_file, and check_status")
    return KeyAttesters(
        **read_attesters(name, members, folder),
        check_status=check_status,
        status_list_urls=tuple(_status_list_url(f"{name}.status_list_urls[{i}]", each) for i, each in enumerate(urls)),
    )


def _attester(name: str, value: Any) -> tuple[PublicKey, ...] | KeyReference:
    members = non_empty_object(name, value)
    known_only(members, ("jwks", "jwks_uri"), f"{name}.")
    if len(members) != 1:
        raise ValueError(f"{name}: must have jwks or jwks_uri")
    if "jwks" in members:
        return own_keys(f"{name}.jwks", members["jwks"])
    return KeyReference(_https(f"{name}.jwks_uri", members["jwks_uri"]))


def _https(name: str, value: Any) -> str:
    url = text(name, value)
    origin = url_origin(url)
    if origin is None or "@" in origin:
        raise ValueError(f"{name}: must be an https URL")
    return url


def _status_list_url(name: str, value: Any) -> str:
    url = _https(name, value)
    if "/" not in url.removeprefix("https://"):
        # "https://attester.example" is the beginning of "https://attester.example.org" as well.
        raise ValueError(f"{name}: must be the URL of a status list, or the beginning of such URLs, with a slash at its end")
    return url
