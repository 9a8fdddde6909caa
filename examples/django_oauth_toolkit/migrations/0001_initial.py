"""The tables beside those of the toolkit, and the one of the library."""

from django.db import migrations, models


def _id() -> tuple[str, models.BigAutoField]:
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def _granted() -> list[tuple[str, models.Field]]:
    return [
        ("configuration_ids", models.JSONField()),
        ("details", models.JSONField()),
        ("note", models.JSONField(null=True)),
        ("jkt", models.CharField(max_length=43, null=True)),
    ]


def _beside(model: str, **options: str) -> models.OneToOneField:
    return models.OneToOneField(f"oauth2_provider.{model}", on_delete=models.CASCADE, **options)


class Migration(migrations.Migration):
    initial = True
    dependencies = [("oauth2_provider", "0001_initial")]
    operations = [
        migrations.CreateModel("AttestedApplication", [_id(), ("application", _beside("Application"))]),
        migrations.CreateModel("GrantedCode", [_id(), *_granted(), ("grant", _beside("Grant", related_name="granted"))]),
        migrations.CreateModel(
            "GrantedToken", [_id(), *_granted(), ("access_token", _beside("AccessToken", related_name="granted"))]
        ),
        migrations.CreateModel(
            "LibraryRecord",
            [
                _id(),
                ("kind", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("version", models.PositiveIntegerField()),
                ("expires_at", models.BigIntegerField(db_index=True)),
                ("data", models.JSONField()),
            ],
            options={"constraints": [models.UniqueConstraint(fields=["kind", "digest"], name="library_record_key")]},
        ),
    ]
