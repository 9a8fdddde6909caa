"""What is stored beside the models of Django OAuth Toolkit, which stay as they are."""

from django.db import models

__all__ = ("AttestedApplication", "GrantedCode", "GrantedToken", "LibraryRecord")


class LibraryRecord(models.Model):
    """A record of the library: one table serves every kind."""

    kind = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    version = models.PositiveIntegerField()
    expires_at = models.BigIntegerField(db_index=True)
    data = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="library_record_key")]


class Granted(models.Model):
    """What a code or a token stands for: credential configurations, `authorization_details`, and the DPoP key it is bound to."""

    configuration_ids = models.JSONField()
    details = models.JSONField()
    note = models.JSONField(null=True)
    jkt = models.CharField(max_length=43, null=True)

    class Meta:
        abstract = True


class GrantedCode(Granted):
    """Beside an authorization code, which is a `Grant`."""

    grant = models.OneToOneField("oauth2_provider.Grant", on_delete=models.CASCADE, related_name="granted")


class GrantedToken(Granted):
    """Beside an `AccessToken`."""

    access_token = models.OneToOneField("oauth2_provider.AccessToken", on_delete=models.CASCADE, related_name="granted")


class AttestedApplication(models.Model):
    """Beside an `Application` that authenticates with `attest_jwt_client_auth` and in no other way."""

    application = models.OneToOneField("oauth2_provider.Application", on_delete=models.CASCADE)
