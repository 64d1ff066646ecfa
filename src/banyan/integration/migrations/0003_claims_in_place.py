"""A claim changes a message where it lies, without touching an index: half of each page is left for that."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("integration", "0002_queue")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE integration_message SET (fillfactor = 50)",
            "ALTER TABLE integration_message SET (fillfactor = 80)",
        )
    ]
