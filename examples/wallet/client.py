"""As whom a wallet comes to authorization servers: its name, and how it authenticates (OID4VCI 6, E; RFC 7523)."""

from collections.abc import Mapping
from typing import Any, Final, Self

from attrs import field, frozen

from examples.wallet.attester import Attester
from examples.wallet.keys import HolderKey, dpop_key
from oid4vci.keys import LocalSigner
from oid4vci.oauth import client_assertion, client_attestation
from oid4vci.wallet import ClientAssertion, ClientAuthentication, Opened

__all__ = ("METHODS", "Client", "SessionKeys")

METHODS: Final = ("none", client_assertion.METHOD, client_attestation.METHOD)


@frozen
class SessionKeys:
    """The keys that one issuance has for itself: of its access token, and of the instance that is attested."""

    dpop: HolderKey | None = None
    instance: HolderKey | None = None

    @property
    def signers(self) -> Mapping[str, LocalSigner]:
        """By their ids, for states that are loaded."""
        return {key.signer.key_id: key.signer for key in (self.dpop, self.instance) if key is not None}

    @property
    def dpop_signer(self) -> LocalSigner | None:
        """The key of the access token, to sign with."""
        return None if self.dpop is None else self.dpop.signer

    def to_json(self) -> dict[str, Any]:
        """What is stored: the private keys are in it."""
        keys = {"dpop": self.dpop, "instance": self.instance}
        return {name: None if key is None else key.to_json() for name, key in keys.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What was stored. Raises `KeyError`, `TypeError`, `ValueError`."""
        dpop, instance = stored["dpop"], stored.get("instance")
        return cls(*(None if key is None else HolderKey.from_json(key) for key in (dpop, instance)))


@frozen(kw_only=True)
class Client:
    """A wallet as a client. `method` is its `token_endpoint_auth_method`.

    `key` is the one that is registered for `private_key_jwt`, `provider` who vouches where the method is
    `attest_jwt_client_auth`. `dpop`: whether access tokens are bound to keys, where servers do that.
    Raises `ValueError` if something is missing for the method.
    """

    client_id: str | None
    method: str = "none"
    key: LocalSigner | None = field(default=None, repr=False)
    provider: Attester | None = field(default=None, repr=False)
    dpop: bool = True

    def __attrs_post_init__(self) -> None:
        needed = {client_assertion.METHOD: self.key, client_attestation.METHOD: self.provider}.get(self.method, self)
        if needed is None or (self.method != "none" and self.client_id is None):
            raise ValueError(f"{self.method} needs a key, and a client_id")

    @property
    def signers(self) -> Mapping[str, LocalSigner]:
        """The keys of the wallet itself, for states that are loaded."""
        return {} if self.key is None else {self.key.key_id: self.key}

    def new_keys(self, opened: Opened) -> SessionKeys:
        """Keys for one issuance: servers cannot tell by them that they talk to the same wallet."""
        instance = None
        if self.method == client_attestation.METHOD:
            instance = HolderKey.generate("instance", opened.server.client_attestation_pop_signing_alg_values_supported)
        return SessionKeys(dpop_key(opened) if self.dpop else None, instance)

    def authentication(self, authorization_server: str, keys: SessionKeys, *, now: int) -> ClientAuthentication | None:
        """What goes to that server, in every request of an issuance; a Wallet Attestation is a fresh one."""
        if self.key is not None and self.method == client_assertion.METHOD:
            return ClientAssertion(self.key)
        if self.provider is None or keys.instance is None or self.client_id is None:
            return None
        return self.provider.vouch(
            keys.instance.signer, client_id=self.client_id, authorization_server=authorization_server, now=now
        )
