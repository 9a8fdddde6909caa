"""The authorization server, for those who have none: read, verify, decide, finish.

It is made of the rooms in `oid4vci.oauth`, which an existing server uses one by one instead.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from oid4vci import _json
from oid4vci._document import strings
from oid4vci.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidTarget,
    NotFound,
    UnsupportedGrantType,
    check_method,
    reading,
)
from oid4vci.http import Form, Request, Response, url_path
from oid4vci.keys import KeyReference, ResolvedKeys, SigningInput
from oid4vci.metadata import AuthorizationServerMetadata, authorization_server_metadata_url
from oid4vci.metadata.finding import publishing_errors
from oid4vci.oauth.access_tokens import MAX_BEARER_LIFETIME, SealedAccessTokens
from oid4vci.oauth.pre_authorized import (
    GRANT_TYPE,
    PreAuthorized,
    PreAuthorizedCall,
    PreAuthorizedCodes,
    RedeemableGrant,
    new_tx_code,
)
from oid4vci.records import Key, Records, Reply
from oid4vci.secret import NewSecret, new_secret

__all__ = (
    "AuthorizationServer",
    "AuthorizationServerCall",
    "ServerMetadataCall",
    "TokenCall",
    "TokenDraft",
    "TokenOrder",
)

# What is published must be what is served.
_NOT_SERVED = (
    "authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "challenge_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)


MAX_CLIENT_ID = 2048


def _set(values: Collection[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(strings(values))


@frozen
class AuthorizationServer:
    """A small authorization server for Credential Issuers that share its keys.

    - `metadata`: what it publishes (RFC 8414). `pre-authorized_grant_anonymous_access_supported` decides whether a Token Request
      may come without `client_id`; it is off unless set.
    - `codes`, `access_tokens`: how pre-authorized codes and Access Tokens are made.
    - `credential_issuers`: the identifiers of the issuers it serves, the first one the default; by default its own identifier.
    - `public_clients`: the `client_id` values it knows, None for any: a public client proves nothing by its name.
    - `access_token_lifetime`: seconds, at most five minutes for Bearer tokens (OID4VCI 13.10).
    """

    metadata: AuthorizationServerMetadata
    codes: PreAuthorizedCodes
    access_tokens: SealedAccessTokens
    credential_issuers: tuple[str, ...] = field(default=(), converter=strings)
    public_clients: Collection[str] | None = field(default=None, converter=_set)
    access_token_lifetime: int = MAX_BEARER_LIFETIME
    new_secret: NewSecret = field(default=new_secret, repr=False)
    _metadata_json: bytes = field(init=False, repr=False, eq=False)
    _endpoints: "Mapping[str, Callable[[Request], AuthorizationServerCall]]" = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        metadata = self.metadata
        broken = publishing_errors(metadata.findings())
        if metadata.token_endpoint is None:
            broken.append("token_endpoint: is missing")
        if GRANT_TYPE not in (metadata.grant_types_supported or ()):
            broken.append(f"grant_types_supported: must have {GRANT_TYPE}")
        for name in _NOT_SERVED:
            if getattr(metadata, name) is not None:
                broken.append(f"{name}: this server does not serve it")
        if not set(metadata.grant_types_supported or ()) <= {GRANT_TYPE}:
            broken.append("grant_types_supported: has a grant type that this server does not serve")
        if not set(metadata.token_endpoint_auth_methods_supported or ()) <= {"none"}:
            broken.append("token_endpoint_auth_methods_supported: has a method that this server does not support")
        if not 1 <= self.access_token_lifetime <= MAX_BEARER_LIFETIME:
            # "Long-lived Access Tokens ... MUST not be issued unless sender-constrained." -- OID4VCI 13.10
            broken.append(f"access_token_lifetime: must be 1 to {MAX_BEARER_LIFETIME} seconds for Bearer tokens")
        if broken:
            raise ValueError("; ".join(broken))
        endpoints = {
            url_path(authorization_server_metadata_url(self.identifier)): self.read_metadata_request,
            url_path(metadata.token_endpoint or ""): self.read_token_request,
        }
        object.__setattr__(self, "_endpoints", endpoints)
        object.__setattr__(self, "credential_issuers", self.credential_issuers or (self.identifier,))
        object.__setattr__(self, "_metadata_json", _json.dump_bytes(metadata.to_json()))

    @property
    def identifier(self) -> str:
        """The issuer identifier of the server (RFC 8414 2)."""
        return self.metadata.issuer

    def serves(self, path: str) -> bool:
        """Whether a URL path belongs to one of this server's endpoints."""
        return path in self._endpoints

    def read(self, request: Request) -> "AuthorizationServerCall":
        """Read a request to any of the endpoints, found by the path of its URL. Raises `Refusal`."""
        reader = self._endpoints.get(request.path)
        if reader is None:
            raise NotFound("there is no endpoint here")
        return reader(request)

    def read_metadata_request(self, request: Request) -> "ServerMetadataCall":
        """A request for the server's metadata (RFC 8414 3.1). Raises `MethodNotAllowed`."""
        check_method(request, "GET")
        return ServerMetadataCall(self)

    def read_token_request(self, request: Request) -> "TokenCall":
        """A Token Request (OID4VCI 6.1). Parameters that are not known are ignored.

        Raises `MethodNotAllowed`, `InvalidRequest`, `UnsupportedGrantType`, `InvalidClient`, `InvalidTarget`,
        `InvalidAuthorizationDetails`; none of them consumes anything.
        """
        check_method(request, "POST")
        with reading(InvalidRequest):
            form = request.form()
        if form.get("grant_type") is None:
            raise InvalidRequest("grant_type is missing")
        if form.get("grant_type") != GRANT_TYPE:
            raise UnsupportedGrantType("the grant type is not supported")
        client_id = self._identify_client(request, form)
        call = self.codes.read(form, credential_issuers=self.credential_issuers, client_id=client_id)
        return TokenCall(self, call, self._resource(form))

    def _identify_client(self, request: Request, form: Form) -> str | None:
        """The client: a public one proves nothing, None is anonymous."""
        if "authorization" in request.headers:
            raise InvalidClient("this client authentication method is not supported", challenge='Basic realm="token"')
        if form.get("client_assertion") is not None or form.get("client_secret") is not None:
            raise InvalidClient("this client authentication method is not supported")
        client_id = form.get("client_id")
        if client_id is None:
            if not self.metadata.anonymous_access:
                raise InvalidClient("client_id is missing, and anonymous access is not supported")
        elif len(client_id) > MAX_CLIENT_ID or (self.public_clients is not None and client_id not in self.public_clients):
            raise InvalidClient("the client is not known")
        return client_id

    def _resource(self, form: Form) -> str | None:
        """The Credential Issuer that the token is asked for (RFC 8707)."""
        resources = form.all("resource")
        if not set(resources) <= set(self.credential_issuers) or len(resources) > 1:
            raise InvalidTarget("resource must be the identifier of one Credential Issuer that this server knows")
        return resources[0] if resources else None

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
        if credential_issuer not in (None, *self.credential_issuers):
            raise ValueError("this server does not serve that Credential Issuer")
        return self.codes.new(
            subject,
            configuration_ids,
            now=now,
            new_secret=self.new_secret,
            tx_code=tx_code,
            tx_code_description=tx_code_description,
            datasets=datasets,
            credential_issuer=credential_issuer or self.credential_issuers[0],
            authorization_server=authorization_server,
            client_id=client_id,
            note=note,
        )

    def new_tx_code(self, length: int = 6) -> str:
        """A numeric Transaction Code to send to the End-User over another channel."""
        return new_tx_code(length, new_secret=self.new_secret)


