"""Authlib's authorization server, and what the rooms of `oid4vci.oauth` add to it.

Clients, users, codes, tokens and endpoints are Authlib's. The library reads and checks what OID4VCI adds to a request; what it
wants to have stored goes into the transaction that stores the token.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import flask
from attrs import evolve, frozen
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter

from examples.adapters.flask_adapter import answer, received
from examples.authlib_server.database import AuthorizationCode, Client, Database, Token
from oid4vci.errors import InvalidGrant, InvalidRequest, Refusal, reading
from oid4vci.http import Form, Response
from oid4vci.metadata import ClientMetadata, CredentialIssuerMetadata
from oid4vci.oauth.authorization_requests import RequestedCredentials, requested_credentials
from oid4vci.oauth.client_attestation import METHOD, ClientAttestation
from oid4vci.oauth.client_authentication import read_client
from oid4vci.oauth.dpop import Dpop, read_dpop_jkt
from oid4vci.oauth.grants import RedeemableGrant, granted_details
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorizedCodes
from oid4vci.records import Change

__all__ = ("TOKEN_LIFETIME", "Rooms", "WalletServer")

TOKEN_LIFETIME: Final = 300
CODE_LIFETIME: Final = 60
ATTEMPTS: Final = 5
BUSY: Final = Response.of_json(503, {"error": "temporarily_unavailable"}, {"retry-after": "1"})


class Conflict(Exception):
    """What the answer stands on has changed since it was read. Nothing was stored: run the request again."""


@frozen(kw_only=True)
class Rooms:
    """What of the library the server uses. `identifier` is that of the server, `token_endpoint` the URL it publishes."""

    identifier: str
    token_endpoint: str
    issuer: CredentialIssuerMetadata
    codes: PreAuthorizedCodes
    dpop: Dpop
    attestation: ClientAttestation | None
    clock: Callable[[], int]


class WalletRequest(FlaskOAuth2Request):
    """Authlib's request, and what the library has found in it."""

    def __init__(self, request: flask.Request, now: int) -> None:
        super().__init__(request)
        # The body is kept: once Flask has read a form, it is gone.
        self.http = evolve(received(request), body=request.get_data(cache=True))
        self.now = now
        self.jkt: str | None = None
        """The thumbprint of the DPoP key."""
        self.changes: list[Change] = []
        """To be stored with the token."""
        self.answer_headers: dict[str, str] = {}

    @property
    def parameters(self) -> Form:
        """The body's parameters, each once."""
        with reading(InvalidRequest):
            return self.http.form()


@frozen
class Granted:
    """What a code stands for: configurations, the `authorization_details` of the Token Response, and the application's note."""

    configuration_ids: Sequence[str]
    details: Sequence[dict[str, Any]]
    note: Any = None


class WalletGrant:
    """What both grants gain: DPoP, client attestation, and one transaction for all that an answer stands on."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD, "none")
    server: "WalletServer"
    request: WalletRequest
    granted: Granted

    def check_dpop(self) -> None:
        """RFC 9449 5. To be called first: a request that lacks the server's nonce is no attempt at anything."""
        rooms, request = self.server.rooms, self.request
        read = rooms.dpop.read(request.http, url=rooms.token_endpoint)
        if read is not None:
            proof = read.verify(self.server.database.load(read.lookups), now=request.now)
            request.jkt = proof.jkt
            request.changes += proof.changes
            request.answer_headers |= proof.headers

    def save_token(self, token: dict[str, Any]) -> None:
        """Complete the Token Response, and store everything."""
        request, granted = self.request, self.granted
        token["token_type"] = "Bearer" if request.jkt is None else "DPoP"
        if granted.details:
            token["authorization_details"] = list(granted.details)
        stored = Token(
            access_token=token["access_token"],
            client_id=request.client.client_id,
            subject=request.user,
            expires_at=request.now + token["expires_in"],
            jkt=request.jkt,
            configuration_ids=granted.configuration_ids,
            details=granted.details,
            note=granted.note,
        )
        if not self.server.database.save_token(stored, request.changes, request.authorization_code):
            raise Conflict
        # Authlib answers with these after the token has been saved.
        self.TOKEN_RESPONSE_HEADER = [*BaseGrant.TOKEN_RESPONSE_HEADER, *request.answer_headers.items()]


