"""Clients with limits and quota, the call log, and the trace that an event belongs to."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import banyan.kernel.models
import banyan.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0002_functions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Call",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("program", models.CharField(max_length=80)),
                ("method", models.CharField(max_length=8)),
                ("path", models.CharField(max_length=200)),
                ("operation", models.CharField(max_length=160)),
                ("status", models.PositiveSmallIntegerField()),
                ("outcome", models.CharField(max_length=8)),
                ("ms", models.FloatField()),
                ("bytes_in", models.BigIntegerField()),
                ("bytes_out", models.BigIntegerField()),
                ("trace", models.CharField(max_length=55, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CallDay",
            fields=[
                ("key", models.UUIDField()),
                ("day", models.DateField()),
                ("calls", models.BigIntegerField(default=0)),
                ("refused", models.BigIntegerField(default=0)),
                ("failed", models.BigIntegerField(default=0)),
                ("throttled", models.BigIntegerField(default=0)),
                ("ms", models.FloatField(default=0)),
                ("bytes_out", models.BigIntegerField(default=0)),
                ("last_at", models.DateTimeField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Client",
            fields=[
                (
                    "id",
                    models.UUIDField(default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                (
                    "changed_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("client_id", models.CharField(editable=False, max_length=100, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=120), default=list, size=None
                    ),
                ),
                ("per_minute", models.PositiveIntegerField(blank=True, null=True)),
                ("per_day", models.PositiveIntegerField(blank=True, null=True)),
                ("state", models.CharField(default="active", max_length=8)),
                ("secret_at", models.DateTimeField(editable=False)),
                ("old_secret", models.CharField(blank=True, default="", editable=False, max_length=255)),
                ("old_until", models.DateTimeField(editable=False, null=True)),
                ("note", models.TextField(blank=True, default="")),
                (
                    "find_text",
                    models.GeneratedField(
                        db_persist=True,
                        expression=banyan.kernel.models._FindText("name", "client_id"),
                        output_field=models.TextField(),
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="per_day",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="per_minute",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="outbox",
            name="trace",
            field=models.CharField(max_length=55, null=True),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("per_minute__isnull", True), ("per_minute__gte", 1), _connector="OR"),
                    models.Q(("per_day__isnull", True), ("per_day__gte", 1), _connector="OR"),
                ),
                name="access_token_quota",
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="token",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="kernel.accesstoken",
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="client",
            name="changed_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="client",
            name="created_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="client",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="client",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="kernel.client",
            ),
        ),
        migrations.AddIndex(
            model_name="client",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func("find_text", function="banyan_bigrams", output_field=models.TextField()), name="client_find"
            ),
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("active", "stopped"))), name="client_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("per_minute__isnull", True), ("per_minute__gte", 1), _connector="OR"),
                    models.Q(("per_day__isnull", True), ("per_day__gte", 1), _connector="OR"),
                ),
                name="client_quota",
            ),
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("old_secret", ""), ("old_until__isnull", True)),
                    models.Q(models.Q(("old_secret", ""), _negated=True), ("old_until__isnull", False)),
                    _connector="OR",
                ),
                name="client_old_secret",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["at", "id"], name="call_at"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("client__isnull", False)), fields=["client", "at"], name="call_client"
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(condition=models.Q(("token__isnull", False)), fields=["token", "at"], name="call_token"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("outcome", "done"), _negated=True), fields=["at"], name="call_not_done"
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["trace"], name="call_trace", opclasses=["varchar_pattern_ops"]),
        ),
    ]
