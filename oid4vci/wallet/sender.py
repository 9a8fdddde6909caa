"""As whom the Wallet sends: client authentication and DPoP in every request, and what servers want to find in the next one.

Rule 1: every proof is made for one request, with a `jti` of its own, also when the request is sent once more.
Rule 2: a server may ask for its nonce and for its challenge, and again for one if it asked for the other in between: its challenges
may serve once. It may do so three times in one request; after that its word is a refusal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from oid4vci._document import Document, string, wire
from oid4vci._json import b64url_encode
from oid4vci.encryption import JWT
from oid4vci.http import MAX_BODY, Request, Response, url_origin
from oid4vci.keys import Signer, public_key
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth.dpop import dpop_signing_input
from oid4vci.secret import NewSecret, new_secret
from oid4vci.unsigned_jwt import UnsignedJwt
from oid4vci.wallet.client_authentication import ClientAuthentication, ClientCredentials, WalletAttestation
from oid4vci.wallet.exchange import (
    JSON,
    Exchange,
    UnsignedRequest,
    error_codes,
    json_object,
    post,
    post_form,
    post_json,
    server_error,
)
from oid4vci.wallet.settings import Wallet

__all__ = ("Sender",)

T = TypeVar("T")
Read: TypeAlias = "Callable[[Response, Sender], T | Exchange[T]]"
# What `post_form` adds to a request.
CLIENT_PARAMETERS: Final = ("client_id", "client_assertion", "client_assertion_type", "client_secret")
JTI_BYTES: Final = 16
MAX_RETRIES: Final = 3
USE_DPOP_NONCE, USE_ATTESTATION_CHALLENGE = "use_dpop_nonce", "use_attestation_challenge"
DPOP_NONCE, ATTESTATION_CHALLENGE = "dpop-nonce", "oauth-client-attestation-challenge"

# Visible ASCII (RFC 9449 8.1 has a little less), and no longer than what a header can carry back in a proof.
MAX_NONCE: Final = 4096
_NONCE = re.compile(r"[\x21-\x7e]+")


@frozen(kw_only=True)
class ChallengeResponse(Document):
    """The answer of the challenge endpoint."""

    attestation_challenge: str = field(repr=False, metadata=wire(string(maximum=MAX_NONCE)))


def _one(response: Response, name: str) -> str | None:
    """The nonce or challenge in a header; one that is repeated, empty, too long or not ASCII counts as none."""
    values = response.headers.all(name)
    value = values[0].strip(" \t") if len(values) == 1 else ""
    return value if len(value) <= MAX_NONCE and _NONCE.fullmatch(value) else None


def _same_key(one: Signer, other: Signer) -> bool:
    return public_key(one.public_jwk) == public_key(other.public_jwk)


def check_settings(
    wallet: Wallet,
    server: AuthorizationServerMetadata,
    *,
    dpop: Signer | None,
    authentication: ClientAuthentication | None,
) -> None:
    """Raises `ValueError` if the settings rule out to send without a DPoP key or client authentication, or with this one.

    Raises `Untrusted` if the trust decision does not allow the endpoint from which a challenge would be fetched.
    """
    if dpop is None and not wallet.bearer:
        raise ValueError("the Wallet takes no Bearer tokens: a DPoP key is needed (HAIP 4)")
    if authentication is None and not wallet.public:
        raise ValueError("the Wallet is no public client: a client authentication is needed (HAIP 4.4.1)")
    if wallet.haip and isinstance(authentication, WalletAttestation) and not authentication.certified:
        raise ValueError("HAIP-4.4.1-05: the Wallet Attestation must have its certificate in x5c (HAIP 4.4.1)")
    if authentication is not None and authentication.takes_challenge and server.challenge_endpoint is not None:
        wallet.trust.demand_endpoint(server.challenge_endpoint, server.issuer)


@frozen(kw_only=True)
class Sender:
    """As whom the Wallet sends to one Authorization Server, `server`, and to the issuers that take its tokens.

    - `client_id`: None for an anonymous client.
    - `authentication`: how the client authenticates to the server; None for a public client.
    - `dpop`: the key that Access Tokens are bound to (RFC 9449); None for Bearer tokens.
    - `nonces`: the latest `DPoP-Nonce` by origin. `challenge`: what the server wants to find in the next proof of an attestation.

    Raises `ValueError` if the server does not accept the algorithm of the DPoP key, or a client that authenticates has no name.
    """

    server: AuthorizationServerMetadata = field(repr=False)
    client_id: str | None = None
    authentication: ClientAuthentication | None = None
    dpop: Signer | None = None
    nonces: Mapping[str, str] = field(factory=dict, repr=False)
    challenge: str | None = field(default=None, repr=False)
    new_secret: NewSecret = field(default=new_secret, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        accepted = self.server.dpop_signing_alg_values_supported
        if self.dpop is not None and accepted is not None and self.dpop.algorithm not in accepted:
            raise ValueError(f"this server accepts DPoP proofs by {', '.join(accepted)}, not {self.dpop.algorithm}")
        if self.authentication is not None and self.authentication.client_id not in (None, self.client_id):
            raise ValueError("the client_id is not that of the client authentication")
        if self.authentication is not None and self.client_id is None:
            raise ValueError("a client that authenticates needs a client_id")

    @classmethod
    def of(
        cls,
        wallet: Wallet,
        server: AuthorizationServerMetadata,
        *,
        dpop: Signer | None,
        authentication: ClientAuthentication | None,
        anonymous: bool = False,
    ) -> Self:
        """The sender of a first request. With `anonymous`, a client that does not authenticate does not name itself either.

        Raises `ValueError` as the constructor, if there is no `client_id`, and for what the settings rule out, and `Untrusted`.
        """
        check_settings(wallet, server, dpop=dpop, authentication=authentication)
        client_id = wallet.client_id if authentication is None else authentication.client_id or wallet.client_id
        if authentication is None and anonymous:
            client_id = None
        elif client_id is None:
            raise ValueError("this server takes no anonymous requests: the Wallet needs a client_id")
        return cls(server=server, client_id=client_id, authentication=authentication, dpop=dpop, new_secret=wallet.new_secret)

    def renewed(
        self, wallet: Wallet, *, dpop: Signer | None = None, authentication: ClientAuthentication | None = None
    ) -> "Sender":
        """The sender of a later Token Request, with another key or another authentication where they are given.

        Raises `ValueError` for what a code or a Refresh Token cannot be bound to: another DPoP key of a client that does not
        authenticate (RFC 9449 5), another key of an attested client or none
        (draft-ietf-oauth-attestation-based-client-auth-07 10.3); and as `of`.
        """
        before = self.authentication
        if dpop is not None and self.dpop is not None and before is None and not _same_key(dpop, self.dpop):
            raise ValueError("a client that does not authenticate refreshes with the DPoP key that it had")
        if (
            isinstance(before, WalletAttestation)
            and authentication is not None
            and not (isinstance(authentication, WalletAttestation) and _same_key(before.signer, authentication.signer))
        ):
            raise ValueError("an attested client goes on with an attestation for the key that it had")
        renewed = evolve(self, dpop=dpop or self.dpop, authentication=authentication or before)
        check_settings(wallet, self.server, dpop=renewed.dpop, authentication=renewed.authentication)
        return renewed

    @property
    def scheme(self) -> str:
        """The scheme of Access Tokens. A bound one goes with `DPoP` and never with another (RFC 9449 7.1, 7.2)."""
        return "Bearer" if self.dpop is None else "DPoP"

    def check(self, now: int | None) -> None:
        """Whether the client can authenticate to this server now. Raises as `post_form` does."""
        if self.authentication is not None:
            self.authentication.check(self.server, now=self._now(now))

    def after(self, url: str, response: Response, *, with_challenge: bool = False) -> "Sender":
        """The sender that knows the nonce of an answer from `url`, whatever else it says (RFC 9449 8.2).

        Only the Authorization Server gives challenges: `with_challenge` says that this is an answer of it.
        """
        nonce, origin, sender = _one(response, DPOP_NONCE), url_origin(url), self
        if nonce is not None and origin is not None and self.dpop is not None:
            sender = evolve(sender, nonces={**self.nonces, origin: nonce})
        challenge = _one(response, ATTESTATION_CHALLENGE) if with_challenge and self._takes_challenge else None
        return sender if challenge is None else evolve(sender, challenge=challenge)

    def post_form(self, url: str, parameters: Mapping[str, str], *, now: int | None, read: "Read[T]") -> Exchange[T]:
        """A request to an endpoint of the Authorization Server at which clients authenticate (token, PAR).

        `client_id` and what authenticates are added to `parameters`. `read` gets the answer, and the sender for the next request.
        `now`, in seconds since the epoch, is needed if anything is signed. A challenge is fetched before, where the server has an
        endpoint for that.

        Raises `ValueError` if `now` is missing, or the client authentication is not for this server, and `AttestationExpired`.
        """
        self.check(now)
        endpoint = self.server.challenge_endpoint
        if not self._takes_challenge or endpoint is None or self.challenge is not None:
            return self._post_form(url, parameters, now, read)

        def challenged(response: Response) -> Exchange[T]:
            if refused := server_error(response):
                raise refused
            challenge = ChallengeResponse.from_json(json_object(response)).attestation_challenge
            return evolve(self.after(endpoint, response), challenge=challenge)._post_form(url, parameters, now, read)

        # "sending an HTTP POST request to the URL" -- draft-ietf-oauth-attestation-based-client-auth-07 8
        return Exchange(post(endpoint), challenged)

    def post_json(
        self,
        url: str,
        members: Mapping[str, Any],
        *,
        access_token: str,
        now: int | None,
        read: "Read[T]",
        max_body: int = MAX_BODY,
    ) -> Exchange[T]:
        """A request to a protected endpoint. The Access Token goes into the `Authorization` header, never elsewhere.

        `read` and `now` are as those of `post_form`; `max_body` bounds a successful answer, in bytes.
        """
        return self._post_protected(url, lambda headers: post_json(url, members, headers), access_token, now, read, max_body)

    def post_jwt(
        self, url: str, jwt: bytes, *, access_token: str, now: int | None, read: "Read[T]", max_body: int = MAX_BODY
    ) -> Exchange[T]:
        """As `post_json`, with a JWT as the body; the answer may be one, too (OID4VCI 10)."""

        def made(headers: Mapping[str, str]) -> Request:
            return post(url, jwt, content_type=JWT, headers={"accept": f"{JWT}, {JSON}", **headers})

        return self._post_protected(url, made, access_token, now, read, max_body)

    def _post_protected(
        self,
        url: str,
        finish: Callable[[Mapping[str, str]], Request],
        access_token: str,
        now: int | None,
        read: "Read[T]",
        max_body: int,
    ) -> Exchange[T]:
        def unsigned(sender: "Sender") -> UnsignedRequest:
            headers = {"authorization": f"{sender.scheme} {access_token}", **sender._dpop_header(url, now, access_token)}
            return _unsigned(headers, {}, lambda made, _: finish(made))

        return self._exchange(url, unsigned, read, frozenset((USE_DPOP_NONCE,)), max_body=max_body)

    @property
    def _takes_challenge(self) -> bool:
        return self.authentication is not None and self.authentication.takes_challenge

    def _now(self, now: int | None) -> int:
        if now is None:
            raise ValueError("now is needed: the request has a proof that says when it was made")
        return now

    def _jti(self) -> str:
        return b64url_encode(self.new_secret(JTI_BYTES))

    def _dpop_header(self, url: str, now: int | None, access_token: str | None = None) -> "dict[str, str | UnsignedJwt]":
        if self.dpop is None:
            return {}
        data = dpop_signing_input(
            self.dpop,
            method="POST",
            url=url,
            jti=self._jti(),
            now=self._now(now),
            nonce=self.nonces.get(url_origin(url) or ""),
            access_token=access_token,
        )
        return {"dpop": UnsignedJwt(self.dpop, data)}

    def _credentials(self, now: int | None) -> ClientCredentials:
        if self.authentication is None or self.client_id is None:
            return ClientCredentials()
        return self.authentication.credentials(
            client_id=self.client_id,
            authorization_server=self.server.issuer,
            challenge=self.challenge,
            jti=self._jti(),
            now=self._now(now),
        )

    def _post_form(self, url: str, parameters: Mapping[str, str], now: int | None, read: "Read[T]") -> Exchange[T]:
        def unsigned(sender: "Sender") -> UnsignedRequest:
            credentials = sender._credentials(now)
            named = {} if sender.client_id is None else {"client_id": sender.client_id}
            return _unsigned(
                {**credentials.headers, **sender._dpop_header(url, now)},
                {**parameters, **named, **credentials.parameters},
                lambda headers, form: post_form(url, form, headers),
            )

        def answered(response: Response, sender: Sender) -> T | Exchange[T]:
            # What was fetched was for this request. "The Client MUST use this new Challenge for the next" proof: one in a header.
            # -- draft-ietf-oauth-attestation-based-client-auth-07 8.1
            if self.server.challenge_endpoint is not None and _one(response, ATTESTATION_CHALLENGE) is None:
                sender = evolve(sender, challenge=None)
            return read(response, sender)

        return self._exchange(url, unsigned, answered, frozenset((USE_DPOP_NONCE, USE_ATTESTATION_CHALLENGE)))

    def _exchange(
        self,
        url: str,
        unsigned: "Callable[[Sender], UnsignedRequest]",
        read: "Read[T]",
        codes: frozenset[str],
        *,
        wanted: str | None = None,
        retries: int = MAX_RETRIES,
        max_body: int = MAX_BODY,
    ) -> Exchange[T]:
        """The request, and once more with what the server wants, if that is among `codes` and not what it `wanted` before."""

        def receive(response: Response) -> T | Exchange[T]:
            after = self.after(url, response, with_challenge=USE_ATTESTATION_CHALLENGE in codes)
            for code, header, able in (
                (USE_DPOP_NONCE, DPOP_NONCE, self.dpop is not None),
                (USE_ATTESTATION_CHALLENGE, ATTESTATION_CHALLENGE, self._takes_challenge),
            ):
                asked = able and code in codes and code in error_codes(response) and _one(response, header) is not None
                if asked and code != wanted and retries:
                    return after._exchange(url, unsigned, read, codes, wanted=code, retries=retries - 1, max_body=max_body)
            return read(response, after)

        return Exchange(unsigned(self), receive, max_body=max_body)


def _unsigned(
    headers: Mapping[str, str | UnsignedJwt],
    parameters: Mapping[str, str | UnsignedJwt],
    finish: Callable[[Mapping[str, str], Mapping[str, str]], Request],
) -> UnsignedRequest:
    """A request whose headers and parameters are texts, or JWTs to be signed."""
    jwts = tuple(value for value in (*headers.values(), *parameters.values()) if isinstance(value, UnsignedJwt))

    def finished(signed: Sequence[str]) -> Request:
        remaining = iter(signed)
        made, form = (
            {name: next(remaining) if isinstance(value, UnsignedJwt) else value for name, value in members.items()}
            for members in (headers, parameters)
        )
        return finish(made, form)

    return UnsignedRequest(jwts, finished)