class PreAuthorizedCodeGrant(WalletGrant, BaseGrant, TokenEndpointMixin):
    """The pre-authorized code grant (OID4VCI 6.1)."""

    GRANT_TYPE = GRANT_TYPE
    redeemable: RedeemableGrant

    def validate_token_request(self) -> None:
        self.check_dpop()
        server, request = self.server, self.request
        request.client = self.authenticate_token_endpoint_client()
        call = server.rooms.codes.read(
            request.parameters, credential_issuers=[server.rooms.identifier], client_id=request.client.client_id
        )
        grant = self.redeemable = call.verify(server.database.load(call.lookups), now=request.now)
        self.granted = Granted(grant.configuration_ids, [detail.to_json() for detail in grant.details], grant.note)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        request = self.request
        request.user = self.redeemable.subject
        token = self.generate_token(user=request.user, include_refresh_token=False)
        # The code is consumed by the same transaction that stores the token.
        request.changes.insert(0, self.redeemable.redeem(expires_at=request.now + token["expires_in"]))
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class CodeGrant(WalletGrant, AuthorizationCodeGrant):
    """Authlib's authorization code grant. What the wallet asks for, and what it is granted, is kept with Authlib's own code."""

    requested: RequestedCredentials
    jkt: str | None

    def validate_authorization_request(self) -> str:
        redirect_uri: str = super().validate_authorization_request()
        try:
            with reading(InvalidRequest):
                query = Form.parse(self.request.http.query)
            self.requested = requested_credentials(query, [self.server.rooms.issuer])
            self.jkt = read_dpop_jkt(query)
        except Refusal as refusal:
            error = OAuth2Error(error=refusal.error, description=refusal.description, redirect_uri=redirect_uri)
            raise error from None
        return redirect_uri

    def save_authorization_code(self, code: str, request: WalletRequest) -> None:
        asked, ids = self.requested.details, self.requested.configuration_ids
        self.server.database.save_code(
            AuthorizationCode(
                code=code,
                client_id=request.client.client_id,
                subject=request.user,
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                code_challenge=request.payload.data.get("code_challenge"),
                code_challenge_method=request.payload.data.get("code_challenge_method"),
                expires_at=request.now + CODE_LIFETIME,
                jkt=self.jkt,
                configuration_ids=list(ids),
                details=[detail.to_json() for detail in granted_details(asked, ids, {})],
            )
        )

    def validate_token_request(self) -> None:
        self.check_dpop()
        super().validate_token_request()
        code: AuthorizationCode = self.request.authorization_code
        if code.jkt not in (None, self.request.jkt):
            # RFC 9449 10
            raise InvalidGrant("the code is bound to another DPoP key")
        self.granted = Granted(code.configuration_ids, code.details)

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:
        return self.server.database.code(code, client.client_id, now=self.request.now)

    def authenticate_user(self, authorization_code: AuthorizationCode) -> str:
        return authorization_code.subject

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """Done: `save_token` has deleted it, in the transaction that stored the token."""


class S256(CodeChallenge):
    """PKCE without the method `plain` (RFC 9700 2.1.1)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


@frozen
class Iss(IssuerParameter):
    """Authlib's `iss` parameter of authorization responses."""

    identifier: str

    def get_issuer(self) -> str:
        return self.identifier


class WalletServer(AuthorizationServer):
    """Authlib's server for Flask, for wallets."""

    def __init__(self, app: flask.Flask, database: Database, rooms: Rooms) -> None:
        super().__init__(app, database.client)
        self.database, self.rooms = database, rooms
        self.register_grant(PreAuthorizedCodeGrant)
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_client_auth_method(METHOD, self._attested_client)

    def create_oauth2_request(self, request: Any) -> WalletRequest:
        return WalletRequest(flask.request, self.rooms.clock())

    def handle_response(self, status: int, payload: Any, headers: Any) -> flask.Response:
        response: flask.Response = super().handle_response(status, payload, headers)
        # Every answer that goes through the browser says whose it is, errors as well (RFC 9207 2).
        Iss(self.rooms.identifier).add_issuer_parameter(self, response)
        return response

    def create_token_response(self, request: Any = None) -> flask.Response:
        """Authlib's answer, or the library's where it refuses: commit, then send."""
        for _ in range(ATTEMPTS):
            try:
                response: flask.Response = super().create_token_response(request)
            except Refusal as refusal:
                # A wrong transaction code is an answer, and a change: it is counted.
                if self.database.commit(refusal.changes):
                    return answer(refusal.reply.response)
            except Conflict:
                continue
            else:
                return response
        return answer(BUSY)

    def _attested_client(self, query_client: Callable[[str], Client | None], request: WalletRequest) -> Client | None:
        """A client authentication method of Authlib: None if the client does not try it."""
        rooms, form = self.rooms, request.parameters
        if rooms.attestation is None or not rooms.attestation.applies(request.http, form):
            return None

        def registered(client_id: str) -> ClientMetadata | None:
            client = query_client(client_id)
            return None if client is None else ClientMetadata(token_endpoint_auth_method=client.token_endpoint_auth_method)

        read = read_client(
            request.http,
            form,
            methods={METHOD: rooms.attestation},
            registered=registered,
            issuer=rooms.identifier,
            endpoint=rooms.token_endpoint,
            anonymous=False,
        )
        client = read.verify(self.database.load(read.lookups), keys={}, now=request.now)
        request.changes += client.changes
        request.answer_headers |= client.headers
        return query_client(read.client_id or "")
