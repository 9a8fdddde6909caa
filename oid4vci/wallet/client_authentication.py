"""How the Wallet authenticates to an Authorization Server: a Wallet Attestation, a client assertion, or a way of your own.

Rule 1: what is signed is signed anew for every request, for one Authorization Server and no other.
Rule 2: a way to authenticate is a value, and all of it but its private keys can be stored.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TypeAlias

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.errors import AttestationExpired
from oid4vci.keys import Signer, public_key
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth import client_assertion, client_attestation
from oid4vci.oauth.client_assertion import ASSERTION_TYPE, client_assertion_signing_input
from oid4vci.oauth.client_attestation import ATTESTATION_TYP, client_attestation_pop_signing_input
from oid4vci.unsigned_jwt import UnsignedJwt

__all__ = (
    "ClientAssertion",
    "ClientAuthentication",
    "ClientCredentials",
    "RestoreClientAuthentication",
    "WalletAttestation",
)


@frozen(kw_only=True)
class ClientCredentials:
    """What one request has so that the client is authenticated: headers and form parameters, texts or JWTs to be signed."""

    headers: Mapping[str, str | UnsignedJwt] = field(factory=dict, repr=False)
    parameters: Mapping[str, str | UnsignedJwt] = field(factory=dict, repr=False)


class ClientAuthentication(Protocol):
    """One way for a client to authenticate (RFC 6749 2.3)."""

    @property
    def method(self) -> str:
        """Its `token_endpoint_auth_method`."""

    @property
    def client_id(self) -> str | None:
        """The `client_id` that it is good for; None if it is good for that of the `Wallet`."""

    @property
    def takes_challenge(self) -> bool:
        """Whether `credentials` uses the challenge of an Authorization Server."""

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The keys that sign, to be stored by their public halves."""

    @property
    def members(self) -> Mapping[str, str]:
        """What else is stored with a state (`dump`)."""

    def check(self, server: AuthorizationServerMetadata, *, now: int) -> None:
        """Raises `ValueError` if this is not for that server or not what it takes, and a `WalletError` if it is no longer valid."""

    def credentials(
        self, *, client_id: str, authorization_server: str, challenge: str | None, jti: str, now: int
    ) -> ClientCredentials:
        """What goes into one request to `authorization_server`, its identifier.

        `jti` is new for every request. `challenge` is what the server wants to find in it, if anything. `now` is in seconds since
        the epoch.
        """


RestoreClientAuthentication: TypeAlias = Callable[[Mapping[str, str], tuple[Signer, ...]], ClientAuthentication]
"""Makes a `ClientAuthentication` of its stored `members` and `signers`. Raises `ValueError`."""


def _check_method(method: str, server: AuthorizationServerMetadata) -> None:
    # Where nothing is published the default would be `client_secret_basic` (RFC 8414 2); many servers only forgot it.
    methods = server.token_endpoint_auth_methods_supported
    if methods is not None and method not in methods:
        raise ValueError(f"this server does not take {method}: {', '.join(methods)}")


def _check_algorithm(algorithm: str, accepted: tuple[str, ...] | None) -> None:
    if accepted is not None and algorithm not in accepted:
        raise ValueError(f"this server accepts {', '.join(accepted)}, not {algorithm}")


@frozen
class ClientAssertion:
    """`private_key_jwt`: a JWT by a key that is registered for the `client_id` (RFC 7523 2.2).

    OID4VCI 13.2: hard to protect in a native Wallet, which better uses a `WalletAttestation`.
    """

    signer: Signer

    @property
    def method(self) -> str:
        """Its `token_endpoint_auth_method`."""
        return client_assertion.METHOD

    @property
    def client_id(self) -> None:
        """That of the `Wallet`."""
        return

    @property
    def takes_challenge(self) -> bool:
        """No."""
        return False

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The registered key."""
        return (self.signer,)

    @property
    def members(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    @classmethod
    def restore(cls, members: Mapping[str, str], signers: tuple[Signer, ...]) -> Self:
        """From what was stored. Raises `ValueError`."""
        if members or len(signers) != 1:
            raise ValueError("a client assertion is made by one key")
        return cls(signers[0])

    def check(self, server: AuthorizationServerMetadata, *, now: int) -> None:
        """Raises `ValueError` if the server does not take `private_key_jwt`, or not this algorithm."""
        _check_method(self.method, server)
        _check_algorithm(self.signer.algorithm, server.token_endpoint_auth_signing_alg_values_supported)

    def credentials(
        self, *, client_id: str, authorization_server: str, challenge: str | None, jti: str, now: int
    ) -> ClientCredentials:
        """The assertion, with the server's identifier as its only audience."""
        data = client_assertion_signing_input(self.signer, client_id=client_id, audience=authorization_server, jti=jti, now=now)
        return ClientCredentials(
            parameters={"client_assertion_type": ASSERTION_TYPE, "client_assertion": UnsignedJwt(self.signer, data)}
        )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed("must be a string", name)
    return value


