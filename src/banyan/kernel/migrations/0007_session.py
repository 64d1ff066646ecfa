"""Sessions of people, listed and ended one by one. Whoever is signed in when this comes has to sign in again."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import banyan.lib.ids

NOW = django.db.models.functions.datetime.Now()


def _who() -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False, db_index=False, editable=False, null=True, related_name="+",
        on_delete=django.db.models.deletion.DO_NOTHING, to=settings.AUTH_USER_MODEL,
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("kernel", "0006_beside")]
    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("created_at", models.DateTimeField(db_default=NOW, editable=False)),
                ("changed_at", models.DateTimeField(db_default=NOW, editable=False)),
                ("way", models.CharField(editable=False, max_length=8)),
                ("device", models.CharField(blank=True, default="", editable=False, max_length=120)),
                ("address", models.CharField(blank=True, default="", editable=False, max_length=64)),
                ("digest", models.CharField(editable=False, max_length=64, null=True, unique=True)),
                ("seen_at", models.DateTimeField(editable=False)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                ("state", models.CharField(default="open", max_length=5)),
                ("created_by", _who()),
                ("changed_by", _who()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(condition=models.Q(state="open"), fields=["user"], name="session_open"),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(state="open", ended_at__isnull=True)
                | models.Q(state="ended", ended_at__isnull=False, digest__isnull=True),
                name="session_state",
            ),
        ),
    ]
