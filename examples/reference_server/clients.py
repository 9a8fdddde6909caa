"""The clients of server.json: who is registered, how others may come, how each authenticates, who attests wallets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, frozen

from examples.members import (
    boolean,
    choice,
    each_member,
    integer,
    known_only,
    named,
    non_empty_list,
    non_empty_object,
)
from examples.reference_server.attesters import ATTESTERS, Attesters, own_keys, read_attesters
from oid4vci.metadata import ClientMetadata

__all__ = ("ATTESTED", "METHODS", "PUBLIC", "SIGNED", "Attestation", "Clients", "read_clients")

PUBLIC, SIGNED, ATTESTED = "none", "private_key_jwt", "attest_jwt_client_auth"
YEAR: Final = 31_536_000
METHODS: Final = (PUBLIC, SIGNED, ATTESTED)
DEMO_REDIRECT_URIS: Final = ("http://127.0.0.1/callback", "http://[::1]/callback")
# Of RFC 7591 2, what this server acts upon.
_REGISTRATION: Final = (
    "client_name",
    "redirect_uris",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "grant_types",
    "jwks",
    "jwks_uri",
    "dpop_bound_access_tokens",
    "require_pushed_authorization_requests",
)


@frozen(kw_only=True)
class Attestation(Attesters):
    """Whose attestations of wallets are believed."""

    challenges: bool = True
    require_iss: bool = True
    max_attestation_age: int | None = None


@frozen(kw_only=True)
class Clients:
    """Registrations by `client_id`, what holds for everybody else (None: refused), and the methods to authenticate."""

    registered: Mapping[str, ClientMetadata] = field(factory=dict)
    others: ClientMetadata | None = None
    methods: tuple[str, ...] = (PUBLIC,)
    attestation: Attestation | None = None

    @property
    def key_set_urls(self) -> tuple[str, ...]:
        """Where clients and attesters publish their keys."""
        urls = [each.jwks_uri for each in self.registered.values() if each.jwks_uri is not None]
        return (*urls, *(() if self.attestation is None else self.attestation.key_set_urls))


def read_clients(members: Mapping[str, Any], folder: Path) -> Clients:
    """The members `clients`, `other_clients`, `client_authentication` and `client_attestation`, paths taken from `folder`.

    Raises `ValueError`.
    """
    methods = _methods("client_authentication", members.get("client_authentication", [PUBLIC]))
    attestation = None
    if "client_attestation" in members:
        attestation = _attestation("client_attestation", members["client_attestation"], folder)
    if (attestation is not None) != (ATTESTED in methods):
        raise ValueError(f"client_attestation: must be there exactly if client_authentication has {ATTESTED}")
    registered = each_member("clients", members["clients"], _registration) if "clients" in members else {}
    if "other_clients" in members:
        others = _others("other_clients", members["other_clients"])
    else:
        others = None if registered else _default_others(methods)
    for name, client in [*((f"clients.{each}", client) for each, client in registered.items()), ("other_clients", others)]:
        if client is not None and (client.token_endpoint_auth_method or PUBLIC) not in methods:
            raise ValueError(f"{name}.token_endpoint_auth_method: is not one of client_authentication")
    return Clients(registered=registered, others=others, methods=methods, attestation=attestation)


def _default_others(methods: tuple[str, ...]) -> ClientMetadata | None:
    """Where nobody is registered: programs on the person's machine if public clients may come, else whoever is attested."""
    if PUBLIC in methods:
        return ClientMetadata(token_endpoint_auth_method=PUBLIC, redirect_uris=DEMO_REDIRECT_URIS)
    return ClientMetadata(token_endpoint_auth_method=ATTESTED) if ATTESTED in methods else None


def _methods(name: str, value: Any) -> tuple[str, ...]:
    methods = tuple(choice(f"{name}[{i}]", each, METHODS) for i, each in enumerate(non_empty_list(name, value)))
    if len(set(methods)) != len(methods):
        raise ValueError(f"{name}: must not repeat an element")
    return methods


def _registration(name: str, value: Any) -> ClientMetadata:
    members = non_empty_object(name, value)
    known_only(members, _REGISTRATION, f"{name}.")
    client = named(name, lambda: ClientMetadata.from_json(dict(members)))
    if client.jwks is not None:
        own_keys(f"{name}.jwks", client.jwks)
    signs = client.token_endpoint_auth_method == SIGNED
    if signs != (client.jwks is not None or client.jwks_uri is not None):
        raise ValueError(f"{name}: jwks or jwks_uri must be there exactly if token_endpoint_auth_method is {SIGNED}")
    return client


def _others(name: str, value: Any) -> ClientMetadata | None:
    if value is None:
        return None
    client = _registration(name, value)
    if client.token_endpoint_auth_method == SIGNED:
        raise ValueError(f"{name}.token_endpoint_auth_method: whoever is not registered has no key here")
    return evolve(client, client_name=None)


def _attestation(name: str, value: Any, folder: Path) -> Attestation:
    members = non_empty_object(name, value)
    known_only(members, (*ATTESTERS, "challenges", "require_iss", "max_attestation_age"), f"{name}.")
    age = members.get("max_attestation_age")
    return Attestation(
        **read_attesters(name, members, folder),
        challenges=boolean(f"{name}.challenges", members.get("challenges", True)),
        require_iss=boolean(f"{name}.require_iss", members.get("require_iss", True)),
        max_attestation_age=None if age is None else integer(f"{name}.max_attestation_age", age, 1, YEAR),
    )
