"""The endpoints of the toolkit, with the library's law around them."""

from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from oauth2_provider import views

from examples.adapters.django_adapter import answer
from examples.adapters.endpoints import now
from examples.django_oauth_toolkit.settings import Club
from examples.django_oauth_toolkit.store import Conflict, commit
from oid4vci.errors import Refusal
from oid4vci.http import Response
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth.client_attestation import METHOD
from oid4vci.oauth.pre_authorized import GRANT_TYPE
from oid4vci.secret import new_secret

__all__ = ("AuthorizationView", "TokenView", "challenge", "server_metadata")

ATTEMPTS: Final = 5
BUSY: Final = Response.of_json(503, {"error": "temporarily_unavailable"}, {"retry-after": "1"})

club: Club = settings.CLUB


class TokenView(views.TokenView):
    """The toolkit's token endpoint. One request is one transaction: commit, then send."""

    def post(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        for _ in range(ATTEMPTS):
            try:
                with transaction.atomic():
                    response: HttpResponse = super().post(request, *arguments, **options)
            except Refusal as refusal:
                # Rolled back. A wrong transaction code is an answer, and a change: it is counted.
                if commit(refusal.changes):
                    return answer(refusal.reply.response)
            except Conflict:
                continue
            else:
                return response
        return answer(BUSY)


class AuthorizationView(views.AuthorizationView):
    """The toolkit's authorization endpoint. Whatever goes back through the browser says whose it is (RFC 9207)."""

    def redirect(self, redirect_to: str, application: Any) -> HttpResponse:
        separator = "&" if "?" in redirect_to else "?"
        response: HttpResponse = super().redirect(f"{redirect_to}{separator}{urlencode({'iss': club.identifier})}", application)
        return response


def server_metadata(request: HttpRequest) -> JsonResponse:
    """What the authorization server publishes (RFC 8414)."""
    attestation = club.attestation
    metadata = AuthorizationServerMetadata.build(
        issuer=club.identifier,
        authorization_endpoint=f"{club.identifier}/authorize",
        token_endpoint=club.token_endpoint,
        challenge_endpoint=None if attestation is None else f"{club.identifier}/challenge",
        response_types_supported=("code",),
        grant_types_supported=("authorization_code", GRANT_TYPE),
        token_endpoint_auth_methods_supported=("none",) if attestation is None else (METHOD, "none"),
        client_attestation_signing_alg_values_supported=None if attestation is None else attestation.algorithms,
        client_attestation_pop_signing_alg_values_supported=None if attestation is None else attestation.pop_algorithms,
        code_challenge_methods_supported=("S256",),
        dpop_signing_alg_values_supported=club.dpop.algorithms,
        authorization_details_types_supported=("openid_credential",),
        authorization_response_iss_parameter_supported=True,
    )
    return JsonResponse(metadata.to_json())


def challenge(request: HttpRequest) -> HttpResponse:
    """The challenge endpoint of attestation-based client authentication."""
    if club.attestation is None or club.attestation.challenges is None or request.method != "POST":
        raise Http404
    return answer(club.attestation.challenges.response(club.identifier, now=now(), new_secret=new_secret))
