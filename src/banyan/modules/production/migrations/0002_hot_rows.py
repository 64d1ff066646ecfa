from django.db import migrations


class Migration(migrations.Migration):
    """Leave room on the pages of rows that change with every report, so that updates stay on their page."""

    dependencies = [("production", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE production_operation SET (fillfactor = 60); "
            "ALTER TABLE production_material SET (fillfactor = 70);",
            migrations.RunSQL.noop,
        ),
    ]
