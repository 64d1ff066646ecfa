import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Say at which machine a station stands."""

    dependencies = [("station", "0001_initial"), ("equipment", "0001_initial")]

    operations = [
        migrations.AddField(
            "device", "machine",
            models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                to="equipment.machine",
            ),
        ),
    ]  # fmt: skip
