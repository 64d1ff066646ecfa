"""The aisle's number of a place: in which order a walk through the store passes it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_lot_numbers")]

    operations = [
        migrations.AddField(
            model_name="location",
            name="walk_order",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
