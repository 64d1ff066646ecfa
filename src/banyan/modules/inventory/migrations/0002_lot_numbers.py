"""The sequence that gives lots their numbers where nobody else has: gaps do not matter, so nothing waits for it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE IF NOT EXISTS inventory_lot_number",
            "DROP SEQUENCE IF EXISTS inventory_lot_number",
        )
    ]
