"""The table of messages is a queue: what is done leaves dead entries at the head of its index, cleared away early."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("integration", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE integration_message SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, "
            "autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_scale_factor = 0.1)",
            "ALTER TABLE integration_message RESET (fillfactor, autovacuum_vacuum_scale_factor, "
            "autovacuum_vacuum_threshold, autovacuum_vacuum_insert_scale_factor)",
        )
    ]
