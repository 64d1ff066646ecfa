import django.contrib.postgres.constraints
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import banyan.kernel.models
import banyan.lib.ids
import banyan.modules.engineering.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("company", "0001_initial"),
        ("equipment", "0001_initial"),
        ("items", "0001_initial"),
        ("parties", "0001_initial"),
        ("people", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Bom",
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
                ("revision", models.CharField(max_length=20)),
                ("state", models.CharField(db_index=True, default="draft", max_length=12)),
                ("effective_from", models.DateField(blank=True, null=True)),
                ("effective_to", models.DateField(blank=True, null=True)),
                ("note", models.CharField(blank=True, default="", max_length=255)),
                (
                    "base_quantity",
                    banyan.kernel.models.QuantityField(decimal_places=6, default=1, max_digits=20),
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
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="items.item"
                    ),
                ),
                (
                    "plant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="company.plant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("item", "plant", "revision"),
                        name="engineering_bom_revision_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("draft", "released", "superseded"))),
                        name="engineering_bom_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("effective_to__isnull", True),
                            ("effective_to__gte", models.F("effective_from")),
                            _connector="OR",
                        ),
                        name="engineering_bom_days",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "draft"), ("effective_from__isnull", False), _connector="OR"
                        ),
                        name="engineering_bom_from",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        condition=models.Q(("state", "draft"), _negated=True),
                        expressions=[
                            ("item", "="),
                            (
                                django.db.models.functions.comparison.Coalesce(
                                    "plant",
                                    models.Value(
                                        "00000000-0000-0000-0000-000000000000",
                                        output_field=models.UUIDField(),
                                    ),
                                ),
                                "=",
                            ),
                            (banyan.modules.engineering.models._Days("effective_from", "effective_to"), "&&"),
                        ],
                        name="engineering_bom_one_a_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("base_quantity__gt", 0)), name="engineering_bom_base"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BomLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                ("quantity", banyan.kernel.models.QuantityField(decimal_places=6, max_digits=20)),
                ("is_fixed", models.BooleanField(default=False)),
                (
                    "scrap_percent",
                    banyan.kernel.models.PercentField(decimal_places=4, default=0, max_digits=9),
                ),
                ("operation", models.PositiveIntegerField(blank=True, null=True)),
                ("place", models.CharField(blank=True, default="", max_length=60)),
                ("valid_from", models.DateField(blank=True, null=True)),
                ("valid_to", models.DateField(blank=True, null=True)),
                (
                    "bom",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="engineering.bom",
                    ),
                ),
                (
                    "component",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="items.item"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="engineering_bom_line_quantity"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scrap_percent__gte", 0), ("scrap_percent__lt", 100)),
                        name="engineering_bom_line_scrap",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True),
                            ("valid_from__isnull", True),
                            ("valid_to__gt", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="engineering_bom_line_days",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BomOutput",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                ("kind", models.CharField(default="by", max_length=4)),
                ("quantity", banyan.kernel.models.QuantityField(decimal_places=6, max_digits=20)),
                ("cost_share", banyan.kernel.models.PercentField(decimal_places=4, default=0, max_digits=9)),
                (
                    "bom",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outputs",
                        to="engineering.bom",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="items.item"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("bom", "item"), name="engineering_output_once"),
                    models.CheckConstraint(
                        condition=models.Q(("quantity__gt", 0)), name="engineering_output_quantity"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("cost_share__gte", 0), ("cost_share__lt", 100), ("kind", "co")),
                            models.Q(("cost_share", 0), ("kind", "by")),
                            _connector="OR",
                        ),
                        name="engineering_output_share",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Routing",
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
                ("revision", models.CharField(max_length=20)),
                ("state", models.CharField(db_index=True, default="draft", max_length=12)),
                ("effective_from", models.DateField(blank=True, null=True)),
                ("effective_to", models.DateField(blank=True, null=True)),
                ("note", models.CharField(blank=True, default="", max_length=255)),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="items.item"
                    ),
                ),
                (
                    "plant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="company.plant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("item", "plant", "revision"),
                        name="engineering_routing_revision_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("draft", "released", "superseded"))),
                        name="engineering_routing_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("effective_to__isnull", True),
                            ("effective_to__gte", models.F("effective_from")),
                            _connector="OR",
                        ),
                        name="engineering_routing_days",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "draft"), ("effective_from__isnull", False), _connector="OR"
                        ),
                        name="engineering_routing_from",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        condition=models.Q(("state", "draft"), _negated=True),
                        expressions=[
                            ("item", "="),
                            (
                                django.db.models.functions.comparison.Coalesce(
                                    "plant",
                                    models.Value(
                                        "00000000-0000-0000-0000-000000000000",
                                        output_field=models.UUIDField(),
                                    ),
                                ),
                                "=",
                            ),
                            (banyan.modules.engineering.models._Days("effective_from", "effective_to"), "&&"),
                        ],
                        name="engineering_routing_one_a_day",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RoutingOperation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                ("sequence", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=80)),
                ("name_en", models.CharField(blank=True, default="", max_length=80)),
                (
                    "setup_minutes",
                    banyan.kernel.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                (
                    "run_minutes",
                    banyan.kernel.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                (
                    "queue_minutes",
                    banyan.kernel.models.QuantityField(decimal_places=6, default=0, max_digits=20),
                ),
                (
                    "overlap_quantity",
                    banyan.kernel.models.QuantityField(
                        blank=True, decimal_places=6, max_digits=20, null=True
                    ),
                ),
                (
                    "report_ratio",
                    banyan.kernel.models.QuantityField(decimal_places=6, default=1, max_digits=20),
                ),
                ("predecessors", models.CharField(blank=True, default="", max_length=120)),
                (
                    "yield_percent",
                    banyan.kernel.models.PercentField(decimal_places=4, default=100, max_digits=9),
                ),
                ("instructions", models.TextField(blank=True, default="")),
                ("is_subcontracted", models.BooleanField(default=False)),
                (
                    "subcontract_price",
                    banyan.kernel.models.PriceField(decimal_places=6, default=0, max_digits=20),
                ),
                ("subcontract_days", models.PositiveSmallIntegerField(default=0)),
                ("data", models.JSONField(blank=True, default=list)),
                ("needs_approval", models.BooleanField(default=False)),
                (
                    "routing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="operations",
                        to="engineering.routing",
                    ),
                ),
                (
                    "service_item",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="items.item",
                    ),
                ),
                (
                    "skill",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.skill",
                    ),
                ),
                (
                    "supplier",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="parties.party",
                    ),
                ),
                (
                    "work_centre",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="equipment.workcentre",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("routing", "sequence"), name="engineering_operation_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("queue_minutes__gte", 0),
                            ("run_minutes__gte", 0),
                            ("setup_minutes__gte", 0),
                            ("subcontract_price__gte", 0),
                        ),
                        name="engineering_operation_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("report_ratio__gt", 0),
                            models.Q(
                                ("overlap_quantity__isnull", True),
                                ("overlap_quantity__gt", 0),
                                _connector="OR",
                            ),
                        ),
                        name="engineering_operation_ratio",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("yield_percent__gt", 0), ("yield_percent__lte", 100)),
                        name="engineering_operation_yield",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("work_centre__isnull", False), ("is_subcontracted", True), _connector="OR"
                        ),
                        name="engineering_operation_somewhere",
                    ),
                ],
            },
        ),
    ]
