"""The URLs of the project. The paths are those in the metadata."""

from django.contrib.auth.views import LoginView
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from examples.adapters.django_adapter import urls
from examples.adapters.endpoints import Endpoints
from examples.django_oauth_toolkit import views
from examples.django_oauth_toolkit.issuer import HOST, ISSUER

urlpatterns = [
    path(".well-known/oauth-authorization-server", views.server_metadata),
    path("authorize", views.AuthorizationView.as_view()),
    path("token", views.TokenView.as_view()),
    path("challenge", csrf_exempt(views.challenge)),
    path("login", LoginView.as_view()),
    *urls(Endpoints(role=ISSUER, issuer=ISSUER.identifier), HOST),
]
