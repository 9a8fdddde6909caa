"""Django OAuth Toolkit's server, validator and backend, and what the rooms of `oid4vci.oauth` add to them.

`Application`, `Grant` and `AccessToken` are the toolkit's, and oauthlib runs its flows. The library reads and checks what OID4VCI
adds to a request; what it wants to have stored is collected in `request.changes` and stored with the token.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest
from oauth2_provider.models import AbstractApplication, get_application_model
from oauth2_provider.oauth2_backends import OAuthLibCore
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request
from oauthlib.oauth2 import AuthorizationCodeGrant, Server
from oauthlib.oauth2.rfc6749 import errors
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase

from examples.adapters import wsgi
from examples.adapters.endpoints import now
from examples.django_oauth_toolkit.models import AttestedApplication, GrantedCode, GrantedToken
from examples.django_oauth_toolkit.settings import Club
from examples.django_oauth_toolkit.store import Conflict, apply, load
from examples.membership import CONFIGURATIONS
from oid4vci import http
from oid4vci.errors import InvalidGrant, InvalidRequest, Refusal, reading
from oid4vci.http import Form
from oid4vci.metadata import ClientMetadata
from oid4vci.oauth.authorization_requests import requested_credentials
from oid4vci.oauth.client_attestation import METHOD
from oid4vci.oauth.client_authentication import read_client
from oid4vci.oauth.dpop import read_dpop_jkt
from oid4vci.oauth.grants import granted_details
from oid4vci.oauth.pre_authorized import GRANT_TYPE

__all__ = ("WalletBackend", "WalletServer", "WalletValidator", "new_application")


club: Club = settings.CLUB


def received_by_oauthlib(request: Request) -> http.Request:
    """What oauthlib was given by the toolkit: headers as in the environment, the form encoded once more."""
    return http.Request(request.http_method, request.uri, wsgi.headers(request.headers), (request.body or "").encode())


def _form(request: Request) -> Form:
    with reading(InvalidRequest):
        return received_by_oauthlib(request).form()


def begin(request: Request) -> None:
    """What both grants begin with: DPoP (RFC 9449 5). A request that lacks the server's nonce is no attempt at anything."""
    request.jkt, request.changes, request.answer_headers = None, [], {}
    read = club.dpop.read(received_by_oauthlib(request), url=club.token_endpoint)
    if read is not None:
        proof = read.verify(load(read.lookups), now=now())
        request.jkt = proof.jkt
        request.changes += proof.changes
        request.answer_headers |= proof.headers


def complete(token: dict[str, Any], token_handler: Any, request: Request) -> dict[str, Any]:
    """A token modifier of oauthlib: what the library adds to the Token Response."""
    token["token_type"] = "Bearer" if request.jkt is None else "DPoP"
    if request.granted["details"]:
        token["authorization_details"] = request.granted["details"]
    return token


class PreAuthorizedCodeGrant(GrantTypeBase):
    """The pre-authorized code grant (OID4VCI 6.1), as a grant type of oauthlib."""

    def create_token_response(self, request: Request, token_handler: Any) -> tuple[dict[str, str], str, int]:
        """The Token Response. Raises oauthlib's errors and the library's refusals."""
        begin(request)
        self.validate_client_authentication(request)
        self.validate_grant_type(request)
        call = club.codes.read(_form(request), credential_issuers=[club.identifier], client_id=request.client_id)
        grant = call.verify(load(call.lookups), now=now())
        request.user = get_user_model().objects.get(username=grant.subject)
        request.scopes = [CONFIGURATIONS[each].scope for each in grant.configuration_ids]
        request.granted = {
            "configuration_ids": list(grant.configuration_ids),
            "details": [detail.to_json() for detail in grant.details],
            "note": grant.note,
        }
        token = complete(token_handler.create_token(request, refresh_token=False), token_handler, request)
        # The code is consumed by the same transaction that stores the token.
        request.changes.insert(0, grant.redeem(expires_at=now() + token["expires_in"]))
        self.request_validator.save_token(token, request)
        return {**self._get_default_headers(), **request.answer_headers}, json.dumps(token), 200


class WalletCodeGrant(AuthorizationCodeGrant):
    """oauthlib's authorization code grant, with DPoP and what OID4VCI adds to an authorization request."""

    # A refresh token of a public client would have to be bound to its DPoP key, which the toolkit does not check.
    refresh_token = False

    def __init__(self, request_validator: Any) -> None:
        super().__init__(request_validator, pre_token=[begin], post_auth=[self._read_requested])
        self.register_token_modifier(complete)

    @staticmethod
    def _read_requested(request: Request) -> dict[str, Any]:
        """What the wallet asks for. The scopes that the person is asked about are those of all that is asked for."""
        try:
            with reading(InvalidRequest):
                query = Form.parse(request.uri_query)
            request.requested = requested_credentials(query, [club.metadata])
            request.dpop_jkt = read_dpop_jkt(query)
        except Refusal as refusal:
            raise errors.CustomOAuth2Error(refusal.error, description=refusal.description, request=request) from None
        request.scopes = [CONFIGURATIONS[each].scope for each in request.requested.configuration_ids]
        return {}

    def create_token_response(self, request: Request, token_handler: Any) -> tuple[dict[str, str], str, int]:
        # oauthlib comes here with unknown grant types as well, which go no further than this.
        request.answer_headers = {}
        headers, body, status = super().create_token_response(request, token_handler)
        return {**headers, **request.answer_headers}, body, status


