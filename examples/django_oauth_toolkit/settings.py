"""The settings of the Django project, made by a function: what is secret, and where the database is, comes from outside."""

from pathlib import Path
from urllib.parse import urlsplit

from attrs import field, frozen
from django.conf import settings

from examples.membership import CONFIGURATIONS, club_metadata
from oid4vci.keys import LocalSigner
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.oauth.client_attestation import ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.sealed import SealingKeys

__all__ = ("Club", "configure")


@frozen
class Club:
    """What of the library the project uses; in the settings it is `CLUB`.

    `identifier` is that of the authorization server and of the Credential Issuer, an https URL without path. `keys` seal and
    authenticate what the library hands out, `signer` signs credentials, `attestation` says whose client attestations count.
    """

    identifier: str
    keys: SealingKeys
    signer: LocalSigner
    attestation: ClientAttestation | None
    codes: PreAuthorizedCodes = field(init=False)
    dpop: Dpop = field(init=False)
    metadata: CredentialIssuerMetadata = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "codes", PreAuthorizedCodes(self.keys))
        object.__setattr__(self, "dpop", Dpop(nonces=DpopNonces(self.keys)))
        object.__setattr__(self, "metadata", club_metadata(self.identifier))

    @property
    def token_endpoint(self) -> str:
        """The URL of the token endpoint."""
        return f"{self.identifier}/token"


def configure(club: Club, *, database: Path, secret_key: str) -> None:
    """Configure Django. `database` is the file of SQLite."""
    package = "examples.django_oauth_toolkit"
    settings.configure(
        CLUB=club,
        SECRET_KEY=secret_key,
        ALLOWED_HOSTS=[urlsplit(club.identifier).hostname],
        ROOT_URLCONF=f"{package}.urls",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
            package,
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database,
                # Takes the file's write lock at once: whoever only reads first may find it taken when it wants to write.
                "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        STATIC_URL="/static/",
        LOGIN_URL="/login",
        SESSION_COOKIE_SECURE=True,
        CSRF_COOKIE_SECURE=True,
        DATA_UPLOAD_MAX_MEMORY_SIZE=1 << 20,
        OAUTH2_PROVIDER={
            "OAUTH2_SERVER_CLASS": f"{package}.oauth.WalletServer",
            "OAUTH2_VALIDATOR_CLASS": f"{package}.oauth.WalletValidator",
            "OAUTH2_BACKEND_CLASS": f"{package}.oauth.WalletBackend",
            "SCOPES": {str(each.scope): f"The credential {name}" for name, each in CONFIGURATIONS.items()},
            "DEFAULT_SCOPES": [],
            # A Bearer token lives five minutes at most (OID4VCI 13.10).
            "ACCESS_TOKEN_EXPIRE_SECONDS": 300,
            "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
            "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
        },
    )
