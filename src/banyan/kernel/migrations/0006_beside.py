"""What lies beside a record goes with it: the function of the triggers, and an index for inbox items done long ago."""

from pathlib import Path

from django.db import migrations, models

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"


class Migration(migrations.Migration):
    dependencies = [("kernel", "0005_spantally")]
    operations = [
        migrations.RunSQL(FUNCTIONS.read_text(encoding="utf-8"), migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="inboxitem", name="inbox_about"),
        migrations.AddIndex(
            model_name="inboxitem", index=models.Index(fields=["record"], name="inbox_about")
        ),
    ]