class WalletServer(Server):
    """oauthlib's server with these two grants."""

    def __init__(self, request_validator: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(request_validator, *arguments, **options)
        self.auth_grant = WalletCodeGrant(request_validator)
        self.response_types["code"] = self.auth_grant
        # The others that oauthlib has know nothing of DPoP and attestations: a token of theirs would be a way around both.
        self.grant_types.clear()
        self.grant_types["authorization_code"] = self.auth_grant
        self.grant_types[GRANT_TYPE] = PreAuthorizedCodeGrant(request_validator)


class WalletBackend(OAuthLibCore):
    """The toolkit's way from Django to oauthlib, which hands on every parameter: one that is repeated is refused there or here."""

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        return [(name, value) for name, values in request.POST.lists() for value in values]


class WalletValidator(OAuth2Validator):
    """The toolkit's validator: clients, codes and tokens are in its own tables, with a row of ours beside each."""

    # --- clients ---------------------------------------------------------------------------------------------------------

    def client_authentication_required(self, request: Request, *arguments: Any, **options: Any) -> bool:
        return _attests(request) or bool(super().client_authentication_required(request, *arguments, **options))

    def authenticate_client(self, request: Request, *arguments: Any, **options: Any) -> bool:
        """By attestation where there is one: who is registered for that has no other way."""
        if not _attests(request):
            registration = self._registered(request)(request.client_id or "")
            attested = registration is not None and registration.token_endpoint_auth_method == METHOD
            return not attested and bool(super().authenticate_client(request, *arguments, **options))
        read = read_client(
            received_by_oauthlib(request),
            _form(request),
            methods={} if club.attestation is None else {METHOD: club.attestation},
            registered=self._registered(request),
            issuer=club.identifier,
            endpoint=club.token_endpoint,
            anonymous=False,
        )
        client = read.verify(load(read.lookups), keys={}, now=now())
        request.changes += client.changes
        request.answer_headers |= client.headers
        return self._load_application(client.client_id, request) is not None

    def _registered(self, request: Request) -> Callable[[str], ClientMetadata | None]:
        """Registrations as the library knows them."""

        def registered(client_id: str) -> ClientMetadata | None:
            application = self._load_application(client_id, request)
            if application is None:
                return None
            if AttestedApplication.objects.filter(application=application).exists():
                return ClientMetadata(token_endpoint_auth_method=METHOD)
            public = application.client_type == AbstractApplication.CLIENT_PUBLIC
            return ClientMetadata(token_endpoint_auth_method="none" if public else "client_secret_basic")

        return registered

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *arguments: Any, **options: Any
    ) -> bool:
        """A client of the authorization code grant may have offers as well."""
        if grant_type == GRANT_TYPE:
            return bool(client.allows_grant_type(AbstractApplication.GRANT_AUTHORIZATION_CODE))
        return bool(super().validate_grant_type(client_id, grant_type, client, request, *arguments, **options))

    # --- authorization codes ---------------------------------------------------------------------------------------------

    def _create_authorization_code(self, request: Request, code: dict[str, str], expires: datetime | None = None) -> Any:
        asked, ids = request.requested.details, request.requested.configuration_ids
        with transaction.atomic():
            grant = super()._create_authorization_code(request, code, expires)
            GrantedCode.objects.create(
                grant=grant,
                configuration_ids=list(ids),
                details=[detail.to_json() for detail in granted_details(asked, ids, {})],
                jkt=request.dpop_jkt,
            )
        return grant

    def validate_code(self, client_id: str, code: str, client: Any, request: Request, *arguments: Any, **options: Any) -> bool:
        if not super().validate_code(client_id, code, client, request, *arguments, **options):
            return False
        granted = GrantedCode.objects.get(grant__code=code, grant__application=client)
        if granted.jkt not in (None, request.jkt):
            # RFC 9449 10
            raise InvalidGrant("the code is bound to another DPoP key")
        request.granted = {"configuration_ids": granted.configuration_ids, "details": granted.details, "note": granted.note}
        return True

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *arguments: Any, **options: Any
    ) -> None:
        try:
            super().invalidate_authorization_code(client_id, code, request, *arguments, **options)
        except errors.InvalidGrantError:
            # Somebody was faster, and the token is stored already: roll it back.
            raise Conflict from None

    # --- access tokens ---------------------------------------------------------------------------------------------------

    def _create_access_token(
        self, expires: datetime, request: Request, token: dict[str, Any], *arguments: Any, **options: Any
    ) -> Any:
        """The token, what it stands for, and all that the library wants to have stored with it."""
        access_token = super()._create_access_token(expires, request, token, *arguments, **options)
        if request.grant_type in (GRANT_TYPE, "authorization_code"):
            GrantedToken.objects.create(access_token=access_token, jkt=request.jkt, **request.granted)
            apply(request.changes)
        return access_token


def _attests(request: Request) -> bool:
    return club.attestation is not None and club.attestation.applies(received_by_oauthlib(request), Form(()))


def new_application(client_id: str, redirect_uri: str, *, attested: bool = False) -> None:
    """Register a wallet: a public client, or one that authenticates by an attestation."""
    kind = AbstractApplication.CLIENT_CONFIDENTIAL if attested else AbstractApplication.CLIENT_PUBLIC
    application = get_application_model().objects.create(
        client_id=client_id,
        name=client_id,
        client_type=kind,
        authorization_grant_type=AbstractApplication.GRANT_AUTHORIZATION_CODE,
        redirect_uris=redirect_uri,
    )
    if attested:
        AttestedApplication.objects.create(application=application)
