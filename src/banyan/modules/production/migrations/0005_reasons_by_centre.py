import django.db.models.deletion
from django.db import migrations, models

import banyan.lib.ids


class Migration(migrations.Migration):
    """Name the work centres at which a defect reason is offered; without any it is offered everywhere, as before."""

    dependencies = [("production", "0004_split_half_way"), ("equipment", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="DefectReasonCentre",
            fields=[
                (
                    "id",
                    models.UUIDField(default=banyan.lib.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "reason",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="centres",
                        to="production.defectreason",
                    ),
                ),
                (
                    "work_centre",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="equipment.workcentre"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reason", "work_centre"), name="production_defect_reason_centre_once"
                    )
                ],
            },
        ),
    ]  # fmt: skip
