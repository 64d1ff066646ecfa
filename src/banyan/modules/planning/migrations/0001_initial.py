import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import banyan.kernel.models
import banyan.lib.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("company", "0001_initial"),
        ("items", "0002_sorted_by_name"),
        ("parties", "0002_sorted_by_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "changed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("number", models.CharField(editable=False, max_length=40, null=True, unique=True)),
                ("planned_at", models.DateTimeField()),
                ("planned_on", models.DateField()),
                ("is_trial", models.BooleanField(default=False)),
                ("is_current", models.BooleanField(default=False)),
                (
                    "rush",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                ("order_count", models.PositiveIntegerField(default=0)),
                ("new_count", models.PositiveIntegerField(default=0)),
                ("changed_count", models.PositiveIntegerField(default=0)),
                ("gone_count", models.PositiveIntegerField(default=0)),
                ("message_count", models.PositiveIntegerField(default=0)),
                ("untold_count", models.PositiveIntegerField(default=0)),
                ("late_count", models.PositiveIntegerField(default=0)),
                (
                    "fingerprint",
                    models.CharField(blank=True, default="", editable=False, max_length=64),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "plant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="company.plant"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["planned_at", "id"], name="planning_run_at"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_current", True)),
                        fields=("plant",),
                        name="planning_run_one_current",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_current", True), ("is_trial", True), _negated=True),
                        name="planning_run_trial_is_not_current",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlannedOrder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "changed_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("number", models.CharField(editable=False, max_length=40, null=True, unique=True)),
                ("kind", models.CharField(max_length=4)),
                ("quantity", banyan.kernel.models.QuantityField(decimal_places=6, max_digits=20)),
                ("starts_on", models.DateField()),
                ("due_on", models.DateField()),
                ("ready_on", models.DateField()),
                ("priority", models.CharField(default="normal", max_length=8)),
                ("state", models.CharField(default="planned", max_length=10)),
                ("result_noun", models.CharField(blank=True, default="", editable=False, max_length=80)),
                ("result", models.UUIDField(editable=False, null=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="items.item",
                    ),
                ),
                (
                    "plant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="company.plant",
                    ),
                ),
                (
                    "supplier",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="parties.party",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="planning.run",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "converted"), _negated=True),
                        fields=["plant", "state"],
                        name="planning_order_open",
                    ),
                    models.Index(fields=["due_on", "id"], name="planning_order_due"),
                    models.Index(fields=["item"], name="planning_order_item"),
                    models.Index(
                        condition=models.Q(("result__isnull", False)),
                        fields=["result"],
                        name="planning_order_result",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="planning_order_quantity"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("due_on__gte", models.F("starts_on"))), name="planning_order_days"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("make", "buy"))), name="planning_order_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("planned", "firm", "converted"))),
                        name="planning_order_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("result__isnull", False), ("state", "converted")),
                            models.Q(
                                models.Q(("state", "converted"), _negated=True), ("result__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="planning_order_result",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("priority__in", ("urgent", "normal", "safety"))),
                        name="planning_order_priority",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Peg",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=banyan.lib.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("quantity", banyan.kernel.models.QuantityField(decimal_places=6, max_digits=20)),
                ("supply_noun", models.CharField(max_length=80)),
                ("supply", models.UUIDField(null=True)),
                ("supply_line", models.UUIDField(null=True)),
                ("supply_on", models.DateField()),
                ("demand_noun", models.CharField(max_length=80)),
                ("demand", models.UUIDField()),
                ("demand_line", models.UUIDField(null=True)),
                ("demand_on", models.DateField()),
                ("priority", models.CharField(max_length=8)),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="items.item",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="planning.run",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["run", "supply"], name="planning_peg_supply"),
                    models.Index(fields=["run", "demand"], name="planning_peg_demand"),
                    models.Index(fields=["run", "item"], name="planning_peg_item"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.contrib.postgres.functions.RandomUUID(),
                        default=banyan.lib.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("quantity", banyan.kernel.models.QuantityField(decimal_places=6, max_digits=20)),
                ("is_current", models.BooleanField(default=False)),
                ("kind", models.CharField(max_length=12)),
                ("day", models.DateField(null=True)),
                ("wanted_on", models.DateField(null=True)),
                ("days_late", models.IntegerField(default=0)),
                ("supply_noun", models.CharField(blank=True, default="", max_length=80)),
                ("supply", models.UUIDField(null=True)),
                ("supply_line", models.UUIDField(null=True)),
                ("demand_noun", models.CharField(blank=True, default="", max_length=80)),
                ("demand", models.UUIDField(null=True)),
                ("demand_line", models.UUIDField(null=True)),
                ("text_zh", models.CharField(max_length=500)),
                ("text_en", models.CharField(max_length=500)),
                (
                    "cause_item",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="items.item",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="items.item",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="planning.run",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["run", "-days_late", "id"], name="planning_message_run"),
                    models.Index(
                        condition=models.Q(("is_current", True)),
                        fields=["-days_late", "id"],
                        name="planning_message_current",
                    ),
                ],
            },
        ),
    ]