@frozen
class WalletAttestation:
    """`attest_jwt_client_auth`: a Wallet Attestation, and a proof of its key for every request (OID4VCI E).

    `jwt` is what the Wallet Provider gave out for the key of `signer`. It serves at `authorization_server` (an identifier) and
    nowhere else: "Wallet Attestations MUST NOT be reused across different Issuers" (HAIP 4.4.1). `client_id` is its `sub`,
    `expires_at` its `exp`, `certified` says whether it has an `x5c`.

    Raises `ValueError` if `jwt` is not an attestation for this key.
    """

    jwt: str = field(repr=False)
    signer: Signer
    authorization_server: str = field(kw_only=True)
    client_id: str = field(init=False)
    expires_at: int | float = field(init=False)
    certified: bool = field(init=False)
    _algorithm: str = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        jws = _jose.parse(self.jwt)
        claims = jws.claims()
        if jws.header.get("typ") != ATTESTATION_TYP:
            raise Malformed(f"typ must be {ATTESTATION_TYP}", "header")
        _text(claims, "iss")
        expires_at, confirmation = claims.get("exp"), claims.get("cnf")
        if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
            raise Malformed("must be a number", "exp")
        if not isinstance(confirmation, Mapping):
            raise Malformed("must be an object", "cnf")
        try:
            attested = public_key(confirmation.get("jwk"))
        except Malformed as error:
            raise error.within("cnf.jwk") from None
        if attested != public_key(self.signer.public_jwk) or not attested.fits(self.signer.algorithm):
            raise Malformed("is not the key of the signer", "cnf.jwk")
        object.__setattr__(self, "client_id", _text(claims, "sub"))
        object.__setattr__(self, "expires_at", expires_at)
        object.__setattr__(self, "certified", "x5c" in jws.header)
        object.__setattr__(self, "_algorithm", jws.algorithm)

    @property
    def method(self) -> str:
        """Its `token_endpoint_auth_method`."""
        return client_attestation.METHOD

    @property
    def takes_challenge(self) -> bool:
        """Yes."""
        return True

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The key of this instance of the Wallet."""
        return (self.signer,)

    @property
    def members(self) -> Mapping[str, str]:
        """The attestation, and whom it is for."""
        return {"jwt": self.jwt, "authorization_server": self.authorization_server}

    @classmethod
    def restore(cls, members: Mapping[str, str], signers: tuple[Signer, ...]) -> Self:
        """From what was stored. Raises `ValueError`."""
        if members.keys() != {"jwt", "authorization_server"} or len(signers) != 1:
            raise ValueError("a Wallet Attestation is a JWT for one key and one Authorization Server")
        return cls(members["jwt"], signers[0], authorization_server=members["authorization_server"])

    def check(self, server: AuthorizationServerMetadata, *, now: int) -> None:
        """Raises `ValueError` if this is for another server or not what this one takes, `AttestationExpired` if it has expired."""
        if server.issuer != self.authorization_server:
            raise ValueError("this Wallet Attestation is for another Authorization Server: get one for this (HAIP 4.4.1)")
        _check_method(self.method, server)
        _check_algorithm(self._algorithm, server.client_attestation_signing_alg_values_supported)
        _check_algorithm(self.signer.algorithm, server.client_attestation_pop_signing_alg_values_supported)
        if self.expires_at <= now:
            raise AttestationExpired("the Wallet Attestation has expired")

    def credentials(
        self, *, client_id: str, authorization_server: str, challenge: str | None, jti: str, now: int
    ) -> ClientCredentials:
        """The attestation and a new proof of its key, with the server's challenge if it gave one."""
        data = client_attestation_pop_signing_input(
            self.signer, client_id=client_id, audience=authorization_server, jti=jti, now=now, challenge=challenge
        )
        return ClientCredentials(
            headers={"oauth-client-attestation": self.jwt, "oauth-client-attestation-pop": UnsignedJwt(self.signer, data)}
        )
