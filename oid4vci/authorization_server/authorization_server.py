"""The server: its settings, its endpoints, and what it begins itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeAlias

from attrs import Factory, field, frozen

from oid4vci import _json
from oid4vci.authorization_server.authorization_request import (
    MAX_HANDLE,
    REQUEST_URI,
    AuthorizationCall,
    PushedRequestCall,
)
from oid4vci.authorization_server.capabilities import broken_promises, metadata_of
from oid4vci.authorization_server.client_request import read_client_request
from oid4vci.authorization_server.haip import haip_client_authentication, haip_refresh_tokens
from oid4vci.authorization_server.open_endpoints import ChallengeCall
from oid4vci.authorization_server.token_request import TokenCall
from oid4vci.errors import (
    InvalidRequest,
    InvalidRequestUri,
    InvalidTarget,
    MethodNotAllowed,
    NotFound,
    UnsupportedGrantType,
    check_method,
    reading,
)
from oid4vci.http import Form, Request, url_path
from oid4vci.keys import Signer, published_jwks
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    ClientMetadata,
    CredentialIssuerMetadata,
    authorization_server_metadata_url,
)
from oid4vci.oauth import authorization_codes, pre_authorized, refresh_tokens
from oid4vci.oauth.access_tokens import MAX_BEARER_LIFETIME, MintedAccessTokens
from oid4vci.oauth.authorization_codes import AuthorizationCodes
from oid4vci.oauth.client_attestation import Challenges, ClientAttestation
from oid4vci.oauth.client_authentication import ClientAuthenticationMethod, PublicClient
from oid4vci.oauth.dpop import Dpop
from oid4vci.oauth.pre_authorized import PreAuthorized, PreAuthorizedCodes, new_tx_code
from oid4vci.oauth.refresh_tokens import RefreshTokens
from oid4vci.published_document import DocumentCall, PublishedDocument
from oid4vci.secret import NewSecret, new_secret

__all__ = ("AuthorizationServer", "AuthorizationServerCall")

AuthorizationServerCall: TypeAlias = DocumentCall | ChallengeCall | PushedRequestCall | AuthorizationCall | TokenCall


def _issuers(values: Sequence[str | CredentialIssuerMetadata]) -> tuple[str | CredentialIssuerMetadata, ...]:
    if isinstance(values, str):
        raise TypeError("several Credential Issuers are expected, not a string")
    return tuple(values)


def _haip(server: "AuthorizationServer") -> bool:
    return server.haip


def _dpop(server: "AuthorizationServer") -> Dpop | None:
    return Dpop() if server.haip else None


def _public(server: "AuthorizationServer") -> ClientMetadata | None:
    return None if server.haip else ClientMetadata(token_endpoint_auth_method="none")  # noqa: S106  # the name of a method


@frozen(kw_only=True)
class AuthorizationServer:
    """A small authorization server for Credential Issuers.

    - `metadata`: what it publishes (RFC 8414); `AuthorizationServer.at` derives it from the rest. What is published must be what
      is served. `pre-authorized_grant_anonymous_access_supported` decides whether a Token Request with a Pre-Authorized Code may
      come without `client_id`; it is off unless set.
    - `access_tokens`: how Access Tokens are made: `SealedAccessTokens` for issuers that share our keys, `JwtAccessTokens` else.
    - `pre_authorized_codes`, `authorization_codes`, `refresh_tokens`: how the grants are made and redeemed.
    - `credential_issuers`: the issuers it serves, the first one the default; by default its own identifier. The authorization
      code grant needs their metadata, to know what can be asked for.
    - `clients`: those that are registered, by `client_id` (RFC 7591: redirect URIs, keys, authentication method, grant types;
      a list that is absent limits nothing). `other_clients` is what holds for all others, None to refuse them. By default they are
      public clients, which prove nothing by their name; without redirect URIs they can redeem pre-authorized codes only. With
      `haip`, they are refused by default.
    - `client_authentication`: the methods, by the name of the `token_endpoint_auth_method`.
    - `haip`: go by HAIP 1.0, and refuse settings that break it: `ValueError` names each rule. `dpop`, `dpop_required` and
      `scope_required` are then on by default, Wallet Attestations must bring a certificate chain, Refresh Tokens are not rotated.
    - `dpop`: how DPoP proofs are checked, None for Bearer tokens only; `dpop_required` refuses Bearer tokens.
    - `scope_required`: whether an Authorization Request must have a scope, and not `authorization_details` alone (HAIP 4.3).
    - `published_keys`: the keys that Access Tokens are verified with, and those of earlier ones that still must be.
    - `access_token_lifetime`: seconds, at most five minutes for Bearer tokens (OID4VCI 13.10); `bound_access_token_lifetime` for
      tokens that are bound to a key.
    - `request_uri_lifetime`: seconds within which a pushed request must be brought; `login_lifetime`: seconds for the End-User to
      log in and decide.
    """

    metadata: AuthorizationServerMetadata
    access_tokens: MintedAccessTokens
    pre_authorized_codes: PreAuthorizedCodes | None = None
    authorization_codes: AuthorizationCodes | None = None
    refresh_tokens: RefreshTokens | None = None
    credential_issuers: tuple[str | CredentialIssuerMetadata, ...] = field(default=(), converter=_issuers)
    clients: Mapping[str, ClientMetadata] = field(factory=dict)
    haip: bool = False
    other_clients: ClientMetadata | None = Factory(_public, takes_self=True)
    client_authentication: Mapping[str, ClientAuthenticationMethod] = field(factory=lambda: {"none": PublicClient()})
    dpop: Dpop | None = Factory(_dpop, takes_self=True)
    dpop_required: bool = Factory(_haip, takes_self=True)
    scope_required: bool = Factory(_haip, takes_self=True)
    published_keys: Sequence[Signer] = ()
    access_token_lifetime: int = MAX_BEARER_LIFETIME
    bound_access_token_lifetime: int = 3600
    request_uri_lifetime: int = 90
    login_lifetime: int = 600
    new_secret: NewSecret = field(default=new_secret, repr=False)
    _metadata_document: PublishedDocument = field(init=False, repr=False, eq=False)
    _keys_document: PublishedDocument = field(init=False, repr=False, eq=False)
    _identifiers: tuple[str, ...] = field(init=False, repr=False, eq=False)
    _endpoints: "Mapping[str, Callable[[Request], AuthorizationServerCall]]" = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.haip:
            object.__setattr__(self, "client_authentication", haip_client_authentication(self.client_authentication))
            object.__setattr__(self, "refresh_tokens", haip_refresh_tokens(self.refresh_tokens))
        metadata = self.metadata
        broken = broken_promises(self)
        if broken:
            raise ValueError("; ".join(broken))
        identifiers = tuple(each if isinstance(each, str) else each.credential_issuer for each in self.credential_issuers)
        readers: dict[str | None, Callable[[Request], AuthorizationServerCall]] = {
            metadata.authorization_endpoint: self.read_authorization_request,
            metadata.pushed_authorization_request_endpoint: self.read_pushed_request,
            metadata.challenge_endpoint: self.read_challenge_request,
            metadata.jwks_uri if self.published_keys else None: self.read_keys_request,
            metadata.token_endpoint: self.read_token_request,
            authorization_server_metadata_url(self.identifier): self.read_metadata_request,
        }
        endpoints = {url_path(url): reader for url, reader in readers.items() if url is not None}
        object.__setattr__(self, "_endpoints", endpoints)
        object.__setattr__(self, "_identifiers", identifiers or (self.identifier,))
        object.__setattr__(self, "_metadata_document", PublishedDocument(_json.dump_bytes(metadata.to_json())))
        keys = PublishedDocument(_json.dump_bytes(published_jwks(self.published_keys)))
        object.__setattr__(self, "_keys_document", keys)

    @classmethod
    def at(cls, issuer: str, *, metadata: Mapping[str, Any] | None = None, **settings: Any) -> Self:
        """The server at `issuer`, its metadata derived from its other settings and complemented by the members `metadata`.

        Endpoints are `/token`, `/authorize`, `/par`, `/challenge` and `/jwks` below the identifier. Raises `ValueError`.
        """
        if settings.get("haip"):
            settings = {"dpop": Dpop(), **settings}
        return cls(metadata=metadata_of(issuer, settings, metadata or {}), **settings)

    @property
    def identifier(self) -> str:
        """The issuer identifier of the server (RFC 8414 2)."""
        return self.metadata.issuer

    @property
    def issuer_identifiers(self) -> tuple[str, ...]:
        """The identifiers of the Credential Issuers that it serves."""
        return self._identifiers

    @property
    def issuers_metadata(self) -> tuple[CredentialIssuerMetadata, ...]:
        """The metadata of the Credential Issuers that are known."""
        return tuple(each for each in self.credential_issuers if not isinstance(each, str))

    @property
    def challenges(self) -> Challenges | None:
        """How challenges for Client Attestations are made."""
        method = self.client_authentication.get("attest_jwt_client_auth")
        return method.challenges if isinstance(method, ClientAttestation) else None

    def registered(self, client_id: str) -> ClientMetadata | None:
        """What holds for a client; None if it is not known."""
        return self.clients.get(client_id, self.other_clients)

    # --- reading ---------------------------------------------------------------------------------------------------------

    def serves(self, path: str) -> bool:
        """Whether a URL path belongs to one of this server's endpoints."""
        return path in self._endpoints

    def read(self, request: Request) -> AuthorizationServerCall:
        """Read a request to any of the endpoints, found by the path of its URL. Raises `Refusal`."""
        reader = self._endpoints.get(request.path)
        if reader is None:
            raise NotFound("there is no endpoint here")
        return reader(request)

    def read_metadata_request(self, request: Request) -> DocumentCall:
        """A request for the server's metadata (RFC 8414 3.1). Raises `MethodNotAllowed`."""
        check_method(request, "GET")
        return DocumentCall(self._metadata_document, request)

    def read_keys_request(self, request: Request) -> DocumentCall:
        """A request for the server's JWK Set. Raises `MethodNotAllowed`."""
        check_method(request, "GET")
        return DocumentCall(self._keys_document, request)

    def read_challenge_request(self, request: Request) -> ChallengeCall:
        """A request for a challenge; its body is ignored. Raises `MethodNotAllowed`, `NotFound`."""
        check_method(request, "POST")
        challenges = self.challenges
        if challenges is None:
            raise NotFound("this server gives no challenges")
        return ChallengeCall(self, challenges)

    def read_pushed_request(self, request: Request) -> PushedRequestCall:
        """A pushed Authorization Request (RFC 9126 2.1).

        Raises `MethodNotAllowed`, `InvalidRequest`, `InvalidClient`, `InvalidDpopProof`.
        """
        form = self._form(request)
        endpoint = self.metadata.pushed_authorization_request_endpoint or ""
        return PushedRequestCall(self, read_client_request(self, request, form, endpoint=endpoint), form)

    def read_authorization_request(self, request: Request) -> AuthorizationCall:
        """An Authorization Request that a browser brings (OID4VCI 5.1).

        With a `request_uri`, only `client_id` beside it is read: what was pushed counts (RFC 9126 4). Raises `MethodNotAllowed`,
        `InvalidRequest`, `InvalidRequestUri`.
        """
        if request.method not in ("GET", "POST"):
            raise MethodNotAllowed("GET, POST")
        with reading(InvalidRequest):
            form = request.form() if request.method == "POST" else Form.parse(request.query)
        request_uri = form.get("request_uri")
        if request_uri is None:
            return AuthorizationCall(self, form, None)
        handle = request_uri.removeprefix(REQUEST_URI)
        if handle == request_uri or not 1 <= len(handle) <= MAX_HANDLE:
            # Request objects elsewhere are not fetched (RFC 9101 10.4).
            raise InvalidRequestUri("the request_uri is not one that this server gave out")
        return AuthorizationCall(self, form, handle)

    def resume(self, handle: str) -> AuthorizationCall:
        """Take up a request that waits for a decision, by the handle of its `PendingAuthorization`."""
        return AuthorizationCall(self, Form(()), handle[:MAX_HANDLE], resumed=True)

    def read_token_request(self, request: Request) -> TokenCall:
        """A Token Request (OID4VCI 6.1). Parameters that are not known are ignored.

        Raises `MethodNotAllowed`, `InvalidRequest`, `UnsupportedGrantType`, `InvalidClient`, `InvalidDpopProof`, `InvalidTarget`,
        `InvalidAuthorizationDetails`, `InvalidScope`; none of them consumes anything.
        """
        form = self._form(request)
        grant_type = form.get("grant_type")
        if grant_type is None:
            raise InvalidRequest("grant_type is missing")
        if grant_type not in self.metadata.grant_types:
            raise UnsupportedGrantType("the grant type is not supported")
        endpoint = self.metadata.token_endpoint or ""
        offered = grant_type == pre_authorized.GRANT_TYPE
        client = read_client_request(self, request, form, endpoint=endpoint, pre_authorized=offered)
        issuers = self.issuer_identifiers
        grant_call: Any
        if grant_type == authorization_codes.GRANT_TYPE and self.authorization_codes is not None:
            grant_call = self.authorization_codes.read(form, credential_issuers=issuers)
        elif grant_type == refresh_tokens.GRANT_TYPE and self.refresh_tokens is not None:
            grant_call = self.refresh_tokens.read(form, credential_issuers=issuers)
        elif self.pre_authorized_codes is not None:
            client_id = client.client.client_id
            grant_call = self.pre_authorized_codes.read(form, credential_issuers=issuers, client_id=client_id)
        return TokenCall(self, grant_type, client, grant_call, self._resource(form))

    def _form(self, request: Request) -> Form:
        check_method(request, "POST")
        with reading(InvalidRequest):
            return request.form()

    def _resource(self, form: Form) -> str | None:
        """The Credential Issuer that the token is asked for (RFC 8707)."""
        resources = form.all("resource")
        if not set(resources) <= set(self.issuer_identifiers) or len(resources) > 1:
            raise InvalidTarget("resource must be the identifier of one Credential Issuer that this server knows")
        return resources[0] if resources else None

    # --- pre-authorizing ---------------------------------------------------------------------------------------------------

    def pre_authorize(
        self,
        subject: str,
        configuration_ids: Sequence[str],
        *,
        now: int,
        tx_code: str | None = None,
        tx_code_description: str | None = None,
        datasets: Mapping[str, Sequence[str]] | None = None,
        credential_issuer: str | None = None,
        authorization_server: str | None = None,
        client_id: str | None = None,
        note: Any = None,
    ) -> PreAuthorized:
        """A pre-authorized code for `subject`; see `PreAuthorizedCodes.new`. Raises `ValueError`.

        `credential_issuer` is one of those served, by default the first one: nobody else takes the tokens.
        """
        if self.pre_authorized_codes is None:
            raise ValueError("this server makes no pre-authorized codes")
        if credential_issuer not in (None, *self.issuer_identifiers):
            raise ValueError("this server does not serve that Credential Issuer")
        bound = credential_issuer or self.issuer_identifiers[0]
        return self.pre_authorized_codes.new(
            subject,
            configuration_ids,
            now=now,
            new_secret=self.new_secret,
            tx_code=tx_code,
            tx_code_description=tx_code_description,
            datasets=datasets,
            credential_issuer=bound,
            authorization_server=authorization_server,
            client_id=client_id,
            scopes=next((each.scopes for each in self.issuers_metadata if each.credential_issuer == bound), None),
            note=note,
        )

    def new_tx_code(self, length: int = 6) -> str:
        """A numeric Transaction Code to send to the End-User over another channel."""
        return new_tx_code(length, new_secret=self.new_secret)
