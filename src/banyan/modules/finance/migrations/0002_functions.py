"""The ledger's own guards: periods read under its lock, entries that balance."""

from pathlib import Path

from django.db import migrations

FUNCTIONS = Path(__file__).parents[1] / "functions.sql"


class Migration(migrations.Migration):
    dependencies = [("finance", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS.read_text(encoding="utf-8"), migrations.RunSQL.noop)]