@frozen
class ServerMetadataCall:
    """A request for the server's metadata."""

    server: AuthorizationServer
    lookups: tuple[Key, ...] = field(default=(), init=False)
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    def verify(self, records: Records, *, keys: ResolvedKeys, now: int) -> Reply:
        """The metadata as JSON."""
        return Reply(Response(200, {"content-type": "application/json"}, self.server._metadata_json))


@frozen
class TokenCall:
    """A Token Request: parsed, nothing believed."""

    server: AuthorizationServer = field(repr=False)
    grant_call: PreAuthorizedCall
    resource: str | None
    key_refs: tuple[KeyReference, ...] = field(default=(), init=False)

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The grant's record."""
        return self.grant_call.lookups

    def verify(self, records: Records, *, keys: ResolvedKeys | None = None, now: int) -> "TokenOrder":
        """Check the grant; nothing is consumed yet.

        Raises what `PreAuthorizedCall.verify` raises (commit its changes), and `InvalidTarget` if the token is asked for another
        Credential Issuer than the one the grant is bound to.
        """
        grant = self.grant_call.verify(records, now=now)
        located = [set(detail.locations) for detail in grant.details if detail.locations is not None]
        served = [
            each
            for each in self.server.credential_issuers
            if grant.credential_issuer in (None, each)
            and self.resource in (None, each)
            and all(each in some for some in located)
        ]
        if not served:
            raise InvalidTarget("no Credential Issuer is the one of the grant, of resource and of all locations")
        credential_issuer = served[0]
        return TokenOrder(self.server, grant, credential_issuer, now)


@frozen
class TokenOrder:
    """A verified Token Request: the application may `issue` a token or `deny` it."""

    server: AuthorizationServer = field(repr=False)
    grant: RedeemableGrant
    credential_issuer: str
    now: int

    @property
    def subject(self) -> str:
        """Whom the grant is about."""
        return self.grant.subject

    def issue(self, *, extra: Mapping[str, Any] | None = None) -> "TokenDraft":
        """A token for all that the grant allows. `extra` are further members of the Token Response (OID4VCI 6.2)."""
        return TokenDraft(self, dict(extra or {}))

    def deny(self, description: str = "") -> Reply:
        """Refuse, leaving the code as it is."""
        return InvalidGrant(description).reply


@frozen
class TokenDraft:
    """A Token Response. A sealed token needs no signature."""

    order: TokenOrder
    extra: Mapping[str, Any] = field(repr=False)
    to_sign: tuple[SigningInput, ...] = field(default=(), init=False)

    def finish(self, signatures: Sequence[bytes] = ()) -> Reply:
        """The Token Response (OID4VCI 6.2). Its first change consumes the code: of several equal requests one is answered."""
        server, grant = self.order.server, self.order.grant
        expires_at = self.order.now + server.access_token_lifetime
        token = server.access_tokens.new(
            grant.grant.key,
            credential_issuer=self.order.credential_issuer,
            expires_at=expires_at,
            new_secret=server.new_secret,
        )
        body: dict[str, Any] = {
            **self.extra,
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": server.access_token_lifetime,
        }
        if grant.details:
            body["authorization_details"] = [detail.to_json() for detail in grant.details]
        return Reply(Response.of_json(200, body), (grant.redeem(expires_at=expires_at),))


AuthorizationServerCall: TypeAlias = ServerMetadataCall | TokenCall
