"""What an import made and changed: a row each instead of two lists that have to be held whole."""

import django.db.models.deletion
from django.db import migrations, models

_MOVE = """
    INSERT INTO kernel_importrow (batch_id, record, old, version)
    SELECT b.id, m.record, NULL, 1
    FROM kernel_importbatch b, unnest(b.made) WITH ORDINALITY m(record, place) ORDER BY b.created_at, m.place;
    INSERT INTO kernel_importrow (batch_id, record, old, version)
    SELECT b.id, (c.value ->> 'id')::uuid, c.value -> 'old', (c.value ->> 'version')::int
    FROM kernel_importbatch b, jsonb_array_elements(b.changed) WITH ORDINALITY c(value, place)
    ORDER BY b.created_at, c.place;
"""
_COUNT = """
    UPDATE kernel_importbatch b SET made = n.made, changed = n.changed
    FROM (SELECT batch_id, count(*) FILTER (WHERE old IS NULL) AS made, count(old) AS changed
          FROM kernel_importrow GROUP BY batch_id) n
    WHERE n.batch_id = b.id
"""


class Migration(migrations.Migration):
    dependencies = [("kernel", "0007_session")]
    operations = [
        migrations.CreateModel(
            name="ImportRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("record", models.UUIDField()),
                ("old", models.JSONField(null=True)),
                ("version", models.PositiveIntegerField()),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="kernel.importbatch",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(_MOVE, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="importbatch", name="made"),
        migrations.RemoveField(model_name="importbatch", name="changed"),
        migrations.AddField(
            model_name="importbatch", name="made", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="importbatch", name="changed", field=models.PositiveIntegerField(default=0)
        ),
        migrations.RunSQL(_COUNT, migrations.RunSQL.noop),
    ]
